/**
 * The requests of one session: how each is written and sent, and which of them wait for their final response.
 * Not here: when one is due, and what its response means (session.ts); the lines of an INVITE (invite.ts); BYEs
 * (byesender.ts).
 */

import { octets, Span } from "../core/bytes.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import { EMPTY_BODY } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  METHOD_ACK,
  METHOD_BYE,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_NAMES,
  METHOD_PRACK,
  METHOD_UPDATE,
} from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { ByeSender, type ByeSenderContext, type ByeSenderUser } from "./byesender.js";
import { SUPPORTED } from "./capabilities.js";
import type { Dialog } from "./dialog.js";
import type { Interval } from "./interval.js";
import { type InviteContext, type InviteParts, writeInvite } from "./invite.js";
import { writeContactTo } from "./owncontact.js";

const RACK = octets("RAck: ");
/** A digit in an INFO, up to the digit itself and behind it. The body has 24 octets, whichever digit it is. */
const DIGIT_FIRST = octets("Content-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\nSignal=");
const DIGIT_LAST = octets("\r\nDuration=160\r\n");
const DIGIT_END = DIGIT_FIRST.length + 1 + DIGIT_LAST.length;

/** What the requests of all sessions have in common. */
export interface RequestContext extends InviteContext, ByeSenderContext {}

/** Has the credentials of the requests. */
export interface RequestsUser {
  /** Writes Authorization and Proxy-Authorization lines, if any are due where `t` goes. */
  writeCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void;
}

export class Requests implements InviteParts, ByeSenderUser {
  /** Our INVITE without a final response. */
  invite: ClientTransaction | null = null;
  /** Our UPDATE without a final response. */
  update: ClientTransaction | null = null;
  /** Our INFO without a final response. */
  info: ClientTransaction | null = null;
  /** The digit (ASCII) in our last INFO. */
  digit = 0;
  /** CSeq number of our INVITE that was sent last, for RAck. */
  inviteCseq = 0;
  /** Our last INVITE did not fit its buffer. */
  isTooLong = false;
  /** Number of our transactions that still name the session. */
  openCount = 0;
  /** Header fields of our founding INVITE beside the usual, whole lines; the octets are the user agent's. */
  readonly fields = new Span();
  readonly interval: Interval;
  readonly byeSender: ByeSender;
  private context: RequestContext;
  private readonly session: ClientUser;
  private readonly user: RequestsUser;

  /** @param session hears of the responses @param timer the session's, for BYEs that have no transaction */
  constructor(context: RequestContext, session: ClientUser, user: RequestsUser, interval: Interval, timer: number) {
    this.context = context;
    this.session = session;
    this.user = user;
    this.interval = interval;
    this.byeSender = new ByeSender(context, this, timer);
  }

  /** The next call of its session goes by another account. */
  use(context: RequestContext): void {
    this.context = context;
    this.byeSender.use(context);
  }

  reset(): void {
    this.invite = null;
    this.update = null;
    this.info = null;
    this.openCount = 0;
    this.fields.clear();
  }

  /** Whether an INVITE, UPDATE or INFO of ours has no final response yet: they share one transaction's room. */
  isPending(): boolean {
    return this.invite !== null || this.update !== null || this.info !== null;
  }

  /**
   * Sends an INVITE with that offer.
   * @param isChange it changes a call that is confirmed @returns false when it cannot be sent
   */
  sendInvite(dialog: Dialog, offer: Span, isChange: boolean): boolean {
    this.isTooLong = false;
    const t = this.takeClient();
    if (t === null) return false;
    this.isTooLong = !writeInvite(this.context, this, t, dialog, offer, isChange);
    this.inviteCseq = dialog.localCseq;
    dialog.rseq = -1;
    if (t.sendRequest()) this.invite = t;
    else this.dropClient();
    return this.invite === t;
  }

  /**
   * Gives up the INVITE that has no final response, if there is one.
   * @param lines header lines of the CANCEL, kept by reference
   */
  cancelInvite(lines?: Uint8Array): void {
    if (this.invite !== null) this.invite.cancel(lines);
  }

