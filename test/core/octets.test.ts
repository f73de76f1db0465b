/** Tests runs of octets in TypeScript. test/hal/octets.test.ts tests the C that boards have in its place. */
import { describe, expect, it } from "vitest";
import * as inC from "../../hal/native/octets.js";
import * as own from "../../src/core/octets.js";

const { areAlike, areSame, asciiText, base64Text, copyOctets, copyUnfolded, isPlain, putUtf8, utf8Size } = own;
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const unfolded = (text: string): string | number => {
  const [from, to] = [bytes(text), new Uint8Array(text.length + 4)];
  const end = copyUnfolded(to, 2, from, 0, from.length);
  return end < 0 ? end : String.fromCharCode(...to.subarray(2, end));
};

describe("runs of octets", () => {
  it("are copied as they are, and nothing beside them changes", () => {
    const to = new Uint8Array(6).fill(9);
    copyOctets(to, 1, bytes("abcdef"), 2, 5);
    expect([...to]).toEqual([9, 0x63, 0x64, 0x65, 9, 9]);
    copyOctets(to, 1, bytes("abc"), 2, 2);
    expect([...to]).toEqual([9, 0x63, 0x64, 0x65, 9, 9]);
  });

  it("are copied without folds, and not at all with another line's end or a NUL", () => {
    expect(unfolded("one\r\n two")).toBe("one two");
    expect(unfolded("one\n\t \ttwo")).toBe("one two");
    expect(unfolded("one\r two")).toBe("one two");
    expect(unfolded("a\\\0b")).toBe("a\\ b");
    for (const refused of ["a\r\nb", "a\r\n", "a\n", "a\r", "\0", "a\0b", "a\r\r\n b"])
      expect(unfolded(refused)).toBe(-1);
  });

  it("are the same, or alike but for the case of letters", () => {
    const [a, b] = [bytes("xVia[@`{"), bytes("VIA[@`{")];
    expect(areSame(a, 1, b, 0, 7)).toBe(false);
    expect(areAlike(a, 1, b, 0, 7)).toBe(true);
    expect(areSame(a, 4, b, 3, 4)).toBe(true);
    // [ and { differ by the same bit as the cases of a letter, but are no letters.
    expect(areAlike(bytes("[`@"), 0, bytes("{`@"), 0, 3)).toBe(false);
    expect(areAlike(bytes("@"), 0, bytes("`"), 0, 1)).toBe(false);
    expect(areSame(a, 8, b, 7, 0)).toBe(true);
  });

  it("are texts, to UTF-8 and from ASCII, and in base64", () => {
    const out = new Uint8Array(16);
    expect(putUtf8(out, 1, "a\0é€😀\ud83d")).toBe(1 + utf8Size("a\0é€😀\ud83d"));
    expect(Buffer.from(out.subarray(1, 15)).toString()).toBe("a\0é€😀\ufffd");
    expect(asciiText(bytes("xab\x7f"), 1, 4)).toBe("ab\x7f");
    expect([asciiText(bytes("a\0"), 0, 2), asciiText(bytes("a\x80"), 0, 2)]).toEqual([null, null]);
    expect([isPlain(""), isPlain(" ~"), isPlain("\x7f"), isPlain("\n"), isPlain("é")]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    for (let length = 0; length < 7; length++) {
      const some = bytes("\xff\x00portero").subarray(0, length);
      expect(base64Text(some, 0, length)).toBe(Buffer.from(some).toString("base64"));
    }
  });

  it("has an export in C for each, so that a manifest can put it in its place", () => {
    const inPlace: typeof own = inC;
    expect(Object.keys(inPlace).sort()).toEqual(Object.keys(own).sort());
  });
});
