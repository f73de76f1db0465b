/**
 * The simulated house as a whole: its clock and network, a door, up to four indoor phones and a SIP server, put
 * together as the options and settings want it. The same lines serve the terminal, scripts and the panel. Not here: who
 * presses what (cli.ts, keyboard.ts, panel/).
 */

import type { AudioInput, AudioOutput, Store } from "../hal/device.js";
import { loadSettings } from "../src/console/console.js";
import { ipv4Text } from "../src/core/address.js";
import type { RandomSource } from "../src/core/random.js";
import { NO_FIELDS } from "../src/intercom/events.js";
import { checkTogether } from "../src/settings/consistency.js";
import { sizeProblem } from "../src/settings/savedsettings.js";
import { Settings } from "../src/settings/settings.js";
import type { TimerWatcher } from "../src/transaction/watcher.js";
import { REGISTRATION_DONE } from "../src/ua/registration.js";
import { escapeUser } from "../src/ua/uritext.js";
import type { Change } from "./config/file.js";
import { type GuestPhone, HouseServer } from "./house-server.js";
import { NO_SPEAKER, SamplesInput } from "./io/audio.js";
import { BOARD_WIRING, type VirtualCodec } from "./io/chips/codec.js";
import { VirtualEs8311 } from "./io/chips/es8311.js";
import { VirtualEs8388 } from "./io/chips/es8388.js";
import type { DoorListener } from "./io/doorlistener.js";
import { Keypad } from "./io/keypad.js";
import { SecureRandom, SeededRandom } from "./io/random.js";
import { MemoryStore } from "./io/store.js";
import { listenerProblem, Party } from "./party.js";
import { type House, ownAddress, Wiretap } from "./wiring.js";
import { type RoomName, Scene } from "./world/acoustics/scene.js";
import { limitsOf, type SimBoard } from "./world/boards.js";
import { RealClock, VirtualClock } from "./world/clock.js";
import type { SimEvent } from "./world/events.js";
import { Faults, faultProblem } from "./world/faults.js";
import type { Ladder } from "./world/ladder.js";
import { VirtualNetwork } from "./world/network.js";

/** The phones' ports lie this far behind the door's; the server's between the first and the second one's. */
const PHONE_SIP_STEPS: readonly number[] = [2, 6, 8, 10];
const PHONE_RTP_STEP = 100;
/** The server's port, and the domain of its users. */
const SERVER_SIP_STEP = 4;
const DOMAIN = "house";
/** The user as whom a phone of one's own registers. */
const GUEST = "softphone";
/** The parties may take so long to register before the house counts as ready. */
const REGISTER_MS = 5000;
const PHONE_TONE_HZ = 440;
const PHONE_ECHO_DB = -26;
/** Time for a BYE when the house ends. */
const GOODBYE_MS = 300;

/** The settings do not fit together, or cannot be used. The message is one line for a person. */
export class Misfit extends Error {}

export interface HousePlan {
  board: SimBoard;
  /** The door's settings from a file and the command line. */
  ofFile: readonly Change[];
  ofLine: readonly Change[];
  /** Indoor phones, 0 to 4; with none there is no server either. */
  phones: number;
  /** The seed of random numbers; -1 for the operating system's. */
  seed: number;
  isVirtual: boolean;
  /** The door's store. */
  store: Store;
  /** Whether the store holds settings of an earlier run. */
  isKept: boolean;
  microphone: AudioInput;
  speaker: AudioOutput;
  ladder: Ladder;
  tell(event: SimEvent): void;
  /** Gets the secrets of connections by TLS. */
  keylog?: ((line: Uint8Array) => void) | undefined;
  /** The door's port for TLS; undefined for none. */
  listener?: DoorListener | undefined;
  /**
   * The place of the door: its loudspeaker is heard by its microphone there, and a phone's by the phone's. Undefined
   * for none.
   */
  room?: RoomName;
  /** Stands between a party and its sound, if it is there. */
  tap?: SoundTap;
  /** Looks on at the timers of each party. */
  watch?: (who: string) => TimerWatcher;
}

