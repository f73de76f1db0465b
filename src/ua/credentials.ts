/**
 * The challenges that are answered, and with what: one account at one server, whatever it calls its realms, or the one
 * realm of the settings. No other challenge is answered, for the response is something to guess the password from (RFC
 * 7616 §5.9 and after). For the same reason an answer goes only to the one that asked for it, and not in advance to
 * others that a proxy passes it on to:
 * - a 401 to REGISTER serves every REGISTER, and nothing else;
 * - a 407 serves what goes to the server that sent it, for proxies may answer a request for their own realm only;
 * - a 401 to any other request serves that request when it is sent again, once.
 * Not here: the reckoning (wire/digest.ts), where the server is (servers.ts), and how often a request is tried (its
 * sender).
 */
import { octetArray } from "../core/arrays.js";
import { equal, NONE, octets, Span, utf8 } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Dialog } from "../dialog/dialog.js";
import type { NotifyCredentials } from "../dialog/notifier.js";
import type { ClientTransaction, Sealer } from "../transaction/client.js";
import type { Target } from "../transaction/flow.js";
import { DATAGRAM_USUAL_BYTES } from "../transaction/request.js";
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
import { skipSpace } from "../wire/lex.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_AUTHENTICATION_INFO,
  HEADER_PROXY_AUTHENTICATE,
  HEADER_WWW_AUTHENTICATE,
  METHOD_NAMES,
  METHOD_REGISTER,
} from "../wire/names.js";
import type { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import type { AccountSettings } from "./account.js";
import { type ServerHost, Servers } from "./servers.js";

const CHALLENGE_LONG = "the server's challenge is too long to be answered: ";
const USER_LONG =
  "no challenge can be answered: sip.authUser (or sip.user) is over " +
  2 * USERNAME_MAX_BYTES +
  " octets, escapes included";
const REALM_LONG = "no challenge can be answered: sip.realm is over " + REALM_MAX_BYTES + " octets";
const NEXT_NONCE = octets("nextnonce");
const QUOTE = 0x22;
const EQUALS = 0x3d;
const AUTHORIZATION = octets("Authorization: ");
const PROXY_AUTHORIZATION = octets("Proxy-Authorization: ");

const CR = 0x0d;
const LF = 0x0a;
/** The LF before an empty line, and the line. */
const EMPTY_LINE_BYTES = 3;
/** Octets that an INVITE has behind its credentials, at most. */
const BODY_BYTES = 300;
const SPACE = 0x20;

// For the time of one call only.
const list = new ValueList();
const requestUri = new Span();
const word = new Span();

/** Realms of proxies that are answered at once. RFC 3261 §22.3 */
const PROXIES = 2;

/** Who sends requests: its requests of one kind follow each other, so it says which of them a challenge is for. */
export type Asker = ClientTransaction["user"];

/** The challenge of one kind that was taken last, and the request that it was taken for. */
class Slot {
  readonly auth: ClientAuth;
  /** Whose request it was taken for last. */
  asker: Asker | null = null;
  /** Whose request is to be sent again with the answer. */
  due: Asker | null = null;
  /** The one that challenged was found by that name of the settings, null for none, and at that address. */
  host: ServerHost | null = null;
  ip = -1;
  // Three fields of a proxy's challenge.
  /** The turn in which it was taken last, 0 when there is none. */
  turn = 0;
  /** The challenges that are taken just now have its realm. */
  isNamed = false;
  /** Its answer went with that request last. */
  sentWith: ClientTransaction | null = null;
  /** A proxy asked for the credentials of a REGISTER too. */
  hasAskedRegister = false;

  constructor(random: RandomSource, digest: Digest) {
    this.auth = new ClientAuth(random, digest);
  }

  forget(): void {
    this.auth.forget();
    this.asker = this.due = this.host = this.sentWith = null;
    this.ip = -1;
    this.turn = 0;
    this.hasAskedRegister = false;
  }
}

export class Credentials implements Sealer, NotifyCredentials {
  private readonly digest = new Digest();
  /** 401 to REGISTER. */
  private readonly registrar: Slot;
  /** 407, one for each realm, made when it is challenged by it. */
  private readonly proxies: Slot[] = [];
  /** Challenges of proxies that were taken. */
  private turns = 0;
  /** 401 to anything else; null until there is one. */
  private other: Slot | null = null;
  private readonly random: RandomSource;
  private username: Uint8Array = NONE;
  private password: Uint8Array = NONE;
  /** The names and addresses of the configured server. */
  readonly servers = new Servers();
  /**
   * Why the challenges that came last cannot be answered, one line for a person; "" when they can, or there is nothing
   * to say.
   */
  problem = "";
  /** Why the settings let no challenge be answered. */
  private settingsProblem = "";
  private canAnswer = false;
  /** The realm of the settings, without escapes; -1 octets: none is wanted. */
  private readonly realm = octetArray(REALM_MAX_BYTES);
  private realmSize = -1;
  /** The realm whose challenge of this message was taken already lies there. */
  private takenStart = 0;
  private takenEnd = 0;
  /** Realm of the challenge that is looked at. */
  private readonly theirs = octetArray(REALM_MAX_BYTES);

  constructor(random: RandomSource) {
    this.random = random;
    this.registrar = new Slot(random, this.digest);
  }

  private makeSlot(): Slot {
    const slot = new Slot(this.random, this.digest);
    slot.auth.setUser(this.username, this.password);
    return slot;
  }

  /** Reads the settings anew and forgets what was learnt under the old ones: challenges and the server's addresses. */
  configure(settings: AccountSettings): void {
    const user = quotedName(utf8(settings.authUser !== "" ? settings.authUser : settings.user));
    const password = utf8(settings.password);
    this.canAnswer = user !== null && password.length > 0;
    this.forget();
    this.username = user ?? NONE;
    this.password = password;
    this.registrar.auth.setUser(this.username, password);
    for (let i = 0; i < this.proxies.length; i++) this.proxies[i].auth.setUser(this.username, password);
    this.other?.auth.setUser(this.username, password);
    const realm = utf8(settings.realm);
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
    this.servers.configure(settings.domain, settings.proxy, settings.transport);
  }

  /**
   * Takes the strongest challenge of a 401 that can be answered, and of a 407 that of each realm; also those of the
   * other kind, which a proxy adds that has asked several others (RFC 3261 §16.7). The caller has asked `trusts`.
   * @param t the request that was challenged @param isSecond it was challenged before: then only a nonce that was too
   * old is answered again, or the other kind of challenge (a proxy's behind a server's), which is the first of its kind
   * @returns whether the request may be sent again
   */
  takeChallenge(t: ClientTransaction, m: Message, isSecond: boolean): boolean {
    this.problem = this.settingsProblem;
    if (!this.canAnswer) return false;
    const isProxy = m.status === 407;
    if (isProxy ? !this.takeProxies(t, m, isSecond) : !this.takeServer(t, m, isSecond)) return false;
    if (isProxy) this.takeServer(t, m, isSecond);
    else this.takeProxies(t, m, isSecond);
    this.problem = "";
    return true;
  }

  private takeServer(t: ClientTransaction, m: Message, isSecond: boolean): boolean {
    this.takenStart = this.takenEnd = 0;
    if (!this.findBest(m, HEADER_WWW_AUTHENTICATE)) return false;
    if (t.method === METHOD_REGISTER) return this.takeFor(this.registrar, t, isSecond);
    this.other ??= this.makeSlot();
    return this.takeFor(this.other, t, isSecond);
  }

  private takeProxies(t: ClientTransaction, m: Message, isSecond: boolean): boolean {
    const { proxies } = this;
    let isAny = false;
    this.takenStart = this.takenEnd = 0;
    for (let i = 0; i < proxies.length; i++) proxies[i].isNamed = false;
    for (let i = 0; i < PROXIES && this.findBest(m, HEADER_PROXY_AUTHENTICATE); i++) {
      const { realm } = this.digest.view;
      this.takenStart = realm.start;
      this.takenEnd = realm.end;
      const slot = this.slotOf(realm, t.target);
      if (!this.takeFor(slot, t, isSecond)) continue;
      isAny = slot.isNamed = true;
      slot.turn = ++this.turns;
    }
    // An answer that went along in advance, and whose realm is asked for no more, is let go: the server calls its realm
    // otherwise now. Two proxies on the way ask one after the other.
    for (let i = 0; i < proxies.length && isAny && !isSecond; i++)
      if (!proxies[i].isNamed && proxies[i].sentWith === t) proxies[i].forget();
    return isAny;
  }

  /** Takes the challenge in the view for a request. */
  private takeFor(slot: Slot, t: ClientTransaction, isSecond: boolean): boolean {
    const { view } = this.digest;
    // Another server of the same name did not refuse the answer: it never saw its own challenge answered.
    const isSame = slot.ip === t.target.ip;
    const wasAsked = isSecond && isSame && slot.asker === t.user && slot.auth.hasRealm(view.realm);
    if (wasAsked && !view.isStale()) return false;
    if (!slot.auth.takeChallenge(view)) return false;
    slot.asker = slot.due = t.user;
    slot.host = this.servers.hostOf(t.target);
    slot.ip = t.target.ip;
    if (t.method === METHOD_REGISTER) slot.hasAskedRegister = true;
    return true;
  }

  /**
   * The slot of a realm of whom a request goes to: the one it has, a free one, or the one that was taken longest ago.
   */
  private slotOf(realm: Span, target: Target): Slot {
    const { proxies } = this;
    for (let i = 0; i < proxies.length; i++)
      if (proxies[i].auth.isReady && proxies[i].auth.hasRealm(realm) && this.isAt(proxies[i], target))
        return proxies[i];
    let oldest = proxies.length > 0 ? proxies[0] : null;
    for (let i = 0; i < proxies.length; i++) if (oldest !== null && proxies[i].turn < oldest.turn) oldest = proxies[i];
    if (oldest !== null && (oldest.turn === 0 || proxies.length === PROXIES)) return oldest;
    const slot = this.makeSlot();
    proxies.push(slot);
    return slot;
  }

  /** The server says in the answer to a REGISTER which nonce to use next. RFC 7616 §3.5 */
  noteNext(m: Message): void {
    list.beginField(m, HEADER_AUTHENTICATION_INFO);
    while (list.next()) {
      const { bytes, start, end } = list;
      const nameEnd = start + NEXT_NONCE.length;
      word.set(bytes, start, Math.min(nameEnd, end));
      if (!word.isToken(NEXT_NONCE)) continue;
      let at = skipSpace(bytes, nameEnd, end);
      if (bytes[at] !== EQUALS) continue;
      at = skipSpace(bytes, at + 1, end);
      if (bytes[at] === QUOTE && bytes[end - 1] === QUOTE) this.registrar.auth.renewNonce(bytes, at + 1, end - 1);
    }
    word.clear();
  }

  /**
   * Writes Authorization and Proxy-Authorization, as far as `t` or whom it goes to was asked for them. The caller has
   * asked `trusts`.
   * @param requestUri as it is in the request's first line @param isAgain the request was challenged, and is sent again
   */
  writeAnswer(w: Writer, t: ClientTransaction, method: number, requestUri: Span, isAgain: boolean): void {
    const { registrar, proxies, other } = this;
    registrar.auth.abandon();
    other?.auth.abandon();
    for (let i = 0; i < proxies.length; i++) proxies[i].auth.abandon();
    const start = w.at;
    const isRegister = method === METHOD_REGISTER;
    if (isRegister) writeField(w, AUTHORIZATION, registrar.auth, method, requestUri);
    else if (other !== null && other.due === t.user) {
      other.due = null;
      if (isAgain) writeField(w, AUTHORIZATION, other.auth, method, requestUri);
    }
    const isSecond = w.at > start;
    for (let i = 0; i < proxies.length; i++) {
      const proxy = proxies[i];
      if (!this.isAt(proxy, t.target)) continue;
      const before = w.at;
      const wasOk = w.ok;
      writeField(w, PROXY_AUTHORIZATION, proxy.auth, method, requestUri);
      proxy.sentWith = t;
      // An answer that was not asked for here goes along beside the server's own only if there is room: its proxy may
      // ask.
      const isAsked = isRegister ? proxy.hasAskedRegister : proxy.asker === t.user;
      const most = isRegister ? DATAGRAM_USUAL_BYTES : w.limit - BODY_BYTES;
      if (!isSecond || isAsked || !wasOk || (w.ok && w.at <= most)) continue;
      w.begin(w.bytes, before, w.limit);
      proxy.auth.abandon();
      proxy.sentWith = null;
    }
    t.sealer = this.isAnyOpen() ? this : null;
  }

  /** The answers to challenges that want the body to be part of it (auth-int) are put in now. */
  onWritten(bytes: Uint8Array, end: number): void {
    const { method } = this.digest;
    const methodEnd = bytes.indexOf(SPACE);
    const uriEnd = bytes.indexOf(SPACE, methodEnd + 1);
    method.set(bytes, 0, methodEnd);
    requestUri.set(bytes, methodEnd + 1, uriEnd);
    let bodyStart = uriEnd;
    // In what we write CR stands before LF alone, so behind an LF it begins the empty line.
    while (bodyStart < end && !(bytes[bodyStart] === LF && bytes[bodyStart + 1] === CR)) bodyStart += 1;
    bodyStart = Math.min(end, bodyStart + EMPTY_LINE_BYTES);
    this.registrar.auth.seal(bytes, bodyStart, end, method, requestUri);
    for (let i = 0; i < this.proxies.length; i++) this.proxies[i].auth.seal(bytes, bodyStart, end, method, requestUri);
    this.other?.auth.seal(bytes, bodyStart, end, method, requestUri);
    requestUri.clear();
    method.clear();
  }

  private isAnyOpen(): boolean {
    let isAny = this.registrar.auth.isOpen || this.other?.auth.isOpen === true;
    for (let i = 0; i < this.proxies.length; i++) isAny ||= this.proxies[i].auth.isOpen;
    return isAny;
  }

  /** Forgets the challenges, as after a refusal; addresses stay. */
  forget(): void {
    this.registrar.forget();
    this.forgetProxies();
    this.other?.forget();
  }

  /** Credentials that went along in advance were refused. */
  forgetProxies(): void {
    for (let i = 0; i < this.proxies.length; i++) this.proxies[i].forget();
  }

  /** Whether an answer to the registrar's challenge goes with a REGISTER. */
  get isRegistrarKnown(): boolean {
    return this.registrar.auth.isReady;
  }

  /**
   * Whether a request that is to go there goes to whom the challenge was from. Before a name is looked up there is no
   * address.
   */
  private isAt(slot: Slot, target: Target): boolean {
    const { servers } = this;
    if (servers.isOneOfProxies(target)) return slot.host !== null && slot.host === servers.hostOf(target);
    if (target.nameSize > 0) return slot.host !== null && slot.host === servers.hostOf(target);
    return target.ip >= 0 && target.ip === slot.ip;
  }

  /**
   * Whether the request of `t` goes or went to the configured server, so that its challenge may be answered. Seen by
   * its next hop, never by what it says: a dialog's request goes where the other side's Contact and Record-Route lead,
   * and any host there may challenge it.
   * @param draft what our call began with, null for a call that came @param hasProxy requests outside of dialogs go by
   * the proxy
   */
  trusts(t: ClientTransaction, draft: Dialog | null, hasProxy: boolean): boolean {
    const { servers } = this;
    const { ip, port } = t.target;
    // Another program may listen at another port of the same address, as behind one router.
    if (servers.isServerFlow(ip, port) || servers.isRouteFlow(ip, port)) return true;
    // A call that came has nothing from us in it, so a name in it is the caller's choice: only addresses count.
    if (draft === null || !servers.isNextHop(t.target, hasProxy)) return false;
    servers.note(ip, port);
    return true;
  }

  takeInDialog(t: ClientTransaction, m: Message, isSecond: boolean): boolean {
    return this.trusts(t, null, false) && this.takeChallenge(t, m, isSecond);
  }

  writeInDialog(w: Writer, t: ClientTransaction, method: number, requestUri: Span): void {
    if (this.trusts(t, null, false)) this.writeAnswer(w, t, method, requestUri, true);
  }

  /**
   * The registrar asked for requests to go by that host, which is as good as the server then.
   * @param host with its port, "" none
   */
  setRoute(host: string, transport?: number): void {
    this.servers.setRoute(host, transport);
  }

  /** As `Servers` has it. */
  noteServer(ip: number, port = SIP_PORT): void {
    this.servers.note(ip, port);
  }

  isServer(ip: number): boolean {
    return this.servers.isServer(ip);
  }

  isServerFlow(ip: number, port: number): boolean {
    return this.servers.isServerFlow(ip, port);
  }

  isServerHost(uri: Uri): boolean {
    return this.servers.isServerHost(uri);
  }

  /**
   * Puts the strongest challenge that is for our realm, and not for the one taken before, into the view.
   * @returns whether there is one
   */
  private findBest(m: Message, header: number): boolean {
    const challenge = this.digest.view;
    let bestRow = -1;
    let bestIndex = 0;
    let best = ALGORITHM_OTHER;
    // Whether the best one was read last, so that the view has it still.
    let isLast = false;
    for (let row = m.first(header); row >= 0; row = m.next(row)) {
      challenge.beginValues(m.bytes, m.valueStart(row), m.valueEnd(row));
      let index = 0;
      for (let found = challenge.next(); found !== AUTH_END; found = challenge.next(), index++) {
        isLast = false;
        if (found === AUTH_LONG) this.problem = CHALLENGE_LONG + challenge.tooLong();
        if (found !== AUTH_DIGEST || !this.isOurRealm(challenge) || this.isTaken(challenge.realm)) continue;
        const strength = strengthOf(challenge);
        if (strength <= best) continue;
        best = strength;
        bestRow = row;
        bestIndex = index;
        isLast = true;
      }
    }
    if (bestRow < 0) return false;
    this.problem = "";
    if (isLast) return true;
    // The view holds one value at a time: the best one is read again.
    challenge.beginValues(m.bytes, m.valueStart(bestRow), m.valueEnd(bestRow));
    for (let index = 0; index <= bestIndex; index++) challenge.next();
    return true;
  }

  private isOurRealm(challenge: AuthValue): boolean {
    if (this.realmSize < 0) return true;
    const size = unquote(challenge.realm, this.theirs);
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
  if (auth.writeCredentials(w, METHOD_NAMES[method], requestUri)) w.crlf();
  else w.at = start;
}
