/**
 * The server's side of digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges, and whether credentials are right.
 * A nonce is a time, a number and a keyed hash over both, so none has to be kept. What is kept, in a table of fixed size, is how far each
 * nonce was counted; where two nonces meet in the table the older one counts as stale, so that no count is taken twice.
 * An unknown user gets the answer that a wrong password gets, after the same work.
 * Not here: auth-int, userhash; what a user may do (registrar.ts, proxy.ts).
 */
import { equal, NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { readHex32 } from "../transaction/slots.js";
import { AUTH_DIGEST, AuthValue, isGiven, USERNAME_MAX_BYTES, unquote } from "../wire/auth.js";
import { ALGORITHM_MD5, ALGORITHM_NAMES, ALGORITHM_SHA256, algorithmOf, type Digest } from "../wire/digest.js";
import type { Message } from "../wire/message.js";
import { HEADER_NAMES } from "../wire/names.js";
import { SHA256_BYTES, Sha256 } from "../wire/sha256.js";
import { Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import { domainOf, Secret, type UserStore } from "./users.js";

/** What `check` returns. The name is in `name`. */
export const CHECK_OK = 1;
/** No credentials for the realm. */
export const CHECK_NONE = 0;
/** The password was right, the nonce too old, not ours, or counted already. */
export const CHECK_STALE = -1;
/** Wrong, or not to be read. */
export const CHECK_REFUSED = -2;

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
}

const NONCE_BYTES = 32;
const PLAIN_BYTES = 16;
const MAC_BYTES = 16;
/** How long a challenge counts as given just now, ms: a person may be asked for the password, but no flood is fed from one. */
const ANSWER_MS = 10_000;
const COLON = octets(": ");
const DIGEST_REALM = octets('Digest realm="');
const NONCE = octets('", nonce="');
const ALGORITHM = octets('", algorithm=');
const QOP = octets(', qop="auth"');
const STALE = octets(", stale=true");

export class Authenticator {
  readonly counters = new AuthCounters();
  /** After CHECK_OK: the name of the user, without escapes; good until the next `check`. */
  readonly name = new Span();
  /** After CHECK_OK: the row of the credentials. */
  row = -1;
  private readonly options: AuthenticatorOptions;
  private readonly timers: Timers;
  private readonly digest: Digest;
  private users: UserStore;
  private readonly hash = new Sha256();
  private readonly key = new Uint8Array(SHA256_BYTES);
  private readonly secret = new Secret();
  private readonly value = new AuthValue();
  private readonly method = new Span();
  private readonly realm = new Span();
  private readonly uri = new Uri();
  private readonly otherUri = new Uri();
  private readonly nameBytes = new Uint8Array(USERNAME_MAX_BYTES);
  private readonly nonce = new Uint8Array(NONCE_BYTES);
  private readonly mac = new Uint8Array(SHA256_BYTES);
  private readonly writer = new Writer();
  private readonly word = new Int32Array(1);
  /** By the number of a nonce modulo the size: the youngest that was used, and its count. */
  private readonly numbers: Uint32Array;
  private readonly counts: Float64Array;
  private lastNumber = 0;
  private nonceS = 0;
  private nonceNumber = 0;

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
    this.numbers = new Uint32Array(options.nonces);
    this.counts = new Float64Array(options.nonces);
    for (let i = 0; i < this.key.length; i++) this.key[i] = random.uint32() & 255;
  }

  /** Other users from now on. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  /**
   * Whether the request has right credentials for the realm.
   * @param field HEADER_AUTHORIZATION at a registrar, HEADER_PROXY_AUTHORIZATION at a proxy @returns CHECK_*
   */
  check(m: Message, field: number, realm: Uint8Array): number {
    let result = CHECK_NONE;
    for (let row = m.first(field); row >= 0 && result === CHECK_NONE; row = m.next(row)) {
      result = this.checkValue(m, m.valueStart(row), m.valueEnd(row), realm);
      this.row = row;
    }
    if (result === CHECK_OK) this.counters.accepted += 1;
    else if (result === CHECK_STALE) this.counters.stale += 1;
    else if (result === CHECK_REFUSED) this.counters.refused += 1;
    return result;
  }

  /**
   * Whether the request answers, for the first time, a challenge that was given just now, its password right or wrong: what was begun
   * goes on. Only whoever was challenged here has such a nonce, and for a short time.
   */
  isAnswer(m: Message, field: number): boolean {
    const { value } = this;
    const row = m.first(field);
    if (row < 0 || value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) return false;
    if (!this.isOurNonce(value.nonce)) return false;
    if (this.timers.nowMs >= this.nonceS * 1000 + ANSWER_MS) return false;
    if (isGiven(value.qop) && value.count() !== 1) return false;
    return this.numbers[this.nonceNumber % this.numbers.length] < this.nonceNumber;
  }

  /** Whether the credentials in that row are for one of these realms, right or not. */
  isFor(m: Message, row: number, realms: readonly Uint8Array[]): boolean {
    const { value } = this;
    if (value.parse(m.bytes, m.valueStart(row), m.valueEnd(row)) !== AUTH_DIGEST) return false;
    const { realm } = value;
    return domainOf(realms, realm.bytes, realm.start, realm.end).length > 0;
  }

  /** Sets `name` to the user of the credentials in that row, which were found right before. @returns the one of the realms they are for */
  recall(m: Message, row: number, realms: readonly Uint8Array[]): Uint8Array {
    if (!this.isFor(m, row, realms)) return NONE;
    const { realm, username } = this.value;
    const size = unquote(username, this.nameBytes);
    if (size < 0) return NONE;
    this.name.set(this.nameBytes, 0, size);
    return domainOf(realms, realm.bytes, realm.start, realm.end);
  }

  /** Writes a field for each algorithm, all with one new nonce. @param field HEADER_WWW_AUTHENTICATE or HEADER_PROXY_AUTHENTICATE */
  writeChallenges(w: Writer, field: number, realm: Uint8Array, isStale: boolean): void {
    this.counters.challenged += 1;
    this.lastNumber = (this.lastNumber + 1) >>> 0;
    this.writeNonce(Math.floor(this.timers.nowMs / 1000), this.lastNumber);
    for (let i = 0; i < this.options.algorithms.length; i++) {
      w.put(HEADER_NAMES[field]);
      w.put(COLON);
      w.put(DIGEST_REALM);
      w.quoted(realm, 0, realm.length);
      w.put(NONCE);
      w.raw(this.nonce, 0, NONCE_BYTES);
      w.put(ALGORITHM);
      w.put(ALGORITHM_NAMES[this.options.algorithms[i]]);
      w.put(QOP);
      if (isStale) w.put(STALE);
      w.crlf();
    }
  }

  private checkValue(m: Message, start: number, end: number, realm: Uint8Array): number {
    const value = this.value;
    if (value.parse(m.bytes, start, end) !== AUTH_DIGEST) return CHECK_REFUSED;
    this.realm.set(realm, 0, realm.length);
    // A request may carry credentials for other servers on its way too. RFC 3261 §22.3
    if (!value.realm.equals(this.realm)) return CHECK_NONE;
    const size = unquote(value.username, this.nameBytes);
    if (size < 0) return CHECK_REFUSED;
    this.name.set(this.nameBytes, 0, size);
    const algorithm = algorithmOf(value);
    if (this.options.algorithms.indexOf(algorithm) < 0) return CHECK_REFUSED;
    const secret = this.secret;
    // For a stranger the secret of whoever was last is reckoned with: the work is the same, and the answer always no.
    const isKnown =
      this.users.find(this.name, realm, secret) && (algorithm >= ALGORITHM_SHA256 ? secret.hasSha256 : secret.hasMd5);
    this.method.set(m.bytes, m.methodStart, m.methodEnd);
    const a1 = algorithm >= ALGORITHM_SHA256 ? secret.sha256 : secret.md5;
    const isRight = this.digest.verify(value, algorithm, a1, this.method);
    if (!isRight || !isKnown || !this.isUriRight(m)) return CHECK_REFUSED;
    return this.count();
  }

  private isUriRight(m: Message): boolean {
    if (!this.options.isStrict) return true;
    const { uri } = this.value;
    if (equal(uri.bytes, uri.start, uri.end, m.bytes, m.uriStart, m.uriEnd)) return true;
    return (
      this.uri.parse(uri.bytes, uri.start, uri.end) &&
      this.otherUri.parse(m.bytes, m.uriStart, m.uriEnd) &&
      this.uri.equals(this.otherUri)
    );
  }

  /** Takes the count of the credentials, which are right. Without qop there is none: such a nonce is good once. RFC 7616 §3.4, §3.4.5 */
  private count(): number {
    const { nonce, qop } = this.value;
    if (!this.isOurNonce(nonce)) return CHECK_STALE;
    const number = this.nonceNumber;
    if (this.timers.nowMs >= this.nonceS * 1000 + this.options.nonceMs) return CHECK_STALE;
    if (!this.options.isOnce) return CHECK_OK;
    const count = isGiven(qop) ? this.value.count() : 1;
    const place = number % this.numbers.length;
    if (this.numbers[place] > number) return CHECK_STALE;
    if (this.numbers[place] === number && this.counts[place] >= count) return CHECK_STALE;
    this.numbers[place] = number;
    this.counts[place] = count;
    return CHECK_OK;
  }

  /** Whether a nonce was made here; then `nonceS` and `nonceNumber` are its time and its number. */
  private isOurNonce(nonce: Span): boolean {
    const { word } = this;
    if (nonce.size() !== NONCE_BYTES || !readHex32(nonce.bytes, nonce.start, word)) return false;
    this.nonceS = word[0] >>> 0;
    if (!readHex32(nonce.bytes, nonce.start + 8, word)) return false;
    this.nonceNumber = word[0] >>> 0;
    this.writeNonce(this.nonceS, this.nonceNumber);
    return equal(nonce.bytes, nonce.start, nonce.end, this.nonce, 0, NONCE_BYTES);
  }

  private writeNonce(timeS: number, number: number): void {
    const w = this.writer;
    w.begin(this.nonce, 0, NONCE_BYTES);
    w.hex(timeS, 8);
    w.hex(number, 8);
    const hash = this.hash;
    hash.begin();
    hash.update(this.key, 0, this.key.length);
    hash.update(this.nonce, 0, PLAIN_BYTES);
    hash.finish(this.mac, 0);
    for (let i = 0; i < MAC_BYTES / 2; i++) w.hex(this.mac[i], 2);
  }
}
