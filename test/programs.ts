/**
 * The programs as `npm run build` makes them: one file each, which starts in a sixth of the time that tsx takes. A file
 * is made once for each state of its source. The tests' own programs are bundled likewise.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, buildSync } from "esbuild";
import { bundleOptions } from "../scripts/bundle.js";

const FOLDER = join(import.meta.dirname, "../build/test");
const OLD_MS = 24 * 3600 * 1000;
const made = new Map<string, string>();

/** @param name as in package.json's bin @returns the file to give to node */
export function program(name: string): string {
  return fileOf(name, bundleOptions(name));
}

/** @param source a test's own program in TypeScript, an absolute path @returns the file to give to node */
export function ownProgram(source: string): string {
  return fileOf(basename(source, ".ts"), { ...bundleOptions("portero-sim"), entryPoints: [source] });
}

/** @returns a copy in that folder, outside of npm's packages and readable by everyone */
export function programIn(name: string, folder: string): string {
  const file = join(folder, name + ".cjs");
  copyFileSync(program(name), file);
  chmodSync(file, 0o755);
  return file;
}

function fileOf(name: string, options: BuildOptions): string {
  const known = made.get(name);
  if (known !== undefined) return known;
  const { contents } = buildSync({ ...options, write: false }).outputFiles[0];
  const sum = createHash("sha256").update(contents).digest("hex").slice(0, 16);
  const file = join(FOLDER, name + "-" + sum + ".cjs");
  if (!existsSync(file)) {
    mkdirSync(FOLDER, { recursive: true });
    // Another test may make the same file at the same time; neither may find half of it.
    const own = file + "." + process.pid + ".new";
    writeFileSync(own, contents);
    renameSync(own, file);
    removeOld(name);
  }
  made.set(name, file);
  return file;
}

/** Removes programs whose sources have changed since. */
function removeOld(name: string): void {
  for (const file of readdirSync(FOLDER)) {
    const path = join(FOLDER, file);
    if (file.startsWith(name) && Date.now() - statSync(path).mtimeMs > OLD_MS) rmSync(path, { force: true });
  }
}
