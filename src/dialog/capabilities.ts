/**
 * Header lines of requests and answers that Portero always writes the same way: what it can do, and what ends the
 * header.
 */
import { octets } from "../core/bytes.js";

const METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, SUBSCRIBE";
const REFER = ", REFER";
export const ALLOW = octets("Allow: " + METHODS + "\r\n");
/** The same without spaces: in calls each octet counts. RFC 3261 §18.1.1 */
export const ALLOW_SHORT = octets("Allow: " + METHODS.split(", ").join(",") + "\r\n");
/** The same two lines, where calls may be moved. RFC 3515 */
export const ALLOW_REFER = octets("Allow: " + METHODS + REFER + "\r\n");
export const ALLOW_REFER_SHORT = octets("Allow: " + (METHODS + REFER).split(", ").join(",") + "\r\n");
export const SUPPORTED = octets("Supported: 100rel,timer,replaces\r\n");
/** The line that those get who ask. RFC 4488 */
export const SUPPORTED_ALL = octets("Supported: 100rel, timer, replaces, norefersub\r\n");
/** No body may come packed. RFC 3261 §20.2 */
const ENCODING = "Accept-Encoding: identity\r\n";
/** The bodies that any request may carry; below, those of three methods, which a 415 names. RFC 3261 §21.4.13 */
export const ACCEPT = octets("Accept: application/sdp, application/dtmf-relay, application/dtmf, text/plain\r\n");
export const ACCEPT_SDP = octets("Accept: application/sdp\r\n" + ENCODING);
export const ACCEPT_DIGITS = octets(
  "Accept: application/dtmf-relay, application/dtmf, audio/telephone-event\r\n" + ENCODING,
);
export const ACCEPT_TEXT = octets("Accept: text/plain\r\n" + ENCODING);
export const USER_AGENT = octets("User-Agent: Portero\r\n");
