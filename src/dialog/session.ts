/**
 * An INVITE session, from the first INVITE to the last BYE, seen from either end: RFC 3261 §13 to §15, with reliable
 * provisional responses (RFC 3262), UPDATE (RFC 3311) and session timers (RFC 4028). This file is the machine, one
 * function for one event:
 *
 *     event                               in state               what is sent                       next state
 *     call                                FREE                   INVITE                             CALLING
 *     1xx                                 CALLING, PROCEEDING    PRACK, if the 1xx is reliable      PROCEEDING
 *     2xx                                 CALLING, PROCEEDING    ACK                                CONFIRMED
 *     2xx without a codec or room         CALLING, PROCEEDING    ACK, BYE                           ENDED
 *     3xx to 6xx, no answer at all        CALLING, PROCEEDING    INVITE to another target,          CALLING
 *                                                                with credentials or interval;
 *                                                                else nothing                       ENDED
 *     BYE of the only fork                PROCEEDING             200, CANCEL                        ENDED
 *     hangUp                              CALLING, PROCEEDING    CANCEL                             ENDED
 *     INVITE                              FREE                   nothing yet; or 400, 415, 422,     INCOMING; FREE
 *                                                                488, 500, 503, 513
 *     progress                            INCOMING               180, again until its PRACK         INCOMING
 *     PRACK                               INCOMING               200                                INCOMING
 *     answer                              INCOMING               200, again until its ACK           ANSWERED
 *     CANCEL                              INCOMING               487                                ENDED
 *     hangUp, no PRACK                    INCOMING               486 or as asked, 504               ENDED
 *     ACK                                 ANSWERED               nothing                            CONFIRMED
 *     ACK without a codec, no ACK         ANSWERED               BYE                                ENDED
 *     hangUp                              ANSWERED               BYE, after the ACK or its time     ENDED
 *     INVITE, UPDATE                      CONFIRMED              200, 4xx, 500                      CONFIRMED
 *     UPDATE                              all others but ENDED   200, 4xx, 500                      the same
 *     reoffer, half of the interval       CONFIRMED              INVITE, or UPDATE                  CONFIRMED
 *     2xx to that                         CONFIRMED              ACK, of an INVITE                  CONFIRMED
 *     sendDigit                           CONFIRMED              INFO                               CONFIRMED
 *     401, 407, 422, 491 to that          CONFIRMED              it again, of 491 later             CONFIRMED
 *     408, 481, no answer to these        CONFIRMED              BYE                                ENDED
 *     no refresh in the interval          CONFIRMED              BYE                                ENDED
 *     hangUp                              CONFIRMED              BYE                                ENDED
 *     BYE                                 INCOMING to CONFIRMED  200, and 487 to an open INVITE     ENDED
 *     2xx of a second fork, or a late one CONFIRMED, ENDED       ACK, BYE                           the same
 *     all else                            ENDED                  481                                ENDED
 *
 * It owns the dialogs of one call (forks.ts): the draft its INVITE is written from, one early dialog for each fork that
 * rings, and the one that was answered first. Beside it stand requests.ts and responses.ts, which write and send,
 * negotiation.ts for offers and answers, interval.ts for the session timer, reliable.ts and byesender.ts for what is
 * repeated.
 * Not here: who is called and by which route, credentials, redirection, ring times, and sound. Those are asked of
 * `SessionUser`.
 */
import { NONE, Span } from "../core/bytes.js";
import type { Pool } from "../core/pool.js";
import { fraction } from "../core/random.js";
import type { TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import { FAILURE_RESOLVE, FAILURE_TRANSPORT } from "../transaction/client.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { BODY_NONE, BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ALLOW,
  HEADER_REQUIRE,
  HEADER_RSEQ,
  METHOD_BYE,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_NAMES,
  METHOD_PRACK,
  METHOD_UPDATE,
  TRANSPORT_TLS,
} from "../wire/names.js";
import { BAD_CONTACT } from "../wire/problems.js";
import type { Replaces } from "../wire/replaces.js";
import { BYE_FIRST_MS } from "./byesender.js";
import {
  CAUSE_CANCELLED,
  CAUSE_DECLINED,
  CAUSE_EXPIRED,
  CAUSE_LOCAL,
  CAUSE_NETWORK,
  CAUSE_NO_ACK,
  CAUSE_NO_CODEC,
  CAUSE_NO_ROOM,
  CAUSE_REFUSED,
  CAUSE_REMOTE,
  CAUSE_TIMEOUT,
  CAUSE_TOO_LONG,
  CAUSE_UNKNOWN_NAME,
} from "./cause.js";
import { DIALOG_CONFIRMED, type Dialog } from "./dialog.js";
import { Forks } from "./forks.js";
import { Interval } from "./interval.js";
import {
  ANSWER_NONE,
  ANSWER_TAKEN,
  CONNECTION_NONE,
  CONNECTION_UNKNOWN,
  EXCHANGE_NONE,
  EXCHANGE_OURS,
  EXCHANGE_THEIRS,
  NEGOTIATION_OK,
  type Negotiation,
} from "./negotiation.js";
import { CONTACT_SIP } from "./owncontact.js";
import { type RequestContext, Requests, type RequestsUser } from "./requests.js";
import { type ResponseContext, Responses, TOKEN_100REL } from "./responses.js";

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
/** A change that crossed one of theirs (491) is offered again so often. */
const GLARES_MOST = 5;
/** A refresh that found no room, or another exchange open, is tried again after so long. */
const REFRESH_AGAIN_MS = 2000;
const RSEQ_MOST = 2147483647;