/** Hears the sound of each party, and may put sound in. */
export interface SoundTap {
  microphone(who: string, input: AudioInput): AudioInput;
  speaker(who: string, output: AudioOutput): AudioOutput;
}

/** Who a phone of one's own registers as, and the phones that have. */
export interface Guest {
  user: string;
  password: string;
  /** `127.0.0.1:5070` and what it is called in the ladder, for each. */
  phones: readonly { at: string; name: string }[];
}

/** An indoor phone: another station on the same core. */
export interface Phone {
  party: Party;
  /** Plays digits as tones into its microphone. */
  keypad: Keypad;
}

export class SimHouse {
  readonly plan: HousePlan;
  readonly world: House;
  /** Null for the machine's own clock. */
  readonly virtual: VirtualClock | null;
  readonly settings = new Settings();
  readonly door: Party;
  readonly phones: readonly Phone[];
  /** Why the saved settings could not be read, "" if they could. */
  readonly problem: string;
  /** Null if there is none, or it is down. */
  server: HouseServer | null = null;
  /** The address of the house's server, "" if it has none. */
  readonly serverAt: string;
  /** Null: there is no server to register with. */
  readonly guest: Guest | null;
  /** Other phones are registered as the guest now, perhaps none. */
  onGuests: () => void = () => {};
  private readonly makeServer: (() => HouseServer) | null;
  private readonly network: VirtualNetwork | null;

