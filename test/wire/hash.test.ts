import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import type { Hash } from "../../src/wire/hash.js";
import { Md5 } from "../../src/wire/md5.js";
import { Sha256 } from "../../src/wire/sha256.js";

function hex(hash: Hash, ...pieces: Uint8Array[]): string {
  const out = new Uint8Array(hash.sizeBytes);
  hash.beginHash();
  for (const piece of pieces) hash.update(piece, 0, piece.length);
  hash.finish(out, 0);
  return Buffer.from(out).toString("hex");
}

const RFC_1321: [string, string][] = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["a", "0cc175b9c0f1b6a831c399e269772661"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
  ["1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"],
];

const FIPS_180: [string, string][] = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
];

describe("MD5", () => {
  it.each(RFC_1321)("gives RFC 1321's result for %j", (message, expected) => {
    expect(hex(new Md5(), octets(message))).toBe(expected);
  });
});

describe("SHA-256", () => {
  it.each(FIPS_180)("gives FIPS 180's result for %j", (message, expected) => {
    expect(hex(new Sha256(), octets(message))).toBe(expected);
  });

  it("gives FIPS 180's result for a million times a", () => {
    expect(hex(new Sha256(), new Uint8Array(1000000).fill(0x61))).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });
});

describe.each([
  ["md5", new Md5()],
  ["sha256", new Sha256()],
] as const)("%s", (name, hash) => {
  it("agrees with another implementation for every length up to three blocks", () => {
    const message = new Uint8Array(192).map((_, i) => (i * 37 + 11) & 255);
    for (let length = 0; length <= message.length; length++) {
      const part = message.slice(0, length);
      expect(hex(hash, part)).toBe(createHash(name).update(part).digest("hex"));
    }
  });

  it("does not depend on how a message is cut", () => {
    const piece = fc.uint8Array({ maxLength: 150 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        expect(hex(hash, ...pieces)).toBe(createHash(name).update(Buffer.concat(pieces)).digest("hex"));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("reads only from start to end and writes only its result", () => {
    const out = new Uint8Array(hash.sizeBytes + 4).fill(0xee);
    hash.beginHash();
    hash.update(octets("xxabcxx"), 2, 5);
    hash.finish(out, 2);
    expect(Buffer.from(out.subarray(2, 2 + hash.sizeBytes)).toString("hex")).toBe(
      createHash(name).update("abc").digest("hex"),
    );
    expect([out[0], out[1], out[hash.sizeBytes + 2], out[hash.sizeBytes + 3]]).toEqual([0xee, 0xee, 0xee, 0xee]);
  });

  it("begins anew when a message was left unfinished", () => {
    hash.beginHash();
    hash.update(octets("left behind"), 0, 11);
    expect(hex(hash, octets("abc"))).toBe(createHash(name).update("abc").digest("hex"));
  });
});
