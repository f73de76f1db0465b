/**
 * Decides whether a request may be forwarded, and writes the answer when it may not (RFC 3261 §16.3, §22.3). A sender
 * has to prove that it is a user of ours. Requests of a dialog that began through this server, and requests from
 * trusted addresses, go on without a password. Strangers may call a user where that is allowed, and do nothing else.
 * Not here: where a request goes to (routing.ts, targets.ts).
 */

import { octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import {
  ALL_METHODS,
  hasNeedlessBody,
  inspect,
  type Rules,
  reasonOfRefusal,
  writeRefusal,
} from "../transaction/inspection.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { NameAddress } from "../wire/address.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
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
import { BAD_ROUTE, PROBLEM_VALUE, problemText } from "../wire/problems.js";
import { Uri } from "../wire/uri.js";
import { MAX_FORWARDS_BAD } from "../wire/values.js";
import type { Writer } from "../wire/writer.js";
import { isPrivate, writeIdentity } from "./assertedidentity.js";
import { type Authenticator, CHECK_LOCKED, CHECK_OK, NO_CREDENTIALS, type Sender } from "./authenticator.js";
import type { Domains } from "./domains.js";
import { LoopGuard } from "./loop.js";
import type { OverloadJudge } from "./overload.js";
import { Places } from "./places.js";
import { FLOW_FORGED, KIND_ELSEWHERE, KIND_NOBODY, KIND_SELF, KIND_STRANGE, Route } from "./route.js";
import type { RouteTokens } from "./routetoken.js";
import { Routing } from "./routing.js";
import type { Targets } from "./targets.js";
import { STRANGERS_ALWAYS, STRANGERS_NEVER } from "./users.js";

// Reasons of a 400 for what the parser took, but no server can follow.
const BAD_FROM = octets("Bad From Header Field");
const ALLOW = octets(
  "Allow: INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, INFO, REFER, UPDATE, PRACK\r\n",
);
/** For requests that are forwarded: Proxy-Require is for this server, Require for the one that the request is for. */
const RULES: Rules = {
  methods: ALL_METHODS,
  allow: ALLOW,
  requires: HEADER_PROXY_REQUIRE,
  options: [],
  isForwarding: true,
};
/** For requests that this server answers itself. */
const SERVER_RULES: Rules = { ...RULES, requires: HEADER_REQUIRE, isForwarding: false };

export interface AdmissionOptions {
  /** Addresses that need no credentials: gateways, other proxies of the house. Kept. */
  trusted: readonly number[];
  /** Strangers may call no user of ours except those whose own rule lets them. */
  isClosed: boolean;
  /** Where requests may be sent on; kept. Without it, the usual places. */
  places?: Places;
}

export const ADMISSION_DEFAULTS: AdmissionOptions = { trusted: [], isClosed: false };

/** What an admission asks. */
export interface AdmissionParts {
  auth: Authenticator;
  domains: Domains;
  targets: Targets;
  routeTokens: RouteTokens;
}

export class Admission implements OverloadJudge {
  /** Where requests may be sent on. */
  readonly places: Places;
  readonly domains: Domains;
  readonly targets: Targets;
  readonly routeTokens: RouteTokens;
  private readonly auth: Authenticator;
  private readonly options: AdmissionOptions;
  private readonly routing: Routing;
  private readonly loops: LoopGuard;
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly user = new Span();
  /** For questions about a request that nobody forwards yet. */
  private readonly asked = new Route();

  constructor(layer: TransactionLayer, random: RandomSource, options: AdmissionParts & AdmissionOptions) {
    const { auth, domains, targets, routeTokens } = options;
    this.places = options.places ?? new Places(layer, options.trusted);
    this.auth = auth;
    this.domains = domains;
    this.targets = targets;
    this.routeTokens = routeTokens;
    this.options = options;
    routeTokens.useTimers(layer.timers);
    this.routing = new Routing(domains, routeTokens);
    this.loops = new LoopGuard(layer, random);
  }

  /**
   * Checks whether a request may be forwarded.
   * @param route filled; its source is set
   * @returns 0 when it may, else the status of the answer, to which `reasonOf` and `writeAnswer` belong
   */
  checkRequest(m: Message, route: Route): number {
    route.sender.forget();
    this.readTarget(m, route);
    route.loopHash = this.loops.hashOf(m);
    route.isForServer = isForServer(m, route);
    const rules = rulesOf(route);
    const uri = route.isReadable ? route.uri : null;
    const problem = inspect(rules, m, uri, route.source, this.loops.wasHere(m, route.loopHash));
    if (problem !== 0) return problem;
    // RFC 5626 §5.3
    if (route.flowState === FLOW_FORGED) return 403;
    if (route.isByFlow && !this.targets.isThere(route.flowToken)) return 430;
    if (route.isForServer) return hasNeedlessBody(m) ? 415 : 200;
    const status = this.authorize(m, route, this.mayStranger(m, route));
    if (status !== 0) return status;
    return route.kind === KIND_NOBODY || route.kind === KIND_SELF ? 404 : 0;
  }

  /** Reads where a request goes. @param route filled @returns false when Request-URI or Route cannot be read */
  readTarget(m: Message, route: Route): boolean {
    if (this.routing.readRoute(m, route)) this.targets.findTarget(route);
    else route.kind = KIND_STRANGE;
    return route.isReadable;
  }

  /**
   * Fills `route` anew for a request that was checked before and kept. Its source is set.
   * @param row of its right credentials, NO_CREDENTIALS when it had none @returns false when it cannot be read
   */
  recallRoute(m: Message, row: number, route: Route): boolean {
    if (!this.readTarget(m, route)) return false;
    route.loopHash = this.loops.hashOf(m);
    if (row === NO_CREDENTIALS) route.sender.forget();
    else this.auth.recallSender(m, row, this.domains.domains, route.sender);
    return true;
  }

  /** Whether the credentials in that row are for one of our realms. */
  hasOurRealm(m: Message, row: number): boolean {
    return this.auth.hasRealm(m, row, this.domains.domains);
  }

  /** Writes who sent the request, if that is known and may be told. RFC 3325 §5 */
  writeIdentity(w: Writer, m: Message, sender: Sender): void {
    if (sender.isKnown && !isPrivate(m)) writeIdentity(w, sender.name, sender.realm);
  }

  /** Whether the host at that address belongs to the house: a gateway, another proxy. */
  isTrusted(ip: number): boolean {
    return this.options.trusted.indexOf(ip) >= 0;
  }

  /** @returns the reason of the answer with that status, NONE for the usual one */
  reasonOf(m: Message, status: number, route: Route): Uint8Array {
    if (status !== 400) return route.sender.reason;
    if (!route.isReadable) return route.isBroken ? BAD_ROUTE : reasonOfRefusal(400);
    return m.maxForwards === MAX_FORWARDS_BAD ? problemText(PROBLEM_VALUE, HEADER_MAX_FORWARDS) : BAD_FROM;
  }

  /** Writes the fields that the answer with that status has of its own, and its end. */
  writeAnswer(w: Writer, m: Message, status: number, route: Route): void {
    const { sender } = route;
    if (status === 200) w.put(ALLOW);
    else if (status === 407 || sender.isLocked) this.auth.writeRefusal(w, HEADER_PROXY_AUTHENTICATE, sender);
    else if (status === 503) w.put(RETRY_SOON);
    else writeRefusal(w, rulesOf(route), m, status);
    w.put(EMPTY_BODY);
  }

  /**
   * Checks whether the sender may make this request.
   * @param route has its source and its way; gets its sender
   * @param mayStranger a sender that claims no user of ours needs no password @returns as `checkRequest`
   */
  authorize(m: Message, route: Route, mayStranger: boolean): number {
    const { sender, source } = route;
    sender.forget();
    // ACK and CANCEL cannot be challenged. §22.1
    if (m.method === METHOD_ACK || m.method === METHOD_CANCEL) return 0;
    if (route.isInDialog || route.isByFlow || this.isTrusted(source.ip)) return 0;
    // A From that cannot be read here may be read as a user of ours by the phone that shows it.
    if (!this.readFrom(m)) return 400;
    const from = this.domains.claimedDomain(this.uri);
    if (from.length === 0 && mayStranger) return 0;
    const realm = from.length > 0 ? from : this.domains.domains[0];
    const result = this.auth.checkCredentials(m, HEADER_PROXY_AUTHORIZATION, realm, source.ip, sender);
    if (result === CHECK_LOCKED) return 503;
    if (result !== CHECK_OK) return 407;
    // A user may not call in another user's name. §22.3
    return from.length > 0 && !this.isFrom(sender) ? 403 : 0;
  }

  /** Whether the request comes along our Record-Route. */
  isInDialog(m: Message): boolean {
    return this.routing.readRoute(m, this.asked) && this.asked.isInDialog;
  }

  /** Whether From names a user of ours, truly or not. */
  isOfOurs(m: Message): boolean {
    return this.readFrom(m) && this.domains.claimedDomain(this.uri).length > 0;
  }

  /** Sets `uri` to the one in From. @returns false when it cannot be read */
  private readFrom(m: Message): boolean {
    return this.address.parseWithUri(m.bytes, m.fromStart, m.fromEnd, this.uri);
  }

  /**
   * Whether an unknown sender may make this request. Strangers may send an INVITE that begins a call to a user, nothing
   * else.
   */
  private mayStranger(m: Message, route: Route): boolean {
    if (m.method !== METHOD_INVITE || m.toTagEnd > m.toTagStart || route.kind === KIND_ELSEWHERE) return false;
    const { strangers } = route;
    return this.options.isClosed ? strangers === STRANGERS_ALWAYS : strangers !== STRANGERS_NEVER;
  }

  /** Whether the user in From, which `uri` has read, is the sender. */
  private isFrom(sender: Sender): boolean {
    return this.targets.readUser(this.uri, this.user) >= 0 && this.user.equals(sender.name);
  }
}

/** Whether this server answers OPTIONS itself: it is asked, or the request may go no further. RFC 3261 §11, §16.3 */
function isForServer(m: Message, route: Route): boolean {
  return m.method === METHOD_OPTIONS && (m.maxForwards === 0 || route.kind === KIND_SELF);
}

function rulesOf(route: Route): Rules {
  return route.isForServer ? SERVER_RULES : RULES;
}
