import { expect, it } from "vitest";
import { ENCRYPTION_OFFER, ENCRYPTION_REQUIRE } from "../../src/dialog/negotiation.js";
import { Agent, World } from "./harness.js";

const DOOR = "192.168.1.10";
const PHONE = "192.168.1.20";

function call(ours: number, keysInClear: boolean, theirs = ENCRYPTION_OFFER): Agent {
  const world = new World();
  const door = new Agent(world, DOOR, { encryption: ours, keysInClear });
  const phone = new Agent(world, PHONE, { encryption: theirs, keysInClear: true });
  phone.autoAnswer = true;
  door.ua.call("sip:phone@" + PHONE);
  world.run(2000);
  return door;
}

it("keys go by UDP and TCP only where the owner says so: otherwise the call is in clear", () => {
  const sealed = call(ENCRYPTION_OFFER, true);
  expect(sealed.ua.lines[0].media.suite()).toBe(1);
  const clear = call(ENCRYPTION_OFFER, false);
  expect(clear.diary).toContain("call confirmed");
  expect(clear.ua.lines[0].media.suite()).toBe(0);
});

it("no call is made where encryption is required and its keys could be read, and the reason is said", () => {
  const door = call(ENCRYPTION_REQUIRE, false);
  expect(door.diary).toEqual([]);
  expect(door.ua.error).toBe(
    "media.encryption is require, but anybody could read its keys on the way: set sip.transport tls, media.encryptionClear on, or media.encryption offer",
  );
});

it("a call that comes is refused in the same place", () => {
  const world = new World();
  const door = new Agent(world, DOOR, { encryption: ENCRYPTION_REQUIRE });
  const phone = new Agent(world, PHONE, { encryption: ENCRYPTION_OFFER, keysInClear: true });
  door.autoAnswer = true;
  phone.ua.call("sip:door@" + DOOR);
  world.run(2000);
  expect(phone.diary.at(-1)).toContain("status 488");
});
