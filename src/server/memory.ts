/**
 * The location service in memory: a fixed number of chunks of octets. A record takes as many as it needs, in a chain.
 * It answers at once. A door has room for a few phones, a host for as many as it is told.
 * Not here: keeping records over a restart.
 */
import { equal, hash, Span } from "../core/bytes.js";
import { SlotIndex } from "../transaction/slots.js";
import {
  Bindings,
  type DayClock,
  LOCATION_CONFLICT,
  LOCATION_FULL,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
  type LocationWatcher,
} from "./location.js";

export interface MemoryLimits {
  /** Number of chunks of CHUNK_BYTES; a phone with one contact takes three or four. */
  chunks: number;
  /** The longest record with its address, octets. */
  recordBytes: number;
}

export const CHUNK_BYTES = 64;
// The first octets of a record: the length of the address and that of the bindings.
const HEAD = 6;

export class MemoryLocation implements LocationStore {
  readonly limits: MemoryLimits;
  /** Number of addresses with bindings. */
  records = 0;
  /** Number of their bindings, including those that expired and are not removed yet. */
  total = 0;
  private readonly clock: DayClock;
  private readonly slab: Uint8Array;
  /** The next chunk of the same record, or the next free one; -1 ends either chain. */
  private readonly nexts: Int32Array;
  /** For the first chunk of a record, when the first of its bindings expires; 0 for all other chunks. */
  private readonly earliest: Float64Array;
  private readonly index: SlotIndex;
  private free = 0;
  private freeCount: number;
  private readonly scratch: Uint8Array;
  private readonly kept: Uint8Array;
  private readonly aor = new Span();
  private readonly list = new Bindings();
  private readonly live = new Bindings();
  private readonly watchers: LocationWatcher[] = [];

  constructor(clock: DayClock, limits: MemoryLimits) {
    this.clock = clock;
    this.limits = limits;
    this.slab = new Uint8Array(limits.chunks * CHUNK_BYTES);
    this.nexts = new Int32Array(limits.chunks);
    this.earliest = new Float64Array(limits.chunks);
    this.index = new SlotIndex(limits.chunks);
    this.freeCount = limits.chunks;
    for (let i = 0; i < limits.chunks; i++) this.nexts[i] = i + 1 < limits.chunks ? i + 1 : -1;
    this.scratch = new Uint8Array(limits.recordBytes);
    this.kept = new Uint8Array(limits.recordBytes);
  }

  addWatcher(watcher: LocationWatcher): void {
    this.watchers.push(watcher);
  }

  findBindings(aor: Span, user: LocationUser, token: number): boolean {
    this.openChunks(this.findRecord(aor), this.clock.nowS());
    user.onBindings(token, LOCATION_OK, this.list);
    return true;
  }

  replaceBindings(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    user.onUpdated(token, this.putRecord(aor, list));
    return true;
  }

  /**
   * As `replaceBindings`, with the answer at once.
   * @returns LOCATION_OK, LOCATION_CONFLICT or LOCATION_FULL; after the last two nothing was changed
   */
  putRecord(aor: Span, list: Bindings): number {
    const first = this.findRecord(aor);
    this.openChunks(first, this.clock.nowS());
    if (this.list.version !== list.version) return LOCATION_CONFLICT;
    const result = this.replaceRecord(first, aor, list);
    if (result === LOCATION_OK) this.tellWatchers(aor, list);
    return result;
  }

  /**
   * Puts a record in that was kept elsewhere, whatever its version, without telling the watchers.
   * @returns as `putRecord`
   */
  restoreRecord(aor: Span, list: Bindings): number {
    return this.replaceRecord(this.findRecord(aor), aor, list);
  }

  /** Puts back what was there before a change that could not be kept, and tells the watchers. */
  takeBack(aor: Span, list: Bindings): void {
    if (this.restoreRecord(aor, list) === LOCATION_OK) this.tellWatchers(aor, list);
  }

  removeExpired(nowS: number): void {
    for (let i = 0; i < this.earliest.length; i++) {
      if (this.earliest[i] === 0 || this.earliest[i] > nowS) continue;
      this.openChunks(i, nowS);
      const list = this.list;
      const live = this.live;
      live.startRecord(this.kept, list.version);
      for (let more = list.first(); more; more = list.next()) {
        copyBinding(list, live);
        live.addBinding();
      }
      // The rest is shorter than before, so there is room for it.
      this.replaceRecord(i, this.aor, live);
      this.tellWatchers(this.aor, live);
    }
  }

  /** @returns how many chunks are free */
  freeChunks(): number {
    return this.freeCount;
  }

  private tellWatchers(aor: Span, list: Bindings): void {
    for (let i = 0; i < this.watchers.length; i++) this.watchers[i].onBindingsChanged(aor, list);
  }

