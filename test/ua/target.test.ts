import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { readTarget } from "../../src/ua/target.js";
import { Uri } from "../../src/wire/uri.js";

describe("what a person calls", () => {
  for (const [given, uri] of [
    ["sip:bob@example.org", "sip:bob@example.org"],
    ["SIP:bob@example.org;transport=tcp", "sip:bob@example.org;transport=tcp"],
    ["sip:192.0.2.7", "sip:192.0.2.7"],
    ["192.0.2.7", "sip:192.0.2.7"],
    ["192.0.2.7:5062", "sip:192.0.2.7:5062"],
    ["bob@example.org", "sip:bob@example.org"],
    ["door.example.org", "sip:door.example.org"],
    ["sip:Tür@example.org", "sip:T%C3%BCr@example.org"],
    ["Tür", "sip:T%C3%BCr@home.test"],
    ["sip:a%20b@example.org", "sip:a%20b@example.org"],
    ["100%@example.org", "sip:100%25@example.org"],
    ["sip:1000#2@example.org", "sip:1000%232@example.org"],
    ["sip:a:p%40ss@example.org", "sip:a:p%40ss@example.org"],
    ["bob;transport=tcp", "sip:bob@home.test;transport=tcp"],
    ["bob;transport=tls", "sip:bob@home.test;transport=tls"],
    ["SIPS:bob@example.org", "sips:bob@example.org"],
    ["sip:bob@192.000.2.007:05062", "sip:bob@192.0.2.7:5062"],
    ["sip:bob@example.org.;lr;x=y%20z", "sip:bob@example.org.;lr;x=y%20z"],
    ["030/123 45", "sip:03012345@home.test;user=phone"],
    ["bob", "sip:bob@home.test"],
    ["110", "sip:110@home.test;user=phone"],
    ["+49 (30) 123-45", "sip:+493012345@home.test;user=phone"],
    ["**610", "sip:**610@home.test;user=phone"],
    ["*21#", "sip:*21%23@home.test;user=phone"],
    ["tel:+4930123;phone-context=x", "sip:+4930123@home.test;user=phone"],
    ["  110 ", "sip:110@home.test;user=phone"],
  ]) {
    it(`${given} is ${uri}`, () => {
      expect(readTarget(given, "home.test")).toEqual({ uri, error: "" });
      expect(new Uri().parse(octets(uri), 0, octets(uri).length)).toBe(true);
    });
  }

  for (const given of [
    "",
    "  ",
    "sip:",
    "sips:",
    "http://x",
    "tel:",
    "tel:abc",
    "a b@c",
    "<sip:a@b>",
    'a"b@c',
    "x\r\nVia: y",
    "[2001:db8::1]",
    "sip:bob@[::1]",
    "sip:2001:db8::1",
    "sip:bob@example.org;transport=sctp",
    "sip:bob@example.org;transport=",
    "bob;transport=sctp",
    "sip:bob@example.org?Subject=x",
    "bob?Subject=x",
    "sip:bob@example.org;method=BYE",
    "sip:bob@example.org;;x",
    "sip:bob@example.org;x=1;X=2",
    "sip:bob@example.org;maddr=[::1]",
    "sip:bob@example.org;ttl=256",
    "sip:@example.org",
    "sip:a@b@c",
    "sip:bob@",
    "sip:bob@-x.org",
    "sip:bob@a..b",
    "sip:bob@tür.example",
    "sip:bob@256.1.1.1",
    "sip:bob@1.2.3",
    "sip:bob@example.org:0",
    "sip:bob@example.org:65536",
    "sip:bob@example.org:sip",
    `sip:${"門".repeat(30)}@example.org`,
    `sip:bob@${"a".repeat(64)}.org`,
  ]) {
    it(`${JSON.stringify(given)} is refused in one line`, () => {
      const { uri, error } = readTarget(given, "home.test");
      expect(uri).toBe("");
      expect(error).toMatch(/^[^\r\n]+$/);
    });
  }

  it("needs a domain when it is a number or a name alone", () => {
    for (const given of ["110", "bob", "tel:110"]) expect(readTarget(given, "").error).toContain("sip.domain");
  });
});
