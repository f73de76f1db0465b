/**
 * Splits a message as the parser of src/ sees it into lines, and each line into pieces with their kinds. A message that
 * the parser refuses is shown as it came. Not here: what a piece means in words (words/).
 */
import { Message } from "../../src/wire/message.js";
import { HEADER_NAMES, HEADER_OTHER } from "../../src/wire/names.js";
import type { Part, RawLine } from "./protocol.js";

const ROWS = 128;
const PART_START = 0;
const PART_END = 1;

/** A span is [start, end, kind] over the octets. */
type Mark = readonly [number, number, string];

/** @returns the message's lines; parts put together are the whole line */
export function spansOf(bytes: Uint8Array): RawLine[] {
  const message = new Message(ROWS);
  message.parse(bytes, 0, bytes.length, false);
  const marks = marksOf(message);
  const names = namesOf(message);
  const bodyStart = message.bodyStart > 0 ? message.bodyStart : bytes.length;
  const lines: RawLine[] = [];
  let header = "start";
  for (let at = 0; at < bytes.length; ) {
    const lf = bytes.indexOf(10, at);
    const next = lf < 0 ? bytes.length : lf + 1;
    let end = lf < 0 ? bytes.length : lf;
    if (end > at && bytes[end - 1] === 13) end -= 1;
    if (at >= bodyStart) lines.push({ header: "body", parts: [["body", textOf(bytes, at, end)]] });
    else {
      // A line that begins with white space goes on with the field before it. RFC 3261 §7.3.1
      const isFolded = bytes[at] === 0x20 || bytes[at] === 9;
      if (lines.length > 0 && !isFolded) header = names.get(at) ?? "";
      lines.push({ header, parts: partsOf(bytes, at, end, marks) });
    }
    at = next;
  }
  return lines;
}

/** Finds where each field begins, and its usual name, also for compact forms. */
function namesOf(message: Message): Map<number, string> {
  const names = new Map<number, string>();
  for (let row = 0; row < message.rows; row++) {
    const id = message.id(row);
    const start = message.nameStart(row);
    const own = textOf(message.bytes, start, message.nameEnd(row));
    names.set(start, id === HEADER_OTHER ? own : textOf(HEADER_NAMES[id], 0, HEADER_NAMES[id].length));
  }
  return names;
}

function marksOf(m: Message): Mark[] {
  const marks: Mark[] = [];
  const add = (start: number, end: number, kind: string): void => {
    if (end > start) marks.push([start, end, kind]);
  };
  if (m.isRequest) {
    add(m.methodStart, m.methodEnd, "method");
    add(m.uriStart, m.uriEnd, "uri");
  } else if (m.status > 0) {
    add(m.start + "SIP/2.0 ".length, m.start + "SIP/2.0 200".length, "status");
    add(m.reasonStart, m.reasonEnd, "reason");
  }
  add(m.branchStart, m.branchEnd, "branch");
  add(m.fromTagStart, m.fromTagEnd, "tag");
  add(m.toTagStart, m.toTagEnd, "tag");
  add(m.callIdStart, m.callIdEnd, "call-id");
  add(m.cseqMethodStart, m.cseqMethodEnd, "method");
  for (let row = 0; row < m.rows; row++) add(m.nameStart(row), m.nameEnd(row), "name");
  for (let row = 0; row < m.rows; row++) {
    const [start, end] = [m.valueStart(row), m.valueEnd(row)];
    // A marked part inside of a value is cut out of the rest of it.
    const inside = marks.filter((mark) => mark[2] !== "name" && mark[PART_START] >= start && mark[PART_END] <= end);
    let at = start;
    for (const mark of inside.sort((a, b) => a[PART_START] - b[PART_START])) {
      add(at, mark[PART_START], "value");
      at = mark[PART_END];
    }
    add(at, end, "value");
  }
  return marks.sort((a, b) => a[PART_START] - b[PART_START]);
}

function partsOf(bytes: Uint8Array, start: number, end: number, marks: readonly Mark[]): Part[] {
  const parts: Part[] = [];
  let at = start;
  for (const [from, to, kind] of marks) {
    if (to <= at || from >= end) continue;
    if (from > at) parts.push(["", textOf(bytes, at, from)]);
    const stop = Math.min(to, end);
    parts.push([kind, textOf(bytes, Math.max(at, from), stop)]);
    at = stop;
  }
  if (at < end) parts.push(["", textOf(bytes, at, end)]);
  return parts;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}
