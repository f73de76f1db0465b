/**
 * Tests when the store in Redis is ready, and which message tells that it is not. The Redis is one of the test's own; a
 * real one is in test/interop.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseOptions } from "../../../host-sim/server/options.js";
import { readRedisPlace } from "../../../host-sim/server/redis-place.js";
import { RedisLocation } from "../../../host-sim/server/redis-store.js";
import { octets, Span } from "../../../src/core/bytes.js";
import { Timers } from "../../../src/core/timers.js";
import { Bindings, DayClock, LOCATION_AWAY, LOCATION_OK, type LocationUser } from "../../../src/server/location.js";
import { FakeRedis, type Refusals } from "./fake-redis.js";
import { Folder, Program } from "./program.js";

/** A Redis on this machine answers at once. */
const WAITS = { answerMs: 400, retryMs: 40 };
const WITHIN = { timeout: 10_000, interval: 20 };
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Opened {
  store: RedisLocation;
  redis: FakeRedis;
  told: string[];
}

async function open(refusals: Refusals, url = ""): Promise<Opened> {
  const redis = await FakeRedis.start(refusals);
  cleanUps.push(() => redis.stop().catch(() => {}));
  const place = readRedisPlace("redis://" + url.replace("HOST", "127.0.0.1:" + redis.port));
  if (typeof place === "string") throw new Error(place);
  const told: string[] = [];
  const clock = new DayClock(new Timers(4));
  clock.offsetMs = Date.now();
  const store = new RedisLocation(
    place,
    clock,
    {
      before: () => {},
      after: () => {},
      onState: (state, reason) => told.push(state + (reason === "" ? "" : ": " + reason)),
      onKey: () => {},
    },
    WAITS,
  );
  cleanUps.push(() => store.close());
  await store.connect();
  return { store, redis, told };
}

/** @returns the result of a look-up */
function lookUp(store: RedisLocation): Promise<number> {
  const aor = new Span();
  const name = octets("alice@example.org");
  aor.set(name, 0, name.length);
  return new Promise((resolve) => {
    const user: LocationUser = { onBindings: (_token, result) => resolve(result), onUpdated: () => {} };
    store.findBindings(aor, user, 1);
  });
}

/** @returns the result of a change */
function write(store: RedisLocation): Promise<number> {
  const aor = new Span();
  const name = octets("alice@example.org");
  aor.set(name, 0, name.length);
  return new Promise((resolve) => {
    const user: LocationUser = { onBindings: () => {}, onUpdated: (_token, result) => resolve(result) };
    store.replaceBindings(aor, new Bindings(), user, 1);
  });
}

