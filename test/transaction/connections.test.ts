/** Tests who may hold TCP connections, and for how long: strangers take none of our own, nor all of each other's. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { METHOD_OPTIONS } from "../../src/wire/names.js";
import { Harness, request } from "./harness.js";

const SERVER = "sip:server@10.0.0.2;transport=tcp";
const TCP_VIA = "SIP/2.0/TCP 10.0.0.9:5060;branch=z9hG4bKt";
const STREAMS = 16;
const INCOMING = 12;

function harness(): Harness {
  return new Harness({ streams: STREAMS, incoming: INCOMING });
}

let branch = 0;
function speak(h: Harness, connection: number): void {
  h.receiveTcp(connection, request({ via: TCP_VIA + ++branch }));
  h.user.take();
}

describe("a connection of our own", () => {
  it("is opened beside as many of strangers' as there may be, and stays, whatever they do and however long it is idle", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.integer({ min: 0, max: 40_000 })), {
          minLength: 30,
          maxLength: 60,
        }),
        fc.integer({ min: 0, max: 29 }),
        (strangers, at) => {
          const h = harness();
          strangers.forEach(([address, speaks, ms], i) => {
            if (i === at) {
              h.send(METHOD_OPTIONS, SERVER);
              h.settle();
              expect(h.user.take()).toEqual([]);
              expect(h.network.open.size).toBe(1);
            }
            if (h.opened(1000 + i, "10.9.0." + address * (i + 1) + ":" + i) && speaks) speak(h, 1000 + i);
            h.pass(ms);
            h.layer.transport.closeUnused();
          });
          expect(h.network.closed).not.toContain(101);
        },
      ),
      { seed: 20261129, numRuns: 30 },
    );
  });

  it("makes room for itself of one that is idle when there is none", () => {
    const h = new Harness({ streams: 2 });
    h.opened(1, "10.9.0.1:1");
    h.opened(2, "10.9.0.2:1");
    h.pass(32_000);
    h.send(METHOD_OPTIONS, SERVER);
    expect(h.network.closed).toEqual([1]);
    h.pass(40_000);
    expect(h.opened(3, "10.9.0.3:1")).toBe(true);
    expect(h.network.closed).toEqual([1, 2]);
    h.pass(40_000);
    // Our own connection is the one that was idle longest.
    expect(h.opened(4, "10.9.0.4:1")).toBe(true);
    expect(h.network.closed).toEqual([1, 2, 3]);
  });
});

describe("connections of others", () => {
  it("are closed when no whole message came in ten seconds, however many octets or keep-alives did", () => {
    const h = harness();
    for (let i = 1; i <= 4; i++) expect(h.opened(i, "10.9.0." + i + ":1")).toBe(true);
    h.receiveTcp(2, "OPTIONS sip:door SIP/2.0\r\n");
    for (let s = 0; s < 9; s++) {
      h.receiveTcp(2, "X: y\r\n");
      h.receiveTcp(3, "\r\n\r\n");
      if (s === 5) speak(h, 4);
      h.pass(1000);
      h.layer.transport.closeUnused();
      expect(h.network.closed).toEqual([]);
    }
    h.pass(1000);
    h.layer.transport.closeUnused();
    expect(h.network.closed.sort()).toEqual([1, 2, 3]);
    h.pass(600_000);
    h.layer.transport.closeUnused();
    expect(h.network.closed.sort()).toEqual([1, 2, 3, 4]);
  });

  it("over which a password was given stay longer than a registration, and make no room for strangers", () => {
    const h = harness();
    h.opened(1, "10.9.0.1:1");
    speak(h, 1);
    h.layer.transport.noteKnown(1);
    for (let i = 2; i < 200; i++) {
      h.opened(i, "10.9." + (i % 50) + ".1:1");
      h.pass(36_000);
      h.layer.transport.closeUnused();
    }
    expect(h.network.closed).not.toContain(1);
    h.pass(3 * 3600_000);
    h.layer.transport.closeUnused();
    expect(h.network.closed).toContain(1);
  });

  it("from one address, half open in any number, leave room for other addresses, and for one that speaks from the same", () => {
    const h = new Harness({ streams: 512, incoming: 448 });
    for (let i = 0; i < 512; i++) expect(h.opened(i, "10.9.0.1:" + (1000 + i))).toBe(true);
    expect(h.network.closed.length).toBe(512 - 112);
    for (let i = 0; i < 50; i++) {
      expect(h.opened(1000 + i, "10.9.1." + i + ":1")).toBe(true);
      speak(h, 1000 + i);
    }
    expect(h.opened(2000, "10.9.0.1:9")).toBe(true);
    speak(h, 2000);
    expect(h.network.closed.filter((connection) => connection >= 1000)).toEqual([]);
    expect(h.opened(2001, "10.9.0.1:10")).toBe(true);
    expect(h.network.closed.filter((connection) => connection >= 1000)).toEqual([]);
  });

  it("from one address that speak over all of them are refused beyond their part", () => {
    const h = new Harness({ streams: 512, incoming: 448 });
    for (let i = 0; i < 112; i++) {
      h.opened(i, "10.9.0.1:" + i);
      speak(h, i);
    }
    expect(h.opened(200, "10.9.0.1:200")).toBe(false);
    expect(h.opened(201, "10.9.0.2:1")).toBe(true);
  });

  it("keep a board's one place for 32 s only, and without a message for 10 s, whatever they send", () => {
    for (const speaks of [true, false]) {
      const h = new Harness({ streams: 2, incoming: 1 });
      h.opened(1, "10.9.0.1:1");
      let heldS = 0;
      while (!h.opened(2, "10.9.0.2:1")) {
        expect(++heldS).toBeLessThan(60);
        if (speaks) speak(h, 1);
        else h.receiveTcp(1, "\r\n\r\n");
        h.pass(1000);
      }
      expect(heldS).toBe(speaks ? 32 : 10);
      expect(h.network.closed).toEqual([1]);
    }
  });
});
