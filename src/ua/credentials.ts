/**
 * Whose challenges are answered, and with what: one account at one server, whatever it calls its realms, or the one realm of the settings.
 * Nobody else's challenge is answered, for the response is something to guess the password from (RFC 7616 §5.9 and after). For the same reason an answer goes to whom it was asked
 * by, and to nobody in advance whom a proxy passes it on to:
 * - a 401 to REGISTER serves every REGISTER, and nothing else;
 * - a 407 serves what goes to the server that sent it, for proxies may answer a request for their own realm only;
 * - a 401 to any other request serves that request when it is sent again, once.
 * Not here: the reckoning (wire/digest.ts), and how often a request is tried (its sender).
 */
import { equal, equalNoCase, lower, NONE, octets, type Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Dialog } from "../dialog/dialog.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { Target } from "../transaction/flow.js";
import { SIP_PORT } from "../transaction/transport.js";
import {
  AUTH_DIGEST,
  AUTH_END,
  AUTH_LONG,
  type AuthValue,
  REALM_MAX_BYTES,
  USERNAME_MAX_BYTES,
  unquote,
} from "../wire/auth.js";
import { ALGORITHM_OTHER, ClientAuth, Digest, quotedName, strengthOf } from "../wire/digest.js";
import { sameHost } from "../wire/identity.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_AUTHENTICATION_INFO,
  HEADER_PROXY_AUTHENTICATE,
  HEADER_WWW_AUTHENTICATE,
  METHOD_NAMES,
  METHOD_REGISTER,
} from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { AccountSettings } from "./account.js";

/** Addresses of the server kept at once: a name may have several. The one noted first makes room. */
const SERVERS = 4;

const CHALLENGE_LONG = "the server's challenge is too long to be answered: ";
const USER_LONG =
  "no challenge can be answered: sip.authUser (or sip.user) is over " +
  2 * USERNAME_MAX_BYTES +
  " octets, escapes included";
const REALM_LONG = "no challenge can be answered: sip.realm is over " + REALM_MAX_BYTES + " octets";
const NEXT_NONCE = octets('nextnonce="');
const QUOTE = 0x22;
const AUTHORIZATION = octets("Authorization: ");
const PROXY_AUTHORIZATION = octets("Proxy-Authorization: ");

// For the time of one call only.
const list = new ValueList();

/** Where a setting says that a server is. */
class ServerHost {
  /** In lower case; empty when none is configured or it is an address. */
  name: Uint8Array = NONE;
  /** -1 when it is a name. */
  ip = -1;
  port = SIP_PORT;

  /** @param setting a host, host:port or SIP URI; "" or what is none of these: nowhere */
  configure(setting: string): void {
    const uri = new Uri();
    const hasScheme = setting.slice(0, 4).toLowerCase() === "sip:";
    const bytes = octets(hasScheme ? setting : "sip:" + setting);
    this.name = NONE;
    this.ip = -1;
    if (setting === "" || !uri.parse(bytes, 0, bytes.length)) return;
    this.ip = uri.ip;
    this.port = uri.port < 0 ? SIP_PORT : uri.port;
    if (this.ip >= 0) return;
    this.name = bytes.slice(uri.hostStart, uri.hostEnd);
    for (let i = 0; i < this.name.length; i++) this.name[i] = lower(this.name[i]);
  }

  /** Whether that URI's host is it, whatever the port. */
  isHostOf(uri: Uri): boolean {
    if (this.ip >= 0) return uri.ip === this.ip;
    return sameHost(uri.bytes, uri.hostStart, uri.hostEnd, this.name, 0, this.name.length);
  }

  /** Whether a request that looked up the host of `target` went there. */
  isTarget(target: Target): boolean {
    const port = target.namePort < 0 ? SIP_PORT : target.namePort;
    const name = this.name;
    if (name.length === 0 || port !== this.port) return false;
    return sameHost(target.name, 0, target.nameSize, name, 0, name.length);
  }
}

/** Realms of proxies that are answered at once. RFC 3261 §22.3 */
const PROXIES = 2;

/** Who sends requests: its requests of one kind follow each other, so it says which of them a challenge is for. */
export type Asker = ClientTransaction["user"];

