/**
 * Tests people in their records: what is kept of them, who may open when, imports, power cuts at any access to flash,
 * and a store that is full.
 */
import { describe, expect, it } from "vitest";
import type { Store } from "../../hal/device.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { People } from "../../src/people/people.js";
import {
  cardOf,
  PERSON_BYTES,
  Person,
  personText,
  REFUSED_EARLY,
  REFUSED_HOURS,
  REFUSED_LATE,
  REFUSED_TIME,
  readPerson,
  refusalOf,
} from "../../src/people/person.js";
import { PART_BYTES } from "../../src/settings/record.js";
import { Settings } from "../../src/settings/settings.js";
import { Flash, VirtualNvs } from "../hal/nvs.js";
import { SeededRandom } from "../random.js";

const settings = new Settings();
settings.set("time.zone", "Europe/Berlin");

function peopleOf(store: Store, capacity = 50): People {
  const people = new People(store, settings, new SeededRandom(7), capacity);
  expect(people.load()).toBe("");
  return people;
}

function personOf(name: string, more: Partial<Person> = {}): Person {
  return Object.assign(new Person(), { name }, more);
}

/** Returns everything that a store holds, to check what must not be in it. */
class OpenStore extends MemoryStore {
  readonly kept = new Map<string, string>();
  override write(key: string, value: string): void {
    this.kept.set(key, value);
    super.write(key, value);
  }
}

describe("a person's code", () => {
  it("is found again after a restart, and stands nowhere in the store", () => {
    const store = new OpenStore();
    const people = peopleOf(store);
    expect(people.add(personOf("Anna"), ["258036"])).toBe("");
    expect(people.at(people.ofCode("258036"))?.name).toBe("Anna");
    expect(people.ofCode("258037")).toBe(-1);
    const again = peopleOf(store);
    expect(again.at(again.ofCode("258036"))?.name).toBe("Anna");
    for (const text of store.kept.values()) expect(text).not.toContain("258036");
  });

  it("is nobody else's, nor a code of the settings", () => {
    const people = peopleOf(new MemoryStore());
    expect(people.add(personOf("Anna"), ["258036"])).toBe("");
    expect(people.add(personOf("Ben"), ["258036"])).toBe("that code is taken: choose another one");
    expect(people.add(personOf("Ben"), ["258037", "258037"])).toBe("that code is taken: choose another one");
    settings.set("relay1.code", "471104");
    expect(people.add(personOf("Ben"), ["471104"])).toBe("that code is taken: choose another one");
    settings.set("relay1.code", "");
    expect(people.count).toBe(1);
  });

  it.each(["", "25803", "2580360", "25803a", "٢٥٨٠٣٦", "-25803"])("cannot be '%s'", (code) => {
    expect(peopleOf(new MemoryStore()).add(personOf("Anna"), [code])).toBe("a code has 6 digits (code.length)");
  });

  it("opens nothing once the door's key is lost, and says so; a new code does", () => {
    const store = new MemoryStore();
    expect(peopleOf(store).add(personOf("Anna", { cards: ["77"] }), ["258036"])).toBe("");
    store.write("key", "");
    const people = new People(store, settings, new SeededRandom(8), 50);
    expect(people.load()).toContain("the key of the door codes is lost");
    expect(people.ofCode("258036")).toBe(-1);
    expect(people.at(people.ofCard("77"))?.name).toBe("Anna");
    expect(people.change(people.find("anna"), people.at(0)!, ["258036"])).toBe("");
    expect(people.ofCode("258036")).toBe(0);
    expect(peopleOf(store).ofCode("258036")).toBe(0);
  });

  it("is compared in as many steps when it is right as when it is wrong: one record is read", () => {
    const store = new MemoryStore();
    const people = peopleOf(store);
    for (let i = 0; i < 5; i++) expect(people.add(personOf("p" + i), ["12345" + i])).toBe("");
    let reads = 0;
    store.read = ((read) => (key: string) => {
      reads += 1;
      return read.call(store, key);
    })(store.read);
    for (const code of ["123450", "123454", "999999"]) {
      reads = 0;
      people.ofCode(code);
      expect(reads).toBe(1);
    }
  });
});

