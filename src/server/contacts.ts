/**
 * The contacts of a REGISTER with their q and expiry, read into tables of fixed size, and the record that results from
 * them and the bindings before. RFC 3261 §10.3 steps 6 and 7
 * Not here: who asks, and where records are kept.
 */
import { equal, NONE, octets, parseUint, Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import { hasOneVia } from "../transaction/layer.js";
import type { ServerTransaction } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import { OUTBOUND } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_EXPIRES, HEADER_PATH, HEADER_SUPPORTED } from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_TEL, Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import type { FlowPath } from "./flowpath.js";
import type { Bindings } from "./location.js";
import { copyBinding } from "./memory.js";
import type { Places } from "./places.js";

export interface ExpiryOptions {
  /** The shortest expiry, s; below it the answer is 423. A removal is no expiry. */
  minS: number;
  /** The expiry of a request that names none, s. */
  defaultS: number;
  /** The longest expiry, s; longer ones are cut down to it. */
  maxS: number;
}

/** The longest Contact URI that is kept, octets. */
export const CONTACT_MAX_BYTES = 400;
export const PATH_MAX_BYTES = 512;
/** The longest instance that is kept, octets; a longer one counts as none. */
export const INSTANCE_MAX_BYTES = 100;
/** RFC 5626 §9 */
const REG_ID_MOST = 0x7fffffff;
const REG_ID_DIGITS = 10;

const EXPIRES = octets("expires");
const REG_ID = octets("reg-id");
const INSTANCE = octets("+sip.instance");
const OB = octets("ob");
const PATH = octets("Path: ");
const MALFORMED_S = 3600;

/** The status of `readContacts` and `mergeBindings` when all is well. */
export const CONTACTS_OK = 0;

export class Contacts {
  /** Number of contacts in the request; "*" is none. */
  count = 0;
  isStar = false;
  /** After 403: a contact or a Path leads to a place where no request may be sent. */
  isBarred = false;
  /** A contact is bound to the flow that the request came by. RFC 5626 §6 */
  isOutbound = false;
  private readonly grantsOutbound: boolean;
  private readonly flowPath: FlowPath | null;
  private readonly flow = new Flow();
  private readonly places: Places;
  private readonly options: ExpiryOptions;
  private readonly limit: number;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private readonly qs: Int16Array;
  /** Expiry by contact, s; 0 removes the binding, -1: the contact is done with. */
  private readonly expires: Float64Array;
  /** The reg-id by contact, 0: it has none; and its instance. */
  private readonly regIds: Float64Array;
  private readonly instanceStarts: Int32Array;
  private readonly instanceEnds: Int32Array;
  private readonly flowIdBytes = new Uint8Array(REG_ID_DIGITS + 1 + INSTANCE_MAX_BYTES);
  private readonly flowId = new Span();
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly otherUri = new Uri();
  private readonly value = new Span();
  private readonly writer = new Writer();
  private readonly path = new Uint8Array(PATH_MAX_BYTES);
  private pathEnd = 0;
  private isPathKept = false;

  /**
   * @param limit contacts that an address may have; a request may have twice as many, for those it removes
   * @param grantsOutbound phones may keep their flow, because a proxy reaches them by it
   * @param flowPath writes our Path for them; null: no other server reads the bindings
   */
  constructor(
    limit: number,
    options: ExpiryOptions,
    places: Places,
    grantsOutbound: boolean,
    flowPath: FlowPath | null,
  ) {
    this.flowPath = flowPath;
    this.grantsOutbound = grantsOutbound;
    this.places = places;
    this.limit = limit;
    this.options = options;
    this.starts = new Int32Array(2 * limit);
    this.ends = new Int32Array(2 * limit);
    this.qs = new Int16Array(2 * limit);
    this.expires = new Float64Array(2 * limit);
    this.regIds = new Float64Array(2 * limit);
    this.instanceStarts = new Int32Array(2 * limit);
    this.instanceEnds = new Int32Array(2 * limit);
  }

