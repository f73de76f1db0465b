/**
 * Writes a request as it is passed on: what a proxy has to add, to change and to take away, all else octet for octet. RFC 3261 §16.6
 * Not here: to whom it goes (proxy.ts), what it says of its way (routing.ts), and its Via (the transaction layer's).
 */

import { NONE, octets, Span } from "../core/bytes.js";
import { Flow, type Target } from "../transaction/flow.js";
import { ResponseHead } from "../transaction/head.js";
import { reasonOfRefusal } from "../transaction/inspection.js";
import { hasOneVia, type TransactionLayer } from "../transaction/layer.js";
import { copyRow, isIdentity, writeBody } from "../transaction/relay.js";
import { sendOnce, writeUriOfLine, writeVia } from "../transaction/request.js";
import { FIND_KNOWN } from "../transaction/resolver.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CONTACT,
  HEADER_CONTENT_LENGTH,
  HEADER_MAX_BREADTH,
  HEADER_MAX_FORWARDS,
  HEADER_PROXY_AUTHORIZATION,
  HEADER_RECORD_ROUTE,
  HEADER_ROUTE,
  HEADER_VIA,
  METHOD_INVITE,
  METHOD_NOTIFY,
  METHOD_REFER,
  METHOD_SUBSCRIBE,
  METHOD_UPDATE,
  TRANSPORT_NONE,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { Admission } from "./admission.js";
import { writeMovedContact } from "./answered.js";
import { BREADTH_DEFAULT, type Hop, isBehindNat } from "./hop.js";
import { FORM_AGAIN, FORM_ASKED, HOST_NONE, type RouteTokens } from "./routetoken.js";
import type { Routing } from "./routing.js";

const MAX_FORWARDS = octets("Max-Forwards: ");
const MAX_FORWARDS_DEFAULT = 70;
const MAX_BREADTH = octets("Max-Breadth: ");
const ROUTE = octets("Route: ");
const ROUTE_URI = octets("Route: <");
const RECORD_ROUTE = octets("Record-Route: <sip:");
const OVER_TCP = octets(";transport=tcp");
const LOOSE = octets(";lr>\r\n");
const CLOSE = octets(">\r\n");
// Reasons.
const BAD_ROUTE = octets("Bad Route Header Field");
const BAD_BINDING = octets("Bad Path or Contact of a Phone");
const BARRED = octets("Nothing Is Sent There");

export class Forwarder {
  private readonly layer: TransactionLayer;
  private readonly routeTokens: RouteTokens;
  private readonly admission: Admission;
  private readonly routing: Routing;
  private readonly isRecording: boolean;
  private readonly head = new ResponseHead();
  private readonly back = new Flow();
  private readonly nowhere = new Flow();
  private readonly caller = new Flow();
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly next = new Uri();
  private readonly contact = new Uri();
  /** The next hop wants its own URI in the Request-URI. RFC 3261 §16.6 step 6 */
  private isStrict = false;
  /** What the request line says. */
  readonly line = new Span();
  /** After `aim`: what to answer when it returned false, 0 when it did not; and why. */
  status = 0;
  reason: Uint8Array = NONE;
  private movedTo = HOST_NONE;

  /** @param isRecording whether to stay on the way of the dialogs that come of it */
  constructor(layer: TransactionLayer, admission: Admission, routeTokens: RouteTokens, isRecording: boolean) {
    this.layer = layer;
    this.admission = admission;
    this.routeTokens = routeTokens;
    this.routing = admission.routing;
    this.isRecording = isRecording;
  }

