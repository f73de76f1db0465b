/**
 * The user agent of RFC 3261: it registers, makes and takes calls, answers requests outside of dialogs, and joins each
 * call's session to its sound. Sans-IO: octets, time and randomness go in; octets to send and events come out.
 * Not here: buttons, doors and the right to open (the intercom), and sockets (the driver).
 */

import { ipv4Text } from "../core/address.js";
import { octetArrays } from "../core/arrays.js";
import { NONE, octets, Span, utf8 } from "../core/bytes.js";
import type { Limits } from "../core/limits.js";
import { Pool } from "../core/pool.js";
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import {
  ACCEPT,
  ACCEPT_DIGITS,
  ACCEPT_SDP,
  ACCEPT_TEXT,
  ALLOW,
  ALLOW_REFER,
  ALLOW_REFER_SHORT,
  ALLOW_SHORT,
  SUPPORTED_ALL,
} from "../dialog/capabilities.js";
import { Dialog } from "../dialog/dialog.js";
import { NegotiationSettings } from "../dialog/negotiation.js";
import { writeContact } from "../dialog/owncontact.js";
import { SESSION_ANSWERED, SESSION_ENDED } from "../dialog/sessionstate.js";
import { Flow } from "../transaction/flow.js";
import { inspect, methodBits, type Rules, reasonOfRefusal, writeRefusal } from "../transaction/inspection.js";
import { TransactionLayer, type TransactionUser } from "../transaction/layer.js";
import type { Network } from "../transaction/network.js";
import { Outside } from "../transaction/outside.js";
import { beginRefusalInside, refuse, refuseRequired, replyWith, sendRefusal } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import { APPLICATION_SDP, BODY_OTHER, findSdp, findText } from "../wire/body.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ACCEPT,
  HEADER_EXPIRES,
  HEADER_REPLACES,
  HEADER_REQUIRE,
  METHOD_ACK,
  METHOD_BYE,
  METHOD_CANCEL,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_MESSAGE,
  METHOD_NOTIFY,
  METHOD_OPTIONS,
  METHOD_OTHER,
  METHOD_PRACK,
  METHOD_REFER,
  METHOD_SUBSCRIBE,
  METHOD_UPDATE,
  TRANSPORT_TLS,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { BAD_REFER_TO, BAD_REPLACES } from "../wire/problems.js";
import { ReferTo } from "../wire/referto.js";
import { Replaces } from "../wire/replaces.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { Account, type AccountSettings, isSameAccount } from "./account.js";
import { AddressFinder, type AddressFinderUser } from "./addressfinder.js";
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
import { readInfoDigit } from "./info.js";
import { InfoSender } from "./infosender.js";
import {
  REGISTRATION_DONE,
  REGISTRATION_FAILED,
  REGISTRATION_OFF,
  Registration,
  type RegistrationUser,
} from "./registration.js";
import { ServerProbe } from "./serverprobe.js";
import { readContact, readTarget } from "./target.js";
import { TRANSFER_REFUSED, Transfer, type TransferHost } from "./transfer.js";
import { ALLOW_EVENTS, WATCH_CONFIRMED, WATCH_EARLY, WATCH_IDLE, WATCH_TRYING, Watchers } from "./watchers.js";

const UNASKED_BY_NAT = "net.stun is not asked, since net.nat is off";
const UNASKED_BY_ADDRESS = "net.stun is not asked, since net.publicAddress is set";
const KEYS_IN_CLEAR =
  "media.encryption is require, but anybody could read its keys on the way: set sip.transport tls, media.encryptionClear on, or media.encryption offer";
/** The problem when the settings or a target ask for TLS and the device has none. */
export const NO_TLS = "this device has no TLS yet: use sip: with udp or tcp";