  /**
   * Reads Contact, Expires and Path of a request.
   * @returns CONTACTS_OK, or the status of the answer: 400, 403, 423, 439, 513
   */
  readContacts(m: Message): number {
    this.count = 0;
    this.isStar = this.isBarred = this.isOutbound = false;
    const knowsOutbound = this.grantsOutbound && m.contains(HEADER_SUPPORTED, OUTBOUND);
    const general = m.value(HEADER_EXPIRES, this.value) ? readSeconds(this.value) : this.options.defaultS;
    const list = this.list;
    list.beginField(m, HEADER_CONTACT);
    while (list.next()) {
      const address = this.address;
      if (!address.parse(list.bytes, list.start, list.end)) return 400;
      if (address.isStar) {
        // RFC 3261 §10.3 step 6: alone, and to remove.
        if (general !== 0 || this.count > 0 || this.isStar || !m.has(HEADER_EXPIRES)) return 400;
        this.isStar = true;
        continue;
      }
      if (this.isStar) return 400;
      const status = this.addContact(address, general, knowsOutbound);
      if (status !== CONTACTS_OK) return status;
    }
    if (list.broken) return 400;
    const isFirstHop = hasOneVia(m);
    if (!this.readPath(m)) return 513;
    if (this.isBarred) return 403;
    // The flow is that to the first hop, which has to be this server or a proxy that keeps flows. RFC 5626 §6
    return this.isOutbound && !isFirstHop && !this.isPathKept ? 439 : CONTACTS_OK;
  }

  private addContact(address: NameAddress, general: number, knowsOutbound: boolean): number {
    const uri = this.uri;
    if (!uri.parse(address.bytes, address.uriStart, address.uriEnd)) return 400;
    // The part behind "?" would become header fields of each request that is sent there; it does not say where the
    // phone is.
    const end = uri.scheme !== SCHEME_OTHER && uri.headersStart < uri.end ? uri.headersStart - 1 : uri.end;
    if (end - uri.start > CONTACT_MAX_BYTES) return 400;
    if (this.count >= this.starts.length) return 403;
    let expiresS = address.param(EXPIRES, this.value) ? readSeconds(this.value) : general;
    if (expiresS > 0 && expiresS < this.options.minS) return 423;
    if (expiresS > this.options.maxS) expiresS = this.options.maxS;
    const at = this.count++;
    this.starts[at] = uri.start;
    this.ends[at] = end;
    this.qs[at] = address.q();
    this.expires[at] = expiresS;
    this.regIds[at] = knowsOutbound ? this.readFlowId(address, at) : 0;
    if (this.regIds[at] > 0 && expiresS > 0) {
      // One request comes by one flow. RFC 5626 §6
      if (this.isOutbound) return 400;
      this.isOutbound = true;
    }
    // A contact that is removed may be anywhere.
    if (expiresS > 0 && uri.scheme !== SCHEME_OTHER && uri.scheme !== SCHEME_TEL && !this.places.allowsUri(uri))
      this.isBarred = true;
    // Of the same contact twice the later one counts.
    for (let i = 0; i < at; i++) if (this.isSame(address.bytes, i, address.bytes, uri.start, end)) this.expires[i] = -1;
    return CONTACTS_OK;
  }

  /**
   * Reads reg-id and instance of a contact; without one of them the other means nothing here. RFC 5626 §6
   * @returns the reg-id, 0: there are not both
   */
  private readFlowId(address: NameAddress, at: number): number {
    const { value } = this;
    if (!address.param(INSTANCE, value) || !isInstance(value)) return 0;
    this.instanceStarts[at] = value.start;
    this.instanceEnds[at] = value.end;
    return address.param(REG_ID, value) ? Math.max(0, parseUint(value.bytes, value.start, value.end, REG_ID_MOST)) : 0;
  }

