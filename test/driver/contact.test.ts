import { beforeEach, describe, expect, it } from "vitest";
import type { Device, InputName, InputOptions } from "../../hal/device.js";
import { Timers } from "../../src/core/timers.js";
import { Contact, type ContactUser } from "../../src/driver/contact.js";

let timers: Timers;
let told: string[];
let closed: number;
let options: InputOptions;
let contact: Contact;

const user: ContactUser = {
  enter() {},
  leave() {},
  onContact: (name, value) => told.push(`${timers.nowMs} ${name} ${value}`),
  onHold: (name) => told.push(`${timers.nowMs} ${name} held`),
};

function begin(name: InputName, exists = true): void {
  const device = {
    input: (_: InputName, given: InputOptions) => {
      options = given;
      return exists ? { read: () => closed } : null;
    },
  } as unknown as Device;
  contact = new Contact(device, name, timers, user);
}

/** Sets the contact's value at these times in ms. */
function moves(...steps: [number, number][]): void {
  for (const [atMs, value] of steps) {
    while (timers.next() <= atMs) timers.poll(timers.next());
    timers.nowMs = atMs;
    closed = value;
    options.onReadable();
  }
  while (timers.next() < Infinity) timers.poll(timers.next());
}

beforeEach(() => {
  timers = new Timers(2);
  told = [];
  closed = 0;
});

describe("a contact that bounces", () => {
  it("is one press of a button, 20 ms after it came to rest", () => {
    begin("button2");
    moves([100, 1], [101, 0], [103, 1], [107, 0], [109, 1], [300, 0]);
    expect(told).toEqual(["129 button2 1", "300 button2 0"]);
  });

  it("is no press when it only touches", () => {
    begin("button1");
    moves([100, 1], [105, 0]);
    expect(told).toEqual([]);
  });

  it("is a second press when it was let go of for a moment", () => {
    begin("button1");
    moves([100, 1], [200, 0], [200, 1], [400, 0]);
    expect(told).toEqual(["120 button1 1", "200 button1 0", "220 button1 1", "400 button1 0"]);
  });

  it("is held when it is closed for 2 s, and told of once, however it bounces meanwhile", () => {
    begin("button1");
    moves([100, 1], [150, 1], [1500, 1]);
    expect(told).toEqual(["120 button1 1", "2120 button1 held"]);
    moves([5000, 0], [6000, 1], [7900, 0]);
    expect(told.slice(2)).toEqual(["5000 button1 0", "6020 button1 1", "7900 button1 0"]);
  });

  it("of the door tells both ways once each, after it came to rest", () => {
    begin("sensor");
    contact.tell();
    moves([100, 1], [104, 0], [110, 1], [500, 0], [502, 1], [504, 0]);
    expect(told).toEqual(["0 sensor 0", "130 sensor 1", "524 sensor 0"]);
  });
});

it("a contact that the board has not is never told of and needs no timer", () => {
  timers = new Timers(1);
  begin("sensor", false);
  contact.tell();
  timers.make({ onTimer() {} }, 0);
  expect(told).toEqual([]);
});
