/** Tests our proxy under the load of many users at once, whom SIPp plays. */
import { expect, it } from "vitest";
import { Crowd } from "./crowd.js";
import { describeWith } from "./programs.js";
import { Server } from "./server.js";

describeWith(["sipp"], "SIPp and our proxy", () => {
  it.each(["udp", "tcp"] as const)(
    "1,000 users register over %s and call one another, 200 calls at once, none failed",
    async (transport) => {
      const crowd = new Crowd(1000, transport);
      const server = await Server.start({ users: crowd.users });
      await crowd.register(server.port, { total: 1000, rate: 250, atOnce: 200, timeoutS: 40 });
      await crowd.answer();
      await crowd.call(server.port, { total: 600, rate: 100, atOnce: 200, talkMs: 2500, timeoutS: 60 });
      const status = await server.status();
      // Each call has an ACK and a BYE.
      expect(status).toMatchObject({
        bindings: 1000,
        proxy_followed_total: 1200,
        proxy_failed_total: 0,
        proxy_dropped_total: 0,
      });
      expect(status.auth_refused_total).toBe(0);
    },
  );
});

describeWith(["sipp"], "SIPp and our proxy without state", () => {
  it("300 users call one another, 100 calls at once, none failed, and no transaction was made for them", async () => {
    const crowd = new Crowd(300, "udp");
    const server = await Server.start({ users: crowd.users }, "--stateless");
    await crowd.register(server.port, { total: 300, rate: 300, atOnce: 200, timeoutS: 40 });
    const { transactions_server_highwater: before } = await server.status();
    await crowd.answer();
    await crowd.call(server.port, { total: 300, rate: 100, atOnce: 100, talkMs: 500, timeoutS: 60 });
    expect(await server.status()).toMatchObject({ transactions_server_highwater: before, proxy_dropped_total: 0 });
  });
});
