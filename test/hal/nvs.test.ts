/**
 * Tests that the door's data fits the 24 KB of a board's NVS, however often it was written before, and that the power
 * may be cut at any access to flash. SWEEP=whole cuts at each of many more writes.
 */
import { describe, expect, it } from "vitest";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { PART_BYTES, Record, TEXT_MOST } from "../../src/settings/record.js";
import { Flash, NvsError, PowerCut, VirtualNvs } from "./nvs.js";

const PAGES = 6;
/**
 * The kinds of texts that are kept, and the longest of each: settings, the log, the lock of sixteen codes, of people
 * and of eight of them, the console's wrong passwords, the wiring.
 */
const KINDS = [
  { key: "settings", most: TEXT_MOST },
  { key: "log", most: DOOR_LIMITS.logBytes },
  { key: "lock", most: 520 },
  { key: "guard", most: 12 },
  { key: "wiring", most: 150 },
];
const isWhole = process.env.SWEEP === "whole";

function random(seed: number): (most: number) => number {
  let x = seed * 7919;
  return (most) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return (x >>> 8) % most;
  };
}

/** Some texts have characters of two and four octets, so that parts end at the end of a character. */
function textOf(bytes: number, seed: number): string {
  const unit = seed % 3 === 0 ? "ü" : seed % 3 === 1 ? "set a.b c" : "🔑x";
  let text = seed + ":";
  while (Buffer.byteLength(text + unit) <= bytes) text += unit;
  return text.padEnd(text.length + bytes - Buffer.byteLength(text), "-");
}

class Kept {
  readonly nvs: VirtualNvs;
  readonly records: Record[];
  readonly texts: (string | null)[];

  constructor(flash: Flash, partBytes = PART_BYTES) {
    const nvs = new VirtualNvs(flash);
    this.nvs = nvs;
    const store = {
      partBytes,
      read: (key: string) => nvs.read(key),
      write: (key: string, value: string) => nvs.write(key, value),
    };
    this.records = KINDS.map(({ key, most }) => new Record(store, key, most));
    this.texts = this.records.map((record) => record.read());
  }

  write(kind: number, text: string): void {
    this.records[kind].write(text);
    this.texts[kind] = text;
  }
}

/**
 * Makes the flash of a used board: calibration of the radio, and `writes` of all kinds, a third of them of the greatest
 * length.
 */
function used(flash: Flash, next: (most: number) => number, writes: number, partBytes = PART_BYTES): Kept {
  const kept = new Kept(flash, partBytes);
  kept.nvs.writeOther("cal_data", 1904);
  kept.nvs.writeOther("cal_mac", 6);
  kept.nvs.writeOther("cal_version", 4);
  for (let i = 0; i < writes; i++) {
    const kind = [0, 0, 0, 1, 1, 1, 1, 1, 2, 3][next(10)];
    const { most } = KINDS[kind];
    kept.write(kind, textOf(next(3) === 0 ? most : 10 + next(most - 10), i));
  }
  return kept;
}

describe("What a board keeps", () => {
  it("fits, however it was written before", { timeout: isWhole ? 600_000 : 60_000 }, () => {
    let least = Infinity;
    for (let seed = 1; seed <= (isWhole ? 500 : 16); seed++) {
      const kept = used(new Flash(PAGES), random(seed), 100);
      least = Math.min(least, kept.nvs.freeEntries);
    }
    // One page's worth is spare beside the spare page.
    expect(least).toBeGreaterThan(100);
  });

  it("would not fit as one text a record: flash has the room, but not in one page", () => {
    const fails = [1, 2, 3, 4, 5, 6, 7, 8].filter((seed) => {
      try {
        used(new Flash(PAGES), random(seed), 100, TEXT_MOST + 100);
        return false;
      } catch (error) {
        if (error instanceof NvsError) return true;
        throw error;
      }
    });
    expect(fails.length).toBeGreaterThan(0);
  });

  it("is the old text or the new one wherever the power is cut, and all else as it was", {
    timeout: isWhole ? 3_600_000 : 120_000,
  }, () => {
    let [cuts, erases] = [0, 0];
    for (let seed = 1; seed <= (isWhole ? 60 : 3); seed++) {
      const next = random(seed);
      const before = new Flash(PAGES);
      const { texts } = used(before, next, 30 + next(60));
      const kind = next(3) === 0 ? 1 + next(3) : 0;
      const fresh = textOf(KINDS[kind].most, 1000 + seed);
      const whole = before.copy();
      new Kept(whole).write(kind, fresh);
      erases += whole.erases;
      const step = isWhole ? 1 : 1 + next(4);
      for (let cutAt = 1; cutAt <= whole.operations; cutAt += step) {
        const flash = before.copy();
        flash.tears = next(2) === 0;
        flash.cutAt = cutAt;
        expect(() => new Kept(flash).write(kind, fresh)).toThrow(PowerCut);
        cuts += 1;
        // Now and then the power is cut again during the start.
        const again = flash.copy();
        again.cutAt = 1 + next(40);
        let after: Kept;
        try {
          after = new Kept(again);
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
          again.cutAt = Infinity;
          after = new Kept(again);
        }
        again.cutAt = Infinity;
        for (let i = 0; i < KINDS.length; i++) {
          const allowed = i === kind ? [texts[i], fresh] : [texts[i]];
          expect(allowed, `seed ${seed}, cut at ${cutAt}, ${KINDS[i].key}`).toContain(after.texts[i]);
        }
        // A write that was cut can be done again.
        after.write(kind, fresh);
        expect(new Kept(again).texts[kind]).toBe(fresh);
      }
    }
    expect(cuts).toBeGreaterThan(200);
    expect(erases).toBeGreaterThan(0);
  });
});
