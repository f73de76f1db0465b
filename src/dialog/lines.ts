/** Header lines that Portero always writes the same way: what it can do. */
import { octets } from "../core/bytes.js";

export const ALLOW = octets("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, SUBSCRIBE\r\n");
export const SUPPORTED = octets("Supported: 100rel, timer\r\n");
export const ACCEPT = octets("Accept: application/sdp, application/dtmf-relay, application/dtmf, text/plain\r\n");
export const USER_AGENT = octets("User-Agent: Portero\r\n");
export const SDP_BODY = octets("Content-Type: application/sdp\r\nContent-Length: ");
export const END = octets("\r\n\r\n");
