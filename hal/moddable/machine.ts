/**
 * The device of hal/device.ts on the Moddable SDK: pins, clock, sockets, storage, sound, serial console and network of
 * one board. The relays lock from the constructor's first lines on, as soon as the settings say how; before that
 * nothing drives their pins. Not here: what a door does (src/intercom).
 */
import Digital from "embedded:io/digital";
import Serial from "embedded:io/serial";
import SMBus from "embedded:io/smbus";
import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import WiFi from "embedded:network/interface/wifi";
import KeyValue from "embedded:storage/key-value";
import Net from "net";
import Time from "time";
import Timer from "timer";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { PART_BYTES } from "../../src/settings/record.js";
import type { Board } from "../boards/pins.js";
import { ES8311_ADDRESS, Es8311 } from "../codecs/es8311.js";
import { ES8388_ADDRESS, Es8388 } from "../codecs/es8388.js";
import type {
  AudioInput,
  AudioOutput,
  AudioPort,
  Clock,
  Codec,
  Device,
  DeviceTimer,
  Input,
  InputName,
  InputOptions,
  PinWiring,
  ReaderOptions,
  Resolver,
  Store,
  TcpOptions,
  UdpOptions,
  Wifi,
} from "../device.js";
import { collect } from "../native/collector.js";
import { openUdp } from "../native/datagram.js";
import { openI2S } from "../native/i2s.js";
import { freeBytes } from "../native/memory.js";
import { savePower } from "../native/powersave.js";
import { openJournal, openRecords } from "../native/records.js";
import { restart } from "../native/restart.js";
import { listenToReader } from "../native/wiegand.js";
import { TimedPort, WatchedPort } from "../timedport.js";
import { Join, type NetworkChoice } from "./join.js";
import { Light } from "./light.js";
import { listenToKeypad } from "./matrixpins.js";
import { HAS_TLS, openStreams } from "./opentcp.js";
import { type PinMaker, RelayPin, SwitchPin } from "./pins.js";
import { Printer } from "./printer.js";
import { random } from "./random.js";
import { BoardResolver } from "./resolver.js";
import { TimeOfDay } from "./timeofday.js";

const BAUD = 115_200;
const NO_STORE = "the storage cannot be used: settings are lost at a restart: ";
const BUS_HZ = 100_000;
/** A codec that did not answer is tried again after so long. */
const CODEC_AGAIN_MS = 10_000;
/** A serial port of the chip takes so many octets at once. */
const FIFO_BYTES = 128;
/** Time between an uncaught exception and the restart. */
const FAREWELL_MS = 100;
/** 1 January 2026: a chip that was never told the time of day has an earlier one. */
const FIRMWARE_S = 1767225600;
/** A timer of the SDK rests for so long: timers are moved, never made anew. */
const NEVER_MS = 0x3fffffff;

class TicksTimer implements DeviceTimer {
  private readonly clock: Clock;
  private readonly call: () => void;
  private readonly timer: Timer;
  private atMs = Infinity;

  constructor(clock: Clock, call: () => void) {
    this.clock = clock;
    this.call = call;
    this.timer = Timer.set(() => this.fire(), NEVER_MS, NEVER_MS);
  }

  at(ms: number): void {
    this.atMs = ms;
    const wait = ms - this.clock.now();
    Timer.schedule(this.timer, wait > 1 ? Math.ceil(wait) : 1, NEVER_MS);
  }

  stop(): void {
    this.atMs = Infinity;
    Timer.schedule(this.timer, NEVER_MS, NEVER_MS);
  }

  /** On Linux the SDK also fires timers whose time was moved, or that were stopped. */
  private fire(): void {
    if (this.clock.now() < this.atMs) return;
    this.atMs = Infinity;
    this.call();
  }
}

class TicksClock implements Clock {
  private last = Time.ticks;
  private sum = 0;

  /** Ticks wrap around after 49 days; the sum does not. */
  now(): number {
    const ticks = Time.ticks;
    this.sum += Time.delta(this.last, ticks);
    this.last = ticks;
    return this.sum;
  }

  epochS(): number {
    const epochS = Math.floor(Date.now() / 1000);
    return epochS < FIRMWARE_S ? 0 : epochS;
  }

  createTimer(call: () => void): DeviceTimer {
    return new TicksTimer(this, call);
  }
}

/** Octets of the serial line that are handed on at once. */
const SERIAL_BYTES = 64;

/** The SDK sets a level before it drives the pin. It leaves an undriven pin to the wiring. */
const PINS: PinMaker = {
  drive: (pin, level) => new Digital({ pin, mode: Digital.Output, initialValue: level }),
  rest: (pin) => new Digital({ pin, mode: Digital.Input }),
};

