/** Our proxy between phones of others, and between it and Kamailio. */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { describeWith, HOST, pause } from "./programs.js";
import { Server } from "./server.js";
import { dominantHz, durationMs, longestGapMs, trimSilence } from "./sound.js";

type Transport = "udp" | "tcp";

async function phone(server: Server, user: string, hz: number, transport: Transport, answers = true): Promise<Baresip> {
  return Baresip.start({ user, hz, transport, answers, server: { port: server.port, password: user } });
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
    await alice.dial("sip:bob@" + HOST);
    await alice.expect("CALL_ESTABLISHED");
    await bob.expect("CALL_ESTABLISHED");
    await pause(2500);
    await alice.hangup();
    await bob.expect("CALL_CLOSED");
    for (const [heard, hz] of [
      [await alice.heard(), 1000],
      [await bob.heard(), 440],
    ] as const) {
      const sound = trimSilence(heard);
      expect(dominantHz(sound)).toBe(hz);
      expect(durationMs(sound)).toBeGreaterThan(1500);
      expect(longestGapMs(sound)).toBeLessThan(100);
    }
    const status = await server.status();
    expect(status).toMatchObject({ proxy_dropped_total: 0, proxy_failed_total: 0, bindings: 2 });
    // The INVITE; the ACK and the BYE along our Record-Route.
    expect(status.proxy_followed_total).toBe(2);
  });
});
