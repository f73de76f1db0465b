/** Out of a serial port: a queue for what the port does not take yet. Not here: what comes in (terminal.ts). */

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
