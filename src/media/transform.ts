/**
 * The discrete Fourier transform of 128 real samples and back, in integers of 32 bits. Forward divides by 128, so that
 * nothing grows; back is its inverse without that. The twin of hal/native/transform.h, bit for bit. Not here: other
 * lengths.
 */
export const TRANSFORM_SIZE = 128;

/** A quarter of cos(2 pi k / 128) in 1/32768. */
const QUARTER = Int16Array.of(
  32767,
  32729,
  32610,
  32413,
  32138,
  31786,
  31357,
  30853,
  30274,
  29622,
  28899,
  28106,
  27246,
  26320,
  25330,
  24279,
  23170,
  22006,
  20788,
  19520,
  18205,
  16846,
  15447,
  14010,
  12540,
  11039,
  9512,
  7962,
  6393,
  4808,
  3212,
  1608,
  0,
);
/** One and a quarter; the sine is the cosine of k + 96. */
const COSINE = new Int16Array(160);
for (let k = 0; k < COSINE.length; k++) {
  const turn = k & 127;
  const half = turn > 64 ? 128 - turn : turn;
  COSINE[k] = half > 32 ? -QUARTER[64 - half] : QUARTER[half];
}

/** @param b of 16 bits @returns a * b / 65536, rounded down */
export function mulHigh(a: number, b: number): number {
  return (Math.imul(a >> 16, b) + (((a & 0xffff) * b) >> 16)) | 0;
}

/** @returns the place of one of the 64 pairs: its digits of base 4 in reverse */
function placeOf(i: number): number {
  return ((i & 3) << 4) | (i & 12) | (i >> 4);
}

/**
 * Transforms 64 complex numbers, real and imaginary part in turn, from `from` to `out` in radix 4, divided by 64.
 * @param turn 1 forward, -1 back
 */
function transformComplex(from: Int32Array, out: Int32Array, turn: number): void {
  for (let i = 0; i < 64; i += 4) {
    const at = 2 * placeOf(i);
    const ar = from[at] >> 2;
    const ai = from[at + 1] >> 2;
    const br = from[at + 32] >> 2;
    const bi = from[at + 33] >> 2;
    const cr = from[at + 64] >> 2;
    const ci = from[at + 65] >> 2;
    const dr = from[at + 96] >> 2;
    const di = from[at + 97] >> 2;
    const to = 2 * i;
    const tr = ar - cr;
    const ti = ai - ci;
    const vr = turn * (br - dr);
    const vi = turn * (bi - di);
    out[to] = ar + cr + (br + dr);
    out[to + 1] = ai + ci + (bi + di);
    out[to + 2] = tr + vi;
    out[to + 3] = ti - vr;
    out[to + 4] = ar + cr - (br + dr);
    out[to + 5] = ai + ci - (bi + di);
    out[to + 6] = tr - vi;
    out[to + 7] = ti + vr;
  }
  for (let step = 4; step < 64; step *= 4) {
    // The angle of a step, in parts of 128 of a circle.
    const part = 32 / step;
    for (let j = 0; j < step; j++) turnAndJoin(out, j, step, j * part, turn);
  }
}

/**
 * Computes the butterflies of one angle: three of the four values are turned by once, twice and three times that angle.
 */
function turnAndJoin(out: Int32Array, first: number, step: number, one: number, turn: number): void {
  const c1 = COSINE[one];
  const s1 = COSINE[(one + 96) & 127] * turn;
  const c2 = COSINE[2 * one];
  const s2 = COSINE[(2 * one + 96) & 127] * turn;
  const c3 = COSINE[3 * one];
  const s3 = COSINE[(3 * one + 96) & 127] * turn;
  for (let k = first; k < 64; k += 4 * step) {
    const a = 2 * k;
    const b = a + 2 * step;
    const c = b + 2 * step;
    const d = c + 2 * step;
    // A product is half of its true value.
    const ar = out[a] >> 1;
    const ai = out[a + 1] >> 1;
    const br = mulHigh(out[b], c1) + mulHigh(out[b + 1], s1);
    const bi = mulHigh(out[b + 1], c1) - mulHigh(out[b], s1);
    const cr = mulHigh(out[c], c2) + mulHigh(out[c + 1], s2);
    const ci = mulHigh(out[c + 1], c2) - mulHigh(out[c], s2);
    const dr = mulHigh(out[d], c3) + mulHigh(out[d + 1], s3);
    const di = mulHigh(out[d + 1], c3) - mulHigh(out[d], s3);
    const sr = ar + cr;
    const si = ai + ci;
    const tr = ar - cr;
    const ti = ai - ci;
    const ur = br + dr;
    const ui = bi + di;
    const vr = turn * (br - dr);
    const vi = turn * (bi - di);
    // Sums wrap around at 32 bits: a sound that is too loud comes out wrong, without an error.
    out[a] = (sr + ur) >> 1;
    out[a + 1] = (si + ui) >> 1;
    out[b] = (tr + vi) >> 1;
    out[b + 1] = (ti - vr) >> 1;
    out[c] = (sr - ur) >> 1;
    out[c + 1] = (si - ui) >> 1;
    out[d] = (tr - vi) >> 1;
    out[d + 1] = (ti + vr) >> 1;
  }
}

/**
 * 128 samples of `sound` become the bins 0 to 63 of `bins`, real and imaginary part in turn. The first and the one at
 * half the sample rate are left out: they are 0. `sound` is kept.
 */
export function transformForward(sound: Int32Array, bins: Int32Array): void {
  transformComplex(sound, bins, 1);
  bins[0] = 0;
  bins[1] = 0;
  for (let k = 1; k <= 32; k++) {
    const a = 2 * k;
    const b = 2 * (64 - k);
    // The even samples, and the odd ones, which are turned.
    const er = ((bins[a] >> 2) + (bins[b] >> 2)) | 0;
    const ei = ((bins[a + 1] >> 2) - (bins[b + 1] >> 2)) | 0;
    const or = ((bins[a + 1] >> 1) + (bins[b + 1] >> 1)) | 0;
    const oi = ((bins[b] >> 1) - (bins[a] >> 1)) | 0;
    const c = COSINE[k];
    const s = COSINE[(k + 96) & 127];
    const tr = mulHigh(or, c) + mulHigh(oi, s);
    const ti = mulHigh(oi, c) - mulHigh(or, s);
    bins[a] = er + tr;
    bins[a + 1] = ei + ti;
    bins[b] = er - tr;
    bins[b + 1] = ti - ei;
  }
}

/** The bins 0 to 63 become 128 samples. `bins` is lost. */
export function transformBack(bins: Int32Array, sound: Int32Array): void {
  bins[0] = 0;
  bins[1] = 0;
  for (let k = 1; k <= 32; k++) {
    const a = 2 * k;
    const b = 2 * (64 - k);
    const er = ((bins[a] >> 1) + (bins[b] >> 1)) | 0;
    const ei = ((bins[a + 1] >> 1) - (bins[b + 1] >> 1)) | 0;
    const dr = (bins[a] - bins[b]) | 0;
    const di = (bins[a + 1] + bins[b + 1]) | 0;
    const c = COSINE[k];
    const s = COSINE[(k + 96) & 127];
    const or = -(mulHigh(di, c) + mulHigh(dr, s));
    const oi = mulHigh(dr, c) - mulHigh(di, s);
    bins[a] = er + or;
    bins[a + 1] = ei + oi;
    bins[b] = er - or;
    bins[b + 1] = oi - ei;
  }
  transformComplex(bins, sound, -1);
}
