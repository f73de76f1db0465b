import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { STOP_DISPLAY, STOP_SPACE, STOP_URI, STOP_WORD, scan } from "../../src/wire/lex.js";
import { methodAt } from "../../src/wire/lookup.js";
import { PARSE_DROP } from "../../src/wire/message.js";
import {
  HEADER_CONTENT_TYPE,
  HEADER_COUNT,
  HEADER_NAMES,
  METHOD_NAMES,
  METHOD_NONE,
  METHOD_OTHER,
} from "../../src/wire/names.js";
import { controlStop, scanWords, viewOf, word } from "../../src/wire/words.js";
import { ALL, LINE, message, parse, wire } from "./request.js";

/** @returns `length` octets that are all `fill` except the one at `position` */
function around(length: number, fill: number, position: number, octet: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  bytes[position] = octet;
  return bytes;
}

describe("a control octet", () => {
  it("is found wherever it lies, whatever octets are around it", () => {
    const wrong: number[][] = [];
    for (const fill of [0x20, 0x41, 0x7f, 0x80, 0x9f, 0xff])
      for (let position = 0; position < 24; position++)
        for (const octet of [0, 9, 10, 13, 31]) {
          const bytes = around(24, fill, position, octet);
          for (let at = 0; at <= position; at++)
            if (controlStop(bytes, viewOf(bytes), at, 24) !== position) wrong.push([fill, position, octet, at]);
        }
    expect(wrong).toEqual([]);
  });

  it("is none from SPACE on, and none is looked for behind the end", () => {
    const wrong: number[][] = [];
    for (let octet = 0x20; octet < 256; octet++) {
      const bytes = around(24, 0x41, 9, octet);
      bytes[21] = 13;
      for (let end = 9; end <= 21; end++)
        if (controlStop(bytes, viewOf(bytes), 3, end) !== end) wrong.push([octet, end]);
    }
    expect(wrong).toEqual([]);
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

describe("a method at an offset", () => {
  const spelled = (name: Uint8Array, behind: string) => octets(`xx${text(name)}${behind}`.padEnd(20, "y"));

  it("is known, whatever is behind it", () => {
    for (let method = 1; method < METHOD_OTHER; method++)
      for (const behind of [" ", "\r\n", "S"])
        expect(methodAt(viewOf(spelled(METHOD_NAMES[method], behind)), 2, 20)).toBe(method);
  });

  it("is another one with any single octet changed", () => {
    const wrong: number[][] = [];
    for (let method = 1; method < METHOD_OTHER; method++)
      for (let i = 0; i < METHOD_NAMES[method].length; i++)
        for (let octet = 0; octet < 256; octet++) {
          const bytes = spelled(METHOD_NAMES[method], " ");
          if (bytes[2 + i] === octet) continue;
          bytes[2 + i] = octet;
          if (methodAt(viewOf(bytes), 2, 20) === method) wrong.push([method, i, octet]);
        }
    expect(wrong).toEqual([]);
  });

  it("is not looked for behind the end", () => {
    expect(methodAt(viewOf(spelled(METHOD_NAMES[2], " ")), 2, 10)).toBe(METHOD_NONE);
  });
});

describe("a field's name", () => {
  /** @returns the field id that a message gives to a field with this name and the value "x" */
  function idOf(name: string, behind = ": x"): number {
    expect(parse(wire([LINE, ...ALL, name + behind, "Server: y"]))).not.toBe(PARSE_DROP);
    return message.id(ALL.length);
  }

  it("is known as it is usually spelled and in other cases, with and without a space behind its colon", () => {
    for (let id = HEADER_CONTENT_TYPE; id < HEADER_COUNT; id++) {
      const name = text(HEADER_NAMES[id]);
      for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
        for (const behind of [": x", ":x", " : x", ":  x"]) expect(idOf(spelling, behind)).toBe(id);
    }
  });

  it("is another one with any single octet changed", () => {
    for (let id = HEADER_CONTENT_TYPE; id < HEADER_COUNT; id++) {
      const name = text(HEADER_NAMES[id]);
      for (let i = 0; i < name.length; i++) {
        const other = `${name.slice(0, i)}q${name.slice(i + 1)}`;
        if (other.toLowerCase() !== name.toLowerCase()) expect(idOf(other)).not.toBe(id);
      }
    }
  });
});
