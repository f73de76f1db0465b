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

function ours(): Contender {
  const message = new Message(48);
  return {
    name: "portero",
    run(times) {
      let sum = 0;
      for (let i = 0; i < times; i++)
        for (let j = 0; j < MESSAGES.length; j++) {
          const bytes = MESSAGES[j].bytes;
          if (message.parse(bytes, 0, bytes.length, false) !== 0) throw new Error(`${MESSAGES[j].name} is refused`);
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

function peers(): Contender[] {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
  const quiet = { error() {}, warn() {}, log() {}, debug() {} };
  const sip = require("sip");
  const sipJs = require("sip.js/lib/core/messages/parser.js");
  const jssip = require("jssip/lib/Parser.js");
  return [
    peer("sip", (bytes) => Buffer.from(bytes), sip.parse),
    peer("sip.js", text, (message) => sipJs.Parser.parseMessage(message, quiet)),
    peer("jssip", text, (message) => jssip.parseMessage(message, {})),
  ];
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
  const contenders = [own, ...peers()];
  const [core, ...rates] = compete(contenders).map((rate) => rate * MESSAGES.length);
  const results: Result[] = [{ name: "parse.core", value: core, unit: "messages/s" }];
  rates.forEach((rate, i) => {
    const name = contenders[i + 1].name;
    results.push({ name: "parse.core", value: core, unit: "messages/s", peer: name, ratio: core / rate });
  });
  for (const { name, source, header, flags } of C_PEERS) {
    // A turn each, so that both are measured in the same minute.
    const [beside] = compete([own]);
    const rate = cRate(source, header, flags);
    if (rate > 0) {
      const value = beside * MESSAGES.length;
      results.push({ name: "parse.core", value, unit: "messages/s", peer: name, ratio: value / rate });
    } else process.stderr.write(`parse.core: ${name} is not installed; not compared\n`);
  }
  results.push({ name: "parse.bytes", value: bytesEach(own, BYTES_TIMES) / MESSAGES.length, unit: "bytes/message" });
  return results;
}
