/**
 * How often an event that others cause may be told, so that a flood of it fills neither the console nor what waits for
 * the house's systems: some at once, and then one in each interval. The others are counted.
 */
export class Allowance {
  private readonly atOnce: number;
  private readonly everyMs: number;
  /** How many may be told now, since when that counts, and how many were not told. */
  private left: number;
  private sinceMs = 0;
  private untold = 0;

  constructor(atOnce: number, everyMs: number) {
    this.atOnce = atOnce;
    this.everyMs = everyMs;
    this.left = atOnce;
  }

  /** @returns whether the event may be told; if not, it was counted */
  take(nowMs: number): boolean {
    const more = Math.floor((nowMs - this.sinceMs) / this.everyMs);
    if (more > 0) {
      this.sinceMs = this.left + more >= this.atOnce ? nowMs : this.sinceMs + more * this.everyMs;
      this.left = Math.min(this.atOnce, this.left + more);
    }
    if (this.left === 0) {
      this.untold += 1;
      return false;
    }
    this.left -= 1;
    return true;
  }

  /** @returns how many were not told since it was asked last */
  takeUntold(): number {
    const { untold } = this;
    this.untold = 0;
    return untold;
  }
}
