/**
 * Digits in the body of an INFO request: `application/dtmf-relay` and `audio/telephone-event` ("Signal=5",
 * "Duration=160"), and `application/dtmf` ("5"). Either form is taken under each of the names, alone or as a part of a
 * multipart body.
 */
import { octets, parseUint, Span } from "../core/bytes.js";
import { BODY_FOUND, BODY_NONE, findBody } from "../wire/body.js";
import type { Message } from "../wire/message.js";

const DTMF_RELAY = octets("application/dtmf-relay");
const TELEPHONE_EVENT = octets("audio/telephone-event");
const DTMF = octets("application/dtmf");
const TYPES: readonly Uint8Array[] = [DTMF, DTMF_RELAY, TELEPHONE_EVENT];
const SIGNAL = octets("signal");
const DURATION = octets("duration");
const DEFAULT_DURATION_MS = 250;

/** `code` is the digit's ASCII code, -1 when the body holds none. Used anew by each call. */
const digit = { code: -1, durationMs: DEFAULT_DURATION_MS };
const body = new Span();
const name = new Span();

/** @returns what the body says; the same object each time */
export function readInfoDigit(m: Message): { readonly code: number; readonly durationMs: number } {
  digit.code = -1;
  digit.durationMs = DEFAULT_DURATION_MS;
  let found = BODY_NONE;
  for (let i = 0; i < TYPES.length && found !== BODY_FOUND; i++) found = findBody(m, TYPES[i], body);
  if (found !== BODY_FOUND) return digit;
  digit.code = signalOf(body.bytes, body.start, body.end);
  if (digit.code < 0) readRelay(body.bytes, body.start, body.end);
  return digit;
}

function readRelay(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  while (at < end) {
    let lineEnd = at;
    while (lineEnd < end && bytes[lineEnd] !== 13 && bytes[lineEnd] !== 10) lineEnd += 1;
    let equals = at;
    while (equals < lineEnd && bytes[equals] !== 0x3d) equals += 1;
    if (equals < lineEnd) {
      let nameEnd = equals;
      while (nameEnd > at && isSpace(bytes[nameEnd - 1])) nameEnd -= 1;
      let nameStart = at;
      while (nameStart < nameEnd && isSpace(bytes[nameStart])) nameStart += 1;
      name.set(bytes, nameStart, nameEnd);
      if (name.isToken(SIGNAL)) digit.code = signalOf(bytes, equals + 1, lineEnd);
      else if (name.isToken(DURATION)) {
        let valueStart = equals + 1;
        let valueEnd = lineEnd;
        while (valueStart < valueEnd && isSpace(bytes[valueStart])) valueStart += 1;
        while (valueEnd > valueStart && isSpace(bytes[valueEnd - 1])) valueEnd -= 1;
        const durationMs = parseUint(bytes, valueStart, valueEnd, 60000);
        if (durationMs >= 0) digit.durationMs = durationMs;
      }
    }
    at = lineEnd + 1;
  }
}

/**
 * One of 0-9, *, #, A-D; or an event number of two digits, 10 to 15, as some send.
 * @returns its ASCII code, -1 for anything else
 */
function signalOf(bytes: Uint8Array, start: number, end: number): number {
  let from = start;
  let to = end;
  while (from < to && isSpace(bytes[from])) from += 1;
  while (to > from && isSpace(bytes[to - 1])) to -= 1;
  if (to - from === 1) {
    const c = bytes[from];
    if ((c >= 0x30 && c <= 0x39) || c === 0x2a || c === 0x23 || (c >= 0x41 && c <= 0x44)) return c;
    return c >= 0x61 && c <= 0x64 ? c - 32 : -1;
  }
  const event = to - from === 2 ? parseUint(bytes, from, to, 15) : -1;
  if (event === 10) return 0x2a;
  if (event === 11) return 0x23;
  return event >= 12 ? 0x41 + event - 12 : -1;
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || octet === 9 || octet === 13 || octet === 10;
}
