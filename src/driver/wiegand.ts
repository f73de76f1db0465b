/**
 * Reads frames of Wiegand readers and keypads: cards of 26, 34 and 37 bits with their two parity bits, and keys of 4 or
 * 8 bits. A frame of another length or with a wrong bit is noise. Not here: the reception of bits (the device), and the
 * relays that a card opens.
 */

// FRAME_*: the kinds of frames.
export const FRAME_NOISE = 0;
export const FRAME_CARD = 1;
export const FRAME_KEY = 2;

const WORD_BITS = 32;
/** In a frame of 37 bits both parities cover the bit in the middle. */
const LONGEST_BITS = 37;
const KEY_STAR = 10;
const KEY_HASH = 11;
const ZERO = 0x30;
const STAR = 0x2a;
const HASH = 0x23;

/** A received frame: its last 32 bits are in `low`, those before them in `high`. */
export class WiegandFrame {
  bits = 0;
  high = 0;
  low = 0;
  /** The number of a card, or the ASCII code of a key; 0 for noise. */
  value = 0;

  /** @returns FRAME_*; `value` has the frame's content */
  read(bits: number, high: number, low: number): number {
    this.bits = bits;
    this.high = high;
    this.low = low;
    this.value = 0;
    if (bits === 4 || bits === 8) return this.readKey();
    if (bits !== 26 && bits !== 34 && bits !== LONGEST_BITS) return FRAME_NOISE;
    // The first bit makes the first half even, the last one makes the other half odd.
    const half = Math.ceil(bits / 2);
    if (this.ones(0, half) % 2 !== 0 || this.ones(bits - half, bits) % 2 !== 1) return FRAME_NOISE;
    for (let i = 1; i < bits - 1; i++) this.value = this.value * 2 + this.bit(i);
    return FRAME_CARD;
  }

  private readKey(): number {
    const key = this.low & 15;
    // The first four of eight bits are the inverse of the last four.
    if (this.bits === 8 && ((this.low >> 4) & 15) !== (~key & 15)) return FRAME_NOISE;
    if (key > KEY_HASH) return FRAME_NOISE;
    this.value = key === KEY_STAR ? STAR : key === KEY_HASH ? HASH : ZERO + key;
    return FRAME_KEY;
  }

  /** @param index from the first bit that came */
  private bit(index: number): number {
    const fromEnd = this.bits - 1 - index;
    return fromEnd < WORD_BITS ? (this.low >>> fromEnd) & 1 : (this.high >>> (fromEnd - WORD_BITS)) & 1;
  }

  private ones(from: number, to: number): number {
    let count = 0;
    for (let i = from; i < to; i++) count += this.bit(i);
    return count;
  }
}
