/**
 * The serial line's side of the console: octets come in, lines go to the console, its answers go out. For a person with
 * a terminal it echoes and edits (Enter sends CR), keeps the last lines and completes by Tab; for a program (LF) it is
 * silent but for answers. It takes the other side for a program until a CR without LF comes, and again after an LF. Its
 * memory is fixed. A line with control characters that edit nothing, as noise has, is dropped as a whole. A line that
 * is longer than the screen moves sideways under the cursor, and a password or code that is typed shows as stars. Not
 * here: what the lines do.
 */
import { octets, text } from "../core/bytes.js";

/** The longest line, in octets. */
export const LINE_BYTES = 768;
/** Octets for the lines before; the oldest lines make room. */
const HISTORY_BYTES = 1024;

const CTRL_A = 1;
const CTRL_C = 3;
const CTRL_D = 4;
const CTRL_E = 5;
const BACKSPACE = 8;
const TAB = 9;
const LF = 10;
const CTRL_K = 11;
const CTRL_L = 12;
const CR = 13;
const CTRL_N = 14;
const CTRL_P = 16;
const CTRL_U = 21;
const CTRL_W = 23;
const ESCAPE = 27;
const SPACE = 0x20;
const TILDE = 0x7e;
const DELETE = 0x7f;

// How much of an escape sequence has come: ESC, then "[" or "O", then digits.
const PLAIN = 0;
const ESCAPED = 1;
const BRACKET = 2;

/** The character that decoding puts for octets that are no UTF-8. */
const NO_CHARACTER = "\ufffd";
const PROMPT = "portero> ";
/** The width that is assumed of a terminal. */
const COLUMNS = 80;
/** The part of the screen that stands left of the cursor in a line that is too long for it. */
const LEFT_PART = 0.75;
const MORE_LEFT = "<";
const MORE_RIGHT = ">";
const STAR = "*";
/** The one line that is shown, once, in place of events while it is locked. */
const LOCKED = "console locked\n";
/** Erases what stands behind the cursor. */
/** Begins a code of a person. */
const CODE_OPTION = "--code ";
const CLEAR_LINE = "\r\x1b[K";

export interface TerminalUser {
  /** Carries a line out. @returns what to print, lines ended by \n */
  line(input: string): string;
  /** Returns the whole words that the word at the end of `input` may become, for Tab. */
  complete(input: string): readonly string[];
  /**
   * Whether nobody is logged in at this place; then events are not shown and lines are not remembered. A user without
   * this is never locked.
   */
  isLocked?(): boolean;
}

export class Terminal {
  /** Columns of the screen. */
  columns = COLUMNS;
  private readonly user: TerminalUser;
  private readonly send: (text: string) => void;
  private readonly bytes = new Uint8Array(LINE_BYTES);
  private length = 0;
  /** Where the next octet goes. */
  private cursor = 0;
  private isTooLong = false;
  /** Whether the line has octets that no line may have. */
  private isSpoilt = false;
  private isPerson = false;
  private afterCr = false;
  private escape = PLAIN;
  private parameter = 0;
  /** The lines before, the newest first, each behind two octets of its length. */
  private readonly history = new Uint8Array(HISTORY_BYTES);
  private historyEnd = 0;
  /** The number of the earlier line that is shown; 0: none. */
  private recalled = 0;
  /** Whether it was locked when that was last asked, and that was shown. */
  private wasLocked = false;
  private isLockTold = false;

  /** @param send prints a text; where a person is there it has the line ends that a terminal wants */
  constructor(user: TerminalUser, send: (text: string) => void) {
    this.user = user;
    this.send = send;
  }

  /** Takes octets as they come; they stay the caller's. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.isLocked();
    for (let i = start; i < end; i++) this.octet(bytes[i], i + 1 < end && bytes[i + 1] === LF);
  }

  /** Prints events, lines ended by \n. A line that is being typed is shown again below them. */
  print(lines: string): void {
    if (lines === "") return;
    const isLocked = this.isLocked();
    if (isLocked && this.isLockTold) return;
    this.isLockTold = isLocked;
    this.show(isLocked ? LOCKED : lines);
  }

  /** A person begins to type: shows the prompt. */
  open(): void {
    this.isPerson = true;
    this.clear();
    this.redraw();
  }

