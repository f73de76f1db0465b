/**
 * The server's side of digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges, and whether credentials are right.
 * A nonce is good for the address it was given to and for an hour, each count of it once (wire/nonce.ts); before that is known no password is
 * looked at, so whoever forges an address or makes up nonces learns nothing. Wrong passwords are counted (guard.ts): an address that has no try
 * left is not listened to, and is told when it will be. A request is one try, however many credentials it carries.
 * An unknown user gets the answer that a wrong password gets, after the same work.
 * Not here: auth-int, userhash; what a user may do (registrar.ts, proxy.ts).
 */
import { NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { AUTH_DIGEST, AUTH_END, AuthValue, isGiven, USERNAME_MAX_BYTES, unquote } from "../wire/auth.js";
import { ALGORITHM_MD5, ALGORITHM_NAMES, ALGORITHM_SHA256, algorithmOf, type Digest } from "../wire/digest.js";
import type { Message } from "../wire/message.js";
import { HEADER_NAMES } from "../wire/names.js";
import { Nonces } from "../wire/nonce.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { Guard } from "./guard.js";
import { domainOf, Secret, type UserStore } from "./users.js";

/** What `check` returns. The name is in `name`. */
export const CHECK_OK = 1;
/** No credentials for the realm that could be read. */
export const CHECK_NONE = 0;
/** The nonce is none that was given to that address, and the password was not looked at; or it is too old or its count was taken, and the password is right. */
export const CHECK_STALE = -1;
export const CHECK_REFUSED = -2;
/** There is no try left: the password was not looked at. `waitS` says for how long. */
export const CHECK_LOCKED = -3;

/** Whoever writes down wrong passwords. All octets are lent for the call. */
export interface AuthWatcher {
  /** @param name as it was given @param waitS 0: there are tries left; else when there will be one */
  onWrongPassword(name: Span, realm: Uint8Array, ip: number, m: Message, waitS: number): void;
}

export interface AuthenticatorOptions {
  /** ALGORITHM_* of the challenges in their order: a client takes the first it knows, and some fail at one they do not know. */
  algorithms: readonly number[];
  /** How long a nonce is good for, ms. */
  nonceMs: number;
  /** Nonces whose counts are kept at once. */
  nonces: number;
  /** The digest's uri must mean what the Request-URI means. Off, because some phones and proxies on the way change one of both. */
  isStrict: boolean;
  /** Credentials are good once. Off where a request that comes again cannot be told from one that is used again: in a proxy without state. */
  isOnce: boolean;
  /** Counts wrong passwords: one for all ways to the same users. Null: one of its own. */
  guard?: Guard | null;
}

/** Older phones know MD5 only, and some stop at the first challenge they do not know. */
export const AUTHENTICATOR_DEFAULTS: AuthenticatorOptions = {
  algorithms: [ALGORITHM_MD5],
  nonceMs: 3600_000,
  nonces: 64,
  isStrict: false,
  isOnce: true,
};

export class AuthCounters {
  challenged = 0;
  accepted = 0;
  refused = 0;
  stale = 0;
  /** Not looked at: no try left. */
  locked = 0;
}

/** How long a challenge counts as given just now, ms: a person may be asked for the password, but no flood is fed from one. */
const ANSWER_MS = 10_000;
/** Addresses and users that are counted each by itself, if nothing else is said. */
const GUARDED = 64;
const COLON = octets(": ");
const DIGEST_REALM = octets('Digest realm="');
const NONCE = octets('", nonce="');
const ALGORITHM = octets('", algorithm=');
const QOP = octets(', qop="auth"');
const STALE = octets(", stale=true");
const RETRY_AFTER = octets("Retry-After: ");
/** What is answered to CHECK_LOCKED: 503 with this reason. */
export const TOO_MANY_WRONG = octets("Too Many Wrong Passwords");

export class Authenticator {
  readonly counters = new AuthCounters();
  readonly guard: Guard;
  /** Told of wrong passwords, if there is one. */
  watcher: AuthWatcher | null = null;
  /** After CHECK_OK: the name of the user, without escapes; good until the next `check`. */
  readonly name = new Span();
  /** After CHECK_OK: the row of the credentials. */
  row = -1;
  /** After CHECK_LOCKED: when there is another try, s from now. */
  waitS = 0;
  private readonly options: AuthenticatorOptions;
  private readonly timers: Timers;
  private readonly digest: Digest;
  private users: UserStore;
  private readonly nonces: Nonces;
  private readonly secret = new Secret();
  private readonly value = new AuthValue();
  private readonly method = new Span();
  private readonly realm = new Span();
  private readonly uri = new Uri();
  private readonly otherUri = new Uri();
  private readonly nameBytes = new Uint8Array(USERNAME_MAX_BYTES);

  /** @param digest may be shared */
  constructor(
    timers: Timers,
    random: RandomSource,
    digest: Digest,
    users: UserStore,
    options: AuthenticatorOptions = AUTHENTICATOR_DEFAULTS,
  ) {
    this.timers = timers;
    this.digest = digest;
    this.users = users;
    this.options = options;
    this.nonces = new Nonces(random, options.nonces, options.nonceMs);
    this.guard = options.guard ?? new Guard(random, GUARDED, []);
  }

  /** Other users from now on. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  /**
   * Whether the request has right credentials for the realm: those first in it that can be read, for an algorithm we asked for. Those of other
   * schemes and for other servers on the way are passed over (RFC 3261 §22.3).
   * @param field HEADER_AUTHORIZATION at a registrar, HEADER_PROXY_AUTHORIZATION at a proxy @param ip where the request came from @returns CHECK_*
   */
  check(m: Message, field: number, realm: Uint8Array, ip: number): number {
    this.row = this.find(m, field, realm);
    if (this.row < 0) return CHECK_NONE;
    const result = this.judge(m, realm, ip);
    if (result === CHECK_OK) this.counters.accepted += 1;
    else if (result === CHECK_STALE) this.counters.stale += 1;
    else if (result === CHECK_LOCKED) this.counters.locked += 1;
    else this.counters.refused += 1;
    return result;
  }

  /**
   * Whether the request answers, for the first time, a challenge that was given just now, its password right or wrong: what was begun
   * goes on. Only whoever was challenged here has such a nonce, and for a short time.
   */
  isAnswer(m: Message, field: number, ip: number): boolean {
    const { value, nonces } = this;
    const { nowMs } = this.timers;
    const row = m.first(field);
    if (row < 0 || value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) return false;
    if (!nonces.isOurs(value.nonce, ip, nowMs) || !nonces.isFresh(value.nonce, nowMs, ANSWER_MS)) return false;
    return !isGiven(value.qop) || value.count() === 1;
  }

  /** Whether there are credentials for one of these realms in that row, right or not, alone or among others. */
  isFor(m: Message, row: number, realms: readonly Uint8Array[]): boolean {
    const { value } = this;
    value.begin(m.bytes, m.valueStart(row), m.valueEnd(row));
    for (let found = value.next(); found !== AUTH_END; found = value.next()) {
      const { realm } = value;
      if (found === AUTH_DIGEST && domainOf(realms, realm.bytes, realm.start, realm.end).length > 0) return true;
    }
    return false;
  }

  /** Sets `name` to the user of the credentials in that row, which were found right before. @returns the one of the realms they are for */
  recall(m: Message, row: number, realms: readonly Uint8Array[]): Uint8Array {
    if (this.value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) return NONE;
    const { realm } = this.value;
    this.readName();
    return domainOf(realms, realm.bytes, realm.start, realm.end);
  }

  /** Writes when the next try is, after CHECK_LOCKED. RFC 3261 §20.33 */
  writeWait(w: Writer): void {
    w.put(RETRY_AFTER);
    w.uint(this.waitS);
    w.crlf();
  }

  /**
   * Writes a field for each algorithm, all with one new nonce.
   * @param field HEADER_WWW_AUTHENTICATE or HEADER_PROXY_AUTHENTICATE @param ip the only address it is good for
   */
  writeChallenges(w: Writer, field: number, realm: Uint8Array, isStale: boolean, ip: number): void {
    this.counters.challenged += 1;
    const { nowMs } = this.timers;
    for (let i = 0; i < this.options.algorithms.length; i++) {
      w.put(HEADER_NAMES[field]);
      w.put(COLON);
      w.put(DIGEST_REALM);
      w.quoted(realm, 0, realm.length);
      w.put(NONCE);
      if (i === 0) this.nonces.write(w, ip, nowMs);
      else this.nonces.writeAgain(w);
      w.put(ALGORITHM);
      w.put(ALGORITHM_NAMES[this.options.algorithms[i]]);
      w.put(QOP);
      if (isStale) w.put(STALE);
      w.crlf();
    }
  }

  /** Reads the first credentials for the realm that are of an algorithm we asked for. @returns their row, -1: there are none */
  private find(m: Message, field: number, realm: Uint8Array): number {
    const { value } = this;
    this.realm.set(realm, 0, realm.length);
    for (let row = m.first(field); row >= 0; row = m.next(row)) {
      // There is one in a field: what has more is no Authorization. RFC 3261 §20.7
      if (value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) continue;
      if (!value.realm.equals(this.realm) || this.options.algorithms.indexOf(algorithmOf(value)) < 0) continue;
      this.readName();
      return row;
    }
    return -1;
  }

  private judge(m: Message, realm: Uint8Array, ip: number): number {
    const { value, guard, name, nonces } = this;
    const { nowMs } = this.timers;
    if (!nonces.isGenuine(value.nonce, ip)) return CHECK_STALE;
    const waitMs = guard.waitMs(name, realm, ip, nowMs);
    if (waitMs > 0) {
      this.waitS = Math.ceil(waitMs / 1000);
      return CHECK_LOCKED;
    }
    if (!this.isRight(m, realm)) {
      const lockedMs = guard.onWrong(name, realm, ip, nowMs);
      this.watcher?.onWrongPassword(name, realm, ip, m, Math.ceil(lockedMs / 1000));
      return CHECK_REFUSED;
    }
    if (nonces.isExpired(value.nonce, nowMs)) return CHECK_STALE;
    guard.onRight(name, realm, ip, nowMs);
    if (!this.options.isOnce) return CHECK_OK;
    // Without qop there is no count: such a nonce is good once. RFC 7616 §3.4, §3.4.5
    return nonces.take(value.nonce, isGiven(value.qop) ? value.count() : 1) ? CHECK_OK : CHECK_STALE;
  }

  private isRight(m: Message, realm: Uint8Array): boolean {
    const { value, secret } = this;
    const algorithm = algorithmOf(value);
    const isSha256 = algorithm >= ALGORITHM_SHA256;
    // For a stranger the secret of whoever was last is reckoned with: the work is the same, and the answer always no.
    const isKnown = this.users.find(this.name, realm, secret) && (isSha256 ? secret.hasSha256 : secret.hasMd5);
    this.method.set(m.bytes, m.methodStart, m.methodEnd);
    const isRight = this.digest.verify(value, algorithm, isSha256 ? secret.sha256 : secret.md5, this.method);
    return isRight && isKnown && this.isUriRight(m);
  }

  /** Sets `name` to the one in the credentials, without escapes; one that is too long is none (AuthValue). */
  private readName(): void {
    this.name.set(this.nameBytes, 0, Math.max(0, unquote(this.value.username, this.nameBytes)));
  }

  private isUriRight(m: Message): boolean {
    if (!this.options.isStrict) return true;
    const { uri } = this.value;
    return (
      this.uri.parse(uri.bytes, uri.start, uri.end) &&
      this.otherUri.parse(m.bytes, m.uriStart, m.uriEnd) &&
      this.uri.equals(this.otherUri)
    );
  }
}
