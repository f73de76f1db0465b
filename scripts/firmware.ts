/**
 * `npm run firmware -- BOARD` builds and flashes by the SDK's mcconfig, or builds the program for Linux; `--check` links the
 * JavaScript of every board without ESP-IDF, and that program as a whole, and prints what it takes. It says in one line what is missing. Not here: installing the SDK.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, delimiter, dirname, join, relative, resolve } from "node:path";

/** By board: the platform of mcconfig and the manifest. */
export const BOARDS: Record<string, readonly [string, string]> = {
  m5atom_echo_s3r: ["esp32", "hal/boards/m5atom_echo_s3r/manifest.json"],
  esp32_audio_kit: ["esp32", "hal/boards/esp32_audio_kit/manifest.json"],
  generic_esp32: ["esp32", "hal/boards/generic_esp32/manifest.json"],
  lin: ["x-cli-lin", "hal/boards/lin/manifest.json"],
};
const ROOT = resolve(import.meta.dirname, "..");
const OUT = join(ROOT, "build", "firmware");
const STEP_MS = 300_000;
/** Of one XS slot on a machine of 32 bits, and on Linux. */
const SLOT_BYTES = 16;
const SLOT_BYTES_LINUX = 32;

/** @returns "" or one line: what is missing */
export function missing(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const isCheck = args[0] === "--check";
  if (args.length !== 1 || (!isCheck && BOARDS[args[0]] === undefined))
    return "usage: npm run firmware -- BOARD | --check; boards: " + Object.keys(BOARDS).join(", ");
  const sdk = env.MODDABLE ?? "";
  if (sdk === "") return "MODDABLE is not set: it names the folder of the Moddable SDK, see docs/flashing.md";
  if (!existsSync(join(sdk, "build", "bin", "lin", "release", "mcconfig")))
    return "MODDABLE has no built tools for Linux (build/bin/lin/release/mcconfig), see docs/flashing.md";
  if ((isCheck || args[0] === "lin") && spawnSync("pkg-config", ["--exists", "gio-2.0"]).status !== 0)
    return "the program for Linux needs GLib: Debian's packages libglib2.0-dev and pkg-config";
  if (!isCheck && args[0] !== "lin" && (env.IDF_PATH ?? "") === "")
    return "IDF_PATH is not set: it names the folder of ESP-IDF, see docs/flashing.md";
  return "";
}

function environment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tools = join(process.env.MODDABLE ?? "", "build", "bin", "lin", "release");
  const path = [join(ROOT, "node_modules", ".bin"), tools, process.env.PATH].join(delimiter);
  return { ...process.env, ...extra, PATH: path };
}

/** A repository with a tag: all that the SDK's makefile asks of ESP-IDF before it compiles C. */
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

function run(command: string, args: string[], env: NodeJS.ProcessEnv): string {
  const done = spawnSync(command, args, { cwd: ROOT, env, encoding: "utf8", timeout: STEP_MS });
  const output = (done.stdout ?? "") + (done.stderr ?? "");
  if (done.status === 0) return output;
  console.error(output);
  throw new Error(command + " " + (done.error?.message ?? "failed with " + done.status));
}

/** @returns the folder of what was made on the way to the program, and says where that is */
function buildForLinux(): string {
  const [platform, manifest] = BOARDS.lin;
  const out = join(OUT, "lin");
  mkdirSync(out, { recursive: true });
  run("mcconfig", ["-m", "-p", platform, "-o", out, join(ROOT, manifest)], environment({}));
  console.log(relative(ROOT, join(out, "bin", "lin", "release", "lin")));
  return join(out, "tmp", "lin", "release", "lin");
}

function check(board: string, idf: string): void {
  if (board === "lin") {
    const folder = buildForLinux();
    report(board, folder, join(folder, "mc.xs.c"));
    return;
  }
  const [platform, manifest] = BOARDS[board];
  const out = join(OUT, board);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const env = environment({ IDF_PATH: idf });
  run("mcconfig", ["-p", platform, "-o", out, join(ROOT, manifest)], env);
  // mcconfig names a program after the folder of its manifest.
  const name = basename(dirname(join(ROOT, manifest)));
  const folder = [platform, join("esp32", "")].map((one) => join(out, "tmp", one, "release", name)).find(existsSync);
  if (folder === undefined) throw new Error("mcconfig left no folder for " + board);
  const makefile = join(folder, "makefile");
  const subclass = /^ESP32_SUBCLASS = (\S+)/m.exec(readFileSync(makefile, "utf8"))?.[1] ?? "esp32";
  const header = join(folder, "xsProj-" + subclass, "build", "config", "sdkconfig.h");
  const target = join(folder, "mc.xs.c");
  run("make", ["-s", "-f", makefile, target, "-o", header], env);
  report(board, folder, target);
}

function report(board: string, folder: string, target: string): void {
  const flat = JSON.parse(readFileSync(join(folder, "manifest_flat.json"), "utf8"));
  const source = readFileSync(target, "utf8");
  const count = (name: string) => Number(new RegExp("define " + name + " (\\d+)").exec(source)?.[1] ?? Number.NaN);
  const slotBytes = board === "lin" ? SLOT_BYTES_LINUX : SLOT_BYTES;
  const slotsInFlash = count("mxHeapCount") + count("mxStackCount");
  // Each function body or module is declared once with its length before it is defined.
  let code = 0;
  for (const found of source.matchAll(/^static const txU1 gxCode\d+\[(\d+)\];/gm)) code += Number(found[1]);
  const { chunk, heap: slots, stack } = flat.creation;
  const ram = chunk.initial + slotBytes * (slots.initial + stack);
  console.log(board + ":");
  console.log(
    (board === "lin" ? "  in the program: " : "  in flash: ") +
      (code + slotBytes * slotsInFlash) +
      " octets (bytecode " +
      code +
      ", slots " +
      slotsInFlash +
      "), without the SDK's C, ESP-IDF and tables",
  );
  console.log("  preloaded: " + flat.preload.join(" "));
  console.log(
    "  in RAM for XS: " +
      ram +
      " octets (chunks " +
      chunk.initial +
      ", slots " +
      slots.initial +
      ", stack " +
      stack +
      ")",
  );
}

function main(args: readonly string[]): number {
  const problem = missing(args, process.env);
  if (problem !== "") {
    console.error(problem);
    return 1;
  }
  try {
    if (args[0] === "--check") {
      const idf = emptyIdf();
      for (const board of Object.keys(BOARDS)) check(board, idf);
    } else if (args[0] === "lin") buildForLinux();
    else {
      const [platform, manifest] = BOARDS[args[0]];
      const done = spawnSync("mcconfig", ["-m", "-p", platform, "-t", "deploy", join(ROOT, manifest)], {
        cwd: ROOT,
        env: environment({}),
        stdio: "inherit",
      });
      return done.status ?? 1;
    }
  } catch (error) {
    console.error(String(error instanceof Error ? error.message : error));
    return 1;
  }
  return 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename)
  process.exitCode = main(process.argv.slice(2));
