/**
 * One SIP message over the octets it arrived in (RFC 3261 §7): start line, a fixed table of its header fields, and the values every
 * layer asks for (Via, tags, Call-ID, CSeq, Content-Length). Nothing is copied and nothing grows: a view is filled by `parse` and holds
 * until its octets are overwritten. What a value means beyond that is left to the readers beside this file (uri, address, via, list).
 *
 * Lines end with CRLF; a lone LF is taken for it, a lone CR never is. A control octet other than HT is refused unless a backslash
 * makes it part of a quoted string.
 */
import { equal, parseUint } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import { Fields } from "./fields.js";
import {
  behindLineEnd,
  STOP_CONTROL,
  STOP_DIGITS,
  STOP_SPACE,
  STOP_TOKEN,
  STOPS,
  scan,
  skipSpace,
  trimEnd,
} from "./lex.js";
import { headerAt, headerLength, headerOf, methodOf } from "./lookup.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_CONTENT_LENGTH,
  HEADER_CSEQ,
  HEADER_FROM,
  HEADER_MAX_FORWARDS,
  HEADER_OTHER,
  HEADER_TO,
  HEADER_VIA,
  METHOD_ACK,
  METHOD_NONE,
  METHOD_OTHER,
} from "./names.js";
import {
  PROBLEM_BODY,
  PROBLEM_CONTROL,
  PROBLEM_HEADER,
  PROBLEM_LENGTH,
  PROBLEM_LINE,
  PROBLEM_MISSING,
  PROBLEM_NONE,
  PROBLEM_NOT_SIP,
  PROBLEM_REPEATED,
  PROBLEM_STATUS,
  PROBLEM_TABLE,
  PROBLEM_URI,
  PROBLEM_VALUE,
  PROBLEM_VERSION,
} from "./problems.js";
import { SCHEME_OTHER, schemeOf, schemeStop } from "./uri.js";
import { Via } from "./via.js";

/** What `parse` returns: this, a status a server answers with (400, 505, 513), or PARSE_DROP. */
export * from "./problems.js";

export const PARSE_OK = 0;
/** Nothing to answer: not SIP, a malformed response or ACK, or a request whose Via, From, To, Call-ID or CSeq cannot be echoed. */
export const PARSE_DROP = -1;

// Octets, and below the ids that `parse` tells apart: own constants, see lex.ts.
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const COMMA = 0x2c;
const COLON = 0x3a;
const SLASH = 0x2f;
const LESS = 0x3c;
const GREATER = 0x3e;
const QUESTION = 0x3f;
const AT = 0x40;
const DELETE = 0x7f;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const VIA = HEADER_VIA;
const FROM = HEADER_FROM;
const TO = HEADER_TO;
const CALL_ID = HEADER_CALL_ID;
const CSEQ = HEADER_CSEQ;
const MAX_FORWARDS = HEADER_MAX_FORWARDS;
const CONTACT = HEADER_CONTACT;
const CONTENT_LENGTH = HEADER_CONTENT_LENGTH;
const OTHER = HEADER_OTHER;

const KINDS = STOPS;
const TOKEN = STOP_TOKEN;
const VISIBLE = STOP_SPACE;
const CONTROL = STOP_CONTROL;
const DIGITS = STOP_DIGITS;

const CSEQ_MAX = 0x7fffffff;
const CONTENT_LENGTH_MAX = 0x7fffffff;
const MAX_FORWARDS_MAX = 255;

export class Message extends Fields {
  start = 0;
  /** Behind the body that belongs to the message; octets of the datagram behind it are not part of it. */
  end = 0;

  isRequest = false;
  /** METHOD_*; METHOD_NONE for a response. */
  method = METHOD_NONE;
  methodStart = 0;
  methodEnd = 0;
  uriStart = 0;
  uriEnd = 0;
  /** 100 to 699; 0 for a request. */
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** PROBLEM_* of problems.ts: the first thing that was wrong; PROBLEM_NONE when `parse` returned PARSE_OK. */
  problem = PROBLEM_NONE;
  /** Whether Via, From, To, Call-ID and CSeq are there and can be echoed in an answer. */
  canAnswer = false;

