/**
 * The TCP connections of the SDK as a stack of hal/device.ts: a listener, a few connections, and for each a queue for
 * what the network does not take yet. Not here: TLS; binding to one of several addresses.
 */
import { ipv4, ipv4Text } from "../../src/core/address.js";
import type { TcpConnection, TcpOptions, TcpStack } from "../device.js";

/** Connections at once: twice what the transport layer keeps. */
export const CONNECTIONS = 4;
const QUEUE_BYTES = 4096;

/** The part of ECMA-419's TCP socket that is used. */
export interface Stream {
  /** The object that the options gave. ECMA-419 §9.1 */
  target?: StreamUser;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  read(): number | ArrayBuffer | undefined;
  write(value: number | ArrayBuffer): void;
  close(): void;
}

/** Whom a socket tells what happens to it. */
export interface StreamUser {
  onReadable(): void;
  onWritable(bytes: number): void;
  onError(): void;
}

export interface StreamOptions {
  address?: string;
  port?: number;
  from?: Stream;
  format: "buffer";
  nodelay: boolean;
  target: StreamUser;
  // The socket calls these as its own methods, and has the target.
  onReadable(this: Stream): void;
  onWritable(this: Stream, bytes: number): void;
  onError(this: Stream): void;
}

export interface StreamListener {
  read(): Stream | undefined;
  close?(): void;
}

export interface StreamClasses {
  connect(options: StreamOptions): Stream;
  listen(options: { port: number; onReadable(requests: number): void }): StreamListener;
}

// All sockets have the same three functions and find their connection by their target: three closures for each
// connection take 500 octets on XS.
function tellReadable(this: Stream): void {
  this.target?.onReadable();
}

function tellWritable(this: Stream, bytes: number): void {
  this.target?.onWritable(bytes);
}

function tellError(this: Stream): void {
  this.target?.onError();
}

class Connection implements TcpConnection, StreamUser {
  readonly localPort = 0;
  readonly id: number;
  address = 0;
  port = 0;
  private readonly owner: Streams;
  private readonly isIncoming: boolean;
  /** Octets that the network does not take yet; null while there are none, since most connections never have any. */
  private queue: Uint8Array | null = null;
  private queued = 0;
  private room = 0;
  private stream: Stream | null = null;
  isOpen = false;
  private isLeaving = false;

  constructor(owner: Streams, id: number, isIncoming: boolean) {
    this.owner = owner;
    this.id = id;
    this.isIncoming = isIncoming;
  }

  /** @throws what the socket throws */
  open(classes: StreamClasses, address: number, port: number, from: Stream | null): void {
    this.address = address;
    this.port = port;
    const options: StreamOptions = {
      format: "buffer",
      nodelay: true,
      target: this,
      onReadable: tellReadable,
      onWritable: tellWritable,
      onError: tellError,
    };
    if (from !== null) options.from = from;
    else {
      options.address = ipv4Text(address);
      options.port = port;
    }
    this.stream = classes.connect(options);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.stream === null || this.isLeaving || this.queued + end - start > QUEUE_BYTES) return false;
    // A failure is told by `onClose`, as later ones are.
    if (this.queued === 0 && end - start <= this.room) {
      this.send(bytes.slice(start, end));
      return true;
    }
    this.queue ??= new Uint8Array(QUEUE_BYTES);
    for (let i = start; i < end; i++) this.queue[this.queued++] = bytes[i];
    this.flush();
    return true;
  }

  close(): void {
    this.isLeaving = true;
    if (this.queued === 0 || !this.isOpen) this.release();
  }

  drop(): void {
    this.isLeaving = true;
    this.release();
  }

  release(): void {
    const stream = this.stream;
    this.stream = null;
    this.isOpen = false;
    this.owner.remove(this);
    if (stream !== null) stream.close();
  }

  onWritable(bytes: number): void {
    this.room = bytes;
    if (!this.isOpen) {
      this.isOpen = true;
      this.owner.options.onOpen(this, this.isIncoming);
    }
    this.flush();
  }

  onReadable(): void {
    const data = this.stream === null ? undefined : this.stream.read();
    if (!(data instanceof ArrayBuffer) || this.isLeaving) return;
    // Octets of an incoming connection may be told before it can be written to.
    if (!this.isOpen) {
      this.isOpen = true;
      this.owner.options.onOpen(this, this.isIncoming);
    }
    if (this.stream !== null) this.owner.options.onData(this, new Uint8Array(data), 0, data.byteLength);
  }

  private flush(): void {
    const { queue } = this;
    const count = Math.min(this.queued, this.room);
    if (count > 0 && queue !== null && this.stream !== null) {
      const part = queue.slice(0, count);
      queue.copyWithin(0, count, this.queued);
      this.queued -= count;
      if (this.queued === 0) this.queue = null;
      if (!this.send(part)) return;
    }
    if (this.isLeaving && this.queued === 0) this.release();
  }

  /** Hands octets to the network, which has room for them. @returns false if the connection has failed */
  private send(part: Uint8Array<ArrayBuffer>): boolean {
    this.room -= part.length;
    try {
      this.stream?.write(part.buffer);
      return true;
    } catch {
      this.onError();
      return false;
    }
  }

  onError(): void {
    if (this.stream === null) return;
    const wasLeaving = this.isLeaving;
    this.release();
    if (!wasLeaving) this.owner.options.onClose(this);
  }
}

export class Streams implements TcpStack {
  readonly port: number;
  readonly options: TcpOptions;
  private readonly classes: StreamClasses;
  private readonly listener: StreamListener | null;
  private readonly connections: Connection[] = [];
  private lastId = 0;

  /** @throws what the listener throws */
  constructor(classes: StreamClasses, options: TcpOptions) {
    this.classes = classes;
    this.options = options;
    this.port = options.port;
    this.listener =
      options.isCaller === true
        ? null
        : classes.listen({ port: options.port, onReadable: (requests) => this.accept(requests) });
  }

  connect(address: number, port: number): TcpConnection | null {
    return this.add(address, port, null);
  }

  find(id: number): TcpConnection | null {
    for (let i = 0; i < this.connections.length; i++) if (this.connections[i].id === id) return this.connections[i];
    return null;
  }

  findTo(address: number, port: number): TcpConnection | null {
    for (let i = this.connections.length - 1; i >= 0; i--) {
      const one = this.connections[i];
      if (one.address === address && one.port === port) return one;
    }
    return null;
  }

  close(): void {
    this.listener?.close?.();
    while (this.connections.length > 0) this.connections[this.connections.length - 1].release();
  }

  remove(connection: Connection): void {
    const at = this.connections.indexOf(connection);
    if (at >= 0) this.connections.splice(at, 1);
  }

  private accept(requests: number): void {
    for (let i = 0; i < requests; i++) {
      const from = this.listener?.read();
      if (from === undefined) return;
      const address = ipv4(from.remoteAddress ?? "");
      if (address < 0 || this.add(address, from.remotePort ?? 0, from) === null) from.close();
    }
  }

  private add(address: number, port: number, from: Stream | null): Connection | null {
    if (this.connections.length === CONNECTIONS) return null;
    const connection = new Connection(this, ++this.lastId, from !== null);
    this.connections.push(connection);
    try {
      connection.open(this.classes, address, port, from);
    } catch {
      this.remove(connection);
      return null;
    }
    return connection;
  }
}
