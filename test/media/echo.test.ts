/** Tests the echo canceller with echoes, voices and bad input; the sound has a seed and is spoken in syllables. */
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../host-sim/io/random.js";
import { fraction } from "../../src/core/random.js";
import { echoBegin, echoRun } from "../../src/media/echo.js";
import {
  BLOCK,
  CEILING,
  DRIFT,
  ECHO_DELAY,
  ECHO_LESS_NOISE,
  ECHO_QUIET,
  ECHO_SWITCH,
  EchoState,
  ENERGY_HEARD,
  ENERGY_LEFT,
  FOUND,
  GAIN,
  LATE,
  RESETS,
  STEPS,
} from "../../src/media/echostate.js";

const SECOND = 8000;
const STEP = 160;

/** Syllables of 180 ms with pauses of 60 ms, each of another colour. */
function syllables(seed: number, seconds: number, level: number): Int16Array {
  const random = new SeededRandom(seed);
  const out = new Int16Array(seconds * SECOND);
  let low = 0;
  let colour = 0.5;
  for (let i = 0; i < out.length; i++) {
    const at = i % 1920;
    if (at === 0) colour = 0.2 + 0.7 * fraction(random);
    low += (1 - colour) * ((2 * fraction(random) - 1) * 4 * level - low);
    out[i] = at < 1440 ? low * Math.sin((Math.PI * at) / 1440) : 0;
  }
  return out;
}

/** @returns the echo of `far`, `late` samples later than usual */
function echoOf(far: Int16Array, late = 0, sign = 1): Int16Array {
  const way = [0, 0, 0.2, 0.7, -0.4, 0.25, -0.2, 0.15, 0, 0, 0.1, -0.08, 0.06, 0, 0.05];
  return far.map((_, i) => sign * way.reduce((sum, tap, k) => sum + tap * (far[i - late - 7 * k] ?? 0), 0));
}

function mixed(...sounds: Int16Array[]): Int16Array {
  return sounds[0].map((_, i) =>
    Math.max(
      -32768,
      Math.min(
        32767,
        sounds.reduce((sum, sound) => sum + sound[i], 0),
      ),
    ),
  );
}

function run(heard: Int16Array, far: Int16Array, options = 0, state = newState()): Int16Array {
  const out = heard.slice();
  for (let at = 0; at + STEP <= out.length; at += STEP) echoRun(state, out, at, far, at, STEP, options);
  return out;
}

function newState(): EchoState {
  const state = new EchoState();
  echoBegin(state);
  return state;
}

/** @returns the level of the sound in that second, dB */
function level(sound: Int16Array, second: number, seconds = 1): number {
  let sum = 1;
  for (let i = second * SECOND; i < (second + seconds) * SECOND; i++) sum += sound[i] ** 2;
  return 10 * Math.log10(sum / (seconds * SECOND));
}

