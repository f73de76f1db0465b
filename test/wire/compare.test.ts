/** Tests the one comparison of names: which spellings are the same host or user, and which are not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { sameHost, sameUser } from "../../src/wire/compare.js";
import { Uri } from "../../src/wire/uri.js";

type Same = (a: Uint8Array, i: number, j: number, b: Uint8Array, k: number, l: number) => boolean;

/** Compares both ways round, with text on both sides of each name, so that reading past its ends shows. */
function compare(same: Same, a: string, b: string): boolean {
  const x = octets(`%2${a}.%41`);
  const y = octets(`.${b}%61`);
  const result = same(x, 2, x.length - 4, y, 1, y.length - 3);
  expect(same(y, 1, y.length - 3, x, 2, x.length - 4)).toBe(result);
  return result;
}

function uri(value: string): Uri {
  const out = new Uri();
  const bytes = octets(value);
  expect(out.parse(bytes, 0, bytes.length)).toBe(true);
  return out;
}

describe("two hosts", () => {
  it.each([
    ["example.org", "example.org"],
    ["example.org", "EXAMPLE.oRG"],
    ["example.org", "example.org."],
    ["Example.Org.", "eXample.org"],
    ["a", "A."],
    ["192.0.2.7", "192.0.2.7."],
    ["192.0.2.7", "192.000.2.007"],
    ["2001:DB8::1", "2001:db8::1"],
  ])("%s and %s are the same", (a, b) => {
    expect(compare(sameHost, a, b)).toBe(true);
  });

  it.each([
    ["example.org", "example.com"],
    ["example.org", "xexample.org"],
    ["example.org", "example.or"],
    ["example.org", "example.org.."],
    ["example.org", ".example.org"],
    ["192.0.2.7", "192.0.2.8"],
    ["192.0.2.7", "192.0.2.70"],
    ["192.0.2.7", "192.0.2.7.example.org"],
    ["0.0.0.0", "a.b.c.d"],
    ["a", "b"],
    ["a", "."],
    ["a", ""],
    [".", ".."],
    ["", ""],
  ])("%s and %s are not", (a, b) => {
    expect(compare(sameHost, a, b)).toBe(false);
  });

  it("stay the same in letters of any case and with a dot behind", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), fc.nat(), fc.boolean(), (labels, upper, dot) => {
        const name = labels.join(".");
        const other = [...name].map((c, i) => (((upper >> (i % 31)) & 1) === 1 ? c.toUpperCase() : c)).join("");
        expect(compare(sameHost, name, dot ? `${other}.` : other)).toBe(true);
        expect(compare(sameHost, name, `x${other}`)).toBe(false);
      }),
      { seed: 1 },
    );
  });
});

describe("two users", () => {
  it.each([
    ["alice", "alice"],
    ["alice", "%61lice"],
    ["alice", "alic%65"],
    ["%61", "a"],
    ["+49", "%2B49"],
    ["+49", "%2b49"],
    ["a;b", "a%3Bb"],
    ["%25", "%25"],
    ["%2541", "%2541"],
    ["%", "%25"],
    ["", ""],
  ])("%s and %s are the same", (a, b) => {
    expect(compare(sameUser, a, b)).toBe(true);
  });

  it.each([
    ["alice", "Alice"],
    ["alice", "%41lice"],
    ["alice", "alice%20"],
    ["alice", "alice."],
    ["alice", "alic"],
    ["alice", ""],
    ["alice", "%00alice"],
    ["A", "%2541"],
    ["%41", "%2541"],
    ["%6", "`"],
    ["%6g", "`g"],
    ["%g6", "x"],
  ])("%s and %s are not", (a, b) => {
    expect(compare(sameUser, a, b)).toBe(false);
  });

  it("stay the same whichever of their octets are escaped, in hexadecimal of either case", () => {
    const plain = fc.stringMatching(/^[A-Za-z0-9+;&._-]{1,12}$/);
    fc.assert(
      fc.property(plain, fc.nat(), fc.boolean(), (name, which, upper) => {
        const digits = (c: string) => c.charCodeAt(0).toString(16).padStart(2, "0");
        const escaped = [...name]
          .map((c, i) => (((which >> i) & 1) === 0 ? c : `%${upper ? digits(c).toUpperCase() : digits(c)}`))
          .join("");
        expect(compare(sameUser, name, escaped)).toBe(true);
        expect(compare(sameUser, name, `${escaped}x`)).toBe(false);
      }),
      { seed: 1 },
    );
  });
});

describe("two URIs", () => {
  it.each([
    ["sip:alice@example.org", "sip:alice@EXAMPLE.org."],
    ["sip:alice@example.org", "sip:%61lice@example.org:5070;transport=tcp"],
    ["sip:alice:secret@example.org", "sips:alice@example.org?Subject=x"],
    ["sip:alice@192.0.2.7", "sip:alice@192.0.2.7."],
  ])("%s and %s name the same user", (a, b) => {
    expect(uri(a).isSameUser(uri(b))).toBe(true);
    expect(uri(b).isSameUser(uri(a))).toBe(true);
  });

  it.each([
    ["sip:alice@example.org", "sip:Alice@example.org"],
    ["sip:alice@example.org", "sip:alice@example.com"],
    ["sip:alice@example.org", "sip:example.org"],
    ["sip:example.org", "sip:example.org"],
    ["tel:+49", "tel:+49"],
    ["sip:a@example.org", "mailto:a@example.org"],
  ])("%s and %s do not", (a, b) => {
    expect(uri(a).isSameUser(uri(b))).toBe(false);
    expect(uri(b).isSameUser(uri(a))).toBe(false);
  });

  it("have an address as host when a dot stands behind it, and are the same resource", () => {
    expect(uri("sip:192.0.2.7.").ip).toBe(uri("sip:192.0.2.7").ip);
    expect(uri("sip:a@example.org.").equals(uri("sip:a@Example.org"))).toBe(true);
    expect(uri("sip:a@example.org..").equals(uri("sip:a@example.org"))).toBe(false);
  });
});
