/**
 * Remembers which servers do not answer, so that the next request goes to another one at once. A server that is down
 * is tried when no other is left; meanwhile it is asked by OPTIONS, after waits that double, before a request needs it
 * (ua/serverprobe.ts). A server that came back is remembered for a while: one that fails again soon waits longer.
 * Only those of the account are noted, and only if there are several. A fixed number is remembered; the oldest entry
 * makes room.
 * RFC 3263 §4.3
 * Not here: which servers there are (resolver.ts, backups.ts), and what counts as a failure (failover.ts).
 */
import { float64Array } from "../core/arrays.js";
import type { Flow } from "./flow.js";

const SERVERS = 8;
/** The first wait until a server that is down is asked, and the longest one, ms. */
const WAIT_FIRST_MS = 10_000;
export const WAIT_MOST_MS = 80_000;
const DOUBLINGS_MOST = 3;
/** A server that came back is remembered for so long, ms. */
const RECENT_MS = 600_000;
// Fields of an entry: address and port in one number, TRANSPORT_*, failures in a row, when it is asked next (NEVER: it
// is up), and when that was noted, ms. All entries share one array, for an array costs more than its content.
const PLACE = 0;
const TRANSPORT = 1;
const FAILURES = 2;
const DUE = 3;
const NOTED = 4;
const FIELDS = 5;
const FREE = -1;
const NEVER = -1;

/** It lies in flash on a board, where `fill` fails for no elements too. */
const NO_TABLE = new Float64Array(0);

export class Outages {
  /** Empty until the first server is noted. */
  private table: Float64Array = NO_TABLE;
  private last = -1;
  /** Number of servers that are down. */
  count = 0;

  get size(): number {
    return this.table.length / FIELDS;
  }

  /** @returns the address of the server at that index if it is down, else -1 */
  ipAt(i: number): number {
    return this.isDownAt(i) ? Math.floor(this.table[i * FIELDS + PLACE] / 65536) : -1;
  }

  portAt(i: number): number {
    return this.table[i * FIELDS + PLACE] % 65536;
  }

  transportAt(i: number): number {
    return this.table[i * FIELDS + TRANSPORT];
  }

  /** @returns when the server at that index is to be asked, ms; it is down */
  dueAt(i: number): number {
    return this.table[i * FIELDS + DUE];
  }

  isDown(ip: number, port: number): boolean {
    return this.count > 0 && this.isDownAt(this.indexOf(ip, port));
  }

  /**
   * Notes that the server at the end of a flow did not answer.
   * @param leastMs how long it asked to be left alone, 0 when it did not; at most WAIT_MOST_MS counts
   * @param lot from 0 to 1, for the part that is left to chance
   */
  noteDown(flow: Flow, nowMs: number, leastMs: number, lot: number): void {
    if (this.table.length === 0) this.table = float64Array(SERVERS * FIELDS).fill(FREE);
    const { table } = this;
    const { ip, port } = flow;
    let i = this.indexOf(ip, port);
    // It is asked at the time that was set; a request that finds out once more does not put that off.
    if (this.isDownAt(i) && nowMs + leastMs < this.dueAt(i)) return;
    const isNew = i < 0 || (!this.isDownAt(i) && nowMs - table[i * FIELDS + NOTED] > RECENT_MS);
    if (i < 0) i = this.last = (this.last + 1) % SERVERS;
    if (isNew && this.isDownAt(i)) this.count -= 1;
    const at = i * FIELDS;
    if (isNew) table[at + FAILURES] = 0;
    if (isNew || !this.isDownAt(i)) this.count += 1;
    const waitMs = Math.min(WAIT_MOST_MS, WAIT_FIRST_MS * 2 ** Math.min(DOUBLINGS_MOST, table[at + FAILURES]));
    table[at + PLACE] = ip * 65536 + port;
    table[at + TRANSPORT] = flow.transport;
    table[at + FAILURES] += 1;
    table[at + DUE] = nowMs + Math.max(Math.min(leastMs, WAIT_MOST_MS), Math.round(waitMs * (0.75 + lot / 4)));
    table[at + NOTED] = nowMs;
  }

  /** Notes that a server answers. @returns whether it was down */
  noteUp(ip: number, port: number, nowMs: number): boolean {
    const i = this.count > 0 ? this.indexOf(ip, port) : -1;
    if (!this.isDownAt(i)) return false;
    this.table[i * FIELDS + DUE] = NEVER;
    this.table[i * FIELDS + NOTED] = nowMs;
    this.count -= 1;
    return true;
  }

  /** Forgets everything, since our address or the settings changed. */
  clear(): void {
    if (this.table.length > 0) this.table.fill(FREE);
    this.count = 0;
  }

  private isDownAt(i: number): boolean {
    return i >= 0 && this.table[i * FIELDS + PLACE] !== FREE && this.table[i * FIELDS + DUE] !== NEVER;
  }

  private indexOf(ip: number, port: number): number {
    const place = ip * 65536 + port;
    for (let i = 0; i < this.size; i++) if (this.table[i * FIELDS + PLACE] === place) return i;
    return -1;
  }
}
