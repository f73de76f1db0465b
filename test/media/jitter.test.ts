import { beforeEach, describe, expect, it } from "vitest";
import { encode, PCMA, PCMU } from "../../src/media/g711.js";
import {
  FRAME,
  JITTER_LIMITS,
  JitterBuffer,
  LONGEST_PACKET,
  PUT_LATE,
  PUT_REFUSED,
  PUT_TAKEN,
} from "../../src/media/jitter.js";

let buffer: JitterBuffer;
const pcm = new Int16Array(FRAME);

beforeEach(() => {
  buffer = new JitterBuffer();
});

/** A packet whose samples all have the given level. */
function level(value: number, count = FRAME, payloadType = PCMU): Uint8Array {
  const out = new Uint8Array(count);
  encode(payloadType, new Int16Array(count).fill(value), 0, count, out, 0);
  return out;
}

function put(
  value: number,
  timestamp: number,
  options: { count?: number; type?: number; newest?: boolean } = {},
): number {
  const bytes = level(value, options.count, options.type);
  return buffer.put(bytes, 0, bytes.length, timestamp | 0, options.type ?? PCMU, options.newest ?? true, 0);
}

/** Plays one frame. @returns its middle sample, which is close to the level that was put in */
function play(): number {
  buffer.read(pcm, 0, FRAME);
  return pcm[FRAME / 2];
}

function frames(count: number): number[] {
  return Array.from({ length: count }, () => Math.round(play() / 1000));
}

/** Plays `count` frames. @returns how many of their samples have a level near to `value` */
function heard(value: number, count: number): number {
  const out = new Int16Array(count * FRAME);
  buffer.read(out, 0, out.length);
  return out.filter((sample) => Math.abs(sample - value) < 200).length;
}

