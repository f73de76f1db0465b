/**
 * The mark in a Record-Route of ours: the user part of its URI, a capability. When the URI comes back in a Route, the mark tells that the
 * dialog was begun through this server, which side is asking, until when it may, which host it may reach, and how: behind a NAT, or on a
 * connection that the other side opened. Nothing of a dialog is kept: a keyed hash over all this makes it good. RFC 3261 §16.6 step 4, RFC 5626 §5.3
 *
 * The side that is called gets the mark in the request, which lets it reach the host that the caller's Contact names (or the proxy before
 * us). The caller gets another one: in each response our entry is rewritten (§16.7), now that the Contact of the called side is known, and
 * it is good with the tags of both. A side that changes its Contact later gets a parameter into it that lets the other one follow.
 * Not here: which requests a mark lets through (routing.ts), rewriting (answered.ts).
 */
import { lower, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { Flow } from "../transaction/flow.js";
import { readHex32 } from "../transaction/slots.js";
import { hostEndOf } from "../wire/identity.js";
import { hexDigit } from "../wire/lex.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import { SHA256_BYTES, Sha256 } from "../wire/sha256.js";
import type { Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import { DayClock } from "./location.js";

/** In the request that begins a dialog, and in one inside of it: for the side that is asked. */
export const FORM_ASKED = 1;
export const FORM_AGAIN = 2;
/** In the responses: for the side that asked. */
export const FORM_ANSWERED = 3;

/** What a mark calls a host that nobody is to be sent to. */
export const HOST_NONE = 0;

/**
 * How long a mark is good, s: two days. The route set of a dialog never changes, so neither does its mark, and no call or session timer may
 * meet the end of it. What ends a call passes afterwards too (routing.ts), and users of ours give their password. Ends are whole hours, so that
 * a request that comes again is passed on as it was.
 */
export const MARK_LIFE_S = 48 * 3600;
const MARK_STEP_S = 3600;

// 64 bits of the keyed hash; form, end, hosts of the caller and of the called side; then, if need be, the flows of both: transport, port, address.
const MAC_DIGITS = 16;
const TOLD_DIGITS = 1 + 8 + 8 + 8;
const SHORT_DIGITS = MAC_DIGITS + TOLD_DIGITS;
const FLOW_DIGITS = 16;
const LONG_DIGITS = SHORT_DIGITS + 2 * FLOW_DIGITS;
const KEY_BYTES = 32;
const BLANK = octets(" ");
const MADDR = octets("maddr");
/** The parameter in a Contact that was changed: the hash, and perhaps a flow. */
export const MOVED = octets("moved");

export class RouteTokens {
  /** The mark written last. */
  readonly bytes = new Uint8Array(LONG_DIGITS);
  size = 0;
  // After `read` returned true.
  form = FORM_ASKED;
  /** Whoever began the dialog asks. */
  isCaller = false;
  isExpired = false;
  /** The host the mark lets reach, and the one whoever asks had when the dialog began, as `hostOf` has them. */
  peerHost = HOST_NONE;
  ownHost = HOST_NONE;
  /** How the side that is asked is reached; TRANSPORT_NONE: by what its Contact says. */
  readonly flow = new Flow();
  private clock: DayClock | null;
  private readonly key = new Uint8Array(KEY_BYTES);
  private readonly hash = new Sha256();
  private readonly mac = new Uint8Array(SHA256_BYTES);
  private readonly writer = new Writer();
  private readonly word = new Int32Array(1);
  private readonly host = new Span();
  private readonly name = new Uint8Array(256);
  private readonly digits = new Uint8Array(8);
  private readonly moved = new Uint8Array(MAC_DIGITS + FLOW_DIGITS);

  /** @param clock of all servers that stand for one another; without one the time is that since the start, and so is the life of the key */
  constructor(random: RandomSource, clock: DayClock | null = null) {
    this.clock = clock;
    for (let i = 0; i < KEY_BYTES; i++) this.key[i] = random.uint32() & 255;
  }

  /** Servers that stand for one another have the same key. @param key KEY_BYTES of it are taken */
  setKey(key: Uint8Array): void {
    this.key.set(key.subarray(0, KEY_BYTES));
  }

  /** The time to go by if there is no clock. */
  useTimers(timers: Timers): void {
    if (this.clock === null) this.clock = new DayClock(timers);
  }

  /** What a mark calls the host that a request with this URI as its next hop goes to: an address by its number, a name by a keyed hash. */
  hostOf(uri: Uri): number {
    const { host } = this;
    if (!uri.param(MADDR, host) || host.size() === 0) {
      if (uri.ip >= 0) return uri.ip | 0;
      host.set(uri.bytes, uri.hostStart, uri.hostEnd);
    }
    const end = hostEndOf(host.bytes, host.start, host.end);
    const size = end - host.start;
    if (size <= 0 || size > this.name.length) return HOST_NONE;
    for (let i = 0; i < size; i++) this.name[i] = lower(host.bytes[host.start + i]);
    const { hash } = this;
    hash.begin();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(MADDR, 0, MADDR.length);
    hash.update(this.name, 0, size);
    hash.finish(this.mac, 0);
    return word(this.mac, 0);
  }

  /**
   * Writes the mark for the dialog that the request begins, or belongs to.
   * @param caller @param callee flows to be told, of TRANSPORT_NONE when there is nothing to tell @param callerHost @param calleeHost as `hostOf` has them
   */
  write(m: Message, form: number, caller: Flow, callee: Flow, callerHost: number, calleeHost: number): void {
    const isLong = caller.transport !== TRANSPORT_NONE || callee.transport !== TRANSPORT_NONE;
    this.size = isLong ? LONG_DIGITS : SHORT_DIGITS;
    const w = this.writer;
    w.begin(this.bytes, MAC_DIGITS, LONG_DIGITS);
    w.hex(form, 1);
    w.hex(Math.floor(this.nowS() / MARK_STEP_S + 1) * MARK_STEP_S + MARK_LIFE_S, 8);
    w.hex(callerHost, 8);
    w.hex(calleeHost, 8);
    if (isLong) {
      writeFlow(w, caller);
      writeFlow(w, callee);
    }
    this.sign(m, form);
  }

  /**
   * After `read` of an entry in the response `m`: writes the caller's mark in its place.
   * @param calleeHost HOST_NONE: he is to reach nobody
   */
  answer(m: Message, user: Span, calleeHost: number): void {
    this.size = user.end - user.start;
    for (let i = 0; i < this.size; i++) this.bytes[i] = user.bytes[user.start + i];
    const w = this.writer;
    w.begin(this.bytes, MAC_DIGITS, LONG_DIGITS);
    w.hex(FORM_ANSWERED, 1);
    w.at += 16;
    w.hex(calleeHost, 8);
    this.sign(m, FORM_ANSWERED);
  }

  /** Whether `user` is a mark of ours for the dialog that `m`, a request or a response, belongs to; then all that is told is set. */
  read(m: Message, user: Span): boolean {
    const { bytes, start, end } = user;
    const size = end - start;
    if (size !== SHORT_DIGITS && size !== LONG_DIGITS) return false;
    const form = hexDigit(bytes[start + MAC_DIGITS]);
    if (form !== FORM_ASKED && form !== FORM_AGAIN && form !== FORM_ANSWERED) return false;
    this.form = form;
    // In a response From is the side that asked; the mark in it is still that of the request.
    this.isCaller = form === FORM_ANSWERED;
    this.reckon(bytes, start + MAC_DIGITS, end, m, this.isCaller || !m.isRequest);
    if (!this.isMac(bytes, start)) return false;
    const at = start + MAC_DIGITS + 1;
    const endS = this.number(bytes, at) >>> 0;
    const caller = this.number(bytes, at + 8);
    const callee = this.number(bytes, at + 16);
    this.isExpired = this.nowS() >= endS;
    this.peerHost = this.isCaller ? callee : caller;
    this.ownHost = this.isCaller ? caller : callee;
    this.flow.set(TRANSPORT_NONE, -1, 0, -1);
    if (size === LONG_DIGITS) this.readFlow(bytes, start + SHORT_DIGITS + (this.isCaller ? FLOW_DIGITS : 0), this.flow);
    return true;
  }

  /** Writes the parameter for the new Contact of the side with that tag, to be read by `isMoved`. @param flow as in `write` */
  writeMoved(w: Writer, m: Message, tagStart: number, tagEnd: number, host: number, flow: Flow): void {
    const { moved, writer: own } = this;
    own.begin(moved, MAC_DIGITS, moved.length);
    if (flow.transport !== TRANSPORT_NONE) writeFlow(own, flow);
    const end = own.at;
    this.reckonMoved(moved, MAC_DIGITS, end, m, tagStart, tagEnd, host);
    own.begin(moved, 0, MAC_DIGITS);
    this.putMac(own);
    w.octet(0x3b);
    w.put(MOVED);
    w.octet(0x3d);
    w.raw(moved, 0, end);
  }

  /** Whether the value of the parameter in the Request-URI of `m` is what was written for that host; then `flow` is that of now. */
  isMoved(m: Message, value: Span, host: number): boolean {
    const size = value.end - value.start;
    if (size !== MAC_DIGITS && size !== MAC_DIGITS + FLOW_DIGITS) return false;
    const { bytes, start, end } = value;
    this.reckonMoved(bytes, start + MAC_DIGITS, end, m, m.toTagStart, m.toTagEnd, host);
    if (!this.isMac(bytes, start)) return false;
    this.flow.set(TRANSPORT_NONE, -1, 0, -1);
    if (size > MAC_DIGITS) this.readFlow(bytes, start + MAC_DIGITS, this.flow);
    return true;
  }

  private nowS(): number {
    return this.clock === null ? 0 : this.clock.nowS();
  }

  /** Puts the hash before what `bytes` tells. */
  private sign(m: Message, form: number): void {
    this.reckon(this.bytes, MAC_DIGITS, this.size, m, true, form);
    const w = this.writer;
    w.begin(this.bytes, 0, MAC_DIGITS);
    this.putMac(w);
  }

  /** Compares all digits, whichever is wrong: how long it takes tells nothing. */
  private isMac(bytes: Uint8Array, start: number): boolean {
    const { mac } = this;
    let difference = 0;
    for (let i = 0; i < MAC_DIGITS / 2; i++) {
      const high = hexDigit(bytes[start + 2 * i]);
      const low = hexDigit(bytes[start + 2 * i + 1]);
      difference |= (high | low) < 0 ? 256 : mac[i] ^ (high * 16 + low);
    }
    return difference === 0;
  }

  /** The hash over the key, what the mark says, Call-ID, the tag of whoever began, and in the caller's mark that of the other side. */
  private reckon(bytes: Uint8Array, start: number, end: number, m: Message, isFrom: boolean, form = this.form): void {
    const { hash } = this;
    hash.begin();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(bytes, start, end);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, m.callIdStart, m.callIdEnd);
    this.addTag(m, isFrom);
    if (form === FORM_ANSWERED) this.addTag(m, !isFrom);
    hash.finish(this.mac, 0);
  }

  private addTag(m: Message, isFrom: boolean): void {
    this.hash.update(BLANK, 0, 1);
    this.hash.update(m.bytes, isFrom ? m.fromTagStart : m.toTagStart, isFrom ? m.fromTagEnd : m.toTagEnd);
  }

  private reckonMoved(
    bytes: Uint8Array,
    start: number,
    end: number,
    m: Message,
    tagStart: number,
    tagEnd: number,
    host: number,
  ): void {
    const { hash, digits, writer: w } = this;
    w.begin(digits, 0, digits.length);
    w.hex(host, 8);
    hash.begin();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(MOVED, 0, MOVED.length);
    hash.update(digits, 0, digits.length);
    hash.update(bytes, start, end);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, m.callIdStart, m.callIdEnd);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, tagStart, tagEnd);
    hash.finish(this.mac, 0);
  }

  private putMac(w: Writer): void {
    for (let i = 0; i < MAC_DIGITS / 2; i++) w.hex(this.mac[i], 2);
  }

  private number(bytes: Uint8Array, at: number): number {
    return readHex32(bytes, at, this.word) ? this.word[0] : 0;
  }

  private readFlow(bytes: Uint8Array, at: number, out: Flow): void {
    const first = this.number(bytes, at);
    const transport = first >>> 16;
    if (transport === TRANSPORT_UDP || transport === TRANSPORT_TCP)
      out.set(transport, this.number(bytes, at + 8) >>> 0, first & 0xffff, -1);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

function writeFlow(w: Writer, flow: Flow): void {
  w.hex(flow.transport, 4);
  w.hex(flow.port, 4);
  w.hex(flow.ip < 0 ? 0 : flow.ip, 8);
}
