import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FileStore, MemoryStore } from "../../../host-sim/io/store.js";

const folder = mkdtempSync(join(tmpdir(), "portero-store-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a store in a file", () => {
  it("keeps texts for the next run", () => {
    const path = join(folder, "kept.json");
    const store = new FileStore(path);
    expect(store.read("settings")).toBe(null);
    store.write("settings", 'set sip.user "Türe"\n');
    store.write("__proto__", "a key like any other");
    expect(store.read("settings")).toBe('set sip.user "Türe"\n');
    const next = new FileStore(path);
    expect(next.read("settings")).toBe('set sip.user "Türe"\n');
    expect(next.read("toString")).toBe(null);
  });

  it("replaces the file as a whole and leaves nothing beside it", () => {
    const place = mkdtempSync(join(folder, "alone-"));
    const store = new FileStore(join(place, "s.json"));
    store.write("a", "1");
    store.write("a", "2");
    expect(readdirSync(place)).toEqual(["s.json"]);
    expect(JSON.parse(readFileSync(join(place, "s.json"), "utf8"))).toEqual({ a: "2" });
  });

  it.each(["", "{", "[]", "null", '{"a":1}'])("says that a file is no store: %j", (content) => {
    const path = join(folder, "other.json");
    writeFileSync(path, content);
    expect(() => new FileStore(path)).toThrow(new Error(`${path} is not a file of saved settings`));
  });

  it("says in one line why it cannot be read or written, and keeps what it had", () => {
    expect(() => new FileStore(folder)).toThrow(new Error(`cannot read ${folder}: it is a directory`));
    const place = join(folder, "none");
    const path = join(place, "s.json");
    expect(() => new FileStore(path)).toThrow(new Error(`cannot write ${path}: no such file or directory`));
    mkdirSync(place);
    const store = new FileStore(path);
    rmSync(place, { recursive: true });
    expect(() => store.write("a", "1")).toThrow(new Error(`cannot write ${path}: no such file or directory`));
    expect(store.read("a")).toBe(null);
  });
});

it("a store in memory keeps texts while it lives", () => {
  const store = new MemoryStore();
  expect(store.read("a")).toBe(null);
  store.write("a", "1");
  expect(store.read("a")).toBe("1");
});
