/**
 * Converts between 16 kHz and 8 kHz: a half-band low-pass of 47 taps, of which every other is 0. It is flat within 0.02
 * dB up to 3.4 kHz and down by 57 dB from 4.6 kHz on. The twin is halfband.h, sample for sample. Not here: other
 * ratios.
 */

/** Taps on one side that are not 0, in 1/32768; the one in the middle is 16384. */
const TAPS = Int16Array.of(10391, -3342, 1865, -1194, 799, -539, 358, -230, 140, -80, 40, -16);
const SIDE = 12;
const DOWN = 47;
const UP = 24;

function limited(value: number): number {
  return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

/** 16 kHz to 8 kHz. */
export class HalfbandDown {
  /** The last samples, each twice, so that a window over them never wraps. */
  private readonly line = new Int16Array(2 * DOWN);
  private at = 0;

  /** `2 * count` samples of `samples` from `start` become `count` of `out` from `to`. */
  run(samples: Int16Array, start: number, out: Int16Array, to: number, count: number): void {
    const { line } = this;
    for (let i = 0; i < count; i++) {
      this.push(samples[start + 2 * i]);
      this.push(samples[start + 2 * i + 1]);
      const middle = this.at + (DOWN >> 1);
      let sum = 16384 * line[middle] + 16384;
      for (let k = 0; k < SIDE; k++) sum += TAPS[k] * (line[middle + 2 * k + 1] + line[middle - 2 * k - 1]);
      out[to + i] = limited(sum >> 15);
    }
  }

  private push(sample: number): void {
    this.line[this.at] = sample;
    this.line[this.at + DOWN] = sample;
    this.at = this.at + 1 === DOWN ? 0 : this.at + 1;
  }
}

/** 8 kHz to 16 kHz. */
export class HalfbandUp {
  private readonly line = new Int16Array(2 * UP);
  private at = 0;

  /**
   * `count` samples of `samples` from `start` become `2 * count` of `out` from `to`: each as it was, then the one
   * between it and the next.
   */
  run(samples: Int16Array, start: number, out: Int16Array, to: number, count: number): void {
    const { line } = this;
    for (let i = 0; i < count; i++) {
      line[this.at] = samples[start + i];
      line[this.at + UP] = samples[start + i];
      this.at = this.at + 1 === UP ? 0 : this.at + 1;
      const left = this.at + (UP >> 1) - 1;
      let sum = 8192;
      for (let k = 0; k < SIDE; k++) sum += TAPS[k] * (line[left - k] + line[left + k + 1]);
      out[to + 2 * i] = line[left];
      out[to + 2 * i + 1] = limited(sum >> 14);
    }
  }
}
