/**
 * Decides who may call, who is known, and who is answered automatically. The last hop is not the caller: a request
 * through the server, or from an address of the settings, may ring. To be answered automatically, to order by MESSAGE,
 * to join a call, to watch the door, the one who sent the request has to be known:
 * - by P-Asserted-Identity of the server (RFC 3325), where `sip.trust` says that the server may be taken at its word; a
 *   request from the second account's server is judged by that account and `account2.trust`,
 * - by the door's own challenge (challenge.ts), where `call.password` is set,
 * - by the address of a target, where `call.knownByAddress` is on,
 * - as a phone of the house, by its password at the door's own server (houseserver.ts).
 * `call.allow any` lets anybody ring and changes nothing of that, but with `call.autoAnswer on` beside it everybody is
 * answered.
 * Not here: what becomes of the call (door.ts).
 */

import { octets, parseUint, Span, text, utf8 } from "../core/bytes.js";
import { readPlan } from "../settings/ringplan.js";
import { PLANS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Flow } from "../transaction/flow.js";
import { readAccount, readTarget } from "../ua/target.js";
import type { UserAgent } from "../ua/useragent.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ALERT_INFO,
  HEADER_ANSWER_MODE,
  HEADER_CALL_INFO,
  HEADER_P_ASSERTED_IDENTITY,
  METHOD_INVITE,
  METHOD_MESSAGE,
  METHOD_SUBSCRIBE,
} from "../wire/names.js";
import { SCHEME_TEL, Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { readOrder } from "./access.js";
import { textOf } from "./calltext.js";
import { Challenge, PROOF_LOCKED, PROOF_NONE, PROOF_RIGHT } from "./challenge.js";

const ANSWER_AFTER = octets("answer-after=");
const ALERT_AUTO = octets("alert-autoanswer");
const AUTO = octets("auto");
const REQUIRE = octets("require");
const LONGEST_AFTER_S = 60;

// Keys and values of settings are constants, because XS makes a literal in a function anew at each use.
const ALLOW = "call.allow";
const ANY = "any";
const AUTO_ANSWER = "call.autoAnswer";
const ON_REQUEST = "call.answerOnRequest";
const KNOWN_BY_ADDRESS = "call.knownByAddress";
const DO_NOT_DISTURB = "call.doNotDisturb";
const BUSY = "busy";
const AWAY = "away";
const TRUST = "sip.trust";
const TRUST_SECOND = "account2.trust";
const SERVER = "server";
const MESSAGES = "door.message";
const OFF = "off";

const AT = "@";

const uri = new Uri();
const value = new Span();
const list = new ValueList();
const address = new NameAddress();

// DOOR_*: the state of the door when a request comes.
export const DOOR_IDLE = 0;
/** The door rings or talks, and no second phone can join. */
export const DOOR_BUSY = 1;
/** The door talks, and a second phone may join. */
export const DOOR_JOINABLE = 2;
/** The caller asks to replace a call that the door has, whatever its state. RFC 3891 */
export const DOOR_PICKED = 3;

export class Callers {
  /** Whether the sender of the request that was judged last is known. */
  isKnown = false;
  /** The address of that sender, `user@host`, where the server vouches for it; "" otherwise. */
  caller = "";
  /** PROOF_*: the result of the door's own challenge for that request. */
  proof = PROOF_NONE;
  private readonly ua: UserAgent;
  private readonly settings: Settings;
  /** It is made when a password is set first, so that a door without one pays nothing. */
  private challenge: Challenge | null = null;
  private addresses: number[] = [];

  constructor(ua: UserAgent, settings: Settings) {
    this.ua = ua;
    this.settings = settings;
  }

  /**
   * Takes the door's password and the addresses of all whom the settings call. A target given by name is not known by
   * its address, so it is not added.
   */
  configure(): void {
    const { settings, ua } = this;
    const password = settings.get("call.password");
    if (password !== "") this.challenge ??= new Challenge(ua.timers, ua.random);
    this.challenge?.configure(password);
    this.addresses = [];
    this.add(settings.get("call.target"));
    this.add(settings.get("call.fallback"));
    for (let i = 0; i < PLANS.length; i++) {
      const plan = settings.get(PLANS[i]);
      if (plan !== "") this.addPlan(plan);
    }
  }

  /** Returns whether everybody who can reach the door is answered at once and hears it, as the owner has set it. */
  isOpenToAll(): boolean {
    return this.settings.get(AUTO_ANSWER) && this.settings.get(ALLOW) === ANY;
  }

  /**
   * Judges an INVITE, MESSAGE or SUBSCRIBE outside of a dialog.
   * @param isPhone it came from a phone of the house, by its password @param door DOOR_*
   * @returns 0 when it may be taken, else the status that refuses it; to a 401 belongs what `writeChallenge` writes
   */
  judge(m: Message, source: Flow, isPhone: boolean, door: number): number {
    const { settings } = this;
    this.identify(m, source, isPhone);
    const isOpen = settings.get(ALLOW) === ANY;
    const identity = this.ua.identityAt(m, source);
    const mayRing = this.isKnown || isOpen || this.isExpected(source.ip);
    if (!uri.parse(m.bytes, m.uriStart, m.uriEnd)) return 400;
    // A sender who may not call learns nothing else.
    if (!mayRing) return this.refuseUnknown();
    const isNamed = uri.userEnd > uri.userStart;
    if (isNamed && !isOpen && !identity.account.isUserOf(uri)) return 404;
    if (m.method === METHOD_MESSAGE) return this.judgeText(m);
    if (m.method === METHOD_SUBSCRIBE) return this.isKnown ? 0 : this.refuseUnknown();
    return this.judgeCall(m, door);
  }

  /** Returns whether the hosts of both URIs stand for one server that vouches for callers. */
  areOfServer(one: Uri, other: Uri): boolean {
    const { ua } = this;
    if (ua.isServerHost(one) && ua.isServerHost(other)) return true;
    return ua.second?.isServerHost(one) === true && ua.second.isServerHost(other);
  }

  /** Returns whether calls may come from that address: the server's, or one that the settings call. */
  isExpected(ip: number): boolean {
    const { ua, addresses } = this;
    return ua.isServer(ip) || ua.second?.isServer(ip) === true || addresses.indexOf(ip) >= 0;
  }

  /** Judges a MESSAGE in a call. @param isKnown whether the other side of that call is known */
  judgeInCall(m: Message, source: Flow, isKnown: boolean): number {
    this.identify(m, source, isKnown);
    return this.judgeText(m);
  }

  /** Judges a REFER in a call. @param isKnown whether the other side of that call is known */
  judgeRefer(m: Message, source: Flow, isKnown: boolean): number {
    this.identify(m, source, isKnown);
    return this.isKnown ? 0 : this.refuseUnknown();
  }

  /** Writes the door's challenge. @param ip the address that the request came from */
  writeChallenge(w: Writer, ip: number): void {
    this.challenge?.write(w, ip, this.proof);
  }

  /**
   * Decides whether a call that may ring is answered automatically: always, or because the caller asks for it by
   * Call-Info, Alert-Info or Answer-Mode (RFC 5373) and is known. @returns the seconds to wait before the answer, -1:
   * it is not answered automatically
   */
  answerAfterS(m: Message | null): number {
    const { settings } = this;
    if (settings.get(AUTO_ANSWER) && (this.isKnown || this.isOpenToAll())) return 0;
    return m !== null && this.isKnown ? this.askedAfterS(m) : -1;
  }

  /** Whether a password is set by which a sender can make itself known. */
  private get canProve(): boolean {
    return this.challenge?.isSet === true;
  }

  private judgeCall(m: Message, door: number): number {
    // A phone that takes over a running call makes nothing ring.
    if (door === DOOR_PICKED) return this.isKnown ? 0 : this.refuseUnknown();
    const { settings } = this;
    const quiet = settings.get(DO_NOT_DISTURB);
    if (quiet === BUSY) return 486;
    if (quiet === AWAY) return 480;
    if (door === DOOR_BUSY) return 486;
    if (door === DOOR_JOINABLE) return this.isKnown ? 0 : this.canProve ? this.refuseUnknown() : 486;
    if (this.isKnown) return this.insists(m) && this.answerAfterS(m) < 0 ? 403 : 0;
    if (this.isOpenToAll()) return 0;
    const needsIdentity = settings.get(AUTO_ANSWER) || this.askedAfterS(m) >= 0;
    if (needsIdentity && this.canProve) return this.refuseUnknown();
    // Without a password no challenge can make the caller known, so it rings like any other call, unless the caller
    // refuses that. RFC 5373
    return this.insists(m) ? 403 : 0;
  }

  /** A MESSAGE that is no order may come from everybody who may ring. */
  private judgeText(m: Message): number {
    if (readOrder(textOf(m)) === null) return 0;
    if (this.settings.get(MESSAGES) === OFF) return 403;
    return this.isKnown ? 0 : this.refuseUnknown();
  }

  /** @returns 401 where the sender can make itself known by a password, else 403 */
  private refuseUnknown(): number {
    return this.canProve && this.proof !== PROOF_LOCKED ? 401 : 403;
  }

  private identify(m: Message, source: Flow, isKnown: boolean): void {
    this.proof = PROOF_NONE;
    this.caller = "";
    const isAsserted = this.isAsserted(m, source);
    this.isKnown = isKnown || isAsserted || this.isAtKnownAddress(source);
    if (this.isKnown) return;
    if (this.challenge !== null) this.proof = this.challenge.check(m, source.ip);
    this.isKnown = this.proof === PROOF_RIGHT;
  }

  private isAtKnownAddress(source: Flow): boolean {
    return this.settings.get(KNOWN_BY_ADDRESS) && this.addresses.indexOf(source.ip) >= 0;
  }

  /**
   * Returns whether the server says that one of its own users sent the request: one SIP URI with a user, at the
   * server's domain or address. A telephone number beside it (RFC 3325 §9.1) says no more; two SIP URIs say nothing,
   * for one of them may be the sender's own.
   */
  private isAsserted(m: Message, source: Flow): boolean {
    const identity = this.ua.identityAt(m, source);
    const trust = this.settings.get(identity === this.ua.second ? TRUST_SECOND : TRUST);
    if (trust !== SERVER || !identity.isServerFlow(source)) return false;
    let count = 0;
    let named = "";
    list.beginField(m, HEADER_P_ASSERTED_IDENTITY);
    while (list.next()) {
      if (!address.parseWithUri(list.bytes, list.start, list.end, uri)) return false;
      if (uri.scheme === SCHEME_TEL) continue;
      if (!uri.namesUser() || !identity.isServerHost(uri)) return false;
      count += 1;
      named = uri.userText() + AT + text(uri.bytes, uri.hostStart, uri.hostEnd);
    }
    if (count !== 1 || list.broken) return false;
    this.caller = named;
    return true;
  }

  /**
   * @returns the seconds after which the caller asks to be answered automatically; -1: it does not ask, or
   * `call.answerOnRequest` is off
   */
  private askedAfterS(m: Message): number {
    if (m.method !== METHOD_INVITE || !this.settings.get(ON_REQUEST)) return -1;
    if (m.value(HEADER_ANSWER_MODE, value) && isAuto()) return 0;
    const afterS = this.afterS(m, HEADER_CALL_INFO);
    return afterS >= 0 ? afterS : this.afterS(m, HEADER_ALERT_INFO);
  }

  /** Returns whether the caller insists on an automatic answer. RFC 5373 §4.2 */
  private insists(m: Message): boolean {
    return m.value(HEADER_ANSWER_MODE, value) && isAuto() && indexOf(REQUIRE) >= 0;
  }

  private afterS(m: Message, header: number): number {
    for (let row = m.first(header); row >= 0; row = m.next(row)) {
      value.set(m.bytes, m.valueStart(row), m.valueEnd(row));
      const at = indexOf(ANSWER_AFTER);
      if (at >= 0) {
        const start = at + ANSWER_AFTER.length;
        let end = start;
        while (end < value.end && value.bytes[end] >= 0x30 && value.bytes[end] <= 0x39) end += 1;
        const seconds = parseUint(value.bytes, start, end, LONGEST_AFTER_S);
        if (seconds >= 0) return seconds;
      } else if (indexOf(ALERT_AUTO) >= 0) return 0;
    }
    return -1;
  }

  private addPlan(plan: string): void {
    const { targets } = readPlan(plan);
    for (let i = 0; i < targets.length; i++) this.add(targets[i]);
  }

  private add(target: string): void {
    // The URI of a target that cannot be called is empty.
    const bytes = utf8(readTarget(readAccount(target).target, "").uri);
    if (uri.parse(bytes, 0, bytes.length) && uri.ip > 0) this.addresses.push(uri.ip);
  }
}

/** Returns whether `value` is "Auto", before any parameter. */
function isAuto(): boolean {
  if (value.size() < AUTO.length) return false;
  for (let i = 0; i < AUTO.length; i++) if ((value.bytes[value.start + i] | 0x20) !== AUTO[i]) return false;
  const next = value.start + AUTO.length;
  // The end of the line follows each value, so this reads inside the message.
  return value.bytes[next] === 0x3b || value.bytes[next] <= 0x20;
}

/**
 * Case does not matter.
 * @param wanted small letters, "-" and "=" @returns its offset in `value`, -1 when it is not there
 */
function indexOf(wanted: Uint8Array): number {
  for (let at = value.start; at + wanted.length <= value.end; at++) {
    let i = 0;
    while (i < wanted.length && (value.bytes[at + i] | 0x20) === wanted[i]) i += 1;
    if (i === wanted.length) return at;
  }
  return -1;
}
