/**
 * The echo canceller in C against its twin: the same samples and the same state, word for word, with the compiler's
 * checks on.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as echoInC from "../../hal/native/echo.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { fraction } from "../../src/core/random.js";
import * as echo from "../../src/media/echo.js";
import { ECHO_LESS_NOISE, ECHO_SWITCH, EchoState } from "../../src/media/echostate.js";
import { part } from "../runs.js";

const COMPILER = process.env.CC ?? "cc";
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;
const HEADER = join(import.meta.dirname, "../../hal/native/echo.h");
const SAMPLES = 160 * 80;

const PROGRAM = `#include "${HEADER}"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  static echo_t state;
  static int16_t microphone[${SAMPLES}], reference[${SAMPLES}];
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (argc != 4 || !in || !out || fread(microphone, 2, ${SAMPLES}, in) != ${SAMPLES} || fread(reference, 2, ${SAMPLES}, in) != ${SAMPLES})
    return 1;
  echo_begin(&state);
  for (int i = 0; i < ${SAMPLES}; i += 160)
    echo_run(&state, microphone + i, reference + i, 160, atoi(argv[3]));
  fwrite(microphone, 2, ${SAMPLES}, out);
  fwrite(&state, sizeof state, 1, out);
  return fclose(out);
}`;

/** Frames of silence: an hour, or ten minutes in `npm test`. */
const SILENT_FRAMES = part(30_000, 180_000);
/** Prints the power that is heard in the third second of an echo after silence, and what is left of it. */
const AFTER_SILENCE = `#include "${HEADER}"
#include <stdio.h>
int main(void) {
  static echo_t state;
  static int16_t microphone[160], reference[160], line[512];
  uint32_t seed = 1;
  double heard = 0, left = 0;
  echo_begin(&state);
  for (long frame = 0; frame < ${SILENT_FRAMES}; frame++) {
    memset(microphone, 0, sizeof microphone);
    echo_run(&state, microphone, reference, 160, 0);
  }
  for (long at = 0; at < 24000; at += 160) {
    for (int i = 0; i < 160; i++) {
      seed = seed * 1664525u + 1013904223u;
      reference[i] = (at / 1600) % 3 == 2 ? 0 : (int16_t)((int32_t)seed >> 19);
      line[(at + i) & 511] = reference[i];
      microphone[i] = line[(at + i - 40) & 511] / 2 - line[(at + i - 170) & 511] / 4;
      if (at >= 16000)
        heard += microphone[i] * microphone[i];
    }
    echo_run(&state, microphone, reference, 160, 0);
    for (int i = 0; i < 160 && at >= 16000; i++)
      left += microphone[i] * microphone[i];
  }
  return printf("%.0f %.0f\\n", heard, left) < 0;
}`;

/** For each case the reference, and the microphone's samples with parts of it and of a voice. */
const CASES: Record<
  string,
  (random: SeededRandom) => { microphone: Int16Array; reference: Int16Array; options: number }
> = {
  "an echo and a voice": (random) => {
    const reference = noise(random, 6000);
    const voice = noise(random, 1500);
    const microphone = reference.map((_, i) => 0.7 * (reference[i - 40] ?? 0) - 0.3 * (reference[i - 200] ?? 0));
    return { microphone: microphone.map((x, i) => (i % 4000 > 2000 ? x + voice[i] : x)), reference, options: 0 };
  },
  "an echo that comes late": (random) => {
    const reference = noise(random, 6000);
    return { microphone: reference.map((_, i) => 0.7 * (reference[i - 430] ?? 0)), reference, options: 0 };
  },
  "sound that has nothing to do with what is played, as loud as can be": (random) => ({
    microphone: noise(random, 32767).map((x) => (x > 0 ? 32767 : -32768)),
    reference: noise(random, 32767),
    options: 0,
  }),
  "silence on both sides": () => ({
    microphone: new Int16Array(SAMPLES),
    reference: new Int16Array(SAMPLES),
    options: 0,
  }),
  "a sound that howls, ebbs and grows again": (random) => ({
    microphone: noise(random, 30_000).map((x, i) => x * Math.min(1, Math.abs(1 - i / 4000))),
    reference: new Int16Array(SAMPLES),
    options: 0,
  }),
  "bangs, and the house speaks beside the second one": (random) => ({
    microphone: noise(random, 32_000).map((x, i) => (i % 6400 < 2800 ? x : x >> 9)),
    reference: noise(random, 3000).map((x, i) => (i > 7000 ? x : 0)),
    options: 0,
  }),
  "switched voices": (random) => {
    const reference = noise(random, 3000).map((x, i) => (i % 4000 > 2000 ? x : 0));
    return { microphone: noise(random, 900), reference, options: ECHO_SWITCH };
  },
  "a voice in a noise that is lowered, beside an echo": (random) => {
    const [reference, voice] = [noise(random, 6000), noise(random, 3000)];
    const microphone = noise(random, 200).map((x, i) => x + 0.5 * (reference[i - 60] ?? 0));
    return {
      microphone: microphone.map((x, i) => (i % 4000 > 2500 ? x + voice[i] : x)),
      reference: reference.map((x, i) => (i % 6000 > 3000 ? x : 0)),
      options: ECHO_LESS_NOISE,
    };
  },
};

