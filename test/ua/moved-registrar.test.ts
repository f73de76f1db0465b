/**
 * Tests a registrar that sends the door elsewhere by 301 or 302: to which server it goes, for how long, and who is
 * given what. RFC 3261 §8.1.3.4
 */
import { beforeEach, describe, expect, it } from "vitest";
import { REGISTRATION_DONE } from "../../src/ua/registration.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { Agent, header, World } from "./harness.js";
import { Server } from "./registrar.js";

const DOOR = "10.0.0.1";
const HOME = "10.0.0.9";
const THERE = "10.0.0.10";
const FURTHER = "10.0.0.11";
const CONTACT = `sip:door@${DOOR}:5060`;

let world: World;
let home: Server;
let there: Server;
let further: Server;
let door: Agent;

beforeEach(() => {
  world = new World();
  home = new Server(world, HOME);
  there = new Server(world, THERE);
  further = new Server(world, FURTHER);
});

/** Lets time pass; names are found as soon as they are asked for. */
function run(ms: number): void {
  for (let left = ms; left > 0; left -= 500) {
    door.timers.nowMs = world.nowMs;
    door.answerNames();
    world.run(Math.min(500, left));
  }
}

function begin(settings: Partial<UserAgentSettings> = {}, names: Record<string, string> = {}): void {
  door = new Agent(world, DOOR, { domain: HOME, password: "secret", ...settings });
  for (const [name, address] of Object.entries(names)) door.names.set(name, address);
  door.configure({ register: true });
  run(1000);
}

const isRegistered = () => door.ua.registration.state === REGISTRATION_DONE;
const moved = (...contacts: string[]) => ["302 Moved Temporarily", ...contacts.map((one) => `Contact: ${one}`)];
const lines = (server: Server) => server.got("REGISTER").map((m) => m.split("\r\n")[0]);
/** Tells whether anything of the password ever went there. */
const hasAnswer = (server: Server) => server.inbox.some((m) => /uthorization:/.test(m));

