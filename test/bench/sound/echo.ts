/**
 * What is left of the loudspeaker at the other end, and what of the visitor: the canceller of src/media beside those of
 * other projects, on the same samples, of the calls that it was made with (home) and of others (away). Not here: how it
 * is measured (echo-measures.ts).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wavHeader } from "../../../host-sim/io/audio.js";
import { ECHO_LESS_NOISE, ECHO_LINEAR, ECHO_QUIET } from "../../../src/media/echostate.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import type { Result } from "../harness.js";
import { LOUD_SOUNDS, secondsQuieter } from "./echo-bangs.js";
import { loweredAt, type Point } from "./echo-equal.js";
import { FURTHER, KINDS } from "./echo-kinds.js";
import {
  type Change,
  harmOf,
  type Loss,
  loopPeak,
  lossOf,
  lowered,
  MEASURE,
  noiseLevel,
  otherNoise,
  ours,
  quieterOf,
  recovery,
  residue,
  samplesOf,
  TALK,
  TEACH,
} from "./echo-measures.js";
import { type Canceller, OWN_STRENGTH, ownInC, type Peer, peers } from "./echo-peers.js";
import { type EchoScene, echoScene, noiseOf, SCENES, type Span } from "./echo-scenes.js";
import { AWAY, HOME, type SceneSet } from "./echo-sets.js";
import { writeFurther, writeTables } from "./echo-table.js";

const CLEAN_DB = 60;
const ROOM_DB = 40;
const TALK_DB = 30;
const STREET_DB = 20;
const SHORT_SECONDS = (TEACH + MEASURE) / SAMPLES_PER_SECOND;
const TALK_SECONDS = 8;
const NOBODY: Span = { from: 0, to: 0 };
/** Both speak from the first moment on. */
const ALWAYS: Span = { from: 0, to: 7 * SAMPLES_PER_SECOND };
const PLAN = [
  { name: "clean", distortion: 0, snrDb: CLEAN_DB },
  { name: "distorted3", distortion: 0.03, snrDb: ROOM_DB },
  { name: "distorted", distortion: 0.1, snrDb: ROOM_DB },
  { name: "noisy30", distortion: 0, snrDb: 30 },
  { name: "noisy", distortion: 0, snrDb: STREET_DB },
  { name: "noisy0", distortion: 0, snrDb: 0 },
];
/** Loops, with the level of the noise beside them. */
const LOOPS = [
  { name: "loop", noise: 0, gain: 2 },
  { name: "loop.noisy", noise: 60, gain: 2 },
  { name: "loop12", noise: 0, gain: 4 },
  { name: "loop12.noisy", noise: 60, gain: 4 },
] as const;
/** Our suppression from as it is to much stronger, in 3 dB. */
const STRENGTHS = [OWN_STRENGTH, OWN_STRENGTH + 2, OWN_STRENGTH + 4, OWN_STRENGTH + 7];
/** What is compared where the visitor loses the same: the loudspeaker that distorts most. */
const EQUAL = { distortion: 0.1, snrDb: ROOM_DB };
/** Calls of further kinds: what is learnt by then is measured, and both speak later. */
const FURTHER_SECONDS = 10;
const FURTHER_LEARNT = 4 * SAMPLES_PER_SECOND;
const FURTHER_TALK = { from: 6 * SAMPLES_PER_SECOND, to: 10 * SAMPLES_PER_SECOND - 2000 };
const CHANGES: readonly Change[] = ["moved", "slam", "louder", "quieter"];

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Scenes take longer to make than to hear, and several rows hear the same ones. */
const made = new Map<string, EchoScene[]>();

/** Every place and housing of the set, with voices of each seed. */
function scenesOf(set: SceneSet, seconds: number, visitor = NOBODY, distortion = 0, isMoved = false): EchoScene[] {
  const name = [set.name, seconds, visitor.from, visitor.to, distortion, isMoved].join(" ");
  let scenes = made.get(name);
  scenes ??= set.seeds.flatMap((seed) =>
    Array.from({ length: SCENES }, (_, which) =>
      echoScene({ set, which, seed, seconds, distortion, visitor, isMoved }),
    ),
  );
  made.set(name, scenes);
  return scenes;
}

