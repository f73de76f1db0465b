import { describe, expect, it } from "vitest";
import { INBAND_AUTO, INBAND_OFF, INBAND_ON } from "../../src/media/agreement.js";
import { decodeUlaw, encodeUlaw } from "../../src/media/g711.js";
import { InbandReceiver } from "../../src/media/inband.js";
import { SeededRandom } from "../random.js";
import { part } from "../runs.js";
import { Endpoint, EVENT } from "./harness.js";

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = "123A456B789C*0#D";
/** The peak of a sine of 0 dBm0. */
const DBM0 = 22_303;

interface Digit {
  ms?: number;
  gapMs?: number;
  rowDb?: number;
  columnDb?: number;
  /** The share by which the frequencies of row and column are off. */
  off?: number;
  columnOff?: number;
  noiseDb?: number;
}

/** Digits as a phone would play them, through G.711; silence of `leadSamples` before. */
function dial(digits: string, how: Digit = {}, leadSamples = 400): Int16Array {
  const { ms = 80, gapMs = 80, rowDb = -10, columnDb = -10, off = 0, columnOff = off, noiseDb = -100 } = how;
  const random = new SeededRandom(3);
  const on = Math.round(ms * 8);
  const gap = Math.round(gapMs * 8);
  const out = new Int16Array(leadSamples + digits.length * (on + gap) + 800);
  let at = leadSamples;
  for (const digit of digits) {
    const key = KEYS.indexOf(digit);
    for (let i = 0; i < on; i++) {
      const row = Math.sin((2 * Math.PI * ROWS[key >> 2] * (1 + off) * i) / 8000) * 10 ** (rowDb / 20);
      const column = Math.sin((2 * Math.PI * COLUMNS[key & 3] * (1 + columnOff) * i) / 8000) * 10 ** (columnDb / 20);
      out[at + i] = Math.round(DBM0 * (row + column));
    }
    at += on + gap;
  }
  const noise = DBM0 * 10 ** (noiseDb / 20);
  for (let i = 0; i < out.length; i++) {
    // The sum of twelve uniform numbers is nearly normally distributed.
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random.uint32() / 4294967296;
    out[i] = Math.max(-32768, Math.min(32767, out[i] + Math.round((sum * noise) / Math.SQRT2)));
  }
  const coded = new Uint8Array(out.length);
  encodeUlaw(out, 0, out.length, coded, 0);
  decodeUlaw(coded, 0, out.length, out, 0);
  return out;
}

function heard(pcm: Int16Array, frame = 160): string {
  const receiver = new InbandReceiver();
  let out = "";
  for (let at = 0; at < pcm.length; at += frame) {
    const code = receiver.feed(pcm, at, Math.min(frame, pcm.length - at));
    if (code > 0) out += String.fromCharCode(code);
  }
  return out;
}

describe("a stream", () => {
  const digits = dial("2580");

  /**
   * @returns the digits that are heard when they come as sound. @param eventSendType -1 if telephone-events were not
   * agreed
   */
  function hear(inband: number, eventSendType: number): string {
    const end = new Endpoint();
    end.stream.inband = inband;
    end.begin({ eventSendType });
    const payload = new Uint8Array(160);
    for (let i = 0; i < 80; i++) {
      const at = Math.min(i * 160, digits.length - 160);
      encodeUlaw(digits, at, 160, payload, 0);
      end.receive(i, i * 160, payload);
      end.play(160);
      end.run(20);
    }
    return end.digits;
  }

  it("hears tones where telephone-events were not agreed, always, or never, as it was told", () => {
    expect([hear(INBAND_AUTO, -1), hear(INBAND_AUTO, EVENT)]).toEqual(["2580", ""]);
    expect([hear(INBAND_ON, -1), hear(INBAND_ON, EVENT)]).toEqual(["2580", "2580"]);
    expect([hear(INBAND_OFF, -1), hear(INBAND_OFF, EVENT)]).toEqual(["", ""]);
  });
});

