/**
 * The cache of host names. It has a fixed number of names. It asks for each name once, however many transactions wait,
 * and keeps the answer for as long as its records say, within bounds. The driver asks DNS (NAPTR, SRV, A) and gives the
 * places in the order in which to try them. A name that cannot be found any more keeps its earlier places. The cache
 * does not know which transactions wait: each one calls `findAddress` again after each answer. RFC 3263 §4.2, RFC 8767
 * Not here: the choice among several hosts (transport.ts).
 */
import type { Place } from "../core/address.js";
import { float64Array, octetArray } from "../core/arrays.js";
import { equal } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { TRANSPORT_TCP, TRANSPORT_TLS } from "../wire/names.js";
import { HOST_NAME_BYTES, type Target } from "./flow.js";
import type { Network } from "./network.js";
import type { Outages } from "./outages.js";

/** The target has its address. */
export const FIND_KNOWN = 0;
/** The driver was asked; call again after its answer. */
export const FIND_WAIT = 1;
/** The name does not exist, or the cache has no room to ask for it. */
export const FIND_FAILED = 2;
/** The name is known, but all its places were tried, or are down and therefore passed over. */
export const FIND_NONE = 3;

/** The most places that are kept for one name; further ones are left out. */
export const PLACES_MOST = 6;
/**
 * Bounds for the time for which an answer is valid, s. The lower one avoids a question for each request if a record may
 * not be kept; by the upper one a server that moved is found again.
 */
const KEEP_LEAST_S = 30;
const KEEP_MOST_S = 3600;
/** The time for which an answer is valid if its records name none, s. */
export const KEEP_USUAL_S = 60;
/** The time after which a name that cannot be found is asked for again, ms. Earlier places are used meanwhile. */
const STALE_MS = 30000;
/** The highest rank that is kept. */
const RANK_MOST = 31;
const RANK_FACTOR = 65536 * 4294967296;
/** The wait for an answer before another name may use the entry, ms; it is as long as a transaction waits. */
const ASK_MS = 32000;

const FREE = 0;
const ASKED = 1;
const KNOWN = 2;
const FAILED = 3;

class NameEntry {
  readonly name = octetArray(HOST_NAME_BYTES);
  size = 0;
  /** The port that was asked for; -1: SRV. */
  askedPort = -1;
  transport = 0;
  state = FREE;
  /** Number of the question under way; an answer to an older question is ignored. */
  id = 0;
  untilMs = 0;
  /** Rank, address and port of each place in one number, in the order in which they are tried. */
  readonly places = float64Array(PLACES_MOST);
  /** Number of places. Those of the previous answer stay in use while the next answer is awaited. */
  count = 0;

  ipAt(i: number): number {
    return Math.floor((this.places[i] % RANK_FACTOR) / 65536);
  }

  portAt(i: number): number {
    return this.places[i] % 65536;
  }

  add(place: number): void {
    for (let i = 0; i < this.count; i++) if (this.places[i] % RANK_FACTOR === place % RANK_FACTOR) return;
    if (this.count < PLACES_MOST) this.places[this.count++] = place;
  }
}

export class Resolver {
  private readonly network: Network;
  private readonly timers: Timers;
  /** Each is made for the first name that finds no other free: a door that knows addresses alone has none. */
  private readonly entries: NameEntry[] = [];
  private capacity: number;
  private lastId = 0;

  /** @param capacity number of names that are kept, or asked for, at once */
  constructor(network: Network, timers: Timers, capacity: number) {
    this.network = network;
    this.timers = timers;
    this.capacity = capacity;
  }

