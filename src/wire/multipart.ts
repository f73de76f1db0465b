/** Finds a part of a multipart body by its media type. RFC 2046 §5.1. Nested multiparts are not searched. */
import { equal, equalNoCase, octets, type Span } from "../core/bytes.js";

export const CONTENT_TYPE = octets("content-type");
const COMPACT_TYPE = octets("c");

/**
 * @param boundary as in the Content-Type, without quotes @param mediaType the wanted one, without parameters
 * @param out set to the part's body, in the given octets @returns whether there is one
 */
export function findPart(
  bytes: Uint8Array,
  start: number,
  end: number,
  boundary: Span,
  mediaType: Uint8Array,
  out: Span,
): boolean {
  if (boundary.size() === 0 || boundary.size() > 70) return false;
  let at = nextDelimiter(bytes, start, end, boundary);
  while (at >= 0) {
    let line = lineAfter(bytes, at + 2 + boundary.size(), end);
    // "--boundary--" ends the body.
    const close = at + 2 + boundary.size();
    if (close + 1 < end && bytes[close] === 0x2d && bytes[close + 1] === 0x2d) return false;
    const next = nextDelimiter(bytes, line, end, boundary);
    let partEnd = next < 0 ? end : next;
    let isWanted = false;
    while (line < partEnd) {
      const after = lineAfter(bytes, line, partEnd);
      const lineEnd = trimLineEnd(bytes, line, after);
      if (lineEnd === line) {
        line = after;
        break;
      }
      if (isType(bytes, line, lineEnd, mediaType)) isWanted = true;
      line = after;
    }
    if (isWanted) {
      // The line end before a delimiter belongs to the delimiter.
      if (next >= 0) partEnd = trimLineEnd(bytes, line, partEnd);
      if (partEnd < line) return false;
      out.set(bytes, line, partEnd);
      return partEnd > line;
    }
    at = next;
  }
  return false;
}

/** @returns the offset of the next line that begins with "--boundary", -1 when there is none */
function nextDelimiter(bytes: Uint8Array, start: number, end: number, boundary: Span): number {
  let at = start;
  while (at < end) {
    const textStart = at + 2;
    const textEnd = textStart + boundary.size();
    if (
      textEnd <= end &&
      bytes[at] === 0x2d &&
      bytes[at + 1] === 0x2d &&
      equal(bytes, textStart, textEnd, boundary.bytes, boundary.start, boundary.end) &&
      endsDelimiter(bytes, textEnd, end)
    ) {
      return at;
    }
    at = lineAfter(bytes, at, end);
  }
  return -1;
}

/**
 * Whether a delimiter ends at `at`: behind the boundary comes "--", white space or the end of the line. So "--ab" is no
 * delimiter of the boundary "a".
 */
function endsDelimiter(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return true;
  const octet = bytes[at];
  return octet === 0x2d
    ? at + 1 < end && bytes[at + 1] === 0x2d
    : octet === 13 || octet === 10 || octet === 0x20 || octet === 9;
}

function lineAfter(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== 10) at += 1;
  return at < end ? at + 1 : end;
}

function trimLineEnd(bytes: Uint8Array, start: number, after: number): number {
  let end = after;
  if (end > start && bytes[end - 1] === 10) end -= 1;
  if (end > start && bytes[end - 1] === 13) end -= 1;
  return end;
}

function isType(bytes: Uint8Array, start: number, end: number, mediaType: Uint8Array): boolean {
  let colon = start;
  while (colon < end && bytes[colon] !== 0x3a) colon += 1;
  let nameEnd = colon;
  while (nameEnd > start && (bytes[nameEnd - 1] === 0x20 || bytes[nameEnd - 1] === 9)) nameEnd -= 1;
  if (
    !equalNoCase(bytes, start, nameEnd, CONTENT_TYPE, 0, CONTENT_TYPE.length) &&
    !equalNoCase(bytes, start, nameEnd, COMPACT_TYPE, 0, COMPACT_TYPE.length)
  ) {
    return false;
  }
  let from = colon + 1;
  while (from < end && (bytes[from] === 0x20 || bytes[from] === 9)) from += 1;
  let to = from;
  while (to < end && bytes[to] !== 0x3b && bytes[to] !== 0x20 && bytes[to] !== 9) to += 1;
  return equalNoCase(bytes, from, to, mediaType, 0, mediaType.length);
}
