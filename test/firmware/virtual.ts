/**
 * A virtual board in the shapes of the SDK: it takes the place of `embedded:*` and the SDK's other modules while
 * hal/moddable/machine.ts and src/main.ts run on Node. One life of the firmware is from a start to the next; an
 * uncaught exception ends it, as on the chip. Not here: the phone that is called, the firmware.
 */
import type { UdpOptions, UdpSocket } from "../../hal/device.js";
import { TimedPort } from "../../hal/timedport.js";
import { BOARD_WIRING, type VirtualCodec } from "../../host-sim/io/chips/codec.js";
import { VirtualEs8311 } from "../../host-sim/io/chips/es8311.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";

export const DOOR = "192.0.2.1";
const JOIN_MS = 500;
const CONNECTED = 500;
const ASSOCIATED = 400;
const GONE = 200;

/** The cable, and the events that the SDK's Ethernet driver tells about it. */
class Cable {
  isPlugged = false;
  address: string | undefined;
  /** Takes the place of DHCP's address. */
  fixed: string | undefined;
  tell: () => void = () => {};

  plug(): void {
    this.isPlugged = true;
    this.tell();
  }

  pull(): void {
    this.isPlugged = false;
    this.address = undefined;
    this.tell();
  }

  /** Gives an address by DHCP. */
  give(address: string): void {
    this.address = address;
    this.tell();
  }

  /** A lease brings another address, which the driver does not tell. */
  renew(address: string): void {
    this.address = address;
  }
}

/** Thrown by `esp_restart()`, which does not return. */
export class Restarted extends Error {}
/** The SDK's own way to restart hangs for so long. */
const WATCHDOG_MS = 5000;

/** Takes the place of the C of hal/native. */
(globalThis as unknown as { native: unknown }).native = (name: string) => ({
  call(_self: unknown, ...values: unknown[]): unknown {
    if (name === "xs_restart") throw new Restarted("restart");
    if (name === "xs_powersave") {
      board.savesPower = values[0] === true;
      return undefined;
    }
    if (name === "xs_memory_free") return 123_456;
    // Node collects by itself.
    if (name === "xs_collector_collect") return undefined;
    if (name === "xs_records_open") return 0;
    const key = values[0] + " " + values[1];
    if (name === "xs_records_read") return board.records.get(key);
    if (name === "xs_records_write") {
      if (values[2] === "") board.records.delete(key);
      else board.records.set(key, String(values[2]));
      return 0;
    }
    if (name === "xs_wiegand_begin") {
      board.readerPins = values.map(Number);
      return undefined;
    }
    if (name === "xs_wiegand_take") {
      const frame = board.frames.shift();
      if (frame !== undefined) new Int32Array(values[0] as ArrayBuffer).set(frame);
      return frame?.[0] ?? 0;
    }
    throw new Error("no C here: " + name);
  },
});

/** The surroundings of the chip, over all its lives. */
class VirtualBoard {
  clock = new VirtualClock();
  network = new VirtualNetwork(this.clock, new SeededRandom(1));
  chip: VirtualCodec = new VirtualEs8311(BOARD_WIRING, () => this.clock.now());
  /** The network it may join. */
  accessPoint = { isThere: true, password: "secret", hasAddresses: true };
  stored = new Map<string, string>();
  /** Of the reader at the door: its pins, and frames that wait, as bits, high and low. */
  readerPins: number[] = [];
  readonly frames: (readonly [bits: number, high: number, low: number])[] = [];
  /** Of the keypad of rows and columns: the two pins that each key connects while it is down. */
  keys: (readonly [row: number, column: number])[] = [];
  /** Of people and the journal, by partition and key. */
  records = new Map<string, string>();
  storeProblem = "";
  printed = "";
  /** For each pin the levels it was driven to, "time value"; "time -" once it is no longer driven. */
  pins = new Map<number, string[]>();
  /** Is told each of them at once. @param level 0 or 1, -1 for undriven */
  onPin: (pin: number, level: number) => void = () => {};
  restarts: string[] = [];
  /** The chip begins with it. */
  savesPower = true;
  /** The time of each restart, from the exception on. */
  restartMs: number[] = [];
  /** Delay by the SDK's timer, while nothing else runs. */
  delayedMs = 0;
  /** The level of each pin when the chip started again. */
  pinsAtRestart: (readonly [pin: number, value: number])[] = [];
  lives = 0;
  timeSetS = 0;
  /** The loudest sample of the speaker. */
  heard = 0;
  /** The loudest sample that came from the microphone through the codec. */
  recorded = 0;
  /** The next access to the microphone throws it. */
  soundFails: Error | null = null;
  type: (text: string) => void = () => {};
  press: (pin: number, isDown: boolean) => void = () => {};
  radio: WiFi | null = null;
  /** The addresses that the network interface was configured with: false for DHCP. */
  configured: unknown[] = [];
  /** The cable of a wired board. */
  cable = new Cable();
  sockets: UdpSocket[] = [];

