/** Tests the registrar with SIPp, which registers a thousand users, and with baresip, which registers one. */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Crowd } from "./crowd.js";
import { describeWith } from "./programs.js";
import { Server } from "./server.js";

describeWith(["sipp"], "the registrar and SIPp", () => {
  it.each(["udp", "tcp"] as const)("SIPp registers 1,000 users over %s, none of them in vain", async (transport) => {
    const crowd = new Crowd(1000, transport);
    const server = await Server.start({ users: crowd.users });
    await crowd.register(server.port, { total: 1000, rate: 250, atOnce: 200, timeoutS: 40 });
    expect(await server.status()).toMatchObject({
      bindings: 1000,
      records: 1000,
      auth_refused_total: 0,
      auth_accepted_total: 1000,
    });
  });
});

describeWith(["baresip"], "the registrar and baresip", () => {
  it.each(["udp", "tcp"] as const)("baresip registers over %s with its password", async (transport) => {
    const server = await Server.start({ users: ["alice"] });
    await Baresip.start({ user: "alice", hz: 440, transport, server: { port: server.port, password: "alice" } });
    expect((await server.status()).bindings).toBe(1);
  });
});