const TIMER_SESSION = 1;
const TIMER_RETRY = 2;
const TIMER_RELIABLE = 3;

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

// For the time of one call only.
const sdp = new Span();

export class Session implements ClientUser, ServerOwner, TimerUser {
  state = SESSION_FREE;
  isCaller = false;
  /** The dialog that was answered (or, of a caller, rings first); null before. */
  dialog: Dialog | null = null;
  readonly negotiation: Negotiation;
  /** Challenges answered since a request of ours was last taken. */
  challenges = 0;
  private readonly context: SessionContext;
  private readonly user: SessionUser;
  private readonly forks: Forks;
  private readonly interval = new Interval();
  private readonly requests: Requests;
  private readonly responses: Responses;
  /** We hung up before the ACK to our 2xx came: the BYE waits for it. RFC 3261 §15 */
  private isByeDue = false;
  /** Our offer under way, or waiting for its turn, is a change that the user asked for, and hears of if it fails. */
  private isChange = false;
  /** The offer waits for its turn. */
  private isWaiting = false;
  /** When the offer under way is taken back. */
  private offerUntilMs = 0;
  /** The digit (ASCII) in our last INFO. */
  private digit = 0;
  /** The number of times that it was refused because it crossed one of theirs. */
  private glares = 0;
  /** The offer is to be made anew as soon as the session is confirmed. */
  private isReofferDue = false;
  /** The call is to be answered as soon as our provisional response is acknowledged. */
  private isAnswerWanted = false;
  /** Offer and answer agree. The user hears of it when we answer, or when the ACK comes. */
  private isSoundDue = false;
  private peerHasUpdate = false;
  private readonly sessionTimer: number;
  private readonly retryTimer: number;
  private readonly reliableTimer: number;

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

  isConfirmed(): boolean {
    return this.state === SESSION_CONFIRMED;
  }

  /** Whether the caller of an incoming call was told that it rings. */
  hasRung(): boolean {
    return this.responses.hasRung();
  }

  /** Whether the session has ended and nothing of it is left to wait for. */
  isSettled(): boolean {
    const isOver = this.state === SESSION_ENDED && this.requests.openCount === 0;
    return isOver && this.responses.answered === null && this.forks.leaving() === null;
  }

  /** Whether `m`, a request with a To tag, belongs to one of this session's dialogs. */
  owns(m: Message): boolean {
    return this.forks.ofRequest(m) !== null;
  }

  /** @returns the dialog of this session that a Replaces field names, or null */
  ofReplaces(replaces: Replaces): Dialog | null {
    return this.forks.ofReplaces(replaces);
  }

  /** Whether `m`, an INVITE without a To tag, is the one that founded this session, come once more. */
  isFounder(m: Message): boolean {
    return !this.isCaller && this.dialog !== null && this.dialog.isFounder(m);
  }

  /** How our Contact to the other side begins. */
  contactOpening(): Uint8Array {
    return this.dialog === null ? CONTACT_SIP : this.dialog.contactOpening();
  }

  /** Notes by which way the description goes that is read or written next. */
  private noteWay(transport: number, connection: number): void {
    this.negotiation.connection = transport === TRANSPORT_TLS ? connection : CONNECTION_NONE;
  }

  // ---- what the user agent does ----

  /**
   * Calls. @param draft whose request is to be sent; the session gives it back to the pool @param fields further lines
   * of the INVITE, whose octets stay until it is answered; null: none @returns false when nothing could be sent
   */
  call(draft: Dialog, fields: Span | null = null): boolean {
    this.noteWay(draft.hopTransport(this.context.transport), CONNECTION_UNKNOWN);
    this.reset();
    if (fields !== null) this.requests.fields.set(fields.bytes, fields.start, fields.end);
    this.isCaller = true;
    this.forks.draft = draft;
    this.state = SESSION_CALLING;
    this.chooseAddressFor(draft);
    if (this.negotiation.writeOffer() === NEGOTIATION_OK && this.sendInvite(draft)) return true;
    this.state = SESSION_ENDED;
    return false;
  }

  /**
   * Takes an INVITE that founds a call. Refuses it by itself when there is no codec in common, no room, or no proper
   * timer.
   * @returns 0 when it is to ring now, else the status that refused it
   */
  receive(t: ServerTransaction, m: Message): number {
    this.noteWay(t.source.transport, t.source.connection);
    this.reset();
    const status = this.judgeFounder(t, m);
    if (status !== 0) {
      this.forks.reset();
      return status;
    }
    this.state = SESSION_INCOMING;
    this.responses.openFounder(t, m);
    this.notePeer(m);
    return 0;
  }

  /** @returns 0 with the dialog that the INVITE founds, or the status that it was refused with */
  private judgeFounder(t: ServerTransaction, m: Message): number {
    const { responses } = this;
    const dialog = this.forks.takeOnlyFork();
    if (dialog === null) return responses.refuse(t, m, 503);
    if (!dialog.fromRequest(m, t)) {
      if (dialog.isCallable(m)) return responses.refuse(t, m, 513);
      return responses.refuse(t, m, 400, BAD_CONTACT);
    }
    this.chooseAddress(t.source.ip);
    const status = this.negotiation.receiveOffer(m);
    if (status !== 0) return responses.refuseOffer(t, m, status);
    if (!this.interval.readRequest(m)) return responses.refuseInterval(t, m);
    this.dialog = dialog;
    return 0;
  }