describe("the store in Redis", () => {
  it("is ready when its database was chosen and a record was written there, and not before", async () => {
    const { store, redis, told } = await open({}, "HOST/3");
    await vi.waitFor(() => expect(told).toEqual(["ready"]), WITHIN);
    expect(store.isReady()).toBe(true);
    expect(redis.keys(0)).toEqual([]);
    expect(redis.keys(3)).toContain("portero:key");
    expect(redis.asked.indexOf("SELECT 3")).toBeLessThan(redis.asked.indexOf("EVAL"));
    expect(await lookUp(store)).toBe(LOCATION_OK);
  });

  it.each<[string, string, Refusals, RegExp]>([
    ["a database that does not exist", "HOST/99", {}, /^away: ERR DB index is out of range$/],
    ["a wrong password", ":wrong@HOST", { password: "right" }, /^away: WRONGPASS /],
    ["no password where one is needed", "HOST", { password: "right" }, /^away: NOAUTH /],
    ["a password where none is set", ":some@HOST", {}, /^away: ERR AUTH .*without any password/],
    [
      "a copy that takes no changes",
      "HOST",
      { refuse: { EVAL: "READONLY You can't write against a read only replica." } },
      /^away: READONLY /,
    ],
    [
      "a user that may not write",
      "HOST",
      { refuse: { EVAL: "NOPERM this user has no permissions" } },
      /^away: NOPERM /,
    ],
    ["no room", "HOST", { refuse: { EVAL: "OOM command not allowed when used memory > 'maxmemory'." } }, /^away: OOM /],
    [
      "a Redis that still loads",
      "HOST",
      { refuse: { SELECT: "LOADING Redis is loading the dataset in memory" } },
      /^away: LOADING /,
    ],
    ["a clock that is ahead", "HOST", { isForgetful: true }, /^away: .*clock/],
    ["silence", "HOST", { silent: ["EVAL"] }, /^away: it does not answer within 400 ms$/],
    ["something that is no Redis", "HOST", { noise: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") }, /^away: /],
    ["binary noise", "HOST", { noise: Buffer.from([0, 255, 13, 10, 36, 45, 57, 0]) }, /^away: /],
  ])(
    "is not ready with %s: it says so once, with the reason, and keeps nothing",
    async (_what, url, refusals, line) => {
      const { store, redis, told } = await open(refusals, url);
      // The store tries again and again, and tells it once.
      const connections = (): number => redis.asked.filter((one) => one.startsWith("SELECT") || one === "AUTH").length;
      await vi.waitFor(() => expect(told.length).toBe(1), WITHIN);
      await vi.waitFor(() => expect(connections()).toBeGreaterThanOrEqual(2), WITHIN);
      expect(told).toEqual([expect.stringMatching(line)]);
      expect(told[0]).not.toContain("\n");
      expect(store.isReady()).toBe(false);
      expect(await lookUp(store)).toBe(LOCATION_AWAY);
      expect(await write(store)).toBe(LOCATION_AWAY);
      expect(redis.keys(0).filter((key) => key.startsWith("portero:aor:"))).toEqual([]);
    },
  );

  it("is away with the first refusal of a change, and ready again when that is over: a line each", async () => {
    const { store, redis, told } = await open({}, "HOST");
    await vi.waitFor(() => expect(told).toEqual(["ready"]), WITHIN);
    redis.refusals = { refuse: { EVAL: "READONLY You can't write against a read only replica." } };
    expect(await write(store)).toBe(LOCATION_AWAY);
    expect(await write(store)).toBe(LOCATION_AWAY);
    redis.refusals = {};
    await vi.waitFor(() => expect(store.isReady()).toBe(true), WITHIN);
    expect(told).toEqual(["ready", expect.stringMatching(/^away: READONLY /), "ready"]);
    expect(await write(store)).toBe(LOCATION_OK);
  });

  it("is away with a Redis that ends, one line for all that goes wrong with the connection", async () => {
    const { store, redis, told } = await open({}, "HOST");
    await vi.waitFor(() => expect(told).toEqual(["ready"]), WITHIN);
    await redis.stop();
    await vi.waitFor(() => expect(store.isReady()).toBe(false), WITHIN);
    expect(await lookUp(store)).toBe(LOCATION_AWAY);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const again = await FakeRedis.start({}, redis.port);
    cleanUps.push(() => again.stop());
    await vi.waitFor(() => expect(store.isReady()).toBe(true), WITHIN);
    expect(told).toEqual(["ready", expect.stringMatching(/^away: /), "ready"]);
  });

  it("is asked for one record that is refused, and goes on for the others", async () => {
    const { store, redis, told } = await open({}, "HOST");
    await vi.waitFor(() => expect(told).toEqual(["ready"]), WITHIN);
    redis.refusals = { refuse: { GET: "WRONGTYPE Operation against a key holding the wrong kind of value" } };
    expect(await lookUp(store)).toBe(LOCATION_AWAY);
    expect(store.isReady()).toBe(true);
    expect(told).toEqual(["ready"]);
  });
});

describe("the place of a Redis", () => {
  it.each([
    ["redis://localhost", { host: "localhost", port: 6379, database: 0, user: "", password: "", isTls: false }],
    ["redis://localhost/", { database: 0 }],
    ["redis://[::1]:7000/15", { host: "::1", port: 7000, database: 15 }],
    ["rediss://u%40x:p%3a%2F@h:1/2", { user: "u@x", password: "p:/", host: "h", port: 1, database: 2, isTls: true }],
    ["redis://:secret@h", { user: "", password: "secret" }],
  ])("is read from %s", (text, place) => {
    expect(readRedisPlace(text)).toMatchObject(place);
  });

  it.each([
    "redis:",
    "redis://",
    "redis:///0",
    "redis://h/abc",
    "redis://h/1/2",
    "redis://h/-1",
    "redis://h/1.5",
    "redis://h/0x1",
    "redis://h/99999999999",
    "redis://h//1",
    "redis://h/1?db=2",
    "redis://h/1#2",
    "redis://h:0",
    "redis://h:99999",
    "redis://h:abc/1",
    "redis://user@h",
    "redis://:%zz@h",
    "redis://h h/1",
    "redis://\0/1",
    "redis://" + "h".repeat(100_000) + "/x",
    "Redis//h",
    "rediss:h",
  ])("is refused, with what it has to be: %s", (text) => {
    const options = parseOptions(["--domain", "a.b", "--users", "u", "--store", text]);
    expect(options).toMatch(/^--store.*redis:\/\//);
    expect(options).not.toContain("\n");
  });

  it("is not repeated when it is refused: a password may be in it", () => {
    expect(parseOptions(["--domain", "a.b", "--users", "u", "--store", "redis://:hush@h/abc"])).not.toContain("hush");
  });

  it("ends the program with exit code 2", async () => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const server = new Program([
      "--domain",
      "example.org",
      "--users",
      place.users(1),
      "--store",
      "redis://127.0.0.1/abc",
    ]);
    expect(await server.exited).toBe(2);
    expect(server.errors.trim().split("\n")).toHaveLength(1);
  });
});
