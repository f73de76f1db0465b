/**
 * Takes the loudspeaker's sound out of the microphone's: an adaptive filter of 64 ms in 8 partitions of 64 samples,
 * whose steps follow the certainty of each partition and frequency (a Kalman filter by frequencies, so that a voice at
 * the door does not spoil it), then a suppression of what is left, with noise in place of what it takes. 8 kHz. The
 * twin of hal/native/echo.h, bit for bit, which boards run: here a block costs an interpreter a second. Not here: its
 * state (echostate.ts), when it is used (the driver).
 */
import {
  AGE,
  AT,
  BANDS,
  BINS,
  BLOCK,
  CLIPPED,
  COUPLING,
  DEAD,
  DRIFT,
  ECHO_FROZEN,
  ECHO_LINEAR,
  ECHO_QUIET,
  ECHO_SWITCH,
  type EchoState,
  ENERGY_HEARD,
  ENERGY_LEFT,
  EXPONENTS,
  FAR_LEVEL,
  FLOORS,
  FOUND,
  GAIN,
  GATE,
  GROUPS,
  GUARD,
  HEARD,
  HEARD_IDLE,
  HEARD_PLAYING,
  HOLD,
  HUNT,
  LAST_ECHO,
  LAST_LEFT,
  LATE,
  LINE,
  LINE_AT,
  LINES,
  LOUDNESS,
  MISSED,
  NEWEST,
  OPEN,
  OTHER,
  OVERLAP,
  PARTS,
  POWER_ECHO,
  POWER_HEARD,
  PRESENCE,
  PRODUCT,
  READY,
  RESETS,
  RINGING,
  SEED,
  SHARE,
  SPECTRA,
  STEPS,
  STRONGEST,
  TAIL,
  TRIES,
  TROUBLE,
  VARIANCE,
  VOICE,
  WEIGHTS,
  WIND,
} from "./echostate.js";
import {
  SMALL_ONE,
  smallAdd,
  smallDiv,
  smallInt,
  smallMul,
  smallOf,
  smallRoot,
  smallScale,
  smallShare,
  smallShift,
  smallSub,
} from "./smallfloat.js";
import { mulHigh, TRANSFORM_SIZE, transformBack, transformForward } from "./transform.js";

/** Edges of the bands, in bins. */
const EDGES = Uint8Array.of(1, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 35, 40, 46, 52, 58, 64);
/** The uncertainty of each partition at first, of 32768: late echoes are weaker. */
const FIRST = Uint16Array.of(16384, 5500, 1850, 625, 210, 70, 25, 10);
/** Half a window, sin(pi (i + 1/2) / 128) of 32768. */
const WINDOW = Int16Array.of(
  402,
  1206,
  2009,
  2811,
  3612,
  4410,
  5205,
  5998,
  6786,
  7571,
  8351,
  9126,
  9896,
  10659,
  11417,
  12167,
  12910,
  13645,
  14372,
  15090,
  15800,
  16499,
  17189,
  17869,
  18537,
  19195,
  19841,
  20475,
  21096,
  21705,
  22301,
  22884,
  23452,
  24007,
  24547,
  25072,
  25582,
  26077,
  26556,
  27019,
  27466,
  27896,
  28310,
  28706,
  29085,
  29447,
  29791,
  30117,
  30424,
  30714,
  30985,
  31237,
  31470,
  31685,
  31880,
  32057,
  32213,
  32351,
  32469,
  32567,
  32646,
  32705,
  32745,
  32765,
);
/**
 * A doubt of the filter counts DOUBT, and from a sum of TROUBLED on voices are switched; it falls by one each block.
 */
const DOUBT = 60;
const TROUBLED = 400;
/** A tone that rings for so many blocks is taken for howling: 240 ms. */
const RINGS = 30;
/** HUNT_MOST is a second of sound without an echo; LATEST is the most blocks by which the reference is late. */
const HUNT_MOST = 125;
const LATEST = 6;
/** After so many searches there is likely no echo: the filter learns with caution then. */
const TRIES_MOST = 4;
/** A filter that makes the sound louder after so many blocks without an echo has not found one. */
const LOST = 16;
/** After so many blocks with an echo it is known where it is. */
const FOUND_LEAST = 40;
/** A sample of the microphone that is larger is cut off. */
const CLIPPED_LEAST = 32700;
/** Gain 1, and the most: 12 dB. */
const GAIN_ONE = 4096;
const GAIN_MOST = 16384;
/** Levels of 800 for a voice, 1,600 for one that is loud, 40 for none, and 120 for noise. */
const VOICE_ENOUGH = smallOf(640000, 22);
const VOICE_MUCH = smallOf(2560000, 22);
const VOICE_LEAST = smallOf(1600, 22);
const NOISE_MOST = smallOf(14400, 22);
/**
 * The way has changed when steps go one way by more than this share, of 32768. Beside a voice it is half at the most.
 */
