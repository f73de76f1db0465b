/**
 * Goertzel's filter in integers: how strong one frequency is in a stretch of samples, with its peak and energy. On a
 * board the C module hal/native/goertzel.c takes its place, because here one sample costs an interpreter some forty
 * bytecodes.
 */

/** Binary places of a coefficient behind the point. */
export const POINT = 12;

/** @returns the largest magnitude in `pcm[start, end)` */
export function peakOf(pcm: Int16Array, start: number, end: number): number {
  let peak = 0;
  for (let i = start; i < end; i++) {
    const sample = pcm[i];
    const size = sample < 0 ? -sample : sample;
    if (size > peak) peak = size;
  }
  return peak;
}

/** @returns the sum of the squares of `pcm[start, end)`, each shifted to the right by `shift` */
export function energyOf(pcm: Int16Array, start: number, end: number, shift: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const sample = pcm[i] >> shift;
    sum += sample * sample;
  }
  return sum;
}

/**
 * @param shift that leaves 10 bits of each sample; then 204 of them fit 32 bits at every step
 * @param coefficient 2 cos ω with POINT places
 * @returns the square of the magnitude that the frequency ω has in `pcm[start, end)`
 */
export function powerOf(pcm: Int16Array, start: number, end: number, shift: number, coefficient: number): number {
  let s1 = 0;
  let s2 = 0;
  for (let i = start; i < end; i++) {
    const s = (pcm[i] >> shift) + ((coefficient * s1) >> POINT) - s2;
    s2 = s1;
    s1 = s;
  }
  const power = s1 * s1 + s2 * s2 - (coefficient * s1 * s2) / (1 << POINT);
  return power > 0 ? power : 0;
}
