/**
 * The location service (RFC 3261 §6): the contacts of each address of record. One record holds all bindings of one
 * address, so that a change happens whole or not at all. It has a version, so that of two changes at once one fails
 * instead of undoing the other. A store may answer later (a disk, Redis): every question names the user that is told,
 * and a token by which that user knows its question.
 * Not here: who may change a record (registrar.ts); where it is kept (memory.ts, and the stores of host-sim/server).
 */
import { lower, NONE, Span } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { hostEndOf, isSeparator } from "../wire/compare.js";
import { SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, type Uri, unescape as writePlain } from "../wire/uri.js";

/**
 * What a store answers.
 * The question was answered, or the change is made.
 */
export const LOCATION_OK = 0;
/** The record was changed by another request since it was read: read it again. */
export const LOCATION_CONFLICT = 1;
/** The store has no room for the record. */
export const LOCATION_FULL = 2;
/** The store cannot be reached, or could not keep the record: try later. */
export const LOCATION_AWAY = 3;

/** The longest address of record, octets. */
export const AOR_MAX_BYTES = 160;

/** The time of day, which survives a restart: the core's clock plus an offset that the driver sets. */
export class DayClock {
  /** Ms since 1970 at the time when the core's clock was 0; 0 while that is not known. The driver sets it. */
  offsetMs = 0;
  private readonly timers: Timers;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  /** @returns whole seconds */
  nowS(): number {
    return Math.floor((this.timers.nowMs + this.offsetMs) / 1000);
  }
}

/** Asks a location service. */
export interface LocationUser {
  /**
   * The answer to `findBindings`, which may not be called from inside.
   * @param list lent for the call; empty unless `result` is LOCATION_OK
   */
  onBindings(token: number, result: number, list: Bindings): void;
  /** The answer to `replaceBindings`. After LOCATION_OK the change is as durable as the store makes it. */
  onUpdated(token: number, result: number): void;
}

/** Is told of changes made through this store. */
export interface LocationWatcher {
  /** An address has other bindings now, perhaps none. Both are lent for the call. */
  onBindingsChanged(aor: Span, list: Bindings): void;
}

export interface LocationStore {
  /**
   * Asks for the bindings of an address, the best first.
   * @param aor lent for the call @returns true when `onBindings` was called already, false when it will be, once
   */
  findBindings(aor: Span, user: LocationUser, token: number): boolean;
  /**
   * Replaces all bindings of the address by `list` if the record still has the version of `list`; an empty list removes
   * the record. Both are lent for the call.
   * @returns true when `onUpdated` was called already, false when it will be, once
   */
  replaceBindings(aor: Span, list: Bindings, user: LocationUser, token: number): boolean;
  /** Removes what has expired by then; to be called now and then. Readers never see expired bindings. */
  removeExpired(nowS: number): void;
  /** Adds a watcher. Watchers are added at start and stay. */
  addWatcher(watcher: LocationWatcher): void;
}

// A record: version (4), number of bindings (2). A binding: FIXED octets of numbers as below, then contact, Call-ID,
// path, and to the end of the binding the flow's id if an octet says that there is one.
const HEAD = 6;
/** Octets of a record without bindings. */
export const RECORD_LEAST_BYTES = HEAD;
const FIXED = 34;
// Bits of that octet.
const HAS_FLOW_ID = 1;
const HAS_OWN_PATH = 2;

/**
 * The bindings of one address: a reader of a record, walked with `first` and `next`, and its writer, with `startRecord`
 * and `addBinding`. They stand in order of q, the highest first, the youngest first among equals.
 */
