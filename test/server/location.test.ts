/** Tests the location service in memory: records, versions, room, expiry. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import {
  Bindings,
  DayClock,
  LOCATION_CONFLICT,
  LOCATION_FULL,
  LOCATION_OK,
  writeAor,
} from "../../src/server/location.js";
import { MemoryLocation } from "../../src/server/memory.js";
import { Uri } from "../../src/wire/uri.js";

function span(value: string): Span {
  const out = new Span();
  out.set(octets(value), 0, octets(value).length);
  return out;
}

function world(chunks = 64, recordBytes = 4096) {
  const timers = new Timers(1);
  const clock = new DayClock(timers);
  const store = new MemoryLocation(clock, { chunks, recordBytes });
  const changes: string[] = [];
  store.addWatcher({ onBindingsChanged: (aor, list) => changes.push(aor.toString() + " " + list.count) });
  const read = (aor: string): { version: number; contacts: string[] } => {
    let version = -1;
    const contacts: string[] = [];
    store.findBindings(
      span(aor),
      {
        onBindings: (_token, _result, list) => {
          version = list.version;
          for (let more = list.first(); more; more = list.next()) contacts.push(list.contact.toString());
        },
        onUpdated: () => {},
      },
      0,
    );
    return { version, contacts };
  };
  const put = (aor: string, contacts: string[], version = read(aor).version, expiresS = 100): number => {
    const list = new Bindings();
    list.startRecord(new Uint8Array(8192), version);
    for (const contact of contacts) {
      list.contact.set(octets(contact), 0, octets(contact).length);
      list.callId.set(octets("call@id"), 0, 7);
      list.expiresS = expiresS;
      list.addBinding();
    }
    return store.putRecord(span(aor), list);
  };
  return { timers, clock, store, changes, read, put };
}

describe("the location service in memory", () => {
  it("gives back what was put in, and knows nothing of other addresses", () => {
    const { put, read, changes } = world();
    expect(put("alice@example.org", ["sip:alice@192.0.2.1:5062", "sip:alice@192.0.2.2"])).toBe(LOCATION_OK);
    expect(read("alice@example.org").contacts).toEqual(["sip:alice@192.0.2.1:5062", "sip:alice@192.0.2.2"]);
    expect(read("bob@example.org")).toEqual({ version: 0, contacts: [] });
    expect(changes).toEqual(["alice@example.org 2"]);
  });

  it("keeps every value of a binding", () => {
    const list = new Bindings();
    const bytes = new Uint8Array(512);
    list.startRecord(bytes, 6);
    list.contact.set(octets("sip:a@b"), 0, 7);
    list.callId.set(octets("x"), 0, 1);
    list.path.set(octets("<sip:p;lr>"), 0, 10);
    Object.assign(list, { q: 500, expiresS: 4294967295, cseq: 2147483647, transport: 2, ip: 4294967295, port: 65535 });
    Object.assign(list, { connection: -1, node: -559038737 });
    expect(list.addBinding()).toBe(true);
    const seen = new Bindings();
    expect(seen.openRecord(bytes, 0, list.end, 1)).toBe(true);
    expect(seen.first()).toBe(true);
    expect(seen).toMatchObject({ version: 7, count: 1, q: 500, expiresS: 4294967295, cseq: 2147483647, transport: 2 });
    expect(seen).toMatchObject({ ip: 4294967295, port: 65535, connection: -1, node: -559038737 });
    expect([seen.contact, seen.callId, seen.path].map(String)).toEqual(["sip:a@b", "x", "<sip:p;lr>"]);
    expect(seen.next()).toBe(false);
  });

  it("refuses a change of a record that was changed since it was read", () => {
    const { put, read } = world();
    put("alice@example.org", ["sip:1@b"]);
    const { version } = read("alice@example.org");
    expect(put("alice@example.org", ["sip:2@b"], version)).toBe(LOCATION_OK);
    expect(put("alice@example.org", ["sip:3@b"], version)).toBe(LOCATION_CONFLICT);
    expect(read("alice@example.org").contacts).toEqual(["sip:2@b"]);
  });

  it("changes all or nothing when there is no room", () => {
    const { put, read, store } = world(4);
    expect(put("a@x", ["sip:1@b"])).toBe(LOCATION_OK);
    const room = store.freeChunks();
    expect(put("a@x", ["sip:1@b", "sip:2@b", "sip:3@b", "sip:4@b", "sip:5@b", "sip:6@b"])).toBe(LOCATION_FULL);
    expect(read("a@x").contacts).toEqual(["sip:1@b"]);
    expect(store.freeChunks()).toBe(room);
  });

  it("takes back the room of what was removed", () => {
    const { put, store, read } = world(8);
    for (let i = 0; i < 50; i++) {
      expect(put("user" + i + "@x", ["sip:1@b", "sip:2@b"])).toBe(LOCATION_OK);
      expect(put("user" + i + "@x", [])).toBe(LOCATION_OK);
      expect(read("user" + i + "@x").contacts).toEqual([]);
    }
    expect([store.freeChunks(), store.records, store.total]).toEqual([8, 0, 0]);
  });

  it("shows nobody what has expired, and lets go of it and tells", () => {
    const { timers, clock, put, read, store, changes } = world();
    put("a@x", ["sip:1@b"], 0, 10);
    put("b@x", ["sip:2@b"], 0, 20);
    timers.nowMs = 10_000;
    expect(read("a@x").contacts).toEqual([]);
    expect(read("b@x").contacts).toEqual(["sip:2@b"]);
    store.removeExpired(clock.nowS());
    expect(store.records).toBe(1);
    expect(changes.slice(2)).toEqual(["a@x 0"]);
  });

  it("refuses octets that are no record", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const list = new Bindings();
        if (!list.openRecord(bytes, 0, bytes.length, 0)) return list.count === 0 && !list.first();
        let seen = 0;
        for (let more = list.first(); more; more = list.next()) seen += 1;
        return seen === list.count;
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  it("does the same as a map, whatever the order of changes", () => {
    const names = fc.constantFrom(
      "a@x",
      "bb@x",
      "a-rather-long-name-of-a-user@a-rather-long-name-of-a-host.example.org",
    );
    const contacts = fc.array(fc.string({ minLength: 1, maxLength: 90, unit: fc.constantFrom("a", "b", "c") }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(names, contacts), { maxLength: 40 }), (steps) => {
        const { put, read, store } = world(256);
        const model = new Map<string, string[]>();
        for (const [name, values] of steps) {
          expect(put(name, values)).toBe(LOCATION_OK);
          model.set(name, values);
        }
        for (const [name, values] of model) expect(read(name).contacts).toEqual(values);
        expect(store.total).toBe([...model.values()].reduce((sum, values) => sum + values.length, 0));
        expect(store.records).toBe([...model.values()].filter((values) => values.length > 0).length);
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});

describe("an address of record, RFC 3261 §10.3 step 5", () => {
  it.each([
    ["sip:alice@Example.ORG:5061;transport=tcp", "alice@example.org"],
    ["sip:%61lice:secret@example.org", "alice@example.org"],
    ["sips:alice@example.org", "alice@example.org"],
    ["sip:example.org", ""],
    ["tel:+49301", ""],
    ["sip:" + "a".repeat(200) + "@example.org", ""],
  ])("of %s is %s", (uri, aor) => {
    const view = new Uri();
    const out = new Uint8Array(160);
    expect(view.parse(octets(uri), 0, octets(uri).length)).toBe(true);
    const size = writeAor(view, out);
    expect(size < 0 ? "" : text(out, 0, size)).toBe(aor);
  });
});
