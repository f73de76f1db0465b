/**
 * Tests that a call goes on while the door's connection by TLS to its server is lost and made again: refused, standing
 * still within the handshake, and at last open. The connections are real ones; the call runs in virtual time, so that
 * its packets can be counted. Not here: how long a handshake takes on a board (docs/performance.md).
 */
import { readFileSync } from "node:fs";
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { afterAll, expect, it } from "vitest";
import type { TcpOptions, TcpStack } from "../../../hal/device.js";
import { openTcp } from "../../../host-sim/io/tcp.js";
import { Authority } from "../../certificates.js";
import { Home } from "../../links/home.js";
import { freePorts } from "../../ports.js";
import { headers } from "../../ua/harness.js";

const HOST = "127.0.0.1";
const PORT = freePorts(2);
/** One packet of sound each 20 ms. */
const PACKET_MS = 20;
const authority = new Authority();
const pair = authority.issue({ names: "IP:" + HOST });

/** The server of the door at its one port: by TLS, as a host that never says a word, or not there at all. */
class House {
  readonly requests: string[] = [];
  /** The connections that were accepted, also those whose handshake stood still. */
  accepted = 0;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  async open(speaks: boolean): Promise<void> {
    const keys = { cert: readFileSync(pair.certificate), key: readFileSync(pair.key) };
    const server = speaks ? createTls(keys, (socket) => this.serve(socket)) : createPlain();
    server.on("connection", (socket: Socket) => {
      this.accepted += 1;
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => void this.sockets.delete(socket));
    });
    this.server = server;
    await new Promise<void>((resolve) => void server.listen(PORT, HOST, () => resolve()));
  }

  /** Ends all connections without a word, and listens no more. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private serve(socket: Socket): void {
    let heard = "";
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      heard += bytes.toString("latin1");
      for (let end = heard.indexOf("\r\n\r\n"); end >= 0; end = heard.indexOf("\r\n\r\n")) {
        const request = heard.slice(0, end + 4);
        heard = heard.slice(end + 4);
        this.requests.push(request.slice(0, request.indexOf(" ")));
        const lines = ["SIP/2.0 200 OK"];
        for (const name of ["Via", "From", "To", "Call-ID", "CSeq", "Contact"])
          lines.push(name + ": " + headers(request, name)[0] + (name === "To" ? ";tag=server" : ""));
        socket.write([...lines, "Expires: 600", "Content-Length: 0", "", ""].join("\r\n"));
      }
    });
  }
}

afterAll(() => authority.remove());

it("costs the call nothing: no packet is missing or late, and the door registers again once the server is back", async () => {
  const house = new House();
  const stacks: TcpStack[] = [];
  const home: Home = new Home(
    [
      "sip.transport=tls",
      `sip.domain=${HOST}:${PORT}`,
      "sip.user=door",
      "tls.ca=" + authority.own.certificate,
      "call.target=sip:phone@10.0.0.2;transport=udp",
    ],
    {
      hasTls: true,
      tcp: async (options: TcpOptions): Promise<TcpStack> => {
        if (options.setting !== "sip.port") return home.air.host(0x0a000001).tcp(options);
        const stack = await openTcp({ ...options, address: 0, isCaller: true });
        stacks.push(stack);
        return stack;
      },
    },
  );
  const registered = (): string[] => home.events.filter(({ name }) => name === "register").map(({ value }) => value);
  const sent = (): number => home.door.door.ua.lines[0].media.sentPackets();
  /** Lets the call go on, second by second, until something has happened. */
  const runUntil = async (what: string, happened: () => boolean): Promise<void> => {
    for (let s = 0; !happened(); s++) {
      expect(s, what).toBeLessThan(600);
      const before = sent();
      await home.run(1000);
      if (home.door.isInCall()) expect(Math.abs(sent() - before - 1000 / PACKET_MS), what).toBeLessThanOrEqual(1);
    }
  };
  const problems = (): number => home.events.filter(({ name }) => name === "error").length;
  try {
    await house.open(true);
    await home.start();
    await runUntil("a registration", () => registered().at(-1) === "registered");
    home.door.line("press");
    await home.run(5000);
    expect(home.door.isInCall()).toBe(true);

    // Refused.
    await house.close();
    await runUntil("a registration that fails", () => registered().at(-1) === "failed");

    // The handshake stands still, while the call goes on for ten seconds, and then breaks off.
    const accepted = house.accepted;
    await house.open(false);
    await runUntil("a connection", () => house.accepted > accepted);
    const count = house.requests.length;
    await home.run(10_000);
    const told = problems();
    await house.close();
    await runUntil("a line about the handshake", () => problems() > told);
    expect(house.requests.length).toBe(count);

    // Open.
    await house.open(true);
    await runUntil("a registration again", () => registered().at(-1) === "registered");
    expect(house.requests.length).toBeGreaterThan(count);
    await home.run(5000);
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
    home.door.line("press");
    await home.run(1000);
    expect(home.door.isInCall()).toBe(false);
    expect(home.phone.isInCall()).toBe(false);
  } finally {
    for (const stack of stacks) stack.close();
    await house.close();
  }
});
