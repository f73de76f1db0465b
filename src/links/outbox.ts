/**
 * A queue of messages in fixed memory, for a receiver that may be slow or away. When there is no room the oldest
 * messages are dropped and counted, since the youngest say how things are now. Not here: sending the messages.
 */
import { copyOctets } from "../core/octets.js";

/** The length stands in front of each message, high octet first. */
const LENGTH_BYTES = 2;

export class Outbox {
  readonly bytes: Uint8Array;
  private used = 0;
  /** Messages that wait. */
  count = 0;
  /** The number of messages dropped since the start. */
  dropped = 0;
  /** The number of the oldest message that waits, which is the count of those removed or dropped before it. */
  number = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  /** Copies a message to the end. @returns false if an older message was dropped for it */
  put(bytes: Uint8Array, start: number, end: number): boolean {
    const { dropped } = this;
    const size = LENGTH_BYTES + end - start;
    if (size > this.bytes.length) {
      this.dropped += 1;
      return false;
    }
    while (this.used + size > this.bytes.length) {
      this.remove();
      this.dropped += 1;
    }
    this.bytes[this.used] = (end - start) >> 8;
    this.bytes[this.used + 1] = (end - start) & 255;
    copyOctets(this.bytes, this.used + LENGTH_BYTES, bytes, start, end);
    this.used += size;
    this.count += 1;
    return this.dropped === dropped;
  }

  /** The oldest message is `bytes[start, end)`, until the next `put` or `remove`. */
  get start(): number {
    return LENGTH_BYTES;
  }

  get end(): number {
    return LENGTH_BYTES + ((this.bytes[0] << 8) | this.bytes[1]);
  }

  /** Removes the oldest message. */
  remove(): void {
    if (this.count === 0) return;
    const { end } = this;
    this.bytes.copyWithin(0, end, this.used);
    this.used -= end;
    this.count -= 1;
    this.number += 1;
  }
}
