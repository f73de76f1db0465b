/**
 * One SIP message over the octets it arrived in (RFC 3261 §7): its start line, the table of its header fields, and the values every
 * layer asks for (Via, tags, Call-ID, CSeq, Content-Length). Nothing is copied and nothing grows: a view is filled by `parse` and holds
 * until its octets are overwritten. What a value means beyond that is left to the readers beside this file (uri, address, via, list).
 *
 * Lines end with CRLF; a lone LF is taken for it, a lone CR never is. A control octet other than HT is refused unless a backslash
 * makes it part of a quoted string.
 */
import { equal } from "../core/bytes.js";
import { HEADER_BITS } from "./fields.js";
import { behindLineEnd, STOP_TOKEN, scan, skipSpace, trimEnd } from "./lex.js";
import {
  FIRST_BY_WORD,
  headerOf,
  NAME_BUCKETS,
  NAME_LENGTH,
  NAME_WORDS,
  NAME_WORDS_MAX,
  NEXT_BY_WORD,
} from "./lookup.js";
import {
  HEADER_CONTENT_LENGTH,
  HEADER_COUNT,
  HEADER_CSEQ,
  HEADER_DATE,
  HEADER_MAX_FORWARDS,
  HEADER_OTHER,
  HEADER_REASON,
  HEADER_SERVER,
  HEADER_SUBJECT,
  HEADER_TO,
  HEADER_USER_AGENT,
  HEADER_VIA,
  HEADER_WARNING,
  METHOD_ACK,
  METHOD_OTHER,
} from "./names.js";
import {
  PROBLEM_BODY,
  PROBLEM_CONTROL,
  PROBLEM_LENGTH,
  PROBLEM_LINE,
  PROBLEM_MISSING,
  PROBLEM_NONE,
  PROBLEM_NOT_SIP,
  PROBLEM_REPEATED,
  PROBLEM_STATUS,
  PROBLEM_TABLE,
  PROBLEM_VALUE,
  PROBLEM_VERSION,
  problemText,
} from "./problems.js";
import { EAGER, MANDATORY, MAX_FORWARDS_BAD, UNUSUAL, Values } from "./values.js";

export * from "./problems.js";

/** What `parse` returns: this, a status a server answers with (400, 505, 513), or PARSE_DROP. */
export const PARSE_OK = 0;
/** Nothing to answer: not SIP, a malformed response (but see `isAnswer`) or ACK, or a request without a Via that tells where to. */
export const PARSE_DROP = -1;

// Octets, and below the ids that `parse` tells apart: own constants, see lex.ts.
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const COLON = 0x3a;

/** Fields that are passed over when they are malformed, a 1 for each id: those that people read, and those that nobody here knows. */
const NEEDLESS = new Uint8Array(HEADER_COUNT);
NEEDLESS[HEADER_OTHER] = NEEDLESS[HEADER_SUBJECT] = NEEDLESS[HEADER_DATE] = NEEDLESS[HEADER_USER_AGENT] = 1;
NEEDLESS[HEADER_SERVER] = NEEDLESS[HEADER_WARNING] = NEEDLESS[HEADER_REASON] = NEEDLESS[HEADER_MAX_FORWARDS] = 1;

/** CRLF and an octet that has the bit of letters; CRLF twice. */
const LINE_END = 0x400a0d;
const HEADER_END = 0x0a0d0a0d;

const VIA = HEADER_VIA;
const TO = HEADER_TO;
const CONTENT_LENGTH = HEADER_CONTENT_LENGTH;
const OTHER = HEADER_OTHER;
const LENGTHS = NAME_LENGTH;
const WORDS = NAME_WORDS;
const NAMES_MAX = NAME_WORDS_MAX;
const BUCKETS = NAME_BUCKETS;
const FIRST = FIRST_BY_WORD;
const NEXT = NEXT_BY_WORD;
const BITS = HEADER_BITS;
const TOKEN = STOP_TOKEN;

export class Message extends Values {
  start = 0;
  /** Behind the body that belongs to the message; octets of the datagram behind it are not part of it. */
  end = 0;

  /** Whether Via, From, To, Call-ID and CSeq are there and can be echoed in an answer. */
  canAnswer = false;

  /** A field that nobody needs was malformed, and passed over: it is not in the table. RFC 3261 §8.2.2 */
  isOdd = false;

  /** The id of the field that `problem` is about, where it is about one that the parser reads. */
  private problemField = HEADER_OTHER;

  bodyStart = 0;
  bodyEnd = 0;

