/**
 * Tests a house without a server: its phones register with the door, ring when a visitor does, and call one another
 * through it.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { writeContact } from "../../src/dialog/owncontact.js";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { Flow } from "../../src/transaction/flow.js";
import type { Message } from "../../src/wire/message.js";
import { METHOD_REFER } from "../../src/wire/names.js";
import { Agent, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";
import { Phone } from "./phone.js";

let world: World;

beforeEach(() => {
  world = new World();
  House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
});

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

const PHONES = ["phone1.name=kitchen", "phone1.password=k1", "phone2.name=attic", "phone2.password=a2"];

function house(...more: string[]): House {
  return new House(world, "server.enabled=on", ...PHONES, ...more);
}

/** A phone of the house that registers with its password. */
function phone(user: string, password: string, last: number): Agent {
  return new Agent(world, "10.0.0." + last, { user, password, domain: DOOR, register: true });
}

function both(): [Agent, Agent] {
  return [phone("kitchen", "k1", 11), phone("attic", "a2", 12)];
}

describe("the door as the house's server", () => {
  it("registers its phones by their passwords, tells who is there, and lists them", () => {
    const h = house();
    const [kitchen] = both();
    const thief = phone("attic", "wrong", 13);
    world.run(3000);
    expect(kitchen.diary).toContain("register registered 200");
    expect(thief.diary).toContain("register failed 401");
    expect(h.tellings("phone", "name").sort()).toEqual(["registered attic", "registered kitchen"]);
    expect(h.door.houseServer?.phones().map(({ name, contact }) => name + " " + contact)).toEqual([
      "kitchen sip:kitchen@10.0.0.11:5060",
      "attic sip:attic@10.0.0.12:5060",
    ]);
    expect(h.door.houseServer?.phones()[0].leftS).toBeGreaterThan(590);
  });

  it("a press rings all of them, the first to answer has the visitor, and the code opens", () => {
    const h = house("button1.day=group:house 20s", "relay1.code=2580");
    const [kitchen, attic] = both();
    world.run(500);
    h.press();
    world.run(200);
    expect(kitchen.last()).toBe("call incoming");
    expect(attic.last()).toBe("call incoming");
    attic.timers.nowMs = world.nowMs;
    attic.ua.answer(attic.ua.activeCall()!);
    world.run(500);
    expect(h.told("call").at(-1)).toBe("confirmed");
    expect(kitchen.last()).toMatch(/^call ended/);
    for (const digit of "2580") {
      attic.timers.nowMs = world.nowMs;
      attic.ua.activeCall()!.media.sendDigit(digit.charCodeAt(0));
      world.run(400);
    }
    expect(h.isReleased()).toBe(true);
  });

  it("rings its phones by the transport that they registered by, whatever sip.transport says", () => {
    const h = house("button1.day=group:house 20s", "sip.transport=tcp");
    const [kitchen, attic] = both();
    world.run(500);
    h.press();
    world.run(200);
    expect(kitchen.last()).toBe("call incoming");
    expect(attic.last()).toBe("call incoming");
  });

  it.each([
    ["attic", DOOR, 202],
    ["attic", `${DOOR}:5060`, 202],
    ["cellar", DOOR, 480],
    ["door", DOOR, 403],
    ["attic", "10.0.0.66", 403],
  ])("a phone moves the visitor to %s@%s: %i", (user, host, status) => {
    const h = house("button1.day=kitchen", "phone3.name=cellar", "phone3.password=c3");
    const [kitchen, attic] = both();
    kitchen.autoAnswer = attic.autoAnswer = true;
    world.run(500);
    h.press();
    world.run(500);
    expect(kitchen.last()).toBe("call confirmed");
    const statuses: number[] = [];
    const phoneUser = {
      onResponse: (_t: unknown, m: Message) => void statuses.push(m.status),
      onFailure() {},
      onTerminated() {},
    };
    const { layer } = kitchen.ua;
    kitchen.timers.nowMs = world.nowMs;
    const t = layer.client(phoneUser)!;
    const w = kitchen.ua.activeCall()!.session.dialog!.beginRequest(t, METHOD_REFER, 1);
    writeContact(w, { layer, contactUser: kitchen.ua.account.user }, new Flow());
    w.put(octets(`Refer-To: <sip:${user}@${host}>\r\nContent-Length: 0\r\n\r\n`));
    expect(t.sendRequest()).toBe(true);
    world.run(3000);
    expect(statuses).toEqual([status]);
    if (status === 202) {
      expect(attic.last()).toBe("call confirmed");
      expect(kitchen.last()).toMatch(/^call ended/);
      expect(h.told("transfer")).toContain("done");
      // The call goes past the proxy, as a ring of the button does.
      expect(world.log).toContain("1>12 INVITE sip:attic@10.0.0.12:5060");
    } else {
      expect(kitchen.last()).toBe("call confirmed");
      expect(h.tellings("transfer", "code")).toEqual([`refused ${status}`]);
    }
  });

  it("the console moves the visitor to a phone by its name", () => {
    const h = house("button1.day=kitchen", "phone3.name=cellar", "phone3.password=c3");
    const [kitchen, attic] = both();
    kitchen.autoAnswer = attic.autoAnswer = true;
    world.run(500);
    h.press();
    world.run(500);
    h.timers.nowMs = world.nowMs;
    expect(h.door.move("cellar")).toContain("registered");
    expect(h.door.move("attic")).toBe("");
    world.run(2000);
    expect(attic.last()).toBe("call confirmed");
    expect(kitchen.last()).toMatch(/^call ended/);
  });

  it("a plan names a phone; one that is not there is passed over, and the fallback rings when none is", () => {
    const h = house("button1.day=attic,kitchen 10s", "button2.day=group:house", "call.fallback=sip:guard@10.0.0.20");
    const guard = new Phone(world, "10.0.0.20");
    const kitchen = phone("kitchen", "k1", 11);
    world.run(500);
    h.press();
    world.run(200);
    expect(kitchen.last()).toBe("call incoming");
    expect(guard.got("INVITE")).toEqual([]);
    h.press();
    kitchen.configure({ register: false });
    world.run(1000);
    expect(h.tellings("phone", "name").at(-1)).toBe("gone kitchen");
    h.press(2);
    world.run(200);
    expect(guard.got("INVITE").length).toBe(1);
  });

  it("says so when no phone of the house is there", () => {
    const h = house("button1.day=group:house");
    h.press();
    expect(h.told("error")).toEqual(["no phone of the house is registered"]);
  });

  it("a number without sip.domain rings the phone of that number, however it is written; one that is nobody's is told", () => {
    const numbers = ["phone3.name=201", "phone3.password=n1", "call.fallback=tel:201"];
    const h = house(...numbers);
    const kitchen = phone("201", "n1", 21);
    world.run(500);
    const call = (target: string): string => {
      h.timers.nowMs = world.nowMs;
      const error = h.door.call(target);
      world.run(200);
      return error;
    };
    for (const target of ["201", "2 01", "(201)", "tel:201", "sip:201@" + DOOR, "201@" + DOOR]) {
      expect([target, call(target)]).toEqual([target, ""]);
      expect([target, kitchen.last()]).toEqual([target, "call incoming"]);
      h.timers.nowMs = world.nowMs;
      h.door.hangUp("");
      world.run(40_000);
    }
    expect(
      world.log.filter((line) => line.startsWith("1>21 INVITE")).every((line) => line.includes("@10.0.0.21")),
    ).toBe(true);
    for (const target of ["202", "tel:+49301", "sip:nobody@" + DOOR])
      expect(call(target)).toMatch(/^no phone of the house is called /);
    // Numbers belong to the server if there is one, but for those of phones.
    h.set("sip.domain=10.0.0.20", "sip.register=off");
    call("202");
    expect(world.log.at(-1)).toMatch(/^1>20 INVITE sip:202@10\.0\.0\.20/);
    world.run(40_000);
    call("201");
    expect(kitchen.last()).toBe("call incoming");
    h.timers.nowMs = world.nowMs;
    h.door.hangUp("");
    // The fallback may be a number of the house too.
    world.run(40_000);
    h.set("sip.domain=", "call.target=sip:gone@10.0.0.77");
    h.press();
    world.run(9000);
    expect(kitchen.last()).toBe("call incoming");
  });

  it("phones call one another through it, with the password, and talk past it", () => {
    const h = house();
    const [kitchen, attic] = both();
    attic.autoAnswer = true;
    world.run(500);
    kitchen.call("attic");
    world.run(1000);
    expect(kitchen.last()).toBe("call confirmed");
    expect(attic.last()).toBe("call confirmed");
    expect(h.told("call")).toEqual([]);
    kitchen.timers.nowMs = world.nowMs;
    kitchen.ua.hangUp(kitchen.ua.activeCall()!);
    world.run(40_000);
    expect(attic.last()).toMatch(/^call ended/);
    expect(world.log.filter((line) => line.startsWith("1>12 BYE"))).toHaveLength(1);
    expect(h.door.houseServer?.proxy?.contexts.usedBuffers()).toBe(0);
    expect(h.door.ua.layer.servers.used()).toBe(0);
  });

  it("redirects them instead, if the owner wants: 302 by the password, and the call goes past it", () => {
    const h = house("server.mode=redirect", "call.autoAnswer=on");
    const [kitchen, attic] = both();
    attic.autoAnswer = true;
    world.run(500);
    kitchen.call("attic");
    world.run(1000);
    expect(kitchen.last()).toBe("call confirmed");
    expect(world.log.filter((line) => line.startsWith("1>11 302"))).toHaveLength(1);
    expect(world.log.filter((line) => line.startsWith("11>12 INVITE sip:attic@10.0.0.12"))).toHaveLength(1);
    expect(world.log.filter((line) => line.startsWith("1>12 "))).not.toContain("1>12 INVITE");
    kitchen.timers.nowMs = world.nowMs;
    kitchen.ua.hangUp(kitchen.ua.activeCall()!);
    world.run(40_000);
    // The door itself is called and rings phones as usual.
    kitchen.call("door");
    world.run(1000);
    expect(h.told("call")).toContain("confirmed");
    kitchen.timers.nowMs = world.nowMs;
    kitchen.ua.hangUp(kitchen.ua.activeCall()!);
    world.run(40_000);
    h.set("button1.day=attic 20s");
    h.press();
    world.run(1000);
    expect(h.told("call").at(-1)).toBe("confirmed");
    const stranger = new Agent(world, "10.0.0.99", { user: "zoe", domain: "10.0.0.99" });
    stranger.call("sip:attic@" + DOOR);
    world.run(1000);
    expect(stranger.last()).toMatch(/status 407$/);
    expect(h.door.houseServer?.redirect?.counters.redirected).toBe(1);
    expect(h.door.houseServer?.proxy).toBe(null);
  });

  it("a phone calls the door by its password, and is known to it; by another's name nobody is", () => {
    const h = house("call.autoAnswer=on");
    const [kitchen] = both();
    world.run(500);
    kitchen.call("door");
    world.run(1000);
    expect(h.told("call")).toContain("confirmed");
    kitchen.timers.nowMs = world.nowMs;
    kitchen.ua.hangUp(kitchen.ua.activeCall()!);
    world.run(1000);
    const thief = new Agent(world, "10.0.0.66", { user: "kitchen", password: "guess", domain: DOOR });
    thief.call("door");
    world.run(1000);
    expect(thief.last()).toMatch(/status 407$/);
  });

  it("a stranger reaches neither the door nor a phone", () => {
    const h = house();
    both();
    world.run(500);
    const stranger = new Agent(world, "10.0.0.99", { user: "zoe", domain: "10.0.0.99" });
    stranger.call("sip:door@" + DOOR);
    world.run(1000);
    expect(stranger.last()).toMatch(/status 403$/);
    stranger.call("sip:attic@" + DOOR);
    world.run(1000);
    expect(stranger.last()).toMatch(/status 407$/);
    expect(h.told("call")).toEqual([]);
    expect(world.log.filter((line) => line.startsWith("1>12 INVITE"))).toEqual([]);
  });

  it("eight phones register and ring; a name that is none of them does not get in", () => {
    const settings = [3, 4, 5, 6, 7, 8].flatMap((i) => [`phone${i}.name=p${i}`, `phone${i}.password=s${i}`]);
    House.limits = houseServerLimits(HOUSE_LIMITS);
    const h = house("button1.day=group:house", ...settings);
    const phones = [...both(), ...[3, 4, 5, 6, 7, 8].map((i) => phone("p" + i, "s" + i, 20 + i))];
    const ninth = phone("p9", "s9", 29);
    world.run(5000);
    expect(ninth.diary).toContain("register failed 401");
    h.press();
    world.run(500);
    expect(phones.map((one) => one.last())).toEqual(phones.map(() => "call incoming"));
  });

  it.each([
    ["has another password", "phone2.password=other", "gone attic"],
    ["is taken out", "phone2.name=", "-"],
    ["loses its password", "phone2.password=", "gone attic"],
  ])("rings a phone no more when it %s, and the other one as before", (_words, setting, told) => {
    const h = house("button1.day=group:house 20s", "call.fallback=attic");
    const [kitchen, attic] = both();
    world.run(500);
    h.set("audio.volume=-3");
    expect(h.door.houseServer?.phones().map(({ leftS }) => leftS > 0)).toEqual([true, true]);
    h.set(setting);
    expect(h.tellings("phone", "name").slice(2)).toEqual(told === "-" ? [] : [told]);
    h.press();
    world.run(60_000);
    expect(kitchen.diary).toContain("call incoming");
    expect(attic.diary).not.toContain("call incoming");
    // Whoever gives the old password again is not let in.
    attic.timers.nowMs = world.nowMs;
    attic.ua.registration.renew();
    world.run(1000);
    expect(attic.diary.filter((line) => line.startsWith("register")).at(-1)).toMatch(/^register failed/);
    if (told === "-") h.set("phone2.name=attic", "phone2.password=new");
    expect(h.door.houseServer?.phones().map(({ leftS }) => leftS > 0)).toEqual([true, false]);
  });

  it("forgets a phone whose time is over", () => {
    const h = house();
    const kitchen = phone("kitchen", "k1", 11);
    world.run(500);
    kitchen.sendFails = true;
    world.run(700_000);
    expect(h.door.houseServer?.phones()[0].contact).toBe("");
    phone("attic", "a2", 12);
    world.run(500);
    expect(h.tellings("phone", "name")).toEqual(["registered kitchen", "gone kitchen", "registered attic"]);
  });

  it("is none where there is no memory for it, and says so; it is a door all the same", () => {
    House.limits = DOOR_LIMITS;
    const h = house("call.target=sip:guard@10.0.0.20");
    const guard = new Phone(world, "10.0.0.20");
    expect(h.told("error")).toEqual(["server.enabled: this board has no memory for it"]);
    h.press();
    world.run(100);
    expect(guard.got("INVITE").length).toBe(1);
  });

  it("is none unless it is told to be: a REGISTER is refused", () => {
    House.limits = HOUSE_LIMITS;
    const h = new House(world, ...PHONES, "button1.day=group:house");
    const kitchen = phone("kitchen", "k1", 11);
    world.run(1000);
    expect(kitchen.diary).toContain("register failed 405");
    expect(h.door.houseServer).toBeNull();
    h.press();
    expect(h.told("error").at(-1)).toContain("server.enabled");
  });
});
