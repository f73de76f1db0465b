/**
 * Microphone and speaker of a board that is a program, in the shape of hal/native/i2s.ts: every 10 ms, by the clock, a
 * DMA buffer goes through hal/native/duplex.ts. The microphone hears 1 kHz or the file of `--mic`; the speaker writes
 * to that of `--speaker`: samples of 8 kHz, signed 16 bits. Not here: a sound card.
 */

import { option, SoundFile } from "hal/boards/lin/host";
import { Duplex } from "hal/native/duplex";
import Time from "time";
import Timer from "timer";
import type { AudioOutput, AudioPort } from "../../device.js";
import type { I2SOptions } from "../../native/i2s.js";

const BUFFER_MS = 10;
const FRAMES = 80;
/** After a gap this long the sound does not try to catch up. */
const LATE_MS = 200;
/** A period of 1 kHz at 8 kHz. */
const TONE: readonly number[] = [0, 5657, 8000, 5657, 0, -5657, -8000, -5657];

export class I2S implements AudioPort, AudioOutput {
  private readonly duplex: Duplex;
  private readonly frames = new Int16Array(2 * FRAMES);
  private readonly mono = new Int16Array(FRAMES);
  private readonly microphone: SoundFile | null;
  private readonly speaker: SoundFile | null;
  private playedMs = 0;
  private startTicks = Time.ticks;
  private onReadable: ((frames: number, lost: number) => void) | null = null;

  constructor(options: I2SOptions) {
    this.duplex = new Duplex(options);
    const [from, to] = [option("mic"), option("speaker")];
    this.microphone = from === undefined ? null : new SoundFile(from, "rb");
    this.speaker = to === undefined ? null : new SoundFile(to, "wb");
    Timer.repeat(() => this.move(), BUFFER_MS);
  }

  start(onReadable: (frames: number, lost: number) => void): void {
    this.duplex.start();
    this.onReadable = onReadable;
  }

  stop(): void {
    this.duplex.stop();
    this.onReadable = null;
  }

  read(into: Int16Array, start: number, count: number): number {
    return this.duplex.read(into, start, count);
  }

  reference(into: Int16Array, start: number, count: number): void {
    this.duplex.reference(into, start, count);
  }

  write(from: Int16Array, start: number, count: number): void {
    this.duplex.write(from, start, count);
  }

  /** Moves as many buffers as the clock says. */
  private move(): void {
    const nowMs = Time.delta(this.startTicks);
    if (nowMs - this.playedMs > LATE_MS) this.playedMs = nowMs;
    for (; this.playedMs <= nowMs; this.playedMs += BUFFER_MS) {
      const { frames, mono } = this;
      if (this.microphone === null) for (let i = 0; i < FRAMES; i++) mono[i] = TONE[i & 7];
      else this.microphone.read(mono.buffer, 2 * FRAMES);
      for (let i = 0; i < FRAMES; i++) frames[2 * i] = frames[2 * i + 1] = mono[i];
      this.duplex.received(frames);
      this.duplex.fill(frames);
      if (this.speaker !== null) {
        for (let i = 0; i < FRAMES; i++) mono[i] = frames[2 * i];
        this.speaker.write(mono.buffer, 2 * FRAMES);
      }
      const waiting = this.duplex.frames();
      if (waiting > 0 && this.onReadable !== null) this.onReadable(waiting, 0);
    }
  }
}

/** Opens a port as hal/native/i2s.ts does. */
export function openI2S(options: I2SOptions): I2S {
  return new I2S(options);
}
