/**
 * An INVITE session, from the first INVITE to the last BYE, seen from either end: RFC 3261 §13 to §15, with offers and
 * answers (RFC 3264), reliable provisional responses (RFC 3262), UPDATE (RFC 3311) and session timers (RFC 4028).
 * It owns the dialogs of one call: the draft its INVITE is written from, one early dialog for each fork that rings, and the one
 * that was answered first; later answers are acknowledged and sent BYE.
 * Not here: who is called and by which route, credentials, redirection, ring times, and sound. Those are asked of `SessionUser`.
 */
import { NONE, octets, Span } from "../core/bytes.js";
import type { Pool } from "../core/pool.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import { FAILURE_RESOLVE, FAILURE_TRANSPORT } from "../transaction/client.js";
import { beginRefusalInside, sendRefusal } from "../transaction/refusal.js";
import { EMPTY_BODY, type ServerOwner, type ServerTransaction } from "../transaction/server.js";
import { BODY_NONE, BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ALLOW,
  HEADER_REQUIRE,
  HEADER_RSEQ,
  HEADER_SUPPORTED,
  METHOD_ACK,
  METHOD_BYE,
  METHOD_INVITE,
  METHOD_NAMES,
  METHOD_PRACK,
  METHOD_UPDATE,
} from "../wire/names.js";
import { BAD_CONTACT } from "../wire/problems.js";
import type { Replaces } from "../wire/replaces.js";
import type { Writer } from "../wire/writer.js";
import { BYE_FIRST_MS, Byes, type ByesUser } from "./byes.js";
import { writeContact } from "./contact.js";
import { DIALOG_CONFIRMED, type Dialog } from "./dialog.js";
import { Forks } from "./forks.js";
import { Interval } from "./interval.js";
import { type InviteContext, type InviteParts, writeDescription, writeInvite } from "./invite.js";
import { ACCEPT_SDP, SUPPORTED } from "./lines.js";
import {
  NEGOTIATION_MALFORMED,
  NEGOTIATION_NO_ROOM,
  NEGOTIATION_OK,
  type Negotiation,
  WARNING_CODES,
} from "./negotiation.js";
import { Reliable } from "./reliable.js";

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

// Why a session ended.
/** We hung up, or gave up calling. */
export const CAUSE_LOCAL = 1;
/** They hung up. */
export const CAUSE_REMOTE = 2;
/** They gave up calling before we answered (CANCEL). */
export const CAUSE_CANCELLED = 3;
/** They answered with the status that is told. */
export const CAUSE_REFUSED = 4;
/** We answered with the status that is told. */
export const CAUSE_DECLINED = 5;
/** Nobody answered at all. */
export const CAUSE_TIMEOUT = 6;
/** The network would not carry it. */
export const CAUSE_NETWORK = 7;
/** The name of the next hop has no address. */
export const CAUSE_UNKNOWN_NAME = 8;
/** No offer and answer came together. */
export const CAUSE_NO_CODEC = 9;
/** Our 2xx was never acknowledged. */
export const CAUSE_NO_ACK = 10;
/** The other side did not refresh the session in time. RFC 4028 §10 */
export const CAUSE_EXPIRED = 11;
/** One of our pools is empty, or a message does not fit its buffer. */
export const CAUSE_NO_ROOM = 12;
/** Our INVITE, with what the server wants to be told, does not fit its buffer. */
export const CAUSE_TOO_LONG = 13;

/** How long a re-INVITE may be without a final answer: nobody has to be fetched for one. */
const OFFER_TIME_MS = 32_000;
/** How often a change that crossed one of theirs (491) is offered again. */
const GLARES_MOST = 5;
/** When a refresh is tried again that found no room, or another exchange open. */
const REFRESH_AGAIN_MS = 2000;

const TIMER_SESSION = 1;
const TIMER_RETRY = 2;
const TIMER_RELIABLE = 3;

// Which exchange of offer and answer is open. RFC 3264 §4
const EXCHANGE_NONE = 0;
const EXCHANGE_OURS = 1;
const EXCHANGE_THEIRS = 2;

const TOKEN_100REL = octets("100rel");
const REQUIRE_100REL = octets("Require: 100rel\r\nRSeq: ");
const RACK = octets("RAck: ");
const RETRY_AFTER = octets("Retry-After: ");
/** By WARNING_*: what a 488 says. RFC 3261 §20.43 */
const WARNINGS = warningsOf([
  "Media type not available",
  "Incompatible transport protocol",
  "Incompatible media format",
  "Incompatible network protocol",
  "Incompatible network address formats",
  "Multicast not available",
  "Too many media",
]);
const CRLF = octets("\r\n");
/** The reason of a 400. */
const BAD_DESCRIPTION = octets("Bad Session Description");

/** What a session asks and tells the user agent that owns it. */
export interface SessionUser {
  /** 401 or 407 came for a request of the session. @returns whether it is to be sent again with credentials */
  onChallenge(s: Session, t: ClientTransaction, m: Message): boolean;
  /** Writes Authorization and Proxy-Authorization lines, if any are due where `t` goes. */
  writeCredentials(s: Session, t: ClientTransaction, w: Writer, method: number, requestUri: Span): void;
  /** Our INVITE failed: by a response from 300, or with none (null). @returns whether the draft has a new target, to be tried */
  onRefused(s: Session, m: Message | null): boolean;
  /** A provisional response, 101 to 199. */
  onProgress(s: Session, status: number): void;
  /** Offer and answer agree, for the first time or anew: `s.negotiation` says on what. */
  onAgreed(s: Session): void;
  onConfirmed(s: Session): void;
  /** @param cause CAUSE_* @param status of the response that ended it, or 0 @param m that response or request, or null */
  onEnded(s: Session, cause: number, status: number, m: Message | null): void;
  /**
   * Hold, resume, or a new address of ours did not come to be: the call is as it was.
   * @param wasHold what was wanted is to hold @param m the response that refused it; null: it could not be sent
   */
  onUnchanged(s: Session, wasHold: boolean, m: Message | null): void;
  /** A request in the dialog that is no business of the session (INFO, MESSAGE, OPTIONS, …): to be answered. */
  onOther(s: Session, t: ServerTransaction, m: Message): void;
}

