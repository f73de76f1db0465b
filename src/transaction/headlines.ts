/**
 * Writes the lines that each response copies from its request (head.ts), octet by octet: the topmost Via with
 * `received` and `rport`, and From, To, Call-ID and CSeq with our tag. On a board C (hal/native/headlines.c) writes
 * them.
 * Not here: which values the request has, and other Vias.
 */

import { PORT_MOST, parseIPv4 } from "../core/address.js";
import { equalNoCase, octets } from "../core/bytes.js";
import { copyUnfolded } from "../core/octets.js";
import { STOP_TOKEN, scan, skipSpace } from "../wire/lex.js";
import { CALL_ID, CRLF, CSEQ, FROM, TAG, TO, VIA } from "../wire/lines.js";
import { RECEIVED, RPORT } from "../wire/via.js";

/**
 * Offsets of values: before a line is written they are those of the request in its octets, afterwards those in the
 * octets of the response. An absent value has its start at its end.
 */
export const PLACE = {
  // For the topmost Via. The text behind it up to `viaStop`, other Vias of the same field, is copied too.
  viaStart: 0,
  viaEnd: 1,
  viaStop: 2,
  sentByStart: 3,
  sentByEnd: 4,
  branchStart: 5,
  branchEnd: 6,
  /** In: the address and port that the request came from. */
  sourceIp: 7,
  sourcePort: 8,
  /** Out: whether the sender wants the response where it sent from (RFC 3581), and the port of sent-by, 0 for none. */
  rport: 7,
  sentByPort: 8,
  // For From, To, Call-ID and CSeq.
  fromStart: 0,
  fromEnd: 1,
  fromTagStart: 2,
  fromTagEnd: 3,
  /** Out: the range of the whole line. */
  toStart: 4,
  toEnd: 5,
  /** In: the request's tag; out: that tag, or ours. */
  toTagStart: 6,
  toTagEnd: 7,
  callIdStart: 8,
  callIdEnd: 9,
  cseqStart: 10,
  methodStart: 11,
  cseqEnd: 12,
  /** In: the 64 bits of our tag. */
  tagHigh: 13,
  tagLow: 14,
} as const;
export const PLACES = 15;

const SET_RECEIVED = octets(";received=");
const SET_RPORT = octets(";rport=");
const TAG_DIGITS = 8;

const SPACE = 0x20;
const QUOTE = 0x22;
const DOT = 0x2e;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

export class HeadLines {
  readonly places = new Int32Array(PLACES);
  private out = VIA;
  private at = 0;
  private limit = 0;
  private bytes = VIA;

  /**
   * Writes the topmost Via to `out[at, limit)` from the request in `bytes`.
   * @returns the end of the line, or -1: it does not fit, or has octets that must not be sent
   */
  writeVia(out: Uint8Array, at: number, limit: number, bytes: Uint8Array): number {
    const { places } = this;
    this.begin(out, at, limit, bytes);
    const start = places[PLACE.viaStart];
    const end = places[PLACE.viaEnd];
    const stop = places[PLACE.viaStop];
    const sentBy = places[PLACE.sentByStart];
    const sentByEnd = places[PLACE.sentByEnd];
    const ip = places[PLACE.sourceIp];
    const port = places[PLACE.sourcePort];
    places[PLACE.rport] = places[PLACE.sentByPort] = 0;
    this.put(VIA);
    if (sentByEnd === sentBy) {
      // A Via that cannot be read goes back unchanged.
      places[PLACE.sentByStart] = places[PLACE.sentByEnd] = this.at;
      places[PLACE.branchStart] = places[PLACE.branchEnd] = this.at;
      this.copy(start, end);
    } else {
      this.copy(start, sentBy);
      places[PLACE.sentByStart] = this.at;
      this.copy(sentBy, sentByEnd);
      places[PLACE.sentByEnd] = this.at;
      this.copyParams(sentByEnd, end);
      const isElsewhere = this.readSentBy(sentBy, sentByEnd) !== ip;
      const wantsPort = places[PLACE.rport] !== 0;
      if (wantsPort || isElsewhere) {
        this.put(SET_RECEIVED);
        this.address(ip);
      }
      if (wantsPort) {
        this.put(SET_RPORT);
        this.uint(port);
      }
    }
    this.copy(end, stop);
    this.put(CRLF);
    return this.at;
  }

  /** Writes those of From, To, Call-ID and CSeq that are there, as `writeVia`. */
  writeParties(out: Uint8Array, at: number, limit: number, bytes: Uint8Array): number {
    const { places } = this;
    this.begin(out, at, limit, bytes);
    if (places[PLACE.fromEnd] > places[PLACE.fromStart]) {
      this.put(FROM);
      this.copyTagged(PLACE.fromStart, places[PLACE.fromStart], places[PLACE.fromEnd]);
      this.put(CRLF);
    } else places[PLACE.fromTagStart] = places[PLACE.fromTagEnd] = this.at;
    const toStart = places[PLACE.toStart];
    const toEnd = places[PLACE.toEnd];
    places[PLACE.toStart] = this.at;
    if (toEnd > toStart) this.writeTo(toStart, toEnd);
    else places[PLACE.toTagStart] = places[PLACE.toTagEnd] = this.at;
    places[PLACE.toEnd] = this.at;
    this.writeCallId(places[PLACE.callIdStart], places[PLACE.callIdEnd]);
    const cseq = places[PLACE.cseqStart];
    const method = places[PLACE.methodStart];
    const cseqEnd = places[PLACE.cseqEnd];
    places[PLACE.methodStart] = places[PLACE.cseqEnd] = this.at;
    if (cseqEnd === cseq) return this.at;
    this.put(CSEQ);
    this.copy(cseq, method);
    places[PLACE.methodStart] = this.at;
    this.copy(method, cseqEnd);
    places[PLACE.cseqEnd] = this.at;
    this.put(CRLF);
    return this.at;
  }