/** Ends the line that is typed: Ctrl-U twice and Ctrl-C, see the console's terminal. */
const CLEAR = octets("\x15\x15\x03");

/** The microphone and speaker of a board without sound. */
const NO_SOUND: AudioInput & AudioOutput = {
  read(into, start, count) {
    into.fill(0, start, start + count);
    return 0;
  },
  write() {},
};

/** A port that sends by a timer. Before a restart no timer fires any more, so it is drained. */
interface Drainable {
  drain?(): void;
}

/** The settings in flash. If the flash cannot be read, nothing is stored. */
class FlashStore implements Store {
  readonly partBytes = PART_BYTES;
  /** Why nothing can be stored; "" if it can. */
  readonly problem: string;
  private readonly storage: ReturnType<typeof KeyValue.open> | null;

  constructor() {
    let storage = null;
    let problem = "";
    try {
      storage = KeyValue.open({ path: "portero", format: "string" });
    } catch (error) {
      problem = NO_STORE + messageOf(error);
    }
    this.storage = storage;
    this.problem = problem;
  }

  read(key: string): string | null {
    try {
      const value = this.storage === null ? null : this.storage.read(key);
      return typeof value === "string" ? value : null;
    } catch {
      return null;
    }
  }

  write(key: string, value: string): void {
    if (this.storage === null) throw new Error(this.problem);
    this.storage.write(key, value);
  }
}

/** @returns the name servers that the network told and that have IPv4 addresses */
function nameServers(): number[] {
  const found: number[] = [];
  const told = Net.get("DNS") ?? [];
  for (let i = 0; i < told.length; i++) {
    const address = ipv4(told[i]);
    if (address > 0) found.push(address);
  }
  return found;
}

/** The radio's word for an open network. */
const OPEN = "none";
/** Values that the radio tells although its typings do not have them. */
interface MoreOfRadio {
  readonly channel?: number;
}
interface MoreOfNetwork {
  readonly security?: string;
}

/** The Wi-Fi for people who ask about it; each question goes to the radio anew. */
class RadioState implements Wifi {
  /** Null until a network is to be joined, or a scan is asked for. */
  radio: WiFi | null = null;
  ssid = "";
  isJoined = false;
  private readonly open: () => WiFi;

  constructor(open: () => WiFi) {
    this.open = open;
  }

  get rssiDbm(): number {
    return this.isJoined ? (this.radio?.RSSI ?? 0) : 0;
  }

  get channel(): number {
    return this.isJoined ? ((this.radio as MoreOfRadio | null)?.channel ?? 0) : 0;
  }

  scan(found: (ssid: string, rssiDbm: number, channel: number, isSecured: boolean) => void, done: () => void): boolean {
    try {
      this.open().scan({
        onFound: (one) => {
          const isSecured = (one as MoreOfNetwork).security !== OPEN;
          if (one.SSID !== "") found(one.SSID, one.RSSI, one.channel, isSecured);
        },
        onComplete: done,
      });
      return true;
    } catch {
      return false;
    }
  }
}

export class Machine implements Device {
  readonly wifi: Wifi | null;
  private readonly radio = new RadioState(() => this.openRadio());
  readonly clock: Clock = new TicksClock();
  readonly random = { uint32: random };
  readonly resolver: Resolver = new BoardResolver({
    clock: this.clock,
    random: this.random,
    udp: openUdp,
    servers: () => (this.nameServer > 0 ? [this.nameServer] : nameServers()),
  });
  /** Whether the radio sleeps between beacons; read at its start. */
  savesPower = false;
  /** The name server that is asked in place of those that the network tells; 0 for none. */
  nameServer = 0;
  readonly relays: readonly RelayPin[];
  readonly led: Light;
  readonly alarm?: SwitchPin;
  private readonly ledPin: SwitchPin;
  private readonly amplifier: SwitchPin;
  readonly store: FlashStore;
  readonly people: Store = openRecords();
  readonly journal: Store = openJournal();
  /** Called if more came over the serial line than could be kept: the last octets were thrown away. */
  onInputLost: () => void = ignore;
  readonly microphone: AudioPort;
  readonly speaker: AudioOutput;
  private readonly board: Board;
  readonly codec: Codec | null;
  private readonly soundTimer: DeviceTimer;
  /** Why there is no sound; "" if there is. */
  private soundProblem = "";
  private onSound: (problem: string) => void = ignore;
  private readonly printer: Printer;
  private readonly drain: () => void;
  private joining: Join | null = null;
  private ip = 0;
  private timeOfDay: TimeOfDay | null = null;

