/**
 * The head of every response, copied once from the request: Via, From, To with our tag, Call-ID, CSeq (RFC 3261
 * §8.2.6.2), with `received` and `rport` in the topmost Via (§18.2.1, RFC 3581 §4). It also says which way the response
 * goes back.
 * Not here: the status line, and what follows the head.
 */

import { uint16Array } from "../core/arrays.js";
import { octets } from "../core/bytes.js";
import { TAG } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_CSEQ, HEADER_NAMES, HEADER_VIA, TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Flow } from "./flow.js";
import { HeadLines, PLACE } from "./headlines.js";
import { SIP_PORT } from "./transport.js";

const COLON = octets(": ");

// The parts of a head whose places are kept.
/** Our To tag: the request's own if it had one, else the new one. */
export const HEAD_LOCAL_TAG = 0;
/** All Vias, as lines. */
export const HEAD_VIAS = 1;
/** The lines from From to CSeq; and of these the To line by itself. */
const HEAD_PARTIES = 2;
const HEAD_TO = 3;
export const HEAD_BRANCH = 4;
export const HEAD_SENT_BY = 5;
export const HEAD_FROM_TAG = 6;
export const HEAD_CALL_ID = 7;
/** The method in CSeq. */
export const HEAD_METHOD = 8;
const PARTS = 9;

/** Knows where the parts of a head lie in the buffer that it was written to. */
export class ResponseHead {
  /** The To of the request had a tag, so it was meant for a dialog. */
  hasToTag = false;
  /** Start and end of each part. On XS one array takes less memory than so many numbers. */
  private readonly places = uint16Array(PARTS << 1);

  /** @param part HEAD_* @returns its offset in the buffer */
  startOf(part: number): number {
    return this.places[part << 1];
  }

  endOf(part: number): number {
    return this.places[(part << 1) + 1];
  }

  private place(part: number, start: number, end: number): void {
    const { places } = this;
    places[part << 1] = start;
    places[(part << 1) + 1] = end;
  }

  /** Writes all Vias in order. @param source where the request came from @param back set to where the response goes */
  writeVias(w: Writer, m: Message, source: Flow, back: Flow): void {
    const start = w.at;
    this.writeTopVia(w, m, source, back);
    const first = m.first(HEADER_VIA);
    for (let row = first < 0 ? -1 : m.next(first); row >= 0; row = m.next(row)) copyField(w, m, row);
    this.place(HEAD_VIAS, start, w.at);
  }

  /**
   * Writes From, To, Call-ID and CSeq. Missing ones are left out, for a request without one is refused with the others.
   * @param tagHigh @param tagLow the 64 bits of the To tag, for a request without one
   */
  writeParties(w: Writer, m: Message, tagHigh: number, tagLow: number): void {
    const start = w.at;
    this.writeEachParty(w, m, tagHigh, tagLow);
    this.place(HEAD_PARTIES, start, w.at);
  }

  /**
   * Writes From to CSeq, as `writeParties` wrote them to `bytes`, into a response to the same request. The response
   * should have brought them back unchanged, but may not have.
   * @param m that response, which has the tag of the answering side
   */
  writePartiesAgain(w: Writer, bytes: Uint8Array, m: Message): void {
    w.raw(bytes, this.startOf(HEAD_PARTIES), this.startOf(HEAD_TO));
    if (this.hasToTag) w.raw(bytes, this.startOf(HEAD_TO), this.endOf(HEAD_TO));
    else {
      w.raw(bytes, this.startOf(HEAD_TO), this.startOf(HEAD_LOCAL_TAG) - TAG.length);
      if (m.toTagEnd > m.toTagStart) {
        w.put(TAG);
        w.copy(m.bytes, m.toTagStart, m.toTagEnd);
      }
      w.crlf();
    }
    w.raw(bytes, this.endOf(HEAD_TO), this.endOf(HEAD_PARTIES));
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
    this.hasToTag = m.toTagEnd > m.toTagStart;
    advance(w, linesOf().writeParties(w.bytes, w.at, w.limit, m.bytes));
    this.place(HEAD_FROM_TAG, places[PLACE.fromTagStart], places[PLACE.fromTagEnd]);
    this.place(HEAD_TO, places[PLACE.toStart], places[PLACE.toEnd]);
    this.place(HEAD_LOCAL_TAG, places[PLACE.toTagStart], places[PLACE.toTagEnd]);
    this.place(HEAD_CALL_ID, places[PLACE.callIdStart], places[PLACE.callIdEnd]);
    this.place(HEAD_METHOD, places[PLACE.methodStart], places[PLACE.cseqEnd]);
    // The table of fields may have been full before CSeq came, but its value is known all the same.
    if (row < 0 && m.cseq >= 0) this.writeCSeq(w, m);
  }

  private writeCSeq(w: Writer, m: Message): void {
    w.put(HEADER_NAMES[HEADER_CSEQ]);
    w.put(COLON);
    w.uint(m.cseq);
    w.octet(0x20);
    const start = w.at;
    w.copy(m.bytes, m.cseqMethodStart, m.cseqMethodEnd);
    this.place(HEAD_METHOD, start, w.at);
    w.crlf();
  }

  /**
   * Takes the To tag of another head if both tags were made here: the answer to a CANCEL has that of the INVITE. RFC
   * 3261 §9.2
   */
  takeTag(bytes: Uint8Array, other: ResponseHead, otherBytes: Uint8Array): void {
    if (this.hasToTag || other.hasToTag) return;
    const end = this.endOf(HEAD_LOCAL_TAG);
    let from = other.startOf(HEAD_LOCAL_TAG);
    for (let i = this.startOf(HEAD_LOCAL_TAG); i < end; i++) bytes[i] = otherBytes[from++];
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
    this.place(HEAD_SENT_BY, places[PLACE.sentByStart], places[PLACE.sentByEnd]);
    this.place(HEAD_BRANCH, places[PLACE.branchStart], places[PLACE.branchEnd]);
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

/** Copies every field of that id, in order, with its usual name. */
export function copyFields(w: Writer, m: Message, id: number): void {
  for (let row = m.first(id); row >= 0; row = m.next(row)) copyField(w, m, row);
}

/** Copies a field with its usual name. */
export function copyField(w: Writer, m: Message, row: number): void {
  w.put(HEADER_NAMES[m.id(row)]);
  w.put(COLON);
  w.copy(m.bytes, m.valueStart(row), m.valueEnd(row));
  w.crlf();
}
