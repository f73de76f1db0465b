/**
 * Reads escapes in URIs (`%41`), and the `name=value` components of their parameters and headers. RFC 3261 §19.1.2,
 * §19.1.4
 */
import { lower, type Span } from "../core/bytes.js";
import { hexDigit } from "./lex.js";

const PERCENT = 0x25;
const EQUALS = 0x3d;

/**
 * Finds name[=value] between separators, by the name `name[wantedStart, wantedEnd)` without case and escapes.
 * @returns whether it is there
 */
export function component(
  bytes: Uint8Array,
  start: number,
  end: number,
  separator: number,
  name: Uint8Array,
  wantedStart: number,
  wantedEnd: number,
  out: Span,
): boolean {
  let i = start;
  while (i < end) {
    if (bytes[i] === separator) {
      i += 1;
      continue;
    }
    const nameStart = i;
    while (i < end && bytes[i] !== EQUALS && bytes[i] !== separator) i += 1;
    const nameEnd = i;
    let valueStart = i;
    if (i < end && bytes[i] === EQUALS) valueStart = ++i;
    while (i < end && bytes[i] !== separator) i += 1;
    if (equalEscaped(bytes, nameStart, nameEnd, name, wantedStart, wantedEnd, true)) {
      out.set(bytes, valueStart, i);
      return true;
    }
  }
  return false;
}

/**
 * Whether two texts are equal with their escapes read: `%61` is `a`, but an escaped reserved octet is not the octet
 * itself (RFC 3261 §19.1.4).
 * @param anyCase letters are compared without case
 */
export function equalEscaped(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
  anyCase: boolean,
): boolean {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    let x = a[i];
    let y = b[j];
    if (x === PERCENT) x = escaped(a, i, aEnd);
    if (y === PERCENT) y = escaped(b, j, bEnd);
    i += a[i] === PERCENT && x !== PERCENT ? 3 : 1;
    j += b[j] === PERCENT && y !== PERCENT ? 3 : 1;
    if (x !== y && !(anyCase && lower(x) === lower(y))) return false;
  }
  return i >= aEnd && j >= bEnd;
}

/** @returns the octet of the escape at `at`, plus 256 when it is reserved; PERCENT when there is no escape */
function escaped(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 >= end) return PERCENT;
  const high = hexDigit(bytes[at + 1]);
  const low = hexDigit(bytes[at + 2]);
  if (high < 0 || low < 0) return PERCENT;
  const octet = high * 16 + low;
  return isReserved(octet) || octet === PERCENT ? octet + 256 : octet;
}

/**
 * Writes `bytes[start, end)` without its escapes to `out` from `at`. A `%` without two digits stays as it is.
 * @returns the offset behind the last octet, or -1 when it does not fit
 */
// biome-ignore lint/suspicious/noShadowRestrictedNames: XS and RFC 3986 have the word; the old global takes strings
export function unescape(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  let to = at;
  for (let i = start; i < end; i++) {
    let octet = bytes[i];
    if (octet === PERCENT && i + 2 < end) {
      const high = hexDigit(bytes[i + 1]);
      const low = hexDigit(bytes[i + 2]);
      if (high >= 0 && low >= 0) {
        octet = high * 16 + low;
        i += 2;
      }
    }
    if (to >= out.length) return -1;
    out[to++] = octet;
  }
  return to;
}

/** Whether an octet is reserved: one of ;/?:@&=+$, by RFC 2396 §2.2, as RFC 3261 §25.1 has it. */
function isReserved(octet: number): boolean {
  return (
    octet === 0x3b ||
    octet === 0x2f ||
    octet === 0x3f ||
    octet === 0x3a ||
    octet === 0x40 ||
    octet === 0x26 ||
    octet === 0x3d ||
    octet === 0x2b ||
    octet === 0x24 ||
    octet === 0x2c
  );
}
