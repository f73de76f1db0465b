/**
 * TCP on Node, in the shape of hal/device.ts: one listener, a bounded number of connections, bounded queues of octets
 * to send; outgoing connections can use TLS. Not here: the check of a server (tls.ts), listening for TLS
 * (tlslistener.ts), IPv6, and the bounds of messages (the stream is handed on as it comes).
 */
import { createServer, type Server, Socket } from "node:net";
import type { TcpConnection, TcpOptions, TcpStack, Trust } from "../../hal/device.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { openSecure } from "./tls.js";
import { openError } from "./udp.js";

/** The usual limit of connections at once, in both directions together. */
export const TCP_CONNECTIONS = 16;
/** Connections that may be accepted beyond the limit, so that the user may close another one to make room. */
const TCP_SPARE = 4;
/** The most octets that wait to be sent on a connection: a few of the longest messages. */
export const TCP_QUEUE_BYTES = 65536;
/**
 * The longest time for opening a connection, ms, which is as long as a transaction waits. RFC 3261 §17.1.2.2 (Timer F)
 */
export const TCP_CONNECT_MS = 32000;
/** The time that the other side has to close after us, ms; then the connection is dropped. */
const CLOSE_MS = 2000;

/** The number of the connection that was opened last, over all stacks. */
let lastId = 0;

class NodeTcpConnection implements TcpConnection {
  readonly id: number;
  readonly address: number;
  readonly port: number;
  readonly socket: Socket;
  /** The host that the other side has to prove by TLS; null for an incoming connection, or one without TLS. */
  readonly name: string | null;
  proof: string | undefined;
  private readonly stack: NodeTcpStack;
  private open = true;
  /** The octets to send once the other side has proved who it is; null: it has, or need not. */
  private waiting: Uint8Array[] | null = null;
  private waitingBytes = 0;
  private isEnding = false;

  constructor(stack: NodeTcpStack, socket: Socket, address: number, port: number, name: string | null) {
    this.stack = stack;
    this.socket = socket;
    this.name = name;
    if (name !== null) this.waiting = [];
    if (name !== null || "encrypted" in socket) this.proof = "";
    this.id = ++lastId;
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
    return this.open && this.waiting === null && !this.socket.connecting;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.open || this.socket.writableEnded) return false;
    if (this.socket.writableLength + this.waitingBytes + end - start > TCP_QUEUE_BYTES) return false;
    const copy = Uint8Array.prototype.slice.call(bytes, start, end);
    if (this.waiting === null) this.socket.write(copy);
    else {
      this.waiting.push(copy);
      this.waitingBytes += copy.length;
    }
    return true;
  }

  /** Sends the waiting octets, since the other side has proved who it is. @param proof "CA" or "pin" */
  trustPeer(proof: string): void {
    this.proof = proof;
    for (const bytes of this.waiting ?? []) this.socket.write(bytes);
    this.waiting = null;
    this.waitingBytes = 0;
    if (this.isEnding) this.socket.end();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.stack.forget(this);
    const { socket } = this;
    if (this.waiting !== null && this.waitingBytes > 0) {
      // The handshake has a deadline of its own.
      this.isEnding = true;
      return;
    }
    if (this.waiting !== null || (socket.connecting && socket.writableLength === 0)) {
      socket.destroy();
      return;
    }
    // This timeout begins after the connection is open; until then the time for opening runs.
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

export class NodeTcpStack implements TcpStack {
  readonly port: number;
  readonly options: TcpOptions;
  private readonly server: Server | null;
  private readonly most: number;
  private connections: NodeTcpConnection[] = [];
  private open = true;
  private readonly keylog: ((line: Uint8Array) => void) | undefined;

  /** @param event the server's event for a new connection */
  constructor(server: Server | null, options: TcpOptions, most: number, settings: StackSettings = {}) {
    const { event = "connection", keylog } = settings;
    this.keylog = keylog;
    this.server = server;
    this.most = most;
    this.options = options;
    this.port = server === null ? 0 : (server.address() as { port: number }).port;
    server?.on(event, (socket: Socket) => this.accept(socket));
    server?.on("error", (error) => options.onError("tcp: " + error.message));
  }

  connect(address: number, port: number): TcpConnection | null {
    if (!this.open || this.connections.length >= this.most || port < 1 || port > 65535) return null;
    const socket = new Socket();
    const connection = this.add(socket, address, port, null);
    socket.setTimeout(TCP_CONNECT_MS, () => socket.destroy());
    socket.once("connect", () => {
      socket.setTimeout(0);
      if (this.find(connection.id) !== null) this.options.onOpen(connection, false);
    });
    socket.connect({ host: ipv4Text(address), port, localAddress: this.localAddress });
    return connection;
  }

  connectSecure(address: number, port: number, name: string, trust: Trust): TcpConnection | null {
    const { options, localAddress, keylog } = this;
    if (!this.open || this.connections.length >= this.most || port < 1 || port > 65535) return null;
    const { setting } = options;
    const secure = { address, port, localAddress, name, trust, setting, keylog };
    const socket = openSecure(secure, (problem, proof) => {
      if (problem !== "") {
        options.onError(problem);
        return;
      }
      connection.trustPeer(proof);
      if (this.find(connection.id) !== null) options.onOpen(connection, false);
    });
    if (typeof socket === "string") {
      options.onError(socket);
      return null;
    }
    socket.setTimeout(TCP_CONNECT_MS, () => socket.destroy());
    const connection = this.add(socket, address, port, name);
    return connection;
  }

  findSecure(address: number, port: number, name: string): TcpConnection | null {
    const { connections } = this;
    return connections.find((one) => one.address === address && one.port === port && one.name === name) ?? null;
  }

  private get localAddress(): string | undefined {
    return this.options.address === 0 ? undefined : ipv4Text(this.options.address);
  }

  find(id: number): TcpConnection | null {
    return this.connections.find((connection) => connection.id === id) ?? null;
  }

  findTo(address: number, port: number): TcpConnection | null {
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const connection = this.connections[i];
      if (connection.name === null && connection.address === address && connection.port === port) return connection;
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
    this.options.onOpen(this.add(socket, address, socket.remotePort ?? 0, null), true);
  }

  private add(socket: Socket, address: number, port: number, name: string | null): NodeTcpConnection {
    const connection = new NodeTcpConnection(this, socket, address, port, name);
    this.connections.push(connection);
    return connection;
  }
}

/** Further options of a stack. */
interface StackSettings {
  /** The server's event for a new connection. */
  event?: "connection" | "secureConnection";
  /** Gets the secrets of connections by TLS. */
  keylog?: ((line: Uint8Array) => void) | undefined;
}

/**
 * Makes a stack, which listens unless it is only for outgoing connections. @param connections at once, in both
 * directions together @throws Error of one line if the port or the address is not available
 */
export function openTcp(
  options: TcpOptions,
  connections = TCP_CONNECTIONS,
  settings: StackSettings = {},
  server: Server = createServer(),
): Promise<NodeTcpStack> {
  if (options.isCaller === true) return Promise.resolve(new NodeTcpStack(null, options, connections, settings));
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(openError(error.code ?? error.message, "tcp", options.address, options.port, options.setting ?? ""));
    server.once("error", failed);
    server.listen({ host: ipv4Text(options.address), port: options.port, exclusive: true }, () => {
      server.off("error", failed);
      resolve(new NodeTcpStack(server, options, connections, settings));
    });
  });
}