/** One kind of challenge: the one that was taken last, and for whom. */
class Slot {
  readonly auth: ClientAuth;
  /** Whose request it was taken for last. */
  asker: Asker | null = null;
  /** Whose request is to be sent again with the answer. */
  due: Asker | null = null;
  /** Where the one that challenged was found: by a name of the settings, else null; and its address. */
  host: ServerHost | null = null;
  ip = -1;

  constructor(random: RandomSource, digest: Digest) {
    this.auth = new ClientAuth(random, digest);
  }

  forget(): void {
    this.auth.forget();
    this.asker = this.due = this.host = null;
    this.ip = -1;
  }
}

export class Credentials {
  private readonly digest = new Digest();
  /** 401 to REGISTER. */
  private readonly registrar: Slot;
  /** 407, one for each realm; and which of them makes room for the next. */
  private readonly proxies: Slot[] = [];
  private oldest = 0;
  /** 401 to anything else. */
  private readonly other: Slot;
  private readonly domainHost = new ServerHost();
  private readonly proxyHost = new ServerHost();
  /** Where the registrar asked requests to go by, Service-Route. */
  private readonly routeHost = new ServerHost();
  private readonly servers = new Float64Array(SERVERS);
  private readonly serverPorts = new Uint16Array(SERVERS);
  private serverCount = 0;
  /** Why the challenges that came last cannot be answered, one line for a person; "" when they can, or there is nothing to say. */
  problem = "";
  /** Why the settings let no challenge be answered. */
  private settingsProblem = "";
  private canAnswer = false;
  /** The realm of the settings, without escapes; -1 octets: none is wanted. */
  private readonly realm = new Uint8Array(REALM_MAX_BYTES);
  private realmSize = -1;
  /** Where the realm lies whose challenge of this message was taken already. */
  private takenStart = 0;
  private takenEnd = 0;
  /** Realm of the challenge that is looked at. */
  private readonly theirs = new Uint8Array(REALM_MAX_BYTES);

  constructor(random: RandomSource) {
    this.registrar = new Slot(random, this.digest);
    for (let i = 0; i < PROXIES; i++) this.proxies.push(new Slot(random, this.digest));
    this.other = new Slot(random, this.digest);
  }

  /** Reads the settings anew and forgets what was learnt under the old ones: challenges and the server's addresses. */
  configure(settings: AccountSettings): void {
    const user = quotedName(octets(settings.authUser !== "" ? settings.authUser : settings.user));
    const password = octets(settings.password);
    this.canAnswer = user !== null && password.length > 0;
    this.forget();
    this.registrar.auth.setUser(user ?? NONE, password);
    for (let i = 0; i < PROXIES; i++) this.proxies[i].auth.setUser(user ?? NONE, password);
    this.other.auth.setUser(user ?? NONE, password);
    const realm = octets(settings.realm);
    this.realmSize = -1;
    this.settingsProblem = user === null && (settings.authUser !== "" || settings.user !== "") ? USER_LONG : "";
    if (realm.length > this.realm.length) {
      this.canAnswer = false;
      this.settingsProblem = REALM_LONG;
    }
    if (realm.length > 0 && realm.length <= this.realm.length) {
      this.realm.set(realm);
      this.realmSize = realm.length;
    }
    this.domainHost.configure(settings.domain);
    this.proxyHost.configure(settings.proxy);
    this.routeHost.configure("");
    this.serverCount = 0;
  }

  /**
   * Takes the strongest challenge of a 401 that can be answered, and of a 407 that of each realm. The caller has asked `trusts`.
   * @param t the request that was challenged @param isSecond it was challenged before: then only a nonce that was too old is answered
   * again, or the other kind of challenge (a proxy's behind a server's), which is the first of its kind
   * @returns whether the request may be sent again
   */
  take(t: ClientTransaction, m: Message, isSecond: boolean): boolean {
    this.problem = this.settingsProblem;
    if (!this.canAnswer) return false;
    this.takenStart = this.takenEnd = 0;
    if (m.status !== 407) {
      const slot = t.method === METHOD_REGISTER ? this.registrar : this.other;
      return this.findBest(m, HEADER_WWW_AUTHENTICATE) && this.takeFor(slot, t, isSecond);
    }
    let isAny = false;
    for (let i = 0; i < PROXIES && this.findBest(m, HEADER_PROXY_AUTHENTICATE); i++) {
      const { realm } = this.digest.view;
      this.takenStart = realm.start;
      this.takenEnd = realm.end;
      if (this.takeFor(this.slotOf(realm), t, isSecond)) isAny = true;
    }
    return isAny;
  }

