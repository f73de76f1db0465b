/**
 * Tests people against bad input of every kind: records that nobody wrote, words on the console, codes that begin one
 * another, cards with zeros in front, and what changes while somebody types or between an opening and its count.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Store } from "../../hal/device.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { utf8 } from "../../src/core/bytes.js";
import { People } from "../../src/people/people.js";
import { checkPerson, Person, personText, readPerson } from "../../src/people/person.js";
import { crc32 } from "../../src/settings/record.js";
import { Settings } from "../../src/settings/settings.js";
import { Flash, VirtualNvs } from "../hal/nvs.js";
import { House } from "../intercom/house.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";
import { anyText } from "../texts.js";
import { World } from "../ua/harness.js";

const SEED = { seed: 22, numRuns: runs(3000) };

interface Door {
  house: House;
  world: World;
  say(line: string): string;
  keys(names: string): void;
  /** The times at which a relay was switched on. */
  openings(): number;
}

function door(...settings: string[]): Door {
  const world = new World();
  const house = new House(world, ...settings);
  const line = new Console(house.door, {
    store: new MemoryStore(),
    restart: () => {},
    reboot: null,
    log: house.log,
  });
  return {
    house,
    world,
    say: (input) => line.line(input),
    keys: (names) => {
      house.timers.nowMs = world.nowMs;
      for (const name of names) house.door.key(name.charCodeAt(0));
    },
    openings: () => house.told("relay").filter((value) => value === "on").length,
  };
}

describe("a record", () => {
  const lines = fc.array(
    fc.oneof(
      fc.constantFrom("off", "batch 1", "relays 2", "relays 7", "uses 0", "uses -2", "uses 1e9", "from 9", "until 5"),
      fc.constantFrom(
        "name Anna",
        "name ",
        "sip a@b",
        "sip a@b@c",
        "when mon 08:00-09:00",
        "card 007",
        "card 7",
        "code x",
      ),
      fc.tuple(fc.constantFrom("name", "note", "code", "card", "when", "x", ""), anyText()).map((w) => w.join(" ")),
    ),
    { maxLength: 8 },
  );

  it("with a right checksum and any lines is a person who may be kept, or nobody", () => {
    let found = 0;
    fc.assert(
      fc.property(lines, (list) => {
        const body = list.join("\n") + "\n";
        const person = readPerson("1 " + crc32(utf8(body)).toString(36) + "\n" + body);
        if (person === null) return;
        found += 1;
        expect(checkPerson(person)).toBe("");
        expect(readPerson(personText(person))).toEqual(person);
      }),
      SEED,
    );
    expect(found).toBeGreaterThan(5);
  });

  it("of anything at all is nobody, and the door starts and says so", () => {
    fc.assert(
      fc.property(anyText(300), (text) => {
        expect(readPerson(text)).toBeNull();
      }),
      SEED,
    );
    const store = new MemoryStore();
    for (let i = 0; i < 50; i++) store.write("p" + i, "x".repeat(i * 5) + "\n");
    store.write("batch", "-5x");
    const people = new People(store, new Settings(), new SeededRandom(1), 50);
    expect(people.load()).toContain("records of people cannot be read");
    expect(people.ofCode("258036")).toBe(-1);
    expect(people.add(Object.assign(new Person(), { name: "Anna" }), ["258036"])).toBe("");
  });
});

describe("the console's words about people", () => {
  it("whatever they are, get one answer, and keep only what comes back the same", () => {
    const word = fc.oneof(
      fc.constantFrom(
        "--code",
        "new",
        "--card",
        "188:24910",
        "--uses",
        "--until",
        "+24h",
        "--when",
        "mon",
        "--relay",
        "1,2",
      ),
      fc.constantFrom(
        '"',
        "\\",
        "--",
        "--name",
        "-x",
        "'",
        "Anna",
        "none",
        "--sip",
        "a@b",
        "--off",
        "\u202e",
        "\u0000",
      ),
      fc.string({ unit: "grapheme", maxLength: 40 }),
    );
    const verb = fc.constantFrom(
      "add",
      "change",
      "remove",
      "show",
      "next",
      "begin",
      "commit",
      "abort",
      "clear",
      "",
      "list",
    );
    const { say, house } = door();
    fc.assert(
      fc.property(verb, fc.array(word, { maxLength: 7 }), (what, words) => {
        const answer = say(("people " + what + " " + words.join(" ")).replace(/[\r\n]/g, " "));
        expect(answer.endsWith("\n")).toBe(true);
        const { people } = house.door;
        for (let place = people.next(0); place >= 0; place = people.next(place + 1)) {
          const person = people.at(place);
          expect(person === null ? "lost" : checkPerson(person)).toBe("");
        }
      }),
      { ...SEED, numRuns: runs(1500) },
    );
  });

  it.each([
    ['people add "Anna \\"A\\" Meier" --code new', "error"],
    ["people add Zoë Müller-Łódź 李 --code new", "shown this once"],
    [`people add ${"é".repeat(32)} --code new`, "shown this once"],
    [`people add ${"é".repeat(100)} --code new`, "error"],
    [`people add ${"x".repeat(200)} --code new`, "error"],
    ["people add everybody --code new", "error"],
    ["people add Anna --card 007", "ok"],
    ["people add Anna --card 999999999999", "error"],
    ["people add Anna code 258036", "ok, but Anna code 258036 has no code, card or SIP address and opens nothing"],
    ["people add Anna --code 258036", "ok\n"],
    ["people add Anna --sip anna@192.0.2.7", "ok\n"],
  ])("%s: %s", (line, expected) => {
    expect(door().say(line)).toContain(expected);
  });
});

