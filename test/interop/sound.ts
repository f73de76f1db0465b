/**
 * Makes sound for tests, tones as WAV files, and measures recordings: level, dominant frequency, length, and the
 * longest gap. The files are 16-bit PCM, 8 kHz unless the file says otherwise, first channel only.
 */
import { readFileSync, writeFileSync } from "node:fs";

export interface Sound {
  samplesPerSecond: number;
  samples: Int16Array;
}

export const SAMPLES_PER_SECOND = 8000;
/** Peaks below are silence: over the noise of G.711 at rest (±8), far below any tone used here. */
const SILENCE_PEAK = 40;
const FRAME_MS = 10;
const SCAN_STEP_HZ = 10;
/** Frequencies that are 10 Hz apart are told apart in this time. */
const PART_MS = 100;
const HEADER_BYTES = 44;

/** A sine at half of full scale. */
export function tone(hz: number, seconds: number): Sound {
  const samples = new Int16Array(SAMPLES_PER_SECOND * seconds);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.round(16384 * Math.sin((2 * Math.PI * hz * i) / SAMPLES_PER_SECOND));
  }
  return { samplesPerSecond: SAMPLES_PER_SECOND, samples };
}

const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477, 1633];
const KEYS = "123A456B789C*0#D";
const KEY_MS = 100;

/** Keys as a telephone sounds them (Q.23), 100 ms each and as long between them, after a second of silence. */
export function keyTones(keys: string): Sound {
  const count = (ms: number) => (SAMPLES_PER_SECOND / 1000) * ms;
  const samples = new Int16Array(count(2000 + 2 * KEY_MS * keys.length));
  for (let k = 0; k < keys.length; k++) {
    const place = KEYS.indexOf(keys[k]);
    const start = count(1000 + 2 * KEY_MS * k);
    for (let i = 0; i < count(KEY_MS); i++) {
      const wave = (hz: number) => Math.sin((2 * Math.PI * hz * i) / SAMPLES_PER_SECOND);
      samples[start + i] = Math.round(8000 * (wave(ROWS_HZ[place >> 2]) + wave(COLUMNS_HZ[place & 3])));
    }
  }
  return { samplesPerSecond: SAMPLES_PER_SECOND, samples };
}

