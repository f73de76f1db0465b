/**
 * One element of a Via field (RFC 3261 §20.42, §18.2; RFC 3581): protocol, sent-by and parameters.
 * White space is allowed wherever the grammar allows it, also around the slashes.
 */
import { parseIPv4 } from "../core/address.js";
import { equalNoCase, NONE, octets, parseUint, Span } from "../core/bytes.js";
import { COLON, COMMA, EQUALS, isSpace, QUOTE, SEMICOLON, SLASH, skipQuoted, skipSpace, skipToken } from "./lex.js";
import { transportOf } from "./lookup.js";
import { TRANSPORT_NONE } from "./names.js";
import { param, skipWord } from "./params.js";

const BRANCH = octets("branch");
const RECEIVED = octets("received");
const RPORT = octets("rport");
const MADDR = octets("maddr");
const TTL = octets("ttl");
const PORT_MAX = 65535;

export class Via {
  bytes: Uint8Array = NONE;
  /** The element: `parse` moves `end` back to the comma when more elements follow. */
  start = 0;
  end = 0;
  transport = TRANSPORT_NONE;
  /** host[:port] */
  sentByStart = 0;
  sentByEnd = 0;
  /** The host of it, an IPv6 address without its brackets. */
  hostStart = 0;
  hostEnd = 0;
  /** An IPv4 address as a number; -1 for a name and for IPv6. */
  ip = -1;
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
   * Reads the first element of `bytes[start, end)`. The octets stay the caller's.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    let i = skipSpace(bytes, start, end);
    this.start = i;
    this.port = this.ip = -1;
    this.rportFlag = false;
    i = skipProtocol(bytes, i, end);
    if (i < 0) return false;
    const transportStart = i;
    i = skipToken(bytes, i, end);
    if (i === transportStart || i >= end || !isSpace(bytes[i])) return false;
    this.transport = transportOf(bytes, transportStart, i);
    i = this.readSentBy(bytes, skipSpace(bytes, i, end), end);
    if (i < 0) return false;
    this.branchStart = this.branchEnd = this.paramsStart = i;
    i = this.readParams(bytes, i, end);
    if (i < 0) return false;
    this.end = i;
    return true;
  }

  private readSentBy(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    this.sentByStart = this.hostStart = i;
    if (i < end && bytes[i] === 0x5b) {
      while (i < end && bytes[i] !== 0x5d) {
        if (isSpace(bytes[i])) return -1;
        i += 1;
      }
      if (i >= end || i - this.hostStart < 3) return -1;
      this.hostStart += 1;
      this.hostEnd = i;
      i += 1;
    } else {
      // Names with "_" are seen and harmless; a token is a little more than a host name.
      i = skipToken(bytes, i, end);
      if (i === this.hostStart) return -1;
      this.hostEnd = i;
      if (bytes[this.hostStart] <= 0x39) this.ip = parseIPv4(bytes, this.hostStart, i);
    }
    this.sentByEnd = i;
    i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] === COLON) {
      const portStart = skipSpace(bytes, i + 1, end);
      i = portStart;
      while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39) i += 1;
      this.port = parseUint(bytes, portStart, i, PORT_MAX);
      if (this.port < 0) return -1;
      this.sentByEnd = i;
      i = skipSpace(bytes, i, end);
    }
    return i;
  }

  /** @returns where the element ends (at a comma, or `end`), or -1 */
  private readParams(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    this.paramsEnd = i;
    while (i < end && bytes[i] === SEMICOLON) {
      const nameStart = skipSpace(bytes, i + 1, end);
      i = skipWord(bytes, nameStart, end);
      const nameEnd = i;
      if (nameEnd === nameStart) return -1;
      let valueStart = i;
      let valueEnd = i;
      this.paramsEnd = i;
      i = skipSpace(bytes, i, end);
      if (i < end && bytes[i] === EQUALS) {
        valueStart = skipSpace(bytes, i + 1, end);
        if (valueStart < end && bytes[valueStart] === QUOTE) {
          i = valueEnd = skipQuoted(bytes, valueStart, end);
          if (i < 0) return -1;
        } else {
          i = valueEnd = skipWord(bytes, valueStart, end);
          if (valueEnd === valueStart) return -1;
        }
        this.paramsEnd = i;
        i = skipSpace(bytes, i, end);
      }
      if (isBranch(bytes, nameStart, nameEnd)) {
        this.branchStart = valueStart;
        this.branchEnd = valueEnd;
      } else if (isRport(bytes, nameStart, nameEnd)) this.rportFlag = true;
    }
    return i >= end || bytes[i] === COMMA ? i : -1;
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

/** Behind "SIP/2.0/", with white space around the slashes and without case. @returns -1 when it is something else */
function skipProtocol(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 8 || (bytes[at] | 0x20) !== 0x73) return -1;
  if ((bytes[at + 1] | 0x20) !== 0x69 || (bytes[at + 2] | 0x20) !== 0x70) return -1;
  let i = skipSpace(bytes, at + 3, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  i = skipSpace(bytes, i + 1, end);
  if (i + 3 > end || bytes[i] !== 0x32 || bytes[i + 1] !== 0x2e || bytes[i + 2] !== 0x30) return -1;
  i = skipSpace(bytes, i + 3, end);
  if (i >= end || bytes[i] !== SLASH) return -1;
  return skipSpace(bytes, i + 1, end);
}

function isBranch(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 6 && (bytes[start] | 0x20) === 0x62 && equalNoCase(bytes, start, end, BRANCH, 0, 6);
}

function isRport(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 5 && (bytes[start] | 0x20) === 0x72 && equalNoCase(bytes, start, end, RPORT, 0, 5);
}
