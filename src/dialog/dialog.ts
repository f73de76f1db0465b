/**
 * A dialog: the two tags and the Call-ID, where requests go and by which route, and the order of CSeq. RFC 3261 §12.
 * A dialog begins with the response to the request that founds it; before that the same object is a draft: what the
 * founding request says, from which each answering fork makes its dialog. All text lies in one buffer, which grows to
 * the longest texts that it had to hold, up to a limit: most dialogs need a third of it.
 * Not here: what is done in a dialog (session.ts), and who is challenged for credentials (the user agent).
 */

import { uint16Array } from "../core/arrays.js";
import { equal, lower, NONE, Span } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { Flow } from "../transaction/flow.js";
import { HEAD_LOCAL_TAG } from "../transaction/head.js";
import type { TransactionLayer } from "../transaction/layer.js";
import type { ServerTransaction } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import { CALL_ID, CSEQ, FROM, MAX_FORWARDS_70, ROUTE, TAG, TO } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_FROM,
  HEADER_RECORD_ROUTE,
  HEADER_TO,
  METHOD_ACK,
  METHOD_NAMES,
  TRANSPORT_NONE,
  TRANSPORT_TLS,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_SIPS, SCHEME_TEL, Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import { CONTACT_SIP, CONTACT_SIPS } from "./owncontact.js";

export const DIALOG_FREE = 0;
/** The founding request, as it was or will be sent: it is no dialog yet. */
export const DIALOG_DRAFT = 1;
export const DIALOG_EARLY = 2;
export const DIALOG_CONFIRMED = 3;
/** Confirmed, and owed a BYE for which there was no transaction. */
export const DIALOG_LEAVING = 4;

const COLON = 0x3a;
const SMALL_S = 0x73;
/**
 * Octets of the longest remote target: session border controllers make 300. It shares the buffer with the other texts.
 */
const TARGET_MOST_BYTES = 400;

/** The buffer grows in steps of so many octets. */
const STEP_BYTES = 64;

/** Digits of a random token: a Call-ID and a tag of ours are one each. */
const TOKEN_BYTES = 16;

const FROM_BIT = 1 << HEADER_FROM;
const TO_BIT = 1 << HEADER_TO;
const PARTIES_BITS = FROM_BIT | TO_BIT | (1 << HEADER_CALL_ID);

// For the time of one call only.
const address = new NameAddress();
const uri = new Uri();
const list = new ValueList();
const writer = new Writer();
// What `target` and `requestUri` return.
const target = new Span();
const requestUri = new Span();

// The texts that a dialog keeps.
const CALL_ID_TEXT = 0;
/** Our From (or To) value as we write it, with our tag. */
const LOCAL = 1;
const LOCAL_TAG = 2;
/** Their value; its tag, when they have one yet, is part of it. */
const REMOTE = 3;
const REMOTE_TAG = 4;
/** The route set as one comma-separated value, in the order in which it is to be visited. */
const ROUTES = 5;
/** The addr-spec that requests go to: their Contact, or of a draft what is called. */
const TARGET = 6;
/** The Request-URI of the request that was begun last, which is another text's. */
const REQUEST_URI = 7;
const TEXTS = 8;

export class Dialog {
  state = DIALOG_FREE;
  /** We sent the request that founded it. */
  isUac = false;
  /** The last CSeq number we used. */
  localCseq = 0;
  /** The last CSeq number they used, -1 when none came yet. */
  remoteCseq = -1;
  /** Whether our founding INVITE was acknowledged in this dialog, so that a BYE may follow. */
  acknowledged = false;
  /** The last RSeq we acknowledged here, -1 when none. RFC 3262 §4 */
  rseq = -1;
  /** The connection by TLS on which the other side said last where it is; missing if it did not say so by TLS. */
  declare private back?: number;
  /**
   * The TRANSPORT_* by which our founding request went, or theirs came that said last where they are. NONE or missing:
   * by UDP, or a draft that was not sent yet.
   */
  declare private way?: number;
  private readonly most: number;
  private bytes: Uint8Array = NONE;
  /** Each text begins and ends there in `bytes`; both are 0 for a text that is not kept. */
  private readonly places = uint16Array(TEXTS << 1);

  /** @param most octets of all its text; what needs more is refused */
  constructor(most: number) {
    this.most = most;
  }

