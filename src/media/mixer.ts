/**
 * Mixes the sound of one door with several others: each hears all but itself. It adds plainly and holds the sum within
 * 16 bits. Not here: which call the sound belongs to, levels, echo.
 */

const LOUDEST = 32767;

export class Mixer {
  private readonly sum: Int32Array;

  /** @param samples of one step, at most */
  constructor(samples: number) {
    this.sum = new Int32Array(samples);
  }

  /** Begins a new step with silence. */
  clear(): void {
    this.sum.fill(0);
  }

  /** Adds `from[0, count)`. */
  add(from: Int16Array, count: number): void {
    const { sum } = this;
    for (let i = 0; i < count; i++) sum[i] += from[i];
  }

  /** Writes the sum to `into[0, count)` without `own`, which is part of it. `into` may be `own`. */
  without(own: Int16Array, into: Int16Array, count: number): void {
    const { sum } = this;
    for (let i = 0; i < count; i++) into[i] = held(sum[i] - own[i]);
  }
}

function held(sample: number): number {
  return sample > LOUDEST ? LOUDEST : sample < -LOUDEST ? -LOUDEST : sample;
}
