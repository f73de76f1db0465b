/** Makes one header field of a message odd in many ways, and checks that every field of what leaves is right. */
import { octets } from "../../src/core/bytes.js";
import { NameAddress } from "../../src/wire/address.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { Via } from "../../src/wire/via.js";

/** The lines that replace `NAME: VALUE`, without the last line end. */
export const ODDITIES: Record<string, (name: string, value: string) => string | null> = {
  "left out": () => null,
  "without a value": (name) => `${name}:`,
  twice: (name, value) => `${name}: ${value}\r\n${name}: ${value}`,
  "twice, once otherwise": (name, value) => `${name}: ${value}\r\n${name}: other ${value}`,
  "otherwise, and as it was": (name, value) => `${name}: %\r\n${name}: ${value}`,
  "without its colon": (name, value) => `${name} ${value}`,
  "with a NUL": (name, value) => `${name}: ${value}\0x`,
  "with a bell": (name, value) => `${name}: \x07${value}`,
  "with a lone CR": (name, value) => `${name}: ${value}\rx`,
  "with an open quote": (name, value) => `${name}: "${value}`,
  "with an open bracket": (name, value) => `${name}: ${value}, <sip:x`,
  "without its bracket": (name, value) => `${name}: ${value.replace(">", "")}`,
  "with two tags": (name, value) => `${name}: ${value};tag=1;tag=2`,
  "with one tag twice": (name, value) => `${name}: ${value};tag=1;tag=1`,
  "with an empty tag": (name, value) => `${name}: ${value};tag=`,
  "with empty parameters": (name, value) => `${name}: ${value};;;`,
  "with a comma behind it": (name, value) => `${name}: ${value},`,
  "with words behind it": (name, value) => `${name}: ${value} and more`,
  "in lower case": (name, value) => `${name}: ${value.toLowerCase()}`,
  "as a number too large": (name, value) => `${name}: ${value.replace(/\d+/, "99999999999999999999")}`,
  "as a number below zero": (name, value) => `${name}: -${value}`,
  "as words": (name) => `${name}: seven of nine`,
  "as octets of no text": (name) => `${name}: \xff\xfe\x80`,
  folded: (name, value) => `${name}:\r\n ${value}\r\n \r\n\t`,
  long: (name, value) => `${name}: ${value};x=${"y".repeat(600)}`,
};

/** @returns the messages in which that field (the first of its name) is odd, by the way in which it is odd */
export function oddly(message: string, name: string): [how: string, message: string][] {
  const split = message.indexOf("\r\n\r\n");
  const lines = message.slice(0, split).split("\r\n");
  const at = lines.findIndex((line) => line.toLowerCase().startsWith(name.toLowerCase() + ":"));
  const value = at < 0 ? "1" : lines[at].slice(name.length + 1).trim();
  return Object.entries(ODDITIES).map(([how, change]) => {
    const line = change(name, value);
    const odd = at < 0 ? [...lines] : lines.filter((_, i) => i !== at);
    if (line !== null) odd.splice(at < 0 ? lines.length : at, 0, line);
    return [how, odd.join("\r\n") + message.slice(split)];
  });
}

const message = new Message(256);
const address = new NameAddress();
const via = new Via();

/** @returns "" when the message is right in every field that all roles read, otherwise what is wrong */
export function wrongIn(text: string): string {
  const bytes = octets(text);
  if (message.parse(bytes, 0, bytes.length, false) !== PARSE_OK) return `problem ${message.problem}`;
  if (message.isOdd) return "a field that is none";
  if (message.unfit !== 0) return `unfit ${message.unfit}`;
  const head = text.slice(0, text.indexOf("\r\n\r\n"));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f]|\r(?!\n)|(?<!\r)\n/.test(head)) return "a control character";
  for (const line of head.split("\r\n").slice(1)) {
    const value = octets(line.slice(line.indexOf(":") + 1));
    if (/^(from|to):/i.test(line) && (!address.parse(value, 0, value.length) || address.isTagTwice)) return line;
    if (/^via:/i.test(line) && !via.parse(value, 0, value.length)) return line;
  }
  return "";
}