  // Values read by `parse`; start equals end when one is absent, numbers are -1.
  callIdStart = 0;
  callIdEnd = 0;
  cseq = -1;
  cseqMethod = METHOD_NONE;
  cseqMethodStart = 0;
  cseqMethodEnd = 0;
  /** The whole From value. */
  fromStart = 0;
  fromEnd = 0;
  fromTagStart = 0;
  fromTagEnd = 0;
  /** The whole To value. */
  toStart = 0;
  toEnd = 0;
  toTagStart = 0;
  toTagEnd = 0;
  /** The topmost element of Via, read. */
  readonly via = new Via();
  viaStart = 0;
  viaEnd = 0;
  branchStart = 0;
  branchEnd = 0;
  /** The branch begins with z9hG4bK and goes on: it names a transaction. RFC 3261 §8.1.1.7 */
  hasMagicCookie = false;
  sentByStart = 0;
  sentByEnd = 0;
  maxForwards = -1;
  contentLength = -1;
  bodyStart = 0;
  bodyEnd = 0;

  private readonly address = new NameAddress();

  /** `maxHeaders` rows of 20 octets, made here; a message with more fields is answered with 513. */
  constructor(maxHeaders: number) {
    super(maxHeaders);
  }

  /**
   * Reads the message in `bytes[start, end)`: a datagram, or what a stream's framing found (`stream`: Content-Length is required then).
   * The octets stay the caller's and must not change while the view is used.
   * @returns PARSE_OK, a status to answer with, or PARSE_DROP; `problem` says why
   */
  parse(bytes: Uint8Array, start: number, end: number, stream: boolean): number {
    this.clear(bytes, end);
    let i = start;
    while (i < end && (bytes[i] === CR || bytes[i] === LF)) i += 1;
    this.start = i;
    i = this.readStartLine(i, end);
    if (i < 0) {
      this.problem = PROBLEM_NOT_SIP;
      this.bodyStart = this.bodyEnd = end;
      return PARSE_DROP;
    }
    this.bodyStart = this.readFields(i, end);
    this.checkMandatory();
    this.checkBody(end, stream);
    if (this.problem === PROBLEM_NONE) return PARSE_OK;
    if (!this.isRequest || !this.canAnswer || this.method === METHOD_ACK) return PARSE_DROP;
    if (this.problem === PROBLEM_VERSION) return 505;
    return this.problem === PROBLEM_TABLE ? 513 : 400;
  }

  private clear(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
    this.isRequest = this.canAnswer = this.hasMagicCookie = false;
    this.method = this.cseqMethod = METHOD_NONE;
    this.status = 0;
    this.problem = PROBLEM_NONE;
    this.methodStart = this.methodEnd = this.uriStart = this.uriEnd = this.reasonStart = this.reasonEnd = 0;
    this.callIdStart = this.callIdEnd = this.cseqMethodStart = this.cseqMethodEnd = 0;
    this.fromStart = this.fromEnd = this.fromTagStart = this.fromTagEnd = 0;
    this.toStart = this.toEnd = this.toTagStart = this.toTagEnd = 0;
    this.viaStart = this.viaEnd = this.branchStart = this.branchEnd = this.sentByStart = this.sentByEnd = 0;
    this.cseq = this.maxForwards = this.contentLength = -1;
    this.rows = 0;
  }

  /** Keeps the first problem: it is the one told to the peer. */
  private fail(problem: number): void {
    if (this.problem === PROBLEM_NONE) this.problem = problem;
  }

  /** @returns the offset behind the start line, or -1 when this is no SIP at all */
  private readStartLine(at: number, end: number): number {
    const bytes = this.bytes;
    let i = at;
    while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
    if (i === at || i >= end) return -1;
    if (bytes[i] === SPACE) return this.readRequestLine(at, i, end);
    return bytes[i] === SLASH ? this.readStatusLine(at, end) : -1;
  }

  private readStatusLine(at: number, end: number): number {
    const bytes = this.bytes;
    const lineEnd = scan(bytes, at, end, CONTROL);
    if (at + 11 > lineEnd || !isVersion2(bytes, at) || bytes[at + 7] !== SPACE) return -1;
    this.status = parseUint(bytes, at + 8, at + 11, 699);
    // "SIP/2.0 200" without the space behind it is let through; the reason phrase may be empty either way.
    if (this.status < 100 || (at + 11 < lineEnd && bytes[at + 11] !== SPACE)) this.fail(PROBLEM_STATUS);
    this.reasonStart = Math.min(at + 12, lineEnd);
    return this.behindStartLine(lineEnd, end);
  }

