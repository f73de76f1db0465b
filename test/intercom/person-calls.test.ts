/**
 * Tests people who are known by their SIP address: `*1` in a call of theirs opens, and a MESSAGE without a code. The
 * address has to be proved, and hours, days and uses hold as for a code.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { Person } from "../../src/people/person.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const SERVER = "10.0.0.10";
const ANNA = "anna@example.org";
const STAR_1 = ["*", "1"];

let world: World;
let house: House;
let peer: Peer;
let peers = new Map<string, Peer>();
let asked = 0;

function begin(...settings: string[]): void {
  house = new House(
    world,
    "sip.domain=example.org",
    `sip.proxy=${SERVER}`,
    "sip.register=off",
    "sip.trust=server",
    "call.autoAnswer=on",
    ...settings,
  );
  person({ name: "Anna", sip: ANNA });
}

function person(fields: Partial<Person>): void {
  expect(house.door.people.add(Object.assign(new Person(), fields), [])).toBe("");
  house.door.access.onPeople();
}

/** Sends a request from the server's address, or another. @returns the last answer */
function send(method: string, lines: string[], body: string, ip: string): string {
  peer = peers.get(ip) ?? new Peer(world, ip);
  peers.set(ip, peer);
  peer.inbox.length = 0;
  asked += 1;
  peer.send(
    DOOR,
    [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${ip};branch=z9hG4bKp${asked}`,
      `From: <sip:x@${ip}>;tag=p`,
      `To: <sip:door@${DOOR}>`,
      `Call-ID: p${asked}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:x@${ip}>`,
      ...lines,
    ],
    body,
  );
  world.run(50);
  return peer.inbox.at(-1) ?? "";
}

/** Calls, is answered, and presses these keys. @returns whether relay 1 was on then */
function call(asserted: string, keys: readonly string[] = STAR_1, ip = SERVER): boolean {
  const lines = ["Content-Type: application/sdp", ...(asserted === "" ? [] : [`P-Asserted-Identity: ${asserted}`])];
  let answer = send("INVITE", lines, sdpOf(ip), ip);
  if (!answer.startsWith("SIP/2.0 200")) {
    // A caller whom the server does not name is let in by hand.
    house.press();
    world.run(50);
    answer = peer.got("SIP/2.0 200")[0] ?? "";
  }
  const ask = (method: string, cseq: number, more: string[], body: string) => {
    asked += 1;
    peer.send(
      DOOR,
      [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${ip};branch=z9hG4bKp${asked}`,
        `From: ${header(answer, "From")}`,
        `To: ${header(answer, "To")}`,
        `Call-ID: ${header(answer, "Call-ID")}`,
        `CSeq: ${cseq} ${method}`,
        ...more,
      ],
      body,
    );
    world.run(50);
  };
  ask("ACK", 1, [], "");
  for (const [i, key] of keys.entries()) ask("INFO", 2 + i, ["Content-Type: application/dtmf"], key);
  const isOpen = house.isReleased();
  ask("BYE", 20, [], "");
  world.run(4000);
  return isOpen;
}

function message(asserted: string, text: string, ip = SERVER): string {
  const lines = ["Content-Type: text/plain", ...(asserted === "" ? [] : [`P-Asserted-Identity: ${asserted}`])];
  return send("MESSAGE", lines, text, ip).slice(8, 11);
}

function newWorld(): void {
  world = new World();
  peers = new Map();
}

beforeEach(newWorld);

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

