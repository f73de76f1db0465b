/**
 * G.711: PCMU and PCMA, exactly as the ITU's tables have them, and the choice between the two by RTP payload type. It
 * works by tables and on four octets at once, because a frame has to cost an interpreter little. The tables have 16,384
 * and 4,096 octets to encode and twice 256 entries a law to decode; they are read-only, so they can lie in flash. Not
 * here: packet loss concealment (jitter.ts), comfort noise, G.711.1.
 */
import { WordViews } from "../core/views.js";

/** Static RTP payload types. RFC 3551 §6 */
export const PCMU = 0;
export const PCMA = 8;

/** Samples in a second, which are the ticks of the RTP timestamp too. */
export const SAMPLES_PER_SECOND = 8000;
export const SAMPLES_PER_MS = 8;

/** The octet of sample 0 in each law. */
const ULAW_SILENCE = 0xff;
const ALAW_SILENCE = 0xd5;

/** Samples to octets: indexed by the upper 14 bits for μ-law, by the upper 12 for A-law. */
const TO_ULAW = encodeTable(0x4000, ulawOf);
const TO_ALAW = encodeTable(0x1000, alawOf);
/** Octets to samples, in the upper half of a word and in the lower. */
const ULAW_HIGH = highTable(ulawTable());
const ALAW_HIGH = highTable(alawTable());
const ULAW_LOW = lowTable(ulawTable());
const ALAW_LOW = lowTable(alawTable());

/**
 * The few buffers that sound lies in, read four octets at a time. All machines this runs on have the lowest octet
 * first.
 */
const PCM = new WordViews();
const CODED = new WordViews();

/** @param size a power of two: a negative number has the entry of its lowest bits */
function encodeTable(size: number, octetOf: (number: number) => number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = octetOf(i < size / 2 ? i : i - size);
  return out;
}

/**
 * The magnitude of a negative sample is its one's complement; the segment is the number of significant bits above the
 * fifth. G.711 §3, G.191
 */
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

function highTable(samples: Int16Array): Int32Array {
  const out = new Int32Array(256);
  for (let code = 0; code < 256; code++) out[code] = samples[code] << 16;
  return out;
}

function lowTable(samples: Int16Array): Uint16Array {
  return new Uint16Array(samples);
}

/** @returns the octet that is silence in this payload type */
export function silenceOf(payloadType: number): number {
  return payloadType === PCMA ? ALAW_SILENCE : ULAW_SILENCE;
}

/**
 * Encodes `count` samples of `pcm` from `start` on into as many octets of `out` from `at` on, by payload type (PCMU or
 * PCMA).
 */
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

/**
 * Decodes `count` octets of `bytes` from `start` on into as many samples of `out` from `at` on, by payload type (PCMU
 * or PCMA).
 */
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
  return (payloadType === PCMA ? ALAW_HIGH[octet] : ULAW_HIGH[octet]) >> 16;
}

/** 16-bit samples to μ-law. */
export function encodeUlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  encodeBy(TO_ULAW, 2, pcm, start, count, out, at);
}

/** 16-bit samples to A-law. */
export function encodeAlaw(pcm: Int16Array, start: number, count: number, out: Uint8Array, at: number): void {
  encodeBy(TO_ALAW, 4, pcm, start, count, out, at);
}

/** @param shift number of a sample's lowest bits that do not count */
function encodeBy(
  table: Uint8Array,
  shift: number,
  pcm: Int16Array,
  start: number,
  count: number,
  out: Uint8Array,
  at: number,
): void {
  const mask = table.length - 1;
  const up = shift + 16;
  const from = PCM.of(pcm);
  const into = CODED.of(out);
  let i = start;
  let to = at;
  if (((start & 1) | (at & 3)) === 0 && from !== null && into !== null) {
    let x = 0;
    let y = 0;
    let k = start >> 1;
    let j = at >> 2;
    for (const last = k + ((count & ~15) >> 1); k < last; k += 8, j += 4) {
      x = from[k];
      y = from[k + 1];
      into[j] =
        table[(x >> shift) & mask] |
        (table[x >>> up] << 8) |
        (table[(y >> shift) & mask] << 16) |
        (table[y >>> up] << 24);
      x = from[k + 2];
      y = from[k + 3];
      into[j + 1] =
        table[(x >> shift) & mask] |
        (table[x >>> up] << 8) |
        (table[(y >> shift) & mask] << 16) |
        (table[y >>> up] << 24);
      x = from[k + 4];
      y = from[k + 5];
      into[j + 2] =
        table[(x >> shift) & mask] |
        (table[x >>> up] << 8) |
        (table[(y >> shift) & mask] << 16) |
        (table[y >>> up] << 24);
      x = from[k + 6];
      y = from[k + 7];
      into[j + 3] =
        table[(x >> shift) & mask] |
        (table[x >>> up] << 8) |
        (table[(y >> shift) & mask] << 16) |
        (table[y >>> up] << 24);
    }
    i = k << 1;
    to = j << 2;
  }
  for (const end = start + count; i < end; i += 1, to += 1) out[to] = table[(pcm[i] >> shift) & mask];
}

export function decodeUlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  lookUp(ULAW_LOW, ULAW_HIGH, bytes, start, count, out, at);
}

export function decodeAlaw(bytes: Uint8Array, start: number, count: number, out: Int16Array, at: number): void {
  lookUp(ALAW_LOW, ALAW_HIGH, bytes, start, count, out, at);
}

function lookUp(
  low: Uint16Array,
  high: Int32Array,
  bytes: Uint8Array,
  start: number,
  count: number,
  out: Int16Array,
  at: number,
): void {
  const from = CODED.of(bytes);
  const into = PCM.of(out);
  let i = start;
  let to = at;
  if (((start & 3) | (at & 1)) === 0 && from !== null && into !== null) {
    let x = 0;
    let k = start >> 2;
    let j = at >> 1;
    for (const last = k + ((count & ~15) >> 2); k < last; k += 4, j += 8) {
      x = from[k];
      into[j] = low[x & 255] | high[(x >> 8) & 255];
      into[j + 1] = low[(x >> 16) & 255] | high[x >>> 24];
      x = from[k + 1];
      into[j + 2] = low[x & 255] | high[(x >> 8) & 255];
      into[j + 3] = low[(x >> 16) & 255] | high[x >>> 24];
      x = from[k + 2];
      into[j + 4] = low[x & 255] | high[(x >> 8) & 255];
      into[j + 5] = low[(x >> 16) & 255] | high[x >>> 24];
      x = from[k + 3];
      into[j + 6] = low[x & 255] | high[(x >> 8) & 255];
      into[j + 7] = low[(x >> 16) & 255] | high[x >>> 24];
    }
    i = k << 2;
    to = j << 1;
  }
  for (const end = start + count; i < end; i += 1, to += 1) out[to] = low[bytes[i]];
}
