/**
 * What happens behind the filter of the echo canceller: the suppression of the echo that is left, with noise in place
 * of what it takes, the guard against howling and the gain for a visitor who is far away. The twin of
 * hal/native/echosuppress.h, bit for bit. Not here: the filter (echofilter.ts).
 */
import { limited, pack, powerOf, scratch, unpack, within } from "./echobins.js";
import { likenessOf } from "./echofilter.js";
import {
  AGE,
  AVERAGE,
  BANDS,
  BINS,
  BLOCK,
  CALM,
  CEILING,
  CREST,
  ECHO_LESS_NOISE,
  ECHO_LINEAR,
  ECHO_QUIET,
  type EchoState,
  FAR_LEVEL,
  FLOORS,
  GAIN,
  GIVEN,
  GIVING,
  GUARD,
  HEARD_BEFORE,
  HEARING,
  HOWLS,
  HUNT,
  LAST_ECHO,
  LAST_LEFT,
  LOUD_BIN,
  LOUDNESS,
  LOWEST,
  MISSED,
  OVERLAP,
  PRESENCE,
  QUIETED,
  READY,
  RETURNED,
  RINGING,
  SEED,
  SHARE,
  SLOT,
  SLOTS,
  TAIL,
  TRIES,
  VOICE,
} from "./echostate.js";
import {
  SMALL_MOST,
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
import { mulHigh, transformBack, transformForward } from "./transform.js";

/** Edges of the bands, in bins. */
const EDGES = Uint8Array.of(1, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 35, 40, 46, 52, 58, 64);
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
 * What is loud for so many blocks without a pause is howling: 720 ms, or a third of it for a tone, or where it is near
 * full scale. A block of a pause counts for so many.
 */
const RINGS = 90;
const PAUSE = 12;
/** What comes back of the sound is looked for so many bins above and below one, and as many slots later at least. */
export const AROUND = 2;
const SLOTS_LATE = 3;
/** Since the gain was lowered nothing rang for a moment; the sound ebbed, or grew again. */
const WAS_CALM = 1;
const CHANGED = 2;
/** What is known of the share that comes back, in units of 2^-10: nothing. */
const UNKNOWN = 65535;
/** A level of 20, below which noise and the codec hide what comes back. */
const GIVEN_LEAST = smallOf(400, 22);
/** What stays loud for so many blocks after it is turned down is no loop: 1.6 s. */
const NO_LOOP = 200;
/** The least gain against howling: -30 dB. */
const GUARD_LEAST = 1000;
/**
 * From this likeness on, of 32768, there is nothing but echo; where this much is unlike it, there may be a voice.
 */
const SURE = 32200;
const UNLIKE = 350;
/** Gain 1, and the most: 12 dB. */
export const GAIN_ONE = 4096;
const GAIN_MOST = 16384;
/** Levels of 800 for a voice, 1,600 for one that is loud, 40 for none, and 156 for noise. */
const VOICE_ENOUGH = smallOf(640000, 22);
const VOICE_MUCH = smallOf(2560000, 22);
const VOICE_LEAST = smallOf(1600, 22);
const NOISE_MOST = smallOf(24500, 22);
/** Levels of 3,000 and of 8,000; of 1,200, which is loud after howling; of 1,500, above which a loop goes on. */
const LOUD = smallOf(9000000, 22);
const LOUDEST = smallOf(64000000, 22);
const LOUD_AGAIN = smallOf(1440000, 22);
const GOING_ON = smallOf(2250000, 22);
/** Levels of 8,000 and, after howling, of 3,000: for half a second. */
const LASTING = LOUDEST;
const LASTING_AGAIN = LOUD;
/** The least gain against noise: -10 dB. */
const NOISE_LEAST = 10362;
const LEAST_FLOOR = smallOf(10, 10);
const LEAST_SHARE = smallScale(SMALL_ONE, 3);

/** @returns the fourth root of a share of 32768 */
function fourthRootOf(share: number): number {
  return smallInt(smallRoot(smallRoot(smallOf(share, -15))), 15, 32768);
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
    noise = smallScale(noise, 13107);
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

/** Ends a slot. @returns the most that was heard in it and in the one before: what is given out comes back in two */
function endSlot(state: EchoState): number {
  const { words, packed } = state;
  const lately = Math.max(words[HEARING], words[HEARD_BEFORE]);
  packed[2 * GIVEN + (words[SLOT] >> 2)] = words[HEARING] === SMALL_MOST ? 0 : pack(words[GIVING]);
  words[HEARD_BEFORE] = words[HEARING];
  words[GIVING] = 0;
  words[HEARING] = 0;
  return lately;
}

/**
 * In a loop all that is given out comes back 64 to 480 ms later, always by the same time and with the same gain. So
 * the gain is no more than the least share that was heard by that time after something was given out: a bang or a word
 * that ends, and leaves silence, shows how little comes back. The ceiling may rise to 15 dB below the gain at which
 * the largest share that is possible still would howl. While the house speaks nothing is learnt, as many phones are
 * silent then.
 * @param heard power around the bin that rang @param out the same, as it is given out
 */
function boundReturn(state: EchoState, heard: number, out: number): void {
  const { words, packed } = state;
  if (out > words[GIVING]) words[GIVING] = out;
  const loudest = words[FAR_LEVEL] > 12 * BLOCK ? SMALL_MOST : heard;
  if (loudest > words[HEARING]) words[HEARING] = loudest;
  words[SLOT] = (words[SLOT] + 1) & (4 * SLOTS - 1);
  if (words[SLOT] & 3) return;
  const lately = endSlot(state);
  if (words[CEILING] === 32768) return;
  let most = 0;
  for (let late = SLOTS_LATE; late < SLOTS; late++) {
    const given = unpack(packed[2 * GIVEN + (((words[SLOT] >> 2) - late) & (SLOTS - 1))]);
    if (given > GIVEN_LEAST) {
      const back = pack(smallShift(smallDiv(lately, given), 10));
      if (back < packed[2 * RETURNED + late]) packed[2 * RETURNED + late] = back;
    }
    if (packed[2 * RETURNED + late] === UNKNOWN) return;
    most = Math.max(most, unpack(packed[2 * RETURNED + late]));
  }
  const allowed = smallInt(smallRoot(smallDiv(smallShift(SMALL_ONE, 10 - 5), most)), 15, 32768);
  if (allowed > words[CEILING]) words[CEILING] = allowed;
}

/** Marks a gain at which something rang: it may rise to 14.5 dB less. @param loudest the bin that was loudest */
function mark(state: EchoState, loudest: number): void {
  const { words, packed } = state;
  words[CEILING] = Math.max((within(words[CEILING], words[GUARD]) * 3) >> 4, GUARD_LEAST);
  if (words[HOWLS] === 0) words[HOWLS] = 1;
  words[CALM] = 0;
  words[LOUD_BIN] = Math.max(AROUND + 1, Math.min(BINS - 1 - AROUND, loudest));
  packed.fill(0, 2 * GIVEN, 2 * GIVEN + SLOTS);
  packed.fill(UNKNOWN, 2 * RETURNED, 2 * RETURNED + SLOTS);
}

/** @returns the power around the bin that was loudest at the last mark */
function aroundLoudest(words: Int32Array, power: Int32Array): number {
  let around = 0;
  for (let k = words[LOUD_BIN] - AROUND; k <= words[LOUD_BIN] + AROUND; k++) around = smallAdd(around, power[k]);
  return around;
}

/**
 * Howling is loud and has no pauses: a voice has some between its sounds. It is turned down within a moment, and the
 * gain returns to a fifth of what it was, from where it rises by a quarter of a dB a second, and at once as far as
 * little comes back. What rings again is marked again. A loud voice that is taken for howling is turned down to the
 * level of other voices.
 * @param peak the most in three bins @param loudest the one in their middle
 */
function watch(state: EchoState, whole: number, peak: number, loudest: number): void {
  const { words } = state;
  const guard = words[GUARD];
  const ceiling = words[CEILING];
  const square = smallOf((guard >> 4) * (guard >> 4), -22);
  const out = smallMul(whole, square);
  const isAgain = ceiling < 32768;
  const crest = Math.max(smallScale(words[CREST], 30720), whole);
  words[CREST] = crest;
  words[AVERAGE] = smallAdd(smallScale(words[AVERAGE], 32256), smallScale(whole, 512));
  // A pause is 12 dB below the crest.
  if (out <= (isAgain ? LOUD_AGAIN : LOUD) || whole <= smallScale(crest, 2048))
    words[RINGING] -= Math.min(words[RINGING], PAUSE);
  else if (words[RINGING] < RINGS) words[RINGING] += whole > LOUDEST || smallShare(peak, whole) > 24576 ? 3 : 1;
  const isLasting = out > LOUD_AGAIN && smallMul(words[AVERAGE], square) > (isAgain ? LASTING_AGAIN : LASTING);
  // What grows again by 6 dB is a loop.
  if (words[HOWLS] > 0 && words[HOWLS] < NO_LOOP) {
    if (words[HOWLS] === 1 || crest < words[LOWEST]) words[LOWEST] = crest;
    if (whole > GOING_ON && crest < smallShift(words[LOWEST], 2)) words[HOWLS] += 1;
    else {
      words[HOWLS] = 1;
      words[CALM] |= CHANGED;
    }
  }
  const around = aroundLoudest(words, scratch().power);
  boundReturn(state, around, smallMul(around, square));
  if (words[RINGING] >= RINGS || isLasting) {
    if (words[HOWLS] === 0 || words[CALM] === (WAS_CALM | CHANGED)) mark(state, loudest);
    words[GUARD] -= guard >> 4;
    return;
  }
  if (words[RINGING] === 0) words[CALM] |= WAS_CALM;
  if (words[HOWLS] > 0 && words[RINGING] === 0 && guard >= words[CEILING]) {
    if (words[HOWLS] === NO_LOOP) words[CEILING] = 32768;
    words[HOWLS] = 0;
  }
  words[CEILING] = within(words[CEILING] + (words[CEILING] >> 12) + 1, 32768);
  if (guard < words[CEILING]) words[GUARD] = within(guard + (guard >> 6) + 1, words[CEILING]);
}

/**
 * Raises a visitor who is far away slowly, by 1 dB a second, and lowers the voice four times as fast: by what is heard
 * while nothing is played, and not so far that the noise of the place is loud.
 * @param whole power of the block @param peak of the samples that were given out
 */
function setGain(words: Int32Array, whole: number, noise: number, peak: number): void {
  let gain = words[GAIN];
  if (peak > 28000 || words[GUARD] < 32768 || words[RINGING] > RINGS / 2) gain -= gain >> 4;
  else if (words[FAR_LEVEL] <= 12 * BLOCK && whole > VOICE_LEAST && words[PRESENCE] > 24576) {
    const square = smallOf((gain >> 4) * (gain >> 4), -16);
    words[LOUDNESS] = smallAdd(smallScale(words[LOUDNESS], 30720), smallScale(whole, 2048));
    const loud = smallMul(words[LOUDNESS], square);
    if (loud < VOICE_ENOUGH && smallMul(noise, square) < NOISE_MOST) gain += (gain >> 10) + 1;
    else if (loud > VOICE_MUCH) gain -= gain >> 8;
  }
  words[GAIN] = gain < GAIN_ONE ? GAIN_ONE : gain > GAIN_MOST ? GAIN_MOST : gain;
}

/**
 * The floor of the noise in a bin falls faster than it rises. Beside an echo it does both a third as fast, so that it
 * lies as far below the noise as without one. @param isNew it is not known yet
 */
function floorOf(before: number, power: number, isBeside: boolean, isNew: boolean): number {
  let floor = before;
  if (power < floor) {
    const fall = isBeside ? 328 : 983;
    floor = smallAdd(smallScale(floor, 32768 - fall), smallScale(power, fall));
  } else floor = smallScale(floor, isNew ? 34734 : isBeside ? 32899 : 33161);
  return floor < LEAST_FLOOR ? LEAST_FLOOR : floor;
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
  let noise = 0;
  for (let k = 1; k < BINS; k++) {
    const now = smallAdd(rest[k], whole);
    const still = smallScale(unpack(packed[2 * TAIL + k]), 19661);
    power[k] = powerOf(bins[2 * k], bins[2 * k + 1]);
    rest[k] = now > still ? now : still;
    packed[2 * TAIL + k] = pack(rest[k]);
    noise = smallAdd(noise, unpack(packed[2 * FLOORS + k]));
  }
  learnShare(state);
  // The share that the filter may have missed counts less and less while no echo is found.
  const missing = (8192 >> Math.min(5, words[HUNT] >> 4)) >> (words[TRIES] > 0 ? 2 : 0);
  const isNew = words[AGE] < 250;
  let residue = 0;
  let excess = 0;
  for (let b = 0; b < BANDS; b++)
    for (let k = EDGES[b]; k < EDGES[b + 1]; k++) {
      const before = unpack(packed[2 * FLOORS + k]);
      rest[k] = smallAdd(smallMul(words[SHARE + b], rest[k]), smallScale(words[MISSED + (k >> 1)], missing));
      const floor = floorOf(before, power[k], rest[k] > before, isNew);
      packed[2 * FLOORS + k] = pack(floor);
      residue = smallAdd(residue, smallAdd(rest[k], smallScale(floor, 9830)));
      excess = smallAdd(excess, smallSub(power[k], smallScale(floor, 49152)));
    }
  // Somebody speaks at the door: there is more than noise and what is left of the echo.
  const presence = smallShare(smallSub(excess, residue), residue);
  words[PRESENCE] = Math.max(presence, words[PRESENCE] + ((presence - words[PRESENCE]) >> 4));
  return noise;
}

/**
 * Lowers the noise of the place by bands: where a band has little more than noise its gain falls within a tenth of a
 * second, by 10 dB at most; where a voice is in it the gain is back within two blocks. A gain for each bin would leave
 * single ones of them open, which sounds like music.
 */
function lowerNoise(state: EchoState): void {
  const { halves, packed } = state;
  const { bins, power } = scratch();
  for (let b = 0; b < BANDS; b++) {
    let sound = 0;
    let noise = 0;
    for (let k = EDGES[b]; k < EDGES[b + 1]; k++) {
      sound = smallAdd(sound, power[k]);
      noise = smallAdd(noise, unpack(packed[2 * FLOORS + k]));
    }
    const voice = smallShare(smallSub(sound, smallShift(smallScale(noise, 40960), 2)), sound);
    const target = Math.max(NOISE_LEAST, smallInt(smallRoot(smallOf(voice, -15)), 15, 32767));
    const from = halves[2 * QUIETED + b];
    const gain = from + ((target - from) >> (target > from ? 1 : 4));
    halves[2 * QUIETED + b] = gain;
    for (let k = EDGES[b]; k < EDGES[b + 1]; k++) {
      bins[2 * k] = mulHigh(bins[2 * k] * 2, gain);
      bins[2 * k + 1] = mulHigh(bins[2 * k + 1] * 2, gain);
    }
  }
}

/** Suppresses in `left` the echo that remains; `echo` is what the filter took. Both are a block of samples. */
export function suppress(state: EchoState, options: number): void {
  const { words, halves, packed } = state;
  const { sum, bins, power, rest, left, echo } = scratch();
  const noise = weigh(state);
  // Where nearly all is like the echo that the filter expects, nobody speaks who could be heard beside it.
  const likeness = likenessOf(words);
  const heard = Math.max(0, (32768 - likeness - UNLIKE) * 30);
  const presence = Math.min(words[PRESENCE], heard);
  words[PRESENCE] = presence;
  // The factor is of 8192: beside a voice a quarter of the likely echo is taken, and four times the likely echo where
  // nobody speaks.
  const over = Math.min(65535, 2048 + (((32768 - presence) * 15) >> 4) + Math.max(0, likeness - SURE) * 120);
  let whole = 0;
  let peak = 0;
  let loudest = 2;
  for (let k = 1; k < BINS; k++) {
    const echoes = smallShift(smallScale(rest[k], over), 2);
    const voice = smallAdd(
      smallScale(unpack(packed[2 * VOICE + k]), 22938),
      smallScale(smallSub(power[k], echoes), 9830),
    );
    const wiener = smallShare(voice, smallAdd(voice, echoes));
    let gain = wiener;
    // Beside a voice the fourth root is enough: it hides what is left.
    if (presence > 0) gain = (gain * (32768 - presence) + fourthRootOf(gain) * presence) >>> 15;
    if (gain < 655) gain = 655;
    else if (gain > 32767) gain = 32767;
    // What is no louder than the noise of the place is kept: on average that is nearly twice its floor.
    const kept = smallScale(unpack(packed[2 * FLOORS + k]), 58982);
    if ((options & ECHO_QUIET) === 0) {
      if (power[k] <= kept) gain = 32767;
      else if (smallScale(power[k], (gain * gain) >>> 15) < kept)
        gain = smallInt(smallRoot(smallDiv(kept, power[k])), 15, 32767);
    }
    const square = (gain * gain) >>> 15;
    power[k] = smallScale(power[k], square);
    packed[2 * VOICE + k] = pack(power[k]);
    whole = smallAdd(whole, power[k]);
    const three = k > 2 ? smallAdd(power[k - 2], smallAdd(power[k - 1], power[k])) : 0;
    if (three > peak) {
      peak = three;
      loudest = k - 1;
    }
    let hiss = 0;
    if (options & ECHO_LINEAR) gain = 32767;
    else if ((options & ECHO_QUIET) === 0) hiss = smallInt(smallRoot(smallScale(kept, 32768 - square)), 0, 1 << 24);
    bins[2 * k] = mulHigh(bins[2 * k], gain) + mulHigh(hiss, random(words));
    bins[2 * k + 1] = mulHigh(bins[2 * k + 1], gain) + mulHigh(hiss, random(words));
  }
  if (options & ECHO_LESS_NOISE) lowerNoise(state);
  watch(state, whole, peak, loudest);
  transformBack(bins, sum);
  const level = ((words[GUARD] >> 3) * words[GAIN]) >> 12;
  let most = 0;
  for (let i = 0; i < BLOCK; i++) {
    const sample = within((words[OVERLAP + i] + mulHigh(sum[i], WINDOW[i])) | 0, 1 << 28);
    const out = limited((mulHigh(sample * 4, level) + 1) >> 1);
    halves[2 * READY + i] = out;
    most = Math.max(most, Math.abs(out));
    words[OVERLAP + i] = mulHigh(sum[BLOCK + i], WINDOW[BLOCK - 1 - i]);
    halves[2 * LAST_LEFT + i] = left[i];
    halves[2 * LAST_ECHO + i] = echo[i];
  }
  if ((options & ECHO_LINEAR) === 0) setGain(words, whole, noise, most);
}
