/**
 * Tests the C that boards have in the place of runs of octets in TypeScript: it is built with sanitizers and given the
 * same input.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  areAlike,
  asciiText,
  base64Text,
  copyUnfolded,
  crcOf,
  isPlain,
  putUtf8,
  utf8Size,
} from "../../src/core/octets.js";
import { SeededRandom } from "../random.js";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/**
 * Returns a text in the engine's form: NUL in two octets, surrogates that are no pair in three, and all of them so if
 * `isSplit`.
 */
function asEngine(value: string, isSplit: boolean): Uint8Array {
  const out: number[] = [];
  for (const character of isSplit ? value.split("") : value) {
    const code = character.codePointAt(0)!;
    if (code === 0) out.push(0xc0, 0x80);
    else if (code >= 0xd800 && code < 0xe000) out.push(0xed, 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else out.push(...Buffer.from(character));
  }
  return Uint8Array.from(out);
}

const COMPILER = process.env.CC ?? "gcc";
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;
const FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all";
/**
 * Each line is three runs of octets in hexadecimal, the third a text as the engine has it; they lie in memory that ends
 * where they do.
 */
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
  static char a[4096], b[4096], c[4096];
  while (scanf(" -%4095s -%4095s -%4095s", a, b, c) == 3) {
    uint32_t size, other, length;
    uint8_t *x = read_hex(a + 1, &size), *y = read_hex(b + 1, &other), *to = malloc(size ? size : 1);
    int32_t n = octets_unfolded(to, x, size);
    printf("%d ", n);
    for (int32_t i = 0; i < n; i++) printf("%02x", to[i]);
    printf(" %d", octets_alike(x, y, size < other ? size : other));
    // The engine's text ends at the end of its memory.
    uint8_t *z = read_hex(c + 1, &length);
    char *text = malloc(length + 1), *base = malloc((size + 2) / 3 * 4 + 1);
    memcpy(text, z, length);
    text[length] = 0;
    uint32_t count = octets_of_text(NULL, text);
    uint8_t *utf8 = malloc(count ? count : 1);
    octets_of_text(utf8, text);
    printf(" ");
    for (uint32_t i = 0; i < count; i++) printf("%02x", utf8[i]);
    octets_base64(base, x, size);
    base[(size + 2) / 3 * 4] = 0;
    printf(" %d %d .%s %d\\n", octets_plain(text), octets_ascii(x, size), base, (int)octets_crc(x, size, (uint32_t)-1));
    free(text); free(base); free(utf8); free(z);
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
      const characters = ["a", "~", "\x7f", "\x1f", "\0", "é", "€", "😀", "\ud83d", "\ude00"];
      const cases = Array.from({ length: 4000 }, (_, i) => {
        const a = text();
        const b = i % 3 === 0 ? text() : a.map((x) => (random.uint32() % 9 === 0 ? x ^ 0x20 : x));
        const most = i % 4 === 0 ? 2 : characters.length;
        const c = Array.from({ length: random.uint32() % 8 }, () => characters[random.uint32() % most]).join("");
        return { a, b, c, isSplit: i % 2 === 0 };
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
        const input = cases
          .map(({ a, b, c, isSplit }) => `${hex(a)} ${hex(b)} ${hex(asEngine(c, isSplit))}\n`)
          .join("");
        const run = spawnSync(join(folder, "a"), { input, encoding: "utf8" });
        expect(run.stderr).toBe("");
        const said = run.stdout.trimEnd().split("\n");
        const expected = cases.map(({ a, b, c }) => {
          const to = new Uint8Array(a.length);
          const end = copyUnfolded(to, 0, a, 0, a.length);
          const count = Math.min(a.length, b.length);
          const utf8 = new Uint8Array(utf8Size(c));
          expect(putUtf8(utf8, 0, c)).toBe(utf8.length);
          const words = [
            String(end),
            Buffer.from(to.subarray(0, Math.max(0, end))).toString("hex"),
            Number(areAlike(a, 0, b, 0, count)),
            Buffer.from(utf8).toString("hex"),
            Number(isPlain(c)),
            Number(asciiText(a, 0, a.length) !== null),
            `.${base64Text(a, 0, a.length)}`,
            crcOf(a, 0, a.length, -1),
          ];
          return words.join(" ");
        });
        expect(said).toEqual(expected);
        expect(new Set(expected.map((line) => line.split(" ")[0] === "-1")).size).toBe(2);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  },
);
