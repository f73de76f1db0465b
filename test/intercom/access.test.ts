/**
 * Tests how digits become codes: what opens and what does not, when an entry ends, what counts as wrong, and what is
 * told.
 */
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Timers } from "../../src/core/timers.js";
import { Access, readOrder } from "../../src/intercom/access.js";
import type { CodeLock } from "../../src/intercom/codelock.js";
import { People } from "../../src/people/people.js";
import { Person } from "../../src/people/person.js";
import { Settings } from "../../src/settings/settings.js";
import type { Call } from "../../src/ua/call.js";
import { SeededRandom } from "../random.js";
import { World } from "../ua/harness.js";
import { House } from "./house.js";

const RTP = 1;
const INFO = 2;
const INBAND = 3;

/** Gives one of several calls, which are only told from each other by identity. */
let made: readonly Call[] | null = null;
function callOf(number: number): Call {
  made ??= new House(new World()).door.ua.calls;
  return made[number];
}

/** The door's codes alone, with a list of what they do. */
class Door {
  readonly settings = new Settings();
  readonly store = new MemoryStore();
  timers = new Timers(6);
  access: Access;
  /** The people that are kept, and the time of day. */
  readonly people: People;
  epochS = 0;
  /** The place of the person who calls. */
  caller = -1;
  readonly reasons: string[] = [];
  /** "open RELAY", "wrong" and "wrong, last", with " by message" when it was in no call; and what was told. */
  done: string[] = [];
  told: string[] = [];

  constructor(...settings: string[]) {
    for (const one of settings) expect(this.settings.assign(one)).toBe("");
    this.people = new People(new MemoryStore(), this.settings, new SeededRandom(3), 50);
    this.access = this.start();
  }

  private start(): Access {
    this.timers = new Timers(6);
    const where = (call: Call | null): string => (call === null ? " by message" : "");
    const access = new Access(
      {
        settings: this.settings,
        timers: this.timers,
        events: {
          event: (name, value, fields) =>
            void this.told.push([name, value, ...Object.entries(fields).flat()].join(" ")),
        },
        store: this.store,
      },
      this.people,
      {
        epochS: () => this.epochS,
        callerOf: () => this.caller,
        onCodeWanted: () => void this.done.push("code wanted"),
        onDial: (digits) => void this.done.push("dial " + digits),
        onCode: ({ relay, call, reason }) => {
          this.done.push("open " + relay + where(call));
          this.reasons.push(reason);
        },
        onWrongCode: (call, isLast) => void this.done.push((isLast ? "wrong, last" : "wrong") + where(call)),
      },
    );
    access.configure();
    return access;
  }

  /** Cuts the power and brings it back. */
  cut(): void {
    this.access = this.start();
  }

  wait(ms: number): void {
    const end = this.timers.nowMs + ms;
    while (this.timers.next() <= end) this.timers.poll(this.timers.next());
    this.timers.poll(end);
  }

  /** @returns the list of what was done meanwhile */
  dial(digits: string, way = RTP, call = callOf(0)): string[] {
    this.done = [];
    for (const digit of digits) {
      this.access.digit(call, digit.charCodeAt(0), way);
      this.wait(1);
    }
    return this.done;
  }

  /** @returns the list of what keys of the keypad did; there is no call whose last try it could be */
  keys(names: string): string[] {
    this.done = [];
    for (const name of names) this.access.key(name.charCodeAt(0));
    return this.done.map((what) => what.replace(", last", ""));
  }

  message(relay: number, code: string): string[] {
    this.done = [];
    this.access.text(relay, code);
    return this.done;
  }

  later(ms: number): string[] {
    this.done = [];
    this.wait(ms);
    return this.done;
  }

  /** @returns whether that code is still heard after so many more wrong entries */
  isHeardAfter(wrong: number, code: string): boolean {
    for (let i = 0; i < wrong; i++) {
      this.access.reset();
      this.dial("0000#");
    }
    this.access.reset();
    return this.dial(code + "#").includes("open 1");
  }
}

