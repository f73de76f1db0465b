import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Probe } from "../../host-sim/server/probe.js";
import { Overload } from "../../src/server/overload.js";
import { CountingRandom } from "../random.js";
import { field, fields } from "../transaction/harness.js";
import { ALICE, type Ask, ask, BOB, ProxyHouse, STRANGER } from "./proxied.js";
import { Rush } from "./rush.js";

/** A call costs nine datagrams, 3.6 ms. */
const COST_MS = 0.4;
const CAPACITY = 250;
/** The kernel keeps at most this many datagrams: 140 ms. */
const PLACES = 350;

describe("a server with more calls than it can take", () => {
  it("turns nobody away up to its capacity", () => {
    const rush = new Rush(COST_MS, PLACES);
    rush.run(3000, CAPACITY);
    expect(rush.refused).toBe(0);
    expect(rush.good(2000)).toBeGreaterThan(0.95 * CAPACITY);
  });

  it.each([
    [2, 0.8],
    [4, 0.5],
  ])("offered %s times as many, serves %s of its capacity at least, and all within 5 s after", (times, share) => {
    const rush = new Rush(COST_MS, PLACES);
    rush.run(4000, times * CAPACITY);
    expect(rush.good(2000)).toBeGreaterThan(share * CAPACITY);
    expect(rush.waitMostMs).toBeLessThan(200);
    rush.run(5000, CAPACITY / 2);
    const after = rush.count;
    rush.run(1000, CAPACITY / 2);
    rush.run(500, 0);
    expect(rush.goodSince(after)).toBe(CAPACITY / 2);
  });
});

function busyHouse(): { house: ProxyHouse; overload: Overload } {
  const house = new ProxyHouse();
  house.bind("bob", "<sip:bob@10.0.0.3>");
  const overload = new Overload(house.auth);
  house.server.overload = overload;
  house.server.judge = house.proxy.admission;
  return { house, overload };
}

/** Makes the wait as long as that for a while. */
function standing(overload: Overload, waitMs: number): void {
  for (const atMs of [0, 500, 1000]) overload.noteWait(waitMs, atMs);
}

/** Makes the server refuse all new requests but one in fifty. */
function choke(overload: Overload): void {
  standing(overload, 1000);
  overload.credit = 0;
}

const FROM_ALICE = { from: "<sip:alice@example.org>;tag=a1", extra: "Contact: <sip:alice@10.0.0.2>\r\n" };

