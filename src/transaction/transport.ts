/**
 * The state of the transport layer: our addresses, the TCP connections with what has arrived on them so far, and the
 * names. It sends a finished message along a flow. RFC 3261 §18
 * Not here: sockets and the handshakes of TLS (the driver's, behind `Network`), IPv6, multicast, and which transaction
 * a message belongs to (layer.ts).
 */

import { PORT_MOST } from "../core/address.js";
import { NONE, Span } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { addressOf } from "../wire/compare.js";
import { CRLF } from "../wire/lines.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { FRAME_BROKEN, FRAME_MESSAGE, FRAME_NONE, FRAME_PING, StreamFramer } from "../wire/stream.js";
import { SCHEME_SIP, SCHEME_SIPS, type Uri } from "../wire/uri.js";
import { MADDR } from "../wire/via.js";
import { Backups } from "./backups.js";
import { type Flow, HOST_NAME_BYTES, type Target } from "./flow.js";
import type { Network } from "./network.js";
import { Outages } from "./outages.js";
import { REACH_LATE, REACH_REFUSED, REACH_SILENT, REACH_TCP, REACH_UNKNOWN, Reach } from "./reach.js";
import { FIND_FAILED, FIND_KNOWN, FIND_NONE, FIND_WAIT, PLACES_MOST, Resolver } from "./resolver.js";

// Why a request of ours goes by another transport than intended. RFC 3261 §18.1.1
/** The request is too long for UDP, and TCP is tried. */
export const DETOUR_LONG = 0;
// With these the request goes by UDP after all. The first ones are REACH_* of its server.
export const DETOUR_REFUSED = REACH_REFUSED;
export const DETOUR_LATE = REACH_LATE;
export const DETOUR_SILENT = REACH_SILENT;
/** The connection broke that other requests had used. */
export const DETOUR_LOST = 5;
/** No connection could be had. */
export const DETOUR_NONE = 6;
/** Added to REACH_*: it was found out before. */
export const DETOUR_KNOWN = 8;

/** Listens to all messages as they are sent and received. Octets are lent for the call. */
export interface Tap {
  onMessage(isOut: boolean, flow: Flow, bytes: Uint8Array, start: number, end: number): void;
  /** The next request, of `size` octets, goes by that flow for a special reason. @param why DETOUR_* */
  onDetour?(flow: Flow, why: number, size: number): void;
}

/** Sizes of all pools and buffers, which are made at start. */
export interface TransactionLimits {
  /** Number of client transactions, and of server transactions. */
  clients: number;
  servers: number;
  /** Size of each transaction's buffer, octets: the longest request we send, the longest response. */
  transactionBytes: number;
  /** Number of header fields in one message. */
  headerRows: number;
  /** Number of TCP connections, both ways together. */
  streams: number;
  /** How many of those others may open; the rest is for connections of our own. Without it: all. */
  incoming?: number;
  /** The longest message on a TCP connection, octets. */
  messageBytes: number;
  /** Number of host names that are known at once. */
  names: number;
  /** T1, the estimate of the round trip, 500 ms. RFC 3261 §17.1.1.1 */
  t1Ms: number;
  /** T2, the longest interval of retransmissions, 4,000 ms. */
  t2Ms: number;
  /** T4, how long a message stays in the network, 5,000 ms. */
  t4Ms: number;
}

/** Counts messages since start. */
export class TransactionCounters {
  /** Messages that came, well formed or not; keep-alives are not messages. */
  received = 0;
  keepAlives = 0;
  /** Messages that were not well formed, answered or not. */
  malformed = 0;
  /**
   * Messages without effect: those that cannot be answered, and responses that no transaction waits for (also in
   * `stray`).
   */
  dropped = 0;
  stray = 0;
  /** Repetitions that were recognised. */
  repeated = 0;
  /** Messages that were sent. */
  sent = 0;
  /** Messages among those that were sent again. */
  retransmitted = 0;
  /** Messages that could not be handed to the network. */
  failed = 0;
  /** Requests and connections that were refused because a pool was empty. */
  refused = 0;
}

