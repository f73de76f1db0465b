/**
 * The ACK and the BYE for a 2xx whose dialog cannot be kept, because its routes or its Contact do not fit or no dialog
 * is free: both are written from the response itself, so that the one who answered does not talk to an empty line. RFC
 * 3261 §12.1.2, §13.2.2.4, §15.1.1
 * Not here: when that is so, and by which transaction they go (session.ts).
 */

import type { Span } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { CALL_ID, CSEQ, FROM, MAX_FORWARDS_70, ROUTE, TO } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_RECORD_ROUTE, METHOD_NAMES } from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_TEL, Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { Dialog, isRoute } from "./dialog.js";

// For the time of one call only.
const address = new NameAddress();
const list = new ValueList();
const target = new Uri();
/** The next hop of what was begun last, until the next call. */
const hop = new Uri();

/** The way that requests in the dialog of a 2xx go. */
export class Way {
  /** The next hop: a view of the response's octets. */
  readonly hop = hop;
  /** The first hop wants the Request-URI for itself. RFC 3261 §12.2.1.1 */
  private isStrict = false;
  private routes = 0;

  /**
   * Reads it from the response `m`, which has to stay until all is written.
   * @param isRouted by its Record-Route, else straight to its Contact @param uri is set to the Request-URI
   * @returns false when it names no one that can be called
   */
  readFrom(m: Message, isRouted: boolean, uri: Span): boolean {
    this.routes = 0;
    this.isStrict = false;
    if (!readTarget(m)) return false;
    uri.set(m.bytes, target.start, target.end);
    hop.parse(m.bytes, target.start, target.end);
    if (!isRouted) return true;
    list.beginField(m, HEADER_RECORD_ROUTE);
    while (nextRoute()) {
      this.routes += 1;
      // The last one is the first to be visited.
      address.parseWithUri(list.bytes, list.start, list.end, hop);
    }
    if (this.routes === 0) return true;
    this.isStrict = !hop.isLoose();
    if (this.isStrict) uri.set(hop.bytes, hop.start, hop.end);
    return true;
  }

  /**
   * Writes all from Max-Forwards to CSeq.
   * @param draft of the request that was answered: what is odd in the response is that one's
   */
  writeHead(w: Writer, m: Message, draft: Dialog | null, method: number, cseq: number): void {
    w.put(MAX_FORWARDS_70);
    if (this.routes > 0) this.writeRoutes(w, m);
    if (draft !== null && Dialog.isUnfit(m)) draft.writeParties(w, m);
    else {
      w.put(FROM);
      w.copy(m.bytes, m.fromStart, m.fromEnd);
      w.crlf();
      w.put(TO);
      w.copy(m.bytes, m.toStart, m.toEnd);
      w.crlf();
      w.put(CALL_ID);
      w.copy(m.bytes, m.callIdStart, m.callIdEnd);
      w.crlf();
    }
    w.put(CSEQ);
    w.uint(cseq);
    w.octet(0x20);
    w.put(METHOD_NAMES[method]);
    w.crlf();
  }

  private writeRoutes(w: Writer, m: Message): void {
    w.put(ROUTE);
    const last = this.isStrict ? this.routes - 2 : this.routes - 1;
    for (let wanted = last; wanted >= 0; wanted--) {
      list.beginField(m, HEADER_RECORD_ROUTE);
      for (let i = 0; i <= wanted; i++) nextRoute();
      if (wanted < last) w.octet(0x2c);
      w.copy(list.bytes, list.start, list.end);
    }
    if (this.isStrict && readTarget(m)) {
      if (last >= 0) w.octet(0x2c);
      w.octet(0x3c);
      w.copy(m.bytes, target.start, target.end);
      w.octet(0x3e);
    }
    w.crlf();
  }
}

/** Steps `list` to the next entry that is one to go by. */
function nextRoute(): boolean {
  while (list.next()) if (isRoute(list)) return true;
  return false;
}

/** Reads the first Contact of `m` that can be called, or without one whom To names, into `target`. */
function readTarget(m: Message): boolean {
  if (!m.has(HEADER_CONTACT)) return readCallable(m.bytes, m.toStart, m.toEnd);
  list.beginField(m, HEADER_CONTACT);
  while (list.next()) if (readCallable(list.bytes, list.start, list.end)) return true;
  return false;
}

/** Reads an address and its URI into `target`. @returns whether it can be called */
function readCallable(bytes: Uint8Array, start: number, end: number): boolean {
  if (!address.parseWithUri(bytes, start, end, target)) return false;
  return target.scheme !== SCHEME_OTHER && target.scheme !== SCHEME_TEL;
}