  /** The person has left: takes the line off the screen, and forgets what stood in it. */
  leave(): void {
    this.send(CLEAR_LINE);
    this.clear();
    this.isPerson = false;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Prints as `print` does, also while it is locked: for what is not the console's own. */
  show(lines: string): void {
    if (!this.isPerson) {
      this.send(lines);
      return;
    }
    this.send(CLEAR_LINE + forTerminal(lines));
    this.redraw();
  }

  /** Forgets the earlier lines when it was locked, so that the next person does not see them. */
  private isLocked(): boolean {
    const isLocked = this.user.isLocked?.() === true;
    if (isLocked && !this.wasLocked) {
      this.clear();
      this.bytes.fill(0);
      this.history.fill(0);
      this.historyEnd = 0;
    }
    if (!isLocked) this.isLockTold = false;
    this.wasLocked = isLocked;
    return isLocked;
  }

  private octet(octet: number, isBeforeLf: boolean): void {
    const isSecond = octet === LF && this.afterCr;
    this.afterCr = octet === CR;
    if (isSecond) {
      this.isPerson = false;
      return;
    }
    if (this.escape !== PLAIN) this.escapeOctet(octet);
    else if (octet === CR || octet === LF) {
      this.isPerson = octet === CR && !isBeforeLf;
      this.enter();
    } else if (octet >= SPACE && octet !== DELETE) this.insert(octet);
    else this.control(octet);
  }

  private control(octet: number): void {
    // A program sends no keys.
    if (!this.isPerson && octet !== BACKSPACE && octet !== DELETE && octet !== CTRL_C && octet !== CTRL_U) {
      this.isSpoilt = true;
      return;
    }
    switch (octet) {
      case BACKSPACE:
      case DELETE:
        this.remove(this.left(this.cursor), this.cursor);
        return;
      case CTRL_A:
        this.moveTo(0);
        return;
      case CTRL_E:
        this.moveTo(this.length);
        return;
      case CTRL_C:
        if (this.isPerson) this.send("^C\r\n");
        this.clear();
        this.redraw();
        return;
      case CTRL_D:
        this.remove(this.cursor, this.right(this.cursor));
        return;
      case CTRL_K:
        this.remove(this.cursor, this.length);
        return;
      case CTRL_U:
        this.remove(0, this.cursor);
        return;
      case CTRL_W:
        this.remove(this.wordStart(), this.cursor);
        return;
      case CTRL_L:
        if (this.isPerson) this.send("\x1b[H\x1b[2J");
        this.redraw();
        return;
      case CTRL_N:
        this.recall(-1);
        return;
      case CTRL_P:
        this.recall(1);
        return;
      case TAB:
        this.complete();
        return;
      case ESCAPE:
        this.escape = ESCAPED;
        this.parameter = 0;
        return;
      default:
        this.isSpoilt = true;
    }
  }

  private escapeOctet(octet: number): void {
    if (this.escape === ESCAPED) {
      this.escape = octet === 0x5b || octet === 0x4f ? BRACKET : PLAIN;
      return;
    }
    if (octet >= 0x30 && octet <= 0x3b) {
      this.parameter = octet <= 0x39 ? (this.parameter * 10 + octet - 0x30) & 0xff : 0;
      return;
    }
    this.escape = PLAIN;
    if (octet === 0x41) this.recall(1);
    else if (octet === 0x42) this.recall(-1);
    else if (octet === 0x43) this.moveTo(this.right(this.cursor));
    else if (octet === 0x44) this.moveTo(this.left(this.cursor));
    else if (octet === 0x48 || (octet === TILDE && (this.parameter === 1 || this.parameter === 7))) this.moveTo(0);
    else if (octet === 0x46 || (octet === TILDE && (this.parameter === 4 || this.parameter === 8)))
      this.moveTo(this.length);
    else if (octet === TILDE && this.parameter === 3) this.remove(this.cursor, this.right(this.cursor));
  }

  private enter(): void {
    if (this.isPerson) this.send("\r\n");
    const input = text(this.bytes, 0, this.length);
    let output = "";
    if (this.isTooLong) output = "error: the line is too long: at most " + LINE_BYTES + " octets; nothing was done\n";
    else if (this.isSpoilt || input.indexOf(NO_CHARACTER) >= 0)
      output = "error: the line has control characters or is no UTF-8; nothing was done\n";
    const isWhole = output === "";
    if (isWhole && input.trim() !== "" && !this.isLocked()) this.keep();
    this.clear();
    if (isWhole) output = this.user.line(input);
    this.isLocked();
    if (output !== "") this.send(this.isPerson ? forTerminal(output) : output);
    if (this.isPerson) this.send(PROMPT);
  }

  private clear(): void {
    this.length = this.cursor = this.recalled = 0;
    this.isTooLong = this.isSpoilt = false;
  }

  private insert(octet: number): void {
    if (this.length === LINE_BYTES) {
      this.isTooLong = true;
      return;
    }
    const at = this.cursor;
    this.bytes.copyWithin(at + 1, at, this.length);
    this.bytes[at] = octet;
    this.length += 1;
    this.cursor += 1;
    if (!this.isPerson) return;
    if (this.cursor < this.length) this.redraw();
    else this.echo();
  }

  /** Shows the last character when all its octets have come. */
  private echo(): void {
    const from = this.left(this.cursor);
    const lead = this.bytes[from];
    const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (this.cursor - from !== size) return;
    const line = text(this.bytes, 0, this.length);
    const last = text(this.bytes, from, this.cursor);
    // A character has at most as many columns as octets.
    if (this.length > this.room() && widthOf(line) > this.room()) this.redraw();
    else this.send(line.length - last.length >= hiddenFrom(line) ? STAR : last);
  }

  private room(): number {
    return Math.max(1, this.columns - PROMPT.length - 1);
  }

  private remove(from: number, to: number): void {
    if (from === to) return;
    this.bytes.copyWithin(from, to, this.length);
    this.length -= to - from;
    this.cursor = from;
    this.isTooLong = false;
    this.redraw();
  }

  private moveTo(at: number): void {
    this.cursor = at;
    this.redraw();
  }

  /** Returns where the character before an offset begins. */
  private left(at: number): number {
    let i = at;
    if (i > 0) i -= 1;
    while (i > 0 && (this.bytes[i] & 0xc0) === 0x80) i -= 1;
    return i;
  }

  private right(at: number): number {
    let i = at;
    if (i < this.length) i += 1;
    while (i < this.length && (this.bytes[i] & 0xc0) === 0x80) i += 1;
    return i;
  }

  private wordStart(): number {
    let i = this.cursor;
    while (i > 0 && this.bytes[i - 1] === SPACE) i -= 1;
    while (i > 0 && this.bytes[i - 1] !== SPACE) i -= 1;
    return i;
  }

  private redraw(): void {
    if (!this.isPerson) return;
    const room = this.room();
    const line = text(this.bytes, 0, this.length);
    const cells = cellsOf(line);
    const at = cellsOf(text(this.bytes, 0, this.cursor)).length;
    let first = 0;
    let end = cells.length;
    if (widthOf(line) > room) {
      const isAtEnd = at === cells.length;
      let left = isAtEnd ? room - 1 : Math.floor(room * LEFT_PART);
      first = at;
      while (first > 0 && left >= widthOf(cells[first - 1])) {
        first -= 1;
        left -= widthOf(cells[first]);
      }
      // Each of the two marks takes a column.
      let right = room - 2;
      for (let i = first; i < at; i++) right -= widthOf(cells[i]);
      end = at;
      while (end < cells.length && right >= widthOf(cells[end])) {
        right -= widthOf(cells[end]);
        end += 1;
      }
    }
    let shown = first > 0 ? MORE_LEFT : "";
    let behind = 0;
    let units = 0;
    const hidden = hiddenFrom(line);
    for (let i = 0; i < end; i++) {
      const cell = units >= hidden ? STAR : cells[i];
      units += cells[i].length;
      if (i < first) continue;
      shown += cell;
      if (i >= at) behind += widthOf(cell);
    }
    if (end < cells.length) {
      shown += MORE_RIGHT;
      behind += 1;
    }
    this.send(CLEAR_LINE + PROMPT + shown + (behind > 0 ? "\x1b[" + behind + "D" : ""));
  }

  private complete(): void {
    if (this.cursor < this.length) return;
    const input = text(this.bytes, 0, this.length);
    const words = this.user.complete(input);
    if (words.length === 0) return;
    const typed = input.length - (input.lastIndexOf(" ") + 1);
    let common = words[0];
    for (let i = 1; i < words.length; i++) common = sharedStart(common, words[i]);
    const more = octets(common.slice(typed) + (words.length === 1 ? " " : ""));
    for (let i = 0; i < more.length; i++) this.insert(more[i]);
    if (words.length > 1 && common.length === typed && this.isPerson) this.show(words.join("  ") + "\n");
  }

  /** Remembers the line, unless it equals the last one or holds a password. */
  private keep(): void {
    const history = this.history;
    const size = this.length;
    if (size + 2 > HISTORY_BYTES || isSecret(text(this.bytes, 0, size))) return;
    if (this.historyEnd > 0 && sizeAt(history, 0) === size && isSame(history, 2, this.bytes, size)) return;
    // Lines that do not fit any more are forgotten as a whole.
    let end = 0;
    while (end < this.historyEnd && end + sizeAt(history, end) + 2 + size + 2 <= HISTORY_BYTES)
      end += sizeAt(history, end) + 2;
    history.copyWithin(size + 2, 0, end);
    history[0] = size >> 8;
    history[1] = size;
    for (let i = 0; i < size; i++) history[i + 2] = this.bytes[i];
    this.historyEnd = end + size + 2;
  }

  /** Shows another of the earlier lines. @param by 1: an older one, -1: a newer one, at last the empty one */
  private recall(by: number): void {
    const wanted = this.recalled + by;
    if (wanted < 0) return;
    let at = 0;
    for (let i = 1; i < wanted && at < this.historyEnd; i++) at += sizeAt(this.history, at) + 2;
    if (wanted > 0 && at >= this.historyEnd) return;
    const size = wanted === 0 ? 0 : sizeAt(this.history, at);
    for (let i = 0; i < size; i++) this.bytes[i] = this.history[at + 2 + i];
    this.length = this.cursor = size;
    this.recalled = wanted;
    this.isTooLong = false;
    this.redraw();
  }
}

function sizeAt(history: Uint8Array, at: number): number {
  return (history[at] << 8) | history[at + 1];
}

function isSame(history: Uint8Array, at: number, line: Uint8Array, size: number): boolean {
  for (let i = 0; i < size; i++) if (history[at + i] !== line[i]) return false;
  return true;
}

/** Returns whether a line holds a password or digits of a call, so that it is not remembered. */
function isSecret(line: string): boolean {
  const lower = line.trim().toLowerCase();
  return (
    lower.indexOf("login") === 0 ||
    lower.indexOf("dtmf") === 0 ||
    lower.indexOf("password") >= 0 ||
    lower.indexOf(".code") >= 0 ||
    lower.indexOf(CODE_OPTION) >= 0
  );
}

/**
 * @returns the offset at which a password or code begins that must not be shown: behind `login`, and behind the key of
 * a secret; Infinity when there is none
 */
function hiddenFrom(line: string): number {
  const lower = line.toLowerCase();
  const option = lower.indexOf(CODE_OPTION);
  if (option >= 0) return option + CODE_OPTION.length;
  let at = skipBlanks(lower, 0);
  if (lower.slice(at, at + 4) === "set ") at = skipBlanks(lower, at + 4);
  let end = at;
  while (end < lower.length && lower.charAt(end) !== " " && lower.charAt(end) !== "=") end += 1;
  const word = lower.slice(at, end);
  const isSecretWord = word === "login" || word.indexOf("password") >= 0 || word.slice(-5) === ".code";
  return isSecretWord && end < lower.length ? Math.max(end + 1, skipBlanks(lower, end)) : Infinity;
}

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (at < line.length && line.charAt(at) === " ") at += 1;
  return at;
}

