/**
 * The ciphers of SRTP by C: the exports of src/media/packetcipher.ts, for a manifest that names this file in its place.
 * On XS only.
 * Not here: the arithmetic (packetcipher.h).
 */
import { isGcm, keyBytesOf, saltBytesOf, TAG_MOST, tagBytesOf } from "../../src/core/suites.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

export const LABEL_RTP = 0;
export const LABEL_RTCP = 3;
export const ENCRYPTED = 0x80000000 | 0;
export const SEALED_MORE = TAG_MOST + 4;
/** The state as packetcipher.h has it, in words of 32 bits. */
export const CIPHER_WORDS = 142;

export class PacketCipher {
  private readonly state = new ArrayBuffer(4 * CIPHER_WORDS);
  private hasGcm = false;

  /** As its twin. @throws RangeError beyond the master key */
  derive(suite: number, master: Uint8Array, at: number, label: number): void {
    this.hasGcm = isGcm(suite);
    const tagBytes = tagBytesOf(suite, label === LABEL_RTCP);
    deriveState(this.state, master, at, keyBytesOf(suite), saltBytesOf(suite), tagBytes, label);
  }

  /** As its twin. @throws RangeError beyond the octets */
  seal(bytes: Uint8Array, clearEnd: number, end: number, index: number): number {
    return sealPacket(this.state, bytes, clearEnd, end, index);
  }

  /** As its twin. @throws RangeError beyond the octets */
  open(bytes: Uint8Array, clearEnd: number, end: number, index: number): boolean {
    return openPacket(this.state, bytes, clearEnd, end, index);
  }

  get isWordLast(): boolean {
    return this.hasGcm;
  }

  wipe(): void {
    new Uint8Array(this.state).fill(0);
  }
}

function deriveState(
  this: unknown,
  state: ArrayBufferLike,
  master: Uint8Array,
  at: number,
  keyBytes: number,
  saltBytes: number,
  tagBytes: number,
  label: number,
): void {
  native("xs_packetcipher_derive").call(this, state, master, at, keyBytes, saltBytes, tagBytes, label);
}

function sealPacket(
  this: unknown,
  state: ArrayBufferLike,
  bytes: Uint8Array,
  clearEnd: number,
  end: number,
  index: number,
): number {
  return native("xs_packetcipher_seal").call(this, state, bytes, clearEnd, end, index);
}

function openPacket(
  this: unknown,
  state: ArrayBufferLike,
  bytes: Uint8Array,
  clearEnd: number,
  end: number,
  index: number,
): boolean {
  return native("xs_packetcipher_open").call(this, state, bytes, clearEnd, end, index);
}
