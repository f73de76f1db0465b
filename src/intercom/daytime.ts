/**
 * What time it is where the door is: a time zone as POSIX writes it (`CET-1CEST,M3.5.0,M10.5.0/3`), and spans of the day
 * (`07:00-22:00`). Not here: where the time comes from (the device's clock), Julian days in a zone's rules, seconds in an offset.
 */

import { CivilDate, DAY_S, daysTo } from "../core/calendar.js";

const DAY_MINUTES = 1440;
/** Rules are at 02:00 when they do not say. */
const RULE_S = 7200;

/** A zone as it was read. Used anew by each call. */
const zone = {
  /** To be added to UTC, in s. */
  offsetS: 0,
  summerS: 0,
  hasSummer: false,
  /** When summer begins and when it ends: month * 100 + week (5: the last) * 10 + day of the week (0: Sunday), and s of that day. */
  begin: 0,
  beginS: 0,
  end: 0,
  endS: 0,
};

const date = new CivilDate();

/** Where the text is read just now. */
let source = "";
let at = 0;
/** Of the rule that was read last. */
let ruleTimeS = 0;

/** Whether that is a zone that is understood. */
export function isZone(value: string): boolean {
  source = value;
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

/** @param epochS s since 1970 in UTC @param value a zone that `isZone` takes @returns minutes since midnight */
export function minuteOfDay(epochS: number, value: string): number {
  if (!isZone(value)) return Math.floor((epochS % DAY_S) / 60);
  let offsetS = zone.offsetS;
  if (zone.hasSummer) {
    date.set(Math.floor((epochS + offsetS) / DAY_S));
    const year = date.year;
    const beginS = ruleS(year, zone.begin, zone.beginS) - zone.offsetS;
    const endS = ruleS(year, zone.end, zone.endS) - zone.summerS;
    // South of the equator the summer has the new year in it.
    const isSummer = beginS < endS ? epochS >= beginS && epochS < endS : epochS >= beginS || epochS < endS;
    if (isSummer) offsetS = zone.summerS;
  }
  return Math.floor(((((epochS + offsetS) % DAY_S) + DAY_S) % DAY_S) / 60);
}

/** Whether that is a span of the day, HH:MM-HH:MM; it may go over midnight. */
export function isSpan(value: string): boolean {
  return value.length === 11 && value.charAt(5) === "-" && minutes(value, 0) >= 0 && minutes(value, 6) >= 0;
}

/** @param span as `isSpan` takes it; its end is no part of it, and from one time to the same is the whole day */
export function isWithin(minute: number, span: string): boolean {
  const from = minutes(span, 0);
  const to = minutes(span, 6);
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** @returns the minute of the day of the HH:MM at `start`, -1 when it is none */
function minutes(value: string, start: number): number {
  source = value;
  at = start;
  const hours = readNumber(2);
  if (at !== start + 2 || source.charAt(at) !== ":") return -1;
  at += 1;
  const rest = readNumber(2);
  return at === start + 5 && hours < 24 && rest < 60 && hours * 60 + rest < DAY_MINUTES ? hours * 60 + rest : -1;
}

/** Three letters or more, or anything in angle brackets. */
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

/** [+-]H[H][:MM]. @returns s, NaN when there is none */
function readTime(): number {
  const sign = source.charAt(at);
  if (sign === "-" || sign === "+") at += 1;
  const hours = readNumber(2);
  let rest = 0;
  if (source.charAt(at) === ":") {
    at += 1;
    rest = readNumber(2);
  }
  return hours <= 24 && rest < 60 ? (sign === "-" ? -1 : 1) * (hours * 3600 + rest * 60) : Number.NaN;
}

/** ,Mm.w.d[/time] @returns it as in `zone`, -1 when it is none */
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
    ruleTimeS = readTime();
  }
  const isRule = month >= 1 && month <= 12 && week >= 1 && week <= 5 && day <= 6 && !Number.isNaN(ruleTimeS);
  return isRule ? month * 100 + week * 10 + day : -1;
}

/** @returns a number of at most that many digits, NaN when there is none */
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

/** @returns when a rule comes true in that year, in s of the zone's own time */
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
