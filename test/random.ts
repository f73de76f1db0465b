/** Random sources for tests: the same seed gives the same run. */
import type { RandomSource } from "../src/core/random.js";

/** Gives the same numbers for the same seed (mulberry32). It runs on XS too. */
export class SeededRandom implements RandomSource {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** @returns a whole number from 0 to limit - 1 */
  below(limit: number): number {
    return this.uint32() % limit;
  }

  chance(share: number): boolean {
    return this.uint32() < share * 4294967296;
  }
}

/** Counts: gives the same numbers in every run. */
export class CountingRandom implements RandomSource {
  private value = 0x1234567;

  uint32(): number {
    this.value = (Math.imul(this.value, 1664525) + 1013904223) >>> 0;
    return this.value;
  }
}

/** Gives numbers below 2^31: larger ones are objects on V8's heap and would count as memory of the core. */
export class SmallRandom implements RandomSource {
  private value = 1;

  uint32(): number {
    this.value = (Math.imul(this.value, 1103515245) + 12345) & 0x7fffffff;
    return this.value;
  }
}
