/** Tests our proxy between phones of others, and between it and Kamailio. */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Kamailio } from "./kamailio.js";
import { describeWith, HOST, pause } from "./programs.js";
import { Server } from "./server.js";
import { dominantHz, durationMs, longestGapMs, trimSilence } from "./sound.js";

type Transport = "udp" | "tcp";

async function phone(server: Server, user: string, hz: number, transport: Transport, answers = true): Promise<Baresip> {
  return Baresip.start({ user, hz, transport, answers, server: { port: server.port, password: user } });
}

/** Makes a call with sound both ways, which the caller ends. */
async function call(caller: Baresip, callerHz: number, callee: Baresip, calleeHz: number, uri: string): Promise<void> {
  await caller.dial(uri);
  await caller.expect("CALL_ESTABLISHED");
  await callee.expect("CALL_ESTABLISHED");
  await pause(2500);
  await caller.hangup();
  await callee.expect("CALL_CLOSED");
  for (const [heard, hz] of [
    [await caller.heard(), calleeHz],
    [await callee.heard(), callerHz],
  ] as const) {
    const sound = trimSilence(heard);
    expect(dominantHz(sound)).toBe(hz);
    expect(durationMs(sound)).toBeGreaterThan(1500);
    expect(longestGapMs(sound)).toBeLessThan(100);
  }
}

describeWith(["baresip"], "two baresips and our proxy", () => {
  it.each([
    ["udp", "udp"],
    ["tcp", "tcp"],
    ["udp", "tcp"],
    ["tcp", "udp"],
  ] as const)("call by %s to %s: digest, Record-Route, sound both ways, and an end", async (from, to) => {
    const server = await Server.start({ users: ["alice", "bob"] });
    const [alice, bob] = await Promise.all([phone(server, "alice", 440, from), phone(server, "bob", 1000, to)]);
    await call(alice, 440, bob, 1000, "sip:bob@" + HOST);
    const status = await server.status();
    expect(status).toMatchObject({ proxy_dropped_total: 0, proxy_failed_total: 0, bindings: 2 });
    // The requests are the INVITE, and the ACK and the BYE along our Record-Route.
    expect(status.proxy_followed_total).toBe(2);
  });
});

describeWith(["kamailio", "baresip"], "our proxy and Kamailio", () => {
  it.each([
    ["behind", "udp"],
    ["in front of", "udp"],
    ["behind", "tcp"],
    ["in front of", "tcp"],
  ] as const)("calls go through with ours %s it, over %s", async (place, transport) => {
    const kamailio = await Kamailio.start({ users: { bob: "secretB" }, host: "127.0.0.2" });
    // The users of the other server are strangers to ours.
    const server = await Server.start({ users: ["alice"] }, "--strangers", "on");
    const alice = await phone(server, "alice", 440, transport);
    const { port, host } = kamailio;
    const bob = await Baresip.start({ user: "bob", hz: 1000, transport, server: { port, host, password: "secretB" } });
    const over = ";transport=" + transport;
    if (place === "behind") await call(bob, 1000, alice, 440, "sip:alice@" + HOST + ":" + server.port + over);
    else await call(alice, 440, bob, 1000, "sip:bob@" + host + ":" + port + over);
    expect(await server.status()).toMatchObject({
      proxy_followed_total: 2,
      proxy_dropped_total: 0,
      proxy_failed_total: 0,
    });
  });
});

describeWith(["baresip"], "baresip and our redirect server", () => {
  it.each(["udp", "tcp"] as const)("follows a 302 over %s to where the other one is", async (transport) => {
    const server = await Server.start({ users: ["alice", "bob"] }, "--mode", "redirect");
    const { port } = server;
    const at = (user: string, hz: number): Promise<Baresip> =>
      Baresip.start({ user, hz, transport, server: { port, password: user, direct: true } });
    const [alice, bob] = await Promise.all([at("alice", 440), at("bob", 1000)]);
    await call(alice, 440, bob, 1000, "sip:bob@" + HOST + ":" + port + ";transport=" + transport);
    expect(await server.status()).toMatchObject({ redirects_total: 1, redirects_refused_total: 0 });
  });
});
