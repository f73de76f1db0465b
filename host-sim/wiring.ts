/**
 * Joins a party of the simulated house to the network: its sockets are those of this machine or of the virtual network.
 * Each has a wiretap for the ladder and the pcap, and the script's faults. Not here: the parties (party.ts,
 * house-server.ts).
 */
import { networkInterfaces } from "node:os";
import type {
  Clock,
  Resolver,
  TcpConnection,
  TcpOptions,
  TcpStack,
  Trust,
  UdpOptions,
  UdpSocket,
} from "../hal/device.js";
import { ipv4, ipv4Text } from "../src/core/address.js";
import type { RandomSource } from "../src/core/random.js";
import type { TimerWatcher } from "../src/transaction/watcher.js";
import { Complaints, type DoorListener, listenSecure } from "./io/doorlistener.js";
import { NodeResolver } from "./io/resolver.js";
import { openTcp } from "./io/tcp.js";
import { openUdp } from "./io/udp.js";
import type { Carried } from "./world/carried.js";
import type { SimEvent } from "./world/events.js";
import type { Faults } from "./world/faults.js";
import type { Ladder } from "./world/ladder.js";
import type { VirtualHost, VirtualNetwork } from "./world/network.js";
import type { Pcap } from "./world/pcap.js";

/** The surroundings that all parties share. */
export interface House {
  clock: Clock;
  /** Null for the machine's own network. */
  network: VirtualNetwork | null;
  /** The faults for datagrams on the machine's own network. */
  faults: Faults;
  wiretap: Wiretap;
  tell(event: SimEvent): void;
  /** Gets the secrets of connections by TLS. */
  keylog?: ((line: Uint8Array) => void) | undefined;
  /** Makes the observer of a party's timers; undefined: there is none. */
  watch?: (who: string) => TimerWatcher;
}

/** A message as a party of the house sends or gets it. Addresses are numbers, and there is no time. */
interface Seen extends Omit<Carried, "tMs" | "from" | "to"> {
  from: number;
  to: number;
}

/** Gets each message once, from any sender, and gives it to the ladder and the pcap. */
export class Wiretap {
  ladder: Ladder | null = null;
  pcap: Pcap | null = null;
  /** Gets every message that is delivered, before the ladder does. */
  onCarried: ((carried: Carried) => void) | null = null;
  private readonly own = new Map<string, string>();
  private readonly ends = new Map<string, number>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Notes that a port belongs to one of the parties. Messages from it are shown when they are sent, not again on
   * arrival.
   */
  add(ip: number, port: number, owner: string): void {
    this.own.set(ip + ":" + port, owner);
  }

  /** @returns the owner of the port, "" if it belongs to none of the parties. The address is a dotted quad */
  ownerOf(ip: string, port: number): string {
    return this.own.get(ipv4(ip) + ":" + port) ?? "";
  }

  isOwn(ip: number, port: number): boolean {
    return this.own.has(ip + ":" + port) || this.ends.has(ip + ":" + port);
  }

  /** A connection that a party opened has a port of its own; the ladder shows the SIP port of that party instead. */
  addEnd(ip: number, port: number, sipPort: number): void {
    if (port > 0) this.ends.set(ip + ":" + port, sipPort);
  }

  private sipPort(ip: number, port: number): number {
    return this.ends.get(ip + ":" + port) ?? port;
  }

  seen(seen: Seen): void {
    const carried = { ...seen, tMs: this.clock.now(), from: ipv4Text(seen.from), to: ipv4Text(seen.to) };
    this.onCarried?.(carried);
    if (seen.isSip) {
      const fromPort = this.sipPort(seen.from, seen.fromPort);
      const toPort = this.sipPort(seen.to, seen.toPort);
      this.ladder?.message({ ...carried, fromPort, toPort });
    }
    this.pcap?.message(carried);
  }