describe("a person who calls", () => {
  it("opens by *1 without a code, and the log says who", () => {
    begin();
    expect(call(`<sip:${ANNA}>`)).toBe(true);
    expect(house.tellings("relay", "reason")[0]).toBe("on call, Anna");
    expect(house.told("error")).toEqual([]);
    expect(house.log.text("open")).toMatch(/open relay 1: call, Anna\n$/);
  });

  it.each([
    ["<sip:%61nna@EXAMPLE.org.>", STAR_1, true],
    [`"A" <sips:anna@${SERVER}:5061>`, STAR_1, true],
    [`<sip:${ANNA}>`, ["*", "*", "1"], true],
    [`<sip:${ANNA}>`, ["7", "*", "1"], true],
    [`<sip:${ANNA}>`, ["1"], false],
    [`<sip:${ANNA}>`, ["*", "7", "1"], false],
    [`<sip:${ANNA}>`, ["*", "2"], false],
    [`<sip:${ANNA}>`, ["*", "3"], false],
    [`<sip:${ANNA}>`, ["*", "#", "1"], false],
    ["<sip:Anna@example.org>", STAR_1, false],
    ["<sip:anna@sub.example.org>", STAR_1, false],
    ["<sip:ben@example.org>", STAR_1, false],
    [`<sip:${ANNA}>, <sip:ben@example.org>`, STAR_1, false],
    ["<tel:+491234>", STAR_1, false],
    ["", STAR_1, false],
  ] as const)("as %s pressing %j: %s", (asserted, keys, isOpen) => {
    begin();
    expect(call(asserted, keys)).toBe(isOpen);
  });

  it("is nobody without sip.trust, from another address, or by what the caller says of itself", () => {
    begin("sip.trust=off", "call.autoAnswer=off");
    expect(call(`<sip:${ANNA}>`)).toBe(false);
    newWorld();
    begin("call.allow=any");
    expect(call(`<sip:${ANNA}>`, STAR_1, "10.0.0.66")).toBe(false);
  });

  it("may open only when and as often as the record says, and not once it is taken away", () => {
    begin();
    person({ name: "Ben", sip: "ben@example.org", uses: 1 });
    person({ name: "Carl", sip: "carl@example.org", when: "mon-sun 00:00-00:01" });
    person({ name: "Dora", sip: "dora@example.org", isEnabled: false });
    person({ name: "Eve", sip: "eve@example.org", relays: 2 });
    expect(call("<sip:ben@example.org>")).toBe(true);
    expect(call("<sip:ben@example.org>")).toBe(false);
    expect(call("<sip:carl@example.org>")).toBe(false);
    expect(call("<sip:dora@example.org>")).toBe(false);
    expect(call("<sip:eve@example.org>")).toBe(false);
    expect(house.tellings("error", "person", "why", "by")).toEqual([
      "access refused Ben used up call",
      "access refused Carl the time of day is not known call",
      "access refused Dora disabled call",
      "access refused Eve not for relay 1 call",
    ]);
    expect(house.door.people.remove(house.door.people.find("Anna"))).toBe("");
    expect(call(`<sip:${ANNA}>`)).toBe(false);
  });

  it("opens though codes are locked, and frees no code", () => {
    begin("relay1.code=2580");
    for (let i = 0; i < 5; i++) house.door.access.text(1, "000000");
    expect(house.told("error").at(-1)).toBe("door codes are locked");
    expect(call(`<sip:${ANNA}>`)).toBe(true);
    house.door.access.text(1, "2580");
    expect(house.isReleased()).toBe(false);
  });

  it("whom the door calls by an address has not proved it", () => {
    begin(`call.target=sip:${ANNA}`);
    house.press();
    world.run(50);
    const [call] = house.door.ua.calls;
    expect(house.door.callerOf(call)).toBe(-1);
  });
});

describe("a person's MESSAGE", () => {
  it("opens without a code where orders are taken, within the person's limits, and anybody else's needs one", () => {
    begin("door.message=code", "relay1.code=2580");
    expect(message(`<sip:${ANNA}>`, "open")).toBe("200");
    expect(house.tellings("relay", "reason")).toEqual(["on message, Anna"]);
    world.run(4000);
    expect(message(`<sip:${ANNA}>`, "open 2")).toBe("200");
    expect(house.isReleased()).toBe(false);
    expect(house.tellings("error", "person", "why")).toEqual(["access refused Anna not for relay 2"]);
    expect(message("<sip:ben@example.org>", "open")).toBe("200");
    expect(house.isReleased()).toBe(false);
    expect(message("", "open")).toBe("403");
    expect(message(`<sip:${ANNA}>`, "open", "10.0.0.66")).toBe("403");
    expect(message(`<sip:${ANNA}>`, "open 2580")).toBe("200");
    expect(house.isReleased()).toBe(true);
  });

  it("is refused where door.message is off, and with on the person's limits hold too", () => {
    begin();
    expect(message(`<sip:${ANNA}>`, "open")).toBe("403");
    newWorld();
    begin("door.message=on");
    person({ name: "Dora", sip: "dora@example.org", isEnabled: false });
    expect(message("<sip:dora@example.org>", "open")).toBe("200");
    expect(house.isReleased()).toBe(false);
    expect(message("<sip:ben@example.org>", "open")).toBe("200");
    expect(house.isReleased()).toBe(true);
  });
});

describe("a phone of the house", () => {
  it("is its person by its password, at the house's domain or the door's address", () => {
    House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
    for (const sip of ["kitchen@house.example", `kitchen@${DOOR}`]) {
      newWorld();
      house = new House(
        world,
        "server.enabled=on",
        "server.domain=house.example",
        "phone1.name=kitchen",
        "phone1.password=k1",
        "call.autoAnswer=on",
      );
      person({ name: "Anna", sip });
      const phone = new Agent(world, "10.0.0.11", {
        user: "kitchen",
        password: "k1",
        domain: "house.example",
        proxy: DOOR,
        register: true,
      });
      world.run(1000);
      phone.call(`sip:door@${DOOR}`);
      world.run(500);
      for (const key of STAR_1) {
        phone.timers.nowMs = world.nowMs;
        phone.ua.activeCall()!.media.sendDigit(key.charCodeAt(0));
        world.run(400);
      }
      expect(house.isReleased(), sip).toBe(true);
      expect(house.tellings("relay", "reason")).toEqual(["on call, Anna"]);
    }
  });
});

describe("an address", () => {
  it("is one person's: a second one is refused, in any case", () => {
    begin();
    const twin = Object.assign(new Person(), { name: "Ben", sip: "anna@Example.org" });
    expect(house.door.people.add(twin, [])).toBe("anna@Example.org is taken, by Anna");
    const anna = house.door.people.at(0)!;
    expect(house.door.people.change(0, Object.assign(anna, { note: "x" }), null)).toBe("");
    expect(house.door.people.change(0, Object.assign(anna, { sip: "" }), null)).toBe("");
    expect(house.door.people.add(twin, [])).toBe("");
  });
});
