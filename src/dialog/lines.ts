/** Header lines that Portero always writes the same way: what it can do. */
import { octets } from "../core/bytes.js";

const METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, SUBSCRIBE\r\n";
export const ALLOW = octets("Allow: " + METHODS);
/** The same where each octet counts: in calls. RFC 3261 §18.1.1 */
export const ALLOW_SHORT = octets("Allow: " + METHODS.split(", ").join(","));
export const SUPPORTED = octets("Supported: 100rel, timer\r\n");
/** What any request may carry, and what each of three methods may. RFC 3261 §21.4.13 */
export const ACCEPT = octets("Accept: application/sdp, application/dtmf-relay, application/dtmf, text/plain\r\n");
export const ACCEPT_SDP = octets("Accept: application/sdp\r\n");
export const ACCEPT_DIGITS = octets("Accept: application/dtmf-relay, application/dtmf, audio/telephone-event\r\n");
export const ACCEPT_TEXT = octets("Accept: text/plain\r\n");
export const USER_AGENT = octets("User-Agent: Portero\r\n");
export const SDP_BODY = octets("Content-Type: application/sdp\r\nContent-Length: ");
export const END = octets("\r\n\r\n");
