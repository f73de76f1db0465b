/**
 * Tests of the echo canceller at its place with devices that fail: what it says, and that it works again afterwards.
 */
import { beforeEach, describe, expect, it } from "vitest";
import type { AudioInput } from "../../hal/device.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { fraction } from "../../src/core/random.js";
import { EchoControl } from "../../src/driver/echocontrol.js";

const FRAME = 160;
const SECOND = 50;
const NOTHING = (): number => 0;

let random: SeededRandom;
let control: EchoControl;
let played: Int16Array;
/** What the codec gives as the reference. */
let reference: (played: Int16Array) => Int16Array;
let at: number;
/** The last samples of the frame before, for the echo's way. */
let tail: Int16Array;
let colour: number;

beforeEach(() => {
  random = new SeededRandom(3);
  played = new Int16Array(FRAME);
  reference = (all) => all;
  at = 0;
  tail = new Int16Array(FRAME);
  colour = 0;
  const input: AudioInput = { read: () => FRAME, reference: (into) => into.set(reference(played)) };
  control = new EchoControl(input, FRAME);
  control.set("cancel", "keep");
  control.begin();
});

/** Syllables of 180 ms with pauses of 60 ms. */
function speech(level: number): number {
  const place = at % 1920;
  colour += 0.4 * ((2 * fraction(random) - 1) * 4 * level - colour);
  return place < 1440 ? colour * Math.sin((Math.PI * place) / 1440) : 0;
}

interface Frames {
  seconds: number;
  /** What the house says, and what is heard of a sample beside its echo. */
  far?: () => number;
  near?: () => number;
  /** What becomes of a sample on the microphone's way. */
  heard?: (sample: number) => number;
  echo?: number;
}

/** @returns the level that goes to the house in the last half of it */
function run({ seconds, far = NOTHING, near = NOTHING, heard = (sample) => sample, echo = 0.7 }: Frames): number {
  let sum = 1;
  for (let frame = 0; frame < seconds * SECOND; frame++) {
    const way = (i: number): number => (i < 0 ? tail[FRAME + i] : played[i]);
    const samples = Int16Array.from(played, (_, i) => {
      at += 1;
      const whole = heard(near() + echo * way(i - 30) - 0.5 * echo * way(i - 75));
      return Math.max(-32768, Math.min(32767, Number.isNaN(whole) ? Number.NaN : Math.round(whole)));
    });
    control.run(samples);
    if (frame >= (seconds * SECOND) / 2) for (const sample of samples) sum += sample * sample;
    const written = Int16Array.from({ length: FRAME }, () => far());
    control.wrote(written, Math.max(...written.map(Math.abs)));
    tail = played;
    played = written;
  }
  return 10 * Math.log10(sum / ((seconds * SECOND * FRAME) / 2));
}

const hiss = (): number => 20 * (2 * fraction(random) - 1);
const house = (): number => speech(2500);
const visitor = (): number => speech(1500) + hiss();

/** The visitor comes through, and the house does not hear itself. */
function expectItWorks(): void {
  const level = run({ seconds: 2, near: visitor });
  expect(level).toBeGreaterThan(45);
  const left = run({ seconds: 4, far: house, near: hiss });
  expect(left).toBeLessThan(level - 15);
}

describe("the echo canceller at its place", () => {
  it("has nothing to say of a microphone, a reference and an echo as they should be", () => {
    expectItWorks();
    expect(control.problem()).toBe("");
  });

  it("says that the microphone is dead, after 3 s of nothing or of one level, and works when it is back", () => {
    for (const level of [0, 12_000]) {
      control.begin();
      run({ seconds: 2, far: house, heard: () => level });
      expect(control.problem()).toBe("");
      run({ seconds: 2.5, far: house, heard: () => level });
      expect(control.problem()).toBe("the microphone is dead: check its wiring and audio.input");
      control.begin();
      expectItWorks();
      expect(control.problem()).toBe("");
    }
  });

  it("says that the microphone clips, and not for a knock", () => {
    run({ seconds: 2, near: () => (at % 8000 < 40 ? 40_000 : hiss()) });
    expect(control.problem()).toBe("");
    run({ seconds: 2, near: () => 25 * visitor() });
    expect(control.problem()).toBe("the microphone clips: lower audio.gain");
    control.begin();
    // What was taken for howling comes up again.
    run({ seconds: 10 });
    expectItWorks();
  });

  it("takes what was written for a reference that is missing, says so, and takes the codec's when it comes", () => {
    reference = () => new Int16Array(FRAME);
    const left = run({ seconds: 6, far: house, near: hiss });
    expect(control.problem()).toBe("no reference from the codec: echo is taken out by what was sent to it");
    expect(left).toBeLessThan(45);
    reference = (all) => all;
    control.begin();
    expectItWorks();
    expect(control.problem()).toBe("");
  });

  it("misses no reference while nothing is played, or so little that a low volume leaves none of it", () => {
    reference = () => new Int16Array(FRAME);
    run({ seconds: 3, near: visitor });
    run({ seconds: 3, near: visitor, far: () => speech(200) });
    expect(control.problem()).toBe("");
  });

  it.each([
    ["comes a quarter of a second late", 12],
    ["is of 16 kHz in place of 8", 0],
  ])("says that echo is left when the reference %s, and is never louder than what was heard", (_name, late) => {
    const line: Int16Array[] = [];
    reference = (all) => {
      line.push(all);
      if (late > 0) return line[line.length - 1 - late] ?? new Int16Array(FRAME);
      return all.map((_, i) => all[(2 * i) % FRAME]);
    };
    const said: string[] = [];
    for (let turn = 0; turn < 7; turn++) {
      const left = run({ seconds: 2, far: house, near: hiss });
      expect(left).toBeLessThan(66);
      if (control.problem() !== "" && said.at(-1) !== control.problem()) said.push(control.problem());
      run({ seconds: 1, near: hiss });
    }
    expect(said).toEqual(["echo is left: lower audio.volume, or set audio.echo switch"]);
    reference = (all) => all;
    control.begin();
    expectItWorks();
  });

  it("says that the visitor is hardly heard, when all the gain there is does not help", () => {
    run({ seconds: 25, near: () => speech(60) + hiss() / 20 });
    expect(control.problem()).toBe("the visitor is hardly heard: raise audio.gain");
  });

  it("takes samples that are no numbers for silence", () => {
    run({ seconds: 2, far: house, heard: (sample) => (at % 3 === 0 ? Number.NaN : sample) });
    run({ seconds: 1, far: () => Number.NaN, heard: () => Number.NaN });
    control.begin();
    expectItWorks();
    expect(control.problem()).toBe("");
  });

  it("does nothing where it is switched off", () => {
    const samples = Int16Array.from({ length: FRAME }, () => 32_767);
    control.set("off", "lower");
    for (let frame = 0; frame < 3 * SECOND; frame++) control.run(samples);
    expect(samples.every((sample) => sample === 32_767)).toBe(true);
    expect(control.problem()).toBe("");
  });
});
