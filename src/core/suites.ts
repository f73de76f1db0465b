/**
 * The ways to protect RTP that are spoken here, as SDP names them (RFC 4568 §6.2, RFC 6188 §4.3, RFC 7714 §14.2), and
 * the sizes of their keys. Offer and answer choose one (dialog/negotiation.ts), the sound is sealed by it
 * (media/srtp.ts).
 */
import { octetArray } from "./arrays.js";
import { octets } from "./bytes.js";

export const SUITE_NONE = 0;
export const SUITE_AES_128_SHA1_80 = 1;
export const SUITE_AES_128_SHA1_32 = 2;
export const SUITE_AES_256_SHA1_80 = 3;
export const SUITE_AES_256_SHA1_32 = 4;
export const SUITE_AES_128_GCM = 5;
export const SUITE_AES_256_GCM = 6;
export const SUITE_COUNT = 7;

/** The longest master key with its salt. RFC 6188 §4.3 */
export const MASTER_MOST = 46;
/** The longest tag of a packet. RFC 7714 §13.1 */
export const TAG_MOST = 16;

/** Names by SUITE_*. */
export const SUITE_NAMES: readonly Uint8Array[] = [
  octets(""),
  octets("AES_CM_128_HMAC_SHA1_80"),
  octets("AES_CM_128_HMAC_SHA1_32"),
  octets("AES_256_CM_HMAC_SHA1_80"),
  octets("AES_256_CM_HMAC_SHA1_32"),
  octets("AEAD_AES_128_GCM"),
  octets("AEAD_AES_256_GCM"),
];

/** How the sound of one call is protected: the suite, and the master keys with their salts behind them. */
export class Protection {
  /** SUITE_*; NONE: packets go in clear, and the keys mean nothing. */
  suite = SUITE_NONE;
  /** What we send with, and what they send with: the first `masterBytesOf(suite)` octets. */
  readonly ourKey = octetArray(MASTER_MOST);
  readonly theirKey = octetArray(MASTER_MOST);

  copy(other: Protection): void {
    this.suite = other.suite;
    for (let i = 0; i < MASTER_MOST; i++) {
      this.ourKey[i] = other.ourKey[i];
      this.theirKey[i] = other.theirKey[i];
    }
  }

  clear(): void {
    this.suite = SUITE_NONE;
    this.ourKey.fill(0);
    this.theirKey.fill(0);
  }
}

/** @returns octets of the master key */
export function keyBytesOf(suite: number): number {
  return suite === SUITE_AES_256_SHA1_80 || suite === SUITE_AES_256_SHA1_32 || suite === SUITE_AES_256_GCM ? 32 : 16;
}

/** @returns octets of the master salt, which stands behind the key */
export function saltBytesOf(suite: number): number {
  return isGcm(suite) ? 12 : 14;
}

/** @returns octets of the key and the salt, of which SDP has the base64 */
export function masterBytesOf(suite: number): number {
  return keyBytesOf(suite) + saltBytesOf(suite);
}

export function isGcm(suite: number): boolean {
  return suite === SUITE_AES_128_GCM || suite === SUITE_AES_256_GCM;
}

/** @returns octets of the tag of an RTP packet. The tag of an RTCP packet is never shortened (RFC 4568 §6.2.2). */
export function tagBytesOf(suite: number, isRtcp: boolean): number {
  if (isGcm(suite)) return TAG_MOST;
  return !isRtcp && (suite === SUITE_AES_128_SHA1_32 || suite === SUITE_AES_256_SHA1_32) ? 4 : 10;
}
