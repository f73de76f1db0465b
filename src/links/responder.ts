/**
 * Answers for the door's name and its services in the local network by multicast DNS: `door.local`, and the services of
 * RFC 6763 that are really there. RFC 6762
 *
 *     PROBING (3 probes, 250 ms apart) ── nobody objects ──▶ ANNOUNCING (2, 1 s apart) ──▶ SETTLED
 *        │  ▲                                                    │ another device has our name
 *        │  └────────────────────────────────────────────────────┘ (the probes decide who keeps it)
 *        ├── another device has the name ──▶ PROBING of door-2, door-3, …
 *        └── another device probes for it too, and has the greater data ──▶ PROBING again after 1 s
 *
 * After 15 conflicts, none of them 10 s after another, the next probe waits for 5 s. A record is sent to all at most
 * once a second, and at most ten answers a second go to single devices. Answers that an asker already knows are left
 * out (§7.1). Our own messages come back to us: they are no conflict, because their data are ours.
 * Not here: IPv6, names of addresses (in-addr.arpa), the socket and its checks (localnames.ts).
 */
import type { Clock, DeviceTimer } from "../../hal/device.js";
import { fraction, type RandomSource } from "../core/random.js";
import { DNS_A, DNS_SRV } from "../wire/dns.js";
import {
  DNS_ANY,
  DNS_NSEC,
  DNS_PTR,
  DNS_TXT,
  isName,
  MDNS_GROUP,
  MDNS_PORT,
  type MdnsWalk,
  type MdnsWriter,
  nameOctets,
  SECTION_ANSWERS,
  SECTION_AUTHORITY,
  SECTION_QUESTIONS,
} from "../wire/mdns.js";

const LOCAL = ".local";
const SERVICES = "_services._dns-sd._udp.local";

/** How long records are good: those that name a host, and the others. RFC 6762 §10 */
const HOST_TTL_S = 120;
const OTHER_TTL_S = 4500;
/** In an answer to a program that knows no multicast DNS. RFC 6762 §6.7 */
const LEGACY_TTL_S = 10;

// Probing and announcing. RFC 6762 §8.1 to §8.3
const PROBES = 3;
const PROBE_MS = 250;
const LOST_MS = 1000;
const ANNOUNCEMENTS = 2;
const ANNOUNCE_MS = 1000;
const CONFLICTS_MOST = 15;
const CONFLICTS_MS = 10_000;
const CONFLICTS_WAIT_MS = 5000;
/** The least time between two lines that say that there is no name; the log keeps them. */
const TELL_EVERY_MS = 600_000;
/** The highest number behind the name; after it the first name is tried again. */
const NUMBERS_MOST = 99;

// Delays of answers, and the least time between two of a record. RFC 6762 §6, §7.2
const SHARED_MS = 20;
const SHARED_SPREAD_MS = 100;
const TRUNCATED_MS = 400;
const AGAIN_MS = 1000;
const DEFEND_MS = 250;
/** Answers to single devices in a second. */
const SINGLE_MOST = 10;
const SINGLE_MS = 1000;

const DATA_BYTES = 320;
/** The asker of the answers that wait: none, or several. */
const NO_ASKER = -1;
const SEVERAL_ASKERS = -2;

const PROBING = 0;
const ANNOUNCING = 1;
const SETTLED = 2;
const CLOSED = 3;

/** A service that the door has. */
export interface LocalService {
  /** As in `_sip._udp`. */
  type: string;
  port: number;
  /** `key=value`, of at most 100 characters; "" for none. */
  text: string;
}

class OwnRecord {
  readonly name: Uint8Array;
  readonly kind: number;
  /** Nobody else may have a record of that name. */
  readonly isUnique: boolean;
  readonly ttlS: number;
  readonly data: Uint8Array;
  /** Bits of the records that an asker needs next. */
  readonly next: number;
  /** When it was last sent to all. */
  sentMs = -Infinity;

  constructor(name: Uint8Array, kind: number, isUnique: boolean, data: Uint8Array, next: number) {
    this.name = name;
    this.kind = kind;
    this.isUnique = isUnique;
    this.ttlS = kind === DNS_A || kind === DNS_SRV || kind === DNS_NSEC ? HOST_TTL_S : OTHER_TTL_S;
    this.data = data;
    this.next = next;
  }
}

export interface ResponderParts {
  clock: Clock;
  /** Each message is sent as soon as it is written, so others may use the same writer. */
  writer: MdnsWriter;
  random: RandomSource;
  /** The name without `.local`: one label. */
  name: string;
  ip: number;
  services: readonly LocalService[];
  send(bytes: Uint8Array, end: number, ip: number, port: number): void;
  /** The name is ours from now on. */
  onName(name: string): void;
  /** Other devices object to every name. */
  onNoName(): void;
}

