/**
 * Tests that everything a server holds for others ends in its time: with no transaction free, with phones that ring for
 * ever, and with a store that is silent.
 */
import { describe, expect, it } from "vitest";
import type { LocationStore } from "../../src/server/location.js";
import { Redirect } from "../../src/server/redirect.js";
import { fields, responseTo } from "../transaction/harness.js";
import { DOMAIN, users } from "./house.js";
import { ask, ProxyHouse } from "./proxied.js";

const T64_MS = 32_000;
const TIMER_C_MS = 181_000;

/** A store that takes every question and answers none. */
class Silent implements LocationStore {
  asked = 0;
  findBindings(): boolean {
    this.asked += 1;
    return false;
  }
  replaceBindings(): boolean {
    return false;
  }
  removeExpired(): void {}
  addWatcher(): void {}
}

describe("a proxy", () => {
  it("whose every transaction rings gives each up by Timer C, and serves again", () => {
    const h = new ProxyHouse();
    h.bind("bob", "<sip:bob@10.0.0.3:5060>");
    const { layer } = h;
    for (let i = 0; i < 200; i++) {
      const sent = h.receive(ask({ branch: `z9hG4bKring${i}`, callId: `ring${i}` }), "10.9.9.9:5060");
      const invite = sent.find(({ line }) => line.startsWith("INVITE"));
      if (invite !== undefined) {
        const recorded = fields(invite.text, "Record-Route").map((route) => `Record-Route: ${route}\r\n`);
        h.receive(responseTo(invite.text, 180, "bb", recorded.join("")), "10.0.0.3:5060");
      }
      h.pass(10);
    }
    expect(layer.clients.used()).toBeGreaterThan(20);
    layer.clients.take = () => null;
    h.pass(TIMER_C_MS);
    const cancels = new Set(
      h.network
        .take()
        .filter(({ line }) => line.startsWith("CANCEL"))
        .map(({ text }) => fields(text, "Via")[0]),
    );
    expect(cancels.size).toBe(layer.clients.used());
    h.pass(T64_MS + T64_MS);
    expect([layer.clients.used(), layer.servers.used(), h.proxy.contexts.usedBuffers()]).toEqual([0, 0, 0]);
  });

  it("does not wait for a store that is silent, whatever was asked", () => {
    const store = new Silent();
    const h = new ProxyHouse({}, [], () => store);
    for (const callId of ["one", "two"]) h.receive(ask({ callId }), "10.9.9.9:5060");
    expect(store.asked).toBe(2);
    h.pass(T64_MS);
    const answers = h.network.take().filter(({ line }) => line.startsWith("SIP/2.0 5"));
    expect(answers.length).toBeGreaterThan(0);
    h.pass(T64_MS);
    expect([h.layer.servers.used(), h.proxy.contexts.usedBuffers()]).toEqual([0, 0]);
  });
});

describe("a redirect server and a registrar", () => {
  it("have their places again when the store never answers", () => {
    const store = new Silent();
    const h = new ProxyHouse({}, [], () => store);
    h.server.next = new Redirect(h.layer, store, users(), { domains: [DOMAIN], jobs: 2 });
    for (let round = 0; round < 3; round++) {
      const before = store.asked;
      for (let i = 0; i < 4; i++) {
        h.receive(ask({ branch: `z9hG4bKr${round}${i}`, callId: `r${round}${i}` }), "10.9.9.9:5060");
        h.register({ user: "bob", contact: "<sip:bob@10.0.0.3>", callId: `b${round}${i}` });
      }
      expect(store.asked - before).toBe(6);
      h.pass(2 * T64_MS + 100);
      expect(h.layer.servers.used()).toBe(0);
      expect(h.registrar.waiting()).toBe(0);
    }
  });
});
