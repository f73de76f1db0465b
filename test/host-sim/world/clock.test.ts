import { describe, expect, it } from "vitest";
import { RealClock, VirtualClock } from "../../../host-sim/world/clock.js";

describe("the virtual clock", () => {
  it("goes from event to event, and in the order of setting at one time", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    for (const [name, at] of [
      ["c", 20],
      ["a", 10],
      ["d", 20],
      ["b", 10],
    ] as const) {
      clock.createTimer(() => log.push(name + "@" + clock.now())).at(at);
    }
    await clock.runUntil(15);
    expect(log).toEqual(["a@10", "b@10"]);
    expect(clock.now()).toBe(15);
    await clock.runUntil(100);
    expect(log).toEqual(["a@10", "b@10", "c@20", "d@20"]);
    expect(clock.next()).toBe(Infinity);
  });

  it("has a time of day that goes with it, and can be without one", async () => {
    const clock = new VirtualClock();
    expect(new Date(clock.epochS() * 1000).toISOString()).toBe("2026-01-01T00:00:00.000Z");
    await clock.runUntil(90_500);
    expect(new Date(clock.epochS() * 1000).toISOString()).toBe("2026-01-01T00:01:30.000Z");
    clock.epochAtStartS = 0;
    expect(clock.epochS()).toBe(0);
  });

  it("keeps one time for a timer, which can be moved and stopped", async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const timer = clock.createTimer(() => times.push(clock.now()));
    timer.at(10);
    timer.at(30);
    const never = clock.createTimer(() => times.push(-1));
    never.at(5);
    never.stop();
    never.stop();
    await clock.runUntil(100);
    timer.at(40);
    await clock.runUntil(100);
    expect(times).toEqual([30, 100]);
  });

  it("never goes back, and a time that has passed is now", async () => {
    const clock = new VirtualClock();
    await clock.runUntil(50);
    await clock.runUntil(20);
    expect(clock.now()).toBe(50);
    let fired = false;
    clock
      .createTimer(() => {
        fired = true;
      })
      .at(1);
    expect(fired).toBe(false);
    await clock.runUntil(50);
    expect([fired, clock.now()]).toEqual([true, 50]);
  });

  it("lets code that awaits go on before time goes on", async () => {
    const clock = new VirtualClock();
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const log: number[] = [];
    const story = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        await Promise.resolve();
        log.push(clock.now());
      }
    })();
    clock.after(1000, () => {});
    await clock.runUntil(1000);
    await story;
    expect(log).toEqual([10, 20, 30]);
  });

  it("stops where the predicate ends, and says when nothing is left", async () => {
    const clock = new VirtualClock();
    let count = 0;
    const timer = clock.createTimer(() => {
      count += 1;
      timer.at(clock.now() + 10);
    });
    timer.at(10);
    expect(await clock.runWhile(() => count < 5)).toBe(false);
    expect([count, clock.now()]).toEqual([5, 50]);
    expect(await clock.runWhile(() => count < 50, 100)).toBe(true);
    timer.stop();
    expect(await clock.runWhile(() => true)).toBe(true);
  });

  it("hands on what an event threw", async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error("broken");
    });
    await expect(clock.runUntil(2)).rejects.toThrow("broken");
  });

  it("lets a month of refreshes pass", async () => {
    const clock = new VirtualClock();
    let refreshes = 0;
    const timer = clock.createTimer(() => {
      refreshes += 1;
      timer.at(clock.now() + 25000);
    });
    timer.at(25000);
    await clock.runUntil(30 * 86400 * 1000);
    expect(refreshes).toBe((30 * 86400) / 25);
  });

  it("keeps the order of many timers set, moved and stopped at random", async () => {
    const clock = new VirtualClock(async () => {});
    let state = 1;
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % n;
    };
    const due = new Map<number, number>();
    const fired: number[] = [];
    const timers = Array.from({ length: 200 }, (_, i) =>
      clock.createTimer(() => {
        expect(due.get(i)).toBe(clock.now());
        due.delete(i);
        fired.push(clock.now());
      }),
    );
    for (let i = 0; i < 2000; i++) {
      const which = random(200);
      if (random(4) === 0) {
        timers[which].stop();
        due.delete(which);
      } else {
        const at = random(10000);
        timers[which].at(at);
        due.set(which, at);
      }
    }
    const left = due.size;
    await clock.runUntil(10000);
    expect(fired.length).toBe(left);
    expect(due.size).toBe(0);
    expect(fired).toEqual([...fired].sort((a, b) => a - b));
  });
});

describe("the real clock", () => {
  it("calls a timer not before its time, and only for the last time it was set to", async () => {
    const clock = new RealClock();
    const calls: number[] = [];
    const due = clock.now() + 20;
    await new Promise<void>((resolve) => {
      const timer = clock.createTimer(() => {
        calls.push(clock.now());
        resolve();
      });
      timer.at(clock.now() + 5);
      timer.at(due);
      const never = clock.createTimer(() => calls.push(-1));
      never.at(clock.now() + 5);
      never.stop();
    });
    expect(calls.length).toBe(1);
    expect(calls[0]).toBeGreaterThanOrEqual(due);
  });
});
