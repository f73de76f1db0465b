import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import { NameAddress } from "../../src/wire/address.js";
import { Uri } from "../../src/wire/uri.js";
import { SeededRandom } from "../random.js";

const address = new NameAddress();
/** Pieces that an address and its URI are made of, and some that they must not have. */
const PIECES = [
  ...["<", ">", '"', " ", "\r\n ", ";", ",", "*", ":", "@", "?", "=", "%41", "%4", "\\", "\x7f", "\x01", "[", "]", "/"],
  ...["sip:", "SIPS:", "tel:", "http:", "a", "h.example", "5060", "70000", "[::1]", ";lr", ";tag=1", "?x=y", "+1-2"],
  ...['"A, B" <sip:', "Bob <sip:", "<sip:a@h", "<sip:a:p@h:5060;lr>", "<tel:+1>", "sip:a@h"],
];

/** @returns every number and flag of an object that reads octets */
function readings(view: NameAddress | Uri): unknown[] {
  return Object.values(view).filter((value) => typeof value !== "object");
}

function parse(value: string): boolean {
  const bytes = octets(`<${value}>;"`);
  return address.parse(bytes, 1, bytes.length - 3);
}

function slice(start: number, end: number): string {
  return text(address.bytes, start, end);
}

describe("an address", () => {
  it.each([
    ["<sip:a@h>", "", "sip:a@h", "", ""],
    ["sip:a@h", "", "sip:a@h", "", ""],
    ["sip:a@h;tag=1;x", "", "sip:a@h", ";tag=1;x", "1"],
    ["<sip:a@h;x=1>;tag=2", "", "sip:a@h;x=1", ";tag=2", "2"],
    ["caller<sip:c@h>;tag=323", "caller", "sip:c@h", ";tag=323", "323"],
    ["token1~` token2'+_ t%!.- <sip:a@h>", "token1~` token2'+_ t%!.-", "sip:a@h", "", ""],
    ['"J Rosenberg \\\\\\"" <sip:j@h> ; tag = 98', 'J Rosenberg \\\\\\"', "sip:j@h", "; tag = 98", "98"],
    ['"a, <sip:no@h>;tag=no"\r\n <sip:j@h,k>;TAG=yes', "a, <sip:no@h>;tag=no", "sip:j@h,k", ";TAG=yes", "yes"],
    ['""<sip:a@h>', "", "sip:a@h", "", ""],
    ["  <sip:a@h>;;;;  ", "", "sip:a@h", ";;;;", ""],
    ["sip:a@h ;\r\n tag = 1 ", "", "sip:a@h", ";\r\n tag = 1", "1"],
    ["\u30c9\u30a2 <sip:a@h>", "\u30c9\u30a2", "sip:a@h", "", ""],
  ])("%j is taken apart", (value, display, uri, params, tag) => {
    expect(parse(value)).toBe(true);
    expect(address.isStar).toBe(false);
    expect(slice(address.displayStart, address.displayEnd)).toBe(display);
    expect(slice(address.uriStart, address.uriEnd)).toBe(uri);
    expect(slice(address.paramsStart, address.paramsEnd)).toBe(params);
    expect(slice(address.tagStart, address.tagEnd)).toBe(tag);
  });

  it.each([
    "",
    " ",
    "<>",
    "<sip:a@h",
    "sip:a@h>",
    '"a',
    '"a\\',
    '"a\\"',
    '"a" sip:a@h',
    '"a"',
    'a "b" <sip:a@h>',
    "<sip:a@h> x",
    "<sip:a@h>,<sip:b@h>",
    "a, b <sip:a@h>",
    "sip:a@h,sip:b@h",
    "< sip:a@h>",
    "<sip:a@h >",
    "sip:a@h b",
    "<<sip:a@h>>",
    "<sip:a@h>;=1",
    "<sip:a@h>;tag",
    "<sip:a@h>;tag=1;tag=2",
    '<sip:a@h>;x="1',
    "<sip:a@h>;a=b c",
    "* x",
    '"a"\r\nb <sip:a@h>',
    '"a\r\nb" <sip:a@h>',
  ])("%j is malformed", (value) => {
    expect(parse(value)).toBe(false);
  });

  it("may be a star, which has no URI", () => {
    expect(parse(" * ")).toBe(true);
    expect(address.isStar).toBe(true);
    expect(address.uriEnd - address.uriStart).toBe(0);
    parse("<sip:a@h>");
    expect(address.isStar).toBe(false);
  });

  it("and its URI are read in one pass as they are one after the other", () => {
    const random = new SeededRandom(17);
    const both = new NameAddress();
    const uri = new Uri();
    const other = new Uri();
    let good = 0;
    for (let i = 0; i < 8000; i++) {
      let value = "";
      for (let n = 1 + random.below(5); n > 0; n--) value += PIECES[random.below(PIECES.length)];
      const bytes = octets(`<${value}>;"`);
      const start = random.below(2);
      const end = bytes.length - random.below(4);
      const isGood = address.parse(bytes, start, end) && uri.parse(bytes, address.uriStart, address.uriEnd);
      expect(both.parseWithUri(bytes, start, end, other), value).toBe(isGood);
      if (!isGood) continue;
      good += 1;
      expect(readings(both), value).toEqual(readings(address));
      expect(readings(other), value).toEqual(readings(uri));
    }
    expect(good).toBeGreaterThan(100);
  });

  it("finds header parameters, not those of the URI", () => {
    parse('<sip:a@h;expires=1>;Expires=60;x="q;y=2";flag');
    const out = new Span();
    expect([address.param(octets("expires"), out), out.toString()]).toEqual([true, "60"]);
    expect([address.param(octets("x"), out), out.toString()]).toEqual([true, "q;y=2"]);
    expect([address.param(octets("flag"), out), out.size()]).toEqual([true, 0]);
    expect(address.param(octets("y"), out)).toBe(false);
  });

  it.each([
    ["", 1000],
    [";q=1", 1000],
    [";q=1.000", 1000],
    [";q=0", 0],
    [";q=0.", 0],
    [";q=0.5", 500],
    [";q = 0.33", 330],
    [";q=0.007", 7],
    [";q=1.001", 0],
    [";q=2", 0],
    [";q=0.1234", 0],
    [";q=.5", 0],
    [";q=-1", 0],
    [";q=0x1", 0],
    [";q", 0],
  ])("with %j has the preference %i", (params, expected) => {
    parse(`<sip:a@h>${params}`);
    expect(address.q()).toBe(expected);
  });
});
