/**
 * The programs as `npm run build` makes them: one file each, which starts in a sixth of the time that tsx takes. A file
 * is made once for each state of its source. The tests' own programs are bundled likewise.
 */
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import * as fs from "node:fs";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { constants, Script } from "node:vm";
import { type BuildOptions, buildSync } from "esbuild";
import { bundleOptions } from "../scripts/bundle.js";

const FOLDER = join(import.meta.dirname, "../build/test");
const OLD_MS = 24 * 3600 * 1000;
/** The variable of the environment that names a program's file begins so. */
const MADE_BEFORE = "MADE_";
const made = new Map<string, string>();

/** @param name as in package.json's bin @returns the file to give to node */
export function program(name: string): string {
  return process.env[MADE_BEFORE + name] ?? fileOf(name, bundleOptions(name));
}

/** @returns the environment by which test files find these programs, and do not bundle them once more each */
export function programsMade(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [MADE_BEFORE + name, program(name)]));
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

/** What a program said until it ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

type Module = (
  exports: object,
  require: NodeJS.Require,
  module: object,
  filename: string,
  dirname: string,
  process: object,
) => void;
const compiled = new Map<string, Module>();

/**
 * Runs a program to its end in this process: the bundle is compiled once and called with a `process` of its own, which
 * costs a tenth of a child. Signals, users, terminals and the octets of file descriptors 0 to 2 want a child.
 */
export function runHere(name: string, args: readonly string[], input: string | Buffer = ""): Promise<Ended> {
  const file = program(name);
  let main = compiled.get(file);
  if (main === undefined) {
    const code = readFileSync(file, "utf8").replace(/^#!.*/, "");
    const head = "(function (exports, require, module, __filename, __dirname, process) {";
    main = new Script(head + code + "\n})", {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }).runInThisContext() as Module;
    compiled.set(file, main);
  }
  const run = main;
  return new Promise((resolve) => {
    const said = { out: "", err: "" };
    const stream = (to: "out" | "err"): Writable =>
      new Writable({
        decodeStrings: false,
        write: (piece, _, done) => {
          said[to] += piece;
          done();
        },
      });
    const stdin = new PassThrough();
    stdin.end(input);
    const octets = Buffer.from(input);
    let read = 0;
    // Some lines are read from file descriptor 0 itself.
    const files = {
      ...fs,
      readSync: (file: number, into: Uint8Array, ...more: [number, number, number | null] | []) => {
        if (file !== 0) return fs.readSync(file, into, ...(more as [number, number, number]));
        const count = octets.copy(into, 0, read);
        read += count;
        return count;
      },
    };
    const load = createRequire(file);
    const require = Object.assign((id: string) => (id === "node:fs" ? files : load(id)), load);
    const own = Object.create(process, {
      argv: { value: [process.execPath, file, ...args] },
      stdin: { value: stdin },
      stdout: { value: stream("out") },
      stderr: { value: stream("err") },
      exit: {
        value: (code: number) => {
          own.emit("exit", code);
          resolve({ code, ...said });
        },
      },
    });
    EventEmitter.call(own);
    const module = { exports: {} };
    run(module.exports, require, module, file, dirname(file), own);
  });
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
