/**
 * The door's own challenge (RFC 3261 §22.2, RFC 7616): a sender who knows `call.password` is known, under any user
 * name. Nonces are keyed, good for five minutes, for the address they were given to and once for each count, so nobody
 * can guess from an address at which he cannot read our answers. A request is one try, however many credentials it
 * carries; the tries of an address are limited (guesses.ts).
 * Not here: what a request needs an identity for, and the other ways to be known (callers.ts).
 */

import { octetArray } from "../core/arrays.js";
import { NONE, octets, utf8 } from "../core/bytes.js";
import { Guesses } from "../core/guesses.js";
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { AUTH_DIGEST, AUTH_END, type AuthValue, isGiven } from "../wire/auth.js";
import { ALGORITHM_MD5, algorithmOf, Digest, HEX_MAX_BYTES } from "../wire/digest.js";
import { STALE } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_AUTHORIZATION } from "../wire/names.js";
import { Nonces } from "../wire/nonce.js";
import type { Writer } from "../wire/writer.js";

// PROOF_*: results of `check`.
/** There are no credentials for the door, or no password is set. */
export const PROOF_NONE = 0;
export const PROOF_RIGHT = 1;
/** The nonce was not given to that address, or was used: the password was not compared. */
export const PROOF_STALE = -1;
export const PROOF_WRONG = -2;
/** The password was wrong, and this address has no try left for now. */
export const PROOF_LAST = -3;
/** The address had no try left: nothing was compared. */
export const PROOF_LOCKED = -4;

// Nonces whose counts are kept, and addresses whose tries are counted separately: more than call a door at once.
const NONCES = 8;
const SOURCES = 16;
const NONCE_LIFE_MS = 300_000;

const REALM = octets("portero");
const CHALLENGE = octets('WWW-Authenticate: Digest realm="portero", nonce="');
// The challenge is MD5 alone, since some phones fail at a second challenge whose algorithm they do not know.
const ALGORITHM = octets('", algorithm=MD5, qop="auth"');

export class Challenge {
  private readonly timers: Timers;
  /** The password; empty means that none is set and nothing is right. */
  private password: Uint8Array = NONE;
  private readonly nonces: Nonces;
  private readonly digest = new Digest();
  private readonly guesses = new Guesses(SOURCES);
  private readonly secret = octetArray(HEX_MAX_BYTES);

  constructor(timers: Timers, random: RandomSource) {
    this.timers = timers;
    this.nonces = new Nonces(random, NONCES, NONCE_LIFE_MS);
  }

  /** Takes the password; the tries so far stay counted. @param password "": none */
  configure(password: string): void {
    this.password = utf8(password);
  }

  /** Returns whether a password is set. */
  get isSet(): boolean {
    return this.password.length > 0;
  }

  /**
   * Checks the first credentials for the door's realm.
   * @param ip the address that the request came from @returns PROOF_*
   */
  check(m: Message, ip: number): number {
    const { nonces, digest, guesses, secret } = this;
    if (!this.isSet || !findOurs(m, digest.view)) return PROOF_NONE;
    const { nowMs } = this.timers;
    const { view, method } = digest;
    if (!nonces.isOurs(view.nonce, ip, nowMs)) return PROOF_STALE;
    if (!guesses.hasTry(ip, nowMs)) return PROOF_LOCKED;
    method.set(m.bytes, m.methodStart, m.methodEnd);
    digest.writeSecret(ALGORITHM_MD5, view.username, view.realm, this.password, secret);
    const isRight = algorithmOf(view) === ALGORITHM_MD5 && digest.verify(view, ALGORITHM_MD5, secret, method);
    if (!isRight) return guesses.onWrong(ip, nowMs) ? PROOF_LAST : PROOF_WRONG;
    return nonces.takeCount(view.nonce, isGiven(view.qop) ? view.count() : 1) ? PROOF_RIGHT : PROOF_STALE;
  }

  /** Writes the challenge. @param proof what `check` returned for the request */
  write(w: Writer, ip: number, proof: number): void {
    w.put(CHALLENGE);
    this.nonces.writeNonce(w, ip, this.timers.nowMs);
    w.put(ALGORITHM);
    if (proof === PROOF_STALE) w.put(STALE);
    w.crlf();
  }
}

/**
 * Reads the first Digest credentials for our realm into the view and passes over all others.
 * @returns whether there are any
 */
function findOurs(m: Message, view: AuthValue): boolean {
  for (let row = m.first(HEADER_AUTHORIZATION); row >= 0; row = m.next(row)) {
    view.beginValues(m.bytes, m.valueStart(row), m.valueEnd(row));
    for (let found = view.next(); found !== AUTH_END; found = view.next())
      if (found === AUTH_DIGEST && view.realm.is(REALM)) return true;
  }
  return false;
}
