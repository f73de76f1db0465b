/**
 * The server's side of digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): it writes challenges and checks
 * credentials. A nonce is good for the address it was given to and for an hour, and each count of it once
 * (wire/nonce.ts). The nonce is checked before the password, so a sender with a forged address or an invented nonce
 * learns nothing. Wrong passwords are counted (guard.ts): an address that has no try left is refused unread and told
 * when its next try is. A request is one try, however many credentials it carries. An unknown user gets the same answer
 * as a wrong password, after the same work.
 * Not here: auth-int, userhash; what a user may do (registrar.ts, admission.ts).
 */

import { NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { AUTH_DIGEST, AUTH_END, AuthValue, isGiven, USERNAME_MAX_BYTES, unquote } from "../wire/auth.js";
import { ALGORITHM_MD5, ALGORITHM_NAMES, ALGORITHM_SHA256, algorithmOf, Digest } from "../wire/digest.js";
import { RETRY_AFTER, STALE } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_NAMES } from "../wire/names.js";
import { Nonces } from "../wire/nonce.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { Guard } from "./guard.js";
import { domainOf, Secret, type UserStore } from "./users.js";

// What `checkCredentials` returns.
/** The password is right. */
export const CHECK_OK = 1;
/** The request has no readable credentials for the realm. */
export const CHECK_NONE = 0;
/**
 * The nonce was not given to that address, and the password was not checked; or the password is right, but the nonce is
 * too old or its count was used before.
 */
export const CHECK_STALE = -1;
/** The password is wrong, or there is no such user. */
export const CHECK_REFUSED = -2;
/** There is no try left: the password was not checked. */
export const CHECK_LOCKED = -3;

/** There are no credentials in the message, or none for the realm. */
export const NO_CREDENTIALS = -1;

/** The sender of a request, as `Authenticator.check` found it. The caller owns it and passes it on. */
export class Sender {
  /** CHECK_* of the last check. */
  result = CHECK_NONE;
  /** Row of the credentials in the message, or NO_CREDENTIALS. */
  row = NO_CREDENTIALS;
  /** The user's name without escapes, over octets of this object; empty when it is too long to be a user's. */
  readonly name = new Span();
  /** The realm the password is asked for. */
  realm: Uint8Array = NONE;
  /** Address the request came from. */
  ip = 0;
  /** After CHECK_LOCKED: seconds until the next try. */
  waitS = 0;
  private readonly bytes = new Uint8Array(USERNAME_MAX_BYTES);

  /** The sender gave the right password of a user of ours. */
  get isKnown(): boolean {
    return this.result === CHECK_OK;
  }

  get isLocked(): boolean {
    return this.result === CHECK_LOCKED;
  }

  /** The reason phrase of the answer to a sender that is not known, NONE for the usual one. */
  get reason(): Uint8Array {
    return this.isLocked ? TOO_MANY_WRONG : NONE;
  }

  forget(): void {
    this.result = CHECK_NONE;
    this.row = NO_CREDENTIALS;
    this.realm = NONE;
  }

  setName(value: AuthValue): void {
    this.name.set(this.bytes, 0, Math.max(0, unquote(value.username, this.bytes)));
  }
}

/** Writes wrong passwords down. All octets are lent for the call. */
export interface AuthWatcher {
  /** @param name as it was given @param waitS seconds until the next try, 0 when there are tries left */
  onWrongPassword(name: Span, realm: Uint8Array, ip: number, m: Message, waitS: number): void;
}

export interface AuthenticatorOptions {
  /** May be shared; without it, one of its own. */
  digest?: Digest;
  /**
   * ALGORITHM_* of the challenges in order: a client takes the first it knows, and some fail at one they do not know.
   */
  algorithms: readonly number[];
  /** How long a nonce is good for, ms. */
  nonceMs: number;
  /** How many nonces have their counts kept at once. */
  nonces: number;
  /**
   * The digest's uri must mean what the Request-URI means. It is off because some phones and proxies change one of the
   * two.
   */
  isStrict: boolean;
  /**
   * Credentials are good once. It is off in a stateless proxy, which cannot tell a repeated request from reused
   * credentials.
   */
  isOnce: boolean;
  /** Counts wrong passwords; all ways to the same users share one. Null: the authenticator makes one of its own. */
  guard?: Guard | null;
}

