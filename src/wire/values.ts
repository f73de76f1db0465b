/**
 * The values of a message that every layer needs: the topmost Via, the tags of From and To, Call-ID, CSeq, Max-Forwards
 * and Content-Length. Each is read in two ways. The usual form, which nearly every message has, is read in one go up to
 * the end of its line; any other form is left to the readers of the whole grammar (via, address), which also say what
 * is wrong. What both ways accept they read alike.
 */
import { PORT_MOST } from "../core/address.js";
import { octets, parseUint, Span } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import { elementEnd, STOP_QUOTED, STOP_SPACE, STOP_TOKEN, STOP_URI, STOP_WORD, STOPS, scan, skipSpace } from "./lex.js";
import { METHOD_LENGTHS, methodAt, methodOf } from "./lookup.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTENT_LENGTH,
  HEADER_CSEQ,
  HEADER_FROM,
  HEADER_MAX_FORWARDS,
  HEADER_TO,
  HEADER_VIA,
  METHOD_NONE,
} from "./names.js";
import { param } from "./params.js";
import { PROBLEM_LENGTH, PROBLEM_VALUE } from "./problems.js";
import { StartLine } from "./startline.js";
import { hasCookie, Via } from "./via.js";
import { scanWords, word } from "./words.js";

// Octets, and below them ids and stops: constants of this file, see lex.ts.
const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const LETTER_B = 0x62;

const VIA = HEADER_VIA;
const FROM = HEADER_FROM;
const TO = HEADER_TO;
const CALL_ID = HEADER_CALL_ID;
const CSEQ = HEADER_CSEQ;
const CONTENT_LENGTH = HEADER_CONTENT_LENGTH;

/** The ids whose values are read here, one bit each; all are below 32. */
export const EAGER =
  (1 << VIA) |
  (1 << FROM) |
  (1 << TO) |
  (1 << CALL_ID) |
  (1 << CSEQ) |
  (1 << HEADER_MAX_FORWARDS) |
  (1 << CONTENT_LENGTH);
/** The ids that every message must have. RFC 3261 §8.1.1 */
export const MANDATORY = (1 << VIA) | (1 << FROM) | (1 << TO) | (1 << CALL_ID) | (1 << CSEQ);

const KINDS = STOPS;
const LENGTHS = METHOD_LENGTHS;
const TOKEN = STOP_TOKEN;
const WORD = STOP_WORD;
const URI = STOP_URI;
const QUOTED = STOP_QUOTED;
const VISIBLE = STOP_SPACE;

// "SIP/2.0/", "UDP ", "TCP ", "TLS ", "branch=z9hG4bK", "rport" and ";tag" in their usual spelling.
const SIP = word("SIP/");
const VERSION = word("2.0/");
const BRANCH_1 = word("bran");
const BRANCH_2 = word("ch=z");
const COOKIE_1 = word("9hG4");
const COOKIE_2 = word("bK\0\0");
const TAG = word(";tag");
const UDP = word("UDP ");
const TCP = word("TCP ");
const TLS = word("TLS ");
const RPORT = word("rpor");
const LETTER_T = 0x74;

/** An offset where no line ends: the value does not have the usual form. */
export const UNUSUAL = 0x7fffffff;

const TAG_NAME = octets("tag");
const BRANCH_NAME = octets("branch");

// Scratch, used within one call.
const via = new Via();
const address = new NameAddress();
const value = new Span();

const CSEQ_MAX = 0x7fffffff;
const CONTENT_LENGTH_MAX = 0x7fffffff;
const MAX_FORWARDS_MAX = 255;
/** Max-Forwards is malformed or there twice: only a proxy needs it, and refuses that. */
export const MAX_FORWARDS_BAD = -2;

export class Values extends StartLine {
  // A value that is absent has its start at its end; an absent number is -1.
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
  /** The topmost element of Via. */
  viaStart = 0;
  viaEnd = 0;
  branchStart = 0;
  branchEnd = 0;
  /** The branch begins with z9hG4bK and goes on, so it names a transaction. RFC 3261 §8.1.1.7 */
  hasMagicCookie = false;
  sentByStart = 0;
  sentByEnd = 0;
  /** The value of Max-Forwards, MAX_FORWARDS_BAD when it cannot be read. */
  maxForwards = -1;
  contentLength = -1;
  /**
   * The values that may not be sent on as they came, one bit for each id: they are absent or malformed, or have a tag
   * twice.
   */
  unfit = 0;

