import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { CodeLock } from "../../src/intercom/lock.js";

/** Gives wrong codes until it locks. @returns for how many seconds */
function guess(lock: CodeLock, nowMs: number): number {
  for (let i = 1; i <= 20; i++) {
    const seconds = lock.onWrong(nowMs);
    if (seconds > 0) return seconds;
  }
  return 0;
}

describe("the lock on door codes", () => {
  it("locks for 300 s at the fifth wrong code in a row, and not before", () => {
    const lock = new CodeLock(null, 0);
    expect([1, 2, 3, 4, 5].map(() => lock.onWrong(1000))).toEqual([0, 0, 0, 0, 300]);
    expect(lock.remainingMs(1000)).toBe(300_000);
    expect(lock.remainingMs(301_000)).toBe(0);
  });

  it("locks for twice as long each further time, up to an hour", () => {
    const lock = new CodeLock(null, 0);
    expect([1, 2, 3, 4, 5, 6].map((n) => guess(lock, n * 4_000_000))).toEqual([300, 600, 1200, 2400, 3600, 3600]);
  });

  it("forgets all at the right code", () => {
    const lock = new CodeLock(null, 0);
    guess(lock, 0);
    for (let i = 0; i < 4; i++) lock.onWrong(400_000);
    lock.onRight();
    expect(lock.onWrong(500_000)).toBe(0);
    expect(guess(lock, 500_000)).toBe(300);
  });

  it("goes on counting after a restart, and a lock that was on begins anew", () => {
    const store = new MemoryStore();
    const lock = new CodeLock(store, 0);
    for (let i = 0; i < 4; i++) lock.onWrong(0);
    const second = new CodeLock(store, 0);
    expect(second.onWrong(0)).toBe(300);
    const third = new CodeLock(store, 7000);
    expect(third.remainingMs(7000)).toBe(300_000);
    expect(guess(third, 400_000)).toBe(600);
    third.onRight();
    expect(new CodeLock(store, 0).remainingMs(0)).toBe(0);
  });

  it("holds while the power is on even when nothing can be kept", () => {
    const store = {
      read: () => "garbage",
      write: () => {
        throw new Error("the disk is full");
      },
    };
    expect(guess(new CodeLock(store, 0), 0)).toBe(300);
  });
});
