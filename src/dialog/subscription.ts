/**
 * A subscription, from the notifier's side (RFC 6665 §4.2): the dialog that a SUBSCRIBE founds, its time, and the NOTIFYs in it, one at
 * a time. What changes while one is under way is told in the next. Not here: who may subscribe and to what (the user agent), what a
 * NOTIFY says (its package), the subscriber's side.
 */
import { octets, type Span } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { ClientTransaction, ClientUser } from "../transaction/client.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { replyWith } from "../transaction/refusal.js";
import { EMPTY_BODY, type ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { HEADER_EXPIRES, METHOD_NOTIFY, METHOD_SUBSCRIBE } from "../wire/names.js";
import { BAD_EXPIRES } from "../wire/problems.js";
import type { Writer } from "../wire/writer.js";
import { type Self, writeContact } from "./contact.js";
import { DIALOG_CONFIRMED, Dialog } from "./dialog.js";
import { ALLOW, END } from "./lines.js";

/** Whoever sends a NOTIFY asks it. */
export interface NotifyHost {
  /** 401 or 407 came for a NOTIFY. @param isSecond it went with credentials already @returns whether it is to be sent again */
  isAnswerable(t: ClientTransaction, m: Message, isSecond: boolean): boolean;
  /** Writes what is known to be asked for, if `t` goes to whom it is for. */
  writeAuthorization(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void;
  readonly layer: TransactionLayer;
  /** TRANSPORT_* for addresses that name none. */
  transport(): number;
  /** Who we are in Contact. */
  readonly self: Self;
}

/** Told of a subscription, or asked. */
export interface SubscriptionHost extends NotifyHost {
  /** Writes the state as it is, with that version (RFC 4235 §4.1). */
  writeState(w: Writer, version: number): void;
}

/** What a subscriber gets who names no time, and the most and the least there is, s. */
const USUAL_S = 3600;
export const SUBSCRIPTION_LEAST_S = 60;
/** A NOTIFY for which there was no transaction is tried again so much later; the last one for as long as a transaction would try. */
const AGAIN_MS = 2000;
const LAST_MS = 32_000;
const CHALLENGES_MOST = 2;

const EXPIRES = octets("Expires: ");
const MIN_EXPIRES = octets("Min-Expires: ");
const ACTIVE = octets("Event: dialog\r\nSubscription-State: active;expires=");
const ENDED = octets("Event: dialog\r\nSubscription-State: terminated;reason=timeout\r\n");
/** Digits of the longest body's length. */
const LENGTH_BYTES = 4;
const STATE_BODY = octets("Content-Type: application/dialog-info+xml\r\nContent-Length: ");

/** @returns how long a SUBSCRIBE asks for, s, cut to what is given; 0 to end it; -1 too short, -2 malformed */
export function subscriptionTime(m: Message): number {
  const wanted = m.uint(HEADER_EXPIRES, 0xffffffff);
  if (wanted === -2) return -2;
  if (wanted < 0 || wanted > USUAL_S) return USUAL_S;
  return wanted > 0 && wanted < SUBSCRIPTION_LEAST_S ? -1 : wanted;
}

/** Answers one that asks for too little, or not in numbers. RFC 6665 §4.2.1.1 */
export function refuseTime(layer: TransactionLayer, t: ServerTransaction, time: number): void {
  const w = time === -1 ? layer.respond(t, 423) : layer.respond(t, 400, BAD_EXPIRES);
  if (time === -1) {
    w.put(MIN_EXPIRES);
    w.uint(SUBSCRIPTION_LEAST_S);
    w.crlf();
  }
  w.put(EMPTY_BODY);
  layer.sendResponse(t);
}

export class Subscription implements ClientUser, TimerUser {
  /** Somebody subscribes. */
  isActive = false;
  readonly dialog: Dialog;
  private readonly host: SubscriptionHost;
  private readonly timers: Timers;
  private readonly timer: number;
  private expiresMs = 0;
  private version = 0;
  private isSending = false;
  /** How often the NOTIFY under way was sent again for a challenge. */
  private challenges = 0;
  /** There is something to be told. */
  private isChanged = false;
  /** The NOTIFY that says so was sent, or is to be. */
  private isEnding = false;

  constructor(host: SubscriptionHost, timers: Timers, dialogBytes: number) {
    this.host = host;
    this.timers = timers;
    this.timer = timers.make(this, 0);
    this.dialog = new Dialog(dialogBytes);
  }

  /** A SUBSCRIBE that founds it; it is answered. @param time as `subscriptionTime` has it, not below 0 @returns false when its dialog cannot be kept: not answered */
  begin(t: ServerTransaction, m: Message, time: number): boolean {
    if (!this.dialog.fromRequest(m, t)) {
      this.dialog.clear();
      return false;
    }
    this.dialog.state = DIALOG_CONFIRMED;
    this.isActive = true;
    this.isSending = this.isEnding = false;
    this.version = this.challenges = 0;
    this.accept(t, time);
    return true;
  }

  /** A request in the dialog: a refresh, or its end. RFC 6665 §4.2.1.2 */
  onRequest(t: ServerTransaction, m: Message): void {
    const { layer } = this.host;
    if (!this.dialog.acceptCseq(m.cseq)) {
      layer.reply(t, 500);
      return;
    }
    if (m.method !== METHOD_SUBSCRIBE) {
      replyWith(layer, t, 405, ALLOW);
      return;
    }
    const time = subscriptionTime(m);
    if (this.isEnding) layer.reply(t, 481);
    else if (time < 0) refuseTime(layer, t, time);
    else {
      this.dialog.refreshTarget(m);
      this.accept(t, time);
    }
  }

  /** The state has changed. */
  changed(): void {
    if (!this.isActive) return;
    this.isChanged = true;
    this.notify();
  }

  onTimer(): void {
    if (!this.isActive) return;
    if (this.timers.nowMs >= this.expiresMs && !this.isEnding) this.isEnding = this.isChanged = true;
    this.notify();
  }

  onResponse(t: ClientTransaction, m: Message): void {
    if (m.status < 200) return;
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
    if (m.status >= 300 || (this.isEnding && !this.isChanged)) this.end();
    else this.notify();
  }

  onFailure(): void {
    this.isSending = false;
    this.end();
  }

  onTerminated(): void {}

  private accept(t: ServerTransaction, time: number): void {
    const { host } = this;
    const w = host.layer.respond(t, 200);
    w.put(EXPIRES);
    w.uint(time);
    w.crlf();
    writeContact(w, host.self, t.source.transport);
    w.put(EMPTY_BODY);
    host.layer.sendResponse(t);
    this.expiresMs = this.timers.nowMs + time * 1000;
    this.timers.startAt(this.timer, this.expiresMs);
    this.isEnding = time === 0;
    this.isChanged = true;
    this.notify();
  }

  /** Sends what is to be told, unless a NOTIFY is under way. */
  private notify(): void {
    if (!this.isChanged || this.isSending) return;
    const { host } = this;
    const { layer } = host;
    const t = layer.client(this);
    if (t === null) {
      // Its time ends with room or without.
      if (this.timers.nowMs >= this.expiresMs + LAST_MS) this.end();
      else this.timers.start(this.timer, AGAIN_MS);
      return;
    }
    const body = layer.scratchWriter;
    body.begin(layer.scratch, 0, layer.scratch.length);
    host.writeState(body, this.version);
    const size = body.at;
    const w = this.dialog.request(layer, t, METHOD_NOTIFY, host.transport());
    if (this.isEnding) w.put(ENDED);
    else {
      w.put(ACTIVE);
      w.uint(Math.max(0, Math.ceil((this.expiresMs - this.timers.nowMs) / 1000)));
      w.crlf();
    }
    writeContact(w, host.self, t.target.transport);
    const before = w.at;
    if (w.ok) {
      host.writeAuthorization(t, w, METHOD_NOTIFY, this.dialog.requestUri);
      // Without credentials it may be refused, but it is heard.
      const rest = STATE_BODY.length + LENGTH_BYTES + END.length + size;
      if (!w.ok || w.at + rest > w.limit) w.rewind(before);
    }
    w.put(STATE_BODY);
    w.uint(size);
    w.put(END);
    w.raw(layer.scratch, 0, size);
    this.isChanged = false;
    this.version += 1;
    if (layer.send(t)) {
      this.isSending = true;
      if (!this.isEnding) this.timers.startAt(this.timer, this.expiresMs);
    } else this.end();
  }

  private end(): void {
    this.isActive = this.isChanged = this.isEnding = false;
    this.timers.stop(this.timer);
    this.dialog.clear();
  }
}
