/**
 * Nonces for the server's side of digest authentication (RFC 7616 §3.3, §5.4), which only this server can make: a time,
 * a number and a keyed hash over both and over the address that the nonce is given to. No nonce has to be kept. A table
 * of fixed size keeps how far each was counted; where two meet in the table the older one counts as used up, so that no
 * count is taken twice.
 * Not here: passwords, and the fields around a nonce.
 */
import { octetArray } from "../core/arrays.js";
import { equal, type Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { hexDigit } from "./lex.js";
import { SHA256_BYTES, Sha256 } from "./sha256.js";
import { Writer } from "./writer.js";

/** Size of a nonce in hexadecimal digits: the time in seconds (8), the number (8), the hash (32). */
export const NONCE_BYTES = 48;
const PLAIN_BYTES = 16;
const MAC_BYTES = 16;

export class Nonces {
  private readonly lifeMs: number;
  private readonly hash = new Sha256();
  private readonly key = octetArray(SHA256_BYTES);
  private readonly mac = octetArray(SHA256_BYTES);
  private readonly nonce = octetArray(NONCE_BYTES);
  private readonly writer = new Writer();
  /** The address that is hashed. */
  private readonly address = octetArray(4);
  /** By the number of a nonce modulo the size: the youngest nonce that was used, and its count. */
  private readonly numbers: Float64Array;
  private readonly counts: Float64Array;
  private lastNumber = 0;

  /** @param count number of nonces whose counts are kept @param lifeMs how long each nonce is good */
  constructor(random: RandomSource, count: number, lifeMs: number) {
    this.lifeMs = lifeMs;
    this.numbers = new Float64Array(count);
    this.counts = new Float64Array(count);
    for (let i = 0; i < this.key.length; i++) this.key[i] = random.uint32() & 255;
  }

  /** Writes a new nonce for that address. */
  writeNonce(w: Writer, ip: number, nowMs: number): void {
    this.lastNumber = (this.lastNumber + 1) >>> 0;
    this.makeNonce(Math.floor(nowMs / 1000), this.lastNumber, ip);
    w.raw(this.nonce, 0, NONCE_BYTES);
  }

  /** Writes the nonce of the last `writeNonce` once more. */
  writeSameNonce(w: Writer): void {
    w.raw(this.nonce, 0, NONCE_BYTES);
  }

  /** Whether a nonce was given to that address, and not too long ago. */
  isOurs(nonce: Span, ip: number, nowMs: number): boolean {
    return this.isGenuine(nonce, ip) && !this.isExpired(nonce, nowMs);
  }

  /** Whether a nonce that `isGenuine` was given too long ago. */
  isExpired(nonce: Span, nowMs: number): boolean {
    return nowMs >= readHex(nonce, 0) * 1000 + this.lifeMs;
  }

  /** Whether a nonce was given to that address, at whatever time. */
  isGenuine(nonce: Span, ip: number): boolean {
    const timeS = readHex(nonce, 0);
    const number = readHex(nonce, 8);
    if (nonce.size() !== NONCE_BYTES || timeS < 0 || number < 0) return false;
    this.makeNonce(timeS, number, ip);
    return equal(nonce.bytes, nonce.start, nonce.end, this.nonce, 0, NONCE_BYTES);
  }

  /** Whether a nonce that `isOurs` was given not longer ago than that, and none of its counts was taken. */
  isFresh(nonce: Span, nowMs: number, ageMs: number): boolean {
    const number = readHex(nonce, 8);
    return nowMs < readHex(nonce, 0) * 1000 + ageMs && this.numbers[number % this.numbers.length] < number;
  }

  /**
   * Takes a count of a nonce that `isOurs`, for right credentials.
   * @param count 1 where the client counts none @returns false when it was taken before, or is too old to know
   */
  takeCount(nonce: Span, count: number): boolean {
    const number = readHex(nonce, 8);
    const place = number % this.numbers.length;
    if (count < 1 || this.numbers[place] > number) return false;
    if (this.numbers[place] === number && this.counts[place] >= count) return false;
    this.numbers[place] = number;
    this.counts[place] = count;
    return true;
  }

  private makeNonce(timeS: number, number: number, ip: number): void {
    const { hash, address, writer } = this;
    writer.begin(this.nonce, 0, NONCE_BYTES);
    writer.hex(timeS, 8);
    writer.hex(number, 8);
    for (let i = 0; i < 4; i++) address[i] = (ip >>> (24 - 8 * i)) & 255;
    hash.beginHash();
    hash.update(this.key, 0, this.key.length);
    hash.update(this.nonce, 0, PLAIN_BYTES);
    hash.update(address, 0, 4);
    hash.finish(this.mac, 0);
    for (let i = 0; i < MAC_BYTES; i++) writer.hex(this.mac[i], 2);
  }
}

/** @returns the 8 digits at that offset as a number, -1 when they are no digits */
function readHex(value: Span, at: number): number {
  let out = 0;
  if (value.start + at + 8 > value.end) return -1;
  for (let i = value.start + at; i < value.start + at + 8; i++) {
    const digit = hexDigit(value.bytes[i]);
    if (digit < 0) return -1;
    out = out * 16 + digit;
  }
  return out;
}
