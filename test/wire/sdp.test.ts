import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span, text } from "../../src/core/bytes.js";
import { findPart } from "../../src/wire/multipart.js";
import {
  DIRECTION_INACTIVE,
  DIRECTION_RECVONLY,
  DIRECTION_SENDONLY,
  ENCODING_NONE,
  ENCODING_OTHER,
  ENCODING_PCMA,
  ENCODING_PCMU,
  ENCODING_TELEPHONE_EVENT,
  IP_OTHER,
  IP_SIX,
  MEDIA_AUDIO,
  MEDIA_VIDEO,
  SDP_LIMIT,
  SDP_MALFORMED,
  SDP_MEDIA_MOST,
  SDP_OK,
  Sdp,
} from "../../src/wire/sdp.js";

/** The profile RTP/AVP with feedback, which has no name in src/ because no code asks for it. */
const PROTO_RTP_AVPF = 2;

/** Descriptions of many kinds: the project's own, and those that may lie beside the repository. */
const FOLDERS = ["../fixtures/sdp/", "../../../shared/corpus/sdp/sdp-transform/"].map(
  (path) => new URL(path, import.meta.url),
);

function parse(lines: string[], end = "\r\n"): { sdp: Sdp; code: number } {
  const bytes = octets(lines.join(end) + end);
  const sdp = new Sdp();
  return { sdp, code: sdp.parse(bytes, 0, bytes.length) };
}

const HEAD = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"];

