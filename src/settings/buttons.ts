/**
 * What a button does, as the settings say: whom it calls by day, by night and when it is held, and what a press does in
 * a call.
 * Not here: how a plan is written (ringplan.ts), and what happens at a press (door.ts).
 */

import { type Plan, planOf, readPlan } from "./ringplan.js";
import { HOURS_OUTSIDE, HOURS_WITHIN, judgeHours } from "./schedules.js";
import { DAY_PLANS, HOLD_PLANS, NIGHT_PLANS } from "./schema.js";
import type { Settings } from "./settings.js";

/** Returns whether a press may do that, by `button.press`. @param what call, cancel, hangup or answer */
export function mayPress(settings: Settings, what: string): boolean {
  return settings.get("button.press").split(",").indexOf(what) >= 0;
}

/**
 * Returns whom a button calls now. A button without a plan of its own calls `call.target`.
 * @param button from 1 @param epochS s since 1970 in UTC; 0 means that the time is not known, and counts as day
 * @returns null when there is no target to call
 */
export function planOfButton(settings: Settings, button: number, epochS: number): Plan | null {
  let plan = isNight(settings, epochS) ? settings.get(NIGHT_PLANS[button - 1]) : "";
  if (plan === "") plan = settings.get(DAY_PLANS[button - 1]);
  if (plan !== "") return readPlan(plan);
  const target = settings.get("call.target");
  return target === "" ? null : planOf(target, settings.get("call.ringTime") * 1000);
}

/**
 * Returns whom a button calls when it is held.
 * @param button from 1 @returns null when holding it does what a press does
 */
export function planOfHold(settings: Settings, button: number): Plan | null {
  const plan = settings.get(HOLD_PLANS[button - 1]);
  return plan === "" ? null : readPlan(plan);
}

/**
 * Returns whether a press rings no target now. While the time of day is not known a press rings.
 * @param epochS s since 1970 in UTC, 0 while it is not known
 */
export function isQuiet(settings: Settings, epochS: number): boolean {
  const hours = settings.get("call.quiet");
  return hours !== "" && epochS > 0 && judgeHours(settings, hours, epochS) === HOURS_WITHIN;
}

function isNight(settings: Settings, epochS: number): boolean {
  const day = settings.get("time.day");
  return day !== "" && epochS > 0 && judgeHours(settings, day, epochS) === HOURS_OUTSIDE;
}
