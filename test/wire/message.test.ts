import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { Message, PARSE_DROP, PARSE_OK } from "../../src/wire/message.js";
import {
  HEADER_CONTACT,
  HEADER_CONTENT_TYPE,
  HEADER_SUBJECT,
  HEADER_VIA,
  METHOD_BYE,
  METHOD_INVITE,
  METHOD_NONE,
  METHOD_OPTIONS,
  METHOD_OTHER,
} from "../../src/wire/names.js";
import { PROBLEM_NONE } from "../../src/wire/problems.js";
import { MAX_FORWARDS_BAD } from "../../src/wire/values.js";
import { MESSAGES } from "../bench/messages.js";
import {
  ALL,
  CALL_ID,
  CSEQ,
  FROM,
  LENGTH,
  LINE,
  message,
  parse,
  parseWith,
  parseWithout,
  slice,
  TO,
  VIA,
  valueText,
  wire,
} from "./request.js";

describe("a request", () => {
  it("gives its start line, the values every layer needs and its fields", () => {
    expect(parse(wire([LINE, ...ALL, "Max-Forwards: 70", "Subject: hello  there"]))).toBe(PARSE_OK);
    expect(message.problem).toBe(PROBLEM_NONE);
    expect(message.isRequest).toBe(true);
    expect(message.method).toBe(METHOD_OPTIONS);
    expect(slice(message.methodStart, message.methodEnd)).toBe("OPTIONS");
    expect(slice(message.uriStart, message.uriEnd)).toBe("sip:b@example.com");
    expect(message.status).toBe(0);
    expect(slice(message.callIdStart, message.callIdEnd)).toBe("x1@192.0.2.1");
    expect(message.cseq).toBe(7);
    expect(message.cseqMethod).toBe(METHOD_OPTIONS);
    expect(slice(message.fromStart, message.fromEnd)).toBe("<sip:a@example.com>;tag=1a");
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("1a");
    expect(slice(message.toStart, message.toEnd)).toBe("<sip:b@example.com>");
    expect(message.toTagEnd - message.toTagStart).toBe(0);
    expect(slice(message.viaStart, message.viaEnd)).toBe("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc;rport");
    expect(slice(message.branchStart, message.branchEnd)).toBe("z9hG4bKabc");
    expect(message.hasMagicCookie).toBe(true);
    expect(slice(message.sentByStart, message.sentByEnd)).toBe("192.0.2.1:5070");
    expect(message.maxForwards).toBe(70);
    expect(message.contentLength).toBe(0);
    expect(message.canAnswer).toBe(true);
    expect(valueText(HEADER_SUBJECT)).toBe("hello  there");
    expect(message.rows).toBe(8);
  });

  it("forgets everything of the message read before", () => {
    parse(MESSAGES[0].bytes);
    expect(message.has(HEADER_CONTENT_TYPE)).toBe(true);
    expect(parse(wire([LINE, ...ALL]))).toBe(PARSE_OK);
    expect(message.has(HEADER_CONTENT_TYPE)).toBe(false);
    expect(message.first(HEADER_CONTACT)).toBe(-1);
    expect(message.maxForwards).toBe(-1);
  });

  it("is read at an offset, and not beyond its end", () => {
    const inner = wire([LINE, ...ALL]);
    const bytes = new Uint8Array(inner.length + 40).fill(0x41);
    bytes.set(inner, 20);
    expect(message.parse(bytes, 20, 20 + inner.length, false)).toBe(PARSE_OK);
    expect(message.start).toBe(20);
    expect(message.end).toBe(20 + inner.length);
    expect(message.parse(bytes, 20, 20 + inner.length - 1, false)).toBe(400);
  });

  it("may have line ends before it", () => {
    expect(parse(octets(`\r\n\r\n${text(wire([LINE, ...ALL]))}`))).toBe(PARSE_OK);
    expect(message.start).toBe(4);
  });

  it("keeps the case of a method: a method in lower case is another one", () => {
    expect(parse(wire(["options sip:b@example.com SIP/2.0", ...ALL]))).toBe(400);
    expect(parse(wire(["foo sip:b@example.com SIP/2.0", ...ALL.filter((l) => l !== CSEQ), "CSeq: 1 foo"]))).toBe(0);
    expect(message.method).toBe(METHOD_OTHER);
  });

  it.each([
    ["another version", "OPTIONS sip:b@example.com SIP/7.0", 505],
    ["a longer version", "OPTIONS sip:b@example.com SIP/2.00", 505],
    ["a version in lower case", "OPTIONS sip:b@example.com sip/2.0", PARSE_OK],
    ["a broken version", "OPTIONS sip:b@example.com SIP/2.0x", 400],
    ["two spaces before the URI", "OPTIONS  sip:b@example.com SIP/2.0", 400],
    ["two spaces behind the URI", "OPTIONS sip:b@example.com  SIP/2.0", 400],
    ["a space at its end", "OPTIONS sip:b@example.com SIP/2.0 ", 400],
    ["a tab for a space", "OPTIONS sip:b@example.com\tSIP/2.0", 400],
    ["a space inside the URI", "OPTIONS sip:b@example.com; lr SIP/2.0", 400],
    ["a URI in <>", "OPTIONS <sip:b@example.com> SIP/2.0", 400],
    ["a slash as URI (CVE-2021-33056)", "OPTIONS / SIP/2.0", 400],
    ["an empty URI", "OPTIONS  SIP/2.0", 400],
    ["a scheme and nothing else", "OPTIONS sip: SIP/2.0", 400],
    ["header components in the URI", "OPTIONS sip:b@example.com?Route=%3Csip:e%3E SIP/2.0", 400],
    ["a question mark in the user", "OPTIONS sip:b?c@example.com SIP/2.0", PARSE_OK],
    ["a scheme nobody knows", "OPTIONS http://example.com/?a=b SIP/2.0", PARSE_OK],
    ["UTF-8 in the URI", "OPTIONS sip:j\u00f6rg@example.com SIP/2.0", PARSE_OK],
    ["no version", "OPTIONS sip:b@example.com", PARSE_DROP],
    ["another protocol", "GET / HTTP/1.1", PARSE_DROP],
    ["a method that is no token", "OP@TIONS sip:b@example.com SIP/2.0", PARSE_DROP],
    ["nothing but a word", "hello", PARSE_DROP],
  ])("with %s in its request line", (_, line, expected) => {
    expect(parse(wire([line, ...ALL]))).toBe(expected);
  });

  it("without Via cannot be answered", () => {
    expect(parseWithout("Via")).toBe(PARSE_DROP);
    expect(message.canAnswer).toBe(false);
  });

  it.each(["From", "To", "Call-ID", "CSeq"])("without %s is refused, and hears what is missing", (name) => {
    expect(parseWithout(name)).toBe(400);
    expect(message.canAnswer).toBe(false);
    expect(text(message.problemText())).toBe("Missing " + name + " Header Field");
  });

  it.each([FROM, TO, CALL_ID, CSEQ, LENGTH])("with %s twice is refused", (line) => {
    expect(parse(wire([LINE, ...new Set([...ALL, line]), line]))).toBe(400);
  });

  it("with the compact and the long form of one field has it twice", () => {
    expect(parse(wire([LINE, ...ALL, "l: 0"]))).toBe(400);
    expect(parse(wire([LINE, ...ALL, "i: x1@192.0.2.1"]))).toBe(400);
  });

  it("that is a malformed ACK is dropped: an ACK has no answer", () => {
    const lines = ["ACK sip:b@example.com SIP/2.0", VIA, FROM, TO, CALL_ID, "CSeq: 1 ACK", "Content-Length: 9"];
    expect(parse(wire(lines))).toBe(PARSE_DROP);
  });

  it.each([
    ["CSeq: 0 OPTIONS", PARSE_OK, 0],
    ["CSeq: 0000000000000007 OPTIONS", PARSE_OK, 7],
    ["CSeq: 2147483647 OPTIONS", PARSE_OK, 2147483647],
    ["CSeq: 7 \t OPTIONS", PARSE_OK, 7],
    ["CSeq: 7\r\n OPTIONS", PARSE_OK, 7],
    ["CSeq: 2147483648 OPTIONS", 400, -1],
    ["CSeq: 4294967296 OPTIONS", 400, -1],
    ["CSeq: 4294967328 OPTIONS", 400, -1],
    ["CSeq: 36893488147419103232 OPTIONS", 400, -1],
    ["CSeq: -1 OPTIONS", 400, -1],
    ["CSeq: 7x OPTIONS", 400, 7],
    ["CSeq: 7OPTIONS", 400, 7],
    ["CSeq: 7", 400, 7],
    ["CSeq: OPTIONS", 400, -1],
    ["CSeq: 7 OPTIONS x", 400, 7],
    ["CSeq: 7 INVITE", 400, 7],
  ])("with %j", (line, expected, cseq) => {
    expect(parseWith(line)).toBe(expected);
    expect(message.cseq).toBe(cseq);
  });

  it("compares methods nobody knows octet by octet with CSeq", () => {
    const rest = ALL.filter((line) => line !== CSEQ);
    expect(parse(wire(["FOO sip:b@example.com SIP/2.0", ...rest, "CSeq: 1 FOO"]))).toBe(PARSE_OK);
    expect(parse(wire(["FOO sip:b@example.com SIP/2.0", ...rest, "CSeq: 1 FOP"]))).toBe(400);
  });

  it.each([
    ["0", PARSE_OK, 0],
    ["255", PARSE_OK, 255],
    ["0068", PARSE_OK, 68],
    ["256", PARSE_OK, MAX_FORWARDS_BAD],
    ["4294967366", PARSE_OK, MAX_FORWARDS_BAD],
    ["-1", PARSE_OK, MAX_FORWARDS_BAD],
    ["7 0", PARSE_OK, MAX_FORWARDS_BAD],
    ["", PARSE_OK, MAX_FORWARDS_BAD],
    ["70\r\nMax-Forwards: 70", PARSE_OK, MAX_FORWARDS_BAD],
    ["70\x07", PARSE_OK, MAX_FORWARDS_BAD],
  ])("with Max-Forwards %j, which proxies alone need", (value, expected, maxForwards) => {
    expect(parseWith(`Max-Forwards: ${value}`)).toBe(expected);
    expect(message.maxForwards).toBe(maxForwards);
  });

  it.each([
    ["Bell, Alexander <sip:a@example.com>;tag=4"],
    ["<sip:a@example.com>;tag=4, <sip:c@example.com>;tag=5"],
    ["sip:a@example.com,sip:b@example.com"],
    ["<sip:a@example.com"],
    ['"lone backslash\\ <sip:a@example.com>'],
    ['"lone backslash\\'],
    ["< sip:a@example.com >;tag=1"],
    ["<sip:a@example.com>;tag=1;tag=2"],
    ["<sip:a@example.com>;tag="],
    ["<sip:a@example.com>;tag"],
    ["*"],
    ["<>;tag=1"],
  ])("with a malformed From %j is answered with 400", (value) => {
    expect(parseWith(`From: ${value}`)).toBe(400);
    expect(message.canAnswer).toBe(true);
    expect(slice(message.fromStart, message.fromEnd)).toBe(value);
  });

  it("with an empty From is refused", () => {
    expect(parseWith("From:")).toBe(400);
  });

  it("finds the tag by its name alone, wherever it stands", () => {
    expect(parseWith('From: "a;tag=no" <sip:a@example.com;tag=no>;x="tag=no;tag=2" ; TAG = yes ;y')).toBe(PARSE_OK);
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("yes");
  });

  it("takes the parameters of a bare address for the field's", () => {
    expect(parseWith("From: sip:a@example.com;tag=77")).toBe(PARSE_OK);
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("77");
  });

  it("may lack the tag and the branch: RFC 2543", () => {
    expect(parseWith("From: sip:a@example.com", "Via: SIP/2.0/UDP 192.0.2.1")).toBe(PARSE_OK);
    expect(message.fromTagEnd - message.fromTagStart).toBe(0);
    expect(message.branchEnd - message.branchStart).toBe(0);
    expect(message.hasMagicCookie).toBe(false);
  });

  it.each([
    ["z9hG4bKx", true],
    ["Z9HG4BKx", true],
    ["z9hG4bK", false],
    ["z9hG4bx", false],
  ])("knows the magic cookie of branch %s: %s", (branch, expected) => {
    expect(parseWith(`Via: SIP/2.0/UDP 192.0.2.1;branch=${branch}`)).toBe(PARSE_OK);
    expect(message.hasMagicCookie).toBe(expected);
  });

  it("takes the first element for the topmost Via", () => {
    expect(parseWith("Via: SIP/2.0/TCP h1 ;branch=z9hG4bK1 , SIP/2.0/UDP h2;branch=z9hG4bK2")).toBe(PARSE_OK);
    expect(slice(message.viaStart, message.viaEnd)).toBe("SIP/2.0/TCP h1 ;branch=z9hG4bK1");
    expect(valueText(HEADER_VIA)).toBe("SIP/2.0/TCP h1 ;branch=z9hG4bK1 , SIP/2.0/UDP h2;branch=z9hG4bK2");
    expect(parse(wire([LINE, ...ALL, "Via: SIP/2.0/UDP h9;branch=z9hG4bK9"]))).toBe(PARSE_OK);
    expect(slice(message.branchStart, message.branchEnd)).toBe("z9hG4bKabc");
  });

  it("with a malformed Via is answered with 400", () => {
    expect(parseWith("Via: SIP/2.0/UDP 192.0.2.15;;,;,,")).toBe(400);
    expect(parseWith("Via: SIP/2.0/UDP")).toBe(400);
    expect(parseWith("Via: SIP/2.0/UDP h:70000;branch=z9hG4bK1")).toBe(400);
    expect(message.canAnswer).toBe(true);
  });

  it("refuses a Call-ID of two words", () => {
    expect(parseWith("Call-ID: a b")).toBe(400);
    expect(parseWith("Call-ID: ab \t")).toBe(PARSE_OK);
  });

  it("with more fields than the table has rows is refused, and its Content-Length is still known", () => {
    const small = new Message(6);
    const bytes = wire([LINE, VIA, FROM, TO, CALL_ID, CSEQ, "X: 1", "Content-Length: 3"], "abc");
    expect(small.parse(bytes, 0, bytes.length, false)).toBe(513);
    expect(small.rows).toBe(6);
    expect(small.contentLength).toBe(3);
  });
});

