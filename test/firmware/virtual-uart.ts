/**
 * A serial line of 115,200 baud to a virtual board, and a computer that pastes. Not here: what the firmware does with
 * it.
 */
import { POLL_MS, type PortOptions, RING_BYTES, type Ring, UartPort, XOFF, XON } from "../../hal/moddable/uart/port.js";
import { board, Timer } from "./virtual.js";

const OCTETS_A_MS = 11.52;
/** A machine in a call needs so long for an octet of the line, which is longer than the wire. */
const OCTET_MS = 0.1;
/** Octets in the adapter when the computer is asked to pause. */
const ADAPTER_BYTES = 500;

export class Line implements Ring {
  heard = "";
  /** Octets that found no room. */
  lost = 0;
  pauses = 0;
  /** The computer pauses when it is asked to. */
  isObedient = true;
  /** 128 is the FIFO of the chip without a driver. */
  capacity = RING_BYTES;
  private toSend: number[] = [];
  private ring: number[] = [];
  private underWay = Infinity;
  private atMs = 0;
  private credit = 0;

  paste(text: string): void {
    this.toSend.push(...Buffer.from(text));
  }

  get isSent(): boolean {
    return this.toSend.length === 0;
  }

  /** The machine stands still for so long; the wire does not. */
  pass(ms: number): void {
    this.credit += ms * OCTETS_A_MS;
    const count = Math.min(Math.floor(this.credit), this.toSend.length, this.underWay);
    this.credit = this.toSend.length === 0 ? 0 : this.credit - Math.floor(this.credit);
    this.underWay -= count;
    for (const octet of this.toSend.splice(0, count)) {
      if (this.ring.length < this.capacity) this.ring.push(octet);
      else this.lost += 1;
    }
  }

  waiting(): number {
    const now = board.clock.now();
    this.pass(now - this.atMs);
    this.atMs = now;
    return this.ring.length;
  }

  read(into: Uint8Array, count: number): void {
    into.set(this.ring.splice(0, count));
    this.pass(count * OCTET_MS);
  }

  write(from: Uint8Array, count: number): number {
    for (let i = 0; i < count; i++) {
      if (from[i] === XOFF) this.pauses += 1;
      if (this.isObedient && from[i] === XOFF) this.underWay = ADAPTER_BYTES;
      if (from[i] === XON) this.underWay = Infinity;
      if (from[i] !== XOFF && from[i] !== XON) this.heard += String.fromCharCode(from[i]);
    }
    return count;
  }
}

export let line = new Line();

export function newLine(): void {
  line = new Line();
}

/** Takes the place of hal/moddable/uart/serial.ts, and has its lines. */
export class UartSerial extends UartPort {
  constructor(options: PortOptions) {
    super(line, options);
    Timer.set(() => this.poll(), POLL_MS, POLL_MS);
  }

  drain(): void {
    for (let i = 0; i < 4; i++) this.flush();
  }
}

/** The SDK's own serial port: an interrupt at each octet, no ring and no pause. */
export class FifoSerial {
  private readonly came = new Uint8Array(1);

  constructor(options: PortOptions) {
    Timer.set(
      () => {
        for (let left = line.waiting(); left > 0; left--) options.onReadable?.(1);
      },
      1,
      1,
    );
    board.clock.after(0, () => options.onWritable?.(1_000_000));
  }

  read(): number {
    line.read(this.came, 1);
    return this.came[0];
  }

  write(octet: number): void {
    line.heard += String.fromCharCode(octet);
  }
}
