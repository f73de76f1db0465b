/**
 * Server transactions: the INVITE and non-INVITE machines of RFC 3261 §17.2 with the Accepted state of RFC 6026, and
 * the response that they repeat. One buffer holds all of it: room for a status line, the head copied from the request
 * (head.ts) with its Record-Route, then what the user writes behind that. The next response changes only the status
 * line and what follows the head. In Accepted the 2xx is repeated here until `acked`, though RFC 3261 §13.3.1.4 gives
 * that to the core above.
 * Not here: which of many transactions a request belongs to (layer.ts), and what to answer.
 */

import { equal, equalNoCase, hash, NONE } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { EMPTY_BODY, SIP_VERSION, STATUS_LINE_FIXED } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_RECORD_ROUTE,
  HEADER_TIMESTAMP,
  METHOD_ACK,
  METHOD_INVITE,
  METHOD_NONE,
  METHOD_OTHER,
  METHOD_REGISTER,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { reasonPhrase } from "../wire/status.js";
import type { Writer } from "../wire/writer.js";
import { Flow } from "./flow.js";
import {
  copyFields,
  HEAD_BRANCH,
  HEAD_CALL_ID,
  HEAD_FROM_TAG,
  HEAD_LOCAL_TAG,
  HEAD_METHOD,
  HEAD_SENT_BY,
  ResponseHead,
} from "./head.js";
import { type RelayedRows, writeRelayed } from "./relay.js";
import type { TransactionLimits, Transport } from "./transport.js";
import { TIMER_2XX, TIMER_G, TIMER_H, type TimerWatcher } from "./watcher.js";

export const SERVER_FREE = 0;
/** No response was sent yet. */
export const SERVER_TRYING = 1;
export const SERVER_PROCEEDING = 2;
/** A final response was sent, to an INVITE one other than 2xx. */
export const SERVER_COMPLETED = 3;
/** The ACK for it came; repetitions of the ACK are absorbed. */
export const SERVER_CONFIRMED = 4;
/** A 2xx to an INVITE was sent. RFC 6026 §7.1 */
export const SERVER_ACCEPTED = 5;

/** Room before the head for the status line, octets. */
export const STATUS_LINE_BYTES = 96;

// Kinds of timer. REPEAT is Timer G, and the interval of a 2xx; before a final response it is the end of the turn in
// which a response did not fit. END is H, I, J or L, by the state; before the answer to a request other than INVITE it
// is the time in which an answer is of use.
const REPEAT = 0;
const END = 1;
/** The timers of one server transaction. */
export const SERVER_TIMERS = 2;

/** Keeps a server transaction beyond the call that brought it. */
export interface ServerOwner {
  /** The transaction is over and goes back to the pool: forget it. */
  onServerTerminated(t: ServerTransaction): void;
}

/** What a server transaction needs around it. */
export interface ServerHost {
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly transport: Transport;
  readonly limits: TransactionLimits;
  /** Scratch for one call: octets as many as a transaction has. */
  readonly scratch: Uint8Array;
  /** The writer of all messages. */
  readonly writer: Writer;
  readonly relayedRows: RelayedRows | null;
  readonly watcher: TimerWatcher | null;
  onUnacknowledged(t: ServerTransaction): void;
  onServerEnded(t: ServerTransaction): void;
}