describe("a response", () => {
  const rest = [VIA, FROM, "To: <sip:b@example.com>;tag=2", CALL_ID, CSEQ];

  it("gives status and reason phrase", () => {
    expect(parse(wire(["SIP/2.0 486 Busy Here", ...rest]))).toBe(PARSE_OK);
    expect(message.isRequest).toBe(false);
    expect(message.method).toBe(METHOD_NONE);
    expect(message.status).toBe(486);
    expect(slice(message.reasonStart, message.reasonEnd)).toBe("Busy Here");
    expect(slice(message.toTagStart, message.toTagEnd)).toBe("2");
    expect(message.cseqMethod).toBe(METHOD_OPTIONS);
  });

  it.each([
    ["SIP/2.0 100 ", 100, PARSE_OK],
    ["SIP/2.0 200", 200, PARSE_OK],
    ["sip/2.0 200 OK", 200, PARSE_OK],
    ["SIP/2.0 699 \u00e4\u20ac", 699, PARSE_OK],
    ["SIP/2.0 99 x", -1, PARSE_DROP],
    ["SIP/2.0 099 x", 99, PARSE_DROP],
    ["SIP/2.0 700 x", -1, PARSE_DROP],
    ["SIP/2.0 4294967301 Unbelievable", 429, PARSE_DROP],
    ["SIP/2.0 2000 OK", 200, PARSE_DROP],
    ["SIP/2.0  200 OK", -1, PARSE_DROP],
    ["SIP/3.0 200 OK", 0, PARSE_DROP],
    ["SIP/2.0 20", 0, PARSE_DROP],
  ])("with the status line %j", (line, status, expected) => {
    expect(parse(wire([line, ...rest]))).toBe(expected);
    expect(message.status).toBe(status);
  });

  it("that is malformed is dropped, never answered", () => {
    expect(parse(wire(["SIP/2.0 200 OK", ...rest, "Content-Length: 5"]))).toBe(PARSE_DROP);
    expect(parse(wire(["SIP/2.0 200 OK", ...rest.slice(1)]))).toBe(PARSE_DROP);
  });
});