  /** Answers an incoming call provisionally, 180 most often. */
  progress(status: number): void {
    const { responses } = this;
    const t = responses.incoming;
    if (t === null || this.state !== SESSION_INCOMING || responses.reliable.isPending) return;
    if (!responses.sendProvisional(t, status)) this.decline(500);
    else if (responses.isAnsweringEarly && responses.isReliable) this.agree();
  }

  /** Answers an incoming call: 200. Waits for the PRACK of a provisional response first. RFC 3262 §3 */
  answer(): void {
    if (this.state !== SESSION_INCOMING) return;
    if (this.responses.reliable.isPending) {
      this.isAnswerWanted = true;
      return;
    }
    if (!this.accept()) this.end(CAUSE_NO_ROOM, 500, null);
  }

  /**
   * Ends the session from our side, whatever its state: CANCEL, BYE, or a final response.
   * @param status for an incoming call not answered yet @param lines header lines of a CANCEL, kept by reference
   */
  hangUp(status = 486, lines: Uint8Array = NONE): void {
    switch (this.state) {
      case SESSION_CALLING:
      case SESSION_PROCEEDING:
        this.requests.cancelInvite(lines);
        this.end(CAUSE_LOCAL, 0, null);
        break;
      case SESSION_INCOMING:
        this.decline(status);
        break;
      case SESSION_ANSWERED:
        // The callee's BYE waits for the ACK or its time-out. RFC 3261 §15
        this.isByeDue = true;
        this.end(CAUSE_LOCAL, 0, null);
        break;
      case SESSION_CONFIRMED:
        this.endWithBye(CAUSE_LOCAL, 0);
        break;
      default:
        break;
    }
  }

  /**
   * Offers anew what `negotiation` now wants: hold, resume, or another address of ours. Waits its turn when another
   * exchange is open.
   * @returns false when it cannot be sent: then all is as it was
   */
  reoffer(): boolean {
    this.isChange = true;
    this.glares = 0;
    if (this.state === SESSION_CONFIRMED && this.dialog !== null) return this.offerAnew(this.dialog);
    this.isReofferDue = true;
    return true;
  }

  /**
   * Sends a digit in an INFO; how it was answered, `onDigitAnswered` tells. @param code ASCII
   * @returns false when it cannot be sent now: the call is not answered, or another request of ours is open
   */
  sendDigit(code: number): boolean {
    const { dialog, requests } = this;
    if (this.state !== SESSION_CONFIRMED || dialog === null || requests.isPending()) return false;
    this.digit = code;
    return requests.sendInfo(dialog, code);
  }

  /**
   * Lets go of all that is left of an ended session, so that it can serve anew. A fork that is owed a BYE gets one,
   * which is not repeated.
   */
  release(): void {
    const { byeSender } = this.requests;
    for (let dialog = this.forks.leaving(); dialog !== null; dialog = this.forks.leaving())
      byeSender.sendByeOnce(dialog);
    if (this.isByeDue && this.dialog !== null) byeSender.sendByeOnce(this.dialog);
    this.responses.closeAnswered();
    this.context.layer.disown(this);
    this.reset();
  }

  // ---- requests that come in the dialog ----

  onRequest(t: ServerTransaction, m: Message): void {
    const dialog = this.forks.ofRequest(m);
    const isEnded = this.state === SESSION_ENDED;
    if (dialog === null) t.reply(481);
    // The transaction of a BYE made room before the answer was heard.
    else if (!dialog.acceptCseq(m.cseq)) t.reply(m.method === METHOD_BYE && isEnded ? 200 : 500);
    else if (m.method === METHOD_BYE) {
      t.reply(200);
      this.onBye(m, dialog);
    } else if (m.method === METHOD_PRACK) this.onPrack(t, m);
    else if (isEnded) t.reply(481);
    else if (m.method === METHOD_INVITE) this.onReinvite(t, m, dialog);
    else if (m.method === METHOD_UPDATE) this.onUpdate(t, m, dialog);
    else this.user.onOther(t, m);
  }

  /** A BYE for which there is no transaction; it is answered elsewhere. @returns whether it belongs to this session */
  onCrowdedBye(m: Message): boolean {
    const dialog = this.forks.ofRequest(m);
    if (dialog === null) return false;
    if (dialog.acceptCseq(m.cseq)) this.onBye(m, dialog);
    return true;
  }

  /** An ACK with this session's tags. */
  onAck(m: Message): void {
    const { responses, negotiation, dialog } = this;
    const t = responses.answered;
    if (t === null || dialog === null || m.cseq !== responses.cseq || !dialog.hasRequest(m)) return;
    responses.closeAnswered();
    responses.prove(t);
    if (this.isByeDue) {
      this.isByeDue = false;
      this.requests.byeSender.sendBye(dialog);
      return;
    }
    // Their BYE may have come before the ACK.
    if (this.state === SESSION_ENDED) return;
    if (this.isSoundDue) {
      this.isSoundDue = false;
      this.user.onAgreed();
    }
    if (negotiation.isAnswerDue) {
      negotiation.closeExchange();
      if (negotiation.receiveAnswer(m) !== ANSWER_TAKEN) {
        this.endWithBye(CAUSE_NO_CODEC, 488);
        return;
      }
      this.user.onAgreed();
    }
    if (this.state === SESSION_ANSWERED) {
      this.state = SESSION_CONFIRMED;
      this.confirm();
    }
  }

