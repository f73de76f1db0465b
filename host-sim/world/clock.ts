/**
 * The two clocks of the simulator: the machine's, and a virtual one that jumps from event to event, so that a month
 * passes in seconds and always in the same order. Not here: the core's own timers (src/core/timers.ts), of which a
 * clock sees the earliest.
 */
import { performance } from "node:perf_hooks";
import type { Clock, DeviceTimer } from "../../hal/device.js";

/** The longest delay that setTimeout takes, ms. */
const DELAY_MAX_MS = 2147483647;

/** The machine's monotonic clock, which is 0 when this object is made. */
export class RealClock implements Clock {
  private readonly startMs = performance.now();

  now(): number {
    return performance.now() - this.startMs;
  }

  epochS(): number {
    return Math.floor(Date.now() / 1000);
  }

  createTimer(call: () => void): DeviceTimer {
    return new RealTimer(this, call);
  }
}

class RealTimer implements DeviceTimer {
  private readonly clock: RealClock;
  private readonly call: () => void;
  private readonly check: () => void;
  private atMs = Infinity;
  private handle: ReturnType<typeof setTimeout> | undefined;

  constructor(clock: RealClock, call: () => void) {
    this.clock = clock;
    this.call = call;
    this.check = () => this.fire();
  }

  at(ms: number): void {
    clearTimeout(this.handle);
    this.handle = undefined;
    this.atMs = ms;
    if (ms === Infinity) return;
    this.handle = setTimeout(this.check, Math.min(DELAY_MAX_MS, Math.max(0, Math.ceil(ms - this.clock.now()))));
  }

  stop(): void {
    this.at(Infinity);
  }

  /** setTimeout may call up to a millisecond early, and a long delay comes in pieces. */
  private fire(): void {
    if (this.clock.now() < this.atMs) this.at(this.atMs);
    else {
      this.atMs = Infinity;
      this.call();
    }
  }
}

/** Time that passes only when it is told to. Events of the same time happen in the order in which they were set. */
export class VirtualClock implements Clock {
  /** The time of day at 0 ms, s since 1970 in UTC: Thursday, 1 January 2026, 0:00. 0 if not known. */
  epochAtStartS = 1767225600;
  private readonly drain: () => Promise<void>;
  private readonly heap: VirtualTimer[] = [];
  private nowMs = 0;
  private lastOrder = 0;

  /** @param drain lets waiting code go on after all events of one time have happened */
  constructor(drain: () => Promise<void> = nextTurn) {
    this.drain = drain;
  }

  now(): number {
    return this.nowMs;
  }

  epochS(): number {
    return this.epochAtStartS === 0 ? 0 : this.epochAtStartS + Math.floor(this.nowMs / 1000);
  }

  createTimer(call: () => void): DeviceTimer {
    return new VirtualTimer(this, call);
  }

  /** Calls `call` once, after `delayMs`. */
  after(delayMs: number, call: () => void): void {
    this.createTimer(call).at(this.nowMs + delayMs);
  }

  /** @returns the time of the next event, Infinity if nothing waits */
  next(): number {
    return this.heap.length === 0 ? Infinity : this.heap[0].atMs;
  }

  /** Goes to the next event and carries it out. @returns false if nothing waits */
  step(): boolean {
    const timer = this.heap[0];
    if (timer === undefined) return false;
    this.remove(timer);
    if (timer.atMs > this.nowMs) this.nowMs = timer.atMs;
    timer.call();
    return true;
  }

  /** Carries out all events up to that time, and stays there. @throws what an event threw */
  async runUntil(ms: number): Promise<void> {
    await this.runWhile(() => true, ms);
    if (ms > this.nowMs && ms !== Infinity) this.nowMs = ms;
  }

  /**
   * Goes from event to event while `predicate` holds, at most until `limitMs`. @returns whether it still held when no
   * event was left
   */
  async runWhile(predicate: () => boolean, limitMs = Infinity): Promise<boolean> {
    await this.drain();
    while (predicate()) {
      const at = Math.max(this.nowMs, this.next());
      if (at > limitMs || at === Infinity) return true;
      // An event that is set anew for the same time waits for the next round.
      const last = this.lastOrder;
      while (this.heap.length > 0 && this.heap[0].atMs <= at && this.heap[0].order <= last && predicate()) this.step();
      await this.drain();
    }
    return false;
  }

  /** For VirtualTimer. */
  insert(timer: VirtualTimer): void {
    timer.order = ++this.lastOrder;
    timer.place = this.heap.length;
    this.heap.push(timer);
    this.rise(timer);
  }

  /** For VirtualTimer. */
  remove(timer: VirtualTimer): void {
    const at = timer.place;
    timer.place = -1;
    const last = this.heap.pop() as VirtualTimer;
    if (last === timer) return;
    this.put(last, at);
    this.rise(last);
    this.sink(last);
  }

  private put(timer: VirtualTimer, at: number): void {
    this.heap[at] = timer;
    timer.place = at;
  }

  private rise(timer: VirtualTimer): void {
    while (timer.place > 0) {
      const at = timer.place;
      const parent = this.heap[(at - 1) >> 1];
      if (!before(timer, parent)) return;
      this.put(timer, parent.place);
      this.put(parent, at);
    }
  }

  private sink(timer: VirtualTimer): void {
    for (;;) {
      const at = timer.place;
      let child = this.heap[2 * at + 1];
      const other = this.heap[2 * at + 2];
      if (other !== undefined && before(other, child)) child = other;
      if (child === undefined || !before(child, timer)) return;
      this.put(timer, child.place);
      this.put(child, at);
    }
  }
}

function before(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

class VirtualTimer implements DeviceTimer {
  readonly call: () => void;
  atMs = 0;
  order = 0;
  /** Its place in the heap; -1 if it does not wait. */
  place = -1;
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock, call: () => void) {
    this.clock = clock;
    this.call = call;
  }

  at(ms: number): void {
    this.stop();
    if (ms === Infinity) return;
    this.atMs = Math.max(ms, this.clock.now());
    this.clock.insert(this);
  }

  stop(): void {
    if (this.place >= 0) this.clock.remove(this);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
