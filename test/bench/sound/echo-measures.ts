/**
 * How an echo canceller is measured: by how much it lowers the echo, what the visitor loses, what a change does. The
 * first two seconds teach it, with the noise; then the echo comes alone, without noise, and it is measured by how much
 * it is lowered. Not here: which calls (echo.ts).
 */
import { echoBegin, echoRun } from "../../../src/media/echo.js";
import { ECHO_DELAY, ECHO_FROZEN, ECHO_QUIET, EchoState } from "../../../src/media/echostate.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import { type Canceller, ownInC } from "./echo-peers.js";
import { type EchoScene, noiseOf, type Span } from "./echo-scenes.js";
import { logSpectralDistance, voiceDistance } from "./spectrum.js";

const STEP = 160;
export const TEACH = 2 * SAMPLES_PER_SECOND;
export const MEASURE = 2 * SAMPLES_PER_SECOND;
/** What was learnt shows after the canceller's own delay. */
const SETTLE = 800;
/** Both speak after the filter has learnt. */
export const TALK = { from: 4 * SAMPLES_PER_SECOND, to: 8 * SAMPLES_PER_SECOND - 2000 };
const DELAY_MOST = 400;
/** Lines from 125 to 3,812 Hz. */
const IN_BAND = { from: 4, to: 122 };

export function ours(name: string, options: number, freezeAt = Number.POSITIVE_INFINITY): Canceller {
  return {
    name,
    run: (microphone, far) => {
      const inC = ownInC(options, freezeAt);
      if (inC !== null) return inC(microphone, far);
      const state = new EchoState();
      echoBegin(state);
      const out = microphone.slice();
      for (let at = 0; at + STEP <= out.length; at += STEP)
        echoRun(state, out, at, far, at, STEP, at >= freezeAt ? options | ECHO_FROZEN : options);
      return out;
    },
  };
}

export function samplesOf(...parts: Float64Array[]): Int16Array {
  return Int16Array.from(parts[0], (_, i) => {
    let sum = 0;
    for (const part of parts) sum += part[i];
    return Math.max(-32768, Math.min(32767, Math.round(sum)));
  });
}

function energy(sound: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < Math.min(to, sound.length); i++) sum += sound[i] * sound[i];
  return sum;
}

const db = (ratio: number): number => 10 * Math.log10(Math.max(ratio, 1e-9));

/** @returns by how much the echo alone is lowered after two seconds with that noise, dB */
export function lowered(canceller: Canceller, scene: EchoScene, snrDb: number): number {
  const noise = noiseOf(scene, snrDb).map((sample, i) => (i < TEACH ? sample : 0));
  const end = TEACH + MEASURE;
  const microphone = samplesOf(scene.echo, noise).subarray(0, end);
  const out = canceller.run(microphone, scene.far.subarray(0, end));
  const left = energy(out, TEACH + SETTLE, end) + MEASURE / 100;
  return db(energy(scene.echo, TEACH + SETTLE, end) / left);
}

/** @returns by how many samples `out` is later than `clean` */
function delayOf(clean: Float64Array, out: Int16Array, from: number): number {
  let best = 0;
  let found = 0;
  for (let delay = 0; delay <= DELAY_MOST; delay++) {
    let product = 0;
    for (let i = from; i < from + SAMPLES_PER_SECOND; i++) product += clean[i] * (out[i + delay] ?? 0);
    if (product > best) [best, found] = [product, delay];
  }
  return found;
}

export interface Loss {
  /** How much quieter the visitor's syllables are, dB. */
  quieterDb: number;
  /** How far their levels are from what was said, louder or quieter, dB. */
  segmentalDb: number;
  /** Distance of the spectra, dB: of all frequencies, and without those that the high-pass against wind takes. */
  spectralDb: number;
  inBandDb: number;
  /** The same of the lines in which the voice is louder than the noise, to what a perfect canceller would give. */
  voiceDb: number;
  /** How alike the envelopes are, 1 at most. */
  envelope: number;
}

/** @returns the sound behind the high-pass against wind that each canceller of ours has */
function withoutWind(sound: Float64Array): Float64Array {
  let before = 0;
  let out = 0;
  return sound.map((sample) => {
    out = sample - before + (31260 / 32768) * out;
    before = sample;
    return out;
  });
}

/** What the visitor said and what came of it, and the levels of both by steps. */
interface Talk {
  noise: Float64Array;
  out: Int16Array;
  delay: number;
  clean: number[];
  heard: number[];
}

function levelsBySteps(sound: ArrayLike<number>, from: number, to: number): number[] {
  const levels: number[] = [];
  for (let at = from; at + STEP <= to; at += STEP) levels.push(Math.sqrt(energy(sound, at, at + STEP) / STEP));
  return levels;
}

function talkOf(canceller: Canceller, scene: EchoScene, snrDb: number, span: Span, hasEcho: boolean): Talk {
  const noise = noiseOf(scene, snrDb);
  const heardAt = hasEcho ? samplesOf(scene.echo, scene.visitor, noise) : samplesOf(scene.visitor, noise);
  const out = canceller.run(heardAt, scene.far);
  const delay = delayOf(scene.visitor, out, span.from);
  const clean = levelsBySteps(scene.visitor, span.from, span.to - delay);
  const heard = levelsBySteps(out, span.from + delay, span.to);
  return { noise, out, delay, clean, heard };
}

