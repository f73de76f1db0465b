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
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST_PORT + worker * ports + 2 * Math.floor((Math.random() * (ports - count)) / 2);
    const row = Array.from({ length: count }, (_, i) => first + i);
    const isTaken = (port: number) =>
      given.has(port) || [...socketStates("udp", port), ...socketStates("tcp", port)].length > 0;
    if (row.some(isTaken)) continue;
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
  return socketStates(transport, port, pid).includes(transport === "udp" ? UDP_BOUND : TCP_LISTENS);
}

/** @returns the states of all sockets at a local port, as the kernel writes them */
function socketStates(transport: "udp" | "tcp", port: number, pid: number | "self" = "self"): string[] {
  const wanted = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const states: string[] = [];
  for (const table of [transport, transport + "6"]) {
    let text = "";
    try {
      text = readFileSync("/proc/" + pid + "/net/" + table, "latin1");
    } catch {}
    for (const line of text.split("\n")) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local?.endsWith(wanted)) states.push(state);
    }
  }
  return states;
}
