/** What a board's file tells the firmware: pins by GPIO number, -1 where there is none. Types only. */
import type { I2SOptions } from "../native/i2s.js";

export interface Board {
  /** It has a network without a name and a password for it. */
  isWired: boolean;
  /** Whom to ask for the time of day unless the console says otherwise; "": nobody. */
  timeServer: string;
  /** Its memory has room for ROOMY_LIMITS (src/core/limits.ts): eight that ring together, a second phone in the call, `server.enabled`. */
  isRoomy: boolean;
  /** Up to four, in their order; each closed to ground by a press. */
  buttons: readonly number[];
  /** The button inside and the door's contact; to ground as well. */
  exit: number;
  sensor: number;
  /** Whether they need the chip's pull-up; some pins have none. */
  hasPullUp: boolean;
  /** One or two. */
  relays: readonly number[];
  led: number;
  /** Of the power amplifier. */
  amplifier: number;
  /** The level that switches a relay, the LED and the amplifier on, where no setting says otherwise. */
  active: { relays: "high" | "low"; led: "high" | "low"; amplifier: "high" | "low" };
  /** The chip between I2S and the analog world; "" when there is none. */
  codec: "" | "ES8311" | "ES8388";
  /** Of the codec's bus; unused without a codec. */
  data: number;
  clock: number;
  i2s: I2SOptions;
  /** Where the serial console is: the chip's own USB socket, or UART 0 at the pins below, behind the board's USB chip or an adapter. */
  console: "usb" | "uart";
  receive: number;
  transmit: number;
}
