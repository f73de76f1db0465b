/** Where the session description of a message lies: the whole body, or a part of a multipart one. Other bodies are told apart from none. */
import { equalNoCase, octets, Span } from "../core/bytes.js";
import type { Message } from "./message.js";
import { findPart } from "./multipart.js";
import { HEADER_CONTENT_ENCODING, HEADER_CONTENT_TYPE } from "./names.js";
import { param } from "./params.js";

/** No body. */
export const BODY_NONE = 0;
/** A session description, in the span that was given. */
export const BODY_SDP = 1;
/** Something else: a request that needs a description gets 415. */
export const BODY_OTHER = 2;

const APPLICATION_SDP = octets("application/sdp");
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
  if (m.bodyEnd <= m.bodyStart) return BODY_NONE;
  if (m.value(HEADER_CONTENT_ENCODING, type) && type.size() > 0 && !type.isToken(IDENTITY)) return BODY_OTHER;
  // RFC 3261 §20.15 asks for a type; what looks like a description is one all the same.
  if (!m.value(HEADER_CONTENT_TYPE, type)) {
    if (!beginsSdp(m)) return BODY_OTHER;
    out.set(m.bytes, m.bodyStart, m.bodyEnd);
    return BODY_SDP;
  }
  if (hasType(type, APPLICATION_SDP)) {
    out.set(m.bytes, m.bodyStart, m.bodyEnd);
    return BODY_SDP;
  }
  if (!hasType(type, MULTIPART_MIXED) && !hasType(type, MULTIPART_ALTERNATIVE)) return BODY_OTHER;
  if (!param(type.bytes, type.start, type.end, BOUNDARY, boundary)) return BODY_OTHER;
  return findPart(m.bytes, m.bodyStart, m.bodyEnd, boundary, APPLICATION_SDP, out) ? BODY_SDP : BODY_OTHER;
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
