/** Writes to a serial port; octets that the port does not take yet wait. Not here: reading (terminal.ts). */

/** While more than so many octets wait, further texts are lost; a long answer of the console waits as a whole. */
export const BACKLOG_BYTES = 4096;

export class Printer {
  /** Octets lost because too many waited. */
  lost = 0;
  private readonly send: (octet: number) => void;
  /** The texts that wait, the oldest first; `taken` octets of it are sent. */
  private readonly waiting: Uint8Array[] = [];
  private taken = 0;
  private backlog = 0;
  private room = 0;

  /** @param send takes one octet; it is never called more often than the port told */
  constructor(send: (octet: number) => void) {
    this.send = send;
  }

  /** @param bytes belong to the printer from here on */
  print(bytes: Uint8Array): void {
    if (this.backlog > BACKLOG_BYTES) {
      this.lost += bytes.length;
      return;
    }
    this.waiting.push(bytes);
    this.backlog += bytes.length;
    this.flush();
  }

  /** The port has room for so many octets now. */
  writable(count: number): void {
    this.room = count;
    this.flush();
  }

  private flush(): void {
    while (this.room > 0 && this.waiting.length > 0) {
      const bytes = this.waiting[0];
      while (this.room > 0 && this.taken < bytes.length) {
        this.room -= 1;
        this.backlog -= 1;
        this.send(bytes[this.taken++]);
      }
      if (this.taken < bytes.length) return;
      this.waiting.shift();
      this.taken = 0;
    }
  }
}
