/**
 * The device contract: the interface between the program and the hardware with its network, shaped like ECMA-419 IO (an
 * options object with callbacks; read, write, close). The ESP32 and the simulator both provide it; the core sees
 * nothing else of them. Types only. Everywhere: IPv4 addresses are uint32 numbers, times are ms on the device's clock,
 * octets are lent for the call. Not here: the display.
 */
import type { Place } from "../src/core/address.js";
import type { RandomSource } from "../src/core/random.js";

export interface UdpSocket {
  /** The local port; the chosen one if 0 was asked for. */
  readonly port: number;
  /** The sender's address of the datagram that was read last. */
  readonly address: number;
  readonly remotePort: number;
  /** Datagrams that were longer than the buffer they were read into, since start. */
  readonly cut: number;
  /**
   * Takes the oldest datagram that waits; octets that do not fit into `into` are lost, and the datagram is counted in
   * `cut`. @returns octets, 0 if nothing waits
   */
  read(into: Uint8Array): number;
  /** Copies `bytes[start, end)`. @returns false if it failed at once; later failures come by `onError` */
  write(bytes: Uint8Array, start: number, end: number, address: number, port: number): boolean;
  close(): void;
}

export interface UdpOptions {
  /** The local address; 0 is every address. */
  address: number;
  /** The local port; 0: any free one. */
  port: number;
  /**
   * A multicast group. The socket is told only what is sent to the group at that port, in the network of the local
   * address; it shares the port with other programs. What it sends to the group leaves there, with the TTL 255.
   */
  group?: number;
  /** The class of service that its datagrams ask for (DSCP, 0 to 63), where the device can do so; 0 if not given. */
  dscp?: number;
  /** The setting that chooses the port; the error names it if the port is taken. */
  setting?: string;
  /** At least one datagram waits at that socket: read until nothing waits. */
  onReadable(socket: UdpSocket): void;
  onError(message: string): void;
}

export interface TcpConnection {
  /** Our port; 0 as long as it is not known. */
  readonly localPort: number;
  /** A number that is never used again for another connection. */
  readonly id: number;
  /**
   * How the other side is known: "CA" or "pin"; "" if it has not proved who it is yet, or need not. Missing without
   * TLS.
   */
  readonly proof?: string;
  /** The address of the other side. */
  readonly address: number;
  readonly port: number;
  /** The connection opened, and is not over. */
  readonly isOpen: boolean;
  /**
   * Copies `bytes[start, end)`; it is queued until the connection opens. @returns false when the queue is full or the
   * connection is over
   */
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
  /** Nothing is listened to: connections are opened from here only. */
  isCaller?: boolean;
  /** The setting that chooses the port, as in `UdpOptions`. */
  setting?: string;
  /** @param incoming whether the other side opened it */
  onOpen(connection: TcpConnection, incoming: boolean): void;
  onData(connection: TcpConnection, bytes: Uint8Array, start: number, end: number): void;
  /** The other side closed, or the connection failed or never opened. */
  onClose(connection: TcpConnection): void;
  onError(message: string): void;
}

/** How the other side of a TLS connection is known to be the one that is meant. */
export interface Trust {
  /**
   * The authorities that are believed: their certificates (PEM), or the file with them; "" for the usual ones, which a
   * board does not have.
   */
  ca: string;
  /** SHA-256 of the public keys that are believed whatever their certificate says, as lower-case hexadecimal digits. */
  pins: readonly string[];
}

/** A listener, unless it only calls, and the connections from and to one local address. */
export interface TcpStack {
  /** The port it listens on; 0 if it only calls. */
  readonly port: number;
  /** The port on which it listens for TLS; undefined if it does not. */
  readonly tlsPort?: number;
  /**
   * Returns at once; the connection opens in the background, and failure is `onClose`. @returns null if there is no
   * room for another
   */
  connect(address: number, port: number): TcpConnection | null;
  /**
   * As `connect`, by TLS; a device without TLS lacks it. The connection counts as open when the other side has proved
   * that it has that name; why it did not is told by `onError`, before `onClose`. RFC 5922 §7
   * @param name a host in lower case, "" for the address itself
   */
  connectSecure?(address: number, port: number, name: string, trust: Trust): TcpConnection | null;
  /** @returns a connection of ours by TLS to that place whose other side has to have that name */
  findSecure?(address: number, port: number, name: string): TcpConnection | null;
  find(id: number): TcpConnection | null;
  /** @returns the youngest connection to that address and port that is none by TLS */
  findTo(address: number, port: number): TcpConnection | null;
  /** Closes the listener and all connections. */
  close(): void;
}

