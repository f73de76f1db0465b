/**
 * Builds a program of this folder with the host's compiler, its address and undefined behaviour sanitizers, and gives
 * it octets to work on.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";

const COMPILER = process.env.CC ?? "gcc";
const FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all";

/** Whether there is a compiler. In CI there has to be one. */
export const isCheckable = process.env.CI === "true" || spawnSync(COMPILER, ["--version"]).status === 0;

/** @returns numbers as words of 32 bits */
export function words32(numbers: readonly number[]): Buffer {
  return Buffer.from(Int32Array.from(numbers).buffer);
}

/** @param source its name in this folder @param inputs of its standard input @returns the lines that it prints */
export function runSanitized(source: string, inputs: readonly Uint8Array[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "portero-sanitized-"));
  try {
    const program = join(folder, "program");
    const args = [...FLAGS.split(" "), "-o", program, join(import.meta.dirname, source)];
    const compiled = spawnSync(COMPILER, args, { encoding: "utf8" });
    expect(compiled.error?.message ?? compiled.stderr).toBe("");
    const run = spawnSync(program, { input: Buffer.concat(inputs), encoding: "utf8", maxBuffer: 1 << 27 });
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const lines = run.stdout.slice(0, -1).split("\n");
    expect(lines.length).toBe(inputs.length);
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
