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
  findLine,
  findMark,
  findOctet,
  hasToken,
  isPlain,
  putDecimal,
  putDigits,
  putDotted,
  putHex,
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

/** @returns what of `a` and `b` lines, digits, numbers and addresses are: as the C prints it */
function numbers(a: Uint8Array, b: Uint8Array): (string | number)[] {
  const digits = new Uint8Array(2 * a.length);
  putHex(digits, 0, a, 0, a.length);
  const value = (crcOf(a, 0, a.length, -1) >>> (a.length % 32)) >>> 0;
  const room = new Uint8Array(b.length);
  const written = (end: number): string => `.${Buffer.from(room.subarray(0, Math.max(0, end)))}`;
  const decimal = putDecimal(room, 0, room.length, value);
  const number = written(decimal);
  const dotted = putDotted(room, 0, room.length, value);
  const line = findLine(a, 0, a.length, b);
  const address = written(dotted);
  const count = Math.min(8, b.length);
  putDigits(room, 0, count, value);
  const mark = findMark(a, 0, a.length, (value % 36) - 1, b);
  const isToken = Number(hasToken(a, 0, a.length, b));
  return [line, `.${Buffer.from(digits)}`, decimal, number, dotted, address, written(count), mark, isToken];
}

describe("a list", () => {
  it.each([
    ["timer, 100rel", "100rel", true],
    ["timer,\r\n 100REL ;x=y", "100rel", true],
    ["100relx, 100re, x 100rel", "100rel", false],
    ["a;100rel, ,b", "100rel", false],
    ["", "a", false],
    ["a", "", false],
  ])("%j: %j is in it: %s", (list, token, isIn) => {
    const text = bytes(`a,${list},a`);
    expect(hasToken(text, 2, text.length - 2, bytes(token))).toBe(isIn);
  });
});

describe("numbers in octets", () => {
  it.each([0, 9, 10, 99, 100, 65535, 2147483647, 2147483648, 4294967295])("%i is written within its room", (value) => {
    const text = String(value);
    const room = new Uint8Array(12);
    expect(putDecimal(room, 1, 1 + text.length, value)).toBe(1 + text.length);
    expect(Buffer.from(room).toString()).toBe(`\0${text}`.padEnd(12, "\0"));
    expect(putDecimal(room, 1, text.length, value)).toBe(-1);
  });

  it("an address is written within its room", () => {
    const room = new Uint8Array(16);
    for (const [ip, text] of [
      [0, "0.0.0.0"],
      [0xc0000215, "192.0.2.21"],
      [0xffffffff, "255.255.255.255"],
    ] as const) {
      expect(putDotted(room, 1, 1 + text.length, ip)).toBe(1 + text.length);
      expect(Buffer.from(room.subarray(1, 1 + text.length)).toString()).toBe(text);
      for (let limit = 0; limit <= text.length; limit++) expect(putDotted(room, 1, limit, ip)).toBe(-1);
    }
  });

  it("an octet and a line are found before the end alone", () => {
    const text = bytes("INVITE\r\nCall-ID: c\r\nTo: t\r\n\r\nc=b");
    const letters = bytes("c-");
    expect(findOctet(text, 0, 7, 0x0a)).toBe(-1);
    expect(findOctet(text, 0, 8, 0x0a)).toBe(7);
    expect(findOctet(text, 8, 4, 0x0a)).toBe(-1);
    expect(findLine(text, 0, text.length, letters)).toBe(8);
    expect(findLine(text, 20, text.length, letters)).toBe(27);
    expect(findLine(text, 20, 27, letters)).toBe(27);
    expect(findLine(text, 29, text.length, letters)).toBe(29);
    expect(findLine(text, 40, text.length, letters)).toBe(text.length);
  });
});

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
    uint32_t crc = octets_crc(x, size, (uint32_t)-1), value = crc >> size % 32;
    printf(" %d %d .%s %d", octets_plain(text), octets_ascii(x, size), base, (int)crc);
    // Hexadecimal digits, numbers and addresses have no octet more than they may fill.
    uint8_t *digits = malloc(2 * size + 1), *room = malloc(other + 1);
    octets_hex(digits, x, size);
    printf(" %d .%.*s", (int)octets_line(x, 0, size, y, other), (int)(2 * size), digits);
    n = octets_decimal(room, (int32_t)other, value);
    printf(" %d .%.*s", n, n < 0 ? 0 : n, room);
    n = octets_dotted(room, (int32_t)other, value);
    printf(" %d .%.*s", n, n < 0 ? 0 : n, room);
    octets_digits(room, other < 8 ? other : 8, value);
    printf(" .%.*s", other < 8 ? (int)other : 8, room);
    printf(" %d", (int)octets_mark(x, size, (int)(value % 36) - 1, y, other));
    printf(" %d\\n", octets_token(x, size, y, other));
    free(digits); free(room);
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
      const letters = bytes("\r\n \t\0\\aAzZ@[`{k,;");
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
            ...numbers(a, b),
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
