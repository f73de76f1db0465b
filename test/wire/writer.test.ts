import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { Writer } from "../../src/wire/writer.js";
import { runs } from "../runs.js";

function written(write: (w: Writer) => void, size = 200): string | null {
  const bytes = new Uint8Array(size + 8).fill(0x7e);
  const w = new Writer();
  w.begin(bytes, 4, 4 + size);
  write(w);
  expect(text(bytes, 0, 4)).toBe("~~~~");
  expect(text(bytes, 4 + size, 8 + size)).toBe("~~~~");
  return w.ok ? text(bytes, 4, w.at) : null;
}

function copied(value: string): string | null {
  const bytes = octets(value);
  return written((w) => w.copy(bytes, 0, bytes.length));
}

describe("what comes from outside", () => {
  it("is copied as it is, UTF-8 and odd octets too", () => {
    expect(copied('"Jürgen \\"x\\"" <sip:j@example.org>;tag=1')).toBe('"Jürgen \\"x\\"" <sip:j@example.org>;tag=1');
  });

  it("loses its folding: a line end with white space behind it becomes one space", () => {
    expect(copied("a\r\n b\n\t c\r\td")).toBe("a b c d");
  });

  it("never brings a line of its own, nor NUL", () => {
    for (const value of ["a\r\nb", "a\n", "a\r", "a\0b", "\0"]) expect(copied(value), JSON.stringify(value)).toBeNull();
  });

  it("has an escaped NUL replaced by an escaped space", () => {
    expect(copied('"a\\\0b"')).toBe('"a\\ b"');
  });

  it("is refused as a setting when it holds CR, LF or NUL", () => {
    for (const value of ["a\rb", "a\nb", "a\0b"]) expect(written((w) => w.text(value))).toBeNull();
    expect(written((w) => w.text("Tür 1"))).toBe("Tür 1");
  });

  it("is escaped in a quoted string", () => {
    const bytes = octets('a"b\\c');
    expect(written((w) => w.quoted(bytes, 0, bytes.length))).toBe('a\\"b\\\\c');
    const bad = octets("a\r\nb");
    expect(written((w) => w.quoted(bad, 0, bad.length))).toBeNull();
  });

  it("whatever it is, leaves no CR, LF or NUL in what was written", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const write of [
          (w: Writer) => w.copy(bytes, 0, bytes.length),
          (w: Writer) => w.quoted(bytes, 0, bytes.length),
          (w: Writer) => w.text(text(bytes)),
        ]) {
          const out = written(write, 400);
          if (out !== null) for (const c of ["\r", "\n", "\0"]) expect(out.includes(c)).toBe(false);
        }
      }),
      { seed: 1, numRuns: runs(2000) },
    );
  });
});

describe("a message that does not fit", () => {
  it("is not sendable, and nothing behind the buffer is touched", () => {
    const long = octets("0123456789");
    for (const write of [
      (w: Writer) => w.put(long),
      (w: Writer) => w.copy(long, 0, 10),
      (w: Writer) => w.raw(long, 0, 10),
      (w: Writer) => w.text("0123456789"),
      (w: Writer) => w.uint(1234567890),
      (w: Writer) => w.quoted(long, 0, 10),
      (w: Writer) => w.hex(0, 10),
    ]) {
      expect(written(write, 9)).toBeNull();
      expect(written(write, 10)).not.toBeNull();
    }
  });
});

describe("numbers", () => {
  it("are written in decimal, whatever their size", () => {
    for (const value of [0, 7, 10, 99, 100, 65535, 4294967295, 9007199254740991]) {
      expect(written((w) => w.uint(value))).toBe(String(value));
    }
  });

  it("of addresses and tokens have their form", () => {
    expect(written((w) => w.ip(ipv4("192.0.2.255")))).toBe("192.0.2.255");
    expect(written((w) => w.hex(0xdeadbeef | 0, 8))).toBe("deadbeef");
    expect(written((w) => w.token({ uint32: () => 0xffffffff }))).toBe("ffffffffffffffff");
  });
});
