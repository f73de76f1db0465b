import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import {
  ntpMiddle,
  RTCP_EXTENT,
  RTCP_NO_REPORT,
  RTCP_OK,
  RTCP_ROOM,
  RTCP_SHORT,
  RTCP_VERSION,
  RtcpView,
  roundTripMs,
  rtcpIntervalMs,
  writeBye,
  writeCname,
  writeReceiverReport,
  writeReportBlock,
  writeSenderReport,
} from "../../src/media/rtcp.js";

const US = 0x12345678;
const THEM = 0x7abcdef0;
const cname = octets("abcdefgh12345678");

function full(): { bytes: Uint8Array; length: number } {
  const bytes = new Uint8Array(RTCP_ROOM);
  let at = writeSenderReport(bytes, 0, 1, US, 12_500, 0xfffffff0, 1000, 160000);
  at = writeReportBlock(bytes, at, THEM, 64, -3, 0x10005, 17, 0xaabbccdd, 0x8000);
  at = writeCname(bytes, at, US, cname);
  return { bytes, length: writeBye(bytes, at, US) };
}

describe("RTCP compound packets", () => {
  it("reads back a sender report with a block, CNAME and BYE", () => {
    const { bytes, length } = full();
    expect(length).toBe(RTCP_ROOM);
    const view = new RtcpView();
    expect(view.read(bytes, length, THEM)).toBe(RTCP_OK);
    expect(view).toMatchObject({ ssrc: US, isSenderReport: true, reported: true, bye: true });
    expect(view).toMatchObject({ fractionLost: 64, cumulativeLost: -3, highest: 0x10005, jitter: 17, delay: 0x8000 });
    expect(view.lastReport >>> 0).toBe(0xaabbccdd);
    expect(view.timestamp >>> 0).toBe(0xfffffff0);
    expect(view.ntpMiddle).toBe(ntpMiddle(12_500));
    expect(text(bytes, view.cnameStart, view.cnameEnd)).toBe("abcdefgh12345678");
  });

  it("has the octets of RFC 3550 6.4.1", () => {
    const { bytes } = full();
    expect([...bytes.subarray(0, 28)]).toEqual([
      ...[0x81, 200, 0, 12, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 12, 0x80, 0, 0, 0],
      ...[0xff, 0xff, 0xff, 0xf0, 0, 0, 3, 232, 0, 2, 0x71, 0],
    ]);
    expect([...bytes.subarray(28, 36)]).toEqual([0x7a, 0xbc, 0xde, 0xf0, 64, 0xff, 0xff, 0xfd]);
  });

  it("looks for the block about us among several", () => {
    const bytes = new Uint8Array(8 + 3 * 24);
    let at = writeReceiverReport(bytes, 0, 0, THEM);
    for (const ssrc of [1, US, 3]) at = writeReportBlock(bytes, at, ssrc, ssrc & 0xff, 0, 0, 0, 0, 0);
    bytes[0] = 0x83;
    bytes[3] = bytes.length / 4 - 1;
    const view = new RtcpView();
    expect(view.read(bytes, bytes.length, US)).toBe(RTCP_OK);
    expect(view).toMatchObject({ reported: true, fractionLost: 0x78, isSenderReport: false });
    expect(view.read(bytes, bytes.length, 4)).toBe(RTCP_OK);
    expect(view.reported).toBe(false);
  });

  it("pads a CNAME of any length to whole words, with at least one 0", () => {
    for (let n = 0; n <= 17; n++) {
      const bytes = new Uint8Array(64).fill(255);
      const name = octets("x".repeat(n));
      const at = writeReceiverReport(bytes, 0, 0, US);
      const end = writeCname(bytes, at, US, name);
      expect(end % 4).toBe(0);
      expect(bytes[at + 10 + n]).toBe(0);
      const view = new RtcpView();
      expect(view.read(bytes, end, 0)).toBe(RTCP_OK);
      expect(view.cnameEnd - view.cnameStart).toBe(n);
    }
  });

  it("steps over packet types it does not know, and over padding of the last", () => {
    const bytes = new Uint8Array(24);
    writeReceiverReport(bytes, 0, 0, THEM);
    bytes.set([0x80, 207, 0, 1, 1, 1, 1, 1], 8);
    bytes.set([0xa1, 203, 0, 1, 0, 0, 0, 0], 16);
    const view = new RtcpView();
    expect(view.read(bytes, 24, US)).toBe(RTCP_EXTENT);
    bytes.set([0xa0, 203, 0, 1, 0, 0, 0, 4], 16);
    expect(view.read(bytes, 24, US)).toBe(RTCP_OK);
  });

  it("refuses what is shorter than a report, of another version, or does not begin with a report", () => {
    const { bytes, length } = full();
    const view = new RtcpView();
    for (let short = 0; short < 8; short++) expect(view.read(bytes, short, THEM)).toBe(RTCP_SHORT);
    // The report ends at 52 and the SDES at 80: a packet cut there is a shorter, valid compound.
    for (let cut = 8; cut < length; cut++)
      expect(view.read(bytes, cut, THEM) === RTCP_OK).toBe(cut === 52 || cut === 80);
    bytes[0] = 0x41;
    expect(view.read(bytes, length, THEM)).toBe(RTCP_VERSION);
    bytes[0] = 0x81;
    bytes[1] = 202;
    expect(view.read(bytes, length, THEM)).toBe(RTCP_NO_REPORT);
  });

  it("refuses more report blocks, sources or item octets than there are", () => {
    const view = new RtcpView();
    const blocks = full();
    blocks.bytes[0] = 0x82;
    expect(view.read(blocks.bytes, blocks.length, THEM)).toBe(RTCP_EXTENT);
    const item = full();
    item.bytes[52 + 9] = 200;
    expect(view.read(item.bytes, item.length, THEM)).toBe(RTCP_EXTENT);
    const sources = full();
    sources.bytes[80] = 0x9f;
    expect(view.read(sources.bytes, sources.length, THEM)).toBe(RTCP_EXTENT);
  });

  it("never throws and never reads outside, whatever comes", () => {
    const { bytes, length } = full();
    const view = new RtcpView();
    const change = fc.tuple(fc.nat({ max: length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), fc.nat({ max: length }), (changes, cut) => {
        const mutated = bytes.slice();
        for (const [at, octet] of changes) mutated[at] = octet;
        if (view.read(mutated, cut, THEM) !== RTCP_OK) return;
        expect(view.cnameEnd).toBeLessThanOrEqual(cut);
        expect(view.cnameEnd).toBeGreaterThanOrEqual(view.cnameStart);
      }),
      { seed: 3550, numRuns: 5000 },
    );
  });
});

