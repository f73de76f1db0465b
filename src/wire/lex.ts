/**
 * The lexical rules that all values of SIP share (RFC 3261 §25.1): token, linear white space, quoted-string, line ends.
 * Functions take and return offsets. They know no header field, and read nothing at or behind `end`.
 *
 * The readers of values work on the raw octets of a message, without a first pass that looks for the end of the line:
 * every scan stops at a control octet, `skipSpace` steps over line folding, and the next octet is the end of the value
 * or an error.
 *
 * Files with inner loops have octets as constants of their own: V8 loads and checks an imported one each time it is
 * used.
 */

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const GREATER = 0x3e;
const BACKSLASH = 0x5c;

// Octets that end a scan: one bit for each set, so that one table and one loop serve all.
/** Octets that are not in a token. RFC 3261 §25.1 */
export const STOP_TOKEN = 1;
/**
 * Octets that are not in a parameter's name or unquoted value. Others are accepted, for IPv6 addresses and odd tags.
 */
export const STOP_WORD = 2;
/** Octets that are not in a URI in a header field. */
export const STOP_URI = 4;
/** Octets that end a display name without quotes, or a bare URI. */
export const STOP_DISPLAY = 8;
/** White space and control octets. */
export const STOP_SPACE = 16;
/** Control octets: HT, line ends and forbidden ones. */
export const STOP_CONTROL = 32;
/** Octets that are no decimal digit. */
export const STOP_DIGITS = 64;
/** The question mark, which is checked in a Request-URI. */
export const STOP_QUESTION = 128;

/** Octets that end a quoted string or need a closer look in it. */
export const STOP_QUOTED = 256;

/** What ends an element of a list, or hides such an end: a comma, a quote and "<". */
export const STOP_ELEMENT = 512;

/** What ends a user in a URI or needs a closer look in it: "@", ":", "%", and what cannot stand in a URI. */
export const STOP_USER = 1024;
/** What ends a host's name. "_" is not in the grammar, but in names that are in use. */
export const STOP_HOST = 2048;
/** What ends the parameters of a URI: a question mark, and what cannot stand in a URI. */
export const STOP_URI_PARAMS = 4096;
/**
 * What cannot stand in a URI: a control, a space, or what delimits the fields it stands in. UTF-8 is let through as it
 * is.
 */
export const STOP_NO_URI = 8192;

/** The bits of each octet. */
export const STOPS = stopsOf();

function stopsOf(): Uint16Array {
  const table = new Uint16Array(256);
  markAll(table, 0, 0x1f, STOP_WORD | STOP_URI | STOP_DISPLAY | STOP_SPACE | STOP_CONTROL | STOP_QUOTED);
  markAll(table, 0x20, 0x20, STOP_WORD | STOP_URI | STOP_SPACE);
  markAll(table, 0, 0xff, STOP_TOKEN | STOP_DIGITS | STOP_HOST);
  markAll(table, 0, 0x20, STOP_USER | STOP_URI_PARAMS | STOP_NO_URI);
  markEach(table, '"<>\x7f', STOP_USER | STOP_URI_PARAMS | STOP_NO_URI);
  markEach(table, "@:%", STOP_USER);
  markEach(table, "?", STOP_URI_PARAMS);
  markEach(table, '",;=', STOP_WORD);
  markEach(table, '"<>', STOP_URI);
  markEach(table, '",;<>', STOP_DISPLAY);
  markEach(table, '",<', STOP_ELEMENT);
  markEach(table, "?", STOP_QUESTION);
  markEach(table, '"\\', STOP_QUOTED);
  for (let i = 0x30; i <= 0x39; i++) table[i] &= ~(STOP_TOKEN | STOP_DIGITS | STOP_HOST);
  for (let i = 0x41; i <= 0x5a; i++) {
    table[i] &= ~(STOP_TOKEN | STOP_HOST);
    table[i | 0x20] &= ~(STOP_TOKEN | STOP_HOST);
  }
  for (const mark of [0x2d, 0x2e, 0x5f]) table[mark] &= ~STOP_HOST;
  const marks = "-.!%*_+`'~";
  for (let i = 0; i < marks.length; i++) table[marks.charCodeAt(i)] &= ~STOP_TOKEN;
  return table;
}

