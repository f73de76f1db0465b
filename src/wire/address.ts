/**
 * An address with its header parameters (name-addr or addr-spec, RFC 3261 §20.10): From, To, Contact, Route, Record-Route, Refer-To.
 * It finds the parts; the URI itself is uri.ts's. One element at a time: a list is taken apart by list.ts first.
 */
import { NONE, Span } from "../core/bytes.js";
import { isPlainEnd, STOP_DISPLAY, STOP_URI, STOP_WORD, scan, skipQuoted, skipSpace, trimEnd } from "./lex.js";
import { ParamList, param } from "./params.js";
import { NO_WORDS, scanWords } from "./words.js";

// Own constants: see lex.ts.
const DISPLAY = STOP_DISPLAY;
const URI = STOP_URI;
const WORD = STOP_WORD;
const CR = 13;
const SPACE = 0x20;
const QUOTE = 0x22;
const STAR = 0x2a;
const SEMICOLON = 0x3b;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const Q = new Uint8Array([0x71]);

export class NameAddress {
  bytes: Uint8Array = NONE;
  /** Display name without its quotes (escapes stay); empty when there is none. */
  displayStart = 0;
  displayEnd = 0;
  /** The addr-spec, inside `<>` or bare. */
  uriStart = 0;
  uriEnd = 0;
  /** Header parameters from the first `;`, or empty. */
  paramsStart = 0;
  paramsEnd = 0;
  /** The value of `;tag`; empty when there is none. */
  tagStart = 0;
  tagEnd = 0;
  /** `Contact: *`; the URI is empty then. */
  isStar = false;
  private readonly params = new ParamList();
  private readonly value = new Span();

  /**
   * Reads one address. The octets stay the caller's. A comma outside quotes and `<>`, white space inside `<>`, an empty tag and
   * two tags are malformed.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    return this.read(bytes, NO_WORDS, start, end) === end;
  }

  /** As `parse`, in a message whose line end is not known yet, and with its words. @returns where the value and the white space behind it end, or -1 when it is malformed */
  read(bytes: Uint8Array, words: Int32Array, start: number, end: number): number {
    this.bytes = bytes;
    this.isStar = false;
    let i = start < end && bytes[start] <= SPACE ? skipSpace(bytes, start, end) : start;
    const begin = i;
    this.displayStart = this.displayEnd = this.tagStart = this.tagEnd = begin;
    if (i < end && bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, end);
      if (i < 0) return -1;
      this.displayStart = begin + 1;
      this.displayEnd = i - 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      if (i >= end || bytes[i] !== LESS) return -1;
    } else {
      i = skipDisplay(bytes, i, end);
      if (i < end && bytes[i] === LESS && i > begin) this.displayEnd = trimEnd(bytes, begin, i);
    }
    if (i < end && bytes[i] === LESS) {
      this.uriStart = i + 1;
      i = scanWords(bytes, words, i + 1, end, URI);
      if (i >= end || bytes[i] !== GREATER) return -1;
      this.uriEnd = i;
      i += 1;
      if (i < end && bytes[i] <= SPACE && !isPlainEnd(bytes, i, end)) i = skipSpace(bytes, i, end);
    } else {
      this.uriStart = begin;
      this.uriEnd = trimEnd(bytes, begin, i);
      if (scan(bytes, begin, this.uriEnd, URI) < this.uriEnd) return -1;
      this.isStar = this.uriEnd - begin === 1 && bytes[begin] === STAR;
    }
    if (this.uriEnd === this.uriStart) return -1;
    this.paramsStart = this.paramsEnd = i;
    if (i < end && bytes[i] === SEMICOLON) i = this.readParams(bytes, words, i, end);
    if (this.isStar) this.uriEnd = this.uriStart;
    return i < end && bytes[i] > SPACE ? -1 : i;
  }

  private readParams(bytes: Uint8Array, words: Int32Array, start: number, end: number): number {
    let i = start;
    // The tag is nearly always the first parameter, and the only one: then no walk is needed.
    if (i + 5 < end && bytes[i + 4] === EQUALS && isTag(bytes, i + 1, i + 4)) {
      i = scanWords(bytes, words, i + 5, end, WORD);
      if (i > start + 5) {
        this.tagStart = start + 5;
        this.tagEnd = this.paramsEnd = i;
        if (i < end && bytes[i] === CR && !isPlainEnd(bytes, i, end)) i = skipSpace(bytes, i, end);
        if (i >= end || bytes[i] < SPACE) return i;
      }
      this.tagEnd = this.tagStart;
    }
    const params = this.params;
    params.begin(bytes, start, end);
    while (params.next()) {
      if (!isTag(bytes, params.nameStart, params.nameEnd)) continue;
      if (this.tagEnd > this.tagStart || params.valueEnd === params.valueStart) return -1;
      this.tagStart = params.valueStart;
      this.tagEnd = params.valueEnd;
    }
    if (params.broken) return -1;
    this.paramsEnd = trimEnd(bytes, start, params.at);
    return params.at;
  }

  /** A header parameter, as `param` of params.ts. */
  param(name: Uint8Array, out: Span): boolean {
    return param(this.bytes, this.paramsStart, this.paramsEnd, name, out);
  }

  /** The preference of a Contact in thousandths, 0 to 1000: 1000 when it is not given, 0 when it is malformed. RFC 3261 §20.10 */
  q(): number {
    const value = this.value;
    if (!param(this.bytes, this.paramsStart, this.paramsEnd, Q, value)) return 1000;
    const bytes = value.bytes;
    const length = value.end - value.start;
    if (length < 1 || length > 5) return 0;
    const whole = bytes[value.start] - 0x30;
    if (whole !== 0 && whole !== 1) return 0;
    if (length > 1 && bytes[value.start + 1] !== 0x2e) return 0;
    let thousandths = whole * 1000;
    let weight = 100;
    for (let i = value.start + 2; i < value.end; i++) {
      const digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) return 0;
      thousandths += digit * weight;
      weight = weight === 100 ? 10 : 1;
    }
    return thousandths <= 1000 ? thousandths : 0;
  }
}

/** Over a display name without quotes, or a bare URI, with the folding in it: to what ends it, or the line. */
function skipDisplay(bytes: Uint8Array, at: number, end: number): number {
  let i = scan(bytes, at, end, DISPLAY);
  while (i < end && bytes[i] < SPACE) {
    const next = skipSpace(bytes, i, end);
    if (next === i) break;
    i = scan(bytes, next, end, DISPLAY);
  }
  return i;
}

function isTag(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 3 &&
    (bytes[start] | 0x20) === 0x74 &&
    (bytes[start + 1] | 0x20) === 0x61 &&
    (bytes[start + 2] | 0x20) === 0x67
  );
}
