/**
 * Tests requests that are too long for UDP, and servers that take TCP, refuse it, drop it, reset it or say nothing over
 * it.
 * RFC 3261 §18.1.1
 */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { FAILURE_TIMEOUT } from "../../src/transaction/client.js";
import type { Flow } from "../../src/transaction/flow.js";
import { REACH_MS, REACH_REFUSED, REACH_SILENT, REACH_TCP, REACH_UNKNOWN } from "../../src/transaction/reach.js";
import {
  DETOUR_KNOWN,
  DETOUR_LATE,
  DETOUR_LONG,
  DETOUR_LOST,
  DETOUR_NONE,
  DETOUR_REFUSED,
  DETOUR_SILENT,
} from "../../src/transaction/transport.js";
import { METHOD_INVITE, METHOD_MESSAGE } from "../../src/wire/names.js";
import { runs } from "../runs.js";
import { field, Harness, PEER, request, responseTo } from "./harness.js";

const LONG = "x".repeat(1300);
const UDP = "udp 10.0.0.2:5060";
const TCP = "tcp 101 10.0.0.2:5060";
const OTHER = "10.0.0.9";

let h: Harness;
let told: [why: number, size: number][];
/** The connections that have come to be. */
let open: Set<number>;

beforeEach(() => {
  h = new Harness();
  told = [];
  open = new Set();
  Object.assign(h.network, { isStreamOpen: (connection: number) => open.has(connection) });
  h.layer.transport.tap = {
    onMessage: () => {},
    onDetour: (_flow: Flow, why: number, size: number) => told.push([why, size]),
  };
});

const reach = (peer = PEER) => h.layer.transport.reach.of(ipv4(peer), 5060, h.timers.nowMs);
const ways = () => h.network.take().map((one) => one.to);
const whys = () => told.splice(0).map(([why]) => why);

function invite(body = LONG): string {
  h.send(METHOD_INVITE, undefined, "", body);
  return h.network.sent[h.network.sent.length - 1].text;
}

