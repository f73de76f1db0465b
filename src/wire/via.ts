/**
 * One element of a Via field (RFC 3261 §20.42, §18.2; RFC 3581): protocol, sent-by and parameters. White space is
 * accepted wherever the grammar allows it, also around the slashes.
 */
import { PORT_MOST, parseIPv4 } from "../core/address.js";
import { NONE, octets, parseUint, Span } from "../core/bytes.js";
import { STOP_TOKEN, STOP_WORD, scan, skipQuoted, skipSpace } from "./lex.js";
import { transportOf } from "./lookup.js";
import { TRANSPORT_NONE } from "./names.js";
import { param } from "./params.js";

// Constants of this file: see lex.ts.
const TOKEN = STOP_TOKEN;
const WORD = STOP_WORD;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SLASH = 0x2f;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

export const RECEIVED = octets("received");
export const RPORT = octets("rport");
export const MADDR = octets("maddr");
const TTL = octets("ttl");

export class Via {
  bytes: Uint8Array = NONE;
  /** The element, trimmed. */
  start = 0;
  end = 0;
  /** TRANSPORT_* */
  transport = TRANSPORT_NONE;
  /** host[:port] */
  sentByStart = 0;
  sentByEnd = 0;
  /** Its host, an IPv6 address without its brackets. */
  hostStart = 0;
  hostEnd = 0;
  /** Its port, -1 when it is not given. */
  port = -1;
  /** The parameters from the first `;`, or empty. */
  paramsStart = 0;
  paramsEnd = 0;
  /** The branch parameter's value; empty when there is none (RFC 2543). */
  branchStart = 0;
  branchEnd = 0;
  /**
   * There is an rport parameter, with a value or without: the sender wants the response where it sent from. RFC 3581 §4
   */
  rportFlag = false;
  private readonly value = new Span();

  /**
   * Reads the first element of `bytes[start, end)`, up to a comma or the end, with the folding in it. The octets stay
   * the caller's.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    let i = start < end && bytes[start] > SPACE ? start : skipSpace(bytes, start, end);
    this.start = i;
    this.port = -1;
    this.rportFlag = false;
    i = skipProtocol(bytes, i, end);
    if (i < 0) return false;
    const transportStart = i;
    i = scan(bytes, i, end, TOKEN);
    if (i === transportStart || i >= end || bytes[i] > SPACE) return false;
    this.transport = transportOf(bytes, transportStart, i);
    i = this.readSentBy(bytes, skipSpace(bytes, i, end), end);
    if (i < 0) return false;
    this.branchStart = this.branchEnd = this.paramsStart = this.paramsEnd = i;
    if (i < end && bytes[i] === SEMICOLON) {
      i = this.readParams(bytes, i, end);
      if (i < 0) return false;
      this.end = this.paramsEnd;
    } else this.end = this.sentByEnd;
    return i >= end || bytes[i] === COMMA;
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
      // A token has a little more than a host name: names with "_" are in use, and do no harm.
      i = scan(bytes, i, end, TOKEN);
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
      let digit = 0;
      while (i < end) {
        digit = bytes[i] - 0x30;
        if (digit < 0 || digit > 9) break;
        port = port * 10 + digit;
        if (port > PORT_MOST) return -1;
        i += 1;
      }
      if (i === portStart) return -1;
      this.port = port;
      this.sentByEnd = i;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
    }
    return i;
  }

  /** Reads the parameters. @returns the offset behind them, or -1. Empty ones are refused: RFC 4475 §3.1.2.1 */
  private readParams(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    let paramsEnd = at;
    while (i < end && bytes[i] === SEMICOLON) {
      i += 1;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      const nameStart = i;
      i = scan(bytes, i, end, WORD);
      const nameEnd = i;
      if (nameEnd === nameStart) return -1;
      let valueStart = i;
      paramsEnd = i;
      if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      if (i < end && bytes[i] === EQUALS) {
        i += 1;
        if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
        valueStart = i;
        i = i < end && bytes[i] === QUOTE ? skipQuoted(bytes, i, end) : scan(bytes, i, end, WORD);
        if (i <= valueStart) return -1;
        paramsEnd = i;
        if (i < end && bytes[i] <= SPACE) i = skipSpace(bytes, i, end);
      }
      const length = nameEnd - nameStart;
      if (length === 6 && isBranch(bytes, nameStart)) {
        // Two branches are an error: it would depend on the reader which transaction this is.
        if (this.branchEnd > this.branchStart) return -1;
        this.branchStart = valueStart;
        this.branchEnd = valueStart === nameEnd ? valueStart : paramsEnd;
      } else if (length === 5 && isRport(bytes, nameStart)) this.rportFlag = true;
    }
    this.paramsEnd = paramsEnd;
    return i;
  }

