/**
 * Goertzel's filter in C: the exports of src/media/goertzel.ts, for a manifest that names this file in its place. It
 * works on XS only. Not here: the arithmetic (goertzel.h).
 */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Binary places of a coefficient behind the point. */
export const POINT = 12;

/** @throws RangeError beyond the samples */
export function peakOf(pcm: Int16Array, start: number, end: number): number {
  return peakOfBlock(pcm.buffer, pcm.byteOffset + 2 * start, countOf(pcm, start, end));
}

/** @throws RangeError beyond the samples */
export function energyOf(pcm: Int16Array, start: number, end: number, shift: number): number {
  return energyOfBlock(pcm.buffer, pcm.byteOffset + 2 * start, countOf(pcm, start, end), shift);
}

/** @throws RangeError beyond the samples */
export function powerOf(pcm: Int16Array, start: number, end: number, shift: number, coefficient: number): number {
  return powerOfBlock(pcm.buffer, pcm.byteOffset + 2 * start, countOf(pcm, start, end), shift, coefficient);
}

function countOf(pcm: Int16Array, start: number, end: number): number {
  if (start < 0 || end < start || end > pcm.length) throw new RangeError("beyond the buffer");
  return end - start;
}

function peakOfBlock(this: unknown, pcm: ArrayBufferLike, from: number, count: number): number {
  return native("xs_goertzel_peak").call(this, pcm, from, count);
}

function energyOfBlock(this: unknown, pcm: ArrayBufferLike, from: number, count: number, shift: number): number {
  return native("xs_goertzel_energy").call(this, pcm, from, count, shift);
}

function powerOfBlock(
  this: unknown,
  pcm: ArrayBufferLike,
  from: number,
  count: number,
  shift: number,
  coefficient: number,
): number {
  return native("xs_goertzel_power").call(this, pcm, from, count, shift, coefficient);
}
