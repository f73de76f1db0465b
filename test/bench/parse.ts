/**
 * How fast messages are read beside other parsers. `parse.core` is lazy work, to the point a user agent needs at first:
 * all header fields indexed; branch, tags, CSeq, Call-ID and Content-Length known. `parse.whole` is equal work: each
 * URI, address and Via taken apart, by the peers too where they leave that for later (peer.ts). The C libraries always
 * do all of it, and `memchr` is the bound: it only finds the ends of lines. The messages are our own (messages.ts), and
 * where ../shared/bench lies beside the clone the seven of it in nine spellings: ".usual" and so on behind the name.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Contestant, contest, type MessageSet, type Rates, ratioOf, spreadOf } from "./contest.js";
import { bytesEach, type Result } from "./harness.js";
import { MESSAGES } from "./messages.js";
import { Reader } from "./reading.js";

const BYTES_TIMES = 100_000;
const C_FOLDER = fileURLToPath(new URL("./c/", import.meta.url));
const PEER = fileURLToPath(new URL("./peer.ts", import.meta.url));
const SPELLINGS = fileURLToPath(new URL("../../../shared/bench/", import.meta.url));
const OWN = "own";
const USUAL = "usual";

/** Parsers that parse lazily, and their names when they parse everything. */
const LAZY = ["sip", "sip.js", "jssip"];
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
  { name: "memchr", source: "memchr.c", header: "/usr/include/string.h", flags: [] },
];
/** In the other spellings only the quickest of each kind are measured, and the bound: the others would take minutes. */
const IN_ALL = ["portero", "portero.whole", "sofia-sip", "sip", "memchr"];

function setsIn(folder: string): MessageSet[] {
  const own = MESSAGES.map(({ name, bytes }) => {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    return file;
  });
  const sets = [{ name: OWN, files: own }];
  if (!existsSync(SPELLINGS)) {
    process.stderr.write("parse: no ../shared/bench beside the clone; measured with the messages of our own alone\n");
    return sets;
  }
  const names = readdirSync(SPELLINGS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of names.sort((a, b) => Number(b.name === USUAL) - Number(a.name === USUAL))) {
    const inside = readdirSync(join(SPELLINGS, name)).sort();
    sets.push({ name, files: inside.map((file) => join(SPELLINGS, name, file)) });
  }
  return sets;
}

/** @returns the contenders that are there; C peers are built from c/ if there is a compiler and Debian's headers */
function contestantsIn(folder: string, sets: readonly MessageSet[]): Contestant[] {
  const js = ["portero", ...LAZY].flatMap((name) => [name, name + ".whole"]);
  const all = js.map((name) => new Contestant(name, [process.execPath, "--import", "tsx", PEER, name], sets));
  for (const { name, source, header, flags } of C_PEERS) {
    const program = join(folder, name);
    try {
      if (!existsSync(header)) throw new Error("not installed");
      execFileSync("cc", ["-O2", "-o", program, join(C_FOLDER, source), ...flags], { stdio: "pipe" });
      all.push(new Contestant(name, [program], sets));
    } catch (error) {
      process.stderr.write("parse: " + name + ": " + (error as Error).message.split("\n")[0] + "; not compared\n");
    }
  }
  return all;
}

function rows(rates: ReadonlyMap<string, Rates>, sets: readonly MessageSet[]): Result[] {
  const results: Result[] = [];
  const of = (name: string, set: string): Rates | undefined => rates.get(name + " " + set);
  for (const { name: set } of sets)
    for (const [work, mine] of [
      ["parse.core", "portero"],
      ["parse.whole", "portero.whole"],
    ]) {
      const ours = of(mine, set);
      if (ours === undefined) throw new Error("portero does not read the messages of " + set);
      const name = set === OWN ? work : work + "." + set;
      const { value } = spreadOf(ours);
      results.push({ name, value, unit: "messages/s of processor time" });
      for (const peer of [...C_PEERS.map((one) => one.name), ...LAZY]) {
        const theirs = of(work === "parse.whole" && LAZY.includes(peer) ? peer + ".whole" : peer, set);
        if (theirs === undefined) continue;
        const { value: ratio, low, high } = ratioOf(ours, theirs);
        results.push({ name, value, unit: "messages/s of processor time", peer, ratio, low, high });
      }
      const usual = of(mine, USUAL);
      if (usual === undefined || set === USUAL || set === OWN) continue;
      const { value: times, low, high } = ratioOf(usual, ours);
      results.push({ name: work + ".cost." + set, value: times, unit: "times the usual spelling", low, high });
    }
  return results;
}

export async function parseBenchmarks(): Promise<Result[]> {
  const reader = new Reader(MESSAGES.map(({ bytes }) => bytes));
  const lazily = { name: "portero", run: (times: number) => reader.lazily(times) };
  const bytes = bytesEach(lazily, BYTES_TIMES) / MESSAGES.length;
  const folder = mkdtempSync(join(tmpdir(), "portero-bench-"));
  try {
    const sets = setsIn(folder);
    const takesPart = (name: string, set: string): boolean => set === OWN || set === USUAL || IN_ALL.includes(name);
    const rates = await contest(contestantsIn(folder, sets), sets, takesPart);
    return [...rows(rates, sets), { name: "parse.bytes", value: bytes, unit: "bytes/message" }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
