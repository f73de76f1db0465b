/**
 * Tests a forged address: one packet says that it comes from an address at which nobody is. All that leaves the door to
 * anybody is counted, in packets and octets, for every method, in every state of the door, until long after.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { isLeftOut } from "../runs.js";
import { Agent, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const SERVER = "10.0.0.10";
const TARGET = "10.0.0.3";
const VICTIM = "192.0.2.66";
/** This is longer than ringing, waiting for an ACK and every repetition. */
const LONG_MS = 200_000;
/** Nothing rings while the door talks. */
const TALKING_MS = 34_000;

/** A door whose packets are counted, but for those to the phone it talks with. */
class Counted extends House {
  packets: string[] = [];
  octets = 0;

  override sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.count(ip, Buffer.from(bytes.slice(start, end)).toString().split("\r\n")[0], end - start);
    return super.sendDatagram(ip, port, bytes, start, end);
  }

  override rtp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.count(ip, "RTP", end - start);
    super.rtp(call, ip, port, bytes, start, end);
  }

  override rtcp = (...args: unknown[]): void => {
    this.count(Number(args[1]), "RTCP", 100);
  };

  private count(ip: number, what: string, size: number): void {
    if (this.packets === undefined || ip === ipv4("10.0.0.2")) return;
    this.packets.push(what);
    this.octets += size;
  }
}

interface Case {
  method: string;
  more?: string[];
  body?: string;
  toTag?: string;
  uri?: string;
}

const SDP = ["Content-Type: application/sdp"];
const CASES: Record<string, Case> = {
  INVITE: { method: "INVITE", more: SDP, body: sdpOf(VICTIM) },
  "INVITE without an offer": { method: "INVITE" },
  "INVITE that wants 100rel": { method: "INVITE", more: ["Require: 100rel", ...SDP], body: sdpOf(VICTIM) },
  "INVITE that can do 100rel": { method: "INVITE", more: ["Supported: 100rel, timer", ...SDP], body: sdpOf(VICTIM) },
  "INVITE that asks for an answer": { method: "INVITE", more: ["Answer-Mode: Auto", ...SDP], body: sdpOf(VICTIM) },
  "INVITE that insists": { method: "INVITE", more: ["Answer-Mode: Auto;require", ...SDP], body: sdpOf(VICTIM) },
  "INVITE with an extension": { method: "INVITE", more: ["Require: foo, bar", ...SDP], body: sdpOf(VICTIM) },
  "INVITE with another body": { method: "INVITE", more: ["Content-Type: text/plain"], body: "hello" },
  "INVITE with no codec of ours": { method: "INVITE", more: SDP, body: sdpOf(VICTIM, 20000, "18") },
  "INVITE with a broken offer": { method: "INVITE", more: SDP, body: "v=0\r\n" },
  "INVITE that takes no SDP": { method: "INVITE", more: ["Accept: text/plain", ...SDP], body: sdpOf(VICTIM) },
  "INVITE with a short session": { method: "INVITE", more: ["Session-Expires: 10", ...SDP], body: sdpOf(VICTIM) },
  "INVITE without a Contact": { method: "INVITE", more: ["X-No-Contact: 1", ...SDP], body: sdpOf(VICTIM) },
  "INVITE in no dialog": { method: "INVITE", toTag: "x", more: SDP, body: sdpOf(VICTIM) },
  "INVITE for sips": { method: "INVITE", uri: `sips:door@${DOOR}`, more: SDP, body: sdpOf(VICTIM) },
  "INVITE for somebody else": { method: "INVITE", uri: `sip:nobody@${DOOR}`, more: SDP, body: sdpOf(VICTIM) },
  "INVITE through many": { method: "INVITE", more: [`Record-Route: <sip:${VICTIM};lr>`, ...SDP], body: sdpOf(VICTIM) },
  MESSAGE: { method: "MESSAGE", more: ["Content-Type: text/plain"], body: "hello" },
  "MESSAGE that orders": { method: "MESSAGE", more: ["Content-Type: text/plain"], body: "open 2580" },
  "MESSAGE of another kind": { method: "MESSAGE", more: ["Content-Type: text/html"], body: "hello" },
  SUBSCRIBE: { method: "SUBSCRIBE", more: ["Event: dialog", "Expires: 600"] },
  "SUBSCRIBE to something else": { method: "SUBSCRIBE", more: ["Event: presence"] },
  ...Object.fromEntries(
    [
      "OPTIONS",
      "REGISTER",
      "BYE",
      "CANCEL",
      "ACK",
      "INFO",
      "UPDATE",
      "PRACK",
      "NOTIFY",
      "REFER",
      "PUBLISH",
      "FOO",
    ].flatMap((method) => [
      [method, { method }],
      [`${method} in no dialog`, { method, toTag: "x" }],
    ]),
  ),
};

