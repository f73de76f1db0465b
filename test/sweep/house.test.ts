/**
 * Runs the sweep at a door that is the house's server (`server.enabled`): its phones register with it and call one
 * another, and the door rings them.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { DOOR, House } from "../intercom/house.js";
import { authorization } from "../ua/digest.js";
import { header, headers, Peer, sdpOf, World } from "../ua/harness.js";
import { FIELDS, isPassedOver, type Pad, sweep } from "./sweep.js";

const KITCHEN = "10.0.0.11";
const ATTIC = "10.0.0.12";
const PASSWORDS: Record<string, string> = { kitchen: "k1", attic: "a2" };
/** Timers B and H, and the time for which a press rings. */
const END_MS = 64 * 500 + 64 * 500 + 500;
/** Timer C and the time of its CANCEL, for a phone that rings and was not understood when it said more. */
const RINGING_MS = 181_000 + 32_000;
const CALL_EVERY = 32;
const TYPE = "Content-Type: application/sdp";
const contactOf = (user: string, ip: string): string => `Contact: <sip:${user}@${ip}:5060>`;

/** Makes credentials for the challenge of a 401 or 407. */
function credentials(challenge: string, user: string, method: string, uri: string): string {
  const isProxy = challenge.startsWith("SIP/2.0 407");
  const fields = headers(challenge, isProxy ? "Proxy-Authenticate" : "WWW-Authenticate");
  const field = fields.find((value) => /algorithm=MD5/i.test(value)) ?? fields[0];
  const answer = authorization(field, { method, uri, user, password: PASSWORDS[user] });
  return `${isProxy ? "Proxy-Authorization" : "Authorization"}: ${answer}`;
}

class Stage {
  readonly world = new World();
  readonly house: House;
  readonly kitchen = new Peer(this.world, KITCHEN);
  readonly attic = new Peer(this.world, ATTIC);
  private calls = 0;
  private sent = 0;
  private at = -1;
  private pad: Pad = (message) => message;
  private octets = 0;

  constructor() {
    this.house = new House(
      this.world,
      "server.enabled=on",
      "phone1.name=kitchen",
      "phone1.password=k1",
      "phone2.name=attic",
      "phone2.password=a2",
      "button1.day=attic 10s",
      "call.ringTime=10",
    );
    this.register();
  }

  /** Registers both phones for an hour. */
  private register(): void {
    for (const [peer, user] of [
      [this.kitchen, "kitchen"],
      [this.attic, "attic"],
    ] as const)
      this.asks(peer, user, "REGISTER", 1, {
        uri: `sip:${DOOR}`,
        to: `<sip:${user}@${DOOR}>`,
        more: ["Expires: 3600"],
      });
  }

  /** Plays the script, with the message number `at` longer. @returns what the phones heard, in short */
  play(script: (s: Stage) => void, at: number, pad: Pad, octets: number): string {
    this.at = at;
    this.pad = pad;
    this.octets = octets;
    this.sent = 0;
    this.calls += 1;
    this.kitchen.inbox.length = 0;
    this.attic.inbox.length = 0;
    this.world.log.length = 0;
    script(this);
    this.at = -1;
    return [...this.kitchen.inbox, ...this.attic.inbox]
      .map((message) => message.slice(0, message.indexOf(" ", 8)))
      .join(" ");
  }

  /** The number of messages that the script sent. */
  get count(): number {
    return this.sent;
  }

  /** Checks that everything is over in its time, and that both phones can register. */
  settle(what: string): void {
    const { layer } = this.house.door.ua;
    const { houseServer } = this.house.door;
    const held = (): number[] => [
      layer.servers.used(),
      layer.clients.used(),
      houseServer!.proxy!.contexts.usedBuffers(),
    ];
    this.world.run(END_MS);
    if (held().some((n) => n > 0)) this.world.run(RINGING_MS);
    if (held().some((n) => n > 0)) expect.fail(`${what}: ${held()} are held`);
    if (this.house.door.ua.activeCall() !== null) expect.fail(`${what}: a call is held`);
    this.at = -1;
    this.calls += 1;
    this.register();
    this.world.run(100);
    const there = houseServer!.phones().map((phone) => phone.contact);
    // A contact that was made longer is a second one beside the phone's own.
    expect(there[0], what).toContain(`sip:kitchen@${KITCHEN}:5060`);
    expect(there[1], what).toContain(`sip:attic@${ATTIC}:5060`);
    this.world.run(END_MS);
  }

  put(peer: Peer, message: string): void {
    const text = this.sent++ === this.at ? this.pad(message, this.octets) : message;
    if (text !== null) this.world.send(peer.ip, 5060, this.house.ip, 5060, octets(text));
    this.world.run(5);
  }

