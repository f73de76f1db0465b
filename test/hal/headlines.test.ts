/**
 * The C that writes the head of a response and its TypeScript twin write the same, from the same requests, however
 * these are spelled and spoilt, into room enough and too little. The C is built with the host's compiler and its
 * sanitizers. Without a compiler that part is skipped, in CI it fails.
 */
import { describe, expect, it } from "vitest";
import * as inC from "../../hal/native/headlines.js";
import * as twin from "../../src/transaction/headlines.js";
import { HeadLines, PLACE, PLACES } from "../../src/transaction/headlines.js";
import { Message } from "../../src/wire/message.js";
import { HEADER_CSEQ, HEADER_VIA } from "../../src/wire/names.js";
import { MESSAGES } from "../bench/messages.js";
import { spellings } from "../bench/spellings.js";
import { tortureMessages } from "../wire/corpus.js";
import { spoilt } from "../xs/machines/reading.js";
import { isCheckable, runSanitized, words32 } from "./sanitized.js";

const WHOLE = [...MESSAGES, ...MESSAGES.flatMap(({ bytes }) => spellings(bytes)), ...tortureMessages()];
/** So many messages are made of each one. */
const SPOILT = 20;
const VIA = 0;
const PARTIES = 1;
/** The address of the messages' own Via, another one, and one that is negative as a word. */
const SOURCES = [0xc0000215, 0x0a000001, 0xfffffffe];
const ROOM = 4096;

interface Input {
  kind: number;
  room: number;
  bytes: Uint8Array;
  places: number[];
}

function placesOfVia(m: Message, ip: number, port: number): number[] {
  const row = m.first(HEADER_VIA);
  const stop = row < 0 ? m.viaEnd : m.valueEnd(row);
  const places = [m.viaStart, m.viaEnd, stop, m.sentByStart, m.sentByEnd, m.branchStart, m.branchEnd, ip | 0, port];
  return [...places, ...new Array(PLACES - places.length).fill(0)];
}

function placesOfParties(m: Message, tag: number): number[] {
  const row = m.first(HEADER_CSEQ);
  const cseq = row < 0 ? [0, 0, 0] : [m.valueStart(row), m.cseqMethodStart, m.valueEnd(row)];
  const from = [m.fromStart, m.fromEnd, m.fromTagStart, m.fromTagEnd];
  const to = [m.toStart, m.toEnd, m.toTagStart, m.toTagEnd];
  return [...from, ...to, m.callIdStart, m.callIdEnd, ...cseq, tag, ~tag];
}

const message = new Message(48);
const inputs: Input[] = WHOLE.flatMap(({ bytes: whole }, i) =>
  Array.from({ length: SPOILT }, (_, j) => (j === 0 ? whole : spoilt(whole, i * SPOILT + j))).flatMap((bytes, j) => {
    message.parse(bytes, 0, bytes.length, false);
    const room = j % 4 === 3 ? (j * 37) % 300 : ROOM;
    const places = placesOfVia(message, SOURCES[(i + j) % SOURCES.length], [5060, 0, 65535, 10][j % 4]);
    return [
      { kind: VIA, room, bytes, places },
      { kind: PARTIES, room, bytes, places: placesOfParties(message, Math.imul(i * SPOILT + j, 0x9e3779b1)) },
    ];
  }),
);

const lines = new HeadLines();

/** @returns the twin's result, its places and its text, as the program prints them */
function told({ kind, room, bytes, places }: Input): string {
  const out = new Uint8Array(room);
  lines.places.set(places);
  const end = kind === VIA ? lines.writeVia(out, 0, room, bytes) : lines.writeParties(out, 0, room, bytes);
  return `${end} ${[...lines.places].join(" ")} ${Buffer.from(out.subarray(0, Math.max(end, 0))).toString("hex")}`;
}

describe.skipIf(!isCheckable)("the C that writes the head of a response (skipped without a C compiler)", () => {
  it("writes what its twin writes, and refuses what that refuses", { timeout: 120_000 }, () => {
    const said = runSanitized(
      "headlines.c",
      inputs.map(({ kind, room, bytes, places }) =>
        Buffer.concat([words32([kind, room, bytes.length]), words32(places), bytes]),
      ),
    );
    let refused = 0;
    for (const [i, input] of inputs.entries()) {
      const own = told(input);
      if (own.startsWith("-1")) refused += 1;
      if (said[i] !== own) expect(`${said[i]} of ${Buffer.from(input.bytes).toString("latin1")}`).toBe(own);
    }
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(inputs.length / 2);
  });
});

describe("the head of a response by C", () => {
  it("has the exports of its twin, with the same places", () => {
    expect(Object.keys(inC).sort()).toEqual(Object.keys(twin).sort());
    expect([inC.PLACE, inC.PLACES]).toEqual([PLACE, PLACES]);
    const inPlace: new () => Pick<HeadLines, "places" | "writeVia" | "writeParties"> = inC.HeadLines;
    expect(new inPlace().places.length).toBe(PLACES);
  });
});
