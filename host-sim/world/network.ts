/**
 * A network of simulated hosts, in the shapes of hal/device.ts: UDP with faults and names; TCP is in streams.ts.
 * Everything happens on one clock and by one random source, so that a seed repeats a run. Not here: sizes of frames,
 * routers, NAT.
 */
import type {
  Clock,
  Resolver,
  ResolverDone,
  Service,
  TcpOptions,
  TcpStack,
  UdpOptions,
  UdpSocket,
} from "../../hal/device.js";
import { ipv4, type Place } from "../../src/core/address.js";
import type { RandomSource } from "../../src/core/random.js";
import { DatagramQueue, openError } from "../io/udp.js";
import { Faults, type TcpFault } from "./faults.js";
import { VirtualTcp, type Ways } from "./streams.js";

/** The time of a datagram without faults. */
const WIRE_MS = 1;
const FIRST_FREE_PORT = 49152;
const SIP_PORT = 5060;

export class VirtualNetwork implements Ways {
  readonly clock: Clock;
  private readonly faults: Faults;
  private readonly sockets = new Map<string, VirtualUdpSocket>();
  /** Sockets that joined a multicast group. */
  private readonly members = new Set<VirtualUdpSocket>();
  private readonly streams: VirtualTcp;
  private readonly names = new Map<string, readonly Place[]>();

  constructor(clock: Clock, random: RandomSource) {
    this.clock = clock;
    this.faults = new Faults(random, WIRE_MS);
    this.streams = new VirtualTcp(this);
  }

  /** @returns a host, which is the network of a device */
  host(address: number): VirtualHost {
    return new VirtualHost(this, address);
  }

  /**
   * Makes a name known to all hosts.
   * @param port what SRV would say @param others further places, in the order in which they are to be tried
   */
  name(name: string, address: number, port = SIP_PORT, others: readonly Place[] = []): void {
    this.names.set(name.toLowerCase(), [{ address, port, rank: 0 }, ...others]);
  }

  /** Sets a fault as `Faults.set` does. TCP keeps its order and its octets: there, loss is delay. */
  fault(name: string, value: string): string {
    return this.faults.set(name, value);
  }

  reaches(from: number, to: number): boolean {
    return this.faults.reaches(from, to);
  }

  get tcpFault(): TcpFault {
    return this.faults.tcp;
  }

  travelMs(): number {
    return this.faults.travelMs();
  }

  loses(): boolean {
    return this.faults.loses();
  }

  after(delayMs: number, call: () => void): void {
    this.clock.createTimer(call).at(this.clock.now() + delayMs);
  }

  /** For VirtualUdpSocket; takes over `bytes`. */
  send(from: VirtualUdpSocket, bytes: Uint8Array, address: number, port: number): void {
    for (let copies = this.faults.copies(); copies > 0; copies--) {
      if (this.loses() || !this.reaches(from.host, address)) continue;
      const queuedMs = this.faults.queueMs(bytes.length, this.clock.now());
      if (queuedMs < 0) continue;
      const sent = this.faults.corrupted(bytes);
      this.after(this.travelMs() + this.faults.heldMs() + queuedMs, () => {
        for (const to of this.receivers(address, port)) {
          if (this.reaches(from.host, to.host === 0 ? address : to.host)) to.arrive(sent, from.host, from.port);
        }
      });
    }
  }

  /** @returns the socket at that place, or all members of the group, the sender too */
  private receivers(address: number, port: number): VirtualUdpSocket[] {
    const members = [...this.members].filter((member) => member.group === address && member.port === port);
    const to = this.sockets.get(key(address, port)) ?? this.sockets.get(key(0, port));
    return to === undefined ? members : [to];
  }

  /** @throws Error of one line if the port is taken */
  bindUdp(host: number, options: UdpOptions): UdpSocket {
    if (options.group !== undefined) {
      const member = new VirtualUdpSocket(this, host, options.port, options);
      this.members.add(member);
      return member;
    }
    const port = freePort((port) => this.sockets.has(key(host, port)), "udp", host, options);
    const socket = new VirtualUdpSocket(this, host, port, options);
    this.sockets.set(key(host, port), socket);
    return socket;
  }

  releaseUdp(socket: VirtualUdpSocket): void {
    if (!this.members.delete(socket)) this.sockets.delete(key(socket.host, socket.port));
  }

  /** @throws Error of one line if the port is taken */
  listenTcp(host: number, options: TcpOptions): TcpStack {
    if (options.isCaller === true) return this.streams.listen(host, 0, options);
    const port = freePort((port) => this.streams.isTaken(host, port), "tcp", host, options);
    return this.streams.listen(host, port, options);
  }

  lookUp(name: string): readonly Place[] | undefined {
    return this.names.get(name.toLowerCase());
  }
}

/** @throws Error of one line if the port that the options name is taken */
function freePort(
  isTaken: (port: number) => boolean,
  transport: string,
  host: number,
  options: UdpOptions | TcpOptions,
): number {
  let port = options.port;
  if (port === 0) for (port = FIRST_FREE_PORT; isTaken(port); ) port += 1;
  else if (isTaken(port)) throw openError("EADDRINUSE", transport, host, port, options.setting ?? "");
  return port;
}

/** One host's network, as a device sees it. */
export class VirtualHost {
  readonly address: number;
  readonly resolver: Resolver;
  private readonly network: VirtualNetwork;

  constructor(network: VirtualNetwork, address: number) {
    this.network = network;
    this.address = address;
    this.resolver = new VirtualResolver(network);
  }

  /** Binds to this host, whichever address the options have. Rejects with an Error of one line. */
  async udp(options: UdpOptions): Promise<UdpSocket> {
    return this.network.bindUdp(this.address, options);
  }

  async tcp(options: TcpOptions): Promise<TcpStack> {
    return this.network.listenTcp(this.address, options);
  }
}

class VirtualUdpSocket implements UdpSocket {
  readonly host: number;
  readonly port: number;
  readonly group: number;
  private readonly network: VirtualNetwork;
  private readonly options: UdpOptions;
  private readonly queue = new DatagramQueue();
  private open = true;

  constructor(network: VirtualNetwork, host: number, port: number, options: UdpOptions) {
    this.network = network;
    this.host = host;
    this.port = port;
    this.options = options;
    this.group = options.group ?? 0;
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
    this.network.send(this, Uint8Array.prototype.slice.call(bytes, start, end), address, port);
    return true;
  }

  arrive(bytes: Uint8Array, address: number, port: number): void {
    if (this.open && this.queue.put(bytes, address, port)) this.options.onReadable(this);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.network.releaseUdp(this);
  }
}

class VirtualResolver implements Resolver {
  private readonly network: VirtualNetwork;

  constructor(network: VirtualNetwork) {
    this.network = network;
  }

  resolve(name: string, port: number, service: Service, done: ResolverDone): void {
    this.network.after(this.network.travelMs(), () => {
      const literal = ipv4(name);
      const found = literal >= 0 ? [{ address: literal, port: SIP_PORT, rank: 0 }] : this.network.lookUp(name);
      const step = service === "tls" ? 1 : 0;
      const places = (found ?? []).map((place) => ({ ...place, port: port < 0 ? place.port + step : port }));
      if (places.length === 0) done("no such host: " + name, -1, -1);
      else done("", places[0].address, places[0].port, places.slice(1));
    });
  }
}

function key(address: number, port: number): string {
  return address + ":" + port;
}
