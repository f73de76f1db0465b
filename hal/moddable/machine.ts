/**
 * The device of hal/device.ts on the Moddable SDK: pins, clock, sockets, storage, sound, serial console and Wi-Fi of one board.
 * The relays are off from the constructor's first line on. Not here: SRV records (a name's port is the one given, or 5060),
 * the time of day, which nothing here needs, and what a door does (src/intercom).
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
import type { Board } from "../boards/pins.js";
import { ES8311_ADDRESS, Es8311 } from "../codecs/es8311.js";
import { ES8388_ADDRESS, Es8388 } from "../codecs/es8388.js";
import type {
  AudioInput,
  AudioOutput,
  Clock,
  Codec,
  Device,
  DeviceTimer,
  Input,
  InputName,
  InputOptions,
  Output,
  Resolver,
  Store,
  TcpOptions,
  UdpOptions,
} from "../device.js";
import { openUdp } from "../native/datagram.js";
import { type I2S, openI2S } from "../native/i2s.js";
import { Join } from "./join.js";
import { Light } from "./light.js";
import { Lines, Printer } from "./lines.js";
import { random } from "./random.js";
import { Streams } from "./streams.js";

const SIP_PORT = 5060;
const BAUD = 115_200;
const BUS_HZ = 100_000;
/** So long a timer of the SDK rests: it is moved, never made anew. */
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

  /** On Linux the SDK also calls at times that were moved since, and after `stop`. */
  private fire(): void {
    if (this.clock.now() < this.atMs) return;
    this.atMs = Infinity;
    this.call();
  }
}

class TicksClock implements Clock {
  private last = Time.ticks;
  private sum = 0;
  /** The time of day at 0 ms, in ms; 0: not known. */
  private epochAtStartMs = 0;

  /** Ticks wrap around after 49 days; the sum does not. */
  now(): number {
    const ticks = Time.ticks;
    this.sum += Time.delta(this.last, ticks);
    this.last = ticks;
    return this.sum;
  }

  epochS(): number {
    return this.epochAtStartMs === 0 ? 0 : Math.floor((this.epochAtStartMs + this.now()) / 1000);
  }

  setEpoch(ms: number): void {
    this.epochAtStartMs = ms - this.now();
  }

  createTimer(call: () => void): DeviceTimer {
    return new TicksTimer(this, call);
  }
}

/** A pin that is not there. */
class NoOutput implements Output {
  write(): void {}
}

/** What is heard where there is no sound. */
class NoSound implements AudioInput, AudioOutput {
  read(into: Int16Array, start: number, count: number): number {
    into.fill(0, start, start + count);
    return 0;
  }

  write(): void {}
}

class NvsStore implements Store {
  private readonly storage = KeyValue.open({ path: "portero", format: "string" });

  read(key: string): string | null {
    const value = this.storage.read(key);
    return typeof value === "string" ? value : null;
  }

  write(key: string, value: string): void {
    this.storage.write(key, value);
  }
}

class NetResolver implements Resolver {
  resolve(name: string, port: number, _tcp: boolean, done: (error: string, ip: number, port: number) => void): void {
    Net.resolve(name, (_host, address) => {
      const ip = address === undefined ? -1 : ipv4(address);
      if (ip > 0) done("", ip, port > 0 ? port : SIP_PORT);
      else done("no address for " + name, 0, 0);
    });
  }
}

export class Machine implements Device {
  readonly clock: Clock = new TicksClock();
  readonly random = { uint32: random };
  readonly resolver: Resolver = new NetResolver();
  readonly relays: readonly Output[];
  readonly led: Light;
  readonly store: Store;
  readonly microphone: AudioInput;
  readonly speaker: AudioOutput;
  /** Why there is no sound; "" when there is. */
  readonly soundProblem: string;
  private readonly board: Board;
  private readonly printer: Printer;
  private ip = 0;

