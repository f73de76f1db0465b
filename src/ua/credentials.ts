/**
 * Whose challenges are answered, and with what: one account at one server, one realm. Nobody else's challenge is answered, for
 * the response is something to guess the password from (RFC 7616 §5.9 and after).
 * Not here: the reckoning (wire/digest.ts), how often a request is tried and to which requests credentials are written (their sender).
 */
import { equal, lower, NONE, octets, type Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Dialog } from "../dialog/dialog.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { Target } from "../transaction/flow.js";
import { SIP_PORT } from "../transaction/transport.js";
import { AUTH_DIGEST, AUTH_END, type AuthValue, REALM_MAX_BYTES, unquote } from "../wire/auth.js";
import { ALGORITHM_OTHER, ClientAuth, Digest, quotedName, strengthOf } from "../wire/digest.js";
import { sameHost } from "../wire/identity.js";
import type { Message } from "../wire/message.js";
import { HEADER_PROXY_AUTHENTICATE, HEADER_WWW_AUTHENTICATE, METHOD_NAMES } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { AccountSettings } from "./account.js";

/** Addresses of the server kept at once: a name may have several. The one noted first makes room. */
const SERVERS = 4;

const AUTHORIZATION = octets("Authorization: ");
const PROXY_AUTHORIZATION = octets("Proxy-Authorization: ");

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

export class Credentials {
  private readonly server: ClientAuth;
  private readonly proxy: ClientAuth;
  private readonly digest = new Digest();
  private readonly domainHost = new ServerHost();
  private readonly proxyHost = new ServerHost();
  private readonly servers = new Float64Array(SERVERS);
  private readonly serverPorts = new Uint16Array(SERVERS);
  private serverCount = 0;
  private canAnswer = false;
  /** The one realm, without escapes; -1 octets while none is known. */
  private readonly realm = new Uint8Array(REALM_MAX_BYTES);
  private realmSize = -1;
  /** Realm of the challenge that is looked at. */
  private readonly theirs = new Uint8Array(REALM_MAX_BYTES);

  constructor(random: RandomSource) {
    this.server = new ClientAuth(random, this.digest);
    this.proxy = new ClientAuth(random, this.digest);
  }

  /** Reads the settings anew and forgets what was learnt under the old ones: challenges, realm, the server's addresses. */
  configure(settings: AccountSettings): void {
    const user = quotedName(octets(settings.authUser !== "" ? settings.authUser : settings.user));
    const password = octets(settings.password);
    this.canAnswer = user !== null && password.length > 0;
    this.server.setUser(user ?? NONE, password);
    this.proxy.setUser(user ?? NONE, password);
    const realm = octets(settings.realm);
    this.realmSize = -1;
    if (realm.length > this.realm.length) this.canAnswer = false;
    else if (realm.length > 0) {
      this.realm.set(realm);
      this.realmSize = realm.length;
    }
    this.domainHost.configure(settings.domain);
    this.proxyHost.configure(settings.proxy);
    this.serverCount = 0;
  }

  /**
   * Takes the strongest challenge of a 401 or 407 that can be answered and is for our realm. The caller has asked `trusts`.
   * @param isSecond the request went with credentials already: then only a nonce that was too old is answered again, or the other
   * kind of challenge (a proxy's behind a server's), which is the first of its kind
   * @returns whether the request may be sent again
   */
  take(m: Message, isSecond: boolean): boolean {
    if (!this.canAnswer) return false;
    return m.status === 407
      ? this.takeBest(m, HEADER_PROXY_AUTHENTICATE, this.proxy, isSecond)
      : this.takeBest(m, HEADER_WWW_AUTHENTICATE, this.server, isSecond);
  }

  /** Writes Authorization and Proxy-Authorization, as far as there were challenges. `requestUri` as it is in the request's first line. */
  write(w: Writer, method: number, requestUri: Span): void {
    writeField(w, AUTHORIZATION, this.server, method, requestUri);
    writeField(w, PROXY_AUTHORIZATION, this.proxy, method, requestUri);
  }

  /** Forgets the challenges, as after a refusal; realm and addresses stay. */
  forget(): void {
    this.server.forget();
    this.proxy.forget();
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
    if (draft === null || !host.isTarget(t.target)) return false;
    this.noteServer(t.target.ip, t.target.port);
    return true;
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
    if (ip === this.domainHost.ip || ip === this.proxyHost.ip) return true;
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

  private takeBest(m: Message, header: number, auth: ClientAuth, isSecond: boolean): boolean {
    const challenge = this.digest.view;
    let bestRow = -1;
    let bestIndex = 0;
    let best = ALGORITHM_OTHER;
    for (let row = m.first(header); row >= 0; row = m.next(row)) {
      challenge.begin(m.bytes, m.valueStart(row), m.valueEnd(row));
      let index = 0;
      for (let found = challenge.next(); found !== AUTH_END; found = challenge.next(), index++) {
        if (found !== AUTH_DIGEST || !this.isOurRealm(challenge)) continue;
        const strength = strengthOf(challenge);
        if (strength <= best) continue;
        best = strength;
        bestRow = row;
        bestIndex = index;
      }
    }
    if (bestRow < 0) return false;
    // The view holds one value at a time: the best one is read again.
    challenge.begin(m.bytes, m.valueStart(bestRow), m.valueEnd(bestRow));
    for (let index = 0; index <= bestIndex; index++) challenge.next();
    if (isSecond && auth.isReady && !challenge.isStale()) return false;
    const realmSize = unquote(challenge.realm, this.theirs);
    if (!auth.take(challenge)) return false;
    for (let i = 0; i < realmSize; i++) this.realm[i] = this.theirs[i];
    this.realmSize = realmSize;
    return true;
  }

  private isOurRealm(challenge: AuthValue): boolean {
    const size = unquote(challenge.realm, this.theirs);
    if (this.realmSize < 0) return size >= 0;
    return equal(this.theirs, 0, size, this.realm, 0, this.realmSize);
  }
}

function writeField(w: Writer, name: Uint8Array, auth: ClientAuth, method: number, requestUri: Span): void {
  if (!auth.isReady) return;
  const start = w.at;
  w.put(name);
  if (auth.write(w, METHOD_NAMES[method], requestUri)) w.crlf();
  else w.at = start;
}
