/**
 * Counts wrong passwords over all ways in: REGISTER, INVITE and every other method, by UDP and TCP. An address has ten
 * tries at once, then one more every 800 s (core/guesses.ts): at most 118 in any 24 hours, over all users. An address
 * from which a user was let in before has as many tries again for that user alone, and tries from elsewhere do not
 * count there. So a stranger locks no owner out, nor does a neighbour behind the same NAT. A user has a hundred tries,
 * then one every 90 s, from all other addresses together. A wrong password counts only if the nonce was given to that
 * address (wire/nonce.ts), so a forged address costs its owner no tries. The tables have a fixed size and are indexed
 * by a keyed hash: each set of keys has eight places, and one that all its other keys share. A place becomes free when
 * all its tries are given back, not before, so nobody loses a count by filling the table. A restart forgets all counts.
 * Not here: what counts as a try, and the answer when none is left (authenticator.ts).
 */

import { hash, type Span } from "../core/bytes.js";
import { GUESS_EVERY_MS, GUESSES_BURST } from "../core/guesses.js";
import type { RandomSource } from "../core/random.js";

/** The tries for one user from all addresses where that user was never let in. */
export const STRANGE_BURST = 100;
export const STRANGE_EVERY_MS = 90_000;

const WAYS = 8;
const NO_KEY = -1;

/** Counts tries by key. */
class Tallies {
  private readonly sets: number;
  private readonly burst: number;
  private readonly everyMs: number;
  /** For each set, first the place that is shared, then the places of one key each. */
  private readonly keys: Float64Array;
  /** When all tries are given back, ms, by place. */
  private readonly restoredMs: Float64Array;

  /** @param count number of keys that have a place of their own */
  constructor(count: number, burst: number, everyMs: number) {
    this.sets = Math.max(1, Math.ceil(count / WAYS));
    this.burst = burst;
    this.everyMs = everyMs;
    this.keys = new Float64Array(this.sets * (WAYS + 1)).fill(NO_KEY);
    this.restoredMs = new Float64Array(this.sets * (WAYS + 1));
  }

  /** @returns ms until the next try, 0 when there is one now */
  waitMs(key: number, nowMs: number): number {
    return Math.max(0, this.debtMs(this.placeOf(key), nowMs) - (this.burst - 1) * this.everyMs);
  }

  onWrong(key: number, nowMs: number): void {
    let place = this.placeOf(key);
    const shared = this.sharedOf(key);
    if (place === shared) {
      place = this.freePlace(shared, nowMs);
      // Its tries so far were counted in the shared place.
      this.restoredMs[place] = this.restoredMs[shared];
      this.keys[place] = key;
    }
    this.restoredMs[place] = nowMs + this.debtMs(place, nowMs) + this.everyMs;
  }

  /** @returns how many places do not have all their tries now */
  countUsed(nowMs: number): number {
    let count = 0;
    for (let i = 0; i < this.keys.length; i++) if (this.restoredMs[i] > nowMs) count += 1;
    return count;
  }

  debtOf(key: number, nowMs: number): number {
    return this.debtMs(this.placeOf(key), nowMs);
  }

  private debtMs(place: number, nowMs: number): number {
    return Math.max(0, this.restoredMs[place] - nowMs);
  }

  private placeOf(key: number): number {
    const shared = this.sharedOf(key);
    for (let i = shared + 1; i <= shared + WAYS; i++) if (this.keys[i] === key) return i;
    return shared;
  }

  private sharedOf(key: number): number {
    return (key % this.sets) * (WAYS + 1);
  }

  /** @returns a place that is free, the shared one when there is none */
  private freePlace(shared: number, nowMs: number): number {
    for (let i = shared + 1; i <= shared + WAYS; i++) if (this.restoredMs[i] <= nowMs) return i;
    return shared;
  }
}

/**
 * Pairs of a user and an address where that user was let in, with their own tries. The pair that was unused for longest
 * makes room for a new one.
 */
class Homes {
  private readonly sets: number;
  private readonly keys: Float64Array;
  private readonly restoredMs: Float64Array;
  /** When the pair was used last, ms; -1 for a free place. */
  private readonly usedMs: Float64Array;

  constructor(count: number) {
    this.sets = Math.max(1, Math.ceil(count / WAYS));
    this.keys = new Float64Array(this.sets * WAYS).fill(NO_KEY);
    this.restoredMs = new Float64Array(this.sets * WAYS);
    this.usedMs = new Float64Array(this.sets * WAYS).fill(-1);
  }

  /** @returns the place of a pair, -1 when the user was never let in from there */
  find(key: number): number {
    const first = (key % this.sets) * WAYS;
    for (let i = first; i < first + WAYS; i++) if (this.keys[i] === key) return i;
    return -1;
  }

