/**
 * Finds the body of a wanted type in a message: the whole body, or a part of a multipart one. A body of another type is
 * told apart from no body.
 */
import { equalNoCase, octets, Span } from "../core/bytes.js";
import type { Message } from "./message.js";
import { findPart } from "./multipart.js";
import { HEADER_CONTENT_ENCODING, HEADER_CONTENT_TYPE } from "./names.js";
import { param } from "./params.js";

/** There is no body. */
export const BODY_NONE = 0;
/** The wanted body is in the given span. */
export const BODY_FOUND = 1;
/** A session description was found. */
export const BODY_SDP = BODY_FOUND;
/** There is a body of another type: a request that needs the wanted one gets 415. */
export const BODY_OTHER = 2;

export const APPLICATION_SDP = octets("application/sdp");
const TEXT_PLAIN = octets("text/plain");
const MULTIPART_MIXED = octets("multipart/mixed");
const MULTIPART_ALTERNATIVE = octets("multipart/alternative");
const BOUNDARY = octets("boundary");
const IDENTITY = octets("identity");
/** A session description begins like this. RFC 8866 §5.1 */
const VERSION = octets("v=0");

// Scratch, used within one call.
const type = new Span();
const boundary = new Span();

/** Looks for the session description of `m`. @param out set to its octets in the message @returns BODY_* */
export function findSdp(m: Message, out: Span): number {
  // RFC 3261 §20.15 demands a type, but a body that begins like a description is taken without one.
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

/** Whether a Content-Type value has that media type, whatever its parameters. RFC 3261 §20.15 */
export function hasType(value: Span, mediaType: Uint8Array): boolean {
  const bytes = value.bytes;
  let end = value.start;
  while (end < value.end && bytes[end] !== 0x3b && bytes[end] !== 0x20 && bytes[end] !== 9) end += 1;
  return equalNoCase(bytes, value.start, end, mediaType, 0, mediaType.length);
}