export class ServerTransaction extends ResponseHead implements TimerUser {
  /** Position in the pool. */
  readonly slot: number;
  state = SERVER_FREE;
  /** METHOD_* of the request. */
  method = METHOD_NONE;
  cseq = 0;
  /** Last status sent, 0 before the first. */
  status = 0;
  /** The user's owner of this transaction, told when it ends and then forgotten; null: none. */
  owner: ServerOwner | null = null;
  /** Where responses go: the address the request came from, the port by rport or sent-by, or its connection. */
  readonly source = new Flow();
  /** The port the request came from. */
  sourcePort = 0;
  /**
   * The source address of the request may be forged, and the user wants no timer to send anything there: a final
   * response goes once, and once more for each repetition of the request. RFC 3261 §26.3.2.4 demands it for challenges
   * alone.
   */
  isUnproven = false;
  readonly buffer: Uint8Array;
  /** The branch begins with z9hG4bK. Without it, requests are told apart by the rules of RFC 2543. */
  private hasCookie = false;
  private headEnd = 0;
  /** Octets of the request's Record-Route fields. */
  private routesBytes = 0;
  /** The Record-Route fields lie before `uriStart`, not behind the head. */
  private areRoutesAway = false;
  /**
   * The response: buffer[responseStart, responseEnd), empty before the first. The status line that is being written
   * begins at lineStart.
   */
  private lineStart = 0;
  private responseStart = 0;
  private responseEnd = 0;
  /** The status that is being written; 0: none since the last one that was sent. */
  private pendingStatus = 0;
  /** End of a response that `keepResponse` keeps; 0: none is. */
  private keptEnd = 0;
  /** The last response did not fit, and none was sent since. */
  private isUnsent = false;
  /** The Request-URI of a request without cookie, kept at the buffer's end. */
  private uriStart = 0;
  private intervalMs = 0;
  /** When the last response was sent. */
  private doneAtMs = 0;
  private isAcked = false;
  private readonly host: ServerHost;
  private readonly repeatTimer: number;

  /** @param buffer for its responses, its own */
  constructor(host: ServerHost, slot: number, buffer: Uint8Array) {
    super();
    this.host = host;
    this.slot = slot;
    this.buffer = buffer;
    this.repeatTimer = host.timers.make(this, REPEAT);
    // It is made next, so it has the next number.
    host.timers.make(this, END);
  }

  private get endTimer(): number {
    return this.repeatTimer + END;
  }

  /**
   * The user writes a response with it, after `respond`. There is one for all messages: whoever begins a message ends
   * the one that was being written.
   */
  get writer(): Writer {
    return this.host.writer;
  }

  /**
   * Starts with a request that came from `source`.
   * @returns false when the shortest response to it does not fit into the buffer
   */
  arrive(m: Message, source: Flow): boolean {
    const w = this.writer;
    const random = this.host.random;
    this.uriStart = this.buffer.length;
    this.hasCookie = m.hasMagicCookie;
    if (!this.hasCookie) {
      this.uriStart -= m.uriEnd - m.uriStart;
      if (this.uriStart < STATUS_LINE_BYTES) return false;
      copyOctets(this.buffer, this.uriStart, m.bytes, m.uriStart, m.uriEnd);
    }
    // A response without fields of its own always fits, whatever else does not.
    w.begin(this.buffer, STATUS_LINE_BYTES, this.uriStart - EMPTY_BODY.length);
    this.writeVias(w, m, source, this.source);
    this.writeParties(w, m, random.uint32() | 0, random.uint32() | 0);
    this.headEnd = w.at;
    // A registration founds no dialog. RFC 3261 §20, table 3
    if (m.method !== METHOD_REGISTER) copyFields(w, m, HEADER_RECORD_ROUTE);
    if (!w.ok) return false;
    this.routesBytes = w.at - this.headEnd;
    this.areRoutesAway = false;
    this.sourcePort = source.port;
    this.method = m.method;
    this.cseq = m.cseq;
    this.status = 0;
    this.responseStart = 0;
    this.responseEnd = 0;
    this.pendingStatus = 0;
    this.keptEnd = 0;
    this.isUnsent = false;
    this.isAcked = false;
    this.isUnproven = false;
    this.owner = null;
    this.state = SERVER_TRYING;
    // An answer is of no use after the client stopped waiting (RFC 4320 §4.2), so a request without an answer must not
    // stay longer.
    if (this.method !== METHOD_INVITE) this.host.timers.start(this.endTimer, 64 * this.host.limits.t1Ms);
    return true;
  }

