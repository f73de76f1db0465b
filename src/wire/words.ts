/**
 * Octets four at a time, through a DataView over the buffer that datagrams land in: where a line ends, and whether a short constant
 * ("From:", ";branch=z9hG4bK") stands at an offset. Offsets are those of the octets; they need not be multiples of four.
 *
 * Constants are compared as a whole, without a branch for each octet: a processor that guesses wrong where a name ends loses more
 * time than comparing takes, and an interpreter has a quarter of the instructions.
 */

import { STOPS } from "./lex.js";

// Own constants: see lex.ts.
const KINDS = STOPS;
const SPACE = 0x20;
const LOWER_CASE = 0x20;

/** The view of the same octets that all functions here are given beside them. Allocates. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** @returns the first offset from `at` of an octet below SPACE, or `end` */
export function controlStop(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  let i = at;
  let x = 0;
  let y = 0;
  const last = end - 8;
  // An octet that is not a control has bit 5 or 6 set; eight a turn. The few others without them (0x80 to 0x9f) are passed below.
  while (i <= last) {
    x = view.getInt32(i, true);
    y = view.getInt32(i + 4, true);
    if (((x | (x << 1)) & (y | (y << 1)) & 0x40404040) !== 0x40404040) break;
    i += 8;
  }
  while (i < end && bytes[i] >= SPACE) i += 1;
  return i;
}

/**
 * As `scan` of lex.ts, for stops other than STOP_TOKEN and STOP_DIGITS: letters, digits and what stands next to them in the table
 * of ASCII ("-./" and ":") stop none of those, and are passed four at a time.
 */
export function scanWords(bytes: Uint8Array, view: DataView, at: number, end: number, stops: number): number {
  let i = at;
  let x = 0;
  let low = 0;
  const last = end - 4;
  while (i <= last) {
    x = view.getInt32(i, true);
    low = x & 0x7f7f7f7f;
    // The upper bit of each octet: set by the first sum from 0x2d on, by the second from 0x3b on, by the shift from 0x40 on.
    if ((((low + 0x53535353) & ~(low + 0x45454545)) | (x << 1) | 0x7f7f7f7f) !== -1) break;
    i += 4;
  }
  while (i < end && (KINDS[bytes[i]] & stops) === 0) i += 1;
  return i;
}

/** Four characters of ASCII as `getInt32(at, true)` reads them. */
export function word(text: string): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | text.charCodeAt(i);
  return value;
}

/** The longest constant. */
export const PATTERN_MAX = 16;
// A pattern is four pairs of words: the bits that are set in the octets before they are compared (lower case in letters, which makes
// no other octet a letter; all of them behind the pattern's end), and what the octets have to be then.
const PATTERN_WORDS = 8;

/**
 * A table of patterns, for `(getInt32(at + 4 * n, true) | table[8 * index + 2 * n]) === table[8 * index + 2 * n + 1]`, n from 0 to 3;
 * where the first of the two is -1 the pattern has ended. Those that are not set match nothing. Made once: allocates.
 */
export function patterns(count: number): Int32Array {
  const table = new Int32Array(count * PATTERN_WORDS);
  for (let i = 0; i < table.length; i += 2) table[i] = -1;
  return table;
}

/** Sets a pattern to `octets`, letters in either case unless `isExact`; longer ones than PATTERN_MAX stay unset. */
export function setPattern(table: Int32Array, index: number, octets: Uint8Array, isExact: boolean): void {
  if (octets.length > PATTERN_MAX) return;
  for (let i = 0; i < PATTERN_MAX; i++) {
    const k = index * PATTERN_WORDS + (i >> 2) * 2;
    const shift = (i & 3) << 3;
    const octet = i < octets.length ? octets[i] : 0xff;
    const isLetter = (octet | LOWER_CASE) >= 0x61 && (octet | LOWER_CASE) <= 0x7a;
    const set = i >= octets.length ? 0xff : isLetter && !isExact ? LOWER_CASE : 0;
    table[k] &= ~((0xff ^ set) << shift);
    table[k + 1] |= (octet | set) << shift;
  }
}
