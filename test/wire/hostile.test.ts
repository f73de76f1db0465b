/**
 * Tests messages broken at random, with a seed: nothing throws, nothing is read outside, and every offset stays inside.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, Span } from "../../src/core/bytes.js";
import { NameAddress } from "../../src/wire/address.js";
import { ValueList } from "../../src/wire/list.js";
import { Message } from "../../src/wire/message.js";
import { HEADER_COUNT } from "../../src/wire/names.js";
import { param } from "../../src/wire/params.js";
import { FRAME_MESSAGE, FRAME_PING, StreamFramer } from "../../src/wire/stream.js";
import { Uri } from "../../src/wire/uri.js";
import { UNUSUAL } from "../../src/wire/values.js";
import { Via } from "../../src/wire/via.js";
import { MESSAGES } from "../bench/messages.js";
import { runs } from "../runs.js";
import { apply, change, PIECES } from "./broken.js";
import { flowMessages, tortureMessages } from "./corpus.js";

const SEED = 20260417;
const SEEDS: readonly Uint8Array[] = [
  ...MESSAGES.map(({ bytes }) => bytes),
  ...tortureMessages().map(({ bytes }) => bytes),
  ...flowMessages()
    .filter((_, i) => i % 8 === 0)
    .map(({ bytes }) => bytes),
];

const broken = fc.tuple(fc.nat(SEEDS.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(255));

/** Takes no value for the usual form, so that the readers of the whole grammar judge each one. */
class Careful extends Message {
  protected override readUsual(): number {
    return UNUSUAL;
  }

  protected override readUsualVia(): number {
    return UNUSUAL;
  }

  protected override readUsualAddress(): number {
    return UNUSUAL;
  }
}

const usual = new Message(32);
const careful = new Careful(32);
let message: Message = usual;
/** The buffer is large enough for any of them. */
const received = new Uint8Array(32768);
const list = new ValueList();
const address = new NameAddress();
const via = new Via();
const uri = new Uri();
const other = new Uri();
const span = new Span();
const TAG = octets("tag");

/** Reads a message in every way there is. @returns everything that was found, relative to `start` */
function readAll(bytes: Uint8Array, start: number, end: number): number[] {
  const found = [message.parse(bytes, start, end, false), message.problem, message.rows];
  const note = (from: number, to: number) => {
    if (from < to && (from < start || to > end)) throw new Error(`${from} to ${to} is outside of ${start} to ${end}`);
    if (from > to) throw new Error(`${from} is behind ${to}`);
    found.push(from === to ? -1 : from - start, to - from);
  };
  note(message.uriStart, message.uriEnd);
  note(message.reasonStart, message.reasonEnd);
  note(message.callIdStart, message.callIdEnd);
  note(message.cseqMethodStart, message.cseqMethodEnd);
  note(message.fromStart, message.fromEnd);
  note(message.fromTagStart, message.fromTagEnd);
  note(message.toStart, message.toEnd);
  note(message.toTagStart, message.toTagEnd);
  note(message.viaStart, message.viaEnd);
  note(message.branchStart, message.branchEnd);
  note(message.sentByStart, message.sentByEnd);
  found.push(message.cseq, message.contentLength, message.maxForwards, message.status, message.method);
  if (message.problem === 0) note(message.bodyStart, message.bodyEnd);
  if (uri.parse(bytes, message.uriStart, message.uriEnd)) readUri();
  for (let id = 0; id < HEADER_COUNT; id++) {
    found.push(message.uint(id, 1000), message.contains(id, TAG) ? 1 : 0);
    list.beginField(message, id);
    while (list.next()) {
      note(list.start, list.end);
      readValue(list.start, list.end);
    }
  }
  for (let row = 0; row < message.rows; row++) {
    note(message.nameStart(row), message.nameEnd(row));
    note(message.valueStart(row), message.valueEnd(row));
    readValue(message.valueStart(row), message.valueEnd(row));
  }
  return found;

  function readValue(from: number, to: number): void {
    if (param(bytes, from, to, TAG, span)) note(span.start, span.end);
    if (via.parse(bytes, from, to)) {
      note(via.start, via.end);
      note(via.hostStart, via.hostEnd);
      note(via.branchStart, via.branchEnd);
      found.push(via.port, via.ip, via.rport(), via.ttl(), via.transport);
    }
    if (address.parse(bytes, from, to)) {
      note(address.displayStart, address.displayEnd);
      note(address.uriStart, address.uriEnd);
      note(address.tagStart, address.tagEnd);
      found.push(address.q());
      if (uri.parse(bytes, address.uriStart, address.uriEnd)) readUri();
    }
  }

  function readUri(): void {
    note(uri.userStart, uri.userEnd);
    note(uri.passwordStart, uri.passwordEnd);
    note(uri.hostStart, uri.hostEnd);
    note(uri.paramsStart, uri.paramsEnd);
    note(uri.headersStart, uri.headersEnd);
    other.parse(bytes, uri.start, uri.end);
    // Nothing throws, and a URI equals itself unless it names one parameter twice.
    found.push(uri.port, uri.ip, uri.transport(), uri.isLoose() ? 1 : 0, uri.equals(other) ? 1 : 0);
  }
}

