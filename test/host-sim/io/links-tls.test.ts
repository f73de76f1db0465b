/**
 * A door's webhook and broker by TLS, on sockets of this machine: what is sent to a server that proves who it is, and
 * that a server that does not gets nothing, neither an event nor a password. Not here: mosquitto (test/interop), stalls
 * in a call (test/links/tls.test.ts).
 */

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer as createPlain } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTls, type TlsOptions } from "node:tls";
import { generate, parser } from "mqtt-packet";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Device } from "../../../hal/device.js";
import { MemoryStore } from "../../../host-sim/io/store.js";
import { openTcp } from "../../../host-sim/io/tcp.js";
import { ipv4 } from "../../../src/core/address.js";
import { Timers } from "../../../src/core/timers.js";
import { Links } from "../../../src/links/links.js";
import { SCRATCH_BYTES } from "../../../src/links/parts.js";
import { Settings } from "../../../src/settings/settings.js";
import { Authority, type Issued } from "../../certificates.js";
import { SeededRandom } from "../../random.js";

const HOST = "127.0.0.1";
const authority = new Authority();
const other = new Authority();
const good = authority.issue({ names: "IP:" + HOST });
const ca = authority.own.certificate;
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});
afterAll(() => {
  authority.remove();
  other.remove();
});

/** Something that a test waits for. */
class Heard {
  readonly all: string[] = [];
  private waiting: (() => void)[] = [];