const DRIFT_LEAST = 2621;
/** The exponents of packed powers begin at this value. */
const PACKED = 48;
/** Levels of 1,500 and of 8,000. */
const LOUD = smallOf(2250000, 22);
const LOUDEST = smallOf(64000000, 22);
const LEAST_FLOOR = smallOf(10, 10);
const LEAST_SHARE = smallScale(SMALL_ONE, 3);

interface Scratch {
  sound: Int32Array;
  bins: Int32Array;
  sum: Int32Array;
  echo: Int32Array;
  left: Int32Array;
  error: Int16Array;
  whole: Int32Array;
  power: Int32Array;
  rest: Int32Array;
}

let made: Scratch | null = null;

/** Holds the values of one step, which are not kept between steps. */
function scratch(): Scratch {
  made ??= {
    sound: new Int32Array(TRANSFORM_SIZE),
    bins: new Int32Array(TRANSFORM_SIZE),
    sum: new Int32Array(TRANSFORM_SIZE),
    echo: new Int32Array(BLOCK),
    left: new Int32Array(BLOCK),
    error: new Int16Array(2 * BINS),
    whole: new Int32Array(GROUPS),
    power: new Int32Array(BINS),
    rest: new Int32Array(BINS),
  };
  return made;
}

function limited(value: number): number {
  return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

function within(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}

/** @returns value * 2^power, within 2^30 */
function shifted(value: number, power: number): number {
  if (power <= 0) return power < -31 ? value >> 31 : value >> -power;
  const shift = power > 30 ? 30 : power;
  return within(value, (1 << 30) >> shift) << shift;
}

/** Powers of bins are packed into 16 bits: nine bits of the mantissa. */
function pack(value: number): number {
  return value < PACKED << 16 ? 0 : value >= (PACKED + 64) << 16 ? 65535 : (value >> 6) - (PACKED << 10);
}

function unpack(value: number): number {
  return value === 0 ? 0 : (value + (PACKED << 10)) << 6;
}

/** @returns the power of a bin */
function powerOf(re: number, im: number): number {
  const a = re < 0 ? ~re : re;
  const b = im < 0 ? ~im : im;
  const shift = Math.max(0, 17 - Math.clz32(a | b | 1));
  const x = a >> shift;
  const y = b >> shift;
  return smallOf(x * x + y * y, 2 * shift);
}

function doubtAll(words: Int32Array): void {
  for (let p = 0; p < PARTS; p++) {
    const first = smallScale(SMALL_ONE, FIRST[p]);
    for (let at = VARIANCE + p * GROUPS; at < VARIANCE + (p + 1) * GROUPS; at++)
      if (words[at] < first) words[at] = first;
  }
}

/** Begins a new call: everything of the one before is forgotten. */
export function echoBegin(state: EchoState): void {
  const { words, packed } = state;
  words.fill(0);
  doubtAll(words);
  words.fill(smallScale(SMALL_ONE, 1638), SHARE, SHARE + BANDS);
  packed.fill(pack(smallOf(1000, 10)), 2 * FLOORS, 2 * FLOORS + BINS);
  words[SEED] = 1;
  words[GUARD] = 32768;
  words[GATE] = 32768;
  words[COUPLING] = 8192;
  words[GAIN] = GAIN_ONE;
}

/**
 * Writes real and imaginary parts of 15 bits, from `start` in `out`.
 * @returns the exponent that they lost
 */
function narrow(bins: Int32Array, out: Int16Array, start: number): number {
  let most = 0;
  for (let i = 0; i < 2 * BINS; i++) most |= bins[i] < 0 ? ~bins[i] : bins[i];
  const shift = Math.max(0, 18 - Math.clz32(most | 1));
  for (let i = 0; i < 2 * BINS; i++) out[start + i] = bins[i] >> shift;
  return shift;
}

/** @returns the start of a block of the reference, in halves: `before` is one block earlier */
function lineOf(words: Int32Array, before: number): number {
  return 2 * LINES + ((words[LINE_AT] - words[LATE] - before) & (LINE - 1)) * BLOCK;
}

/** Puts the reference of the block into the filter. */
function enter(state: EchoState): void {
  const { words, halves } = state;
  const { sound, bins } = scratch();
  const now = lineOf(words, 0);
  const before = lineOf(words, 1);
  for (let i = 0; i < BLOCK; i++) {
    sound[i] = halves[before + i] * 4096;
    sound[BLOCK + i] = halves[now + i] * 4096;
  }
  transformForward(sound, bins);
  const slot = (words[NEWEST] - 1) & (PARTS - 1);
  words[NEWEST] = slot;
  words[EXPONENTS + slot] = narrow(bins, halves, 2 * (SPECTRA + slot * BINS));
}

/**
 * Writes the echo that the filter expects in the block, in 1/32 of a sample, into `echo`. Uncertainty grows by a share
 * of what is known.
 */
function expect(state: EchoState): void {
  const { words, halves } = state;
  const { sound, bins, sum, echo } = scratch();
  sum.fill(0);
  for (let p = 0; p < PARTS; p++) {
    const slot = (words[NEWEST] + p) & (PARTS - 1);
    const x = 2 * (SPECTRA + slot * BINS);
    const power = words[EXPONENTS + slot] - 4;
    for (let i = 0; i < BLOCK; i++) sound[i] = words[WEIGHTS + p * BLOCK + i];
    sound.fill(0, BLOCK);
    transformForward(sound, bins);
    for (let k = 2; k < 2 * BINS; k += 2) {
      const xr = halves[x + k];
      const xi = halves[x + k + 1];
      const re = (mulHigh(bins[k], xr) - mulHigh(bins[k + 1], xi)) | 0;
      const im = (mulHigh(bins[k], xi) + mulHigh(bins[k + 1], xr)) | 0;
      sum[k] += shifted(re, power);
      sum[k + 1] += shifted(im, power);
    }
    for (let k = 0; k < GROUPS; k++) {
      const at = VARIANCE + p * GROUPS + k;
      const size = smallAdd(powerOf(bins[4 * k], bins[4 * k + 1]), powerOf(bins[4 * k + 2], bins[4 * k + 3]));
      // 2^-41 is for two bins, each 2^20; 4 of 32768 is the change in 8 ms.
      words[at] = smallAdd(words[at], smallScale(smallShift(size, -41), 4));
    }
  }
  transformBack(sum, sound);
  for (let i = 0; i < BLOCK; i++) echo[i] = within(sound[BLOCK + i], 32767 * 32);
}

/** @returns the power that a pair of bins of a partition has, in the reference and as uncertain as it is */
function doubtOf(state: EchoState, p: number, k: number): number {
  const { words, halves } = state;
  const slot = (words[NEWEST] + p) & (PARTS - 1);
  const x = 2 * (SPECTRA + slot * BINS) + 4 * k;
  return smallMul(words[VARIANCE + p * GROUPS + k], smallOf(squaresOf(halves, x), 2 * words[EXPONENTS + slot]));
}

function squaresOf(values: Int16Array, at: number): number {
  const a = values[at];
  const b = values[at + 1];
  const c = values[at + 2];
  const d = values[at + 3];
  return a * a + b * b + c * c + d * d;
}

/** @returns the power of a block of values */
function sizeOf(values: Int32Array, start: number): number {
  let most = 0;
  for (let i = start; i < start + BLOCK; i++) most |= values[i] < 0 ? ~values[i] : values[i];
  const shift = Math.max(0, 20 - Math.clz32(most | 1));
  let sum = 0;
  for (let i = start; i < start + BLOCK; i++) {
    const value = values[i] >> shift;
    sum += value * value;
  }
  return smallOf(sum, 2 * shift);
}

/**
 * A filter that is right steps to and fro, beside a voice too; one whose way has changed steps one way.
 * @param step a block of values @returns whether the way has changed
 */
function drifts(words: Int32Array, step: Int32Array): boolean {
  for (let i = 0; i < BLOCK; i++) words[DRIFT + i] += (step[i] - words[DRIFT + i]) >> 4;
  words[STEPS] = smallAdd(smallScale(words[STEPS], 30720), smallScale(sizeOf(step, 0), 2048));
  return words[FOUND] >= FOUND_LEAST && smallShare(sizeOf(words, DRIFT), words[STEPS]) >= DRIFT_LEAST;
}

/**
 * Makes the step of one partition. `whole` of the scratch: power by pairs of bins, of what is left and what is doubted.
 * @returns whether the way has changed
 */
function step(state: EchoState, p: number, power: number): boolean {
  const { words, halves } = state;
  const { sound, bins, error, whole } = scratch();
  const slot = (words[NEWEST] + p) & (PARTS - 1);
  const x = 2 * (SPECTRA + slot * BINS);
  for (let k = 0; k < GROUPS; k++) {
    const at = VARIANCE + p * GROUPS + k;
    const size = smallDiv(words[at], whole[k]);
    const mantissa = (size & 0xffff) >> 1;
    // 2^27 in the weights, 2^17 in the product; `whole` is that of two bins.
    const shift = (size >> 16) - 64 + words[EXPONENTS + slot] + power + 27 + 18;
    const gain = smallShare(doubtOf(state, p, k), whole[k]);
    words[at] = smallScale(words[at], 32761 - ((8000 * gain) >> 15));
    for (let i = 4 * k; i < 4 * k + 4; i += 2) {
      const xr = halves[x + i];
      const xi = halves[x + i + 1];
      bins[i] = shifted(mulHigh(xr * error[i] + xi * error[i + 1], mantissa), shift);
      bins[i + 1] = shifted(mulHigh(xr * error[i + 1] - xi * error[i], mantissa), shift);
    }
  }
  transformBack(bins, sound);
  for (let i = 0; i < BLOCK; i++) {
    const at = WEIGHTS + p * BLOCK + i;
    sound[i] = within(sound[i], 1 << 29);
    words[at] = within(words[at] + sound[i], 1 << 30);
  }
  return p === words[STRONGEST] && drifts(words, sound);
}

/** Teaches the filter by what is left of the block, in 1/32 of a sample. */
function learn(state: EchoState): void {
  const { words } = state;
  const { sound, bins, left, error, whole } = scratch();
  sound.fill(0, 0, BLOCK);
  for (let i = 0; i < BLOCK; i++) sound[BLOCK + i] = left[i] * 128;
  transformForward(sound, bins);
  const power = narrow(bins, error, 0);
  for (let k = 0; k < GROUPS; k++) {
    const now = smallOf(squaresOf(error, 4 * k), 2 * power);
    words[OTHER + k] = smallAdd(smallScale(words[OTHER + k], 19661), smallScale(now, 13107));
    let sum = 0;
    for (let p = 0; p < PARTS; p++) sum = smallAdd(sum, doubtOf(state, p, k));
    words[MISSED + k] = sum;
    whole[k] = smallAdd(smallAdd(sum, words[OTHER + k]), smallOf(128, 10));
  }
  let isMoved = false;
  for (let p = 0; p < PARTS; p++) if (step(state, p, power)) isMoved = true;
  if (!isMoved) return;
  words[FOUND] = 0;
  words[RESETS] += 1;
  doubtAll(words);
}

/** Begins the filter anew, with the same doubt of 32768 everywhere. */
function restart(words: Int32Array, doubt: number): void {
  words.fill(0, WEIGHTS, WEIGHTS + PARTS * BLOCK);
  words.fill(smallScale(SMALL_ONE, doubt), VARIANCE, VARIANCE + PARTS * GROUPS);
}

/** Begins the filter anew elsewhere, with a second to find the echo, since it is not where it was looked for. */
function hunt(words: Int32Array): void {
  words[HUNT] = 0;
  words[HOLD] = HUNT_MOST;
  // The filter looks first where it was, without what was learnt.
  if (words[TRIES] > 0) words[LATE] = words[LATE] >= LATEST ? 0 : words[LATE] + LATEST / 2;
  if (words[TRIES] < 20) words[TRIES] += 1;
  restart(words, words[TRIES] > 1 ? 2048 : 8192);
}

/**
 * A filter that makes the sound louder is wrong: it begins anew, or doubts itself.
 * @returns whether the block is to go around it
 */
function judge(state: EchoState): boolean {
  const { words, halves } = state;
  const { left, echo } = scratch();
  let before = 0;
  let after = 0;
  let power = 0;
  let product = 0;
  for (let i = 0; i < BLOCK; i++) {
    const d = halves[2 * HEARD + i];
    const e = limited(left[i] >> 5);
    const y = limited(echo[i] >> 5);
    before += (d * d) >> 9;
    after += (e * e) >> 9;
    power += (y * y) >> 9;
    product += (d * y) >> 9;
  }
  words[ENERGY_HEARD] += before - (words[ENERGY_HEARD] >> 3);
  words[ENERGY_LEFT] += after - (words[ENERGY_LEFT] >> 3);
  words[POWER_HEARD] += before - (words[POWER_HEARD] >> 2);
  words[POWER_ECHO] += power - (words[POWER_ECHO] >> 2);
  words[PRODUCT] += product - (words[PRODUCT] >> 2);
  if (words[HOLD] > 0) words[HOLD] -= 1;
  if (words[TROUBLE] > 0) words[TROUBLE] -= 1;
  if (words[ENERGY_LEFT] <= words[ENERGY_HEARD]) return false;
  // Two voices may take some from each other by chance.
  if (words[HOLD] === 0 && words[ENERGY_LEFT] - (words[ENERGY_HEARD] >> 2) > words[ENERGY_HEARD]) {
    words[HOLD] = 12;
    words[RESETS] += 1;
    words[TROUBLE] += DOUBT;
    if (words[TROUBLE] > TROUBLED) {
      words[TROUBLE] = TROUBLED + HUNT_MOST;
      if (words[TRIES] < TRIES_MOST) hunt(words);
      else restart(words, 512);
      return true;
    }
    // A filter that has found nothing yet has nothing to gain from more doubt.
    const isLost = words[HUNT] > LOST;
    if (words[ENERGY_LEFT] >> 1 > words[ENERGY_HEARD] || isLost) {
      words.fill(0, WEIGHTS, WEIGHTS + PARTS * BLOCK);
      words[ENERGY_LEFT] = words[ENERGY_HEARD];
    }
    if (!isLost || words[FOUND] >= FOUND_LEAST) doubtAll(words);
    words[FOUND] = 0;
  }
  return true;
}

/** @returns the share of the sound that is like the echo that the filter expects, of 32768 */
function likenessOf(words: Int32Array): number {
  if (words[PRODUCT] <= 0) return 0;
  const product = smallOf(words[PRODUCT], 0);
  const powers = smallMul(smallOf(words[POWER_HEARD], 0), smallOf(words[POWER_ECHO], 0));
  return smallShare(smallMul(product, product), powers);
}

/** Moves the filter by a block: the way is longer than it was taken for, or shorter. What it knows moves along. */
function move(state: EchoState, by: number): void {
  const { words, halves } = state;
  for (let p = by > 0 ? 0 : PARTS - 1; p >= 0 && p < PARTS; p += by) {
    const from = p + by;
    if (from >= 0 && from < PARTS) {
      words.copyWithin(WEIGHTS + p * BLOCK, WEIGHTS + from * BLOCK, WEIGHTS + (from + 1) * BLOCK);
      words.copyWithin(VARIANCE + p * GROUPS, VARIANCE + from * GROUPS, VARIANCE + (from + 1) * GROUPS);
    } else words.fill(0, WEIGHTS + p * BLOCK, WEIGHTS + (p + 1) * BLOCK);
  }
  words[LATE] += by;
  words[NEWEST] = (words[NEWEST] + by) & (PARTS - 1);
  const slot = 2 * (SPECTRA + words[NEWEST] * BINS);
  if (by < 0) halves.fill(0, slot, slot + 2 * BINS);
}

/** @returns the energy of a partition of the filter */
function energyOf(words: Int32Array, p: number): number {
  let energy = 0;
  for (let at = WEIGHTS + p * BLOCK; at < WEIGHTS + (p + 1) * BLOCK; at++) {
    const weight = smallOf(Math.abs(words[at] >> 12), 0);
    energy = smallAdd(energy, smallMul(weight, weight));
  }
  return energy;
}

/** Keeps the way inside the filter: looks once in half a second where the filter is strong. */
function track(state: EchoState): void {
  const { words, halves } = state;
  const far = lineOf(words, 0);
  let level = 0;
  let heard = 0;
  for (let i = 0; i < BLOCK; i++) {
    level += Math.abs(halves[far + i]);
    heard += Math.abs(halves[2 * HEARD + i]);
  }
  const before = words[FAR_LEVEL];
  words[FAR_LEVEL] = level > before ? level : before - (before >> 3);
  words[DEAD] = heard === 0 ? within(words[DEAD] + 1, 1 << 30) : 0;
  const average = level > 60 * BLOCK ? HEARD_PLAYING : HEARD_IDLE;
  words[average] += (heard - words[average]) >> 7;
  if (likenessOf(words) > 10923) {
    words[HUNT] -= Math.min(words[HUNT], 8);
    if (words[FOUND] < HUNT_MOST) words[FOUND] += 1;
    // Two voices may be alike for a moment.
    if (words[HUNT] === 0) words[TRIES] = 0;
  } else if (level > 60 * BLOCK && heard > 16 * BLOCK) {
    words[HUNT] += 1;
    if (words[FOUND] > 0) words[FOUND] -= 1;
  }
  if (words[HUNT] >= HUNT_MOST * (1 + (words[TRIES] & 3))) {
    hunt(words);
    return;
  }
  if ((words[AGE] & 63) !== 63 || words[ENERGY_LEFT] > words[ENERGY_HEARD] >> 2) return;
  let whole = 0;
  let early = 0;
  let first = 0;
  let strongest = 0;
  let most = 0;
  for (let p = 0; p < PARTS; p++) {
    const energy = energyOf(words, p);
    whole = smallAdd(whole, energy);
    if (p === 0) first = energy;
    if (p === 1) early = smallAdd(first, energy);
    if (p === 0 || energy > most) {
      strongest = p;
      most = energy;
    }
  }
  words[STRONGEST] = strongest;
  if (strongest >= 3 && words[LATE] < LATEST && early < smallScale(whole, 512)) move(state, 1);
  else if (strongest === 0 && words[LATE] > 0 && first > smallScale(whole, 16384)) move(state, -1);
}

/** @returns the square root of a share of 32768 */
function rootOf(share: number): number {
  return smallInt(smallRoot(smallOf(share, -15)), 15, 32768);
}

/** Writes the spectrum of two blocks under a window. @param before start of the first one, in halves */
function windowed(halves: Int16Array, before: number, now: Int32Array, bins: Int32Array): void {
  const { sound } = scratch();
  for (let i = 0; i < BLOCK; i++) {
    sound[i] = (halves[before + i] * WINDOW[i]) >> 3;
    sound[BLOCK + i] = (now[i] * WINDOW[BLOCK - 1 - i]) >> 3;
  }
  transformForward(sound, bins);
}

/** Learns by bands what share of the expected echo is left, from blocks in which there is nothing else. */
function learnShare(state: EchoState): void {
  const { words, packed } = state;
  const { power, rest } = scratch();
  // Tells how sure it is that there is nothing but echo.
  const likeness = Math.max(0, Math.min(32768, (likenessOf(words) - 24576) * 5));
  const up = 32768 + ((1400 * likeness) >> 15);
  const down = 32768 - (300 + ((700 * likeness) >> 15));
  for (let b = 0; b < BANDS; b++) {
    let sum = 0;
    let noise = 0;
    let echo = 0;
    for (let k = EDGES[b]; k < EDGES[b + 1]; k++) {
      sum = smallAdd(sum, power[k]);
      noise = smallAdd(noise, unpack(packed[2 * FLOORS + k]));
      echo = smallAdd(echo, rest[k]);
    }
    const least = smallOf(300 * (EDGES[b + 1] - EDGES[b]), 10);
    if (echo < smallAdd(smallScale(noise, 9830), least)) continue;
    const share = words[SHARE + b];
    const more = smallScale(share, smallSub(sum, noise) > smallMul(share, echo) ? up : down);
    words[SHARE + b] = more > SMALL_ONE ? SMALL_ONE : more < LEAST_SHARE ? LEAST_SHARE : more;
  }
}

/** @returns 16 random bits, signed: of a line that is the same in each call, for noise */
function random(words: Int32Array): number {
  words[SEED] = Math.imul(words[SEED], 1664525) + 1013904223;
  return words[SEED] >> 16;
}

/**
 * Turns howling down within a moment, and slowly up again: one loud tone that stays, or sound near full scale that
 * stays, which goes down by 18 dB at most, as it may be a voice. @param peak the most in three bins
 */
function watch(words: Int32Array, whole: number, peak: number): void {
  const isRinging = whole > LOUD && smallShare(peak, whole) > 24576;
  const isTone = isRinging || whole > LOUDEST;
  if (isTone && words[RINGING] < RINGS) words[RINGING] += 1;
  else if (!isTone && words[RINGING] > 0) words[RINGING] -= 1;
  const guard = words[GUARD];
  if (isTone && words[RINGING] === RINGS) words[GUARD] -= guard > (isRinging ? 400 : 4096) ? guard >> 3 : 0;
  else if (guard < 32768) words[GUARD] = within(guard + (guard >> 8) + 1, 32768);
}

/**
 * Raises a visitor who is far away slowly, by 1 dB a second, and lowers the voice four times as fast: by what is heard
 * while nothing is played, and not so far that the noise of the place is loud.
 * @param whole power of the block @param peak of the samples that were given out
 */
function setGain(words: Int32Array, whole: number, noise: number, peak: number): void {
  let gain = words[GAIN];
  if (peak > 28000 || words[RINGING] > RINGS / 2) gain -= gain >> 4;
  else if (words[FAR_LEVEL] <= 12 * BLOCK && whole > VOICE_LEAST && words[PRESENCE] > 24576) {
    const square = smallOf((gain >> 4) * (gain >> 4), -16);
    words[LOUDNESS] = smallAdd(smallScale(words[LOUDNESS], 30720), smallScale(whole, 2048));
    const loud = smallMul(words[LOUDNESS], square);
    if (loud < VOICE_ENOUGH && smallMul(noise, square) < NOISE_MOST) gain += (gain >> 10) + 1;
    else if (loud > VOICE_MUCH) gain -= gain >> 8;
  }
  words[GAIN] = gain < GAIN_ONE ? GAIN_ONE : gain > GAIN_MOST ? GAIN_MOST : gain;
}

/** Switches voices: gives `left` the block with the gain of its moment. */
function switchVoices(state: EchoState): void {
  const { words, halves } = state;
  const { left } = scratch();
  let near = 0;
  for (let i = 0; i < BLOCK; i++) near += Math.abs(halves[2 * HEARD + i]);
  let target = 32768;
  if (words[OPEN] > 0) words[OPEN] -= 1;
  if (words[FAR_LEVEL] > 60 * BLOCK) {
    const ratio = smallInt(smallDiv(smallOf(near, 0), smallOf(words[FAR_LEVEL], 0)), 12, 32767);
    // The coupling is a ratio that the echo seldom exceeds.
    words[COUPLING] += ratio > words[COUPLING] ? (words[COUPLING] >> 5) + 1 : -(words[COUPLING] >> 7);
    if (ratio > 2 * words[COUPLING]) words[OPEN] = 20;
    if (words[OPEN] === 0) target = 2000;
  }
  const from = words[GATE];
  const gate = target < from ? target : from + ((target - from + 7) >> 3);
  words[GATE] = gate;
  for (let i = 0; i < BLOCK; i++)
    left[i] = mulHigh(halves[2 * HEARD + i] * 2, (from + (((gate - from) * i) >> 6)) >> 1) * 2;
}

/**
 * Weighs a block before its gains are chosen: writes into `power` what is there, and into `rest` what of it is likely
 * echo. @returns the power of the noise
 */
function weigh(state: EchoState): number {
  const { words, packed } = state;
  const { sum, bins, power, rest, left, echo } = scratch();
  windowed(state.halves, 2 * LAST_ECHO, echo, sum);
  let whole = 0;
  for (let k = 1; k < BINS; k++) {
    rest[k] = powerOf(sum[2 * k], sum[2 * k + 1]);
    whole = smallAdd(whole, rest[k]);
  }
  windowed(state.halves, 2 * LAST_LEFT, left, bins);
  // A loudspeaker that distorts puts some of the whole into each bin.
  whole = smallScale(whole, 82);
  let sounding = 0;
  let noise = 0;
  for (let k = 1; k < BINS; k++) {
    const now = smallAdd(rest[k], whole);
    const still = smallScale(unpack(packed[2 * TAIL + k]), 19661);
    power[k] = powerOf(bins[2 * k], bins[2 * k + 1]);
    rest[k] = now > still ? now : still;
    packed[2 * TAIL + k] = pack(rest[k]);
    sounding = smallAdd(sounding, rest[k]);
    noise = smallAdd(noise, unpack(packed[2 * FLOORS + k]));
  }
  learnShare(state);
  // The floor of the noise falls fast and rises slowly, more slowly beside an echo.
  // The share that the filter may have missed counts less and less while no echo is found.
  const missing = (8192 >> Math.min(5, words[HUNT] >> 4)) >> (words[TRIES] > 0 ? 2 : 0);
  const rise = words[AGE] < 250 ? 34734 : sounding > smallScale(noise, 16384) ? 32899 : 33161;
  let residue = 0;
  let excess = 0;
  for (let b = 0; b < BANDS; b++)
    for (let k = EDGES[b]; k < EDGES[b + 1]; k++) {
      let floor = unpack(packed[2 * FLOORS + k]);
      if (power[k] < floor) floor = smallAdd(smallScale(floor, 30147), smallScale(power[k], 2621));
      else floor = smallScale(floor, rise);
      if (floor < LEAST_FLOOR) floor = LEAST_FLOOR;
      packed[2 * FLOORS + k] = pack(floor);
      rest[k] = smallAdd(smallMul(words[SHARE + b], rest[k]), smallScale(words[MISSED + (k >> 1)], missing));
      const masked = smallScale(floor, 52429);
      residue = smallAdd(residue, smallAdd(rest[k], smallScale(masked, 9830)));
      excess = smallAdd(excess, smallSub(power[k], smallScale(masked, 49152)));
    }
  // Somebody speaks at the door: there is more than noise and what is left of the echo.
  const presence = smallShare(smallSub(excess, residue), smallAdd(smallAdd(residue, residue), residue));
  words[PRESENCE] = presence > words[PRESENCE] ? presence : ((words[PRESENCE] * 7 + presence * 3) / 10) | 0;
  return noise;
}

/** Suppresses in `left` the echo that remains; `echo` is what the filter took. Both are a block of samples. */
function suppress(state: EchoState, options: number): void {
  const { words, halves, packed } = state;
  const { sum, bins, power, rest, left, echo } = scratch();
  const noise = weigh(state);
  const presence = words[PRESENCE];
  // The factor is of 8192: while nobody speaks at the door, twice the likely echo is taken.
  const over = 8192 + ((32768 - presence) >> 2);
  let whole = 0;
  let peak = 0;
  for (let k = 1; k < BINS; k++) {
    const echoes = smallShift(smallScale(rest[k], over), 2);
    const voice = smallAdd(
      smallScale(unpack(packed[2 * VOICE + k]), 22938),
      smallScale(smallSub(power[k], echoes), 9830),
    );
    const wiener = smallShare(voice, smallAdd(voice, echoes));
    let gain = (wiener * (32768 - presence) + rootOf(wiener) * presence) >>> 15;
    if (gain < 655) gain = 655;
    else if (gain > 32767) gain = 32767;
    const square = (gain * gain) >>> 15;
    power[k] = smallScale(power[k], square);
    packed[2 * VOICE + k] = pack(power[k]);
    whole = smallAdd(whole, power[k]);
    if (k > 2) peak = Math.max(peak, smallAdd(power[k - 2], smallAdd(power[k - 1], power[k])));
    let hiss = 0;
    if (options & ECHO_LINEAR) gain = 32767;
    else if ((options & ECHO_QUIET) === 0)
      hiss = smallInt(smallRoot(smallScale(unpack(packed[2 * FLOORS + k]), 2 * (32768 - square))), 0, 1 << 24);
    bins[2 * k] = mulHigh(bins[2 * k], gain) + mulHigh(hiss, random(words));
    bins[2 * k + 1] = mulHigh(bins[2 * k + 1], gain) + mulHigh(hiss, random(words));
  }
  watch(words, whole, peak);
  transformBack(bins, sum);
  const level = ((words[GUARD] >> 3) * words[GAIN]) >> 12;
  let loudest = 0;
  for (let i = 0; i < BLOCK; i++) {
    const sample = within((words[OVERLAP + i] + mulHigh(sum[i], WINDOW[i])) | 0, 1 << 28);
    const out = limited((mulHigh(sample * 4, level) + 1) >> 1);
    halves[2 * READY + i] = out;
    loudest = Math.max(loudest, Math.abs(out));
    words[OVERLAP + i] = mulHigh(sum[BLOCK + i], WINDOW[BLOCK - 1 - i]);
    halves[2 * LAST_LEFT + i] = left[i];
    halves[2 * LAST_ECHO + i] = echo[i];
  }
  if ((options & ECHO_LINEAR) === 0) setGain(words, whole, noise, loudest);
}

/** Handles a full block. */
function block(state: EchoState, options: number): void {
  const { words, halves } = state;
  const { echo, left } = scratch();
  enter(state);
  expect(state);
  for (let i = 0; i < BLOCK; i++) left[i] = halves[2 * HEARD + i] * 32 - echo[i];
  const isAround = judge(state);
  if ((options & ECHO_FROZEN) === 0) {
    learn(state);
    track(state);
  }
  let further = options;
  const isEcho = words[HEARD_PLAYING] > words[HEARD_IDLE] + (words[HEARD_IDLE] >> 1);
  if (options & ECHO_SWITCH || (words[TROUBLE] >= TROUBLED && isEcho)) {
    switchVoices(state);
    echo.fill(0);
    further |= ECHO_LINEAR;
  } else
    for (let i = 0; i < BLOCK; i++) {
      left[i] = isAround ? halves[2 * HEARD + i] : limited((left[i] + 16) >> 5);
      echo[i] = limited((echo[i] + 16) >> 5);
    }
  suppress(state, further);
  if (words[AGE] < 0x7fffffff) words[AGE] += 1;
  words[LINE_AT] = (words[LINE_AT] + 1) & (LINE - 1);
}

/** Takes out wind and rumble: a high-pass of first order at 60 Hz. */
function withoutWind(words: Int32Array, sample: number): number {
  const next = (sample - words[WIND]) * 16 + mulHigh(words[WIND + 1] * 2, 31260);
  words[WIND] = sample;
  words[WIND + 1] = within(next, 32767 * 16);
  return (words[WIND + 1] + 8) >> 4;
}

/**
 * Handles `count` samples of the microphone from `start` and of the reference from `from`. The result, which is
 * ECHO_DELAY samples late, takes the place of the microphone's. @param options ECHO_…, 0 for none
 */
export function echoRun(
  state: EchoState,
  microphone: Int16Array,
  start: number,
  reference: Int16Array,
  from: number,
  count: number,
  options: number,
): void {
  const { words, halves } = state;
  for (let i = 0; i < count; i++) {
    const at = words[AT];
    const sample = microphone[start + i];
    if ((sample >= CLIPPED_LEAST || sample <= -CLIPPED_LEAST) && words[CLIPPED] < 1 << 30) words[CLIPPED] += 1;
    halves[2 * HEARD + at] = limited(withoutWind(words, sample));
    halves[2 * LINES + words[LINE_AT] * BLOCK + at] = reference[from + i];
    microphone[start + i] = halves[2 * READY + at];
    words[AT] = at + 1;
    if (at + 1 === BLOCK) {
      words[AT] = 0;
      block(state, options);
    }
  }
}
