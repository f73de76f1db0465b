/**
 * The founding INVITE of a session of ours: from the request to its final response, with the forks that answer it (RFC
 * 3261 §13.2, RFC 3262 §4). Each function is for one event of the states CALLING and PROCEEDING of session.ts.
 * Not here: INVITEs that change an answered call (ourchanges.ts), and how they are written (requests.ts, invite.ts).
 */
import { type ClientTransaction, FAILURE_RESOLVE, FAILURE_TRANSPORT } from "../transaction/client.js";
import type { Message } from "../wire/message.js";
import { HEADER_REQUIRE, HEADER_RSEQ } from "../wire/names.js";
import {
  CAUSE_NETWORK,
  CAUSE_NO_CODEC,
  CAUSE_NO_ROOM,
  CAUSE_REFUSED,
  CAUSE_TIMEOUT,
  CAUSE_TOO_LONG,
  CAUSE_UNKNOWN_NAME,
} from "./cause.js";
import { DIALOG_CONFIRMED, type Dialog } from "./dialog.js";
import { ANSWER_NONE, ANSWER_TAKEN, CONNECTION_UNKNOWN, NEGOTIATION_OK } from "./negotiation.js";
import { confirm } from "./ourchanges.js";
import { TOKEN_100REL } from "./responses.js";
import {
  SESSION_CALLING,
  SESSION_CONFIRMED,
  SESSION_ENDED,
  SESSION_PROCEEDING,
  type SessionState,
} from "./sessionstate.js";

const RSEQ_MOST = 2147483647;

/** Our founding INVITE had no final response. */
export function onCallUnanswered(session: SessionState, cause: number, status: number): void {
  if (session.draft !== null && session.user.onRefused(null)) callAgain(session, session.draft);
  else if (cause === FAILURE_RESOLVE) session.end(CAUSE_UNKNOWN_NAME, 0, null);
  else session.end(cause === FAILURE_TRANSPORT ? CAUSE_NETWORK : CAUSE_TIMEOUT, status, null);
}

/** A provisional response to an INVITE of ours. */
export function onProvisional(session: SessionState, m: Message): void {
  if (session.state === SESSION_CALLING) session.state = SESSION_PROCEEDING;
  if (m.status === 100 || session.requests.invite === null || session.state === SESSION_ENDED) return;
  session.challenges = 0;
  if (m.toTagEnd > m.toTagStart && !onEarly(session, m)) return;
  if (session.state === SESSION_PROCEEDING) session.user.onProgress(m.status);
}

/**
 * A fork rings, with or without sound.
 * @returns false for a reliable response that cannot be taken now: it comes again
 */
function onEarly(session: SessionState, m: Message): boolean {
  const { negotiation } = session;
  const dialog = session.fork(m);
  const isReliable = m.contains(HEADER_REQUIRE, TOKEN_100REL);
  if (isReliable && (dialog === null || !acknowledge(session, m, dialog))) return false;
  // The answer to a re-INVITE is taken from its 2xx.
  if (dialog === null || session.state !== SESSION_PROCEEDING) return true;
  if (session.dialog === null || isReliable) session.dialog = dialog;
  if (negotiation.receiveAnswer(m) !== ANSWER_TAKEN) return true;
  if (isReliable) negotiation.closeExchange();
  session.user.onAgreed();
  return true;
}

/**
 * Sends the PRACK for a reliable response. RFC 3262 §4
 * @returns false when the response is out of order, was seen before, or has to come again
 */
function acknowledge(session: SessionState, m: Message, dialog: Dialog): boolean {
  const rseq = m.uint(HEADER_RSEQ, RSEQ_MOST);
  if (rseq < 1 || (dialog.rseq >= 0 && rseq !== dialog.rseq + 1)) return false;
  const before = dialog.rseq;
  dialog.rseq = rseq;
  if (session.requests.sendPrack(dialog)) return true;
  dialog.rseq = before;
  return false;
}

/** A fork has answered our INVITE. RFC 3261 §13.2.2.4 */
export function onCallAccepted(session: SessionState, t: ClientTransaction, m: Message): void {
  const { requests } = session;
  const isFirst = session.state === SESSION_CALLING || session.state === SESSION_PROCEEDING;
  if (t === requests.invite) requests.invite = null;
  let dialog = session.fork(m);
  if (dialog !== null && dialog.state < DIALOG_CONFIRMED && !dialog.confirm(m)) {
    session.dropFork(dialog);
    dialog = null;
  }
  if (dialog === null) {
    requests.byeSender.refuseAnswer(t, m, session.draft);
    if (isFirst) session.end(CAUSE_NO_ROOM, 0, null);
    return;
  }
  session.challenges = 0;
  if (isFirst) onFirstAnswer(session, t, m, dialog);
  else onOtherAnswer(session, t, m, dialog);
}

/** The call is answered. */
function onFirstAnswer(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): void {
  const { negotiation } = session;
  session.dialog = dialog;
  session.requests.sendAck(t, dialog, m);
  session.notePeer(m);
  const answer = negotiation.receiveLastAnswer(m);
  session.state = SESSION_CONFIRMED;
  if (answer === ANSWER_NONE ? !negotiation.isAgreed() : answer !== ANSWER_TAKEN) {
    session.endWithBye(CAUSE_NO_CODEC, 488);
    return;
  }
  session.adoptInterval(m);
  session.user.onAgreed();
  if (session.state === SESSION_CONFIRMED) confirm(session);
}

/** A late fork has answered, or the answer crossed our CANCEL: it is acknowledged, and hung up. RFC 3261 §15 */
function onOtherAnswer(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): void {
  const wasAcknowledged = dialog.acknowledged;
  session.requests.sendAck(t, dialog, m);
  if (wasAcknowledged) return;
  if (dialog !== session.dialog || session.state === SESSION_ENDED) session.requests.byeSender.sendBye(dialog);
}

/** Our founding INVITE was refused, or is sent elsewhere. */
export function onCallRefused(session: SessionState, t: ClientTransaction, m: Message): void {
  const { draft } = session;
  if (draft === null) return;
  const isAgain = isToBeRepeated(session, t, m) || session.user.onRefused(m);
  if (isAgain) callAgain(session, draft);
  else session.end(CAUSE_REFUSED, m.status, m);
}

/** Whether our request may be taken with credentials, or with a longer interval. */
function isToBeRepeated(session: SessionState, t: ClientTransaction, m: Message): boolean {
  if (m.status === 401 || m.status === 407) return session.user.onChallenge(t, m);
  return m.status === 422 && session.interval.raise(m);
}

/** Sends the INVITE once more, to the target and with the credentials that the draft has by now. */
function callAgain(session: SessionState, draft: Dialog): void {
  session.forks.dropAll();
  session.dialog = null;
  session.state = SESSION_CALLING;
  if (!isOfferFit(session, draft) || !session.sendInvite(draft))
    session.end(session.isTooLong ? CAUSE_TOO_LONG : CAUSE_NO_ROOM, 0, null);
}

/**
 * Sees to it that the offer fits the way of the request that is sent again: another way may be one on which keys are
 * not told. @returns false when there can be no call that way
 */
function isOfferFit(session: SessionState, draft: Dialog): boolean {
  const { negotiation } = session;
  const wasPrivate = negotiation.isPrivate;
  session.negotiation.takeWay(draft.hopTransport(session.context.transport), CONNECTION_UNKNOWN);
  if (wasPrivate === negotiation.isPrivate) return true;
  return negotiation.allowsCall() && negotiation.writeOffer() === NEGOTIATION_OK;
}
