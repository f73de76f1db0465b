/** Tests the C that boards have in the place of the keyed hash in TypeScript, built with sanitizers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VECTORS } from "../core/keyedhashvectors.js";

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
