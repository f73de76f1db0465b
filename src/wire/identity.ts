/**
 * Whether two names mean the same host or the same user (RFC 3261 §19.1.4): the one comparison for all who ask who somebody is.
 * Neither letters of another case in a host, nor an escape, nor the dot at the end of a full domain name makes another name.
 * Not here: whether two URIs name the same user (`Uri.isSameUser`) or mean the same resource (`Uri.equals`), and DNS.
 */
import { parseIPv4 } from "../core/address.js";
import { equalNoCase } from "../core/bytes.js";
import { hexDigit } from "./lex.js";

const DOT = 0x2e;
const PERCENT = 0x25;
const NINE = 0x39;

/** @returns the end of the host without the dot behind its last label (RFC 1034 §3.1); a dot alone stays */
export function hostEndOf(bytes: Uint8Array, start: number, end: number): number {
  return end - start > 1 && bytes[end - 1] === DOT && bytes[end - 2] !== DOT ? end - 1 : end;
}

/** @returns the IPv4 address that the host is, however it is spelled; -1 for a name */
export function addressOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || bytes[start] > NINE) return -1;
  return parseIPv4(bytes, start, hostEndOf(bytes, start, end));
}

/** Whether two hosts are the same: names without case and without the dot at their end, addresses by their number. No host is the same as no host. */
export function sameHost(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  const aStop = hostEndOf(a, aStart, aEnd);
  const bStop = hostEndOf(b, bStart, bEnd);
  if (equalNoCase(a, aStart, aStop, b, bStart, bStop)) return aStop > aStart;
  const ip = addressOf(a, aStart, aStop);
  return ip >= 0 && ip === addressOf(b, bStart, bStop);
}

/**
 * Whether two user parts are the same: with case, every escape read. An escaped reserved octet counts as the octet itself, other than
 * in `Uri.equals`: whoever looks a user up reads the name without escapes, and `%2B49` must not pass as another than `+49`.
 * An escape is two digits behind a `%`; any other `%` is itself.
 */
export function sameUser(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    const x = escapedAt(a, i, aEnd);
    const y = escapedAt(b, j, bEnd);
    if ((x < 0 ? a[i] : x) !== (y < 0 ? b[j] : y)) return false;
    i += x < 0 ? 1 : 3;
    j += y < 0 ? 1 : 3;
  }
  return i >= aEnd && j >= bEnd;
}

/** As `sameUser`, of telephone numbers: what people write between digits does not count. RFC 3966 §4 */
export function sameNumber(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  let i = aStart;
  let j = bStart;
  for (;;) {
    while (i < aEnd && isSeparator(a[i])) i += 1;
    while (j < bEnd && isSeparator(b[j])) j += 1;
    if (i >= aEnd || j >= bEnd) return i >= aEnd && j >= bEnd;
    const x = escapedAt(a, i, aEnd);
    const y = escapedAt(b, j, bEnd);
    if ((x < 0 ? a[i] : x) !== (y < 0 ? b[j] : y)) return false;
    i += x < 0 ? 1 : 3;
    j += y < 0 ? 1 : 3;
  }
}

/** The visual separators of a number: - . ( ) */
export function isSeparator(octet: number): boolean {
  return octet === 0x2d || octet === 0x2e || octet === 0x28 || octet === 0x29;
}

/** @returns the octet that the escape at `at` stands for, -1 when none is there */
function escapedAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== PERCENT || at + 2 >= end) return -1;
  const high = hexDigit(bytes[at + 1]);
  const low = hexDigit(bytes[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
