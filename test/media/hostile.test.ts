/**
 * Tests that nothing which comes to the ports of a call's sound makes the code throw, leaves the buffers or ends the
 * call.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { JITTER_LIMITS } from "../../src/media/jitter.js";
import { writeCname, writeReceiverReport, writeReportBlock, writeSenderReport } from "../../src/media/rtcp.js";
import { writeRtpHeader } from "../../src/media/rtp.js";
import { part } from "../runs.js";
import { Endpoint, EVENT, RTP_PORT, THEM } from "./harness.js";

const PACKETS = part(3000, 10_000);

function rtp(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12 + length).fill(0x90);
  writeRtpHeader(bytes, 0, false, type, 100, 16000, 0x5eed);
  if (type === EVENT) bytes.set([5, 0x8a, 3, 32], 12);
  return bytes;
}

function rtcp(): Uint8Array {
  const bytes = new Uint8Array(80);
  let at = writeSenderReport(bytes, 0, 1, 0x5eed, 1000, 16000, 100, 16000);
  at = writeReportBlock(bytes, at, 77, 1, 2, 3, 4, 5, 6);
  return bytes.slice(0, writeCname(bytes, at, 0x5eed, Uint8Array.of(1, 2, 3, 4)));
}

function receiverReport(): Uint8Array {
  const bytes = new Uint8Array(8);
  writeReceiverReport(bytes, 0, 0, 0x5eed);
  return bytes;
}

const seeds = [rtp(0, 160), rtp(8, 80), rtp(0, 480), rtp(EVENT, 4), rtp(13, 1), rtcp(), receiverReport()];

const mutated = fc.record({
  which: fc.nat({ max: seeds.length - 1 }),
  changes: fc.array(fc.tuple(fc.nat({ max: 31 }), fc.nat({ max: 255 })), { maxLength: 5 }),
  cut: fc.option(fc.nat({ max: 60 })),
  longer: fc.option(fc.nat({ max: 1400 })),
  report: fc.boolean(),
  waitMs: fc.nat({ max: 40 }),
});

it(`survives ${PACKETS} mutated packets in one call, and hears the next good ones`, () => {
  const end = new Endpoint(9);
  end.begin({}, 0);
  fc.assert(
    fc.property(mutated, ({ which, changes, cut, longer, report, waitMs }) => {
      const seed = seeds[which];
      const bytes = new Uint8Array(Math.max(seed.length, longer ?? 0));
      bytes.set(seed);
      for (const [at, octet] of changes) if (at < bytes.length) bytes[at] = octet;
      const length = Math.min(cut ?? bytes.length, bytes.length);
      if (report) end.stream.onRtcp(THEM, RTP_PORT + 1, bytes, length);
      else end.stream.onRtp(THEM, RTP_PORT, bytes, length);
      end.timers.poll(end.timers.nowMs + waitMs);
      end.play(waitMs * 8);
      expect(end.stream.delayMs()).toBeLessThanOrEqual(JITTER_LIMITS.capacity / 8);
      expect(end.stream.lostPackets()).toBeGreaterThanOrEqual(0);
      expect(end.stream.jitterMs()).toBeGreaterThanOrEqual(0);
    }),
    { seed: 3550, numRuns: PACKETS, endOnFailure: true },
  );
  expect(end.stream.malformedPackets()).toBeGreaterThan(100);
  expect(end.stream.receivedPackets()).toBeGreaterThan(100);
  for (let i = 0; i < 20; i++) {
    end.receive(5000 + i, 900_000 + i * 160, new Uint8Array(160).fill(0x90), { ssrc: 0x900d });
    end.run(20);
    if (i < 10) end.play(160);
  }
  expect(end.play(160).every((sample) => sample !== 0)).toBe(true);
});

it("survives 10,000 packets of nothing but noise", () => {
  const end = new Endpoint(10);
  end.begin({}, 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, version) => {
      if (version && bytes.length > 0) bytes[0] = 0x80;
      end.stream.onRtp(THEM, RTP_PORT, bytes, bytes.length);
      end.stream.onRtcp(THEM, RTP_PORT + 1, bytes, bytes.length);
      end.run(5);
      end.play(40);
    }),
    { seed: 3551, numRuns: PACKETS },
  );
  expect(end.stream.malformedPackets()).toBeGreaterThan(PACKETS / 2);
});
