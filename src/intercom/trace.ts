/**
 * The SIP messages of the last call, as a ladder for a person and as a pcap for Wireshark. Its memory is fixed: of each
 * message so many octets are kept as the machine has room for, and the oldest messages make room for the youngest.
 * Answers to challenges, and the bodies of INFO and MESSAGE, in which codes may stand, are masked before they are kept.
 * Not here: registrations, and sound.
 */

import { ipv4Text } from "../core/address.js";
import { equalNoCase, octets, text } from "../core/bytes.js";
import { base64Text, copyOctets, findLine, findOctet } from "../core/octets.js";
import { printable } from "../core/printable.js";
import type { Timers } from "../core/timers.js";
import type { Flow } from "../transaction/flow.js";
import {
  DETOUR_KNOWN,
  DETOUR_LATE,
  DETOUR_LONG,
  DETOUR_LOST,
  DETOUR_REFUSED,
  DETOUR_SILENT,
  type Tap,
} from "../transaction/transport.js";
import { APPLICATION_SDP } from "../wire/body.js";
import { methodOf } from "../wire/lookup.js";
import { CONTENT_TYPE } from "../wire/multipart.js";
import {
  METHOD_ACK,
  METHOD_BYE,
  METHOD_CANCEL,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_MESSAGE,
  METHOD_NAMES,
  METHOD_NONE,
  METHOD_NOTIFY,
  METHOD_PRACK,
  METHOD_REFER,
  METHOD_UPDATE,
  TRANSPORT_UDP,
} from "../wire/names.js";

// Layout of a message: its size here (2), ms since the first (4), flags (1), METHOD_* of CSeq (1), address (4), port
// (2), its length (2), its octets.
const HEAD = 16;
const FLAG_OUT = 1;
const FLAG_TCP = 2;
const FLAG_SDP = 4;
/**
 * Shift of the bits above the flags: why it goes by that transport, DETOUR_* plus one; 0: it went as it was meant to.
 */
const WHY_SHIFT = 3;

/** The lines that are looked at begin with these; "-" and "*" are CR and LF, the end of the head. */
const LETTERS = octets("apc-*");
const CSEQ = octets("cseq");
/** The short form of Content-Type. */
const SHORT_TYPE = octets("c");
/** Offset of the T in Content-Type. */
const TYPE_AT = 8;
/** The content type of a NOTIFY that reports a transfer. */
const SIPFRAG = octets("message/sipfrag");
const INLINE = octets("inline:");
const RESPONSE = octets('response="');
const STAR = 0x2a;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
/** The bit that makes a capital letter a small one. */
const LOWER = 0x20;
const LETTER_A = 0x61;
const LETTER_C = 0x63;
const LETTER_P = 0x70;
const LETTER_R = 0x72;
const LETTER_U = 0x75;

// The pcap has LINKTYPE_RAW and packets that are cut to what was kept.
const PCAP_HEAD = 24;
const PCAP_RECORD = 16;
const LINKTYPE_RAW = 101;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const TCP_BYTES = 20;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

export class Trace implements Tap {
  private readonly timers: Timers;
  private readonly bytes: Uint8Array;
  private readonly most: number;
  private end = 0;
  private startMs = 0;
  /** Whether no call goes on, so that the next INVITE begins a new trace. */
  private isResting = true;
  /** DETOUR_*: why the next message that is sent goes by its transport; -1: for no special reason. */
  private why = -1;
  // What the last message that was read has.
  private method = METHOD_NONE;
  private hasSdp = false;
  private hasSipfrag = false;
  /** Whether it may have the answer to a challenge: Authorization or Proxy-Authorization. */
  private hasAnswer = false;
  private bodyAt = 0;
  /** The ends of the names of its CSeq and its Content-Type; -1: it has none. */
  private cseqAt = -1;
  private typeAt = -1;

  /** @param bytes octets for all messages @param most octets that are kept of one message */
  constructor(timers: Timers, bytes: number, most: number) {
    this.timers = timers;
    this.bytes = new Uint8Array(bytes);
    this.most = most;
  }

  /** The call is over; messages of it that still come are kept. */
  rest(): void {
    this.isResting = true;
  }

  onDetour(_flow: Flow, why: number): void {
    this.why = why;
  }

