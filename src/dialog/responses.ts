/**
 * The responses of one session to what the other side sends: how each is written, and which INVITE of theirs waits for
 * its final response, or for the ACK to it. Not here: which response is due (session.ts), and repeating them
 * (reliable.ts, the transaction layer).
 */

import { NONE, octets } from "../core/bytes.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { beginRefusalInside, sendRefusal } from "../transaction/refusal.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { EMPTY_BODY, RETRY_AFTER } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_REQUIRE, HEADER_SUPPORTED } from "../wire/names.js";
import { ACCEPT_SDP, SUPPORTED } from "./capabilities.js";
import type { Interval } from "./interval.js";
import { type InviteContext, writeDescription } from "./invite.js";
import { EXCHANGE_NONE, EXCHANGE_THEIRS, type Negotiation, WARNING_CODES } from "./negotiation.js";
import { writeContact } from "./owncontact.js";
import { Reliable } from "./reliable.js";

export const TOKEN_100REL = octets("100rel");
const REQUIRE_100REL = octets("Require: 100rel\r\nRSeq: ");
/** A request that came too early may come again after so many seconds, less a random part of them. RFC 3261 §14.2 */
const RETRY_MOST_S = 11;
/** The line that a 488 has, by WARNING_*. RFC 3261 §20.43 */
const WARNINGS = warningsOf([
  "Media type not available",
  "Incompatible transport protocol",
  "Incompatible media format",
  "Incompatible network protocol",
  "Incompatible network address formats",
  "Multicast not available",
  "Too many media",
]);
/** The reason of a 400. */
const BAD_DESCRIPTION = octets("Bad Session Description");

/** What the responses of all sessions have in common. */
export interface ResponseContext extends InviteContext {
  timers: Timers;
  random: RandomSource;
  /** The 180 to a call that comes holds the answer to its offer. */
  answersEarly?: boolean;
}

/** Owns the transactions, and says how our Contact begins, as `Dialog` does. */
interface ResponsesOwner extends ServerOwner {
  contactOpening(): Uint8Array;
}

export class Responses {
  /** Their INVITE without a final response. */
  incoming: ServerTransaction | null = null;
  /** Their INVITE that we answered 2xx, and that they have not acknowledged. */
  answered: ServerTransaction | null = null;
  /** CSeq number of their INVITE that came last. */
  cseq = 0;
  /** Provisional responses to it have to be acknowledged. RFC 3262 */
  isReliable = false;
  /** Our 180 holds the answer to their offer. */
  isAnsweringEarly = false;
  readonly reliable = new Reliable();
  private context: ResponseContext;
  private readonly negotiation: Negotiation;
  private readonly interval: Interval;
  private readonly session: ResponsesOwner;
  private readonly timer: number;

  /**
   * @param session hears of the transactions @param timer the session's: when it runs out `repeatProvisional` is to be
   * called
   */
  constructor(
    context: ResponseContext,
    session: ResponsesOwner,
    negotiation: Negotiation,
    interval: Interval,
    timer: number,
  ) {
    this.context = context;
    this.session = session;
    this.negotiation = negotiation;
    this.interval = interval;
    this.timer = timer;
  }

  /** The next call of its session goes by another account. */
  use(context: ResponseContext): void {
    this.context = context;
  }

  reset(): void {
    this.incoming = null;
    this.answered = null;
    this.isReliable = this.isAnsweringEarly = false;
    this.reliable.reset();
  }

  /** Whether an INVITE of theirs has no final response yet, or no ACK. */
  isPending(): boolean {
    return this.incoming !== null || this.answered !== null;
  }

  /** Their INVITE waits for its final response from now on. */
  openInvite(t: ServerTransaction, m: Message): void {
    this.incoming = t;
    this.cseq = m.cseq;
    t.owner = this.session;
  }

  /** As `openInvite`, for the INVITE that founds the call: it says how provisional responses are sent. */
  openFounder(t: ServerTransaction, m: Message): void {
    this.openInvite(t, m);
    this.isAnsweringEarly = this.context.answersEarly === true && this.negotiation.exchange === EXCHANGE_THEIRS;
    // An answer that comes reliably is the answer; one that may be lost is told again in the 200. RFC 3261 §13.2.1, RFC
    // 3262 §5
    const canBeReliable = this.isAnsweringEarly && m.contains(HEADER_SUPPORTED, TOKEN_100REL);
    this.isReliable = canBeReliable || m.contains(HEADER_REQUIRE, TOKEN_100REL);
  }

  /** The caller was told that it rings. */
  hasRung(): boolean {
    return this.incoming !== null && this.incoming.status >= 180;
  }

  /**
   * Answers their INVITE provisionally.
   * @returns false when it does not fit, and a shorter one cannot be acknowledged
   */
  sendProvisional(t: ServerTransaction, status: number): boolean {
    const { context, negotiation, reliable } = this;
    const w = t.respond(status);
    writeContact(w, context, t.source, this.session.contactOpening());
    w.put(context.allow);
    if (this.isReliable) {
      reliable.startRepeating(context.timers, this.timer, 1 + (context.random.uint32() & 0xffff));
      w.put(REQUIRE_100REL);
      w.uint(reliable.rseq);
      w.crlf();
    }
    // The first reliable response to an INVITE without an offer has to hold one. RFC 3261 §13.2.1
    const hasDescription = this.isAnsweringEarly || (this.isReliable && negotiation.isAnswerDue);
    if (hasDescription) writeDescription(w, negotiation.local);
    else w.put(EMPTY_BODY);
    if (t.sendResponse()) return true;
    if (this.isReliable) return false;
    // A short one says that it rings all the same.
    t.reply(status);
    return true;
  }

