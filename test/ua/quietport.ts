/** Stands in for the sound's port when there is no station: each line that has sound is given silence, every 20 ms. */
import type { Timers } from "../../src/core/timers.js";
import type { Line } from "../../src/ua/call.js";

const FRAME_MS = 20;
const SILENCE = new Int16Array(FRAME_MS * 8);

export class QuietPort {
  private readonly lines: readonly Line[];
  private readonly timers: Timers;
  private atMs = Infinity;

  constructor(lines: readonly Line[], timers: Timers) {
    this.lines = lines;
    this.timers = timers;
  }

  /** @returns when the next frame is due, Infinity while there is no sound */
  next(): number {
    if (!this.lines.some(hasSound)) this.atMs = Infinity;
    else if (this.atMs === Infinity) this.atMs = this.timers.nowMs;
    return this.atMs;
  }

  poll(nowMs: number): void {
    if (this.next() > nowMs) return;
    this.atMs += FRAME_MS;
    for (const line of this.lines) if (hasSound(line)) line.media.microphone(SILENCE, 0, SILENCE.length);
  }
}

function hasSound({ call }: Line): boolean {
  return call?.hasSound === true;
}
