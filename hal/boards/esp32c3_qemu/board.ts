/**
 * The ESP32-C3 that Espressif's QEMU emulates: a chip, its flash and an Ethernet port. With it the whole image runs
 * without a board. Nothing is connected to the pins, which are free ones of the chip so that the drivers start, and I2S
 * moves no samples.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: true,
  // The emulated network ends at this machine.
  timeServer: "",
  isRoomy: false,
  buttons: [9],
  exit: -1,
  sensor: -1,
  tamper: -1,
  reader: null,
  keypad: null,
  hasPullUp: true,
  relays: [3],
  led: 8,
  alarm: -1,
  amplifier: -1,
  active: { relays: "high", led: "high", amplifier: "high", alarm: "high" },
  codec: "",
  data: -1,
  clock: -1,
  i2s: { port: 0, bclk: 4, ws: 5, dout: 6, din: 7, bits: 16, khz: 8 },
  console: "uart",
  receive: 20,
  transmit: 21,
};
