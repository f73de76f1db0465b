/**
 * Hears DTMF in the sound itself, for other ends that send no telephone-events: Goertzel in integers over blocks of
 * 12.75 ms, within the limits of ITU-T Q.24 (AT&T's column): 40 ms are heard, 23 ms are not; 1.5 % beside the frequency
 * are taken, 3.5 % are not; the column may be 4 dB stronger or 8 dB weaker than the row. A digit is told when it ends.
 * Not here: telephone-events (dtmf.ts), and which of the two counts (stream.ts).
 */
import { energyOf, POINT, peakOf, powerOf } from "./goertzel.js";

/** Samples of a block. Two blocks are looked at closely if both have the same digit. */
const BLOCK = 102;
const CLOSE = 2 * BLOCK;
const ROWS = 4;
const TONES = 8;
/** 697, 770, 852, 941; 1,209, 1,336, 1,477, 1,633 Hz. */
const HZ = Int16Array.of(697, 770, 852, 941, 1209, 1336, 1477, 1633);
const KEYS = Uint8Array.of(49, 50, 51, 65, 52, 53, 54, 66, 55, 56, 57, 67, 42, 48, 35, 68);

const BELOW = TONES;
const ABOVE = 2 * TONES;
const TWICE = 3 * TONES;
const NEAR_BELOW = 4 * TONES;
const NEAR_ABOVE = 5 * TONES;
const FACTORS: readonly number[] = [1, 0.95, 1.05, 2, 0.99, 1.01];
/**
 * The frequencies measured for each tone: itself, 5 % below, 5 % above, twice as high, 1 % below, 1 % above, as 2 cos ω
 * with 12 bits behind the point.
 */
const COEFFICIENTS = coefficients();
/** Samples are shifted below this, so that 32 bits hold every step over two blocks. */
const PEAK_BITS = 10;

/** A block whose peak is below this is silence: about -31 dBm0. */
const QUIET = 620;
/**
 * The two tones together have at least so much of all the energy, in 1/16: 1.5 % beside 1,633 Hz leave 0.7 of that
 * tone.
 */
const SHARE_16 = 11;
/** Over two blocks the share is higher, with the tones measured 1 % beside their frequencies too. */
const CLOSE_SHARE_16 = 13;
/** Pairs of blocks at the two ends of a digit that contain it only in part. */
const EDGES = 2;
/**
 * How much stronger the row or the column may be, as a ratio of powers: 4 and 8 dB, and the share of the other tone's
 * edge.
 */
const COLUMN_MOST = 4;
const ROW_MOST = 12;
/** Each tone has so many times the power of every other of its group. */
const APART = 4;
/** A tone twice as high has at most this part of the power. */
const HARMONIC_PART = 6;
/** A digit may go on behind so many lost samples: two packets. */
const SHORT_HOLE = 320;
/** A frame of silence, for the time in which nothing is sent. */
const NONE_SENT = new Int16Array(160);
/** A digit of at least so many samples is told: between 23 and 40 ms. */
const LEAST = 250;

/**
 * `recent` holds the sound of two blocks, the later one behind, then the amplitudes by tone of the later block and of
 * the one before.
 */
const AMPLITUDES = CLOSE;
const BEFORE = CLOSE + TONES;
/** The loudest tone there can be is 51 times 32,767; this shift leaves 16 bits with a sign and one to spare. */
const AMPLITUDE_SHIFT = 6;

/**
 * Frequencies at which a voice is looked for: as close as the two blocks tell apart, but near the tones and at an
 * overtone of the row.
 */
const GRID = 50;
const GRID_FIRST_HZ = 160;
const GRID_STEP_HZ = 39;
const BESIDE_HZ = 150;
/**
 * A voice has at least this part of the two tones' power somewhere: -21 dB. Noise 15 dB below them has -26 dB at most.
 */
const VOICE_PART = 128;
const GRID_COEFFICIENTS = grid();
/** The rising half of Hann's window over two blocks, with 8 bits behind the point. */
const HANN = hann();
const HANN_SHIFT = 8;

function coefficients(): Int16Array {
  const out = new Int16Array(FACTORS.length * TONES);
  for (let i = 0; i < out.length; i++) out[i] = coefficient(HZ[i % TONES] * FACTORS[Math.floor(i / TONES)]);
  return out;
}

function grid(): Int16Array {
  const out = new Int16Array(GRID);
  for (let i = 0; i < GRID; i++) out[i] = coefficient(GRID_FIRST_HZ + i * GRID_STEP_HZ);
  return out;
}

