/**
 * Events for people and for scripts: each has a time, a party, a name and a value, printed as JSON or as a line. Not
 * here: messages on the network (ladder.ts).
 */
import { isSteering, steeringEscape, unicodeEscape } from "../../src/core/printable.js";
import { eventLine as doorLine } from "../../src/intercom/eventline.js";

export interface SimEvent {
  /** ms since start. */
  t: number;
  /** "door", "phone", … */
  who: string;
  /** "register", "call", "dtmf", "relay", "led", "audio", "config", "error". */
  event: string;
  value: string;
  /** Further values: reason, code, packets, … */
  [extra: string]: string | number | boolean;
}

/** One line of JSON, without its end. Time to the microsecond; characters that a terminal would act on are escaped. */
export function eventJson(event: SimEvent): string {
  const text = JSON.stringify({ ...event, t: Math.round(event.t * 1000) / 1000 });
  let out = "";
  for (let i = 0; i < text.length; i++) out += isSteering(text, i) ? unicodeEscape(text.charCodeAt(i)) : text[i];
  return out;
}

/** One line for people, without its end: `   1.234 door   call confirmed code=200 reason="Good day"`. */
export function eventLine({ t, who, event, value, ...extra }: SimEvent): string {
  return seconds(t) + " " + safe(who).padEnd(6) + " " + doorLine(safe(event), value, fieldsOf(extra));
}

/** One line with its end, as a board prints it on its console: `call confirmed direction=out codec=PCMU`. */
export function consoleLine({ t: _t, who: _who, event, value, ...extra }: SimEvent): string {
  return doorLine(safe(event), value, fieldsOf(extra)) + "\n";
}

function fieldsOf(extra: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(extra).map(([key, value]) => [safe(key), String(value)]));
}

/** Writes s.mmm, right-aligned in eight places. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(8);
}

/**
 * Text from outside made fit for a terminal: characters that steer one, or turn the direction of writing, are shown by
 * number.
 */
export function safe(text: string): string {
  let out = "";
  for (let i = 0; i < text.length; i++) out += isSteering(text, i) ? steeringEscape(text.charCodeAt(i)) : text[i];
  return out;
}