/** What all sessions of a user agent share. */
export interface SessionContext extends InviteContext {
  timers: Timers;
  random: RandomSource;
  dialogs: Pool<Dialog>;
  user: SessionUser;
  /** The 180 to a call that comes holds the answer to its offer. */
  answersEarly?: boolean;
  /** The shortest one we take, in seconds. */
  minSeS: number;
}

// For the time of one call only.
const sdp = new Span();

export class Session implements ClientUser, ServerOwner, TimerUser, ByesUser, InviteParts {
  state = SESSION_FREE;
  isCaller = false;
  /** The dialog that was answered (or, of a caller, rings first); null before. */
  dialog: Dialog | null = null;
  readonly negotiation: Negotiation;
  /** How many REFERs came in it. */
  refers = 0;
  /** Challenges answered since a request of ours was last taken. */
  challenges = 0;
  /** Our last INVITE did not fit its buffer. */
  isTooLong = false;
  /** Header fields of our founding INVITE beside the usual, whole lines; the octets are the user agent's. */
  readonly fields = new Span();
  /** How many of our client transactions still name this session. */
  private open = 0;
  private readonly context: SessionContext;
  private readonly forks: Forks;
  readonly interval = new Interval();
  private readonly reliable = new Reliable();
  private readonly byes: Byes;
  /** Our INVITE without a final response. */
  private invite: ClientTransaction | null = null;
  /** Our UPDATE without a final response. */
  private update: ClientTransaction | null = null;
  /** CSeq number of our INVITE that was sent last, for RAck. */
  private inviteCseq = 0;
  /** Their INVITE that we have not answered finally. */
  private incoming: ServerTransaction | null = null;
  /** Their INVITE that we answered 2xx and they have not acknowledged. */
  private answered: ServerTransaction | null = null;
  private exchange = EXCHANGE_NONE;
  /** The ACK (or PRACK) must bring the answer to the offer in our response. */
  private answerDue = false;
  private byeWanted = false;
  /** Our offer under way, or waiting for its turn, is a change somebody asked for: its failure is told. */
  private isChange = false;
  /** It waits for its turn; when the one under way is taken back. */
  private isWaiting = false;
  private offerUntilMs = 0;
  /** How often it was refused because it crossed one of theirs. */
  private glares = 0;
  /** To be offered anew as soon as the session is confirmed. */
  private reofferWanted = false;
  private answerWanted = false;
  /** Offer and answer agree, which is told when we answer, or when the ACK comes. */
  private isSoundDue = false;
  /** Our 180 holds the answer to their offer. */
  private isAnsweringEarly = false;
  /** Their INVITE asks for reliable provisional responses. */
  private wantsReliable = false;
  private incomingCseq = 0;
  private peerHasUpdate = false;
  private readonly sessionTimer: number;
  private readonly retryTimer: number;
  private readonly reliableTimer: number;

  constructor(context: SessionContext, negotiation: Negotiation) {
    this.context = context;
    this.forks = new Forks(context.dialogs);
    this.negotiation = negotiation;
    this.sessionTimer = context.timers.make(this, TIMER_SESSION);
    this.retryTimer = context.timers.make(this, TIMER_RETRY);
    this.byes = new Byes(context, this, this.retryTimer);
    this.reliableTimer = context.timers.make(this, TIMER_RELIABLE);
  }

  /** What our INVITE is written from; null in a call that came. */
  get draft(): Dialog | null {
    return this.forks.draft;
  }

  // ---- what the user agent does ----

  /**
   * Calls. @param draft whose request is to be sent; the session gives it back to the pool @param fields further lines of the INVITE, whose
   * octets stay until it is answered; null: none @returns false when nothing could be sent
   */
  call(draft: Dialog, fields: Span | null = null): boolean {
    this.reset();
    if (fields !== null) this.fields.set(fields.bytes, fields.start, fields.end);
    this.isCaller = true;
    this.forks.draft = draft;
    this.state = SESSION_CALLING;
    if (this.negotiation.offer() !== NEGOTIATION_OK || !this.sendInvite(draft)) {
      this.state = SESSION_ENDED;
      return false;
    }
    return true;
  }

  /**
   * Takes an INVITE that founds a call. Refuses it by itself when there is no codec in common, no room, or no proper timer.
   * @returns 0 when it is to ring now, else the status that refused it
   */
  receive(t: ServerTransaction, m: Message): number {
    this.reset();
    const dialog = this.forks.take();
    if (dialog === null || !dialog.fromRequest(m, t)) {
      const status = dialog === null ? 503 : dialog.isCallable(m) ? 513 : 400;
      const { layer } = this.context;
      sendRefusal(layer, t, beginRefusalInside(layer, t, m, status, status === 400 ? BAD_CONTACT : NONE));
      this.forks.reset();
      return status;
    }
    const status = this.takeOffer(m);
    if (status !== 0 || !this.takeInterval(t, m)) {
      if (status !== 0) this.refuseOffer(t, m, status);
      this.forks.reset();
      return status !== 0 ? status : 422;
    }
    this.dialog = dialog;
    this.state = SESSION_INCOMING;
    this.setIncoming(t, m.cseq);
    this.isAnsweringEarly = this.context.answersEarly === true && this.exchange === EXCHANGE_THEIRS;
    // An answer that comes reliably is the answer; one that may be lost is told again in the 200. RFC 3261 §13.2.1, RFC 3262 §5
    const canReliable = this.isAnsweringEarly && m.contains(HEADER_SUPPORTED, TOKEN_100REL);
    this.wantsReliable = canReliable || m.contains(HEADER_REQUIRE, TOKEN_100REL);
    this.notePeer(m);
    return 0;
  }

  /** Answers an incoming call provisionally, 180 most often. */
  progress(status: number): void {
    const t = this.incoming;
    if (t === null || this.state !== SESSION_INCOMING || this.reliable.isPending) return;
    const w = this.context.layer.respond(t, status);
    writeContact(w, this.context, t.source.transport);
    w.put(this.context.allow);
    if (this.wantsReliable) {
      const { timers, random } = this.context;
      this.reliable.begin(timers, this.reliableTimer, 1 + (random.uint32() & 0xffff));
      w.put(REQUIRE_100REL);
      w.uint(this.reliable.rseq);
      w.put(CRLF);
    }
    // The first reliable response to an INVITE without an offer has to hold one. RFC 3261 §13.2.1
    if (this.isAnsweringEarly || (this.wantsReliable && this.answerDue)) writeDescription(w, this.negotiation.local);
    else w.put(EMPTY_BODY);
    if (this.context.layer.sendResponse(t)) {
      if (this.isAnsweringEarly && this.wantsReliable) this.agree();
      return;
    }
    // Short, it says that it rings all the same; but one that has to be acknowledged cannot be short.
    if (this.wantsReliable) this.decline(500);
    else this.context.layer.reply(t, status);
  }