describe("a request over 1,300 octets", () => {
  it("goes by UDP after 500 ms without a connection, which is given up with all that waits for it", () => {
    invite();
    expect(ways()).toEqual([TCP]);
    h.pass(499);
    expect(ways()).toEqual([]);
    h.pass(1);
    const [udp] = h.network.take();
    expect(udp.to).toBe(UDP);
    expect(field(udp.text, "Via")).toContain("SIP/2.0/UDP 10.0.0.1:5060;");
    expect(h.network.closed).toEqual([101]);
    expect(whys()).toEqual([DETOUR_LONG, DETOUR_LATE]);
    h.receive(responseTo(udp.text, 200, "a"));
    expect(h.user.take()).toEqual(["response 200"]);
  });

  it("to the same server goes by UDP at once from then on, to another one it tries TCP", () => {
    invite();
    h.pass(500);
    ways();
    whys();
    h.send(METHOD_MESSAGE, undefined, "", LONG);
    expect(ways()).toEqual([UDP]);
    expect(whys()).toEqual([DETOUR_KNOWN + DETOUR_LATE]);
    h.send(METHOD_MESSAGE, `sip:bob@${OTHER}`, "", LONG);
    expect(ways()).toEqual([`tcp 102 ${OTHER}:5060`]);
    h.send(METHOD_MESSAGE, `sip:bob@${PEER}:5070`, "", LONG);
    expect(ways()).toEqual([`tcp 103 ${PEER}:5070`]);
  });

  it("goes by UDP at once when the connection is refused", () => {
    invite();
    ways();
    h.pass(3);
    h.layer.streamClosed(101);
    expect(ways()).toEqual([UDP]);
    expect(whys()).toEqual([DETOUR_LONG, DETOUR_REFUSED]);
    expect(reach()).toBe(REACH_REFUSED);
    h.pass(498);
    expect(h.network.closed).toEqual([]);
  });

  it("goes by UDP when the connection opens and is reset", () => {
    invite();
    ways();
    open.add(101);
    h.pass(600);
    expect(ways()).toEqual([]);
    open.clear();
    h.layer.streamClosed(101);
    expect(ways()).toEqual([UDP]);
    expect(whys()).toEqual([DETOUR_LONG, DETOUR_REFUSED]);
  });

  it.each([
    [METHOD_INVITE, 1000],
    [METHOD_MESSAGE, 1000],
  ])(
    "goes by UDP too when nothing comes over the open connection, and takes whichever answer comes first",
    (method, ms) => {
      for (const isTcpFirst of [true, false]) {
        h.layer.transport.reach.clear();
        h.send(method, undefined, "", LONG);
        const [tcp] = h.network.take();
        const connection = Number(tcp.to.split(" ")[1]);
        open.add(connection);
        h.pass(ms - 1);
        expect(ways()).toEqual([]);
        h.pass(1);
        const [udp] = h.network.take();
        expect(udp.to).toBe(UDP);
        // The request belongs to the same transaction, for a server that got both.
        expect(udp.text).toBe(tcp.text.replace("SIP/2.0/TCP", "SIP/2.0/UDP"));
        expect(reach()).toBe(REACH_SILENT);
        expect(whys()).toEqual([DETOUR_LONG, DETOUR_SILENT]);
        expect(h.network.closed).toEqual([]);
        // The connection is still there, and no other request waits for it.
        h.send(METHOD_MESSAGE, undefined, "", LONG);
        const [other] = h.network.take();
        expect(other.to).toBe(UDP);
        expect(whys()).toEqual([DETOUR_KNOWN + DETOUR_SILENT]);
        h.receive(responseTo(other.text, 200, "a"));
        expect(h.user.take()).toEqual(["response 200"]);
        if (isTcpFirst) h.receiveTcp(connection, responseTo(tcp.text, 486, "a"));
        else h.receive(responseTo(udp.text, 486, "a"));
        expect(h.user.take()).toEqual(["response 486"]);
        expect(reach()).toBe(isTcpFirst ? REACH_TCP : REACH_SILENT);
        h.layer.streamClosed(connection);
        h.pass(40_000);
        h.user.take();
        ways();
      }
    },
  );

  it("stays with TCP where it is answered, however long the final response takes", () => {
    const sent = invite();
    open.add(101);
    h.pass(200);
    h.receiveTcp(101, responseTo(sent, 100));
    h.pass(60_000);
    expect(ways()).toEqual([TCP]);
    expect(reach()).toBe(REACH_TCP);
    h.receiveTcp(101, responseTo(sent, 200, "a"));
    expect(h.user.take()).toEqual(["response 100", "response 200"]);
    h.send(METHOD_MESSAGE, undefined, "", LONG);
    expect(ways()).toEqual([TCP]);
  });

  it("gets UDP when a server that took TCP takes it no more, and TCP when one that did not does", () => {
    const first = invite();
    open.add(101);
    h.receiveTcp(101, responseTo(first, 486, "a"));
    h.layer.streamClosed(101);
    expect(reach()).toBe(REACH_TCP);
    h.network.open.clear();
    h.network.take();
    invite();
    h.layer.streamClosed(102);
    expect(ways().slice(-1)).toEqual([UDP]);
    expect(reach()).toBe(REACH_REFUSED);
    // A message over a connection of ours gives better information.
    h.network.open.clear();
    h.send(METHOD_MESSAGE, `sip:bob@${PEER};transport=tcp`);
    const [message] = h.network.take();
    h.receiveTcp(103, responseTo(message.text, 200, "a"));
    expect(reach()).toBe(REACH_TCP);
  });

  it("that loses a connection which others have used is no word against TCP", () => {
    const first = invite();
    open.add(101);
    h.receiveTcp(101, responseTo(first, 486, "a"));
    whys();
    invite();
    h.layer.streamClosed(101);
    expect(whys()).toEqual([DETOUR_LONG, DETOUR_LOST]);
    expect(reach()).toBe(REACH_TCP);
  });

  it("goes by UDP at once when there is no connection to be had, which is no word against TCP", () => {
    h.network.failStreams = true;
    invite();
    expect(ways()).toEqual([UDP]);
    expect(whys()).toEqual([DETOUR_LONG, DETOUR_NONE]);
    expect(reach()).toBe(REACH_UNKNOWN);
  });

  it("leaves a connection alone that another request has nothing else but", () => {
    h.send(METHOD_MESSAGE, `sip:bob@${PEER};transport=tcp`);
    invite();
    expect(ways()).toEqual([TCP, TCP]);
    h.pass(500);
    expect(ways()).toEqual([UDP]);
    expect(h.network.closed).toEqual([]);
    expect(h.user.take()).toEqual([]);
  });

  it("falls back together with the others that wait for the same connection", () => {
    invite();
    invite();
    expect(ways()).toEqual([TCP, TCP]);
    h.pass(500);
    expect(ways()).toEqual([UDP, UDP]);
    expect(h.network.closed).toEqual([101]);
  });

  it("that was taken back before TCP came to be is cancelled by UDP", () => {
    h.send(METHOD_INVITE, undefined, "", LONG);
    const t = h.layer.clients.items.find((one) => one.method === METHOD_INVITE);
    ways();
    if (t !== undefined) t.cancel();
    h.pass(500);
    const [udp] = h.network.take();
    h.receive(responseTo(udp.text, 100));
    expect(h.network.take().map((one) => [one.to, one.line.split(" ")[0]])).toEqual([[UDP, "CANCEL"]]);
  });

  it("that is an ACK goes by UDP when the 2xx comes again before its connection is there", () => {
    h.user.onEachResponse = (t, m) => h.ack(t, m, undefined, LONG);
    h.send(METHOD_INVITE);
    const sent = h.network.take()[0].text;
    h.receive(responseTo(sent, 200, "a"));
    const [tcp] = h.network.take();
    expect(tcp.to).toBe(TCP);
    h.pass(500);
    h.receive(responseTo(sent, 200, "a"));
    const [udp] = h.network.take();
    expect(udp.to).toBe(UDP);
    expect(udp.text).toBe(tcp.text.replace("SIP/2.0/TCP", "SIP/2.0/UDP"));
    h.receive(responseTo(sent, 200, "a"));
    expect(ways()).toEqual([UDP]);
  });
});

