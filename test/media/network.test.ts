/**
 * Tests that the tone is still heard between two streams over a network that loses, delays, reorders and repeats
 * packets, with clocks that drift apart.
 */
import { describe, expect, it } from "vitest";
import { encode, PCMA, PCMU } from "../../src/media/g711.js";
import { SeededRandom } from "../random.js";
import { part } from "../runs.js";
import { Endpoint, listen, RTP_PORT, STRANGER, THEM, Tone } from "./harness.js";

interface Conditions {
  seed: number;
  seconds: number;
  loss?: number;
  /** Every packet is delayed by 30 ms plus up to this much. */
  jitterMs?: number;
  repeat?: number;
  /** The sender's clock is faster by this much. */
  ppm?: number;
  ptimeMs?: number;
  payloadType?: number;
  /** All packets are held up for this long, every 5 s. */
  stallMs?: number;
  /** The receiver plays this much at once. */
  pullMs?: number;
  hz?: number;
}

interface Result {
  share: number;
  gapMs: number;
  level: number;
  delayMs: number;
  /** The largest difference between two samples that follow each other. */
  step: number;
  endpoint: Endpoint;
}

const AMPLITUDE = 8000;

/** One way of a call: a tone (1 kHz) from a's microphone to b's speaker, in virtual time. */
function talk(conditions: Conditions): Result {
  const {
    seed,
    seconds,
    loss = 0,
    jitterMs = 0,
    repeat = 0,
    ppm = 0,
    ptimeMs = 20,
    stallMs = 0,
    pullMs = 20,
  } = conditions;
  const random = new SeededRandom(seed);
  const a = new Endpoint(seed);
  const b = new Endpoint(seed + 1);
  const wire: { atMs: number; bytes: Uint8Array }[] = [];
  let nowMs = 0;
  a.onSent = ({ bytes }) => {
    if (random.chance(loss)) return;
    const copies = random.chance(repeat) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const held = stallMs > 0 && nowMs % 5000 < stallMs ? stallMs - (nowMs % 5000) : 0;
      wire.push({ atMs: nowMs + 30 + held + (jitterMs > 0 ? random.below(jitterMs) : 0), bytes });
    }
  };
  // The sender's microphone runs on the sender's clock.
  const tone = new Tone(conditions.hz ?? 1000, AMPLITUDE);
  a.begin({ ptimeMs, payloadType: conditions.payloadType ?? 0, remoteIp: STRANGER });
  b.begin({ ptimeMs });
  const heard: number[] = [];
  let spoken = 0;
  for (; nowMs < seconds * 1000; nowMs += 1) {
    const senderMs = nowMs * (1 + ppm / 1e6);
    if (senderMs >= spoken) {
      a.stream.microphone(tone.next(160), 0, 160);
      spoken += 20;
    }
    while (a.timers.next() <= senderMs) a.timers.poll(senderMs);
    a.timers.poll(senderMs);
    b.timers.poll(nowMs);
    wire.sort((x, y) => x.atMs - y.atMs);
    while (wire.length > 0 && wire[0].atMs <= nowMs) {
      const { bytes } = wire.shift()!;
      b.stream.onRtp(THEM, RTP_PORT, bytes, bytes.length);
    }
    if (nowMs % pullMs === 0) heard.push(...b.play(pullMs * 8));
  }
  // The stream needs the first second to find the delay.
  const pcm = Int16Array.from(heard).subarray(8000);
  let step = 0;
  for (let i = 1; i < pcm.length; i++) step = Math.max(step, Math.abs(pcm[i] - pcm[i - 1]));
  const result = { ...listen(conditions.hz ?? 1000, AMPLITUDE, pcm), step };
  return { ...result, delayMs: b.stream.delayMs(), endpoint: b };
}

