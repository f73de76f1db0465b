/** Where the body of a wanted type lies in a message: the whole body, or a part of a multipart one. Other bodies are told apart from none. */
import { equalNoCase, octets, Span } from "../core/bytes.js";
import type { Message } from "./message.js";
import { findPart } from "./multipart.js";
import { HEADER_CONTENT_ENCODING, HEADER_CONTENT_TYPE } from "./names.js";
import { param } from "./params.js";

/** No body. */
export const BODY_NONE = 0;
/** What was looked for, in the span that was given. */
export const BODY_FOUND = 1;
/** A session description. */
export const BODY_SDP = BODY_FOUND;
/** Something else: a request that needs what was looked for gets 415. */
export const BODY_OTHER = 2;

const APPLICATION_SDP = octets("application/sdp");
const TEXT_PLAIN = octets("text/plain");
const MULTIPART_MIXED = octets("multipart/mixed");
const MULTIPART_ALTERNATIVE = octets("multipart/alternative");
const BOUNDARY = octets("boundary");
const IDENTITY = octets("identity");
/** How a session description begins. RFC 8866 §5.1 */
const VERSION = octets("v=0");

// For the time of one call only.
const type = new Span();
const boundary = new Span();

/** Looks for the session description of `m`. @param out where it lies in the message's octets @returns BODY_* */
export function findSdp(m: Message, out: Span): number {
  // RFC 3261 §20.15 asks for a type; what looks like a description is one all the same.
  if (m.has(HEADER_CONTENT_TYPE) || !beginsSdp(m) || isEncoded(m)) return findBody(m, APPLICATION_SDP, out);
  out.set(m.bytes, m.bodyStart, m.bodyEnd);
  return BODY_SDP;
}

/** Looks for the plain text of `m`. @returns as `findSdp` */
export function findText(m: Message, out: Span): number {
  return findBody(m, TEXT_PLAIN, out);
}

/** Looks for a body of that type. @returns as `findSdp` */
export function findBody(m: Message, mediaType: Uint8Array, out: Span): number {
  if (m.bodyEnd <= m.bodyStart) return BODY_NONE;
  if (isEncoded(m) || !m.value(HEADER_CONTENT_TYPE, type)) return BODY_OTHER;
  if (hasType(type, mediaType)) {
    out.set(m.bytes, m.bodyStart, m.bodyEnd);
    return BODY_FOUND;
  }
  if (!hasType(type, MULTIPART_MIXED) && !hasType(type, MULTIPART_ALTERNATIVE)) return BODY_OTHER;
  if (!param(type.bytes, type.start, type.end, BOUNDARY, boundary)) return BODY_OTHER;
  return findPart(m.bytes, m.bodyStart, m.bodyEnd, boundary, mediaType, out) ? BODY_FOUND : BODY_OTHER;
}

function isEncoded(m: Message): boolean {
  return m.value(HEADER_CONTENT_ENCODING, type) && type.size() > 0 && !type.isToken(IDENTITY);
}

function beginsSdp(m: Message): boolean {
  const { bytes, bodyStart } = m;
  if (m.bodyEnd - bodyStart < VERSION.length) return false;
  for (let i = 0; i < VERSION.length; i++) if (bytes[bodyStart + i] !== VERSION[i]) return false;
  return true;
}

/** Whether a Content-Type value is of that media type, its parameters aside. RFC 3261 §20.15 */
export function hasType(value: Span, mediaType: Uint8Array): boolean {
  const bytes = value.bytes;
  let end = value.start;
  while (end < value.end && bytes[end] !== 0x3b && bytes[end] !== 0x20 && bytes[end] !== 9) end += 1;
  return equalNoCase(bytes, value.start, end, mediaType, 0, mediaType.length);
}
