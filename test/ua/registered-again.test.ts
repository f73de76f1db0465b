/**
 * Tests that a door whose server was away, or lost its bindings, is registered again soon; and what that costs the
 * server.
 */
import { describe, expect, it } from "vitest";
import { PROBE_AUTO } from "../../src/ua/registration.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { TRANSPORT_UDP } from "../../src/wire/names.js";
import { SeededRandom } from "../random.js";
import { Agent, header, headers, Peer, World } from "./harness.js";

const DOOR = "10.0.0.2";
const SOON_MS = 30_000;
const IS_LONG = process.env.SWEEP === "whole";

/** A registrar that takes everybody. */
class Registrar extends Peer {
  isAway = false;
  /** The answer while it is away; "": none. */
  instead = "";
  readonly bindings = new Map<string, number>();
  asked = 0;
  /** Rewrites the URI that it was told. */
  rewrite = (uri: string): string => uri;
  /** Returns whether an answer lists what it holds. */
  lists: (isQuery: boolean) => boolean = () => true;
  /** The status of an answer to a query. */
  queryStatus = "200 OK";

  constructor(world: World, ip: string) {
    super(world, ip);
    this.onMessage = (message) => {
      if (!message.startsWith("REGISTER")) return;
      if (this.isAway) {
        if (this.instead !== "") this.respond(DOOR, message, this.instead, "r");
        return;
      }
      this.asked += 1;
      const contacts = headers(message, "Contact");
      for (const contact of contacts)
        this.bindings.set(
          contact.slice(1, contact.indexOf(">")),
          world.nowMs + 1000 * Number(header(message, "Expires")),
        );
      const lines = [...this.bindings]
        .filter(([, endMs]) => endMs > world.nowMs)
        .map(
          ([uri, endMs]) => "Contact: <" + this.rewrite(uri) + ">;expires=" + Math.round((endMs - world.nowMs) / 1000),
        );
      const isQuery = contacts.length === 0;
      this.respond(DOOR, message, isQuery ? this.queryStatus : "200 OK", "r", this.lists(isQuery) ? lines : []);
    };
  }

  hasDoor(): boolean {
    return [...this.bindings.values()].some((endMs) => endMs > this.world.nowMs);
  }
}

function house(settings: Partial<UserAgentSettings> = {}, ip = "10.0.0.9", seed = 1) {
  const world = new World();
  const registrar = new Registrar(world, ip);
  const account = {
    domain: ip,
    user: "door",
    register: true,
    expiresS: 600,
    transport: TRANSPORT_UDP,
    probeS: PROBE_AUTO,
  };
  const agent = new Agent(world, DOOR, { ...account, ...settings }, undefined, new SeededRandom(seed));
  world.run(1000);
  expect(registrar.hasDoor()).toBe(true);
  return { world, registrar, agent };
}

/** Returns ms after the outage until the door is registered, for itself and for the server. */
function outage(
  phaseMs: number,
  lastsMs: number,
  isForgetful: boolean,
  instead: string,
  settings: Partial<UserAgentSettings> = {},
  seed = 1,
): number {
  const { world, registrar, agent } = house(settings, "10.0.0.9", seed);
  world.run(phaseMs);
  registrar.isAway = true;
  registrar.instead = instead;
  world.run(lastsMs);
  registrar.isAway = false;
  if (isForgetful) registrar.bindings.clear();
  const beganMs = world.nowMs;
  world.runUntil(() => agent.ua.registration.state === 2 && registrar.hasDoor(), 600_000);
  return world.nowMs - beganMs;
}

