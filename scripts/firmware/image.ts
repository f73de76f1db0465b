/**
 * The image that is flashed, by ESP-IDF's own build. It needs all of ESP-IDF: idf.py, Espressif's compiler, and its
 * submodules.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { BOARDS, chipOf, processorOf, ROOT } from "./boards.js";
import { partitionBytes } from "./compile.js";
import type { Linked } from "./link.js";
import { environment, OUT, programPath } from "./tools.js";

/** Libraries without source; a folder of ESP-IDF without its submodules lacks them. */
const SUBMODULE = "components/esp_wifi/lib";

/** @returns "" if ESP-IDF can build for that chip, otherwise one line that names what it lacks */
export function lackOfIdf(idf: string, chip: string, env: NodeJS.ProcessEnv): string {
  if (idf === "") return "IDF_PATH is not set: it names the folder of ESP-IDF";
  if (programPath("idf.py", env) === "") return "idf.py is not on the PATH: source $IDF_PATH/export.sh first";
  const compiler = (processorOf(chip) === "riscv" ? "riscv32-esp" : "xtensa-" + chip) + "-elf-gcc";
  if (programPath(compiler, env) === "") return compiler + " is not on the PATH: run $IDF_PATH/install.sh " + chip;
  if (!existsSync(join(idf, SUBMODULE, chip)))
    return "IDF_PATH has no " + SUBMODULE + ": git submodule update --init --recursive";
  return "";
}

/** @returns the arguments of mcconfig for one step of a board's build */
function steps(board: string, target: string): string[] {
  const [platform, manifest] = BOARDS[board];
  return ["-m", "-p", platform, "-t", target, "-o", join(OUT, board), join(ROOT, manifest)];
}

/**
 * Builds the image; the build prints its progress. @returns the folder of ESP-IDF's build @throws Error if there is no
 * image after it
 */
export function buildImage(board: string): string {
  const chip = chipOf(board);
  const build = join(OUT, board, "tmp", "esp32", "release", board, "xsProj-" + chip, "build");
  const image = join(build, "xs_esp32.bin");
  rmSync(image, { force: true });
  mkdirSync(join(OUT, board), { recursive: true });
  const done = spawnSync("mcconfig", steps(board, "build"), { cwd: ROOT, env: environment({}), stdio: "inherit" });
  if (done.error !== undefined) throw done.error;
  // The SDK's makefile goes on after an error of ESP-IDF.
  if (done.status !== 0 || !existsSync(image)) throw new Error("no image was made for " + board);
  return build;
}

/**
 * Builds the image and writes it into the board's flash. @param ready is told which of the board's buttons to press;
 * the flash is written after it
 */
export async function flashBoard(board: string, ready: (instruction: string) => Promise<void>): Promise<boolean> {
  buildImage(board);
  const { build } = JSON.parse(readFileSync(join(ROOT, BOARDS[board][1]), "utf8"));
  if (build.PROGRAMMING_MODE_MESSAGE !== undefined) await ready(build.PROGRAMMING_MODE_MESSAGE);
  const done = spawnSync("mcconfig", steps(board, "deploy"), { cwd: ROOT, env: environment({}), stdio: "inherit" });
  const isGood = done.status === 0;
  if (isGood && build.BEFORE_DEBUGGING_MESSAGE !== undefined) console.log(build.BEFORE_DEBUGGING_MESSAGE);
  return isGood;
}

/** @returns lines about problems */
export function checkImage(linked: Linked): string[] {
  const build = buildImage(linked.board);
  const octets = statSync(join(build, "xs_esp32.bin")).size;
  const partition = partitionBytes(readFileSync(join(dirname(build), "partitions.csv"), "utf8"));
  console.log("  image: " + octets + " octets of the partition's " + partition);
  return octets > partition ? ["the image does not fit its partition"] : [];
}
