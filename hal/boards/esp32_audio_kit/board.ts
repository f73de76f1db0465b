/**
 * ESP32 Audio Kit with the ES8388 (AI-Thinker ESP32-A1S). The relay is on GPIO 4, which the slot for memory cards
 * shares: leave the slot empty. The LED on GPIO 22 is connected to 3.3 V: low lights it. GPIO 36 has no pull-up inside
 * the chip; the board has one.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: false,
  timeServer: "pool.ntp.org",
  isRoomy: false,
  buttons: [36],
  exit: -1,
  sensor: -1,
  tamper: -1,
  reader: null,
  keypad: null,
  hasPullUp: false,
  relays: [4],
  led: 22,
  alarm: -1,
  amplifier: 21,
  active: { relays: "high", led: "low", amplifier: "high", alarm: "high" },
  codec: "ES8388",
  data: 33,
  clock: 32,
  i2s: { port: 0, mclk: 0, bclk: 27, ws: 25, dout: 26, din: 35, bits: 16, khz: 8 },
  console: "uart",
  receive: 3,
  transmit: 1,
};