describe("after an outage of up to five minutes a door is registered again within 30 s", () => {
  const phases = IS_LONG ? 37 : 6;
  const lasts = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 150, 180, 240, 300];
  it.each([
    ["that says nothing, of a server that keeps its bindings", false, ""],
    ["that says nothing, of a server that loses them", true, ""],
    ["that says 503, of a server that loses them", true, "503 Service Unavailable"],
    ["that says 500, of a server that keeps them", false, "500 Server Error"],
  ])(
    "%s",
    (_name, isForgetful, instead) => {
      const late: string[] = [];
      for (const s of IS_LONG ? Array.from({ length: 300 }, (_, i) => i + 1) : lasts)
        for (let phase = 0; phase < phases; phase++) {
          const phaseMs = Math.round((320_000 * phase) / phases) + 137 * s;
          const ms = outage(phaseMs, s * 1000, isForgetful, instead, {}, 1 + phase + 100 * s);
          if (ms > SOON_MS) late.push(s + " s at " + phaseMs + ": " + ms);
        }
      expect(late).toEqual([]);
    },
    600_000,
  );

  it("without such questions too, once it has noticed", () => {
    const late: number[] = [];
    for (const s of lasts)
      for (let phase = 0; phase < phases; phase++) {
        const ms = outage(Math.round((320_000 * phase) / phases), s * 1000, false, "", { probeS: 0 }, 1 + phase + s);
        if (ms > SOON_MS) late.push(ms);
      }
    expect(late).toEqual([]);
  });
});

describe("the question whether the server still has the door", () => {
  it("goes every half minute to a private address, and never to a public one, unless it is asked for", () => {
    const count = (ip: string, probeS: number): number => {
      const { world, registrar } = house({ probeS, expiresS: 86_400 }, ip);
      world.run(3600_000);
      return registrar.asked - 1;
    };
    expect(count("10.0.0.9", PROBE_AUTO)).toBeGreaterThanOrEqual(3600 / 30);
    expect(count("10.0.0.9", PROBE_AUTO)).toBeLessThanOrEqual(3600 / 24);
    expect(count("203.0.113.9", PROBE_AUTO)).toBe(0);
    expect(count("203.0.113.9", 60)).toBeGreaterThanOrEqual(60);
    expect(count("10.0.0.9", 0)).toBe(0);
  });

  it("changes nothing while it has, and is not asked again when the server will not say", () => {
    const { world, registrar, agent } = house({ expiresS: 86_400 });
    world.run(300_000);
    expect(agent.diary.filter((line) => line.startsWith("register"))).toEqual([
      "register registering",
      "register registered 200",
    ]);
    registrar.queryStatus = "403 Forbidden";
    world.run(60_000);
    const { asked } = registrar;
    world.run(3600_000);
    expect(registrar.asked).toBe(asked);
    expect(agent.ua.registration.state).toBe(2);
  });

  it("does not register anew each time where the registrar writes the Contact otherwise", () => {
    const { world, registrar } = house({ expiresS: 86_400 });
    registrar.rewrite = (uri) => uri.replace("10.0.0.2", "198.51.100.7");
    registrar.bindings.clear();
    world.run(60_000);
    const before = registrar.got("REGISTER").filter((m) => headers(m, "Contact").length > 0).length;
    world.run(3600_000);
    expect(registrar.got("REGISTER").filter((m) => headers(m, "Contact").length > 0).length).toBe(before);
  });

  it.each([
    ["lists no bindings at all", () => false, () => false],
    ["lists them for who registers only", () => false, () => true],
  ])("makes no storm at a server that %s", (_words, listsAsked, listsBound) => {
    const { world, registrar, agent } = house({ expiresS: 86_400, probeS: 0 });
    registrar.lists = (isQuery) => (isQuery ? listsAsked() : listsBound());
    agent.configure({ probeS: 30 });
    world.run(3600_000);
    expect(registrar.got("REGISTER").length).toBeLessThanOrEqual(12);
    expect(agent.ua.registration.state).toBe(2);
  });

  it("leaves the refresh where it was", () => {
    const { world, registrar, agent } = house({ expiresS: 600 });
    expect(agent.ua.registration.nextMs()).toBeLessThanOrEqual(300_000);
    const endMs = [...registrar.bindings.values()][0];
    world.run(290_000);
    expect([...registrar.bindings.values()][0]).toBe(endMs);
    world.run(20_000);
    expect([...registrar.bindings.values()][0]).toBeGreaterThan(endMs);
  });
});

describe("a server that is away for long", () => {
  it("is asked every few seconds for a quarter of an hour, and then less and less", () => {
    const { world, registrar, agent } = house();
    registrar.isAway = true;
    registrar.instead = "503 Service Unavailable";
    world.run(900_000);
    const early = agent.ua.registration.failures;
    expect(early).toBeGreaterThan(900 / 20);
    expect(early).toBeLessThan(900 / 8);
    world.run(86_400_000);
    expect(agent.ua.registration.failures - early).toBeLessThan(120);
  });
});
