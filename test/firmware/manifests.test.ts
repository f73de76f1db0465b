/**
 * Tests that the manifests name exactly the modules of the SDK that the firmware imports, on every board: a folder too
 * many links drivers that nothing calls, one too few is an import that fails on a board only. Without the SDK; with it,
 * `npm run firmware -- --check` looks at C too.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { BOARDS, LINUX } from "../../scripts/firmware/boards.js";

const ROOT = join(import.meta.dirname, "..", "..");
const SDK = "$(MODDABLE)/";

/** For each folder of the SDK the modules that this firmware may import from it. */
const GIVES: Record<string, readonly string[]> = {
  "examples/manifest_base.json": ["time", "timer", "mc/config"],
  "modules/crypt/digest/manifest.json": ["crypt"],
  "modules/io/digital/manifest.json": ["embedded:io/digital"],
  "modules/io/ethernet/manifest.json": ["embedded:network/interface/ethernet"],
  "modules/io/i2c/manifest.json": ["embedded:io/smbus"],
  "modules/io/serial/manifest.json": ["embedded:io/serial"],
  "modules/io/storage/manifest.json": ["embedded:storage/key-value"],
  "modules/io/wifi/manifest.json": ["embedded:network/interface/wifi"],
};
/** Every board includes it, for any imports. */
const ALWAYS = "examples/manifest_base.json";
/** Components of ESP-IDF by headers of our C that need them linked, and the folders of the SDK that bring them. */
const COMPONENTS: readonly (readonly [RegExp, string, string])[] = [
  [/^driver\/i2s/, "esp_driver_i2s", ""],
  [/^driver\/uart/, "esp_driver_uart", ""],
  [/^driver\/gpio\.h$/, "esp_driver_gpio", "modules/io/digital/manifest.json"],
  [/^esp_eth/, "esp_eth", ""],
  [/^esp_wifi/, "esp_wifi", "modules/io/wifi/manifest.json"],
  [/^mbedtls\//, "mbedtls", ""],
  [/^(esp_)?pthread\.h$/, "pthread", ""],
];

interface Manifest {
  include?: string | string[];
  modules?: Record<string, string | string[]>;
  platforms?: Record<string, { dependency?: { idf: string }[]; include?: string | string[]; modules?: object }>;
  dependency?: unknown;
}
const read = (file: string): Manifest => JSON.parse(readFileSync(join(ROOT, file), "utf8"));
const listOf = (value: string | string[] | undefined) => (value === undefined ? [] : [value].flat());

/** @returns a board's manifests of the project, and the manifests of the SDK that they include */
function collect(file: string, ours: string[] = [], sdk: string[] = []): { ours: string[]; sdk: string[] } {
  if (ours.includes(file)) return { ours, sdk };
  ours.push(file);
  for (const include of listOf(read(file).include))
    if (include.startsWith(SDK)) sdk.push(include.slice(SDK.length));
    else collect(join(dirname(file), include), ours, sdk);
  return { ours, sdk };
}

/** @returns the sources that a board's manifests leave out, as paths without their ending */
function leftOut(ours: readonly string[]): Set<string> {
  return new Set(
    ours.flatMap((file) => listOf(read(file).modules?.["~"]).map((source) => join(dirname(file), source))),
  );
}

/**
 * @returns files of the board's own modules, by specifier; specifiers that name sources of the SDK; C of the board; and
 * specifiers of two files
 */
function modulesOf(ours: readonly string[]) {
  const files = new Map<string, string>();
  const twice: string[] = [];
  const fromSdk: string[] = [];
  const native: string[] = [];
  const out = leftOut(ours);
  const name = (specifier: string, path: string): void => {
    if (files.has(specifier)) twice.push(specifier);
    files.set(specifier, path);
  };
  for (const file of [...ours].reverse())
    for (const [specifier, value] of Object.entries(read(file).modules ?? {}))
      for (const source of listOf(value)) {
        if (specifier === "~") continue;
        if (source.startsWith("$(")) {
          const found = specifier === "*" ? /network\/net\/net$/.exec(source) && "net" : specifier;
          if (found) fromSdk.push(found);
          continue;
        }
        const path = join(dirname(file), source);
        for (const end of [".c", ".h"]) if (existsSync(join(ROOT, path + end))) native.push(path + end);
        if (!source.endsWith("/*")) {
          if (existsSync(join(ROOT, path + ".ts")) && !out.has(path)) name(specifier, path + ".ts");
          continue;
        }
        const folder = path.slice(0, -2);
        for (const file of readdirSync(join(ROOT, folder)))
          if (file.endsWith(".ts") && !file.endsWith(".d.ts") && !out.has(join(folder, file.slice(0, -3))))
            name(specifier.slice(0, -1) + file.slice(0, -3), join(folder, file));
      }
  return { files, fromSdk, native, twice };
}

const IMPORT = /^(?:import|export) (?!type )(?:[^"';]*? from )?"([^".][^"]*)"/gm;
const importsOf = (path: string) => [...readFileSync(join(ROOT, path), "utf8").matchAll(IMPORT)].map((one) => one[1]);
const C_INCLUDE = /^#include [<"]([^>"]+)[>"]/gm;

/** The import of a module of the project, from a file of the board's. */
const OWN_IMPORT = /^(?:import|export) (?!type )(\{[^}]*\}|[^"';{]*)? ?(?:from )?"(\.[^"]*)\.js"/gm;

it.each(Object.keys(BOARDS))(
  "The manifests of %s have one file for each module: of two the SDK takes the first",
  (board) => {
    const { files, twice } = modulesOf(collect(BOARDS[board][1]).ours);
    expect(files.size).toBeGreaterThan(200);
    expect(twice).toEqual([]);
  },
);

const boards = Object.keys(BOARDS).filter((board) => board !== LINUX);

describe.each(boards)("The manifests of %s", (board) => {
  const { ours, sdk } = collect(BOARDS[board][1]);
  const { files, fromSdk, native } = modulesOf(ours);
  const imported = new Set([...files.values()].flatMap(importsOf));

  it("include of the SDK exactly what is imported", () => {
    for (const include of sdk)
      expect(Object.keys(GIVES), "unknown: add it to GIVES or leave it out").toContain(include);
    const given = new Set([...sdk.flatMap((include) => GIVES[include]), ...fromSdk]);
    for (const specifier of imported)
      expect(given.has(specifier) || files.has(specifier), specifier + " is imported and not there").toBe(true);
    for (const include of sdk)
      expect(include === ALWAYS || GIVES[include].some((one) => imported.has(one)), include + " is not used").toBe(
        true,
      );
    for (const specifier of fromSdk) expect(imported.has(specifier), specifier + " is not used").toBe(true);
  });

  it("name the components of ESP-IDF where the SDK looks for them: under its platforms", () => {
    for (const file of ours)
      expect(read(file).dependency, file + ": dependency at the top counts for nothing").toBeUndefined();
    const named = (platform: string) =>
      ours.flatMap((file) => (read(file).platforms?.[platform]?.dependency ?? []).map((one) => one.idf)).sort();
    expect(named("esp32/*")).toEqual(named("esp32"));
    const included = native.flatMap((path) =>
      [...readFileSync(join(ROOT, path), "utf8").matchAll(C_INCLUDE)].map((one) => one[1]),
    );
    expect(included).toContain("driver/i2s_std.h");
    for (const [header, component, folder] of COMPONENTS)
      if (included.some((name) => header.test(name)) && !sdk.includes(folder))
        expect(named("esp32"), component).toContain(component);
  });

  it("have each module that another imports, at the place where it looks for it", () => {
    for (const [specifier, file] of files)
      for (const [, , path] of readFileSync(join(ROOT, file), "utf8").matchAll(OWN_IMPORT))
        expect(files.has(join(dirname(specifier), path)), file + " as " + specifier + " imports " + path).toBe(true);
  });

  it("have one network: a radio or a cable, as the board says", () => {
    const isWired = /isWired: true/.test(readFileSync(join(ROOT, dirname(BOARDS[board][1]), "board.ts"), "utf8"));
    expect(sdk.includes("modules/io/ethernet/manifest.json")).toBe(isWired);
    expect(sdk.includes("modules/io/wifi/manifest.json")).toBe(!isWired);
    expect(ours.includes("hal/moddable/wired/manifest.json")).toBe(isWired);
  });
});

describe("A board without a link to the house's systems", () => {
  const links = readdirSync(join(ROOT, "hal/without"));
  const subsets = Array.from({ length: 1 << links.length }, (_, bits) => links.filter((__, i) => (bits >> i) & 1));

  it.each(subsets)("(%s %s %s %s) has none of its code, and all that the rest imports", (...left) => {
    const { ours } = collect(BOARDS.generic_esp32[1]);
    for (const link of left) if (link !== undefined) collect(`hal/without/${link}/manifest.json`, ours);
    // The board's manifest includes the folder, so it comes after the others.
    const { files } = modulesOf([ours[0], ...ours.slice(1).reverse()].reverse());
    const specifiers = new Map([...files].map(([specifier, file]) => [file, specifier]));
    const reached = new Set<string>();
    const visit = (specifier: string): void => {
      const file = files.get(specifier);
      if (file === undefined) throw new Error(specifier + " is imported and not there");
      if (reached.has(specifier)) return;
      reached.add(specifier);
      const text = readFileSync(join(ROOT, file), "utf8");
      for (const [, names, path] of text.matchAll(OWN_IMPORT)) {
        const wanted = join(dirname(specifier), path);
        visit(wanted);
        // What stands in the place of a module has each function that is imported of it.
        const given = readFileSync(join(ROOT, files.get(wanted) ?? ""), "utf8");
        for (const name of (names ?? "").replace(/[{}]/g, "").split(","))
          if (/^make\w+$/.test(name.trim())) expect(given, wanted).toContain("export function " + name.trim());
      }
    };
    visit("src/main");
    expect(reached.size).toBeGreaterThan(100);
    expect(specifiers.size).toBeGreaterThanOrEqual(reached.size);
    for (const link of links) {
      const isLeft = left.includes(link);
      expect(files.get("src/links/" + link), link).toBe(
        (isLeft ? `hal/without/${link}/` : "src/links/") + link + ".ts",
      );
      expect(reached.has("src/links/" + link)).toBe(true);
    }
    for (const only of ["src/links/mqttclient", "src/links/entities"])
      expect(files.has(only), only).toBe(!left.includes("mqtt"));
  });
});