describe("A tone over the network", () => {
  it("arrives whole and at its level when the network is good", () => {
    for (const payloadType of [0, PCMA]) {
      const { share, gapMs, level, delayMs, endpoint } = talk({ seed: 1, seconds: 20, payloadType });
      expect(share).toBe(1);
      expect(gapMs).toBe(0);
      expect(level).toBeGreaterThan(AMPLITUDE * 0.98);
      expect(level).toBeLessThan(AMPLITUDE * 1.02);
      expect(delayMs).toBeLessThanOrEqual(60);
      expect([endpoint.stream.lostPackets(), endpoint.stream.latePackets()]).toEqual([0, 0]);
    }
  });

  it.each([10, 30, 40, 60])("arrives whole in packets of %i ms", (ptimeMs) => {
    const { share, gapMs } = talk({ seed: 2, seconds: 10, ptimeMs });
    expect(share).toBeGreaterThan(0.995);
    expect(gapMs).toBeLessThanOrEqual(10);
  });

  it("arrives whole over jitter of 60 ms, with packets that overtake each other and come twice", () => {
    for (let seed = 10; seed < 10 + part(2, 4); seed++) {
      const { share, gapMs, delayMs, endpoint } = talk({ seed, seconds: 30, jitterMs: 60, repeat: 0.05 });
      expect(share).toBeGreaterThan(0.99);
      expect(gapMs).toBeLessThanOrEqual(30);
      expect(delayMs).toBeLessThanOrEqual(180);
      expect(endpoint.stream.duplicatePackets()).toBeGreaterThan(20);
      expect(endpoint.stream.latePackets()).toBeLessThan(30);
      // Only packets that were overtaken and are still under way may count as lost.
      expect(endpoint.stream.lostPackets()).toBeLessThanOrEqual(3);
      expect(endpoint.stream.jitterMs()).toBeGreaterThan(8);
    }
  });

  it("has no gap of 100 ms with 5 % lost and 30 ms of jitter", () => {
    for (let seed = 20; seed < 20 + part(2, 4); seed++) {
      const { share, gapMs, endpoint } = talk({ seed, seconds: 30, loss: 0.05, jitterMs: 30 });
      expect(share).toBeGreaterThan(0.95);
      expect(gapMs).toBeLessThan(100);
      expect(endpoint.stream.lostPackets()).toBeGreaterThan(40);
    }
  });

  it("outlasts clocks that drift apart, either way", () => {
    for (const ppm of [300, -300]) {
      const { share, gapMs, level, delayMs, endpoint } = talk({ seed: 30, seconds: 180, ppm, jitterMs: 10 });
      expect(share).toBeGreaterThan(0.998);
      expect(gapMs).toBeLessThanOrEqual(20);
      expect(level).toBeGreaterThan(AMPLITUDE * 0.97);
      expect(delayMs).toBeLessThanOrEqual(80);
      expect(endpoint.stream.latePackets()).toBeLessThanOrEqual(5);
    }
  });

  it("does not click where sound is put in or taken out", () => {
    const hz = 437;
    const steepest = (AMPLITUDE * 2 * Math.PI * hz) / 8000;
    for (const ppm of [1000, -1000]) {
      const { step, endpoint } = talk({ seed: 31, seconds: 60, ppm, hz });
      expect(step).toBeLessThan(steepest * 1.2);
      expect(endpoint.stream.latePackets()).toBe(0);
    }
  });

  it("loses little to stalls of 120 ms and comes back to a short delay between them", () => {
    const { share, delayMs } = talk({ seed: 40, seconds: 30, stallMs: 120 });
    expect(share).toBeGreaterThan(0.96);
    expect(delayMs).toBeLessThanOrEqual(100);
  });

  it("comes back after a stall longer than the buffer", () => {
    const { share, gapMs } = talk({ seed: 50, seconds: 20, stallMs: 700 });
    expect(share).toBeGreaterThan(0.8);
    expect(gapMs).toBeLessThan(800);
  });

  it("is played in pieces of 64 ms as well", () => {
    const { share, gapMs } = talk({ seed: 60, seconds: 20, pullMs: 64, jitterMs: 10 });
    expect(share).toBeGreaterThan(0.99);
    expect(gapMs).toBeLessThanOrEqual(20);
  });

  it("comes the same when the seed is the same", () => {
    const first = talk({ seed: 70, seconds: 3, loss: 0.1, jitterMs: 80 });
    const again = talk({ seed: 70, seconds: 3, loss: 0.1, jitterMs: 80 });
    expect([again.share, again.level, again.delayMs]).toEqual([first.share, first.level, first.delayMs]);
  });
});

describe("A sender whose clock is set anew in the middle of its sound", () => {
  it.each([1, 2, 3, 4, 5])(
    "is heard without a gap, with no more delay, and it counts as no jitter (seed %d)",
    (seed) => {
      const random = new SeededRandom(seed);
      for (let round = 0; round < part(8, 20); round++) {
        const end = new Endpoint(seed);
        end.begin();
        const tone = new Tone(1000, 8000);
        const heard: Int16Array[] = [];
        const payload = new Uint8Array(160);
        let timestamp = random.uint32();
        for (let i = 0; i < 300; i++) {
          // The jump is 430 ms to 3.4 s; a smaller one may be a packet that comes late or early.
          if (i > 20 && random.chance(0.04)) timestamp += (random.chance(0.5) ? 1 : -1) * (3440 + random.below(24_000));
          encode(PCMU, tone.next(160), 0, 160, payload, 0);
          const lateMs = random.below(8);
          end.run(lateMs);
          end.receive(i, timestamp | 0, payload);
          end.run(20 - lateMs);
          heard.push(end.play(160));
          timestamp += 160;
        }
        const all = Int16Array.from(heard.slice(10).flatMap((frame) => [...frame]));
        const { gapMs } = listen(1000, 8000, all);
        expect([round, gapMs <= 20, end.stream.delayMs() < 100, end.stream.jitterMs() < 10]).toEqual([
          round,
          true,
          true,
          true,
        ]);
      }
    },
  );
});
