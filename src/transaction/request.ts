/**
 * Writes the parts of our requests that the transaction layer writes itself: the first line, our Via, and the whole of
 * the requests that belong to an INVITE (ACK for a response other than 2xx, CANCEL).
 * Not here: when they are sent (client.ts).
 */

import { NONE, octets } from "../core/bytes.js";
import { CSEQ, EMPTY_BODY, MAX_FORWARDS_70, TAG, TO, VIA } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CALL_ID,
  HEADER_FROM,
  HEADER_MAX_FORWARDS,
  HEADER_ROUTE,
  HEADER_TO,
  METHOD_NAMES,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
} from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import type { Flow, Target } from "./flow.js";
import { copyFields } from "./head.js";
import type { Transport } from "./transport.js";

const REQUEST_VERSION = octets(" SIP/2.0\r\n");
const VIA_START = octets("Via: SIP/2.0/");
const VIA_UDP = octets("UDP ");
const COOKIE = octets(";branch=z9hG4bK");
const RPORT = octets(";rport\r\n");
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
 * Writes the fields that an ACK (§17.1.1.3) or a CANCEL (§9.1) shares with its INVITE: topmost Via, Route,
 * Max-Forwards, From, Call-ID, CSeq number.
 * @param named has the To: the response, or the INVITE itself @param more whole header lines of its own
 */
export function writeSame(w: Writer, own: Message, method: number, named: Message, more: Uint8Array = NONE): void {
  w.put(VIA);
  w.copy(own.bytes, own.viaStart, own.viaEnd);
  w.crlf();
  copyFields(w, own, HEADER_ROUTE);
  if (own.has(HEADER_MAX_FORWARDS)) copyFields(w, own, HEADER_MAX_FORWARDS);
  else w.put(MAX_FORWARDS_70);
  copyFields(w, own, HEADER_FROM);
  w.put(TO);
  if ((named.unfit & TO_BIT) === 0) w.copy(named.bytes, named.toStart, named.toEnd);
  else {
    // A malformed To is not sent on: To is written as it should be, with the tag that was found.
    w.copy(own.bytes, own.toStart, own.toEnd);
    if (own.toTagEnd === own.toTagStart && named.toTagEnd > named.toTagStart) {
      w.put(TAG);
      w.copy(named.bytes, named.toTagStart, named.toTagEnd);
    }
  }
  w.crlf();
  copyFields(w, own, HEADER_CALL_ID);
  w.put(CSEQ);
  w.uint(own.cseq);
  w.octet(0x20);
  w.put(METHOD_NAMES[method]);
  w.crlf();
  w.put(more);
  w.put(EMPTY_BODY);
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