const SETTINGS: Record<string, string[]> = {
  "as it is at first": [],
  "with a password": ["call.password=secret"],
  "where anybody may ring": ["call.allow=any"],
  "where anybody may ring, with a password": ["call.allow=any", "call.password=secret"],
  "where everybody is answered": ["call.allow=any", "call.autoAnswer=on"],
  "where everybody is answered, and joins": ["call.allow=any", "call.autoAnswer=on", "call.join=on"],
  "that does not want to be disturbed": ["call.allow=any", "call.doNotDisturb=busy"],
};

/** Forges a request. @returns the packets that left the door, and how many octets came and went */
function forge(
  from: string,
  one: Case,
  settings: readonly string[],
  state: string,
  after: (h: Counted, world: World) => void = () => {},
): { packets: string[]; sent: number; out: number } {
  const world = new World();
  const phone = new Agent(world, "10.0.0.2");
  phone.autoAnswer = state === "talking";
  const h = new Counted(
    world,
    `sip.domain=${SERVER}`,
    "sip.register=off",
    "button1.day=sip:a@10.0.0.2",
    `call.target=sip:b@${TARGET}`,
    ...settings,
  );
  if (state !== "idle") {
    h.press();
    world.run(200);
  }
  h.packets = [];
  h.octets = 0;
  const contact = one.more?.includes("X-No-Contact: 1") ? [] : [`Contact: <sip:x@${from}>`];
  const lines = [
    `${one.method} ${one.uri ?? `sip:door@${DOOR}`} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bKforged`,
    "Max-Forwards: 70",
    `From: <sip:x@${from}>;tag=f`,
    `To: <sip:door@${DOOR}>${one.toTag === undefined ? "" : `;tag=${one.toTag}`}`,
    `Call-ID: forged@${from}`,
    `CSeq: 1 ${one.method}`,
    ...contact,
    ...(one.more ?? []),
    `Content-Length: ${octets(one.body ?? "").length}`,
    "",
    one.body ?? "",
  ];
  const bytes = octets(lines.join("\r\n"));
  world.send(ipv4(from), 5060, ipv4(DOOR), 5060, bytes);
  world.run(100);
  after(h, world);
  world.run(state === "talking" ? TALKING_MS : LONG_MS);
  return { packets: h.packets, sent: bytes.length, out: h.octets };
}

describe.each(Object.entries(SETTINGS))("to an address that sent one packet, a door %s", (described, settings) => {
  it.each(["idle", "ringing", "talking"])(
    "sends one, and one more only when it rang or answered; it is %s",
    (state) => {
      // In `npm test` each request comes from one of the three, and from each of them with some of the settings.
      const senders = state === "talking" ? [TARGET] : [VICTIM, TARGET, SERVER];
      for (const [i, from] of senders.entries())
        for (const [k, [name, one]] of Object.entries(CASES).entries()) {
          if (isLeftOut(i + k, described.length, Math.max(2, senders.length))) continue;
          const { packets, sent, out } = forge(from, one, settings, state);
          const words = `${name} from ${from}: ${packets.join(", ")}`;
          const first = packets[0] ?? "";
          const isTaken = one.method === "INVITE" && (first.startsWith("SIP/2.0 1") || first.startsWith("SIP/2.0 2"));
          // A call that only rang is refused after the ring time, an answered one without ACK is hung up: each once.
          expect(packets.length, words).toBeLessThanOrEqual(isTaken ? 2 : 1);
          if (packets.length === 2) expect(packets[1], words).toMatch(/^(SIP\/2\.0 (480|487|504)|BYE)/);
          if (state !== "idle") expect(first, words).not.toContain("180");
          // The shortest request that asks for something gets what the door can do, or an offer.
          expect(out, words).toBeLessThan(isTaken ? 3.6 * sent : 1.8 * sent);
        }
    },
  );
});

describe("where a person takes part", () => {
  it("a call that a person answers is repeated until it is acknowledged, without any sound, and is hung up once", () => {
    const { packets } = forge(TARGET, CASES.INVITE, [], "idle", (h, world) => {
      world.run(3000);
      h.press();
    });
    expect(packets[0]).toBe("SIP/2.0 180 Ringing");
    expect(packets.filter((one) => one === "SIP/2.0 200 OK")).toHaveLength(11);
    expect(packets.slice(12)).toEqual([`BYE sip:x@${TARGET} SIP/2.0`]);
  });

  it("a call that a person refuses is refused once", () => {
    const { packets } = forge(TARGET, CASES.INVITE, [], "idle", (h, world) => {
      world.run(3000);
      h.door.hangUp("");
    });
    expect(packets).toEqual(["SIP/2.0 180 Ringing", "SIP/2.0 486 Busy Here"]);
  });
});
