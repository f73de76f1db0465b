/** Tests the simulator's places, and the canceller of a station in them. */
import { describe, expect, it } from "vitest";
import { CodecInput } from "../../../host-sim/io/chips/codec.js";
import { VirtualEs8311 } from "../../../host-sim/io/chips/es8311.js";
import { SeededRandom } from "../../../host-sim/io/random.js";
import { Loudspeaker } from "../../../host-sim/world/acoustics/loudspeaker.js";
import {
  echoPath,
  HOUSING_NAMES,
  HOUSINGS,
  PLACE_NAMES,
  PLACES,
  type PlaceName,
} from "../../../host-sim/world/acoustics/places.js";
import { Scene } from "../../../host-sim/world/acoustics/scene.js";
import { fraction } from "../../../src/core/random.js";
import { EchoControl, makeEchoControl } from "../../../src/driver/echocontrol.js";

const STEP = 160;
const SILENCE = { read: () => 0 };
const NOWHERE = { write: () => {} };

function sceneAt(place: PlaceName, noiseDb: number): Scene {
  return new Scene(SILENCE, NOWHERE, { place, housing: "box", random: new SeededRandom(1), echoDb: 0, noiseDb });
}

/** Speaks for 4 s from the loudspeaker. @returns the level of the last second at the microphone, dB */
function heard(place: PlaceName, how: "cancel" | "switch" | "off"): number {
  const scene = sceneAt(place, -20);
  const control = new EchoControl(scene, STEP);
  control.set(how, "keep");
  const random = new SeededRandom(2);
  const samples = new Int16Array(STEP);
  let sum = 1;
  for (let step = 0; step < 200; step++) {
    scene.read(samples, 0, STEP);
    control.run(samples);
    if (step >= 150) for (const sample of samples) sum += sample * sample;
    scene.write(
      samples.map(() => (step % 12 < 9 ? 3000 * (2 * fraction(random) - 1) : 0)),
      0,
      STEP,
    );
    samples.fill(0);
  }
  return 10 * Math.log10(sum / (50 * STEP));
}

describe("a place", () => {
  it("gives back what the loudspeaker played, a little later, and nothing before it was played", () => {
    const scene = sceneAt("street", -200);
    const samples = new Int16Array(STEP);
    scene.read(samples, 0, STEP);
    expect(Math.max(...samples.map(Math.abs))).toBe(0);
    scene.write(Int16Array.of(20_000), 0, 1);
    scene.read(samples, 0, STEP);
    expect(Math.max(...samples.map(Math.abs))).toBeGreaterThan(4000);
    const reference = new Int16Array(STEP);
    scene.reference(reference, 0, STEP);
    expect([...reference.subarray(0, 3)]).toEqual([20_000, 0, 0]);
  });

  it("has a way of power 1 for each housing, and the same one for the same seed", () => {
    for (const place of PLACE_NAMES)
      for (const housing of HOUSING_NAMES) {
        const way = echoPath(PLACES[place], HOUSINGS[housing], new SeededRandom(7), 800);
        expect(way.reduce((sum, tap) => sum + tap * tap, 0)).toBeCloseTo(1, 6);
        expect(way).toEqual(echoPath(PLACES[place], HOUSINGS[housing], new SeededRandom(7), 800));
      }
  });

  it("has loudspeakers that distort by the share they are made for", () => {
    const usual = Float64Array.from({ length: 8000 }, (_, i) => 3000 * Math.sin(i / 3) * Math.sin(i / 900));
    for (const share of [0.03, 0.1]) {
      const [bent, straight] = [new Loudspeaker("limited", share, usual), new Loudspeaker("limited", 0, usual)];
      const [y, x] = [usual.map((sample) => bent.next(sample)), usual.map((sample) => straight.next(sample))];
      const gain =
        x.reduce((sum, sample, i) => sum + sample * y[i], 0) / x.reduce((sum, sample) => sum + sample ** 2, 0);
      const rest = y.reduce((sum, sample, i) => sum + (sample - gain * x[i]) ** 2, 0);
      const distortion = Math.sqrt(rest / y.reduce((sum, sample) => sum + sample ** 2, 0));
      expect(distortion).toBeGreaterThan(0.6 * share);
      expect(distortion).toBeLessThan(1.6 * share);
    }
  });
});

describe("the echo control of a station", () => {
  it("takes the echo out, switches voices, or leaves all as it is, by its setting", { timeout: 60_000 }, () => {
    const off = heard("lobby", "off");
    expect(off - heard("lobby", "cancel")).toBeGreaterThan(20);
    expect(off - heard("lobby", "switch")).toBeGreaterThan(12);
  });

  it("is not there where nobody knows what was played", () => {
    expect(makeEchoControl({ read: () => 0 }, 3)).toBeNull();
    expect(makeEchoControl(sceneAt("niche", 0), 3)).not.toBeNull();
  });

  it("hears of what was played through a codec, too", () => {
    const codec = new VirtualEs8311({ mclk: 256, bits: 16 }, () => 0);
    expect(new CodecInput(codec, SILENCE).reference).toBeUndefined();
    const scene = sceneAt("niche", 0);
    const input = new CodecInput(codec, scene);
    scene.write(Int16Array.of(9, 8), 0, 2);
    const samples = new Int16Array(2);
    input.read(samples, 0, 2);
    input.reference?.(samples, 0, 2);
    expect([...samples]).toEqual([9, 8]);
  });
});
