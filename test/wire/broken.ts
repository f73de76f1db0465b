/**
 * Breaks messages at random: pieces that readers look for are inserted, written over others, cut out or doubled, or the
 * end is cut off.
 */
import fc from "fast-check";
import { octets } from "../../src/core/bytes.js";

/** Pieces that readers look for, and pieces that they should never trip over. */
export const PIECES: readonly Uint8Array[] = [
  ..."\r\n \t\0\x7f\"\\<>;,:=@%?/&[]()'*-+0z\x01\x1b".split("").map(octets),
  ...[
    "\r\n",
    "\r\n ",
    "\r\n\r\n",
    "4294967296",
    "99999999999999999999",
    ";branch=",
    ";tag=x",
    '\\"',
    "SIP/2.0",
    "\u00e9",
    "v:",
    "Content-Length: 7\r\n",
  ].map(octets),
  new Uint8Array([0xff, 0xc0, 0x80]),
];

export interface Change {
  kind: number;
  at: number;
  length: number;
  piece: number;
}

export const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.nat(4),
  at: fc.nat(1_000_000),
  length: fc.nat(40),
  piece: fc.nat(PIECES.length - 1),
});

export function apply(from: Uint8Array, changes: readonly Change[]): Uint8Array {
  let bytes = Array.from(from);
  for (const { kind, at, length, piece } of changes) {
    const i = at % (bytes.length + 1);
    if (kind === 0) bytes.splice(i, 0, ...PIECES[piece]);
    else if (kind === 1) bytes.splice(i, PIECES[piece].length, ...PIECES[piece]);
    else if (kind === 2) bytes.splice(i, length);
    else if (kind === 3) bytes.splice(i, 0, ...bytes.slice(i, i + length));
    else bytes = bytes.slice(0, i);
  }
  return new Uint8Array(bytes);
}
