/**
 * Microphone and speaker as WAV files: a file is converted to 8 kHz, signed 16 bits, mono when it is loaded, and sound
 * is written as it comes. Not here: compressed formats, sound cards.
 */
import { closeSync, openSync } from "node:fs";
import type { AudioInput, AudioOutput } from "../../hal/device.js";
import { decodeAlaw, decodeUlaw, SAMPLES_PER_SECOND } from "../../src/media/g711.js";
import { fileError, readAtMost, writeAll } from "./store.js";

const FORMAT_PCM = 1;
const FORMAT_ALAW = 6;
const FORMAT_ULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;
/** Zero crossings of the low-pass on each side: -60 dB within 10 % of the edge. */
const CROSSINGS = 32;
const HEADER_BYTES = 44;
/** Three quarters of an hour in the best format that is read. */
const WAV_BYTES = 500_000_000;
/** The header of the speaker's file is made right this often, in samples. */
const WHOLE_EVERY = SAMPLES_PER_SECOND / 2;

/** Plays samples, again and again or once. */
export class SamplesInput implements AudioInput {
  private readonly samples: Int16Array;
  private readonly loop: boolean;
  private at = 0;

  /** @param samples 8 kHz; kept, not copied. None for silence */
  constructor(samples: Int16Array = new Int16Array(0), loop = true) {
    this.samples = samples;
    this.loop = loop;
  }

  read(into: Int16Array, start: number, count: number): number {
    let done = 0;
    while (done < count) {
      if (this.at === this.samples.length) {
        if (!this.loop || this.samples.length === 0) break;
        this.at = 0;
      }
      into[start + done++] = this.samples[this.at++];
    }
    into.fill(0, start + done, start + count);
    return done;
  }
}

/** A loudspeaker that is not heard. */
export const NO_SPEAKER: AudioOutput = { write: () => {} };

/**
 * A file that grows with the sound. It can be played after the program was killed, because its header is made right
 * twice a second.
 */
export class WavSpeaker implements AudioOutput {
  private readonly file: number;
  private readonly path: string;
  private samples = 0;
  private whole = 0;
  private bytes = new Uint8Array(0);
  private open = true;

  /** @throws Error of one line if the file cannot be written */
  constructor(path: string) {
    this.path = path;
    try {
      this.file = openSync(path, "w");
    } catch (error) {
      throw fileError("write", path, error);
    }
    this.putHeader();
  }

  /** @throws Error of one line if the disk is full */
  write(from: Int16Array, start: number, count: number): void {
    if (!this.open) return;
    if (this.bytes.length < count * 2) this.bytes = new Uint8Array(count * 2);
    for (let i = 0; i < count; i++) {
      this.bytes[2 * i] = from[start + i];
      this.bytes[2 * i + 1] = from[start + i] >> 8;
    }
    this.put(this.bytes, count * 2, HEADER_BYTES + this.samples * 2);
    this.samples += count;
    if (this.samples - this.whole >= WHOLE_EVERY) this.putHeader();
  }

  close(): void {
    if (!this.open) return;
    this.putHeader();
    this.open = false;
    closeSync(this.file);
  }

  private putHeader(): void {
    this.whole = this.samples;
    this.put(wavHeader(this.samples), HEADER_BYTES, 0);
  }

  private put(bytes: Uint8Array, length: number, at: number): void {
    try {
      writeAll(this.file, bytes, length, at);
    } catch (error) {
      this.open = false;
      throw fileError("write", this.path, error);
    }
  }
}

/** Reads a WAV file. @returns its sound at 8 kHz, channels mixed @throws Error of one line */
export function loadWav(path: string): Int16Array {
  return parseWav(readAtMost(path, WAV_BYTES, "is more than a microphone takes"), path);
}

