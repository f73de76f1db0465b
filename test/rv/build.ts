/**
 * Builds XS and the world of machines (test/xs/native/world.c) for a 32-bit RISC-V chip as the ESP32-C3 has one, with
 * Debian's compiler and its small C library, and runs it in QEMU, which counts the instructions that the chip retires.
 * The C of hal/native takes the place of its TypeScript twins, as on a board; hash functions, which are the SDK's
 * there, are those of native/crypt.c.
 */
import { execFile, execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileWorld, findXs } from "../xs/build.js";
import { NATIVE_FLAGS, NATIVE_SOURCES, natives } from "../xs/natives.js";
import { bundle } from "../xs/run.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
const FOLDER = join(ROOT, "build/rv");
const COMPILER = "riscv64-unknown-elf-gcc";
const MACHINE = "qemu-system-riscv32";
/** The Debian packages of each program. */
const PACKAGES: readonly (readonly [program: string, packages: string])[] = [
  [COMPILER, "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"],
  [MACHINE, "qemu-system-misc"],
];
const RUN_MS = 600_000;
/**
 * With `zicsr` in its name the compiler takes a 64-bit library, so the code that reads the counter names it itself
 * (engine.c).
 */
const ARCHITECTURE = ["--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32"];
const FLAGS = [
  ...ARCHITECTURE,
  "-O2",
  "-w",
  "-ffunction-sections",
  "-fdata-sections",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  "-DmxMetering=1",
  "-DmxParse=1",
  "-DmxRun=1",
  "-DmxSloppy=1",
  "-DmxMinusZero=1",
];
/** The memory of QEMU's board `virt`, and its parts. */
const LINK = [
  ...ARCHITECTURE,
  "--oslib=semihost",
  "--crt0=semihost",
  "-Wl,--gc-sections",
  "-Wl,--defsym=__flash=0x80000000",
  "-Wl,--defsym=__flash_size=8M",
  "-Wl,--defsym=__ram=0x80800000",
  "-Wl,--defsym=__ram_size=240M",
  "-Wl,--defsym=__stack_size=1M",
  "-lm",
];

/** @returns the program, or "" and one line why there is none */
export async function buildRv(): Promise<{ program: string; reason: string }> {
  const root = findXs();
  if (root === "") return { program: "", reason: "npm's optional package @agoric/xsnap is not installed" };
  for (const [program, packages] of PACKAGES) {
    try {
      execFileSync(program, ["--version"], { stdio: "pipe" });
    } catch {
      return { program: "", reason: `${program} is not installed: Debian's ${packages}` };
    }
  }
  const xs = join(root, "moddable/xs");
  const includes = [join(xs, "includes"), join(xs, "platforms"), join(xs, "sources"), join(HERE, "native")];
  const sources = [
    ...readdirSync(join(xs, "sources"))
      .filter((name) => name.endsWith(".c"))
      .map((name) => join(xs, "sources", name)),
    join(HERE, "native/platform.c"),
    join(ROOT, "test/xs/native/world.c"),
    join(ROOT, "test/xs/native/engine.c"),
    join(ROOT, "test/xs/native/census.c"),
    ...NATIVE_SOURCES,
  ];
  const flags = [...FLAGS, ...NATIVE_FLAGS, ...includes.map((path) => `-I${path}`)];
  return compileWorld({ compiler: COMPILER, flags, sources, link: LINK, folder: FOLDER, root });
}

/**
 * @param machines names of files in test/xs/machines, the leader last
 * @returns the lines that the machines printed, and with `tellsWakes` one for each wake of the first machine
 */
export async function runRv(
  program: string,
  machines: readonly string[],
  tellsWakes: boolean,
  constants: Record<string, unknown> = {},
): Promise<string[]> {
  const scripts = await bundle(machines, FOLDER, { "process.argv": [], ...constants }, [natives]);
  const words = [...(tellsWakes ? ["--wakes"] : []), ...scripts].map((word) => `,arg=${word}`).join("");
  const args = [
    ...["-M", "virt", "-m", "256M", "-bios", "none", "-nographic", "-monitor", "none", "-serial", "none"],
    ...["-semihosting-config", `enable=on,target=native${words}`],
    // QEMU's clock has one instruction a nanosecond, so the counter counts instructions.
    ...["-icount", "shift=0", "-kernel", program],
  ];
  try {
    // QEMU writes what the chip's program prints to its own stderr.
    const { stderr } = await promisify(execFile)(MACHINE, args, { timeout: RUN_MS, maxBuffer: 1 << 24 });
    return stderr.split("\n").filter((line) => line !== "");
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(
      `${machines.join(" and ")} on the chip failed: ${(stderr ?? String(error)).trim().split("\n").at(-1)}`,
    );
  }
}
