/**
 * The pure C of hal/native and its TypeScript twins give the same results for the same vectors; the C is built with the
 * host's compiler, with its address and undefined behaviour sanitizers. Without a compiler that part is skipped, in CI
 * it fails.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Duplex } from "../../hal/native/duplex.js";
import * as g711InC from "../../hal/native/g711.js";
import * as goertzelInC from "../../hal/native/goertzel.js";
import { HalfbandDown, HalfbandUp } from "../../hal/native/halfband.js";
import * as g711 from "../../src/media/g711.js";
import * as goertzel from "../../src/media/goertzel.js";
import { Twins } from "./vectors.js";

const vectors = readFileSync(join(import.meta.dirname, "vectors.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const at = line.indexOf(" =");
    return { operation: line.slice(0, at), result: line.slice(at + 3) };
  });

const COMPILER = process.env.CC ?? "gcc";
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;
const isCi = process.env.CI === "true";
const folder = mkdtempSync(join(tmpdir(), "portero-native-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** @returns the compiler's messages, "" for none */
function compile(output: string): string {
  const flags = "-std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all";
  const source = join(import.meta.dirname, "native.c");
  const run = spawnSync(COMPILER, [...flags.split(" "), "-o", output, source], { encoding: "utf8" });
  return run.error?.message ?? run.stderr;
}

describe("the twins in TypeScript", () => {
  it("give the results of the vectors", () => {
    const twins = new Twins();
    for (const { operation, result } of vectors)
      expect(operation + " = " + twins.run(operation)).toBe(operation + " = " + result);
    expect(vectors.length).toBeGreaterThan(80);
  });
});

describe.skipIf(!hasCompiler && !isCi)("the C, under the sanitizers (skipped without a C compiler)", () => {
  it("compiles without a warning and gives the results of the vectors", { timeout: 60_000 }, () => {
    const program = join(folder, "native");
    expect(compile(program)).toBe("");
    const input = vectors.map(({ operation }) => operation + "\n").join("");
    const run = spawnSync(program, { input, encoding: "utf8" });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    const results = run.stdout.split("\n");
    expect(vectors.map(({ operation }, i) => operation + " = " + results[i])).toEqual(
      vectors.map(({ operation, result }) => operation + " = " + result),
    );
  });
});

describe("G.711 by C", () => {
  it("has the exports of G.711 in TypeScript, so that a manifest can put it in its place", () => {
    const inPlace: typeof g711 = g711InC;
    expect(Object.keys(inPlace).sort()).toEqual(Object.keys(g711).sort());
    for (const law of [g711.PCMU, g711.PCMA, 9]) {
      expect(inPlace.silenceOf(law)).toBe(g711.silenceOf(law));
    }
    expect([inPlace.PCMU, inPlace.PCMA, inPlace.SAMPLES_PER_SECOND, inPlace.SAMPLES_PER_MS]).toEqual([0, 8, 8000, 8]);
  });

  it("does not go beyond the samples or octets it was given, though the buffer behind them is longer", () => {
    const [pcm, octets] = [new Int16Array(new ArrayBuffer(40), 0, 4), new Uint8Array(new ArrayBuffer(40), 0, 4)];
    expect(() => g711InC.encode(0, pcm, 1, 4, octets, 0)).toThrow(RangeError);
    expect(() => g711InC.encode(0, pcm, 0, 4, octets, 1)).toThrow(RangeError);
    expect(() => g711InC.decode(0, octets, 0, 5, pcm, 0)).toThrow(RangeError);
    expect(() => g711InC.decode(0, octets, 0, 4, pcm, 1)).toThrow(RangeError);
  });
});

