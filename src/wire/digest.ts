/**
 * Digest authentication (RFC 7616, RFC 8760; RFC 2617 for servers without qop): how a response is made, whether one is
 * right, and the client's side of one challenge. Both sides hash quoted values as they stand on the wire, with their
 * escapes.
 * Not here: which password goes to which server (ua/credentials.ts), nonces of our own (nonce.ts), userhash, and
 * auth-int in requests of others.
 */
import { octetArray } from "../core/arrays.js";
import { equal, NONE, octets, Span, UINT32_MOST } from "../core/bytes.js";
import { putHex } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";
import {
  AuthValue,
  copyQuoted,
  isGiven,
  NONCE_MAX_BYTES,
  OPAQUE_MAX_BYTES,
  REALM_MAX_BYTES,
  USERNAME_MAX_BYTES,
} from "./auth.js";
import type { Hash } from "./hash.js";
import { Md5 } from "./md5.js";
import { Sha256 } from "./sha256.js";
import { Writer } from "./writer.js";

// Algorithms: a higher number is stronger; ALGORITHM_OTHER is an unknown one.
export const ALGORITHM_OTHER = 0;
export const ALGORITHM_MD5 = 1;
export const ALGORITHM_MD5_SESS = 2;
export const ALGORITHM_SHA256 = 3;
export const ALGORITHM_SHA256_SESS = 4;

/** Names on the wire, by algorithm. */
export const ALGORITHM_NAMES: readonly Uint8Array[] = [
  NONE,
  octets("MD5"),
  octets("MD5-sess"),
  octets("SHA-256"),
  octets("SHA-256-sess"),
];

/** Room for any result in hexadecimal, octets. */
export const HEX_MAX_BYTES = 64;
/** Number of digits of our cnonce, and of a nonce count. */
const CNONCE_BYTES = 16;
const COUNT_BYTES = 8;

const COMMA = 0x2c;
const COLON = octets(":");
const AUTH = octets("auth");
const AUTH_INT = octets("auth-int");
const ZERO = 0x30;

// The protection that a challenge offers: the request without a nonce count (before RFC 2617), the request with one,
// its body too, or none that is known.
const QOP_NONE = 0;
const QOP_AUTH = 1;
const QOP_AUTH_INT = 2;
const QOP_OTHER = 3;

const USERNAME = octets('Digest username="');
const REALM = octets('", realm="');
const NONCE = octets('", nonce="');
const URI = octets('", uri="');
const RESPONSE = octets('", response="');
const ALGORITHM = octets('", algorithm=');
const CNONCE = octets(', cnonce="');
const OPAQUE = octets(', opaque="');
const CLOSE = octets('"');
const QOP = octets(", qop=");
const NC = octets(", nc=");

// Scratch, used within one call.
const token = new Span();

/** @returns ALGORITHM_*, MD5 when none is named. RFC 7616 §3.3 */
export function algorithmOf(value: AuthValue): number {
  if (!isGiven(value.algorithm)) return ALGORITHM_MD5;
  for (let i = ALGORITHM_MD5; i <= ALGORITHM_SHA256_SESS; i++)
    if (value.algorithm.isToken(ALGORITHM_NAMES[i])) return i;
  return ALGORITHM_OTHER;
}

/** @returns the number of hexadecimal digits of a result of that algorithm */
export function hexSize(algorithm: number): number {
  return algorithm >= ALGORITHM_SHA256 ? 64 : 32;
}

/**
 * @returns QOP_* to answer a challenge with: the plainest known one of its list. `auth` also survives changes of the
 * body on the way
 */
function qopOf(value: AuthValue): number {
  if (value.qop.size() === 0) return QOP_NONE;
  const { bytes, end } = value.qop;
  let start = value.qop.start;
  let best = QOP_OTHER;
  while (start < end) {
    let stop = start;
    while (stop < end && bytes[stop] !== COMMA) stop += 1;
    token.set(bytes, start, stop);
    trim(token);
    if (token.isToken(AUTH)) return QOP_AUTH;
    if (token.isToken(AUTH_INT)) best = QOP_AUTH_INT;
    start = stop + 1;
  }
  return best;
}

