/**
 * What happens, for people and for scripts: events with a time, who, what and a value, printed as JSON or as a line.
 * Not here: messages on the network (ladder.ts).
 */

export interface SimEvent {
  /** ms since start. */
  t: number;
  /** "door", "phone", … */
  who: string;
  /** "register", "call", "dtmf", "relay", "led", "audio", "config", "error". */
  event: string;
  value: string;
  /** What belongs to it: reason, code, packets, … */
  [extra: string]: string | number | boolean;
}

/** One line of JSON, without its end. Time to the microsecond; octets that a terminal would act on are escaped. */
export function eventJson(event: SimEvent): string {
  const text = JSON.stringify({ ...event, t: Math.round(event.t * 1000) / 1000 });
  return text.replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => "\\u" + hex(c, 4));
}

/** One line for people, without its end: `   1.234 door   call confirmed code=200 reason="Good day"`. */
export function eventLine(event: SimEvent): string {
  const { t, who, event: name, value, ...extra } = event;
  let line = seconds(t) + " " + safe(who).padEnd(6) + " " + safe(name);
  if (value !== "") line += " " + safe(value);
  for (const key of Object.keys(extra)) {
    const shown = safe(String(extra[key]));
    line += " " + safe(key) + "=" + (/^[^\s"]+$/.test(shown) ? shown : '"' + shown + '"');
  }
  return line;
}

/** As a board prints it on its console, with its end: `call confirmed direction=out codec=PCMU`. */
export function consoleLine({ t: _t, who: _who, event: name, value, ...extra }: SimEvent): string {
  let line = safe(name) + " " + safe(value);
  for (const key of Object.keys(extra)) line += " " + safe(key) + "=" + safe(String(extra[key]));
  return line + "\n";
}

/** s.mmm, right-aligned in eight places. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(8);
}

/** Text from outside made fit for a terminal: control characters, and those that turn the direction of writing, are shown by number. */
export function safe(text: string): string {
  return text
    .replace(/\p{Cc}/gu, (c) => "\\x" + hex(c, 2))
    .replace(/[\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (c) => "\\u" + hex(c, 4));
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
