/** The reader and keypad at the door: what is a key and a card, and what comes too fast to be one. */
import { describe, expect, it } from "vitest";
import { cardFrame, VirtualReader } from "../../host-sim/io/reader.js";
import { Timers } from "../../src/core/timers.js";
import { EntryPanel } from "../../src/driver/entrypanel.js";

class Panel {
  readonly timers = new Timers(1);
  readonly reader = new VirtualReader();
  readonly took: string[] = [];

  constructor() {
    const device = { reader: (options: EntryPanel) => this.reader.open(options) };
    new EntryPanel(device as never, this.timers, {
      enter: () => {},
      leave: () => {},
      onKey: (code) => void this.took.push("key " + String.fromCharCode(code)),
      onCard: (number) => void this.took.push("card " + number),
      onStuck: (code, isStuck) => void this.took.push(`${isStuck ? "stuck" : "free"} ${String.fromCharCode(code)}`),
      onNoise: (bits, count) => void this.took.push(`noise ${bits} ${count}`),
    });
  }

  wait(ms: number): this {
    this.timers.nowMs += ms;
    return this;
  }
}

describe("the reader at the door", () => {
  it("gives keys and cards", () => {
    const panel = new Panel();
    for (const name of "2580#") {
      panel.wait(100);
      expect(panel.reader.key(name)).toBe(true);
    }
    panel.reader.card(12_345_678);
    expect(panel.took).toEqual(["key 2", "key 5", "key 8", "key 0", "key #", "card 12345678"]);
    expect(panel.reader.key("A")).toBe(false);
  });

  it("takes a card that lies there once, and another one after half a second", () => {
    const panel = new Panel();
    for (let i = 0; i < 15; i++) {
      panel.reader.card(7);
      panel.wait(100);
    }
    panel.reader.card(8);
    expect(panel.took).toEqual(["card 7", "card 8"]);
    panel.wait(2000).reader.card(8);
    expect(panel.took).toHaveLength(3);
  });

  it("takes a thousand frames a second for a few", () => {
    const panel = new Panel();
    for (let i = 0; i < 1000; i++) {
      panel.reader.key("1");
      panel.reader.card(i);
      panel.reader.send("101");
      panel.wait(1);
    }
    expect(panel.took).toEqual(["key 1", "card 0", "noise 3 1", "card 500"]);
    panel.wait(60_000).reader.send(cardFrame(5).slice(1));
    expect(panel.took[4]).toBe("noise 25 1000");
  });
});