describe("a server that lets nothing new in", () => {
  it("answers 503 with Retry-After, the same number not for all, and keeps nothing", () => {
    const { house, overload } = busyHouse();
    choke(overload);
    const times = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const [answer] = house.receive(
        ask({ method: ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE"][i % 5] }),
        STRANGER,
      );
      expect(answer.line).toBe("SIP/2.0 503 Service Unavailable");
      times.add(field(answer.text, "Retry-After"));
    }
    expect(house.receive(house.request({ contact: "<sip:alice@10.0.0.2>" }))[0].line).toMatch(/^SIP\/2.0 503/);
    expect(times.size).toBeGreaterThan(4);
    expect(overload.shed).toBe(21);
    expect(house.layer.servers.used() - house.layer.servers.items.filter((t) => t.state >= 3).length).toBe(0);
  });

  it("goes on with a call: CANCEL, ACK, what comes in the dialog, its end", () => {
    const { house, overload } = busyHouse();
    const [invite] = house.sends(FROM_ALICE, ALICE, "alice", "secretA");
    choke(overload);
    const [ok] = house.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3>\r\n");
    const routes = fields(ok.text, "Record-Route").map((route) => "Route: " + route + "\r\n");
    const follow = (method: string, cseq: number): string[] =>
      house
        .receive(
          ask({
            ...FROM_ALICE,
            method,
            cseq,
            callId: field(ok.text, "Call-ID"),
            uri: "sip:bob@10.0.0.3",
            to: "<sip:bob@example.org>;tag=bb",
            extra: routes.join(""),
          }),
          ALICE,
        )
        .map((sent) => sent.line + " " + sent.to);
    expect(follow("ACK", 2)).toEqual(["ACK sip:bob@10.0.0.3 SIP/2.0 udp " + BOB]);
    for (const method of ["UPDATE", "INFO", "BYE"])
      expect(follow(method, 3)).toContain(method + " sip:bob@10.0.0.3 SIP/2.0 udp " + BOB);
    expect(overload.shed).toBe(0);
  });

  it("lets a call be taken back", () => {
    const { house, overload } = busyHouse();
    const challenge = house.receive(ask({ ...FROM_ALICE, callId: "x" }), ALICE)[0];
    const credentials = house.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
    const request = { ...FROM_ALICE, callId: "x", branch: "z9hG4bKcancelled", cseq: 2 };
    const went = house.receive(ask({ ...request, extra: FROM_ALICE.extra + credentials }), ALICE);
    house.answers(went.filter(({ line }) => line.startsWith("INVITE"))[0], 180);
    choke(overload);
    const sent = house.receive(ask({ ...request, method: "CANCEL", extra: "" }), ALICE);
    expect(sent.map(({ line }) => line)).toContain("CANCEL sip:bob@10.0.0.3 SIP/2.0");
  });

  it("takes the answer to a challenge that it gave, once and soon, and no invented one", () => {
    const { house, overload } = busyHouse();
    const asked = (method: string): string => house.receive(ask({ ...FROM_ALICE, method }), ALICE)[0].text;
    const lineFor = (credentials: string, method = "INVITE"): string =>
      house.receive(ask({ ...FROM_ALICE, method, extra: FROM_ALICE.extra + credentials }), ALICE)[0].line;
    const answer = (challenge: string, method = "INVITE"): string =>
      house.answerTo(challenge, "alice", "secretA", "sip:bob@example.org", method);
    const first = answer(asked("INVITE"));
    const second = answer(asked("INVITE"));
    choke(overload);
    expect(lineFor(first)).not.toMatch(/503/);
    expect(lineFor(first)).toMatch(/503/);
    // A nonce whose count goes up does not answer a challenge that was given just now.
    expect(lineFor(house.again("alice", "secretA", "sip:bob@example.org", "INVITE"))).toMatch(/503/);
    expect(lineFor(second.replace(/nonce="(.)/, (_, digit) => 'nonce="' + (digit === "0" ? "1" : "0")))).toMatch(/503/);
    house.pass(10_001);
    choke(overload);
    expect(lineFor(second)).toMatch(/503/);
  });

  it("does not take a To tag or a Route alone for a dialog", () => {
    const { house, overload } = busyHouse();
    choke(overload);
    for (const extra of ["", "Route: <sip:10.0.0.1;lr>\r\n", "Route: <sip:00112233445566778899@10.0.0.1;lr>\r\n"])
      expect(house.receive(ask({ to: "<sip:bob@example.org>;tag=x", extra }), STRANGER)[0].line).toMatch(/503/);
  });

  it("turns strangers away first: who claims a user, from where a password came lately, is let in longer", () => {
    const { house, overload } = busyHouse();
    house.sends(FROM_ALICE, ALICE, "alice", "secretA");
    standing(overload, 80);
    const refused = (from: string, parts: Ask): number =>
      Array.from({ length: 20 }, () => house.receive(ask(parts), from)[0].line).filter((line) => line.includes("503"))
        .length;
    expect(refused(ALICE, FROM_ALICE)).toBe(0);
    expect(refused("10.0.0.2:5062", FROM_ALICE)).toBe(0);
    expect(refused(ALICE, {})).toBeGreaterThan(10);
    expect(refused(STRANGER, FROM_ALICE)).toBeGreaterThan(10);
    // The user's address is not remembered for ever.
    house.pass(7_300_000);
    expect(refused(ALICE, FROM_ALICE)).toBeGreaterThan(10);
  });

  it("turns users away only when the wait has stood for half a second, and no more when it has not for as long", () => {
    const { house, overload } = busyHouse();
    house.sends(FROM_ALICE, ALICE, "alice", "secretA");
    const isLetIn = (waitMs: number, atMs: number): boolean => {
      overload.noteWait(waitMs, atMs);
      overload.credit = 0;
      return !house.receive(ask(FROM_ALICE), ALICE)[0].line.includes("503");
    };
    const told: [number, number, boolean][] = [
      [300, 0, true],
      [300, 499, true],
      [10, 500, true],
      [300, 510, true],
      [300, 1009, true],
      [300, 1010, false],
      [10, 1100, true],
      [300, 1200, false],
      [10, 1300, true],
      [10, 1800, true],
      [300, 1801, true],
    ];
    expect(told.map(([waitMs, atMs]) => isLetIn(waitMs, atMs))).toEqual(told.map(([, , is]) => is));
  });

  it("lets in by and by what the share says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), (waitMs) => {
        const { house, overload } = busyHouse();
        standing(overload, waitMs);
        const share = overload.shareOf(false);
        for (let i = 0; i < 50; i++) house.receive(ask({ method: "OPTIONS" }), STRANGER);
        expect(Math.abs(50 - overload.shed - 50 * share)).toBeLessThanOrEqual(2);
      }),
      { seed: 20261129, numRuns: 20 },
    );
  });
});

describe("the datagram a server sends to itself", () => {
  it("tells how long the last two took, the lesser of both", () => {
    const probe = new Probe(new CountingRandom());
    const round = (atMs: number, tookMs: number): void => {
      expect(probe.startIfDue(atMs)).toBe(true);
      expect(probe.takeReturned(probe.bytes.slice(), probe.bytes.length, atMs + tookMs)).toBe(true);
    };
    round(0, 80);
    expect(probe.waitMs(90)).toBe(0);
    round(100, 70);
    expect(probe.waitMs(175)).toBe(70);
    round(200, 1);
    expect(probe.waitMs(205)).toBe(1);
    expect(probe.waitMs(10_000)).toBe(0);
  });

  it("counts while it is away, and as a long time when it is lost", () => {
    const probe = new Probe(new CountingRandom());
    probe.startIfDue(0);
    probe.takeReturned(probe.bytes, probe.bytes.length, 100);
    probe.startIfDue(120);
    expect(probe.waitMs(130)).toBe(10);
    expect(probe.waitMs(219)).toBe(99);
    expect(probe.startIfDue(360)).toBe(false);
    expect(probe.startIfDue(370)).toBe(true);
    expect(probe.waitMs(371)).toBe(100);
    expect(probe.startIfDue(620)).toBe(true);
    expect(probe.waitMs(621)).toBe(250);
  });

  it("is not taken for one that was guessed, or that came a second time", () => {
    const probe = new Probe(new CountingRandom());
    probe.startIfDue(0);
    const kept = probe.bytes.slice();
    const wrong = kept.slice();
    wrong[23] ^= 1;
    expect(probe.takeReturned(wrong, wrong.length, 1)).toBe(false);
    expect(probe.takeReturned(kept, kept.length, 1)).toBe(true);
    expect(probe.takeReturned(kept, kept.length, 2)).toBe(false);
  });
});
