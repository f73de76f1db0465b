/**
 * The user agent of RFC 3261: it registers, makes calls, passes each received message to its call or subscription, and
 * joins each call's session to its sound. Sans-IO: octets, time and randomness go in; octets to send and events come
 * out.
 * Not here: answers to requests outside of dialogs (strangers.ts) and to those that a session leaves (incall.ts), our
 * address as others see it (ownaddress.ts), buttons, doors and the right to open (the intercom), sockets (the driver).
 */
import { ipv4Text } from "../core/address.js";
import { NONE, octets, Span, utf8 } from "../core/bytes.js";
import type { Limits } from "../core/limits.js";
import { Pool } from "../core/pool.js";
import { printable, SHOWN_MOST } from "../core/printable.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { ALLOW_REFER_SHORT, ALLOW_SHORT } from "../dialog/capabilities.js";
import { Dialog } from "../dialog/dialog.js";
import { NegotiationSettings } from "../dialog/negotiation.js";
import type { Flow } from "../transaction/flow.js";
import { TransactionLayer, type TransactionUser } from "../transaction/layer.js";
import type { Network } from "../transaction/network.js";
import { refuseRequired } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { METHOD_BYE, METHOD_INVITE, METHOD_SUBSCRIBE, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import { Account, type AccountSettings, isSameAccount } from "./account.js";
import {
  CALL_CALLING,
  CALL_CONFIRMED,
  CALL_ENDED,
  CALL_FREE,
  CALL_HELD,
  CALL_INCOMING,
  type Call,
  type CallContext,
  type CallUser,
  type Line,
  lengthProblem,
  RING_MOST_MS,
  type SoundNetwork,
} from "./call.js";
import { CallPool } from "./callpool.js";
import { Credentials } from "./credentials.js";
import { encryptionProblem } from "./encryptionproblem.js";
import type { Identity } from "./identity.js";
import { DIGIT_INBAND, DIGIT_RTP, InCall, type InCallUser } from "./incall.js";
import { InfoSender } from "./infosender.js";
import { OwnAddress, type OwnAddressUser } from "./ownaddress.js";
import {
  REGISTRATION_DONE,
  REGISTRATION_FAILED,
  REGISTRATION_OFF,
  Registration,
  type RegistrationUser,
} from "./registration.js";
import { SecondAccount, type SecondAccountUser } from "./secondaccount.js";
import { ServerProbe } from "./serverprobe.js";
import { OPTION_TAGS, Strangers, type StrangersUser } from "./strangers.js";
import { type NamedTarget, readAccount, readContact, readTarget } from "./target.js";
import { Transfer, type TransferHost } from "./transfer.js";
import { WATCH_CONFIRMED, WATCH_EARLY, WATCH_IDLE, WATCH_TRYING, Watchers } from "./watchers.js";

const KEYS_IN_CLEAR =
  "media.encryption is require, but anybody could read its keys on the way: set sip.transport tls, media.encryptionClear on, or media.encryption offer";
const SIPS_IN_CLEAR = "sips: goes by TLS at each step, but the proxy is not reached by it: set sip.transport tls";
/** The problem when the settings or a target ask for TLS and the device has none. */
export const NO_TLS = "this device has no TLS yet: use sip: with udp or tcp";

const NO_SECOND = "there is no second account: set account2.domain";
const SECOND_LATER = "account2.domain is set: save and reboot, the second account is made when the door starts";

export interface UserAgentSettings extends AccountSettings {
  /** Payload types in the order of preference: 0 PCMU, 8 PCMA. */
  codecs: readonly number[];
  /** ENCRYPTION_*: whether the sound is encrypted; undefined: it is not. */
  encryption?: number;
  /** The sound's keys may be sent over signalling without TLS, which others on the path can read. */
  keysInClear?: boolean;
  /** The longest time for which a call in either direction rings, in ms; 0: no limit. */
  ringTimeMs: number;
  /** The time without RTP after which we hang up, in ms; 0: never. */
  silenceTimeMs: number;
  /** The session interval to ask for, in seconds; 0 none. RFC 4028 */
  sessionExpiresS: number;
  /** URL of a picture of the caller, sent in INVITEs; "": none. */
  picture?: string;
  /** The other side may ask us to move its call; `mayRefer` decides who may, and where to. Undefined: it may not. */
  refers?: boolean;
  /** The 180 to an incoming call already has the answer to its offer, with our address for sound. */
  earlyAnswer?: boolean;
  /** The shortest session interval that we accept, in seconds. */
  minSeS: number;
  /** RTP port of line 0; each further line has the next even one. */
  rtpPort: number;
  /** Peers outside of our network get the address at which our server or a STUN server sees us. */
  learnsAddress?: boolean;
  /** A STUN server, host or host:port; undefined: there is none. */
  stun?: string;
  /** The address for peers outside, at which our ports are forwarded; -1 or undefined: none. */
  publicIp?: number;
  /** The second account; undefined: there is none. It can come only if there is one at the start. */
  second?: AccountSettings;
  /**
   * Targets that name no account are called by the second one, if it exists and they are not at the first one's server.
   */
  callsBySecond?: boolean;
}

/** The objects that a user agent needs. */
export interface UserAgentParts {
  limits: Limits;
  timers: Timers;
  random: RandomSource;
  network: Network;
  sound: SoundNetwork;
}

/** The events and questions of a user agent. Messages are lent for the time of the function call. */
export interface UserAgentUser extends StrangersUser, InCallUser, OwnAddressUser {
  /** @param state REGISTRATION_* @param status of the response behind it, 0 when none came */
  onRegistration(state: number, status: number, m: Message | null): void;
  /** Gets a binding that the registrar has for us, after `query`: the Contact value is at [start, end). */
  onBinding(m: Message, start: number, end: number): void;
  /**
   * `call.state` changed.
   * @param cause CAUSE_* when it ended, else 0 @param status that ended it, or 0 @param m the message that caused it,
   * or null
   */
  onCall(call: Call, cause: number, status: number, m: Message | null): void;
  /**
   * The received sound changed.
   * @param change SOUND_* @param ip @param port the new source, for SOUND_MOVED
   */
  onSound(call: Call, change: number, ip: number, port: number): void;
  /** As `onRegistration`, for the second account. */
  onSecondRegistration?(state: number, status: number, m: Message | null): void;
  /** Reports in one line a problem whose cause no other event names. */
  onTrouble?(line: string): void;
  /**
   * Hold, resume or a change of our address failed, and the call is as before.
   * @param m the response that refused it; null: it could not be sent
   */
  onUnchanged?(call: Call, wasHold: boolean, m: Message | null): void;
  /**
   * Reports how a call is moved, or picked up by another phone; `onCall` does not report these changes. See
   * `TransferHost.onTransfer`.
   */
  onTransfer?(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void;
}

/** The place that a target was read as. */
interface Place {
  uri: Uint8Array;
  /** The target as it was given, for a message. */
  written: string;
  /** The account that it is called by. */
  identity: Identity;
}

// Scratch for the time of one function call.
const span = new Span();
const uri = new Uri();

export class UserAgent
  implements TransactionUser, CallUser, CallContext, RegistrationUser, TransferHost, Identity, SecondAccountUser
{
  readonly layer: TransactionLayer;
  readonly account: Account;
  readonly registration: Registration;
  readonly calls: readonly Call[];
  readonly lines: readonly Line[];
  readonly dialogs: Pool<Dialog>;
  readonly credentials: Credentials;
  readonly random: RandomSource;
  /** See `SessionContext`. */
  callInfo: Uint8Array;
  readonly transfer: Transfer;
  /** Null unless it is set up at the start. */
  readonly second: SecondAccount | null;
  private readonly serverProbe: ServerProbe;
  /** The reason why the last `call` was not made, one line for a person. */
  error = "";
  /** The reason why the last challenge of a call was not answered, one line for a person. */
  challengeProblem = "";
  /** The last `call` failed only because there was no room, so it may soon succeed. */
  isFull = false;
  /** Answers the requests outside of dialogs. */
  readonly strangers: Strangers;
  // These are for the files of the user agent.
  readonly pool: CallPool;
  readonly watchers: Watchers;
  readonly user: UserAgentUser;
  settings: UserAgentSettings;
  private readonly inCall: InCall;
  private readonly ownAddress: OwnAddress;
  private readonly negotiation: NegotiationSettings;
  private readonly infoSender = new InfoSender();
  private isConfigured = false;
  /** The registration's problem that was reported last. */
  private toldTrouble = "";

  constructor(settings: UserAgentSettings, parts: UserAgentParts, user: UserAgentUser) {
    const { limits, random } = parts;
    this.settings = settings;
    this.random = random;
    this.user = user;
    this.layer = new TransactionLayer(parts, this);
    this.negotiation = new NegotiationSettings(this.layer.scratch, this.layer.writer);
    this.account = new Account(settings);
    this.credentials = new Credentials(random);
    const dialogs: Dialog[] = [];
    for (let i = 0; i < limits.dialogs; i++) dialogs.push(new Dialog(limits.dialogBytes));
    this.dialogs = new Pool(dialogs);
    this.callInfo = callInfoOf(settings);
    this.pool = new CallPool(this, this.negotiation, parts, this);
    this.lines = this.pool.lines;
    this.calls = this.pool.calls;
    this.transfer = new Transfer(this, this);
    this.watchers = new Watchers(this, this.account, limits.subscriptions, limits.dialogBytes);
    this.serverProbe = new ServerProbe(this, this);
    this.ownAddress = new OwnAddress(this, parts);
    this.strangers = new Strangers(this);
    this.inCall = new InCall(this);
    this.registration = new Registration(this, this, limits);
    const hasSecond = settings.second !== undefined;
    this.second = hasSecond ? new SecondAccount(this, parts.network, limits, this) : null;
  }

  // What the calls of this account share.

  get context(): CallContext {
    return this;
  }

  get timers(): Timers {
    return this.layer.timers;
  }

  get transport(): number {
    return this.settings.transport;
  }

  get contactUser(): Uint8Array {
    return this.account.user;
  }

  get allow(): Uint8Array {
    return allowOf(this.settings);
  }

  get sessionExpiresS(): number {
    return this.settings.sessionExpiresS;
  }

  get minSeS(): number {
    return this.settings.minSeS;
  }

  get answersEarly(): boolean {
    return this.settings.earlyAnswer === true;
  }

  get silenceTimeMs(): number {
    return this.settings.silenceTimeMs;
  }

  /**
   * Takes settings and our address; registers if the settings say so, and registers anew if a setting of the
   * registration has changed. Calls go on.
   * @param ip our address @param tcpPort our port for TCP connections
   */
  configure(settings: UserAgentSettings, ip: number, udpPort: number, tcpPort: number): void {
    const old = this.settings;
    this.settings = settings;
    this.callInfo = callInfoOf(settings);
    const wasRegistered = this.registration.state !== REGISTRATION_OFF;
    const before = this.account.settings;
    const { layer } = this;
    const isMoved = ip !== layer.localIp || udpPort !== layer.udpPort || tcpPort !== layer.tcpPort;
    const { second } = this;
    const learnsAddress = settings.learnsAddress === true && (settings.publicIp ?? -1) < 0;
    if (second !== null) second.configure(settings.second, isMoved, learnsAddress);
    if (second?.isOn && second.needsTls && !layer.transport.hasTls)
      this.onTrouble("account2.transport is tls: " + NO_TLS);
    else if (second === null && settings.second !== undefined) this.tellTrouble(SECOND_LATER);
    if (this.isConfigured && !isMoved && isSameAccount(settings, before)) {
      // The current registration, or the wait for the next try, goes on.
      this.setAddress(ip, udpPort, tcpPort);
      if (this.ownAddress.configure(old, false)) this.ownAddress.onOutsideChanged();
      second?.start();
      return;
    }
    const isFirst = !this.isConfigured;
    this.isConfigured = true;
    const isOther =
      settings.user !== before.user || settings.domain !== before.domain || settings.proxy !== before.proxy;
    if (isOther) this.registration.leave();
    else if (settings.register) this.registration.reset();
    this.setAddress(ip, udpPort, tcpPort);
    this.layer.transport.reach.clear();
    this.layer.outside?.forgetSeen();
    this.ownAddress.configure(old, isFirst);
    this.serverProbe.reset();
    this.toldTrouble = "";
    this.credentials.configure(settings);
    if (settings.transport === TRANSPORT_TLS && !this.layer.transport.hasTls)
      this.tellTrouble("sip.transport is tls: " + NO_TLS);
    if (settings.register) this.registration.start();
    else if (wasRegistered && !isOther) this.registration.stop();
    second?.start();
  }

  /** Takes a change of our address, for the account, the binding and the calls. */
  moveTo(ip: number, udpPort: number, tcpPort: number): void {
    this.serverProbe.reset();
    this.setAddress(ip, udpPort, tcpPort);
    this.ownAddress.moveTo();
    this.registration.renew();
    this.second?.registration.renew();
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i];
      if (!call.session.reoffer()) call.onUnchanged(false, null);
    }
  }

  /**
   * Calls a target that a person gave: a URI, an address or a number. @param beside a call that rings. At most one of
   * the two will be answered, so both share its line
   * @param isDirect goes straight to the address in the target, without the outbound proxy; it may be a received
   * contact @param fields further lines of the INVITE, whose octets stay until it is answered
   * @returns the call, or null with the reason in `error`
   */
  call(target: string, beside: Call | null = null, isDirect = false, fields: Span | null = null): Call | null {
    const place = this.readPlace(target, isDirect);
    if (place === null) return null;
    const line = beside === null ? this.pool.takeLine() : beside.line;
    const call = line === null ? null : this.pool.takeCall(line, this.transfer);
    const draft = call === null ? null : this.dialogs.take();
    if (call === null || draft === null) {
      if (call !== null) call.state = CALL_FREE;
      return this.cannot("all lines are in use: hang up first", true);
    }
    const problem = this.prepare(call, draft, place, isDirect);
    if (problem !== "") {
      this.dialogs.give(draft);
      call.state = CALL_FREE;
      return this.cannot(problem);
    }
    call.startRinging(CALL_CALLING);
    if (!call.session.call(draft, fields)) {
      call.state = CALL_ENDED;
      if (call.session.isTooLong) return this.cannot(lengthProblem(call.context));
      return this.cannot("the INVITE could not be sent: no free transaction", true);
    }
    call.limit(this.settings.ringTimeMs);
    this.onCallState(call, 0, 0, null);
    return call;
  }

  /** Reads a target. @returns null when it cannot be called; then `error` says why */
  private readPlace(target: string, isDirect: boolean): Place | null {
    const named = readAccount(target);
    const written = printable(named.target, SHOWN_MOST);
    const identity = this.identityFor(named);
    if (identity === null) return this.cannot("'" + written + "@2': " + NO_SECOND);
    const typed = readTarget(named.target, identity.account.domain);
    // A contact that a phone registered is used unchanged.
    const read = typed.error !== "" && isDirect ? readContact(named.target) : typed;
    return read.error === "" ? { uri: utf8(read.uri), written, identity } : this.cannot(read.error);
  }

  /** Writes the draft of a call. @returns "" or why there can be no such call */
  private prepare(call: Call, draft: Dialog, { uri, written, identity }: Place, isDirect: boolean): string {
    const { account, context } = identity;
    span.set(uri, 0, uri.length);
    const isFit = draft.draft(this.random, account.from, EMPTY, span, isDirect ? EMPTY : account.routes);
    span.clear();
    if (!isFit) return "'" + written + "' is too long to call";
    call.use(context);
    call.redirects?.start();
    return this.wayProblem(draft, context.transport);
  }

  /**
   * @returns the account by which a target is called: the one that it names, else the one at whose server it is, else
   * the usual one; null: there is none with that number
   */
  private identityFor({ target, account }: NamedTarget): Identity | null {
    const { second } = this;
    if (second === null || !second.isOn) return account === 2 ? null : this;
    if (account !== 0) return account === 2 ? second : this;
    const bytes = utf8(readTarget(target, "").uri);
    const isPlace = bytes.length > 0 && uri.parse(bytes, 0, bytes.length);
    if (isPlace && this.isServerHost(uri)) return this;
    return this.settings.callsBySecond === true || (isPlace && second.isServerHost(uri)) ? second : this;
  }

  /**
   * Returns the account that a request outside of dialogs is for: the second one if it came from that one's server, and
   * not from the first one's. If both are at one server, the user in the Request-URI decides.
   */
  identityAt(m: Message, source: Flow): Identity {
    const { second } = this;
    if (second === null || !second.isServer(source.ip)) return this;
    const isFirst = this.isServerFlow(source);
    const isSecond = second.isServerFlow(source);
    if (isFirst !== isSecond) return isSecond ? second : this;
    if (!this.isServer(source.ip)) return second;
    const isRead = uri.parse(m.bytes, m.uriStart, m.uriEnd);
    return isRead && second.account.isUserOf(uri) && !this.account.isUserOf(uri) ? second : this;
  }

  /** Returns the account by which a call goes. */
  identityOf(call: Call): Identity {
    const { second } = this;
    return second !== null && call.context === second.context ? second : this;
  }

  /** @returns "" or the reason why the transport of the call's requests is not available */
  private wayProblem(draft: Dialog, transport: number): string {
    const isPrivate = draft.hopTransport(transport) === TRANSPORT_TLS;
    if (isPrivate && !this.layer.transport.hasTls) return NO_TLS;
    // Each hop of a call to sips goes by TLS, also the one to our proxy. RFC 3261 §26.2.2
    if (draft.isSecure && !isPrivate) return SIPS_IN_CLEAR;
    return this.negotiation.allowsCalls(isPrivate) ? "" : KEYS_IN_CLEAR;
  }

  /** @returns the status that tells another phone why `call` has failed just now */
  failedStatus(): number {
    if (this.isFull) return 503;
    if (this.error === SIPS_IN_CLEAR || this.error === NO_TLS) return 416;
    return this.error === KEYS_IN_CLEAR ? 480 : 513;
  }

  /** Takes an incoming call. */
  answer(call: Call): void {
    if (call.state === CALL_INCOMING) call.session.answer();
  }

  /** Ends a call, whatever its state. @param status an incoming call is refused with: 486, 603, 480 */
  hangUp(call: Call, status = 486): void {
    call.hangUp(status);
  }

  /** Gives up a call that is no longer needed because of another one. RFC 3326 */
  cancelFor(call: Call): void {
    call.giveWay();
  }

  /**
   * Moves the other side of our call to another phone.
   * @param isDirect as of `call` @returns "" or why not
   */
  move(target: string, isDirect = false): string {
    const call = this.activeCall();
    if (call === null || !call.isTalking()) return "there is no call to move";
    if (this.transfer.isOn || this.transfer.isPicking) return "the call is being moved already";
    return this.transfer.startMove(call, target, isDirect, null) ? "" : this.error;
  }

  /**
   * Holds the other side, or resumes. RFC 3264 §8.4
   * @returns "" or the reason why it cannot be sent; `onUnchanged` reports a later failure
   */
  hold(call: Call, on: boolean): string {
    if (call.state !== CALL_CONFIRMED && call.state !== CALL_HELD) return "the call is not answered";
    call.session.negotiation.hold(on);
    return call.session.reoffer() ? "" : UNSAID;
  }

  /**
   * Sends digits of 0-9 * # A-D as INFO requests, one after another.
   * @returns "" or why not; a later refusal is reported as trouble
   */
  sendInfoDigits(call: Call, digits: string): string {
    return this.infoSender.send(call, digits);
  }

  isActive(call: Call): boolean {
    return call.isActive();
  }

  /**
   * @returns the current call: an answered one, else one whose sound runs, else the first that rings; null when there
   * is none
   */
  activeCall(): Call | null {
    return this.pool.activeCall();
  }

  /**
   * Returns whether an address is that of our configured server, if already known, or of a registrar that it redirected
   * us to.
   */
  isServer(ip: number): boolean {
    return this.credentials.isServer(ip) || this.registration.isBoundAt(ip) || this.layer.isBackupAt(ip, -1);
  }

  /**
   * Does the same as `isServer`, but compares the port too, since other programs may run on the server's machine.
   * @param source with the port a request came from
   */
  isServerFlow(source: Flow): boolean {
    const { ip, port } = source;
    return this.credentials.isServerFlow(ip, port) || this.layer.isBackupAt(ip, port);
  }

  /** Returns whether the host of that URI is the server, by name or address, so that the URI is one of its users. */
  isServerHost(of: Uri): boolean {
    return this.credentials.isServerHost(of);
  }

  // ---- received messages ----

  /** @param isAuthenticated a server before this user agent has checked the sender's password */
  onRequest(t: ServerTransaction, m: Message, isAuthenticated = false): void {
    if (m.toTagEnd > m.toTagStart) this.onRequestInside(t, m);
    else this.strangers.onRequest(t, m, isAuthenticated);
  }

  /** Passes a request on to the call or the subscription in whose dialog it is. */
  private onRequestInside(t: ServerTransaction, m: Message): void {
    const call = this.pool.ofRequest(m);
    if (m.method === METHOD_SUBSCRIBE && this.transfer.referral.owns(m)) {
      this.layer.prove(t.source.ip);
      this.transfer.referral.onSubscribe(t, m);
      return;
    }
    const watcher = call === null ? this.watchers.of(m) : null;
    if (call !== null || watcher !== null) this.layer.prove(t.source.ip);
    if (watcher !== null) watcher.onRequest(t, m);
    else if (call === null) this.strangers.refuseCall(t, m, 481);
    else if (!refuseRequired(t, m, OPTION_TAGS)) call.session.onRequest(t, m);
  }

  onTurnedAway(m: Message, source: Flow, status: number): void {
    if (m.isRequest && m.method === METHOD_INVITE) this.user.onCallRefused?.(m, source, status);
  }

  /** Says what is wrong with the encryption of a call that was refused with 488, and what to set; "": nothing. */
  encryptionProblem(m: Message, source: Flow): string {
    return encryptionProblem(m, this.negotiation, source.transport === TRANSPORT_TLS);
  }

  onAck(m: Message): void {
    const call = this.pool.ofRequest(m);
    if (call !== null) call.session.onAck(m);
  }

  onCancel(t: ServerTransaction, m: Message): void {
    for (let i = 0; i < this.calls.length; i++) this.calls[i].session.onCancel(t, m);
  }

  isInDialog(m: Message): boolean {
    return m.toTagEnd > m.toTagStart && (this.pool.ofRequest(m) !== null || this.watchers.of(m) !== null);
  }

  /** Takes a BYE for which no transaction is free; the end of a call needs none. */
  onCrowded(m: Message): number {
    const call = m.method === METHOD_BYE ? this.pool.ofRequest(m) : null;
    return call?.session.onCrowdedBye(m) ? 200 : 0;
  }

  onLateAnswer(m: Message): void {
    for (let i = 0; i < this.calls.length; i++) if (this.calls[i].session.onLateAnswer(m)) return;
  }

  onAckTimeout(t: ServerTransaction): void {
    for (let i = 0; i < this.calls.length; i++) this.calls[i].session.onAckTimeout(t);
  }

  // ---- events of calls ----

  onCallUnchanged(call: Call, wasHold: boolean, m: Message | null): void {
    this.user.onUnchanged?.(call, wasHold, m);
  }

  onCallRequest(call: Call, t: ServerTransaction, m: Message): void {
    this.inCall.onRequest(call, t, m);
  }

  onCallDigitAnswered(call: Call, status: number): void {
    const lost = this.infoSender.onAnswered(call, status);
    if (lost === 0) return;
    const why = status === 0 ? "could not be sent" : "was answered " + status;
    this.onTrouble("INFO " + why + ": digits that the other side did not take: " + lost);
  }

  onCallDigit(call: Call, code: number, durationMs: number, isInband: boolean): void {
    this.user.onDigit(call, code, durationMs, isInband ? DIGIT_INBAND : DIGIT_RTP);
  }

  onSoundChange(call: Call, change: number, ip: number, port: number): void {
    this.user.onSound(call, change, ip, port);
  }

  onUnanswerable(problem: string): void {
    this.challengeProblem = problem;
  }

  onTrouble(line: string): void {
    this.user.onTrouble?.(line);
  }

  // ---- events of servers ----

  onServerFailed(from: Flow, to: Flow | null, status: number): void {
    this.serverProbe.schedule();
    if (this.layer.transport.outages.isDown(from.ip, from.port)) {
      this.registration.onServerFailed(from.ip, from.port);
      this.second?.registration.onServerFailed(from.ip, from.port);
    }
    const why = status === 0 ? " does not answer" : " refuses for now (" + status + ")";
    const next = to === null ? ", nor do the others" : ": " + placeText(to.ip, to.port) + " is tried";
    this.onTrouble("the server " + placeText(from.ip, from.port) + why + next);
  }

  onSecureGone(connection: number): void {
    this.registration.onSecureGone(connection);
    this.second?.registration.onSecureGone(connection);
  }

  onServerBack(ip: number, port: number): void {
    this.onTrouble("the server " + placeText(ip, port) + " answers again");
    const isSecond = this.second?.isServer(ip) === true;
    if (isSecond) this.second?.registration.onServerBack(ip, port);
    if (!isSecond || this.isServer(ip)) this.registration.onServerBack(ip, port);
  }

  onSeen(): void {
    this.ownAddress.onSeen();
  }

  // ---- events of the registration ----

  onRegistration(state: number, status: number, m: Message | null): void {
    if (state === REGISTRATION_FAILED && (status === 401 || status === 407)) this.tellTrouble(this.credentials.problem);
    else if (state === REGISTRATION_DONE) this.toldTrouble = "";
    this.user.onRegistration(state, status, m);
  }

  onSecondRegistration(state: number, status: number, m: Message | null): void {
    this.user.onSecondRegistration?.(state, status, m);
  }

  onBinding(m: Message, start: number, end: number): void {
    this.user.onBinding(m, start, end);
  }

  // ---- questions and events of transfers ----

  ringMostMs(): number {
    return this.settings.ringTimeMs > 0 ? this.settings.ringTimeMs : RING_MOST_MS;
  }

  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void {
    this.user.onTransfer?.(change, call, other, cause, status, m);
  }

  // ---- helpers ----

  private setAddress(ip: number, udpPort: number, tcpPort: number): void {
    this.layer.setLocal(ip, udpPort, tcpPort);
    this.account.configure(this.settings, ip, this.settings.transport === TRANSPORT_UDP ? udpPort : tcpPort);
    const { second } = this;
    second?.setAddress(ip, udpPort, tcpPort);
    const { backups } = this.layer.transport;
    backups.configure(this.account.hops, this.settings.transport, second?.account.hops, second?.transport);
    const { codecs, encryption, keysInClear } = this.settings;
    this.negotiation.configure(ip, codecs, encryption, keysInClear);
    if (this.negotiation.mayEncrypt(this.layer.transport.hasTls)) this.pool.prepareEncryption();
    this.pool.setPort(this.settings.rtpPort);
    this.negotiation.setPorts(this.settings.rtpPort, this.lines.length);
  }

  /** Reports the state of a call to the user and to the subscribers. */
  onCallState(call: Call, cause: number, status: number, m: Message | null): void {
    if (call.state === CALL_ENDED) this.infoSender.drop(call);
    if (!this.transfer.noteChange(call, cause, status, m)) this.user.onCall(call, cause, status, m);
    const active = this.activeCall();
    if (active === null) this.transfer.rest();
    if (active === null) this.watchers.showState(WATCH_IDLE, false, null);
    else this.watchers.showState(watchState(active.state), active.session.isCaller, active.session.dialog);
  }

  /** Gives the sound of a line, whose call has ended, to another call on the line that has agreed on sound. */
  onSoundStopped(ended: Call): void {
    this.pool.passSound(ended);
  }

  /** Reports a trouble once, however long it lasts. */
  private tellTrouble(trouble: string): void {
    if (trouble === "" || trouble === this.toldTrouble) return;
    this.toldTrouble = trouble;
    this.user.onTrouble?.(trouble);
  }

  private cannot(error: string, isFull = false): null {
    this.error = error;
    this.isFull = isFull;
    return null;
  }
}

function placeText(ip: number, port: number): string {
  return ipv4Text(ip) + ":" + port;
}

const EMPTY = octets("");
const UNSAID = "the other side cannot be told: the request does not fit, or could not be sent; the call is as it was";
function callInfoOf({ picture = "" }: UserAgentSettings): Uint8Array {
  return picture === "" ? NONE : octets("Call-Info: <" + picture + ">;purpose=icon\r\n");
}

function allowOf(settings: UserAgentSettings): Uint8Array {
  return settings.refers === true ? ALLOW_REFER_SHORT : ALLOW_SHORT;
}

function watchState(state: number): number {
  if (state === CALL_CALLING) return WATCH_TRYING;
  return state === CALL_CONFIRMED || state === CALL_HELD ? WATCH_CONFIRMED : WATCH_EARLY;
}