/** Gets what comes over connections. */
export interface StreamUser {
  /** Octets came over a connection; they are not read yet. */
  onStreamHeard(connection: number): void;
  /**
   * A message is in the stream's framer.
   * @param isBroken it is too long, or its end is not known, and the framer has the part that could be kept, perhaps
   * nothing
   */
  onStreamMessage(stream: Stream, isBroken: boolean): void;
  /** A connection was closed. @param hasSpoken a whole message had come over it */
  onStreamGone(connection: number, hasSpoken: boolean, isTls: boolean): void;
}

// Bits of a connection's kind.
const KIND_INCOMING = 1;
const KIND_TLS = 2;
const KIND_KEPT = 4;

/** One TCP or TLS connection. RFC 3261 §18.3 */
export class Stream {
  /** The driver's number, -1 when this record is free. */
  connection = -1;
  ip = -1;
  port = 0;
  /** When a whole message or keep-alive last went either way, ms. */
  lastMs = 0;
  /** When it was opened, ms. */
  openedMs = 0;
  /** Some of KIND_INCOMING, KIND_TLS and KIND_KEPT. */
  kind = 0;
  /** A whole message came over it. */
  hasSpoken = false;
  /** A password was given over it, so it makes no room for strangers. */
  isKnown = false;
  readonly framer: StreamFramer;

  /** The other side opened it. */
  get isIncoming(): boolean {
    return (this.kind & KIND_INCOMING) !== 0;
  }

  get isTls(): boolean {
    return (this.kind & KIND_TLS) !== 0;
  }

  constructor(bytes: number) {
    this.framer = new StreamFramer(bytes);
  }
}

/** The port of SIP when none is given. RFC 3261 §19.1.2 */
export const SIP_PORT = 5060;
/** The same by TLS. */
export const SIPS_PORT = 5061;
/**
 * How long a new connection has for its first message, and how long it may then be silent; with a password the latter
 * is longer than a registration, ms.
 */
const FIRST_MESSAGE_MS = 10_000;
const SILENT_MS = 600_000;
const SILENT_KNOWN_MS = 3 * 3600_000;
/** The part of the connections of others that one address may have, and the least number. */
const ADDRESS_PART = 4;
const ADDRESS_LEAST = 4;

export class Transport {
  localIp = -1;
  udpPort = SIP_PORT;
  tcpPort = SIP_PORT;
  readonly counters = new TransactionCounters();
  tap: Tap | null = null;
  readonly resolver: Resolver;
  /** Which servers take TCP. */
  readonly reach = new Reach();
  /** Which servers do not answer. */
  readonly outages = new Outages();
  readonly backups = new Backups();
  private readonly network: Network;
  private readonly timers: Timers;
  private readonly user: StreamUser;
  private readonly idleMs: number;
  private readonly incomingMost: number;
  private readonly addressMost: number;
  private readonly streamBytes: number;
  private readonly streamsMost: number;
  /** Each is made for the first connection that finds no other free: a door that is reached by UDP alone has none. */
  private readonly streams: Stream[] = [];
  private readonly host = new Span();

  constructor(timers: Timers, network: Network, user: StreamUser, limits: TransactionLimits) {
    this.timers = timers;
    this.network = network;
    this.user = user;
    this.idleMs = 64 * limits.t1Ms;
    this.incomingMost = limits.incoming ?? limits.streams;
    this.addressMost = Math.max(ADDRESS_LEAST, Math.floor(this.incomingMost / ADDRESS_PART));
    this.resolver = new Resolver(network, timers, limits.names);
    this.streamBytes = limits.messageBytes;
    this.streamsMost = limits.streams;
  }