  /** Takes the challenge in the view for a request. */
  private takeFor(slot: Slot, t: ClientTransaction, isSecond: boolean): boolean {
    const { view } = this.digest;
    const wasAsked = isSecond && slot.asker === t.user && slot.auth.hasRealm(view.realm);
    if (wasAsked && !view.isStale()) return false;
    if (!slot.auth.take(view)) return false;
    slot.asker = slot.due = t.user;
    slot.host = this.hostOf(t.target);
    slot.ip = t.target.ip;
    return true;
  }

  /** The slot of a proxy's realm: the one it has, a free one, or the one that was taken longest ago. */
  private slotOf(realm: Span): Slot {
    const { proxies } = this;
    for (let i = 0; i < PROXIES; i++) if (proxies[i].auth.isReady && proxies[i].auth.hasRealm(realm)) return proxies[i];
    for (let i = 0; i < PROXIES; i++) if (!proxies[i].auth.isReady) return proxies[i];
    this.oldest = (this.oldest + 1) % PROXIES;
    return proxies[this.oldest];
  }

  /** The server says in the answer to a REGISTER which nonce to use next. RFC 7616 §3.5 */
  noteNext(m: Message): void {
    list.begin(m, HEADER_AUTHENTICATION_INFO);
    while (list.next()) {
      const { bytes, start, end } = list;
      const value = start + NEXT_NONCE.length;
      if (end <= value + 1 || bytes[end - 1] !== QUOTE) continue;
      if (equalNoCase(bytes, start, value, NEXT_NONCE, 0, NEXT_NONCE.length))
        this.registrar.auth.renewNonce(bytes, value, end - 1);
    }
  }

  /**
   * Writes Authorization and Proxy-Authorization, as far as `t` or whom it goes to was asked for them. The caller has asked `trusts`.
   * @param requestUri as it is in the request's first line @param isAgain the request was challenged, and is sent again
   */
  write(w: Writer, t: ClientTransaction, method: number, requestUri: Span, isAgain: boolean): void {
    const { registrar, proxies, other } = this;
    if (method === METHOD_REGISTER) writeField(w, AUTHORIZATION, registrar.auth, method, requestUri);
    else if (other.due === t.user) {
      other.due = null;
      if (isAgain) writeField(w, AUTHORIZATION, other.auth, method, requestUri);
    }
    for (let i = 0; i < PROXIES; i++)
      if (this.isAt(proxies[i], t.target)) writeField(w, PROXY_AUTHORIZATION, proxies[i].auth, method, requestUri);
  }

  /** Forgets the challenges, as after a refusal; addresses stay. */
  forget(): void {
    this.registrar.forget();
    for (let i = 0; i < PROXIES; i++) this.proxies[i].forget();
    this.other.forget();
  }

  /** Whether a request that is to go there goes to whom the challenge was from. Before a name is looked up there is no address. */
  private isAt(slot: Slot, target: Target): boolean {
    if (target.nameSize > 0) return slot.host !== null && slot.host === this.hostOf(target);
    return target.ip >= 0 && target.ip === slot.ip;
  }

  private hostOf(target: Target): ServerHost | null {
    if (this.proxyHost.isTarget(target)) return this.proxyHost;
    if (this.routeHost.isTarget(target)) return this.routeHost;
    return this.domainHost.isTarget(target) ? this.domainHost : null;
  }

