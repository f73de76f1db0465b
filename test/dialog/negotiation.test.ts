import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import {
  NEGOTIATION_MALFORMED,
  NEGOTIATION_NO_CODEC,
  NEGOTIATION_OK,
  Negotiation,
  NegotiationSettings,
} from "../../src/dialog/negotiation.js";

function negotiation(codecs = [0, 8]): Negotiation {
  const settings = new NegotiationSettings();
  settings.configure(ipv4("192.0.2.1"), codecs);
  const made = new Negotiation(settings, { uint32: () => 77 });
  made.port = 4000;
  made.reset();
  return made;
}

function lines(n: Negotiation): string[] {
  return n.local.toString().split("\r\n");
}

function theirs(media: string[], ip = "192.0.2.2"): Uint8Array {
  return octets(["v=0", "o=- 5 5 IN IP4 x", "s=-", `c=IN IP4 ${ip}`, "t=0 0", ...media, ""].join("\r\n"));
}

function answer(n: Negotiation, media: string[], ip?: string): number {
  const bytes = theirs(media, ip);
  return n.answer(bytes, 0, bytes.length);
}

function accept(n: Negotiation, media: string[], ip?: string): number {
  const bytes = theirs(media, ip);
  return n.accept(bytes, 0, bytes.length);
}

describe("an offer", () => {
  it("lists our codecs in our order, with telephone-event, address and port", () => {
    const n = negotiation([8, 0]);
    expect(n.offer()).toBe(NEGOTIATION_OK);
    expect(lines(n)).toEqual([
      "v=0",
      "o=- 77 1000000001 IN IP4 192.0.2.1",
      "s=-",
      "c=IN IP4 192.0.2.1",
      "t=0 0",
      "m=audio 4000 RTP/AVP 8 0 101",
      "a=rtpmap:8 PCMA/8000",
      "a=rtpmap:0 PCMU/8000",
      "a=rtpmap:101 telephone-event/8000",
      "a=fmtp:101 0-15",
      "a=ptime:20",
      "a=sendrecv",
      "",
    ]);
  });

  it("keeps its version when nothing changed, and raises it by one when something did", () => {
    const n = negotiation();
    n.offer();
    const first = n.local.toString();
    n.offer();
    expect(n.local.toString()).toBe(first);
    n.hold(true);
    n.offer();
    expect(lines(n)[1]).toBe("o=- 77 1000000002 IN IP4 192.0.2.1");
    expect(lines(n)).toContain("a=sendonly");
  });

  it("made anew keeps refused media in their places", () => {
    const n = negotiation();
    answer(n, ["m=video 6000 RTP/AVP 31", "m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 0"]);
    n.offer();
    expect(lines(n).filter((line) => line.startsWith("m="))).toEqual([
      "m=video 0 RTP/AVP 31",
      "m=audio 4000 RTP/AVP 0 8 101",
      "m=audio 0 RTP/AVP 0",
    ]);
  });
});

