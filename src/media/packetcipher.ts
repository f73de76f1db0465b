/**
 * Seals and opens packets of SRTP and SRTCP: AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1; AES-256 by
 * RFC 6188), and AES-GCM (RFC 7714). One object holds the session keys of one direction and of RTP or RTCP, derived
 * from a master key (RFC 3711 §4.3). A device has the same in C (hal/native/packetcipher.h). Integers only; nothing is
 * made by use.
 * Not here: sequence numbers, replay, which keys (srtp.ts).
 */
import { int32Array, octetArray } from "../core/arrays.js";
import { bigEndianAt } from "../core/bytes.js";
import { isGcm, keyBytesOf, saltBytesOf, TAG_MOST, tagBytesOf } from "../core/suites.js";

/** Labels of the derived keys. RFC 3711 §4.3.2 */
export const LABEL_RTP = 0;
export const LABEL_RTCP = 3;

/** The derived values follow in this order behind the first label. */
const CIPHER_KEY = 0;
const AUTH_KEY = 1;
const SALT = 2;

// These are the offsets in the state, in words of 32 bits; the C has the same.
const ROUNDS = 0;
const GCM = 1;
const TAG_BYTES = 2;
const RTCP = 3;
const SALT_AT = 4;
/** The SHA-1 states after the inner and the outer key; with GCM the key of GHASH. */
const INNER = 8;
const OUTER = 13;
const ROUND_KEYS = 18;
export const CIPHER_WORDS = ROUND_KEYS + 60;

/** The highest bit of SRTCP's last word: the packet is encrypted. RFC 3711 §3.4 */
export const ENCRYPTED = 0x80000000 | 0;
/** `seal` appends so many octets at most. */
export const SEALED_MORE = TAG_MOST + 4;

const SHA1_BLOCK = 64;
const SHA1_BYTES = 20;
const AUTH_KEY_BYTES = 20;
/** The length of the message stands at this offset in its last block. */
const LENGTH_AT = 56;

const SBOX = new Uint8Array([
  0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9,
  0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f,
  0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07,
  0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3,
  0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58,
  0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3,
  0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f,
  0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88,
  0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac,
  0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a,
  0xae, 0x08, 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70,
  0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
  0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42,
  0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
]);

/** Holds the values of one call only. All ciphers share one. */
class Scratch {
  /** One block of AES, in big-endian words, and the counter block that it is made of. */
  readonly block = int32Array(4);
  readonly counter = int32Array(4);
  readonly ghash = int32Array(4);
  readonly derived = octetArray(32);
  readonly sha = int32Array(5);
  readonly shaWords = int32Array(16);
  readonly shaBlock = octetArray(SHA1_BLOCK);
  readonly tag = octetArray(SHA1_BYTES);
  /**
   * The packet's source, the two parts of its index (32 bits and 16), and the word that the tag speaks for beside the
   * packet.
   */
  ssrc = 0;
  high = 0;
  low = 0;
  word = 0;

  readIndex(words: Int32Array, bytes: Uint8Array, index: number): void {
    if (words[RTCP] === 0) {
      this.ssrc = bigEndianAt(bytes, 8);
      this.high = index;
      this.low = (bytes[2] << 8) | bytes[3];
      this.word = index;
    } else {
      this.ssrc = bigEndianAt(bytes, 4);
      this.high = index >>> 16;
      this.low = index & 0xffff;
      this.word = index | ENCRYPTED;
    }
  }
}

let shared: Scratch | null = null;

function sharedScratch(): Scratch {
  shared ??= new Scratch();
  return shared;
}

export class PacketCipher {
  private readonly words = int32Array(CIPHER_WORDS);
  private readonly scratch = sharedScratch();

