/**
 * UDP on Node, in the shape of hal/device.ts: datagrams wait in a queue of fixed length until they are read. Also the
 * queue itself, which the virtual network uses too, and the message about a port that could not be opened. Not here:
 * IPv6, ICMP errors of single destinations.
 */
import { createSocket, type Socket } from "node:dgram";
import type { UdpOptions, UdpSocket } from "../../hal/device.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";

/** Datagrams that wait at most; more are lost, as in the socket buffer of a device. */
const QUEUE_LENGTH = 256;
/** A receiver may take it as a sign that no router passed the datagram on. RFC 6762 §11 */
const MULTICAST_TTL = 255;

/** Datagrams between the network and a reader, oldest first. */
export class DatagramQueue {
  /** The sender of the datagram that was taken last. */
  address = 0;
  port = 0;
  /** Datagrams longer than the buffer they were taken into. */
  cut = 0;
  /** Datagrams that found the queue full. */
  lost = 0;
  private readonly data: Uint8Array[] = [];
  private readonly addresses: number[] = [];
  private readonly ports: number[] = [];
  private readonly places: number;
  private first = 0;
  private count = 0;

  /** @param places datagrams that wait at most */
  constructor(places = QUEUE_LENGTH) {
    this.places = places;
  }

  /** Keeps `bytes` without a copy. An empty datagram tells nothing and is dropped. @returns false if it was dropped */
  put(bytes: Uint8Array, address: number, port: number): boolean {
    if (bytes.length === 0) return false;
    if (this.count === this.places) {
      this.lost += 1;
      return false;
    }
    const at = (this.first + this.count++) % this.places;
    this.data[at] = bytes;
    this.addresses[at] = address;
    this.ports[at] = port;
    return true;
  }

  /** @returns octets written into `into`, 0 if nothing waits */
  take(into: Uint8Array): number {
    if (this.count === 0) return 0;
    const at = this.first;
    const bytes = this.data[at];
    this.first = (at + 1) % this.places;
    this.count -= 1;
    this.address = this.addresses[at];
    this.port = this.ports[at];
    if (bytes.length <= into.length) {
      into.set(bytes);
      return bytes.length;
    }
    this.cut += 1;
    into.set(bytes.subarray(0, into.length));
    return into.length;
  }
}

class NodeUdpSocket implements UdpSocket {
  readonly port: number;
  private readonly socket: Socket;
  private readonly queue: DatagramQueue;
  private readonly onError: (error: Error | null) => void;
  private open = true;

  constructor(socket: Socket, queue: DatagramQueue, options: UdpOptions) {
    this.socket = socket;
    this.queue = queue;
    this.port = socket.address().port;
    this.onError = (error) => {
      if (error !== null && this.open) options.onError("udp: " + error.message);
    };
    socket.on("error", this.onError);
    socket.on("message", (bytes, from) => {
      const address = ipv4(from.address);
      if (this.open && address >= 0 && queue.put(bytes, address, from.port)) options.onReadable(this);
    });
  }

  get address(): number {
    return this.queue.address;
  }

  get remotePort(): number {
    return this.queue.port;
  }

  get cut(): number {
    return this.queue.cut;
  }

  read(into: Uint8Array): number {
    return this.queue.take(into);
  }

  write(bytes: Uint8Array, start: number, end: number, address: number, port: number): boolean {
    if (!this.open || port < 1 || port > 65535) return false;
    // A copy: Node may send it after this call, when the octets are the caller's again.
    this.socket.send(Uint8Array.prototype.slice.call(bytes, start, end), port, ipv4Text(address), this.onError);
    return true;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.socket.close();
  }
}

/**
 * Opens a socket. @param receiveBytes octets that the kernel is to keep while the program is busy, 0 for its own choice
 * @throws Error of one line if the port or the address cannot be had
 */
export function openUdp(options: UdpOptions, receiveBytes = 0): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    // An address needs no look-up. So the name service is not asked, and datagrams keep their order.
    const { group = 0 } = options;
    const isShared = group !== 0;
    const socket = createSocket({
      type: "udp4",
      reuseAddr: isShared,
      lookup: (host, _options, done) => done(null, host, 4),
    });
    const failed = (error: NodeJS.ErrnoException) => {
      socket.close();
      reject(openError(error.code ?? error.message, "udp", options.address, options.port, options.setting ?? ""));
    };
    socket.once("error", failed);
    socket.bind({ address: boundTo(options), port: options.port, exclusive: true }, () => {
      socket.off("error", failed);
      if (isShared && !join(socket, group, options.address)) {
        failed(Object.assign(new Error("no multicast"), { code: "no multicast there" }));
        return;
      }
      if (receiveBytes > 0) {
        try {
          socket.setRecvBufferSize(receiveBytes);
        } catch {
          // The kernel keeps its own size.
        }
      }
      resolve(new NodeUdpSocket(socket, new DatagramQueue(), options));
    });
  });
}

/**
 * @returns the address to bind to: its group, so that a socket is not told what is sent to the port at our own address;
 * Windows cannot bind to a group
 */
function boundTo({ address, group = 0 }: UdpOptions): string {
  return ipv4Text(group === 0 ? address : process.platform === "win32" ? 0 : group);
}

/**
 * Joins a group in the network of the local address, and sends to groups there.
 * @returns false if that cannot be done
 */
function join(socket: Socket, group: number, address: number): boolean {
  try {
    socket.addMembership(ipv4Text(group), ipv4Text(address));
    socket.setMulticastInterface(ipv4Text(address));
    socket.setMulticastTTL(MULTICAST_TTL);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param code as Node has it: EADDRINUSE, EADDRNOTAVAIL, EACCES or another
 * @param setting the key that chooses the port, "" for none
 */
export function openError(code: string, transport: string, address: number, port: number, setting: string): Error {
  const where = "port " + port + " (" + transport + ") on " + ipv4Text(address);
  const advice = setting === "" ? "" : ": set another " + setting;
  if (code === "EADDRINUSE") return new Error(where + " is in use" + advice);
  if (code === "EACCES") return new Error(where + " may not be opened by this user" + advice);
  if (code === "EADDRNOTAVAIL") {
    const other = setting === "" ? "" : ": set another net.address";
    return new Error(ipv4Text(address) + " is no address of this machine" + other);
  }
  return new Error(where + " cannot be opened (" + code + ")");
}
