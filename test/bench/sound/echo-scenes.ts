/**
 * The sound at the microphone of a door in a call, in parts: the echo, a visitor's voice, the noise; three places,
 * three housings, a loudspeaker that distorts, five voices at both ends. A seed repeats it. Not here: the canceller
 * (echo.ts).
 */
import { SeededRandom } from "../../../host-sim/io/random.js";
import { Loudspeaker } from "../../../host-sim/world/acoustics/loudspeaker.js";
import { PlaceNoise } from "../../../host-sim/world/acoustics/noise.js";
import { echoPath, HOUSING_NAMES, PLACE_NAMES, PLACES, voicePath } from "../../../host-sim/world/acoustics/places.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import { speech, VOICES } from "./speech.js";

/** The echo has this level while the far end speaks; the visitor is a little quieter. */
const ECHO_LEVEL = 2600;
const VISITOR_LEVEL = 1600;
const ECHO_TAPS = 1200;
const VOICE_TAPS = 800;
const VISITOR_M = 0.6;
/** Stretches of 20 ms below this level are no speech. */
const STRETCH = 160;
const PAUSE_LEVEL = 10;

export interface EchoScene {
  name: string;
  /** The loudspeaker's samples. */
  far: Int16Array;
  echo: Float64Array;
  visitor: Float64Array;
  /** Noise of level 1. */
  noise: Float64Array;
}

/** The samples from which and until which the visitor speaks. */
export interface Span {
  from: number;
  to: number;
}

/** @returns the level of the sound without its pauses */
export function speechLevel(sound: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at + STRETCH <= sound.length; at += STRETCH) {
    let power = 0;
    for (let i = at; i < at + STRETCH; i++) power += sound[i] ** 2;
    if (power / STRETCH < PAUSE_LEVEL ** 2) continue;
    sum += power;
    count += STRETCH;
  }
  return count === 0 ? 0 : Math.sqrt(sum / count);
}

/** Changes the sound's level. */
export function levelled(sound: Float64Array, level: number): Float64Array {
  const now = speechLevel(sound);
  return sound.map((sample) => (now === 0 ? 0 : (sample * level) / now));
}

function through(sound: Float64Array, way: Float64Array): Float64Array {
  const out = new Float64Array(sound.length);
  for (let i = 0; i < sound.length; i++) {
    let sum = 0;
    const most = Math.min(way.length, i + 1);
    for (let k = 0; k < most; k++) sum += way[k] * sound[i - k];
    out[i] = sum;
  }
  return out;
}

const voices = new Map<string, Int16Array>();

function voiceOf(which: number, skip: number, samples: number): Float64Array {
  const name = VOICES[which % VOICES.length];
  const said = voices.get(name) ?? speech(name).samples;
  voices.set(name, said);
  return Float64Array.from({ length: samples }, (_, i) => said[(i + skip) % said.length]);
}

export interface ScenePlan {
  /** 0 to 8, for place and housing. */
  which: number;
  seed: number;
  seconds: number;
  /** The share of the echo that is distortion. */
  distortion: number;
  visitor: Span;
}

export const SCENES = PLACE_NAMES.length * HOUSING_NAMES.length;

export function echoScene({ which, seed, seconds, distortion, visitor }: ScenePlan): EchoScene {
  const samples = seconds * SAMPLES_PER_SECOND;
  const place = PLACE_NAMES[Math.floor(which / HOUSING_NAMES.length)];
  const housing = HOUSING_NAMES[which % HOUSING_NAMES.length];
  const random = new SeededRandom(100 * seed + which);
  const said = levelled(voiceOf(which + seed, 2000 * which, samples), ECHO_LEVEL);
  const far = Int16Array.from(said, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample))));
  const loudspeaker = new Loudspeaker(which % 2 === 0 ? "lopsided" : "limited", distortion, said);
  const played = said.map((sample) => loudspeaker.next(sample));
  const spoken = voiceOf(which + seed + 2, 5000, samples).map((x, i) => (i >= visitor.from && i < visitor.to ? x : 0));
  const noise = new PlaceNoise(random.fork(), PLACES[place].traffic);
  const hiss = Float64Array.from({ length: samples }, () => noise.next());
  const power = hiss.reduce((sum, sample) => sum + sample * sample, 0) / samples;
  return {
    name: `${place}, ${housing}`,
    far,
    echo: levelled(through(played, echoPath(place, housing, random, ECHO_TAPS)), ECHO_LEVEL),
    visitor: levelled(through(spoken, voicePath(place, VISITOR_M, VOICE_TAPS)), VISITOR_LEVEL),
    noise: hiss.map((sample) => sample / Math.sqrt(power)),
  };
}

/** @param snrDb of the echo to the noise @returns the noise of the scene at that level */
export function noiseOf(scene: EchoScene, snrDb: number): Float64Array {
  const level = ECHO_LEVEL * 10 ** (-snrDb / 20);
  return scene.noise.map((sample) => sample * level);
}
