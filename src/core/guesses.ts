/**
 * How many wrong tries at one secret an address has: ten at once, then one more every 800 s, so at most 118 in any 24 hours. A right
 * try gives none back, or whoever shares the address with the owner could go on for ever. A fixed number of addresses; those for whom
 * there is no place share one, with the same number of tries for all of them together. A restart forgets.
 * Not here: what a try is, and what is said to whoever has none left.
 */

import { float64Array } from "./arrays.js";

/** Wrong tries at once. */
export const GUESSES_BURST = 10;
/** When another one is given, ms. */
export const GUESS_EVERY_MS = 800_000;

/** No address. */
const NOBODY = -1;

export class Guesses {
  /** The addresses; the last place is that of all who have none. */
  private readonly ips: Float64Array;
  /** By place: when all tries are given back, ms. */
  private readonly restoredMs: Float64Array;

  /** @param sources addresses that are counted each by itself */
  constructor(sources: number) {
    this.ips = float64Array(sources + 1).fill(NOBODY);
    this.restoredMs = float64Array(sources + 1);
  }

  /** Whether the address has a try left: without one, right and wrong ones are not looked at. */
  hasTry(ip: number, nowMs: number): boolean {
    return this.debtMs(this.placeOf(ip), nowMs) <= (GUESSES_BURST - 1) * GUESS_EVERY_MS;
  }

  /** Counts a wrong one. @returns whether it was the last for now */
  onWrong(ip: number, nowMs: number): boolean {
    let place = this.placeOf(ip);
    if (place === this.ips.length - 1) {
      const free = this.freePlace(nowMs);
      if (free >= 0) {
        // Its tries so far were among those of all who had no place.
        this.restoredMs[free] = this.restoredMs[place];
        this.ips[free] = ip;
        place = free;
      }
    }
    this.restoredMs[place] = nowMs + this.debtMs(place, nowMs) + GUESS_EVERY_MS;
    return !this.hasTry(ip, nowMs);
  }

  private debtMs(place: number, nowMs: number): number {
    return Math.max(0, this.restoredMs[place] - nowMs);
  }

  private placeOf(ip: number): number {
    const last = this.ips.length - 1;
    for (let i = 0; i < last; i++) if (this.ips[i] === ip) return i;
    return last;
  }

  private freePlace(nowMs: number): number {
    for (let i = 0; i < this.ips.length - 1; i++) if (this.ips[i] === NOBODY || this.restoredMs[i] <= nowMs) return i;
    return -1;
  }
}