  onMessage(isOut: boolean, flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const why = isOut ? this.why : -1;
    if (isOut) this.why = -1;
    // These steps follow one another, and call few functions: messages are sent from deep in the stack, whose size is
    // memory.
    this.findLines(bytes, start, end);
    this.method = this.cseqAt < 0 ? METHOD_NONE : methodOfLine(bytes, this.cseqAt, stopOf(bytes, this.cseqAt, end));
    this.hasSdp = this.hasSipfrag = false;
    if (this.typeAt >= 0) this.readType(bytes, this.typeAt, stopOf(bytes, this.typeAt, end));
    if (!isOfCalls(this.method) && (this.method !== METHOD_NOTIFY || !this.hasSipfrag)) return;
    const at = this.keep(isOut, why, flow, bytes, start, end);
    if (at < 0) return;
    const body = at + HEAD + this.bodyAt - start;
    this.mask(at + HEAD, this.end, body);
    this.maskKeys(body, this.end);
  }

  /** Keeps the message that was read last, with its secrets. @returns where; -1: nowhere, for it is too long */
  private keep(isOut: boolean, why: number, flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    const { method } = this;
    if (this.isResting && method === METHOD_INVITE && bytes[start] !== 0x53) {
      this.isResting = false;
      this.end = 0;
      this.startMs = this.timers.nowMs;
    }
    const length = end - start;
    const kept = Math.min(length, this.most);
    const size = HEAD + kept;
    if (size > this.bytes.length) return -1;
    this.makeRoom(size);
    const at = this.end;
    this.end += size;
    this.put16(at, size);
    const ms = Math.min(this.timers.nowMs - this.startMs, 0x7fffffff);
    this.put16(at + 2, ms >>> 16);
    this.put16(at + 4, ms);
    this.bytes[at + 6] =
      (isOut ? FLAG_OUT : 0) |
      (flow.transport !== TRANSPORT_UDP ? FLAG_TCP : 0) |
      (this.hasSdp ? FLAG_SDP : 0) |
      ((why + 1) << WHY_SHIFT);
    this.bytes[at + 7] = method;
    this.put16(at + 8, flow.ip >>> 16);
    this.put16(at + 10, flow.ip);
    this.put16(at + 12, flow.port);
    this.put16(at + 14, Math.min(length, 0xffff));
    copyOctets(this.bytes, at + HEAD, bytes, start, start + kept);
    return at;
  }

  /**
   * Finds the lines that are looked at, the first of each name, and the body. It reads leniently: octets that are no
   * message have none of them.
   */
  private findLines(bytes: Uint8Array, start: number, end: number): void {
    this.cseqAt = this.typeAt = -1;
    this.hasAnswer = false;
    this.bodyAt = end;
    for (let line = start; ; ) {
      line = findLine(bytes, line, end, LETTERS);
      if (line >= end) return;
      let stop = findOctet(bytes, line, end, LF);
      if (stop < 0) stop = end;
      // The first two letters tell most lines that are of no use here. Reading more of each was half of the trace's
      // cost (`npm run bench:rv`).
      switch (bytes[line] | LOWER) {
        case LETTER_A:
          if ((bytes[line + 1] | LOWER) === LETTER_U) this.hasAnswer = true;
          break;
        case LETTER_P:
          if ((bytes[line + 1] | LOWER) === LETTER_R) this.hasAnswer = true;
          break;
        case LETTER_C: {
          const second = bytes[line + 1] | LOWER;
          let name = SHORT_TYPE;
          if (second === CSEQ[1]) name = CSEQ;
          // Content-Length and the like have another ninth letter.
          else if (second === CONTENT_TYPE[1]) {
            if ((bytes[line + TYPE_AT] | LOWER) !== CONTENT_TYPE[TYPE_AT]) break;
            name = CONTENT_TYPE;
          }
          let at = 1;
          while (at < name.length && (bytes[line + at] | LOWER) === name[at]) at += 1;
          if (at < name.length || line + at >= stop || (bytes[line + at] !== COLON && bytes[line + at] !== SPACE))
            break;
          if (name !== CSEQ) {
            if (this.typeAt < 0) this.typeAt = line + at;
          } else if (this.cseqAt < 0) this.cseqAt = line + at;
          break;
        }
        case CR | LOWER:
        case LF | LOWER:
          if (line > start && (bytes[line] === LF || (bytes[line] === CR && stop === line + 1))) {
            this.bodyAt = stop + 1;
            return;
          }
      }
      line = stop + 1;
    }
  }