describe("a code", () => {
  it("opens its relay with its last digit, each of the ten digits counting", () => {
    const door = new Door("relay1.code=9018,27364", "relay2.code=5555");
    expect(door.dial("901")).toEqual([]);
    expect(door.dial("8")).toEqual(["open 1"]);
    expect(door.dial("5555")).toEqual(["open 2"]);
    expect(door.dial("27364")).toEqual(["open 1"]);
    expect(door.told).toEqual([]);
  });

  it("is made of digits alone: the letters of a keypad, and what stands beside the digits, are none", () => {
    const door = new Door("relay1.code=1950,2050");
    for (const other of ["2/50", "1:50", "A950", "1D50", "19:0", "195/"]) {
      expect(door.dial(other), other).toEqual(["wrong"]);
      door.access.reset();
      door.wait(8 * 3_600_000);
    }
    expect(door.dial("1950")).toEqual(["open 1"]);
    expect(door.dial("2050")).toEqual(["open 1"]);
  });

  it("is not opened by another one that begins, ends or goes on as it does", () => {
    const door = new Door("relay1.code=25801");
    for (const other of ["5801#", "2580#", "25802", "02580", "258", "025801"]) {
      expect(door.dial(other + "#"), other).not.toContain("open 1");
      door.access.reset();
      door.wait(8 * 3_600_000);
    }
  });

  it("that a longer one begins with opens by #, or after 5 s without a digit; the longer one at once", () => {
    const door = new Door("relay1.code=4711,471188", "relay2.code=47118");
    expect(door.dial("4711")).toEqual([]);
    expect(door.later(4998)).toEqual([]);
    expect(door.later(1)).toEqual(["open 1"]);
    expect(door.dial("4711#")).toEqual(["open 1"]);
    expect(door.dial("47118")).toEqual([]);
    expect(door.later(5000)).toEqual(["open 2"]);
    expect(door.dial("471188")).toEqual(["open 1"]);
    // Each digit begins the 5 s anew.
    expect(door.dial("471")).toEqual([]);
    door.wait(4000);
    expect(door.dial("1")).toEqual([]);
    expect(door.later(4000)).toEqual([]);
    expect(door.later(1000)).toEqual(["open 1"]);
  });

  it("of eight digits that no other begins with opens at once, whatever its digits", () => {
    const door = new Door("relay1.code=00000000,99999999", "relay2.code=0000");
    expect(door.dial("99999999")).toEqual(["open 1"]);
    expect(door.dial("0000")).toEqual([]);
    expect(door.dial("0000")).toEqual(["open 1"]);
    expect(door.dial("0000#")).toEqual(["open 2"]);
  });

  it("begins anew after *, with other codes, in another call and after the call's end", () => {
    const door = new Door("relay1.code=2580");
    const begins: (() => void)[] = [
      () => door.dial("*"),
      () => door.access.configure(),
      () => door.dial("*", RTP, callOf(1)),
      () => door.access.reset(),
      () => door.message(1, "2580"),
    ];
    for (const begin of begins) {
      door.dial("25");
      begin();
      expect(door.dial("80")).toEqual([]);
      expect(door.dial("*2580")).toEqual(["open 1"]);
    }
    door.dial("258");
    expect(door.dial("2580", RTP, callOf(1))).toEqual(["open 1"]);
  });

  it("that is taken out of the settings opens no more, and a new one does", () => {
    const door = new Door("relay1.code=2580", "relay2.code=1234567");
    door.settings.assign("relay1.code=86420");
    door.settings.assign("relay2.code=");
    door.access.configure();
    expect(door.dial("1234567#")).not.toContain("open 2");
    door.access.reset();
    expect(door.dial("86420")).toEqual(["open 1"]);
    expect(door.dial("2580#")).toEqual(["wrong"]);
    expect(door.dial("1234#")).toEqual(["wrong"]);
  });

  it("that is there twice opens the first relay, and by MESSAGE the one that is asked for", () => {
    const door = new Door("relay1.code=2580", "relay2.code=2580,4711");
    expect(door.dial("2580")).toEqual(["open 1"]);
    expect(door.message(2, "2580")).toEqual(["open 2 by message"]);
    expect(door.message(1, "2580")).toEqual(["open 1 by message"]);
    expect(door.message(1, "4711")).toEqual(["wrong by message"]);
  });
});

