import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import {
  DESCRIPTION_BYTES,
  NEGOTIATION_ADDRESS,
  NEGOTIATION_MALFORMED,
  NEGOTIATION_NO_CODEC,
  NEGOTIATION_NO_ROOM,
  NEGOTIATION_OK,
  Negotiation,
  NegotiationSettings,
  WARNING_CODES,
} from "../../src/dialog/negotiation.js";
import { DIRECTION_INACTIVE, DIRECTION_RECVONLY, SDP_OK, Sdp } from "../../src/wire/sdp.js";
import { Writer } from "../../src/wire/writer.js";
import { runs } from "../runs.js";

function negotiation(codecs = [0, 8]): Negotiation {
  const settings = new NegotiationSettings(new Uint8Array(DESCRIPTION_BYTES), new Writer());
  settings.configure(ipv4("192.0.2.1"), codecs);
  settings.setPorts(4000, 2);
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
  return n.answerOffer(bytes, 0, bytes.length);
}

function accept(n: Negotiation, media: string[], ip?: string): number {
  const bytes = theirs(media, ip);
  return n.readAnswer(bytes, 0, bytes.length);
}

describe("an offer", () => {
  it("lists our codecs in our order, with telephone-event, address and port", () => {
    const n = negotiation([8, 0]);
    expect(n.writeOffer()).toBe(NEGOTIATION_OK);
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
    n.writeOffer();
    const first = n.local.toString();
    n.writeOffer();
    expect(n.local.toString()).toBe(first);
    n.hold(true);
    n.writeOffer();
    expect(lines(n)[1]).toBe("o=- 77 1000000002 IN IP4 192.0.2.1");
    expect(lines(n)).toContain("a=sendonly");
  });

  it("made anew keeps refused media in their places", () => {
    const n = negotiation();
    answer(n, ["m=video 6000 RTP/AVP 31", "m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 0"]);
    n.writeOffer();
    expect(lines(n).filter((line) => line.startsWith("m="))).toEqual([
      "m=video 0 RTP/AVP 31",
      "m=audio 4000 RTP/AVP 0 8 101",
      "m=audio 0 RTP/AVP 0",
    ]);
  });
});

