/**
 * The few lexical rules that all of SIP's values share (RFC 3261 §25.1): token, linear white space, quoted-string, numbers.
 * Offsets in, offsets out. Nothing here knows a header field, and nothing reads at or behind `end`.
 *
 * CR and LF count as white space here: the message parser lets them stay in a value only as line folding.
 */

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PERCENT = 0x25;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
export const GREATER = 0x3e;
export const AT = 0x40;
export const BACKSLASH = 0x5c;

/** 1 for the octets of a token, by octet. RFC 3261 §25.1 */
export const TOKEN = new Uint8Array(256);
for (let i = 0x30; i <= 0x39; i++) TOKEN[i] = 1;
for (let i = 0x41; i <= 0x5a; i++) TOKEN[i] = TOKEN[i | 0x20] = 1;
const TOKEN_MARKS = "-.!%*_+`'~";
for (let i = 0; i < TOKEN_MARKS.length; i++) TOKEN[TOKEN_MARKS.charCodeAt(i)] = 1;

export function isSpace(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === CR || octet === LF;
}

/** @returns the first offset from `at` that is not white space, at most `end` */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] <= SPACE && isSpace(bytes[i])) i += 1;
  return i;
}

/** @returns `end` moved back over white space, at least `start` */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = end;
  while (i > start && bytes[i - 1] <= SPACE && isSpace(bytes[i - 1])) i -= 1;
  return i;
}

/** @returns the first offset from `at` whose octet is not of a token */
export function skipToken(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && TOKEN[bytes[i]] === 1) i += 1;
  return i;
}

/** From the opening quote at `at`. @returns the offset behind the closing quote, or -1 when there is none */
export function skipQuoted(bytes: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end) {
    const octet = bytes[i];
    if (octet === QUOTE) return i + 1;
    i += octet === BACKSLASH ? 2 : 1;
  }
  return -1;
}

/** @returns the value of a hexadecimal digit, -1 when it is none */
export function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
