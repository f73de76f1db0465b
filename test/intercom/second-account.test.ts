/**
 * Tests a door with two accounts at two servers: who is called by which of them, who is believed by which of them, and
 * that neither gets what belongs to the other.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { Reply } from "../../src/console/reply.js";
import { reportStatus } from "../../src/console/report.js";
import { HOUSE_LIMITS } from "../../src/driver/limits.js";
import { Agent, header, sdpOf, World } from "../ua/harness.js";
import { field, Server } from "../ua/registrar.js";
import { DOOR, House } from "./house.js";

const FIRST = "10.0.0.9";
const SECOND = "10.0.0.8";

let world: World;
let first: Server;
let second: Server;

beforeEach(() => {
  world = new World();
  first = new Server(world, FIRST);
  second = new Server(world, SECOND);
  first.challenge = 'Digest realm="one", nonce="n1", qop="auth", algorithm=MD5';
  first.proxyChallenge = 'Digest realm="one", nonce="p1", qop="auth", algorithm=MD5';
  second.challenge = 'Digest realm="two", nonce="n2", qop="auth", algorithm=SHA-256';
  second.proxyChallenge = 'Digest realm="two", nonce="p2", qop="auth", algorithm=SHA-256';
  second.password = "other";
});

function house(...settings: string[]): House {
  return new House(
    world,
    `sip.domain=${FIRST}`,
    "sip.user=door",
    "sip.password=secret",
    `account2.domain=${SECOND}`,
    "account2.user=gate",
    "account2.password=other",
    ...settings,
  );
}

/** @returns that line of `status`, "" when there is none */
function status(door: House, name: string): string {
  const lines = reportStatus(new Reply(), door.door).toText().split("\n");
  const line = lines.find((one) => one.startsWith(`${name} `)) ?? "";
  return line.slice(name.length + 1);
}

/** Sends an INVITE to the door as a server does. @returns the status of the final or first answer */
function invite(from: Server, user: string, more: string[] = [], id = "c1"): string {
  const before = from.inbox.length;
  const lines = [
    `INVITE sip:${user}@${DOOR} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from.address};branch=z9hG4bK${id}`,
    "Max-Forwards: 70",
    `From: <sip:bob@${from.address}>;tag=b${id}`,
    `To: <sip:${user}@${from.address}>`,
    `Call-ID: ${id}@${from.address}`,
    "CSeq: 1 INVITE",
    `Contact: <sip:bob@${from.address}>`,
    "Content-Type: application/sdp",
    ...more,
  ];
  from.send(DOOR, lines, sdpOf(from.address));
  world.run(100);
  const answers = from.inbox.slice(before).filter((m) => m.startsWith("SIP/2.0") && !m.startsWith("SIP/2.0 100"));
  return answers.at(-1)?.slice(8, 11) ?? "";
}

describe("the second account", () => {
  it("is registered at its server beside the first, each with its own user and password", () => {
    const door = house();
    world.run(3000);
    expect([...first.bound]).toEqual([`sip:door@${DOOR}:5060`]);
    expect([...second.bound]).toEqual([`sip:gate@${DOOR}:5060`]);
    expect(door.told("register").at(-1)).toBe("registered");
    expect(door.told("register2")).toEqual(["registering", "registered"]);
    expect(door.told("error")).toEqual([]);
    expect(status(door, "registration")).toContain("registered, granted 600 s");
    expect(status(door, "registration2")).toContain("registered, granted 600 s");
    expect(header(second.got("REGISTER")[0], "From")).toContain(`<sip:gate@${SECOND}>`);
  });

  it("is not made where it is not set up, and nothing is asked of it", () => {
    const door = new House(world, `sip.domain=${FIRST}`, "sip.password=secret");
    world.run(3000);
    expect(door.door.ua.second).toBe(null);
    expect(status(door, "registration2")).toBe("");
    expect(second.inbox).toEqual([]);
    expect(door.door.call("200@2")).toBe("'200@2': there is no second account: set account2.domain");
    door.set(`account2.domain=${SECOND}`);
    expect(door.told("error").slice(1)).toEqual([
      "account2.domain is set: save and reboot, the second account is made when the door starts",
    ]);
  });

  it("fails by itself: the first stays registered, the light and the status say so, and it comes back", () => {
    second.isDead = true;
    const door = house();
    world.run(60_000);
    expect(door.told("register").at(-1)).toBe("registered");
    expect(door.told("register2").at(-1)).toBe("registering");
    world.run(10_000);
    expect(status(door, "registration2")).toMatch(/^(failed, next try in \d+ s: |registering)/);
    expect(status(door, "registration")).toContain("registered");
    second.isDead = false;
    world.run(120_000);
    expect(status(door, "registration2")).toContain("registered");
  });

  it("says by its own keys what is wrong with them", () => {
    const unset = house("account2.password=");
    world.run(3000);
    expect(status(unset, "registration2")).toContain("account2.password is not set");
    world = new World();
    second = new Server(world, SECOND);
    const secure = house("account2.transport=tls");
    expect(secure.told("error")).toContain(
      "account2.transport is tls: this device has no TLS yet: use sip: with udp or tcp",
    );
    secure.set("tone.volume=20");
    expect(secure.told("error").filter((line) => line.startsWith("account2.transport"))).toHaveLength(1);
  });

  it("leaves its server when its settings are removed, and says that it comes at the next start if they are new", () => {
    const door = house();
    world.run(3000);
    door.set("account2.domain=");
    world.run(3000);
    expect([...second.bound]).toEqual([]);
    expect([...first.bound]).toHaveLength(1);
    expect(status(door, "registration2")).toBe("");
    const other = new House(new World(), `sip.domain=${FIRST}`);
    other.set(`account2.domain=${SECOND}`);
    expect(other.told("error")).toEqual([
      "account2.domain is set: save and reboot, the second account is made when the door starts",
    ]);
  });
});

