/**
 * Keeps loud sound out of the loudspeaker's bend: what is louder than the limit is turned down within 2 ms, and up
 * again by 8 dB a second. Sound below the limit is not touched. Its peaks are found by C on a board. Not here: the
 * volume (the codec's).
 */
import { peakOf } from "./goertzel.js";

/** 2 dB below full scale. */
const MOST = 26_000;
const ONE = 32_768;
/** Samples in which the gain goes down, a power of two. */
const DOWN_SHIFT = 4;

export class Limiter {
  /** The loudest sample of the last frame, as it came. */
  peak = 0;
  private gain = ONE;

  run(samples: Int16Array, start: number, count: number): void {
    const from = this.gain;
    const peak = peakOf(samples, start, start + count);
    this.peak = peak;
    if (from === ONE && peak <= MOST) return;
    const least = peak > MOST ? ((MOST * ONE) / peak) | 0 : ONE;
    const to = Math.min(least, from + (from >> 6));
    this.gain = to;
    const ramp = 1 << DOWN_SHIFT;
    for (let i = 0; i < count; i++) {
      const gain = i < ramp ? from + (((to - from) * (i + 1)) >> DOWN_SHIFT) : to;
      const sample = (samples[start + i] * gain) >> 15;
      samples[start + i] = sample > MOST ? MOST : sample < -MOST ? -MOST : sample;
    }
  }
}