describe("a record", () => {
  it("comes back as it was", () => {
    const person = personOf("Größe 🔑", {
      codes: ["0".repeat(37)],
      cards: ["12345678", "9"],
      relays: 3,
      when: "mon-fri 08:00-18:00",
      fromS: 1_764_000_000,
      untilS: 1_764_100_000,
      uses: 3,
      isEnabled: false,
      note: "third floor",
      sip: "anna@example.org",
      batch: 4,
    });
    expect(readPerson(personText(person))).toEqual(person);
  });

  it("that lacks a piece, or has another octet, opens nothing", () => {
    const text = personText(personOf("Anna", { uses: 1, isEnabled: false, cards: ["5"] }));
    for (let i = 0; i < text.length; i++) {
      expect(readPerson(text.slice(0, i))).toBe(null);
      expect(readPerson(text.slice(0, i) + "~" + text.slice(i + 1))).toBe(null);
    }
  });

  it.each([
    ["no name", { name: "" }],
    ["a name that looks like an option", { name: "--off" }],
    ["a line in the name", { name: "a\nuses 9" }],
    ["the name of everybody", { name: "Everybody" }],
    ["no relay", { relays: 0 }],
    ["hours that are none", { when: "mon 25:00-26:00" }],
    ["an end before its begin", { fromS: 20, untilS: 10 }],
    ["a time that is none", { untilS: Number.NaN }],
    ["half a use", { uses: 0.5 }],
    ["a card that is no number", { cards: ["0012"] }],
    ["an address without a host", { sip: "anna@" }],
    [
      "more than fits",
      {
        note: "🔑".repeat(24),
        when: "mon 08:00-12:00,".repeat(4) + "tue 08:00-12:00",
        sip: "a@" + "b".repeat(60),
        cards: ["34359738367", "34359738366"],
      },
    ],
  ])("with %s is refused before anything is written", (_, wrong: Partial<Person>) => {
    const store = new OpenStore();
    const people = peopleOf(store);
    expect(people.add(personOf("Anna", wrong), [])).not.toBe("");
    expect([...store.kept.keys()]).toEqual([]);
    expect(people.count).toBe(0);
  });

  it("of a card has its number as a reader gives it, or as the card shows it", () => {
    expect(["12345678", "0012345678", "188:24910", "34359738367"].map(cardOf)).toEqual([
      "12345678",
      "12345678",
      "12345678",
      "34359738367",
    ]);
    expect(["", "-1", "1e3", "34359738368", "256:1", "1:65536", ":", "1:2:3"].map(cardOf)).toEqual(Array(8).fill(""));
  });
});

describe("who may open when", () => {
  const at = (text: string) => Date.parse(text) / 1000;

  it.each([
    ["in summer", "2026-07-06T06:00:00Z", ""],
    ["a minute before", "2026-07-06T05:59:00Z", REFUSED_HOURS],
    ["in winter, an hour later in UTC", "2026-12-07T07:00:00Z", ""],
    ["in winter at summer's time", "2026-12-07T06:00:00Z", REFUSED_HOURS],
    ["on a Sunday", "2026-12-06T12:00:00Z", REFUSED_HOURS],
    ["on the Monday after the clocks went back", "2026-10-26T07:00:00Z", ""],
    ["while the time is not known", "", REFUSED_TIME],
  ])("mon-fri 08:00-18:00, %s", (_, when, why) => {
    const person = personOf("Anna", { when: "mon-fri 08:00-18:00" });
    expect(refusalOf(person, when === "" ? 0 : at(when), settings)).toBe(why);
  });

  it("goes from the first second to the last, and needs no clock without limits", () => {
    const person = personOf("Anna", { fromS: 1000, untilS: 2000 });
    expect([999, 1000, 1999, 2000, 0].map((s) => refusalOf(person, s, settings))).toEqual([
      REFUSED_EARLY,
      "",
      "",
      REFUSED_LATE,
      REFUSED_TIME,
    ]);
    expect(refusalOf(personOf("Ben"), 0, settings)).toBe("");
  });
});