/** @param path for the error @throws Error of one line */
export function parseWav(bytes: Uint8Array, path: string): Int16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57415645) {
    throw new Error(path + " is not a WAV file");
  }
  let format = -1;
  let channels = 0;
  let rate = 0;
  let bits = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 0x666d7420 && size >= 16 && start + 16 <= bytes.length) {
      format = view.getUint16(start, true);
      channels = view.getUint16(start + 2, true);
      rate = view.getUint32(start + 4, true);
      bits = view.getUint16(start + 14, true);
      if (format === FORMAT_EXTENSIBLE && size >= 26 && start + 26 <= bytes.length) {
        format = view.getUint16(start + 24, true);
      }
    } else if (id === 0x64617461) {
      if (format < 0) break;
      // A file that was never finished says 0 or 4 GB; then the octets that are there count.
      const end = size === 0 || start + size > bytes.length ? bytes.length : start + size;
      const linear = decodeSamples(bytes, start, end, format, bits);
      if (linear === null || channels < 1 || channels > 32 || rate < 1000 || rate > 384000) {
        const kind = "format " + format + ", " + bits + " bits, " + channels + " channels, " + rate + " Hz";
        throw new Error(path + ": cannot read " + kind + "; PCM of 8 or 16 bits, A-law and mu-law can be read");
      }
      return resample(mix(linear, channels), rate, SAMPLES_PER_SECOND);
    }
    at = start + size + (size & 1);
  }
  throw new Error(path + " is a WAV file without sound");
}

/**
 * Brings samples to another rate through a windowed-sinc low-pass at the lower of the two band edges, so that nothing
 * folds down into the speech band. One filter a phase, each with a gain of 1 at 0 Hz.
 */
export function resample(samples: Float64Array, fromRate: number, toRate: number): Int16Array {
  const divisor = gcd(fromRate, toRate);
  const up = toRate / divisor;
  const down = fromRate / divisor;
  const out = new Int16Array(Math.floor((samples.length * up) / down));
  const cutoff = fromRate === toRate ? 1 : Math.min(1, toRate / fromRate) * 0.94;
  const half = fromRate === toRate ? 0 : Math.ceil(CROSSINGS / cutoff);
  const phases: (Float64Array | undefined)[] = [];
  for (let i = 0; i < out.length; i++) {
    const position = i * down;
    const phase = position % up;
    const middle = (position - phase) / up;
    phases[phase] ??= lowPass(phase / up, cutoff, half);
    const taps = phases[phase];
    const first = Math.max(0, half - middle);
    const last = Math.min(taps.length, samples.length - middle + half);
    let sum = 0;
    for (let k = first; k < last; k++) sum += taps[k] * samples[middle + k - half];
    out[i] = Math.max(-32768, Math.min(32767, Math.round(sum)));
  }
  return out;
}

/** The taps for an output that lies `fraction` behind an input. */
function lowPass(fraction: number, cutoff: number, half: number): Float64Array {
  const taps = new Float64Array(2 * half + 2);
  let sum = 0;
  for (let k = 0; k < taps.length; k++) {
    const x = k - half - fraction;
    const place = half === 0 ? 0 : x / (half + 1);
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
    // Blackman.
    const window =
      Math.abs(place) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * place) + 0.08 * Math.cos(2 * Math.PI * place);
    taps[k] = half === 0 ? (k === 0 ? 1 : 0) : sinc * window;
    sum += taps[k];
  }
  for (let k = 0; k < taps.length; k++) taps[k] /= sum;
  return taps;
}

/** @returns null if the format is not one that is read */
function decodeSamples(bytes: Uint8Array, start: number, end: number, format: number, bits: number): Int16Array | null {
  const octets = end - start;
  if (format === FORMAT_PCM && bits === 16) {
    const out = new Int16Array(octets >> 1);
    for (let i = 0; i < out.length; i++) out[i] = bytes[start + 2 * i] | (bytes[start + 2 * i + 1] << 8);
    return out;
  }
  if (bits !== 8) return null;
  const out = new Int16Array(octets);
  if (format === FORMAT_PCM) for (let i = 0; i < octets; i++) out[i] = (bytes[start + i] - 128) << 8;
  else if (format === FORMAT_ULAW) decodeUlaw(bytes, start, octets, out, 0);
  else if (format === FORMAT_ALAW) decodeAlaw(bytes, start, octets, out, 0);
  else return null;
  return out;
}

function mix(samples: Int16Array, channels: number): Float64Array {
  const out = new Float64Array(Math.floor(samples.length / channels));
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += samples[i * channels + c];
    out[i] = sum / channels;
  }
  return out;
}

/** @returns the 44 octets before `samples` samples of 8 kHz, 16 bits, mono */
export function wavHeader(samples: number): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x52494646);
  view.setUint32(4, HEADER_BYTES - 8 + samples * 2, true);
  view.setUint32(8, 0x57415645);
  view.setUint32(12, 0x666d7420);
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, SAMPLES_PER_SECOND, true);
  view.setUint32(28, SAMPLES_PER_SECOND * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(36, 0x64617461);
  view.setUint32(40, samples * 2, true);
  return out;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