  /**
   * @param wiringOf tells how the pins are connected, from the stored settings; `problem`: why nothing can be read, or
   * ""
   * @param onOctets takes octets of the serial line; they are lent for the call
   */
  constructor(
    board: Board,
    wiringOf: (store: Store, problem: string) => PinWiring,
    onOctets: (bytes: Uint8Array, start: number, end: number) => void,
  ) {
    this.board = board;
    this.wifi = board.isWired ? null : this.radio;
    this.relays = board.relays.map((pin) => new RelayPin(PINS, pin, board.active.relays));
    this.ledPin = new SwitchPin(PINS, board.led, board.active.led);
    this.amplifier = new SwitchPin(PINS, board.amplifier, board.active.amplifier);
    if (board.alarm >= 0) this.alarm = new SwitchPin(PINS, board.alarm, board.active.alarm);
    this.store = new FlashStore();
    this.wire(wiringOf(this.store, this.store.problem));
    this.led = new Light(this.ledPin, this.clock);
    const came = new Uint8Array(SERIAL_BYTES);
    const printer: Printer = new Printer((octet) => serial.write(octet));
    this.printer = printer;
    this.drain = () => (serial as Drainable).drain?.();
    // Neither the typings of the SDK nor its C know onError; the project's own ports call it.
    const port: ConstructorParameters<typeof Serial>[0] & { onError(): void } = {
      receive: board.receive,
      transmit: board.transmit,
      baud: BAUD,
      port: 0,
      format: "number",
      onReadable: (bytes) => {
        let length = 0;
        for (let left = bytes; left > 0; left--) {
          came[length++] = serial.read() as number;
          if (length < SERIAL_BYTES && left > 1) continue;
          onOctets(came, 0, length);
          length = 0;
        }
      },
      onWritable: (bytes) => printer.writable(bytes),
      onError: () => {
        onOctets(CLEAR, 0, CLEAR.length);
        this.onInputLost();
      },
    };
    const serial: Serial = new Serial(port);
    this.soundTimer = this.clock.createTimer(() => this.startSound());
    let microphone: AudioPort = new TimedPort(this.clock, NO_SOUND);
    let speaker: AudioOutput = NO_SOUND;
    let codec: Codec | null = null;
    try {
      // The clocks run first: a codec needs MCLK for its start.
      const port = openI2S(board.i2s);
      microphone = new WatchedPort(this.clock, port);
      speaker = port;
      codec = openCodec(board);
    } catch (error) {
      this.soundProblem = messageOf(error);
    }
    this.codec = codec;
    this.microphone = microphone;
    this.speaker = speaker;
    if (this.soundProblem === "") this.startSound();
  }

  /**
   * Is called by an uncaught exception, and when memory ran out, right before the chip restarts. First the doors are
   * locked, which needs no memory; failures after that end in the restart all the same.
   */
  onAbort(call: (message: string) => void): void {
    let isAborting = false;
    (globalThis as unknown as { abort: (message: string, error: unknown) => void }).abort = (message, error) => {
      this.lockAll();
      if (isAborting) restart();
      isAborting = true;
      try {
        call(message + ": " + messageOf(error));
        // At the start the port has not told that it is empty. If it is not, octets that it does not take are lost.
        this.printer.writable(FIFO_BYTES);
        this.drain();
      } catch {
        // The restart must not fail.
      }
      // Gives time to send the console's line and the last datagrams.
      Timer.delay(FAREWELL_MS);
      restart();
    };
  }

  /** Makes all relays lock their doors. */
  private lockAll(): void {
    for (let i = 0; i < this.relays.length; i++) this.relays[i].write(0);
    this.alarm?.write(0);
  }

  wire(wiring: PinWiring): void {
    for (let i = 0; i < this.relays.length && i < wiring.relays.length; i++) this.relays[i].connect(wiring.relays[i]);
    this.ledPin.connect(wiring.led);
    this.amplifier.connect(wiring.amplifier);
  }

  freeBytes(): number {
    return freeBytes();
  }

  hardwareAddress(): string {
    return Net.get("MAC") ?? "";
  }

  collect(): void {
    collect();
  }

  /** Does what follows any exception: calls are ended, the machine restarts. */
  restart(): void {
    throw new Error("restart");
  }

  address(): number {
    return this.ip;
  }

  /** Writes one line, or several, for people; it never waits. */
  print(text: string): void {
    this.printer.print(octets(text));
  }

  /** Writes octets as they are; it never waits. */
  write(bytes: Uint8Array): void {
    this.printer.print(bytes.slice());
  }