  /**
   * Reads all of the topmost Via of a message that has a well-formed one. The view holds until the next call, or the
   * next message.
   */
  topVia(): Via {
    via.parse(this.bytes, this.viaStart, this.viaEnd);
    return via;
  }

  /** Empties the values that no field set. @param ids their bits */
  protected clearValues(ids: number): void {
    if ((ids & (1 << VIA)) !== 0) {
      this.viaStart = this.viaEnd = this.branchStart = this.branchEnd = this.sentByStart = this.sentByEnd = 0;
      this.hasMagicCookie = false;
    }
    if ((ids & (1 << FROM)) !== 0) this.fromStart = this.fromEnd = this.fromTagStart = this.fromTagEnd = 0;
    if ((ids & (1 << TO)) !== 0) this.toStart = this.toEnd = this.toTagStart = this.toTagEnd = 0;
    if ((ids & (1 << CALL_ID)) !== 0) this.callIdStart = this.callIdEnd = 0;
    if ((ids & (1 << CSEQ)) !== 0) {
      this.cseq = -1;
      this.cseqMethod = METHOD_NONE;
      this.cseqMethodStart = this.cseqMethodEnd = 0;
    }
  }

  /**
   * Reads Call-ID, CSeq or a number in its usual form. @param end of the message's octets
   * @returns the offset of its end, which has to be the end of its line; or UNUSUAL
   */
  protected readUsual(id: number, at: number, end: number): number {
    if (id === CALL_ID) {
      this.callIdStart = at;
      this.callIdEnd = scanWords(this.bytes, this.view, at, end, VISIBLE);
      return this.callIdEnd > at ? this.callIdEnd : UNUSUAL;
    }
    // This is a number of up to nine digits.
    const bytes = this.bytes;
    let i = at;
    let digit = 0;
    let value = 0;
    while (i < end) {
      digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      i += 1;
    }
    if (i === at || i > at + 9) return UNUSUAL;
    if (id === CONTENT_LENGTH) this.contentLength = value;
    else if (id === CSEQ) return this.readUsualCSeq(value, i, end);
    else if (value > MAX_FORWARDS_MAX) return UNUSUAL;
    else this.maxForwards = value;
    return i;
  }