  /**
   * Derives the session keys (RFC 3711 §4.3.1, with a derivation rate of 0).
   * @param suite SUITE_* but NONE @param master key and salt, `masterBytesOf(suite)` octets from `at` on, which are not
   * kept
   * @param label LABEL_RTP or LABEL_RTCP
   */
  derive(suite: number, master: Uint8Array, at: number, label: number): void {
    const words = this.words;
    const s = this.scratch;
    const keyBytes = keyBytesOf(suite);
    const saltAt = at + keyBytes;
    const saltEnd = saltAt + saltBytesOf(suite);
    words[GCM] = isGcm(suite) ? 1 : 0;
    words[RTCP] = label === LABEL_RTCP ? 1 : 0;
    words[TAG_BYTES] = tagBytesOf(suite, label === LABEL_RTCP);
    expandKey(words, master, at, keyBytes);
    deriveKey(s, words, master, saltAt, saltEnd, label + SALT);
    for (let i = 0; i < 4; i++) words[SALT_AT + i] = 0;
    for (let i = 0; i < saltEnd - saltAt; i++) words[SALT_AT + (i >> 2)] |= s.derived[i] << (24 - ((i & 3) << 3));
    if (words[GCM] === 0) {
      deriveKey(s, words, master, saltAt, saltEnd, label + AUTH_KEY);
      padKey(s, 0x36);
      keepSha(s, words, INNER);
      padKey(s, 0x5c);
      keepSha(s, words, OUTER);
    }
    deriveKey(s, words, master, saltAt, saltEnd, label + CIPHER_KEY);
    expandKey(words, s.derived, 0, keyBytes);
    s.derived.fill(0);
    if (words[GCM] !== 0) {
      s.block.fill(0);
      encryptBlock(s, words);
      for (let i = 0; i < 4; i++) words[INNER + i] = s.block[i];
    }
  }

  /**
   * Encrypts `bytes[clearEnd, end)` in place, where `bytes[0, end)` is an RTP or RTCP packet, and appends what belongs
   * behind it. The caller has seen to the room (SEALED_MORE).
   * @param index the rollover counter of RTP, or the index of SRTCP, which has 31 bits @returns the packet's new end
   */
  seal(bytes: Uint8Array, clearEnd: number, end: number, index: number): number {
    const words = this.words;
    const s = this.scratch;
    s.readIndex(words, bytes, index);
    crypt(s, words, bytes, clearEnd, end);
    writeTag(s, words, bytes, clearEnd, end);
    const tagAt = tagPlace(words, end);
    const size = words[TAG_BYTES];
    for (let i = 0; i < size; i++) bytes[tagAt + i] = s.tag[i];
    if (words[RTCP] === 0) return tagAt + size;
    putWord(bytes, tagAt === end ? end + size : end, s.word);
    return end + size + 4;
  }

  /**
   * Undoes `seal`.
   * @param end of the packet without what `seal` appended @returns false when the tag is not right: then nothing is
   * decrypted
   */
  open(bytes: Uint8Array, clearEnd: number, end: number, index: number): boolean {
    const words = this.words;
    const s = this.scratch;
    s.readIndex(words, bytes, index);
    writeTag(s, words, bytes, clearEnd, end);
    const tagAt = tagPlace(words, end);
    const size = words[TAG_BYTES];
    // All of it is compared, so that the time tells nothing.
    let differs = 0;
    for (let i = 0; i < size; i++) differs |= bytes[tagAt + i] ^ s.tag[i];
    if (differs !== 0) return false;
    crypt(s, words, bytes, clearEnd, end);
    return true;
  }

  /** Returns whether the last word of SRTCP stands behind the tag. */
  get isWordLast(): boolean {
    return this.words[GCM] !== 0;
  }

  /** Forgets the keys. */
  wipe(): void {
    this.words.fill(0);
  }
}

/**
 * Writes the 32 octets that stand behind a label into `derived`; the round keys are those of the master key. RFC 3711
 * §4.3.3
 */
function deriveKey(
  s: Scratch,
  words: Int32Array,
  master: Uint8Array,
  saltAt: number,
  saltEnd: number,
  label: number,
): void {
  s.counter.fill(0);
  for (let i = saltAt, at = 0; i < saltEnd; i++, at++) s.counter[at >> 2] |= master[i] << (24 - ((at & 3) << 3));
  // The label is the octet before the last six of the salt.
  s.counter[1] ^= label;
  s.derived.fill(0);
  cryptBlocks(s, words, s.derived, 0, s.derived.length);
}

