/**
 * The message ladder for a terminal, in the manner of sngrep: a column a party, an arrow a message, as they come.
 *
 *      0.012 |--- INVITE sip:phone@192.0.2.2 (SDP) --->|
 *
 * A message whose octets went the same way before is marked "again". A party without a column is named in words. The
 * last messages are kept for looking back (ladder-view.ts). Not here: RTP, and events (events.ts).
 */
import { styleText } from "node:util";
import { isStun } from "../../src/wire/stun.js";
import type { Carried } from "./carried.js";
import { safe, seconds } from "./events.js";

const TIME_COLUMNS = 9;
const WIDTH_MIN = 40;
/** Columns between two parties; with fewer, the arrows tell nothing any more. */
const GAP_MIN = 16;
const GAP_MAX = 64;
/**
 * How many messages are remembered to find one that comes again. RFC 3261 ends retransmitting after 32 s; this is more
 * than 32 s of them.
 */
const REMEMBERED = 64;
/** After this many lines the names are repeated. */
const NAMES_EVERY = 40;

/** Messages that are kept for looking back, and octets of them. */
const KEPT = 2000;
const KEPT_BYTES = 4_000_000;

/** The part of a message that is shown. */
export interface Headline {
  /** `INVITE sip:a@b (SDP)`, `200 OK INVITE`; "" if the octets are no message, as with a keep-alive or STUN. */
  text: string;
  /** The status code, 0 for a request. */
  status: number;
}

/** One message that was seen. */
export interface Rung {
  tMs: number;
  from: string;
  to: string;
  isTcp: boolean;
  /** It went by TLS, and is shown as it was before that. */
  isTls: boolean;
  /** Whether the same octets went the same way not long ago. */
  isAgain: boolean;
  head: Headline;
  bytes: Uint8Array;
}

export class Ladder {
  /** The last messages, the oldest first. */
  readonly rungs: Rung[] = [];
  /** Is told each message. */
  onRung: ((rung: Rung) => void) | null = null;
  /** A sentence that is shown below an arrow, "" for none. */
  explain: (rung: Rung) => string = () => "";
  private readonly print: (line: string) => void;
  private width: number;
  private readonly colour: boolean;
  private readonly names = new Map<string, string>();
  private readonly parties: string[] = [];
  private readonly last: { way: string; bytes: Uint8Array }[] = [];
  private lines = 0;
  private keptBytes = 0;

  /**
   * @param print is given lines without their end
   * @param width columns of the terminal
   * @param colour for a terminal only
   */
  constructor(print: (line: string) => void, width = 80, colour = false) {
    this.print = print;
    this.width = Math.max(WIDTH_MIN, width);
    this.colour = colour;
  }

  /** The terminal has another width from now on. */
  resize(width: number): void {
    if (this.width === Math.max(WIDTH_MIN, width)) return;
    this.width = Math.max(WIDTH_MIN, width);
    this.lines = 0;
  }

  /** Names the party at that address, written as text; port 0 for any port of it. */
  name(ip: string, port: number, name: string): void {
    this.names.set(ip + ":" + port, name);
  }

  /** Shows one message; octets that are no SIP message are passed over. The octets are only read. */
  message(carried: Carried): void {
    const { tMs, isTcp, isTls = false, bytes, start, end } = carried;
    const head = headline(bytes, start, end);
    if (head.text === "") return;
    const from = this.nameOf(carried.from, carried.fromPort);
    const to = this.nameOf(carried.to, carried.toPort);
    // A party that is seen for the first time gets a column, if there is room.
    this.party(from);
    this.party(to);
    const copy = bytes.slice(start, end);
    const isAgain = this.remember([isTcp, carried.from, carried.fromPort, carried.to, carried.toPort].join(" "), copy);
    const rung = { tMs, from, to, isTcp, isTls, isAgain, head, bytes: copy };
    this.keep(rung);
    this.onRung?.(rung);
    if (this.lines++ % NAMES_EVERY === 0) for (const line of this.heads()) this.print(line);
    this.print(this.row(rung));
    const sentence = this.explain(rung);
    if (sentence !== "") this.print(" ".repeat(TIME_COLUMNS) + this.dimmed(sentence));
  }

  /** One message as a line. */
  row({ tMs, from, to, isTcp, isTls, isAgain, head }: Rung): string {
    const gap = this.gap();
    const label = head.text + (isTls ? " (TLS)" : isTcp ? " (TCP)" : "") + (isAgain ? " (again)" : "");
    const [fromAt, toAt] = [this.parties.indexOf(from), this.parties.indexOf(to)];
    let row = "";
    if (fromAt < 0 || toAt < 0 || fromAt === toAt) {
      const room = this.width - TIME_COLUMNS;
      const who = safe(from) + " -> " + safe(to) + ": ";
      row = cut(who + cut(label, Math.max(GAP_MIN, room - who.length)), room);
    } else {
      const left = Math.min(fromAt, toAt);
      const right = Math.max(fromAt, toAt);
      for (let i = 0; i < this.parties.length; i++) {
        row += "|";
        if (i === left) {
          const drawn = arrow(label, (right - left) * (gap + 1) - 1, fromAt > toAt);
          row += this.paint(drawn, head.status, isAgain);
        } else if (i < left || i >= right) row += " ".repeat(gap);
        if (i === left) i = right - 1;
      }
    }
    return seconds(tMs) + " " + row.trimEnd();
  }

