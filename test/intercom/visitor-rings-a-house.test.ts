/**
 * Tests a visitor who presses a button; several phones may ring. The phones speak by hand, so that each can be told
 * what to say.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { header, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";
import { Phone } from "./phone.js";

let world: World;
let phones: Phone[];

beforeEach(() => {
  world = new World();
  phones = [];
  for (let i = 0; i < 8; i++) phones.push(new Phone(world, `10.0.0.${10 + i}`));
});

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

const name = (i: number): string => `sip:p${i}@10.0.0.${10 + i}`;
const ringing = (): number[] => phones.flatMap((phone, i) => (phone.isRinging() ? [i] : []));

describe("a visitor rings at a house with several phones", () => {
  it.skipIf(House.limits.calls < 3)(
    "all of a group ring; the first to answer has the call, and the others are told that it was completed elsewhere",
    () => {
      const house = new House(world, `button1.day=${name(0)},${name(1)},${name(2)}`);
      house.press();
      world.run(100);
      expect(ringing()).toEqual([0, 1, 2]);
      phones[1].say("200 OK");
      world.run(100);
      expect(ringing()).toEqual([]);
      for (const i of [0, 2]) {
        const cancels = phones[i].got("CANCEL");
        expect(cancels.length).toBe(1);
        expect(header(cancels[0], "Reason")).toBe('SIP;cause=200;text="Call completed elsewhere"');
      }
      expect(phones[1].got("ACK").length).toBe(1);
      expect(phones[1].got("CANCEL")).toEqual([]);
      expect(house.tellings("call", "direction", "peer")).toEqual([
        `calling out ${name(0)}`,
        "ringing out -",
        `confirmed out ${name(1)}`,
      ]);
      expect(house.tellings("branch", "peer", "reason").slice(-3)).toEqual([
        `confirmed ${name(1)} -`,
        `ended ${name(0)} answered elsewhere`,
        `ended ${name(2)} answered elsewhere`,
      ]);
      world.run(500);
      expect(phones[1].packets.length).toBeGreaterThan(10);
      expect(phones[0].packets.length + phones[2].packets.length).toBe(0);
    },
  );

  it.skipIf(House.limits.calls < 8)("eight ring together in the simulator, and the last of them can answer", () => {
    const house = new House(world, `button1.day=${phones.map((_, i) => name(i)).join(",")}`);
    house.press();
    world.run(100);
    expect(ringing()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    phones[7].say("200 OK");
    world.run(2000);
    expect(ringing()).toEqual([]);
    expect(phones.map((phone) => phone.got("CANCEL").length)).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
    expect(house.told("call").at(-1)).toBe("confirmed");
  });

  it("on a board as many ring as it has calls, the others of the group after them, in the group's time", () => {
    House.limits = DOOR_LIMITS;
    const house = new House(world, `button1.day=${name(0)},${name(1)},${name(2)},${name(3)} 20s`);
    house.press();
    world.run(9900);
    expect(ringing()).toEqual([0, 1]);
    world.run(400);
    expect(ringing()).toEqual([2, 3]);
    phones[2].say("486 Busy Here");
    phones[3].say("200 OK");
    world.run(1000);
    expect(house.told("call").at(-1)).toBe("confirmed");
    expect(house.told("error")).toEqual([]);
  });

  it("a group that does not answer in its time is given up, and the next one rings", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)} 12s > ${name(2)} 8s`);
    house.press();
    world.run(11_900);
    expect(ringing()).toEqual([0, 1]);
    world.run(200);
    expect(ringing()).toEqual([2]);
    expect(phones[0].got("CANCEL").length).toBe(1);
    expect(header(phones[0].got("CANCEL")[0], "Reason")).toBe("");
    world.run(8000);
    expect(ringing()).toEqual([]);
    expect(house.tellings("call", "reason")).toEqual(["calling -", "ringing -", "ended no answer"]);
    expect(house.tellings("branch", "peer", "reason").slice(-2)).toEqual([
      `ringing ${name(2)} -`,
      `ended ${name(2)} no answer`,
    ]);
    expect(house.told("led").at(-1)).toBe("ready");
  });

  it("a phone that is busy does not end the ringing of the others; when all are, the next group rings at once", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)} > ${name(2)}`);
    phones[0].says = ["486 Busy Here"];
    house.press();
    world.run(1000);
    expect(ringing()).toEqual([1]);
    phones[1].say("603 Decline");
    world.run(100);
    expect(ringing()).toEqual([2]);
    phones[2].say("200 OK");
    world.run(100);
    expect(house.told("call")).toEqual(["calling", "ringing", "confirmed"]);
  });

  it("two who answer at the same moment: one has the call, the other is hung up and not left waiting", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)}`);
    house.press();
    world.run(100);
    phones[0].say("200 OK");
    phones[1].say("200 OK");
    world.run(1000);
    const ends = phones.slice(0, 2).map((phone) => [phone.got("ACK").length, phone.got("BYE").length]);
    expect(ends).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect(house.told("call")).toEqual(["calling", "ringing", "confirmed"]);
    expect(house.door.ua.activeCall()?.hasSound).toBe(true);
  });

  it("a target that cannot be called is passed over, and a plan of such ends with the reason", () => {
    const house = new House(world, `button1.day=200,${name(1)}`);
    house.press();
    world.run(100);
    expect(ringing()).toEqual([1]);
    const other = new World();
    const alone = new House(other, "button1.day=200 > 201");
    alone.press();
    expect(alone.told("error")[0]).toContain("needs sip.domain to be set");
    expect(alone.told("call")).toEqual([]);
  });

  it("is called again and again without anything being used up", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)},${name(2)} > ${name(3)}`);
    for (let i = 0; i < 12; i++) {
      house.press();
      world.run(300);
      expect(ringing()).toEqual([0, 1, 2]);
      if (i % 2 === 0) phones[i % 3].say("200 OK");
      world.run(300);
      house.press();
      world.run(1000);
      expect(ringing()).toEqual([]);
      expect(house.told("call").at(-1)).toBe("ended");
    }
    world.run(60_000);
    expect(house.told("error")).toEqual([]);
    expect(house.door.ua.layer.clients.used()).toBe(0);
    expect(house.door.ua.activeCall()).toBe(null);
  });
});

describe("a visitor rings while the server does not answer", () => {
  it("the fallback rings after a few seconds, and not after the transactions have failed", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)} 30s`, `call.fallback=${name(2)}`);
    phones[0].says = [];
    phones[1].says = [];
    house.press();
    world.run(4900);
    expect(ringing()).toEqual([0, 1]);
    world.run(300);
    expect(phones[2].isRinging()).toBe(true);
    phones[2].say("200 OK");
    world.run(100);
    expect(house.told("call")).toEqual(["calling", "ringing", "confirmed"]);
    // A phone that answers after that is refused.
    phones[0].say("180 Ringing");
    world.run(100);
    expect(phones[0].got("CANCEL").length).toBe(1);
  });

  it("is called at once when the target's address refuses to be reached", () => {
    const house = new House(world, "button1.day=sip:a@nowhere.invalid", `call.fallback=${name(2)}`);
    house.press();
    world.run(6000);
    expect(phones[2].isRinging()).toBe(true);
  });

  it("the fallback stays silent when a target rings, is busy, or only said 100", () => {
    for (const says of [["180 Ringing"], ["486 Busy Here"], ["100 Trying"]]) {
      world = new World();
      const phone = new Phone(world, "10.0.0.10");
      const fallback = new Phone(world, "10.0.0.12");
      phone.says = says;
      const house = new House(world, `button1.day=${name(0)} 10s`, `call.fallback=${name(2)}`);
      house.press();
      world.run(20_000);
      expect(fallback.inbox).toEqual([]);
      expect(house.told("call").at(-1)).toBe("ended");
    }
  });
});

describe("a visitor presses the button again", () => {
  it("while it rings: all phones are given up, and no further group rings", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)} > ${name(2)}`);
    house.press();
    world.run(500);
    house.press();
    world.run(20_000);
    expect(ringing()).toEqual([]);
    expect(phones[2].inbox).toEqual([]);
    expect(house.tellings("call", "reason")).toEqual(["calling -", "ringing -", "ended hung up here"]);
  });

  it("at the moment of an answer, with no transaction to spare on a board: the BYE follows as soon as there is one", () => {
    House.limits = DOOR_LIMITS;
    const house = new House(world, `button1.day=${name(0)} 6s > ${name(1)},${name(2)}`);
    phones[0].says = ["100 Trying"];
    phones[1].says = [];
    phones[2].says = ["200 OK"];
    house.press();
    world.run(6000);
    expect(phones[2].inbox.length).toBe(0);
    house.press();
    world.run(1000);
    expect(phones[2].got("ACK").length).toBe(1);
    expect(phones[2].got("BYE").length).toBe(1);
    expect(house.told("call")).toEqual(["calling", "ended"]);
  });

  it("another one while it rings: those of the first are given up, and those of the other ring", () => {
    const house = new House(world, `button1.day=${name(0)}`, `button2.day=${name(1)}`);
    house.press(1);
    world.run(500);
    house.press(2);
    world.run(500);
    expect(ringing()).toEqual([1]);
    expect(house.told("call")).toEqual(["calling", "ringing", "ended", "calling", "ringing"]);
  });

  it("does what it may only: each of its meanings can be switched off", () => {
    const house = new House(world, `call.target=${name(0)}`, "button.press=call");
    house.press();
    world.run(500);
    house.press();
    world.run(500);
    expect(ringing()).toEqual([0]);
    phones[0].say("200 OK");
    world.run(500);
    house.press();
    world.run(500);
    expect(house.told("call").at(-1)).toBe("confirmed");
    const silent = new World();
    const deaf = new House(silent, `call.target=${name(0)}`, "button.press=hangup");
    deaf.press();
    expect(silent.log).toEqual([]);
  });

  it("a button without a plan of its own calls call.target", () => {
    const house = new House(world, `call.target=${name(3)}`, `button1.day=${name(0)}`);
    house.press(4);
    world.run(100);
    expect(ringing()).toEqual([3]);
  });
});

describe("a visitor comes by night", () => {
  // Thursday, 1 January 2026, 0:00 in UTC; Berlin is an hour ahead.
  const MIDNIGHT_S = 1767225600;

  it.each([
    [5 * 3600 + 1800, 1],
    [6 * 3600 + 1, 0],
    [20 * 3600 + 3000, 0],
    [21 * 3600 + 1, 1],
  ])("%i s after midnight in UTC phone %i rings, by the clock of the door's time zone", (afterS, expected) => {
    const house = new House(
      world,
      `button1.day=${name(0)}`,
      `button1.night=${name(1)}`,
      "time.day=07:00-22:00",
      "time.zone=CET-1CEST,M3.5.0,M10.5.0/3",
    );
    house.epochAtStartS = MIDNIGHT_S + afterS;
    house.press();
    world.run(100);
    expect(ringing()).toEqual([expected]);
  });

  it("it is day while nobody knows the time, and where no night plan is set", () => {
    for (const night of [`button1.night=${name(1)}`, "button1.night="]) {
      world = new World();
      const phone = new Phone(world, "10.0.0.10");
      const house = new House(world, `button1.day=${name(0)}`, night, "time.day=07:00-22:00");
      house.epochAtStartS = night.endsWith("=") ? MIDNIGHT_S : 0;
      house.press();
      world.run(100);
      expect(phone.isRinging()).toBe(true);
    }
  });
});

describe("a visitor rings while the server has been gone for long", () => {
  it("the fallback is called past the outbound proxy, which may be what is gone", () => {
    const house = new House(
      world,
      "sip.register=off",
      "sip.proxy=10.0.0.99",
      "button1.day=sip:a@x.invalid",
      `call.fallback=${name(2)}`,
    );
    house.press();
    world.run(6000);
    expect(phones[2].isRinging()).toBe(true);
    expect(header(phones[2].got("INVITE")[0], "Route")).toBe("");
  });

  it("the fallback rings after a second; when the server is back it has the call again", () => {
    const server = new Phone(world, "10.0.0.99");
    server.says = [];
    const house = new House(world, "sip.domain=10.0.0.99", "button1.day=200", `call.fallback=${name(2)}`);
    world.run(33_000);
    expect(house.told("register").at(-1)).toBe("failed");
    house.press();
    world.run(900);
    expect(phones[2].isRinging()).toBe(false);
    world.run(200);
    expect(phones[2].isRinging()).toBe(true);
    house.press();
    world.run(1000);
    const register = server.onMessage;
    server.onMessage = (m) => {
      if (m.startsWith("REGISTER"))
        server.respond(DOOR, m, "200 OK", "r", [`Contact: ${header(m, "Contact")};expires=600`]);
      else register(m);
    };
    world.run(200_000);
    expect(house.told("register").at(-1)).toBe("registered");
    const before = server.got("INVITE").length;
    server.says = ["100 Trying", "180 Ringing"];
    house.press();
    world.run(6000);
    expect(server.got("INVITE").length).toBe(before + 1);
    expect(phones[2].isRinging()).toBe(false);
    expect(server.isRinging()).toBe(true);
  });
});

describe("a visitor holds the button", () => {
  beforeEach(() => {
    House.limits = DOOR_LIMITS;
  });

  it("the call goes over from the targets of the press to those of the hold", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)}`, `button1.hold=${name(2)}`);
    house.press();
    world.run(2000);
    expect(ringing()).toEqual([0, 1]);
    house.door.hold(1);
    world.run(500);
    expect(ringing()).toEqual([2]);
    phones[2].say("200 OK");
    world.run(100);
    expect(house.told("call").at(-1)).toBe("confirmed");
    expect(house.told("error")).toEqual([]);
  });

  it("another button calls its own targets too, once those of the first have been told", () => {
    const house = new House(world, `button1.day=${name(0)},${name(1)}`, `button2.day=${name(2)},${name(3)}`);
    house.press(1);
    world.run(1000);
    house.press(2);
    world.run(1000);
    expect(ringing()).toEqual([2, 3]);
    expect(house.told("error")).toEqual([]);
  });

  it("who has answered keeps the call", () => {
    const house = new House(world, `button1.day=${name(0)}`, `button1.hold=${name(2)}`);
    house.press();
    world.run(100);
    phones[0].say("200 OK");
    world.run(1900);
    house.door.hold(1);
    world.run(500);
    expect(ringing()).toEqual([]);
    expect(house.told("call").at(-1)).toBe("confirmed");
  });

  it("nobody is called by holding a press that cancelled or hung up, or another button, or without such a plan", () => {
    const house = new House(world, `button1.day=${name(0)}`, `button1.hold=${name(2)}`, `button2.day=${name(1)}`);
    house.press();
    world.run(100);
    house.press();
    world.run(2000);
    house.door.hold(1);
    world.run(500);
    expect(ringing()).toEqual([]);
    house.press(2);
    world.run(2000);
    house.door.hold(1);
    house.door.hold(2);
    world.run(500);
    expect(ringing()).toEqual([1]);
    expect(house.told("error")).toEqual([]);
  });

  it("it may be all that the button is for", () => {
    const house = new House(world, `button1.hold=${name(2)}`, "call.target=");
    house.press();
    world.run(2000);
    expect(ringing()).toEqual([]);
    house.door.hold(1);
    world.run(500);
    expect(ringing()).toEqual([2]);
    expect(house.told("error")).toEqual([]);
  });
});