it("nothing is learnt of where only others' requests came from: strangers do not push servers out", () => {
  const server = ipv4(PEER);
  h.layer.transport.reach.noteReach(server, 5060, REACH_TCP, h.timers.nowMs);
  for (let i = 1; i <= 20; i++) {
    // The response has a connection of its own, since theirs is gone; then something comes over it, or it breaks.
    const stranger = `10.9.0.${i}`;
    h.opened(i, `${stranger}:40000`);
    h.receiveTcp(i, request({ method: "OPTIONS", via: `SIP/2.0/TCP ${stranger}:5060;branch=z9hG4bK${i}` }));
    h.layer.streamClosed(i);
    const [asked] = h.user.requests.slice(-1);
    h.network.take();
    asked.reply(200);
    const connection = h.network.lastConnection;
    expect(ways()).toEqual([`tcp ${connection} ${stranger}:5060`]);
    if (i % 2 === 0) h.receiveTcp(connection, request({ method: "OPTIONS", branch: `z9hG4bKo${i}` }));
    h.layer.streamClosed(connection);
    h.pass(33_000);
    expect(reach(stranger)).toBe(REACH_UNKNOWN);
  }
  expect(reach()).toBe(REACH_TCP);
});

describe("what was learnt about a server", () => {
  function learnRefusal(): void {
    invite();
    h.layer.streamClosed(101);
    h.network.open.clear();
    const sent = h.network.take().at(-1)?.text ?? "";
    h.receive(responseTo(sent, 486, "a"));
    expect(reach()).toBe(REACH_REFUSED);
  }

  it("is forgotten after ten minutes", () => {
    learnRefusal();
    h.pass(REACH_MS - 1);
    expect(reach()).toBe(REACH_REFUSED);
    h.pass(1);
    expect(reach()).toBe(REACH_UNKNOWN);
    ways();
    invite();
    expect(ways()[0]).toContain("tcp");
  });

  it("is forgotten when our address changes, and not when only a port does", () => {
    learnRefusal();
    h.layer.setLocal(h.layer.localIp, 5062, 5062);
    expect(reach()).toBe(REACH_REFUSED);
    h.layer.setLocal(ipv4("10.0.0.77"), 5062, 5062);
    expect(reach()).toBe(REACH_UNKNOWN);
  });

  it("is forgotten when a long request by UDP gets no answer either", () => {
    learnRefusal();
    invite();
    h.user.take();
    h.pass(32_000);
    expect(h.user.take()).toContain("failure " + FAILURE_TIMEOUT);
    expect(reach()).toBe(REACH_UNKNOWN);
  });

  it("is kept of eight servers, the youngest", () => {
    const peers = Array.from({ length: 9 }, (_, i) => `10.1.0.${i + 1}`);
    for (const peer of peers) h.layer.transport.reach.noteReach(ipv4(peer), 5060, REACH_TCP, h.timers.nowMs);
    expect(peers.map((peer) => reach(peer))).toEqual([REACH_UNKNOWN, ...Array(8).fill(REACH_TCP)]);
  });
});