  /** Sets `flowId` to that of contact `i` as bindings have it. @returns whether it has one */
  private toFlowId(bytes: Uint8Array, i: number): boolean {
    const { flowId, flowIdBytes, writer: w } = this;
    if (this.regIds[i] === 0) {
      flowId.clear();
      return false;
    }
    w.begin(flowIdBytes, 0, flowIdBytes.length);
    w.uint(this.regIds[i]);
    w.octet(0x20);
    w.raw(bytes, this.instanceStarts[i], this.instanceEnds[i]);
    flowId.set(flowIdBytes, 0, w.at);
    return true;
  }

  /** Joins the Path values to one text. RFC 3327 §5.3 */
  private readPath(m: Message): boolean {
    const list = this.list;
    const w = this.writer;
    this.isPathKept = false;
    w.begin(this.path, 0, this.path.length);
    list.beginField(m, HEADER_PATH);
    while (list.next()) {
      if (w.at > 0) {
        w.octet(0x2c);
        w.octet(0x20);
      }
      w.copy(list.bytes, list.start, list.end);
      if (this.count > 0 && !this.isPlace()) this.isBarred = true;
    }
    this.pathEnd = w.at;
    return w.ok && !list.broken;
  }

  /** Whether requests may be sent to the proxy that `list` stands at. Notes whether that proxy keeps flows. */
  private isPlace(): boolean {
    const { list, address, uri } = this;
    if (!address.parseWithUri(list.bytes, list.start, list.end, uri)) return false;
    // The last value is that of the proxy next to the phone.
    this.isPathKept = uri.param(OB, this.value);
    return this.places.allowsUri(uri);
  }

  /** Writes the Path of the request, if it has one. RFC 3327 §5.3 */
  writePath(w: Writer): void {
    if (this.pathEnd === 0) return;
    w.put(PATH);
    w.raw(this.path, 0, this.pathEnd);
    w.crlf();
  }

  /** Whether contact `i` in `bytes` means the same as `other[start, end)`. RFC 3261 §19.1.4 */
  private isSame(bytes: Uint8Array, i: number, other: Uint8Array, start: number, end: number): boolean {
    if (equal(bytes, this.starts[i], this.ends[i], other, start, end)) return true;
    const { uri, otherUri } = this;
    return uri.parse(bytes, this.starts[i], this.ends[i]) && otherUri.parse(other, start, end) && uri.equals(otherUri);
  }

  /**
   * Writes into `out`, a started record, the bindings that result from `old` and from the request `m`, which was read
   * just now.
   * @returns CONTACTS_OK, or the status of the answer: 403 for too many, 500 for a request that came out of order
   */
  mergeBindings(m: Message, t: ServerTransaction, node: number, nowS: number, old: Bindings, out: Bindings): number {
    for (let more = old.first(); more; more = old.next()) {
      // A contact that is out of order fails the whole request. RFC 3261 §10.3 steps 6 and 7
      if ((this.isStar || this.matchingContact(m, old) >= 0) && isLate(m, old)) return 500;
    }
    let more = this.toFirstKept(m, old);
    for (;;) {
      const best = this.bestContact();
      if (best < 0 && !more) break;
      if (out.count >= this.limit) return 403;
      if (best >= 0 && (!more || this.qs[best] >= old.q)) {
        if (!this.addBinding(m, t, node, nowS, best, out)) return 403;
      } else {
        copyBinding(old, out);
        if (!out.addBinding()) return 403;
        more = this.toKept(m, old, old.next());
      }
    }
    return CONTACTS_OK;
  }

