/**
 * An address with its header parameters (name-addr or addr-spec, RFC 3261 §20.10): From, To, Contact, Route, Record-Route, Refer-To.
 * It finds the parts; the URI itself is uri.ts's. One element at a time: a list is taken apart by list.ts first.
 */
import { NONE, Span } from "../core/bytes.js";
import { COMMA, GREATER, isSpace, LESS, QUOTE, SEMICOLON, skipQuoted, skipSpace, trimEnd } from "./lex.js";
import { ParamList, param } from "./params.js";

const Q = new Uint8Array([0x71]);
const STAR = 0x2a;

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
  /** `Contact: *` */
  isStar = false;
  private readonly params = new ParamList();
  private readonly value = new Span();

  /**
   * Reads one address. The octets stay the caller's. A comma outside quotes and `<>`, white space inside `<>`, an empty tag and
   * two tags are malformed.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    this.isStar = false;
    let i = skipSpace(bytes, start, end);
    const stop = trimEnd(bytes, i, end);
    this.displayStart = this.displayEnd = this.tagStart = this.tagEnd = i;
    if (stop - i === 1 && bytes[i] === STAR) {
      this.isStar = true;
      this.uriStart = this.uriEnd = this.paramsStart = this.paramsEnd = stop;
      return true;
    }
    const begin = i;
    if (i < stop && bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, stop);
      if (i < 0) return false;
      this.displayStart = begin + 1;
      this.displayEnd = i - 1;
      i = skipSpace(bytes, i, stop);
      if (i >= stop || bytes[i] !== LESS) return false;
    } else {
      while (i < stop) {
        const octet = bytes[i];
        if (octet === LESS || octet === SEMICOLON) break;
        if (octet === COMMA || octet === QUOTE || octet === GREATER) return false;
        i += 1;
      }
    }
    if (i < stop && bytes[i] === LESS) {
      if (this.displayEnd === this.displayStart && i > begin && bytes[begin] !== QUOTE)
        this.displayEnd = trimEnd(bytes, begin, i);
      this.uriStart = i + 1;
      i = uriStop(bytes, i + 1, stop);
      if (i >= stop || bytes[i] !== GREATER) return false;
      this.uriEnd = i;
      i += 1;
    } else {
      this.uriStart = begin;
      this.uriEnd = trimEnd(bytes, begin, i);
      if (uriStop(bytes, begin, this.uriEnd) < this.uriEnd) return false;
    }
    if (this.uriEnd === this.uriStart) return false;
    this.paramsStart = i = skipSpace(bytes, i, stop);
    this.paramsEnd = stop;
    return i >= stop || this.readParams(bytes, i, stop);
  }

  private readParams(bytes: Uint8Array, start: number, end: number): boolean {
    const params = this.params;
    params.begin(bytes, start, end);
    while (params.next()) {
      if (!isTag(bytes, params.nameStart, params.nameEnd)) continue;
      if (this.tagEnd > this.tagStart || params.valueEnd === params.valueStart) return false;
      this.tagStart = params.valueStart;
      this.tagEnd = params.valueEnd;
    }
    return !params.broken;
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

/** @returns the first offset whose octet cannot stand in a URI, at most `end` */
function uriStop(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end) {
    const octet = bytes[i];
    if (octet === GREATER || octet === LESS || octet === QUOTE || isSpace(octet)) break;
    i += 1;
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
