/** Runs of octets, in TypeScript and in the C that boards have in its place, which is built with its sanitizers and asked the same. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as inC from "../../hal/native/octets.js";
import * as own from "../../src/core/octets.js";
import { SeededRandom } from "../ua/harness.js";

const { areAlike, areSame, copyOctets, copyUnfolded } = own;
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const unfolded = (text: string): string | number => {
  const [from, to] = [bytes(text), new Uint8Array(text.length + 4)];
  const end = copyUnfolded(to, 2, from, 0, from.length);
  return end < 0 ? end : String.fromCharCode(...to.subarray(2, end));
};

describe("runs of octets", () => {
  it("are copied as they are, and nothing beside them changes", () => {
    const to = new Uint8Array(6).fill(9);
    copyOctets(to, 1, bytes("abcdef"), 2, 5);
    expect([...to]).toEqual([9, 0x63, 0x64, 0x65, 9, 9]);
    copyOctets(to, 1, bytes("abc"), 2, 2);
    expect([...to]).toEqual([9, 0x63, 0x64, 0x65, 9, 9]);
  });

  it("are copied without folds, and not at all with another line's end or a NUL", () => {
    expect(unfolded("one\r\n two")).toBe("one two");
    expect(unfolded("one\n\t \ttwo")).toBe("one two");
    expect(unfolded("one\r two")).toBe("one two");
    expect(unfolded("a\\\0b")).toBe("a\\ b");
    for (const refused of ["a\r\nb", "a\r\n", "a\n", "a\r", "\0", "a\0b", "a\r\r\n b"])
      expect(unfolded(refused)).toBe(-1);
  });

  it("are the same, or alike but for the case of letters", () => {
    const [a, b] = [bytes("xVia[@`{"), bytes("VIA[@`{")];
    expect(areSame(a, 1, b, 0, 7)).toBe(false);
    expect(areAlike(a, 1, b, 0, 7)).toBe(true);
    expect(areSame(a, 4, b, 3, 4)).toBe(true);
    // A bit more than a letter's case apart: not letters.
    expect(areAlike(bytes("[`@"), 0, bytes("{`@"), 0, 3)).toBe(false);
    expect(areAlike(bytes("@"), 0, bytes("`"), 0, 1)).toBe(false);
    expect(areSame(a, 8, b, 7, 0)).toBe(true);
  });

  it("has an export in C for each, so that a manifest can put it in its place", () => {
    const inPlace: typeof own = inC;
    expect(Object.keys(inPlace).sort()).toEqual(Object.keys(own).sort());
  });
});

const COMPILER = process.env.CC ?? "gcc";
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;
const FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all";
/** Each line is two texts of hexadecimal; they lie in memory that ends where they do. */
const PROGRAM = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "octets.h"
static uint8_t *read_hex(const char *text, uint32_t *count) {
  *count = (uint32_t)strlen(text) / 2;
  uint8_t *out = malloc(*count ? *count : 1);
  for (uint32_t i = 0; i < *count; i++) { unsigned x; sscanf(text + 2 * i, "%2x", &x); out[i] = (uint8_t)x; }
  return out;
}
int main(void) {
  static char a[4096], b[4096];
  while (scanf(" -%4095s -%4095s", a, b) == 2) {
    uint32_t size, other;
    uint8_t *x = read_hex(a + 1, &size), *y = read_hex(b + 1, &other), *to = malloc(size ? size : 1);
    int32_t n = octets_unfolded(to, x, size);
    printf("%d ", n);
    for (int32_t i = 0; i < n; i++) printf("%02x", to[i]);
    printf(" %d\\n", octets_alike(x, y, size < other ? size : other));
    free(x); free(y); free(to);
  }
  return 0;
}
`;

describe.skipIf(!hasCompiler && process.env.CI !== "true")(
  "the C, under the sanitizers (skipped without a C compiler)",
  () => {
    it("gives what TypeScript gives for 4,000 texts of line ends, blanks, backslashes and letters", {
      timeout: 60_000,
    }, () => {
      const random = new SeededRandom(7);
      const letters = bytes("\r\n \t\0\\aAzZ@[`{k");
      const text = (): Uint8Array =>
        new Uint8Array(random.uint32() % 24).map(() => letters[random.uint32() % letters.length]);
      const pairs = Array.from({ length: 4000 }, (_, i) => {
        const a = text();
        const b = i % 3 === 0 ? text() : a.map((x) => (random.uint32() % 9 === 0 ? x ^ 0x20 : x));
        return [a, b] as const;
      });
      const hex = (x: Uint8Array): string => `-.${Buffer.from(x).toString("hex")}`;
      const folder = mkdtempSync(join(tmpdir(), "portero-octets-"));
      try {
        writeFileSync(join(folder, "a.c"), PROGRAM);
        const include = join(import.meta.dirname, "../../hal/native");
        const built = spawnSync(
          COMPILER,
          [...FLAGS.split(" "), `-I${include}`, "-o", join(folder, "a"), join(folder, "a.c")],
          { encoding: "utf8" },
        );
        expect(built.stderr).toBe("");
        const input = pairs.map(([a, b]) => `${hex(a)} ${hex(b)}\n`).join("");
        const run = spawnSync(join(folder, "a"), { input, encoding: "utf8" });
        expect(run.stderr).toBe("");
        const said = run.stdout.trimEnd().split("\n");
        const expected = pairs.map(([a, b]) => {
          const to = new Uint8Array(a.length);
          const end = copyUnfolded(to, 0, a, 0, a.length);
          const count = Math.min(a.length, b.length);
          return `${end} ${Buffer.from(to.subarray(0, Math.max(0, end))).toString("hex")} ${Number(areAlike(a, 0, b, 0, count))}`;
        });
        expect(said).toEqual(expected);
        expect(new Set(expected.map((line) => line.split(" ")[0] === "-1")).size).toBe(2);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  },
);
