/**
 * A contender in JavaScript, in a process of its own, since what one library loads slows the others down. Arguments:
 * which one, then the names of files with "--" before each set of them. A line "SET TIMES" on standard input is
 * answered by the processor time in seconds. Each peer does its own complete parse, from what its transport gives it:
 * `sip` from a Buffer, `sip.js` and `jssip` from a string (they speak WebSocket). With ".whole" behind its name it also
 * takes apart what it leaves as text or parses only when it is asked.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Reader } from "./reading.js";

/** Reads all messages of a set so often. @returns a number made of the results, NaN if one message was refused */
type Run = (times: number) => number;

const require = createRequire(import.meta.url);
const quiet = { error() {}, warn() {}, log() {}, debug() {} };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

function peer<T>(
  messages: readonly Uint8Array[],
  input: (bytes: Uint8Array) => T,
  parse: (message: T) => unknown,
): Run {
  const inputs = messages.map(input);
  return (times) => {
    let read = 0;
    for (let i = 0; i < times; i++)
      for (let j = 0; j < inputs.length; j++) {
        if (!parse(inputs[j])) return Number.NaN;
        read += 1;
      }
    return read;
  };
}

/**
 * Header fields that sip.js and jssip parse only when asked; they parse the others at once. sip.js has no rule for
 * Route.
 */
const LATER_SIP_JS = ["Via", "Contact", "Record-Route"];
const LATER_JSSIP = [...LATER_SIP_JS, "Route"];
interface Grammatical {
  headers: Record<string, unknown[]>;
  parseHeader(name: string, index: number): unknown;
}
function readLater(message: Grammatical | undefined, names: readonly string[]): boolean {
  if (message === undefined) return false;
  for (const name of names)
    for (let i = 0; i < (message.headers[name]?.length ?? 0); i++)
      if (message.parseHeader(name, i) === undefined) return false;
  return true;
}

interface Plain {
  uri?: string;
  headers: Record<string, { uri: string } | { uri: string }[]>;
}
function readUris(message: Plain | undefined, parseUri: (uri: string) => unknown): boolean {
  if (message === undefined) return false;
  if (message.uri !== undefined && !parseUri(message.uri)) return false;
  const { from, to, contact = [] } = message.headers;
  for (const { uri } of [from, to, contact].flat()) if (!parseUri(uri)) return false;
  return true;
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const CONTENDERS: Record<string, (messages: readonly Uint8Array[]) => Run> = {
  portero: (messages) => {
    const reader = new Reader(messages);
    return (times) => reader.lazily(times);
  },
  "portero.whole": (messages) => {
    const reader = new Reader(messages);
    return (times) => reader.wholly(times);
  },
  sip: (messages) => peer(messages, buffer, require("sip").parse),
  "sip.whole": (messages) => {
    const { parse, parseUri } = require("sip");
    return peer(messages, buffer, (message) => readUris(parse(message), parseUri));
  },
  "sip.js": (messages) => {
    const { Parser } = require("sip.js/lib/core/messages/parser.js");
    return peer(messages, text, (message) => Parser.parseMessage(message, quiet));
  },
  "sip.js.whole": (messages) => {
    const { Parser } = require("sip.js/lib/core/messages/parser.js");
    return peer(messages, text, (message) => readLater(Parser.parseMessage(message, quiet), LATER_SIP_JS));
  },
  jssip: (messages) => {
    const { parseMessage } = require("jssip/lib/Parser.js");
    return peer(messages, text, (message) => parseMessage(message, {}));
  },
  "jssip.whole": (messages) => {
    const { parseMessage } = require("jssip/lib/Parser.js");
    return peer(messages, text, (message) => readLater(parseMessage(message, {}), LATER_JSSIP));
  },
};

const [name, ...files] = process.argv.slice(2);
const sets: Uint8Array[][] = [];
for (const file of files) {
  if (file === "--") sets.push([]);
  else sets.at(-1)?.push(readFileSync(file));
}
const runs = sets.map((messages) => CONTENDERS[name](messages));

createInterface({ input: process.stdin }).on("line", (line) => {
  const [set, times] = line.split(" ").map(Number);
  const before = process.cpuUsage();
  let sum = Number.NaN;
  try {
    sum = runs[set](times);
  } catch {}
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(Number.isNaN(sum) ? "refused\n" : (user + system) / 1e6 + "\n");
});
