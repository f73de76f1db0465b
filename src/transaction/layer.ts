/**
 * The transaction layer owns the transactions, gives each received message to its transaction, and answers by itself if
 * no user is needed: malformed requests, CANCEL, a full pool. RFC 3261 §17, §18, RFC 6026. The constructor makes all
 * objects; no packet makes any. Users are called from the receive functions and from timers only.
 * Not here: the machines themselves (client.ts, server.ts), dialogs, and the meaning of requests.
 */

import type { Place } from "../core/address.js";
import { float64Array, octetArrays } from "../core/arrays.js";
import { hash, NONE } from "../core/bytes.js";
import { Pool } from "../core/pool.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import { Message, PARSE_DROP, PARSE_OK, PROBLEM_BODY, PROBLEM_LENGTH } from "../wire/message.js";
import {
  HEADER_VIA,
  METHOD_ACK,
  METHOD_CANCEL,
  METHOD_INVITE,
  TRANSPORT_TCP,
  TRANSPORT_TLS,
  TRANSPORT_UDP,
} from "../wire/names.js";
import type { StreamFramer } from "../wire/stream.js";
import { isBindingRequest, STUN_ANSWER_BYTES, writeBindingAnswer } from "../wire/stun.js";
import type { Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import { Answers } from "./answer.js";
import { BRANCH_BYTES, Branches, COOKIE_BYTES } from "./branch.js";
import { CLIENT_IDLE, CLIENT_TIMERS, type ClientHost, ClientTransaction, type ClientUser } from "./client.js";
import { Flow, Target } from "./flow.js";
import type { Network } from "./network.js";
import type { Outside } from "./outside.js";
import type { RelayedRows } from "./relay.js";
import { sendOnce, writeRequestLine, writeVia } from "./request.js";
import { FIND_KNOWN, KEEP_USUAL_S } from "./resolver.js";
import {
  SERVER_ACCEPTED,
  SERVER_FREE,
  SERVER_PROCEEDING,
  SERVER_TIMERS,
  SERVER_TRYING,
  type ServerHost,
  type ServerOwner,
  ServerTransaction,
  serverKey,
} from "./server.js";
import { readHex32, SlotIndex } from "./slots.js";
import {
  SIP_PORT,
  type Stream,
  type StreamUser,
  type TransactionCounters,
  type TransactionLimits,
  Transport,
} from "./transport.js";
import { TIMER_2XX, type TimerWatcher } from "./watcher.js";

/** The user of the layer, for requests that come. `m` and `source` are lent for the call. */
export interface TransactionUser {
  /** A new request came, never ACK or CANCEL. An INVITE that is not answered before this returns is answered 100. */
  onRequest(t: ServerTransaction, m: Message): void;
  /** An ACK for a 2xx came; no other ACK gets here. RFC 3261 §13.3.1.4 */
  onAck(m: Message, source: Flow): void;
  /** A CANCEL came for the INVITE of `t`, which has no final response. The CANCEL itself was answered. RFC 3261 §9.2 */
  onCancel(t: ServerTransaction, m: Message): void;
  /** Our 2xx was not acknowledged in 64*T1; the transaction ends. RFC 3261 §13.3.1.4 */
  onAckTimeout(t: ServerTransaction): void;
  /**
   * Returns whether the request belongs to a known dialog. This is called when transactions run short, since some are
   * kept for such requests.
   */
  isInDialog?(m: Message): boolean;
  /**
   * A request of a known dialog came, but there is no transaction left.
   * @returns the status of the answer, if the request ended something; 0: nothing was done
   */
  onCrowded?(m: Message): number;
  /**
   * The layer refused a request without a transaction, since it is malformed or too long, or no transaction is free.
   * Any field of `m` may be missing.
   */
  onTurnedAway?(m: Message, source: Flow, status: number): void;
  /**
   * A 2xx came to an INVITE whose transaction made room for others. The user acknowledges it again if it belongs to a
   * dialog of ours. RFC 3261 §13.2.2.4
   */
  onLateAnswer?(m: Message): void;
  /** A connection by TLS was closed, which the other side cannot open again. */
  onSecureGone?(connection: number): void;
  /**
   * A request of ours goes on to another server, because the one before did not answer or had a fault of its own.
   * @param to null: the last server did not answer either @param status of the refusal, 0 when nothing came
   */
  onServerFailed?(from: Flow, to: Flow | null, status: number): void;
}

/** The number of the SIP socket for `BindingUser`; the sockets of the lines count from 0. */
export const SIP_SOCKET = -1;

/** Receives the answers to our STUN requests. */
export interface BindingUser {
  /** @param socket SIP_SOCKET, or the line @returns whether the datagram was STUN, so that the layer ignores it */
  onBinding(socket: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean;
}

/** Keeps the flow by which we are registered. RFC 5626 */
export interface FlowKeeper extends BindingUser {
  /** The server reaches us by the flow of our REGISTER. */
  readonly isGranted: boolean;
  /** Octets came over a connection. */
  onHeard(connection: number): void;
  /** A connection is over. */
  onGone(connection: number): void;
}

/** Handles messages without transactions. `m` and `source` are lent for the call. */
export interface Bypass {
  /** @returns false for a request that needs a transaction after all */
  onRequest(m: Message, source: Flow): boolean;
  /** @returns false for a response that may belong to a transaction */
  onResponse(m: Message, source: Flow): boolean;
}

const NO_PLACES: readonly Place[] = [];
/** Number of transactions that are compared one by one, without an index. */
const FEW = 4;
/** Number of addresses kept that are known to receive messages sent to them. */
const PROVEN = 16;

/**
 * @returns the number of server transactions that are kept for requests of known dialogs, so that other requests cannot
 * prevent the end of a call
 */
function reserveOf(servers: number): number {
  return servers < 3 ? 0 : Math.max(1, servers >> 3);
}

/** @returns the number of timers that the layer makes with these limits */
export function transactionTimers(limits: Pick<TransactionLimits, "clients" | "servers">): number {
  return CLIENT_TIMERS * limits.clients + SERVER_TIMERS * limits.servers;
}

export interface LayerParts {
  /** It has room for `transactionTimers(limits)` more timers. */
  timers: Timers;
  random: RandomSource;
  network: Network;
  limits: TransactionLimits;
}

export class TransactionLayer implements ClientHost, ServerHost, StreamUser {
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly limits: TransactionLimits;
  readonly transport: Transport;
  readonly branches: Branches;
  readonly counters: TransactionCounters;
  readonly scratch: Uint8Array;
  /** Writes all messages, one after the other. */
  readonly writer = new Writer();
  readonly scratchTarget = new Target();
  readonly scratchFlow = new Flow();
  readonly clients: Pool<ClientTransaction>;
  readonly servers: Pool<ServerTransaction>;
  /** Gets each message first; null: there is none. */
  bypass: Bypass | null = null;
  /** Changes fields of forwarded responses; null: they stay unchanged. */
  relayedRows: RelayedRows | null = null;
  /** Our addresses as they are seen from outside; null: none is known. */
  outside: Outside | null = null;
  /** Our address as the server of the second account sees it; null: there is none, or it sees our own. */
  secondOutside: Outside | null = null;
  /** Gets datagrams that may be STUN; null: there is no such user. */
  bindings: BindingUser | null = null;
  /** Keeps the flow of our registration; null: nobody does. */
  flows: FlowKeeper | null = null;
  /**
   * A server has to answer a STUN Binding request, by which a client behind a NAT keeps its port open. RFC 5626 §5.4,
   * §8
   */
  answersBindings = false;
  /** Gets each repetition and each timeout, for diagnosis; null: there is none. */
  watcher: TimerWatcher | null = null;
  /** Gets the requests. A user in between replaces it at start. */
  user: TransactionUser;
  private readonly message: Message;
  private readonly source = new Flow();
  private readonly answers: Answers;
  /** They find transactions by branch; null in a pool of a few, where a loop is enough. */
  private readonly clientIndex: SlotIndex | null;
  private readonly serverIndex: SlotIndex | null;
  /** Finds requests by Call-ID and CSeq, whichever way they came; null in a small pool, where a loop is enough. */
  private readonly requestIndex: SlotIndex | null;
  private readonly reserve: number;
  /** Addresses that have sent a value known only to a receiver of our messages. The oldest one makes room. */
  private readonly proven = float64Array(PROVEN).fill(-1);
  private provenAt = 0;
  /** Index at which the last search for a transaction to end early stopped. */
  private hand = -1;

  constructor(parts: LayerParts, user: TransactionUser) {
    const { timers, random, network, limits } = parts;
    this.timers = timers;
    this.random = random;
    this.user = user;
    this.limits = limits;
    this.reserve = reserveOf(limits.servers);
    this.transport = new Transport(timers, network, this, limits);
    this.branches = new Branches(random);
    this.counters = this.transport.counters;
    this.message = new Message(limits.headerRows);
    const buffers = octetArrays(limits.clients + limits.servers + 1, limits.transactionBytes);
    this.scratch = buffers[limits.clients + limits.servers];
    this.answers = new Answers(this.transport, random, this.scratch, this.writer);
    const clients: ClientTransaction[] = [];
    for (let i = 0; i < limits.clients; i++) clients.push(new ClientTransaction(this, i, buffers[i]));
    this.clients = new Pool(clients);
    this.clientIndex = limits.clients > FEW ? new SlotIndex(limits.clients) : null;
    const servers: ServerTransaction[] = [];
    for (let i = 0; i < limits.servers; i++) servers.push(new ServerTransaction(this, i, buffers[limits.clients + i]));
    this.servers = new Pool(servers);
    this.serverIndex = limits.servers > FEW ? new SlotIndex(limits.servers) : null;
    this.requestIndex = limits.servers > WINDOW ? new SlotIndex(limits.servers) : null;
  }

  /** Sets the address in our Via. It may change at any time; requests under way keep theirs. */
  setLocal(ip: number, udpPort: number, tcpPort: number): void {
    // The routes to the servers differ in another network.
    if (ip !== this.transport.localIp) {
      this.transport.reach.clear();
      this.transport.outages.clear();
      this.outside?.forget();
      this.secondOutside?.forget();
    }
    this.transport.localIp = ip;
    this.transport.udpPort = udpPort;
    this.transport.tcpPort = tcpPort;
  }

  get localIp(): number {
    return this.transport.localIp;
  }

  get udpPort(): number {
    return this.transport.udpPort;
  }

  get tcpPort(): number {
    return this.transport.tcpPort;
  }

  /**
   * Returns whether a URI with that address means us, by our own address or one seen from outside. @param port -1: the
   * usual one
   */
  isOwn(ip: number, port: number): boolean {
    const { localIp, udpPort, tcpPort } = this.transport;
    const tlsPort = this.transport.ownPort(TRANSPORT_TLS);
    const asked = port < 0 ? SIP_PORT : port;
    if (ip === localIp && ip >= 0) return asked === udpPort || asked === tcpPort || asked === tlsPort;
    return this.outside?.isOurs(ip, asked) === true || this.secondOutside?.isOurs(ip, asked) === true;
  }

  /** Returns whether any peer may see us at another address than our own. */
  get hasOutside(): boolean {
    return this.outside !== null || this.secondOutside !== null;
  }

  /** @param peerIp -1: not known @returns our addresses for that peer as it sees them; null: it gets our own */
  outsideFor(peerIp: number): Outside | null {
    const { outside, secondOutside } = this;
    if (secondOutside?.isSeenBy(peerIp)) return secondOutside;
    return outside?.isFor(peerIp) ? outside : null;
  }

  /** @returns the address of a target if it is known without a look-up, else -1 */
  knownIp(target: Target): number {
    return target.ip >= 0 ? target.ip : this.transport.resolver.knownIp(target);
  }

  /** Does the same as `knownIp` for the host of a URI. */
  knownIpOf(uri: Uri, defaultTransport: number): number {
    this.transport.aim(this.scratchTarget, uri, defaultTransport);
    return this.knownIp(this.scratchTarget);
  }

  /**
   * Looks up the names of all hosts of our own server, so that a call from any of them is recognised as the server's.
   */
  lookUpBackups(): void {
    const { transport, scratchTarget } = this;
    for (let i = 0; i < transport.backups.count; i++) {
      transport.aim(scratchTarget, transport.backups.uris[i], transport.backups.transportOf(i));
      if (scratchTarget.nameSize > 0) transport.resolver.findAddress(scratchTarget, 0, null, false);
    }
  }

  /**
   * Returns whether a host of our own server is at that address, even if no request went there yet.
   * @param port -1: whatever the port @param isSecond the server of the second account
   */
  isBackupAt(ip: number, port: number, isSecond = false): boolean {
    const { transport, scratchTarget } = this;
    const { count, second } = transport.backups;
    if (ip < 0) return false;
    const end = isSecond ? count : second;
    for (let i = isSecond ? second : 0; i < end; i++) {
      transport.aim(scratchTarget, transport.backups.uris[i], transport.backups.transportOf(i));
      if (transport.resolver.hasPlace(scratchTarget, ip, port)) return true;
    }
    return false;
  }

  /** Returns whether the current message came from the place to which a request went by `flow`. */
  isFrom(flow: Flow): boolean {
    const { source } = this;
    if (source.transport !== TRANSPORT_UDP) return source.connection === flow.connection;
    return source.ip === flow.ip && source.port === flow.port;
  }

  // Messages that come.

  /** Takes a datagram, whose octets are lent for the call. @param isCut it was longer than the driver could take */
  receiveDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number, isCut = false): void {
    if (isKeepAlive(bytes, start, end)) {
      this.counters.keepAlives += 1;
      return;
    }
    if (
      this.flows?.onBinding(SIP_SOCKET, ip, port, bytes, start, end) ||
      this.bindings?.onBinding(SIP_SOCKET, ip, port, bytes, start, end)
    ) {
      this.counters.keepAlives += 1;
      return;
    }
    if (this.answersBindings && bytes[start] === 0 && isBindingRequest(bytes, start, end)) {
      this.counters.keepAlives += 1;
      writeBindingAnswer(this.scratch, bytes, start, ip, port);
      this.transport.sendBare(ip, port, this.scratch, STUN_ANSWER_BYTES);
      return;
    }
    this.source.set(TRANSPORT_UDP, ip, port, -1);
    if (isCut) this.receiveLong(this.message.parse(bytes, start, end, false));
    else this.receive(bytes, start, end, false);
  }

  /** Takes a connection that was opened to us. @returns false when there is no room, and the driver closes it */
  streamOpened(connection: number, ip: number, port: number, isTls = false): boolean {
    if (this.transport.track(connection, ip, port, isTls) !== null) return true;
    this.counters.refused += 1;
    return false;
  }

  /** Takes the next octets of a TCP or TLS connection; they are lent for the call. RFC 3261 §18.3 */
  receiveStream(connection: number, bytes: Uint8Array, start: number, end: number): void {
    this.transport.receive(connection, bytes, start, end);
  }

  /** Takes the end of a connection, or the failure to open it. */
  streamClosed(connection: number): void {
    if (!this.transport.forget(connection)) this.onStreamGone(connection, false);
  }

  /**
   * Takes the driver's answer to `Network.resolve`: the place to try first.
   * @param others the places to try after it, in that order @param ttlS the time for which the answer is valid
   */
  resolved(id: number, ip: number, port: number, others: readonly Place[] = NO_PLACES, ttlS = KEEP_USUAL_S): void {
    if (this.transport.resolver.resolved(id, ip, port, others, ttlS)) this.onNames();
  }

  /** Takes the driver's answer that there is no such name. */
  unresolved(id: number): void {
    if (!this.transport.resolver.unresolved(id)) return;
    this.onNames();
    this.transport.resolver.forgetFailed();
  }

  // Requests that we send.

  /** @returns a transaction to write a request into, null when all are in use */
  client(user: ClientUser): ClientTransaction | null {
    const t = this.takeClient();
    if (t === null) this.counters.refused += 1;
    else t.open(user);
    return t;
  }

  /** Removes `who` from all transactions, so that it gets neither responses nor the end of a server transaction. */
  disown(who: ClientUser | ServerOwner): void {
    for (let i = 0; i < this.clients.items.length; i++) {
      if (this.clients.items[i].user === who) this.clients.items[i].forget();
    }
    for (let i = 0; i < this.servers.items.length; i++) {
      if (this.servers.items[i].owner === who) this.servers.items[i].owner = null;
    }
  }

  // Requests that no transaction repeats.

  /**
   * Begins a request with first line and Via, in octets that are valid until `sendOnce`. The caller goes on with the
   * writer.
   */
  beginOnce(method: number, uriBytes: Uint8Array, uriStart: number, uriEnd: number): Writer {
    const w = this.writer;
    w.begin(this.scratch, 0, this.scratch.length);
    writeRequestLine(w, method, uriBytes, uriStart, uriEnd);
    writeVia(w, this.transport, 0, 0);
    return w;
  }

  /** Sets the next hop of the request just begun. */
  onceTargetUri(uri: Uri, defaultTransport: number, back: number): void {
    this.transport.aim(this.scratchTarget, uri, defaultTransport);
    if (back >= 0) this.transport.aimBack(this.scratchTarget, back);
  }

  /**
   * Sends the request just begun.
   * @returns false when it did not fit, could not be sent, or its next hop's address is not known yet
   */
  sendOnce(): boolean {
    const { transport, writer: w, scratchTarget: target } = this;
    const isReady = w.ok && transport.locate(target) === FIND_KNOWN;
    w.ok = false;
    if (isReady) this.branches.makeBranch(this.scratch, w.at, false);
    return isReady && sendOnce(transport, this.scratchFlow, target, this.scratch, w.at) > 0;
  }

  /** Returns whether the new request of `t` also came by another way, which is answered by 482. RFC 3261 §8.2.2.2 */
  isMerged(t: ServerTransaction, m: Message): boolean {
    if (t.hasToTag) return false;
    const all = this.servers.items;
    const index = this.requestIndex;
    if (index === null) {
      for (let i = 0; i < all.length; i++) if (all[i] !== t && all[i].isMergedWith(m)) return true;
      return false;
    }
    for (let slot = index.first(requestKey(m)); slot >= 0; slot = index.next(slot))
      if (all[slot] !== t && all[slot].isMergedWith(m)) return true;
    return false;
  }

  // Answers without a transaction: the transaction was dropped, so that a stranger gets one message for each one sent.
  // RFC 3261 §26.3.2.4

  /**
   * Begins an answer with all fields up to CSeq. The caller goes on with the writer, and calls `sendAnswer` before
   * anything else.
   * @param source where `m` came from
   */
  answer(m: Message, source: Flow, status: number, reason: Uint8Array = NONE): Writer {
    return this.answers.beginAnswer(m, source, status, reason);
  }

  /** Sends the answer just begun. The layer recognises the answer's ACK by the To tag and drops it. */
  sendAnswer(): void {
    this.answers.sendAnswer();
  }

  /**
   * Notes that an address receives our messages, because a response to a request of ours came from there, or a request
   * with a tag of ours.
   */
  prove(ip: number): void {
    if (this.isProven(ip)) return;
    this.proven[this.provenAt] = ip;
    this.provenAt = (this.provenAt + 1) % PROVEN;
  }

  isProven(ip: number): boolean {
    return this.proven.indexOf(ip) >= 0;
  }

  // Functions for the transactions.

  /**
   * @returns a free transaction, else one that waits for repetitions only and has little time left. A repeated response
   * without an answer does less harm than a BYE that is never sent
   */
  private takeClient(): ClientTransaction | null {
    const all = this.clients.items;
    for (let t = this.clients.take(); ; t = this.clients.take()) {
      if (t === null) this.hand = sparest(all, this.hand, false);
      if (t !== null || this.hand < 0) return t;
      all[this.hand].retire();
    }
  }

  /**
   * Does the same as `takeClient` for a received request. Requests of a known dialog may take the transactions that are
   * kept for them.
   */
  private takeServer(): ServerTransaction | null {
    const { servers, user } = this;
    const reserve = user.isInDialog === undefined ? 0 : this.reserve;
    if (servers.items.length - servers.used() > reserve) return servers.take();
    // Some transactions over TCP may have ended and wait for the next run of the timers.
    this.timers.poll(this.timers.nowMs);
    if (servers.items.length - servers.used() > reserve) return servers.take();
    this.hand = sparest(servers.items, this.hand, false);
    if (this.hand < 0 && user.isInDialog?.(this.message)) {
      if (servers.used() < servers.items.length) return servers.take();
      this.hand = sparest(servers.items, this.hand, true);
    }
    if (this.hand < 0) return null;
    servers.items[this.hand].retire();
    return servers.take();
  }

  onClientStarted(t: ClientTransaction): void {
    this.clientIndex?.add(t.slot, t.branchLow);
  }

  onClientDiscarded(t: ClientTransaction): void {
    this.clients.give(t);
  }

  onClientMoved(t: ClientTransaction): void {
    this.clientIndex?.remove(t.slot);
    this.clientIndex?.add(t.slot, t.branchLow);
  }

  onServerFailed(from: Flow, to: Flow | null, status: number): void {
    this.user.onServerFailed?.(from, to, status);
  }

  onClientEnded(t: ClientTransaction): void {
    this.clientIndex?.remove(t.slot);
    this.clients.give(t);
  }

  onUnacknowledged(t: ServerTransaction): void {
    this.watcher?.onGivenUp(TIMER_2XX, t.method);
    this.user.onAckTimeout(t);
  }

  onServerEnded(t: ServerTransaction): void {
    this.serverIndex?.remove(t.slot);
    this.requestIndex?.remove(t.slot);
    this.servers.give(t);
  }

  onStreamMessage(stream: Stream, isBroken: boolean): void {
    const framer = stream.framer;
    this.source.set(stream.isTls ? TRANSPORT_TLS : TRANSPORT_TCP, stream.ip, stream.port, stream.connection);
    if (!isBroken) this.receive(framer.bytes, framer.start, framer.end, true);
    else if (framer.end > framer.start) this.receiveBroken(framer);
    else {
      this.counters.received += 1;
      this.counters.malformed += 1;
      this.counters.dropped += 1;
    }
  }

  onStreamHeard(connection: number): void {
    this.flows?.onHeard(connection);
  }

  onStreamGone(connection: number, hasSpoken: boolean, isTls = false): void {
    this.flows?.onGone(connection);
    if (isTls) this.user.onSecureGone?.(connection);
    const clients = this.clients.items;
    for (let i = 0; i < clients.length; i++) clients[i].onStreamGone(connection, hasSpoken);
    const servers = this.servers.items;
    for (let i = 0; i < servers.length; i++) servers[i].onStreamGone(connection);
  }

  /** Gives up a connection that was not established in time, unless a transaction can use no other. */
  abandon(connection: number): void {
    if (connection < 0) return;
    const clients = this.clients.items;
    for (let i = 0; i < clients.length; i++) if (clients[i].needsStream(connection)) return;
    const servers = this.servers.items;
    for (let i = 0; i < servers.length; i++) if (servers[i].needsStream(connection)) return;
    this.transport.closeConnection(connection, true);
  }

  private onNames(): void {
    const clients = this.clients.items;
    for (let i = 0; i < clients.length; i++) clients[i].onNames();
  }

  /** Takes one message from `source`. */
  private receive(bytes: Uint8Array, start: number, end: number, isStream: boolean): void {
    const m = this.message;
    const { tap } = this.transport;
    if (tap !== null) tap.onMessage(false, this.source, bytes, start, end);
    const result = m.parse(bytes, start, end, isStream);
    this.counters.received += 1;
    if (result === PARSE_OK) this.deliver();
    else if (m.isAnswer) this.deliverOdd();
    else this.refuse(result);
  }

  /** Takes a malformed response, which still counts as the answer to its request. */
  private deliverOdd(): void {
    this.counters.malformed += 1;
    this.deliver();
  }

  /** Gives the message to its transaction or user. */
  private deliver(): void {
    const m = this.message;
    if (this.bypass !== null && this.isPassedBy(this.bypass)) return;
    if (!m.isRequest) this.receiveResponse();
    else if (m.method === METHOD_ACK) this.receiveAck();
    else this.receiveRequest();
  }

  private isPassedBy(bypass: Bypass): boolean {
    const m = this.message;
    if (!m.isRequest) return bypass.onResponse(m, this.source);
    if (m.method === METHOD_ACK && this.answers.isAcknowledged(m)) return true;
    return bypass.onRequest(m, this.source);
  }

  /** Takes the head of a message whose rest is missing in the stream. */
  private receiveBroken(framer: StreamFramer): void {
    const result = this.message.parse(framer.bytes, framer.start, framer.end, true);
    if (framer.tooLarge) this.receiveLong(result);
    else {
      const m = this.message;
      this.counters.received += 1;
      m.bodyEnd = m.end = m.bodyStart;
      if (m.isAnswer) this.deliverOdd();
      else this.refuse(result);
    }
  }

  /**
   * Takes a message that was too long to be received whole. A request is refused by 513. A response and an ACK count
   * without their body, or the transaction that they end would never end.
   * @param result of the parser for the octets there are
   */
  private receiveLong(result: number): void {
    const m = this.message;
    this.counters.received += 1;
    const isOdd = result !== PARSE_OK && m.problem !== PROBLEM_BODY && m.problem !== PROBLEM_LENGTH;
    if (!m.isRequest && m.isAnswer) {
      m.bodyEnd = m.end = m.bodyStart;
      if (isOdd) this.deliverOdd();
      else this.deliver();
    } else if (!m.canAnswer) this.refuse(PARSE_DROP);
    else if (m.isRequest && m.method !== METHOD_ACK) this.refuse(513);
    else if (isOdd) this.refuse(PARSE_DROP);
    else {
      m.bodyEnd = m.end = m.bodyStart;
      this.deliver();
    }
  }

  /** Refuses a malformed message. A request is answered with the status for the parser's result, if possible. */
  private refuse(status: number): void {
    const m = this.message;
    this.counters.malformed += 1;
    // An answer needs a Via to be sent to.
    if (status <= 0 || m.viaEnd === m.viaStart) {
      this.counters.dropped += 1;
      return;
    }
    this.answers.beginAnswer(m, this.source, status, status === 400 ? m.problemText() : NONE).put(EMPTY_BODY);
    this.answers.sendAnswer();
    this.user.onTurnedAway?.(m, this.source, status);
  }

  /**
   * Finds the transaction of a response by our branch, the method in CSeq and the transport of the request. The rest of
   * the response may be malformed, since its request is answered all the same. RFC 3261 §17.1.3
   */
  private receiveResponse(): void {
    const m = this.message;
    const t = this.findClient();
    if (t !== null && t.wentBy(this.source.transport)) {
      this.prove(this.source.ip);
      if (this.source.transport === TRANSPORT_TCP) this.transport.noteResponse(this.source.connection);
      if (t.isOfCancel(m)) t.receiveOfCancel(m);
      else t.receive(m);
      return;
    }
    this.counters.stray += 1;
    if (t === null && m.cseqMethod === METHOD_INVITE && m.status >= 200 && m.status < 300 && this.user.onLateAnswer)
      this.user.onLateAnswer(m);
    else this.counters.dropped += 1;
  }

  private receiveRequest(): void {
    const m = this.message;
    const key = serverKey(m);
    const known = this.findServer(key, m.method);
    if (known !== null) {
      this.counters.repeated += 1;
      known.repeat();
      return;
    }
    if (m.method === METHOD_CANCEL) {
      this.receiveCancel(key);
      return;
    }
    const t = this.arrive(key);
    if (t === null) return;
    this.user.onRequest(t, m);
    t.respondShort();
    if (m.method === METHOD_INVITE && t.state === SERVER_TRYING) t.trying(m);
  }

  /**
   * @returns a new server transaction for the request; null when none is free or the request does not fit, and then it
   * was answered without one
   */
  private arrive(key: number): ServerTransaction | null {
    const t = this.takeServer();
    if (t === null) {
      const { user } = this;
      const status = user.isInDialog?.(this.message) && user.onCrowded ? user.onCrowded(this.message) : 0;
      if (status > 0) {
        this.answers.answer(this.message, this.source, status);
        return null;
      }
      this.counters.refused += 1;
      this.answers.answer(this.message, this.source, 503, RETRY_SOON);
      user.onTurnedAway?.(this.message, this.source, 503);
      return null;
    }
    if (!t.arrive(this.message, this.source)) {
      this.servers.give(t);
      this.answers.answer(this.message, this.source, 513);
      this.user.onTurnedAway?.(this.message, this.source, 513);
      return null;
    }
    this.serverIndex?.add(t.slot, key);
    this.requestIndex?.add(t.slot, requestKey(this.message));
    return t;
  }

  /**
   * Handles a CANCEL. The layer answers it even if no transaction is free, so that calls can end when all are in use.
   * RFC 3261 §9.2
   */
  private receiveCancel(key: number): void {
    const m = this.message;
    const invite = this.findServer(key, METHOD_INVITE);
    const status = invite === null ? 481 : 200;
    const t = this.takeServer();
    if (t?.arrive(m, this.source)) {
      this.serverIndex?.add(t.slot, key);
      this.requestIndex?.add(t.slot, requestKey(m));
      if (invite !== null) t.takeTag(t.buffer, invite, invite.buffer);
      t.reply(status);
    } else {
      if (t !== null) this.servers.give(t);
      this.answers.answer(m, this.source, status, NONE, invite);
    }
    if (invite !== null && (invite.state === SERVER_PROCEEDING || invite.state === SERVER_TRYING)) {
      this.user.onCancel(invite, m);
    }
  }

  /** Handles an ACK. In Accepted, and without a transaction, the user gets it. RFC 3261 §17.2.1, RFC 6026 §7.1 */
  private receiveAck(): void {
    const m = this.message;
    const t = this.findServer(serverKey(m), METHOD_INVITE);
    if (t !== null && t.state !== SERVER_ACCEPTED) t.confirm();
    else if (t !== null || !this.answers.isAcknowledged(m)) this.user.onAck(m, this.source);
  }

  private findServer(key: number, method: number): ServerTransaction | null {
    const index = this.serverIndex;
    const all = this.servers.items;
    if (index === null) {
      for (let i = 0; i < all.length; i++)
        if (all[i].state !== SERVER_FREE && all[i].matches(this.message, method)) return all[i];
      return null;
    }
    for (let slot = index.first(key); slot >= 0; slot = index.next(slot))
      if (all[slot].matches(this.message, method)) return all[slot];
    return null;
  }

  private findClient(): ClientTransaction | null {
    const m = this.message;
    if (!m.hasMagicCookie || m.branchEnd - m.branchStart !== BRANCH_BYTES) return null;
    const high = readHex32(m.bytes, m.branchStart + COOKIE_BYTES);
    const low = readHex32(m.bytes, m.branchStart + COOKIE_BYTES + 8);
    const index = this.clientIndex;
    const all = this.clients.items;
    if (index === null) {
      for (let i = 0; i < all.length; i++)
        if (all[i].state > CLIENT_IDLE && all[i].branchLow === low && all[i].branchHigh === high && all[i].isFor(m))
          return all[i];
      return null;
    }
    for (let slot = index.first(low); slot >= 0; slot = index.next(slot))
      if (all[slot].branchHigh === high && all[slot].isFor(m)) return all[slot];
    return null;
  }
}

/**
 * Number of transactions that are compared by the time left, once one is found that may be ended early. This avoids a
 * walk through a large pool for each message.
 */
const WINDOW = 64;

function requestKey(m: Message): number {
  return hash(m.bytes, m.callIdStart, m.callIdEnd) ^ m.cseq;
}

/**
 * @param hand index at which the last search ended; this one begins behind it
 * @returns the position of a transaction that may be ended early, -1 when there is none
 */
function sparest(all: readonly { spareMs(isUrgent: boolean): number }[], hand: number, isUrgent: boolean): number {
  let best = -1;
  let bestMs = Infinity;
  let at = hand;
  for (let i = 1; i <= all.length; i++) {
    at = at + 1 < all.length ? at + 1 : 0;
    const ms = all[at].spareMs(isUrgent);
    if (ms >= 0 && ms < bestMs) {
      best = at;
      bestMs = ms;
    }
    if (best >= 0 && i >= WINDOW) return best;
  }
  return best;
}

/** Returns whether a message has one Via, so that no proxy is between us and its sender. */
export function hasOneVia(m: Message): boolean {
  const row = m.first(HEADER_VIA);
  return row < 0 || (m.next(row) < 0 && m.viaEnd === m.valueEnd(row));
}

/** Returns whether octets are CRLFs, or zeros, which some phones send. RFC 5626 §4.4.1 */
function isKeepAlive(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 4) return false;
  for (let i = start; i < end; i++) if (bytes[i] !== 13 && bytes[i] !== 10 && bytes[i] !== 0) return false;
  return true;
}
