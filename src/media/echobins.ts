/**
 * Values and arithmetic that the two halves of the echo canceller share: what a step holds, numbers within limits,
 * powers of bins packed into 16 bits. The twin of hal/native/echobins.h, bit for bit. Not here: the filter
 * (echofilter.ts), the suppression (echosuppress.ts).
 */
import { BINS, BLOCK, GROUPS, LATE, LINE, LINE_AT, LINES } from "./echostate.js";
import { smallOf } from "./smallfloat.js";
import { TRANSFORM_SIZE } from "./transform.js";

/** The exponents of packed powers begin at this value. */
const PACKED = 48;

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
export function scratch(): Scratch {
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

export function limited(value: number): number {
  return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

export function within(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}

/** @returns value * 2^power, within 2^30 */
export function shifted(value: number, power: number): number {
  if (power <= 0) return power < -31 ? value >> 31 : value >> -power;
  const shift = power > 30 ? 30 : power;
  return within(value, (1 << 30) >> shift) << shift;
}

/** Powers of bins are packed into 16 bits: nine bits of the mantissa. */
export function pack(value: number): number {
  return value < PACKED << 16 ? 0 : value >= (PACKED + 64) << 16 ? 65535 : (value >> 6) - (PACKED << 10);
}

export function unpack(value: number): number {
  return value === 0 ? 0 : (value + (PACKED << 10)) << 6;
}

/** @returns the power of a bin */
export function powerOf(re: number, im: number): number {
  const a = re < 0 ? ~re : re;
  const b = im < 0 ? ~im : im;
  const shift = Math.max(0, 17 - Math.clz32(a | b | 1));
  const x = a >> shift;
  const y = b >> shift;
  return smallOf(x * x + y * y, 2 * shift);
}

/** @returns the start of a block of the reference, in halves: `before` is one block earlier */
export function lineOf(words: Int32Array, before: number): number {
  return 2 * LINES + ((words[LINE_AT] - words[LATE] - before) & (LINE - 1)) * BLOCK;
}
