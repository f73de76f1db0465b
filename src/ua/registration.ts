/**
 * Keeps the address of record bound to where we are: REGISTER, its refresh, its failures. RFC 3261 §10.2 A failed
 * REGISTER is tried again with a back-off of RFC 5626's shape, so that the doors do not overrun a server that comes
 * back, and a wrong password makes no storm. While a server is away, the back-off has a low ceiling for a time, since
 * nobody can call the door meanwhile. A probe asks the registrar now and then for its bindings, to detect that it has
 * lost ours (§10.2.3). The data of a server is kept until the server fails: then its challenge, route, interval and
 * redirection are forgotten, and the next try is like the first.
 */

import { isPrivate, PORT_MOST, parseIPv4 } from "../core/address.js";
import { octetArray } from "../core/arrays.js";
import { equalNoCase, NONE, octets, parseUint, Span, UINT32_MOST } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { USER_AGENT } from "../dialog/capabilities.js";
import { Dialog } from "../dialog/dialog.js";
import { writeContactUri } from "../dialog/owncontact.js";
import { type ClientTransaction, type ClientUser, NO_USER } from "../transaction/client.js";
import { Flow, type Target } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { isCredible, Outside } from "../transaction/outside.js";
import { DATAGRAM_USUAL_BYTES } from "../transaction/request.js";
import {
  CONTACT_OPEN,
  CRLF,
  EMPTY_BODY,
  EXPIRES,
  SUPPORTED_OUTBOUND,
  SUPPORTED_PATH,
  URI_EXPIRES,
} from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_CONTACT,
  HEADER_MIN_EXPIRES,
  HEADER_RETRY_AFTER,
  METHOD_REGISTER,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { ParamList } from "../wire/params.js";
import { RECEIVED, RPORT } from "../wire/via.js";
import { Writer } from "../wire/writer.js";
import { type Account, keyOf, USER_MOST_BYTES } from "./account.js";
import { hasBinding, readGranted } from "./bindings.js";
import type { Credentials } from "./credentials.js";
import { explainChallenge } from "./explain.js";
import { Moved } from "./moved.js";
import { Outbound, type OutboundUser } from "./outbound.js";

export const REGISTRATION_OFF = 0;
export const REGISTRATION_TRYING = 1;
export const REGISTRATION_DONE = 2;
export const REGISTRATION_FAILED = 3;

const TIMER_NEXT = 1;
export const REGISTRATION_TIMERS = 1;
/** First wait and longest wait before another try, in seconds. */
const BACK_OFF_FIRST_S = 30;
const BACK_OFF_MOST_S = 1800;
/**
 * While the server is away: the first wait, the longest one, and the time for which these hold, s. After that the waits
 * above hold.
 */
const AWAY_FIRST_S = 5;
const AWAY_MOST_S = 20;
const AWAY_LASTS_S = 900;
/** Number of probes in a row that find the binding gone, after which their result is ignored. */
const LOST_MOST = 3;
/** The value of `probeS` for: every PROBE_AUTO_S if the server has a private address, otherwise never. */
export const PROBE_AUTO = -1;
const PROBE_AUTO_S = 30;
/**
 * The same if another server is known that can take its place. Together with the wait for a silent server, the new
 * registration is complete within 32 s.
 */
const PROBE_PLURAL_S = 28;
/** The time within which all doors return to a preferred server that came back, ms. */
const RETURN_MS = 20_000;
/** The part of the interval after which the next probe is sent at the latest, and the random part before that. */
const PROBE_LATEST = 0.95;
const PROBE_SPREAD = 0.15;
/** The longest Retry-After that is accepted: a day. */
const RETRY_AFTER_MOST_S = 86400;
const RETRY_SPREAD_MOST = 3;
/** Wait while another request of ours is under way, or no transaction is free; also the least between two refreshes. */
const WAIT_MS = 5000;
/**
 * The wait from the end of the connection that we registered by to the next REGISTER, which may grow to five times
 * this. So not all doors ask a restarted server at once, and a server that closes each connection is not asked without
 * end.
 */
const RELINK_MS = 2000;

const BRANCH_IS = octets(";branch=");
const CONTACT_NEXT = octets(">;expires=0\r\nContact: <");
const TOO_LONG = "the REGISTER does not fit: sip.user, sip.name or sip.domain is too long";
/** Moved Temporarily: the codes above it name a proxy or another service. RFC 3261 §21.3 */
const MOVED_LAST = 302;
const NOWHERE = "it names no address to go to that was not tried";
const NOTHING_GRANTED = "no time was granted";

