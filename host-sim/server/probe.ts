/**
 * How long a datagram waits in the kernel before the program gets to it: the server sends itself one now and then while there is
 * traffic, and looks how long it takes to come back. Nothing else tells that on every system.
 */
import type { RandomSource } from "../../src/core/random.js";

/** Longer than a keep-alive, and nobody can guess it. */
const PROBE_BYTES = 24;
/** Between one that came back and the next. */
const INTERVAL_MS = 20;
/** One that is away for longer found no room: the kernel's buffer is full. */
const LOST_MS = 250;
/** What was measured longer ago than this says nothing of now. */
const GOOD_MS = 500;

export class Probe {
  /** What is to be sent when `isDue`. */
  readonly bytes = new Uint8Array(PROBE_BYTES);
  private readonly random: RandomSource;
  private sentMs = -Infinity;
  private backMs = -Infinity;
  /** What the last two took. One alone says little: the machine may have been busy with something else just then. */
  private lastMs = 0;
  private beforeMs = 0;
  private isAway = false;

  constructor(random: RandomSource) {
    this.random = random;
  }

  /** Whether it is to be sent now; it is taken for sent, and is another one each time. */
  isDue(nowMs: number): boolean {
    if (this.isAway) {
      if (nowMs - this.sentMs < LOST_MS) return false;
      this.measured(nowMs, LOST_MS);
    } else if (nowMs - this.backMs < INTERVAL_MS) return false;
    for (let i = 0; i < PROBE_BYTES; i++) this.bytes[i] = this.random.uint32() & 255;
    this.sentMs = nowMs;
    this.isAway = true;
    return true;
  }

  /** Whether a datagram is the one that was sent; it is back then. */
  isBack(datagram: Uint8Array, length: number, nowMs: number): boolean {
    if (!this.isAway || length !== PROBE_BYTES) return false;
    for (let i = 0; i < PROBE_BYTES; i++) if (datagram[i] !== this.bytes[i]) return false;
    this.isAway = false;
    this.measured(nowMs, nowMs - this.sentMs);
    return true;
  }

  /** How long a datagram waits: the lesser of what was measured the last two times; one that is away counts as soon as it tells more. */
  waitMs(nowMs: number): number {
    const awayMs = this.isAway ? nowMs - this.sentMs : 0;
    if (nowMs - this.backMs >= GOOD_MS) return 0;
    return Math.min(this.lastMs, Math.max(this.beforeMs, awayMs));
  }

  private measured(nowMs: number, tookMs: number): void {
    this.beforeMs = nowMs - this.backMs < GOOD_MS ? this.lastMs : 0;
    this.lastMs = tookMs;
    this.backMs = nowMs;
  }
}
