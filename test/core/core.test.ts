import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text, parseIPv4 } from "../../src/core/address.js";
import { equalNoCase, octets, parseUint, Span, text, utf8Length } from "../../src/core/bytes.js";
import { Pool } from "../../src/core/pool.js";
import { Timers } from "../../src/core/timers.js";
import { anyText } from "../texts.js";

describe("octets and text", () => {
  it("are each other's inverse, for every text without lone surrogates", () => {
    fc.assert(
      fc.property(anyText(), (value) => {
        const bytes = octets(value);
        expect(bytes).toEqual(new Uint8Array(Buffer.from(value)));
        expect(utf8Length(value)).toBe(bytes.length);
        expect(text(bytes)).toBe(value);
      }),
      { seed: 1 },
    );
  });

  it("read broken UTF-8 without throwing, as replacement characters", () => {
    expect(text(new Uint8Array([0x61, 0xff, 0x62, 0xe2, 0x82]))).toBe("a\ufffdb\ufffd");
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        text(bytes);
      }),
      { seed: 1 },
    );
  });
});

describe("a long text", () => {
  it("has the octets that it has everywhere, wherever its characters lie", () => {
    fc.assert(
      fc.property(anyText(300), fc.nat(70), (value, shift) => {
        const long = "x".repeat(shift) + value;
        expect([...octets(long)]).toEqual([...Buffer.from(long)]);
        expect(utf8Length(long)).toBe(Buffer.byteLength(long));
      }),
      { seed: 1 },
    );
    const keys = "\u{1f511}".repeat(200);
    for (let shift = 0; shift < 4; shift++)
      expect(Buffer.from(octets("x".repeat(shift) + keys)).toString()).toBe("x".repeat(shift) + keys);
    const lone = "\udc00".repeat(70) + "\ud800".repeat(70);
    expect([...octets(lone)]).toEqual([...Buffer.from(lone)]);
  });
});

describe("a number in octets", () => {
  const read = (value: string, max: number) => parseUint(octets(value), 0, value.length, max);

  it("is read up to its limit, leading zeros and all", () => {
    expect(read("0", 9)).toBe(0);
    expect(read("0009", 9)).toBe(9);
    expect(read("4294967295", 4294967295)).toBe(4294967295);
  });

  it("is refused when it is empty, no number, or more than the limit however long", () => {
    for (const value of ["", "-1", "+1", " 1", "1 ", "0x1", "4294967296", "4294967328", "9".repeat(400)]) {
      expect(read(value, 4294967295), value).toBe(-1);
    }
  });
});

describe("an IPv4 address", () => {
  it("goes to a number and back", () => {
    for (const value of ["0.0.0.0", "127.0.0.1", "192.0.2.7", "255.255.255.255"]) {
      expect(ipv4Text(ipv4(value))).toBe(value);
      expect(parseIPv4(octets(value), 0, value.length)).toBe(ipv4(value));
    }
  });

  it("is refused when it is none", () => {
    for (const value of [
      "",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1..3.4",
      "a.b.c.d",
      "1.2.3.4 ",
      "01234.1.1.1",
      "1.2.3.-4",
    ]) {
      expect(ipv4(value), value).toBe(-1);
      expect(parseIPv4(octets(value), 0, value.length), value).toBe(-1);
    }
  });
});

describe("a span", () => {
  it("compares octets, and tokens without case", () => {
    const bytes = octets("xUDPx");
    const span = new Span();
    span.set(bytes, 1, 4);
    expect([span.is(octets("UDP")), span.is(octets("udp")), span.isToken(octets("udp"))]).toEqual([true, false, true]);
    expect(span.toString()).toBe("UDP");
    expect(equalNoCase(bytes, 0, 5, octets("XudpX"), 0, 5)).toBe(true);
    // Only letters have a case, but [ and { differ by the same bit.
    expect(equalNoCase(octets("["), 0, 1, octets("{"), 0, 1)).toBe(false);
  });
});

describe("a pool", () => {
  it("lends each object once, says null when it is empty, and knows the most it lent", () => {
    const pool = new Pool([{ n: 1 }, { n: 2 }]);
    const a = pool.take();
    const b = pool.take();
    expect(new Set([a, b]).size).toBe(2);
    expect(pool.take()).toBeNull();
    pool.give(a!);
    expect(pool.take()).toBe(a);
    expect([pool.used(), pool.highWater]).toEqual([2, 2]);
  });

  it("refuses what is given back twice", () => {
    const pool = new Pool([{}]);
    const a = pool.take()!;
    pool.give(a);
    expect(() => pool.give(a)).toThrow(RangeError);
  });
});

describe("timers", () => {
  it("fire in the order of their deadlines, as a sorted list would have them", () => {
    const operation = fc.record({ id: fc.nat(15), delay: fc.nat(1000), stop: fc.boolean() });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.nat(1200), (operations, until) => {
        const fired: number[] = [];
        const timers = new Timers(16);
        for (let i = 0; i < 16; i++) timers.make({ onTimer: (kind) => fired.push(kind) }, i);
        const model = new Map<number, number>();
        for (const { id, delay, stop } of operations) {
          if (stop) {
            timers.stop(id);
            model.delete(id);
          } else {
            timers.start(id, delay);
            model.set(id, delay);
          }
          expect(timers.next()).toBe(model.size === 0 ? Infinity : Math.min(...model.values()));
        }
        timers.poll(until);
        const due = [...model].filter(([, at]) => at <= until);
        expect(fired.map((id) => model.get(id))).toEqual(due.map(([, at]) => at).sort((x, y) => x - y));
        for (const [id, at] of model) expect(timers.running(id)).toBe(at > until);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("that start themselves anew for now wait for the next round", () => {
    const timers = new Timers(1);
    let count = 0;
    const id = timers.make(
      {
        onTimer: () => {
          count += 1;
          timers.start(id, 0);
        },
      },
      0,
    );
    timers.start(id, 5);
    timers.poll(10);
    expect(count).toBe(1);
    timers.poll(10);
    expect(count).toBe(2);
  });

  it("know how long they still run, and never turn the clock back", () => {
    const timers = new Timers(1);
    const id = timers.make({ onTimer: () => {} }, 0);
    expect(timers.remaining(id)).toBe(-1);
    timers.poll(100);
    timers.start(id, 50);
    timers.poll(90);
    expect([timers.nowMs, timers.remaining(id)]).toEqual([100, 50]);
  });

  it("are made at start, no more than were reckoned", () => {
    const timers = new Timers(1);
    timers.make({ onTimer: () => {} }, 0);
    expect(() => timers.make({ onTimer: () => {} }, 0)).toThrow(RangeError);
  });
});
