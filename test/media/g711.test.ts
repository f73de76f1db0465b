import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  decode,
  decodeAlaw,
  decodeUlaw,
  encode,
  encodeAlaw,
  encodeUlaw,
  isG711,
  PCMA,
  PCMU,
  sampleOf,
  silenceOf,
} from "../../src/media/g711.js";

const CORPUS = new URL("../../../shared/corpus/g711/", import.meta.url);
const missing = !existsSync(CORPUS);
if (missing) console.warn("G.711: ../shared/corpus/g711 is missing, the ITU's tables are not compared");

const everySample = new Int16Array(65536);
for (let i = 0; i < 65536; i++) everySample[i] = i - 32768;
const everyCode = new Uint8Array(256);
for (let i = 0; i < 256; i++) everyCode[i] = i;

function samples(name: string): Int16Array {
  const raw = readFileSync(new URL(name, CORPUS));
  const out = new Int16Array(256);
  for (let i = 0; i < 256; i++) out[i] = raw.readInt16LE(i * 2);
  return out;
}

describe.skipIf(missing)("G.711 against the ITU's tables", () => {
  it("encodes all 65,536 samples to PCMU", () => {
    const out = new Uint8Array(65536);
    encodeUlaw(everySample, 0, 65536, out, 0);
    expect(Buffer.compare(out, readFileSync(new URL("lin2ulaw.bin", CORPUS)))).toBe(0);
  });

  it("encodes all 65,536 samples to PCMA", () => {
    const out = new Uint8Array(65536);
    encodeAlaw(everySample, 0, 65536, out, 0);
    expect(Buffer.compare(out, readFileSync(new URL("lin2alaw.bin", CORPUS)))).toBe(0);
  });

  it("decodes all 256 codes of PCMU", () => {
    const out = new Int16Array(256);
    decodeUlaw(everyCode, 0, 256, out, 0);
    expect(out).toEqual(samples("ulaw2lin.s16le"));
  });

  it("decodes all 256 codes of PCMA", () => {
    const out = new Int16Array(256);
    decodeAlaw(everyCode, 0, 256, out, 0);
    expect(out).toEqual(samples("alaw2lin.s16le"));
  });
});

describe("G.711 by payload type", () => {
  it("knows 0 and 8 and nothing else", () => {
    const known = [];
    for (let type = 0; type < 128; type++) if (isG711(type)) known.push(type);
    expect(known).toEqual([PCMU, PCMA]);
  });

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
});
