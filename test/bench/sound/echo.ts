/**
 * How much of the loudspeaker's and of the visitor's sound is left at the other end: the canceller of src/media beside
 * those of other projects, on the same samples. It learns in the first two seconds, with noise; then the echo comes
 * alone, without noise, and its loss is measured. Loss is measured while both sides speak.
 */

import { echoBegin, echoRun } from "../../../src/media/echo.js";
import { ECHO_FROZEN, ECHO_LINEAR, ECHO_QUIET, EchoState } from "../../../src/media/echostate.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import type { Result } from "../harness.js";
import { type Canceller, peers } from "./echo-peers.js";
import { type EchoScene, echoScene, noiseOf, SCENES } from "./echo-scenes.js";

const STEP = 160;
const TEACH = 2 * SAMPLES_PER_SECOND;
const MEASURE = 2 * SAMPLES_PER_SECOND;
/** The learnt filter shows after the canceller's own delay. */
const SETTLE = 800;
const SEEDS = [1, 2];
const CLEAN_DB = 60;
const ROOM_DB = 40;
/** Both sides speak after the filter has learnt. */
const TALK_SECONDS = 8;
const TALK = { from: 4 * SAMPLES_PER_SECOND, to: 8 * SAMPLES_PER_SECOND - 2000 };
const DELAY_MOST = 400;

function ours(name: string, options: number, freezeAt = Number.POSITIVE_INFINITY): Canceller {
  return {
    name,
    run: (microphone, far) => {
      const state = new EchoState();
      echoBegin(state);
      const out = microphone.slice();
      for (let at = 0; at + STEP <= out.length; at += STEP)
        echoRun(state, out, at, far, at, STEP, at >= freezeAt ? options | ECHO_FROZEN : options);
      return out;
    },
  };
}

function samplesOf(...parts: Float64Array[]): Int16Array {
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
function lowered(canceller: Canceller, scene: EchoScene, snrDb: number): number {
  const noise = noiseOf(scene, snrDb).map((sample, i) => (i < TEACH ? sample : 0));
  const end = TEACH + MEASURE;
  const microphone = samplesOf(scene.echo, noise).subarray(0, end);
  const out = canceller.run(microphone, scene.far.subarray(0, end));
  const left = energy(out, TEACH + SETTLE, end) + MEASURE / 100;
  return db(energy(scene.echo, TEACH + SETTLE, end) / left);
}

/** @returns by how many samples `out` is later than `clean` */
function delayOf(clean: Float64Array, out: Int16Array): number {
  let best = 0;
  let found = 0;
  for (let delay = 0; delay <= DELAY_MOST; delay++) {
    let product = 0;
    for (let i = TALK.from; i < TALK.from + SAMPLES_PER_SECOND; i++) product += clean[i] * (out[i + delay] ?? 0);
    if (product > best) [best, found] = [product, delay];
  }
  return found;
}

interface Loss {
  /** The loss of the visitor's syllables, dB. */
  segmentalDb: number;
  /** The likeness of the envelopes, 1 at most. */
  envelope: number;
}

function lossOf(canceller: Canceller, scene: EchoScene, snrDb: number): Loss {
  const out = canceller.run(samplesOf(scene.echo, scene.visitor, noiseOf(scene, snrDb)), scene.far);
  const delay = delayOf(scene.visitor, out);
  const clean: number[] = [];
  const heard: number[] = [];
  for (let at = TALK.from; at + STEP + delay <= TALK.to; at += STEP) {
    clean.push(Math.sqrt(energy(scene.visitor, at, at + STEP) / STEP));
    heard.push(Math.sqrt(energy(out, at + delay, at + delay + STEP) / STEP));
  }
  const loudest = Math.max(...clean);
  let sum = 0;
  let count = 0;
  for (const [i, level] of clean.entries())
    if (level > loudest / 18) {
      sum += Math.min(0, db((heard[i] / level) ** 2));
      count += 1;
    }
  return { segmentalDb: -sum / count, envelope: likeness(clean, heard) };
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

/** @returns every place and housing, with voices of each seed */
function scenes(distortion: number, seconds: number): EchoScene[] {
  const visitor = seconds > TALK_SECONDS - 1 ? TALK : { from: 0, to: 0 };
  return SEEDS.flatMap((seed) =>
    Array.from({ length: SCENES }, (_, which) => echoScene({ which, seed, seconds, distortion, visitor })),
  );
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function echoBenchmarks(): Result[] {
  const results: Result[] = [];
  const others = peers();
  const short = Math.ceil((TEACH + MEASURE) / SAMPLES_PER_SECOND);
  const plan = [
    { name: "clean", distortion: 0, snrDb: CLEAN_DB },
    { name: "distorted3", distortion: 0.03, snrDb: ROOM_DB },
    { name: "distorted", distortion: 0.1, snrDb: ROOM_DB },
    { name: "noisy30", distortion: 0, snrDb: 30 },
    { name: "noisy", distortion: 0, snrDb: 20 },
    { name: "noisy0", distortion: 0, snrDb: 0 },
  ];
  for (const { name, distortion, snrDb } of plan) {
    const all = scenes(distortion, short);
    const mean = (canceller: Canceller): number => meanOf(all.map((scene) => lowered(canceller, scene, snrDb)));
    const value = mean(ours("ours", ECHO_QUIET));
    results.push({ name: `sound.echo.${name}`, value, unit: "dB by which the echo alone is lowered" });
    const linear = mean(ours("filter", ECHO_LINEAR, TEACH));
    results.push({ name: `sound.echo.${name}.filter`, value: linear, unit: "dB by the filter alone, frozen" });
    for (const peer of others) {
      const theirs = mean(peer);
      const row = { name: `sound.echo.${name}`, value: theirs, unit: "dB by the peer", peer: peer.name };
      results.push({ ...row, ratio: value / theirs });
    }
  }
  const talk = scenes(0, TALK_SECONDS);
  const losses = (canceller: Canceller): Loss[] => talk.map((scene) => lossOf(canceller, scene, 30));
  const own = losses(ours("ours", 0));
  const value = meanOf(own.map(({ segmentalDb }) => segmentalDb));
  const unit = "dB that the visitor's syllables lose while both speak";
  results.push({ name: "sound.echo.nearloss", value, unit });
  const least = Math.min(...own.map(({ envelope }) => envelope));
  results.push({
    name: "sound.echo.envelope",
    value: least,
    unit: "of 1: likeness of the visitor's syllables, the worst",
  });
  for (const peer of others) {
    const theirs = meanOf(losses(peer).map(({ segmentalDb }) => segmentalDb));
    results.push({ name: "sound.echo.nearloss", value: theirs, unit, peer: peer.name, ratio: theirs / value });
  }
  return results;
}
