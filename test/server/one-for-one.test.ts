/**
 * Tests how much the server sends for one packet from an address that may be forged: over methods, states and settings,
 * for an hour.
 */
import { describe, expect, test } from "vitest";
import { type Ask, ask, BOB, field, fields, ProxyHouse, withoutState } from "./proxied.js";

const FORGED = "10.66.6.6";
const METHODS = [
  "INVITE",
  "ACK",
  "BYE",
  "CANCEL",
  "REGISTER",
  "OPTIONS",
  "MESSAGE",
  "SUBSCRIBE",
  "NOTIFY",
  "REFER",
  "PUBLISH",
  "INFO",
  "UPDATE",
  "PRACK",
  "PING",
];
let branches = 0;
const HOUR_MS = 3600_000;
/** Requests that draw each kind of refusal: 404, 407, 480, 400, 416, 420, 483, 440, 403, 482. */
const REQUESTS: Ask[] = [
  {},
  { uri: "sip:nobody@example.org" },
  { uri: "sip:alice@example.org" },
  { uri: "sip:example.org" },
  { uri: "sip:x@10.8.8.8" },
  { uri: "sips:bob@example.org" },
  { from: "<sip:alice@example.org>;tag=1" },
  { extra: "Proxy-Require: foo\r\nRequire: foo\r\n" },
  { extra: "Route: <sip:\r\n" },
  { extra: "Max-Breadth: 0\r\n" },
  { forwards: "Max-Forwards: 0\r\n" },
  { to: "<sip:bob@example.org>;tag=x" },
];

function house(options = {}, isStateless = false): ProxyHouse {
  const h = new ProxyHouse(options);
  h.bind("bob", "<sip:bob@10.0.0.3:5060>");
  if (isStateless) withoutState(h);
  return h;
}

/** @returns the number of packets to the forged address, at once and in the hour that follows */
function drawn(h: ProxyHouse, message: string): number {
  const first = h.receive(message, FORGED + ":5060");
  h.pass(HOUR_MS);
  return [...first, ...h.network.take()].filter(({ to }) => to.includes(FORGED)).length;
}

describe.each([
  ["closed", { isClosed: true }, false],
  ["open to strangers", { isClosed: false }, false],
  ["without state", {}, true],
] as const)("to an address that sent one packet, a server that is %s", (_, options, isStateless) => {
  test("sends one at most, whatever the method and the refusal", () => {
    const h = house(options, isStateless);
    for (const method of METHODS)
      for (const parts of REQUESTS) {
        const count = drawn(
          h,
          ask({ ...parts, method, via: "Via: SIP/2.0/UDP " + FORGED + ";branch=z9hG4bKf" + ++branches + "\r\n" }),
        );
        // A request that reached a phone draws two answers: 100, and later that the phone did not answer.
        const isForwarded = method === "INVITE" && Object.keys(parts).length === 0 && !isStateless;
        expect(count, method + " " + JSON.stringify(parts)).toBeLessThanOrEqual(isForwarded ? 2 : 1);
      }
  });

  test("sends one when it is full", () => {
    const h = house(options, isStateless);
    for (let i = 0; i < 70; i++) h.receive(ask({ method: "INVITE" }), "10.0.7.7:5060");
    h.network.take();
    for (const method of METHODS) {
      const message = ask({ method, via: "Via: SIP/2.0/UDP " + FORGED + ";branch=z9hG4bKg" + method + "\r\n" });
      const sent = h.receive(message, FORGED + ":5060").filter(({ to }) => to.includes(FORGED));
      expect(sent.length, method).toBeLessThanOrEqual(1);
    }
  });
});

