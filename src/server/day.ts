/** The Date header field (RFC 3261 §20.17) from seconds since 1970, without a calendar of the platform. */
import { octets } from "../core/bytes.js";
import type { Writer } from "../wire/writer.js";

const DATE = octets("Date: ");
const GMT = octets(" GMT\r\n");
const COMMA = octets(", ");
/** Three letters each, from the first of January 1970, a Thursday; months from March. */
const DAYS = octets("ThuFriSatSunMonTueWed");
const MONTHS = octets("MarAprMayJunJulAugSepOctNovDecJanFeb");
const DAY_S = 86400;
/** Days of 400 years, and from the first of March of the year 0 to 1970. */
const ERA_DAYS = 146097;
const EPOCH_DAYS = 719468;

/** Writes `Date: Sat, 13 Nov 2010 23:29:00 GMT` and the line's end. */
export function writeDate(w: Writer, epochS: number): void {
  const days = Math.floor(epochS / DAY_S);
  // Years begin in March here, so that the day that comes and goes is the last of the year.
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const ofEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36524) - Math.floor(ofEra / 146096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * month + 2) / 5) + 1;
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0);
  const seconds = epochS - days * DAY_S;
  const weekday = (days % 7) * 3;
  w.put(DATE);
  w.raw(DAYS, weekday, weekday + 3);
  w.put(COMMA);
  putTwo(w, day);
  w.octet(0x20);
  w.raw(MONTHS, month * 3, month * 3 + 3);
  w.octet(0x20);
  w.uint(year);
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
