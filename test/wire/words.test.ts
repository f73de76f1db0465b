import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { STOP_DISPLAY, STOP_SPACE, STOP_URI, STOP_WORD, scan } from "../../src/wire/lex.js";
import { headerAt } from "../../src/wire/lookup.js";
import { HEADER_COUNT, HEADER_NAMES, HEADER_OTHER } from "../../src/wire/names.js";
import { controlStop, PATTERN_MAX, patterns, scanWords, setPattern, viewOf, word } from "../../src/wire/words.js";

/** `length` octets of which all but the one at `position` are `fill`. */
function around(length: number, fill: number, position: number, octet: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  bytes[position] = octet;
  return bytes;
}

describe("a control octet", () => {
  it("is found wherever it lies, whatever octets are around it", () => {
    for (const fill of [0x20, 0x41, 0x7f, 0x80, 0x9f, 0xff])
      for (let position = 0; position < 24; position++)
        for (const octet of [0, 9, 10, 13, 31]) {
          const bytes = around(24, fill, position, octet);
          for (let at = 0; at <= position; at++) expect(controlStop(bytes, viewOf(bytes), at, 24)).toBe(position);
        }
  });

  it("is none from SPACE on, and none is looked for behind the end", () => {
    for (let octet = 0x20; octet < 256; octet++) {
      const bytes = around(24, 0x41, 9, octet);
      bytes[21] = 13;
      for (let end = 9; end <= 21; end++) expect(controlStop(bytes, viewOf(bytes), 3, end)).toBe(end);
    }
  });
});

describe("scanning by words", () => {
  it("stops where scanning octet by octet does, for each octet and set of stops", () => {
    const wrong: number[][] = [];
    for (const stops of [STOP_WORD, STOP_URI, STOP_DISPLAY, STOP_SPACE])
      for (const fill of [0x2d, 0x3a, 0x61, 0xad])
        for (let octet = 0; octet < 256; octet++)
          for (let position = 4; position < 12; position++) {
            const bytes = around(20, fill, position, octet);
            const view = viewOf(bytes);
            for (let at = 0; at < 4; at++)
              for (const end of [position, position + 1, 19, 20])
                if (scanWords(bytes, view, at, end, stops) !== scan(bytes, at, end, stops))
                  wrong.push([stops, fill, octet, position, at, end]);
          }
    expect(wrong).toEqual([]);
  });
});

describe("a word", () => {
  it("is what a view reads there", () => {
    expect(viewOf(octets("xSIP/")).getInt32(1, true)).toBe(word("SIP/"));
  });
});

describe("a pattern", () => {
  const text = octets("Max-Forwards: 70 and more behind it");

  function standsAt(pattern: string, isExact: boolean, message = text): boolean {
    const table = patterns(2);
    setPattern(table, 1, octets(pattern), isExact);
    const view = viewOf(message);
    const is = (index: number) =>
      [0, 2, 4, 6].every((n) => (view.getInt32(2 * n, true) | table[8 * index + n]) === table[8 * index + n + 1]);
    expect(is(0)).toBe(false);
    return is(1);
  }

  it("is found, letters in either case", () => {
    for (const pattern of ["M", "Max", "Max-", "max-f", "MAX-FORW", "max-forwa", "Max-Forwards:", "Max-Forwards: 70"])
      expect(standsAt(pattern, false)).toBe(true);
  });

  it("in exact spelling is another one in another case", () => {
    expect(standsAt("Max-Forwards:", true)).toBe(true);
    expect(standsAt("Max-forwards:", true)).toBe(false);
  });

  it("is another one with any single octet changed, and no control octet passes for a mark", () => {
    for (let i = 0; i < 13; i++)
      for (let octet = 0; octet < 256; octet++) {
        const changed = text.slice();
        changed[i] = octet;
        const isSame = String.fromCharCode(octet).toLowerCase() === String.fromCharCode(text[i]).toLowerCase();
        expect(standsAt("Max-Forwards:", false, changed)).toBe(isSame);
      }
  });

  it("that is too long matches nothing", () => {
    const long = "Max-Forwards: 70 ";
    expect(long.length).toBeGreaterThan(PATTERN_MAX);
    expect(standsAt(long, false)).toBe(false);
  });
});

describe("a field's name at the beginning of a line", () => {
  it("is known in every spelling and at every offset when a pattern can hold it and its colon", () => {
    for (let id = 1; id < HEADER_COUNT; id++)
      for (let offset = 0; offset < 4; offset++) {
        const name = HEADER_NAMES[id];
        const bytes = new Uint8Array(64);
        bytes.set(name, offset);
        bytes[offset + name.length] = 0x3a;
        const expected = name.length < PATTERN_MAX ? id : HEADER_OTHER;
        expect(headerAt(bytes, viewOf(bytes), offset, 60)).toBe(expected);
        for (let i = offset; i < offset + name.length; i++) bytes[i] ^= bytes[i] >= 0x41 ? 0x20 : 0;
        expect(headerAt(bytes, viewOf(bytes), offset, 60)).toBe(expected);
        bytes[offset + name.length] = 0x20;
        expect(headerAt(bytes, viewOf(bytes), offset, 60)).toBe(HEADER_OTHER);
      }
  });
});
