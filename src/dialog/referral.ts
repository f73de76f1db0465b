/**
 * The subscription that a REFER founds (RFC 3515 §2.4.4): the phone that asked for a transfer is told by NOTIFY how it
 * goes, as the first line of a response (message/sipfrag, RFC 3420): 100 at once, what rings, and at the end the final
 * one, which ends the subscription. The dialog is the call's, whose end does not end the subscription (RFC 5057 §4.2).
 * Not here: sending the NOTIFYs (notifier.ts), the REFER itself and what it asks for (ua/transfer.ts).
 */

import { octets } from "../core/bytes.js";
import type { ServerTransaction } from "../transaction/server.js";
import {
  EMPTY_BODY,
  EXPIRES,
  HEADER_END,
  SIP_VERSION,
  STATUS_LINE_FIXED,
  SUBSCRIPTION_TIMEOUT,
} from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_EXPIRES } from "../wire/names.js";
import { reasonPhrase } from "../wire/status.js";
import type { Writer } from "../wire/writer.js";
import type { Dialog } from "./dialog.js";
import { Notifier, type NotifyContext } from "./notifier.js";
import { writeContact } from "./owncontact.js";

const EXPIRES_MOST_S = 86_400;

const EVENT = octets("Event: refer");
const ID = octets(";id=");
const ENDED = octets("Subscription-State: terminated;reason=noresource\r\n");
const BODY = octets("Content-Type: message/sipfrag;version=2.0\r\nContent-Length: ");
/** Digits of the longest body's length. */
const LENGTH_BYTES = 2;

export class Referral extends Notifier {
  /** The phone that moves a call waits for its NOTIFY to hang up. */
  protected readonly againMs = 500;
  private dialog: Dialog | null = null;
  /** The CSeq of the REFER; -1 where the event needs none: it was the first in its dialog. RFC 3515 §2.4.6 */
  private id = -1;
  private status = 100;
  /** The transfer itself has ended, not only the time of the subscription. */
  private isDone = false;

  /**
   * Tells the other side of that dialog from now on; a referral before it is forgotten. @param dialog stays the
   * caller's: it calls `drop` before it is given back
   * @param id CSeq of the REFER, or -1 @param timeMs how long the transfer may take
   */
  subscribe(dialog: Dialog, id: number, timeMs: number): void {
    this.drop();
    this.activate(this.context.timers.nowMs + timeMs);
    this.dialog = dialog;
    this.id = id;
    this.isDone = false;
    this.tell(100);
  }

  /** The next referral is in a call of that account. */
  use(context: NotifyContext): void {
    this.context = context;
  }

  /** Tells a provisional response of the target. */
  tell(status: number): void {
    if (!this.isActive || this.isEnding) return;
    this.status = status;
    this.notifyChange();
  }

  /** Tells how the transfer ended. */
  finish(status: number): void {
    if (!this.isActive || this.isEnding) return;
    this.isDone = true;
    this.status = status;
    this.startEnding();
    this.notifyChange();
  }

  /** Tells nothing more: its dialog goes back to the pool, or another REFER takes its place. */
  drop(): void {
    this.close();
  }

  /** Whether that dialog is the one of the subscription. */
  isIn(dialog: Dialog | null): boolean {
    return this.isActive && dialog !== null && this.dialog === dialog;
  }

  /** Whether `m`, a SUBSCRIBE with a To tag, is in its dialog. */
  owns(m: Message): boolean {
    return this.isActive && this.dialog !== null && this.dialog.hasRequest(m);
  }

  /** The subscriber asks for more time, or wants no more of it. RFC 6665 §4.2.1.2 */
  onSubscribe(t: ServerTransaction, m: Message): void {
    if (this.dialog === null || !this.dialog.acceptCseq(m.cseq)) {
      t.reply(500);
      return;
    }
    if (this.isEnding) {
      t.reply(481);
      return;
    }
    const isUnsubscribed = m.uint(HEADER_EXPIRES, EXPIRES_MOST_S) === 0;
    const w = t.respond(200);
    w.put(EXPIRES);
    // The subscription lasts as long as the transfer may take, no longer.
    w.uint(isUnsubscribed ? 0 : this.leftS());
    w.crlf();
    writeContact(w, this.context, t.source);
    w.put(EMPTY_BODY);
    t.sendResponse();
    if (isUnsubscribed) this.startEnding();
    this.notifyChange();
  }

  protected notifiedDialog(): Dialog | null {
    return this.dialog;
  }

  protected writeEvent(w: Writer): void {
    w.put(EVENT);
    if (this.id >= 0) {
      w.put(ID);
      w.uint(this.id);
    }
    w.crlf();
  }

  protected endLine(): Uint8Array {
    return this.isDone ? ENDED : SUBSCRIPTION_TIMEOUT;
  }

  protected prepareBody(): number {
    return BODY.length + LENGTH_BYTES + HEADER_END.length + STATUS_LINE_FIXED + reasonPhrase(this.status).length;
  }

  protected writeBody(w: Writer): void {
    const phrase = reasonPhrase(this.status);
    w.put(BODY);
    w.uint(STATUS_LINE_FIXED + phrase.length);
    w.put(HEADER_END);
    w.put(SIP_VERSION);
    w.uint(this.status);
    w.octet(0x20);
    w.put(phrase);
    w.crlf();
  }

  protected onOver(): void {
    this.dialog = null;
  }
}
