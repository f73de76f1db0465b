/**
 * TCP of the virtual network: connections that keep order and octets with any faults. Lost octets come later, and a
 * connection that gets nothing through is given up. Not here: segments, windows, checksums.
 */
import type { Clock, TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { TCP_CONNECT_MS, TCP_CONNECTIONS, TCP_QUEUE_BYTES } from "../io/tcp.js";
import type { TcpFault } from "./faults.js";

/** The delay of a lost segment, ms; the smallest retransmission time-out in use. */
const RETRANSMIT_MS = 200;
/** While no way is open it is tried this often, and for this long, ms. */
const RETRY_MS = 1000;
const GIVE_UP_MS = 60000;

/** Ports of our ends of connections. */
const FIRST_OWN_PORT = 49152;
const OWN_PORTS = 16384;

const STATE_OPENING = 0;
const STATE_OPEN = 1;
const STATE_CLOSED = 2;

const ITEM_OPEN = 0;
const ITEM_DATA = 1;
const ITEM_CLOSE = 2;

interface Item {
  /** ITEM_* */
  kind: number;
  bytes: Uint8Array | null;
  putMs: number;
}

/** The network for the connections: how long the way takes, and which faults it has. */
export interface Ways {
  readonly clock: Clock;
  readonly tcpFault: TcpFault;
  reaches(from: number, to: number): boolean;
  travelMs(): number;
  loses(): boolean;
  after(delayMs: number, call: () => void): void;
}

/** The TCP of all simulated hosts, with their listeners. */
export class VirtualTcp {
  readonly ways: Ways;
  private readonly listeners = new Map<string, VirtualTcpStack>();
  private lastPort = 0;

  constructor(ways: Ways) {
    this.ways = ways;
  }

  isTaken(host: number, port: number): boolean {
    return this.listener(host, port) !== undefined;
  }

  listen(host: number, port: number, options: TcpOptions): TcpStack {
    const stack = new VirtualTcpStack(this, host, port, options);
    if (port > 0) this.listeners.set(host + ":" + port, stack);
    return stack;
  }

  listener(host: number, port: number): VirtualTcpStack | undefined {
    return this.listeners.get(host + ":" + port);
  }

  release(stack: VirtualTcpStack): void {
    if (stack.port > 0) this.listeners.delete(stack.host + ":" + stack.port);
  }

  /** A port for our end of a connection that is to be opened. */
  ownPort(): number {
    this.lastPort = (this.lastPort + 1) % OWN_PORTS;
    return FIRST_OWN_PORT + this.lastPort;
  }
}

export class VirtualTcpStack implements TcpStack {
  readonly host: number;
  readonly port: number;
  readonly network: Ways;
  private readonly tcp: VirtualTcp;
  readonly options: TcpOptions;
  private connections: VirtualTcpConnection[] = [];
  private lastId = 0;
  private open = true;

  constructor(tcp: VirtualTcp, host: number, port: number, options: TcpOptions) {
    this.tcp = tcp;
    this.network = tcp.ways;
    this.host = host;
    this.port = port;
    this.options = options;
  }

  connect(address: number, port: number): TcpConnection | null {
    if (port < 1 || port > 65535) return null;
    const connection = this.add(this.tcp.ownPort(), address, port);
    if (connection === null) return null;
    this.knock(connection, this.network.clock.now() + TCP_CONNECT_MS);
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

  /** @returns null if there is no room */
  add(localPort: number, address: number, port: number): VirtualTcpConnection | null {
    if (!this.open || this.connections.length >= TCP_CONNECTIONS) return null;
    const connection = new VirtualTcpConnection(this, ++this.lastId, localPort, address, port);
    this.connections.push(connection);
    return connection;
  }

  forget(connection: VirtualTcpConnection): void {
    this.connections = this.connections.filter((other) => other !== connection);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.tcp.release(this);
    for (const connection of this.connections) connection.close();
  }

  /** Tries the handshake again as long as the other host cannot be reached. */
  private knock(connection: VirtualTcpConnection, untilMs: number): void {
    const network = this.network;
    network.after(network.travelMs(), () => {
      if (connection.state === STATE_CLOSED && !connection.lingers()) return;
      const isDropped = network.tcpFault === "drop" || network.loses();
      if (isDropped || !network.reaches(this.host, connection.address)) {
        if (network.clock.now() >= untilMs) connection.fail();
        else network.after(RETRY_MS, () => this.knock(connection, untilMs));
        return;
      }
      const isRefused = network.tcpFault === "refuse";
      const stack = isRefused ? undefined : this.tcp.listener(connection.address, connection.port);
      const other = stack?.add(stack.port, this.host, connection.localPort) ?? null;
      if (stack === undefined || other === null) {
        network.after(network.travelMs(), () => connection.fail());
        return;
      }
      connection.join(other);
      other.join(connection);
      other.answer();
      other.arriveOpen(true);
    });
  }
}

export class VirtualTcpConnection implements TcpConnection {
  readonly id: number;
  readonly address: number;
  readonly port: number;
  readonly localPort: number;
  state = STATE_OPENING;
  private readonly stack: VirtualTcpStack;
  private other: VirtualTcpConnection | null = null;
  /** The items on their way to the other side, oldest first. */
  private readonly queue: Item[] = [];
  private queuedBytes = 0;
  private arrivalMs = 0;
  private openedMs = 0;
  private walking = false;

  constructor(stack: VirtualTcpStack, id: number, localPort: number, address: number, port: number) {
    this.stack = stack;
    this.localPort = localPort;
    this.id = id;
    this.address = address;
    this.port = port;
  }

  get isOpen(): boolean {
    return this.state === STATE_OPEN;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.state === STATE_CLOSED || this.queuedBytes + end - start > TCP_QUEUE_BYTES) return false;
    this.queuedBytes += end - start;
    this.put(ITEM_DATA, Uint8Array.prototype.slice.call(bytes, start, end));
    return true;
  }

  close(): void {
    if (this.state === STATE_CLOSED) return;
    this.state = STATE_CLOSED;
    this.stack.forget(this);
    this.put(ITEM_CLOSE, null);
  }

  drop(): void {
    if (this.state === STATE_CLOSED) return;
    this.queue.length = this.queuedBytes = 0;
    this.close();
  }

  join(other: VirtualTcpConnection): void {
    this.other = other;
  }

  /** @returns whether it was closed with octets left to send */
  lingers(): boolean {
    return this.queuedBytes > 0;
  }

  /** The second half of the handshake takes the same queue as the data, so that nothing overtakes it. */
  answer(): void {
    this.put(ITEM_OPEN, null);
    this.walk();
  }

  arriveOpen(incoming: boolean): void {
    if (this.state === STATE_OPENING) {
      this.state = STATE_OPEN;
      this.stack.options.onOpen(this, incoming);
    }
    if (incoming) return;
    this.openedMs = this.stack.network.clock.now();
    this.walk();
  }

  /** The connection ended without our doing. */
  fail(): void {
    if (this.state === STATE_CLOSED) return;
    this.state = STATE_CLOSED;
    this.queue.length = 0;
    this.stack.forget(this);
    this.stack.options.onClose(this);
  }

  private put(kind: number, bytes: Uint8Array | null): void {
    this.queue.push({ kind, bytes, putMs: this.stack.network.clock.now() });
    // Before the handshake is done, written octets wait.
    if (this.other !== null && this.state !== STATE_OPENING) this.walk();
  }

  /** Times the arrival of the oldest item by when it was put; the next one's turn comes when it has arrived. */
  private walk(): void {
    if (this.walking || this.queue.length === 0) return;
    this.walking = true;
    const network = this.stack.network;
    const item = this.queue[0];
    const sentMs = Math.max(item.putMs, this.openedMs);
    const lostMs = network.loses() ? RETRANSMIT_MS : 0;
    this.arrivalMs = Math.max(this.arrivalMs, sentMs + network.travelMs() + lostMs);
    network.clock
      .createTimer(() => this.deliver(network.clock.now() + GIVE_UP_MS))
      .at(Math.max(this.arrivalMs, network.clock.now()));
  }

  private deliver(untilMs: number): void {
    const network = this.stack.network;
    const other = this.other;
    const item = this.queue[0];
    if (other === null || item === undefined) {
      this.walking = false;
      return;
    }
    if (network.tcpFault === "reset" && item.kind === ITEM_DATA) {
      this.fail();
      other.fail();
      return;
    }
    if (!network.reaches(this.stack.host, this.address)) {
      if (network.clock.now() < untilMs) {
        network.after(RETRY_MS, () => this.deliver(untilMs));
        return;
      }
      this.fail();
      other.fail();
      return;
    }
    this.queue.shift();
    this.walking = false;
    if (item.bytes !== null) this.queuedBytes -= item.bytes.length;
    if (item.kind === ITEM_OPEN) other.arriveOpen(false);
    else if (item.kind === ITEM_CLOSE) other.fail();
    else if (other.state === STATE_OPEN && item.bytes !== null) {
      other.stack.options.onData(other, item.bytes, 0, item.bytes.length);
    }
    this.walk();
  }
}
