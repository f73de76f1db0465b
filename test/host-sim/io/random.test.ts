import { describe, expect, it } from "vitest";
import { SecureRandom, SeededRandom } from "../../../host-sim/io/random.js";

describe("the seeded random source", () => {
  it("repeats itself by seed, and differs between seeds", () => {
    const take = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.uint32());
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
    expect(new Set(take(0)).size).toBe(20);
  });

  it("gives the sequence of xoshiro128** 1.1 for the state 1, 2, 3, 4", () => {
    const random = new SeededRandom(0);
    Object.assign(random, { state: Int32Array.from([1, 2, 3, 4]) });
    // Computed by hand from the published algorithm: s1 = 2 gives rotl(10, 7) * 9; the next state has s1 = 0; and so
    // on.
    expect([random.uint32(), random.uint32(), random.uint32()]).toEqual([11520, 0, 5927040]);
  });

  it("stays in 32 bits and uses them all", () => {
    const random = new SeededRandom(7);
    let ones = 0;
    let zeros = 0;
    for (let i = 0; i < 1000; i++) {
      const value = random.uint32();
      expect(Number.isInteger(value) && value >= 0 && value <= 0xffffffff).toBe(true);
      ones |= value;
      zeros |= ~value;
    }
    expect([ones, zeros]).toEqual([-1, -1]);
  });

  it("forks into a stream of its own", () => {
    const random = new SeededRandom(7);
    const other = random.fork();
    expect(other.uint32()).not.toBe(random.uint32());
  });
});

it("the secure random source does not repeat itself over its refills", () => {
  const random = new SecureRandom();
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) seen.add(random.uint32());
  expect(seen.size).toBeGreaterThan(990);
});
