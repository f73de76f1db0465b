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
  HEADER_OTHER,
  HEADER_REFER_TO,
  HEADER_SESSION_EXPIRES,
  HEADER_SUBJECT,
  HEADER_SUPPORTED,
  HEADER_TO,
  HEADER_VIA,
  METHOD_NAMES,
  METHOD_OTHER,
  TRANSPORT_NAMES,
  TRANSPORT_OTHER,
  TRANSPORT_TLS,
} from "./names.js";

/** Header ids of one-letter names, by the letter in lower case. RFC 3261 §7.3.3; o and r: RFC 6665, 3515; x: RFC 4028. */
const COMPACT = new Uint8Array(128);
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

// A chained hash table: the first id of a bucket, and for each id the next one of its bucket. 0 (HEADER_OTHER) ends a chain.
const BUCKETS = new Uint8Array(128);
const NEXT_ID = new Uint8Array(HEADER_COUNT);
for (let id = HEADER_COUNT - 1; id > 0; id--) {
  const name = HEADER_NAMES[id];
  const bucket = bucketOf(name, 0, name.length);
  NEXT_ID[id] = BUCKETS[bucket];
  BUCKETS[bucket] = id;
}

function bucketOf(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] | 0x20;
  const last = bytes[end - 1] | 0x20;
  return ((end - start) * 7 + first * 3 + last * 5) & 127;
}

/** @returns the HEADER_* of a field name, without case, long or compact; HEADER_OTHER when it is not known */
export function headerOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 1) return length === 1 && bytes[start] < 128 ? COMPACT[bytes[start] | 0x20] : HEADER_OTHER;
  let id = BUCKETS[bucketOf(bytes, start, end)];
  while (id !== HEADER_OTHER) {
    const name = HEADER_NAMES[id];
    if (equalNoCase(bytes, start, end, name, 0, name.length)) return id;
    id = NEXT_ID[id];
  }
  return HEADER_OTHER;
}

/** @returns the METHOD_* of a method, case-sensitive (RFC 3261 §7.1); METHOD_OTHER when it is not known */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  for (let method = 1; method < METHOD_OTHER; method++) {
    const name = METHOD_NAMES[method];
    if (name[0] === bytes[start] && equal(bytes, start, end, name, 0, name.length)) return method;
  }
  return METHOD_OTHER;
}

/** @returns the TRANSPORT_* of a transport's name, without case; TRANSPORT_OTHER when it is not known */
export function transportOf(bytes: Uint8Array, start: number, end: number): number {
  for (let transport = 1; transport <= TRANSPORT_TLS; transport++) {
    const name = TRANSPORT_NAMES[transport];
    if (equalNoCase(bytes, start, end, name, 0, name.length)) return transport;
  }
  return TRANSPORT_OTHER;
}
