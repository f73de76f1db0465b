/**
 * Tests that a secret that is not set is not the empty secret: each secret of the schema is tried unset, and set to
 * nothing, with nothing and with blanks.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { Timers } from "../../src/core/timers.js";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { Access, type Opening } from "../../src/intercom/access.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { linkTimers } from "../../src/links/links.js";
import { People } from "../../src/people/people.js";
import { isSecret, SCHEMA } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { SeededRandom } from "../random.js";
import { authorization, part } from "../ua/digest.js";
import { header, headers, Peer, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

/** These values are empty, or look so. */
const NOTHING = ["", " ", "\t", "  "];
/** The ways in which a setting can be without a value. */
const WITHOUT: [string, (settings: Settings, key: string) => void][] = [
  ["never set", () => {}],
  ["set to nothing", (settings, key) => expect(settings.set(key, "")).toBe("")],
  ["set to blanks", (settings, key) => expect(settings.set(key, "   ")).toBe("")],
  ["kept as nothing", (settings, key) => expect(settings.restore(`set ${key} \n`)).toEqual([])],
];

/** Tries that secret. `without` leaves it without a value. @returns after it has checked that nothing opens */
type Trial = (key: string, without: (settings: Settings) => void) => void;

let sent = 0;
/**
 * Sends a request, and again with the answer to its challenge, as a phone does whose maker allows the empty password.
 * @param between called when it was challenged @returns the last status
 */
