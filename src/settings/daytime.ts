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
const NO_WORDS: string[] = [];
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

/**
 * @param localS s since 1970 by the zone's clocks @returns s since 1970 in UTC; of an hour that comes twice, one of
 * them
 */
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
 * which it begins. An entry of a date, or of several, holds in place of the week's: `2026-12-24..2026-12-26 closed`,
 * `2026-12-20 10:00-16:00`. `@NAME` stands for the schedule of that name (schedules.ts).
 */
export function isSchedule(value: string): boolean {
  if (value.charAt(0) === "@") return isReference(value);
  const entries = value.split(",");
  for (let i = 0; i < entries.length; i++) if (!readEntry(entries[i])) return false;
  return true;
}

function isReference(value: string): boolean {
  for (let i = 1; i < value.length; i++) {
    const c = value.charAt(i).toLowerCase();
    if (!isLetter(c) && !(c >= "0" && c <= "9") && "-_.+".indexOf(c) < 0) return false;
  }
  return value.length > 1;
}

/**
 * A span does not include its end, and one that ends when it begins is the whole day.
 * @param minute of the week @param schedule as `isSchedule` takes it, but for a name
 * @param day since 1970 by the zone's clocks, for entries of dates; NO_DAY: they do not count
 */
export function isWithin(minute: number, schedule: string, day = NO_DAY): boolean {
  const weekday = Math.floor(minute / DAY_MINUTES);
  const now = minute % DAY_MINUTES;
  return (
    isCovered(schedule, weekday, day, now, false) ||
    // The span began on the day before.
    isCovered(schedule, (weekday + 6) % 7, day === NO_DAY ? day : day - 1, now, true)
  );
}

/** @param epochS s since 1970 in UTC @param schedule as `isWithin` takes it */
export function isOpenAt(epochS: number, value: string, schedule: string): boolean {
  return isWithin(minuteOfWeek(epochS, value), schedule, Math.floor(localOf(epochS, value) / DAY_S));
}

const NO_DAY = -1;
const CLOSED = "closed";
const DATE_LENGTH = 10;
const RANGE = "..";

/** The entry that was read last; each one fills it anew. */
const entry = {
  /** A bit for each day of the week, Monday the lowest. */
  days: 0,
  /** The first and the last day since 1970 of an entry of dates; NO_DAY otherwise. */
  first: NO_DAY,
  last: NO_DAY,
  spans: NO_WORDS,
};

/** Reads an entry of a schedule. @returns false when it is none */
function readEntry(text: string): boolean {
  const words = text.trim().split(" ");
  const spans: string[] = [];
  let isClosed = false;
  entry.days = 0;
  entry.first = entry.last = NO_DAY;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === "") continue;
    const named = spans.length === 0 && entry.first === NO_DAY ? daysOf(word) : 0;
    if (isClosed) return false;
    if (named > 0) entry.days |= named;
    else if (isSpan(word)) spans.push(word);
    else if (word === CLOSED && spans.length === 0 && entry.first !== NO_DAY) isClosed = true;
    else if (i > 0 || !readDates(word)) return false;
  }
  entry.spans = spans;
  if (entry.days === 0) entry.days = EVERY_DAY;
  return isClosed || spans.length > 0;
}

/** Reads `2026-12-24` or `2026-12-24..2026-12-26` into the entry. */
function readDates(word: string): boolean {
  const isRange = word.length === 2 * DATE_LENGTH + RANGE.length && word.slice(DATE_LENGTH, DATE_LENGTH + 2) === RANGE;
  if (!isRange && word.length !== DATE_LENGTH) return false;
  entry.first = dayOfDate(word.slice(0, DATE_LENGTH));
  entry.last = isRange ? dayOfDate(word.slice(DATE_LENGTH + RANGE.length)) : entry.first;
  return entry.first >= 0 && entry.last >= entry.first;
}

/** @returns days from 1970 to a date of this century, `2026-12-24`; -1 when it is none */
export function dayOfDate(value: string): number {
  source = value;
  at = 0;
  const year = readNumber(4);
  const isYear = at === 4 && source.charAt(at++) === "-";
  const month = readNumber(2);
  const isMonth = at === 7 && source.charAt(at++) === "-";
  const day = readNumber(2);
  if (!isYear || !isMonth || at !== DATE_LENGTH || value.length !== DATE_LENGTH) return -1;
  if (!(year >= 2000 && year < 2100 && month >= 1 && month <= 12 && day >= 1)) return -1;
  const days = daysTo(year, month) + day - 1;
  date.set(days);
  return date.month === month ? days : -1;
}

/**
 * Returns whether the spans of a day cover a minute.
 * @param now minute of that day, or of the day after it @param isNext whether it is of the day after
 */
function isCovered(schedule: string, weekday: number, day: number, now: number, isNext: boolean): boolean {
  let [isDated, isInDated, isInWeek] = [false, false, false];
  const entries = schedule.split(",");
  for (let i = 0; i < entries.length; i++) {
    if (!readEntry(entries[i])) continue;
    const isOfDate = entry.first !== NO_DAY;
    const isMeant = isOfDate ? day >= entry.first && day <= entry.last : ((entry.days >> weekday) & 1) === 1;
    if (!isMeant) continue;
    isDated ||= isOfDate;
    const { spans } = entry;
    for (let j = 0; j < spans.length; j++) {
      const from = minutes(spans[j], 0);
      const to = minutes(spans[j], 6);
      const isOver = to <= from;
      if (isNext ? !isOver || now >= to : now < from || (now >= to && !isOver)) continue;
      if (isOfDate) isInDated = true;
      else isInWeek = true;
    }
  }
  return isDated ? isInDated : isInWeek;
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

/** @returns the minute of the day that the whole value HH:MM names, -1 for any other value */
export function minuteOfDay(value: string): number {
  return value.length === 5 ? minutes(value, 0) : -1;
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