describe("10,000 broken messages", () => {
  it("are read alike in the usual form and by the whole grammar", () => {
    fc.assert(
      fc.property(broken, ([seed, changes]) => {
        const bytes = apply(SEEDS[seed], changes);
        message = careful;
        const all = readAll(bytes, 0, bytes.length);
        message = usual;
        expect(readAll(bytes, 0, bytes.length)).toEqual(all);
      }),
      { seed: SEED + 2, numRuns: runs(10_000) },
    );
    for (const { bytes } of MESSAGES) {
      message = careful;
      const all = readAll(bytes, 0, bytes.length);
      message = usual;
      expect(readAll(bytes, 0, bytes.length)).toEqual(all);
    }
  }, 120_000);

  it("are read without a throw, and no octet around them makes a difference", () => {
    fc.assert(
      fc.property(broken, ([seed, changes, around]) => {
        const bytes = apply(SEEDS[seed], changes);
        const alone = readAll(bytes, 0, bytes.length);
        const padding = PIECES[around % PIECES.length];
        // The message lies in a buffer with other octets behind it, which words reach into, at every offset in a word.
        const start = 32 + (around & 3);
        const end = start + bytes.length;
        for (let i = 0; i < end + 32; i++) received[i] = padding[i % padding.length];
        received.set(bytes, start);
        // Leading line ends belong to the message: the octets before it must not join them.
        expect(readAll(received, start, end)).toEqual(alone);
      }),
      { seed: SEED, numRuns: runs(10_000) },
    );
  }, 120_000);

  it("read no octet outside of themselves", () => {
    let lowest = 0;
    let highest = 0;
    const watched = (bytes: Uint8Array) =>
      new Proxy(bytes, {
        get(target, key) {
          if (typeof key === "string" && key >= "0" && key <= ":") {
            const index = Number(key);
            lowest = Math.min(lowest, index);
            highest = Math.max(highest, index - target.length + 1);
          }
          return Reflect.get(target, key);
        },
      });
    fc.assert(
      fc.property(broken, ([seed, changes]) => {
        const bytes = apply(SEEDS[seed], changes);
        lowest = highest = 0;
        readAll(watched(bytes), 0, bytes.length);
        expect([lowest, highest > 0]).toEqual([0, false]);
      }),
      { seed: SEED, numRuns: 300 },
    );
  }, 120_000);
});

describe("2,000 broken streams", () => {
  it("are framed the same whole and in two pieces, and always come to an end", () => {
    fc.assert(
      fc.property(broken, broken, ([seedA, changesA, cut], [seedB, changesB]) => {
        const a = apply(SEEDS[seedA], changesA);
        const b = apply(SEEDS[seedB], changesB);
        const bytes = new Uint8Array(a.length + b.length);
        bytes.set(a, 0);
        bytes.set(b, a.length);
        const middle = Math.floor((bytes.length * cut) / 256);
        expect(frames([bytes.subarray(0, middle), bytes.subarray(middle)])).toEqual(frames([bytes]));
      }),
      { seed: SEED, numRuns: runs(2_000) },
    );
  }, 120_000);

  function frames(pieces: readonly Uint8Array[]): number[] {
    const framer = new StreamFramer(16_384);
    const out: number[] = [];
    for (const piece of pieces) {
      framer.push(piece, 0, piece.length);
      let frame = framer.next();
      while (frame === FRAME_MESSAGE || frame === FRAME_PING) {
        out.push(frame, framer.end - framer.start);
        frame = framer.next();
      }
    }
    out.push(framer.next());
    return out;
  }
});
