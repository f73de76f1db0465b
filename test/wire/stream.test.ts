import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { FRAME_BROKEN, FRAME_MESSAGE, FRAME_NONE, FRAME_PING, StreamFramer } from "../../src/wire/stream.js";
import { MESSAGES } from "../bench/messages.js";

/** Pushes pieces as a transport does. @returns what comes out: messages as text, "PING", or "BROKEN:" and the head */
function run(framer: StreamFramer, pieces: readonly Uint8Array[]): string[] {
  const out: string[] = [];
  for (const piece of pieces) {
    let at = 0;
    do {
      const taken = framer.push(piece, at, piece.length);
      at += taken;
      let frame = framer.next();
      while (frame !== FRAME_NONE) {
        const found = text(framer.bytes, framer.start, framer.end);
        out.push(frame === FRAME_PING ? "PING" : frame === FRAME_BROKEN ? `BROKEN:${found}` : found);
        if (frame === FRAME_BROKEN) return out;
        frame = framer.next();
      }
      if (taken === 0 && piece.length > 0) throw new Error("stuck");
    } while (at < piece.length);
  }
  return out;
}

const text1 = "INFO sip:h SIP/2.0\r\nContent-Length: 5\r\n\r\nab\r\nc";
const text2 = "SIP/2.0 200 OK\r\nX: Content-Length: 9\r\nL :\r\n 0\r\n\r\n";
const text3 = "BYE sip:h SIP/2.0\nl: 3\n\nxyz";