describe("uses", () => {
  it("are taken before the door opens, and are not given back by a restart", () => {
    const store = new MemoryStore();
    const people = peopleOf(store);
    expect(people.add(personOf("courier", { uses: 1 }), ["258036"])).toBe("");
    expect(people.spend(0, people.at(0)!)).toBe(true);
    expect(peopleOf(store).spend(0, people.at(0)!)).toBe(false);
    expect(refusalOf(people.at(0)!, 0, settings)).toBe("used up");
  });

  it("that cannot be kept open nothing", () => {
    const store = new MemoryStore();
    const people = peopleOf(store);
    expect(people.add(personOf("courier", { uses: 2 }), ["258036"])).toBe("");
    store.write = () => {
      throw new Error("flash is worn out");
    };
    expect(people.spend(0, people.at(0)!)).toBe(false);
    expect(people.add(personOf("Ben"), ["258037"])).toBe(
      "the store failed, and nothing was changed: flash is worn out",
    );
    expect(people.count).toBe(1);
    expect(people.ofCode("258037")).toBe(-1);
  });
});

describe("a full store", () => {
  it("says so before it begins", () => {
    const store = new OpenStore();
    const people = peopleOf(store, 3);
    expect(people.begin(4, 4)).toBe("0 of 3 people are kept: there is no room for 4 more");
    expect(people.begin(3, 7)).toBe("0 of 6 codes and cards are kept: there is no room for more");
    for (let i = 0; i < 3; i++) expect(people.add(personOf("p" + i, { cards: ["1" + i] }), ["12345" + i])).toBe("");
    const writes = store.kept.size;
    expect(people.add(personOf("p4"), [])).toBe("3 of 3 people are kept: there is no room for 1 more");
    expect(people.change(0, people.at(0)!, ["111111", "222222"])).toContain("6 of 6 codes and cards");
    expect(store.kept.size).toBe(writes);
    expect(people.remove(1)).toBe("");
    expect(people.add(personOf("p4"), ["123451"])).toBe("");
    expect(peopleOf(store, 3).ofCode("123451")).toBe(1);
  });
});

describe("an import", () => {
  it("opens nothing before it is whole, and everything after", () => {
    const store = new MemoryStore();
    const people = peopleOf(store);
    expect(people.add(personOf("old"), ["111111"])).toBe("");
    expect(people.begin(2, 2)).toBe("");
    expect(people.add(personOf("Anna"), ["258036"])).toBe("");
    expect(people.ofCode("258036")).toBe(-1);
    expect(people.add(personOf("Ben"), ["258036"])).toBe("that code is taken: choose another one");
    expect(people.add(personOf("Ben"), ["258037"])).toBe("");
    expect(people.add(personOf("Carl"), [])).toBe(
      "the import was begun for fewer people: nothing was kept of this one",
    );
    expect(people.commit()).toBe("");
    expect(people.ofCode("258036")).toBe(1);
    expect(peopleOf(store).count).toBe(3);
  });

  it("that is broken off, or lacks somebody, leaves nothing", () => {
    const store = new MemoryStore();
    const people = peopleOf(store);
    expect(people.begin(2, 2)).toBe("");
    expect(people.add(personOf("Anna"), ["258036"])).toBe("");
    expect(people.commit()).toBe("nothing was kept: 1 people are missing");
    expect(people.count).toBe(0);
    expect(people.begin(1, 1)).toBe("");
    expect(people.add(personOf("Anna"), ["258036"])).toBe("");
    // The power is cut here.
    const after = peopleOf(store);
    expect(after.count).toBe(0);
    expect(after.ofCode("258036")).toBe(-1);
    // The next import has the same number, and nothing of the first is in it.
    expect(after.begin(1, 1)).toBe("");
    expect(after.add(personOf("Ben"), ["258037"])).toBe("");
    expect(after.commit()).toBe("");
    expect(peopleOf(store).count).toBe(1);
  });
});

