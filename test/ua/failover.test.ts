/** Tests a door whose server is several machines: a request goes to one that answers, and back to the first one. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Flow } from "../../src/transaction/flow.js";
import { PROBE_AUTO } from "../../src/ua/registration.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { SeededRandom } from "../random.js";
import { Agent, header, headers, Peer, World } from "./harness.js";

const IS_LONG = process.env.SWEEP === "whole";
const DOOR = "10.0.0.1";
const FIRST = "10.0.0.8";
const SECOND = "10.0.0.9";
const THIRD = "10.0.0.7";
const PROXIES = `${FIRST}, ${SECOND}`;
/** The promised times until a call and the registration reach another server, and until they are back, ms. */
const CALL_MS = 10_000;
const REGISTRATION_MS = 32_000;
const BACK_MS = 300_000;
/** A round of requests to two servers that are away, and the wait after it, take so long, ms. */
const ROUND_MS = 4000 + 32_000 + 20_000;

/** A registrar and proxy that takes everybody and answers each INVITE with 180. */
class Machine extends Peer {
  isDown = false;
  /** The answers to everything, in place of the usual ones. */
  instead: string[] = [];
  private bound: string[] = [];
  readonly requests: { atMs: number; message: string }[] = [];

  constructor(world: World, address: string) {
    super(world, address);
    this.onMessage = (m) => {
      if (this.isDown || m.startsWith("SIP/2.0")) return;
      this.requests.push({ atMs: world.nowMs, message: m });
      if (m.startsWith("ACK")) return;
      if (this.instead.length > 0) this.respond(DOOR, m, this.instead[0], "r", this.instead.slice(1));
      else if (m.startsWith("INVITE")) this.respond(DOOR, m, "180 Ringing", "r");
      else {
        if (m.startsWith("REGISTER") && header(m, "Contact") !== "") this.bound = headers(m, "Contact");
        const expires = "Expires: " + (header(m, "Expires") || "600");
        this.respond(DOOR, m, "200 OK", "r", [...this.bound.map((contact) => "Contact: " + contact), expires]);
      }
    };
  }

  /** @returns the time of its first request of that method from `sinceMs` on; Infinity if there was none */
  firstMs(method: string, sinceMs: number): number {
    return this.requests.find((one) => one.atMs >= sinceMs && one.message.startsWith(method))?.atMs ?? Infinity;
  }

  last(method: string): string {
    return this.requests.filter((one) => one.message.startsWith(method)).at(-1)?.message ?? "";
  }
}

function house(settings: Partial<UserAgentSettings> = { proxy: PROXIES }, seed = 1) {
  const world = new World();
  const machines = [FIRST, SECOND, THIRD].map((address) => new Machine(world, address));
  const account = { domain: "house.example", user: "door", register: true, expiresS: 600, probeS: PROBE_AUTO };
  const agent = new Agent(world, DOOR, { ...account, register: false }, DOOR_LIMITS, new SeededRandom(seed));
  agent.names.set("house.example", `${FIRST},${SECOND}`);
  agent.answersNames = true;
  agent.configure({ register: true, ...settings });
  world.run(5000);
  expect(agent.ua.registration.state).toBe(2);
  return { world, agent, machines, first: machines[0], second: machines[1], third: machines[2] };
}

/** Returns the machine at which the door is registered, by the last REGISTER that bound it. */
function boundAt(machines: Machine[]): Machine | undefined {
  const bound = machines.map((machine) => ({
    machine,
    atMs:
      machine.requests.filter(({ message }) => /^REGISTER/.test(message) && header(message, "Contact") !== "").at(-1)
        ?.atMs ?? -1,
  }));
  return bound.sort((a, b) => b.atMs - a.atMs)[0].machine;
}

