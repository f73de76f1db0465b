/**
 * Reads what a REFER asks for (RFC 3515 §2.1): whom to call, and what the INVITE there carries (RFC 3261 §19.1.5, RFC
 * 3891, RFC 3892). Of the header fields behind the `?` only Replaces and `Require=replaces` are taken: the sender has
 * no say in the others.
 * Not here: whether it may be done, and the call.
 */
import { NONE, octets, Span, text, utf8Length } from "../core/bytes.js";
import { NameAddress } from "./address.js";
import { ValueList } from "./list.js";
import type { Message } from "./message.js";
import { HEADER_REFER_SUB, HEADER_REFER_TO, HEADER_REFERRED_BY, METHOD_INVITE, METHOD_NAMES } from "./names.js";
import { Replaces } from "./replaces.js";
import { unescape as readEscapes, SCHEME_OTHER, SCHEME_SIPS, Uri } from "./uri.js";
import { Writer } from "./writer.js";

/** Room for the URI to call, octets: a request has it twice. */
export const TARGET_BYTES = 192;
/** Room for the fields of the INVITE, octets: a Call-ID and two tags of usual length, and an address. */
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

// Scratch, used within one call.
const list = new ValueList();
const address = new NameAddress();
const uri = new Uri();
const replaces = new Replaces();
const value = new Span();
const writer = new Writer();

export class ReferTo {
  /** The address to call, without header fields and method. */
  target = "";
  /** Header fields of the INVITE, as whole lines. */
  readonly fields = new Span();
  /** The sender wants no NOTIFY. RFC 4488 */
  isSilent = false;
  /** Empty until the first REFER. */
  private bytes: Uint8Array = NONE;

  /**
   * Reads the REFER `m`, of which nothing is needed afterwards. It makes a text, so it is not for the way of sound.
   * @param scratch for the time of the call, FIELDS_BYTES at least @param hasTls whether a target with sips can be
   * called @returns 0, or the status that refuses it
   */
  readRefer(m: Message, scratch: Uint8Array, hasTls: boolean): number {
    list.beginField(m, HEADER_REFER_TO);
    if (!list.next() || !address.parse(list.bytes, list.start, list.end)) return 400;
    // The first value stays while a second one is looked for.
    if (list.next() || list.broken) return 400;
    if (!uri.parse(address.bytes, address.uriStart, address.uriEnd)) return 400;
    if (uri.scheme === SCHEME_OTHER || (uri.scheme === SCHEME_SIPS && !hasTls)) return 416;
    if (uri.param(METHOD, value) && !value.is(METHOD_NAMES[METHOD_INVITE])) return 501;
    this.target = targetOf();
    if (this.bytes === NONE) this.bytes = new Uint8Array(FIELDS_BYTES);
    writer.begin(this.bytes, 0, FIELDS_BYTES);
    const status = writeReplaces(scratch);
    if (status !== 0) return status;
    if (uri.header(REQUIRE, value) && value.isToken(REPLACES_TAG)) writer.put(REQUIRE_REPLACES);
    this.writeReferrer(m);
    this.fields.set(this.bytes, 0, writer.at);
    this.isSilent = m.value(HEADER_REFER_SUB, value) && isFalse();
    return writer.ok && utf8Length(this.target) <= TARGET_BYTES ? 0 : 513;
  }

  /**
   * Writes the sender as it names itself in Referred-By, without any proof of that. It is left out when it cannot be
   * read or does not fit.
   */
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

/** @returns the address in `uri` without its method and its header fields */
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

/**
 * Writes the Replaces of `uri`, if it has one.
 * @param scratch for its text without escapes @returns 0, or the status that refuses it
 */
function writeReplaces(scratch: Uint8Array): number {
  if (!uri.header(REPLACES, value)) return 0;
  const end = readEscapes(value.bytes, value.start, value.end, scratch, 0);
  if (end < 0 || end > FIELDS_BYTES) return 513;
  if (!replaces.parse(scratch, 0, end)) return 400;
  replaces.writeReplaces(writer);
  return 0;
}

/** Whether `value` is `false`, before any parameter. RFC 4488 §4 */
function isFalse(): boolean {
  let end = value.start;
  while (end < value.end && value.bytes[end] !== SEMICOLON && value.bytes[end] > 0x20) end += 1;
  value.set(value.bytes, value.start, end);
  return value.isToken(FALSE);
}
