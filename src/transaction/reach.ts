/**
 * Remembers which servers take TCP. A server takes it that sends us a message over a connection that we opened. A
 * server does not if no connection was established, or nothing came over it: requests that are too long for UDP go to
 * it by UDP for a while (RFC 3261 §18.1.1). A fixed number of servers is remembered. An entry ends after its time, when
 * our address or the settings change, and when a long request by UDP got no answer either.
 * Not here: the connections (transport.ts), and when they are tried (client.ts).
 */

import { float64Array } from "../core/arrays.js";

/** Nothing is known: TCP is tried. */
export const REACH_UNKNOWN = 0;
/** A message came over a connection of ours. */
export const REACH_TCP = 1;
/** The connection was refused, or broke before anything came over it. */
export const REACH_REFUSED = 2;
/** The connection was not established in time: a firewall may drop the port. */
export const REACH_LATE = 3;
/** The connection was established, but nothing came over it. */
export const REACH_SILENT = 4;

/** How long a server that did not take TCP is asked by UDP alone, ms. */
export const REACH_MS = 600_000;
/** Number of servers that are remembered; the oldest entry makes room. */
const SERVERS = 8;
// Fields of an entry: address, port, REACH_*, and when it was noted, ms. All entries share one array, for an array
// costs more than its content.
const IP = 0;
const PORT = 1;
const STATE = 2;
const NOTED = 3;
const FIELDS = 4;

/** It lies in flash on a board, where `fill` fails for no elements too. */
const NO_TABLE = new Float64Array(0);

export class Reach {
  /** Empty until the first server is noted: most doors send no request that is too long for UDP. */
  private table: Float64Array = NO_TABLE;
  private last = -1;

  /** @returns number of places for `ipAt` and the functions after it */
  get size(): number {
    return this.table.length / FIELDS;
  }

  /** @returns the address at that place, -1 when it is free */
  ipAt(place: number): number {
    return this.table[place * FIELDS + IP];
  }

  portAt(place: number): number {
    return this.table[place * FIELDS + PORT];
  }

  /** @returns REACH_* that counts now */
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
    const place = this.placeOf(ip, port);
    return place < 0 ? REACH_UNKNOWN : this.stateAt(place, nowMs);
  }

  /** @param state REACH_* */
  noteReach(ip: number, port: number, state: number, nowMs: number): void {
    if (this.table.length === 0) this.table = float64Array(SERVERS * FIELDS).fill(-1);
    const { table } = this;
    let place = this.placeOf(ip, port);
    if (place < 0) place = this.last = (this.last + 1) % SERVERS;
    table[place * FIELDS + IP] = ip;
    table[place * FIELDS + PORT] = port;
    table[place * FIELDS + STATE] = state;
    table[place * FIELDS + NOTED] = nowMs;
  }

  forget(ip: number, port: number): void {
    const place = this.placeOf(ip, port);
    if (place >= 0) this.table[place * FIELDS + IP] = -1;
  }

  clear(): void {
    if (this.table.length > 0) this.table.fill(-1);
  }

  private placeOf(ip: number, port: number): number {
    for (let i = 0; i < this.size; i++) if (this.ipAt(i) === ip && this.portAt(i) === port) return i;
    return -1;
  }
}
