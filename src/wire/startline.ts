/**
 * Reads the first line of a message (RFC 3261 §7.1, §7.2): what kind of message it is, and whether it is SIP at all;
 * and finds the ends of other lines. A fault in the line is noted, and reading goes on, for a server answers a bad
 * request by its header fields.
 */
import { parseUint } from "../core/bytes.js";
import { Fields } from "./fields.js";
import {
  behindLineEnd,
  isPlainEnd,
  STOP_CONTROL,
  STOP_QUESTION,
  STOP_TOKEN,
  STOP_URI,
  STOPS,
  scan,
  skipSpace,
} from "./lex.js";
import { METHOD_LENGTHS, methodAt, methodOf } from "./lookup.js";
import { METHOD_NONE } from "./names.js";
import {
  PROBLEM_CONTROL,
  PROBLEM_LINE,
  PROBLEM_NONE,
  PROBLEM_STATUS,
  PROBLEM_URI,
  PROBLEM_VERSION,
} from "./problems.js";
import { SCHEME_OTHER, schemeOf, schemeStop } from "./uri.js";
import { controlStop, scanWords, word } from "./words.js";

// " SIP/2.0" in its usual spelling.
const SPACE_SIP = word(" SIP");
const VERSION = word("/2.0");
// "SIP/2.0 " in its usual spelling.
const SIP = word("SIP/");
const VERSION_SPACE = word("2.0 ");
// "sip:" in either case.
const SIP_SCHEME = word("sip:");
const LOWER_CASE = 0x20202020;

// Constants of this file: see lex.ts.
const KINDS = STOPS;
const LENGTHS = METHOD_LENGTHS;
const TOKEN = STOP_TOKEN;
const CONTROL = STOP_CONTROL;
const URI = STOP_URI;
const URI_OR_QUESTION = STOP_URI | STOP_QUESTION;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const AT = 0x40;
const BACKSLASH = 0x5c;

export class StartLine extends Fields {
  isRequest = false;
  /** METHOD_*, METHOD_NONE for a response. */
  method = METHOD_NONE;
  methodStart = 0;
  methodEnd = 0;
  uriStart = 0;
  uriEnd = 0;
  /** 100 to 699, 0 for a request. */
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** The first fault, PROBLEM_* of problems.ts; PROBLEM_NONE when `parse` returned PARSE_OK. */
  problem = PROBLEM_NONE;
  protected clearStartLine(): void {
    this.isRequest = false;
    this.method = METHOD_NONE;
    this.status = 0;
    this.problem = PROBLEM_NONE;
    this.methodStart = this.methodEnd = this.uriStart = this.uriEnd = this.reasonStart = this.reasonEnd = 0;
  }

  /** Notes a fault. The first one is kept, for the peer is told that one. */
  protected fail(problem: number): void {
    if (this.problem === PROBLEM_NONE) this.problem = problem;
  }

  /**
   * @param at anywhere in a field
   * @returns the offset of the CRLF or LF that ends its last line; `end` when it is cut off
   */
  protected lineStop(at: number, end: number): number {
    const bytes = this.bytes;
    const i = controlStop(bytes, this.view, at, end);
    return isPlainEnd(bytes, i, end) ? i : this.oddLineStop(at, i, end);
  }

  /**
   * @param control the first control octet of a field, `at` or behind it, which is not plainly the end
   * @returns as `lineStop`
   */
  private oddLineStop(at: number, control: number, end: number): number {
    const bytes = this.bytes;
    let i = control;
    while (i < end) {
      const next = skipSpace(bytes, i, end);
      if (next > i) i = next;
      else if (behindLineEnd(bytes, i, end) >= 0) return i;
      else {
        if (i === at || bytes[i] === CR || bytes[i - 1] !== BACKSLASH) this.fail(PROBLEM_CONTROL);
        i += 1;
      }
      i = controlStop(bytes, this.view, i, end);
    }
    return end;
  }

  /** Reads the start line. @returns the offset behind it, or -1 when this is no SIP at all */
  protected readStartLine(at: number, end: number): number {
    const { bytes, view } = this;
    if (at + 8 <= end && view.getInt32(at, true) === SIP && view.getInt32(at + 4, true) === VERSION_SPACE)
      return this.readStatusLine(at, end);
    const method = methodAt(view, at, end);
    let i = at + LENGTHS[method];
    if (method !== METHOD_NONE && bytes[i] === SPACE) return this.readRequestLine(at, i, method, end);
    while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
    if (i === at || i >= end) return -1;
    if (bytes[i] === SPACE) return this.readRequestLine(at, i, methodOf(bytes, at, i), end);
    return bytes[i] === SLASH ? this.readStatusLine(at, end) : -1;
  }

