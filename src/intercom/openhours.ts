/**
 * The hours in which a relay is on by itself, as in a shop (`relay1.hours`). They are compared with the clock at each
 * full minute, so that a change of the time of day takes effect within a minute. While the time of day is not known,
 * hours switch no relay on, and an event says so. A relay that is switched off by hand within its hours stays off until
 * they begin again; a restart forgets that. Not here: the text of the hours (settings/schedules.ts), and relays
 * (doorway.ts).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import { HOURS_WITHIN, judgeHours } from "../settings/schedules.js";
import { RELAY_HOURS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Doorway } from "./doorway.js";
import type { DoorEvents, DoorOutputs } from "./events.js";
import { NO_FIELDS } from "./events.js";

const MINUTE_S = 60;
/** Interval at which it is checked whether the time of day is known. */
const AGAIN_MS = 5000;
/** The time after which a board usually knows the time of day; if it does not, an event says so. */
const TOLD_MS = 60_000;
const NOT_KNOWN = "the time of day is not known: no relay is switched on by its hours until it is";
const REASON = "hours";

export interface OpenHoursParts {
  settings: Settings;
  timers: Timers;
  outputs: DoorOutputs;
  events: DoorEvents;
}

/** Returns whether a relay has hours. */
export function hasHours(settings: Settings): boolean {
  for (let i = 0; i < RELAY_HOURS.length; i++) if (settings.get(RELAY_HOURS[i]) !== "") return true;
  return false;
}

export const HOURS_TIMERS = 1;

export class OpenHours implements TimerUser {
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly outputs: DoorOutputs;
  private readonly events: DoorEvents;
  private readonly doorway: Doorway;
  private readonly timer: number;
  /** The time since which the time of day has been awaited, ms; -1: it is not, or the event was sent. */
  private waitsMs = -1;
  /** Relays whose hours have begun: bit 0 is relay 1. They are on, or were switched off by hand. */
  private begun = 0;

  constructor(parts: OpenHoursParts, doorway: Doorway) {
    const { settings, timers, outputs, events } = parts;
    this.settings = settings;
    this.timers = timers;
    this.outputs = outputs;
    this.events = events;
    this.doorway = doorway;
    this.timer = timers.make(this, 0);
    this.waitsMs = timers.nowMs;
  }

  /** Takes the settings, at start and when they changed. */
  configure(): void {
    for (let relay = 1; relay <= RELAY_HOURS.length; relay++)
      if (this.settings.get(RELAY_HOURS[relay - 1]) !== "" && relay > this.outputs.relays)
        this.events.event("error", RELAY_HOURS[relay - 1] + ": there is no such relay", NO_FIELDS);
    this.onTimer();
  }

  onTimer(): void {
    const epochS = this.outputs.epochS();
    let isAny = false;
    for (let relay = 1; relay <= this.outputs.relays; relay++) {
      const hours = this.settings.get(RELAY_HOURS[relay - 1]);
      if (hours !== "") isAny = true;
      this.apply(relay, hours !== "" && epochS > 0 && judgeHours(this.settings, hours, epochS) === HOURS_WITHIN);
    }
    if (!isAny) {
      this.timers.stop(this.timer);
      return;
    }
    if (epochS === 0 && this.waitsMs >= 0 && this.timers.nowMs - this.waitsMs >= TOLD_MS) {
      this.waitsMs = -1;
      this.events.event("error", NOT_KNOWN, NO_FIELDS);
    }
    this.timers.start(this.timer, epochS === 0 ? AGAIN_MS : (MINUTE_S - (epochS % MINUTE_S)) * 1000);
  }

  private apply(relay: number, isWithin: boolean): void {
    const bit = 1 << (relay - 1);
    const hadBegun = (this.begun & bit) !== 0;
    if (isWithin === hadBegun) return;
    this.begun ^= bit;
    if (isWithin) this.doorway.release(relay, REASON);
    else if (this.doorway.isReleased(relay)) this.doorway.close(relay);
  }
}