describe("a call", () => {
  it.each([
    ["200", [], FIRST],
    ["200@1", [], FIRST],
    ["200@2", [], SECOND],
    ["200", ["call.account=2"], SECOND],
    ["200@1", ["call.account=2"], FIRST],
    [`sip:bob@${SECOND}`, [], SECOND],
    [`sip:bob@${FIRST}`, ["call.account=2"], FIRST],
  ])("to %s with %j goes by the server %s, in the name and with the password of that account", (target, more, at) => {
    house(...more, `call.target=${target}`).press();
    world.run(3000);
    const [server, other] = at === FIRST ? [first, second] : [second, first];
    const invites = server.got("INVITE");
    expect(other.got("INVITE")).toEqual([]);
    expect(header(invites[0], "From")).toContain(at === FIRST ? `<sip:door@${FIRST}>` : `<sip:gate@${SECOND}>`);
    expect(header(invites[0], "Contact")).toContain(at === FIRST ? `<sip:door@${DOOR}` : `<sip:gate@${DOOR}`);
    const answer = header(invites.at(-1) ?? "", "Proxy-Authorization");
    expect(field(answer, "realm")).toBe(at === FIRST ? "one" : "two");
    expect(server.got("ACK")).not.toEqual([]);
  });

  it("by both accounts rings at both together, and the one who answers first has it", () => {
    first.proxyChallenge = second.proxyChallenge = "";
    const door = house("button1.day=200@1,300@2 20s");
    const ring = (server: Server) => {
      const answer = server.answer.bind(server);
      server.answer = (m) =>
        m.startsWith("INVITE")
          ? server.respond(DOOR, m, "180 Ringing", "b", [`Contact: <sip:bob@${server.address}>`])
          : answer(m);
      return answer;
    };
    ring(first);
    const answer = ring(second);
    world.run(3000);
    door.press();
    world.run(2000);
    expect(first.got("INVITE sip:200@")).toHaveLength(1);
    expect(second.got("INVITE sip:300@")).toHaveLength(1);
    answer(second.got("INVITE")[0]);
    world.run(2000);
    expect(first.got("CANCEL")).toHaveLength(1);
    expect(door.told("call").at(-1)).toBe("confirmed");
    door.set("sip.user=door");
    door.press();
    world.run(2000);
    expect(header(second.got("BYE")[0], "From")).toContain(`<sip:gate@${SECOND}>`);
  });

  it("that is moved goes on by the account of its call, and its phone is told by that account", () => {
    first.proxyChallenge = second.proxyChallenge = "";
    const door = house("call.target=200@2", "call.referTo=3xx@2,4xx@1");
    world.run(3000);
    door.press();
    world.run(2000);
    expect(door.told("call").at(-1)).toBe("confirmed");
    const sent = second.got("INVITE")[0];
    const refer = (to: string, cseq: number) =>
      second.send(DOOR, [
        `REFER sip:gate@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${SECOND};branch=z9hG4bKr${cseq}`,
        `From: ${header(sent, "To")};tag=b`,
        `To: ${header(sent, "From")}`,
        `Call-ID: ${header(sent, "Call-ID")}`,
        `CSeq: ${cseq} REFER`,
        `Contact: <sip:bob@${SECOND}>`,
        `Refer-To: <${to}>`,
      ]);
    refer(`sip:400@${FIRST}`, 1);
    world.run(1000);
    expect(second.got("SIP/2.0 403")).toHaveLength(1);
    refer(`sip:301@${SECOND}`, 2);
    world.run(2000);
    expect(second.got("SIP/2.0 202")).toHaveLength(1);
    expect(header(second.got("INVITE sip:301@")[0], "From")).toContain(`<sip:gate@${SECOND}>`);
    expect(header(second.got("NOTIFY")[0], "Contact")).toContain(`<sip:gate@${DOOR}`);
    expect(first.got("INVITE")).toEqual([]);
  });

  it("gives neither server an answer to the other's challenge", () => {
    second.proxyChallenge = first.proxyChallenge;
    house("call.target=200@2").press();
    world.run(3000);
    for (const server of [first, second])
      for (const m of server.inbox) {
        const given = [header(m, "Authorization"), header(m, "Proxy-Authorization")].filter((value) => value !== "");
        for (const value of given) expect(field(value, "username")).toBe(server === first ? "door" : "gate");
      }
  });

  it.each([
    ["call.target=200@2", "'200@2' needs account2.domain to be set"],
    ["button1.day=200,201@2", "'201@2' needs account2.domain to be set"],
  ])("by an account that is not there is refused when it is set: %s", async (setting, problem) => {
    const { checkTogether } = await import("../../src/settings/consistency.js");
    const { Settings } = await import("../../src/settings/settings.js");
    const settings = new Settings();
    for (const one of [`sip.domain=${FIRST}`, setting]) expect(settings.assign(one)).toBe("");
    expect(checkTogether(settings)).toContain(problem);
    settings.assign(`account2.domain=${SECOND}`);
    expect(checkTogether(settings)).toBe("");
  });

  it.each([
    ["pbx.example", "door", "pbx.example", "door", false],
    ["pbx.example", "door", "PBX.example:5060", "door", false],
    ["pbx.example:5070", "door", "pbx.example:5070", "door", false],
    ["pbx.example", "door", "pbx.example", "Door", true],
    ["pbx.example", "door", "pbx.example:5070", "door", true],
    ["", "door", "pbx.example", "door", true],
  ])("may be at the first one's server, with a user of its own: %s %s, %s %s", async (...given) => {
    const { checkTogether } = await import("../../src/settings/consistency.js");
    const { Settings } = await import("../../src/settings/settings.js");
    const [domain, user, secondDomain, secondUser, isRight] = given;
    const settings = new Settings();
    for (const one of [`sip.domain=${domain}`, `sip.user=${user}`]) expect(settings.assign(one)).toBe("");
    for (const one of [`account2.domain=${secondDomain}`, `account2.user=${secondUser}`])
      expect(settings.assign(one)).toBe("");
    const problem = "account2.user: 'door' at that server is the first account: set another user";
    expect(checkTogether(settings)).toBe(isRight ? "" : problem);
  });
});

