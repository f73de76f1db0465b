/** Tests the alarm output and the contact of the housing: what switches the output on, and what ends it. */
import { beforeEach, describe, expect, it } from "vitest";
import { World } from "../ua/harness.js";
import { House } from "./house.js";

let world: World;
let house: House;

function begin(...settings: string[]): void {
  house = new House(world, "door.sensor=closed", "door.tamper=closed", "relay1.code=2580", ...settings);
  sensor(1);
  tamper(1);
}

/** @param contact 1: closed */
function sensor(contact: number): void {
  house.timers.nowMs = world.nowMs;
  house.door.doorway.onSensor(contact);
}

function tamper(contact: number): void {
  house.timers.nowMs = world.nowMs;
  house.door.onTamper(contact);
}

function keys(names: string): void {
  house.timers.nowMs = world.nowMs;
  for (const name of names) house.door.key(name.charCodeAt(0));
}

beforeEach(() => {
  world = new World();
});

describe("the housing", () => {
  it("is told when it is opened and shut, shown by the light and kept in the log", () => {
    begin();
    expect(house.told("tamper")).toEqual([]);
    tamper(0);
    tamper(0);
    expect(house.told("led").at(-1)).toBe("fault");
    world.run(1000);
    tamper(1);
    expect(house.told("tamper")).toEqual(["opened", "closed"]);
    expect(house.told("led").at(-1)).toBe("ready");
    expect(house.log.text("")).toMatch(/ tamper opened\n.* alarm on: tamper\n.* tamper closed\n/);
  });

  it("that is open when the power comes on is told, and its contact may be one that opens", () => {
    house = new House(world, "door.tamper=open");
    tamper(1);
    expect(house.told("tamper")).toEqual(["opened"]);
    expect(house.alarms).toEqual(["0 1"]);
  });

  it("is not watched at first, and no more when door.tamper is off", () => {
    house = new House(world);
    tamper(0);
    tamper(1);
    expect(house.told("tamper")).toEqual([]);
    house.set("door.tamper=closed");
    tamper(0);
    house.set("door.tamper=off");
    expect(house.told("tamper")).toEqual(["opened"]);
    expect(house.told("led").at(-1)).toBe("ready");
  });
});

describe("the alarm output", () => {
  it("is on for its time, which a cause that comes meanwhile makes longer", () => {
    begin("alarm.time=10");
    world.run(1000);
    tamper(0);
    world.run(6000);
    tamper(1);
    sensor(0);
    world.run(20_000);
    expect(house.alarms).toEqual(["1000 1", "17000 0"]);
    expect(house.tellings("alarm", "reason")).toEqual(["on tamper", "on forced", "off -"]);
  });

  it("comes of what alarm.on names alone, and never with alarm.time 0", () => {
    begin("alarm.on=left-open", "door.leftOpen=5");
    tamper(0);
    world.run(1000);
    sensor(0);
    expect(house.alarms).toEqual([]);
    world.run(5000);
    expect(house.alarms).toEqual(["6000 1"]);
    house.set("alarm.time=0");
    expect(house.alarms).toEqual(["6000 1", "6000 0"]);
    tamper(1);
    tamper(0);
    expect(house.told("alarm")).toEqual(["on", "off"]);
  });

  it("is ended by a code that opens and by nothing that does not, and begins anew with the next cause", () => {
    begin("alarm.time=0");
    house.set("alarm.time=60");
    tamper(0);
    expect(house.told("alarm")).toEqual(["on"]);
    keys("1111");
    expect(house.told("alarm")).toEqual(["on"]);
    keys("2580");
    expect(house.told("alarm")).toEqual(["on", "off"]);
    expect(house.moves.at(-1)).toContain("on");
    tamper(1);
    tamper(0);
    expect(house.told("alarm")).toEqual(["on", "off", "on"]);
  });

  it("is nothing where the board has no pin for it: the events of door and housing are told all the same", () => {
    begin();
    (house as { alarm?: unknown }).alarm = undefined;
    tamper(0);
    expect(house.told("tamper")).toEqual(["opened"]);
    expect(house.told("alarm")).toEqual([]);
  });
});