export interface RegistrationUser {
  /**
   * @param state REGISTRATION_* @param status of the response behind it, 0 when none came @param m that response, or
   * null
   */
  onRegistration(state: number, status: number, m: Message | null): void;
  /** Gets the answer to `query`: one call for each binding, which is in `m` at [start, end). */
  onBinding(m: Message, start: number, end: number): void;
  /** The address at which the server sees us has changed. */
  onSeen(): void;
  /** The flow of our registration is dead, or cannot be kept: one line for people. */
  onTrouble(line: string): void;
}

// Scratch for the time of one function call.
const list = new ValueList();
const span = new Span();
const params = new ParamList();
const writer = new Writer();

export interface RegistrationParts {
  layer: TransactionLayer;
  timers: Timers;
  random: RandomSource;
  account: Account;
  credentials: Credentials;
}

export interface RegistrationRoom {
  /** Octets for the texts of the request. */
  dialogBytes: number;
  /** Octets for one Contact URI. */
  contactBytes: number;
}

export class Registration implements ClientUser, TimerUser, OutboundUser {
  state = REGISTRATION_OFF;
  /** The interval that the server granted, s. */
  grantedS = 0;
  /** Failures in a row. */
  failures = 0;
  /** The reason of the failure in one line for a person, "" when the response says all. */
  problem = "";
  protected readonly layer: TransactionLayer;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly account: Account;
  private readonly credentials: Credentials;
  private readonly user: RegistrationUser;
  private readonly draft: Dialog;
  private readonly timer: number;
  private request: ClientTransaction | null = null;
  private requestedS = 0;
  private challenges = 0;
  /** A Min-Expires was already followed in this round. */
  private isRaised = false;
  private wanted = false;
  /** The request under way asks for bindings, or removes ours; if neither, it binds. */
  private isQuery = false;
  private isRemoval = false;
  /** The query is our own probe, whether the registrar still has our binding. */
  private isProbe = false;
  /** The registrar does not answer probes. */
  private isProbeRefused = false;
  /** Probes in a row that found our binding gone. */
  private lostInRow = 0;
  /** The time of the next refresh, and the time since which the server has been away, ms; Infinity: it is not away. */
  private refreshMs = 0;
  private awaySinceMs = Infinity;
  /** The registrar's answer to our registration did not contain our Contact as we wrote it. */
  private isRewritten = false;
  /** Another server can take the place of the one that has our binding. */
  private isPlural = false;
  /** The server was found at a private address. */
  private isNear = false;
  /** The place that the registrar redirects us to; made at its first redirection. */
  private moved: Moved | null = null;
  /** The place to which the last accepted REGISTER went. */
  private readonly boundAt = new Flow();
  /** The address of a registrar that has our binding and is not the server; -1: there is none. */
  private boundIp = -1;
  /** The registrar that named the Service-Route may have the password, so the host in the route may have it too. */
  private isRouteTrusted = true;
  /** In this round, credentials sent in advance were refused and a try without them followed. */
  private isAnew = false;
  /** The address at which the server sees us is given to peers outside of our network (transaction/outside.ts). */
  learnsAddress = false;
  /**
   * Our Contact has changed since it was registered; and a REGISTER with the new one was already sent in this round.
   */
  private isContactStale = false;
  private isCorrected = false;
  /** The Contact we registered last, so that it can be removed when our address changes. */
  private contact: Uint8Array = NONE;
  private contactEnd = 0;
  private next: Uint8Array = NONE;
  /** Octets of a Contact besides our user name. */
  private readonly contactMore: number;
  private nextEnd = 0;
  /** Keeps the flow of the registration; made if the settings say so. */
  private outbound: Outbound | null = null;

  constructor(parts: RegistrationParts, user: RegistrationUser, room: RegistrationRoom) {
    const { layer, timers, random, account, credentials } = parts;
    this.layer = layer;
    this.timers = timers;
    this.random = random;
    this.account = account;
    this.credentials = credentials;
    this.user = user;
    this.draft = new Dialog(room.dialogBytes);
    this.contactMore = room.contactBytes - USER_MOST_BYTES;
    this.timer = timers.make(this, TIMER_NEXT);
  }

  /** Registers, and stays registered. Without a domain there is no registrar: nothing happens. */
  start(): void {
    if (this.account.registrar.length === 0) return;
    this.wanted = true;
    this.failures = 0;
    this.isProbeRefused = false;
    this.lostInRow = 0;
    this.awaySinceMs = Infinity;
    this.requestedS = this.account.settings.expiresS;
    this.prepareOutbound();
    this.makeContacts();
    if (!this.draft.isDrafted() && !this.writeDraft()) {
      this.draft.clear();
      this.fail(0, null, 0, TOO_LONG);
      return;
    }
    if (this.request !== null && !this.isQuery) return;
    this.dropRequest();
    this.startRound();
  }

