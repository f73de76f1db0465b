/**
 * Answers requests without a transaction: malformed ones, and all when no transaction is free. One message goes out for
 * one that came, and the same one for a repetition, for the To tag is a hash of the request. RFC 3261 §8.2.7
 */

import { NONE } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { EMPTY_BODY, SIP_VERSION } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { reasonPhrase } from "../wire/status.js";
import type { Writer } from "../wire/writer.js";
import { Flow } from "./flow.js";
import { ResponseHead } from "./head.js";
import { type ServerTransaction, shortStatus } from "./server.js";
import { readHex32 } from "./slots.js";
import type { Transport } from "./transport.js";

export class Answers {
  private readonly transport: Transport;
  private readonly buffer: Uint8Array;
  private readonly writer: Writer;
  private readonly head = new ResponseHead();
  private readonly back = new Flow();
  private readonly seedHigh: number;
  private readonly seedLow: number;
  /** Ends of the first line and of the head of the answer that is being written; 0 when the head did not fit. */
  private lineEnd = 0;
  private headEnd = 0;
  private status = 0;

  /** @param buffer takes an answer for the time of one call; it has the size of the longest @param writer of all */
  constructor(transport: Transport, random: RandomSource, buffer: Uint8Array, writer: Writer) {
    this.transport = transport;
    this.buffer = buffer;
    this.writer = writer;
    this.seedHigh = random.uint32() | 0;
    this.seedLow = random.uint32() | 0;
  }

  /**
   * Answers the request `m` that came from `source`. An answer that cannot be written is counted as dropped.
   * @param field a whole header field to add, NONE for none
   * @param like the transaction whose To tag the answer gets, or null
   */
  answer(
    m: Message,
    source: Flow,
    status: number,
    field: Uint8Array = NONE,
    like: ServerTransaction | null = null,
  ): void {
    const w = this.beginAnswer(m, source, status);
    if (like !== null) this.head.takeTag(this.buffer, like, like.buffer);
    w.put(field);
    w.put(EMPTY_BODY);
    this.sendAnswer();
  }

  /**
   * Begins an answer with all fields up to CSeq. The caller goes on with the writer, and calls `sendAnswer`.
   * @param source may be a transaction's: it is not kept
   */
  beginAnswer(m: Message, source: Flow, status: number, reason: Uint8Array = NONE): Writer {
    const w = this.writer;
    w.begin(this.buffer, 0, this.buffer.length);
    this.writeLine(status, reason);
    this.status = status;
    this.lineEnd = w.at;
    const high = digest(this.seedHigh, m);
    // The answer founds no dialog, so it has no Record-Route.
    this.head.writeVias(w, m, source, this.back);
    this.head.writeParties(w, m, high, digest(this.seedLow ^ high, m));
    this.headEnd = w.ok ? w.at : 0;
    return w;
  }

  /** Sends the answer. If it did not fit, the part up to CSeq is sent. */
  sendAnswer(): void {
    const w = this.writer;
    if (!w.ok && this.headEnd > 0) this.shortenAnswer();
    if (w.ok) this.transport.send(this.back, this.buffer, 0, w.at);
    else this.transport.counters.dropped += 1;
  }

  /**
   * Cuts the answer down to the fields that were copied. A success stays a success, for it may be for a request that
   * ended something.
   */
  private shortenAnswer(): void {
    const { writer: w, buffer, status, lineEnd } = this;
    const short = status < 300 ? status : shortStatus(status);
    let end = this.headEnd;
    if (short !== status) {
      const shift = SIP_VERSION.length + 6 + reasonPhrase(short).length - lineEnd;
      end += shift;
      if (end > buffer.length) return;
      buffer.copyWithin(lineEnd + shift, lineEnd, this.headEnd);
      w.begin(buffer, 0, lineEnd + shift);
      this.writeLine(short);
    }
    w.begin(buffer, end, buffer.length);
    w.put(EMPTY_BODY);
  }

  private writeLine(status: number, reason: Uint8Array = NONE): void {
    const w = this.writer;
    w.put(SIP_VERSION);
    w.uint(status);
    w.octet(0x20);
    w.put(reason.length > 0 ? reason : reasonPhrase(status));
    w.crlf();
  }

  /** Whether the ACK `m` is for an answer that was given here: it has the To tag of that answer, and ends with it. */
  isAcknowledged(m: Message): boolean {
    if (m.toTagEnd - m.toTagStart !== 16) return false;
    const high = digest(this.seedHigh, m);
    if (readHex32(m.bytes, m.toTagStart) !== high) return false;
    return readHex32(m.bytes, m.toTagStart + 8) === digest(this.seedLow ^ high, m);
  }
}

/** @returns 32 bits from the fields that a repetition of the request has too */
function digest(seed: number, m: Message): number {
  let h = seed ^ m.cseq;
  h = mix(h, m.bytes, m.callIdStart, m.callIdEnd);
  h = mix(h, m.bytes, m.fromTagStart, m.fromTagEnd);
  h = mix(h, m.bytes, m.branchStart, m.branchEnd);
  return h ^ (h >>> 15);
}

function mix(from: number, bytes: Uint8Array, start: number, end: number): number {
  let h = from;
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h;
}
