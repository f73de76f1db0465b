/**
 * Both directions of a serial port. In: lines out of its octets, ended by CR, LF or both. A line that is too long or has control characters in it,
 * as noise has, is dropped as a whole. Backspace takes back. Out: a queue for
 * what the port does not take yet. Not here: echo, other character sets than ASCII.
 */
import { text } from "../../src/core/bytes.js";

/** The longest line, in octets. */
export const LINE_BYTES = 256;

export class Lines {
  private readonly onLine: (line: string) => void;
  private readonly bytes = new Uint8Array(LINE_BYTES);
  private length = 0;
  private isSpoilt = false;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  push(octet: number): void {
    if (octet === 13 || octet === 10) {
      const line = this.isSpoilt ? "" : text(this.bytes, 0, this.length);
      this.length = 0;
      this.isSpoilt = false;
      if (line !== "") this.onLine(line);
    } else if (octet === 8 || octet === 127) {
      if (this.length > 0) this.length--;
    } else if (octet < 32 || octet > 126 || this.length === LINE_BYTES) this.isSpoilt = true;
    else this.bytes[this.length++] = octet;
  }
}

/** A long answer of the console, and a few events. */
export const QUEUE_BYTES = 4096;

export class Printer {
  /** Octets lost because the queue was full. */
  lost = 0;
  private readonly send: (octet: number) => void;
  private readonly queue = new Uint8Array(QUEUE_BYTES);
  private written = 0;
  private taken = 0;
  private room = 0;

  /** @param send takes one octet, never called more often than the port told */
  constructor(send: (octet: number) => void) {
    this.send = send;
  }

  print(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (this.written - this.taken === QUEUE_BYTES) this.lost++;
      else this.queue[this.written++ & (QUEUE_BYTES - 1)] = bytes[i];
    }
    this.flush();
  }

  /** The port takes so many octets now. */
  writable(count: number): void {
    this.room = count;
    this.flush();
  }

  private flush(): void {
    while (this.room > 0 && this.taken < this.written) {
      this.room--;
      this.send(this.queue[this.taken++ & (QUEUE_BYTES - 1)]);
    }
  }
}
