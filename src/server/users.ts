/**
 * The users that may register and call, and their domains, which are the realms. Of a password only
 * H(user:realm:password) is kept (RFC 7616 §3.4.2), which is of no use at any other server. The table has a fixed size.
 * Not here: files (host-sim/server/users-file.ts), and whether an answer to a challenge is right (authenticator.ts).
 */

import { equal, equalNoCase, hash, lower, NONE, Span } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { SlotIndex } from "../transaction/slots.js";
import { sameHost } from "../wire/compare.js";
import { hexDigit } from "../wire/lex.js";
import { MD5_BYTES } from "../wire/md5.js";
import { SHA256_BYTES } from "../wire/sha256.js";

const HAS_MD5 = 1;
const HAS_SHA256 = 2;
const STRANGERS_SHIFT = 2;
const AT = 0x40;

/** Whether strangers may call a user: as the rule for all users says, never, or always. */
export const STRANGERS_BY_RULE = 0;
export const STRANGERS_NEVER = 1;
export const STRANGERS_ALWAYS = 2;

/** The hashes of one user: hexadecimal digits, as digests are made of them. */
export class Secret {
  hasMd5 = false;
  hasSha256 = false;
  readonly md5 = new Uint8Array(2 * MD5_BYTES);
  readonly sha256 = new Uint8Array(2 * SHA256_BYTES);
}

export interface UserStore {
  /**
   * Finds the hashes of the user of that name (without escapes) in a realm. All octets are lent for the call.
   * @param out filled @returns whether there is such a user
   */
  findSecret(name: Span, realm: Uint8Array, out: Secret): boolean;
  /** Whether there is a user of that name. */
  has(name: Span, realm: Uint8Array): boolean;
  /** @returns STRANGERS_*, STRANGERS_BY_RULE for a user that does not exist */
  strangers(name: Span, realm: Uint8Array): number;
}

export class UserTable implements UserStore {
  count = 0;
  private readonly capacity: number;
  private readonly nameBytes: number;
  /**
   * Each slot has the length of the name, the number of the realm and which hashes there are; then the hashes; then the
   * name.
   */
  private readonly slots: Uint8Array;
  private readonly slotBytes: number;
  private readonly index: SlotIndex;
  private readonly realms: readonly Uint8Array[];
  private readonly other = new Span();

  /**
   * @param capacity number of users
   * @param nameBytes octets of the longest name, up to 255 @param realms at most 255, kept
   */
  constructor(capacity: number, nameBytes: number, realms: readonly Uint8Array[]) {
    this.capacity = capacity;
    this.nameBytes = nameBytes;
    this.realms = realms;
    this.slotBytes = 3 + MD5_BYTES + SHA256_BYTES + nameBytes;
    this.slots = new Uint8Array(capacity * this.slotBytes);
    this.index = new SlotIndex(capacity);
  }

  /**
   * Adds a user.
   * @param md5 @param sha256 hexadecimal digits, NONE for one that is not known @param strangers STRANGERS_*
   * @returns false when the table is full, the name is too long or taken, the realm unknown, or a hash malformed
   */
  addUser(
    name: Uint8Array,
    realm: Uint8Array,
    md5: Uint8Array,
    sha256: Uint8Array,
    strangers = STRANGERS_BY_RULE,
  ): boolean {
    this.other.set(name, 0, name.length);
    const number = this.realmOf(realm);
    if (this.count >= this.capacity || name.length === 0 || name.length > this.nameBytes || number < 0) return false;
    if (this.has(this.other, realm) || (md5.length === 0 && sha256.length === 0)) return false;
    const at = this.count * this.slotBytes;
    const slots = this.slots;
    if (!putHash(md5, MD5_BYTES, slots, at + 3)) return false;
    if (!putHash(sha256, SHA256_BYTES, slots, at + 3 + MD5_BYTES)) return false;
    slots[at] = name.length;
    slots[at + 1] = number;
    slots[at + 2] =
      (md5.length > 0 ? HAS_MD5 : 0) | (sha256.length > 0 ? HAS_SHA256 : 0) | (strangers << STRANGERS_SHIFT);
    slots.set(name, at + 3 + MD5_BYTES + SHA256_BYTES);
    this.index.add(this.count, hash(name, 0, name.length));
    this.count += 1;
    return true;
  }

