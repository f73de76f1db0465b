/**
 * Refusals that all server roles make in the same way (RFC 3261 §8.2, §21.5.4), with a transaction and without.
 * Not here: when to refuse.
 */

import { equalNoCase, NONE, octets } from "../core/bytes.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_REQUIRE } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { Flow } from "./flow.js";
import type { TransactionLayer } from "./layer.js";
import type { ServerTransaction } from "./server.js";

const UNSUPPORTED = octets("Unsupported: ");

// Scratch, used within one call.
const list = new ValueList();
const from = new Flow();

/**
 * Begins a refusal without a transaction: one message out for the one that came, whatever its source address (RFC 3261
 * §26.3.2.4). The transaction is over with that. The caller goes on with the writer, and calls `layer.sendAnswer`
 * before anything else.
 */
export function beginRefusal(
  layer: TransactionLayer,
  t: ServerTransaction,
  m: Message,
  status: number,
  reason: Uint8Array = NONE,
): Writer {
  from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
  t.drop();
  return layer.answer(m, from, status, reason);
}

/**
 * Begins the refusal of a request that may belong to a dialog. Within a dialog the transaction stays, for a repetition
 * gets the same answer. Outside of one, the sender has not shown yet that it is where it says, so no transaction stays.
 * `sendRefusal` sends it.
 */
export function beginRefusalInside(
  layer: TransactionLayer,
  t: ServerTransaction,
  m: Message,
  status: number,
  reason: Uint8Array = NONE,
): Writer {
  return t.hasToTag ? t.respond(status, reason) : beginRefusal(layer, t, m, status, reason);
}

/** Ends the head that `beginRefusalInside` began, and sends the refusal. */
export function sendRefusal(layer: TransactionLayer, t: ServerTransaction, w: Writer): void {
  w.put(EMPTY_BODY);
  if (t.hasToTag) t.sendResponse();
  else layer.sendAnswer();
}

/**
 * Refuses a request without a transaction, as `beginRefusal`.
 * @param line a header line of the program's own, with its end; NONE for none
 */
export function refuse(
  layer: TransactionLayer,
  t: ServerTransaction,
  m: Message,
  status: number,
  line: Uint8Array = NONE,
): void {
  const w = beginRefusal(layer, t, m, status);
  w.put(line);
  w.put(EMPTY_BODY);
  layer.sendAnswer();
}

/** Answers with one more header line than every response has. @param line of the program's own, with its end */
export function replyWith(t: ServerTransaction, status: number, line: Uint8Array): void {
  const w = t.respond(status);
  w.put(line);
  w.put(EMPTY_BODY);
  t.sendResponse();
}

/** Answers 503 with Retry-After. RFC 3261 §21.5.4 */
export function refuseForNow(t: ServerTransaction): void {
  replyWith(t, 503, RETRY_SOON);
}

/**
 * Refuses a request that requires unknown option tags: 420, with each of them in a field. RFC 3261 §8.2.2.3
 * @param known option tags @returns false when it requires none, and was not answered
 */
export function refuseRequired(t: ServerTransaction, m: Message, known: readonly Uint8Array[]): boolean {
  if (!isBeyond(m, HEADER_REQUIRE, known)) return false;
  const w = t.respond(420);
  writeUnsupported(w, m, HEADER_REQUIRE, known);
  w.put(EMPTY_BODY);
  t.sendResponse();
  return true;
}

/** Whether the field (HEADER_REQUIRE, or for a proxy HEADER_PROXY_REQUIRE) has an option tag that is not known. */
export function isBeyond(m: Message, field: number, known: readonly Uint8Array[]): boolean {
  list.beginField(m, field);
  while (list.next()) if (!isOf(known)) return true;
  return false;
}

/** Writes an Unsupported field for each unknown option tag. RFC 3261 §20.40 */
export function writeUnsupported(w: Writer, m: Message, field: number, known: readonly Uint8Array[]): void {
  list.beginField(m, field);
  while (list.next()) {
    if (isOf(known)) continue;
    w.put(UNSUPPORTED);
    w.copy(list.bytes, list.start, list.end);
    w.crlf();
  }
}

/** Whether the element that `list` stands at is one of them. */
function isOf(known: readonly Uint8Array[]): boolean {
  for (let i = 0; i < known.length; i++)
    if (equalNoCase(list.bytes, list.start, list.end, known[i], 0, known[i].length)) return true;
  return false;
}