/** @returns where the tag stands: behind SRTCP's last word, but with GCM before it. RFC 3711 §3.4, RFC 7714 §9.2 */
function tagPlace(words: Int32Array, end: number): number {
  return words[RTCP] !== 0 && words[GCM] === 0 ? end + 4 : end;
}

/** Encrypts or decrypts `bytes[start, end)` in place. RFC 3711 §4.1.1, RFC 7714 §8.1 */
function crypt(s: Scratch, words: Int32Array, bytes: Uint8Array, start: number, end: number): void {
  setCounter(s, words);
  // GCM keeps the first block for its tag.
  if (words[GCM] !== 0) s.counter[3] = 2;
  cryptBlocks(s, words, bytes, start, end);
}

/** Makes the first counter block of a packet. */
function setCounter(s: Scratch, words: Int32Array): void {
  const { counter, ssrc, high, low } = s;
  if (words[GCM] !== 0) {
    counter[0] = words[SALT_AT] ^ (ssrc >>> 16);
    counter[1] = words[SALT_AT + 1] ^ ((ssrc << 16) | (high >>> 16));
    counter[2] = words[SALT_AT + 2] ^ ((high << 16) | low);
    counter[3] = 1;
    return;
  }
  counter[0] = words[SALT_AT];
  counter[1] = words[SALT_AT + 1] ^ ssrc;
  counter[2] = words[SALT_AT + 2] ^ high;
  counter[3] = words[SALT_AT + 3] ^ (low << 16);
}

/**
 * Adds the key stream from `counter` on to `bytes[start, end)`. A packet has less than 2^16 blocks, so only the last
 * word counts.
 */
function cryptBlocks(s: Scratch, words: Int32Array, bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += 16) {
    for (let i = 0; i < 4; i++) s.block[i] = s.counter[i];
    encryptBlock(s, words);
    s.counter[3] = (s.counter[3] + 1) | 0;
    const count = end - at < 16 ? end - at : 16;
    for (let i = 0; i < count; i++) bytes[at + i] ^= s.block[i >> 2] >>> (24 - ((i & 3) << 3));
  }
}

/** Expands a key of 16 or 32 octets to the round keys. FIPS 197 §5.2 */
function expandKey(words: Int32Array, key: Uint8Array, at: number, keyBytes: number): void {
  const keyWords = keyBytes >> 2;
  const rounds = keyWords + 6;
  words[ROUNDS] = rounds;
  for (let i = 0; i < keyWords; i++) words[ROUND_KEYS + i] = bigEndianAt(key, at + 4 * i);
  let constant = 1;
  for (let i = keyWords; i < 4 * (rounds + 1); i++) {
    let word = words[ROUND_KEYS + i - 1];
    if (i % keyWords === 0) {
      word = substitute((word << 8) | (word >>> 24)) ^ (constant << 24);
      constant = (constant << 1) ^ ((constant >> 7) * 0x11b);
    } else if (keyWords === 8 && (i & 7) === 4) word = substitute(word);
    words[ROUND_KEYS + i] = words[ROUND_KEYS + i - keyWords] ^ word;
  }
}

/** Puts each octet of a word through the S-box. */
function substitute(word: number): number {
  return (
    (SBOX[word >>> 24] << 24) | (SBOX[(word >>> 16) & 255] << 16) | (SBOX[(word >>> 8) & 255] << 8) | SBOX[word & 255]
  );
}

/** Multiplies each octet of a word by x. FIPS 197 §4.2.1 */
function double(word: number): number {
  return ((word & 0x7f7f7f7f) << 1) ^ (((word >>> 7) & 0x01010101) * 0x1b);
}

