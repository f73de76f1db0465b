/**
 * Finds the number of a name on the wire: methods, header fields (long and compact), transports. The tables are made
 * once, when the module loads.
 */
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
  HEADER_REFERRED_BY,
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
import { littleEndianAt } from "./words.js";

/** Ends a chain of ids; it is HEADER_OTHER and METHOD_NONE. */
const NO_ID = 0;
const LOWER_CASE = 0x20;
const COLON = 0x3a;
const SPACE = 0x20;

/**
 * Header ids of one-letter names, by the letter in either case. RFC 3261 §7.3.3; o and r: RFC 6665, 3515; b: RFC 3892;
 * x: RFC 4028.
 */
export const COMPACT = new Uint8Array(256);
COMPACT[0x62] = HEADER_REFERRED_BY;
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
for (let letter = 0x41; letter <= 0x5a; letter++) COMPACT[letter] = COMPACT[letter | LOWER_CASE];

// Header names by their first two letters, of whose codes the low five bits need no case: the first id, and for each id
// the next one.
const FIRST_ID = new Uint8Array(1024);
const NEXT_ID = new Uint8Array(HEADER_COUNT);
/** Length of the long name of each known header. */
const NAME_LENGTH = new Uint8Array(HEADER_COUNT);
/**
 * A row of eight numbers for each long name with its colon, in lower case: its first three words, the one that ends
 * with the colon, the fourth, its length, and the next id whose first word shares an entry of `FIRST_BY_WORD`. In a
 * short name the words overlap, and not all are compared; behind the colon of the shortest is a space. They let
 * `Message.parse` recognise a name in the fewest instructions; names with space before their colon, and the few that
 * are too long, go to `headerOf`.
 */
export const NAME_ROWS = new Int32Array(HEADER_COUNT << 3);
export const ROW_LAST = 3;
export const ROW_FOURTH = 4;
export const ROW_LENGTH = 5;
export const ROW_NEXT = 6;
/** The longest of those names, octets. */
export const NAME_WORDS_MAX = 19;
/** Makes the letters of a word lower case, and of most other octets something else. */
export const LOWER_CASE_WORD = 0x20202020;
/** The first id by the uppermost bits of the product of the first word and this factor, which differ for all words. */
export const NAME_FACTOR = 3812734679 | 0;
export const NAME_SHIFT = 25;
export const FIRST_BY_WORD = new Uint8Array(1 << (32 - NAME_SHIFT));

// The loop runs backwards, so that the frequent ids, which are small, come first in their chain.
for (let id = HEADER_COUNT - 1; id > 0; id--) {
  const name = HEADER_NAMES[id];
  const pair = pairOf(name[0], name[1]);
  NAME_LENGTH[id] = name.length;
  NEXT_ID[id] = FIRST_ID[pair];
  FIRST_ID[pair] = id;
  if (name.length > NAME_WORDS_MAX) continue;
  const line = new Uint8Array(NAME_WORDS_MAX + 1).fill(SPACE);
  line.set(name);
  line[name.length] = COLON;
  const row = id << 3;
  for (let k = 0; k < 3; k++) NAME_ROWS[row + k] = littleEndianAt(line, k << 2) | LOWER_CASE_WORD;
  if (name.length > 3) NAME_ROWS[row + ROW_LAST] = littleEndianAt(line, name.length - 3) | LOWER_CASE_WORD;
  NAME_ROWS[row + ROW_FOURTH] = littleEndianAt(line, 12) | LOWER_CASE_WORD;
  NAME_ROWS[row + ROW_LENGTH] = name.length;
  const entry = Math.imul(NAME_ROWS[row], NAME_FACTOR) >>> NAME_SHIFT;
  NAME_ROWS[row + ROW_NEXT] = FIRST_BY_WORD[entry];
  FIRST_BY_WORD[entry] = id;
}

function pairOf(first: number, second: number): number {
  return ((first & 31) << 5) | (second & 31);
}

/** @returns the HEADER_* of a field name, without case, long or compact; HEADER_OTHER when it is not known */
export function headerOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 1) {
    return length === 1 ? COMPACT[bytes[start]] : NO_ID;
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
/** Length of the name of each known method. */
export const METHOD_LENGTHS = new Uint8Array(METHOD_OTHER + 1);
/**
 * Each name in three words: its first, its second, and the one that ends with its last letter; of the first only the
 * bits of a mask count.
 */
const METHOD_WORDS = new Int32Array(METHOD_OTHER << 2);
/** The longest name, octets. */
const METHOD_MAX = 9;
const UNKNOWN_METHOD = METHOD_OTHER;
for (let method = METHOD_OTHER - 1; method > 0; method--) {
  const name = METHOD_NAMES[method];
  METHOD_IDS[methodSlot(name[0], name[2])] = method;
  METHOD_LENGTHS[method] = name.length;
  const padded = new Uint8Array(METHOD_MAX + 4);
  padded.set(name);
  const k = method << 2;
  METHOD_WORDS[k] = name.length < 4 ? 0xffffff : -1;
  METHOD_WORDS[k + 1] = littleEndianAt(padded, 0);
  METHOD_WORDS[k + 2] = littleEndianAt(padded, 4);
  METHOD_WORDS[k + 3] = name.length < 4 ? 0 : littleEndianAt(padded, name.length - 4);
}

function methodSlot(first: number, third: number): number {
  return (first * 17 + third) & 31;
}

/** @returns the METHOD_* whose name begins at `at`, METHOD_NONE when none is found this way */
export function methodAt(view: DataView, at: number, end: number): number {
  if (at + METHOD_MAX > end) return NO_ID;
  const first = view.getInt32(at, true);
  const method = METHOD_IDS[((first & 31) * 17 + (first >> 16)) & 31];
  const length = METHOD_LENGTHS[method];
  const k = method << 2;
  return (first & METHOD_WORDS[k]) === METHOD_WORDS[k + 1] &&
    (length <= 4 ||
      (view.getInt32(at + length - 4, true) === METHOD_WORDS[k + 3] &&
        (length <= 8 || view.getInt32(at + 4, true) === METHOD_WORDS[k + 2])))
    ? method
    : NO_ID;
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