export class Responder {
  private readonly parts: ResponderParts;
  private readonly timer: DeviceTimer;
  private readonly writer: MdnsWriter;
  private readonly data = new Uint8Array(DATA_BYTES);
  private readonly least = new Uint8Array(DATA_BYTES);
  private records: OwnRecord[] = [];
  private state = PROBING;
  /** The number behind the name; 1: none. */
  private number = 1;
  /** Probes or announcements that were sent. */
  private steps = 0;
  private stepMs = 0;
  /** Bits of the records that are to be sent to all, those of them that defend our name, and when. */
  private due = 0;
  private urgent = 0;
  private dueMs = 0;
  private asker = NO_ASKER;
  /** Conflicts that followed one another within CONFLICTS_MS, and when the last one was. */
  private conflicts = 0;
  private conflictsMs = -Infinity;
  /** The name that `onName` told last. */
  private toldName = "";
  /** When `onNoName` was called last. */
  private toldMs = -Infinity;
  private singles = 0;
  private singlesMs = -Infinity;

  constructor(parts: ResponderParts) {
    this.parts = parts;
    this.writer = parts.writer;
    this.timer = parts.clock.createTimer(() => this.onTimer());
    this.build();
    this.probe(PROBE_MS * fraction(parts.random));
  }

  /** The name that is tried or ours, without `.local`. */
  get name(): string {
    return this.parts.name + (this.number === 1 ? "" : "-" + this.number);
  }

  /** Takes a message that came from that place to the group. */
  onMessage(walk: MdnsWalk, ip: number, port: number): void {
    if (this.state === CLOSED) return;
    if (walk.isResponse) this.onResponse(walk);
    else if (this.state === PROBING) this.onOthersProbe(walk);
    else this.onQuestion(walk, ip, port);
    this.wake();
  }

  /** Begins anew with the present name. */
  renew(): void {
    if (this.state !== CLOSED) this.probe(PROBE_MS * fraction(this.parts.random));
  }

  /** Tells all that our records are no longer good. RFC 6762 §10.1 */
  close(): void {
    const { state } = this;
    this.state = CLOSED;
    this.timer.stop();
    if (state === PROBING || state === CLOSED) return;
    this.writer.begin(0, true);
    for (let i = 0; i < this.records.length; i++) this.write(SECTION_ANSWERS, this.records[i], 0, true);
    this.sendToAll();
  }

  /** Makes the records of the present name. */
  private build(): void {
    const { ip, services } = this.parts;
    const host = nameOctets(this.name + LOCAL);
    const records: OwnRecord[] = [];
    const address = Uint8Array.of(ip >>> 24, ip >>> 16, ip >>> 8, ip);
    records.push(new OwnRecord(host, DNS_A, true, address, 2));
    records.push(new OwnRecord(host, DNS_NSEC, true, typesOf(host, HOST_TYPES), 0));
    const all = nameOctets(SERVICES);
    for (let i = 0; i < services.length; i++) {
      const { type, port, text } = services[i];
      const service = nameOctets(type + LOCAL);
      const instance = nameOctets(this.name + "." + type + LOCAL);
      const first = records.length;
      const place = joined(Uint8Array.of(0, 0, 0, 0, port >>> 8, port), host);
      records.push(new OwnRecord(all, DNS_PTR, false, service, 0));
      records.push(new OwnRecord(service, DNS_PTR, false, instance, (3 << (first + 2)) | 1));
      // In the order of their types, which the comparison of two probes needs.
      records.push(new OwnRecord(instance, DNS_TXT, true, textData(text), 0));
      records.push(new OwnRecord(instance, DNS_SRV, true, place, 1));
      records.push(new OwnRecord(instance, DNS_NSEC, true, typesOf(instance, INSTANCE_TYPES), 0));
    }
    this.records = records;
  }

  // ---- probing and announcing ----

  private probe(waitMs: number): void {
    this.state = PROBING;
    this.steps = 0;
    this.due = this.urgent = 0;
    this.stepMs = this.parts.clock.now() + waitMs;
    this.wake();
  }

  private onTimer(): void {
    const nowMs = this.parts.clock.now();
    if (this.state < SETTLED && nowMs >= this.stepMs) this.step(nowMs);
    if (this.due !== 0 && nowMs >= this.dueMs) this.answerAll(nowMs);
    this.wake();
  }