function echoRows(prefix: string, set: SceneSet, others: readonly Canceller[]): Result[] {
  const results: Result[] = [];
  const all = new Map<string, number[]>();
  for (const { name, distortion, snrDb } of PLAN) {
    const scenes = scenesOf(set, SHORT_SECONDS, NOBODY, distortion);
    const mean = (canceller: Canceller): number => {
      const value = meanOf(scenes.map((scene) => lowered(canceller, scene, snrDb)));
      all.set(canceller.name, [...(all.get(canceller.name) ?? []), value]);
      return value;
    };
    const value = mean(ours("ours", ECHO_QUIET));
    results.push({ name: `${prefix}.${name}`, value, unit: "dB by which the echo alone is lowered" });
    const linear = mean(ours("filter", ECHO_LINEAR, TEACH));
    results.push({ name: `${prefix}.${name}.filter`, value: linear, unit: "dB by the filter alone, frozen" });
    for (const peer of others) {
      const theirs = mean(peer);
      const row = { name: `${prefix}.${name}`, value: theirs, unit: "dB by the peer", peer: peer.name };
      results.push({ ...row, ratio: value / theirs });
    }
  }
  const own = meanOf(all.get("ours") ?? []);
  results.push({ name: `${prefix}.mean`, value: own, unit: "dB by which the echo alone is lowered, all of these" });
  for (const { name } of others) {
    const value = meanOf(all.get(name) ?? []);
    results.push({ name: `${prefix}.mean`, value, unit: "dB by the peer", peer: name, ratio: own / value });
  }
  return results;
}

