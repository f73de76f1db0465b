/**
 * Tests the scan of a keypad of rows and columns, on a model of its contacts: a key connects its row and its column,
 * and what is connected is low together, so three keys close a fourth that nobody presses.
 */
import { describe, expect, it } from "vitest";
import { MatrixKeypad, type MatrixPins, SCAN_MS } from "../../hal/matrixkeypad.js";
import { Timers } from "../../src/core/timers.js";
import { EntryPanel } from "../../src/driver/entrypanel.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";

const KEYS = ["123A", "456B", "789C", "*0#D"];

class Contacts implements MatrixPins {
  /** The keys that are down. */
  readonly down = new Set<string>();
  looks = 0;
  private rows: number[] = [];
  private readonly width: number;

  constructor(width: number) {
    this.width = width;
  }

  drive(row: number): void {
    this.rows = row < 0 ? [0, 1, 2, 3] : [row];
  }

  columns(): number {
    this.looks += 1;
    const rows = new Set(this.rows);
    let columns = 0;
    for (let before = -1; before !== columns; ) {
      before = columns;
      for (const [row, keys] of KEYS.entries())
        for (const [column, key] of [...keys.slice(0, this.width)].entries()) {
          if (!this.down.has(key)) continue;
          if (rows.has(row)) columns |= 1 << column;
          else if ((columns >> column) & 1) rows.add(row);
        }
    }
    return columns;
  }
}

class Keypad {
  readonly contacts: Contacts;
  readonly told: string[] = [];
  nowMs = 0;
  private readonly matrix: MatrixKeypad;

  constructor(width = 3) {
    this.contacts = new Contacts(width);
    this.matrix = new MatrixKeypad(this.contacts, 4, width, {
      onFrame: () => {},
      onKey: (code) => void this.told.push(String.fromCharCode(code)),
      onStuck: (code, isStuck) => void this.told.push((isStuck ? "stuck " : "free ") + String.fromCharCode(code)),
    });
    this.wait(100);
  }

  wait(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += SCAN_MS) this.matrix.scan(this.nowMs);
    return this;
  }

  /** Sets which keys are down, for that time. */
  hold(keys: string, ms = 100): this {
    this.contacts.down.clear();
    for (const key of keys) this.contacts.down.add(key);
    return this.wait(ms);
  }
}

describe("a keypad of rows and columns", () => {
  it("tells each of its keys once a press, with three columns and with four, whose letters mean nothing", () => {
    for (const width of [3, 4]) {
      const keypad = new Keypad(width);
      for (const key of "1234567890*#1122ABCD") keypad.hold(key).hold("");
      expect(keypad.told.join("")).toBe("1234567890*#1122");
    }
  });

  it("looks at its columns once while no key is down", () => {
    const keypad = new Keypad();
    const before = keypad.contacts.looks;
    keypad.wait(100 * SCAN_MS);
    expect(keypad.contacts.looks - before).toBe(100);
  });

  it("takes a contact that bounces for one key, and a glitch of one scan for none", () => {
    const keypad = new Keypad();
    for (let i = 0; i < 3; i++) keypad.hold("5", SCAN_MS).hold("", SCAN_MS);
    expect(keypad.told).toEqual([]);
    keypad.hold("5", SCAN_MS).hold("", SCAN_MS).hold("5", 90).hold("", SCAN_MS).hold("5", 30).hold("");
    expect(keypad.told).toEqual(["5"]);
  });

  it("takes the next key before the last one is up, and neither of two that come at once", () => {
    const keypad = new Keypad();
    keypad.hold("1").hold("12").hold("2").hold("25").hold("");
    expect(keypad.told).toEqual(["1", "2", "5"]);
    keypad.hold("46").hold("4").hold("");
    expect(keypad.told).toHaveLength(3);
  });

  it("takes none of three keys, which look like four, and no key that is left of them", () => {
    const keypad = new Keypad();
    keypad.hold("1").hold("13").hold("139").hold("19").hold("1").hold("").hold("7").hold("");
    expect(keypad.told).toEqual(["1", "3", "7"]);
  });

  it("tells no key that nobody pressed alone, whatever is pressed", () => {
    const random = new SeededRandom(4);
    for (let run = 0; run < runs(400); run++) {
      const keypad = new Keypad();
      let held = "";
      for (let i = 0; i < 12; i++) {
        const count = random.uint32() % 5;
        const before = keypad.told.length;
        held = "";
        while (held.length < count) {
          const key = "1234567890*#"[random.uint32() % 12];
          if (!held.includes(key)) held += key;
        }
        keypad.hold(held, 60);
        for (const key of keypad.told.slice(before)) expect(held).toContain(key);
      }
    }
  });

  it("tells a key that stays down once, goes on with the others, and tells when it is free", () => {
    const keypad = new Keypad();
    keypad.hold("5", 60_000);
    expect(keypad.told).toEqual(["5", "stuck 5"]);
    keypad.hold("51").hold("5").hold("52").hold("5", 120_000);
    expect(keypad.told.slice(2)).toEqual(["1", "2"]);
    keypad.hold("").hold("5").hold("");
    expect(keypad.told.slice(4)).toEqual(["free 5", "5"]);
  });

  it("takes a key that is down as the power comes on for none, and tells it when it stays so", () => {
    const keypad = new Keypad();
    const late = new Keypad();
    late.told.length = 0;
    keypad.contacts.down.add("8");
    const matrix = new MatrixKeypad(keypad.contacts, 4, 3, {
      onFrame: () => {},
      onKey: (code) => void late.told.push(String.fromCharCode(code)),
      onStuck: (code, isStuck) => void late.told.push((isStuck ? "stuck " : "free ") + String.fromCharCode(code)),
    });
    for (let ms = 0; ms < 40_000; ms += SCAN_MS) matrix.scan(ms);
    expect(late.told).toEqual(["stuck 8"]);
  });
});

describe("the door", () => {
  it("takes such keys like those of a reader, and passes on that one is stuck", () => {
    const told: string[] = [];
    const contacts = new Contacts(3);
    let keypad: MatrixKeypad | null = null;
    const device = {
      reader: (options: EntryPanel) => {
        keypad = new MatrixKeypad(contacts, 4, 3, options);
        return true;
      },
    };
    const timers = new Timers(1);
    new EntryPanel(device as never, timers, {
      enter: () => {},
      leave: () => {},
      onKey: (code) => void told.push(String.fromCharCode(code)),
      onCard: () => {},
      onStuck: (code, isStuck) => void told.push(code + " " + isStuck),
      onNoise: () => {},
    });
    for (; timers.nowMs < 40_000; timers.nowMs += SCAN_MS) {
      if (timers.nowMs === 20 * SCAN_MS) contacts.down.add("0");
      (keypad as MatrixKeypad | null)?.scan(timers.nowMs);
    }
    expect(told).toEqual(["0", "48 true"]);
  });
});
