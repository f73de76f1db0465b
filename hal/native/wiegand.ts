/**
 * The two wires of a Wiegand reader, over wiegand-esp32.c, and the twin of wiegand.h, which gathers their bits into
 * frames. Not here: what a frame says (src/driver/wiegand.ts).
 */
import type { Clock, ReaderOptions } from "../device.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** So often it is looked whether a frame is over. */
const POLL_MS = 20;
const WORDS = 3;

// As in wiegand.h.
const GAP_US = 25_000;
const BOUNCE_US = 200;
const FRAMES = 8;
const BITS_MOST = 255;

/** Gathers bits as wiegand.h does. */
export class WiegandLine {
  private bits = 0;
  private high = 0;
  private low = 0;
  private lastUs = 0;
  private readonly done: number[][] = [];

  /** Takes a pulse. @param nowUs it may wrap around after 32 bits */
  bit(bit: number, nowUs: number): void {
    const sinceUs = (nowUs - this.lastUs) >>> 0;
    if (this.bits !== 0) {
      if (sinceUs < BOUNCE_US) return;
      if (sinceUs >= GAP_US) this.end();
    }
    this.lastUs = nowUs;
    this.high = (this.high << 1) | (this.low >>> 31);
    this.low = (this.low << 1) | (bit & 1);
    this.bits = Math.min(this.bits + 1, BITS_MOST);
  }

  /** @returns the oldest frame that is over as bits, high and low; null when there is none */
  take(nowUs: number): readonly number[] | null {
    if (this.bits !== 0 && (nowUs - this.lastUs) >>> 0 >= GAP_US) this.end();
    return this.done.shift() ?? null;
  }

  private end(): void {
    if (this.done.length < FRAMES) this.done.push([this.bits, this.high | 0, this.low | 0]);
    this.bits = this.high = this.low = 0;
  }
}

function begin(this: unknown, d0: number, d1: number): void {
  native("xs_wiegand_begin").call(this, d0, d1);
}

function takeFrame(this: unknown, words: ArrayBufferLike): number {
  return native("xs_wiegand_take").call(this, words);
}

/** Listens to the wires D0 and D1, by GPIO number. @throws Error of one line */
export function listenToReader(d0: number, d1: number, clock: Clock, options: ReaderOptions): void {
  begin(d0, d1);
  const words = new Int32Array(WORDS);
  const timer = clock.createTimer(() => {
    while (takeFrame(words.buffer) > 0) options.onFrame(words[0], words[1], words[2]);
    timer.at(clock.now() + POLL_MS);
  });
  timer.at(clock.now() + POLL_MS);
}