  /** Sends a request of a phone, with credentials if it is asked for them. */
  asks(
    peer: Peer,
    user: string,
    method: string,
    cseq: number,
    parts: { uri?: string; to?: string; more?: string[]; body?: string; branch?: string } = {},
  ): void {
    const { more = [], body = "", branch = method } = parts;
    const uri = parts.uri ?? `sip:attic@${DOOR}`;
    const lines = (cseqNow: number, isSecond: boolean, extra: string[]): string =>
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/UDP ${peer.address}:5060;branch=z9hG4bK${branch}${isSecond ? "c" : ""}-${this.calls}-${user}-${cseq}`,
        "Max-Forwards: 70",
        `From: <sip:${user}@${DOOR}>;tag=f${this.calls}`,
        `To: ${parts.to ?? `<sip:attic@${DOOR}>`}`,
        `Call-ID: call-${method === "REGISTER" ? `${user}-` : ""}${this.calls}`,
        `CSeq: ${cseqNow} ${method}`,
        contactOf(user, peer.address),
        ...more,
        ...extra,
        ...(body === "" ? [] : [TYPE]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n");
    const before = peer.inbox.length;
    this.put(peer, lines(cseq, false, []));
    const challenge = peer.inbox.slice(before).find((m) => m.startsWith("SIP/2.0 407") || m.startsWith("SIP/2.0 401"));
    if (challenge === undefined) return;
    this.put(peer, lines(cseq + 1, true, [credentials(challenge, user, method, uri)]));
  }

  /** Lets a phone answer the last request of that method. */
  answers(peer: Peer, method: string, status: string, more: string[] = [], body = ""): void {
    const request = peer.inbox.filter((message) => message.startsWith(method)).at(-1);
    if (request === undefined) return;
    const to = header(request, "To");
    this.put(
      peer,
      [
        `SIP/2.0 ${status}`,
        ...headers(request, "Via").map((via) => `Via: ${via}`),
        ...headers(request, "Record-Route").map((route) => `Record-Route: ${route}`),
        `From: ${header(request, "From")}`,
        `To: ${to}${to.includes(";tag=") ? "" : `;tag=b${this.calls}`}`,
        `Call-ID: ${header(request, "Call-ID")}`,
        `CSeq: ${header(request, "CSeq")}`,
        ...more,
        ...(body === "" ? [] : [TYPE]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  }

  /** Sends the caller's request in the dialog that the other phone's 200 began. */
  goesOn(method: string, cseq: number): void {
    const ok = this.kitchen.inbox
      .filter((m) => m.startsWith("SIP/2.0 200") && /\d INVITE/.test(header(m, "CSeq")))
      .at(-1);
    if (ok === undefined) return;
    const more = headers(ok, "Record-Route").map((route) => `Route: ${route}`);
    this.asks(this.kitchen, "kitchen", method, cseq, { uri: `sip:attic@${ATTIC}:5060`, to: header(ok, "To"), more });
  }
}

const CONTACT = contactOf("attic", ATTIC);

const SCRIPTS: Record<string, (s: Stage) => void> = {
  "a call between phones": (s) => {
    s.asks(s.kitchen, "kitchen", "INVITE", 1, { body: sdpOf(KITCHEN) });
    s.answers(s.attic, "INVITE", "180 Ringing", [CONTACT]);
    s.answers(s.attic, "INVITE", "200 OK", [CONTACT], sdpOf(ATTIC));
    s.goesOn("ACK", 2);
    s.goesOn("BYE", 3);
    s.answers(s.attic, "BYE", "200 OK");
  },
  "a call between phones that is given up": (s) => {
    s.asks(s.kitchen, "kitchen", "INVITE", 1, { body: sdpOf(KITCHEN) });
    s.answers(s.attic, "INVITE", "180 Ringing", [CONTACT]);
    s.asks(s.kitchen, "kitchen", "CANCEL", 2, { branch: "INVITEc" });
    s.answers(s.attic, "CANCEL", "200 OK");
    s.answers(s.attic, "INVITE", "487 Request Terminated");
  },
  "a registration": (s) => {
    s.asks(s.kitchen, "kitchen", "REGISTER", 3, { uri: `sip:${DOOR}`, to: `<sip:kitchen@${DOOR}>` });
  },
  "a press that rings a phone": (s) => {
    s.house.press();
    s.world.run(5);
    s.answers(s.attic, "INVITE", "180 Ringing", [CONTACT]);
    s.answers(s.attic, "INVITE", "200 OK", [CONTACT], sdpOf(ATTIC));
    s.house.press();
    s.world.run(5);
    s.answers(s.attic, "BYE", "200 OK");
    // A phone that was not understood rings on until the visitor gives up.
    s.world.run(20_000);
    if (s.house.isInCall()) s.house.press();
    s.world.run(5);
    s.answers(s.attic, "CANCEL", "200 OK");
    s.answers(s.attic, "BYE", "200 OK");
  },
};

describe.each([
  ["a plain board", DOOR_LIMITS],
  ["a board with PSRAM", ROOMY_LIMITS],
] as const)("the house's server on %s", (_, limits) => {
  let before: Limits;
  beforeAll(() => {
    before = House.limits;
    House.limits = houseServerLimits({ ...limits, phones: 8 });
  });
  afterAll(() => {
    House.limits = before;
  });

  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`comes to an end whatever is longer in ${name}, and takes the next call`, { timeout: 100_000_000 }, () => {
      let stage = new Stage();
      const plain = (message: string): string => message;
      const usual = SCRIPTS["a call between phones"];
      const whole = stage.play(usual, -1, plain, 0);
      expect(whole).toMatch(/INVITE.*ACK.*BYE/);
      stage.settle("a usual call");
      stage.play(script, -1, plain, 0);
      const { count } = stage;
      stage.settle(name);
      let cases = 0;
      for (let at = 0; at < count; at++) {
        for (const [i, [field, pad]] of Object.entries(FIELDS).entries()) {
          if (isPassedOver(at, i, name)) continue;
          cases += sweep((length) => {
            const what = `${name}, message ${at}, ${field}, ${length} octets`;
            const how = stage.play(script, at, pad, length);
            stage.settle(what);
            if (length % CALL_EVERY !== 0) return how;
            const next = stage.play(usual, -1, plain, 0);
            if (next !== whole) expect.fail(`${what}: the next is "${next}", not "${whole}"`);
            stage.settle(`after ${what}`);
            if (stage.world.nowMs > 1e9) stage = new Stage();
            return how;
          });
        }
      }
      expect(cases).toBeGreaterThan(5);
    });
  }
});