  findSecret(name: Span, realm: Uint8Array, out: Secret): boolean {
    const at = this.slotOf(name, realm);
    if (at < 0) return false;
    const slots = this.slots;
    out.hasMd5 = (slots[at + 2] & HAS_MD5) !== 0;
    out.hasSha256 = (slots[at + 2] & HAS_SHA256) !== 0;
    writeHex(slots, at + 3, MD5_BYTES, out.md5);
    writeHex(slots, at + 3 + MD5_BYTES, SHA256_BYTES, out.sha256);
    return true;
  }

  has(name: Span, realm: Uint8Array): boolean {
    return this.slotOf(name, realm) >= 0;
  }

  strangers(name: Span, realm: Uint8Array): number {
    const at = this.slotOf(name, realm);
    return at < 0 ? STRANGERS_BY_RULE : this.slots[at + 2] >> STRANGERS_SHIFT;
  }

  /** @returns the address of record of a user, by its number from 0, as the location service has it */
  addressOf(number: number): Uint8Array {
    const { slots } = this;
    const at = number * this.slotBytes;
    const realm = this.realms[slots[at + 1]];
    const start = at + 3 + MD5_BYTES + SHA256_BYTES;
    const out = new Uint8Array(slots[at] + 1 + realm.length);
    copyOctets(out, 0, slots, start, start + slots[at]);
    out[slots[at]] = AT;
    for (let i = 0; i < realm.length; i++) out[slots[at] + 1 + i] = lower(realm[i]);
    return out;
  }

  /** Whether the user of that number, from 0, is in the other table with the same password. */
  isKeptIn(other: UserTable, number: number): boolean {
    const { slots, slotBytes } = this;
    const at = number * slotBytes;
    const start = at + 3 + MD5_BYTES + SHA256_BYTES;
    this.other.set(slots, start, start + slots[at]);
    const there = other.slotOf(this.other, this.realms[slots[at + 1]]);
    if (there < 0) return false;
    const both = slots[at + 2] & other.slots[there + 2];
    // A hash that one of them lacks says nothing.
    const from = (both & HAS_MD5) !== 0 ? 3 : 3 + MD5_BYTES;
    const to = (both & HAS_SHA256) !== 0 ? 3 + MD5_BYTES + SHA256_BYTES : 3 + MD5_BYTES;
    return from < to && equal(slots, at + from, at + to, other.slots, there + from, there + to);
  }

  private slotOf(name: Span, realm: Uint8Array): number {
    const { slots, index } = this;
    const number = this.realmOf(realm);
    for (let i = index.first(hash(name.bytes, name.start, name.end)); i >= 0; i = index.next(i)) {
      const at = i * this.slotBytes;
      const start = at + 3 + MD5_BYTES + SHA256_BYTES;
      if (slots[at + 1] !== number) continue;
      if (equal(slots, start, start + slots[at], name.bytes, name.start, name.end)) return at;
    }
    return -1;
  }

  private realmOf(realm: Uint8Array): number {
    for (let i = 0; i < this.realms.length; i++)
      if (equalNoCase(this.realms[i], 0, this.realms[i].length, realm, 0, realm.length)) return i;
    return -1;
  }
}

/**
 * @returns the one of `domains`, each also a realm, that is the host `bytes[start, end)`; NONE when it is none of them
 */
export function domainOf(domains: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): Uint8Array {
  for (let i = 0; i < domains.length; i++)
    if (sameHost(domains[i], 0, domains[i].length, bytes, start, end)) return domains[i];
  return NONE;
}

function putHash(digits: Uint8Array, size: number, out: Uint8Array, at: number): boolean {
  if (digits.length === 0) return true;
  if (digits.length !== 2 * size) return false;
  for (let i = 0; i < size; i++) {
    const high = hexDigit(digits[2 * i]);
    const low = hexDigit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[at + i] = high * 16 + low;
  }
  return true;
}

function writeHex(bytes: Uint8Array, at: number, size: number, out: Uint8Array): void {
  for (let i = 0; i < size; i++) {
    const octet = bytes[at + i];
    out[2 * i] = digitOf(octet >> 4);
    out[2 * i + 1] = digitOf(octet & 15);
  }
}

function digitOf(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
