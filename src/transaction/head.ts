/**
 * What every response to a request begins with, copied from the request once: Via, From, To with our tag,
 * Call-ID, CSeq (RFC 3261 §8.2.6.2), with `received` and `rport` in the topmost Via (§18.2.1, RFC 3581 §4); and by which way it goes back.
 * Not here: the status line, and what follows the head.
 */
import { equalNoCase, octets } from "../core/bytes.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CALL_ID,
  HEADER_CSEQ,
  HEADER_FROM,
  HEADER_NAMES,
  HEADER_TO,
  HEADER_VIA,
  TRANSPORT_TCP,
} from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Flow } from "./flow.js";
import { SIP_PORT } from "./transport.js";

const COLON = octets(": ");
const TAG = octets(";tag=");
const RECEIVED = octets("received");
const RPORT = octets("rport");
const SET_RECEIVED = octets(";received=");
const SET_RPORT = octets(";rport=");

/** Offsets into the buffer that the head was written to, of what requests are compared by. */
export class ResponseHead {
  /** Our To tag: the request's own when it had one, else the new one. */
  localTagStart = 0;
  localTagEnd = 0;
  /** All Vias, as lines, in the buffer that they were written to; and From to CSeq, in which the To line has its own borders. */
  viasStart = 0;
  viasEnd = 0;
  private partiesStart = 0;
  private partiesEnd = 0;
  private toStart = 0;
  private toEnd = 0;
  /** The request's To had a tag: it was meant for a dialog. */
  hasToTag = false;
  branchStart = 0;
  branchEnd = 0;
  sentByStart = 0;
  sentByEnd = 0;
  fromTagStart = 0;
  fromTagEnd = 0;
  callIdStart = 0;
  callIdEnd = 0;
  methodStart = 0;
  methodEnd = 0;

  /** Writes all Vias in order. @param source where the request came from @param back is set to where the response goes */
  writeVias(w: Writer, m: Message, source: Flow, back: Flow): void {
    this.viasStart = w.at;
    this.writeTopVia(w, m, source, back);
    const first = m.first(HEADER_VIA);
    for (let row = first < 0 ? -1 : m.next(first); row >= 0; row = m.next(row)) copyField(w, m, row);
    this.viasEnd = w.at;
  }

  /** Writes From, To, Call-ID and CSeq: those that are there, for a request without one is refused all the same. @param tagHigh @param tagLow the 64 bits of the To tag, for a request without one */
  writeParties(w: Writer, m: Message, tagHigh: number, tagLow: number): void {
    this.writeEachParty(w, m, tagHigh, tagLow);
    this.partiesEnd = w.at;
  }

  /**
   * Writes From to CSeq as `writeParties` wrote them to `bytes`, for a response to the same request: it should have brought them back, whatever was made of them.
   * @param m that response: it has the tag of whoever answers
   */
  writePartiesAgain(w: Writer, bytes: Uint8Array, m: Message): void {
    w.raw(bytes, this.partiesStart, this.toStart);
    if (this.hasToTag) w.raw(bytes, this.toStart, this.toEnd);
    else {
      w.raw(bytes, this.toStart, this.localTagStart - TAG.length);
      if (m.toTagEnd > m.toTagStart) {
        w.put(TAG);
        w.copy(m.bytes, m.toTagStart, m.toTagEnd);
      }
      w.crlf();
    }
    w.raw(bytes, this.toEnd, this.partiesEnd);
  }

  private writeEachParty(w: Writer, m: Message, tagHigh: number, tagLow: number): void {
    this.hasToTag = false;
    this.partiesStart = this.toStart = this.toEnd = w.at;
    this.fromTagStart = this.fromTagEnd = this.localTagStart = this.localTagEnd = w.at;
    if (m.fromEnd > m.fromStart) this.writeFrom(w, m);
    if (m.toEnd > m.toStart) this.writeTo(w, m, tagHigh, tagLow);
    this.callIdStart = this.callIdEnd = w.at;
    if (m.callIdEnd > m.callIdStart) this.writeCallId(w, m);
    this.methodStart = this.methodEnd = w.at;
    const row = m.first(HEADER_CSEQ);
    // The table of fields may have been full before it came: its value is there all the same.
    if (row < 0 && m.cseq < 0) return;
    w.put(HEADER_NAMES[HEADER_CSEQ]);
    w.put(COLON);
    if (row >= 0) w.copy(m.bytes, m.valueStart(row), m.cseqMethodStart);
    else {
      w.uint(m.cseq);
      w.octet(0x20);
    }
    this.methodStart = w.at;
    w.copy(m.bytes, m.cseqMethodStart, row >= 0 ? m.valueEnd(row) : m.cseqMethodEnd);
    this.methodEnd = w.at;
    w.crlf();
  }

  /** The To tag becomes that of another head, if both were made here: an INVITE's in the answer to its CANCEL. RFC 3261 §9.2 */
  takeTag(bytes: Uint8Array, other: ResponseHead, otherBytes: Uint8Array): void {
    if (this.hasToTag || other.hasToTag) return;
    for (let i = this.localTagStart, j = other.localTagStart; i < this.localTagEnd; i++, j++) bytes[i] = otherBytes[j];
  }