  /** Notes that a party, the first side, closes a connection. */
  closed(from: number, fromPort: number, to: number, toPort: number): void {
    this.pcap?.closeTcp(this.clock.now(), { from: ipv4Text(from), fromPort, to: ipv4Text(to), toPort });
  }
}

/** The network for one party. */
export class Wiring {
  readonly resolver: Resolver;
  private readonly house: House;
  private readonly ip: number;
  private readonly owner: string;
  private readonly host: VirtualHost | null;

  /** @param ip the party's address @param owner its name */
  constructor(house: House, ip: number, owner: string, random: RandomSource) {
    this.house = house;
    this.owner = owner;
    this.ip = ip;
    this.host = house.network?.host(ip) ?? null;
    this.resolver = this.host !== null ? this.host.resolver : new NodeResolver(random);
  }

  /** @param isSip whether its messages are shown @throws Error of one line if the port is taken */
  async udp(options: UdpOptions, isSip: boolean): Promise<UdpSocket> {
    let tapped: UdpSocket | null = null;
    // The user knows the socket that it has, not the one behind it.
    const onReadable = (): void => {
      if (tapped !== null) options.onReadable(tapped);
    };
    const inner = { ...options, onReadable };
    tapped = this.tapUdp(await (this.host !== null ? this.host.udp(inner) : openUdp(inner)), isSip);
    return tapped;
  }

  /** @param listener a port for TLS beside it; null for none @throws as `udp` */
  async tcp(options: TcpOptions, isSip: boolean, listener: DoorListener | null = null): Promise<TcpStack> {
    const { ip } = this;
    const { wiretap } = this.house;
    const { port } = options;
    // The options may be an object of a class, whose members in the prototype a spread leaves out.
    const { address, isCaller, setting } = options;
    const tapped: TcpOptions = {
      address,
      port,
      ...(isCaller === undefined ? {} : { isCaller }),
      ...(setting === undefined ? {} : { setting }),
      onClose: (c: TcpConnection) => options.onClose(c),
      onError: (message: string) => options.onError(message),
      onOpen: (c: TcpConnection, incoming: boolean) => {
        if (!incoming) wiretap.addEnd(ip, c.localPort, port);
        options.onOpen(c, incoming);
      },
      onData: (c: TcpConnection, bytes: Uint8Array, start: number, end: number) => {
        const way = { from: c.address, fromPort: c.port, to: ip, toPort: c.localPort };
        const isTls = c.proof !== undefined;
        if (!wiretap.isOwn(c.address, c.port)) wiretap.seen({ ...way, isTcp: true, isTls, isSip, bytes, start, end });
        options.onData(c, bytes, start, end);
      },
    };
    const { clock, keylog } = this.house;
    if (this.host !== null) return this.tapTcp(await this.host.tcp(tapped), isSip);
    const plain = await openTcp(tapped, undefined, { keylog });
    if (listener === null) return this.tapTcp(plain, isSip);
    const complaints = new Complaints(clock, (line) => options.onError(line));
    return this.tapTcp(await listenSecure(plain, tapped, listener, complaints, keylog), isSip);
  }

  private tapUdp(socket: UdpSocket, isSip: boolean): UdpSocket {
    const { ip } = this;
    const { wiretap } = this.house;
    wiretap.add(ip, socket.port, this.owner);
    return {
      get port() {
        return socket.port;
      },
      get address() {
        return socket.address;
      },
      get remotePort() {
        return socket.remotePort;
      },
      get cut() {
        return socket.cut;
      },
      read: (into) => {
        const length = this.readReached(socket, into);
        const way = { from: socket.address, fromPort: socket.remotePort, to: ip, toPort: socket.port };
        if (length > 0 && !wiretap.isOwn(way.from, way.fromPort))
          wiretap.seen({ ...way, isTcp: false, isSip, bytes: into, start: 0, end: length });
        return length;
      },
      write: (bytes, start, end, address, port) => {
        const way = { from: ip, fromPort: socket.port, to: address, toPort: port };
        wiretap.seen({ ...way, isTcp: false, isSip, bytes, start, end });
        if (this.house.network !== null) return socket.write(bytes, start, end, address, port);
        return this.carry(socket, bytes, start, end, address, port);
      },
      close: () => socket.close(),
    };
  }

