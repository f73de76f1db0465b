/**
 * How a person writes a time on the console: a day, a day with a time, or how long from now or ago. Not here: the
 * zone's rules (settings/daytime.ts).
 */
import { CivilDate, DAY_S } from "../core/calendar.js";
import { numberOf } from "../people/person.js";
import { dayOfDate, epochOf, localOf } from "../settings/daytime.js";

/** Stands for a time that cannot be read. */
export const NO_TIME = -1;

// For the time of one call only.
const date = new CivilDate();

/**
 * Reads `2026-12-24`, `2026-12-24 18:00`, `+24h`, `+30m`, `+7d`, or `none`.
 * @param isEnd a day alone is meant to its end @param nowS s since 1970, 0 while it is not known
 * @returns s since 1970 in UTC, 0 for none, NO_TIME for what is no time, or cannot be reckoned now
 */
export function readTime(given: string, isEnd: boolean, nowS: number, zone: string): number {
  if (given === "" || given === "none") return 0;
  if (given.charAt(0) === "+") {
    const count = numberOf(given.slice(1, -1));
    const unit = "mhd".indexOf(given.charAt(given.length - 1));
    const unitS = unit < 0 ? 0 : unit === 0 ? 60 : unit === 1 ? 3600 : DAY_S;
    return count > 0 && unitS > 0 && nowS > 0 && count <= 100_000 ? nowS + count * unitS : NO_TIME;
  }
  const day = dayOfDate(given.slice(0, 10));
  if (day < 0) return NO_TIME;
  const dayS = day * DAY_S;
  if (given.length === 10) return epochOf(dayS + (isEnd ? DAY_S : 0), zone);
  const mark = given.charAt(10);
  const hours = numberOf(given.slice(11, 13));
  const minutes = numberOf(given.slice(14, 16));
  const isTime = (mark === " " || mark === "T") && given.charAt(13) === ":" && given.length === 16;
  return isTime && hours < 24 && minutes < 60 ? epochOf(dayS + hours * 3600 + minutes * 60, zone) : NO_TIME;
}

/** As `readTime`, but that `24h`, `30m` and `7d` lie in the past. @returns also NO_TIME for what lies before 1970 */
export function readSince(given: string, nowS: number, zone: string): number {
  const unit = given.charAt(given.length - 1);
  if (unit !== "m" && unit !== "h" && unit !== "d") return given === "" ? NO_TIME : readTime(given, false, nowS, zone);
  const later = readTime("+" + given, false, nowS, zone);
  return later <= 0 ? NO_TIME : Math.max(NO_TIME, 2 * nowS - later);
}

/** @returns a time as `readTime` takes it: `2026-12-24 18:00`, "" for none */
export function timeWords(epochS: number, zone: string): string {
  if (epochS === 0) return "";
  const localS = localOf(epochS, zone);
  const second = localS % DAY_S;
  date.set(Math.floor(localS / DAY_S));
  return (
    date.year +
    "-" +
    two(date.month) +
    "-" +
    two(date.day) +
    " " +
    two(Math.floor(second / 3600)) +
    ":" +
    two(Math.floor(second / 60) % 60)
  );
}

function two(value: number): string {
  return value < 10 ? "0" + value : "" + value;
}