describe("a 302", () => {
  it("is followed with the same address of record, Call-ID and Contact, to a Request-URI without a user", () => {
    home.instead = moved(`<sip:x:y@${THERE}:5060;transport=udp?Route=evil>;q=0.5`);
    there.challenge = "";
    begin();
    expect(isRegistered()).toBe(true);
    expect(lines(there)).toEqual([`REGISTER sip:${THERE}:5060;transport=udp SIP/2.0`]);
    const [first] = home.got("REGISTER");
    const [second] = there.got("REGISTER");
    for (const name of ["To", "From", "Call-ID", "Contact", "Expires"])
      expect(header(second, name)).toBe(header(first, name));
    expect(Number.parseInt(header(second, "CSeq"), 10)).toBe(Number.parseInt(header(first, "CSeq"), 10) + 1);
    expect(door.ua.registration.place).toBe(`${THERE}:5060;transport=udp`);
  });

  it("without a time holds once: each refresh begins at home", () => {
    home.instead = moved(`<sip:${THERE}>`);
    there.challenge = "";
    begin();
    run(301_000);
    expect([lines(home).length, lines(there).length]).toEqual([2, 2]);
    home.instead = null;
    run(301_000);
    expect(isRegistered()).toBe(true);
    expect(home.bound.has(CONTACT)).toBe(true);
    expect(door.ua.registration.place).toBe("");
  });

  it.each([
    ["Contact", [`<sip:${THERE}>;expires=700`]],
    ["Expires", [`<sip:${THERE}>\r\nExpires: 700`]],
    ["the least of both", [`<sip:${THERE}>;expires=700\r\nExpires: 9000`]],
  ])("holds for the time of its %s", (_words, contacts) => {
    home.instead = moved(...contacts);
    there.challenge = "";
    begin();
    run(601_500);
    expect([lines(home).length, lines(there).length]).toEqual([1, 3]);
    run(300_000);
    expect([lines(home).length, lines(there).length]).toEqual([2, 4]);
  });

  it("to several is tried by preference until one takes it", () => {
    home.instead = moved(`<sip:${THERE}>;q=0.9, <tel:+4930>;q=1`, `<sip:${FURTHER}>;q=0.2`, `<sips:${THERE}>;q=0.8`);
    there.instead = ["500 No"];
    further.challenge = "";
    begin();
    run(1000);
    expect(isRegistered()).toBe(true);
    expect([lines(there).length, lines(further).length]).toEqual([1, 1]);
  });

  it("to one that is dead goes on to the next, and home when there is none", () => {
    home.instead = moved(`<sip:${THERE}>`);
    there.isDead = true;
    begin();
    run(33_000);
    expect(door.diary.at(-1)).toBe("register failed");
    home.instead = null;
    run(60_000);
    expect(isRegistered()).toBe(true);
    expect(home.bound.has(CONTACT)).toBe(true);
  });

  it.each([
    ["itself", `<sip:${HOME}>`],
    ["nowhere", "<tel:+4930>"],
    ["an IPv6 address", "<sip:[::1]>"],
    ["a host that is too long", `<sip:${"x".repeat(200)}.example>`],
  ])("to %s is a failure with its reason", (_words, contact) => {
    home.instead = moved(contact);
    begin();
    expect(door.diary.at(-1)).toBe("register failed 302");
    expect(door.ua.registration.problem).toContain("names no address");
    expect(lines(home).length).toBe(1);
  });

  it.each(["305 Use Proxy", "380 Alternative Service"])("is not what %s means: that is a failure", (status) => {
    home.instead = [status, `Contact: <sip:${THERE}>`];
    begin();
    expect(door.diary.at(-1)).toBe(`register failed ${status.slice(0, 3)}`);
    expect(there.inbox).toEqual([]);
  });

  it("in a circle, and in a chain without end, ends", () => {
    home.instead = moved(`<sip:${THERE}>`);
    there.instead = moved(`<sip:${HOME}>`, `<sip:${FURTHER}>`);
    further.instead = moved(...Array.from({ length: 20 }, (_, i) => `<sip:${THERE}:${5061 + i}>`));
    begin();
    run(200_000);
    expect(isRegistered()).toBe(false);
    const failures = door.diary.filter((line) => line.includes("failed")).length;
    expect(failures).toBeGreaterThan(0);
    expect(lines(home).length).toBeLessThanOrEqual(failures + 1);
    const places = world.log.filter((line) => line.includes(" REGISTER ")).map((line) => line.split(" ")[2]);
    expect(new Set(places).size).toBeLessThanOrEqual(7);
  });
});

describe("a 301", () => {
  it("holds until it fails, and then the same round goes home", () => {
    home.instead = ["301 Moved Permanently", `Contact: <sip:${THERE}>;expires=5`];
    there.challenge = "";
    begin();
    run(2 * 301_000);
    expect([lines(home).length, lines(there).length]).toEqual([1, 3]);
    home.instead = null;
    there.instead = ["404 Not Found"];
    run(301_000);
    expect(isRegistered()).toBe(true);
    expect(door.diary.filter((line) => line.includes("failed"))).toEqual([]);
    expect(home.bound.has(CONTACT)).toBe(true);
  });

  it("is forgotten with other settings", () => {
    home.instead = ["301 Moved Permanently", `Contact: <sip:${THERE}>`];
    there.challenge = "";
    begin();
    home.instead = null;
    door.configure({ expiresS: 300 });
    run(1000);
    expect(home.bound.has(CONTACT)).toBe(true);
  });

  it("has the binding taken back where it is", () => {
    home.instead = ["301 Moved Permanently", `Contact: <sip:${THERE}>`];
    there.challenge = "";
    begin();
    expect(there.bound.has(CONTACT)).toBe(true);
    door.configure({ register: false });
    run(1000);
    expect(there.bound.size).toBe(0);
    expect(door.diary.at(-1)).toBe("register unregistered 200");
  });
});