  /** @throws Misfit */
  constructor(plan: HousePlan) {
    this.plan = plan;
    const { settings } = this;
    setAll(settings, [...plan.ofFile, ...plan.ofLine]);
    this.virtual = plan.isVirtual ? new VirtualClock() : null;
    const clock = this.virtual ?? new RealClock();
    const seeded = plan.seed >= 0 ? new SeededRandom(plan.seed) : null;
    const random = (): RandomSource => seeded?.fork() ?? new SecureRandom();
    this.network = this.virtual !== null ? new VirtualNetwork(this.virtual, random()) : null;
    const faults = new Faults(random(), 0);
    this.world = {
      clock,
      network: this.network,
      faults,
      wiretap: new Wiretap(clock),
      tell: plan.tell,
      keylog: plan.keylog,
      watch: plan.watch,
    };
    const { ladder, tap } = plan;
    this.world.wiretap.ladder = ladder;

    this.problem = loadSettings(plan.store, settings);
    setAll(settings, plan.ofLine);
    const misfit = checkTogether(settings) || sizeProblem(settings);
    if (misfit !== "") throw new Misfit(misfit);
    this.checkListener();
    const isServed = plan.phones > 0 && hasServer(settings);
    const serverPort = settings.get("sip.port") + SERVER_SIP_STEP;
    const passwords = isServed ? random() : null;
    const home: Home = {
      domain: domainOf(settings),
      proxy: isRedirecting(settings) ? "" : serverAddress(settings),
      password: passwords !== null && settings.get("sip.password") === "" ? passwordBy(passwords) : "",
    };
    const phonePasswords = Array.from({ length: plan.phones }, () => (passwords !== null ? passwordBy(passwords) : ""));
    const settle = (): void => this.settle(isServed, home);
    settle();
    const microphone = (who: string, input: AudioInput): AudioInput => tap?.microphone(who, input) ?? input;
    const speaker = (who: string, output: AudioOutput): AudioOutput => tap?.speaker(who, output) ?? output;
    const room = plan.room ?? "none";
    const heard = { input: microphone("door", plan.microphone), output: speaker("door", plan.speaker) };
    const scene =
      room === "none"
        ? null
        : new Scene(heard.input, heard.output, {
            place: room,
            housing: "box",
            random: random(),
            echoDb: 0,
            noiseDb: 0,
          });
    this.door = new Party(this.world, {
      name: "door",
      settings,
      random: random(),
      microphone: scene ?? heard.input,
      speaker: scene ?? heard.output,
      codec: codecOf(plan.board, () => clock.now()),
      store: plan.store,
      limits: limitsOf(plan.board),
      inputs: plan.board.inputs,
      relays: plan.board.relays,
      listener: plan.listener,
      reread: () => {
        const fresh = new Settings();
        setAll(fresh, plan.ofFile);
        loadSettings(plan.store, fresh);
        setAll(fresh, plan.ofLine);
        settings.take(fresh);
        settle();
      },
    });
    this.phones = phonePasswords.map((password, index) => {
      const name = phoneName(index);
      const keypad = new Keypad(microphone(name, new SamplesInput(tone(PHONE_TONE_HZ))));
      const output = speaker(name, NO_SPEAKER);
      const scene = room === "none" ? null : indoors(keypad, output, random());
      const party = new Party(this.world, {
        name,
        settings: phoneSettings(settings, index, password),
        random: random(),
        microphone: scene === null ? keypad : withoutReference(scene),
        speaker: scene ?? output,
        codec: null,
        store: new MemoryStore(),
      });
      ladder.name(party.settings.get("net.address"), party.settings.get("sip.port"), name);
      return { party, keypad };
    });
    if (isServed) ladder.name(settings.get("net.address"), serverPort, "server");
    if (plan.isKept) {
      this.door.station.console.load();
      setAll(settings, plan.ofLine);
    }
    this.guest = passwords === null ? null : { user: GUEST, password: passwordBy(passwords), phones: [] };
    const users: (readonly [string, string])[] = [
      [settings.get("sip.user"), settings.get("sip.password")],
      ...phonePasswords.map((password, index) => [phoneName(index), password] as const),
      [GUEST, this.guest?.password ?? ""],
    ];
    const options = {
      ip: ownAddress(settings.get("net.address")),
      port: serverPort,
      domain: isRedirecting(settings) ? settings.get("net.address") : DOMAIN,
      isRedirect: isRedirecting(settings),
      users,
      guest: { user: GUEST, onPhones: (phones: readonly GuestPhone[]) => this.noteGuests(phones) },
    };
    this.makeServer = isServed ? () => new HouseServer(this.world, random(), options) : null;
    this.serverAt = isServed ? serverAddress(settings) : "";
    this.server = this.makeServer?.() ?? null;
  }

  /** Refuses a port for TLS that the door cannot have; a panel may take time and network away later. @throws Misfit */
  private checkListener(): void {
    const { listener, ladder } = this.plan;
    const address = this.settings.get("net.address");
    if (listener === undefined) return;
    const problem = listenerProblem(listener, ownAddress(address), false);
    if (problem !== "") throw new Misfit(problem);
    ladder.name(address, listener.port, "door");
  }

  private noteGuests(guests: readonly GuestPhone[]): void {
    if (this.guest === null) return;
    this.guest.phones = guests.map(({ ip, port }, index) => {
      const name = index === 0 ? GUEST : GUEST + (index + 1);
      this.plan.ladder.name(ipv4Text(ip), port, name);
      return { at: ipv4Text(ip) + ":" + port, name };
    });
    this.onGuests();
  }

  get clock(): House["clock"] {
    return this.world.clock;
  }

  /** The number of parties that register with the house's server. */
  get members(): number {
    return this.makeServer === null ? 0 : 1 + this.phones.length;
  }

  /**
   * Opens the sockets, and waits for the parties to register with the house's server.
   * @param isOver ends the waiting
   * @throws Error of one line if a port is taken
   */
  async start(isOver: () => boolean = () => false): Promise<void> {
    const { clock, virtual } = this;
    if (this.problem !== "") this.door.event("error", "settings: " + this.problem, NO_FIELDS);
    await this.server?.start();
    await this.door.station.start();
    for (const { party } of this.phones) await party.station.start();
    const isWaiting = (): boolean => !this.isRegistered() && clock.now() < REGISTER_MS && !isOver();
    if (virtual !== null) await virtual.runWhile(isWaiting);
    else while (isWaiting()) await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }

  private isRegistered(): boolean {
    if (this.makeServer === null) return true;
    const parties = [this.door, ...this.phones.map(({ party }) => party)];
    return parties.every((party) => party.station.door.ua.registration.state === REGISTRATION_DONE);
  }

  /** Ends calls in an orderly way, then everything else. */
  async stop(): Promise<void> {
    const { clock, virtual } = this;
    const parties = [this.door, ...this.phones.map(({ party }) => party)];
    const isCalling = (party: Party): boolean => party.station.door.ua.activeCall() !== null;
    // One party hangs up first; the other hears of it by BYE and is given the time for that.
    for (const party of parties) {
      if (!parties.some(isCalling)) break;
      if (isCalling(party)) party.station.hangUp();
      if (virtual !== null) await virtual.runUntil(virtual.now() + GOODBYE_MS);
      else await new Promise<void>((resolve) => clock.createTimer(resolve).at(clock.now() + GOODBYE_MS));
    }
    for (const party of parties) party.station.close();
    this.server?.close();
    this.server = null;
  }

  /** Sets a fault as `Faults.set` does, of either network; and `server up`, `server down`. */
  fault(name: string, value: string): string {
    if (name === "server") {
      const problem = faultProblem(name, value);
      if (problem !== "") return problem;
      if (this.makeServer === null) return "fault server: this house has no server";
      void this.setServer(value === "up").then((problem) => {
        if (problem !== "") this.door.event("error", problem, NO_FIELDS);
      });
      return "";
    }
    // The server comes back with the rest.
    if (name === "clear" && value === "all") void this.setServer(true);
    if (this.network !== null) return this.network.fault(name, value);
    return name === "tcp" ? "fault tcp: needs --virtual-time" : this.world.faults.set(name, value);
  }

  /** Takes the server away, or brings it back without its bindings. @returns "" or one line */
  private async setServer(isUp: boolean): Promise<string> {
    if (this.makeServer === null) return "this house has no server";
    if (isUp === (this.server !== null)) return "";
    if (!isUp) {
      this.server?.close();
      this.server = null;
      return "";
    }
    const server = this.makeServer();
    try {
      await server.start();
    } catch (error) {
      server.close();
      return (error as Error).message;
    }
    this.server = server;
    return "";
  }

  /** Fills settings that were left open, so that the door belongs to this house. */
  private settle(isServed: boolean, home: Home): void {
    const { plan, settings } = this;
    if (plan.phones > 0 && settings.get("call.target") === "")
      settings.set("call.target", isServed ? phoneName(0) : phoneAddress(settings, 0));
    // Several phones ring together, unless the settings have a plan of their own.
    if (plan.phones > 1 && settings.get("button1.day") === "") {
      const names = Array.from({ length: plan.phones }, (_, i) =>
        isServed ? phoneName(i) : phoneAddress(settings, i),
      );
      settings.set("button1.day", names.join(","));
    }
    // The server keeps its port, whichever port the door has after its next start.
    const isAtHome = settings.get("sip.domain") === home.domain || hasServer(settings);
    if (isServed && isAtHome) joinServer(settings, home);
    plan.ladder.name(settings.get("net.address"), settings.get("sip.port"), "door");
  }
}

export function phoneName(index: number): string {
  return index === 0 ? "phone" : "phone" + (index + 1);
}

function phonePort(door: Settings, index: number): number {
  return door.get("sip.port") + PHONE_SIP_STEPS[index];
}

function phoneAddress(door: Settings, index: number): string {
  return "sip:" + phoneName(index) + "@" + door.get("net.address") + ":" + phonePort(door, index);
}

