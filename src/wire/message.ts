/**
 * One SIP message over the octets it arrived in (RFC 3261 §7): its start line, the table of its header fields, and the values every
 * layer asks for (Via, tags, Call-ID, CSeq, Content-Length). Nothing is copied and nothing grows: a view is filled by `parse` and holds
 * until its octets are overwritten. What a value means beyond that is left to the readers beside this file (uri, address, via, list).
 *
 * Lines end with CRLF; a lone LF is taken for it, a lone CR never is. A control octet other than HT is refused unless a backslash
 * makes it part of a quoted string.
 */
import { equal, parseUint } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import {
  behindLineEnd,
  isPlainEnd,
  STOP_DIGITS,
  STOP_SPACE,
  STOP_TOKEN,
  STOPS,
  scan,
  skipSpace,
  trimEnd,
} from "./lex.js";
import { headerAt, headerLength, headerOf, methodAt, methodLength, methodOf } from "./lookup.js";
import {
  HEADER_CALL_ID,
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
  PROBLEM_HEADER,
  PROBLEM_LENGTH,
  PROBLEM_MISSING,
  PROBLEM_NONE,
  PROBLEM_NOT_SIP,
  PROBLEM_REPEATED,
  PROBLEM_TABLE,
  PROBLEM_VALUE,
  PROBLEM_VERSION,
} from "./problems.js";
import { StartLine } from "./startline.js";
import { hasCookie, Via } from "./via.js";
import { scanWords } from "./words.js";

export * from "./problems.js";

/** What `parse` returns: this, a status a server answers with (400, 505, 513), or PARSE_DROP. */
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

const VIA = HEADER_VIA;
const FROM = HEADER_FROM;
const TO = HEADER_TO;
const CALL_ID = HEADER_CALL_ID;
const CSEQ = HEADER_CSEQ;
const MAX_FORWARDS = HEADER_MAX_FORWARDS;
const CONTENT_LENGTH = HEADER_CONTENT_LENGTH;
const OTHER = HEADER_OTHER;

/** The ids whose values `parse` reads, a bit each. */
const EAGER =
  (1 << VIA) | (1 << FROM) | (1 << TO) | (1 << CALL_ID) | (1 << CSEQ) | (1 << MAX_FORWARDS) | (1 << CONTENT_LENGTH);

const KINDS = STOPS;
const TOKEN = STOP_TOKEN;
const VISIBLE = STOP_SPACE;
const DIGITS = STOP_DIGITS;

const CSEQ_MAX = 0x7fffffff;
const CONTENT_LENGTH_MAX = 0x7fffffff;
const MAX_FORWARDS_MAX = 255;

