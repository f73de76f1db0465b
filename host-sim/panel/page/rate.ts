/**
 * Converts between the 8 kHz of a phone call and the rate of the computer's sound: windowed sinc, by a table of phases.
 * The player keeps a little sound in hand, because packets do not come evenly. These are pure sums, so that they are
 * tested without a browser. Not here: the sources of the sound.
 */
export const CALL_RATE = 8000;
/** The zero crossings of the low-pass on each side. */
const CROSSINGS = 10;
const PHASES = 64;
/** The sound that is kept in hand before it plays, and the most there may be of it, samples at 8 kHz. */
const PRIMED = 480;
const TOO_LATE = 1600;
const RING = 8192;

class LowPass {
  readonly half: number;
  private readonly taps: Float32Array[] = [];

  constructor(fromRate: number, toRate: number) {
    const cutoff = Math.min(1, toRate / fromRate) * 0.92;
    this.half = Math.ceil(CROSSINGS / cutoff);
    for (let phase = 0; phase <= PHASES; phase++) {
      const taps = new Float32Array(2 * this.half);
      let sum = 0;
      for (let k = 0; k < taps.length; k++) {
        const x = k - this.half + 1 - phase / PHASES;
        const place = x / this.half;
        const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
        // The window is Hann's.
        taps[k] = Math.abs(place) >= 1 ? 0 : sinc * (0.5 + 0.5 * Math.cos(Math.PI * place));
        sum += taps[k];
      }
      for (let k = 0; k < taps.length; k++) taps[k] /= sum;
      this.taps.push(taps);
    }
  }

  /** The sound at `position` of a ring whose length is a power of two. */
  at(ring: Float32Array, position: number): number {
    const whole = Math.floor(position);
    const taps = this.taps[Math.round((position - whole) * PHASES)];
    const mask = ring.length - 1;
    let sum = 0;
    for (let k = 0; k < taps.length; k++) sum += taps[k] * ring[(whole - this.half + 1 + k) & mask];
    return sum;
  }
}

/** Converts from the computer's rate to 8 kHz, as the sound comes. */
export class Recorder {
  private readonly filter: LowPass;
  private readonly ring = new Float32Array(RING);
  private readonly step: number;
  private written = 0;
  private position: number;
  private readonly out: Int16Array;
  private filled = 0;
  private readonly take: (samples: Int16Array) => void;

  /** @param take is given whole frames of `count` samples, which are its own */
  constructor(rate: number, count: number, take: (samples: Int16Array) => void) {
    this.take = take;
    this.filter = new LowPass(rate, CALL_RATE);
    this.step = rate / CALL_RATE;
    this.position = this.filter.half;
    this.out = new Int16Array(count);
  }

  put(samples: Float32Array): void {
    for (let i = 0; i < samples.length; i++) this.ring[this.written++ & (RING - 1)] = samples[i];
    while (this.position + this.filter.half < this.written) {
      const sample = Math.round(this.filter.at(this.ring, this.position) * 32767);
      this.out[this.filled++] = Math.max(-32768, Math.min(32767, sample));
      this.position += this.step;
      if (this.filled < this.out.length) continue;
      this.filled = 0;
      this.take(this.out.slice());
    }
  }
}

/** Converts from 8 kHz to the computer's rate. */
export class Player {
  /** Counts the times that the sound ran out. */
  gaps = 0;
  private readonly filter: LowPass;
  private readonly ring = new Float32Array(RING);
  private readonly step: number;
  private written = 0;
  private position = 0;
  private isPrimed = false;

  constructor(rate: number) {
    this.filter = new LowPass(CALL_RATE, rate);
    this.step = CALL_RATE / rate;
  }

  /** @returns the sound that waits, ms */
  get waitingMs(): number {
    return ((this.written - this.position) * 1000) / CALL_RATE;
  }

  put(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) this.ring[this.written++ & (RING - 1)] = samples[i] / 32768;
    // Sound that is late because the page slept is left out.
    if (this.written - this.position > TOO_LATE) this.position = this.written - PRIMED;
    if (this.written - this.position >= PRIMED) this.isPrimed = true;
  }

  read(out: Float32Array): void {
    for (let i = 0; i < out.length; i++) {
      if (!this.isPrimed || this.position + this.filter.half >= this.written) {
        if (this.isPrimed) this.gaps += 1;
        this.isPrimed = false;
        out.fill(0, i);
        return;
      }
      out[i] = this.filter.at(this.ring, this.position);
      this.position += this.step;
    }
  }
}
