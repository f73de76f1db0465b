/**
 * `npm run bench -- --check` compares the ratios to other parsers with the recorded ones (recorded.json), and with the
 * least they have to be. `npm run bench -- --record` writes those of this run down.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./harness.js";

const FILE = join(import.meta.dirname, "recorded.json");
/** A ratio may be so much below the recorded one. */
const MAY_FALL = 0.15;
/** The least ratios, by name and peer. */
const LEAST: readonly [name: string, peer: string, ratio: number][] = [
  ["parse.core", "sip", 16],
  ["parse.core.usual", "sip", 16],
  ["parse.core", "sofia-sip", 4.8],
  ["parse.core.usual", "sofia-sip", 4.8],
  ["parse.whole", "sofia-sip", 1.4],
  ["parse.whole.usual", "sofia-sip", 1.4],
];
/** The most that a legal spelling may cost, as a multiple of the usual one. */
const MOST_COST = 1.5;
const COST = ".cost.";
/**
 * This is no parser but the bound, and is told only. What shares the processor slows a parser by a half and such a scan
 * by less.
 */
const BOUND = "memchr";

const keyOf = ({ name, peer }: Result): string => name + " " + peer;

export function record(results: readonly Result[], file = FILE): void {
  const ratios = results.filter(
    ({ name, peer, ratio }) => name.startsWith("parse.") && ratio !== undefined && peer !== BOUND,
  );
  const rounded = ratios.map((one) => [keyOf(one), Number((one.ratio ?? 0).toPrecision(3))]);
  writeFileSync(file, JSON.stringify(Object.fromEntries(rounded), null, 2) + "\n");
}

/** @returns a line for each ratio that is too low; ratios that were not measured here are passed over */
export function problemsOf(results: readonly Result[], recorded: Record<string, number> = readRecorded()): string[] {
  const problems: string[] = [];
  for (const one of results) {
    const { name, peer, ratio, value } = one;
    if (name.includes(COST) && value > MOST_COST)
      problems.push(name + " is " + value.toFixed(2) + " times the usual spelling, not " + MOST_COST);
    if (ratio === undefined) continue;
    const before = recorded[keyOf(one)];
    if (ratio < before * (1 - MAY_FALL))
      problems.push(name + " is " + ratio.toFixed(2) + " times " + peer + ", and was " + before);
    const [, , least = 0] = LEAST.find(([of, beside]) => of === name && beside === peer) ?? [];
    if (ratio < least) problems.push(name + " is " + ratio.toFixed(2) + " times " + peer + ", not " + least);
  }
  return problems;
}

function readRecorded(): Record<string, number> {
  return JSON.parse(readFileSync(FILE, "utf8"));
}