describe("RTCP timing", () => {
  it("spreads reports over 2.5 to 7.5 s, the first over half of that", () => {
    const lowest = { uint32: () => 0 };
    const highest = { uint32: () => 0xffffffff };
    expect(rtcpIntervalMs(lowest, false)).toBe(2500);
    expect(rtcpIntervalMs(highest, false)).toBe(7499);
    expect(rtcpIntervalMs(lowest, true)).toBe(1250);
    expect(rtcpIntervalMs(highest, true)).toBe(3749);
  });

  it("finds the round trip of RFC 3550's example", () => {
    expect(roundTripMs(0xb7108000 | 0, 0xb7052000 | 0, 0x00054000)).toBe(6125);
  });

  it("finds it over the wrap of 18 hours, and nothing in what cannot be", () => {
    const sentMs = 65_536_000 - 100;
    expect(roundTripMs(ntpMiddle(sentMs + 250), ntpMiddle(sentMs), ntpMiddle(200))).toBe(50);
    expect(roundTripMs(ntpMiddle(1000), 0, 0)).toBe(-1);
    expect(roundTripMs(ntpMiddle(1000), ntpMiddle(900), ntpMiddle(5000))).toBe(-1);
    expect(roundTripMs(ntpMiddle(100_000), ntpMiddle(1000), 0)).toBe(-1);
  });
});
