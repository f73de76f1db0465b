import fc from "fast-check";
import { expect, it } from "vitest";
import { CivilDate, daysTo } from "../../src/core/calendar.js";

const date = new CivilDate();
const DAY_MS = 86_400_000;

it("names each day as the platform's calendar does, from the year 1 to 9999", () => {
  fc.assert(
    fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), (days) => {
      date.set(days);
      const same = new Date(days * DAY_MS);
      expect([date.year, date.month, date.day]).toEqual([
        same.getUTCFullYear(),
        same.getUTCMonth() + 1,
        same.getUTCDate(),
      ]);
      expect(daysTo(date.year, date.month) + date.day - 1).toBe(days);
    }),
    { seed: 20261123, numRuns: 5000 },
  );
});

it.each([
  [0, "1970-1-1"],
  [11_016, "2000-2-29"],
  [11_017, "2000-3-1"],
  [47_540, "2100-2-28"],
  [47_541, "2100-3-1"],
])("day %d is %s", (days, name) => {
  date.set(days);
  expect(`${date.year}-${date.month}-${date.day}`).toBe(name);
});
