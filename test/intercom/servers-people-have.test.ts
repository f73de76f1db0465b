/** Tests a press with the servers that people have: registered, called, hung up, by UDP, whatever becomes of TCP. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../host-sim/io/random.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";
import type { Station } from "../../src/driver/station.js";
import { Settings } from "../../src/settings/settings.js";
import { part } from "../runs.js";
import { type Algorithm, KINDS, type Kind, LONGEST, Pbx, stationAt } from "./pbx.js";

const DOOR = "192.0.2.1";
const SERVER = "192.0.2.10";
const PASSWORD = "Zq8-long-enough";
/** A call may take so long in all, ms. */
const MOST_MS = 2000;
/** An ordinary INVITE may have so many octets; the limit of RFC 3261 §18.1.1 is 1,300. */
const ORDINARY_BYTES = 1000;

const BOARDS: [string, Limits][] = [
  ["a plain board", DOOR_LIMITS],
  ["the reference board", ROOMY_LIMITS],
];
const TCP = ["open", "refuse", "drop", "reset"];
const ALGORITHMS: Algorithm[] = ["MD5", "SHA-256"];
const STATUSES: (401 | 407)[] = [401, 407];

interface Run {
  pbx: Pbx;
  events: string[];
  ms: number;
  station: Station;
  clock: VirtualClock;
  network: VirtualNetwork;
}

/** Registers, presses, is answered, hangs up. */
async function call(
  kind: Kind,
  algorithm: Algorithm,
  status: 401 | 407,
  tcp: string,
  limits: Limits,
  settings: readonly string[] = [],
  user = "door",
  isDeafOverTcp = false,
  registerStatus: 401 | 407 = status,
): Promise<Run> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, new SeededRandom(1));
  const host = network.host(ipv4(DOOR));
  expect(network.fault("tcp", tcp)).toBe("");
  const pbx = new Pbx({
    ip: ipv4(SERVER),
    port: 5060,
    kind,
    algorithm,
    status,
    registerStatus,
    user,
    password: PASSWORD,
  });
  pbx.isDeafOverTcp = isDeafOverTcp;
  await pbx.open(network.host(ipv4(SERVER)));
  const events: string[] = [];
  const all = new Settings();
  const usual = [
    `net.address=${DOOR}`,
    `sip.user=${user}`,
    `sip.password=${PASSWORD}`,
    `sip.domain=${SERVER}`,
    "call.target=100",
  ];
  for (const one of [...usual, ...settings]) expect(all.assign(one)).toBe("");
  const station = stationAt(host, clock, ipv4(DOOR), all, limits, events);
  await station.start();
  const isTold = (what: string) => events.some((line) => line.startsWith(what));
  await clock.runWhile(() => !isTold("register registered") && !isTold("register failed"), 5000);
  station.line("press");
  await clock.runWhile(() => !isTold("call confirmed") && !isTold("call ended"), clock.now() + 40_000);
  if (isTold("call confirmed")) station.line("hangup");
  await clock.runWhile(() => !pbx.isHungUp, 40_000);
  const ms = clock.now();
  return { pbx, events, ms, station, clock, network };
}

const ROWS = BOARDS.flatMap(([board, limits]) =>
  TCP.flatMap((tcp) =>
    STATUSES.flatMap((status) => ALGORITHMS.map((algorithm) => ({ board, limits, tcp, status, algorithm }))),
  ),
);

