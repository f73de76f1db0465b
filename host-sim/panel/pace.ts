/**
 * Lets virtual time pass beside the machine's: as fast, slower, faster, not at all, or until something happens.
 * Not here: the clock (world/clock.ts).
 */
import { performance } from "node:perf_hooks";
import type { VirtualClock } from "../world/clock.js";

const TICK_MS = 5;
/** After a longer gap of real time, the rest is not caught up with. */
const GAP_MS = 200;
/** A step ends after this much virtual time even if nothing happened. */
const STEP_MS = 60_000;

export class Pace {
  speed = 1;
  isPaused = false;
  private readonly clock: VirtualClock;
  private readonly onError: (error: Error) => void;
  private isRunning = true;
  private isBusy = false;
  private lastMs = performance.now();
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(clock: VirtualClock, onError: (error: Error) => void) {
    this.clock = clock;
    this.onError = onError;
    this.timer = setInterval(() => void this.tick(), TICK_MS);
  }

  stop(): void {
    this.isRunning = false;
    clearInterval(this.timer);
  }

  /** Goes on until `isThere`; time stands still afterwards. @returns whether it came */
  async step(isThere: () => boolean): Promise<boolean> {
    this.isPaused = true;
    await this.idle();
    this.isBusy = true;
    try {
      return !(await this.clock.runWhile(() => !isThere(), this.clock.now() + STEP_MS));
    } finally {
      this.isBusy = false;
    }
  }

  /** Waits until the clock stands, so that what is done next happens at this very time. */
  private async idle(): Promise<void> {
    while (this.isBusy) await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }

  private async tick(): Promise<void> {
    const nowMs = performance.now();
    if (this.isBusy || !this.isRunning) return;
    const passedMs = Math.min(GAP_MS, nowMs - this.lastMs);
    this.lastMs = nowMs;
    if (this.isPaused) return;
    this.isBusy = true;
    try {
      await this.clock.runUntil(this.clock.now() + passedMs * this.speed);
    } catch (error) {
      this.onError(error as Error);
    } finally {
      this.isBusy = false;
    }
  }
}
