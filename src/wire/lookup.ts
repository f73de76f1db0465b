/** From a spelling on the wire to its number: methods, header fields (long and compact), transports. Tables are made once, when the module loads. */
import { equal } from "../core/bytes.js";
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

/** Ends a chain of ids; it is HEADER_OTHER and METHOD_NONE. */
const NO_ID = 0;
const LOWER_CASE = 0x20;
const COLON = 0x3a;

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

// Header names: a chained hash table. The first id of a bucket, and for each id the next one of its bucket; all names in one array
// in lower case, one behind the other, because an array of arrays costs two loads more a name.
const BUCKETS = new Uint8Array(256);
const NEXT_ID = new Uint8Array(HEADER_COUNT);
const NAME_AT = new Uint16Array(HEADER_COUNT);
const NAME_LENGTH = new Uint8Array(HEADER_COUNT);
const NAMES = new Uint8Array(1024);

let nameAt = 0;
for (let id = 1; id < HEADER_COUNT; id++) {
  const name = HEADER_NAMES[id];
  NAME_AT[id] = nameAt;
  NAME_LENGTH[id] = name.length;
  for (let i = 0; i < name.length; i++) NAMES[nameAt++] = name[i] | LOWER_CASE;
}
// Backwards, so that the ids with small numbers, which are the frequent ones, come first in their chain.
for (let id = HEADER_COUNT - 1; id > 0; id--) {
  const name = HEADER_NAMES[id];
  const bucket = bucketOf(name[0], name[name.length - 1], name.length);
  NEXT_ID[id] = BUCKETS[bucket];
  BUCKETS[bucket] = id;
}

/** The same names by their first letter in either case, for a name that is followed by its colon at once. */
const FIRST_ID = new Uint8Array(256);
const NEXT_OF_LETTER = new Uint8Array(HEADER_COUNT);
for (let id = HEADER_COUNT - 1; id > 0; id--) {
  const letter = HEADER_NAMES[id][0] | LOWER_CASE;
  NEXT_OF_LETTER[id] = FIRST_ID[letter];
  FIRST_ID[letter] = FIRST_ID[letter & ~LOWER_CASE] = id;
}

/**
 * Looks for a long name and its colon at `at`, without looking for the end of the name first: most fields begin so.
 * @returns its HEADER_*, or HEADER_OTHER: then it may still be known to `headerOf`
 */
export function headerAt(bytes: Uint8Array, at: number, end: number): number {
  let id = FIRST_ID[bytes[at]];
  while (id !== NO_ID) {
    const stop = at + NAME_LENGTH[id];
    if (stop < end && bytes[stop] === COLON) {
      let name = NAME_AT[id] + 1;
      let i = at + 1;
      while (i < stop && (bytes[i] | LOWER_CASE) === NAMES[name] && bytes[i] > LOWER_CASE) {
        i += 1;
        name += 1;
      }
      if (i === stop) return id;
    }
    id = NEXT_OF_LETTER[id];
  }
  return NO_ID;
}

/** @returns how long the long name of a known header is */
export function headerLength(id: number): number {
  return NAME_LENGTH[id];
}

function bucketOf(first: number, last: number, length: number): number {
  // With these factors no two names share a bucket.
  return ((first & 31) + (last & 31) * 7 + length * 52) & 255;
}

/** @returns the HEADER_* of a field name, without case, long or compact; HEADER_OTHER when it is not known */
export function headerOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 1) {
    const letter = length === 1 ? bytes[start] : 0;
    // Letters only: "|" makes no other octet into one of these names.
    return letter >= 0x41 ? COMPACT[letter | LOWER_CASE] : NO_ID;
  }
  let id = BUCKETS[bucketOf(bytes[start], bytes[end - 1], length)];
  while (id !== NO_ID) {
    if (NAME_LENGTH[id] === length) {
      let name = NAME_AT[id];
      let i = start;
      // An octet above SPACE that equals a letter or "-" with the bit set is that letter, or "-".
      while (i < end && (bytes[i] | LOWER_CASE) === NAMES[name] && bytes[i] > LOWER_CASE) {
        i += 1;
        name += 1;
      }
      if (i === end) return id;
    }
    id = NEXT_ID[id];
  }
  return NO_ID;
}

// Methods: the same, over their own names.
const METHOD_BUCKETS = new Uint8Array(64);
const NEXT_METHOD = new Uint8Array(METHOD_OTHER);
const UNKNOWN_METHOD = METHOD_OTHER;
for (let method = METHOD_OTHER - 1; method > 0; method--) {
  const bucket = methodBucketOf(METHOD_NAMES[method][0], METHOD_NAMES[method].length);
  NEXT_METHOD[method] = METHOD_BUCKETS[bucket];
  METHOD_BUCKETS[bucket] = method;
}

function methodBucketOf(first: number, length: number): number {
  return (first ^ (length << 3)) & 63;
}

/** @returns the METHOD_* of a method, case-sensitive (RFC 3261 §7.1); METHOD_OTHER when it is not known */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return UNKNOWN_METHOD;
  let method = METHOD_BUCKETS[methodBucketOf(bytes[start], end - start)];
  while (method !== NO_ID) {
    const name = METHOD_NAMES[method];
    if (equal(bytes, start, end, name, 0, name.length)) return method;
    method = NEXT_METHOD[method];
  }
  return UNKNOWN_METHOD;
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
