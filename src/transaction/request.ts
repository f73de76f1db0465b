/**
 * Writes the parts of our requests that the transaction layer writes itself: the first line, our Via, and the whole of
 * the requests that belong to an INVITE (ACK for a response other than 2xx, CANCEL). These are copied line by line from
 * the INVITE as it was sent, so no second message has to be kept to read it with.
 * Not here: when they are sent (client.ts).
 */

import { equal, equalNoCase, NONE, octets, UINT32_MOST } from "../core/bytes.js";
import { skipSpace } from "../wire/lex.js";
import { CALL_ID, CSEQ, EMPTY_BODY, FROM, ROUTE, TAG, TO } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_TO, METHOD_NAMES, TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Flow, Target } from "./flow.js";
import type { Transport } from "./transport.js";

const REQUEST_VERSION = octets(" SIP/2.0\r\n");
const VIA_START = octets("Via: SIP/2.0/");
const VIA_UDP = octets("UDP ");
const COOKIE = octets(";branch=z9hG4bK");
const RPORT = octets(";rport\r\n");
const MAX_FORWARDS = octets("Max-Forwards: ");
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const SEMICOLON = 0x3b;
const GREATER = 0x3e;
const TO_BIT = 1 << HEADER_TO;
/** The names of the transports in a Via, by TRANSPORT_*. */
const NAMES: readonly Uint8Array[] = [NONE, octets("UDP"), octets("TCP"), octets("TLS")];

/** The longest request sent by UDP while the path MTU is unknown, octets. RFC 3261 §18.1.1 */
export const DATAGRAM_MAX_BYTES = 1300;
/**
 * The usual length of an INVITE by UDP, octets; it leaves out what it can rather than be longer. Proxies on the way add
 * to it, and tunnels and some links carry less than Ethernet.
 */
export const DATAGRAM_USUAL_BYTES = 1000;

export function writeRequestLine(
  w: Writer,
  method: number,
  uriBytes: Uint8Array,
  uriStart: number,
  uriEnd: number,
): void {
  w.put(METHOD_NAMES[method]);
  writeUriOfLine(w, uriBytes, uriStart, uriEnd);
}

/** Writes the rest of the first line after the method. */
export function writeUriOfLine(w: Writer, uriBytes: Uint8Array, uriStart: number, uriEnd: number): void {
  w.octet(0x20);
  w.copy(uriBytes, uriStart, uriEnd);
  w.put(REQUEST_VERSION);
}

/** Writes our Via, as for UDP; `stampVia` corrects it when the transport is known. */
export function writeVia(w: Writer, transport: Transport, branchHigh: number, branchLow: number): void {
  w.put(VIA_START);
  w.put(VIA_UDP);
  w.ip(transport.localIp);
  w.octet(0x3a);
  w.uint(transport.udpPort);
  w.put(COOKIE);
  w.hex(branchHigh, 8);
  w.hex(branchLow, 8);
  w.put(RPORT);
}

/**
 * Writes into the Via of `writeVia` by which transport the request goes, and our port there.
 * @returns the new end, 0 when there is no room
 */
export function stampVia(bytes: Uint8Array, end: number, kind: number, transport: Transport): number {
  const at = bytes.indexOf(10) + 1 + VIA_START.length;
  bytes.set(NAMES[kind], at);
  const portStart = bytes.indexOf(0x3a, at) + 1;
  const portEnd = bytes.indexOf(0x3b, portStart);
  const port = transport.ownPort(kind);
  let digits = 1;
  for (let rest = port; rest >= 10; rest = (rest / 10) | 0) digits += 1;
  const shift = portStart + digits - portEnd;
  if (end + shift > bytes.length) return 0;
  if (shift !== 0) bytes.copyWithin(portEnd + shift, portEnd, end);
  for (let i = portStart + digits - 1, rest = port; i >= portStart; i--, rest = (rest / 10) | 0)
    bytes[i] = 0x30 + (rest % 10);
  return end + shift;
}

/**
 * Writes the ACK (§17.1.1.3) or the CANCEL (§9.1) that belongs to an INVITE, with what it shares with it: Request-URI,
 * topmost Via, Route, Max-Forwards, From, Call-ID, CSeq number.
 * @param invite a Writer wrote it, so each of these fields is a line with its usual name @param named the response that
 * has the To; null: that of the INVITE @param more whole header lines of its own
 */
