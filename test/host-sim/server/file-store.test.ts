/** The location service on disk: what is there after it was closed, and what becomes of memory when the disk refuses. */
import { afterEach, describe, expect, it } from "vitest";
import { FileLocation } from "../../../host-sim/server/file-store.js";
import { octets, Span } from "../../../src/core/bytes.js";
import { Timers } from "../../../src/core/timers.js";
import { Bindings, DayClock, LOCATION_AWAY, LOCATION_OK, type LocationUser } from "../../../src/server/location.js";
import { MemoryLocation } from "../../../src/server/memory.js";
import { Folder } from "./program.js";

const place = new Folder();
afterEach(() => place.remove());

function spanOf(value: string): Span {
  const span = new Span();
  span.set(octets(value), 0, octets(value).length);
  return span;
}

function open() {
  const clock = new DayClock(new Timers(1));
  const memory = new MemoryLocation(clock, { chunks: 64, recordBytes: 4096 });
  const store = new FileLocation(
    place.path + "/db",
    memory,
    clock,
    () => {},
    () => {},
  );
  const contacts = (aor: string): string[] => {
    const found: string[] = [];
    const user: LocationUser = {
      onBindings: (_token, _result, list) => {
        for (let more = list.first(); more; more = list.next()) found.push(list.contact.toString());
      },
      onUpdated: () => {},
    };
    store.bindings(spanOf(aor), user, 0);
    return found;
  };
  const put = (aor: string, contact: string): Promise<number> =>
    new Promise((resolve) => {
      store.bindings(
        spanOf(aor),
        {
          onBindings: (_token, _result, old) => {
            const list = new Bindings();
            list.begin(new Uint8Array(512), old.version);
            list.expiresS = 1000;
            const uri = spanOf(contact);
            list.contact.set(uri.bytes, uri.start, uri.end);
            if (contact !== "") list.add();
            store.update(
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
  return { store, clock, contacts, put };
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
    second.store.expire(1000);
    await second.store.close();
    const third = open();
    expect(third.contacts("alice@x")).toEqual([]);
    await third.store.close();
  });

  it("goes back to what the disk has when the disk does not take a change", async () => {
    const { store, contacts, put } = open();
    expect(await put("alice@x", "sip:a@b")).toBe(LOCATION_OK);
    // What a full disk does, as far as the store can see: the write fails.
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
