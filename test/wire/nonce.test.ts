/**
 * Tests nonces that nobody else can make, that hold for one address and a while, and each of whose counts is good once.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import { NONCE_BYTES, Nonces } from "../../src/wire/nonce.js";
import { Writer } from "../../src/wire/writer.js";

const LIFE_MS = 300_000;
const IP = 0x0a000003;

function make(seed = 1): Nonces {
  let state = seed;
  return new Nonces({ uint32: () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) }, 4, LIFE_MS);
}

function give(nonces: Nonces, ip = IP, nowMs = 5000): string {
  const w = new Writer();
  const bytes = new Uint8Array(64);
  w.begin(bytes, 0, 64);
  nonces.writeNonce(w, ip, nowMs);
  return text(bytes, 0, w.at);
}

function span(value: string): Span {
  const out = new Span();
  const bytes = octets(`x${value}y`);
  out.set(bytes, 1, bytes.length - 1);
  return out;
}

describe("a nonce", () => {
  it("holds for the address it was given to, for its time", () => {
    const nonces = make();
    const nonce = span(give(nonces));
    expect(nonce.size()).toBe(NONCE_BYTES);
    expect(nonces.isOurs(nonce, IP, 5000)).toBe(true);
    expect(nonces.isOurs(nonce, IP, 5000 + LIFE_MS - 1)).toBe(true);
    expect(nonces.isOurs(nonce, IP, 5000 + LIFE_MS)).toBe(false);
    for (const other of [IP + 1, IP + 0x100, IP + 0x10000, IP + 0x1000000, 0])
      expect(nonces.isOurs(nonce, other, 5000)).toBe(false);
    expect(make(2).isOurs(nonce, IP, 5000)).toBe(false);
  });

  it("is another each time", () => {
    const nonces = make();
    expect(new Set([give(nonces), give(nonces), give(nonces, IP + 1), give(nonces)]).size).toBe(4);
  });

  it("is none with any octet changed, added or taken away", () => {
    const nonces = make();
    const good = give(nonces);
    fc.assert(
      fc.property(fc.nat(NONCE_BYTES - 1), fc.constantFrom(..."0123456789abcdefXYZ \u0000"), (at, c) => {
        if (good[at] === c) return;
        expect(nonces.isOurs(span(good.slice(0, at) + c + good.slice(at + 1)), IP, 5000)).toBe(false);
        expect(nonces.isOurs(span(good.slice(0, at)), IP, 5000)).toBe(false);
        expect(nonces.isOurs(span(good + c), IP, 5000)).toBe(false);
      }),
      { seed: 1 },
    );
  });

  it("is good once for each count, upwards only", () => {
    const nonces = make();
    const nonce = span(give(nonces));
    expect([1, 1, 3, 2, 3, 4, 0, -1].map((count) => nonces.takeCount(nonce, count))).toEqual([
      true,
      false,
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it("is used up when a younger one has its place in the table", () => {
    const nonces = make();
    const all = Array.from({ length: 6 }, () => span(give(nonces)));
    expect(all.slice(0, 4).map((nonce) => nonces.takeCount(nonce, 1))).toEqual([true, true, true, true]);
    expect(nonces.takeCount(all[4], 1)).toBe(true);
    expect(nonces.takeCount(all[0], 2)).toBe(false);
    expect(nonces.takeCount(all[1], 2)).toBe(true);
  });
});