/** Whether a challenge offers a known protection. */
export function hasKnownQop(value: AuthValue): boolean {
  return qopOf(value) !== QOP_OTHER;
}

/**
 * @returns the ALGORITHM_* of a challenge; ALGORITHM_OTHER when it cannot be answered, for another algorithm or another
 * protection
 */
export function strengthOf(challenge: AuthValue): number {
  if (!isGiven(challenge.realm) || challenge.nonce.size() === 0) return ALGORITHM_OTHER;
  return hasKnownQop(challenge) ? algorithmOf(challenge) : ALGORITHM_OTHER;
}

function isSession(algorithm: number): boolean {
  return algorithm === ALGORITHM_MD5_SESS || algorithm === ALGORITHM_SHA256_SESS;
}

/** Calculates responses. One object with its hashes can serve all users, one after the other. */
export class Digest {
  private readonly md5 = new Md5();
  /** Null until it is asked for: many servers know MD5 alone. */
  private sha256: Sha256 | null = null;
  /** The part of a -sess algorithm that stays; made with the first one, since hardly any server uses them. */
  private session: Uint8Array = NONE;
  /** Fields for the user of this object, within one call. */
  readonly result = octetArray(HEX_MAX_BYTES);
  readonly view = new AuthValue();
  readonly method = new Span();
  /** The body of the request, read for auth-int alone. */
  readonly body = new Span();
  readonly writer = new Writer();

  /**
   * Writes H(username:realm:password), which can stand for the password in this realm; for a -sess algorithm it is the
   * part that stays.
   * @param out room for HEX_MAX_BYTES: gets `hexSize(algorithm)` hexadecimal digits
   */
  writeSecret(algorithm: number, username: Span, realm: Span, password: Uint8Array, out: Uint8Array): void {
    const hash = this.hashOf(algorithm);
    hash.beginHash();
    hash.update(username.bytes, username.start, username.end);
    hash.update(COLON, 0, 1);
    hash.update(realm.bytes, realm.start, realm.end);
    hash.update(COLON, 0, 1);
    hash.update(password, 0, password.length);
    this.finish(hash, out);
  }

  /**
   * Writes the response for credentials whose nonce, uri and, where they are used, cnonce, nc and qop are set. RFC 7616
   * §3.4.1
   * @param secret from `writeSecret` @param out another array, with room for HEX_MAX_BYTES: gets `hexSize(algorithm)`
   * digits
   */
  respond(credentials: AuthValue, algorithm: number, secret: Uint8Array, method: Span, out: Uint8Array): void {
    const hash = this.hashOf(algorithm);
    const size = hexSize(algorithm);
    const { nonce, cnonce, nc, qop, uri } = credentials;
    let a1 = secret;
    if (isSession(algorithm)) {
      if (this.session === NONE) this.session = octetArray(HEX_MAX_BYTES);
      a1 = this.session;
      hash.beginHash();
      hash.update(secret, 0, size);
      addField(hash, nonce);
      addField(hash, cnonce);
      this.finish(hash, a1);
    }
    const isWhole = qop.isToken(AUTH_INT);
    if (isWhole) {
      const { body } = this;
      hash.beginHash();
      hash.update(body.bytes, body.start, body.end);
      this.finish(hash, out);
    }
    hash.beginHash();
    hash.update(method.bytes, method.start, method.end);
    addField(hash, uri);
    if (isWhole) {
      hash.update(COLON, 0, 1);
      hash.update(out, 0, size);
    }
    this.finish(hash, out);
    hash.beginHash();
    hash.update(a1, 0, size);
    addField(hash, nonce);
    if (isGiven(qop)) {
      addField(hash, nc);
      addField(hash, cnonce);
      addField(hash, qop);
    }
    hash.update(COLON, 0, 1);
    hash.update(out, 0, size);
    this.finish(hash, out);
  }