describe("a door without codes", () => {
  it("opens nothing and counts nothing, whatever is dialled; it is told once in a call how to set one", () => {
    const door = new Door();
    const hint = "error digits open nothing, no door code is set: set relay1.code DIGITS, then save";
    expect(door.dial("0123456789#*99999999#")).toEqual([]);
    expect(door.later(60_000)).toEqual([]);
    expect(door.told).toEqual([hint]);
    door.access.reset();
    expect(door.dial("##", INBAND, callOf(1))).toEqual([]);
    expect(door.told).toEqual([hint, hint]);
    expect(door.store.read("lock.a")).toBeNull();
  });
});

describe("an entry", () => {
  it("ends with #, with as many digits as the longest code has, and 5 s after its last digit; # alone and * alone are none", () => {
    const door = new Door("relay1.code=2580,147036");
    expect(door.dial("#*#")).toEqual([]);
    expect(door.dial("1#")).toEqual(["wrong"]);
    door.access.reset();
    expect(door.dial("99999")).toEqual([]);
    expect(door.dial("9")).toEqual(["wrong"]);
    door.access.reset();
    expect(door.dial("1")).toEqual([]);
    expect(door.later(4999)).toEqual(["wrong"]);
    expect(door.later(60_000)).toEqual([]);
    expect(door.told).toEqual([
      "error wrong door code tries 1 by rtp",
      "error wrong door code tries 1 by rtp",
      "error wrong door code tries 1 by rtp",
    ]);
  });

  it("is the last of a call when it is the third wrong one, whatever was between but a right one", () => {
    const door = new Door("relay1.code=2580");
    expect(["9999", "9998", "9997", "9996"].map((code) => door.dial(code)[0])).toEqual([
      "wrong",
      "wrong",
      "wrong, last",
      "wrong, last",
    ]);
    const owner = new Door("relay1.code=2580");
    expect(["9999", "9998", "2580", "9997", "9996", "9995"].map((code) => owner.dial(code)[0])).toEqual([
      "wrong",
      "wrong",
      "open 1",
      "wrong",
      "wrong",
      "wrong, last",
    ]);
    // A new call begins anew.
    const other = new Door("relay1.code=2580");
    other.dial("9999");
    other.dial("9999");
    other.access.reset();
    expect(other.dial("9999")).toEqual(["wrong"]);
  });

  it("that was broken off counts from as many digits on as the shortest code has", () => {
    for (const [digits, isCounted] of [
      ["999", false],
      ["9999", true],
      ["99999", true],
    ] as const)
      for (const end of ["*", "reset", "other call", "message"]) {
        const door = new Door("relay1.code=4711,471188", "relay2.code=8642");
        door.dial(digits);
        if (end === "*") door.dial("*");
        else if (end === "other call") door.dial("*", RTP, callOf(1));
        else if (end === "message") door.message(2, "8642");
        else door.access.reset();
        expect(door.isHeardAfter(4, "4711"), digits + " " + end).toBe(!isCounted);
      }
  });

  it("that the power breaks off counts from as many digits on as the shortest code has", () => {
    for (const [digits, isCounted] of [
      ["999", false],
      ["9999", true],
      ["99999", true],
    ] as const) {
      const door = new Door("relay1.code=4711,471188");
      for (let i = 0; i < 5; i++) {
        door.dial(digits);
        door.cut();
      }
      expect(door.dial("4711#"), digits).toEqual(isCounted ? ["wrong"] : ["open 1"]);
    }
  });

  it("is one guess at each code, though two relays have the same", () => {
    for (const settings of [["relay1.code=2580", "relay2.code=2580"], ["relay1.code=2580,2580"]]) {
      expect(new Door(...settings).isHeardAfter(4, "2580")).toBe(true);
      expect(new Door(...settings).isHeardAfter(5, "2580")).toBe(false);
    }
  });

  it("by MESSAGE is a guess at the codes of its relay alone", () => {
    const door = new Door("relay1.code=2580", "relay2.code=4711");
    for (let i = 0; i < 5; i++) door.message(2, "9999");
    expect(door.told.at(-2)).toBe("error wrong door code tries 5 by message");
    expect(door.told.at(-1)).toBe(
      "error door codes are locked seconds 300 key relay2.code allowed after that, or without a code",
    );
    expect(door.message(2, "4711")).toEqual(["wrong, last by message"]);
    expect(door.dial("4711")).toEqual(["wrong, last"]);
    door.access.reset();
    expect(door.dial("2580")).toEqual(["open 1"]);
  });

  it("by MESSAGE that is longer than any code, empty, or no number opens nothing", () => {
    const door = new Door("relay1.code=0000,00000000");
    for (const code of ["000000000", "0".repeat(400), "", "e4", "e8", " 0000", "0000 "]) {
      expect(door.message(1, code), code).toEqual(["wrong by message"]);
      door.access.reset();
      door.wait(8 * 3_600_000);
    }
    expect(door.message(1, "0000")).toEqual(["open 1 by message"]);
  });
});

