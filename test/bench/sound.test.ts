/**
 * Tests that the measures of `npm run bench -- sound` find what they are given, and that one call of each kind keeps
 * its bound.
 */
import { describe, expect, it } from "vitest";
import { mouthToEar } from "./sound/delay.js";
import { LOUD_SOUNDS, secondsQuieter } from "./sound/echo-bangs.js";
import { loweredAt } from "./sound/echo-equal.js";
import { outOfBounds } from "./sound/main.js";
import { logSpectralDistance, shiftOf } from "./sound/spectrum.js";

/** Noise of a seed. */
function noise(count: number, peak: number): Int16Array {
  let state = 1;
  return Int16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return ((state >>> 8) % (2 * peak + 1)) - peak;
  });
}

describe("the spectral distance", () => {
  const clean = noise(16_000, 8000);

  it("is none of a sound to itself, whether it comes later or not", () => {
    expect(logSpectralDistance(clean, clean)).toBe(0);
    const later = new Int16Array(clean.length);
    later.set(clean.subarray(0, clean.length - 200), 200);
    expect(shiftOf(clean, later, 4000)).toBe(200);
    expect(logSpectralDistance(clean.subarray(0, 12_000), later)).toBeLessThan(1);
  });

  it("is what the level differs by, and much where nothing is heard", () => {
    const quiet = clean.map((sample) => Math.round(sample / 2));
    expect(logSpectralDistance(clean, quiet)).toBeCloseTo(6, 0);
    const holes = clean.map((sample, i) => (i % 1600 < 160 ? 0 : sample));
    const distance = logSpectralDistance(clean, holes);
    expect(distance).toBeGreaterThan(1);
    expect(distance).toBeLessThan(20);
  });
});

describe("what two cancellers do where the visitor loses the same", () => {
  const points = [
    { lossDb: 4, loweredDb: 40 },
    { lossDb: 2, loweredDb: 30 },
    { lossDb: 8, loweredDb: 44 },
  ];

  it("lies between the points of a sweep", () => {
    expect(loweredAt(points, 2)).toBe(30);
    expect(loweredAt(points, 3)).toBe(35);
    expect(loweredAt(points, 5)).toBe(41);
  });

  it("is not reckoned beyond them", () => {
    expect(loweredAt(points, 1.9)).toBeNull();
    expect(loweredAt(points, 20)).toBe(44);
    expect(loweredAt([], 5)).toBeNull();
  });

  it("does not count strength that only costs", () => {
    expect(loweredAt([...points, { lossDb: 10, loweredDb: 12 }], 9)).toBe(44);
    expect(loweredAt([...points, { lossDb: 3, loweredDb: 20 }], 3)).toBe(30);
  });
});

describe("a visitor after a loud sound that is no howling", { timeout: 60_000 }, () => {
  it.each(["bangs", "barks", "horn"])("is heard as before 2 s after %s", (name) => {
    const sound = LOUD_SOUNDS.find((one) => one.name === name);
    expect(sound === undefined ? Number.NaN : secondsQuieter(sound)).toBeLessThanOrEqual(2);
  });
});

describe("mouth to ear", () => {
  it("is short in the simulator and with a board's rings, both ways", async () => {
    for (const ms of await mouthToEar(1, false)) expect(ms).toBeLessThanOrEqual(60);
    for (const ms of await mouthToEar(1, true)) expect(ms).toBeLessThanOrEqual(95);
  });

  it("fails the benchmark when it is longer", () => {
    expect(outOfBounds([{ name: "sound.delay", value: 61, unit: "ms" }])).toEqual(["sound.delay is 61, more than 60"]);
    expect(outOfBounds([{ name: "sound.delay", value: Number.NaN, unit: "ms" }])).toHaveLength(2);
    expect(outOfBounds([{ name: "sound.delay", value: 60, unit: "ms" }])).toEqual([]);
  });
});