  /**
   * The response goes to the address the request came from, never to a maddr: else a forged request would turn us on a third party.
   * The port is the source's with rport, else that of sent-by; a TCP response goes back on its connection. RFC 3261 §18.2.2
   */
  private writeTopVia(w: Writer, m: Message, source: Flow, back: Flow): void {
    back.copy(source);
    w.put(HEADER_NAMES[HEADER_VIA]);
    w.put(COLON);
    this.sentByStart = this.sentByEnd = this.branchStart = this.branchEnd = w.at;
    // A Via that cannot be read goes back as it came, to where it came from.
    if (m.sentByEnd === m.sentByStart) w.copy(m.bytes, m.viaStart, m.viaEnd);
    else {
      const via = m.topVia();
      if (!via.rportFlag || source.transport === TRANSPORT_TCP) back.port = via.port > 0 ? via.port : SIP_PORT;
      w.copy(m.bytes, m.viaStart, m.sentByStart);
      this.sentByStart = w.at;
      w.copy(m.bytes, m.sentByStart, m.sentByEnd);
      this.sentByEnd = w.at;
      this.copyViaParams(w, m);
      if (via.rportFlag || via.ip !== source.ip) {
        w.put(SET_RECEIVED);
        w.ip(source.ip);
      }
      if (via.rportFlag) {
        w.put(SET_RPORT);
        w.uint(source.port);
      }
    }
    const row = m.first(HEADER_VIA);
    if (row >= 0) w.copy(m.bytes, m.viaEnd, m.valueEnd(row));
    w.crlf();
  }

  /** All but `received` and `rport`, which only the server that received the request may tell. */
  private copyViaParams(w: Writer, m: Message): void {
    const bytes = m.bytes;
    const end = m.viaEnd;
    this.branchStart = this.branchEnd = w.at;
    let start = m.sentByEnd;
    while (start < end) {
      let next = start + 1;
      let quoted = false;
      while (next < end && (quoted || bytes[next] !== 0x3b)) {
        if (bytes[next] === 0x22) quoted = !quoted;
        else if (bytes[next] === 0x5c && quoted) next += 1;
        next += 1;
      }
      if (next > end) next = end;
      if (!isParam(bytes, start, next, RECEIVED) && !isParam(bytes, start, next, RPORT)) {
        if (m.branchEnd > m.branchStart && m.branchStart >= start && m.branchEnd <= next) {
          w.copy(bytes, start, m.branchStart);
          this.branchStart = w.at;
          w.copy(bytes, m.branchStart, m.branchEnd);
          this.branchEnd = w.at;
          w.copy(bytes, m.branchEnd, next);
        } else w.copy(bytes, start, next);
      }
      start = next;
    }
  }

  private writeCallId(w: Writer, m: Message): void {
    w.put(HEADER_NAMES[HEADER_CALL_ID]);
    w.put(COLON);
    this.callIdStart = w.at;
    w.copy(m.bytes, m.callIdStart, m.callIdEnd);
    this.callIdEnd = w.at;
    w.crlf();
  }

  private writeFrom(w: Writer, m: Message): void {
    w.put(HEADER_NAMES[HEADER_FROM]);
    w.put(COLON);
    if (m.fromTagEnd > m.fromTagStart) {
      w.copy(m.bytes, m.fromStart, m.fromTagStart);
      this.fromTagStart = w.at;
      w.copy(m.bytes, m.fromTagStart, m.fromTagEnd);
      this.fromTagEnd = w.at;
      w.copy(m.bytes, m.fromTagEnd, m.fromEnd);
    } else {
      w.copy(m.bytes, m.fromStart, m.fromEnd);
      this.fromTagStart = w.at;
      this.fromTagEnd = w.at;
    }
    w.crlf();
  }

  private writeTo(w: Writer, m: Message, tagHigh: number, tagLow: number): void {
    this.hasToTag = m.toTagEnd > m.toTagStart;
    this.toStart = w.at;
    w.put(HEADER_NAMES[HEADER_TO]);
    w.put(COLON);
    if (this.hasToTag) {
      w.copy(m.bytes, m.toStart, m.toTagStart);
      this.localTagStart = w.at;
      w.copy(m.bytes, m.toTagStart, m.toTagEnd);
      this.localTagEnd = w.at;
      w.copy(m.bytes, m.toTagEnd, m.toEnd);
    } else {
      w.copy(m.bytes, m.toStart, m.toEnd);
      w.put(TAG);
      this.localTagStart = w.at;
      w.hex(tagHigh, 8);
      w.hex(tagLow, 8);
      this.localTagEnd = w.at;
    }
    w.crlf();
    this.toEnd = w.at;
  }
}

/** Copies every field of that id, in order. */
export function copyFields(w: Writer, m: Message, id: number): void {
  for (let row = m.first(id); row >= 0; row = m.next(row)) copyField(w, m, row);
}

function copyField(w: Writer, m: Message, row: number): void {
  w.put(HEADER_NAMES[m.id(row)]);
  w.put(COLON);
  w.copy(m.bytes, m.valueStart(row), m.valueEnd(row));
  w.crlf();
}

/** Whether the piece `;name` or `;name=value` has that name. */
function isParam(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  let from = start + 1;
  while (from < end && bytes[from] <= 0x20) from += 1;
  const to = from + name.length;
  if (to > end || !equalNoCase(bytes, from, to, name, 0, name.length)) return false;
  return to === end || bytes[to] <= 0x20 || bytes[to] === 0x3d;
}