  /** From a control octet in the start line, which should be its end. @returns the offset behind the line, or -1 when it has no end */
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

  /** From the space behind the method. RFC 3261 §7.1: single spaces, nothing else around them */
  private readRequestLine(at: number, methodEnd: number, end: number): number {
    const bytes = this.bytes;
    this.isRequest = true;
    this.methodStart = at;
    this.methodEnd = methodEnd;
    this.method = methodOf(bytes, at, methodEnd);
    let i = methodEnd + 1;
    this.uriStart = i;
    let hasHeaders = false;
    let isBad = false;
    while (i < end && bytes[i] > SPACE) {
      const octet = bytes[i++];
      // Letters pass with one comparison.
      if (octet > AT && octet !== DELETE) continue;
      if (octet === AT) hasHeaders = false;
      else if (octet === QUESTION) hasHeaders = true;
      else if (octet === LESS || octet === GREATER || octet === QUOTE || octet === DELETE) isBad = true;
    }
    this.uriEnd = i;
    if (isBad || !this.isUri(hasHeaders)) this.fail(PROBLEM_URI);
    if (i + 9 < end && bytes[i] === SPACE && isVersion2(bytes, i + 1) && bytes[i + 8] === CR && bytes[i + 9] === LF)
      return i + 10;
    return this.readOddVersion(i, end);
  }