  /**
   * Whether `m` belongs to this transaction, whose method is `method` (INVITE for an ACK). RFC 3261 §17.2.3
   * Without a cookie also the Request-URI, the tags, Call-ID and CSeq must be the same.
   */
  matches(m: Message, method: number): boolean {
    if (!this.hasMethod(m, method) || this.hasCookie !== m.hasMagicCookie) return false;
    const b = this.buffer;
    if (!equal(b, this.startOf(HEAD_BRANCH), this.endOf(HEAD_BRANCH), m.bytes, m.branchStart, m.branchEnd))
      return false;
    if (!equalNoCase(b, this.startOf(HEAD_SENT_BY), this.endOf(HEAD_SENT_BY), m.bytes, m.sentByStart, m.sentByEnd))
      return false;
    if (this.hasCookie) return true;
    if (!this.isSameRequest(m) || !equal(b, this.uriStart, b.length, m.bytes, m.uriStart, m.uriEnd)) return false;
    // An ACK has the tag of the response. A repetition and a CANCEL have the To of the first request.
    if (!this.hasToTag && m.method !== METHOD_ACK) return m.toTagEnd === m.toTagStart;
    return equal(b, this.startOf(HEAD_LOCAL_TAG), this.endOf(HEAD_LOCAL_TAG), m.bytes, m.toTagStart, m.toTagEnd);
  }

  /** Compares methods; unknown ones are told apart by their names. */
  private hasMethod(m: Message, method: number): boolean {
    if (this.method !== method || method !== METHOD_OTHER) return this.method === method;
    return equal(this.buffer, this.startOf(HEAD_METHOD), this.endOf(HEAD_METHOD), m.bytes, m.methodStart, m.methodEnd);
  }

  /**
   * Whether `m` is the same request that came by another way: From tag, Call-ID and CSeq are the same. RFC 3261
   * §8.2.2.2
   */
  isMergedWith(m: Message): boolean {
    return this.state !== SERVER_FREE && this.hasMethod(m, m.method) && this.isSameRequest(m);
  }

  /** Whether From tag, Call-ID and CSeq number are the same. */
  private isSameRequest(m: Message): boolean {
    const b = this.buffer;
    return (
      this.cseq === m.cseq &&
      equal(b, this.startOf(HEAD_FROM_TAG), this.endOf(HEAD_FROM_TAG), m.bytes, m.fromTagStart, m.fromTagEnd) &&
      equal(b, this.startOf(HEAD_CALL_ID), this.endOf(HEAD_CALL_ID), m.bytes, m.callIdStart, m.callIdEnd)
    );
  }

  /**
   * Begins a response with all fields up to CSeq.
   * @returns the writer for the rest: Contact, … Content-Length, blank line, body; it is not ok after a final response
   */
  respond(status: number, reason: Uint8Array = NONE): Writer {
    const w = this.writer;
    if (this.state !== SERVER_TRYING && this.state !== SERVER_PROCEEDING) {
      w.begin(NONE, 0, 0);
      w.ok = false;
      return w;
    }
    const phrase = reason.length > 0 ? reason : reasonPhrase(status);
    const size = Math.min(phrase.length, STATUS_LINE_BYTES - STATUS_LINE_FIXED);
    this.lineStart = STATUS_LINE_BYTES - STATUS_LINE_FIXED - size;
    w.begin(this.buffer, this.lineStart, STATUS_LINE_BYTES);
    w.put(SIP_VERSION);
    w.uint(status);
    w.octet(0x20);
    w.copy(phrase, 0, size);
    w.crlf();
    const ok = w.ok;
    this.placeRoutes(status > 100 && status < 300);
    if (this.areRoutesAway) w.begin(this.buffer, this.headEnd, this.uriStart - this.routesBytes);
    else w.begin(this.buffer, this.headEnd + this.routesBytes, this.uriStart);
    w.ok = ok;
    this.pendingStatus = status;
    this.keptEnd = 0;
    // Until the response is sent there is none to repeat: the octets behind the head are being replaced.
    this.responseEnd = 0;
    return w;
  }

  /**
   * Puts Record-Route behind CSeq if the response may found a dialog, else at the buffer's end. RFC 3261 §20, table 3
   */
  private placeRoutes(areSent: boolean): void {
    const { buffer, headEnd, routesBytes } = this;
    if (this.areRoutesAway !== areSent) return;
    const away = this.uriStart - routesBytes;
    if (areSent) buffer.copyWithin(headEnd, away, this.uriStart);
    else buffer.copyWithin(away, headEnd, headEnd + routesBytes);
    this.areRoutesAway = !areSent;
  }

