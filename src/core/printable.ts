/**
 * Makes text from outside fit for a terminal and a log: characters that could steer one are replaced or escaped. These
 * are control characters (C0, DEL, C1), line and paragraph separators, marks that turn the direction of writing, and
 * halves of surrogate pairs. The results are for people; they allocate.
 */

import { isPlain } from "./octets.js";

/** How many characters of a text that was given are shown where it is refused. */
export const SHOWN_MOST = 60;
const HEX = "0123456789abcdef";

/**
 * @returns whether the character at `index` could steer a terminal, end a line, turn the direction of writing, or is
 * half of a pair
 */
export function isSteering(value: string, index: number): boolean {
  const code = value.charCodeAt(index);
  if (code < 0x7f) return code < 0x20;
  if (code < 0xa0) return true;
  if (code < 0x61c) return false;
  if (code >= 0xd800 && code < 0xe000) return isHalf(value, index, code);
  return (
    code === 0x61c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  );
}

/** @returns whether a character of `value` is one that `isSteering` names */
export function hasSteering(value: string): boolean {
  if (isPlain(value)) return false;
  for (let i = 0; i < value.length; i++) if (isSteering(value, i)) return true;
  return false;
}

/** @param most characters to show, the rest is cut off with an ellipsis; 0 shows all */
export function printable(value: string, most = 0): string {
  if ((most === 0 || value.length <= most) && isPlain(value)) return value;
  let out = "";
  let length = most > 0 && value.length > most ? most : value.length;
  // A pair is not cut in the middle.
  if (length < value.length && isLead(value.charCodeAt(length - 1))) length -= 1;
  for (let i = 0; i < length; i++) out += isSteering(value, i) ? "?" : value.charAt(i);
  return length < value.length ? out + "\u2026" : out;
}

/**
 * The text with steering characters as `\xNN` or `\uNNNN`, and with `\\` and `\"`: nothing is lost, and nothing looks
 * like the end of the text.
 */
export function escaped(value: string): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (c === "\\" || c === '"') out += "\\" + c;
    else if (isSteering(value, i)) out += steeringEscape(value.charCodeAt(i));
    else out += c;
  }
  return out;
}

/** Writes `\xNN`, or `\uNNNN` for a character beyond one octet. */
export function steeringEscape(code: number): string {
  return code < 0x100 ? "\\x" + hex(code, 2) : unicodeEscape(code);
}

/** Writes `\uNNNN`, as JSON has it (RFC 8259 §7). */
export function unicodeEscape(code: number): string {
  return "\\u" + hex(code, 4);
}

function hex(code: number, digits: number): string {
  let out = "";
  for (let shift = 4 * digits - 4; shift >= 0; shift -= 4) out += HEX.charAt((code >> shift) & 15);
  return out;
}

function isLead(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isHalf(value: string, index: number, code: number): boolean {
  if (isLead(code)) {
    const next = index + 1 < value.length ? value.charCodeAt(index + 1) : 0;
    return next < 0xdc00 || next >= 0xe000;
  }
  return index === 0 || !isLead(value.charCodeAt(index - 1));
}
