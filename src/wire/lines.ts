/**
 * Octets of header lines that more than one writer puts into a message: names, whole lines, what stands around a URI.
 * Not here: what one writer alone puts, and which lines a message gets.
 */
import { NONE, octets } from "../core/bytes.js";
import { TRANSPORT_TCP, TRANSPORT_TLS } from "./names.js";

/** Begins a status line. */
export const SIP_VERSION = octets("SIP/2.0 ");
/** Octets of a status line besides the reason: version, three digits, spaces, CR and LF. */
export const STATUS_LINE_FIXED = 14;

// Names with the colon and blank behind them.
export const CALL_ID = octets("Call-ID: ");
export const CONTENT_LENGTH = octets("Content-Length: ");
export const CSEQ = octets("CSeq: ");
export const EXPIRES = octets("Expires: ");
export const FLOW_TIMER = octets("Flow-Timer: ");
export const FROM = octets("From: ");
export const MIN_EXPIRES = octets("Min-Expires: ");
export const RETRY_AFTER = octets("Retry-After: ");
export const ROUTE = octets("Route: ");
export const TO = octets("To: ");
export const VIA = octets("Via: ");

// Around a URI.
export const CONTACT_OPEN = octets("Contact: <");
export const URI_CLOSE = octets(">\r\n");
export const URI_EXPIRES = octets(">;expires=");
/** The option of RFC 5626, and its parameters of a Contact. */
export const OUTBOUND = octets("outbound");
export const REG_ID = octets(";reg-id=");
export const INSTANCE = octets(';+sip.instance="');
/** What a request to this URI wants: the flow of the one who wrote it. RFC 5626 §9 */
export const OB = octets(";ob");
const OVER_TCP = octets(";transport=tcp");
const OVER_TLS = octets(";transport=tls");
export const TAG = octets(";tag=");

/** In a challenge, behind what it must have. RFC 7616 §3.3 */
export const STALE = octets(", stale=true");

// Whole lines.
export const MAX_FORWARDS_70 = octets("Max-Forwards: 70\r\n");
/** We are short of room, which is over soon. RFC 3261 §21.5.4 */
export const RETRY_SOON = octets("Retry-After: 5\r\n");
export const SUPPORTED_PATH = octets("Supported: path\r\n");
export const SUPPORTED_OUTBOUND = octets("Supported: path, outbound\r\n");
/** In the CANCEL to a phone that rang beside the one that was answered. RFC 3326 §3.1 */
export const ANSWERED_ELSEWHERE = octets('Reason: SIP;cause=200;text="Call completed elsewhere"\r\n');
/** The subscription's time is over. RFC 6665 §4.1.3 */
export const SUBSCRIPTION_TIMEOUT = octets("Subscription-State: terminated;reason=timeout\r\n");

// At the end of the header.
export const CRLF = octets("\r\n");
/** Behind the length of a body. */
export const HEADER_END = octets("\r\n\r\n");
/** Of a message without a body. */
export const EMPTY_BODY = octets("Content-Length: 0\r\n\r\n");
export const SDP_BODY = octets("Content-Type: application/sdp\r\nContent-Length: ");

/** @returns what a SIP URI says of the transport by which it is reached; by UDP it says nothing. RFC 3261 §19.1.1 */
export function overTransport(transport: number): Uint8Array {
  if (transport === TRANSPORT_TCP) return OVER_TCP;
  return transport === TRANSPORT_TLS ? OVER_TLS : NONE;
}