export function writeOfInvite(
  w: Writer,
  method: number,
  invite: Uint8Array,
  named: Message | null,
  more: Uint8Array = NONE,
): void {
  const via = invite.indexOf(LF) + 1;
  let line = invite.indexOf(LF, via) + 1;
  w.put(METHOD_NAMES[method]);
  w.raw(invite, invite.indexOf(SPACE), line);
  for (let next = line; next > 0 && invite[line] !== CR; line = next) {
    next = invite.indexOf(LF, line) + 1;
    if (isNamed(invite, line, CSEQ)) {
      w.raw(invite, line, invite.indexOf(SPACE, line + CSEQ.length) + 1);
      w.put(METHOD_NAMES[method]);
      w.crlf();
    } else if (named !== null && isNamed(invite, line, TO)) writeTo(w, invite, line, next - 2, named);
    else if (
      isNamed(invite, line, ROUTE) ||
      isNamed(invite, line, MAX_FORWARDS) ||
      isNamed(invite, line, FROM) ||
      isNamed(invite, line, TO) ||
      isNamed(invite, line, CALL_ID)
    )
      w.raw(invite, line, next);
  }
  w.put(more);
  w.put(EMPTY_BODY);
}

/**
 * Writes the To of the response. If it is malformed, it is not sent on: then it is the INVITE's, with the tag found.
 */
function writeTo(w: Writer, invite: Uint8Array, start: number, end: number, named: Message): void {
  if ((named.unfit & TO_BIT) === 0) {
    w.put(TO);
    w.copy(named.bytes, named.toStart, named.toEnd);
  } else {
    w.raw(invite, start, end);
    if (named.toTagEnd > named.toTagStart && !hasTag(invite, start, end)) {
      w.put(TAG);
      w.copy(named.bytes, named.toTagStart, named.toTagEnd);
    }
  }
  w.crlf();
}

/** Returns whether the line of an address has a tag. */
function hasTag(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = Math.max(start, bytes.lastIndexOf(GREATER, end - 1)); i < end; i++) {
    if (bytes[i] !== SEMICOLON) continue;
    const at = skipSpace(bytes, i + 1, end);
    if (equalNoCase(bytes, at, at + TAG.length - 1, TAG, 1, TAG.length)) return true;
  }
  return false;
}

/** @returns the number in CSeq of a request that a Writer wrote, `bytes[0, end)`; -1 when there is none */
export function readCSeq(bytes: Uint8Array, end: number): number {
  let line = bytes.indexOf(LF) + 1;
  while (line > 0 && line < end && bytes[line] !== CR && !isNamed(bytes, line, CSEQ))
    line = bytes.indexOf(LF, line) + 1;
  if (line >= end || !isNamed(bytes, line, CSEQ)) return -1;
  let value = 0;
  for (let at = line + CSEQ.length; bytes[at] !== SPACE; at++) {
    if (bytes[at] < ZERO || bytes[at] > NINE || value > UINT32_MOST) return -1;
    value = value * 10 + bytes[at] - ZERO;
  }
  return value <= UINT32_MOST ? value : -1;
}

/** Returns whether the line has that name, which is given with the colon and blank behind it. */
function isNamed(bytes: Uint8Array, line: number, name: Uint8Array): boolean {
  return bytes[line] === name[0] && equal(bytes, line, line + name.length, name, 0, name.length);
}

/** Whether a request of that length should go by TCP: by UDP it might get lost. RFC 3261 §18.1.1 */
export function isTooLong(target: Target, end: number): boolean {
  return target.transport === TRANSPORT_UDP && end > DATAGRAM_MAX_BYTES && !target.isFixed;
}

/**
 * Sends a request that no transaction repeats, `bytes[0, end)` with the Via of `writeVia`, to a target whose address is
 * known.
 * @param flow set to the way it went @returns its length, which the Via may change; 0 when there is no room for it
 */
export function sendOnce(transport: Transport, flow: Flow, target: Target, bytes: Uint8Array, end: number): number {
  transport.take(flow, target);
  const isUpgraded = isTooLong(target, end) && transport.triesStream(flow);
  if (isUpgraded) flow.transport = TRANSPORT_TCP;
  const length = stampVia(bytes, end, flow.transport, transport);
  if (length === 0 || transport.send(flow, bytes, 0, length) || !isUpgraded) return length;
  return sendByDatagram(transport, flow, bytes, length);
}

/** Sends a request by UDP that was to go by TCP. @param flow set to the way it goes @returns as `sendOnce` */
export function sendByDatagram(transport: Transport, flow: Flow, bytes: Uint8Array, end: number): number {
  flow.set(TRANSPORT_UDP, flow.ip, flow.port, -1);
  const length = stampVia(bytes, end, TRANSPORT_UDP, transport);
  if (length > 0) transport.send(flow, bytes, 0, length);
  return length;
}
