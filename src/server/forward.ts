/**
 * Writes a request as it is forwarded: a proxy adds, changes and removes a few fields, and copies the rest octet for
 * octet. RFC 3261 §16.6
 * Not here: whom it goes to (proxy.ts), where it says that it goes (routing.ts), and its Via (src/transaction).
 */

import { NONE, octets, Span } from "../core/bytes.js";
import { Flow, type Target } from "../transaction/flow.js";
import { copyField, ResponseHead } from "../transaction/head.js";
import { reasonOfRefusal } from "../transaction/inspection.js";
import { hasOneVia, type TransactionLayer } from "../transaction/layer.js";
import { copyRow, isIdentity, writeBody } from "../transaction/relay.js";
import { sendOnce, writeUriOfLine, writeVia } from "../transaction/request.js";
import { FIND_KNOWN } from "../transaction/resolver.js";
import { NameAddress } from "../wire/address.js";
import { ROUTE, URI_CLOSE } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_CONTENT_LENGTH,
  HEADER_CSEQ,
  HEADER_FROM,
  HEADER_MAX_BREADTH,
  HEADER_MAX_FORWARDS,
  HEADER_PROXY_AUTHORIZATION,
  HEADER_RECORD_ROUTE,
  HEADER_ROUTE,
  HEADER_SUPPORTED,
  HEADER_TO,
  HEADER_VIA,
  METHOD_INVITE,
  METHOD_NOTIFY,
  METHOD_REFER,
  METHOD_REGISTER,
  METHOD_SUBSCRIBE,
  METHOD_UPDATE,
  TRANSPORT_NONE,
  TRANSPORT_TLS,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { BAD_ROUTE } from "../wire/problems.js";
