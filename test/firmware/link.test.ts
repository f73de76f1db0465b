/**
 * Tests that no module calls C while it is loaded. A board's tools run every module once, when they link, and keep its
 * objects in flash (`preload` of src/manifest.json). There is no C at that time, so a module that calls some stops the
 * build.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";

const SOURCE = join(import.meta.dirname, "../../src");

/** All exports of a module, functions that must not be called yet in the place of its own. */
async function withoutC(load: () => Promise<object>): Promise<object> {
  const names = Object.keys(await load());
  const refuse = (name: string) => () => {
    throw new Error(`link: ${name} is a function of C`);
  };
  return Object.fromEntries(names.map((name) => [name, refuse(name)]));
}
vi.mock("../../src/core/octets.js", (load) => withoutC(load as () => Promise<object>));

it("no module calls C when it is loaded", async () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && name !== "main.ts",
  );
  expect(files.length).toBeGreaterThan(100);
  for (const file of files) await import(join(SOURCE, file));
  const { areSame } = await import("../../src/core/octets.js");
  expect(() => areSame(new Uint8Array(1), 0, new Uint8Array(1), 0, 1)).toThrow("link: areSame");
});
