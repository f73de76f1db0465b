/** Writes the Date header field (RFC 3261 §20.17) from seconds since 1970, without a calendar of the platform. */
import { octets } from "../core/bytes.js";
import { CivilDate, DAY_S } from "../core/calendar.js";
import type { Writer } from "./writer.js";

const DATE = octets("Date: ");
const GMT = octets(" GMT\r\n");
const COMMA = octets(", ");
/** Names of three letters each; the days begin with that of 1 January 1970, a Thursday. */
const DAYS = octets("ThuFriSatSunMonTueWed");
const MONTHS = octets("JanFebMarAprMayJunJulAugSepOctNovDec");

// Scratch, used within one call.
const date = new CivilDate();

/** Writes `Date: Sat, 13 Nov 2010 23:29:00 GMT` and the line's end. */
export function writeDate(w: Writer, epochS: number): void {
  const days = Math.floor(epochS / DAY_S);
  date.set(days);
  const seconds = epochS - days * DAY_S;
  const weekday = (days % 7) * 3;
  w.put(DATE);
  w.raw(DAYS, weekday, weekday + 3);
  w.put(COMMA);
  putTwo(w, date.day);
  w.octet(0x20);
  w.raw(MONTHS, date.month * 3 - 3, date.month * 3);
  w.octet(0x20);
  w.uint(date.year);
  w.octet(0x20);
  putTwo(w, Math.floor(seconds / 3600));
  w.octet(0x3a);
  putTwo(w, Math.floor(seconds / 60) % 60);
  w.octet(0x3a);
  putTwo(w, seconds % 60);
  w.put(GMT);
}

function putTwo(w: Writer, value: number): void {
  if (value < 10) w.octet(0x30);
  w.uint(value);
}
