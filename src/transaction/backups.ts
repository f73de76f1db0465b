/**
 * The hosts of our own server, in the order in which they are tried: the outbound proxies of the settings, or the
 * domain. A request whose first Route is the first of several may go by any of them, and then has that one's URI there.
 * RFC 3263 §4.3. A second account has hosts of its own; they follow those of the first one, and a request changes over
 * among the hosts of one account only.
 * Not here: which one is tried when (transport.ts, failover.ts), and the addresses of one name (resolver.ts).
 */
import { equal, equalNoCase, NONE, octets } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { Uri } from "../wire/uri.js";
import type { Target } from "./flow.js";

/** The most hosts of one account. */
export const BACKUPS_MOST = 3;
const ROUTE = octets("\r\nRoute: <");
const CR = 13;
const LF = 10;
const NO_TEXTS: readonly Uint8Array[] = [];

export class Backups {
  /** One for each host; its octets are those that stand between `<` and `>` of a Route. */
  readonly uris: Uri[] = [];
  /** The number of the second account's first host. */
  second = 0;
  /** The TRANSPORT_* of the hosts that name none, of each account. */
  private transport = 0;
  private secondTransport = 0;
  private texts: Uint8Array[] = [];

  /**
   * @param texts URIs of which the first BACKUPS_MOST count @param transport TRANSPORT_* of those that name none
   * @param secondTexts @param secondTransport the same of a second account
   */
  configure(texts: readonly Uint8Array[], transport: number, secondTexts = NO_TEXTS, secondTransport = 0): void {
    this.transport = transport;
    this.secondTransport = secondTransport;
    this.uris.length = 0;
    this.texts = [];
    this.add(texts);
    this.second = this.uris.length;
    this.add(secondTexts);
  }

  private add(texts: readonly Uint8Array[]): void {
    for (let i = 0; i < texts.length && i < BACKUPS_MOST; i++) {
      const uri = new Uri();
      if (!uri.parse(texts[i], 0, texts[i].length)) continue;
      this.uris.push(uri);
      this.texts.push(texts[i]);
    }
  }

  get count(): number {
    return this.uris.length;
  }

  /** Returns the TRANSPORT_* for a host that names none. */
  transportOf(host: number): number {
    return host < this.second ? this.transport : this.secondTransport;
  }

  /** Returns the first host of the account that has that host. */
  firstOf(host: number): number {
    return host < this.second ? 0 : this.second;
  }

  /** Returns the number after the last host of that account. */
  endOf(host: number): number {
    return host < this.second ? this.second : this.uris.length;
  }

  /**
   * Returns the host that is the first Route of the request `bytes[0, end)`, if it is the first of several hosts of an
   * account, so that the request may change over; else -1.
   */
  findRoute(bytes: Uint8Array, end: number): number {
    const { second } = this;
    if (second > 1 && this.isRoute(bytes, end, 0)) return 0;
    return this.uris.length > second + 1 && this.isRoute(bytes, end, second) ? second : -1;
  }

  /** Returns whether a target is one of them. */
  has(target: Target): boolean {
    if (target.backup >= 0) return true;
    for (let i = 0; i < this.uris.length; i++) {
      const { bytes, hostStart, hostEnd, port } = this.uris[i];
      if (target.namePort === port && equalNoCase(bytes, hostStart, hostEnd, target.name, 0, target.nameSize))
        return true;
    }
    return false;
  }

  /** Returns whether the first Route of the request `bytes[0, end)` is host number `host`. */
  private isRoute(bytes: Uint8Array, end: number, host: number): boolean {
    return this.routeAt(bytes, end, host) >= 0;
  }

  /**
   * Writes another host into the first Route of a request, which is one of them.
   * @returns the request's new end, 0 when there is no room
   */
  writeRoute(bytes: Uint8Array, end: number, to: number): number {
    let from = 0;
    while (from < this.texts.length && !this.isRoute(bytes, end, from)) from += 1;
    const start = this.routeAt(bytes, end, from);
    if (start < 0) return 0;
    const text = this.texts[to];
    const shift = text.length - this.texts[from].length;
    if (end + shift > bytes.length) return 0;
    const behind = start + this.texts[from].length;
    if (shift !== 0) bytes.copyWithin(behind + shift, behind, end);
    copyOctets(bytes, start, text, 0, text.length);
    return end + shift;
  }

  /** @returns the start of the URI of the first Route if it is that of `host`, else -1 */
  private routeAt(bytes: Uint8Array, end: number, host: number): number {
    const text = host < this.texts.length ? this.texts[host] : NONE;
    for (let at = 0; at < end; at++) {
      at = bytes.indexOf(CR, at);
      // An empty line ends the head.
      if (at < 0 || at + 4 > end || (bytes[at + 2] === CR && bytes[at + 3] === LF)) return -1;
      const start = at + ROUTE.length;
      if (!equal(bytes, at, start, ROUTE, 0, ROUTE.length)) continue;
      return text.length > 0 && equal(bytes, start, start + text.length, text, 0, text.length) ? start : -1;
    }
    return -1;
  }
}