describe("Jitter buffer", () => {
  it("is silent before anything came", () => {
    pcm.fill(99);
    buffer.read(pcm, 0, FRAME);
    expect(pcm).toEqual(new Int16Array(FRAME));
    expect(buffer.concealed).toBe(0);
  });

  it("plays what came 40 ms later, in the order of the timestamps", () => {
    put(1000, 0);
    put(3000, 320);
    put(2000, 160, { newest: false });
    put(4000, 480);
    expect(frames(6)).toEqual([0, 0, 1, 2, 3, 4]);
  });

  it("goes over the end of the timestamps", () => {
    for (let i = 0; i < 8; i++) {
      put((i + 1) * 1000, 0xfffffe00 + i * FRAME);
      expect(Math.round(play() / 1000)).toBe(Math.max(0, i - 1));
    }
    expect(buffer.late).toBe(0);
  });

  it.each([80, 160, 240, 320, 400, 480])("takes packets of %i samples and gives frames of 160", (count) => {
    for (let at = 0; at < 960; at += count) put(5000, at, { count });
    const heard = [];
    for (let at = 0; at < 320 + 960; at += FRAME) heard.push(Math.round(play() / 1000));
    expect(heard).toEqual([0, 0, 5, 5, 5, 5, 5, 5]);
  });

  it("gives any number of samples at a time", () => {
    for (let i = 0; i < 6; i++) put((i + 1) * 1000, i * FRAME);
    const out = new Int16Array(8 * FRAME);
    for (let at = 0; at < out.length; ) {
      const count = Math.min(1 + ((at * 7) % 333), out.length - at);
      buffer.read(out, at, count);
      at += count;
    }
    const middles = Array.from({ length: 8 }, (_, i) => Math.round(out[i * FRAME + 80] / 1000));
    expect(middles).toEqual([0, 0, 1, 2, 3, 4, 5, 6]);
  });

  it("repeats a lost frame ever more softly, down to silence after 60 ms", () => {
    put(9000, 0);
    put(9000, 5 * FRAME);
    expect(frames(2)).toEqual([0, 0]);
    const heard = Array.from({ length: 6 }, play);
    expect(heard[1]).toBeGreaterThan(6000);
    expect(heard[1]).toBeLessThan(heard[0]);
    expect(heard[2]).toBeLessThan(heard[1] - 2000);
    expect(heard[3]).toBeLessThan(2000);
    expect(heard[4]).toBe(0);
    expect(Math.round(heard[5] / 1000)).toBe(9);
    expect(buffer.concealed).toBe(2 * FRAME + 4 * FRAME);
  });

  it("conceals only the part of a frame that is missing", () => {
    put(8000, 0, { count: 240 });
    put(8000, 480, { count: 240 });
    frames(2);
    buffer.concealed = 0;
    frames(4);
    expect(buffer.concealed).toBe(240);
  });

  it("takes the first part of a late packet for lost, and plays the rest", () => {
    put(1000, 0);
    put(1000, 480);
    frames(4);
    expect(put(7000, 240, { count: 240, newest: false })).toBe(PUT_LATE);
    expect(frames(1)).toEqual([7]);
    expect(buffer.late).toBe(1);
  });

  it("drops a packet whose turn is over, and grows its delay for the next", () => {
    for (let i = 0; i < 10; i++) if (i !== 3) put(1000, i * FRAME);
    frames(6);
    const before = buffer.delayMs();
    expect(put(9000, 3 * FRAME, { newest: false })).toBe(PUT_LATE);
    for (let i = 10; i < 16; i++) {
      put(1000, i * FRAME);
      frames(1);
    }
    expect(buffer.inserted).toBeGreaterThan(0);
    expect(buffer.delayMs()).toBeGreaterThan(before);
  });

  it("loses nothing when everything comes later than before", () => {
    put(1000, 0);
    frames(8);
    for (let i = 1; i <= 5; i++) put(6000, i * FRAME);
    expect(heard(6000, 6)).toBeGreaterThan(5 * FRAME - 30);
  });

  it("keeps the newest of a burst that is longer than it may delay", () => {
    put(1000, 0);
    frames(40);
    for (let i = 1; i <= 40; i++) put(i * 100, i * FRAME);
    expect(buffer.delayMs()).toBeLessThanOrEqual(JITTER_LIMITS.maxDelayMs + 60);
    const heard = Array.from({ length: 14 }, play);
    expect(Math.max(...heard)).toBeGreaterThan(3800);
    expect(buffer.jumps).toBeGreaterThan(0);
  });

  it("follows a sender whose timestamps jump", () => {
    for (const jump of [5_000_000, -900_000_000, 0x7fffffff]) {
      for (let i = 0; i < 4; i++) put(1000, i * FRAME);
      frames(4);
      for (let i = 0; i < 4; i++) put(6000, jump + i * FRAME);
      expect(frames(6).filter((value) => value === 6)).toHaveLength(4);
      buffer.reset();
    }
  });

  it("goes on after a pause of the sender, with its clock running on or standing still", () => {
    for (const pause of [50 * FRAME, 0]) {
      for (let i = 0; i < 4; i++) put(1000, i * FRAME);
      frames(54);
      for (let i = 4; i < 10; i++) put(6000, pause + i * FRAME);
      const samples = heard(6000, 9);
      expect(samples + buffer.removed * 80).toBeGreaterThan(6 * FRAME - 30);
      expect(buffer.removed).toBeLessThanOrEqual(2);
      buffer.reset();
    }
  });

  it("goes on after half a week of silence", () => {
    put(1000, 0);
    for (let i = 0; i < 200; i++) play();
    put(6000, 0x7ffffff0);
    put(6000, 0x7ffffff0 + FRAME);
    expect(frames(4)).toEqual([0, 0, 6, 6]);
  });

  it("changes from one law to the other at one sample", () => {
    put(5000, 0);
    put(5000, 160);
    put(5000, 320, { type: PCMA });
    put(5000, 480, { type: PCMA });
    frames(2);
    const out = new Int16Array(4 * FRAME);
    buffer.read(out, 0, out.length);
    expect(Math.min(...out.subarray(24))).toBeGreaterThan(4850);
    expect(Math.max(...out)).toBeLessThan(5150);
  });

  it("refuses the other law before the change, and packets of no length or of more than 60 ms", () => {
    put(5000, 0);
    put(5000, 320, { type: PCMA });
    expect(put(5000, 160, { newest: false, type: PCMU })).toBe(PUT_TAKEN);
    expect(put(5000, 160, { newest: false, type: PCMA })).toBe(PUT_REFUSED);
    expect(put(5000, 480, { type: PCMU })).toBe(PUT_REFUSED);
    expect(put(5000, 640, { count: 0, type: PCMA })).toBe(PUT_REFUSED);
    expect(put(5000, 640, { count: LONGEST_PACKET + 1, type: PCMA })).toBe(PUT_REFUSED);
    expect(buffer.refused).toBe(4);
  });

  it("does not grow beyond its limit when nobody plays", () => {
    for (let i = 0; i < 1000; i++) put(1000, i * FRAME);
    expect(buffer.delayMs()).toBeLessThanOrEqual(JITTER_LIMITS.maxDelayMs + 20);
  });

  it("takes no limits that do not fit each other", () => {
    expect(() => new JitterBuffer({ capacity: 2000, minDelayMs: 10, maxDelayMs: 100 })).toThrow(RangeError);
    expect(() => new JitterBuffer({ capacity: 2048, minDelayMs: 10, maxDelayMs: 200 })).toThrow(RangeError);
    expect(() => new JitterBuffer({ capacity: 4096, minDelayMs: 10, maxDelayMs: 300 })).not.toThrow();
  });
});

describe("Jitter buffer against clock drift", () => {
  // The sender's clock is off by `ppm`; frames are pulled every 20 ms for five minutes.
  function drift(ppm: number): { delayMs: number; late: number } {
    const step = 20 * (1 - ppm / 1e6);
    let sentMs = 0;
    let sent = 0;
    for (let now = 0; now < 300_000; now += 20) {
      while (sentMs <= now) {
        put(1000, sent++ * FRAME);
        sentMs += step;
      }
      play();
    }
    return { delayMs: buffer.delayMs(), late: buffer.late };
  }

  it("takes sound out for a sender that is too fast", () => {
    const { delayMs, late } = drift(500);
    expect(late).toBe(0);
    expect(buffer.removed).toBeGreaterThanOrEqual(13);
    expect(delayMs).toBeLessThan(60);
    expect(buffer.jumps).toBe(0);
  });

  it("puts sound in for a sender that is too slow", () => {
    const { late } = drift(-500);
    expect(buffer.inserted).toBeGreaterThanOrEqual(12);
    expect(late).toBeLessThanOrEqual(1);
    expect(buffer.concealed).toBeLessThanOrEqual(4 * FRAME);
  });
});
