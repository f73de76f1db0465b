/**
 * The door itself: up to two relays, each on for its pulse or until the same order comes again, and a
 * contact that says whether the door is open. A door that opens while no relay is on was forced; a door that stays open
 * too long was left open.
 * Not here: the right to open (access.ts, door.ts), and pins (the station).
 */

import type { Timers, TimerUser } from "../core/timers.js";
import { RELAY_MODES, RELAY_PULSES, RELAYS_MOST } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { AlarmCause } from "./alarm.js";
import type { DoorEvents, DoorOutputs } from "./events.js";
import { NO_FIELDS } from "./events.js";

const TIMER_SENSOR = 0;
// The timer of a relay has the relay's number, from 1.
export const DOORWAY_TIMERS = 1 + RELAYS_MOST;

const HOURS_SHIFT = 2;
const RELAY_BITS = 3;

/** After the relay is off, the door may still be opened for this time, since a visitor may already hold it. */
const GRACE_MS = 5000;

/** The user of a doorway; it is called when `isOpen` or `isAlarm` may have changed. */
export interface DoorwayUser {
  onDoorway(): void;
  /** The door was forced or left open. */
  onAlarm(cause: AlarmCause): void;
}

export interface DoorwayParts {
  settings: Settings;
  timers: Timers;
  outputs: DoorOutputs;
  events: DoorEvents;
}

export class Doorway implements TimerUser {
  /** A relay is on for another reason than its hours. This is a field because it is read where the stack is deep. */
  isOpened = false;
  /** The door was forced or left open, and has not been closed since. */
  isAlarm = false;
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly outputs: DoorOutputs;
  private readonly events: DoorEvents;
  private readonly user: DoorwayUser;
  private readonly firstTimer: number;
  private readonly sensorTimer: number;
  /**
   * Bit 0: relay 1 is on; bit 1: relay 2. The bits from HOURS_SHIFT on mark the relays that are on for their hours
   * (openhours.ts), until the hours end or the relay is switched off.
   */
  private on = 0;
  /** A door that opens before this time, ms, was not forced. */
  private graceUntilMs = -1;
  /** The state of the door by its sensor: 1 open, 0 shut, -1 not known. */
  private ajar = -1;
  /** The sensor's contact: 1 closed, 0 open, -1 not known. */
  private contact = -1;
  /** The `door.leftOpen` by which an open door is watched. */
  private watchedS = 0;

  constructor(parts: DoorwayParts, user: DoorwayUser) {
    const { settings, timers, outputs, events } = parts;
    this.settings = settings;
    this.timers = timers;
    this.outputs = outputs;
    this.events = events;
    this.user = user;
    this.sensorTimer = timers.make(this, TIMER_SENSOR);
    this.firstTimer = timers.make(this, 1);
    timers.make(this, 2);
  }

  /**
   * Takes the settings, at start and when they changed. A relay that is on stays on; one that was held on and is held
   * no more goes off after its pulse.
   */
  configure(): void {
    for (let relay = 1; relay <= this.outputs.relays; relay++) {
      if (!this.isOn(relay)) this.outputs.relay(relay, false);
      else if (!this.timers.running(this.timerOf(relay))) this.startPulse(relay);
    }
    if (this.contact >= 0) this.onSensor(this.contact);
    if (this.ajar === 1 && this.settings.get("door.leftOpen") !== this.watchedS) this.watch();
  }

  /** Returns whether any relay is on. */
  get isOpen(): boolean {
    return (this.on & RELAY_BITS) !== 0;
  }

  /** Returns whether a relay is on for its hours. */
  isReleased(relay: number): boolean {
    return ((this.on >> HOURS_SHIFT) & (1 << (relay - 1))) !== 0;
  }

  /** Switches a relay on until `close`, whatever its mode, because its hours have begun. @param relay has to exist */
  release(relay: number, reason: string): void {
    this.on |= 1 << (relay - 1 + HOURS_SHIFT);
    this.open(relay, reason);
  }

