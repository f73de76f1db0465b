/**
 * One element of a Via field (RFC 3261 §20.42, §18.2; RFC 3581): protocol, sent-by and parameters.
 * White space is allowed wherever the grammar allows it, also around the slashes.
 */
import { parseIPv4 } from "../core/address.js";
import { NONE, octets, parseUint, Span } from "../core/bytes.js";
import { behindLineEnd, isPlainEnd, STOP_TOKEN, STOP_WORD, STOPS, scan, skipQuoted, skipSpace } from "./lex.js";
import { transportOf } from "./lookup.js";
import { TRANSPORT_NONE, TRANSPORT_UDP } from "./names.js";
import { param } from "./params.js";
import { isPattern, NO_WORDS, PATTERN_MAX, patterns, scanWords, setPattern } from "./words.js";

// Own constants: see lex.ts.
const KINDS = STOPS;
const TOKEN = STOP_TOKEN;
const WORD = STOP_WORD;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SLASH = 0x2f;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

const RECEIVED = octets("received");
const RPORT = octets("rport");
const MADDR = octets("maddr");
const TTL = octets("ttl");
const PORT_MAX = 65535;

// What nearly every Via holds.
const PATTERN = PATTERN_MAX;
const PATTERNS = patterns(2);
const OVER_UDP = 0;
const COOKIE = 1;
setPattern(PATTERNS, OVER_UDP, octets("SIP/2.0/UDP "), false);
setPattern(PATTERNS, COOKIE, octets(";branch=z9hG4bK"), false);

export class Via {
  bytes: Uint8Array = NONE;
  /** The element, trimmed. */
  start = 0;
  end = 0;
  /** Where reading stopped: at a comma when more elements follow, else at the end of the line. */
  stop = 0;
  /** TRANSPORT_* */
  transport = TRANSPORT_NONE;
  /** host[:port] */
  sentByStart = 0;
  sentByEnd = 0;
  /** The host of it, an IPv6 address without its brackets. */
  hostStart = 0;
  hostEnd = 0;
  /** -1 when it is not given. */
  port = -1;
  /** From the first `;`, or empty. */
  paramsStart = 0;
  paramsEnd = 0;
  /** The branch parameter's value; empty when there is none (RFC 2543). */
  branchStart = 0;
  branchEnd = 0;
  /** Whether there is an rport parameter, with a value or without: the sender wants the answer where it sent from. RFC 3581 §4 */
  rportFlag = false;
  private readonly value = new Span();

  /**
   * Reads the first element of `bytes[start, end)`, up to a comma or the end of the line. The octets stay the caller's.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    return this.read(bytes, NO_WORDS, start, end);
  }

  /** As `parse`, with the words of `bytes`. */
  read(bytes: Uint8Array, words: Int32Array, start: number, end: number): boolean {
    this.bytes = bytes;
    let i = start < end && bytes[start] <= SPACE ? skipSpace(bytes, start, end) : start;
    this.start = i;
    this.port = -1;
    this.rportFlag = false;
    if (i + PATTERN <= end && isPattern(words, i, PATTERNS, OVER_UDP)) {
      this.transport = TRANSPORT_UDP;
      i += 12;
    } else {
      i = skipProtocol(bytes, i, end);
      if (i < 0) return false;
      const transportStart = i;
      while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
      if (i === transportStart || i >= end || bytes[i] > SPACE) return false;
      this.transport = transportOf(bytes, transportStart, i);
      if (bytes[i] === SPACE) i += 1;
    }
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    i = this.readSentBy(bytes, i, end);
    if (i < 0) return false;
    this.branchStart = this.branchEnd = this.paramsStart = this.paramsEnd = i;
    if (i < end && bytes[i] === SEMICOLON) {
      i = this.readParams(bytes, words, i, end);
      if (i < 0) return false;
      this.end = this.paramsEnd;
    } else this.end = this.sentByEnd;
    this.stop = i;
    return i >= end || bytes[i] === COMMA || behindLineEnd(bytes, i, end) >= 0;
  }

