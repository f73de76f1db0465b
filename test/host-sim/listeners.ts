/**
 * Makes faulty TCP ports with this machine's own sockets: no listener, one that accepts nothing, or one that breaks
 * each connection.
 */
import { createServer, connect as open, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";

const HERE = "127.0.0.1";
/** More connections than the queue of a listener with a backlog of 1 takes. */
const FILLING = 4;

/** Work to be done at the end of a test. */
export type Endings = (() => unknown)[];

/** A listener that accepts nothing: connections wait in the kernel's queue, and further ones are not answered. */
const DEAF = `
const { parentPort, workerData } = require("node:worker_threads");
require("node:net").createServer().listen({ host: "${HERE}", port: workerData.port, backlog: workerData.backlog }, () => {
  parentPort.postMessage("listening");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

async function deaf(endings: Endings, port: number, backlog: number): Promise<void> {
  const worker = new Worker(DEAF, { eval: true, workerData: { port, backlog } });
  endings.push(() => worker.terminate());
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** Fills the queue. */
async function fill(endings: Endings, port: number): Promise<void> {
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

async function resetting(endings: Endings, port: number): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.resetAndDestroy());
  });
  endings.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(port, HERE, resolve));
}

/**
 * @param tcp refuse: there is no listener; drop: nothing is answered; silent: accepted by the kernel alone; reset: at
 * the first octets
 */
export async function hinder(endings: Endings, port: number, tcp: string): Promise<void> {
  if (tcp === "reset") await resetting(endings, port);
  else if (tcp === "silent") await deaf(endings, port, 16);
  else if (tcp === "drop") {
    await deaf(endings, port, 1);
    await fill(endings, port);
  }
}