describe("a session description", () => {
  it("is read with its media, formats, addresses and directions", () => {
    const { sdp, code } = parse([
      ...HEAD,
      "a=recvonly",
      "m=audio 4000 RTP/AVP 8 0 96 13",
      "c=IN IP4 192.0.2.9/127",
      "a=rtpmap:96 telephone-event/8000",
      "a=ptime:30",
      "a=maxptime:60",
      "a=rtcp:4005 IN IP4 192.0.2.10",
      "m=video 5000/2 RTP/AVP 31",
      "a=inactive",
    ]);
    expect(code).toBe(SDP_OK);
    expect(sdp.count).toBe(2);
    const video = sdp.mediaAt(1);
    expect([video.type, video.port, sdp.directionOf(video)]).toEqual([MEDIA_VIDEO, 5000, DIRECTION_INACTIVE]);
    const audio = sdp.mediaAt(0);
    expect([audio.type, audio.port, sdp.ipOf(audio), sdp.directionOf(audio)]).toEqual([
      MEDIA_AUDIO,
      4000,
      ipv4("192.0.2.9"),
      DIRECTION_RECVONLY,
    ]);
    expect([...audio.formats.subarray(0, audio.formatCount)]).toEqual([8, 0, 96, 13]);
    expect([...audio.encodings.subarray(0, audio.formatCount)]).toEqual([
      ENCODING_PCMA,
      ENCODING_PCMU,
      ENCODING_TELEPHONE_EVENT,
      ENCODING_NONE,
    ]);
    expect([audio.ptimeMs, audio.maxptimeMs, audio.rtcpPort, audio.rtcpIp]).toEqual([30, 60, 4005, ipv4("192.0.2.10")]);
  });

  it("may end its lines with LF or CR alone", () => {
    for (const end of ["\n", "\r"]) {
      const { sdp, code } = parse([...HEAD, "m=audio 4000 RTP/AVP 0"], end);
      expect(code).toBe(SDP_OK);
      expect(sdp.count).toBe(1);
    }
  });

  it("has no meaning for a dynamic type before its rtpmap", () => {
    const { sdp } = parse([...HEAD, "m=audio 4000 RTP/AVP 101"]);
    expect(sdp.mediaAt(0).encodings[0]).toBe(ENCODING_NONE);
  });

  it("tells an IPv6 address and a host name from an IPv4 one", () => {
    for (const [c, ip] of [
      ["c=IN IP6 2001:db8::1", IP_SIX],
      ["c=IN IP4 host.example", IP_OTHER],
      ["c=IN IP4 1.2.3.400", IP_OTHER],
      ["c=IN IP5 1.2.3.4", IP_OTHER],
      ["c=IN", IP_OTHER],
    ] as const) {
      const { sdp } = parse(["v=0", c, "m=audio 4000 RTP/AVP 0"]);
      expect(sdp.ipOf(sdp.mediaAt(0))).toBe(ip);
    }
  });

  it("is refused for numbers that cannot be", () => {
    for (const line of [
      "m=audio 65536 RTP/AVP 0",
      "m=audio -1 RTP/AVP 0",
      "m=audio 4000 RTP/AVP 4294967296",
      "m=audio 4000 RTP/AVP 128",
      "m=audio x RTP/AVP 0",
      "m=audio",
    ]) {
      expect(parse([...HEAD, line]).code, line).toBe(SDP_MALFORMED);
    }
    expect(parse([...HEAD, "m=audio 4000 RTP/AVP 0", "a=rtpmap:4294967296 PCMU/8000"]).code).toBe(SDP_MALFORMED);
  });

  it("is refused for a NUL, and reads a line of the wrong kind of blank", () => {
    expect(parse([...HEAD, "m=audio 4000 RTP/AVP 0\0"]).code).toBe(SDP_MALFORMED);
    expect(parse([...HEAD, "m=audio\t4000  RTP/AVP   0 "]).code).toBe(SDP_OK);
  });

  it("knows where the first format ends, with or without one", () => {
    const { sdp } = parse([...HEAD, "m=audio 4000 RTP/AVP 0 8", "m=audio 0 RTP/AVP"]);
    const ends = [0, 1].map((i) => text(sdp.bytes, sdp.mediaAt(i).lineStart, sdp.mediaAt(i).firstFormatEnd));
    expect(ends).toEqual(["audio 4000 RTP/AVP 0", "audio 0 RTP/AVP"]);
  });

  it("keeps all formats of a medium, each once, however many are named", () => {
    const formats = Array.from({ length: 128 }, (_, i) => i);
    const { sdp, code } = parse([...HEAD, `m=audio 4000 RTP/AVP ${[...formats, ...formats].join(" ")}`]);
    expect([code, sdp.mediaAt(0).formatCount, [...sdp.mediaAt(0).formats]]).toEqual([SDP_OK, 128, formats]);
  });

  it("takes the first rtpmap of a format that it knows, and G.711 of one channel only", () => {
    for (const [maps, encoding] of [
      [["101 telephone-event/8000", "101 opus/48000/2"], ENCODING_TELEPHONE_EVENT],
      [["101 telephone-event/16000", "101 telephone-event/8000"], ENCODING_TELEPHONE_EVENT],
      [["101 PCMU/8000/1"], ENCODING_PCMU],
      [["101 PCMU/8000/2"], ENCODING_OTHER],
      [["101 PCMA/16000"], ENCODING_OTHER],
    ] as const) {
      const { sdp } = parse([...HEAD, "m=audio 4000 RTP/AVP 101", ...maps.map((map) => `a=rtpmap:${map}`)]);
      expect([maps, sdp.mediaAt(0).encodings[0]]).toEqual([maps, encoding]);
    }
  });

  it("knows a direction with blanks behind it, and the protocol with feedback", () => {
    const { sdp } = parse([...HEAD, "m=audio 4000 RTP/AVPF 0", "a=sendonly \t", "a=rtpmap:0 PCMU/8000 "]);
    const { direction, proto, encodings } = sdp.mediaAt(0);
    expect([direction, proto, encodings[0]]).toEqual([DIRECTION_SENDONLY, PROTO_RTP_AVPF, ENCODING_PCMU]);
  });

  it("has no packet time when that is 0, huge or no number", () => {
    for (const value of ["0", "4294967296", "x", ""]) {
      const { sdp, code } = parse([...HEAD, "m=audio 4000 RTP/AVP 0", `a=ptime:${value}`]);
      expect([code, sdp.mediaAt(0).ptimeMs]).toEqual([SDP_OK, -1]);
    }
  });

  it("is refused when it is something else, or has too many media", () => {
    expect(parse(["hello"]).code).toBe(SDP_MALFORMED);
    expect(parse(["v=1"]).code).toBe(SDP_MALFORMED);
    expect(parse([]).code).toBe(SDP_MALFORMED);
    expect(parse(["v=0", ...Array.from({ length: SDP_MEDIA_MOST + 1 }, () => "m=audio 4000 RTP/AVP 0")]).code).toBe(
      SDP_LIMIT,
    );
    expect(parse(["v=0", ...Array.from({ length: SDP_MEDIA_MOST }, () => "m=audio 4000 RTP/AVP 0")]).code).toBe(SDP_OK);
  });

  it("of each kind there is can be read, whatever its media are", () => {
    const files = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => file.endsWith(".sdp"))
        .map((file) => new URL(file, folder)),
    );
    expect(files.length).toBeGreaterThanOrEqual(25);
    for (const file of files) {
      // The lines end with LF alone, as in the files, or with CR LF, as they are sent.
      const raw = readFileSync(file, "latin1");
      for (const text of [raw, raw.replace(/\r?\n/g, "\r\n")]) {
        const bytes = new Uint8Array(Buffer.from(text, "latin1"));
        const sdp = new Sdp();
        expect(sdp.parse(bytes, 0, bytes.length), String(file)).toBe(SDP_OK);
        expect(sdp.count, String(file)).toBe(raw.match(/^m=/gm)?.length ?? 0);
      }
    }
  });

  it("never throws and never reads outside, whatever it holds", () => {
    const sample = octets(
      [...HEAD, "m=audio 4000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000", "a=ptime:20", ""].join("\r\n"),
    );
    const sdp = new Sdp();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(sample.length),
        (edits, cut) => {
          const bytes = sample.slice();
          for (const [at, octet] of edits) bytes[at] = octet;
          const code = sdp.parse(bytes, 0, cut);
          for (let i = 0; code === SDP_OK && i < sdp.count; i++) {
            expect(sdp.mediaAt(i).lineEnd).toBeLessThanOrEqual(cut);
            expect(sdp.mediaAt(i).portEnd).toBeLessThanOrEqual(sdp.mediaAt(i).lineEnd);
          }
        },
      ),
      { numRuns: 3000, seed: 1 },
    );
  });
});

