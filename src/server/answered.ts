/**
 * Rewrites Record-Route in responses on their way back through a proxy that stays on the way (RFC 3261 §16.7). Our
 * entry gets the caller's token in place of the called side's: the response says which host the caller may reach,
 * namely the proxy above us or the host in the Contact of the answering side. Nothing is kept.
 * Not here: the tokens themselves (routetoken.ts).
 */
import { Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import type { RelayedRows } from "../transaction/relay.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_RECORD_ROUTE } from "../wire/names.js";
import { SCHEME_OTHER, Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { Domains } from "./domains.js";
import { FORM_AGAIN, FORM_ANSWERED, HOST_NONE, RouteToken, type RouteTokens, TokenText } from "./routetoken.js";

const NOT_FOUND = -1;
const LESS = 0x3c;
const GREATER = 0x3e;

export class AnsweredRoutes implements RelayedRows {
  private readonly domains: Domains;
  private readonly routeTokens: RouteTokens;
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly user = new Span();
  private readonly nowhere = new Flow();
  private readonly token = new RouteToken();
  /** The token that our entries get. */
  private readonly callers = new TokenText();
  // What `readEntries` finds in a response, for `writeRow`.
  /** Positions of our entries in Record-Route: one entry, or two with the same token. */
  private first = NOT_FOUND;
  private last = NOT_FOUND;
  /** Number of entries in the rows that were written. */
  private passed = 0;
  /** Host in the Contact of the answering side if that changed within the dialog, else HOST_NONE. */
  private movedTo = HOST_NONE;

  constructor(domains: Domains, routeTokens: RouteTokens) {
    this.domains = domains;
    this.routeTokens = routeTokens;
  }

  readEntries(m: Message): void {
    const { list, user, routeTokens, token } = this;
    this.first = this.last = NOT_FOUND;
    this.passed = 0;
    this.movedTo = HOST_NONE;
    let above = HOST_NONE;
    let callee = HOST_NONE;
    let start = 0;
    let size = 0;
    list.beginField(m, HEADER_RECORD_ROUTE);
    for (let i = 0; list.next(); i++) {
      const isRead = this.readEntry();
      if (this.first === NOT_FOUND) {
        if (isRead && this.isOurs() && routeTokens.readToken(m, user, token) && token.form !== FORM_ANSWERED) {
          this.first = this.last = i;
          callee = i > 0 ? above : this.contactHost(m);
          // Without a Contact the host is the one that the request went to.
          if (callee === HOST_NONE) callee = token.ownHost;
          start = user.start;
          size = user.size();
        } else above = isRead ? routeTokens.hostOf(this.uri) : HOST_NONE;
      } else if (i === this.last + 1 && isRead && this.isSame(m, start, size)) this.last = i;
      else break;
    }
    if (this.first === NOT_FOUND) return;
    if (token.form === FORM_AGAIN && this.first === 0 && callee !== HOST_NONE && callee !== token.ownHost)
      this.movedTo = callee;
    user.set(m.bytes, start, start + size);
    routeTokens.writeAnswered(m, user, m.toTagEnd > m.toTagStart ? callee : HOST_NONE, this.callers);
  }

  writeRow(w: Writer, m: Message, row: number): boolean {
    if (this.first === NOT_FOUND) return false;
    if (m.id(row) === HEADER_CONTACT && this.movedTo !== HOST_NONE && row === m.first(HEADER_CONTACT))
      return writeMovedContact(w, m, row, this.routeTokens, m.toTagStart, m.toTagEnd, this.movedTo, this.nowhere);
    return m.id(row) === HEADER_RECORD_ROUTE && this.writeRoutes(w, m, row);
  }

  private writeRoutes(w: Writer, m: Message, row: number): boolean {
    const { list, user, callers } = this;
    list.beginSpan(m.bytes, m.valueStart(row), m.valueEnd(row));
    let copied = m.nameStart(row);
    while (list.next()) {
      const at = this.passed++;
      if (at < this.first || at > this.last || !this.readEntry()) continue;
      w.copy(m.bytes, copied, user.start);
      w.raw(callers.bytes, 0, callers.size);
      copied = user.end;
    }
    w.copy(m.bytes, copied, m.valueEnd(row));
    w.crlf();
    return true;
  }

  /** Reads the entry that `list` stands at, and its user part. */
  private readEntry(): boolean {
    const { list, address, uri, user } = this;
    if (!address.parseWithUri(list.bytes, list.start, list.end, uri)) return false;
    user.set(uri.bytes, uri.userStart, uri.userEnd);
    return true;
  }

  private isOurs(): boolean {
    return this.user.size() > 0 && this.domains.domainOf(this.uri).length > 0;
  }

  private isSame(m: Message, start: number, size: number): boolean {
    const { user } = this;
    if (user.size() !== size || !this.isOurs()) return false;
    for (let i = 0; i < size; i++) if (user.bytes[user.start + i] !== m.bytes[start + i]) return false;
    return true;
  }

  private contactHost(m: Message): number {
    const { address, uri } = this;
    const row = m.first(HEADER_CONTACT);
    const isRead = row >= 0 && address.parseWithUri(m.bytes, m.valueStart(row), m.valueEnd(row), uri);
    return isRead ? this.routeTokens.hostOf(uri) : HOST_NONE;
  }
}

// Scratch, used within one call.
const address = new NameAddress();
const uri = new Uri();

/**
 * Writes the Contact in that row with the parameter that lets the other side follow to it (`RouteTokens.readMoved`). A
 * proxy changes no Contact otherwise (RFC 3261 §16.6), and this one only when a side moves to another host within a
 * dialog.
 * @param tagStart @param tagEnd in `m`, the tag of the side that moved
 * @param flow how that side is reached, of TRANSPORT_NONE when its Contact says it @returns false: nothing was written
 */
export function writeMovedContact(
  w: Writer,
  m: Message,
  row: number,
  routeTokens: RouteTokens,
  tagStart: number,
  tagEnd: number,
  host: number,
  flow: Flow,
): boolean {
  const { bytes } = m;
  const end = m.valueEnd(row);
  if (!address.parseWithUri(bytes, m.valueStart(row), end, uri) || uri.scheme === SCHEME_OTHER) return false;
  const isBare = address.uriStart === 0 || bytes[address.uriStart - 1] !== LESS;
  w.copy(bytes, m.nameStart(row), address.uriStart);
  if (isBare) w.octet(LESS);
  w.copy(bytes, address.uriStart, uri.paramsEnd);
  routeTokens.writeMoved(w, m, tagStart, tagEnd, host, flow);
  w.copy(bytes, uri.paramsEnd, address.uriEnd);
  if (isBare) w.octet(GREATER);
  w.copy(bytes, address.uriEnd, end);
  w.crlf();
  return true;
}
