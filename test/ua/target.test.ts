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
    ["[2001:db8::1]", "sip:[2001:db8::1]"],
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
    "sips:bob@example.org",
    "http://x",
    "tel:",
    "tel:abc",
    "a b@c",
    "<sip:a@b>",
    'a"b@c',
    "x\r\nVia: y",
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
