import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { PARSE_OK } from "../../src/wire/message.js";
import {
  HEADER_AUTHORIZATION,
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_EXPIRES,
  HEADER_OTHER,
  HEADER_REQUIRE,
  HEADER_RETRY_AFTER,
  HEADER_SUBJECT,
  HEADER_SUPPORTED,
} from "../../src/wire/names.js";
import { ALL, LINE, message, parse, parseWith, slice, valueText, wire } from "./request.js";

describe("header fields", () => {
  it("are known by compact and odd-case names, with white space before the colon", () => {
    const lines = [
      "v  : SIP/2.0/UDP h;branch=z9hG4bK1",
      "f:<sip:a@h>;tag=1",
      "T\t:<sip:b@h>",
      "I :  c1",
      "cSEq:1 OPTIONS",
    ];
    expect(parse(wire([LINE, ...lines, "L:0", "m:<sip:d@h>", "k: timer", "s:"]))).toBe(PARSE_OK);
    expect(valueText(HEADER_CALL_ID)).toBe("c1");
    expect(valueText(HEADER_CONTACT)).toBe("<sip:d@h>");
    expect(valueText(HEADER_SUPPORTED)).toBe("timer");
    expect(valueText(HEADER_SUBJECT)).toBe("");
  });

  it("may be folded anywhere white space is allowed", () => {
    const folded = [
      "Via:\r\n SIP / 2.0\r\n /UDP\r\n\t192.0.2.2\r\n ;branch\r\n =\r\n z9hG4bK7",
      "From\t: \r\n <sip:a@h>\r\n ;\r\n tag\r\n =\r\n 98",
      "To:\r\n sip:b@h\r\n ;x=1",
      "Call-ID:\r\n c9\r\n ",
      "CSeq: 0009\r\n  OPTIONS\r\n ",
      "Content-Length:\r\n 0\r\n\t",
      "Subject: one\r\n two\r\n\tthree",
    ];
    expect(parse(wire([LINE, ...folded]))).toBe(PARSE_OK);
    expect(slice(message.branchStart, message.branchEnd)).toBe("z9hG4bK7");
    expect(slice(message.sentByStart, message.sentByEnd)).toBe("192.0.2.2");
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("98");
    expect(slice(message.callIdStart, message.callIdEnd)).toBe("c9");
    expect(message.cseq).toBe(9);
    expect(valueText(HEADER_SUBJECT)).toBe("one\r\n two\r\n\tthree");
  });

  it("of one id are found one after the other, others between them", () => {
    parse(wire([LINE, ...ALL, "Require: a", "Xx: 1", "Require: b", "Yy: 2"]));
    const first = message.first(HEADER_REQUIRE);
    const second = message.next(first);
    expect(slice(message.valueStart(first), message.valueEnd(first))).toBe("a");
    expect(slice(message.valueStart(second), message.valueEnd(second))).toBe("b");
    expect(message.next(second)).toBe(-1);
    const other = message.first(HEADER_OTHER);
    expect(message.id(other)).toBe(HEADER_OTHER);
    expect(slice(message.nameStart(other), message.nameEnd(other))).toBe("Xx");
    expect(slice(message.valueStart(message.next(other)), message.valueEnd(message.next(other)))).toBe("2");
  });

  it("keep UTF-8 and odd values verbatim", () => {
    parse(wire([LINE, ...ALL, "Subject: \u62b1\ud83d\ude00 ;;,,", "Odd-!%*_+`'~: x"]));
    expect(valueText(HEADER_SUBJECT)).toBe("\u62b1\ud83d\ude00 ;;,,");
    const row = message.first(HEADER_OTHER);
    expect(slice(message.nameStart(row), message.nameEnd(row))).toBe("Odd-!%*_+`'~");
  });

  it.each([
    ["no colon", "Subject"],
    ["no name", ": x"],
    ["a name of two words", "Sub ject: x"],
    ["a control octet before the colon (CVE-2016-9938)", "Authorization\x01: Digest x"],
    ["a NUL before the colon", "Subject\0: x"],
    ["a name that is no token", "Sub@ject: x"],
    ["a carriage return in the place of a dash", "Call\rID: x"],
    ["UTF-8 in the name", "Subj\u00e9ct: x"],
    ["a NUL in the value", "Subject: a\0b"],
    ["a control octet in the value", "Subject: a\x1bb"],
    ["a lone CR in the value", "Subject: a\rb"],
    ["a lone CR behind a backslash", "Subject: a\\\rb"],
    ["a lone CR at its end", "Subject: a\r\r"],
  ])("with %s are passed over: nobody needs them, and nobody sees them (§8.2.2)", (_, line) => {
    for (const lines of [
      [LINE, line, ...ALL],
      [LINE, ...ALL, line],
      [LINE, ...ALL, line, line],
    ]) {
      expect(parse(wire(lines))).toBe(PARSE_OK);
      expect([message.isOdd, message.rows, message.has(HEADER_SUBJECT)]).toEqual([true, ALL.length, false]);
      expect([message.has(HEADER_AUTHORIZATION), message.has(HEADER_OTHER)]).toEqual([false, false]);
    }
    expect(parse(wire([LINE, ...ALL]))).toBe(PARSE_OK);
    expect(message.isOdd).toBe(false);
  });

  it.each(["Contact", "Route", "Record-Route", "Require", "Proxy-Require", "Authorization", "Content-Type", "Expires"])(
    "of %s with a control octet are refused: it matters what they say",
    (name) => {
      for (const value of ["a\x07b", "\x00", "<sip:a\rb>"])
        expect(parse(wire([LINE, ...ALL, `${name}: ${value}`]))).toBe(400);
      expect(text(message.problemText())).toBe("Control Character");
    },
  );

  it("may have control octets behind a backslash, as quoted strings do", () => {
    expect(parseWith('To: "BEL:\\\x07 NUL:\\\0 DEL:\\\x7f" <sip:b@h>')).toBe(PARSE_OK);
    expect(parseWith('To: "NUL:\0" <sip:b@h>')).toBe(400);
  });

  it("refuses white space before the first one: nothing is there to fold", () => {
    expect(parse(wire([LINE, " x", ...ALL]))).toBe(400);
  });

  it("end with a lone LF as with CRLF, and both can be mixed", () => {
    expect(parse(wire([LINE, ...ALL, "Subject: x\n y"], "", "\n"))).toBe(PARSE_OK);
    expect(valueText(HEADER_SUBJECT)).toBe("x\n y");
    expect(parse(octets(`${LINE}\n${ALL.slice(0, 5).join("\r\n")}\nContent-Length: 2\r\n\nhi`))).toBe(PARSE_OK);
    expect(slice(message.bodyStart, message.bodyEnd)).toBe("hi");
  });

  it("hold a token in any of their lists, without case", () => {
    parse(wire([LINE, ...ALL, "Require: 100rel ,timer", "Require:\r\n Foo;x=1, , bar"]));
    for (const token of ["100rel", "TIMER", "foo", "bar"])
      expect(message.contains(HEADER_REQUIRE, octets(token))).toBe(true);
    for (const token of ["time", "timers", "x=1", "100rel ,timer"])
      expect(message.contains(HEADER_REQUIRE, octets(token))).toBe(false);
    expect(message.contains(HEADER_SUPPORTED, octets("timer"))).toBe(false);
  });

  it.each([
    ["3600", 3600],
    ["18 (in a meeting);duration=3600", 18],
    ["18;x", 18],
    ["0", 0],
    ["4294967295", 4294967295],
    ["4294967296", -2],
    ["10000000000000000000000000000000000", -2],
    ["-1", -2],
    ["18s", -2],
    ["", -2],
  ])("are numbers where they are: %j", (value, expected) => {
    parse(wire([LINE, ...ALL, `Retry-After: ${value}`]));
    expect(message.uint(HEADER_RETRY_AFTER, 4294967295)).toBe(expected);
    expect(message.uint(HEADER_EXPIRES, 10)).toBe(-1);
  });
});
