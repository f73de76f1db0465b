/** Bundles machines and runs them in a world on XS. */
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";
import type { Xs } from "./build.js";

const HERE = dirname(fileURLToPath(import.meta.url));
/** A world that takes longer hangs, unless a longer time is given. */
const WORLD_MS = 600_000;
const FOLDER = join(HERE, "../../build/xs");

/** Bundles each machine into a script. @returns their files */
export async function bundle(
  machines: readonly string[],
  folder: string,
  constants: Record<string, unknown> = {},
  plugins: Plugin[] = [],
): Promise<string[]> {
  const scripts: string[] = [];
  for (const name of machines) {
    const outfile = join(folder, `${name}.js`);
    await build({
      entryPoints: [join(HERE, "machines", `${name}.ts`)],
      outfile,
      bundle: true,
      format: "iife",
      target: "es2022",
      define: Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)])),
      // Nothing of Node's is there, so an import that is not bundled is an error.
      platform: "neutral",
      logLevel: "silent",
      plugins,
    });
    scripts.push(outfile);
  }
  return scripts;
}

/**
 * @param machines names of files in machines/, the leader last
 * @param constants for the machines: identifiers and their values
 * @param plugins `natives` for the C of boards in the place of its twins
 * @param worldMs after which the world is taken to hang @param flags of the program
 * @returns the lines that the machines printed
 * @throws Error with what was printed when the world ended in failure
 */
export async function runWorld(
  xs: Xs,
  machines: readonly string[],
  constants: Record<string, unknown> = {},
  plugins: Plugin[] = [],
  worldMs = WORLD_MS,
  flags: readonly string[] = [],
): Promise<string[]> {
  const scripts = await bundle(machines, FOLDER, constants, plugins);
  try {
    const [command, ...args] = [...xs.emulator, xs.program, ...flags, ...scripts];
    const { stdout } = await promisify(execFile)(command, args, { timeout: worldMs, maxBuffer: 1 << 24 });
    return stdout.split("\n").filter((line) => line !== "");
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${machines.join(" and ")} on XS failed: ${error}\n${stdout ?? ""}${stderr ?? ""}`);
  }
}
