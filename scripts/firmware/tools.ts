/**
 * Common helpers of the steps of `npm run firmware`: they run programs, and read the versions of the SDK and of
 * ESP-IDF.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { ROOT } from "./boards.js";

/** The folder of all builds. */
export const OUT = resolve(process.env.PORTERO_OUT ?? join(ROOT, "build", "firmware"));
/** Types and links take five minutes of a processor, and the machine may be slow, or have other work. */
const STEP_MS = 3_600_000;

/** The versions that the firmware was compiled with, see docs/verification.md. */
export const KNOWN = { moddable: "8.2.3", idf: "6.0.2" };

export function sdkTools(sdk: string): string {
  return join(sdk, "build", "bin", process.platform === "darwin" ? "mac" : "lin", "release");
}

/** @returns the environment with the SDK's tools and the project's tsc on the PATH */
export function environment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = [join(ROOT, "node_modules", ".bin"), sdkTools(process.env.MODDABLE ?? ""), process.env.PATH];
  return { ...process.env, ...extra, PATH: path.join(delimiter) };
}

export interface Done {
  isGood: boolean;
  output: string;
}

/** Runs a program to its end. */
export function attempt(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Done {
  const options = { cwd: ROOT, env, encoding: "utf8", timeout: STEP_MS, maxBuffer: 1 << 28 } as const;
  const done = spawnSync(command, args, options);
  const output = (done.stdout ?? "") + (done.stderr ?? "") + (done.error === undefined ? "" : done.error.message);
  return { isGood: done.status === 0, output };
}

/** Runs a program as `attempt` does. @returns its output @throws Error if it failed; its output is shown */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { isGood, output } = attempt(command, args, env);
  if (isGood) return output;
  console.error(output);
  throw new Error(command + " failed");
}

/** Runs a long build, which shows what it does. @throws Error if it failed */
export function build(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, env, stdio: "inherit", timeout: STEP_MS });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(command + " failed");
}

/** @returns the path of a program, "" if there is none of that name */
export function programPath(name: string, env: NodeJS.ProcessEnv): string {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder is tried.
    }
  }
  return "";
}

/** @returns the version of the SDK in that folder, "" if it tells none */
export function sdkVersion(sdk: string): string {
  const path = join(sdk, "tools", "VERSION");
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

/** @returns the version of ESP-IDF in that folder, "" if it is not ESP-IDF's */
export function idfVersion(idf: string): string {
  const path = join(idf, "tools", "cmake", "version.cmake");
  if (!existsSync(path)) return "";
  const text = readFileSync(path, "utf8");
  const part = (name: string) => new RegExp("IDF_VERSION_" + name + " (\\d+)").exec(text)?.[1] ?? "?";
  return [part("MAJOR"), part("MINOR"), part("PATCH")].join(".");
}

/** @returns a line for each of MODDABLE and IDF_PATH that is of another version than those that are known to work */
export function otherVersions(env: NodeJS.ProcessEnv): string[] {
  const lines: string[] = [];
  const compare = (name: string, found: string, known: string) => {
    if (found !== known)
      lines.push(name + " is of version " + (found === "" ? "(none told)" : found) + "; known to work: " + known);
  };
  if ((env.MODDABLE ?? "") !== "") compare("MODDABLE", sdkVersion(env.MODDABLE ?? ""), KNOWN.moddable);
  if ((env.IDF_PATH ?? "") !== "") compare("IDF_PATH", idfVersion(env.IDF_PATH ?? ""), KNOWN.idf);
  return lines;
}
