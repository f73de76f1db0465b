/**
 * Tests that nothing which comes to the ports of a call's sound makes the code throw, leaves the buffers or ends the
 * call, in clear and encrypted.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { masterBytesOf, Protection, SUITE_COUNT } from "../../src/core/suites.js";
import { JITTER_LIMITS } from "../../src/media/jitter.js";
import { SEALED_MORE } from "../../src/media/packetcipher.js";
import { writeCname, writeReceiverReport, writeReportBlock, writeSenderReport } from "../../src/media/rtcp.js";
import { writeRtpHeader } from "../../src/media/rtp.js";
import { Srtp } from "../../src/media/srtp.js";
import { part, runs } from "../runs.js";
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

function protection(suite: number): Protection {
  const made = new Protection();
  made.suite = suite;
  for (let i = 0; i < masterBytesOf(suite); i++) made.ourKey[i] = made.theirKey[i] = 3 * i + suite;
  return made;
}

/** What was sent once under a suite, RTP and RTCP, the last of each kind too. */
function sealedOf(suite: number): { rtp: Uint8Array[]; rtcp: Uint8Array[] } {
  const phone = new Srtp();
  phone.configure(protection(suite));
  const seal = (packet: Uint8Array, isReport: boolean): Uint8Array => {
    const room = new Uint8Array(packet.length + SEALED_MORE);
    room.set(packet);
    return room.slice(0, isReport ? phone.sealRtcp(room, packet.length) : phone.sealRtp(room, packet.length));
  };
  const numbered = (sequence: number): Uint8Array => {
    const packet = rtp(0, 160);
    packet[3] = sequence;
    return packet;
  };
  return { rtp: [1, 2, 3].map((n) => seal(numbered(n), false)), rtcp: [rtcp(), rtcp()].map((p) => seal(p, true)) };
}

const broken = fc.record({
  suite: fc.integer({ min: 1, max: SUITE_COUNT - 1 }),
  which: fc.nat({ max: 2 }),
  isReport: fc.boolean(),
  changes: fc.array(fc.tuple(fc.nat({ max: 250 }), fc.nat({ max: 255 })), { maxLength: 4 }),
  cut: fc.option(fc.nat({ max: 250 }), { freq: 3 }),
  more: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { freq: 3 }),
  noise: fc.option(fc.uint8Array({ maxLength: 220 }), { freq: 4 }),
});
const sealed = Array.from({ length: SUITE_COUNT }, (_, suite) =>
  suite === 0 ? { rtp: [], rtcp: [] } : sealedOf(suite),
);

it("opens no encrypted packet or report but those that were sealed, as they were, and writes nowhere else", () => {
  let opened = 0;
  let refused = 0;
  fc.assert(
    fc.property(broken, ({ suite, which, isReport, changes, cut, more, noise }) => {
      const { rtp, rtcp } = sealed[suite];
      const originals = isReport ? rtcp : rtp;
      const original = originals[which % originals.length];
      const octets = [...(noise ?? original), ...(more ?? [])];
      for (const [at, octet] of changes) if (at < octets.length) octets[at] = octet;
      const length = Math.min(cut ?? octets.length, octets.length);
      // What lies around the packet belongs to others.
      const room = new Uint8Array(octets.length + 64).fill(0xa5);
      room.set(octets, 32);
      const before = room.slice();
      const door = new Srtp();
      door.configure(protection(suite));
      const packet = room.subarray(32, 32 + octets.length);
      const result = isReport ? door.openRtcp(packet, length) : door.openRtp(packet, length);
      const isWhole = length === original.length && original.every((octet, i) => octet === octets[i]);
      expect(result >= 0).toBe(isWhole);
      if (isWhole) opened++;
      else refused++;
      // A packet that is refused stays as it is, and so does all that is not of a packet.
      const [from, to] = isWhole ? [32, 32 + length] : [0, 0];
      expect(room.subarray(0, from)).toEqual(before.subarray(0, from));
      expect(room.subarray(to)).toEqual(before.subarray(to));
    }),
    { seed: 3711, numRuns: runs(8000) },
  );
  expect(opened).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(400);
});
