/**
 * The project's own rules for `src/`, on every file of it; and samples that show that the checker sees each violation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALLOWED, AROUND, check, checkAround, circles, importsOf, ownPaths } from "./layers.js";

const ROOT = join(import.meta.dirname, "..");
const TEXT = /\.(ts|js|c|h|json|md|xml|cfg|html|css|yml)$/;

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name))
    .map((name) => folder + "/" + name.replaceAll("\\", "/"))
    .sort();
}

describe("the project", () => {
  const sources = files("src", /\.ts$/);

  it("has files in src/ to check", () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  it.each(sources)("%s keeps the rules of src/", (path) => {
    expect(check(path, readFileSync(join(ROOT, path), "utf8"))).toEqual([]);
  });

  it("has no folder in src/ without a layer, and no layer that imports upwards or in a circle", () => {
    for (const path of sources) if (path.split("/").length > 2) expect(ALLOWED).toHaveProperty(path.split("/")[1]);
    const order = Object.keys(ALLOWED);
    for (const layer of order)
      for (const below of ALLOWED[layer]) expect(order.indexOf(below)).toBeLessThan(order.indexOf(layer));
  });

  const all = ["src", ...Object.keys(AROUND)].flatMap((folder) => files(folder, /\.ts$/));
  const graph = new Map(all.map((path) => [path, importsOf(path, readFileSync(join(ROOT, path), "utf8"))]));

  it("has no circle of files, types included", () => {
    expect(circles(graph)).toEqual([]);
  });

  it("has the product below what stands around it", () => {
    const around = [...graph].filter(([path]) => !path.startsWith("src/"));
    expect(around.flatMap(([path, imports]) => checkAround(path, imports))).toEqual([]);
  });

  it("is as docs/architecture.md says: who may import whom, and each of them does", () => {
    const table = readFileSync(join(ROOT, "docs/architecture.md"), "utf8").matchAll(
      /^\| `src\/(\w+)` \|.*\| (.*) \|$/gm,
    );
    const told = Object.fromEntries(
      [...table].map(([, layer, list]) => [layer, list === "nothing" ? [] : list.split(", ")]),
    );
    expect(told).toEqual(ALLOWED);
    const done = (layer: string) =>
      [...graph]
        .flatMap(([path, to]) => (path.startsWith("src/" + layer + "/") ? to : []))
        .map((to) => to.split("/")[1]);
    for (const [layer, below] of Object.entries(ALLOWED))
      expect([layer, below.filter((other) => !done(layer).includes(other))]).toEqual([layer, []]);
  });

  it("has no path of one machine in any of its files", () => {
    const texts = ["src", "hal", "host-sim", "test"].flatMap((folder) => files(folder, TEXT));
    expect(texts.flatMap((path) => ownPaths(path, readFileSync(join(ROOT, path), "utf8")))).toEqual([]);
  });
});

/** @returns what the checker says about a file with a proper beginning and these lines, without path and line number */
function said(path: string, ...lines: string[]): string[] {
  const source = ["/** A sample of a file, with enough words to say what it is for. */", ...lines].join("\n");
  return check(path, source).map((line) => line.slice(line.indexOf(": ") + 2));
}

describe("the search for circles", () => {
  it.each([
    ["none", { a: ["b", "c"], b: ["c"], c: ["d"] }, []],
    ["two files", { a: ["b"], b: ["c"], c: ["b"] }, [["b", "c"]]],
    [
      "three files, and two that hang on them",
      { z: ["a"], a: ["b"], b: ["c"], c: ["a", "d"], d: [] },
      [["a", "b", "c"]],
    ],
  ])("finds %s", (_, imports, expected) => {
    expect(circles(new Map(Object.entries(imports)))).toEqual(expected);
  });

  it("sees the imports of types, and what is passed on", () => {
    const source = 'import type { A } from "./a.js";\nexport { b } from "../b.js";\nlet c: import("./c.js").C;';
    expect(importsOf("src/x/y.ts", source)).toEqual(["src/x/a.ts", "src/b.ts", "src/x/c.ts"]);
  });

  it("lets nobody around the product import what stands above it", () => {
    expect(checkAround("hal/a.ts", ["src/core/b.ts", "host-sim/c.ts", "src/intercom/d.ts"])).toEqual([
      "hal/a.ts: hal/ may not import host-sim/c.ts",
      "hal/a.ts: hal/ may not import src/intercom/d.ts",
    ]);
  });
});

