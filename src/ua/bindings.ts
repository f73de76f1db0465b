/**
 * What a registrar's answer says of our own binding, compared as URIs (RFC 3261 §10.2.4, §19.1.4). A registrar, or what
 * stands before it, may have rewritten our Contact: then it is not known which of those in the answer is ours.
 */
import { parseUint, Span, UINT32_MOST } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_EXPIRES } from "../wire/names.js";
import { Uri } from "../wire/uri.js";

const EXPIRES = new Uint8Array([0x65, 0x78, 0x70, 0x69, 0x72, 0x65, 0x73]);

// For the time of one call only.
const list = new ValueList();
const address = new NameAddress();
const theirs = new Uri();
const ours = new Uri();
const span = new Span();

/**
 * Whether `contact[0, contactEnd)` is among the Contacts of the answer; any is, where the registrar writes ours
 * otherwise.
 */
export function hasBinding(m: Message, contact: Uint8Array, contactEnd: number, isRewritten: boolean): boolean {
  if (!ours.parse(contact, 0, contactEnd)) return false;
  list.beginField(m, HEADER_CONTACT);
  while (list.next()) {
    if (!address.parseWithUri(list.bytes, list.start, list.end, theirs)) continue;
    if (isRewritten || theirs.equals(ours)) return true;
  }
  return false;
}

/**
 * What the 200 grants our Contact: its expires parameter, else Expires, else what we asked for. RFC 3261 §10.2.4. When
 * ours is not among them the least of all that is granted counts.
 * @returns s, 0: nothing
 */
export function readGranted(m: Message, contact: Uint8Array, contactEnd: number, requestedS: number): number {
  const header = m.uint(HEADER_EXPIRES, UINT32_MOST);
  const fallback = header >= 0 ? header : requestedS;
  const isKnown = ours.parse(contact, 0, contactEnd);
  let leastS = fallback;
  list.beginField(m, HEADER_CONTACT);
  while (list.next()) {
    if (!address.parse(list.bytes, list.start, list.end) || address.isStar) continue;
    let seconds = fallback;
    if (address.param(EXPIRES, span)) {
      const given = parseUint(span.bytes, span.start, span.end, UINT32_MOST);
      if (given >= 0) seconds = given;
    }
    const isRead = theirs.parse(address.bytes, address.uriStart, address.uriEnd);
    if (isKnown && isRead && theirs.equals(ours)) return seconds;
    if (seconds > 0 && (seconds < leastS || leastS === 0)) leastS = seconds;
  }
  return leastS;
}