  /** The caller gave up; `t` is the INVITE. RFC 3261 §9.2 */
  onCancel(t: ServerTransaction, m: Message): void {
    if (t !== this.responses.incoming) return;
    this.responses.refuseInvite(487);
    if (this.state === SESSION_INCOMING) this.end(CAUSE_CANCELLED, 487, m);
    else this.negotiation.rollback();
  }

  onAckTimeout(t: ServerTransaction): void {
    const { responses, dialog } = this;
    if (t !== responses.answered) return;
    responses.answered = null;
    const isEnded = this.state === SESSION_ENDED;
    if (dialog !== null && (this.isByeDue || !isEnded)) this.sendLastBye(t, dialog);
    this.isByeDue = false;
    if (!isEnded) this.end(CAUSE_NO_ACK, 0, null);
  }

  onServerTerminated(t: ServerTransaction): void {
    this.responses.forget(t);
  }

  private onBye(m: Message, dialog: Dialog): void {
    if (this.state === SESSION_ENDED) return;
    const { requests, responses } = this;
    if (this.isCaller && requests.invite !== null && this.dialog !== dialog) {
      // One fork of many gave up; the others ring on.
      this.forks.drop(dialog);
      return;
    }
    responses.refuseInvite(487);
    // The one that hangs up has heard our 2xx, or wants it no more.
    responses.closeAnswered();
    if (this.state < SESSION_CONFIRMED) requests.cancelInvite();
    this.end(CAUSE_REMOTE, 0, m);
  }

  /** They want to change the call by INVITE. RFC 3261 §14.2 */
  private onReinvite(t: ServerTransaction, m: Message, dialog: Dialog): void {
    const { requests, responses, negotiation } = this;
    const isOursOpen = negotiation.exchange === EXCHANGE_OURS && responses.answered === null;
    // An earlier INVITE of theirs is not done yet (or not acknowledged).
    if (this.state !== SESSION_CONFIRMED || responses.incoming !== null) responses.refuseForNow(t, 500);
    else if (requests.invite !== null || isOursOpen) t.reply(491);
    else if (responses.answered !== null) responses.refuseForNow(t, 500);
    else if (dialog.isTargetLong(m)) t.reply(513);
    else if (this.takeChange(t, m, true)) {
      responses.openInvite(t, m);
      if (this.accept()) dialog.refreshTarget(m);
    }
  }

  /** They want to change the call by UPDATE, or refresh its interval. RFC 3311 §5.2 */
  private onUpdate(t: ServerTransaction, m: Message, dialog: Dialog): void {
    const { requests, responses, negotiation } = this;
    const body = findSdp(m, sdp);
    const hasOffer = body === BODY_SDP;
    if (dialog.isTargetLong(m)) t.reply(513);
    else if (hasOffer && (negotiation.exchange === EXCHANGE_OURS || requests.update !== null)) t.reply(491);
    else if (hasOffer && (negotiation.exchange === EXCHANGE_THEIRS || responses.answered !== null))
      responses.refuseForNow(t, 500);
    else if (!hasOffer && body !== BODY_NONE) responses.refuseOffer(t, m, 415);
    else if (this.takeChange(t, m, hasOffer)) {
      if (!responses.acceptUpdate(t, hasOffer)) {
        this.undoChange(hasOffer);
        return;
      }
      dialog.refreshTarget(m);
      this.startSessionTimer();
      if (hasOffer) this.agree();
    }
  }

  /**
   * Takes the offer and the session interval of a request in the call.
   * @returns false when one of them was refused here
   */
  private takeChange(t: ServerTransaction, m: Message, hasOffer: boolean): boolean {
    const { responses, negotiation } = this;
    if (hasOffer) this.chooseAddress(t.source.ip);
    this.noteWay(t.source.transport, t.source.connection);
    const status = hasOffer ? negotiation.receiveOffer(m) : 0;
    if (status !== 0) {
      responses.refuseOffer(t, m, status);
      return false;
    }
    if (this.interval.readRequest(m)) return true;
    responses.refuseInterval(t, m);
    if (hasOffer) negotiation.rollback();
    return false;
  }

  /** Takes back what `takeChange` took: our answer to it could not be sent. */
  private undoChange(hasOffer: boolean): void {
    this.interval.rollback();
    if (hasOffer) this.negotiation.rollback();
  }

  /** They acknowledge our provisional response. RFC 3262 §3 */
  private onPrack(t: ServerTransaction, m: Message): void {
    const { responses, negotiation } = this;
    if (!responses.takePrack(m)) {
      t.reply(481);
      return;
    }
    if (responses.incoming !== null) responses.prove(responses.incoming);
    const isOffer = negotiation.exchange === EXCHANGE_NONE && findSdp(m, sdp) === BODY_SDP;
    if (isOffer) this.answerInPrack(t, m);
    else t.reply(200);
    if (negotiation.isAnswerDue) {
      negotiation.closeExchange();
      if (negotiation.receiveAnswer(m) !== ANSWER_TAKEN) {
        this.decline(488);
        return;
      }
      this.agree();
    }
    if (this.isAnswerWanted) {
      this.isAnswerWanted = false;
      this.answer();
    }
  }

  /** A PRACK may offer anew what our reliable response has answered. RFC 3262 §5 */
  private answerInPrack(t: ServerTransaction, m: Message): void {
    const { responses, negotiation } = this;
    this.chooseAddress(t.source.ip);
    this.noteWay(t.source.transport, t.source.connection);
    const status = negotiation.receiveOffer(m);
    if (status !== 0) responses.refuseOffer(t, m, status);
    else if (responses.acceptPrack(t)) this.agree();
    else negotiation.rollback();
  }