describe.each([...KINDS])("$name", (kind) => {
  it.each(ROWS)("$status $algorithm, TCP $tcp, $board", async ({ limits, tcp, status, algorithm }) => {
    const { pbx, events, ms } = await call(kind, algorithm, status, tcp, limits);
    expect(pbx.wrong).toEqual([]);
    expect(events.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(events.filter((line) => /^(register registered|call confirmed|call ended)/.test(line)).length).toBe(3);
    expect(pbx.arrived.filter(({ isTcp }) => isTcp)).toEqual([]);
    expect(Math.max(...pbx.requests("INVITE").map(({ bytes }) => bytes))).toBeLessThanOrEqual(ORDINARY_BYTES);
    expect(pbx.requests("BYE").length).toBe(kind.asksInDialog ? (status === 407 ? 1 : 2) : 1);
    expect(ms).toBeLessThan(MOST_MS);
  });
});

describe.each(KINDS.flatMap((kind) => ALGORITHMS.map((algorithm) => ({ name: kind.name, kind, algorithm }))))(
  "$name by $algorithm",
  ({ kind, algorithm }) => {
    it.each([
      [401, 407],
      [407, 401],
    ] as const)("asks for registrations by %d and for calls by %d", async (registerStatus, status) => {
      const settings = ["sip.expires=60"];
      const run = await call(kind, algorithm, status, "drop", DOOR_LIMITS, settings, "door", false, registerStatus);
      const { pbx, station, clock, events } = run;
      // The door registers anew and calls once more.
      await clock.runUntil(clock.now() + 120_000);
      station.line("press");
      await clock.runUntil(clock.now() + 1000);
      expect(events.filter((line) => line.startsWith("call confirmed")).length).toBe(2);
      expect(events.filter((line) => /^(error|register failed)/.test(line))).toEqual([]);
      expect(pbx.wrong).toEqual([]);
      expect(pbx.arrived.filter(({ isTcp }) => isTcp)).toEqual([]);
      if (status === 407)
        expect(Math.max(...pbx.requests("INVITE").map(({ bytes }) => bytes))).toBeLessThanOrEqual(ORDINARY_BYTES);
    });
  },
);

describe("the longest credentials", () => {
  it.each(ROWS)("$status $algorithm, TCP $tcp, $board", async ({ limits, tcp, status, algorithm }) => {
    const { pbx, events, ms } = await call(LONGEST, algorithm, status, tcp, limits, [], "u".repeat(64));
    expect(pbx.wrong).toEqual([]);
    expect(events.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(events.filter((line) => /^(register registered|call confirmed|call ended)/.test(line)).length).toBe(3);
    expect(pbx.requests("INVITE").at(-1)?.isTcp).toBe(tcp === "open");
    // The registration, which is shorter, needs no TCP.
    expect(pbx.requests("REGISTER").filter(({ isTcp }) => isTcp)).toEqual([]);
    expect(ms).toBeLessThan(MOST_MS);
  });

  it("over TCP to a server that takes it and says nothing there are answered by UDP", async () => {
    const { pbx, events, ms } = await call(LONGEST, "SHA-256", 407, "open", DOOR_LIMITS, [], "u".repeat(64), true);
    expect(events.filter((line) => /^(register registered|call confirmed|call ended)/.test(line)).length).toBe(3);
    expect(pbx.requests("INVITE").map(({ isTcp }) => isTcp)).toEqual([true, false]);
    expect(ms).toBeLessThan(MOST_MS);
  });

  it("of a call do not keep the registration from being refreshed", async () => {
    for (const [status, registerStatus] of [
      [407, 401],
      [401, 407],
    ] as const) {
      const settings = ["sip.expires=60"];
      const { pbx, clock, events } = await call(
        LONGEST,
        "SHA-256",
        status,
        "drop",
        DOOR_LIMITS,
        settings,
        "u".repeat(64),
        false,
        registerStatus,
      );
      const before = pbx.requests("REGISTER").length;
      await clock.runUntil(clock.now() + 300_000);
      expect(pbx.requests("REGISTER").length).toBeGreaterThan(before + 5);
      expect(events.filter((line) => /^(error|register (failed|registering))/.test(line)).slice(1)).toEqual([]);
    }
  });

  it.each([
    ["open", "too long for UDP]", "taken"],
    ["refuse", "TCP refused or reset]", "refused or reset, long requests go by UDP for 600 s"],
    ["drop", "no TCP connection in time]", "no connection in 500 ms, long requests go by UDP for 600 s"],
    ["reset", "TCP refused or reset]", "refused or reset, long requests go by UDP for 600 s"],
  ])("are told of by trace and status: TCP %s", async (tcp, ladder, status) => {
    const { station } = await call(LONGEST, "MD5", 407, tcp, DOOR_LIMITS, [], "u".repeat(64));
    expect(station.line("trace")).toContain(ladder);
    expect(station.line("status")).toContain(`tcp ${SERVER}:5060 ${status}`);
  });

  it("cost the time for a connection once: the next call goes by UDP at once, until the settings are saved anew", async () => {
    const { pbx, station, clock, events } = await call(LONGEST, "MD5", 407, "drop", DOOR_LIMITS, [], "u".repeat(64));
    const press = async (): Promise<number> => {
      const startMs = clock.now();
      const before = events.length;
      station.line("press");
      await clock.runWhile(() => !events.slice(before).some((line) => line.startsWith("call confirmed")), 60_000);
      const ms = clock.now() - startMs;
      station.line("hangup");
      await clock.runUntil(clock.now() + 1000);
      return ms;
    };
    expect(await press()).toBeLessThan(100);
    expect(station.line("trace")).toContain("no TCP connection in time, as before]");
    station.line("set sip.expires 500");
    station.line("save");
    await clock.runUntil(clock.now() + 1000);
    expect(await press()).toBeGreaterThanOrEqual(500);
    expect(pbx.wrong).toEqual([]);
  });
});

/** Makes a kind like the longest, with one value of another length. */
function sized(name: "nonce" | "opaque" | "realm", size: number): Kind {
  const value = "9".repeat(size);
  return {
    ...LONGEST,
    ...(name === "realm" ? { realm: value } : {}),
    ...(name === "nonce" ? { nonce: () => value } : {}),
    challenge: (realm, nonce, algorithm) => {
      const usual = LONGEST.challenge(realm, nonce, algorithm);
      return name === "opaque" ? usual.replace(/opaque="[^"]*"/, `opaque="${value}"`) : usual;
    },
  };
}

describe("a challenge", () => {
  it.each([
    ["nonce", 256],
    ["opaque", 128],
    ["realm", 128],
  ] as const)("whose %s has more than %d octets is said so in one line, once, and not answered", async (name, most) => {
    for (const [size, isTaken] of [
      [most, true],
      [most + 1, false],
    ] as const) {
      const { events, station, clock, pbx } = await call(sized(name, size), "MD5", 407, "refuse", DOOR_LIMITS, [
        "sip.expires=60",
      ]);
      expect(events.includes("register registered expires 60")).toBe(isTaken);
      const errors = events.filter((line) => line.startsWith("error"));
      const line = `error the server's challenge is too long to be answered: ${name} of ${size} octets, ${most} at most`;
      // One is for the registration, and one for the call.
      expect(errors).toEqual(isTaken ? [] : [line, line]);
      if (isTaken) continue;
      await clock.runUntil(clock.now() + 300_000);
      expect(pbx.requests("REGISTER").length).toBeGreaterThan(3);
      expect(events.filter((one) => one.startsWith("error")).length).toBe(2);
      station.line("press");
      await clock.runUntil(clock.now() + 1000);
      expect(events.filter((one) => one.startsWith("error")).length).toBe(3);
    }
  });
});

it("any challenge within the limits is answered, and the call made, on a plain board", async () => {
  const letters = fc.constantFrom(..."abcXYZ0189-._");
  const word = (most: number) => fc.string({ unit: letters, minLength: 1, maxLength: most });
  const quoted = (most: number) =>
    fc.string({ unit: fc.constantFrom(..."abc09+/=:;, ."), minLength: 1, maxLength: most });
  await fc.assert(
    fc.asyncProperty(
      quoted(256),
      fc.option(quoted(128)),
      word(64),
      word(64),
      word(24),
      fc.constantFrom(...ALGORITHMS),
      fc.constantFrom(...STATUSES),
      fc.constantFrom(...TCP),
      fc.boolean(),
      async (nonce, opaque, realm, user, target, algorithm, status, tcp, hasQop) => {
        const kind: Kind = {
          name: "any",
          realm,
          nonce: () => nonce,
          challenge: (asked, given, wanted) =>
            `realm="${asked}", nonce="${given}"${opaque === null ? "" : `, opaque="${opaque}"`}, algorithm=${wanted}${hasQop ? ', qop="auth"' : ""}`,
          asksInDialog: true,
        };
        const settings = [`call.target=sip:${target}@${SERVER}`];
        const { pbx, events } = await call(kind, algorithm, status, tcp, DOOR_LIMITS, settings, user);
        expect(pbx.wrong).toEqual([]);
        expect(events.filter((line) => /^(error|register failed)/.test(line))).toEqual([]);
        expect(pbx.isHungUp).toBe(true);
      },
    ),
    { seed: 20261129, numRuns: Number(process.env.CHALLENGES ?? part(20, 60)) },
  );
});

describe("an INVITE that does not fit", () => {
  const FAR = `sip:${"t".repeat(110)}@${SERVER}`;

  it("with the credentials that the server asks for ends its call with a line that says so", async () => {
    const { events } = await call(LONGEST, "SHA-256", 401, "open", DOOR_LIMITS, [`call.target=${FAR}`], "u".repeat(64));
    expect(events.filter((line) => line.startsWith("error"))).toEqual([
      "error the INVITE is too long, 1536 octets at most: a shorter target, sip.user, sip.authUser, sip.proxy",
    ]);
    expect(events.find((line) => line.startsWith("call ended"))).toContain("reason request too long");
  });

  it("from the beginning is not begun, and nobody waits for room", async () => {
    const { events, ms } = await call(
      LONGEST,
      "SHA-256",
      407,
      "refuse",
      DOOR_LIMITS,
      [`call.target=${FAR}`],
      "u".repeat(64),
    );
    expect(events.filter((line) => /^(error|call)/.test(line))).toEqual([
      "error the INVITE is too long, 1536 octets at most: a shorter target, sip.user, sip.authUser, sip.proxy",
    ]);
    expect(ms).toBeLessThanOrEqual(40_000);
  });
});
