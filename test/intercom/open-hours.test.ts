/**
 * Tests relays that are on by their hours, and quiet hours: over the week, holidays and both changes of the clocks,
 * with a clock that is not known or jumps, and what a hand or a code does meanwhile.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { World } from "../ua/harness.js";
import { House } from "./house.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let world: World;
let house: House;

/** @param at the time at which the door starts, with its offset; "" while it is not known */
function begin(at: string, ...settings: string[]): void {
  house = new House(world, "time.zone=Europe/Berlin");
  house.epochAtStartS = at === "" ? 0 : Date.parse(at) / 1000;
  house.set(...settings);
}

/** @returns when relay 1 moved, as "time on" in UTC; writes that change nothing are left out */
function moves(): string[] {
  let last = "off";
  const out: string[] = [];
  for (const move of house.moves) {
    const [ms, what] = move.split(" ");
    if (what !== last)
      out.push(new Date((house.epochAtStartS + Number(ms) / 1000) * 1000).toISOString().slice(5, 16) + " " + what);
    last = what;
  }
  return out;
}

function key(names: string): void {
  house.timers.nowMs = world.nowMs;
  for (const name of names) house.door.key(name.charCodeAt(0));
}

beforeEach(() => {
  world = new World();
});

describe("a relay's hours", () => {
  it("switch it on and off by themselves, and holidays of the schedule do not", () => {
    begin(
      "2026-12-23T07:00:00+01:00",
      "schedule1.name=shop",
      "schedule1.hours=mon-fri 08:00-18:00, sat 09:00-13:00, 2026-12-24..2026-12-25 closed",
      "relay1.hours=@shop",
    );
    world.run(4 * 24 * HOUR);
    expect(moves()).toEqual(["12-23T07:00 on", "12-23T17:00 off", "12-26T08:00 on", "12-26T12:00 off"]);
    expect(house.log.text("open").trim().split("\n")).toEqual([
      "2026-12-23 07:00:00Z open relay 1: hours",
      "2026-12-26 08:00:00Z open relay 1: hours",
    ]);
  });

  it.each([
    ["2026-03-28T12:00:00+01:00", ["03-28T23:30 on", "03-29T01:30 off"], "the night that loses an hour"],
    ["2026-10-24T12:00:00+02:00", ["10-24T22:30 on", "10-25T02:30 off"], "the night that has one twice"],
  ])("are those of the clocks on the wall when they change: from %s", (at, expected) => {
    begin(at, "relay1.hours=sun 00:30-03:30");
    world.run(24 * HOUR);
    expect(moves()).toEqual(expected);
  });

  it("begin within a span when the power comes, and at once when they are saved", () => {
    begin("2026-12-01T10:00:30+01:00", "relay1.hours=08:00-18:00");
    expect(moves()).toEqual(["12-01T09:00 on"]);
    house.set("relay1.hours=");
    expect(moves().at(-1)).toBe("12-01T09:00 off");
    world.run(HOUR);
    expect(moves()).toHaveLength(2);
  });

  it("release nothing while the time is not known, which is told once, and begin when it is", () => {
    begin("", "relay1.hours=00:00-00:00");
    world.run(HOUR);
    expect(house.isReleased()).toBe(false);
    expect(house.told("error")).toEqual([
      "the time of day is not known: no relay is switched on by its hours until it is",
    ]);
    house.epochAtStartS = Date.parse("2026-12-01T10:00:00+01:00") / 1000;
    world.run(6000);
    expect(house.isReleased()).toBe(true);
    // And no longer known.
    house.epochAtStartS = 0;
    world.run(MINUTE);
    expect(house.isReleased()).toBe(false);
  });

  it("follow a clock that jumps within a minute, forwards and back", () => {
    begin("2026-12-01T10:00:00+01:00", "relay1.hours=08:00-18:00");
    house.epochAtStartS += 10 * 3600;
    world.run(MINUTE);
    expect(house.isReleased()).toBe(false);
    house.epochAtStartS -= 5 * 3600;
    world.run(MINUTE);
    expect(house.isReleased()).toBe(true);
    house.epochAtStartS += 365 * 24 * 3600 - 12 * 3600;
    world.run(MINUTE);
    expect(house.isReleased()).toBe(false);
  });

  it("are not cut short by a code's pulse, and a hand that switches it off holds until they begin again", () => {
    begin("2026-12-01T07:59:00+01:00", "relay1.hours=08:00-18:00", "relay1.code=2580");
    key("2580");
    expect(house.isReleased()).toBe(true);
    world.run(57_000);
    key("2580");
    // The hours begin while the pulse runs.
    world.run(MINUTE);
    expect(house.isReleased()).toBe(true);
    key("2580");
    world.run(10 * MINUTE);
    expect(house.isReleased()).toBe(true);
    house.timers.nowMs = world.nowMs;
    house.door.close(1);
    world.run(2 * HOUR);
    expect(house.isReleased()).toBe(false);
    // A pulse is a pulse again.
    key("2580");
    world.run(4000);
    expect(house.isReleased()).toBe(false);
    world.run(24 * HOUR);
    expect(house.isReleased()).toBe(true);
  });

  it("let the light show what happens, and no door is forced or left open within them", () => {
    begin("2026-12-01T10:00:00+01:00", "relay1.hours=08:00-18:00", "door.sensor=closed", "door.leftOpen=10");
    expect(house.told("led").at(-1)).toBe("ready");
    house.door.doorway.onSensor(1);
    world.run(MINUTE);
    house.timers.nowMs = world.nowMs;
    house.door.doorway.onSensor(0);
    world.run(HOUR);
    expect(house.told("door")).toEqual(["opened"]);
  });

  it("name a schedule that is there, or are refused; a relay that is not there is told", () => {
    const settings = new House(world).settings;
    expect(settings.assign("relay1.hours=@shop")).toBe("");
    begin("2026-12-01T10:00:00+01:00", "relay1.hours=@shop");
    expect(house.isReleased()).toBe(false);
    expect(house.door.settings.assign("relay1.hours=25:00-26:00")).not.toBe("");
  });
});

describe("quiet hours", () => {
  it("let a press ring nobody, and holding the button rings whom it is set to", () => {
    begin(
      "2026-12-01T23:00:00+01:00",
      "call.quiet=22:00-06:00",
      "button1.day=sip:a@10.0.0.3",
      "button1.hold=sip:guard@10.0.0.4",
    );
    house.press();
    expect(house.told("call")).toEqual([]);
    expect(house.told("error")).toEqual(["it is quiet (call.quiet): the button rings nobody"]);
    house.door.hold(1);
    expect(house.told("call")).toEqual(["calling"]);
    house.door.hangUp("");
    world.run(7 * HOUR + MINUTE);
    house.press();
    expect(house.told("call").at(-1)).toBe("calling");
  });

  it("do not hold while the time is not known: a visitor is heard", () => {
    begin("", "call.quiet=00:00-00:00", "button1.day=sip:a@10.0.0.3");
    house.press();
    expect(house.told("call")).toEqual(["calling"]);
  });
});
