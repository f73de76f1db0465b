/**
 * A network of simulated hosts, in the shapes of hal/device.ts: UDP with faults and names; TCP is in streams.ts. Everything
 * happens on one clock and by one random source, so that a seed repeats a run. Not here: sizes of frames, routers, NAT.
 */
import type { Clock, Resolver, TcpOptions, TcpStack, UdpOptions, UdpSocket } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";
import { DatagramQueue, openError } from "../io/udp.js";
import { safe } from "./events.js";
import { VirtualTcpStack } from "./streams.js";

/** How far a datagram that is to come out of order is held back, ms: more than two packets of sound. */
const REORDER_MS = 50;
const FIRST_FREE_PORT = 49152;
const SIP_PORT = 5060;

const PERCENT = "a percentage from 0 to 100";
const MS = "a time from 0 to 60000 ms";

export class VirtualNetwork {
  readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly sockets = new Map<string, VirtualUdpSocket>();
  private readonly listeners = new Map<string, VirtualTcpStack>();
  private readonly names = new Map<string, { address: number; port: number }>();
  /** Chances 0 to 1. */
  private loss = 0;
  private duplicate = 0;
  private reorder = 0;
  private corrupt = 0;
  private delayMs = 1;
  private lastStreamPort = 0;
  private jitterMs = 0;
  /** Nobody reaches anybody. */
  private parted = false;
  /** Hosts that are cut off from the others. */
  private readonly cutOff = new Set<number>();

  constructor(clock: Clock, random: RandomSource) {
    this.clock = clock;
    this.random = random;
  }

  /** A host: what a device is given as its network. */
  host(address: number): VirtualHost {
    return new VirtualHost(this, address);
  }

  /** Makes a name known to all hosts; `port` is what SRV would say. */
  name(name: string, address: number, port = SIP_PORT): void {
    this.names.set(name.toLowerCase(), { address, port });
  }

  /**
   * Sets one fault for all that is sent from now on: loss, duplicate, reorder, corrupt (percent of the datagrams), delay,
   * jitter (ms), partition (on, off, or the address of a host to cut off), clear (all). TCP keeps its order and its octets:
   * there, loss is delay. @returns "" or one line that says what is allowed
   */
  fault(name: string, value: string): string {
    const percent = numberOf(value, "%", 100);
    const ms = numberOf(value, "ms", 60000);
    let allowed = "";
    if (name === "loss" || name === "duplicate" || name === "reorder" || name === "corrupt") {
      if (percent < 0) allowed = PERCENT;
      else this[name] = percent / 100;
    } else if (name === "delay" || name === "jitter") {
      if (ms < 0) allowed = MS;
      else if (name === "delay") this.delayMs = ms;
      else this.jitterMs = ms;
    } else if (name === "partition") {
      const address = ipv4(value);
      if (value === "on" || value === "off") this.parted = value === "on";
      else if (address >= 0) this.cutOff.add(address);
      else allowed = "on, off or the address of a host";
      if (value === "off") this.cutOff.clear();
    } else if (name === "clear") {
      if (value !== "all") allowed = "all";
      else this.clear();
    } else {
      return "there is no fault " + safe(name) + ": loss, duplicate, reorder, corrupt, delay, jitter, partition, clear";
    }
    return allowed === "" ? "" : "fault " + name + ' "' + safe(value) + '": must be ' + allowed;
  }

  /** @returns false when nothing gets from one to the other now; a host always reaches itself, unless all is parted */
  reaches(from: number, to: number): boolean {
    return !this.parted && (from === to || !(this.cutOff.has(from) || this.cutOff.has(to)));
  }

  /** @returns how long the next datagram takes, ms */
  travelMs(): number {
    return this.delayMs + (this.jitterMs > 0 ? this.jitterMs * fraction(this.random) : 0);
  }

  /** @returns whether the next one is lost */
  loses(): boolean {
    return this.happens(this.loss);
  }

  after(delayMs: number, call: () => void): void {
    this.clock.createTimer(call).at(this.clock.now() + delayMs);
  }