  /**
   * Whether credentials were made with the secret. The comparison takes constant time. The caller checks the rest: that
   * user, realm and nonce are the expected ones, that `uri` is the request's, that `nc` rises, and that qop is there
   * when it was offered.
   * @param algorithm of the secret; credentials of another one are refused @param method of the request, as on the wire
   */
  verify(credentials: AuthValue, algorithm: number, secret: Uint8Array, method: Span): boolean {
    const { qop, response } = credentials;
    if (algorithm === ALGORITHM_OTHER || algorithmOf(credentials) !== algorithm) return false;
    if (!isGiven(credentials.uri) || !isGiven(credentials.nonce)) return false;
    if (isGiven(qop) && (!qop.isToken(AUTH) || credentials.count() < 0)) return false;
    if ((isGiven(qop) || isSession(algorithm)) && credentials.cnonce.size() === 0) return false;
    const size = hexSize(algorithm);
    if (response.size() !== size) return false;
    const expected = this.result;
    this.respond(credentials, algorithm, secret, method, expected);
    let difference = 0;
    for (let i = 0; i < size; i++) difference |= response.bytes[response.start + i] ^ expected[i];
    return difference === 0;
  }

  private hashOf(algorithm: number): Hash {
    if (algorithm < ALGORITHM_SHA256) return this.md5;
    this.sha256 ??= new Sha256();
    return this.sha256;
  }

  /** Writes the digits of the hash. Its octets are put where the second half of the digits will be. */
  private finish(hash: Hash, out: Uint8Array): void {
    const size = hash.sizeBytes;
    hash.finish(out, size);
    putHex(out, 0, out, size, 2 * size);
  }
}

/** @returns a user's name with the escapes it needs between quotes, null when it cannot be sent; allocates */
export function quotedName(username: Uint8Array): Uint8Array | null {
  const w = new Writer();
  w.begin(new Uint8Array(2 * USERNAME_MAX_BYTES), 0, 2 * USERNAME_MAX_BYTES);
  w.quoted(username, 0, username.length);
  return w.ok && w.at > 0 ? w.bytes.slice(0, w.at) : null;
}

// Offsets of a challenge's values, and of ours for it, in one array.
const REALM_AT = 0;
const NONCE_AT = REALM_AT + REALM_MAX_BYTES;
const OPAQUE_AT = NONCE_AT + NONCE_MAX_BYTES;
const CNONCE_AT = OPAQUE_AT + OPAQUE_MAX_BYTES;
const COUNT_AT = CNONCE_AT + CNONCE_BYTES;
const KEPT_BYTES = COUNT_AT + COUNT_BYTES;

/** The client's side: the last challenge, and how often it was answered. */
export class ClientAuth {
  /** There is a challenge to answer. */
  isReady = false;
  private readonly random: RandomSource;
  private readonly digest: Digest;
  private algorithm = ALGORITHM_OTHER;
  private count = 0;
  /** The name as it stands between quotes. */
  private username: Uint8Array = NONE;
  private password: Uint8Array = NONE;
  /** The values of the challenge. It is made with the first one: most of those who may challenge never do. */
  private kept: Uint8Array = NONE;
  private realmSize = 0;
  private nonceSize = -1;
  /** Size of opaque, -1 when the challenge had none. */
  private opaqueSize = -1;
  private qop = QOP_NONE;
  /** Offset, in the octets of the request, of the digits of a response that waits for the body; -1: none does. */
  private sealAt = -1;
  private readonly secret = octetArray(HEX_MAX_BYTES);

  /** @param digest may be shared */
  constructor(random: RandomSource, digest: Digest) {
    this.random = random;
    this.digest = digest;
  }

  /**
   * Sets the user, and forgets the challenge. The octets stay the caller's and are kept.
   * @param username from `quotedName`
   */
  setUser(username: Uint8Array, password: Uint8Array): void {
    this.forget();
    this.username = username;
    this.password = password;
  }

  /** Forgets the challenge. */
  forget(): void {
    this.isReady = false;
    this.sealAt = -1;
    this.secret.fill(0);
  }