  /**
   * Aims at the host of a URI: its maddr or host, its port, its transport or the default one; sips goes by TLS. RFC
   * 3263 §4.1, §4.2. A URI that cannot be reached (tel, IPv6, a name over HOST_NAME_BYTES) gives a target that fails
   * when it is sent to.
   */
  aim(target: Target, uri: Uri, defaultTransport: number): void {
    let transport = uri.transport();
    if (transport === TRANSPORT_NONE) transport = defaultTransport;
    if (uri.scheme === SCHEME_SIPS) transport = TRANSPORT_TLS;
    target.set(transport, -1, transport === TRANSPORT_TLS ? SIPS_PORT : SIP_PORT, -1);
    const host = this.host;
    if (!uri.param(MADDR, host) || host.size() === 0) host.set(uri.bytes, uri.hostStart, uri.hostEnd);
    target.ip = addressOf(host.bytes, host.start, host.end);
    if (target.ip >= 0) {
      if (uri.port > 0) target.port = uri.port;
      return;
    }
    const size = host.size();
    if (
      (uri.scheme !== SCHEME_SIP && uri.scheme !== SCHEME_SIPS) ||
      uri.isIPv6 ||
      size === 0 ||
      size > HOST_NAME_BYTES
    ) {
      target.transport = TRANSPORT_NONE;
      return;
    }
    target.setName(host.bytes, host.start, size, uri.port);
  }

  /**
   * Lets a target be reached by a connection by TLS that its host opened: a phone that called us may listen to nobody,
   * or with a certificate that we do not believe. A host that is known by its name has to prove it as ever.
   */
  aimBack(target: Target, connection: number): void {
    const stream = this.stream(connection);
    if (stream === null || !stream.isTls || !stream.isIncoming || target.transport !== TRANSPORT_TLS) return;
    if (target.nameSize === 0 && target.ip === stream.ip) target.connection = connection;
  }

  /** Finds the target's address, the best one there is. @returns FIND_KNOWN, FIND_WAIT or FIND_FAILED */
  locate(target: Target): number {
    return this.locateNext(target, 0, false);
  }

  /**
   * Finds the best address of the target that was not tried: the first one that is not down, else the first one.
   * @param tried a bit for each `place` that was tried @param takesOld what was found before does, and backups of which
   * more is known, while a name is looked up
   * @returns FIND_*; FIND_NONE when nothing is left to try
   */
  locateNext(target: Target, tried: number, takesOld: boolean): number {
    if (target.backup < 0 && target.nameSize === 0) return (tried & 1) === 0 ? FIND_KNOWN : FIND_NONE;
    const { count } = this.outages;
    const found = this.locateAmong(target, tried, count > 0, takesOld);
    const isLast = found === FIND_NONE || (found === FIND_WAIT && takesOld);
    return isLast && count > 0 ? this.locateAmong(target, tried, false, takesOld) : found;
  }

  /** Whether there is another place for that target, which has one. */
  hasOther(target: Target): boolean {
    return target.backup >= 0 || this.resolver.countOf(target) > 1;
  }

  private locateAmong(target: Target, tried: number, isUp: boolean, takesOld: boolean): number {
    const { backups } = this;
    if (target.backup < 0) return this.locateHost(target, tried, isUp, takesOld);
    let isAwaited = false;
    let isAnyKnown = false;
    const start = backups.firstOf(target.backup);
    const end = backups.endOf(target.backup);
    for (let host = start; host < end; host++) {
      const first = (host - start) * PLACES_MOST;
      this.aim(target, backups.uris[host], backups.transportOf(host));
      target.backup = host;
      const found = this.locateHost(target, tried >> first, isUp, takesOld);
      target.place += first;
      if (found === FIND_KNOWN) return FIND_KNOWN;
      isAnyKnown ||= found === FIND_NONE;
      isAwaited ||= found === FIND_WAIT;
      if (isAwaited && !takesOld) return FIND_WAIT;
    }
    if (isAwaited) return FIND_WAIT;
    return isAnyKnown || tried !== 0 ? FIND_NONE : FIND_FAILED;
  }

