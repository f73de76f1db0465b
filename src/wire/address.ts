/**
 * An address with its header parameters (name-addr or addr-spec, RFC 3261 §20.10), as in From, To, Contact, Route,
 * Record-Route and Refer-To. This file finds the parts; uri.ts reads the URI. It reads one address at a time; list.ts
 * takes a list apart first.
 */
import { equal, NONE, Span } from "../core/bytes.js";
import { STOP_DISPLAY, STOP_URI, STOP_WORD, scan, skipQuoted, skipSpace, trimEnd } from "./lex.js";
import { ParamList, param } from "./params.js";
import type { Uri } from "./uri.js";

// Constants of this file: see lex.ts.
const DISPLAY = STOP_DISPLAY;
const URI = STOP_URI;
const WORD = STOP_WORD;
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
  /** Display name without its quotes, with its escapes; empty when there is none. */
  displayStart = 0;
  displayEnd = 0;
  /** The addr-spec, inside of `<>` or bare. */
  uriStart = 0;
  uriEnd = 0;
  /** Header parameters from the first `;`, or empty. */
  paramsStart = 0;
  paramsEnd = 0;
  /** The value of `;tag`; empty when there is none. */
  tagStart = 0;
  tagEnd = 0;
  /** The tag is there twice with one value: such an address is read, but must not be sent on. RFC 3261 §7.3.1 */
  isTagTwice = false;
  /** The value is `*` (Contact); the URI is empty then. */
  isStar = false;
  private readonly params = new ParamList();
  private readonly value = new Span();

  /**
   * Reads one address, with the folding in it. The octets stay the caller's. A comma outside quotes and `<>`, white
   * space inside `<>`, an empty tag and two different tags are malformed.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    return this.readParts(bytes, start, end, null);
  }

  /**
   * Reads one address as `parse` does, and the URI in it, without going over its octets twice.
   * @returns whether both are well formed, so never for the star; when one is not, nothing of either may be used
   */
  parseWithUri(bytes: Uint8Array, start: number, end: number, uri: Uri): boolean {
    return this.readParts(bytes, start, end, uri);
  }

  private readParts(bytes: Uint8Array, start: number, end: number, uri: Uri | null): boolean {
    this.bytes = bytes;
    this.isStar = this.isTagTwice = false;
    let i = start < end && bytes[start] > SPACE ? start : skipSpace(bytes, start, end);
    const begin = i;
    this.displayStart = this.displayEnd = this.tagStart = this.tagEnd = begin;
    if (i < end && bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, end);
      if (i < 0) return false;
      this.displayStart = begin + 1;
      this.displayEnd = i - 1;
      i = skipSpace(bytes, i, end);
      if (i >= end || bytes[i] !== LESS) return false;
    } else if (i >= end || bytes[i] !== LESS) {
      i = skipDisplay(bytes, i, end);
      if (i < end && bytes[i] === LESS && i > begin) this.displayEnd = trimEnd(bytes, begin, i);
    }
    if (i < end && bytes[i] === LESS) {
      this.uriStart = i + 1;
      i = uri === null ? scan(bytes, i + 1, end, URI) : uri.parseUpTo(bytes, i + 1, end);
      if (i < 0 || i >= end || bytes[i] !== GREATER) return false;
      this.uriEnd = i;
      i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    } else {
      this.uriStart = begin;
      this.uriEnd = trimEnd(bytes, begin, i);
      if (scan(bytes, begin, this.uriEnd, URI) < this.uriEnd) return false;
      this.isStar = this.uriEnd - begin === 1 && bytes[begin] === STAR;
      if (uri !== null && !uri.parse(bytes, begin, this.uriEnd)) return false;
    }
    if (this.uriEnd === this.uriStart) return false;
    this.paramsStart = this.paramsEnd = i;
    if (i < end && bytes[i] === SEMICOLON) {
      i = this.readParams(bytes, i, end);
      if (i < 0) return false;
    }
    if (this.isStar) this.uriEnd = this.uriStart;
    return i >= end;
  }

  /** Reads the header parameters. @returns the offset behind them and the white space after them, or -1 */
  private readParams(bytes: Uint8Array, start: number, end: number): number {
    // Mostly a tag is all there is.
    const value = start + 5;
    if (value < end && bytes[value - 1] === EQUALS && isTag(bytes, start + 1, value - 1)) {
      if (scan(bytes, value, end, WORD) === end) {
        this.tagStart = value;
        this.tagEnd = this.paramsEnd = end;
        return end;
      }
    }
    const params = this.params;
    params.beginParams(bytes, start, end);
    while (params.next()) {
      if (!isTag(bytes, params.nameStart, params.nameEnd)) continue;
      if (params.valueEnd === params.valueStart) return -1;
      if (this.tagEnd > this.tagStart) {
        // The same tag twice counts as one; two different tags are an error.
        if (!equal(bytes, this.tagStart, this.tagEnd, bytes, params.valueStart, params.valueEnd)) return -1;
        this.isTagTwice = true;
        continue;
      }
      this.tagStart = params.valueStart;
      this.tagEnd = params.valueEnd;
    }
    if (params.broken) return -1;
    this.paramsEnd = trimEnd(bytes, start, params.at);
    return params.at;
  }

  /** Finds a header parameter, as `param` of params.ts. */
  param(name: Uint8Array, out: Span): boolean {
    return param(this.bytes, this.paramsStart, this.paramsEnd, name, out);
  }

  /**
   * @returns the preference of a Contact in thousandths, 0 to 1000: 1000 when it is not given, 0 when it is malformed.
   * RFC 3261 §20.10
   */
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

/**
 * Skips a display name without quotes, or a bare URI, with the folding in it.
 * @returns the offset of the octet that ends it, or of the line end
 */
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
