/** From a spelling on the wire to its number: methods, header fields (long and compact), transports. Tables are made once, when the module loads. */
import { equal, equalNoCase } from "../core/bytes.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_CONTENT_ENCODING,
  HEADER_CONTENT_LENGTH,
  HEADER_CONTENT_TYPE,
  HEADER_COUNT,
  HEADER_EVENT,
  HEADER_FROM,
  HEADER_NAMES,
  HEADER_REFER_TO,
  HEADER_SESSION_EXPIRES,
  HEADER_SUBJECT,
  HEADER_SUPPORTED,
  HEADER_TO,
  HEADER_VIA,
  METHOD_NAMES,
  METHOD_OTHER,
  TRANSPORT_OTHER,
  TRANSPORT_TCP,
  TRANSPORT_TLS,
  TRANSPORT_UDP,
} from "./names.js";
import { PATTERN_MAX, patterns, setPattern } from "./words.js";

/** Ends a chain of ids; it is HEADER_OTHER and METHOD_NONE. */
const NO_ID = 0;
const LOWER_CASE = 0x20;
const COLON = 0x3a;
// Own constant: see lex.ts.
const PATTERN = PATTERN_MAX;

/** Header ids of one-letter names, by the letter in lower case. RFC 3261 §7.3.3; o and r: RFC 6665, 3515; x: RFC 4028. */
const COMPACT = new Uint8Array(256);
COMPACT[0x63] = HEADER_CONTENT_TYPE;
COMPACT[0x65] = HEADER_CONTENT_ENCODING;
COMPACT[0x66] = HEADER_FROM;
COMPACT[0x69] = HEADER_CALL_ID;
COMPACT[0x6b] = HEADER_SUPPORTED;
COMPACT[0x6c] = HEADER_CONTENT_LENGTH;
COMPACT[0x6d] = HEADER_CONTACT;
COMPACT[0x6f] = HEADER_EVENT;
COMPACT[0x72] = HEADER_REFER_TO;
COMPACT[0x73] = HEADER_SUBJECT;
COMPACT[0x74] = HEADER_TO;
COMPACT[0x76] = HEADER_VIA;
COMPACT[0x78] = HEADER_SESSION_EXPIRES;

// Header names by their first two letters, of which the low five bits do without case: the first id, and for each id the next one.
const FIRST_ID = new Uint8Array(1024);
const NEXT_ID = new Uint8Array(HEADER_COUNT);
/** How long the long name of a known header is. */
export const NAME_LENGTH = new Uint8Array(HEADER_COUNT);
/** The names with their colons; the few that are too long for a pattern are left to `headerOf`. */
const NAMES = patterns(HEADER_COUNT);

// Backwards, so that the ids with small numbers, which are the frequent ones, come first in their chain.
for (let id = HEADER_COUNT - 1; id > 0; id--) {
  const name = HEADER_NAMES[id];
  const pair = pairOf(name[0], name[1]);
  NAME_LENGTH[id] = name.length;
  NEXT_ID[id] = FIRST_ID[pair];
  FIRST_ID[pair] = id;
  const withColon = new Uint8Array(name.length + 1);
  withColon.set(name);
  withColon[name.length] = COLON;
  setPattern(NAMES, id, withColon, false);
}

function pairOf(first: number, second: number): number {
  return ((first & 31) << 5) | (second & 31);
}

/**
 * Looks for a long name and its colon at `at`: most fields begin so.
 * @returns its HEADER_*, or HEADER_OTHER: then it may still be known to `headerOf`
 */
export function headerAt(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (at + PATTERN > end) return NO_ID;
  let id = FIRST_ID[((bytes[at] & 31) << 5) | (bytes[at + 1] & 31)];
  let k = 0;
  while (id !== NO_ID) {
    k = id << 3;
    if (
      (view.getInt32(at, true) | NAMES[k]) === NAMES[k + 1] &&
      (NAMES[k + 2] === -1 ||
        ((view.getInt32(at + 4, true) | NAMES[k + 2]) === NAMES[k + 3] &&
          (NAMES[k + 4] === -1 ||
            ((view.getInt32(at + 8, true) | NAMES[k + 4]) === NAMES[k + 5] &&
              (view.getInt32(at + 12, true) | NAMES[k + 6]) === NAMES[k + 7]))))
    )
      return id;
    id = NEXT_ID[id];
  }
  return NO_ID;
}

/** @returns the HEADER_* of a field name, without case, long or compact; HEADER_OTHER when it is not known */
export function headerOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 1) {
    const letter = length === 1 ? bytes[start] : 0;
    // Letters only: "|" makes no other octet into one of these names.
    return letter >= 0x41 ? COMPACT[letter | LOWER_CASE] : NO_ID;
  }
  let id = FIRST_ID[pairOf(bytes[start], bytes[start + 1])];
  while (id !== NO_ID) {
    if (NAME_LENGTH[id] === length && equalNoCase(bytes, start, end, HEADER_NAMES[id], 0, length)) return id;
    id = NEXT_ID[id];
  }
  return NO_ID;
}

// Methods by their first and third letter: with this factor no two share an entry.
const METHOD_IDS = new Uint8Array(32);
const METHODS = patterns(METHOD_OTHER);
const UNKNOWN_METHOD = METHOD_OTHER;
for (let method = METHOD_OTHER - 1; method > 0; method--) {
  const name = METHOD_NAMES[method];
  METHOD_IDS[methodSlot(name[0], name[2])] = method;
  setPattern(METHODS, method, name, true);
}

function methodSlot(first: number, third: number): number {
  return (first * 17 + third) & 31;
}

/** Looks for a method's name at `at`. @returns the METHOD_* it begins with, METHOD_NONE when it is not known so */
export function methodAt(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (at + PATTERN > end) return NO_ID;
  const method = METHOD_IDS[(bytes[at] * 17 + bytes[at + 2]) & 31];
  const k = method << 3;
  // No method is longer than twelve octets.
  return (view.getInt32(at, true) | METHODS[k]) === METHODS[k + 1] &&
    (METHODS[k + 2] === -1 ||
      ((view.getInt32(at + 4, true) | METHODS[k + 2]) === METHODS[k + 3] &&
        (view.getInt32(at + 8, true) | METHODS[k + 4]) === METHODS[k + 5]))
    ? method
    : NO_ID;
}

/** @returns how long the name of a known method is */
export function methodLength(method: number): number {
  return METHOD_NAMES[method].length;
}

/** @returns the METHOD_* of a method, case-sensitive (RFC 3261 §7.1); METHOD_OTHER when it is not known */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 3) return UNKNOWN_METHOD;
  const method = METHOD_IDS[methodSlot(bytes[start], bytes[start + 2])];
  const name = METHOD_NAMES[method];
  return method !== NO_ID && equal(bytes, start, end, name, 0, name.length) ? method : UNKNOWN_METHOD;
}

/** @returns the TRANSPORT_* of a transport's name, without case; TRANSPORT_OTHER when it is not known */
export function transportOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 3) return TRANSPORT_OTHER;
  const first = bytes[start] | LOWER_CASE;
  const second = bytes[start + 1] | LOWER_CASE;
  const third = bytes[start + 2] | LOWER_CASE;
  if (first === 0x75 && second === 0x64 && third === 0x70) return TRANSPORT_UDP;
  if (first === 0x74 && second === 0x63 && third === 0x70) return TRANSPORT_TCP;
  if (first === 0x74 && second === 0x6c && third === 0x73) return TRANSPORT_TLS;
  return TRANSPORT_OTHER;
}
