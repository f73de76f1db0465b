/**
 * The TCP connections of a board (hal/moddable/streams.ts) with connections by TLS to servers beside them. A handshake
 * runs beside the program; a timer looks for what it wants to send, and for its end. Nothing of ours is sent before the
 * other side has proved who it is, and why it did not is one line. Not here: the library (library.ts), the verdict
 * (proof.ts), incoming connections by TLS.
 */
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { isPem } from "../../src/settings/authorities.js";
import type { Clock, DeviceTimer, TcpConnection, TcpOptions, TcpStack, Trust } from "../device.js";
import { type StreamClasses, Streams } from "../moddable/streams.js";
import { BAD_CA, EARLY, ENDED, FAILED, OPEN, OTHER, type TlsLibrary, UNTRUSTED } from "./library.js";
import { CLOSED, type Finding, HANDSHAKE_MS, judge, linkOf, NO_TLS, portHint, STALLED, whereText } from "./proof.js";

/** Ids of connections by TLS are above those of the others. */
const SECURE_IDS = 0x40000000;
const QUEUE_BYTES = 4096;
/** Octets that are moved at once, in both directions. */
const PART_BYTES = 1024;
/** So often a handshake is looked at, and a connection that has more to send than the network takes. */
const LOOK_MS = 20;
/** What is queued when the user closes has so long to leave. */
const LEAVING_MS = 5000;
/** The handshake has so long to read the last octets of a connection that was closed. */
const CUT_MS = 1000;

const NO_AUTHORITY =
  "this device knows no authorities: paste the certificate of the server's authority at the console, or set tls.pin";
const NO_FILE =
  "tls.ca names a file, and this device has none: unset tls.ca, save, and paste the certificate at the console";
const NO_TIME =
  "the time of day is not known yet, so that no certificate can be checked: time.server has to answer, or set tls.pin";
const TOO_MUCH = "the server sent more than a handshake has";
const NO_ROOM = "there is no room for another connection by TLS";
const BAD_AUTHORITY = "a certificate that was pasted cannot be read: ca clear, and paste it anew";

// Errors of mbedTLS.
const CONNECTION_ENDED = -0x7280;
const CLOSE_NOTIFY = -0x7880;
const BAD_RECORD = -0x7200;
const ALERT_CAME = -0x7780;
const BAD_CHAIN = -0x3000;

export interface SecureParts {
  classes: StreamClasses;
  options: TcpOptions;
  library: TlsLibrary;
  clock: Clock;
}

class SecureConnection implements TcpConnection {
  readonly localPort = 0;
  readonly id: number;
  readonly address: number;
  readonly port: number;
  readonly name: string;
  readonly trust: Trust;
  proof = "";
  isOpen = false;
  isLeaving = false;
  /** The other side was told that it ends. */
  hasSaidEnd = false;
  /** The connection below; null when this one is over. */
  inner: TcpConnection | null = null;
  /** The library's number; below 0 before the handshake. */
  client = -1;
  /** The connection below closed during the handshake: its last octets may say why. */
  isCut = false;
  /** When the handshake, or the leaving, has to be over. */
  deadlineMs = Infinity;
  /** Clear octets that wait for the handshake, or for the network. */
  readonly queue = new Uint8Array(QUEUE_BYTES);
  queued = 0;
  /** Protected octets that the connection below did not take. */
  readonly rest = new Uint8Array(PART_BYTES);
  restBytes = 0;
  private readonly owner: SecureStreams;

  constructor(owner: SecureStreams, id: number, address: number, port: number, name: string, trust: Trust) {
    this.owner = owner;
    this.id = id;
    this.address = address;
    this.port = port;
    this.name = name;
    this.trust = trust;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.inner === null || this.isLeaving || this.queued + end - start > QUEUE_BYTES) return false;
    for (let i = start; i < end; i++) this.queue[this.queued++] = bytes[i];
    this.owner.flush(this);
    return true;
  }

  close(): void {
    this.owner.leave(this);
  }

  drop(): void {
    this.owner.release(this);
  }
}

export class SecureStreams implements TcpStack {
  readonly port: number;
  private readonly plain: Streams;
  private readonly carriers: Streams;
  private readonly options: TcpOptions;
  private readonly library: TlsLibrary;
  private readonly clock: Clock;
  private readonly timer: DeviceTimer;
  private readonly connections: SecureConnection[] = [];
  private readonly part = new Uint8Array(PART_BYTES);
  private lastId = SECURE_IDS;

  /** @throws what the listener throws */
  constructor({ classes, options, library, clock }: SecureParts) {
    this.options = options;
    this.library = library;
    this.clock = clock;
    this.plain = new Streams(classes, options);
    this.port = this.plain.port;
    this.carriers = new Streams(classes, {
      address: options.address,
      port: 0,
      isCaller: true,
      onOpen: (inner) => this.onOpen(inner),
      onData: (inner, bytes, start, end) => this.onData(inner, bytes, start, end),
      onClose: (inner) => this.onClose(inner),
      onError: (message) => options.onError(message),
    });
    this.timer = clock.createTimer(() => this.look());
  }