describe("codes that are locked", () => {
  it("are not heard, and each entry tells for how long and in which settings; others are heard", () => {
    const door = new Door("relay1.code=2580", "relay2.code=4711,8888");
    const lock = (code: string, times: number): void => {
      for (let i = 0; i < times; i++) {
        door.dial("9999");
        door.dial(code);
        door.access.reset();
      }
    };
    lock("4711", 5);
    door.told = [];
    expect(door.dial("2580")).toEqual(["wrong"]);
    expect(door.dial("8888")).toEqual(["wrong"]);
    expect(door.told.every((line) => !line.includes("2580"))).toBe(true);
    expect(door.told.at(-1)).toMatch(
      /^error door codes are locked seconds (299|300) key relay1\.code,relay2\.code allowed/,
    );
    door.access.reset();
    expect(door.dial("4711")).toEqual(["open 2"]);
    door.wait(150_000);
    lock("4711", 1);
    expect(door.told.at(-1)).toMatch(/^error door codes are locked seconds 150 key relay1\.code,relay2\.code allowed/);
    door.wait(150_000);
    expect(door.dial("2580")).toEqual(["open 1"]);
    expect(door.dial("8888")).toEqual(["open 2"]);
  });

  it("are told with the longest time, and by the settings that have one", () => {
    const door = new Door("relay1.code=2580", "relay2.code=4711");
    for (let i = 0; i < 5; i++) door.message(2, "9999");
    door.wait(100_000);
    for (let i = 0; i < 5; i++) door.message(1, "9999");
    expect(door.told.at(-1)).toMatch(/^error door codes are locked seconds 300 key relay1\.code,relay2\.code /);
    door.wait(200_000);
    door.message(1, "9999");
    expect(door.told.at(-1)).toMatch(/^error door codes are locked seconds 100 key relay1\.code /);
  });

  it("do not hide a guesser at others: those are locked in their turn", () => {
    const door = new Door("relay1.code=2580", "relay2.code=4711");
    for (let i = 0; i < 5; i++) door.message(2, "9999");
    door.told = [];
    for (let i = 0; i < 5; i++) door.dial("9999");
    expect(door.told.filter((line) => line.startsWith("error wrong"))).toHaveLength(5);
    door.access.reset();
    expect(door.dial("2580")).toEqual(["wrong"]);
  });

  it("stay so when the settings are saved, also one that two relays have", () => {
    const door = new Door("relay1.code=2580,4711", "relay2.code=2580,4711");
    for (let i = 0; i < 4; i++) door.dial("9999");
    door.access.configure();
    door.access.configure();
    door.dial("9999");
    door.access.reset();
    for (const code of ["2580", "4711"]) expect(door.dial(code + "#")).toEqual(["wrong"]);
  });

  it("count no entry while all are locked, and say wrong no more", () => {
    const door = new Door("relay1.code=2580");
    for (let i = 0; i < 5; i++) door.dial("9999");
    const before = door.told.filter((line) => line.startsWith("error wrong")).length;
    expect(before).toBe(5);
    for (let i = 0; i < 20; i++) door.dial("9999");
    expect(door.told.filter((line) => line.startsWith("error wrong"))).toHaveLength(before);
    door.wait(300_000);
    door.access.reset();
    expect(door.dial("2580")).toEqual(["open 1"]);
  });

  it("look like any other digits: a longer entry is not cut short by one, nor a shorter one made to wait", () => {
    const door = new Door("relay1.code=2580", "relay2.code=471147");
    for (let i = 0; i < 5; i++) door.message(1, "9999");
    expect(door.dial("2580")).toEqual([]);
    expect(door.dial("11")).toEqual(["wrong, last"]);
  });
});

