/**
 * Cuts the octets of one TCP connection into messages (RFC 3261 §18.3) by Content-Length. CRLF CRLF between messages is
 * a keep-alive (RFC 5626 §3.5.1). Each connection has one fixed buffer; of a message that does not fit the beginning of
 * the head is kept, and its rest is skipped.
 * Not here: whether a message is well formed (message.ts).
 */

import { octetArray } from "../core/arrays.js";
import { equal, lower, octets, parseUint } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { STOP_TOKEN, scan, skipSpace, trimEnd } from "./lex.js";
import { headerOf } from "./lookup.js";
import { HEADER_CONTENT_LENGTH } from "./names.js";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;
const SLASH = 0x2f;
const COLON = 0x3a;

/** There is no whole message yet: push more. */
export const FRAME_NONE = 0;
/** There is a message: `bytes[start, end)`. */
export const FRAME_MESSAGE = 1;
/** There is a keep-alive: answer it with CRLF. */
export const FRAME_PING = 2;
/**
 * The end of a message is unknown: answer, and close the connection. If the message is only too large, `skip` finds its
 * end.
 */
export const FRAME_BROKEN = 3;

const LENGTH_ABSENT = -1;
const LENGTH_BAD = -2;
const LENGTH_MAX = 0x7fffffff;
/**
 * The longest head whose end is looked for, and the longest rest that is skipped, octets; a connection that sends more
 * is closed.
 */
const HEAD_MOST = 65_536;
const SKIP_MOST = 65_536;
const LENGTH_NAME = octets("content-length:");
const LENGTH_SHORT = octets("l:");
/** Room for the name with its colon and for the digits of a length, with some zeros before them, octets. */
const FIELD_BYTES = 32;

export class StreamFramer {
  /** The buffer; its content belongs to the framer. */
  readonly bytes: Uint8Array;
  /** The message that was found last; after FRAME_BROKEN its head if that could be read, else empty. */
  start = 0;
  end = 0;
  /**
   * True after FRAME_BROKEN when the message is too large for the buffer (513), false when its length cannot be known
   * (400).
   */
  tooLarge = false;
  private readonly capacity: number;
  /** The octets `bytes[from, to)` are not handed out yet. */
  private from = 0;
  private to = 0;
  /** Start of the line of the head that is looked at next. */
  private scan = 0;
  /** Number of line ends before a message that are not yet counted as a keep-alive. */
  private emptyLines = 0;
  private headEnd = -1;
  private messageEnd = 0;
  private isBroken = false;
  /**
   * Octets of a message that is too large that are still to be skipped; before that, the end of its head is looked for.
   */
  private skipLeft = 0;
  private isSeeking = false;
  private sought = 0;
  private soughtLength = LENGTH_ABSENT;
  /** The first octets of the field that is being skipped, in lower case, without spaces. */
  private readonly field = octetArray(FIELD_BYTES);
  private fieldSize = 0;
  private isLineEmpty = true;
  private isLineOver = false;

  /** @param capacity the largest message, octets */
  constructor(capacity: number) {
    this.capacity = capacity;
    // A head that fills the buffer may need an empty line behind it.
    this.bytes = new Uint8Array(capacity + 2);
  }

  /** Forgets everything, for a new connection. */
  reset(): void {
    this.start = this.end = this.from = this.to = this.scan = this.emptyLines = this.messageEnd = 0;
    this.headEnd = -1;
    this.isBroken = this.tooLarge = this.isSeeking = false;
    this.skipLeft = 0;
  }

  /**
   * Copies octets in, as many as fit; what `next` handed out is no longer valid. When not all were taken, call `next`
   * until FRAME_NONE and push the rest.
   * @returns how many were taken; all of them, without keeping any, once the connection is broken
   */
  push(bytes: Uint8Array, start: number, end: number): number {
    if (this.isBroken) return end - start;
    if (this.isSeeking || this.skipLeft > 0) return this.passOver(bytes, start, end);
    if (this.from > 0 && this.to + (end - start) > this.capacity) this.compact();
    const stop = Math.min(end, start + this.capacity - this.to);
    copyOctets(this.bytes, this.to, bytes, start, stop);
    this.to += stop - start;
    return stop - start;
  }