  /** Lets time pass; an exception of the firmware restarts it. */
  async run(ms: number, main: () => void): Promise<void> {
    const end = this.clock.now() + ms;
    for (;;) {
      try {
        await this.clock.runUntil(end);
        return;
      } catch (error) {
        this.crash(error);
        this.start(main);
      }
    }
  }

  start(main: () => void): void {
    this.lives++;
    try {
      main();
    } catch (error) {
      this.crash(error);
    }
  }

  /** The SDK's abort hook, and the chip's restart: pins float, sockets are gone. */
  crash(error: unknown): void {
    const { abort } = globalThis as unknown as { abort: (message: string, error: unknown) => void };
    this.delayedMs = 0;
    let isAtOnce = false;
    try {
      abort("unhandled exception", error);
    } catch (thrown) {
      if (!(thrown instanceof Restarted)) throw thrown;
      isAtOnce = true;
    }
    this.restartMs.push(this.delayedMs + (isAtOnce ? 0 : WATCHDOG_MS));
    this.pinsAtRestart = [...this.pins].map(([pin]) => [pin, this.level(pin)] as const);
    this.restarts.push(error instanceof Error ? error.message : String(error));
    for (const pin of this.pins.keys()) this.setPin(pin, -1);
    for (const socket of this.sockets.splice(0)) socket.close();
    this.lives++;
  }

  /** @returns the pin's level now, -1 if it is not driven */
  level(pin: number): number {
    const value = (this.pins.get(pin) ?? ["0 0"]).slice(-1)[0].split(" ")[1];
    return value === "-" ? -1 : Number(value);
  }

  setPin(pin: number, level: number): void {
    const past = this.pins.get(pin) ?? [];
    past.push(this.clock.now() + " " + (level < 0 ? "-" : level));
    this.pins.set(pin, past);
    this.onPin(pin, level);
  }

  /** Passes calls on during the same life only. */
  alive<A extends unknown[]>(call: (...values: A) => void): (...values: A) => void {
    const life = this.lives;
    return (...values) => {
      if (this.lives === life) call(...values);
    };
  }
}

export let board = new VirtualBoard();

export function newBoard(): void {
  board = new VirtualBoard();
}

export class Digital {
  static readonly Input = 0;
  static readonly InputPullUp = 1;
  static readonly Output = 8;
  static readonly OutputOpenDrain = 9;
  static readonly Rising = 1;
  static readonly Falling = 2;
  private static readonly inputs = new Map<number, (isDown: boolean) => void>();
  private readonly pin: number;
  private value = 1;
  private readonly isOpenDrain: boolean;

  constructor(options: { pin: number; mode: number; initialValue?: 0 | 1; onReadable?: () => void }) {
    const { pin, mode, initialValue, onReadable } = options;
    this.pin = pin;
    this.isOpenDrain = mode === Digital.OutputOpenDrain;
    if (mode === Digital.Output || this.isOpenDrain) this.write(initialValue ?? 0);
    else if (onReadable !== undefined) {
      const told = board.alive(onReadable);
      Digital.inputs.set(pin, (isDown) => {
        this.value = isDown ? 0 : 1;
        told();
      });
      board.press = (which, isDown) => Digital.inputs.get(which)?.(isDown);
    }
  }

  read(): number {
    for (const [row, column] of board.keys) if (column === this.pin && board.level(row) === 0) return 0;
    return this.value;
  }

  write(value: number): void {
    board.setPin(this.pin, this.isOpenDrain && value === 1 ? -1 : value);
  }

  close(): void {
    board.setPin(this.pin, -1);
  }
}

export class Serial {
  private readonly waiting: number[] = [];

  constructor(options: { onReadable: (octets: number) => void; onWritable: (octets: number) => void }) {
    const readable = board.alive(options.onReadable);
    board.type = (text) => {
      for (let i = 0; i < text.length; i++) this.waiting.push(text.charCodeAt(i));
      readable(text.length);
    };
    board.clock.after(
      0,
      board.alive(() => options.onWritable(1_000_000)),
    );
  }

  read(): number {
    return this.waiting.shift() ?? 0;
  }

  write(octet: number): void {
    board.printed += String.fromCharCode(octet);
  }
}

export class SMBus {
  readUint8(register: number): number {
    return board.chip.readUint8(register);
  }

  writeUint8(register: number, value: number): void {
    board.chip.writeUint8(register, value);
  }
}

const SCAN_MS = 1000;

export class WiFi {
  connection = 0;
  address: string | undefined;
  private readonly onChanged: (property: string) => void;

  constructor(options: { onChanged: (property: string) => void }) {
    this.onChanged = board.alive(options.onChanged);
    board.radio = this;
  }

  private fixed = "";
  configure(options: { static: false | { address: string; mask: string; gateway: string } }): void {
    this.fixed = options.static === false ? "" : options.static.address;
    board.configured.push(options.static);
  }

  connect(options: { SSID: string; password?: string }): void {
    board.clock.after(
      JOIN_MS,
      board.alive(() => {
        const { isThere, password, hasAddresses } = board.accessPoint;
        if (!isThere || options.password !== password) this.become(GONE, undefined);
        else if (this.fixed !== "") this.become(CONNECTED, this.fixed);
        else if (!hasAddresses) this.become(ASSOCIATED, undefined);
        else this.become(CONNECTED, DOOR);
      }),
    );
  }