  private locateHost(target: Target, tried: number, isUp: boolean, takesOld: boolean): number {
    if (!isSpoken(target.transport)) return FIND_FAILED;
    const outages = isUp ? this.outages : null;
    if (target.nameSize > 0) return this.resolver.findAddress(target, tried, outages, takesOld);
    return (tried & 1) === 1 || outages?.isDown(target.ip, target.port) ? FIND_NONE : FIND_KNOWN;
  }

  /** @returns our port for that transport */
  ownPort(transport: number): number {
    if (transport === TRANSPORT_TLS)
      return this.network.tlsPort ?? (this.tcpPort < PORT_MOST ? this.tcpPort + 1 : SIPS_PORT);
    return transport === TRANSPORT_TCP ? this.tcpPort : this.udpPort;
  }

  /** @returns the device's hardware address in hexadecimal digits, "" if it has none */
  hardwareAddress(): string {
    return this.network.hardwareAddress?.() ?? "";
  }

  /** Whether the driver has TLS. */
  get hasTls(): boolean {
    return this.network.secureStream !== undefined;
  }

  /** @returns "CA" or "pin" for a TLS connection whose other side has proved by it who it is, else "" */
  proofOf(connection: number): string {
    return this.network.proofOf?.(connection) ?? "";
  }

  /**
   * Sets `flow` to the way to a target whose address is known. By TLS it needs a connection whose other side has the
   * name of the target, and one is opened if there is none; without one, sending fails. RFC 5922 §7.3
   */
  take(flow: Flow, target: Target): void {
    flow.copy(target);
    if (flow.transport === TRANSPORT_TLS && this.stream(flow.connection) === null)
      flow.connection = this.secure(target.ip, target.port, target.name, target.nameSize);
  }

  /**
   * @returns the number of a connection by TLS to a place that a name led to, whose other side has to have that name;
   * -1 when none can be had
   */
  secureAt(ip: number, port: number): number {
    const entry = this.resolver.entryAt(ip, port, TRANSPORT_TLS);
    return entry === null ? this.secure(ip, port, NONE, 0) : this.secure(ip, port, entry.name, entry.size);
  }

  /** @returns the number of a connection, -1 when none can be had */
  private secure(ip: number, port: number, name: Uint8Array, nameSize: number): number {
    const { network } = this;
    // An address says no more than where: a connection to it does, whatever name was found at its other end.
    const known = nameSize === 0 ? this.streamTo(ip, port, true) : null;
    if (known !== null) return known.connection;
    if (network.secureStream === undefined) return -1;
    const open = network.secureStream(ip, port, name, nameSize, false);
    if (open >= 0) return open;
    const stream = this.roomForOwn();
    if (stream === null) {
      this.counters.refused += 1;
      return -1;
    }
    const connection = network.secureStream(ip, port, name, nameSize, true);
    if (connection >= 0) this.openStream(stream, connection, ip, port, KIND_TLS);
    return connection;
  }

  /**
   * Sends `bytes[start, end)` along the flow; a TCP flow remembers its connection, and a TLS flow has no way but its
   * own.
   * @returns false when it failed at once
   */
  send(flow: Flow, bytes: Uint8Array, start: number, end: number): boolean {
    let ok = false;
    if (flow.transport === TRANSPORT_UDP)
      ok = flow.ip >= 0 && this.network.sendDatagram(flow.ip, flow.port, bytes, start, end);
    else if (flow.transport === TRANSPORT_TCP) ok = this.sendStream(flow, bytes, start, end);
    else if (flow.transport === TRANSPORT_TLS) ok = this.sendOn(this.stream(flow.connection), flow, bytes, start, end);
    if (ok) this.counters.sent += 1;
    else this.counters.failed += 1;
    if (ok && this.tap !== null) this.tap.onMessage(true, flow, bytes, start, end);
    return ok;
  }

  /** Sends a datagram that is no SIP message: `bytes[0, end)`. */
  sendBare(ip: number, port: number, bytes: Uint8Array, end: number): void {
    this.network.sendDatagram(ip, port, bytes, 0, end);
  }

