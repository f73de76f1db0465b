/**
 * G.711: PCMU and PCMA, exactly as the ITU's tables have them, and the choice between the two by RTP payload type.
 * Small on purpose: a decode table of 256 entries a law and one of 256 octets for the segment, all read-only, so that they
 * can lie in flash. Not here: packet loss concealment (jitter.ts), comfort noise, G.711.1.
 */

/** Static RTP payload types. RFC 3551 §6 */
export const PCMU = 0;
export const PCMA = 8;

/** Samples in a second, and the ticks of the RTP timestamp. */
export const SAMPLES_PER_SECOND = 8000;
export const SAMPLES_PER_MS = 8;

/** The octet of sample 0, by law. */
const ULAW_SILENCE = 0xff;
const ALAW_SILENCE = 0xd5;

/** Every 13-bit (μ: 14-bit) magnitude, shifted right by 5, to the number of significant bits in it: the segment. */
const SEGMENTS = segments();
const ULAW = ulawTable();
const ALAW = alawTable();

function segments(): Uint8Array {
  const out = new Uint8Array(256);
  for (let i = 1; i < 256; i++) out[i] = 32 - Math.clz32(i);
  return out;
}

function ulawTable(): Int16Array {
  const out = new Int16Array(256);
  for (let code = 0; code < 256; code++) {
    const bits = ~code & 0x7f;
    const magnitude = ((((bits & 15) << 1) + 33) << (bits >> 4)) - 33;
    out[code] = (code & 0x80 ? magnitude : -magnitude) * 4;
  }
  return out;
}

function alawTable(): Int16Array {
  const out = new Int16Array(256);
  for (let code = 0; code < 256; code++) {
    const bits = (code ^ 0x55) & 0x7f;
    const segment = bits >> 4;
    const step = ((bits & 15) << 1) + 1;
    const magnitude = segment === 0 ? step : (step + 32) << (segment - 1);
    out[code] = (code & 0x80 ? magnitude : -magnitude) * 8;
  }
  return out;
}

/** @returns whether `payloadType` is one of this file's */
export function isG711(payloadType: number): boolean {
  return payloadType === PCMU || payloadType === PCMA;
}

/** @returns the octet that is silence in this payload type */
export function silenceOf(payloadType: number): number {
  return payloadType === PCMA ? ALAW_SILENCE : ULAW_SILENCE;
}

/** `count` samples of `pcm` from `start` to as many octets of `out` from `at`, by payload type (PCMU or PCMA). */
export function encode(
  payloadType: number,
  pcm: Int16Array,
  start: number,
  count: number,
  out: Uint8Array,
  at: number,
): void {
  if (payloadType === PCMA) encodeAlaw(pcm, start, count, out, at);
  else encodeUlaw(pcm, start, count, out, at);
}

/** `count` octets of `bytes` from `start` to as many samples of `out` from `at`, by payload type (PCMU or PCMA). */
export function decode(
  payloadType: number,
  bytes: Uint8Array,
  start: number,
  count: number,
  out: Int16Array,
  at: number,
): void {
  if (payloadType === PCMA) decodeAlaw(bytes, start, count, out, at);
  else decodeUlaw(bytes, start, count, out, at);
}

/** @returns the sample of one octet, by payload type */
export function sampleOf(payloadType: number, octet: number): number {
  return payloadType === PCMA ? ALAW[octet] : ULAW[octet];
}

/** 16-bit samples to μ-law. The magnitude of a negative sample is its one's complement. G.711 §3, G.191 */
export function encodeUlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  for (let i = start, to = at, end = start + count; i < end; i++) {
    const sample = pcm[i];
    const sign = sample < 0 ? 0 : 0x80;
    let magnitude = ((sample < 0 ? ~sample : sample) >> 2) + 33;
    if (magnitude > 0x1fff) magnitude = 0x1fff;
    const segment = SEGMENTS[magnitude >> 5];
    out[to++] = sign | ((8 - segment) << 4) | (15 - ((magnitude >> segment) & 15));
  }
}

/** 16-bit samples to A-law, even bits inverted. G.711 §3, G.191 */
export function encodeAlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  for (let i = start, to = at, end = start + count; i < end; i++) {
    const sample = pcm[i];
    const sign = sample < 0 ? 0 : 0x80;
    const magnitude = (sample < 0 ? ~sample : sample) >> 4;
    const segment = SEGMENTS[magnitude >> 4];
    const mantissa = segment > 1 ? magnitude >> (segment - 1) : magnitude;
    out[to++] = (sign | (segment << 4) | (mantissa & 15)) ^ 0x55;
  }
}

export function decodeUlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  for (let i = start, to = at, end = start + count; i < end; i++) out[to++] = ULAW[bytes[i]];
}

export function decodeAlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  for (let i = start, to = at, end = start + count; i < end; i++) out[to++] = ALAW[bytes[i]];
}