describe("an answer", () => {
  it("takes what is common in their order, their type for digits, and their packet time", () => {
    const n = negotiation([0, 8]);
    const media = ["m=audio 5000 RTP/AVP 18 8 0 97", "a=rtpmap:97 telephone-event/8000", "a=ptime:30"];
    expect(answer(n, media)).toBe(NEGOTIATION_OK);
    expect(lines(n)).toContain("m=audio 4000 RTP/AVP 8 0 97");
    expect(lines(n)).toContain("a=ptime:30");
    const r = n.result;
    expect([ipv4Text(r.remoteIp), r.remotePort, r.rtcpPort, r.payloadType]).toEqual(["192.0.2.2", 5000, 5001, 8]);
    expect([r.eventSendType, r.eventReceiveType, r.ptimeMs, r.sends, r.receives]).toEqual([97, 97, 30, true, true]);
    expect([r.receivesPcmu, r.receivesPcma]).toEqual([true, true]);
  });

  it("leaves out telephone-event when it was not offered", () => {
    const n = negotiation();
    answer(n, ["m=audio 5000 RTP/AVP 0"]);
    expect(lines(n)).toContain("m=audio 4000 RTP/AVP 0");
    expect(n.result.eventSendType).toBe(-1);
  });

  it("refuses video, other protocols and a second audio with port 0, in their places", () => {
    const n = negotiation();
    answer(n, [
      "m=audio 5004 RTP/SAVP 0",
      "m=image 5006 udptl t38",
      "m=audio 5000 RTP/AVP 0",
      "m=video 5002/2 RTP/AVP 31 34",
      "m=audio 5008 RTP/AVP 8",
    ]);
    expect(lines(n).filter((line) => line.startsWith("m="))).toEqual([
      "m=audio 0 RTP/SAVP 0",
      "m=image 0 udptl t38",
      "m=audio 4000 RTP/AVP 0",
      "m=video 0 RTP/AVP 31 34",
      "m=audio 0 RTP/AVP 8",
    ]);
  });

  for (const [offered, answered, sends, receives, held] of [
    ["sendrecv", "sendrecv", true, true, false],
    ["sendonly", "recvonly", false, true, true],
    ["recvonly", "sendonly", true, false, false],
    ["inactive", "inactive", false, false, true],
  ] as const) {
    it(`to ${offered} is ${answered}`, () => {
      const n = negotiation();
      answer(n, ["m=audio 5000 RTP/AVP 0", `a=${offered}`]);
      expect(lines(n)).toContain(`a=${answered}`);
      expect([n.result.sends, n.result.receives, n.result.heldByRemote]).toEqual([sends, receives, held]);
    });
  }

  it("to an address of 0.0.0.0 takes it as held, and sends nothing there", () => {
    const n = negotiation();
    answer(n, ["m=audio 5000 RTP/AVP 0"], "0.0.0.0");
    expect([n.result.sends, n.result.heldByRemote]).toEqual([false, true]);
  });

  it("is none when nothing is common, and then all stays as it was", () => {
    const n = negotiation([8]);
    answer(n, ["m=audio 5000 RTP/AVP 8"]);
    const before = n.local.toString();
    for (const media of [
      ["m=audio 5000 RTP/AVP 0"],
      ["m=audio 0 RTP/AVP 8"],
      ["m=video 5000 RTP/AVP 8"],
      [],
      ["m=audio 5000 RTP/AVP 8", "a=rtpmap:8 G729/8000"],
    ]) {
      expect(answer(n, media)).toBe(NEGOTIATION_NO_CODEC);
    }
    expect(answer(n, ["m=audio 99999 RTP/AVP 8"])).toBe(NEGOTIATION_MALFORMED);
    expect(answer(n, ["m=audio 5000 RTP/AVP 8"], "host.example")).toBe(NEGOTIATION_NO_CODEC);
    expect(n.local.toString()).toBe(before);
    expect(n.result.remotePort).toBe(5000);
  });

  for (const [ptime, used] of [
    ["a=ptime:10", 10],
    ["a=ptime:60", 60],
    ["a=ptime:65", 60],
    ["a=ptime:200", 20],
    ["a=ptime:0", 20],
    ["a=maxptime:10", 10],
  ] as const) {
    it(`sends ${used} ms a packet for ${ptime}`, () => {
      const n = negotiation();
      answer(n, ["m=audio 5000 RTP/AVP 0", ptime]);
      expect(n.result.ptimeMs).toBe(used);
    });
  }
});

describe("an answer to our offer", () => {
  it("sets codec, address and digits both ways", () => {
    const n = negotiation();
    n.offer();
    const media = ["m=audio 5000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000", "a=rtcp:5009"];
    expect(accept(n, media)).toBe(NEGOTIATION_OK);
    expect(n.isAgreed()).toBe(true);
    const r = n.result;
    expect([r.payloadType, r.eventSendType, r.eventReceiveType, r.rtcpPort]).toEqual([8, 96, 101, 5009]);
  });

  it("with the medium refused is no agreement", () => {
    const n = negotiation();
    n.offer();
    expect(accept(n, ["m=audio 0 RTP/AVP 0"])).toBe(NEGOTIATION_NO_CODEC);
    expect(n.isAgreed()).toBe(false);
  });

  it("that is never given leaves what was agreed before", () => {
    const n = negotiation();
    n.offer();
    accept(n, ["m=audio 5000 RTP/AVP 0"]);
    const before = n.local.toString();
    n.hold(true);
    n.offer();
    n.rollback();
    expect(n.local.toString()).toBe(before);
    expect(n.result.receives).toBe(true);
  });

  it("to our holding them lets us neither hear nor stop sending", () => {
    const n = negotiation();
    n.hold(true);
    n.offer();
    accept(n, ["m=audio 5000 RTP/AVP 0", "a=recvonly"]);
    expect([n.result.sends, n.result.receives, n.result.heldByRemote]).toEqual([true, false, false]);
  });
});
