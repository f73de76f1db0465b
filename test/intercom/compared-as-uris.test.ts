/**
 * Tests that names are compared as URIs, however they are spelled (RFC 3261 §19.1.4): the door itself by the address it
 * registered, the server's users by P-Asserted-Identity, phones of the house by plans, targets by their addresses.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { authorization } from "../ua/digest.js";
import { Agent, header, headers, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const SERVER = "10.0.0.9";

let world: World;
let server: Peer;
let house: House;

beforeEach(() => {
  world = new World();
  server = new Peer(world, SERVER);
  server.onMessage = (m) => {
    if (m.startsWith("REGISTER"))
      server.respond(
        DOOR,
        m,
        "200 OK",
        "r",
        headers(m, "Contact").map((c) => `Contact: ${c}`),
      );
  };
});

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

function door(...settings: string[]): House {
  house = new House(world, `sip.domain=${SERVER}`, ...settings);
  world.run(100);
  return house;
}

let asked = 0;

/** Sends a request of the server for that URI. @returns the last status that came */
function ask(method: string, uri: string, more: string[] = []): string {
  const id = `q${asked++}`;
  const body = method === "INVITE" ? sdpOf(SERVER) : "";
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${SERVER};branch=z9hG4bK${id}`,
    `From: <sip:x@${SERVER}>;tag=f`,
    "To: <sip:somebody@example.org>",
    `Call-ID: ${id}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:x@${SERVER}>`,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    ...more,
  ];
  server.send(DOOR, lines, body);
  world.run(50);
  house.timers.nowMs = world.nowMs;
  house.door.hangUp("");
  world.run(50);
  const answers = server.got("SIP/2.0").filter((m) => header(m, "Call-ID") === id);
  const all = answers.map((m) => m.split(" ")[1]);
  return all.find((status) => status !== "100") ?? "";
}

/** The user name under which the door registered. */
function registered(): string {
  const contact = header(server.got("REGISTER").at(-1)!, "Contact");
  return contact.slice(5, contact.indexOf("@"));
}

/**
 * Writes each octet as it is or escaped, as `marks` say: 0 as it is, 1 in capitals, 2 in small letters. An octet that
 * may not stand as it is is escaped.
 */
function spelled(user: string, marks: readonly number[]): string {
  return [...octets(user)]
    .map((octet, i) => {
      const mark = marks[i % marks.length];
      const c = String.fromCharCode(octet);
      if (mark === 0 && /[A-Za-z0-9\-_.!~*'()&=+$,;?/]/.test(c)) return c;
      const hex = octet.toString(16).padStart(2, "0");
      return `%${mark === 1 ? hex.toUpperCase() : hex}`;
    })
    .join("");
}

const NAMES = [
  "door",
  "Tür",
  "a b",
  "1000#2",
  "100%",
  "a:b",
  "x@y",
  "+4930123",
  "門".repeat(9),
  "a;b?c/d",
  '"q"',
  "%64oor",
];

describe("the door", () => {
  it.each(NAMES)("named %s gets what is sent to the address that it registered, and no one else's", (name) => {
    door(`sip.user=${name}`);
    const user = registered();
    expect(decodeURIComponent(user)).toBe(name);
    for (const spelling of [user, spelled(name, [1]), spelled(name, [2]), spelled(name, [0, 1, 2])]) {
      const uri = `sip:${spelling}@${DOOR}:5060`;
      expect(ask("INVITE", uri), uri).toBe("180");
      expect(ask("INVITE", `${uri};transport=udp;ob`), uri).toBe("180");
      expect(ask("MESSAGE", uri), uri).toBe("200");
      expect(ask("OPTIONS", uri), uri).toBe("200");
    }
    for (const other of [
      `${name}x`,
      name.slice(0, -1),
      `x${name}`,
      spelled(name, [1]).slice(1),
      name.toUpperCase() + "X",
    ]) {
      if (other === "") continue;
      expect(ask("INVITE", `sip:${spelled(other, [0, 1])}@${DOOR}`), other).toBe("404");
      expect(ask("MESSAGE", `sip:${spelled(other, [0, 1])}@${DOOR}`), other).toBe("404");
    }
  });

  it("is itself in every spelling, and nobody else in any", () => {
    const users = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(users, users, fc.array(fc.nat(2), { minLength: 1, maxLength: 9 }), (name, other, marks) => {
        world = new World();
        server = new Peer(world, SERVER);
        house = new House(world);
        if (house.settings.set("sip.user", name) !== "" || house.settings.text("sip.user") === "") return;
        const kept = house.settings.text("sip.user");
        house.set(`sip.domain=${SERVER}`, "sip.register=off");
        expect(ask("MESSAGE", `sip:${spelled(kept, marks)}@${DOOR}`)).toBe("200");
        const isSame = kept === other;
        expect(ask("MESSAGE", `sip:${spelled(other, marks)}@${DOOR}`)).toBe(isSame ? "200" : "404");
      }),
      { seed: 20261129, numRuns: 60 },
    );
  });

  it("with a number for its name is called by tel: and with what people write between digits", () => {
    door("sip.user=+4930123");
    for (const uri of [
      "tel:+49-30-123",
      "tel:+4930123;x=y",
      `sip:+49-(30).123@${DOOR};user=phone`,
      `sip:%2B4930123@${DOOR}`,
    ])
      expect(ask("INVITE", uri), uri).toBe("180");
    for (const uri of ["tel:+49-30-124", "tel:4930123", `sip:+49-30-123@${DOOR}`])
      expect(ask("INVITE", uri), uri).toBe("404");
  });

  it("knows its own Contact in the registrar's answer however that spells it", () => {
    for (const spelling of ["Tür", "T%C3%BCr", "%54%c3%bc%72"]) {
      server.onMessage = (m) => {
        const contacts = ["Contact: <sip:x@10.0.0.3>;expires=7", `Contact: <SIP:${spelling}@${DOOR}:5060>;expires=77`];
        if (m.startsWith("REGISTER")) server.respond(DOOR, m, "200 OK", "r", contacts);
      };
      const h = door("sip.user=Tür");
      expect(h.door.ua.registration.grantedS).toBe(77);
      h.next = () => Infinity;
      world = new World();
      server = new Peer(world, SERVER);
    }
  });
});

describe("a caller", () => {
  it.each([
    "sip:anna@10.0.0.9",
    "SIP:%61nna@10.0.0.9:5060;user=ip",
    "sip:anna:secret@010.0.0.9",
    "sips:anna@10.0.0.9.",
  ])("is who the server says, as %s", (uri) => {
    door("sip.trust=server", "call.password=x", "call.autoAnswer=on");
    const more = [`P-Asserted-Identity: "Anna" <${uri}>`];
    expect(ask("INVITE", `sip:door@${DOOR}`, more)).not.toBe("401");
    expect(ask("INVITE", `sip:door@${DOOR}`)).toBe("401");
  });
});

describe("a phone of the house", () => {
  const PHONES = ["server.enabled=on", "server.domain=House.Example", "phone1.name=kitchen", "phone1.password=k1"];

  function phone(domain: string): Agent {
    const all = { user: "kitchen", password: "k1", domain, proxy: DOOR, register: true };
    const agent = new Agent(world, "10.0.0.11", all);
    world.run(1000);
    return agent;
  }

  it.each([
    "kitchen",
    "sip:kitchen@house.example",
    "sip:%6bitchen@HOUSE.example.",
    "kitchen@10.0.0.1",
    "sip:kitche%6E@10.0.0.1:5060;transport=udp",
  ])("is rung by a plan as %s, where it registered", (target) => {
    House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
    house = new House(world, ...PHONES, `button1.day=${target}`, `button2.day=sip:kitchens@house.example`);
    const kitchen = phone("house.example");
    expect(kitchen.diary).toContain("register registered 200");
    house.press();
    world.run(200);
    expect(kitchen.last()).toBe("call incoming");
    expect(world.log.filter((line) => line.startsWith("1>11 INVITE"))).toHaveLength(1);
    expect(world.log.filter((line) => line.startsWith("1>1 "))).toEqual([]);
  });

  it.each(["house.example", "HOUSE.Example.", "10.0.0.1"])(
    "registers and is called at the domain spelled %s",
    (domain) => {
      House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
      house = new House(world, ...PHONES, "phone2.name=attic", "phone2.password=a2");
      const kitchen = phone(domain);
      expect(kitchen.diary.at(-1)).toBe("register registered 200");
      const attic = new Agent(world, "10.0.0.12", {
        user: "attic",
        password: "a2",
        domain: "house.example",
        proxy: DOOR,
        register: true,
      });
      world.run(1000);
      attic.call(`sip:%6Bitchen@${domain}`);
      world.run(1000);
      expect(kitchen.last()).toBe("call incoming");
    },
  );

  it("registers an address of record that is spelled otherwise, and the door lists it once", () => {
    House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
    house = new House(world, ...PHONES);
    const peer = new Peer(world, "10.0.0.13");
    let answer = "";
    peer.onMessage = (m) => {
      answer = m;
    };
    const uri = "sip:house.example";
    const register = (more: string[]) => {
      peer.send(DOOR, [
        `REGISTER ${uri} SIP/2.0`,
        `Via: SIP/2.0/UDP 10.0.0.13;branch=z9hG4bK${asked++}`,
        "From: <sip:%6bitchen@HOUSE.example.>;tag=1",
        "To: <sip:%6Bitchen@House.example>",
        "Call-ID: r1",
        `CSeq: ${asked} REGISTER`,
        "Contact: <sip:kitchen@10.0.0.13>",
        ...more,
      ]);
      world.run(100);
    };
    register([]);
    expect(answer).toMatch(/^SIP\/2\.0 401 /);
    const challenge = header(answer, "WWW-Authenticate");
    const value = authorization(challenge, { method: "REGISTER", uri, user: "kitchen", password: "k1" });
    register([`Authorization: ${value}`]);
    expect(answer).toMatch(/^SIP\/2\.0 200 /);
    expect(house.tellings("phone", "name")).toEqual(["registered kitchen"]);
    expect(house.door.houseServer?.phones().map(({ name, contact }) => `${name} ${contact}`)).toEqual([
      "kitchen sip:kitchen@10.0.0.13",
    ]);
  });
});

describe("a target's address", () => {
  it("is known however the settings spell it", () => {
    for (const target of ["sip:x@010.0.0.20", "10.0.0.20:5062", "sip:x@10.0.0.20;transport=tcp"]) {
      const h = new House(world, `call.target=${target}`);
      expect(h.door.mayCall).toBeDefined();
      const phone = new Peer(world, "10.0.0.20");
      expect(phone.ip).toBe(ipv4("10.0.0.20"));
      house = h;
      const id = `t${asked++}`;
      phone.send(
        DOOR,
        [
          `INVITE sip:door@${DOOR} SIP/2.0`,
          `Via: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bK${id}`,
          "From: <sip:x@10.0.0.20>;tag=f",
          "To: <sip:door@10.0.0.1>",
          `Call-ID: ${id}`,
          "CSeq: 1 INVITE",
          "Contact: <sip:x@10.0.0.20>",
          "Content-Type: application/sdp",
        ],
        sdpOf("10.0.0.20"),
      );
      world.run(50);
      expect(phone.got("SIP/2.0 180").length, target).toBe(1);
      h.next = () => Infinity;
      world = new World();
    }
  });
});
