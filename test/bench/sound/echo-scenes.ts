/**
 * What the microphone of a door hears in a call, taken apart: the echo, a visitor's voice, the noise; places, housings,
 * loudspeakers and voices of a set (echo-sets.ts). Of a seed: the same each time. Not here: what is done about it
 * (echo.ts).
 */
import { SeededRandom } from "../../../host-sim/io/random.js";
import { Loudspeaker } from "../../../host-sim/world/acoustics/loudspeaker.js";
import { echoPath, voicePath } from "../../../host-sim/world/acoustics/places.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import type { SceneSet } from "./echo-sets.js";
import { speech } from "./speech.js";

/** The level of what the loudspeaker is given. */
const FAR_LEVEL = 2600;
const ECHO_TAPS = 1200;
const VOICE_TAPS = 800;
/** Quieter stretches of 20 ms are no speech. */
const STRETCH = 160;
const PAUSE_LEVEL = 10;

export interface EchoScene {
  /** What the loudspeaker is given. */
  far: Int16Array;
  echo: Float64Array;
  /** While somebody speaks. */
  echoLevel: number;
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

function later(sound: Float64Array, ms: number): Float64Array {
  const out = new Float64Array(sound.length);
  const by = Math.round((ms * SAMPLES_PER_SECOND) / 1000);
  out.set(sound.subarray(0, sound.length - by), by);
  return out;
}

const voices = new Map<string, Int16Array>();

function voiceOf(set: SceneSet, which: number, skip: number, samples: number): Float64Array {
  const { voice, text } = set.speakers[which % set.speakers.length];
  const said = voices.get(voice) ?? speech(voice, text).samples;
  voices.set(voice, said);
  return Float64Array.from({ length: samples }, (_, i) => said[(i + skip) % said.length]);
}

export interface ScenePlan {
  set: SceneSet;
  /** 0 to 8: place and housing. */
  which: number;
  seed: number;
  seconds: number;
  /** The share of the echo that is distortion. */
  distortion: number;
  visitor: Span;
  /** The way becomes another one in the middle, that of the set's next housing. */
  isMoved?: boolean;
  /** The echo is later by so much. */
  lateMs?: number;
  /** What the loudspeaker is given in place of a voice, of any level. */
  played?: Float64Array;
}

/** Places by housings, in each set. */
export const SCENES = 9;

export function echoScene(plan: ScenePlan): EchoScene {
  const { set, which, seed, seconds, distortion, visitor, isMoved, lateMs = 0 } = plan;
  const samples = seconds * SAMPLES_PER_SECOND;
  const place = set.places[Math.floor(which / set.housings.length)];
  const housing = set.housings[which % set.housings.length];
  const random = new SeededRandom(100 * seed + which);
  const echoLevel = set.echoLevels[which % set.echoLevels.length];
  const said = levelled(plan.played ?? voiceOf(set, which + seed, 2000 * which, samples), FAR_LEVEL);
  const far = Int16Array.from(said, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample))));
  const loudspeaker = new Loudspeaker(set.distortions[which % 2], distortion, said);
  const played = said.map((sample) => loudspeaker.next(sample));
  const spoken = voiceOf(set, which + seed + 2, 5000, samples).map((x, i) =>
    i >= visitor.from && i < visitor.to ? x : 0,
  );
  const noise = set.noise(place, random.fork());
  const hiss = Float64Array.from({ length: samples }, () => noise.next());
  const power = hiss.reduce((sum, sample) => sum + sample * sample, 0) / samples;
  const echo = levelled(later(through(played, echoPath(place, housing, random, ECHO_TAPS)), lateMs), echoLevel);
  if (isMoved === true) {
    const next = set.housings[(which + 1) % set.housings.length];
    const moved = levelled(through(played, echoPath(place, next, random, ECHO_TAPS)), echoLevel);
    for (let i = samples / 2; i < samples; i++) echo[i] = moved[i];
  }
  const visitorLevel = set.visitorLevels[which % set.visitorLevels.length];
  return {
    far,
    echo,
    echoLevel,
    visitor: levelled(through(spoken, voicePath(place, set.visitorM, VOICE_TAPS)), visitorLevel),
    noise: hiss.map((sample) => sample / Math.sqrt(power)),
  };
}

/** @param snrDb of the echo to the noise @returns the noise of the scene at that level */
export function noiseOf(scene: EchoScene, snrDb: number): Float64Array {
  const level = scene.echoLevel * 10 ** (-snrDb / 20);
  return scene.noise.map((sample) => sample * level);
}
