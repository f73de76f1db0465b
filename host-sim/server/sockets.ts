/**
 * The server's sockets on Node: one UDP port, one TCP port, or both. What comes goes into the transaction layer at once, without a
 * queue in between; what leaves is copied, because Node may send it later.
 * Not here: TLS, IPv6.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, Socket, type Server as TcpServer } from "node:net";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import type { TransactionLayer } from "../../src/transaction/layer.js";
import type { Network } from "../../src/transaction/transport.js";
import { TRANSPORT_TCP } from "../../src/wire/names.js";
import { NodeResolver } from "../io/resolver.js";
import { openError } from "../io/udp.js";
import type { Listen } from "./options.js";

/** Octets that may wait on a connection whose other side does not read. */
const QUEUE_BYTES = 262144;
const CONNECT_MS = 32000;
/** What the kernel keeps while we are busy. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

export class Sockets implements Network {
  udpPort = 0;
  tcpPort = 0;
  lost = 0;
  /** Where what comes goes; `wake` is called before and after. */
  layer: TransactionLayer | null = null;
  before: () => void = () => {};
  after: () => void = () => {};
  private udp: UdpSocket | null = null;
  private tcp: TcpServer | null = null;
  private readonly streams = new Map<number, Socket>();
  private readonly resolver: NodeResolver;
  private last = 0;

  constructor(random: RandomSource) {
    this.resolver = new NodeResolver(random);
  }

  /** @throws Error of one line */
  async open(places: readonly Listen[]): Promise<void> {
    for (const place of places) await (place.transport === "udp" ? this.openUdp(place) : this.openTcp(place));
  }

  private openUdp({ ip, port }: Listen): Promise<void> {
    const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void =>
        reject(openError(error.code ?? error.message, "udp", ip, port, ""));
      socket.once("error", failed);
      socket.bind({ address: ipv4Text(ip), port, exclusive: true }, () => {
        socket.off("error", failed);
        socket.on("error", () => {
          this.lost += 1;
        });
        try {
          socket.setRecvBufferSize(RECEIVE_BYTES);
        } catch {
          // The kernel's own size has to do.
        }
        this.udp = socket;
        this.udpPort = socket.address().port;
        socket.on("message", (bytes, from) => {
          this.before();
          this.layer?.receiveDatagram(ipv4(from.address), from.port, bytes, 0, bytes.length);
          this.after();
        });
        resolve();
      });
    });
  }

  private openTcp({ ip, port }: Listen): Promise<void> {
    const server = createServer();
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void =>
        reject(openError(error.code ?? error.message, "tcp", ip, port, ""));
      server.once("error", failed);
      server.listen({ host: ipv4Text(ip), port, exclusive: true }, () => {
        server.off("error", failed);
        server.on("error", () => {
          this.lost += 1;
        });
        this.tcp = server;
        this.tcpPort = (server.address() as { port: number }).port;
        server.on("connection", (socket) => {
          const address = ipv4(socket.remoteAddress ?? "");
          const number = this.add(socket);
          this.before();
          if (address < 0 || this.layer?.streamOpened(number, address, socket.remotePort ?? 0) !== true)
            this.closeStream(number);
          this.after();
        });
        resolve();
      });
    });
  }

  private add(socket: Socket): number {
    const number = ++this.last;
    this.streams.set(number, socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    socket.on("data", (bytes) => {
      if (!this.streams.has(number)) return;
      this.before();
      this.layer?.receiveStream(number, bytes as Uint8Array, 0, bytes.length);
      this.after();
    });
    socket.on("close", () => {
      if (!this.streams.delete(number)) return;
      this.before();
      this.layer?.streamClosed(number);
      this.after();
    });
    return number;
  }

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.udp === null || port < 1 || port > 65535) return false;
    this.udp.send(Uint8Array.prototype.slice.call(bytes, start, end), port, ipv4Text(ip), (error) => {
      if (error !== null) this.lost += 1;
    });
    return true;
  }

  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.tcp === null && connection < 0) return -1;
    let number = connection;
    if (number < 0) {
      if (port < 1 || port > 65535) return -1;
      const socket = new Socket();
      number = this.add(socket);
      socket.setTimeout(CONNECT_MS, () => socket.destroy());
      socket.once("connect", () => socket.setTimeout(0));
      socket.connect({ host: ipv4Text(ip), port });
    }
    const socket = this.streams.get(number);
    if (socket === undefined || socket.writableEnded || socket.writableLength + end - start > QUEUE_BYTES) return -1;
    socket.write(Uint8Array.prototype.slice.call(bytes, start, end));
    return number;
  }

  closeStream(connection: number): void {
    const socket = this.streams.get(connection);
    this.streams.delete(connection);
    socket?.destroySoon();
  }

  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void {
    this.resolver.resolve(text(bytes, start, end), port, transport === TRANSPORT_TCP, (error, ip, found) => {
      this.before();
      if (error === "") this.layer?.resolved(id, ip, found);
      else this.layer?.unresolved(id);
      this.after();
    });
  }

  close(): void {
    this.udp?.close();
    this.tcp?.close();
    this.udp = this.tcp = null;
    for (const socket of this.streams.values()) socket.destroySoon();
    this.streams.clear();
  }
}

/** What a text is in a header field; refuses what would end the line. */
export function fieldValue(value: string): Uint8Array {
  return octets(value.replace(/[\r\n\0]/g, ""));
}
