/**
 * Tests that a setting that is taken can do what it says: any value that the schema lets through gives requests and
 * responses that leave, that our parser, the grammar and sofia-sip's parser take, and that go where the setting says.
 * SWEEP=whole tries many more values.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { HOUSE_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { checkTogether } from "../../src/settings/consistency.js";
import { HOUSE_GROUP, readPlan } from "../../src/settings/ringplan.js";
import { Settings } from "../../src/settings/settings.js";
import { REGISTRATION_DONE } from "../../src/ua/registration.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { House } from "../intercom/house.js";
import { part } from "../runs.js";
import { anyText } from "../texts.js";
import { Agent, header, headers, sdpOf, World } from "../ua/harness.js";
import { Sofia } from "../wire/sofia.js";

const SERVER = "10.0.0.9";
const RUNS = process.env.SWEEP === "whole" ? 1200 : part(20, 40);
const SEED = 20261129;

// The grammar of RFC 3261 §25.1, as far as our own URIs go; "_" in hosts is in use.
const ESCAPED = "%[0-9A-Fa-f]{2}";
const USER = `(?:[A-Za-z0-9\\-_.!~*'()&=+$,;?/]|${ESCAPED})+`;
const PASSWORD = `(?:[A-Za-z0-9\\-_.!~*'()&=+$,]|${ESCAPED})*`;
const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
const HOST = `(?:\\d{1,3}(?:\\.\\d{1,3}){3}|(?:${LABEL}\\.)*${LABEL}\\.?)`;
const PARAM = `(?:[A-Za-z0-9\\-_.!~*'()[\\]/:&+$]|${ESCAPED})+`;
const SIP_URI = new RegExp(
  `^sip:(?:${USER}(?::${PASSWORD})?@)?${HOST}(?::[1-9]\\d{0,4})?(?:;${PARAM}(?:=${PARAM})?)*$`,
);
const NAME_ADDR = /^(?:"((?:[^"\\\r\n]|\\[^\r\n])*)" )?<([^<>]*)>(?:;[^<>]*)?$/;
/** A target that is called by TLS alone, which the device of these tests has not. */
const NEEDS_TLS = /^sips:|;transport=tls/i;

const sofia = new Sofia();
/** All messages that doors sent, with the settings that made them; they are judged at the end. */
const written: { bytes: Uint8Array; settings: string[] }[] = [];
const message = new Message(64);

beforeAll(() => {
  if (sofia.missing !== "") process.stderr.write(`not judged by sofia-sip: ${sofia.missing}\n`);
});
afterAll(() => sofia.close());

