/**
 * What the microphone gave and no packet has taken yet, encoded, in a ring of fixed size. It evens out pieces of any length into packets:
 * before it gives anything it waits for the longest piece it has seen and a packet more. When the microphone's clock runs faster than ours, or
 * nobody takes, the oldest goes. The ring lies behind a packet's room in one array: a packet whose sound lies in one piece there is sent from
 * where it lies, with its header over sound that was sent before.
 */
import { encode } from "./g711.js";
import { RTP_HEADER } from "./rtp.js";

export class Microphone {
  /** Room for a packet's header and payload in `[0, room)`, the ring behind. */
  readonly bytes: Uint8Array;
  /** Samples thrown away because too many waited, and silence put in because too few did while it was running. */
  dropped = 0;
  missing = 0;
  private readonly room: number;
  private readonly capacity: number;
  /** Where the oldest lies in the ring, and how many wait. */
  private head = 0;
  private count = 0;
  /** The longest piece so far, and the packet taken last. */
  private piece = 0;
  private packet = 0;
  private waiting = true;

  /** @param room octets of the longest packet @param capacity samples that can wait */
  constructor(room: number, capacity: number) {
    this.room = room;
    this.capacity = capacity;
    this.bytes = new Uint8Array(room + capacity);
  }

  /** Forgets what waits. */
  clear(): void {
    this.count = 0;
    this.waiting = true;
  }

  /** `count` samples from `start`, encoded for `payloadType`. */
  push(payloadType: number, pcm: Int16Array, start: number, count: number): void {
    let from = start;
    let left = count;
    if (left > this.piece) this.piece = Math.min(left, this.capacity);
    if (left > this.capacity) {
      this.dropped += left - this.capacity;
      from += left - this.capacity;
      left = this.capacity;
    }
    const kept = this.count + left;
    if (kept > this.capacity) this.drop(kept - this.capacity);
    let at = (this.head + this.count) % this.capacity;
    this.count += left;
    while (left > 0) {
      const run = Math.min(left, this.capacity - at);
      encode(payloadType, pcm, from, run, this.bytes, this.room + at);
      from += run;
      left -= run;
      at = 0;
    }
    // More than two pieces and two packets never wait when the clocks agree.
    if (this.count > 2 * (this.piece + this.packet) && this.packet > 0) {
      this.drop(this.count - this.piece - this.packet);
    }
  }

  /**
   * The next `count` samples, with `silence` where there are none.
   * @returns where they begin in `bytes`; before them there is room for a packet's header
   */
  take(count: number, silence: number): number {
    this.packet = count;
    let to = RTP_HEADER;
    const end = to + count;
    if (!this.waiting || this.count >= this.piece + count || this.count === this.capacity) {
      this.waiting = this.count < count;
      if (this.waiting && this.piece > 0) this.missing += count - this.count;
      // In one piece, and what lies before it is no newer sound.
      if (this.count >= count && this.head + count <= this.capacity && this.count + RTP_HEADER <= this.capacity) {
        const at = this.room + this.head;
        this.count -= count;
        this.head = (this.head + count) % this.capacity;
        return at;
      }
      let left = Math.min(count, this.count);
      this.count -= left;
      while (left > 0) {
        const run = Math.min(left, this.capacity - this.head);
        const from = this.room + this.head;
        this.bytes.copyWithin(to, from, from + run);
        to += run;
        left -= run;
        this.head = (this.head + run) % this.capacity;
      }
    }
    if (to < end) this.bytes.fill(silence, to, end);
    return RTP_HEADER;
  }

  private drop(count: number): void {
    this.head = (this.head + count) % this.capacity;
    this.count -= count;
    this.dropped += count;
  }
}
