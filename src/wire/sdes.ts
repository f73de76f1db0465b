/**
 * Reads and writes a=crypto lines: suites and keys for SRTP in a session description (RFC 4568). The keys are as secret
 * as the signalling.
 * Not here: which line is taken (dialog/negotiation.ts), what is done with the keys (media/srtp.ts). A line is passed
 * over that wants what is not spoken here: a master key identifier, several keys, a derivation rate, packets that are
 * not encrypted or not authenticated.
 */
import { octetArray } from "../core/arrays.js";
import { base64Letter, base64Value } from "../core/base64.js";
import { equalNoCase, octets, parseUint } from "../core/bytes.js";
import { MASTER_MOST, masterBytesOf, SUITE_COUNT, SUITE_NAMES, SUITE_NONE } from "../core/suites.js";
import type { Writer } from "./writer.js";

/** Tags have up to nine digits. RFC 4568 §9.1 */
const TAG_MOST = 999999999;

const CRYPTO = octets("a=crypto:");
const INLINE = octets("inline:");
const CRLF = octets("\r\n");
/** The window of replays concerns the receiver only. RFC 4568 §6.3.7 */
const WINDOW = octets("WSH=");

const PAD = 0x3d;
const PIPE = 0x7c;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const MINUS = 0x2d;

/** The line that was read last. */
export class CryptoLine {
  tag = 0;
  /** SUITE_* */
  suite = SUITE_NONE;
  /** Master key and salt: the first `masterBytesOf(suite)` octets. */
  readonly key = octetArray(MASTER_MOST);
  private wordStart = 0;
  private wordEnd = 0;

  /**
   * Reads the value behind "crypto:".
   * @returns false when the line is not well formed, or wants what is not spoken here
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.suite = SUITE_NONE;
    if (!this.word(bytes, start, end)) return false;
    this.tag = parseUint(bytes, this.wordStart, this.wordEnd, TAG_MOST);
    if (this.tag < 0 || !this.word(bytes, this.wordEnd, end)) return false;
    const suite = suiteNamed(bytes, this.wordStart, this.wordEnd);
    if (suite === SUITE_NONE || !this.word(bytes, this.wordEnd, end)) return false;
    if (!this.readKey(bytes, suite)) return false;
    while (this.word(bytes, this.wordEnd, end)) {
      const start = this.wordStart;
      // A parameter with a minus before its name may be passed over. RFC 4568 §6.3.7
      if (bytes[start] === MINUS) continue;
      if (!equalNoCase(bytes, start, Math.min(start + WINDOW.length, this.wordEnd), WINDOW, 0, WINDOW.length))
        return false;
    }
    this.suite = suite;
    return true;
  }

  /** Reads "inline:" with the key, and behind it a lifetime, which no call reaches. */
  private readKey(bytes: Uint8Array, suite: number): boolean {
    const start = this.wordStart + INLINE.length;
    const end = this.wordEnd;
    if (start > end || !equalNoCase(bytes, this.wordStart, start, INLINE, 0, INLINE.length)) return false;
    let keyEnd = start;
    while (keyEnd < end && bytes[keyEnd] !== PIPE) keyEnd += 1;
    for (let i = start; i < end; i++) {
      if (bytes[i] === SEMICOLON || (i >= keyEnd && bytes[i] === COLON)) return false;
    }
    return readBase64(bytes, start, keyEnd, this.key) === masterBytesOf(suite);
  }

  private word(bytes: Uint8Array, from: number, end: number): boolean {
    let at = from;
    while (at < end && (bytes[at] === 0x20 || bytes[at] === 9)) at += 1;
    this.wordStart = at;
    while (at < end && bytes[at] !== 0x20 && bytes[at] !== 9) at += 1;
    this.wordEnd = at;
    return at > this.wordStart;
  }
}

/** @param key master key and salt, from its first octet on */
export function writeCrypto(w: Writer, tag: number, suite: number, key: Uint8Array): void {
  w.put(CRYPTO);
  w.uint(tag);
  w.octet(0x20);
  w.put(SUITE_NAMES[suite]);
  w.octet(0x20);
  w.put(INLINE);
  const count = masterBytesOf(suite);
  for (let at = 0; at < count; at += 3) {
    const bits = (key[at] << 16) | (at + 1 < count ? key[at + 1] << 8 : 0) | (at + 2 < count ? key[at + 2] : 0);
    w.octet(base64Letter(bits >> 18));
    w.octet(base64Letter((bits >> 12) & 63));
    w.octet(at + 1 < count ? base64Letter((bits >> 6) & 63) : PAD);
    w.octet(at + 2 < count ? base64Letter(bits & 63) : PAD);
  }
  w.put(CRLF);
}

function suiteNamed(bytes: Uint8Array, start: number, end: number): number {
  for (let suite = 1; suite < SUITE_COUNT; suite++) {
    if (equalNoCase(bytes, start, end, SUITE_NAMES[suite], 0, SUITE_NAMES[suite].length)) return suite;
  }
  return SUITE_NONE;
}

/**
 * Reads base64 (RFC 4648 §4), with its padding or without it.
 * @returns octets written to `out`; -1 when it is not base64, or more than `out` holds
 */
function readBase64(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let last = end;
  while (last > start && end - last < 2 && bytes[last - 1] === PAD) last -= 1;
  if (((last - start) & 3) === 1) return -1;
  let bits = 0;
  let count = 0;
  let written = 0;
  for (let at = start; at < last; at++) {
    const value = base64Value(bytes[at]);
    if (value < 0) return -1;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    if (written === out.length) return -1;
    out[written++] = bits >> count;
  }
  return written;
}
