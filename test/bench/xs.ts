/**
 * What the core costs on the engine of the device, with 16-byte slots as there: `npm run bench:xs`, with `-- --json`
 * for programs. What single packets cost is counted with the C of hal/native in the place of its TypeScript twins, as a
 * board has it. Counts, not times: the same on every machine. `-- --census` prints what each part of the program holds;
 * with `--docs` it also writes into docs/boards.md what the links take. `-- --classes` prints what lives in a call by
 * class, and what of the modules' own objects a board copies to memory by then; with `--links` the door has links.
 * `-- --long` looks for leaks over 100,000 calls in 46 days, and `-- --calls=10000` looks for leaks alone, over so
 * many.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildXs } from "../xs/build.js";
import { natives } from "../xs/natives.js";
import { runWorld } from "../xs/run.js";
import { print, type Result } from "./harness.js";

/** Values that a benchmark takes from Node, and XS has not. */
const CONSTANTS = { "process.argv": [] };
/**
 * Slots of the machine's stack, as a board's manifest has to set it: what is used at most (xs.heap.stack), and a
 * reserve.
 */
const STACK_SLOTS = 432;
const SLOT_BYTES = 16;
/** The place in docs/boards.md of what `--census --docs` writes. */
const LINKS_BEGIN = "<!-- links: made by `npm run bench:xs -- --census --docs` -->";
const LINKS_END = "<!-- end of links -->";
const CALLS = 1000;
const CALLS_LONG = 100_000;
/** What is held after the 100th call is compared. */
const CALLS_LEAST = 100;
const CALLS_OPTION = "--calls=";
const LONG_MS = 3 * 3_600_000;
/**
 * The time of day at which the search for leaks begins, in s. With it each time in the log has ten digits; the seconds
 * since the start would get longer.
 */
const EPOCH_S = 1_800_000_000;
/**
 * The upper limits: the last measurement, and a little more for small values. They are lowered when the code gets
 * better.
 */
const MOST: Record<string, number> = {
  "xs.parse.bytecodes": 850,
  "xs.parse.slots": 0,
  "xs.parse.chunks": 0,
  "xs.rtp.slots": 0,
  "xs.rtp.chunks": 0,
  "xs.heap.call": 73_892,
  "xs.heap.links": 84_600,
  "xs.heap.links.deaf": 88_800,
  "xs.heap.stack": 430,
  "xs.collections.call": 0,
  "xs.leak.slots.late": 0,
  "xs.leak.chunks.late": 0,
};

/** Reads rows of `name number number …`. */
function table(lines: readonly string[]): Map<string, number[]> {
  return new Map(lines.map((line) => [line.split(" ")[0], line.split(" ").slice(1).map(Number)]));
}

function value(rows: Map<string, number[]>, name: string, column = 0): number {
  const found = rows.get(name)?.[column];
  if (found === undefined) throw new Error(`the machine did not say ${name}`);
  return found;
}

function costs(rows: Map<string, number[]>): Result[] {
  const results: Result[] = [
    { name: "xs.parse.bytecodes", value: value(rows, "invite.741"), unit: "bytecodes/INVITE of 741 octets" },
    { name: "xs.parse.slots", value: value(rows, "invite.741", 1), unit: "slots/message" },
    { name: "xs.parse.chunks", value: value(rows, "invite.741", 2), unit: "octets/message" },
    { name: "xs.rtp.slots", value: value(rows, "frame", 1), unit: "slots/packet received and sent" },
    { name: "xs.rtp.chunks", value: value(rows, "frame", 2), unit: "octets/packet received and sent" },
    { name: "xs.frame.bytecodes", value: value(rows, "frame"), unit: "bytecodes/20 ms both ways" },
    {
      name: "xs.inband.bytecodes",
      value: value(rows, "inband"),
      unit: "bytecodes/20 ms of sound that may hold digits",
    },
    { name: "xs.inband.slots", value: value(rows, "inband", 1), unit: "slots/20 ms" },
    { name: "xs.tone.bytecodes", value: value(rows, "tone"), unit: "bytecodes/20 ms of two frequencies" },
    { name: "xs.tone.slots", value: value(rows, "tone", 1), unit: "slots/20 ms" },
  ];
  for (const [name, [bytecodes, slots, chunks]] of rows) {
    if (name.startsWith("parse.")) results.push({ name: `xs.${name}`, value: bytecodes, unit: "bytecodes/message" });
    if (!name.startsWith("keepalive.")) continue;
    results.push({ name: `xs.${name}.bytecodes`, value: bytecodes, unit: "bytecodes/message" });
    results.push({ name: `xs.${name}.slots`, value: slots, unit: "slots/message" });
    results.push({ name: `xs.${name}.chunks`, value: chunks, unit: "octets/message" });
  }
  return results;
}

