/**
 * Work that costs by the octet: copying and comparing runs of octets, and texts from and to UTF-8. On a board the C
 * module hal/native/octets.c takes its place: here each octet costs an interpreter some fifteen bytecodes, and a
 * message has hundreds of octets. The caller checks the offsets.
 */

export { putUtf8, utf8Size } from "./utf8.js";

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const DOT = 0x2e;
const SEMICOLON = 0x3b;
/** The bit that makes a capital letter a small one. */
const CASE = 0x20;

/** Copies `from[start, end)` to `to` from `at` on. The two do not overlap. */
export function copyOctets(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i];
}

/**
 * Copies as `copyOctets` does, but a part of a message that came from outside. A folded line is joined by one space
 * (RFC 3261 §7.3.1). An escaped NUL is legal in a quoted string (RFC 4475 §3.1.1.2) and becomes a space too, because
 * some receivers end a text there.
 * @returns the offset in `to` behind it, or -1 for any other CR, LF or NUL; then octets may have been written up to
 * there
 */
export function copyUnfolded(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  let j = at;
  for (let i = start; i < end; i++) {
    const octet = from[i];
    if (octet === CR || octet === LF) {
      let next = i + 1;
      if (octet === CR && next < end && from[next] === LF) next += 1;
      if (next >= end || (from[next] !== SPACE && from[next] !== TAB)) return -1;
      while (next < end && (from[next] === SPACE || from[next] === TAB)) next += 1;
      to[j++] = SPACE;
      i = next - 1;
    } else if (octet === 0) {
      if (i === start || from[i - 1] !== BACKSLASH) return -1;
      to[j++] = SPACE;
    } else to[j++] = octet;
  }
  return j;
}

/** @returns whether `count` octets of `a` from `aStart` and of `b` from `bStart` are the same */
export function areSame(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** Compares as `areSame` does, but ASCII letters without case. */
export function areAlike(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const x = a[aStart + i];
    const y = b[bStart + i];
    if (x !== y && lower(x) !== lower(y)) return false;
  }
  return true;
}

/** @returns the offset of the first `octet` in `bytes[at, end)`, or -1 */
export function findOctet(bytes: Uint8Array, at: number, end: number, octet: number): number {
  for (let i = at; i < end; i++) if (bytes[i] === octet) return i;
  return -1;
}

/** @returns the offset of the first octet in `bytes[at, end)` that is at most `most`, or one of `marks`; or `end` */
export function findMark(bytes: Uint8Array, at: number, end: number, most: number, marks: Uint8Array): number {
  let i = at;
  while (i < end && bytes[i] > most) {
    for (let k = 0; k < marks.length; k++) if (bytes[i] === marks[k]) return i;
    i += 1;
  }
  return i;
}

/**
 * Skips the lines, each up to its LF, that begin with none of `letters`.
 * @param at the beginning of a line @param letters small letters, whose bit of case the text need not have; so CR is
 * found as "-" and LF as "*"
 * @returns the offset of the first line that begins with one of them, or `end`
 */
export function findLine(bytes: Uint8Array, at: number, end: number, letters: Uint8Array): number {
  let i = at;
  while (i < end) {
    for (let k = 0; k < letters.length; k++) if ((bytes[i] | CASE) === letters[k]) return i;
    i = findOctet(bytes, i, end, LF) + 1;
    if (i === 0) return end;
  }
  return end;
}

/**
 * Writes two small hexadecimal digits for each octet of `from[start, end)` to `to` from `at` on. Both may be one array
 * if the octets end where the digits do.
 */
export function putHex(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  for (let i = start, j = at; i < end; i++) {
    to[j++] = hexDigitOf(from[i] >> 4);
    to[j++] = hexDigitOf(from[i] & 15);
  }
}

function hexDigitOf(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/** Writes the low `count` hexadecimal digits of `value`, small, to `to` from `at` on. */
export function putDigits(to: Uint8Array, at: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) to[at + i] = hexDigitOf((value >>> (4 * (count - 1 - i))) & 15);
}

/**
 * Whether `token` is, without case, one of the values of a list in `bytes[at, end)`: commas part them, white space
 * around them and what follows a semicolon do not count.
 */
export function hasToken(bytes: Uint8Array, at: number, end: number, token: Uint8Array): boolean {
  let i = at;
  while (i < end) {
    while (i < end && isBlank(bytes[i])) i += 1;
    const start = i;
    while (i < end && bytes[i] !== COMMA && bytes[i] !== SEMICOLON) i += 1;
    let stop = i;
    while (stop > start && isBlank(bytes[stop - 1])) stop -= 1;
    if (stop - start === token.length && areAlike(bytes, start, token, 0, token.length)) return true;
    while (i < end && bytes[i] !== COMMA) i += 1;
    i += 1;
  }
  return false;
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === CR || octet === LF;
}

/** Writes a number from 0 to 2^32 - 1 in decimal to `to[at, limit)`. @returns the offset behind it, -1: no room */
export function putDecimal(to: Uint8Array, at: number, limit: number, value: number): number {
  let end = at + 1;
  for (let most = 10; most <= value; most *= 10) end += 1;
  if (end > limit) return -1;
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    to[i] = rest - tens * 10 + 0x30;
    rest = tens;
  }
  return end;
}

/** Writes an IPv4 address in dotted form to `to[at, limit)`. @returns the offset behind it, -1: no room */
export function putDotted(to: Uint8Array, at: number, limit: number, address: number): number {
  let end = at;
  for (let shift = 24; shift >= 0; shift -= 8) {
    end = putDecimal(to, end, limit, (address >>> shift) & 255);
    if (end < 0 || shift === 0) return end;
    if (end >= limit) return -1;
    to[end++] = DOT;
  }
  return end;
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}

/** @returns whether all characters of `value` are printable ASCII */
export function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** @returns the text of the octets if all are ASCII and none is NUL, otherwise null */
export function asciiText(bytes: Uint8Array, start: number, end: number): string | null {
  let out = "";
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0 || bytes[i] >= 0x80) return null;
    out += String.fromCharCode(bytes[i]);
  }
  return out;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** @returns `bytes[start, end)` in base64. RFC 4648 §4 */
export function base64Text(bytes: Uint8Array, start: number, end: number): string {
  let out = "";
  for (let i = start; i < end; i += 3) {
    const left = end - i;
    const word = (bytes[i] << 16) | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    out += DIGITS.charAt(word >>> 18) + DIGITS.charAt((word >>> 12) & 63);
    out += left > 1 ? DIGITS.charAt((word >>> 6) & 63) : "=";
    out += left > 2 ? DIGITS.charAt(word & 63) : "=";
  }
  return out;
}

/** Steps of the CRC-32 of ISO 3309, by four bits of the octet. */
const CRC_STEPS: readonly number[] = [
  0, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344,
  0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
];

/**
 * Continues a CRC-32 over `bytes[start, end)`. @param crc begins as -1 @returns a signed integer, whose complement is
 * the CRC
 */
export function crcOf(bytes: Uint8Array, start: number, end: number, crc: number): number {
  let sum = crc;
  for (let i = start; i < end; i++) {
    sum ^= bytes[i];
    sum = (sum >>> 4) ^ CRC_STEPS[sum & 15];
    sum = (sum >>> 4) ^ CRC_STEPS[sum & 15];
  }
  return sum | 0;
}
