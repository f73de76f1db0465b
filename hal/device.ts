/**
 * The device contract: what the hardware and its network give to the program, shaped like ECMA-419 IO (an options object
 * with callbacks; read, write, close). The ESP32 and the simulator both provide it; the core sees nothing else of them.
 * Types only. Everywhere: IPv4 addresses are uint32 numbers, times are ms on the device's clock, octets are lent for the call.
 * Not here: the display.
 */
import type { RandomSource } from "../src/core/random.js";

export interface UdpSocket {
  /** The local port: the one that was given to the socket when 0 was asked for. */
  readonly port: number;
  /** Where the datagram that was read last came from. */
  readonly address: number;
  readonly remotePort: number;
  /** Datagrams that were longer than the buffer they were read into, since start. */
  readonly cut: number;
  /** Takes the oldest datagram that waits; what does not fit into `into` is lost and counted in `cut`. @returns octets, 0 when nothing waits */
  read(into: Uint8Array): number;
  /** Copies `bytes[start, end)`. @returns false when it failed at once; later failures come by `onError` */
  write(bytes: Uint8Array, start: number, end: number, address: number, port: number): boolean;
  close(): void;
}

export interface UdpOptions {
  /** The local address; 0 is every address. */
  address: number;
  /** The local port; 0: any free one. */
  port: number;
  /** The setting that chooses the port, named in the error when the port is taken. */
  setting?: string;
  /** At least one datagram waits: read until nothing waits. */
  onReadable(): void;
  onError(message: string): void;
}

export interface TcpConnection {
  /** Our end; 0 while it is not known yet. */
  readonly localPort: number;
  /** Never used again for another connection. */
  readonly id: number;
  /** The other side. */
  readonly address: number;
  readonly port: number;
  /** It has come to be, and is not over. */
  readonly isOpen: boolean;
  /** Copies `bytes[start, end)`; it is queued until the connection opens. @returns false when the queue is full or the connection is over */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Sends what is queued, then closes. `onClose` does not follow. */
  close(): void;
  /** Closes at once; what is queued is not sent. `onClose` does not follow. */
  drop(): void;
}

export interface TcpOptions {
  /** The local address; 0 is every address. */
  address: number;
  /** The port to listen on; 0: any free one. */
  port: number;
  /** As in `UdpOptions`. */
  setting?: string;
  /** @param incoming the other side opened it */
  onOpen(connection: TcpConnection, incoming: boolean): void;
  onData(connection: TcpConnection, bytes: Uint8Array, start: number, end: number): void;
  /** The other side closed, or the connection failed or never opened. */
  onClose(connection: TcpConnection): void;
  onError(message: string): void;
}

/** A listener and the connections from and to one local address. */
export interface TcpStack {
  /** The port it listens on. */
  readonly port: number;
  /** At once; opens in the background, and failure is `onClose`. @returns null when there is no room for another */
  connect(address: number, port: number): TcpConnection | null;
  find(id: number): TcpConnection | null;
  /** The youngest connection to that address and port. */
  findTo(address: number, port: number): TcpConnection | null;
  /** Closes the listener and all connections. */
  close(): void;
}

export interface Resolver {
  /**
   * Looks a host up. RFC 3263 §4.2
   * @param port as given beside the name; -1: SRV records are asked for first, and 5060 holds when there are none
   * @param tcp which service the SRV records are for
   * @param done called once and later; `error` is "" when found, else one line for people
   */
  resolve(name: string, port: number, tcp: boolean, done: (error: string, address: number, port: number) => void): void;
}

/** Calls its owner once, at a time that can be moved. */
export interface DeviceTimer {
  /** Replaces the time it was set to before. A time that has passed: as soon as possible, but not from inside. */
  at(ms: number): void;
  stop(): void;
}

export interface Clock {
  /** @returns ms since start; never goes back */
  now(): number;
  /** The time of day, for plans by the clock. @returns s since 1970 in UTC, without leap seconds; 0 while it is not known. It may jump */
  epochS(): number;
  createTimer(call: () => void): DeviceTimer;
}

/** A digital output: relay, LED. Which level of its pin that is, is the device's business. */
export interface Output {
  /** @param value 0: off (locked), dark; 1: on (the door opens), light. A light takes a pattern (LED_*) where it has one */
  write(value: number): void;
}

/** An address that no DHCP server gave, as text. */
export interface FixedAddress {
  address: string;
  mask: string;
  /** 0.0.0.0: there is none. */
  gateway: string;
}

/** Which level of a pin switches on what hangs on it; "board": that of the board's description. "unknown" is for relays only. */
export type Level = "board" | "high" | "low" | "unknown";

/** How a relay and its lock are connected. */
export interface RelayWiring {
  /** Switches the relay on. "unknown": nobody can say any more, so the pin is left undriven but for an opening. */
  active: Level;
  /** The relay is on while the door is locked (the lock holds by current); else it is on to open. */
  isFailSafe: boolean;
}

