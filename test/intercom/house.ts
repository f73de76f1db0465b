/** A door in the small world of test/ua/harness.ts, with its relays, its light and what it told. */
import { expect } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { boardOf, limitsOf } from "../../host-sim/world/boards.js";
import { ipv4 } from "../../src/core/address.js";
import type { Limits } from "../../src/core/limits.js";
import { Timers } from "../../src/core/timers.js";
import { HOUSE_LIMITS, stationTimers } from "../../src/driver/limits.js";
import { Door } from "../../src/intercom/door.js";
import { Journal } from "../../src/intercom/journal.js";
import { Log } from "../../src/intercom/log.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { Settings } from "../../src/settings/settings.js";
import { SeededRandom } from "../random.js";
import type { World } from "../ua/harness.js";
import { QuietPort } from "../ua/quietport.js";

export const DOOR = "10.0.0.1";

/** A door in the world, with its relay, its light and what it told. */
export class House {
  /** The limits of a machine with room, or of the board that the run is for, unless a test names others. */
  static limits: Limits = process.env.BOARD ? limitsOf(boardOf(process.env.BOARD)!) : HOUSE_LIMITS;
  /** The address of the next one that is made. */
  static address = DOOR;
  readonly ip = ipv4(House.address);
  readonly timers = new Timers(stationTimers(House.limits, true));
  readonly settings = new Settings();
  readonly store = new MemoryStore();
  readonly door: Door;
  readonly log: Log;
  /** The values written to relay 1, with the time in ms before each: "0 on". */
  readonly moves: string[] = [];
  readonly moves2: string[] = [];
  readonly leds: number[] = [];
  /** The values written to the alarm output, with the time in ms before each. */
  readonly alarms: string[] = [];
  readonly alarm = { write: (value: number) => void this.alarms.push(`${this.timers.nowMs} ${value}`) };
  readonly events: { name: string; value: string; extra: Record<string, string | number> }[] = [];
  private readonly world: World;
  private readonly port: QuietPort;

  readonly relays = 2;
  /** The SIGNAL_* that the visitor at the door was to hear. */
  readonly signals: number[] = [];
  /** The time of day at 0 ms, s since 1970; 0: not known. */
  epochAtStartS = 0;

  constructor(world: World, ...settings: string[]) {
    this.world = world;
    for (const one of settings) expect(this.settings.assign(one)).toBe("");
    this.timers.nowMs = world.nowMs;
    this.log = new Log({
      next: this,
      timers: this.timers,
      clock: this,
      record: new KeptText(this.store, "log", House.limits.logBytes),
      mostEntries: House.limits.logEntries,
      mostBytes: House.limits.logBytes,
      journal: new Journal(new MemoryStore(), House.limits.journalBlocks),
    });
    this.door = new Door({
      settings: this.settings,
      limits: House.limits,
      timers: this.timers,
      random: new SeededRandom(5),
      network: this,
      sound: this,
      outputs: this,
      events: this.log,
      store: this.store,
    });
    this.port = new QuietPort(this.door.ua.lines, this.timers);
    world.add(this);
    this.door.start(this.ip);
  }

  press(button = 1): void {
    this.timers.nowMs = this.world.nowMs;
    this.door.press(button);
  }

  /** Saves settings as on the console. */
  set(...settings: string[]): void {
    this.timers.nowMs = this.world.nowMs;
    for (const one of settings) expect(this.settings.assign(one)).toBe("");
    this.door.start(this.ip);
  }

  /** Lists each event of that name as "value field field …". */
  tellings(name: string, ...fields: string[]): string[] {
    return this.events
      .filter((event) => event.name === name)
      .map(({ value, extra }) => [value, ...fields.map((field) => extra[field] ?? "-")].join(" "));
  }

  receive(d: { fromIp: number; fromPort: number; toPort: number; bytes: Uint8Array }): void {
    this.timers.nowMs = this.world.nowMs;
    if (d.toPort === 5060) {
      this.door.ua.layer.receiveDatagram(d.fromIp, d.fromPort, d.bytes, 0, d.bytes.length);
      return;
    }
    const media = this.door.ua.lines[(d.toPort - 16384) >> 1].media;
    if (d.toPort % 2 === 0) media.onRtp(d.fromIp, d.fromPort, d.bytes, d.bytes.length);
  }

  next = () => Math.min(this.timers.next(), this.port.next());
  poll = (nowMs: number) => {
    this.timers.poll(nowMs);
    this.port.poll(nowMs);
  };

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.world.send(this.ip, 5060, ip, port, bytes.slice(start, end));
    return true;
  }
  sendStream = () => -1;
  closeStream(): void {}
  resolve(): void {}
  rtp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.world.send(this.ip, 16384 + 2 * call, ip, port, bytes.slice(start, end));
  }
  rtcp(): void {}

  relay(relay: number, on: boolean): void {
    const move = `${this.timers.nowMs} ${on ? "on" : "off"}`;
    if (relay === 1) this.moves.push(move);
    else this.moves2.push(move);
  }
  signal(kind: number): void {
    this.signals.push(kind);
  }
  isInCall(): boolean {
    return this.door.ua.activeCall() !== null;
  }

  /** What the sound at this door has wrong. */
  problem = "";
  soundProblem(): string {
    return this.problem;
  }
  epochS(): number {
    return this.epochAtStartS === 0 ? 0 : this.epochAtStartS + Math.floor(this.timers.nowMs / 1000);
  }
  led(pattern: number): void {
    this.leds.push(pattern);
  }
  event(name: string, value: string, fields: Record<string, string | number>): void {
    this.events.push({ name, value, extra: fields });
  }

  /** Lists the values of all events of that name; refused calls are left out (refused-calls.test.ts). */
  told(name: string): string[] {
    return this.events.filter((event) => event.name === name && event.value !== "refused").map(({ value }) => value);
  }

  isReleased(): boolean {
    return this.moves.length > 0 && this.moves[this.moves.length - 1].endsWith("on");
  }
}
