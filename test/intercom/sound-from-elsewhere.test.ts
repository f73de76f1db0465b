/** Tests a phone whose sound takes another way than its description says: a VPN, a container, a second interface. */
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Agent, World } from "../ua/harness.js";
import { House } from "./house.js";

const PHONE = "10.0.0.2";
const ELSEWHERE = ipv4("172.17.0.9");
const SOUND_PORT = 50_000;

describe("a phone whose sound comes from another address", () => {
  let world: World;
  let phone: Agent;

  beforeEach(() => {
    world = new World();
    phone = new Agent(world, PHONE);
    phone.autoAnswer = true;
  });

  /** From now on the phone's sound comes from another address, and sound sent to that address reaches it. */
  function move(): { heard: number } {
    const there = { heard: 0 };
    phone.rtp = (_call, ip, port, bytes, start, end) =>
      world.send(ELSEWHERE, SOUND_PORT, ip, port, bytes.slice(start, end));
    world.add({
      ip: ELSEWHERE,
      receive: () => {
        there.heard += 1;
      },
      next: () => Number.POSITIVE_INFINITY,
      poll: () => {},
    });
    return there;
  }

  function ring(...settings: string[]): House {
    const h = new House(world, `call.target=sip:bob@${PHONE}`, "relay1.code=2580", ...settings);
    h.press();
    world.run(500);
    return h;
  }

  function dial(): void {
    const code = octets("2580");
    phone.ua.activeCall()?.media.sendDigits(code, 0, code.length);
    world.run(3000);
  }

  it("is heard after two seconds and hears the door, its code opens, and the log says where it is", () => {
    const there = move();
    const h = ring();
    world.run(2500);
    expect(h.events.find(({ name }) => name === "sound")).toEqual({
      name: "sound",
      value: "moved",
      extra: { address: "172.17.0.9:50000" },
    });
    world.run(1000);
    expect(there.heard).toBeGreaterThanOrEqual(50);
    dial();
    expect(h.isReleased()).toBe(true);
    world.run(60_000);
    expect(h.told("call").at(-1)).toBe("confirmed");
  });

  it("is heard when it moves in the middle of the call", () => {
    const h = ring();
    world.run(5000);
    move();
    world.run(3000);
    expect(h.told("sound")).toEqual(["moved"]);
    dial();
    expect(h.isReleased()).toBe(true);
  });

  it("is never heard with rtp.source strict, and the call ends with the reason", () => {
    move();
    const h = ring("rtp.source=strict");
    dial();
    expect([h.isReleased(), h.told("sound")]).toEqual([false, []]);
    world.run(30_000);
    expect(h.events.filter(({ name }) => name === "call").at(-1)).toMatchObject({
      value: "ended",
      extra: { reason: "no sound came" },
    });
  });

  it("that was heard and falls silent is told after 5 s, and the call ends before 32 s", () => {
    const h = ring();
    world.run(2000);
    phone.rtp = () => {};
    phone.rtcp = () => {};
    world.run(5100);
    expect(h.told("sound")).toEqual(["quiet"]);
    expect(h.told("call").at(-1)).toBe("confirmed");
    world.run(26_900);
    expect(h.told("call").at(-1)).toBe("ended");
  });
});
