/**
 * The device's entry: it wires a board, a network and a door together. Before there is a network the console takes the
 * commands that need none: settings, among them `wifi.ssid` and `wifi.password`, and `reboot`. A Wi-Fi that a browser
 * hands over (Improv) is joined at once, and kept if that succeeds. A wired board asks for no Wi-Fi.
 */

import { BOARD } from "../hal/boards/board.js";
import type { PinWiring, Store } from "../hal/device.js";
import { Machine } from "../hal/moddable/machine.js";
import { loadSettings, VERSION } from "./console/console.js";
import { Improv, type ImprovUser } from "./console/improv.js";
import { Terminal, type TerminalUser } from "./console/terminal.js";
import { ipv4Text } from "./core/address.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "./driver/limits.js";
import { Station } from "./driver/station.js";
import { eventLine } from "./intercom/eventline.js";
import type { DoorEvents } from "./intercom/events.js";
import { NO_FIELDS } from "./intercom/events.js";
import { fixedAddress, NETWORK_KEYS, nameServer } from "./settings/network.js";
import { RELAY_LEVELS } from "./settings/schema.js";
import { Settings } from "./settings/settings.js";
import { forgetWiring, wiringOf } from "./settings/wiring.js";
import { escapeUser } from "./ua/uritext.js";

const SSID = "wifi.ssid";
const PASSWORD = "wifi.password";
const TIME_SERVER = "time.server";
/** The resolver's address where no name server is asked. */
const NOBODY = "none";
const RESTART = "restart";
/** The commands that the console takes without a network. */
const OFFLINE =
  " help get set unset diff save revert factory-reset status people calls log wifi pools login logout reboot version ";
/** If the door could not be opened, the machine starts again after this time. */
const AGAIN_MS = 60_000;
const INPUT_LOST = "input was lost, and what came up to now thrown away: paste less at once, or with XON/XOFF";
const NOT_STARTED = BOARD.isWired
  ? "error: no network yet: is the cable plugged in?\n"
  : "error: no network yet: set wifi.ssid NAME, wifi.password TEXT, save, reboot\n";
const UNWIRED = " is not known, so the relay moves to open only: set it to high, low or board, save";

class Firmware implements DoorEvents, TerminalUser, ImprovUser {
  private readonly settings = new Settings();
  /** Why settings are not in force; "" if all are. */
  private settingsProblem = "";
  private readonly machine: Machine = new Machine(
    BOARD,
    (store, problem) => this.load(store, problem),
    (bytes, start, end) => this.improv.receive(bytes, start, end, this.machine.clock.now()),
  );
  private readonly terminal: Terminal = new Terminal(this, (text) => this.machine.print(text));
  private readonly improv: Improv = new Improv(this, {
    firmware: "Portero",
    version: VERSION,
    hardware: "ESP32",
    name: "Portero",
  });
  /** The network that was handed over and is not joined yet; "" for none. */
  private newSsid = "";
  private newPassword = "";
  private readonly station: Station;
  private hasSound = true;
  private hasSettings = true;
  private isStarted = false;
  private ip = 0;

  constructor() {
    const { machine } = this;
    machine.onInputLost = () => this.event("error", INPUT_LOST, NO_FIELDS);
    machine.onAbort((message) => {
      if (this.station === undefined) machine.print("error " + message + "\n");
      else this.farewell(message);
    });
    const { settings, settingsProblem: problem } = this;
    this.station = new Station(machine, settings, BOARD.isRoomy ? ROOMY_LIMITS : DOOR_LIMITS, this);
    if (machine.storeProblem !== "") this.report(machine.storeProblem);
    machine.watchSound((problem) => this.onSound(problem));
    this.station.console.load();
    if (problem !== "") this.report("settings: " + problem);
    let isWired = true;
    for (let relay = 1; relay <= BOARD.relays.length; relay++) {
      const key = RELAY_LEVELS[relay - 1];
      if (settings.get(key) !== "unknown") continue;
      isWired = false;
      this.report(key + UNWIRED);
    }
    this.hasSettings = problem === "" && machine.storeProblem === "" && isWired;
    this.showLack();
    machine.led.trouble(true);
    machine.savesPower = settings.get("wifi.powerSave");
    const ssid = settings.get(SSID);
    if (ssid === "" && !BOARD.isWired) this.report("no network: set wifi.ssid NAME, wifi.password TEXT, save, reboot");
    else this.join(ssid, settings.get(PASSWORD));
  }

  /** Settings come first, because the relays wait for them. */
  private load(store: Store, problem: string): PinWiring {
    const { settings } = this;
    settings.set("net.address", "0.0.0.0");
    this.settingsProblem = loadSettings(store, settings);
    if (problem !== "") forgetWiring(settings);
    return wiringOf(settings);
  }