  /** Faults apply here to messages from outside; messages of the parties had theirs when they were sent. */
  private readReached(socket: UdpSocket, into: Uint8Array): number {
    const { ip } = this;
    const { faults, network, wiretap } = this.house;
    for (;;) {
      const length = socket.read(into);
      if (length === 0 || network !== null || wiretap.isOwn(socket.address, socket.remotePort)) return length;
      if (faults.reaches(socket.address, ip) && !faults.loses()) return length;
    }
  }

  /** Sends a datagram on the machine's own network, with the script's faults. */
  private carry(
    socket: UdpSocket,
    bytes: Uint8Array,
    start: number,
    end: number,
    address: number,
    port: number,
  ): boolean {
    const { clock, faults } = this.house;
    const { ip } = this;
    for (let copies = faults.copies(); copies > 0; copies--) {
      if (faults.loses() || !faults.reaches(ip, address)) continue;
      const queuedMs = faults.queueMs(end - start, clock.now());
      if (queuedMs < 0) continue;
      const delayMs = faults.travelMs() + faults.heldMs() + queuedMs;
      const sent = faults.corrupted(bytes.slice(start, end));
      if (delayMs === 0) socket.write(sent, 0, sent.length, address, port);
      else clock.createTimer(() => socket.write(sent, 0, sent.length, address, port)).at(clock.now() + delayMs);
    }
    return true;
  }

  private tapTcp(stack: TcpStack, isSip: boolean): TcpStack {
    const { ip } = this;
    const { wiretap } = this.house;
    const tap = (connection: ReturnType<TcpStack["find"]>): ReturnType<TcpStack["find"]> =>
      connection === null
        ? null
        : {
            id: connection.id,
            address: connection.address,
            port: connection.port,
            get localPort() {
              return connection.localPort;
            },
            get isOpen() {
              return connection.isOpen;
            },
            get proof() {
              return connection.proof;
            },
            drop: () => connection.drop(),
            write: (bytes, start, end) => {
              const { address: to, port: toPort } = connection;
              const way = { from: ip, fromPort: connection.localPort || stack.port, to, toPort };
              const isTls = connection.proof !== undefined;
              wiretap.seen({ ...way, isTcp: true, isTls, isSip, bytes, start, end });
              return connection.write(bytes, start, end);
            },
            close: () => {
              wiretap.closed(ip, connection.localPort || stack.port, connection.address, connection.port);
              connection.close();
            },
          };
    return {
      port: stack.port,
      ...(stack.tlsPort === undefined ? {} : { tlsPort: stack.tlsPort }),
      connect: (address, port) => {
        const connection = stack.connect(address, port);
        if (connection !== null) wiretap.addEnd(ip, connection.localPort, stack.port);
        return tap(connection);
      },
      ...(stack.connectSecure === undefined
        ? {}
        : {
            connectSecure: (address: number, port: number, name: string, trust: Trust) => {
              const connection = stack.connectSecure?.(address, port, name, trust) ?? null;
              if (connection !== null) wiretap.addEnd(ip, connection.localPort, stack.port);
              return tap(connection);
            },
            findSecure: (address: number, port: number, name: string) =>
              tap(stack.findSecure?.(address, port, name) ?? null),
          }),
      find: (id) => tap(stack.find(id)),
      findTo: (address, port) => tap(stack.findTo(address, port)),
      close: () => stack.close(),
    };
  }
}

/** 0.0.0.0 stands for the first address of this machine that others can reach. */
export function ownAddress(setting: string): number {
  if (setting !== "0.0.0.0") return ipv4(setting);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const one of addresses ?? []) if (one.family === "IPv4" && !one.internal) return ipv4(one.address);
  }
  return ipv4("127.0.0.1");
}
