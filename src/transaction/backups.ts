/**
 * The hosts of our own server, in the order in which they are tried: the outbound proxies of the settings, or the
 * domain. A request whose first Route is the first of several may go by any of them, and then has that one's URI there.
 * RFC 3263 §4.3
 * Not here: which one is tried when (transport.ts, failover.ts), and the addresses of one name (resolver.ts).
 */
import { equal, equalNoCase, NONE, octets } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { Uri } from "../wire/uri.js";
import type { Target } from "./flow.js";

/** The most hosts. */
export const BACKUPS_MOST = 3;
const ROUTE = octets("\r\nRoute: <");
const CR = 13;
const LF = 10;

export class Backups {
  /** One for each host; its octets are those that stand between `<` and `>` of a Route. */
  readonly uris: Uri[] = [];
  /** The TRANSPORT_* of the hosts that name none. */
  transport = 0;
  private texts: Uint8Array[] = [];

  /** @param texts URIs of which the first BACKUPS_MOST count */
  configure(texts: readonly Uint8Array[], transport: number): void {
    this.transport = transport;
    this.uris.length = 0;
    this.texts = [];
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

  /** Returns whether there are several, so that a request may change over from one to another. */
  get isPlural(): boolean {
    return this.uris.length > 1;
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
  isRoute(bytes: Uint8Array, end: number, host: number): boolean {
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
