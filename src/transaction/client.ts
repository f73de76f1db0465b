/**
 * Client transactions: the INVITE and non-INVITE machines of RFC 3261 §17.1 with the Accepted state of RFC 6026.
 *
 *     state       event                               what is sent          next state
 *     idle        sendRequest                                               resolving
 *                 discard                                                   free
 *     resolving   the next hop's address is known     the request           calling
 *                 no place is left                                          failing
 *     calling     Timer A or E                        the request           calling
 *                 1xx                                                       proceeding
 *     calling,    503, or no place can be reached     (failover.ts)         calling, failing
 *     proceeding  final response, not to INVITE                             completed, Timer K
 *                 300 to 699 to INVITE                ACK                   completed, Timer D
 *                 2xx to INVITE                       ACK, by the user      accepted, Timer M
 *                 Timer B or F                                              free, after onFailure
 *     proceeding  cancel, or it was wanted before     CANCEL                proceeding, for 64*T1
 *     completed   the final response to INVITE again  ACK                   completed
 *     accepted    the 2xx again                       ACK                   accepted
 *     failing     its timer, at once                                        free, after onFailure
 *     completed, accepted: Timer D, K or M                                  free
 *
 * The request lies in a buffer of its own; the ACK takes its place when the final response has come. A CANCEL (§9.1)
 * takes the place earlier: the transaction of the INVITE itself sends and repeats the CANCEL and ends its repetition,
 * since it does nothing else in Proceeding. So a call can always be given up, even if the pool is empty.
 * A request that leaves its server (failover.ts) goes on to the next place of its target as a new transaction: the same
 * request with a new branch, in the same object. Its user gets only the last server's response or failure.
 * Not here: the choice of the next place (failover.ts), matching responses to transactions (layer.ts), Timer C (a
 * proxy's), and the meaning of a response.
 */
