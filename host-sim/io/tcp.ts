/**
 * TCP on Node, in the shape of hal/device.ts: one listener, a bounded number of connections, bounded queues of octets
 * to send. Not here: TLS, IPv6, and what a message is (the stream is handed on as it comes).
 */
import { createServer, type Server, Socket } from "node:net";
import type { TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { openError } from "./udp.js";

/** Connections at once, both ways together, unless another number is given. */
export const TCP_CONNECTIONS = 16;
/** Further connections that may be accepted: the user may close another one to have a place for them. */
const TCP_SPARE = 4;
/** Octets that wait to be sent on a connection: a few of the longest messages. */
export const TCP_QUEUE_BYTES = 65536;
/** How long an attempt to open may take, ms: as long as a transaction waits. RFC 3261 §17.1.2.2 (Timer F) */
export const TCP_CONNECT_MS = 32000;
/** After we closed, the other side may take so long to close, ms; then the connection is dropped. */
const CLOSE_MS = 2000;

class NodeTcpConnection implements TcpConnection {
  readonly id: number;
  readonly address: number;
  readonly port: number;
  readonly socket: Socket;
  private readonly stack: NodeTcpStack;
  private open = true;

  constructor(stack: NodeTcpStack, socket: Socket, id: number, address: number, port: number) {
    this.stack = stack;
    this.socket = socket;
    this.id = id;
    this.address = address;
    this.port = port;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => {
      if (this.open) stack.options.onData(this, bytes, 0, bytes.length);
    });
    socket.on("error", () => socket.destroy());
    // The other side has ended its half, so ours ends too.
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      if (!this.open) return;
      this.open = false;
      stack.forget(this);
      stack.options.onClose(this);
    });
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  get isOpen(): boolean {
    return this.open && !this.socket.connecting;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.open || this.socket.writableEnded) return false;
    if (this.socket.writableLength + end - start > TCP_QUEUE_BYTES) return false;
    this.socket.write(Uint8Array.prototype.slice.call(bytes, start, end));
    return true;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.stack.forget(this);
    const { socket } = this;
    if (socket.connecting && socket.writableLength === 0) {
      socket.destroy();
      return;
    }
    // While the connection opens, the time for opening runs; this one begins after it.
    if (socket.connecting) socket.once("connect", () => this.dropSoon());
    else this.dropSoon();
    socket.end();
  }

  drop(): void {
    if (!this.open) return;
    this.open = false;
    this.stack.forget(this);
    this.socket.destroy();
  }

  private dropSoon(): void {
    const timer = setTimeout(() => this.socket.destroy(), CLOSE_MS);
    this.socket.once("close", () => clearTimeout(timer));
  }
}

class NodeTcpStack implements TcpStack {
  readonly port: number;
  readonly options: TcpOptions;
  private readonly server: Server | null;
  private readonly most: number;
  private connections: NodeTcpConnection[] = [];
  private lastId = 0;
  private open = true;

  constructor(server: Server | null, options: TcpOptions, most: number) {
    this.server = server;
    this.most = most;
    this.options = options;
    this.port = server === null ? 0 : (server.address() as { port: number }).port;
    server?.on("connection", (socket) => this.accept(socket));
    server?.on("error", (error) => options.onError("tcp: " + error.message));
  }

  connect(address: number, port: number): TcpConnection | null {
    if (!this.open || this.connections.length >= this.most || port < 1 || port > 65535) return null;
    const socket = new Socket();
    const connection = this.add(socket, address, port);
    socket.setTimeout(TCP_CONNECT_MS, () => socket.destroy());
    socket.once("connect", () => {
      socket.setTimeout(0);
      if (this.find(connection.id) !== null) this.options.onOpen(connection, false);
    });
    const localAddress = this.options.address === 0 ? undefined : ipv4Text(this.options.address);
    socket.connect({ host: ipv4Text(address), port, localAddress });
    return connection;
  }

  find(id: number): TcpConnection | null {
    return this.connections.find((connection) => connection.id === id) ?? null;
  }

  findTo(address: number, port: number): TcpConnection | null {
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const connection = this.connections[i];
      if (connection.address === address && connection.port === port) return connection;
    }
    return null;
  }

  forget(connection: NodeTcpConnection): void {
    this.connections = this.connections.filter((other) => other !== connection);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.server?.close();
    for (const connection of this.connections) connection.close();
  }

  private accept(socket: Socket): void {
    const address = ipv4(socket.remoteAddress ?? "");
    if (!this.open || address < 0 || this.connections.length >= this.most + TCP_SPARE) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.options.onOpen(this.add(socket, address, socket.remotePort ?? 0), true);
  }

  private add(socket: Socket, address: number, port: number): NodeTcpConnection {
    const connection = new NodeTcpConnection(this, socket, ++this.lastId, address, port);
    this.connections.push(connection);
    return connection;
  }
}

/**
 * Listens, unless it only calls. @param connections at once, both ways together @throws Error of one line if the port
 * or the address cannot be had
 */
export function openTcp(options: TcpOptions, connections = TCP_CONNECTIONS): Promise<TcpStack> {
  if (options.isCaller === true) return Promise.resolve(new NodeTcpStack(null, options, connections));
  return new Promise((resolve, reject) => {
    const server = createServer();
    const failed = (error: NodeJS.ErrnoException) =>
      reject(openError(error.code ?? error.message, "tcp", options.address, options.port, options.setting ?? ""));
    server.once("error", failed);
    server.listen({ host: ipv4Text(options.address), port: options.port, exclusive: true }, () => {
      server.off("error", failed);
      resolve(new NodeTcpStack(server, options, connections));
    });
  });
}
