/**
 * Our INVITE, first and later ones alike: `writeInvite` writes it from the first line to the last, in the order in
 * which it is sent. What does not fit is left out rather than that the INVITE is too long for UDP or for its buffer.
 * RFC 3261 §13.2.1, §14.1, §18.1.1
 * Not here: when it is sent (session.ts), and what becomes of the Via's branch when all is written
 * (transaction/branch.ts).
 */

import type { Span } from "../core/bytes.js";
import type { ClientTransaction } from "../transaction/client.js";
import { DATAGRAM_MAX_BYTES, DATAGRAM_USUAL_BYTES } from "../transaction/request.js";
import { HEADER_END, MAX_FORWARDS_70, SDP_BODY } from "../wire/lines.js";
import { METHOD_INVITE, TRANSPORT_UDP } from "../wire/names.js";
import { copyBriefly } from "../wire/sdpwriter.js";
import type { Writer } from "../wire/writer.js";
import { SUPPORTED, USER_AGENT } from "./capabilities.js";
import type { Dialog } from "./dialog.js";
import type { Interval } from "./interval.js";
import { type Self, writeContactTo } from "./owncontact.js";

/** Octets between the header and a description of ours: its type, its length in three digits, and the blank line. */
const SDP_HEAD_BYTES = SDP_BODY.length + 3 + HEADER_END.length;

// How much of what can be left out has room.
/** Allow, User-Agent, and the description with all its lines. */
const EXTENT_FULL = 0;
/** Allow, and the description without the lines that say nothing. */
const EXTENT_ALLOW = 1;
/** That description alone. */
const EXTENT_BRIEF = 2;

/** What all INVITEs of the user agent have in common. */
export interface InviteContext extends Self {
  /** TRANSPORT_* for URIs that name none. */
  transport: number;
  /** The Allow line. */
  allow: Uint8Array;
  /** The Call-Info line with the picture of who calls; empty: none. RFC 3261 §20.9 */
  callInfo: Uint8Array;
  /** Session interval we ask for, in seconds; 0: none. */
  sessionExpiresS: number;
}

/** The call that an INVITE is for. */
export interface InviteParts {
  /** Header fields of the founding INVITE beside the usual, whole lines. */
  readonly fields: Span;
  readonly interval: Interval;
  /** Writes Authorization and Proxy-Authorization lines, if any are due where `t` goes. */
  writeCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void;
}

/**
 * Writes an INVITE, whose CSeq is the next one of the dialog. @param dialog a draft to found a call, else the one it is
 * to change
 * @param offer our description @param isChange it changes a call that is confirmed @returns whether it fits
 */
export function writeInvite(
  context: InviteContext,
  parts: InviteParts,
  t: ClientTransaction,
  dialog: Dialog,
  offer: Span,
  isChange: boolean,
): boolean {
  const leastBytes = leastBytesOf(offer, isChange);
  const isLoose = dialog.aimRequest(t, context.transport);
  const { requestUri } = dialog;
  // The request line and our Via.
  const w = t.beginRequest(METHOD_INVITE, requestUri.bytes, requestUri.start, requestUri.end);
  w.put(MAX_FORWARDS_70);
  dialog.writeRoute(w, isLoose);
  dialog.writeFrom(w);
  dialog.writeTo(w);
  dialog.writeCallId(w);
  dialog.writeCseq(w, dialog.localCseq, METHOD_INVITE);
  writeContactTo(w, context, t.target, dialog.contactOpening());
  w.put(SUPPORTED);
  if (!isChange) w.raw(parts.fields.bytes, parts.fields.start, parts.fields.end);
  parts.writeCredentials(t, w, METHOD_INVITE, requestUri);
  writeInterval(w, parts.interval, context.sessionExpiresS, leastBytes);
  if (!isChange) writeCallInfo(w, context.callInfo, t.target.transport === TRANSPORT_UDP, leastBytes);
  const extent = extentOf(w, t.target.transport === TRANSPORT_UDP, context.allow.length, offer.size(), leastBytes);
  if (extent <= EXTENT_ALLOW) w.put(context.allow);
  if (extent === EXTENT_FULL) w.put(USER_AGENT);
  if (extent === EXTENT_FULL || isChange) writeDescription(w, offer);
  else writeBriefDescription(w, offer);
  return w.ok;
}

/** Writes a description of ours, with the header fields of a body, which end the header. */
export function writeDescription(w: Writer, { bytes, start, end }: Span): void {
  w.put(SDP_BODY);
  w.uint(end - start);
  w.put(HEADER_END);
  w.raw(bytes, start, end);
}

function writeBriefDescription(w: Writer, { bytes, start, end }: Span): void {
  w.put(SDP_BODY);
  w.uint(copyBriefly(null, bytes, start, end));
  w.put(HEADER_END);
  copyBriefly(w, bytes, start, end);
}

/**
 * Writes Session-Expires and Min-SE, unless they leave no room for what follows.
 * @param restBytes what follows at the least
 */
function writeInterval(w: Writer, interval: Interval, wantedS: number, restBytes: number): void {
  const before = w.at;
  if (!w.ok) return;
  interval.writeInvite(w, wantedS);
  if (!w.ok || w.at + restBytes > w.limit) w.rewind(before);
}

/** Writes the Call-Info line if it fits: the owner set it, so Allow and User-Agent are left out for it. */
function writeCallInfo(w: Writer, callInfo: Uint8Array, isDatagram: boolean, leastBytes: number): void {
  if (w.at + callInfo.length + leastBytes <= usualBytes(w, isDatagram)) w.put(callInfo);
}

function usualBytes(w: Writer, isDatagram: boolean): number {
  return Math.min(isDatagram ? DATAGRAM_USUAL_BYTES : w.limit, w.limit);
}

/**
 * @returns the octets that the description takes at the least. A change is said in full: some phones keep what they are
 * not told to change.
 */
function leastBytesOf({ bytes, start, end }: Span, isChange: boolean): number {
  return SDP_HEAD_BYTES + (isChange ? end - start : copyBriefly(null, bytes, start, end));
}

/** @param w has all that cannot be left out but the description @returns EXTENT_* */
function extentOf(w: Writer, isDatagram: boolean, allowBytes: number, offerBytes: number, leastBytes: number): number {
  const usual = usualBytes(w, isDatagram);
  const fullBytes = SDP_HEAD_BYTES + offerBytes;
  if (w.at + allowBytes + USER_AGENT.length + fullBytes <= usual) return EXTENT_FULL;
  // An INVITE that is longer than usual anyhow has Allow too, as long as UDP takes it.
  const isUsual = w.at + leastBytes <= usual;
  const most = isUsual ? usual : Math.min(isDatagram ? DATAGRAM_MAX_BYTES : w.limit, w.limit);
  return w.at + leastBytes + allowBytes <= most ? EXTENT_ALLOW : EXTENT_BRIEF;
}
