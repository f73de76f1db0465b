/**
 * The Replaces field (RFC 3891 §6.1): the dialog that an INVITE takes the place of,
 * `call-id;to-tag=…;from-tag=…[;early-only]`. The value comes as a header field, or behind the `?` of a Refer-To with
 * its escapes taken away.
 * Not here: whether there is such a dialog, and who may replace it.
 */
import { octets, Span } from "../core/bytes.js";
import { trimEnd } from "./lex.js";
import { ParamList } from "./params.js";
import type { Writer } from "./writer.js";

const TO_TAG = octets("to-tag");
const FROM_TAG = octets("from-tag");
const EARLY_ONLY = octets("early-only");
const REPLACES = octets("Replaces: ");
const TO_TAG_IS = octets(";to-tag=");
const FROM_TAG_IS = octets(";from-tag=");
const EARLY_ONLY_FLAG = octets(";early-only");
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const DELETE = 0x7f;

export class Replaces {
  readonly callId = new Span();
  /** The tags of the side that the INVITE reaches, and of its peer. */
  readonly toTag = new Span();
  readonly fromTag = new Span();
  /** The dialog may be replaced only if it is not answered. */
  isEarlyOnly = false;
  private readonly params = new ParamList();
  private readonly name = new Span();

  /**
   * Reads one value. The octets stay the caller's.
   * @returns whether it is well formed, with each of its three parts once
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    this.callId.clear();
    this.toTag.clear();
    this.fromTag.clear();
    this.isEarlyOnly = false;
    let i = start;
    while (i < end && bytes[i] !== SEMICOLON) i += 1;
    const stop = trimEnd(bytes, start, i);
    for (let at = start; at < stop; at++)
      if (bytes[at] <= SPACE || bytes[at] >= DELETE || bytes[at] === COMMA) return false;
    this.callId.set(bytes, start, stop);
    const { params, name } = this;
    params.beginParams(bytes, i, end);
    while (params.next()) {
      name.set(bytes, params.nameStart, params.nameEnd);
      if (name.isToken(EARLY_ONLY)) this.isEarlyOnly = true;
      else if (name.isToken(TO_TAG)) {
        if (!this.takeTag(this.toTag)) return false;
      } else if (name.isToken(FROM_TAG) && !this.takeTag(this.fromTag)) return false;
    }
    if (params.broken || params.at < end) return false;
    return stop > start && this.toTag.size() > 0 && this.fromTag.size() > 0;
  }

  /** Writes the header field. */
  writeReplaces(w: Writer): void {
    w.put(REPLACES);
    w.span(this.callId);
    w.put(TO_TAG_IS);
    w.span(this.toTag);
    w.put(FROM_TAG_IS);
    w.span(this.fromTag);
    if (this.isEarlyOnly) w.put(EARLY_ONLY_FLAG);
    w.crlf();
  }

  private takeTag(tag: Span): boolean {
    const { bytes, valueStart, valueEnd } = this.params;
    if (tag.size() > 0) return false;
    tag.set(bytes, valueStart, valueEnd);
    return true;
  }
}