  connect(address: number, port: number): TcpConnection | null {
    return this.plain.connect(address, port);
  }

  connectSecure(address: number, port: number, name: string, trust: Trust): TcpConnection | null {
    const lack = this.lackOf(trust);
    if (lack !== "") {
      this.options.onError(whereText(name, address, port) + lack);
      return null;
    }
    const inner = this.carriers.connect(address, port);
    if (inner === null) return null;
    const connection = new SecureConnection(this, ++this.lastId, address, port, name, trust);
    connection.inner = inner;
    this.connections.push(connection);
    return connection;
  }

  findSecure(address: number, port: number, name: string): TcpConnection | null {
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const one = this.connections[i];
      if (one.address === address && one.port === port && one.name === name && !one.isLeaving) return one;
    }
    return null;
  }

  find(id: number): TcpConnection | null {
    if (id <= SECURE_IDS) return this.plain.find(id);
    for (let i = 0; i < this.connections.length; i++) if (this.connections[i].id === id) return this.connections[i];
    return null;
  }

  findTo(address: number, port: number): TcpConnection | null {
    return this.plain.findTo(address, port);
  }

  close(): void {
    this.timer.stop();
    this.plain.close();
    while (this.connections.length > 0) this.release(this.connections[this.connections.length - 1]);
    this.carriers.close();
  }

  /** @returns "" or why no server can be checked */
  private lackOf(trust: Trust): string {
    if (trust.pins.length > 0 && trust.ca === "") return "";
    if (trust.ca === "") return NO_AUTHORITY;
    if (!isPem(trust.ca)) return NO_FILE;
    return trust.pins.length === 0 && this.clock.epochS() === 0 ? NO_TIME : "";
  }

  private onOpen(inner: TcpConnection): void {
    const connection = this.ofInner(inner);
    if (connection === null) return;
    const { name, trust } = connection;
    // An address is no name for a server to choose by. RFC 6066 §3
    connection.client = this.library.begin(ipv4(name) >= 0 ? "" : name, trust.ca);
    if (connection.client < 0) this.end(connection, connection.client === BAD_CA ? BAD_AUTHORITY : NO_ROOM);
    else this.waitUntil(connection, HANDSHAKE_MS);
  }

  private onData(inner: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
    const connection = this.ofInner(inner);
    if (connection === null || connection.client < 0) return;
    for (let at = start; at < end; ) {
      const next = Math.min(at + PART_BYTES, end);
      if (!this.library.put(connection.client, bytes, at, next)) {
        this.end(connection, TOO_MUCH);
        return;
      }
      at = next;
      if (!connection.isOpen) continue;
      this.readAll(connection);
      if (connection.inner === null) return;
    }
    // The answer to it may have been made already.
    if (!connection.isOpen) this.look();
  }

  private onClose(inner: TcpConnection): void {
    const connection = this.ofInner(inner);
    if (connection === null) return;
    if (connection.client < 0 || connection.isOpen) {
      this.end(connection, "");
      return;
    }
    connection.isCut = true;
    this.waitUntil(connection, CUT_MS);
  }

  private ofInner(inner: TcpConnection): SecureConnection | null {
    for (let i = 0; i < this.connections.length; i++)
      if (this.connections[i].inner === inner) return this.connections[i];
    return null;
  }

  private waitUntil(connection: SecureConnection, ms: number): void {
    const nowMs = this.clock.now();
    connection.deadlineMs = nowMs + ms;
    this.timer.at(nowMs + LOOK_MS);
  }

  /** Looks at handshakes, and at connections that wait for the network. */
  private look(): void {
    const nowMs = this.clock.now();
    let isAgain = false;
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const one = this.connections[i];
      if (one.isOpen) this.flush(one);
      else if (one.client >= 0) this.advance(one, nowMs);
      if (one.inner === null) continue;
      if (one.isLeaving && nowMs >= one.deadlineMs) this.release(one);
      else if (one.isOpen ? one.restBytes > 0 || one.queued > 0 : one.client >= 0 || one.isLeaving) isAgain = true;
    }
    if (isAgain) this.timer.at(nowMs + LOOK_MS);
  }

  private advance(connection: SecureConnection, nowMs: number): void {
    const state = this.library.state(connection.client);
    this.send(connection);
    if (connection.inner === null) return;
    if (state === FAILED) this.end(connection, this.reasonOf(connection));
    else if (state === OPEN && !connection.isCut) this.judge(connection);
    else if (nowMs >= connection.deadlineMs) this.end(connection, (connection.isCut ? CLOSED : STALLED) + this.hint);
  }

  private judge(connection: SecureConnection): void {
    const { library } = this;
    const { client, name, trust, address } = connection;
    const flags = library.flags(client);
    const { problem, proof } = judge({
      der: library.certificate(client),
      finding: findingOf(flags),
      other: (flags & OTHER) > 0 ? "its key or its signature is weak, or it is for another use" : "",
      name: name === "" ? ipv4Text(address) : name,
      trust,
      setting: linkOf(this.options.setting),
      authorities: "one that was pasted (ca)",
      nowS: this.clock.epochS(),
    });
    if (problem !== "") {
      this.end(connection, problem);
      return;
    }
    connection.proof = proof;
    connection.isOpen = true;
    if (!connection.isLeaving) {
      connection.deadlineMs = Infinity;
      this.options.onOpen(connection, false);
    }
    this.flush(connection);
    if (connection.inner !== null) this.readAll(connection);
  }

  /** Hands on all clear octets that came. */
  private readAll(connection: SecureConnection): void {
    const { part, library } = this;
    while (connection.inner !== null) {
      const count = library.read(connection.client, part);
      if (count === 0) break;
      if (count < 0) {
        const error = library.error(connection.client);
        const isUsual = error === 0 || error === CLOSE_NOTIFY || error === CONNECTION_ENDED;
        this.end(connection, isUsual ? "" : "the connection broke (mbedTLS " + errorText(error) + ")");
        return;
      }
      if (!connection.isLeaving) this.options.onData(connection, part, 0, count);
    }
    if (connection.inner !== null) this.send(connection);
  }

  /** Protects what is queued, as far as the network takes it. */
  flush(connection: SecureConnection): void {
    const { library } = this;
    while (connection.isOpen && connection.queued > 0) {
      const { client, queue, queued } = connection;
      const taken = library.write(client, queue, 0, queued);
      if (taken < 0) {
        this.end(connection, "the connection broke (mbedTLS " + errorText(library.error(client)) + ")");
        return;
      }
      queue.copyWithin(0, taken, queued);
      connection.queued -= taken;
      if (!this.send(connection) || taken === 0) break;
    }
    if (connection.inner === null) return;
    if (connection.isLeaving && connection.isOpen && connection.queued === 0) this.farewell(connection);
    else if (connection.queued > 0 || connection.restBytes > 0) this.timer.at(this.clock.now() + LOOK_MS);
  }

  /** Gives what the library made to the network. @returns whether all of it was taken */
  private send(connection: SecureConnection): boolean {
    const { rest } = connection;
    while (connection.inner !== null) {
      if (connection.restBytes === 0) connection.restBytes = this.library.take(connection.client, rest);
      if (connection.restBytes === 0) return true;
      if (!connection.inner.write(rest, 0, connection.restBytes)) return false;
      connection.restBytes = 0;
    }
    return false;
  }

  /** Sends what is queued, and then ends. */
  leave(connection: SecureConnection): void {
    if (connection.inner === null || connection.isLeaving) return;
    connection.isLeaving = true;
    if (connection.queued === 0) {
      if (connection.isOpen) this.farewell(connection);
      else this.release(connection);
      return;
    }
    this.waitUntil(connection, LEAVING_MS);
    this.flush(connection);
  }

  private farewell(connection: SecureConnection): void {
    if (!connection.hasSaidEnd) this.library.close(connection.client);
    connection.hasSaidEnd = true;
    if (!this.send(connection)) {
      // The rest of it has until the deadline.
      if (connection.deadlineMs === Infinity) this.waitUntil(connection, LEAVING_MS);
      else this.timer.at(this.clock.now() + LOOK_MS);
      return;
    }
    const { inner } = connection;
    this.forget(connection);
    inner?.close();
  }

  /** Ends at once, without a word. */
  release(connection: SecureConnection): void {
    const { inner } = connection;
    this.forget(connection);
    inner?.drop();
  }

  /** Ends from here, and tells the user unless that one left. */
  private end(connection: SecureConnection, problem: string): void {
    if (connection.inner === null) return;
    const { isLeaving, name, address, port } = connection;
    this.release(connection);
    if (isLeaving) return;
    if (problem !== "") this.options.onError(whereText(name, address, port) + problem);
    this.options.onClose(connection);
  }

  private forget(connection: SecureConnection): void {
    const at = this.connections.indexOf(connection);
    if (at >= 0) this.connections.splice(at, 1);
    if (connection.client >= 0) this.library.end(connection.client);
    connection.client = -1;
    connection.inner = null;
    connection.isOpen = false;
    connection.queue.fill(0);
    connection.queued = 0;
  }

  private get hint(): string {
    return portHint(this.options.setting);
  }

  private reasonOf({ client }: SecureConnection): string {
    const error = this.library.error(client);
    if (error === 0 || error === CONNECTION_ENDED || error === CLOSE_NOTIFY) return CLOSED + this.hint;
    if (error === BAD_RECORD) return NO_TLS + this.hint;
    if (error === ALERT_CAME)
      return "the server refused us (an alert): it may want a certificate of its clients, and there is none, or a newer TLS";
    if (error === BAD_CHAIN) return "its certificates are too many, or cannot be checked";
    return "the handshake failed (mbedTLS " + errorText(error) + ")";
  }
}

function findingOf(flags: number): Finding {
  if ((flags & ENDED) > 0) return "ended";
  if ((flags & EARLY) > 0) return "early";
  return (flags & UNTRUSTED) > 0 ? "untrusted" : "signed";
}

/** @returns such as "-0x7780", as mbedTLS's documents have it */
function errorText(error: number): string {
  return error < 0 ? "-0x" + (-error).toString(16) : String(error);
}
