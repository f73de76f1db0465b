/**
 * The token in our Record-Route: the user part of its URI, which works as a capability. When the URI comes back in a
 * Route, the token says that the dialog began through this server, which side is asking, until when it may, which host
 * it may reach, and how: behind a NAT, or on a connection that the other side opened. The server keeps nothing of a
 * dialog: a keyed hash over all of this protects the token. RFC 3261 §16.6 step 4, RFC 5626 §5.3
 *
 * The called side gets its token in the request; it may reach the host that the caller's Contact names, or the proxy
 * before us. The caller gets another token: our entry is rewritten in each response (§16.7), when the Contact of the
 * called side is known, and this token holds for the tags of both. A side that changes its Contact later gets a
 * parameter into the new Contact that lets the other side follow.
 *
 * A flow token stands in our Path (RFC 5626 §5.1, RFC 3327): it names the flow of a phone that registered through us,
 * elsewhere or in a store that other servers read. A request along it goes to that phone alone. Beside it stands a hash
 * over P-Asserted-Identity when one of these servers sends the request.
 * Not here: which requests a token lets through (routing.ts, admission.ts), rewriting (answered.ts).
 */

import { lower, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { readHex32 } from "../transaction/slots.js";
import { hostEndOf } from "../wire/compare.js";
import { hexDigit } from "../wire/lex.js";
import { overTransport } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { SHA256_BYTES, Sha256 } from "../wire/sha256.js";
import type { Uri } from "../wire/uri.js";
import { MADDR } from "../wire/via.js";
import { Writer } from "../wire/writer.js";
import { DayClock } from "./location.js";

// Forms of a token.
/** For the called side, in the request that begins a dialog. */
export const FORM_ASKED = 1;
/** For the side that is asked, in a request inside of a dialog. */
export const FORM_AGAIN = 2;
/** For the side that asked, in the responses. */
export const FORM_ANSWERED = 3;

/** Stands in a token for a host that no request may be sent to. */
export const HOST_NONE = 0;

/**
 * How long a token is good, s: two days. The route set of a dialog never changes, so its token does not either, and no
 * call or session timer may outlast it. A request that ends a call passes afterwards too (routing.ts), and our own
 * users can give their password. Tokens end at whole hours, so that a repeated request is forwarded octet for octet as
 * before.
 */
export const TOKEN_LIFE_S = 48 * 3600;
const TOKEN_STEP_S = 3600;

// A token: 64 bits of the keyed hash; form, end, hosts of the caller and of the called side; and when it is long, the
// flows of both: transport, port, address.
const MAC_DIGITS = 16;
const TOLD_DIGITS = 1 + 8 + 8 + 8;
const SHORT_DIGITS = MAC_DIGITS + TOLD_DIGITS;
const FLOW_DIGITS = 16;
const LONG_DIGITS = SHORT_DIGITS + 2 * FLOW_DIGITS;
/** A flow token: the hash; end, process and connection; the flow. Its length tells it from the others. */
export const FLOW_TOKEN_DIGITS = MAC_DIGITS + 8 + 8 + 8 + FLOW_DIGITS;
const FLOW_WORD = octets("flow");
const KEY_BYTES = 32;
const BLANK = octets(" ");
/** The parameter in a Contact that was changed: the hash, and perhaps a flow. */
export const MOVED = octets("moved");
/** The parameter in a Route to another server on our store: the hash over P-Asserted-Identity. */
export const ASSERTED = octets("asserted");

/** What a token of ours says. `RouteTokens.readToken` fills it; the caller owns it. */
export class RouteToken {
  /** FORM_* */
  form = FORM_ASKED;
  /** The sender is the side that began the dialog. */
  isCaller = false;
  isExpired = false;
  /** The host that the sender may reach, as `hostOf` gives it. */
  peerHost = HOST_NONE;
  /** The sender's own host when the dialog began, as `hostOf` gives it. */
  ownHost = HOST_NONE;
  /** How the other side is reached; TRANSPORT_NONE: as its Contact says. */
  readonly flow = new Flow();
}

/** What a flow token says. `RouteTokens.readFlowToken` fills it; the caller owns it. */
export class FlowToken {
  readonly flow = new Flow();
  /** The process that has the connection of the flow. */
  node = 0;
  isExpired = false;
}

/** Writes `TOKEN@ADDRESS:PORT`, and the transport by which others come to us with it. It follows `sip:`. */
export function writeTokenPlace(w: Writer, token: TokenText, layer: TransactionLayer, transport: number): void {
  w.raw(token.bytes, 0, token.size);
  w.octet(0x40);
  w.ip(layer.localIp);
  w.octet(0x3a);
  w.uint(layer.transport.ownPort(transport));
  w.put(overTransport(transport));
}

/** The text of a token. `RouteTokens` writes it; the caller owns it. */
export class TokenText {
  readonly bytes = new Uint8Array(LONG_DIGITS);
  size = 0;
}

export class RouteTokens {
  private clock: DayClock | null;
  private readonly key = new Uint8Array(KEY_BYTES);
  private readonly hash = new Sha256();
  private readonly mac = new Uint8Array(SHA256_BYTES);
  private readonly writer = new Writer();
  private readonly host = new Span();
  private readonly name = new Uint8Array(256);
  private readonly digits = new Uint8Array(8);
  private readonly moved = new Uint8Array(MAC_DIGITS + FLOW_DIGITS);

  /**
   * @param clock shared by all servers that stand in for one another; null: time counts from the start, and so does the
   * life of the key
   */
  constructor(random: RandomSource, clock: DayClock | null = null) {
    this.clock = clock;
    for (let i = 0; i < KEY_BYTES; i++) this.key[i] = random.uint32() & 255;
  }

  /** Servers that stand in for one another share a key. @param key its first KEY_BYTES are copied */
  setKey(key: Uint8Array): void {
    this.key.set(key.subarray(0, KEY_BYTES));
  }

  /** Gives the time if there is no clock. */
  useTimers(timers: Timers): void {
    if (this.clock === null) this.clock = new DayClock(timers);
  }

  /** @returns the host of a next hop as tokens write it: an address as its number, a name as a keyed hash */
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
    hash.beginHash();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(MADDR, 0, MADDR.length);
    hash.update(this.name, 0, size);
    hash.finish(this.mac, 0);
    return word(this.mac, 0);
  }

  /**
   * Writes the token for the dialog that the request begins or belongs to.
   * @param caller @param callee flows to write, of TRANSPORT_NONE when there is none to write
   * @param callerHost @param calleeHost as `hostOf` gives them @param out filled
   */
  writeToken(
    m: Message,
    form: number,
    caller: Flow,
    callee: Flow,
    callerHost: number,
    calleeHost: number,
    out: TokenText,
  ): void {
    const isLong = caller.transport !== TRANSPORT_NONE || callee.transport !== TRANSPORT_NONE;
    out.size = isLong ? LONG_DIGITS : SHORT_DIGITS;
    const w = this.writer;
    w.begin(out.bytes, MAC_DIGITS, LONG_DIGITS);
    w.hex(form, 1);
    w.hex(this.endS(), 8);
    w.hex(callerHost, 8);
    w.hex(calleeHost, 8);
    if (isLong) {
      writeFlow(w, caller);
      writeFlow(w, callee);
    }
    this.sign(m, form, out);
  }

  /**
   * Writes the caller's token for a response.
   * @param user the token that `readToken` read in the response
   * @param calleeHost HOST_NONE: the caller may reach no host
   * @param out filled
   */
  writeAnswered(m: Message, user: Span, calleeHost: number, out: TokenText): void {
    out.size = user.end - user.start;
    for (let i = 0; i < out.size; i++) out.bytes[i] = user.bytes[user.start + i];
    const w = this.writer;
    w.begin(out.bytes, MAC_DIGITS, LONG_DIGITS);
    w.hex(FORM_ANSWERED, 1);
    w.at += 16;
    w.hex(calleeHost, 8);
    this.sign(m, FORM_ANSWERED, out);
  }

  /**
   * Reads `user` as a token of ours for the dialog that `m`, a request or a response, belongs to.
   * @param out filled if it is one @returns whether it is one
   */
  readToken(m: Message, user: Span, out: RouteToken): boolean {
    const { bytes, start, end } = user;
    const size = end - start;
    if (size !== SHORT_DIGITS && size !== LONG_DIGITS) return false;
    const form = hexDigit(bytes[start + MAC_DIGITS]);
    if (form !== FORM_ASKED && form !== FORM_AGAIN && form !== FORM_ANSWERED) return false;
    const isCaller = form === FORM_ANSWERED;
    // In a response From is the side that asked, and the token in it is still that of the request.
    this.hashToken(bytes, start + MAC_DIGITS, end, m, isCaller || !m.isRequest, form);
    if (!this.isMac(bytes, start)) return false;
    const at = start + MAC_DIGITS + 1;
    const endS = this.number(bytes, at) >>> 0;
    const caller = this.number(bytes, at + 8);
    const callee = this.number(bytes, at + 16);
    out.form = form;
    out.isCaller = isCaller;
    out.isExpired = this.nowS() >= endS;
    out.peerHost = isCaller ? callee : caller;
    out.ownHost = isCaller ? caller : callee;
    out.flow.set(TRANSPORT_NONE, -1, 0, -1);
    if (size === LONG_DIGITS) this.readFlow(bytes, start + SHORT_DIGITS + (isCaller ? FLOW_DIGITS : 0), out.flow);
    return true;
  }

  /**
   * Writes the parameter for the new Contact of the side with that tag; `readMoved` reads it.
   * @param flow as in `writeToken`
   */
  writeMoved(w: Writer, m: Message, tagStart: number, tagEnd: number, host: number, flow: Flow): void {
    const { moved, writer: own } = this;
    own.begin(moved, MAC_DIGITS, moved.length);
    if (flow.transport !== TRANSPORT_NONE) writeFlow(own, flow);
    const end = own.at;
    this.hashMoved(moved, MAC_DIGITS, end, m, tagStart, tagEnd, host);
    own.begin(moved, 0, MAC_DIGITS);
    this.putMac(own);
    w.octet(0x3b);
    w.put(MOVED);
    w.octet(0x3d);
    w.raw(moved, 0, end);
  }

  /**
   * Reads the parameter's value in the Request-URI of `m`.
   * @param flow set to the one written in it if it was written here for that host @returns whether it was
   */
  readMoved(m: Message, value: Span, host: number, flow: Flow): boolean {
    const size = value.end - value.start;
    if (size !== MAC_DIGITS && size !== MAC_DIGITS + FLOW_DIGITS) return false;
    const { bytes, start, end } = value;
    this.hashMoved(bytes, start + MAC_DIGITS, end, m, m.toTagStart, m.toTagEnd, host);
    if (!this.isMac(bytes, start)) return false;
    flow.set(TRANSPORT_NONE, -1, 0, -1);
    if (size > MAC_DIGITS) this.readFlow(bytes, start + MAC_DIGITS, flow);
    return true;
  }

  /** Writes the token for a flow to a phone. @param node the process that has its connection @param out filled */
  writeFlowToken(flow: Flow, node: number, out: TokenText): void {
    out.size = FLOW_TOKEN_DIGITS;
    const w = this.writer;
    w.begin(out.bytes, MAC_DIGITS, LONG_DIGITS);
    w.hex(this.endS(), 8);
    w.hex(node, 8);
    w.hex(flow.connection, 8);
    writeFlow(w, flow);
    this.hashFlow(out.bytes, MAC_DIGITS, out.size);
    w.begin(out.bytes, 0, MAC_DIGITS);
    this.putMac(w);
  }

  /** Reads `user` as a flow token of ours. @param out filled if it is one @returns whether it is one */
  readFlowToken(user: Span, out: FlowToken): boolean {
    const { bytes, start, end } = user;
    if (end - start !== FLOW_TOKEN_DIGITS) return false;
    const at = start + MAC_DIGITS;
    this.hashFlow(bytes, at, end);
    if (!this.isMac(bytes, start)) return false;
    out.isExpired = this.nowS() >= this.number(bytes, at) >>> 0;
    out.node = this.number(bytes, at + 8);
    out.flow.set(TRANSPORT_NONE, -1, 0, -1);
    this.readFlow(bytes, at + 24, out.flow);
    out.flow.connection = this.number(bytes, at + 16);
    return true;
  }

  /**
   * Writes the parameter for a Route to the server that has the flow; `isAssertion` reads it.
   * @param token the flow token @param identity the value of P-Asserted-Identity
   */
  writeAssertion(w: Writer, m: Message, token: Span, identity: Span): void {
    this.hashAssertion(m, token, identity);
    w.octet(0x3b);
    w.put(ASSERTED);
    w.octet(0x3d);
    this.putMac(w);
  }

  /** Whether a server with our key wrote that value for this request, flow and identity. */
  isAssertion(m: Message, value: Span, token: Span, identity: Span): boolean {
    if (value.size() !== MAC_DIGITS) return false;
    this.hashAssertion(m, token, identity);
    return this.isMac(value.bytes, value.start);
  }

  private hashAssertion(m: Message, token: Span, identity: Span): void {
    const { hash, digits, writer: w } = this;
    w.begin(digits, 0, digits.length);
    w.hex(m.cseq, 8);
    hash.beginHash();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(ASSERTED, 0, ASSERTED.length);
    hash.update(digits, 0, digits.length);
    hash.update(token.bytes, token.start, token.end);
    hash.update(m.bytes, m.methodStart, m.methodEnd);
    hash.update(BLANK, 0, 1);
    hash.update(identity.bytes, identity.start, identity.end);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, m.callIdStart, m.callIdEnd);
    this.addTag(m, true);
    hash.finish(this.mac, 0);
  }

  private hashFlow(bytes: Uint8Array, start: number, end: number): void {
    const { hash } = this;
    hash.beginHash();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(FLOW_WORD, 0, FLOW_WORD.length);
    hash.update(bytes, start, end);
    hash.finish(this.mac, 0);
  }

  /** @returns when a token ends that is written now, s */
  private endS(): number {
    return Math.floor(this.nowS() / TOKEN_STEP_S + 1) * TOKEN_STEP_S + TOKEN_LIFE_S;
  }

  private nowS(): number {
    return this.clock === null ? 0 : this.clock.nowS();
  }

  /** Writes the hash before the rest of the token. */
  private sign(m: Message, form: number, out: TokenText): void {
    this.hashToken(out.bytes, MAC_DIGITS, out.size, m, true, form);
    const w = this.writer;
    w.begin(out.bytes, 0, MAC_DIGITS);
    this.putMac(w);
  }

  /** Compares all digits even when one is wrong, so that the time taken says nothing. */
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

  /**
   * Sets `mac` to the hash over the key, the token's content, Call-ID, the tag of the side that began, and in the
   * caller's token the tag of the other side.
   */
  private hashToken(bytes: Uint8Array, start: number, end: number, m: Message, isFrom: boolean, form: number): void {
    const { hash } = this;
    hash.beginHash();
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

  private hashMoved(
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
    hash.beginHash();
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
    // No number is 0.
    return readHex32(bytes, at) | 0;
  }

  private readFlow(bytes: Uint8Array, at: number, out: Flow): void {
    const first = this.number(bytes, at);
    const transport = first >>> 16;
    if (transport === TRANSPORT_UDP || transport === TRANSPORT_TCP || transport === TRANSPORT_TLS)
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
