/**
 * Tests that every state of a session and of a subscription ends in its time, even if no transaction and no dialog is
 * free and nothing is answered.
 */
import { describe, expect, it } from "vitest";
import * as session from "../../src/dialog/sessionstate.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const CONTACT = `Contact: <sip:bob@${PHONE}>`;
const TYPE = "Content-Type: application/sdp";
const T64_MS = 32_000;
const RING_MS = 60_000;
const SILENCE_MS = 60_000;
const HOUR_MS = 3_600_000;

interface Stage {
  world: World;
  a: Agent;
  peer: Peer;
}

function starve(a: Agent): void {
  const { layer, dialogs } = a.ua;
  layer.clients.take = () => null;
  layer.servers.take = () => null;
  dialogs.take = () => null;
  for (const t of [...layer.clients.items, ...layer.servers.items]) t.spareMs = () => -1;
}

function ask({ peer, world }: Stage, method: string, cseq: number, tag = "", more: string[] = [], body = ""): void {
  peer.send(
    DOOR,
    [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${method}${cseq}`,
      "From: <sip:bob@there>;tag=t",
      `To: <sip:door@${DOOR}>${tag === "" ? "" : `;tag=${tag}`}`,
      "Call-ID: c1",
      `CSeq: ${cseq} ${method}`,
      CONTACT,
      ...more,
      ...(body === "" ? [] : [TYPE]),
    ],
    body,
  );
  world.run(5);
}

function calls({ a, world }: Stage): void {
  a.call(`sip:bob@${PHONE}`);
  world.run(5);
}

function respond({ peer, world }: Stage, status: string, more: string[] = [], body = ""): void {
  peer.respond(DOOR, peer.got("INVITE").at(-1)!, status, "t", [CONTACT, ...more], body);
  world.run(5);
}

function answers(s: Stage): void {
  calls(s);
  respond(s, "200 OK", [TYPE], sdpOf(PHONE));
}

const WAYS: Record<string, { state: number; endMs: number; enter(s: Stage): void }> = {
  CALLING: { state: session.SESSION_CALLING, endMs: T64_MS, enter: calls },
  PROCEEDING: {
    state: session.SESSION_PROCEEDING,
    endMs: RING_MS + T64_MS,
    enter: (s) => {
      calls(s);
      respond(s, "180 Ringing");
    },
  },
  INCOMING: {
    state: session.SESSION_INCOMING,
    endMs: RING_MS + T64_MS,
    enter: (s) => ask(s, "INVITE", 1, "", [], sdpOf(PHONE)),
  },
  "INCOMING, reliable": {
    state: session.SESSION_INCOMING,
    endMs: T64_MS + T64_MS,
    enter: (s) => ask(s, "INVITE", 1, "", ["Require: 100rel"], sdpOf(PHONE)),
  },
  ANSWERED: {
    state: session.SESSION_ANSWERED,
    endMs: T64_MS + T64_MS,
    enter: (s) => {
      s.a.autoAnswer = true;
      ask(s, "INVITE", 1, "", [], sdpOf(PHONE));
    },
  },
  CONFIRMED: { state: session.SESSION_CONFIRMED, endMs: SILENCE_MS + T64_MS, enter: answers },
  "CONFIRMED, hold under way": {
    state: session.SESSION_CONFIRMED,
    endMs: T64_MS + T64_MS,
    enter: (s) => {
      answers(s);
      s.a.ua.hold(s.a.ua.calls[0], true);
    },
  },
  "CONFIRMED, hold that rings": {
    state: session.SESSION_CONFIRMED,
    endMs: SILENCE_MS + T64_MS,
    enter: (s) => {
      answers(s);
      s.a.ua.hold(s.a.ua.calls[0], true);
      s.world.run(5);
      respond(s, "180 Ringing");
    },
  },
  ENDED: {
    state: session.SESSION_ENDED,
    endMs: T64_MS + T64_MS,
    enter: (s) => {
      answers(s);
      starve(s.a);
      s.a.ua.hangUp(s.a.ua.calls[0]);
    },
  },
  "ENDED before the ACK": {
    state: session.SESSION_ENDED,
    endMs: T64_MS + T64_MS,
    enter: (s) => {
      s.a.autoAnswer = true;
      ask(s, "INVITE", 1, "", [], sdpOf(PHONE));
      s.a.ua.hangUp(s.a.ua.calls[0]);
    },
  },
  "ENDED, given up while it rang": {
    state: session.SESSION_ENDED,
    endMs: T64_MS,
    enter: (s) => {
      calls(s);
      respond(s, "180 Ringing");
      starve(s.a);
      s.a.ua.hangUp(s.a.ua.calls[0]);
    },
  },
};

describe("a session", () => {
  it.each(Object.keys(WAYS))("in %s is over in its time", (key) => {
    const { state, endMs, enter } = WAYS[key];
    const world = new World();
    const a = new Agent(
      world,
      DOOR,
      { ringTimeMs: RING_MS, silenceTimeMs: SILENCE_MS, sessionExpiresS: 0 },
      DOOR_LIMITS,
    );
    const s: Stage = { world, a, peer: new Peer(world, PHONE) };
    enter(s);
    expect(a.ua.calls[0].session.state).toBe(state);
    starve(a);
    world.lose = (_message, _from, to) => to === DOOR;
    world.run(endMs + 1000);
    expect(a.ua.activeCall()).toBe(null);
    expect(a.ua.calls[0].session.isSettled()).toBe(true);
    expect([a.ua.layer.clients.used(), a.ua.layer.servers.used()]).toEqual([0, 0]);
    expect(a.timers.next()).toBe(Infinity);
  });

  it("that may ring for ever by the settings rings for an hour", () => {
    for (const isOurs of [true, false]) {
      const world = new World();
      const a = new Agent(world, DOOR, { ringTimeMs: 0 }, DOOR_LIMITS);
      const s: Stage = { world, a, peer: new Peer(world, PHONE) };
      if (isOurs) WAYS.PROCEEDING.enter(s);
      else WAYS.INCOMING.enter(s);
      world.run(HOUR_MS - 1000);
      expect(a.ua.activeCall()).not.toBe(null);
      world.run(1000 + T64_MS);
      expect(a.ua.activeCall()).toBe(null);
      expect([a.ua.layer.clients.used(), a.ua.layer.servers.used()]).toEqual([0, 0]);
    }
  });

  it("has no state that is not walked here", () => {
    for (const [word, value] of Object.entries(session))
      if (word.startsWith("SESSION_") && value !== session.SESSION_FREE)
        expect(
          Object.values(WAYS).map(({ state }) => state),
          word,
        ).toContain(value);
  });
});

describe("a subscription", () => {
  it("is over after its time with no transaction to say so, and tries a few times a minute", () => {
    const world = new World();
    const a = new Agent(world, DOOR, {}, DOOR_LIMITS);
    const s: Stage = { world, a, peer: new Peer(world, PHONE) };
    ask(s, "SUBSCRIBE", 1, "", ["Event: dialog", "Expires: 60"]);
    expect(s.peer.got("NOTIFY")).toHaveLength(1);
    s.peer.respond(DOOR, s.peer.got("NOTIFY")[0], "200 OK", "");
    world.run(10);
    let asked = 0;
    starve(a);
    a.ua.layer.clients.take = () => {
      asked += 1;
      return null;
    };
    world.run(60_000 + T64_MS + 3000);
    expect(asked).toBeLessThan(30);
    expect(a.timers.next()).toBe(Infinity);
    const tag = header(s.peer.inbox.find((message) => message.startsWith("SIP/2.0 200"))!, "To").split(";tag=")[1];
    expect(tag).not.toBe("");
  });
});
