/**
 * Puts what the user agent tells into words for a person: whom a call goes to, who calls, how it sounded, why it ended.
 * Not here: events (events.ts).
 */

import { Span, text } from "../core/bytes.js";
import { printable } from "../core/printable.js";
import { SUITE_NAMES, SUITE_NONE } from "../core/suites.js";
import {
  CAUSE_CANCELLED,
  CAUSE_DECLINED,
  CAUSE_EXPIRED,
  CAUSE_LOCAL,
  CAUSE_NETWORK,
  CAUSE_NO_ACK,
  CAUSE_NO_CODEC,
  CAUSE_NO_ROOM,
  CAUSE_REMOTE,
  CAUSE_TIMEOUT,
  CAUSE_TOO_LONG,
  CAUSE_UNKNOWN_NAME,
} from "../dialog/cause.js";
import type { MediaStream } from "../media/stream.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { CAUSE_NO_ANSWER, CAUSE_NO_SOUND, type Call } from "../ua/call.js";
import { BODY_FOUND, findText } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import type { EventFields } from "./events.js";

/** So many octets of a MESSAGE are read. */
const TEXT_READ_BYTES = 200;

// For the time of one call only.
const body = new Span();

/** The ways in which a digit comes, by DIGIT_*. */
export const DIGIT_WAYS: readonly string[] = ["", "rtp", "info", "inband"];

export function codecOf(call: Call): string {
  return call.session.negotiation.result.codec === 8 ? "PCMA" : "PCMU";
}

/** @returns the suite that the sound is encrypted by, as SDP names it; "none" when it goes in clear */
export function encryptionOf(media: MediaStream): string {
  return media.suite() === SUITE_NONE ? "none" : text(SUITE_NAMES[media.suite()]);
}

/**
 * @returns how the signalling of a call is protected on its way to the other side or its server: "none", "TLS", or
 * "TLS" with what that one was checked by
 */
export function signallingOf(layer: TransactionLayer, call: Call): string {
  const { isPrivate, connection } = call.session.negotiation;
  if (!isPrivate) return "none";
  const proof = layer.transport.proofOf(connection);
  return proof === "" ? "TLS" : "TLS+" + proof;
}

/** @returns whom a call of ours goes to, "" for one that came */
export function targetOf(call: Call): string {
  const draft = call.session.draft;
  return draft === null ? "" : printable(draft.target.toString());
}

export function callerOf(m: Message | null): string {
  return m === null ? "" : printable(text(m.bytes, m.fromStart, m.fromEnd));
}

/** @returns the value of a header field of `m`, "" when it has none */
export function fieldOf(m: Message | null, header: number): string {
  return m?.value(header, body) ? printable(body.toString()) : "";
}

/** @returns the text of a MESSAGE, its first TEXT_READ_BYTES octets */
export function textOf(m: Message): string {
  if (findText(m, body) !== BODY_FOUND) return "";
  return text(body.bytes, body.start, Math.min(body.end, body.start + TEXT_READ_BYTES));
}

/** @returns the figures of a call's sound */
export function soundOf(media: MediaStream): EventFields["audio"] {
  return {
    sent: media.sentPackets(),
    packets: media.receivedPackets(),
    lost: media.lostPackets(),
    late: media.latePackets(),
    jitter: media.jitterMs(),
  };
}

/** @returns status and reason phrase of a response, "" for a request */
export function reasonOf(m: Message): string {
  return m.isRequest ? "" : m.status + " " + printable(text(m.bytes, m.reasonStart, m.reasonEnd));
}

/** Says in words why a call ended. */
export function endReason(cause: number, status: number, m: Message | null): string {
  if (m !== null && !m.isRequest && status >= 300) return reasonOf(m);
  switch (cause) {
    case CAUSE_LOCAL:
      return "hung up here";
    case CAUSE_REMOTE:
      return "hung up there";
    case CAUSE_CANCELLED:
      return "given up by the caller";
    case CAUSE_DECLINED:
      return "refused here";
    case CAUSE_TIMEOUT:
      return "no response";
    case CAUSE_NETWORK:
      return "could not be sent";
    case CAUSE_UNKNOWN_NAME:
      return "name unknown";
    case CAUSE_NO_CODEC:
      return "no codec or encryption in common";
    case CAUSE_NO_ACK:
      return "answer was not acknowledged";
    case CAUSE_EXPIRED:
      return "session not refreshed";
    case CAUSE_NO_ROOM:
      return "no room";
    case CAUSE_TOO_LONG:
      return "request too long";
    case CAUSE_NO_ANSWER:
      return "no answer";
    case CAUSE_NO_SOUND:
      return "no sound came";
    default:
      return "";
  }
}