  private readSentBy(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    this.sentByStart = this.hostStart = i;
    if (i < end && bytes[i] === 0x5b) {
      while (i < end && bytes[i] !== 0x5d) {
        if (bytes[i] <= SPACE) return -1;
        i += 1;
      }
      if (i >= end || i - this.hostStart < 3) return -1;
      this.hostStart += 1;
      this.hostEnd = i;
      i += 1;
    } else {
      // A token is a little more than a host name: names with "_" are seen, and harmless.
      while (i < end && (KINDS[bytes[i]] & TOKEN) === 0) i += 1;
      if (i === this.hostStart) return -1;
      this.hostEnd = i;
    }
    this.sentByEnd = i;
    if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] === COLON) {
      i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      const portStart = i;
      let port = 0;
      while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39) {
        port = port * 10 + bytes[i] - 0x30;
        if (port > PORT_MAX) return -1;
        i += 1;
      }
      if (i === portStart) return -1;
      this.port = port;
      this.sentByEnd = i;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    }
    return i;
  }

  /** @returns where the parameters end, or -1. Empty ones are refused: RFC 4475 §3.1.2.1 */
  private readParams(bytes: Uint8Array, words: Int32Array, at: number, end: number): number {
    let i = at;
    while (i < end && bytes[i] === SEMICOLON) {
      if (i + PATTERN <= end && this.branchEnd === this.branchStart && isPattern(words, i, PATTERNS, COOKIE)) {
        this.branchStart = i + 8;
        i = this.branchEnd = this.paramsEnd = scanWords(bytes, words, i + 15, end, WORD);
        if (i < end && bytes[i] <= SPACE && !isPlainEnd(bytes, i, end)) i = skipSpace(bytes, i, end);
        continue;
      }
      i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      const nameStart = i;
      while (i < end && (KINDS[bytes[i]] & WORD) === 0) i += 1;
      const nameEnd = i;
      if (nameEnd === nameStart) return -1;
      let valueStart = i;
      this.paramsEnd = i;
      if (i < end && bytes[i] <= SPACE && !isPlainEnd(bytes, i, end)) i = skipSpace(bytes, i, end);
      if (i < end && bytes[i] === EQUALS) {
        i += 1;
        if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
        valueStart = i;
        i = i < end && bytes[i] === QUOTE ? skipQuoted(bytes, i, end) : scan(bytes, i, end, WORD);
        if (i <= valueStart) return -1;
        this.paramsEnd = i;
        if (i < end && bytes[i] <= SPACE && !isPlainEnd(bytes, i, end)) i = skipSpace(bytes, i, end);
      }
      const length = nameEnd - nameStart;
      if (length === 6 && isBranch(bytes, nameStart)) {
        // One name, one value: with two branches it would depend on the reader which transaction this is.
        if (this.branchEnd > this.branchStart) return -1;
        this.branchStart = valueStart;
        this.branchEnd = valueStart === nameEnd ? valueStart : this.paramsEnd;
      } else if (length === 5 && isRport(bytes, nameStart)) this.rportFlag = true;
    }
    return i;
  }

  /** The host as a number when it is an IPv4 address; -1 for a name and for IPv6. Read when it is asked for. */
  get ip(): number {
    return parseIPv4(this.bytes, this.hostStart, this.hostEnd);
  }

  branch(out: Span): boolean {
    if (this.branchEnd === this.branchStart) return false;
    out.set(this.bytes, this.branchStart, this.branchEnd);
    return true;
  }

  /** The address the request came from, where it differed from sent-by. RFC 3261 §18.2.1 */
  received(out: Span): boolean {
    return this.param(RECEIVED, out);
  }

  maddr(out: Span): boolean {
    return this.param(MADDR, out);
  }

  /** The port the request came from. RFC 3581 §4. @returns 1 to 65535, or -1 when there is no such parameter, no value or a malformed one */
  rport(): number {
    const port = this.uint(RPORT, PORT_MAX);
    return port === 0 ? -1 : port;
  }

  /** @returns 0 to 255, or -1 when it is not given or malformed */
  ttl(): number {
    return this.uint(TTL, 255);
  }

  /** Any parameter, as `param` of params.ts. */
  param(name: Uint8Array, out: Span): boolean {
    return param(this.bytes, this.paramsStart, this.paramsEnd, name, out);
  }

  private uint(name: Uint8Array, max: number): number {
    const value = this.value;
    return this.param(name, value) ? parseUint(value.bytes, value.start, value.end, max) : -1;
  }
}

/** "z9hG4bK" without case, and something behind it. */
export function hasCookie(bytes: Uint8Array, start: number, end: number): boolean {
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

/** Behind "SIP/2.0/", with white space around the slashes and without case. @returns -1 when it is something else */
function skipProtocol(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 8 || (bytes[at] | 0x20) !== 0x73) return -1;
  if ((bytes[at + 1] | 0x20) !== 0x69 || (bytes[at + 2] | 0x20) !== 0x70) return -1;
  let i = at + 3;
  if (bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  i += 1;
  if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
  if (i + 3 >= end || bytes[i] !== 0x32 || bytes[i + 1] !== 0x2e || bytes[i + 2] !== 0x30) return -1;
  i += 3;
  if (bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  i += 1;
  return i < end && bytes[i] <= SPACE ? skipSpace(bytes, i, end) : i;
}

/** "branch" without case. Letter by letter: these two are looked for in every message. */
function isBranch(bytes: Uint8Array, at: number): boolean {
  return (
    (bytes[at] | 0x20) === 0x62 &&
    (bytes[at + 1] | 0x20) === 0x72 &&
    (bytes[at + 2] | 0x20) === 0x61 &&
    (bytes[at + 3] | 0x20) === 0x6e &&
    (bytes[at + 4] | 0x20) === 0x63 &&
    (bytes[at + 5] | 0x20) === 0x68
  );
}

/** "rport" without case. */
function isRport(bytes: Uint8Array, at: number): boolean {
  return (
    (bytes[at] | 0x20) === 0x72 &&
    (bytes[at + 1] | 0x20) === 0x70 &&
    (bytes[at + 2] | 0x20) === 0x6f &&
    (bytes[at + 3] | 0x20) === 0x72 &&
    (bytes[at + 4] | 0x20) === 0x74
  );
}
