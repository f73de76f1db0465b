/**
 * Builds the XS engine and our program around it (native/world.c) with the C compiler, from the sources in npm's
 * @agoric/xsnap, into build/xs. Nothing is fetched. Slots have 16 bytes, as on the device, where the compiler makes
 * 32-bit programs and they run here; else they have the 32 bytes of a 64-bit program. A kernel without 32-bit emulation
 * runs 32-bit programs through Debian's qemu-user, which counts the same slots and bytecodes and takes ten times as
 * long: only those who ask for 16-byte slots get that.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NATIVE_FLAGS, NATIVE_SOURCES } from "./natives.js";

const run = promisify(execFile);
const HERE = dirname(fileURLToPath(import.meta.url));
const FOLDER = join(HERE, "../../build/xs");

/** The flags of the package's own makefile for a release, without its debugger and its lockdown. */
const FLAGS = [
  "-O2",
  "-w",
  "-fno-common",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="xsnapPlatform.h"',
  "-DmxMetering=1",
  "-DmxParse=1",
  "-DmxRun=1",
  "-DmxSloppy=1",
  "-DmxSnapshot=1",
  "-DmxMinusZero=1",
  "-D__has_builtin(x)=1",
  // Address space for the octets of one machine; a 32-bit program has room for several.
  "-DmxReserveChunkSize=0x10000000",
];

export interface Xs {
  /** The program, or "" if it could not be built. */
  program: string;
  /** The emulator with its arguments; empty if the program runs by itself. */
  emulator: readonly string[];
  /** Why there is no program, in one line. */
  reason: string;
  /** 16 as on the device, or 32. */
  slotBytes: number;
}

/**
 * Builds the parts that are not built yet, which takes about a minute the first time. @param isDevice whether only
 * 16-byte slots, as on the device, will do
 */
export async function buildXs(isDevice = false): Promise<Xs> {
  const no = (reason: string): Xs => ({ program: "", emulator: [], reason, slotBytes: 0 });
  const root = findXs();
  if (root === "") return no("npm's package @agoric/xsnap is not installed: npm ci");
  const compiler = process.env.CC ?? "cc";
  mkdirSync(FOLDER, { recursive: true });
  const way = WAYS.find(
    ({ width, emulator }) =>
      (width === 32 || !isDevice) && (isDevice || emulator.length === 0) && works(compiler, width, emulator),
  );
  if (way === undefined)
    return no(
      isDevice
        ? "32-bit programs are not made or do not run here: install gcc-multilib, and qemu-user where the kernel has no 32-bit emulation"
        : `there is no C compiler that works (tried ${compiler})`,
    );
  const { width, emulator } = way;
  const xs = join(root, "moddable/xs");
  const snap = join(root, "xsnap-native/xsnap/sources");
  const includes = [join(xs, "includes"), join(xs, "platforms"), join(xs, "sources"), snap].map((path) => `-I${path}`);
  const flags = [`-m${width}`, ...FLAGS, ...NATIVE_FLAGS, ...includes];
  const sources = readdirSync(join(xs, "sources"))
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(xs, "sources", name));
  sources.push(join(snap, "xsnapPlatform.c"), join(HERE, "native/world.c"), join(HERE, "native/engine.c"));
  sources.push(join(HERE, "native/census.c"));
  sources.push(...NATIVE_SOURCES);
  const link = [`-m${width}`, "-lm", "-ldl", "-lpthread"];
  const { program, reason } = await compileWorld({ compiler, flags, sources, link, folder: FOLDER, root });
  return { program, emulator, reason, slotBytes: width === 32 ? 16 : 32 };
}

export interface Compilation {
  compiler: string;
  /** Flags of each source. */
  flags: readonly string[];
  sources: readonly string[];
  /** Follow the objects on the linker's command line. */
  link: readonly string[];
  folder: string;
  /** The folder of npm's @agoric/xsnap: its sources change with its version only; the others are read. */
  root: string;
}

/** Compiles what is not compiled yet, and links it. @returns the program, or "" and one line why there is none */
export async function compileWorld(how: Compilation): Promise<{ program: string; reason: string }> {
  const { compiler, flags, sources, link, folder, root } = how;
  mkdirSync(folder, { recursive: true });
  const version = readFileSync(join(root, "package.json"), "utf8");
  const key = (path: string) =>
    createHash("sha256")
      .update(version)
      .update(flags.join(" "))
      .update(path.startsWith(root) ? path : withHeaders(path));
  const objects = sources.map((path) => join(folder, `${key(path).digest("hex").slice(0, 16)}.o`));
  const all = createHash("sha256").update(objects.join()).update(link.join(" "));
  const program = join(folder, `world-${all.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return { program, reason: "" };
  try {
    const waiting = sources
      .map((path, i) => ({ path, object: objects[i] }))
      .filter(({ object }) => !existsSync(object));
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        await run(compiler, [...flags, "-c", next.path, "-o", next.object]);
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
    await run(compiler, ["-o", program, ...objects, ...link]);
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr ?? error).slice(0, 1000);
    return { program: "", reason: `XS does not build: ${reason}` };
  }
  return { program, reason: "" };
}

/** @returns a source with all headers that lie beside it */
function withHeaders(path: string): string {
  const folder = dirname(path);
  const headers = readdirSync(folder).filter((name) => name.endsWith(".h"));
  return [path, ...headers.map((name) => join(folder, name))].map((file) => readFileSync(file, "utf8")).join("");
}

/** @returns the folder of npm's @agoric/xsnap, "" if it is not installed */
export function findXs(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve("@agoric/xsnap/package.json"));
  } catch {
    return "";
  }
}

/** Ways to run a program of this machine's compiler, the best one first. */
const WAYS: readonly { width: number; emulator: readonly string[] }[] = [
  { width: 32, emulator: [] },
  { width: 32, emulator: ["qemu-i386"] },
  { width: 64, emulator: [] },
];

/** @returns whether the compiler makes programs with pointers of so many bits, and they run */
function works(compiler: string, width: number, emulator: readonly string[]): boolean {
  const [source, program] = [join(FOLDER, "probe.c"), join(FOLDER, "probe" + width)];
  writeFileSync(
    source,
    "#include <math.h>\n#include <stdlib.h>\nint main(int c, char** v) { return (int)floor(atof(v[1])); }\n",
  );
  try {
    execFileSync(compiler, [`-m${width}`, "-o", program, source, "-lm"], { stdio: "pipe" });
    const [command, ...args] = [...emulator, program, "0"];
    execFileSync(command, args, { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
