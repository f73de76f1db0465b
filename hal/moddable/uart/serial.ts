/**
 * The console's line by a UART, in the place of `embedded:io/serial`, whose FIFO of 128 octets holds 11 ms: the
 * manifest beside it puts it there. Not here: the port itself (port.ts).
 */

import { POLL_MS, type PortOptions, UartPort } from "hal/moddable/uart/port";
import { openRing } from "hal/native/uartring";
import Timer from "timer";

/** A full FIFO is sent in this time at 115,200 baud. */
const DRAIN_MS = 12;
const DRAINS_MOST = 4;

/** The options of `embedded:io/serial`. */
interface SerialOptions extends PortOptions {
  receive: number;
  transmit: number;
  baud: number;
  port: number;
  format?: "number" | "buffer";
}

export default class UartSerial {
  private readonly port: UartPort;

  constructor(options: SerialOptions) {
    const { port, receive, transmit, baud } = options;
    this.port = new UartPort(openRing(port, receive, transmit, baud), options);
    Timer.repeat(() => this.port.poll(), POLL_MS);
  }

  read(): number | undefined {
    return this.port.read();
  }

  write(octet: number): void {
    this.port.write(octet);
  }

  /** Sends the written octets before a restart, when no timer fires any more. */
  drain(): void {
    for (let i = 0; i < DRAINS_MOST; i++) {
      this.port.flush();
      Timer.delay(DRAIN_MS);
    }
  }
}
