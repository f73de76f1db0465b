/**
 * Parameters behind a value: `;name`, `;name=value`, `;name="quoted value"` (RFC 3261 §25.1, generic-param).
 * Parameters of a URI follow other rules (escapes, no white space, no quotes): see uri.ts.
 */
import { equalNoCase, NONE, type Span } from "../core/bytes.js";
import { STOP_WORD, scan, skipQuoted, skipSpace } from "./lex.js";

const WORD = STOP_WORD;
const SPACE = 0x20;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** Walks the parameters of one value; a reusable view. */
export class ParamList {
  bytes: Uint8Array = NONE;
  nameStart = 0;
  nameEnd = 0;
  /** The value without its quotes, with its escapes; empty for a parameter without `=`. */
  valueStart = 0;
  valueEnd = 0;
  hasValue = false;
  /** Offset where the walk stands: at the `;` of the next parameter, or at an octet that begins none. */
  at = 0;
  /** True when the text is no list of parameters; the parameters before that are good. */
  broken = false;
  private end = 0;

  /**
   * Starts a walk. `bytes[start, end)` begins at a `;`, or at white space before it, or is empty. The octets stay the
   * caller's.
   */
  beginParams(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.broken = false;
  }

  /**
   * Steps to the next parameter; empty ones (`;;`) are skipped.
   * @returns false when there is none (`at` tells where), and when `broken`
   */
  next(): boolean {
    const bytes = this.bytes;
    const end = this.end;
    let i = this.at;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    if (i >= end || bytes[i] !== SEMICOLON) {
      this.at = i;
      return false;
    }
    while (i < end && bytes[i] === SEMICOLON) {
      i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    }
    const nameStart = i;
    i = scan(bytes, i, end, WORD);
    this.at = i;
    // The list ends behind a last semicolon. A missing name before "=" or a quote is an error.
    if (i === nameStart) return i < end && (bytes[i] === EQUALS || bytes[i] === QUOTE) && this.fail();
    this.nameStart = nameStart;
    this.nameEnd = this.valueStart = this.valueEnd = i;
    this.hasValue = false;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] === EQUALS) {
      i += 1;
      this.hasValue = true;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      this.valueStart = i;
      if (i < end && bytes[i] === QUOTE) {
        i = skipQuoted(bytes, i, end);
        if (i < 0) return this.fail();
        this.valueStart += 1;
        this.valueEnd = i - 1;
      } else {
        i = scan(bytes, i, end, WORD);
        this.valueEnd = i;
      }
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    }
    this.at = i;
    return true;
  }

  private fail(): boolean {
    this.broken = true;
    return false;
  }
}

/**
 * Looks for `;name` or `;name=value`, the name without case, in the parameters `bytes[start, end)`, which may have a
 * value before the first `;`. A quoted value's span leaves the quotes out and the escapes in. RFC 3261 §7.3.1
 * @returns whether it is there; `out` (over the caller's octets) is empty for one without a value. `out` is only set
 * when it is there
 */
export function param(bytes: Uint8Array, start: number, end: number, name: Uint8Array, out: Span): boolean {
  let i = start;
  while (i < end) {
    if (bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, end);
      if (i < 0) return false;
      continue;
    }
    if (bytes[i] !== SEMICOLON) {
      i += 1;
      continue;
    }
    const nameStart = skipSpace(bytes, i + 1, end);
    const nameEnd = scan(bytes, nameStart, end, WORD);
    i = skipSpace(bytes, nameEnd, end);
    let valueStart = nameEnd;
    let valueEnd = nameEnd;
    if (i < end && bytes[i] === EQUALS) {
      valueStart = skipSpace(bytes, i + 1, end);
      if (valueStart < end && bytes[valueStart] === QUOTE) {
        i = skipQuoted(bytes, valueStart, end);
        if (i < 0) return false;
        valueStart += 1;
        valueEnd = i - 1;
      } else {
        valueEnd = scan(bytes, valueStart, end, WORD);
        i = valueEnd;
      }
    }
    if (equalNoCase(bytes, nameStart, nameEnd, name, 0, name.length)) {
      out.set(bytes, valueStart, valueEnd);
      return true;
    }
  }
  return false;
}
