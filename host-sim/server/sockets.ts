/**
 * A server's sockets: a port for UDP, for TCP and for TLS, or some of them. What comes goes into the transaction layer
 * at once.
 * Not here: certificates (io/tlslistener.ts), IPv6.
 */
import { performance } from "node:perf_hooks";
import type { Resolver, TcpConnection, TcpOptions, TcpStack, UdpOptions, UdpSocket } from "../../hal/device.js";
import { text } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import type { Overload } from "../../src/server/overload.js";
import type { TransactionLayer } from "../../src/transaction/layer.js";
import type { Network } from "../../src/transaction/network.js";
import { serviceOf } from "../../src/transaction/resolver.js";
import type { Listen } from "../io/listen.js";
import { NodeResolver } from "../io/resolver.js";
import { openTcp } from "../io/tcp.js";
import { type Certificates, openTls } from "../io/tlslistener.js";
import { openUdp } from "../io/udp.js";
import { Probe } from "./probe.js";

/**
 * Receive buffer of the kernel, octets: a few hundred requests, so that even a slow machine reads the last of them
 * before its client repeats it.
 */
const RECEIVE_BYTES = 208 * 1024;
const LOOPBACK = 0x7f000001;
/** The longest datagram, octets. */
const DATAGRAM_BYTES = 65536;

/** Makes sockets and resolves names. */
export interface Sources {
  readonly resolver: Resolver;
  udp(options: UdpOptions): Promise<UdpSocket>;
  tcp(options: TcpOptions): Promise<TcpStack>;
  /** Missing where there is no TLS. @param onFailed told of each handshake that failed */
  tls?(
    options: TcpOptions,
    certificates: Certificates,
    onFailed: (address: string, reason: string) => void,
  ): Promise<TcpStack>;
}

/**
 * @param connections at once, for each port @param keylog gets the secrets of those by TLS
 * @returns the sockets of this machine
 */
export function machineSources(
  random: RandomSource,
  connections: number,
  keylog?: (line: Uint8Array) => void,
): Sources {
  return {
    resolver: new NodeResolver(random),
    udp: (options) => openUdp(options, RECEIVE_BYTES),
    tcp: (options) => openTcp(options, connections),
    tls: (options, certificates, onFailed) => openTls(options, connections, certificates, onFailed, keylog),
  };
}

export class Sockets implements Network {
  /** Number of datagrams that could not be sent, and of other faults of a socket. */
  lost = 0;
  /** The layer that gets what comes; `before` and `after` are called around it. */
  layer: TransactionLayer | null = null;
  /** For benchmarks: time that each datagram takes in addition, ms. */
  brakeMs = 0;
  private readonly never = new Int32Array(new SharedArrayBuffer(4));
  before: () => void = () => {};
  after: () => void = () => {};
  /** Whether a name may lead to that address. */
  isAllowed: (ip: number, port: number) => boolean = () => true;
  /** They are told how long datagrams wait. */
  overloads: readonly Overload[] = [];
  private readonly sources: Sources;
  private readonly probe: Probe;
  private readonly datagram = new Uint8Array(DATAGRAM_BYTES);
  private udpIp = 0;
  private udp: UdpSocket | null = null;
  private tcp: TcpStack | null = null;
  private tls: TcpStack | null = null;
  /** The certificates of the port for TLS; null: there is no such port. */
  certificates: Certificates | null = null;
  /** Where the authorities of other servers are; "" for the usual ones. */
  ca = "";
  /** Told of each handshake that failed. */
  onHandshakeFailed: (address: string, reason: string) => void = () => {};

  constructor(sources: Sources, random: RandomSource) {
    this.sources = sources;
    this.probe = new Probe(random);
  }

  /** The UDP port, 0 when there is none. */
  get udpPort(): number {
    return this.udp?.port ?? 0;
  }

  get tcpPort(): number {
    return this.tcp?.port ?? 0;
  }

  get tlsPort(): number {
    return this.tls?.port ?? 0;
  }

