/** A dialog grows to its texts: what it takes, refuses and writes is the same as if it had its limit from the start. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import { Dialog } from "../../src/dialog/dialog.js";
import { Flow } from "../../src/transaction/flow.js";
import type { ServerTransaction } from "../../src/transaction/server.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { Writer } from "../../src/wire/writer.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";

const LIMIT = 640;
const TAG = octets("0123456789abcdef");
const us = {
  buffer: TAG,
  startOf: () => 0,
  endOf: () => TAG.length,
  source: new Flow(),
} as unknown as ServerTransaction;

/** A dialog whose buffer has its limit already. */
function whole(): Dialog {
  const dialog = new Dialog(LIMIT);
  const target = new Span();
  const long = octets("sip:" + "u".repeat(LIMIT) + "@192.0.2.9");
  target.set(long, 0, long.length);
  dialog.draft(new SeededRandom(1), octets("<sip:door@192.0.2.1>"), octets(""), target, octets(""));
  dialog.clear();
  return dialog;
}

/** @returns all that a dialog writes of what it keeps */
function written(dialog: Dialog): string {
  const w = new Writer();
  w.begin(new Uint8Array(4096), 0, 4096);
  dialog.writeRoute(w, true);
  dialog.writeFrom(w);
  dialog.writeTo(w);
  dialog.writeCallId(w);
  return text(w.bytes, 0, w.at) + dialog.target.toString();
}

function read(lines: string[]): Message | null {
  const bytes = octets(lines.join("\r\n"));
  const m = new Message(40);
  return m.parse(bytes, 0, bytes.length, false) === PARSE_OK ? m : null;
}

const word = (most: number) => fc.integer({ min: 1, max: most }).map((length) => "a".repeat(length));
const uri = word(200).map((user) => `<sip:${user}@192.0.2.2;lr>`);
const route = fc
  .array(uri, { minLength: 1, maxLength: 3 })
  .chain((uris) => fc.constantFrom(", ", ",", ",\r\n ").map((between) => uris.join(between)));
const party = fc.constantFrom(
  '"A B" <sip:a@192.0.2.2>',
  "<sip:a@192.0.2.2>",
  "sip:a@192.0.2.2",
  '"A <sip:a@192.0.2.2>',
);
const parts = fc.record({
  callId: word(300),
  from: party,
  to: party,
  fromTag: word(100),
  toTag: word(100),
  routes: fc.array(route, { maxLength: 3 }),
  contacts: fc.array(fc.oneof(uri, fc.constant("<tel:+123>")), { maxLength: 2 }),
});

function linesOf(p: typeof parts extends fc.Arbitrary<infer T> ? T : never, first: string, toTag: string): string[] {
  return [
    first,
    "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1",
    `From: ${p.from};tag=${p.fromTag}`,
    `To: ${p.to}${toTag}`,
    `Call-ID: ${p.callId}`,
    "CSeq: 1 INVITE",
    ...p.routes.map((value) => `Record-Route: ${value}`),
    ...p.contacts.map((value) => `Contact: ${value}`),
    "Content-Length: 0",
    "",
    "",
  ];
}

describe("a dialog that grows", () => {
  it("takes the same requests, and keeps the same of them", () => {
    let taken = 0;
    fc.assert(
      fc.property(parts, (p) => {
        const m = read(linesOf(p, "INVITE sip:door@192.0.2.1 SIP/2.0", ""));
        if (m === null) return;
        const [fresh, full] = [new Dialog(LIMIT), whole()];
        const isTaken = fresh.fromRequest(m, us);
        expect(isTaken).toBe(full.fromRequest(m, us));
        if (!isTaken) return;
        taken += 1;
        expect(written(fresh)).toBe(written(full));
      }),
      { numRuns: runs(300) },
    );
    expect(taken).toBeGreaterThan(0);
  });

  it("takes the same responses, and the same routes when it is confirmed", () => {
    let confirmed = 0;
    fc.assert(
      fc.property(parts, parts, (p, later) => {
        const target = new Span();
        const called = octets("sip:a@192.0.2.2");
        target.set(called, 0, called.length);
        const draft = new Dialog(LIMIT);
        draft.draft(new SeededRandom(7), octets("<sip:door@192.0.2.1>"), octets(""), target, octets(""));
        const early = read(linesOf(p, "SIP/2.0 180 Ringing", `;tag=${p.toTag}`));
        const last = read(linesOf({ ...p, routes: later.routes, contacts: later.contacts }, "SIP/2.0 200 OK", ""));
        if (early === null || last === null) return;
        const [fresh, full] = [new Dialog(LIMIT), whole()];
        const isTaken = fresh.fromResponse(draft, early);
        expect(isTaken).toBe(full.fromResponse(draft, early));
        if (!isTaken) return;
        expect(written(fresh)).toBe(written(full));
        const isConfirmed = fresh.confirm(last);
        expect(isConfirmed).toBe(full.confirm(last));
        if (!isConfirmed) return;
        confirmed += 1;
        expect(written(fresh)).toBe(written(full));
        expect(fresh.refreshTarget(early)).toBe(full.refreshTarget(early));
        expect(written(fresh)).toBe(written(full));
      }),
      { numRuns: runs(300) },
    );
    expect(confirmed).toBeGreaterThan(0);
  });
});