/** @returns how much quieter the visitor's syllables are, and by how much their levels are changed at all, dB */
function levelsOf({ clean, heard }: Pick<Talk, "clean" | "heard">): { quieterDb: number; segmentalDb: number } {
  const loudest = Math.max(...clean);
  let quieter = 0;
  let apart = 0;
  let count = 0;
  for (const [i, level] of clean.entries())
    if (level > loudest / 18) {
      const change = db((heard[i] / level) ** 2);
      quieter += Math.min(0, change);
      apart += Math.abs(change);
      count += 1;
    }
  return { quieterDb: -quieter / count, segmentalDb: apart / count };
}

/** @returns how much quieter the visitor's syllables are where both speak, dB */
export function quieterOf(canceller: Canceller, scene: EchoScene, snrDb: number, span = TALK, hasEcho = true): number {
  return levelsOf(talkOf(canceller, scene, snrDb, span, hasEcho)).quieterDb;
}

/** @returns what the visitor lost where both speak */
export function lossOf(canceller: Canceller, scene: EchoScene, snrDb: number, span = TALK): Loss {
  const talk = talkOf(canceller, scene, snrDb, span, true);
  // What the noise adds is nothing that the visitor lost: it is in both.
  const said = samplesOf(scene.visitor, talk.noise).subarray(span.from, span.to);
  const after = talk.out.subarray(span.from + talk.delay, span.to + talk.delay);
  // A canceller without a high-pass has all of the voice to give back: the nearer of both counts.
  const voices = [withoutWind, (sound: Float64Array) => sound].map((pass) => {
    const [voice, noise] = [pass(scene.visitor), pass(talk.noise)];
    const [both, ...parts] = [samplesOf(voice, noise), samplesOf(voice), samplesOf(noise)].map((samples) =>
      samples.subarray(span.from, span.to),
    );
    return voiceDistance(both, parts[0], parts[1], after);
  });
  return {
    ...levelsOf(talk),
    voiceDb: Math.min(...voices),
    spectralDb: logSpectralDistance(said, after),
    inBandDb: logSpectralDistance(said, after, IN_BAND),
    envelope: likeness(talk.clean, talk.heard),
  };
}

/**
 * @returns how far a voice that nobody touched is from what was said if its noise is another piece of the same noise,
 * dB: no canceller that gives noise of its own can be nearer
 */
export function otherNoise(scene: EchoScene, snrDb: number, span = TALK): number {
  const noise = noiseOf(scene, snrDb);
  const other = noise.map((_, i) => noise[(i + SAMPLES_PER_SECOND) % noise.length]);
  const [said, heard] = [noise, other].map((hum) => samplesOf(scene.visitor, hum).subarray(span.from, span.to));
  return logSpectralDistance(said, heard);
}

/** What one change in the middle of a call does to the echo. */
export type Change = "moved" | "slam" | "louder" | "quieter";

interface Recovery {
  /** By how much the echo is lowered from two seconds after the change on, dB. */
  loweredDb: number;
  /** By how much a fifth of a second was louder than what the microphone heard, at most, dB. */
  louderDb: number;
}

const CHANGE_DB = 20;
const SLAM = { level: 12_000, decay: 600 };
const STRETCH = 1600;
/** Quieter stretches are noise: what is put in its place may be a little louder. */
const LOUD = 150;

/** @param scene of an even number of seconds: the change comes in the middle */
export function recovery(canceller: Canceller, scene: EchoScene, change: Change, snrDb: number): Recovery {
  const middle = scene.echo.length / 2;
  const quiet = 10 ** (-CHANGE_DB / 20);
  const isQuiet = (i: number): boolean => (change === "louder" && i < middle) || (change === "quieter" && i >= middle);
  const echo = scene.echo.map((sample, i) => (isQuiet(i) ? quiet * sample : sample));
  const far = scene.far.map((sample, i) => (isQuiet(i) ? Math.round(quiet * sample) : sample));
  const slam = echo.map((_, i) =>
    change === "slam" && i >= middle ? scene.noise[i] * SLAM.level * Math.exp((middle - i) / SLAM.decay) : 0,
  );
  const from = middle + TEACH;
  // The noise ends where it is measured what is left: a quiet echo is no longer hidden by it then.
  const noise = noiseOf(scene, snrDb).map((sample, i) => (i < from ? sample : 0));
  const heard = samplesOf(echo, noise, slam);
  const out = canceller.run(heard, far);
  let louderDb = Number.NEGATIVE_INFINITY;
  for (let at = middle + STRETCH; at + 2 * STRETCH < out.length; at += STRETCH) {
    const before = energy(heard, at, at + STRETCH);
    const after = energy(out, at + ECHO_DELAY, at + ECHO_DELAY + STRETCH);
    if (before > STRETCH * LOUD ** 2) louderDb = Math.max(louderDb, db(after / before));
  }
  const left = energy(out, from + SETTLE, out.length) + (out.length - from) / 100;
  return { loweredDb: db(energy(echo, from + SETTLE, out.length) / left), louderDb };
}