  // ---- responses to our requests ----

  onResponse(t: ClientTransaction, m: Message): void {
    const { requests } = this;
    switch (t.method) {
      case METHOD_INVITE:
        if (this.negotiation.isPrivate) this.negotiation.connection = t.flow.connection;
        if (m.status < 200) this.onProvisional(m);
        else if (m.status < 300) this.onAccepted(t, m);
        else if (t === requests.invite || this.state === SESSION_ENDED) this.onInviteRefused(t, m);
        break;
      case METHOD_UPDATE:
        if (t === requests.update && m.status >= 200) this.onUpdateResponse(t, m);
        break;
      case METHOD_INFO:
        if (t === requests.info && m.status >= 200) this.onInfoResponse(t, m);
        break;
      case METHOD_BYE:
      case METHOD_PRACK:
        this.onOtherResponse(t, m);
        break;
      default:
        break;
    }
  }

  onFailure(t: ClientTransaction, cause: number): void {
    const { requests } = this;
    const status = cause === FAILURE_RESOLVE || cause === FAILURE_TRANSPORT ? 503 : 408;
    const isInvite = t === requests.invite;
    if (t === requests.info) {
      requests.info = null;
      if (this.state !== SESSION_CONFIRMED) return;
      // No answer at all means that the call is gone; what did not leave says nothing of it. RFC 3261 §12.2.1.2
      if (status === 408) this.endWithBye(CAUSE_TIMEOUT, status);
      else this.user.onDigitAnswered(0);
      return;
    }
    if (!isInvite && t !== requests.update) return;
    if (isInvite) requests.invite = null;
    else requests.update = null;
    if (this.state === SESSION_CONFIRMED) this.endWithBye(CAUSE_TIMEOUT, status);
    else if (isInvite && this.state !== SESSION_ENDED) this.onUnanswered(cause, status);
  }

  /** Our founding INVITE had no final response. */
  private onUnanswered(cause: number, status: number): void {
    if (this.draft !== null && this.user.onRefused(null)) this.callAgain(this.draft);
    else if (cause === FAILURE_RESOLVE) this.end(CAUSE_UNKNOWN_NAME, 0, null);
    else this.end(cause === FAILURE_TRANSPORT ? CAUSE_NETWORK : CAUSE_TIMEOUT, status, null);
  }

  onTerminated(t: ClientTransaction): void {
    this.requests.forget(t);
  }

  /**
   * A 2xx to an INVITE of ours whose transaction is no more: it is acknowledged again. RFC 3261 §13.2.2.4
   * @returns whether it is of this session
   */
  onLateAnswer(m: Message): boolean {
    const { requests } = this;
    const dialog = this.forks.ofLateAnswer(m);
    if (dialog === null || !dialog.isUac || m.cseq > requests.inviteCseq) return false;
    requests.sendAckAgain(dialog, m.cseq);
    return true;
  }

  private onProvisional(m: Message): void {
    if (this.state === SESSION_CALLING) this.state = SESSION_PROCEEDING;
    if (m.status === 100 || this.requests.invite === null || this.state === SESSION_ENDED) return;
    this.challenges = 0;
    if (m.toTagEnd > m.toTagStart && !this.onEarly(m)) return;
    if (this.state === SESSION_PROCEEDING) this.user.onProgress(m.status);
  }

  /**
   * A fork rings, with or without sound.
   * @returns false for a reliable response that cannot be taken now: it comes again
   */
  private onEarly(m: Message): boolean {
    const { negotiation } = this;
    const dialog = this.fork(m);
    const isReliable = m.contains(HEADER_REQUIRE, TOKEN_100REL);
    if (isReliable && (dialog === null || !this.acknowledge(m, dialog))) return false;
    // The answer to a re-INVITE is taken from its 2xx.
    if (dialog === null || this.state !== SESSION_PROCEEDING) return true;
    if (this.dialog === null || isReliable) this.dialog = dialog;
    if (negotiation.receiveAnswer(m) !== ANSWER_TAKEN) return true;
    if (isReliable) negotiation.closeExchange();
    this.user.onAgreed();
    return true;
  }

  /**
   * Sends the PRACK for a reliable response. RFC 3262 §4
   * @returns false when the response is out of order, was seen before, or has to come again
   */
  private acknowledge(m: Message, dialog: Dialog): boolean {
    const rseq = m.uint(HEADER_RSEQ, RSEQ_MOST);
    if (rseq < 1 || (dialog.rseq >= 0 && rseq !== dialog.rseq + 1)) return false;
    const before = dialog.rseq;
    dialog.rseq = rseq;
    if (this.requests.sendPrack(dialog)) return true;
    dialog.rseq = before;
    return false;
  }

  /** A fork has answered our INVITE. RFC 3261 §13.2.2.4 */
  private onAccepted(t: ClientTransaction, m: Message): void {
    const { requests } = this;
    const isFirst = this.state === SESSION_CALLING || this.state === SESSION_PROCEEDING;
    if (this.state === SESSION_CONFIRMED && t === requests.invite && this.dialog?.hasFork(m)) {
      this.onReinviteAccepted(t, m, this.dialog);
      return;
    }
    if (t === requests.invite) requests.invite = null;
    let dialog = this.fork(m);
    if (dialog !== null && dialog.state < DIALOG_CONFIRMED && !dialog.confirm(m)) {
      this.dropFork(dialog);
      dialog = null;
    }
    if (dialog === null) {
      requests.byeSender.refuseAnswer(t, m, this.draft);
      if (isFirst) this.end(CAUSE_NO_ROOM, 0, null);
      return;
    }
    this.challenges = 0;
    if (isFirst) this.onFirstAnswer(t, m, dialog);
    else this.onOtherAnswer(t, m, dialog);
  }