export class Bindings {
  bytes: Uint8Array = NONE;
  start = 0;
  end = 0;
  /** Version of the record, 0 when there was none. */
  version = 0;
  /** How many bindings were not expired when the record was opened. */
  count = 0;
  // The binding that was read by `first` or `next`, or that `addBinding` is to write.
  /** The contact's URI. */
  readonly contact = new Span();
  readonly callId = new Span();
  /** Path values, separated by commas, as they came (RFC 3327); or empty. */
  readonly path = new Span();
  /**
   * The reg-id and the instance of a phone that keeps its flow, as `1 <urn:uuid:…>` (RFC 5626 §6): such a binding is
   * known by them, not by its contact, and the phone is reached by its flow alone. Empty for any other binding.
   */
  readonly flowId = new Span();
  /** The Path is that of the process that took the REGISTER: it leads to the phone's flow. */
  isOwnPath = false;
  /** The q of the contact, thousandths. */
  q = 1000;
  /** When the binding ends, s on the day clock. */
  expiresS = 0;
  cseq = 0;
  /** TRANSPORT_* of the REGISTER. Without a Path the phone is reached by this flow. */
  transport = 0;
  /** Address the REGISTER came from, as seen here: behind a NAT it differs from the contact. */
  ip = 0;
  port = 0;
  /** Connection the REGISTER came over, -1 for none; it means something in the process of that `node` only. */
  connection = -1;
  /** Random number of the process that took the REGISTER, 32 bits with a sign. */
  node = 0;
  private at = 0;
  private nowS = 0;
  private ok = true;

  /**
   * Opens the record in `bytes[start, end)`, which stay the caller's, and skips what has expired by `nowS`.
   * @returns false when it is no record
   */
  openRecord(bytes: Uint8Array, start: number, end: number, nowS: number): boolean {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.nowS = nowS;
    this.count = this.version = 0;
    this.ok = false;
    if (end - start < HEAD) return this.openNone();
    this.version = this.uint32(start);
    let at = start + HEAD;
    for (let left = this.uint16(start + 4); left > 0; left--) {
      if (at + FIXED > end || this.uint16(at) < FIXED) return this.openNone();
      at += this.uint16(at);
    }
    if (at !== end) return this.openNone();
    this.ok = true;
    let count = 0;
    for (let more = this.first(); more; more = this.next()) count += 1;
    // The lengths inside of a binding may still be wrong.
    if (!this.ok) return this.openNone();
    this.count = count;
    return true;
  }

  /** Opens an empty list of bindings. @returns false */
  openNone(): boolean {
    this.bytes = NONE;
    this.start = this.end = this.at = 0;
    this.count = this.version = 0;
    return false;
  }

  /** Steps to the first binding. @returns whether there is one */
  first(): boolean {
    this.at = this.start + HEAD;
    return this.readBinding();
  }

  next(): boolean {
    return this.readBinding();
  }

  private readBinding(): boolean {
    while (this.at < this.end) {
      const at = this.at;
      this.at = at + this.uint16(at);
      this.expiresS = this.uint32(at + 4);
      if (this.expiresS <= this.nowS) continue;
      this.q = this.uint16(at + 2);
      this.cseq = this.uint32(at + 8);
      this.node = this.int32(at + 12);
      this.connection = this.int32(at + 16);
      this.ip = this.uint32(at + 20);
      this.port = this.uint16(at + 24);
      this.transport = this.bytes[at + 26];
      const contact = at + FIXED;
      const callId = contact + this.uint16(at + 28);
      const path = callId + this.uint16(at + 30);
      const end = path + this.uint16(at + 32);
      const bits = this.bytes[at + 27];
      const hasFlowId = (bits & HAS_FLOW_ID) !== 0;
      this.isOwnPath = (bits & HAS_OWN_PATH) !== 0;
      if (hasFlowId ? end >= this.at : end !== this.at) {
        this.ok = false;
        return false;
      }
      this.contact.set(this.bytes, contact, callId);
      this.callId.set(this.bytes, callId, path);
      this.path.set(this.bytes, path, end);
      this.flowId.set(this.bytes, end, this.at);
      return true;
    }
    return false;
  }

  /**
   * Starts a new record in `bytes`, which the caller owns and keeps, to replace one with that version.
   * @param next version of the new record, best a random one: it cannot be taken for any other then
   */
  startRecord(bytes: Uint8Array, version: number, next = version + 1): void {
    this.bytes = bytes;
    this.start = 0;
    this.end = this.at = HEAD;
    this.version = version;
    this.count = this.nowS = 0;
    this.ok = bytes.length >= HEAD;
    if (!this.ok) return;
    this.putUint32(0, next === 0 ? 1 : next);
    this.putUint16(4, 0);
  }