export function writeWav(path: string, { samplesPerSecond, samples }: Sound): void {
  const out = Buffer.alloc(HEADER_BYTES + 2 * samples.length);
  out.write("RIFF", 0, "latin1");
  out.writeUInt32LE(out.length - 8, 4);
  out.write("WAVEfmt ", 8, "latin1");
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(samplesPerSecond, 24);
  out.writeUInt32LE(2 * samplesPerSecond, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write("data", 36, "latin1");
  out.writeUInt32LE(2 * samples.length, 40);
  for (let i = 0; i < samples.length; i++) out.writeInt16LE(samples[i], HEADER_BYTES + 2 * i);
  writeFileSync(path, out);
}

/** @throws when the file is not 16-bit PCM, or when its lengths do not fit it: it is still being written */
export function readWav(path: string): Sound {
  const bytes = readFileSync(path);
  if (bytes.toString("latin1", 0, 4) !== "RIFF" || bytes.toString("latin1", 8, 12) !== "WAVE") {
    throw new Error(path + " is not a WAV file");
  }
  let channels = 0;
  let samplesPerSecond = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString("latin1", at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    const start = at + 8;
    if (start + length > bytes.length) break;
    if (id === "fmt ") {
      if (bytes.readUInt16LE(start + 14) !== 16) throw new Error(path + " is not 16-bit PCM");
      channels = bytes.readUInt16LE(start + 2);
      samplesPerSecond = bytes.readUInt32LE(start + 4);
    } else if (id === "data") {
      if (channels === 0) throw new Error(path + " has its data before its format");
      const samples = new Int16Array(Math.floor(length / 2 / channels));
      for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(start + 2 * channels * i);
      return { samplesPerSecond, samples };
    }
    at = start + length + (length & 1);
  }
  throw new Error(path + " ends before its data does");
}

export function durationMs({ samples, samplesPerSecond }: Sound): number {
  return (1000 * samples.length) / samplesPerSecond;
}

/** @returns the part of a recording from one time to another */
export function cut({ samples, samplesPerSecond }: Sound, fromMs: number, toMs: number): Sound {
  const at = (ms: number) => Math.round((ms * samplesPerSecond) / 1000);
  return { samplesPerSecond, samples: samples.subarray(at(fromMs), at(toMs)) };
}

/** @returns the recording from its first frame with sound to its last, empty when there is none */
export function trimSilence(sound: Sound): Sound {
  const loud = frames(sound);
  const first = loud.indexOf(true);
  return first < 0 ? cut(sound, 0, 0) : cut(sound, first * FRAME_MS, (loud.lastIndexOf(true) + 1) * FRAME_MS);
}

/**
 * @returns the longest silence between two sounds, in ms, without the time before the first and after the last;
 * Infinity: no sound at all
 */
export function longestGapMs(sound: Sound): number {
  const loud = frames(trimSilence(sound));
  let longest = loud.length === 0 ? Number.POSITIVE_INFINITY : 0;
  let gap = 0;
  for (const isLoud of loud) {
    gap = isLoud ? 0 : gap + 1;
    if (gap > longest) longest = gap;
  }
  return longest * FRAME_MS;
}

function frames({ samples, samplesPerSecond }: Sound): boolean[] {
  const length = (samplesPerSecond * FRAME_MS) / 1000;
  const out: boolean[] = [];
  for (let start = 0; start + length <= samples.length; start += length) {
    out.push(samples.subarray(start, start + length).some((sample) => Math.abs(sample) >= SILENCE_PEAK));
  }
  return out;
}

/** @returns the root mean square: 11,585 for a sine at half of full scale */
export function rms({ samples }: Sound): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

/** @returns the loudest frequency from 100 to 3,800 Hz, to 10 Hz, of the half second in the middle; 0: silence */
export function dominantHz(sound: Sound): number {
  const middle = parts(middleOf(sound));
  let best = 0;
  let most = 0;
  for (let hz = 100; hz <= 3800; hz += SCAN_STEP_HZ) {
    const power = middle.reduce((sum, part) => sum + goertzel(part, hz), 0);
    if (power > most) {
      most = power;
      best = hz;
    }
  }
  return best;
}

/**
 * @returns the share of one frequency in the power of the half second in the middle: 1 for a pure tone, 0.5 for one of
 * two that are equally loud. It is measured in parts of 100 ms, and the least of them does not count: a telephone's
 * jitter buffer that skips or repeats some samples turns the phase of a tone at that place.
 */
export function shareOf(sound: Sound, hz: number): number {
  const shares = parts(middleOf(sound)).map((part) => {
    const power = rms(part) ** 2 * part.samples.length;
    return power === 0 ? 0 : (2 * goertzel(part, hz)) / part.samples.length / power;
  });
  return shares.sort((a, b) => a - b)[Math.min(1, shares.length - 1)];
}

function middleOf(sound: Sound): Sound {
  const centreMs = durationMs(sound) / 2;
  return cut(sound, Math.max(0, centreMs - 250), centreMs + 250);
}

/** @returns the sound in parts of 100 ms, without what is left over; a shorter sound is one part */
function parts(sound: Sound): Sound[] {
  const count = Math.max(1, Math.floor(durationMs(sound) / PART_MS));
  return Array.from({ length: count }, (_, i) => cut(sound, i * PART_MS, (i + 1) * PART_MS));
}

/** @returns the power at one frequency: the square of the magnitude of its DFT coefficient */
function goertzel({ samples, samplesPerSecond }: Sound, hz: number): number {
  const k = 2 * Math.cos((2 * Math.PI * hz) / samplesPerSecond);
  let before = 0;
  let last = 0;
  for (const sample of samples) {
    const next = sample + k * last - before;
    before = last;
    last = next;
  }
  return last * last + before * before - k * last * before;
}