  /** The call is answered. */
  private onFirstAnswer(t: ClientTransaction, m: Message, dialog: Dialog): void {
    const { negotiation } = this;
    this.dialog = dialog;
    this.requests.sendAck(t, dialog, m);
    this.notePeer(m);
    negotiation.closeExchange();
    const answer = negotiation.receiveAnswer(m);
    this.state = SESSION_CONFIRMED;
    if (answer === ANSWER_NONE ? !negotiation.isAgreed() : answer !== ANSWER_TAKEN) {
      this.endWithBye(CAUSE_NO_CODEC, 488);
      return;
    }
    this.adoptInterval(m);
    this.user.onAgreed();
    if (this.state === SESSION_CONFIRMED) this.confirm();
  }

  /** A late fork has answered, or the answer crossed our CANCEL: it is acknowledged, and hung up. RFC 3261 §15 */
  private onOtherAnswer(t: ClientTransaction, m: Message, dialog: Dialog): void {
    const wasAcknowledged = dialog.acknowledged;
    this.requests.sendAck(t, dialog, m);
    if (wasAcknowledged) return;
    if (dialog !== this.dialog || this.state === SESSION_ENDED) this.requests.byeSender.sendBye(dialog);
  }

  private onInviteRefused(t: ClientTransaction, m: Message): void {
    const { requests, dialog, draft } = this;
    if (t === requests.invite) requests.invite = null;
    this.negotiation.closeExchange();
    if (this.state === SESSION_ENDED) {
      // No answer can come any more, as after CANCEL.
      t.forget();
      requests.dropClient();
    } else if (this.state === SESSION_CONFIRMED && dialog !== null) this.onReinviteRefused(t, m, dialog);
    else if (draft !== null) {
      const isAgain = this.isToBeRepeated(t, m) || this.user.onRefused(m);
      if (isAgain) this.callAgain(draft);
      else this.end(CAUSE_REFUSED, m.status, m);
    }
  }

  /** Whether our request may be taken with credentials, or with a longer interval. */
  private isToBeRepeated(t: ClientTransaction, m: Message): boolean {
    if (m.status === 401 || m.status === 407) return this.user.onChallenge(t, m);
    return m.status === 422 && this.interval.raise(m);
  }

  private callAgain(draft: Dialog): void {
    this.forks.dropAll();
    this.dialog = null;
    this.state = SESSION_CALLING;
    if (!this.isOfferFit(draft) || !this.sendInvite(draft))
      this.end(this.isTooLong ? CAUSE_TOO_LONG : CAUSE_NO_ROOM, 0, null);
  }

  /**
   * Sees to it that the offer fits the way of the request that is sent again: another way may be one on which keys are
   * not told. @returns false when there can be no call that way
   */
  private isOfferFit(draft: Dialog): boolean {
    const { negotiation } = this;
    const wasPrivate = negotiation.isPrivate;
    this.noteWay(draft.hopTransport(this.context.transport), CONNECTION_UNKNOWN);
    if (wasPrivate === negotiation.isPrivate) return true;
    return negotiation.allowsCall() && negotiation.writeOffer() === NEGOTIATION_OK;
  }

  private onReinviteAccepted(t: ClientTransaction, m: Message, dialog: Dialog): void {
    const { requests, negotiation } = this;
    requests.invite = null;
    this.challenges = this.glares = 0;
    negotiation.closeExchange();
    if (dialog.isTargetLong(m)) {
      // The target that requests go to from now on cannot be kept.
      requests.byeSender.refuseAnswer(t, m, this.draft);
      this.end(CAUSE_NO_ROOM, 0, null);
      return;
    }
    dialog.refreshTarget(m);
    requests.sendAck(t, dialog, m);
    this.adoptInterval(m);
    const answer = negotiation.receiveAnswer(m);
    if (answer === ANSWER_NONE) {
      this.tellUnchanged(m);
      return;
    }
    this.isChange = false;
    if (answer === ANSWER_TAKEN) this.user.onAgreed();
    else this.endWithBye(CAUSE_NO_CODEC, 488);
  }

  /** The session stays as it was, but for the answers that mean it is gone. RFC 3261 §12.2.1.2, §14.1 */
  private onReinviteRefused(t: ClientTransaction, m: Message, dialog: Dialog): void {
    if (this.isRepeated(t, m, dialog) || this.isGone(m)) return;
    this.negotiation.rollback();
    if (m.status === 491 && this.glares++ < GLARES_MOST) this.retryLater();
    else if (m.status === 422 && this.interval.raise(m)) this.offerAnew(dialog);
    else this.tellUnchanged(m);
  }

  private onUpdateResponse(t: ClientTransaction, m: Message): void {
    const { dialog } = this;
    this.requests.update = null;
    if (this.state !== SESSION_CONFIRMED || dialog === null) return;
    if (m.status >= 300) {
      this.onUpdateRefused(t, m, dialog);
      return;
    }
    this.challenges = 0;
    if (dialog.isTargetLong(m)) {
      this.endWithBye(CAUSE_NO_ROOM, 0);
      return;
    }
    dialog.refreshTarget(m);
    this.adoptInterval(m);
  }