  /**
   * Finds the next hop of `m`, which `routing` has read: the first Route there is, else the URI. Sets `line` and aims `target`.
   * @returns false when a URI on the way cannot be read, or nobody is to be sent there: `status`. RFC 3261 §16.6 steps 6 and 7
   */
  aim(m: Message, hop: Hop, target: Target): boolean {
    const { list, next, address, line } = this;
    line.set(hop.uri.bytes, hop.uri.start, hop.uri.end);
    this.isStrict = false;
    // What somebody registered cannot be the caller's mistake.
    this.status = hop.isUser ? 502 : 400;
    this.reason = hop.isUser ? BAD_BINDING : BAD_ROUTE;
    let isRouted = false;
    if (hop.path.size() > 0) {
      list.beginSpan(hop.path.bytes, hop.path.start, hop.path.end);
      isRouted = list.next();
    } else isRouted = this.routing.first(m, list);
    if (isRouted) {
      if (!address.parse(list.bytes, list.start, list.end)) return false;
      if (!next.parse(address.bytes, address.uriStart, address.uriEnd)) return false;
      this.isStrict = !next.isLoose();
      if (this.isStrict) line.set(address.bytes, address.uriStart, address.uriEnd);
    } else if (!next.parse(hop.uri.bytes, hop.uri.start, hop.uri.end)) {
      if (!hop.isUser) this.reason = reasonOfRefusal(400);
      return false;
    }
    if (hop.flow.transport !== TRANSPORT_NONE && !isRouted) {
      const { flow } = hop;
      target.set(flow.transport, flow.ip, flow.port, flow.connection);
    } else if (!this.admission.places.allows(next, hop.isOwners)) {
      this.status = 403;
      this.reason = BARRED;
      return false;
    } else this.layer.transport.aim(target, next, TRANSPORT_UDP);
    target.isFixed = hop.isFixed && !isRouted;
    this.status = 0;
    return true;
  }

  /**
   * Writes all that follows our Via, after `aim`.
   * @param source where `m` came from: the address and port it was sent from @param target the next hop
   */
  write(w: Writer, m: Message, source: Flow, hop: Hop, target: Target): void {
    this.head.writeVias(w, m, source, this.back);
    if (this.isRecording && isDialogBeginning(m.method)) this.writeRecordRoute(w, m, source, hop, target.transport);
    this.writeRoutes(w, m, hop);
    w.put(MAX_FORWARDS);
    w.uint(m.maxForwards < 0 ? MAX_FORWARDS_DEFAULT : m.maxForwards - 1);
    w.crlf();
    if (hop.breadth < BREADTH_DEFAULT || m.has(HEADER_MAX_BREADTH)) {
      w.put(MAX_BREADTH);
      w.uint(hop.breadth);
      w.crlf();
    }
    const movedRow = this.isMoved(m) ? m.first(HEADER_CONTACT) : -1;
    if (movedRow >= 0) this.findCaller(m, source);
    // Whoever is called elsewhere has no business with it, and may believe others too.
    if (hop.isUser || this.admission.isTrusted(target.ip)) this.admission.writeIdentity(w, m);
    for (let row = 0; row < m.rows; row++) {
      switch (m.id(row)) {
        case HEADER_VIA:
        case HEADER_ROUTE:
        case HEADER_MAX_FORWARDS:
        case HEADER_MAX_BREADTH:
        case HEADER_CONTENT_LENGTH:
          break;
        case HEADER_PROXY_AUTHORIZATION:
          // What was for us is for nobody else. RFC 3261 §22.3
          if (!this.admission.isOurs(m, row)) copyRow(w, m, row);
          break;
        case HEADER_CONTACT:
          if (row !== movedRow || !this.writeMoved(w, m, row)) copyRow(w, m, row);
          break;
        default:
          if (!isIdentity(m.id(row))) copyRow(w, m, row);
      }
    }
    writeBody(w, m);
  }

  /**
   * Passes on a request that needs no transaction, which `routing` has read: an ACK, or any in a proxy without state.
   * @param branchHigh @param branchLow the branch @returns false when it could not be sent; if only the name of the next hop is not known yet, it is the next time it comes
   */
  sendOnce(m: Message, source: Flow, hop: Hop, branchHigh: number, branchLow: number): boolean {
    const { layer } = this;
    const { scratchWriter: w, scratchTarget: target, scratchFlow: flow, scratch, transport } = layer;
    target.set(TRANSPORT_NONE, -1, 0, -1);
    if (!this.aim(m, hop, target)) return false;
    w.begin(scratch, 0, scratch.length);
    w.copy(m.bytes, m.methodStart, m.methodEnd);
    writeUriOfLine(w, this.line.bytes, this.line.start, this.line.end);
    writeVia(w, transport, branchHigh, branchLow);
    this.write(w, m, source, hop, target);
    if (!w.ok || transport.locate(target) !== FIND_KNOWN) return false;
    return sendOnce(transport, flow, target, scratch, w.at) > 0;
  }

