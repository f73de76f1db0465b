/**
 * Tests that every state has a deadline, and that reaching it needs nothing that can run out: each is entered, then all
 * pools are emptied and nothing is ever spared, and it is over all the same in its time. Every state of the machines
 * has to be named here.
 */
import { describe, expect, it } from "vitest";
import * as client from "../../src/transaction/client.js";
import * as server from "../../src/transaction/server.js";
import { METHOD_INVITE, METHOD_OPTIONS } from "../../src/wire/names.js";
import { Harness, request, responseTo } from "./harness.js";

const T1 = 500;
/** Timers B, F, H, J, L and M. */
const LONG_MS = 64 * T1;

/** Takes every free entry for good. */
function starve(h: Harness): void {
  h.layer.clients.take = () => null;
  h.layer.servers.take = () => null;
  for (const t of [...h.layer.clients.items, ...h.layer.servers.items]) t.spareMs = () => -1;
}

/** The state that a test enters, and how long it lasts. */
interface Way {
  state: number;
  endMs: number;
  enter(h: Harness): { state: number };
}

const TCP = "SIP/2.0/TCP peer;branch=z9hG4bKtcp";

function sent(h: Harness, method: number, target?: string): { t: client.ClientTransaction; text: string } {
  const t = h.send(method, target);
  return { t, text: h.network.take().at(-1)?.text ?? "" };
}

function answered(
  method: number,
  status: number,
  after?: (h: Harness, text: string, t: client.ClientTransaction) => void,
) {
  return (h: Harness) => {
    const { t, text } = sent(h, method);
    h.user.onEachResponse = (of, m) => {
      if (m.status < 300 && m.status >= 200 && method === METHOD_INVITE) h.ack(of, m);
    };
    h.receive(responseTo(text, status, "a"));
    after?.(h, text, t);
    return t;
  };
}

const CLIENTS: Record<string, Way> = {
  RESOLVING: {
    state: client.CLIENT_RESOLVING,
    endMs: LONG_MS,
    enter: (h) => h.send(METHOD_INVITE, "sip:bob@example.com"),
  },
  "CALLING, INVITE": { state: client.CLIENT_CALLING, endMs: LONG_MS, enter: (h) => h.send(METHOD_INVITE) },
  "CALLING, INVITE by TCP": {
    state: client.CLIENT_CALLING,
    endMs: LONG_MS,
    enter: (h) => h.send(METHOD_INVITE, "sip:b@10.0.0.2;transport=tcp"),
  },
  "CALLING, INVITE taken back": {
    state: client.CLIENT_CALLING,
    endMs: LONG_MS,
    enter: (h) => {
      const t = h.send(METHOD_INVITE);
      t.cancel();
      return t;
    },
  },
  "CALLING, no INVITE": { state: client.CLIENT_CALLING, endMs: LONG_MS, enter: (h) => h.send(METHOD_OPTIONS) },
  "PROCEEDING, INVITE taken back": {
    state: client.CLIENT_PROCEEDING,
    endMs: LONG_MS,
    enter: answered(METHOD_INVITE, 180, (h, _text, t) => {
      starve(h);
      t.cancel();
    }),
  },
  "PROCEEDING, INVITE that nobody waits for": {
    state: client.CLIENT_PROCEEDING,
    endMs: LONG_MS,
    enter: answered(METHOD_INVITE, 180, (_h, _text, t) => t.forget()),
  },
  "PROCEEDING, no INVITE": { state: client.CLIENT_PROCEEDING, endMs: LONG_MS, enter: answered(METHOD_OPTIONS, 100) },
  "COMPLETED, INVITE": { state: client.CLIENT_COMPLETED, endMs: 32_000, enter: answered(METHOD_INVITE, 486) },
  "COMPLETED, no INVITE": { state: client.CLIENT_COMPLETED, endMs: 5000, enter: answered(METHOD_OPTIONS, 200) },
  ACCEPTED: { state: client.CLIENT_ACCEPTED, endMs: LONG_MS, enter: answered(METHOD_INVITE, 200) },
  FAILING: {
    state: client.CLIENT_FAILING,
    endMs: 0,
    enter: (h) => {
      h.network.failDatagrams = true;
      return h.send(METHOD_OPTIONS);
    },
  },
};

