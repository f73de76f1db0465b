/**
 * The table of a message's header fields: one row a field in the order they came, as offsets into the octets. Fixed size, made once.
 * It knows names by number and values by their ends; message.ts fills it.
 */
import { equalNoCase, NONE, parseUint, type Span } from "../core/bytes.js";
import { skipSpace, trimEnd } from "./lex.js";
import { HEADER_COUNT } from "./names.js";

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const BRACKET = 0x28;

// A row: id, then the offsets of name and value.
const ROW = 5;

export class Fields {
  /** The octets the offsets are of. */
  bytes: Uint8Array = NONE;
  /** How many header fields there are. */
  rows = 0;
  private readonly maxRows: number;
  private readonly table: Int32Array;
  /** Row of the first field by id; holds only when that row is below `rows` and has that id, so it is never cleared. */
  private readonly firstRow = new Uint16Array(HEADER_COUNT);

  /** `maxHeaders` rows of 20 octets. */
  constructor(maxHeaders: number) {
    this.maxRows = maxHeaders;
    this.table = new Int32Array(maxHeaders * ROW);
  }

  /** @returns false when the table is full */
  protected addRow(id: number, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): boolean {
    const row = this.rows;
    if (row >= this.maxRows) return false;
    const table = this.table;
    const first = this.firstRow[id];
    if (first >= row || table[first * ROW] !== id) this.firstRow[id] = row;
    const at = row * ROW;
    table[at] = id;
    table[at + 1] = nameStart;
    table[at + 2] = nameEnd;
    table[at + 3] = valueStart;
    table[at + 4] = valueEnd;
    this.rows = row + 1;
    return true;
  }

  /** @returns the row of the first field with that id, -1 when there is none */
  first(id: number): number {
    const row = this.firstRow[id];
    return row < this.rows && this.table[row * ROW] === id ? row : -1;
  }

  /** @returns the row of the next field with the same id, -1 when there is none */
  next(row: number): number {
    const table = this.table;
    const id = table[row * ROW];
    for (let i = row + 1; i < this.rows; i++) if (table[i * ROW] === id) return i;
    return -1;
  }

  /** HEADER_* of a row from 0 to `rows` - 1. */
  id(row: number): number {
    return this.table[row * ROW];
  }

  nameStart(row: number): number {
    return this.table[row * ROW + 1];
  }

  nameEnd(row: number): number {
    return this.table[row * ROW + 2];
  }

  /** The value is trimmed of white space at both ends; folding inside it stays. */
  valueStart(row: number): number {
    return this.table[row * ROW + 3];
  }

  valueEnd(row: number): number {
    return this.table[row * ROW + 4];
  }

  has(id: number): boolean {
    return this.first(id) >= 0;
  }

  /** The value of the first field with that id. `out` is over the message's octets. @returns whether there is one */
  value(id: number, out: Span): boolean {
    const row = this.first(id);
    if (row < 0) return false;
    out.set(this.bytes, this.valueStart(row), this.valueEnd(row));
    return true;
  }

  /** Whether the comma-separated tokens of all fields with that id (Require, Supported, Allow) hold `token`, without case; parameters are passed over. */
  contains(id: number, token: Uint8Array): boolean {
    const bytes = this.bytes;
    for (let row = this.first(id); row >= 0; row = this.next(row)) {
      const end = this.valueEnd(row);
      let i = this.valueStart(row);
      while (i < end) {
        i = skipSpace(bytes, i, end);
        const start = i;
        while (i < end && bytes[i] !== COMMA && bytes[i] !== SEMICOLON) i += 1;
        if (equalNoCase(bytes, start, trimEnd(bytes, start, i), token, 0, token.length)) return true;
        while (i < end && bytes[i] !== COMMA) i += 1;
        i += 1;
      }
    }
    return false;
  }

  /**
   * The value of the first field with that id as a number; parameters and a comment behind it are passed over (Expires, Min-SE,
   * `Retry-After: 18 (in a meeting);duration=3600`). @returns 0 to `max`, -1 when it is absent, -2 when it is malformed or over `max`
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
