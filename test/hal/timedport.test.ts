import { describe, expect, it } from "vitest";
import type { AudioPort, Clock, DeviceTimer } from "../../hal/device.js";
import { TimedPort, WatchedPort } from "../../hal/timedport.js";

/** A clock that is moved by hand. Timers fire when they are looked at, so they may be late. */
class HandClock implements Clock {
  nowMs = 1000;
  private readonly timers: { atMs: number; call: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  epochS(): number {
    return 0;
  }

  createTimer(call: () => void): DeviceTimer {
    const timer = { atMs: Infinity, call };
    this.timers.push(timer);
    return { at: (ms) => (timer.atMs = ms), stop: () => (timer.atMs = Infinity) };
  }

  /** Fires each timer that is due, once. */
  fire(): void {
    for (const timer of this.timers) {
      if (timer.atMs > this.nowMs) continue;
      timer.atMs = Infinity;
      timer.call();
    }
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += 1;
      this.fire();
    }
  }
}

const INPUT = { read: (_into: Int16Array, _start: number, count: number) => count };

describe("frames by the clock", () => {
  it("come every 20 ms from the start on, until it is stopped", () => {
    const clock = new HandClock();
    const port = new TimedPort(clock, INPUT);
    const told: [number, number, number][] = [];
    port.start((frames, lost) => told.push([clock.nowMs - 1000, frames, lost]));
    clock.run(70);
    port.stop();
    clock.run(100);
    expect(told).toEqual([
      [20, 1, 0],
      [40, 1, 0],
      [60, 1, 0],
    ]);
  });

  it("wait for whoever is late, 200 ms of them; what is older is lost, and said to be", () => {
    const clock = new HandClock();
    const port = new TimedPort(clock, INPUT);
    const told: [number, number][] = [];
    port.start((frames, lost) => told.push([frames, lost]));
    for (const ms of [20, 59, 21, 200, 300]) {
      clock.nowMs += ms;
      clock.fire();
    }
    expect(told).toEqual([
      [1, 0],
      [2, 0],
      [2, 0],
      [10, 0],
      [10, 800],
    ]);
  });

  it("may be stopped from inside, and have what was played where the input has", () => {
    const clock = new HandClock();
    let calls = 0;
    const port = new TimedPort(clock, INPUT);
    port.start(() => {
      calls += 1;
      port.stop();
    });
    clock.run(100);
    expect(calls).toBe(1);
    expect(port.reference).toBeUndefined();
    const hears = new TimedPort(clock, { ...INPUT, reference: (into) => void into.fill(7) });
    const into = new Int16Array(2);
    hears.reference?.(into, 0, 2);
    expect([...into]).toEqual([7, 7]);
  });
});

describe("a codec's port that is watched", () => {
  class Port implements AudioPort {
    call: ((frames: number, lost: number) => void) | null = null;
    readonly read = INPUT.read;
    start(call: (frames: number, lost: number) => void): void {
      this.call = call;
    }
    stop(): void {
      this.call = null;
    }
  }

  function watched() {
    const clock = new HandClock();
    const port = new Port();
    const told: [number, number, number][] = [];
    const watch = new WatchedPort(clock, port);
    watch.start((frames, lost) => told.push([clock.nowMs - 1000, frames, lost]));
    return { clock, port, told, watch };
  }

  it("is the one that calls while it does", () => {
    const { clock, port, told } = watched();
    for (let i = 1; i <= 200; i++) {
      clock.run(20);
      port.call?.(1, 0);
    }
    expect(told).toHaveLength(200);
  });

  it("has the clock in its place when it says nothing, until it calls again", () => {
    const { clock, port, told, watch } = watched();
    clock.run(1000);
    expect(told[0]).toEqual([520, 1, 0]);
    expect(told).toHaveLength(25);
    port.call?.(1, 0);
    const before = told.length;
    clock.run(400);
    expect(told).toHaveLength(before);
    clock.run(800);
    expect(told.length).toBeGreaterThan(before + 5);
    watch.stop();
    const last = told.length;
    clock.run(2000);
    expect(told).toHaveLength(last);
    expect(port.call).toBeNull();
  });
});
