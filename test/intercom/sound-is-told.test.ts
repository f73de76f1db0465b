/** Tests that the sound of a call is told when it changes, and otherwise as often as the board's limits say. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { Agent, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const PHONE = "10.0.0.2";

describe("the sound of a call", () => {
  const { limits } = House;
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  afterEach(() => {
    House.limits = limits;
  });

  function talking(): { house: House; phone: Agent } {
    const phone = new Agent(world, PHONE);
    const house = new House(world, `call.target=sip:bob@${PHONE}`);
    house.press();
    world.run(100);
    const call = phone.ua.activeCall();
    if (call !== null) phone.ua.answer(call);
    return { house, phone };
  }

  it("is told each five seconds on a computer", () => {
    House.limits = HOUSE_LIMITS;
    const { house } = talking();
    world.run(30_500);
    expect(house.told("audio")).toHaveLength(6);
  });

  it("is told once in a minute on a board, and within five seconds when it changes", () => {
    House.limits = DOOR_LIMITS;
    const peer = new Peer(world, PHONE);
    const contact = [`Contact: <sip:bob@${PHONE}>`, "Content-Type: application/sdp"];
    peer.onMessage = (m) => {
      if (m.startsWith("INVITE")) peer.respond(DOOR, m, "200 OK", "t", contact, sdpOf(PHONE));
    };
    const house = new House(world, `call.target=sip:bob@${PHONE}`, "rtp.timeout=0");
    house.press();
    world.run(60_500);
    expect(house.told("audio")).toEqual(["out"]);
    world.run(10_000);
    expect(house.told("audio")).toEqual(["out", "out"]);
    // The packet is one of PCMU.
    const packet = new Uint8Array(12 + 160);
    packet[0] = 0x80;
    world.send(ipv4(PHONE), 20000, ipv4(DOOR), 16384, packet);
    world.run(5000);
    expect(house.told("audio")).toEqual(["out", "out", "both"]);
    world.run(50_000);
    expect(house.told("audio")).toHaveLength(3);
  });

  it("is told with what is wrong at the door, once, and the log keeps it with the call", () => {
    House.limits = DOOR_LIMITS;
    const { house, phone } = talking();
    world.run(6000);
    house.problem = "the microphone clips: lower audio.gain";
    world.run(30_000);
    const call = phone.ua.activeCall();
    if (call !== null) phone.ua.hangUp(call);
    world.run(100);
    expect(house.tellings("audio", "problem")).toEqual([
      "both -",
      "both the microphone clips: lower audio.gain",
      "both -",
    ]);
    const [record] = house.log.text("call").trim().split("\n").slice(-1);
    expect(record).toMatch(/; sound both, lost 0, .* ms; the microphone clips: lower audio.gain$/);
    house.problem = "";
    house.press();
    world.run(100);
    const next = phone.ua.activeCall();
    if (next !== null) phone.ua.answer(next);
    world.run(3000);
    if (next !== null) phone.ua.hangUp(next);
    world.run(100);
    expect(house.log.text("call").trim().split("\n").slice(-1)[0]).toMatch(/jitter \d+ ms$/);
  });

  it("is told at the end whatever was told before, and anew in the next call", () => {
    House.limits = DOOR_LIMITS;
    const { house, phone } = talking();
    world.run(6000);
    const call = phone.ua.activeCall();
    if (call !== null) phone.ua.hangUp(call);
    world.run(100);
    expect(house.told("audio")).toHaveLength(2);
    house.press();
    world.run(100);
    const next = phone.ua.activeCall();
    if (next !== null) phone.ua.answer(next);
    world.run(6000);
    expect(house.told("audio")).toHaveLength(3);
  });
});