  clear(): void {
    this.state = DIALOG_FREE;
    this.isUac = false;
    this.localCseq = 0;
    this.remoteCseq = -1;
    this.acknowledged = false;
    this.rseq = -1;
    if (this.back !== undefined) this.back = -1;
    if (this.way !== undefined) this.way = TRANSPORT_NONE;
    this.places.fill(0);
  }

  /** The addr-spec that requests go to. It holds until another dialog is asked for its own. */
  get target(): Span {
    return this.textOf(TARGET, target);
  }

  /** The Request-URI of the request that was begun last. It holds until another dialog is asked for its own. */
  get requestUri(): Span {
    return this.textOf(REQUEST_URI, requestUri);
  }

  /** Whether a draft with texts of those lengths has room in a dialog of `size` octets. */
  static fits(size: number, fromBytes: number, toBytes: number, routesBytes: number, targetBytes: number): boolean {
    // A Call-ID and a From tag of ours.
    return 2 * TOKEN_BYTES + TAG.length + fromBytes + toBytes + routesBytes + targetBytes <= size;
  }

  /** Whether it has what a request outside of dialogs needs. */
  isDrafted(): boolean {
    return this.sizeOf(CALL_ID_TEXT) > 0;
  }

  /**
   * Prepares a founding request with a Call-ID and a From tag of its own.
   * @param from our name-addr without a tag @param to whom the To field names, a name-addr, or empty for the target
   * @param target the Request-URI, an addr-spec
   * @param routes a comma-separated list of name-addr to go by, may be empty
   * @returns false when it does not fit or holds what may not be sent
   */
  draft(random: RandomSource, from: Uint8Array, to: Uint8Array, target: Span, routes: Uint8Array): boolean {
    this.clear();
    const toBytes = to.length > 0 ? to.length : target.size() + 2;
    this.makeRoom(2 * TOKEN_BYTES + TAG.length + from.length + toBytes + routes.length + target.size());
    const w = this.openTexts();
    // The Call-ID has one token, which is enough: a dialog is known by its tags too.
    this.openField(CALL_ID_TEXT);
    w.token(random);
    this.closeField(CALL_ID_TEXT);
    this.openField(LOCAL);
    w.put(from);
    w.put(TAG);
    this.openField(LOCAL_TAG);
    w.token(random);
    this.closeField(LOCAL_TAG);
    this.closeField(LOCAL);
    this.openField(REMOTE);
    if (to.length > 0) w.put(to);
    else {
      w.octet(0x3c);
      w.span(target);
      w.octet(0x3e);
    }
    this.closeField(REMOTE);
    this.openField(ROUTES);
    w.put(routes);
    this.closeField(ROUTES);
    this.isUac = true;
    this.localCseq = random.uint32() & 0x7fff;
    this.state = DIALOG_DRAFT;
    return w.ok && this.setTarget(target.bytes, target.start, target.end);
  }

  /**
   * The dialog that a response to our request founds. RFC 3261 §12.1.2
   * @param draft what we sent @returns false when it cannot be kept: too long, or its Contact is no SIP URI
   */
  fromResponse(draft: Dialog, m: Message): boolean {
    this.clear();
    this.makeRoom(draft.endOf(REMOTE) + TAG.length + (m.toEnd - m.toStart) + routesAndTarget(m));
    const w = this.openTexts();
    this.keep(CALL_ID_TEXT, draft.bytes, draft.startOf(CALL_ID_TEXT), draft.endOf(CALL_ID_TEXT));
    this.keepWhole(
      LOCAL,
      LOCAL_TAG,
      draft.bytes,
      draft.startOf(LOCAL),
      draft.endOf(LOCAL),
      draft.startOf(LOCAL_TAG),
      draft.endOf(LOCAL_TAG),
    );
    if ((m.unfit & TO_BIT) === 0)
      this.keepWhole(REMOTE, REMOTE_TAG, m.bytes, m.toStart, m.toEnd, m.toTagStart, m.toTagEnd);
    else this.keepTagged(draft.bytes, draft.startOf(REMOTE), draft.endOf(REMOTE), m.bytes, m.toTagStart, m.toTagEnd);
    this.openField(ROUTES);
    this.copyRoutesReversed(m);
    this.closeField(ROUTES);
    this.isUac = true;
    this.localCseq = draft.localCseq;
    if (draft.way !== undefined) this.way = draft.way;
    this.state = m.status >= 200 ? DIALOG_CONFIRMED : DIALOG_EARLY;
    if (!w.ok) return false;
    if (this.readContact(m)) return this.setTarget(address.bytes, address.uriStart, address.uriEnd);
    // A provisional response may come without a Contact: then the Request-URI stays the target.
    return this.setTarget(draft.bytes, draft.startOf(TARGET), draft.endOf(TARGET));
  }

