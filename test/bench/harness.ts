/**
 * Benchmarks: contenders take turns in short rounds and the median of the rounds counts, because a machine's speed
 * wanders. With --json stdout has one array of the results and nothing else.
 */

export interface Result {
  name: string;
  value: number;
  unit: string;
  peer?: string;
  /** Our value divided by the peer's: higher is better. */
  ratio?: number;
  /** The lowest and the highest of the rounds: of the ratio, or without one of the value. */
  low?: number;
  high?: number;
}

export interface Contender {
  name: string;
  /** Does the work `times` times. @returns a number made of all results, so that no engine leaves work out */
  run(times: number): number;
}

const ROUNDS = 9;
const ROUND_MS = 120;
/** Takes the numbers that the contenders return. */
export let sink = 0;

/** @returns for each contender the median of its rounds, in runs a second */
export function compete(contenders: readonly Contender[]): number[] {
  const times = contenders.map(calibrate);
  const rates: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++)
    contenders.forEach((contender, i) => {
      rates[i].push((times[i] * 1000) / measure(contender, times[i]));
    });
  return rates.map(median);
}

/** Warms a contender up. @returns how often it runs in about ROUND_MS */
function calibrate(contender: Contender): number {
  let times = 1;
  for (;;) {
    const ms = measure(contender, times);
    if (ms >= ROUND_MS) return Math.max(1, Math.round((times * ROUND_MS) / ms));
    times *= ms < ROUND_MS / 10 ? 4 : 2;
  }
}

function measure(contender: Contender, times: number): number {
  const begin = performance.now();
  sink += contender.run(times);
  return performance.now() - begin;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/**
 * @returns octets that `run(times)` leaves on the heap for each of the `times`, less those that measuring leaves; needs
 * --expose-gc
 */
export function bytesEach(contender: Contender, times: number): number {
  // Compiling leaves garbage too; it is done by the third time.
  for (let i = 0; i < 3; i++) sink += contender.run(times);
  const around = leastBytes({ name: "nothing", run: (n) => n }, times);
  return Math.max(0, leastBytes(contender, times) - around) / times;
}

/** @returns the least of five measurements, because measuring itself now and then costs a few hundred octets */
function leastBytes(contender: Contender, times: number): number {
  const gc = (globalThis as { gc?: () => void }).gc;
  if (gc === undefined) throw new Error("run node with --expose-gc");
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    sink += contender.run(times);
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return least;
}

export function print(results: readonly Result[], asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(results, null, 1));
    return;
  }
  for (const { name, value, unit, peer, ratio, low, high } of results) {
    const shown = value >= 100 ? Math.round(value).toLocaleString("en") : String(Math.round(value * 1000) / 1000);
    const short = (x: number): string => x.toFixed(x < 10 ? 2 : 1);
    const against = ratio === undefined ? "" : `   ${short(ratio)} times ${peer}`;
    const spread = low === undefined || high === undefined ? "" : ` (${short(low)} to ${short(high)})`;
    console.log(`${name.padEnd(16)} ${shown.padStart(12)} ${unit}${against}${spread}`);
  }
}
