/**
 * Tests the fullest station of each kind of board: every input, every watcher, every phone, every call at once. A count
 * that is a sum of what others use (src/driver/limits.ts) is found exactly used: neither a timer short, which would be
 * a boot loop, nor one too many.
 */
import { describe, expect, it } from "vitest";
import { TimedPort } from "../../hal/timedport.js";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { VirtualContact, VirtualOutput } from "../../host-sim/io/digital.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import { text } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS, HOUSE_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";
import { Station } from "../../src/driver/station.js";
import { Settings } from "../../src/settings/settings.js";
import { Agent, header, Peer, World } from "../ua/harness.js";

const KINDS: [string, Limits][] = [
  ["a plain board", DOOR_LIMITS],
  ["a board with PSRAM", ROOMY_LIMITS],
  ["a computer", HOUSE_LIMITS],
];

function station(limits: Limits, isServer: boolean): Station {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, new SeededRandom(1)).host(ipv4("10.0.0.1"));
  const settings = new Settings();
  expect(settings.assign("net.address=10.0.0.1")).toBe("");
  // What is made only where it is set up.
  for (const one of ["relay1.factors=both", "relay1.hours=00:00-12:00", "door.tamper=closed"])
    expect(settings.assign(one)).toBe("");
  if (isServer) expect(settings.assign("server.enabled=on")).toBe("");
  return new Station(
    {
      restart: null,
      wifi: null,
      wire: null,
      address: () => ipv4("10.0.0.1"),
      clock,
      random: new SeededRandom(2),
      resolver: network.resolver,
      udp: (options) => network.udp(options),
      tcp: (options) => network.tcp(options),
      microphone: new TimedPort(clock, new SamplesInput()),
      speaker: NO_SPEAKER,
      codec: null,
      input: (_name, options) => new VirtualContact(clock).open(options),
      relays: [new VirtualOutput(), new VirtualOutput()],
      led: new VirtualOutput(),
      store: new MemoryStore(),
    },
    settings,
    limits,
    { event: () => {} },
  );
}

describe.each(KINDS)("%s", (_, limits) => {
  it.each([false, true])("has exactly the timers it makes (server: %s)", (isServer) => {
    const { timers } = station(limits, isServer).door;
    expect(timers.made).toBe(timers.capacity);
  });

  it("has a request of its own for each call, each watcher and the registration, and a dialog for each that rings", () => {
    const world = new World();
    const door = new Agent(world, "10.0.0.1", { domain: "10.0.0.9", register: true }, limits);
    const phones = new Peer(world, "10.0.0.2");
    for (let i = 0; i < limits.subscriptions; i++) {
      phones.send("10.0.0.1", [
        "SUBSCRIBE sip:door@10.0.0.1 SIP/2.0",
        `Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKs${i}`,
        `From: <sip:lamp${i}@there>;tag=l${i}`,
        "To: <sip:door@10.0.0.1>",
        `Call-ID: lamp${i}`,
        "CSeq: 1 SUBSCRIBE",
        "Contact: <sip:lamp@10.0.0.2>",
        "Event: dialog",
        "Expires: 3600",
      ]);
      world.run(2);
    }
    let first: ReturnType<Agent["call"]> | null = null;
    for (let i = 0; i < limits.calls; i++) {
      const call: ReturnType<Agent["call"]> = door.call("sip:phone@10.0.0.2", first);
      first ??= call;
    }
    world.run(5);
    const { clients } = door.ua.layer;
    const methods = clients.items.filter(({ state }) => state !== 0).map(({ buffer }) => text(buffer, 0, 6));
    expect(methods.filter((method) => method === "INVITE")).toHaveLength(limits.calls);
    expect(methods.filter((method) => method === "NOTIFY")).toHaveLength(limits.subscriptions);
    const beside = 2 * (limits.lines - 1);
    expect(clients.used()).toBe(limits.clients - beside);
    expect(door.ua.layer.counters.refused).toBe(0);
    for (const invite of phones.got("INVITE")) {
      phones.respond("10.0.0.1", invite, "180 Ringing", header(invite, "Call-ID"), ["Contact: <sip:phone@10.0.0.2>"]);
      world.run(2);
    }
    expect(door.ua.dialogs.used()).toBe(limits.dialogs - beside);
    // The end of all of it needs no more than there is.
    for (const call of door.ua.calls) door.ua.hangUp(call);
    world.run(5);
    expect(phones.got("CANCEL")).toHaveLength(limits.calls);
    expect(door.ua.activeCall()).toBe(null);
  });
});
