/**
 * What a REFER asks for (RFC 3515 §2.1): whom to call, and what the INVITE there is to carry (RFC 3261 §19.1.5, RFC 3891, RFC 3892).
 * Of the header fields behind the `?` Replaces and `Require=replaces` are taken and all others passed over: whoever asks has no say in them.
 * Not here: whether it may be done, and the call.
 */
import { octets, Span, text, utf8Length } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import { ValueList } from "./list.js";
import type { Message } from "./message.js";
import { HEADER_REFER_SUB, HEADER_REFER_TO, HEADER_REFERRED_BY, METHOD_INVITE, METHOD_NAMES } from "./names.js";
import { Replaces } from "./replaces.js";
import { unescape as readEscapes, SCHEME_OTHER, SCHEME_SIPS, Uri } from "./uri.js";
import { Writer } from "./writer.js";

/** Octets of the address to call, and of the fields of the INVITE: a Call-ID and two tags as phones make them, and an address. */
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
const uri = new Uri();
const replaces = new Replaces();
const value = new Span();
const writer = new Writer();

export class ReferTo {
  /** Whom to call, without header fields and method. */
  target = "";
  /** Header fields of the INVITE, whole lines. */
  readonly fields = new Span();
  /** No NOTIFY is wanted. RFC 4488 */
  isSilent = false;
  private readonly bytes = new Uint8Array(FIELDS_BYTES);

  /**
   * Reads the REFER `m`; nothing of it is needed afterwards. Off the way of sound: it makes a text.
   * @param scratch for the time of the call, FIELDS_BYTES at least @returns 0, or the status that refuses it
   */
  read(m: Message, scratch: Uint8Array): number {
    list.begin(m, HEADER_REFER_TO);
    if (!list.next() || !address.parse(list.bytes, list.start, list.end)) return 400;
    // Its octets stay while the second value is looked for.
    if (list.next() || list.broken) return 400;
    if (!uri.parse(address.bytes, address.uriStart, address.uriEnd)) return 400;
    if (uri.scheme === SCHEME_OTHER || uri.scheme === SCHEME_SIPS) return 416;
    if (uri.param(METHOD, value) && !value.is(METHOD_NAMES[METHOD_INVITE])) return 501;
    this.target = targetOf();
    writer.begin(this.bytes, 0, FIELDS_BYTES);
    const status = writeReplaces(scratch);
    if (status !== 0) return status;
    if (uri.header(REQUIRE, value) && value.isToken(REPLACES_TAG)) writer.put(REQUIRE_REPLACES);
    this.writeReferrer(m);
    this.fields.set(this.bytes, 0, writer.at);
    this.isSilent = m.value(HEADER_REFER_SUB, value) && isFalse();
    return writer.ok && utf8Length(this.target) <= TARGET_BYTES ? 0 : 513;
  }

  /** Who asked, as it says of itself, without what vouches for that. What cannot be read, or does not fit, is left out. */
  private writeReferrer(m: Message): void {
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
}

/** The address in `uri`, without its method and its header fields. */
function targetOf(): string {
  const { bytes, paramsEnd } = uri;
  let target = text(bytes, uri.start, uri.paramsStart);
  for (let start = uri.paramsStart; start < paramsEnd; ) {
    let end = start + 1;
    while (end < paramsEnd && bytes[end] !== SEMICOLON) end += 1;
    let nameEnd = start + 1;
    while (nameEnd < end && bytes[nameEnd] !== EQUALS) nameEnd += 1;
    value.set(bytes, start + 1, nameEnd);
    if (!value.isToken(METHOD)) target += text(bytes, start, end);
    start = end;
  }
  return target;
}

/** Writes the Replaces that `uri` has, if it has one. @param scratch for its text without escapes @returns 0, or the status that refuses it */
function writeReplaces(scratch: Uint8Array): number {
  if (!uri.header(REPLACES, value)) return 0;
  const end = readEscapes(value.bytes, value.start, value.end, scratch, 0);
  if (end < 0 || end > FIELDS_BYTES) return 513;
  if (!replaces.parse(scratch, 0, end)) return 400;
  replaces.write(writer);
  return 0;
}

/** `value` is `false`, before any parameter. RFC 4488 §4 */
function isFalse(): boolean {
  let end = value.start;
  while (end < value.end && value.bytes[end] !== SEMICOLON && value.bytes[end] > 0x20) end += 1;
  value.set(value.bytes, value.start, end);
  return value.isToken(FALSE);
}
