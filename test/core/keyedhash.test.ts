import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as inC from "../../hal/native/keyedhash.js";
import * as own from "../../src/core/keyedhash.js";
import { KeyedHash } from "../../src/core/keyedhash.js";

const KEY0 = 0x03020100;
const KEY1 = 0x07060504;
/** Published results of HalfSipHash-2-4 with 64 bits for the octets 0, 1, 2, …, by how many there are; key 00 to 07. */
const VECTORS: [number, string][] = [
  [0, "218d1f59b9b83cc8"],
  [1, "be552412f8387315"],
  [3, "ce0f1a45f7060679"],
  [4, "d5e78a175be52ea1"],
  [8, "edfee820bce4858c"],
  [15, "217d0bcb4e81c902"],
  [16, "7336aad25f7bf3b5"],
  [63, "2ea63c71bf326087"],
];
const octetsUpTo = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);

function hex(hash: KeyedHash): string {
  const out = Buffer.alloc(8);
  out.writeInt32LE(hash.low, 0);
  out.writeInt32LE(hash.high, 4);
  return out.toString("hex");
}

describe("the keyed hash", () => {
  it.each(VECTORS)("of %d octets is the published one", (count, expected) => {
    const hash = new KeyedHash(KEY0, KEY1);
    hash.begin();
    hash.update(octetsUpTo(count), 0, count);
    hash.finish();
    expect(hex(hash)).toBe(expected);
  });

  it("is the same in whatever parts the octets come, and begins anew each time", () => {
    const hash = new KeyedHash(KEY0, KEY1);
    const bytes = octetsUpTo(63);
    for (let part = 1; part < 63; part++) {
      hash.begin();
      for (let at = 0; at < 63; at += part) hash.update(bytes, at, Math.min(at + part, 63));
      hash.finish();
      expect(hex(hash)).toBe("2ea63c71bf326087");
    }
  });

  it("takes numbers as octets, the lowest first", () => {
    const hash = new KeyedHash(KEY0, KEY1);
    hash.begin();
    hash.word(0x03020100);
    hash.word(0x07060504);
    hash.finish();
    expect(hex(hash)).toBe("edfee820bce4858c");
  });

  it("is another with another key, in either half", () => {
    const results = [
      [KEY0, KEY1],
      [KEY0 ^ 1, KEY1],
      [KEY0, KEY1 ^ 1],
    ].map(([key0, key1]) => {
      const hash = new KeyedHash(key0, key1);
      hash.begin();
      hash.update(octetsUpTo(20), 0, 20);
      hash.finish();
      return hex(hash);
    });
    expect(new Set(results).size).toBe(3);
  });
});

const COMPILER = process.env.CC ?? "gcc";
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;
const FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all";
/** For each length: the result, with the octets in two parts. */
const PROGRAM = `
#include <stdio.h>
#include <stdlib.h>
#include "keyedhash.h"
int main(void) {
  unsigned count;
  while (scanf("%u", &count) == 1) {
    keyedhash_t hash = {{0x03020100, 0x07060504}, {0}, 0, 0};
    uint8_t *octets = malloc(count ? count : 1);
    for (unsigned i = 0; i < count; i++) octets[i] = (uint8_t)i;
    keyedhash_begin(&hash);
    keyedhash_update(&hash, octets, count / 3);
    keyedhash_update(&hash, octets + count / 3, count - count / 3);
    keyedhash_finish(&hash);
    for (int i = 0; i < 8; i++) printf("%02x", (unsigned)(hash.v[i / 4] >> 8 * (i % 4)) & 255);
    printf("\\n");
    free(octets);
  }
  return 0;
}
`;

describe("the keyed hash by C", () => {
  it("has the exports of its twin, so that a manifest can put it in its place", () => {
    expect(Object.keys(inC).sort()).toEqual(Object.keys(own).sort());
    const members = (one: { prototype: object }) => Object.getOwnPropertyNames(one.prototype);
    expect(members(own.KeyedHash)).toEqual(expect.arrayContaining(members(inC.KeyedHash)));
  });

  it.skipIf(!hasCompiler && process.env.CI !== "true")(
    "gives what is published, under the sanitizers (skipped without a C compiler)",
    { timeout: 60_000 },
    () => {
      const folder = mkdtempSync(join(tmpdir(), "portero-keyedhash-"));
      try {
        writeFileSync(join(folder, "a.c"), PROGRAM);
        const include = `-I${join(import.meta.dirname, "../../hal/native")}`;
        const words = [...FLAGS.split(" "), include, "-o", join(folder, "a"), join(folder, "a.c")];
        expect(spawnSync(COMPILER, words, { encoding: "utf8" }).stderr).toBe("");
        const input = VECTORS.map(([count]) => `${count}\n`).join("");
        const run = spawnSync(join(folder, "a"), { input, encoding: "utf8" });
        expect(run.stderr).toBe("");
        expect(run.stdout.trim().split("\n")).toEqual(VECTORS.map(([, expected]) => expected));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