/** @returns by how much what is left of the echo, with the noise put in its place, is above the noise, dB */
export function residue(canceller: Canceller, scene: EchoScene, snrDb: number): number {
  const noise = noiseOf(scene, snrDb);
  const out = canceller.run(samplesOf(scene.echo, noise), scene.far);
  return db(energy(out, 2 * TEACH, out.length) / energy(noise, 2 * TEACH, out.length));
}

/** Of the echo, where the house speaks. */
const SPEAKS = 100;

/** @returns how loud the noise is while the house speaks and the visitor does not, beside what it is, dB */
export function noiseLevel(canceller: Canceller, scene: EchoScene, snrDb: number): number {
  const noise = noiseOf(scene, snrDb);
  const out = canceller.run(samplesOf(scene.echo, noise), scene.far);
  const clean = withoutWind(noise);
  let sum = 0;
  let count = 0;
  for (let at = TEACH + SETTLE; at + STRETCH + ECHO_DELAY <= out.length; at += STRETCH) {
    if (energy(scene.echo, at, at + STRETCH) < STRETCH * SPEAKS ** 2) continue;
    sum += db(energy(out, at + ECHO_DELAY, at + ECHO_DELAY + STRETCH) / energy(clean, at, at + STRETCH));
    count += 1;
  }
  return sum / count;
}

/** What a canceller may do to a call that it was not made for. */
export interface Harm {
  loweredDb: number;
  /** By how much a fifth of a second of the echo was louder than what the microphone heard, at most, dB. */
  louderDb: number;
  quieterDb: number;
  /** How alike the envelopes are, with the noise, from a second after the visitor begins. */
  envelope: number;
}

/** @param gainDb of the microphone @param learnt the sample from which the echo comes without noise */
export function harmOf(scene: EchoScene, snrDb: number, gainDb: number, learnt: number, span: Span): Harm {
  const gain = 10 ** (gainDb / 20);
  const parts = [scene.echo, scene.visitor, noiseOf(scene, snrDb)];
  const [echo, visitor, noise] = parts.map((sound) => sound.map((sample) => gain * sample));
  const hum = noise.map((sample, i) => (i < learnt ? sample : 0));
  const left = ours("ours", ECHO_QUIET).run(samplesOf(echo, hum), scene.far);
  const heard = samplesOf(echo, noise);
  const out = ours("ours", 0).run(heard, scene.far);
  const both = ours("ours", 0).run(samplesOf(echo, visitor, noise), scene.far);
  let louderDb = Number.NEGATIVE_INFINITY;
  for (let at = STRETCH; at + 2 * STRETCH < out.length; at += STRETCH)
    if (energy(heard, at, at + STRETCH) > STRETCH * LOUD ** 2) {
      const after = energy(out, at + ECHO_DELAY, at + ECHO_DELAY + STRETCH);
      louderDb = Math.max(louderDb, db(after / energy(heard, at, at + STRETCH)));
    }
  const [from, to] = [span.from + SAMPLES_PER_SECOND, span.to - ECHO_DELAY];
  const levels = levelsBySteps(both, from + ECHO_DELAY, span.to);
  const clean = levelsBySteps(withoutWind(Float64Array.from(samplesOf(visitor))), from, to);
  const said = levelsBySteps(withoutWind(Float64Array.from(samplesOf(visitor, noise))), from, to);
  const [start, end] = [learnt + SETTLE, echo.length];
  return {
    loweredDb: db(energy(samplesOf(echo), start, end) / (energy(left, start, end) + (end - start) / 100)),
    louderDb,
    quieterDb: levelsOf({ clean, heard: levels }).quieterDb,
    envelope: likeness(said, levels),
  };
}

/**
 * A phone on speaker beside the door gives back `gain` times what the door sends, 80 ms later. @returns the loudest
 * sample from 2 s after the visitor's last word on
 * @param noise level of the place's
 */
export function loopPeak(scene: EchoScene, noise: number, gain: number): number {
  const state = new EchoState();
  echoBegin(state);
  const seconds = 8;
  const [heard, played] = [new Int16Array(STEP), new Int16Array(STEP)];
  const loop = new Float64Array((seconds + 1) * SAMPLES_PER_SECOND);
  let loudest = 0;
  for (let at = 0; at < seconds * SAMPLES_PER_SECOND; at += STEP) {
    for (let i = 0; i < STEP; i++) {
      const said = at < 2 * SAMPLES_PER_SECOND ? scene.visitor[at + i] : 0;
      heard[i] = Math.max(
        -32768,
        Math.min(32767, Math.round(said + noise * scene.noise[at + i] + gain * loop[at + i])),
      );
    }
    echoRun(state, heard, 0, played, 0, STEP, 0);
    loop.set(heard, at + 640);
    if (at >= 4 * SAMPLES_PER_SECOND) for (const sample of heard) loudest = Math.max(loudest, Math.abs(sample));
  }
  return loudest;
}

function likeness(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
