/**
 * The only way from the panel into the simulated house. It gives the state and the events of the house, and carries out
 * orders, which are actions of a person in the house. It makes the house anew when the page wants another kind. Not
 * here: sockets and pages (server.ts), how it looks (page/).
 */

import { Light } from "../../hal/moddable/light.js";
import { Terminal } from "../../src/console/terminal.js";
import { text } from "../../src/core/bytes.js";
import { LED_NAMES, NO_FIELDS } from "../../src/intercom/events.js";
import { METHOD_NAMES } from "../../src/wire/names.js";
import type { Change } from "../config/file.js";
import { type HousePlan, SimHouse } from "../house.js";
import type { Party } from "../party.js";
import { boardOf, type SimBoard } from "../world/boards.js";
import type { SimEvent } from "../world/events.js";
import type { Pcap } from "../world/pcap.js";
import { exported, type Format } from "./exports.js";
import { Journal } from "./journal.js";
import { Pace } from "./pace.js";
import {
  type ButtonName,
  type HouseState,
  type Item,
  type Laptop,
  lineOf,
  type Meter,
  type Mode,
  type Order,
  type PartyState,
  type RawLine,
  type Stats,
} from "./protocol.js";
import { Recording } from "./recording.js";
import { seatOf } from "./seat.js";
import { SoundDesk } from "./sound.js";
import { spansOf } from "./spans.js";

/** The settings of a house that are the same for every kind. */
export type HouseBase = Omit<HousePlan, "tap" | "watch" | "tell" | "isVirtual" | "phones" | "room">;

/** The listener that shows the house. */
export interface WorldListener {
  onItem(item: Item): void;
  /** Something in `state()` has changed. */
  onState(): void;
  /** Samples of a loudspeaker have come; they are lent. */
  onSound(octet: number, samples: Int16Array): void;
  /** The door tells a line on its console. */
  onTold(event: SimEvent): void;
}

/** The console of the door in one page: a terminal with a login of its own, and single lines of the form beside it. */
export interface ConsoleSeat {
  keys(text: string, columns: number): void;
  line(line: string): string;
  print(lines: string): void;
}

const FAULTS_AT_FIRST: Readonly<Record<string, string>> = {
  loss: "0",
  delay: "0",
  jitter: "0",
  duplicate: "0",
  reorder: "0",
  corrupt: "0",
  bandwidth: "0",
  partition: "off",
  server: "up",
};
/** A contact that bounces does not register a shorter push. */
const PUSH_MS = 90;
const NOT_ANSWERED = "the house is being made anew: try again";

export class PanelWorld {
  readonly journal = new Journal();
  readonly sound: SoundDesk;
  listener: WorldListener = { onItem: () => {}, onState: () => {}, onSound: () => {}, onTold: () => {} };
  /** The counts of the panel, beside what the house counts. */
  counts = { pages: 0, refused: 0 };
  /** Also called with each event, for the program's own output. */
  private readonly tell: (event: SimEvent) => void;
  private readonly base: HouseBase;
  private readonly recording = new Recording();
  private mode: Mode;
  private current: SimHouse | null = null;
  private pace: Pace | null = null;
  private light: Light | null = null;
  private parties = new Map<string, PartyState>();
  private relays: HouseState["relays"] = [];
  private led = LED_NAMES[0];
  private isLit = false;
  private isOpen = false;
  private faults: Record<string, string> = { ...FAULTS_AT_FIRST };
  /** The time when each button was pressed last. */
  private readonly pressedMs = new Map<ButtonName, number>();
  private isMaking = false;
  private epochMs = 0;
  /** Takes the packets of each house. */
  private pcap: Pcap | null = null;

  constructor(base: HouseBase, mode: Mode, hasMicrophone: boolean, tell: (event: SimEvent) => void) {
    this.base = base;
    this.mode = mode;
    this.tell = tell;
    this.sound = new SoundDesk(hasMicrophone);
    this.sound.onSound = (octet, samples) => this.listener.onSound(octet, samples);
    this.journal.onItem = (item) => this.listener.onItem(item);
  }

  /** The present house. @throws Error before `start` */
  get house(): SimHouse {
    if (this.current === null) throw new Error("no house yet");
    return this.current;
  }

  get now(): number {
    return this.current?.clock.now() ?? 0;
  }

