/**
 * Copying and comparing octets, and texts, in C: the exports of src/core/octets.ts, for a manifest that names this file
 * in its place. It works on XS only. All functions throw RangeError beyond an array; their twins do not check that. Not
 * here: the rules (octets.h).
 */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

export function copyOctets(
  this: unknown,
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  native("xs_octets_copy").call(this, to, at, from, start, end);
}

export function copyUnfolded(
  this: unknown,
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  return native("xs_octets_unfolded").call(this, to, at, from, start, end);
}

export function areSame(
  this: unknown,
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  count: number,
): boolean {
  return native("xs_octets_same").call(this, a, aStart, b, bStart, count);
}

export function areAlike(
  this: unknown,
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  count: number,
): boolean {
  return native("xs_octets_alike").call(this, a, aStart, b, bStart, count);
}

export function findOctet(this: unknown, bytes: Uint8Array, at: number, end: number, octet: number): number {
  return native("xs_octets_find").call(this, bytes, at, end, octet);
}

export function findMark(
  this: unknown,
  bytes: Uint8Array,
  at: number,
  end: number,
  most: number,
  marks: Uint8Array,
): number {
  return native("xs_octets_mark").call(this, bytes, at, end, most, marks);
}

export function findLine(this: unknown, bytes: Uint8Array, at: number, end: number, letters: Uint8Array): number {
  return native("xs_octets_line").call(this, bytes, at, end, letters);
}

export function putHex(this: unknown, to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  native("xs_octets_hex").call(this, to, at, from, start, end);
}

export function putDigits(this: unknown, to: Uint8Array, at: number, count: number, value: number): void {
  native("xs_octets_digits").call(this, to, at, count, value);
}

export function hasToken(this: unknown, bytes: Uint8Array, at: number, end: number, token: Uint8Array): boolean {
  return native("xs_octets_token").call(this, bytes, at, end, token);
}

export function putDecimal(this: unknown, to: Uint8Array, at: number, limit: number, value: number): number {
  return native("xs_octets_decimal").call(this, to, at, limit, value);
}

export function putDotted(this: unknown, to: Uint8Array, at: number, limit: number, address: number): number {
  return native("xs_octets_dotted").call(this, to, at, limit, address);
}

export function utf8Size(this: unknown, value: string): number {
  return native("xs_octets_size").call(this, value);
}

export function putUtf8(this: unknown, out: Uint8Array, at: number, value: string): number {
  return native("xs_octets_put").call(this, out, at, value);
}

export function isPlain(this: unknown, value: string): boolean {
  return native("xs_octets_plain").call(this, value);
}

export function asciiText(this: unknown, bytes: Uint8Array, start: number, end: number): string | null {
  return native("xs_octets_text").call(this, bytes, start, end);
}

export function base64Text(this: unknown, bytes: Uint8Array, start: number, end: number): string {
  return native("xs_octets_base64").call(this, bytes, start, end);
}

export function crcOf(this: unknown, bytes: Uint8Array, start: number, end: number, crc: number): number {
  return native("xs_octets_crc").call(this, bytes, start, end, crc);
}
