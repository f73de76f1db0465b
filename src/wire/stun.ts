/**
 * The messages of STUN by which an address is found: our Binding request, and the answer to it. RFC 8489
 * Not here: when they are sent and believed (ua/addressfinder.ts), authentication, FINGERPRINT, IPv6, and everything
 * that ICE and TURN add.
 *
 *      0                   1                   2                   3
 *     |0 0|     type of message       |         octets behind         |
 *     |                       cookie 2112A442                         |
 *     |              transaction ID (96 bits, random)                 |
 *     |    type of attribute          |         octets of value       |   value, filled up to 4 octets
 */
import { octetArray } from "../core/arrays.js";
import { copyOctets } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";

/** Octets of a header, which is all of our request. */
export const STUN_HEADER_BYTES = 20;
const ID_AT = 8;
const ID_BYTES = 12;
/** An answer has no more octets than that: it comes in one datagram. */
const LONGEST_BYTES = 1500;
const ATTRIBUTE_HEAD_BYTES = 4;

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const COOKIE_HIGH = 0x2112;
const COOKIE_LOW = 0xa442;
const XOR_MAPPED_ADDRESS = 0x0020;
const ERROR_CODE = 0x0009;
/** The attributes below are known to RFC 8489 or its forerunner, and change nothing here. */
const KNOWN_MOST = 0x000b;
const KNOWN: readonly number[] = [0x0014, 0x0015, 0x001c, 0x001d, 0x001e];
/** From here on an attribute need not be understood. */
const OPTIONAL = 0x8000;
const IPV4 = 1;
const IPV4_BYTES = 8;

// What an octet sequence is, for one who asked with a transaction ID.
/** It is no STUN message: its first bits, its cookie or a length is wrong. */
export const STUN_NONE = 0;
/** It is one, but no answer to our request. */
export const STUN_OTHER = 1;
/** It tells the address at which the server sees us. */
export const STUN_ADDRESS = 2;
/** The server refuses, with `status`. */
export const STUN_REFUSED = 3;
/** It is an answer that tells no IPv4 address in XOR-MAPPED-ADDRESS, or has an attribute that nobody knows. */
export const STUN_USELESS = 4;

/** A question and what is read from its answer. Reading allocates nothing. */
export class StunBinding {
  /** The request as it is sent, the same in each repetition. */
  readonly request = octetArray(STUN_HEADER_BYTES);
  /** Of STUN_ADDRESS. */
  ip = 0;
  port = 0;
  /** Of STUN_REFUSED: 300 to 699, 0 when the answer has none. */
  status = 0;

  /** Writes a request with a transaction ID that nobody can guess. */
  begin(random: RandomSource): void {
    const { request } = this;
    write16(request, 0, BINDING_REQUEST);
    write16(request, 2, 0);
    write16(request, 4, COOKIE_HIGH);
    write16(request, 6, COOKIE_LOW);
    for (let at = ID_AT; at < STUN_HEADER_BYTES; at += 4) {
      const word = random.uint32();
      write16(request, at, word >>> 16);
      write16(request, at + 2, word & 0xffff);
    }
  }

  /** Reads the datagram `bytes[start, end)`. @returns STUN_* */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (!isStun(bytes, start, end)) return STUN_NONE;
    const type = read16(bytes, start);
    if ((type !== BINDING_SUCCESS && type !== BINDING_ERROR) || !this.isAsked(bytes, start)) return STUN_OTHER;
    this.status = 0;
    let found = STUN_USELESS;
    for (let at = start + STUN_HEADER_BYTES; at < end; ) {
      if (end - at < ATTRIBUTE_HEAD_BYTES) return STUN_NONE;
      const attribute = read16(bytes, at);
      const size = read16(bytes, at + 2);
      at += ATTRIBUTE_HEAD_BYTES;
      if (size > end - at) return STUN_NONE;
      if (attribute === ERROR_CODE && type === BINDING_ERROR && size >= 4)
        this.status = (bytes[at + 2] & 7) * 100 + (bytes[at + 3] % 100);
      // The first one counts. RFC 8489 §14
      else if (attribute === XOR_MAPPED_ADDRESS && found !== STUN_ADDRESS) {
        if (this.readAddress(bytes, at, size)) found = STUN_ADDRESS;
      } else if (isUnknown(attribute)) return STUN_USELESS;
      at += (size + 3) & ~3;
    }
    return type === BINDING_ERROR ? STUN_REFUSED : found;
  }

  /** @returns whether it is an IPv4 address, and a port that can be sent to */
  private readAddress(bytes: Uint8Array, at: number, size: number): boolean {
    if (size !== IPV4_BYTES || bytes[at + 1] !== IPV4) return false;
    this.port = read16(bytes, at + 2) ^ COOKIE_HIGH;
    this.ip = (read16(bytes, at + 4) ^ COOKIE_HIGH) * 65536 + (read16(bytes, at + 6) ^ COOKIE_LOW);
    return this.port > 0;
  }

  private isAsked(bytes: Uint8Array, start: number): boolean {
    let difference = 0;
    for (let i = ID_AT; i < STUN_HEADER_BYTES; i++) difference |= bytes[start + i] ^ this.request[i];
    return difference === 0;
  }
}

/** Whether `bytes[start, end)` has the header of a STUN message, and ends where that says. RFC 8489 §5, §7.3 */
export function isStun(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start;
  if (size < STUN_HEADER_BYTES || size > LONGEST_BYTES || (bytes[start] & 0xc0) !== 0) return false;
  const length = read16(bytes, start + 2);
  if ((length & 3) !== 0 || STUN_HEADER_BYTES + length !== size) return false;
  return read16(bytes, start + 4) === COOKIE_HIGH && read16(bytes, start + 6) === COOKIE_LOW;
}

/** Whether it is a Binding request, which may be answered. */
export function isBindingRequest(bytes: Uint8Array, start: number, end: number): boolean {
  return isStun(bytes, start, end) && read16(bytes, start) === BINDING_REQUEST;
}

/** Octets of `writeBindingAnswer`. */
export const STUN_ANSWER_BYTES = STUN_HEADER_BYTES + ATTRIBUTE_HEAD_BYTES + IPV4_BYTES;

/** Writes the answer to the Binding request at `bytes[start…)` to the start of `out`: where its sender is seen. */
export function writeBindingAnswer(out: Uint8Array, bytes: Uint8Array, start: number, ip: number, port: number): void {
  write16(out, 0, BINDING_SUCCESS);
  write16(out, 2, STUN_ANSWER_BYTES - STUN_HEADER_BYTES);
  write16(out, 4, COOKIE_HIGH);
  write16(out, 6, COOKIE_LOW);
  copyOctets(out, ID_AT, bytes, start + ID_AT, start + ID_AT + ID_BYTES);
  const at = STUN_HEADER_BYTES;
  write16(out, at, XOR_MAPPED_ADDRESS);
  write16(out, at + 2, IPV4_BYTES);
  write16(out, at + 4, IPV4);
  write16(out, at + 6, port ^ COOKIE_HIGH);
  write16(out, at + 8, (ip >>> 16) ^ COOKIE_HIGH);
  write16(out, at + 10, (ip & 0xffff) ^ COOKIE_LOW);
}

/** Whether an answer with that attribute must not be believed. RFC 8489 §6.3.3 */
function isUnknown(attribute: number): boolean {
  return (
    attribute < OPTIONAL && attribute > KNOWN_MOST && KNOWN.indexOf(attribute) < 0 && attribute !== XOR_MAPPED_ADDRESS
  );
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function write16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >> 8;
  out[at + 1] = value;
}