describe.each([
  ["two proxies", { proxy: PROXIES }],
  ["a name with two places", { proxy: "" }],
])("With %s", (_what, settings) => {
  it("a call goes to the second within 10 s, the same but for branch and Route, and the next one at once", () => {
    const { world, agent, first, second } = house(settings);
    const route = header(first.last("REGISTER"), "Route");
    first.isDown = true;
    const startMs = world.nowMs;
    const call = agent.call("200");
    world.run(CALL_MS);
    expect(second.firstMs("INVITE", startMs) - startMs).toBeLessThan(CALL_MS);
    expect(agent.last()).toBe("call ringing");
    const invite = second.last("INVITE");
    const sent = world.log.filter((line) => line.startsWith("1>8 INVITE"));
    expect(sent).toHaveLength(4);
    expect(header(invite, "Via")).not.toBe("");
    expect(header(invite, "Route")).toBe(route.replace(FIRST, SECOND));
    agent.ua.hangUp(call);
    world.run(1000);
    expect(second.last("CANCEL")).not.toBe("");
    const againMs = world.nowMs;
    agent.call("201");
    world.run(100);
    expect(second.firstMs("INVITE", againMs) - againMs).toBeLessThan(100);
  });

  it("the registration is at the second within 32 s, and at the first again within 5 minutes", () => {
    const { world, agent, machines, first, second } = house(settings);
    world.run(7000);
    first.isDown = true;
    const downMs = world.nowMs;
    world.run(REGISTRATION_MS);
    expect(second.firstMs("REGISTER", downMs) - downMs).toBeLessThan(REGISTRATION_MS);
    expect(boundAt(machines)).toBe(second);
    world.run(600_000);
    first.isDown = false;
    world.run(BACK_MS);
    expect(boundAt(machines)).toBe(first);
    const backMs = world.nowMs;
    agent.call("200");
    world.run(1);
    world.run(100);
    expect(first.firstMs("INVITE", backMs) - backMs).toBeLessThan(100);
    expect(agent.troubles).toEqual([
      `the server ${FIRST}:5060 does not answer: ${SECOND}:5060 is tried`,
      `the server ${FIRST}:5060 answers again`,
    ]);
  });
});

it("keeps its promises in every order of failures", () => {
  const events = ["-8", "-9", "+8", "+9"];
  const orders: string[][] = [];
  const grow = (order: string[], down: Set<string>): void => {
    if (order.length > 0) orders.push(order);
    if (order.length === 5) return;
    for (const event of events) {
      const [sign, name] = [event[0], event[1]];
      if (down.has(name) === (sign === "-")) continue;
      const next = new Set(down);
      if (sign === "-") next.add(name);
      else next.delete(name);
      grow([...order, event], next);
    }
  };
  grow([], new Set());
  const whole = orders.filter((order) => order.length === 5);
  expect(whole).toHaveLength(32);
  for (const [i, order] of whole.entries()) {
    if (!IS_LONG && i % 5 !== 0) continue;
    const random = new SeededRandom(i + 1);
    const { world, agent, machines, first, second } = house(i % 2 === 0 ? {} : { proxy: PROXIES }, i + 1);
    const told = order.join(" ");
    let wasAway = false;
    for (const event of order) {
      (event[1] === "8" ? first : second).isDown = event[0] === "-";
      const up = machines.slice(0, 2).filter((machine) => !machine.isDown);
      world.run(random.uint32() % 2000);
      const startMs = world.nowMs;
      const call = agent.call("200");
      world.run(CALL_MS);
      if (up.length > 0)
        expect(Math.min(...up.map((machine) => machine.firstMs("INVITE", startMs))) - startMs, told).toBeLessThan(
          CALL_MS,
        );
      agent.ua.hangUp(call);
      world.run(REGISTRATION_MS - CALL_MS);
      // If none was there, the next round of requests begins after the last one has waited to its end.
      if (wasAway) world.run(ROUND_MS);
      if (up.length > 0) expect(up, told).toContain(boundAt(machines));
      wasAway = up.length === 0;
      world.run(BACK_MS - REGISTRATION_MS + (random.uint32() % 100_000));
      if (up.length > 0) expect(boundAt(machines), told).toBe(up[0]);
    }
  }
});

describe("A server that refuses with 503", () => {
  it("is left for the next one, and so is its call, which it may refuse for the callee's sake", () => {
    const { world, agent, first, second } = house();
    first.instead = ["503 Congestion"];
    const startMs = world.nowMs;
    agent.call("200");
    world.run(200);
    expect(second.firstMs("INVITE", startMs) - startMs).toBeLessThan(100);
    expect(first.last("ACK")).not.toBe("");
    expect(header(first.last("ACK"), "Via")).toBe(header(first.last("INVITE"), "Via"));
    expect(header(second.last("INVITE"), "Via")).not.toBe(header(first.last("INVITE"), "Via"));
    expect(agent.ua.layer.transport.outages.count).toBe(0);
    expect(agent.last()).toBe("call ringing");
  });

  it("is down for as long as it says, which has a bound; a call that all refuse ends as the last one said", () => {
    const { world, agent, first, second } = house();
    first.instead = ["503 Maintenance", "Retry-After: 99999999"];
    second.instead = ["503 Congestion"];
    agent.call("200");
    world.run(200);
    expect(agent.last()).toBe("call ended cause refused status 503");
    expect(agent.ua.layer.transport.outages.isDown(0x0a000008, 5060)).toBe(true);
    first.instead = second.instead = [];
    world.run(90_000);
    expect(agent.ua.layer.transport.outages.count).toBe(0);
  });
});

