/**
 * Copies messages that are passed on: a response without its topmost Via (RFC 3261 §16.7), and the fields of requests
 * and responses, octet for octet.
 * Not here: what a proxy changes in a request (src/server/forward.ts), and where a response goes.
 */

import { NONE } from "../core/bytes.js";
import { skipSpace } from "../wire/lex.js";
import { CONTENT_LENGTH, SIP_VERSION, VIA } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CONTENT_LENGTH,
  HEADER_CSEQ,
  HEADER_MAX_FORWARDS,
  HEADER_P_ASSERTED_IDENTITY,
  HEADER_P_PREFERRED_IDENTITY,
  HEADER_PROXY_AUTHENTICATE,
  HEADER_RECORD_ROUTE,
  HEADER_REMOTE_PARTY_ID,
  HEADER_VIA,
  HEADER_WWW_AUTHENTICATE,
} from "../wire/names.js";
import { PROBLEM_NONE } from "../wire/problems.js";
import { reasonPhrase } from "../wire/status.js";
import type { Writer } from "../wire/writer.js";
import { HEAD_VIAS, type ResponseHead } from "./head.js";

const TAB = 9;
const SPACE = 0x20;
const COMMA = 0x2c;

/** Changes fields of responses that are passed on. */
export interface RelayedRows {
  /** Reads the response whose rows `writeRow` is asked for from now on. */
  readEntries(m: Message): void;
  /**
   * Writes a changed field in place of that row; rows are asked for in order.
   * @returns false: the row goes on unchanged
   */
  writeRow(w: Writer, m: Message, row: number): boolean;
}

/**
 * Writes the response `m` as it goes back: all but its topmost Via and its claims of an identity, and with a
 * Content-Length. Fields with control characters are left out, and the fields that the response should have copied are
 * taken from the request. RFC 3261 §16.7 steps 3 and 8, RFC 3325 §5
 * @param challenges whole header lines that replace the challenges of `m`, `challenges[0, challengesEnd)`; 0: its own
 * stay
 * @param rows changes fields; null: no field is changed
 * @param head of the request that it answers, in `headBytes`; null: none is known, and the Vias below ours are the
 * response's
 */
export function writeRelayed(
  w: Writer,
  m: Message,
  challenges: Uint8Array,
  challengesEnd: number,
  rows: RelayedRows | null,
  head: ResponseHead | null = null,
  headBytes: Uint8Array = NONE,
): void {
  const isOdd = m.problem !== PROBLEM_NONE || m.unfit !== 0;
  rows?.readEntries(m);
  w.put(SIP_VERSION);
  w.uint(m.status);
  w.octet(0x20);
  if (isOdd && hasControl(m.bytes, m.reasonStart, m.reasonEnd)) w.put(reasonPhrase(m.status));
  else w.copy(m.bytes, m.reasonStart, m.reasonEnd);
  w.crlf();
  if (head !== null) {
    w.raw(headBytes, head.startOf(HEAD_VIAS), head.endOf(HEAD_VIAS));
    head.writePartiesAgain(w, headBytes, m);
  }
  const first = m.first(HEADER_VIA);
  let changes = rows;
  for (let row = 0; row < m.rows; row++) {
    const id = m.id(row);
    if (id === HEADER_CONTENT_LENGTH || id === HEADER_MAX_FORWARDS || isIdentity(id)) continue;
    if (head !== null && id >= HEADER_VIA && id <= HEADER_CSEQ) continue;
    if (isOdd && hasControl(m.bytes, m.valueStart(row), m.valueEnd(row))) {
      // `rows` counts the entries of Record-Route, so after one is left out the rest goes on unchanged.
      if (id === HEADER_RECORD_ROUTE) changes = null;
      continue;
    }
    if (row === first) writeViasBelow(w, m, row);
    else if (changes?.writeRow(w, m, row)) continue;
    else if (challengesEnd === 0 || !isChallenge(id)) copyRow(w, m, row);
  }
  w.raw(challenges, 0, challengesEnd);
  writeBody(w, m);
}

/** Whether there is a control octet other than those of white space and line folding. */
function hasControl(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const octet = bytes[i];
    if (octet >= SPACE || octet === TAB) continue;
    const next = skipSpace(bytes, i, end);
    if (next === i) return true;
    i = next - 1;
  }
  return false;
}

/** Copies the challenges of `m`, which go back together with those of other branches. RFC 3261 §16.7 step 7 */
export function writeChallengesOf(w: Writer, m: Message): void {
  for (let row = 0; row < m.rows; row++) if (isChallenge(m.id(row))) copyRow(w, m, row);
}

/** Copies a field with its name. */
export function copyRow(w: Writer, m: Message, row: number): void {
  w.copy(m.bytes, m.nameStart(row), m.valueEnd(row));
  w.crlf();
}

/** Writes Content-Length, the blank line, and the body of `m`. */
export function writeBody(w: Writer, m: Message): void {
  w.put(CONTENT_LENGTH);
  w.uint(m.bodyEnd - m.bodyStart);
  w.crlf();
  w.crlf();
  w.raw(m.bytes, m.bodyStart, m.bodyEnd);
}

/** Writes the rest of the first Via field. */
function writeViasBelow(w: Writer, m: Message, row: number): void {
  const end = m.valueEnd(row);
  let at = skipSpace(m.bytes, m.viaEnd, end);
  if (at >= end || m.bytes[at] !== COMMA) return;
  at = skipSpace(m.bytes, at + 1, end);
  w.put(VIA);
  w.copy(m.bytes, at, end);
  w.crlf();
}

/**
 * Whether a field claims who sent a message. Only a server that has authenticated the sender may write it. RFC 3325 §5
 */
export function isIdentity(id: number): boolean {
  return id === HEADER_P_ASSERTED_IDENTITY || id === HEADER_P_PREFERRED_IDENTITY || id === HEADER_REMOTE_PARTY_ID;
}

function isChallenge(id: number): boolean {
  return id === HEADER_WWW_AUTHENTICATE || id === HEADER_PROXY_AUTHENTICATE;
}