function coefficient(hz: number): number {
  return Math.round(2 * Math.cos((2 * Math.PI * hz) / 8000) * (1 << POINT));
}

function hann(): Int16Array {
  const out = new Int16Array(BLOCK);
  for (let i = 0; i < BLOCK; i++) out[i] = Math.round(128 - 128 * Math.cos((2 * Math.PI * (i + 0.5)) / CLOSE));
  return out;
}

function isNear(hz: number, other: number, by: number): boolean {
  return hz > other - by && hz < other + by;
}

export class InbandReceiver {
  /** The duration of the digit that `feed` returned last. */
  durationMs = 0;
  private readonly recent = new Int16Array(CLOSE + 2 * TONES);
  private readonly windowed = new Int16Array(CLOSE);
  private filled = 0;
  /** The digit that goes on, -1 for none. Its row and column are its upper and lower two bits. */
  private key = -1;
  /** The number of pairs of blocks that were this digit when looked at closely, and that were not. */
  private passed = 0;
  private failed = 0;
  /** The digit's length in samples, and the number of blocks without it since. */
  private length = 0;
  private missed = 0;
  private strongest = 0;
  /** Samples in a row that were not sent. */
  private skipped = 0;

  /** Starts anew, for a new call or another source. */
  reset(): void {
    this.filled = 0;
    this.key = -1;
    this.skipped = 0;
    this.recent.fill(0);
  }

  /** @returns the ASCII code of a digit that ended in these samples, 0 if none did */
  feed(pcm: Int16Array, start: number, count: number): number {
    this.skipped = 0;
    return this.advance(pcm, start, count);
  }

  private advance(pcm: Int16Array, start: number, count: number): number {
    const { recent } = this;
    const end = start + count;
    let found = 0;
    let from = start;
    while (from < end) {
      let to = BLOCK + this.filled;
      const until = from + Math.min(end - from, BLOCK - this.filled);
      this.filled += until - from;
      while (from < until) recent[to++] = pcm[from++];
      if (this.filled < BLOCK) break;
      this.filled = 0;
      const code = this.block();
      if (code > 0) found = code;
      recent.copyWithin(0, BLOCK, CLOSE);
    }
    return found;
  }

  /**
   * `count` samples were not sent: a packet was lost, or the sender is silent. A digit goes on behind a short hole; a
   * longer one is silence. @returns the ASCII code of a digit that ended, 0 if none did
   */
  skip(count: number): number {
    this.skipped += count;
    if (this.skipped <= SHORT_HOLE) return 0;
    return this.advance(NONE_SENT, 0, count);
  }

  /** Judges a whole block. @returns the digit that ended, or 0 */
  private block(): number {
    const key = this.keyOf();
    let ended = 0;
    if (key >= 0 && key === this.key) {
      this.extend(key);
      this.missed = 0;
      if (this.isClose(key)) this.passed += 1;
      else this.failed += 1;
    } else {
      if (this.key >= 0) {
        // The rest of the digit is in this block's beginning.
        if (this.missed === 0) this.extend(this.key);
        this.missed += 1;
        if (key >= 0 || this.missed > 1) ended = this.end();
      }
      if (key >= 0) this.begin(key);
    }
    return ended;
  }

  private begin(key: number): void {
    this.key = key;
    this.passed = 0;
    this.failed = 0;
    this.missed = 0;
    this.strongest = this.amplitude(key);
    // The digit may have begun in the block before.
    const { recent } = this;
    const before = recent[BEFORE + (key >> 2)] + recent[BEFORE + ROWS + (key & 3)];
    this.length = this.strongest + Math.min(before, this.strongest);
  }

  /**
   * Lengths are sums of amplitudes until the digit ends: a tone that fills half a block has half the amplitude there.
   */
  private extend(key: number): void {
    const amplitude = this.amplitude(key);
    if (amplitude > this.strongest) this.strongest = amplitude;
    this.length += Math.min(amplitude, this.strongest);
  }

  private end(): number {
    const key = this.key;
    this.key = -1;
    const samples = Math.round((this.length * BLOCK) / this.strongest);
    this.durationMs = samples >> 3;
    return this.passed > 0 && this.failed <= EDGES && samples >= LEAST ? KEYS[key] : 0;
  }

  private amplitude(key: number): number {
    return this.recent[AMPLITUDES + (key >> 2)] + this.recent[AMPLITUDES + ROWS + (key & 3)];
  }

