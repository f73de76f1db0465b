/**
 * One SIP message over the octets it arrived in (RFC 3261 §7): its start line, the table of its header fields, and the
 * values that every layer needs (Via, tags, Call-ID, CSeq, Content-Length). Nothing is copied and nothing grows:
 * `parse` fills the view, which holds until its octets are overwritten. Other values are read by the files beside this
 * one (uri, address, via, list).
 *
 * Lines end with CRLF; a lone LF is accepted, a lone CR never is. A control octet other than HT is refused unless a
 * backslash makes it part of a quoted string.
 */
import { equal } from "../core/bytes.js";
import { HeadReader } from "./headreader.js";
import { HEADER_CSEQ, HEADER_OTHER, METHOD_ACK, METHOD_OTHER } from "./names.js";
import {
  PROBLEM_BODY,
  PROBLEM_LENGTH,
  PROBLEM_MISSING,
  PROBLEM_NONE,
  PROBLEM_NOT_SIP,
  PROBLEM_STATUS,
  PROBLEM_TABLE,
  PROBLEM_VALUE,
  PROBLEM_VERSION,
  problemText,
} from "./problems.js";
import { EAGER, MANDATORY } from "./values.js";

export * from "./problems.js";

/** `parse` returns this, a status that a server answers with (400, 505, 513), or PARSE_DROP. */
export const PARSE_OK = 0;
/**
 * There is nothing to answer: the octets are no SIP, a malformed response (but see `isAnswer`) or ACK, or a request
 * without a Via to answer to.
 */
export const PARSE_DROP = -1;

// Constants of this file: see lex.ts.
const LF = 10;
const CR = 13;

export class Message extends HeadReader {
  start = 0;
  /** End of the body; octets of the datagram behind it are not part of the message. */
  end = 0;

  /** Via, From, To, Call-ID and CSeq are there and can be echoed in an answer. */
  canAnswer = false;

  bodyStart = 0;
  bodyEnd = 0;

  /**
   * Reads the message in `bytes[start, end)`: a datagram, or a message from a stream. The octets stay the caller's and
   * must not change while the view is used.
   * @param stream it came over a stream, so Content-Length is required
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
    // Nearly always there is none, which one comparison shows.
    while (i < end && bytes[i] <= CR && (bytes[i] === CR || bytes[i] === LF)) i += 1;
    this.start = i;
    i = this.readHead(i, end);
    if (i < 0) {
      this.problem = PROBLEM_NOT_SIP;
      this.bodyStart = this.bodyEnd = end;
      this.canAnswer = false;
      this.clearValues(EAGER);
      return PARSE_DROP;
    }
    this.bodyStart = i;
    this.checkMandatory();
    this.checkBody(end, stream);
    if (this.problem === PROBLEM_NONE) return PARSE_OK;
    if (!this.isRequest || this.viaEnd === this.viaStart || this.method === METHOD_ACK) return PARSE_DROP;
    if (this.problem === PROBLEM_VERSION) return 505;
    return this.problem === PROBLEM_TABLE ? 513 : 400;
  }

  /**
   * Whether this is a response whose topmost Via says which request it answers, whatever else is wrong with it. That
   * request has its answer. `unfit` says what of it may not be sent on; a body that is cut off ends where the octets
   * do.
   */
  get isAnswer(): boolean {
    return (
      !this.isRequest && this.status >= 100 && this.problem !== PROBLEM_STATUS && this.branchEnd > this.branchStart
    );
  }

  /** @returns what is wrong, as the reason phrase of a 400: a constant. RFC 3261 §21.4.1 */
  problemText(): Uint8Array {
    return problemText(this.problem, this.problemField);
  }

  private checkMandatory(): void {
    const missing = MANDATORY & ~this.present;
    if (missing !== 0) this.clearValues(missing);
    this.unfit |= missing;
    // An empty value is a problem.
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

  /**
   * Compares Content-Length with the octets that are there: too few are refused, those behind it are ignored. RFC 3261
   * §18.3
   */
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

/** @returns the lowest bit that is set, of those above 0 */
function lowestBit(bits: number): number {
  let at = 1;
  while (at < 31 && (bits & (1 << at)) === 0) at += 1;
  return at;
}
