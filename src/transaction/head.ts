/**
 * The head of every response, copied once from the request: Via, From, To with our tag, Call-ID, CSeq (RFC 3261
 * §8.2.6.2), with `received` and `rport` in the topmost Via (§18.2.1, RFC 3581 §4). It also says which way the response
 * goes back.
 * Not here: the status line, and what follows the head.
 */

import { octets } from "../core/bytes.js";
import { TAG } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_CSEQ, HEADER_NAMES, HEADER_VIA, TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Flow } from "./flow.js";
import { HeadLines, PLACE } from "./headlines.js";
import { SIP_PORT } from "./transport.js";

const COLON = octets(": ");

/** Offsets of the fields by which requests are compared, into the buffer that the head was written to. */
export class ResponseHead {
  /** Our To tag: the request's own if it had one, else the new one. */
  localTagStart = 0;
  localTagEnd = 0;
  /** Range of the Vias, as lines; and of the fields from To to CSeq, with the To line by itself. */
  viasStart = 0;
  viasEnd = 0;
  private partiesStart = 0;
  private partiesEnd = 0;
  private toStart = 0;
  private toEnd = 0;
  /** The To of the request had a tag, so it was meant for a dialog. */
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

  /** Writes all Vias in order. @param source where the request came from @param back set to where the response goes */
  writeVias(w: Writer, m: Message, source: Flow, back: Flow): void {
    this.viasStart = w.at;
    this.writeTopVia(w, m, source, back);
    const first = m.first(HEADER_VIA);
    for (let row = first < 0 ? -1 : m.next(first); row >= 0; row = m.next(row)) copyField(w, m, row);
    this.viasEnd = w.at;
  }

  /**
   * Writes From, To, Call-ID and CSeq. Missing ones are left out, for a request without one is refused with the others.
   * @param tagHigh @param tagLow the 64 bits of the To tag, for a request without one
   */
  writeParties(w: Writer, m: Message, tagHigh: number, tagLow: number): void {
    this.writeEachParty(w, m, tagHigh, tagLow);
    this.partiesEnd = w.at;
  }

  /**
   * Writes From to CSeq, as `writeParties` wrote them to `bytes`, into a response to the same request. The response
   * should have brought them back unchanged, but may not have.
   * @param m that response, which has the tag of the answering side
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
    const { places } = linesOf();
    places[PLACE.fromStart] = m.fromStart;
    places[PLACE.fromEnd] = m.fromEnd;
    places[PLACE.fromTagStart] = m.fromTagStart;
    places[PLACE.fromTagEnd] = m.fromTagEnd;
    places[PLACE.toStart] = m.toStart;
    places[PLACE.toEnd] = m.toEnd;
    places[PLACE.toTagStart] = m.toTagStart;
    places[PLACE.toTagEnd] = m.toTagEnd;
    places[PLACE.callIdStart] = m.callIdStart;
    places[PLACE.callIdEnd] = m.callIdEnd;
    const row = m.first(HEADER_CSEQ);
    places[PLACE.cseqStart] = row < 0 ? 0 : m.valueStart(row);
    places[PLACE.methodStart] = m.cseqMethodStart;
    places[PLACE.cseqEnd] = row < 0 ? 0 : m.valueEnd(row);
    places[PLACE.tagHigh] = tagHigh;
    places[PLACE.tagLow] = tagLow;
    this.partiesStart = w.at;
    this.hasToTag = m.toTagEnd > m.toTagStart;
    advance(w, linesOf().writeParties(w.bytes, w.at, w.limit, m.bytes));
    this.fromTagStart = places[PLACE.fromTagStart];
    this.fromTagEnd = places[PLACE.fromTagEnd];
    this.toStart = places[PLACE.toStart];
    this.toEnd = places[PLACE.toEnd];
    this.localTagStart = places[PLACE.toTagStart];
    this.localTagEnd = places[PLACE.toTagEnd];
    this.callIdStart = places[PLACE.callIdStart];
    this.callIdEnd = places[PLACE.callIdEnd];
    this.methodStart = places[PLACE.methodStart];
    this.methodEnd = places[PLACE.cseqEnd];
    // The table of fields may have been full before CSeq came, but its value is known all the same.
    if (row < 0 && m.cseq >= 0) this.writeCSeq(w, m);
  }

  private writeCSeq(w: Writer, m: Message): void {
    w.put(HEADER_NAMES[HEADER_CSEQ]);
    w.put(COLON);
    w.uint(m.cseq);
    w.octet(0x20);
    this.methodStart = w.at;
    w.copy(m.bytes, m.cseqMethodStart, m.cseqMethodEnd);
    this.methodEnd = w.at;
    w.crlf();
  }

  /**
   * Takes the To tag of another head if both tags were made here: the answer to a CANCEL has that of the INVITE. RFC
   * 3261 §9.2
   */
  takeTag(bytes: Uint8Array, other: ResponseHead, otherBytes: Uint8Array): void {
    if (this.hasToTag || other.hasToTag) return;
    for (let i = this.localTagStart, j = other.localTagStart; i < this.localTagEnd; i++, j++) bytes[i] = otherBytes[j];
  }

  /**
   * Writes the topmost Via and sets `back`. The response goes to the address that the request came from, never to a
   * maddr, or a forged request would make us send to a third party. The port is the source's with rport, else that of
   * sent-by; a TCP response goes back on its connection. RFC 3261 §18.2.2
   */
  private writeTopVia(w: Writer, m: Message, source: Flow, back: Flow): void {
    const lines = linesOf();
    const { places } = lines;
    back.copy(source);
    const row = m.first(HEADER_VIA);
    places[PLACE.viaStart] = m.viaStart;
    places[PLACE.viaEnd] = m.viaEnd;
    places[PLACE.viaStop] = row < 0 ? m.viaEnd : m.valueEnd(row);
    places[PLACE.sentByStart] = m.sentByStart;
    places[PLACE.sentByEnd] = m.sentByEnd;
    places[PLACE.branchStart] = m.branchStart;
    places[PLACE.branchEnd] = m.branchEnd;
    places[PLACE.sourceIp] = source.ip;
    places[PLACE.sourcePort] = source.port;
    advance(w, lines.writeVia(w.bytes, w.at, w.limit, m.bytes));
    this.sentByStart = places[PLACE.sentByStart];
    this.sentByEnd = places[PLACE.sentByEnd];
    this.branchStart = places[PLACE.branchStart];
    this.branchEnd = places[PLACE.branchEnd];
    // A Via that cannot be read does not say where the response is wanted.
    if (m.sentByEnd === m.sentByStart || (places[PLACE.rport] !== 0 && source.transport === TRANSPORT_UDP)) return;
    back.port = places[PLACE.sentByPort] > 0 ? places[PLACE.sentByPort] : SIP_PORT;
  }
}

/**
 * The writer is made on first use, for an object that a module makes while it loads cannot be written to on a board.
 */
let lines: HeadLines | null = null;

function linesOf(): HeadLines {
  lines ??= new HeadLines();
  return lines;
}

/** Moves the writer behind what was written. @param at -1: nothing was written, and the writer fails */
function advance(w: Writer, at: number): void {
  if (at < 0) w.ok = false;
  else w.at = at;
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