  private compact(): void {
    const by = this.from;
    this.bytes.copyWithin(0, by, this.to);
    this.from = 0;
    this.to -= by;
    this.scan -= by;
    if (this.headEnd >= 0) {
      this.headEnd -= by;
      this.messageEnd -= by;
    }
    this.start = this.end = 0;
  }

  /** @returns FRAME_*; call it until FRAME_NONE. After FRAME_BROKEN it stays FRAME_BROKEN until `reset` */
  next(): number {
    if (this.isBroken) {
      this.start = this.end = 0;
      return FRAME_BROKEN;
    }
    if (this.headEnd < 0) {
      if (this.skipEmptyLines()) return FRAME_PING;
      if (!this.findHead()) return this.isFull() ? this.broken(this.from, true) : FRAME_NONE;
      const length = contentLengthOf(this.bytes, this.from, this.headEnd);
      if (length < 0) return this.broken(this.headEnd, false);
      this.messageEnd = this.headEnd + length;
      if (this.messageEnd - this.from > this.capacity) return this.broken(this.headEnd, true);
    }
    if (this.messageEnd > this.to) return FRAME_NONE;
    this.start = this.from;
    this.end = this.from = this.scan = this.messageEnd;
    this.headEnd = -1;
    return FRAME_MESSAGE;
  }

  /**
   * After FRAME_BROKEN for a message that is too large, skips its rest, so that framing goes on behind it.
   * `bytes[start, end)` then is the kept part of its head, ended by an empty line.
   * @returns false when its end cannot be known
   */
  skip(): boolean {
    if (!this.isBroken || !this.tooLarge) return false;
    if (this.headEnd >= 0) {
      this.skipLeft = this.messageEnd - this.to;
      this.end = this.headEnd;
    } else if (!this.isBegun()) return false;
    else {
      this.soughtLength = contentLengthOf(this.bytes, this.from, this.scan);
      this.isSeeking = this.isLineEmpty = true;
      this.isLineOver = false;
      this.sought = this.to - this.from;
      this.fieldSize = 0;
      for (let i = this.scan; i < this.to; i++) this.seek(this.bytes[i]);
      this.end = this.scan;
      if (this.end > this.from) {
        this.bytes[this.end++] = CR;
        this.bytes[this.end++] = LF;
      }
    }
    this.start = this.from;
    this.from = this.scan = this.to;
    this.headEnd = -1;
    this.isBroken = this.skipLeft > SKIP_MOST || (this.isSeeking && this.soughtLength === LENGTH_BAD);
    return !this.isBroken;
  }

  /**
   * Whether there is at least a method, or a version, and a space behind it. Octets that never were SIP have no length
   * either.
   */
  private isBegun(): boolean {
    const nameEnd = scan(this.bytes, this.from, this.to, STOP_TOKEN);
    return nameEnd > this.from && nameEnd < this.to && (this.bytes[nameEnd] === SPACE || this.bytes[nameEnd] === SLASH);
  }

  /** Skips octets of a message that is too large. @returns how many of them belong to it */
  private passOver(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    while (this.isSeeking && i < end) {
      this.seek(bytes[i++]);
      this.sought += 1;
      if (this.sought > HEAD_MOST) this.endHead();
    }
    if (!this.isSeeking && this.skipLeft > SKIP_MOST) {
      this.isBroken = true;
      this.tooLarge = false;
      return end - start;
    }
    const size = Math.min(this.skipLeft, end - i);
    this.skipLeft -= size;
    return i + size - start;
  }

  /** Takes the next octet of a head that is skipped, and looks for its Content-Length and its end. */
  private seek(octet: number): void {
    const isSpace = octet === SPACE || octet === TAB;
    // A line that begins with a space continues the field before it.
    if (this.isLineOver && !isSpace) this.endField();
    this.isLineOver = false;
    if (octet === LF) {
      if (this.isLineEmpty) this.endHead();
      else this.isLineOver = this.isLineEmpty = true;
    } else if (octet !== CR) {
      this.isLineEmpty = false;
      if (!isSpace && this.fieldSize < FIELD_BYTES) this.field[this.fieldSize++] = lower(octet);
    }
  }