  /** Makes both Contacts as long as our user name wants them; most names are much shorter than they may be. */
  private makeContacts(): void {
    const bytes = this.contactMore + this.account.user.length;
    const { contact, contactEnd } = this;
    if (contact.length >= bytes) return;
    this.contact = octetArray(bytes);
    this.next = octetArray(bytes);
    copyOctets(this.contact, 0, contact, 0, contactEnd);
  }

  /** @returns false when the account's texts are too long */
  private writeDraft(): boolean {
    const { registrar, from, to, proxyRoute } = this.account;
    span.set(registrar, 0, registrar.length);
    return this.draft.draft(this.random, from, to, span, proxyRoute);
  }

  private prepareOutbound(): void {
    if (this.account.settings.outbound !== true) {
      this.outbound?.close();
      this.outbound = null;
      return;
    }
    this.outbound ??= new Outbound(this.layer, this, this.layer.transport.hardwareAddress());
    this.outbound.isRefused = false;
  }

  /** Removes our binding and stays unregistered. RFC 3261 §10.2.2 */
  stop(): void {
    const was = this.state;
    this.wanted = false;
    this.sleep();
    // Only one request is under way at a time. It may still bind us, so its answer leads to the removal. RFC 3261 §10.2
    if (this.request !== null && !this.isQuery) return;
    if (was === REGISTRATION_OFF || this.contactEnd === 0) this.setState(REGISTRATION_OFF, 0, null);
    else this.remove();
  }

  /**
   * Does the same as `reset`, and asks the server to remove our binding, before another account replaces this one. It
   * asks once, with the credentials at hand. A challenge is not answered, since the account no longer exists.
   */
  leave(): void {
    const was = this.state;
    this.dropRequest();
    const t = this.contactEnd > 0 ? this.layer.client(NO_USER) : null;
    if (t !== null) {
      this.isRemoval = true;
      this.writeRegister(t, true);
      t.sendRequest();
      this.isRemoval = false;
    }
    this.reset();
    if (was !== REGISTRATION_OFF) this.user.onRegistration(REGISTRATION_OFF, 0, null);
  }

  /** Forgets everything without a request to the server, before the same account is read again. */
  reset(): void {
    this.wanted = false;
    this.sleep();
    this.dropRequest();
    this.draft.clear();
    this.outbound?.stop();
    this.contactEnd = 0;
    this.boundIp = -1;
    this.moved?.forget();
    this.state = REGISTRATION_OFF;
  }

  /** Registers at once, because our address changed or the network came back. */
  renew(): void {
    if (!this.wanted) return;
    this.failures = 0;
    this.isCorrected = false;
    this.dropRequest();
    this.startRound();
  }

  /**
   * Asks for the bindings of our address; `onBinding` gets each of them. RFC 3261 §10.2.3 @returns whether it could be
   * asked
   */
  query(): boolean {
    if (this.request !== null || this.account.registrar.length === 0 || !this.draft.isDrafted()) return false;
    this.isQuery = true;
    this.challenges = 0;
    this.sendRegister();
    return true;
  }

  /** @returns ms until we register or refresh next, -1 when neither is due */
  nextMs(): number {
    const leftMs = this.outbound === null ? this.timers.remaining(this.timer) : this.outbound.wakeLeftMs();
    return leftMs >= 0 && this.state === REGISTRATION_DONE ? Math.max(0, this.refreshMs - this.timers.nowMs) : leftMs;
  }

  /**
   * Returns whether our binding is at a registrar with that address that the server redirected us to. Calls come from
   * there, but it gets no password.
   */
  isBoundAt(ip: number): boolean {
    return ip >= 0 && ip === this.boundIp;
  }

  /** @returns the place that the server redirected us to, "" when it did not */
  get place(): string {
    return this.moved === null ? "" : this.moved.place;
  }

  /** The server reaches us by the flow of our REGISTER, which is kept. */
  get keepsFlow(): boolean {
    return this.outbound?.isGranted === true;
  }

  /** The flow by which we are registered, null while we are not. */
  get flow(): Flow | null {
    return this.state === REGISTRATION_DONE ? this.boundAt : null;
  }