describe("in the flash of a plain board", () => {
  const PAGES = 6;
  /** What 50 people may take, without the spare page. */
  const FLASH_MOST_BYTES = 20 * 1024;
  // As NVS has them: octets of an entry, and the state of one that counts.
  const ENTRY_BYTES = 32;
  const WRITTEN = 2;
  const { people: MOST } = DOOR_LIMITS;

  function board(flash: Flash): { nvs: VirtualNvs; people: People } {
    const nvs = new VirtualNvs(flash);
    const store = {
      partBytes: PART_BYTES,
      read: (key: string) => nvs.read(key),
      write: (key: string, value: string) => nvs.write(key, value),
    };
    const people = new People(store, settings, new SeededRandom(7), MOST);
    people.load();
    return { nvs, people };
  }

  /** Makes a person whose record is as long as it may be. */
  function longest(name: string): Person {
    const card = Number(name.split(" ")[1]) + 34_359_738_000;
    const when = "mon-fri 08:00-12:00 13:00-18:00, sat 08:00-12:00";
    const person = personOf(name, { cards: ["" + card], note: "n".repeat(40), when, uses: 50 });
    // The code is added later.
    const rest = PERSON_BYTES - Buffer.byteLength(personText(person)) - "code \n".length - 37 - "sip a@\n".length;
    // Two people cannot have the same address.
    person.sip = "a@" + ("" + card).padEnd(Math.min(62, rest), "b");
    return person;
  }

  it("there is room for all of them, the longest, however often they are changed", () => {
    const flash = new Flash(PAGES);
    const { nvs, people } = board(flash);
    for (let i = 0; i < MOST; i++) expect(people.add(longest("person " + i), ["" + (100_000 + i)])).toBe("");
    // With the key of the codes, and heads of entries.
    const written = flash.pages.flatMap(({ states }) => states).filter((state) => state === WRITTEN).length;
    expect(written * ENTRY_BYTES).toBe(16_128);
    expect(written * ENTRY_BYTES).toBeLessThanOrEqual(FLASH_MOST_BYTES);
    const next = new SeededRandom(3);
    for (let i = 0; i < 400; i++) {
      const place = next.uint32() % MOST;
      expect(
        people.spend(place, people.at(place)!) || people.change(place, longest("person " + place), null) === "",
      ).toBe(true);
    }
    expect(nvs.freeEntries).toBeGreaterThan(60);
    expect(board(flash).people.count).toBe(MOST);
  });

  it("the old person or the new one is there wherever the power is cut, and all others", () => {
    const before = new Flash(PAGES);
    const { people } = board(before);
    for (let i = 0; i < 12; i++) expect(people.add(longest("person " + i), ["" + (100_000 + i)])).toBe("");
    const change = (flash: Flash) => {
      const { people } = board(flash);
      const person = people.at(3)!;
      person.isEnabled = false;
      expect(people.change(3, person, ["200000"])).toBe("");
      expect(people.remove(5)).toBe("");
    };
    const whole = before.copy();
    change(whole);
    let cuts = 0;
    for (let cutAt = 1; cutAt <= whole.operations; cutAt += 2) {
      const flash = before.copy();
      flash.cutAt = cutAt;
      flash.tears = cutAt % 4 === 1;
      // The store's error is told, and in this life nothing more is written.
      expect(() => change(flash)).toThrow();
      expect(flash.operations).toBe(cutAt);
      flash.cutAt = Infinity;
      cuts += 1;
      const { people } = board(flash);
      expect(people.damaged).toBe(0);
      const isNew = people.at(3)?.isEnabled === false;
      expect(people.ofCode("100003") === 3).toBe(!isNew);
      expect(people.ofCode("200000") === 3).toBe(isNew);
      for (const i of [0, 4, 11]) expect(people.ofCode("" + (100_000 + i))).toBe(i);
    }
    expect(cuts).toBeGreaterThan(10);
  });
});
