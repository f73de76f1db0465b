import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span, text } from "../../src/core/bytes.js";
import { TRANSPORT_NONE, TRANSPORT_OTHER, TRANSPORT_TCP, TRANSPORT_TLS } from "../../src/wire/names.js";
import * as uris from "../../src/wire/uri.js";
import { SCHEME_OTHER, SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, Uri } from "../../src/wire/uri.js";

const uri = new Uri();

function parse(value: string, target = uri): boolean {
  // The text on both sides shows reading past the ends.
  const bytes = octets(`@:1;x${value}@h;y`);
  return target.parse(bytes, 5, bytes.length - 4);
}

function slice(start: number, end: number): string {
  return text(uri.bytes, start, end);
}

function parts(): string[] {
  return [
    slice(uri.userStart, uri.userEnd),
    slice(uri.passwordStart, uri.passwordEnd),
    slice(uri.hostStart, uri.hostEnd),
    String(uri.port),
    slice(uri.paramsStart, uri.paramsEnd),
    slice(uri.headersStart, uri.headersEnd),
  ];
}

function equal(a: string, b: string): boolean {
  const other = new Uri();
  expect(parse(a)).toBe(true);
  expect(parse(b, other)).toBe(true);
  expect(other.equals(uri)).toBe(uri.equals(other));
  return uri.equals(other);
}

describe("a URI", () => {
  it.each([
    ["sip:example.com", SCHEME_SIP, ["", "", "example.com", "-1", "", ""]],
    ["SIPS:alice@example.com:5061", SCHEME_SIPS, ["alice", "", "example.com", "5061", "", ""]],
    ["sip:alice:secret@192.0.2.7;lr?a=b&c=d", SCHEME_SIP, ["alice", "secret", "192.0.2.7", "-1", ";lr", "a=b&c=d"]],
    ["sip:[2001:db8::1]:5070;transport=tcp", SCHEME_SIP, ["", "", "2001:db8::1", "5070", ";transport=tcp", ""]],
    ["sip:h?Subject=x", SCHEME_SIP, ["", "", "h", "-1", "", "Subject=x"]],
    [
      "sip:user;par=u%40example.net@example.com",
      SCHEME_SIP,
      ["user;par=u%40example.net", "", "example.com", "-1", "", ""],
    ],
    [
      "sip:sips%3Auser%40example.com@example.net",
      SCHEME_SIP,
      ["sips%3Auser%40example.com", "", "example.net", "-1", "", ""],
    ],
    [
      "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
      SCHEME_SIP,
      [
        "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
        "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
        "example.com",
        "-1",
        "",
        "",
      ],
    ],
    [
      "tel:+1-201-555-0123;phone-context=example.com",
      SCHEME_TEL,
      ["+1-201-555-0123", "", "", "-1", ";phone-context=example.com", ""],
    ],
    ["http://example.com/a?b", SCHEME_OTHER, ["", "", "", "-1", "", ""]],
  ])("%s is taken apart", (value, scheme, expected) => {
    expect(parse(value)).toBe(true);
    expect(uri.scheme).toBe(scheme);
    expect(parts()).toEqual(expected);
  });

  it.each([
    "",
    "sip",
    "sip:",
    ":a@b",
    "/",
    "1sip:a@b",
    "sip:@host",
    "sip::pw@host",
    "sip:a@",
    "sip:a@b:",
    "sip:a@b:65536",
    "sip:a@b:4294967301",
    "sip:a@b:5x",
    "sip:a b@c",
    "sip:a@b c",
    "sip:a@b<c",
    'sip:"a"@b',
    "sip:a\0@b",
    "sip:a%4@b",
    "sip:a%zz@b",
    "sip:a@b@c",
    "sip:a@b/c",
    "sip:[::1",
    "sip:[]",
    "sip:[g::1]",
    "tel:",
    "tel:abc-xyz",
    "tel:;a=b",
  ])("%j is malformed", (value) => {
    expect(parse(value)).toBe(false);
  });

  it("knows an IPv4 host as a number, and an IPv6 host", () => {
    parse("sip:a@203.0.113.9");
    expect([uri.ip, uri.isIPv6]).toEqual([ipv4("203.0.113.9"), false]);
    parse("sip:a@203.0.113.256");
    expect(uri.ip).toBe(-1);
    parse("sip:a@[::1]");
    expect([uri.ip, uri.isIPv6]).toEqual([-1, true]);
  });

  it.each([
    ["sip:h", TRANSPORT_NONE],
    ["sip:h;transport=TCP", TRANSPORT_TCP],
    ["sip:h;x;Transport=tls", TRANSPORT_TLS],
    ["sip:h;transport=sctp", TRANSPORT_OTHER],
    ["sip:h;transport", TRANSPORT_OTHER],
    ["sip:a;transport=tcp@h", TRANSPORT_NONE],
  ])("%s has transport %i", (value, transport) => {
    parse(value);
    expect(uri.transport()).toBe(transport);
  });

  it("knows a loose router, also by an escaped name", () => {
    for (const [value, expected] of [
      ["sip:h;lr", true],
      ["sip:h;LR=on", true],
      ["sip:h;%6C%72;n%61me=v%61lue%25%34%31", true],
      ["sip:h;lrx", false],
      ["sip:h", false],
    ] as const) {
      parse(value);
      expect(uri.isLoose()).toBe(expected);
    }
  });

  it("finds parameters and headers by name", () => {
    parse("sip:h;a=1;bb;c=3?A=9&to=x");
    const out = new Span();
    expect([uri.param(octets("A"), out), out.toString()]).toEqual([true, "1"]);
    expect([uri.param(octets("bb"), out), out.size()]).toEqual([true, 0]);
    expect(uri.param(octets("b"), out)).toBe(false);
    expect([uri.header(octets("TO"), out), out.toString()]).toEqual([true, "x"]);
    expect(uri.header(octets("c"), out)).toBe(false);
  });
});

