/**
 * The cache of host names: a fixed number of them, each asked for once however many transactions wait, and kept for 60
 * s. The driver asks DNS (SRV, A). The cache does not know who waits: each transaction asks again by `findAddress`
 * after each answer.
 * Not here: NAPTR, and a second address of the same name.
 */
import { octetArray } from "../core/arrays.js";
import { equal } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { HOST_NAME_BYTES, type Target } from "./flow.js";
import type { Network } from "./network.js";

/** The target has its address. */
export const FIND_KNOWN = 0;
/** The driver was asked; ask again after its answer. */
export const FIND_WAIT = 1;
/** There is no such name, or no room to ask for it. */
export const FIND_FAILED = 2;

/** How long an answer is good, ms. The driver does not give the TTL of a record. */
const KEEP_MS = 60000;
/**
 * How long an answer is waited for before the entry may be used for another name, ms; as long as a transaction waits.
 */
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
  ip = -1;
  port = 0;
  untilMs = 0;
}

export class Resolver {
  private readonly network: Network;
  private readonly timers: Timers;
  private readonly entries: NameEntry[] = [];
  private lastId = 0;

  /** @param capacity number of names that are known or asked for at once */
  constructor(network: Network, timers: Timers, capacity: number) {
    this.network = network;
    this.timers = timers;
    for (let i = 0; i < capacity; i++) this.entries.push(new NameEntry());
  }

  /**
   * Sets the address and port of `target` from its name if they are known, else asks the driver once. RFC 3263 §4.2.
   * @returns FIND_*
   */
  findAddress(target: Target): number {
    const entries = this.entries;
    const nowMs = this.timers.nowMs;
    let room: NameEntry | null = null;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry.state !== FREE && isFor(entry, target)) {
        if (entry.state === FAILED) return FIND_FAILED;
        if (nowMs < entry.untilMs) {
          if (entry.state === ASKED) return FIND_WAIT;
          target.ip = entry.ip;
          target.port = target.namePort > 0 ? target.namePort : entry.port;
          return FIND_KNOWN;
        }
        room = entry;
        break;
      }
      // A question under way stays: a flood of names must not starve the name that is needed.
      const idle = entry.state === FREE || entry.state === KNOWN || nowMs >= entry.untilMs;
      if (idle && (room === null || sooner(entry, room))) room = entry;
    }
    if (room === null) return FIND_FAILED;
    this.askDriver(room, target);
    return FIND_WAIT;
  }

  /** Takes the driver's answer. @returns false when no question waits for it */
  resolved(id: number, ip: number, port: number): boolean {
    const entry = this.asked(id);
    if (entry === null) return false;
    entry.state = KNOWN;
    entry.ip = ip;
    entry.port = port;
    entry.untilMs = this.timers.nowMs + KEEP_MS;
    return true;
  }

  /**
   * Notes that there is no such name. `findAddress` says so until `forgetFailed` is called; then it may be asked for
   * again.
   * @returns false when no question waits for it
   */
  unresolved(id: number): boolean {
    const entry = this.asked(id);
    if (entry === null) return false;
    entry.state = FAILED;
    return true;
  }

  forgetFailed(): void {
    for (let i = 0; i < this.entries.length; i++) {
      if (this.entries[i].state === FAILED) this.entries[i].state = FREE;
    }
  }

  /** Forgets what was found for the name of `target`, which is of no use: it is asked for again. */
  forget(target: Target): void {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry.state === KNOWN && isFor(entry, target)) entry.state = FREE;
    }
  }

  private askDriver(entry: NameEntry, target: Target): void {
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

function isFor(entry: NameEntry, target: Target): boolean {
  return (
    entry.askedPort === target.namePort &&
    entry.transport === target.transport &&
    equal(entry.name, 0, entry.size, target.name, 0, target.nameSize)
  );
}

/** Whether `entry` is better to use again than `other`: a free one, else the one that expires first. */
function sooner(entry: NameEntry, other: NameEntry): boolean {
  if (other.state === FREE) return false;
  return entry.state === FREE || entry.untilMs < other.untilMs;
}
