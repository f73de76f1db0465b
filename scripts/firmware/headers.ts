/**
 * Looks for headers that no manifest includes: each C source of the makefile goes through the preprocessor of this
 * machine, which lists what it cannot find. Headers of ESP-IDF may be missing; those of the SDK or the project may not.
 * Not here: whether the C compiles (compile.ts).
 */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { ROOT } from "./boards.js";
import type { Linked } from "./link.js";
import { attempt } from "./tools.js";

/** Stands in place of the compiler in the commands that make prints. */
export const COMPILER = "CROSS-COMPILER";

/** One command of the makefile. */
export interface Compilation {
  source: string;
  object: string;
  /** The flags without the source, the object and options that only write files. */
  flags: string[];
}

/** @returns the compilations among the commands that `make -n` printed */
export function compilations(printed: string): Compilation[] {
  const found: Compilation[] = [];
  for (const line of printed.replace(/\\\n/g, " ").split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] !== COMPILER) continue;
    const at = words.indexOf("-o");
    const flags: string[] = [];
    let source = "";
    for (let i = 1; i < words.length; i++) {
      if (i === at || i === at + 1 || /^-(c|MMD|MP)$/.test(words[i])) continue;
      if (words[i - 1] !== "-D" && /\.(c|cpp|cc)$/.test(words[i])) source = words[i];
      else flags.push(words[i]);
    }
    if (source !== "" && at > 0) found.push({ source, object: words[at + 1], flags });
  }
  return found;
}

/** @returns every compilation that the archive of the board needs */
export function compilationsOf(linked: Linked): Compilation[] {
  const args = ["-n", "-B", "-f", linked.makefile, "CC=" + COMPILER, "-o", linked.sdkconfig, linked.archive];
  const { output } = attempt("make", args, linked.env);
  const found = compilations(output);
  if (found.length === 0) throw new Error("the makefile of " + linked.board + " compiles nothing:\n" + output);
  return found;
}

/** The headers of some folders, by their last part. */
export class Headers {
  private readonly byName = new Map<string, string[]>();

  constructor(folders: readonly string[]) {
    for (const folder of folders)
      if (existsSync(folder))
        for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
          if (entry.name.endsWith(".h")) {
            const known = this.byName.get(entry.name) ?? [];
            known.push(join(entry.parentPath, entry.name));
            this.byName.set(entry.name, known);
          }
  }

  /** @returns the path of a header that is included as `name`, such as "driver/uart.h"; "" if there is none */
  find(name: string): string {
    const known = this.byName.get(name.slice(name.lastIndexOf("/") + 1)) ?? [];
    return known.find((path) => path.endsWith("/" + name)) ?? "";
  }
}

/**
 * @returns the headers of `compilation` that the preprocessor does not find @throws Error if the source itself cannot
 * be read
 */
export function missingHeaders(compilation: Compilation): string[] {
  const flags = compilation.flags.filter((flag, i, all) => /^-[DIU]/.test(flag) || all[i - 1] === "-D");
  const { isGood, output } = attempt("gcc", ["-M", "-MG", ...flags, compilation.source]);
  // This is -M and not -MM, which leaves out missing headers between angle brackets. Missing options of ESP-IDF make
  // some headers stop by #error; the headers named until then are still printed.
  const rule = /^[^\s:]+\.o:((?:\\\n|[^\n])*)/m.exec(output)?.[1] ?? "";
  if (!isGood && !output.includes("#error") && rule === "")
    throw new Error("gcc cannot read " + compilation.source + ": " + output);
  const named = rule.replace(/\\\n/g, " ").split(/\s+/);
  return named.filter((name) => name !== "" && !isAbsolute(name) && !existsSync(join(ROOT, name)));
}

/** @returns the folders whose headers a manifest can include */
export function includable(sdk: string): string[] {
  return [...["build/devices/esp32", "modules", "xs"].map((name) => join(sdk, name)), join(ROOT, "hal")];
}

/** @returns a line for each missing header that could be included, and the number of sources that were looked at */
export function checkHeaders(linked: Linked, sdk: string, idf: string): { problems: string[]; sources: number } {
  const ours = new Headers(includable(sdk));
  const theirs = new Headers(idf === "" ? [] : [join(idf, "components")]);
  const problems: string[] = [];
  // Two sources are made right before they are compiled, and include nothing of interest.
  const all = compilationsOf(linked).filter(({ source }) => existsSync(source));
  for (const one of all)
    for (const name of missingHeaders(one)) {
      const path = ours.find(name);
      if (path === "" || theirs.find(name) !== "") continue;
      const where = path.startsWith(sdk) ? "$(MODDABLE)/" + relative(sdk, path) : relative(ROOT, path);
      problems.push(relative(sdk, one.source) + " wants " + name + ", which no manifest includes: it is " + where);
    }
  return { problems, sources: all.length };
}
