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
