/** Tests the measuring of recordings on sound that is known. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { endAll, makeFolder } from "./programs.js";
import {
  cut,
  dominantHz,
  durationMs,
  longestGapMs,
  readWav,
  rms,
  shareOf,
  tone,
  trimSilence,
  writeWav,
} from "./sound.js";

afterEach(endAll);

describe("sound", () => {
  it.each([440, 1000, 1400, 2600])("finds a tone of %i Hz, its level and its share", (hz) => {
    const sound = tone(hz, 1);
    expect(dominantHz(sound)).toBe(hz);
    expect(rms(sound)).toBeCloseTo(16384 / Math.SQRT2, -2);
    expect(shareOf(sound, hz)).toBeGreaterThan(0.99);
    expect(shareOf(sound, hz + 200)).toBeLessThan(0.01);
  });

  it("sees that a tone is mixed with another", () => {
    const sound = tone(440, 1);
    const other = tone(1000, 1).samples;
    for (let i = 0; i < other.length; i++) sound.samples[i] = (sound.samples[i] + other[i]) / 2;
    expect(shareOf(sound, 440)).toBeCloseTo(0.5, 1);
  });

  it("sees a pure tone where a jitter buffer skipped some samples once, and not where it did all the time", () => {
    const { samples, samplesPerSecond } = tone(440, 1);
    const skipping = (everyMs: number) => {
      const kept = samples.filter((_, i) => i < 4000 || (i - 4000) % (8 * everyMs) > 8);
      return { samplesPerSecond, samples: kept };
    };
    for (const sound of [skipping(10_000), skipping(50)]) expect(dominantHz(sound)).toBe(440);
    expect(shareOf(skipping(10_000), 440)).toBeGreaterThan(0.9);
    expect(shareOf(skipping(50), 440)).toBeLessThan(0.5);
  });

  it("measures the longest gap between sounds, not the silence around them", () => {
    const sound = tone(440, 3);
    sound.samples.fill(0, 0, 4000);
    sound.samples.fill(0, 20_000);
    expect(longestGapMs(sound)).toBe(0);
    sound.samples.fill(8, 8000, 8000 + 960);
    sound.samples.fill(0, 12_000, 12_000 + 400);
    expect(longestGapMs(sound)).toBe(120);
    expect(durationMs(trimSilence(sound))).toBe(2000);
  });

  it("calls silence what is silent", () => {
    const silence = tone(0, 1);
    expect(longestGapMs(silence)).toBe(Number.POSITIVE_INFINITY);
    expect(dominantHz(silence)).toBe(0);
    expect(shareOf(silence, 440)).toBe(0);
    expect(durationMs(trimSilence(silence))).toBe(0);
  });

  it("reads the WAV file it wrote, and refuses a cut one", () => {
    const path = join(makeFolder(), "tone.wav");
    const sound = tone(440, 1);
    writeWav(path, sound);
    expect(readWav(path)).toEqual(sound);
    writeWav(path, cut(sound, 0, 0));
    expect(readWav(path).samples.length).toBe(0);
    expect(() => readWav(import.meta.filename)).toThrow("is not a WAV file");
  });
});
