/**
 * What the core costs on a 32-bit chip, in instructions: `npm run bench:rv`, with `-- --json` for programs. A whole call with all that can
 * happen in it is run, and each wake of the door (from one event of the host to the return to it) is counted; the longest are printed.
 * Counts, not times: the same on every machine. A real chip needs one clock an instruction at the least; flash and memory come on top.
 */
import { buildRv, runRv } from "../rv/build.js";
import { print, type Result } from "./harness.js";

/** What may not be exceeded: a little above what was measured last. It is lowered when the code gets better. */
const MOST: Record<string, number> = {
  "rv.parse.instructions": 80_000,
  "rv.parse.spelled": 1.2,
  "rv.frame.instructions": 275_000,
  "rv.echo.instructions": 1_000_000,
  "rv.options.instructions": 620_000,
  "rv.wake.worst": 6_000_000,
};
/** Wakes that are printed. */
const LONGEST = 10;
/** At 240 MHz 25 ms are so many clocks: what the sound lasts that waits in front of the loudspeaker. */
const CLOCKS_25_MS = 6_000_000;

interface Wake {
  atMs: number;
  instructions: number;
  bytecodes: number;
  what: string;
}

function wakesOf(lines: readonly string[]): Wake[] {
  const wakes: Wake[] = [];
  let phase = "";
  for (const line of lines) {
    const [word, ...rest] = line.split(" ");
    if (word === "mark") phase = rest.join(" ");
    else if (word === "wake") {
      const [atMs, instructions, bytecodes, ...messages] = rest;
      const what = `${phase}: ${messages.join(" ") || "sound and timers"}`;
      wakes.push({ atMs: Number(atMs), instructions: Number(instructions), bytecodes: Number(bytecodes), what });
    } else console.error(line);
  }
  if (wakes.length < 100) throw new Error("the call did not run");
  return wakes.sort((a, b) => b.instructions - a.instructions);
}

async function main(): Promise<number> {
  const { program, reason } = await buildRv();
  if (program === "") {
    console.error(reason);
    return 1;
  }
  const rows = new Map(
    (await runRv(program, ["cost"], false)).map((line) => [line.split(" ")[0], line.split(" ").slice(1).map(Number)]),
  );
  const cost = (name: string): number => {
    const found = rows.get(name)?.[3];
    if (found === undefined || found <= 0) throw new Error(`the machine did not say ${name}`);
    return found;
  };
  const spelled = [...rows.keys()].filter((name) => name.startsWith("spelled.")).map(cost);
  if (spelled.length < 8) throw new Error("the machine did not read each spelling");
  const wakes = wakesOf(await runRv(program, ["door", "wakes"], true));
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
    { name: "rv.echo.instructions", value: cost("echo"), unit: "instructions/20 ms without echo, in C" },
    { name: "rv.options.instructions", value: cost("keepalive.options"), unit: "instructions/OPTIONS answered" },
    { name: "rv.wake.worst", value: wakes[0].instructions, unit: `instructions: ${wakes[0].what}` },
    { name: "rv.wake.long", value: inSound, unit: "wakes of the call that take more than 25 ms at 240 MHz" },
  ];
  const asJson = process.argv.includes("--json");
  print(results, asJson);
  if (!asJson) {
    console.log("\nthe longest wakes");
    for (const { atMs, instructions, bytecodes, what } of wakes.slice(0, LONGEST))
      console.log(
        `${instructions.toLocaleString("en").padStart(12)} instructions ${bytecodes.toLocaleString("en").padStart(9)} bytecodes  at ${atMs} ms  ${what}`,
      );
  }
  let code = 0;
  for (const { name, value } of results)
    if (value > (MOST[name] ?? Number.POSITIVE_INFINITY)) {
      console.error(`${name} is ${value}, more than ${MOST[name]}`);
      code = 1;
    }
  return code;
}

process.exitCode = await main();
