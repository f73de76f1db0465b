/**
 * G.711: PCMU and PCMA, exactly as the ITU's tables have them, and the choice between the two by RTP payload type.
 * By tables and eight samples a turn, for a frame has to cost an interpreter little: 256 entries a law to decode, 16,384 and 4,096
 * octets to encode, all read-only, so that they can lie in flash. Not here: packet loss concealment (jitter.ts), comfort noise, G.711.1.
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

/** Samples to octets: by the upper 14 bits for μ-law, the upper 12 for A-law. */
const TO_ULAW = encodeTable(0x4000, ulawOf);
const TO_ALAW = encodeTable(0x1000, alawOf);
const ULAW = ulawTable();
const ALAW = alawTable();

/** @param size a power of two: the entry of a negative number is that of its lowest bits */
function encodeTable(size: number, octetOf: (number: number) => number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = octetOf(i < size / 2 ? i : i - size);
  return out;
}

/** The magnitude of a negative sample is its one's complement; the segment is the number of significant bits above the fifth. G.711 §3, G.191 */
function ulawOf(upper14: number): number {
  const sign = upper14 < 0 ? 0 : 0x80;
  let magnitude = (upper14 < 0 ? ~upper14 : upper14) + 33;
  if (magnitude > 0x1fff) magnitude = 0x1fff;
  const segment = 32 - Math.clz32(magnitude >> 5);
  return sign | ((8 - segment) << 4) | (15 - ((magnitude >> segment) & 15));
}

/** Even bits are inverted. G.711 §3, G.191 */
function alawOf(upper12: number): number {
  const sign = upper12 < 0 ? 0 : 0x80;
  const magnitude = upper12 < 0 ? ~upper12 : upper12;
  const segment = 32 - Math.clz32(magnitude >> 4);
  const mantissa = segment > 1 ? magnitude >> (segment - 1) : magnitude;
  return (sign | (segment << 4) | (mantissa & 15)) ^ 0x55;
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

/** 16-bit samples to μ-law. */
export function encodeUlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  const table = TO_ULAW;
  const end = start + count;
  let i = start;
  let to = at;
  for (; i + 8 <= end; i += 8, to += 8) {
    out[to] = table[(pcm[i] >> 2) & 0x3fff];
    out[to + 1] = table[(pcm[i + 1] >> 2) & 0x3fff];
    out[to + 2] = table[(pcm[i + 2] >> 2) & 0x3fff];
    out[to + 3] = table[(pcm[i + 3] >> 2) & 0x3fff];
    out[to + 4] = table[(pcm[i + 4] >> 2) & 0x3fff];
    out[to + 5] = table[(pcm[i + 5] >> 2) & 0x3fff];
    out[to + 6] = table[(pcm[i + 6] >> 2) & 0x3fff];
    out[to + 7] = table[(pcm[i + 7] >> 2) & 0x3fff];
  }
  for (; i < end; i += 1, to += 1) out[to] = table[(pcm[i] >> 2) & 0x3fff];
}

/** 16-bit samples to A-law. */
export function encodeAlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  const table = TO_ALAW;
  const end = start + count;
  let i = start;
  let to = at;
  for (; i + 8 <= end; i += 8, to += 8) {
    out[to] = table[(pcm[i] >> 4) & 0xfff];
    out[to + 1] = table[(pcm[i + 1] >> 4) & 0xfff];
    out[to + 2] = table[(pcm[i + 2] >> 4) & 0xfff];
    out[to + 3] = table[(pcm[i + 3] >> 4) & 0xfff];
    out[to + 4] = table[(pcm[i + 4] >> 4) & 0xfff];
    out[to + 5] = table[(pcm[i + 5] >> 4) & 0xfff];
    out[to + 6] = table[(pcm[i + 6] >> 4) & 0xfff];
    out[to + 7] = table[(pcm[i + 7] >> 4) & 0xfff];
  }
  for (; i < end; i += 1, to += 1) out[to] = table[(pcm[i] >> 4) & 0xfff];
}

export function decodeUlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  lookUp(ULAW, bytes, start, count, out, at);
}

export function decodeAlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  lookUp(ALAW, bytes, start, count, out, at);
}

function lookUp(table: Int16Array, bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  const end = start + count;
  let i = start;
  let to = at;
  for (; i + 8 <= end; i += 8, to += 8) {
    out[to] = table[bytes[i]];
    out[to + 1] = table[bytes[i + 1]];
    out[to + 2] = table[bytes[i + 2]];
    out[to + 3] = table[bytes[i + 3]];
    out[to + 4] = table[bytes[i + 4]];
    out[to + 5] = table[bytes[i + 5]];
    out[to + 6] = table[bytes[i + 6]];
    out[to + 7] = table[bytes[i + 7]];
  }
  for (; i < end; i += 1, to += 1) out[to] = table[bytes[i]];
}
