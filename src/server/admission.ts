/**
 * Whether a request may be forwarded, and if not, what it is answered: what every proxy looks at first. RFC 3261 §16.3, §22.3
 * Whoever sends anything has to prove to be a user of ours; what belongs to a dialog that was begun through us, and what comes from where
 * we trust, goes on. Where strangers are let in they may call a user, and do nothing else. Not here: where it goes to.
 */
import { NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { RETRY_AFTER } from "../transaction/answer.js";
import type { Flow } from "../transaction/flow.js";
import {
  ALL_METHODS,
  hasNeedlessBody,
  inspect,
  type Rules,
  reasonOfRefusal,
  writeRefusal,
} from "../transaction/inspection.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { EMPTY_BODY } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_MAX_FORWARDS,
  HEADER_PROXY_AUTHENTICATE,
  HEADER_PROXY_AUTHORIZATION,
  HEADER_PROXY_REQUIRE,
  HEADER_REQUIRE,
  METHOD_ACK,
  METHOD_CANCEL,
  METHOD_INVITE,
  METHOD_OPTIONS,
} from "../wire/names.js";
import { PROBLEM_VALUE, problemText } from "../wire/problems.js";
import { Uri } from "../wire/uri.js";
import { MAX_FORWARDS_BAD } from "../wire/values.js";
import type { Writer } from "../wire/writer.js";
import { type Authenticator, CHECK_LOCKED, CHECK_OK, CHECK_STALE, TOO_MANY_WRONG } from "./authenticator.js";
import type { Domains } from "./domains.js";
import { isPrivate, writeIdentity } from "./identity.js";
import { LoopGuard } from "./loop.js";
import type { OverloadJudge } from "./overload.js";
import { Places } from "./places.js";
import type { RouteTokens } from "./routetoken.js";
import { Routing } from "./routing.js";
import { KIND_ELSEWHERE, KIND_NOBODY, KIND_SELF, KIND_STRANGE, type Targets } from "./targets.js";
import { STRANGERS_ALWAYS, STRANGERS_NEVER } from "./users.js";

/** The reason of a 400: what the parser took, but nobody can follow. */
const BAD_WAY = octets("Bad From Header Field");
const BAD_ROUTE = octets("Bad Route Header Field");
const ALLOW = octets(
  "Allow: INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, INFO, REFER, UPDATE, PRACK\r\n",
);
/** Of what is passed on: no option tag for proxies is known here. What is required of whoever it is for is that one's to know. */
const RULES: Rules = {
  methods: ALL_METHODS,
  allow: ALLOW,
  requires: HEADER_PROXY_REQUIRE,
  options: [],
  isForwarding: true,
};
/** Of what is answered here. */
const SELF_RULES: Rules = { ...RULES, requires: HEADER_REQUIRE, isForwarding: false };

export const NO_CREDENTIALS = -1;

export class Admission implements OverloadJudge {
  /** The way of the request that was checked last. */
  readonly routing: Routing;
  readonly loops: LoopGuard;
  /** Where requests may be sent on. */
  readonly places: Places;
  /** KIND_* of its target, which `targets` has. */
  kind = KIND_STRANGE;
  /** It came with right credentials: its sender is known. */
  isKnown = false;
  /** The row of those credentials, NO_CREDENTIALS when there are none. */
  row = NO_CREDENTIALS;
  /** Strangers may call nobody but users whose own rule lets them. */
  isClosed = false;
  private readonly auth: Authenticator;
  readonly ourDomains: Domains;
  private readonly targets: Targets;
  private readonly trusted: readonly number[];
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly user = new Span();
  private realm: Uint8Array = NONE;
  private isStale = false;
  /** There were too many wrong passwords: the answer is 503. */
  private isLocked = false;
  private sourceIp = -1;
  /** Request-URI and Route of the request that was checked last could be read. */
  private isOwnWay = false;
  /** Its Max-Forwards cannot be read. */
  private hasBadForwards = false;
  /** By which it was looked at. */
  private rules: Rules = RULES;

  /** @param trusted addresses that need no credentials; kept */
  constructor(
    layer: TransactionLayer,
    random: RandomSource,
    auth: Authenticator,
    ourDomains: Domains,
    targets: Targets,
    routeTokens: RouteTokens,
    trusted: readonly number[],
    places: Places | null = null,
  ) {
    this.places = places ?? new Places(layer, trusted);
    this.auth = auth;
    this.ourDomains = ourDomains;
    this.targets = targets;
    this.trusted = trusted;
    routeTokens.useTimers(layer.timers);
    this.routing = new Routing(ourDomains, routeTokens);
    this.loops = new LoopGuard(layer, random);
  }

  /** @param source where the request came from @returns 0 when it may go on; else the status it is answered with, and `write` adds the fields */
  check(m: Message, source: Flow): number {
    this.forget();
    const { routing } = this;
    this.isOwnWay = routing.read(m);
    this.hasBadForwards = this.isOwnWay && m.maxForwards === MAX_FORWARDS_BAD;
    this.kind = this.isOwnWay ? this.targets.find(routing) : KIND_STRANGE;
    this.rules = this.isForUs(m) ? SELF_RULES : RULES;
    const problem = inspect(this.rules, m, this.isOwnWay ? routing.uri : null, this.wasHere(m));
    if (problem !== 0) return problem;
    if (this.rules === SELF_RULES) return hasNeedlessBody(m) ? 415 : 200;
    const status = this.authorize(m, source);
    if (status !== 0) return status;
    return this.kind === KIND_NOBODY || this.kind === KIND_SELF ? 404 : 0;
  }

