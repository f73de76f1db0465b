/** Tests that a full house makes room by what only waits for repetitions, the one with the least time left first. */
import { describe, expect, it } from "vitest";
import { METHOD_INVITE, METHOD_OPTIONS } from "../../src/wire/names.js";
import { Harness, request, responseTo } from "./harness.js";

describe("when all transactions are taken", () => {
  it("a request that came takes the place of the one that was answered first", () => {
    const h = new Harness({ servers: 2 });
    h.user.answer = (t) => t.reply(200);
    for (let i = 0; i < 6; i++) {
      h.receive(request({ method: "OPTIONS", branch: `z9hG4bKo${i}`, cseq: String(i + 1) }));
      h.pass(10);
    }
    expect(h.network.take().map(({ line }) => line)).toEqual(Array(6).fill("SIP/2.0 200 OK"));
    // The last two are still known, and not told again.
    h.user.take();
    h.receive(request({ method: "OPTIONS", branch: "z9hG4bKo5", cseq: "6" }));
    h.receive(request({ method: "OPTIONS", branch: "z9hG4bKo4", cseq: "5" }));
    expect(h.user.take()).toEqual([]);
    expect(h.layer.counters.refused).toBe(0);
    h.pass(40_000);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("one that is still to be answered, or was just now, keeps its place", () => {
    const h = new Harness({ servers: 2 });
    h.receive(request({ branch: "z9hG4bKring" }));
    h.user.answer = (t) => t.reply(200);
    h.receive(request({ method: "OPTIONS", branch: "z9hG4bKnow" }));
    h.network.take();
    h.receive(request({ method: "OPTIONS", branch: "z9hG4bKtoo-many" }));
    expect(h.network.take()[0].line).toBe("SIP/2.0 503 Service Unavailable");
    h.receive(request({ method: "CANCEL", branch: "z9hG4bKring" }));
    expect(h.network.take()[0].line).toBe("SIP/2.0 200 OK");
  });

  it("a request of ours takes the place of the one whose answer came first; its user is told", () => {
    const h = new Harness({ clients: 2 });
    for (let i = 0; i < 2; i++) {
      h.send(METHOD_INVITE);
      h.receive(responseTo(h.network.take().at(-1)!.text, 486, "busy"));
      h.pass(10);
    }
    h.network.take();
    h.user.take();
    h.send(METHOD_OPTIONS);
    expect(h.network.take()).toHaveLength(1);
    expect(h.user.take()).toEqual(["terminated"]);
    expect(h.layer.counters.refused).toBe(0);
  });

  it("one of ours without a final answer keeps its place", () => {
    const h = new Harness({ clients: 1 });
    h.send(METHOD_INVITE);
    h.receive(responseTo(h.network.take().at(-1)!.text, 180, "a"));
    h.pass(1000);
    expect(h.layer.client(h.user)).toBe(null);
    expect(h.layer.counters.refused).toBe(1);
  });
});