import { equal, NONE } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { TimerUser } from "../core/timers.js";
import type { Message } from "../wire/message.js";
import {
  METHOD_ACK,
  METHOD_BYE,
  METHOD_CANCEL,
  METHOD_INVITE,
  METHOD_NONE,
  METHOD_OTHER,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
} from "../wire/names.js";
import type { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { Branches } from "./branch.js";
import { Failover, type FailoverHost, PATIENCE_MS, readRetryAfter, TRANSACTION_T1 } from "./failover.js";
import { Flow, Target } from "./flow.js";
import { REACH_LATE, REACH_REFUSED, REACH_SILENT, REACH_TCP } from "./reach.js";
import {
  DATAGRAM_MAX_BYTES,
  isTooLong,
  readCSeq,
  sendByDatagram,
  sendOnce,
  stampVia,
  writeOfInvite,
  writeRequestLine,
  writeUriOfLine,
  writeVia,
} from "./request.js";
import { FIND_KNOWN, FIND_WAIT } from "./resolver.js";
import { DETOUR_KNOWN, DETOUR_LONG, DETOUR_LOST, DETOUR_NONE } from "./transport.js";
import { TIMER_A, TIMER_B, TIMER_E, TIMER_F, type TimerWatcher } from "./watcher.js";

/** No final response came in time: act as on 408. */
export const FAILURE_TIMEOUT = 1;
/**
 * The request could not be sent, or its connection broke before anything came back: act as on 503. RFC 3261 §8.1.3.1
 */
export const FAILURE_TRANSPORT = 2;
/** The name of the next hop is not known. */
export const FAILURE_RESOLVE = 3;
/** The request was cancelled before it was ever sent. */
export const FAILURE_CANCELLED = 4;

export const CLIENT_FREE = 0;
/** The request is being written. */
export const CLIENT_IDLE = 1;
/** The name of the next hop is being looked up. */
export const CLIENT_RESOLVING = 2;
/** The request was sent and no response came yet: Calling, or Trying for a request other than INVITE. */
export const CLIENT_CALLING = 3;
export const CLIENT_PROCEEDING = 4;
export const CLIENT_COMPLETED = 5;
/** A 2xx to an INVITE came; more may come from forks. RFC 6026 §7.2 */
export const CLIENT_ACCEPTED = 6;
/** The transaction failed; a timer tells the user. */
export const CLIENT_FAILING = 7;

/** The least Timer D over UDP, ms. RFC 3261 §17.1.1.2 */
const TIMER_D_MS = 32000;
/** The longest time to establish a connection that is opened for a request's length alone, ms. */
const CONNECT_MS = 500;
/**
 * The time without any octet over that connection after which the request goes by UDP as well, ms. A server that got
 * both recognises them as one request.
 */
const SILENT_MS = 1000;
const SERVICE_UNAVAILABLE = 503;

/** The least time for which a farewell without an answer keeps its place, in T1. By then it was sent three times. */
const FAREWELL_T1 = 4;
/** A farewell is the last transaction to be ended early, since this exceeds each wait for repetitions, ms. */
const LAST_MS = 1_000_000;

// Kinds of timer. REPEAT is Timer A or E; in Proceeding of an INVITE it is that of its CANCEL; while TCP is tried for
// the length alone, it supervises the connection. END is B, D, F, K or M, by the state.
const REPEAT = 0;
const END = 1;

// The way of a request that is long for UDP.
const BY_NONE = 0;
/** It goes by TCP only because of its length, so UDP can still be tried. */
const BY_TCP = 1;
/** So it does, and its connection was established in time. */
const BY_TCP_CONNECTED = 2;
/** It went by TCP and by UDP; the first answer counts, whichever way it comes. */
const BY_BOTH = 3;

// Whether an INVITE is given up.
const CANCEL_NONE = 0;
/** It is, by a CANCEL after the first response. */
const CANCEL_WANTED = 1;
/** The CANCEL was sent: it is in the buffer in place of the INVITE, whose first line, Via and Route are the same. */
const CANCEL_SENT = 2;

/** The timers of one client transaction. */
export const CLIENT_TIMERS = 2;

/** The user of a client transaction. */
export interface ClientUser {
  /**
   * Gets every 1xx, the final response, and for INVITE every 2xx, except repetitions that `sendAck` has acknowledged.
   * `m` is lent for the call.
   */
  onResponse(t: ClientTransaction, m: Message): void;
  /**
   * The transaction ended without a final response. It is called from a timer, never from inside of `sendRequest`.
   * @param cause FAILURE_*
   */
  onFailure(t: ClientTransaction, cause: number): void;
  /**
   * The object goes back to the pool, so the user has to forget it. This is called once for each request that was sent,
   * from a timer or when another request needs the place.
   */
  onTerminated(t: ClientTransaction): void;
}

/** Gets each complete request of ours before it is sent. */
export interface Sealer {
  /** The request is `bytes[0, end)`, and must keep its length. */
  onWritten(bytes: Uint8Array, end: number): void;
}

/** The functions and objects that a client transaction needs from its owner. */
export interface ClientHost extends FailoverHost {
  readonly branches: Branches;
  /** Scratch for one function call: as many octets as a transaction has. */
  readonly scratch: Uint8Array;
  /** The writer of all messages; see `ClientTransaction.writer`. */
  readonly writer: Writer;
  readonly scratchTarget: Target;
  readonly scratchFlow: Flow;
  readonly watcher: TimerWatcher | null;
  onClientStarted(t: ClientTransaction): void;
  /** The transaction was taken, and nothing was sent. */
  onClientDiscarded(t: ClientTransaction): void;
  onClientEnded(t: ClientTransaction): void;
  /** The transaction has another branch. */
  onClientMoved(t: ClientTransaction): void;
  /** See `TransactionUser`. */
  onServerFailed(from: Flow, to: Flow | null, status: number): void;
  /** A connection was not established in time. */
  abandon(connection: number): void;
}

/** The user of a transaction whose response is ignored. */
class NoUser implements ClientUser {
  onResponse(): void {}
  onFailure(): void {}
  onTerminated(): void {}
}
export const NO_USER: ClientUser = new NoUser();

export class ClientTransaction implements TimerUser {
  /** Position in the pool. */
  readonly slot: number;
  state = CLIENT_FREE;
  /** METHOD_* of the request. */
  method = METHOD_NONE;
  /** Last status received, 0 before the first. */
  status = 0;
  user: ClientUser = NO_USER;
  /** Gets the request before it is sent; null: none. It is set while the request is written. */
  sealer: Sealer | null = null;
  /** The number in CSeq of an INVITE. */
  private cseq = 0;
  /** The next hop, set before `sendRequest`. After a 2xx it is that of the ACK. */
  readonly target = new Target();
  /** The flow by which the request was sent. */
  readonly flow = new Flow();
  readonly buffer: Uint8Array;
  /** The request is forwarded, so its responses have more Vias than ours. */
  isForwarded = false;
  /** The 64 bits of our branch behind the cookie, from `sendRequest` on. */
  branchHigh = 0;
  branchLow = 0;
  private readonly ackFlow = new Flow();
  /** Length of the buffer's content: the request, later the ACK. */
  private end = 0;
  /**
   * The To tag of the 2xx that the buffer's ACK is for is kept at the buffer's end, from ackTagStart on. There is an
   * ACK when ackEnd > 0.
   */
  private ackTagStart = 0;
  private ackEnd = 0;
  private isAckWaiting = false;
  /** BY_*: the way that the request went for its length. */
  private byway = BY_NONE;
  private readonly failover: Failover;
  /** The transaction may be ended when another request needs the place, even without an answer. */
  isExpendable = false;
  /** CANCEL_* */
  private cancelling = CANCEL_NONE;
  /** Header lines for the CANCEL. */
  private cancelLines: Uint8Array = NONE;
  private cause = 0;
  /** The time of the final response, ms. */
  private doneAtMs = 0;
  private intervalMs = 0;
  private readonly host: ClientHost;
  private readonly repeatTimer: number;

  /** @param buffer holds its requests; no other transaction uses it */
  constructor(host: ClientHost, slot: number, buffer: Uint8Array) {
    this.host = host;
    this.slot = slot;
    this.buffer = buffer;
    this.failover = new Failover(host);
    this.repeatTimer = host.timers.make(this, REPEAT);
    // It is made next, so it has the next number.
    host.timers.make(this, END);
  }

  /**
   * The writer with which the user writes the request, and later the ACK for a 2xx. There is one for all messages:
   * whoever begins a message ends the one that was being written, which then is not sent.
   */
  get writer(): Writer {
    return this.host.writer;
  }

  private get endTimer(): number {
    return this.repeatTimer + END;
  }

  /** The request went by TCP only because of its length, so UDP can still be tried. */
  private get isUpgraded(): boolean {
    return this.byway === BY_TCP || this.byway === BY_TCP_CONNECTED;
  }

  /** The message that is being written is ours. */
  private get isWriting(): boolean {
    return this.host.writer.bytes === this.buffer;
  }

  /** The next hop of the ACK that is being written. */
  get ackTarget(): Target {
    return this.isWriting ? this.target : this.host.scratchTarget;
  }

  /** Starts using an object that the pool lends. */
  open(user: ClientUser): void {
    this.user = user;
    this.sealer = null;
    this.state = CLIENT_IDLE;
    this.method = METHOD_NONE;
    this.status = 0;
    this.target.set(0, -1, 0, -1);
    if (this.isWriting) this.writer.ok = false;
    this.ackEnd = 0;
    this.isAckWaiting = false;
    this.isForwarded = false;
    this.byway = BY_NONE;
    this.isExpendable = false;
    this.failover.clear();
    this.cancelling = CANCEL_NONE;
    this.cause = 0;
  }

  /**
   * Begins the request with its first line and our Via. The branch is made when the rest is written. The caller goes on
   * with the writer: Route, Max-Forwards, From, To, … blank line, body.
   */
  beginRequest(method: number, uriBytes: Uint8Array, uriStart: number, uriEnd: number): Writer {
    this.method = method;
    const w = this.writer;
    w.begin(this.buffer, 0, this.buffer.length);
    writeRequestLine(w, method, uriBytes, uriStart, uriEnd);
    writeVia(w, this.host.transport, 0, 0);
    return w;
  }

  /**
   * Begins the forwarded request `m`: its method with another URI, and our Via. RFC 3261 §16.6
   * @param branchHigh the first half of the branch
   */
  forward(m: Message, uriBytes: Uint8Array, uriStart: number, uriEnd: number, branchHigh: number): Writer {
    this.method = m.method;
    this.isForwarded = true;
    this.branchHigh = branchHigh | 0;
    const w = this.writer;
    w.begin(this.buffer, 0, this.buffer.length);
    w.copy(m.bytes, m.methodStart, m.methodEnd);
    writeUriOfLine(w, uriBytes, uriStart, uriEnd);
    writeVia(w, this.host.transport, this.branchHigh, 0);
    return w;
  }

  /**
   * Sets the next hop. RFC 3263; `target.set` does it for a known flow.
   * @param back a connection that the other side opened (`aimBack`), -1 for none
   */
  aimRequest(uri: Uri, defaultTransport: number, back = -1): void {
    const { transport } = this.host;
    transport.aim(this.target, uri, defaultTransport);
    if (back >= 0) transport.aimBack(this.target, back);
  }

  /**
   * Sends the request, after looking up a name if need be.
   * @returns false when the request did not fit or was not allowed; then the transaction goes back to the pool, and no
   * user is called
   */
  sendRequest(): boolean {
    if (this.sealRequest()) return true;
    this.discard();
    return false;
  }

  /** Gives back a transaction that was taken but is not to be sent. */
  discard(): void {
    if (this.state !== CLIENT_IDLE) return;
    this.state = CLIENT_FREE;
    this.host.onClientDiscarded(this);
  }

  /** Removes the user; the transaction then ends by itself. An INVITE without a user is cancelled. */
  forget(): void {
    this.user = NO_USER;
    this.cancel();
  }

  /** Makes the branch of the request that was written, and begins to send it. @returns as `sendRequest` */
  private sealRequest(): boolean {
    const { writer } = this;
    if (this.state !== CLIENT_IDLE || !this.isWriting || !writer.ok) return false;
    this.end = writer.at;
    writer.ok = false;
    const { branches } = this.host;
    branches.makeBranch(this.buffer, this.end, this.isForwarded, this.branchHigh);
    this.branchHigh = branches.high;
    this.branchLow = branches.low;
    if (this.sealer !== null) this.sealer.onWritten(this.buffer, this.end);
    // An INVITE that we cannot read ourselves could be neither acknowledged nor cancelled.
    this.cseq = this.method === METHOD_INVITE ? readCSeq(this.buffer, this.end) : 0;
    if (this.cseq < 0) return false;
    this.state = CLIENT_RESOLVING;
    this.host.onClientStarted(this);
    this.host.timers.start(this.endTimer, TRANSACTION_T1 * this.host.limits.t1Ms);
    const { backups } = this.host.transport;
    const first = backups.findRoute(this.buffer, this.end);
    if (first >= 0) this.target.backup = first;
    this.locate();
    return true;
  }

  /** Continues if the transaction waited for a name. The layer calls this after each answer. */
  onNames(): void {
    if (this.state === CLIENT_RESOLVING) this.locate();
    else if (this.state === CLIENT_ACCEPTED && this.isAckWaiting) this.launchAck();
  }

  /** Takes the response `m`, which matches by branch and method. RFC 3261 §17.1.1.2, §17.1.2.2, RFC 6026 §7.2 */
  receive(m: Message): void {
    // A CSeq method that cannot be read counts as that of the request.
    m.cseqMethod = this.method;
    if (this.method === METHOD_INVITE) m.cseq = this.cseq;
    switch (this.state) {
      case CLIENT_CALLING:
      case CLIENT_PROCEEDING:
        this.status = m.status;
        if (m.status !== SERVICE_UNAVAILABLE)
          this.host.transport.outages.noteUp(this.flow.ip, this.flow.port, this.host.timers.nowMs);
        else if (this.goOnFromRefusal(m)) return;
        if (m.status < 200) this.proceed(m);
        else if (this.method !== METHOD_INVITE) this.complete(m);
        else if (m.status < 300) this.accept(m);
        else this.completeInvite(m);
        return;
      case CLIENT_COMPLETED:
        this.host.transport.counters.repeated += 1;
        if (this.method === METHOD_INVITE && m.status >= 300) this.repeatAck(this.flow);
        return;
      case CLIENT_ACCEPTED:
        if (m.status < 200 || m.status >= 300) return;
        if (this.isAcknowledged(m)) {
          this.host.transport.counters.repeated += 1;
          if (!this.isAckWaiting) this.repeatAck(this.ackFlow);
        } else this.user.onResponse(this, m);
        return;
      default:
    }
  }

  /**
   * Returns whether the response `m` with our branch is for this request or its CANCEL. A CSeq without a method counts
   * as that of one of them.
   */
  isFor(m: Message): boolean {
    return (
      this.method === m.cseqMethod ||
      (this.cancelling === CANCEL_SENT && m.cseqMethod === METHOD_CANCEL) ||
      isMethodUnknown(m)
    );
  }

  /**
   * Returns whether the response is for the CANCEL. If its CSeq has no method, a 2xx counts as the CANCEL's, since a
   * cancelled INVITE mostly ends with a refusal.
   */
  isOfCancel(m: Message): boolean {
    if (this.method === m.cseqMethod || this.cancelling !== CANCEL_SENT) return false;
    return m.cseqMethod === METHOD_CANCEL || (m.status >= 200 && m.status < 300);
  }

  /**
   * Takes the answer to the CANCEL, which stops the CANCEL's repetition. The INVITE ends with its own response or by
   * its timer. RFC 3261 §9.1
   */
  receiveOfCancel(m: Message): void {
    if (this.state === CLIENT_PROCEEDING && m.status >= 200) this.host.timers.stop(this.repeatTimer);
  }

  /**
   * Cancels the INVITE: at once when a 1xx has come, else as soon as one comes. After a final response nothing is sent.
   * A cancelled INVITE ends with its final response, mostly 487, or with FAILURE_TIMEOUT after 64*T1. RFC 3261 §9.1
   * @param lines header lines of the CANCEL, kept by reference
   */
  cancel(lines: Uint8Array = NONE): void {
    if (this.method !== METHOD_INVITE || this.cancelling !== CANCEL_NONE) return;
    this.cancelLines = lines;
    if (this.state === CLIENT_RESOLVING) this.failSoon(FAILURE_CANCELLED);
    else if (this.state === CLIENT_CALLING || this.state === CLIENT_PROCEEDING) this.cancelling = CANCEL_WANTED;
    if (this.state === CLIENT_PROCEEDING) this.sendCancel();
  }

  /**
   * Begins the ACK for the 2xx `m`, which came just now, with first line and a Via with a new branch. The ACK for the
   * first To tag is written over the INVITE (so the URI must not lie there) and kept; others go into octets that are
   * valid until `sendAck`. RFC 3261 §13.2.2.4
   */
  beginAck(m: Message, uriBytes: Uint8Array, uriStart: number, uriEnd: number): Writer {
    const isFirst = this.ackEnd === 0 || this.isAcknowledged(m);
    const bytes = isFirst ? this.buffer : this.host.scratch;
    if (isFirst) this.ackEnd = 0;
    const w = this.writer;
    w.begin(bytes, 0, bytes.length - (m.toTagEnd - m.toTagStart));
    if (this.state !== CLIENT_ACCEPTED || w.limit <= 0) w.ok = false;
    else if (isFirst) copyOctets(bytes, w.limit, m.bytes, m.toTagStart, m.toTagEnd);
    writeRequestLine(w, METHOD_ACK, uriBytes, uriStart, uriEnd);
    writeVia(w, this.host.transport, 0, 0);
    return w;
  }

  /** Sets the next hop of the ACK just begun. */
  aimAck(uri: Uri, defaultTransport: number): void {
    this.host.transport.aim(this.ackTarget, uri, defaultTransport);
  }

  /** Sends the ACK just written. The ACK for the first To tag is sent again for each repetition of its 2xx. */
  sendAck(): void {
    const w = this.writer;
    const isOurs = this.isWriting || w.bytes === this.host.scratch;
    if (this.state !== CLIENT_ACCEPTED || !isOurs || !w.ok) return;
    w.ok = false;
    this.host.branches.makeBranch(w.bytes, w.at, false);
    if (!this.isWriting) {
      // The ACK is for another fork. If the address of its next hop is not known yet, the 2xx comes again, and so does
      // the ACK.
      const other = this.host.scratchTarget;
      if (this.host.transport.locate(other) === FIND_KNOWN) this.sendAckTo(this.host.scratchFlow, other, w.bytes, w.at);
      return;
    }
    this.ackEnd = w.at;
    this.ackTagStart = w.limit;
    this.launchAck();
  }

  /**
   * Takes the end of a connection. A request without an answer fails or goes by UDP; after a 1xx the response may come
   * on another connection. RFC 3261 §18.2.2
   */
  onStreamGone(connection: number, hasSpoken: boolean): void {
    if (this.state === CLIENT_FREE) return;
    if (this.ackFlow.connection === connection) this.ackFlow.connection = -1;
    if (this.flow.connection !== connection) return;
    this.flow.connection = -1;
    if (this.state !== CLIENT_CALLING) return;
    if (!this.isUpgraded) this.goOnOrFail(FAILURE_TRANSPORT);
    else if (hasSpoken) this.fallBack(DETOUR_LOST);
    else this.fallBack(this.noteRefusal());
  }

  /**
   * Notes that a connection broke before anything came over it, unless another request has already found out more.
   * @returns REACH_*
   */
  private noteRefusal(): number {
    const { transport, timers } = this.host;
    const state = this.reachState();
    if (state > REACH_TCP) return state;
    transport.reach.noteReach(this.flow.ip, this.flow.port, REACH_REFUSED, timers.nowMs);
    return REACH_REFUSED;
  }

  /** Returns whether the request can be sent by that connection only. */
  needsStream(connection: number): boolean {
    return this.state !== CLIENT_FREE && this.flow.connection === connection && !this.isUpgraded;
  }

  /** Returns whether a response may come by that transport, which has to be the request's. RFC 3261 §17.1.3 */
  wentBy(transport: number): boolean {
    return this.flow.transport === transport || (this.byway === BY_BOTH && transport === TRANSPORT_TCP);
  }

  /**
   * @returns the time for which it still waits for repetitions only, ms; -1 when it is needed, or ended just now.
   * Farewells without an answer are the last to be ended early
   */
  spareMs(_isUrgent: boolean): number {
    const { timers, limits } = this.host;
    const leftMs = timers.remaining(this.endTimer);
    switch (this.state) {
      case CLIENT_CALLING:
        if (this.isExpendable) return leftMs;
        return this.isFarewell() && this.leftOfCallingMs() < (TRANSACTION_T1 - FAREWELL_T1) * limits.t1Ms
          ? LAST_MS + leftMs
          : -1;
      case CLIENT_ACCEPTED:
        if (this.isForwarded) return timers.nowMs > this.doneAtMs + 2 * limits.t1Ms ? leftMs : -1;
        // The user acknowledges a later 2xx from its dialog. RFC 3261 §13.2.2.4
        return this.ackEnd > 0 && !this.isAckWaiting && timers.nowMs > this.doneAtMs ? leftMs : -1;
      case CLIENT_COMPLETED:
        return timers.nowMs > this.doneAtMs ? leftMs : -1;
      default:
        return -1;
    }
  }

  /** Ends an expendable transaction without a call of its user's onFailure. */
  abort(): void {
    const { connection } = this.flow;
    this.host.timers.stop(this.endTimer);
    this.host.timers.stop(this.repeatTimer);
    this.state = CLIENT_FREE;
    this.user = NO_USER;
    this.host.onClientEnded(this);
    this.host.abandon(connection);
  }

  /** Ends a transaction early, because its place is needed. */
  retire(): void {
    this.host.timers.stop(this.endTimer);
    this.failover.isProbing = false;
    if (this.state === CLIENT_CALLING)
      this.cause = this.cancelling !== CANCEL_NONE || this.isExpendable ? FAILURE_CANCELLED : FAILURE_TIMEOUT;
    this.onTimer(END);
  }

  /** Returns whether the request is a farewell without an answer: a BYE, or an INVITE that was given up. */
  private isFarewell(): boolean {
    return this.method === METHOD_BYE || (this.method === METHOD_INVITE && this.cancelling !== CANCEL_NONE);
  }

  /** @returns ms until Timer B or F */
  private leftOfCallingMs(): number {
    const { isProbing, restMs } = this.failover;
    return this.host.timers.remaining(this.endTimer) + (isProbing ? restMs : 0);
  }

  onTimer(kind: number): void {
    if (kind === REPEAT) {
      this.onRepeat();
      return;
    }
    if (this.failover.isProbing && this.endProbing()) return;
    this.host.timers.stop(this.repeatTimer);
    // This is Timer B or F, or there is no final response after a CANCEL. RFC 3261 §17.1.1.2, §17.1.2.2, §9.1
    const isUnanswered = this.state === CLIENT_CALLING || this.state === CLIENT_PROCEEDING;
    // The request may have been too long for UDP, so the note about TCP there is removed.
    if (this.state === CLIENT_CALLING && this.isUnreliable() && this.end > DATAGRAM_MAX_BYTES)
      this.host.transport.reach.forget(this.flow.ip, this.flow.port);
    if (isUnanswered && this.cause === 0) {
      this.cause = FAILURE_TIMEOUT;
      this.host.watcher?.onGivenUp(this.method === METHOD_INVITE ? TIMER_B : TIMER_F, this.method);
    }
    const isSilent = this.state === CLIENT_CALLING && this.cause === FAILURE_TIMEOUT;
    if (isSilent && this.failover.endSilent(this.target, this.flow)) this.host.onServerFailed(this.flow, null, 0);
    if (this.state === CLIENT_RESOLVING) this.cause = FAILURE_RESOLVE;
    this.state = CLIENT_FAILING;
    if (this.cause !== 0) this.user.onFailure(this, this.cause);
    this.state = CLIENT_FREE;
    this.user.onTerminated(this);
    this.host.onClientEnded(this);
  }

  private onRepeat(): void {
    if (this.state === CLIENT_RESOLVING) {
      this.failover.isImpatient = true;
      this.locate();
      return;
    }
    if (this.isUpgraded) {
      this.onStreamTime();
      return;
    }
    const t2Ms = this.host.limits.t2Ms;
    // Timer A doubles without end. RFC 3261 §17.1.1.2
    if (this.method === METHOD_INVITE && this.cancelling !== CANCEL_SENT) this.intervalMs *= 2;
    // Timer E doubles up to T2, and is T2 in Proceeding. RFC 3261 §17.1.2.2
    else if (this.method !== METHOD_INVITE && this.state === CLIENT_PROCEEDING) this.intervalMs = t2Ms;
    else this.intervalMs = Math.min(this.intervalMs * 2, t2Ms);
    this.host.watcher?.onRepeat(this.method === METHOD_INVITE ? TIMER_A : TIMER_E, this.method);
    // If a repetition cannot be sent, the next one follows all the same, until Timer B or F ends them.
    this.host.transport.sendAgain(this.flow, this.buffer, 0, this.end);
    this.host.timers.start(this.repeatTimer, this.intervalMs);
  }

  /** The time ended within which the connection had to be established, or had to bring octets. */
  private onStreamTime(): void {
    const { timers, transport } = this.host;
    const { ip, port, connection } = this.flow;
    if (this.state !== CLIENT_CALLING) return;
    const isConnected = this.byway === BY_TCP_CONNECTED;
    if (!isConnected && transport.isConnected(connection)) {
      this.byway = BY_TCP_CONNECTED;
      timers.start(this.repeatTimer, SILENT_MS - CONNECT_MS);
      return;
    }
    const state = isConnected ? REACH_SILENT : REACH_LATE;
    transport.reach.noteReach(ip, port, state, timers.nowMs);
    // A request over an open connection may still be answered.
    this.fallBack(state, isConnected ? BY_BOTH : BY_NONE);
    if (!isConnected) this.host.abandon(connection);
  }

  private reachState(): number {
    return this.host.transport.reach.of(this.flow.ip, this.flow.port, this.host.timers.nowMs);
  }

  private locate(): void {
    const { timers } = this.host;
    const found = this.failover.locate(this.target);
    if (found === FIND_WAIT) {
      if (!this.failover.isImpatient && !timers.running(this.repeatTimer)) timers.start(this.repeatTimer, PATIENCE_MS);
      return;
    }
    timers.stop(this.repeatTimer);
    if (found === FIND_KNOWN) this.sendToTarget();
    else this.failSoon(FAILURE_RESOLVE);
  }

  /** Sends the request to the place that was found. */
  private sendToTarget(): void {
    const { target, flow } = this;
    const { transport } = this.host;
    this.failover.noteTried(target);
    if (target.backup > transport.backups.firstOf(target.backup) && !this.writeRoute(target.backup)) {
      this.failSoon(FAILURE_TRANSPORT);
      return;
    }
    const { end } = this;
    transport.take(flow, target);
    if (isTooLong(target, end)) {
      this.byway = transport.triesStream(flow) ? BY_TCP : BY_NONE;
      if (this.isUpgraded) flow.transport = TRANSPORT_TCP;
      transport.tellDetour(flow, this.isUpgraded ? DETOUR_LONG : DETOUR_KNOWN + this.reachState(), end);
    }
    this.launch();
  }

  /** Makes backup number `host` the first Route. @returns false when it does not fit */
  private writeRoute(host: number): boolean {
    const end = this.host.transport.backups.writeRoute(this.buffer, this.end, host);
    if (end > 0) this.end = end;
    return end > 0;
  }

  /**
   * Leaves the server: sends the request to the next place of its target, if there is one, as a new transaction.
   * @param isDown the server is noted as down @param waitS the time for which it asked to get no requests, s @param m
   * its refusal, null when nothing came
   */
  private goOn(isDown: boolean, waitS: number, m: Message | null): boolean {
    const { host, target, flow } = this;
    const { branches, scratchFlow } = host;
    const { backup } = target;
    if (this.cancelling !== CANCEL_NONE || !this.failover.leave(target, flow, isDown, waitS)) return false;
    if (m !== null && this.method === METHOD_INVITE) this.acknowledgeAside(m);
    scratchFlow.copy(flow);
    host.timers.stop(this.repeatTimer);
    this.byway = BY_NONE;
    this.status = 0;
    this.state = CLIENT_RESOLVING;
    const first = host.transport.backups.firstOf(backup);
    if (target.backup === first && backup > first && !this.writeRoute(first)) return false;
    branches.makeBranch(this.buffer, this.end, this.isForwarded, this.branchHigh);
    this.branchHigh = branches.high;
    this.branchLow = branches.low;
    host.onClientMoved(this);
    host.onServerFailed(scratchFlow, target, m === null ? 0 : m.status);
    this.sendToTarget();
    return true;
  }

  private goOnOrFail(cause: number): void {
    if (!this.goOn(true, 0, null)) this.failSoon(cause);
  }

  /**
   * Ends probing: the server was silent for so long that the next one has to be tried. If there is no other, the wait
   * for this one goes on.
   * @returns false when the transaction ends
   */
  private endProbing(): boolean {
    const { failover } = this;
    failover.isProbing = false;
    if (this.state !== CLIENT_CALLING || this.cause !== 0) return false;
    // A connection over which nothing comes is dead, though it was not closed.
    const { connection } = this.flow;
    if (!this.goOn(true, 0, null)) this.host.timers.start(this.endTimer, failover.restMs);
    else if (connection >= 0) this.host.abandon(connection);
    return true;
  }

  /**
   * Takes a 503, which another server may not give. The server counts as down if it names a time, or if the request is
   * not an INVITE. A 503 to an INVITE without a time may come from the called phone. RFC 3261 §21.5.4
   * @returns whether the request is under way to another server
   */
  private goOnFromRefusal(m: Message): boolean {
    if (this.cancelling === CANCEL_SENT) return false;
    const waitS = readRetryAfter(m);
    return this.goOn(this.method !== METHOD_INVITE || waitS > 0, waitS, m);
  }

  /** Acknowledges the refusal of a request that goes on to another server and therefore stays in the buffer. */
  private acknowledgeAside(m: Message): void {
    const { end } = this;
    this.acknowledge(m);
    copyOctets(this.buffer, 0, this.host.scratch, 0, end);
    this.end = end;
    this.ackEnd = 0;
  }

  private launch(): void {
    const end = stampVia(this.buffer, this.end, this.flow.transport, this.host.transport);
    if (end === 0) {
      this.failSoon(FAILURE_TRANSPORT);
      return;
    }
    this.end = end;
    this.transmit();
  }

  /** Sends the request and starts Timers B or F, over UDP also A or E. */
  private transmit(): void {
    const timers = this.host.timers;
    const limits = this.host.limits;
    this.state = CLIENT_CALLING;
    timers.start(this.endTimer, this.failover.startWaiting(this.target));
    if (!this.host.transport.send(this.flow, this.buffer, 0, this.end)) {
      if (this.isUpgraded) this.fallBack(DETOUR_NONE);
      else this.goOnOrFail(FAILURE_TRANSPORT);
      return;
    }
    if (this.isUpgraded && this.host.transport.knowsConnected) timers.start(this.repeatTimer, CONNECT_MS);
    if (!this.isUnreliable()) return;
    this.intervalMs = limits.t1Ms;
    timers.start(this.repeatTimer, this.intervalMs);
  }

  /** Sends the request by UDP after TCP, tried for the length alone, failed. RFC 3261 §18.1.1 @param why DETOUR_* */
  private fallBack(why: number, byway = BY_NONE): void {
    this.byway = byway;
    this.flow.set(TRANSPORT_UDP, this.flow.ip, this.flow.port, -1);
    this.host.transport.tellDetour(this.flow, why, this.end);
    this.launch();
  }

  private proceed(m: Message): void {
    if (this.isUpgraded) this.host.timers.stop(this.repeatTimer);
    this.state = CLIENT_PROCEEDING;
    if (this.failover.isProbing) {
      this.failover.isProbing = false;
      this.host.timers.start(this.endTimer, this.failover.restMs);
    }
    if (this.method === METHOD_INVITE && this.cancelling !== CANCEL_SENT) {
      this.host.timers.stop(this.repeatTimer);
      this.host.timers.stop(this.endTimer);
      if (this.cancelling !== CANCEL_NONE) this.sendCancel();
    }
    this.user.onResponse(this, m);
  }

  /** Enters Completed with Timer K. */
  private complete(m: Message): void {
    this.finish(CLIENT_COMPLETED, this.isUnreliable() ? this.host.limits.t4Ms : 0);
    this.user.onResponse(this, m);
  }

  /** Enters Completed with Timer D, and sends the ACK. */
  private completeInvite(m: Message): void {
    const d = Math.max(TIMER_D_MS, TRANSACTION_T1 * this.host.limits.t1Ms);
    this.finish(CLIENT_COMPLETED, this.isUnreliable() ? d : 0);
    this.acknowledge(m);
    this.user.onResponse(this, m);
  }

  /** Enters Accepted with Timer M. */
  private accept(m: Message): void {
    this.finish(CLIENT_ACCEPTED, TRANSACTION_T1 * this.host.limits.t1Ms);
    this.user.onResponse(this, m);
  }

  private finish(state: number, delayMs: number): void {
    this.state = state;
    this.failover.isProbing = false;
    this.doneAtMs = this.host.timers.nowMs;
    this.host.timers.stop(this.repeatTimer);
    this.host.timers.start(this.endTimer, delayMs);
  }

  private failSoon(cause: number): void {
    this.cause = cause;
    this.finish(CLIENT_FAILING, 0);
  }

  /**
   * Sends the ACK for a response other than 2xx. It takes the request's place and goes where the request went. RFC 3261
   * §17.1.1.3
   */
  private acknowledge(m: Message): void {
    const { scratch } = this.host;
    this.ackEnd = 0;
    const w = this.writer;
    copyOctets(scratch, 0, this.buffer, 0, this.end);
    w.begin(this.buffer, 0, this.buffer.length);
    writeOfInvite(w, METHOD_ACK, scratch, m);
    if (!w.ok) return;
    this.end = w.at;
    this.ackEnd = w.at;
    this.host.transport.send(this.flow, this.buffer, 0, this.end);
  }

  private repeatAck(flow: Flow): void {
    if (this.ackEnd === 0) return;
    const { transport } = this.host;
    // A repeated 2xx says that its ACK has not arrived: the ACK may still wait for a connection.
    const isWaiting = flow === this.ackFlow && flow.transport !== this.target.transport;
    if (isWaiting && !transport.isConnected(flow.connection)) {
      const { connection } = flow;
      this.ackEnd = sendByDatagram(transport, flow, this.buffer, this.ackEnd);
      this.host.abandon(connection);
    } else transport.sendAgain(flow, this.buffer, 0, this.ackEnd);
  }

  private isAcknowledged(m: Message): boolean {
    return (
      this.ackEnd > 0 && equal(this.buffer, this.ackTagStart, this.buffer.length, m.bytes, m.toTagStart, m.toTagEnd)
    );
  }

  private launchAck(): void {
    const found = this.host.transport.locate(this.target);
    this.isAckWaiting = found === FIND_WAIT;
    if (found !== FIND_KNOWN) return;
    this.ackEnd = this.sendAckTo(this.ackFlow, this.target, this.buffer, this.ackEnd);
  }

  /** Sends an ACK. @returns the ACK's length, which the Via may change */
  private sendAckTo(flow: Flow, target: Target, bytes: Uint8Array, end: number): number {
    return sendOnce(this.host.transport, flow, target, bytes, end);
  }

  /**
   * Sends the CANCEL with the branch of the INVITE and to the same place. From now on a timer ends the INVITE, even if
   * the CANCEL gets no answer. RFC 3261 §9.1
   */
  private sendCancel(): void {
    const { timers, limits, transport, scratch } = this.host;
    this.cancelling = CANCEL_SENT;
    timers.start(this.endTimer, TRANSACTION_T1 * limits.t1Ms);
    copyOctets(scratch, 0, this.buffer, 0, this.end);
    if (!this.writeCancel(this.cancelLines) && !this.writeCancel(NONE)) {
      // The INVITE is still needed for its ACK.
      copyOctets(this.buffer, 0, scratch, 0, this.end);
      return;
    }
    this.end = this.writer.at;
    transport.send(this.flow, this.buffer, 0, this.end);
    if (!this.isUnreliable()) return;
    this.intervalMs = limits.t1Ms;
    timers.start(this.repeatTimer, this.intervalMs);
  }

  /** @returns false when it does not fit */
  private writeCancel(lines: Uint8Array): boolean {
    const w = this.writer;
    w.begin(this.buffer, 0, this.buffer.length);
    writeOfInvite(w, METHOD_CANCEL, this.host.scratch, null, lines);
    const { ok } = w;
    w.ok = false;
    return ok;
  }

  private isUnreliable(): boolean {
    return this.flow.transport === TRANSPORT_UDP;
  }
}

/** Returns whether CSeq has no method, or an unknown one. */
function isMethodUnknown(m: Message): boolean {
  return m.cseqMethod === METHOD_NONE || m.cseqMethod === METHOD_OTHER;
}
