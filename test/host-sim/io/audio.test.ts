import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadWav, parseWav, SamplesInput, WavSpeaker } from "../../../host-sim/io/audio.js";
import { octets } from "../../../src/core/bytes.js";
import { encodeAlaw, encodeUlaw } from "../../../src/media/g711.js";

const folder = mkdtempSync(join(tmpdir(), "portero-audio-"));
afterAll(() => rmSync(folder, { recursive: true }));

function tone(rate: number, hertz: number, seconds: number, peak = 10000): Int16Array {
  return Int16Array.from({ length: rate * seconds }, (_, i) =>
    Math.round(peak * Math.sin((2 * Math.PI * hertz * i) / rate)),
  );
}

/** @returns the amplitude of one frequency in samples of 8 kHz */
function amplitude(samples: Int16Array, hertz: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < samples.length; i++) {
    re += samples[i] * Math.cos((2 * Math.PI * hertz * i) / 8000);
    im += samples[i] * Math.sin((2 * Math.PI * hertz * i) / 8000);
  }
  return (2 * Math.hypot(re, im)) / samples.length;
}

function wav(format: number, channels: number, rate: number, bits: number, data: Uint8Array, extra = 0): Uint8Array {
  const out = Buffer.alloc(44 + extra + data.length);
  out.write("RIFF", 0);
  out.writeUInt32LE(out.length - 8, 4);
  out.write("WAVE", 8);
  // An unknown chunk of odd length has an octet of padding.
  let at = 12;
  if (extra > 0) {
    out.write("LIST", at);
    out.writeUInt32LE(extra - 9, at + 4);
    at += extra;
  }
  out.write("fmt ", at);
  out.writeUInt32LE(16, at + 4);
  out.writeUInt16LE(format, at + 8);
  out.writeUInt16LE(channels, at + 10);
  out.writeUInt32LE(rate, at + 12);
  out.writeUInt32LE((rate * channels * bits) / 8, at + 16);
  out.writeUInt16LE((channels * bits) / 8, at + 20);
  out.writeUInt16LE(bits, at + 22);
  out.write("data", at + 24);
  out.writeUInt32LE(data.length, at + 28);
  out.set(data, at + 32);
  return out;
}

const pcm16 = (samples: Int16Array) => new Uint8Array(samples.buffer);

