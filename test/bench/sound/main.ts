/**
 * `npm run bench -- sound` measures the sound of calls, `npm run bench -- sound delay` one part of it, and
 * `npm run bench -- sound echo away lowered` some rows of one set of calls of it. Time is virtual
 * and random numbers have seeds, so results are the same on every machine. A new part is added to `PARTS`, and the
 * bounds of its rows to `BOUNDS`.
 */
import type { Result } from "../harness.js";
import { delayBenchmarks } from "./delay.js";
import { echoBenchmarks } from "./echo.js";
import { LOUD_SOUNDS } from "./echo-bangs.js";
import { lossBenchmarks } from "./loss.js";

interface Part {
  name: string;
  run(words: readonly string[]): Result[] | Promise<Result[]>;
}

const PARTS: readonly Part[] = [
  { name: "delay", run: delayBenchmarks },
  { name: "loss", run: lossBenchmarks },
  { name: "echo", run: (words) => echoBenchmarks(wavFolder(words), words) },
];

/** Rows that have a bound: the most for a delay or a distance, the least for a gain. */
const BOUNDS: Record<string, { most?: number; least?: number }> = {
  "sound.echo.clean": { least: 30 },
  "sound.echo.distorted": { least: 15 },
  "sound.echo.noisy": { least: 18 },
  "sound.echo.nearloss": { most: 3 },
  "sound.echo.lsd.voice": { most: 3 },
  "sound.echo.away.clean": { least: 30 },
  "sound.echo.away.distorted": { least: 15 },
  "sound.echo.away.noisy": { least: 18 },
  "sound.echo.away.nearloss": { most: 3 },
  "sound.echo.away.lsd.voice": { most: 3 },
  "sound.echo.loop": { most: 50 },
  "sound.echo.loop.noisy": { most: 300 },
  "sound.echo.loop12": { most: 150 },
  "sound.echo.loop12.noisy": { most: 300 },
  "sound.echo.away.loop": { most: 50 },
  "sound.echo.away.loop.noisy": { most: 300 },
  "sound.echo.away.loop12": { most: 150 },
  "sound.echo.away.loop12.noisy": { most: 300 },
  ...Object.fromEntries(LOUD_SOUNDS.map(({ name }) => [`sound.echo.further.after.${name}`, { most: 4 }])),
  "sound.delay": { most: 60 },
  "sound.delay.board": { most: 95 },
  "sound.loss.lsd1": { most: 0.5 },
  "sound.loss.lsd5": { most: 1.5 },
  "sound.loss.lsd20": { most: 4.5 },
};

/** @returns the word behind `--wav`: a folder for sounds before and after */
function wavFolder(words: readonly string[]): string {
  const at = words.indexOf("--wav");
  return at < 0 ? "" : (words[at + 1] ?? "");
}

/** @param words of the command line; those that name a part choose it, none: all of them */
export async function soundBenchmarks(words: readonly string[]): Promise<Result[]> {
  const chosen = PARTS.filter(({ name }) => words.includes(name));
  const results: Result[] = [];
  for (const part of chosen.length > 0 ? chosen : PARTS) results.push(...(await part.run(words)));
  return results;
}

/** @returns one line for each row that is out of its bounds */
export function outOfBounds(results: readonly Result[]): string[] {
  const problems: string[] = [];
  for (const { name, value, peer } of results) {
    const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = BOUNDS[name] ?? {};
    if (peer !== undefined) continue;
    if (!(value <= most)) problems.push(`${name} is ${value}, more than ${most}`);
    if (!(value >= least)) problems.push(`${name} is ${value}, less than ${least}`);
  }
  return problems;
}