function came(method: string, act: (h: Harness, t: server.ServerTransaction) => void, via?: string) {
  return (h: Harness) => {
    if (via !== undefined) {
      h.opened(5, "10.0.0.2:40000");
      h.receiveTcp(5, request({ method, via }));
    } else h.receive(request({ method }));
    const t = h.user.requests[0];
    act(h, t);
    return t;
  };
}

const tooLong = (_h: Harness, t: server.ServerTransaction): void => {
  t.respond(200).raw(new Uint8Array(9999), 0, 9999);
  t.sendResponse();
};

const SERVERS: Record<string, Way> = {
  "TRYING, nobody answers": { state: server.SERVER_TRYING, endMs: LONG_MS, enter: came("OPTIONS", () => {}) },
  "TRYING, the answer does not fit": { state: server.SERVER_TRYING, endMs: LONG_MS, enter: came("OPTIONS", tooLong) },
  "PROCEEDING, no INVITE": {
    state: server.SERVER_PROCEEDING,
    endMs: LONG_MS,
    enter: came("OPTIONS", (_h, t) => t.reply(100)),
  },
  "PROCEEDING, INVITE whose answer may never come": {
    state: server.SERVER_PROCEEDING,
    endMs: 2 * LONG_MS,
    enter: came("INVITE", (_h, t) => t.limitAnswer()),
  },
  "PROCEEDING, INVITE whose answer does not fit": {
    state: server.SERVER_PROCEEDING,
    endMs: LONG_MS,
    enter: came("INVITE", tooLong),
  },
  "COMPLETED, INVITE without ACK": {
    state: server.SERVER_COMPLETED,
    endMs: LONG_MS,
    enter: came("INVITE", (_h, t) => t.reply(486)),
  },
  "COMPLETED, INVITE without ACK by TCP": {
    state: server.SERVER_COMPLETED,
    endMs: LONG_MS,
    enter: came("INVITE", (_h, t) => t.reply(486), TCP),
  },
  "COMPLETED, no INVITE": {
    state: server.SERVER_COMPLETED,
    endMs: LONG_MS,
    enter: came("OPTIONS", (_h, t) => t.reply(200)),
  },
  CONFIRMED: {
    state: server.SERVER_CONFIRMED,
    endMs: 5000,
    enter: came("INVITE", (h, t) => {
      t.reply(486);
      h.receive(request({ method: "ACK" }));
    }),
  },
  ACCEPTED: { state: server.SERVER_ACCEPTED, endMs: LONG_MS, enter: came("INVITE", (_h, t) => t.reply(200)) },
  "ACCEPTED and acknowledged": {
    state: server.SERVER_ACCEPTED,
    endMs: LONG_MS,
    enter: came("INVITE", (_h, t) => {
      t.reply(200);
      t.acked();
    }),
  },
};

describe.each([
  ["client", CLIENTS, client, "CLIENT_", [client.CLIENT_FREE, client.CLIENT_IDLE]],
  ["server", SERVERS, server, "SERVER_", [server.SERVER_FREE]],
] as const)("a %s transaction", (name, ways, states, prefix, atOnce) => {
  it.each(Object.keys(ways))("in %s is over in its time with all pools empty and nothing sent", (key) => {
    const h = new Harness();
    const { state, endMs, enter } = ways[key];
    const t = enter(h);
    expect(t.state).toBe(state);
    starve(h);
    h.network.failDatagrams = h.network.failStreams = true;
    if (endMs > 0) {
      h.pass(endMs - 1);
      expect(t.state).not.toBe(0);
    }
    h.pass(1);
    h.settle();
    expect(t.state).toBe(0);
    expect(h.layer[name === "client" ? "clients" : "servers"].used()).toBe(0);
    expect(h.timers.next()).toBe(Infinity);
  });

  it("has no state that is not walked here", () => {
    const named = Object.entries(states)
      .filter(([word]) => word.startsWith(prefix))
      .map(([, value]) => value as number);
    const walked = Object.values(ways).map(({ state }) => state);
    for (const state of named) expect([...walked, ...atOnce]).toContain(state);
  });
});
