/**
 * Octets four at a time, as 32-bit words over the buffer that datagrams land in: where a line ends, and whether a short constant
 * ("From:", ";branch=z9hG4bK") stands at an offset. The offsets are those of the octets, wherever they fall in a word.
 *
 * Constants are compared as a whole, without a branch for each octet: a processor that guesses wrong where a name ends loses more
 * time than comparing takes. Where there are no words (NO_WORDS), no constant is found: callers then go octet by octet.
 */

import { STOPS } from "./lex.js";

// Own constants: see lex.ts.
const KINDS = STOPS;
const SPACE = 0x20;
const LOWER_CASE = 0x20;
const IS_LITTLE_ENDIAN = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;

export const NO_WORDS = new Int32Array(0);

/** A view of the same octets as words, the first octet of each in the lowest bits; NO_WORDS where they do not lie so. Allocates. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  if (!IS_LITTLE_ENDIAN || (bytes.byteOffset & 3) !== 0) return NO_WORDS;
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

/** `words` are those of `bytes`, or NO_WORDS. @returns the first offset from `at` of an octet below SPACE, or `end` */
export function controlStop(bytes: Uint8Array, words: Int32Array, at: number, end: number): number {
  let i = at;
  while ((i & 3) !== 0) {
    if (i >= end || bytes[i] < SPACE) return i;
    i += 1;
  }
  let w = i >> 2;
  const last = Math.min(end >> 2, words.length) - 1;
  // An octet that is not a control has bit 5 or 6 set; eight a turn. The few others without them (0x80 to 0x9f) are passed below.
  while (w < last) {
    const x = words[w];
    const y = words[w + 1];
    if (((x | (x << 1)) & (y | (y << 1)) & 0x40404040) !== 0x40404040) break;
    w += 2;
  }
  i = w << 2;
  while (i < end && bytes[i] >= SPACE) i += 1;
  return i;
}

/**
 * As `scan` of lex.ts, for stops other than STOP_TOKEN and STOP_DIGITS: letters, digits and what stands next to them in the table
 * of ASCII ("-./" and ":") stop none of those, and are passed four at a time.
 */
export function scanWords(bytes: Uint8Array, words: Int32Array, at: number, end: number, stops: number): number {
  let i = at;
  while ((i & 3) !== 0) {
    if (i >= end || (KINDS[bytes[i]] & stops) !== 0) return i;
    i += 1;
  }
  let w = i >> 2;
  const last = Math.min(end >> 2, words.length);
  while (w < last) {
    const x = words[w];
    const low = x & 0x7f7f7f7f;
    // The upper bit of each octet: set by the first sum from 0x2d on, by the second from 0x3b on, by the shift from 0x40 on.
    if ((((low + 0x53535353) & ~(low + 0x45454545)) | (x << 1) | 0x7f7f7f7f) !== -1) break;
    w += 1;
  }
  i = w << 2;
  while (i < end && (KINDS[bytes[i]] & stops) === 0) i += 1;
  return i;
}

/** The longest constant. */
export const PATTERN_MAX = 16;
// A pattern is four pairs of words: the bits that are set in the octets before they are compared (lower case in letters, which makes
// no other octet a letter; all of them behind the pattern's end), and what the octets have to be then.
const PATTERN_WORDS = 8;

/** A table of patterns; those that are not set match nothing. Made once: allocates. */
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

/** @returns whether the pattern stands at `at`; that it does not reach behind the end of the message is the caller's to know */
export function isPattern(words: Int32Array, at: number, table: Int32Array, index: number): boolean {
  const w = at >> 2;
  if (w + 4 >= words.length) return false;
  const k = index * PATTERN_WORDS;
  // Four octets from anywhere are of two words; `<< 1` by itself, because a shift by 32 is none.
  const down = (at & 3) << 3;
  const up = 31 - down;
  const b = words[w + 1];
  const c = words[w + 2];
  const first = ((words[w] >>> down) | ((b << 1) << up) | table[k]) ^ table[k + 1];
  if ((first | (((b >>> down) | ((c << 1) << up) | table[k + 2]) ^ table[k + 3])) !== 0) return false;
  // Most are not longer than eight octets.
  if (table[k + 4] === -1) return true;
  const d = words[w + 3];
  const third = ((c >>> down) | ((d << 1) << up) | table[k + 4]) ^ table[k + 5];
  return (third | (((d >>> down) | ((words[w + 4] << 1) << up) | table[k + 6]) ^ table[k + 7])) === 0;
}