describe("the echo canceller", { timeout: 60_000 }, () => {
  it("lowers an echo by 30 dB after two seconds, and the noise that takes its place stays quiet", () => {
    const far = syllables(1, 4, 2000);
    const echo = echoOf(far);
    expect(level(echo, 2, 2) - level(run(echo, far, ECHO_QUIET), 2, 2)).toBeGreaterThan(30);
    expect(level(echo, 2, 2) - level(run(echo, far), 2, 2)).toBeGreaterThan(25);
  });

  it("leaves a voice at the door as it is while both sides speak", () => {
    const far = syllables(1, 7, 2000);
    const voice = syllables(2, 7, 1500).map((sample, i) => (i < 3 * SECOND ? 0 : sample));
    const out = run(mixed(echoOf(far), voice), far);
    const clean = Int16Array.from(out, (_, i) => voice[i - ECHO_DELAY] ?? 0);
    expect(Math.abs(level(out, 4, 2) - level(clean, 4, 2))).toBeLessThan(3);
    const wrong = out.map((sample, i) => sample - clean[i]);
    expect(level(clean, 4, 2) - level(wrong, 4, 2)).toBeGreaterThan(8);
  });

  it("gives a voice through when nothing is played, and when no reference comes", () => {
    const voice = syllables(2, 3, 1500);
    const out = run(voice, new Int16Array(voice.length));
    expect(Math.abs(level(out, 1, 2) - level(voice, 1, 2))).toBeLessThan(1.5);
  });

  it("finds the echo again after the way has changed, and is not louder than what it heard meanwhile", () => {
    const far = syllables(1, 8, 2000);
    const [before, after] = [echoOf(far), echoOf(far, 20, -1)];
    const heard = before.map((sample, i) => (i < 4 * SECOND ? sample : after[i]));
    const state = newState();
    const out = run(heard, far, 0, state);
    for (let second = 4; second < 8; second++) expect(level(out, second) - level(heard, second)).toBeLessThan(1);
    expect(level(heard, 6, 2) - level(out, 6, 2)).toBeGreaterThan(20);
    expect(state.words[RESETS]).toBeGreaterThan(0);
  });

  it("does not doubt a filter that leaves nearly nothing, though its steps agree by chance", () => {
    const far = syllables(1, 4, 2000);
    const echo = echoOf(far);
    const state = newState();
    const half = 2 * SECOND;
    run(echo.subarray(0, half), far.subarray(0, half), 0, state);
    const { words } = state;
    let at = half;
    /** @returns how many doubts steps that agree bring about, where so much of the sound is left */
    const doubts = (left: number): number => {
      words.fill(1 << 24, DRIFT, DRIFT + BLOCK);
      words[STEPS] = 0;
      words[ENERGY_LEFT] = left;
      const before = words[RESETS];
      run(echo.subarray(at, at + STEP), far.subarray(at, at + STEP), 0, state);
      at += STEP;
      return words[RESETS] - before;
    };
    expect(words[FOUND]).toBeGreaterThan(100);
    expect(doubts(words[ENERGY_HEARD] >> 7)).toBe(0);
    expect(doubts(words[ENERGY_HEARD] >> 6)).toBe(1);
  });

  it("finds an echo that comes later than its filter is long", () => {
    const far = syllables(1, 10, 2000);
    const echo = echoOf(far, 560);
    const state = newState();
    const out = run(echo, far, ECHO_QUIET, state);
    expect(level(echo, 8, 2) - level(out, 8, 2)).toBeGreaterThan(15);
    expect(state.words[LATE]).toBeGreaterThan(0);
  });

  it("is no quieter for a voice where the loudspeaker is not heard at all", () => {
    const [far, voice] = [syllables(1, 12, 2000), syllables(5, 12, 1500)];
    const out = run(voice, far);
    expect(level(voice, 9, 3) - level(out, 9, 3)).toBeLessThan(5);
  });

  it.each([
    ["silence", () => 0],
    ["a constant level", () => 12_000],
    ["full scale, back and forth", (i: number) => (i & 1 ? 32767 : -32768)],
    ["a microphone that clips", (i: number) => (Math.sin(i / 9) > 0 ? 32767 : -32768)],
  ])("works as before after %s", { timeout: 60_000 }, (_name, sample) => {
    const state = newState();
    const bad = Int16Array.from({ length: SECOND }, (_, i) => sample(i));
    run(bad, bad, 0, state);
    run(bad, new Int16Array(bad.length), 0, state);
    run(new Int16Array(bad.length), bad, 0, state);
    const far = syllables(1, 8, 2000);
    const echo = echoOf(far);
    expect(level(echo, 6, 2) - level(run(echo, far, 0, state), 6, 2)).toBeGreaterThan(20);
    const voice = syllables(2, 2, 1500);
    expect(level(voice, 1) - level(run(voice, new Int16Array(voice.length), 0, state), 1)).toBeLessThan(2);
  });
});

describe("the noise of the place", { timeout: 60_000 }, () => {
  it("is as loud while the house speaks as while it is silent", () => {
    const far = syllables(1, 8, 2000);
    const random = new SeededRandom(4);
    const hiss = far.map(() => (2 * fraction(random) - 1) * 120);
    const out = run(mixed(echoOf(far), hiss), far);
    expect(Math.abs(level(out, 4, 4) - level(hiss, 4, 4))).toBeLessThan(1.5);
  });
});

describe("the noise of the place, where it is lowered", { timeout: 60_000 }, () => {
  const random = new SeededRandom(5);
  const hiss = Int16Array.from({ length: 12 * SECOND }, () => (2 * fraction(random) - 1) * 300);

  it("goes down by 7 dB while nobody speaks, beside an echo too", () => {
    const far = syllables(1, 12, 2000);
    for (const [heard, played] of [
      [hiss, new Int16Array(hiss.length)],
      [mixed(echoOf(far), hiss), far],
    ]) {
      const lower = level(hiss, 6, 6) - level(run(heard, played, ECHO_LESS_NOISE), 6, 6);
      expect(lower).toBeGreaterThan(7);
      expect(lower).toBeLessThan(12);
    }
  });

  it.each([
    [1000, 13, 1.5],
    [2000, 19, 0.8],
    [5000, 27, 0.4],
  ])("leaves a voice of %i, %i dB above it, within %f dB", (loud, aboveDb, lostDb) => {
    const voice = syllables(2, 12, loud);
    const far = new Int16Array(voice.length);
    expect(Math.round(level(voice, 6, 6) - level(hiss, 6, 6))).toBe(aboveDb);
    const lost = level(run(mixed(voice, hiss), far), 6, 6) - level(run(mixed(voice, hiss), far, ECHO_LESS_NOISE), 6, 6);
    expect(lost).toBeLessThan(lostDb);
    expect(lost).toBeGreaterThan(0);
  });
});

/**
 * A phone on speaker beside the door gives back what it is sent, that much later. @returns the loudest sample from that
 * second on
 */
