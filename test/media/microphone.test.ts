import { describe, expect, it } from "vitest";
import { PCMU, sampleOf } from "../../src/media/g711.js";
import { Microphone } from "../../src/media/microphone.js";
import { RTP_HEADER } from "../../src/media/rtp.js";

const SILENCE = 0xff;

function pushed(mic: Microphone, value: number, count: number): void {
  mic.push(PCMU, new Int16Array(count).fill(value), 0, count);
}

/** @returns how many samples of the packet are no silence */
function taken(mic: Microphone, count: number): number {
  const at = mic.take(count, SILENCE);
  return mic.bytes.subarray(at, at + count).filter((octet) => octet !== SILENCE).length;
}

describe("The microphone's buffer", () => {
  it("gives silence until a piece and a packet wait, then everything in order", () => {
    const mic = new Microphone(RTP_HEADER + 480, 1280);
    pushed(mic, 1000, 100);
    expect(taken(mic, 160)).toBe(0);
    pushed(mic, 2000, 100);
    expect(taken(mic, 160)).toBe(0);
    pushed(mic, 3000, 100);
    let start = mic.take(160, SILENCE);
    const near = (at: number) => Math.round(sampleOf(PCMU, mic.bytes[start + at]) / 1000);
    expect([near(0), near(99), near(100), near(159)]).toEqual([1, 1, 2, 2]);
    pushed(mic, 4000, 100);
    start = mic.take(160, SILENCE);
    expect([near(0), near(39), near(40), near(139), near(140)]).toEqual([2, 2, 3, 3, 4]);
  });

  it("fills up with silence when too little came, and counts it", () => {
    const mic = new Microphone(RTP_HEADER + 480, 1280);
    for (let i = 0; i < 3; i++) pushed(mic, 1000, 80);
    expect(taken(mic, 160)).toBe(160);
    expect(taken(mic, 160)).toBe(80);
    expect(mic.missing).toBe(80);
  });

  it("never lets more wait than two pieces and two packets, when its clock is the faster", () => {
    const mic = new Microphone(RTP_HEADER + 480, 1280);
    let silent = 0;
    for (let i = 0; i < 20_000; i++) {
      pushed(mic, 1000, i % 100 === 0 ? 164 : 160);
      if (i > 5 && taken(mic, 160) < 160) silent += 1;
    }
    expect(silent).toBe(0);
    expect(mic.dropped).toBeGreaterThan(500);
    expect(mic.dropped).toBeLessThanOrEqual(20_000 / 25 + 1280);
  });

  it("forgets what waits", () => {
    const mic = new Microphone(RTP_HEADER + 480, 1280);
    pushed(mic, 1000, 1280);
    mic.clear();
    expect(taken(mic, 160)).toBe(0);
  });
});