  add(line: string): void {
    this.all.push(line);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  async first(): Promise<string> {
    while (this.all.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.all[0];
  }
}

/** The links of a door on sockets of this machine. */
class RealLinks {
  readonly lost = new Heard();
  readonly timers = new Timers(4);
  private timeout: NodeJS.Timeout | undefined;
  readonly links: Links;

  constructor(lines: readonly string[]) {
    const settings = new Settings();
    for (const line of lines) expect(settings.assign(line)).toBe("");
    const device = {
      tcp: openTcp,
      clock: { epochS: () => 1_800_000_000 },
      random: new SeededRandom(1),
      wifi: null,
      relays: [],
      restart: null,
      store: new MemoryStore(),
    } as unknown as Device;
    this.links = new Links({
      station: this,
      device,
      settings,
      timers: this.timers,
      next: {
        event: (name, value, fields) => {
          if (name === "link") this.lost.add(`${value} ${"reason" in fields ? fields.reason : ""}`.trim());
        },
      },
      orders: {} as never,
      isRoomy: false,
      buffer: new Uint8Array(SCRATCH_BYTES),
      version: "0.1.0",
    });
    cleanUps.push(() => {
      clearTimeout(this.timeout);
      this.links.close();
    });
  }

  async start(): Promise<this> {
    this.enter();
    await this.links.start(ipv4(HOST));
    this.links.event("relay", "on", { relay: 1, reason: "code" });
    this.leave();
    return this;
  }

  findName(): void {}

  enter(): void {
    this.timers.nowMs = Math.max(this.timers.nowMs, Math.floor(performance.now()));
  }

  leave(): void {
    clearTimeout(this.timeout);
    const next = this.timers.next();
    if (next === Infinity) return;
    this.timeout = setTimeout(
      () => {
        this.timers.poll(Math.floor(performance.now()));
        this.leave();
      },
      Math.max(0, next - this.timers.nowMs),
    );
  }
}

function files({ certificate, key }: Issued): TlsOptions {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

/** An HTTPS server that notes what is posted. @param issued null: it speaks HTTP only */
async function receiver(issued: Issued | null): Promise<{ port: number; posts: Heard }> {
  const posts = new Heard();
  const answer: Parameters<typeof createPlain>[1] = (request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      posts.add(body);
      response.end();
    });
  };
  const server = issued === null ? createPlain({}, answer) : createHttps(files(issued), answer);
  cleanUps.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return { port: (server.address() as AddressInfo).port, posts };
}

/** A broker by TLS that takes everybody, and notes who greets it. */
async function broker(issued: Issued): Promise<{ port: number; greetings: Heard }> {
  const greetings = new Heard();
  const server = createTls(files(issued), (socket) => {
    const read = parser();
    cleanUps.push(() => socket.destroy());
    socket.on("data", (bytes) => read.parse(bytes));
    socket.on("error", () => {});
    read.on("packet", (packet) => {
      if (packet.cmd !== "connect") return;
      greetings.add(`${packet.username} ${packet.password}`);
      socket.write(generate({ cmd: "connack", returnCode: 0, sessionPresent: false }));
    });
  });
  server.on("tlsClientError", () => {});
  cleanUps.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return { port: (server.address() as AddressInfo).port, greetings };
}

const BROKER = ["mqtt.enabled=on", "mqtt.tls=on", "mqtt.user=front", "mqtt.password=secret"];

describe("a webhook by TLS", () => {
  it("gets its events if its certificate is signed by an authority of tls.ca", async () => {
    const { port, posts } = await receiver(good);
    const door = await new RealLinks([`hook.url=https://${HOST}:${port}/door`, "tls.ca=" + ca]).start();
    expect(JSON.parse(await posts.first())).toMatchObject({ event: "relay", value: "on", reason: "code" });
    expect(door.lost.all).toEqual([]);
  });

  it("is believed by its key too", async () => {
    const { port, posts } = await receiver(good);
    const key = new X509Certificate(readFileSync(good.certificate)).publicKey.export({ type: "spki", format: "der" });
    const pin = createHash("sha256").update(key).digest("hex");
    await new RealLinks([`hook.url=https://${HOST}:${port}/door`, "tls.pin=" + pin]).start();
    expect(await posts.first()).toContain('"relay"');
  });

  it.each([
    ["of another authority", () => other.issue({ names: "IP:" + HOST }), "its certificate is not signed by one in"],
    ["of another name", () => authority.issue({ names: "DNS:house.test" }), "set hook.url to that name, or tls.pin"],
    ["without TLS", () => null, "does not speak TLS: is it a port for TLS? 443 is the usual one"],
  ])("gets nothing from a server %s, and one line says why", async (_, issue, reason) => {
    const { port, posts } = await receiver(issue());
    const door = await new RealLinks([`hook.url=https://${HOST}:${port}/door`, "tls.ca=" + ca]).start();
    const line = await door.lost.first();
    expect(line).toMatch(/^lost TLS to \(127\.0\.0\.1:\d+\): /);
    expect(line).toContain(reason);
    expect(line).not.toMatch(/[\r\n]/);
    expect(posts.all).toEqual([]);
    // The event waits, and behind it the word that the server is lost.
    expect(door.links.hook?.statusLine()).toContain(", 2 wait: ");
  });

  it("says which file of tls.ca cannot be read", async () => {
    const { port } = await receiver(good);
    const door = await new RealLinks([`hook.url=https://${HOST}:${port}/door`, "tls.ca=/none.pem"]).start();
    expect(await door.lost.first()).toContain("tls.ca: /none.pem cannot be read (ENOENT)");
  });
});

describe("a broker by TLS", () => {
  it("is greeted if it proves who it is", async () => {
    const { port, greetings } = await broker(good);
    const door = await new RealLinks([...BROKER, `mqtt.server=${HOST}:${port}`, "tls.ca=" + ca]).start();
    expect(await greetings.first()).toBe("front secret");
    expect(door.lost.all).toEqual([]);
  });

  it("that does not gets no password, and one line says why", async () => {
    const { port, greetings } = await broker(other.issue({ names: "IP:" + HOST }));
    const door = await new RealLinks([...BROKER, `mqtt.server=${HOST}:${port}`, "tls.ca=" + ca]).start();
    expect(await door.lost.first()).toContain("its certificate is not signed by one in " + ca);
    expect(greetings.all).toEqual([]);
  });
});
