import { describe, expect, it } from "vitest";
import { KeyedHash } from "../../src/core/keyedhash.js";

const KEY0 = 0x03020100;
const KEY1 = 0x07060504;
/** Published results of HalfSipHash-2-4 with 64 bits for the octets 0, 1, 2, …, by how many there are; key 00 to 07. */
const VECTORS: [number, string][] = [
  [0, "218d1f59b9b83cc8"],
  [1, "be552412f8387315"],
  [3, "ce0f1a45f7060679"],
  [4, "d5e78a175be52ea1"],
  [8, "edfee820bce4858c"],
  [15, "217d0bcb4e81c902"],
  [16, "7336aad25f7bf3b5"],
  [63, "2ea63c71bf326087"],
];
const octetsUpTo = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);

function hex(hash: KeyedHash): string {
  const out = Buffer.alloc(8);
  out.writeInt32LE(hash.low, 0);
  out.writeInt32LE(hash.high, 4);
  return out.toString("hex");
}

describe("the keyed hash", () => {
  it.each(VECTORS)("of %d octets is the published one", (count, expected) => {
    const hash = new KeyedHash(KEY0, KEY1);
    hash.begin();
    hash.update(octetsUpTo(count), 0, count);
    hash.finish();
    expect(hex(hash)).toBe(expected);
  });

  it("is the same in whatever parts the octets come, and begins anew each time", () => {
    const hash = new KeyedHash(KEY0, KEY1);
    const bytes = octetsUpTo(63);
    for (let part = 1; part < 63; part++) {
      hash.begin();
      for (let at = 0; at < 63; at += part) hash.update(bytes, at, Math.min(at + part, 63));
      hash.finish();
      expect(hex(hash)).toBe("2ea63c71bf326087");
    }
  });

  it("takes numbers as octets, the lowest first", () => {
    const hash = new KeyedHash(KEY0, KEY1);
    hash.begin();
    hash.word(0x03020100);
    hash.word(0x07060504);
    hash.finish();
    expect(hex(hash)).toBe("edfee820bce4858c");
  });

  it("is another with another key, in either half", () => {
    const results = [
      [KEY0, KEY1],
      [KEY0 ^ 1, KEY1],
      [KEY0, KEY1 ^ 1],
    ].map(([key0, key1]) => {
      const hash = new KeyedHash(key0, key1);
      hash.begin();
      hash.update(octetsUpTo(20), 0, 20);
      hash.finish();
      return hex(hash);
    });
    expect(new Set(results).size).toBe(3);
  });
});
