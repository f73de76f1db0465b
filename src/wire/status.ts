/**
 * Reason phrases: the text behind the status code in a status line, as RFC 3261 §21 and its extensions spell them.
 * People and logs read them; no program may depend on them.
 * Not here: what a status means to a caller.
 */
import { octets } from "../core/bytes.js";

const PHRASES: ReadonlyMap<number, Uint8Array> = new Map([
  [100, octets("Trying")],
  [180, octets("Ringing")],
  [181, octets("Call Is Being Forwarded")],
  [182, octets("Queued")],
  [183, octets("Session Progress")],
  [199, octets("Early Dialog Terminated")],
  [200, octets("OK")],
  [202, octets("Accepted")],
  [204, octets("No Notification")],
  [300, octets("Multiple Choices")],
  [301, octets("Moved Permanently")],
  [302, octets("Moved Temporarily")],
  [305, octets("Use Proxy")],
  [380, octets("Alternative Service")],
  [400, octets("Bad Request")],
  [401, octets("Unauthorized")],
  [402, octets("Payment Required")],
  [403, octets("Forbidden")],
  [404, octets("Not Found")],
  [405, octets("Method Not Allowed")],
  [406, octets("Not Acceptable")],
  [407, octets("Proxy Authentication Required")],
  [408, octets("Request Timeout")],
  [410, octets("Gone")],
  [412, octets("Conditional Request Failed")],
  [413, octets("Request Entity Too Large")],
  [414, octets("Request-URI Too Long")],
  [415, octets("Unsupported Media Type")],
  [416, octets("Unsupported URI Scheme")],
  [420, octets("Bad Extension")],
  [421, octets("Extension Required")],
  [422, octets("Session Interval Too Small")],
  [423, octets("Interval Too Brief")],
  [430, octets("Flow Failed")],
  [439, octets("First Hop Lacks Outbound Support")],
  [440, octets("Max-Breadth Exceeded")],
  [469, octets("Bad Info Package")],
  [480, octets("Temporarily Unavailable")],
  [481, octets("Call/Transaction Does Not Exist")],
  [482, octets("Loop Detected")],
  [483, octets("Too Many Hops")],
  [484, octets("Address Incomplete")],
  [485, octets("Ambiguous")],
  [486, octets("Busy Here")],
  [487, octets("Request Terminated")],
  [488, octets("Not Acceptable Here")],
  [489, octets("Bad Event")],
  [491, octets("Request Pending")],
  [493, octets("Undecipherable")],
  [494, octets("Security Agreement Required")],
  [500, octets("Server Internal Error")],
  [501, octets("Not Implemented")],
  [502, octets("Bad Gateway")],
  [503, octets("Service Unavailable")],
  [504, octets("Server Time-out")],
  [505, octets("Version Not Supported")],
  [513, octets("Message Too Large")],
  [580, octets("Precondition Failure")],
  [600, octets("Busy Everywhere")],
  [603, octets("Decline")],
  [604, octets("Does Not Exist Anywhere")],
  [606, octets("Not Acceptable")],
  [607, octets("Unwanted")],
  [608, octets("Rejected")],
]);

/** Phrases by the first digit, for a status without a phrase of its own. RFC 3261 §7.2 */
const CLASSES: readonly Uint8Array[] = [
  octets("Unknown"),
  octets("Progress"),
  octets("Success"),
  octets("Redirection"),
  octets("Client Error"),
  octets("Server Error"),
  octets("Global Failure"),
];

/**
 * @param status 100 to 699
 * @returns its phrase, a constant that must not be written to; that of its class when it has none
 */
export function reasonPhrase(status: number): Uint8Array {
  const phrase = PHRASES.get(status);
  if (phrase !== undefined) return phrase;
  return CLASSES[status >= 100 && status < 700 ? (status / 100) | 0 : 0];
}