  /**
   * @param pcap takes the packets of this house, and of those that are made later @throws Misfit, or Error of one line
   * when a port is taken
   */
  async start(pcap: Pcap | null = null, isOver: () => boolean = () => false): Promise<void> {
    const { mode } = this;
    const ofLine: Change[] = [...this.base.ofLine];
    if (mode.server === "none") ofLine.push({ key: "sip.register", value: "off" });
    if (mode.server === "redirect") ofLine.push({ key: "server.mode", value: "redirect" });
    this.parties = new Map();
    this.relays = [];
    this.faults = { ...FAULTS_AT_FIRST };
    this.isOpen = this.isLit = false;
    const house = new SimHouse({
      ...this.base,
      ofLine,
      phones: mode.phones,
      room: mode.room,
      isVirtual: mode.isVirtual,
      tap: this.sound,
      watch: (who) => ({
        onRepeat: (timer) => this.journal.repeated(who, timer),
        onGivenUp: (timer, method) => this.journal.givenUp(this.now, who, timer, text(METHOD_NAMES[method])),
      }),
      tell: (event) => this.onEvent(event),
    });
    this.current = house;
    this.epochMs = mode.isVirtual ? 0 : Date.now() - house.clock.now();
    house.onGuests = () => {
      for (const { at, name } of house.guest?.phones ?? []) this.journal.rename(at, name);
      this.changed();
    };
    const ours = new Set(["server", house.door.name, ...house.phones.map(({ party }) => party.name)]);
    this.journal.begin(
      (ip, port) => house.world.wiretap.ownerOf(ip, port),
      (name) => ours.has(name),
    );
    house.world.wiretap.onCarried = (carried) => this.journal.carried(carried);
    this.pcap = pcap ?? this.pcap;
    this.pcap?.restart(this.epochMs);
    house.world.wiretap.pcap = this.pcap;
    this.base.ladder.onRung = (rung) => this.journal.message(rung);
    this.watchOutputs(house);
    try {
      await house.start(isOver);
    } catch (error) {
      // Everything that was opened already is closed.
      await house.stop();
      throw error;
    }
    if (house.virtual !== null)
      this.pace = new Pace(house.virtual, (error) => house.door.event("error", error.message, NO_FIELDS));
    this.recording.clear(this.now);
    this.changed();
  }

  async stop(): Promise<void> {
    this.pace?.stop();
    this.pace = null;
    // A light that is left would go on blinking.
    this.light?.write(0);
    await this.current?.stop();
  }

  state(): HouseState {
    const { house } = this;
    const { settings } = house;
    const { board, seed, ofFile, ofLine } = this.base;
    const { inputs } = house.plan.board;
    return {
      board: house.plan.board.name,
      buttons: inputs.filter((name) => name.startsWith("button")),
      hasExit: inputs.includes("exit"),
      hasSensor: inputs.includes("sensor") && settings.get("door.sensor") !== "off",
      hasReader: house.plan.board.hasReader,
      relays: this.relays,
      isOpen: this.isOpen,
      hasCode: settings.get("relay1.code") !== "",
      led: this.led,
      isLit: this.isLit,
      parties: [house.door, ...house.phones.map(({ party }) => party)].map((party) => this.party(party)),
      serverAt: house.serverAt,
      softphone:
        house.guest === null
          ? null
          : {
              ...house.guest,
              isRung: settings
                .get("button1.day")
                .split(/[,> ]+/)
                .includes(house.guest.user),
            },
      isServerUp: house.server !== null,
      mode: this.mode,
      seed: this.base.seed,
      faults: this.faults,
      time: {
        isVirtual: house.virtual !== null,
        isPaused: this.pace?.isPaused ?? false,
        speed: this.pace?.speed ?? 1,
      },
      talkers: this.sound.talkers,
      voices: this.sound.voices,
      command: this.recording.command(seed, this.mode, this.now, [...ofFile, ...ofLine], boardName(board)),
      isCommandCut: this.recording.isCut,
    };
  }

  stats(): Stats {
    const { door } = this.house.door.station;
    const { layer } = door.ua;
    const { counters } = layer;
    const { media } = door.ua.lines[0];
    const isCalling = door.ua.activeCall() !== null && media.hasRun();
    const pools = [
      { name: "clients", pool: layer.clients },
      { name: "servers", pool: layer.servers },
      { name: "dialogs", pool: door.ua.dialogs },
    ];
    return {
      t: this.now,
      pools: pools.map(({ name, pool }) => ({
        name,
        used: pool.used(),
        size: pool.items.length,
        most: pool.highWater,
      })),
      heapKb: Math.round(process.memoryUsage().heapUsed / 1024),
      sent: counters.sent,
      received: counters.received,
      retransmitted: counters.retransmitted,
      malformed: counters.malformed,
      jitterMs: isCalling ? media.jitterMs() : -1,
      bufferMs: isCalling ? media.delayMs() : -1,
      tripMs: isCalling ? media.roundTripMs() : -1,
      rtpSent: isCalling ? media.sentPackets() : 0,
      rtpReceived: isCalling ? media.receivedPackets() : 0,
      rtpLost: isCalling ? media.lostPackets() : 0,
      rtpLate: isCalling ? media.latePackets() : 0,
      verdict: isCalling ? media.verdict() : "",
      ...this.counts,
    };
  }