  private onUpdateRefused(t: ClientTransaction, m: Message, dialog: Dialog): void {
    if (this.isRepeated(t, m, dialog) || this.isGone(m)) return;
    // Not every server takes an UPDATE without a description, whatever its Allow says: the session is refreshed by
    // INVITE instead.
    if (m.status !== 422 || !this.interval.raise(m)) this.peerHasUpdate = false;
    this.refresh();
  }

  private onInfoResponse(t: ClientTransaction, m: Message): void {
    const { requests, dialog, digit } = this;
    requests.info = null;
    if (this.state !== SESSION_CONFIRMED || dialog === null) return;
    if (m.status < 300) this.challenges = 0;
    const isChallenge = m.status === 401 || m.status === 407;
    if (isChallenge && this.user.onChallenge(t, m) && requests.sendInfo(dialog, digit)) return;
    if (!this.isGone(m)) this.user.onDigitAnswered(m.status);
  }

  /** @returns whether our re-INVITE or UPDATE was challenged, and was sent again with credentials */
  private isRepeated(t: ClientTransaction, m: Message, dialog: Dialog): boolean {
    if ((m.status !== 401 && m.status !== 407) || !this.user.onChallenge(t, m)) return false;
    return t.method === METHOD_INVITE ? this.sendInvite(dialog) : this.requests.sendUpdate(dialog);
  }

  /** @returns whether the response means that the other side has no such call any more: it was ended */
  private isGone(m: Message): boolean {
    if (m.status !== 481 && m.status !== 408) return false;
    this.endWithBye(CAUSE_REFUSED, m.status);
    return true;
  }

  /** A BYE or PRACK that is challenged is sent again, in the dialog it was for. */
  private onOtherResponse(t: ClientTransaction, m: Message): void {
    if (m.status >= 200 && m.status < 300) this.challenges = 0;
    if (m.status !== 401 && m.status !== 407) return;
    const dialog = this.forks.ofResponse(m);
    if (dialog === null || !this.user.onChallenge(t, m)) return;
    if (t.method === METHOD_BYE) this.requests.byeSender.sendBye(dialog);
    else this.requests.sendPrack(dialog);
  }

  // ---- timers ----

  onTimer(kind: number): void {
    if (kind === TIMER_RELIABLE) this.onReliableTimer();
    else if (kind === TIMER_SESSION) this.onSessionTimer();
    else if (this.state === SESSION_ENDED) this.requests.byeSender.sendAgain(this.forks);
    else this.onOfferTimer();
  }

  /** Our provisional response was not acknowledged. */
  private onReliableTimer(): void {
    const { responses } = this;
    const t = responses.incoming;
    if (t === null || !responses.reliable.isPending || this.state !== SESSION_INCOMING) return;
    if (!responses.repeatProvisional(t)) this.decline(504);
  }

  /** The session is to be refreshed, or was not. RFC 4028 §10 */
  private onSessionTimer(): void {
    if (this.state !== SESSION_CONFIRMED || this.dialog === null) return;
    if (this.interval.isRefresher && this.context.timers.nowMs < this.interval.expiresAtMs) this.refresh();
    else this.endWithBye(CAUSE_EXPIRED, 0);
  }

  /** An offer of ours has had no final answer in its time and is taken back, or one that waited has its turn. */
  private onOfferTimer(): void {
    const { timers } = this.context;
    const { requests, dialog } = this;
    if (this.state !== SESSION_CONFIRMED || dialog === null) return;
    if (timers.nowMs >= this.offerUntilMs) requests.cancelInvite();
    if (this.isWaiting) this.offerWaiting(dialog);
    else if (requests.invite !== null && timers.nowMs < this.offerUntilMs)
      timers.startAt(this.retryTimer, this.offerUntilMs);
  }

  // ---- our changes to a call, and its refreshes ----

  /** Whether the other side is, or is to be told an address of ours as it is seen from outside. */
  isOutside(): boolean {
    const { layer, transport } = this.context;
    if (layer.outside === null || this.dialog === null) return false;
    return this.negotiation.outside !== null || layer.outside.isFor(this.dialog.hopIp(layer, transport));
  }

  /** Sets the address that our description has for somebody at `peerIp`. */
  private chooseAddress(peerIp: number): void {
    const { outside } = this.context.layer;
    this.negotiation.outside = outside?.isFor(peerIp) ? outside : null;
  }

  /** As `chooseAddress`, for where the next request in the dialog goes. */
  private chooseAddressFor(dialog: Dialog): void {
    const { layer, transport } = this.context;
    if (layer.outside !== null) this.chooseAddress(dialog.hopIp(layer, transport));
  }

