/** What a board's file tells the firmware: pins by GPIO number, -1 where there is none. Types only. */
import type { I2SOptions } from "../native/i2s.js";

export interface Board {
  /** It has a network without a name and a password for it. */
  isWired: boolean;
  /** Closed to ground by a press. */
  button: number;
  /** Whether the button needs the chip's pull-up; some pins have none. */
  hasPullUp: boolean;
  /** High releases the door. */
  relay: number;
  /** High is light. */
  led: number;
  /** High switches the power amplifier on. */
  amplifier: number;
  /** The chip between I2S and the analog world; "" when there is none. */
  codec: "" | "ES8311" | "ES8388";
  /** Of the codec's bus; unused without a codec. */
  data: number;
  clock: number;
  i2s: I2SOptions;
  /** UART 0, the serial console. */
  receive: number;
  transmit: number;
}