  /**
   * Reads one Via without white space except before sent-by and parameters, without quotes and IPv6 addresses, with one
   * branch of RFC 3261.
   */
  protected readUsualVia(at: number, end: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const sentBy = at + 12;
    if (sentBy >= end || view.getInt32(at, true) !== SIP || view.getInt32(at + 4, true) !== VERSION) return UNUSUAL;
    const transport = view.getInt32(at + 8, true);
    if (transport !== UDP && transport !== TCP && transport !== TLS) return UNUSUAL;
    let i = scan(bytes, sentBy, end, TOKEN);
    if (i === sentBy) return UNUSUAL;
    if (i < end && bytes[i] === COLON) {
      const port = i + 1;
      i = port;
      while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39) i += 1;
      // Five digits may be too large a number.
      if (i === port || (i > port + 4 && parseUint(bytes, port, i, PORT_MOST) < 0)) return UNUSUAL;
    }
    const sentByEnd = i;
    let branch = 0;
    let branchEnd = 0;
    while (i < end && bytes[i] === SEMICOLON) {
      let name = i + 1;
      // A line that is folded mostly goes on with a parameter.
      if (name < end && bytes[name] <= SPACE) name = skipSpace(bytes, name, end);
      if (
        name + 16 <= end &&
        view.getInt32(name, true) === BRANCH_1 &&
        view.getInt32(name + 4, true) === BRANCH_2 &&
        view.getInt32(name + 8, true) === COOKIE_1 &&
        (view.getInt32(name + 12, true) & 0xffff) === COOKIE_2
      ) {
        if (branch > 0) return UNUSUAL;
        branch = name + 7;
        i = branchEnd = scanWords(bytes, view, name + 14, end, WORD);
      } else {
        if (
          name + 5 < end &&
          view.getInt32(name, true) === RPORT &&
          bytes[name + 4] === LETTER_T &&
          (KINDS[bytes[name + 5]] & WORD) !== 0
        )
          i = name + 5;
        else {
          if (name >= end || (bytes[name] | 0x20) === LETTER_B) return UNUSUAL;
          i = scanWords(bytes, view, name, end, WORD);
          if (i === name) return UNUSUAL;
        }
        if (i < end && bytes[i] === EQUALS) {
          const value = i + 1;
          i = scanWords(bytes, view, value, end, WORD);
          if (i === value) return UNUSUAL;
        }
      }
    }
    if (branchEnd - branch <= 7) return UNUSUAL;
    this.viaStart = at;
    this.viaEnd = i;
    this.sentByStart = sentBy;
    this.sentByEnd = sentByEnd;
    this.branchStart = branch;
    this.branchEnd = branchEnd;
    this.hasMagicCookie = true;
    return i;
  }

  /** Reads `<uri>`, `"name" <uri>` or `name <uri>`, and parameters without white space, one of them the tag or none. */
  protected readUsualAddress(id: number, at: number, end: number): number {
    const bytes = this.bytes;
    const view = this.view;
    let i = at;
    if (bytes[i] === QUOTE) {
      i = scan(bytes, i + 1, end, QUOTED);
      if (i >= end || bytes[i] !== QUOTE) return UNUSUAL;
      i += 1;
      if (i < end && bytes[i] === SPACE) i += 1;
    } else {
      // There are tokens, each with a blank behind it.
      while (i < end && bytes[i] !== LESS) {
        const name = i;
        i = scan(bytes, name, end, TOKEN);
        if (i === name || i >= end || bytes[i] !== SPACE) return UNUSUAL;
        i += 1;
      }
    }
    if (i >= end || bytes[i] !== LESS) return UNUSUAL;
    const uri = i + 1;
    i = scanWords(bytes, view, uri, end, URI);
    if (i === uri || i >= end || bytes[i] !== GREATER) return UNUSUAL;
    i += 1;
    let tag = 0;
    let tagEnd = 0;
    while (i < end && bytes[i] === SEMICOLON) {
      if (i + 5 <= end && view.getInt32(i, true) === TAG && bytes[i + 4] === EQUALS) {
        if (tag > 0) return UNUSUAL;
        tag = i + 5;
        i = tagEnd = scanWords(bytes, view, tag, end, WORD);
        if (i <= tag) return UNUSUAL;
      } else {
        const name = i + 1;
        // It may be the tag in another spelling.
        if (name >= end || (bytes[name] | 0x20) === LETTER_T) return UNUSUAL;
        i = scanWords(bytes, view, name, end, WORD);
        if (i === name) return UNUSUAL;
        if (i < end && bytes[i] === EQUALS) {
          i += 1;
          if (i < end && bytes[i] === QUOTE) {
            i = scan(bytes, i + 1, end, QUOTED);
            if (i >= end || bytes[i] !== QUOTE) return UNUSUAL;
            i += 1;
          } else i = scanWords(bytes, view, i, end, WORD);
        }
      }
    }
    // An absent tag is empty at the end.
    if (tag === 0) tag = tagEnd = i;
    if (id === FROM) {
      this.fromStart = at;
      this.fromEnd = i;
      this.fromTagStart = tag;
      this.fromTagEnd = tagEnd;
    } else {
      this.toStart = at;
      this.toEnd = i;
      this.toTagStart = tag;
      this.toTagEnd = tagEnd;
    }
    return i;
  }

  /** Reads the method behind the number. */
  private readUsualCSeq(number: number, at: number, end: number): number {
    const bytes = this.bytes;
    if (at >= end || bytes[at] !== SPACE) return UNUSUAL;
    const i = at + 1;
    const method = methodAt(this.view, i, end);
    if (method === METHOD_NONE) return UNUSUAL;
    this.cseq = number;
    this.cseqMethod = method;
    this.cseqMethodStart = i;
    this.cseqMethodEnd = i + LENGTHS[method];
    return this.cseqMethodEnd;
  }

  /** Reads a value of any form in `[start, end)`, trimmed, and notes what is wrong with it. */
  protected readValue(id: number, start: number, end: number): void {
    const bytes = this.bytes;
    if (id === VIA) this.readVia(start, end);
    else if (id <= TO) this.readAddress(id, start, end);
    else if (id === CALL_ID) {
      // The grammar is word ["@" word]; only that it is one word and not empty matters here.
      this.callIdStart = start;
      this.callIdEnd = end;
      if (end === start || scan(bytes, start, end, VISIBLE) < end) this.failValue(CALL_ID);
    } else if (id === CSEQ) this.readCSeq(start, end);
    else if (id === CONTENT_LENGTH) {
      this.contentLength = parseUint(bytes, start, end, CONTENT_LENGTH_MAX);
      if (this.contentLength < 0) this.fail(PROBLEM_LENGTH);
    } else {
      this.maxForwards = parseUint(bytes, start, end, MAX_FORWARDS_MAX);
      if (this.maxForwards < 0) this.maxForwards = MAX_FORWARDS_BAD;
    }
  }

  private readVia(start: number, end: number): void {
    const isRead = via.parse(this.bytes, start, end);
    this.viaStart = start;
    this.viaEnd = isRead ? via.end : end;
    this.branchStart = isRead ? via.branchStart : start;
    this.branchEnd = isRead ? via.branchEnd : start;
    if (!isRead) {
      this.failValue(VIA);
      if (!this.isRequest) this.findBranch(start, end);
    }
    this.sentByStart = isRead ? via.sentByStart : start;
    this.sentByEnd = isRead ? via.sentByEnd : start;
    this.hasMagicCookie = hasCookie(this.bytes, this.branchStart, this.branchEnd);
  }

  /**
   * Finds the branch of a malformed Via: a response belongs to the request with that branch, whatever happened to the
   * rest of our Via.
   */
  private findBranch(start: number, end: number): void {
    const stop = elementEnd(this.bytes, start, end);
    if (stop >= 0) this.viaEnd = stop;
    if (!param(this.bytes, start, this.viaEnd, BRANCH_NAME, value)) return;
    this.branchStart = value.start;
    this.branchEnd = value.end;
  }

  /** Notes that a value is malformed. */
  private failValue(id: number): void {
    this.unfit |= 1 << id;
    this.fail(PROBLEM_VALUE);
  }

  private readAddress(id: number, start: number, end: number): void {
    const isRead = address.parse(this.bytes, start, end) && !address.isStar;
    // An absent tag is empty at the end, as in the usual form.
    let tagStart = end;
    let tagEnd = end;
    if (isRead && address.tagEnd > address.tagStart) {
      tagStart = address.tagStart;
      tagEnd = address.tagEnd;
    }
    if (!isRead) {
      this.failValue(id);
      // The tag tells the answering side from others, if it can be found at all.
      if (!this.isRequest && param(this.bytes, start, end, TAG_NAME, value)) {
        tagStart = value.start;
        tagEnd = scan(this.bytes, value.start, value.end, TOKEN);
      }
    } else if (address.isTagTwice) this.unfit |= 1 << id;
    if (id === FROM) {
      this.fromStart = start;
      this.fromEnd = end;
      this.fromTagStart = tagStart;
      this.fromTagEnd = tagEnd;
    } else {
      this.toStart = start;
      this.toEnd = end;
      this.toTagStart = tagStart;
      this.toTagEnd = tagEnd;
    }
  }

  private readCSeq(start: number, end: number): void {
    const bytes = this.bytes;
    let i = start;
    while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39) i += 1;
    const methodStart = skipSpace(bytes, i, end);
    this.cseq = parseUint(bytes, start, i, CSEQ_MAX);
    this.cseqMethod = methodOf(bytes, methodStart, end);
    this.cseqMethodStart = methodStart;
    this.cseqMethodEnd = end;
    if (this.cseq < 0 || methodStart === i || methodStart === end || scan(bytes, methodStart, end, TOKEN) < end)
      this.failValue(CSEQ);
  }
}
