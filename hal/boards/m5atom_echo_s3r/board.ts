/**
 * M5Stack Atom EchoS3R: ESP32-S3, ES8311. Pins of the SDK's target; relay and LED are on the free pins G5 and G6. The
 * console is the USB socket, which is the chip's own: UART 0 (GPIO 43, 44) is on no connector. The Grove port (G1, G2)
 * is for a reader.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: false,
  timeServer: "pool.ntp.org",
  isRoomy: true,
  buttons: [41],
  exit: -1,
  sensor: -1,
  tamper: 7,
  reader: [1, 2],
  keypad: null,
  hasPullUp: true,
  relays: [5],
  led: 6,
  alarm: 8,
  amplifier: 18,
  active: { relays: "high", led: "high", amplifier: "high", alarm: "high" },
  codec: "ES8311",
  data: 45,
  clock: 0,
  i2s: { port: 0, mclk: 11, bclk: 17, ws: 3, dout: 48, din: 4, bits: 16, khz: 8, isLooped: true },
  console: "usb",
  receive: -1,
  transmit: -1,
};
