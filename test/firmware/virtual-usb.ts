/** The USB socket of a virtual board and a computer at its other end. Not here: what the firmware does with it. */
import { expect } from "vitest";
import { type Fifo, POLL_MS, type PortOptions, UsbPort } from "../../hal/moddable/usb/port.js";
import { Timer } from "./virtual.js";

/**
 * A computer at the other end: it sends when there is room and keeps the rest, and fetches while a program has the port
 * open.
 */
export class Computer implements Fifo {
  isListening = true;
  heard = "";
  private toSend: number[] = [];
  private packet: number[] | null = null;

  send(text: string): void {
    for (let i = 0; i < text.length; i++) this.toSend.push(text.charCodeAt(i));
  }

  get unsent(): number {
    return this.toSend.length;
  }

  read(into: Uint8Array): number {
    this.fetch();
    const packet = this.toSend.splice(0, into.length);
    into.set(packet);
    return packet.length;
  }

  write(from: Uint8Array, count: number): number {
    this.fetch();
    if (this.packet !== null) return 0;
    this.packet = [...from.subarray(0, count)];
    return count;
  }

  /** Between two looks of the chip a packet is fetched; a full one is kept until a packet follows that is not full. */
  private fetch(): void {
    if (!this.isListening || this.packet === null) return;
    expect(this.packet.length).toBeLessThan(64);
    this.heard += String.fromCharCode(...this.packet);
    this.packet = null;
  }
}

export let computer = new Computer();

export function newComputer(): void {
  computer = new Computer();
}

/** Takes the place of hal/moddable/usb/serial.ts, and has its lines. */
export class UsbSerial extends UsbPort {
  constructor(options: PortOptions) {
    super(computer, options);
    Timer.set(() => this.poll(), POLL_MS, POLL_MS);
  }

  drain(): void {
    for (let i = 0; i < 4; i++) this.flush();
  }
}