function lossRows(prefix: string, set: SceneSet, others: readonly Canceller[]): Result[] {
  const results: Result[] = [];
  const talk = scenesOf(set, TALK_SECONDS, TALK);
  const unit = "dB that the visitor's syllables lose while both speak";
  const losses = (canceller: Canceller): Loss[] => talk.map((scene) => lossOf(canceller, scene, TALK_DB));
  const mean = (all: readonly Loss[], of: (loss: Loss) => number): number => meanOf(all.map(of));
  const own = losses(ours("ours", 0));
  const value = mean(own, ({ quieterDb }) => quieterDb);
  results.push(
    { name: `${prefix}.nearloss`, value, unit },
    {
      name: `${prefix}.segmental`,
      value: mean(own, ({ segmentalDb }) => segmentalDb),
      unit: "dB by which their levels are changed, up or down",
    },
    {
      name: `${prefix}.lsd`,
      value: mean(own, ({ spectralDb }) => spectralDb),
      unit: "dB that their spectra are from what was said",
    },
    {
      name: `${prefix}.lsd.band`,
      value: mean(own, ({ inBandDb }) => inBandDb),
      unit: "dB that they are from it between 125 and 3,800 Hz",
    },
    {
      name: `${prefix}.lsd.voice`,
      value: mean(own, ({ voiceDb }) => voiceDb),
      unit: "dB that the voice is from it where it is louder than the noise",
    },
    {
      name: `${prefix}.envelope`,
      value: Math.min(...own.map(({ envelope }) => envelope)),
      unit: "of 1: likeness of the visitor's syllables, the worst",
    },
  );
  // Beside a silent house only the high-pass and the noise that is put in are left.
  const alone = talk.map((scene) =>
    lossOf(ours("ours", 0), { ...scene, far: scene.far.map(() => 0), echo: scene.echo.map(() => 0) }, TALK_DB),
  );
  results.push(
    {
      name: `${prefix}.lsd.alone`,
      value: mean(alone, ({ spectralDb }) => spectralDb),
      unit: "dB that their spectra are from what was said while the house is silent",
    },
    {
      name: `${prefix}.lsd.alone.band`,
      value: mean(alone, ({ inBandDb }) => inBandDb),
      unit: "dB that they are from it between 125 and 3,800 Hz while the house is silent",
    },
    {
      name: `${prefix}.lsd.alone.voice`,
      value: mean(alone, ({ voiceDb }) => voiceDb),
      unit: "dB that the voice is from it where it is louder than the noise, while the house is silent",
    },
  );
  const less = losses(ours("ours", ECHO_LESS_NOISE));
  results.push(
    {
      name: `${prefix}.less.nearloss`,
      value: mean(less, ({ quieterDb }) => quieterDb),
      unit: `${unit}, noise lowered`,
    },
    {
      name: `${prefix}.less.lsd.voice`,
      value: mean(less, ({ voiceDb }) => voiceDb),
      unit: "dB that the voice is from it where it is louder than the noise, which is lowered",
    },
  );
  const other = meanOf(talk.map((scene) => otherNoise(scene, TALK_DB)));
  results.push({
    name: `${prefix}.lsd.noise`,
    value: other,
    unit: "dB that they are from it if only the noise differs",
  });
  for (const peer of others) {
    const theirs = losses(peer);
    const loss = mean(theirs, ({ quieterDb }) => quieterDb);
    results.push({ name: `${prefix}.nearloss`, value: loss, unit, peer: peer.name, ratio: loss / value });
    const lsd = mean(theirs, ({ spectralDb }) => spectralDb);
    results.push({ name: `${prefix}.lsd`, value: lsd, unit: "dB by the peer", peer: peer.name });
    const band = mean(theirs, ({ inBandDb }) => inBandDb);
    results.push({ name: `${prefix}.lsd.band`, value: band, unit: "dB by the peer", peer: peer.name });
    const voice = mean(theirs, ({ voiceDb }) => voiceDb);
    results.push({ name: `${prefix}.lsd.voice`, value: voice, unit: "dB by the peer", peer: peer.name });
  }
  const always = scenesOf(set, TALK_SECONDS, ALWAYS);
  for (const canceller of [ours("ours", 0), ...others]) {
    const loss = meanOf(always.map((scene) => quieterOf(canceller, scene, TALK_DB, ALWAYS, false)));
    const row = {
      name: `${prefix}.always`,
      value: loss,
      unit: "dB that they lose in the first 7 s, both speaking all the time, where no echo comes",
    };
    results.push(canceller.name === "ours" ? row : { ...row, peer: canceller.name });
  }
  return results;
}

/** Compares the cancellers where the visitor loses the same, beside a loudspeaker that distorts. */
function equalRows(prefix: string, set: SceneSet, others: readonly Peer[]): Result[] {
  const echoes = scenesOf(set, SHORT_SECONDS, NOBODY, EQUAL.distortion);
  const talk = scenesOf(set, TALK_SECONDS, TALK, EQUAL.distortion);
  const point = (quiet: Canceller, usual: Canceller): Point => ({
    lossDb: meanOf(talk.map((scene) => quieterOf(usual, scene, TALK_DB))),
    loweredDb: meanOf(echoes.map((scene) => lowered(quiet, scene, EQUAL.snrDb))),
  });
  const own = STRENGTHS.flatMap((strength) => {
    const [quiet, usual] = [ECHO_QUIET, 0].map((options) => ownInC(options, Number.POSITIVE_INFINITY, strength));
    return quiet === null || usual === null ? [] : [point({ name: "ours", run: quiet }, { name: "ours", run: usual })];
  });
  if (own.length === 0) return [];
  const results: Result[] = [];
  const add = (name: string, value: number | null, unit: string, peer?: string): void => {
    if (value !== null) results.push({ name: `${prefix}.equal.${name}`, value, unit, ...(peer && { peer }) });
  };
  const unit = "dB by which the echo alone is lowered at 10 % distortion";
  for (const { name, strengths } of others) {
    const theirs = strengths.map((canceller) => point(canceller, canceller));
    const [usual] = theirs;
    const loss = "dB that the visitor loses at 10 % distortion by";
    add(`${name}.loss`, usual.lossDb, `${loss} ${name} as it is`);
    add(name, loweredAt(own, usual.lossDb), `${unit}, where the visitor loses that`);
    add(name, usual.loweredDb, `${unit}, by the peer`, name);
    add(`${name}.own.loss`, own[0].lossDb, `${loss} ours as it is`);
    add(`${name}.own`, own[0].loweredDb, `${unit}, ours as it is`);
    add(`${name}.own`, loweredAt(theirs, own[0].lossDb), `${unit}, by the peer where the visitor loses no more`, name);
  }
  return results;
}