export class Message extends StartLine {
  start = 0;
  /** Behind the body that belongs to the message; octets of the datagram behind it are not part of it. */
  end = 0;

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
  /** A bit for each id whose value has been read. */
  private seen = 0;

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
    this.indexRows();
    this.checkMandatory();
    this.checkBody(end, stream);
    if (this.problem === PROBLEM_NONE) return PARSE_OK;
    if (!this.isRequest || !this.canAnswer || this.method === METHOD_ACK) return PARSE_DROP;
    if (this.problem === PROBLEM_VERSION) return 505;
    return this.problem === PROBLEM_TABLE ? 513 : 400;
  }

  private clear(bytes: Uint8Array, end: number): void {
    this.clearFields(bytes);
    this.end = end;
    this.clearStartLine();
    this.canAnswer = this.hasMagicCookie = false;
    this.cseqMethod = METHOD_NONE;
    this.callIdStart = this.callIdEnd = this.cseqMethodStart = this.cseqMethodEnd = 0;
    this.fromStart = this.fromEnd = this.fromTagStart = this.fromTagEnd = 0;
    this.toStart = this.toEnd = this.toTagStart = this.toTagEnd = 0;
    this.viaStart = this.viaEnd = this.branchStart = this.branchEnd = this.sentByStart = this.sentByEnd = 0;
    this.cseq = this.maxForwards = this.contentLength = -1;
  }

  /** Fills the table, one field a turn. @returns where the body begins */
  private readFields(at: number, end: number): number {
    const bytes = this.bytes;
    const words = this.words;
    this.seen = 0;
    let i = at;
    while (i < end) {
      const id = headerAt(bytes, words, i, end);
      const nameEnd = i + headerLength(id);
      if (id !== OTHER) i = this.readField(id, i, nameEnd, nameEnd, end);
      else {
        const body = behindLineEnd(bytes, i, end);
        if (body >= 0) return body;
        i = this.readOddField(i, end);
      }
    }
    this.fail(PROBLEM_BODY);
    return end;
  }

  /** A field whose name is not known, short, or not followed by its colon at once. @returns where the next line begins */
  private readOddField(at: number, end: number): number {
    const bytes = this.bytes;
    const nameEnd = scan(bytes, at, end, TOKEN);
    let i = nameEnd;
    while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i += 1;
    if (i < end && bytes[i] === COLON && nameEnd > at)
      return this.readField(headerOf(bytes, at, nameEnd), at, nameEnd, i, end);
    this.fail(PROBLEM_HEADER);
    i = this.lineStop(i, end);
    return i + (i < end && bytes[i] === CR ? 2 : 1);
  }

  /** A field from its colon on: its value and its row. @returns where the next line begins */
  private readField(id: number, nameStart: number, nameEnd: number, colon: number, end: number): number {
    const bytes = this.bytes;
    let i = colon + 1;
    if (i < end && bytes[i] === SPACE) i += 1;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    const valueStart = i;
    if (((1 << id) & EAGER) === 0 || id > CONTENT_LENGTH) i = this.lineStop(i, end);
    else if (((1 << id) & this.seen) === 0) {
      this.seen |= 1 << id;
      i = this.readValue(id, i, end);
    } else {
      if (id !== VIA) this.fail(PROBLEM_REPEATED);
      i = this.lineStop(i, end);
    }
    const valueEnd = bytes[i - 1] <= SPACE ? trimEnd(bytes, valueStart, i) : i;
    if (!this.addRow(id, nameStart, nameEnd, valueStart, valueEnd)) this.fail(PROBLEM_TABLE);
    return i + (i < end && bytes[i] === CR ? 2 : 1);
  }

  /** The values that every layer needs. @returns where the field's line ends */
  private readValue(id: number, at: number, end: number): number {
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
        return this.readNumber(id, at, end, MAX_FORWARDS_MAX);
      case CONTENT_LENGTH:
        return this.readNumber(id, at, end, CONTENT_LENGTH_MAX);
    }
    return at;
  }

  /** Where a reader stopped, when that is the end of the line; else its value is malformed, and the end is looked for. */
  private lineEnd(at: number, end: number, problem: number): number {
    if (behindLineEnd(this.bytes, at, end) >= 0) return at;
    this.fail(problem);
    return this.lineStop(at, end);
  }

  /** A number that has to be the whole value. */
  private readNumber(id: number, at: number, end: number, max: number): number {
    const bytes = this.bytes;
    let value = 0;
    let i = at;
    while (i < end && value <= max) {
      const digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      i += 1;
    }
    let isNumber = i > at && value <= max;
    if (!isPlainEnd(bytes, i, end)) {
      i = skipSpace(bytes, i, end);
      isNumber = isNumber && behindLineEnd(bytes, i, end) >= 0;
    }
    if (id === CONTENT_LENGTH) this.contentLength = isNumber ? value : -1;
    else this.maxForwards = isNumber ? value : -1;
    if (isNumber) return i;
    this.fail(id === CONTENT_LENGTH ? PROBLEM_LENGTH : PROBLEM_VALUE);
    return this.lineStop(i, end);
  }

  private readVia(at: number, end: number): number {
    const via = this.via;
    const bytes = this.bytes;
    this.viaStart = at;
    if (!via.read(bytes, this.words, at, end)) {
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
    let stop = address.read(this.bytes, this.words, at, end);
    let tagStart = address.tagStart;
    let tagEnd = address.tagEnd;
    if (
      stop < 0 ||
      address.isStar ||
      (!isPlainEnd(this.bytes, stop, end) && behindLineEnd(this.bytes, stop, end) < 0)
    ) {
      this.fail(PROBLEM_VALUE);
      stop = this.lineStop(at, end);
      tagStart = tagEnd = at;
    }
    const valueEnd = this.bytes[stop - 1] <= SPACE ? trimEnd(this.bytes, at, stop) : stop;
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
    let i = scanWords(bytes, this.words, at, end, VISIBLE);
    this.callIdStart = at;
    this.callIdEnd = i;
    if (i > at && isPlainEnd(bytes, i, end)) return i;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    const stop = this.lineEnd(i, end, PROBLEM_VALUE);
    if (stop > i) this.callIdEnd = trimEnd(bytes, at, stop);
    return stop;
  }

  private readCSeq(at: number, end: number): number {
    const bytes = this.bytes;
    let i = scan(bytes, at, end, DIGITS);
    this.cseq = parseUint(bytes, at, i, CSEQ_MAX);
    if (this.cseq < 0 || i >= end || bytes[i] > SPACE) this.fail(PROBLEM_VALUE);
    if (i + 1 < end && bytes[i] === SPACE && bytes[i + 1] > SPACE) i += 1;
    else i = skipSpace(bytes, i, end);
    const methodStart = i;
    const method = methodAt(bytes, this.words, i, end);
    i += methodLength(method);
    if (method !== METHOD_NONE && (KINDS[bytes[i]] & TOKEN) !== 0) this.cseqMethod = method;
    else {
      while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
      if (i === methodStart) this.fail(PROBLEM_VALUE);
      this.cseqMethod = methodOf(bytes, methodStart, i);
    }
    this.cseqMethodStart = methodStart;
    this.cseqMethodEnd = i;
    if (isPlainEnd(bytes, i, end)) return i;
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
