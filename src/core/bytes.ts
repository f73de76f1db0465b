/**
 * Octets: the few things every layer does with them. No copies, no strings on a packet's way; the two functions that
 * make a string (`text`) or an array (`octets`) are for start-up, settings and people.
 */
import { areAlike, areSame, asciiText, putUtf8, utf8Size } from "./octets.js";
import * as byHand from "./utf8.js";

/** The largest number that a field of 32 bits can have; that of Expires, RSeq and others. */
export const UINT32_MOST = 0xffffffff;

/**
 * A piece of octets that belong to another object: `bytes[start, end)`. The one that fills it says how long the octets
 * stay.
 */
export class Span {
  bytes: Uint8Array = NONE;
  start = 0;
  end = 0;

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  clear(): void {
    this.set(NONE, 0, 0);
  }

  /** @returns length in octets; 0 for an empty piece */
  size(): number {
    return this.end - this.start;
  }

  is(constant: Uint8Array): boolean {
    return equal(this.bytes, this.start, this.end, constant, 0, constant.length);
  }

  /** Compares as `is` does, but ASCII letters without case. */
  isToken(constant: Uint8Array): boolean {
    return equalNoCase(this.bytes, this.start, this.end, constant, 0, constant.length);
  }

  equals(other: Span): boolean {
    return equal(this.bytes, this.start, this.end, other.bytes, other.start, other.end);
  }

  /** Makes a string for people and logs; it allocates. */
  toString(): string {
    return text(this.bytes, this.start, this.end);
  }
}

/** An array of no octets. */
export const NONE = new Uint8Array(0);

/**
 * @returns the UTF-8 octets of a text. It allocates and needs no C module, so constants of modules can be made with it
 */
export function octets(value: string): Uint8Array {
  const out = new Uint8Array(byHand.utf8Size(value));
  byHand.putUtf8(out, 0, value);
  return out;
}

/** Does the same as `octets`, at run time: a board's C module takes part. */
export function utf8(value: string): Uint8Array {
  if (value === "") return NONE;
  const out = new Uint8Array(utf8Size(value));
  putUtf8(out, 0, value);
  return out;
}

/** @returns how many octets `value` has in UTF-8; a lone surrogate counts as U+FFFD */
export function utf8Length(value: string): number {
  return utf8Size(value);
}

/**
 * @param units of a piece @param length of `value` @returns the end of the piece that begins at `start`; it never parts
 * the two units of one character
 */
export function pieceEnd(value: string, start: number, units: number, length: number): number {
  const end = start + units;
  if (end >= length) return length;
  const code = value.slice(end, end + 1).charCodeAt(0);
  return code >= 0xdc00 && code < 0xe000 ? end + 1 : end;
}

/** Reads `bytes[start, end)` as UTF-8, broken sequences as U+FFFD. It allocates, so it is for people and logs. */
export function text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const ascii = asciiText(bytes, start, end);
  if (ascii !== null) return ascii;
  let out = "";
  let i = start;
  while (i < end) {
    const lead = bytes[i++];
    if (lead < 0x80) {
      out += String.fromCharCode(lead);
      continue;
    }
    const more =
      lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xc2 && lead < 0xe0 ? 1 : 0;
    let code = lead & (0x3f >> more);
    let taken = 0;
    while (taken < more && i < end && (bytes[i] & 0xc0) === 0x80) {
      code = (code << 6) | (bytes[i++] & 0x3f);
      taken += 1;
    }
    const whole = more > 0 && taken === more;
    out += whole && code < 0x110000 ? String.fromCodePoint(code) : "\ufffd";
  }
  return out;
}

export function equal(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  return aEnd - aStart === bEnd - bStart && areSame(a, aStart, b, bStart, aEnd - aStart);
}

/** Compares as `equal` does, but ASCII letters without case. */
export function equalNoCase(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  return aEnd - aStart === bEnd - bStart && areAlike(a, aStart, b, bStart, aEnd - aStart);
}

export function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}

/**
 * Reads a decimal number that consists of digits only. @returns it, or -1 if it is empty, not a number or over `max`
 * (up to 2^53 - 1)
 */
export function parseUint(bytes: Uint8Array, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > max) return -1;
  }
  return value;
}

/** FNV-1a over the octets, for look-up tables; it keeps no secret. @returns 32 bits as a signed integer */
export function hash(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h;
}

/** @returns the four octets at `at` as a signed number of 32 bits, the first one highest, as in a packet */
export function bigEndianAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