/** MD5 alone: older phones know nothing else, and some stop at the first challenge they do not know. */
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
  /** Refused unread because no try was left. */
  locked = 0;
}

/**
 * How long a challenge counts as new, ms: long enough to ask a person for the password, too short to feed a flood from
 * it.
 */
const ANSWER_MS = 10_000;
/** How many addresses and users are counted separately when the options give no guard. */
const GUARDED = 64;
const COLON = octets(": ");
const DIGEST_REALM = octets('Digest realm="');
const NONCE = octets('", nonce="');
const ALGORITHM = octets('", algorithm=');
const QOP = octets(', qop="auth"');
/** The reason of the 503 after CHECK_LOCKED. */
const TOO_MANY_WRONG = octets("Too Many Wrong Passwords");

export class Authenticator {
  readonly counters = new AuthCounters();
  readonly guard: Guard;
  /** Told of wrong passwords; null: nothing is told. */
  watcher: AuthWatcher | null = null;
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

  constructor(
    timers: Timers,
    random: RandomSource,
    users: UserStore,
    options: AuthenticatorOptions = AUTHENTICATOR_DEFAULTS,
  ) {
    this.timers = timers;
    this.digest = options.digest ?? new Digest();
    this.users = users;
    this.options = options;
    this.nonces = new Nonces(random, options.nonces, options.nonceMs);
    this.guard = options.guard ?? new Guard(random, GUARDED, []);
  }

  /** Replaces the users. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  /**
   * Checks the first credentials for the realm that can be read and use an algorithm we asked for. Credentials of other
   * schemes and for other servers on the way are passed over (RFC 3261 §22.3).
   * @param field HEADER_AUTHORIZATION at a registrar, HEADER_PROXY_AUTHORIZATION at a proxy
   * @param ip where the request came from @param out filled @returns CHECK_*, which is also in `out`
   */
  checkCredentials(m: Message, field: number, realm: Uint8Array, ip: number, out: Sender): number {
    out.realm = realm;
    out.ip = ip;
    out.row = this.findRow(m, field, realm);
    if (out.row === NO_CREDENTIALS) {
      out.result = CHECK_NONE;
      return CHECK_NONE;
    }
    out.setName(this.value);
    const result = this.judgePassword(m, out);
    out.result = result;
    if (result === CHECK_OK) this.counters.accepted += 1;
    else if (result === CHECK_STALE) this.counters.stale += 1;
    else if (result === CHECK_LOCKED) this.counters.locked += 1;
    else this.counters.refused += 1;
    return result;
  }

  /**
   * Whether the request is the first answer to a new challenge of ours, with a right or a wrong password. Only a sender
   * that was challenged here has such a nonce, and for a short time.
   */
  isAnswer(m: Message, field: number, ip: number): boolean {
    const { value, nonces } = this;
    const { nowMs } = this.timers;
    const row = m.first(field);
    if (row < 0 || value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) return false;
    if (!nonces.isOurs(value.nonce, ip, nowMs) || !nonces.isFresh(value.nonce, nowMs, ANSWER_MS)) return false;
    return !isGiven(value.qop) || value.count() === 1;
  }

  /** Whether that row has credentials for one of these realms, right or wrong, alone or among others. */
  hasRealm(m: Message, row: number, realms: readonly Uint8Array[]): boolean {
    const { value } = this;
    value.beginValues(m.bytes, m.valueStart(row), m.valueEnd(row));
    for (let found = value.next(); found !== AUTH_END; found = value.next()) {
      const { realm } = value;
      if (found === AUTH_DIGEST && domainOf(realms, realm.bytes, realm.start, realm.end).length > 0) return true;
    }
    return false;
  }

