import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import { ParamList, param } from "../../src/wire/params.js";

const out = new Span();

function find(value: string, name: string): string | null {
  const bytes = octets(`;no=1${value};no=2`);
  return param(bytes, 5, bytes.length - 5, octets(name), out) ? out.toString() : null;
}

const params = new ParamList();

function all(value: string): string[] {
  const bytes = octets(`=${value};z`);
  params.beginParams(bytes, 1, bytes.length - 2);
  const found: string[] = [];
  while (params.next()) {
    const name = text(bytes, params.nameStart, params.nameEnd);
    found.push(params.hasValue ? `${name}=${text(bytes, params.valueStart, params.valueEnd)}` : name);
  }
  return found;
}

describe("param", () => {
  it.each([
    [";a=1;b=2", "b", "2"],
    [";a=1;B = 2 ;c", "b", "2"],
    [";a;b", "b", ""],
    ["value;a=1", "a", "1"],
    ['"x;a=no" <y>;a=yes', "a", "yes"],
    [';x="q;a=no";a="quoted \\" ; v"', "a", 'quoted \\" ; v'],
    [";a\r\n =\r\n 5", "a", "5"],
    [";a=", "a", ""],
    [";;;a=1", "a", "1"],
    [";a=[::1]", "a", "[::1]"],
    [";a=1;a=2", "a", "1"],
    [";ab=1", "a", null],
    [";a=1", "ab", null],
    ["", "a", null],
    [";", "a", null],
    [';x="never closed;a=1', "a", null],
    [';a="never closed', "a", null],
    [";no", "1", null],
  ])("in %j finds %s: %j", (value, name, expected) => {
    expect(find(value, name)).toBe(expected);
  });
});

describe("a walk over parameters", () => {
  it.each([
    ["", []],
    [";a=1;b", ["a=1", "b"]],
    [' ; a = "x\\";y" ;;\t b= ;c', ['a=x\\";y', "b=", "c"]],
    [";a;", ["a"]],
  ])("%j gives %j", (value, expected) => {
    expect(all(value)).toEqual(expected);
    expect(params.broken).toBe(false);
  });

  it.each([
    [";a=1;=2", ["a=1"]],
    [';a=1;"b"', ["a=1"]],
    [';a=1;b="', ["a=1"]],
  ])("%j is broken after %j", (value, expected) => {
    expect(all(value)).toEqual(expected);
    expect(params.broken).toBe(true);
  });

  it("stops at what is no parameter, and tells where", () => {
    expect(all(";a=1 ,b;c")).toEqual(["a=1"]);
    expect(params.broken).toBe(false);
    expect(params.at).toBe(6);
  });
});
