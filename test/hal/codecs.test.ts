/**
 * The codec drivers on models of the chips: sound after the right order, none when a step is missing or too early;
 * levels, mute, a chip that is not there.
 */
import { describe, expect, it } from "vitest";
import { Es8311 } from "../../hal/codecs/es8311.js";
import { Es8388 } from "../../hal/codecs/es8388.js";
import type { Codec, Registers } from "../../hal/device.js";
import { BOARD_WIRING, type VirtualCodec, type Wiring } from "../../host-sim/io/chips/codec.js";
import { VirtualEs8311 } from "../../host-sim/io/chips/es8311.js";
import { VirtualEs8388 } from "../../host-sim/io/chips/es8388.js";

type Step = readonly [register: number, value: number];
const SECOND_MS = 1000;

/** A chip and a driver that share a clock; each write is noted. */
class Bench {
  nowMs = 0;
  readonly chip: VirtualCodec;
  readonly codec: Codec;
  readonly steps: Step[] = [];

  constructor(kind: Kind, wiring: Wiring = BOARD_WIRING) {
    this.chip = kind.chip(wiring, () => this.nowMs);
    const registers: Registers = {
      readUint8: (register) => this.chip.readUint8(register),
      writeUint8: (register, value) => {
        this.steps.push([register, value]);
        this.chip.writeUint8(register, value);
      },
    };
    this.codec = kind.codec(registers, (ms) => {
      this.nowMs += ms;
    });
  }

  /** @returns the loudness of the speaker in dB against what was sent, after everything has settled */
  speakerDb(): number {
    this.nowMs += 3 * SECOND_MS;
    const samples = square(1000);
    this.chip.play(samples, 0, samples.length);
    return loudness(samples) - 60;
  }

  /** @returns the same from the microphone */
  microphoneDb(): number {
    const samples = square(100);
    this.chip.record(samples, 0, samples.length);
    return loudness(samples) - 40;
  }
}

interface Kind {
  name: string;
  chip(wiring: Wiring, nowMs: () => number): VirtualCodec;
  codec(registers: Registers, delay: (ms: number) => void): Codec;
  address: string;
  /** The registers that a driver's start must write for sound; the others are as after reset. */
  forSpeaker: number[];
  forMicrophone: number[];
  /** Switches on the DAC and the ADC. */
  converters: number[];
  /** Its last write unmutes. */
  muted: number;
  /** Clocks and references, which are too late after the converters. */
  foundations: number[];
  mostGainDb: number;
  loudestDb: number;
}

const KINDS: Kind[] = [
  {
    name: "ES8311",
    chip: (wiring, nowMs) => new VirtualEs8311(wiring, nowMs),
    codec: (registers, delay) => new Es8311({ registers, delay }),
    address: "0x18",
    forSpeaker: [0x00, 0x01, 0x09, 0x0d, 0x12, 0x32],
    forMicrophone: [0x00, 0x01, 0x0a, 0x0d, 0x0e, 0x17],
    converters: [0x0e, 0x12],
    muted: 0x31,
    foundations: [0x01, 0x0d],
    mostGainDb: 30,
    loudestDb: 32,
  },
  {
    name: "ES8388",
    chip: (wiring, nowMs) => new VirtualEs8388(wiring, nowMs),
    codec: (registers, delay) => new Es8388({ registers, delay }),
    address: "0x10",
    forSpeaker: [0x00, 0x01, 0x02, 0x04, 0x08, 0x17, 0x18, 0x1a, 0x1b, 0x27, 0x2a, 0x2b],
    forMicrophone: [0x00, 0x01, 0x02, 0x03, 0x08, 0x0c, 0x0d, 0x10, 0x11, 0x2b],
    converters: [0x03, 0x04],
    muted: 0x19,
    foundations: [0x00, 0x01, 0x02, 0x08],
    mostGainDb: 24,
    loudestDb: 0,
  },
];

