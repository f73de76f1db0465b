/**
 * The FIFOs of the chip's own USB serial port, over usbfifo.c. It works on XS of an ESP32-S3 only. Not here: when they
 * are read (hal/moddable/usb/port.ts).
 */
import type { Fifo } from "../moddable/usb/port.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

function begin(this: unknown): void {
  native("xs_usb_begin").call(this);
}

function read(this: unknown, into: ArrayBufferLike): number {
  return native("xs_usb_read").call(this, into);
}

function write(this: unknown, from: ArrayBufferLike, count: number): number {
  return native("xs_usb_write").call(this, from, count);
}

/** Opens the one FIFO there is. */
export function openFifo(): Fifo {
  begin();
  return { read: (into) => read(into.buffer), write: (from, count) => write(from.buffer, count) };
}