  /** The names above the columns, whole: a name that would run into the next stands on a line of its own. */
  heads(): string[] {
    const gap = this.gap();
    const rows: string[] = [];
    for (const [i, party] of this.parties.entries()) {
      const bar = TIME_COLUMNS + i * (gap + 1);
      const shown = cut(safe(party), this.width - TIME_COLUMNS);
      // The last name ends under its bar, so that it fits; other names that are too long for the space to their right
      // begin further left.
      const isLast = i === this.parties.length - 1 && i > 0;
      const at = Math.max(TIME_COLUMNS, isLast ? bar - shown.length + 1 : Math.min(bar, this.width - shown.length));
      const free = rows.findIndex((row) => row.length < at);
      const row = free < 0 ? rows.push("") - 1 : free;
      rows[row] = rows[row].padEnd(at) + shown;
    }
    return rows;
  }

  private keep(rung: Rung): void {
    this.rungs.push(rung);
    this.keptBytes += rung.bytes.length;
    while (this.rungs.length > KEPT || this.keptBytes > KEPT_BYTES)
      this.keptBytes -= this.rungs.shift()?.bytes.length ?? 0;
  }

  private nameOf(ip: string, port: number): string {
    return this.names.get(ip + ":" + port) ?? this.names.get(ip + ":0") ?? ip + ":" + port;
  }

  /** @returns the column, -1 if there is none: strangers, of whom there may be any number, get none */
  private party(name: string): number {
    const at = this.parties.indexOf(name);
    if (at >= 0) return at;
    const named = new Set(this.names.values());
    const columns = 1 + Math.floor((this.width - TIME_COLUMNS - 1) / (GAP_MIN + 1));
    const kept = named.has(name) ? 0 : [...named].filter((other) => !this.parties.includes(other)).length;
    if (this.parties.length + kept >= columns) return -1;
    this.lines = 0;
    return this.parties.push(name) - 1;
  }

  private gap(): number {
    const columns = Math.max(1, this.parties.length - 1);
    return Math.min(GAP_MAX, Math.floor((this.width - TIME_COLUMNS - 1) / columns) - 1);
  }

  /** @returns whether the same octets went the same way not long ago */
  private remember(way: string, bytes: Uint8Array): boolean {
    const again = this.last.some((one) => one.way === way && Buffer.compare(one.bytes, bytes) === 0);
    if (again) return true;
    if (this.last.length === REMEMBERED) this.last.shift();
    this.last.push({ way, bytes });
    return false;
  }

  private dimmed(text: string): string {
    return this.colour ? styleText("dim", text, { validateStream: false }) : text;
  }

  private paint(arrow: string, status: number, again: boolean): string {
    if (!this.colour) return arrow;
    const tone = again ? "dim" : status === 0 ? "cyan" : status < 300 ? "green" : "red";
    return styleText(tone, arrow, { validateStream: false });
  }
}

/** `--- label --->` of exactly `length` columns. */
function arrow(label: string, length: number, toLeft: boolean): string {
  const shown = " " + cut(label, length - 6) + " ";
  const before = Math.floor((length - shown.length) / 2);
  const after = length - shown.length - before;
  return toLeft
    ? "<" + "-".repeat(before - 1) + shown + "-".repeat(after)
    : "-".repeat(before) + shown + "-".repeat(after - 1) + ">";
}

/** Cuts from the middle, so that the method and the marks stay. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const tail = Math.min(Math.floor(length / 2), 16);
  return text.slice(0, length - tail - 2) + ".." + text.slice(text.length - tail);
}

/**
 * Reads a message leniently, because a message that a parser refuses is shown too. The result is fit for a terminal.
 */
export function headline(bytes: Uint8Array, start: number, end: number): Headline {
  // It comes every 25 s, as keep-alives do.
  if (isStun(bytes, start, end)) return { text: "", status: 0 };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    .toString("utf8")
    // Empty lines before a message. RFC 3261 §7.5
    .replace(/^(?:\r?\n)+/, "");
  const split = text.search(/\r?\n\r?\n/);
  const lines = (split < 0 ? text : text.slice(0, split)).split(/\r?\n/);
  const hasBody = split >= 0 && text.slice(split).trim() !== "";
  const first = lines[0].trim();
  if (first === "") return { text: "", status: 0 };
  const type = hasBody ? field(lines, /^(?:content-type|c)[ \t]*:/i) : "";
  const sdp = /application\/sdp/i.test(type) || (/^multipart\//i.test(type) && /application\/sdp/i.test(text));
  const marks = sdp ? " (SDP)" : "";
  const response = /^SIP\/2\.0[ \t]+(\d{3})[ \t]?(.*)$/i.exec(first);
  if (response !== null) {
    const method = field(lines, /^cseq[ \t]*:/i).split(/[ \t]+/)[1] ?? "";
    const words = [response[1], response[2].trim(), method].filter((word) => word !== "");
    return { text: safe(words.join(" ") + marks), status: Number(response[1]) };
  }
  return { text: safe(first.replace(/[ \t]+SIP\/\d+\.\d+$/i, "") + marks), status: 0 };
}

/** @returns the first field whose line begins so, without its name */
function field(lines: readonly string[], name: RegExp): string {
  for (const line of lines) if (name.test(line)) return line.slice(line.indexOf(":") + 1).trim();
  return "";
}
