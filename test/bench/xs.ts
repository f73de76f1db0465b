/**
 * What the core costs on the engine of the device, with 16-byte slots as there: `npm run bench:xs`, with `-- --json` for programs.
 * Counts, not times: the same on every machine. `-- --census` prints what each part of the program holds.
 */
import { buildXs } from "../xs/build.js";
import { runWorld } from "../xs/run.js";
import { print, type Result } from "./harness.js";

/** What a benchmark brings with it for Node, and XS has not. */
const CONSTANTS = { "process.argv": [] };
/** Slots of the machine's stack, as a board's manifest has to set it: what is used at most (xs.heap.stack), and a reserve. */
const STACK_SLOTS = 640;
const SLOT_BYTES = 16;

/** Rows of `name number number …`. */
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
  const leak = (what: string, from = 10) => value(rows, `after.1000.${what}`) - value(rows, `after.${from}.${what}`);
  if (value(rows, "stack.slots") > STACK_SLOTS) throw new Error(`the stack needs ${value(rows, "stack.slots")} slots`);
  return [
    {
      name: "xs.heap.call",
      value: inCall + STACK_SLOTS * SLOT_BYTES,
      unit: `bytes: ${value(rows, "call.slots")} slots, ${value(rows, "call.chunks")} octets, a stack of ${STACK_SLOTS} slots`,
    },
    { name: "xs.heap.registered", value: value(rows, "registered.bytes") + STACK_SLOTS * SLOT_BYTES, unit: "bytes" },
    { name: "xs.heap.stack", value: value(rows, "stack.slots"), unit: "slots of the stack used at most" },
    { name: "xs.leak.slots", value: leak("slots"), unit: "slots from the 10th to the 1,000th call" },
    { name: "xs.leak.slots.late", value: leak("slots", 100), unit: "slots from the 100th to the 1,000th call" },
    { name: "xs.leak.chunks", value: leak("chunks"), unit: "octets from the 10th to the 1,000th call" },
    { name: "xs.leak.chunks.late", value: leak("chunks", 100), unit: "octets from the 100th to the 1,000th call" },
  ];
}

const xs = await buildXs(true);
if (xs.program === "") {
  console.error(`XS with ${SLOT_BYTES}-byte slots is not to be had: ${xs.reason}`);
  process.exit(1);
}
if (process.argv.includes("--census")) {
  const rows = table(await runWorld(xs, ["census"]));
  const nothing = value(rows, "nothing", 1);
  for (const [name, [slots, chunks]] of rows) {
    const bytes = slots * SLOT_BYTES + chunks - nothing;
    console.log(
      `${name.padEnd(20)} ${String(slots).padStart(6)} slots ${String(chunks - nothing).padStart(7)} octets ${String(bytes).padStart(7)} bytes`,
    );
  }
} else {
  const cost = table(await runWorld(xs, ["cost"], CONSTANTS));
  const door = heap(table(await runWorld(xs, ["door", "heap"])));
  const served = table(await runWorld(xs, ["door", "heap"], { HAS_SERVER: true, ONCE: true }));
  const server: Result = {
    name: "xs.heap.server",
    value: value(served, "call.bytes") + STACK_SLOTS * SLOT_BYTES,
    unit: `bytes with ROOMY_LIMITS and server.enabled: ${value(served, "call.slots")} slots, ${value(served, "call.chunks")} octets`,
  };
  print([...costs(cost), ...door, server], process.argv.includes("--json"));
}
