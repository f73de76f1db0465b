/**
 * The chip's own USB socket as a serial port, in the shape of `embedded:io/serial`: it looks at the FIFOs every 10 ms.
 * Input waits in the computer until it is read. Output that is not fetched for a second is thrown away: then no program
 * is at the other end. Not here: the FIFOs (hal/native/usbfifo.ts), rates and pins, of which USB has none.
 */

/** The FIFOs of the peripheral. */
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
/** USB carries so many octets at once. */
const PACKET_BYTES = 64;
/** One less: a full packet says that more follows, and the computer would keep it until that came. */
const ROOM_BYTES = PACKET_BYTES - 1;
/** So many packets are read in one look, so that a paste does not delay a call. */
const PACKETS_MOST = 8;
/** A computer with an open port fetches within some ms. */
const STALL_POLLS = 100;
/** While nothing is fetched, each look throws away so many octets. */
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
  /** Whether the computer fetches nothing. */
  private isStalled = false;
  private isOpen = false;

  constructor(fifo: Fifo, options: PortOptions) {
    this.fifo = fifo;
    this.onReadable = options.onReadable ?? ignore;
    this.onWritable = options.onWritable ?? ignore;
  }

  /** @returns the next octet, undefined if there is none */
  read(): number | undefined {
    return this.at < this.end ? this.came[this.at++] : undefined;
  }

  /** Takes an octet; octets beyond the room that was told are lost. */
  write(octet: number): void {
    if (this.isStalled) return;
    if (this.filled === ROOM_BYTES) this.send();
    if (this.filled < ROOM_BYTES) this.out[this.filled++] = octet;
  }

  /** Must be called every `POLL_MS`. */
  poll(): void {
    // An other end that sends has a program, which waits for the answer.
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

  /** Sends the written octets if those sent before are fetched. */
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

  /** A program may be there again: a line of its own parts the next output from the old one. */
  private revive(): void {
    this.out[0] = LINE_END;
    this.isStalled = this.fifo.write(this.out, 1) === 0;
    this.waits = 0;
    this.onWritable(this.isStalled ? DISCARDED_BYTES : ROOM_BYTES);
  }
}

function ignore(): void {}