  /** For VirtualUdpSocket; takes over `bytes`. */
  send(from: VirtualUdpSocket, bytes: Uint8Array, address: number, port: number): void {
    const copies = this.happens(this.duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.loses() || !this.reaches(from.host, address)) continue;
      let sent = bytes;
      if (this.happens(this.corrupt) && bytes.length > 0) {
        sent = bytes.slice();
        sent[Math.floor(fraction(this.random) * bytes.length)] ^= 1 << Math.floor(fraction(this.random) * 8);
      }
      const heldMs = this.happens(this.reorder) ? REORDER_MS : 0;
      this.after(this.travelMs() + heldMs, () => {
        const to = this.sockets.get(key(address, port)) ?? this.sockets.get(key(0, port));
        if (to !== undefined && this.reaches(from.host, address)) to.arrive(sent, from.host, from.port);
      });
    }
  }

  /** @throws Error of one line when the port is taken */
  bindUdp(host: number, options: UdpOptions): UdpSocket {
    const port = this.freePort(this.sockets, "udp", host, options);
    const socket = new VirtualUdpSocket(this, host, port, options);
    this.sockets.set(key(host, port), socket);
    return socket;
  }

  releaseUdp(socket: VirtualUdpSocket): void {
    this.sockets.delete(key(socket.host, socket.port));
  }

  /** @throws Error of one line when the port is taken */
  listenTcp(host: number, options: TcpOptions): TcpStack {
    const port = this.freePort(this.listeners, "tcp", host, options);
    const stack = new VirtualTcpStack(this, host, port, options);
    this.listeners.set(key(host, port), stack);
    return stack;
  }

  listener(address: number, port: number): VirtualTcpStack | undefined {
    return this.listeners.get(key(address, port));
  }

  releaseTcp(stack: VirtualTcpStack): void {
    this.listeners.delete(key(stack.host, stack.port));
  }

  /** A port for our end of a connection that is to be opened. */
  streamPort(): number {
    this.lastStreamPort = (this.lastStreamPort + 1) % 16384;
    return FIRST_FREE_PORT + this.lastStreamPort;
  }

  lookUp(name: string): { address: number; port: number } | undefined {
    return this.names.get(name.toLowerCase());
  }

  private clear(): void {
    this.loss = this.duplicate = this.reorder = this.corrupt = this.jitterMs = 0;
    this.delayMs = 1;
    this.parted = false;
    this.cutOff.clear();
  }

  private happens(chance: number): boolean {
    return chance > 0 && fraction(this.random) < chance;
  }

  private freePort(taken: Map<string, unknown>, transport: string, host: number, options: UdpOptions | TcpOptions) {
    let port = options.port;
    if (port === 0) for (port = FIRST_FREE_PORT; taken.has(key(host, port)); ) port += 1;
    else if (taken.has(key(host, port))) {
      throw openError("EADDRINUSE", transport, host, port, options.setting ?? "");
    }
    return port;
  }
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

  /** Binds to this host whatever address the options have. Rejects with an Error of one line. */
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
  private readonly network: VirtualNetwork;
  private readonly options: UdpOptions;
  private readonly queue = new DatagramQueue();
  private open = true;

  constructor(network: VirtualNetwork, host: number, port: number, options: UdpOptions) {
    this.network = network;
    this.host = host;
    this.port = port;
    this.options = options;
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
    if (this.open && this.queue.put(bytes, address, port)) this.options.onReadable();
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

  resolve(
    name: string,
    port: number,
    _tcp: boolean,
    done: (error: string, address: number, port: number) => void,
  ): void {
    this.network.after(this.network.travelMs(), () => {
      const literal = ipv4(name);
      const found = literal >= 0 ? { address: literal, port: SIP_PORT } : this.network.lookUp(name);
      if (found === undefined) done("no such host: " + name, -1, -1);
      else done("", found.address, port < 0 ? found.port : port);
    });
  }
}

function key(address: number, port: number): string {
  return address + ":" + port;
}

/** @returns a decimal from 0 to `max`, its unit allowed; -1 for anything else */
function numberOf(value: string, unit: string, max: number): number {
  const digits = value.endsWith(unit) ? value.slice(0, -unit.length) : value;
  const number = /^\d{1,6}(\.\d{1,6})?$/.test(digits) ? Number(digits) : -1;
  return number <= max ? number : -1;
}