  /** Acknowledges the 2xx `m` to our INVITE. */
  sendAck(t: ClientTransaction, dialog: Dialog, m: Message): void {
    const { transport } = this.context;
    const w = dialog.beginAck(t, m, transport);
    w.put(EMPTY_BODY);
    dialog.acknowledged = w.ok;
    t.sendAck();
  }

  /** Acknowledges once more a 2xx whose transaction is over. @param cseq of the INVITE */
  sendAckAgain(dialog: Dialog, cseq: number): void {
    const { layer, transport } = this.context;
    dialog.beginOnce(layer, METHOD_ACK, cseq, transport).put(EMPTY_BODY);
    layer.sendOnce();
  }

  /** Refreshes the session by an UPDATE without an offer. RFC 4028 §7.4 @returns false when it cannot be sent */
  sendUpdate(dialog: Dialog): boolean {
    const { context } = this;
    const t = this.takeClient();
    if (t === null) return false;
    const w = dialog.beginRequest(t, METHOD_UPDATE, context.transport);
    writeContactTo(w, context, t.target, dialog.contactOpening());
    w.put(SUPPORTED);
    this.interval.writeUpdate(w);
    this.writeShortCredentials(t, w, METHOD_UPDATE, dialog.requestUri);
    w.put(EMPTY_BODY);
    if (t.sendRequest()) this.update = t;
    else this.dropClient();
    return this.update === t;
  }

  /**
   * Acknowledges the provisional response that came last in the dialog. RFC 3262 §4
   * @returns false when it cannot be sent
   */
  sendPrack(dialog: Dialog): boolean {
    const { transport } = this.context;
    const t = this.takeClient();
    if (t === null) return false;
    const w = dialog.beginRequest(t, METHOD_PRACK, transport);
    w.put(RACK);
    w.uint(dialog.rseq);
    w.octet(0x20);
    w.uint(this.inviteCseq);
    w.octet(0x20);
    w.put(METHOD_NAMES[METHOD_INVITE]);
    w.crlf();
    this.writeShortCredentials(t, w, METHOD_PRACK, dialog.requestUri);
    w.put(EMPTY_BODY);
    if (t.sendRequest()) return true;
    this.dropClient();
    return false;
  }

  /** Sends one digit (ASCII) in an INFO. @returns false when it cannot be sent */
  sendInfo(dialog: Dialog, code: number): boolean {
    this.digit = code;
    const t = this.takeClient();
    if (t === null) return false;
    const w = dialog.beginRequest(t, METHOD_INFO, this.context.transport);
    this.writeShortCredentials(t, w, METHOD_INFO, dialog.requestUri, DIGIT_END);
    w.put(DIGIT_FIRST);
    w.octet(code);
    w.put(DIGIT_LAST);
    if (t.sendRequest()) this.info = t;
    else this.dropClient();
    return this.info === t;
  }

  /** The call ends: nothing asks any more whether the digit in an INFO was taken, and its room serves the BYE. */
  retireInfo(): void {
    const { info } = this;
    this.info = null;
    if (info !== null) info.retire();
  }

  /** That transaction is over. */
  forget(t: ClientTransaction): void {
    if (t === this.invite) this.invite = null;
    if (t === this.update) this.update = null;
    if (t === this.info) this.info = null;
    this.dropClient();
  }

  takeClient(): ClientTransaction | null {
    const t = this.context.layer.client(this.session);
    if (t !== null) this.openCount += 1;
    return t;
  }

  dropClient(): void {
    this.openCount -= 1;
  }

  writeCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void {
    this.user.writeCredentials(t, w, method, requestUri);
  }

  writeByeCredentials(t: ClientTransaction, w: Writer, requestUri: Span): void {
    this.writeShortCredentials(t, w, METHOD_BYE, requestUri);
  }

  /**
   * Credentials, if they leave room for the end of a request, which has no body or a short one: without them the
   * request may be refused, but it is heard.
   */
  private writeShortCredentials(
    t: ClientTransaction,
    w: Writer,
    method: number,
    requestUri: Span,
    endBytes = EMPTY_BODY.length,
  ): void {
    const before = w.at;
    if (!w.ok) return;
    this.user.writeCredentials(t, w, method, requestUri);
    if (!w.ok || w.at + endBytes > w.limit) w.rewind(before);
  }
}