describe("codes that begin one another", () => {
  it("open each its own person, whatever comes behind them", () => {
    const { say, keys, house, world } = door("code.length=any");
    for (const [name, code] of [
      ["Anna", "1234"],
      ["Ben", "12345"],
      ["Carl", "12345678"],
    ])
      expect(say(`people add ${name} --code ${code}`)).toContain("ok");
    for (const [typed, name] of [
      ["1234#", "Anna"],
      ["12345#", "Ben"],
      ["12345678", "Carl"],
      ["123456#", ""],
      ["1234567#", ""],
    ]) {
      const before = house.tellings("relay", "reason").length;
      keys(typed);
      expect(house.tellings("relay", "reason").slice(before), typed).toEqual(name === "" ? [] : ["on code, " + name]);
      world.run(10_000);
    }
    // Without # the pause ends it.
    keys("1234");
    world.run(6000);
    expect(
      house
        .tellings("relay", "reason")
        .filter((told) => told.startsWith("on"))
        .at(-1),
    ).toBe("on code, Anna");
  });
});

describe("cards", () => {
  it("with zeros in front are the same card, and nobody else's", () => {
    const { say, house } = door();
    expect(say("people add Anna --card 00077")).toContain("ok");
    expect(say("people add Ben --card 77")).toBe("error: card 77 is taken, by Anna\n");
    expect(say("people add Ben --card 0:77")).toContain("taken");
    expect(say("people add Ben --card 78,078")).toContain("error");
    expect(house.door.access.card("77")).toBe(true);
  });
});

describe("what changes meanwhile", () => {
  it("a person who is removed or changed while the code is typed opens nothing", () => {
    for (const change of [
      "people remove Anna",
      "people change Anna --off",
      "people change Anna --code none",
      "people clear yes",
    ]) {
      const { say, keys, openings, world } = door();
      say("people add Anna --code 258036");
      keys("25803");
      expect(say(change)).not.toContain("error");
      keys("6");
      world.run(10_000);
      expect(openings(), change).toBe(0);
    }
  });

  it("a code that somebody else gets while it is typed opens for the new owner alone", () => {
    const { say, keys, house } = door();
    say("people add Anna --code 258036");
    keys("25803");
    say("people remove Anna");
    say("people add Eve --code 258036 --relay 2");
    keys("6");
    expect(house.tellings("relay", "relay", "reason")).toEqual(["on 2 code, Eve"]);
  });

  it("one use is one opening, in however many ways it comes at once", () => {
    const { say, keys, house, openings } = door();
    say("people add courier --code 258036 --card 77 --uses 1");
    const call = house.door.ua.calls[0];
    keys("25803");
    for (const digit of "25803") house.door.access.digit(call, digit.charCodeAt(0), 1);
    house.door.access.text(1, "258036");
    keys("6");
    house.door.access.digit(call, "6".charCodeAt(0), 1);
    house.door.access.card("77");
    expect(openings()).toBe(1);
    expect(say("people show courier")).toContain("used up");
  });

  it("a power cut at any access to flash gives no use back once the door was opened", () => {
    const storeOn = (flash: Flash): Store => {
      const nvs = new VirtualNvs(flash);
      return { read: (key) => nvs.read(key), write: (key, value) => nvs.write(key, value) };
    };
    const start = (flash: Flash): People => {
      const people = new People(storeOn(flash), new Settings(), new SeededRandom(7), 50);
      people.load();
      return people;
    };
    const before = new Flash(6);
    expect(start(before).add(Object.assign(new Person(), { name: "courier", uses: 1 }), ["258036"])).toBe("");
    let cuts = 0;
    for (let at = 1; ; at++) {
      const flash = before.copy();
      const people = start(flash);
      flash.cutAt = flash.operations + at;
      const mayOpen = people.spend(0, people.at(0)!);
      const wasCut = flash.operations >= flash.cutAt;
      flash.cutAt = Infinity;
      const left = start(flash).at(0)?.uses;
      expect([0, 1]).toContain(left);
      if (mayOpen) expect(left, "cut " + at).toBe(0);
      if (!wasCut) break;
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(5);
  });
});

describe("guesses", () => {
  it("in all ways together are no more than 115 a day", () => {
    const { house, world, say } = door("relay1.code=9018");
    say("people add Anna --code 258036");
    const call = house.door.ua.calls[0];
    const wrong = (): number => house.told("error").filter((value) => value === "wrong door code").length;
    for (let quarter = 0; quarter < 96; quarter++) {
      house.timers.nowMs = world.nowMs;
      for (let i = 0; i < 4; i++) {
        house.door.access.reset();
        for (const digit of "000000") house.door.access.digit(call, digit.charCodeAt(0), 1 + (i % 3));
        house.door.access.text(1, "000001");
        for (const key of "000002") house.door.key(key.charCodeAt(0));
        for (const key of "000003*") house.door.key(key.charCodeAt(0));
      }
      house.door.hangUp("");
      world.run(900_000);
    }
    expect(wrong()).toBeGreaterThan(50);
    expect(wrong()).toBeLessThanOrEqual(120);
  });
});