function square(peak: number): Int16Array {
  return Int16Array.from({ length: 160 }, (_, i) => ((i >> 2) & 1 ? peak : -peak));
}

function loudness(samples: Int16Array): number {
  return 20 * Math.log10(Math.max(...samples.map(Math.abs)));
}

/** The steps that undo a reset come first. */
const RESET_STEPS = 3;

function started(kind: Kind, wiring = BOARD_WIRING): Bench {
  const bench = new Bench(kind, wiring);
  bench.codec.gain(0);
  expect(bench.codec.start()).toBe("");
  return bench;
}

/** @returns a fresh chip with these writes */
function given(kind: Kind, steps: readonly Step[]): Bench {
  const bench = new Bench(kind);
  for (const [register, value] of steps) bench.chip.writeUint8(register, value);
  return bench;
}

describe.each(KINDS)("the $name", (kind) => {
  const steps = started(kind).steps;

  it("is silent as it comes, and passes sound both ways at 0 dB once its driver has started it, without a click", () => {
    const untouched = new Bench(kind);
    expect(untouched.speakerDb()).toBe(-Infinity);
    expect(untouched.microphoneDb()).toBe(-Infinity);
    const bench = started(kind);
    expect(bench.speakerDb()).toBeCloseTo(0, 1);
    expect(bench.microphoneDb()).toBeCloseTo(0, 1);
    expect(bench.chip.clicks).toBe(0);
  });

  it("is started by the writes alone, and again by the same writes", () => {
    const bench = given(kind, [...steps, ...steps]);
    expect(bench.speakerDb()).toBeCloseTo(0, 1);
    expect(bench.microphoneDb()).toBeCloseTo(0, 1);
  });

  it.each(kind.forSpeaker.map((one) => [one.toString(16)]))("gives no sound when nothing is written to 0x%s", (hex) => {
    const without = steps.filter(([register]) => register !== Number.parseInt(hex, 16));
    expect(without.length).toBeLessThan(steps.length);
    expect(given(kind, without).speakerDb()).toBe(-Infinity);
  });

  it.each(kind.forMicrophone.map((one) => [one.toString(16)]))(
    "hears nothing when nothing is written to 0x%s",
    (hex) => {
      const without = steps.filter(([register]) => register !== Number.parseInt(hex, 16));
      expect(without.length).toBeLessThan(steps.length);
      expect(given(kind, without).microphoneDb()).toBe(-Infinity);
    },
  );

  it.each(kind.foundations.map((one) => [one.toString(16)]))(
    "stays silent when 0x%s comes after the converters were switched on",
    (hex) => {
      const late = steps.filter(
        ([register], i) => (i >= RESET_STEPS || register !== 0) && register === Number.parseInt(hex, 16),
      );
      expect(late.length).toBeGreaterThan(0);
      const bench = given(kind, [...steps.filter((step) => !late.includes(step)), ...late]);
      expect(bench.speakerDb()).toBe(-Infinity);
      expect(bench.microphoneDb()).toBe(-Infinity);
    },
  );

  it("gives no sound when it is not unmuted at the end", () => {
    const last = steps.map(([register]) => register).lastIndexOf(kind.muted);
    expect(given(kind, [...steps.slice(0, last), ...steps.slice(last + 1)]).speakerDb()).toBe(-Infinity);
  });

  it.each(kind.converters.map((one) => [one.toString(16)]))("stays silent when 0x%s comes first", (hex) => {
    const early = steps.filter(([register]) => register === Number.parseInt(hex, 16));
    const bench = given(kind, [...early, ...steps.filter((step) => !early.includes(step))]);
    expect(Math.min(bench.speakerDb(), bench.microphoneDb())).toBe(-Infinity);
  });

  it("is reset by the first writes: what was set before them is gone", () => {
    const reset = steps.filter(([register], i) => i < RESET_STEPS && register === 0x00);
    const bench = given(kind, [...steps, ...reset]);
    expect(bench.speakerDb()).toBe(-Infinity);
    expect(bench.microphoneDb()).toBe(-Infinity);
  });

  it("gives no sound without MCLK, at another ratio, or with other bits on the wire", () => {
    for (const wiring of [
      { mclk: 0, bits: 16 },
      { mclk: 384, bits: 16 },
      { mclk: 256, bits: 32 },
    ]) {
      const bench = started(kind, wiring);
      expect(bench.speakerDb()).toBe(-Infinity);
      expect(bench.microphoneDb()).toBe(-Infinity);
    }
  });

  it("has the speaker's volume in steps of 0.5 dB, to nothing", () => {
    const bench = started(kind);
    for (const db of [kind.loudestDb - 3, -0.5, -6, -20.5, -40]) {
      expect(bench.codec.volume(db)).toBe("");
      expect(bench.speakerDb()).toBeCloseTo(db, 0);
    }
    bench.codec.volume(-1000);
    expect(bench.speakerDb()).toBe(-Infinity);
    bench.codec.volume(1000);
    // This is the loudest level of the chip; a full-scale sample is not passed here.
    expect(bench.speakerDb()).toBeCloseTo(Math.min(kind.loudestDb, 30.3), 1);
    expect(bench.chip.clicks).toBe(0);
  });

  it("has the microphone's gain in steps of 3 dB", () => {
    const bench = started(kind);
    for (let db = 0; db <= kind.mostGainDb; db += 3) {
      bench.codec.gain(db);
      expect(bench.microphoneDb()).toBeCloseTo(db, 0);
    }
    bench.codec.gain(100);
    expect(bench.microphoneDb()).toBeCloseTo(kind.mostGainDb, 0);
    bench.codec.gain(-3);
    expect(bench.microphoneDb()).toBeCloseTo(0, 1);
  });

  it("mutes and unmutes by a ramp, and keeps a volume set meanwhile", () => {
    const bench = started(kind);
    bench.speakerDb();
    bench.codec.mute(true);
    const samples = square(1000);
    bench.chip.play(samples, 0, samples.length);
    expect(loudness(samples.subarray(0, 8))).toBeGreaterThan(55);
    expect(bench.speakerDb()).toBe(-Infinity);
    bench.codec.volume(-10);
    expect(bench.speakerDb()).toBe(-Infinity);
    bench.codec.mute(false);
    expect(bench.speakerDb()).toBeCloseTo(-10, 0);
    expect(bench.chip.clicks).toBe(0);
  });

  it("starts muted when it was muted before", () => {
    const bench = new Bench(kind);
    bench.codec.mute(true);
    bench.codec.start();
    expect(bench.speakerDb()).toBe(-Infinity);
    bench.codec.mute(false);
    expect(bench.speakerDb()).toBeCloseTo(0, 1);
  });

  it("is switched off without a click, and on again with the same levels", () => {
    const bench = new Bench(kind);
    bench.codec.volume(-12);
    bench.codec.gain(9);
    bench.codec.start();
    bench.speakerDb();
    expect(bench.codec.stop()).toBe("");
    expect(bench.chip.clicks).toBe(0);
    expect(bench.speakerDb()).toBe(-Infinity);
    expect(bench.microphoneDb()).toBe(-Infinity);
    expect(bench.codec.start()).toBe("");
    expect(bench.speakerDb()).toBeCloseTo(-12, 0);
    expect(bench.microphoneDb()).toBeCloseTo(9, 0);
    expect(bench.chip.clicks).toBe(0);
  });

  it("clicks in the model when it is switched off while it is loud", () => {
    const bench = started(kind);
    bench.speakerDb();
    bench.chip.writeUint8(kind.converters[1], 0xff);
    expect(bench.chip.clicks).toBe(1);
  });

  it("is written once more when it does not answer the first write, and no other", () => {
    for (const missed of [0, 1, 5]) {
      const bench = new Bench(kind);
      const write = bench.chip.writeUint8.bind(bench.chip);
      let count = 0;
      bench.chip.writeUint8 = (register, value) => {
        if (count++ === missed) throw new Error("no answer");
        write(register, value);
      };
      expect(bench.codec.start() === "").toBe(missed === 0);
      if (missed === 0) expect(bench.speakerDb()).toBeGreaterThan(-100);
    }
  });

  it("is named in the error when it does not answer, is asked twice only, and works when it answers again", () => {
    const bench = new Bench(kind);
    bench.chip.isThere = false;
    const problem = "no answer from the " + kind.name + " at " + kind.address;
    expect(bench.codec.start()).toBe(problem);
    expect(bench.steps.length).toBe(2);
    expect(bench.nowMs).toBe(0);
    expect(bench.codec.stop()).toBe(problem);
    bench.chip.isThere = true;
    expect(bench.codec.start()).toBe("");
    expect(bench.speakerDb()).toBeCloseTo(0, 1);
    bench.chip.isThere = false;
    expect([bench.codec.volume(-3), bench.codec.gain(3), bench.codec.mute(true)]).toEqual([problem, problem, problem]);
  });
});

