/**
 * Tests the journal, in which the log goes on in flash: openings and all else in rings apart, about 500 entries on a
 * plain board, over restarts, power cuts at any access, a store that fails, and a clock that jumps.
 */
import { describe, expect, it } from "vitest";
import type { Store } from "../../hal/device.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Timers } from "../../src/core/timers.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";
import { Journal } from "../../src/intercom/journal.js";
import { Log } from "../../src/intercom/log.js";
import { Record } from "../../src/settings/record.js";
import { Flash, VirtualNvs } from "../hal/nvs.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";

const BLOCKS = DOOR_LIMITS.journalBlocks;
/** Pages of the partition in hal/boards/partitions/4mb.csv. */
const PAGES = 12;
/** The door's clock at its start: 2026-11-30 12:00:00. */
const START_S = 1_796_040_000;

class Failing extends MemoryStore {
  isFailing = false;
  override write(key: string, value: string): void {
    if (this.isFailing) throw new Error("no room");
    super.write(key, value);
  }
}

class Door {
  readonly timers = new Timers(4);
  epochAtStartS = START_S;
  readonly log: Log;

  constructor(journal: Store | null, store = new MemoryStore(), blocks = BLOCKS) {
    this.log = new Log({
      next: { event: () => {} },
      timers: this.timers,
      clock: {
        isInCall: () => false,
        epochS: () => (this.epochAtStartS === 0 ? 0 : this.epochAtStartS + Math.round(this.timers.nowMs / 1000)),
      },
      record: new Record(store, "log"),
      mostEntries: DOOR_LIMITS.logEntries,
      mostBytes: DOOR_LIMITS.logBytes,
      journal: journal === null ? null : new Journal(journal, blocks),
    });
    this.log.load();
  }

  wait(seconds: number): this {
    const end = this.timers.nowMs + seconds * 1000;
    while (this.timers.next() <= end) this.timers.poll(this.timers.next());
    this.timers.poll(end);
    return this;
  }

  open(name: string): this {
    this.log.event("relay", "on", { relay: 1, reason: "code, " + name });
    return this.wait(90);
  }

  call(peer: string): this {
    this.log.event("call", "ringing", { direction: "in", peer });
    this.log.event("call", "ended", { direction: "in", peer, reason: "hung up", code: 0, duration: 12 });
    return this.wait(90);
  }

  /** @returns all pages, as a person who asks for more gets them */
  all(name = "", sinceS = 1): string[] {
    let text = "";
    for (let after = -1, i = 0; i < 200; i++) {
      const page = this.log.page(name, sinceS, after);
      if (page === null) return ["no journal"];
      expect(page.text.split("\n").length).toBeLessThan(80);
      text += page.text;
      if (page.after < 0) break;
      expect(page.after).toBeGreaterThan(after);
      after = page.after;
    }
    return text.split("\n").filter((line) => line !== "");
  }
}

const ofOpenings = (lines: string[]): string[] => lines.filter((line) => line.includes(" open "));