  onConsole(bytes: Uint8Array, start: number, end: number): void {
    this.terminal.receive(bytes, start, end);
  }

  onFrame(bytes: Uint8Array, start: number, end: number): void {
    this.machine.write(bytes.subarray(start, end));
  }

  onWifi(ssid: string, password: string): boolean {
    if (BOARD.isWired || this.machine.storeProblem !== "" || this.station.console.isLocked()) return false;
    this.newSsid = ssid;
    this.newPassword = password;
    this.join(ssid, password);
    return true;
  }

  onScan(): boolean {
    const { wifi } = this.machine;
    if (wifi === null || this.isLocked()) return false;
    return wifi.scan(
      (ssid, rssiDbm, _channel, isSecured) => this.improv.network(ssid, rssiDbm, isSecured),
      () => this.improv.scanned(),
    );
  }

  private join(ssid: string, password: string): void {
    const { settings, machine } = this;
    // A static address belongs to the network it was set for.
    const isOwn = settings.get(SSID) === "" || settings.get(SSID) === ssid;
    machine.nameServer = isOwn ? nameServer(settings) : 0;
    machine.join(
      { ssid, password, fixed: isOwn ? fixedAddress(settings) : null },
      () => this.onUp(),
      (reason) => this.onDown(reason),
    );
  }

  event(name: string, value: string, fields: Record<string, string | number>): void {
    this.terminal.print(eventLine(name, value, fields) + "\n");
  }

  /** A problem goes to the log too, because a locked console does not show it. */
  private report(problem: string): void {
    this.station.log.event("error", problem, NO_FIELDS);
  }

  line(input: string): string {
    // A locked console takes `login` and nothing else, with a network or without.
    if (this.station.console.isLocked()) return this.station.line(input);
    const space = input.indexOf(" ");
    const word = space < 0 ? input : input.slice(0, space);
    const isHeard = this.isStarted || input === "" || OFFLINE.indexOf(" " + word.toLowerCase() + " ") >= 0;
    return isHeard ? this.station.line(input) : NOT_STARTED;
  }

  complete(input: string): readonly string[] {
    return this.station.complete(input);
  }

  /** Before there is a door there was no login. */
  isLocked(): boolean {
    return this.station === undefined || this.station.isLocked();
  }

  private onSound(problem: string): void {
    if (problem !== "") this.report(problem);
    else if (!this.hasSound) this.event("audio", "ready", NO_FIELDS);
    this.hasSound = problem === "";
    this.showLack();
  }

  private showLack(): void {
    this.machine.led.lack(!this.hasSound || !this.hasSettings);
  }

  /** Sends the other ends of calls a BYE before a restart, as far as that can be done at once. */
  private farewell(reason: string): void {
    try {
      this.report(reason);
      this.station.door.hangUp(RESTART);
      this.station.log.flush();
      this.station.names?.close();
    } catch {
      // Hanging up may fail again for the reason of the restart.
    }
  }

  private onUp(): void {
    this.machine.led.trouble(false);
    const named = this.station.door.settings.get(TIME_SERVER);
    const server = named === "" ? BOARD.timeServer : named;
    if (server !== "" && server !== NOBODY) this.machine.keepTime(server, (reason) => this.report(reason));
    const ip = this.machine.address();
    this.keepNetwork();
    this.improv.joined("sip:" + escapeUser(this.station.door.settings.get("sip.user")) + "@" + ipv4Text(ip));
    if (this.isStarted) {
      // Sockets and dialogs know the old address. A restart is the shortest way to a whole door.
      if (ip !== this.ip) throw new Error("another address");
      this.station.renew();
      return;
    }
    this.isStarted = true;
    this.ip = ip;
    this.station.start().catch((error) => {
      this.report(error instanceof Error ? error.message : String(error));
      this.machine.led.trouble(true);
      // Until then a person can look at the problem and change a setting.
      this.machine.restartAfter(AGAIN_MS);
    });
  }

  /** Only now it is known that the network that was handed over is the right one. */
  private keepNetwork(): void {
    if (this.newSsid === "") return;
    const before = this.settings.get(SSID);
    const keys = [SSID, PASSWORD];
    const values = [this.newSsid, this.newPassword];
    // In another network the address comes by DHCP.
    for (let i = 0; i < NETWORK_KEYS.length && before !== "" && before !== this.newSsid; i++) {
      keys.push(NETWORK_KEYS[i]);
      values.push("");
    }
    const problem = this.station.console.keep(keys, values);
    if (problem !== "") this.report(SSID + " cannot be kept: " + problem);
    this.newSsid = this.newPassword = "";
  }

  private onDown(reason: string): void {
    this.improv.failed();
    this.report(reason);
    this.machine.led.trouble(true);
  }
}

export default function main(): void {
  new Firmware();
}
