/**
 * WT32-ETH01: ESP32 with a LAN8720, a door on a cable (and by a PoE splitter, on one cable only); an I2S amplifier and
 * an I2S microphone, no codec chip. GPIO 0, 16, 18, 19, 21, 22, 23, 25, 26, 27 belong to Ethernet. The relay is on GPIO
 * 4, which reset pulls low; 35, 36 and 39 have no pull-up inside the chip.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: true,
  timeServer: "pool.ntp.org",
  isRoomy: false,
  buttons: [32],
  exit: 5,
  sensor: 33,
  tamper: -1,
  reader: null,
  keypad: null,
  hasPullUp: true,
  relays: [4],
  led: 2,
  alarm: -1,
  amplifier: -1,
  active: { relays: "high", led: "high", amplifier: "high", alarm: "high" },
  codec: "",
  data: -1,
  clock: -1,
  // Such microphones stay far below full scale, so they are made 8 times louder.
  i2s: { port: 0, bclk: 14, ws: 15, dout: 17, din: 35, bits: 32, khz: 16, slot: 0, shift: 3 },
  console: "uart",
  receive: 3,
  transmit: 1,
};
