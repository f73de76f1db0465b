/**
 * Sound between an I2S port, whose interrupts come every 10 ms, and a caller who comes about every 20 ms: two rings of mono
 * samples of 8 kHz. Frames of the port have two slots of 16 or 32 bits, at 8 or 16 kHz. The twin of duplex.h, sample for sample,
 * for platforms whose I2S hands over whole frames. Not here: the port itself.
 */
import type { AudioInput, AudioOutput } from "../device.js";
import { HalfbandDown, HalfbandUp } from "./halfband.js";

/** Samples in a ring, a power of two: 128 ms. */
const CAPACITY = 1024;
/** The speaker begins, and begins again after a gap, with so much: a caller late by 20 ms is not heard. */
const BEGIN = 240;
/** Nobody waits longer than this: what is older is left out. */
const MOST = 640;
/** What the microphone's reader leaves for its next call when it leaves something out. */
const SPARE = 80;
/** A sample that is put into a DMA buffer is played when those before it are: 20 ms later, less what is left for the air. */
const AHEAD = 128;
/** When the two directions are further apart than before by so much, an interrupt was missed. */
const APART = 120;
const PIECE = 16;

export interface DuplexOptions {
  /** Of a slot: 16 or 32. */
  bits: number;
  /** Of the port: 8 or 16. */
  khz: number;
  /** Where the microphone is: 0 left, 1 right. */
  slot?: number;
  /** For a microphone that never comes near full scale: doublings, 0 to 8, in slots of 32 bits. */
  shift?: number;
  /** What is played comes back in the slot beside the microphone's. */
  isLooped?: boolean;
}

class Ring {
  written = 0;
  taken = 0;
  private readonly samples = new Int16Array(CAPACITY);

  waiting(): number {
    return (this.written - this.taken) >>> 0;
  }

  put(from: Int16Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) this.samples[(this.written + i) & (CAPACITY - 1)] = from[start + i];
    this.written = (this.written + count) >>> 0;
  }

  /** A sample of the last that were put, taken or not; 0 when it is none of those. */
  sample(at: number): number {
    return (this.written - at - 1) >>> 0 < CAPACITY ? this.samples[at & (CAPACITY - 1)] : 0;
  }

  take(into: Int16Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) into[start + i] = this.samples[(this.taken + i) & (CAPACITY - 1)];
    this.taken = (this.taken + count) >>> 0;
  }
}

export class Duplex implements AudioInput, AudioOutput {
  /** Samples: silence that was put in because the caller came late, and sound left out because it came early. */
  missing = 0;
  dropped = 0;
  private readonly microphone = new Ring();
  private readonly speaker = new Ring();
  /** What was played, kept for the echo canceller; nobody takes it. */
  private readonly played = new Ring();
  private readonly down = new HalfbandDown();
  private readonly up = new HalfbandUp();
  private readonly narrow = new Int16Array(PIECE);
  private readonly wide = new Int16Array(2 * PIECE);
  private readonly isWide: boolean;
  private readonly ratio: number;
  private readonly slot: number;
  private readonly shift: number;
  private isPlaying = false;
  private readonly isLooped: boolean;
  /** How far the played samples are ahead of the microphone's, in samples since the beginning; and how many the last read gave. */
  private ahead = 0;
  private gave = 0;

  /** @throws RangeError for an option that is not one of those named */
  constructor(options: DuplexOptions) {
    const { bits, khz, slot = 0, shift = 0, isLooped = false } = options;
    const isKnown = (bits === 16 || bits === 32) && (khz === 8 || khz === 16);
    if (!isKnown || (slot !== 0 && slot !== 1) || !(shift >= 0 && shift <= 8))
      throw new RangeError("invalid I2S option");
    this.isWide = bits === 32;
    this.ratio = khz === 16 ? 2 : 1;
    this.slot = slot;
    this.shift = shift;
    this.isLooped = isLooped;
  }