  /** Our Record-Route: one, or one for each side when they speak different transports, the next hop's on top. §16.6 step 4, RFC 5658 */
  private writeRecordRoute(w: Writer, m: Message, source: Flow, hop: Hop, transport: number): void {
    const { routeTokens } = this;
    this.findCaller(m, source);
    const callee = hop.path.size() > 0 || this.routing.hasRoute ? this.nowhere : hop.flow;
    const form = m.toTagEnd > m.toTagStart ? FORM_AGAIN : FORM_ASKED;
    routeTokens.write(m, form, this.caller, callee, this.callerHost(m), routeTokens.hostOf(this.next));
    this.writeOwnUri(w, transport);
    if (transport !== source.transport) this.writeOwnUri(w, source.transport);
  }

  private writeMoved(w: Writer, m: Message, row: number): boolean {
    return writeMovedContact(w, m, row, this.routeTokens, m.fromTagStart, m.fromTagEnd, this.movedTo, this.caller);
  }

  private writeOwnUri(w: Writer, transport: number): void {
    const { layer, routeTokens } = this;
    w.put(RECORD_ROUTE);
    w.raw(routeTokens.bytes, 0, routeTokens.size);
    w.octet(0x40);
    w.ip(layer.localIp);
    w.octet(0x3a);
    w.uint(transport === TRANSPORT_TCP ? layer.tcpPort : layer.udpPort);
    if (transport === TRANSPORT_TCP) w.put(OVER_TCP);
    w.put(LOOSE);
  }

  /** The caller's flow, when it is next to us and its Contact alone does not lead there: a NAT between us, or a connection of its own. A proxy that does not record itself is no caller. */
  private findCaller(m: Message, source: Flow): void {
    const { caller, address, contact } = this;
    caller.set(TRANSPORT_NONE, -1, 0, -1);
    const row = m.first(HEADER_CONTACT);
    if (row < 0 || m.has(HEADER_RECORD_ROUTE) || !hasOneVia(m)) return;
    if (!address.parse(m.bytes, m.valueStart(row), m.valueEnd(row))) return;
    if (!contact.parse(address.bytes, address.uriStart, address.uriEnd)) return;
    if (source.transport === TRANSPORT_TCP || isBehindNat(contact, source.ip)) caller.copy(source);
  }

  /** The host by which the caller is reached: that of the proxy before us, else that in the Contact. */
  private callerHost(m: Message): number {
    const { list, address, contact, routeTokens } = this;
    list.begin(m, m.has(HEADER_RECORD_ROUTE) ? HEADER_RECORD_ROUTE : HEADER_CONTACT);
    if (!list.next() || !address.parse(list.bytes, list.start, list.end) || address.isStar) return HOST_NONE;
    return contact.parse(address.bytes, address.uriStart, address.uriEnd) ? routeTokens.hostOf(contact) : HOST_NONE;
  }

  /** Whether a side of a dialog that goes on along our Record-Route, and is next to us, has another Contact than at the beginning. */
  private isMoved(m: Message): boolean {
    if (!this.routing.isMarked || !isRefresh(m.method) || m.has(HEADER_RECORD_ROUTE) || !hasOneVia(m)) return false;
    this.movedTo = this.callerHost(m);
    return this.movedTo !== HOST_NONE && this.movedTo !== this.routeTokens.ownHost;
  }

  private writeRoutes(w: Writer, m: Message, hop: Hop): void {
    const { list, routing } = this;
    let skip = this.isStrict ? 1 : 0;
    if (hop.path.size() > 0) {
      list.beginSpan(hop.path.bytes, hop.path.start, hop.path.end);
      while (list.next()) {
        if (skip > 0) skip -= 1;
        else writeRoute(w, list);
      }
    }
    if (routing.first(m, list)) {
      for (let i = routing.skip; i < routing.count; i++) {
        if (skip > 0) skip -= 1;
        else writeRoute(w, list);
        if (i + 1 < routing.count) list.next();
      }
    }
    if (!this.isStrict) return;
    w.put(ROUTE_URI);
    w.span(hop.uri);
    w.put(CLOSE);
  }
}

/** Requests that begin a dialog, or may. */
function isDialogBeginning(method: number): boolean {
  return method === METHOD_INVITE || method === METHOD_SUBSCRIBE || method === METHOD_NOTIFY || method === METHOD_REFER;
}

/** Requests that may change the Contact of whoever sends them. RFC 3261 §12.2, RFC 3311 §5.1 */
function isRefresh(method: number): boolean {
  return isDialogBeginning(method) || method === METHOD_UPDATE;
}

function writeRoute(w: Writer, list: ValueList): void {
  w.put(ROUTE);
  w.copy(list.bytes, list.start, list.end);
  w.crlf();
}