  /**
   * Sends the provisional response again that was not acknowledged.
   * @returns false when that has gone on for too long
   */
  repeatProvisional(t: ServerTransaction): boolean {
    const { timers } = this.context;
    if (this.reliable.scheduleNext(timers, this.timer)) {
      if (!t.isUnproven) t.resend();
      return true;
    }
    this.reliable.isPending = false;
    return false;
  }

  /** PRACK `m` came. @returns whether it acknowledges the provisional response that was sent last */
  takePrack(m: Message): boolean {
    if (!this.reliable.isFor(m, this.cseq)) return false;
    this.stopRepeating();
    return true;
  }

  /**
   * 200 to their INVITE, first or later, with our answer or (when they made no offer) our offer.
   * @returns false when it does not fit: it was answered 500
   */
  acceptInvite(): boolean {
    const t = this.incoming;
    if (t === null) return false;
    const { context, negotiation } = this;
    this.closeInvite();
    const w = t.respond(200);
    writeContact(w, context, t.source, this.session.contactOpening());
    w.put(context.allow);
    w.put(SUPPORTED);
    this.interval.writeResponse(w);
    if (negotiation.exchange === EXCHANGE_NONE) w.put(EMPTY_BODY);
    else writeDescription(w, negotiation.local);
    if (t.sendResponse()) this.answered = t;
    else t.reply(500);
    return this.answered === t;
  }

  /** Refuses their INVITE that has no final response, if there is one. */
  refuseInvite(status: number): void {
    const t = this.incoming;
    if (t === null) return;
    this.closeInvite();
    t.reply(status);
  }

  /** Their ACK came, or is not waited for any more: our 2xx is not repeated. */
  closeAnswered(): void {
    if (this.answered !== null) this.answered.acked();
    this.answered = null;
  }

  /**
   * 200 to their UPDATE.
   * @param hasAnswer it holds our answer to their offer @returns false when it does not fit: it was answered 500
   */
  acceptUpdate(t: ServerTransaction, hasAnswer: boolean): boolean {
    const { context } = this;
    const w = t.respond(200);
    writeContact(w, context, t.source, this.session.contactOpening());
    w.put(context.allow);
    this.interval.writeResponse(w);
    if (hasAnswer) writeDescription(w, this.negotiation.local);
    else w.put(EMPTY_BODY);
    if (t.sendResponse()) return true;
    t.reply(500);
    return false;
  }

  /** 200 with our answer to the offer in their PRACK. @returns false when it does not fit: it was answered 500 */
  acceptPrack(t: ServerTransaction): boolean {
    writeDescription(t.respond(200), this.negotiation.local);
    if (t.sendResponse()) return true;
    t.reply(500);
    return false;
  }

  /** Refuses a request that came while another is open. RFC 3261 §14.2 */
  refuseForNow(t: ServerTransaction, status: number): void {
    const { random } = this.context;
    const w = t.respond(status);
    w.put(RETRY_AFTER);
    w.uint(Math.floor(fraction(random) * RETRY_MOST_S));
    w.crlf();
    w.put(EMPTY_BODY);
    t.sendResponse();
  }

  /**
   * Refuses a request for its sender or for want of room.
   * @param reason NONE for the usual phrase @returns the status
   */
  refuse(t: ServerTransaction, m: Message, status: number, reason: Uint8Array = NONE): number {
    const { layer } = this.context;
    sendRefusal(layer, t, beginRefusalInside(layer, t, m, status, reason));
    return status;
  }

  /**
   * Refuses an offer. A 400 and a 488 say why, a 415 what is taken. RFC 3261 §21.4.1, §21.4.13, §21.4.26
   * @returns the status
   */
  refuseOffer(t: ServerTransaction, m: Message, status: number): number {
    const { layer } = this.context;
    const w = beginRefusalInside(layer, t, m, status, status === 400 ? BAD_DESCRIPTION : NONE);
    if (status === 488) w.put(WARNINGS[this.negotiation.warning()]);
    else if (status === 415) w.put(ACCEPT_SDP);
    sendRefusal(layer, t, w);
    return status;
  }

  /** Refuses a session interval that is too brief. RFC 4028 §9 @returns the status */
  refuseInterval(t: ServerTransaction, m: Message): number {
    const { layer } = this.context;
    const w = beginRefusalInside(layer, t, m, 422);
    this.interval.writeMinSe(w);
    sendRefusal(layer, t, w);
    return 422;
  }

  /** The sender of that request has sent a tag of ours since. */
  prove(t: ServerTransaction): void {
    t.isUnproven = false;
    this.context.layer.prove(t.source.ip);
  }

  /** The transaction is over. */
  forget(t: ServerTransaction): void {
    if (t === this.answered) this.answered = null;
    if (t === this.incoming) this.incoming = null;
  }

  private closeInvite(): void {
    this.incoming = null;
    this.stopRepeating();
  }

  private stopRepeating(): void {
    this.reliable.isPending = false;
    this.context.timers.stop(this.timer);
  }
}

function warningsOf(texts: readonly string[]): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let i = 0; i < texts.length; i++)
    lines.push(octets("Warning: " + WARNING_CODES[i] + ' portero "' + texts[i] + '"\r\n'));
  return lines;
}
