/**
 * Tests that an address never has more than 120 wrong tries in any 24 hours, whatever it does and however many other
 * addresses try.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GUESS_EVERY_MS, GUESSES_BURST, Guesses } from "../../src/core/guesses.js";

const DAY_MS = 86_400_000;

/** Tries from `atMs` on at that pace, whenever a try is left. @returns the times of the tries */
function storm(guesses: Guesses, ip: number, atMs: number, endMs: number, everyMs: number): number[] {
  const tried: number[] = [];
  for (let nowMs = atMs; nowMs < endMs; nowMs += everyMs) {
    if (!guesses.hasTry(ip, nowMs)) continue;
    guesses.onWrong(ip, nowMs);
    tried.push(nowMs);
  }
  return tried;
}

function mostInADay(tried: readonly number[]): number {
  let most = 0;
  for (let i = 0, j = 0; j < tried.length; j++) {
    while (tried[j] - tried[i] >= DAY_MS) i += 1;
    most = Math.max(most, j - i + 1);
  }
  return most;
}

describe("guesses", () => {
  it("are ten at once, then one more each time that long has passed", () => {
    const guesses = new Guesses(2);
    for (let i = 1; i <= GUESSES_BURST; i++) {
      expect(guesses.hasTry(7, 1000)).toBe(true);
      expect(guesses.onWrong(7, 1000)).toBe(i === GUESSES_BURST);
    }
    expect(guesses.hasTry(7, 1000 + GUESS_EVERY_MS - 1)).toBe(false);
    expect(guesses.hasTry(7, 1000 + GUESS_EVERY_MS)).toBe(true);
    expect(guesses.onWrong(7, 1000 + GUESS_EVERY_MS)).toBe(true);
    expect(guesses.hasTry(7, 1000 + GUESS_EVERY_MS)).toBe(false);
    expect(guesses.hasTry(8, 1000)).toBe(true);
  });

  it("are at most 120 on each of three days, and in any 24 hours", () => {
    const tried = storm(new Guesses(2), 7, 0, 3 * DAY_MS, 10_000);
    expect(mostInADay(tried)).toBe(117);
    expect(tried.length).toBeLessThanOrEqual(3 * 120);
  });

  it("of one address take none from another, and those without a place share one", () => {
    const guesses = new Guesses(2);
    for (const ip of [1, 2]) storm(guesses, ip, 0, 100, 1);
    expect(storm(guesses, 3, 100, 200, 1)).toHaveLength(GUESSES_BURST);
    expect(guesses.hasTry(4, 200)).toBe(false);
    expect(guesses.hasTry(1, 10 * GUESS_EVERY_MS)).toBe(true);
  });

  it("are never more for any address, whoever tries in whatever order and leaves the table and comes back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 40 })), {
          maxLength: 3000,
          minLength: 500,
        }),
        (steps) => {
          const guesses = new Guesses(2);
          const tried = new Map<number, number[]>();
          let nowMs = 0;
          for (const [ip, minutes] of steps) {
            nowMs += minutes * 60_000;
            if (!guesses.hasTry(ip, nowMs)) continue;
            guesses.onWrong(ip, nowMs);
            tried.set(ip, [...(tried.get(ip) ?? []), nowMs]);
          }
          for (const times of tried.values()) expect(mostInADay(times)).toBeLessThanOrEqual(120);
        },
      ),
      { seed: 20261129, numRuns: 20 },
    );
  });
});