  constructor(board: Board, onLine: (line: string) => void) {
    this.relays = board.relays.map((pin) => new Digital({ pin, mode: Digital.Output, initialValue: 0 }) as Output);
    this.board = board;
    const led = board.led < 0 ? new NoOutput() : new Digital({ pin: board.led, mode: Digital.Output, initialValue: 0 });
    this.led = new Light(led as Output, this.clock);
    const lines = new Lines(onLine);
    const printer: Printer = new Printer((octet) => serial.write(octet));
    this.printer = printer;
    const serial: Serial = new Serial({
      receive: board.receive,
      transmit: board.transmit,
      baud: BAUD,
      port: 0,
      format: "number",
      onReadable: (bytes) => {
        for (let i = 0; i < bytes; i++) lines.push(serial.read() as number);
      },
      onWritable: (bytes) => printer.writable(bytes),
    });
    this.store = new NvsStore();
    let sound: I2S | NoSound = new NoSound();
    let problem = "";
    try {
      // The clocks run first: a codec needs MCLK for its start.
      sound = openI2S(board.i2s);
      problem = this.startCodec();
    } catch (error) {
      problem = String(error);
    }
    this.microphone = sound;
    this.speaker = sound;
    this.soundProblem = problem;
  }

  /** What an exception nobody caught calls before the chip starts again. */
  onAbort(call: (message: string) => void): void {
    (globalThis as unknown as { abort: (message: string, error: unknown) => void }).abort = (message, error) => {
      for (const relay of this.relays) relay.write(0);
      call(message + ": " + String(error));
    };
  }

  address(): number {
    return this.ip;
  }

  /** One line, or several, for people; never waits. */
  print(text: string): void {
    this.printer.print(octets(text));
  }

  /** Joins and keeps joined. @param onUp the address is there @param onDown one line why it is not */
  join(ssid: string, password: string, onUp: () => void, onDown: (reason: string) => void): void {
    const radio = new WiFi({ onChanged: () => join.changed() });
    const join = new Join({
      radio,
      clock: this.clock,
      ssid,
      password,
      onUp: (address) => {
        const ip = ipv4(address);
        this.ip = ip > 0 ? ip : 0;
        onUp();
      },
      onDown,
    });
    join.start();
  }

  udp(options: UdpOptions): ReturnType<Device["udp"]> {
    return openUdp(options);
  }

  async tcp(options: TcpOptions): ReturnType<Device["tcp"]> {
    return new Streams(
      {
        connect: (stream) => new TCP(stream as ConstructorParameters<typeof TCP>[0]),
        listen: (listener) => new Listener(listener),
      },
      options,
    );
  }

  input(name: InputName, options: InputOptions): Input | null {
    const { board } = this;
    const number = name === "exit" ? board.exit : name === "sensor" ? board.sensor : board.buttons[Number(name[6]) - 1];
    if (number === undefined || number < 0) return null;
    const pin = new Digital({
      pin: number,
      mode: board.hasPullUp ? Digital.InputPullUp : Digital.Input,
      edge: Digital.Rising | Digital.Falling,
      onReadable: () => options.onReadable(),
    });
    return { read: () => 1 - pin.read() };
  }

  private startCodec(): string {
    const { board } = this;
    let codec: Codec | null = null;
    if (board.codec !== "") {
      const address = board.codec === "ES8388" ? ES8388_ADDRESS : ES8311_ADDRESS;
      const { data, clock } = board;
      const registers = new SMBus({ data, clock, address, hz: BUS_HZ } as ConstructorParameters<typeof SMBus>[0] & {
        data: number;
        clock: number;
        address: number;
        hz: number;
      });
      const options = { registers, delay: Timer.delay };
      codec = board.codec === "ES8311" ? new Es8311(options) : new Es8388(options);
    }
    const problem = codec === null ? "" : codec.start();
    // Last: what the codec's start would make heard stays unheard.
    if (board.amplifier >= 0) new Digital({ pin: board.amplifier, mode: Digital.Output, initialValue: 1 });
    return problem;
  }
}