  private endField(): void {
    const { field, fieldSize } = this;
    let at = 0;
    if (equal(field, 0, Math.min(fieldSize, LENGTH_NAME.length), LENGTH_NAME, 0, LENGTH_NAME.length))
      at = LENGTH_NAME.length;
    else if (equal(field, 0, Math.min(fieldSize, LENGTH_SHORT.length), LENGTH_SHORT, 0, LENGTH_SHORT.length))
      at = LENGTH_SHORT.length;
    this.fieldSize = 0;
    if (at === 0) return;
    // The number is unknown if there were more octets than are kept.
    const length = fieldSize < FIELD_BYTES ? parseUint(field, at, fieldSize, LENGTH_MAX) : LENGTH_BAD;
    this.soughtLength = length < 0 || this.soughtLength !== LENGTH_ABSENT ? LENGTH_BAD : length;
  }

  /**
   * Ends the head. Without a length the beginning of the next message is unknown, as after a message that is too long
   * to be skipped.
   */
  private endHead(): void {
    this.isSeeking = false;
    this.skipLeft = this.soughtLength < 0 || this.sought > HEAD_MOST ? LENGTH_MAX : this.soughtLength;
  }

  /** Skips line ends between messages. @returns whether a keep-alive (two of them) was among them */
  private skipEmptyLines(): boolean {
    const bytes = this.bytes;
    // Behind the first octet of a head no keep-alive is possible.
    if (this.scan > this.from) return false;
    while (this.from < this.to) {
      let i = this.from;
      if (bytes[i] === CR) i += 1;
      if (i >= this.to || bytes[i] !== LF) break;
      this.from = this.scan = i + 1;
      if (++this.emptyLines === 2) {
        this.emptyLines = 0;
        return true;
      }
    }
    if (this.to - this.from > 1 || (this.to > this.from && bytes[this.from] !== CR)) this.emptyLines = 0;
    return false;
  }

  /** Looks for the empty line, at each line once, however the octets arrive. */
  private findHead(): boolean {
    const bytes = this.bytes;
    for (;;) {
      let i = this.scan;
      while (i < this.to && bytes[i] !== LF) i += 1;
      if (i >= this.to) return false;
      const isEmpty = i === this.scan || (i === this.scan + 1 && bytes[this.scan] === CR);
      this.scan = i + 1;
      if (isEmpty) {
        this.headEnd = i + 1;
        return true;
      }
    }
  }

  private isFull(): boolean {
    return this.to - this.from >= this.capacity;
  }

  private broken(headEnd: number, tooLarge: boolean): number {
    this.isBroken = true;
    this.tooLarge = tooLarge;
    this.start = this.from;
    this.end = headEnd;
    return FRAME_BROKEN;
  }
}

/**
 * @returns the Content-Length of the head `bytes[start, end)`, LENGTH_ABSENT, or LENGTH_BAD when malformed or there
 * twice
 */
function contentLengthOf(bytes: Uint8Array, start: number, end: number): number {
  let length = LENGTH_ABSENT;
  let i = start;
  while (i < end) {
    const nameEnd = scan(bytes, i, end, STOP_TOKEN);
    const isLength = nameEnd > i && headerOf(bytes, i, nameEnd) === HEADER_CONTENT_LENGTH;
    const next = behindFold(bytes, i, end);
    if (isLength) {
      const colon = skipSpace(bytes, nameEnd, next);
      if (colon < next && bytes[colon] === COLON) {
        const valueStart = skipSpace(bytes, colon + 1, next);
        const value = parseUint(bytes, valueStart, trimEnd(bytes, valueStart, next), LENGTH_MAX);
        if (value < 0 || length !== LENGTH_ABSENT) return LENGTH_BAD;
        length = value;
      }
    }
    i = next;
  }
  return length;
}

/** @returns the offset behind the field at `at` with its folded lines */
function behindFold(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  for (;;) {
    while (i < end && bytes[i] !== LF) i += 1;
    i += 1;
    if (i >= end) return end;
    if (bytes[i] !== SPACE && bytes[i] !== TAB) return i;
  }
}