describe.skipIf(!hasCompiler)("Goertzel by C", () => {
  it("has the exports of its twin, and does not go beyond the samples it was given", () => {
    const inPlace: typeof goertzel = goertzelInC;
    expect(Object.keys(inPlace).sort()).toEqual(Object.keys(goertzel).sort());
    expect(inPlace.POINT).toBe(goertzel.POINT);
    const pcm = new Int16Array(new ArrayBuffer(40), 0, 4);
    expect(() => inPlace.peakOf(pcm, 0, 5)).toThrow(RangeError);
    expect(() => inPlace.energyOf(pcm, -1, 4, 0)).toThrow(RangeError);
    expect(() => inPlace.powerOf(pcm, 3, 2, 0, 0)).toThrow(RangeError);
  });

  it("gives the same numbers as TypeScript", () => {
    const folder = mkdtempSync(join(tmpdir(), "portero-goertzel-"));
    try {
      const header = join(import.meta.dirname, "../../hal/native/goertzel.h");
      // Noise that both sides make: x = x * 75 + 74 modulo 65537.
      const source = `#include "${header}"
#include <stdio.h>
int main(void) {
  int16_t pcm[204];
  uint32_t x = 1;
  for (int run = 0; run < 40; run++) {
    for (int i = 0; i < 204; i++) { x = (x * 75 + 74) % 65537; pcm[i] = (int16_t)(((int32_t)x - 32768) >> (run % 16 == 0 ? 1 : run % 16)); }
    int32_t peak = goertzel_peak(pcm, 204), shift = 0;
    while (peak >> shift > 1023) shift++;
    printf("%d %.0f %.0f\\n", (int)peak, goertzel_energy(pcm, 204, shift), 4096 * goertzel_power(pcm, 204, shift, run * 400 - 7900));
  }
  return 0;
}`;
      writeFileSync(join(folder, "a.c"), source);
      expect(spawnSync(COMPILER, ["-O2", "-o", join(folder, "a"), join(folder, "a.c")]).status).toBe(0);
      const said = spawnSync(join(folder, "a"), { encoding: "utf8" }).stdout.trim().split("\n");
      let x = 1;
      const pcm = new Int16Array(204);
      const own = Array.from({ length: 40 }, (_, run) => {
        for (let i = 0; i < 204; i++) {
          x = (x * 75 + 74) % 65537;
          pcm[i] = (x - 32768) >> (run % 16 === 0 ? 1 : run % 16);
        }
        const peak = goertzel.peakOf(pcm, 0, 204);
        let shift = 0;
        while (peak >> shift > 1023) shift += 1;
        const power = goertzel.powerOf(pcm, 0, 204, shift, run * 400 - 7900);
        return `${peak} ${goertzel.energyOf(pcm, 0, 204, shift)} ${power * 4096}`;
      });
      expect(said).toEqual(own);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** @returns the peak of the output of `run` for a sine, in dB relative to the sine's */
function responseDb(hz: number, rate: number, run: (samples: Int16Array) => Int16Array): number {
  const sine = Int16Array.from({ length: rate }, (_, i) => Math.round(30000 * Math.sin((2 * Math.PI * hz * i) / rate)));
  const out = run(sine).subarray(1000);
  const power = out.reduce((sum, one) => sum + one * one, 0) / out.length;
  return 10 * Math.log10(power / (30000 ** 2 / 2));
}

function down(samples: Int16Array): Int16Array {
  const out = new Int16Array(samples.length / 2);
  new HalfbandDown().run(samples, 0, out, 0, out.length);
  return out;
}

function up(samples: Int16Array): Int16Array {
  const out = new Int16Array(samples.length * 2);
  new HalfbandUp().run(samples, 0, out, 0, samples.length);
  return out;
}

describe("the filter between 16 and 8 kHz", () => {
  it.each([300, 1000, 2000, 3400])("lets %i Hz pass, down and up", (hz) => {
    expect(Math.abs(responseDb(hz, 16000, down))).toBeLessThan(0.03);
    expect(Math.abs(responseDb(hz, 8000, up))).toBeLessThan(0.03);
  });

  it.each([4600, 5000, 6000, 7500])("lets nothing of %i Hz fold down", (hz) => {
    expect(responseDb(hz, 16000, down)).toBeLessThan(-55);
  });

  it("makes no image of what goes up, and limits instead of turning over", () => {
    // A signal that goes up and comes down again is unchanged: an image would have folded back into it.
    const there = responseDb(1000, 8000, (samples) => down(up(samples)));
    expect(Math.abs(there)).toBeLessThan(0.03);
    const edge = Int16Array.from({ length: 200 }, (_, i) => (i < 100 ? 32767 : -32768));
    const raised = up(edge);
    expect(raised.subarray(60, 190).every((one) => one > 20000)).toBe(true);
    expect(down(raised).length).toBe(200);
  });

  it("gives the image of 1 kHz, 7 kHz, with no more than a thousandth of its level", () => {
    const sine = Int16Array.from({ length: 8000 }, (_, i) => Math.round(30000 * Math.sin((2 * Math.PI * i) / 8)));
    const out = up(sine);
    let [re, im] = [0, 0];
    for (let i = 2000; i < 14000; i++) {
      re += out[i] * Math.cos((2 * Math.PI * 7000 * i) / 16000);
      im += out[i] * Math.sin((2 * Math.PI * 7000 * i) / 16000);
    }
    expect((2 * Math.hypot(re, im)) / 12000).toBeLessThan(30);
  });
});

describe("sound between an I2S port and its caller", () => {
  /** A port whose samples are 1, 2, 3 … in buffers of 4 ms, and a caller whose samples are so too. */
  class Ends {
    readonly duplex = new Duplex({ bits: 16, khz: 8 });
    readonly played: number[] = [];
    readonly recorded: number[] = [];
    private readonly frames = new Int16Array(64);
    private readonly samples = new Int16Array(160);
    private spoken = 0;
    private sent = 0;

    constructor() {
      this.duplex.start();
    }

    port(ms: number): void {
      for (let at = 0; at < ms; at += 4) {
        for (let i = 0; i < 32; i++) this.frames[2 * i] = this.frames[2 * i + 1] = (this.spoken++ & 0x3fff) + 1;
        this.duplex.received(this.frames);
        this.duplex.fill(this.frames);
        for (let i = 0; i < 32; i++) this.played.push(this.frames[2 * i]);
      }
    }

    /** @returns the samples that the port left out */
    caller(): number {
      const lost = this.duplex.leaveOut();
      for (let left = this.duplex.frames(); left > 0; left--) {
        this.duplex.read(this.samples, 0, 160);
        this.recorded.push(...this.samples);
        for (let i = 0; i < 160; i++) this.samples[i] = (this.sent++ & 0x3fff) + 1;
        this.duplex.write(this.samples, 0, 160);
      }
      return lost;
    }

    /**
     * @returns the samples between the writing of a sample and its playing; the caller's samples are as old as the
     * port's
     */
    get delay(): number {
      return this.spoken - this.played[this.played.length - 1];
    }
  }

  it("goes through in both directions without a gap when the caller is late by up to 24 ms", () => {
    const ends = new Ends();
    let lateMs = 0;
    for (let i = 0; i < 100; i++) {
      const nextMs = [0, 8, 24, 4, 20, 0, 20, 16][i % 8];
      ends.port(20 + nextMs - lateMs);
      lateMs = nextMs;
      expect(ends.caller()).toBe(0);
    }
    const first = ends.played.findIndex((one) => one !== 0);
    const sound = ends.played.slice(first);
    expect(sound).toEqual(Array.from({ length: sound.length }, (_, i) => i + 1));
    expect(ends.recorded).toEqual(Array.from({ length: ends.recorded.length }, (_, i) => i + 1));
    expect(ends.recorded.length).toBeGreaterThan(14_000);
    const { gaps, missing, dropped } = ends.duplex;
    expect([gaps, missing, dropped]).toEqual([0, 0, 0]);
  });

  it.each([32, 60, 100, 200, 1000])(
    "has one gap when the caller is late by %i ms, and is no older after it than before",
    (lateMs) => {
      const ends = new Ends();
      for (let i = 0; i < 20; i++) {
        ends.port(20);
        ends.caller();
      }
      const { delay } = ends;
      ends.port(20 + lateMs);
      let lost = ends.caller();
      for (let i = 0; i < 20; i++) {
        ends.port(20);
        lost += ends.caller();
      }
      expect(ends.duplex.gaps).toBe(1);
      // The speaker has samples for 24 ms, and silence follows.
      expect(ends.duplex.missing).toBe((lateMs - 24) * 8);
      // Samples that the caller writes for lost time would be late by that time.
      expect(Math.abs(ends.delay - lost - delay)).toBeLessThanOrEqual(80);
      const kept = ends.recorded.length;
      expect(kept + lost).toBeGreaterThan(ends.played.length - 160);
      expect(lost > 0).toBe(lateMs >= 80);
    },
  );

  it("begins with what is heard from then on, and misses nothing after the end", () => {
    const ends = new Ends();
    ends.port(500);
    expect(ends.duplex.gaps).toBe(0);
    ends.duplex.start();
    expect(ends.duplex.frames()).toBe(0);
    ends.port(20);
    ends.caller();
    expect(ends.recorded[0]).toBe(4001);
    ends.duplex.stop();
    ends.port(500);
    expect([ends.duplex.gaps, ends.duplex.missing]).toEqual([0, 0]);
  });
});