  /**
   * Keeps the response that was written since `respond`, so that it can be sent after other messages were written.
   * @returns false when it did not fit
   */
  keepResponse(): boolean {
    const { writer } = this;
    this.keptEnd = writer.bytes === this.buffer && writer.ok ? writer.at : 0;
    return this.keptEnd > 0;
  }

  /**
   * Sends the response that was written since `respond`, or kept. If it did not fit, the user may write another one; if
   * it does not, a short response goes instead before time goes on, so that the transaction ends.
   * @returns false when it did not fit, or there was a final response already
   */
  sendResponse(): boolean {
    if (this.pendingStatus === 0 || (this.state !== SERVER_TRYING && this.state !== SERVER_PROCEEDING)) return false;
    if (this.keptEnd === 0 && !this.keepResponse()) {
      this.isUnsent = true;
      this.host.timers.start(this.repeatTimer, 0);
      return false;
    }
    this.host.timers.stop(this.repeatTimer);
    this.isUnsent = false;
    this.responseStart = this.lineStart;
    this.responseEnd = this.keptEnd;
    this.keptEnd = 0;
    this.status = this.pendingStatus;
    this.pendingStatus = 0;
    this.transmit();
    this.doneAtMs = this.host.timers.nowMs;
    const isFirst = this.state === SERVER_TRYING;
    if (this.status < 200) this.state = SERVER_PROCEEDING;
    else if (this.method !== METHOD_INVITE) this.complete();
    else if (this.status < 300) this.accept(isFirst);
    else this.completeInvite();
    return true;
  }

  /**
   * Answers short instead of a response that did not fit: without fields of its own, and with another status if the
   * status needs fields.
   */
  respondShort(): void {
    if (!this.isUnsent) return;
    const status = this.pendingStatus;
    const short = shortStatus(status);
    // `arrive` has checked that this fits; without that, nothing could ever end the transaction.
    this.respond(short).put(EMPTY_BODY);
    if (this.writer.ok) this.sendResponse();
    else this.drop();
  }

  /** Sends a response without fields of its own and without body. @returns as `sendResponse` */
  reply(status: number, reason: Uint8Array = NONE): boolean {
    this.respond(status, reason).put(EMPTY_BODY);
    return this.sendResponse();
  }

  /**
   * Passes on the response `m` to a request that was forwarded for this one, and goes on as after a response of its
   * own. A 2xx to an INVITE is not kept: the called side repeats it, and each repetition is passed on. RFC 3261 §16.7,
   * RFC 6026 §7.1
   * @param challenges as in `writeRelayed` @returns as `sendResponse`
   */
  relay(m: Message, challenges: Uint8Array = NONE, challengesEnd = 0): boolean {
    const isAnswer = this.method === METHOD_INVITE && m.status >= 200 && m.status < 300;
    const isOpen = this.state === SERVER_TRYING || this.state === SERVER_PROCEEDING;
    if (!isOpen && !(isAnswer && this.state === SERVER_ACCEPTED)) return false;
    const w = this.writer;
    if (isAnswer) w.begin(this.host.scratch, 0, this.host.scratch.length);
    else {
      // The Record-Route fields for responses of its own are not needed any more.
      this.routesBytes = 0;
      w.begin(this.buffer, this.headEnd, this.uriStart);
      this.lineStart = this.headEnd;
      this.responseEnd = 0;
    }
    this.pendingStatus = m.status;
    this.keptEnd = 0;
    writeRelayed(w, m, challenges, challengesEnd, this.host.relayedRows, this, this.buffer);
    if (!isAnswer) return this.sendResponse();
    if (!w.ok) {
      if (isOpen) this.sendResponse();
      return false;
    }
    w.ok = false;
    this.pendingStatus = 0;
    this.host.transport.send(this.source, w.bytes, 0, w.at);
    if (!isOpen) return true;
    this.isUnsent = false;
    this.host.timers.stop(this.repeatTimer);
    this.status = m.status;
    this.responseEnd = 0;
    this.isAcked = true;
    this.doneAtMs = this.host.timers.nowMs;
    this.state = SERVER_ACCEPTED;
    this.host.timers.start(this.endTimer, 64 * this.host.limits.t1Ms);
    return true;
  }

