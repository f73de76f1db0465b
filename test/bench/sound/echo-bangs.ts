/**
 * Loud sounds at a door that are no howling: how long the visitor is quieter after them, for the guard against howling
 * turns all down that is loud and has no pauses. Of a seed. Not here: loops (echo-measures.ts).
 */
import { SeededRandom } from "../../../host-sim/io/random.js";
import { fraction } from "../../../src/core/random.js";
import { ECHO_DELAY } from "../../../src/media/echostate.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import { FURTHER } from "./echo-kinds.js";
import { ours, samplesOf } from "./echo-measures.js";
import { echoScene } from "./echo-scenes.js";

export interface LoudSound {
  name: string;
  /** What it is, in words of the page. */
  what: string;
  /** @returns the sample at that time of 12 s @param white noise between -1 and 1 @param phase which it moves on */
  at(seconds: number, white: number, phase: Phase): number;
}

/** The phase of a tone whose frequency changes, and the states of two low-passes. */
interface Phase {
  turns: number;
  low: number;
}

const LOUD_SECONDS = 12;
const VISITOR_SECONDS = 16;
/** The visitor says it so often, and so long it is listened to at most. */
const TIMES = 5;
const STRETCH = SAMPLES_PER_SECOND / 2;
/** Quieter stretches are pauses. */
const SPEAKS = 300;

/** @returns the gain of a sound that swells and ebbs within those times, 0 outside it */
function swell(seconds: number, up: number, down: number, length: number): number {
  if (seconds < 0 || seconds > length) return 0;
  return Math.min(1, seconds / up, (length - seconds) / down);
}

/** @returns the sum of that many harmonics, each weaker than the one before */
function voiced(phase: Phase, hz: number, count: number, weaker: number): number {
  phase.turns += hz / SAMPLES_PER_SECOND;
  let sum = 0;
  for (let h = 1; h <= count; h++) sum += Math.sin(2 * Math.PI * h * phase.turns) / h ** weaker;
  return sum;
}

function lowPassed(phase: Phase, white: number, share: number): number {
  phase.low += share * (white - phase.low);
  return phase.low;
}

const tone = (hz: number, seconds: number): number => Math.sin(2 * Math.PI * hz * seconds);

/** How near what passes by is: nearest after six seconds. */
const near = (seconds: number): number => Math.exp(-((seconds - 6) ** 2) / 6);

const CHORDS = [
  [262, 330, 392, 523],
  [220, 262, 330, 440],
  [175, 220, 262, 349],
  [196, 247, 294, 392],
];

