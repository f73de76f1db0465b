/**
 * The console's line by the chip's own USB socket, in the place of `embedded:io/serial`: the manifest beside it puts it
 * there. Not here: the port itself (port.ts).
 */

import { POLL_MS, type PortOptions, UsbPort } from "hal/moddable/usb/port";
import { openFifo } from "hal/native/usbfifo";
import Timer from "timer";

/** Long enough for a computer that fetches. */
const DRAIN_MS = 3;
const DRAINS_MOST = 4;

/** The options of `embedded:io/serial`; USB has no pins and no rate. */
interface SerialOptions extends PortOptions {
  receive: number;
  transmit: number;
  baud: number;
  port: number;
  format?: "number" | "buffer";
  /** Never called: input that is not read yet waits in the computer. */
  onError?: () => void;
}

export default class UsbSerial {
  private readonly port: UsbPort;

  constructor(options: SerialOptions) {
    this.port = new UsbPort(openFifo(), options);
    Timer.repeat(() => this.port.poll(), POLL_MS);
  }

  read(): number | undefined {
    return this.port.read();
  }

  write(octet: number): void {
    this.port.write(octet);
  }

  /** Sends the written octets before a restart, when no timer fires any more, as far as the computer fetches them. */
  drain(): void {
    for (let i = 0; i < DRAINS_MOST; i++) {
      this.port.flush();
      Timer.delay(DRAIN_MS);
    }
  }
}