  waitMs(place: number, nowMs: number): number {
    return Math.max(0, this.restoredMs[place] - nowMs - (GUESSES_BURST - 1) * GUESS_EVERY_MS);
  }

  onWrong(place: number, nowMs: number): void {
    this.restoredMs[place] = Math.max(nowMs, this.restoredMs[place]) + GUESS_EVERY_MS;
  }

  /**
   * Notes that the user was let in from there.
   * @param debtMs what the address owed before, so that a right password gives no new tries
   */
  onRight(key: number, debtMs: number, nowMs: number): void {
    let place = this.find(key);
    if (place < 0) {
      const first = (key % this.sets) * WAYS;
      place = first;
      for (let i = first; i < first + WAYS; i++) if (this.usedMs[i] < this.usedMs[place]) place = i;
      this.keys[place] = key;
      this.restoredMs[place] = nowMs + debtMs;
    }
    this.usedMs[place] = nowMs;
  }
}

export class Guard {
  private readonly sources: Tallies;
  private readonly accounts: Tallies;
  private readonly homes: Homes;
  private readonly seedHigh: number;
  private readonly seedLow: number;
  private readonly proxies: readonly number[];

  /**
   * @param count how many addresses, users, and pairs of both have places of their own
   * @param proxies addresses with many users behind them, where each user is counted separately; kept
   */
  constructor(random: RandomSource, count: number, proxies: readonly number[]) {
    this.sources = new Tallies(count, GUESSES_BURST, GUESS_EVERY_MS);
    this.accounts = new Tallies(count, STRANGE_BURST, STRANGE_EVERY_MS);
    this.homes = new Homes(count);
    this.seedHigh = random.uint32() | 0;
    this.seedLow = random.uint32() | 0;
    this.proxies = proxies;
  }

  /** @returns ms until the password of that user may be tried from that address, 0 when it may be now */
  waitMs(name: Span, realm: Uint8Array, ip: number, nowMs: number): number {
    const home = this.homes.find(this.key(name, realm, ip));
    if (home >= 0) return this.homes.waitMs(home, nowMs);
    const source = this.sources.waitMs(this.sourceOf(name, realm, ip), nowMs);
    return Math.max(source, this.accounts.waitMs(this.key(name, realm, 0), nowMs));
  }

  /** Counts a wrong password. @returns ms until the next try, 0 when there is one now */
  onWrong(name: Span, realm: Uint8Array, ip: number, nowMs: number): number {
    const home = this.homes.find(this.key(name, realm, ip));
    if (home >= 0) {
      this.homes.onWrong(home, nowMs);
      return this.homes.waitMs(home, nowMs);
    }
    const source = this.sourceOf(name, realm, ip);
    this.sources.onWrong(source, nowMs);
    this.accounts.onWrong(this.key(name, realm, 0), nowMs);
    return this.sources.waitMs(source, nowMs);
  }

  onRight(name: Span, realm: Uint8Array, ip: number, nowMs: number): void {
    const debtMs = this.sources.debtOf(this.sourceOf(name, realm, ip), nowMs);
    this.homes.onRight(this.key(name, realm, ip), debtMs, nowMs);
  }

  /** @returns how many addresses do not have all their tries */
  countGuessing(nowMs: number): number {
    return this.sources.countUsed(nowMs);
  }

  private sourceOf(name: Span, realm: Uint8Array, ip: number): number {
    return this.proxies.indexOf(ip) >= 0 ? this.key(name, realm, ip) : this.mix(0, 0, ip);
  }

  /** @returns a key of 52 bits for a user at an address */
  private key(name: Span, realm: Uint8Array, ip: number): number {
    let high = this.seedHigh;
    let low = this.seedLow;
    for (let i = name.start; i < name.end; i++) {
      high = Math.imul(high ^ name.bytes[i], 0x01000193);
      low = Math.imul(low ^ name.bytes[i], 0x85ebca6b) ^ (low >>> 13);
    }
    return this.mix(high ^ hash(realm, 0, realm.length), low ^ name.size(), ip);
  }

  private mix(high: number, low: number, ip: number): number {
    let a = Math.imul(high ^ this.seedHigh ^ ip, 0x9e3779b1);
    a = Math.imul(a ^ (a >>> 15), 0x85ebca6b);
    a ^= a >>> 13;
    let b = Math.imul(low ^ this.seedLow ^ a, 0xc2b2ae35) ^ ip;
    b = Math.imul(b ^ (b >>> 16), 0x9e3779b1);
    return (a >>> 0) * 0x100000 + ((b ^ (b >>> 15)) >>> 12);
  }
}
