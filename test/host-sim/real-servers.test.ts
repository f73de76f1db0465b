/** A call through a server on this machine's own sockets, whatever becomes of TCP there: the rows of servers-people-have.test.ts that matter. */
import { createServer, connect as open, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import type { Clock } from "../../hal/device.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { NodeResolver } from "../../host-sim/io/resolver.js";
import { openTcp } from "../../host-sim/io/tcp.js";
import { openUdp } from "../../host-sim/io/udp.js";
import { RealClock } from "../../host-sim/world/clock.js";
import { ipv4 } from "../../src/core/address.js";
import { DOOR_LIMITS } from "../../src/core/limits.js";
import { Settings } from "../../src/intercom/settings.js";
import { type Algorithm, KINDS, type Kind, LONGEST, Pbx, stationAt } from "../intercom/pbx.js";

const HERE = "127.0.0.1";
const PASSWORD = "Zq8-long-enough";
/** Before the 32 s after which a call fails that nobody answers; a machine with much to do needs the most of it. */
const MOST_MS = 30_000;
/** More connections than the queue of a listener with a backlog of 1 takes. */
const FILLING = 4;

/** A listener that accepts nothing: what comes waits in the kernel's queue, and beyond it nothing is answered. */
const DEAF = `
const { parentPort, workerData } = require("node:worker_threads");
require("node:net").createServer().listen({ host: "${HERE}", port: workerData.port, backlog: workerData.backlog }, () => {
  parentPort.postMessage("listening");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function deaf(port: number, backlog: number): Promise<void> {
  const worker = new Worker(DEAF, { eval: true, workerData: { port, backlog } });
  endings.push(() => worker.terminate());
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** Takes the places of the queue. */
async function fill(port: number): Promise<void> {
  const sockets: Socket[] = [];
  let connected = 0;
  for (let i = 0; i < FILLING; i++) {
    const socket = open({ host: HERE, port });
    socket.on("error", () => {});
    socket.on("connect", () => {
      connected += 1;
    });
    sockets.push(socket);
  }
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(connected).toBeLessThan(FILLING);
}

async function resetting(port: number): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.resetAndDestroy());
  });
  endings.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(port, HERE, resolve));
}

/** A port that is free by UDP and TCP. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HERE, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const ports = { udp: openUdp, tcp: openTcp, resolver: new NodeResolver(new SeededRandom(3)) };

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function call(kind: Kind, algorithm: Algorithm, status: 401 | 407, tcp: string, user: string): Promise<Pbx> {
  const port = await freePort();
  const pbx = new Pbx({ ip: ipv4(HERE), port, kind, algorithm, status, user, password: PASSWORD });
  endings.push(() => pbx.close());
  await pbx.open(ports, tcp === "open");
  if (tcp === "reset") await resetting(port);
  else if (tcp === "silent") await deaf(port, 16);
  else if (tcp === "drop") {
    await deaf(port, 1);
    await fill(port);
  }
  const settings = new Settings();
  for (const one of [
    `net.address=${HERE}`,
    `sip.port=${await freePort()}`,
    `rtp.port=${(await freePort()) & ~1}`,
    `sip.user=${user}`,
    `sip.password=${PASSWORD}`,
    `sip.domain=${HERE}:${port}`,
    "call.target=100",
  ])
    expect(settings.assign(one)).toBe("");
  const events: string[] = [];
  const clock: Clock = new RealClock();
  const station = stationAt(ports, clock, ipv4(HERE), settings, DOOR_LIMITS, events);
  endings.push(() => station.close());
  const isTold = (what: string) => events.some((line) => line.startsWith(what));
  await station.start();
  await until(() => isTold("register registered"));
  station.line("press");
  await until(() => isTold("call confirmed"));
  station.line("hangup");
  await until(() => pbx.isHungUp);
  expect(pbx.wrong).toEqual([]);
  return pbx;
}

it.each(["open", "refuse", "drop", "silent", "reset"])(
  "an ordinary call goes by UDP: TCP %s",
  async (tcp) => {
    const pbx = await call(KINDS[0], "SHA-256", 401, tcp, "door");
    expect(pbx.arrived.filter(({ isTcp }) => isTcp)).toEqual([]);
  },
  MOST_MS,
);

it.each(["open", "refuse", "drop", "silent", "reset"])(
  "the longest credentials go by TCP where it is taken, else by UDP: TCP %s",
  async (tcp) => {
    const pbx = await call(LONGEST, "SHA-256", 407, tcp, "u".repeat(64));
    expect(pbx.requests("INVITE").at(-1)?.isTcp).toBe(tcp === "open");
  },
  MOST_MS,
);