describe("an answer", () => {
  it("takes the first of theirs that is common, and that alone, their type for digits, and their packet time", () => {
    const n = negotiation([0, 8]);
    const media = ["m=audio 5000 RTP/AVP 18 8 0 97", "a=rtpmap:97 telephone-event/8000", "a=ptime:30"];
    expect(answer(n, media)).toBe(NEGOTIATION_OK);
    expect(lines(n)).toContain("m=audio 4000 RTP/AVP 8 97");
    expect(lines(n)).toContain("a=ptime:30");
    const r = n.result;
    expect([ipv4Text(r.remoteIp), r.remotePort, r.rtcpPort, r.payloadType]).toEqual(["192.0.2.2", 5000, 5001, 8]);
    expect([r.eventSendType, r.eventReceiveType, r.ptimeMs, r.sends, r.receives]).toEqual([97, 97, 30, true, true]);
    expect([r.codec, r.pcmuType, r.pcmaType]).toEqual([8, 0, 8]);
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
      ["m=video 5000 RTP/AVP 8"],
      [],
      ["m=audio 5000 RTP/AVP 8", "a=rtpmap:8 G729/8000"],
    ]) {
      expect(answer(n, media)).toBe(NEGOTIATION_NO_CODEC);
    }
    expect(answer(n, ["m=audio 99999 RTP/AVP 8"])).toBe(NEGOTIATION_MALFORMED);
    for (const ip of ["host.example", "239.1.1.1", "255.255.255.255"]) {
      expect(answer(n, ["m=audio 5000 RTP/AVP 8"], ip)).toBe(NEGOTIATION_ADDRESS);
    }
    expect(n.local.toString()).toBe(before);
    expect(n.result.remotePort).toBe(5000);
  });

  // 192.0.2.1 is our address; the two lines of `negotiation` have the ports 4000 to 4003.
  it.each([
    ["192.0.2.1", 3999, NEGOTIATION_OK],
    ["192.0.2.1", 4000, NEGOTIATION_ADDRESS],
    ["192.0.2.1", 4003, NEGOTIATION_ADDRESS],
    ["127.0.0.1", 4000, NEGOTIATION_ADDRESS],
    ["192.0.2.1", 4004, NEGOTIATION_OK],
    ["192.0.2.2", 4000, NEGOTIATION_OK],
  ])("that names %s:%d, where our own sound may come back, gives %d, as does such an answer", (ip, port, result) => {
    const n = negotiation();
    expect(answer(n, [`m=audio ${port} RTP/AVP 8`], ip)).toBe(result);
    if (result === NEGOTIATION_ADDRESS) expect(WARNING_CODES[n.warning()]).toBe(301);
    const caller = negotiation();
    caller.writeOffer();
    expect(accept(caller, [`m=audio ${port} RTP/AVP 8`], ip) === NEGOTIATION_OK).toBe(result === NEGOTIATION_OK);
  });

  it("sends no reports to our own ports", () => {
    for (const [line, port] of [
      ["a=rtcp:4001 IN IP4 192.0.2.1", 0],
      ["a=rtcp:4001 IN IP4 192.0.2.2", 4001],
      ["a=rtcp:5001 IN IP4 192.0.2.1", 5001],
    ] as const) {
      const n = negotiation();
      expect(answer(n, ["m=audio 5000 RTP/AVP 8", line])).toBe(NEGOTIATION_OK);
      expect([line, n.result.rtcpPort]).toEqual([line, port]);
    }
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
    n.writeOffer();
    const media = ["m=audio 5000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000", "a=rtcp:5009"];
    expect(accept(n, media)).toBe(NEGOTIATION_OK);
    expect(n.isAgreed()).toBe(true);
    const r = n.result;
    expect([r.payloadType, r.eventSendType, r.eventReceiveType, r.rtcpPort]).toEqual([8, 96, 101, 5009]);
  });

  it("with the medium refused is no agreement", () => {
    const n = negotiation();
    n.writeOffer();
    expect(accept(n, ["m=audio 0 RTP/AVP 0"])).toBe(NEGOTIATION_NO_CODEC);
    expect(n.isAgreed()).toBe(false);
  });

  it("that is never given leaves what was agreed before", () => {
    const n = negotiation();
    n.writeOffer();
    accept(n, ["m=audio 5000 RTP/AVP 0"]);
    const before = n.local.toString();
    n.hold(true);
    n.writeOffer();
    n.rollback();
    expect(n.local.toString()).toBe(before);
    expect(n.result.receives).toBe(true);
  });

  it("to our holding them lets us neither hear nor stop sending", () => {
    const n = negotiation();
    n.hold(true);
    n.writeOffer();
    accept(n, ["m=audio 5000 RTP/AVP 0", "a=recvonly"]);
    expect([n.result.sends, n.result.receives, n.result.heldByRemote]).toEqual([true, false, false]);
  });
});

