/** Texts for properties. */
import fc from "fast-check";

/**
 * A character: one of ASCII, one that takes two or three octets, or any code point but half a surrogate pair.
 * fast-check has `unit: "binary"` for these, but draws up a table of all 1.1 million of them each time one is asked
 * for.
 */
const character = fc
  .oneof(fc.nat(0x7f), fc.integer({ min: 0x80, max: 0x2fff }), fc.nat(0x10ffff))
  .map((code) => String.fromCodePoint(code >= 0xd800 && code < 0xe000 ? code - 0xd800 : code));

/** Texts of any characters, with no half of a surrogate pair. @param maxLength their characters at most */
export function anyText(maxLength?: number): fc.Arbitrary<string> {
  return fc.array(character, { maxLength }).map((characters) => characters.join(""));
}