describe("a stream", () => {
  const stream = octets(`${text1}\r\n${text2}\r\n\r\n${text3}${text1}`);
  const expected = [text1, text2, "PING", text3, text1];

  it("gives its messages and keep-alives in order", () => {
    expect(run(new StreamFramer(1024), [stream])).toEqual(expected);
  });

  it("gives the same wherever it is cut in two", () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const pieces = [stream.slice(0, cut), stream.slice(cut)];
      expect(run(new StreamFramer(1024), pieces)).toEqual(expected);
    }
  });

  it("gives the same octet by octet, also in a buffer only as large as its largest message", () => {
    const octetByOctet = Array.from(stream, (octet) => new Uint8Array([octet]));
    expect(run(new StreamFramer(text2.length), octetByOctet)).toEqual(expected);
  });

  it("gives the same when more is pushed than fits at once", () => {
    expect(run(new StreamFramer(text2.length), [stream])).toEqual(expected);
  });

  it("gives real messages whole, cut in pieces of any length", () => {
    const whole = octets(MESSAGES.map(({ bytes }) => text(bytes)).join(""));
    const message = new Message(48);
    for (let length = 1; length < 900; length += 37) {
      const framer = new StreamFramer(2048);
      let count = 0;
      for (let at = 0; at < whole.length; at += length) {
        const end = Math.min(whole.length, at + length);
        expect(framer.push(whole, at, end)).toBe(end - at);
        while (framer.next() === FRAME_MESSAGE) {
          expect(message.parse(framer.bytes, framer.start, framer.end, true)).toBe(PARSE_OK);
          expect(message.end).toBe(framer.end);
          count += 1;
        }
      }
      expect(count).toBe(MESSAGES.length);
    }
  });

  it("answers each double CRLF, and steps over a single one", () => {
    expect(run(new StreamFramer(256), [octets("\r\n\r\n\r\n\r\n")])).toEqual(["PING", "PING"]);
    expect(run(new StreamFramer(256), [octets(`\r\n${text3}\r\n${text3}`)])).toEqual([text3, text3]);
    expect(run(new StreamFramer(256), [octets("\r\n"), octets("\r"), octets("\n")])).toEqual(["PING"]);
  });

  it.each([
    ["without a length", "OPTIONS sip:h SIP/2.0\r\nTo: x\r\n\r\n"],
    ["with a negative length", "OPTIONS sip:h SIP/2.0\r\nContent-Length: -999\r\n\r\n"],
    ["with a length that overflows", "OPTIONS sip:h SIP/2.0\r\nContent-Length: 4294967301\r\n\r\n"],
    ["with two lengths", "OPTIONS sip:h SIP/2.0\r\nContent-Length: 13\r\nContent-Length: 5\r\n\r\n"],
    ["with one length twice", "OPTIONS sip:h SIP/2.0\r\nl: 5\r\nContent-Length: 5\r\n\r\n"],
    ["with a control octet in the name of its length", "OPTIONS sip:h SIP/2.0\r\nContent-Length\x01: 5\r\n\r\n"],
  ])("is broken by a message %s, and never goes on", (_, head) => {
    const framer = new StreamFramer(1024);
    expect(run(framer, [octets(`${head}${text3}`)])).toEqual([`BROKEN:${head}`]);
    expect(framer.tooLarge).toBe(false);
    expect(framer.push(octets(text3), 0, text3.length)).toBe(text3.length);
    expect(framer.next()).toBe(FRAME_BROKEN);
    expect(framer.end - framer.start).toBe(0);
  });

  it("is broken by a message larger than the buffer: the head is there when it fits", () => {
    const framer = new StreamFramer(64);
    const head = "OPTIONS sip:h SIP/2.0\r\nContent-Length: 9999\r\n\r\n";
    expect(run(framer, [octets(head)])).toEqual([`BROKEN:${head}`]);
    expect(framer.tooLarge).toBe(true);
    framer.reset();
    expect(run(framer, [octets(`OPTIONS sip:h SIP/2.0\r\nSubject: ${"x".repeat(99)}`)])).toEqual(["BROKEN:"]);
    expect(framer.tooLarge).toBe(true);
  });

  describe("passes over a message that is too large, and goes on behind it", () => {
    /** Works as `run` does, and skips messages: it gives "LONG:" and the head that could be kept. */
    function follow(framer: StreamFramer, pieces: readonly Uint8Array[]): string[] {
      const out: string[] = [];
      for (const piece of pieces) {
        for (let at = 0; at < piece.length; ) {
          at += framer.push(piece, at, piece.length);
          for (let frame = framer.next(); frame !== FRAME_NONE; frame = framer.next()) {
            const goesOn = frame !== FRAME_BROKEN || framer.skip();
            const found = text(framer.bytes, framer.start, framer.end);
            out.push(frame === FRAME_PING ? "PING" : frame === FRAME_BROKEN ? `LONG:${found}` : found);
            if (!goesOn) return [...out, "BROKEN"];
          }
        }
      }
      return out;
    }
    const line = "INFO sip:h SIP/2.0\r\n";
    const cases: [string, string, string][] = [
      ["by its body", `${line}Content-Length: 300\r\n\r\n`, "x".repeat(300)],
      ["by one field", `${line}Subject: ${"y".repeat(300)}\r\nContent-Length: 7\r\n\r\n`, "abc\r\n\r\n"],
      ["by many fields", `${line}${"X: 0123456789\r\n".repeat(40)}l:0\r\n\r\n`, ""],
      ["whose length comes first", `${line}Content-Length: 9\r\n${"X: 0123456789\r\n".repeat(40)}\r\n`, "123456789"],
      [
        "whose length is folded",
        `${line}${"X: 0123456789\r\n".repeat(20)}Content-Length :\r\n  12\r\n\r\n`,
        "\r\n\r\nabcdefgh",
      ],
      ["by its first line", `INFO sip:${"h".repeat(400)} SIP/2.0\r\nL: 3\r\n\r\n`, "xyz"],
      ["with lone LF", `${line}${"X: 0123456789\n".repeat(40)}L: 3\n\n`, "xyz"],
    ];

    it.each(cases)("%s", (_, head, body) => {
      const stream = octets(text2 + head + body + text3 + text1);
      const whole = follow(new StreamFramer(128), [stream]);
      expect(whole).toHaveLength(4);
      expect([whole[0], whole[2], whole[3]]).toEqual([text2, text3, text1]);
      expect(whole[1].startsWith("LONG:")).toBe(true);
      expect(head.startsWith(whole[1].slice(5, -2))).toBe(true);
      for (let size = 1; size < 200; size += size < 10 ? 1 : 23) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < stream.length; at += size) pieces.push(stream.slice(at, at + size));
        const cut = follow(new StreamFramer(128), pieces);
        expect([cut[0], cut[2], cut[3]]).toEqual([text2, text3, text1]);
      }
    });

    it.each([
      ["has no length", `${line}${"X: 0123456789\r\n".repeat(40)}\r\n`],
      ["has two lengths", `${line}${"X: 0123456789\r\n".repeat(40)}l: 1\r\nContent-Length: 1\r\n\r\n`],
      ["has a length that is no number", `${line}${"X: 0123456789\r\n".repeat(40)}l: 1a\r\n\r\n`],
      ["has a length that overflows", `${line}${"X: 0123456789\r\n".repeat(40)}l: 99999999999\r\n\r\n`],
      ["is longer than any message", `${line}l: 70000\r\n\r\n`],
      ["never ends", `${line}${"X: 0123456789\r\n".repeat(5000)}`],
      ["never was SIP", "x".repeat(500)],
    ])("but not when it %s", (_, head) => {
      expect(follow(new StreamFramer(128), [octets(head + text3)]).at(-1)).toBe("BROKEN");
    });
  });

  it("begins anew after reset", () => {
    const framer = new StreamFramer(64);
    run(framer, [octets("\r\nOPTIONS sip")]);
    framer.reset();
    expect(run(framer, [octets(text3)])).toEqual([text3]);
    run(framer, [octets("X sip:h SIP/2.0\r\n\r\n")]);
    framer.reset();
    expect(run(framer, [octets(text3)])).toEqual([text3]);
  });
});
