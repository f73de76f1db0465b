/**
 * The door as the house's SIP server (`server.enabled`): its phones register with it and call one another and the door
 * through it, and a ring plan rings them by `group:house` or by name. It stands between the transaction layer and the
 * user agent, and gives each request to the user agent, the registrar or the proxy. It is made at start, and only when
 * it is enabled, so a door that is no server pays nothing for it.
 * Not here: the registrar and the proxy themselves (src/server), and what a door does (door.ts).
 */

import { ipv4Text } from "../core/address.js";
import { NONE, Span, text, utf8 } from "../core/bytes.js";
import { type Limits, PHONES_MOST } from "../core/limits.js";
import { printable } from "../core/printable.js";
import type { RandomSource } from "../core/random.js";
import { ADMISSION_DEFAULTS, Admission } from "../server/admission.js";
import { AUTHENTICATOR_DEFAULTS, Authenticator, type AuthWatcher } from "../server/authenticator.js";
import { Domains } from "../server/domains.js";
import { Guard } from "../server/guard.js";
import { isBehindNat } from "../server/hop.js";
import { type Bindings, DayClock, type LocationUser, type LocationWatcher } from "../server/location.js";
import { MemoryLocation } from "../server/memory.js";
import { NumberPlan } from "../server/numberplan.js";
import { PROXY_DEFAULTS, StatefulProxy } from "../server/proxy.js";
import { Redirect } from "../server/redirect.js";
import { FLOW_TIMER_S, Registrar } from "../server/registrar.js";
import { KIND_ELSEWHERE, KIND_USER, Route } from "../server/route.js";
import { RouteTokens } from "../server/routetoken.js";
import { Targets } from "../server/targets.js";
import { UserTable } from "../server/users.js";
import { withdraw } from "../server/withdrawal.js";
import { HOUSE_GROUP, PLAN_TARGETS_MOST, type Plan } from "../settings/ringplan.js";
import { PHONE_NAMES, PHONE_PASSWORDS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Flow } from "../transaction/flow.js";
import type { TransactionUser } from "../transaction/layer.js";
import type { ServerTransaction } from "../transaction/server.js";
import { OVER_UDP, readTarget } from "../ua/target.js";
import type { UserAgent } from "../ua/useragent.js";
import { sameHost, sameUser } from "../wire/compare.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256, Digest, hexSize } from "../wire/digest.js";
import type { Message } from "../wire/message.js";
import {
  METHOD_INVITE,
  METHOD_MESSAGE,
  METHOD_REGISTER,
  METHOD_SUBSCRIBE,
  TRANSPORT_NONE,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { SCHEME_SIP, Uri } from "../wire/uri.js";

/** The longest name of a phone, octets. */
export const PHONE_NAME_MOST = 32;

/** Chunks of memory: a phone with one contact takes four of 64 octets, and each may have two contacts. */
const CHUNKS = PHONES_MOST * 8;
const RECORD_BYTES = 1024;
/** Requests between phones that may be kept: for contacts of a lower q, or for the best of several answers. */
const KEPT = 2;
/** Nonces whose counts are kept: enough for the phones that talk at once, and strangers. */
const NONCES = 16;
/** Addresses whose wrong passwords are counted separately; also pairs of a phone and an address where it was let in. */
const GUARDED = 16;

export interface HouseServerUser {
  /** A phone registered, or its registration ended. */
  onPhone(name: string, isThere: boolean): void;
  /** A wrong password came for a phone. @param waitS seconds until the next try, 0: now */
  onWrongPassword(name: string, ip: number, waitS: number): void;
}

/**
 * The door's limits with room for its phones: four transactions of either kind more, for two calls between phones while
 * the door rings, and two connections for those that speak TCP.
 */
export function houseServerLimits(limits: Limits): Limits {
  return {
    ...limits,
    clients: limits.clients + 4,
    servers: limits.servers + 4,
    streams: limits.streams + 2,
    incoming: limits.incoming + 2,
  };
}

/** Words of 32 random bits in the password that stands in for an unset one. */
const UNKNOWN_WORDS = 4;

/** A phone as the console shows it. */
export interface PhoneState {
  name: string;
  /** Its contacts, "" when it is not registered. */
  contact: string;
  leftS: number;
}

export class HouseServer implements TransactionUser, LocationUser, LocationWatcher, AuthWatcher {
  /**
   * Calls between phones go through the proxy; or the redirect server tells each phone where the other is. One of the
   * two is null.
   */
  readonly proxy: StatefulProxy | null;
  readonly redirect: Redirect | null;
  readonly registrar: Registrar;
  readonly auth: Authenticator;
  private readonly ua: UserAgent;
  private readonly user: HouseServerUser;
  private readonly random: RandomSource;
  private readonly clock: DayClock;
  private readonly store: MemoryLocation;
  private readonly admission: Admission;
  private readonly targets: Targets;
  private readonly digest = new Digest();
  /** The one domain, which is the realm too. */
  private readonly domains: Uint8Array[] = [NONE];
  private names: string[] = [];
  private users: UserTable | null = null;
  private readonly isThere: boolean[] = [];
  /** The request that came just now. */
  private readonly route = new Route();
  private readonly aor = new Span();
  private readonly uri = new Uri();
  /** What `addContacts` collects in `onBindings`. */
  private found: string[] = [];
  private leftS = 0;

  /** @param isRedirect it redirects calls between phones instead of forwarding them */
  constructor(ua: UserAgent, limits: Limits, user: HouseServerUser, isRedirect: boolean) {
    const { layer } = ua;
    const { timers, random } = layer;
    this.ua = ua;
    this.user = user;
    this.random = random;
    this.clock = new DayClock(timers);
    this.store = new MemoryLocation(this.clock, { chunks: CHUNKS, recordBytes: RECORD_BYTES });
    this.store.addWatcher(this);
    const nobody = new UserTable(0, 0, this.domains);
    this.auth = new Authenticator(timers, random, nobody, {
      digest: this.digest,
      ...AUTHENTICATOR_DEFAULTS,
      nonces: NONCES,
      guard: new Guard(random, GUARDED, []),
    });
    this.auth.watcher = this;
    this.registrar = new Registrar(layer, this.clock, random, {
      auth: this.auth,
      store: this.store,
      domains: this.domains,
      contacts: 2,
      recordBytes: RECORD_BYTES - 256,
      jobs: 1,
      jobBytes: 0,
      serviceRoute: NONE,
      flowTimerS: isRedirect ? 0 : FLOW_TIMER_S,
      minS: 60,
      defaultS: 600,
      maxS: 3600,
    });
    const domains = new Domains(layer, this.domains);
    this.targets = new Targets(layer, domains, { users: nobody, plan: new NumberPlan([]), node: this.registrar.node });
    this.admission = new Admission(layer, random, {
      auth: this.auth,
      domains,
      targets: this.targets,
      routeTokens: new RouteTokens(random),
      ...ADMISSION_DEFAULTS,
      isClosed: true,
    });
    this.redirect = isRedirect
      ? new Redirect(layer, this.store, nobody, { auth: this.auth, domains: this.domains, jobs: 1, isClosed: true })
      : null;
    this.proxy = isRedirect
      ? null
      : new StatefulProxy(layer, random, this.admission, {
          store: this.store,
          ...PROXY_DEFAULTS,
          kept: Math.min(KEPT, limits.servers),
        });
    for (let i = 0; i < PHONES_MOST; i++) this.isThere.push(false);
    layer.user = this;
    layer.answersBindings = true;
  }

  /**
   * Takes the domain and the phones. Bindings stay, but for those of phones that are gone or have another password.
   * @param ip our address, which is the domain if the settings name none
   */
  configure(settings: Settings, ip: number): void {
    const domain = settings.get("server.domain");
    this.domains[0] = utf8((domain === "" ? ipv4Text(ip) : domain).toLowerCase());
    const users = new UserTable(PHONES_MOST, PHONE_NAME_MOST, this.domains);
    this.names = [];
    for (let i = 0; i < PHONES_MOST; i++) {
      const name = settings.get(PHONE_NAMES[i]);
      if (name === "") continue;
      const set = settings.get(PHONE_PASSWORDS[i]);
      // Without a password nobody can register the name, but it stays the phone's: an empty password would let
      // everybody in.
      const password = set === "" ? this.unknownPassword() : set;
      const isAdded = users.addUser(
        utf8(name),
        this.domains[0],
        this.secretOf(name, password, ALGORITHM_MD5),
        this.secretOf(name, password, ALGORITHM_SHA256),
      );
      // Two phones of the same name are one, with the first password.
      if (isAdded) this.names.push(name);
    }
    this.auth.setUsers(users);
    this.targets.setUsers(users);
    this.redirect?.setUsers(users);
    if (this.users !== null) withdraw(this.users, users, this.store, this.random);
    this.users = users;
  }

  private unknownPassword(): string {
    let out = "";
    for (let i = 0; i < UNKNOWN_WORDS; i++) out += this.random.uint32().toString(36) + ".";
    return out;
  }

  private secretOf(name: string, password: string, algorithm: number): Uint8Array {
    const out = new Uint8Array(hexSize(algorithm));
    const bytes = utf8(name);
    const realm = new Span();
    const user = new Span();
    user.set(bytes, 0, bytes.length);
    realm.set(this.domains[0], 0, this.domains[0].length);
    this.digest.writeSecret(algorithm, user, realm, utf8(password), out);
    return out;
  }

  // ---- requests ----

  /** The server for requests between phones. */
  private get between(): TransactionUser {
    return (this.proxy ?? this.redirect) as TransactionUser;
  }

  onRequest(t: ServerTransaction, m: Message): void {
    if (m.method === METHOD_REGISTER) {
      this.store.removeExpired(this.clock.nowS());
      this.registrar.onRegister(t, m);
    } else if (this.isForPhones(m)) this.between.onRequest(t, m);
    else if (this.checkSender(t, m)) this.ua.onRequest(t, m, this.route.sender.isKnown);
  }

  onAck(m: Message, source: Flow): void {
    if (this.isForPhones(m)) this.between.onAck(m, source);
    else this.ua.onAck(m);
  }

  onCancel(t: ServerTransaction, m: Message): void {
    if (t.owner !== null && (t.owner === this.proxy || t.owner === this.redirect)) this.between.onCancel(t, m);
    else this.ua.onCancel(t, m);
  }

  isInDialog(m: Message): boolean {
    return this.isForPhones(m) ? this.proxy !== null && this.route.isInDialog : this.ua.isInDialog(m);
  }

  onCrowded(m: Message): number {
    return this.isForPhones(m) ? 0 : this.ua.onCrowded(m);
  }

  onTurnedAway(m: Message, source: Flow, status: number): void {
    this.ua.onTurnedAway(m, source, status);
  }

  onLateAnswer(m: Message): void {
    this.ua.onLateAnswer(m);
  }

  onSecureGone(connection: number): void {
    this.ua.onSecureGone(connection);
  }

  onServerFailed(from: Flow, to: Flow | null, status: number): void {
    this.ua.onServerFailed(from, to, status);
  }

  onAckTimeout(t: ServerTransaction): void {
    this.ua.onAckTimeout(t);
  }

  /**
   * Whether a request is for one of the phones, or belongs to a dialog between them. All others are for the door
   * itself.
   */
  private isForPhones(m: Message): boolean {
    const { route } = this;
    if (!this.admission.readTarget(m, route)) return false;
    return route.kind === KIND_USER || (route.kind === KIND_ELSEWHERE && (route.isFollowed || route.ownCount > 0));
  }

  /**
   * Checks the sender of a request for the door, whose route was read just now. A request in the name of a phone needs
   * the phone's password. A call in any other name is left to the user agent.
   * @returns false when the request was answered
   */
  private checkSender(t: ServerTransaction, m: Message): boolean {
    const { admission, route } = this;
    const { source } = route;
    route.sender.forget();
    const isAsked = m.method === METHOD_INVITE || m.method === METHOD_MESSAGE || m.method === METHOD_SUBSCRIBE;
    if (!isAsked || m.toTagEnd > m.toTagStart) return true;
    source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    const status = admission.authorize(m, route, m.method === METHOD_INVITE);
    if (status === 0) return true;
    const { layer } = this.ua;
    t.drop();
    admission.writeAnswer(layer.answer(m, source, status, admission.reasonOf(m, status, route)), m, status, route);
    layer.sendAnswer();
    // A challenge is no refusal yet.
    if (status !== 407) this.ua.onTurnedAway(m, source, status);
    return false;
  }

  /** The address of the phone that sent the request just now, as its password proves. */
  get senderAddress(): string {
    const { name } = this.route.sender;
    return text(name.bytes, name.start, name.end) + "@" + text(this.domains[0]);
  }

  // ---- ring plans ----

  /**
   * @returns the plan with phones in place of `group:house` and of their names: each at the addresses that it
   * registered from, past any proxy
   */
  expand(plan: Plan): Plan {
    const out: Plan = { targets: [], groups: [], timesMs: plan.timesMs, error: plan.error, direct: [] };
    let unknown = "";
    for (let i = 0; i < plan.targets.length; i++) {
      const target = plan.targets[i];
      const name = target === HOUSE_GROUP ? target : this.userOf(target);
      const isPhone = name !== "";
      let found = [target];
      if (isPhone) {
        found = [];
        for (let j = 0; j < this.names.length; j++)
          if (target === HOUSE_GROUP || name === this.names[j]) this.addContacts(this.names[j], found);
        if (target !== HOUSE_GROUP && this.names.indexOf(name) < 0) unknown = name;
      }
      for (let j = 0; j < found.length && out.targets.length < PLAN_TARGETS_MOST; j++) {
        out.targets.push(found[j]);
        out.groups.push(plan.groups[i]);
        out.direct.push(isPhone);
      }
    }
    if (out.targets.length === 0 && out.error === "")
      out.error =
        unknown === ""
          ? "no phone of the house is registered"
          : "no phone of the house is called " + printable(unknown);
    return out;
  }

  /** @returns the contact of the phone that `target` names by name or number; `target` itself when it names none */
  contactFor(target: string): string {
    const name = target === "" ? "" : this.userOf(target);
    if (name === "") return target;
    const found: string[] = [];
    this.addContacts(name, found);
    return found.length > 0 ? found[0] : target;
  }

  /**
   * @returns the user part in the house that a target names by name, number or address, even if no such phone exists;
   * "" when it names somebody elsewhere. Without sip.domain a number is the house's.
   */
  private userOf(target: string): string {
    if (this.names.indexOf(target) >= 0) return target;
    const isBare = readTarget(target, "").error !== "";
    if (isBare && this.ua.account.domain !== "") return "";
    const { uri } = this;
    const bytes = utf8(readTarget(target, text(this.domains[0])).uri);
    if (bytes.length === 0 || !uri.parse(bytes, 0, bytes.length) || !(isBare || this.isDomain(uri))) return "";
    const name = this.nameOf(uri);
    return name === "" ? text(bytes, uri.userStart, uri.userEnd) : name;
  }

  /** Whether `uri` has the domain of the phones, or our address. */
  isDomain(uri: Uri): boolean {
    const [domain] = this.domains;
    if (sameHost(uri.bytes, uri.hostStart, uri.hostEnd, domain, 0, domain.length) && uri.ip < 0) return true;
    return this.ua.layer.isOwn(uri.ip, uri.port);
  }

  /** @returns the phone whose name is the user of a URI, "" when there is none */
  private nameOf(uri: Uri): string {
    for (let i = 0; i < this.names.length; i++) {
      const name = utf8(this.names[i]);
      if (sameUser(uri.bytes, uri.userStart, uri.userEnd, name, 0, name.length)) return this.names[i];
    }
    return "";
  }

  /**
   * @param uri at the domain of the phones
   * @returns the contact of the phone of that name, "" when it is not registered; null when there is no such phone
   */
  contactOf(uri: Uri): string | null {
    const name = this.nameOf(uri);
    if (name === "") return null;
    const found: string[] = [];
    this.addContacts(name, found);
    return found.length === 0 ? "" : found[0];
  }

  /** @returns all phones with their contacts */
  phones(): PhoneState[] {
    const out: PhoneState[] = [];
    for (let i = 0; i < this.names.length; i++) {
      const found: string[] = [];
      const leftS = this.addContacts(this.names[i], found);
      out.push({ name: this.names[i], contact: found.join(" "), leftS });
    }
    return out;
  }

  /** Adds the contacts of a phone to `out`. @returns for how many seconds the last of them is registered */
  private addContacts(name: string, out: string[]): number {
    const bytes = utf8(name + "@" + text(this.domains[0]));
    this.aor.set(bytes, 0, bytes.length);
    this.found = out;
    this.leftS = 0;
    this.store.findBindings(this.aor, this, 0);
    return this.leftS;
  }

  /** The store is in memory, so it calls this from inside of `addContacts`. */
  onBindings(_token: number, _result: number, list: Bindings): void {
    const { uri } = this;
    for (let more = list.first(); more; more = list.next()) {
      const { contact } = list;
      if (!uri.parse(contact.bytes, contact.start, contact.end)) continue;
      const user = text(uri.bytes, uri.userStart, uri.userEnd);
      const byUdp = list.transport === TRANSPORT_UDP && this.hasOtherTransport() ? OVER_UDP : "";
      const over = list.transport === TRANSPORT_TCP ? ";transport=tcp" : byUdp;
      const seen = "sip:" + user + "@" + ipv4Text(list.ip) + ":" + list.port + over;
      const written = text(contact.bytes, contact.start, contact.end) + (isUnnamed(uri) ? byUdp : "");
      this.found.push(isBehindNat(uri, list.ip) ? seen : written);
      this.leftS = list.expiresS - this.clock.nowS();
    }
  }

  /** Returns whether an account of the door takes another transport than UDP for addresses that name none. */
  private hasOtherTransport(): boolean {
    const { context, second } = this.ua;
    return context.transport !== TRANSPORT_UDP || (second !== null && second.context.transport !== TRANSPORT_UDP);
  }

  onWrongPassword(name: Span, _realm: Uint8Array, ip: number, _m: Message, waitS: number): void {
    this.user.onWrongPassword(text(name.bytes, name.start, name.end), ip, waitS);
  }

  onUpdated(_token: number, _result: number): void {}

  onBindingsChanged(aor: Span, list: Bindings): void {
    const name = text(aor.bytes, aor.start, aor.end - this.domains[0].length - 1);
    const at = this.names.indexOf(name);
    const isThere = list.count > 0;
    if (at < 0 || this.isThere[at] === isThere) return;
    this.isThere[at] = isThere;
    this.user.onPhone(name, isThere);
  }
}

/** Whether a contact names no transport, and may be given one at its end. */
function isUnnamed(uri: Uri): boolean {
  return uri.scheme === SCHEME_SIP && uri.transport() === TRANSPORT_NONE && uri.paramsEnd === uri.end;
}