  /** Registers the new address at which others see us in place of the old one. */
  correct(): void {
    // The answer to the request under way leads to another REGISTER.
    if (this.request !== null) this.isContactStale = true;
    else if (this.state === REGISTRATION_DONE && !this.isContactRight()) this.refreshIn(0);
  }

  /** Registers anew, unless a request is under way, whose answer has the address at which the server sees us. */
  ask(): void {
    if (this.state === REGISTRATION_DONE && this.request === null) this.refreshIn(0);
  }

  /** Our address as the server sees it; null while it sees our own. */
  protected get outside(): Outside | null {
    return this.layer.outside;
  }

  /** Makes the object for that address. */
  protected takeOutside(): Outside {
    this.layer.outside ??= new Outside();
    return this.layer.outside;
  }

  /** Returns whether our Contact, written now, would equal the registered one. */
  private isContactRight(): boolean {
    const { next, boundAt } = this;
    writer.begin(next, 0, next.length);
    writeContactUri(writer, this.layer, this.account.user, boundAt.transport, boundAt.ip);
    this.nextEnd = writer.at;
    return writer.ok && this.isSameContact();
  }

  onTimer(): void {
    const { outbound } = this;
    if (outbound === null || outbound.onTimer()) this.onWake();
    if (outbound !== null) this.setTimer(outbound.leftMs());
  }

  private onWake(): void {
    this.isCorrected = false;
    if (this.request !== null) this.wakeIn(WAIT_MS);
    else if (this.state === REGISTRATION_DONE && this.timers.nowMs < this.refreshMs) this.probe();
    else this.startRound();
  }

  /** Wakes us then; the timer also runs out for what keeps our flow. */
  private wakeIn(ms: number): void {
    this.setTimer(this.outbound === null ? ms : this.outbound.join(ms));
  }

  private sleep(): void {
    this.outbound?.join(Infinity);
    this.timers.stop(this.timer);
  }

  private setTimer(ms: number): void {
    if (ms === Infinity) this.timers.stop(this.timer);
    else this.timers.start(this.timer, ms);
  }

  /** Asks whether the registrar still has our binding; `onAccepted` and `fail` handle the answer. */
  private probe(): void {
    this.waitWhileRegistered();
    this.isProbe = true;
    this.query();
  }

  /** Starts the timer for the refresh or for the next probe. */
  private waitWhileRegistered(): void {
    const refreshInMs = Math.max(0, this.refreshMs - this.timers.nowMs);
    const probeS = this.probeS();
    const part = PROBE_LATEST - PROBE_SPREAD * fraction(this.random);
    this.wakeIn(probeS > 0 ? Math.min(refreshInMs, Math.round(probeS * 1000 * part)) : refreshInMs);
  }

  private probeS(): number {
    const { probeS = 0 } = this.account.settings;
    if (this.isProbeRefused) return 0;
    if (probeS !== PROBE_AUTO) return probeS;
    return this.isPlural ? PROBE_PLURAL_S : this.isNear ? PROBE_AUTO_S : 0;
  }

  /** Notes that a server did not answer another request. If it has our binding, we register anew. */
  onServerFailed(ip: number, port: number): void {
    if (this.state !== REGISTRATION_DONE || this.request !== null) return;
    if (ip === this.boundAt.ip && port === this.boundAt.port) this.refreshIn(0);
  }

  /** Takes the end of the connection by which we registered. No call can come until there is another one. */
  onSecureGone(connection: number): void {
    if (this.state !== REGISTRATION_DONE || this.boundAt.connection !== connection) return;
    this.boundAt.connection = -1;
    if (this.request === null) this.refreshIn(Math.round(RELINK_MS * (1 + 4 * fraction(this.random))));
  }

  // The flow of our registration. RFC 5626 §4.5

  onFlowAnswered(isFirst: boolean): void {
    if (isFirst) this.failures = 0;
    if (this.outbound !== null) this.setTimer(this.outbound.leftMs());
  }

  onFlowGone(connection: number): void {
    this.onSecureGone(connection);
  }

  onFlowDead(why: string, wasProven: boolean): void {
    const { boundAt, layer } = this;
    const { connection } = boundAt;
    boundAt.connection = -1;
    if (boundAt.transport !== TRANSPORT_UDP && connection >= 0) layer.transport.closeConnection(connection, true);
    if (this.state !== REGISTRATION_DONE) return;
    this.dropRequest();
    this.user.onTrouble("sip.outbound: " + why + ", so the door registers anew");
    // A flow that never worked may not work the next time either.
    if (!wasProven) {
      this.fail(0, null, 0, why);
      return;
    }
    this.problem = why;
    this.setState(REGISTRATION_FAILED, 0, null);
    this.startRound();
  }

