/**
 * The outputs of a door: events for a person or a program, relays, light, and audible signals. Types and names only.
 */

// LED_*: patterns of the light.
export const LED_OFF = 0;
/** Registered, or no server to register with. */
export const LED_READY = 1;
export const LED_UNREGISTERED = 2;
export const LED_RINGING = 3;
export const LED_IN_CALL = 4;
export const LED_OPEN = 5;
/** The door was forced or left open; on a board also: there is no network. */
export const LED_FAULT = 6;
export const LED_NAMES: readonly string[] = ["off", "ready", "unregistered", "ringing", "in-call", "open", "fault"];

// SIGNAL_*: what the visitor is to hear.
/** A call that came was answered automatically. */
export const SIGNAL_ANSWERED = 1;
/** The talk time ends soon. */
export const SIGNAL_ENDING = 2;
export const SIGNAL_OPENED = 3;
export const SIGNAL_WRONG_CODE = 4;
/** The call of the button rings at the other end. */
export const SIGNAL_RINGING = 5;
/** The call of the button was refused, or failed. */
export const SIGNAL_BUSY = 6;
export const SIGNAL_FAILED = 7;
/** No tone any more: the call ended in another way, or its sound begins. */
export const SIGNAL_QUIET = 8;
/** A key of the keypad was pressed. */
export const SIGNAL_KEY = 9;

/** Takes events for a person or a program. `value` and `extra` are text without control characters. */
export interface DoorEvents {
  /** @param extra further fields as name, value, name, value, … */
  event(name: string, value: string, extra: readonly (string | number)[]): void;
}

/** The devices of the door, and the time of day that it asks for. */
export interface DoorOutputs {
  /** How many relays there are. */
  readonly relays: number;
  /** Switches a relay. @param relay from 1 @param on true opens the door */
  relay(relay: number, on: boolean): void;
  /** @param pattern LED_* */
  led(pattern: number): void;
  /** @param kind SIGNAL_* */
  signal(kind: number): void;
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
}
