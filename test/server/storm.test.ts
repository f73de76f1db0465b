/** Tests that many doors at one registrar are all registered soon after a power cut. The model is in storm.ts. */
import { describe, expect, it } from "vitest";
import { part } from "../runs.js";
import { Storm } from "./storm.js";

/** So many doors of the 10,000, at a server that is slower by as much and whose kernel keeps fewer datagrams. */
const SCALE = part(20, 1);
const DOORS = 10_000 / SCALE;

describe("10,000 doors after a power cut", () => {
  it.each([
    ["all in the same millisecond", 0.5, 0, 0],
    ["a minute before their server", 0.5, 0, 60_000],
    ["all in the same millisecond, at a server of half the speed", 1, 0, 0],
  ])("that start %s are registered within 120 s", (_when, costMs, startMs, downMs) => {
    const storm = new Storm({ doors: DOORS, costMs: costMs * SCALE, places: Math.ceil(350 / SCALE), startMs, downMs });
    storm.run(downMs + 120_000);
    expect(storm.registered.size).toBe(DOORS);
  });

  it("that are too many for the server by far get in all the same, one after another", () => {
    const storm = new Storm({
      doors: DOORS,
      costMs: 1.5 * SCALE,
      places: Math.ceil(350 / SCALE),
      startMs: 0,
      downMs: 0,
    });
    let before = 0;
    for (let minute = 1; minute <= 3; minute++) {
      storm.run(minute * 60_000);
      expect(storm.registered.size).toBeGreaterThan(before);
      before = storm.registered.size;
    }
    storm.run(300_000);
    expect(storm.registered.size).toBe(DOORS);
  });
});
