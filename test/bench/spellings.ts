/** The same message in other legal spellings: their cost beside the usual one, and a check that they are read alike. */
import { octets, text } from "../../src/core/bytes.js";

const COMPACT: readonly (readonly [string, string])[] = [
  ["Via", "v"],
  ["From", "f"],
  ["To", "t"],
  ["Call-ID", "i"],
  ["Contact", "m"],
  ["Supported", "k"],
  ["Content-Type", "c"],
  ["Content-Length", "l"],
];

/** Returns the message with each line of its head but the start line changed by `change`. */
function changed(bytes: Uint8Array, change: (line: string) => string): Uint8Array {
  const whole = text(bytes);
  const head = whole.slice(0, whole.indexOf("\r\n\r\n")).split("\r\n");
  const lines = [head[0]];
  for (let i = 1; i < head.length; i++) lines.push(change(head[i]));
  return octets(lines.join("\r\n") + whole.slice(whole.indexOf("\r\n\r\n")));
}

function compact(line: string): string {
  for (const [name, letter] of COMPACT)
    if (line.slice(0, name.length + 1) === name + ":") return letter + line.slice(name.length);
  return line;
}

function ofParty(line: string): boolean {
  return line.slice(0, 5) === "From:" || line.slice(0, 3) === "To:";
}

const PARAMS = ';epid=0a1b2c3d4e;x-own="a;b"';

/** @returns the spellings of `bytes`, a message whose Via has a port of four digits */
export function spellings(bytes: Uint8Array): { name: string; bytes: Uint8Array }[] {
  const lower = (line: string) => line.slice(0, line.indexOf(":")).toLowerCase() + line.slice(line.indexOf(":"));
  const named = (line: string) =>
    line
      .replace(/^From: [^<]*</, 'From: "Alice Example, Front Door Apartment 12" <')
      .replace(/^To: [^<]*</, "To: Bob Example Biloxi <");
  return [
    { name: "compact", bytes: changed(bytes, compact) },
    { name: "lower", bytes: changed(bytes, lower) },
    { name: "noblank", bytes: changed(bytes, (line) => line.replace(": ", ":")) },
    { name: "port5", bytes: changed(bytes, (line) => line.replace(":5060;branch", ":55060;branch")) },
    { name: "tls", bytes: changed(bytes, (line) => line.replace("SIP/2.0/UDP", "SIP/2.0/TLS")) },
    { name: "longname", bytes: changed(bytes, named) },
    { name: "params", bytes: changed(bytes, (line) => (ofParty(line) ? line + PARAMS : line)) },
    { name: "folded", bytes: changed(bytes, (line) => line.replace(";branch", ";\r\n branch")) },
  ];
}
