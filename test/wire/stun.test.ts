/** Tests STUN: what is read from an answer, and what is not. RFC 5769 has the message of another implementation. */
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import * as stun from "../../src/wire/stun.js";
import { SeededRandom } from "../random.js";

const random = new SeededRandom(20);

function asked(): stun.StunBinding {
  const binding = new stun.StunBinding();
  binding.begin(random);
  return binding;
}

function answerTo(binding: stun.StunBinding, address: string, port: number): Uint8Array {
  const answer = new Uint8Array(stun.STUN_ANSWER_BYTES);
  stun.writeBindingAnswer(answer, binding.request, 0, ipv4(address), port);
  return answer;
}

/** Puts attributes, each [type, octets of value], behind the head of an answer. */
function withAttributes(binding: stun.StunBinding, type: number, attributes: [number, number[]][]): Uint8Array {
  const body = attributes.flatMap(([kind, value]) => [
    kind >> 8,
    kind & 255,
    value.length >> 8,
    value.length & 255,
    ...value,
    ...new Array((4 - (value.length % 4)) % 4).fill(0),
  ]);
  const head = [...binding.request];
  head.splice(0, 4, type >> 8, type & 255, body.length >> 8, body.length & 255);
  return Uint8Array.from([...head, ...body]);
}

const mapped = (binding: stun.StunBinding): [number, number[]] => [
  0x20,
  [...answerTo(binding, "192.0.2.1", 32853).slice(24)],
];

describe("An answer", () => {
  it.each([
    ["0.0.0.0", 1],
    ["127.0.0.1", 5060],
    ["203.0.113.9", 40001],
    ["255.255.255.255", 65535],
  ])("tells %s:%i, wherever it lies in the octets", (address, port) => {
    const binding = asked();
    const answer = answerTo(binding, address, port);
    for (const at of [0, 1, 7]) {
      const bytes = new Uint8Array(answer.length + at + 3).fill(0xff);
      bytes.set(answer, at);
      expect(binding.read(bytes, at, at + answer.length)).toBe(stun.STUN_ADDRESS);
      expect(`${ipv4Text(binding.ip)}:${binding.port}`).toBe(`${address}:${port}`);
    }
  });

  it("of RFC 5769 §2.2 tells 192.0.2.1:32853", () => {
    const hex =
      "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a6430008" +
      "00142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
    const binding = asked();
    binding.request.set(bytes.subarray(8, 20), 8);
    expect(binding.read(bytes, 0, bytes.length)).toBe(stun.STUN_ADDRESS);
    expect(`${ipv4Text(binding.ip)}:${binding.port}`).toBe("192.0.2.1:32853");
  });

  it("may have attributes that need not be understood, those of before, and padding", () => {
    const binding = asked();
    const bytes = withAttributes(binding, 0x0101, [
      [0x8022, [1, 2, 3]],
      [0x0001, [0, 1, 0, 9, 9, 9, 9, 9]],
      [0x0004, [0, 1, 0, 9, 9, 9, 9, 9]],
      mapped(binding),
      [0x802b, [0, 1, 0, 9, 9, 9, 9, 9]],
    ]);
    expect(binding.read(bytes, 0, bytes.length)).toBe(stun.STUN_ADDRESS);
    expect(binding.port).toBe(32853);
  });

  it("with an attribute that nobody knows is of no use, nor is one with MAPPED-ADDRESS alone", () => {
    const binding = asked();
    const unknown = withAttributes(binding, 0x0101, [mapped(binding), [0x7fff, []]]);
    expect(binding.read(unknown, 0, unknown.length)).toBe(stun.STUN_USELESS);
    const old = withAttributes(binding, 0x0101, [[0x0001, [0, 1, 0, 9, 9, 9, 9, 9]]]);
    expect(binding.read(old, 0, old.length)).toBe(stun.STUN_USELESS);
    const empty = withAttributes(binding, 0x0101, []);
    expect(binding.read(empty, 0, empty.length)).toBe(stun.STUN_USELESS);
  });

  it("that refuses says why, if it says so", () => {
    const binding = asked();
    const refusal = withAttributes(binding, 0x0111, [[0x0009, [0, 0, 4, 1, 0x55]]]);
    expect(binding.read(refusal, 0, refusal.length)).toBe(stun.STUN_REFUSED);
    expect(binding.status).toBe(401);
    const bare = withAttributes(binding, 0x0111, [mapped(binding)]);
    expect(binding.read(bare, 0, bare.length)).toBe(stun.STUN_REFUSED);
    expect(binding.status).toBe(0);
  });

  it("counts for nobody else's request: each bit of the transaction ID and of the cookie matters", () => {
    const binding = asked();
    const answer = answerTo(binding, "192.0.2.1", 1);
    for (let bit = 32; bit < 160; bit++) {
      const other = answer.slice();
      other[bit >> 3] ^= 1 << (bit & 7);
      expect(binding.read(other, 0, other.length)).toBe(bit < 64 ? stun.STUN_NONE : stun.STUN_OTHER);
    }
  });
});

it("Transaction IDs differ, each part of them", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const { request } = asked();
    expect(stun.isBindingRequest(request, 0, request.length)).toBe(true);
    for (let at = 8; at < 20; at += 4) seen.add(request.slice(at, at + 4).join());
  }
  expect(seen.size).toBeGreaterThan(1490);
});

it("Nothing makes the reader throw, read outside or believe: noise, cut and changed answers", () => {
  const binding = asked();
  const good = withAttributes(binding, 0x0101, [[0x8022, [1, 2, 3]], mapped(binding), [0x8028, [1, 2, 3, 4]]]);
  for (let length = 0; length < good.length; length++) expect(binding.read(good, 0, length)).toBe(stun.STUN_NONE);
  const results = [0, 0, 0, 0, 0];
  const bytes = new Uint8Array(8 + good.length + 8);
  const before = new Uint8Array(bytes.length);
  let wrong = 0;
  for (let round = 0; round < 30_000; round++) {
    bytes.fill(0xee);
    bytes.set(good, 8);
    for (let changes = 1 + (random.uint32() % 3); changes > 0; changes--) {
      const at = 8 + (random.uint32() % good.length);
      bytes[at] = random.uint32();
    }
    before.set(bytes);
    const found = binding.read(bytes, 8, 8 + good.length);
    results[found] += 1;
    if (found === stun.STUN_ADDRESS && !(binding.port > 0 && binding.port < 65536 && binding.ip >= 0)) wrong += 1;
    if (Buffer.compare(bytes, before) !== 0) wrong += 1;
  }
  expect(wrong).toBe(0);
  for (const count of results) expect(count).toBeGreaterThan(0);
  for (let round = 0; round < 30_000; round++) {
    const noise = Uint8Array.from({ length: random.uint32() % 60 }, () => random.uint32());
    if (binding.read(noise, 0, noise.length) !== stun.STUN_NONE) wrong += 1;
  }
  expect(wrong).toBe(0);
});