  /** @returns samples of the microphone that can be read */
  waitingToRead(): number {
    return this.microphone.waiting();
  }

  /** @returns samples that the speaker has not played */
  waitingToPlay(): number {
    return this.speaker.waiting();
  }

  read(into: Int16Array, start: number, count: number): number {
    let waiting = this.microphone.waiting();
    if (waiting > MOST) {
      const keep = Math.min(count + SPARE, MOST);
      this.skip(this.microphone, waiting, keep);
      waiting = keep;
    }
    const done = Math.min(waiting, count);
    this.microphone.take(into, start, done);
    this.gave = done;
    into.fill(0, start + done, start + count);
    return done;
  }

  reference(into: Int16Array, start: number, count: number): void {
    const { microphone, played } = this;
    const apart = ((played.written - microphone.written) | 0) - this.ahead;
    if (apart > APART || apart < -APART) this.ahead += apart;
    const at = microphone.taken - this.gave + this.ahead - (this.isLooped ? 0 : AHEAD);
    for (let i = 0; i < count; i++) into[start + i] = i < this.gave ? played.sample((at + i) >>> 0) : 0;
  }

  write(from: Int16Array, start: number, count: number): void {
    const most = Math.min(count, MOST);
    this.dropped += count - most;
    this.speaker.put(from, start + count - most, most);
  }

  /** The port has received `frames`, left and right in turn. */
  received(frames: Int16Array | Int32Array): void {
    const { ratio, narrow, wide } = this;
    let left = Math.trunc(frames.length / (2 * ratio));
    for (let at = this.slot; left > 0; ) {
      const piece = Math.min(left, PIECE);
      for (let i = 0; i < piece * ratio; i++, at += 2) wide[i] = this.sampleOf(frames[at]);
      if (ratio === 2) this.down.run(wide, 0, narrow, 0, piece);
      this.microphone.put(ratio === 2 ? narrow : wide, 0, piece);
      if (this.isLooped) {
        const other = at - 2 * piece * ratio + 1 - 2 * this.slot;
        for (let i = 0; i < piece; i++) narrow[i] = this.sampleOf(frames[other + 2 * i * ratio]);
        this.played.put(narrow, 0, piece);
      }
      left -= piece;
    }
  }

  /** The port wants `frames` to send: both slots alike. */
  fill(frames: Int16Array | Int32Array): void {
    const { ratio, narrow, wide } = this;
    let left = Math.trunc(frames.length / (2 * ratio));
    for (let at = 0; left > 0; ) {
      const piece = Math.min(left, PIECE);
      this.next(narrow, piece);
      if (ratio === 2) this.up.run(narrow, 0, wide, 0, piece);
      for (let i = 0; i < piece * ratio; i++, at += 2) {
        const sample = ratio === 2 ? wide[i] : narrow[i];
        frames[at] = this.isWide ? sample << 16 : sample;
        frames[at + 1] = frames[at];
      }
      left -= piece;
    }
  }

  private next(out: Int16Array, count: number): void {
    let waiting = this.speaker.waiting();
    if (waiting > MOST) {
      this.skip(this.speaker, waiting, BEGIN);
      waiting = BEGIN;
    }
    if (waiting >= BEGIN) this.isPlaying = true;
    const done = this.isPlaying ? Math.min(waiting, count) : 0;
    this.speaker.take(out, 0, done);
    out.fill(0, done, count);
    if (this.isPlaying && done < count) {
      this.missing += count - done;
      this.isPlaying = false;
    }
    if (!this.isLooped) this.played.put(out, 0, count);
  }

  private sampleOf(value: number): number {
    if (!this.isWide) return value;
    const sample = value >> (16 - this.shift);
    return sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
  }

  /** All but the newest `keep` are left out. */
  private skip(ring: Ring, waiting: number, keep: number): void {
    this.dropped += waiting - keep;
    ring.taken = (ring.taken + waiting - keep) >>> 0;
  }
}
