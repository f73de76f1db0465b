/**
 * Challenges and credentials (RFC 3261 §20.7, §20.44; RFC 7616 §3.3, §3.4) in WWW-Authenticate, Proxy-Authenticate,
 * Authorization and Proxy-Authorization. A comma separates both the parameters of one value and the values of one
 * field, so the text behind it decides.
 * Not here: what the parameters mean and whether an answer is right (digest.ts). Schemes other than Digest are skipped.
 */

import { equalNoCase, NONE, octets, Span, text } from "../core/bytes.js";
import { findMark } from "../core/octets.js";
import { behindFold, hexDigit, skipQuoted, skipSpace } from "./lex.js";

/**
 * What `next` and `parse` return.
 * No value is left.
 */
export const AUTH_END = 0;
/** A Digest value was read; its parameters are in the view. */
export const AUTH_DIGEST = 1;
/** A value of an unknown scheme was read. */
export const AUTH_OTHER = 2;
/** A value breaks the grammar. */
export const AUTH_MALFORMED = -1;
/** A parameter that is read here is there twice. */
export const AUTH_REPEATED = -2;
/** A parameter that is read here is longer than its limit. */
export const AUTH_LONG = -3;

/** The longest values that are read, octets. Servers in use have nonces of up to some 150. */
export const REALM_MAX_BYTES = 128;
export const NONCE_MAX_BYTES = 256;
export const OPAQUE_MAX_BYTES = 128;
export const USERNAME_MAX_BYTES = 128;

const COMMA = 0x2c;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 9;

/**
 * What ends an unquoted value beside controls and spaces. More than a token is accepted, since nonces come without
 * quotes too, but no octets that could break out of the quotes when the value is sent back.
 */
const VALUE_ENDS = octets(',"\\\x7f');
/** What ends the name of a parameter or a scheme. */
const NAME_ENDS = octets('=,"\\\x7f');
const DIGEST = octets("Digest");
const TRUE = octets("true");
/** Names and longest values of the parameters that are read; the spans of a view have the same order. */
const NAMES: readonly Uint8Array[] = [
  octets("realm"),
  octets("nonce"),
  octets("opaque"),
  octets("algorithm"),
  octets("qop"),
  octets("stale"),
  octets("username"),
  octets("uri"),
  octets("response"),
  octets("cnonce"),
  octets("nc"),
];
const LIMITS = Uint16Array.of(
  REALM_MAX_BYTES,
  NONCE_MAX_BYTES,
  OPAQUE_MAX_BYTES,
  32,
  64,
  8,
  USERNAME_MAX_BYTES,
  512,
  64,
  128,
  8,
);

/**
 * A reusable view of one value at a time. Its spans point into the caller's octets, without quotes and with escapes;
 * see `isGiven`.
 */
export class AuthValue {
  readonly realm = new Span();
  readonly nonce = new Span();
  readonly opaque = new Span();
  readonly algorithm = new Span();
  readonly qop = new Span();
  readonly stale = new Span();
  readonly username = new Span();
  readonly uri = new Span();
  readonly response = new Span();
  readonly cnonce = new Span();
  readonly nc = new Span();
  /** The first word of the value, whatever it is. */
  readonly scheme = new Span();
  private bytes: Uint8Array = NONE;
  private at = 0;
  private end = 0;
  private problem = AUTH_DIGEST;
  /** Index of the parameter that was too long, and its length; -1: none was. */
  private longIndex = -1;
  private longBytes = 0;

  /** Forgets all parameters. */
  clear(): void {
    // Most of them are empty, which is seen without a call.
    if (this.realm.bytes !== NONE) this.realm.clear();
    if (this.nonce.bytes !== NONE) this.nonce.clear();
    if (this.opaque.bytes !== NONE) this.opaque.clear();
    if (this.algorithm.bytes !== NONE) this.algorithm.clear();
    if (this.qop.bytes !== NONE) this.qop.clear();
    if (this.stale.bytes !== NONE) this.stale.clear();
    if (this.username.bytes !== NONE) this.username.clear();
    if (this.uri.bytes !== NONE) this.uri.clear();
    if (this.response.bytes !== NONE) this.response.clear();
    if (this.cnonce.bytes !== NONE) this.cnonce.clear();
    if (this.nc.bytes !== NONE) this.nc.clear();
    if (this.scheme.bytes !== NONE) this.scheme.clear();
  }

