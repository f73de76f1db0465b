/**
 * The subscription that a REFER founds (RFC 3515 §2.4.4, RFC 6665): whoever asked for a transfer is told by NOTIFY how it goes, as the first
 * line of a response (message/sipfrag, RFC 3420): 100 at once, what rings, and at the end the final one, which ends the subscription.
 *
 *     IDLE --begin/100--> ACTIVE --end/final--> ENDING --answered, failed, or 32 s without room--> IDLE
 *
 * One NOTIFY at a time is under way; what happens meanwhile is told by the next, and only the last of it. The dialog is the call's, whose
 * end does not end the subscription (RFC 5057 §4.2). Not here: the REFER itself and what it asks for (ua/transfer.ts).
 */
import { octets } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import { EMPTY_BODY, type ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { HEADER_EXPIRES, METHOD_NOTIFY } from "../wire/names.js";
import { reasonPhrase } from "../wire/status.js";
import { writeContact } from "./contact.js";
import type { Dialog } from "./dialog.js";
import { END } from "./lines.js";
import type { NotifyHost } from "./subscription.js";

/** A NOTIFY for which there was no transaction is tried again so much later; the last one for as long as a transaction would try. */
const AGAIN_MS = 500;
const LAST_MS = 32_000;
const CHALLENGES_MOST = 2;
const EXPIRES_MOST_S = 86_400;

const EVENT = octets("Event: refer");
const ID = octets(";id=");
const ACTIVE = octets("\r\nSubscription-State: active;expires=");
const ENDED = octets("\r\nSubscription-State: terminated;reason=noresource\r\n");
const GONE = octets("\r\nSubscription-State: terminated;reason=timeout\r\n");
const BODY = octets("Content-Type: message/sipfrag;version=2.0\r\nContent-Length: ");
const EXPIRES = octets("Expires: ");
const VERSION = octets("SIP/2.0 ");
/** Octets of a status line without its phrase: version, three digits, a space, CR and LF. */
const STATUS_LINE_FIXED = 14;

export class Referral implements ClientUser, TimerUser {
  /** Somebody is to be told. */
  isActive = false;
  private readonly host: NotifyHost;
  private readonly timers: Timers;
  private readonly timer: number;
  private dialog: Dialog | null = null;
  /** The CSeq of the REFER; -1 where the event needs none: it was the first in its dialog. RFC 3515 §2.4.6 */
  private id = -1;
  private status = 100;
  private expiresMs = 0;
  /** There is something to be told. */
  private isChanged = false;
  private isSending = false;
  /** How often the NOTIFY under way was sent again for a challenge. */
  private challenges = 0;
  /** The NOTIFY that ends it was sent, or is to be. */
  private isEnding = false;
  /** It ends by its time, or because the subscriber wants no more: before what it tells of. */
  private isGone = false;

  constructor(host: NotifyHost, timers: Timers) {
    this.host = host;
    this.timers = timers;
    this.timer = timers.make(this, 0);
  }

  /** Begins; one before it is forgotten. @param dialog stays the caller's: it calls `drop` before it is given back @param id CSeq of the REFER, or -1 @param timeMs how long it may take */
  begin(dialog: Dialog, id: number, timeMs: number): void {
    this.drop();
    this.dialog = dialog;
    this.id = id;
    this.isActive = true;
    this.expiresMs = this.timers.nowMs + timeMs;
    this.tell(100);
  }

  /** A provisional response of the target. */
  tell(status: number): void {
    if (!this.isActive || this.isEnding) return;
    this.status = status;
    this.isChanged = true;
    this.notify();
  }

  /** How it ended. */
  end(status: number): void {
    if (!this.isActive || this.isEnding) return;
    this.isEnding = true;
    this.status = status;
    this.isChanged = true;
    this.expiresMs = this.timers.nowMs + LAST_MS;
    this.notify();
  }

  /** Nothing more is told: its dialog goes back to the pool, or another REFER takes its place. */
  drop(): void {
    if (!this.isActive) return;
    this.host.layer.disown(this);
    this.clear();
  }

  /** @returns whether it is told in that dialog */
  isIn(dialog: Dialog | null): boolean {
    return this.isActive && dialog !== null && this.dialog === dialog;
  }

  /** @returns whether `m`, a SUBSCRIBE with a To tag, is in its dialog */
  owns(m: Message): boolean {
    return this.isActive && this.dialog !== null && this.dialog.hasRequest(m);
  }

  /** The subscriber asks for more time, or wants no more of it. RFC 6665 §4.2.1.2 */
  onSubscribe(t: ServerTransaction, m: Message): void {
    const { layer } = this.host;
    if (this.dialog === null || !this.dialog.acceptCseq(m.cseq)) {
      layer.reply(t, 500);
      return;
    }
    if (this.isEnding) {
      layer.reply(t, 481);
      return;
    }
    const wantedS = m.uint(HEADER_EXPIRES, EXPIRES_MOST_S);
    const w = layer.respond(t, 200);
    w.put(EXPIRES);
    // As long as the transfer may take, no longer.
    w.uint(wantedS === 0 ? 0 : this.leftS());
    w.crlf();
    writeContact(w, this.host.self, t.source.transport);
    w.put(EMPTY_BODY);
    layer.sendResponse(t);
    this.isChanged = true;
    if (wantedS === 0) this.leave();
    this.notify();
  }

  onTimer(): void {
    if (!this.isActive) return;
    if (this.timers.nowMs >= this.expiresMs) {
      if (this.isEnding) {
        this.drop();
        return;
      }
      this.isChanged = true;
      this.leave();
    }
    this.notify();
  }

  onResponse(t: ClientTransaction, m: Message): void {
    if (m.status < 200 || !this.isActive) return;
    this.isSending = false;
    const isChallenge = (m.status === 401 || m.status === 407) && this.challenges < CHALLENGES_MOST;
    if (isChallenge && this.host.isAnswerable(t, m, this.challenges > 0)) {
      this.challenges += 1;
      this.isChanged = true;
      this.notify();
      return;
    }
    this.challenges = 0;
    // 481 and all else that is no 2xx: there is nobody any more who listens. RFC 6665 §4.2.2
    if (m.status >= 300 || (this.isEnding && !this.isChanged)) this.clear();
    else this.notify();
  }

  onFailure(): void {
    if (this.isActive) this.clear();
  }

  onTerminated(): void {}

  /** It ends before what it tells of. */
  private leave(): void {
    this.isEnding = this.isGone = true;
    this.expiresMs = this.timers.nowMs + LAST_MS;
  }

  private leftS(): number {
    return Math.max(0, Math.ceil((this.expiresMs - this.timers.nowMs) / 1000));
  }

  /** Sends what is to be told, unless a NOTIFY is under way. */
  private notify(): void {
    const { host, dialog, timers } = this;
    if (!this.isChanged || this.isSending || dialog === null) return;
    const { layer } = host;
    const t = layer.client(this);
    if (t === null) {
      timers.start(this.timer, Math.min(AGAIN_MS, Math.max(0, this.expiresMs - timers.nowMs)));
      return;
    }
    const phrase = reasonPhrase(this.status);
    const w = dialog.request(layer, t, METHOD_NOTIFY, host.transport());
    w.put(EVENT);
    if (this.id >= 0) {
      w.put(ID);
      w.uint(this.id);
    }
    if (this.isEnding) w.put(this.isGone ? GONE : ENDED);
    else {
      w.put(ACTIVE);
      w.uint(this.leftS());
      w.crlf();
    }
    writeContact(w, host.self, t.target.transport);
    host.writeAuthorization(t, w, METHOD_NOTIFY, dialog.requestUri);
    w.put(BODY);
    w.uint(STATUS_LINE_FIXED + phrase.length);
    w.put(END);
    w.put(VERSION);
    w.uint(this.status);
    w.octet(0x20);
    w.put(phrase);
    w.crlf();
    this.isChanged = false;
    if (layer.send(t)) {
      this.isSending = true;
      timers.startAt(this.timer, this.expiresMs);
    } else this.clear();
  }

  private clear(): void {
    this.isActive = this.isChanged = this.isSending = this.isEnding = this.isGone = false;
    this.challenges = 0;
    this.dialog = null;
    this.timers.stop(this.timer);
  }
}
