/**
 * The adaptive filter of the echo canceller: 64 ms in 8 partitions of 64 samples, whose steps follow the certainty of
 * each partition and frequency (a Kalman filter by frequencies, so that a voice at the door does not spoil it). It
 * finds where the echo begins, notices that its way has changed, and doubts itself where it makes the sound louder. The
 * twin of hal/native/echofilter.h, bit for bit. Not here: what is left of the echo (echosuppress.ts).
 */
import { limited, lineOf, powerOf, scratch, shifted, within } from "./echobins.js";
import {
  AGE,
  BINS,
  BLOCK,
  DEAD,
  DRIFT,
  type EchoState,
  ENERGY_HEARD,
  ENERGY_LEFT,
  EXPONENTS,
  FAR_LEVEL,
  FOUND,
  GROUPS,
  HEARD,
  HEARD_IDLE,
  HEARD_PLAYING,
  HOLD,
  HUNT,
  LATE,
  MISSED,
  NEWEST,
  OTHER,
  PARTS,
  POWER_ECHO,
  POWER_HEARD,
  PRODUCT,
  RESETS,
  SPECTRA,
  STEPS,
  STRONGEST,
  TRIES,
  TROUBLE,
  VARIANCE,
  WEIGHTS,
} from "./echostate.js";
import { SMALL_ONE, smallAdd, smallDiv, smallMul, smallOf, smallScale, smallShare, smallShift } from "./smallfloat.js";
import { mulHigh, transformBack, transformForward } from "./transform.js";

/** The uncertainty of each partition at first, of 32768: late echoes are weaker. */
const FIRST = Uint16Array.of(16384, 5500, 1850, 625, 210, 70, 25, 10);
/**
 * A doubt of the filter counts DOUBT, and from a sum of TROUBLED on voices are switched; it falls by one each block.
 */
const DOUBT = 60;
export const TROUBLED = 400;
/** HUNT_MOST is a second of sound without an echo; LATEST is the most blocks by which the reference is late. */
const HUNT_MOST = 125;
const LATEST = 6;
/** After so many searches there is likely no echo: the filter learns with caution then. */
const TRIES_MOST = 4;
/** A filter that makes the sound louder after so many blocks without an echo has not found one. */
const LOST = 16;
/** After so many blocks with an echo it is known where it is. */
const FOUND_LEAST = 40;
/**
 * The way has changed when steps go one way by more than this share, of 32768. Beside a voice it is half at the most.
 */
const DRIFT_LEAST = 2621;
/** A filter that lowers the sound by 21 dB, a factor of 2^7, is right: its steps agree by chance. */
const RIGHT = 7;

export function doubtAll(words: Int32Array): void {
  for (let p = 0; p < PARTS; p++) {
    const first = smallScale(SMALL_ONE, FIRST[p]);
    for (let at = VARIANCE + p * GROUPS; at < VARIANCE + (p + 1) * GROUPS; at++)
      if (words[at] < first) words[at] = first;
  }
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

/** Puts the reference of the block into the filter. */
export function enter(state: EchoState): void {
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
export function expect(state: EchoState): void {
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
export function learn(state: EchoState): void {
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
  if (!isMoved || words[ENERGY_LEFT] <= words[ENERGY_HEARD] >> RIGHT) return;
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
export function judge(state: EchoState): boolean {
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
export function likenessOf(words: Int32Array): number {
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

/** Keeps the way inside the filter: looks four times a second where the filter is strong. */
export function track(state: EchoState): void {
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
  if ((words[AGE] & 31) !== 31 || words[ENERGY_LEFT] > words[ENERGY_HEARD] >> 2) return;
  const { whole: energies } = scratch();
  let whole = 0;
  let strongest = 0;
  for (let p = 0; p < PARTS; p++) {
    energies[p] = energyOf(words, p);
    whole = smallAdd(whole, energies[p]);
    if (energies[p] > energies[strongest]) strongest = p;
  }
  words[STRONGEST] = strongest;
  // What comes before the strongest part by two and is nearly nothing is left out.
  for (let p = 0; strongest - p >= 3 && words[LATE] < LATEST; p++) {
    energies[p + 1] = smallAdd(energies[p], energies[p + 1]);
    if (energies[p + 1] >= smallScale(whole, 512)) break;
    move(state, 1);
  }
  if (strongest === 0 && words[LATE] > 0 && energies[0] > smallScale(whole, 16384)) move(state, -1);
}