  /** Whether From, To or Call-ID of the response `m` cannot be sent on as they came. */
  static isUnfit(m: Message): boolean {
    return (m.unfit & PARTIES_BITS) !== 0;
  }

  /**
   * Writes From, To and Call-ID of this draft, with the tag of the one who answered by `m`. They replace what is odd in
   * `m`.
   */
  writeParties(w: Writer, m: Message): void {
    this.writeFrom(w);
    w.put(TO);
    this.put(w, REMOTE);
    if (this.sizeOf(REMOTE_TAG) === 0 && m.toTagEnd > m.toTagStart) {
      w.put(TAG);
      w.copy(m.bytes, m.toTagStart, m.toTagEnd);
    }
    w.crlf();
    this.writeCallId(w);
  }

  /**
   * The confirming response of an early dialog: its route set and target are the ones that count. RFC 3261 §13.2.2.4
   * @returns false when they do not fit; then nothing can be sent in this dialog
   */
  confirm(m: Message): boolean {
    // The target lies behind the routes, and gives way to them.
    const size = this.sizeOf(TARGET);
    this.makeRoom(this.endOf(REMOTE) + routesAndTarget(m) + size);
    const { bytes } = this;
    bytes.copyWithin(bytes.length - size, this.startOf(TARGET), this.endOf(TARGET));
    const w = this.openTexts();
    w.at = this.endOf(REMOTE);
    this.openField(ROUTES);
    this.copyRoutesReversed(m);
    this.closeField(ROUTES);
    // The writer is asked before the same one writes the target.
    if (!w.ok || w.at + size > bytes.length) return false;
    bytes.copyWithin(w.at, bytes.length - size, bytes.length);
    this.place(TARGET, w.at, w.at + size);
    if (this.readContact(m) && !this.setTarget(address.bytes, address.uriStart, address.uriEnd)) return false;
    this.state = DIALOG_CONFIRMED;
    return true;
  }

  /** The dialog that our response to their request founds; `t` has our tag. RFC 3261 §12.1.1 */
  fromRequest(m: Message, t: ServerTransaction): boolean {
    this.clear();
    const partyBytes = m.callIdEnd - m.callIdStart + (m.toEnd - m.toStart) + (m.fromEnd - m.fromStart);
    this.makeRoom(partyBytes + 2 * TAG.length + TOKEN_BYTES + (m.fromTagEnd - m.fromTagStart) + routesAndTarget(m));
    const w = this.openTexts();
    this.keep(CALL_ID_TEXT, m.bytes, m.callIdStart, m.callIdEnd);
    this.openField(LOCAL);
    w.copy(m.bytes, m.toStart, m.toEnd);
    w.put(TAG);
    this.openField(LOCAL_TAG);
    w.copy(t.buffer, t.startOf(HEAD_LOCAL_TAG), t.endOf(HEAD_LOCAL_TAG));
    this.closeField(LOCAL_TAG);
    this.closeField(LOCAL);
    if ((m.unfit & FROM_BIT) === 0)
      this.keepWhole(REMOTE, REMOTE_TAG, m.bytes, m.fromStart, m.fromEnd, m.fromTagStart, m.fromTagEnd);
    else if (address.parse(m.bytes, m.fromStart, m.fromEnd))
      this.keepTagged(m.bytes, m.fromStart, address.paramsStart, m.bytes, m.fromTagStart, m.fromTagEnd);
    this.openField(ROUTES);
    const start = w.at;
    list.beginField(m, HEADER_RECORD_ROUTE);
    while (list.next()) if (isRoute(list)) this.addRoute(start);
    this.closeField(ROUTES);
    this.noteWay(t.source);
    this.localCseq = 0;
    this.remoteCseq = m.cseq;
    this.state = DIALOG_EARLY;
    if (!w.ok) return false;
    if (m.has(HEADER_CONTACT)) return this.refreshTarget(m);
    // RFC 2543 asked for no Contact: without one, requests go to where the From field says. RFC 2543 §6.22
    return (
      readCallable(m.bytes, m.fromStart, m.fromEnd) && this.setTarget(address.bytes, address.uriStart, address.uriEnd)
    );
  }

