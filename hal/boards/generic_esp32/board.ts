/**
 * Any ESP32 with an I2S amplifier and an I2S microphone, without a codec chip. The pins are in the board's manifest,
 * under `config.pins`. The microphone answers in the left slot.
 */
import config from "mc/config";
import type { Board } from "../pins.js";

const pins = config.pins;
const ROWS = [pins.keypadRow1, pins.keypadRow2, pins.keypadRow3, pins.keypadRow4];
const COLUMNS = [pins.keypadColumn1, pins.keypadColumn2, pins.keypadColumn3, pins.keypadColumn4];

export const BOARD: Board = {
  isWired: false,
  timeServer: "pool.ntp.org",
  isRoomy: false,
  buttons: [pins.button, pins.button2, pins.button3, pins.button4],
  exit: pins.exit,
  sensor: pins.sensor,
  tamper: pins.tamper,
  reader: pins.readerD0 < 0 || pins.readerD1 < 0 ? null : [pins.readerD0, pins.readerD1],
  keypad: pins.keypadRow1 < 0 ? null : { rows: ROWS, columns: pins.keypadColumn4 < 0 ? COLUMNS.slice(0, 3) : COLUMNS },
  hasPullUp: true,
  relays: pins.relay2 < 0 ? [pins.relay] : [pins.relay, pins.relay2],
  led: pins.led,
  alarm: pins.alarm,
  amplifier: pins.amplifier,
  active: config.active,
  codec: "",
  data: -1,
  clock: -1,
  // Such microphones stay far below full scale, so they are made 8 times louder.
  i2s: {
    port: 0,
    bclk: pins.bclk,
    ws: pins.ws,
    dout: pins.dout,
    din: pins.din,
    bits: 32,
    khz: 16,
    slot: 0,
    shift: 3,
  },
  console: "uart",
  receive: 3,
  transmit: 1,
};
