import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { ValueList } from "../../src/wire/list.js";
import { Message } from "../../src/wire/message.js";
import { HEADER_CONTACT, HEADER_REQUIRE, HEADER_VIA } from "../../src/wire/names.js";

const list = new ValueList();

function elements(value: string): string[] {
  const bytes = octets(`a,${value},b`);
  list.beginSpan(bytes, 2, bytes.length - 2);
  return rest();
}

function rest(): string[] {
  const out: string[] = [];
  while (list.next()) out.push(text(list.bytes, list.start, list.end));
  return out;
}

describe("a list of values", () => {
  it.each([
    ["", []],
    ["a", ["a"]],
    [" a ,\tb\r\n ,c ", ["a", "b", "c"]],
    [",,a, ,b,,", ["a", "b"]],
    ['"a,b" <sip:x,y@h>;p="c,\\",d", e', ['"a,b" <sip:x,y@h>;p="c,\\",d"', "e"]],
    ['<sip:"@h>,b', ['<sip:"@h>', "b"]],
    ["a\\,b", ["a\\", "b"]],
  ])("%j has the elements %j", (value, expected) => {
    expect(elements(value)).toEqual(expected);
    expect(list.broken).toBe(false);
    expect(list.next()).toBe(false);
  });

  it.each([
    ['a,"b', ["a"]],
    ['a,"b\\', ["a"]],
    ["a,<sip:b,c", ["a"]],
  ])("%j is broken after %j", (value, expected) => {
    expect(elements(value)).toEqual(expected);
    expect(list.broken).toBe(true);
    expect(list.next()).toBe(false);
  });

  it("goes on over repeated fields and tells the row", () => {
    const message = new Message(16);
    const bytes = octets(
      "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a , SIP/2.0/UDP b\r\nX: 1\r\nv: SIP/2.0/TCP c\r\nVia:\r\nVia: SIP/2.0/UDP d\r\nRequire: x\r\n\r\n",
    );
    message.parse(bytes, 0, bytes.length, false);
    list.beginField(message, HEADER_VIA);
    const rows: number[] = [];
    const found: string[] = [];
    while (list.next()) {
      rows.push(list.row);
      found.push(text(list.bytes, list.start, list.end));
    }
    expect(found).toEqual(["SIP/2.0/UDP a", "SIP/2.0/UDP b", "SIP/2.0/TCP c", "SIP/2.0/UDP d"]);
    expect(rows).toEqual([0, 0, 2, 4]);
    list.beginField(message, HEADER_REQUIRE);
    expect(rest()).toEqual(["x"]);
    list.beginField(message, HEADER_CONTACT);
    expect(rest()).toEqual([]);
  });

  it.each([
    ["SIP/2.0/UDP a;branch=z9hG4bK1", ["SIP/2.0/UDP a;branch=z9hG4bK1"]],
    ['SIP/2.0/UDP a;x="b,c" , SIP/2.0/UDP d', ['SIP/2.0/UDP a;x="b,c"', "SIP/2.0/UDP d"]],
    ["SIP/2.0/UDP a;branch=z9hG4bK1\r\n , ,SIP/2.0/UDP d ", ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP d"]],
    ["SIP/2.0/UDP a;x=<b,SIP/2.0/UDP c", ["SIP/2.0/UDP a;x=<b", "SIP/2.0/UDP c"]],
    [", SIP/2.0/UDP a", ["SIP/2.0/UDP a"]],
    ["SIP/2.0/UDP a b, SIP/2.0/UDP c", ["SIP/2.0/UDP a b", "SIP/2.0/UDP c"]],
  ])("of a Via %j begins with the one that the message knows", (value, expected) => {
    const message = new Message(16);
    const bytes = octets(`SIP/2.0 200 OK\r\nVia: ${value}\r\nVia: SIP/2.0/UDP z\r\n\r\n`);
    message.parse(bytes, 0, bytes.length, false);
    list.beginField(message, HEADER_VIA);
    expect(rest()).toEqual([...expected, "SIP/2.0/UDP z"]);
    expect(list.broken).toBe(false);
    list.beginSpan(bytes, 0, 3);
    expect(rest()).toEqual(["SIP"]);
  });
});
