/** Tests the location service in Redis: it is shared and atomic, and Redis goes away and comes back. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Redis } from "ioredis";
import { afterEach, expect, it } from "vitest";
import { each, Folder, Phones, Program, pause } from "../host-sim/server/program.js";
import { freePorts } from "../ports.js";
import { Crowd } from "./crowd.js";
import { describeWith } from "./programs.js";
import { Server } from "./server.js";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

async function startRedis(port: number, dir: string, ...more: string[]): Promise<ChildProcess> {
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--appendonly", "yes", ...more];
  const child = spawn("redis-server", [...args, "--appendfsync", "always"], { stdio: ["ignore", "pipe", "ignore"] });
  cleanUps.push(() => child.kill("SIGKILL"));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (piece) => {
      if (String(piece).includes("Ready to accept")) resolve();
    });
    child.once("exit", (code) => reject(new Error("redis-server ended with " + code)));
  });
  return child;
}

function program(...args: string[]): Program {
  const made = new Program(["--listen", "udp:127.0.0.1:0", "--domain", "example.org", "--json", ...args]);
  cleanUps.push(() => made.child.kill("SIGKILL"));
  return made;
}

describeWith(["redis-server"], "servers that share a Redis", () => {
  it("lose no contact when both register one address at once, and see what the other did", async () => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const port = freePorts();
    await startRedis(port, place.path);
    const args = ["--users", place.users(20), "--store", "redis://127.0.0.1:" + port + "/0", "--contacts", "16"];
    const servers = await Promise.all([program(...args).ready(), program(...args).ready()]);
    const phones = [new Phones(), new Phones()];
    cleanUps.push(() => {
      for (const phone of phones) phone.close();
    });
    expect(await phones[0].register(servers[0].port, 1, "sip:other@127.0.0.1")).toMatch(/^SIP\/2.0 200/);
    await servers[1].says(/"bindings","value":"user1@example.org","contacts":1/);
    const answers: string[] = [];
    await each(12, 12, async (i) => {
      answers.push(await phones[i % 2].register(servers[i % 2].port, 0, "sip:c" + i + "@127.0.0.1"));
    });
    // A phone that collided too often was told to come again; each that was answered 200 is there.
    for (let i = 0; i < 12; i++)
      if (answers.some((answer) => answer.startsWith("SIP/2.0 503")))
        await phones[i % 2].register(servers[i % 2].port, 0, "sip:c" + i + "@127.0.0.1");
    const seen = await phones[1].register(servers[1].port, 0, "");
    expect(seen.match(/Contact: /g)).toHaveLength(12);
    await servers[0].end("SIGKILL");
    expect((await phones[1].register(servers[1].port, 0, "")).match(/Contact: /g)).toHaveLength(12);
  }, 30_000);

  it("answer 503 with Retry-After while Redis is gone, and go on when it is back, with every binding", async () => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const port = freePorts();
    const redis = await startRedis(port, place.path);
    const server = await program("--users", place.users(2), "--store", "redis://127.0.0.1:" + port).ready();
    const phone = new Phones();
    cleanUps.push(() => phone.close());
    expect(await phone.register(server.port, 0, "sip:a@127.0.0.1")).toMatch(/^SIP\/2.0 200/);
    redis.kill("SIGKILL");
    await server.says(/"store","value":"away"/);
    expect(await phone.register(server.port, 1, "sip:b@127.0.0.1")).toMatch(/^SIP\/2.0 503.*Retry-After: 5/s);
    server.output = "";
    await startRedis(port, place.path);
    await server.says(/"store","value":"ready"/);
    await pause(50);
    expect(await phone.register(server.port, 1, "sip:b@127.0.0.1")).toMatch(/^SIP\/2.0 200/);
    expect(await phone.register(server.port, 0, "")).toContain("Contact: <sip:a@127.0.0.1>");
  }, 30_000);
});

describeWith(["redis-server"], "a Redis that is not the right one", () => {
  it.each([
    ["a wrong password", ":wrong@", "/0", /WRONGPASS/],
    ["no password", "", "/0", /NOAUTH/],
    ["a database that does not exist", ":right@", "/99", /out of range/],
  ])("is away, with the reason, and nothing is kept in it: %s", async (_what, password, path, reason) => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const port = freePorts();
    await startRedis(port, place.path, "--requirepass", "right");
    const url = "redis://" + password + "127.0.0.1:" + port + path;
    const server = await program("--users", place.users(1), "--store", url).ready();
    await server.says(/"store","value":"away"/);
    const phone = new Phones();
    cleanUps.push(() => phone.close());
    expect(await phone.register(server.port, 0, "sip:a@127.0.0.1")).toMatch(/^SIP\/2.0 503.*Retry-After/s);
    await pause(2500);
    const lines = server.output.split("\n").filter((line) => line.includes('"event":"store"'));
    expect(lines).toEqual([expect.stringMatching(reason)]);
    const redis = new Redis("redis://:right@127.0.0.1:" + port + "/0");
    expect(await redis.keys("*")).toEqual([]);
    redis.disconnect();
  });

  it("is ready in the database that was chosen, by a password from a file", async () => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const port = freePorts();
    await startRedis(port, place.path, "--requirepass", "right");
    writeFileSync(place.path + "/secret", "right\n");
    const store = ["--store", "redis://127.0.0.1:" + port + "/5", "--store-password-file", place.path + "/secret"];
    const server = await program("--users", place.users(1), ...store).ready();
    await server.says(/"store","value":"ready"/);
    const phone = new Phones();
    cleanUps.push(() => phone.close());
    expect(await phone.register(server.port, 0, "sip:a@127.0.0.1")).toMatch(/^SIP\/2.0 200/);
    const keys = async (database: number): Promise<string[]> => {
      const redis = new Redis("redis://:right@127.0.0.1:" + port + "/" + database);
      const found = await redis.keys("portero:aor:*");
      redis.disconnect();
      return found;
    };
    expect([await keys(0), await keys(5)]).toEqual([[], ["portero:aor:user0@example.org"]]);
  });
});

describeWith(["redis-server", "sipp"], "three proxies that share a Redis", () => {
  it("one of them killed: calls in progress end normally by the one in its place, new ones go on, no binding is lost", async () => {
    const place = new Folder();
    cleanUps.push(() => place.remove());
    const port = freePorts();
    await startRedis(port, place.path);
    const url = "redis://127.0.0.1:" + port;
    const crowd = new Crowd(300, "udp");
    const start = (at?: number): Promise<Server> =>
      Server.start({ users: crowd.users, ...(at === undefined ? {} : { port: at }) }, "--store", url);
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    await crowd.register(first.port, { total: 300, rate: 300, atOnce: 100, timeoutS: 30 });
    await crowd.answer();
    const load = { total: 100, rate: 100, atOnce: 100, timeoutS: 40 };
    const inProgress = crowd.call(second.port, { ...load, talkMs: 6000 });
    await pause(3000);
    // All of them talk: each was answered, and acknowledged.
    expect((await second.status()).proxy_followed_total).toBe(100);
    second.program.kill();
    await second.program.exit(2000);
    // The program that takes the place starts at the same time. Faster calls would find the machine's two processors
    // taken, and be refused for that.
    const slower = { ...load, rate: 30, talkMs: 500 };
    const goingOn = [crowd.call(first.port, slower), crowd.call(third.port, slower)];
    const stead = await start(second.port);
    await Promise.all([inProgress, ...goingOn]);
    expect((await stead.status()).proxy_followed_total).toBe(100);
    await crowd.call(stead.port, { ...load, talkMs: 500 });
    const redis = new Redis(url);
    expect((await redis.keys("portero:aor:*")).length).toBe(300);
    redis.disconnect();
  }, 90_000);
});
