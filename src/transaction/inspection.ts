/**
 * The checks that every server makes first, in the order of RFC 3261 §8.2, and for a proxy before it forwards, §16.3:
 * the method, the Request-URI and its scheme, Max-Forwards, whether the request was here before, and what it requires.
 * The check of the body comes after that of the sender. A table of rules says what each server takes.
 * Not here: the check of the sender (admission.ts, callers.ts), and what requests mean.
 */
import { equalNoCase, NONE, octets, Span } from "../core/bytes.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTENT_DISPOSITION, HEADER_OTHER, METHOD_OTHER, TRANSPORT_TLS } from "../wire/names.js";
import { param } from "../wire/params.js";
import { PROBLEM_URI, problemText } from "../wire/problems.js";
import { SCHEME_OTHER, SCHEME_SIPS, type Uri } from "../wire/uri.js";
import { MAX_FORWARDS_BAD } from "../wire/values.js";
import type { Writer } from "../wire/writer.js";
import type { Flow } from "./flow.js";
import { isBeyond, writeUnsupported } from "./refusal.js";

export interface Rules {
  /** The methods that are taken, one bit for each METHOD_*. */
  methods: number;
  /** The same methods as an Allow line. */
  allow: Uint8Array;
  /**
   * The field whose option tags have to be known (HEADER_REQUIRE, for a proxy HEADER_PROXY_REQUIRE), and the known
   * tags.
   */
  requires: number;
  options: readonly Uint8Array[];
  /** The server forwards, so it refuses a request whose Max-Forwards is used up. */
  isForwarding: boolean;
}

const OPTIONAL = octets("optional");
const HANDLING = octets("handling");
/** The fields of a 415 from a server that reads no body. */
export const ACCEPT_NOTHING = octets("Accept: \r\nAccept-Encoding: identity\r\n");

// Scratch, used within one call.
const value = new Span();

/** All methods, unknown ones too. */
export const ALL_METHODS = -1;

/** @returns the bits of these methods */
export function methodBits(methods: readonly number[]): number {
  let bits = 0;
  for (let i = 0; i < methods.length; i++) bits |= 1 << methods[i];
  return bits;
}

/**
 * Checks a request.
 * @param uri its Request-URI as it is meant, null when that cannot be read
 * @param source where it came from
 * @param wasHere it came by two ways (RFC 3261 §8.2.2.2), or in a circle (§16.3)
 * @returns 0, or the status that refuses it
 */
export function inspect(rules: Rules, m: Message, uri: Uri | null, source: Flow, wasHere: boolean): number {
  if ((rules.methods & (1 << m.method)) === 0) return m.method === METHOD_OTHER ? 501 : 405;
  if (uri === null) return 400;
  if (uri.scheme === SCHEME_OTHER) return 416;
  // What others could read on its way to us was not sent as sips wants it. RFC 3261 §26.2.2
  if (uri.scheme === SCHEME_SIPS && source.transport !== TRANSPORT_TLS) return 416;
  if (uri.headersEnd > uri.headersStart) return 400;
  if (rules.isForwarding && m.maxForwards === MAX_FORWARDS_BAD) return 400;
  if (rules.isForwarding && m.maxForwards === 0) return 483;
  if (wasHere) return 482;
  return isBeyond(m, rules.requires, rules.options) ? 420 : 0;
}

/** Whether a server that reads no body has to refuse the body of `m`: 415. RFC 3261 §8.2.3 */
export function hasNeedlessBody(m: Message): boolean {
  if (m.bodyEnd <= m.bodyStart) return false;
  if (!m.value(HEADER_CONTENT_DISPOSITION, value)) return true;
  if (!param(value.bytes, value.start, value.end, HANDLING, value)) return true;
  return !equalNoCase(value.bytes, value.start, value.end, OPTIONAL, 0, OPTIONAL.length);
}

/** @returns the reason phrase of that refusal, NONE for the usual one */
export function reasonOfRefusal(status: number): Uint8Array {
  return status === 400 ? problemText(PROBLEM_URI, HEADER_OTHER) : NONE;
}

/** Writes the fields that the refusal with that status has of its own. RFC 3261 §8.2.1, §8.2.2.3, §8.2.3 */
export function writeRefusal(w: Writer, rules: Rules, m: Message, status: number): void {
  if (status === 405 || status === 501) w.put(rules.allow);
  else if (status === 420) writeUnsupported(w, m, rules.requires, rules.options);
  else if (status === 415) w.put(ACCEPT_NOTHING);
}
