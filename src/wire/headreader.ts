/**
 * Reads the head of a message: the start line, then one row of the table for each header field, and the values that
 * every layer needs. On a board C (hal/native/headreader.c) does the same, for here an interpreter needs some ten
 * bytecodes for each octet, and a message has hundreds. What C finds malformed is left to the readers used here, which
 * say what is wrong.
 * Not here: what a message lacks, and its body.
 */
import { HEADER_BITS } from "./fields.js";
import { behindLineEnd, STOP_TOKEN, scan, skipSpace, trimEnd } from "./lex.js";
import {
  COMPACT,
  FIRST_BY_WORD,
  headerOf,
  LOWER_CASE_WORD,
  NAME_FACTOR,
  NAME_ROWS,
  NAME_SHIFT,
  NAME_WORDS_MAX,
  ROW_FOURTH,
  ROW_LAST,
  ROW_LENGTH,
  ROW_NEXT,
} from "./lookup.js";
import {
  HEADER_CONTENT_LENGTH,
  HEADER_COUNT,
  HEADER_DATE,
  HEADER_MAX_FORWARDS,
  HEADER_OTHER,
  HEADER_REASON,
  HEADER_SERVER,
  HEADER_SUBJECT,
  HEADER_TO,
  HEADER_USER_AGENT,
  HEADER_VIA,
  HEADER_WARNING,
} from "./names.js";
import {
  PROBLEM_BODY,
  PROBLEM_CONTROL,
  PROBLEM_LINE,
  PROBLEM_NONE,
  PROBLEM_REPEATED,
  PROBLEM_TABLE,
} from "./problems.js";
import { MAX_FORWARDS_BAD, UNUSUAL, Values } from "./values.js";

// Octets, and below them ids: constants of this file, see lex.ts.
const TAB = 9;
const CR = 13;
const SPACE = 0x20;
const COLON = 0x3a;

/** Fields that are skipped when they are malformed, 1 for each id: those that people read, and unknown ones. */
const NEEDLESS = new Uint8Array(HEADER_COUNT);
NEEDLESS[HEADER_OTHER] = NEEDLESS[HEADER_SUBJECT] = NEEDLESS[HEADER_DATE] = NEEDLESS[HEADER_USER_AGENT] = 1;
NEEDLESS[HEADER_SERVER] = NEEDLESS[HEADER_WARNING] = NEEDLESS[HEADER_REASON] = NEEDLESS[HEADER_MAX_FORWARDS] = 1;

/** CRLF and an octet with the bit of letters; CRLF twice; CRLF before a line that goes on. */
const LINE_END = 0x400a0d;
const FOLD_SPACE = 0x200a0d;
const FOLD_TAB = 0x090a0d;
/** A colon behind one letter, and behind two. */
const COLON_SECOND = 0x3a00;
const COLON_THIRD = 0x3a0000;
/** Set in each octet of a word, once it is joined with itself a bit further, that is no control. */
const NO_CONTROLS = 0x40404040;
const HEADER_END = 0x0a0d0a0d;

const VIA = HEADER_VIA;
const TO = HEADER_TO;
const CONTENT_LENGTH = HEADER_CONTENT_LENGTH;
const OTHER = HEADER_OTHER;
const ROWS = NAME_ROWS;
const LAST = ROW_LAST;
const FOURTH = ROW_FOURTH;
const LENGTH = ROW_LENGTH;
const NEXT = ROW_NEXT;
const NAMES_MAX = NAME_WORDS_MAX;
const FACTOR = NAME_FACTOR;
const SHIFT = NAME_SHIFT;
const FIRST = FIRST_BY_WORD;
const BITS = HEADER_BITS;
const TOKEN = STOP_TOKEN;
const SHORT = COMPACT;
const LOWER = LOWER_CASE_WORD;

export class HeadReader extends Values {
  /** A malformed field that is not needed was skipped and is not in the table. RFC 3261 §8.2.2 */
  isOdd = false;

  /** Id of the field that `problem` is about, if it is one that is read here. */
  protected problemField = HEADER_OTHER;