// DIGIT_*: the way by which a digit came.
export const DIGIT_RTP = 1;
export const DIGIT_INFO = 2;
export const DIGIT_INBAND = 3;

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
export interface UserAgentUser {
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
  /** A digit was heard. @param code its ASCII code @param way DIGIT_* */
  onDigit(call: Call, code: number, durationMs: number, way: number): void;
  /**
   * The received sound changed.
   * @param change SOUND_* @param ip @param port the new source, for SOUND_MOVED
   */
  onSound(call: Call, change: number, ip: number, port: number): void;
  /** A text came (MESSAGE), in a call or outside of any (null). */
  onText(call: Call | null, m: Message): void;
  /** Reports in one line a problem whose cause no other event names. */
  onTrouble?(line: string): void;
  /** Peers outside of our network get this address from now on; -1: they get our own again. */
  onOutside?(ip: number, port: number): void;
  /**
   * Hold, resume or a change of our address failed, and the call is as before.
   * @param m the response that refused it; null: it could not be sent
   */
  onUnchanged?(call: Call, wasHold: boolean, m: Message | null): void;
  /**
   * An INVITE was refused with that status before it became a call.
   * @param source with the port it came from
   */
  onCallRefused?(m: Message, source: Flow, status: number): void;
  /**
   * Decides on a received INVITE, MESSAGE or SUBSCRIBE.
   * @param call the call that a MESSAGE came in, null outside of any
   * @param isAuthenticated a server before this user agent has checked the sender's password
   * @returns 0 to accept it, else the status that refuses it
   */
  mayCall(m: Message, source: Flow, call: Call | null, isAuthenticated: boolean): number;
  /**
   * Decides on a REFER that came in a call. @param out the target in the REFER, and the target to call for it
   * @returns as `mayCall`
   */
  mayRefer?(m: Message, source: Flow, call: Call, out: Destination): number;
  /**
   * Reports how a call is moved, or picked up by another phone; `onCall` does not report these changes. See
   * `TransferHost.onTransfer`.
   */
  onTransfer?(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void;
  /** Asks for the end of a ringing call, because there is no room beside it for the phone that picks it up. */
  onMakeRoom?(call: Call): void;
  /** Writes the challenge after `mayCall` returned 401. @param ip where the request came from */
  writeChallenge(w: Writer, ip: number): void;
}

/** The target of a call. */
export interface Destination {
  target: string;
  /** The requests do not go by the outbound proxy. */
  isDirect: boolean;
}

/** An Expires of more than a day is ignored. */
const LONGEST_RING_S = 86_400;
/** The option tags that we support. */
const OPTIONS: readonly Uint8Array[] = [octets("100rel"), octets("timer"), octets("replaces"), octets("norefersub")];
/** The rules for requests outside of dialogs. Some of these methods need a dialog: 481. */
const RULES: Rules = {
  methods: methodBits([
    METHOD_INVITE,
    METHOD_ACK,
    METHOD_CANCEL,
    METHOD_BYE,
    METHOD_OPTIONS,
    METHOD_INFO,
    METHOD_MESSAGE,
    METHOD_UPDATE,
    METHOD_PRACK,
    METHOD_SUBSCRIBE,
    METHOD_NOTIFY,
  ]),
  allow: ALLOW,
  requires: HEADER_REQUIRE,
  options: OPTIONS,
  isForwarding: false,
};
/** The same if calls may be moved. */
const RULES_REFER: Rules = { ...RULES, methods: RULES.methods | methodBits([METHOD_REFER]), allow: ALLOW_REFER };
const REFER_SUB_FALSE = octets("Refer-Sub: false\r\n");
const ANY_TYPE = octets("*/*");
const ANY_APPLICATION = octets("application/*");

// Scratch for the time of one function call.
const uri = new Uri();
const span = new Span();
const from = new Flow();
const replaces = new Replaces();
const destination: Destination = { target: "", isDirect: false };

export class UserAgent
  implements TransactionUser, CallUser, RegistrationUser, TransferHost, AddressFinderUser, TimerUser
{
  readonly layer: TransactionLayer;
  readonly account: Account;
  readonly registration: Registration;
  readonly calls: readonly Call[];
  readonly lines: readonly Line[];
  readonly dialogs: Pool<Dialog>;
  readonly transfer: Transfer;
  private readonly serverProbe: ServerProbe;
  /** Null until a STUN server is set, or our server sees us at another address than our own. */
  private finder: AddressFinder | null = null;
  private readonly finderTimer: number;
  private readonly network: Network;
  private readonly sound: SoundNetwork;
  /** The address and port that peers outside got last, in one number; -1: our own. */
  private toldOutside = -1;
  /** The reason why the last `call` was not made, one line for a person. */
  error = "";
  /** The reason why the last challenge of a call was not answered, one line for a person. */
  challengeProblem = "";
  /** The last `call` failed only because there was no room, so it may soon succeed. */
  isFull = false;
  /** A caller during a call does not get 486 as long as a line is free; `mayCall` decides. */
  joins = false;
  /**
   * Timers send nothing over UDP to an address that has not yet shown that it receives our messages, because strangers
   * can reach us.
   */
  isWary = false;
  private readonly context: CallContext;
  private readonly pool: CallPool;
  private readonly negotiation = new NegotiationSettings();
  private readonly credentials: Credentials;
  private readonly watchers: Watchers;
  private readonly infoSender = new InfoSender();
  /** The target of the last REFER. */
  private readonly wish = new ReferTo();
  private readonly random: RandomSource;
  private readonly user: UserAgentUser;
  private settings: UserAgentSettings;
  private isConfigured = false;
  /** The registration's problem that was reported last. */
  private toldTrouble = "";

  constructor(settings: UserAgentSettings, parts: UserAgentParts, user: UserAgentUser) {
    const { limits, timers, random } = parts;
    this.settings = settings;
    this.random = random;
    this.user = user;
    this.layer = new TransactionLayer(parts, this);
    this.account = new Account(settings);
    this.credentials = new Credentials(random);
    const texts = octetArrays(limits.dialogs, limits.dialogBytes);
    const dialogs: Dialog[] = [];
    for (let i = 0; i < limits.dialogs; i++) dialogs.push(new Dialog(texts[i]));
    this.dialogs = new Pool(dialogs);
    this.context = {
      layer: this.layer,
      timers,
      random,
      dialogs: this.dialogs,
      transport: settings.transport,
      contactUser: this.account.user,
      allow: allowOf(settings),
      callInfo: callInfoOf(settings),
      sessionExpiresS: settings.sessionExpiresS,
      answersEarly: settings.earlyAnswer === true,
      minSeS: settings.minSeS,
      account: this.account,
      credentials: this.credentials,
      silenceTimeMs: settings.silenceTimeMs,
    };
    this.pool = new CallPool(this.context, this.negotiation, parts, this);
    this.lines = this.pool.lines;
    this.calls = this.pool.calls;
    this.transfer = new Transfer(this, this.context);
    this.watchers = new Watchers(this.context, this.account, limits.subscriptions, limits.dialogBytes);
    this.serverProbe = new ServerProbe(this.context, this);
    this.network = parts.network;
    this.sound = parts.sound;
    this.finderTimer = timers.make(this, 0);
    this.registration = new Registration(this.context, this, limits);
  }

  /**
   * Takes settings and our address; registers if the settings say so, and registers anew if a setting of the
   * registration has changed. Calls go on.
   * @param ip our address @param tcpPort our port for TCP connections
   */
  configure(settings: UserAgentSettings, ip: number, udpPort: number, tcpPort: number): void {
    const old = this.settings;
    this.settings = settings;
    this.context.transport = settings.transport;
    this.context.allow = allowOf(settings);
    this.context.callInfo = callInfoOf(settings);
    this.context.sessionExpiresS = settings.sessionExpiresS;
    this.context.answersEarly = settings.earlyAnswer === true;
    this.context.minSeS = settings.minSeS;
    this.context.silenceTimeMs = settings.silenceTimeMs;
    const wasRegistered = this.registration.state !== REGISTRATION_OFF;
    const before = this.account.settings;
    const { layer } = this;
    const isMoved = ip !== layer.localIp || udpPort !== layer.udpPort || tcpPort !== layer.tcpPort;
    if (this.isConfigured && !isMoved && isSameAccount(settings, before)) {
      // The current registration, or the wait for the next try, goes on.
      this.setAddress(ip, udpPort, tcpPort);
      if (this.configureOutside(old, false)) this.onOutsideChanged();
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
    this.configureOutside(old, isFirst);
    this.serverProbe.reset();
    this.toldTrouble = "";
    this.credentials.configure(settings);
    if (settings.transport === TRANSPORT_TLS && !this.layer.transport.hasTls)
      this.tellTrouble("sip.transport is tls: " + NO_TLS);
    if (settings.register) this.registration.start();
    else if (wasRegistered && !isOther) this.registration.stop();
  }

  /** Takes a change of our address, for the account, the binding and the calls. */
  moveTo(ip: number, udpPort: number, tcpPort: number): void {
    this.serverProbe.reset();
    this.setAddress(ip, udpPort, tcpPort);
    this.tellOutside();
    this.finder?.start();
    this.registration.renew();
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
    const typed = readTarget(target, this.account.domain);
    // A contact that a phone registered is used unchanged.
    const read = typed.error !== "" && isDirect ? readContact(target) : typed;
    if (read.error !== "") return this.cannot(read.error);
    const bytes = utf8(read.uri);
    const line = beside === null ? this.pool.takeLine() : beside.line;
    const call = line === null ? null : this.pool.takeCall(line, this.transfer);
    const draft = call === null ? null : this.dialogs.take();
    if (call === null || draft === null) {
      if (call !== null) call.state = CALL_FREE;
      return this.cannot("all lines are in use: hang up first", true);
    }
    span.set(bytes, 0, bytes.length);
    if (!draft.draft(this.random, this.account.from, EMPTY, span, isDirect ? EMPTY : this.account.routes)) {
      this.dialogs.give(draft);
      call.state = CALL_FREE;
      return this.cannot("'" + target.trim() + "' is too long to call");
    }
    this.error = this.wayProblem(draft);
    if (this.error !== "") {
      this.dialogs.give(draft);
      call.state = CALL_FREE;
      return this.cannot(this.error);
    }
    call.redirects.startAt(draft.target);
    call.startRinging(CALL_CALLING);
    if (!call.session.call(draft, fields)) {
      call.state = CALL_ENDED;
      if (call.session.isTooLong) return this.cannot(lengthProblem(this.context));
      return this.cannot("the INVITE could not be sent: no free transaction", true);
    }
    call.limit(this.settings.ringTimeMs);
    this.onCallState(call, 0, 0, null);
    return call;
  }

  /** @returns "" or the reason why the transport of the call's requests is not available */
  private wayProblem(draft: Dialog): string {
    const isPrivate = draft.hopTransport(this.settings.transport) === TRANSPORT_TLS;
    if (isPrivate && !this.layer.transport.hasTls) return NO_TLS;
    return this.negotiation.allowsCalls(isPrivate) ? "" : KEYS_IN_CLEAR;
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

  // ---- received requests ----

  /** @param isAuthenticated a server before this user agent has checked the sender's password */
  onRequest(t: ServerTransaction, m: Message, isAuthenticated = false): void {
    if (m.toTagEnd > m.toTagStart) {
      const call = this.pool.ofRequest(m);
      if (m.method === METHOD_SUBSCRIBE && this.transfer.referral.owns(m)) {
        this.layer.prove(t.source.ip);
        this.transfer.referral.onSubscribe(t, m);
        return;
      }
      const watcher = call === null ? this.watchers.of(m) : null;
      if (call !== null || watcher !== null) this.layer.prove(t.source.ip);
      if (watcher !== null) watcher.onRequest(t, m);
      else if (call === null) this.refuseCall(t, m, 481);
      else if (!refuseRequired(t, m, OPTIONS)) call.session.onRequest(t, m);
      return;
    }
    // The sender of a request outside of a dialog has not yet proved its address, so all refusals go without a
    // transaction.
    const isReadable = uri.parse(m.bytes, m.uriStart, m.uriEnd);
    const problem = inspect(this.rules, m, isReadable ? uri : null, t.source, this.wasHere(t, m));
    const status = problem === 0 && isAsked(m.method) ? this.judge(t, m, null, isAuthenticated) : problem;
    if (status !== 0) this.refuseInspected(t, m, status);
    // RFC 3891 §3
    else if (m.method !== METHOD_INVITE && m.has(HEADER_REPLACES)) this.refuseFor(t, m, 400, BAD_REPLACES);
    // A REFER needs a call to move.
    else if (m.method === METHOD_REFER) refuse(this.layer, t, m, 403);
    else if (m.method === METHOD_INVITE && m.has(HEADER_REPLACES)) this.onReplacing(t, m);
    else if (m.method === METHOD_INVITE) this.onInvite(t, m);
    else if (m.method === METHOD_MESSAGE) this.onMessage(t, m, null);
    else if (m.method === METHOD_SUBSCRIBE) this.watchers.onSubscribe(t, m);
    else if (m.method === METHOD_OPTIONS) this.onOptions(t, m);
    else refuse(this.layer, t, m, 481);
  }

  /**
   * Returns whether the request came by two ways, or is the first INVITE of a call that arrives again after its
   * transaction ended.
   */
  private wasHere(t: ServerTransaction, m: Message): boolean {
    return this.layer.isMerged(t, m) || (m.method === METHOD_INVITE && this.pool.isFounder(m));
  }

  onTurnedAway(m: Message, source: Flow, status: number): void {
    if (m.isRequest && m.method === METHOD_INVITE) this.user.onCallRefused?.(m, source, status);
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

  private get rules(): Rules {
    return this.settings.refers === true ? RULES_REFER : RULES;
  }

  /** Asks the user agent's user. @returns as `mayCall` */
  private judge(t: ServerTransaction, m: Message, call: Call | null, isAuthenticated = false): number {
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    return this.user.mayCall(m, from, call, isAuthenticated);
  }

  private refuseInspected(t: ServerTransaction, m: Message, status: number): void {
    const { ip } = t.source;
    const w = beginRefusalInside(this.layer, t, m, status, reasonOfRefusal(status));
    if (status === 401) this.user.writeChallenge(w, ip);
    else writeRefusal(w, this.rules, m, status);
    sendRefusal(this.layer, t, w);
    // A challenge is not a refusal yet.
    if (status !== 401) this.tellRefused(t, m, status);
  }

  /** Refuses a request, and reports it if it is a call. @param line a header line with its end; NONE for none */
  private refuseCall(t: ServerTransaction, m: Message, status: number, line: Uint8Array = NONE): void {
    refuse(this.layer, t, m, status, line);
    this.tellRefused(t, m, status);
  }

  private tellRefused(t: ServerTransaction, m: Message, status: number): void {
    // This does not refuse a request that came twice, since the other copy is the call.
    if (m.method !== METHOD_INVITE || status === 482) return;
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    this.user.onCallRefused?.(m, from, status);
  }

  private refuseFor(t: ServerTransaction, m: Message, status: number, reason: Uint8Array): void {
    sendRefusal(this.layer, t, beginRefusalInside(this.layer, t, m, status, reason));
    this.tellRefused(t, m, status);
  }

  /** @returns whether the INVITE was refused because of its body or its Accept */
  private isUnreadable(t: ServerTransaction, m: Message): boolean {
    if (findSdp(m, span) === BODY_OTHER) this.refuseCall(t, m, 415, ACCEPT_SDP);
    else if (m.has(HEADER_ACCEPT) && !takesSdp(m)) this.refuseCall(t, m, 406);
    else return false;
    return true;
  }

  private onInvite(t: ServerTransaction, m: Message): void {
    if (this.isUnreadable(t, m)) return;
    const other = this.activeCall();
    const isBusy = other !== null && !(this.joins && other.answeredMs >= 0);
    const line = isBusy ? null : this.pool.takeLine();
    const call = line === null ? null : this.pool.takeCall(line, this.transfer);
    if (call === null) {
      this.refuseCall(t, m, 486);
      return;
    }
    const status = call.session.receive(t, m);
    if (status !== 0) {
      call.state = CALL_FREE;
      this.tellRefused(t, m, status);
      return;
    }
    this.arrive(call, t);
    this.limitRinging(call, m);
    if (!t.isUnproven) call.session.progress(180);
    if (call.state === CALL_INCOMING) this.onCallState(call, 0, 0, m);
    // A caller whose call is answered at once gets one message for each one sent. Until it gets an answer, it repeats
    // its INVITE.
    if (t.isUnproven) call.session.progress(180);
  }

  private arrive(call: Call, t: ServerTransaction): void {
    call.startRinging(CALL_INCOMING);
    t.isUnproven = this.isWary && t.source.transport === TRANSPORT_UDP && !this.layer.isProven(t.source.ip);
  }

  /** Takes a permitted INVITE that replaces a call of ours on its line, and answers it at once. RFC 3891 §3 */
  private onReplacing(t: ServerTransaction, m: Message): void {
    const row = m.first(HEADER_REPLACES);
    if (m.next(row) >= 0 || !replaces.parse(m.bytes, m.valueStart(row), m.valueEnd(row))) {
      this.refuseFor(t, m, 400, BAD_REPLACES);
      return;
    }
    const replaced = this.pool.ofReplaces(replaces);
    const status = replaced === null ? 481 : this.judgeReplaced(replaced);
    if (replaced === null || status !== 0) {
      this.refuseCall(t, m, status);
      return;
    }
    if (this.isUnreadable(t, m)) return;
    this.transfer.endLeft();
    const place = this.transfer.placeOf(replaced);
    let call = this.pool.takeCall(place.line, this.transfer);
    if (call === null) {
      // The ringing call ends to make room, since the phone that picks up replaces it.
      if (this.transfer.isOn) this.transfer.giveUp();
      else if (replaced.answeredMs < 0) this.user.onMakeRoom?.(replaced);
      call = this.pool.takeCall(place.line, this.transfer);
    }
    if (call === null) {
      this.refuseCall(t, m, 503, RETRY_SOON);
      return;
    }
    const problem = call.session.receive(t, m);
    if (problem !== 0) {
      call.state = CALL_FREE;
      this.tellRefused(t, m, problem);
      return;
    }
    this.arrive(call, t);
    call.unlimit();
    this.transfer.pickUp(call, place);
    this.onCallState(call, 0, 0, m);
    if (call.state === CALL_INCOMING) call.session.answer();
  }

  /** @returns 0, or the status that refuses an INVITE to replace that call */
  private judgeReplaced(call: Call): number {
    const { state, isCaller } = call.session;
    if (state === SESSION_ENDED || call.isMoved) return 603;
    if (this.transfer.isPicking) return 491;
    if (state >= SESSION_ANSWERED) return replaces.isEarlyOnly ? 486 : 0;
    // An early dialog can be replaced if we made the call, not if the other side did. RFC 3891 §3
    return isCaller ? 0 : 481;
  }

  /** Takes a REFER in a call. RFC 3515 §2.4 */
  private onRefer(t: ServerTransaction, m: Message, call: Call): void {
    const { transfer, wish } = this;
    if (this.settings.refers !== true) {
      replyWith(t, 405, ALLOW);
      return;
    }
    call.refers += 1;
    const status = this.judgeRefer(t, m, call);
    if (status !== 0) {
      if (status === 400) this.refuseFor(t, m, 400, BAD_REFER_TO);
      else this.refuseInspected(t, m, status);
      this.onTransfer(TRANSFER_REFUSED, call, null, 0, status, m);
      return;
    }
    const id = call.refers > 1 ? m.cseq : -1;
    const { isSilent } = wish;
    if (!transfer.startMove(call, destination.target, destination.isDirect, wish.fields)) {
      const failed = this.isFull ? 503 : 513;
      replyWith(t, failed, this.isFull ? RETRY_SOON : NONE);
      this.onTransfer(TRANSFER_REFUSED, call, null, 0, failed, m);
      return;
    }
    const w = t.respond(202);
    writeContact(w, this.context, t.source);
    if (isSilent) w.put(REFER_SUB_FALSE);
    w.put(EMPTY_BODY);
    t.sendResponse();
    if (!isSilent) transfer.subscribe(call, id);
  }

  /** @returns 0 with `destination`, or the status that refuses the REFER */
  private judgeRefer(t: ServerTransaction, m: Message, call: Call): number {
    const { transfer, wish, user } = this;
    // A call cannot be moved before it is answered, or while it is already being moved.
    if (!call.isTalking() || call.isMoved || transfer.isOn || transfer.isPicking) return 491;
    const status = wish.readRefer(m, this.layer.scratch);
    if (status !== 0) return status;
    if (user.mayRefer === undefined || !transfer.mayMove) return 403;
    destination.target = wish.target;
    destination.isDirect = false;
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    return user.mayRefer(m, from, call, destination);
  }

  /**
   * Limits the ringing of an incoming call by our setting and by the caller's Expires; after that the answer is 487.
   * RFC 3261 §13.3.1
   */
  private limitRinging(call: Call, m: Message): void {
    const { ringTimeMs } = this.settings;
    const expiresS = m.uint(HEADER_EXPIRES, LONGEST_RING_S);
    const isTheirs = expiresS >= 0 && (ringTimeMs === 0 || expiresS * 1000 < ringTimeMs);
    call.lateStatus = isTheirs ? 487 : 480;
    call.limit(isTheirs ? Math.max(expiresS * 1000, 1) : ringTimeMs);
  }

  private onMessage(t: ServerTransaction, m: Message, call: Call | null): void {
    if (findText(m, span) === BODY_OTHER) {
      const w = beginRefusalInside(this.layer, t, m, 415);
      w.put(ACCEPT_TEXT);
      sendRefusal(this.layer, t, w);
      return;
    }
    const status = call === null ? 0 : this.judge(t, m, call);
    if (status !== 0) {
      this.refuseInspected(t, m, status);
      return;
    }
    t.reply(200);
    this.user.onText(call, m);
  }

  /** Answers OPTIONS. The answer to a stranger does not show whether a call is under way. */
  private onOptions(t: ServerTransaction, m: Message): void {
    const isBusy = this.activeCall() !== null;
    const status = isBusy ? this.judge(t, m, null) : 0;
    this.replyOptions(t, isBusy && (status === 0 || status === 486) ? 486 : 200);
  }

  /** Answers OPTIONS with the status that an INVITE would get at this moment. RFC 3261 §11.2 */
  private replyOptions(t: ServerTransaction, status: number): void {
    const w = t.respond(status);
    // The response is short, because anybody may send OPTIONS with a forged address, which would get a flood otherwise.
    w.put(this.context.allow);
    w.put(ALLOW_EVENTS);
    w.put(ACCEPT);
    w.put(SUPPORTED_ALL);
    w.put(EMPTY_BODY);
    t.sendResponse();
  }

  // ---- events of calls ----

  onCallUnchanged(call: Call, wasHold: boolean, m: Message | null): void {
    this.user.onUnchanged?.(call, wasHold, m);
  }

  onCallRequest(call: Call, t: ServerTransaction, m: Message): void {
    switch (m.method) {
      case METHOD_OPTIONS:
        this.replyOptions(t, 200);
        break;
      case METHOD_MESSAGE:
        this.onMessage(t, m, call);
        break;
      case METHOD_REFER:
        this.onRefer(t, m, call);
        break;
      case METHOD_INFO: {
        const digit = readInfoDigit(m);
        if (digit.code < 0 && m.bodyEnd > m.bodyStart) {
          replyWith(t, 415, ACCEPT_DIGITS);
          break;
        }
        t.reply(200);
        if (digit.code >= 0) this.user.onDigit(call, digit.code, digit.durationMs, DIGIT_INFO);
        break;
      }
      case METHOD_OTHER:
        replyWith(t, 501, this.rules.allow);
        break;
      default:
        replyWith(t, 405, this.rules.allow);
        break;
    }
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
    if (this.layer.transport.outages.isDown(from.ip, from.port)) this.registration.onServerFailed(from.ip, from.port);
    const why = status === 0 ? " does not answer" : " refuses for now (" + status + ")";
    const next = to === null ? ", nor do the others" : ": " + placeText(to.ip, to.port) + " is tried";
    this.onTrouble("the server " + placeText(from.ip, from.port) + why + next);
  }

  onSecureGone(connection: number): void {
    this.registration.onSecureGone(connection);
  }

  onServerBack(ip: number, port: number): void {
    this.onTrouble("the server " + placeText(ip, port) + " answers again");
    this.registration.onServerBack(ip, port);
  }

  // ---- our address as others see it ----

  /** Takes the settings for it. @returns whether they change our Contact */
  private configureOutside(before: UserAgentSettings, isFirst: boolean): boolean {
    const { settings, layer } = this;
    const { learnsAddress = false, stun = "", publicIp = -1 } = settings;
    this.registration.learnsAddress = learnsAddress && publicIp < 0;
    if (!isFirst && learnsAddress === before.learnsAddress && stun === before.stun && publicIp === before.publicIp)
      return false;
    if (publicIp >= 0) layer.outside ??= new Outside();
    if (layer.outside !== null) {
      layer.outside.forget();
      layer.outside.fixedIp = publicIp;
    }
    const server = this.registration.learnsAddress ? stun : "";
    if (server !== stun) this.onTrouble(publicIp >= 0 ? UNASKED_BY_ADDRESS : UNASKED_BY_NAT);
    if (this.finder !== null || server !== "") this.prepareFinder().configure(server);
    const told = this.toldOutside;
    this.tellOutside();
    return told !== this.toldOutside;
  }

  private prepareFinder(): AddressFinder {
    const { layer, network, sound, finderTimer } = this;
    this.finder ??= new AddressFinder({ layer, network, sound, lines: this.lines.length, timer: finderTimer }, this);
    this.finder.rtpPort = this.settings.rtpPort;
    return this.finder;
  }

  onTimer(): void {
    if (this.finder === null) return;
    this.finder.bound = this.registration.flow;
    this.finder.onTimer();
  }

  onSeen(): void {
    if (this.finder === null) this.prepareFinder().start();
    this.followOutside();
  }

  onOutsideChanged(): void {
    this.registration.correct();
    this.followOutside();
  }

  onDoubt(): void {
    this.registration.ask();
  }

  /** Sends the new address to the calls whose peers get our address as seen from outside. */
  private followOutside(): void {
    this.tellOutside();
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i];
      if (call.isTalking() && call.session.isOutside() && !call.session.reoffer()) call.onUnchanged(false, null);
    }
  }

  private tellOutside(): void {
    const { outside, udpPort, tcpPort } = this.layer;
    const isTcp = this.settings.transport !== TRANSPORT_UDP;
    const isTold = outside?.isFor(-1) === true;
    const ip = isTold ? outside.signallingIp : -1;
    const port = isTold ? outside.signallingPort(isTcp ? tcpPort : udpPort, isTcp) : 0;
    const told = isTold ? ip * 65536 + port : -1;
    if (told === this.toldOutside) return;
    this.toldOutside = told;
    this.user.onOutside?.(ip, port);
  }

  // ---- events of the registration ----

  onRegistration(state: number, status: number, m: Message | null): void {
    if (state === REGISTRATION_FAILED && (status === 401 || status === 407)) this.tellTrouble(this.credentials.problem);
    else if (state === REGISTRATION_DONE) this.toldTrouble = "";
    this.user.onRegistration(state, status, m);
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
    this.layer.transport.backups.configure(this.account.hops, this.settings.transport);
    this.context.contactUser = this.account.user;
    const { codecs, encryption, keysInClear } = this.settings;
    this.negotiation.configure(ip, codecs, encryption, keysInClear);
    if (this.negotiation.mayEncrypt(this.layer.transport.hasTls)) this.pool.prepareEncryption();
    this.pool.setPort(this.settings.rtpPort);
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
/** Returns whether the user decides on requests of that method. The others reveal nothing and do nothing. */
function isAsked(method: number): boolean {
  return method === METHOD_INVITE || method === METHOD_MESSAGE || method === METHOD_SUBSCRIBE;
}

function takesSdp(m: Message): boolean {
  return (
    m.contains(HEADER_ACCEPT, APPLICATION_SDP) ||
    m.contains(HEADER_ACCEPT, ANY_APPLICATION) ||
    m.contains(HEADER_ACCEPT, ANY_TYPE)
  );
}

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
