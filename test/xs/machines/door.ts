/**
 * The whole door station on XS: the firmware's program with devices made of the world's functions. Commands move its
 * button and ask for the counts of events.
 */
import type {
  AudioOutput,
  AudioPort,
  Clock,
  Device,
  DeviceTimer,
  Input,
  InputName,
  InputOptions,
  TcpOptions,
  TcpStack,
  UdpOptions,
  UdpSocket,
} from "../../../hal/device.js";
import { Streams } from "../../../hal/moddable/streams.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../../src/driver/limits.js";
import { Station } from "../../../src/driver/station.js";
import { eventLine } from "../../../src/intercom/eventline.js";
import type { DoorEvents } from "../../../src/intercom/events.js";
import { Settings } from "../../../src/settings/settings.js";
import { SeededRandom } from "../../random.js";
import { FIRST_ADDRESS, hostOf, inhabit } from "./host.js";
import { HOUSE_PLACE, HouseSystems } from "./housesystems.js";
import { Flash, populate } from "./residents.js";

const host = hostOf();

/** Keeps what a board's socket keeps in the engine's memory: the function that is called, not the options. */
class Socket implements UdpSocket {
  readonly port: number;
  readonly onReadable: (socket: UdpSocket) => void;

  constructor(options: UdpOptions) {
    this.port = options.port;
    this.onReadable = options.onReadable;
  }

  get address(): number {
    return FIRST_ADDRESS + host.sourceMachine();
  }

  get remotePort(): number {
    return host.sourcePort();
  }

  get cut(): number {
    return 0;
  }

  read(into: Uint8Array): number {
    return host.read(into);
  }

  write(bytes: Uint8Array, start: number, end: number, address: number, port: number): boolean {
    return host.send(this.port, address - FIRST_ADDRESS, port, bytes, start, end);
  }

  close(): void {}
}

class Timer implements DeviceTimer {
  atMs = Infinity;
  readonly call: () => void;
  constructor(call: () => void) {
    this.call = call;
  }
  at(ms: number): void {
    this.atMs = ms;
  }
  stop(): void {
    this.atMs = Infinity;
  }
}

const NO_TCP: TcpStack = { port: 5060, connect: () => null, find: () => null, findTo: () => null, close() {} };

/** Counts events; each event is made into a line, as for the serial line of a board. */
class Diary implements DoorEvents {
  /** Indexed by COUNTED. */
  readonly counts = new Int32Array(COUNTED.length);
  octets = 0;
  event(name: string, value: string, fields: Record<string, string | number>): void {
    this.octets += eventLine(name, value, fields).length;
    const key = name === "error" ? name : name + " " + value;
    if (name === "error") host.print("door: " + value);
    const at = COUNTED.indexOf(key);
    if (at >= 0) this.counts[at] += 1;
  }
}

const COUNTED = [
  "register registered",
  "call ringing",
  "call confirmed",
  "call held",
  "call ended",
  "relay on",
  "relay off",
  "audio both",
  "error",
];

const CONFIGURATION = [
  "net.address=10.0.0.1",
  "sip.user=door",
  "sip.password=secret",
  "sip.domain=10.0.0.2",
  "call.target=sip:phone@10.0.0.2",
  "call.autoAnswer=on",
  "call.knownByAddress=on",
  "relay1.code=1234",
  "relay1.pulse=1",
];

/** The time of day at start, in seconds; it is not known without this. */
declare const EPOCH_S: number | undefined;

/** Whether the door is its phones' server too. */
declare const HAS_SERVER: boolean | undefined;
const isRoomy = typeof HAS_SERVER !== "undefined" && HAS_SERVER;
if (isRoomy) CONFIGURATION.push("server.enabled=on", "phone1.name=kitchen", "phone1.password=secret");

/**
 * The links of a plain board to the house's systems: "" for none, "well" if the servers answer, "deaf" if they take a
 * few octets and then nothing.
 */
declare const LINKS: string | undefined;
const links = typeof LINKS === "undefined" ? "" : LINKS;
if (links !== "")
  CONFIGURATION.push(
    "syslog.server=" + HOUSE_PLACE,
    "syslog.transport=tcp",
    "hook.url=http://" + HOUSE_PLACE + "/door",
    "hook.secret=a secret of the hook",
    "mqtt.enabled=on",
    "mqtt.server=" + HOUSE_PLACE,
    "mqtt.user=door",
    "mqtt.password=secret",
    "mqtt.open=on",
  );

// Made by `start`, because on the device all of it is RAM.
let station: Station;
let timer: Timer;
let port: Port;
let sockets: Socket[];

const FRAME = 160;
const FRAME_MS = 20;

// Things that no door has are made when the modules are loaded, and do not count.
const diary = new Diary();
const house = new HouseSystems(links === "deaf");
/** Whether the house has as many people as a plain board keeps. */
declare const HAS_PEOPLE: boolean | undefined;
const hasPeople = typeof HAS_PEOPLE !== "undefined" && HAS_PEOPLE;
const flash = new Flash();
if (hasPeople) populate(flash, new Settings(), DOOR_LIMITS.people);
/** The samples that the speaker was given last, and those of the microphone: a square wave of 500 Hz. */
const heard = new Int16Array(FRAME);
const wave = new Int16Array(FRAME);
for (let i = 0; i < FRAME; i++) wave[i] = i & 8 ? 6000 : -6000;
const button: { pressed: number; options: InputOptions | null } = { pressed: 0, options: null };