describe("the password", () => {
  it("goes to no other host: its challenge is not answered, and it is told why", () => {
    home.instead = moved(`<sip:${THERE}>`);
    begin();
    run(400_000);
    expect(there.got("REGISTER").length).toBeGreaterThan(1);
    expect(hasAnswer(there)).toBe(false);
    expect(door.diary.at(-1)).toBe("register failed 401");
    expect(door.ua.registration.problem).toContain(THERE);
    expect(door.ua.registration.problem).toContain("gets no password");
  });

  it("goes to no other host either when home had asked for it before", () => {
    begin();
    expect(isRegistered()).toBe(true);
    home.instead = moved(`<sip:${THERE}>;expires=3600`);
    there.challenge = "";
    there.more = [`Service-Route: <sip:${THERE};lr>`, 'Authentication-Info: nextnonce="evil"'];
    run(301_000);
    expect(there.bound.has(CONTACT)).toBe(true);
    there.proxyChallenge = 'Digest realm="house", nonce="n1", qop="auth"';
    // Calls go by its Service-Route, as it asked, but the server is given nothing.
    door.call("200");
    run(1000);
    expect(there.got("INVITE")).toHaveLength(1);
    expect(hasAnswer(there)).toBe(false);
    expect(door.ua.isServer(there.ip)).toBe(true);
    expect(door.ua.isServerFlow({ ip: there.ip, port: 5060 } as never)).toBe(false);
    // Back at home its own nonce still holds, and the same route is the server's word now.
    home.instead = null;
    home.more = [`Service-Route: <sip:${THERE};lr>`];
    there.instead = ["500 No"];
    door.timers.nowMs = world.nowMs;
    for (const call of door.ua.calls) door.ua.hangUp(call);
    run(301_000);
    door.call("200");
    run(1000);
    expect(hasAnswer(there)).toBe(true);
    home.more = [];
    run(301_000);
    expect(home.bound.has(CONTACT)).toBe(true);
    expect(door.ua.isServer(there.ip)).toBe(false);
  });

  it.each([
    ["the server's own host at another port", HOME, `sip:${HOME}:5060;x=y`, {}],
    ["a host in its domain", "house.test", "sip:a.house.test", { "house.test": HOME, "a.house.test": THERE }],
    ["the same, written otherwise", "House.Test", "sip:A.HOUSE.test.", { "house.test": HOME, "a.house.test.": THERE }],
  ])("goes to %s", (_words, domain, uri, names) => {
    home.instead = moved(`<${uri}>`);
    home.answer = ((answer) => (m: string) => {
      if (m.split(" ")[1].includes("x=y")) home.instead = null;
      answer(m);
    })(home.answer.bind(home));
    begin({ domain }, names as Record<string, string>);
    expect(isRegistered()).toBe(true);
  });

  it.each([
    ["another domain", "sip:house.example"],
    ["a name that only ends alike", "sip:evilhouse.test"],
    ["its address as a name of somebody else", "sip:house.test.example"],
  ])("does not go to %s", (_words, uri) => {
    home.instead = moved(`<${uri}>`);
    const name = uri.slice(4);
    begin({ domain: "house.test" }, { "house.test": HOME, [name]: THERE });
    run(5000);
    expect(there.got("REGISTER").length).toBe(1);
    expect(hasAnswer(there)).toBe(false);
  });

  it("does not go to a host of the domain that a stranger names", () => {
    home.instead = moved(`<sip:${THERE}>`);
    there.instead = moved("<sip:a.house.test>");
    begin({ domain: "house.test" }, { "house.test": HOME, "a.house.test": FURTHER });
    run(5000);
    expect(further.got("REGISTER").length).toBe(1);
    expect(hasAnswer(further)).toBe(false);
    expect(door.ua.isServer(further.ip)).toBe(false);
  });

  it("does not go through the proxy to another registrar", () => {
    const proxy = new Server(world, "10.0.0.8");
    proxy.instead = moved(`<sip:${THERE}>`);
    begin({ proxy: "10.0.0.8" });
    run(2000);
    // The proxy passes the request on, or says 401 in its place.
    expect(lines(proxy).at(-1)).toContain(THERE);
    expect(hasAnswer(proxy)).toBe(false);
  });
});
