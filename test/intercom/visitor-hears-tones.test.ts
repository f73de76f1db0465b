/** Tests the tones that the visitor hears in the course of a call by the button. */
import { beforeEach, describe, expect, it } from "vitest";
import { SIGNAL_BUSY, SIGNAL_FAILED, SIGNAL_OPENED, SIGNAL_QUIET, SIGNAL_RINGING } from "../../src/intercom/events.js";
import { Agent, Peer, World } from "../ua/harness.js";
import { House } from "./house.js";

const PHONE = "10.0.0.2";

describe("the visitor hears", () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  it("ringing while the phone rings, silence when it is answered", () => {
    const phone = new Agent(world, PHONE);
    const h = new House(world, `call.target=sip:bob@${PHONE}`);
    h.press();
    world.run(500);
    expect(h.signals).toEqual([SIGNAL_QUIET, SIGNAL_RINGING]);
    const call = phone.ua.activeCall();
    if (call !== null) phone.ua.answer(call);
    world.run(500);
    expect(h.signals.at(-1)).toBe(SIGNAL_QUIET);
  });

  it("nothing when the visitor gives up", () => {
    new Agent(world, PHONE);
    const h = new House(world, `call.target=sip:bob@${PHONE}`);
    h.press();
    world.run(500);
    h.press();
    world.run(500);
    expect(h.signals.slice(1)).toEqual([SIGNAL_RINGING, SIGNAL_QUIET]);
  });

  it.each([
    ["486 Busy Here", SIGNAL_BUSY],
    ["603 Decline", SIGNAL_BUSY],
    ["404 Not Found", SIGNAL_FAILED],
    ["503 Service Unavailable", SIGNAL_FAILED],
  ])("after %s the tone of signal %i", (status, signal) => {
    const peer = new Peer(world, PHONE);
    peer.onMessage = (m) => {
      if (m.startsWith("INVITE")) peer.respond("10.0.0.1", m, status, "hand", []);
    };
    const h = new House(world, `call.target=sip:bob@${PHONE}`);
    h.press();
    world.run(500);
    expect(h.signals.at(-1)).toBe(signal);
  });

  it("busy when nobody answers in time, and the failure of a call that nobody took notice of", () => {
    new Agent(world, PHONE);
    const h = new House(world, `call.target=sip:bob@${PHONE}`, "call.ringTime=5");
    h.press();
    world.run(6000);
    expect(h.signals.at(-1)).toBe(SIGNAL_BUSY);
    const lonely = new House(new World(), "call.target=sip:10.0.0.77", "call.ringTime=60");
    lonely.press();
    lonely.timers.poll(40_000);
    expect(lonely.signals.at(-1)).toBe(SIGNAL_FAILED);
    expect(lonely.signals).not.toContain(SIGNAL_OPENED);
  });
});