  isOn(relay: number): boolean {
    return (this.on & (1 << (relay - 1))) !== 0;
  }

  /**
   * Switches a relay on, which opens the door. @param relay from 1 @param reason for the log: the cause of the opening
   * @returns "" or one line why not
   */
  open(relay: number, reason: string): string {
    if (!(relay >= 1 && relay <= this.outputs.relays))
      return (
        "relay " + relay + ": there is none: 1" + (this.outputs.relays > 1 ? " to " + this.outputs.relays : " only")
      );
    this.on |= 1 << (relay - 1);
    this.note();
    this.outputs.relay(relay, true);
    this.startPulse(relay);
    this.events.event("relay", "on", { relay, reason });
    this.user.onDoorway();
    return "";
  }

  close(relay: number): void {
    if (!(relay >= 1 && relay <= this.outputs.relays)) return;
    this.timers.stop(this.timerOf(relay));
    this.outputs.relay(relay, false);
    if (!this.isOn(relay)) return;
    this.on &= ~((1 | (1 << HOURS_SHIFT)) << (relay - 1));
    this.note();
    this.graceUntilMs = this.timers.nowMs + GRACE_MS;
    this.events.event("relay", "off", { relay });
    this.user.onDoorway();
  }

  /**
   * Carries out a code or a press of the button inside: a held relay that is on goes off, every other one opens.
   * @returns as `open`
   */
  toggle(relay: number, reason: string): string {
    if (!this.isHeld(relay) || !this.isOn(relay)) return this.open(relay, reason);
    this.close(relay);
    return "";
  }

  /** Takes a change of the door's contact. @param contact 1 closed, 0 open */
  onSensor(contact: number): void {
    this.contact = contact;
    const kind = this.settings.get("door.sensor");
    const before = this.ajar;
    this.ajar = kind === "off" ? -1 : (contact === 1) === (kind === "closed") ? 0 : 1;
    if (this.ajar === before) return;
    if (this.ajar !== 1) {
      this.timers.stop(this.sensorTimer);
      this.isAlarm = false;
      if (before === 1) this.events.event("door", "closed", NO_FIELDS);
    } else {
      const wasForced = before === 0 && !this.isOpen && this.timers.nowMs > this.graceUntilMs;
      this.isAlarm = wasForced;
      this.events.event("door", wasForced ? "forced" : "opened", NO_FIELDS);
      if (wasForced) this.user.onAlarm("forced");
      this.watch();
    }
    this.user.onDoorway();
  }

  onTimer(kind: number): void {
    if (kind !== TIMER_SENSOR) {
      this.close(kind);
      return;
    }
    // The door may stay open while a relay is held on.
    if (this.isOpen) {
      this.watch();
      return;
    }
    this.isAlarm = true;
    this.events.event("door", "left-open", { seconds: this.settings.get("door.leftOpen") });
    this.user.onAlarm("left-open");
    this.user.onDoorway();
  }

  private note(): void {
    this.isOpened = (this.on & ~(this.on >> HOURS_SHIFT) & RELAY_BITS) !== 0;
  }

  /** A relay that has no hours now, and is not held on, goes off after its pulse. */
  private startPulse(relay: number): void {
    if (this.isHeld(relay) || this.isReleased(relay)) this.timers.stop(this.timerOf(relay));
    else this.timers.start(this.timerOf(relay), Math.round(this.settings.get(RELAY_PULSES[relay - 1]) * 1000));
  }

  private watch(): void {
    this.watchedS = this.settings.get("door.leftOpen");
    if (this.watchedS > 0) this.timers.start(this.sensorTimer, this.watchedS * 1000);
    else this.timers.stop(this.sensorTimer);
  }

  private isHeld(relay: number): boolean {
    return relay <= RELAYS_MOST && this.settings.get(RELAY_MODES[relay - 1]) === "held";
  }

  private timerOf(relay: number): number {
    return this.firstTimer + relay - 1;
  }
}
