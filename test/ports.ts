/**
 * Ports for the programs that tests start. They lie below the system's range for sockets that ask for any port (32,768
 * and up on Linux), so no connection takes one between the choice and the use. It works on Linux only, because it reads
 * the bound ports from /proc/net.
 */
import { readFileSync } from "node:fs";

/** It is above the simulator's own first RTP port, 16,384, which the documents' commands use. */
const FIRST_PORT = 17_000;
const LAST_PORT = 32_000;
/** The most test files that run at the same time. */
const WORKERS = 4;
/** States of sockets in /proc/net. */
const UDP_BOUND = "07";
const TCP_LISTENS = "0A";

const given = new Set<number>();

/**
 * @returns the first of `count` free ports in a row, an even one, that no socket has on UDP or TCP and that was not
 * given before
 */
export function freePorts(count = 1): number {
  // Test files that run at the same time have ports of their own.
  const worker = (Number(process.env.VITEST_POOL_ID ?? 1) - 1) % WORKERS;
  const ports = Math.floor((LAST_PORT - FIRST_PORT) / WORKERS);
  // The kernel walks all its places for sockets for each of these reads, which takes milliseconds: one read for a row.
  const taken = new Set([...sockets("udp"), ...sockets("tcp")].map(({ port }) => port));
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST_PORT + worker * ports + 2 * Math.floor((Math.random() * (ports - count)) / 2);
    const row = Array.from({ length: count }, (_, i) => first + i);
    if (row.some((port) => given.has(port) || taken.has(port))) continue;
    for (const port of row) given.add(port);
    return first;
  }
  throw new Error("no " + count + " free ports in a row");
}

/** Forgets the given ports, whose programs have ended. */
export function returnPorts(): void {
  given.clear();
}

/**
 * @returns whether a program waits at the port for datagrams or for connections. @param pid of a process in the network
 * that is asked
 */
export function isOpen(transport: "udp" | "tcp", port: number, pid: number | "self" = "self"): boolean {
  const state = transport === "udp" ? UDP_BOUND : TCP_LISTENS;
  return sockets(transport, pid).some((socket) => socket.port === port && socket.state === state);
}

/** @returns the local port and the state of each socket, the state as the kernel writes it */
function sockets(transport: "udp" | "tcp", pid: number | "self" = "self"): { port: number; state: string }[] {
  const found: { port: number; state: string }[] = [];
  for (const table of [transport, transport + "6"]) {
    let text = "";
    try {
      text = readFileSync("/proc/" + pid + "/net/" + table, "latin1");
    } catch {}
    // The first line has the columns' names.
    for (const line of text.split("\n").slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local !== undefined) found.push({ port: Number.parseInt(local.slice(-4), 16), state });
    }
  }
  return found;
}