function prove(peer: Peer, world: World, method: string, user: string, password: string, between = () => {}): string {
  sent += 1;
  const call = sent;
  let cseq = 0;
  const uri = method === "REGISTER" ? `sip:${DOOR}` : `sip:door@${DOOR}`;
  const send = (authorization: string[]): string => {
    cseq += 1;
    const before = peer.got("SIP/2.0").length;
    peer.send(DOOR, [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${peer.address};branch=z9hG4bK${call}x${cseq}`,
      `From: <sip:${user}@${DOOR}>;tag=a${call}`,
      `To: <sip:${user}@${DOOR}>`,
      `Call-ID: ${call}@${peer.address}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${user}@${peer.address}>`,
      ...authorization,
    ]);
    world.run(100);
    return (
      peer
        .got("SIP/2.0")
        .slice(before)
        .find((one) => !one.startsWith("SIP/2.0 100")) ?? ""
    );
  };
  const challenges = headers(send([]), "WWW-Authenticate");
  const challenge = challenges.find((one) => !one.includes("SHA-256")) ?? "";
  expect(part(challenge, "nonce")).not.toBe("");
  between();
  const answer = send([`Authorization: ${authorization(challenge, { method, uri, user, password })}`]);
  return answer.slice(8, 11);
}

const phonePassword: Trial = (key, without) => {
  const world = new World();
  House.limits = houseServerLimits({ ...DOOR_LIMITS, phones: 8 });
  const phone = key.slice(0, key.indexOf("."));
  const house = new House(world, "server.enabled=on", `${phone}.name=kitchen`, "call.allow=any");
  without(house.settings);
  house.door.start(house.ip);
  expect(house.told("error").at(-1)).toBe(`${key} is not set: kitchen cannot register`);
  NOTHING.forEach((password, i) => {
    expect(prove(new Peer(world, `10.0.0.${11 + i}`), world, "REGISTER", "kitchen", password)).toMatch(/401|403/);
  });
  expect(house.told("phone")).toEqual([]);
  // A caller cannot use its name either.
  const caller = new Peer(world, "10.0.0.66");
  caller.send(DOOR, [
    `INVITE sip:door@${DOOR} SIP/2.0`,
    `Via: SIP/2.0/UDP ${caller.address};branch=z9hG4bKa`,
    `From: <sip:kitchen@${DOOR}>;tag=a`,
    `To: <sip:door@${DOOR}>`,
    "Call-ID: a",
    "CSeq: 1 INVITE",
  ]);
  world.run(100);
  expect(house.told("call")).toEqual([]);
  // With a password the same phone is there.
  house.set(`${key}=k1`);
  expect(prove(new Peer(world, "10.0.0.20"), world, "REGISTER", "kitchen", "k1")).toBe("200");
};

const code: Trial = (key, without) => {
  const settings = new Settings();
  without(settings);
  // The other relay has a code: its digits open that relay alone.
  const other = key === "relay1.code" ? "relay2.code" : "relay1.code";
  for (const isOtherSet of [false, true]) {
    if (isOtherSet) settings.set(other, "4711");
    const opened: number[] = [];
    const user = {
      onCode: ({ relay }: Opening) => void opened.push(relay),
      onWrongCode: () => {},
      callerOf: () => -1,
      onCodeWanted: () => {},
      onDial: () => {},
      epochS: () => 0,
    };
    const timers = new Timers(6);
    const people = new People(new MemoryStore(), settings, new SeededRandom(3), 50);
    const parts = { settings, timers, events: { event: () => {} }, store: new MemoryStore() };
    const access = new Access(parts, people, user);
    access.configure();
    const relay = key === "relay1.code" ? 1 : 2;
    const call = new House(new World()).door.ua.calls[0];
    for (const digits of ["#", "*#", "##", "0#", "1#", "0000#", "1111#", "A#", "10000#"])
      for (const digit of digits) access.digit(call, digit.charCodeAt(0), 1);
    for (const given of ["", "0", "1", "0000", "4711"]) access.text(relay, given);
    timers.poll(10_000);
    expect(opened).not.toContain(relay);
  }
};

/** A server that asks for a password is not answered by the empty one. */
function emptyPassword(without: (settings: Settings) => void, given: string): void {
  const world = new World();
  const server = new Peer(world, "10.0.0.9");
  server.onMessage = (m) => {
    const challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"';
    if (m.startsWith("REGISTER")) server.respond(DOOR, m, "401 Unauthorized", "t", [challenge]);
  };
  const house = new House(world, given);
  without(house.settings);
  house.door.start(house.ip);
  world.run(5000);
  expect(server.got("REGISTER").length).toBeGreaterThan(0);
  for (const one of server.got("REGISTER")) expect(header(one, "Authorization")).toBe("");
  expect(house.told("register")).not.toContain("registered");
}

const TRIALS: Record<string, Trial> = {
  "relay1.code": code,
  "relay2.code": code,
  "console.password": (_key, without) => {
    const house = new House(new World());
    house.settings.set("console.password", "sesame");
    const line = () =>
      new Console(house.door, { store: new MemoryStore(), restart: () => {}, reboot: null, log: house.log });
    for (const nothing of NOTHING) {
      const console = line();
      expect(console.line("login" + nothing)).toContain("wrong password");
      expect(console.line(`login ${nothing} --json`)).toContain("locked");
      expect(console.isLocked()).toBe(true);
    }
    // Without a password nothing is locked, and there is nothing to guess.
    const open = line();
    without(house.settings);
    house.settings.set("console.password", "");
    expect(open.isLocked()).toBe(false);
    expect(open.line("login")).toBe("ok\n");
    // A "login" made while no password was set does not count once one is set.
    house.settings.set("console.password", "sesame");
    expect(open.isLocked()).toBe(true);
  },
  "call.password": (key, without) => {
    const world = new World();
    const house = new House(world, "door.message=on", `${key}=secret`);
    const right = (last: number) => prove(new Peer(world, "10.0.0." + last), world, "MESSAGE", "bob", "secret");
    expect(right(40)).toBe("200");
    // A client that was challenged while there was a password answers now with the empty one.
    NOTHING.forEach((password, i) => {
      house.set(`${key}=secret`);
      const leave = () => {
        house.settings.set(key, "");
        without(house.settings);
        house.door.start(house.ip);
      };
      expect(prove(new Peer(world, `10.0.0.${50 + i}`), world, "MESSAGE", "bob", password, leave)).toBe("403");
      // An empty password does not help while another is set.
      house.set(`${key}=secret`);
      expect(prove(new Peer(world, `10.0.0.${60 + i}`), world, "MESSAGE", "bob", password)).toBe("401");
    });
    expect(right(41)).toBe("200");
  },
  "sip.password": (_key, without) => emptyPassword(without, "sip.domain=10.0.0.9"),
  "account2.password": (_key, without) => emptyPassword(without, "account2.domain=10.0.0.9"),
  // Without a password the network is open: nothing of the door opens by it.
  "wifi.password": () => {},
  // The key of what the door signs, and the door's own password at its broker: nothing comes in by them.
  "hook.secret": () => {},
  "mqtt.password": () => {},
  // Without a token there is no API that could be asked.
  "api.token": (_key, without) => {
    const settings = new Settings();
    expect(settings.set("api.token", "a token of the house")).toBe("");
    expect(linkTimers(settings)).toBe(1);
    settings.set("api.token", "");
    without(settings);
    expect(linkTimers(settings)).toBe(0);
  },
};
for (let i = 1; i <= 8; i++) TRIALS[`phone${i}.password`] = phonePassword;

beforeEach(() => {
  House.limits = HOUSE_LIMITS;
});
afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

describe.each(SCHEMA.filter(isSecret).map(({ key }) => key))("%s", (key) => {
  it.each(WITHOUT)("%s opens to nobody", (_, leave) => {
    expect(TRIALS[key], `a trial of ${key}`).toBeDefined();
    TRIALS[key](key, (settings) => leave(settings, key));
  });
});
