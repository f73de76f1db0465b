/**
 * The device's entry: a board, a network, a door on it. Wiring only. What the board needs before there is a door is kept by lines
 * of the console: `wifi.ssid NAME`, `wifi.password TEXT`, `time.server NAME`; they hold from the next start on, `restart` is one.
 * A Wi-Fi that a browser hands over (Improv) is joined at once, and kept when it could be joined.
 */
import { BOARD } from "../hal/boards/board.js";
import { Machine } from "../hal/moddable/machine.js";
import { ipv4Text } from "./core/address.js";
import { DOOR_LIMITS } from "./core/limits.js";
import { loadSettings, VERSION } from "./intercom/console.js";
import { Improv, type ImprovUser } from "./intercom/improv.js";
import type { DoorEvents } from "./intercom/outputs.js";
import { Settings } from "./intercom/settings.js";
import { Station } from "./intercom/station.js";
import { Terminal, type TerminalUser } from "./intercom/terminal.js";

const SSID = "wifi.ssid";
const PASSWORD = "wifi.password";
const TIME_SERVER = "time.server";
const RESTART = "restart";
/** A door that could not be opened is tried again by a new start. */
const AGAIN_MS = 60_000;
const NOT_STARTED = "no network yet: only wifi.ssid, wifi.password, time.server and restart are heard\n";

class Firmware implements DoorEvents, TerminalUser, ImprovUser {
  private readonly machine: Machine = new Machine(BOARD, (bytes, start, end) =>
    this.improv.receive(bytes, start, end, this.machine.clock.now()),
  );
  private readonly terminal: Terminal = new Terminal(this, (text) => this.machine.print(text));
  private readonly improv: Improv = new Improv(this, {
    firmware: "Portero",
    version: VERSION,
    hardware: "ESP32",
    name: "Portero",
  });
  /** Handed over, and not joined yet; "" for none. */
  private newSsid = "";
  private newPassword = "";
  private readonly station: Station;
  private hasSound = true;
  private hasSettings = true;
  private isStarted = false;
  private ip = 0;

  constructor() {
    const { machine } = this;
    machine.onAbort((message) => {
      machine.print("error " + message + "\n");
      this.farewell();
    });
    const settings = new Settings();
    settings.set("net.address", "0.0.0.0");
    const problem = loadSettings(machine.store, settings);
    this.station = new Station(machine, settings, { ...DOOR_LIMITS, phones: BOARD.phones }, this);
    if (machine.storeProblem !== "") this.event("error", machine.storeProblem, []);
    machine.watchSound((problem) => this.onSound(problem));
    this.station.console.load();
    if (problem !== "") this.event("error", "settings: " + problem, []);
    this.hasSettings = problem === "" && machine.storeProblem === "";
    this.showLack();
    machine.led.trouble(true);
    const ssid = machine.store.read(SSID) ?? "";
    if (ssid === "" && !BOARD.isWired)
      this.event("error", "no network: enter wifi.ssid NAME, wifi.password TEXT, then start again", []);
    else this.join(ssid, machine.store.read(PASSWORD) ?? "");
  }

  onConsole(bytes: Uint8Array, start: number, end: number): void {
    this.terminal.receive(bytes, start, end);
  }

  onFrame(bytes: Uint8Array, start: number, end: number): void {
    this.machine.write(bytes.subarray(start, end));
  }

  onWifi(ssid: string, password: string): boolean {
    if (this.machine.storeProblem !== "" || this.station.console.isLocked()) return false;
    this.newSsid = ssid;
    this.newPassword = password;
    this.join(ssid, password);
    return true;
  }

  /** The radio is not asked: a person types the name. */
  onScan(): boolean {
    return false;
  }

  private join(ssid: string, password: string): void {
    this.machine.join(
      ssid,
      password,
      () => this.onUp(),
      (reason) => this.onDown(reason),
    );
  }

  event(name: string, value: string, extra: readonly (string | number)[]): void {
    let out = name + " " + value;
    for (let i = 0; i + 1 < extra.length; i += 2) out += " " + extra[i] + "=" + extra[i + 1];
    this.terminal.print(out + "\n");
  }

  line(input: string): string {
    // A locked console takes `login` and nothing else, with a network or without.
    if (this.station.console.isLocked()) return this.station.line(input);
    if (input === RESTART) this.machine.restart();
    const kept = this.keep(SSID, input) + this.keep(PASSWORD, input) + this.keep(TIME_SERVER, input);
    if (kept !== "" || input === "") return kept;
    return this.isStarted ? this.station.line(input) : NOT_STARTED;
  }

  complete(input: string): readonly string[] {
    return this.station.complete(input);
  }

  /** @returns what to print when the line was for that key, else "" */
  private keep(key: string, input: string): string {
    if (input !== key && input.slice(0, key.length + 1) !== key + " ") return "";
    try {
      this.machine.store.write(key, input.slice(key.length + 1));
      return key + " is kept: it holds after a restart\n";
    } catch {
      return "error: " + key + " cannot be kept\n";
    }
  }

  private onSound(problem: string): void {
    if (problem !== "") this.event("error", problem, []);
    else if (!this.hasSound) this.event("audio", "ready", []);
    this.hasSound = problem === "";
    this.showLack();
  }

  private showLack(): void {
    this.machine.led.lack(!this.hasSound || !this.hasSettings);
  }

  /** Before a new start: whoever is in a call is told, as far as that can be done at once. */
  private farewell(): void {
    try {
      this.station.door.hangUp(RESTART);
      this.station.log.flush();
    } catch {
      // What threw before may throw again.
    }
  }

  private onUp(): void {
    this.machine.led.trouble(false);
    const server = this.machine.store.read(TIME_SERVER) ?? BOARD.timeServer;
    if (server !== "") this.machine.keepTime(server, (reason) => this.event("error", reason, []));
    const ip = this.machine.address();
    this.keepNetwork();
    this.improv.joined("sip:" + this.station.door.settings.get("sip.user") + "@" + ipv4Text(ip));
    if (this.isStarted) {
      // Sockets and dialogs know the old address: the shortest way to a whole door is a new start.
      if (ip !== this.ip) throw new Error("another address");
      this.station.renew();
      return;
    }
    this.isStarted = true;
    this.ip = ip;
    this.station.start().catch((error) => {
      this.event("error", error instanceof Error ? error.message : String(error), []);
      this.machine.led.trouble(true);
      // Time for a person to look at it and to change a setting.
      this.machine.restartAfter(AGAIN_MS);
    });
  }

  /** Of a network that was handed over it is known only now that it is the right one. */
  private keepNetwork(): void {
    if (this.newSsid === "") return;
    const { store } = this.machine;
    try {
      store.write(SSID, this.newSsid);
      store.write(PASSWORD, this.newPassword);
    } catch {
      this.event("error", SSID + " cannot be kept", []);
    }
    this.newSsid = this.newPassword = "";
  }

  private onDown(reason: string): void {
    this.improv.failed();
    this.event("error", reason, []);
    this.machine.led.trouble(true);
  }
}

export default function main(): void {
  new Firmware();
}
