/**
 * Tests someone who guesses at the door's codes for days, in every way there is and all of them together, with power
 * cuts in between. An entry counts as a guess at a code if that code in its place would have opened: the test plays the
 * attack again up to there to find out.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Timers } from "../../src/core/timers.js";
import { Access, type Opening } from "../../src/intercom/access.js";
import { People } from "../../src/people/people.js";
import { Settings } from "../../src/settings/settings.js";
import type { Call } from "../../src/ua/call.js";
import { SeededRandom } from "../random.js";
import { World } from "../ua/harness.js";
import { House } from "./house.js";

const DAY_MS = 86_400_000;
const RTP = 1;
const INFO = 2;
const INBAND = 3;
/**
 * Codes are short, long and of two relays; the second begins as the first does, so that the first waits for the pause.
 */
const CODES = ["4711", "47118", "86420975", "13579"];
const SETTINGS = ["relay1.code=4711,47118,86420975", "relay2.code=13579"];

// Calls are only told from each other by identity.
const calls = new House(new World()).door.ua.calls as readonly Call[];

/** The way in which the guess is entered, and the guesser's actions around it. */
type Way =
  | "digits"
  | "hash"
  | "star"
  | "pause"
  | "hang up"
  | "other call"
  | "info"
  | "tones"
  | "message"
  | "broken off by message"
  | "behind others"
  | "longer";

const WAYS: readonly Way[] = [
  "digits",
  "hash",
  "star",
  "pause",
  "hang up",
  "other call",
  "info",
  "tones",
  "message",
  "broken off by message",
  "behind others",
  "longer",
];

interface Step {
  afterMs: number;
  way: Way;
  /** True if the guesser knows the code of relay 2, and enters it afterwards. */
  entersOwn: boolean;
  cutsPower: boolean;
}

/** A door's codes and the guesser before them. */
class Siege {
  private readonly settings = new Settings();
  private readonly store = new MemoryStore();
  private readonly people = new People(new MemoryStore(), this.settings, new SeededRandom(3), 50);
  private timers = new Timers(6);
  private access: Access;
  /** The relays that opened. */
  opened: number[] = [];

  constructor() {
    for (const one of SETTINGS) expect(this.settings.assign(one)).toBe("");
    this.access = this.start();
  }

  private start(): Access {
    this.timers = new Timers(6);
    const events = { event: () => {} };
    const user = {
      onCode: ({ relay }: Opening) => void this.opened.push(relay),
      onWrongCode: () => {},
      callerOf: () => -1,
      onCodeWanted: () => {},
      onDial: () => {},
      epochS: () => 0,
    };
    const parts = { settings: this.settings, timers: this.timers, events, store: this.store };
    const access = new Access(parts, this.people, user);
    access.configure();
    return access;
  }

  wait(ms: number): void {
    const end = this.timers.nowMs + ms;
    while (this.timers.next() <= end) this.timers.poll(this.timers.next());
    this.timers.poll(end);
  }

  /** Counts the guesses at that code that count and have not faded since. */
  counted(code: string): number {
    return this.access["lock"]["tallies"][CODES.indexOf(code)].steps / 6;
  }

  private dial(digits: string, way = RTP, call = calls[0]): void {
    for (const digit of digits) {
      this.wait(1);
      this.access.digit(call, digit.charCodeAt(0), way);
    }
  }

  /** Cuts the power: the digits entered so far count as far as they were kept. */
  end(): void {
    this.access = this.start();
  }

  /** @param guess the entry @param relay of the code that is guessed at */
  step({ afterMs, way, entersOwn, cutsPower }: Step, guess: string, relay: number): void {
    this.wait(afterMs);
    if (cutsPower) this.access = this.start();
    switch (way) {
      case "digits":
        this.dial(guess);
        break;
      case "hash":
        this.dial(guess + "#");
        break;
      case "star":
        this.dial(guess + "*");
        break;
      case "pause":
        this.dial(guess);
        this.wait(6000);
        break;
      case "hang up":
        this.dial(guess);
        this.access.reset();
        break;
      case "other call":
        this.dial(guess);
        this.dial("*", RTP, calls[1]);
        break;
      case "info":
        this.access.reset();
        this.dial(guess + "#", INFO);
        break;
      case "tones":
        this.access.reset();
        this.dial(guess, INBAND);
        this.access.reset();
        break;
      case "message":
        this.access.text(relay, guess);
        break;
      case "broken off by message":
        this.dial(guess);
        this.access.text(relay, "0000");
        break;
      case "behind others":
        this.dial("000*000*" + guess + "*");
        break;
      case "longer":
        this.dial(guess + "0000");
        break;
    }
    if (entersOwn) {
      this.dial("*13579#");
      this.access.reset();
    }
  }
}