describe("unescape", () => {
  function unescaped(value: string, room = 64): string | null {
    const bytes = octets(value);
    const out = new Uint8Array(room);
    const end = uris.unescape(bytes, 0, bytes.length, out, 0);
    return end < 0 ? null : text(out, 0, end);
  }

  it("takes escapes away and leaves the rest", () => {
    expect(unescaped("%75se%72%C3%a4")).toBe("user\u00e4");
    expect(unescaped("100%")).toBe("100%");
    expect(unescaped("%4")).toBe("%4");
    expect(unescaped("%zz%2541")).toBe("%zz%41");
  });

  it("says when there is no room", () => {
    expect(unescaped("abc", 3)).toBe("abc");
    expect(unescaped("abcd", 3)).toBe(null);
  });
});

describe("two URIs, by RFC 3261 §19.1.4", () => {
  it.each([
    ["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;security=on"],
    ["sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"],
    [
      "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ],
    [
      "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ],
    ["SIP:a@h", "sip:a@h"],
    ["sip:a@h;lr", "sip:a@h;LR"],
    ["sip:a@h;p=%41", "sip:a@h;p=A"],
    ["sip:a:%70w@h", "sip:a:pw@h"],
    ["tel:+1-201-555-0123", "tel:+1(201)5550123"],
    ["tel:+12;a=1;b=2", "TEL:+12;B=2;A=1"],
    ["urn:service:sos", "URN:service:sos"],
  ])("%s and %s are the same", (a, b) => {
    expect(equal(a, b)).toBe(true);
  });

  it.each([
    ["SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"],
    ["sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"],
    ["sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"],
    ["sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"],
    ["sip:a@h", "sips:a@h"],
    ["sip:a@h", "sip:h"],
    ["sip:a@h", "sip:ab@h"],
    ["sip:a:pw@h", "sip:a@h"],
    ["sip:a:pw@h", "sip:a:PW@h"],
    ["sip:a:@h", "sip:a@h"],
    ["sip:a@h;user=phone", "sip:a@h"],
    ["sip:a@h;ttl=1", "sip:a@h"],
    ["sip:a@h;method=INVITE", "sip:a@h"],
    ["sip:a@h;maddr=h", "sip:a@h"],
    ["sip:a@h?x=1", "sip:a@h?x=2"],
    ["sip:a@h?x=1&y=2", "sip:a@h?x=1"],
    // A reserved octet is not the same as its escape: the escape exists to tell them apart.
    ["sip:a%3Bb@h", "sip:a;b@h"],
    ["sip:a%2Cb@h", "sip:a,b@h"],
    ["sip:a%2561@h", "sip:a%61@h"],
    ["tel:+12", "tel:+13"],
    ["tel:+12", "tel:+123"],
    ["tel:12;phone-context=a", "tel:12"],
    ["urn:service:sos", "urn:service:SOS"],
  ])("%s and %s differ", (a, b) => {
    expect(equal(a, b)).toBe(false);
  });
});
