/**
 * The device's entry: a board, a network, a door on it. Wiring only. Wi-Fi's name and password are kept by two console
 * lines, `wifi.ssid NAME` and `wifi.password TEXT`; they hold from the next start on.
 */
import { BOARD } from "../hal/boards/board.js";
import { Machine } from "../hal/moddable/machine.js";
import { DOOR_LIMITS } from "./core/limits.js";
import type { DoorEvents } from "./intercom/door.js";
import { Settings } from "./intercom/settings.js";
import { Station } from "./intercom/station.js";

const SSID = "wifi.ssid";
const PASSWORD = "wifi.password";
const NOT_STARTED = "no network yet: only wifi.ssid and wifi.password are heard\n";

class Firmware implements DoorEvents {
  private readonly machine = new Machine(BOARD, (line) => this.line(line));
  private readonly station: Station;
  private isStarted = false;
  private ip = 0;

  constructor() {
    const { machine } = this;
    machine.onAbort((message) => machine.print("error " + message + "\n"));
    const settings = new Settings();
    settings.set("net.address", "0.0.0.0");
    this.station = new Station(machine, settings, DOOR_LIMITS, this);
    if (machine.soundProblem !== "") this.event("error", machine.soundProblem, []);
    const problem = this.station.console.load();
    if (problem !== "") this.event("error", "settings: " + problem, []);
    machine.led.trouble(true);
    const ssid = machine.store.read(SSID) ?? "";
    if (ssid === "" && !BOARD.isWired)
      this.event("error", "no network: enter wifi.ssid NAME, wifi.password TEXT, then start again", []);
    else
      machine.join(
        ssid,
        machine.store.read(PASSWORD) ?? "",
        () => this.onUp(),
        (reason) => this.onDown(reason),
      );
  }

  event(name: string, value: string, extra: readonly (string | number)[]): void {
    let out = name + " " + value;
    for (let i = 0; i + 1 < extra.length; i += 2) out += " " + extra[i] + "=" + extra[i + 1];
    this.machine.print(out + "\n");
  }

  private line(input: string): void {
    if (!this.keep(SSID, input) && !this.keep(PASSWORD, input)) {
      this.machine.print(this.isStarted ? this.station.line(input) : NOT_STARTED);
    }
  }

  /** @returns whether the line was for that key */
  private keep(key: string, input: string): boolean {
    if (input.slice(0, key.length + 1) !== key + " ") return false;
    this.machine.store.write(key, input.slice(key.length + 1));
    this.machine.print(key + " is kept\n");
    return true;
  }

  private onUp(): void {
    this.machine.led.trouble(false);
    const ip = this.machine.address();
    if (this.isStarted) {
      // Sockets and dialogs know the old address: the shortest way to a whole door is a new start.
      if (ip !== this.ip) throw new Error("another address");
      this.station.line("register");
      return;
    }
    this.isStarted = true;
    this.ip = ip;
    this.station.start().catch((error) => this.event("error", String(error), []));
  }

  private onDown(reason: string): void {
    this.event("error", reason, []);
    this.machine.led.trouble(true);
  }
}

export default function main(): void {
  new Firmware();
}
