/**
 * Changes that the other side wants in a session: INVITE in the dialog, and UPDATE (RFC 3261 §14.2, RFC 3311 §5.2).
 * Each function is for one event of session.ts.
 * Not here: changes that we want (ourchanges.ts).
 */
import { Span } from "../core/bytes.js";
import type { ServerTransaction } from "../transaction/server.js";
import { BODY_NONE, BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import type { Dialog } from "./dialog.js";
import { acceptInvite } from "./incoming.js";
import { EXCHANGE_OURS, EXCHANGE_THEIRS } from "./negotiation.js";
import { SESSION_CONFIRMED, type SessionState } from "./sessionstate.js";

// Scratch for the time of one function call.
const sdp = new Span();

/** They want to change the call by INVITE. RFC 3261 §14.2 */
export function onReinvite(session: SessionState, t: ServerTransaction, m: Message, dialog: Dialog): void {
  const { requests, responses, negotiation } = session;
  const isOursOpen = negotiation.exchange === EXCHANGE_OURS && responses.answered === null;
  // An earlier INVITE of theirs is not done yet (or not acknowledged).
  if (session.state !== SESSION_CONFIRMED || responses.incoming !== null) responses.refuseForNow(t, 500);
  else if (requests.invite !== null || isOursOpen) t.reply(491);
  else if (responses.answered !== null) responses.refuseForNow(t, 500);
  else if (dialog.isTargetLong(m)) t.reply(513);
  else if (takeChange(session, t, m, dialog, true)) {
    responses.openInvite(t, m);
    if (acceptInvite(session)) dialog.refreshTarget(m);
  }
}

/** They want to change the call by UPDATE, or refresh its interval. RFC 3311 §5.2 */
export function onUpdate(session: SessionState, t: ServerTransaction, m: Message, dialog: Dialog): void {
  const { requests, responses, negotiation } = session;
  const body = findSdp(m, sdp);
  const hasOffer = body === BODY_SDP;
  if (dialog.isTargetLong(m)) t.reply(513);
  else if (hasOffer && (negotiation.exchange === EXCHANGE_OURS || requests.update !== null)) t.reply(491);
  else if (hasOffer && (negotiation.exchange === EXCHANGE_THEIRS || responses.answered !== null))
    responses.refuseForNow(t, 500);
  else if (!hasOffer && body !== BODY_NONE) responses.refuseOffer(t, m, 415);
  else if (takeChange(session, t, m, dialog, hasOffer)) {
    if (!responses.acceptUpdate(t, hasOffer)) {
      session.undoChange(hasOffer);
      return;
    }
    dialog.refreshTarget(m);
    session.startSessionTimer();
    if (hasOffer) session.agree();
  }
}

/**
 * Takes the offer and the session interval of a request in the call.
 * @returns false when one of them was refused here
 */
function takeChange(
  session: SessionState,
  t: ServerTransaction,
  m: Message,
  dialog: Dialog,
  hasOffer: boolean,
): boolean {
  const { responses, negotiation } = session;
  if (hasOffer) session.negotiation.outside = session.context.layer.outsideFor(t.source.ip);
  session.negotiation.takeWay(t.source.transport, t.source.connection);
  dialog.noteWay(t.source);
  const status = hasOffer ? negotiation.receiveOffer(m) : 0;
  if (status !== 0) {
    responses.refuseOffer(t, m, status);
    return false;
  }
  if (session.interval.readRequest(m)) return true;
  responses.refuseInterval(t, m);
  if (hasOffer) negotiation.rollback();
  return false;
}
