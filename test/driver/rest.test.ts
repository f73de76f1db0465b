/**
 * Tests that garbage is collected only while no call is on, and seldom: a collection in a call would be heard, and one
 * for each message would be a way to keep the door busy.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { DOOR, made, PHONE } from "./made.js";

describe("a door at rest", () => {
  it("collects once in ten seconds at most, however many messages come", async () => {
    const { clock, collected, stranger } = await made();
    const options = octets(
      `OPTIONS sip:door@${DOOR} SIP/2.0\r\nVia: SIP/2.0/UDP ${PHONE};branch=z9hG4bKx\r\n` +
        `From: <sip:x@y>;tag=1\r\nTo: <sip:door@${DOOR}>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`,
    );
    const from = collected.length;
    for (let i = 0; i < 400; i++) {
      stranger.write(options, 0, options.length, ipv4(DOOR), 5060);
      await clock.runUntil(clock.now() + 100);
    }
    expect(collected.length - from).toBeGreaterThanOrEqual(3);
    expect(collected.length - from).toBeLessThanOrEqual(4);
  });

  it("collects nothing while a call is on, and after it", async () => {
    const { clock, station, collected } = await made();
    await clock.runUntil(clock.now() + 20_000);
    station.line(`call sip:phone@${PHONE}`);
    expect(station.isInCall()).toBe(true);
    const before = collected.length;
    await clock.runUntil(clock.now() + 20_000);
    expect(station.isInCall()).toBe(true);
    expect(collected.length).toBe(before);
    station.line("hangup");
    await clock.runUntil(clock.now() + 40_000);
    expect(station.isInCall()).toBe(false);
    expect(collected.length).toBeGreaterThan(before);
  });
});
