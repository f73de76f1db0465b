/**
 * Tests of the sound check: what it finds on ways that are good or broken, when it runs, and what ends it.
 */
import { beforeEach, describe, expect, it } from "vitest";
import type { AudioInput } from "../../hal/device.js";
import { Timers } from "../../src/core/timers.js";
import { SelfCheck } from "../../src/driver/selfcheck.js";
import { Settings } from "../../src/settings/settings.js";

const FRAME = 160;
const SECONDS_3 = 150;

let timers: Timers;
let settings: Settings;
let told: string[];
let isBusy: boolean;
let epochS: number;
let check: SelfCheck;

beforeEach(() => {
  timers = new Timers(1);
  settings = new Settings();
  told = [];
  isBusy = false;
  epochS = 0;
  const user = { epochS: () => epochS, isBusy: () => isBusy };
  const events = {
    event: (name: string, value: string, fields: object) =>
      void told.push([name, value, ...Object.entries(fields).flat()].join(" ")),
  };
  check = new SelfCheck(user, settings, timers, events);
});

/** Runs frames: `way` makes of what was played, one frame late, what the microphone hears. */
function run(way: (played: Int16Array, at: number) => Int16Array, knowsPlayed = true, frames = SECONDS_3): void {
  let before = new Int16Array(FRAME);
  const input: AudioInput = { read: () => FRAME };
  if (knowsPlayed) input.reference = (into) => into.set(before);
  for (let frame = 0; frame < frames && check.isOn; frame++) {
    const samples = way(before, frame * FRAME).slice();
    check.run(samples, input);
    before = samples;
  }
}

/** A way of that gain, so many samples late, with some noise. */
function way(
  gain: number,
  late: number,
  bend = (x: number): number => x,
): (played: Int16Array, at: number) => Int16Array {
  const line = new Float64Array(2000);
  let seed = 1;
  return (played, at) =>
    played.map((sample, i) => {
      line[(at + i) % 2000] = bend(sample);
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      const noise = (seed >> 16) / 4096;
      return Math.max(-32768, Math.min(32767, gain * line[(at + i - late + 2000) % 2000] + noise));
    });
}

describe("the test of loudspeaker and microphone", () => {
  it.each([
    [
      "a good way",
      way(0.1, 40),
      true,
      /^audio selftest ok -20 dB 5 ms level -20 delay 5 lowest 400 highest 3200 distortion [0-2]$/,
    ],
    ["one whose loudspeaker is not known", way(0.1, 40), false, /ok -20 dB 25 ms /],
    ["a loudspeaker that is off", way(0, 0), true, /no loudspeaker: .* delay -1 /],
    ["a microphone that is off", () => new Int16Array(FRAME).fill(7), true, /no microphone: check/],
    ["one that is too quiet", way(0.002, 10), true, /too quiet: raise audio.volume/],
    ["one that clips", way(6, 10), true, /the microphone clips: lower audio.gain/],
    [
      "a loudspeaker that rattles",
      way(0.1, 10, (x) => Math.max(-2500, Math.min(6000, x))),
      true,
      /distorted: lower audio.volume/,
    ],
    ["an echo that comes too late", way(0.1, 500), true, /too late/],
  ])("tells %s", (_name, made, knowsPlayed, expected) => {
    expect(check.start()).toBe("");
    run(made, knowsPlayed);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(expected);
    expect(check.isOn).toBe(false);
  });

  it("is not begun in a call, nor twice, and a call ends it with silence", () => {
    isBusy = true;
    expect(check.start()).toBe("not in a call: hangup first");
    isBusy = false;
    expect(check.start()).toBe("");
    expect(check.start()).toBe("the test runs already");
    run(way(0.1, 40), true, 60);
    isBusy = true;
    const samples = new Int16Array(FRAME).fill(100);
    check.run(samples, { read: () => FRAME });
    expect(Math.max(...samples)).toBe(0);
    expect(told).toEqual(["audio selftest ended: a call came"]);
  });

  it("ends when the microphone gives no sound at all, and may be begun again", () => {
    expect(check.start()).toBe("");
    timers.nowMs = 20_000;
    timers.poll(timers.nowMs);
    expect(told[0]).toContain("no microphone: it gives no sound");
    expect(check.start()).toBe("");
  });

  it("runs by itself once in the minute of the setting, by the clocks of the zone, and not while the time is unknown", () => {
    expect(settings.assign("audio.selftest=03:30")).toBe("");
    expect(settings.assign("time.zone=Europe/Berlin")).toBe("");
    check.set();
    // 1 July 2026, 01:29:50 in UTC.
    const start = Date.UTC(2026, 6, 1, 1, 29, 50) / 1000;
    let begun = 0;
    for (let s = 0; s < 180; s += 10) {
      epochS = s < 10 ? 0 : start + s;
      timers.nowMs = s * 1000;
      timers.poll(timers.nowMs);
      if (check.isOn) begun += 1;
      run(way(0.1, 40));
    }
    expect([begun, told.length]).toEqual([1, 1]);
  });
});
