/**
 * Decides how much new work a busy server takes on: the idea of RFC 7339 within one server, steered by how long a
 * datagram waits before it is read. As long as that is well below the 500 ms after which clients repeat a request, all
 * requests are taken. The longer it is, the larger is the part of new requests that are answered 503 with Retry-After
 * and without a transaction, which costs little. Work that has begun goes on: dialogs, repetitions, CANCEL, and the
 * answer to a new challenge.
 * Not here: how a driver measures the wait, and who may ask for what (admission.ts, shares.ts).
 */

import type { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { CRLF, EMPTY_BODY, RETRY_AFTER } from "../wire/lines.js";
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
 * Up to WAIT_EASY_MS all new requests are taken, from WAIT_MOST_MS on hardly any. Both the request and its answer wait,
 * and the caller repeats after T1 (500 ms, RFC 3261 §17.1.1.1). The values come from the model in
 * test/server/overload.test.ts: with higher ones more is lost in the kernel's buffer, and callers that got no answer go
 * on repeating long after.
 */
export const WAIT_EASY_MS = 80;
export const WAIT_MOST_MS = 170;
/**
 * Known callers are refused only after the wait was too long for this time, and taken again after it was short for as
 * long, ms. A short stop is no overload.
 */
const STANDING_MS = 500;
/**
 * Strangers are refused at once, and at half of that wait. A stranger claims no user of ours, or sends from an address
 * that gave no password lately.
 */
const STRANGER_WEIGHT = 2;
/** Number of hashes by which addresses that gave a password are remembered; a power of two. */
const SOURCES = 4096;
/** How long they are remembered, ms: longer than most registrations last. */
const SOURCE_MS = 7200_000;
/** The smallest part that is taken, so that no caller waits for ever beside a flood. */
const LEAST = 0.02;
/** A refused caller is told to come back after 5 to 12 s, so that not all come at once. */
const RETRY_S = 5;
const RETRY_MASK = 7;

/** Reads whose a request is. */
export interface OverloadJudge {
  isInDialog(m: Message): boolean;
  /** Whether From names a user of ours, truly or not. */
  isOfOurs(m: Message): boolean;
}

export class Overload {
  /** How long a datagram waits before it is read, ms. */
  waitMs = 0;
  /** The wait has been too long for STANDING_MS. */
  private isStanding = false;
  /** Since when the wait contradicts `isStanding`, ms; -1: it does not. */
  private otherMs = -1;
  /** Number of requests that were answered 503. */
  shed = 0;
  private readonly auth: Authenticator;
  /** Grows by the share of each new request; at 1 a request is taken. */
  credit = 1;

  /** By the hash of an address (a phone's port may change), until when it counts as known, ms. */
  private readonly knownMs = new Float64Array(SOURCES);

  constructor(auth: Authenticator) {
    this.auth = auth;
  }

  /** Notes how long a datagram waits before it is read; the driver calls it. */
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
   * @returns the part of the new requests that is taken, 1 for all
   * @param isKnown the sender claims a user of ours and sends from an address that gave a password lately
   */
  shareOf(isKnown: boolean): number {
    if (isKnown && !this.isStanding) return 1;
    const waitMs = isKnown ? this.waitMs : this.waitMs * STRANGER_WEIGHT;
    return Math.min(1, Math.max(LEAST, (WAIT_MOST_MS - waitMs) / (WAIT_MOST_MS - WAIT_EASY_MS)));
  }

  /**
   * @returns how many requests had the right password so far. If one request raises it, `noteKnown` is called with its
   * source.
   */
  accepted(): number {
    return this.auth.counters.accepted;
  }

  /** Notes that a right password came from that address. */
  noteKnown(ip: number, nowMs: number): void {
    this.knownMs[placeOf(ip)] = nowMs + SOURCE_MS;
  }

  /**
   * Takes or refuses a request; to be asked once for each. Refused ones are counted.
   * @param judge null when there is none @param ip where the request came from @returns whether it is taken
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

  /** Answers 503 to a request that was refused. */
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
