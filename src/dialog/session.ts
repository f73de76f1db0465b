/**
 * An INVITE session, from the first INVITE to the last BYE, seen from either end: RFC 3261 §13 to §15, with reliable
 * provisional responses (RFC 3262), UPDATE (RFC 3311) and session timers (RFC 4028). This file has the table of the
 * machine, and passes each event to its function:
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
 * A session begins here. The functions of what follows are in four files: outgoing.ts and incoming.ts until the call is
 * confirmed, ourchanges.ts and theirchanges.ts after that. They work on what sessionstate.ts keeps: the dialogs of one
 * call (forks.ts), which are the draft that its INVITE is written from, one early dialog for each fork that rings, and
 * the one that was answered first. They use requests.ts and responses.ts, which write and send, negotiation.ts for
 * offers and answers, interval.ts for the session timer, reliable.ts and byesender.ts for what is repeated.
 * Not here: who is called and by which route, credentials, redirection, ring times, and sound. Those are asked of
 * `SessionUser`.
 */
import { NONE, type Span } from "../core/bytes.js";
import { type ClientTransaction, FAILURE_RESOLVE, FAILURE_TRANSPORT } from "../transaction/client.js";
import type { ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { METHOD_BYE, METHOD_INFO, METHOD_INVITE, METHOD_PRACK, METHOD_UPDATE } from "../wire/names.js";
import { BAD_CONTACT } from "../wire/problems.js";
import type { Replaces } from "../wire/replaces.js";
import { CAUSE_LOCAL, CAUSE_REMOTE, CAUSE_TIMEOUT } from "./cause.js";
import type { Dialog } from "./dialog.js";
import {
  answerCall,
  declineCall,
  onAck,
  onAckTimeout,
  onCancel,
  onPrack,
  onReliableTimer,
  sendProgress,
} from "./incoming.js";
import { CONNECTION_UNKNOWN, NEGOTIATION_OK } from "./negotiation.js";
import {
  offerChange,
  onInfoResponse,
  onOfferTimer,
  onReinviteAccepted,
  onReinviteRefused,
  onSessionTimer,
  onUpdateResponse,
  sendDigit,
} from "./ourchanges.js";
import { onCallAccepted, onCallRefused, onCallUnanswered, onProvisional } from "./outgoing.js";
import {
  SESSION_ANSWERED,
  SESSION_CALLING,
  SESSION_CONFIRMED,
  SESSION_ENDED,
  SESSION_INCOMING,
  SESSION_PROCEEDING,
  SessionState,
  TIMER_RELIABLE,
  TIMER_SESSION,
} from "./sessionstate.js";
import { onReinvite, onUpdate } from "./theirchanges.js";

export class Session extends SessionState {
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

  /** Whether the other side is, or is to be told an address of ours as it is seen from outside. */
  isOutside(): boolean {
    const { layer, transport } = this.context;
    if (!layer.hasOutside || this.dialog === null) return false;
    return this.negotiation.outside !== null || layer.outsideFor(this.dialog.hopIp(layer, transport)) !== null;
  }

  // ---- what the user agent does ----

  /**
   * Calls.
   * @param draft whose request is to be sent; the session gives it back to the pool @param fields further lines of the
   * INVITE, whose octets stay until it is answered; null: none @returns false when nothing could be sent
   */
  call(draft: Dialog, fields: Span | null = null): boolean {
    // The reset depends on the way.
    this.negotiation.takeWay(draft.hopTransport(this.context.transport), CONNECTION_UNKNOWN);
    this.reset();
    if (fields !== null) this.requests.fields.set(fields.bytes, fields.start, fields.end);
    this.isCaller = true;
    this.forks.draft = draft;
    this.state = SESSION_CALLING;
    this.aimDescription(draft);
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
    this.negotiation.takeWay(t.source.transport, t.source.connection);
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
    this.negotiation.outside = this.context.layer.outsideFor(t.source.ip);
    const status = this.negotiation.receiveOffer(m);
    if (status !== 0) return responses.refuseOffer(t, m, status);
    if (!this.interval.readRequest(m)) return responses.refuseInterval(t, m);
    this.dialog = dialog;
    return 0;
  }

  /** Answers an incoming call provisionally, 180 most often. */
  progress(status: number): void {
    sendProgress(this, status);
  }

  /** Answers an incoming call: 200. Waits for the PRACK of a provisional response first. RFC 3262 §3 */
  answer(): void {
    answerCall(this);
  }

  /**
   * Offers anew what `negotiation` now wants: hold, resume, or another address of ours. Waits its turn when another
   * exchange is open.
   * @returns false when it cannot be sent: then all is as it was
   */
  reoffer(): boolean {
    return offerChange(this);
  }

  /**
   * Sends a digit in an INFO; how it was answered, `onDigitAnswered` tells. @param code ASCII
   * @returns false when it cannot be sent now: the call is not answered, or another request of ours is open
   */
  sendDigit(code: number): boolean {
    return sendDigit(this, code);
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
        declineCall(this, status);
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
    } else if (m.method === METHOD_PRACK) onPrack(this, t, m);
    else if (isEnded) t.reply(481);
    else if (m.method === METHOD_INVITE) onReinvite(this, t, m, dialog);
    else if (m.method === METHOD_UPDATE) onUpdate(this, t, m, dialog);
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
    onAck(this, m);
  }

  /** The caller gave up; `t` is the INVITE. RFC 3261 §9.2 */
  onCancel(t: ServerTransaction, m: Message): void {
    onCancel(this, t, m);
  }

  onAckTimeout(t: ServerTransaction): void {
    onAckTimeout(this, t);
  }

  onServerTerminated(t: ServerTransaction): void {
    this.responses.forget(t);
  }

  /** Their BYE, which is answered. */
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

  // ---- responses to our requests ----

  onResponse(t: ClientTransaction, m: Message): void {
    const { requests } = this;
    switch (t.method) {
      case METHOD_INVITE:
        if (this.negotiation.isPrivate) this.negotiation.connection = t.flow.connection;
        if (m.status < 200) onProvisional(this, m);
        else if (m.status < 300) this.onAccepted(t, m);
        else if (t === requests.invite || this.state === SESSION_ENDED) this.onRefused(t, m);
        break;
      case METHOD_UPDATE:
        if (t === requests.update && m.status >= 200) onUpdateResponse(this, t, m);
        break;
      case METHOD_INFO:
        if (t === requests.info && m.status >= 200) onInfoResponse(this, t, m);
        break;
      case METHOD_BYE:
      case METHOD_PRACK:
        this.onOtherResponse(t, m);
        break;
      default:
        break;
    }
  }

  /** A 2xx to an INVITE of ours. */
  private onAccepted(t: ClientTransaction, m: Message): void {
    const { dialog } = this;
    const isChange = this.state === SESSION_CONFIRMED && t === this.requests.invite;
    if (isChange && dialog?.hasFork(m)) onReinviteAccepted(this, t, m, dialog);
    else onCallAccepted(this, t, m);
  }

  /** A final response to an INVITE of ours that is no 2xx. */
  private onRefused(t: ClientTransaction, m: Message): void {
    const { requests, dialog } = this;
    if (t === requests.invite) requests.invite = null;
    this.negotiation.closeExchange();
    if (this.state === SESSION_ENDED) {
      // No answer can come any more, as after CANCEL.
      t.forget();
      requests.dropClient();
    } else if (this.state !== SESSION_CONFIRMED) onCallRefused(this, t, m);
    else if (dialog !== null) onReinviteRefused(this, t, m, dialog);
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
    else if (isInvite && this.state !== SESSION_ENDED) onCallUnanswered(this, cause, status);
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
    if (kind === TIMER_RELIABLE) onReliableTimer(this);
    else if (kind === TIMER_SESSION) onSessionTimer(this);
    else if (this.state === SESSION_ENDED) this.requests.byeSender.sendAgain(this.forks);
    else onOfferTimer(this);
  }
}