  /** Notes that a server of the account answers again. It may be preferred to the one that has our binding. */
  onServerBack(ip: number, port: number): void {
    if (this.state === REGISTRATION_FAILED && this.wanted && this.request === null) this.startRound();
    else if (this.state === REGISTRATION_DONE && (ip !== this.boundAt.ip || port !== this.boundAt.port)) {
      this.refreshIn(Math.round(RETURN_MS * fraction(this.random)));
    }
  }

  private refreshIn(ms: number): void {
    this.refreshMs = Math.min(this.refreshMs, this.timers.nowMs + ms);
    this.wakeIn(Math.max(0, this.refreshMs - this.timers.nowMs));
  }

  private startRound(): void {
    if (!this.wanted) {
      this.remove();
      return;
    }
    if (!this.draft.isDrafted()) {
      this.start();
      return;
    }
    this.challenges = 0;
    this.isRaised = this.isRemoval = this.isAnew = false;
    if (this.moved?.startRound(this.timers.nowMs)) this.goHome();
    if (this.state !== REGISTRATION_DONE) this.setState(REGISTRATION_TRYING, 0, null);
    this.sendRegister();
  }

  private remove(): void {
    this.dropRequest();
    this.challenges = 0;
    this.isRemoval = true;
    this.sendRegister();
  }

  private dropRequest(): void {
    this.isQuery = this.isProbe = false;
    if (this.request === null) return;
    this.layer.disown(this);
    this.request = null;
  }

  private sendRegister(): void {
    const t = this.layer.client(this);
    if (t === null) {
      if (!this.isQuery) this.wakeIn(WAIT_MS);
      this.isQuery = this.isProbe = false;
      return;
    }
    // Our previous binding expires by itself if there is no room to remove it.
    if (!this.writeRegister(t, true)) this.writeRegister(t, false);
    this.request = t;
    if (t.sendRequest()) return;
    this.request = null;
    this.fail(0, null, 0, TOO_LONG);
  }

  /** @param takesBack removes our previous binding, if it differs @returns whether it fits */
  private writeRegister(t: ClientTransaction, takesBack: boolean): boolean {
    const w = this.draft.beginRequest(t, METHOD_REGISTER, this.account.settings.transport);
    if (!this.isQuery) this.writeContacts(w, t.target, takesBack);
    w.put(this.outbound?.isRefused === false ? SUPPORTED_OUTBOUND : SUPPORTED_PATH);
    if (this.isTrusted())
      this.credentials.writeAnswer(w, t, METHOD_REGISTER, this.draft.requestUri, this.challenges > 0);
    // No server needs this field, so a request that would be long omits it.
    if (w.at + USER_AGENT.length <= DATAGRAM_USUAL_BYTES) w.put(USER_AGENT);
    w.put(EMPTY_BODY);
    return w.ok;
  }

  /** Returns whether the registrar may have the password. */
  private isTrusted(): boolean {
    return this.moved === null || this.moved.isTrusted;
  }

  private writeContacts(w: Writer, target: Target, takesBack: boolean): void {
    const start = w.at + CONTACT_OPEN.length;
    w.put(CONTACT_OPEN);
    if (this.isRemoval) {
      w.raw(this.contact, 0, this.contactEnd);
      w.put(URI_EXPIRES);
      w.uint(0);
      this.outbound?.writeParams(w);
      w.put(CRLF);
      return;
    }
    const { layer } = this;
    const peerIp = layer.hasOutside ? layer.knownIp(target) : -1;
    writeContactUri(w, layer, this.account.user, target.transport, peerIp);
    this.isContactStale = false;
    if (w.ok && w.at - start <= this.next.length) {
      this.nextEnd = w.at - start;
      copyOctets(this.next, 0, w.bytes, start, start + this.nextEnd);
      // A registrar that knows our flow replaces its binding.
      const isKnown = this.outbound?.isKnown === true;
      if (takesBack && this.contactEnd > 0 && !isKnown && !this.isSameContact()) {
        // Our address changed. The same request removes the old binding, or calls would go to an address that is not
        // ours.
        w.at = start;
        w.raw(this.contact, 0, this.contactEnd);
        w.put(CONTACT_NEXT);
        w.raw(this.next, 0, this.nextEnd);
      }
    }
    w.put(URI_EXPIRES);
    w.uint(this.requestedS);
    this.outbound?.writeParams(w);
    w.put(CRLF);
    w.put(EXPIRES);
    w.uint(this.requestedS);
    w.put(CRLF);
  }

