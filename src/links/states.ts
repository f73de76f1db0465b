/**
 * The states of the entities (entities.ts) as the door has them now, and which of them the broker does not have yet.
 * Most states are one bit, so there is an octet of flags for each entity, and a text only where people read one. Not
 * here: sending them (mqtt.ts).
 */
import { int32Array, octetArray } from "../core/arrays.js";
import { ENTITIES, entityOf, isThere } from "./entities.js";
import type { LinkParts } from "./parts.js";

const IS_ON = 1;
/** The broker has another state, or none. */
const IS_DUE = 2;
const MINUTE_MS = 60_000;
/** Values that change by themselves, so they are looked at from time to time. */
const MEASURED: readonly string[] = ["dnd", "volume", "gain", "signal", "memory", "uptime"];

export class States {
  private readonly parts: LinkParts;
  private readonly flags = octetArray(ENTITIES.length);
  /** The values of MEASURED when they were looked at last. */
  private readonly values = int32Array(MEASURED.length);
  private call = "idle";
  private caller = "";
  private sound = "";
  private error = "";
  /** A state may be due. */
  isDirty = false;

  constructor(parts: LinkParts) {
    this.parts = parts;
  }

  /** Sets a state that is one bit. */
  turn(key: string, isOn: boolean): void {
    const at = entityOf(key);
    if (at < 0 || ((this.flags[at] & IS_ON) !== 0) === isOn) return;
    this.flags[at] ^= IS_ON;
    this.makeDue(at);
  }

  /** Sets a state that is a text. */
  put(key: "call" | "caller" | "sound" | "error", text: string): void {
    if (this[key] === text) return;
    this[key] = text;
    this.makeDue(entityOf(key));
  }

  /** Looks at the values that change by themselves. */
  measure(): void {
    for (let i = 0; i < MEASURED.length; i++) {
      const value = this.valueOf(MEASURED[i]);
      if (value === this.values[i]) continue;
      this.values[i] = value;
      this.makeDue(entityOf(MEASURED[i]));
    }
  }

  /** The broker has none of the states for sure. */
  forgetSent(): void {
    this.measure();
    for (let i = 0; i < ENTITIES.length; i++) this.makeDue(i);
  }

  /** @returns the first entity whose state has to be sent, -1 if there is none */
  nextDue(): number {
    for (let i = 0; i < ENTITIES.length; i++) {
      const one = ENTITIES[i];
      const isOwn = one.state === one.key || one.key.slice(0, 4) === "bolt";
      if (!isOwn || one.platform === "event" || (this.flags[entityOf(one.state)] & IS_DUE) === 0) continue;
      if (isThere(one, this.parts) && this.textOf(one.state) !== "") return i;
    }
    this.isDirty = false;
    return -1;
  }

  /** The broker was sent the state of that entity. */
  noteSent(entity: number): void {
    this.flags[entityOf(ENTITIES[entity].state)] &= ~IS_DUE;
  }

  /** @returns the state as Home Assistant reads it, "" if there is none */
  textOf(key: string): string {
    const at = entityOf(key);
    const isOn = (this.flags[at] & IS_ON) !== 0;
    switch (key) {
      case "call":
      case "caller":
      case "sound":
      case "error":
        return this[key];
      case "dnd":
        return this.valueOf(key) === 0 ? "OFF" : "ON";
      case "update": {
        const { version } = this.parts;
        return '{"installed_version":"' + version + '","latest_version":"' + version + '"}';
      }
    }
    if (MEASURED.indexOf(key) >= 0) return "" + this.valueOf(key);
    if (ENTITIES[at].platform === "lock") return isOn ? "UNLOCKED" : "LOCKED";
    return isOn ? "ON" : "OFF";
  }

  private makeDue(at: number): void {
    this.flags[at] |= IS_DUE;
    this.isDirty = true;
  }

  /** @param key one of MEASURED */
  private valueOf(key: string): number {
    const { settings, device, timers } = this.parts;
    switch (key) {
      case "dnd":
        return settings.get("call.doNotDisturb") === "off" ? 0 : 1;
      case "volume":
        return settings.get("audio.volume");
      case "gain":
        return settings.get("audio.gain");
      case "signal":
        return device.wifi?.rssiDbm ?? 0;
      case "memory":
        return device.freeBytes?.() ?? 0;
      default:
        return Math.floor(timers.nowMs / MINUTE_MS) * 60;
    }
  }
}