  /**
   * Reads the message in `bytes[start, end)`: a datagram, or what a stream's framing found (`stream`: Content-Length is required then).
   * The octets stay the caller's and must not change while the view is used.
   * @returns PARSE_OK, a status to answer with, or PARSE_DROP; `problem` says why
   */
  parse(bytes: Uint8Array, start: number, end: number, stream: boolean): number {
    this.clearFields(bytes);
    this.clearStartLine();
    this.problemField = HEADER_OTHER;
    this.maxForwards = this.contentLength = -1;
    this.unfit = 0;
    this.isOdd = false;
    this.end = end;
    let i = start;
    // Nearly always there is none, and one comparison says so.
    while (i < end && bytes[i] <= CR && (bytes[i] === CR || bytes[i] === LF)) i += 1;
    this.start = i;
    i = this.readStartLine(i, end);
    if (i < 0) {
      this.problem = PROBLEM_NOT_SIP;
      this.bodyStart = this.bodyEnd = end;
      this.canAnswer = false;
      this.clearValues(EAGER);
      return PARSE_DROP;
    }
    this.bodyStart = this.readFields(i, end);
    this.checkMandatory();
    this.checkBody(end, stream);
    if (this.problem === PROBLEM_NONE) return PARSE_OK;
    if (!this.isRequest || this.viaEnd === this.viaStart || this.method === METHOD_ACK) return PARSE_DROP;
    if (this.problem === PROBLEM_VERSION) return 505;
    return this.problem === PROBLEM_TABLE ? 513 : 400;
  }

  /**
   * Whether this is a response that says by its topmost Via which request it answers, whatever else is wrong with it: that request has its
   * answer. What may not be sent on of it is in `unfit`; a body that is cut off ends where the octets do.
   */
  get isAnswer(): boolean {
    return (
      !this.isRequest && this.status >= 100 && this.problem !== PROBLEM_STATUS && this.branchEnd > this.branchStart
    );
  }

  /** What is wrong, as the reason phrase of a 400: a constant. RFC 3261 §21.4.1 */
  problemText(): Uint8Array {
    return problemText(this.problem, this.problemField);
  }

  /**
   * Fills the table, one field a turn. Nearly every field is as it usually is, and costs few instructions here and no call of a function
   * but of those that read values; all others are left to `readOddName` and `readOddField`. @returns where the body begins
   */
  private readFields(at: number, end: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const table = this.table;
    const rowsEnd = table.length;
    // From here on a name with its colon and space may be cut off.
    const namesEnd = end - NAMES_MAX - 1;
    const wordsEnd = end - 7;
    const lineEndsEnd = end - 3;
    let row = 0;
    let present = 0;
    let i = at;
    let id = OTHER;
    let length = 0;
    let start = 0;
    let stop = 0;
    let k = 0;
    let x = 0;
    let y = 0;
    for (;;) {
      id = OTHER;
      if (i < namesEnd) {
        x = view.getInt32(i, true);
        id = FIRST[(x & 0x7fffffff) % BUCKETS];
        while (id !== OTHER) {
          k = id << 2;
          length = LENGTHS[id];
          if (
            x === WORDS[k] &&
            view.getInt32(i + length - 2, true) === WORDS[k + 3] &&
            (length < 7 ||
              (view.getInt32(i + 4, true) === WORDS[k + 1] &&
                (length < 11 || view.getInt32(i + 8, true) === WORDS[k + 2])))
          )
            break;
          id = NEXT[id];
        }
      }
      if (id === OTHER) {
        stop = behindLineEnd(bytes, i, end);
        if (stop < 0 && i < end) {
          this.rows = row >> 2;
          this.present = present;
          i = this.readOddName(i, end);
          row = this.rows << 2;
          present = this.present;
          continue;
        }
        this.rows = row >> 2;
        this.present = present;
        if (stop >= 0) return stop;
        this.fail(PROBLEM_BODY);
        return end;
      }
      start = i + length + 2;
      if (id > CONTENT_LENGTH) {
        // As controlStop.
        stop = start;
        while (stop < wordsEnd) {
          x = view.getInt32(stop, true);
          y = view.getInt32(stop + 4, true);
          if (((x | (x << 1)) & (y | (y << 1)) & 0x40404040) !== 0x40404040) {
            if (((x | (x << 1)) & 0x40404040) === 0x40404040) stop += 4;
            break;
          }
          stop += 8;
        }
        while (stop < end && bytes[stop] >= SPACE) stop += 1;
        if (bytes[start] <= SPACE || bytes[stop - 1] <= SPACE) stop = UNUSUAL;
      } else if ((present & BITS[id]) !== 0) stop = UNUSUAL;
      else if (id === VIA) stop = this.readUsualVia(start, end);
      else if (id <= TO) stop = this.readUsualAddress(id, start, end);
      else stop = this.readUsual(id, start, end);
      // CRLF and a letter, or the empty line.
      x = stop < lineEndsEnd ? view.getInt32(stop, true) : 0;
      if ((x & 0x40ffff) === LINE_END || x === HEADER_END) {
        // As addRow.
        present |= BITS[id];
        if (row >= rowsEnd) this.fail(PROBLEM_TABLE);
        else {
          table[row] = (length << 8) | id;
          table[row + 1] = i;
          table[row + 2] = start;
          table[row + 3] = stop;
          row += 4;
        }
        i = stop + 2;
        if (x === HEADER_END) {
          this.rows = row >> 2;
          this.present = present;
          return stop + 4;
        }
      } else {
        this.rows = row >> 2;
        this.present = present;
        i = this.readOddField(id, i, i + length, i + length + 1, end);
        row = this.rows << 2;
        present = this.present;
      }
    }
  }

