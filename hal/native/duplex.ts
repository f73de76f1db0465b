/**
 * Sound between an I2S port, whose interrupts come every few ms, and a caller that is called for each 20 ms that wait
 * and then reads as much as it writes: two rings of mono samples of 8 kHz. Both run by the port's clock, so what waits
 * in the two together stays the same: `LEAD`. Frames of the port have two slots of 16 or 32 bits, at 8 or 16 kHz. The
 * twin of duplex.h, sample for sample, for platforms whose I2S hands over whole frames. Not here: the port itself.
 */
import type { AudioInput, AudioOutput } from "../device.js";
import { HalfbandDown, HalfbandUp } from "./halfband.js";

/** Samples in a ring, a power of two: 128 ms. */
const CAPACITY = 1024;
/** A caller reads and writes so many samples at a time: 20 ms. */
const FRAME = 160;
/** So much waits for the speaker if a caller comes in time; being 24 ms late is not heard. */
export const LEAD_MS = 24;
const LEAD = LEAD_MS * 8;
/**
 * The sum of the two rings may differ from that by so much: an interrupt of one may come between those of the other.
 */
const LOOSE = 80;
/** So many samples wait for a caller that is late, and are given to the speaker at once; older ones are left out. */
const MOST = 640;
/**
 * A sample that is put into a DMA buffer is played after those before it: 8 ms later, less what is left for the air.
 */
const AHEAD = 32;
/** If the two directions differ by so much more than before, an interrupt was missed. */
const APART = 120;
const PIECE = 16;

export interface DuplexOptions {
  /** Bits of a slot: 16 or 32. */
  bits: number;
  /** Sample rate of the port: 8 or 16. */
  khz: number;
  /** The microphone's slot: 0 left, 1 right. */
  slot?: number;
  /** Doublings, 0 to 8, for a microphone that never comes near full scale; only in slots of 32 bits. */
  shift?: number;
  /** Whether the played samples come back in the slot beside the microphone's. */
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

  /** @returns one of the samples that were put last, taken or not; 0 if it is none of those */
  sample(at: number): number {
    return (this.written - at - 1) >>> 0 < CAPACITY ? this.samples[at & (CAPACITY - 1)] : 0;
  }

  take(into: Int16Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) into[start + i] = this.samples[(this.taken + i) & (CAPACITY - 1)];
    this.skip(count);
  }

  skip(count: number): void {
    this.taken = (this.taken + count) >>> 0;
  }
}

const SILENCE = new Int16Array(LEAD);

export class Duplex implements AudioInput, AudioOutput {
  /** How often the speaker ran dry. */
  gaps = 0;
  /** Samples of silence that were put in because the caller came late, and samples left out because of that. */
  missing = 0;
  dropped = 0;
  private readonly microphone = new Ring();
  private readonly speaker = new Ring();
  /** The samples that were played, kept for the echo canceller; none is taken out. */
  private readonly played = new Ring();
  private readonly down = new HalfbandDown();
  private readonly up = new HalfbandUp();
  private readonly narrow = new Int16Array(PIECE);
  private readonly wide = new Int16Array(2 * PIECE);
  private readonly isWide: boolean;
  private readonly ratio: number;
  private readonly slot: number;
  private readonly shift: number;
  /** Whether the caller writes, and whether the speaker has run dry since the last write. */
  private isPlaying = false;
  private isDry = false;
  private readonly isLooped: boolean;
  /**
   * How far the played samples are ahead of the microphone's, in samples since the beginning; and how many the last
   * read gave.
   */
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

  /** The caller begins: what the microphone heard before is dropped. */
  start(): void {
    this.microphone.skip(this.microphone.waiting());
  }

  /** The caller stops: from here on an empty ring of the speaker is no gap. */
  stop(): void {
    this.isPlaying = false;
  }

  /** Leaves out samples older than `MOST` in whole frames, for a caller that is late. @returns samples left out */
  leaveOut(): number {
    const waiting = this.microphone.waiting();
    if (waiting < MOST + FRAME) return 0;
    const over = waiting - MOST - ((waiting - MOST) % FRAME);
    this.dropped += over;
    this.microphone.skip(over);
    return over;
  }

  /** @returns whole frames that wait to be read */
  frames(): number {
    return Math.trunc(this.microphone.waiting() / FRAME);
  }

  /** Reads from the oldest sample that was not left out. */
  read(into: Int16Array, start: number, count: number): number {
    const done = Math.min(this.microphone.waiting(), count, CAPACITY);
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

  /**
   * Writes as many samples as were read before. After a gap, and at first, the time that passed without sound stays
   * silent: if too much waits it is left out here, if too little waits silence comes first.
   */
  write(from: Int16Array, start: number, count: number): void {
    const { microphone, speaker } = this;
    let left = Math.min(count, MOST);
    const over = speaker.waiting() + microphone.waiting() - LEAD;
    if (over > LOOSE) left = Math.max(0, left - over);
    if (over < -LOOSE) speaker.put(SILENCE, 0, -over);
    this.dropped += count - left;
    speaker.put(from, start + count - left, left);
    if (left === 0) return;
    this.isDry = false;
    this.isPlaying = true;
  }

  /** Takes `frames` that the port has received, left and right in turn. */
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

  /** Fills `frames` that the port is going to send: both slots alike. */
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
    const done = Math.min(this.speaker.waiting(), count);
    this.speaker.take(out, 0, done);
    out.fill(0, done, count);
    if (!this.isLooped) this.played.put(out, 0, count);
    if (!this.isPlaying || done === count) return;
    this.missing += count - done;
    if (!this.isDry) this.gaps += 1;
    this.isDry = true;
  }

  private sampleOf(value: number): number {
    if (!this.isWide) return value;
    const sample = value >> (16 - this.shift);
    return sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
  }
}
