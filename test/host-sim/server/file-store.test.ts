/**
 * Tests the location service on disk: its content after it was closed, and its conduct when the disk refuses, lies, or
 * belongs to another user.
 */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FileLocation } from "../../../host-sim/server/file-store.js";
import { octets, Span } from "../../../src/core/bytes.js";
import { Timers } from "../../../src/core/timers.js";
import { Bindings, DayClock, LOCATION_AWAY, LOCATION_OK, type LocationUser } from "../../../src/server/location.js";
import { MemoryLocation } from "../../../src/server/memory.js";
import { ownProgram } from "../../programs.js";
import { Folder } from "./program.js";

const place = new Folder();
afterEach(() => place.remove());

function spanOf(value: string): Span {
  const span = new Span();
  span.set(octets(value), 0, octets(value).length);
  return span;
}

/** All places are tried with SWEEP=whole. */
const IS_LONG = process.env.SWEEP === "whole";
const FILES = ["location.log", "location.copy"];

function open(wallMs = 0) {
  const clock = new DayClock(new Timers(1));
  clock.offsetMs = wallMs;
  const memory = new MemoryLocation(clock, { chunks: 64, recordBytes: 4096 });
  /** What a person is told: the state of the store, and changes of bindings. */
  const told: string[] = [];
  const store = new FileLocation(place.path + "/db", memory, clock, {
    before: () => {},
    after: () => {},
    onState: (state, reason) => void told.push(state + " " + reason),
  });
  store.addWatcher({ onBindingsChanged: (aor, list) => void told.push(aor.toString() + " " + list.count) });
  const contacts = (aor: string): string[] => {
    const found: string[] = [];
    const user: LocationUser = {
      onBindings: (_token, _result, list) => {
        for (let more = list.first(); more; more = list.next()) found.push(list.contact.toString());
      },
      onUpdated: () => {},
    };
    store.findBindings(spanOf(aor), user, 0);
    return found;
  };
  const put = (aor: string, contact: string): Promise<number> =>
    new Promise((resolve) => {
      store.findBindings(
        spanOf(aor),
        {
          onBindings: (_token, _result, old) => {
            const list = new Bindings();
            list.startRecord(new Uint8Array(512), old.version);
            list.expiresS = clock.nowS() + 1000;
            const uri = spanOf(contact);
            list.contact.set(uri.bytes, uri.start, uri.end);
            if (contact !== "") list.addBinding();
            store.replaceBindings(
              spanOf(aor),
              list,
              { onBindings: () => {}, onUpdated: (_token, result) => resolve(result) },
              0,
            );
          },
          onUpdated: () => {},
        },
        0,
      );
    });
  return { store, clock, contacts, put, told };
}

describe("the location service on disk", () => {
  it("has after a restart what was kept, and not what was removed or expired", async () => {
    const first = open();
    expect(await first.put("alice@x", "sip:a@b")).toBe(LOCATION_OK);
    expect(await first.put("alice@x", "sip:c@d")).toBe(LOCATION_OK);
    expect(await first.put("bob@x", "sip:e@f")).toBe(LOCATION_OK);
    expect(await first.put("bob@x", "")).toBe(LOCATION_OK);
    await first.store.close();
    const second = open();
    expect([second.contacts("alice@x"), second.contacts("bob@x")]).toEqual([["sip:c@d"], []]);
    second.clock.offsetMs = 1_000_000;
    second.store.removeExpired(1000);
    await second.store.close();
    const third = open();
    expect(third.contacts("alice@x")).toEqual([]);
    await third.store.close();
  });

  it("goes back to what the disk has when the disk does not take a change", async () => {
    const { store, contacts, put } = open();
    expect(await put("alice@x", "sip:a@b")).toBe(LOCATION_OK);
    // A full disk makes the write fail, as far as the store can see.
    const { database } = store as unknown as { database: { put: () => Promise<boolean>; close: () => Promise<void> } };
    const works = database.put;
    database.put = () => Promise.reject(new Error("MDB_MAP_FULL"));
    expect(await put("alice@x", "sip:new@b")).toBe(LOCATION_AWAY);
    expect(await put("carol@x", "sip:c@b")).toBe(LOCATION_AWAY);
    expect([contacts("alice@x"), contacts("carol@x"), store.failures]).toEqual([["sip:a@b"], [], 2]);
    database.put = works;
    expect(await put("alice@x", "sip:new@b")).toBe(LOCATION_OK);
    expect(contacts("alice@x")).toEqual(["sip:new@b"]);
    await store.close();
  });
});

