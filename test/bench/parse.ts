/**
 * How fast a message is read, to the point a user agent needs: all header fields indexed; branch, tags, CSeq, Call-ID and
 * Content-Length known. Each peer does its own complete parse of the same seven messages, from what its transport gives it: `sip`
 * from a Buffer, `sip.js` and `jssip` from a string (they speak WebSocket), the C libraries from octets.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Message } from "../../src/wire/message.js";
import { bytesEach, type Contender, compete, type Result } from "./harness.js";
import { MESSAGES } from "./messages.js";

const require = createRequire(import.meta.url);
const BYTES_TIMES = 100_000;
const C_FOLDER = fileURLToPath(new URL("./c/", import.meta.url));

/** The messages lie one behind the other, as a door's datagrams do in the one buffer they are received into, at whatever offsets that makes. */
function ours(): Contender {
  const message = new Message(48);
  const buffer = new Uint8Array(4096);
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 1;
  for (const { bytes } of MESSAGES) {
    buffer.set(bytes, at);
    starts.push(at);
    ends.push(at + bytes.length);
    at += bytes.length;
  }
  return {
    name: "portero",
    run(times) {
      let sum = 0;
      for (let i = 0; i < times; i++)
        for (let j = 0; j < starts.length; j++) {
          if (message.parse(buffer, starts[j], ends[j], false) !== 0) throw new Error(`${MESSAGES[j].name} is refused`);
          sum += message.branchEnd - message.branchStart + message.cseq + message.contentLength;
          sum += message.fromTagEnd + message.toTagEnd + message.callIdEnd;
        }
      return sum;
    },
  };
}

/** A peer that is given each message as `input` makes it and returns something when it could read it. */
function peer<T>(name: string, input: (bytes: Uint8Array) => T, parse: (message: T) => unknown): Contender {
  const inputs = MESSAGES.map(({ bytes }) => input(bytes));
  return {
    name,
    run(times) {
      let read = 0;
      for (let i = 0; i < times; i++)
        for (let j = 0; j < inputs.length; j++) {
          if (!parse(inputs[j])) throw new Error(`${name} does not read ${MESSAGES[j].name}`);
          read += 1;
        }
      return read;
    },
  };
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const quiet = { error() {}, warn() {}, log() {}, debug() {} };

const PEERS: Record<string, () => Contender> = {
  sip: () => peer("sip", (bytes) => Buffer.from(bytes), require("sip").parse),
  "sip.js": () => {
    const sipJs = require("sip.js/lib/core/messages/parser.js");
    return peer("sip.js", text, (message) => sipJs.Parser.parseMessage(message, quiet));
  },
  jssip: () => {
    const jssip = require("jssip/lib/Parser.js");
    return peer("jssip", text, (message) => jssip.parseMessage(message, {}));
  },
};

/** A peer in a process of its own, this file with its name: what one library loads slows the octets of all others down. @returns messages a second */
function jsRate(name: string): number {
  const out = execFileSync(process.execPath, ["--import", "tsx", fileURLToPath(import.meta.url), name]);
  return Number(out.toString());
}

/** The C parsers, each a child process, built from c/ when a compiler and Debian's headers are there. @returns messages a second, or -1 */
function cRate(source: string, header: string, flags: readonly string[]): number {
  if (!existsSync(header)) return -1;
  const folder = mkdtempSync(join(tmpdir(), "portero-bench-"));
  try {
    const program = join(folder, "parse");
    execFileSync("cc", ["-O2", "-o", program, join(C_FOLDER, source), ...flags], { stdio: "pipe" });
    const files = MESSAGES.map(({ name, bytes }) => {
      const file = join(folder, name);
      writeFileSync(file, bytes);
      return file;
    });
    return Number(execFileSync(program, files, { stdio: ["ignore", "pipe", "pipe"] }).toString());
  } catch (error) {
    process.stderr.write(`${source}: ${(error as Error).message.split("\n")[0]}\n`);
    return -1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const C_PEERS = [
  {
    name: "sofia-sip",
    source: "sofia.c",
    header: "/usr/include/sofia-sip-1.12/sofia-sip/sip.h",
    flags: ["-I/usr/include/sofia-sip-1.12", "-lsofia-sip-ua"],
  },
  {
    name: "osip2",
    source: "osip.c",
    header: "/usr/include/osipparser2/osip_message.h",
    flags: ["-losipparser2"],
  },
];

export function parseBenchmarks(): Result[] {
  const own = ours();
  const bytes = bytesEach(own, BYTES_TIMES) / MESSAGES.length;
  const results: Result[] = [];
  // Before each peer's turn one of ours, so that both are measured in the same minute.
  const turn = () => compete([own])[0] * MESSAGES.length;
  const add = (value: number, name: string, rate: number) =>
    results.push({ name: "parse.core", value, unit: "messages/s", peer: name, ratio: value / rate });
  results.push({ name: "parse.core", value: turn(), unit: "messages/s" });
  for (const { name, source, header, flags } of C_PEERS) {
    const value = turn();
    const rate = cRate(source, header, flags);
    if (rate > 0) add(value, name, rate);
    else process.stderr.write(`parse.core: ${name} is not installed; not compared\n`);
  }
  for (const name of Object.keys(PEERS)) add(turn(), name, jsRate(name));
  results.push({ name: "parse.bytes", value: bytes, unit: "bytes/message" });
  return results;
}

const [program, name] = process.argv.slice(1);
if (program === fileURLToPath(import.meta.url) && name in PEERS)
  process.stdout.write(`${compete([PEERS[name]()])[0] * MESSAGES.length}`);
