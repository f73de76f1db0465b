/**
 * Writes JSON (RFC 8259) piece by piece into the octets of a writer: texts with the escapes they need, and an event
 * with its fields. Texts that others chose are cut, so that the length of a message has a bound. Not here: reading
 * JSON.
 */
import { octets } from "../core/bytes.js";
import { isPlain } from "../core/octets.js";
import { isSteering, printable, unicodeEscape } from "../core/printable.js";
import type { Writer } from "../wire/writer.js";

/** Characters of a text; the rest is cut off with an ellipsis. */
const TEXT_MOST = 120;
/** Octets kept free behind the fields for the end of the message. */
const TAIL_BYTES = 16;
const QUOTE = '"';
const BACKSLASH = "\\";
const CUT = octets(',"cut":true');

/** Writes a text with its quotes. Characters that could steer a terminal are escaped too. */
export function writeText(w: Writer, value: string): void {
  const text = printable(value, TEXT_MOST);
  w.octet(0x22);
  if (isPlain(text) && text.indexOf(QUOTE) < 0 && text.indexOf(BACKSLASH) < 0) w.text(text);
  else writeEscaped(w, text);
  w.octet(0x22);
}

function writeEscaped(w: Writer, text: string): void {
  let plainFrom = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    const mark = c === QUOTE || c === BACKSLASH ? BACKSLASH + c : "";
    const written = mark === "" && isSteering(text, i) ? unicodeEscape(text.charCodeAt(i)) : mark;
    if (written === "") continue;
    w.text(text.slice(plainFrom, i));
    w.text(written);
    plainFrom = i + 1;
  }
  w.text(text.slice(plainFrom));
}

/**
 * Writes `,"name":value` for each field. If there is no room for all, `,"cut":true` stands in place of the rest.
 * @param isCut fields are missing already
 */
export function writeFields(w: Writer, fields: Readonly<Record<string, string | number>>, isCut: boolean): void {
  const names = Object.keys(fields);
  const { limit } = w;
  w.limit = limit - TAIL_BYTES;
  for (let i = 0; i < names.length && w.ok; i++) {
    const { at } = w;
    const value = fields[names[i]];
    w.octet(0x2c);
    writeText(w, names[i]);
    w.octet(0x3a);
    if (typeof value === "number") w.text("" + value);
    else writeText(w, value);
    if (w.ok) continue;
    w.rewind(at);
    w.limit = limit;
    w.put(CUT);
    return;
  }
  w.limit = limit;
  if (isCut) w.put(CUT);
}