  private readStatusLine(at: number, end: number): number {
    const bytes = this.bytes;
    const lineEnd = controlStop(bytes, this.view, at, end);
    if (at + 11 > lineEnd || !isVersion2(bytes, at) || bytes[at + 7] !== SPACE) return -1;
    this.status = parseUint(bytes, at + 8, at + 11, 699);
    // "SIP/2.0 200" without the space behind it is accepted; the reason phrase may be empty either way.
    if (this.status < 100 || (at + 11 < lineEnd && bytes[at + 11] !== SPACE)) this.fail(PROBLEM_STATUS);
    this.reasonStart = Math.min(at + 12, lineEnd);
    return this.behindStartLine(lineEnd, end);
  }

  /**
   * @param at a control octet in the start line, which should be its end
   * @returns the offset behind the line, -1 when it has no end
   */
  private behindStartLine(at: number, end: number): number {
    const bytes = this.bytes;
    let i = at;
    let next = behindLineEnd(bytes, i, end);
    while (next < 0 && i < end) {
      if (bytes[i] !== TAB) this.fail(PROBLEM_CONTROL);
      i = scan(bytes, i + 1, end, CONTROL);
      next = behindLineEnd(bytes, i, end);
    }
    this.reasonEnd = this.isRequest ? 0 : i;
    return next;
  }

  /** Reads from the space behind the method on. RFC 3261 §7.1: single spaces, nothing else around them */
  private readRequestLine(at: number, methodEnd: number, method: number, end: number): number {
    const bytes = this.bytes;
    this.isRequest = true;
    this.methodStart = at;
    this.methodEnd = methodEnd;
    this.method = method;
    let i = methodEnd + 1;
    this.uriStart = i;
    i = scanWords(bytes, this.view, i, end, URI_OR_QUESTION);
    // A question mark begins headers, unless an @ behind it shows that it is in the user part.
    let hasHeaders = false;
    while (i < end && bytes[i] > SPACE) {
      if (bytes[i] === QUESTION) hasHeaders = true;
      else if (bytes[i] === AT) hasHeaders = false;
      else if ((KINDS[bytes[i]] & URI) !== 0) this.fail(PROBLEM_URI);
      i += 1;
    }
    this.uriEnd = i;
    if (!this.isUri(hasHeaders)) this.fail(PROBLEM_URI);
    const view = this.view;
    if (
      i + 10 <= end &&
      view.getInt32(i, true) === SPACE_SIP &&
      view.getInt32(i + 4, true) === VERSION &&
      bytes[i + 8] === CR &&
      bytes[i + 9] === LF
    )
      return i + 10;
    return this.readOddVersion(i, end);
  }

  /**
   * Reads the text behind the URI when it is not plainly " SIP/2.0" and CRLF.
   * @returns the offset behind the line, -1 when it does not end in a version of SIP
   */
  private readOddVersion(at: number, end: number): number {
    const bytes = this.bytes;
    const next = this.behindStartLine(scan(bytes, at, end, CONTROL), end);
    let stop = next - 1;
    if (stop > at && bytes[stop - 1] === CR) stop -= 1;
    if (at + 1 < stop && bytes[at] === SPACE && isVersion(bytes, at + 1, stop)) {
      let i = at + 6;
      while (i < stop && ((bytes[i] >= 0x30 && bytes[i] <= 0x39) || bytes[i] === 0x2e)) i += 1;
      if (i < stop) this.fail(PROBLEM_LINE);
      else if (!isVersion2(bytes, at + 1) || stop !== at + 8) this.fail(PROBLEM_VERSION);
      return next;
    }
    // A line with spaces in odd places still ends in a version; any other line is no SIP.
    while (stop > at && bytes[stop - 1] === SPACE) stop -= 1;
    this.fail(PROBLEM_LINE);
    return stop - at >= 7 && isVersion(bytes, stop - 7, stop) ? next : -1;
  }

  /**
   * Whether the text is a Request-URI: a scheme and something behind it, for a SIP URI without headers. RFC 3261
   * §19.1.1, table 1
   */
  private isUri(hasHeaders: boolean): boolean {
    const bytes = this.bytes;
    const start = this.uriStart;
    const end = this.uriEnd;
    if (end - start > 4 && (this.view.getInt32(start, true) | LOWER_CASE) === SIP_SCHEME) return !hasHeaders;
    const colon = schemeStop(bytes, start, end);
    if (colon < 0 || colon + 1 === end) return false;
    return !hasHeaders || schemeOf(bytes, start, colon) === SCHEME_OTHER;
  }
}

/** Whether it is "sip" without case. */
function isSip(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] | 0x20) === 0x73 && (bytes[at + 1] | 0x20) === 0x69 && (bytes[at + 2] | 0x20) === 0x70;
}

/** Whether it is "SIP/" without case, with room for a version. */
function isVersion(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 7 && isSip(bytes, at) && bytes[at + 3] === SLASH;
}

/** Whether it is "SIP/2.0"; there have to be seven octets. */
function isVersion2(bytes: Uint8Array, at: number): boolean {
  return (
    isSip(bytes, at) &&
    bytes[at + 3] === SLASH &&
    bytes[at + 4] === 0x32 &&
    bytes[at + 5] === 0x2e &&
    bytes[at + 6] === 0x30
  );
}
