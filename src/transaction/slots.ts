/**
 * A hash table with chains over fixed arrays, by which transactions are found. It holds positions in a pool; a position
 * that it finds may have another key, so the caller compares the octets. The file also reads the branch of our own
 * requests back into its 64 bits.
 */
import { int32Array } from "../core/arrays.js";
import { lower } from "../core/bytes.js";

export class SlotIndex {
  /**
   * First the heads of the chains; then for each slot the next slot of its chain; then its key. All share one array,
   * for an array costs more than its content.
   */
  private readonly table: Int32Array;
  private readonly chains: number;
  private readonly keys: number;

  /** @param slots number of positions in the pool */
  constructor(slots: number) {
    let chains = 4;
    while (chains < slots) chains *= 2;
    this.chains = chains;
    this.keys = chains + slots;
    this.table = int32Array(chains + 2 * slots).fill(-1, 0, this.keys);
  }

  /** @param slot a position that is not in the table @param key any 32-bit integer */
  add(slot: number, key: number): void {
    const table = this.table;
    const head = this.place(key);
    table[this.keys + slot] = key;
    table[this.chains + slot] = table[head];
    table[head] = slot;
  }

  remove(slot: number): void {
    const { table, chains } = this;
    // The slot that points to this one: the head of its chain, or the slot before it.
    let at = this.place(table[this.keys + slot]);
    while (table[at] >= 0 && table[at] !== slot) at = chains + table[at];
    if (table[at] === slot) table[at] = table[chains + slot];
  }

  /** @returns the first position with that key, -1 when there is none */
  first(key: number): number {
    return this.matching(this.table[this.place(key)], key);
  }

  /** @returns the next one with the same key, -1 when there is none */
  next(slot: number): number {
    return this.matching(this.table[this.chains + slot], this.table[this.keys + slot]);
  }

  private matching(from: number, key: number): number {
    const { table, chains, keys } = this;
    let slot = from;
    while (slot >= 0 && table[keys + slot] !== key) slot = table[chains + slot];
    return slot;
  }

  private place(key: number): number {
    return (key ^ (key >>> 15)) & (this.chains - 1);
  }
}

/** @returns the signed number of 32 bits with the eight hexadecimal digits at `bytes[start]`; NaN if they are none */
export function readHex32(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let i = start; i < start + 8; i++) {
    const octet = lower(bytes[i]);
    const digit = octet >= 0x61 ? octet - 0x57 : octet - 0x30;
    if (digit < 0 || digit > 15 || (octet < 0x61 && digit > 9)) return Number.NaN;
    value = (value << 4) | digit;
  }
  return value;
}
