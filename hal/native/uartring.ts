/**
 * The ring of ESP-IDF's UART driver, over uartring.c. It works on XS of an ESP32 only. Not here: when the ring is read
 * (hal/moddable/uart/port.ts).
 */
import type { Ring } from "../moddable/uart/port.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

function begin(this: unknown, port: number, receive: number, transmit: number, baud: number): void {
  native("xs_uart_begin").call(this, port, receive, transmit, baud);
}

function waiting(this: unknown): number {
  return native("xs_uart_waiting").call(this);
}

function read(this: unknown, into: ArrayBufferLike, count: number): void {
  native("xs_uart_read").call(this, into, count);
}

function write(this: unknown, from: ArrayBufferLike, count: number): number {
  return native("xs_uart_write").call(this, from, count);
}

/** Opens the one ring there is. @throws Error of one line if the driver does not take the port */
export function openRing(port: number, receive: number, transmit: number, baud: number): Ring {
  begin(port, receive, transmit, baud);
  return {
    waiting: () => waiting(),
    read: (into, count) => read(into.buffer, count),
    write: (from, count) => write(from.buffer, count),
  };
}