  private writeTo(start: number, end: number): void {
    const { places } = this;
    this.put(TO);
    if (places[PLACE.toTagEnd] > places[PLACE.toTagStart]) this.copyTagged(PLACE.toStart, start, end);
    else {
      this.copy(start, end);
      this.put(TAG);
      places[PLACE.toTagStart] = this.at;
      this.hex(places[PLACE.tagHigh]);
      this.hex(places[PLACE.tagLow]);
      places[PLACE.toTagEnd] = this.at;
    }
    this.put(CRLF);
  }

  private writeCallId(start: number, end: number): void {
    const { places } = this;
    places[PLACE.callIdStart] = places[PLACE.callIdEnd] = this.at;
    if (end === start) return;
    this.put(CALL_ID);
    places[PLACE.callIdStart] = this.at;
    this.copy(start, end);
    places[PLACE.callIdEnd] = this.at;
    this.put(CRLF);
  }

  private begin(out: Uint8Array, at: number, limit: number, bytes: Uint8Array): void {
    this.out = out;
    this.at = at;
    this.limit = limit;
    this.bytes = bytes;
  }

  /** After a failure the offset stays -1. */
  private put(constant: Uint8Array): void {
    const { at } = this;
    if (at < 0 || at + constant.length > this.limit) this.at = -1;
    else {
      this.out.set(constant, at);
      this.at = at + constant.length;
    }
  }

  private copy(start: number, end: number): void {
    const { at } = this;
    if (at < 0 || at + (end - start) > this.limit) this.at = -1;
    else this.at = copyUnfolded(this.out, at, this.bytes, start, end);
  }

  /** Copies an address; the two places behind its own have the range of its tag. */
  private copyTagged(place: number, start: number, end: number): void {
    const { places } = this;
    const tag = places[place + 2];
    const tagEnd = places[place + 3];
    this.copy(start, tag);
    places[place + 2] = this.at;
    this.copy(tag, tagEnd);
    places[place + 3] = this.at;
    this.copy(tagEnd, end);
  }

  /** Copies all parameters but `received` and `rport`, which only the server that received the request may write. */
  private copyParams(at: number, end: number): void {
    const { bytes, places } = this;
    const branch = places[PLACE.branchStart];
    const branchEnd = places[PLACE.branchEnd];
    places[PLACE.branchStart] = places[PLACE.branchEnd] = this.at;
    let start = at;
    while (start < end) {
      const next = pieceEnd(bytes, start, end);
      if (isParam(bytes, start, next, RPORT)) places[PLACE.rport] = 1;
      else if (!isParam(bytes, start, next, RECEIVED)) {
        if (branchEnd > branch && branch >= start && branchEnd <= next) {
          this.copy(start, branch);
          places[PLACE.branchStart] = this.at;
          this.copy(branch, branchEnd);
          places[PLACE.branchEnd] = this.at;
          this.copy(branchEnd, next);
        } else this.copy(start, next);
      }
      start = next;
    }
  }

  /**
   * Sets the port of sent-by.
   * @returns its host as an address, a signed integer; for a name, a number that is no address
   */
  private readSentBy(start: number, end: number): number {
    const { bytes, places } = this;
    const isBracketed = bytes[start] === 0x5b;
    let i = start;
    if (isBracketed) while (i < end && bytes[i] !== 0x5d) i += 1;
    else i = scan(bytes, start, end, STOP_TOKEN);
    const hostEnd = i;
    if (isBracketed) i += 1;
    i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] === COLON) {
      let port = 0;
      i = skipSpace(bytes, i + 1, end);
      while (i < end && port <= PORT_MOST) port = port * 10 + bytes[i++] - 0x30;
      places[PLACE.sentByPort] = port;
    }
    const ip = isBracketed ? -1 : parseIPv4(bytes, start, hostEnd);
    return ip < 0 ? Number.NaN : ip | 0;
  }

  private octet(value: number): void {
    if (this.at < 0 || this.at >= this.limit) this.at = -1;
    else this.out[this.at++] = value;
  }

  private uint(value: number): void {
    let most = 1;
    while (most * 10 <= value) most *= 10;
    for (; most >= 1; most = (most / 10) | 0) this.octet(0x30 + (((value / most) | 0) % 10));
  }

  private address(ip: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) {
      this.uint((ip >>> shift) & 255);
      if (shift > 0) this.octet(DOT);
    }
  }

  private hex(value: number): void {
    for (let i = TAG_DIGITS - 1; i >= 0; i--) {
      const nibble = (value >>> (4 * i)) & 15;
      this.octet(nibble < 10 ? 0x30 + nibble : 0x57 + nibble);
    }
  }
}

/** @returns the end of the parameter whose semicolon is at `start`: at the next one outside of quotes, or `end` */
function pieceEnd(bytes: Uint8Array, start: number, end: number): number {
  let next = start + 1;
  let isQuoted = false;
  while (next < end && (isQuoted || bytes[next] !== SEMICOLON)) {
    if (bytes[next] === QUOTE) isQuoted = !isQuoted;
    else if (bytes[next] === BACKSLASH && isQuoted) next += 1;
    next += 1;
  }
  return next > end ? end : next;
}

/** Whether the piece `;name` or `;name=value` has that name. */
function isParam(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  let from = start + 1;
  while (from < end && bytes[from] <= SPACE) from += 1;
  const to = from + name.length;
  if (to > end || !equalNoCase(bytes, from, to, name, 0, name.length)) return false;
  return to === end || bytes[to] <= SPACE || bytes[to] === EQUALS;
}
