/**
 * Looks up the addresses of names that end with `.local`, by multicast DNS, and keeps them for as long as their records
 * say. RFC 6762 §5.2, §10. Each name is asked for twice, a second apart. A device that announces another address, or
 * that it leaves, changes what is kept. Only names that were asked for here are kept, so other devices cannot fill the
 * cache.
 *
 *     ASKING (2 questions) ── an answer ──▶ KNOWN ── its time ends ──▶ ASKING, when it is needed again
 *        └── no answer within 2 s ──▶ FREE
 *
 * Not here: IPv6, SRV records, the socket and its checks (localnames.ts).
 */
import type { Clock, DeviceTimer, ResolverDone, Service } from "../../hal/device.js";
import type { Place } from "../core/address.js";
import { DNS_A, uint16 } from "../wire/dns.js";
import {
  isName,
  MDNS_GROUP,
  MDNS_PORT,
  type MdnsWalk,
  type MdnsWriter,
  nameOctets,
  SECTION_QUESTIONS,
} from "../wire/mdns.js";

/** Names that are kept, and askers that wait for one of them. */
const NAMES = 8;
const WAITERS = 8;
/** Addresses of one name; further ones are left out. */
const ADDRESSES = 4;
const SIP_PORT = 5060;
const SIPS_PORT = 5061;
const TRIES = 2;
const TRY_MS = 1000;
/** An address whose device left is good for so long, ms. RFC 6762 §10.1 */
const GOODBYE_MS = 1000;
/** The longest time for which an answer is kept, s. */
const KEEP_MOST_S = 4500;

/** One who asked for a name, with the arguments of `Resolver.resolve`. */
export class Waiter {
  readonly port: number;
  readonly service: Service;
  readonly done: ResolverDone;

  constructor(port: number, service: Service, done: ResolverDone) {
    this.port = port;
    this.service = service;
    this.done = done;
  }
}

class Sought {
  name: Uint8Array = new Uint8Array(0);
  readonly waiters: Waiter[] = [];
  readonly addresses: number[] = [];
  /** Questions that were sent; 0 while nothing is asked. */
  tries = 0;
  nextMs = Infinity;
  untilMs = 0;
  /** The message that is read has an answer. */
  isAnswered = false;
}

export interface NameSeekerParts {
  clock: Clock;
  /** Each message is sent as soon as it is written, so others may use the same writer. */
  writer: MdnsWriter;
  send(bytes: Uint8Array, end: number, ip: number, port: number): void;
  /** Returns whether a device of this network can have the address. */
  isCredible(ip: number): boolean;
  /** Nobody answered. */
  onSilence(waiters: readonly Waiter[], name: Uint8Array): void;
}

export class NameSeeker {
  private readonly parts: NameSeekerParts;
  private readonly timer: DeviceTimer;
  private readonly names: Sought[] = [];

  constructor(parts: NameSeekerParts) {
    this.parts = parts;
    this.timer = parts.clock.createTimer(() => this.onTimer());
  }

  /** Takes the arguments of `Resolver.resolve`. @returns false if there is no room, or the name cannot be asked for */
  seek(text: string, port: number, service: Service, done: ResolverDone): boolean {
    const nowMs = this.parts.clock.now();
    let name: Uint8Array;
    try {
      name = nameOctets(text);
    } catch {
      return false;
    }
    const sought = this.find(name, nowMs);
    if (sought === null || sought.waiters.length >= WAITERS) return false;
    sought.waiters.push(new Waiter(port, service, done));
    // A name that is known is answered by the timer.
    if (sought.tries === 0 || sought.untilMs > nowMs) sought.nextMs = nowMs;
    this.wake();
    return true;
  }

  close(): void {
    this.timer.stop();
    this.names.length = 0;
  }

  /** Takes a response that came to the group. */
  onMessage(walk: MdnsWalk): void {
    const nowMs = this.parts.clock.now();
    let isAnswered = false;
    walk.rewind();
    while (walk.next()) {
      if (walk.section === SECTION_QUESTIONS || !walk.isInternet || walk.kind !== DNS_A || walk.dataSize !== 4)
        continue;
      for (let i = 0; i < this.names.length; i++) {
        const sought = this.names[i];
        if (isName(walk.bytes, walk.nameAt, walk.end, sought.name) && this.take(sought, walk, nowMs)) isAnswered = true;
      }
    }
    // All records of a message are taken before anyone is told.
    for (let i = 0; i < this.names.length && isAnswered; i++) {
      if (!this.names[i].isAnswered) continue;
      this.names[i].isAnswered = false;
      this.tell(this.names[i], nowMs);
    }
    this.wake();
  }