/** How what hangs on the pins is connected, as the settings say. */
export interface PinWiring {
  relays: readonly RelayWiring[];
  led: Level;
  amplifier: Level;
}

/** A switch or button. */
export interface Input {
  /** @returns 1 while it is closed (pressed), else 0; not debounced */
  read(): number;
}

/** The buttons that call, the button inside that opens, and the contact that says whether the door is shut. */
export type InputName = "button1" | "button2" | "button3" | "button4" | "exit" | "sensor";

export interface InputOptions {
  /** It changed: opened or closed. */
  onReadable(): void;
}

/** 8 kHz, signed 16 bits, mono. */
export interface AudioInput {
  /** Fills `into[start, start + count)`; silence when there is no more. @returns samples that are sound, `count` at most */
  read(into: Int16Array, start: number, count: number): number;
  /**
   * What the loudspeaker played while the samples of the last `read` were at the microphone, in step with them; silence where that is
   * not known. An input without it hears no loudspeaker.
   */
  reference?(into: Int16Array, start: number, count: number): void;
}

/**
 * A microphone with a clock, which is that of the sound in both directions: whoever is called reads each frame of 20 ms that waits, and
 * writes one to the speaker for each.
 */
export interface AudioPort extends AudioInput {
  /**
   * Calls from the next frame on, never from inside. Started again it is as new: what was not read is gone.
   * @param onReadable `frames` wait, one or a few; before them `lost` samples were left out, since nobody came for them
   */
  start(onReadable: (frames: number, lost: number) => void): void;
  stop(): void;
}

/** 8 kHz, signed 16 bits, mono. */
export interface AudioOutput {
  write(from: Int16Array, start: number, count: number): void;
}

/** The registers of one chip on the I2C bus: the methods of the SDK's SMBus that a codec needs. */
export interface Registers {
  /** @returns 0 to 255 @throws Error when the chip does not answer */
  readUint8(register: number): number;
  /** @throws Error when the chip does not answer */
  writeUint8(register: number, value: number): void;
}

/**
 * The chip between I2S and the analog world. Each call returns "" or one line for people when the chip does not answer; none throws.
 * Levels are dB, rounded to the chip's steps and held within its range.
 */
export interface Codec {
  /** From reset to sound, speaker and microphone at the levels set so far; takes some hundred ms. MCLK must run. */
  start(): string;
  /** Silent by a ramp, then without power. */
  stop(): string;
  /** Of the speaker; 0: as the signal is. Kept while muted or stopped. */
  volume(db: number): string;
  /** Of the microphone's amplifier. */
  gain(db: number): string;
  /** The speaker, by a ramp: no click. */
  mute(on: boolean): string;
  /** Which pair of inputs the microphone is at, 1 or 2; a codec with one pair takes no notice. */
  input(line: number): string;
}

/** Keeps texts over a restart. */
export interface Store {
  /** Octets of the longest text that is written at once; without it, any. */
  readonly partBytes?: number;
  /** @returns null when nothing was kept under that key */
  read(key: string): string | null;
  write(key: string, value: string): void;
}

/** The Wi-Fi of the device: in which network it is, and which there are. */
export interface Wifi {
  /** The network it is in, or tries to join; "" for none. */
  readonly ssid: string;
  /** It has an address in it. */
  readonly isJoined: boolean;
  /** Strength of the signal in dBm, 0 when it is not known; and the channel, 0 likewise. */
  readonly rssiDbm: number;
  readonly channel: number;
  /**
   * Looks for networks, which takes a few seconds. @param found called for each @param done called once, after the last
   * @returns false when it cannot be done now
   */
  scan(found: (ssid: string, rssiDbm: number, channel: number, isSecured: boolean) => void, done: () => void): boolean;
}

export interface Device {
  /** Null: it has none. */
  wifi: Wifi | null;
  /** @returns the address the device has in its network, for a setting that leaves it open */
  address(): number;
  clock: Clock;
  random: RandomSource;
  /** Rejects with an Error of one line for people. */
  udp(options: UdpOptions): Promise<UdpSocket>;
  /** As `udp`. */
  tcp(options: TcpOptions): Promise<TcpStack>;
  resolver: Resolver;
  microphone: AudioPort;
  speaker: AudioOutput;
  /** Whoever makes their levels; null: they are fixed. */
  codec: Codec | null;
  /** @returns null when the board has none of that name */
  input(name: InputName, options: InputOptions): Input | null;
  /** One or two. */
  relays: readonly Output[];
  led: Output;
  store: Store;
  /** Takes over how the pins are connected; what is on or lit stays so. Null: its outputs have no pins. */
  wire: ((wiring: PinWiring) => void) | null;
  /** Starts the machine again, the door locked; null where that cannot be done from inside. */
  restart: (() => void) | null;
  /** Frees what is no longer used, at a time at which nobody hears it. Where it is not there nobody hears it at any time. */
  collect?(): void;
}
