/**
 * Lines out of the octets of a serial port, ended by CR, LF or both. A line that is too long or has control characters in it,
 * as noise has, is dropped as a whole. Backspace takes back. Not here: echo, other character sets than ASCII.
 */
import { text } from "../../src/core/bytes.js";

/** The longest line, in octets. */
export const LINE_BYTES = 256;

export class Lines {
  private readonly onLine: (line: string) => void;
  private readonly bytes = new Uint8Array(LINE_BYTES);
  private length = 0;
  private isSpoilt = false;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  push(octet: number): void {
    if (octet === 13 || octet === 10) {
      const line = this.isSpoilt ? "" : text(this.bytes, 0, this.length);
      this.length = 0;
      this.isSpoilt = false;
      if (line !== "") this.onLine(line);
    } else if (octet === 8 || octet === 127) {
      if (this.length > 0) this.length--;
    } else if (octet < 32 || octet > 126 || this.length === LINE_BYTES) this.isSpoilt = true;
    else this.bytes[this.length++] = octet;
  }
}
