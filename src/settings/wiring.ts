/**
 * How relays, light and amplifier are connected, as the settings say. It belongs to the hardware and not to a person's
 * wishes, so a factory reset leaves it, and it is kept once more beside the settings: a door must know it even when
 * they cannot be read.
 * Not here: levels and pins (the device).
 */
import type { Level, PinWiring, RelayWiring } from "../../hal/device.js";
import { RELAY_LEVELS, RELAY_LOCKS, RELAYS_MOST } from "./schema.js";
import { type Settings, settingLine } from "./settings.js";

const KEYS: readonly string[] = [
  "relay1.active",
  "relay1.lock",
  "relay2.active",
  "relay2.lock",
  "led.active",
  "amplifier.active",
];

export function wiringOf(settings: Settings): PinWiring {
  const relays: RelayWiring[] = [];
  for (let relay = 1; relay <= RELAYS_MOST; relay++)
    relays.push({
      active: levelOf(settings.get(RELAY_LEVELS[relay - 1])),
      isFailSafe: settings.get(RELAY_LOCKS[relay - 1]) === "fail-safe",
    });
  return { relays, led: levelOf(settings.get("led.active")), amplifier: levelOf(settings.get("amplifier.active")) };
}

function levelOf(value: string): Level {
  return value === "high" || value === "low" || value === "unknown" ? value : "board";
}

/** Returns whether a wrong value of that key may open a door or keep it open. */
export function isOfRelay(key: string): boolean {
  return key.slice(0, 5) === "relay" && KEYS.indexOf(key) >= 0;
}

export function copyWiring(from: Settings, to: Settings): void {
  for (let i = 0; i < KEYS.length; i++) to.set(KEYS[i], from.text(KEYS[i]));
}

/** Returns the wiring alone, as lines for `Settings.restore`. */
export function wiringLines(settings: Settings): string {
  let out = "";
  for (let i = 0; i < KEYS.length; i++) out += settingLine(KEYS[i], settings.text(KEYS[i]));
  return out;
}

/** Forgets the relays' levels after a record that cannot be read, so that no pin is driven by a guess. */
export function forgetWiring(settings: Settings): void {
  for (let relay = 1; relay <= RELAYS_MOST; relay++) settings.set(RELAY_LEVELS[relay - 1], "unknown");
}