function noise(random: SeededRandom, size: number): Int16Array {
  return Int16Array.from({ length: SAMPLES }, () => (2 * fraction(random) - 1) * size);
}

describe.skipIf(!hasCompiler)("the echo canceller by C", () => {
  it("has the exports of its twin, and does not go beyond the samples it was given", () => {
    const inPlace: typeof echo = echoInC;
    expect(Object.keys(inPlace).sort()).toEqual(Object.keys(echo).sort());
    const [state, short] = [new EchoState(), new Int16Array(new ArrayBuffer(640), 0, 100)];
    expect(() => inPlace.echoRun(state, short, 0, short, 0, 101, 0)).toThrow(RangeError);
    expect(() => inPlace.echoRun(state, short, -1, short, 0, 10, 0)).toThrow(RangeError);
    expect(() => inPlace.echoRun(state, short, 0, short, 95, 10, 0)).toThrow(RangeError);
  });

  it("gives the same samples as TypeScript, and leaves the same state", { timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "portero-echo-"));
    try {
      writeFileSync(join(folder, "a.c"), PROGRAM);
      const flags = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
      expect(spawnSync(COMPILER, [...flags, "-o", join(folder, "a"), join(folder, "a.c")]).stderr.toString()).toBe("");
      for (const [name, make] of Object.entries(CASES)) {
        const { microphone, reference, options } = make(new SeededRandom(1));
        const sound = new Int16Array(2 * SAMPLES);
        sound.set(microphone);
        sound.set(reference, SAMPLES);
        writeFileSync(join(folder, "in"), sound);
        const ran = spawnSync(join(folder, "a"), [join(folder, "in"), join(folder, "out"), String(options)]);
        expect([name, ran.status, ran.stderr.toString()]).toEqual([name, 0, ""]);
        const state = new EchoState();
        echo.echoBegin(state);
        for (let i = 0; i < SAMPLES; i += 160) echo.echoRun(state, microphone, i, reference, i, 160, options);
        const said = readFileSync(join(folder, "out"));
        const own = Buffer.concat([Buffer.from(microphone.buffer), Buffer.from(state.words.buffer)]);
        expect([name, said.equals(own)]).toEqual([name, true]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("takes an echo out as ever after an hour of silence, of which npm test takes ten minutes", {
    timeout: 120_000,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), "portero-echo-"));
    try {
      writeFileSync(join(folder, "a.c"), AFTER_SILENCE);
      const flags = ["-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all"];
      expect(spawnSync(COMPILER, [...flags, "-o", join(folder, "a"), join(folder, "a.c")]).stderr.toString()).toBe("");
      const ran = spawnSync(join(folder, "a"));
      expect([ran.status, ran.stderr.toString()]).toEqual([0, ""]);
      const [heard, left] = ran.stdout.toString().trim().split(" ").map(Number);
      expect(heard).toBeGreaterThan(1e6);
      expect(10 * Math.log10(heard / left)).toBeGreaterThan(20);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps no more than 8 KB", () => {
    expect(new EchoState().words.byteLength).toBeLessThanOrEqual(8192);
  });
});
