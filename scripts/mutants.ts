/**
 * `npm run mutants [-- FILE...]`: changes each of the files that decide who may, one place at a time, and tells which
 * changes none of their tests finds. A file is good when 95 % of its mutants are found; the others are explained in
 * docs/verification.md. Stryker is installed under build/ when it is asked for first. Results are kept there, so the
 * next run tries only what changed; `--fresh` begins anew. Not here: what a mutant is
 * (https://stryker-mutator.io/docs/mutation-testing-elements/supported-mutators).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = join(ROOT, "build/mutants");
const TOOLS = join(FOLDER, "tools");
const STRYKER = join(TOOLS, "node_modules/@stryker-mutator");
const VERSION = "9.6.1";
const LEAST_PERCENT = 95;
const FRESH = "--fresh";

/** The files, and for each the tests that must find its mutants. */
const FILES: Record<string, readonly string[]> = {
  "src/intercom/codelock.ts": ["test/intercom/codelock.test.ts"],
  "src/console/passwordlock.ts": ["test/console/locked-console.test.ts"],
  "src/intercom/access.ts": ["test/intercom/access.test.ts"],
  "src/intercom/callers.ts": ["test/intercom/callers.test.ts"],
  "src/server/guard.ts": ["test/server/guard.test.ts"],
  "src/server/admission.ts": ["test/server/admission.test.ts"],
  "src/server/authenticator.ts": ["test/server/authenticator.test.ts"],
  "src/ua/credentials.ts": ["test/ua/credentials.test.ts"],
  "src/ua/servers.ts": ["test/ua/servers.test.ts"],
};

interface Mutant {
  status: string;
  mutatorName: string;
  replacement?: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
}

interface Report {
  files: Record<string, { source: string; mutants: Mutant[] }>;
}

function install(): void {
  if (existsSync(join(STRYKER, "vitest-runner"))) return;
  mkdirSync(TOOLS, { recursive: true });
  // Stryker takes the project's own vitest, so npm installs no peers.
  const options = ["--no-save", "--no-package-lock", "--legacy-peer-deps", "--no-audit", "--no-fund"];
  const packages = [`@stryker-mutator/core@${VERSION}`, `@stryker-mutator/vitest-runner@${VERSION}`];
  const { status } = spawnSync("npm", ["install", ...options, "--prefix", TOOLS, ...packages], { stdio: "inherit" });
  if (status !== 0) throw new Error("Stryker cannot be installed: npm says why above");
}

/** @returns the folder of that file's results */
function folderOf(file: string): string {
  return join(
    FOLDER,
    file
      .replace(/^src\//, "")
      .replace(/\.ts$/, "")
      .replaceAll("/", "-"),
  );
}

function mutate(file: string, isFresh: boolean): Report {
  const folder = folderOf(file);
  mkdirSync(folder, { recursive: true });
  const vitest = join(folder, "vitest.config.mjs");
  const test = { include: FILES[file], testTimeout: 60_000 };
  writeFileSync(vitest, "export default " + JSON.stringify({ test }) + ";\n");
  const report = join(folder, "report.json");
  const config = join(folder, "stryker.config.json");
  const options = {
    mutate: [file],
    testRunner: "vitest",
    plugins: [pathToFileURL(join(STRYKER, "vitest-runner/dist/src/index.js")).href],
    vitest: { configFile: vitest, related: false },
    coverageAnalysis: "perTest",
    concurrency: 1,
    incremental: true,
    incrementalFile: join(folder, "incremental.json"),
    force: isFresh,
    tempDirName: join(folder, "sandbox"),
    ignorePatterns: ["build", "docs"],
    reporters: ["progress-append-only", "json"],
    jsonReporter: { fileName: report },
    // Stryker rewrites a tsconfig with a compiler of its own, and vitest needs no tsconfig.
    tsconfigFile: "none.json",
    allowConsoleColors: false,
  };
  writeFileSync(config, JSON.stringify(options, null, 2));
  const { status } = spawnSync(process.execPath, [join(STRYKER, "core/bin/stryker.js"), "run", config], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("Stryker ended with " + status);
  return JSON.parse(readFileSync(report, "utf8"));
}

/** @returns the program text that the mutant replaces, on one line */
function replaced(source: string, { location: { start, end } }: Mutant): string {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines[lines.length - 1].slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join(" ").replace(/\s+/g, " ");
}

/** Prints the mutants that were found and those that were not. @returns whether enough were found */
function tell(file: string, report: Report): boolean {
  const [{ source, mutants }] = Object.values(report.files);
  const counted = mutants.filter(({ status }) => status !== "Ignored" && !status.endsWith("Error"));
  const left = counted.filter(({ status }) => status !== "Killed" && status !== "Timeout");
  const percent = (100 * (counted.length - left.length)) / Math.max(1, counted.length);
  console.log(`${file}: ${counted.length - left.length} of ${counted.length} mutants found, ${percent.toFixed(1)} %`);
  for (const mutant of left) {
    const from = replaced(source, mutant);
    const to = (mutant.replacement ?? mutant.mutatorName).replace(/\s+/g, " ");
    const line = mutant.location.start.line;
    console.log(
      `  ${basename(file)}:${line} ${mutant.status === "NoCoverage" ? "(never run) " : ""}${from}  ->  ${to}`,
    );
  }
  return percent >= LEAST_PERCENT;
}

function main(args: readonly string[]): number {
  const wanted = args.filter((arg) => arg !== FRESH);
  const unknown = wanted.find((arg) => FILES[arg] === undefined);
  if (unknown !== undefined) {
    console.error(`${unknown} is none of the files: ${Object.keys(FILES).join(", ")}`);
    return 2;
  }
  install();
  const files = wanted.length > 0 ? wanted : Object.keys(FILES);
  const results = files.map((file) => ({ file, report: mutate(file, args.includes(FRESH)) }));
  const few = results.filter(({ file, report }) => !tell(file, report));
  for (const { file } of few) console.log(`${file}: less than ${LEAST_PERCENT} % found`);
  return few.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
