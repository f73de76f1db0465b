/** The description of a board for the firmware: pins by GPIO number, -1 for none. Types only. */
import type { I2SOptions } from "../native/i2s.js";

export interface Board {
  /** The board's network needs no name and no password. */
  isWired: boolean;
  /** The server that is asked for the time of day unless a setting names another; "" for none. */
  timeServer: string;
  /**
   * The memory has room for ROOMY_LIMITS (src/driver/limits.ts): eight targets that ring together, a second phone in
   * the call, `server.enabled`.
   */
  isRoomy: boolean;
  /** Up to four buttons, in their order; a press connects the pin to ground. */
  buttons: readonly number[];
  /** The button inside and the contacts of door and housing; they connect to ground as well. */
  exit: number;
  sensor: number;
  tamper: number;
  /** The wires D0 and D1 of a Wiegand reader; null if the board has no pins for one. */
  reader: readonly [d0: number, d1: number] | null;
  /** A keypad of four rows and of three or four columns at these pins; null if the board has no pins for one. */
  keypad: { rows: readonly number[]; columns: readonly number[] } | null;
  /** Whether the inputs need the chip's pull-up; some pins have none. */
  hasPullUp: boolean;
  /** One or two. */
  relays: readonly number[];
  led: number;
  /** The alarm output. */
  alarm: number;
  /** The pin of the power amplifier. */
  amplifier: number;
  /**
   * The level that switches a relay, the LED and the amplifier on unless a setting says otherwise, and that of the
   * alarm output.
   */
  active: { relays: "high" | "low"; led: "high" | "low"; amplifier: "high" | "low"; alarm: "high" | "low" };
  /** The chip between I2S and the analog world; "" for none. */
  codec: "" | "ES8311" | "ES8388";
  /** The pins of the codec's bus; unused without a codec. */
  data: number;
  clock: number;
  i2s: I2SOptions;
  /**
   * The port of the serial console: the chip's own USB socket, or UART 0 at the pins below, behind the board's USB chip
   * or an adapter.
   */
  console: "usb" | "uart";
  receive: number;
  transmit: number;
}
