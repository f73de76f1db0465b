/**
 * Keeps the door's own key, and makes the text that is kept in flash for a code: a mark of the key, the first half of
 * the code's HMAC-SHA-256, and the number of digits. A thief of the records alone cannot try codes. A thief of the
 * whole flash has the key too and can, since a code has few digits. If the key is lost, no code opens any more and new
 * codes have to be set. Not here: the owners of the codes (people.ts).
 */
import type { Store } from "../../hal/device.js";
import { octetArray } from "../core/arrays.js";
import { NONE, octets } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { HmacSha256, isSameSecret } from "../wire/hmac.js";
import { SHA256_BYTES } from "../wire/sha256.js";

const STORE_KEY = "key";
const KEY_BYTES = 32;
/** Octets of a hash that are kept: no less than half of it (RFC 2104 §5). */
const KEPT_BYTES = 16;
const MARK_BYTES = 2;
/** The text of a code has a mark, a hash, and one digit for the length. */
const TEXT_LENGTH = 2 * (MARK_BYTES + KEPT_BYTES) + 1;
const MARK_TEXT = octets("mark");
const HEX = "0123456789abcdef";
const DIGITS_MOST = 8;
const ZERO = 0x30;

export class Secrets {
  /** Returns whether there is a key by which codes can be compared. */
  hasKey = false;
  private readonly store: Store;
  private readonly random: RandomSource;
  /** Made once there is a key, so that a door without people needs no memory for it. */
  private hmac: HmacSha256 | null = null;
  private digits: Uint8Array = NONE;
  private result: Uint8Array = NONE;
  private other: Uint8Array = NONE;
  private mark = "";
  private length = 0;

  constructor(store: Store, random: RandomSource) {
    this.store = store;
    this.random = random;
  }

  /** Reads the key. */
  load(): void {
    const kept = this.store.read(STORE_KEY);
    this.hasKey = false;
    this.mark = "";
    if (kept === null || kept.length !== 2 * KEY_BYTES) return;
    const key = new Uint8Array(KEY_BYTES);
    if (!readHex(kept, 0, key, KEY_BYTES)) return;
    this.use(key);
  }

  /** Makes a key if there is none. @throws what the store throws */
  makeKey(): void {
    if (this.hasKey) return;
    const key = new Uint8Array(KEY_BYTES);
    for (let i = 0; i < KEY_BYTES; i += 4) {
      const word = this.random.uint32();
      for (let j = 0; j < 4; j++) key[i + j] = word >>> (8 * j);
    }
    this.store.write(STORE_KEY, hexOf(key, KEY_BYTES));
    this.use(key);
  }

  /** Forgets the key: no code opens any more. @throws what the store throws */
  forgetKey(): void {
    if (this.store.read(STORE_KEY) !== null) this.store.write(STORE_KEY, "");
    this.hasKey = false;
    this.hmac?.setKey(this.other.fill(0));
    this.mark = "";
  }

  private use(key: Uint8Array): void {
    if (this.hmac === null) {
      this.hmac = new HmacSha256();
      this.digits = octetArray(DIGITS_MOST);
      this.result = octetArray(SHA256_BYTES);
      this.other = octetArray(KEPT_BYTES);
    }
    this.hmac.setKey(key);
    key.fill(0);
    this.hasKey = true;
    this.hmac.sign(MARK_TEXT, 0, MARK_TEXT.length, this.result, 0);
    this.mark = hexOf(this.result, MARK_BYTES);
  }

  /**
   * Computes the hash of a code, which is kept until the next one is computed.
   * @param digits 4 to 8 of them @returns its first 32 bits, for the index; 0 without a key
   */
  hash(digits: string): number {
    const { result } = this;
    const length = Math.min(digits.length, DIGITS_MOST);
    this.length = length;
    if (this.hmac === null || !this.hasKey) return 0;
    for (let i = 0; i < length; i++) this.digits[i] = digits.charCodeAt(i);
    this.hmac.sign(this.digits, 0, length, result, 0);
    this.digits.fill(0);
    return wordOf(result);
  }

  /** Returns the text to keep for the code that was hashed last. */
  text(): string {
    return this.mark + hexOf(this.result, KEPT_BYTES) + this.length;
  }

  /**
   * Returns whether a kept text is that of the code that was hashed last. The comparison takes as long for a wrong text
   * as for the right one.
   */
  isHashed(kept: string): boolean {
    const isRead = this.isOfKey(kept) && readHex(kept, 2 * MARK_BYTES, this.other, KEPT_BYTES);
    return isSameSecret(this.other, 0, this.result, 0, KEPT_BYTES) && isRead;
  }

  /** Returns whether a kept code was hashed by this key; a code hashed by a lost key opens nothing. */
  isOfKey(kept: string): boolean {
    return this.hasKey && kept.length === TEXT_LENGTH && kept.slice(0, 2 * MARK_BYTES) === this.mark;
  }

  /** @returns the first 32 bits of a kept code's hash, for the index */
  indexOf(kept: string): number {
    return readHex(kept, 2 * MARK_BYTES, this.other, KEPT_BYTES) ? wordOf(this.other) : 0;
  }

  /** @returns the number of digits of a kept code */
  lengthOf(kept: string): number {
    return kept.charCodeAt(TEXT_LENGTH - 1) - ZERO;
  }

  /** @returns that many digits, each as likely as any other */
  newCode(length: number): string {
    let out = "";
    while (out.length < length) {
      // 4,294,967,290 is a multiple of ten; beyond it some digits would be likelier.
      const word = this.random.uint32() >>> 0;
      if (word < 4_294_967_290) out += String.fromCharCode(ZERO + (word % 10));
    }
    return out;
  }
}

function wordOf(bytes: Uint8Array): number {
  return (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
}

function hexOf(bytes: Uint8Array, count: number): string {
  let out = "";
  for (let i = 0; i < count; i++) out += HEX.charAt(bytes[i] >> 4) + HEX.charAt(bytes[i] & 15);
  return out;
}

/** Reads `count` octets from digits at `start`. @returns false when there is something else */
function readHex(text: string, start: number, into: Uint8Array, count: number): boolean {
  if (text.length < start + 2 * count) return false;
  for (let i = 0; i < count; i++) {
    const high = HEX.indexOf(text.charAt(start + 2 * i));
    const low = HEX.indexOf(text.charAt(start + 2 * i + 1));
    if (high < 0 || low < 0) return false;
    into[i] = (high << 4) | low;
  }
  return true;
}
