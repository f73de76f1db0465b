/**
 * Tests a plan with phones that do what phones do, in any order: whatever comes, one call at most is established, and
 * all the others end on both sides.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { runs } from "../runs.js";
import { World } from "../ua/harness.js";
import { House } from "./house.js";
import { Phone } from "./phone.js";

const PHONES = 5;
const WORDS = [
  "100 Trying",
  "180 Ringing",
  "183 Session Progress",
  "200 OK",
  "486 Busy Here",
  "603 Decline",
  "503 Service Unavailable",
];

const answers = fc.array(fc.array(fc.constantFrom(...WORDS), { maxLength: 3 }), {
  minLength: PHONES,
  maxLength: PHONES,
});
/** After so many ms phone `phone` says `word`, or the button is pressed. */
const happenings = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 0, 1, 3, 40, 900, 4999, 5001, 11_000),
    phone: fc.integer({ min: 0, max: PHONES }),
    word: fc.constantFrom(...WORDS),
  }),
  { maxLength: 14 },
);
const separators = fc.array(fc.constantFrom(",", " > ", " 6s > "), { minLength: PHONES - 2, maxLength: PHONES - 2 });

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

describe.each([
  ["a machine with room", HOUSE_LIMITS],
  ["a board", DOOR_LIMITS],
])("a plan on %s", (_name, limits) => {
  it("leaves no phone ringing or talking alone, and nothing used up, whatever the phones say and when", () => {
    let answered = 0;
    fc.assert(
      fc.property(answers, happenings, separators, fc.boolean(), (says, steps, between, losesSome) => {
        House.limits = limits;
        const world = new World();
        const phones = says.map((_, i) => new Phone(world, `10.0.0.${10 + i}`));
        phones.forEach((phone, i) => {
          phone.says = says[i];
        });
        const names = phones.map((phone) => `sip:p@${phone.address}`);
        const plan = names.slice(0, -1).reduce((text, one, i) => (i === 0 ? one : text + between[i - 1] + one), "");
        const house = new House(world, `button1.day=${plan}`, `call.fallback=${names[PHONES - 1]}`);
        let count = 0;
        if (losesSome) world.lose = () => ++count % 7 === 0;
        house.press();
        for (const { afterMs, phone, word } of steps) {
          world.run(afterMs);
          if (phone === PHONES) house.press();
          else if (phones[phone].isRinging()) phones[phone].say(word);
          const talking = house.door.ua.calls.filter((call) => house.door.ua.isActive(call) && call.answeredMs >= 0);
          expect(talking.length).toBeLessThanOrEqual(1);
        }
        world.run(1000);
        if (house.told("call").at(-1) === "confirmed") answered += 1;
        world.lose = () => false;
        // All calls that are left are hung up.
        house.door.hangUp("");
        world.run(100_000);
        expect(house.door.ua.activeCall()).toBe(null);
        expect(house.door.ua.layer.clients.used()).toBe(0);
        expect(house.told("led").at(-1)).toBe("ready");
        const calls = house.told("call");
        expect(calls.filter((value) => value === "calling").length).toBe(
          calls.filter((value) => value === "ended").length,
        );
        expect(calls.at(-1)).toBe("ended");
        for (const phone of phones)
          if (!losesSome) expect([phone.isKnownToRing(), phone.talking.size]).toEqual([false, 0]);
        for (const line of house.door.ua.lines) expect(line.call?.hasSound ?? false).toBe(false);
      }),
      { seed: 4, numRuns: runs(400) },
    );
    expect(answered).toBeGreaterThan(10);
  });
});
