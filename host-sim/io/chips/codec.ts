/**
 * The common part of the virtual codecs: a register file on a bus that may not answer, sound that passes with the gain
 * the registers ask for, ramps in samples, and a count of clicks: moments at which the loudness jumps instead of
 * moving. The sample clock runs on between calls, as the chip's does. Not here: what a register means (es8311.ts,
 * es8388.ts), noise, distortion, the charging of references, and how long a bus transfer takes.
 */
import type { AudioInput, AudioOutput, Registers } from "../../../hal/device.js";

/** Quieter than any 16-bit sample; the lowest level there is. */
export const SILENT_DB = -100;
/** A jump of more than this is heard if it begins or ends above the second. */
const JUMP_DB = 1;
const AUDIBLE_DB = -60;
const SAMPLES_PER_MS = 8;

/** How the I2S master drives the chip. */
export interface Wiring {
  /** Clocks of MCLK a sample; 0 for no MCLK. */
  mclk: number;
  /** Bits of a sample, in Philips format. */
  bits: number;
}

/** The wiring of the boards: MCLK from the I2S port, 16 bits. */
export const BOARD_WIRING: Wiring = { mclk: 256, bits: 16 };

export abstract class VirtualCodec implements Registers {
  /** `false`: no chip answers at its address, as with a broken wire. */
  isThere = true;
  clicks = 0;
  /** The microphone's signal for a sound of full level, before the chip's gain. */
  capsuleDb = 0;
  protected readonly registers = new Uint8Array(256);
  protected readonly wiring: Wiring;
  private readonly nowMs: () => number;
  private atMs: number;
  /** The present level of the speaker's ramp. */
  private levelDb = SILENT_DB;

  /** @param nowMs the clock from which the sample clock is made */
  constructor(wiring: Wiring, nowMs: () => number) {
    this.wiring = wiring;
    this.nowMs = nowMs;
    this.atMs = nowMs();
  }

  readUint8(register: number): number {
    this.answer();
    return this.registers[register & 255];
  }

  writeUint8(register: number, value: number): void {
    this.answer();
    this.catchUp();
    const before = this.heardDb();
    this.registers[register & 255] = value;
    this.written(register & 255, value & 255);
    if (this.rampDb() === 0) this.levelDb = this.volumeDb();
    const after = this.heardDb();
    if (Math.abs(after - before) > JUMP_DB && Math.max(before, after) > AUDIBLE_DB) this.clicks += 1;
  }

  /** Turns `count` samples that came by I2S, `samples[start, start + count)`, into the speaker's sound, in place. */
  play(samples: Int16Array, start: number, count: number): void {
    this.catchUp();
    for (let i = start; i < start + count; i++) {
      this.move(1);
      samples[i] = amplified(samples[i], this.heardDb());
    }
    this.atMs += count / SAMPLES_PER_MS;
  }

  /**
   * Turns `count` samples of the microphone, `samples[start, start + count)`, into those that are sent by I2S, in
   * place.
   */
  record(samples: Int16Array, start: number, count: number): void {
    const db = this.microphoneDb() + this.capsuleDb;
    for (let i = start; i < start + count; i++) samples[i] = amplified(samples[i], db);
  }

  /** Is called when a register has its new value. */
  protected abstract written(register: number, value: number): void;
  /** @returns whether the way from I2S to the speaker is open, at any volume */
  protected abstract isPlaying(): boolean;
  /** @returns the level that the volume's ramp moves to */
  protected abstract volumeDb(): number;
  /** @returns dB a sample; 0 for a jump */
  protected abstract rampDb(): number;
  /** @returns the gain from the microphone to I2S; `SILENT_DB` if the way is not open */
  protected abstract microphoneDb(): number;

  private heardDb(): number {
    return this.isPlaying() ? this.levelDb : SILENT_DB;
  }

  private answer(): void {
    if (!this.isThere) throw new Error("write failed");
  }

  private catchUp(): void {
    const now = this.nowMs();
    if (now > this.atMs) {
      this.move((now - this.atMs) * SAMPLES_PER_MS);
      this.atMs = now;
    }
  }

  private move(samples: number): void {
    const target = this.volumeDb();
    const step = this.rampDb() * samples;
    if (step === 0 || Math.abs(target - this.levelDb) <= step) this.levelDb = target;
    else this.levelDb += target > this.levelDb ? step : -step;
  }
}

function amplified(sample: number, db: number): number {
  if (db <= SILENT_DB) return 0;
  const value = Math.round(sample * 10 ** (db / 20));
  return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

/** A microphone behind a codec. */
export class CodecInput implements AudioInput {
  /** The samples that the codec's output was given, if the microphone behind it knows them. */
  readonly reference?: (into: Int16Array, start: number, count: number) => void;
  private readonly codec: VirtualCodec;
  private readonly microphone: AudioInput;

  constructor(codec: VirtualCodec, microphone: AudioInput) {
    this.codec = codec;
    this.microphone = microphone;
    if (microphone.reference !== undefined)
      this.reference = (into, start, count) => microphone.reference?.(into, start, count);
  }

  read(into: Int16Array, start: number, count: number): number {
    const done = this.microphone.read(into, start, count);
    this.codec.record(into, start, count);
    return done;
  }
}

/** A speaker behind a codec. */
export class CodecOutput implements AudioOutput {
  private readonly codec: VirtualCodec;
  private readonly speaker: AudioOutput;
  private samples = new Int16Array(0);

  constructor(codec: VirtualCodec, speaker: AudioOutput) {
    this.codec = codec;
    this.speaker = speaker;
  }

  write(from: Int16Array, start: number, count: number): void {
    if (this.samples.length < count) this.samples = new Int16Array(count);
    this.samples.set(from.subarray(start, start + count));
    this.codec.play(this.samples, 0, count);
    this.speaker.write(this.samples, 0, count);
  }
}
