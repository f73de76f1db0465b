/**
 * Compares hosts and users (RFC 3261 §19.1.4); every check of an identity uses these functions. Letter case in a host,
 * an escape, and the dot at the end of a full domain name make no difference.
 * Not here: whether two URIs name the same user (`Uri.isSameUser`) or mean the same resource (`Uri.equals`), and DNS.
 */
import { parseIPv4 } from "../core/address.js";
import { equalNoCase } from "../core/bytes.js";
import { hexDigit } from "./lex.js";

const DOT = 0x2e;
const PERCENT = 0x25;
const NINE = 0x39;

/** @returns the end of the host without the dot behind its last label (RFC 1034 §3.1); a lone dot stays */
export function hostEndOf(bytes: Uint8Array, start: number, end: number): number {
  return end - start > 1 && bytes[end - 1] === DOT && bytes[end - 2] !== DOT ? end - 1 : end;
}

/** @returns the IPv4 address that a host is, however it is spelled; -1 for a name */
export function addressOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || bytes[start] > NINE) return -1;
  return parseIPv4(bytes, start, hostEndOf(bytes, start, end));
}

/**
 * Whether two hosts are the same: names without case and without the dot at their end, addresses by their number. Two
 * empty hosts are the same.
 */
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
 * Whether two user parts are the same, with case, and with every escape read. An escaped reserved octet counts as the
 * octet itself, unlike in `Uri.equals`: users are looked up without escapes, so `%2B49` must not pass as another user
 * than `+49`. An escape is two digits behind a `%`; any other `%` is itself.
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

/** As `sameUser`, for telephone numbers, without the separators between digits. RFC 3966 §4 */
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

/** Whether an octet is a visual separator of a number: - . ( ) */
export function isSeparator(octet: number): boolean {
  return octet === 0x2d || octet === 0x2e || octet === 0x28 || octet === 0x29;
}

/** @returns the octet of the escape at `at`, -1 when there is none */
function escapedAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== PERCENT || at + 2 >= end) return -1;
  const high = hexDigit(bytes[at + 1]);
  const low = hexDigit(bytes[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
