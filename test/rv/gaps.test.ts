import { describe, expect, it } from "vitest";
import { gapsOf, type Wake } from "./gaps.js";

const CLOCKS_PER_MS = 1000;
const LEAD_MS = 24;

/** Sound each 20 ms that takes a millisecond, and another wake that begins at `atMs`. */
function talk(atMs: number, lengthMs: number): Wake[] {
  const wakes: Wake[] = [];
  const wake = (at: number, ms: number, isSound: boolean, what: string) =>
    wakes.push({ atMs: at, instructions: ms * CLOCKS_PER_MS, bytecodes: 0, isSound, what });
  for (let ms = 0; ms < 400; ms += 20) {
    if (atMs >= ms - 20 && atMs < ms) wake(atMs, lengthMs, false, "help");
    wake(ms, 1, true, "sound");
  }
  return wakes;
}

describe("the virtual board", () => {
  it("has no gap while a wake is shorter than what waits for the speaker, whenever it begins", () => {
    for (let atMs = 101; atMs < 121; atMs++) {
      const { gaps, latestMs } = gapsOf(talk(atMs, 23), CLOCKS_PER_MS, LEAD_MS);
      expect(gaps).toEqual([]);
      expect(latestMs).toBeLessThanOrEqual(24);
    }
  });

  it("has one when it is longer, and says which wake it was and how long it is silent", () => {
    const { gaps, latestMs } = gapsOf(talk(119, 60), CLOCKS_PER_MS, LEAD_MS);
    expect(gaps[0]).toEqual({ atMs: 120, lengthMs: 37, what: "help" });
    expect(latestMs).toBe(60);
    // A wake that begins right after a frame lasts as long, and less of it is heard.
    expect(gapsOf(talk(101, 30), CLOCKS_PER_MS, LEAD_MS).gaps).toEqual([]);
  });

  it("adds up wakes that follow each other without a rest", () => {
    const wakes = talk(101, 15);
    const next = {
      ...wakes[wakes.findIndex(({ what }) => what === "help")],
      atMs: 105,
      what: "status",
      instructions: 32_000,
    };
    wakes.splice(wakes.findIndex(({ what }) => what === "help") + 1, 0, next);
    const { gaps } = gapsOf(wakes, CLOCKS_PER_MS, LEAD_MS);
    expect(gaps).toEqual([{ atMs: 120, lengthMs: 5, what: "status" }]);
  });
});