  /** Reads a Content-Type: whether it is that of a description, or of the report of a transfer. */
  private readType(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i + APPLICATION_SDP.length <= end; i++)
      if (
        (bytes[i] | LOWER) === APPLICATION_SDP[0] &&
        equalNoCase(bytes, i, i + APPLICATION_SDP.length, APPLICATION_SDP, 0, APPLICATION_SDP.length)
      )
        this.hasSdp = true;
    for (let i = start; !this.hasSdp && i + SIPFRAG.length <= end; i++)
      if ((bytes[i] | LOWER) === SIPFRAG[0] && equalNoCase(bytes, i, i + SIPFRAG.length, SIPFRAG, 0, SIPFRAG.length))
        this.hasSipfrag = true;
  }

  /** Drops the oldest messages until `size` octets fit. */
  private makeRoom(size: number): void {
    let from = 0;
    while (this.end - from + size > this.bytes.length) from += this.get16(from);
    if (from === 0) return;
    this.bytes.copyWithin(0, from, this.end);
    this.end -= from;
  }

  /** Writes stars over answers to challenges, and over bodies in which codes may stand; the lengths stay. */
  private mask(start: number, end: number, body: number): void {
    const { bytes } = this;
    const headEnd = this.hasAnswer ? Math.min(body, end) : start;
    for (let i = start; i + RESPONSE.length <= headEnd; i++) {
      // Most octets do not begin it; a function call for each cost a tenth of a call's signalling (`npm run bench:rv`).
      if ((bytes[i] | 0x20) !== RESPONSE[0]) continue;
      if (!equalNoCase(bytes, i, i + RESPONSE.length, RESPONSE, 0, RESPONSE.length)) continue;
      for (i += RESPONSE.length; i < headEnd && bytes[i] !== QUOTE && bytes[i] !== CR; i++) bytes[i] = STAR;
    }
    if (this.method !== METHOD_INFO && this.method !== METHOD_MESSAGE) return;
    for (let i = body; i < end; i++) if (bytes[i] > SPACE) bytes[i] = STAR;
  }

  /**
   * Writes stars over the keys of a=crypto lines, whatever type the body says it has: it may have parts. RFC 4568 §7
   */
  private maskKeys(body: number, end: number): void {
    const { bytes } = this;
    for (let i = body; i + INLINE.length <= end; i++) {
      if ((bytes[i] | LOWER) !== INLINE[0] || !equalNoCase(bytes, i, i + INLINE.length, INLINE, 0, INLINE.length))
        continue;
      for (i += INLINE.length; i < end && bytes[i] > SPACE; i++) bytes[i] = STAR;
    }
  }

  get isEmpty(): boolean {
    return this.end === 0;
  }

  /** Returns a line for each message: ms, direction, the other side, the start line; "" when nothing was kept. */
  ladder(): string {
    let out = "";
    for (let at = 0; at < this.end; at += this.get16(at)) {
      const flags = this.bytes[at + 6];
      const ms = this.get32(at + 2);
      const fraction = "00" + (ms % 1000);
      out += ("      " + Math.floor(ms / 1000)).slice(-6) + "." + fraction.slice(-3);
      out += (flags & FLAG_OUT) !== 0 ? " -> " : " <- ";
      out += (
        ipv4Text(this.get32(at + 8)) +
        ":" +
        this.get16(at + 12) +
        ((flags & FLAG_TCP) !== 0 ? " tcp" : "")
      ).padEnd(26);
      out += this.headline(at) + "\n";
    }
    return out;
  }

  private headline(at: number): string {
    const { bytes } = this;
    const start = at + HEAD;
    const end = at + this.get16(at);
    let stop = start;
    while (stop < end && bytes[stop] !== CR && bytes[stop] !== LF) stop += 1;
    const line = printable(text(bytes, start, stop));
    const isResponse = line.slice(0, 8) === "SIP/2.0 ";
    const words = isResponse ? line.slice(8) + " " + text(METHOD_NAMES[bytes[at + 7]]) : withoutVersion(line);
    return words + ((bytes[at + 6] & FLAG_SDP) !== 0 ? " (SDP)" : "") + this.reason(at);
  }

  /** Says why a message went by that transport, "" when it was meant to. */
  private reason(at: number): string {
    const why = (this.bytes[at + 6] >> WHY_SHIFT) - 1;
    if (why < 0) return "";
    const known = why >= DETOUR_KNOWN ? ", as before" : "";
    return " [" + this.get16(at + 14) + " octets: " + reasonOf(why & (DETOUR_KNOWN - 1)) + known + "]";
  }

  /**
   * Makes a pcap file of all messages.
   * @param ip our address @param udpPort our port @param tcpPort our port @param epochS the time of the first message,
   * 0 when it is not known
   */
  pcap(ip: number, udpPort: number, tcpPort: number, epochS: number): Uint8Array {
    let size = PCAP_HEAD;
    for (let at = 0; at < this.end; at += this.get16(at))
      size += PCAP_RECORD + IP_BYTES + this.transportBytes(at) + this.get16(at) - HEAD;
    const out = new Uint8Array(size);
    const view = new DataView(out.buffer);
    view.setUint32(0, 0xa1b2c3d4);
    view.setUint16(4, 2);
    view.setUint16(6, 4);
    view.setUint32(16, 0xffff);
    view.setUint32(20, LINKTYPE_RAW);
    // Octets that went each way over TCP so far: the sequence numbers of the next segments.
    let sent = 1;
    let received = 1;
    let to = PCAP_HEAD;
    for (let at = 0; at < this.end; at += this.get16(at)) {
      const isOut = (this.bytes[at + 6] & FLAG_OUT) !== 0;
      const isTcp = (this.bytes[at + 6] & FLAG_TCP) !== 0;
      const ms = this.get32(at + 2);
      const kept = this.get16(at) - HEAD;
      const length = this.get16(at + 14);
      const heads = IP_BYTES + this.transportBytes(at);
      const far = this.get32(at + 8);
      const own = isTcp ? tcpPort : udpPort;
      view.setUint32(to, epochS + Math.floor(ms / 1000));
      view.setUint32(to + 4, (ms % 1000) * 1000);
      view.setUint32(to + 8, heads + kept);
      view.setUint32(to + 12, heads + length);
      to += PCAP_RECORD;
      view.setUint16(to, 0x4500);
      view.setUint16(to + 2, heads + length);
      view.setUint16(to + 8, (64 << 8) | (isTcp ? PROTOCOL_TCP : PROTOCOL_UDP));
      view.setUint32(to + 12, isOut ? ip : far);
      view.setUint32(to + 16, isOut ? far : ip);
      view.setUint16(to + 10, checksum(view, to));
      to += IP_BYTES;
      view.setUint16(to, isOut ? own : this.get16(at + 12));
      view.setUint16(to + 2, isOut ? this.get16(at + 12) : own);
      if (isTcp) {
        view.setUint32(to + 4, isOut ? sent : received);
        view.setUint32(to + 8, isOut ? received : sent);
        view.setUint16(to + 12, 0x5018);
        view.setUint16(to + 14, 0xffff);
        if (isOut) sent += length;
        else received += length;
      } else view.setUint16(to + 4, UDP_BYTES + length);
      to += heads - IP_BYTES;
      copyOctets(out, to, this.bytes, at + HEAD, at + HEAD + kept);
      to += kept;
    }
    return out;
  }

  private transportBytes(at: number): number {
    return (this.bytes[at + 6] & FLAG_TCP) !== 0 ? TCP_BYTES : UDP_BYTES;
  }

  private put16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  private get16(at: number): number {
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  private get32(at: number): number {
    return ((this.get16(at) << 16) | this.get16(at + 2)) >>> 0;
  }
}