  meters(): { door: Meter; phone: Meter } {
    return this.sound.meters();
  }

  /** @returns the message as the parser sees it, null when it is kept no more */
  raw(item: number): RawLine[] | null {
    const bytes = this.journal.bytesOf(item);
    return bytes === null ? null : spansOf(bytes);
  }

  exported(format: Format): Buffer {
    return exported(this.journal, format, this.epochMs);
  }

  /** Opens a place at the door's console. @param send prints to it */
  seat(send: (text: string) => void): ConsoleSeat {
    const user = seatOf(() => this.house.door);
    const terminal = new Terminal(
      {
        line: (input) => {
          const out = user.line(input);
          this.record(input);
          return out;
        },
        complete: (input) => user.complete(input),
        isLocked: () => user.isLocked?.() === true,
      },
      send,
    );
    terminal.open();
    return {
      keys: (text, columns) => {
        terminal.columns = columns;
        const bytes = Buffer.from(text, "utf8");
        terminal.receive(bytes, 0, bytes.length);
      },
      line: (line) => {
        const out = user.line(line);
        this.record(line);
        return out;
      },
      print: (lines) => terminal.print(lines),
    };
  }

  /**
   * Records a line of the console. A line that only asks changes nothing that a script would have to repeat, and a
   * password is written down nowhere.
   */
  private record(line: string): void {
    if (/^\s*(set|unset|save|revert|factory-reset|open|close|reboot|call|hangup|answer|press)\b/.test(line)) {
      if (/^\s*set\s+\S*password/i.test(line)) this.recording.isCut = true;
      else this.recording.add({ do: "line", line: line.replace(/ --json$/, "") }, this.now);
    }
    this.changed();
  }

  /**
   * Carries out what a person wants; orders of one page only (raw, keys, line, laptop) are the server's. @returns "" or
   * one line that says what was wrong
   */
  async order(order: Order): Promise<string> {
    if (this.isMaking) return NOT_ANSWERED;
    if (order.do === "mode") return this.remake(order.mode);
    const problem = await this.carryOut(order);
    if (problem === "") this.recording.add(order, this.now);
    this.changed();
    return problem;
  }

  private async carryOut(order: Order): Promise<string> {
    const { house } = this;
    switch (order.do) {
      case "press":
      case "release": {
        if (!house.plan.board.inputs.includes(order.button)) return house.plan.board.name + " has no " + order.button;
        const contact = house.door.contacts[order.button];
        if (order.do === "press") {
          contact.set(1);
          this.pressedMs.set(order.button, this.now);
        } else this.letGo(order.button);
        return "";
      }
      case "door":
        this.isOpen = order.open;
        house.door.moveDoor(order.open);
        return "";
      case "key":
        if (!house.plan.board.hasReader) return house.plan.board.name + " has no keypad";
        house.door.reader.key(order.key);
        return "";
      case "card":
        if (!house.plan.board.hasReader) return house.plan.board.name + " has no reader";
        house.door.reader.card(order.number);
        return "";
      case "phone": {
        const phone = house.phones.find(({ party }) => party.name === order.who);
        if (phone === undefined) return "there is no " + order.who;
        if (order.verb === "tones") {
          if (phone.party.station.door.ua.activeCall() === null) return "no call";
          phone.keypad.press(order.value);
          return "";
        }
        return problemIn(phone.party.line(lineOf(order.verb, order.value)));
      }
      case "fault":
        return this.fault(order.name, order.value);
      case "pause":
        if (this.pace === null) return this.noTime();
        this.pace.isPaused = order.on;
        return "";
      case "speed":
        if (this.pace === null) return this.noTime();
        this.pace.speed = order.value;
        return "";
      case "step": {
        if (this.pace === null) return this.noTime();
        const last = this.lastRow();
        return (await this.pace.step(() => this.lastRow() !== last)) ? "" : "nothing happened within a minute";
      }
      case "voice":
        this.sound.setVoice(order.who, order.on);
        return "";
      default:
        return "no such order";
    }
  }

  /** Makes the computer before a page that party's microphone and loudspeaker. @param page from 1 */
  seatLaptop(page: number, who: Laptop): void {
    this.sound.seat(page, who);
    this.changed();
  }

  /** Keeps the contact closed for as long as a push takes, however short the click is, also while time stands still. */
  private letGo(button: ButtonName): void {
    const { clock, door } = this.house;
    const contact = door.contacts[button];
    const atMs = (this.pressedMs.get(button) ?? 0) + PUSH_MS;
    if (clock.now() >= atMs) contact.release();
    else clock.createTimer(() => contact.release()).at(atMs);
  }

  private lastRow(): number {
    return this.journal.items[this.journal.items.length - 1]?.id ?? 0;
  }

  private noTime(): string {
    return "time is the machine's own: make the house with virtual time first";
  }