  /** As `send`, for a repetition. */
  sendAgain(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.counters.retransmitted += 1;
    this.send(flow, bytes, start, end);
  }

  /** @returns the connection's record, null when there is none of that number */
  stream(connection: number): Stream | null {
    if (connection < 0) return null;
    for (let i = 0; i < this.streams.length; i++) {
      if (this.streams[i].connection === connection) return this.streams[i];
    }
    return null;
  }

  /** Whether sending along the flow needs no new connection. */
  isOpen(flow: Flow): boolean {
    const isTls = flow.transport === TRANSPORT_TLS;
    return (
      (flow.transport !== TRANSPORT_TCP && !isTls) ||
      this.stream(flow.connection) !== null ||
      this.streamTo(flow.ip, flow.port, isTls) !== null
    );
  }

  /** Whether the driver can tell that a connection is established. */
  get knowsConnected(): boolean {
    return this.network.isStreamOpen !== undefined;
  }

  /** Whether that connection is established. */
  isConnected(connection: number): boolean {
    if (this.stream(connection) === null) return false;
    const { network } = this;
    return network.isStreamOpen === undefined || network.isStreamOpen(connection);
  }

  /**
   * Whether a request that is too long for UDP is tried by TCP there: a message came over a connection that is open,
   * the server is known to take TCP, or nothing is known. RFC 3261 §18.1.1
   */
  triesStream(flow: Flow): boolean {
    const stream = this.streamTo(flow.ip, flow.port, false);
    if (stream !== null && stream.hasSpoken && this.isConnected(stream.connection)) return true;
    const state = this.reach.of(flow.ip, flow.port, this.timers.nowMs);
    return state === REACH_UNKNOWN || state === REACH_TCP;
  }

  /** Tells the tap that a request goes by `flow` for that reason. @param why DETOUR_* */
  tellDetour(flow: Flow, why: number, size: number): void {
    if (this.tap?.onDetour !== undefined) this.tap.onDetour(flow, why, size);
  }

  /**
   * Records a connection that others opened.
   * @returns null when there is no room for one more of others, or of that address
   */
  track(connection: number, ip: number, port: number, isTls: boolean): Stream | null {
    const known = this.stream(connection);
    const stream = known !== null ? known : this.roomFor(ip);
    if (stream !== null)
      this.openStream(stream, connection, ip, port, isTls ? KIND_INCOMING | KIND_TLS : KIND_INCOMING);
    return stream;
  }

  private openStream(stream: Stream, connection: number, ip: number, port: number, kind: number): void {
    stream.connection = connection;
    stream.ip = ip;
    stream.port = port;
    stream.lastMs = stream.openedMs = this.timers.nowMs;
    stream.kind = kind;
    stream.hasSpoken = stream.isKnown = false;
    stream.framer.reset();
  }

  /** Notes that a right password was given over that connection. */
  noteKnown(connection: number): void {
    const stream = this.stream(connection);
    if (stream !== null) stream.isKnown = true;
  }

  /** Notes that the other side of that connection promised keep-alives. RFC 5626 §4.4 */
  noteKept(connection: number): void {
    const stream = this.stream(connection);
    if (stream !== null) stream.kind |= KIND_KEPT;
  }

  /**
   * Closes connections of others that are not used: without a first message in time, or silent for long. To be called
   * now and then.
   * @param keptMs how long a side that promised keep-alives may be silent
   */
  closeUnused(keptMs = SILENT_KNOWN_MS): void {
    const { nowMs } = this.timers;
    for (let i = 0; i < this.streams.length; i++) {
      const stream = this.streams[i];
      if (stream.connection < 0 || !stream.isIncoming) continue;
      const isLate = !stream.hasSpoken && nowMs - stream.openedMs >= FIRST_MESSAGE_MS;
      const isKept = (stream.kind & KIND_KEPT) !== 0;
      const silentMs = isKept ? keptMs : stream.isKnown ? SILENT_KNOWN_MS : SILENT_MS;
      const isSilent = nowMs - stream.lastMs >= silentMs;
      if (isLate || isSilent) this.closeConnection(stream.connection);
    }
  }

