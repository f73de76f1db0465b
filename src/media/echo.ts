/**
 * Takes the loudspeaker's sound out of the microphone's, block by block: an adaptive filter (echofilter.ts), then a
 * suppression of what is left (echosuppress.ts); or voices are switched. 8 kHz. The twin of hal/native/echo.h, bit for
 * bit, which boards run: here a block costs an interpreter a second. Not here: its state (echostate.ts), when it is
 * used (the driver).
 */
import { limited, pack, scratch, within } from "./echobins.js";
import { doubtAll, enter, expect, judge, learn, TROUBLED, track } from "./echofilter.js";
import {
  AGE,
  AT,
  BANDS,
  BINS,
  BLOCK,
  CEILING,
  CLIPPED,
  COUPLING,
  ECHO_FROZEN,
  ECHO_LINEAR,
  ECHO_SWITCH,
  type EchoState,
  FAR_LEVEL,
  FLOORS,
  GAIN,
  GATE,
  GUARD,
  HEARD,
  HEARD_IDLE,
  HEARD_PLAYING,
  LINE,
  LINE_AT,
  LINES,
  LOUD_BIN,
  OPEN,
  READY,
  SEED,
  SHARE,
  TROUBLE,
  WIND,
} from "./echostate.js";
import { AROUND, GAIN_ONE, suppress } from "./echosuppress.js";
import { SMALL_ONE, smallDiv, smallInt, smallOf, smallScale } from "./smallfloat.js";
import { mulHigh } from "./transform.js";

/** A sample of the microphone that is larger is cut off. */
const CLIPPED_LEAST = 32700;

/** Begins a new call: everything of the one before is forgotten. */
export function echoBegin(state: EchoState): void {
  const { words, packed } = state;
  words.fill(0);
  doubtAll(words);
  words.fill(smallScale(SMALL_ONE, 1638), SHARE, SHARE + BANDS);
  packed.fill(pack(smallOf(1000, 10)), 2 * FLOORS, 2 * FLOORS + BINS);
  words[SEED] = 1;
  words[GUARD] = 32768;
  words[CEILING] = 32768;
  words[GATE] = 32768;
  words[COUPLING] = 8192;
  words[GAIN] = GAIN_ONE;
  words[LOUD_BIN] = AROUND + 1;
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