  /** Measures the later block. @returns the digit that it may be part of, -1 for none */
  private keyOf(): number {
    const { recent } = this;
    recent.copyWithin(BEFORE, AMPLITUDES, BEFORE);
    const shift = shiftOf(recent, BLOCK, CLOSE);
    if (shift < 0) {
      recent.fill(0, AMPLITUDES, BEFORE);
      return -1;
    }
    let row = 0;
    let low = 0;
    let column = 0;
    let high = 0;
    // The second strongest tone of the group.
    let second = 0;
    let isAlone = true;
    for (let i = 0; i < TONES; i++) {
      const power = powerOf(recent, BLOCK, CLOSE, shift, COEFFICIENTS[i]);
      recent[AMPLITUDES + i] = (Math.sqrt(power) * (1 << shift)) >> AMPLITUDE_SHIFT;
      const best = i < ROWS ? low : high;
      if (i === ROWS) second = 0;
      if (power <= best) second = Math.max(second, power);
      else {
        second = best;
        if (i < ROWS) {
          low = power;
          row = i;
        } else {
          high = power;
          column = i - ROWS;
        }
      }
      if (i === ROWS - 1) isAlone = second * APART < low;
    }
    if (!isAlone || second * APART > high) return -1;
    // A tone's power is its energy times half the samples.
    if ((low + high) * 16 < energyOf(recent, BLOCK, CLOSE, shift) * (BLOCK / 2) * SHARE_16) return -1;
    return high > low * COLUMN_MOST || low > high * ROW_MOST ? -1 : (row << 2) | column;
  }

  /** Two blocks in a row have the digit. @returns whether both tones are at their frequencies, and alone */
  private isClose(key: number): boolean {
    const { recent } = this;
    const shift = shiftOf(recent, 0, CLOSE);
    const row = this.purePower(key >> 2, shift);
    const column = row === 0 ? 0 : this.purePower(ROWS + (key & 3), shift);
    if (column === 0 || (row + column) * 16 < energyOf(recent, 0, CLOSE, shift) * (CLOSE / 2) * CLOSE_SHARE_16)
      return false;
    return this.isWithoutVoice(key, shift);
  }

  /**
   * A voice that has two harmonics at the tones of a digit has others beside them; noise has none that stands out. The
   * window keeps the two tones themselves from being seen at other frequencies.
   */
  private isWithoutVoice(key: number, shift: number): boolean {
    const { recent, windowed } = this;
    for (let i = 0; i < BLOCK; i++) {
      windowed[i] = (recent[i] * HANN[i]) >> HANN_SHIFT;
      windowed[CLOSE - 1 - i] = (recent[CLOSE - 1 - i] * HANN[i]) >> HANN_SHIFT;
    }
    const row = key >> 2;
    const column = ROWS + (key & 3);
    const tones =
      powerOf(windowed, 0, CLOSE, shift, COEFFICIENTS[row]) + powerOf(windowed, 0, CLOSE, shift, COEFFICIENTS[column]);
    const most = tones / VOICE_PART;
    for (let i = 0; i < GRID; i++) {
      const hz = GRID_FIRST_HZ + i * GRID_STEP_HZ;
      if (isNear(hz, HZ[row], BESIDE_HZ) || isNear(hz, HZ[column], BESIDE_HZ)) continue;
      if (isNear(hz, 2 * HZ[row], GRID_STEP_HZ)) continue;
      if (powerOf(windowed, 0, CLOSE, shift, GRID_COEFFICIENTS[i]) > most) return false;
    }
    return true;
  }

  /**
   * If a tone is more than 2.5 % off, the filter 5 % away is the stronger one. @returns the power, 0 if it is not that
   * tone
   */
  private purePower(tone: number, shift: number): number {
    const power = this.closePower(tone, shift);
    if (
      this.closePower(BELOW + tone, shift) >= power ||
      this.closePower(ABOVE + tone, shift) >= power ||
      this.closePower(TWICE + tone, shift) * HARMONIC_PART >= power
    )
      return 0;
    return Math.max(power, this.closePower(NEAR_BELOW + tone, shift), this.closePower(NEAR_ABOVE + tone, shift));
  }

  private closePower(filter: number, shift: number): number {
    return powerOf(this.recent, 0, CLOSE, shift, COEFFICIENTS[filter]);
  }
}

/** @returns the number of bits to shift right, -1 for silence */
function shiftOf(pcm: Int16Array, start: number, end: number): number {
  const peak = peakOf(pcm, start, end);
  return peak < QUIET ? -1 : Math.max(0, 32 - Math.clz32(peak) - PEAK_BITS);
}
