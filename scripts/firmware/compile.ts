/**
 * Compiles every C file of a board against ESP-IDF's headers with the board's options, and adds up the sizes. It needs
 * no build of ESP-IDF: Espressif's compiler does it, or Debian's with its own C library. Not here: the C of ESP-IDF
 * itself, and the image (image.ts).
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BOARDS, processorOf, ROOT } from "./boards.js";
import { compilationsOf } from "./headers.js";
import type { Linked } from "./link.js";
import { attempt, programPath, run } from "./tools.js";

/** So many errors of a board are shown. */
const ERRORS_SHOWN = 20;

/**
 * C files of the project that ESP-IDF's build starts: the entry of the program, and the empty debugger of a release.
 */
const ENTRY = ["lib/main/main.c", "lib/debugger/debugger_none.c"];
/** Components whose headers the entry files may include, and other files may not. */
const ENTRY_COMPONENTS = ["nvs_flash"];

interface Compiler {
  program: string;
  /** The prefix of its archiver and its other tools. */
  prefix: string;
  /** They come after the flags of the makefile. */
  flags: string[];
  /** Options of ESP-IDF that its C library needs. */
  options: string[];
  /** A line about the compiler; "" for Espressif's own. */
  note: string;
}

/** Debian's compilers, by processor. */
const DEBIAN = {
  riscv: {
    prefix: "riscv64-unknown-elf-",
    flags: ["--specs=picolibc.specs", "-march=rv32imc_zicsr_zifencei", "-mabi=ilp32"],
    packages: "gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf",
    note: "with picolibc",
  },
  xtensa: {
    prefix: "xtensa-lx106-elf-",
    flags: [],
    packages: "gcc-xtensa-lx106 and picolibc-xtensa-lx106-elf",
    note: "with picolibc, for another Xtensa than the chip's: its sizes are near the chip's, not the same",
  },
};

/** @returns one line in place of a compiler if there is none */
export function findCompiler(chip: string, env: NodeJS.ProcessEnv): Compiler | string {
  const processor = processorOf(chip);
  const espressif = processor === "riscv" ? "riscv32-esp-elf-" : "xtensa-" + chip + "-elf-";
  const own = programPath(espressif + "gcc", env);
  if (own !== "") return { program: own, prefix: espressif, flags: [], options: [], note: "" };
  const { prefix, flags, packages, note } = DEBIAN[processor];
  const program = programPath(prefix + "gcc", env);
  const lack = "no cross compiler for " + chip + ": Debian's packages " + packages;
  if (program === "") return lack;
  const library = attempt(program, [
    ...flags,
    "-E",
    "-include",
    "sys/types.h",
    "-x",
    "c",
    "/dev/null",
    "-o",
    "/dev/null",
  ]);
  if (!library.isGood) return lack;
  // Picolibc's stdio.h does not define ssize_t, which ESP-IDF's sources expect of it.
  return { program, prefix, flags: [...flags, "-include", "sys/types.h"], options: ["LIBC_PICOLIBC=y"], note };
}

/** Makes the header of the board's options. @returns lines about options that are not known or have no effect */
export function makeOptions(
  linked: Linked,
  idf: string,
  last: readonly string[],
): { problems: string[]; notes: string[] } {
  const merged = join(dirname(dirname(dirname(linked.sdkconfig))), "sdkconfig.mc");
  const manifest = join(ROOT, BOARDS[linked.board][1]);
  const folder = JSON.parse(readFileSync(manifest, "utf8")).build.SDKCONFIGPATH;
  const own = join(dirname(manifest), folder, "sdkconfig.defaults");
  const script = join(import.meta.dirname, "sdkconfig.py");
  // Debian's Python has Debian's kconfiglib; another Python on the PATH may have none.
  const args = [script, idf, linked.chip, merged, own, linked.sdkconfig, ...last];
  const { isGood, output } = attempt("/usr/bin/python3", args);
  const lines = output.trim() === "" ? [] : output.trim().split("\n");
  if (!isGood && !lines.some((line) => line.startsWith("board: ")))
    return { problems: [lines.at(-1) ?? ""], notes: [] };
  return {
    problems: lines.filter((line) => line.startsWith("board: ")).map((line) => line.slice(7)),
    notes: lines.filter((line) => !line.startsWith("board: ")),
  };
}

export interface Sizes {
  text: number;
  rodata: number;
  data: number;
  bss: number;
}

/** @returns the sums of what `size -A` printed */
export function addSizes(printed: string): Sizes {
  const sizes: Sizes = { text: 0, rodata: 0, data: 0, bss: 0 };
  for (const line of printed.split("\n")) {
    const found = /^(\.[\w.$-]+|COMMON|\*COM\*)\s+(\d+)\s+\d+/.exec(line);
    if (found === null) continue;
    const [, name, octets] = found;
    if (/^\.(text|literal|iram|init|fini)/.test(name)) sizes.text += Number(octets);
    else if (/^\.s?rodata/.test(name)) sizes.rodata += Number(octets);
    else if (/^\.(s?data|dram)/.test(name)) sizes.data += Number(octets);
    else if (/^\.s?bss|COM/.test(name)) sizes.bss += Number(octets);
  }
  return sizes;
}

/** @returns octets of the program's partition */
export function partitionBytes(table: string): number {
  for (const line of table.split("\n")) {
    const [, type, , , size] = line.split(",").map((cell) => cell.trim());
    if (type !== "app" || line.startsWith("#")) continue;
    const unit = size.endsWith("K") ? 1024 : size.endsWith("M") ? 1024 * 1024 : 1;
    return Number(unit === 1 ? size : size.slice(0, -1)) * unit;
  }
  return 0;
}

