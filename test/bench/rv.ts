/**
 * What the core costs on a 32-bit chip, in instructions: `npm run bench:rv`, with `-- --json` for programs. A whole
 * call with all that can happen in it is run, and each wake of the door (from one event of the host to the return to
 * it) is counted; the longest are printed. Counts, not times: the same on every machine. A real chip needs one clock an
 * instruction at the least; flash and memory come on top. Without compiler or emulator one line names the package, and
 * what is run behind it goes on; with CI set that is a failure.
 */
import { LEAD_MS } from "../../hal/native/duplex.js";
import { buildRv, runRv } from "../rv/build.js";
import { gapsOf, type Wake } from "../rv/gaps.js";
import { print, type Result } from "./harness.js";

/** The upper limits, a little above the last measurement. They are lowered when the code gets better. */
const MOST: Record<string, number> = {
  "rv.parse.instructions": 80_000,
  "rv.parse.spelled": 1.2,
  "rv.frame.instructions": 205_000,
  "rv.sound.gaps": 0,
  "rv.sound.gaps.c3": 0,
  "rv.echo.instructions": 1_000_000,
  "rv.srtp.instructions": 120_000,
  "rv.srtp.gcm": 120_000,
  "rv.srtp.made": 0,
  "rv.options.instructions": 490_000,
  "rv.wake.worst": 3_100_000,
  "rv.links.worst": 3_100_000,
  "rv.links.gaps": 0,
  "rv.registration.bytecodes": 62_000,
  "rv.press.bytecodes": 95_000,
  "rv.hangup.bytecodes": 29_500,
  "rv.incoming.bytecodes": 69_000,
};
/** So many of the longest wakes are printed. */
const LONGEST = 10;
/** Clocks in 25 ms at 240 MHz: so much sound waits in front of the loudspeaker. */
const CLOCKS_25_MS = 6_000_000;
/** Clocks a millisecond of an ESP32 and an ESP32-S3, and of an ESP32-C3. */
const CLOCKS_PER_MS = 240_000;
const CLOCKS_PER_MS_C3 = 160_000;

/**
 * Phases of the call that have a row of their own: the door's bytecodes from the first of a phase to where the next one
 * begins.
 */
const PHASES: readonly { name: string; phase: string; what: string }[] = [
  { name: "rv.registration.bytecodes", phase: "registration", what: "a registration with a password" },
  { name: "rv.press.bytecodes", phase: "call of the button", what: "a press to confirmed" },
  { name: "rv.hangup.bytecodes", phase: "hang-up", what: "a hang-up by the phone" },
  { name: "rv.incoming.bytecodes", phase: "call that comes", what: "a call that comes to confirmed" },
];

function phasesOf(lines: readonly string[]): Result[] {
  const spent = new Map<string, number>();
  let phase = "";
  for (const line of lines) {
    const [word, ...rest] = line.split(" ");
    if (word === "spent") spent.set(phase, Number(rest[0]));
    if (word === "mark") phase = rest.join(" ");
  }
  return PHASES.map(({ name, phase, what }) => {
    const value = spent.get(phase);
    if (value === undefined || value <= 0) throw new Error(`the call did not say ${phase}`);
    return { name, value, unit: `bytecodes/${what}` };
  });
}

function wakesOf(lines: readonly string[]): Wake[] {
  const wakes: Wake[] = [];
  let phase = "";
  for (const line of lines) {
    const [word, ...rest] = line.split(" ");
    if (word === "mark") phase = rest.join(" ");
    else if (word === "wake") {
      const [atMs, instructions, bytecodes, ...notes] = rest;
      const isSound = notes[0] === "sound";
      const what = `${phase}: ${notes.slice(isSound ? 1 : 0).join(" ") || "sound and timers"}`;
      const counts = { atMs: Number(atMs), instructions: Number(instructions), bytecodes: Number(bytecodes) };
      wakes.push({ ...counts, isSound, what });
    } else if (word !== "spent") console.error(line);
  }
  if (wakes.length < 100) throw new Error("the call did not run");
  return wakes;
}

/**
 * @returns the cost of 20 ms of the talk for the whole station: packets received and sent, and everything else that
 * happens meanwhile
 */
function frameOf(wakes: readonly Wake[]): { instructions: number; bytecodes: number } {
  const talk = wakes.filter(({ what }) => what.startsWith("sound: "));
  const frames = talk.filter(({ isSound }) => isSound).length;
  if (frames < 50) throw new Error("the sound did not run");
  const sum = (of: (wake: Wake) => number) => Math.round(talk.reduce((all, wake) => all + of(wake), 0) / frames);
  return { instructions: sum((wake) => wake.instructions), bytecodes: sum((wake) => wake.bytecodes) };
}