  /** Starts to walk the values in `bytes[start, end)`, the value of one header field. The octets stay the caller's. */
  beginValues(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /**
   * Reads the next value. A bad value does not hide those behind it, unless a quote is never closed.
   * @returns AUTH_DIGEST, AUTH_OTHER, the first error (AUTH_MALFORMED, AUTH_REPEATED, AUTH_LONG), or AUTH_END. The
   * parameters may be used after AUTH_DIGEST only; at the end the view still has those of the value before.
   */
  next(): number {
    const bytes = this.bytes;
    const end = this.end;
    let i = this.skipCommas(this.at);
    this.at = end;
    if (i >= end) return AUTH_END;
    this.clear();
    const schemeStart = i;
    i = findMark(bytes, i, end, SPACE, NAME_ENDS);
    this.scheme.set(bytes, schemeStart, i);
    const isDigest = this.scheme.isToken(DIGEST);
    this.problem = isDigest ? AUTH_DIGEST : AUTH_OTHER;
    this.longIndex = -1;
    const behind = skipSpace(bytes, i, end);
    // A scheme is a word with white space behind it, or a word alone ("Negotiate"); Digest without parameters fails
    // below.
    if (i === schemeStart || (behind === i && i < end && bytes[i] !== COMMA)) this.fail(AUTH_MALFORMED);
    i = behind;
    do {
      const stop = isDigest ? this.readParam(i) : -1;
      if (stop < 0) {
        if (isDigest) this.fail(AUTH_MALFORMED);
        i = this.skipPiece(i);
      } else i = stop;
      i = this.skipCommas(i);
    } while (i < end && !this.isSchemeAt(i));
    this.at = i;
    return this.problem;
  }

  /** Reads `bytes[start, end)` as exactly one value, as in Authorization. @returns as `next`, but never AUTH_END */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.beginValues(bytes, start, end);
    this.clear();
    const result = this.next();
    return result === AUTH_END || (result === AUTH_DIGEST && this.at < end) ? AUTH_MALFORMED : result;
  }

  /** @returns what was too long, for a person, after AUTH_LONG: "nonce of 300 octets, 256 at most". Allocates. */
  tooLong(): string {
    const { longIndex } = this;
    if (longIndex < 0) return "";
    return text(NAMES[longIndex]) + " of " + this.longBytes + " octets, " + LIMITS[longIndex] + " at most";
  }

  /** Whether the nonce of the request was only too old, and the password was not refused. RFC 7616 §3.3 */
  isStale(): boolean {
    return this.stale.isToken(TRUE);
  }