  /**
   * Joins a network and keeps joined; a wired board ignores the name. Of a second call only the network counts. @param
   * onUp the address is there @param onDown one line that tells why there is none
   */
  join(network: NetworkChoice, onUp: () => void, onDown: (reason: string) => void): void {
    this.radio.ssid = network.ssid;
    if (this.joining !== null) {
      this.joining.change(network);
      return;
    }
    const join = new Join({
      radio: this.openRadio(),
      clock: this.clock,
      isWired: this.board.isWired,
      network,
      onUp: (address) => {
        const ip = ipv4(address);
        this.ip = ip > 0 ? ip : 0;
        this.radio.isJoined = true;
        onUp();
      },
      onDown: (reason) => {
        this.radio.isJoined = false;
        onDown(reason);
      },
    });
    this.joining = join;
    join.start();
  }

  /** @returns the one radio there is */
  private openRadio(): WiFi {
    const { radio } = this;
    if (radio.radio === null) {
      radio.radio = new WiFi({ onChanged: () => this.joining?.changed() });
      savePower(this.savesPower);
    }
    return radio.radio;
  }

  /** Why nothing can be stored; "" if it can. */
  get storeProblem(): string {
    return this.store.problem;
  }

  restartAfter(ms: number): void {
    const restart = () => {
      throw new Error("restart");
    };
    this.clock.createTimer(restart).at(this.clock.now() + ms);
  }

  /** @param call is told why there is no sound, or "", at once and at each change */
  watchSound(call: (problem: string) => void): void {
    this.onSound = call;
    call(this.soundProblem);
  }

  /**
   * Keeps the time of day right; must be called each time there is a network. @param server a name or an address; that
   * of the first call counts
   */
  keepTime(server: string, onProblem: (reason: string) => void): void {
    const { clock, random, resolver } = this;
    const onTime = (ms: number) => Time.set(Math.round(ms / 1000));
    this.timeOfDay ??= new TimeOfDay({ clock, random, udp: openUdp, resolver, server, onTime, onProblem });
    this.timeOfDay.start();
  }

  udp(options: UdpOptions): ReturnType<Device["udp"]> {
    return openUdp(options);
  }

  async tcp(options: TcpOptions): ReturnType<Device["tcp"]> {
    return openStreams(
      {
        connect: (stream) => new TCP(stream as ConstructorParameters<typeof TCP>[0]),
        listen: (listener) => new Listener(listener),
      },
      options,
      this.clock,
    );
  }

  get hasTls(): boolean {
    return HAS_TLS;
  }

  input(name: InputName, options: InputOptions): Input | null {
    const { board } = this;
    const number = pinOf(board, name);
    if (number === undefined || number < 0) return null;
    const pin = new Digital({
      pin: number,
      mode: board.hasPullUp ? Digital.InputPullUp : Digital.Input,
      edge: Digital.Rising | Digital.Falling,
      onReadable: () => options.onReadable(),
    });
    return { read: () => 1 - pin.read() };
  }

  reader(options: ReaderOptions): boolean {
    const { reader, keypad } = this.board;
    if (reader !== null) listenToReader(reader[0], reader[1], this.clock, options);
    if (keypad !== null) listenToKeypad(keypad.rows, keypad.columns, this.clock, options);
    return reader !== null || keypad !== null;
  }

  /**
   * Starts the codec, and after it the amplifier, so that noise of the codec's start is not heard. It tries again until
   * the codec answers.
   */
  private startSound(): void {
    const before = this.soundProblem;
    this.soundProblem = this.codec === null ? "" : this.codec.start();
    if (this.soundProblem !== "") this.soundTimer.at(this.clock.now() + CODEC_AGAIN_MS);
    else this.amplifier.write(1);
    if (this.soundProblem !== before) this.onSound(this.soundProblem);
  }
}

/** @returns the number of an input's pin; below 0 or undefined if the board has none */
function pinOf(board: Board, name: InputName): number | undefined {
  if (name === "exit" || name === "sensor" || name === "tamper") return board[name];
  return board.buttons[Number(name[6]) - 1];
}

/** @returns null if the board has no codec @throws Error if the bus cannot be had */
function openCodec(board: Board): Codec | null {
  if (board.codec === "") return null;
  const { data, clock } = board;
  const address = board.codec === "ES8388" ? ES8388_ADDRESS : ES8311_ADDRESS;
  const registers = new SMBus({ data, clock, address, hz: BUS_HZ } as ConstructorParameters<typeof SMBus>[0] & {
    data: number;
    clock: number;
    address: number;
    hz: number;
  });
  const options = { registers, delay: Timer.delay };
  return board.codec === "ES8311" ? new Es8311(options) : new Es8388(options);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ignore(): void {}