  /**
   * Reads from the start line on, after all was cleared.
   * @returns the offset of the body, or -1 when this is no SIP at all
   */
  protected readHead(at: number, end: number): number {
    this.openView();
    const next = this.readStartLine(at, end);
    return next < 0 ? -1 : this.readFields(next, end);
  }

  /**
   * Fills the table, one field a turn. Nearly every field has its usual form, and costs few instructions and only calls
   * of functions that read values; others are left to `readOddName` and `readOddField`.
   * @returns the offset of the body
   */
  private readFields(at: number, end: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const table = this.table;
    // V8 knows where a table lies that is named outside of the loop, and else asks for each number.
    const compact = SHORT;
    const firstIds = FIRST;
    const names = ROWS;
    const bits = BITS;
    const rowsEnd = table.length;
    // From here on a name with its colon and space may be cut off.
    const namesEnd = end - NAMES_MAX - 1;
    const wordsEnd = end - 7;
    const lineEndsEnd = end - 3;
    let row = 0;
    let present = 0;
    let i = at;
    let id = OTHER;
    let bit = 0;
    let length = 0;
    let start = 0;
    let stop = 0;
    let k = 0;
    let first = 0;
    let x = 0;
    let y = 0;
    let z = 0;
    for (;;) {
      id = OTHER;
      if (i < namesEnd) {
        first = view.getInt32(i, true);
        if ((first & 0xff00) === COLON_SECOND) {
          id = compact[first & 0xff];
          length = 1;
        } else {
          if ((first & 0xff0000) === COLON_THIRD) first = (first & 0xffffff) | 0x20000000;
          y = first | LOWER;
          id = firstIds[Math.imul(y, FACTOR) >>> SHIFT];
          while (id !== OTHER) {
            k = id << 3;
            if (y === names[k]) {
              length = names[k + LENGTH];
              z = first | (first << 1);
              if (length > 3) {
                x = view.getInt32(i + length - 3, true);
                z &= (x | LOWER) === names[k + LAST] ? x | (x << 1) : 0;
                if (length > 7) {
                  x = view.getInt32(i + 4, true);
                  z &= (x | LOWER) === names[k + 1] ? x | (x << 1) : 0;
                  if (length > 11) {
                    x = view.getInt32(i + 8, true);
                    z &= (x | LOWER) === names[k + 2] ? x | (x << 1) : 0;
                    if (length > 15) {
                      x = view.getInt32(i + 12, true);
                      z &= (x | LOWER) === names[k + FOURTH] ? x | (x << 1) : 0;
                    }
                  }
                }
              }
              // A control octet differs from "-" or ":" by the bit of lower case.
              if ((z & NO_CONTROLS) === NO_CONTROLS) break;
            }
            id = names[k + NEXT];
          }
        }
      }
      if (id === OTHER) {
        stop = behindLineEnd(bytes, i, end);
        if (stop < 0 && i < end) {
          this.rows = row >> 2;
          this.present = present;
          i = this.readOddName(i, end);
          row = this.rows << 2;
          present = this.present;
          continue;
        }
        this.rows = row >> 2;
        this.present = present;
        if (stop >= 0) return stop;
        this.fail(PROBLEM_BODY);
        return end;
      }
      bit = bits[id];
      start = i + length + 1;
      if (bytes[start] === SPACE) start += 1;
      if (id > CONTENT_LENGTH) {
        stop = start;
        for (;;) {
          // This is `controlStop`, inlined.
          while (stop < wordsEnd) {
            x = view.getInt32(stop, true);
            y = view.getInt32(stop + 4, true);
            x = ~(x | (x << 1)) & NO_CONTROLS;
            y = ~(y | (y << 1)) & NO_CONTROLS;
            if ((x | y) !== 0) {
              // A bit for each octet, the first one lowest: a branch for each would be guessed wrongly.
              x = (Math.imul(x >>> 6, 0x10204080) >>> 28) | ((Math.imul(y >>> 6, 0x10204080) >>> 24) & 0xf0);
              stop += 31 - Math.clz32(x & -x);
              break;
            }
            stop += 8;
          }
          x = stop < lineEndsEnd ? view.getInt32(stop, true) : 0;
          if ((x & 0x40ffff) === LINE_END || x === HEADER_END) break;
          while (stop < end && bytes[stop] >= SPACE) stop += 1;
          x = stop < lineEndsEnd ? view.getInt32(stop, true) : 0;
          if ((x & 0xffffff) !== FOLD_SPACE && (x & 0xffffff) !== FOLD_TAB) break;
          stop += 3;
        }
        if (bytes[start] <= SPACE || bytes[stop - 1] <= SPACE) x = 0;
      } else {
        if ((present & bit) !== 0) stop = UNUSUAL;
        else if (id === VIA) stop = this.readUsualVia(start, end);
        else if (id <= TO) stop = this.readUsualAddress(id, start, end);
        else stop = this.readUsual(id, start, end);
        x = stop < lineEndsEnd ? view.getInt32(stop, true) : 0;
      }
      // There is CRLF and a letter, or the empty line.
      if ((x & 0x40ffff) === LINE_END || x === HEADER_END) {
        // This is `addRow`, inlined.
        this.repeated |= present & bit;
        present |= bit;
        if (row >= rowsEnd) this.fail(PROBLEM_TABLE);
        else {
          table[row] = (length << 8) | id;
          table[row + 1] = i;
          table[row + 2] = start;
          table[row + 3] = stop;
          row += 4;
        }
        i = stop + 2;
        if (x === HEADER_END) {
          this.rows = row >> 2;
          this.present = present;
          return stop + 4;
        }
      } else {
        this.rows = row >> 2;
        this.present = present;
        i = this.readOddField(id, i, i + length, i + length + 1, end);
        row = this.rows << 2;
        present = this.present;
      }
    }
  }

