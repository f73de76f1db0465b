/**
 * Their INVITE: from the request to the ACK for our final response (RFC 3261 §13.3, RFC 3262 §3). Each function is for
 * one event of the states INCOMING and ANSWERED of session.ts. Accepting and acknowledging are the same for an INVITE
 * that changes the call.
 * Not here: whether such a change may be made (theirchanges.ts), and how the responses are written (responses.ts).
 */
import { Span } from "../core/bytes.js";
import type { ServerTransaction } from "../transaction/server.js";
import { BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import { CAUSE_CANCELLED, CAUSE_DECLINED, CAUSE_NO_ACK, CAUSE_NO_CODEC, CAUSE_NO_ROOM } from "./cause.js";
import { DIALOG_CONFIRMED, type Dialog } from "./dialog.js";
import { ANSWER_TAKEN, EXCHANGE_NONE, EXCHANGE_THEIRS } from "./negotiation.js";
import { confirm } from "./ourchanges.js";
import {
  SESSION_ANSWERED,
  SESSION_CONFIRMED,
  SESSION_ENDED,
  SESSION_INCOMING,
  type SessionState,
} from "./sessionstate.js";

// Scratch for the time of one function call.
const sdp = new Span();

/** Answers an incoming call provisionally, 180 most often. */
export function sendProgress(session: SessionState, status: number): void {
  const { responses } = session;
  const t = responses.incoming;
  if (t === null || session.state !== SESSION_INCOMING || responses.reliable.isPending) return;
  if (!responses.sendProvisional(t, status)) declineCall(session, 500);
  else if (responses.isAnsweringEarly && responses.isReliable) session.agree();
}

/** Answers an incoming call: 200. Waits for the PRACK of a provisional response first. RFC 3262 §3 */
export function answerCall(session: SessionState): void {
  if (session.state !== SESSION_INCOMING) return;
  if (session.responses.reliable.isPending) {
    session.isAnswerWanted = true;
    return;
  }
  if (!acceptInvite(session)) session.end(CAUSE_NO_ROOM, 500, null);
}

/** Refuses an incoming call, which is not answered. */
export function declineCall(session: SessionState, status: number): void {
  if (session.responses.incoming === null) return;
  session.responses.refuseInvite(status);
  session.end(CAUSE_DECLINED, status, null);
}

/**
 * 200 to their INVITE, first or later.
 * @returns false when it does not fit: it was answered 500, and all is as it was before the INVITE
 */
export function acceptInvite(session: SessionState): boolean {
  const { responses, negotiation, dialog } = session;
  const t = responses.incoming;
  if (t === null || !responses.acceptInvite()) {
    session.undoChange(true);
    return false;
  }
  if (session.state === SESSION_INCOMING) {
    session.state = SESSION_ANSWERED;
    if (dialog !== null) dialog.state = DIALOG_CONFIRMED;
  }
  const isAnswer = negotiation.exchange === EXCHANGE_THEIRS;
  if (isAnswer) negotiation.closeExchange();
  const isAgreed = isAnswer || session.isSoundDue;
  // No sound goes to where a description says before its sender has shown that it reads our answer.
  session.isSoundDue = isAgreed && t.isUnproven;
  session.startSessionTimer();
  if (isAgreed && !session.isSoundDue) session.user.onAgreed();
  return true;
}

/** An ACK with this session's tags. */
export function onAck(session: SessionState, m: Message): void {
  const { responses, negotiation, dialog } = session;
  const t = responses.answered;
  if (t === null || dialog === null || m.cseq !== responses.cseq || !dialog.hasRequest(m)) return;
  responses.closeAnswered();
  responses.prove(t);
  if (session.isByeDue) {
    session.isByeDue = false;
    session.requests.byeSender.sendBye(dialog);
    return;
  }
  // Their BYE may have come before the ACK.
  if (session.state === SESSION_ENDED) return;
  if (session.isSoundDue) {
    session.isSoundDue = false;
    session.user.onAgreed();
  }
  if (negotiation.isAnswerDue) {
    if (negotiation.receiveLastAnswer(m) !== ANSWER_TAKEN) {
      session.endWithBye(CAUSE_NO_CODEC, 488);
      return;
    }
    session.user.onAgreed();
  }
  if (session.state === SESSION_ANSWERED) {
    session.state = SESSION_CONFIRMED;
    confirm(session);
  }
}

/** They acknowledge our provisional response. RFC 3262 §3 */
export function onPrack(session: SessionState, t: ServerTransaction, m: Message): void {
  const { responses, negotiation } = session;
  if (!responses.takePrack(m)) {
    t.reply(481);
    return;
  }
  if (responses.incoming !== null) responses.prove(responses.incoming);
  const isOffer = negotiation.exchange === EXCHANGE_NONE && findSdp(m, sdp) === BODY_SDP;
  if (isOffer) answerInPrack(session, t, m);
  else t.reply(200);
  if (negotiation.isAnswerDue) {
    if (negotiation.receiveLastAnswer(m) !== ANSWER_TAKEN) {
      declineCall(session, 488);
      return;
    }
    session.agree();
  }
  if (session.isAnswerWanted) {
    session.isAnswerWanted = false;
    answerCall(session);
  }
}

/** A PRACK may offer anew what our reliable response has answered. RFC 3262 §5 */
function answerInPrack(session: SessionState, t: ServerTransaction, m: Message): void {
  const { responses, negotiation } = session;
  session.negotiation.outside = session.context.layer.outsideFor(t.source.ip);
  session.negotiation.takeWay(t.source.transport, t.source.connection);
  const status = negotiation.receiveOffer(m);
  if (status !== 0) responses.refuseOffer(t, m, status);
  else if (responses.acceptPrack(t)) session.agree();
  else negotiation.rollback();
}

/** No ACK came for our 2xx. RFC 3261 §13.3.1.4 */
export function onAckTimeout(session: SessionState, t: ServerTransaction): void {
  const { responses, dialog } = session;
  if (t !== responses.answered) return;
  responses.answered = null;
  const isEnded = session.state === SESSION_ENDED;
  if (dialog !== null && (session.isByeDue || !isEnded)) sendLastBye(session, t, dialog);
  session.isByeDue = false;
  if (!isEnded) session.end(CAUSE_NO_ACK, 0, null);
}

/** Sends the BYE of a call that was never acknowledged: only once to a caller who never showed that it is there. */
function sendLastBye(session: SessionState, answered: ServerTransaction, dialog: Dialog): void {
  if (answered.isUnproven) session.requests.byeSender.sendByeOnce(dialog);
  else session.requests.byeSender.sendBye(dialog);
}

/** Our provisional response was not acknowledged. */
export function onReliableTimer(session: SessionState): void {
  const { responses } = session;
  const t = responses.incoming;
  if (t === null || !responses.reliable.isPending || session.state !== SESSION_INCOMING) return;
  if (!responses.repeatProvisional(t)) declineCall(session, 504);
}

/** The caller gave up; `t` is the INVITE. RFC 3261 §9.2 */
export function onCancel(session: SessionState, t: ServerTransaction, m: Message): void {
  if (t !== session.responses.incoming) return;
  session.responses.refuseInvite(487);
  if (session.state === SESSION_INCOMING) session.end(CAUSE_CANCELLED, 487, m);
  else session.negotiation.rollback();
}