  /** @returns whether the record says an address */
  private take(sought: Sought, walk: MdnsWalk, nowMs: number): boolean {
    const ip = uint16(walk.bytes, walk.dataAt) * 65536 + uint16(walk.bytes, walk.dataAt + 2);
    const { addresses } = sought;
    const at = addresses.indexOf(ip);
    if (walk.ttlS === 0) {
      if (at >= 0) sought.untilMs = Math.min(sought.untilMs, nowMs + GOODBYE_MS);
      return false;
    }
    if (!this.parts.isCredible(ip)) return false;
    const untilMs = nowMs + 1000 * Math.min(walk.ttlS, KEEP_MOST_S);
    // The first address of an answer takes the place of what was kept; the shortest time counts for all of them.
    if (!sought.isAnswered && (walk.hasTopBit || sought.untilMs <= nowMs || at >= 0)) {
      if (walk.hasTopBit || sought.untilMs <= nowMs) addresses.length = 0;
      sought.untilMs = untilMs;
    }
    sought.isAnswered = true;
    sought.untilMs = Math.min(sought.untilMs, untilMs);
    if (addresses.indexOf(ip) < 0 && addresses.length < ADDRESSES) addresses.push(ip);
    return true;
  }

  private find(name: Uint8Array, nowMs: number): Sought | null {
    const { names } = this;
    let room: Sought | null = null;
    for (let i = 0; i < names.length; i++) {
      if (isName(name, 0, name.length, names[i].name)) return names[i];
      const isIdle = names[i].waiters.length === 0;
      if (isIdle && (room === null || names[i].untilMs < room.untilMs)) room = names[i];
    }
    if (names.length < NAMES && (room === null || room.untilMs > nowMs)) {
      room = new Sought();
      names.push(room);
    }
    if (room === null) return null;
    room.name = name;
    room.nextMs = Infinity;
    room.addresses.length = room.tries = room.untilMs = 0;
    return room;
  }

  private onTimer(): void {
    const nowMs = this.parts.clock.now();
    for (let i = 0; i < this.names.length; i++) {
      const sought = this.names[i];
      if (nowMs < sought.nextMs) continue;
      sought.nextMs = Infinity;
      if (sought.untilMs > nowMs) this.tell(sought, nowMs);
      else if (sought.tries < TRIES) this.ask(sought, nowMs);
      else this.giveUp(sought);
    }
    this.wake();
  }

  private ask(sought: Sought, nowMs: number): void {
    sought.tries += 1;
    sought.nextMs = nowMs + TRY_MS;
    const { writer } = this.parts;
    writer.begin(0, false);
    writer.question(sought.name, DNS_A);
    this.parts.send(writer.bytes, writer.end, MDNS_GROUP, MDNS_PORT);
  }

  private giveUp(sought: Sought): void {
    const waiters = sought.waiters.splice(0);
    sought.tries = 0;
    sought.addresses.length = 0;
    this.parts.onSilence(waiters, sought.name);
  }

  private tell(sought: Sought, nowMs: number): void {
    const waiters = sought.waiters.splice(0);
    sought.tries = 0;
    sought.nextMs = Infinity;
    const ttlS = Math.max(1, Math.round((sought.untilMs - nowMs) / 1000));
    for (let i = 0; i < waiters.length; i++) {
      const { done, service } = waiters[i];
      const port = waiters[i].port >= 0 ? waiters[i].port : service === "tls" ? SIPS_PORT : SIP_PORT;
      const others: Place[] = [];
      for (let k = 1; k < sought.addresses.length; k++) others.push({ address: sought.addresses[k], port, rank: 0 });
      done("", sought.addresses[0], port, others, ttlS);
    }
  }

  private wake(): void {
    let at = Infinity;
    for (let i = 0; i < this.names.length; i++) at = Math.min(at, this.names[i].nextMs);
    if (at === Infinity) this.timer.stop();
    else this.timer.at(at);
  }
}