  /** Notes the way of their request. Ours may go back by the connection that it came by, if that is TLS. */
  noteWay(source: Flow): void {
    if (source.transport === TRANSPORT_TLS) this.back = source.connection;
    else if (this.back !== undefined) this.back = -1;
    if (source.transport !== TRANSPORT_UDP || this.way !== undefined) this.way = source.transport;
  }

  /** Whether a request belongs to this dialog: Call-ID and both tags, seen from our side. RFC 3261 §12.2.2 */
  hasRequest(m: Message): boolean {
    return (
      this.state >= DIALOG_EARLY &&
      this.is(CALL_ID_TEXT, m.bytes, m.callIdStart, m.callIdEnd) &&
      this.is(LOCAL_TAG, m.bytes, m.toTagStart, m.toTagEnd) &&
      this.is(REMOTE_TAG, m.bytes, m.fromTagStart, m.fromTagEnd)
    );
  }

  /** Whether it is the dialog that a Replaces field names, seen from our side. RFC 3891 §3 */
  isNamed(callId: Span, localTag: Span, remoteTag: Span): boolean {
    return (
      this.state >= DIALOG_EARLY &&
      this.is(CALL_ID_TEXT, callId.bytes, callId.start, callId.end) &&
      this.is(LOCAL_TAG, localTag.bytes, localTag.start, localTag.end) &&
      this.is(REMOTE_TAG, remoteTag.bytes, remoteTag.start, remoteTag.end)
    );
  }

  /**
   * Sets `out` to the Call-ID, to our tag and to theirs; views of what the dialog keeps, empty for what is not there.
   */
  callId(out: Span): Span {
    return this.textOf(CALL_ID_TEXT, out);
  }

  localTag(out: Span): Span {
    return this.textOf(LOCAL_TAG, out);
  }

  remoteTag(out: Span): Span {
    return this.textOf(REMOTE_TAG, out);
  }

  /** Whether a response to our founding request comes from this fork. */
  hasFork(m: Message): boolean {
    return this.state >= DIALOG_EARLY && this.is(REMOTE_TAG, m.bytes, m.toTagStart, m.toTagEnd);
  }

  /**
   * Takes the CSeq of a request that came.
   * @returns false when it is older than one that came before: 500. RFC 3261 §12.2.2
   */
  acceptCseq(cseq: number): boolean {
    if (this.remoteCseq >= 0 && cseq <= this.remoteCseq) return false;
    this.remoteCseq = cseq;
    return true;
  }

  /**
   * Takes the Contact of a target refresh request or its 2xx.
   * @returns false when there is none that can be called, or it is too long
   */
  refreshTarget(m: Message): boolean {
    return this.readContact(m) && this.setTarget(address.bytes, address.uriStart, address.uriEnd);
  }

  /** Whether the Contact of `m` can be called, but is too long to be kept beside the other texts. */
  isTargetLong(m: Message): boolean {
    // A URI is not longer than the field it stands in, which mostly is one that need not be read for this.
    const row = m.first(HEADER_CONTACT);
    const size = row < 0 ? 0 : m.valueEnd(row) - m.valueStart(row);
    if (row < 0 || (size <= this.targetRoom() && m.next(row) < 0)) return false;
    return this.readContact(m) && address.uriEnd - address.uriStart > this.targetRoom();
  }

  private targetRoom(): number {
    return Math.min(TARGET_MOST_BYTES, this.most - this.endOf(ROUTES));
  }

  /** Whether the sender of the request `m` can be called at all, however long what it says is. */
  isCallable(m: Message): boolean {
    return m.has(HEADER_CONTACT) ? this.readContact(m) : readCallable(m.bytes, m.fromStart, m.fromEnd);
  }