export const LOUD_SOUNDS: readonly LoudSound[] = [
  {
    name: "bangs",
    what: "bangs at full scale, 300 ms of each second",
    at: (seconds, white) => (seconds % 1 < 0.3 ? 32_000 * white : 0),
  },
  {
    name: "longer",
    what: "the same, of 700 ms",
    at: (seconds, white) => (seconds % 1 < 0.7 ? 32_000 * white : 0),
  },
  {
    name: "barks",
    what: "a dog that barks twice a second",
    at: (seconds, white, phase) => {
      const bark = seconds % 0.5;
      const hz = 420 + 250 * Math.sin((Math.PI * bark) / 0.3);
      return swell(bark, 0.015, 0.12, 0.3) * (14_000 * voiced(phase, hz, 8, 0.5) + 5000 * white);
    },
  },
  {
    name: "slams",
    what: "a door that slams in a hall, again and again",
    at: (seconds, white, phase) => {
      const since = seconds % 2.2;
      const ebb = Math.exp(-since / 0.08) + 0.5 * Math.exp(-since / 0.35);
      return ebb * (110_000 * lowPassed(phase, white, 0.35) + 12_000 * white);
    },
  },
  {
    name: "drill",
    what: "a pneumatic drill, a second on and a second off",
    at: (seconds, white, phase) => {
      const hiss = white - lowPassed(phase, white, 0.3);
      const blow = Math.exp(-(seconds % (1 / 28)) / 0.006);
      return seconds % 2 < 1 ? hiss * (8000 + 40_000 * blow) : 0;
    },
  },
  {
    name: "siren",
    what: "a siren that passes by",
    at: (seconds, _white, phase) => {
      const nearer = 1 - 0.04 * Math.tanh((seconds - 6) / 1.2);
      return 26_000 * near(seconds) * voiced(phase, (seconds % 1.4 < 0.7 ? 435 : 580) * nearer, 6, 1);
    },
  },
  {
    name: "horn",
    what: "a horn, twice in three seconds",
    at: (seconds) => {
      const since = seconds % 3 < 1.6 ? (seconds % 3) % 0.8 : -1;
      const two = tone(410, seconds) + tone(515, seconds) + 0.5 * (tone(1030, seconds) + tone(1230, seconds));
      return swell(since, 0.02, 0.03, 0.55) * 15_000 * two;
    },
  },
  {
    name: "gong",
    what: "a gong of two tones beside the door",
    at: (seconds) => {
      const first = seconds % 3;
      const second = first - 0.7;
      const high = Math.exp(-first / 0.6) * (tone(660, first) + 0.3 * tone(1720, first) * Math.exp(-2 * first));
      if (second < 0) return 16_000 * high;
      const low = Math.exp(-second / 0.8) * (tone(528, second) + 0.3 * tone(1400, second) * Math.exp(-2 * second));
      return 16_000 * (high + low);
    },
  },
  {
    name: "baby",
    what: "a baby that cries on an arm",
    at: (seconds, white, phase) => {
      const since = seconds % 1.25;
      const hz = 420 + 90 * Math.sin((Math.PI * since) / 0.9) + 8 * tone(6, seconds);
      return swell(since, 0.06, 0.12, 0.9) * (13_000 * voiced(phase, hz, 8, 0.8) + 800 * white);
    },
  },
  {
    name: "car",
    what: "music from a car",
    at: (seconds, white) => {
      const beat = (seconds * 2) % 1;
      const chord = CHORDS[Math.floor(seconds) % CHORDS.length];
      const sum = chord.reduce((all, hz) => all + tone(hz, seconds) + 0.5 * tone(2 * hz, seconds), 0);
      return 6000 * (Math.exp(-2 * beat) * sum + 6 * Math.exp(-beat / 0.031) * white);
    },
  },
  {
    name: "lorry",
    what: "a lorry that passes by",
    at: (seconds, white, phase) =>
      near(seconds) * 60_000 * lowPassed(phase, white, 0.15) * (1 + 0.3 * tone(27, seconds)),
  },
];

/** The visitor's voice and the place's noise, of the first call of the further kinds. */
let visitor: Float64Array | null = null;

/** @returns how many seconds after the sound a visitor is 3 dB quieter still for half a second */
export function secondsQuieter(sound: LoudSound): number {
  const random = new SeededRandom(31);
  const phase: Phase = { turns: 0, low: 0 };
  visitor ??= echoScene({
    ...{ set: FURTHER, which: 4, seed: 31, seconds: VISITOR_SECONDS, distortion: 0 },
    visitor: { from: 0, to: VISITOR_SECONDS * SAMPLES_PER_SECOND },
  }).visitor;
  const [from, voice] = [LOUD_SECONDS * SAMPLES_PER_SECOND, visitor];
  const whole = Float64Array.from({ length: from + TIMES * voice.length }, (_, i) => {
    const white = 2 * fraction(random) - 1;
    return i < from ? sound.at(i / SAMPLES_PER_SECOND, white, phase) : voice[(i - from) % voice.length] + 20 * white;
  });
  const heard = samplesOf(whole);
  const out = ours("ours", 0).run(heard, new Int16Array(heard.length));
  let seconds = 0;
  for (let at = from; at + STRETCH + ECHO_DELAY <= out.length; at += STRETCH) {
    let [before, after] = [0, 0];
    for (let i = at; i < at + STRETCH; i++) {
      before += heard[i] ** 2;
      after += out[i + ECHO_DELAY] ** 2;
    }
    if (before > STRETCH * SPEAKS ** 2 && after < before / 2) seconds = (at + STRETCH - from) / SAMPLES_PER_SECOND;
  }
  return seconds;
}