function setAll(settings: Settings, changes: readonly Change[]): void {
  for (const { key, value } of changes) settings.set(key, value);
}

/** @returns whether the house has a server of its own: it has none if the settings name another, or want none */
function hasServer(settings: Settings): boolean {
  const domain = settings.get("sip.domain");
  // The settings of the house's own server may have been saved with the rest.
  const isOwn = domain === DOMAIN || domain === serverAddress(settings);
  return settings.get("sip.register") && (isOwn || (domain === "" && settings.get("sip.proxy") === ""));
}

function serverAddress(settings: Settings): string {
  return settings.get("net.address") + ":" + (settings.get("sip.port") + SERVER_SIP_STEP);
}

function isRedirecting(settings: Settings): boolean {
  return settings.get("server.mode") === "redirect";
}

/** The domain of the house's users. A server that redirects is no proxy for calls, so its domain is its address. */
function domainOf(settings: Settings): string {
  return isRedirecting(settings) ? serverAddress(settings) : DOMAIN;
}

/** The house's server in the door's settings. */
interface Home {
  domain: string;
  proxy: string;
  password: string;
}

/** The door registers with the house's server, by its name and a password unless it has them. */
function joinServer(settings: Settings, { domain, proxy, password }: Home): void {
  if (settings.get("sip.password") === "") settings.set("sip.password", password);
  settings.set("sip.proxy", proxy);
  settings.set("sip.domain", domain);
}

function passwordBy(random: RandomSource): string {
  return random.uint32().toString(36) + random.uint32().toString(36);
}

/** @param password at the house's server, "" for none @throws Misfit */
function phoneSettings(door: Settings, index: number, password: string): Settings {
  const settings = new Settings();
  const problems = [
    settings.set("sip.user", phoneName(index)),
    settings.set("sip.name", index === 0 ? "Indoor phone" : "Indoor phone " + (index + 1)),
    settings.set("sip.port", String(phonePort(door, index))),
    settings.set("net.address", door.get("net.address")),
    settings.set("rtp.port", String(door.get("rtp.port") + PHONE_RTP_STEP * (index + 1))),
    settings.set("call.allow", "any"),
    settings.set("call.showDigits", "on"),
  ];
  if (password !== "")
    problems.push(
      settings.set("sip.domain", domainOf(door)),
      settings.set("sip.proxy", door.get("sip.proxy")),
      settings.set("sip.password", password),
      settings.set("call.target", "sip:" + escapeUser(door.get("sip.user")) + "@" + domainOf(door)),
    );
  else
    problems.push(
      settings.set("sip.register", "off"),
      settings.set(
        "call.target",
        "sip:" + escapeUser(door.get("sip.user")) + "@" + door.get("net.address") + ":" + door.get("sip.port"),
      ),
    );
  for (const problem of problems) if (problem !== "") throw new Misfit("the phone's " + problem);
  return settings;
}

/** A phone on its stand in a quiet room: its microphone hears some of its loudspeaker, as with most phones. */
function indoors(input: AudioInput, output: AudioOutput, random: RandomSource): Scene {
  return new Scene(input, output, { place: "lobby", housing: "panel", random, echoDb: PHONE_ECHO_DB, noiseDb: -30 });
}

/** A phone does not have our echo canceller. */
function withoutReference(scene: Scene): AudioInput {
  return { read: (into, start, count) => scene.read(into, start, count) };
}

function codecOf(board: SimBoard, nowMs: () => number): VirtualCodec | null {
  if (board.codec === "") return null;
  return board.codec === "ES8388" ? new VirtualEs8388(BOARD_WIRING, nowMs) : new VirtualEs8311(BOARD_WIRING, nowMs);
}

function tone(hz: number): Int16Array {
  const samples = new Int16Array(8000);
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / 8000));
  return samples;
}