  /** Whether the last challenge is for that realm, as it stands between quotes. */
  hasRealm(realm: Span): boolean {
    return equal(realm.bytes, realm.start, realm.end, this.kept, REALM_AT, REALM_AT + this.realmSize);
  }

  /**
   * Takes the next nonce, which the server gave in an answer: `bytes[start, end)` from between quotes. RFC 7616 §3.5
   */
  renewNonce(bytes: Uint8Array, start: number, end: number): void {
    if (!this.isReady) return;
    token.set(bytes, start, end);
    const size = copyQuoted(token, this.kept, NONCE_AT, OPAQUE_AT);
    // A nonce that does not fit is dropped: a server that wants it challenges the old one.
    if (size <= 0) {
      this.forget();
      return;
    }
    this.nonceSize = size;
    this.renew();
    const answer = this.lay();
    this.digest.writeSecret(this.algorithm, answer.username, answer.realm, this.password, this.secret);
  }

  /**
   * Takes a challenge and copies its values. The same nonce once more goes on with the count, even if it was forgotten:
   * a server takes a lower count for a replay.
   * @param challenge may be the view of our digest
   * @returns false when it cannot be answered (see `strengthOf`) or does not fit; then the challenge before is
   * forgotten too
   */
  takeChallenge(challenge: AuthValue): boolean {
    const { digest } = this;
    const algorithm = strengthOf(challenge);
    this.forget();
    if (algorithm === ALGORITHM_OTHER || this.username.length === 0) return false;
    if (this.kept === NONE) this.kept = new Uint8Array(KEPT_BYTES);
    const { kept } = this;
    const { realm, nonce, opaque } = challenge;
    const isSame =
      algorithm === this.algorithm &&
      this.nonceSize >= 0 &&
      equal(nonce.bytes, nonce.start, nonce.end, kept, NONCE_AT, NONCE_AT + this.nonceSize);
    this.realmSize = copyQuoted(realm, kept, REALM_AT, NONCE_AT);
    this.nonceSize = copyQuoted(nonce, kept, NONCE_AT, OPAQUE_AT);
    const hasOpaque = isGiven(opaque);
    this.opaqueSize = hasOpaque ? copyQuoted(opaque, kept, OPAQUE_AT, CNONCE_AT) : -1;
    this.qop = qopOf(challenge);
    if (this.realmSize < 0 || this.nonceSize < 0 || (hasOpaque && this.opaqueSize < 0)) return false;
    this.algorithm = algorithm;
    if (!isSame) this.renew();
    const answer = this.lay();
    digest.writeSecret(algorithm, answer.username, answer.realm, this.password, this.secret);
    this.isReady = true;
    return true;
  }

  /**
   * Writes a value of Authorization or Proxy-Authorization for the request, and counts. RFC 7616 §3.4
   * @param uri the Request-URI as it is written
   * @returns false when nothing was written: there is no challenge, or quotes cannot hold the URI
   */
  writeCredentials(w: Writer, methodName: Uint8Array, uri: Span): boolean {
    if (!this.isReady || this.count >= UINT32_MOST || !isQuotable(uri)) return false;
    const { digest, algorithm } = this;
    this.count += 1;
    digest.writer.begin(this.kept, COUNT_AT, KEPT_BYTES);
    digest.writer.hex(this.count, COUNT_BYTES);
    const answer = this.lay();
    answer.uri.set(uri.bytes, uri.start, uri.end);
    digest.method.set(methodName, 0, methodName.length);
    const isWhole = this.qop === QOP_AUTH_INT;
    if (isWhole) digest.result.fill(ZERO);
    else digest.respond(answer, algorithm, this.secret, digest.method, digest.result);
    w.put(USERNAME);
    w.span(answer.username);
    w.put(REALM);
    w.span(answer.realm);
    w.put(NONCE);
    w.span(answer.nonce);
    w.put(URI);
    w.span(uri);
    w.put(RESPONSE);
    this.sealAt = isWhole ? w.at : -1;
    w.raw(digest.result, 0, hexSize(algorithm));
    w.put(ALGORITHM);
    w.put(ALGORITHM_NAMES[algorithm]);
    if (isGiven(answer.cnonce)) {
      w.put(CNONCE);
      w.span(answer.cnonce);
      w.put(CLOSE);
    }
    if (isGiven(answer.opaque)) {
      w.put(OPAQUE);
      w.span(answer.opaque);
      w.put(CLOSE);
    }
    if (isGiven(answer.qop)) {
      w.put(QOP);
      w.span(answer.qop);
      w.put(NC);
      w.span(answer.nc);
    }
    // The URI's octets are the caller's, so none of them is kept.
    answer.clear();
    return true;
  }