  private isSameContact(): boolean {
    if (this.nextEnd !== this.contactEnd) return false;
    for (let i = 0; i < this.nextEnd; i++) if (this.next[i] !== this.contact[i]) return false;
    return true;
  }

  onResponse(t: ClientTransaction, m: Message): void {
    if (t !== this.request) return;
    const { ip, port } = t.target;
    const isTrusted = this.isTrusted();
    if (isTrusted) this.credentials.noteServer(ip, port);
    if (m.status < 200) return;
    if (isTrusted && this.learnsAddress) this.noteSeen(t, m);
    this.request = null;
    if (m.status < 300) {
      this.isNear = isNear(ip);
      if (!this.isQuery) {
        this.boundAt.set(t.target.transport, ip, port, t.flow.connection);
        this.isPlural = this.layer.transport.hasOther(t.target);
      }
      this.boundIp = isTrusted ? -1 : ip;
      if (isTrusted) this.credentials.noteNext(m);
      if (!this.isProbe || (ip === this.boundAt.ip && port === this.boundAt.port)) this.onAccepted(m);
      else {
        // The server that has our binding did not answer. A binding at another server, if any, is outdated.
        this.isQuery = this.isProbe = false;
        this.startRound();
      }
    } else if (m.status <= MOVED_LAST) this.onMoved(m);
    else if (
      (m.status === 401 || m.status === 407) &&
      this.challenges < 2 &&
      isTrusted &&
      this.credentials.takeChallenge(t, m, this.challenges > 0)
    ) {
      this.challenges += 1;
      this.sendRegister();
    } else if (m.status === 439 && this.outbound?.isRefused === false) {
      // RFC 5626 §4.2.1, §11.6
      this.outbound.isRefused = true;
      this.user.onTrouble("sip.outbound: the first server keeps no flows (439), so the door registers without it");
      this.sendRegister();
    } else if (m.status === 423 && this.canRaise(m.uint(HEADER_MIN_EXPIRES, UINT32_MOST))) {
      this.requestedS = m.uint(HEADER_MIN_EXPIRES, UINT32_MOST);
      this.isRaised = true;
      this.sendRegister();
    } else if ((m.status === 400 || m.status === 403) && this.canTryAnew()) {
      // The server no longer knows its own challenge.
      this.isAnew = true;
      this.credentials.forget();
      this.sendRegister();
    } else this.fail(m.status, m, m.uint(HEADER_RETRY_AFTER, UINT32_MOST), this.problemOf(m));
  }

  /**
   * Notes the address at which the server sees us, RFC 3261 §18.2.1, RFC 3581 §4. An answer counts only if it comes
   * from the place to which the request went. An answer without such an address means that the server sees our own.
   */
  private noteSeen(t: ClientTransaction, m: Message): void {
    const { layer } = this;
    if (!layer.isFrom(t.flow)) return;
    const { transport } = t.flow;
    const isTcp = transport !== TRANSPORT_UDP;
    const own = layer.transport.ownPort(transport);
    let seenIp = layer.localIp;
    let seenPort = own;
    // We wrote the branch first, so the server's parameters follow it, unless the server changed the order.
    const isFirst = m.branchStart - m.sentByEnd === BRANCH_IS.length;
    params.beginParams(m.bytes, isFirst ? m.branchEnd : m.sentByEnd, m.viaEnd);
    while (params.next()) {
      const { bytes, nameStart, nameEnd, valueStart, valueEnd } = params;
      if (equalNoCase(bytes, nameStart, nameEnd, RECEIVED, 0, RECEIVED.length))
        seenIp = parseIPv4(bytes, valueStart, valueEnd);
      else if (params.hasValue && equalNoCase(bytes, nameStart, nameEnd, RPORT, 0, RPORT.length))
        seenPort = parseUint(bytes, valueStart, valueEnd, PORT_MOST);
    }
    if (seenPort <= 0) seenPort = own;
    if (!isCredible(seenIp, layer.localIp)) return;
    const isHere = seenIp === layer.localIp && (isTcp || seenPort === own);
    if (isHere && this.outside === null) return;
    if (!this.takeOutside().noteSeen(t.flow.ip, isHere ? -1 : seenIp, seenPort, transport)) return;
    this.isContactStale = true;
    this.user.onSeen();
  }

  /** Takes a 300, 301 or 302. */
  private onMoved(m: Message): void {
    this.moved ??= new Moved(this.credentials.servers);
    if (!this.moved.follow(m, this.draft.target, this.timers.nowMs)) this.fail(m.status, m, 0, NOWHERE);
    else this.goOn();
  }

