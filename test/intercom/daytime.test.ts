import { describe, expect, it } from "vitest";
import { isSpan, isWithin, isZone, minuteOfDay } from "../../src/intercom/daytime.js";

describe("the time where the door is", () => {
  it.each([
    ["CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"],
    ["EST5EDT,M3.2.0,M11.1.0", "America/New_York"],
    ["AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney"],
    ["<+0530>-5:30", "Asia/Kolkata"],
    ["CST-8", "Asia/Shanghai"],
    ["UTC0", "UTC"],
  ])("by %s is that of %s, on every day of twelve years and at the hours of its changes", (zone, name) => {
    expect(isZone(zone)).toBe(true);
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: name,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    for (let epochS = 1700000000; epochS < 2080000000; epochS += 3607 * 7) {
      const [hours, minutes] = format
        .format(epochS * 1000)
        .split(":")
        .map(Number);
      if (minuteOfDay(epochS, zone) !== hours * 60 + minutes) expect.fail(`${zone} at ${epochS}`);
    }
  });

  it.each([
    "",
    "U0",
    "UTC",
    "CET-1CEST",
    "CET-1CEST,M3.5.0",
    "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0",
    "CET-25",
    "CET-1x",
    "<CET-1",
    "CET-1CEST,J60,J300",
  ])("%j is no zone that is understood, or has no rules", (zone) => {
    expect(isZone(zone)).toBe(false);
  });
});

describe("a span of the day", () => {
  it.each([
    ["07:00-22:00", 7 * 60, true],
    ["07:00-22:00", 22 * 60, false],
    ["22:00-06:00", 23 * 60, true],
    ["22:00-06:00", 5 * 60 + 59, true],
    ["22:00-06:00", 6 * 60, false],
    ["00:00-00:00", 700, true],
  ])("%s has minute %i in it: %s", (span, minute, expected) => {
    expect(isSpan(span)).toBe(true);
    expect(isWithin(minute, span)).toBe(expected);
  });

  it.each(["7:00-22:00", "07:00 22:00", "24:00-06:00", "07:60-08:00", "07:00-22:0x", ""])("%j is none", (span) => {
    expect(isSpan(span)).toBe(false);
  });
});