  private addBinding(m: Message, t: ServerTransaction, node: number, nowS: number, i: number, out: Bindings): boolean {
    out.contact.set(m.bytes, this.starts[i], this.ends[i]);
    out.callId.set(m.bytes, m.callIdStart, m.callIdEnd);
    this.toFlowId(m.bytes, i);
    out.isOwnPath = this.pathEnd === 0 && this.flowId.size() > 0 && this.writeOwnPath(t, node);
    if (!out.isOwnPath) out.path.set(this.pathEnd > 0 ? this.path : NONE, 0, this.pathEnd);
    else out.path.set(this.path, 0, this.writer.at);
    out.flowId.set(this.flowId.bytes, this.flowId.start, this.flowId.end);
    out.q = this.qs[i];
    out.expiresS = Math.min(nowS + this.expires[i], 0xffffffff);
    out.cseq = m.cseq;
    out.transport = t.source.transport;
    out.ip = t.source.ip;
    out.port = t.sourcePort;
    out.connection = t.source.connection;
    out.node = node;
    this.expires[i] = -1;
    return out.addBinding();
  }

  /** Writes our own Path into the room of that of the request, which has none. @returns whether it is needed */
  private writeOwnPath(t: ServerTransaction, node: number): boolean {
    const { flowPath, flow, writer: w } = this;
    if (flowPath === null) return false;
    flow.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    w.begin(this.path, 0, this.path.length);
    flowPath.writeValue(w, flow, node, flowPath.transport);
    return w.ok;
  }

  /** @returns the contact with the highest q of those that are still to be added, -1 for none */
  private bestContact(): number {
    let best = -1;
    for (let i = 0; i < this.count; i++) if (this.expires[i] > 0 && (best < 0 || this.qs[i] > this.qs[best])) best = i;
    return best;
  }

  /**
   * @returns the contact of the request that replaces the one where `old` stands, -1 for none. Of two contacts with a
   * reg-id and an instance these decide, whatever their URIs. RFC 5626 §6
   */
  private matchingContact(m: Message, old: Bindings): number {
    for (let i = 0; i < this.count; i++) {
      const isFlow = this.toFlowId(m.bytes, i) && old.flowId.size() > 0;
      const { contact } = old;
      if (isFlow ? this.flowId.equals(old.flowId) : this.isSame(m.bytes, i, contact.bytes, contact.start, contact.end))
        return i;
    }
    return -1;
  }

  private toFirstKept(m: Message, old: Bindings): boolean {
    return this.toKept(m, old, old.first());
  }

  /** Steps `old` to the next binding that the request neither replaces nor removes. @returns whether there is one */
  private toKept(m: Message, old: Bindings, isThere: boolean): boolean {
    let more = isThere;
    while (more && (this.isStar || this.matchingContact(m, old) >= 0)) more = old.next();
    return more;
  }
}

/** Whether a value is an instance as it stands in quotes: a URN in brackets. RFC 5626 §4.1 */
function isInstance(value: Span): boolean {
  const { bytes, start, end } = value;
  if (end - start < 3 || end - start > INSTANCE_MAX_BYTES) return false;
  if (bytes[start] !== 0x3c || bytes[end - 1] !== 0x3e) return false;
  for (let i = start; i < end; i++) {
    const octet = bytes[i];
    if (octet <= 0x20 || octet >= 0x7f || octet === 0x22 || octet === 0x5c) return false;
  }
  return true;
}

/** Whether the request has the Call-ID of that binding and a CSeq that is not higher. */
function isLate(m: Message, old: Bindings): boolean {
  const { callId } = old;
  return equal(callId.bytes, callId.start, callId.end, m.bytes, m.callIdStart, m.callIdEnd) && m.cseq <= old.cseq;
}

/** @returns delta-seconds of any number of digits; a malformed value counts as 3,600. RFC 3261 §10.2.1.1 */
function readSeconds(value: Span): number {
  let seconds = 0;
  for (let i = value.start; i < value.end; i++) {
    const digit = value.bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return MALFORMED_S;
    seconds = Math.min(seconds * 10 + digit, 0xffffffff);
  }
  return value.end > value.start ? seconds : MALFORMED_S;
}
