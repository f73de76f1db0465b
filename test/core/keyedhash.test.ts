import { describe, expect, it } from "vitest";
import * as inC from "../../hal/native/keyedhash.js";
import * as own from "../../src/core/keyedhash.js";
import { KeyedHash } from "../../src/core/keyedhash.js";
import { VECTORS } from "./keyedhashvectors.js";

const KEY0 = 0x03020100;
const KEY1 = 0x07060504;
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

describe("the keyed hash by C", () => {
  it("has the exports of its twin, so that a manifest can put it in its place", () => {
    expect(Object.keys(inC).sort()).toEqual(Object.keys(own).sort());
    const members = (one: { prototype: object }) => Object.getOwnPropertyNames(one.prototype);
    expect(members(own.KeyedHash)).toEqual(expect.arrayContaining(members(inC.KeyedHash)));
  });
});