  /** Registers at the place of the redirection. */
  private goOn(): void {
    if (this.moved === null) return;
    const { uri } = this.moved;
    this.challenges = 0;
    this.isRaised = false;
    if (this.draft.setTarget(uri.bytes, uri.start, uri.end)) this.sendRegister();
    else this.fail(0, null, 0, TOO_LONG);
  }

  private goHome(): void {
    const { registrar } = this.account;
    this.moved?.forget();
    this.draft.setTarget(registrar, 0, registrar.length);
  }

  /** Returns whether the refused request had credentials that no challenge of this round asked for. */
  private canTryAnew(): boolean {
    return (
      this.wanted && !this.isAnew && this.challenges === 0 && this.isTrusted() && this.credentials.isRegistrarKnown
    );
  }

  /** @returns the reason why the registration failed, if the refusal does not show it */
  private problemOf(m: Message): string {
    if (m.status !== 401 && m.status !== 407) return "";
    if (this.isTrusted()) return explainChallenge(m, this.account.settings);
    return (
      "the server sent the door to " +
      this.place +
      ", which is not of " +
      keyOf(this.account.settings, "domain") +
      " and gets no password"
    );
  }

  onFailure(t: ClientTransaction): void {
    if (t !== this.request) return;
    this.request = null;
    // The server's name may have a new address.
    if (t.target.nameSize > 0) this.layer.transport.resolver.forget(t.target);
    // A connection over which nothing comes back is dead, though it was not closed, so the next try opens a new one.
    if (t.flow.transport !== TRANSPORT_UDP && t.flow.connection >= 0)
      this.layer.transport.closeConnection(t.flow.connection);
    this.fail(0, null, 0);
  }

  onTerminated(t: ClientTransaction): void {
    if (t === this.request) this.request = null;
  }

  private onAccepted(m: Message): void {
    if (this.isQuery) {
      const wasProbe = this.isProbe;
      this.isQuery = this.isProbe = false;
      if (wasProbe) {
        // The registrar answers and has no binding of ours, as if we had never registered.
        if (this.wanted && this.isContactStale) this.startRound();
        else if (this.wanted) this.onProbed(hasBinding(m, this.contact, this.contactEnd, this.isRewritten));
        return;
      }
      list.beginField(m, HEADER_CONTACT);
      while (list.next()) this.user.onBinding(m, list.start, list.end);
      return;
    }
    // A flow that is kept counts when it has worked. RFC 5626 §4.5
    if (this.outbound === null || this.isRemoval) this.failures = 0;
    this.problem = "";
    this.awaySinceMs = Infinity;
    if (this.isRemoval) {
      this.contactEnd = 0;
      if (this.wanted) this.startRound();
      else this.setState(REGISTRATION_OFF, m.status, m);
      return;
    }
    copyOctets(this.contact, 0, this.next, 0, this.nextEnd);
    this.contactEnd = this.nextEnd;
    if (!this.wanted) {
      this.remove();
      return;
    }
    this.grantedS = readGranted(m, this.contact, this.contactEnd, this.requestedS);
    if (this.grantedS === 0) {
      this.fail(m.status, m, 0, NOTHING_GRANTED);
      return;
    }
    this.credentials.servers.age();
    this.layer.lookUpBackups();
    // The refresh comes after half the time, so that the back-off after a lost refresh ends before the binding does.
    this.refreshMs = this.timers.nowMs + Math.max(this.grantedS * 500, WAIT_MS);
    this.isRewritten = !hasBinding(m, this.contact, this.contactEnd, false);
    // A registrar that lists no bindings in this answer lists none when asked.
    if (!m.has(HEADER_CONTACT)) this.isProbeRefused = true;
    if (this.outbound !== null) {
      this.outbound.onRegistered(m, this.boundAt);
      if (!this.outbound.isGranted) this.failures = 0;
    }
    this.waitWhileRegistered();
    this.setState(REGISTRATION_DONE, m.status, m);
    // This happens once a round, so that a router that gives each request another port makes no storm.
    if (!this.isContactStale || this.isCorrected || !this.wanted || this.request !== null) return;
    if (this.isContactRight()) return;
    this.isCorrected = true;
    this.startRound();
  }

  /** This happens once a round, so that a server that asks for more each time makes no storm. */
  private canRaise(leastS: number): boolean {
    return this.wanted && !this.isRemoval && !this.isQuery && !this.isRaised && leastS > this.requestedS;
  }