  private isLooking = false;
  get RSSI(): number | undefined {
    return this.connection === CONNECTED ? -50 : undefined;
  }
  get channel(): number | undefined {
    return this.connection === CONNECTED ? 6 : undefined;
  }

  scan(options: {
    onFound: (network: { SSID?: string; RSSI?: number; channel?: number; security?: string }) => void;
    onComplete: () => void;
  }): void {
    if (this.isLooking) throw new Error("already scanning");
    this.isLooking = true;
    board.clock.after(
      SCAN_MS,
      board.alive(() => {
        this.isLooking = false;
        options.onFound({ SSID: "house", RSSI: -50, channel: 6, security: "wpa2_psk" });
        options.onFound({ SSID: "", RSSI: -60, channel: 6, security: "wpa2_psk" });
        options.onFound({ SSID: "cafe", RSSI: -80, channel: 1, security: "none" });
        options.onComplete();
      }),
    );
  }

  disconnect(): void {
    this.connection = GONE;
    this.address = undefined;
  }

  become(connection: number, address: string | undefined): void {
    this.connection = connection;
    this.address = address;
    this.onChanged("connection");
  }
}

/** `embedded:network/interface/ethernet`, with the states of the SDK's driver. */
export class Ethernet {
  private isConnecting = false;
  private hasForgotten = false;

  constructor(options: { onChanged: (property: string) => void }) {
    const told = board.alive(options.onChanged);
    board.cable.tell = () => {
      this.hasForgotten = false;
      board.clock.after(0, () => told("connection"));
    };
  }

  get connection(): number {
    const { isPlugged } = board.cable;
    const { address } = this;
    if (isPlugged && address !== undefined && !this.hasForgotten) return CONNECTED;
    return this.isConnecting ? 300 : isPlugged ? ASSOCIATED : GONE;
  }

  get address(): string | undefined {
    return board.cable.fixed ?? board.cable.address;
  }

  configure(options: { static: false | { address: string } }): void {
    board.cable.fixed = options.static === false ? undefined : options.static.address;
    if (board.cable.isPlugged) board.cable.tell();
  }

  connect(): void {
    this.isConnecting = true;
  }

  disconnect(): void {
    this.isConnecting = false;
    this.hasForgotten = true;
  }
}

export const KeyValue = {
  open() {
    if (board.storeProblem !== "") throw new Error(board.storeProblem);
    return {
      read: (key: string) => board.stored.get(key),
      write: (key: string, value: string) => board.stored.set(key, value),
    };
  },
};

/** A listener without TCP: it gets no connection. */
export class Listener {}
export class TCP {
  constructor() {
    throw new Error("no TCP here");
  }
}

export const Time = {
  get ticks() {
    return board.clock.now();
  },
  delta: (start: number, end = board.clock.now()) => end - start,
  set(seconds: number) {
    board.timeSetS = seconds;
  },
};

interface Scheduled {
  at(ms: number): void;
  repeatMs: number;
}

export const Timer = {
  set(call: () => void, interval = 0, repeat = 0): Scheduled {
    const timer = board.clock.createTimer(
      board.alive(() => {
        if (it.repeatMs > 0) it.at(it.repeatMs);
        call();
      }),
    );
    const it: Scheduled = { repeatMs: repeat, at: (ms) => timer.at(board.clock.now() + ms) };
    it.at(interval);
    return it;
  },
  schedule(timer: Scheduled, interval: number, repeat: number): void {
    timer.repeatMs = repeat;
    timer.at(interval);
  },
  delay(ms: number): void {
    board.delayedMs += ms;
  },
};

/** Takes the place of hal/native/datagram.ts. */
export async function openUdp(options: UdpOptions): Promise<UdpSocket> {
  const socket = await board.network
    .host(options.address > 0 ? options.address : ipv4(DOOR))
    .udp({ ...options, onReadable: board.alive(options.onReadable) });
  board.sockets.push(socket);
  return socket;
}

/** Takes the place of hal/native/i2s.ts: the microphone hears a tone, and the speaker's samples are measured. */
export function openI2S() {
  const port = {
    read(into: Int16Array, start: number, count: number): number {
      if (board.soundFails !== null) throw board.soundFails;
      for (let i = 0; i < count; i++) into[start + i] = i & 4 ? 8000 : -8000;
      const through = into.slice(start, start + count);
      board.chip.record(through, 0, count);
      for (const sample of through) board.recorded = Math.max(board.recorded, Math.abs(sample));
      return count;
    },
    write(from: Int16Array, start: number, count: number): void {
      for (let i = start; i < start + count; i++) board.heard = Math.max(board.heard, Math.abs(from[i]));
    },
  };
  const clock = {
    now: () => board.clock.now(),
    epochS: () => 0,
    createTimer: (call: () => void) => board.clock.createTimer(board.alive(call)),
  };
  const timed = new TimedPort(clock, port);
  return Object.assign(timed, { write: port.write });
}