  private fault(name: string, value: string): string {
    const problem = this.house.fault(name, value);
    if (problem !== "") return problem;
    const isClear = name === "clear";
    if (isClear) this.faults = { ...FAULTS_AT_FIRST };
    else this.faults[name] = value;
    const event = isClear ? "faults cleared" : name + " " + value;
    this.onEvent({ t: this.now, who: "network", event: "network", value: event });
    return "";
  }

  private async remake(mode: Mode): Promise<string> {
    const before = this.mode;
    this.isMaking = true;
    try {
      await this.stop();
      this.mode = mode;
      await this.start();
      return "";
    } catch (error) {
      this.mode = before;
      try {
        await this.start();
      } catch {
        // The error is reported once.
      }
      return (error as Error).message;
    } finally {
      this.isMaking = false;
      this.changed();
    }
  }

  private party(party: Party): PartyState {
    let state = this.parties.get(party.name);
    if (state === undefined) {
      state = {
        name: party.name,
        address: "",
        register: "",
        register2: "",
        call: "",
        direction: "",
        peer: "",
        reason: "",
        privacy: "",
        sinceMs: -1,
      };
      this.parties.set(party.name, state);
    }
    return state;
  }

  private onEvent(event: SimEvent): void {
    this.tell(event);
    const parties = this.current === null ? [] : [this.house.door, ...this.house.phones.map(({ party }) => party)];
    const party = parties.find(({ name }) => name === event.who);
    if (party !== undefined) this.follow(this.party(party), event);
    if (event.who === "door" && event.event === "led") this.led = event.value;
    if (event.who === "door" && event.event === "relay") this.followRelay(event);
    this.journal.event(this.withRefresh(event));
    this.listener.onTold(event);
    this.changed();
  }

  /** A registration is refreshed in its time: the ladder says when. */
  private withRefresh(event: SimEvent): SimEvent {
    if (event.event !== "register" || event.value !== "registered" || this.current === null) return event;
    const { door, phones } = this.current;
    const party = [door, ...phones.map((phone) => phone.party)].find(({ name }) => name === event.who);
    const leftMs = party?.station.door.ua.registration.nextMs() ?? -1;
    return leftMs > 0 ? { ...event, refresh: "refresh in " + Math.round(leftMs / 1000) + " s" } : event;
  }

  private follow(state: PartyState, { t, event, value, ...extra }: SimEvent): void {
    if (event === "register" && value !== "binding") state.register = value;
    if (event === "register2") state.register2 = value;
    if (event === "config" && value === "ready") {
      // The party started anew, so its calls were cut off.
      state.address = String(extra.address ?? "");
      state.call = "";
      state.sinceMs = -1;
    }
    if (event !== "call") return;
    state.call = value;
    state.direction = String(extra.direction ?? state.direction);
    if (extra.peer !== undefined) state.peer = String(extra.peer);
    state.reason = String(extra.reason ?? "");
    if (value === "confirmed" && state.sinceMs < 0) state.sinceMs = t;
    if (value === "confirmed") state.privacy = privacyOf(extra);
    if (value === "ended") state.sinceMs = -1;
  }

  private followRelay({ t, value, ...extra }: SimEvent): void {
    const at = Number(extra.relay ?? 1) - 1;
    const { settings } = this.house;
    const isPulse = settings.get(at === 0 ? "relay1.mode" : "relay2.mode") === "pulse";
    const pulseMs = settings.get(at === 0 ? "relay1.pulse" : "relay2.pulse") * 1000;
    if (this.relays[at] === undefined) return;
    this.relays[at] = { isOn: value === "on", untilMs: value === "on" && isPulse ? t + pulseMs : -1 };
  }

  /** The light of the door shines in the board's own rhythm. */
  private watchOutputs(house: SimHouse): void {
    const { door } = house;
    this.relays = door.relays.map(() => ({ isOn: false, untilMs: -1 }));
    const pin = {
      write: (value: number): void => {
        this.isLit = value === 1;
        this.changed();
      },
    };
    const light = new Light(pin, house.clock);
    this.light = light;
    door.led.onWrite = (pattern) => light.write(pattern);
  }

  private changed(): void {
    if (this.current !== null) this.listener.onState();
  }
}

/** @returns the value of --board, "" for none: the reference board with every possible input */
function boardName(board: SimBoard): string {
  return board === boardOf("") ? "" : board.name;
}

/** @param fields of the event that the call is confirmed @returns as `PartyState.privacy` */
function privacyOf({ encryption = "none", signalling = "none" }: Record<string, unknown>): string {
  if (encryption === "none") return "";
  return signalling === "none" ? "sound" : "private";
}

/** @returns the error in the console's answer, "" for none */
function problemIn(output: string): string {
  return output.startsWith("error: ") ? output.slice(7).trimEnd() : "";
}
