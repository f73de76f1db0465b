/**
 * A UART as a serial port, in the shape of `embedded:io/serial`: it looks at the driver's ring every 10 ms. What comes
 * while flash is written or a call keeps the machine waits there, and the other side is asked to pause (XOFF) long
 * before the ring is full. Whoever does not pause, and sends more than it holds, is told: what follows up to a pause of
 * his counts for nothing, since a line with a hole in it must not be carried out. Not here: the driver
 * (hal/native/uartring.ts).
 */

/** The ring of the driver. */
export interface Ring {
  /** Octets that wait to be read. */
  waiting(): number;
  /** Reads `count` of the octets that wait. */
  read(into: Uint8Array, count: number): void;
  /** @returns octets of `from[0, count)` that found room in the FIFO */
  write(from: Uint8Array, count: number): number;
}

export interface PortOptions {
  onReadable?: (octets: number) => void;
  onWritable?: (octets: number) => void;
  /** Input was lost. */
  onError?: () => void;
}

export const POLL_MS = 10;
/** The same size as in uartring.c: 200 typed lines, or 0.7 s at 115,200 baud. */
export const RING_BYTES = 8192;
/** The driver takes up to so many octets at once, or none. */
const FIFO_BYTES = 128;
/** USB adapters go on for some hundred octets after they were asked to pause. */
const PAUSE_BYTES = RING_BYTES / 4;
const RESUME_BYTES = RING_BYTES / 16;
/**
 * So many octets are read in one look, so that a paste does not delay a call. It is four times the octets that a line
 * brings meanwhile.
 */
const READ_BYTES = 64;
const READS_MOST = 8;
/** After a loss the paste is over once nothing has come for so many looks. */
const QUIET_POLLS = 10;
export const XON = 0x11;
export const XOFF = 0x13;
const ONE = 1;

export class UartPort {
  private readonly ring: Ring;
  private readonly onReadable: (octets: number) => void;
  private readonly onWritable: (octets: number) => void;
  private readonly onError: () => void;
  private readonly came = new Uint8Array(READ_BYTES);
  private at = 0;
  private end = 0;
  private readonly out = new Uint8Array(FIFO_BYTES);
  private filled = 0;
  private readonly sign = new Uint8Array(ONE);
  /** Whether the other side was asked to pause. */
  private isPaused = false;
  /**
   * The flow control octet that is sent next; 0 for none. A start sends XON, because the machine may have restarted
   * during a pause.
   */
  private toSay = XON;
  private isLost = false;
  private quiet = 0;
  private isOpen = false;

  constructor(ring: Ring, options: PortOptions) {
    this.ring = ring;
    this.onReadable = options.onReadable ?? ignore;
    this.onWritable = options.onWritable ?? ignore;
    this.onError = options.onError ?? ignore;
  }

  /** @returns the next octet, undefined if there is none */
  read(): number | undefined {
    return this.at < this.end ? this.came[this.at++] : undefined;
  }

  /** Takes an octet; octets beyond the room that was told are lost. */
  write(octet: number): void {
    if (this.filled === FIFO_BYTES) this.send();
    if (this.filled < FIFO_BYTES) this.out[this.filled++] = octet;
  }

  /** Must be called every `POLL_MS`. */
  poll(): void {
    const waiting = this.ring.waiting();
    if (waiting > RING_BYTES - 2 * FIFO_BYTES) this.isLost = true;
    if (this.isLost) this.discard(waiting);
    else {
      if (!this.isPaused && waiting > PAUSE_BYTES) this.pause(true);
      this.take(waiting);
    }
    if (this.isPaused && this.ring.waiting() < RESUME_BYTES) this.pause(false);
    if (!this.isOpen) {
      this.isOpen = true;
      this.onWritable(FIFO_BYTES);
    }
    this.flush();
  }

  /** Sends the written octets as far as the FIFO takes them. */
  flush(): void {
    if (this.toSay !== 0) {
      this.sign[0] = this.toSay;
      if (this.ring.write(this.sign, ONE) === 0) return;
      this.toSay = 0;
    }
    if (this.filled > 0) this.send();
  }

  private pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.toSay = isPaused ? XOFF : XON;
  }

  private take(waiting: number): void {
    let left = waiting;
    for (let i = 0; i < READS_MOST && left > 0; i++) {
      this.at = 0;
      this.end = left < READ_BYTES ? left : READ_BYTES;
      this.ring.read(this.came, this.end);
      left -= this.end;
      this.onReadable(this.end);
    }
  }

  /** An other side that was asked to pause goes on: the rest of its input is thrown away too, up to its end. */
  private discard(waiting: number): void {
    if (this.isPaused) this.pause(false);
    for (let left = waiting; left > 0; left -= READ_BYTES)
      this.ring.read(this.came, left < READ_BYTES ? left : READ_BYTES);
    this.quiet = waiting > 0 ? 0 : this.quiet + 1;
    if (this.quiet < QUIET_POLLS) return;
    this.quiet = 0;
    this.isLost = false;
    this.onError();
  }

  private send(): void {
    const taken = this.ring.write(this.out, this.filled);
    if (taken === 0) return;
    this.out.copyWithin(0, taken, this.filled);
    this.filled -= taken;
    this.onWritable(FIFO_BYTES - this.filled);
  }
}

function ignore(): void {}
