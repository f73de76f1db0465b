import { describe, expect, it } from "vitest";
import {
  TONE_ANSWERED,
  TONE_BUSY,
  TONE_CONFIRMED,
  TONE_FAILED,
  TONE_REFUSED,
  TONE_REGIONS,
  TONE_RINGING,
  TONE_WARNING,
  Tone,
} from "../../src/media/tone.js";
import { amplitudeOf } from "./harness.js";

const PERCENT = 25;
const FULL = 32767;

function play(tone: number, region: string, samples: number, frame = 160): Int16Array {
  const source = new Tone();
  source.start(tone, TONE_REGIONS.indexOf(region), PERCENT);
  const out = new Int16Array(samples);
  for (let at = 0; at < samples; at += frame) source.write(out, at, Math.min(frame, samples - at));
  return out;
}

/** @returns the lengths in ms of sound and silence in turn, to 5 ms */
function cadence(pcm: Int16Array): number[] {
  const out: number[] = [];
  let was = false;
  for (let at = 0; at + 40 <= pcm.length; at += 40) {
    const is = pcm.subarray(at, at + 40).some((sample) => Math.abs(sample) > 300);
    if (out.length === 0 || is !== was) out.push(0);
    out[out.length - 1] += 5;
    was = is;
  }
  return out;
}

describe("a tone", () => {
  it.each([
    ["europe", TONE_RINGING, [425], [1000, 4000, 1000]],
    ["europe", TONE_BUSY, [425], [500, 500, 500]],
    ["europe", TONE_FAILED, [425], [200, 200, 200]],
    ["us", TONE_RINGING, [440, 480], [2000, 4000, 2000]],
    ["us", TONE_BUSY, [480, 620], [500, 500, 500]],
    ["us", TONE_FAILED, [480, 620], [250, 250, 250]],
    ["us", TONE_CONFIRMED, [350, 440], [100, 100, 100, 100, 100]],
    ["china", TONE_RINGING, [450], [1000, 4000, 1000]],
    ["china", TONE_BUSY, [450], [350, 350, 350]],
    ["china", TONE_FAILED, [450], [700, 700, 700]],
  ] as const)("of %s, number %i, has frequencies %j and cadence %j", (region, tone, frequencies, times) => {
    const total = times.reduce((sum, ms) => sum + ms, 0);
    const pcm = play(tone, region, total * 8);
    expect(cadence(pcm)).toEqual(times);
    const first = times[0] * 8;
    for (const hz of frequencies) {
      const wanted = (FULL * PERCENT) / 100 / frequencies.length;
      expect(amplitudeOf(hz, pcm, 0, first)).toBeGreaterThan(wanted * 0.95);
      expect(amplitudeOf(hz, pcm, 0, first)).toBeLessThan(wanted * 1.05);
      // There is nothing 1 % beside it: the tone has that frequency and no other.
      if (first >= 4000 * 2) expect(amplitudeOf(hz * 1.01, pcm, 0, first)).toBeLessThan(wanted * 0.2);
    }
    expect(Math.max(...pcm)).toBeLessThanOrEqual(Math.ceil((FULL * PERCENT) / 100));
  });

  it.each([
    [TONE_WARNING, 1400, 500],
    [TONE_ANSWERED, 1000, 200],
  ])("number %i is a beep of %i Hz for %i ms in every region", (tone, hz, ms) => {
    for (const region of TONE_REGIONS) {
      const pcm = play(tone, region, 8000);
      expect(cadence(pcm)).toEqual([ms, 1000 - ms]);
      expect(amplitudeOf(hz, pcm, 0, ms * 8)).toBeGreaterThan(7500);
    }
  });

  it("is the same in frames of any length", () => {
    for (const tone of [TONE_RINGING, TONE_CONFIRMED, TONE_REFUSED])
      expect(play(tone, "us", 20_000, 77)).toEqual(play(tone, "us", 20_000));
  });

  it("ends by itself after its bursts, but ringing only when it is stopped", () => {
    const source = new Tone();
    const out = new Int16Array(8000);
    source.start(TONE_REFUSED, 0, PERCENT);
    source.write(out, 0, 8000);
    expect(cadence(out).filter((_, i) => i % 2 === 0)).toEqual([200, 200, 200]);
    source.write(out, 0, 8000);
    expect([source.isOn(), out.every((sample) => sample === 0)]).toEqual([false, true]);
    source.start(TONE_RINGING, 0, PERCENT);
    for (let s = 0; s < 600; s++) source.write(out, 0, 8000);
    expect([source.isOn(), source.isEndless()]).toEqual([true, true]);
    source.stop();
    source.write(out, 0, 8000);
    expect([source.isOn(), out.every((sample) => sample === 0)]).toEqual([false, true]);
  });
});