  /** Forgets a connection that is closed. @returns false when there was none */
  forget(connection: number): boolean {
    const stream = this.stream(connection);
    if (stream === null) return false;
    stream.connection = -1;
    this.user.onStreamGone(connection, stream.hasSpoken, stream.isTls);
    return true;
  }

  /** Closes a connection of ours or theirs. @param isDropped what waits to be sent over it is not sent any more */
  closeConnection(connection: number, isDropped = false): void {
    this.network.closeStream(connection, isDropped);
    this.forget(connection);
  }

  /**
   * Takes octets of a connection: messages go to the user, keep-alives are answered (RFC 5626 §4.4.1). RFC 3261 §18.3
   */
  receive(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const stream = this.stream(connection);
    if (stream === null) return;
    this.user.onStreamHeard(connection);
    const framer = stream.framer;
    let at = start;
    let goesOn = true;
    while (at < end) {
      const taken = framer.push(bytes, at, end);
      at += taken;
      let frame = framer.next();
      if (frame === FRAME_NONE && taken === 0) {
        this.closeConnection(connection);
        return;
      }
      while (frame !== FRAME_NONE) {
        if (frame === FRAME_PING) this.pong(stream);
        else if (frame === FRAME_MESSAGE) this.user.onStreamMessage(stream, false);
        else if (frame === FRAME_BROKEN) {
          goesOn = framer.skip();
          this.user.onStreamMessage(stream, true);
        }
        // The user that got the message may have closed the connection.
        if (stream.connection !== connection) return;
        if (!goesOn) {
          this.closeConnection(connection);
          return;
        }
        stream.lastMs = this.timers.nowMs;
        if (frame === FRAME_MESSAGE) stream.hasSpoken = true;
        frame = framer.next();
      }
    }
  }

  /** Notes that a response to a request of ours came over that connection: if we opened it, the server takes TCP. */
  noteResponse(connection: number): void {
    const stream = this.stream(connection);
    if (stream !== null && !stream.isIncoming && !stream.isTls)
      this.reach.noteReach(stream.ip, stream.port, REACH_TCP, this.timers.nowMs);
  }

  /** Sends a keep-alive over a connection. RFC 5626 §4.4.1 */
  ping(connection: number, bytes: Uint8Array): void {
    const stream = this.stream(connection);
    if (stream !== null) this.network.sendStream(connection, stream.ip, stream.port, bytes, 0, bytes.length);
  }

  private pong(stream: Stream): void {
    this.counters.keepAlives += 1;
    this.network.sendStream(stream.connection, stream.ip, stream.port, CRLF, 0, CRLF.length);
  }

