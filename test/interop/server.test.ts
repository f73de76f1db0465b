/** The registrar with SIPp, which registers a thousand users, and with baresip, which registers one. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { describeWith, freePorts, HOST, isOpen, makeFolder, Program } from "./programs.js";

const ROOT = join(import.meta.dirname, "../..");
const CLI = join(ROOT, "host-sim/server/cli.ts");
const SCENARIO = join(import.meta.dirname, "scenarios/register_many.xml");
const START_MS = 15_000;

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** A server whose users have their names as passwords. */
async function startServer(users: readonly string[], ...args: string[]): Promise<{ port: number; http: number }> {
  const port = freePorts(2);
  const http = freePorts(1);
  const file = join(makeFolder(), "users");
  writeFileSync(
    file,
    users.map((user) => user + ":" + HOST + ":" + md5(user + ":" + HOST + ":" + user) + ":\n").join(""),
  );
  const listen = ["--listen", "udp:" + HOST + ":" + port, "--listen", "tcp:" + HOST + ":" + port];
  const options = [...listen, "--domain", HOST, "--users", file, "--http", String(http), "--json", ...args];
  const server = new Program(process.execPath, ["--import", "tsx", CLI, ...options]);
  await server.until("the server's port", START_MS, () => isOpen("tcp", port));
  return { port, http };
}

async function status(http: number): Promise<Record<string, number>> {
  return (await (await fetch("http://" + HOST + ":" + http + "/status")).json()) as Record<string, number>;
}

describeWith(["sipp"], "the registrar and SIPp", () => {
  it.each(["udp", "tcp"] as const)("SIPp registers 1,000 users over %s, none of them in vain", async (transport) => {
    const users = Array.from({ length: 1000 }, (_, i) => "user" + i);
    const { port, http } = await startServer(users);
    const list = join(makeFolder(), "users.csv");
    const line = (user: string): string => user + ";[authentication username=" + user + " password=" + user + "]\n";
    writeFileSync(list, "SEQUENTIAL\n" + users.map(line).join(""));
    const args = [HOST + ":" + port, "-sf", SCENARIO, "-inf", list, "-i", HOST, "-p", String(freePorts(1))];
    args.push("-t", transport === "tcp" ? "t1" : "u1", "-m", "1000", "-r", "250", "-l", "200", "-bind_local");
    args.push("-cp", String(freePorts(1)), "-nostdin", "-timeout", "40s", "-timeout_error");
    const sipp = new Program("sipp", args, { TERM: "dumb" });
    expect(await sipp.exit(45_000), sipp.tail).toBe(0);
    expect(await status(http)).toMatchObject({
      bindings: 1000,
      records: 1000,
      auth_refused_total: 0,
      auth_accepted_total: 1000,
    });
  });
});

describeWith(["baresip"], "the registrar and baresip", () => {
  it.each(["udp", "tcp"] as const)("baresip registers over %s with its password", async (transport) => {
    const { port, http } = await startServer(["alice"]);
    await Baresip.start({ user: "alice", hz: 440, transport, server: { port, password: "alice" } });
    expect((await status(http)).bindings).toBe(1);
  });
});
