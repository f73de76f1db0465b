/** Frames of Wiegand readers: cards of every length with their parity, keys, and everything that is neither. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WiegandLine } from "../../hal/native/wiegand.js";
import { cardFrame } from "../../host-sim/io/reader.js";
import { FRAME_CARD, FRAME_KEY, FRAME_NOISE, WiegandFrame } from "../../src/driver/wiegand.js";
import { SeededRandom } from "../random.js";

const frame = new WiegandFrame();

function read(bits: string): [kind: number, value: number] {
  const value = BigInt("0b" + bits);
  const kind = frame.read(bits.length, Number(value >> 32n) | 0, Number(value & 0xffffffffn) | 0);
  return [kind, frame.value];
}

describe("a card's frame", () => {
  // Facility 188, number 24910, as it is printed on a card: 1 10111100 01100001 01001110 with its parities.
  it.each([
    ["26 bits", "11011110001100001010011100", 188 * 65536 + 24910],
    ["26 bits of zeros", "00000000000000000000000001", 0],
    ["34 bits", cardFrame(0xfedcba98), 0xfedcba98],
    ["37 bits", cardFrame(34_359_738_367), 34_359_738_367],
  ])("of %s has its number", (_, bits, number) => {
    expect(read(bits)).toEqual([FRAME_CARD, number]);
  });

  it("with one bit turned, in any place, is noise", () => {
    for (const number of [1, 12_345_678, 2 ** 24, 4_000_000_000, 2 ** 32, 34_359_738_366]) {
      const bits = cardFrame(number);
      expect(read(bits)).toEqual([FRAME_CARD, number]);
      for (let i = 0; i < bits.length; i++) {
        const turned = bits.slice(0, i) + (bits[i] === "0" ? "1" : "0") + bits.slice(i + 1);
        // The middle one of 37 is in both halves.
        expect(read(turned), number + " bit " + i).toEqual([FRAME_NOISE, 0]);
      }
    }
  });

  it("of any other length is noise, half a frame too", () => {
    const bits = cardFrame(12_345_678).padEnd(64, "1");
    for (let length = 1; length <= 64; length++)
      if (![4, 8, 26, 34, 37].includes(length)) expect(read(bits.slice(0, length))).toEqual([FRAME_NOISE, 0]);
  });
});

describe("what comes over the two wires", () => {
  const card = fc.oneof(fc.integer({ min: 0, max: 2 ** 24 - 1 }), fc.integer({ min: 0, max: 34_359_738_367 }));

  it("is the cards that were shown, in their order, at any speed and with bounces", () => {
    fc.assert(
      fc.property(
        fc.array(card, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 200, max: 20_000 }),
        fc.nat(0xffffffff),
        fc.boolean(),
        (cards, everyUs, startUs, bounces) => {
          const line = new WiegandLine();
          let us = startUs;
          for (const number of cards) {
            for (const bit of cardFrame(number)) {
              line.bit(Number(bit), us);
              if (bounces) line.bit(Number(bit), (us + 199) >>> 0);
              us = (us + everyUs) >>> 0;
            }
            us = (us + 25_000) >>> 0;
          }
          const came: number[] = [];
          for (let words = line.take(us); words !== null; words = line.take(us)) {
            expect(frame.read(words[0], words[1], words[2])).toBe(FRAME_CARD);
            came.push(frame.value);
          }
          expect(came).toEqual(cards);
        },
      ),
      { numRuns: 200, seed: 22 },
    );
  });
});

describe("a key's frame", () => {
  it("of 4 and 8 bits is 0 to 9, * and #", () => {
    for (const [key, name] of [..."0123456789*#"].entries()) {
      const low = key.toString(2).padStart(4, "0");
      const high = (~key & 15).toString(2).padStart(4, "0");
      expect(read(low)).toEqual([FRAME_KEY, name.charCodeAt(0)]);
      expect(read(high + low)).toEqual([FRAME_KEY, name.charCodeAt(0)]);
      expect(read(low + low)[0]).toBe(FRAME_NOISE);
    }
    for (const key of [12, 13, 14, 15]) expect(read(key.toString(2))).toEqual([FRAME_NOISE, 0]);
  });
});

describe("noise", () => {
  it("is never more than it is: a number of 35 bits at most, or a key", () => {
    const random = new SeededRandom(11);
    for (let i = 0; i < 20_000; i++) {
      const bits = random.uint32() % 70;
      const kind = frame.read(bits, random.uint32() | 0, random.uint32() | 0);
      expect(frame.value >= 0 && frame.value <= 34_359_738_367 && Number.isInteger(frame.value)).toBe(true);
      if (kind === FRAME_KEY) expect("0123456789*#").toContain(String.fromCharCode(frame.value));
      if (kind === FRAME_NOISE) expect(frame.value).toBe(0);
    }
  });
});
