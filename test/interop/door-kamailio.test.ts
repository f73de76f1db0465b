/**
 * Tests the door at Kamailio: registration with a password, its refresh, a wrong password, and calls both ways through
 * it.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { describeWith, pause } from "./programs.js";
import { dominantHz, durationMs, longestGapMs, trimSilence } from "./sound.js";

const USERS = { door: "secretD", phone: "secretP" };

function settings(server: Kamailio, more: Record<string, string | number> = {}): Record<string, string | number> {
  return {
    "sip.user": "door",
    "sip.password": USERS.door,
    "sip.domain": "127.0.0.1",
    "sip.proxy": "127.0.0.1:" + server.port,
    ...more,
  };
}

describeWith(["kamailio"], "the door at Kamailio", () => {
  it.each(["udp", "tcp"])("registers over %s with its password, and takes the registration back", async (transport) => {
    const server = await Kamailio.start({ users: USERS });
    const door = await Door.start({
      set: settings(server, { "sip.transport": transport }),
      script: "expect register=registered 10; console unregister; expect register=unregistered 5; quit",
    });
    await door.finish();
    // One REGISTER has no credentials and one has them; the nonce is good for one request only.
    expect(server.seen("REGISTER", "door")).toBeGreaterThanOrEqual(3);
    expect(server.seen("REGISTER", "door")).toBeLessThanOrEqual(4);
  });

  it("refreshes before the registration ends, also when the nonce is stale", async () => {
    const server = await Kamailio.start({ users: USERS, minExpires: 5, nonceExpire: 2 });
    const door = await Door.start({ set: settings(server, { "sip.expires": 10 }) });
    expect((await door.expect("register", "registered")).expires).toBe(10);
    const before = server.seen("REGISTER", "door");
    await server.expect("REGISTER", "door", before + 2, 10_000);
    expect(door.all("register", "failed")).toEqual([]);
    await pause(500);
    expect(server.seen("REGISTER", "door")).toBeLessThanOrEqual(before + 3);
  });

  it("asks for longer when the server finds the registration too brief", async () => {
    const server = await Kamailio.start({ users: USERS, minExpires: 60 });
    const door = await Door.start({ set: settings(server, { "sip.expires": 10 }) });
    expect((await door.expect("register", "registered")).expires).toBeGreaterThanOrEqual(60);
  });

  it("says that the password is wrong, and does not storm the server", async () => {
    const server = await Kamailio.start({ users: USERS });
    const door = await Door.start({ set: settings(server, { "sip.password": "mistaken" }) });
    const failed = await door.expect("register", "failed");
    expect(failed.code).toBe(401);
    expect(failed.reason).toMatch(/password|Unauthorized/i);
    await pause(6000);
    expect(server.seen("REGISTER", "door")).toBeLessThanOrEqual(3);
    expect(door.all("register", "registered")).toEqual([]);
    expect(door.log).not.toContain("mistaken");
  });

  it("answers auth-int as it is asked for, which Kamailio cannot check, and says that it was refused", async () => {
    const server = await Kamailio.start({ users: USERS, way: "authint" });
    const door = await Door.start({ set: settings(server) });
    expect((await door.expect("register", "failed")).code).toBe(401);
    expect(readFileSync(door.pcapPath, "latin1")).toMatch(/Authorization: .*qop=auth-int/);
    await pause(3000);
    expect(server.seen("REGISTER", "door")).toBeLessThanOrEqual(3);
  });
});

describeWith(["kamailio", "baresip"], "the door and baresip by Kamailio", () => {
  it("two phones ring together, each after a 407 of its own; the loser hears that the other one answered", async () => {
    const server = await Kamailio.start({ users: { ...USERS, attic: "secretA" } });
    const [phone, attic] = await Promise.all([
      Baresip.start({ user: "phone", hz: 1000, server: { port: server.port, password: USERS.phone }, answers: false }),
      Baresip.start({ user: "attic", hz: 1000, server: { port: server.port, password: "secretA" }, answers: false }),
    ]);
    const door = await Door.start({ set: settings(server, { "button1.day": "phone,attic 15s" }), hz: 440 });
    await door.expect("register", "registered");
    await door.console("press");
    await phone.expect("CALL_INCOMING");
    await attic.expect("CALL_INCOMING");
    await attic.accept();
    await door.expect("call", "confirmed");
    await phone.expect("CALL_CLOSED");
    expect(phone.trace).toMatch(/^CANCEL sip:/m);
    await pause(1500);
    await attic.hangup();
    await door.finish();
    expect(server.seen("INVITE", "door")).toBe(4);
    expect(door.all("branch", "ended").map((event) => event.reason)).toEqual(["answered elsewhere"]);
    expect(dominantHz(await attic.heard())).toBe(440);
  });

  it("a phone is called directly when the server is gone", async () => {
    const phone = await Baresip.start({ user: "phone", hz: 1000 });
    const door = await Door.start({
      set: {
        "sip.domain": "127.0.0.1",
        "sip.proxy": "127.0.0.1:" + freePorts(1),
        "button1.day": "200",
        "call.fallback": phone.uri,
      },
    });
    await door.console("press");
    expect((await door.expect("call", "confirmed")).peer).toBe(phone.uri);
    await pause(1000);
    await phone.hangup();
    await door.finish();
  });

  it.each(["udp", "tcp"] as const)("the door calls over %s: 407, Record-Route, sound both ways", async (transport) => {
    const server = await Kamailio.start({ users: USERS });
    const phone = await Baresip.start({
      user: "phone",
      hz: 1000,
      server: { port: server.port, password: USERS.phone },
    });
    const door = await Door.start({
      set: settings(server, { "call.target": "sip:phone@127.0.0.1", "sip.transport": transport }),
      hz: 440,
      script: [
        "expect register=registered 10; press; expect call=confirmed 10; wait 3",
        "press; expect call=ended 5; console unregister; expect register=unregistered 5; quit",
      ].join("; "),
    });
    await door.finish(30_000);
    await phone.expect("CALL_CLOSED");
    expect(server.seen("INVITE", "door")).toBe(2);
    // The call's own ACK and BYE follow the route through the proxy. The ACK of the 407 ends there, before its script.
    expect(server.seen("ACK", "door")).toBe(1);
    expect(readFileSync(door.pcapPath, "latin1").match(/ACK sip:/g)).toHaveLength(2);
    expect(server.seen("BYE", "door")).toBe(1);
    expect(phone.trace).toMatch(/^Record-Route: <sip:127\.0\.0\.1:/m);
    expect(dominantHz(await phone.heard())).toBe(440);
    const sound = trimSilence(door.heard());
    expect(dominantHz(sound)).toBe(1000);
    expect(longestGapMs(sound)).toBeLessThanOrEqual(100);
    expect(durationMs(sound)).toBeGreaterThan(2600);
  });

  it.each(["udp", "tcp"] as const)(
    "the phone calls over %s: the door hangs up through the proxy",
    async (transport) => {
      const server = await Kamailio.start({ users: USERS });
      const door = await Door.start({
        set: settings(server, { "sip.transport": transport }),
        hz: 440,
        script: "expect register=registered 10; expect call=confirmed 30; wait 3; press; expect call=ended 5; quit",
      });
      const phone = await Baresip.start({
        user: "phone",
        hz: 1000,
        server: { port: server.port, password: USERS.phone },
      });
      await door.expect("register", "registered");
      await phone.dial("sip:door@127.0.0.1");
      await phone.expect("CALL_ESTABLISHED");
      await phone.expect("CALL_CLOSED", undefined, 10_000);
      await door.finish();
      expect(server.seen("BYE", "door")).toBe(1);
      expect(dominantHz(await phone.heard())).toBe(440);
      expect(dominantHz(trimSilence(door.heard()))).toBe(1000);
    },
  );
});