describe("the ES8388", () => {
  it("hears the microphone only at the inputs it is wired to", () => {
    const heard = (input: number, wired: number) => {
      const chip = new VirtualEs8388(BOARD_WIRING, () => 0, wired);
      new Es8388({ registers: chip, input, delay: () => {} }).start();
      const samples = square(100);
      chip.record(samples, 0, samples.length);
      return samples.some((one) => one !== 0);
    };
    expect([heard(1, 1), heard(2, 2), heard(1, 2), heard(2, 1)]).toEqual([true, true, false, false]);
  });

  it("turns to the other inputs while it runs, and starts with those that were chosen before", () => {
    const chip = new VirtualEs8388(BOARD_WIRING, () => 0, 2);
    const codec = new Es8388({ registers: chip, delay: () => {} });
    const heard = () => {
      const samples = square(100);
      chip.record(samples, 0, samples.length);
      return samples.some((one) => one !== 0);
    };
    codec.start();
    expect(heard()).toBe(false);
    expect(codec.input(2)).toBe("");
    expect(heard()).toBe(true);
    codec.stop();
    codec.start();
    expect(heard()).toBe(true);
    codec.input(1);
    expect(heard()).toBe(false);
    chip.isThere = false;
    expect(codec.input(2)).toBe("no answer from the ES8388 at 0x10");
    chip.isThere = true;
    codec.start();
    expect(heard()).toBe(true);
  });

  it("wants its state machines started after the source of LRCK is chosen", () => {
    const bench = started(KINDS[1]);
    bench.chip.writeUint8(0x2b, 0x80);
    expect(bench.speakerDb()).toBe(-Infinity);
    bench.chip.writeUint8(0x02, 0xf0);
    bench.chip.writeUint8(0x02, 0x00);
    bench.chip.writeUint8(0x03, 0x00);
    bench.chip.writeUint8(0x04, 0x3c);
    expect(bench.speakerDb()).toBeCloseTo(0, 1);
  });
});

describe("the ES8311", () => {
  it("with a digital microphone leaves the analog one unheard", () => {
    const chip = new VirtualEs8311(BOARD_WIRING, () => 0);
    new Es8311({ registers: chip, isDigital: true, delay: () => {} }).start();
    const samples = square(100);
    chip.record(samples, 0, samples.length);
    expect(samples.every((one) => one === 0)).toBe(true);
  });

  it("is named with the address it has", () => {
    const chip = new VirtualEs8311(BOARD_WIRING, () => 0);
    chip.isThere = false;
    const codec = new Es8311({ registers: chip, address: 0x19, delay: () => {} });
    expect(codec.start()).toBe("no answer from the ES8311 at 0x19");
  });
});
