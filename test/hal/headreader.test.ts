/**
 * The C that reads the head of a message and its TypeScript twin find the same in the same messages, however these are
 * spelled and spoilt. The C is built with the host's compiler, with its address and undefined behaviour sanitizers, and
 * each message lies in memory as long as it is. Without a compiler that part is skipped, in CI it fails. That what C
 * leaves to others ends the same is looked at on XS (test/xs/xs.test.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HeadReader as HeadReaderInC } from "../../hal/native/headreader.js";
import { HeadReader } from "../../src/wire/headreader.js";
import { Message } from "../../src/wire/message.js";
import { HEADER_NAMES, METHOD_NAMES } from "../../src/wire/names.js";
import { MESSAGES } from "../bench/messages.js";
import { spellings } from "../bench/spellings.js";
import { flowMessages, tortureMessages } from "../wire/corpus.js";
import { spoilt } from "../xs/machines/reading.js";
import { isCheckable, runSanitized, words32 } from "./sanitized.js";

/** The C has to read all values of these messages; otherwise they cost a chip many times as much. */
const SPELLED = new Set([...MESSAGES, ...MESSAGES.flatMap(({ bytes }) => spellings(bytes))].map(({ bytes }) => bytes));
const OTHERS = [...flowMessages().filter((_, i) => i % 8 === 0), ...tortureMessages()].map(({ bytes }) => bytes);
const WHOLE = [...SPELLED, ...OTHERS];
/** So many messages are made of each one. */
const SPOILT = 15;
const ROWS = [48, 8];

interface Input {
  bytes: Uint8Array;
  rows: number;
}

const inputs: Input[] = WHOLE.flatMap((bytes, i) => [
  { bytes, rows: 48 },
  ...Array.from({ length: SPOILT }, (_, j) => ({ bytes: spoilt(bytes, i * SPOILT + j), rows: ROWS[j % 2] })),
]);

/** The names of the words that the C has read, in the layout of headreader.h. */
const NAMES =
  "at rows present problem problemField isOdd read leftStart leftEnd isRequest method methodEnd uriStart uriEnd status reasonStart reasonEnd " +
  "viaStart viaEnd branchStart branchEnd sentByStart sentByEnd hasMagicCookie fromStart fromEnd fromTagStart fromTagEnd " +
  "toStart toEnd toTagStart toTagEnd callIdStart callIdEnd cseq cseqMethod cseqMethodStart cseqMethodEnd maxForwards contentLength repeated";
/** Words that the twin keeps elsewhere or not at all, or that `parse` sets later. */
const OTHERWISE = new Set(["at", "problem", "problemField", "read", "leftStart", "leftEnd"]);
/** The header id to which a word belongs, by the beginning of its name. */
const VALUES: readonly (readonly [string, number])[] = [
  ["via", 1],
  ["branch", 1],
  ["sentBy", 1],
  ["hasMagic", 1],
  ["from", 2],
  ["to", 3],
  ["callId", 4],
  ["cseq", 5],
  ["contentLength", 7],
];
const WORDS = NAMES.split(" ").map((name) => ({
  name,
  id: VALUES.find(([beginning]) => name.startsWith(beginning))?.[1] ?? 0,
}));
const [AT, PROBLEM, READ] = ["at", "problem", "read"].map((one) => WORDS.findIndex(({ name }) => name === one));

class Twin extends Message {
  /** The problem that is known before `parse` looks for missing fields. */
  head = 0;

  protected override readHead(at: number, end: number): number {
    const next = super.readHead(at, end);
    this.head = this.problem;
    return next;
  }

  words(): number[] {
    return WORDS.map(({ name }) => Number((this as unknown as Record<string, unknown>)[name]));
  }

  rowsOfTable(): number[] {
    return [...this.table.slice(0, 4 * this.rows)];
  }
}

/**
 * The compared facts: the words that both have, the values that the C has read, the begin of the body, the problem, the
 * table.
 */
function found(
  words: readonly number[],
  read: number,
  body: number,
  problem: number,
  table: readonly number[],
): string {
  const told = WORDS.map(({ name, id }, i) =>
    OTHERWISE.has(name) || (id > 0 && (read & (1 << id)) === 0) ? "" : `${name}=${words[i]}`,
  );
  return [...told, `body=${body}`, `problem=${problem}`, `table=${table}`].join(" ");
}

describe.skipIf(!isCheckable)("the C that reads a head, under the sanitizers (skipped without a C compiler)", () => {
  it("finds what its twin finds, and leaves few messages that are right to it", { timeout: 120_000 }, () => {
    const lines = runSanitized(
      "headreader.c",
      inputs.map(({ bytes, rows }) => Buffer.concat([words32([bytes.length, rows]), bytes])),
    );
    expect(lines.length).toBe(inputs.length);
    const twins = new Map(ROWS.map((rows) => [rows, new Twin(rows)]));
    const tally = { right: 0, rightLeft: 0, compared: 0 };
    for (const [i, { bytes, rows }] of inputs.entries()) {
      const [left, ...words] = lines[i].split(" ").map(Number);
      const twin = twins.get(rows) as Twin;
      const isRight = twin.parse(bytes, 0, bytes.length, false) === 0;
      if (isRight) tally.right += 1;
      if (isRight && left > 0) tally.rightLeft += 1;
      if (SPELLED.has(bytes)) expect([Buffer.from(bytes).toString(), left]).toEqual([Buffer.from(bytes).toString(), 0]);
      // Octets before the message are handled by `parse`; the C is given none of them.
      if (left > 0 || bytes[0] === 13 || bytes[0] === 10) continue;
      tally.compared += 1;
      const read = words[READ];
      const inC = found(words, read, words[AT], words[PROBLEM], words.slice(WORDS.length));
      const own = found(twin.words(), read, twin.bodyStart, twin.head, twin.rowsOfTable());
      if (inC !== own) expect(`${inC} in ${Buffer.from(bytes).toString("latin1")}`).toBe(own);
    }
    // A few of the right ones have an unusual start line: another scheme, an unknown method.
    expect(tally.right).toBeGreaterThan(500);
    expect(tally.rightLeft).toBeLessThan(tally.right / 8);
    expect(tally.compared).toBeGreaterThan(inputs.length / 2);
  });
});

describe("the head by C", () => {
  it("has the exports and the members of its twin", () => {
    const inPlace: new (rows: number) => object = HeadReaderInC;
    expect(Object.getOwnPropertyNames(inPlace.prototype)).toContain("readHead");
    expect(Object.getOwnPropertyNames(HeadReader.prototype)).toContain("readHead");
    expect(Object.keys(new inPlace(4))).toEqual(expect.arrayContaining(Object.keys(new HeadReader(4))));
  });

  it("knows the names of header fields and methods that the project has", () => {
    const header = readFileSync(join(import.meta.dirname, "../../hal/native/headreader.h"), "utf8");
    const listed = (name: string) => {
      const at = header.indexOf(`${name}[] = {`);
      return [...header.slice(at, header.indexOf("};", at)).matchAll(/"([^"]*)"/g)].map(([, word]) => word);
    };
    const text = (names: readonly Uint8Array[]) => names.map((name) => Buffer.from(name).toString());
    expect(listed("head_names")).toEqual(text(HEADER_NAMES).map((name) => name.toLowerCase()));
    // The last name stands for any other method.
    expect(listed("head_methods")).toEqual(text(METHOD_NAMES).slice(0, -1));
  });
});