describe("Content-Length and the body", () => {
  const head = [LINE, VIA, FROM, TO, CALL_ID, CSEQ];

  it("cuts off what follows the message in a datagram", () => {
    const bytes = wire([...head, "Content-Length: 3"], "abcdef");
    expect(parse(bytes)).toBe(PARSE_OK);
    expect(slice(message.bodyStart, message.bodyEnd)).toBe("abc");
    expect(message.end).toBe(bytes.length - 3);
  });

  it("refuses a datagram that is shorter", () => {
    expect(parse(wire([...head, "Content-Length: 7"], "abcdef"))).toBe(400);
  });

  it("runs to the end of a datagram when it is absent", () => {
    expect(parse(wire(head, "abcdef"))).toBe(PARSE_OK);
    expect(message.contentLength).toBe(-1);
    expect(slice(message.bodyStart, message.bodyEnd)).toBe("abcdef");
  });

  it("has to be there in a stream", () => {
    expect(parse(wire(head), true)).toBe(400);
    expect(parse(wire([...head, "l: 0"]), true)).toBe(PARSE_OK);
  });

  it.each(["-999", "+1", "1x", "0x1", "1 2", "4294967296", "2147483648", "18446744073709551617", ""])(
    "refuses %j",
    (value) => {
      expect(parse(wire([...head, `Content-Length: ${value}`], "a"))).toBe(400);
      expect(message.contentLength).toBe(-1);
    },
  );

  it("refuses a message without the empty line", () => {
    const bytes = octets([...head, "Content-Length: 0", ""].join("\r\n"));
    expect(parse(bytes)).toBe(400);
  });

  it("drops a datagram that is empty, or nothing but line ends", () => {
    for (const datagram of ["", "\r\n\r\n", "\r\n", "\0", "\r"]) expect(parse(octets(datagram))).toBe(PARSE_DROP);
  });
});

describe("every prefix of a message", () => {
  it("is refused until the message is whole", () => {
    for (const { bytes } of MESSAGES)
      for (let end = 0; end < bytes.length; end++) expect(message.parse(bytes, 0, end, false)).not.toBe(PARSE_OK);
  });
});

describe("the seven messages of the benchmark", () => {
  it.each(MESSAGES.map(({ name, bytes }) => [name, bytes] as const))("%s is read", (name, bytes) => {
    expect(parse(bytes)).toBe(PARSE_OK);
    expect(message.end).toBe(bytes.length);
    expect(message.hasMagicCookie).toBe(true);
    if (name === "INVITE") expect(message.method).toBe(METHOD_INVITE);
    if (name === "BYE") expect(message.method).toBe(METHOD_BYE);
  });
});

describe("problems", () => {
  it("have words for a reason phrase", () => {
    parse(wire([LINE, ...ALL, LENGTH]));
    expect(text(message.problemText())).toBe("Repeated Content-Length Header Field");
  });
});
