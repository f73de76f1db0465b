import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Store } from "../../hal/device.js";
import { octets } from "../../src/core/bytes.js";
import { crc32, PART_BYTES, Record, TEXT_MOST } from "../../src/settings/record.js";

class MemoryStore implements Store {
  readonly partBytes: number;
  constructor(partBytes = PART_BYTES) {
    this.partBytes = partBytes;
  }
  readonly kept = new Map<string, string>();
  read(key: string): string | null {
    return this.kept.get(key) ?? null;
  }
  write(key: string, value: string): void {
    this.kept.set(key, value);
  }
}

/**
 * Cuts the power after `octetsLeft` octets of the write have reached the store; the record from before is partly
 * overwritten.
 */
class TornStore extends MemoryStore {
  octetsLeft = Infinity;
  override write(key: string, value: string): void {
    const before = this.kept.get(key) ?? "";
    if (value.length > this.octetsLeft) {
      this.kept.set(key, value.slice(0, this.octetsLeft) + before.slice(this.octetsLeft));
      throw new Error("power cut");
    }
    this.octetsLeft -= value.length;
    this.kept.set(key, value);
  }
}

const OLD = "set sip.user old\nset sip.domain example.org\n";
const NEW = "set sip.user newer\nset sip.domain example.net\nset relay1.pulse 5\n";

describe("a record", () => {
  it("is nothing at first, and then what was written last", () => {
    const store = new MemoryStore();
    const record = new Record(store, "settings");
    expect(record.read()).toBeNull();
    for (const text of ["a", "b\nc", "", "d"]) {
      record.write(text);
      expect(new Record(store, "settings").read()).toBe(text);
    }
    expect(store.kept.size).toBe(2);
  });

  it.each([60, PART_BYTES])(
    "is the old one or the new one, at whatever octet of whichever write the power is cut, in parts of %i",
    (part) => {
      for (let writes = 1; writes <= 4; writes++) {
        for (let cut = 0; cut <= 260; cut++) {
          const store = new TornStore(part);
          const record = new Record(store, "settings");
          record.read();
          for (let i = 0; i < writes; i++) record.write(OLD + i);
          store.octetsLeft = cut;
          let isWhole = true;
          try {
            record.write(NEW);
          } catch {
            isWhole = false;
          }
          store.octetsLeft = Infinity;
          const after = new Record(store, "settings");
          expect(after.read()).toBe(isWhole ? NEW : OLD + (writes - 1));
          after.write("next");
          expect(new Record(store, "settings").read()).toBe("next");
        }
      }
    },
  );

  it("is not kept in memory once it was read", () => {
    const store = new MemoryStore(60);
    const first = new Record(store, "settings");
    first.read();
    first.write(OLD);
    first.write(NEW);
    const record = new Record(store, "settings");
    expect(record.read()).toBe(NEW);
    expect(Object.values(record).filter((kept) => typeof kept === "string")).toEqual(["settings"]);
  });

  it("with any octet changed is not read", () => {
    const store = new MemoryStore(60);
    const record = new Record(store, "settings");
    record.read();
    record.write(NEW);
    expect(store.kept.size).toBe(2);
    for (const [key, whole] of [...store.kept]) {
      for (let at = 0; at < whole.length; at++) {
        store.kept.set(key, whole.slice(0, at) + (whole[at] === "x" ? "y" : "x") + whole.slice(at + 1));
        expect(new Record(store, "settings").read()).toBeNull();
      }
      store.kept.set(key, whole);
    }
    expect(new Record(store, "settings").read()).toBe(NEW);
  });

  it("of any text comes back, in parts no longer than the store takes, none with half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.integer({ min: 110, max: 700 }), (text, part) => {
        const store = new MemoryStore(part);
        const record = new Record(store, "settings");
        record.read();
        record.write(text);
        for (const kept of store.kept.values()) {
          expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(part);
          expect(Buffer.from(kept).toString()).toBe(kept);
        }
        expect(new Record(store, "settings").read()).toBe(text);
      }),
      { seed: 1 },
    );
  });

  it("is refused when it is too long for flash; what was there stays", () => {
    const store = new MemoryStore();
    const record = new Record(store, "settings");
    record.read();
    record.write("x".repeat(TEXT_MOST));
    expect(() => record.write("ü".repeat(TEXT_MOST / 2) + "!")).toThrow(
      "3901 octets are more than the 3900 that can be kept",
    );
    expect(new Record(store, "settings").read()).toBe("x".repeat(TEXT_MOST));
  });

  it("is checked by the CRC that everybody has", () => {
    expect(crc32(octets("123456789"))).toBe(0xcbf43926);
  });
});

/** Writes a record as firmware before this one wrote it. */
function old(counter: number, text: string): string {
  return "portero 1 " + counter + " " + crc32(octets(counter + "\n" + text)) + "\n" + text;
}

describe("a record of another firmware", () => {
  it("is read when it is older, and is of this form from the next write on", () => {
    const store = new MemoryStore();
    store.write("settings.a", old(7, OLD));
    store.write("settings.b", old(8, NEW));
    const record = new Record(store, "settings");
    expect([record.read(), record.isOld, record.isDamaged]).toEqual([NEW, true, false]);
    record.write(NEW + "x");
    expect(record.isOld).toBe(false);
    expect(store.read("settings.a")).toMatch(/^portero 2 9 /);
    // The firmware before this one finds its own last record.
    expect(store.read("settings.b")).toBe(old(8, NEW));
    expect(new Record(store, "settings").read()).toBe(NEW + "x");
  });

  it.each([
    ["in both places", ["portero 3 5 x\nabc", "portero 4 6 y z\ndef"], null, 4],
    ["beside an older one", [old(5, OLD), "portero 3 6 whatever\n\n"], OLD, 3],
    ["in the other order", ["portero 3 6 whatever", old(5, OLD)].map((text) => text + "\n"), null, 3],
  ])("is left alone when it is newer: %s", (_, [a, b], readable, form) => {
    const store = new MemoryStore();
    store.write("settings.a", a);
    store.write("settings.b", b);
    const before = new Map(store.kept);
    const record = new Record(store, "settings");
    expect([record.read(), record.newerForm]).toEqual([readable, form]);
    expect(() => record.write("mine")).toThrow("what is kept is of a newer firmware (form " + form + ")");
    expect(store.kept).toEqual(before);
    record.write("mine", true);
    const after = new Record(store, "settings");
    expect([after.read(), after.newerForm]).toEqual(["mine", 0]);
    after.write("more");
    expect(new Record(store, "settings").read()).toBe("more");
  });

  it("that is newer by its form and older by its counter does not matter", () => {
    const store = new MemoryStore();
    store.write("settings.a", "portero 3 6 whatever\n");
    store.write("settings.b", old(7, OLD));
    const record = new Record(store, "settings");
    expect([record.read(), record.newerForm]).toEqual([OLD, 0]);
    record.write("next");
    expect(new Record(store, "settings").read()).toBe("next");
  });

  it("that claims to be of many parts, or of none, is nothing", () => {
    for (const head of [
      "portero 2 1 5 0",
      "portero 2 1 5 1000000",
      "portero 2 1 5 -1",
      "portero 2 1 5",
      "portero 02 1 5 1",
      "portero 9",
    ]) {
      const store = new MemoryStore();
      store.write("settings.a", head + "\nabc");
      const record = new Record(store, "settings");
      expect([record.read(), record.newerForm, record.isDamaged], head).toEqual([null, 0, true]);
    }
  });
});
