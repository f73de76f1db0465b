/**
 * HalfSipHash-2-4 with 64 bits of result (Aumasson, Bernstein; the form of SipHash for 32-bit machines). Without the
 * key the next result cannot be told from the ones before. It counts in integers and allocates nothing in use. It is
 * not for passwords, and not for uses where 64 bits of key are too few.
 */
import type { RandomSource } from "./random.js";

export class KeyedHash {
  /** The result of `finish`, as signed integers. */
  high = 0;
  low = 0;
  private readonly key0: number;
  private readonly key1: number;
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;
  /** The octets of the word that is not full yet, and the number of octets of the whole message. */
  private rest = 0;
  private count = 0;

  constructor(key0: number, key1: number) {
    this.key0 = key0 | 0;
    this.key1 = key1 | 0;
  }

  /** Begins a new message. */
  begin(): void {
    this.v0 = this.key0;
    this.v1 = this.key1 ^ 0xee;
    this.v2 = 0x6c796765 ^ this.key0;
    this.v3 = 0x74656462 ^ this.key1;
    this.rest = this.count = 0;
  }

  /**
   * Takes a 32-bit number as four octets, the lowest first. It may be called at the beginning, or after a multiple of
   * four octets.
   */
  word(value: number): void {
    this.take(value | 0);
    this.count += 4;
  }

  /** Takes the next octets; it reads them during the call only. */
  update(bytes: Uint8Array, start: number, end: number): void {
    let { rest, count } = this;
    for (let i = start; i < end; i++) {
      rest |= bytes[i] << ((count & 3) << 3);
      count += 1;
      if ((count & 3) !== 0) continue;
      this.take(rest);
      rest = 0;
    }
    this.rest = rest;
    this.count = count;
  }

  /** Ends the message: `high` and `low` are its hash. */
  finish(): void {
    this.take(this.rest | (this.count << 24));
    this.v2 ^= 0xee;
    this.mix(4);
    this.low = this.v1 ^ this.v3;
    this.v1 ^= 0xdd;
    this.mix(4);
    this.high = this.v1 ^ this.v3;
  }

  private take(word: number): void {
    this.v3 ^= word;
    this.mix(2);
    this.v0 ^= word;
  }

  private mix(rounds: number): void {
    let { v0, v1, v2, v3 } = this;
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }
}

/** @returns a hash with a random key of its own */
export function keyedHash(random: RandomSource): KeyedHash {
  return new KeyedHash(random.uint32(), random.uint32());
}
