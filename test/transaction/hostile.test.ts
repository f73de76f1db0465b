import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { METHOD_INVITE } from "../../src/wire/names.js";
import { runs } from "../runs.js";
import { tortureMessages } from "../wire/corpus.js";
import { Harness, PEER, request, responseTo } from "./harness.js";

const FROM = ipv4("192.0.2.66");

/** Answers each request at once, so that the messages out can be counted against the messages in. */
function door(): Harness {
  const h = new Harness();
  h.user.answer = (t) => t.reply(480);
  return h;
}

function samples(h: Harness): Uint8Array[] {
  h.send(METHOD_INVITE);
  const invite = h.network.take()[0].text;
  const all = [
    request({ body: "v=0\r\n", extra: "Record-Route: <sip:p;lr>\r\nContact: <sip:a@b>\r\n" }),
    request({ method: "ACK" }),
    request({ method: "CANCEL" }),
    request({ method: "BYE", via: "SIP/2.0/UDP 10.0.0.2;rport" }),
    responseTo(invite, 180, "a"),
    responseTo(invite, 200, "a"),
    responseTo(invite, 486, "a"),
  ].map(octets);
  return [...all, ...tortureMessages().map(({ bytes }) => bytes)];
}

/** Replaces some octets, and cuts a piece out or puts it in a second time. */
const mutation = fc.record({
  sample: fc.nat(),
  changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
  cut: fc.option(fc.tuple(fc.nat(), fc.nat({ max: 60 }))),
  twice: fc.option(fc.tuple(fc.nat(), fc.nat({ max: 60 }))),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(all: Uint8Array[], how: Mutation): Uint8Array {
  let bytes = Array.from(all[how.sample % all.length]);
  for (const [at, value] of how.changes) bytes[at % bytes.length] = value;
  if (how.cut !== null) bytes.splice(how.cut[0] % bytes.length, how.cut[1]);
  if (how.twice !== null && bytes.length > 0) {
    const at = how.twice[0] % bytes.length;
    bytes = bytes.slice(0, at + how.twice[1]).concat(bytes.slice(at));
  }
  return Uint8Array.from(bytes);
}

describe("what strangers send", () => {
  it("never throws, and never makes more than one message of one", () => {
    const h = door();
    const all = samples(h);
    fc.assert(
      fc.property(mutation, (how) => {
        const bytes = mutate(all, how);
        h.network.take();
        h.user.take();
        h.layer.receiveDatagram(FROM, 5060, bytes, 0, bytes.length);
        const out = h.network.take();
        // A CANCEL may end an INVITE besides; here none is left unanswered.
        expect(out.length, text(bytes)).toBeLessThanOrEqual(1);
        h.pass(700);
      }),
      { seed: 3261, numRuns: runs(5000) },
    );
    h.pass(200000);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("never throws over TCP, in whatever pieces it comes, and leaves no connection half open", () => {
    const h = door();
    const all = samples(h);
    let connection = 1000;
    fc.assert(
      fc.property(mutation, fc.integer({ min: 1, max: 400 }), (how, piece) => {
        const bytes = mutate(all, how);
        connection += 1;
        expect(h.opened(connection, PEER + ":40000")).toBe(true);
        for (let at = 0; at < bytes.length; at += piece) {
          h.layer.receiveStream(connection, bytes, at, Math.min(at + piece, bytes.length));
        }
        h.layer.streamClosed(connection);
        h.pass(700);
      }),
      { seed: 3261, numRuns: runs(2000) },
    );
    h.pass(200000);
    expect(h.layer.servers.used()).toBe(0);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("RFC 4475: each message of its kinds is answered, told or dropped, without harm", () => {
    for (const { file: name, bytes } of tortureMessages()) {
      const h = door();
      h.layer.receiveDatagram(FROM, 5060, bytes, 0, bytes.length);
      const { counters } = h.layer;
      const told = h.user.take().length;
      const answered = h.network.take().length;
      expect(answered, name).toBeLessThanOrEqual(1);
      expect(told + answered + counters.dropped, name).toBeGreaterThan(0);
    }
  });
});