describe("the way a digit comes", () => {
  it("is the surest that was heard in a call: the same press is not heard twice", () => {
    const door = new Door("relay1.code=2255");
    // The digits come as tones, and then each as an event too.
    for (const digit of "2255") {
      door.dial(digit, RTP);
      door.dial(digit, INFO);
      door.dial(digit, INBAND);
    }
    expect(door.done).toEqual([]);
    expect(door.told).toEqual([]);
    expect(door.dial("2255")).toEqual(["open 1"]);
  });

  it("may become a surer one: within half a second that is the same press, later or with another digit a new one", () => {
    for (const [first, second, gapMs, opens] of [
      [INBAND, RTP, 500, true],
      [INBAND, INFO, 500, true],
      [INFO, RTP, 500, true],
      [INBAND, RTP, 501, false],
      [INFO, RTP, 501, false],
    ] as const) {
      const door = new Door("relay1.code=2580");
      door.wait(10_000);
      door.access.digit(callOf(0), "2".charCodeAt(0), first);
      door.wait(gapMs);
      expect(door.dial("2580", second).includes("open 1"), [first, second, gapMs].join()).toBe(opens);
      expect(new Door("relay1.code=1258").dial("1", first)).toEqual([]);
    }
    const door = new Door("relay1.code=1258");
    door.dial("1", INBAND);
    expect(door.dial("258", RTP)).toEqual(["open 1"]);
  });

  it("that is surer hides the others for the rest of that call, and of no other", () => {
    const door = new Door("relay1.code=2580");
    door.dial("2*", RTP);
    expect(door.dial("2580", INBAND)).toEqual([]);
    expect(door.dial("2580", INFO)).toEqual([]);
    expect(door.dial("2580", INBAND, callOf(1))).toEqual(["open 1"]);
    door.access.reset();
    expect(door.dial("2580", INFO)).toEqual(["open 1"]);
    // The same digit twice in the same way is two presses.
    expect(door.dial("22#", INFO)).toEqual(["wrong"]);
  });

  it("is told with a wrong one, and with none of a call before", () => {
    const door = new Door("relay1.code=2580");
    for (const [way, name] of [
      [INFO, "info"],
      [INBAND, "inband"],
      [RTP, "rtp"],
    ] as const) {
      door.access.reset();
      door.dial("99#", way);
      expect(door.told.at(-1)).toBe("error wrong door code tries 1 by " + name);
    }
  });
});

describe("the store", () => {
  it("is not written to by entries that are compared with no code: nobody wears the flash out so", () => {
    const door = new Door("relay1.code=2580");
    let writes = 0;
    door.store.write = () => {
      writes += 1;
    };
    for (let i = 0; i < 20; i++) door.message(2, "9999");
    for (let i = 0; i < 20; i++) door.dial("#*25*");
    expect(writes).toBe(0);
    expect(door.told.at(-1)).toBe("error wrong door code tries 20 by message");
  });
});

