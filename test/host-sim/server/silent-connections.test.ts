/** Tests that the server serves clients that speak while all its room for connections is taken by silent ones. */
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Folder, Program } from "./program.js";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

describe("the server's TCP port", () => {
  it("is open to whoever speaks while 512 connections say nothing, and closes those", async () => {
    const folder = new Folder();
    cleanUps.push(() => folder.remove());
    const listen = ["--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0"];
    const server = new Program([...listen, "--domain", "example.org", "--json", "--users", folder.users(1)]);
    cleanUps.push(() => server.child.kill("SIGKILL"));
    await server.ready();
    const port = Number((await server.says(/"listening","value":"tcp:127\.0\.0\.1:(\d+)"/))[1]);
    const open = async (): Promise<Socket> => {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      cleanUps.push(() => socket.destroy());
      await new Promise((resolve) => socket.once("connect", resolve));
      return socket;
    };
    const silent = await Promise.all(Array.from({ length: 512 }, open));
    const socket = await open();
    const answered = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString())));
    socket.write(
      "OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKo\r\nFrom: <sip:a@b>;tag=1\r\n" +
        "To: <sip:example.org>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
    );
    expect(await answered).toMatch(/^SIP\/2.0 \d/);
    await vi.waitFor(() => expect(silent.filter((one) => !one.destroyed)).toHaveLength(0), 60_000);
    expect(socket.destroyed).toBe(false);
  }, 90_000);
});
