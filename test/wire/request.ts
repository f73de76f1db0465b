/** An OPTIONS request in parts, and one message view that tests read it with. */
import { octets, Span, text } from "../../src/core/bytes.js";
import { Message } from "../../src/wire/message.js";

export const message = new Message(48);

export const VIA = "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc;rport";
export const FROM = "From: <sip:a@example.com>;tag=1a";
export const TO = "To: <sip:b@example.com>";
export const CALL_ID = "Call-ID: x1@192.0.2.1";
export const CSEQ = "CSeq: 7 OPTIONS";
export const LENGTH = "Content-Length: 0";
export const LINE = "OPTIONS sip:b@example.com SIP/2.0";
export const ALL = [VIA, FROM, TO, CALL_ID, CSEQ, LENGTH];

export function wire(lines: readonly string[], body = "", lineEnd = "\r\n"): Uint8Array {
  return octets(lines.join(lineEnd) + lineEnd + lineEnd + body);
}

export function parse(bytes: Uint8Array, stream = false): number {
  return message.parse(bytes, 0, bytes.length, stream);
}

/** Makes an OPTIONS with `lines` in place of, or beside, the fields that every request has. */
export function parseWith(...lines: string[]): number {
  const names = lines.map((line) => line.slice(0, line.indexOf(":")).trim().toLowerCase());
  const rest = ALL.filter((line) => !names.includes(line.slice(0, line.indexOf(":")).toLowerCase()));
  return parse(wire([LINE, ...rest, ...lines]));
}

export function parseWithout(name: string): number {
  return parse(wire([LINE, ...ALL.filter((line) => !line.startsWith(`${name}:`))]));
}

export function slice(start: number, end: number): string {
  return text(message.bytes, start, end);
}

export function valueText(id: number): string | null {
  const span = new Span();
  return message.value(id, span) ? span.toString() : null;
}
