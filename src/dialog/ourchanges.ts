/**
 * Changes that we want in a confirmed session, and what else we ask in it: hold, resume, or another address by INVITE
 * (RFC 3261 §14.1), the refresh of the session interval by UPDATE or INVITE (RFC 4028 §10), and digits by INFO. One of
 * these requests is open at a time; an offer waits for its turn:
 *
 *     turn        event                                   what is sent     next turn
 *     NONE        offerChange before CONFIRMED            nothing          CONFIRMED
 *     NONE        offerChange, refresh, nothing open      INVITE           NONE
 *     NONE        the same, another request open          nothing          LATER
 *     NONE        491 to our INVITE, five times           nothing          LATER
 *     CONFIRMED   the session is confirmed                INVITE           NONE
 *     LATER       the timer                               INVITE           NONE
 *
 * Each function is for one event of session.ts. Not here: changes that the other side wants (theirchanges.ts).
 */
import { fraction } from "../core/random.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { Message } from "../wire/message.js";
import { METHOD_INVITE } from "../wire/names.js";
import { CAUSE_EXPIRED, CAUSE_NO_CODEC, CAUSE_NO_ROOM, CAUSE_REFUSED } from "./cause.js";
import type { Dialog } from "./dialog.js";
import { ANSWER_NONE, ANSWER_TAKEN, NEGOTIATION_OK, TURN_CONFIRMED, TURN_LATER, TURN_NONE } from "./negotiation.js";
import { SESSION_CONFIRMED, type SessionState } from "./sessionstate.js";

/** A refresh that found no room, or another exchange open, is tried again after so long. */
const REFRESH_AGAIN_MS = 2000;

/**
 * Offers anew what `negotiation` now wants: hold, resume, or another address of ours. Waits its turn when another
 * exchange is open.
 * @returns false when it cannot be sent: then all is as it was
 */
export function offerChange(session: SessionState): boolean {
  const { negotiation } = session;
  negotiation.isChange = true;
  negotiation.glares = 0;
  if (session.state === SESSION_CONFIRMED && session.dialog !== null) return offerAnew(session, session.dialog);
  negotiation.turn = TURN_CONFIRMED;
  return true;
}

/**
 * Sends a digit in an INFO; how it was answered, `onDigitAnswered` tells. @param code ASCII
 * @returns false when it cannot be sent now: the call is not answered, or another request of ours is open
 */
export function sendDigit(session: SessionState, code: number): boolean {
  const { dialog, requests } = session;
  if (session.state !== SESSION_CONFIRMED || dialog === null || requests.isPending()) return false;
  return requests.sendInfo(dialog, code);
}

/** Our re-INVITE was answered by a 2xx. */
export function onReinviteAccepted(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): void {
  const { requests, negotiation } = session;
  requests.invite = null;
  session.challenges = negotiation.glares = 0;
  negotiation.closeExchange();
  if (dialog.isTargetLong(m)) {
    // The target that requests go to from now on cannot be kept.
    requests.byeSender.refuseAnswer(t, m, session.draft);
    session.end(CAUSE_NO_ROOM, 0, null);
    return;
  }
  dialog.refreshTarget(m);
  requests.sendAck(t, dialog, m);
  session.adoptInterval(m);
  const answer = negotiation.receiveAnswer(m);
  if (answer === ANSWER_NONE) {
    tellUnchanged(session, m);
    return;
  }
  negotiation.isChange = false;
  if (answer === ANSWER_TAKEN) session.user.onAgreed();
  else session.endWithBye(CAUSE_NO_CODEC, 488);
}

/** The session stays as it was, but for the answers that mean it is gone. RFC 3261 §12.2.1.2, §14.1 */
export function onReinviteRefused(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): void {
  if (isRepeated(session, t, m, dialog) || isGone(session, m)) return;
  session.negotiation.rollback();
  if (m.status === 491 && session.negotiation.mayCrossAgain()) retryLater(session);
  else if (m.status === 422 && session.interval.raise(m)) offerAnew(session, dialog);
  else tellUnchanged(session, m);
}

/** The final response to our UPDATE. */
export function onUpdateResponse(session: SessionState, t: ClientTransaction, m: Message): void {
  const { dialog } = session;
  session.requests.update = null;
  if (session.state !== SESSION_CONFIRMED || dialog === null) return;
  if (m.status >= 300) {
    onUpdateRefused(session, t, m, dialog);
    return;
  }
  session.challenges = 0;
  if (dialog.isTargetLong(m)) {
    session.endWithBye(CAUSE_NO_ROOM, 0);
    return;
  }
  dialog.refreshTarget(m);
  session.adoptInterval(m);
}

function onUpdateRefused(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): void {
  if (isRepeated(session, t, m, dialog) || isGone(session, m)) return;
  // Not every server takes an UPDATE without a description, whatever its Allow says: the session is refreshed by
  // INVITE instead.
  if (m.status !== 422 || !session.interval.raise(m)) session.peerHasUpdate = false;
  refresh(session);
}