describe("whatever becomes of connections", () => {
  it("each long request ends once, and has an answer where one of UDP gives it", () => {
    const step = fc.record({
      act: fc.constantFrom("invite", "message", "open", "close", "wait", "answer"),
      ms: fc.integer({ min: 0, max: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 40 }), (steps) => {
        h = new Harness();
        open = new Set();
        Object.assign(h.network, { isStreamOpen: (connection: number) => open.has(connection) });
        let sent = 0;
        const byDatagram = new Map<string, string>();
        const look = (): void => {
          for (const one of h.network.take()) {
            if (one.to === UDP && !one.line.startsWith("ACK")) byDatagram.set(field(one.text, "Via"), one.text);
          }
        };
        for (const { act, ms } of steps) {
          if (act === "invite" || act === "message") {
            if (h.layer.clients.used() < h.layer.clients.items.length) {
              h.send(act === "invite" ? METHOD_INVITE : METHOD_MESSAGE, undefined, "", LONG);
              sent += 1;
            }
          } else if (act === "open") open.add(h.network.lastConnection);
          else if (act === "close") {
            for (const connection of [...h.network.open.values()]) h.layer.streamClosed(connection);
            h.network.open.clear();
          } else if (act === "wait") h.pass(ms);
          else for (const [via, text] of byDatagram) if (byDatagram.delete(via)) h.receive(responseTo(text, 486, "a"));
          for (const [key, connection] of h.network.open)
            if (h.network.closed.includes(connection)) h.network.open.delete(key);
          look();
        }
        for (let i = 0; i < 10; i++) {
          h.pass(4000);
          look();
          for (const [via, text] of byDatagram) if (byDatagram.delete(via)) h.receive(responseTo(text, 486, "a"));
        }
        h.pass(70_000);
        const events = h.user.take();
        expect(events.filter((event) => event === "terminated").length).toBe(sent);
        expect(events.filter((event) => event.startsWith("response") || event.startsWith("failure")).length).toBe(sent);
        expect(events.filter((event) => event.startsWith("failure"))).toEqual([]);
        expect(h.layer.clients.used()).toBe(0);
      }),
      { seed: 20261129, numRuns: runs(200) },
    );
  });
});