/** Makes a folder with twenty confirmed bindings, as a killed server leaves it. */
async function fill(): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  const { store, put } = open();
  for (let i = 0; i < 20; i++) {
    const aor = "user" + (i % 12) + "@x";
    expect(await put(aor, "sip:phone" + i + "@b")).toBe(LOCATION_OK);
    kept.set(aor, "sip:phone" + i + "@b");
  }
  mkdirSync(place.path + "/saved", { recursive: true });
  for (const file of FILES) copyFileSync(place.path + "/db/" + file, place.path + "/saved/" + file);
  await store.close();
  return kept;
}

function restore(): void {
  for (const file of FILES) copyFileSync(place.path + "/saved/" + file, place.path + "/db/" + file);
}

async function expectAll(kept: Map<string, string>): Promise<readonly string[]> {
  const { store, contacts } = open();
  for (const [aor, contact] of kept) expect(contacts(aor), aor).toEqual([contact]);
  await store.close();
  return store.notes;
}

describe("a file of the store that was", () => {
  it("cut at any length is completed from its copy, and nothing that was confirmed is lost", async () => {
    const kept = await fill();
    const size = readFileSync(place.path + "/saved/location.log").length;
    for (const file of FILES)
      for (let length = 0; length <= size; length += IS_LONG ? 1 : 37) {
        restore();
        truncateSync(place.path + "/db/" + file, length);
        const notes = await expectAll(kept);
        if (length < size - 100) expect(notes.join()).toContain(file);
      }
  }, 600_000);

  it("changed in any bit is mended from its copy, and says so", async () => {
    const kept = await fill();
    const size = readFileSync(place.path + "/saved/location.log").length;
    for (const file of FILES)
      for (let bit = 0; bit < 8 * size; bit += IS_LONG ? 23 : 211) {
        restore();
        const bytes = readFileSync(place.path + "/db/" + file);
        bytes[bit >> 3] ^= 1 << (bit & 7);
        writeFileSync(place.path + "/db/" + file, bytes);
        await expectAll(kept);
      }
  }, 600_000);

  it("removed, or filled with something else, is written anew", async () => {
    const kept = await fill();
    for (const file of FILES)
      for (const content of [null, "", "x", "PR1\n", "PR1\n".repeat(1000), "\0".repeat(5000), "\xff".repeat(5000)]) {
        restore();
        const path = place.path + "/db/" + file;
        if (content === null) rmSync(path);
        else writeFileSync(path, content, "latin1");
        expect((await expectAll(kept)).join()).toContain(file);
      }
  });

  it("damaged together with its copy costs no more than what is unreadable in both, and says so", async () => {
    const kept = await fill();
    for (let at = 0; at < 1000; at += 50) {
      restore();
      for (const file of FILES) {
        const bytes = readFileSync(place.path + "/db/" + file);
        bytes.fill(0, at, at + 30);
        writeFileSync(place.path + "/db/" + file, bytes);
      }
      const { store, contacts } = open();
      const there = [...kept].filter(([aor, contact]) => contacts(aor)[0] === contact).length;
      expect(there).toBeGreaterThanOrEqual(kept.size - 2);
      expect(store.notes.join()).toMatch(/are damaged: .*register/);
      expect(store.unreadable).toBeGreaterThan(0);
      await store.close();
    }
  });

  it("damaged at its key goes on with the same marks", async () => {
    const { store } = open();
    const key = Buffer.from(store.key);
    await store.close();
    for (const content of ["", "short", "x".repeat(32)]) {
      writeFileSync(place.path + "/db/key", content);
      const again = open();
      expect(Buffer.from(again.store.key).equals(key)).toBe(true);
      await again.store.close();
    }
    expect(readFileSync(place.path + "/db/key").equals(key)).toBe(true);
  });
});

