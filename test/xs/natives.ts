/**
 * The C of hal/native in a world: the sources that are compiled into it, and the way in which a machine's script calls
 * it in place of the TypeScript twins.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
/** The replacement of the SDK: its `crypt`, and the header that its build makes. */
const SDK = join(HERE, "../rv/native");

/** Files of src/ whose exports hal/native has in C, and those that it has through the SDK. */
const TWINS: readonly string[] = [
  "core/keyedhash",
  "core/octets",
  "media/echo",
  "media/g711",
  "media/goertzel",
  "media/packetcipher",
  "transaction/headlines",
  "wire/headreader",
];
const OF_THE_SDK: readonly string[] = ["wire/md5", "wire/sha256"];
const REPLACED = new RegExp(`src/(${[...TWINS, ...OF_THE_SDK].join("|")})\\.ts$`.replaceAll("/", "[/\\\\]"));

/** Sources beside those of the engine and the world. */
export const NATIVE_SOURCES: readonly string[] = [
  join(SDK, "crypt.c"),
  ...TWINS.map((path) => join(ROOT, `hal/native/${basename(path)}.c`)),
];
export const NATIVE_FLAGS: readonly string[] = ["-DPORTERO_NATIVES=1", `-I${SDK}`];

/** `native("NAME").call(…)` is the SDK's way to name a function of C; here the world has them. */
export const natives: Plugin = {
  name: "natives",
  setup(build) {
    build.onLoad({ filter: REPLACED }, ({ path }) => {
      const twin = readFileSync(join(ROOT, "hal/native", basename(path)), "utf8");
      const call = /function (\w+)\([^)]*\)[^{]*\{\s*(?:return )?native\("(\w+)"\)\.call\([^)]*\);\s*\}/g;
      return { contents: twin.replace(call, "const $1 = globalThis.host.$2;"), loader: "ts" };
    });
    build.onResolve({ filter: /^hal\/moddable\/crypthash$/ }, () => ({
      path: join(ROOT, "hal/moddable/crypthash.ts"),
    }));
    build.onResolve({ filter: /^crypt$/ }, () => ({ path: join(SDK, "crypt.js") }));
  },
};