  /** Fills `out` from the credentials in that row, which were found right when the message came. @param realms ours */
  recallSender(m: Message, row: number, realms: readonly Uint8Array[], out: Sender): void {
    if (this.value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) {
      out.forget();
      return;
    }
    const { realm } = this.value;
    out.setName(this.value);
    out.realm = domainOf(realms, realm.bytes, realm.start, realm.end);
    out.row = row;
    out.result = CHECK_OK;
  }

  /**
   * Writes the fields of the answer to a sender that is not known: when its next try is (RFC 3261 §20.33), or a
   * challenge.
   * @param field HEADER_WWW_AUTHENTICATE or HEADER_PROXY_AUTHENTICATE
   */
  writeRefusal(w: Writer, field: number, sender: Sender): void {
    if (!sender.isLocked) {
      this.writeChallenges(w, field, sender.realm, sender.result === CHECK_STALE, sender.ip);
      return;
    }
    w.put(RETRY_AFTER);
    w.uint(sender.waitS);
    w.crlf();
  }

  /**
   * Writes a field for each algorithm, all with one new nonce.
   * @param field HEADER_WWW_AUTHENTICATE or HEADER_PROXY_AUTHENTICATE @param ip the only address the nonce is good for
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
      if (i === 0) this.nonces.writeNonce(w, ip, nowMs);
      else this.nonces.writeSameNonce(w);
      w.put(ALGORITHM);
      w.put(ALGORITHM_NAMES[this.options.algorithms[i]]);
      w.put(QOP);
      if (isStale) w.put(STALE);
      w.crlf();
    }
  }

  /**
   * Reads the first credentials for the realm and an algorithm we asked for into `value`.
   * @returns their row, NO_CREDENTIALS when there are none
   */
  private findRow(m: Message, field: number, realm: Uint8Array): number {
    const { value } = this;
    this.realm.set(realm, 0, realm.length);
    for (let row = m.first(field); row >= 0; row = m.next(row)) {
      // A field holds one set of credentials; a field with more is no Authorization. RFC 3261 §20.7
      if (value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) continue;
      if (!value.realm.equals(this.realm) || this.options.algorithms.indexOf(algorithmOf(value)) < 0) continue;
      return row;
    }
    return NO_CREDENTIALS;
  }

  private judgePassword(m: Message, sender: Sender): number {
    const { value, guard, nonces } = this;
    const { name, realm, ip } = sender;
    const { nowMs } = this.timers;
    if (!nonces.isGenuine(value.nonce, ip)) return CHECK_STALE;
    const waitMs = guard.waitMs(name, realm, ip, nowMs);
    if (waitMs > 0) {
      sender.waitS = Math.ceil(waitMs / 1000);
      return CHECK_LOCKED;
    }
    if (!this.isRight(m, sender)) {
      const lockedMs = guard.onWrong(name, realm, ip, nowMs);
      this.watcher?.onWrongPassword(name, realm, ip, m, Math.ceil(lockedMs / 1000));
      return CHECK_REFUSED;
    }
    if (nonces.isExpired(value.nonce, nowMs)) return CHECK_STALE;
    guard.onRight(name, realm, ip, nowMs);
    if (!this.options.isOnce) return CHECK_OK;
    // Credentials without qop have no count: their nonce is good once. RFC 7616 §3.4, §3.4.5
    return nonces.takeCount(value.nonce, isGiven(value.qop) ? value.count() : 1) ? CHECK_OK : CHECK_STALE;
  }

  private isRight(m: Message, sender: Sender): boolean {
    const { value, secret } = this;
    const algorithm = algorithmOf(value);
    const isSha256 = algorithm >= ALGORITHM_SHA256;
    // For an unknown user the hash is made with the secret of the last known one: the work is the same, and the answer
    // is always no.
    const isUser = this.users.findSecret(sender.name, sender.realm, secret);
    const isKnown = isUser && (isSha256 ? secret.hasSha256 : secret.hasMd5);
    this.method.set(m.bytes, m.methodStart, m.methodEnd);
    const isRight = this.digest.verify(value, algorithm, isSha256 ? secret.sha256 : secret.md5, this.method);
    return isRight && isKnown && this.isUriRight(m);
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