describe("a folder", () => {
  it("belongs to one server at a time, and is taken over from one that is gone", async () => {
    const { store } = open();
    expect(() => open()).toThrow(/^--store file:.*process \d+ uses this folder: end it, or choose another folder/);
    await store.close();
    const again = open();
    await again.store.close();
    for (const gone of ["999999 1-x\n", process.pid + " 1-x\n", "", "nonsense"]) {
      writeFileSync(place.path + "/db/lock", gone);
      const third = open();
      await third.store.close();
    }
  });

  it("that is a file, or cannot be made, is told in one line", async () => {
    mkdirSync(place.path, { recursive: true });
    writeFileSync(place.path + "/db", "");
    expect(() => open()).toThrow(/^--store file:[^\n]+: it is a file: choose a folder$/);
    rmSync(place.path + "/db");
    for (const [folder, problem] of [
      [place.path + "/one/two/three", ""],
      ["/proc/nowhere/db", "there cannot be such a folder: choose another one"],
    ]) {
      const clock = new DayClock(new Timers(1));
      const memory = new MemoryLocation(clock, { chunks: 64, recordBytes: 4096 });
      const nothing = () => {};
      const make = () => new FileLocation(folder, memory, clock, { before: nothing, after: nothing, onState: nothing });
      if (problem === "") await make().close();
      else expect(make).toThrow("--store file:" + folder + ": " + problem);
    }
  });

  it("on a full disk takes no change, keeps those it has, and takes changes again when there is room", async () => {
    const { store, put, contacts, told } = open();
    expect(await put("alice@x", "sip:a@b")).toBe(LOCATION_OK);
    const { database } = store as unknown as {
      database: { files: { write: (bytes: Buffer, at: number, size: number, to: number) => Promise<unknown> }[] };
    };
    for (const broken of [0, 1]) {
      const file = database.files[broken];
      const works = file.write.bind(file);
      // A part of it finds room, as on a disk that fills up.
      let left = 10;
      file.write = async (bytes, at, size, to) => {
        if (left === 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
        const some = Math.min(left, size);
        left -= some;
        return works(bytes, at, some, to);
      };
      told.length = 0;
      expect(await put("alice@x", "sip:new@b")).toBe(LOCATION_AWAY);
      expect(await put("bob@x", "sip:b@b")).toBe(LOCATION_AWAY);
      expect(store.problem).toContain("the disk is full");
      file.write = works;
      expect(await put("carol" + broken + "@x", "sip:c@b")).toBe(LOCATION_OK);
      // The loss is told once, and what was told of a change that was taken back is told as it is again.
      expect(told).toEqual([
        "alice@x 1",
        "away the disk is full: make room there, or choose another folder",
        "alice@x 1",
        "bob@x 1",
        "bob@x 0",
        "carol" + broken + "@x 1",
        "ready ",
      ]);
    }
    expect(contacts("alice@x")).toEqual(["sip:a@b"]);
    await store.close();
    const again = open();
    expect(["alice@x", "bob@x", "carol0@x", "carol1@x"].map((aor) => again.contacts(aor).join())).toEqual([
      "sip:a@b",
      "",
      "sip:c@b",
      "sip:c@b",
    ]);
    expect(again.store.notes).toEqual([]);
    await again.store.close();
  });

  it("keeps its size when the same bindings change again and again", async () => {
    const { store, put, contacts } = open();
    for (let round = 0; round < (IS_LONG ? 20_000 : 4000); round += 50)
      await Promise.all(Array.from({ length: 50 }, (_, i) => put("user" + i + "@x", "sip:phone" + round + "@b")));
    expect(contacts("user7@x").length).toBe(1);
    expect(readFileSync(place.path + "/db/location.log").length).toBeLessThan(300_000);
    await store.close();
    const again = open();
    expect(again.contacts("user7@x")).toEqual(contacts("user7@x"));
    await again.store.close();
  });
});

describe("a clock that is a day ahead", () => {
  const DAY_MS = 86_400_000;

  it("at a restart drops no binding, and is told", async () => {
    const wallMs = Date.now();
    const first = open(wallMs);
    expect(await first.put("alice@x", "sip:a@b")).toBe(LOCATION_OK);
    await first.store.close();
    for (const movedMs of [DAY_MS, -DAY_MS, 30 * DAY_MS]) {
      const spy = vi.spyOn(Date, "now").mockReturnValue(wallMs + movedMs);
      const again = open(wallMs + movedMs);
      expect(again.contacts("alice@x")).toEqual(["sip:a@b"]);
      expect(again.store.notes.join()).toMatch(/the clock was moved by -?\d+ s/);
      await again.store.close();
      spy.mockRestore();
    }
    const last = open(wallMs);
    expect(last.contacts("alice@x")).toEqual(["sip:a@b"]);
    await last.store.close();
  });
});

describe("a server that is killed at any moment", () => {
  const ROUNDS = IS_LONG ? 140 : 3;

  it("has kept all that it confirmed, " + ROUNDS + " times in a row", async () => {
    const confirmed = new Map<string, string>();
    for (let round = 0; round < ROUNDS; round++) {
      const putter = ownProgram(import.meta.dirname + "/putter.ts");
      const child = spawn(process.execPath, [putter, place.path + "/db", String(round)]);
      const gone = new Promise((resolve) => child.once("exit", resolve));
      let killMs = -1;
      for await (const line of createInterface({ input: child.stdout })) {
        const [aor, contact] = line.split(" ");
        confirmed.set(aor, contact);
        if (killMs < 0) {
          killMs = Math.random() * 150;
          setTimeout(() => child.kill("SIGKILL"), killMs);
        }
      }
      await gone;
      const { store, contacts } = open();
      for (const [aor, contact] of confirmed) {
        // A later binding may be on the disk although it was not confirmed any more.
        const number = (one: string): number => Number(/(\d+)@b/.exec(one)?.[1]);
        expect(number(contacts(aor)[0])).toBeGreaterThanOrEqual(number(contact));
      }
      await store.close();
    }
    expect(confirmed.size).toBeGreaterThan(0);
  }, 900_000);
});