describe("the checker", () => {
  it.each([
    ["src/wire/a.ts", 'import { x } from "../core/bytes.js";'],
    ["src/wire/a.ts", 'import { x } from "./lex.js";'],
    ["src/transaction/a.ts", 'import type { X } from "../wire/uri.js";'],
    ["src/ua/a.ts", 'import { X } from "../media/stream.js";'],
    ["src/intercom/a.ts", 'import { X } from "../ua/call.js";'],
    ["src/intercom/a.ts", 'import type { X } from "../../hal/io.js";'],
    ["src/intercom/a.ts", 'import { type X, type Y } from "../../hal/io.js";'],
    ["src/main.ts", 'import x from "embedded:io/socket/udp";'],
    ["src/main.ts", 'import { x } from "./intercom/door.js";'],
    ["src/main.ts", 'import { x } from "../hal/io.js";'],
  ])("lets %s have: %s", (path, line) => {
    expect(said(path, line)).toEqual([]);
  });

  it.each([
    ["src/core/a.ts", 'import { x } from "../wire/uri.js";', "core/ may not import from wire/"],
    ["src/wire/a.ts", 'import type { x } from "../transaction/layer.js";', "wire/ may not import from transaction/"],
    ["src/wire/a.ts", 'export * from "../ua/call.js";', "wire/ may not import from ua/"],
    ["src/wire/a.ts", 'export { x } from "../ua/call.js";', "wire/ may not import from ua/"],
    ["src/wire/a.ts", 'let x: import("../ua/call.js").Call;', "wire/ may not import from ua/"],
    ["src/wire/a.ts", 'const x = import("../ua/call.js");', "wire/ may not import from ua/"],
    ["src/media/a.ts", 'import { x } from "../wire/sdp.js";', "media/ may not import from wire/"],
    ["src/dialog/a.ts", 'import { x } from "../media/rtp.js";', "dialog/ may not import from media/"],
    ["src/wire/a.ts", 'import { x } from "../main.js";', "imports the entry"],
    ["src/other/a.ts", 'import { x } from "../core/bytes.js";', "stands in no layer: src/other"],
    ["src/ua/a.ts", 'import { x } from "../../host-sim/cli.js";', "which is outside src/"],
    ["src/ua/a.ts", 'import { x } from "../../test/layers.js";', "which is outside src/"],
    ["src/ua/a.ts", 'import type { X } from "../../hal/io.js";', "only into settings, intercom"],
    ["src/intercom/a.ts", 'import { x } from "../../hal/io.js";', "only types"],
    ["src/core/a.ts", 'import { readFileSync } from "node:fs";', "imports node:fs"],
    ["src/core/a.ts", 'import "fs";', "imports fs"],
    ["src/core/a.ts", 'import sip from "sip";', "imports sip"],
    ["src/core/a.ts", 'import x from "embedded:io/digital";', "imports embedded:io/digital"],
    ["src/main.ts", 'import { createSocket } from "node:dgram";', "imports node:dgram"],
    ["src/core/a.ts", 'import fs = require("fs");', "imports by assignment"],
    ["src/core/a.ts", "import { x } from './b.ts';", "without .js"],
    ["src/core/a.ts", "const name = 'x'; export const y = import(name);", "imports an expression"],
    ["src/core/a.ts", "const x = require('fs');", "require is not for src/"],
    ["src/core/a.ts", "export const x = import.meta.url;", "import.meta"],
    ["src/core/a.ts", "export const x = Date.now();", "Date is not for src/"],
    ["src/core/a.ts", "export function f() { return new Date(); }", "Date is not for src/"],
    ["src/core/a.ts", "export function f(at: Date) { return at; }", "Date is not for src/"],
    ["src/core/a.ts", "export const x = performance.now();", "performance is not for src/"],
    ["src/core/a.ts", "setTimeout(() => 1, 1);", "setTimeout is not for src/"],
    ["src/core/a.ts", "export const x = { setInterval };", "setInterval is not for src/"],
    ["src/core/a.ts", "console.log(1);", "console is not for src/"],
    ["src/core/a.ts", "globalThis.x = 1;", "globalThis is not for src/"],
    ["src/core/a.ts", "const Date = 1;", "Date is not for src/"],
    ["src/core/a.ts", "export const x = new TextDecoder();", "TextDecoder is not for src/"],
    ["src/core/a.ts", "export const x = Buffer.alloc(1);", "Buffer is not for src/"],
    ["src/core/a.ts", "export const x = Math.random();", "Math.random"],
    ["src/core/a.ts", "export const x = Math['random']();", "Math.random"],
    ["src/core/a.ts", "export const x = structuredClone(1);", "structuredClone is a global"],
    ["src/core/a.ts", "export const x = { a: atob('') };", "atob is a global"],
    ["src/core/a.ts", "export class A extends EventTarget {}", "EventTarget is a global"],
    ["src/core/a.ts", "export const x = /a+/;", "a regular expression"],
    ["src/core/a.ts", "export const x = new RegExp('a');", "RegExp is not for src/"],
    ["src/core/a.ts", "export enum State { IDLE }", "an enum"],
    ["src/core/a.ts", "export const enum State { IDLE }", "an enum"],
    ["src/core/a.ts", "namespace A { export const b = 1; }", "a namespace"],
    ["src/core/a.ts", "export class A { constructor(private readonly b: number) {} }", "a parameter property"],
    ["src/core/a.ts", "function mark(x: unknown) { return x; }\n@mark class A {}", "a decorator"],
    ["src/core/a.ts", `export const x = "${"/"}home/somebody/x.wav";`, "a path of one machine"],
    ["src/core/a.ts", `// see ${"/"}work/notes`, "a path of one machine"],
    ["src/core/a.ts", "export const x = ;", "Unexpected token"],
  ])("does not let %s have: %s", (path, line, problem) => {
    expect(said(path, line).join("\n")).toContain(problem);
  });

  it("is not fooled by comments, strings, and members of one's own with such names", () => {
    const lines = [
      "// Date.now(), Math.random() and console are named in a comment, and so is /regular/",
      "export const TEXT = \"import x from 'node:fs'; Date.now() / 2 / 1\";",
      "export interface Clock { Date: number; console(): void }",
      "export function f(a: Clock, half: number) { return a.Date / half / 2 + Math.floor(half); }",
      "export class A { performance = 1; process() { return this.performance; } }",
      "export function g({ process: p }: { process: number }) { return { Date: p }; }",
      "const b = 1; export { b as console };",
    ];
    expect(said("src/core/a.ts", ...lines)).toEqual([]);
  });

  it("knows every way of giving a name", () => {
    const lines = [
      "export function f<T>(a: T, { b, c: [d], ...e }: { b: number; c: number[] }, g = b, ...h: number[]) {",
      "  try { for (const i of h) if (i) continue; } catch (j) { return j; }",
      "  const [k, , l = 1] = h; class M {} function n(o: (p: T) => T) { return o(a); }",
      "  return [a, b, d, e, g, h, k, l, M, n];",
      "}",
      "export type Q<R> = { [S in keyof R]: R[S] }; export type U = readonly string[]; export function v(w: unknown): w is U { return !!w; }",
    ];
    expect(said("src/core/a.ts", ...lines)).toEqual([]);
  });

  it("wants a comment first that says what the file is", () => {
    const problem = "src/core/a.ts:1: does not begin with a comment that says what the file is";
    expect(check("src/core/a.ts", "export const x = 1; // a comment, but only after the first statement")).toEqual([
      problem,
    ]);
    expect(check("src/core/a.ts", "export const x = 1;")).toEqual([problem]);
    expect(check("src/core/a.ts", "/** x */\nexport const x = 1;")[0]).toContain("does not say what the file is");
  });

  it.each([
    "export function f() { T[0] = 1; }",
    "export function f() { T[0]++; }",
    "export function f() { T.fill(0); }",
    "export function f() { T.set([1]); }",
    "export class A { b() { T[1] += 2; } }",
    "export const f = () => { T[0] = 1; };",
  ])("sees a table of the module written: %s", (line) => {
    const problem = "T is made at module level: in flash on the device, so it cannot be written";
    expect(said("src/core/a.ts", "export const T = new Uint8Array(2);", line)).toEqual([problem]);
    expect(said("src/core/a.ts", 'import { T } from "./b.js";', line)).toEqual([problem]);
  });

  it("lets a table be filled while its module is loaded, and what is made at run time be written", () => {
    const lines = [
      "export const T = new Uint8Array(2);",
      "for (let i = 0; i < 2; i++) T[i] = i;",
      "export function f(U: Uint8Array) { U[0] = T[0]; const V = new Uint8Array(1); V.fill(1); return V; }",
      "export function g(T: Uint8Array) { T[0] = 1; }",
    ];
    expect(said("src/core/a.ts", ...lines)).toEqual([]);
  });

  it("says where: the file and the line", () => {
    expect(
      check("src/core/a.ts", "// A file that is here to be wrong in its third line.\n\nexport const x = Date;"),
    ).toEqual(["src/core/a.ts:3: Date is not for src/"]);
  });
});
