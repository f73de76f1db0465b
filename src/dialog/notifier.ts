/**
 * The notifier's side of a subscription (RFC 6665 §4.2), as all event packages have it: its time, and the NOTIFYs in
 * its dialog, one at a time. What changes while one is under way goes into the next, and only the last of it.
 *
 *     RESTING --a change--> SENDING --2xx, nothing new--> RESTING
 *     SENDING --2xx, something new; or 401, 407, twice at most--> SENDING
 *     SENDING --any other response, or none--> over
 *     RESTING, SENDING --its time is over, or the subscriber wants no more--> ENDING
 *     ENDING --its last NOTIFY is answered, or 32 s--> over
 *
 * Not here: how a subscription begins, and what a NOTIFY says (subscription.ts, referral.ts); the subscriber's side.
 */
import { octets, type Span } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import type { Message } from "../wire/message.js";
import { METHOD_NOTIFY } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Dialog } from "./dialog.js";
import { type Self, writeContactTo } from "./owncontact.js";

/** The last NOTIFY is tried for as long as a transaction would try. */
const LAST_MS = 32_000;
/** How often the challenges to one NOTIFY are answered. */
const CHALLENGES_MOST = 2;

const ACTIVE = octets("Subscription-State: active;expires=");

/** Answers the challenges to a NOTIFY. */
export interface NotifyCredentials {
  /**
   * 401 or 407 came for the request of `t`.
   * @param isSecond it went with credentials already @returns whether it is to be sent again
   */
  takeInDialog(t: ClientTransaction, m: Message, isSecond: boolean): boolean;
  /** Writes what is known to be asked for, if `t` goes to whom it is for. */
  writeInDialog(w: Writer, t: ClientTransaction, method: number, requestUri: Span): void;
}

/** What all subscriptions have in common. */
export interface NotifyContext extends Self {
  readonly timers: Timers;
  readonly credentials: NotifyCredentials;
  /** TRANSPORT_* for addresses that name none. */
  transport: number;
}

/** The timers of one subscription. */
export const NOTIFIER_TIMERS = 1;

export abstract class Notifier implements ClientUser, TimerUser {
  /** There is a subscriber. */
  isActive = false;
  protected context: NotifyContext;
  /** When its time is over; of one that ends, since when. */
  protected expiresMs = 0;
  /** The NOTIFY that ends it was sent, or is to be. */
  protected isEnding = false;
  private readonly timer: number;
  /** There is something to be told. */
  private isChanged = false;
  private isSending = false;
  /** How often the NOTIFY under way was sent again for a challenge. */
  private challenges = 0;

  constructor(context: NotifyContext) {
    this.context = context;
    this.timer = context.timers.make(this, 0);
  }

  /** @returns the dialog that the NOTIFYs go in, null while there is no subscriber */
  protected abstract notifiedDialog(): Dialog | null;

  /** A NOTIFY for which there was no transaction is tried again so much later. */
  protected abstract readonly againMs: number;

  /** Writes the Event line. */
  protected abstract writeEvent(w: Writer): void;

  /** @returns the Subscription-State line of the last NOTIFY */
  protected abstract endLine(): Uint8Array;

  /** Prepares the body. @returns how many octets it has, the lines of its type and length included */
  protected abstract prepareBody(): number;

  /** Writes Content-Type, Content-Length, and the body that was prepared. @param bodyBytes as `prepareBody` returned */
  protected abstract writeBody(w: Writer, bodyBytes: number): void;

  /** The subscription is over. */
  protected abstract onOver(): void;

  /** A subscription begins; its first NOTIFY is still to be sent. @param expiresMs when its time is over */
  protected activate(expiresMs: number): void {
    this.isActive = true;
    this.isSending = this.isEnding = this.isChanged = false;
    this.challenges = 0;
    this.expiresMs = expiresMs;
  }

  /** There is something new to be told. */
  protected notifyChange(): void {
    this.isChanged = true;
    this.notify();
  }

  /** The next NOTIFY is the last one. */
  protected startEnding(): void {
    this.isEnding = true;
    this.expiresMs = this.context.timers.nowMs;
  }

  /** @returns what is left of its time, in seconds */
  protected leftS(): number {
    return Math.max(0, Math.ceil((this.expiresMs - this.context.timers.nowMs) / 1000));
  }

  /** Ends it without a word. */
  protected close(): void {
    if (!this.isActive) return;
    if (this.isSending) this.context.layer.disown(this);
    this.context.timers.stop(this.timer);
    this.isActive = this.isChanged = this.isSending = this.isEnding = false;
    this.onOver();
  }

  onTimer(): void {
    if (!this.isActive) return;
    const { nowMs } = this.context.timers;
    if (this.isEnding && nowMs >= this.expiresMs + LAST_MS) {
      this.close();
      return;
    }
    if (!this.isEnding && nowMs >= this.expiresMs) {
      this.startEnding();
      this.isChanged = true;
    }
    this.notify();
  }

  onResponse(t: ClientTransaction, m: Message): void {
    if (m.status < 200 || !this.isActive) return;
    this.isSending = false;
    const isChallenge = (m.status === 401 || m.status === 407) && this.challenges < CHALLENGES_MOST;
    if (isChallenge && this.context.credentials.takeInDialog(t, m, this.challenges > 0)) {
      this.challenges += 1;
      this.notifyChange();
      return;
    }
    this.challenges = 0;
    // After 481, or another response that is no 2xx, there is no subscriber any more. RFC 6665 §4.2.2
    if (m.status >= 300 || (this.isEnding && !this.isChanged)) this.close();
    else this.notify();
  }

  onFailure(): void {
    this.isSending = false;
    this.close();
  }

  onTerminated(): void {}

  /** Sends the latest state, unless a NOTIFY is under way. */
  private notify(): void {
    const { layer, timers, transport } = this.context;
    const dialog = this.notifiedDialog();
    if (!this.isChanged || this.isSending || dialog === null) return;
    const untilMs = this.isEnding ? this.expiresMs + LAST_MS : this.expiresMs;
    const t = layer.client(this);
    if (t === null) {
      timers.start(this.timer, Math.min(this.againMs, Math.max(0, untilMs - timers.nowMs)));
      return;
    }
    const bodyBytes = this.prepareBody();
    const w = dialog.beginRequest(t, METHOD_NOTIFY, transport);
    this.writeEvent(w);
    if (this.isEnding) w.put(this.endLine());
    else {
      w.put(ACTIVE);
      w.uint(this.leftS());
      w.crlf();
    }
    writeContactTo(w, this.context, t.target);
    this.writeCredentials(w, t, dialog.requestUri, bodyBytes);
    this.writeBody(w, bodyBytes);
    this.isChanged = false;
    if (t.sendRequest()) {
      this.isSending = true;
      timers.startAt(this.timer, untilMs);
    } else this.close();
  }

  /** Credentials, if they leave room for the body: without them the NOTIFY may be refused, but it is heard. */
  private writeCredentials(w: Writer, t: ClientTransaction, requestUri: Span, bodyBytes: number): void {
    const before = w.at;
    if (!w.ok) return;
    this.context.credentials.writeInDialog(w, t, METHOD_NOTIFY, requestUri);
    if (!w.ok || w.at + bodyBytes > w.limit) w.rewind(before);
  }
}