  /** @returns the nonce count, 0 to 4,294,967,295, or -1 when it is not 8 hexadecimal digits. RFC 7616 §3.4 */
  count(): number {
    const nc = this.nc;
    if (nc.size() !== 8) return -1;
    let value = 0;
    for (let i = nc.start; i < nc.end; i++) {
      const digit = hexDigit(nc.bytes[i]);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  private fail(problem: number): void {
    if (this.problem > 0) this.problem = problem;
  }

  /** @returns the offset behind one parameter, at a comma or the end; -1 when there is no well-formed one */
  private readParam(at: number): number {
    const bytes = this.bytes;
    const end = this.end;
    const nameEnd = findMark(bytes, at, end, SPACE, NAME_ENDS);
    let i = bytes[nameEnd] > SPACE ? nameEnd : skipSpace(bytes, nameEnd, end);
    if (nameEnd === at || i >= end || bytes[i] !== EQUALS) return -1;
    i += 1;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    let valueStart = i;
    let valueEnd: number;
    if (i < end && bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, end);
      if (i < 0) return -1;
      valueStart += 1;
      valueEnd = i - 1;
    } else {
      i = findMark(bytes, i, end, SPACE, VALUE_ENDS);
      if (i === valueStart) return -1;
      valueEnd = i;
    }
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] !== COMMA) return -1;
    this.keepParam(at, nameEnd, valueStart, valueEnd);
    return i;
  }

  private keepParam(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    for (let k = 0; k < NAMES.length; k++) {
      const name = NAMES[k];
      // Few names have the same length: most are told without a call.
      if (name.length !== nameEnd - nameStart) continue;
      if (!equalNoCase(this.bytes, nameStart, nameEnd, name, 0, name.length)) continue;
      const span = this.spanOf(k);
      if (isGiven(span)) this.fail(AUTH_REPEATED);
      else if (valueEnd - valueStart > LIMITS[k]) {
        this.fail(AUTH_LONG);
        this.longIndex = k;
        this.longBytes = valueEnd - valueStart;
      }
      span.set(this.bytes, valueStart, valueEnd);
      return;
    }
  }

  /** @param index of the parameter in NAMES */
  private spanOf(index: number): Span {
    switch (index) {
      case 0:
        return this.realm;
      case 1:
        return this.nonce;
      case 2:
        return this.opaque;
      case 3:
        return this.algorithm;
      case 4:
        return this.qop;
      case 5:
        return this.stale;
      case 6:
        return this.username;
      case 7:
        return this.uri;
      case 8:
        return this.response;
      case 9:
        return this.cnonce;
      default:
        return this.nc;
    }
  }

  private skipCommas(at: number): number {
    const bytes = this.bytes;
    const end = this.end;
    let i = skipSpace(bytes, at, end);
    while (i < end && bytes[i] === COMMA) i = skipSpace(bytes, i + 1, end);
    return i;
  }

  /** @returns the offset of the next comma outside of quotes, or the end */
  private skipPiece(at: number): number {
    const bytes = this.bytes;
    const end = this.end;
    let i = at;
    while (i < end && bytes[i] !== COMMA) {
      if (bytes[i] === QUOTE) {
        i = skipQuoted(bytes, i, end);
        if (i < 0) return end;
      } else i += 1;
    }
    return i;
  }

  /** Whether a new value begins behind a comma: a token that no `=` follows. */
  private isSchemeAt(at: number): boolean {
    const tokenEnd = findMark(this.bytes, at, this.end, SPACE, NAME_ENDS);
    if (tokenEnd === at) return false;
    const i = skipSpace(this.bytes, tokenEnd, this.end);
    return i >= this.end || this.bytes[i] !== EQUALS;
  }
}

/** Whether a parameter is there; it may be there and empty (`opaque=""`). */
export function isGiven(span: Span): boolean {
  return span.bytes.length > 0;
}

/**
 * Copies a parameter's value as it is to be quoted again: escapes stay, line folding becomes one space. RFC 3261 §7.3.1
 * @returns its length in `out[at, end)`, or -1 when it does not fit or has a control octet, which no quoted-string of
 * ours may have
 */
export function copyQuoted(value: Span, out: Uint8Array, at: number, end: number): number {
  return transfer(value, out, at, end, false);
}

/** As `copyQuoted`, without the escapes: for comparing with a text of a person. */
export function unquote(value: Span, out: Uint8Array): number {
  return transfer(value, out, 0, out.length, true);
}

function transfer(value: Span, out: Uint8Array, at: number, outEnd: number, dropsEscapes: boolean): number {
  const bytes = value.bytes;
  const end = value.end;
  let to = at;
  let i = value.start;
  while (i < end) {
    let octet = bytes[i++];
    if (octet === 13 || octet === 10) {
      i = behindFold(bytes, i - 1, end);
      if (i < 0) return -1;
      i = skipSpace(bytes, i, end);
      octet = SPACE;
    } else if (octet === BACKSLASH && i < end) {
      // The escaped octet is taken here too, or a second backslash would count as an escape.
      if (!dropsEscapes) {
        if (to >= outEnd) return -1;
        out[to++] = octet;
      }
      octet = bytes[i++];
    }
    if (to >= outEnd || (octet < SPACE && octet !== TAB)) return -1;
    out[to++] = octet;
  }
  return to - at;
}