function changeRows(prefix: string, set: SceneSet): Result[] {
  const results: Result[] = [];
  let loudest = Number.NEGATIVE_INFINITY;
  const still = scenesOf(set, TALK_SECONDS);
  const moving = scenesOf(set, TALK_SECONDS, NOBODY, 0, true);
  for (const change of CHANGES) {
    const all = (change === "moved" ? moving : still).map((scene) =>
      recovery(ours("ours", ECHO_QUIET), scene, change, TALK_DB),
    );
    const lowest = all.map(({ loweredDb }) => loweredDb);
    loudest = Math.max(loudest, ...all.map(({ louderDb }) => louderDb));
    const unit = "dB by which the echo is lowered from 2 s after it on";
    results.push({ name: `${prefix}.${change}`, value: meanOf(lowest), unit });
    results.push({ name: `${prefix}.${change}.worst`, value: Math.min(...lowest), unit: `${unit}, the worst call` });
  }
  results.push({
    name: `${prefix}.loudest`,
    value: loudest,
    unit: "dB by which a moment of these calls became louder than it was heard, at most",
  });
  const levels = still.map((scene) => noiseLevel(ours("ours", 0), scene, TALK_DB));
  const level = "dB that the noise is louder while the house speaks than it is, 30 dB below the echo";
  results.push({ name: `${prefix}.noise`, value: meanOf(levels), unit: level });
  results.push({ name: `${prefix}.noise.least`, value: Math.min(...levels), unit: `${level}, the quietest call` });
  results.push({ name: `${prefix}.noise.most`, value: Math.max(...levels), unit: `${level}, the loudest call` });
  const less = meanOf(still.map((scene) => noiseLevel(ours("ours", ECHO_LESS_NOISE), scene, TALK_DB)));
  results.push({ name: `${prefix}.noise.less`, value: less, unit: `${level}, with noise lowered` });
  const left = still.map((scene) => residue(ours("ours", 0), scene, STREET_DB));
  results.push({
    name: `${prefix}.residue`,
    value: meanOf(left),
    unit: "dB that what is left of the echo and the noise are above the noise",
  });
  return results;
}

function loopRows(prefix: string, set: SceneSet): Result[] {
  const loops = scenesOf(set, TALK_SECONDS, ALWAYS);
  return LOOPS.map(({ name, noise, gain }) => ({
    name: `${prefix}.${name}`,
    value: Math.max(...loops.map((scene) => loopPeak(scene, noise, gain))),
    unit: `of 32767: a loop of a gain of ${gain} beside noise of ${noise}, the loudest`,
  }));
}

/**
 * Writes what a microphone hears and what becomes of it, one call of each set: `<set>-before.wav`, `<set>-after.wav`.
 */
function writeWavs(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const set of [HOME, AWAY]) {
    const seed = set.seeds[0];
    const scene = echoScene({ set, which: 4, seed, seconds: TALK_SECONDS, distortion: 0.03, visitor: TALK });
    const heard = samplesOf(scene.echo, scene.visitor, noiseOf(scene, TALK_DB));
    for (const [name, samples] of [
      ["before", heard],
      ["after", ours("ours", 0).run(heard, scene.far)],
    ] as const)
      writeFileSync(
        join(folder, `${set.name}-${name}.wav`),
        Buffer.concat([wavHeader(samples.length), Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]),
      );
  }
}

