/**
 * What a REFER asks for (RFC 3515 §2.1): whom to call, and what the INVITE there is to carry (RFC 3261 §19.1.5, RFC 3891, RFC 3892).
 * Of the header fields behind the `?` Replaces and `Require=replaces` are taken and all others passed over: whoever asks has no say in them.
 * Not here: whether it may be done, and the call.
 */
import { octets, Span, text } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import { ValueList } from "./list.js";
import type { Message } from "./message.js";
import { HEADER_REFER_SUB, HEADER_REFER_TO, HEADER_REFERRED_BY, METHOD_INVITE, METHOD_NAMES } from "./names.js";
import { Replaces } from "./replaces.js";
import { unescape as readEscapes, SCHEME_OTHER, SCHEME_SIPS, Uri } from "./uri.js";
import { Writer } from "./writer.js";

/** Octets of the address to call, and of the fields of the INVITE: a Call-ID and two tags as phones make them, and an address; behind them as many to read Replaces. */
const TARGET_BYTES = 192;
const FIELDS_BYTES = 320;

const METHOD = octets("method");
const REPLACES = octets("Replaces");
const REQUIRE = octets("Require");
const REPLACES_TAG = octets("replaces");
const REQUIRE_REPLACES = octets("Require: replaces\r\n");
const REFERRED_BY = octets("Referred-By: ");
const FALSE = octets("false");
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

// For the time of one call only.
const list = new ValueList();
const address = new NameAddress();
const replaces = new Replaces();
const value = new Span();
const writer = new Writer();

export class ReferTo {
  /** Whom to call, without header fields and method: a view of `target`. */
  readonly uri = new Uri();
  /** Header fields of the INVITE, whole lines. */
  readonly fields = new Span();
  /** It is to take the place of a call that the target has. */
  hasReplaces = false;
  /** No NOTIFY is wanted. RFC 4488 */
  isSilent = false;
  private readonly target = new Uint8Array(TARGET_BYTES);
  private readonly bytes = new Uint8Array(2 * FIELDS_BYTES);

  /** Reads the REFER `m`; nothing of it is needed afterwards. @returns 0, or the status that refuses it */
  read(m: Message): number {
    const { uri } = this;
    list.begin(m, HEADER_REFER_TO);
    if (!list.next() || !address.parse(list.bytes, list.start, list.end)) return 400;
    // Its octets stay while the second value is looked for.
    if (list.next() || list.broken) return 400;
    if (!uri.parse(address.bytes, address.uriStart, address.uriEnd)) return 400;
    if (uri.scheme === SCHEME_OTHER || uri.scheme === SCHEME_SIPS) return 416;
    if (uri.param(METHOD, value) && !value.is(METHOD_NAMES[METHOD_INVITE])) return 501;
    writer.begin(this.bytes, 0, FIELDS_BYTES);
    const status = this.readReplaces();
    if (status !== 0) return status;
    if (uri.header(REQUIRE, value) && value.isToken(REPLACES_TAG)) writer.put(REQUIRE_REPLACES);
    this.readReferrer(m);
    this.fields.set(this.bytes, 0, writer.at);
    this.isSilent = m.value(HEADER_REFER_SUB, value) && isFalse();
    return writer.ok && this.keepTarget() ? 0 : 513;
  }

  /** Whom to call, for a person and for settings: allocates. */
  toText(): string {
    return text(this.uri.bytes, this.uri.start, this.uri.end);
  }

  private readReplaces(): number {
    this.hasReplaces = this.uri.header(REPLACES, value);
    if (!this.hasReplaces) return 0;
    const end = readEscapes(value.bytes, value.start, value.end, this.bytes, FIELDS_BYTES);
    if (end < 0) return 513;
    if (!replaces.parse(this.bytes, FIELDS_BYTES, end)) return 400;
    replaces.write(writer);
    return 0;
  }

  /** Who asked, as it says of itself, without what vouches for that. What cannot be read, or does not fit, is left out. */
  private readReferrer(m: Message): void {
    if (!writer.ok || !m.value(HEADER_REFERRED_BY, value) || !address.parse(value.bytes, value.start, value.end))
      return;
    const { at } = writer;
    writer.put(REFERRED_BY);
    writer.octet(0x3c);
    writer.copy(address.bytes, address.uriStart, address.uriEnd);
    writer.octet(0x3e);
    writer.crlf();
    if (!writer.ok) writer.begin(this.bytes, at, FIELDS_BYTES);
  }

  /** Copies the address without its method and its header fields. */
  private keepTarget(): boolean {
    const { uri, target } = this;
    writer.begin(target, 0, target.length);
    writer.copy(uri.bytes, uri.start, uri.paramsStart);
    const { bytes, paramsEnd } = uri;
    for (let start = uri.paramsStart; start < paramsEnd; ) {
      let end = start + 1;
      while (end < paramsEnd && bytes[end] !== SEMICOLON) end += 1;
      let nameEnd = start + 1;
      while (nameEnd < end && bytes[nameEnd] !== EQUALS) nameEnd += 1;
      value.set(bytes, start + 1, nameEnd);
      if (!value.isToken(METHOD)) writer.copy(bytes, start, end);
      start = end;
    }
    return writer.ok && uri.parse(target, 0, writer.at);
  }
}

/** `value` is `false`, before any parameter. RFC 4488 §4 */
function isFalse(): boolean {
  let end = value.start;
  while (end < value.end && value.bytes[end] !== SEMICOLON && value.bytes[end] > 0x20) end += 1;
  value.set(value.bytes, value.start, end);
  return value.isToken(FALSE);
}
