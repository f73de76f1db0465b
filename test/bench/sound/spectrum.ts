/**
 * The distance of two sounds as an ear would judge it: the log-spectral distance of stretches that are aligned with
 * each other.
 */

/** A stretch has 32 ms at 8 kHz; half of it is new each time. */
const WINDOW = 256;
const STEP = WINDOW / 2;
/**
 * A stretch that is so much quieter than the loudest one is a pause, and a line that is so much quieter than the
 * loudest one of its stretch is not heard.
 */
const PAUSE_DB = 40;
const FLOOR_DB = 50;
/** The length of the stretches that are aligned, and how far one may have moved, in samples. */
const BLOCK = 4000;
const MOVED = 480;

const HANN = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));

const COSINES = Float64Array.from({ length: WINDOW / 2 }, (_, i) => Math.cos((-2 * Math.PI * i) / WINDOW));
const SINES = Float64Array.from({ length: WINDOW / 2 }, (_, i) => Math.sin((-2 * Math.PI * i) / WINDOW));

/** @returns the power of each line, from 0 Hz to half the rate */
export function powers(samples: Int16Array, at: number): Float64Array {
  const re = Float64Array.from({ length: WINDOW }, (_, i) => HANN[i] * (samples[at + i] ?? 0));
  const im = new Float64Array(WINDOW);
  transform(re, im);
  return Float64Array.from({ length: WINDOW / 2 + 1 }, (_, i) => re[i] * re[i] + im[i] * im[i]);
}

/** Fourier transform in place, radix 2. */
function transform(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let size = 2; size <= n; size *= 2) {
    for (let start = 0; start < n; start += size)
      for (let k = 0; k < size / 2; k++) {
        const [a, b] = [start + k, start + k + size / 2];
        const [cos, sin] = [COSINES[(k * n) / size], SINES[(k * n) / size]];
        const x = re[b] * cos - im[b] * sin;
        const y = re[b] * sin + im[b] * cos;
        [re[b], im[b], re[a], im[a]] = [re[a] - x, im[a] - y, re[a] + x, im[a] + y];
      }
  }
}

/** Lines of 31.25 Hz. */
interface Band {
  from: number;
  to: number;
}
const WHOLE: Band = { from: 0, to: WINDOW / 2 };

/**
 * @param clean the sound as it was sent @param heard the sound that came, begun at about the same time
 * @returns the mean distance of their spectra over all stretches with sound, dB
 */
export function logSpectralDistance(clean: Int16Array, heard: Int16Array, band = WHOLE): number {
  const stretches: { at: number; lines: Float64Array; power: number }[] = [];
  for (let at = 0; at + WINDOW <= clean.length; at += STEP) {
    const lines = powers(clean, at);
    stretches.push({ at, lines, power: lines.reduce((sum, value) => sum + value, 0) });
  }
  const loudest = stretches.reduce((most, { power }) => Math.max(most, power), 0);
  let sum = 0;
  let count = 0;
  let moved = 0;
  let block = -1;
  for (const { at, lines, power } of stretches) {
    if (power < loudest * 10 ** (-PAUSE_DB / 10)) continue;
    if (Math.floor(at / BLOCK) !== block) {
      block = Math.floor(at / BLOCK);
      moved = shiftOf(clean, heard, block * BLOCK);
    }
    sum += distance(lines, powers(heard, at + moved), band);
    count += 1;
  }
  return count === 0 ? 0 : sum / count;
}

/** A line of a voice counts where it is so much louder than the noise, and a stretch that has so many of them. */
const ABOVE_NOISE = 2;
const LINES_LEAST = 10;

/**
 * The distance of a voice from what was said: only lines and stretches in which the voice is louder than the noise, as
 * two noises of one level are 8 dB from each other.
 * @param said the voice with its noise @param heard the sound that came, begun at the same time
 * @returns the mean over all stretches in which somebody speaks, dB
 */
export function voiceDistance(said: Int16Array, voice: Int16Array, noise: Int16Array, heard: Int16Array): number {
  const hum = new Float64Array(WINDOW / 2 + 1);
  const stretches: { at: number; lines: Float64Array; power: number }[] = [];
  for (let at = 0; at + WINDOW <= said.length; at += STEP) {
    const lines = powers(voice, at);
    stretches.push({ at, lines, power: lines.reduce((sum, value) => sum + value, 0) });
    for (const [i, value] of powers(noise, at).entries()) hum[i] += value;
  }
  const loudest = stretches.reduce((most, { power }) => Math.max(most, power), 0);
  let sum = 0;
  let count = 0;
  for (const { at, lines, power } of stretches) {
    if (power < loudest * 10 ** (-PAUSE_DB / 10)) continue;
    const floor = lines.reduce((most, value) => Math.max(most, value), 0) * 10 ** (-FLOOR_DB / 10);
    const clean = powers(said, at);
    const came = powers(heard, at);
    let squares = 0;
    let voiced = 0;
    for (const [i, value] of lines.entries()) {
      if (value < floor || value * stretches.length < ABOVE_NOISE * hum[i]) continue;
      squares += (10 * Math.log10(Math.max(clean[i], floor) / Math.max(came[i], floor))) ** 2;
      voiced += 1;
    }
    if (voiced < LINES_LEAST) continue;
    sum += Math.sqrt(squares / voiced);
    count += 1;
  }
  return count === 0 ? 0 : sum / count;
}

function distance(a: Float64Array, b: Float64Array, { from, to }: Band): number {
  const floor = a.reduce((most, value) => Math.max(most, value), 0) * 10 ** (-FLOOR_DB / 10);
  let sum = 0;
  for (let i = from; i <= to; i++) sum += (10 * Math.log10(Math.max(a[i], floor) / Math.max(b[i], floor))) ** 2;
  return Math.sqrt(sum / (to - from + 1));
}

/** @returns by how many samples `heard` lies behind `clean` in the block that begins there */
export function shiftOf(clean: Int16Array, heard: Int16Array, at: number, most = MOVED): number {
  let best = 0;
  let found = 0;
  for (let shift = -most; shift <= most; shift++) {
    let product = 0;
    for (let i = at; i < at + BLOCK && i < clean.length; i++) product += clean[i] * (heard[i + shift] ?? 0);
    if (product > best) {
      best = product;
      found = shift;
    }
  }
  return found;
}