  /** Offer and answer agree. Before we answer, nobody hears us: the caller is nobody's guest yet. */
  private agree(): void {
    this.exchange = EXCHANGE_NONE;
    if (this.state === SESSION_INCOMING) this.isSoundDue = true;
    else this.context.user.onAgreed(this);
  }

  /** @returns whether the caller of an incoming call was told that it rings */
  hasRung(): boolean {
    return this.incoming !== null && this.incoming.status >= 180;
  }

  /** Answers an incoming call: 200. Waits for the PRACK of a provisional response first. RFC 3262 §3 */
  answer(): void {
    if (this.state !== SESSION_INCOMING) return;
    if (this.reliable.isPending) {
      this.answerWanted = true;
      return;
    }
    if (!this.accept(true)) this.end(CAUSE_NO_ROOM, 500, null);
  }

  /**
   * Ends the session from our side, whatever its state: CANCEL, BYE, or a final response.
   * @param status for an incoming call not answered yet @param lines header lines of a CANCEL, kept by reference
   */
  hangUp(status = 486, lines: Uint8Array = NONE): void {
    switch (this.state) {
      case SESSION_CALLING:
      case SESSION_PROCEEDING:
        if (this.invite !== null) this.context.layer.cancel(this.invite, lines);
        this.end(CAUSE_LOCAL, 0, null);
        break;
      case SESSION_INCOMING:
        this.decline(status);
        break;
      case SESSION_ANSWERED:
        // The callee's BYE waits for the ACK or its time-out. RFC 3261 §15
        this.byeWanted = true;
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
   * Offers anew what `negotiation` now wants: hold, resume, or another address of ours. Waits its turn when another exchange is open.
   * @returns false when it cannot be sent: then all is as it was
   */
  reoffer(): boolean {
    this.isChange = true;
    this.glares = 0;
    if (this.state === SESSION_CONFIRMED && this.dialog !== null) return this.offerAnew(this.dialog);
    this.reofferWanted = true;
    return true;
  }

  private offerAnew(dialog: Dialog): boolean {
    if (this.invite !== null || this.update !== null || this.incoming !== null || this.answered !== null) {
      this.retryLater();
      return true;
    }
    if (this.negotiation.offer() === NEGOTIATION_OK && this.sendInvite(dialog)) return true;
    this.leaveUnchanged();
    return false;
  }

  /** Our offer did not come to be. */
  private leaveUnchanged(): void {
    this.isChange = false;
    this.exchange = EXCHANGE_NONE;
    this.negotiation.rollback();
    this.negotiation.giveUp();
  }

  isConfirmed(): boolean {
    return this.state === SESSION_CONFIRMED;
  }

  /** Whether the session has ended and nothing of it is left to wait for. */
  isSettled(): boolean {
    return this.state === SESSION_ENDED && this.open === 0 && this.answered === null && this.forks.leaving() === null;
  }

  /** Lets go of all that is left of an ended session, so that it can serve anew. Whoever is owed a BYE gets one, not repeated. */
  release(): void {
    for (let dialog = this.forks.leaving(); dialog !== null; dialog = this.forks.leaving()) this.byes.sendOnce(dialog);
    if (this.byeWanted && this.dialog !== null) this.byes.sendOnce(this.dialog);
    if (this.answered !== null) this.context.layer.acked(this.answered);
    this.context.layer.disown(this);
    this.reset();
  }

  /** @returns whether `m`, a request with a To tag, belongs to one of this session's dialogs */
  owns(m: Message): boolean {
    return this.forks.ofRequest(m) !== null;
  }

  /** @returns the dialog of this session that a Replaces field names, or null */
  ofReplaces(replaces: Replaces): Dialog | null {
    return this.forks.ofReplaces(replaces);
  }

  /** @returns whether `m`, an INVITE without a To tag, is the one that founded this session, come once more */
  isFounder(m: Message): boolean {
    return !this.isCaller && this.dialog !== null && this.dialog.isFounder(m);
  }

  // ---- requests that come in the dialog ----

  onRequest(t: ServerTransaction, m: Message): void {
    const dialog = this.forks.ofRequest(m);
    const layer = this.context.layer;
    if (dialog === null) {
      layer.reply(t, 481);
      return;
    }
    if (!dialog.acceptCseq(m.cseq)) {
      // The transaction of a BYE made room before the answer was heard.
      layer.reply(t, m.method === METHOD_BYE && this.state === SESSION_ENDED ? 200 : 500);
      return;
    }
    switch (m.method) {
      case METHOD_BYE:
        layer.reply(t, 200);
        this.onBye(m, dialog);
        break;
      case METHOD_INVITE:
        if (this.state === SESSION_ENDED) layer.reply(t, 481);
        else this.onReinvite(t, m, dialog);
        break;
      case METHOD_UPDATE:
        if (this.state === SESSION_ENDED) layer.reply(t, 481);
        else this.onUpdate(t, m, dialog);
        break;
      case METHOD_PRACK:
        this.onPrack(t, m);
        break;
      default:
        if (this.state === SESSION_ENDED) layer.reply(t, 481);
        else this.context.user.onOther(this, t, m);
        break;
    }
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
    const t = this.answered;
    const dialog = this.dialog;
    if (t === null || dialog === null || m.cseq !== this.incomingCseq || !dialog.hasRequest(m)) return;
    this.setAnswered(null);
    this.context.layer.acked(t);
    this.prove(t);
    if (this.byeWanted) {
      this.byeWanted = false;
      this.byes.send(dialog);
      return;
    }
    // Their BYE may have come before the ACK.
    if (this.state === SESSION_ENDED) return;
    if (this.isSoundDue) {
      this.isSoundDue = false;
      this.context.user.onAgreed(this);
    }
    if (this.answerDue) {
      this.answerDue = false;
      this.exchange = EXCHANGE_NONE;
      if (findSdp(m, sdp) !== BODY_SDP || this.negotiation.accept(sdp.bytes, sdp.start, sdp.end) !== NEGOTIATION_OK) {
        this.endWithBye(CAUSE_NO_CODEC, 488);
        return;
      }
      this.context.user.onAgreed(this);
    }
    if (this.state === SESSION_ANSWERED) {
      this.state = SESSION_CONFIRMED;
      this.confirm();
    }
  }

  /** The caller gave up; `t` is the INVITE. RFC 3261 §9.2 */
  onCancel(t: ServerTransaction, m: Message): void {
    if (t !== this.incoming) return;
    this.setIncoming(null, 0);
    this.context.layer.reply(t, 487);
    if (this.state === SESSION_INCOMING) this.end(CAUSE_CANCELLED, 487, m);
    else this.negotiation.rollback();
  }

  onAckTimeout(t: ServerTransaction): void {
    if (t !== this.answered) return;
    this.setAnswered(null);
    if (this.state === SESSION_ENDED) {
      if (this.byeWanted && this.dialog !== null) this.sendLastBye(t, this.dialog);
      this.byeWanted = false;
    } else {
      if (this.dialog !== null) this.sendLastBye(t, this.dialog);
      this.end(CAUSE_NO_ACK, 0, null);
    }
  }

  onServerTerminated(t: ServerTransaction): void {
    if (t === this.answered) this.answered = null;
    if (t === this.incoming) this.incoming = null;
  }

  private onBye(m: Message, dialog: Dialog): void {
    if (this.state === SESSION_ENDED) return;
    if (this.isCaller && this.invite !== null && this.dialog !== dialog) {
      // One fork of many gave up; the others ring on.
      this.forks.drop(dialog);
      return;
    }
    if (this.incoming !== null) {
      const pending = this.incoming;
      this.setIncoming(null, 0);
      this.context.layer.reply(pending, 487);
    }
    if (this.answered !== null) {
      // Whoever hangs up has heard it, or wants it no more.
      this.context.layer.acked(this.answered);
      this.setAnswered(null);
    }
    if (this.invite !== null && this.state < SESSION_CONFIRMED) this.context.layer.cancel(this.invite);
    this.end(CAUSE_REMOTE, 0, m);
  }

  /** RFC 3261 §14.2 */
  private onReinvite(t: ServerTransaction, m: Message, dialog: Dialog): void {
    const layer = this.context.layer;
    if (this.state !== SESSION_CONFIRMED || this.incoming !== null) {
      // An earlier INVITE of theirs is not done yet (or not acknowledged).
      this.refuseForNow(t, 500);
      return;
    }
    if (this.invite !== null || (this.exchange === EXCHANGE_OURS && this.answered === null)) {
      layer.reply(t, 491);
      return;
    }
    if (this.answered !== null) {
      this.refuseForNow(t, 500);
      return;
    }
    if (dialog.isTargetLong(m)) {
      layer.reply(t, 513);
      return;
    }
    const status = this.takeOffer(m);
    if (status !== 0) {
      this.refuseOffer(t, m, status);
      return;
    }
    if (!this.takeInterval(t, m)) {
      this.dropOffer();
      return;
    }
    this.setIncoming(t, m.cseq);
    if (this.accept(false)) dialog.refreshTarget(m);
  }

  /** RFC 3311 §5.2 */
  private onUpdate(t: ServerTransaction, m: Message, dialog: Dialog): void {
    const layer = this.context.layer;
    if (dialog.isTargetLong(m)) {
      layer.reply(t, 513);
      return;
    }
    const body = findSdp(m, sdp);
    if (body === BODY_SDP) {
      if (this.exchange === EXCHANGE_OURS || this.update !== null) {
        layer.reply(t, 491);
        return;
      }
      if (this.exchange === EXCHANGE_THEIRS || this.answered !== null) {
        this.refuseForNow(t, 500);
        return;
      }
      const status = this.takeOffer(m);
      if (status !== 0) {
        this.refuseOffer(t, m, status);
        return;
      }
    } else if (body !== BODY_NONE) {
      this.refuseOffer(t, m, 415);
      return;
    }
    if (!this.takeInterval(t, m)) {
      if (body === BODY_SDP) this.dropOffer();
      return;
    }
    const w = layer.respond(t, 200);
    writeContact(w, this.context, t.source.transport);
    w.put(this.context.allow);
    this.interval.writeResponse(w);
    if (body === BODY_SDP) writeDescription(w, this.negotiation.local);
    else w.put(EMPTY_BODY);
    if (!layer.sendResponse(t)) {
      this.interval.rollback();
      if (body === BODY_SDP) this.dropOffer();
      layer.reply(t, 500);
      return;
    }
    dialog.refreshTarget(m);
    this.startSessionTimer();
    if (body === BODY_SDP) this.agree();
  }

  /** RFC 3262 §3 */
  private onPrack(t: ServerTransaction, m: Message): void {
    const layer = this.context.layer;
    if (!this.reliable.isFor(m, this.incomingCseq)) {
      layer.reply(t, 481);
      return;
    }
    this.reliable.isPending = false;
    this.context.timers.stop(this.reliableTimer);
    if (this.incoming !== null) this.prove(this.incoming);
    const isOffer = this.exchange === EXCHANGE_NONE && findSdp(m, sdp) === BODY_SDP;
    if (isOffer) this.answerInPrack(t, m);
    else layer.reply(t, 200);
    if (this.answerDue && this.exchange === EXCHANGE_OURS) {
      this.answerDue = false;
      this.exchange = EXCHANGE_NONE;
      if (findSdp(m, sdp) !== BODY_SDP || this.negotiation.accept(sdp.bytes, sdp.start, sdp.end) !== NEGOTIATION_OK) {
        this.decline(488);
        return;
      }
      this.agree();
    }
    if (this.answerWanted) {
      this.answerWanted = false;
      this.answer();
    }
  }

  /** A PRACK may offer anew what our reliable response has answered. RFC 3262 §5 */
  private answerInPrack(t: ServerTransaction, m: Message): void {
    const { layer } = this.context;
    const status = this.takeOffer(m);
    if (status !== 0) {
      this.refuseOffer(t, m, status);
      return;
    }
    writeDescription(layer.respond(t, 200), this.negotiation.local);
    if (layer.sendResponse(t)) this.agree();
    else {
      this.dropOffer();
      layer.reply(t, 500);
    }
  }

  // ---- responses to our requests ----

  onResponse(t: ClientTransaction, m: Message): void {
    switch (t.method) {
      case METHOD_INVITE:
        if (t === this.invite || this.state === SESSION_ENDED || m.status < 300) this.onInviteResponse(t, m);
        break;
      case METHOD_UPDATE:
        if (t === this.update && m.status >= 200) this.onUpdateResponse(t, m);
        break;
      case METHOD_BYE:
      case METHOD_PRACK:
        this.onOtherResponse(t, m);
        break;
      default:
        break;
    }
  }

  /** A BYE or PRACK that is challenged is sent again, in the dialog it was for. */
  private onOtherResponse(t: ClientTransaction, m: Message): void {
    if (m.status >= 200 && m.status < 300) this.challenges = 0;
    if (m.status !== 401 && m.status !== 407) return;
    const dialog = this.forks.ofResponse(m);
    if (dialog === null || !this.context.user.onChallenge(this, t, m)) return;
    if (t.method === METHOD_BYE) this.byes.send(dialog);
    else this.sendPrack(dialog);
  }

  onFailure(t: ClientTransaction, cause: number): void {
    const status = cause === FAILURE_RESOLVE || cause === FAILURE_TRANSPORT ? 503 : 408;
    if (t === this.invite) {
      this.invite = null;
      if (this.state === SESSION_CONFIRMED) this.endWithBye(CAUSE_TIMEOUT, status);
      else if (this.state !== SESSION_ENDED) {
        if (this.draft !== null && this.context.user.onRefused(this, null)) this.callAgain(this.draft);
        else if (cause === FAILURE_RESOLVE) this.end(CAUSE_UNKNOWN_NAME, 0, null);
        else this.end(cause === FAILURE_TRANSPORT ? CAUSE_NETWORK : CAUSE_TIMEOUT, status, null);
      }
    } else if (t === this.update) {
      this.update = null;
      this.exchange = EXCHANGE_NONE;
      if (this.state === SESSION_CONFIRMED) this.endWithBye(CAUSE_TIMEOUT, status);
    }
  }

  onTerminated(t: ClientTransaction): void {
    if (t === this.invite) this.invite = null;
    if (t === this.update) this.update = null;
    this.open -= 1;
  }

  private onInviteResponse(t: ClientTransaction, m: Message): void {
    if (m.status < 200) {
      this.onProvisional(m);
      return;
    }
    if (m.status < 300) {
      this.onAccepted(t, m);
      return;
    }
    if (t === this.invite) this.invite = null;
    this.exchange = EXCHANGE_NONE;
    if (this.state === SESSION_ENDED) {
      // As after CANCEL: no answer can come any more.
      this.context.layer.forget(t);
      this.open -= 1;
      return;
    }
    const dialog = this.dialog;
    if (this.state === SESSION_CONFIRMED && dialog !== null) {
      this.onReinviteRefused(t, m, dialog, true);
      return;
    }
    const draft = this.draft;
    if (draft === null) return;
    let again = false;
    if (m.status === 401 || m.status === 407) again = this.context.user.onChallenge(this, t, m);
    else if (m.status === 422) again = this.interval.raise(m);
    if (again || this.context.user.onRefused(this, m)) this.callAgain(draft);
    else this.end(CAUSE_REFUSED, m.status, m);
  }

  private callAgain(draft: Dialog): void {
    this.forks.dropAll();
    this.dialog = null;
    this.state = SESSION_CALLING;
    if (!this.sendInvite(draft)) this.end(this.isTooLong ? CAUSE_TOO_LONG : CAUSE_NO_ROOM, 0, null);
  }

  private onProvisional(m: Message): void {
    if (this.state === SESSION_CALLING) this.state = SESSION_PROCEEDING;
    if (m.status === 100 || this.invite === null || this.state === SESSION_ENDED) return;
    this.challenges = 0;
    if (m.toTagEnd > m.toTagStart) {
      const dialog = this.fork(m);
      const reliable = m.contains(HEADER_REQUIRE, TOKEN_100REL);
      if (reliable) {
        if (dialog === null) return;
        const rseq = m.uint(HEADER_RSEQ, 2147483647);
        // Out of order or seen before: the other side sends it again. RFC 3262 §4
        if (rseq < 1 || (dialog.rseq >= 0 && rseq !== dialog.rseq + 1)) return;
        const before = dialog.rseq;
        dialog.rseq = rseq;
        if (!this.sendPrack(dialog)) {
          // It comes again, and so does our turn.
          dialog.rseq = before;
          return;
        }
      }
      // The answer to a re-INVITE is taken from its 2xx.
      if (this.state !== SESSION_PROCEEDING) return;
      if (dialog !== null) this.onEarly(m, dialog, reliable);
      if (this.state !== SESSION_PROCEEDING) return;
    }
    if (this.state === SESSION_PROCEEDING) this.context.user.onProgress(this, m.status);
  }

  /** A fork rings, with or without sound. */
  private onEarly(m: Message, dialog: Dialog, reliable: boolean): void {
    if (this.dialog === null || reliable) this.dialog = dialog;
    if (findSdp(m, sdp) !== BODY_SDP) return;
    if (this.negotiation.accept(sdp.bytes, sdp.start, sdp.end) !== NEGOTIATION_OK) return;
    if (reliable) this.exchange = EXCHANGE_NONE;
    this.context.user.onAgreed(this);
  }

  /** RFC 3261 §13.2.2.4 */
  private onAccepted(t: ClientTransaction, m: Message): void {
    const isFirst = this.state === SESSION_CALLING || this.state === SESSION_PROCEEDING;
    if (this.state === SESSION_CONFIRMED && t === this.invite && this.dialog !== null && this.dialog.hasFork(m)) {
      this.onReinviteAccepted(t, m, this.dialog);
      return;
    }
    if (t === this.invite) this.invite = null;
    let dialog = this.fork(m);
    if (dialog !== null && dialog.state < DIALOG_CONFIRMED && !dialog.confirm(m)) {
      this.dropFork(dialog);
      dialog = null;
    }
    if (dialog === null) {
      this.byes.refuseAnswer(t, m, this.draft);
      if (isFirst) this.end(CAUSE_NO_ROOM, 0, null);
      return;
    }
    this.challenges = 0;
    if (!isFirst) {
      // A late fork, or an answer that crossed our CANCEL. RFC 3261 §15
      const seen = dialog.acknowledged;
      this.sendAck(t, dialog, m);
      if (!seen && (dialog !== this.dialog || this.state === SESSION_ENDED)) this.byes.send(dialog);
      return;
    }
    this.dialog = dialog;
    this.sendAck(t, dialog, m);
    this.notePeer(m);
    this.exchange = EXCHANGE_NONE;
    const body = findSdp(m, sdp);
    const agreed =
      body === BODY_SDP
        ? this.negotiation.accept(sdp.bytes, sdp.start, sdp.end) === NEGOTIATION_OK
        : this.negotiation.isAgreed();
    this.state = SESSION_CONFIRMED;
    if (!agreed) {
      this.endWithBye(CAUSE_NO_CODEC, 488);
      return;
    }
    this.adoptInterval(m);
    this.context.user.onAgreed(this);
    if (this.state === SESSION_CONFIRMED) this.confirm();
  }

  private onReinviteAccepted(t: ClientTransaction, m: Message, dialog: Dialog): void {
    this.invite = null;
    this.challenges = this.glares = 0;
    this.exchange = EXCHANGE_NONE;
    if (dialog.isTargetLong(m)) {
      // Where requests go from now on cannot be kept.
      this.byes.refuseAnswer(t, m, this.draft);
      this.end(CAUSE_NO_ROOM, 0, null);
      return;
    }
    dialog.refreshTarget(m);
    this.sendAck(t, dialog, m);
    this.adoptInterval(m);
    if (findSdp(m, sdp) !== BODY_SDP) {
      this.tellUnchanged(m);
      return;
    }
    this.isChange = false;
    if (this.negotiation.accept(sdp.bytes, sdp.start, sdp.end) === NEGOTIATION_OK) this.context.user.onAgreed(this);
    else this.endWithBye(CAUSE_NO_CODEC, 488);
  }

  private onUpdateResponse(t: ClientTransaction, m: Message): void {
    this.update = null;
    const dialog = this.dialog;
    if (this.state !== SESSION_CONFIRMED || dialog === null) return;
    if (m.status >= 300) {
      this.onReinviteRefused(t, m, dialog, false);
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

  /** Our re-INVITE or UPDATE was not taken: the session stays as it was, but for the answers that mean it is gone. RFC 3261 §12.2.1.2, §14.1 */
  private onReinviteRefused(t: ClientTransaction, m: Message, dialog: Dialog, isInvite: boolean): void {
    if (m.status === 401 || m.status === 407) {
      if (this.context.user.onChallenge(this, t, m)) {
        if (isInvite ? this.sendInvite(dialog) : this.sendUpdate(dialog)) return;
      }
    }
    if (m.status === 481 || m.status === 408) {
      this.endWithBye(CAUSE_REFUSED, m.status);
      return;
    }
    if (isInvite) {
      this.negotiation.rollback();
      if (m.status === 491 && this.glares++ < GLARES_MOST) this.retryLater();
      else if (m.status === 422 && this.interval.raise(m)) this.offerAnew(dialog);
      else this.tellUnchanged(m);
      return;
    }
    // Not every server takes an UPDATE without a description, whatever its Allow says: the session is refreshed by INVITE instead.
    if (m.status !== 422 || !this.interval.raise(m)) this.peerHasUpdate = false;
    this.refresh();
  }

  /** Our offer was refused, or failed later than when it was asked for: the call is as both sides knew it before. */
  private tellUnchanged(m: Message | null): void {
    const { isChange } = this;
    const wasHold = this.negotiation.isHolding;
    this.leaveUnchanged();
    if (isChange) this.context.user.onUnchanged(this, wasHold, m);
  }

  // ---- timers ----

  onTimer(kind: number): void {
    if (kind === TIMER_RELIABLE) {
      this.onReliableTimer();
      return;
    }
    if (kind === TIMER_RETRY && this.state === SESSION_ENDED) {
      this.byes.sendAgain(this.forks);
      return;
    }
    const dialog = this.dialog;
    if (this.state !== SESSION_CONFIRMED || dialog === null) return;
    if (kind === TIMER_RETRY) this.onOfferTimer(dialog);
    else if (this.interval.isRefresher && this.context.timers.nowMs < this.interval.expiresAtMs) this.refresh();
    else this.endWithBye(CAUSE_EXPIRED, 0);
  }

  /** An offer of ours has had no final answer in its time and is taken back, or one that waited has its turn. */
  private onOfferTimer(dialog: Dialog): void {
    const { timers, layer } = this.context;
    if (this.invite !== null && timers.nowMs >= this.offerUntilMs) layer.cancel(this.invite);
    if (this.isWaiting) this.offerWaiting(dialog);
    else if (this.invite !== null && timers.nowMs < this.offerUntilMs)
      timers.startAt(this.retryTimer, this.offerUntilMs);
  }

  private onReliableTimer(): void {
    const t = this.incoming;
    if (t === null || !this.reliable.isPending || this.state !== SESSION_INCOMING) return;
    if (this.reliable.repeat(this.context.timers, this.reliableTimer)) {
      if (!t.isUnproven) this.context.layer.resend(t);
      return;
    }
    this.reliable.isPending = false;
    this.decline(504);
  }

  /** Says that the session goes on: by UPDATE where they take it, else by an INVITE that changes nothing. RFC 4028 §7.4 */
  private refresh(): void {
    const dialog = this.dialog;
    if (dialog === null) return;
    const isBusy = this.invite !== null || this.update !== null || this.incoming !== null || this.answered !== null;
    if (isBusy || !(this.peerHasUpdate ? this.sendUpdate(dialog) : this.offerAnew(dialog))) {
      const leftMs = Math.max(0, this.interval.expiresAtMs - this.context.timers.nowMs);
      this.context.timers.start(this.sessionTimer, Math.min(REFRESH_AGAIN_MS, leftMs));
      return;
    }
    // Should it not be taken, the interval's end ends the session. RFC 4028 §10
    this.context.timers.startAt(this.sessionTimer, this.interval.expiresAtMs);
  }

  /** RFC 3261 §14.1: who made the Call-ID waits longer, so that one of two gets through. */
  private retryLater(): void {
    const part = fraction(this.context.random);
    this.isWaiting = true;
    const delayMs = this.isCaller ? 2100 + Math.floor(part * 190) * 10 : Math.floor(part * 200) * 10;
    this.context.timers.start(this.retryTimer, delayMs);
  }

  // ---- messages we write ----

  private sendInvite(dialog: Dialog): boolean {
    this.isTooLong = false;
    const t = this.takeClient();
    if (t === null) return false;
    const { context, negotiation } = this;
    this.isTooLong = !writeInvite(context, this, t, dialog, negotiation.local, this.isConfirmed());
    if (this.state === SESSION_CONFIRMED) {
      this.offerUntilMs = this.context.timers.nowMs + OFFER_TIME_MS;
      this.context.timers.startAt(this.retryTimer, this.offerUntilMs);
    }
    this.exchange = EXCHANGE_OURS;
    this.invite = t;
    this.inviteCseq = dialog.localCseq;
    dialog.rseq = -1;
    if (this.context.layer.send(t)) return true;
    this.invite = null;
    this.open -= 1;
    this.exchange = EXCHANGE_NONE;
    return false;
  }

  writeCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void {
    this.context.user.writeCredentials(this, t, w, method, requestUri);
  }

  /** Credentials, if they leave room for the end of a request without a body: without them it may be refused, but it is heard. */
  private writeShortCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void {
    const before = w.at;
    if (!w.ok) return;
    this.context.user.writeCredentials(this, t, w, method, requestUri);
    if (!w.ok || w.at + EMPTY_BODY.length > w.limit) w.rewind(before);
  }

  private sendAck(t: ClientTransaction, dialog: Dialog, m: Message): void {
    const w = dialog.ack(this.context.layer, t, m, this.context.transport);
    w.put(EMPTY_BODY);
    dialog.acknowledged = w.ok;
    this.context.layer.sendAck(t);
  }

  /** A 2xx to an INVITE of ours whose transaction is no more: it is acknowledged again. RFC 3261 §13.2.2.4 @returns whether it is of this session */
  onLateAnswer(m: Message): boolean {
    const dialog = this.forks.ofLateAnswer(m);
    if (dialog === null || !dialog.isUac || m.cseq > this.inviteCseq) return false;
    const { layer, transport } = this.context;
    dialog.once(layer, METHOD_ACK, m.cseq, transport).put(EMPTY_BODY);
    layer.sendOnce();
    return true;
  }

  /** The BYE of a call that was never acknowledged: to somebody who never showed that it is there it goes once. */
  private sendLastBye(answered: ServerTransaction, dialog: Dialog): void {
    if (answered.isUnproven) this.byes.sendOnce(dialog);
    else this.byes.send(dialog);
  }

  private sendUpdate(dialog: Dialog): boolean {
    const t = this.takeClient();
    if (t === null) return false;
    const w = dialog.request(this.context.layer, t, METHOD_UPDATE, this.context.transport);
    writeContact(w, this.context, t.target.transport);
    w.put(SUPPORTED);
    this.interval.writeUpdate(w);
    this.writeShortCredentials(t, w, METHOD_UPDATE, dialog.requestUri);
    w.put(EMPTY_BODY);
    this.update = t;
    if (this.context.layer.send(t)) return true;
    this.update = null;
    this.open -= 1;
    return false;
  }

  /** Acknowledges the provisional response that came last in the dialog. RFC 3262 §4 */
  private sendPrack(dialog: Dialog): boolean {
    const t = this.takeClient();
    if (t === null) return false;
    const w = dialog.request(this.context.layer, t, METHOD_PRACK, this.context.transport);
    w.put(RACK);
    w.uint(dialog.rseq);
    w.octet(0x20);
    w.uint(this.inviteCseq);
    w.octet(0x20);
    w.put(METHOD_NAMES[METHOD_INVITE]);
    w.put(CRLF);
    this.writeShortCredentials(t, w, METHOD_PRACK, dialog.requestUri);
    w.put(EMPTY_BODY);
    if (this.context.layer.send(t)) return true;
    this.open -= 1;
    return false;
  }

  /**
   * 200 to their INVITE, first or later, with our answer or (when they made no offer) our offer.
   * @returns false when it does not fit: it was answered 500, and all is as it was before the INVITE
   */
  private accept(isFirst: boolean): boolean {
    const t = this.incoming;
    if (t === null) return false;
    const layer = this.context.layer;
    this.setIncoming(null, this.incomingCseq);
    const w = layer.respond(t, 200);
    writeContact(w, this.context, t.source.transport);
    w.put(this.context.allow);
    w.put(SUPPORTED);
    this.interval.writeResponse(w);
    if (this.exchange === EXCHANGE_NONE) w.put(EMPTY_BODY);
    else writeDescription(w, this.negotiation.local);
    if (!layer.sendResponse(t)) {
      layer.reply(t, 500);
      this.interval.rollback();
      this.dropOffer();
      return false;
    }
    this.setAnswered(t);
    if (isFirst) this.state = SESSION_ANSWERED;
    if (isFirst && this.dialog !== null) this.dialog.state = DIALOG_CONFIRMED;
    const isDone = this.exchange === EXCHANGE_THEIRS;
    if (isDone) this.exchange = EXCHANGE_NONE;
    const agreed = isDone || this.isSoundDue;
    this.isSoundDue = false;
    this.startSessionTimer();
    // No sound goes to where a description says before its sender has shown that it reads our answer.
    if (agreed && t.isUnproven) this.isSoundDue = true;
    else if (agreed) this.context.user.onAgreed(this);
    return true;
  }

  private decline(status: number): void {
    const t = this.incoming;
    if (t === null) return;
    this.setIncoming(null, 0);
    this.context.layer.reply(t, status);
    this.end(CAUSE_DECLINED, status, null);
  }

  private refuseForNow(t: ServerTransaction, status: number): void {
    const w = this.context.layer.respond(t, status);
    w.put(RETRY_AFTER);
    w.uint(Math.floor(fraction(this.context.random) * 11));
    w.put(CRLF);
    w.put(EMPTY_BODY);
    this.context.layer.sendResponse(t);
  }

  /** RFC 3261 §21.4.1, §21.4.13 and §21.4.26: a 400 and a 488 say why, a 415 what is taken. */
  private refuseOffer(t: ServerTransaction, m: Message, status: number): void {
    const { layer } = this.context;
    const w = beginRefusalInside(layer, t, m, status, status === 400 ? BAD_DESCRIPTION : NONE);
    if (status === 488) w.put(WARNINGS[this.negotiation.warning()]);
    else if (status === 415) w.put(ACCEPT_SDP);
    sendRefusal(layer, t, w);
  }

  /** The sender of that request has sent a tag of ours since. */
  private prove(t: ServerTransaction): void {
    t.isUnproven = false;
    this.context.layer.prove(t.source.ip);
  }

  /** Forgets the offer that `takeOffer` took, for its request was refused. */
  private dropOffer(): void {
    this.negotiation.rollback();
    this.exchange = EXCHANGE_NONE;
    this.answerDue = false;
  }

  // ---- offers ----

  /** Reads the offer of their INVITE or UPDATE and prepares what we answer. @returns 0, or the status that refuses it */
  private takeOffer(m: Message): number {
    switch (findSdp(m, sdp)) {
      case BODY_NONE:
        // RFC 3261 §14.2: without an offer, ours is in the 2xx and the ACK answers it.
        if (this.negotiation.offer() !== NEGOTIATION_OK) return 500;
        this.exchange = EXCHANGE_OURS;
        this.answerDue = true;
        return 0;
      case BODY_SDP: {
        const code = this.negotiation.answer(sdp.bytes, sdp.start, sdp.end);
        if (code === NEGOTIATION_OK) {
          this.exchange = EXCHANGE_THEIRS;
          this.answerDue = false;
          return 0;
        }
        return code === NEGOTIATION_MALFORMED ? 400 : code === NEGOTIATION_NO_ROOM ? 500 : 488;
      }
      default:
        return 415;
    }
  }

  /** Takes the session interval that their INVITE or UPDATE asks for. @returns false when it was refused with 422 here */
  private takeInterval(t: ServerTransaction, m: Message): boolean {
    if (this.interval.take(m)) return true;
    const { layer } = this.context;
    const w = beginRefusalInside(layer, t, m, 422);
    this.interval.writeMinSe(w);
    sendRefusal(layer, t, w);
    return false;
  }

  /** Takes the one that the 2xx to our INVITE or UPDATE says. */
  private adoptInterval(m: Message): void {
    this.interval.adopt(m);
    this.startSessionTimer();
  }

  private startSessionTimer(): void {
    this.interval.start(this.context.timers, this.sessionTimer);
  }

  private notePeer(m: Message): void {
    this.peerHasUpdate = m.contains(HEADER_ALLOW, METHOD_NAMES[METHOD_UPDATE]);
  }

  // ---- ends, dialogs, transactions ----

  private confirm(): void {
    this.context.user.onConfirmed(this);
    const dialog = this.dialog;
    if (!this.reofferWanted || dialog === null || this.state !== SESSION_CONFIRMED) return;
    this.reofferWanted = false;
    this.offerWaiting(dialog);
  }

  /** An offer that had to wait has its turn. */
  private offerWaiting(dialog: Dialog): void {
    this.isWaiting = false;
    const { isChange } = this;
    const wasHold = this.negotiation.isHolding;
    if (!this.offerAnew(dialog) && isChange) this.context.user.onUnchanged(this, wasHold, null);
  }

  private endWithBye(cause: number, status: number): void {
    if (this.dialog !== null) this.byes.send(this.dialog);
    this.end(cause, status, null);
  }

  private end(cause: number, status: number, m: Message | null): void {
    const timers = this.context.timers;
    timers.stop(this.sessionTimer);
    timers.stop(this.retryTimer);
    timers.stop(this.reliableTimer);
    // One of a call that runs: nobody waits for its answer.
    if (this.invite !== null) this.context.layer.cancel(this.invite);
    this.state = SESSION_ENDED;
    if (this.forks.leaving() !== null) timers.start(this.retryTimer, BYE_FIRST_MS);
    this.context.user.onEnded(this, cause, status, m);
  }

  private reset(): void {
    this.forks.reset();
    this.interval.reset(this.context.minSeS);
    this.reliable.reset();
    this.dialog = null;
    this.state = SESSION_FREE;
    this.isCaller = false;
    this.open = 0;
    this.invite = null;
    this.update = null;
    this.incoming = null;
    this.answered = null;
    this.exchange = EXCHANGE_NONE;
    this.answerDue = false;
    this.byeWanted = false;
    this.reofferWanted = this.isChange = this.isWaiting = false;
    this.glares = 0;
    this.answerWanted = false;
    this.isSoundDue = this.isAnsweringEarly = false;
    this.wantsReliable = false;
    this.challenges = 0;
    this.refers = 0;
    this.fields.clear();
    this.peerHasUpdate = false;
    this.negotiation.reset();
  }

  takeClient(): ClientTransaction | null {
    const t = this.context.layer.client(this);
    if (t !== null) this.open += 1;
    return t;
  }

  dropClient(): void {
    this.open -= 1;
  }

  writeByeCredentials(t: ClientTransaction, w: Writer, requestUri: Span): void {
    this.writeShortCredentials(t, w, METHOD_BYE, requestUri);
  }

  private setIncoming(t: ServerTransaction | null, cseq: number): void {
    this.incoming = t;
    this.incomingCseq = cseq;
    if (t !== null) t.owner = this;
    if (t === null) {
      this.reliable.isPending = false;
      this.context.timers.stop(this.reliableTimer);
    }
  }

  private setAnswered(t: ServerTransaction | null): void {
    this.answered = t;
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

function warningsOf(texts: readonly string[]): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let i = 0; i < texts.length; i++)
    lines.push(octets("Warning: " + WARNING_CODES[i] + ' portero "' + texts[i] + '"\r\n'));
  return lines;
}