  /**
   * Sets the address and port of `target` to the first place of its name that was not tried. If the name is not known,
   * asks the driver once. RFC 3263 §4.2, §4.3
   * @param tried a bit for each place that was tried, from the lowest on @param outages places that are down are passed
   * over; null: they are not @param takesOld earlier places are used while the driver is asked
   * @returns FIND_*
   */
  findAddress(target: Target, tried: number, outages: Outages | null, takesOld: boolean): number {
    const { entries } = this;
    const { nowMs } = this.timers;
    let room: NameEntry | null = null;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry.state !== FREE && isFor(entry, target)) {
        if (entry.state === FAILED) return FIND_FAILED;
        if (nowMs < entry.untilMs) {
          if (entry.state === KNOWN || (takesOld && entry.count > 0)) return take(entry, target, tried, outages);
          return FIND_WAIT;
        }
        room = entry;
        break;
      }
      // A question under way keeps its entry, so that a flood of names cannot starve the name that is needed.
      const idle = entry.state === FREE || entry.state === KNOWN || nowMs >= entry.untilMs;
      if (idle && (room === null || sooner(entry, room))) room = entry;
    }
    if (room === null || (room.state !== FREE && !isFor(room, target))) room = this.another() ?? room;
    if (room === null) return FIND_FAILED;
    this.askDriver(room, target);
    return takesOld && room.count > 0 ? take(room, target, tried, outages) : FIND_WAIT;
  }

  /**
   * Takes the driver's answer: the first place, and those to be tried after it.
   * @param ttlS the time in s for which its records are valid @returns false when no question waits for it
   */
  resolved(id: number, ip: number, port: number, others: readonly Place[], ttlS: number): boolean {
    const entry = this.asked(id);
    if (entry === null) return false;
    const before = entry.count > 0 ? entry.places[0] : -1;
    entry.state = KNOWN;
    entry.count = 0;
    entry.add(ip * 65536 + port);
    for (let i = 0; i < others.length; i++)
      entry.add(Math.min(others[i].rank, RANK_MOST) * RANK_FACTOR + others[i].address * 65536 + others[i].port);
    // Servers of the first rank come in random order. The one in use stays first, since it alone may know our binding.
    for (let i = 1; i < entry.count && before >= 0; i++) {
      if (entry.places[i] !== before) continue;
      entry.places[i] = entry.places[0];
      entry.places[0] = before;
    }
    entry.untilMs = this.timers.nowMs + 1000 * Math.max(KEEP_LEAST_S, Math.min(KEEP_MOST_S, ttlS));
    return true;
  }

  /**
   * Notes that a name was not found. Earlier places stay in use. Without any, `findAddress` reports the failure until
   * `forgetFailed` is called; after that the name may be asked for again.
   * @returns false when no question waits for it
   */
  unresolved(id: number): boolean {
    const entry = this.asked(id);
    if (entry === null) return false;
    entry.state = entry.count > 0 ? KNOWN : FAILED;
    entry.untilMs = this.timers.nowMs + STALE_MS;
    return true;
  }

  /** @returns the address that was found for a name earlier, to show it to people; -1 when there is none */
  lastOf(id: number): number {
    for (let i = 0; i < this.entries.length; i++)
      if (this.entries[i].id === id && this.entries[i].count > 0) return this.entries[i].ipAt(0);
    return -1;
  }

  /** @returns the first address that was found for the name of a target, -1 when none is known */
  knownIp(target: Target): number {
    for (let i = 0; i < this.entries.length && target.nameSize > 0; i++) {
      const entry = this.entries[i];
      if (entry.state !== FREE && entry.count > 0 && isFor(entry, target)) return entry.ipAt(0);
    }
    return -1;
  }

  /** Returns whether the name of a target was found at that address. @param port -1: whatever the port */
  hasPlace(target: Target, ip: number, port: number): boolean {
    for (let i = 0; i < this.entries.length && target.nameSize > 0; i++) {
      const entry = this.entries[i];
      if (entry.state === FREE || !isFor(entry, target)) continue;
      for (let k = 0; k < entry.count; k++) {
        const placePort = target.namePort > 0 ? target.namePort : entry.portAt(k);
        if (entry.ipAt(k) === ip && (port < 0 || port === placePort)) return true;
      }
    }
    return false;
  }

  /** Adds room for one name more than the limits have. */
  addRoom(): void {
    this.capacity += 1;
  }

  /** Makes one more entry. @returns null when there are as many as there may be */
  private another(): NameEntry | null {
    if (this.entries.length >= this.capacity) return null;
    const entry = new NameEntry();
    this.entries.push(entry);
    return entry;
  }

  /** @returns number of places that are known for the name of a target */
  countOf(target: Target): number {
    for (let i = 0; i < this.entries.length && target.nameSize > 0; i++)
      if (this.entries[i].state !== FREE && isFor(this.entries[i], target)) return this.entries[i].count;
    return 0;
  }

  /** @returns the name that led to a place, null when none did @param transport that it was looked up for */
  entryAt(ip: number, port: number, transport: number): NameEntry | null {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry.state === FREE || entry.transport !== transport) continue;
      for (let at = 0; at < entry.count; at++) {
        const placePort = entry.askedPort > 0 ? entry.askedPort : entry.portAt(at);
        if (entry.ipAt(at) === ip && placePort === port) return entry;
      }
    }
    return null;
  }

  forgetFailed(): void {
    for (let i = 0; i < this.entries.length; i++) {
      if (this.entries[i].state === FAILED) this.entries[i].state = FREE;
    }
  }

  /**
   * Notes that the places found for the name of `target` are of no use. The name is asked for again, and the old places
   * stay only if nothing is found.
   */
  forget(target: Target): void {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry.state === KNOWN && isFor(entry, target)) entry.untilMs = this.timers.nowMs;
    }
  }

  private askDriver(entry: NameEntry, target: Target): void {
    if (entry.state === FREE || !isFor(entry, target)) entry.count = 0;
    for (let i = 0; i < target.nameSize; i++) entry.name[i] = target.name[i];
    entry.size = target.nameSize;
    entry.askedPort = target.namePort;
    entry.transport = target.transport;
    entry.state = ASKED;
    this.lastId = (this.lastId + 1) & 0x3fffffff;
    entry.id = this.lastId;
    entry.untilMs = this.timers.nowMs + ASK_MS;
    this.network.resolve(entry.id, entry.name, 0, entry.size, entry.askedPort, entry.transport);
  }

  private asked(id: number): NameEntry | null {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry.state === ASKED && entry.id === id) return entry;
    }
    return null;
  }
}