import { SCHEME_SIPS, Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { Admission } from "./admission.js";
import { writeMovedContact } from "./answered.js";
import { identityRow } from "./assertedidentity.js";
import { FlowPath } from "./flowpath.js";
import { BREADTH_DEFAULT, type Hop, isBehindNat } from "./hop.js";
import type { Route } from "./route.js";
import { FORM_AGAIN, FORM_ASKED, HOST_NONE, type RouteTokens, TokenText, writeTokenPlace } from "./routetoken.js";

const MAX_FORWARDS = octets("Max-Forwards: ");
const MAX_FORWARDS_DEFAULT = 70;
const OB = octets("ob");
const MAX_BREADTH = octets("Max-Breadth: ");
const ROUTE_URI = octets("Route: <");
const RECORD_ROUTE = octets("Record-Route: <sip:");
const PATH = octets("Path: ");
const PATH_OPTION = octets("path");
const OPEN = 0x3c;
const CLOSE = 0x3e;
const LOOSE = octets(";lr>\r\n");
// What `forwardOnce` returns besides a status.
export const SENT = 0;
export const NOT_SENT = 1;
// Reasons.
const BAD_BINDING = octets("Bad Path or Contact of a Phone");
const NOT_BY_TLS = octets("Not Reached By TLS");
const BARRED = octets("Nothing Is Sent There");

export class Forwarder {
  private readonly layer: TransactionLayer;
  private readonly routeTokens: RouteTokens;
  private readonly admission: Admission;
  private readonly isRecording: boolean;
  private readonly head = new ResponseHead();
  private readonly back = new Flow();
  private readonly nowhere = new Flow();
  private readonly caller = new Flow();
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly contact = new Uri();
  private readonly value = new Span();
  /** P-Asserted-Identity as it was written into the request, or empty. */
  private readonly identity = new Span();
  private readonly token = new TokenText();
  private readonly flowPath: FlowPath;

  /** @param isRecording whether this server stays on the way of the dialogs that begin through it */
  constructor(layer: TransactionLayer, admission: Admission, isRecording: boolean) {
    this.layer = layer;
    this.admission = admission;
    this.routeTokens = admission.routeTokens;
    this.isRecording = isRecording;
    this.flowPath = new FlowPath(layer, admission.routeTokens);
  }

  /**
   * Finds the next hop of `m`: the first Route there is, else the URI. RFC 3261 §16.6 steps 6 and 7
   * @param hop its next hop is filled @param target aimed there
   * @returns 0, or the status that says why the request cannot go there; its reason is in `hop`
   */
  aimHop(m: Message, route: Route, hop: Hop, target: Target): number {
    const { list, address } = this;
    const { next, line } = hop;
    line.set(hop.uri.bytes, hop.uri.start, hop.uri.end);
    hop.isStrict = false;
    // A bad URI that a phone registered is not the caller's mistake.
    const bad = hop.isUser ? 502 : 400;
    hop.reason = hop.isUser ? BAD_BINDING : BAD_ROUTE;
    let isRouted = false;
    if (hop.path.size() > 0) {
      list.beginSpan(hop.path.bytes, hop.path.start, hop.path.end);
      isRouted = list.next();
    } else isRouted = route.toFirstRoute(m, list);
    if (isRouted) {
      if (!address.parseWithUri(list.bytes, list.start, list.end, next)) return bad;
      hop.isStrict = !next.isLoose();
      if (hop.isStrict) line.set(address.bytes, address.uriStart, address.uriEnd);
    } else if (!next.parse(hop.uri.bytes, hop.uri.start, hop.uri.end)) {
      if (!hop.isUser) hop.reason = reasonOfRefusal(400);
      return bad;
    }
    if (hop.flow.transport !== TRANSPORT_NONE && !isRouted) {
      const { flow } = hop;
      target.set(flow.transport, flow.ip, flow.port, flow.connection);
    } else if (!this.admission.places.allowsUri(next, hop.isOwners)) {
      hop.reason = BARRED;
      return 403;
    } else this.layer.transport.aim(target, next, TRANSPORT_UDP);
    // What was sent by sips goes on by TLS, or not at all. RFC 3261 §26.2.2, RFC 5630 §5.3
    if (target.transport !== TRANSPORT_TLS && route.uri.scheme === SCHEME_SIPS) {
      hop.reason = NOT_BY_TLS;
      return 480;
    }
    target.isFixed = hop.isFixed && !isRouted;
    hop.reason = NONE;
    return 0;
  }

  /** Writes everything behind our Via. @param hop @param target after `aimHop` */
  writeRequest(w: Writer, m: Message, route: Route, hop: Hop, target: Target): void {
    const { source } = route;
    this.head.writeVias(w, m, source, this.back);
    if (this.isRecording && isDialogBeginning(m.method)) this.writeRecordRoute(w, m, route, hop, target.transport);
    if (m.method === METHOD_REGISTER) this.writePath(w, m, source, target.transport);
    const { identity } = this;
    identity.set(w.bytes, w.at, w.at);
    // A server elsewhere is not told: it has no use for the identity, and might believe others that claim one.
    if (hop.isUser || this.admission.isTrusted(target.ip)) this.admission.writeIdentity(w, m, route.sender);
    identity.end = w.at;
    this.writeRoutes(w, m, route, hop);
    w.put(MAX_FORWARDS);
    w.uint(m.maxForwards < 0 ? MAX_FORWARDS_DEFAULT : m.maxForwards - 1);
    w.crlf();
    if (hop.breadth < BREADTH_DEFAULT || m.has(HEADER_MAX_BREADTH)) {
      w.put(MAX_BREADTH);
      w.uint(hop.breadth);
      w.crlf();
    }
    const movedTo = this.movedHost(m, route);
    const movedRow = movedTo !== HOST_NONE ? m.first(HEADER_CONTACT) : -1;
    if (movedRow >= 0) this.readCaller(m, source);
    // RFC 3325 §5: what a server of ours asserts goes on.
    const assertedRow = route.isByFlow && route.isAsserted ? identityRow(m) : -1;
    for (let row = 0; row < m.rows; row++) {
      switch (m.id(row)) {
        case HEADER_VIA:
        case HEADER_ROUTE:
        case HEADER_MAX_FORWARDS:
        case HEADER_MAX_BREADTH:
        case HEADER_CONTENT_LENGTH:
          break;
        case HEADER_PROXY_AUTHORIZATION:
          // Credentials for this server stay here. RFC 3261 §22.3
          if (!this.admission.hasOurRealm(m, row)) copyRow(w, m, row);
          break;
        case HEADER_CONTACT:
          if (row !== movedRow || !this.writeMoved(w, m, row, movedTo)) copyRow(w, m, row);
          break;
        case HEADER_FROM:
        case HEADER_TO:
        case HEADER_CALL_ID:
        case HEADER_CSEQ:
          // With their usual names: the ACK and the CANCEL of an INVITE are written from its lines.
          copyField(w, m, row);
          break;
        default:
          if (row === assertedRow || !isIdentity(m.id(row))) copyRow(w, m, row);
      }
    }
    writeBody(w, m);
  }

  /**
   * Forwards a request that needs no transaction: an ACK, or any request in a stateless proxy.
   * @param branchHigh @param branchLow the branch
   * @returns SENT, NOT_SENT, or the status that says why it cannot go there, with its reason in `hop`. When only the
   * address of the next hop's name is not known yet, the request is sent the next time it comes.
   */
  forwardOnce(m: Message, route: Route, hop: Hop, branchHigh: number, branchLow: number): number {
    const { layer } = this;
    const { writer: w, scratchTarget: target, scratchFlow: flow, scratch, transport } = layer;
    target.set(TRANSPORT_NONE, -1, 0, -1);
    const status = this.aimHop(m, route, hop, target);
    if (status !== 0) return status;
    w.begin(scratch, 0, scratch.length);
    w.copy(m.bytes, m.methodStart, m.methodEnd);
    writeUriOfLine(w, hop.line.bytes, hop.line.start, hop.line.end);
    writeVia(w, transport, branchHigh, branchLow);
    this.writeRequest(w, m, route, hop, target);
    if (!w.ok || transport.locate(target) !== FIND_KNOWN) return NOT_SENT;
    return sendOnce(transport, flow, target, scratch, w.at) > 0 ? SENT : NOT_SENT;
  }

  /**
   * Writes our Record-Route: one, or one for each side when they speak different transports, the next hop's on top.
   * RFC 3261 §16.6 step 4, RFC 5658
   */
  private writeRecordRoute(w: Writer, m: Message, route: Route, hop: Hop, transport: number): void {
    const { routeTokens } = this;
    const { source } = route;
    this.readCaller(m, source);
    const callee = hop.path.size() > 0 || route.hasRoute ? this.nowhere : hop.flow;
    const form = m.toTagEnd > m.toTagStart ? FORM_AGAIN : FORM_ASKED;
    const calleeHost = routeTokens.hostOf(hop.next);
    routeTokens.writeToken(m, form, this.caller, callee, this.callerHost(m), calleeHost, this.token);
    this.writeOwnUri(w, transport);
    if (transport !== source.transport) this.writeOwnUri(w, source.transport);
  }

  /**
   * Writes our Path with the flow of a phone that registers elsewhere, if it is next to us and its registrar may be
   * given a Path. RFC 3327 §5.2, RFC 5626 §5.1
   */
  private writePath(w: Writer, m: Message, source: Flow, transport: number): void {
    if (!hasOneVia(m) || !m.contains(HEADER_SUPPORTED, PATH_OPTION)) return;
    w.put(PATH);
    this.flowPath.writeValue(w, source, this.admission.targets.node, transport);
    w.crlf();
  }

  /** Writes the Route to another server on our store, which then believes our P-Asserted-Identity. */
  private writeAsserted(w: Writer, m: Message, hop: Hop): void {
    const { list, value } = this;
    const { next } = hop;
    trimIdentity(this.identity);
    w.put(ROUTE);
    w.copy(list.bytes, list.start, list.end - 1);
    value.set(next.bytes, next.userStart, next.userEnd);
    this.routeTokens.writeAssertion(w, m, value, this.identity);
    w.octet(CLOSE);
    w.crlf();
  }

  private writeMoved(w: Writer, m: Message, row: number, host: number): boolean {
    return writeMovedContact(w, m, row, this.routeTokens, m.fromTagStart, m.fromTagEnd, host, this.caller);
  }

  private writeOwnUri(w: Writer, transport: number): void {
    const { layer, token } = this;
    w.put(RECORD_ROUTE);
    writeTokenPlace(w, token, layer, transport);
    w.put(LOOSE);
  }

  /**
   * Sets `caller` to the flow of a caller that its Contact alone does not lead to: it is next to us behind a NAT, or on
   * a connection of its own. A proxy that does not record itself is no caller.
   */
  private readCaller(m: Message, source: Flow): void {
    const { caller, address, contact } = this;
    caller.set(TRANSPORT_NONE, -1, 0, -1);
    const row = m.first(HEADER_CONTACT);
    if (row < 0 || m.has(HEADER_RECORD_ROUTE) || !hasOneVia(m)) return;
    if (!address.parseWithUri(m.bytes, m.valueStart(row), m.valueEnd(row), contact)) return;
    // A caller may ask for its flow. RFC 5626 §5.1
    const isKept = contact.param(OB, this.value);
    if (isKept || source.transport !== TRANSPORT_UDP || isBehindNat(contact, source.ip)) caller.copy(source);
  }

  /** @returns the host by which the caller is reached: that of the proxy before us, else that in its Contact */
  private callerHost(m: Message): number {
    const { list, address, contact, routeTokens } = this;
    list.beginField(m, m.has(HEADER_RECORD_ROUTE) ? HEADER_RECORD_ROUTE : HEADER_CONTACT);
    const isRead = list.next() && address.parseWithUri(list.bytes, list.start, list.end, contact);
    return isRead ? routeTokens.hostOf(contact) : HOST_NONE;
  }

  /**
   * @returns the host in the Contact of a side of a dialog along our Record-Route, if that side is next to us and its
   * Contact was another one when the dialog began; else HOST_NONE
   */
  private movedHost(m: Message, route: Route): number {
    if (!route.isInDialog || !isRefresh(m.method) || m.has(HEADER_RECORD_ROUTE) || !hasOneVia(m)) return HOST_NONE;
    const host = this.callerHost(m);
    return host !== route.token.ownHost ? host : HOST_NONE;
  }

  private writeRoutes(w: Writer, m: Message, route: Route, hop: Hop): void {
    const { list } = this;
    let skip = hop.isStrict ? 1 : 0;
    if (hop.path.size() > 0) {
      list.beginSpan(hop.path.bytes, hop.path.start, hop.path.end);
      while (list.next()) {
        if (skip > 0) skip -= 1;
        else if (hop.isPeers && this.identity.size() > 0) this.writeAsserted(w, m, hop);
        else writeRoute(w, list);
      }
    }
    if (route.toFirstRoute(m, list)) {
      for (let i = route.ownCount; i < route.count; i++) {
        if (skip > 0) skip -= 1;
        else writeRoute(w, list);
        if (i + 1 < route.count) list.next();
      }
    }
    if (!hop.isStrict) return;
    w.put(ROUTE_URI);
    w.span(hop.uri);
    w.put(URI_CLOSE);
  }
}

/** Whether a method begins a dialog, or may. */
function isDialogBeginning(method: number): boolean {
  return method === METHOD_INVITE || method === METHOD_SUBSCRIBE || method === METHOD_NOTIFY || method === METHOD_REFER;
}

/** Whether a request may change the Contact of its sender. RFC 3261 §12.2, RFC 3311 §5.1 */
function isRefresh(method: number): boolean {
  return isDialogBeginning(method) || method === METHOD_UPDATE;
}

/** Takes the name and the line's end from a field that `writeIdentity` wrote. */
function trimIdentity(field: Span): void {
  while (field.start < field.end && field.bytes[field.start] !== OPEN) field.start += 1;
  while (field.end > field.start && field.bytes[field.end - 1] !== CLOSE) field.end -= 1;
}

function writeRoute(w: Writer, list: ValueList): void {
  w.put(ROUTE);
  w.copy(list.bytes, list.start, list.end);
  w.crlf();
}
