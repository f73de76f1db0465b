/**
 * Undecoded G.711 of one source in a ring. The place of a sample follows from its timestamp, and one bit a sample tells
 * whether it is there, so order, loss and overlap of packets need no list. The payload type may change at one
 * timestamp. Not here: which sample is played when (jitter.ts).
 */
import { octetArray } from "../core/arrays.js";
import { NONE } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { decode, sampleOf } from "./g711.js";

/** Octets of 20 ms. */
const USUAL_PACKET = 160;

/** Timestamps are 32 bits, as signed integers; a range must be shorter than the ring. */
export class SampleRing {
  readonly capacity: number;
  /**
   * The ring, with room for a packet behind it: a packet is copied at once, and then its end is moved to the ring's
   * beginning.
   */
  private readonly octets: Uint8Array;
  private readonly present: Uint8Array;
  /** The bits of `present`, 32 at a time. */
  private readonly presentWords: Int32Array;
  private readonly mask: number;
  /** The timestamp of the ring's first place, chosen so that packets begin at whole words. */
  private origin = 0;
  /** The view `viewed[viewStart, …)` of the place where the last packet of the usual length was. */
  private viewed: Uint8Array = NONE;
  private viewStart = 0;
  private view: Uint8Array = NONE;
  /** Payload types before `boundary` and from it on; both are the same unless a change waits for its turn. */
  private typeBefore = 0;
  private type = 0;
  private boundary = 0;

  /**
   * @param capacity samples, a power of two from 256; it takes 9/8 octets each, and a packet's @throws RangeError if it
   * is not
   */
  constructor(capacity: number) {
    if (capacity < 256 || (capacity & (capacity - 1)) !== 0)
      throw new RangeError("sample ring: capacity is a power of two");
    this.capacity = capacity;
    this.octets = new Uint8Array(capacity + USUAL_PACKET);
    this.present = octetArray(capacity >> 3);
    this.presentWords = new Int32Array(this.present.buffer, this.present.byteOffset, this.present.length >> 2);
    this.mask = capacity - 1;
  }

  /** Empties the ring; the packets that come are of `payloadType`, and the first is at `timestamp`. */
  clear(payloadType: number, timestamp: number): void {
    this.origin = timestamp;
    this.present.fill(0);
    this.typeBefore = payloadType;
    this.type = payloadType;
  }

  /**
   * Decides whether a packet of `payloadType` may be stored at `timestamp`, and lets the type change there.
   * @param fresh whether the packet lies behind all others in time and in order; the type can change only there
   */
  accepts(payloadType: number, timestamp: number, fresh: boolean): boolean {
    if (this.typeBefore !== this.type) {
      const after = ((timestamp - this.boundary) | 0) >= 0;
      return payloadType === (after ? this.type : this.typeBefore);
    }
    if (payloadType === this.type) return true;
    if (!fresh) return false;
    this.type = payloadType;
    this.boundary = timestamp;
    return true;
  }

  /** Copies `bytes[start, start + count)` to their places. */
  store(bytes: Uint8Array, start: number, count: number, timestamp: number): void {
    if (bytes === this.viewed && start === this.viewStart && count === USUAL_PACKET) {
      const place = (timestamp - this.origin) & this.mask;
      const over = place + count - this.capacity;
      this.octets.set(this.view, place);
      if (over > 0) this.octets.copyWithin(0, this.capacity, this.capacity + over);
    } else this.storeEach(bytes, start, count, timestamp);
    this.mark(timestamp, count, 1);
  }

  /**
   * Copies any number of octets, and keeps a view of them: packets of one kind lie in one place of one buffer, so the
   * view is allocated once.
   */
  private storeEach(bytes: Uint8Array, start: number, count: number, timestamp: number): void {
    const place = (timestamp - this.origin) & this.mask;
    const end = start + count;
    const stop = Math.min(end, start + this.capacity - place);
    copyOctets(this.octets, place, bytes, start, stop);
    copyOctets(this.octets, 0, bytes, stop, end);
    if (count !== USUAL_PACKET || (bytes === this.viewed && start === this.viewStart)) return;
    this.viewed = bytes;
    this.viewStart = start;
    this.view = bytes.subarray(start, start + count);
  }