  private wake(): void {
    let at = this.state < SETTLED ? this.stepMs : Infinity;
    if (this.due !== 0 && this.dueMs < at) at = this.dueMs;
    if (at === Infinity) this.timer.stop();
    else this.timer.at(at);
  }

  private step(nowMs: number): void {
    if (this.state === PROBING && this.steps === PROBES) {
      this.state = ANNOUNCING;
      this.steps = 0;
    }
    this.steps += 1;
    if (this.state === PROBING) {
      this.sendProbe();
      this.stepMs = nowMs + PROBE_MS;
      return;
    }
    this.writer.begin(0, true);
    for (let i = 0; i < this.records.length; i++) this.write(SECTION_ANSWERS, this.records[i], nowMs, false);
    this.sendToAll();
    this.stepMs = nowMs + ANNOUNCE_MS;
    if (this.steps === 1 && this.name !== this.toldName) {
      this.toldName = this.name;
      this.parts.onName(this.name);
    }
    if (this.steps === ANNOUNCEMENTS) this.state = SETTLED;
  }

  /** Asks for our names, with the data that we want to have. The answer goes to all, as the socket hears the group. */
  private sendProbe(): void {
    const { writer, records } = this;
    writer.begin(0, false);
    for (let i = 0; i < records.length; i++)
      if (records[i].kind === DNS_NSEC) writer.question(records[i].name, DNS_ANY);
    for (let i = 0; i < records.length; i++) {
      const { name, kind, isUnique, ttlS, data } = records[i];
      if (isUnique && kind !== DNS_NSEC) writer.record(SECTION_AUTHORITY, name, kind, false, ttlS, data);
    }
    this.sendToAll();
  }

  /** Another device has one of our names. */
  private conflict(nowMs: number): void {
    if (nowMs - this.conflictsMs > CONFLICTS_MS) this.conflicts = 0;
    this.conflictsMs = nowMs;
    this.conflicts += 1;
    if (this.state === PROBING) {
      this.number = this.number >= NUMBERS_MOST ? 1 : this.number + 1;
      this.build();
    }
    const isMuch = this.conflicts >= CONFLICTS_MOST;
    if (isMuch && nowMs - this.toldMs >= TELL_EVERY_MS) {
      this.toldMs = nowMs;
      this.parts.onNoName();
    }
    this.probe(isMuch ? CONFLICTS_WAIT_MS : PROBE_MS * fraction(this.parts.random));
  }

  private onResponse(walk: MdnsWalk): void {
    const nowMs = this.parts.clock.now();
    while (walk.next()) {
      if (walk.section === SECTION_QUESTIONS || !walk.isInternet) continue;
      let isOurName = false;
      let same = -1;
      let hasKind = false;
      for (let i = 0; i < this.records.length && same < 0; i++) {
        const { name, kind, isUnique } = this.records[i];
        if (!isUnique || !isName(walk.bytes, walk.nameAt, walk.end, name)) continue;
        isOurName = true;
        if (kind !== walk.kind) continue;
        hasKind = true;
        if (this.isSame(walk, this.records[i])) same = i;
      }
      if (!isOurName) continue;
      if (same >= 0) {
        // Another device, or our own earlier run, takes it back or lets it end too soon. RFC 6762 §6.6
        if (this.state !== PROBING && walk.ttlS < this.records[same].ttlS / 2) this.queue(1 << same, nowMs, 0);
      } else if (walk.ttlS > 0 && (hasKind || this.state === PROBING)) {
        this.conflict(nowMs);
        return;
      }
    }
  }

  /** Another device probes while we do. Whose data are greater may go on. RFC 6762 §8.2 */
  private onOthersProbe(walk: MdnsWalk): void {
    const { records } = this;
    for (let i = 0; i < records.length; i++) {
      if (!records[i].isUnique || (i > 0 && records[i - 1].name === records[i].name)) continue;
      if (this.isTheirsGreater(walk, i)) {
        this.probe(LOST_MS);
        return;
      }
    }
  }

  /** @param first the first record of one of our names; the others of that name follow it, in order */
  private isTheirsGreater(walk: MdnsWalk, first: number): boolean {
    const { records } = this;
    const { name } = records[first];
    let before = -1;
    for (let i = first; ; i++) {
      const isOurs = i < records.length && records[i].name === name && records[i].kind !== DNS_NSEC;
      const kind = this.findLeast(walk, name, before);
      if (kind < 0) return false;
      if (!isOurs) return before >= 0;
      const order = kind !== records[i].kind ? kind - records[i].kind : compare(this.least, this.leastSize, records[i]);
      if (order !== 0) return order > 0;
      before = i;
    }
  }

  private leastSize = 0;