describe("a forged INVITE that reached a phone", () => {
  test("draws 100, what the phones said meanwhile, and that it ended, each once, however it ends", () => {
    for (const status of [302, 407, 486, 503, 603, 0]) {
      const h = house();
      const via = "Via: SIP/2.0/UDP " + FORGED + ";branch=z9hG4bKh\r\n";
      const sent = h.receive(ask({ via }), FORGED + ":5060");
      const invites = sent.filter(({ line }) => line.startsWith("INVITE"));
      const all = sent.filter(({ to }) => to.includes(FORGED));
      for (const invite of invites) all.push(...h.answers(invite, 180).filter(({ to }) => to.includes(FORGED)));
      if (status > 0)
        for (const invite of invites) all.push(...h.answers(invite, status).filter(({ to }) => to.includes(FORGED)));
      h.pass(HOUR_MS);
      all.push(...h.network.take().filter(({ to }) => to.includes(FORGED)));
      expect(all.map(({ line }) => line.slice(8, 11)).length, String(status)).toBe(3);
      expect(all.slice(0, 2).map(({ line }) => line.slice(8, 11))).toEqual(["100", "180"]);
    }
  });

  test("and was answered there draws the answer as often as the phone repeats it, and the farewell: 24 packets at most", () => {
    const h = house();
    const via = "Via: SIP/2.0/UDP " + FORGED + ";branch=z9hG4bKanswered\r\n";
    const contact = "Contact: <sip:zoe@" + FORGED + ">\r\n";
    const sent = h.receive(ask({ via, extra: contact, callId: "answered" }), FORGED + ":5060");
    const [invite] = sent.filter(({ line }) => line.startsWith("INVITE"));
    const all = [...sent, ...h.answers(invite, 180)];
    const own = "Contact: <sip:bob@10.0.0.3:5060>\r\n";
    // The response is repeated at 0.5, 1.5, 3.5 s and then every 4 s, for 32 s (RFC 3261 §13.3.1.4).
    let ok = h.answers(invite, 200, "bb", own);
    all.push(...ok);
    for (let i = 1, waitMs = 500; i < 11; i++, waitMs = Math.min(4000, 2 * waitMs)) {
      h.pass(waitMs);
      all.push(...h.network.take(), ...h.answers(invite, 200, "bb", own));
    }
    ok = ok.filter(({ line }) => line.startsWith("SIP/2.0 200"));
    const bye = ask({
      method: "BYE",
      callId: "answered",
      uri: "sip:zoe@" + FORGED,
      from: field(ok[0].text, "To"),
      to: field(ok[0].text, "From"),
      via: "Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKbye\r\n",
      extra: fields(invite.text, "Record-Route")
        .map((route) => "Route: " + route + "\r\n")
        .join(""),
    });
    all.push(...h.receive(bye, BOB));
    h.pass(HOUR_MS);
    all.push(...h.network.take());
    const drawn = all.filter(({ to }) => to.includes(FORGED)).map(({ line }) => line.split(" ").slice(0, 2).join(" "));
    const counts = new Map<string, number>();
    for (const one of drawn) counts.set(one, (counts.get(one) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      "SIP/2.0 100": 1,
      "SIP/2.0 180": 1,
      "SIP/2.0 200": 11,
      ["BYE sip:zoe@" + FORGED]: 11,
    });
  });

  test("is answered again when it comes again, so that who is there hears of it", () => {
    const h = house();
    const request = ask({ via: "Via: SIP/2.0/UDP " + FORGED + ";branch=z9hG4bKi\r\n" });
    const [invite] = h.receive(request, FORGED + ":5060");
    expect(h.answers(invite, 486).length).toBe(1);
    h.pass(20_000);
    expect(h.network.take().filter(({ to }) => to.includes(FORGED))).toEqual([]);
    expect(h.receive(request, FORGED + ":5060").map(({ line }) => line.slice(8, 11))).toEqual(["486"]);
  });

  test("from where an answer came before is treated as usual", () => {
    const h = house();
    const [invite] = h
      .receive(ask({ via: "Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKj\r\n" }), BOB)
      .filter(({ line }) => line.startsWith("INVITE"));
    h.answers(invite, 180);
    const sent = h.receive(ask({ via: "Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKk\r\n" }), BOB);
    const [again] = sent.filter(({ line }) => line.startsWith("INVITE"));
    h.answers(again, 486);
    h.pass(20_000);
    expect(h.network.take().filter(({ line }) => line.startsWith("SIP/2.0 486")).length).toBeGreaterThan(3);
  });
});