/** Calls of kinds that nothing was tuned to: what is done to each. */
function furtherRows(): Result[] {
  return KINDS.flatMap(({ name, distortion, snrDb, lateMs, gainDb, played }, at) => {
    // All places for the first kind, some of them for the others.
    const places = Array.from({ length: SCENES }, (_, which) => which).filter((which) => at === 0 || which % 4 === 0);
    const all = places.map((which) =>
      harmOf(
        echoScene({
          ...{ set: FURTHER, which, seed: FURTHER.seeds[0], seconds: FURTHER_SECONDS, distortion, lateMs },
          visitor: FURTHER_TALK,
          played: played?.(FURTHER_SECONDS * SAMPLES_PER_SECOND),
        }),
        ...([snrDb, gainDb, FURTHER_LEARNT, FURTHER_TALK] as const),
      ),
    );
    const prefix = `sound.echo.further.${name}`;
    return [
      { name: prefix, value: meanOf(all.map((harm) => harm.loweredDb)), unit: "dB by which the echo alone is lowered" },
      { name: `${prefix}.worst`, value: Math.min(...all.map((harm) => harm.loweredDb)), unit: "dB, the worst call" },
      {
        name: `${prefix}.louder`,
        value: Math.max(...all.map((harm) => harm.louderDb)),
        unit: "dB by which a moment of the echo became louder than it was heard, at most",
      },
      {
        name: `${prefix}.nearloss`,
        value: meanOf(all.map((harm) => harm.quieterDb)),
        unit: "dB that the visitor's syllables lose while both speak",
      },
      {
        name: `${prefix}.envelope`,
        value: Math.min(...all.map((harm) => harm.envelope)),
        unit: "of 1: likeness of the visitor's syllables with the noise, the worst",
      },
    ];
  });
}

/** Loud sounds that are no howling: how long a visitor is quieter after each. */
function loudRows(): Result[] {
  return LOUD_SOUNDS.map((sound) => ({
    name: `sound.echo.further.after.${sound.name}`,
    value: secondsQuieter(sound),
    unit: "s after it for which a visitor is 3 dB quieter",
  }));
}

/** What is measured of each set; words that name one choose it. */
const ROWS = [
  { name: "lowered", run: echoRows },
  { name: "lost", run: lossRows },
  { name: "changed", run: changeRows },
  { name: "loop", run: loopRows },
  { name: "equal", run: equalRows },
];
const SETS = [
  { prefix: "sound.echo", set: HOME },
  { prefix: "sound.echo.away", set: AWAY },
];

/**
 * @param folder where sounds are written too, or an empty text
 * @param words that name a set, or rows of it, choose them; `further` chooses calls of other kinds, `further after`
 * what comes after loud sounds; `--docs` writes the tables of docs/sound.md
 */
export function echoBenchmarks(folder: string, words: readonly string[]): Result[] {
  if (folder !== "") writeWavs(folder);
  if (words.includes(FURTHER.name)) {
    const loud = loudRows();
    if (words.includes("after")) return loud;
    const further = [...furtherRows(), ...loud];
    if (words.includes("--docs")) writeFurther(further, KINDS, LOUD_SOUNDS);
    return further;
  }
  const others = peers();
  const chosen = SETS.filter(({ set }) => words.includes(set.name));
  const sets = chosen.length > 0 ? chosen : SETS;
  const rows = ROWS.some(({ name }) => words.includes(name)) ? ROWS.filter(({ name }) => words.includes(name)) : ROWS;
  const results = sets.flatMap(({ prefix, set }) => rows.flatMap(({ run }) => run(prefix, set, others)));
  if (words.includes("--docs"))
    writeTables(
      results,
      sets.map(({ prefix, set }) => ({ prefix, name: set.name })),
    );
  return results;
}