describe("a store that fails", () => {
  it("is told once, and once more when it fails after it had worked again", () => {
    const door = new Door("relay1.code=2580");
    const write = door.store.write.bind(door.store);
    const fails = (): void => {
      throw new Error("flash is full");
    };
    const told = (): number =>
      door.told.filter((line) => line.startsWith("error the store failed: wrong door codes count")).length;
    door.store.write = fails;
    door.dial("9999");
    door.dial("9999");
    expect(told()).toBe(1);
    door.store.write = write;
    door.dial("9999");
    door.store.write = fails;
    door.dial("9999");
    expect(told()).toBe(2);
  });
});

describe("an order by MESSAGE", () => {
  it.each([
    ["open", "open", 1, ""],
    ["close", "close", 1, ""],
    ["  OPEN \r\n", "open", 1, ""],
    ["open 2", "open", 2, ""],
    ["close 2", "close", 2, ""],
    ["open 0", "open", 0, ""],
    ["open 9", "open", 9, ""],
    ["open 2580", "open", 1, "2580"],
    ["Open 2 9018", "open", 2, "9018"],
    ["open 12", "open", 1, "12"],
  ])("%j is understood", (said, word, relay, code) => {
    expect(readOrder(said)).toEqual({ word, relay, code });
  });

  it.each([
    "",
    "opens",
    "open the door",
    "open 2 2580 1",
    "open 2 2580 ",
    "open  2580",
    "close 2580",
    "close 2 2580",
    "open 2580 2",
    "open 2 2",
    "open 25/0",
    "open 25:0",
    "open 2 25a0",
    "please open",
    "2 2580",
    "open\t2580",
    "open 2580 4711",
    "reopen",
  ])("%j is none", (said) => {
    expect(readOrder(said.endsWith(" ") ? said + "x" : said)).toBeNull();
  });
});

describe("people's codes", () => {
  function withPeople(...settings: string[]): Door {
    const door = new Door(...settings);
    door.people.load();
    expect(door.people.add(Object.assign(new Person(), { name: "Anna" }), ["258036"])).toBe("");
    expect(door.people.add(Object.assign(new Person(), { name: "Ben", relays: 3 }), ["471104"])).toBe("");
    door.access.onPeople();
    return door;
  }

  it("open with the last digit, each its relays, and by MESSAGE the one that is asked for", () => {
    const door = withPeople();
    expect(door.dial("25803")).toEqual([]);
    expect(door.dial("6")).toEqual(["open 1"]);
    expect(door.dial("471104")).toEqual(["open 1", "open 2"]);
    expect(door.reasons).toEqual(["code, Anna", "code, Ben", "code, Ben"]);
    expect(door.message(2, "471104")).toEqual(["open 2 by message"]);
    expect(door.message(2, "258036")).toEqual(["wrong by message"]);
    expect(door.told.at(-1)).toBe("error access refused person Anna why not for relay 2 by message");
  });

  it("make a shorter code of the settings wait, since a person's may begin with it", () => {
    const door = withPeople("relay2.code=2580");
    expect(door.dial("2580")).toEqual([]);
    expect(door.dial("#")).toEqual(["open 2"]);
    expect(door.dial("2580")).toEqual([]);
    expect(door.later(5000)).toEqual(["open 2"]);
    expect(door.dial("258036")).toEqual(["open 1"]);
  });

  it("have one lock for what others guess: a right code frees its own person alone, over a power cut", () => {
    const door = withPeople();
    for (let i = 0; i < 4; i++) {
      door.access.reset();
      expect(door.dial("000000")).toEqual(["wrong"]);
    }
    expect(door.dial("258036")).toEqual(["open 1"]);
    door.cut();
    expect(door.dial("000000")).toEqual(["wrong"]);
    expect(door.dial("471104")).toEqual(["wrong"]);
    expect(door.dial("258036")).toEqual(["open 1"]);
    door.cut();
    expect(door.dial("471104")).toEqual(["wrong"]);
    door.later(301_000);
    expect(door.dial("471104")).toEqual(["open 1", "open 2"]);
  });

  it("are guessed at 115 times a day at most, though somebody who has one enters it in between", () => {
    const door = withPeople();
    let compared = 0;
    for (let minute = 0; minute < 24 * 60; minute++) {
      for (let i = 0; i < 4; i++) {
        const { lock } = door.access as unknown as { lock: CodeLock };
        // The lock tells whether Ben's code would open now.
        if (lock.remainingMs(lock.numberOf(1)) === 0) compared += 1;
        door.access.text(1, "000000");
        door.access.text(1, "258036");
      }
      door.later(60_000);
    }
    expect(compared).toBeGreaterThan(30);
    expect(compared).toBeLessThanOrEqual(115);
  });

  it("are no dial tone: three digits and # at the keypad dial, and take nothing from the count of guesses", () => {
    const door = withPeople();
    door.done = [];
    for (const key of "12#0#7***3#") door.access.key(key.charCodeAt(0));
    expect(door.done).toEqual(["dial 12", "dial 0", "dial 3"]);
    expect(door.told).toEqual([]);
  });
});