/** Encrypts `block`. FIPS 197 §5.1 */
function encryptBlock(s: Scratch, words: Int32Array): void {
  const last = ROUND_KEYS + 4 * words[ROUNDS];
  let a = s.block[0] ^ words[ROUND_KEYS];
  let b = s.block[1] ^ words[ROUND_KEYS + 1];
  let c = s.block[2] ^ words[ROUND_KEYS + 2];
  let d = s.block[3] ^ words[ROUND_KEYS + 3];
  for (let at = ROUND_KEYS + 4; ; at += 4) {
    const e = shifted(a, b, c, d);
    const f = shifted(b, c, d, a);
    const g = shifted(c, d, a, b);
    const h = shifted(d, a, b, c);
    if (at === last) {
      s.block[0] = e ^ words[at];
      s.block[1] = f ^ words[at + 1];
      s.block[2] = g ^ words[at + 2];
      s.block[3] = h ^ words[at + 3];
      return;
    }
    a = mixed(e) ^ words[at];
    b = mixed(f) ^ words[at + 1];
    c = mixed(g) ^ words[at + 2];
    d = mixed(h) ^ words[at + 3];
  }
}

/** Does SubBytes and ShiftRows for one column. */
function shifted(a: number, b: number, c: number, d: number): number {
  return (SBOX[a >>> 24] << 24) | (SBOX[(b >>> 16) & 255] << 16) | (SBOX[(c >>> 8) & 255] << 8) | SBOX[d & 255];
}

/** Does MixColumns for one column. */
function mixed(word: number): number {
  const next = (word << 8) | (word >>> 24);
  return double(word ^ next) ^ next ^ ((word << 16) | (word >>> 16)) ^ ((word << 24) | (word >>> 8));
}

/** Writes the tag of an encrypted packet to `tag`. */
function writeTag(s: Scratch, words: Int32Array, bytes: Uint8Array, clearEnd: number, end: number): void {
  if (words[GCM] === 0) hmacTag(s, words, bytes, end, s.word);
  else gcmTag(s, words, bytes, clearEnd, end);
}

/** Writes the tag of GCM. RFC 7714 §8, §9; NIST SP 800-38D §7.1 */
function gcmTag(s: Scratch, words: Int32Array, bytes: Uint8Array, clearEnd: number, end: number): void {
  const { ghash, block, tag } = s;
  const hasWord = words[RTCP] !== 0;
  ghash.fill(0);
  hashBlocks(s, words, bytes, 0, clearEnd, hasWord);
  hashBlocks(s, words, bytes, clearEnd, end, false);
  ghash[1] ^= (clearEnd + (hasWord ? 4 : 0)) << 3;
  ghash[3] ^= (end - clearEnd) << 3;
  multiply(s, words);
  setCounter(s, words);
  for (let i = 0; i < 4; i++) block[i] = s.counter[i];
  encryptBlock(s, words);
  for (let i = 0; i < 16; i++) tag[i] = (ghash[i >> 2] ^ block[i >> 2]) >>> (24 - ((i & 3) << 3));
}

/** Takes `bytes[start, end)` into GHASH, and behind them SRTCP's last word if it is wanted, up to a whole block. */
function hashBlocks(
  s: Scratch,
  words: Int32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  hasWord: boolean,
): void {
  const { ghash, word } = s;
  const count = end - start + (hasWord ? 4 : 0);
  for (let i = 0; i < count; i++) {
    const at = start + i;
    const octet = at < end ? bytes[at] : (word >>> (24 - ((at - end) << 3))) & 255;
    ghash[(i & 15) >> 2] ^= octet << (24 - ((i & 3) << 3));
    if ((i & 15) === 15) multiply(s, words);
  }
  if ((count & 15) !== 0) multiply(s, words);
}

/** Multiplies `ghash` by the key of GHASH in GF(2^128). NIST SP 800-38D §6.3 */
function multiply(s: Scratch, words: Int32Array): void {
  let h0 = words[INNER];
  let h1 = words[INNER + 1];
  let h2 = words[INNER + 2];
  let h3 = words[INNER + 3];
  let z0 = 0;
  let z1 = 0;
  let z2 = 0;
  let z3 = 0;
  for (let i = 0; i < 128; i++) {
    // The mask is all ones if the bit is set.
    const mask = (s.ghash[i >> 5] << (i & 31)) >> 31;
    z0 ^= h0 & mask;
    z1 ^= h1 & mask;
    z2 ^= h2 & mask;
    z3 ^= h3 & mask;
    const carry = -(h3 & 1) & 0xe1000000;
    h3 = (h3 >>> 1) | (h2 << 31);
    h2 = (h2 >>> 1) | (h1 << 31);
    h1 = (h1 >>> 1) | (h0 << 31);
    h0 = (h0 >>> 1) ^ carry;
  }
  s.ghash[0] = z0;
  s.ghash[1] = z1;
  s.ghash[2] = z2;
  s.ghash[3] = z3;
}

