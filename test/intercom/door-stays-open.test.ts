/** Tests the door's contact: opened by a guest, forced by a thief, left open by a child. */
import { beforeEach, describe, expect, it } from "vitest";
import { World } from "../ua/harness.js";
import { House } from "./house.js";

let world: World;
let house: House;

function begin(...settings: string[]): void {
  house = new House(world, "door.sensor=closed", "relay1.pulse=3", ...settings);
  door(1);
}

/** @param contact 1: closed */
function door(contact: number): void {
  house.timers.nowMs = world.nowMs;
  house.door.doorway.onSensor(contact);
}

function release(): void {
  house.timers.nowMs = world.nowMs;
  house.door.open("console");
}

beforeEach(() => {
  world = new World();
});

describe("the door's contact", () => {
  it("tells that a guest who was let in opened the door and shut it", () => {
    begin();
    release();
    world.run(1000);
    door(0);
    world.run(5000);
    door(1);
    expect(house.told("door")).toEqual(["opened", "closed"]);
    expect(house.door.doorway.isAlarm).toBe(false);
  });

  it("gives who has the handle in the hand some seconds after the relay is off", () => {
    begin();
    release();
    world.run(3000 + 4900);
    door(0);
    expect(house.told("door")).toEqual(["opened"]);
  });

  it("tells that it was forced when nobody released it, and the light shows it until the door is shut", () => {
    begin();
    world.run(10_000);
    door(0);
    expect(house.told("door")).toEqual(["forced"]);
    expect(house.told("led").at(-1)).toBe("fault");
    door(1);
    expect(house.told("led").at(-1)).toBe("ready");
  });

  it("tells that it was left open after the time that is set, and not while a relay holds it released", () => {
    begin("door.leftOpen=30", "relay2.mode=held");
    release();
    door(0);
    world.run(29_000);
    expect(house.told("door")).toEqual(["opened"]);
    world.run(2000);
    expect(house.tellings("door", "seconds")).toEqual(["opened -", "left-open 30"]);
    expect(house.told("led").at(-1)).toBe("fault");
    door(1);
    house.timers.nowMs = world.nowMs;
    house.door.open("console", 2);
    door(0);
    world.run(200_000);
    expect(house.told("door").filter((value) => value === "left-open").length).toBe(1);
  });

  it("may be one that opens when the door shuts; when it is off nothing is told", () => {
    house = new House(world, "door.sensor=open");
    door(0);
    door(1);
    expect(house.told("door")).toEqual(["forced"]);
    const other = new House(new World());
    other.door.doorway.onSensor(1);
    other.door.doorway.onSensor(0);
    expect(other.told("door")).toEqual([]);
  });

  it("a door that stands open when the power comes on was not forced", () => {
    house = new House(world, "door.sensor=closed", "door.leftOpen=0");
    door(0);
    expect(house.told("door")).toEqual(["opened"]);
    world.run(100_000);
    expect(house.told("door")).toEqual(["opened"]);
  });

  it("takes another door.leftOpen while the door stands open, 0 too", () => {
    begin("door.leftOpen=20");
    release();
    door(0);
    world.run(10_000);
    house.set("door.leftOpen=0");
    world.run(60_000);
    expect(house.told("door")).toEqual(["opened"]);
    house.set("door.leftOpen=30");
    world.run(29_000);
    // What is taken without a change of that time does not begin it anew.
    house.set("relay1.pulse=4");
    expect(house.told("door")).toEqual(["opened"]);
    world.run(2000);
    expect(house.tellings("door", "seconds")).toEqual(["opened -", "left-open 30"]);
  });
});