describe("a caller", () => {
  it("is judged by the account of the server that it comes through: its user, and no other's", () => {
    house();
    world.run(3000);
    expect(invite(first, "gate", [], "a")).toBe("404");
    expect(invite(second, "door", [], "b")).toBe("404");
    expect(invite(second, "gate", [], "c")).toBe("180");
  });

  it.each([
    [[], false, false],
    [["sip.trust=server"], true, false],
    [["account2.trust=server"], false, true],
  ])("is known by the word of a server only if that account trusts it: %j", (settings, byFirst, bySecond) => {
    const known = (server: Server, user: string, at: string) => {
      const door = house("call.autoAnswer=on", ...settings);
      world.run(3000);
      const status = invite(server, user, [`P-Asserted-Identity: <sip:bob@${at}>`]);
      expect(door.told("call")[0]).toBe("ringing");
      return status === "200";
    };
    expect(known(first, "door", FIRST)).toBe(byFirst);
    world = new World();
    first = new Server(world, FIRST);
    second = new Server(world, SECOND);
    second.password = "other";
    expect(known(second, "gate", SECOND)).toBe(bySecond);
  });

  it("is not known if one server vouches for a user of the other", () => {
    const door = house("call.autoAnswer=on", "sip.trust=server", "account2.trust=server");
    world.run(3000);
    expect(invite(second, "gate", [`P-Asserted-Identity: <sip:bob@${FIRST}>`])).toBe("180");
    expect(door.told("call")).toEqual(["ringing"]);
  });

  it("is told by which Contact the door is reached: that of the account", () => {
    house();
    world.run(3000);
    invite(second, "gate");
    expect(header(second.got("SIP/2.0 180")[0], "Contact")).toContain(`<sip:gate@${DOOR}`);
  });

  it("is told apart by the user if both accounts are at one server", () => {
    const door = house(`account2.domain=${FIRST}`, "account2.password=secret");
    world.run(3000);
    expect([...first.bound].sort()).toEqual([`sip:door@${DOOR}:5060`, `sip:gate@${DOOR}:5060`]);
    expect(invite(first, "gate", [], "a")).toBe("180");
    expect(header(first.got("SIP/2.0 180")[0], "Contact")).toContain("<sip:gate@");
    expect(invite(first, "nobody", [], "b")).toBe("404");
    expect(door.told("call")).toEqual(["ringing"]);
  });
});