describe("an exchange", () => {
  const AUDIO = ["m=audio 5000 RTP/AVP 0 8 97", "a=rtpmap:97 telephone-event/8000"];

  it("keeps what was agreed when an offer is written twice before it is refused", () => {
    const n = negotiation();
    n.writeOffer();
    accept(n, AUDIO);
    const before = n.local.toString();
    n.hold(true);
    n.writeOffer();
    n.hold(false);
    n.want(DIRECTION_INACTIVE);
    n.writeOffer();
    expect(lines(n)).toContain("a=inactive");
    n.rollback();
    expect(n.local.toString()).toBe(before);
    expect([n.result.sends, n.result.receives, n.result.remotePort]).toEqual([true, true, 5000]);
  });

  it("does not give the version of a refused offer to another one", () => {
    const n = negotiation();
    n.writeOffer();
    accept(n, AUDIO);
    n.hold(true);
    n.writeOffer();
    expect(lines(n)[1]).toBe("o=- 77 1000000002 IN IP4 192.0.2.1");
    n.rollback();
    n.want(DIRECTION_INACTIVE);
    n.writeOffer();
    expect(lines(n)[1]).toBe("o=- 77 1000000003 IN IP4 192.0.2.1");
    n.rollback();
    n.hold(false);
    n.writeOffer();
    expect(lines(n)[1]).toBe("o=- 77 1000000001 IN IP4 192.0.2.1");
  });

  it("goes back to what was agreed when the answer we prepared is not sent", () => {
    const n = negotiation();
    answer(n, AUDIO);
    const before = n.local.toString();
    expect(answer(n, ["m=audio 6000 RTP/AVP 8", "a=inactive"])).toBe(NEGOTIATION_OK);
    expect([n.result.remotePort, n.result.payloadType, n.result.heldByRemote]).toEqual([6000, 8, true]);
    n.rollback();
    expect(n.local.toString()).toBe(before);
    expect([n.result.remotePort, n.result.payloadType, n.result.heldByRemote]).toEqual([5000, 0, false]);
  });

  it("answers the same offer with the same version", () => {
    const n = negotiation();
    answer(n, AUDIO);
    const before = n.local.toString();
    answer(n, AUDIO);
    expect(n.local.toString()).toBe(before);
  });

  it("takes the answer of one fork and then that of another", () => {
    const n = negotiation();
    n.writeOffer();
    accept(n, AUDIO);
    expect(accept(n, ["m=audio 7000 RTP/AVP 8"], "192.0.2.3")).toBe(NEGOTIATION_OK);
    expect([n.result.remotePort, n.result.payloadType, ipv4Text(n.result.remoteIp)]).toEqual([7000, 8, "192.0.2.3"]);
    expect(accept(n, ["m=audio 7002 RTP/AVP 18"])).toBe(NEGOTIATION_NO_CODEC);
    expect(n.result.remotePort).toBe(7000);
  });

  it("goes on with their payload type for digits when we offer anew", () => {
    const n = negotiation();
    answer(n, AUDIO);
    n.writeOffer();
    expect(lines(n)).toContain("m=audio 4000 RTP/AVP 0 8 97");
    accept(n, AUDIO);
    expect(n.result.eventReceiveType).toBe(97);
  });

  it("looks for the answer in the place of our audio", () => {
    const n = negotiation();
    answer(n, ["m=video 6000 RTP/AVP 31", ...AUDIO]);
    n.writeOffer();
    expect(accept(n, AUDIO)).toBe(NEGOTIATION_NO_CODEC);
    expect(accept(n, ["m=audio 5000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"])).toBe(NEGOTIATION_NO_CODEC);
    expect(accept(n, ["m=video 0 RTP/AVP 31", "m=audio 5002 RTP/AVP 0"])).toBe(NEGOTIATION_OK);
    expect(n.result.remotePort).toBe(5002);
  });

  it("tells our own wish not to send from being held", () => {
    const n = negotiation();
    n.want(DIRECTION_RECVONLY);
    n.writeOffer();
    accept(n, [...AUDIO, "a=sendonly"]);
    expect([n.result.sends, n.result.receives, n.result.heldByRemote]).toEqual([false, true, false]);
  });

  it("never names a port over 65535, nor a group, for RTCP", () => {
    const n = negotiation();
    answer(n, ["m=audio 65535 RTP/AVP 0"]);
    expect(n.result.rtcpPort).toBe(0);
    answer(n, ["m=audio 5000 RTP/AVP 0", "a=rtcp:5003 IN IP4 224.0.0.1"]);
    expect([ipv4Text(n.result.rtcpIp), n.result.rtcpPort]).toEqual(["192.0.2.2", 5003]);
  });

  it("cuts the formats of media it refuses, so that eight of them fit", () => {
    const n = negotiation();
    const long = `m=video 6000 RTP/AVP ${Array.from({ length: 40 }, (_, i) => 80 + i).join(" ")}`;
    expect(answer(n, [...Array.from({ length: 7 }, () => long), ...AUDIO])).toBe(NEGOTIATION_OK);
    const refused = lines(n).filter((line) => line.startsWith("m=video"));
    expect(refused.length).toBe(7);
    for (const line of refused) expect(line).toMatch(/^m=video 0 RTP\/AVP 80( \d+)+$/);
    const sdp = new Sdp();
    expect(sdp.parse(n.local.bytes, n.local.start, n.local.end)).toBe(SDP_OK);
  });

  it("names one codec once, however often it was offered", () => {
    const n = negotiation();
    answer(n, [`m=audio 5000 RTP/AVP ${"8 0 ".repeat(12).trim()}`]);
    expect(lines(n).filter((line) => /^m=|rtpmap/.test(line))).toEqual([
      "m=audio 4000 RTP/AVP 8",
      "a=rtpmap:8 PCMA/8000",
    ]);
  });

  it("finds codec and digits wherever they stand among other formats, mapped before or after others", () => {
    const others = Array.from({ length: 127 }, (_, i) => i + 1).filter((type) => type !== 8 && type !== 101);
    for (let size = 0; size <= others.length; size += size < 30 ? 1 : 9) {
      const some = others.slice(0, size);
      for (const formats of [
        [0, 101, ...some],
        [...some, 0, 101],
        [101, ...some, 0],
        [0, ...some, 101],
      ]) {
        const maps = formats.map((type) =>
          type === 0 ? "0 PCMU/8000" : type === 101 ? "101 telephone-event/8000" : `${type} opus/48000/2`,
        );
        for (const order of [maps, [...maps].reverse()]) {
          const n = negotiation();
          const media = [`m=audio 5000 RTP/AVP ${formats.join(" ")}`, ...order.map((map) => `a=rtpmap:${map}`)];
          expect([size, answer(n, media), lines(n)[5]]).toEqual([size, NEGOTIATION_OK, "m=audio 4000 RTP/AVP 0 101"]);
        }
      }
    }
  });

  it("finds audio among up to sixteen media, at any place, and refuses the others in theirs", () => {
    for (let count = 1; count <= 16; count++)
      for (let place = 0; place < count; place++) {
        const n = negotiation();
        const media = Array.from({ length: count }, (_, i) =>
          i === place ? "m=audio 5000 RTP/AVP 8" : `m=video ${6000 + i} RTP/AVP 96 97 98 99 100 101`,
        );
        expect([count, answer(n, media)]).toEqual([count, NEGOTIATION_OK]);
        const answered = lines(n).filter((line) => line.startsWith("m="));
        expect(answered).toHaveLength(count);
        answered.forEach((line, i) => {
          expect(line).toMatch(i === place ? /^m=audio 4000 RTP\/AVP 8$/ : /^m=video 0 RTP\/AVP 96/);
        });
        // A new offer has as many media, in the same places.
        n.writeOffer();
        expect(
          lines(n)
            .filter((line) => line.startsWith("m="))
            .map((line) => line.slice(0, 9)),
        ).toEqual(answered.map((line) => line.slice(0, 9)));
      }
    expect(
      answer(
        negotiation(),
        Array.from({ length: 17 }, () => "m=audio 5000 RTP/AVP 8"),
      ),
    ).toBe(NEGOTIATION_NO_CODEC);
  });

  it("is in kind for RTP/AVPF, and so are our later offers", () => {
    const n = negotiation();
    expect(answer(n, ["m=audio 5000 RTP/AVPF 0"])).toBe(NEGOTIATION_OK);
    expect(lines(n)).toContain("m=audio 4000 RTP/AVPF 0");
    n.hold(true);
    n.writeOffer();
    expect(lines(n)).toContain("m=audio 4000 RTP/AVPF 0 8 101");
  });

  it.each(["97", "13", "16"])("takes PCMU and PCMA under the number %s", (type) => {
    for (const [name, codec] of [
      ["PCMU", 0],
      ["PCMA", 8],
    ] as const) {
      const n = negotiation();
      expect(answer(n, [`m=audio 5000 RTP/AVP ${type}`, `a=rtpmap:${type} ${name}/8000`])).toBe(NEGOTIATION_OK);
      expect(lines(n).slice(5, 7)).toEqual([`m=audio 4000 RTP/AVP ${type}`, `a=rtpmap:${type} ${name}/8000`]);
      const r = n.result;
      expect([r.payloadType, r.codec]).toEqual([Number(type), codec]);
      expect(codec === 0 ? r.pcmuType : r.pcmaType).toBe(Number(type));
    }
  });

  it("to audio with port 0 in a call is port 0: there is no sound until it is offered anew, by either side", () => {
    const n = negotiation();
    expect(answer(n, ["m=audio 0 RTP/AVP 0"])).toBe(NEGOTIATION_NO_CODEC);
    answer(n, ["m=audio 5000 RTP/AVP 0"]);
    expect(answer(n, ["m=audio 0 RTP/AVP 0"])).toBe(NEGOTIATION_OK);
    expect(lines(n)).toContain("m=audio 0 RTP/AVP 0");
    expect([n.result.remotePort, n.result.sends, n.result.receives, n.result.heldByRemote]).toEqual([
      0,
      false,
      false,
      true,
    ]);
    n.writeOffer();
    expect(lines(n).filter((line) => line.startsWith("m="))).toEqual(["m=audio 4000 RTP/AVP 0 8 101"]);
    n.rollback();
    answer(n, ["m=audio 5000 RTP/AVP 0"]);
    expect([n.result.remotePort, n.result.sends, n.result.receives]).toEqual([5000, true, true]);
  });

  it("that does not fit is refused, and all stays as it was", () => {
    const n = negotiation();
    answer(n, AUDIO);
    const before = n.local.toString();
    const long = `m=video 6000 ${"x".repeat(700)} 31`;
    expect(answer(n, ["m=audio 7000 RTP/AVP 8", long])).toBe(NEGOTIATION_NO_ROOM);
    expect(n.local.toString()).toBe(before);
    expect([n.result.remotePort, n.result.payloadType]).toEqual([5000, 0]);
  });

  it("tells which codecs the other side may send: what we offered, or what we answered", () => {
    const n = negotiation([8, 0]);
    n.writeOffer();
    accept(n, ["m=audio 5000 RTP/AVP 0"]);
    expect([n.result.payloadType, n.result.pcmuType, n.result.pcmaType]).toEqual([0, 0, 8]);
    answer(n, ["m=audio 5000 RTP/AVP 0"]);
    expect([n.result.pcmuType, n.result.pcmaType]).toEqual([0, -1]);
  });

  it("of any text neither throws, nor writes what cannot be read, nor changes anything when it fails", () => {
    const n = negotiation();
    const sample = theirs(["m=video 6000 RTP/AVP 31", ...AUDIO, "a=ptime:30", "a=rtcp:5001", "a=sendonly"]);
    answer(n, AUDIO);
    const edits = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(edits, fc.nat(sample.length), fc.boolean(), (changes, cut, isAnswer) => {
        const bytes = sample.slice();
        for (const [at, octet] of changes) bytes[at] = octet;
        if (isAnswer) n.writeOffer();
        const before = n.local.toString();
        const port = n.result.remotePort;
        const code = isAnswer ? n.readAnswer(bytes, 0, cut) : n.answerOffer(bytes, 0, cut);
        if (code !== NEGOTIATION_OK) {
          expect(n.local.toString()).toBe(before);
          expect(n.result.remotePort).toBe(port);
        }
        const sdp = new Sdp();
        expect(sdp.parse(n.local.bytes, n.local.start, n.local.end)).toBe(SDP_OK);
        expect([0, 8]).toContain(n.result.payloadType);
        expect(n.result.remotePort).toBeGreaterThan(0);
        expect([10, 20, 30, 40, 50, 60]).toContain(n.result.ptimeMs);
        if (isAnswer && code !== NEGOTIATION_OK) n.rollback();
      }),
      { numRuns: runs(10_000), seed: 2 },
    );
  });
});
