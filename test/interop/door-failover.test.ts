/**
 * Tests the door with two servers, of which one is killed: the promises of docs/network.md, with processes and sockets.
 */
import { expect, it } from "vitest";
import { freePorts, isOpen } from "../ports.js";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { describeWith, HOST, makeFolder, Program } from "./programs.js";
import { Server } from "./server.js";

const USERS = { door: "secretD", phone: "secretP" };
const CALL_MS = 10_000;
const REGISTRATION_MS = 32_000;
const START_MS = 10_000;

describeWith(["kamailio"], "the door at two Kamailios", () => {
  it("calls by the second when the first is killed, is registered there, and goes back to the first", async () => {
    const first = await Kamailio.start({ users: USERS });
    const second = await Kamailio.start({ users: USERS });
    const door = await Door.start({
      set: {
        "sip.user": "door",
        "sip.password": USERS.door,
        "sip.domain": "127.0.0.1",
        "sip.proxy": "127.0.0.1:" + first.port + ", 127.0.0.1:" + second.port,
        "call.target": "sip:phone@127.0.0.1",
      },
      script: "wait 55; quit",
    });
    await door.expect("register", "registered");
    expect(second.seen("REGISTER", "door")).toBe(0);
    first.kill();
    const startMs = Date.now();
    await door.console("call");
    await second.expect("INVITE", "door", 1, CALL_MS);
    expect(Date.now() - startMs).toBeGreaterThan(3000);
    // The call found that the first server is away, so the registration follows it: one REGISTER is challenged, and one
    // has the answer.
    await second.expect("REGISTER", "door", 2, 6000);
    await first.restart();
    await first.expect("REGISTER", "door", 2, 40_000);
    await door.console("call");
    await first.expect("INVITE", "door", 1, 2000);
    const lines = door.all("error").map((event) => String(event.value) + String(event.reason ?? ""));
    expect(lines.filter((line) => line.includes("does not answer: 127.0.0.1:" + second.port))).toHaveLength(1);
    expect(lines.filter((line) => line.includes(first.port + " answers again"))).toHaveLength(1);
  });
});

describeWith(["redis-server"], "the door at two of our servers on one Redis", () => {
  it("is at the second when the first is killed, known to it from before, and its calls go there", async () => {
    const folder = makeFolder();
    const redisPort = freePorts();
    const redis = new Program("redis-server", ["--port", String(redisPort), "--bind", HOST, "--dir", folder]);
    await redis.until("Redis", START_MS, () => isOpen("tcp", redisPort));
    const store = ["--store", "redis://" + HOST + ":" + redisPort];
    const users = ["door", "phone"];
    const [first, second] = await Promise.all([Server.start({ users }, ...store), Server.start({ users }, ...store)]);
    const door = await Door.start({
      set: {
        "sip.user": "door",
        "sip.password": "door",
        "sip.domain": HOST,
        "sip.proxy": HOST + ":" + first.port + ", " + HOST + ":" + second.port,
        "call.target": "sip:phone@" + HOST,
      },
      script: "wait 40; quit",
    });
    await door.expect("register", "registered");
    first.program.kill();
    const startMs = Date.now();
    await door.console("call");
    // The second has the door's binding from Redis, and no phone: it refuses the call itself.
    await door.expect("call", "ended", CALL_MS);
    expect(Date.now() - startMs).toBeGreaterThan(3000);
    expect(Date.now() - startMs).toBeLessThan(CALL_MS);
    expect(door.all("call", "ended")[0].code).toBe(480);
    await second.program.until("the registration", REGISTRATION_MS, async () => {
      return ((await second.status()).registrations_changed_total ?? 0) > 0;
    });
  });
});