function heap(rows: Map<string, number[]>): Result[] {
  if (value(rows, "errors") > 0) throw new Error("the door had errors");
  const inCall = value(rows, "call.bytes");
  return [
    {
      name: "xs.heap.call",
      value: inCall + STACK_SLOTS * SLOT_BYTES,
      unit: `bytes: ${value(rows, "call.slots")} slots, ${value(rows, "call.chunks")} octets, a stack of ${STACK_SLOTS} slots`,
    },
    { name: "xs.heap.registered", value: value(rows, "registered.bytes") + STACK_SLOTS * SLOT_BYTES, unit: "bytes" },
  ];
}

/** @returns a plain board's heap in a call, with all its links */
function links(name: string, rows: Map<string, number[]>, what: string): Result {
  const bytes = value(rows, "call.bytes") + STACK_SLOTS * SLOT_BYTES;
  return {
    name,
    value: bytes,
    unit: `bytes in a call ${what}: ${value(rows, "call.slots")} slots, ${value(rows, "call.chunks")} octets`,
  };
}

/**
 * @param rows of many calls, on slots of the machine's own size: their number is the same, and a leak would grow there
 * too
 */
function leaks(rows: Map<string, number[]>, calls: number, stack: number): Result[] {
  if (value(rows, "errors") > 0) throw new Error("the door had errors");
  const stackSlots = Math.max(stack, value(rows, "stack.slots"));
  if (stackSlots > STACK_SLOTS) throw new Error(`the stack needs ${stackSlots} slots`);
  const grown = (what: string, from: number) => value(rows, `last.${what}`) - value(rows, `${from}.${what}`);
  const to = `to the ${calls.toLocaleString("en")}th call`;
  const late = `${to}, after ${value(rows, "days")} days`;
  return [
    { name: "xs.heap.stack", value: stackSlots, unit: "slots of the stack used at most" },
    { name: "xs.leak.slots", value: grown("slots", 10), unit: `slots from the 10th ${to}` },
    { name: "xs.leak.slots.late", value: grown("slots", 100), unit: `slots from the 100th ${late}` },
    { name: "xs.leak.chunks", value: grown("chunks", 10), unit: `octets from the 10th ${to}` },
    { name: "xs.leak.chunks.late", value: grown("chunks", 100), unit: `octets from the 100th ${late}` },
  ];
}

/** @returns the room that a plain board gives the engine: slots, and octets of chunks */
function room(): readonly [number, number] {
  const manifest = join(dirname(fileURLToPath(import.meta.url)), "../../manifest.json");
  const { creation } = JSON.parse(readFileSync(manifest, "utf8"));
  return [creation.heap.initial, creation.chunk.initial];
}

function collections(rows: Map<string, number[]>): Result[] {
  if (value(rows, "errors") > 0) throw new Error("the door had errors");
  const taken = (what: string) => `slots, and ${value(rows, `${what}.chunks`)} octets`;
  return [
    {
      name: "xs.collections.call",
      value: value(rows, "collections.call"),
      unit: "collections in three calls of a minute",
    },
    {
      name: "xs.collections.all",
      value: value(rows, "collections.all"),
      unit: "collections from start to rest after them",
    },
    {
      name: "xs.garbage.call",
      value: value(rows, "begin.slots"),
      unit: `${taken("begin")} that a call takes until it is talked`,
    },
    {
      name: "xs.garbage.minute",
      value: value(rows, "minute.slots"),
      unit: `${taken("minute")} that a minute of talk takes`,
    },
    {
      name: "xs.garbage.left",
      value: value(rows, "left.slots"),
      unit: `${taken("left")} of a plain board's that are left then`,
    },
  ];
}

/** Checks the values and prints them. */
function finish(results: Result[]): void {
  print(results, process.argv.includes("--json"));
  for (const { name, value } of results)
    if (value > (MOST[name] ?? Number.POSITIVE_INFINITY)) {
      console.error(`${name} is ${value}, more than ${MOST[name]}`);
      process.exitCode = 1;
    }
}

