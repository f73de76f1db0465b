/**
 * A second SRTP, written on node:crypto from the RFCs and not from src/. The packets of src/media/srtp.ts are compared
 * with it.
 */
import { createCipheriv, createHmac } from "node:crypto";

export interface Suite {
  readonly name: string;
  readonly keyBytes: number;
  readonly saltBytes: number;
  readonly tagBytes: number;
  readonly isGcm: boolean;
}

const counterMode = (name: string, keyBytes: number, tagBytes: number): Suite => ({
  name,
  keyBytes,
  saltBytes: 14,
  tagBytes,
  isGcm: false,
});
const gcm = (name: string, keyBytes: number): Suite => ({ name, keyBytes, saltBytes: 12, tagBytes: 16, isGcm: true });

/** The order is that of SUITE_* from 1 on. */
export const SUITES: readonly Suite[] = [
  counterMode("AES_CM_128_HMAC_SHA1_80", 16, 10),
  counterMode("AES_CM_128_HMAC_SHA1_32", 16, 4),
  counterMode("AES_256_CM_HMAC_SHA1_80", 32, 10),
  counterMode("AES_256_CM_HMAC_SHA1_32", 32, 4),
  gcm("AEAD_AES_128_GCM", 16),
  gcm("AEAD_AES_256_GCM", 32),
];

export interface SessionKeys {
  readonly cipher: Buffer;
  readonly auth: Buffer;
  readonly salt: Buffer;
}

function keyStream(key: Buffer, iv: Buffer, size: number): Buffer {
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, iv).update(Buffer.alloc(size));
}

/** RFC 3711 §4.3.1. @param first label of the cipher's key: 0 for SRTP, 3 for SRTCP */
export function derive(suite: Suite, master: Buffer, first: number): SessionKeys {
  const key = master.subarray(0, suite.keyBytes);
  const salt = Buffer.alloc(14);
  master.copy(salt, 0, suite.keyBytes);
  const of = (label: number, size: number) => {
    const iv = Buffer.alloc(16);
    salt.copy(iv);
    iv[7] ^= label;
    return keyStream(key, iv, size);
  };
  return { cipher: of(first, suite.keyBytes), auth: of(first + 1, 20), salt: of(first + 2, suite.saltBytes) };
}

function xor(bytes: Buffer, at: number, other: Buffer): void {
  for (let i = 0; i < other.length; i++) bytes[at + i] ^= other[i];
}

function big(value: number, size: number): Buffer {
  const out = Buffer.alloc(size);
  out.writeUIntBE(value, 0, size);
  return out;
}

/** Encrypts and signs. @param index of 48 bits (SRTP) or 31 (SRTCP) @returns the cipher text and the tag */
function protect(
  suite: Suite,
  keys: SessionKeys,
  clear: Buffer,
  text: Buffer,
  ssrc: Buffer,
  index: number,
  signed: Buffer,
  tagBytes: number,
): [Buffer, Buffer] {
  if (suite.isGcm) {
    const iv = Buffer.alloc(12);
    ssrc.copy(iv, 2);
    big(index, 6).copy(iv, 6);
    xor(iv, 0, keys.salt);
    const cipher = createCipheriv(suite.keyBytes === 16 ? "aes-128-gcm" : "aes-256-gcm", keys.cipher, iv);
    cipher.setAAD(Buffer.concat([clear, signed]));
    const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
    return [sealed, cipher.getAuthTag()];
  }
  const iv = Buffer.alloc(16);
  keys.salt.copy(iv);
  xor(iv, 4, ssrc);
  xor(iv, 8, big(index, 6));
  const stream = keyStream(keys.cipher, iv, text.length);
  const sealed = Buffer.from(text);
  xor(sealed, 0, stream);
  const hmac = createHmac("sha1", keys.auth).update(clear).update(sealed).update(signed).digest();
  return [sealed, hmac.subarray(0, tagBytes)];
}

export function sealRtp(suite: Suite, keys: SessionKeys, packet: Buffer, clearEnd: number, rollover: number): Buffer {
  const clear = packet.subarray(0, clearEnd);
  const index = rollover * 0x10000 + packet.readUInt16BE(2);
  const signed = suite.isGcm ? Buffer.alloc(0) : big(rollover, 4);
  const text = packet.subarray(clearEnd);
  const [sealed, tag] = protect(suite, keys, clear, text, packet.subarray(8, 12), index, signed, suite.tagBytes);
  return Buffer.concat([clear, sealed, tag]);
}

export function sealRtcp(suite: Suite, keys: SessionKeys, packet: Buffer, index: number): Buffer {
  const clear = packet.subarray(0, 8);
  const word = big(index + 0x80000000, 4);
  const tagBytes = suite.isGcm ? 16 : 10;
  const [sealed, tag] = protect(suite, keys, clear, packet.subarray(8), packet.subarray(4, 8), index, word, tagBytes);
  return Buffer.concat(suite.isGcm ? [clear, sealed, tag, word] : [clear, sealed, word, tag]);
}
