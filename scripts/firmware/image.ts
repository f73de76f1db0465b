/** The image that is flashed, by ESP-IDF's own build. It needs all of ESP-IDF: idf.py, Espressif's compiler, and what its submodules bring. */
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { BOARDS, processorOf, ROOT } from "./boards.js";
import { partitionBytes } from "./compile.js";
import type { Linked } from "./link.js";
import { environment, OUT, programPath, run } from "./tools.js";

/** Libraries that come without source: a folder of ESP-IDF without its submodules lacks them. */
const SUBMODULE = "components/esp_wifi/lib";

/** @returns "" when ESP-IDF can build for that chip, else one line: what it lacks */
export function lackOfIdf(idf: string, chip: string, env: NodeJS.ProcessEnv): string {
  if (idf === "") return "IDF_PATH is not set: it names the folder of ESP-IDF";
  if (programPath("idf.py", env) === "") return "idf.py is not on the PATH: source $IDF_PATH/export.sh first";
  const compiler = (processorOf(chip) === "riscv" ? "riscv32-esp" : "xtensa-" + chip) + "-elf-gcc";
  if (programPath(compiler, env) === "") return compiler + " is not on the PATH: run $IDF_PATH/install.sh " + chip;
  if (!existsSync(join(idf, SUBMODULE, chip)))
    return "IDF_PATH has no " + SUBMODULE + ": git submodule update --init --recursive";
  return "";
}

/** @returns the folder of ESP-IDF's build @throws Error when there is no image after it */
export function buildImage(board: string, chip: string): string {
  const [platform, manifest] = BOARDS[board];
  const out = join(OUT, board);
  const build = join(out, "tmp", "esp32", "release", board, "xsProj-" + chip, "build");
  const image = join(build, "xs_esp32.bin");
  rmSync(image, { force: true });
  const printed = run(
    "mcconfig",
    ["-m", "-p", platform, "-t", "build", "-o", out, join(ROOT, manifest)],
    environment({}),
  );
  // The SDK's makefile goes on after an error of ESP-IDF.
  if (existsSync(image)) return build;
  console.error(printed);
  throw new Error("ESP-IDF made no image for " + board);
}

/** @returns lines of what is wrong */
export function checkImage(linked: Linked): string[] {
  const build = buildImage(linked.board, linked.chip);
  const octets = statSync(join(build, "xs_esp32.bin")).size;
  const partition = partitionBytes(readFileSync(join(dirname(build), "partitions.csv"), "utf8"));
  console.log("  image: " + octets + " octets of the partition's " + partition);
  return octets > partition ? ["the image does not fit its partition"] : [];
}
