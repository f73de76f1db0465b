/**
 * The places a call may be sent to instead: Contacts of 3xx responses, best first, none twice, five at most. RFC 3261
 * §8.1.3.4 Fixed memory; what does not fit is passed over.
 */
import { int16Array, uint16Array } from "../core/arrays.js";
import { NONE, type Span } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT } from "../wire/names.js";
import { SCHEME_SIP, SCHEME_SIPS, Uri } from "../wire/uri.js";

/** So many other places are tried for one call. */
export const REDIRECTS_MOST = 5;
/** The place called first is remembered too, so that no redirection leads back to it. */
const ENTRIES = REDIRECTS_MOST + 1;
/** Octets that the entries share: usual ones take 40 to 90 octets, those of session border controllers up to 400. */
const ALL_BYTES = 576;
const TRIED = -1;
const NO_STARTS = new Uint16Array(0);
const NO_WEIGHTS = new Int16Array(0);

// For the time of one call only.
const list = new ValueList();
const address = new NameAddress();
const theirs = new Uri();
const known = new Uri();

export class Redirects {
  /** Empty until the first redirection. */
  private bytes: Uint8Array = NONE;
  /** Each entry begins there; behind the last one stands the end. */
  private starts: Uint16Array = NO_STARTS;
  /** q in thousandths, or TRIED. */
  private weights: Int16Array = NO_WEIGHTS;
  private count = 0;
  /** No 3xx came yet, so the place called first is not among the entries. */
  private isAtFirst = true;

  /** A call begins. */
  start(): void {
    this.count = 0;
    this.isAtFirst = true;
  }

  /**
   * Takes the Contacts of a 3xx. Those with sips need TLS, and a request to sips goes on to sips alone. RFC 3261
   * §8.1.3.4, §26.2.2
   * @param from where the request went, an addr-spec @param hasTls whether sips can be followed @param isSecure whether
   * the 3xx answers a request to sips
   */
  addContacts(m: Message, from: Span, hasTls: boolean, isSecure: boolean): void {
    if (this.isAtFirst) this.keepFirst(from);
    list.beginField(m, HEADER_CONTACT);
    while (list.next()) {
      if (!address.parseWithUri(list.bytes, list.start, list.end, theirs)) continue;
      if (theirs.scheme !== SCHEME_SIPS ? theirs.scheme !== SCHEME_SIP || isSecure : !hasTls) continue;
      if (!this.has()) this.keep(address.q());
    }
  }

  /** The best place not tried yet; it counts as tried now. @returns false when there is none */
  takeNext(out: Span): boolean {
    let best = -1;
    for (let i = 0; i < this.count; i++) {
      if (this.weights[i] >= 0 && (best < 0 || this.weights[i] > this.weights[best])) best = i;
    }
    if (best < 0) return false;
    this.weights[best] = TRIED;
    out.set(this.bytes, this.starts[best], this.starts[best + 1]);
    return true;
  }

  private keepFirst(uri: Span): void {
    this.isAtFirst = false;
    if (this.bytes === NONE) {
      this.bytes = new Uint8Array(ALL_BYTES);
      this.starts = uint16Array(ENTRIES + 1);
      this.weights = int16Array(ENTRIES);
    }
    if (theirs.parse(uri.bytes, uri.start, uri.end)) this.keep(TRIED);
  }

  private has(): boolean {
    for (let i = 0; i < this.count; i++) {
      if (known.parse(this.bytes, this.starts[i], this.starts[i + 1]) && known.equals(theirs)) return true;
    }
    return false;
  }

  private keep(weight: number): void {
    // Headers in a URI would become header fields of our request: they are left out.
    const end = theirs.headersStart > theirs.start ? theirs.paramsEnd : theirs.end;
    const length = end - theirs.start;
    const at = this.starts[this.count];
    if (this.count >= ENTRIES || at + length > ALL_BYTES) return;
    for (let i = 0; i < length; i++) this.bytes[at + i] = theirs.bytes[theirs.start + i];
    this.weights[this.count] = weight;
    this.count += 1;
    this.starts[this.count] = at + length;
  }
}