/** @returns octets of the chip's data RAM, by ESP-IDF's header */
function ramBytes(idf: string, chip: string): number {
  const text = readFileSync(join(idf, "components", "soc", chip, "include", "soc", "soc.h"), "utf8");
  const address = (name: string) => Number(new RegExp("define " + name + "\\s+(0x[0-9a-fA-F]+)").exec(text)?.[1]);
  return address("SOC_DRAM_HIGH") - address("SOC_DRAM_LOW");
}

/** Prints how far it came, and the sizes. @returns lines about problems */
export function compileBoard(linked: Linked, idf: string): string[] {
  const compiler = findCompiler(linked.chip, linked.env);
  if (typeof compiler === "string") {
    console.log("  C not compiled: " + compiler);
    return [];
  }
  const options = makeOptions(linked, idf, compiler.options);
  for (const note of options.notes) console.log("  " + note);
  if (options.problems.length > 0) return options.problems;

  const all = compilationsOf(linked);
  for (const { object } of all) rmSync(object, { force: true });
  const wrapper = join(linked.folder, "cc");
  const flags = [...compiler.flags, "-Wimplicit-function-declaration"].map((flag) => " '" + flag + "'").join("");
  writeFileSync(wrapper, '#!/bin/sh\nexec "' + compiler.program + '" "$@"' + flags + "\n");
  chmodSync(wrapper, 0o755);
  mkdirSync(dirname(linked.archive), { recursive: true });
  const tools = ["CC=" + wrapper, "AR=" + compiler.prefix + "ar"];
  const made = attempt(
    "make",
    ["-k", "-f", linked.makefile, ...tools, "-o", linked.sdkconfig, linked.archive],
    linked.env,
  );
  let output = made.output;
  let isGood = made.isGood;
  let failed = (output.match(/^make: \*\*\* \[[^\n]*\.o\] Error/gm) ?? []).length;
  const more = ENTRY_COMPONENTS.map((name) => "-I" + join(idf, "components", name, "include"));
  for (const source of ENTRY) {
    const path = join(process.env.MODDABLE ?? "", "build", "devices", "esp32", source);
    const done = attempt(wrapper, [
      ...all[1].flags,
      ...more,
      "-c",
      path,
      "-o",
      join(linked.folder, basename(source) + ".o"),
    ]);
    output += done.output;
    isGood = isGood && done.isGood;
    failed += done.isGood ? 0 : 1;
  }
  const total = all.length + ENTRY.length;
  const version = run(compiler.program, ["-dumpversion"], process.env).trim();
  const by = basename(compiler.program) + " " + version + (compiler.note === "" ? "" : " " + compiler.note);
  console.log("  C: " + (total - failed) + " of " + total + " files compile by " + by);
  if (!isGood) {
    const errors = output.split("\n").filter((line) => /\berror:|fatal error|\*\*\*/.test(line));
    return [...new Set(errors)].slice(0, ERRORS_SHOWN);
  }
  const defined = run(compiler.prefix + "nm", ["-g", "--defined-only", linked.archive], linked.env);
  const { problems, notes } = undeclared(output, defined);
  for (const note of notes) console.log("  " + note);
  return [...problems, ...reportSizes(linked, idf, compiler.prefix)];
}

/**
 * Finds functions that are called and that no header declares. The SDK switches that warning off, and then only the
 * linker finds a wrong name. @param defined the output of `nm` for the archive @returns those of the project's files,
 * and of the SDK's
 */
export function undeclared(output: string, defined: string): { problems: string[]; notes: string[] } {
  const own = new Set(defined.split("\n").map((line) => line.slice(line.lastIndexOf(" ") + 1)));
  const problems = new Set<string>();
  const notes = new Set<string>();
  for (const [, path, name] of output.matchAll(
    /^([^\s:]+):\d+:\d+: warning: implicit declaration of function '(\w+)'/gm,
  )) {
    if (own.has(name)) continue;
    const line = basename(path) + " calls " + name + ", which no header declares";
    if (path.startsWith(ROOT)) problems.add(line);
    else notes.add("SDK: " + line);
  }
  return { problems: [...problems], notes: [...notes] };
}

function reportSizes(linked: Linked, idf: string, prefix: string): string[] {
  const { text, rodata, data, bss } = addSizes(run(prefix + "size", ["-A", linked.archive], linked.env));
  const partition = partitionBytes(
    readFileSync(join(dirname(dirname(dirname(linked.sdkconfig))), "partitions.csv"), "utf8"),
  );
  const { chunk, heap, stack } = JSON.parse(readFileSync(join(linked.folder, "manifest_flat.json"), "utf8")).creation;
  const xs = chunk.initial + 16 * (heap.initial + stack);
  const hasPsram = /define CONFIG_SPIRAM 1/.test(readFileSync(linked.sdkconfig, "utf8"));
  const ram = ramBytes(idf, linked.chip);
  const flash = text + rodata + data;
  console.log(
    "  text " + text + ", rodata " + rodata + ", data " + data + ", bss " + bss + " octets, nothing unused left out",
  );
  console.log("  flash without ESP-IDF: " + flash + " of the partition's " + partition);
  const held = data + bss + (hasPsram ? 0 : xs);
  console.log(
    "  RAM without ESP-IDF: " + held + " of the chip's " + ram + (hasPsram ? ", and " + xs + " of PSRAM" : ""),
  );
  const problems: string[] = [];
  if (flash > partition) problems.push("the program does not fit its partition");
  if (held > ram) problems.push("data, bss and the memory of XS do not fit the chip");
  return problems;
}
