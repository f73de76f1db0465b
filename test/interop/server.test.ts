/** The registrar with SIPp, which registers a thousand users, and with baresip, which registers one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { describeWith, freePorts, HOST, makeFolder, Program } from "./programs.js";
import { Server } from "./server.js";

const SCENARIO = join(import.meta.dirname, "scenarios/register_many.xml");

describeWith(["sipp"], "the registrar and SIPp", () => {
  it.each(["udp", "tcp"] as const)("SIPp registers 1,000 users over %s, none of them in vain", async (transport) => {
    const users = Array.from({ length: 1000 }, (_, i) => "user" + i);
    const server = await Server.start({ users });
    const list = join(makeFolder(), "users.csv");
    const line = (user: string): string => user + ";[authentication username=" + user + " password=" + user + "]\n";
    writeFileSync(list, "SEQUENTIAL\n" + users.map(line).join(""));
    const args = [HOST + ":" + server.port, "-sf", SCENARIO, "-inf", list, "-i", HOST, "-p", String(freePorts(1))];
    args.push("-t", transport === "tcp" ? "t1" : "u1", "-m", "1000", "-r", "250", "-l", "200", "-bind_local");
    args.push("-cp", String(freePorts(1)), "-nostdin", "-timeout", "40s", "-timeout_error");
    const sipp = new Program("sipp", args, { TERM: "dumb" });
    expect(await sipp.exit(45_000), sipp.tail).toBe(0);
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
