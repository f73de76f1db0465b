/**
 * Randomness on the host: the operating system's for real runs, and a seeded one for runs that are to be repeated. The
 * seeded one is xoshiro128** 1.1 (Blackman and Vigna, public domain), its state filled by splitmix32. It is not for
 * secrets.
 */
import { randomFillSync } from "node:crypto";
import type { RandomSource } from "../../src/core/random.js";

export class SecureRandom implements RandomSource {
  private readonly pool = new Uint32Array(256);
  private used = 256;

  uint32(): number {
    if (this.used === this.pool.length) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    const value = this.pool[this.used];
    this.pool[this.used++] = 0;
    return value;
  }
}

export class SeededRandom implements RandomSource {
  private readonly state = new Int32Array(4);

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    let x = seed | 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) | 0;
      let z = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.state[i] = z ^ (z >>> 16);
    }
  }

  uint32(): number {
    const s = this.state;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /**
   * Another stream that does not share its numbers with this one: a source for each part keeps the parts independent.
   */
  fork(): SeededRandom {
    return new SeededRandom(this.uint32());
  }
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
