/**
 * Transactions found by a number: a hash table with chains over fixed arrays. It holds positions in a pool, and says only
 * "perhaps": the caller compares the octets. It also reads the branch of our own requests back into its 64 bits.
 */
import { lower } from "../core/bytes.js";

export class SlotIndex {
  private readonly heads: Int32Array;
  private readonly nexts: Int32Array;
  private readonly keys: Int32Array;

  /** @param slots how many positions the pool has */
  constructor(slots: number) {
    let size = 4;
    while (size < slots) size *= 2;
    this.heads = new Int32Array(size).fill(-1);
    this.nexts = new Int32Array(slots).fill(-1);
    this.keys = new Int32Array(slots);
  }

  /** @param slot a position that is not in the table @param key any 32-bit integer */
  add(slot: number, key: number): void {
    const at = this.place(key);
    this.keys[slot] = key;
    this.nexts[slot] = this.heads[at];
    this.heads[at] = slot;
  }

  remove(slot: number): void {
    const at = this.place(this.keys[slot]);
    let current = this.heads[at];
    if (current === slot) {
      this.heads[at] = this.nexts[slot];
      return;
    }
    while (current >= 0) {
      const next = this.nexts[current];
      if (next === slot) {
        this.nexts[current] = this.nexts[slot];
        return;
      }
      current = next;
    }
  }

  /** @returns the first position with that key, -1 when there is none */
  first(key: number): number {
    return this.matching(this.heads[this.place(key)], key);
  }

  /** @returns the next one with the same key, -1 when there is none */
  next(slot: number): number {
    return this.matching(this.nexts[slot], this.keys[slot]);
  }

  private matching(from: number, key: number): number {
    let slot = from;
    while (slot >= 0 && this.keys[slot] !== key) slot = this.nexts[slot];
    return slot;
  }

  private place(key: number): number {
    return (key ^ (key >>> 15)) & (this.heads.length - 1);
  }
}

/** `bytes[start, start + 8)` as eight hexadecimal digits. @returns true and the number in `out[0]`, or false */
export function readHex32(bytes: Uint8Array, start: number, out: Int32Array): boolean {
  let value = 0;
  for (let i = start; i < start + 8; i++) {
    const octet = lower(bytes[i]);
    const digit = octet >= 0x61 ? octet - 0x57 : octet - 0x30;
    if (digit < 0 || digit > 15 || (octet < 0x61 && digit > 9)) return false;
    value = (value << 4) | digit;
  }
  out[0] = value;
  return true;
}