describe("Names", () => {
  it("that cannot be found any more keep their last address, and new ones count as soon as they are known", () => {
    const { world, agent, first, third } = house({});
    agent.names.delete("house.example");
    world.run(700_000);
    expect(agent.ua.registration.state).toBe(2);
    expect(first.firstMs("REGISTER", 300_000)).toBeLessThan(700_000);
    agent.names.set("house.example", THIRD);
    world.run(400_000);
    expect(third.last("REGISTER")).not.toBe("");
  });

  it("that are awaited for more than 2 s give way to what was found before, and to other proxies", () => {
    const { world, agent, second } = house({ proxy: `slow.example, ${SECOND}` });
    agent.answersNames = false;
    world.run(100_000);
    const startMs = world.nowMs;
    agent.call("200");
    world.run(CALL_MS);
    expect(second.firstMs("INVITE", startMs) - startMs).toBeLessThan(CALL_MS);
  });

  it("of strangers lead to no more than six places, and none of those is asked by itself later", () => {
    const { world, agent } = house();
    agent.names.set("lure.example", Array.from({ length: 60 }, (_, i) => `10.9.9.${i + 1}`).join(","));
    const call = agent.ua.call("sip:x@lure.example", null, true);
    if (call === null) throw new Error(agent.ua.error);
    world.run(120_000);
    const asked = new Set(world.log.filter((line) => line.includes("INVITE sip:x@")).map((line) => line.split(" ")[0]));
    expect(asked.size).toBe(6);
    expect(agent.ua.layer.transport.outages.count).toBe(0);
    expect(world.log.filter((line) => line.includes("OPTIONS"))).toEqual([]);
  });
});

it("Servers that are all away are asked by OPTIONS seldom, and one request at a time", () => {
  const { world, agent, first, second } = house();
  first.isDown = second.isDown = true;
  world.run(60_000);
  const before = world.log.length;
  world.run(600_000);
  const asked = world.log.slice(before).filter((line) => line.includes("OPTIONS"));
  // Each server is asked four times in each 60 to 80 s.
  expect(asked.length).toBeLessThan(2 * 4 * 11);
  expect(asked.length).toBeGreaterThan(2 * 4 * 6);
  first.isDown = false;
  world.run(100_000);
  expect(agent.ua.registration.state).toBe(2);
});

it("Answers of a server that was left count for nothing, and credentials go to none but those of the settings", () => {
  const { world, agent, first, second, third } = house({ proxy: PROXIES, password: "secret" });
  first.isDown = true;
  second.instead = ["407 Who", 'Proxy-Authenticate: Digest realm="house", nonce="n2", qop="auth"'];
  agent.call("200");
  world.run(6000);
  expect(second.last("INVITE")).toContain("Proxy-Authorization: Digest");
  second.instead = ["302 Elsewhere", `Contact: <sip:200@${THIRD}>`];
  agent.call("201");
  world.run(1000);
  third.instead = ["407 Who", 'Proxy-Authenticate: Digest realm="house", nonce="n3", qop="auth"'];
  world.run(5000);
  expect(third.requests.every(({ message }) => !message.includes("Authorization"))).toBe(true);
});

it("Calls from a second server that is known by name only are known to be the server's before it was asked", () => {
  const world = new World();
  const machines = [FIRST, SECOND].map((address) => new Machine(world, address));
  const agent = new Agent(world, DOOR, {});
  agent.names.set("a.example", FIRST);
  agent.names.set("b.example", SECOND);
  agent.answersNames = true;
  agent.configure({ domain: "house.example", proxy: "a.example, b.example", register: true });
  world.run(5000);
  expect(machines.map(({ requests }) => requests.length)).toEqual([1, 0]);
  const from = new Flow();
  from.set(1, ipv4(SECOND), 5060, -1);
  expect([agent.ua.isServerFlow(from), agent.ua.isServer(from.ip)]).toEqual([true, true]);
  from.set(1, ipv4(SECOND), 5061, -1);
  expect([agent.ua.isServerFlow(from), agent.ua.isServer(from.ip)]).toEqual([false, true]);
  from.set(1, ipv4(THIRD), 5060, -1);
  expect([agent.ua.isServerFlow(from), agent.ua.isServer(from.ip)]).toEqual([false, false]);
});