/** Checks that a message of ours is right, by our parser and by the grammar. */
function inspect(bytes: Uint8Array): void {
  expect(message.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
  const m = text(bytes);
  if (!m.startsWith("SIP/2.0")) expect(m.split(" ")[1]).toMatch(SIP_URI);
  // The To of a response, and the From of a request in a dialog that others began, are as they wrote them.
  const ours = m.startsWith("SIP/2.0") ? ["Contact"] : ["From", "To", "Contact", "Route"];
  for (const name of ours)
    for (const value of headers(m, name)) {
      const parts = NAME_ADDR.exec(value);
      expect(parts, `${name}: ${value}`).not.toBeNull();
      expect(parts![2]).toMatch(SIP_URI);
    }
}

/**
 * Makes a door with these settings in a world where all names are known and everybody answers all requests by the
 * rules.
 */
class Trial {
  readonly world = new World();
  readonly house = new House(this.world);
  readonly sent: string[] = [];
  readonly targets: string[] = [];
  private readonly asked: { id: number; port: number }[] = [];
  private readonly due: { reply: Uint8Array; ip: number; port: number; isStream: boolean }[] = [];
  private readonly settings: string[];

  constructor(...settings: string[]) {
    this.settings = settings;
    const { house, asked } = this;
    house.sendDatagram = (ip, port, bytes, start, end) => this.take(ip, port, bytes.slice(start, end), false);
    const streams: { sendStream: Stream } = house as unknown as { sendStream: Stream };
    streams.sendStream = (_connection, ip, port, bytes, start, end) =>
      this.take(ip, port, bytes.slice(start, end), true) ? 1 : -1;
    const names: { resolve: Resolve } = house as unknown as { resolve: Resolve };
    names.resolve = (id, _bytes, _start, _end, port) => asked.push({ id, port: port < 0 ? 5060 : port });
    house.set(...settings);
    this.settle();
  }

  private take(ip: number, port: number, bytes: Uint8Array, isStream: boolean): boolean {
    written.push({ bytes, settings: this.settings });
    inspect(bytes);
    const m = text(bytes);
    this.sent.push(m);
    this.targets.push(`${ipv4Text(ip)}:${port}`);
    const reply = this.replyTo(m);
    if (reply !== "") this.due.push({ reply: octets(reply), ip, port, isStream });
    return true;
  }

  private replyTo(m: string): string {
    if (m.startsWith("SIP/2.0") || m.startsWith("ACK")) return "";
    const isProxy = m.startsWith("INVITE");
    const realm = this.house.settings.text("sip.realm").replace(/(["\\])/g, "\\$1") || "house";
    const challenge = `Digest realm="${realm}", nonce="0123456789abcdef", qop="auth", algorithm=MD5`;
    const isKnown = header(m, "Authorization") !== "" || header(m, "Proxy-Authorization") !== "";
    if (m.startsWith("REGISTER")) {
      if (!isKnown) return response(m, "401 Who", [`WWW-Authenticate: ${challenge}`]);
      return response(
        m,
        "200 OK",
        headers(m, "Contact").map((value) => `Contact: ${value}`),
      );
    }
    if (isProxy && !isKnown && header(m, "Route") !== "")
      return response(m, "407 Who", [`Proxy-Authenticate: ${challenge}`]);
    if (isProxy) return response(m, "200 OK", [`Contact: <sip:x@${SERVER}>`, SDP], sdpOf(SERVER));
    return response(m, "200 OK", []);
  }

  /** Lets names be found and answers come, as long as there are any. */
  settle(): void {
    const { house, world } = this;
    const { layer } = house.door.ua;
    world.run(1);
    while (this.asked.length > 0 || this.due.length > 0) {
      house.timers.nowMs = world.nowMs;
      for (const { id, port } of this.asked.splice(0)) layer.resolved(id, ipv4(SERVER), port);
      for (const { reply, ip, port, isStream } of this.due.splice(0))
        if (isStream) layer.receiveStream(1, reply, 0, reply.length);
        else layer.receiveDatagram(ip, port, reply, 0, reply.length);
      world.run(1);
    }
  }

  /** Makes a call or a text of somebody at that address. @returns the last status that answered it */
  ask(method: string, uri: string, ip = SERVER): string {
    const id = `${method}${this.sent.length}`;
    const body = method === "INVITE" ? sdpOf(ip) : "";
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${ip};branch=z9hG4bK${id}`,
      `From: <sip:x@${ip}>;tag=f`,
      `To: <${uri}>`,
      `Call-ID: ${id}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:x@${ip}>`,
      ...(body === "" ? [] : [SDP]),
      `Content-Length: ${octets(body).length}`,
      "",
      body,
    ];
    const bytes = octets(lines.join("\r\n"));
    this.house.timers.nowMs = this.world.nowMs;
    this.house.door.ua.layer.receiveDatagram(ipv4(ip), 5060, bytes, 0, bytes.length);
    this.settle();
    const answers = this.sent.filter((m) => m.startsWith("SIP/2.0") && header(m, "Call-ID") === id);
    return answers.at(-1)?.split(" ")[1] ?? "";
  }

  /** Lets the door call. @returns the last INVITE */
  call(press: (house: House) => void = (house) => house.press()): string {
    press(this.house);
    this.settle();
    const invite = this.sent.filter((m) => m.startsWith("INVITE")).at(-1) ?? "";
    this.house.timers.nowMs = this.world.nowMs;
    this.house.door.hangUp("");
    this.settle();
    return invite;
  }

  last(method: string): string {
    return this.sent.filter((m) => m.startsWith(method)).at(-1) ?? "";
  }

  isRegistered(): boolean {
    return this.house.door.ua.registration.state === REGISTRATION_DONE;
  }
}

type Stream = (c: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number) => number;
type Resolve = (id: number, bytes: Uint8Array, start: number, end: number, port: number) => void;
const SDP = "Content-Type: application/sdp";

function response(m: string, status: string, more: string[], body = ""): string {
  const lines = [`SIP/2.0 ${status}`];
  for (const name of ["Via", "From", "To", "Call-ID", "CSeq"])
    for (const value of headers(m, name))
      lines.push(`${name}: ${value}${name === "To" && !value.includes(";tag=") ? ";tag=r" : ""}`);
  return [...lines, ...more, `Content-Length: ${octets(body).length}`, "", body].join("\r\n");
}

/** Reads the user of a URI as others read it. */
function userOf(uri: string): string {
  const at = uri.indexOf("@");
  return at < 0 ? "" : decodeURIComponent(uri.slice(4, at).split(":")[0]);
}

function contactUri(m: string): string {
  return NAME_ADDR.exec(headers(m, "Contact").at(-1) ?? "")?.[2] ?? "";
}

// ---- what people and tools may write ----

const letters = fc.constantFrom(..."abzAZ09-_.!~*'()&=+$,;?/ \"\\<>@:%#[]{}|^`éüß門ñ😀", "%41", "%2", "..", "T\u0308");
const words = fc.oneof(
  fc.array(letters, { maxLength: 24 }).map((all) => all.join("")),
  fc.array(letters, { minLength: 50, maxLength: 140 }).map((all) => all.join("")),
  anyText(40),
  fc.constantFrom(
    "Tür",
    "a b",
    "1000#2",
    "%64oor",
    "door",
    "",
    "門".repeat(9),
    "門".repeat(22),
    "ü".repeat(33),
    "a".repeat(128),
  ),
);
const hosts = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(SERVER, "example.org", "a.b-c.example", "host") },
  fc.constantFrom(
    SERVER,
    "example.org",
    "Example.ORG.",
    "sip.example.org",
    "host",
    "a_b.local",
    "3cx",
    "[::1]",
    "::1",
    "1.2.3",
    "256.1.1.1",
  ),
  fc.constantFrom(
    "[2001:db8::1]",
    "010.0.0.9",
    "tür.example",
    "xn--tr-xka.example",
    `${"a".repeat(63)}.${"b".repeat(60)}.org`,
    "x".repeat(64),
    "-a",
    "",
  ),
  fc.array(letters, { maxLength: 12 }).map((all) => all.join("")),
);
const ports = fc.constantFrom(...Array(8).fill(""), ":5060", ":5070", ":0", ":65535", ":65536", ":x", ":");
const params = fc
  .array(
    fc.constantFrom(
      ";transport=tcp",
      ";transport=UDP",
      ";transport=tls",
      ";lr",
      ";user=phone",
      ";x=%20",
      ";x=ü",
      ";;",
      ";maddr=10.0.0.9",
      ";method=BYE",
      ";ttl=5",
      ";a",
    ),
    { maxLength: 1 },
  )
  .map((all) => all.join(""));
const tails = fc.constantFrom(...Array(8).fill(""), "?Subject=x", "?", " ", ">");
const servers = fc
  .tuple(fc.constantFrom("", "", "", "sip:", "sip:", "SIP:", "sips:", "user@"), hosts, ports, params, tails)
  .map((all) => all.join(""));
const numbers = fc.constantFrom(
  "110",
  "+49 (30) 123-45",
  "**610",
  "*21#",
  "030/123",
  "tel:+4930;phone-context=x",
  "1000#2",
  "+",
  "#",
);
const targets = fc.oneof(
  fc
    .tuple(fc.constantFrom("", "sip:", "Sip:", "sips:"), words, fc.constant("@"), hosts, ports, params, tails)
    .map((all) => all.join("")),
  fc.tuple(fc.constantFrom("", "sip:"), hosts, ports, params).map((all) => all.join("")),
  fc.tuple(words, params, tails).map((all) => all.join("")),
  numbers,
);
const plans = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 3, arbitrary: numbers }, { weight: 2, arbitrary: targets }),
      fc.constantFrom(", ", " 10s > ", ">", " 20s, "),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => all.map(([target, mark], i) => target + (i + 1 < all.length ? mark : "")).join(""));

/** Tries values of a setting; values that are not taken have to be refused in one line. @returns how many were taken */
function each(
  key: string,
  values: fc.Arbitrary<string>,
  more: string[],
  trial: (value: string) => void,
  runs = RUNS,
): number {
  let taken = 0;
  fc.assert(
    fc.property(values, (value) => {
      const settings = new Settings();
      const problem = settings.set(key, value);
      for (const one of more) expect(settings.assign(one)).toBe("");
      if (problem !== "") {
        expect(problem).toMatch(/^[^\r\n]+$/);
        expect(problem.startsWith(`${key}: `)).toBe(true);
        return;
      }
      if (checkTogether(settings) !== "") return;
      taken += 1;
      trial(settings.text(key));
    }),
    { seed: SEED, numRuns: runs },
  );
  return taken;
}

const ACCOUNT = [`sip.domain=${SERVER}`, "sip.password=secret"];

describe("each value that is taken of", () => {
  it("sip.user registers, stays registered, and gets the calls and texts for the address it registered", () => {
    const taken = each("sip.user", words, ACCOUNT, (user) => {
      const t = new Trial(`sip.user=${user}`, ...ACCOUNT, "sip.register=on");
      if (user === "") return;
      expect(t.isRegistered()).toBe(true);
      const contact = contactUri(t.last("REGISTER"));
      expect(userOf(contact)).toBe(user);
      const count = t.sent.length;
      t.world.run(310_000);
      t.settle();
      expect(t.isRegistered()).toBe(true);
      expect(t.sent.slice(count).filter((m) => m.startsWith("REGISTER")).length).toBeGreaterThan(0);
      expect(t.ask("MESSAGE", contact)).toBe("200");
      expect(t.ask("INVITE", contact)).toBe("180");
    });
    expect(taken).toBeGreaterThan(RUNS / 3);
  });

  it("sip.name is what those who are called see", () => {
    const taken = each("sip.name", words, ACCOUNT, (name) => {
      const t = new Trial(`sip.name=${name}`, ...ACCOUNT);
      expect(t.isRegistered()).toBe(true);
      const shown = NAME_ADDR.exec(header(t.last("REGISTER"), "From"))?.[1] ?? "";
      expect(shown.replace(/\\(.)/gu, "$1")).toBe(name);
    });
    expect(taken).toBeGreaterThan(RUNS / 3);
  });

  it("sip.authUser and sip.realm answers the challenge", () => {
    for (const key of ["sip.authUser", "sip.realm"]) {
      const taken = each(key, words, ACCOUNT, (value) => {
        const t = new Trial(`${key}=${value}`, ...ACCOUNT);
        expect(t.isRegistered()).toBe(true);
      });
      expect(taken).toBeGreaterThan(RUNS / 3);
    }
  });

  it("sip.domain and sip.proxy is registered at, and calls go there", () => {
    for (const key of ["sip.domain", "sip.proxy"]) {
      const others =
        key === "sip.domain" ? ["sip.password=secret"] : ["sip.domain=house.example", "sip.password=secret"];
      const taken = each(key, servers, others, (value) => {
        const t = new Trial(`${key}=${value}`, ...others, "call.target=200");
        if (value === "" && key === "sip.domain") return;
        expect(t.isRegistered()).toBe(true);
        const given = value.toLowerCase().replace(/^sip:/, "").split(";")[0];
        const port = given.includes(":") ? given.slice(given.indexOf(":") + 1) : "5060";
        if (value !== "") expect(Number(t.targets[0].split(":")[1])).toBe(Number(port));
        expect(t.call().split("\r\n")[0]).toMatch(/^INVITE sip:200@/);
      });
      expect(taken).toBeGreaterThan(RUNS / 10);
    }
  });

  it("call.target is called, whoever it is", () => {
    const taken = each("call.target", targets, ACCOUNT, (target) => {
      const t = new Trial(`call.target=${target}`, ...ACCOUNT);
      if (target === "") return;
      const invite = t.call();
      if (NEEDS_TLS.test(target)) {
        expect(invite).toBe("");
        expect(t.house.told("error").join()).toContain("this device has no TLS");
        return;
      }
      expect(invite, JSON.stringify(t.house.events)).toMatch(/^INVITE sip:/);
      const { tellings } = { tellings: t.house.told("call") };
      expect(tellings).toContain("confirmed");
    });
    expect(taken).toBeGreaterThan(RUNS / 6);
  });

  it("a button's plan is rung, each of its targets", () => {
    const taken = each("button1.day", plans, ACCOUNT, (plan) => {
      const { targets } = readPlan(plan);
      for (const target of plan === "" ? [] : targets) {
        if (target === HOUSE_GROUP || NEEDS_TLS.test(target)) continue;
        const t = new Trial(...ACCOUNT);
        t.call((house) => expect(house.door.call(target), target).toBe(""));
        expect(t.last("INVITE")).toMatch(/^INVITE sip:/);
      }
    });
    expect(taken).toBeGreaterThan(RUNS / 12);
  });

  it("server.domain and a phone's name let that phone register", () => {
    const names = fc.tuple(
      fc.array(fc.constantFrom(..."aZ09-_.+"), { minLength: 1, maxLength: 32 }).map((all) => all.join("")),
      servers,
    );
    fc.assert(
      fc.property(names, ([name, domain]) => {
        const settings = new Settings();
        if (settings.set("phone1.name", name) !== "" || settings.set("server.domain", domain) !== "") return;
        const world = new World();
        House.limits = houseServerLimits(HOUSE_LIMITS);
        const more = [`phone1.name=${name}`, "phone1.password=p", `server.domain=${settings.text("server.domain")}`];
        const house = new House(world, "server.enabled=on", ...more);
        House.limits = HOUSE_LIMITS;
        const send = house.sendDatagram.bind(house);
        house.sendDatagram = (ip, port, bytes, start, end) => {
          written.push({ bytes: bytes.slice(start, end), settings: more });
          inspect(bytes.slice(start, end));
          return send(ip, port, bytes, start, end);
        };
        const where = settings.text("server.domain") || "10.0.0.1";
        const phone = new Agent(world, "10.0.0.11", {
          user: name,
          password: "p",
          domain: where,
          proxy: "10.0.0.1",
          register: true,
        });
        world.run(2000);
        expect(phone.diary.at(-1), more.join(" ")).toBe("register registered 200");
      }),
      { seed: SEED, numRuns: RUNS / 2 },
    );
  });

  it("all of them together gives messages that leave", () => {
    fc.assert(
      fc.property(words, words, servers, servers, targets, words, (user, name, domain, proxy, target, authUser) => {
        const settings = new Settings();
        const pairs = [
          ["sip.user", user],
          ["sip.name", name],
          ["sip.domain", domain],
          ["sip.proxy", proxy],
          ["call.target", target],
          ["sip.authUser", authUser],
          ["sip.password", "secret"],
        ];
        const taken = pairs.filter(([key, value]) => settings.set(key, value) === "").map((pair) => pair.join("="));
        if (checkTogether(settings) !== "" || settings.text("sip.domain") === "" || settings.text("sip.user") === "")
          return;
        const t = new Trial(...taken);
        expect(t.isRegistered()).toBe(true);
        const called = settings.text("call.target");
        if (called !== "" && !NEEDS_TLS.test(called)) expect(t.call()).toMatch(/^INVITE sip:/);
      }),
      { seed: SEED, numRuns: 2 * RUNS },
    );
  });
});

describe("all messages of these doors", () => {
  it.skipIf(sofia.missing !== "")("are taken by sofia-sip", () => {
    expect(written.length).toBeGreaterThan(RUNS);
    const verdicts = sofia.judge(written.map(({ bytes }) => bytes));
    for (const [i, verdict] of verdicts.entries())
      expect(verdict, `${written[i].settings.join(" ")}\n${text(written[i].bytes)}`).toBe("ok");
  });
});
