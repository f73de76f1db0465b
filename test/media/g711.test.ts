import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  decode,
  decodeAlaw,
  decodeUlaw,
  encode,
  encodeAlaw,
  encodeUlaw,
  PCMA,
  PCMU,
  sampleOf,
  silenceOf,
} from "../../src/media/g711.js";

/** Rows of the tables of G.711: the samples that share a code, the code, and the sample that it is decoded to. */
interface Law {
  /** The index is the sample + 32768. */
  codes: Uint8Array;
  /** The index is the code. */
  samples: Int16Array;
}

function readLaw(law: string): Law {
  const rows = readFileSync(new URL("../fixtures/g711.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(law + " "))
    .map((line) => line.split(" ").slice(1).map(Number));
  expect(rows.length).toBe(256);
  const codes = new Uint8Array(65536);
  const samples = new Int16Array(256);
  for (const [code, first, sample] of rows) {
    codes.fill(code, first + 32768);
    samples[code] = sample;
  }
  return { codes, samples };
}

const everySample = new Int16Array(65536);
for (let i = 0; i < 65536; i++) everySample[i] = i - 32768;
const everyCode = new Uint8Array(256);
for (let i = 0; i < 256; i++) everyCode[i] = i;

describe("G.711 against the ITU's tables", () => {
  it("encodes all 65,536 samples to PCMU", () => {
    const out = new Uint8Array(65536);
    encodeUlaw(everySample, 0, 65536, out, 0);
    expect(Buffer.compare(out, readLaw("pcmu").codes)).toBe(0);
  });

  it("encodes all 65,536 samples to PCMA", () => {
    const out = new Uint8Array(65536);
    encodeAlaw(everySample, 0, 65536, out, 0);
    expect(Buffer.compare(out, readLaw("pcma").codes)).toBe(0);
  });

  it("decodes all 256 codes of PCMU", () => {
    const out = new Int16Array(256);
    decodeUlaw(everyCode, 0, 256, out, 0);
    expect(out).toEqual(readLaw("pcmu").samples);
  });

  it("decodes all 256 codes of PCMA", () => {
    const out = new Int16Array(256);
    decodeAlaw(everyCode, 0, 256, out, 0);
    expect(out).toEqual(readLaw("pcma").samples);
  });
});

describe("G.711 by payload type", () => {
  it("writes only where it is told to", () => {
    const out = new Uint8Array(6);
    encode(PCMU, Int16Array.of(9, 0, 0, 9), 1, 2, out, 2);
    expect([...out]).toEqual([0, 0, 0xff, 0xff, 0, 0]);
    encode(PCMA, Int16Array.of(9, 0, 0, 9), 1, 2, out, 2);
    expect([...out]).toEqual([0, 0, 0xd5, 0xd5, 0, 0]);
  });

  it("gives every code back as itself, but for the second zero of PCMU", () => {
    for (const type of [PCMU, PCMA]) {
      const pcm = new Int16Array(256);
      const codes = new Uint8Array(256);
      decode(type, everyCode, 0, 256, pcm, 0);
      encode(type, pcm, 0, 256, codes, 0);
      const changed = [...codes.keys()].filter((code) => codes[code] !== code);
      expect(changed).toEqual(type === PCMU ? [0x7f] : []);
      for (let code = 0; code < 256; code++) expect(sampleOf(type, code)).toBe(pcm[code]);
    }
  });

  it("has a silence that sounds like the smallest sample", () => {
    expect(sampleOf(PCMU, silenceOf(PCMU))).toBe(0);
    expect(sampleOf(PCMA, silenceOf(PCMA))).toBe(8);
  });

  it("is the same wherever samples and octets lie, and however many there are", () => {
    const pcm = new Int16Array(80).map((_, i) => (i * 7919) ^ (i << 9));
    for (const type of [PCMU, PCMA]) {
      const coded = new Uint8Array(80);
      for (let i = 0; i < 80; i++) encode(type, pcm, i, 1, coded, i);
      const decoded = new Int16Array(80);
      for (let i = 0; i < 80; i++) decode(type, coded, i, 1, decoded, i);
      // Some arrays do not begin at a word of their buffers.
      for (const offset of [0, 1, 2, 3]) {
        const octets = new Uint8Array(96).subarray(offset);
        const samples = new Int16Array(96).subarray(offset);
        for (const start of [0, 1, 2, 3, 4])
          for (const at of [0, 1, 2, 3, 4])
            for (const count of [0, 1, 15, 16, 17, 64]) {
              octets.fill(0x33);
              encode(type, pcm, start, count, octets, at);
              expect([...octets.subarray(at, at + count)]).toEqual([...coded.subarray(start, start + count)]);
              expect([octets[at + count], at > 0 ? octets[at - 1] : 0x33]).toEqual([0x33, 0x33]);
              samples.fill(7);
              decode(type, coded, start, count, samples, at);
              expect([...samples.subarray(at, at + count)]).toEqual([...decoded.subarray(start, start + count)]);
              expect([samples[at + count], at > 0 ? samples[at - 1] : 7]).toEqual([7, 7]);
            }
      }
    }
  });
});