  /**
   * Reads a field whose name is unknown, short, or not directly followed by its colon.
   * @returns the offset of the next line
   */
  private readOddName(at: number, end: number): number {
    const bytes = this.bytes;
    const nameEnd = scan(bytes, at, end, TOKEN);
    let i = nameEnd;
    while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i += 1;
    if (i < end && bytes[i] === COLON && nameEnd > at)
      return this.readOddField(headerOf(bytes, at, nameEnd), at, nameEnd, i + 1, end);
    // White space continues the line before; the first line of fields has none before it.
    if (bytes[at] === SPACE || bytes[at] === TAB) this.fail(PROBLEM_LINE);
    const before = this.problem;
    i = this.lineStop(i, end);
    this.problem = before;
    this.isOdd = true;
    return i + (i < end && bytes[i] === CR ? 2 : 1);
  }

  /** Reads any field from behind its colon on. @returns the offset of the next line */
  private readOddField(id: number, nameStart: number, nameEnd: number, at: number, end: number): number {
    const bytes = this.bytes;
    const before = this.problem;
    const start = skipSpace(bytes, at, end);
    const stop = this.lineStop(start, end);
    const valueEnd = trimEnd(bytes, start, stop);
    const isFirst = (this.present & BITS[id]) === 0;
    if (before === PROBLEM_NONE && this.problem === PROBLEM_CONTROL && NEEDLESS[id] === 1) {
      this.problem = PROBLEM_NONE;
      this.isOdd = true;
      if (id === HEADER_MAX_FORWARDS) this.maxForwards = MAX_FORWARDS_BAD;
      return stop + (stop < end && bytes[stop] === CR ? 2 : 1);
    }
    if (!this.addRow(id, nameStart, nameEnd, start, valueEnd)) this.fail(PROBLEM_TABLE);
    if (id !== OTHER && id <= CONTENT_LENGTH) {
      const wasRight = this.problem === PROBLEM_NONE;
      if (isFirst) this.readValue(id, start, valueEnd);
      else if (id === HEADER_MAX_FORWARDS) this.maxForwards = MAX_FORWARDS_BAD;
      else if (id !== VIA) this.fail(PROBLEM_REPEATED);
      if (wasRight && this.problem !== PROBLEM_NONE) this.problemField = id;
    }
    return stop + (stop < end && bytes[stop] === CR ? 2 : 1);
  }
}