  /** Frees the places of the samples up to `timestamp + count`, which are no longer needed. */
  drop(timestamp: number, count: number): void {
    this.mark(timestamp, count, 0);
    // The change is made once the boundary is passed, because a comparison with it would turn over in three days.
    if (((timestamp + count - this.boundary) | 0) >= 0) this.typeBefore = this.type;
  }

  /** @returns how many of `count` samples from `timestamp` on are all there (`bit` 1), or all missing (0) */
  run(timestamp: number, count: number, bit: number): number {
    const present = this.present;
    const words = this.presentWords;
    const mask = this.mask;
    const all = bit === 1 ? -1 : 0;
    let place = (timestamp - this.origin) & mask;
    let left = count;
    while (left > 0) {
      // Compares whole words at once, from the first that begins.
      if ((place & 31) === 0) {
        while (left >= 32 && words[place >> 5] === all) {
          left -= 32;
          place = (place + 32) & mask;
        }
      }
      if (left === 0 || ((present[place >> 3] >> (place & 7)) & 1) !== bit) break;
      const step = left >= 8 && (place & 7) === 0 && present[place >> 3] === (all & 0xff) ? 8 : 1;
      left -= step;
      place = (place + step) & mask;
    }
    return count - left;
  }

  /** Decodes `count` samples from `timestamp` on to `out` from `at` on; the caller knows that they are there. */
  decode(timestamp: number, count: number, out: Int16Array, at: number): void {
    let from = timestamp;
    let to = at;
    let left = count;
    while (left > 0) {
      const place = (from - this.origin) & this.mask;
      let run = left;
      if (run > this.capacity - place) run = this.capacity - place;
      let type = this.type;
      const before = this.typeBefore === type ? 0 : (this.boundary - from) | 0;
      if (before > 0) {
        type = this.typeBefore;
        if (run > before) run = before;
      }
      decode(type, this.octets, place, run, out, to);
      from = (from + run) | 0;
      to += run;
      left -= run;
    }
  }

  /** @returns the sample at `timestamp`; the caller knows that it is there */
  sample(timestamp: number): number {
    const before = this.typeBefore !== this.type && ((timestamp - this.boundary) | 0) < 0;
    return sampleOf(before ? this.typeBefore : this.type, this.octets[(timestamp - this.origin) & this.mask]);
  }

  /** Sets or clears the bits of [timestamp, timestamp + count). */
  private mark(timestamp: number, count: number, bit: number): void {
    const place = (timestamp - this.origin) & this.mask;
    const first = this.capacity - place;
    // Mostly both ends are those of octets (3,000 instructions a frame in `npm run bench:rv`).
    if (((place | count) & 7) === 0 && count <= first)
      this.present.fill(bit === 1 ? 0xff : 0, place >> 3, (place + count) >> 3);
    else if (count <= first) this.markPlaces(place, place + count, bit);
    else {
      this.markPlaces(place, this.capacity, bit);
      this.markPlaces(0, count - first, bit);
    }
  }

  /** Marks the octets at both ends by masks, and those between at once. */
  private markPlaces(start: number, end: number, bit: number): void {
    const present = this.present;
    const low = start >> 3;
    const high = end >> 3;
    const before = (1 << (start & 7)) - 1;
    const within = (1 << (end & 7)) - 1;
    if (low === high) {
      if (bit === 1) present[low] |= within & ~before;
      else present[low] &= ~within | before;
      return;
    }
    if (bit === 1) {
      present[low] |= ~before;
      present.fill(0xff, low + 1, high);
      if (within !== 0) present[high] |= within;
    } else {
      present[low] &= before;
      present.fill(0, low + 1, high);
      if (within !== 0) present[high] &= ~within;
    }
  }
}
