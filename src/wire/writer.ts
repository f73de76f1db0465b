/**
 * The one writer of header octets. Everything that leaves goes through it, and CR, LF and NUL from outside never pass:
 * folded white space becomes one space, NUL or a lone CR or LF makes the whole message unsendable (`ok` turns false).
 * It writes into a buffer of the caller's, never past its end; too long a message turns `ok` false as well.
 */
import { NONE, putText, type Span, utf8Length } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";

export class Writer {
  bytes: Uint8Array = NONE;
  /** Where the next octet goes. */
  at = 0;
  limit = 0;
  /** False once something did not fit or was not allowed; then nothing of this message may be sent. */
  ok = false;

  /** Begins a message in `bytes[start, limit)`, which the caller owns and keeps. */
  begin(bytes: Uint8Array, start: number, limit: number): void {
    this.bytes = bytes;
    this.at = start;
    this.limit = limit;
    this.ok = true;
  }

  /** Octets of the program's own (constants), copied as they are. */
  put(constant: Uint8Array): void {
    const end = this.at + constant.length;
    if (end > this.limit) {
      this.ok = false;
      return;
    }
    this.bytes.set(constant, this.at);
    this.at = end;
  }

  octet(value: number): void {
    if (this.at >= this.limit) this.ok = false;
    else this.bytes[this.at++] = value;
  }

  crlf(): void {
    this.octet(13);
    this.octet(10);
  }

  /** Part of a message that came from outside. Line folding becomes one space; any other CR, LF or NUL is refused. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    if (this.at + (end - start) > this.limit) {
      this.ok = false;
      return;
    }
    const out = this.bytes;
    let at = this.at;
    for (let i = start; i < end; i++) {
      const octet = bytes[i];
      if (octet === 13 || octet === 10) {
        let next = i + 1;
        if (octet === 13 && next < end && bytes[next] === 10) next += 1;
        if (next >= end || (bytes[next] !== 32 && bytes[next] !== 9)) {
          this.ok = false;
          return;
        }
        while (next < end && (bytes[next] === 32 || bytes[next] === 9)) next += 1;
        out[at++] = 32;
        i = next - 1;
      } else if (octet === 0) {
        if (i === start || bytes[i - 1] !== 0x5c) {
          this.ok = false;
          return;
        }
        // An escaped NUL in a quoted string is legal (RFC 4475 §3.1.1.2), but some end a text there: an escaped space takes its place.
        out[at++] = 32;
      } else out[at++] = octet;
    }
    this.at = at;
  }

  span(span: Span): void {
    this.copy(span.bytes, span.start, span.end);
  }

  /** A body: octets as they are. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    if (this.at + (end - start) > this.limit) {
      this.ok = false;
      return;
    }
    const out = this.bytes;
    let at = this.at;
    for (let i = start; i < end; i++) out[at++] = bytes[i];
    this.at = at;
  }

  /** A text of the settings or of a person, as UTF-8. CR, LF and NUL are refused. */
  text(value: string): void {
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code === 13 || code === 10 || code === 0) {
        this.ok = false;
        return;
      }
    }
    if (this.at + utf8Length(value) > this.limit) this.ok = false;
    else this.at = putText(this.bytes, this.at, value);
  }

  /** As `copy`, inside a quoted-string: `"` and `\` get a backslash. The quotes themselves are the caller's. RFC 3261 §25.1 */
  quoted(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const octet = bytes[i];
      if (octet === 13 || octet === 10 || octet === 0) this.ok = false;
      if (octet === 0x22 || octet === 0x5c) this.octet(0x5c);
      this.octet(octet);
    }
  }

  /** A whole number from 0, in decimal. */
  uint(value: number): void {
    let divisor = 1;
    while (value / divisor >= 10) divisor *= 10;
    for (let rest = value; divisor >= 1; divisor = Math.floor(divisor / 10)) {
      const digit = Math.floor(rest / divisor);
      this.octet(0x30 + digit);
      rest -= digit * divisor;
    }
  }

  /** The low `digits` hexadecimal digits of `value`, lower case. */
  hex(value: number, digits: number): void {
    for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
      const nibble = (value >>> shift) & 15;
      this.octet(nibble < 10 ? 0x30 + nibble : 0x57 + nibble);
    }
  }

  /** A token nobody can guess, 16 hexadecimal digits of 64 random bits. RFC 3261 §19.3 asks for at least 32. */
  token(random: RandomSource): void {
    this.hex(random.uint32(), 8);
    this.hex(random.uint32(), 8);
  }

  /** An IPv4 address in dotted form. */
  ip(address: number): void {
    this.uint(address >>> 24);
    this.octet(0x2e);
    this.uint((address >>> 16) & 255);
    this.octet(0x2e);
    this.uint((address >>> 8) & 255);
    this.octet(0x2e);
    this.uint(address & 255);
  }
}
