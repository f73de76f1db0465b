/**
 * The first step of a build: mcconfig makes the makefile, each file is type-checked, and the JavaScript is linked with
 * its preloaded modules. ESP-IDF is not needed. Not here: the C that is linked with it (headers.ts, compile.ts).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { BOARDS, chipOf, LINUX, ROOT } from "./boards.js";
import { build, environment, OUT, run } from "./tools.js";

/** Octets of one XS slot on a machine of 32 bits, and on Linux. */
const SLOT_BYTES = 16;
const SLOT_BYTES_LINUX = 32;

/** A board whose JavaScript is linked, with the paths of its makefile and of the files that it makes. */
export interface Linked {
  board: string;
  chip: string;
  folder: string;
  makefile: string;
  /** The header that ESP-IDF makes of the board's options. */
  sdkconfig: string;
  /** The archive of all C except ESP-IDF's. */
  archive: string;
  /** The environment of the makefile. */
  env: NodeJS.ProcessEnv;
}

/** Makes a repository with a tag: the SDK's makefile asks ESP-IDF for no more before it compiles C. */
function emptyIdf(): string {
  const folder = join(OUT, "idf");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=x", "-c", "user.email=x@x", ...args]);
  git("init", "-q");
  git("commit", "-q", "--allow-empty", "-m", "empty");
  git("tag", "v0.0");
  return folder;
}

/** @param idf ESP-IDF's folder, "" for none */
export function linkBoard(board: string, idf: string): Linked {
  const [platform, manifest] = BOARDS[board];
  const out = join(OUT, board);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const env = environment({ IDF_PATH: idf === "" ? emptyIdf() : idf });
  run("mcconfig", ["-p", platform, "-o", out, join(ROOT, manifest)], env);
  const chip = chipOf(board);
  const folder = join(out, "tmp", "esp32", "release", board);
  const makefile = join(folder, "makefile");
  const sdkconfig = join(folder, "xsProj-" + chip, "build", "config", "sdkconfig.h");
  const archive = join(out, "bin", "esp32", "release", board, "xs_" + chip + ".a");
  run("make", ["-s", "-f", makefile, join(folder, "mc.xs.c"), "-o", sdkconfig], env);
  report(board, folder);
  return { board, chip, folder, makefile, sdkconfig, archive, env };
}

/**
 * Builds the whole program for Linux. The SDK's makefile would start every compiler at once, one for each of hundreds
 * of files, and use up the memory of a small machine: here as many run as there are processors.
 */
export function buildForLinux(isReported: boolean): void {
  const [platform, manifest] = BOARDS[LINUX];
  const out = join(OUT, LINUX);
  const folder = join(out, "tmp", "lin", "release", "lin");
  mkdirSync(out, { recursive: true });
  const env = environment({});
  run("mcconfig", ["-p", platform, "-o", out, join(ROOT, manifest)], env);
  build("make", ["-s", "-j" + availableParallelism(), "-f", join(folder, "makefile")], env);
  console.log(relative(ROOT, join(out, "bin", "lin", "release", "lin")));
  if (isReported) report(LINUX, folder);
}

function report(board: string, folder: string): void {
  const flat = JSON.parse(readFileSync(join(folder, "manifest_flat.json"), "utf8"));
  const source = readFileSync(join(folder, "mc.xs.c"), "utf8");
  const count = (name: string) => Number(new RegExp("define " + name + " (\\d+)").exec(source)?.[1] ?? Number.NaN);
  const slotBytes = board === LINUX ? SLOT_BYTES_LINUX : SLOT_BYTES;
  const slotsInFlash = count("mxHeapCount") + count("mxStackCount");
  // Each function body or module is declared once with its length before it is defined.
  let code = 0;
  for (const found of source.matchAll(/^static const txU1 gxCode\d+\[(\d+)\];/gm)) code += Number(found[1]);
  const { chunk, heap: slots, stack } = flat.creation;
  const ram = chunk.initial + slotBytes * (slots.initial + stack);
  const where = board === LINUX ? "in the program: " : "in flash: ";
  const parts = " octets (bytecode " + code + ", slots " + slotsInFlash + "), without C and tables";
  console.log(board + ":");
  console.log("  JavaScript linked, " + where + (code + slotBytes * slotsInFlash) + parts);
  console.log("  preloaded: " + flat.preload.join(" "));
  const heap = " octets (chunks " + chunk.initial + ", slots " + slots.initial + ", stack " + stack + ")";
  console.log("  in RAM for XS: " + ram + heap);
  const components = join(folder, "xs_idf_deps.txt");
  if (existsSync(components)) {
    const named = new Set(/ESP_COMPONENTS ([^)]*)/.exec(readFileSync(components, "utf8"))?.[1].trim().split(/\s+/));
    console.log("  components of ESP-IDF: " + [...named].join(" "));
  }
}