  /** Whether `m`, without a To tag, is the request that founded this dialog, or one before it. */
  isFounder(m: Message): boolean {
    return (
      this.state >= DIALOG_EARLY &&
      m.cseq <= this.remoteCseq &&
      this.is(CALL_ID_TEXT, m.bytes, m.callIdStart, m.callIdEnd) &&
      this.is(REMOTE_TAG, m.bytes, m.fromTagStart, m.fromTagEnd)
    );
  }

  /** Whether a response with our From tag belongs to our founding request. */
  hasAnswer(m: Message): boolean {
    return (
      this.is(CALL_ID_TEXT, m.bytes, m.callIdStart, m.callIdEnd) &&
      this.is(LOCAL_TAG, m.bytes, m.fromTagStart, m.fromTagEnd)
    );
  }

  /** Reads the first Contact of `m` that can be called into `address`: gateways name telephone numbers before it. */
  private readContact(m: Message): boolean {
    list.beginField(m, HEADER_CONTACT);
    while (list.next()) if (readCallable(list.bytes, list.start, list.end)) return true;
    return false;
  }

  /** Sets where requests go (an addr-spec): a redirected draft, or a refreshed target. */
  setTarget(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > this.targetRoom() || end <= start) return false;
    const from = this.endOf(ROUTES);
    this.makeRoom(from + end - start);
    writer.begin(this.bytes, from, this.bytes.length);
    writer.copy(bytes, start, end);
    if (!writer.ok) return false;
    this.place(TARGET, from, writer.at);
    return true;
  }

  /**
   * Begins a request in the dialog (or the founding one, of a draft): all up to Max-Forwards; the caller goes on.
   * Its CSeq is the next one. The transaction is told where to send it. RFC 3261 §12.2.1.1
   */
  beginRequest(t: ClientTransaction, method: number, defaultTransport: number): Writer {
    const isLoose = this.aimRequest(t, defaultTransport);
    const w = t.beginRequest(method, this.bytes, this.startOf(REQUEST_URI), this.endOf(REQUEST_URI));
    this.writeHead(w, method, this.localCseq, isLoose);
    return w;
  }

  /**
   * Prepares a request: takes the next CSeq number, sets `requestUri`, and tells the transaction where to send it. RFC
   * 3261 §12.2.1.1
   * @returns whether the Request-URI is the target, as it is for all but a strict router as the first hop
   */
  aimRequest(t: ClientTransaction, defaultTransport: number): boolean {
    this.localCseq += 1;
    const isLoose = this.readHop();
    this.place(REQUEST_URI, this.lineStart(isLoose), this.lineEnd(isLoose));
    t.aimRequest(uri, this.unnamedTransport(defaultTransport), this.back);
    const { transport } = t.target;
    // Where both are UDP, nothing depends on the way.
    if (this.state === DIALOG_DRAFT && (defaultTransport !== TRANSPORT_UDP || transport === TRANSPORT_TLS))
      this.way = transport;
    return isLoose;
  }

  /** @returns the address that the next request goes to, -1 as long as it is not known */
  hopIp(layer: TransactionLayer, defaultTransport: number): number {
    this.readHop();
    return layer.knownIpOf(uri, this.unnamedTransport(defaultTransport));
  }

  /** Begins the ACK for the 2xx `m` to our INVITE with that CSeq. RFC 3261 §13.2.2.4 */
  beginAck(t: ClientTransaction, m: Message, defaultTransport: number): Writer {
    const cseq = m.cseq;
    const loose = this.readHop();
    const w = t.beginAck(m, this.bytes, this.lineStart(loose), this.lineEnd(loose));
    t.aimAck(uri, this.unnamedTransport(defaultTransport));
    this.writeHead(w, METHOD_ACK, cseq, loose);
    return w;
  }

  /**
   * Begins a request in the dialog that no transaction repeats, as `beginRequest` does: an ACK that is asked for again,
   * a BYE for want of room.
   */
  beginOnce(layer: TransactionLayer, method: number, cseq: number, defaultTransport: number): Writer {
    const loose = this.readHop();
    const w = layer.beginOnce(method, this.bytes, this.lineStart(loose), this.lineEnd(loose));
    layer.onceTargetUri(uri, this.unnamedTransport(defaultTransport), this.back ?? -1);
    this.writeHead(w, method, cseq, loose);
    return w;
  }

  /** @returns the TRANSPORT_* by which requests go: TLS for sips */
  hopTransport(defaultTransport: number): number {
    this.readHop();
    if (uri.scheme === SCHEME_SIPS) return TRANSPORT_TLS;
    const transport = uri.transport();
    return transport === TRANSPORT_NONE ? this.unnamedTransport(defaultTransport) : transport;
  }

  /**
   * Returns the transport for a next hop that names none. What the other side wrote means UDP then (RFC 3263 §4.1),
   * unless we speak with it by the account's transport, or by TLS: servers and phones with TLS leave it out too, and
   * their calls do not go on in clear. What the settings name goes by the account's.
   * @param defaultTransport the account's
   */
  unnamedTransport(defaultTransport: number): number {
    const way = this.way ?? TRANSPORT_NONE;
    if (this.state === DIALOG_DRAFT && way === TRANSPORT_NONE) return defaultTransport;
    return way === defaultTransport || way === TRANSPORT_TLS ? way : TRANSPORT_UDP;
  }

  /** Whether the target is a sips URI. */
  get isSecure(): boolean {
    const { bytes } = this;
    const start = this.startOf(TARGET);
    return bytes[start + 4] === COLON && lower(bytes[start + 3]) === SMALL_S;
  }

  /** @returns how our Contact to the other side begins (owncontact.ts) */
  contactOpening(): Uint8Array {
    return this.isSecure ? CONTACT_SIPS : CONTACT_SIP;
  }

  /** Reads the next hop into `uri`. @returns whether the Request-URI is the target (no route, or a loose first one) */
  private readHop(): boolean {
    if (this.sizeOf(ROUTES) > 0) {
      list.beginSpan(this.bytes, this.startOf(ROUTES), this.endOf(ROUTES));
      if (list.next() && address.parse(list.bytes, list.start, list.end)) {
        uri.parse(address.bytes, address.uriStart, address.uriEnd);
        return uri.isLoose();
      }
    }
    uri.parse(this.bytes, this.startOf(TARGET), this.endOf(TARGET));
    return true;
  }

  /** @returns the start of the Request-URI in `bytes`, after `readHop` */
  private lineStart(isLoose: boolean): number {
    return isLoose ? this.startOf(TARGET) : uri.start;
  }

  private lineEnd(isLoose: boolean): number {
    return isLoose ? this.endOf(TARGET) : uri.end;
  }

  private writeHead(w: Writer, method: number, cseq: number, isLoose: boolean): void {
    w.put(MAX_FORWARDS_70);
    this.writeRoute(w, isLoose);
    this.writeFrom(w);
    this.writeTo(w);
    this.writeCallId(w);
    this.writeCseq(w, cseq, method);
  }

  /** Writes the Route line, if there is a route set. @param isLoose the Request-URI is the target, as `aim` returned */
  writeRoute(w: Writer, isLoose: boolean): void {
    if (this.sizeOf(ROUTES) === 0) return;
    w.put(ROUTE);
    if (isLoose) this.put(w, ROUTES);
    else {
      // The first hop is a strict router: its URI is the Request-URI and the target ends the route. RFC 3261 §12.2.1.1
      list.beginSpan(this.bytes, this.startOf(ROUTES), this.endOf(ROUTES));
      list.next();
      while (list.next()) {
        w.copy(list.bytes, list.start, list.end);
        w.octet(0x2c);
      }
      w.octet(0x3c);
      this.put(w, TARGET);
      w.octet(0x3e);
    }
    w.crlf();
  }

  writeFrom(w: Writer): void {
    w.put(FROM);
    this.put(w, LOCAL);
    w.crlf();
  }

  writeTo(w: Writer): void {
    w.put(TO);
    this.put(w, REMOTE);
    w.crlf();
  }

  writeCallId(w: Writer): void {
    w.put(CALL_ID);
    this.put(w, CALL_ID_TEXT);
    w.crlf();
  }

  writeCseq(w: Writer, cseq: number, method: number): void {
    w.put(CSEQ);
    w.uint(cseq);
    w.octet(0x20);
    w.put(METHOD_NAMES[method]);
    w.crlf();
  }

  private copyRoutesReversed(m: Message): void {
    const start = writer.at;
    let count = 0;
    list.beginField(m, HEADER_RECORD_ROUTE);
    while (list.next()) count += 1;
    for (let wanted = count - 1; wanted >= 0; wanted--) {
      list.beginField(m, HEADER_RECORD_ROUTE);
      for (let i = 0; i <= wanted; i++) list.next();
      if (isRoute(list)) this.addRoute(start);
    }
  }

  /** The entry that `list` stands at, behind those from `start` on. */
  private addRoute(start: number): void {
    if (writer.at > start) writer.octet(0x2c);
    writer.copy(list.bytes, list.start, list.end);
  }

  /** Makes the buffer as long as that if it may be, and keeps what lies in it. */
  private makeRoom(bytes: number): void {
    const { bytes: old, most } = this;
    if (old.length >= bytes || old.length === most) return;
    const grown = new Uint8Array(Math.min(most, (bytes + STEP_BYTES - 1) & -STEP_BYTES));
    copyOctets(grown, 0, old, 0, old.length);
    this.bytes = grown;
  }

  private openTexts(): Writer {
    writer.begin(this.bytes, 0, this.bytes.length);
    return writer;
  }

  private textOf(text: number, out: Span): Span {
    out.set(this.bytes, this.startOf(text), this.endOf(text));
    return out;
  }

  private startOf(text: number): number {
    return this.places[text << 1];
  }

  private endOf(text: number): number {
    return this.places[(text << 1) + 1];
  }

  private sizeOf(text: number): number {
    return this.endOf(text) - this.startOf(text);
  }

  private is(text: number, bytes: Uint8Array, start: number, end: number): boolean {
    return equal(this.bytes, this.startOf(text), this.endOf(text), bytes, start, end);
  }

  private put(w: Writer, text: number): void {
    w.copy(this.bytes, this.startOf(text), this.endOf(text));
  }

  private place(text: number, start: number, end: number): void {
    this.places[text << 1] = start;
    this.places[(text << 1) + 1] = end;
  }

  private openField(text: number): void {
    this.places[text << 1] = this.places[(text << 1) + 1] = writer.at;
  }

  private closeField(text: number): void {
    this.places[(text << 1) + 1] = writer.at;
  }

  private keep(text: number, bytes: Uint8Array, start: number, end: number): void {
    this.openField(text);
    writer.copy(bytes, start, end);
    this.closeField(text);
  }

  /** Keeps an address, and a tag behind it if there is one. */
  private keepTagged(
    bytes: Uint8Array,
    start: number,
    end: number,
    tagBytes: Uint8Array,
    tagStart: number,
    tagEnd: number,
  ): void {
    this.openField(REMOTE);
    writer.copy(bytes, start, end);
    if (tagEnd > tagStart) {
      writer.put(TAG);
      this.keep(REMOTE_TAG, tagBytes, tagStart, tagEnd);
    } else this.openField(REMOTE_TAG);
    this.closeField(REMOTE);
  }

  /**
   * Keeps a From or To value, and where its tag lies in the copy. A folded value loses octets before its tag, so the
   * tag is found from the end.
   */
  private keepWhole(
    value: number,
    tag: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    tagStart: number,
    tagEnd: number,
  ): void {
    this.openField(value);
    if (tagEnd > tagStart) {
      writer.copy(bytes, start, tagStart);
      this.keep(tag, bytes, tagStart, tagEnd);
      writer.copy(bytes, tagEnd, end);
    } else {
      writer.copy(bytes, start, end);
      this.openField(tag);
    }
    this.closeField(value);
  }
}

/** @returns how many octets the route set and the target of `m` need at most, as long as it has one Contact field */
function routesAndTarget(m: Message): number {
  const contact = m.first(HEADER_CONTACT);
  let bytes = contact < 0 ? 0 : m.valueEnd(contact) - m.valueStart(contact);
  for (let row = m.first(HEADER_RECORD_ROUTE); row >= 0; row = m.next(row))
    bytes += m.valueEnd(row) - m.valueStart(row) + 1;
  return bytes;
}

/** Whether an entry of Record-Route is one to go by; others are passed over. */
export function isRoute(entry: ValueList): boolean {
  return readCallable(entry.bytes, entry.start, entry.end);
}

/** Reads an address into `address` and `uri`. @returns whether calls can go to it */
function readCallable(bytes: Uint8Array, start: number, end: number): boolean {
  return address.parseWithUri(bytes, start, end, uri) && uri.scheme !== SCHEME_OTHER && uri.scheme !== SCHEME_TEL;
}
