import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mixer } from "../../src/media/mixer.js";

const COUNT = 8;

describe("three who talk", () => {
  it("hear each the sum of the others, and never themselves", () => {
    const sound = fc.int16Array({ minLength: COUNT, maxLength: COUNT });
    fc.assert(
      fc.property(sound, sound, sound, (door, a, b) => {
        const mixer = new Mixer(COUNT);
        mixer.clear();
        mixer.add(a, COUNT);
        mixer.add(b, COUNT);
        mixer.add(door, COUNT);
        const speaker = door.slice();
        mixer.without(speaker, speaker, COUNT);
        const toA = a.slice();
        mixer.without(a, toA, COUNT);
        for (let i = 0; i < COUNT; i++) {
          expect(speaker[i]).toBe(Math.max(-32767, Math.min(32767, a[i] + b[i])));
          expect(toA[i]).toBe(Math.max(-32767, Math.min(32767, door[i] + b[i])));
        }
      }),
      { seed: 7 },
    );
  });

  it("begin each step with silence", () => {
    const mixer = new Mixer(COUNT);
    mixer.add(new Int16Array(COUNT).fill(1000), COUNT);
    mixer.clear();
    const out = new Int16Array(COUNT).fill(7);
    mixer.without(new Int16Array(COUNT), out, COUNT);
    expect([...out]).toEqual(Array(COUNT).fill(0));
  });
});
