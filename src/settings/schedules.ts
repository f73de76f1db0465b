/**
 * Schedules with a name: `schedule1.name shop` and `schedule1.hours mon-fri 08:00-18:00`, used as `@shop` wherever
 * hours may stand. So what is the same for many is changed in one place. Not here: how hours are written and read
 * (daytime.ts).
 */
import { isOpenAt } from "./daytime.js";
import { RELAY_HOURS, SCHEDULE_HOURS, SCHEDULE_NAMES } from "./schema.js";
import type { Settings } from "./settings.js";

const MARK = "@";
/** The settings that hours or a schedule's name may stand in, beside the hours of people. */
const USERS = ["time.day", "call.quiet", ...RELAY_HOURS] as const;

// HOURS_*: what hours say of a time.
export const HOURS_OUTSIDE = 0;
export const HOURS_WITHIN = 1;
/** There is no schedule of that name. */
export const HOURS_UNKNOWN = -1;

/** @returns the hours themselves, in place of the name of a schedule; null when there is none of that name */
export function hoursOf(settings: Settings, hours: string): string | null {
  if (hours.slice(0, 1) !== MARK) return hours;
  for (let i = 0; i < SCHEDULE_NAMES.length; i++) {
    const found = settings.get(SCHEDULE_HOURS[i]);
    const isIt = MARK + settings.get(SCHEDULE_NAMES[i]) === hours;
    if (isIt && found !== "" && found.slice(0, 1) !== MARK) return found;
  }
  return null;
}

/** @param epochS s since 1970 in UTC @param hours not empty @returns HOURS_* */
export function judgeHours(settings: Settings, hours: string, epochS: number): number {
  const found = hoursOf(settings, hours);
  if (found === null) return HOURS_UNKNOWN;
  return isOpenAt(epochS, settings.get("time.zone"), found) ? HOURS_WITHIN : HOURS_OUTSIDE;
}

/** @returns "" or one line: hours name a schedule that is not there, or a schedule names another one */
export function checkSchedules(settings: Settings): string {
  for (let i = 0; i < USERS.length; i++) {
    const hours = settings.get(USERS[i]);
    if (hours !== "" && hoursOf(settings, hours) === null) return USERS[i] + ": there is no schedule " + hours;
  }
  for (let i = 0; i < SCHEDULE_NAMES.length; i++) {
    const name = settings.get(SCHEDULE_NAMES[i]);
    if (settings.get(SCHEDULE_HOURS[i]).slice(0, 1) === MARK)
      return SCHEDULE_HOURS[i] + ": hours, and no other schedule";
    for (let j = 0; j < i; j++)
      if (name !== "" && settings.get(SCHEDULE_NAMES[j]) === name)
        return SCHEDULE_NAMES[i] + ": " + SCHEDULE_NAMES[j] + " is " + name + " too";
  }
  return "";
}
