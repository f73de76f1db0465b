/**
 * G.711 in C: the exports of src/media/g711.ts, for a manifest that names this file in its place. A block costs one
 * native call. It works on XS only. Not here: the arithmetic (g711.h).
 */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Static RTP payload types. RFC 3551 §6 */
export const PCMU = 0;
export const PCMA = 8;

/** Samples in a second, which are the ticks of the RTP timestamp too. */
export const SAMPLES_PER_SECOND = 8000;
export const SAMPLES_PER_MS = 8;

const BEYOND = "beyond the buffer";

/** @returns the octet that is silence in this payload type */
export function silenceOf(payloadType: number): number {
  return payloadType === PCMA ? 0xd5 : 0xff;
}

/**
 * Encodes `count` samples of `pcm` from `start` on into as many octets of `out` from `at` on, by payload type. @throws
 * RangeError beyond one of them
 */
export function encode(
  payloadType: number,
  pcm: Int16Array,
  start: number,
  count: number,
  out: Uint8Array,
  at: number,
): void {
  if (start + count > pcm.length || at + count > out.length) throw new RangeError(BEYOND);
  encodeBlock(payloadType, pcm.buffer, pcm.byteOffset + 2 * start, count, out.buffer, out.byteOffset + at);
}

/**
 * Decodes `count` octets of `bytes` from `start` on into as many samples of `out` from `at` on, by payload type.
 * @throws RangeError beyond one of them
 */
export function decode(
  payloadType: number,
  bytes: Uint8Array,
  start: number,
  count: number,
  out: Int16Array,
  at: number,
): void {
  if (start + count > bytes.length || at + count > out.length) throw new RangeError(BEYOND);
  decodeBlock(payloadType, bytes.buffer, bytes.byteOffset + start, count, out.buffer, out.byteOffset + 2 * at);
}

function encodeBlock(
  this: unknown,
  payloadType: number,
  pcm: ArrayBufferLike,
  from: number,
  count: number,
  out: ArrayBufferLike,
  to: number,
): void {
  native("xs_g711_encode").call(this, payloadType, pcm, from, count, out, to);
}

function decodeBlock(
  this: unknown,
  payloadType: number,
  bytes: ArrayBufferLike,
  from: number,
  count: number,
  out: ArrayBufferLike,
  to: number,
): void {
  native("xs_g711_decode").call(this, payloadType, bytes, from, count, out, to);
}

/** @returns the sample of one octet, by payload type */
export function sampleOf(this: unknown, payloadType: number, octet: number): number {
  return native("xs_g711_sample").call(this, payloadType, octet);
}

export function encodeUlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  encode(PCMU, pcm, start, count, out, at);
}

export function encodeAlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  encode(PCMA, pcm, start, count, out, at);
}

export function decodeUlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  decode(PCMU, bytes, start, count, out, at);
}

export function decodeAlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  decode(PCMA, bytes, start, count, out, at);
}
