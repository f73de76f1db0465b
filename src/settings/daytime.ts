/**
 * Tells what time it is where the door is: a time zone by its name (`Europe/Berlin`) or as POSIX writes it
 * (`CET-1CEST,M3.5.0,M10.5.0/3`), and schedules of the week (`mon-fri 07:00-12:00 13:00-22:00, sat 09:00-13:00`).
 * Not here: where the time comes from (the device's clock), Julian days in a zone's rules, seconds in an offset.
 */

import { CivilDate, DAY_S, daysTo } from "../core/calendar.js";
import { ZONES } from "./zones.js";

const DAY_MINUTES = 1440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** Day of the week of 1 January 1970, with Monday as 0: it was a Thursday. */
const DAYS: readonly string[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const FIRST_DAY = 3;
const EVERY_DAY = 0x7f;
/** The hours in a rule's time go up to a week. RFC 8536 §3.3.1 */
const RULE_HOURS_MOST = 167;
/** A rule without a time holds at 02:00. */
const RULE_S = 7200;

/** The zone that was read last; each call fills it anew. */
const zone = {
  /** Offset that is added to UTC, in s. */
  offsetS: 0,
  summerS: 0,
  hasSummer: false,
  /**
   * The rules by which summer begins and ends: month * 100 + week (5: the last) * 10 + day of the week (0: Sunday), and
   * s of that day.
   */
  begin: 0,
  beginS: 0,
  end: 0,
  endS: 0,
};

const date = new CivilDate();

/** Position in the text that is being read. */
let source = "";
let at = 0;
/** Seconds of the day in the rule that was read last. */
let ruleTimeS = 0;

/** Returns whether the value is a zone that is understood. */
export function isZone(value: string): boolean {
  source = ruleNamed(value);
  at = 0;
  zone.hasSummer = false;
  if (!readName()) return false;
  zone.offsetS = -readTime();
  if (Number.isNaN(zone.offsetS)) return false;
  if (at === source.length) return true;
  zone.hasSummer = true;
  if (!readName()) return false;
  const c = source.charAt(at);
  zone.summerS = c === "," ? zone.offsetS + 3600 : -readTime();
  zone.begin = readRule();
  zone.beginS = ruleTimeS;
  zone.end = readRule();
  zone.endS = ruleTimeS;
  return !Number.isNaN(zone.summerS) && zone.begin > 0 && zone.end > 0 && at === source.length;
}

/** @returns the rule of a zone that is given by its name, else what was given */
function ruleNamed(value: string): string {
  if (value.length < 3 || value.indexOf(" ") >= 0 || value.indexOf("\n") >= 0) return value;
  const found = ZONES.indexOf(" " + value);
  if (found < 0) return value;
  const next = ZONES.charAt(found + 1 + value.length);
  if (next !== " " && next !== "\n") {
    // Only the beginning of a longer name was found: the name itself stands elsewhere in the table.
    const whole = Math.max(ZONES.indexOf(" " + value + " "), ZONES.indexOf(" " + value + "\n"));
    return whole < 0 ? value : ruleAt(whole);
  }
  return ruleAt(found);
}

function ruleAt(place: number): string {
  const start = ZONES.lastIndexOf("\n", place) + 1;
  return ZONES.slice(start, ZONES.indexOf(" ", start));
}

/**
 * @param epochS s since 1970 in UTC
 * @param value a zone that `isZone` takes @returns minutes since midnight of Monday, by its clocks
 */
export function minuteOfWeek(epochS: number, value: string): number {
  const localS = epochS + offsetOf(epochS, value);
  const minute = Math.floor(localS / 60) + FIRST_DAY * DAY_MINUTES;
  return ((minute % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES;
}

/** @param localS s since 1970 by the zone's clocks @returns s since 1970 in UTC; of an hour that comes twice, one of them */
export function epochOf(localS: number, value: string): number {
  return localS - offsetOf(localS - offsetOf(localS, value), value);
}

/** @returns s since 1970 by the zone's clocks, for people */
export function localOf(epochS: number, value: string): number {
  return epochS + offsetOf(epochS, value);
}

/** @returns the offset that is added to UTC at that time, in s */
function offsetOf(epochS: number, value: string): number {
  if (!isZone(value)) return 0;
  let offsetS = zone.offsetS;
  if (zone.hasSummer) {
    date.set(Math.floor((epochS + offsetS) / DAY_S));
    const year = date.year;
    const beginS = ruleS(year, zone.begin, zone.beginS) - zone.offsetS;
    const endS = ruleS(year, zone.end, zone.endS) - zone.summerS;
    // South of the equator summer includes the new year.
    const isSummer = beginS < endS ? epochS >= beginS && epochS < endS : epochS >= beginS || epochS < endS;
    if (isSummer) offsetS = zone.summerS;
  }
  return offsetS;
}

/**
 * Returns whether the value is a schedule: entries with commas between them, each one or more days (`mon`, `sat-mon`;
 * none: every day) and then one or more spans HH:MM-HH:MM. A span may go over midnight; it then belongs to the day on
 * which it begins.
 */
export function isSchedule(value: string): boolean {
  return walk(value, -1) !== WALK_MALFORMED;
}

/**
 * A span does not include its end, and one that ends when it begins is the whole day.
 * @param minute of the week @param schedule as `isSchedule` takes it
 */
export function isWithin(minute: number, schedule: string): boolean {
  return walk(schedule, minute) === WALK_WITHIN;
}

const WALK_MALFORMED = 0;
const WALK_OUTSIDE = 1;
const WALK_WITHIN = 2;

function walk(schedule: string, minute: number): number {
  let result = WALK_OUTSIDE;
  const entries = schedule.split(",");
  for (let i = 0; i < entries.length; i++) {
    const words = entries[i].trim().split(" ");
    let days = 0;
    let spans = 0;
    for (let j = 0; j < words.length; j++) {
      if (words[j] === "") continue;
      const named = spans === 0 ? daysOf(words[j]) : 0;
      if (named > 0) days |= named;
      else if (isSpan(words[j])) {
        spans += 1;
        if (minute >= 0 && isInSpan(minute, words[j], days === 0 ? EVERY_DAY : days)) result = WALK_WITHIN;
      } else return WALK_MALFORMED;
    }
    if (spans === 0) return WALK_MALFORMED;
  }
  return result;
}

/** @returns a bit for each day that `mon` or `sat-mon` names, Monday the lowest; 0 when it names none */
function daysOf(word: string): number {
  const first = DAYS.indexOf(word.slice(0, 3));
  if (first < 0) return 0;
  if (word.length === 3) return 1 << first;
  const last = word.length === 7 && word.charAt(3) === "-" ? DAYS.indexOf(word.slice(4)) : -1;
  if (last < 0) return 0;
  let days = 0;
  for (let day = first; ; day = (day + 1) % 7) {
    days |= 1 << day;
    if (day === last) return days;
  }
}

function isSpan(word: string): boolean {
  return word.length === 11 && word.charAt(5) === "-" && minutes(word, 0) >= 0 && minutes(word, 6) >= 0;
}

function isInSpan(minute: number, span: string, days: number): boolean {
  const from = minutes(span, 0);
  const to = minutes(span, 6);
  const day = Math.floor(minute / DAY_MINUTES);
  const now = minute % DAY_MINUTES;
  if (((days >> day) & 1) === 1 && now >= from && (now < to || to <= from)) return true;
  // The span began on the day before.
  return ((days >> ((day + 6) % 7)) & 1) === 1 && to <= from && now < to;
}

/** @returns the minute of the day of the HH:MM at `start`, -1 when there is no HH:MM */
function minutes(value: string, start: number): number {
  source = value;
  at = start;
  const hours = readNumber(2);
  if (at !== start + 2 || source.charAt(at) !== ":") return -1;
  at += 1;
  const rest = readNumber(2);
  return at === start + 5 && hours < 24 && rest < 60 && hours * 60 + rest < DAY_MINUTES ? hours * 60 + rest : -1;
}

/** Reads a zone's abbreviation: three letters or more, or anything in angle brackets. */
function readName(): boolean {
  const start = at;
  if (source.charAt(at) === "<") {
    at = source.indexOf(">", at) + 1;
    if (at > 0) return at - start > 3;
    return false;
  }
  while (isLetter(source.charAt(at))) at += 1;
  return at - start >= 3;
}

function isLetter(c: string): boolean {
  return (c >= "a" && c <= "z") || (c >= "A" && c <= "Z");
}

/** Reads an offset [+-]H[H][:MM]. @returns it in s, NaN when there is none */
function readTime(hoursMost = 24): number {
  const sign = source.charAt(at);
  if (sign === "-" || sign === "+") at += 1;
  const hours = readNumber(3);
  let rest = 0;
  if (source.charAt(at) === ":") {
    at += 1;
    rest = readNumber(2);
  }
  return hours <= hoursMost && rest < 60 ? (sign === "-" ? -1 : 1) * (hours * 3600 + rest * 60) : Number.NaN;
}

/** Reads a rule ,Mm.w.d[/time]. @returns it as `zone` keeps it, -1 when it is no rule */
function readRule(): number {
  if (source.slice(at, at + 2) !== ",M") return -1;
  at += 2;
  const month = readNumber(2);
  if (source.charAt(at++) !== ".") return -1;
  const week = readNumber(1);
  if (source.charAt(at++) !== ".") return -1;
  const day = readNumber(1);
  ruleTimeS = RULE_S;
  if (source.charAt(at) === "/") {
    at += 1;
    ruleTimeS = readTime(RULE_HOURS_MOST);
  }
  const isRule = month >= 1 && month <= 12 && week >= 1 && week <= 5 && day <= 6 && !Number.isNaN(ruleTimeS);
  return isRule ? month * 100 + week * 10 + day : -1;
}

/** Reads a number. @returns it, NaN when there is none of at most that many digits */
function readNumber(digits: number): number {
  let value = Number.NaN;
  for (let i = 0; i < digits; i++) {
    const digit = at < source.length ? source.charCodeAt(at) - 0x30 : -1;
    if (digit < 0 || digit > 9) break;
    value = (i === 0 ? 0 : value * 10) + digit;
    at += 1;
  }
  return value;
}

/** @returns the time in that year at which a rule holds, in s of the zone's own time */
function ruleS(year: number, rule: number, timeS: number): number {
  const month = Math.floor(rule / 100);
  const week = Math.floor(rule / 10) % 10;
  const day = rule % 10;
  const first = daysTo(year, month);
  const next = month === 12 ? daysTo(year + 1, 1) : daysTo(year, month + 1);
  // 1 January 1970 was a Thursday.
  let date = first + ((day - (first + 4) + 7 * 6000) % 7) + (week - 1) * 7;
  if (date >= next) date -= 7;
  return date * DAY_S + timeS;
}
