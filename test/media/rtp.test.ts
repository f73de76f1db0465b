import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  RTP_EXTENT,
  RTP_HEADER,
  RTP_IS_RTCP,
  RTP_OK,
  RTP_PADDING,
  RTP_SHORT,
  RTP_VERSION,
  RtpView,
  writeRtpHeader,
} from "../../src/media/rtp.js";

function packet(payload: number[], first = 0x80, between: number[] = []): Uint8Array {
  const out = new Uint8Array(RTP_HEADER + between.length + payload.length);
  writeRtpHeader(out, 0, false, 0, 1, 2, 3);
  out[0] = first;
  out.set(between, RTP_HEADER);
  out.set(payload, RTP_HEADER + between.length);
  return out;
}

function read(bytes: Uint8Array, length = bytes.length): { code: number; view: RtpView } {
  const view = new RtpView();
  return { code: view.read(bytes, length), view };
}

describe("RTP header", () => {
  it("reads back what was written, all 32 bits of it", () => {
    const bytes = new Uint8Array(14);
    expect(writeRtpHeader(bytes, 0, true, 101, 65535, 0xfffffff0, 0xdeadbeef)).toBe(12);
    const { code, view } = read(bytes);
    expect(code).toBe(RTP_OK);
    expect(view).toMatchObject({ marker: true, payloadType: 101, sequence: 65535, csrcCount: 0, start: 12, end: 14 });
    expect(view.timestamp >>> 0).toBe(0xfffffff0);
    expect(view.ssrc >>> 0).toBe(0xdeadbeef);
  });

  it("steps over CSRC list and extension, and takes the padding off", () => {
    const csrcs = [1, 1, 1, 1, 2, 2, 2, 2];
    const extension = [0xbe, 0xde, 0, 1, 9, 9, 9, 9];
    const { code, view } = read(packet([7, 8, 0, 0, 3], 0xb2, [...csrcs, ...extension]));
    expect(code).toBe(RTP_OK);
    expect(view).toMatchObject({ csrcCount: 2, start: 28, end: 30 });
  });

  it("allows a packet without payload, also when it is all padding", () => {
    expect(read(packet([])).code).toBe(RTP_OK);
    const { code, view } = read(packet([0, 2], 0xa0));
    expect(code).toBe(RTP_OK);
    expect(view.end).toBe(view.start);
  });

  it("refuses what is shorter than its header", () => {
    for (let length = 0; length < 12; length++) expect(read(packet([1]), length).code).toBe(RTP_SHORT);
    expect(read(packet([1]), 99).code).toBe(RTP_SHORT);
  });

  it("refuses every version but 2", () => {
    for (const version of [0, 1, 3]) expect(read(packet([1], version << 6)).code).toBe(RTP_VERSION);
  });

  it("refuses RTCP on the port of RTP", () => {
    const bytes = packet([1]);
    for (const type of [192, 200, 201, 203, 223]) {
      bytes[1] = type;
      expect(read(bytes).code).toBe(RTP_IS_RTCP);
    }
  });

  it("refuses a CSRC list or an extension that goes past the end", () => {
    expect(read(packet([0, 0, 0], 0x81)).code).toBe(RTP_EXTENT);
    expect(read(packet([0, 0, 0], 0x90)).code).toBe(RTP_EXTENT);
    expect(read(packet([0, 0, 0, 1, 0, 0, 0], 0x90)).code).toBe(RTP_EXTENT);
    expect(read(packet([0, 0, 0xff, 0xff], 0x90)).code).toBe(RTP_EXTENT);
  });

  it("refuses padding of nothing and padding beyond the payload", () => {
    expect(read(packet([5, 0], 0xa0)).code).toBe(RTP_PADDING);
    expect(read(packet([5, 3], 0xa0)).code).toBe(RTP_PADDING);
    expect(read(packet([], 0xa0)).code).toBe(RTP_PADDING);
  });

  it("never gives a payload outside the datagram, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        if (bytes.length > 0) bytes[0] = (bytes[0] & 0x3f) | 0x80;
        const { code, view } = read(bytes);
        if (code !== RTP_OK) return;
        expect(view.start).toBeGreaterThanOrEqual(12);
        expect(view.end).toBeGreaterThanOrEqual(view.start);
        expect(view.end).toBeLessThanOrEqual(bytes.length);
      }),
      { seed: 3550, numRuns: 3000 },
    );
  });
});
