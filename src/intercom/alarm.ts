/**
 * The alarm output (a siren, a lamp, the input of an alarm system) and the contact of the housing, which opens when the
 * door station is taken off the wall. The output is on for `alarm.time` after each cause in `alarm.on`. A code or card
 * that opens ends it sooner, and so do the console and a restart. A housing that is still open after a restart is
 * reported again. Not here: a door that is forced or left open (doorway.ts), and pins (the station).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import type { Settings } from "../settings/settings.js";
import type { DoorEvents, DoorOutputs } from "./events.js";
import { NO_FIELDS } from "./events.js";

/** One of the choices of `alarm.on`. */
export type AlarmCause = "forced" | "left-open" | "tamper";

export interface AlarmParts {
  settings: Settings;
  timers: Timers;
  outputs: DoorOutputs;
  events: DoorEvents;
}

export const ALARM_TIMERS = 1;

export class Alarm implements TimerUser {
  /** The housing is open. */
  isTampered = false;
  /** The reason why the output is on, "" while it is off. */
  cause = "";
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly outputs: DoorOutputs;
  private readonly events: DoorEvents;
  private readonly timer: number;

  constructor(parts: AlarmParts) {
    const { settings, timers, outputs, events } = parts;
    this.settings = settings;
    this.timers = timers;
    this.outputs = outputs;
    this.events = events;
    this.timer = timers.make(this, 0);
  }

  /**
   * Takes the settings, at start and when they changed. @param contact of the housing: 1 closed, 0 open, -1 not known
   */
  configure(contact: number): void {
    if (this.settings.get("alarm.time") === 0) this.end();
    if (contact >= 0) this.onContact(contact);
  }

  /** Takes a change of the housing's contact. @param contact 1 closed, 0 open */
  onContact(contact: number): void {
    const kind = this.settings.get("door.tamper");
    const isTampered = kind !== "off" && (contact === 1) !== (kind === "closed");
    if (isTampered === this.isTampered) return;
    this.isTampered = isTampered;
    if (kind === "off") return;
    this.events.event("tamper", isTampered ? "opened" : "closed", NO_FIELDS);
    if (isTampered) this.raise("tamper");
  }

  /** Notes an event that may be a cause. A further cause makes the output last longer. */
  raise(cause: AlarmCause): void {
    const { alarm } = this.outputs;
    const lastsS = this.settings.get("alarm.time");
    if (alarm === undefined || lastsS === 0) return;
    if (this.settings.get("alarm.on").split(",").indexOf(cause) < 0) return;
    this.timers.start(this.timer, lastsS * 1000);
    if (this.cause === "") alarm.write(1);
    if (this.cause !== cause) this.events.event("alarm", "on", { reason: cause });
    this.cause = cause;
  }

  /** @returns s until the output goes off by itself, 0 while it is off */
  get leftS(): number {
    return this.cause === "" ? 0 : Math.ceil(this.timers.remaining(this.timer) / 1000);
  }

  end(): void {
    if (this.cause === "") return;
    this.cause = "";
    this.timers.stop(this.timer);
    this.outputs.alarm?.write(0);
    this.events.event("alarm", "off", NO_FIELDS);
  }

  onTimer(): void {
    this.end();
  }
}
