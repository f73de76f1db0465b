/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) over one short message at a time, and a comparison that takes equally long
 * whatever is compared. The constructor makes all memory. Not here: where the key comes from.
 */
import { octetArray } from "../core/arrays.js";
import { SHA256_BYTES, Sha256 } from "./sha256.js";

const BLOCK_BYTES = 64;
const INNER = 0x36;
const OUTER = 0x5c;

export class HmacSha256 {
  private readonly hash = new Sha256();
  private readonly key = octetArray(BLOCK_BYTES);

  /** Takes a key of at most 64 octets, which is copied. */
  setKey(key: Uint8Array): void {
    if (key.length > BLOCK_BYTES) throw new RangeError("the key is longer than a block");
    this.key.fill(0);
    this.key.set(key);
  }

  /** Writes the 32 octets of the code of `bytes[start, end)` at `out[at]`, after that of its inner hash. */
  sign(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
    const { hash } = this;
    this.begin(INNER);
    hash.update(bytes, start, end);
    hash.finish(out, at);
    this.begin(OUTER);
    hash.update(out, at, at + SHA256_BYTES);
    hash.finish(out, at);
  }

  private begin(mark: number): void {
    const { hash, key } = this;
    hash.beginHash();
    for (let i = 0; i < BLOCK_BYTES; i++) key[i] ^= mark;
    hash.update(key, 0, BLOCK_BYTES);
    for (let i = 0; i < BLOCK_BYTES; i++) key[i] ^= mark;
  }
}

/** Returns whether two runs of `count` octets are the same; every octet is looked at. */
export function isSameSecret(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, count: number): boolean {
  let difference = 0;
  for (let i = 0; i < count; i++) difference |= a[aStart + i] ^ b[bStart + i];
  return difference === 0;
}
