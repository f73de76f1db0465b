/**
 * The table of a message's header fields: one row a field in the order they came, as offsets into the octets. Its size
 * is fixed. It knows names by number and values by their ends; headreader.ts fills it.
 */

import { NONE, parseUint, type Span } from "../core/bytes.js";
import { hasToken } from "../core/octets.js";
import { DataViews } from "../core/views.js";
import { skipSpace } from "./lex.js";
import { HEADER_COUNT } from "./names.js";
import { viewOf } from "./words.js";

const NO_VIEW = viewOf(NONE);
const SEMICOLON = 0x3b;
const BRACKET = 0x28;

// A row: the id in the low 8 bits with the length of the name above it, the start of the name, the start and the end of
// the value.
const ROW_SHIFT = 2;
const ID_MASK = 0xff;

/** The bit of each id: the first sixteen have one each, the others share the other sixteen. */
export const HEADER_BITS = new Int32Array(HEADER_COUNT);
for (let id = 0; id < HEADER_COUNT; id++) HEADER_BITS[id] = 1 << (id < 16 ? id : id | 16);

export class Fields {
  /** The octets that the offsets belong to. */
  bytes: Uint8Array = NONE;
  /** Number of header fields. */
  rows = 0;
  /** The same octets, to be read four at a time, from `openView` on. */
  protected view: DataView = NO_VIEW;
  private views: DataViews | null = null;
  protected readonly table: Int32Array;
  /** The bits (HEADER_BITS) of the ids that are there. */
  protected present = 0;
  /** Those of the ids that are there twice. */
  protected repeated = 0;

  /** @param maxHeaders number of rows of 16 octets; a message with more fields is answered with 513 */
  constructor(maxHeaders: number) {
    this.table = new Int32Array(maxHeaders << ROW_SHIFT);
  }

  /** Sets `view`. Views are made when they are needed first: on a board C reads nearly all messages. */
  protected openView(): void {
    this.views ??= new DataViews();
    this.view = this.views.of(this.bytes);
  }

  /** Starts an empty table over `bytes`. */
  protected clearFields(bytes: Uint8Array): void {
    this.rows = this.present = this.repeated = 0;
    this.bytes = bytes;
  }

  /** @returns false when the table is full */
  protected addRow(id: number, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): boolean {
    const at = this.rows << ROW_SHIFT;
    const table = this.table;
    this.repeated |= this.present & HEADER_BITS[id];
    this.present |= HEADER_BITS[id];
    if (at >= table.length) return false;
    this.rows += 1;
    table[at] = ((nameEnd - nameStart) << 8) | id;
    table[at + 1] = nameStart;
    table[at + 2] = valueStart;
    table[at + 3] = valueEnd;
    return true;
  }

  /** @returns the row of the first field with that id, -1 when there is none */
  first(id: number): number {
    return (this.present & HEADER_BITS[id]) === 0 ? -1 : this.rowFrom(0, id);
  }

  /** @returns the row of the next field with the same id, -1 when there is none */
  next(row: number): number {
    const id = this.id(row);
    return (this.repeated & HEADER_BITS[id]) === 0 ? -1 : this.rowFrom(row + 1, id);
  }

  private rowFrom(row: number, id: number): number {
    const table = this.table;
    for (let i = row; i < this.rows; i++) if ((table[i << ROW_SHIFT] & ID_MASK) === id) return i;
    return -1;
  }

  /** @returns HEADER_* of a row from 0 to `rows` - 1 */
  id(row: number): number {
    return this.table[row << ROW_SHIFT] & ID_MASK;
  }

  nameStart(row: number): number {
    return this.table[(row << ROW_SHIFT) + 1];
  }

  nameEnd(row: number): number {
    const at = row << ROW_SHIFT;
    return this.table[at + 1] + (this.table[at] >>> 8);
  }

  /** @returns the start of the value, which is trimmed of white space at both ends; folding inside of it stays */
  valueStart(row: number): number {
    return this.table[(row << ROW_SHIFT) + 2];
  }

  valueEnd(row: number): number {
    return this.table[(row << ROW_SHIFT) + 3];
  }

  has(id: number): boolean {
    return this.first(id) >= 0;
  }

  /**
   * Finds the value of the first field with that id.
   * @param out set over the message's octets @returns whether there is one
   */
  value(id: number, out: Span): boolean {
    const row = this.first(id);
    if (row < 0) return false;
    out.set(this.bytes, this.valueStart(row), this.valueEnd(row));
    return true;
  }

  /**
   * Whether the comma-separated tokens of all fields with that id (Require, Supported, Allow) include `token`, without
   * case and parameters.
   */
  contains(id: number, token: Uint8Array): boolean {
    const bytes = this.bytes;
    for (let row = this.first(id); row >= 0; row = this.next(row))
      if (hasToken(bytes, this.valueStart(row), this.valueEnd(row), token)) return true;
    return false;
  }

  /**
   * Reads the value of the first field with that id as a number; parameters and a comment behind it are skipped
   * (Expires, Min-SE, `Retry-After: 18 (in a meeting);duration=3600`).
   * @returns 0 to `max`, -1 when it is absent, -2 when it is malformed or over `max`
   */
  uint(id: number, max: number): number {
    const row = this.first(id);
    if (row < 0) return -1;
    const bytes = this.bytes;
    const start = this.valueStart(row);
    const end = this.valueEnd(row);
    let i = start;
    while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39) i += 1;
    const value = parseUint(bytes, start, i, max);
    if (value < 0) return -2;
    i = skipSpace(bytes, i, end);
    return i === end || bytes[i] === SEMICOLON || bytes[i] === BRACKET ? value : -2;
  }
}
