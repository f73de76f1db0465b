/**
 * The ladder for looking back: all kept messages on a screen of its own, or one of them whole. Keys move, open and
 * leave. It draws when it is asked to and holds no terminal. Not here: what a line of the ladder is (ladder.ts), keys
 * as octets (keyboard.ts).
 */
import { safe, seconds } from "./events.js";
import type { Ladder, Rung } from "./ladder.js";

const OWN_SCREEN = "\x1b[?1049h\x1b[?25l";
const OLD_SCREEN = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_REST = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const LIST_KEYS = "arrows, PgUp, PgDn, Home, End; Enter opens; q leaves";
const MESSAGE_KEYS = "arrows, PgUp, PgDn; left and right: the one before and after; q goes back";

export interface Screen {
  write(text: string): void;
  /** Columns and rows, as they are now. */
  size(): readonly [number, number];
}

export class LadderView {
  isOpen = false;
  private readonly ladder: Ladder;
  private readonly screen: Screen;
  /** The chosen message; the newest unless a key moved elsewhere. */
  private chosen: Rung | null = null;
  private isAtEnd = true;
  /** The first line that is shown, of the list or of the message. */
  private top = 0;
  private isWhole = false;

  constructor(ladder: Ladder, screen: Screen) {
    this.ladder = ladder;
    this.screen = screen;
  }

  private get columns(): number {
    return this.screen.size()[0];
  }

  private get rows(): number {
    return this.screen.size()[1];
  }

  open(): void {
    this.isOpen = true;
    this.isAtEnd = true;
    this.isWhole = false;
    this.top = Number.MAX_SAFE_INTEGER;
    this.screen.write(OWN_SCREEN);
    this.draw();
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.screen.write(OLD_SCREEN);
  }

  /** @param name of the key in Node: up, pagedown, return, … */
  key(name: string): void {
    if (name === "q" || name === "escape") {
      if (!this.isWhole) {
        this.close();
        return;
      }
      this.isWhole = false;
      this.top = Number.MAX_SAFE_INTEGER;
    } else if (this.isWhole) this.keyOfMessage(name);
    else this.keyOfList(name);
    this.draw();
  }

  private keyOfList(name: string): void {
    const page = this.room(this.ladder.heads().length);
    if (name === "up" || name === "k") this.move(-1);
    else if (name === "down" || name === "j") this.move(1);
    else if (name === "pageup") this.move(-page);
    else if (name === "pagedown" || name === "space") this.move(page);
    else if (name === "home") this.move(-Infinity);
    else if (name === "end") this.move(Infinity);
    else if ((name === "return" || name === "enter" || name === "right") && this.ladder.rungs.length > 0) {
      this.isWhole = true;
      this.top = 0;
    }
  }

  private keyOfMessage(name: string): void {
    const page = this.room(1);
    if (name === "up" || name === "k") this.top -= 1;
    else if (name === "down" || name === "j") this.top += 1;
    else if (name === "pageup") this.top -= page;
    else if (name === "pagedown" || name === "space") this.top += page;
    else if (name === "home") this.top = 0;
    else if (name === "end") this.top = Number.MAX_SAFE_INTEGER;
    else if (name === "left" || name === "right") {
      this.move(name === "left" ? -1 : 1);
      this.top = 0;
    } else if (name === "return" || name === "enter") {
      this.isWhole = false;
      this.top = Number.MAX_SAFE_INTEGER;
    }
  }

  private index(): number {
    const { rungs } = this.ladder;
    const at = this.chosen === null ? -1 : rungs.indexOf(this.chosen);
    // The newest message, or the oldest that is still kept.
    return this.isAtEnd ? rungs.length - 1 : Math.max(0, at);
  }

  private move(by: number): void {
    const { rungs } = this.ladder;
    const at = Math.max(0, Math.min(rungs.length - 1, this.index() + by));
    this.chosen = rungs[at] ?? null;
    this.isAtEnd = at >= rungs.length - 1;
  }

  /** @returns the lines between the head and the last line, which names the keys */
  private room(above: number): number {
    return Math.max(1, this.rows - above - 1);
  }

  /** Draws the screen; also called when messages came, or the screen has another size. */
  draw(): void {
    if (!this.isOpen) return;
    const at = this.index();
    this.chosen = this.ladder.rungs[at] ?? null;
    const lines = this.isWhole && this.chosen !== null ? this.message(this.chosen) : this.list(at);
    const cut = lines.slice(0, this.rows).map((line) => line + CLEAR_REST);
    this.screen.write(HOME + cut.join("\r\n") + CLEAR_BELOW);
  }

  private list(at: number): string[] {
    const { rungs } = this.ladder;
    const heads = this.ladder.heads();
    const room = this.room(heads.length);
    this.top = clamp(this.top, at - room + 1, at);
    this.top = clamp(this.top, 0, Math.max(0, rungs.length - room));
    const rows: string[] = [];
    for (let i = this.top; i < Math.min(rungs.length, this.top + room); i++) {
      const row = this.ladder.row(rungs[i]);
      // The first column of a time is empty for the first 1,000 s.
      rows.push(i === at ? ">" + row.slice(1) : row);
    }
    if (rungs.length === 0) rows.push("no message yet");
    while (rows.length < room) rows.push("");
    const place = rungs.length === 0 ? "" : `${at + 1} of ${rungs.length}; `;
    return [...heads, ...rows, this.cut(place + LIST_KEYS)];
  }

  private message(rung: Rung): string[] {
    const way = rung.isTcp ? "TCP" : "UDP";
    const head = `${seconds(rung.tMs).trim()} s, ${safe(rung.from)} -> ${safe(rung.to)}, ${way}, ${rung.bytes.length} octets`;
    const lines: string[] = [];
    for (const line of Buffer.from(rung.bytes).toString("utf8").split(/\r?\n/)) lines.push(...this.folded(safe(line)));
    const room = this.room(1);
    this.top = clamp(this.top, 0, Math.max(0, lines.length - room));
    const rows = lines.slice(this.top, this.top + room);
    while (rows.length < room) rows.push("");
    return [this.cut(head + (rung.isAgain ? ", again" : "")), ...rows, this.cut(MESSAGE_KEYS)];
  }

  /** Nothing of a message is cut off. */
  private folded(line: string): string[] {
    const rows: string[] = [];
    for (let at = 0; at === 0 || at < line.length; at += this.columns) rows.push(line.slice(at, at + this.columns));
    return rows;
  }

  private cut(line: string): string {
    return line.slice(0, this.columns);
  }
}

/**
 * Breaks lines that are wider than the screen between words; they go on below the column in which their text begins. A
 * text with colours fits the screen already.
 */
export function folded(text: string, columns: number): string {
  return text
    .split("\n")
    .map((line) => (line.length > columns && !line.includes("\x1b") ? foldedLine(line, columns) : line))
    .join("\n");
}

function foldedLine(line: string, columns: number): string {
  const column = /^ *\S+(?: \S+)*? {2,}(?=\S)/.exec(line)?.[0].length ?? 0;
  const indent = column > 0 && column < columns / 2 ? column : line.length - line.trimStart().length + 2;
  let out = "";
  let rest = line;
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(" ", columns);
    // A word that is wider than the screen has to be broken.
    const end = blank > indent ? blank : columns;
    out += rest.slice(0, end).trimEnd() + "\n";
    rest = " ".repeat(indent) + rest.slice(end).trimStart();
    if (indent >= columns - 1) break;
  }
  return out + rest;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
