import { beforeEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { CALL_CONFIRMED, type Call } from "../../src/ua/call.js";
import { Agent, bodyOf, header, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const LIMITS = { ...DOOR_LIMITS, calls: 3, clients: 10, dialogs: 10 };

let world: World;
let door: Agent;
let phones: Peer[];
let calls: Call[];

/** Returns the INVITE that came to a phone. */
const invite = (phone: Peer): string => phone.got("INVITE")[0];

function answer(phone: Peer, status: string, port = 0): void {
  const body = port === 0 ? "" : sdpOf(phone.address, port);
  phone.respond(
    DOOR,
    invite(phone),
    status,
    "t",
    ["Contact: <sip:x@" + phone.address + ">", "Content-Type: application/sdp"],
    body,
  );
  world.run(10);
}

beforeEach(() => {
  world = new World();
  door = new Agent(world, DOOR, {}, LIMITS);
  phones = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map((address) => new Peer(world, address));
  calls = [];
  for (const phone of phones) calls.push(door.call(`sip:x@${phone.address}`, calls[0]));
  world.run(10);
});

describe("calls that ring together", () => {
  it("are calls of their own that name the same port for sound", () => {
    expect(new Set(phones.map((phone) => header(invite(phone), "Call-ID"))).size).toBe(3);
    for (const phone of phones) expect(bodyOf(invite(phone))).toContain("m=audio 16384 ");
  });

  it("tell those who did not answer that another one did", () => {
    answer(phones[0], "180 Ringing");
    answer(phones[1], "180 Ringing");
    answer(phones[1], "200 OK", 20000);
    expect(calls[1].state).toBe(CALL_CONFIRMED);
    door.ua.cancelFor(calls[0]);
    door.ua.cancelFor(calls[2]);
    world.run(10);
    const cancel = phones[0].got("CANCEL")[0];
    expect(header(cancel, "Reason")).toBe('SIP;cause=200;text="Call completed elsewhere"');
    // The third phone has said nothing yet: the CANCEL waits for its first word. RFC 3261 §9.1
    expect(phones[2].got("CANCEL")).toEqual([]);
    answer(phones[2], "180 Ringing");
    expect(header(phones[2].got("CANCEL")[0], "Reason")).toContain("completed elsewhere");
    expect(phones[1].got("CANCEL")).toEqual([]);
    expect(door.ua.activeCall()).toBe(calls[1]);
  });

  it("are heard one at a time before the answer, and whoever answers is heard after it", () => {
    answer(phones[0], "183 Session Progress", 20000);
    answer(phones[1], "183 Session Progress", 20000);
    world.run(200);
    expect(phones[0].packets.length).toBeGreaterThan(5);
    expect(phones[1].packets.length).toBe(0);
    answer(phones[1], "200 OK", 20000);
    const before = phones[0].packets.length;
    world.run(200);
    expect(phones[0].packets.filter(({ port }) => port === 20000).length).toBeLessThanOrEqual(before);
    expect(phones[1].packets.length).toBeGreaterThan(5);
    expect(calls.map((call) => call.hadSound())).toEqual([false, true, false]);
    door.ua.cancelFor(calls[0]);
    world.run(100);
    expect(calls[1].hasSound).toBe(true);
  });

  it("that are refused leave the sound of the others alone", () => {
    answer(phones[0], "183 Session Progress", 20000);
    answer(phones[1], "486 Busy Here");
    world.run(100);
    expect(calls[0].hasSound).toBe(true);
  });

  it("a second answer that crosses the CANCEL is acknowledged and hung up", () => {
    answer(phones[0], "180 Ringing");
    answer(phones[1], "200 OK", 20000);
    door.ua.cancelFor(calls[0]);
    answer(phones[0], "200 OK", 20000);
    expect(phones[0].got("ACK").length).toBe(1);
    expect(phones[0].got("BYE").length).toBe(1);
    expect(calls[1].state).toBe(CALL_CONFIRMED);
    expect(calls[1].hasSound).toBe(true);
  });
});
