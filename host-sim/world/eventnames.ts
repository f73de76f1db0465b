/**
 * The events that a script can expect, with the values of those that have few. The compiler keeps the table complete.
 * Not here: what each event means (src/intercom/events.ts).
 */
import type { EventName, EventValues } from "../../src/intercom/events.js";

/** null: the value is any text. */
type Values<N extends EventName> = string extends EventValues[N] ? null : Record<EventValues[N], true>;

const RINGING = { calling: true, ringing: true, early: true, confirmed: true, held: true, ended: true } as const;
const REGISTER = { registering: true, registered: true, unregistered: true, failed: true } as const;

const EVENTS: { [N in EventName]: Values<N> } = {
  button: { pressed: true, held: true },
  register: { ...REGISTER, binding: true },
  register2: REGISTER,
  call: { ...RINGING, refused: true },
  branch: RINGING,
  join: RINGING,
  transfer: {
    calling: true,
    ringing: true,
    "picking-up": true,
    "picked-up": true,
    waiting: true,
    done: true,
    refused: true,
    failed: true,
  },
  dtmf: null,
  text: null,
  relay: { on: true, off: true },
  door: { opened: true, closed: true, forced: true, "left-open": true },
  tamper: { opened: true, closed: true },
  alarm: { on: true, off: true },
  led: null,
  audio: null,
  page: { started: true, ended: true },
  sound: { moved: true, quiet: true, back: true },
  phone: { registered: true, gone: true },
  people: null,
  wifi: { found: true, scanned: true },
  link: { lost: true, full: true, refused: true, back: true },
  config: null,
  error: null,
};

/** @param value null for any @returns "" if there is such an event, or the names that are allowed */
export function eventProblem(name: string, value: string | null): string {
  const found = (Object.keys(EVENTS) as EventName[]).find((one) => one === name);
  if (found === undefined) return "events are " + Object.keys(EVENTS).join(", ");
  const values = EVENTS[found];
  if (value === null || values === null || Object.keys(values).includes(value)) return "";
  return found + " is " + Object.keys(values).join(", ");
}
