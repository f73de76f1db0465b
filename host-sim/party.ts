/**
 * One party of the simulated house, the door or the phone: the station of src/ on devices of this machine or of the virtual
 * network, with a wiretap for the ladder and the pcap. Not here: who does what when (cli.ts).
 */
import { networkInterfaces } from "node:os";
import { Es8311 } from "../hal/codecs/es8311.js";
import type {
  AudioInput,
  AudioOutput,
  Clock,
  Device,
  InputName,
  Resolver,
  Store,
  TcpConnection,
  TcpStack,
  UdpSocket,
} from "../hal/device.js";
import { ipv4, ipv4Text } from "../src/core/address.js";
import { HOUSE_LIMITS } from "../src/core/limits.js";
import type { RandomSource } from "../src/core/random.js";
import type { DoorEvents } from "../src/intercom/outputs.js";
import type { Settings } from "../src/intercom/settings.js";
import { Station } from "../src/intercom/station.js";
import { CodecInput, CodecOutput } from "./io/chips/codec.js";
import type { VirtualEs8311 } from "./io/chips/es8311.js";
import { VirtualContact, VirtualOutput } from "./io/digital.js";
import { NodeResolver } from "./io/resolver.js";
import { openTcp } from "./io/tcp.js";
import { openUdp } from "./io/udp.js";
import type { SimEvent } from "./world/events.js";
import type { Faults } from "./world/faults.js";
import type { Ladder } from "./world/ladder.js";
import type { VirtualNetwork } from "./world/network.js";
import type { Pcap } from "./world/pcap.js";

/** What all parties live in. */
export interface House {
  clock: Clock;
  /** Null: the machine's own network. */
  network: VirtualNetwork | null;
  /** What goes wrong with the datagrams of the machine's own network. */
  faults: Faults;
  wiretap: Wiretap;
  tell(event: SimEvent): void;
}

/** What belongs to one party. */
export interface Belongings {
  name: string;
  settings: Settings;
  random: RandomSource;
  microphone: AudioInput;
  speaker: AudioOutput;
  /** Between I2S and microphone and speaker; null: they are wired to I2S themselves. */
  codec: VirtualEs8311 | null;
  store: Store;
}

/** Sees each message once, whoever sends it, and gives it to the ladder and the pcap. */
export class Wiretap {
  ladder: Ladder | null = null;
  pcap: Pcap | null = null;
  private readonly own = new Set<string>();
  private readonly ends = new Map<string, number>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** That port is one of ours: what comes from it was seen when it was sent. */
  add(ip: number, port: number): void {
    this.own.add(ip + ":" + port);
  }

  isOwn(ip: number, port: number): boolean {
    return this.own.has(ip + ":" + port) || this.ends.has(ip + ":" + port);
  }

  /** A connection that one of ours opened has a port of its own: in the ladder it is the SIP port of whoever opened it. */
  addEnd(ip: number, port: number, sipPort: number): void {
    if (port > 0) this.ends.set(ip + ":" + port, sipPort);
  }

  private sipPort(ip: number, port: number): number {
    return this.ends.get(ip + ":" + port) ?? port;
  }

  seen(
    fromIp: number,
    fromPort: number,
    toIp: number,
    toPort: number,
    isTcp: boolean,
    isSip: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const tMs = this.clock.now();
    const [from, to] = [ipv4Text(fromIp), ipv4Text(toIp)];
    if (isSip) {
      const [fromSip, toSip] = [this.sipPort(fromIp, fromPort), this.sipPort(toIp, toPort)];
      this.ladder?.message(tMs, from, fromSip, to, toSip, isTcp, bytes, start, end);
    }
    if (isTcp) this.pcap?.tcp(tMs, from, fromPort, to, toPort, bytes, start, end);
    else this.pcap?.udp(tMs, from, fromPort, to, toPort, bytes, start, end);
  }
}

export class Party implements DoorEvents {
  readonly name: string;
  readonly settings: Settings;
  readonly station: Station;
  /** Of every name there is. */
  readonly contacts: Record<InputName, VirtualContact>;
  readonly relays: readonly VirtualOutput[] = [new VirtualOutput(), new VirtualOutput()];
  readonly led = new VirtualOutput();
  private readonly house: House;

  constructor(house: House, belongings: Belongings) {
    this.house = house;
    this.name = belongings.name;
    this.settings = belongings.settings;
    const contact = () => new VirtualContact(house.clock);
    this.contacts = {
      button1: contact(),
      button2: contact(),
      button3: contact(),
      button4: contact(),
      exit: contact(),
      sensor: contact(),
    };
    this.moveDoor(false);
    if (belongings.codec !== null) this.startCodec(belongings.codec);
    this.station = new Station(this.device(belongings), belongings.settings, HOUSE_LIMITS, this);
  }

  /** Opens or shuts the door itself; its contact is closed while it is shut, unless the settings say the contrary. */
  moveDoor(isOpen: boolean): void {
    this.contacts.sensor.set(isOpen === (this.settings.get("door.sensor") === "open") ? 1 : 0);
  }

  event(name: string, value: string, extra: readonly (string | number)[]): void {
    const event: SimEvent = { t: this.house.clock.now(), who: this.name, event: name, value };
    for (let i = 0; i + 1 < extra.length; i += 2) event[String(extra[i])] = extra[i + 1];
    this.house.tell(event);
  }

