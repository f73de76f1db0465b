/** Tests of the limiter before the loudspeaker. */
import { describe, expect, it } from "vitest";
import { Limiter } from "../../src/media/limiter.js";

const FRAME = 160;
const MOST = 26_000;
const tone = (level: number, frame: number): Int16Array =>
  Int16Array.from({ length: FRAME }, (_, i) => level * Math.sin((2 * Math.PI * 440 * (i + FRAME * frame)) / 8000));

describe("the limiter", () => {
  it("leaves sound below the limit as it is", () => {
    const limiter = new Limiter();
    for (let frame = 0; frame < 10; frame++) {
      const samples = tone(25_000, frame);
      limiter.run(samples, 0, FRAME);
      expect(samples).toEqual(tone(25_000, frame));
    }
  });

  it("turns a tone of full scale down without bending it after the first 2 ms, and up again within two seconds", () => {
    const limiter = new Limiter();
    for (let frame = 0; frame < 10; frame++) {
      const samples = tone(32_767, frame);
      limiter.run(samples, 0, FRAME);
      const whole = tone(32_767, frame);
      const first = frame === 0 ? 16 : 0;
      for (let i = 0; i < FRAME; i++) {
        expect(Math.abs(samples[i])).toBeLessThanOrEqual(MOST);
        if (i >= first) expect(Math.abs(samples[i] - (whole[i] * MOST) / 32_767)).toBeLessThan(60 + 0.02 * MOST);
      }
    }
    for (let frame = 0; frame < 100; frame++) limiter.run(tone(8000, frame), 0, FRAME);
    const samples = tone(8000, 0);
    limiter.run(samples, 0, FRAME);
    expect(samples).toEqual(tone(8000, 0));
  });

  it("keeps the most that a sample can be within the limit, either way, and works on a part of a buffer", () => {
    const limiter = new Limiter();
    const samples = Int16Array.from({ length: 3 * FRAME }, (_, i) => (i & 1 ? 32_767 : -32_768));
    limiter.run(samples, FRAME, FRAME);
    expect(limiter.peak).toBe(32_768);
    const part = samples.subarray(FRAME, 2 * FRAME);
    expect(Math.max(...part.map(Math.abs))).toBeLessThanOrEqual(MOST);
    expect([samples[FRAME - 1], samples[2 * FRAME]]).toEqual([32_767, -32_768]);
  });
});
