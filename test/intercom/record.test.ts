import { describe, expect, it } from "vitest";
import type { Store } from "../../hal/device.js";
import { octets } from "../../src/core/bytes.js";
import { crc32, Record } from "../../src/intercom/record.js";

class MemoryStore implements Store {
  readonly kept = new Map<string, string>();
  read(key: string): string | null {
    return this.kept.get(key) ?? null;
  }
  write(key: string, value: string): void {
    this.kept.set(key, value);
  }
}

/** The power goes after `octetsLeft` octets of the write have reached the store; what was there before is partly overwritten. */
class TornStore extends MemoryStore {
  octetsLeft = Infinity;
  override write(key: string, value: string): void {
    const before = this.kept.get(key) ?? "";
    if (value.length > this.octetsLeft) {
      this.kept.set(key, value.slice(0, this.octetsLeft) + before.slice(this.octetsLeft));
      throw new Error("power cut");
    }
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

  it("is the old one or the new one, at whatever octet of whichever write the power is cut", () => {
    for (let writes = 1; writes <= 4; writes++) {
      for (let cut = 0; cut <= 130; cut++) {
        const store = new TornStore();
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
  });

  it("with any octet changed is not read", () => {
    const store = new MemoryStore();
    const record = new Record(store, "settings");
    record.read();
    record.write(NEW);
    const [key, whole] = [...store.kept][0];
    for (let at = 0; at < whole.length; at++) {
      store.kept.set(key, whole.slice(0, at) + (whole[at] === "x" ? "y" : "x") + whole.slice(at + 1));
      expect(new Record(store, "settings").read()).toBeNull();
    }
  });

  it("is checked by the CRC that everybody has", () => {
    expect(crc32(octets("123456789"))).toBe(0xcbf43926);
  });
});
