/**
 * The hash functions of digest authentication, and the part that MD5 and SHA-256 share: they cut octets into blocks of
 * 64 and pad the last one. A device with hardware for it has other classes of the same shape under the same module
 * names. The constructor makes all memory.
 */

import { octetArray } from "../core/arrays.js";

export interface Hash {
  /** Size of the result, octets. */
  readonly sizeBytes: number;
  /** Begins a new message and forgets the last one. */
  beginHash(): void;
  /** Takes the next octets of the message, which are read during the call only. */
  update(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Ends the message and writes `sizeBytes` octets at `out[at]`; the caller has checked the room. The next use starts
   * with `beginHash`.
   */
  finish(out: Uint8Array, at: number): void;
}

const BLOCK_BYTES = 64;
/** Offset of the length of the message in the last block. */
const LENGTH_AT = 56;

/** A hash of the Merkle-Damgård kind with 32-bit words. */
export abstract class BlockHash implements Hash {
  abstract readonly sizeBytes: number;
  private readonly rest = octetArray(BLOCK_BYTES);
  private restBytes = 0;
  private totalBytes = 0;
  private readonly isBigEndian: boolean;

  constructor(isBigEndian: boolean) {
    this.isBigEndian = isBigEndian;
  }

  beginHash(): void {
    this.restBytes = 0;
    this.totalBytes = 0;
    this.start();
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    const rest = this.rest;
    let filled = this.restBytes;
    let i = start;
    this.totalBytes += end - start;
    while (i < end) {
      if (filled === 0 && end - i >= BLOCK_BYTES) {
        this.block(bytes, i);
        i += BLOCK_BYTES;
        continue;
      }
      rest[filled++] = bytes[i++];
      if (filled === BLOCK_BYTES) {
        this.block(rest, 0);
        filled = 0;
      }
    }
    this.restBytes = filled;
  }

  finish(out: Uint8Array, at: number): void {
    const rest = this.rest;
    let filled = this.restBytes;
    rest[filled++] = 0x80;
    if (filled > LENGTH_AT) {
      rest.fill(0, filled, BLOCK_BYTES);
      this.block(rest, 0);
      filled = 0;
    }
    rest.fill(0, filled, BLOCK_BYTES);
    // The length in bits: its low 32 bits, and the bits above them.
    const low = (this.totalBytes << 3) | 0;
    const high = Math.floor(this.totalBytes / 0x20000000) | 0;
    this.putWord(rest, LENGTH_AT, this.isBigEndian ? high : low);
    this.putWord(rest, LENGTH_AT + 4, this.isBigEndian ? low : high);
    this.block(rest, 0);
    for (let word = 0; word * 4 < this.sizeBytes; word++) this.putWord(out, at + word * 4, this.word(word));
    // The hashed text often is a secret, so it is wiped.
    rest.fill(0);
  }

  /** Sets the state to the start values of the standard. */
  protected abstract start(): void;

  /** Mixes `bytes[at, at + 64)` into the state. */
  protected abstract block(bytes: Uint8Array, at: number): void;

  /** @returns word `index` of the state */
  protected abstract word(index: number): number;

  private putWord(out: Uint8Array, at: number, value: number): void {
    const big = this.isBigEndian;
    out[at] = big ? value >>> 24 : value;
    out[at + 1] = big ? value >>> 16 : value >>> 8;
    out[at + 2] = big ? value >>> 8 : value >>> 16;
    out[at + 3] = big ? value : value >>> 24;
  }
}