  /**
   * Adds the binding whose values are set here; the caller sees to the order.
   * @returns false when it does not fit: then the record is of no use
   */
  addBinding(): boolean {
    const { contact, callId, path, flowId } = this;
    const at = this.end;
    const size = FIXED + contact.size() + callId.size() + path.size() + flowId.size();
    if (!this.ok || size > 65535 || at + size > this.bytes.length) {
      this.ok = false;
      return false;
    }
    this.putUint16(at, size);
    this.putUint16(at + 2, this.q);
    this.putUint32(at + 4, this.expiresS);
    this.putUint32(at + 8, this.cseq);
    this.putUint32(at + 12, this.node);
    this.putUint32(at + 16, this.connection);
    this.putUint32(at + 20, this.ip);
    this.putUint16(at + 24, this.port);
    this.bytes[at + 26] = this.transport;
    this.bytes[at + 27] = (flowId.size() > 0 ? HAS_FLOW_ID : 0) | (this.isOwnPath ? HAS_OWN_PATH : 0);
    this.putUint16(at + 28, contact.size());
    this.putUint16(at + 30, callId.size());
    this.putUint16(at + 32, path.size());
    this.end = this.putSpan(flowId, this.putSpan(path, this.putSpan(callId, this.putSpan(contact, at + FIXED))));
    this.count += 1;
    this.putUint16(4, this.count);
    return true;
  }

  /** @returns when the first of them expires, s on the day clock; Infinity when there is none */
  earliestS(): number {
    let earliestS = Infinity;
    for (let more = this.first(); more; more = this.next()) if (this.expiresS < earliestS) earliestS = this.expiresS;
    return earliestS;
  }

  private putSpan(span: Span, at: number): number {
    let to = at;
    for (let i = span.start; i < span.end; i++) this.bytes[to++] = span.bytes[i];
    return to;
  }

  private uint16(at: number): number {
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  private uint32(at: number): number {
    return this.int32(at) >>> 0;
  }

  private int32(at: number): number {
    return (this.uint16(at) << 16) | this.uint16(at + 2);
  }

  private putUint16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  private putUint32(at: number, value: number): void {
    this.putUint16(at, value >>> 16);
    this.putUint16(at + 2, value);
  }
}

const AT = 0x40;

/**
 * Writes the address of record that a URI names: the user without escapes, "@", the host in lower case; no port and no
 * parameters. RFC 3261 §10.3 step 5
 * @param out room for AOR_MAX_BYTES @param domain replaces the URI's own host; NONE: it does not
 * @returns its length, or -1 when there is none (no user, a scheme without one) or it is too long
 */
export function writeAor(uri: Uri, out: Uint8Array, domain: Uint8Array = NONE): number {
  const isOwn = domain.length === 0;
  const hasHost = uri.scheme === SCHEME_SIP || uri.scheme === SCHEME_SIPS;
  if (!(hasHost || (uri.scheme === SCHEME_TEL && !isOwn)) || uri.userEnd === uri.userStart) return -1;
  const bytes = isOwn ? uri.bytes : domain;
  const start = isOwn ? uri.hostStart : 0;
  const end = isOwn ? hostEndOf(bytes, start, uri.hostEnd) : domain.length;
  let at = writeUser(uri, out);
  if (at <= 0 || at + 1 + end - start > out.length) return -1;
  out[at++] = AT;
  for (let i = start; i < end; i++) out[at++] = lower(bytes[i]);
  return at;
}

/**
 * Writes the user of a URI without escapes, or the number of a tel: URI without its separators.
 * @returns its length, -1 when it does not fit
 */
export function writeUser(uri: Uri, out: Uint8Array): number {
  const size = writePlain(uri.bytes, uri.userStart, uri.userEnd, out, 0);
  if (uri.scheme !== SCHEME_TEL) return size;
  let at = 0;
  for (let i = 0; i < size; i++) if (!isSeparator(out[i])) out[at++] = out[i];
  return size < 0 ? size : at;
}
