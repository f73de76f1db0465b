/**
 * A program on Linux without a screen: its pins are numbers only, its network is the machine's, its sound a tone or a
 * file.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: true,
  timeServer: "",
  isRoomy: true,
  buttons: [0],
  exit: -1,
  sensor: -1,
  tamper: -1,
  reader: null,
  keypad: null,
  hasPullUp: true,
  relays: [1],
  led: 2,
  alarm: -1,
  amplifier: -1,
  active: { relays: "high", led: "high", amplifier: "high", alarm: "high" },
  codec: "",
  data: -1,
  clock: -1,
  i2s: { bclk: -1, ws: -1, bits: 16, khz: 8 },
  console: "uart",
  receive: -1,
  transmit: -1,
};
