/**
 * How much new work a busy server takes on: RFC 7339's idea within one server, steered by how long a datagram waits
 * before it is looked at. As long as that is well below the 500 ms after which clients ask again, all is taken; the
 * longer it is, the larger is the part of the new requests that are answered 503 with Retry-After and without state,
 * which costs little. What was begun goes on: dialogs, repetitions, CANCEL, and what answers a challenge that was given
 * just now.
 * Not here: how a driver measures the wait, and who may ask for what (admission.ts, shares.ts).
 */
import { octets } from "../core/bytes.js";
import type { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { EMPTY_BODY } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_AUTHORIZATION,
  HEADER_PROXY_AUTHORIZATION,
  METHOD_ACK,
  METHOD_CANCEL,
  METHOD_REGISTER,
} from "../wire/names.js";
import type { Authenticator } from "./authenticator.js";

/**
 * Up to WAIT_EASY_MS all new requests are let in, from WAIT_MOST_MS on hardly any. A request waits here, so does the
 * answer to it, and the caller asks again after T1 (500 ms, RFC 3261 §17.1.1.1). Found with the model of
 * test/server/overload.test.ts: with higher values more is left to chance in the kernel's buffer, and callers who were
 * not answered go on asking long after.
 */
export const WAIT_EASY_MS = 80;
export const WAIT_MOST_MS = 170;
/**
 * Known callers are turned away only when it has been so for a while, and no more when it has not: a moment's stop is
 * no overload, ms.
 */
const STANDING_MS = 500;
/**
 * Who claims no user of ours, or comes from where nobody gave a password lately, is turned away at once, and at half of
 * that wait.
 */
const STRANGER_WEIGHT = 2;
/** Where passwords came from is remembered by hashes, so many; a power of two. */
const SOURCES = 4096;
/** How long, ms: longer than a registration lasts as a rule. */
const SOURCE_MS = 7200_000;
/** Something is always let in, so that nobody waits for ever beside a flood. */
const LEAST = 0.02;
const RETRY_AFTER = octets("Retry-After: ");
const CRLF = octets("\r\n");
/** Those who are refused come back after 5 to 12 s, not all at once. */
const RETRY_S = 5;
const RETRY_MASK = 7;

/** Whoever can read of a request whose it is. */
export interface OverloadJudge {
  isInDialog(m: Message): boolean;
  /** Whether its From says that it comes from a user of ours, true or not. */
  isOfOurs(m: Message): boolean;
}

export class Overload {
  /** How long a datagram waits now before it is looked at, ms. */
  waitMs = 0;
  /** The wait has been too long for a while. */
  private isStanding = false;
  /** Since when the wait says otherwise than `isStanding`, ms; -1: it does not. */
  private otherMs = -1;
  /** Requests that were answered 503. */
  shed = 0;
  private readonly auth: Authenticator;
  /** Runs up to 1 by the share of each new request; then one is let in. */
  credit = 1;

  /** By the hash of an address (a phone's port may change): until when it counts as known. */
  private readonly knownMs = new Float64Array(SOURCES);

  constructor(auth: Authenticator) {
    this.auth = auth;
  }

  /** Told by the driver: how long a datagram waits now before it is looked at. */
  noteWait(waitMs: number, nowMs: number): void {
    this.waitMs = waitMs;
    if (waitMs >= WAIT_EASY_MS === this.isStanding) this.otherMs = -1;
    else if (this.otherMs < 0) this.otherMs = nowMs;
    else if (nowMs - this.otherMs >= STANDING_MS) {
      this.isStanding = !this.isStanding;
      this.otherMs = -1;
    }
  }

  /**
   * The part of the new requests that is let in, 1 for all.
   * @param isKnown who claims a user of ours, from where a password came lately
   */
  shareOf(isKnown: boolean): number {
    if (isKnown && !this.isStanding) return 1;
    const waitMs = isKnown ? this.waitMs : this.waitMs * STRANGER_WEIGHT;
    return Math.min(1, Math.max(LEAST, (WAIT_MOST_MS - waitMs) / (WAIT_MOST_MS - WAIT_EASY_MS)));
  }

  /**
   * How many requests had the right password so far: if there are more after a request than before, `know` is told its
   * source.
   */
  accepted(): number {
    return this.auth.counters.accepted;
  }

  /** Somebody at that address gave a right password now. */
  noteKnown(ip: number, nowMs: number): void {
    this.knownMs[placeOf(ip)] = nowMs + SOURCE_MS;
  }

  /**
   * Whether a request is let in; counted if not. To be asked once for each.
   * @param judge null when there is none @param ip where it came from
   */
  admit(m: Message, judge: OverloadJudge | null, ip: number, nowMs: number): boolean {
    if (this.shareOf(false) >= 1) return true;
    const isKnown = nowMs < this.knownMs[placeOf(ip)] && (judge === null || judge.isOfOurs(m));
    const share = this.shareOf(isKnown);
    if (share >= 1 || !this.isNew(m, judge, ip)) return true;
    this.credit = Math.min(2, this.credit + share);
    if (this.credit >= 1) {
      this.credit -= 1;
      return true;
    }
    this.shed += 1;
    return false;
  }

  /** Answers a request that was not let in: 503. */
  refuseRequest(layer: TransactionLayer, m: Message, source: Flow): void {
    const w = layer.answer(m, source, 503);
    w.put(RETRY_AFTER);
    w.uint(RETRY_S + (this.shed & RETRY_MASK));
    w.put(CRLF);
    w.put(EMPTY_BODY);
    layer.sendAnswer();
  }

  private isNew(m: Message, judge: OverloadJudge | null, ip: number): boolean {
    if (m.method === METHOD_ACK || m.method === METHOD_CANCEL) return false;
    if (m.toTagEnd > m.toTagStart && judge?.isInDialog(m) === true) return false;
    const field = m.method === METHOD_REGISTER ? HEADER_AUTHORIZATION : HEADER_PROXY_AUTHORIZATION;
    return !this.auth.isAnswer(m, field, ip);
  }
}

function placeOf(ip: number): number {
  const h = Math.imul(ip, 0x85ebca6b);
  return (h ^ (h >>> 15)) & (SOURCES - 1);
}