describe("a sender that is silent between digits", () => {
  const CODES = part(50, 200);
  /**
   * Sends digits as packets of sound, and sends nothing during silence. At most two packets in a row are lost.
   * @returns the digits that were heard
   */
  function hear(digits: string, gapMs: number, random: SeededRandom, lossShare = 0): string {
    const pcm = dial(digits, { ms: 100, gapMs }, random.below(800));
    const end = new Endpoint();
    end.stream.inband = INBAND_ON;
    end.begin();
    const payload = new Uint8Array(160);
    let sequence = 0;
    let wasSilent = true;
    let lostInRow = 0;
    for (let at = 0; at + 160 <= pcm.length; at += 160) {
      const isSilent = pcm.subarray(at, at + 160).every((sample) => Math.abs(sample) < 100);
      encodeUlaw(pcm, at, 160, payload, 0);
      const isLost = !wasSilent && lostInRow < 2 && random.chance(lossShare);
      lostInRow = isLost ? lostInRow + 1 : 0;
      if (!isSilent && isLost) sequence += 1;
      else if (!isSilent) end.receive(sequence++, at, payload, { marker: wasSilent });
      wasSilent = isSilent;
      end.play(160);
      end.run(20);
    }
    end.play(4000);
    return end.digits;
  }

  it.each([100, 200, 300])(`is heard right with pauses of %d ms: ${4 * CODES} of ${4 * CODES}`, (gapMs) => {
    const random = new SeededRandom(17);
    let wrong = 0;
    for (let code = 0; code < CODES; code++) {
      const digits = Array.from({ length: 4 }, () => KEYS[random.below(16)]).join("");
      if (hear(digits, gapMs, random) !== digits) wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  it.each([18, 19, 20])("makes no two digits of one in which one packet or two in a row are lost (seed %d)", (seed) => {
    const random = new SeededRandom(seed);
    for (let code = 0; code < 100; code++) {
      const digits = Array.from({ length: 4 }, () => KEYS[random.below(16)]).join("");
      expect(hear(digits, 200, random, 0.1).length).toBeLessThanOrEqual(4);
    }
  });
});

describe("digits in the sound", () => {
  it("are heard, each of the sixteen, in frames of any length", () => {
    for (const frame of [80, 160, 240, 77]) expect(heard(dial(KEYS), frame)).toBe(KEYS);
  });

  it("are told with their length", () => {
    const receiver = new InbandReceiver();
    const pcm = dial("5", { ms: 200 });
    const told: number[] = [];
    for (let at = 0; at < pcm.length; at += 160)
      if (receiver.feed(pcm, at, Math.min(160, pcm.length - at)) > 0) told.push(receiver.durationMs);
    expect(told).toHaveLength(1);
    expect(Math.abs(told[0] - 200)).toBeLessThan(13);
  });

  it("of 40 ms with pauses of 40 ms are heard wherever they begin, the same one twice too", () => {
    for (let lead = 300; lead < 300 + 102; lead += part(9, 3))
      expect([lead, heard(dial("159D33", { ms: 40, gapMs: 40 }, lead))]).toEqual([lead, "159D33"]);
  });

  it("of 23 ms are none wherever they begin", () => {
    for (let lead = 300; lead < 300 + 102; lead += part(9, 3))
      expect([lead, heard(dial(KEYS, { ms: 23, gapMs: 60 }, lead))]).toEqual([lead, ""]);
  });

  it.each([-0.015, 0.015])("%d beside their frequencies are heard", (off) => {
    for (let lead = 300; lead < 400; lead += 20) {
      expect(heard(dial(KEYS, { off, ms: 50 }, lead))).toBe(KEYS);
      expect(heard(dial(KEYS, { off, columnOff: -off, ms: 50 }, lead))).toBe(KEYS);
    }
  });

  it.each([-0.035, 0.035])("%d beside either frequency are none", (off) => {
    for (let lead = 300; lead < 400; lead += 20) {
      expect(heard(dial(KEYS, { off, columnOff: 0, ms: 100 }, lead))).toBe("");
      expect(heard(dial(KEYS, { off: 0, columnOff: off, ms: 100 }, lead))).toBe("");
    }
  });

  it("are heard with a column of +4 dB and of -8 dB against the row, and not with far more", () => {
    for (const off of [0, 0.015, -0.015]) {
      expect(heard(dial(KEYS, { rowDb: -12, columnDb: -8, off }))).toBe(KEYS);
      expect(heard(dial(KEYS, { rowDb: -8, columnDb: -16, off }))).toBe(KEYS);
    }
    expect(heard(dial(KEYS, { rowDb: -18, columnDb: -8 }))).toBe("");
    expect(heard(dial(KEYS, { rowDb: -6, columnDb: -20 }))).toBe("");
  });

  it("are heard from 0 to -25 dBm0, and at -40 dBm0 not", () => {
    for (const level of [-3, -10, -20, -25]) expect(heard(dial(KEYS, { rowDb: level, columnDb: level }))).toBe(KEYS);
    expect(heard(dial(KEYS, { rowDb: -40, columnDb: -40 }))).toBe("");
  });

  it("are heard 15 dB above noise", () => {
    expect(heard(dial(KEYS, { rowDb: -12, columnDb: -12, noiseDb: -24 }))).toBe(KEYS);
  });

  it("are not made up from noise, one tone or call-progress tones", () => {
    const seconds = 20;
    const random = new SeededRandom(9);
    const pcm = new Int16Array(8000 * seconds);
    for (let i = 0; i < pcm.length; i++) pcm[i] = (random.uint32() >>> 16) - 32768;
    expect(heard(pcm)).toBe("");
    for (const [a, b] of [
      [697, 0],
      [1209, 0],
      [350, 440],
      [440, 480],
      [480, 620],
      [941, 941],
      [1400, 2100],
    ]) {
      for (let i = 0; i < pcm.length; i++)
        pcm[i] = 6000 * (Math.sin((2 * Math.PI * a * i) / 8000) + Math.sin((2 * Math.PI * b * i) / 8000));
      expect([a, b, heard(pcm)]).toEqual([a, b, ""]);
    }
  });

  it("are not made up from vowels of a voice without any breath", () => {
    const seconds = 4;
    const pcm = new Int16Array(8000 * seconds);
    // These are harmonics of a gliding voice under three formants, two of which pass over the tones' bands.
    for (let f0 = 90; f0 <= 265; f0 += part(15, 5)) {
      const vibratoHz = f0 % 2 === 0 ? 5 : 7;
      const phases = new Float64Array(40);
      for (let i = 0; i < pcm.length; i++) {
        const voice = f0 * (1 + 0.05 * Math.sin((2 * Math.PI * vibratoHz * i) / 8000));
        const [f1, f2] = [500 + 400 * Math.sin(i / 9000), 1400 + 500 * Math.cos(i / 7000)];
        let sum = 0;
        for (let k = 1; k * voice < 3600 && k < 40; k++) {
          const hz = k * voice;
          phases[k] += (2 * Math.PI * hz) / 8000;
          const formants =
            1 / (1 + ((hz - f1) / 70) ** 2) + 0.6 / (1 + ((hz - f2) / 90) ** 2) + 0.3 / (1 + ((hz - 2500) / 120) ** 2);
          sum += (Math.sin(phases[k]) * formants) / Math.sqrt(k);
        }
        pcm[i] = 7000 * sum;
      }
      expect([vibratoHz, f0, heard(pcm)]).toEqual([vibratoHz, f0, ""]);
    }
  });

  it("begun in one call do not end in the next", () => {
    const receiver = new InbandReceiver();
    const pcm = dial("5", { ms: 100 });
    receiver.feed(pcm, 0, 1000);
    receiver.reset();
    expect(receiver.feed(new Int16Array(1600), 0, 1600)).toBe(0);
  });
});
