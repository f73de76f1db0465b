/**
 * The chip's own USB socket as a serial port, in the shape of `embedded:io/serial`: it looks at the FIFOs every 10 ms. What comes waits in
 * the computer until it is read. What goes out and is not fetched for a second goes nowhere: then no program is at the other end.
 * Not here: the FIFOs (hal/native/usbfifo.ts), rates and pins, of which USB has none.
 */

/** The peripheral's. */
export interface Fifo {
  /** @returns octets that came, as many as fit */
  read(into: Uint8Array): number;
  /** @returns octets of `from[0, count)` that were taken: none while those before were not fetched */
  write(from: Uint8Array, count: number): number;
}

export interface PortOptions {
  onReadable?: (octets: number) => void;
  onWritable?: (octets: number) => void;
}

export const POLL_MS = 10;
/** What USB carries at once. */
const PACKET_BYTES = 64;
/** One less: a full packet says that more follows, and the computer would keep it until that came. */
const ROOM_BYTES = PACKET_BYTES - 1;
/** Packets that are read in one look: a paste is not to keep a call waiting. */
const PACKETS_MOST = 8;
/** A computer with an open port fetches within some ms. */
const STALL_POLLS = 100;
/** So many octets of what waits are thrown away in each look while nobody fetches. */
const DISCARDED_BYTES = 1024;
const LINE_END = 10;

export class UsbPort {
  private readonly fifo: Fifo;
  private readonly onReadable: (octets: number) => void;
  private readonly onWritable: (octets: number) => void;
  private readonly came = new Uint8Array(PACKET_BYTES);
  private at = 0;
  private end = 0;
  private readonly out = new Uint8Array(ROOM_BYTES);
  private filled = 0;
  private waits = 0;
  /** Nobody fetches. */
  private isStalled = false;
  private isOpen = false;

  constructor(fifo: Fifo, options: PortOptions) {
    this.fifo = fifo;
    this.onReadable = options.onReadable ?? ignore;
    this.onWritable = options.onWritable ?? ignore;
  }

  /** @returns the next octet, undefined when there is none */
  read(): number | undefined {
    return this.at < this.end ? this.came[this.at++] : undefined;
  }

  /** What is written beyond the room that was told is lost. */
  write(octet: number): void {
    if (this.isStalled) return;
    if (this.filled === ROOM_BYTES) this.send();
    if (this.filled < ROOM_BYTES) this.out[this.filled++] = octet;
  }

  /** To be called every `POLL_MS`. */
  poll(): void {
    // Whoever sends has a program, and wants the answer.
    if (this.isStalled) this.revive();
    for (let i = 0; i < PACKETS_MOST; i++) {
      this.at = 0;
      this.end = this.fifo.read(this.came);
      if (this.end === 0) break;
      this.onReadable(this.end);
    }
    if (!this.isOpen) {
      this.isOpen = true;
      this.onWritable(ROOM_BYTES);
    }
    if (!this.isStalled && this.filled > 0 && !this.send() && ++this.waits >= STALL_POLLS) {
      this.isStalled = true;
      this.filled = 0;
    }
  }

  /** Sends what was written, if what was sent before is fetched. */
  flush(): void {
    if (!this.isStalled && this.filled > 0) this.send();
  }

  private send(): boolean {
    const taken = this.fifo.write(this.out, this.filled);
    if (taken === 0) return false;
    this.waits = 0;
    this.out.copyWithin(0, taken, this.filled);
    this.filled -= taken;
    this.onWritable(ROOM_BYTES - this.filled);
    return true;
  }

  /** Somebody may have come: a line of its own parts what he finds from what was left. */
  private revive(): void {
    this.out[0] = LINE_END;
    this.isStalled = this.fifo.write(this.out, 1) === 0;
    this.waits = 0;
    this.onWritable(this.isStalled ? DISCARDED_BYTES : ROOM_BYTES);
  }
}

function ignore(): void {}