describe("a WAV file for the microphone", () => {
  it("is taken as it is at 8 kHz, 16 bits, mono", () => {
    const samples = tone(8000, 440, 1);
    expect(parseWav(wav(1, 1, 8000, 16, pcm16(samples)), "a.wav")).toEqual(samples);
    expect(parseWav(wav(1, 1, 8000, 16, pcm16(samples), 12), "a.wav")).toEqual(samples);
  });

  it.each([8000, 11025, 16000, 22050, 44100, 48000])("keeps its tone and strength from %i Hz", (rate) => {
    const out = parseWav(wav(1, 1, rate, 16, pcm16(tone(rate, 1000, 1))), "a.wav");
    expect(out.length).toBe(8000);
    expect(amplitude(out, 1000)).toBeGreaterThan(9800);
    expect(amplitude(out, 1000)).toBeLessThan(10100);
  });

  it("loses what is above the band instead of folding it down", () => {
    const out = parseWav(wav(1, 1, 48000, 16, pcm16(tone(48000, 7000, 1))), "a.wav");
    expect(amplitude(out, 1000)).toBeLessThan(10);
    expect(Math.max(...out.subarray(400, 7600).map(Math.abs))).toBeLessThan(30);
  });

  it("is mixed from stereo", () => {
    const left = tone(8000, 440, 1);
    const both = new Int16Array(16000);
    for (let i = 0; i < 8000; i++) both[2 * i] = left[i];
    expect(amplitude(parseWav(wav(1, 2, 8000, 16, pcm16(both)), "a.wav"), 440)).toBeCloseTo(5000, -1);
  });

  it("may have 8 bits, A-law or mu-law", () => {
    const samples = tone(8000, 440, 1);
    const eight = Uint8Array.from(samples, (sample) => (sample >> 8) + 128);
    const alaw = new Uint8Array(8000);
    const ulaw = new Uint8Array(8000);
    encodeAlaw(samples, 0, 8000, alaw, 0);
    encodeUlaw(samples, 0, 8000, ulaw, 0);
    for (const bytes of [wav(1, 1, 8000, 8, eight), wav(6, 1, 8000, 8, alaw), wav(7, 1, 8000, 8, ulaw)]) {
      const strength = amplitude(parseWav(bytes, "a.wav"), 440);
      expect(strength).toBeGreaterThan(9800);
      expect(strength).toBeLessThan(10200);
    }
  });

  it("is refused in one line that names it and says why", () => {
    const path = join(folder, "none.wav");
    expect(() => loadWav(path)).toThrow(new Error(`cannot read ${path}: no such file or directory`));
    expect(() => loadWav(folder)).toThrow(new Error(`cannot read ${folder}: it is a directory`));
    expect(() => parseWav(octets("a text"), "a.txt")).toThrow(new Error("a.txt is not a WAV file"));
    expect(() => parseWav(wav(3, 1, 8000, 32, new Uint8Array(8)), "f.wav")).toThrow(
      "f.wav: cannot read format 3, 32 bits, 1 channels, 8000 Hz; PCM of 8 or 16 bits, A-law and mu-law can be read",
    );
    expect(() => parseWav(wav(1, 0, 8000, 16, new Uint8Array(8)), "z.wav")).toThrow("0 channels");
    expect(() => parseWav(wav(1, 1, 8000, 16, new Uint8Array(0)).subarray(0, 36), "cut.wav")).toThrow(
      new Error("cut.wav is a WAV file without sound"),
    );
  });

  it("never fails in another way, however it is cut", () => {
    const whole = wav(1, 1, 8000, 16, pcm16(tone(8000, 440, 1).slice(0, 20)), 12);
    for (let length = 0; length < whole.length; length++) {
      try {
        parseWav(whole.subarray(0, length), "cut.wav");
      } catch (error) {
        expect((error as Error).message).toMatch(/^cut\.wav[^\n]*$/);
      }
    }
  });
});

describe("the microphone", () => {
  it("begins again when its file is at the end", () => {
    const input = new SamplesInput(Int16Array.from([1, 2, 3]));
    const into = new Int16Array(6);
    expect(input.read(into, 1, 5)).toBe(5);
    expect([...into]).toEqual([0, 1, 2, 3, 1, 2]);
  });

  it("is silent without a file, and at the end when it does not begin again", () => {
    const into = new Int16Array(3).fill(9);
    expect(new SamplesInput().read(into, 0, 3)).toBe(0);
    expect([...into]).toEqual([0, 0, 0]);
    const once = new SamplesInput(Int16Array.from([5]), false);
    expect(once.read(into, 0, 3)).toBe(1);
    expect([...into]).toEqual([5, 0, 0]);
  });
});

describe("the speaker", () => {
  it("writes what can be read back the same", () => {
    const path = join(folder, "out.wav");
    const speaker = new WavSpeaker(path);
    const samples = tone(8000, 440, 1);
    samples[5] = -32768;
    for (let i = 0; i < 8000; i += 160) speaker.write(samples, i, 160);
    speaker.close();
    speaker.close();
    speaker.write(samples, 0, 160);
    expect(loadWav(path)).toEqual(samples);
  });

  it("leaves a file with a right header while it still writes", () => {
    const path = join(folder, "killed.wav");
    const speaker = new WavSpeaker(path);
    for (let i = 0; i < 60; i++) speaker.write(new Int16Array(160), 0, 160);
    const bytes = readFileSync(path);
    expect(bytes.readUInt32LE(40)).toBe(8000 * 2);
    expect(bytes.length).toBe(44 + 60 * 320);
    expect(loadWav(path).length).toBe(8000);
    speaker.close();
    expect(loadWav(path).length).toBe(9600);
  });

  it("says in one line why a file cannot be written", () => {
    const path = join(folder, "none", "out.wav");
    expect(() => new WavSpeaker(path)).toThrow(new Error(`cannot write ${path}: no such file or directory`));
  });
});