  /** What is behind the URI when it is not plainly " SIP/2.0" and CRLF. @returns the offset behind the line; -1 when it does not end in a version of SIP */
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
    // Spaces in odd places still end in a version; anything else is not for us.
    while (stop > at && bytes[stop - 1] === SPACE) stop -= 1;
    this.fail(PROBLEM_LINE);
    return stop - at >= 7 && isVersion(bytes, stop - 7, stop) ? next : -1;
  }

  /** A Request-URI has a scheme and something behind it; a SIP URI there has no header components. RFC 3261 §19.1.1, table 1 */
  private isUri(hasHeaders: boolean): boolean {
    const bytes = this.bytes;
    const start = this.uriStart;
    const end = this.uriEnd;
    if (end - start > 4 && bytes[start + 3] === COLON && isSip(bytes, start)) return !hasHeaders;
    const colon = schemeStop(bytes, start, end);
    if (colon < 0 || colon + 1 === end) return false;
    return !hasHeaders || schemeOf(bytes, start, colon) === SCHEME_OTHER;
  }

  /** Fills the table, one field a turn. @returns where the body begins */
  private readFields(at: number, end: number): number {
    const bytes = this.bytes;
    let i = at;
    while (i < end) {
      const nameStart = i;
      let id = headerAt(bytes, i, end);
      let nameEnd = i + headerLength(id);
      if (id === OTHER) {
        while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
        nameEnd = i;
        if (nameEnd === nameStart) {
          const body = behindLineEnd(bytes, i, end);
          if (body >= 0) return body;
        }
        while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i += 1;
        if (i >= end || bytes[i] !== COLON || nameEnd === nameStart) {
          this.fail(PROBLEM_HEADER);
          i = this.lineStop(i, end);
          i += i < end && bytes[i] === CR ? 2 : 1;
          continue;
        }
        id = headerOf(bytes, nameStart, nameEnd);
      } else i = nameEnd;
      i += 1;
      if (i < end && bytes[i] === SPACE) i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      const valueStart = i;
      if (id <= CONTENT_LENGTH && id !== OTHER && id !== CONTACT) i = this.readValue(id, i, end);
      else i = this.lineStop(i, end);
      const valueEnd = bytes[i - 1] <= SPACE ? trimEnd(bytes, valueStart, i) : i;
      if (!this.addRow(id, nameStart, nameEnd, valueStart, valueEnd)) this.fail(PROBLEM_TABLE);
      i += i < end && bytes[i] === CR ? 2 : 1;
    }
    this.fail(PROBLEM_BODY);
    return end;
  }

  /** From anywhere in a field. @returns the offset of the CRLF or LF that ends its last line; `end` when it is cut off */
  private lineStop(at: number, end: number): number {
    const bytes = this.bytes;
    const last = end - 3;
    let i = at;
    for (;;) {
      // Four octets a turn: the sum of signs is negative when one of them is a control.
      while (i < last && ((bytes[i] - 32) | (bytes[i + 1] - 32) | (bytes[i + 2] - 32) | (bytes[i + 3] - 32)) >= 0)
        i += 4;
      while (i < end && bytes[i] >= SPACE) i += 1;
      if (i + 2 < end && bytes[i] === CR && bytes[i + 1] === LF && bytes[i + 2] > SPACE) return i;
      if (i >= end) return end;
      const next = skipSpace(bytes, i, end);
      if (next > i) i = next;
      else if (behindLineEnd(bytes, i, end) >= 0) return i;
      else {
        if (i === at || bytes[i] === CR || bytes[i - 1] !== BACKSLASH) this.fail(PROBLEM_CONTROL);
        i += 1;
      }
    }
  }

  /** The values that every layer needs. @returns where the field's line ends */
  private readValue(id: number, at: number, end: number): number {
    if (this.has(id)) {
      if (id !== VIA) this.fail(PROBLEM_REPEATED);
      return this.lineStop(at, end);
    }
    switch (id) {
      case VIA:
        return this.readVia(at, end);
      case FROM:
      case TO:
        return this.readAddress(id, at, end);
      case CALL_ID:
        return this.readCallId(at, end);
      case CSEQ:
        return this.readCSeq(at, end);
      case MAX_FORWARDS:
        this.maxForwards = parseUint(this.bytes, at, scan(this.bytes, at, end, DIGITS), MAX_FORWARDS_MAX);
        return this.behindNumber(id, at, end);
      case CONTENT_LENGTH:
        this.contentLength = parseUint(this.bytes, at, scan(this.bytes, at, end, DIGITS), CONTENT_LENGTH_MAX);
        return this.behindNumber(id, at, end);
    }
    return at;
  }

  /** Where a reader stopped, when that is the end of the line; else its value is malformed, and the end is looked for. */
  private lineEnd(at: number, end: number, problem: number): number {
    const bytes = this.bytes;
    if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) return at;
    if (behindLineEnd(bytes, at, end) >= 0) return at;
    this.fail(problem);
    return this.lineStop(at, end);
  }

  /** Behind a number that has to be the whole value. */
  private behindNumber(id: number, at: number, end: number): number {
    const bytes = this.bytes;
    const isLength = id === CONTENT_LENGTH;
    const problem = isLength ? PROBLEM_LENGTH : PROBLEM_VALUE;
    let i = scan(bytes, at, end, DIGITS);
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    const value = isLength ? this.contentLength : this.maxForwards;
    if (value >= 0 && behindLineEnd(bytes, i, end) >= 0) return i;
    if (isLength) this.contentLength = -1;
    else this.maxForwards = -1;
    this.fail(problem);
    return this.lineStop(i, end);
  }

  private readVia(at: number, end: number): number {
    const via = this.via;
    const bytes = this.bytes;
    this.viaStart = at;
    if (!via.parse(bytes, at, end)) {
      this.fail(PROBLEM_VALUE);
      const stop = this.lineStop(at, end);
      this.viaEnd = trimEnd(bytes, at, stop);
      return stop;
    }
    this.viaEnd = via.end;
    this.branchStart = via.branchStart;
    this.branchEnd = via.branchEnd;
    this.hasMagicCookie = hasCookie(bytes, via.branchStart, via.branchEnd);
    this.sentByStart = via.sentByStart;
    this.sentByEnd = via.sentByEnd;
    // Behind a comma there are more elements: they are for who walks the list.
    return via.stop < end && bytes[via.stop] === COMMA ? this.lineStop(via.stop, end) : via.stop;
  }

  private readAddress(id: number, at: number, end: number): number {
    const address = this.address;
    let stop = address.read(this.bytes, at, end);
    let tagStart = address.tagStart;
    let tagEnd = address.tagEnd;
    if (stop < 0 || address.isStar || behindLineEnd(this.bytes, stop, end) < 0) {
      this.fail(PROBLEM_VALUE);
      stop = this.lineStop(at, end);
      tagStart = tagEnd = at;
    }
    const valueEnd = trimEnd(this.bytes, at, stop);
    if (id === FROM) {
      this.fromStart = at;
      this.fromEnd = valueEnd;
      this.fromTagStart = tagStart;
      this.fromTagEnd = tagEnd;
    } else {
      this.toStart = at;
      this.toEnd = valueEnd;
      this.toTagStart = tagStart;
      this.toTagEnd = tagEnd;
    }
    return stop;
  }

  /** word ["@" word]; only that it is one word and not empty matters here. */
  private readCallId(at: number, end: number): number {
    const bytes = this.bytes;
    let i = scan(bytes, at, end, VISIBLE);
    this.callIdStart = at;
    this.callIdEnd = i;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    const stop = this.lineEnd(i, end, PROBLEM_VALUE);
    if (stop > i) this.callIdEnd = trimEnd(bytes, at, stop);
    return stop;
  }

  private readCSeq(at: number, end: number): number {
    const bytes = this.bytes;
    let i = at;
    while (i < end && (KINDS[bytes[i]] & DIGITS) === 0) i += 1;
    this.cseq = parseUint(bytes, at, i, CSEQ_MAX);
    if (this.cseq < 0 || i >= end || bytes[i] > SPACE) this.fail(PROBLEM_VALUE);
    i = skipSpace(bytes, i, end);
    const methodStart = i;
    while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
    if (i === methodStart) this.fail(PROBLEM_VALUE);
    this.cseqMethodStart = methodStart;
    this.cseqMethodEnd = i;
    this.cseqMethod = methodOf(bytes, methodStart, i);
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    return this.lineEnd(i, end, PROBLEM_VALUE);
  }

  private checkMandatory(): void {
    this.canAnswer =
      this.viaEnd > this.viaStart &&
      this.fromEnd > this.fromStart &&
      this.toEnd > this.toStart &&
      this.callIdEnd > this.callIdStart &&
      this.has(HEADER_CSEQ);
    if (!this.canAnswer) {
      this.fail(PROBLEM_MISSING);
      return;
    }
    if (!this.isRequest) return;
    const isSame =
      this.method === METHOD_OTHER
        ? equal(this.bytes, this.methodStart, this.methodEnd, this.bytes, this.cseqMethodStart, this.cseqMethodEnd)
        : this.method === this.cseqMethod;
    if (!isSame) this.fail(PROBLEM_VALUE);
  }

  /** Content-Length against what is there: too little is refused, what is behind it is not ours. RFC 3261 §18.3 */
  private checkBody(end: number, stream: boolean): void {
    if (this.contentLength < 0) {
      if (stream) this.fail(PROBLEM_LENGTH);
      this.bodyEnd = end;
      return;
    }
    if (this.contentLength > end - this.bodyStart) {
      this.fail(PROBLEM_BODY);
      this.bodyEnd = end;
    } else this.end = this.bodyEnd = this.bodyStart + this.contentLength;
  }
}

/** "sip" without case. */
function isSip(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] | 0x20) === 0x73 && (bytes[at + 1] | 0x20) === 0x69 && (bytes[at + 2] | 0x20) === 0x70;
}

/** "SIP/" without case, and room for a version. */
function isVersion(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 7 && isSip(bytes, at) && bytes[at + 3] === SLASH;
}

/** "SIP/2.0", where there are seven octets. */
function isVersion2(bytes: Uint8Array, at: number): boolean {
  return (
    isSip(bytes, at) &&
    bytes[at + 3] === SLASH &&
    bytes[at + 4] === 0x32 &&
    bytes[at + 5] === 0x2e &&
    bytes[at + 6] === 0x30
  );
}

/** "z9hG4bK" without case, and something behind it. */
function hasCookie(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start > 7 &&
    (bytes[start] | 0x20) === 0x7a &&
    bytes[start + 1] === 0x39 &&
    (bytes[start + 2] | 0x20) === 0x68 &&
    (bytes[start + 3] | 0x20) === 0x67 &&
    bytes[start + 4] === 0x34 &&
    (bytes[start + 5] | 0x20) === 0x62 &&
    (bytes[start + 6] | 0x20) === 0x6b
  );
}
