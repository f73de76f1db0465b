/**
 * Every deadline of the core in one heap of fixed size, and the one clock the core knows: `nowMs`, which the driver
 * sets. A timer belongs to one user, is made at start, and is started and stopped as often as needed.
 */

import { float64Array, uint16Array } from "./arrays.js";

/** The owner of a timer. */
export interface TimerUser {
  /** @param kind the number that the user gave this timer when it made it */
  onTimer(kind: number): void;
}

export class Timers {
  /**
   * The time in ms on a clock that never goes back. `poll` sets it, and so does the driver before it hands anything in.
   */
  nowMs = 0;
  private readonly users: TimerUser[] = [];
  private readonly kinds: Uint16Array;
  private readonly deadlines: Float64Array;
  private readonly heap: Uint16Array;
  /** The place of a timer in the heap, plus one; 0 if it does not run. */
  private readonly places: Uint16Array;
  private count = 0;

  /** @param capacity how many timers can be made, at most 65,535 */
  constructor(capacity: number) {
    if (capacity < 1 || capacity > 65535) throw new RangeError("timers: capacity is 1 to 65535");
    this.kinds = uint16Array(capacity);
    this.deadlines = float64Array(capacity);
    this.heap = uint16Array(capacity);
    this.places = uint16Array(capacity);
  }

  /**
   * Makes a timer, at start. @param kind up to 65,535 @returns its number @throws RangeError if the capacity is too
   * small
   */
  make(user: TimerUser, kind: number): number {
    const id = this.users.length;
    if (id >= this.kinds.length) throw new RangeError("timers: no room for another");
    this.users.push(user);
    this.kinds[id] = kind;
    return id;
  }

  /** The number of timers that were made. */
  get made(): number {
    return this.users.length;
  }

  get capacity(): number {
    return this.kinds.length;
  }

  /** Starts the timer; one that runs starts anew. */
  start(id: number, delayMs: number): void {
    this.startAt(id, this.nowMs + delayMs);
  }

  startAt(id: number, deadlineMs: number): void {
    this.deadlines[id] = deadlineMs;
    const at = this.places[id];
    if (at === 0) this.rise(id, ++this.count);
    else if (this.rise(id, at) === at) this.sink(id, at);
  }

  stop(id: number): void {
    const at = this.places[id];
    if (at === 0) return;
    this.places[id] = 0;
    const last = this.heap[--this.count];
    if (last !== id && this.rise(last, at) === at) this.sink(last, at);
  }

  running(id: number): boolean {
    return this.places[id] !== 0;
  }

  /** @returns ms until the timer fires, 0 if it is due; -1 if it does not run */
  remaining(id: number): number {
    return this.places[id] === 0 ? -1 : Math.max(0, this.deadlines[id] - this.nowMs);
  }

  /** @returns the earliest deadline in ms on the core's clock, Infinity if no timer runs */
  next(): number {
    return this.count === 0 ? Infinity : this.deadlines[this.heap[0]];
  }

  /**
   * Moves the clock and fires the timers that are due, the earliest first. A timer that is started anew for now or the
   * past waits for the next call.
   */
  poll(nowMs: number): void {
    if (nowMs > this.nowMs) this.nowMs = nowMs;
    for (let left = this.count; left > 0 && this.count > 0; left--) {
      const id = this.heap[0];
      if (this.deadlines[id] > this.nowMs) return;
      this.stop(id);
      this.users[id].onTimer(this.kinds[id]);
    }
  }

  /**
   * Puts a timer at the place `from` of the heap, or above as long as the timers there are later. @returns its place
   */
  private rise(id: number, from: number): number {
    const { heap, deadlines, places } = this;
    const deadline = deadlines[id];
    let at = from;
    while (at > 1) {
      const parent = heap[(at >> 1) - 1];
      if (deadlines[parent] <= deadline) break;
      heap[at - 1] = parent;
      places[parent] = at;
      at >>= 1;
    }
    heap[at - 1] = id;
    places[id] = at;
    return at;
  }

  /** Puts a timer at the place `from` of the heap, or below as long as the timers there are earlier. */
  private sink(id: number, from: number): void {
    const { heap, deadlines, places, count } = this;
    const deadline = deadlines[id];
    let at = from;
    for (let child = at * 2; child <= count; child = at * 2) {
      if (child < count && deadlines[heap[child]] < deadlines[heap[child - 1]]) child += 1;
      const other = heap[child - 1];
      if (deadlines[other] >= deadline) break;
      heap[at - 1] = other;
      places[other] = at;
      at = child;
    }
    heap[at - 1] = id;
    places[id] = at;
  }
}
