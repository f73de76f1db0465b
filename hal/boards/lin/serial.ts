/**
 * The terminal as a serial port: stdin and stdout, octet by octet, in the shape of `embedded:io/serial`. Not here:
 * rates, more than one port.
 */

import { getc, onInput, putc } from "hal/boards/lin/host";
import Timer from "timer";

/** A terminal always has room: the largest number that a port can tell. */
const ROOM = 0x3fffffff;

interface SerialOptions {
  receive: number;
  transmit: number;
  baud: number;
  port: number;
  format?: "number" | "buffer";
  onReadable?: (octets: number) => void;
  onWritable?: (octets: number) => void;
  /** Never called, because nothing is lost here. */
  onError?: () => void;
}

export default class Serial {
  constructor(options: SerialOptions) {
    const { onReadable, onWritable } = options;
    if (onReadable !== undefined) onInput(onReadable);
    if (onWritable !== undefined) Timer.set(() => onWritable(ROOM));
  }

  read(): number {
    return getc();
  }

  write(octet: number): void {
    putc(octet);
  }
}