  /** Sets `aor` and `list` to the record that begins with that chunk. @param first -1: there is none */
  private openChunks(first: number, nowS: number): void {
    if (first < 0) {
      this.list.openNone();
      return;
    }
    const { slab, scratch } = this;
    const at = first * CHUNK_BYTES;
    const aorBytes = (slab[at] << 8) | slab[at + 1];
    const size = HEAD + aorBytes + ((slab[at + 2] << 24) | (slab[at + 3] << 16) | (slab[at + 4] << 8) | slab[at + 5]);
    let to = 0;
    for (let chunk = first; to < size; chunk = this.nexts[chunk]) {
      const from = chunk * CHUNK_BYTES;
      const end = Math.min(size, to + CHUNK_BYTES);
      for (let i = from; to < end; i++) scratch[to++] = slab[i];
    }
    this.aor.set(scratch, HEAD, HEAD + aorBytes);
    this.list.openRecord(scratch, HEAD + aorBytes, size, nowS);
  }

  /** @returns the first chunk of the address's record, -1 when it has none */
  private findRecord(aor: Span): number {
    const index = this.index;
    for (let i = index.first(hash(aor.bytes, aor.start, aor.end)); i >= 0; i = index.next(i)) {
      if (this.hasAor(i, aor)) return i;
    }
    return -1;
  }

  private hasAor(first: number, aor: Span): boolean {
    const slab = this.slab;
    let chunk = first;
    let at = first * CHUNK_BYTES;
    const size = aor.size();
    if (((slab[at] << 8) | slab[at + 1]) !== size) return false;
    at += HEAD;
    let end = (chunk + 1) * CHUNK_BYTES;
    for (let done = 0; done < size; ) {
      const piece = Math.min(size - done, end - at);
      if (!equal(slab, at, at + piece, aor.bytes, aor.start + done, aor.start + done + piece)) return false;
      done += piece;
      chunk = this.nexts[chunk];
      at = chunk * CHUNK_BYTES;
      end = at + CHUNK_BYTES;
    }
    return true;
  }

  /** Replaces a record whole or not at all: there is room for the new one before the old one is freed. */
  private replaceRecord(first: number, aor: Span, list: Bindings): number {
    const bytes = list.end - list.start;
    const size = list.count === 0 ? 0 : HEAD + aor.size() + bytes;
    const needed = Math.ceil(size / CHUNK_BYTES);
    let held = 0;
    for (let chunk = first; chunk >= 0; chunk = this.nexts[chunk]) held += 1;
    if (size > this.limits.recordBytes || needed > this.freeCount + held) return LOCATION_FULL;
    const earliestS = list.earliestS();
    // `aor` may lie in `scratch`, but never in the slab.
    if (first >= 0) this.freeRecord(first);
    if (needed === 0) return LOCATION_OK;
    const head = this.free;
    const slab = this.slab;
    let chunk = head;
    let last = head;
    let at = head * CHUNK_BYTES;
    slab[at++] = aor.size() >>> 8;
    slab[at++] = aor.size();
    slab[at++] = bytes >>> 24;
    slab[at++] = bytes >>> 16;
    slab[at++] = bytes >>> 8;
    slab[at++] = bytes;
    for (let i = HEAD; i < size; i++) {
      if (i % CHUNK_BYTES === 0) {
        last = chunk = this.nexts[chunk];
        at = chunk * CHUNK_BYTES;
      }
      const k = i - HEAD;
      slab[at++] = k < aor.size() ? aor.bytes[aor.start + k] : list.bytes[list.start + k - aor.size()];
    }
    this.free = this.nexts[last];
    this.nexts[last] = -1;
    this.freeCount -= needed;
    this.earliest[head] = earliestS;
    this.index.add(head, hash(aor.bytes, aor.start, aor.end));
    this.records += 1;
    this.total += (list.bytes[list.start + 4] << 8) | list.bytes[list.start + 5];
    return LOCATION_OK;
  }

  private freeRecord(first: number): void {
    this.index.remove(first);
    this.earliest[first] = 0;
    this.records -= 1;
    const slab = this.slab;
    // The number of bindings stands behind the address and the version, perhaps across two chunks.
    const size = ((slab[first * CHUNK_BYTES] << 8) | slab[first * CHUNK_BYTES + 1]) + HEAD + 4;
    this.total -= (this.octetOf(first, size) << 8) | this.octetOf(first, size + 1);
    let last = first;
    this.freeCount += 1;
    while (this.nexts[last] >= 0) {
      last = this.nexts[last];
      this.freeCount += 1;
    }
    this.nexts[last] = this.free;
    this.free = first;
  }

  private octetOf(first: number, offset: number): number {
    let chunk = first;
    let left = offset;
    for (; left >= CHUNK_BYTES; left -= CHUNK_BYTES) chunk = this.nexts[chunk];
    return this.slab[chunk * CHUNK_BYTES + left];
  }
}

/**
 * Sets the values that `to` adds next to those of the binding that `from` stands at. The octets stay where they are.
 */
export function copyBinding(from: Bindings, to: Bindings): void {
  to.contact.set(from.contact.bytes, from.contact.start, from.contact.end);
  to.callId.set(from.callId.bytes, from.callId.start, from.callId.end);
  to.path.set(from.path.bytes, from.path.start, from.path.end);
  to.flowId.set(from.flowId.bytes, from.flowId.start, from.flowId.end);
  to.isOwnPath = from.isOwnPath;
  to.q = from.q;
  to.expiresS = from.expiresS;
  to.cseq = from.cseq;
  to.transport = from.transport;
  to.ip = from.ip;
  to.port = from.port;
  to.connection = from.connection;
  to.node = from.node;
}