  /**
   * Finds the least record of that name that another device wants to have and that is greater than our record number
   * `above`; its data are in `least` then. @returns its type, -1 when there is none
   */
  private findLeast(walk: MdnsWalk, name: Uint8Array, above: number): number {
    const { data, least, records } = this;
    let kind = -1;
    walk.rewind();
    while (walk.next()) {
      if (walk.section !== SECTION_AUTHORITY || !walk.isInternet) continue;
      if (!isName(walk.bytes, walk.nameAt, walk.end, name)) continue;
      const size = walk.copyData(data);
      if (size < 0) continue;
      if (above >= 0) {
        const own = records[above];
        if (walk.kind < own.kind || (walk.kind === own.kind && compare(data, size, own) <= 0)) continue;
      }
      const isLess =
        kind < 0 || walk.kind < kind || (walk.kind === kind && order(data, size, least, this.leastSize) < 0);
      if (!isLess) continue;
      kind = walk.kind;
      this.leastSize = size;
      for (let i = 0; i < size; i++) least[i] = data[i];
    }
    return kind;
  }

  // ---- answers ----

  private onQuestion(walk: MdnsWalk, ip: number, port: number): void {
    const nowMs = this.parts.clock.now();
    let toAll = 0;
    let toOne = 0;
    let known = 0;
    let isProbe = false;
    let asked = -1;
    let kind = 0;
    while (walk.next()) {
      if (!walk.isInternet) continue;
      if (walk.section === SECTION_QUESTIONS) {
        const found = this.matching(walk);
        if (found !== 0 && asked < 0) {
          asked = lowestOf(found);
          kind = walk.kind;
        }
        if (walk.hasTopBit || port !== MDNS_PORT) toOne |= found;
        else toAll |= found;
      } else if (walk.section === SECTION_ANSWERS) known |= this.knownBy(walk);
      else if (walk.section === SECTION_AUTHORITY) isProbe = true;
    }
    if (port !== MDNS_PORT) {
      // A program that knows no multicast DNS is told its own question again. RFC 6762 §6.7
      if (toOne !== 0) this.answerOne(nowMs, toOne, ip, port, walk.id, this.records[asked].name, kind);
      return;
    }
    // More known answers of the asker. RFC 6762 §7.2
    if (asked < 0 && this.asker === ip) this.due &= ~known;
    toAll &= ~known;
    toOne &= ~known;
    // What was not sent to all for long is sent to all. RFC 6762 §5.4
    for (let i = 0; i < this.records.length; i++) {
      const { sentMs, ttlS } = this.records[i];
      if ((toOne >> i) & 1 && (isProbe || nowMs - sentMs > (ttlS * 1000) / 4)) toAll |= 1 << i;
    }
    toOne &= ~toAll;
    if (toOne !== 0) this.answerOne(nowMs, toOne, ip, port, 0, null, 0);
    if (toAll === 0) return;
    if (isProbe) this.urgent |= toAll;
    this.asker = this.due === 0 || this.asker === ip ? ip : SEVERAL_ASKERS;
    const { random } = this.parts;
    const spreadMs = fraction(random) * SHARED_SPREAD_MS;
    this.queue(
      toAll,
      nowMs,
      walk.isTruncated ? TRUNCATED_MS + spreadMs : this.isShared(toAll) ? SHARED_MS + spreadMs : 0,
    );
  }

  /** @returns bits of our records that answer the question */
  private matching(walk: MdnsWalk): number {
    let found = 0;
    let none = 0;
    for (let i = 0; i < this.records.length; i++) {
      const { name, kind } = this.records[i];
      if (!isName(walk.bytes, walk.nameAt, walk.end, name)) continue;
      if (kind === DNS_NSEC) none |= 1 << i;
      else if (kind === walk.kind || walk.kind === DNS_ANY) found |= 1 << i;
    }
    // A type that a name of ours does not have is answered with those that it has. RFC 6762 §6.1
    return found !== 0 ? found : none;
  }

  /** @returns bits of our records that the asker knows, for half of their time at least. RFC 6762 §7.1 */
  private knownBy(walk: MdnsWalk): number {
    for (let i = 0; i < this.records.length; i++) {
      const record = this.records[i];
      if (record.kind !== walk.kind || walk.ttlS < record.ttlS / 2) continue;
      if (isName(walk.bytes, walk.nameAt, walk.end, record.name) && this.isSame(walk, record)) return 1 << i;
    }
    return 0;
  }

  private isSame(walk: MdnsWalk, record: OwnRecord): boolean {
    const size = walk.copyData(this.data);
    return size >= 0 && compare(this.data, size, record) === 0;
  }