  /** Sends an INVITE with the offer that `negotiation` has. @returns false when it cannot be sent */
  private sendInvite(dialog: Dialog): boolean {
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

  /** Offers what `negotiation` wants, or waits until it may. @returns false when it cannot be sent */
  private offerAnew(dialog: Dialog): boolean {
    if (this.requests.isPending() || this.responses.isPending()) {
      this.retryLater();
      return true;
    }
    this.chooseAddressFor(dialog);
    this.noteWay(dialog.hopTransport(this.context.transport), CONNECTION_UNKNOWN);
    if (this.negotiation.writeOffer() === NEGOTIATION_OK && this.sendInvite(dialog)) return true;
    this.leaveUnchanged();
    return false;
  }

  /** An offer that had to wait has its turn. */
  private offerWaiting(dialog: Dialog): void {
    this.isWaiting = false;
    const { isChange } = this;
    const wasHold = this.negotiation.isHolding;
    if (!this.offerAnew(dialog) && isChange) this.user.onUnchanged(wasHold, null);
  }

  /** The side that made the Call-ID waits longer, so that one of two gets through. RFC 3261 §14.1 */
  private retryLater(): void {
    const part = fraction(this.context.random);
    this.isWaiting = true;
    const delayMs = this.isCaller ? 2100 + Math.floor(part * 190) * 10 : Math.floor(part * 200) * 10;
    this.context.timers.start(this.retryTimer, delayMs);
  }

  /** Our offer was refused, or failed later than when it was asked for: the call is as both sides knew it before. */
  private tellUnchanged(m: Message | null): void {
    const { isChange } = this;
    const wasHold = this.negotiation.isHolding;
    this.leaveUnchanged();
    if (isChange) this.user.onUnchanged(wasHold, m);
  }

  /** Our offer did not come to be. */
  private leaveUnchanged(): void {
    this.isChange = false;
    this.negotiation.rollback();
    this.negotiation.giveUp();
  }

  /**
   * Says that the session goes on: by UPDATE where they take it, else by an INVITE that changes nothing. RFC 4028 §7.4
   */
  private refresh(): void {
    const { timers } = this.context;
    const { requests, interval, dialog } = this;
    if (dialog === null) return;
    const isBusy = requests.isPending() || this.responses.isPending();
    if (isBusy || !(this.peerHasUpdate ? requests.sendUpdate(dialog) : this.offerAnew(dialog))) {
      const leftMs = Math.max(0, interval.expiresAtMs - timers.nowMs);
      timers.start(this.sessionTimer, Math.min(REFRESH_AGAIN_MS, leftMs));
      return;
    }
    // Should it not be taken, the interval's end ends the session. RFC 4028 §10
    timers.startAt(this.sessionTimer, interval.expiresAtMs);
  }

  // ---- steps that several events have in common ----

  /** Offer and answer agree. Before we answer, no sound runs: the caller was not let in yet. */
  private agree(): void {
    this.negotiation.closeExchange();
    if (this.state === SESSION_INCOMING) this.isSoundDue = true;
    else this.user.onAgreed();
  }

  /**
   * 200 to their INVITE, first or later.
   * @returns false when it does not fit: it was answered 500, and all is as it was before the INVITE
   */
  private accept(): boolean {
    const { responses, negotiation, dialog } = this;
    const t = responses.incoming;
    if (t === null || !responses.acceptInvite()) {
      this.undoChange(true);
      return false;
    }
    if (this.state === SESSION_INCOMING) {
      this.state = SESSION_ANSWERED;
      if (dialog !== null) dialog.state = DIALOG_CONFIRMED;
    }
    const isAnswer = negotiation.exchange === EXCHANGE_THEIRS;
    if (isAnswer) negotiation.closeExchange();
    const isAgreed = isAnswer || this.isSoundDue;
    // No sound goes to where a description says before its sender has shown that it reads our answer.
    this.isSoundDue = isAgreed && t.isUnproven;
    this.startSessionTimer();
    if (isAgreed && !this.isSoundDue) this.user.onAgreed();
    return true;
  }

  private decline(status: number): void {
    if (this.responses.incoming === null) return;
    this.responses.refuseInvite(status);
    this.end(CAUSE_DECLINED, status, null);
  }

  private confirm(): void {
    this.user.onConfirmed();
    const { dialog } = this;
    if (!this.isReofferDue || dialog === null || this.state !== SESSION_CONFIRMED) return;
    this.isReofferDue = false;
    this.offerWaiting(dialog);
  }

  /** Sends the BYE of a call that was never acknowledged: only once to a caller who never showed that it is there. */
  private sendLastBye(answered: ServerTransaction, dialog: Dialog): void {
    if (answered.isUnproven) this.requests.byeSender.sendByeOnce(dialog);
    else this.requests.byeSender.sendBye(dialog);
  }

  private endWithBye(cause: number, status: number): void {
    this.requests.retireInfo();
    if (this.dialog !== null) this.requests.byeSender.sendBye(this.dialog);
    this.end(cause, status, null);
  }

  private end(cause: number, status: number, m: Message | null): void {
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

  private reset(): void {
    this.forks.reset();
    this.interval.reset(this.context.minSeS);
    this.requests.reset();
    this.responses.reset();
    this.negotiation.reset();
    this.dialog = null;
    this.state = SESSION_FREE;
    this.isCaller = false;
    this.challenges = 0;
    this.glares = 0;
    this.isByeDue = this.isSoundDue = this.isAnswerWanted = this.peerHasUpdate = false;
    this.isReofferDue = this.isChange = this.isWaiting = false;
  }

  /** Takes the session interval that the 2xx to our INVITE or UPDATE says. */
  private adoptInterval(m: Message): void {
    this.interval.readResponse(m);
    this.startSessionTimer();
  }

  private startSessionTimer(): void {
    this.interval.start(this.context.timers, this.sessionTimer);
  }

  private notePeer(m: Message): void {
    this.peerHasUpdate = m.contains(HEADER_ALLOW, METHOD_NAMES[METHOD_UPDATE]);
  }

  private dropFork(dialog: Dialog): void {
    this.forks.drop(dialog);
    if (this.dialog === dialog) this.dialog = null;
  }

  /** The dialog of the fork that answers; null when it cannot be kept. */
  private fork(m: Message): Dialog | null {
    const dialog = this.forks.fork(m);
    if (this.dialog !== null && !this.forks.has(this.dialog)) this.dialog = null;
    return dialog;
  }
}