  /** Takes the registrar's list of our bindings. */
  private onProbed(isBound: boolean): void {
    this.lostInRow = isBound ? 0 : this.lostInRow + 1;
    if (isBound) return;
    // A registrar whose list is empty each time, just after it accepted our binding, does not list bindings.
    if (this.lostInRow >= LOST_MOST) {
      this.isProbeRefused = true;
      this.waitWhileRegistered();
    } else this.startRound();
  }

  /** @param problem of the request or its answer, "" when the answer says all */
  private fail(status: number, m: Message | null, retryAfterS: number, problem = ""): void {
    const isAway = (status === 0 && problem === "") || status === 408 || status >= 500;
    if (this.isQuery) {
      const wasProbe = this.isProbe;
      this.isQuery = this.isProbe = false;
      // The binding is still valid, unless the server is gone.
      if (!wasProbe || !this.wanted || !isAway || status === 501) {
        this.isProbeRefused ||= wasProbe;
        return;
      }
    }
    if (this.wanted && this.tryElsewhere()) return;
    if (!this.wanted) {
      this.contactEnd = 0;
      this.setState(REGISTRATION_OFF, status, m);
      return;
    }
    this.unlearn();
    if (!isAway) this.awaySinceMs = Infinity;
    else if (this.awaySinceMs === Infinity) this.awaySinceMs = this.timers.nowMs;
    const waitS = retryAfterS > 0 ? this.retryS(retryAfterS) : this.backOffS();
    this.failures += 1;
    this.problem = problem;
    this.wakeIn(Math.round(waitS * 1000));
    this.setState(REGISTRATION_FAILED, status, m);
  }

  /**
   * Leaves the place of the redirection, since it is of no use, for the next one that was named. If the redirection
   * came before this round, goes to the registrar itself.
   * @returns whether there is such a place
   */
  private tryElsewhere(): boolean {
    const { moved } = this;
    if (moved === null || !moved.isOn) return false;
    if (moved.followNext()) this.goOn();
    else if (moved.isFollowing) return false;
    else {
      this.goHome();
      this.startRound();
    }
    return true;
  }

  /**
   * Forgets the data of a server that fails now. Its Service-Route ends with the state, and its address when its name's
   * time ends or other addresses replace it (credentials.ts).
   */
  private unlearn(): void {
    this.credentials.forget();
    this.requestedS = this.account.settings.expiresS;
    this.isProbeRefused = false;
    this.lostInRow = 0;
    this.boundIp = -1;
    this.outside?.forgetSeen();
    if (this.moved?.isOn) this.goHome();
  }

  /**
   * A server that has too much to do tells many doors the same time, so the wait is spread more and more, up to
   * RETRY_SPREAD_MOST times as long. RFC 3261 §21.5.4
   */
  private retryS(retryAfterS: number): number {
    const leastS = Math.min(retryAfterS, RETRY_AFTER_MOST_S);
    return leastS * (1 + Math.min(this.failures, RETRY_SPREAD_MOST) * fraction(this.random));
  }

  private backOffS(): number {
    const isShort = this.awaySinceMs !== Infinity && this.timers.nowMs - this.awaySinceMs < AWAY_LASTS_S * 1000;
    const firstS = isShort ? AWAY_FIRST_S : BACK_OFF_FIRST_S;
    const mostS = isShort ? AWAY_MOST_S : BACK_OFF_MOST_S;
    // RFC 5626 §4.5 counts the failure that is waited after.
    const before = this.outbound !== null && !isShort ? this.failures + 1 : this.failures;
    return Math.min(mostS, firstS * 2 ** Math.min(before, 6)) * (0.5 + fraction(this.random) / 2);
  }

  private setState(state: number, status: number, m: Message | null): void {
    this.state = state;
    // The Service-Route stays during a refresh and ends with the registration. RFC 3608 §5
    const isDone = state === REGISTRATION_DONE;
    if (!isDone) this.outbound?.stop();
    if (isDone || state !== REGISTRATION_TRYING) {
      const isChanged = this.account.setServiceRoute(isDone ? m : null);
      const isTrusted = this.isTrusted();
      if (isChanged || isTrusted !== this.isRouteTrusted)
        this.credentials.setRoute(isTrusted ? this.account.serviceHost : "", this.account.settings.transport);
      this.isRouteTrusted = isTrusted;
    }
    this.user.onRegistration(state, status, m);
  }
}

/** Returns whether an address is in a private network, or is this machine's. */
function isNear(ip: number): boolean {
  return isPrivate(ip) || ip >>> 24 === 127;
}