describe("cards", () => {
  it("open, and unknown ones are counted and locked by themselves", () => {
    const door = new Door("relay1.code=2580");
    door.people.load();
    expect(door.people.add(Object.assign(new Person(), { name: "Anna", cards: ["77"] }), [])).toBe("");
    door.access.onPeople();
    expect(door.access.card("77")).toBe(true);
    expect(door.reasons).toEqual(["card, Anna"]);
    for (let i = 0; i < 5; i++) expect(door.access.card("" + i)).toBe(false);
    expect(door.access.card("77")).toBe(false);
    expect(door.told.at(-1)).toContain("key cards");
    door.cut();
    expect(door.access.card("77")).toBe(false);
    expect(door.dial("2580")).toEqual(["open 1"]);
    door.later(301_000);
    expect(door.access.card("77")).toBe(true);
  });
});

describe("card and code", () => {
  const CARD = "77";

  function withFactors(...settings: string[]): Door {
    const door = new Door("relay1.factors=both", ...settings);
    door.people.load();
    const add = (name: string, relays: number, cards: string[], codes: string[]): void => {
      expect(door.people.add(Object.assign(new Person(), { name, relays, cards }), codes)).toBe("");
    };
    add("Anna", 1, [CARD], ["258036"]);
    add("Ben", 3, ["88"], ["471104"]);
    add("Carl", 1, ["99"], []);
    add("Dora", 1, [], ["112233"]);
    door.access.onPeople();
    return door;
  }

  function card(door: Door, number: string): string[] {
    door.done = [];
    door.access.card(number);
    return door.done.map((what) => what.replace(", last", ""));
  }

  it("open together, the card first, within 20 s", () => {
    const door = withFactors();
    expect(card(door, CARD)).toEqual(["code wanted"]);
    door.later(19_000);
    expect(door.keys("258036")).toEqual(["open 1 by message"]);
    expect(door.reasons).toEqual(["card and code, Anna"]);
    // The card counted once.
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    expect(door.told).toEqual(["error access refused person Anna why the card has to come first by keypad"]);
    expect(card(door, CARD)).toEqual(["code wanted"]);
    expect(door.later(20_000)).toEqual(["wrong by message"]);
    expect(door.told.at(-1)).toBe("error access refused person Anna why no code came after the card by card");
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    expect(door.later(60_000)).toEqual([]);
  });

  it("have to be one person's, and any code or another card ends the time", () => {
    const door = withFactors();
    card(door, CARD);
    expect(door.keys("471104")).toEqual(["open 2 by message"]);
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    card(door, CARD);
    expect(door.keys("112233")).toEqual(["wrong by message"]);
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    card(door, CARD);
    expect(door.keys("000000")).toEqual(["wrong by message"]);
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    card(door, CARD);
    card(door, "12345");
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    card(door, CARD);
    // A digit that is taken back is no guess.
    expect(door.keys("9*")).toEqual([]);
    expect(door.keys("258036")).toEqual(["open 1 by message"]);
  });

  it("count one guess for a wrong code, and are locked as codes are", () => {
    const door = withFactors();
    for (let i = 0; i < 5; i++) {
      expect(card(door, CARD)).toEqual(["code wanted"]);
      expect(door.keys("000000")).toEqual(["wrong by message"]);
    }
    expect(door.told.filter((line) => line.includes("wrong door code"))).toHaveLength(5);
    expect(door.told.at(-1)).toContain("door codes are locked");
    card(door, CARD);
    expect(door.keys("258036")).toEqual(["wrong by message"]);
    door.later(301_000);
    card(door, CARD);
    expect(door.keys("258036")).toEqual(["open 1 by message"]);
  });

  it("are asked for each relay: a card alone opens the one that needs no code", () => {
    const door = withFactors();
    expect(card(door, "88")).toEqual(["open 2 by message", "code wanted"]);
    expect(door.keys("471104")).toEqual(["open 1 by message"]);
    expect(door.reasons).toEqual(["card, Ben", "card and code, Ben"]);
    expect(card(door, "99")).toEqual(["wrong by message"]);
    expect(door.told.at(-1)).toBe("error access refused person Carl why there is no code to go with the card by card");
  });

  it("are asked at the door alone: in a call and by MESSAGE a code opens, everybody's too", () => {
    const door = withFactors("relay1.code=999000", "relay2.code=999000");
    expect(door.dial("258036")).toEqual(["open 1"]);
    expect(door.message(1, "258036")).toEqual(["open 1 by message"]);
    expect(door.dial("999000")).toEqual(["open 1"]);
    expect(door.keys("999000")).toEqual(["open 2 by message"]);
    const alone = withFactors("relay1.code=999000");
    expect(alone.keys("999000")).toEqual(["wrong by message"]);
    expect(alone.told).toEqual(["error access refused person everybody why the relay needs a card too by keypad"]);
  });

  it("open nothing when the person is removed, or the card or its hours are taken away, between the two", () => {
    const door = withFactors();
    const anna = door.people.at(0) ?? new Person();
    card(door, CARD);
    for (const key of "258") door.access.key(key.charCodeAt(0));
    expect(door.people.change(0, Object.assign(anna, { cards: [] }), null)).toBe("");
    door.access.onPeople();
    expect(door.keys("036")).toEqual(["wrong by message"]);
    expect(door.people.change(0, Object.assign(anna, { cards: [CARD] }), null)).toBe("");
    card(door, CARD);
    for (const key of "258") door.access.key(key.charCodeAt(0));
    expect(door.people.remove(0)).toBe("");
    // Another one in the same place does not take over the card.
    expect(door.people.add(Object.assign(new Person(), { name: "Eve" }), ["258036"])).toBe("");
    door.access.onPeople();
    expect(door.keys("036")).toEqual(["wrong by message"]);
    const gone = withFactors();
    expect(gone.people.change(0, Object.assign(gone.people.at(0) ?? anna, { isEnabled: false }), null)).toBe("");
    expect(card(gone, CARD)).toEqual(["wrong by message"]);
    expect(gone.keys("258036")).toEqual(["wrong by message"]);
  });

  it("take one use together, at the code", () => {
    const door = withFactors();
    expect(door.people.change(0, Object.assign(door.people.at(0) ?? new Person(), { uses: 1 }), null)).toBe("");
    card(door, CARD);
    door.later(20_000);
    expect(door.people.at(0)?.uses).toBe(1);
    card(door, CARD);
    expect(door.keys("258036")).toEqual(["open 1 by message"]);
    expect(door.people.at(0)?.uses).toBe(0);
    expect(card(door, CARD)).toEqual(["wrong by message"]);
    expect(door.told.at(-1)).toBe("error access refused person Anna why used up by card");
  });
});
