/**
 * The place that REGISTER goes to while the registrar sends it elsewhere, by 301 or 302. RFC 3261 §8.1.3.4, §21.3.2,
 * §21.3.3 Only the registrar that is configured may do so, or one that it sent to. A 301 holds until it fails, a 302
 * for the time it names, else for this one time. The password is for hosts of the configured server alone: the same
 * host, or one in its domain, by steps that all are.
 * Not here: when to follow (registration.ts), and calls that are redirected (redirects.ts).
 */
import { parseUint, Span, text, UINT32_MOST } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_EXPIRES } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import { Redirects } from "./redirects.js";
import type { Servers } from "./servers.js";

const MOVED_PERMANENTLY = 301;
/** `sip:` and what of a redirection is kept. */
const URI_BYTES = 160;
const SIP = "sip:";
const EXPIRES = new Uint8Array([0x65, 0x78, 0x70, 0x69, 0x72, 0x65, 0x73]);

// For the time of one call only.
const list = new ValueList();
const address = new NameAddress();
const uri = new Uri();
const span = new Span();

export class Moved {
  /** REGISTER goes to `uri`. */
  isOn = false;
  /** It may have the password. */
  isTrusted = true;
  /** A 3xx was followed in this round. */
  isFollowing = false;
  /** The URI that it goes to: no user, no header fields. */
  readonly uri = new Span();
  private readonly bytes = new Uint8Array(URI_BYTES);
  private readonly servers: Servers;
  private readonly redirects = new Redirects();
  private untilMs = 0;
  /** The registrar that sent us there was trusted. */
  private wasTrusted = true;

  constructor(servers: Servers) {
    this.servers = servers;
    for (let i = 0; i < SIP.length; i++) this.bytes[i] = SIP.charCodeAt(i);
  }

  /** A new round of requests begins. @returns whether it begins at home again: the time of the redirection is over */
  startRound(nowMs: number): boolean {
    this.isFollowing = false;
    return this.isOn && nowMs >= this.untilMs;
  }

  /** Takes a 3xx. @param from where the request went @returns whether there is somewhere to go, which is `uri` then */
  follow(m: Message, from: Span, nowMs: number): boolean {
    if (!this.isFollowing) {
      this.redirects.start();
      this.isFollowing = true;
    }
    this.wasTrusted = this.isTrusted;
    // The registrar's URI is one with sip, and by TLS where sip.transport says so.
    this.redirects.addContacts(m, from, false, false);
    this.untilMs = m.status === MOVED_PERMANENTLY ? Infinity : nowMs + 1000 * lastsS(m);
    return this.followNext();
  }

  /** The place is of no use: goes to the next one that was named. @returns as `follow` */
  followNext(): boolean {
    while (this.isFollowing && this.redirects.takeNext(span)) if (this.takeHost()) return true;
    return false;
  }

  /** REGISTER goes to the configured registrar again. */
  forget(): void {
    this.isOn = false;
    this.isTrusted = this.wasTrusted = true;
    this.uri.clear();
  }

  /** For people. */
  get place(): string {
    return this.isOn ? text(this.uri.bytes, this.uri.start + SIP.length, this.uri.end) : "";
  }

  /** The URI in `span` without its user: a registrar has none. RFC 3261 §10.2 */
  private takeHost(): boolean {
    if (!uri.parse(span.bytes, span.start, span.end) || uri.isIPv6) return false;
    const size = uri.paramsEnd - uri.hostStart;
    if (size > URI_BYTES - SIP.length) return false;
    for (let i = 0; i < size; i++) this.bytes[SIP.length + i] = uri.bytes[uri.hostStart + i];
    this.uri.set(this.bytes, 0, SIP.length + size);
    this.isOn = true;
    this.isTrusted = this.wasTrusted && uri.parse(this.bytes, 0, this.uri.end) && this.servers.isOfServer(uri);
    return true;
  }
}

/** @returns how long a 302 holds, s: the least that it names, 0 when it names none */
function lastsS(m: Message): number {
  let leastS = m.uint(HEADER_EXPIRES, UINT32_MOST);
  list.beginField(m, HEADER_CONTACT);
  while (list.next()) {
    if (!address.parse(list.bytes, list.start, list.end) || !address.param(EXPIRES, span)) continue;
    const seconds = parseUint(span.bytes, span.start, span.end, UINT32_MOST);
    if (seconds >= 0 && (leastS < 0 || seconds < leastS)) leastS = seconds;
  }
  return Math.max(leastS, 0);
}