  /** A codec that does not answer is told of, and costs the sound only. */
  private startCodec(chip: VirtualEs8311): void {
    const codec = new Es8311({ registers: chip, delay: () => {} });
    // What the microphone hears here is a file at full level.
    codec.gain(0);
    const problem = codec.start();
    if (problem !== "") this.event("error", problem, []);
  }

  private device(belongings: Belongings): Device {
    const { house, settings } = this;
    const { codec } = belongings;
    const ip = ownAddress(settings.get("net.address"));
    const host = house.network?.host(ip) ?? null;
    const resolver: Resolver = host !== null ? host.resolver : new NodeResolver(belongings.random);
    return {
      restart: null,
      address: () => ip,
      clock: house.clock,
      random: belongings.random,
      resolver,
      udp: async (options) => {
        const socket = await (host !== null ? host.udp(options) : openUdp(options));
        return this.tapUdp(socket, ip, options.setting === "sip.port");
      },
      tcp: async (options) => {
        const port = options.port;
        const tapped = {
          ...options,
          onOpen: (c: TcpConnection, incoming: boolean) => {
            if (!incoming) house.wiretap.addEnd(ip, c.localPort, port);
            options.onOpen(c, incoming);
          },
          onData: (c: TcpConnection, bytes: Uint8Array, start: number, end: number) => {
            if (!house.wiretap.isOwn(c.address, c.port)) {
              house.wiretap.seen(c.address, c.port, ip, c.localPort, true, true, bytes, start, end);
            }
            options.onData(c, bytes, start, end);
          },
        };
        const stack = await (host !== null ? host.tcp(tapped) : openTcp(tapped));
        return this.tapTcp(stack, ip);
      },
      microphone: codec === null ? belongings.microphone : new CodecInput(codec, belongings.microphone),
      speaker: codec === null ? belongings.speaker : new CodecOutput(codec, belongings.speaker),
      input: (name, options) => this.contacts[name].open(options),
      relays: this.relays,
      led: this.led,
      store: belongings.store,
    };
  }

  private tapUdp(socket: UdpSocket, ip: number, isSip: boolean): UdpSocket {
    const wiretap = this.house.wiretap;
    wiretap.add(ip, socket.port);
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
        const length = this.readReached(socket, into, ip);
        if (length > 0 && !wiretap.isOwn(socket.address, socket.remotePort)) {
          wiretap.seen(socket.address, socket.remotePort, ip, socket.port, false, isSip, into, 0, length);
        }
        return length;
      },
      write: (bytes, start, end, address, port) => {
        wiretap.seen(ip, socket.port, address, port, false, isSip, bytes, start, end);
        if (this.house.network !== null) return socket.write(bytes, start, end, address, port);
        return this.carry(socket, bytes, start, end, address, port);
      },
      close: () => socket.close(),
    };
  }

  /** What others send gets lost here, what ours send where it is sent. */
  private readReached(socket: UdpSocket, into: Uint8Array, ip: number): number {
    const { faults, network, wiretap } = this.house;
    for (;;) {
      const length = socket.read(into);
      if (length === 0 || network !== null || wiretap.isOwn(socket.address, socket.remotePort)) return length;
      if (faults.reaches(socket.address, ip) && !faults.loses()) return length;
    }
  }

  /** Sends a datagram on the machine's own network, with what the script wants to go wrong. */
  private carry(
    socket: UdpSocket,
    bytes: Uint8Array,
    start: number,
    end: number,
    address: number,
    port: number,
  ): boolean {
    const { clock, faults } = this.house;
    const ip = ownAddress(this.settings.get("net.address"));
    for (let copies = faults.copies(); copies > 0; copies--) {
      if (faults.loses() || !faults.reaches(ip, address)) continue;
      const delayMs = faults.travelMs() + faults.heldMs();
      const sent = faults.corrupted(bytes.slice(start, end));
      if (delayMs === 0) socket.write(sent, 0, sent.length, address, port);
      else clock.createTimer(() => socket.write(sent, 0, sent.length, address, port)).at(clock.now() + delayMs);
    }
    return true;
  }

  private tapTcp(stack: TcpStack, ip: number): TcpStack {
    const wiretap = this.house.wiretap;
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
            write: (bytes, start, end) => {
              wiretap.seen(
                ip,
                connection.localPort || stack.port,
                connection.address,
                connection.port,
                true,
                true,
                bytes,
                start,
                end,
              );
              return connection.write(bytes, start, end);
            },
            close: () => connection.close(),
          };
    return {
      port: stack.port,
      connect: (address, port) => {
        const connection = stack.connect(address, port);
        if (connection !== null) wiretap.addEnd(ip, connection.localPort, stack.port);
        return tap(connection);
      },
      find: (id) => tap(stack.find(id)),
      findTo: (address, port) => tap(stack.findTo(address, port)),
      close: () => stack.close(),
    };
  }
}

/** 0.0.0.0 stands for the first address of this machine that others can reach. */
function ownAddress(setting: string): number {
  if (setting !== "0.0.0.0") return ipv4(setting);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const one of addresses ?? []) if (one.family === "IPv4" && !one.internal) return ipv4(one.address);
  }
  return ipv4("127.0.0.1");
}