/** Writes into docs/boards.md what the links to the house's systems take. @param census rows of the census */
async function writeLinks(census: Map<string, number[]>): Promise<void> {
  const nothing = value(census, "nothing", 1);
  const made = (name: string): string =>
    (value(census, name) * SLOT_BYTES + value(census, name, 1) - nothing).toLocaleString("en");
  const inCall = async (constants: object): Promise<number> => {
    const rows = table(await runWorld(xs, ["door", "heap"], { ...constants, ONCE: true }, [natives]));
    return value(rows, "call.bytes") + STACK_SLOTS * SLOT_BYTES;
  };
  const without = await inCall({});
  const rows: readonly (readonly [string, string, string])[] = [
    ["the queue of events that all of them have", made("EventQueue"), ""],
    ["syslog by TCP", made("Syslog"), ""],
    ["webhook", made("Hook"), ""],
    ["MQTT, with Home Assistant", made("Mqtt"), ""],
    [
      "all three, at work in a call, with their connections",
      "",
      bytesText((await inCall({ LINKS: "well" })) - without),
    ],
    ["the same, with servers that take nothing", "", bytesText((await inCall({ LINKS: "deaf" })) - without)],
    ["the whole heap in a call without links", "", bytesText(without)],
  ];
  const lines = [
    "| | made at the start | in a call |",
    "| --- | ---: | ---: |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ];
  const file = join(dirname(fileURLToPath(import.meta.url)), "../../docs/boards.md");
  const [head, rest] = readFileSync(file, "utf8").split(LINKS_BEGIN);
  const tail = rest?.split(LINKS_END)[1];
  if (tail === undefined) throw new Error("docs/boards.md has no place for the links");
  writeFileSync(file, `${head}${LINKS_BEGIN}\n\n${lines.join("\n")}\n\n${LINKS_END}${tail}`);
}

function bytesText(bytes: number): string {
  return bytes.toLocaleString("en");
}

async function leaksOver(calls: number, stack: number): Promise<Result[]> {
  const own = await buildXs();
  if (own.program === "") throw new Error(own.reason);
  const timeout = calls > CALLS ? LONG_MS : undefined;
  const constants = { CALLS: calls, EPOCH_S };
  return leaks(table(await runWorld(own, ["door", "leak"], constants, [natives], timeout)), calls, stack);
}

/** @returns the number behind `--calls=`; 0 when it was not given */
function callsGiven(): number {
  const given = process.argv.find((word) => word.startsWith(CALLS_OPTION));
  if (given === undefined) return 0;
  const calls = Number(given.slice(CALLS_OPTION.length));
  if (Number.isInteger(calls) && calls > CALLS_LEAST && calls <= CALLS_LONG) return calls;
  console.error(`${given}: ${CALLS_LEAST + 1} to ${CALLS_LONG} calls are taken`);
  process.exit(1);
}

const someCalls = callsGiven();
const xs = await buildXs(true);
if (xs.program === "") {
  console.error(`XS with ${SLOT_BYTES}-byte slots is not to be had: ${xs.reason}`);
  process.exit(1);
}
if (process.argv.includes("--census")) {
  const rows = table(await runWorld(xs, ["census"], {}, [natives]));
  const nothing = value(rows, "nothing", 1);
  for (const [name, [slots, chunks]] of rows) {
    const bytes = slots * SLOT_BYTES + chunks - nothing;
    console.log(
      `${name.padEnd(20)} ${String(slots).padStart(6)} slots ${String(chunks - nothing).padStart(7)} octets ${String(bytes).padStart(7)} bytes`,
    );
  }
  if (process.argv.includes("--docs")) await writeLinks(rows);
} else if (process.argv.includes("--classes")) {
  const lines = await runWorld(
    xs,
    ["door", "heap"],
    { CENSUS: true, ...(process.argv.includes("--links") ? { LINKS: "well", ONCE: true } : {}) },
    [natives],
    undefined,
    ["--census"],
  );
  const rows = lines
    .map((line) => /^class (-?\d+) (-?\d+) (-?\d+) (.*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, count, slots, octets, name]) => ({ name, count: +count, slots: +slots, octets: +octets }))
    .map((row) => ({ ...row, bytes: row.slots * SLOT_BYTES + row.octets }));
  for (const { name, count, slots, octets, bytes } of rows.sort((a, b) => b.bytes - a.bytes))
    console.log(
      `${name.padEnd(30)} ${String(count).padStart(5)} times ${String(slots).padStart(5)} slots ${String(octets).padStart(6)} octets ${String(bytes).padStart(6)} bytes`,
    );
  const written = value(table(lines), "written.slots");
  console.log(`\nobjects of modules that were written: ${written} slots, ${written * SLOT_BYTES} bytes`);
} else if (someCalls > 0) finish(await leaksOver(someCalls, 0));
else {
  const cost = table(await runWorld(xs, ["cost"], CONSTANTS, [natives]));
  const door = table(await runWorld(xs, ["door", "heap"], {}, [natives]));
  const served = table(await runWorld(xs, ["door", "heap"], { HAS_SERVER: true, ONCE: true }, [natives]));
  const linked = table(
    await runWorld(xs, ["door", "heap"], { LINKS: "well", HAS_PEOPLE: true, ONCE: true }, [natives]),
  );
  const deaf = table(await runWorld(xs, ["door", "heap"], { LINKS: "deaf", HAS_PEOPLE: true, ONCE: true }, [natives]));
  const garbage = table(await runWorld(xs, ["door", "garbage"], { ROOM: room() }, [natives]));
  const calls = process.argv.includes("--long") ? CALLS_LONG : CALLS;
  const server: Result = {
    name: "xs.heap.server",
    value: value(served, "call.bytes") + STACK_SLOTS * SLOT_BYTES,
    unit: `bytes with ROOMY_LIMITS and server.enabled: ${value(served, "call.slots")} slots, ${value(served, "call.chunks")} octets`,
  };
  const results = [
    ...costs(cost),
    ...heap(door),
    links("xs.heap.links", linked, "with 50 people, syslog by TCP, a webhook and MQTT at work"),
    links("xs.heap.links.deaf", deaf, "with the same, whose servers greet and take nothing more"),
    ...(await leaksOver(calls, value(door, "stack.slots"))),
    ...collections(garbage),
    server,
  ];
  finish(results);
}