/** @param why DETOUR_* */
function reasonOf(why: number): string {
  switch (why) {
    case DETOUR_LONG:
      return "too long for UDP";
    case DETOUR_REFUSED:
      return "TCP refused or reset";
    case DETOUR_LATE:
      return "no TCP connection in time";
    case DETOUR_SILENT:
      return "no response by TCP";
    case DETOUR_LOST:
      return "TCP connection lost";
    default:
      return "no TCP connection to be had";
  }
}

/** @returns METHOD_* behind the last space of a CSeq, whose name ends at `start` */
function methodOfLine(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let i = start; i < end; i++) if (bytes[i] === SPACE) at = i + 1;
  return methodOf(bytes, at, end);
}

/** @returns the end of the line in which `at` stands, without its CR */
function stopOf(bytes: Uint8Array, at: number, end: number): number {
  let stop = findOctet(bytes, at, end, LF);
  if (stop < 0) stop = end;
  return stop > at && bytes[stop - 1] === CR ? stop - 1 : stop;
}

function isOfCalls(method: number): boolean {
  switch (method) {
    case METHOD_INVITE:
    case METHOD_ACK:
    case METHOD_BYE:
    case METHOD_CANCEL:
    case METHOD_INFO:
    case METHOD_PRACK:
    case METHOD_UPDATE:
    case METHOD_REFER:
      return true;
    default:
      return false;
  }
}

function withoutVersion(line: string): string {
  return line.slice(-8) === " SIP/2.0" ? line.slice(0, -8) : line;
}

/** Reckons the checksum of an IPv4 header. RFC 791 §3.1 */
function checksum(view: DataView, at: number): number {
  let sum = 0;
  for (let i = 0; i < IP_BYTES; i += 2) if (i !== 10) sum += view.getUint16(at + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Writes base64. @param wide characters of a line, a multiple of four; lines end by \n. 0: one line without an end */
export function base64(bytes: Uint8Array, wide: number): string {
  const { length } = bytes;
  if (wide === 0) return base64Text(bytes, 0, length);
  const step = (wide / 4) * 3;
  let out = "";
  for (let at = 0; at < length; at += step) out += base64Text(bytes, at, Math.min(at + step, length)) + "\n";
  return out;
}
