/**
 * Call-progress tones by tables: what the visitor hears while a call rings, when it fails, and when the door opens.
 * Ringing, busy and congestion as in ITU-T E.180 Supplement 2 and, for Europe, ETSI TS 122 001 annex F; confirmation
 * for the US as in GR-506. Warning (1,400 Hz, the recording tone of E.180) and answer beep are the same everywhere; no
 * standard gives the latter, nor the three bursts that refuse. Not here: when a tone is due (the station), DTMF.
 */
import { SAMPLES_PER_MS } from "./g711.js";

export const TONE_RINGING = 0;
export const TONE_BUSY = 1;
/** The call failed: congestion. */
export const TONE_FAILED = 2;
export const TONE_CONFIRMED = 3;
/** The talk time is about to end. */
export const TONE_WARNING = 4;
/** A call was answered automatically. */
export const TONE_ANSWERED = 5;
/** The request was refused. */
export const TONE_REFUSED = 6;
const TONES = 7;

/** In the order of the table. */
export const TONE_REGIONS: readonly string[] = ["europe", "us", "china"];

/** A row: how often (0: until stopped), then up to two parts of two frequencies in Hz (0: none) and a length in ms. */
const ROW = 7;
// biome-ignore format: a table
const TABLE = Int16Array.of(
  0, 425, 0, 1000, 0, 0, 4000,    10, 425, 0, 500, 0, 0, 500,    20, 425, 0, 200, 0, 0, 200,
  1, 425, 0, 200, 0, 0, 0,         1, 1400, 0, 500, 0, 0, 0,      1, 1000, 0, 200, 0, 0, 0,
  3, 425, 0, 200, 0, 0, 200,

  0, 440, 480, 2000, 0, 0, 4000,  10, 480, 620, 500, 0, 0, 500,  20, 480, 620, 250, 0, 0, 250,
  3, 350, 440, 100, 0, 0, 100,     1, 1400, 0, 500, 0, 0, 0,      1, 1000, 0, 200, 0, 0, 0,
  3, 480, 620, 250, 0, 0, 250,

  0, 450, 0, 1000, 0, 0, 4000,    14, 450, 0, 350, 0, 0, 350,     7, 450, 0, 700, 0, 0, 700,
  1, 450, 0, 200, 0, 0, 0,         1, 1400, 0, 500, 0, 0, 0,      1, 1000, 0, 200, 0, 0, 0,
  3, 450, 0, 700, 0, 0, 700,
);

const LOUDEST = 32767;
/** A phase has 24 bits, its upper eight choose the entry. */
const SINE = sineTable();
const PHASE_MASK = 0xffffff;
const PHASE_SHIFT = 16;
/** 2^24 / 8000 */
const PHASE_PER_HZ = 2097.152;

function sineTable(): Int16Array {
  const out = new Int16Array(256);
  for (let i = 0; i < 256; i++) out[i] = Math.round(LOUDEST * Math.sin((2 * Math.PI * i) / 256));
  return out;
}

export class Tone {
  /** The index of the tone's row in the table; -1 for silence. */
  private row = -1;
  /** The amplitude of one frequency; two frequencies have half of it each. */
  private amplitude = 0;
  /** The part of the row that is played, the samples of it that are over, and how often the row is still to come. */
  private part = 0;
  private at = 0;
  private left = 0;

  /**
   * Begins a tone in place of the one before.
   * @param tone TONE_… @param region index into TONE_REGIONS @param percent of full scale; 0 is silence with the tone's
   * length
   */
  start(tone: number, region: number, percent: number): void {
    this.row = (region * TONES + tone) * ROW;
    this.amplitude = Math.floor((LOUDEST * percent) / 100);
    this.part = 0;
    this.at = 0;
    this.left = TABLE[this.row];
  }

  stop(): void {
    this.row = -1;
  }

  isOn(): boolean {
    return this.row >= 0;
  }

  /** @returns whether the tone goes on until it is stopped */
  isEndless(): boolean {
    return this.row >= 0 && TABLE[this.row] === 0;
  }

  /**
   * Writes the next `count` samples to `pcm` from `start` on, over the ones that are there; silence behind the tone's
   * end.
   */
  write(pcm: Int16Array, start: number, count: number): void {
    const end = start + count;
    let to = start;
    while (to < end) {
      if (this.row < 0) {
        pcm.fill(0, to, end);
        return;
      }
      const part = this.row + 1 + this.part * 3;
      const length = TABLE[part + 2] * SAMPLES_PER_MS;
      const until = to + Math.min(end - to, length - this.at);
      this.burst(pcm, to, until, TABLE[part], TABLE[part + 1]);
      this.at += until - to;
      to = until;
      if (this.at === length) this.turn();
    }
  }

  /** Goes on to the next part, to the row again, or to the end. */
  private turn(): void {
    this.at = 0;
    this.part ^= 1;
    if (this.part === 1 && TABLE[this.row + ROW - 1] > 0) return;
    this.part = 0;
    if (TABLE[this.row] === 0) return;
    this.left -= 1;
    if (this.left === 0) this.row = -1;
  }

  /** Phases are computed from the part's beginning, so only the place is kept between two frames. */
  private burst(pcm: Int16Array, from: number, end: number, hz: number, hz2: number): void {
    if (hz === 0) {
      pcm.fill(0, from, end);
      return;
    }
    const sine = SINE;
    const step = Math.round(hz * PHASE_PER_HZ);
    let phase = (this.at * step) & PHASE_MASK;
    if (hz2 === 0) {
      const amplitude = this.amplitude;
      for (let i = from; i < end; i++) {
        pcm[i] = (sine[phase >> PHASE_SHIFT] * amplitude) >> 15;
        phase = (phase + step) & PHASE_MASK;
      }
      return;
    }
    const half = this.amplitude >> 1;
    const step2 = Math.round(hz2 * PHASE_PER_HZ);
    let phase2 = (this.at * step2) & PHASE_MASK;
    for (let i = from; i < end; i++) {
      pcm[i] = ((sine[phase >> PHASE_SHIFT] + sine[phase2 >> PHASE_SHIFT]) * half) >> 15;
      phase = (phase + step) & PHASE_MASK;
      phase2 = (phase2 + step2) & PHASE_MASK;
    }
  }
}