describe("a multipart body", () => {
  const find = (body: string, boundary = "b1") => {
    const bytes = octets(body);
    const span = new Span();
    const mark = new Span();
    mark.set(octets(boundary), 0, boundary.length);
    return findPart(bytes, 0, bytes.length, mark, octets("application/sdp"), span)
      ? text(bytes, span.start, span.end)
      : null;
  };

  it("gives the part of the wanted type", () => {
    const body =
      "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n";
    expect(find(body)).toBe("v=0\r\n");
    expect(find(body.replace("Content-Type: application/sdp", "c : APPLICATION/SDP ;x=y"))).toBe("v=0\r\n");
  });

  it("is not cut at a boundary that only begins like its own", () => {
    expect(find("--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b12\r\ns=-\r\n--b1 \r\n\r\n--b1--")).toBe(
      "v=0\r\n--b12\r\ns=-",
    );
    expect(find("--b1-\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1--")).toBeNull();
  });

  it("of any octets gives a part within them, or nothing", () => {
    const pieces = [
      "--b1",
      "--b1--",
      "\r\n",
      "\n",
      "Content-Type: application/sdp",
      "c:",
      "v=0",
      "\r\n\r\n",
      " ",
      "-",
      "\0",
    ];
    const bytes = fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => octets(parts.join("")));
    const mark = new Span();
    mark.set(octets("b1"), 0, 2);
    const out = new Span();
    fc.assert(
      fc.property(bytes, fc.nat(20), (body, cut) => {
        const end = Math.max(0, body.length - cut);
        if (!findPart(body, 0, end, mark, octets("application/sdp"), out)) return;
        expect(out.start).toBeGreaterThan(0);
        expect(out.end).toBeGreaterThan(out.start);
        expect(out.end).toBeLessThanOrEqual(end);
      }),
      { numRuns: 3000, seed: 3 },
    );
  });

  it("without that part, without an end, empty or malformed gives what there is, or nothing", () => {
    expect(find("")).toBeNull();
    expect(find("--b1--")).toBeNull();
    expect(find("--b1")).toBeNull();
    expect(find("--b1\r\n\r\n--b1--")).toBeNull();
    expect(find("--b1\r\nContent-Type: application/sdp")).toBeNull();
    expect(find("--b1\r\nContent-Type: application/sdp\r\n\r\n--b1--")).toBeNull();
    expect(find("--b1\r\nContent-Type: application/sdp\r\n\r\nv=0")).toBe("v=0");
    expect(find("--b2\r\nContent-Type: application/sdp\r\n\r\nv=0")).toBeNull();
    expect(find("--\r\nContent-Type: application/sdp\r\n\r\nv=0", "")).toBeNull();
  });
});
