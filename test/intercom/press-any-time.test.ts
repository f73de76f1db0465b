/**
 * Tests presses at any time, between any answers and timers of a plan: once the ringing was given up no phone is called
 * any more, each call that is told to begin is told to end, and the next press works.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { runs } from "../runs.js";
import { header, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";
import { Phone } from "./phone.js";

const PHONES = 4;
const WORDS = ["180 Ringing", "200 OK", "486 Busy Here", "503 Service Unavailable", "404 Not Found"];

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

/** Counts the calls that the door begins, as they are sent. */
function counter(world: World): () => number {
  const begun = new Set<string>();
  world.lose = (message, from) => {
    if (from === DOOR && message.startsWith("INVITE")) begun.add(header(message, "Call-ID") + header(message, "To"));
    return false;
  };
  return () => begun.size;
}

// Often nobody answers at all: then transactions are used up, and targets wait for room.
const says = fc.array(fc.oneof(fc.constant<string[]>([]), fc.array(fc.constantFrom(...WORDS), { maxLength: 2 })), {
  minLength: PHONES,
  maxLength: PHONES,
});
const steps = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 0, 1, 20, 99, 100, 101, 300, 300, 900, 5001, 11_000),
    what: fc.constantFrom("press", "press", "press", "press2", "say", "hangup", "hold"),
    phone: fc.nat({ max: PHONES - 1 }),
    word: fc.constantFrom(...WORDS),
  }),
  { minLength: 2, maxLength: 20 },
);
const separators = fc.array(fc.constantFrom(",", " > ", " 6s > "), { minLength: PHONES - 1, maxLength: PHONES - 1 });

describe.each([
  ["a machine with room", HOUSE_LIMITS],
  ["a board", DOOR_LIMITS],
  ["a board where one target rings at a time", { ...DOOR_LIMITS, calls: 1 }],
])("a press on %s", (_, limits) => {
  it("at any time gives up what rings and what would ring next, or calls", () => {
    let cancelled = 0;
    fc.assert(
      fc.property(says, steps, separators, fc.boolean(), (words, happenings, between, hasFallback) => {
        House.limits = limits;
        const world = new World();
        const invites = counter(world);
        const phones = words.map((_, i) => new Phone(world, `10.0.0.${10 + i}`));
        phones.forEach((phone, i) => {
          phone.says = words[i];
        });
        const names = phones.map((phone) => `sip:p@${phone.address}`);
        const plan = names.reduce((text, one, i) => (i === 0 ? one : text + between[i - 1] + one), "");
        const more = hasFallback ? [`call.fallback=${names[0]}`] : [];
        const house = new House(
          world,
          `button1.day=${plan}`,
          `button2.day=${names[1]}`,
          `button1.hold=${names[2]}`,
          ...more,
        );
        /** Number of INVITEs begun when the ringing was given up; -1 while it was not. */
        let begun = -1;
        const isRinging = () => house.door["ring"].isOn;
        for (const { afterMs, what, phone, word } of happenings) {
          world.run(afterMs);
          if (begun >= 0) {
            expect(invites()).toBe(begun);
            expect(isRinging()).toBe(false);
          }
          if (what === "say") {
            if (phones[phone].isRinging()) phones[phone].say(word);
            continue;
          }
          const wasRinging = isRinging();
          house.timers.nowMs = world.nowMs;
          if (what === "hangup") house.door.hangUp("");
          else if (what === "hold") house.door.hold(1);
          else house.press(what === "press" ? 1 : 2);
          world.run(0);
          // After the same button, or a hang-up, nothing rings from now on.
          const isGivenUp = what === "hangup" || (what === "press" && wasRinging && !isRinging());
          if (isGivenUp && wasRinging) cancelled += 1;
          begun = isGivenUp ? invites() : -1;
          if (what === "hangup") expect(isRinging()).toBe(false);
        }
        house.door.hangUp("");
        world.run(100_000);
        const told = house.told("call");
        expect(told.filter((value) => value === "calling").length).toBe(
          told.filter((value) => value === "ended").length,
        );
        expect(house.door.ua.activeCall()).toBe(null);
        expect(house.told("led").at(-1)).toBe("ready");
        // The door can call again.
        const before = invites();
        house.press();
        world.run(1);
        expect(invites()).toBeGreaterThan(before);
      }),
      { seed: 6, numRuns: runs(350) },
    );
    expect(cancelled).toBeGreaterThan(15);
  });
});

describe("six presses 300 ms apart", () => {
  it.each([HOUSE_LIMITS, DOOR_LIMITS])("call and give up in turn, and nobody rings at the end", (limits) => {
    for (const words of [[], ["180 Ringing"], ["486 Busy Here"]]) {
      for (const between of [",", " > "]) {
        House.limits = limits;
        const world = new World();
        const invites = counter(world);
        const phones = [0, 1].map((i) => new Phone(world, `10.0.0.${10 + i}`));
        phones[0].says = words;
        phones[1].says = [];
        const house = new House(world, `button1.day=sip:p@10.0.0.10${between}sip:p@10.0.0.11`);
        for (let i = 0; i < 6; i++) {
          house.press();
          world.run(300);
        }
        const begun = invites();
        world.run(60_000);
        expect(invites()).toBe(begun);
        const told = house.told("call");
        expect(told.filter((value) => value === "calling")).toHaveLength(
          told.filter((value) => value === "ended").length,
        );
        for (const phone of phones) expect(phone.isKnownToRing()).toBe(false);
        expect(house.told("led").at(-1)).toBe("ready");
      }
    }
  });

  it("a press in the same moment as the end of a target is not lost, nor a hangup", () => {
    for (const giveUp of [(house: House) => house.press(), (house: House) => house.door.hangUp("")]) {
      const world = new World();
      const invites = counter(world);
      const phones = [0, 1].map((i) => new Phone(world, `10.0.0.${10 + i}`));
      phones[0].says = ["486 Busy Here"];
      const house = new House(world, "button1.day=sip:p@10.0.0.10 > sip:p@10.0.0.11");
      const receive = house.receive.bind(house);
      house.receive = (datagram) => {
        receive(datagram);
        if (house.door.ua.activeCall() === null && house.door.isRinging) giveUp(house);
      };
      house.press();
      world.run(60_000);
      expect(invites()).toBe(1);
      expect(house.tellings("call", "reason")).toEqual(["calling -", "ended hung up here"]);
      expect(house.told("led").at(-1)).toBe("ready");
    }
  });

  it("on a board whose transactions wait for silent phones show that it rings, and that it does not", () => {
    House.limits = DOOR_LIMITS;
    const world = new World();
    for (const last of [10, 11]) new Phone(world, `10.0.0.${last}`).says = [];
    const house = new House(world, "button1.day=sip:p@10.0.0.10,sip:p@10.0.0.11");
    const shown: (string | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      house.press();
      shown.push(house.told("led").at(-1));
      world.run(300);
    }
    expect(shown).toEqual(Array(4).fill(["ringing", "ready"]).flat());
  });
});
