/**
 * Tests the panel's server without a browser: who is let in, which requests are refused and counted, and which events a
 * page is told.
 */
import { openSync } from "node:fs";
import { request, type Server } from "node:http";
import { connect, createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { checkRoom } from "../../../host-sim/panel/files.js";
import type { ToPage } from "../../../host-sim/panel/protocol.js";
import { PanelServer } from "../../../host-sim/panel/server.js";
import { freePorts } from "../../ports.js";
import { TestHouse } from "./house.js";

class Client {
  readonly told: ToPage[] = [];
  closed = 0;
  readonly socket: WebSocket;

  constructor(port: number, headers: Record<string, string> = {}) {
    this.socket = new WebSocket("ws://127.0.0.1:" + port + "/events", { headers });
    this.socket.on("message", (data, isBinary) => {
      if (!isBinary) this.told.push(JSON.parse(String(data)) as ToPage);
    });
    this.socket.on("close", (code) => {
      this.closed = code;
    });
    this.socket.on("error", () => {});
  }

  async until<T extends ToPage["type"]>(type: T): Promise<Extract<ToPage, { type: T }>> {
    return waitFor(() => this.told.find((message) => message.type === type)) as Promise<Extract<ToPage, { type: T }>>;
  }
}

async function waitFor<T>(found: () => T | undefined | false, ms = 30_000): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const value = found();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error("not in " + ms + " ms");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function ask(port: number, path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(pieces).toString("latin1"),
          headers: response.headers,
        }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

const open: { house: TestHouse; panel: PanelServer; clients: Client[] }[] = [];
afterEach(async () => {
  for (const { house, panel, clients } of open.splice(0)) {
    for (const { socket } of clients) socket.terminate();
    panel.close();
    await house.world.stop();
  }
});

async function start(port = freePorts(2)) {
  const house = await new TestHouse().start();
  const panel = new PanelServer(house.world);
  const said = await panel.start(port);
  const clients: Client[] = [];
  open.push({ house, panel, clients });
  const client = (headers?: Record<string, string>): Client => {
    const made = new Client(panel.port, headers);
    clients.push(made);
    return made;
  };
  return { house, world: house.world, panel, said, client };
}

describe("the panel's server", () => {
  it("serves the page to this machine only, and lets it speak to no other", async () => {
    const { panel, said } = await start();
    expect(said).toBe("the panel is at http://127.0.0.1:" + panel.port + "/");
    const page = await ask(panel.port, "/");
    expect(page.status).toBe(200);
    expect(page.body).toContain('<div id="app">');
    expect(String(page.headers["content-security-policy"])).toContain("default-src 'none'");
    const again = await ask(panel.port, "/", { "If-None-Match": String(page.headers.etag) });
    expect(again.status).toBe(304);
    expect((await ask(panel.port, "/nothing")).status).toBe(404);
    expect((await ask(panel.port, "/../../package.json")).status).toBe(404);
    expect(JSON.parse((await ask(panel.port, "/door.schema.json")).body).title).toBe("Settings of a Portero door");
  });

  it("takes the next free port, and says so", async () => {
    const port = freePorts(4);
    const holder = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { panel, said } = await start(port);
    holder.close();
    expect(panel.port).toBe(port + 1);
    expect(said).toBe("the panel is at http://127.0.0.1:" + (port + 1) + "/ (port " + port + " is in use)");
  });

  it("serves every name of this machine, as a person may type it", async () => {
    const { panel, world, client } = await start();
    for (const name of ["localhost", "LocalHost", "localhost.", "127.0.0.1", "127.1.2.3", "0.0.0.0"]) {
      const host = name + ":" + panel.port;
      expect((await ask(panel.port, "/", { Host: host })).status, host).toBe(200);
      const page = client({ Host: host, Origin: "http://" + host });
      await page.until("hello");
      page.socket.terminate();
    }
    expect(world.counts.refused).toBe(0);
  });

  it.each([
    ["a host of this machine without the port", { Host: "localhost" }],
    ["a name below ours", { Host: "evil.localhost.example:80" }],
    ["no port at all", { Host: "127.0.0.1:" }],
    ["two hosts", { Host: "127.0.0.1:80, evil.example" }],
    ["another host", { Host: "evil.example" }],
    ["a host that only begins so", { Host: "127.0.0.1.evil.example" }],
    ["a page of another origin", { Origin: "http://evil.example" }],
    ["a page without an origin", { Origin: "null" }],
    ["a page of another port", { Origin: "http://127.0.0.1:1" }],
  ])("refuses %s, for pages and for events, and counts it", async (_, headers) => {
    const { panel, world, client } = await start();
    expect((await ask(panel.port, "/", headers)).status).toBe(403);
    expect((await ask(panel.port, "/export/ladder.pcap", headers)).status).toBe(403);
    const refused = client(headers);
    await waitFor(() => refused.closed !== 0);
    expect(refused.told).toEqual([]);
    expect(world.counts.refused).toBe(3);
  });

  it.each([
    ["two Host fields", "GET / HTTP/1.1", ["Host: HERE", "Host: evil.example"], "403 Forbidden"],
    ["no Host field", "GET / HTTP/1.0", [], "403 Forbidden"],
    [
      "a request that offers HTTP/2",
      "GET / HTTP/1.1",
      ["Host: HERE", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
      "200 OK",
    ],
    [
      "a WebSocket elsewhere",
      "GET /log HTTP/1.1",
      ["Host: HERE", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
      "404 Not Found",
    ],
  ])("answers %s", async (_, line, fields, status) => {
    const { panel } = await start();
    const here = "127.0.0.1:" + panel.port;
    const socket = connect(panel.port, "127.0.0.1");
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    let told = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      told += piece;
    });
    socket.write([line, ...fields.map((field) => field.replace("HERE", here)), "", ""].join("\r\n"));
    await waitFor(() => told.includes("\r\n\r\n"));
    expect(told.slice("HTTP/1.1 ".length).split("\r\n")[0]).toBe(status);
    await ended;
  });

  it("does nothing but tell", async () => {
    const { panel } = await start();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"])
      expect((await ask(panel.port, "/", {}, method)).status).toBe(405);
  });

  it("tells a page all there is when it comes, then what changes", async () => {
    const { house, panel, client } = await start();
    const own = "http://127.0.0.1:" + panel.port;
    const page = client({ Origin: own });
    const hello = await page.until("hello");
    expect(hello.items.length).toBeGreaterThan(8);
    expect(hello.house.parties.map(({ name }) => name)).toEqual(["door", "phone"]);
    page.socket.send(JSON.stringify({ id: 7, do: "press", button: "button1" }));
    expect(await page.until("answer")).toMatchObject({ id: 7, ok: true });
    await house.pass(1);
    const items = await page.until("items");
    const invite = items.items.find((item) => item.kind === "message" && item.text.startsWith("INVITE"));
    page.told.length = 0;
    page.socket.send(JSON.stringify({ id: 8, do: "raw", item: invite?.id }));
    const { raw } = await page.until("answer");
    expect(raw?.[0].parts[0]).toEqual(["method", "INVITE"]);
    // Another page, or this one after a reload, gets the same.
    const later = await client().until("hello");
    expect(later.items.length).toBeGreaterThan(hello.items.length);
    expect(later.house.parties[1].call).toBe("ringing");
  });

  it("lets go of a button when the page is gone that held it", async () => {
    const { house, world, client } = await start();
    const page = client();
    await page.until("hello");
    page.socket.send(JSON.stringify({ id: 1, do: "press", button: "exit" }));
    await page.until("answer");
    page.socket.terminate();
    await waitFor(() => world.counts.pages === 0);
    await house.order({ do: "press", button: "exit" });
    await house.pass(0.2);
    expect(world.state().relays[0].isOn).toBe(true);
  });

  it.each([
    ["no JSON", "hello"],
    ["no object", "[1]"],
    ["no object", "null"],
    ["no id", '{"do":"step"}'],
    ["no such order", '{"id":1,"do":"format-disk"}'],
    ["button: one of", '{"id":1,"do":"press","button":"__proto__"}'],
    ["value: digits", '{"id":1,"do":"phone","who":"phone","verb":"dtmf","value":"1;reboot"}'],
    ["line: a text", '{"id":1,"do":"line","line":"get\\nreboot"}'],
    ["mode: an object", '{"id":1,"do":"mode","mode":null}'],
    ["phones: 0 to 4", '{"id":1,"do":"mode","mode":{"server":"proxy","phones":4096,"isVirtual":true}}'],
    ["item: a number", '{"id":1,"do":"raw","item":-1}'],
  ])("says %s to %s, counts it, and goes on", async (problem, text) => {
    const { world, client } = await start();
    const page = client();
    await page.until("hello");
    page.socket.send(text);
    expect((await page.until("problem")).text).toContain(problem);
    expect(world.counts.refused).toBe(1);
    page.socket.send('{"id":2,"do":"voice","who":"door","on":false}');
    expect(await page.until("answer")).toMatchObject({ id: 2, ok: true });
  });

  it.each(["websocket", "h2c"])("keeps no connection of a client that ends no half: %s", async (protocol) => {
    const { panel } = await start();
    const { http } = panel as unknown as { http: Server };
    const socket = connect({ port: panel.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    const head = `Host: 127.0.0.1:${panel.port}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}`;
    socket.write(`GET /nothing HTTP/1.1\r\n${head}\r\n\r\n`);
    let told = "";
    socket.on("data", (bytes) => {
      told += bytes;
    });
    await waitFor(() => told.includes("404"));
    let count = -1;
    await waitFor(() => {
      http.getConnections((_error, open) => {
        count = open;
      });
      return count === 0;
    });
    socket.destroy();
  });

  it("says that too many files are open before it starts a program that would fail", () => {
    let opened = 0;
    const most = (count: number) => () => {
      opened += 1;
      if (opened > count) throw new Error("EMFILE");
      return openSync(".", "r");
    };
    expect(() => checkRoom(most(10))).toThrow("too many files are open (ulimit -n)");
    opened = 0;
    expect(() => checkRoom(most(100))).not.toThrow();
  });

  it("sends away who sends too much, at once or in a second", async () => {
    const { world, client } = await start();
    const large = client();
    await large.until("hello");
    large.socket.send("x".repeat(9000));
    expect(await waitFor(() => large.closed !== 0 && large.closed)).toBe(1009);
    const many = client();
    await many.until("hello");
    for (let i = 0; i < 900; i++) many.socket.send('{"id":1,"do":"raw","item":1}');
    expect(await waitFor(() => many.closed !== 0 && many.closed)).toBe(1008);
    expect(world.counts.refused).toBeGreaterThan(0);
  });

  it("refuses sound from a page that has not asked to be heard, and of a wrong form", async () => {
    const { world, client } = await start();
    const page = client();
    await page.until("hello");
    page.socket.send(Buffer.alloc(322, 1));
    await waitFor(() => world.counts.refused === 1);
    page.socket.send('{"id":3,"do":"laptop","who":"phone"}');
    await page.until("answer");
    page.socket.send(Buffer.alloc(323, 1));
    page.socket.send(Buffer.alloc(1));
    await waitFor(() => world.counts.refused === 3);
    page.socket.terminate();
    // The sound belongs to no page any more.
    await waitFor(() => world.sound.talkers.phone === 0);
  });

  it("holds 50 pages without keeping the call's sound waiting", async () => {
    const { house, world, client } = await start();
    const pages = Array.from({ length: 50 }, () => client());
    await Promise.all(pages.map((page) => page.until("hello")));
    for (const { socket } of pages) socket.send('{"id":3,"do":"laptop","who":"phone"}');
    await Promise.all(pages.map((page) => page.until("answer")));
    await house.press();
    await house.phone("answer");
    await house.pass(10);
    expect(world.counts.pages).toBe(50);
    expect(world.stats()).toMatchObject({ rtpLate: 0, rtpLost: 0, verdict: "both" });
    expect(world.stats().rtpReceived).toBeGreaterThan(480);
    for (const page of pages) await waitFor(() => page.told.some((message) => message.type === "items"));
  }, 90_000);
});
