/**
 * The only writer of header octets. All messages go through it, and CR, LF and NUL from outside never pass: folded
 * white space becomes one space, NUL or a lone CR or LF makes the whole message unsendable (`ok` becomes false). It
 * writes into a buffer of the caller, never past its end; a message that is too long makes `ok` false as well.
 */
import { NONE, type Span, UINT32_MOST, utf8Length } from "../core/bytes.js";
import { copyOctets, copyUnfolded, isPlain, putDecimal, putDigits, putDotted, putUtf8 } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";

export class Writer {
  bytes: Uint8Array = NONE;
  /** Offset of the next octet. */
  at = 0;
  limit = 0;
  /** False once something did not fit or was not allowed; then the message must not be sent. */
  ok = false;

  /** Begins a message in `bytes[start, limit)`, which the caller owns and keeps. */
  begin(bytes: Uint8Array, start: number, limit: number): void {
    this.bytes = bytes;
    this.at = start;
    this.limit = limit;
    this.ok = true;
  }

  /** Removes what was written since `at`, and makes `ok` true again. */
  rewind(at: number): void {
    this.at = at;
    this.ok = true;
  }

  /** Writes octets of the program's own (constants), as they are. */
  put(constant: Uint8Array): void {
    const end = this.at + constant.length;
    if (end > this.limit) {
      this.ok = false;
      return;
    }
    copyOctets(this.bytes, this.at, constant, 0, constant.length);
    this.at = end;
  }

  octet(value: number): void {
    if (this.at >= this.limit) this.ok = false;
    else this.bytes[this.at++] = value;
  }

  crlf(): void {
    const { at } = this;
    if (at + 2 > this.limit) {
      this.ok = false;
      return;
    }
    this.bytes[at] = 13;
    this.bytes[at + 1] = 10;
    this.at = at + 2;
  }

  /**
   * Writes a part of a message that came from outside. Line folding becomes one space; any other CR, LF or NUL is
   * refused.
   */
  copy(bytes: Uint8Array, start: number, end: number): void {
    if (this.at + (end - start) > this.limit) {
      this.ok = false;
      return;
    }
    const at = copyUnfolded(this.bytes, this.at, bytes, start, end);
    if (at < 0) this.ok = false;
    else this.at = at;
  }

  span(span: Span): void {
    this.copy(span.bytes, span.start, span.end);
  }

  /** Writes a body, octet for octet. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    if (this.at + (end - start) > this.limit) {
      this.ok = false;
      return;
    }
    copyOctets(this.bytes, this.at, bytes, start, end);
    this.at += end - start;
  }

  /** Writes a text of the settings or of a person as UTF-8. CR, LF and NUL are refused. */
  text(value: string): void {
    for (let i = isPlain(value) ? value.length : 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code === 13 || code === 10 || code === 0) {
        this.ok = false;
        return;
      }
    }
    if (this.at + utf8Length(value) > this.limit) this.ok = false;
    else this.at = putUtf8(this.bytes, this.at, value);
  }

  /**
   * Writes as `copy`, inside of a quoted-string: `"` and `\` get a backslash. The caller writes the quotes. RFC 3261
   * §25.1
   */
  quoted(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const octet = bytes[i];
      if (octet === 13 || octet === 10 || octet === 0) this.ok = false;
      if (octet === 0x22 || octet === 0x5c) this.octet(0x5c);
      this.octet(octet);
    }
  }

  /** Writes a whole number from 0 in decimal. */
  uint(value: number): void {
    if (value <= UINT32_MOST) {
      const end = value < 10 ? -1 : putDecimal(this.bytes, this.at, this.limit, value);
      if (value < 10) this.octet(value + 0x30);
      else if (end < 0) this.ok = false;
      else this.at = end;
      return;
    }
    let end = this.at + 1;
    for (let most = 10; most <= value; most *= 10) end += 1;
    if (end > this.limit) {
      this.ok = false;
      return;
    }
    let rest = value;
    for (let i = end - 1; i >= this.at; i--) {
      const tens = Math.floor(rest / 10);
      this.bytes[i] = rest - tens * 10 + 0x30;
      rest = tens;
    }
    this.at = end;
  }

  /** Writes the low `digits` hexadecimal digits of `value` in lower case. */
  hex(value: number, digits: number): void {
    if (this.at + digits > this.limit) {
      this.ok = false;
      return;
    }
    putDigits(this.bytes, this.at, digits, value);
    this.at += digits;
  }

  /**
   * Writes a token that cannot be guessed, 16 hexadecimal digits of 64 random bits. RFC 3261 §19.3 demands at least 32.
   */
  token(random: RandomSource): void {
    this.hex(random.uint32(), 8);
    this.hex(random.uint32(), 8);
  }

  /** Writes an IPv4 address in dotted form. */
  ip(address: number): void {
    const end = putDotted(this.bytes, this.at, this.limit, address);
    if (end < 0) this.ok = false;
    else this.at = end;
  }
}