  /**
   * Sends over the flow's connection if it is open, else over any to the address, else over a new one, which RFC 3261
   * §18.2.2 demands for responses.
   */
  private sendStream(flow: Flow, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.sendOn(this.stream(flow.connection), flow, bytes, start, end)) return true;
    if (flow.ip < 0) return false;
    if (this.sendOn(this.streamTo(flow.ip, flow.port, false), flow, bytes, start, end)) return true;
    const stream = this.roomForOwn();
    if (stream === null) {
      this.counters.refused += 1;
      return false;
    }
    const connection = this.network.sendStream(-1, flow.ip, flow.port, bytes, start, end);
    if (connection < 0) return false;
    flow.connection = connection;
    // The driver may have given a connection that was there already.
    const known = this.stream(connection);
    if (known === null) this.openStream(stream, connection, flow.ip, flow.port, 0);
    return true;
  }

  private sendOn(stream: Stream | null, flow: Flow, bytes: Uint8Array, start: number, end: number): boolean {
    if (stream === null) return false;
    if (this.network.sendStream(stream.connection, stream.ip, stream.port, bytes, start, end) < 0) return false;
    flow.connection = stream.connection;
    stream.lastMs = this.timers.nowMs;
    return true;
  }

  private streamTo(ip: number, port: number, isTls: boolean): Stream | null {
    for (let i = 0; i < this.streams.length; i++) {
      const stream = this.streams[i];
      const isThere = stream.connection >= 0 && stream.isTls === isTls;
      if (isThere && stream.ip === ip && stream.port === port) return stream;
    }
    return null;
  }

  /**
   * @returns a record for a connection that `ip` opened: a free one, else that of a connection that is not used, which
   * is closed. One address may have a part of them only; beyond that its own make room, first the oldest that never
   * sent a message. Our own connections never do.
   */
  private roomFor(ip: number): Stream | null {
    let free: Stream | null = null;
    let idle: Stream | null = null;
    let unused: Stream | null = null;
    let same: Stream | null = null;
    let count = 0;
    let sameCount = 0;
    for (let i = 0; i < this.streams.length; i++) {
      const stream = this.streams[i];
      if (stream.connection < 0 && free === null) free = stream;
      if (stream.connection < 0 || !stream.isIncoming) continue;
      count += 1;
      if (stream.ip === ip) sameCount += 1;
      if (stream.isKnown) continue;
      if (this.isUnused(stream, ip) && (idle === null || stream.lastMs < idle.lastMs)) idle = stream;
      if (stream.ip !== ip) continue;
      if (same === null || stream.lastMs < same.lastMs) same = stream;
      if (!stream.hasSpoken && (unused === null || stream.openedMs < unused.openedMs)) unused = stream;
    }
    if (sameCount >= this.addressMost) {
      if (unused === null) return this.reuse(same);
      this.closeConnection(unused.connection);
      return unused;
    }
    const room = count < this.incomingMost ? (free ?? this.another()) : null;
    if (room !== null || idle === null) return room;
    this.closeConnection(idle.connection);
    return idle;
  }

  /**
   * Returns whether a connection gives way to one that `ip` opens: it was idle for 64*T1, or has sent no message in
   * time. Where one address may have all places, it has each for 64*T1 only, however often it sends something.
   */
  private isUnused(stream: Stream, ip: number): boolean {
    const { nowMs } = this.timers;
    const openMs = nowMs - stream.openedMs;
    if (!stream.hasSpoken && openMs >= FIRST_MESSAGE_MS) return true;
    const isShared = stream.ip === ip || this.addressMost < this.incomingMost;
    return (isShared ? nowMs - stream.lastMs : openMs) >= this.idleMs;
  }

  /** @returns a record for a connection of our own: as above, but those of others make room first */
  private roomForOwn(): Stream | null {
    let theirs: Stream | null = null;
    let ours: Stream | null = null;
    for (let i = 0; i < this.streams.length; i++) {
      const stream = this.streams[i];
      if (stream.connection < 0) return stream;
      if (stream.isIncoming) {
        if (theirs === null || stream.lastMs < theirs.lastMs) theirs = stream;
      } else if (ours === null || stream.lastMs < ours.lastMs) ours = stream;
    }
    return this.another() ?? this.reuse(theirs) ?? this.reuse(ours);
  }

  /** Makes one more record. @returns null when there are as many as there may be */
  private another(): Stream | null {
    if (this.streams.length >= this.streamsMost) return null;
    const stream = new Stream(this.streamBytes);
    this.streams.push(stream);
    return stream;
  }

  /** Closes a connection that has been idle for 64*T1. @returns its record, null when it has not */
  private reuse(stream: Stream | null): Stream | null {
    if (stream === null || this.timers.nowMs - stream.lastMs < this.idleMs) return null;
    this.closeConnection(stream.connection);
    return stream;
  }
}

function isSpoken(transport: number): boolean {
  return transport === TRANSPORT_UDP || transport === TRANSPORT_TCP || transport === TRANSPORT_TLS;
}