  private isShared(bits: number): boolean {
    for (let i = 0; i < this.records.length; i++) if ((bits >> i) & 1 && !this.records[i].isUnique) return true;
    return false;
  }

  private queue(bits: number, nowMs: number, delayMs: number): void {
    const dueMs = nowMs + delayMs;
    if (this.due === 0 || dueMs < this.dueMs) this.dueMs = dueMs;
    this.due |= bits;
  }

  /** Sends what is due to all, except what was sent within the last second. */
  private answerAll(nowMs: number): void {
    const { records } = this;
    let now = 0;
    let laterMs = Infinity;
    for (let i = 0; i < records.length; i++) {
      if (((this.due >> i) & 1) === 0) continue;
      const freeMs = records[i].sentMs + ((this.urgent >> i) & 1 ? DEFEND_MS : AGAIN_MS);
      if (freeMs <= nowMs) now |= 1 << i;
      else if (freeMs < laterMs) laterMs = freeMs;
    }
    this.due &= ~now;
    this.urgent &= ~now;
    this.dueMs = laterMs;
    if (this.due === 0) this.asker = NO_ASKER;
    if (now === 0) return;
    this.writer.begin(0, true);
    this.writeAll(now, nowMs);
    this.sendToAll();
  }

  private answerOne(
    nowMs: number,
    bits: number,
    ip: number,
    port: number,
    id: number,
    name: Uint8Array | null,
    kind: number,
  ): void {
    if (nowMs - this.singlesMs >= SINGLE_MS) {
      this.singlesMs = nowMs;
      this.singles = 0;
    }
    if (this.singles >= SINGLE_MOST) return;
    this.singles += 1;
    const { writer, records } = this;
    writer.begin(id, true);
    if (name === null) this.writeAll(bits, -1);
    else {
      writer.question(name, kind);
      for (let i = 0; i < records.length; i++)
        if ((bits >> i) & 1) {
          const one = records[i];
          writer.record(SECTION_ANSWERS, one.name, one.kind, false, LEGACY_TTL_S, one.data);
        }
    }
    this.parts.send(writer.bytes, writer.end, ip, port);
  }

  /** Writes answers, and behind them what the asker needs next. @param nowMs -1: they do not go to all */
  private writeAll(bits: number, nowMs: number): void {
    const { records } = this;
    let next = 0;
    for (let i = 0; i < records.length; i++) {
      if (((bits >> i) & 1) === 0) continue;
      this.write(SECTION_ANSWERS, records[i], nowMs, false);
      next |= records[i].next;
    }
    if (next & 1) next |= records[0].next;
    next &= ~bits;
    for (let i = 0; i < records.length; i++)
      if ((next >> i) & 1) this.write(SECTION_AUTHORITY + 1, records[i], nowMs, false);
  }

  private write(section: number, record: OwnRecord, nowMs: number, isGoodbye: boolean): void {
    const { name, kind, isUnique, ttlS, data } = record;
    this.writer.record(section, name, kind, isUnique, isGoodbye ? 0 : ttlS, data);
    if (nowMs >= 0) record.sentMs = nowMs;
  }

  private sendToAll(): void {
    this.parts.send(this.writer.bytes, this.writer.end, MDNS_GROUP, MDNS_PORT);
  }
}

/** The types of our names, as an NSEC record has them: A; TXT and SRV. RFC 4034 §4.1.2 */
const HOST_TYPES: readonly number[] = [0, 1, 0x40];
const INSTANCE_TYPES: readonly number[] = [0, 5, 0, 0, 0x80, 0, 0x40];

function typesOf(name: Uint8Array, types: readonly number[]): Uint8Array {
  const out = new Uint8Array(name.length + types.length);
  out.set(name);
  for (let i = 0; i < types.length; i++) out[name.length + i] = types[i];
  return out;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** RFC 6763 §6.1: a service has a TXT record, which is one empty text at least. */
function textData(text: string): Uint8Array {
  const out = new Uint8Array(text.length + 1);
  out[0] = text.length;
  for (let i = 0; i < text.length; i++) out[i + 1] = text.charCodeAt(i);
  return out;
}

function lowestOf(bits: number): number {
  let at = 0;
  while (((bits >> at) & 1) === 0) at += 1;
  return at;
}

function compare(data: Uint8Array, size: number, record: OwnRecord): number {
  return order(data, size, record.data, record.data.length);
}

/** @returns below 0 if `a` comes first, 0 if both are the same. RFC 6762 §8.2 */
function order(a: Uint8Array, aSize: number, b: Uint8Array, bSize: number): number {
  for (let i = 0; i < aSize && i < bSize; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return aSize - bSize;
}