describe("the journal", () => {
  it("has hundreds of openings on a plain board, which no number of calls pushes out, over restarts", () => {
    const store = new MemoryStore();
    let door = new Door(store);
    for (let i = 0; i < 300; i++) door.open("person " + i);
    const before = ofOpenings(door.all());
    expect(before.length).toBeGreaterThan(220);
    expect(before.at(-1)).toContain("code, person 299");
    for (let i = 0; i < 600; i++) door.call("sip:someone@192.0.2." + (i % 200));
    expect(ofOpenings(door.all())).toEqual(before);
    const calls = door.all("call");
    expect(calls.length).toBeGreaterThan(150);
    expect(door.all().length).toBeGreaterThan(450);
    door = new Door(store);
    expect(ofOpenings(door.all())).toEqual(before);
    expect(door.all("call").slice(-100)).toEqual(calls.slice(-100));
    door.open("another");
    expect(ofOpenings(door.all()).at(-1)).toContain("another");
  });

  it("goes on where the log ends, in order, and has what is not written yet", () => {
    const door = new Door(new MemoryStore());
    door.open("Anna").call("sip:ben@192.0.2.1");
    door.log.event("relay", "on", { relay: 1, reason: "card, Carl" });
    expect(door.all().map((line) => line.slice(21, 48))).toEqual([
      "start",
      "open relay 1: code, Anna",
      "call in sip:ben@192.0.2.1: ",
      "open relay 1: card, Carl",
    ]);
    expect(door.all("open", START_S + 100)).toEqual(["2026-11-30 12:03:00Z open relay 1: card, Carl"]);
  });

  it("takes over what the log of an older firmware has", () => {
    const store = new MemoryStore();
    new Door(null, store).open("Anna");
    const door = new Door(new MemoryStore(), store).wait(90);
    expect(door.all().join("\n")).toContain("code, Anna");
  });

  it("keeps the order of what happened when the clock jumps back, and loses nothing", () => {
    const door = new Door(new MemoryStore());
    for (let i = 0; i < 60; i++) {
      if (i === 30) door.epochAtStartS -= 50 * 86_400;
      door.open("person " + i);
    }
    expect(ofOpenings(door.all()).map((line) => Number(line.split("person ")[1]))).toEqual([...Array(60).keys()]);
  });

  it("keeps one entry of an error that repeats, and none of refused calls", () => {
    const door = new Door(new MemoryStore());
    for (let i = 0; i < 50; i++) {
      door.log.event("error", "no way", {});
      door.log.event("call", "refused", { direction: "in", peer: "x", reason: "forbidden", code: 403 });
      door.wait(90);
    }
    expect(door.all().map((line) => line.slice(21))).toEqual(["start", "error no way"]);
  });

  it("that cannot be written leaves the log as it is, and goes on when it can", () => {
    const store = new Failing();
    const door = new Door(store);
    store.isFailing = true;
    for (let i = 0; i < 100; i++) door.open("person " + i);
    expect(door.log.page("", 1, -1)).toBeNull();
    expect(door.log.text("")).toContain("person 99");
    store.isFailing = false;
    door.open("Anna");
    expect(ofOpenings(door.all()).at(-1)).toContain("Anna");
    const count = ofOpenings(door.all()).length;
    expect(count).toBeGreaterThan(DOOR_LIMITS.logEntries - 3);
    expect(new Set(ofOpenings(door.all())).size).toBe(count);
  });

  it("passes over blocks that are damaged", () => {
    const store = new MemoryStore();
    const door = new Door(store);
    for (let i = 0; i < 100; i++) door.open("person " + i);
    const whole = ofOpenings(door.all()).length;
    store.write("o1", "9999\nnonsense");
    store.write("o2", "");
    store.write("o3", "x");
    const again = new Door(store);
    const left = ofOpenings(again.all()).length;
    expect(left).toBeLessThan(whole);
    again.open("Anna");
    expect(ofOpenings(again.all()).at(-1)).toContain("Anna");
    expect(ofOpenings(again.all())).toHaveLength(left + 1);
  });
});

describe("in flash", () => {
  const storeOn = (flash: Flash): Store => {
    const nvs = new VirtualNvs(flash);
    return { read: (key) => nvs.read(key), write: (key, value) => nvs.write(key, value) };
  };

  it("there is room for all blocks, however often they are written over", () => {
    const store = storeOn(new Flash(PAGES));
    const journal = new Journal(store, BLOCKS);
    const random = new SeededRandom(2);
    for (let i = 0; i < 1500; i++) {
      const isOpening = random.uint32() % 3 > 0;
      journal.add(isOpening, [{ number: i, text: START_S + i + " open " + "é".repeat(random.uint32() % 70) }]);
    }
    let count = 0;
    journal.read(-1, () => {
      count += 1;
      return true;
    });
    expect(count).toBeGreaterThan(200);
    // With PSRAM there are so many times the blocks, in so many times the flash.
    expect(0x24000 / 0xc000).toBeLessThan(ROOMY_LIMITS.journalBlocks / BLOCKS);
    expect((2 * ROOMY_LIMITS.journalBlocks * 21) / 126 + 3).toBeLessThan(0x24000 / 4096);
  });

  it("a power cut at any access leaves all entries before the last ones", () => {
    const before = new Flash(PAGES);
    const journal = new Journal(storeOn(before), BLOCKS);
    for (let i = 0; i < 40; i++)
      journal.add(i % 2 === 0, [{ number: i, text: i + " open relay 1: code, person " + i }]);
    const numbers = (flash: Flash): number[] => {
      const kept = new Journal(storeOn(flash), BLOCKS);
      kept.open();
      const out: number[] = [];
      kept.read(-1, (entry) => {
        out.push(Number(entry.text.split(" ")[0]));
        return true;
      });
      return out;
    };
    const whole = numbers(before);
    expect(whole).toHaveLength(40);
    const step = Math.max(1, Math.ceil(40 / runs(40)));
    let cuts = 0;
    for (let at = 1; ; at += step) {
      const flash = before.copy();
      const cutting = new Journal(storeOn(flash), BLOCKS);
      cutting.open();
      flash.cutAt = flash.operations + at;
      let isCut = false;
      try {
        cutting.add(true, [{ number: 40, text: "40 open relay 1: code, late" }]);
        cutting.add(false, [{ number: 41, text: "41 call late" }]);
      } catch {
        isCut = true;
      }
      flash.cutAt = Infinity;
      const left = numbers(flash);
      expect(left.slice(0, 40)).toEqual(whole);
      if (!isCut) {
        expect(left).toEqual([...whole, 40, 41]);
        break;
      }
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(2);
  });
});