  /** Whether `writeCredentials` wrote a response that waits for the body, as auth-int does. */
  get isOpen(): boolean {
    return this.sealAt >= 0;
  }

  /** Drops the response that was written last: it is not sent. */
  abandon(): void {
    this.sealAt = -1;
  }

  /**
   * Writes the response into the place that `writeCredentials` left open, now that the request is whole, unless the
   * request was cut before that place.
   * @param bytes the request is bytes[0, end), its body bytes[bodyStart, end) @param method
   * @param uri as they are in it
   */
  seal(bytes: Uint8Array, bodyStart: number, end: number, method: Span, uri: Span): void {
    const { digest, algorithm, sealAt } = this;
    const size = hexSize(algorithm);
    this.sealAt = -1;
    if (sealAt < 0 || sealAt + size > bodyStart) return;
    for (let i = 0; i < size; i++) if (bytes[sealAt + i] !== ZERO) return;
    const answer = this.lay();
    answer.uri.set(uri.bytes, uri.start, uri.end);
    digest.body.set(bytes, bodyStart, end);
    digest.respond(answer, algorithm, this.secret, method, digest.result);
    for (let i = 0; i < size; i++) bytes[sealAt + i] = digest.result[i];
    answer.clear();
    digest.body.clear();
  }

  /** @returns our answer as a view over the kept values; it is the digest's, and holds within one call */
  private lay(): AuthValue {
    const { kept } = this;
    const answer = this.digest.view;
    answer.clear();
    answer.username.set(this.username, 0, this.username.length);
    answer.realm.set(kept, REALM_AT, REALM_AT + this.realmSize);
    answer.nonce.set(kept, NONCE_AT, NONCE_AT + this.nonceSize);
    if (this.opaqueSize >= 0) answer.opaque.set(kept, OPAQUE_AT, OPAQUE_AT + this.opaqueSize);
    // One nonce has one cnonce, so the key of a -sess algorithm is the same whether the server keeps it or makes it
    // again.
    const hasQop = this.qop !== QOP_NONE;
    if (hasQop || isSession(this.algorithm)) answer.cnonce.set(kept, CNONCE_AT, COUNT_AT);
    if (hasQop) {
      const name = this.qop === QOP_AUTH_INT ? AUTH_INT : AUTH;
      answer.qop.set(name, 0, name.length);
      answer.nc.set(kept, COUNT_AT, KEPT_BYTES);
    }
    return answer;
  }

  private renew(): void {
    this.count = 0;
    this.digest.writer.begin(this.kept, CNONCE_AT, COUNT_AT);
    this.digest.writer.token(this.random);
  }
}

function addField(hash: Hash, value: Span): void {
  hash.update(COLON, 0, 1);
  hash.update(value.bytes, value.start, value.end);
}

function trim(value: Span): void {
  const bytes = value.bytes;
  while (value.start < value.end && bytes[value.start] <= 0x20) value.start += 1;
  while (value.end > value.start && bytes[value.end - 1] <= 0x20) value.end -= 1;
}

/** Whether octets can stand between quotes as they are. Those of a stranger's Contact may not. */
function isQuotable(value: Span): boolean {
  for (let i = value.start; i < value.end; i++) {
    const octet = value.bytes[i];
    if (octet <= 0x20 || octet === 0x22 || octet === 0x5c || octet === 0x7f) return false;
  }
  return value.end > value.start;
}
