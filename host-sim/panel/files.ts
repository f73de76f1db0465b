/**
 * The files of the page. A checkout bundles them from page/ when the first browser asks, once a start, in memory; the
 * packed program has them beside it. Each is kept as it is sent, compressed. Not here: who is served (server.ts).
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface PageFile {
  type: string;
  plain: Buffer;
  zipped: Buffer;
  tag: string;
}

/** The folder lies beside the packed program (scripts/bundle.ts). */
const PACKED = join(import.meta.dirname, "panel");
const SOURCE = join(import.meta.dirname, "page");
/** The most files that the start of a program takes for a moment. */
const PROGRAM_FILES = 16;
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** @returns the files by their paths, "/" the page itself @throws Error of one line */
export async function pageFiles(): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  const isPacked = existsSync(join(PACKED, "index.html"));
  const contents = isPacked ? packed() : await bundled();
  for (const [name, plain] of contents) {
    const type = TYPES[name.slice(name.lastIndexOf("."))] ?? "application/octet-stream";
    const tag = '"' + createHash("sha256").update(plain).digest("base64url").slice(0, 16) + '"';
    files.set(name === "index.html" ? "/" : "/" + name, { type, plain, zipped: gzipSync(plain), tag });
  }
  return files;
}

function packed(): [string, Buffer][] {
  return readdirSync(PACKED).map((name) => [name, readFileSync(join(PACKED, name))]);
}

/**
 * esbuild is a program of its own. If there are no files for its pipes, it reports that in a way that would end the
 * simulator. @param open opens a file @throws Error of one line
 */
export function checkRoom(open: () => number = () => openSync(SOURCE, "r")): void {
  const files: number[] = [];
  try {
    for (let i = 0; i < PROGRAM_FILES; i++) files.push(open());
  } catch {
    throw new Error("too many files are open (ulimit -n): the panel's page comes when there are fewer");
  } finally {
    for (const file of files) closeSync(file);
  }
}

/**
 * Bundles the page from its sources: its own script, and those of parts that are opened later. @throws Error of one
 * line
 */
export async function bundled(): Promise<[string, Buffer][]> {
  let esbuild: typeof import("esbuild");
  try {
    esbuild = await import("esbuild");
  } catch {
    throw new Error("the panel is bundled by esbuild, which is not installed: npm ci");
  }
  checkRoom();
  const { outputFiles } = await esbuild.build({
    entryPoints: { panel: join(SOURCE, "main.tsx"), worklet: join(SOURCE, "worklet.ts") },
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    outdir: "/",
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    write: false,
    logLevel: "silent",
  });
  const files = outputFiles.map(({ path, contents }): [string, Buffer] => [
    path.slice(path.lastIndexOf("/") + 1),
    Buffer.from(contents),
  ]);
  for (const name of ["index.html", "icon.svg"]) files.push([name, readFileSync(join(SOURCE, name))]);
  return files;
}
