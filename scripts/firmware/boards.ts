/**
 * The boards that can be built for: each folder of hal/boards with a manifest. Not here: a board's devices (its
 * board.ts).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..", "..");
const FOLDER = "hal/boards";
/** The program for Linux. */
export const LINUX = "lin";
/** The board that an emulator runs. */
export const EMULATED = "esp32c3_qemu";

/** For each board: the platform of mcconfig, and the manifest. */
export const BOARDS: Record<string, readonly [string, string]> = {};
for (const name of readdirSync(join(ROOT, FOLDER)).sort()) {
  const manifest = FOLDER + "/" + name + "/manifest.json";
  if (existsSync(join(ROOT, manifest))) BOARDS[name] = [name === LINUX ? "x-cli-lin" : "esp32", manifest];
}

/** @returns the chip that the board's manifest names, in ESP-IDF's words */
export function chipOf(board: string): string {
  const { build } = JSON.parse(readFileSync(join(ROOT, BOARDS[board][1]), "utf8"));
  return build.ESP32_SUBCLASS ?? "esp32";
}

/** @returns the processor, in the SDK's words */
export function processorOf(chip: string): "riscv" | "xtensa" {
  return chip === "esp32" || chip === "esp32s2" || chip === "esp32s3" ? "xtensa" : "riscv";
}
