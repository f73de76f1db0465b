/**
 * What one INVITE session keeps, and the steps that several of its events have in common. The functions of outgoing.ts,
 * incoming.ts, ourchanges.ts and theirchanges.ts work on it, one for one event.
 * Not here: which event leads to which of them (session.ts, with the table of all states).
 */
import type { Pool } from "../core/pool.js";
import type { TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { HEADER_ALLOW, METHOD_NAMES, METHOD_UPDATE } from "../wire/names.js";
import { BYE_FIRST_MS } from "./byesender.js";
import type { Dialog } from "./dialog.js";
import { Forks } from "./forks.js";
import { Interval } from "./interval.js";
import { CONNECTION_UNKNOWN, type Negotiation } from "./negotiation.js";
import { CONTACT_SIP } from "./owncontact.js";
import { type RequestContext, Requests, type RequestsUser } from "./requests.js";
import { type ResponseContext, Responses } from "./responses.js";

export const SESSION_FREE = 0;
/** Our INVITE is out, nothing has come back. */
export const SESSION_CALLING = 1;
/** A provisional response has come. */
export const SESSION_PROCEEDING = 2;
/** Their INVITE is here and not answered. */
export const SESSION_INCOMING = 3;
/** We answered; the ACK has not come. */
export const SESSION_ANSWERED = 4;
export const SESSION_CONFIRMED = 5;
/** Over; late answers may still want an ACK and a BYE. */
export const SESSION_ENDED = 6;

/** A re-INVITE may be without a final answer for so long: it rings for no one. */
const OFFER_TIME_MS = 32_000;

// Kinds of a session's timers.
export const TIMER_SESSION = 1;
export const TIMER_RETRY = 2;
export const TIMER_RELIABLE = 3;
export const SESSION_TIMERS = 3;

/** The call that a session belongs to: the session asks it and tells it. */
export interface SessionUser extends RequestsUser {
  /** 401 or 407 came for a request of the session. @returns whether it is to be sent again with credentials */
  onChallenge(t: ClientTransaction, m: Message): boolean;
  /**
   * Our INVITE failed: by a response from 300, or with none (null).
   * @returns whether the draft has a new target, to be tried
   */
  onRefused(m: Message | null): boolean;
  /** A provisional response, 101 to 199. */
  onProgress(status: number): void;
  /** Offer and answer agree, for the first time or anew: `negotiation` says on what. */
  onAgreed(): void;
  onConfirmed(): void;
  /**
   * @param cause CAUSE_* @param status of the response that ended it, or 0 @param m that response or request, or null
   */
  onEnded(cause: number, status: number, m: Message | null): void;
  /**
   * Hold, resume, or a new address of ours did not come to be: the call is as it was.
   * @param wasHold what was wanted is to hold @param m the response that refused it; null: it could not be sent
   */
  onUnchanged(wasHold: boolean, m: Message | null): void;
  /** The INFO with a digit was answered. @param status 0: it could not be sent */
  onDigitAnswered(status: number): void;
  /**
   * A request in the dialog came that the session does not handle (INFO, MESSAGE, OPTIONS, …): it is to be answered.
   */
  onOther(t: ServerTransaction, m: Message): void;
}

/** What all sessions of a user agent share. */
export interface SessionContext extends RequestContext, ResponseContext {
  dialogs: Pool<Dialog>;
  /** The shortest session interval that we take, in seconds. */
  minSeS: number;
}

/** Its fields are for the files of the session; others read `state`, `dialog`, `isCaller` and `negotiation`. */
export abstract class SessionState implements ClientUser, ServerOwner, TimerUser {
  /** SESSION_* */
  state = SESSION_FREE;
  isCaller = false;
  /** The dialog that was answered (or, of a caller, rings first); null before. */
  dialog: Dialog | null = null;
  readonly negotiation: Negotiation;
  /** Challenges answered since a request of ours was last taken. */
  challenges = 0;
  context: SessionContext;
  readonly user: SessionUser;
  readonly forks: Forks;
  readonly interval = new Interval();
  readonly requests: Requests;
  readonly responses: Responses;
  /** We hung up before the ACK to our 2xx came: the BYE waits for it. RFC 3261 §15 */
  isByeDue = false;
  /** When the offer under way is taken back. */
  offerUntilMs = 0;
  /** The call is to be answered as soon as our provisional response is acknowledged. */
  isAnswerWanted = false;
  /** Offer and answer agree. The user hears of it when we answer, or when the ACK comes. */
  isSoundDue = false;
  /** The other side takes UPDATE. RFC 3311 */
  peerHasUpdate = false;
  readonly sessionTimer: number;
  readonly retryTimer: number;
  readonly reliableTimer: number;

  constructor(context: SessionContext, negotiation: Negotiation, user: SessionUser) {
    const { timers } = context;
    this.context = context;
    this.user = user;
    this.forks = new Forks(context.dialogs);
    this.negotiation = negotiation;
    this.sessionTimer = timers.make(this, TIMER_SESSION);
    this.retryTimer = timers.make(this, TIMER_RETRY);
    this.reliableTimer = timers.make(this, TIMER_RELIABLE);
    this.requests = new Requests(context, this, user, this.interval, this.retryTimer);
    this.responses = new Responses(context, this, negotiation, this.interval, this.reliableTimer);
  }

  /** The draft that our INVITE is written from; null in a call that came. */
  get draft(): Dialog | null {
    return this.forks.draft;
  }

  /** Our last INVITE did not fit its buffer. */
  get isTooLong(): boolean {
    return this.requests.isTooLong;
  }

  abstract onResponse(t: ClientTransaction, m: Message): void;
  abstract onFailure(t: ClientTransaction, cause: number): void;
  abstract onTerminated(t: ClientTransaction): void;
  abstract onServerTerminated(t: ServerTransaction): void;
  abstract onTimer(kind: number): void;

  isConfirmed(): boolean {
    return this.state === SESSION_CONFIRMED;
  }

  /** How our Contact to the other side begins. */
  contactOpening(): Uint8Array {
    return this.dialog === null ? CONTACT_SIP : this.dialog.contactOpening();
  }

  /** The next call goes by another account. It is called while there is no call. */
  use(context: SessionContext): void {
    this.context = context;
    this.requests.use(context);
    this.responses.use(context);
  }

  // ---- steps that several events have in common ----

  /** The description that is written next goes with the next request in the dialog. */
  aimDescription(dialog: Dialog): void {
    const { layer, transport } = this.context;
    const { negotiation } = this;
    if (layer.hasOutside) negotiation.outside = layer.outsideFor(dialog.hopIp(layer, transport));
    negotiation.takeWay(dialog.hopTransport(transport), CONNECTION_UNKNOWN);
  }

  /** Sends an INVITE with the offer that `negotiation` has. @returns false when it cannot be sent */
  sendInvite(dialog: Dialog): boolean {
    const { timers } = this.context;
    const { negotiation } = this;
    const isChange = this.isConfirmed();
    if (!this.requests.sendInvite(dialog, negotiation.local, isChange)) {
      negotiation.closeExchange();
      return false;
    }
    negotiation.openOffer();
    if (isChange) {
      this.offerUntilMs = timers.nowMs + OFFER_TIME_MS;
      timers.startAt(this.retryTimer, this.offerUntilMs);
    }
    return true;
  }

  /** Offer and answer agree. Before we answer, no sound runs: the caller was not let in yet. */
  agree(): void {
    this.negotiation.closeExchange();
    if (this.state === SESSION_INCOMING) this.isSoundDue = true;
    else this.user.onAgreed();
  }

  /** Takes back the interval and the offer of a request whose answer could not be sent. */
  undoChange(hasOffer: boolean): void {
    this.interval.rollback();
    if (hasOffer) this.negotiation.rollback();
  }

  /** Ends the session by a BYE in its dialog. @param cause CAUSE_* @param status of the response behind it, or 0 */
  endWithBye(cause: number, status: number): void {
    this.requests.retireInfo();
    if (this.dialog !== null) this.requests.byeSender.sendBye(this.dialog);
    this.end(cause, status, null);
  }

  /** Ends the session; as `SessionUser.onEnded`. */
  end(cause: number, status: number, m: Message | null): void {
    const { timers } = this.context;
    timers.stop(this.sessionTimer);
    timers.stop(this.retryTimer);
    timers.stop(this.reliableTimer);
    // A re-INVITE may be open: its answer is not waited for.
    this.requests.cancelInvite();
    this.requests.retireInfo();
    this.state = SESSION_ENDED;
    if (this.forks.leaving() !== null) timers.start(this.retryTimer, BYE_FIRST_MS);
    this.user.onEnded(cause, status, m);
  }

  /** Makes it ready for another call. */
  reset(): void {
    this.forks.reset();
    this.interval.reset(this.context.minSeS);
    this.requests.reset();
    this.responses.reset();
    this.negotiation.reset();
    this.dialog = null;
    this.state = SESSION_FREE;
    this.isCaller = false;
    this.challenges = 0;
    this.isByeDue = this.isSoundDue = this.isAnswerWanted = this.peerHasUpdate = false;
  }

  /** Takes the session interval that the 2xx to our INVITE or UPDATE says. */
  adoptInterval(m: Message): void {
    this.interval.readResponse(m);
    this.startSessionTimer();
  }

  /** Starts the session interval anew. */
  startSessionTimer(): void {
    this.interval.start(this.context.timers, this.sessionTimer);
  }

  /** Notes what the sender of an INVITE, or of its 2xx, can do. */
  notePeer(m: Message): void {
    this.peerHasUpdate = m.contains(HEADER_ALLOW, METHOD_NAMES[METHOD_UPDATE]);
  }

  /** Gives back the dialog of a fork. */
  dropFork(dialog: Dialog): void {
    this.forks.drop(dialog);
    if (this.dialog === dialog) this.dialog = null;
  }

  /** The dialog of the fork that answers; null when it cannot be kept. */
  fork(m: Message): Dialog | null {
    const dialog = this.forks.fork(m);
    if (this.dialog !== null && !this.forks.has(this.dialog)) this.dialog = null;
    return dialog;
  }
}