/**
 * Tells what was found, once and later.
 * @param error "" when the host was found, else one line for people
 * @param others the places to be tried when the first one does not answer, in that order
 * @param ttlS how long all that is good; nothing when that is not known
 */
export type ResolverDone = (
  error: string,
  address: number,
  port: number,
  others?: readonly Place[],
  ttlS?: number,
) => void;

/** What a name is looked up for; "tls": SIP over TLS. */
export type Service = "udp" | "tcp" | "tls";

export interface Resolver {
  /**
   * Looks a host up. RFC 3263 §4.1, §4.2
   * @param port as given beside the name; -1: NAPTR and SRV records are asked for first, and 5060 (TLS: 5061)
   * counts without them
   * @param service which records these are
   */
  resolve(name: string, port: number, service: Service, done: ResolverDone): void;
}

/** Calls its owner once, at a time that can be moved. */
export interface DeviceTimer {
  /**
   * Replaces the time it was set to before. A time that has passed fires as soon as possible, but not during this call.
   */
  at(ms: number): void;
  stop(): void;
}

export interface Clock {
  /** @returns ms since start; never goes back */
  now(): number;
  /**
   * The time of day, for schedules. @returns s since 1970 in UTC, without leap seconds; 0 as long as it is not known.
   * It may jump
   */
  epochS(): number;
  createTimer(call: () => void): DeviceTimer;
}

/** A digital output: relay, LED. The device knows which level of its pin is on. */
export interface Output {
  /**
   * @param value 0: off (locked), dark; 1: on (the door opens), light. A light takes a pattern (LED_*) where it has one
   */
  write(value: number): void;
}

/** An address that no DHCP server gave, as text. */
export interface FixedAddress {
  address: string;
  mask: string;
  /** 0.0.0.0 for none. */
  gateway: string;
}

/**
 * The level of a pin that switches its device on; "board": the level of the board's description. "unknown" is for
 * relays only.
 */
export type Level = "board" | "high" | "low" | "unknown";

/** How a relay and its lock are connected. */
export interface RelayWiring {
  /** The level that switches the relay on. "unknown": the pin is left undriven except to open the door. */
  active: Level;
  /** The relay is on while the door is locked (the lock holds by current); otherwise it is on to open. */
  isFailSafe: boolean;
}

/** The wiring of the pins by the settings. */
export interface PinWiring {
  relays: readonly RelayWiring[];
  led: Level;
  amplifier: Level;
}

/** A switch or button. */
export interface Input {
  /** @returns 1 while it is closed (pressed), otherwise 0; not debounced */
  read(): number;
}

/**
 * The buttons that call, the button inside that opens, and the contacts that say whether the door and the housing are
 * shut.
 */
export type InputName = "button1" | "button2" | "button3" | "button4" | "exit" | "sensor" | "tamper";

export interface InputOptions {
  /** The input opened or closed. */
  onReadable(): void;
}

/** What a reader or keypad at the door tells. */
export interface ReaderOptions {
  /** A Wiegand frame is over: so many bits, the last 32 of them in `low`, those before them in `high`. */
  onFrame(bits: number, high: number, low: number): void;
  /** A key of a keypad that is no Wiegand reader. @param code ASCII of 0 to 9, * or # */
  onKey(code: number): void;
  /** A key of such a keypad stays down, and is passed over, or is up again. */
  onStuck?(code: number, isStuck: boolean): void;
}

/** 8 kHz, signed 16 bits, mono. */
export interface AudioInput {
  /**
   * Fills `into[start, start + count)`, with silence if there is no more. @returns samples of sound, `count` at most
   */
  read(into: Int16Array, start: number, count: number): number;
  /**
   * Writes the samples that the loudspeaker played while those of the last `read` were at the microphone, in step with
   * them; silence where they are not known. An input without this function hears no loudspeaker.
   */
  reference?(into: Int16Array, start: number, count: number): void;
}

/**
 * A microphone with a clock, which is that of the sound in both directions: its user is called, reads each frame of 20
 * ms that waits, and writes one to the speaker for each.
 */