  /** @throws Error of one line */
  async open(places: readonly Listen[]): Promise<void> {
    const onError = (): void => {
      this.lost += 1;
    };
    for (const { transport, ip, port } of places) {
      const place = { address: ip, port, onError };
      if (transport === "udp") {
        this.udpIp = ip;
        this.udp = await this.sources.udp({ ...place, onReadable: () => this.readUdp() });
        // Reads what came while the port opened.
        this.readUdp();
      } else if (transport === "tcp") this.tcp = await this.sources.tcp(this.streamOptions(place, false));
      else if (this.certificates !== null && this.sources.tls !== undefined) {
        const { certificates } = this;
        const onFailed = (address: string, reason: string): void => this.onHandshakeFailed(address, reason);
        this.tls = await this.sources.tls(this.streamOptions(place, true), certificates, onFailed);
      }
    }
  }

  private streamOptions(place: Pick<TcpOptions, "address" | "port" | "onError">, isTls: boolean): TcpOptions {
    return {
      ...place,
      onOpen: ({ id, address, port }, isIncoming) =>
        this.tell((layer) => {
          if (isIncoming && !layer.streamOpened(id, address, port, isTls)) this.find(id)?.close();
        }),
      onData: ({ id }, bytes, start, end) => this.tell((layer) => layer.receiveStream(id, bytes, start, end)),
      onClose: ({ id }) => this.tell((layer) => layer.streamClosed(id)),
    };
  }

  private find(connection: number): TcpConnection | null {
    return this.tcp?.find(connection) ?? this.tls?.find(connection) ?? null;
  }

  secureStream(ip: number, port: number, name: Uint8Array, size: number, opens: boolean): number {
    const { tls } = this;
    const host = text(name, 0, size);
    const known = tls?.findSecure?.(ip, port, host) ?? null;
    return (known ?? (opens ? tls?.connectSecure?.(ip, port, host, { ca: this.ca, pins: [] }) : null))?.id ?? -1;
  }

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.udp?.write(bytes, start, end, ip, port) === true;
  }

  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number {
    const found = connection >= 0 ? this.find(connection) : this.tcp?.connect(ip, port);
    return found?.write(bytes, start, end) === true ? found.id : -1;
  }

  closeStream(connection: number, isDropped = false): void {
    const found = this.find(connection);
    if (isDropped) found?.drop();
    else found?.close();
  }

  isStreamOpen(connection: number): boolean {
    return this.find(connection)?.isOpen === true;
  }

  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void {
    const name = text(bytes, start, end);
    this.sources.resolver.resolve(name, port, serviceOf(transport), (error, ip, found, others = [], ttlS) =>
      this.tell((layer) => {
        const all = error === "" ? [{ address: ip, port: found, rank: 0 }, ...others] : [];
        const [first, ...rest] = all.filter((place) => this.isAllowed(place.address, place.port));
        if (first === undefined) layer.unresolved(id);
        else layer.resolved(id, first.address, first.port, rest, ttlS);
      }),
    );
  }

  close(): void {
    this.udp?.close();
    this.tcp?.close();
    this.tls?.close();
    this.udp = this.tcp = this.tls = null;
  }

  private readUdp(): void {
    const socket = this.udp;
    if (socket === null) return;
    this.tell((layer) => {
      if (this.overloads.length > 0 && this.probe.startIfDue(performance.now())) {
        const ip = this.udpIp === 0 ? LOOPBACK : this.udpIp;
        socket.write(this.probe.bytes, 0, this.probe.bytes.length, ip, socket.port);
      }
      let { cut } = socket;
      for (let length = socket.read(this.datagram); length > 0; length = socket.read(this.datagram)) {
        const isCut = socket.cut !== cut;
        cut = socket.cut;
        if (this.brakeMs > 0) Atomics.wait(this.never, 0, 0, this.brakeMs);
        if (this.takeProbe(length)) continue;
        layer.receiveDatagram(socket.address, socket.remotePort, this.datagram, 0, length, isCut);
      }
    });
  }

  /** Tells how long this datagram waited, if that is known. @returns whether it is our own probe */
  private takeProbe(length: number): boolean {
    if (this.overloads.length === 0) return false;
    const nowMs = performance.now();
    const isBack = this.probe.takeReturned(this.datagram, length, nowMs);
    for (const overload of this.overloads) overload.noteWait(this.probe.waitMs(nowMs), nowMs);
    return isBack;
  }

  private tell(what: (layer: TransactionLayer) => void): void {
    if (this.layer === null) return;
    this.before();
    what(this.layer);
    this.after();
  }
}
