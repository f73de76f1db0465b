/**
 * `npm run firmware -- BOARD` builds and flashes by the SDK's mcconfig, or builds the program for Linux; `BOARD
 * --emulate` runs the image of an emulated board. `--check [BOARD]` goes as far as this machine allows, and says how
 * far: JavaScript, headers, C, image. It says in one line what is missing. Not here: the steps (scripts/firmware),
 * installing the SDK.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { BOARDS, chipOf, EMULATED, LINUX } from "./firmware/boards.js";
import { compileBoard } from "./firmware/compile.js";
import { emulate, lackOfEmulator } from "./firmware/emulate.js";
import { checkHeaders } from "./firmware/headers.js";
import { checkImage, flashBoard, lackOfIdf } from "./firmware/image.js";
import { buildForLinux, linkBoard } from "./firmware/link.js";
import { idfVersion, KNOWN, otherVersions, programPath, sdkTools } from "./firmware/tools.js";

const CHECK = "--check";
const EMULATE = "--emulate";

/** @returns "" or one line that names what is missing */
export function missing(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const [first, second = ""] = args;
  const isCheck = first === CHECK;
  const board = isCheck ? second : first;
  const isKnown = board !== undefined && (BOARDS[board] !== undefined || (isCheck && board === ""));
  if (args.length > 2 || !isKnown || (!isCheck && second !== "" && second !== EMULATE))
    return "usage: npm run firmware -- BOARD [--emulate] | --check [BOARD]; boards: " + Object.keys(BOARDS).join(", ");
  if (second === EMULATE && first !== EMULATED)
    return "there is no emulator for " + first + "; for " + EMULATED + " there is";
  const sdk = env.MODDABLE ?? "";
  if (sdk === "") return "MODDABLE is not set: it names the folder of the Moddable SDK, see docs/first-board.md";
  if (!existsSync(join(sdkTools(sdk), "mcconfig")))
    return "MODDABLE has no built tools for this machine (" + sdkTools("") + "/mcconfig), see docs/first-board.md";
  if (board === LINUX && lackOfGlib() !== "") return lackOfGlib();
  const idf = env.IDF_PATH ?? "";
  if (!isCheck && board !== LINUX && idf === "")
    return "IDF_PATH is not set: it names the folder of ESP-IDF, see docs/first-board.md";
  if (idf !== "" && idfVersion(idf) === "")
    return "IDF_PATH is no folder of ESP-IDF (tools/cmake/version.cmake is missing); known to work: " + KNOWN.idf;
  if (second === EMULATE) return lackOfEmulator(env);
  return isCheck || board === LINUX ? "" : lackOfIdf(idf, chipOf(board), env);
}

/** @returns "" or one line: why the program for Linux cannot be built */
function lackOfGlib(): string {
  const isThere = spawnSync("pkg-config", ["--exists", "gio-2.0"]).status === 0;
  return isThere ? "" : "the program for Linux needs GLib: Debian's packages libglib2.0-dev and pkg-config";
}

/** Prints how far the board could be checked, and why not further. @returns whether all checks passed */
function check(board: string, idf: string): boolean {
  if (board === LINUX) {
    const lack = lackOfGlib();
    if (lack !== "") console.log(LINUX + ":\n  not built: " + lack);
    else buildForLinux(true);
    return true;
  }
  const linked = linkBoard(board, idf);
  const { problems, sources } = checkHeaders(linked, process.env.MODDABLE ?? "", idf);
  console.log(
    "  headers of " + sources + " C files: " + (problems.length === 0 ? "all there" : problems.length + " missing"),
  );
  if (problems.length === 0) {
    if (idf === "") console.log("  C not compiled: IDF_PATH is not set: it names the folder of ESP-IDF");
    else problems.push(...compileBoard(linked, idf));
  }
  const lack = lackOfIdf(idf, linked.chip, process.env);
  if (problems.length > 0) console.log("  image not made");
  else if (lack !== "") console.log("  image not made: " + lack);
  else problems.push(...checkImage(linked));
  for (const problem of problems) console.error("  " + board + ": " + problem);
  return problems.length === 0;
}

function checkAll(boards: readonly string[], idf: string): boolean {
  if (programPath("gcc", process.env) === "") throw new Error("headers are looked for by gcc: Debian's package gcc");
  const bad = boards.filter((board) => !check(board, idf));
  console.log(
    bad.length === 0 ? "good, as far as it was looked at: " + boards.join(", ") : "not good: " + bad.join(", "),
  );
  return bad.length === 0;
}

/** Waits until the person has done what must be done at the board. */
async function atBoard(instruction: string): Promise<void> {
  console.log(instruction);
  if (!process.stdin.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  await terminal.question("Then press Enter here. ");
  terminal.close();
}

async function main(args: readonly string[]): Promise<boolean> {
  const problem = missing(args, process.env);
  if (problem !== "") {
    console.error(problem);
    return false;
  }
  for (const line of otherVersions(process.env)) console.error(line);
  const [first, second] = args;
  try {
    if (first === CHECK)
      return checkAll(second === undefined ? Object.keys(BOARDS) : [second], process.env.IDF_PATH ?? "");
    if (second === EMULATE) return await emulate();
    if (first !== LINUX) return await flashBoard(first, atBoard);
    buildForLinux(false);
    return true;
  } catch (error) {
    console.error(String(error instanceof Error ? error.message : error));
    return false;
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename)
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
