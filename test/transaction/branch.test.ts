/** Tests branches of our own requests: a keyed hash over Request-URI, From, To, Call-ID, CSeq and a counter. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import { Branches } from "../../src/transaction/branch.js";
import { METHOD_BYE, METHOD_INVITE, METHOD_OPTIONS } from "../../src/wire/names.js";
import { field, Harness, responseTo } from "./harness.js";

const NOTHING = "0".repeat(16);

interface Parts {
  uri: string;
  from: string;
  to: string;
  callId: string;
  cseq: string;
  more: string;
}
const PARTS: Parts = {
  uri: "sip:bob@10.0.0.2",
  from: "<sip:door@10.0.0.1>;tag=1",
  to: "<sip:bob@10.0.0.2>",
  callId: "c1",
  cseq: "7 INVITE",
  more: "Contact: <sip:door@10.0.0.1>",
};

function message({ uri, from, to, callId, cseq, more }: Parts): Uint8Array {
  return octets(
    `INVITE ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK${NOTHING};rport\r\nMax-Forwards: 70\r\n` +
      `From: ${from}\r\nTo: ${to}\r\nCall-ID: ${callId}\r\nCSeq: ${cseq}\r\n${more}\r\nContent-Length: 0\r\n\r\n`,
  );
}

/** The counter stands at its beginning. */
function branchOf(parts: Parts, key = 1): string {
  const bytes = message(parts);
  new Branches({ uint32: () => key }).makeBranch(bytes, bytes.length, false);
  return field(text(bytes), "Via").slice("SIP/2.0/UDP 10.0.0.1:5060;branch=".length, -";rport".length);
}

const viaBranch = (request: string) => /branch=([^;]+)/.exec(field(request, "Via"))?.[1] ?? "";

describe("a branch", () => {
  it("has the magic cookie and 16 digits", () => {
    expect(branchOf(PARTS)).toMatch(/^z9hG4bK[0-9a-f]{16}$/);
    expect(branchOf(PARTS)).not.toContain(NOTHING);
  });

  it("depends on the key, on Request-URI, From, To, Call-ID and CSeq, and on nothing else", () => {
    const usual = branchOf(PARTS);
    expect(branchOf(PARTS, 2)).not.toBe(usual);
    for (const name of ["uri", "from", "to", "callId", "cseq"] as const)
      expect([name, branchOf({ ...PARTS, [name]: `${PARTS[name]}1` })]).not.toEqual([name, usual]);
    expect(branchOf({ ...PARTS, more: "Contact: <sip:door@10.0.0.99>" })).toBe(usual);
  });

  it("is another for each request, though all of them say the same", () => {
    const branches = new Branches({ uint32: () => 1 });
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const bytes = message(PARTS);
      branches.makeBranch(bytes, bytes.length, false);
      seen.add(viaBranch(text(bytes)));
    }
    expect(seen.size).toBe(1000);
  });

  it("leaves all else of the request as it is, whatever stands in it and behind its end", () => {
    const line = fc.string({ unit: fc.constantFrom(...'FTCrom: aSIPeq-d\t;=<>"') });
    fc.assert(
      fc.property(line, line, line, (from, to, more) => {
        const bytes = octets(
          text(message({ ...PARTS, from, to, more: more === "" ? "a" : more })) + "CSeq: 9 INVITE\r\n",
        );
        const before = text(bytes);
        new Branches({ uint32: () => 1 }).makeBranch(bytes, bytes.length - 16, false);
        const after = text(bytes);
        expect(after.replace(viaBranch(after), `z9hG4bK${NOTHING}`)).toBe(before);
      }),
      { seed: 1 },
    );
  });

  it("keeps a first half that is given", () => {
    const bytes = message(PARTS);
    const branches = new Branches({ uint32: () => 1 });
    branches.makeBranch(bytes, bytes.length, true, 0x12345678);
    expect(branches.high).toBe(0x12345678);
    expect(viaBranch(text(bytes))).toMatch(/^z9hG4bK0{8}(?!0{8})[0-9a-f]{8}$/);
  });
});

describe("the requests of a layer", () => {
  it("draw nothing random, after the key was made", () => {
    let drawn = 0;
    const random: RandomSource = { uint32: () => ++drawn };
    const h = new Harness({}, random);
    const before = drawn;
    h.send(METHOD_OPTIONS);
    h.send(METHOD_BYE);
    expect(drawn).toBe(before);
  });

  it("have branches of their own, though all they say is the same and nothing is random", () => {
    const h = new Harness({}, { uint32: () => 0 });
    for (let i = 0; i < 4; i++) h.send(METHOD_OPTIONS);
    expect(new Set(h.network.take().map((one) => viaBranch(one.text))).size).toBe(4);
  });

  it("have the INVITE's in its CANCEL and in the ACK for a refusal, another in the ACK for a 2xx", () => {
    const h = new Harness();
    const t = h.send(METHOD_INVITE);
    const [invite] = h.network.take();
    h.receive(responseTo(invite.text, 180, "a"));
    t.cancel();
    const [cancel] = h.network.take();
    expect(cancel.line).toContain("CANCEL");
    expect(viaBranch(cancel.text)).toBe(viaBranch(invite.text));
    h.receive(responseTo(invite.text, 487, "a"));
    const [ack] = h.network.take();
    expect(viaBranch(ack.text)).toBe(viaBranch(invite.text));
    h.user.onEachResponse = (c, m) => h.ack(c, m);
    h.send(METHOD_INVITE);
    const [second] = h.network.take();
    h.receive(responseTo(second.text, 200, "b"));
    const [acked] = h.network.take();
    expect(acked.line).toContain("ACK");
    expect(viaBranch(acked.text)).toMatch(/^z9hG4bK[0-9a-f]{16}$/);
    expect(viaBranch(acked.text)).not.toBe(viaBranch(second.text));
    // The ACK for the 2xx that comes again is the same one.
    h.receive(responseTo(second.text, 200, "b"));
    expect(h.network.take().map((one) => one.text)).toEqual([acked.text]);
  });
});
