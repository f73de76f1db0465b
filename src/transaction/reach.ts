/**
 * Which servers take TCP, as far as was found out: whoever sends us a message over a connection of our own does; where no connection came to be,
 * or nothing came over it, requests that are too long for UDP go by UDP all the same for a while (RFC 3261 §18.1.1). A fixed number of servers
 * is remembered. What was learnt is forgotten after its time, when our address or the settings change, and when a long request by UDP
 * had no answer either. Not here: the connections (transport.ts), and when they are tried (client.ts).
 */

/** Nobody knows: TCP is tried. */
export const REACH_UNKNOWN = 0;
/** A message came over a connection of ours. */
export const REACH_TCP = 1;
/** The connection was refused, or broke before anything came over it. */
export const REACH_REFUSED = 2;
/** It did not come to be in time: the port may be dropped by a firewall. */
export const REACH_LATE = 3;
/** It came to be, and nothing came over it. */
export const REACH_SILENT = 4;

/** So long a server that did not take TCP is asked by UDP alone, ms. */
export const REACH_MS = 600_000;
/** Servers remembered; the one that was noted first makes room. */
const SERVERS = 8;
// What is kept of each: address, port, REACH_*, and when it was noted, ms. One array: each costs more than it holds.
const IP = 0;
const PORT = 1;
const STATE = 2;
const NOTED = 3;
const FIELDS = 4;

export class Reach {
  private readonly table = new Float64Array(SERVERS * FIELDS).fill(-1);
  private last = -1;

  /** How many places there are to ask about by `ipAt` and what follows it. */
  get size(): number {
    return SERVERS;
  }

  /** @returns the address at that place, -1 when it is free */
  ipAt(place: number): number {
    return this.table[place * FIELDS + IP];
  }

  portAt(place: number): number {
    return this.table[place * FIELDS + PORT];
  }

  /** @returns REACH_* as it is to be acted upon */
  stateAt(place: number, nowMs: number): number {
    const state = this.table[place * FIELDS + STATE];
    return state > REACH_TCP && this.leftMs(place, nowMs) <= 0 ? REACH_UNKNOWN : state;
  }

  /** @returns ms until TCP is tried again */
  leftMs(place: number, nowMs: number): number {
    return this.table[place * FIELDS + NOTED] + REACH_MS - nowMs;
  }

  /** @returns REACH_* */
  of(ip: number, port: number, nowMs: number): number {
    const place = this.find(ip, port);
    return place < 0 ? REACH_UNKNOWN : this.stateAt(place, nowMs);
  }

  /** @param state REACH_* */
  note(ip: number, port: number, state: number, nowMs: number): void {
    const { table } = this;
    let place = this.find(ip, port);
    if (place < 0) place = this.last = (this.last + 1) % SERVERS;
    table[place * FIELDS + IP] = ip;
    table[place * FIELDS + PORT] = port;
    table[place * FIELDS + STATE] = state;
    table[place * FIELDS + NOTED] = nowMs;
  }

  forget(ip: number, port: number): void {
    const place = this.find(ip, port);
    if (place >= 0) this.table[place * FIELDS + IP] = -1;
  }

  clear(): void {
    this.table.fill(-1);
  }

  private find(ip: number, port: number): number {
    for (let i = 0; i < SERVERS; i++) if (this.ipAt(i) === ip && this.portAt(i) === port) return i;
    return -1;
  }
}