function markAll(table: Uint16Array, from: number, to: number, stops: number): void {
  for (let i = from; i <= to; i++) table[i] |= stops;
}

function markEach(table: Uint16Array, octets: string, stops: number): void {
  for (let i = 0; i < octets.length; i++) table[octets.charCodeAt(i)] |= stops;
}

// V8 treats a constant as one only if it is not exported.
const KINDS = STOPS;
const ELEMENT = STOP_ELEMENT;

/** @returns the first offset from `at` whose octet is one of `stops` (STOP_*), or `end` */
export function scan(bytes: Uint8Array, at: number, end: number, stops: number): number {
  const kinds = KINDS;
  let i = at;
  // Four octets a turn: on V8 and on XS the turn itself costs as much as an octet.
  const last = end - 3;
  while (i < last) {
    if ((kinds[bytes[i]] & stops) !== 0) return i;
    if ((kinds[bytes[i + 1]] & stops) !== 0) return i + 1;
    if ((kinds[bytes[i + 2]] & stops) !== 0) return i + 2;
    if ((kinds[bytes[i + 3]] & stops) !== 0) return i + 3;
    i += 4;
  }
  while (i < end && (kinds[bytes[i]] & stops) === 0) i += 1;
  return i;
}

/** @returns the first offset from `at` that is neither white space nor line folding; it stays before a line end */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end) {
    const octet = bytes[i];
    if (octet > SPACE) return i;
    if (octet === SPACE || octet === TAB) i += 1;
    else {
      const next = behindFold(bytes, i, end);
      if (next < 0) return i;
      i = next;
    }
  }
  return i;
}

/**
 * Whether a line that is not folded ends at `at`, with CRLF and something behind it. That is nearly always so, and
 * quickly checked.
 */
export function isPlainEnd(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 2 >= end || bytes[at] !== CR || bytes[at + 1] !== LF) return false;
  return bytes[at + 2] !== SPACE && bytes[at + 2] !== TAB;
}

/**
 * @returns the offset behind the line end at `at` when the line is folded there (the next one begins with white space),
 * or -1
 */
export function behindFold(bytes: Uint8Array, at: number, end: number): number {
  const next = behindLineEnd(bytes, at, end);
  return next >= 0 && next < end && (bytes[next] === SPACE || bytes[next] === TAB) ? next + 1 : -1;
}

/** @returns the offset behind CRLF or a lone LF at `at`, or -1 when neither is there */
export function behindLineEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  if (bytes[at] === LF) return at + 1;
  return bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF ? at + 2 : -1;
}

/** @returns `end` moved back over white space and folding, at least `start` */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = end;
  while (i > start) {
    const octet = bytes[i - 1];
    if (octet !== SPACE && octet !== TAB && octet !== CR && octet !== LF) break;
    i -= 1;
  }
  return i;
}

/**
 * Skips a quoted string from the opening quote at `at`. A backslash takes the next octet in, whatever it is, but never
 * a line end.
 * @returns the offset behind the closing quote, or -1 when there is none before the end of the line, or a control octet
 */
export function skipQuoted(bytes: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end) {
    const octet = bytes[i];
    if (octet === QUOTE) return i + 1;
    if (octet === BACKSLASH) {
      if (i + 1 < end && (bytes[i + 1] === CR || bytes[i + 1] === LF)) return -1;
      i += 2;
    } else if (octet >= SPACE || octet === TAB) i += 1;
    else {
      i = behindFold(bytes, i, end);
      if (i < 0) return -1;
    }
  }
  return -1;
}

/** @returns the offset of the comma that ends the element at `at`, or `end`; -1 when a quote or `<` is never closed */
export function elementEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  let octet = 0;
  while (i < end) {
    octet = bytes[i];
    if ((KINDS[octet] & ELEMENT) === 0) i += 1;
    else if (octet === COMMA) return i;
    else if (octet === QUOTE) {
      i = skipQuoted(bytes, i, end);
      if (i < 0) return -1;
    } else {
      // What stands in "<>" parts nothing.
      while (i < end && bytes[i] !== GREATER) i += 1;
      if (i >= end) return -1;
      i += 1;
    }
  }
  return end;
}

/** @returns the value of a hexadecimal digit, -1 when it is none */
export function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