  /** @returns the host as a number if it is an IPv4 address; -1 for a name and for IPv6. It is read on demand. */
  get ip(): number {
    return parseIPv4(this.bytes, this.hostStart, this.hostEnd);
  }

  branch(out: Span): boolean {
    if (this.branchEnd === this.branchStart) return false;
    out.set(this.bytes, this.branchStart, this.branchEnd);
    return true;
  }

  /** Finds the address that the request came from, which is there if it differs from sent-by. RFC 3261 §18.2.1 */
  received(out: Span): boolean {
    return this.param(RECEIVED, out);
  }

  maddr(out: Span): boolean {
    return this.param(MADDR, out);
  }

  /**
   * @returns the port that the request came from, 1 to 65535, or -1 when the parameter is not there, has no value or is
   * malformed. RFC 3581 §4
   */
  rport(): number {
    const port = this.uint(RPORT, PORT_MOST);
    return port === 0 ? -1 : port;
  }

  /** @returns the ttl, 0 to 255, or -1 when it is not given or malformed */
  ttl(): number {
    return this.uint(TTL, 255);
  }

  /** Finds any parameter, as `param` of params.ts. */
  param(name: Uint8Array, out: Span): boolean {
    return param(this.bytes, this.paramsStart, this.paramsEnd, name, out);
  }

  private uint(name: Uint8Array, max: number): number {
    const value = this.value;
    return this.param(name, value) ? parseUint(value.bytes, value.start, value.end, max) : -1;
  }
}

/** Whether a branch begins with "z9hG4bK" without case, and goes on. */
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

/** Whether it is "branch" without case. */
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

/** Whether it is "rport" without case. */
function isRport(bytes: Uint8Array, at: number): boolean {
  return (
    (bytes[at] | 0x20) === 0x72 &&
    (bytes[at + 1] | 0x20) === 0x70 &&
    (bytes[at + 2] | 0x20) === 0x6f &&
    (bytes[at + 3] | 0x20) === 0x72 &&
    (bytes[at + 4] | 0x20) === 0x74
  );
}

/** Whether "SIP/2.0/" stands at `at`, behind whose first octet there are seven more. */
function isUsualVersion(bytes: Uint8Array, at: number): boolean {
  return (
    (bytes[at + 1] | 0x20) === 0x69 &&
    (bytes[at + 2] | 0x20) === 0x70 &&
    bytes[at + 3] === SLASH &&
    bytes[at + 4] === 0x32 &&
    bytes[at + 5] === 0x2e &&
    bytes[at + 6] === 0x30 &&
    bytes[at + 7] === SLASH
  );
}

/**
 * Skips "SIP/2.0/", with white space around the slashes and without case.
 * @returns the offset behind it, -1 when there is something else
 */
function skipProtocol(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 8 || (bytes[at] | 0x20) !== 0x73) return -1;
  // Nearly always it is written without white space.
  if (isUsualVersion(bytes, at)) return bytes[at + 8] > SPACE ? at + 8 : skipSpace(bytes, at + 8, end);
  if ((bytes[at + 1] | 0x20) !== 0x69 || (bytes[at + 2] | 0x20) !== 0x70) return -1;
  let i = skipSpace(bytes, at + 3, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  i = skipSpace(bytes, i + 1, end);
  if (i + 3 >= end || bytes[i] !== 0x32 || bytes[i + 1] !== 0x2e || bytes[i + 2] !== 0x30) return -1;
  i = skipSpace(bytes, i + 3, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  return skipSpace(bytes, i + 1, end);
}
