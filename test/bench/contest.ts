/**
 * Contenders that parse the same messages, each in a process of its own, in turns within one run: in every lap each of
 * them has a short turn with each set of messages. Processor time counts. What else the machine does, also for others
 * on the same processor, can only make a turn slower, down to half the speed: so the fastest turn of the laps of a
 * round counts. A ratio is taken within a round, and its median over the rounds is told with the lowest and the
 * highest.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { median } from "./harness.js";

const ROUNDS = 9;
const LAPS = 5;
/** Processor time of a turn, long enough to be measured to a percent. */
const TURN_S = 0.01;
/**
 * A program that is compiled while it runs needs so long to reach its full speed, with its first messages and with
 * others.
 */
const WARM_S = 3;
const WARM_AGAIN_S = 0.3;

export interface MessageSet {
  name: string;
  files: readonly string[];
}

/** Messages a second of processor time, one value for each round; none if the contender does not read the set. */
export type Rates = readonly number[];

export interface Spread {
  value: number;
  low: number;
  high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { value: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** @returns how many times as fast ours is, over the rounds */
export function ratioOf(ours: Rates, theirs: Rates): Spread {
  return spreadOf(ours.map((rate, i) => rate / theirs[i]));
}

export class Contestant {
  readonly name: string;
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly answers: ((line: string) => void)[] = [];
  private hasEnded = false;
  private isWarm = false;

  /** @param command begins with the program; the files are added to it */
  constructor(name: string, command: readonly string[], sets: readonly MessageSet[]) {
    this.name = name;
    const args = [...command.slice(1), ...sets.flatMap(({ files }) => ["--", ...files])];
    this.child = spawn(command[0], args, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => this.answers.shift()?.(line));
    const end = (): void => {
      this.hasEnded = true;
      for (const answer of this.answers.splice(0)) answer("refused");
    };
    this.child.on("error", end);
    this.child.on("close", end);
  }

  /** @returns the processor time in seconds, NaN if a message is refused */
  async turn(set: number, times: number): Promise<number> {
    if (this.hasEnded) return Number.NaN;
    const line = await new Promise<string>((resolve) => {
      this.answers.push(resolve);
      this.child.stdin.write(set + " " + times + "\n");
    });
    return line === "refused" ? Number.NaN : Number(line);
  }

  /** Warms the contender up. @returns how often it reads the set in a turn, NaN if it does not read it */
  async calibrate(set: number): Promise<number> {
    let times = 1;
    for (let all = 0; ; times *= 2) {
      const seconds = await this.turn(set, times);
      if (Number.isNaN(seconds)) return Number.NaN;
      all += seconds;
      if (all < (this.isWarm ? WARM_AGAIN_S : WARM_S) || seconds < TURN_S / 4) continue;
      this.isWarm = true;
      return Math.max(1, Math.round((times * TURN_S) / seconds));
    }
  }

  end(): void {
    this.child.stdin.end();
  }
}

/** @returns for each contender and each set its rates, by "contender set" */
export async function contest(
  contestants: readonly Contestant[],
  sets: readonly MessageSet[],
  takesPart: (name: string, set: string) => boolean,
): Promise<Map<string, Rates>> {
  const turns: { one: Contestant; set: number; times: number; rates: number[] }[] = [];
  const found = new Map<string, Rates>();
  for (const [set, { name }] of sets.entries())
    for (const one of contestants) {
      if (!takesPart(one.name, name)) continue;
      const times = await one.calibrate(set);
      if (Number.isNaN(times)) {
        process.stderr.write("parse: " + one.name + " does not read each message of " + name + "\n");
        continue;
      }
      const rates: number[] = [];
      turns.push({ one, set, times, rates });
      found.set(one.name + " " + name, rates);
    }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { rates } of turns) rates.push(0);
    for (let lap = 0; lap < LAPS; lap++)
      for (const { one, set, times, rates } of turns) {
        const rate = (times * sets[set].files.length) / (await one.turn(set, times));
        rates[round] = Math.max(rates[round], rate);
      }
  }
  for (const one of contestants) one.end();
  return found;
}