describe("its servers", () => {
  it("change over among themselves: a call goes to the second proxy of that account, never to the other account's", () => {
    const backup = new Server(world, "10.0.0.7");
    second.proxyChallenge = backup.proxyChallenge = "";
    const door = house(`account2.proxy=${SECOND},10.0.0.7`, "call.target=200@2");
    world.run(3000);
    second.isDead = true;
    door.press();
    world.run(10_000);
    expect(backup.got("INVITE")).not.toEqual([]);
    expect(header(backup.got("INVITE")[0], "Route")).toContain("10.0.0.7");
    expect(door.told("call").at(-1)).toBe("confirmed");
    expect(first.got("INVITE")).toEqual([]);
    expect(door.told("error").join()).toContain("the server 10.0.0.8:5060 does not answer: 10.0.0.7:5060 is tried");
  });

  it("see the door at addresses of their own, and each gets back the one that it sees", () => {
    const seen = (server: Server, address: string, port: number) => {
      const respond = server.respond.bind(server);
      server.respond = (to, m, line, tag, more, body) => {
        const via = header(m, "Via");
        const mapped = m.replace(via, `${via.replace(";rport", `;rport=${port}`)};received=${address}`);
        respond(to, mapped, line, tag, more, body);
      };
    };
    seen(first, "203.0.113.1", 40001);
    seen(second, "203.0.113.2", 40002);
    const door = house("call.target=200@2", "sip.probe=off");
    world.run(20_000);
    expect([...first.bound]).toEqual(["sip:door@203.0.113.1:40001"]);
    expect([...second.bound]).toEqual(["sip:gate@203.0.113.2:40002"]);
    const bindings = (server: Server) => server.got("REGISTER").filter((m) => header(m, "Contact") !== "").length;
    const before = [bindings(first), bindings(second)];
    door.press();
    world.run(3000);
    const sent = second.got("INVITE").at(-1) ?? "";
    expect(header(sent, "Contact")).toContain("<sip:gate@203.0.113.2:40002");
    expect(sent).toContain("c=IN IP4 203.0.113.2");
    expect(status(door, "outside2")).toBe("203.0.113.2:40002");
    expect(status(door, "outside")).toContain("203.0.113.1:40001");
    // The octets that keep the port open go to both, and neither is registered more often for it.
    world.run(60_000);
    expect(second.got("\r\n\r\n").length).toBeGreaterThan(1);
    expect([bindings(first), bindings(second)]).toEqual(before);
  });
});

describe("two of our servers", () => {
  it("have the door as a user each: phones of both are called, one answers, and a phone of either calls the door", () => {
    const server = (address: string, name: string, password: string, phone: string) => {
      House.address = address;
      const made = new House(
        world,
        "server.enabled=on",
        `phone1.name=${name}`,
        `phone1.password=${password}`,
        `phone2.name=${phone}`,
        "phone2.password=phone-secret",
      );
      House.address = DOOR;
      return made;
    };
    world = new World();
    server(FIRST, "door", "secret-one", "200");
    server(SECOND, "gate", "secret-two", "300");
    const phone = (address: string, user: string, domain: string) =>
      new Agent(world, address, { user, domain, password: "phone-secret", register: true }, HOUSE_LIMITS);
    const one = phone("10.0.0.21", "200", FIRST);
    const two = phone("10.0.0.22", "300", SECOND);
    const door = house(
      "sip.password=secret-one",
      "account2.password=secret-two",
      "account2.trust=server",
      "button1.day=200@1,300@2",
    );
    world.run(3000);
    expect(status(door, "registration")).toContain("registered");
    expect(status(door, "registration2")).toContain("registered");
    door.press();
    world.run(2000);
    expect([one.last(), two.last()]).toEqual(["call incoming", "call incoming"]);
    two.ua.answer(two.ua.calls.find((call) => call.isActive())!);
    world.run(2000);
    expect(door.told("call").at(-1)).toBe("confirmed");
    expect(two.last()).toBe("call confirmed");
    expect(one.last()).toContain("call ended");
    door.press();
    world.run(2000);
    expect(two.last()).toContain("call ended");
    expect(door.set("call.autoAnswer=on")).toBe(undefined);
    two.call("gate");
    world.run(2000);
    expect(two.last()).toBe("call confirmed");
    two.ua.hangUp(two.ua.activeCall()!);
    world.run(2000);
    // The first server is not trusted to say who calls, so its phone only rings.
    one.call("door");
    world.run(2000);
    expect(one.last()).toBe("call ringing");
  });
});