export interface AudioPort extends AudioInput {
  /**
   * Begins to call from the next frame on, never during this call. Started again it is as new: frames that were not
   * read are dropped.
   * @param onReadable `frames` wait, one or a few; before them `lost` samples were left out because they were not read
   * in time
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
  /** @returns 0 to 255 @throws Error if the chip does not answer */
  readUint8(register: number): number;
  /** @throws Error if the chip does not answer */
  writeUint8(register: number, value: number): void;
}

/**
 * The chip between I2S and the analog world. Each call returns "" or one line for people if the chip does not answer;
 * none throws. Levels are dB, rounded to the chip's steps and held within its range.
 */
export interface Codec {
  /**
   * Takes the chip from reset to sound, with speaker and microphone at the levels set so far; it takes some hundred ms.
   * MCLK must run.
   */
  start(): string;
  /** Makes the output silent by a ramp, then switches the power off. */
  stop(): string;
  /** Sets the speaker's level; 0 leaves the signal as it is. It is kept while muted or stopped. */
  volume(db: number): string;
  /** Sets the gain of the microphone's amplifier. */
  gain(db: number): string;
  /** Mutes the speaker by a ramp, so without a click. */
  mute(on: boolean): string;
  /** Chooses the pair of inputs that the microphone is connected to, 1 or 2; a codec with one pair ignores it. */
  input(line: number): string;
}

/** Keeps texts over a restart. */
export interface Store {
  /** Octets of the longest text that is written at once; undefined for no limit. */
  readonly partBytes?: number;
  /** @returns null if nothing was kept under that key */
  read(key: string): string | null;
  write(key: string, value: string): void;
  /** Forgets what was kept under that key; a store without it is given an empty text. */
  remove?(key: string): void;
}

/** The Wi-Fi of the device: the network it is in, and the networks there are. */
export interface Wifi {
  /** The network it is in, or tries to join; "" for none. */
  readonly ssid: string;
  /** Whether it has an address in it. */
  readonly isJoined: boolean;
  /** Strength of the signal in dBm, and the channel; 0 if not known. */
  readonly rssiDbm: number;
  readonly channel: number;
  /**
   * Looks for networks, which takes a few seconds. @param found is called for each @param done is called once, after
   * the last
   * @returns false if it cannot be done now
   */
  scan(found: (ssid: string, rssiDbm: number, channel: number, isSecured: boolean) => void, done: () => void): boolean;
}

export interface Device {
  /** Null without Wi-Fi. */
  wifi: Wifi | null;
  /** @returns the address the device has in its network, for a setting that leaves it open */
  address(): number;
  clock: Clock;
  random: RandomSource;
  /** Rejects with an Error of one line for people. */
  udp(options: UdpOptions): Promise<UdpSocket>;
  /** Rejects as `udp` does. */
  tcp(options: TcpOptions): Promise<TcpStack>;
  /** Its connections can be protected by TLS: `tcp` gives `connectSecure`. */
  readonly hasTls?: boolean;
  /** @param file of `tls.ca` @returns "" or why it cannot be used; without it, no file can */
  authorityProblem?(file: string): string;
  /** @returns the hardware address of the network in hexadecimal digits; a device without one lacks this */
  hardwareAddress?(): string;
  resolver: Resolver;
  microphone: AudioPort;
  speaker: AudioOutput;
  /** The chip that sets the levels; null if they are fixed. */
  codec: Codec | null;
  /** @returns null if the board has no input of that name */
  input(name: InputName, options: InputOptions): Input | null;
  /** Listens to the reader and the keypad. @returns whether there is one; without it the board can have none */
  reader?(options: ReaderOptions): boolean;
  /** One or two. */
  relays: readonly Output[];
  led: Output;
  /** The alarm output; undefined where there is none. */
  alarm?: Output;
  store: Store;
  /**
   * A store of its own for the records of people, in which there is room for all of them; without it they have a part
   * of `store`.
   */
  people?: Store;
  /** A store of its own for older entries of the log; without it the log is short. */
  journal?: Store;
  /** Takes over how the pins are connected; outputs that are on stay on. Null if the outputs have no pins. */
  wire: ((wiring: PinWiring) => void) | null;
  /** Starts the machine again, with the door locked; null if the program cannot do that. */
  restart: (() => void) | null;
  /** @returns octets of memory that are free; missing where that is no measure of anything */
  freeBytes?(): number;
  /**
   * Frees memory that is no longer used, at a time when the pause is not heard. It is missing where a pause is never
   * heard.
   */
  collect?(): void;
}