/** The final response to our INFO. */
export function onInfoResponse(session: SessionState, t: ClientTransaction, m: Message): void {
  const { requests, dialog } = session;
  requests.info = null;
  if (session.state !== SESSION_CONFIRMED || dialog === null) return;
  if (m.status < 300) session.challenges = 0;
  const isChallenge = m.status === 401 || m.status === 407;
  if (isChallenge && session.user.onChallenge(t, m) && requests.sendInfo(dialog, requests.digit)) return;
  if (!isGone(session, m)) session.user.onDigitAnswered(m.status);
}

/** @returns whether our re-INVITE or UPDATE was challenged, and was sent again with credentials */
function isRepeated(session: SessionState, t: ClientTransaction, m: Message, dialog: Dialog): boolean {
  if ((m.status !== 401 && m.status !== 407) || !session.user.onChallenge(t, m)) return false;
  return t.method === METHOD_INVITE ? session.sendInvite(dialog) : session.requests.sendUpdate(dialog);
}

/** @returns whether the response means that the other side has no such call any more: it was ended */
function isGone(session: SessionState, m: Message): boolean {
  if (m.status !== 481 && m.status !== 408) return false;
  session.endWithBye(CAUSE_REFUSED, m.status);
  return true;
}

/** The session is to be refreshed, or was not. RFC 4028 §10 */
export function onSessionTimer(session: SessionState): void {
  if (session.state !== SESSION_CONFIRMED || session.dialog === null) return;
  if (session.interval.isRefresher && session.context.timers.nowMs < session.interval.expiresAtMs) refresh(session);
  else session.endWithBye(CAUSE_EXPIRED, 0);
}

/** An offer of ours has had no final answer in its time and is taken back, or one that waited has its turn. */
export function onOfferTimer(session: SessionState): void {
  const { timers } = session.context;
  const { requests, dialog } = session;
  if (session.state !== SESSION_CONFIRMED || dialog === null) return;
  if (timers.nowMs >= session.offerUntilMs) requests.cancelInvite();
  if (session.negotiation.turn === TURN_LATER) offerWaiting(session, dialog);
  else if (requests.invite !== null && timers.nowMs < session.offerUntilMs)
    timers.startAt(session.retryTimer, session.offerUntilMs);
}

/** Offers what `negotiation` wants, or waits until it may. @returns false when it cannot be sent */
function offerAnew(session: SessionState, dialog: Dialog): boolean {
  if (session.requests.isPending() || session.responses.isPending()) {
    retryLater(session);
    return true;
  }
  session.aimDescription(dialog);
  if (session.negotiation.writeOffer() === NEGOTIATION_OK && session.sendInvite(dialog)) return true;
  session.negotiation.giveUpOffer();
  return false;
}

/** An offer that had to wait has its turn. */
function offerWaiting(session: SessionState, dialog: Dialog): void {
  const { negotiation } = session;
  negotiation.turn = TURN_NONE;
  const { isChange, isHolding: wasHold } = negotiation;
  if (!offerAnew(session, dialog) && isChange) session.user.onUnchanged(wasHold, null);
}

/** The side that made the Call-ID waits longer, so that one of two gets through. RFC 3261 §14.1 */
function retryLater(session: SessionState): void {
  const part = fraction(session.context.random);
  session.negotiation.turn = TURN_LATER;
  const delayMs = session.isCaller ? 2100 + Math.floor(part * 190) * 10 : Math.floor(part * 200) * 10;
  session.context.timers.start(session.retryTimer, delayMs);
}

/** Our offer was refused, or failed later than when it was asked for: the call is as both sides knew it before. */
function tellUnchanged(session: SessionState, m: Message | null): void {
  const { isChange, isHolding: wasHold } = session.negotiation;
  session.negotiation.giveUpOffer();
  if (isChange) session.user.onUnchanged(wasHold, m);
}

/**
 * Says that the session goes on: by UPDATE where they take it, else by an INVITE that changes nothing. RFC 4028 §7.4
 */
function refresh(session: SessionState): void {
  const { timers } = session.context;
  const { requests, interval, dialog } = session;
  if (dialog === null) return;
  const isBusy = requests.isPending() || session.responses.isPending();
  if (isBusy || !(session.peerHasUpdate ? requests.sendUpdate(dialog) : offerAnew(session, dialog))) {
    const leftMs = Math.max(0, interval.expiresAtMs - timers.nowMs);
    timers.start(session.sessionTimer, Math.min(REFRESH_AGAIN_MS, leftMs));
    return;
  }
  // Should it not be taken, the interval's end ends the session. RFC 4028 §10
  timers.startAt(session.sessionTimer, interval.expiresAtMs);
}

/** The session is confirmed: an offer that waited for this leaves. */
export function confirm(session: SessionState): void {
  session.user.onConfirmed();
  const { dialog, negotiation } = session;
  if (negotiation.turn !== TURN_CONFIRMED || dialog === null || session.state !== SESSION_CONFIRMED) return;
  offerWaiting(session, dialog);
}
