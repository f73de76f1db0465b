/**
 * How much new work a busy server takes on: RFC 7339's idea within one server, steered by how long a datagram waits before it is looked
 * at. As long as that is well below the 500 ms after which clients ask again, all is taken; the longer it is, the larger is the part of
 * the new requests that are answered 503 with Retry-After and without state, which costs little. What was begun goes on: dialogs,
 * repetitions, CANCEL, and what answers a challenge that was given just now.
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
 * Up to WAIT_EASY_MS all new requests are let in, from WAIT_MOST_MS on hardly any. A request waits here, so does the answer to it, and the
 * caller asks again after T1 (500 ms, RFC 3261 §17.1.1.1). Found with the model of test/server/overload.test.ts: with higher values more
 * is left to chance in the kernel's buffer, and callers who were not answered go on asking long after.
 */
export const WAIT_EASY_MS = 50;
export const WAIT_MOST_MS = 130;
/** Something is always let in, so that nobody waits for ever beside a flood. */
const LEAST = 0.02;
const RETRY_AFTER = octets("Retry-After: ");
const CRLF = octets("\r\n");
/** Those who are refused come back after 5 to 12 s, not all at once. */
const RETRY_S = 5;
const RETRY_MASK = 7;

/** Whoever knows which requests belong to a dialog that was begun here. */
export interface DialogJudge {
  isInDialog(m: Message): boolean;
}

export class Overload {
  /** How long a datagram waits now before it is looked at, ms; set by the driver. */
  waitMs = 0;
  /** Requests that were answered 503. */
  shed = 0;
  private readonly auth: Authenticator;
  /** Runs up to 1 by the share of each new request; then one is let in. */
  credit = 1;

  constructor(auth: Authenticator) {
    this.auth = auth;
  }

  /** The part of the new requests that is let in, 1 for all. */
  share(): number {
    const share = (WAIT_MOST_MS - this.waitMs) / (WAIT_MOST_MS - WAIT_EASY_MS);
    return Math.min(1, Math.max(LEAST, share));
  }

  /** Whether a request is let in; counted if not. To be asked once for each. @param judge of dialogs, or null when there are none */
  admits(m: Message, judge: DialogJudge | null): boolean {
    const share = this.share();
    if (share >= 1 || !this.isNew(m, judge)) return true;
    this.credit = Math.min(2, this.credit + share);
    if (this.credit >= 1) {
      this.credit -= 1;
      return true;
    }
    this.shed += 1;
    return false;
  }

  /** Answers a request that was not let in: 503. */
  refuse(layer: TransactionLayer, m: Message, source: Flow): void {
    const w = layer.answer(m, source, 503);
    w.put(RETRY_AFTER);
    w.uint(RETRY_S + (this.shed & RETRY_MASK));
    w.put(CRLF);
    w.put(EMPTY_BODY);
    layer.sendAnswer();
  }

  private isNew(m: Message, judge: DialogJudge | null): boolean {
    if (m.method === METHOD_ACK || m.method === METHOD_CANCEL) return false;
    if (m.toTagEnd > m.toTagStart && judge?.isInDialog(m) === true) return false;
    const field = m.method === METHOD_REGISTER ? HEADER_AUTHORIZATION : HEADER_PROXY_AUTHORIZATION;
    return !this.auth.isAnswer(m, field);
  }
}
