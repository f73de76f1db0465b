/**
 * Seeed Studio XIAO ESP32S3 with a MAX98357A amplifier and an INMP441 microphone, no codec chip. In the words printed
 * on it: relay D4, button D0, exit button D1, door contact D2, microphone D3, I2S clock D8, word select D9, amplifier
 * D10. The LED on the board is lit by a low pin; the console is the USB socket, which is the chip's own.
 */
import type { Board } from "../pins.js";

export const BOARD: Board = {
  isWired: false,
  timeServer: "pool.ntp.org",
  isRoomy: true,
  buttons: [1],
  exit: 2,
  sensor: 3,
  tamper: -1,
  reader: null,
  keypad: null,
  hasPullUp: true,
  relays: [5],
  led: 21,
  alarm: -1,
  amplifier: -1,
  active: { relays: "high", led: "low", amplifier: "high", alarm: "high" },
  codec: "",
  data: -1,
  clock: -1,
  // Such microphones stay far below full scale, so they are made 8 times louder.
  i2s: { port: 0, bclk: 7, ws: 8, dout: 9, din: 4, bits: 32, khz: 16, slot: 0, shift: 3 },
  console: "usb",
  receive: -1,
  transmit: -1,
};