  /** A field whose name is not known, short, or not followed by its colon at once. @returns where the next line begins */
  private readOddName(at: number, end: number): number {
    const bytes = this.bytes;
    const nameEnd = scan(bytes, at, end, TOKEN);
    let i = nameEnd;
    while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i += 1;
    if (i < end && bytes[i] === COLON && nameEnd > at)
      return this.readOddField(headerOf(bytes, at, nameEnd), at, nameEnd, i + 1, end);
    // White space goes on with the line before; behind the first one there is none to go on with.
    if (bytes[at] === SPACE || bytes[at] === TAB) this.fail(PROBLEM_LINE);
    const before = this.problem;
    i = this.lineStop(i, end);
    this.problem = before;
    this.isOdd = true;
    return i + (i < end && bytes[i] === CR ? 2 : 1);
  }

  /** Any field, from behind its colon on. @returns where the next line begins */
  private readOddField(id: number, nameStart: number, nameEnd: number, at: number, end: number): number {
    const bytes = this.bytes;
    const before = this.problem;
    const start = skipSpace(bytes, at, end);
    const stop = this.lineStop(start, end);
    const valueEnd = trimEnd(bytes, start, stop);
    const isFirst = (this.present & BITS[id]) === 0;
    const wasRight = before === PROBLEM_NONE;
    if (wasRight && this.problem === PROBLEM_CONTROL && NEEDLESS[id] === 1) {
      this.problem = PROBLEM_NONE;
      this.isOdd = true;
      if (id === HEADER_MAX_FORWARDS) this.maxForwards = MAX_FORWARDS_BAD;
      return stop + (stop < end && bytes[stop] === CR ? 2 : 1);
    }
    if (!this.addRow(id, nameStart, nameEnd, start, valueEnd)) this.fail(PROBLEM_TABLE);
    if (id !== OTHER && id <= CONTENT_LENGTH) {
      if (isFirst) this.readValue(id, start, valueEnd);
      else if (id === HEADER_MAX_FORWARDS) this.maxForwards = MAX_FORWARDS_BAD;
      else if (id !== VIA) this.fail(PROBLEM_REPEATED);
      if (wasRight) this.problemField = id;
    }
    return stop + (stop < end && bytes[stop] === CR ? 2 : 1);
  }

  private checkMandatory(): void {
    const missing = MANDATORY & ~this.present;
    if (missing !== 0) this.clearValues(missing);
    this.unfit |= missing;
    // A value that is empty is a problem.
    this.canAnswer =
      missing === 0 &&
      (this.problem === PROBLEM_NONE ||
        (this.viaEnd > this.viaStart &&
          this.fromEnd > this.fromStart &&
          this.toEnd > this.toStart &&
          this.callIdEnd > this.callIdStart));
    if (!this.canAnswer) {
      if (this.problem === PROBLEM_NONE) this.problemField = lowestBit(missing);
      this.fail(PROBLEM_MISSING);
      return;
    }
    if (!this.isRequest) return;
    const isSame =
      this.method === METHOD_OTHER
        ? equal(this.bytes, this.methodStart, this.methodEnd, this.bytes, this.cseqMethodStart, this.cseqMethodEnd)
        : this.method === this.cseqMethod;
    if (isSame) return;
    if (this.problem === PROBLEM_NONE) this.problemField = HEADER_CSEQ;
    this.fail(PROBLEM_VALUE);
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

/** The lowest bit that is set, of those above 0. */
function lowestBit(bits: number): number {
  let at = 1;
  while (at < 31 && (bits & (1 << at)) === 0) at += 1;
  return at;
}
