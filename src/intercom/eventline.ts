/**
 * Writes an event as a line for people: `call ended direction=out reason="Busy Here" code=486`. Name, value and fields
 * have a blank between them; text with blanks or quotes in it stands in quotes, with `\"`, `\\`, `\xNN` and `\uNNNN`
 * for what cannot stand there. So no text of a stranger looks like a field or begins a line, and a program can read the
 * fields back.
 * Not here: what events there are (events.ts), JSON (reply.ts).
 */
import { isPlain } from "../core/octets.js";
import { escaped, hasSteering } from "../core/printable.js";

// Texts used often are made once: in a function each use would make them anew.
const EQUALS = "\\x3d";
const IS = "=";
const BLANK = " ";
const QUOTE = '"';
const BACKSLASH = "\\";
/** Characters that stand before a parameter or header of a URI. */
const PARAMETERS = ";?&";

/**
 * @param value a few words, "" for none
 * @param fields by name, in the order of the line @returns one line without its end
 */
export function eventLine(name: string, value: string, fields: Readonly<Record<string, string | number>>): string {
  // Nearly every text is one word. Asking here keeps the stack low: events are told from deep in it.
  const isPlainWord = isOneWord(value) && value.indexOf(IS) < 0;
  let out = value === "" ? name : name + BLANK + (isPlainWord ? value : wordsText(value));
  const names = Object.keys(fields);
  for (let i = 0; i < names.length; i++) {
    const field = fields[names[i]];
    out += BLANK + names[i] + IS + (typeof field === "number" || isOneWord(field) ? field : fieldText(field));
  }
  return out;
}

/**
 * Whether it has no blank, and nothing that needs to be looked at character by character, which on XS makes garbage of
 * each.
 */
function isOneWord(value: string): boolean {
  return (
    isPlain(value) &&
    value !== "" &&
    value.indexOf(QUOTE) < 0 &&
    value.indexOf(BACKSLASH) < 0 &&
    value.indexOf(BLANK) < 0
  );
}

/** Writes the value of a field as it is, or in quotes when it has a blank or a quote in it. */
export function fieldText(value: string): string {
  if (isOneWord(value)) return value;
  const text = escaped(value);
  if (text === "" || text.indexOf('"') >= 0) return quoted(text);
  for (let i = 0; i < text.length; i++) if (isBlank(text.charCodeAt(i))) return quoted(text);
  return text;
}

/**
 * Escapes `=` behind a word, but for parameters of a URI: a program that only looks for `relay=on` must not find it
 * inside of quotes.
 */
function quoted(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++)
    out += text.charAt(i) === "=" && isBehindWord(text, i) ? EQUALS : text.charAt(i);
  return out + '"';
}

function isBehindWord(text: string, index: number): boolean {
  let i = index - 1;
  while (i >= 0 && isWord(text.charCodeAt(i))) i -= 1;
  return i < 0 || PARAMETERS.indexOf(text.charAt(i)) < 0;
}

function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f
  );
}

/**
 * Writes the value of an event: words with one blank between them, or in quotes when it could be taken for anything
 * else.
 */
export function wordsText(value: string): string {
  if (isOneWord(value) && value.indexOf(IS) < 0) return value;
  let isPlain = !hasSteering(value);
  // There is a blank before the first word, after the last, or a second one between two words.
  let wasSpace = true;
  for (let i = 0; isPlain && i < value.length; i++) {
    const code = value.charCodeAt(i);
    const isSpace = code === 0x20;
    isPlain = code !== 0x22 && code !== 0x5c && code !== 0x3d && !(isSpace ? wasSpace : isBlank(code));
    wasSpace = isSpace;
  }
  return isPlain && !wasSpace ? value : quoted(escaped(value));
}

/** Returns whether a character is white space or looks like it. */
function isBlank(code: number): boolean {
  return (
    code === 0x20 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200d) ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x2060 ||
    code === 0x3000 ||
    code === 0x3164 ||
    code === 0xfeff
  );
}
