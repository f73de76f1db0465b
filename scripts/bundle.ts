/**
 * `npm run build`: bundles each program into one file, which needs Node but neither npm's packages nor tsx, and starts
 * in a sixth of the time. build/bin has all of them; build/server is a package of the server alone, to be packed or
 * installed elsewhere.
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { bundled } from "../host-sim/panel/files.js";

const ROOT = join(import.meta.dirname, "..");
/** The sources by the name of the program. */
export const PROGRAMS: Record<string, string> = {
  "portero-server": "host-sim/server/cli.ts",
  "portero-sim": "host-sim/cli.ts",
  "portero-config": "host-sim/config/cli.ts",
};

/** The options by which a program is bundled, for any folder. */
export function bundleOptions(name: string) {
  return {
    absWorkingDir: ROOT,
    entryPoints: [PROGRAMS[name]],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Both make the file smaller, and so the start shorter; names stay readable in the stack of a bug report.
    minifyWhitespace: true,
    minifySyntax: true,
    // serialport is compiled for its machine, and needed for a serial line only.
    external: ["serialport", "esbuild"],
    define: { "import.meta.dirname": "__dirname" },
    banner: { js: "#!/usr/bin/env node" },
    legalComments: "eof",
    logLevel: "warning",
  } satisfies BuildOptions;
}

/** Bundles one program. @returns the path of its file */
export async function bundle(name: string, folder: string): Promise<string> {
  const file = join(folder, name + ".cjs");
  await build({ ...bundleOptions(name), outfile: file });
  chmodSync(file, 0o755);
  return file;
}

/** Copies the files of the panel's page beside the program that serves them. */
async function page(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, contents] of await bundled()) writeFileSync(join(folder, name), contents);
}

/** Makes the package of the server alone. */
async function serverPackage(folder: string): Promise<void> {
  const { version, license, engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await bundle("portero-server", folder);
  const about = {
    name: "portero-server",
    version,
    description: "A SIP registrar, proxy and redirect server for a house",
    license,
    bin: { "portero-server": "portero-server.cjs" },
    files: ["portero-server.cjs", "deploy", "README.md"],
    engines,
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(about, null, 2) + "\n");
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(join(ROOT, "docs/server.md"), join(folder, "README.md"));
  cpSync(join(ROOT, "host-sim/server/deploy"), join(folder, "deploy"), { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(PROGRAMS)) {
    const file = await bundle(name, join(ROOT, "build/bin"));
    console.log(file.slice(ROOT.length + 1) + "  " + Math.round(statSync(file).size / 1024) + " KB");
  }
  await page(join(ROOT, "build/bin/panel"));
  await serverPackage(join(ROOT, "build/server"));
  console.log("build/server  a package of the server alone: npm install -g --install-links ./build/server");
}
