/**
 * The sweep plays one message of a call with one of its fields in each length from nothing to twice the largest limit.
 * `npm test` thins it: some messages and fields, some of their lengths, and between two lengths that end differently
 * the octet at which the end changes. SWEEP=all takes all messages and fields in that way, SWEEP=whole each of their
 * lengths, SWEEP=N each N-th. Not here: the roles that are swept (door.test.ts, servers.test.ts).
 */
import { isLeftOut } from "../runs.js";

/** Twice the largest datagram of a door. */
export const LONGEST = 2 * 3584;
const COARSE = LONGEST / 4;

/** Makes a field of a message longer by this many octets; null: the message has no such field. */
export type Pad = (message: string, octets: number) => string | null;

const SDP_END = "a=rtpmap:101 telephone-event/8000\r\n";

function inLine(message: string, name: string, put: (value: string) => string): string | null {
  const at = message.indexOf(`\r\n${name}: `);
  if (at < 0) return null;
  const start = at + name.length + 4;
  const end = message.indexOf("\r\n", start);
  return message.slice(0, start) + put(message.slice(start, end)) + message.slice(end);
}

function added(message: string, lines: string): string {
  const at = message.indexOf("\r\n") + 2;
  // The field goes behind Via, because some read Via first.
  const behind = message.indexOf("\r\n", message.indexOf("\r\nVia: ") + 2) + 2;
  return message.slice(0, Math.max(at, behind)) + lines + message.slice(Math.max(at, behind));
}

const one = (name: string, value: (x: string) => string): Pad => {
  return (message, n) => (n === 0 ? message : added(message, `${name}: ${value("x".repeat(n))}\r\n`));
};

const many = (name: string, value: (i: number) => string): Pad => {
  return (message, n) => {
    const lines: string[] = [];
    for (let left = n; left > 0; ) {
      const line = `${name}: ${value(lines.length)}\r\n`;
      lines.push(line);
      left -= line.length;
    }
    return added(message, lines.join(""));
  };
};

const longer = (name: string, put: (value: string, x: string) => string): Pad => {
  return (message, n) => inLine(message, name, (value) => put(value, "x".repeat(n)));
};

const param = (value: string, x: string): string => (x === "" ? value : `${value};p=${x}`);

/** A body that grows keeps its Content-Length right. */
function withBody(message: string, change: (body: string) => string): string {
  const at = message.indexOf("\r\n\r\n") + 4;
  const body = change(message.slice(at));
  return message.slice(0, at).replace(/Content-Length: \d+/, `Content-Length: ${body.length}`) + body;
}

export const FIELDS: Record<string, Pad> = {
  line: (m, n) =>
    m.startsWith("SIP/2.0")
      ? m.replace(/^(SIP\/2.0 \d+ )/, `$1${"x".repeat(n)}`)
      : n === 0
        ? m
        : m.replace(" SIP/2.0\r\n", `;p=${"x".repeat(n)} SIP/2.0\r\n`),
  via: longer("Via", param),
  branch: longer("Via", (value, x) => value.replace(/(branch=[^;]*)/, `$1${x}`)),
  vias: (m, n) => {
    let lines = "";
    while (lines.length < n) lines += `Via: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bK${lines.length}\r\n`;
    return added(m, lines);
  },
  route: one("Record-Route", (x) => `<sip:10.0.0.2;p=${x};lr>`),
  routes: many("Record-Route", (i) => `<sip:10.0.0.2;p=${String(i).padStart(16, "0")};lr>`),
  strict: one("Record-Route", (x) => `<sip:10.0.0.2;p=${x}>`),
  from: longer("From", param),
  name: longer("From", (value, x) => `"${x}" ${value}`),
  tag: longer("From", (value, x) => value.replace(/(;tag=[^;]*)/, `$1${x}`)),
  to: longer("To", param),
  call: longer("Call-ID", (value, x) => value + x),
  cseq: longer("CSeq", (value, x) => "0".repeat(x.length) + value),
  contact: longer("Contact", (value, x) => value.replace("sip:", `sip:${x}`)),
  contacts: many("Contact", (i) => `<sip:x${i}@10.0.0.2>`),
  require: one("Require", (x) => x),
  proxy: one("Proxy-Require", (x) => x),
  supported: one("Supported", (x) => x),
  stamp: one("Timestamp", (x) => x),
  other: one("X", (x) => x),
  others: many("X", () => "y"),
  folded: (m, n) => (n === 0 ? m : added(m, `Subject: a${"\r\n b".repeat(n / 4)}\r\n`)),
  credentials: one("Proxy-Authorization", (x) => `Digest username="u", realm="r", nonce="${x}", uri="u", response="0"`),
  challenge: one("WWW-Authenticate", (x) => `Digest realm="r", nonce="${x}"`),
  type: longer("Content-Type", param),
  length: longer("Content-Length", (value, x) => "0".repeat(x.length) + value),
  expires: longer("Expires", (value, x) => "0".repeat(x.length) + value),
  media: (m, n) => (m.includes(SDP_END) ? withBody(m, (body) => `${body}a=${"x".repeat(n)}\r\n`) : null),
  medias: (m, n) =>
    m.includes(SDP_END) ? withBody(m, (body) => body + "m=video 0 RTP/AVP 31\r\n".repeat(Math.ceil(n / 22))) : null,
  body: (m, n) => (m.includes(SDP_END) || n === 0 ? null : withBody(m, (body) => body + "b".repeat(n))),
};

/** `npm test` takes one message in twelve, another one for each field and each script; SWEEP takes all of them. */
export function isPassedOver(message: number, field: number, what: string): boolean {
  return isLeftOut(message + field, what.length, 12);
}

/** Lengths from nothing to `LONGEST`. @param outcome plays one length, sees that all ends, and says how it went */
export function sweep(outcome: (octets: number) => string): number {
  const mode = process.env.SWEEP ?? "";
  let count = 0;
  const known = new Map<number, string>();
  const play = (n: number): string => {
    const found = known.get(n);
    if (found !== undefined) return found;
    count += 1;
    const how = outcome(n);
    known.set(n, how);
    return how;
  };
  const step = mode === "whole" ? 1 : Number(mode);
  if (step > 0) {
    for (let n = 0; n <= LONGEST; n += step) {
      outcome(n);
      count += 1;
    }
    return count;
  }
  const refine = (low: number, high: number): void => {
    if (high - low < 2 || play(low) === play(high)) return;
    const middle = (low + high) >> 1;
    refine(low, middle);
    refine(middle, high);
  };
  for (let n = 0; n < LONGEST; n += COARSE) refine(n, n + COARSE);
  return count;
}