function loopPeak(gain: number, lateMs: number, fromSecond: number, seconds = 8): number {
  const state = newState();
  const voice = syllables(2, seconds, 800).map((sample, i) => (i < 2 * SECOND ? sample : 0));
  const [heard, played] = [new Int16Array(STEP), new Int16Array(STEP)];
  const loop = new Int16Array((seconds + 1) * SECOND);
  let loudest = 0;
  for (let at = 0; at < seconds * SECOND; at += STEP) {
    for (let i = 0; i < STEP; i++) heard[i] = Math.max(-32768, Math.min(32767, voice[at + i] + gain * loop[at + i]));
    echoRun(state, heard, 0, played, 0, STEP, 0);
    // It is nothing that was played here.
    loop.set(heard, at + 8 * lateMs);
    if (at >= fromSecond * SECOND) for (const sample of heard) loudest = Math.max(loudest, Math.abs(sample));
  }
  return loudest;
}

describe("the guard against howling", { timeout: 60_000 }, () => {
  /** @returns what the gain may rise to, of 32768, after a sound of the given levels and a second of a quieter one */
  function ceiling(levels: readonly number[]): number {
    const random = new SeededRandom(6);
    const part = SECOND / 10;
    const sound = Int16Array.from(
      { length: (levels.length + 10) * part },
      (_, i) => (2 * fraction(random) - 1) * (levels[Math.floor(i / part)] ?? 900),
    );
    const state = newState();
    run(sound, new Int16Array(sound.length), 0, state);
    return state.words[CEILING];
  }

  it("forgets a noise that stays as loud though it is turned down, not one that ebbs and grows again", () => {
    const tenths = (count: number, at: (i: number) => number): number[] =>
      Array.from({ length: count }, (_, i) => at(i));
    const loud = tenths(6, () => 25_000);
    expect(ceiling([...loud, ...tenths(19, () => 14_000)])).toBe(32768);
    expect(ceiling([...loud, ...tenths(4, () => 100), ...tenths(19, (i) => 3500 * 1.08 ** i)])).toBeLessThan(16384);
  });

  it.each([
    [2, 80],
    [4, 80],
    [8, 80],
    [4, 200],
  ])(
    "keeps a loop of a gain of %i that comes back after %i ms quiet from 3 s after the last word on",
    (gain, lateMs) => {
      expect(loopPeak(gain, lateMs, 5)).toBeLessThan(500);
    },
  );

  it.each([
    ["bangs", 300, 700],
    ["barks", 250, 250],
    ["long bangs", 700, 300],
  ])("lets a visitor be heard 2 s after %s at full scale as before", (_, soundMs, pauseMs) => {
    const random = new SeededRandom(3);
    const [last, seconds] = [6, 10];
    const voice = syllables(2, seconds, 1500);
    const heard = voice.map((sample, i) => {
      const isLoud = i < last * SECOND && (i / 8) % (soundMs + pauseMs) < soundMs;
      return isLoud ? (2 * fraction(random) - 1) * 32_000 : i < last * SECOND ? 0 : sample;
    });
    const out = run(heard, new Int16Array(heard.length));
    expect(level(out, 0)).toBeGreaterThan(60);
    expect(Math.abs(level(voice, last + 2, 2) - level(out, last + 2, 2))).toBeLessThan(1);
  });
});

describe("the gain for a visitor", { timeout: 60_000 }, () => {
  /** @returns by how many dB the voice is louder in the last two seconds of 16 */
  function raised(loudness: number, far = new Int16Array(16 * SECOND), noise = 0): number {
    const voice = syllables(2, 16, loudness);
    const random = new SeededRandom(9);
    const hiss = voice.map(() => (2 * fraction(random) - 1) * noise);
    const out = run(mixed(voice, hiss, far.some((x) => x !== 0) ? echoOf(far) : hiss), far);
    return level(out, 14, 2) - level(mixed(voice, hiss, hiss), 14, 2);
  }

  it("raises one who is far away by 12 dB at most, and one who is near by nothing", () => {
    expect(raised(100)).toBeGreaterThan(8);
    expect(raised(40)).toBeLessThan(12.5);
    expect(Math.abs(raised(1500))).toBeLessThan(1.5);
  });

  it("raises no noise, and does not take the echo for a visitor", () => {
    expect(raised(100, undefined, 500)).toBeLessThan(3);
    const far = syllables(1, 16, 2000);
    const state = newState();
    run(echoOf(far), far, 0, state);
    expect(state.words[GAIN]).toBeLessThan(5000);
  });
});

describe("voice switching", { timeout: 60_000 }, () => {
  it("lets the louder side speak", () => {
    const far = syllables(1, 6, 2000).map((sample, i) => (i < 4 * SECOND ? sample : 0));
    const voice = syllables(2, 6, 1500).map((sample, i) => (i < 4 * SECOND ? 0 : sample));
    const heard = mixed(echoOf(far), voice);
    const out = run(heard, far, ECHO_SWITCH);
    expect(level(heard, 1, 3) - level(out, 1, 3)).toBeGreaterThan(15);
    expect(level(heard, 5) - level(out, 5)).toBeLessThan(2);
  });
});
