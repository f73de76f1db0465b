/**
 * Counts the wrong tries at one secret for each address: ten at once, then one more every 800 s, so at most 118 in any
 * 24 hours. A right try gives none back; otherwise someone who shares the owner's address could go on for ever. The
 * number of addresses is fixed. Addresses that find no free place share the last one, with the same number of tries for
 * all of them together. A restart forgets everything. Not here: what a try is, and the answer to an address that has
 * none left.
 */

import { float64Array } from "./arrays.js";

/** An address has so many tries at once. */
export const GUESSES_BURST = 10;
/** One more try is given after this time, ms. */
export const GUESS_EVERY_MS = 800_000;

/** The value of a place that has no address. */
const NOBODY = -1;

export class Guesses {
  /** The addresses; the last place is shared by all that found no free one. */
  private readonly ips: Float64Array;
  /** For each place the time at which all tries are given back, ms. */
  private readonly restoredMs: Float64Array;

  /** @param sources number of addresses that have a count of their own */
  constructor(sources: number) {
    this.ips = float64Array(sources + 1).fill(NOBODY);
    this.restoredMs = float64Array(sources + 1);
  }

  /** @returns whether the address has a try left; without one neither right nor wrong secrets are looked at */
  hasTry(ip: number, nowMs: number): boolean {
    return this.debtMs(this.placeOf(ip), nowMs) <= (GUESSES_BURST - 1) * GUESS_EVERY_MS;
  }

  /** Counts a wrong try. @returns whether it was the last one for now */
  onWrong(ip: number, nowMs: number): boolean {
    let place = this.placeOf(ip);
    if (place === this.ips.length - 1) {
      const free = this.freePlace(nowMs);
      if (free >= 0) {
        // The tries of this address were counted in the shared place so far.
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