  /**
   * Ends at once without a response and without telling the owner: the request was answered without a transaction, or
   * is not to be answered.
   */
  drop(): void {
    this.owner = null;
    this.isAcked = true;
    this.retire();
  }

  /** Sends 100 (Trying) with the request's Timestamp. RFC 3261 §8.2.6.1, §17.2.1 */
  trying(m: Message): void {
    const w = this.respond(100);
    copyFields(w, m, HEADER_TIMESTAMP);
    w.put(EMPTY_BODY);
    if (!this.sendResponse()) this.respondShort();
  }

  /** Answers the INVITE with 504 after 64*T1 if the user has not: the user waits for something that may never come. */
  limitAnswer(): void {
    if (this.method === METHOD_INVITE) this.host.timers.start(this.endTimer, 64 * this.host.limits.t1Ms);
  }

  /** Sends the last response again; a user does it for reliable provisional ones. RFC 3262 §3 */
  resend(): void {
    if (this.responseEnd > 0)
      this.host.transport.sendAgain(this.source, this.buffer, this.responseStart, this.responseEnd);
  }

  /**
   * Takes a repetition of the request. In Accepted and Confirmed it is absorbed, unless only a repetition can bring its
   * sender a lost 2xx.
   */
  repeat(): void {
    const isAsked = this.state === SERVER_ACCEPTED && this.isUnproven && !this.isAcked;
    if (isAsked || this.state === SERVER_PROCEEDING || this.state === SERVER_COMPLETED) this.resend();
  }

  /** Takes the ACK for a response other than 2xx: Confirmed, for Timer I. RFC 3261 §17.2.1 */
  confirm(): void {
    if (this.state !== SERVER_COMPLETED) return;
    this.state = SERVER_CONFIRMED;
    this.host.timers.stop(this.repeatTimer);
    this.host.timers.start(this.endTimer, this.isUnreliable() ? this.host.limits.t4Ms : 0);
  }

  /** Takes the ACK for the 2xx, which stops its repetition. Repetitions of the INVITE are absorbed until Timer L. */
  acked(): void {
    if (this.state !== SERVER_ACCEPTED) return;
    this.isAcked = true;
    this.host.timers.stop(this.repeatTimer);
  }

  /** The connection of the request was closed: the response opens another one. RFC 3261 §18.2.2 */
  onStreamGone(connection: number): void {
    if (this.state !== SERVER_FREE && this.source.connection === connection) this.source.connection = -1;
  }

  /** Whether its response can leave by that connection alone. */
  needsStream(connection: number): boolean {
    return this.state !== SERVER_FREE && this.source.connection === connection;
  }

  /**
   * @param isUrgent the request that wants its place matters more than repetitions
   * @returns for how long it waits for repetitions only, ms; -1 when it is still needed, or ended just now
   */
  spareMs(isUrgent: boolean): number {
    const { timers, limits } = this.host;
    // A 2xx that was passed on may come again, from a called side without its ACK; most repetitions come early.
    const isRelayed = this.state === SERVER_ACCEPTED && this.responseEnd === 0;
    if (isRelayed) return timers.nowMs > this.doneAtMs + 2 * limits.t1Ms ? timers.remaining(this.endTimer) : -1;
    const isDone =
      this.state === SERVER_COMPLETED ||
      this.state === SERVER_CONFIRMED ||
      (this.state === SERVER_ACCEPTED && this.isAcked);
    return isDone && (isUrgent || timers.nowMs > this.doneAtMs) ? timers.remaining(this.endTimer) : -1;
  }

