/**
 * The lines that a response copies from its request, in C: the exports of src/transaction/headlines.ts, for a manifest
 * that names this file in its place. It works on XS only. Not here: the rules (headlines.h).
 */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** The same numbers as in headlines.h. */
export const PLACE = {
  viaStart: 0,
  viaEnd: 1,
  viaStop: 2,
  sentByStart: 3,
  sentByEnd: 4,
  branchStart: 5,
  branchEnd: 6,
  sourceIp: 7,
  sourcePort: 8,
  rport: 7,
  sentByPort: 8,
  fromStart: 0,
  fromEnd: 1,
  fromTagStart: 2,
  fromTagEnd: 3,
  toStart: 4,
  toEnd: 5,
  toTagStart: 6,
  toTagEnd: 7,
  callIdStart: 8,
  callIdEnd: 9,
  cseqStart: 10,
  methodStart: 11,
  cseqEnd: 12,
  tagHigh: 13,
  tagLow: 14,
} as const;
export const PLACES = 15;

export class HeadLines {
  readonly places = new Int32Array(PLACES);
  // C takes the buffer, because a view of words is no buffer for it.
  private readonly placesOctets: ArrayBufferLike = this.places.buffer;

  writeVia(out: Uint8Array, at: number, limit: number, bytes: Uint8Array): number {
    return writeVia(out, at, limit, bytes, this.placesOctets);
  }

  writeParties(out: Uint8Array, at: number, limit: number, bytes: Uint8Array): number {
    return writeParties(out, at, limit, bytes, this.placesOctets);
  }
}

function writeVia(
  this: unknown,
  out: Uint8Array,
  at: number,
  limit: number,
  bytes: Uint8Array,
  places: ArrayBufferLike,
): number {
  return native("xs_headlines_via").call(this, out, at, limit, bytes, places);
}

function writeParties(
  this: unknown,
  out: Uint8Array,
  at: number,
  limit: number,
  bytes: Uint8Array,
  places: ArrayBufferLike,
): number {
  return native("xs_headlines_parties").call(this, out, at, limit, bytes, places);
}