/** @returns the sum of the magnitudes of the last 20 ms that the speaker was given */
function loudness(): number {
  let sum = 0;
  for (let i = 0; i < FRAME; i++) sum += heard[i] < 0 ? -heard[i] : heard[i];
  return sum;
}

/** The codec's port: a frame each 20 ms. It costs as little as one in C does. */
class Port implements AudioPort {
  atMs = Infinity;
  private onReadable: (frames: number, lost: number) => void = () => {};

  start(onReadable: (frames: number, lost: number) => void): void {
    this.onReadable = onReadable;
    this.atMs = host.now() + FRAME_MS;
  }

  stop(): void {
    this.atMs = Infinity;
  }

  read(into: Int16Array): number {
    into.set(wave);
    return FRAME;
  }

  poll(): void {
    if (this.atMs > host.now()) return;
    this.atMs += FRAME_MS;
    host.sound();
    this.onReadable(1, 0);
  }
}

class TheClock implements Clock {
  now(): number {
    return host.now();
  }
  epochS(): number {
    return typeof EPOCH_S === "undefined" ? 0 : EPOCH_S + Math.floor(host.now() / 1000);
  }
  createTimer(call: () => void): DeviceTimer {
    timer = new Timer(call);
    return timer;
  }
}

class Output {
  write(): void {}
}

class Button {
  read(): number {
    return button.pressed;
  }
}

class Speaker implements AudioOutput {
  write(from: Int16Array): void {
    heard.set(from);
  }
}

/** A class, as a board's is: what it can do lies in flash. */
class Board implements Device {
  readonly restart = null;
  readonly wifi = null;
  readonly clock = new TheClock();
  readonly random = new SeededRandom(1);
  readonly codec = null;
  readonly microphone = port;
  readonly speaker = new Speaker();
  readonly relays = [new Output()];
  readonly wire = null;
  readonly led = new Output();
  readonly resolver = this;
  readonly store = this;

  collect(): void {
    host.collect();
  }
  address(): number {
    return FIRST_ADDRESS;
  }
  udp(options: UdpOptions): Promise<UdpSocket> {
    const socket = new Socket(options);
    sockets.push(socket);
    return Promise.resolve(socket);
  }
  tcp(options: TcpOptions): Promise<TcpStack> {
    return Promise.resolve(options.isCaller === true ? new Streams(house, options) : NO_TCP);
  }
  resolve(
    _name: string,
    _port: number,
    _service: string,
    done: (error: string, ip: number, port: number) => void,
  ): void {
    done("no names here", 0, 0);
  }
  input(name: InputName, options: InputOptions): Input | null {
    if (name !== "button1") return null;
    button.options = options;
    return new Button();
  }
  get people(): Flash | undefined {
    return hasPeople ? flash : undefined;
  }
  read(): null {
    return null;
  }
  write(): void {}
}

function start(): void {
  port = new Port();
  sockets = [];
  const settings = new Settings();
  for (let i = 0; i < CONFIGURATION.length; i++) {
    const error = settings.assign(CONFIGURATION[i]);
    if (error !== "") throw new Error(error);
  }
  station = new Station(new Board(), settings, isRoomy ? ROOMY_LIMITS : DOOR_LIMITS, diary);
  station.start();
}

function poll(): number {
  port.poll();
  house.poll();
  if (timer.atMs <= host.now()) {
    timer.atMs = Infinity;
    timer.call();
  }
  return house.isBusy ? host.now() : Math.min(timer.atMs, port.atMs);
}

/** @returns the number of links that `status` tells of as working */
function linked(): number {
  const lines = station.line("status").split("\n");
  const works = (line: string): boolean =>
    line.indexOf("syslog ") === 0 || line.indexOf("mqtt ") === 0
      ? line.indexOf(", connected") > 0 && line.indexOf("lost") < 0
      : line.indexOf("hook ") === 0 && line.indexOf(", idle") > 0 && line.indexOf("error") < 0;
  return lines.filter(works).length;
}

function receive(port: number): void {
  for (let i = 0; i < sockets.length; i++) if (sockets[i].port === port) sockets[i].onReadable(sockets[i]);
}

/**
 * Takes `press 1`, `press 0`, `line ` and a line of the console, `loudness`, `packets`, `lost`, or an event whose count
 * is wanted.
 */
function command(line: string): number {
  if (line === "press 1" || line === "press 0") {
    button.pressed = line === "press 1" ? 1 : 0;
    button.options?.onReadable();
    return 0;
  }
  if (line.slice(0, 5) === "line ") {
    station.line(line.slice(5));
    return 0;
  }
  if (line === "loudness") return loudness();
  if (line === "linked") return linked();
  const call = station.door.ua.calls[0];
  if (line === "packets") return call.media.receivedPackets();
  if (line === "lost") return call.media.lostPackets();
  if (line === "late") return call.media.latePackets();
  return diary.counts[COUNTED.indexOf(line)];
}

inhabit({ start, poll, receive, command });