/** @returns at which time each step begins */
function timesOf(steps: readonly Step[]): number[] {
  let nowMs = 0;
  return steps.map(({ afterMs }) => {
    nowMs += afterMs;
    return nowMs;
  });
}

/** @returns whether `code` opens when entered in the place of the guess of that step */
function wouldOpen(steps: readonly Step[], at: number, code: string, relay: number): boolean {
  const siege = new Siege();
  for (let i = 0; i < at; i++) siege.step(steps[i], wrongOf(code, i), relay);
  siege.opened = [];
  siege.step({ ...steps[at], entersOwn: false }, code, relay);
  return siege.opened.includes(relay);
}

/** Makes a wrong entry as long as the code. */
function wrongOf(code: string, n: number): string {
  return ("99999999" + (n % 7)).slice(-code.length);
}

const step = (ways: readonly Way[]) =>
  fc.record({
    afterMs: fc.constantFrom(100, 2000, 20_000, 60_000, 301_000),
    way: fc.constantFrom(...ways),
    entersOwn: fc.boolean(),
    cutsPower: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

/** Counts the most of `times` that lie within 24 hours. */
function mostInADay(times: readonly number[]): number {
  let most = 0;
  for (let i = 0, from = 0; i < times.length; i++) {
    while (times[i] - times[from] >= DAY_MS) from += 1;
    most = Math.max(most, i - from + 1);
  }
  return most;
}

describe("who guesses at a code", () => {
  it.each([...WAYS.map((way) => [way, [way]] as const), ["all ways together", WAYS] as const])(
    "by %s has no guess that is not counted",
    (_, ways) => {
      fc.assert(
        fc.property(
          fc.array(step(ways), { minLength: 1, maxLength: 25 }),
          fc.constantFrom(...CODES.slice(0, 3)),
          (steps, code) => {
            const siege = new Siege();
            steps.forEach((one, i) => {
              siege.wait(one.afterMs);
              const before = siege.counted(code);
              siege.step({ ...one, afterMs: 0 }, wrongOf(code, i), 1);
              // An entry that is not broken off yet counts at last.
              if (siege.counted(code) <= before) siege.end();
              if (siege.counted(code) <= before) expect(wouldOpen(steps, i, code, 1)).toBe(false);
            });
          },
        ),
        { seed: 7, numRuns: 30 },
      );
    },
  );

  it.each([
    ["at once, as often as it goes", 1000, 1],
    ["every minute", 60_000, 1],
    ["once in five minutes", 301_000, 1],
    ["in every way, with power cuts", 20_000, 40],
  ])("%s has at most 120 guesses a day, for a week", (_, periodMs, cutEvery) => {
    const siege = new Siege();
    const steps: Step[] = [];
    const days = periodMs < 10_000 ? 2 : 7;
    for (let i = 0; i * periodMs < days * DAY_MS; i++)
      steps.push({
        afterMs: periodMs,
        way: WAYS[cutEvery === 1 ? 0 : i % WAYS.length],
        entersOwn: i % 3 === 0,
        cutsPower: cutEvery > 1 && i % cutEvery === 0,
      });
    const times = timesOf(steps);
    const guesses: number[] = [];
    steps.forEach((one, i) => {
      siege.wait(one.afterMs);
      const before = siege.counted("4711");
      siege.step({ ...one, afterMs: 0 }, wrongOf("4711", i), 1);
      for (let j = Math.ceil(before); j < Math.ceil(siege.counted("4711")); j++) guesses.push(times[i]);
    });
    // The guesser's own code is right all the time: the wrong entries that it clears do not lock it.
    expect(siege.opened).toContain(2);
    expect(guesses.length).toBeGreaterThan(100);
    expect(mostInADay(guesses)).toBeLessThanOrEqual(120);
  });
});

describe("the owner", () => {
  it("gets in at the first try each day for a month, though children play with the keys now and then", () => {
    const siege = new Siege();
    for (let day = 0; day < 30; day++) {
      for (let i = 0; i < 3; i++)
        siege.step({ afterMs: 2000, way: "digits", entersOwn: false, cutsPower: false }, "99999999", 1);
      siege.opened = [];
      siege.step({ afterMs: 3_600_000, way: "hash", entersOwn: false, cutsPower: day % 4 === 0 }, "4711", 1);
      expect(siege.opened).toEqual([1]);
      siege.wait(DAY_MS - 3_600_000);
    }
  });
});
