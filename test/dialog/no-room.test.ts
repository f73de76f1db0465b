/**
 * Tests that a message that does not fit, or finds no room, ends nothing silently: the other side is told, and the call
 * goes on as both sides know it.
 */
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import type { ClientTransaction } from "../../src/transaction/client.js";
import { NO_USER } from "../../src/transaction/client.js";
import { METHOD_OPTIONS } from "../../src/wire/names.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "../ua/harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const CONTACT = `Contact: <sip:bob@${PHONE}>`;
const TYPE = "Content-Type: application/sdp";

function made(limits: Partial<Limits> = {}, settings: ConstructorParameters<typeof Agent>[2] = {}) {
  const world = new World();
  const a = new Agent(world, DOOR, settings, { ...DOOR_LIMITS, ...limits });
  return { world, a, peer: new Peer(world, PHONE) };
}

/** Sends the phone's INVITE, or any request of its dialog if `tag` is ours. */
function ask(peer: Peer, method: string, cseq: number, tag = "", more: string[] = [], body = "", branch = ""): void {
  peer.send(
    DOOR,
    [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${method}${cseq}${branch}`,
      "From: <sip:bob@there>;tag=t",
      `To: <sip:door@${DOOR}>${tag === "" ? "" : `;tag=${tag}`}`,
      "Call-ID: c1",
      `CSeq: ${cseq} ${method}`,
      "Max-Forwards: 70",
      ...more,
      ...(more.some((line) => line.startsWith("Contact")) || method === "ACK" ? [] : [CONTACT]),
      ...(body === "" ? [] : [TYPE]),
    ],
    body,
  );
}

function ourTag(message: string): string {
  return header(message, "To").split(";tag=")[1] ?? "";
}

/** Lets the phone call and be answered. @returns our tag */
function answered({ world, a, peer }: ReturnType<typeof made>): string {
  a.autoAnswer = true;
  ask(peer, "INVITE", 1, "", [], sdpOf(PHONE));
  world.run(20);
  const tag = ourTag(peer.got("SIP/2.0 200")[0]);
  ask(peer, "ACK", 1, tag, [], "", "a");
  world.run(20);
  expect(a.last()).toBe("call confirmed");
  peer.inbox.length = 0;
  return tag;
}

/** Lets the door call and the phone answer. */
function talking(all: ReturnType<typeof made>, more: string[] = []): string {
  const { world, a, peer } = all;
  a.call(`sip:bob@${PHONE}`);
  world.run(20);
  const invite = peer.got("INVITE")[0];
  peer.respond(DOOR, invite, "200 OK", "t", [CONTACT, TYPE, ...more], sdpOf(PHONE));
  world.run(20);
  expect(a.last()).toBe("call confirmed");
  peer.inbox.length = 0;
  return invite;
}

/** Checks that everything else ends by itself. */
function settle({ world, a }: ReturnType<typeof made>): void {
  world.run(32_000 + 32_000 + 100);
  expect(a.ua.layer.servers.used()).toBe(0);
  expect(a.ua.layer.clients.used()).toBe(0);
}

describe("an INVITE whose answer does not fit", () => {
  for (const [name, routes] of [
    ["the 200 alone", 22],
    ["the 180 either", 25],
  ] as const) {
    it(`(${name}) is refused with 500 when it is answered, and the door is free`, () => {
      const all = made();
      const { world, a, peer } = all;
      const fields = Array.from({ length: routes }, (_, i) => `Record-Route: <sip:${`p${i}`.padEnd(20, "x")}.test;lr>`);
      ask(peer, "INVITE", 1, "", fields, sdpOf(PHONE));
      world.run(20);
      if (a.last() === "call incoming") {
        expect(peer.got("SIP/2.0 180")).toHaveLength(1);
        a.ua.answer(a.ua.calls[0]);
        world.run(20);
      }
      expect(peer.got("SIP/2.0 500").length + peer.got("SIP/2.0 513").length).toBeGreaterThan(0);
      expect(a.ua.activeCall()).toBe(null);
      ask(peer, "ACK", 1, ourTag(peer.inbox.at(-1)!));
      settle(all);
      expect(a.call(`sip:bob@${PHONE}`)).not.toBe(null);
    });
  }

  it("a re-INVITE so leaves the call as it was: sound, target and session", () => {
    const all = made();
    const { world, a, peer } = all;
    const tag = answered(all);
    const via = `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKv;x=${"v".repeat(1000)}`;
    const other = "Contact: <sip:other@10.0.0.9>";
    const held = sdpOf(PHONE, 20000, "0 101", ["a=sendonly"]);
    peer.send(
      DOOR,
      [
        `INVITE sip:door@${DOOR} SIP/2.0`,
        via,
        "From: <sip:bob@there>;tag=t",
        `To: <sip:door@${DOOR}>;tag=${tag}`,
        "Call-ID: c1",
        "CSeq: 2 INVITE",
        other,
        TYPE,
      ],
      held,
    );
    world.run(20);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 500/);
    expect(a.last()).toBe("call confirmed");
    expect(a.ua.calls[0].session.negotiation.result.sends).toBe(true);
    a.ua.hangUp(a.ua.calls[0]);
    world.run(20);
    expect(peer.got(`BYE sip:bob@${PHONE}`)).toHaveLength(1);
    peer.respond(DOOR, peer.got("BYE")[0], "200 OK", "");
    settle(all);
  });

  it("a Contact too long to be kept is refused with 513, in an INVITE, a re-INVITE and an UPDATE", () => {
    const all = made();
    const { world, a, peer } = all;
    const long = `Contact: <sip:${"c".repeat(450)}@${PHONE}>`;
    ask(peer, "INVITE", 1, "", [long], sdpOf(PHONE));
    world.run(20);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 513/);
    const again = made();
    const tag = answered(again);
    for (const [method, cseq] of [
      ["INVITE", 2],
      ["UPDATE", 3],
    ] as const) {
      ask(again.peer, method, cseq, tag, [long], sdpOf(PHONE));
      again.world.run(20);
      expect(again.peer.inbox.at(-1)).toMatch(/^SIP\/2.0 513/);
    }
    expect(again.a.last()).toBe("call confirmed");
    expect(a.ua.activeCall()).toBe(null);
  });
});

describe("a 2xx whose dialog cannot be kept gets ACK and BYE, written from itself", () => {
  const routes = ["one", "two", "three", "four", "five"].map((name) => `<sip:${name.padEnd(190, "x")}.test;lr>`);
  const hop = `<sip:${PHONE};lr>`;

  it("by the routes it has", () => {
    const all = made({ transactionBytes: 2048 });
    const { world, a, peer } = all;
    a.call(`sip:bob@${PHONE}`);
    world.run(20);
    const invite = peer.got("INVITE")[0];
    const more = [CONTACT, TYPE, ...routes.map((route) => `Record-Route: ${route}`), `Record-Route: ${hop}`];
    const answer = () => peer.respond(DOOR, invite, "200 OK", "t", more, sdpOf(PHONE));
    answer();
    world.run(20);
    expect(a.last()).toBe("call ended cause no-room");
    const [ack] = peer.got("ACK");
    const [bye] = peer.got("BYE");
    for (const request of [ack, bye]) {
      expect(request).toMatch(new RegExp(`^[A-Z]+ sip:bob@${PHONE} SIP/2.0`));
      expect(headers(request, "Route").join(",")).toBe([...routes, hop].reverse().join(","));
      expect(header(request, "To")).toContain("tag=t");
      expect(header(request, "From")).toBe(header(invite, "From"));
      expect(header(request, "Call-ID")).toBe(header(invite, "Call-ID"));
    }
    const cseq = Number.parseInt(header(invite, "CSeq"), 10);
    expect(header(ack, "CSeq")).toBe(`${cseq} ACK`);
    expect(header(bye, "CSeq")).toBe(`${cseq + 1} BYE`);
    // The response is repeated until the ACK is heard.
    answer();
    world.run(20);
    expect(peer.got("ACK")).toHaveLength(2);
    expect(peer.got("BYE")).toHaveLength(1);
    peer.respond(DOOR, bye, "200 OK", "");
    settle(all);
  });

  it.each([
    ["when the routes do not fit into the requests either", routes.map((route) => `Record-Route: ${route}`)],
    ["when its Contact is too long", [`Contact: <sip:${"c".repeat(450)}@${PHONE}>`]],
  ])("%s", (_, more) => {
    for (const isEarly of [false, true]) {
      const all = made();
      const { world, a, peer } = all;
      a.call(`sip:bob@${PHONE}`);
      world.run(20);
      const invite = peer.got("INVITE")[0];
      if (isEarly) peer.respond(DOOR, invite, "180 Ringing", "t", [CONTACT]);
      world.run(20);
      const contact = more[0].startsWith("Contact") ? [] : [CONTACT];
      peer.respond(
        DOOR,
        invite,
        "200 OK",
        "t",
        [...contact, TYPE, ...more, ...more, ...more].slice(0, 12),
        sdpOf(PHONE),
      );
      world.run(20);
      expect(a.last()).toBe("call ended cause no-room");
      expect(peer.got("ACK")).toHaveLength(1);
      expect(peer.got("BYE")).toHaveLength(1);
      peer.respond(DOOR, peer.got("BYE")[0], "200 OK", "");
      settle(all);
    }
  });
});

describe("when the table of requests that came is full", () => {
  it("re-INVITEs that were acknowledged make room at once: the call goes on, and ends", () => {
    const all = made();
    const { world, a, peer } = all;
    const tag = answered(all);
    let cseq = 2;
    for (let i = 0; i < 8; i++) {
      ask(peer, "INVITE", cseq, tag, [], sdpOf(PHONE, 20000 + 2 * i));
      world.run(5);
      expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
      ask(peer, "ACK", cseq++, tag, [], "", "a");
      world.run(5);
      ask(peer, "UPDATE", cseq++, tag);
      world.run(5);
      expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
    }
    ask(peer, "BYE", cseq, tag);
    world.run(5);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
    expect(a.last()).toMatch(/^call ended/);
    // The next caller is answered.
    peer.inbox.length = 0;
    peer.send(
      DOOR,
      [
        `INVITE sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKnext`,
        "From: <sip:bob@there>;tag=t2",
        `To: <sip:door@${DOOR}>`,
        "Call-ID: c2",
        "CSeq: 1 INVITE",
        CONTACT,
        TYPE,
      ],
      sdpOf(PHONE),
    );
    world.run(20);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
  });

  it("of strangers' requests of the same instant, what belongs to the call finds room", () => {
    for (const method of ["BYE", "UPDATE", "INVITE", "INFO"]) {
      const all = made();
      const { world, peer } = all;
      const tag = answered(all);
      const stranger = new Peer(world, "10.0.0.66");
      for (let i = 0; i < 50; i++)
        stranger.send(DOOR, [
          `${i % 2 ? "OPTIONS" : "INVITE"} sip:door@${DOOR} SIP/2.0`,
          `Via: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bKs${i}`,
          "From: <sip:x@y>;tag=x",
          `To: <sip:door@${DOOR}>`,
          `Call-ID: s${i}`,
          `CSeq: 1 ${i % 2 ? "OPTIONS" : "INVITE"}`,
          "Contact: <sip:x@10.0.0.66>",
        ]);
      ask(peer, method, 2, tag, [], method === "INVITE" ? sdpOf(PHONE) : "");
      world.run(5);
      expect(peer.inbox.at(-1), method).toMatch(/^SIP\/2.0 200/);
    }
  });

  it("of requests that are not answered yet, a BYE still ends the call", () => {
    const all = made();
    const { world, a, peer } = all;
    const tag = answered(all);
    const { layer } = a.ua;
    // No layer above answers these requests, as with a server that asks its store first.
    const user = layer.user;
    layer.user = { onRequest() {}, onAck() {}, onCancel() {}, onAckTimeout() {} };
    for (let i = 0; i < DOOR_LIMITS.servers; i++)
      peer.send(DOOR, [
        `OPTIONS sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKo${i}`,
        "From: <sip:x@y>;tag=x",
        `To: <sip:door@${DOOR}>`,
        `Call-ID: o${i}`,
        "CSeq: 1 OPTIONS",
      ]);
    world.run(5);
    layer.user = user;
    expect(layer.servers.used()).toBe(DOOR_LIMITS.servers);
    ask(peer, "BYE", 2, tag);
    world.run(5);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
    expect(a.last()).toMatch(/^call ended/);
    ask(peer, "BYE", 2, tag);
    world.run(5);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 200/);
  });

  it("the INVITE of a call that runs, come once more after its transaction made room, rings nobody", () => {
    const all = made();
    const { world, a, peer } = all;
    answered(all);
    for (const t of a.ua.layer.servers.items) if (t.state !== 0) t.retire();
    ask(peer, "INVITE", 1, "", [], sdpOf(PHONE));
    world.run(5);
    expect(peer.inbox.at(-1)).toMatch(/^SIP\/2.0 482/);
    expect(a.diary.filter((line) => line === "call incoming")).toHaveLength(1);
  });
});

describe("when the table of our own requests is full", () => {
  /** Takes all free client transactions for requests that are never answered. */
  function fill(a: Agent): void {
    const uri = octets("sip:nobody@10.0.0.200");
    for (;;) {
      const t: ClientTransaction | null = a.ua.layer.client(NO_USER);
      if (t === null) return;
      const w = t.beginRequest(METHOD_OPTIONS, uri, 0, uri.length);
      w.put(
        octets("Max-Forwards: 70\r\nFrom: <sip:x@y>;tag=x\r\nTo: <sip:x@y>\r\nCall-ID: f\r\nCSeq: 1 OPTIONS\r\n\r\n"),
      );
      t.target.set(1, 0x0a0000c8, 5060, -1);
      t.sendRequest();
    }
  }

  it("hold, resume, hold, resume, hangup and the next call leave at once", () => {
    const all = made();
    const { world, a, peer } = all;
    talking(all);
    peer.onMessage = (message) => {
      if (message.startsWith("INVITE")) peer.respond(DOOR, message, "200 OK", "t", [CONTACT, TYPE], sdpOf(PHONE));
      else if (message.startsWith("BYE")) peer.respond(DOOR, message, "200 OK", "t");
    };
    for (let i = 0; i < 6; i++) {
      peer.inbox.length = 0;
      expect(a.ua.hold(a.ua.calls[0], i % 2 === 0)).toBe("");
      world.run(1000);
      expect(peer.got("INVITE"), `change ${i}`).toHaveLength(1);
      expect(bodyOf(peer.got("INVITE")[0])).toContain(i % 2 === 0 ? "a=sendonly" : "a=sendrecv");
      expect(peer.got("ACK")).toHaveLength(1);
    }
    a.ua.hangUp(a.ua.calls[0]);
    world.run(10);
    expect(peer.got("BYE")).toHaveLength(1);
    peer.inbox.length = 0;
    a.call(`sip:bob@${PHONE}`);
    world.run(10);
    expect(peer.got("INVITE")).toHaveLength(1);
  });

  it("a 200 that comes again after its transaction made room is acknowledged again", () => {
    const all = made();
    const { world, a, peer } = all;
    const invite = talking(all);
    world.run(10);
    fill(a);
    expect(a.ua.layer.clients.items.every((t) => t.method === METHOD_OPTIONS)).toBe(true);
    peer.respond(DOOR, invite, "200 OK", "t", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(5);
    expect(peer.got("ACK")).toHaveLength(1);
    // A stranger's invention is not taken.
    for (const [from, to] of [
      [/;tag=t/, ";tag=u"],
      [/Call-ID: /, "Call-ID: x"],
    ] as const) {
      const forged = new Peer(world, "10.0.0.66");
      forged.respond(DOOR, invite.replace(from, to), "200 OK", "u", [CONTACT, TYPE], sdpOf(PHONE));
    }
    world.run(5);
    expect(peer.got("ACK")).toHaveLength(1);
  });

  it("a BYE leaves at once all the same, is repeated, and given up in its time", () => {
    const all = made();
    const { world, a, peer } = all;
    talking(all);
    world.run(10);
    fill(a);
    const { layer } = a.ua;
    const held = layer.clients.items.slice();
    // Places are never given back.
    layer.clients.take = () => null;
    for (const t of held) t.spareMs = () => -1;
    a.ua.hangUp(a.ua.calls[0]);
    world.run(5);
    expect(a.last()).toMatch(/^call ended/);
    expect(peer.got("BYE")).toHaveLength(1);
    world.run(3600);
    expect(peer.got("BYE").length).toBeGreaterThan(2);
    world.run(40_000);
    const count = peer.got("BYE").length;
    expect(count).toBeLessThan(15);
    world.run(100_000);
    expect(peer.got("BYE")).toHaveLength(count);
    expect(a.ua.calls[0].session.isSettled()).toBe(true);
  });

  it("a reliable provisional response is acknowledged when it comes again and there is room", () => {
    const all = made();
    const { world, a, peer } = all;
    a.call(`sip:bob@${PHONE}`);
    world.run(20);
    const invite = peer.got("INVITE")[0];
    const { layer } = a.ua;
    const take = layer.client.bind(layer);
    layer.client = () => null;
    const ring = () => peer.respond(DOOR, invite, "180 Ringing", "t", [CONTACT, "Require: 100rel", "RSeq: 5"]);
    ring();
    world.run(20);
    expect(peer.got("PRACK")).toHaveLength(0);
    layer.client = take;
    ring();
    world.run(20);
    expect(peer.got("PRACK")).toHaveLength(1);
    expect(a.last()).toBe("call ringing");
  });

  it("hold that finds no room is said at once, and the call is as both sides know it", () => {
    const all = made();
    const { world, a, peer } = all;
    talking(all);
    const call = a.ua.calls[0];
    const { layer } = a.ua;
    const take = layer.client.bind(layer);
    layer.client = () => null;
    expect(a.ua.hold(call, true)).toMatch(/cannot be told/);
    layer.client = take;
    world.run(60_000);
    expect(peer.got("INVITE")).toHaveLength(0);
    // Their next offer is answered as if nothing had been.
    peer.inbox.length = 0;
    expect(call.session.negotiation.isHolding).toBe(false);
    expect(call.session.negotiation.result.receives).toBe(true);
    expect(a.ua.hold(call, true)).toBe("");
    world.run(5);
    expect(bodyOf(peer.got("INVITE")[0])).toContain("a=sendonly");
  });
});

describe("hold that the other side refuses", () => {
  it("is told, and not tried again", () => {
    for (const status of ["488 Not Acceptable Here", "500 Server Internal Error", "503 Service Unavailable"]) {
      const all = made();
      const { world, a, peer } = all;
      talking(all);
      const told: string[] = [];
      a.onUnchanged = (_call, wasHold, m) => told.push(`${wasHold} ${m?.status ?? 0}`);
      peer.onMessage = (message) => {
        if (message.startsWith("INVITE")) peer.respond(DOOR, message, status, "t");
      };
      a.ua.hold(a.ua.calls[0], true);
      world.run(60_000);
      expect(peer.got("INVITE")).toHaveLength(1);
      expect(told).toEqual([`true ${status.slice(0, 3)}`]);
      expect(a.ua.calls[0].session.negotiation.isHolding).toBe(false);
      expect(a.last()).toBe("call confirmed");
    }
  });

  it("by ringing only is taken back, told, and the call goes on", () => {
    const all = made();
    const { world, a, peer } = all;
    talking(all);
    const told: string[] = [];
    a.onUnchanged = (_call, wasHold, m) => told.push(`${wasHold} ${m?.status ?? 0}`);
    peer.onMessage = (message) => {
      if (message.startsWith("INVITE")) peer.respond(DOOR, message, "180 Ringing", "t", [CONTACT]);
      if (!message.startsWith("CANCEL")) return;
      peer.respond(DOOR, message, "200 OK", "t");
      peer.respond(DOOR, peer.got("INVITE")[0], "487 Request Terminated", "t");
    };
    a.ua.hold(a.ua.calls[0], true);
    world.run(33_000);
    expect(told).toEqual(["true 487"]);
    expect(a.last()).toBe("call confirmed");
    peer.onMessage = () => {};
    expect(a.ua.hold(a.ua.calls[0], true)).toBe("");
    world.run(10);
    expect(peer.got("INVITE")).toHaveLength(2);
  });

  it("because it crossed theirs is tried a few times, then told", () => {
    const all = made();
    const { world, a, peer } = all;
    talking(all);
    const told: boolean[] = [];
    a.onUnchanged = (_call, wasHold) => told.push(wasHold);
    peer.onMessage = (message) => {
      if (message.startsWith("INVITE")) peer.respond(DOOR, message, "491 Request Pending", "t");
    };
    a.ua.hold(a.ua.calls[0], true);
    world.run(60_000);
    expect(peer.got("INVITE")).toHaveLength(6);
    expect(told).toEqual([true]);
  });
});
