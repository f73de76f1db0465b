/**
 * Our reliable provisional response (RFC 3262 §3): its number, its repetitions, and the PRACK that ends them. One at a
 * time.
 */
import { equal, parseUint, Span, UINT32_MOST } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { skipSpace } from "../wire/lex.js";
import type { Message } from "../wire/message.js";
import { HEADER_RACK, METHOD_INVITE, METHOD_NAMES } from "../wire/names.js";

const T1_MS = 500;
/** An INVITE whose provisional response is not acknowledged is given up after so long. */
const GIVE_UP_MS = 64 * T1_MS;
const INVITE = METHOD_NAMES[METHOD_INVITE];

// For the time of one call only.
const span = new Span();

export class Reliable {
  /** A response was sent that is not acknowledged yet. */
  isPending = false;
  /** Its RSeq. */
  rseq = 0;
  private delayMs = 0;
  private sinceMs = 0;

  reset(): void {
    this.isPending = false;
    this.rseq = 0;
  }

  /** A response is sent: it is repeated from now on. @param first a random number to begin with */
  startRepeating(timers: Timers, timer: number, first: number): void {
    this.rseq = this.rseq === 0 ? first : this.rseq + 1;
    this.isPending = true;
    this.delayMs = T1_MS;
    this.sinceMs = timers.nowMs;
    timers.start(timer, T1_MS);
  }

  /**
   * The response is sent again: sets when it is due the next time.
   * @returns false when that has gone on for too long
   */
  scheduleNext(timers: Timers, timer: number): boolean {
    const leftMs = this.sinceMs + GIVE_UP_MS - timers.nowMs;
    if (leftMs <= 0) return false;
    this.delayMs *= 2;
    timers.start(timer, Math.min(this.delayMs, leftMs));
    return true;
  }

  /** Whether PRACK `m` acknowledges it. @param cseq of the INVITE */
  isFor(m: Message, cseq: number): boolean {
    if (!this.isPending || !m.value(HEADER_RACK, span)) return false;
    const bytes = span.bytes;
    const end = span.end;
    const rseqEnd = wordEnd(bytes, span.start, end);
    const cseqStart = skipSpace(bytes, rseqEnd, end);
    const cseqEnd = wordEnd(bytes, cseqStart, end);
    const methodStart = skipSpace(bytes, cseqEnd, end);
    return (
      parseUint(bytes, span.start, rseqEnd, UINT32_MOST) === this.rseq &&
      parseUint(bytes, cseqStart, cseqEnd, UINT32_MOST) === cseq &&
      equal(bytes, methodStart, end, INVITE, 0, INVITE.length)
    );
  }
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] > 0x20) at += 1;
  return at;
}