async function main(): Promise<number> {
  const { program, reason } = await buildRv();
  if (program === "") {
    console.error(reason);
    return process.env.CI === undefined ? 0 : 1;
  }
  const rows = new Map(
    (await runRv(program, ["cost"], false)).map((line) => [line.split(" ")[0], line.split(" ").slice(1).map(Number)]),
  );
  const cost = (name: string): number => {
    const found = rows.get(name)?.[3];
    if (found === undefined || found <= 0) throw new Error(`the machine did not say ${name}`);
    return found;
  };
  const madeBy = (name: string): number => {
    const [, slots, chunks] = rows.get(name) ?? [];
    if (slots === undefined || chunks === undefined) throw new Error(`the machine did not say ${name}`);
    return slots + chunks;
  };
  const spelled = [...rows.keys()].filter((name) => name.startsWith("spelled.")).map(cost);
  if (spelled.length < 8) throw new Error("the machine did not read each spelling");
  const call = await runRv(program, ["door", "wakes"], true);
  const wakes = wakesOf(call);
  const linked = wakesOf(await runRv(program, ["door", "wakes"], true, { LINKS: "well" }));
  const longestLinked = linked.reduce((most, wake) => (wake.instructions > most.instructions ? wake : most));
  const longest = [...wakes].sort((a, b) => b.instructions - a.instructions);
  const frame = frameOf(wakes);
  const { gaps, latestMs } = gapsOf(wakes, CLOCKS_PER_MS, LEAD_MS);
  const onC3 = gapsOf(wakes, CLOCKS_PER_MS_C3, LEAD_MS);
  const inSound = wakes.filter(({ instructions }) => instructions > CLOCKS_25_MS).length;
  const results: Result[] = [
    { name: "rv.parse.instructions", value: cost("invite.741"), unit: "instructions/INVITE of 741 octets" },
    {
      name: "rv.parse.spelled",
      value: Math.round((100 * Math.max(...spelled)) / cost("invite.741")) / 100,
      unit: "times that: the worst of eight other spellings",
    },
    { name: "rv.frame.instructions", value: cost("frame"), unit: "instructions/20 ms of sound both ways, coded in C" },
    { name: "rv.inband.instructions", value: cost("inband"), unit: "instructions/20 ms of sound that may hold digits" },
    {
      name: "rv.echo.instructions",
      value: cost("echo"),
      unit: "instructions/20 ms without echo, with noise lowered, in C",
    },
    { name: "rv.srtp.instructions", value: cost("srtp.sha1"), unit: "instructions/packet sealed and one opened, in C" },
    { name: "rv.srtp.gcm", value: cost("srtp.gcm"), unit: "the same by AES-GCM" },
    { name: "rv.srtp.made", value: madeBy("srtp.sha1") + madeBy("srtp.gcm"), unit: "slots and octets made by that" },
    { name: "rv.options.instructions", value: cost("keepalive.options"), unit: "instructions/OPTIONS answered" },
    { name: "rv.wake.worst", value: longest[0].instructions, unit: `instructions: ${longest[0].what}` },
    {
      name: "rv.station.instructions",
      value: frame.instructions,
      unit: "instructions/20 ms of a talk, the whole station",
    },
    { name: "rv.station.bytecodes", value: frame.bytecodes, unit: "bytecodes/20 ms of a talk, the whole station" },
    { name: "rv.sound.gaps", value: gaps.length, unit: "gaps of the speaker's sound in the call, at 240 MHz" },
    { name: "rv.sound.gaps.c3", value: onC3.gaps.length, unit: "the same at 160 MHz" },
    {
      name: "rv.sound.late",
      value: latestMs,
      unit: `ms by which sound came to the speaker at most, at 240 MHz; ${LEAD_MS} wait there`,
    },
    { name: "rv.wake.long", value: inSound, unit: "wakes of the call that take more than 25 ms at 240 MHz" },
    {
      name: "rv.links.worst",
      value: longestLinked.instructions,
      unit: `instructions, with syslog by TCP, a webhook and MQTT at work: ${longestLinked.what}`,
    },
    {
      name: "rv.links.gaps",
      value: gapsOf(linked, CLOCKS_PER_MS, LEAD_MS).gaps.length,
      unit: "gaps of the speaker's sound in that call, at 240 MHz",
    },
    ...phasesOf(call),
  ];
  const asJson = process.argv.includes("--json");
  print(results, asJson);
  if (!asJson) {
    console.log("\nthe longest wakes");
    for (const { atMs, instructions, bytecodes, what } of longest.slice(0, LONGEST))
      console.log(
        `${instructions.toLocaleString("en").padStart(12)} instructions ${bytecodes.toLocaleString("en").padStart(9)} bytecodes  at ${atMs} ms  ${what}`,
      );
  }
  if (!asJson)
    for (const [mhz, { atMs, lengthMs, what }] of [
      ...gaps.map((gap) => [240, gap] as const),
      ...onC3.gaps.map((gap) => [160, gap] as const),
    ])
      console.log(`at ${mhz} MHz a gap of ${lengthMs.toFixed(1)} ms at ${atMs} ms: ${what}`);
  let code = 0;
  for (const { name, value } of results)
    if (value > (MOST[name] ?? Number.POSITIVE_INFINITY)) {
      console.error(`${name} is ${value}, more than ${MOST[name]}`);
      code = 1;
    }
  return code;
}

process.exitCode = await main();
