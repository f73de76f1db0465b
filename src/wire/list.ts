/**
 * Walks the values of a field that may hold several, separated by commas, and may itself be repeated (RFC 3261 §7.3.1):
 * Via, Contact, Route, Record-Route, Require and so on.
 * Not here: challenges and credentials, whose commas also separate parameters (auth.ts).
 */
import { NONE } from "../core/bytes.js";
import { elementEnd, skipSpace, trimEnd } from "./lex.js";
import type { Message } from "./message.js";
import { HEADER_VIA } from "./names.js";

const VIA = HEADER_VIA;
const SPACE = 0x20;
/** No end of an element is known before it is looked for. */
const UNKNOWN = -1;

export class ValueList {
  bytes: Uint8Array = NONE;
  /** The element that was found last: `bytes[start, end)`, trimmed. */
  start = 0;
  end = 0;
  /** Its row in the message's table, -1 for a walk over a span. */
  row = -1;
  /** True when a quote or a `<` is never closed; the elements before it are good. */
  broken = false;
  private message: Message | null = null;
  private at = 0;
  private limit = 0;
  /** The end of the next element if the message knows it, or UNKNOWN. */
  private known = UNKNOWN;

  /** Starts a walk over all fields of that id. The message must stay as it is until the walk is over. */
  beginField(message: Message, id: number): void {
    this.beginSpan(message.bytes, 0, 0);
    const row = message.first(id);
    if (row < 0) return;
    this.message = message;
    this.enter(row);
    // The message has read its topmost Via, if that is well formed.
    if (id === VIA && (message.unfit & (1 << VIA)) === 0) this.known = message.viaEnd;
  }

  /** Starts a walk over one value. The octets stay the caller's. */
  beginSpan(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = this.end = this.at = start;
    this.limit = end;
    this.row = -1;
    this.known = UNKNOWN;
    this.broken = false;
    this.message = null;
  }

  private enter(row: number): void {
    const message = this.message!;
    this.row = row;
    this.at = message.valueStart(row);
    this.limit = message.valueEnd(row);
  }

  /** Steps to the next element; empty ones are skipped. @returns false at the end, and when `broken` */
  next(): boolean {
    for (;;) {
      while (this.at < this.limit) {
        const { bytes, at } = this;
        const start = bytes[at] > SPACE ? at : skipSpace(bytes, at, this.limit);
        const stop = this.known < 0 ? elementEnd(bytes, start, this.limit) : skipSpace(bytes, this.known, this.limit);
        this.known = UNKNOWN;
        if (stop < 0) {
          this.broken = true;
          this.at = this.limit;
          this.message = null;
          return false;
        }
        this.at = stop + 1;
        const end = stop > start && bytes[stop - 1] > SPACE ? stop : trimEnd(bytes, start, stop);
        if (end > start) {
          this.start = start;
          this.end = end;
          return true;
        }
      }
      if (this.message === null) return false;
      const row = this.message.next(this.row);
      if (row < 0) {
        this.message = null;
        return false;
      }
      this.enter(row);
    }
  }
}
