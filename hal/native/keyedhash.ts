/**
 * The keyed hash in C: the exports of src/core/keyedhash.ts, for a manifest that names this file in its place. It works
 * on XS only. Not here: the arithmetic (keyedhash.h).
 */
import type { RandomSource } from "../../src/core/random.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

// The state in the layout of keyedhash.h, in words of 32 bits.
const WORDS = 8;
const KEY = 0;
const LOW = 2;
const HIGH = 3;

export class KeyedHash {
  high = 0;
  low = 0;
  private readonly words = new Int32Array(WORDS);
  private readonly state: ArrayBufferLike = this.words.buffer;

  constructor(key0: number, key1: number) {
    this.words[KEY] = key0;
    this.words[KEY + 1] = key1;
  }

  begin(): void {
    beginState(this.state);
  }

  word(value: number): void {
    takeWord(this.state, value | 0);
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    takeOctets(this.state, bytes, start, end);
  }

  finish(): void {
    finishState(this.state);
    this.high = this.words[HIGH];
    this.low = this.words[LOW];
  }
}

function beginState(this: unknown, state: ArrayBufferLike): void {
  native("xs_keyedhash_begin").call(this, state);
}

function takeWord(this: unknown, state: ArrayBufferLike, value: number): void {
  native("xs_keyedhash_word").call(this, state, value);
}

function takeOctets(this: unknown, state: ArrayBufferLike, bytes: Uint8Array, start: number, end: number): void {
  native("xs_keyedhash_update").call(this, state, bytes, start, end);
}

function finishState(this: unknown, state: ArrayBufferLike): void {
  native("xs_keyedhash_finish").call(this, state);
}

/** @returns a hash with a random key of its own */
export function keyedHash(random: RandomSource): KeyedHash {
  return new KeyedHash(random.uint32(), random.uint32());
}