/** Splits a text into characters; a character of two units stays whole. */
function cellsOf(value: string): string[] {
  const cells: string[] = [];
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const isPair = code >= 0xd800 && code < 0xdc00 && i + 1 < value.length;
    cells.push(isPair ? value.slice(i, i + 2) : value.charAt(i));
    if (isPair) i += 1;
  }
  return cells;
}

/** Returns the columns that a terminal takes for a text: none for a combining mark, two for a wide character. */
function widthOf(value: string): number {
  let width = 0;
  const cells = cellsOf(value);
  for (let i = 0; i < cells.length; i++) {
    const code = cells[i].codePointAt(0) ?? 0;
    const isMark = (code >= 0x300 && code < 0x370) || code === 0x200d || (code >= 0xfe00 && code < 0xfe10);
    const isWide =
      (code >= 0x1100 && code < 0x1160) ||
      (code >= 0x2e80 && code < 0xa4d0) ||
      (code >= 0xac00 && code < 0xd7a4) ||
      (code >= 0xf900 && code < 0xfb00) ||
      (code >= 0xfe30 && code < 0xfe70) ||
      (code >= 0xff00 && code < 0xff61) ||
      (code >= 0x1f300 && code < 0x1fb00) ||
      (code >= 0x20000 && code < 0x3fffe);
    width += isMark ? 0 : isWide ? 2 : 1;
  }
  return width;
}

function sharedStart(a: string, b: string): string {
  let i = 0;
  while (i < a.length && i < b.length && a.charAt(i) === b.charAt(i)) i += 1;
  return a.slice(0, i);
}

/** Ends lines by CR LF, as a terminal wants them. */
function forTerminal(lines: string): string {
  return lines.split("\n").join("\r\n");
}