  /** OPTIONS is answered here when it asks us, or may go no further. RFC 3261 §11, §16.3 */
  private isForUs(m: Message): boolean {
    return m.method === METHOD_OPTIONS && (m.maxForwards === 0 || this.kind === KIND_SELF);
  }

  private wasHere(m: Message): boolean {
    return this.loops.wasHere(m);
  }

  /** Whether a Proxy-Authorization is for one of our realms. */
  isOurs(m: Message, row: number): boolean {
    return this.auth.isFor(m, row, this.ourDomains.domains);
  }

  /** What was known of a request that is kept is known again. @param row of its credentials, as it was in `row` */
  recall(m: Message, row: number): void {
    this.forget();
    if (row === NO_CREDENTIALS) return;
    // They were right when it came.
    this.realm = this.auth.recall(m, row, this.ourDomains.domains);
    this.isKnown = true;
    this.row = row;
  }

  /** Writes who sent the request, if that is known and may be told. RFC 3325 §5 */
  writeIdentity(w: Writer, m: Message): void {
    if (this.isKnown && !isPrivate(m)) writeIdentity(w, this.auth.name, this.realm);
  }

  /** Whether whoever is at that address belongs to the house: a gateway, another proxy. */
  isTrusted(ip: number): boolean {
    return this.trusted.indexOf(ip) >= 0;
  }

  private forget(): void {
    this.isKnown = this.isLocked = false;
    this.row = NO_CREDENTIALS;
  }

  /** The reason of the answer of that status, NONE for the usual one. */
  reasonOf(status: number): Uint8Array {
    if (status === 400 && this.hasBadForwards) return problemText(PROBLEM_VALUE, HEADER_MAX_FORWARDS);
    if (status === 400) return this.isOwnWay ? BAD_WAY : this.routing.isBroken ? BAD_ROUTE : reasonOfRefusal(400);
    return this.isLocked ? TOO_MANY_WRONG : NONE;
  }

  /** Writes what the answer of that status has of its own, and its end. */
  write(w: Writer, m: Message, status: number): void {
    if (status === 200) w.put(this.rules.allow);
    else if (this.isLocked) this.auth.writeWait(w);
    else if (status === 503) w.put(RETRY_AFTER);
    else if (status === 407)
      this.auth.writeChallenges(w, HEADER_PROXY_AUTHENTICATE, this.realm, this.isStale, this.sourceIp);
    else writeRefusal(w, this.rules, m, status);
    w.put(EMPTY_BODY);
  }

  /** Whether whoever sent the request may, by the password or without, once `kind` is known. @returns as `check` */
  authorize(m: Message, source: Flow): number {
    this.forget();
    this.sourceIp = source.ip;
    // To these nobody can answer a challenge. §22.1
    if (m.method === METHOD_ACK || m.method === METHOD_CANCEL) return 0;
    if (this.routing.isMarked || this.isTrusted(source.ip)) return 0;
    const { address, uri } = this;
    // A name that cannot be read here may be read as one of ours by the phone that shows it.
    if (!address.parse(m.bytes, m.fromStart, m.fromEnd)) return 400;
    if (!uri.parse(address.bytes, address.uriStart, address.uriEnd)) return 400;
    const from = this.ourDomains.claimed(uri);
    if (from.length === 0 && this.mayStranger(m)) return 0;
    this.realm = from.length > 0 ? from : this.ourDomains.domains[0];
    const result = this.auth.check(m, HEADER_PROXY_AUTHORIZATION, this.realm, source.ip);
    this.isStale = result === CHECK_STALE;
    this.isLocked = result === CHECK_LOCKED;
    if (this.isLocked) return 503;
    if (result !== CHECK_OK) return 407;
    this.isKnown = true;
    this.row = this.auth.row;
    // Nobody calls in another's name. §22.3
    return from.length > 0 && !this.isFrom() ? 403 : 0;
  }

  /** Whether the request comes along our Record-Route. */
  isInDialog(m: Message): boolean {
    return this.routing.read(m) && this.routing.isMarked;
  }

  /** Whether From names a user of ours, true or not. */
  isOfOurs(m: Message): boolean {
    const { address, uri } = this;
    const isRead =
      address.parse(m.bytes, m.fromStart, m.fromEnd) && uri.parse(address.bytes, address.uriStart, address.uriEnd);
    return isRead && this.ourDomains.claimed(uri).length > 0;
  }

  /** Whether somebody who is not known may send this: an INVITE that begins a call, and nothing else, to a user. */
  private mayStranger(m: Message): boolean {
    if (m.method !== METHOD_INVITE || m.toTagEnd > m.toTagStart || this.kind === KIND_ELSEWHERE) return false;
    const { strangers } = this.targets;
    return this.isClosed ? strangers === STRANGERS_ALWAYS : strangers !== STRANGERS_NEVER;
  }

  /** Whether the user in From, which `uri` has read, is the one that was authenticated. */
  private isFrom(): boolean {
    return this.targets.readUser(this.uri, this.user) >= 0 && this.user.equals(this.auth.name);
  }
}