  /** Shortens the wait for the ACK of a final response other than 2xx, which is Timer H otherwise. */
  endWithin(ms: number): void {
    if (this.state === SERVER_COMPLETED) this.host.timers.start(this.endTimer, ms);
  }

  /** Ends a transaction that can be spared, before its time. */
  retire(): void {
    this.host.timers.stop(this.endTimer);
    // Timer H has not fired.
    if (this.state === SERVER_COMPLETED) this.state = SERVER_CONFIRMED;
    this.onTimer(END);
  }

  onTimer(kind: number): void {
    if (kind === REPEAT && (this.state === SERVER_TRYING || this.state === SERVER_PROCEEDING)) {
      this.respondShort();
      return;
    }
    if (kind === REPEAT) {
      this.host.watcher?.onRepeat(this.state === SERVER_COMPLETED ? TIMER_G : TIMER_2XX, this.method);
      this.resend();
      // Timer G and the interval of the 2xx double up to T2. RFC 3261 §17.2.1, §13.3.1.4
      this.intervalMs = Math.min(this.intervalMs * 2, this.host.limits.t2Ms);
      this.host.timers.start(this.repeatTimer, this.intervalMs);
      return;
    }
    const isOpen = this.state === SERVER_TRYING || this.state === SERVER_PROCEEDING;
    if (isOpen && this.method === METHOD_INVITE && !this.isAcked && this.reply(504)) return;
    this.host.timers.stop(this.repeatTimer);
    const isUnheard = this.state === SERVER_COMPLETED && this.method === METHOD_INVITE;
    if (isUnheard) this.host.watcher?.onGivenUp(TIMER_H, this.method);
    if (this.state === SERVER_ACCEPTED && !this.isAcked) this.host.onUnacknowledged(this);
    const owner = this.owner;
    this.isUnsent = false;
    this.state = SERVER_FREE;
    this.owner = null;
    if (owner !== null) owner.onServerTerminated(this);
    this.host.onServerEnded(this);
  }

  private transmit(): void {
    this.host.transport.send(this.source, this.buffer, this.responseStart, this.responseEnd);
  }

  /** Enters Completed with Timer J. RFC 3261 §17.2.2 */
  private complete(): void {
    this.state = SERVER_COMPLETED;
    this.host.timers.start(this.endTimer, this.isUnreliable() ? 64 * this.host.limits.t1Ms : 0);
  }

  /** Enters Completed with Timer H, over UDP also G. RFC 3261 §17.2.1 */
  private completeInvite(): void {
    this.state = SERVER_COMPLETED;
    if (this.isUnreliable() && !this.isUnproven) this.startRepeating();
    this.host.timers.start(this.endTimer, 64 * this.host.limits.t1Ms);
  }

  /**
   * Enters Accepted with Timer L (RFC 6026 §7.1). The 2xx is repeated over TCP as well, for its ACK comes end to end.
   * RFC 3261 §13.3.1.4
   * @param isFirst nothing was sent before, so the sender repeats its INVITE until it hears something
   */
  private accept(isFirst: boolean): void {
    this.state = SERVER_ACCEPTED;
    if (!this.isUnproven || !isFirst) this.startRepeating();
    this.host.timers.start(this.endTimer, 64 * this.host.limits.t1Ms);
  }

  private startRepeating(): void {
    this.intervalMs = this.host.limits.t1Ms;
    this.host.timers.start(this.repeatTimer, this.intervalMs);
  }

  private isUnreliable(): boolean {
    return this.source.transport === TRANSPORT_UDP;
  }
}

/** @returns the status of a response that cannot be sent whole: a challenge without its field cannot be answered */
export function shortStatus(status: number): number {
  if (status < 200) return 100;
  if (status < 300) return 500;
  return status === 401 || status === 407 ? 513 : status;
}

/**
 * @returns the number by which a request's transaction is found; ACK and CANCEL have that of their INVITE. RFC 3261
 * §17.2.3
 */
export function serverKey(m: Message): number {
  if (m.hasMagicCookie) return hash(m.bytes, m.branchStart, m.branchEnd);
  return hash(m.bytes, m.callIdStart, m.callIdEnd) ^ m.cseq;
}