/** Writes HMAC-SHA1 of `bytes[0, end)` and the word behind them to `tag`. RFC 2104, RFC 3711 §4.2 */
function hmacTag(s: Scratch, words: Int32Array, bytes: Uint8Array, end: number, word: number): void {
  for (let i = 0; i < 5; i++) s.sha[i] = words[INNER + i];
  let at = 0;
  for (; at + SHA1_BLOCK <= end; at += SHA1_BLOCK) shaMix(s, bytes, at);
  let filled = 0;
  while (at < end) s.shaBlock[filled++] = bytes[at++];
  for (let shift = 24; shift >= 0; shift -= 8) {
    s.shaBlock[filled++] = word >>> shift;
    if (filled === SHA1_BLOCK) {
      shaMix(s, s.shaBlock, 0);
      filled = 0;
    }
  }
  shaEnd(s, filled, SHA1_BLOCK + end + 4);
  for (let i = 0; i < 5; i++) {
    putWord(s.shaBlock, 4 * i, s.sha[i]);
    s.sha[i] = words[OUTER + i];
  }
  shaEnd(s, SHA1_BYTES, SHA1_BLOCK + SHA1_BYTES);
  for (let i = 0; i < 5; i++) putWord(s.tag, 4 * i, s.sha[i]);
}

/** Begins SHA-1 with the authentication key in `derived`, each octet added to `pad`. */
function padKey(s: Scratch, pad: number): void {
  s.sha[0] = 0x67452301;
  s.sha[1] = 0xefcdab89;
  s.sha[2] = 0x98badcfe;
  s.sha[3] = 0x10325476;
  s.sha[4] = 0xc3d2e1f0;
  for (let i = 0; i < SHA1_BLOCK; i++) s.shaBlock[i] = (i < AUTH_KEY_BYTES ? s.derived[i] : 0) ^ pad;
  shaMix(s, s.shaBlock, 0);
  s.shaBlock.fill(0);
}

function keepSha(s: Scratch, words: Int32Array, at: number): void {
  for (let i = 0; i < 5; i++) words[at + i] = s.sha[i];
}

/** Ends a message whose last octets are `shaBlock[0, filled)`. FIPS 180-4 §5.1.1 */
function shaEnd(s: Scratch, filled: number, totalBytes: number): void {
  s.shaBlock[filled] = 0x80;
  s.shaBlock.fill(0, filled + 1);
  if (filled >= LENGTH_AT) {
    shaMix(s, s.shaBlock, 0);
    s.shaBlock.fill(0);
  }
  putWord(s.shaBlock, LENGTH_AT + 4, totalBytes << 3);
  shaMix(s, s.shaBlock, 0);
}

/** Mixes `bytes[at, at + 64)` into `sha`. FIPS 180-4 §6.1.3, the alternate method */
function shaMix(s: Scratch, bytes: Uint8Array, at: number): void {
  const w = s.shaWords;
  for (let i = 0; i < 16; i++) w[i] = bigEndianAt(bytes, at + 4 * i);
  let a = s.sha[0];
  let b = s.sha[1];
  let c = s.sha[2];
  let d = s.sha[3];
  let e = s.sha[4];
  for (let i = 0; i < 80; i++) {
    const place = i & 15;
    if (i >= 16) {
      const x = w[(i + 13) & 15] ^ w[(i + 8) & 15] ^ w[(i + 2) & 15] ^ w[place];
      w[place] = (x << 1) | (x >>> 31);
    }
    let f: number;
    if (i < 20) f = ((b & c) ^ (~b & d)) + 0x5a827999;
    else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) f = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    else f = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + f + e + w[place]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  s.sha[0] += a;
  s.sha[1] += b;
  s.sha[2] += c;
  s.sha[3] += d;
  s.sha[4] += e;
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