  /**
   * Whether the request of `t` goes or went to the configured server, so that its challenge may be answered. Seen by its next hop,
   * never by what it says: a dialog's request goes where the other side's Contact and Record-Route lead, and whoever is there may challenge it.
   * @param draft what our call began with, null for a call that came @param hasProxy requests outside of dialogs go by the proxy
   */
  trusts(t: ClientTransaction, draft: Dialog | null, hasProxy: boolean): boolean {
    if (this.isServer(t.target.ip)) return true;
    const host = hasProxy ? this.proxyHost : this.domainHost;
    // A call that came has nothing from us in it, so a name in it is the caller's choice: only addresses count.
    if (draft === null || !(host.isTarget(t.target) || this.routeHost.isTarget(t.target))) return false;
    this.noteServer(t.target.ip, t.target.port);
    return true;
  }

  /** The registrar asked for requests to go by that host, which is as good as the server then. @param host with its port, "" none */
  setRoute(host: string): void {
    this.routeHost.configure(host);
  }

  /** Remembers an address at which the configured server was found. @param ip -1 is passed over */
  noteServer(ip: number, port = SIP_PORT): void {
    if (ip < 0 || this.isServerFlow(ip, port)) return;
    this.servers[this.serverCount % SERVERS] = ip;
    this.serverPorts[this.serverCount % SERVERS] = port;
    this.serverCount += 1;
  }

  /** Whether that is an address of the configured server, by the settings or as it was found. */
  isServer(ip: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip || ip === this.proxyHost.ip || ip === this.routeHost.ip) return true;
    for (let i = 0; i < this.serverCount && i < SERVERS; i++) if (this.servers[i] === ip) return true;
    return false;
  }

  /** As `isServer`, at the port it is reached at. */
  isServerFlow(ip: number, port: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip && port === this.domainHost.port) return true;
    if (ip === this.proxyHost.ip && port === this.proxyHost.port) return true;
    for (let i = 0; i < this.serverCount && i < SERVERS; i++)
      if (this.servers[i] === ip && this.serverPorts[i] === port) return true;
    return false;
  }

  /** Whether the host of that URI is the configured server: by its name, or an address it was found at. */
  isServerHost(uri: Uri): boolean {
    return this.domainHost.isHostOf(uri) || this.proxyHost.isHostOf(uri) || this.isServer(uri.ip);
  }

  /** Puts the strongest challenge that is for our realm, and not for the one taken before, into the view. @returns whether there is one */
  private findBest(m: Message, header: number): boolean {
    const challenge = this.digest.view;
    let bestRow = -1;
    let bestIndex = 0;
    let best = ALGORITHM_OTHER;
    for (let row = m.first(header); row >= 0; row = m.next(row)) {
      challenge.begin(m.bytes, m.valueStart(row), m.valueEnd(row));
      let index = 0;
      for (let found = challenge.next(); found !== AUTH_END; found = challenge.next(), index++) {
        if (found === AUTH_LONG) this.problem = CHALLENGE_LONG + challenge.tooLong();
        if (found !== AUTH_DIGEST || !this.isOurRealm(challenge) || this.isTaken(challenge.realm)) continue;
        const strength = strengthOf(challenge);
        if (strength <= best) continue;
        best = strength;
        bestRow = row;
        bestIndex = index;
      }
    }
    if (bestRow < 0) return false;
    this.problem = "";
    // The view holds one value at a time: the best one is read again.
    challenge.begin(m.bytes, m.valueStart(bestRow), m.valueEnd(bestRow));
    for (let index = 0; index <= bestIndex; index++) challenge.next();
    return true;
  }

  private isOurRealm(challenge: AuthValue): boolean {
    const size = unquote(challenge.realm, this.theirs);
    if (this.realmSize < 0) return size >= 0;
    return equal(this.theirs, 0, size, this.realm, 0, this.realmSize);
  }

  private isTaken(realm: Span): boolean {
    const { takenStart, takenEnd } = this;
    return takenEnd > 0 && equal(realm.bytes, realm.start, realm.end, realm.bytes, takenStart, takenEnd);
  }
}

function writeField(w: Writer, name: Uint8Array, auth: ClientAuth, method: number, requestUri: Span): void {
  if (!auth.isReady) return;
  const start = w.at;
  w.put(name);
  if (auth.write(w, METHOD_NAMES[method], requestUri)) w.crlf();
  else w.at = start;
}