/** @returns the service that a driver looks a name up for, by TRANSPORT_* */
export function serviceOf(transport: number): "udp" | "tcp" | "tls" {
  if (transport === TRANSPORT_TLS) return "tls";
  return transport === TRANSPORT_TCP ? "tcp" : "udp";
}

/** Sets `target` to the first place that is wanted. @returns FIND_KNOWN or FIND_NONE */
function take(entry: NameEntry, target: Target, tried: number, outages: Outages | null): number {
  for (let i = 0; i < entry.count; i++) {
    const ip = entry.ipAt(i);
    const port = target.namePort > 0 ? target.namePort : entry.portAt(i);
    if ((tried >> i) & 1 || outages?.isDown(ip, port)) continue;
    target.ip = ip;
    target.port = port;
    target.connection = -1;
    target.place = i;
    return FIND_KNOWN;
  }
  return FIND_NONE;
}

function isFor(entry: NameEntry, target: Target): boolean {
  return (
    entry.askedPort === target.namePort &&
    entry.transport === target.transport &&
    equal(entry.name, 0, entry.size, target.name, 0, target.nameSize)
  );
}

/** Returns whether `entry` should be reused before `other`: a free entry first, else the one that expires first. */
function sooner(entry: NameEntry, other: NameEntry): boolean {
  if (other.state === FREE) return false;
  return entry.state === FREE || entry.untilMs < other.untilMs;
}
