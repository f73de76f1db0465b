/**
 * Tests each rule by itself: who may call, who is known and who is answered automatically. All of them together are in
 * who-may.test.ts.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { GUESSES_BURST } from "../../src/core/guesses.js";
import { Callers, DOOR_BUSY, DOOR_IDLE, DOOR_JOINABLE, DOOR_PICKED } from "../../src/intercom/callers.js";
import { Settings } from "../../src/settings/settings.js";
import { Flow } from "../../src/transaction/flow.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { TRANSPORT_UDP } from "../../src/wire/names.js";
import { Writer } from "../../src/wire/writer.js";
import { authorization } from "../ua/digest.js";
import { World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const SERVER = "10.0.0.10";
const TARGET = "10.0.0.3";
const STRANGER = "10.0.0.66";
const URI = `sip:door@${DOOR}`;
const PASSWORD = "let me in";

interface Ask {
  method?: string;
  uri?: string;
  port?: number;
  more?: string[];
  body?: string;
  isPhone?: boolean;
  door?: number;
}

/** Has the server and the door's own name; made once, since nothing here changes it. */
let house: House | null = null;

/** Holds a door's rules alone. */
class Rules {
  readonly settings = new Settings();
  readonly callers: Callers;
  readonly message = new Message(32);
  readonly source = new Flow();

  constructor(...settings: string[]) {
    for (const one of [`call.target=sip:b@${TARGET}`, ...settings]) expect(this.settings.assign(one)).toBe("");
    house ??= new House(new World(), "sip.domain=example.org", `sip.proxy=${SERVER}`, "sip.register=off");
    this.callers = new Callers(house.door.ua, this.settings);
    this.callers.configure();
  }

  read({ method = "INVITE", uri = URI, more = [], body = "" }: Ask): Message {
    const lines = [
      `${method} ${uri} SIP/2.0`,
      ...more,
      "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
      "From: <sip:a@h>;tag=1",
      `To: <${URI}>`,
      "Call-ID: c",
      `CSeq: 1 ${method}`,
      ...(body === "" ? [] : ["Content-Type: text/plain"]),
      `Content-Length: ${octets(body).length}`,
      "",
      body,
    ];
    const bytes = octets(lines.join("\r\n"));
    expect(this.message.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
    return this.message;
  }

  from(ip: string, port = 5060): Flow {
    this.source.set(TRANSPORT_UDP, ipv4(ip), port, -1);
    return this.source;
  }

  /** @returns the status; 0: the request may be taken */
  judge(ip: string, ask: Ask = {}): number {
    return this.callers.judge(this.read(ask), this.from(ip, ask.port), ask.isPhone ?? false, ask.door ?? DOOR_IDLE);
  }

  /**
   * Judges a call.
   * @returns after how many seconds it is answered; -1: by hand; below that, the status that refuses it
   */
  answers(ip: string, ...more: string[]): number {
    const status = this.judge(ip, { more });
    return status === 0 ? this.callers.answerAfterS(this.message) : -status;
  }

  challenge(ip: string): string {
    const w = new Writer();
    const out = new Uint8Array(500);
    w.begin(out, 0, out.length);
    this.callers.writeChallenge(w, ipv4(ip));
    return text(out, 0, w.at);
  }

  /** Answers a challenge. @returns the status of the answered request */
  proves(ip: string, ask: Ask = {}, password = PASSWORD): number {
    const { method = "INVITE", more = [] } = ask;
    const field = authorization(this.challenge(ip), { method, uri: URI, user: "anybody", password });
    return this.judge(ip, { ...ask, more: [...more, "Authorization: " + field] });
  }
}

const ORDER = { method: "MESSAGE", body: "open 2580" };
const WATCH = { method: "SUBSCRIBE", more: ["Event: dialog"] };
const AUTO = { more: ["Answer-Mode: Auto"] };
const INSISTING = { more: ["Answer-Mode: Auto;require"] };

describe("who may ring", () => {
  it("is whoever the settings call by an address, in any of their places, until they do no more", () => {
    for (const key of [
      "call.fallback=sip:x@10.1.1.1",
      "call.fallback=10.1.1.1",
      ...[1, 2, 3, 4].flatMap((n) => ["day", "night", "hold"].map((when) => `button${n}.${when}=sip:x@10.1.1.1`)),
      "button2.day=sip:x@10.2.2.2 > sip:y@10.1.1.1:5070",
      "button2.day=sip:x@10.2.2.2, sip:z@10.0.0.3, sip:y@10.1.1.1",
    ]) {
      const rules = new Rules(key);
      expect(rules.judge("10.1.1.1"), key).toBe(0);
      expect(rules.judge(TARGET), key).toBe(0);
      expect(rules.judge("10.1.1.2"), key).toBe(403);
      const [name] = key.split("=");
      rules.settings.assign(name + "=");
      rules.callers.configure();
      expect(rules.judge("10.1.1.1"), key).toBe(403);
      expect(rules.judge(TARGET), key).toBe(0);
    }
  });

  it("is the server, at whichever port; nobody who is called by a name alone", () => {
    const rules = new Rules("call.fallback=sip:x@phone.example.net");
    expect(rules.judge(SERVER)).toBe(0);
    expect(rules.judge(SERVER, { port: 9999 })).toBe(0);
    expect(rules.callers.isKnown).toBe(false);
    expect(new Rules().callers.isKnown).toBe(false);
    expect(rules.callers.isExpected(ipv4(SERVER))).toBe(true);
    expect(rules.callers.isExpected(ipv4(TARGET))).toBe(true);
    expect(rules.callers.isExpected(ipv4(STRANGER))).toBe(false);
    for (const ip of [STRANGER, "0.0.0.0", "255.255.255.255"]) expect(rules.judge(ip)).toBe(403);
    expect(new Rules("call.target=sip:x@0.0.0.0").judge("0.0.0.0")).toBe(403);
  });

  it("is everybody where the owner says so, and nobody learns more who may not", () => {
    expect(new Rules("call.allow=any").judge(STRANGER)).toBe(0);
    for (const ask of [
      ORDER,
      WATCH,
      { uri: `sip:nobody@${DOOR}` },
      { method: "MESSAGE", body: "hello" },
      INSISTING,
      AUTO,
    ]) {
      const rules = new Rules("call.doNotDisturb=busy", "door.message=on");
      expect(rules.judge(STRANGER, ask)).toBe(403);
      expect(rules.judge(STRANGER, { ...ask, door: DOOR_BUSY })).toBe(403);
      const asked = new Rules("call.doNotDisturb=busy", `call.password=${PASSWORD}`);
      expect(asked.judge(STRANGER, ask)).toBe(401);
    }
  });

  it("calls the door by its name or by none; by any name where everybody may call", () => {
    const rules = new Rules();
    for (const [uri, status] of [
      [URI, 0],
      [`sip:${DOOR}`, 0],
      [`sip:%64oor@${DOOR}`, 0],
      [`sip:Door@${DOOR}`, 404],
      [`sip:doo@${DOOR}`, 404],
      [`sip:doors@${DOOR}`, 404],
      [`sip:nobody@${DOOR}`, 404],
      [`sip:do%or@${DOOR}`, 400],
    ] as const) {
      expect(rules.judge(TARGET, { uri }), uri).toBe(status);
      expect(rules.judge(TARGET, { ...WATCH, uri }), uri).toBe(status === 0 ? 403 : status);
      expect(new Rules("call.allow=any").judge(STRANGER, { uri }), uri).toBe(status === 400 ? 400 : 0);
    }
  });
});

describe("who is known", () => {
  const isKnown = (rules: Rules, ip: string, ask: Ask = {}): boolean => {
    rules.judge(ip, ask);
    return rules.callers.isKnown;
  };

  it("is a phone of the house, whatever else; a target's address where the owner says so; nobody else", () => {
    for (const settings of [[], ["call.allow=any"], ["sip.trust=server"], ["call.autoAnswer=on", "call.allow=any"]]) {
      const rules = new Rules(...settings);
      expect(isKnown(rules, STRANGER, { isPhone: true })).toBe(true);
      for (const ip of [STRANGER, TARGET, SERVER]) expect(isKnown(rules, ip)).toBe(false);
    }
    const byAddress = new Rules("call.knownByAddress=on");
    expect(isKnown(byAddress, TARGET)).toBe(true);
    for (const ip of [STRANGER, SERVER]) expect(isKnown(byAddress, ip)).toBe(false);
  });

  it.each([
    [["<sip:alice@example.org>"], true],
    [['"Alice, of the house" <sips:alice@EXAMPLE.org.;x=y>'], true],
    [["sip:alice@example.org"], true],
    [["<sip:alice@10.0.0.10>"], true],
    [["<tel:+4930>, <sip:alice@example.org>"], true],
    [["<sip:alice@example.org>", "<tel:+4930>"], true],
    [[], false],
    [[""], false],
    [["<tel:+4930>"], false],
    [["<tel:+4930>, <tel:+4931>"], false],
    [["<sip:example.org>"], false],
    [["<sip:alice@example.net>"], false],
    [["<sip:alice@sub.example.org>"], false],
    [["<sip:alice@10.0.0.3>"], false],
    [["<sip:alice@example.org>, <sip:alice@example.org>"], false],
    [["<sip:alice@example.org>", "<sip:bob@example.org>"], false],
    [["<sip:alice@example.org>, <sip:zoe@example.net>"], false],
    [["<sip:alice@example.org>, <sip:al%ice@example.org>"], false],
    [["<sip:alice@example.org>, <"], false],
    [["<sip:alice@example.org>, <urn:x:y>"], false],
    [["<sip:alice@example.org>, "], true],
    [['<sip:alice@example.org>, "x'], false],
    [['<sip:alice@example.org>;x="y'], false],
    [["<sip:alice@example.org"], false],
    [["alice"], false],
    [["<im:alice@example.org>"], false],
  ])(
    "by the word of the server: %j: %s; by nobody else's word, from no other port, and not where it is not trusted",
    (asserted, expected) => {
      const more = asserted.map((value) => "P-Asserted-Identity: " + value);
      const rules = new Rules("sip.trust=server");
      expect(isKnown(rules, SERVER, { more })).toBe(expected);
      expect(isKnown(rules, SERVER, { more, port: 5070 })).toBe(false);
      for (const ip of [STRANGER, TARGET]) expect(isKnown(rules, ip, { more })).toBe(false);
      expect(isKnown(new Rules(), SERVER, { more })).toBe(false);
      // A later request does not inherit what an earlier one said.
      expect(isKnown(rules, SERVER)).toBe(false);
    },
  );

  it("is whoever proves to have the door's password, for that request alone", () => {
    const rules = new Rules(`call.password=${PASSWORD}`, "door.message=on");
    for (const ask of [{}, ORDER, WATCH]) {
      expect(rules.judge(STRANGER, ask)).toBe(401);
      expect(rules.proves(STRANGER, ask)).toBe(0);
      expect(rules.callers.isKnown).toBe(true);
      expect(rules.judge(STRANGER, ask)).toBe(401);
    }
    expect(rules.proves(STRANGER, {}, "guess")).toBe(401);
    rules.settings.assign("call.password=");
    const challenge = rules.challenge(STRANGER);
    rules.callers.configure();
    const field = authorization(challenge, { method: "INVITE", uri: URI, user: "x", password: PASSWORD });
    expect(rules.judge(STRANGER, { more: ["Authorization: " + field] })).toBe(403);
  });

  it("and who has no try left is refused, not asked; the challenge says when only the nonce was used", () => {
    const rules = new Rules(`call.password=${PASSWORD}`);
    rules.judge(STRANGER);
    expect(rules.challenge(STRANGER)).not.toContain("stale");
    const field = authorization(rules.challenge(STRANGER), {
      method: "INVITE",
      uri: URI,
      user: "x",
      password: PASSWORD,
    });
    expect(rules.judge(STRANGER, { more: ["Authorization: " + field] })).toBe(0);
    expect(rules.judge(STRANGER, { more: ["Authorization: " + field] })).toBe(401);
    expect(rules.challenge(STRANGER)).toContain("stale=true");
    rules.judge(STRANGER, { isPhone: true });
    expect(rules.challenge(STRANGER)).not.toContain("stale");
    for (let i = 0; i < GUESSES_BURST; i++) expect(rules.proves(STRANGER, {}, "guess")).toBe(401);
    expect(rules.proves(STRANGER)).toBe(403);
    expect(rules.judge(TARGET)).toBe(0);
  });
});

describe("a call", () => {
  it("is refused while the owner does not want to be disturbed, or the door is busy", () => {
    for (const [setting, status] of [
      ["call.doNotDisturb=busy", 486],
      ["call.doNotDisturb=away", 480],
      ["call.doNotDisturb=off", 0],
    ] as const)
      for (const ask of [{}, { isPhone: true }]) {
        expect(new Rules(setting).judge(TARGET, ask)).toBe(status);
        expect(new Rules(setting).judge(TARGET, { ...ask, door: DOOR_BUSY })).toBe(status || 486);
      }
  });

  it("joins one that there is, or takes it over, by who is known alone", () => {
    for (const [door, stranger, asked] of [
      [DOOR_JOINABLE, 486, 401],
      [DOOR_PICKED, 403, 401],
    ]) {
      expect(new Rules().judge(TARGET, { door, isPhone: true })).toBe(0);
      expect(new Rules().judge(TARGET, { door })).toBe(stranger);
      expect(new Rules("call.allow=any", "call.autoAnswer=on").judge(STRANGER, { door })).toBe(stranger);
      expect(new Rules(`call.password=${PASSWORD}`).judge(TARGET, { door })).toBe(asked);
    }
    // A call that takes over another disturbs no one.
    for (const how of ["busy", "away"]) {
      const rules = new Rules("call.doNotDisturb=" + how);
      expect(rules.judge(TARGET, { door: DOOR_PICKED, isPhone: true })).toBe(0);
      expect(rules.judge(TARGET, { door: DOOR_JOINABLE, isPhone: true })).toBe(how === "busy" ? 486 : 480);
    }
  });

  it("of who may ring and is not known rings, or is asked for the password where it would be answered", () => {
    for (const ask of [{}, AUTO]) expect(new Rules().judge(TARGET, ask)).toBe(0);
    expect(new Rules().judge(TARGET, INSISTING)).toBe(403);
    const asked = new Rules(`call.password=${PASSWORD}`);
    expect([{}, AUTO, INSISTING].map((ask) => asked.judge(TARGET, ask))).toEqual([0, 401, 401]);
    const auto = new Rules(`call.password=${PASSWORD}`, "call.autoAnswer=on");
    expect(auto.judge(TARGET)).toBe(401);
    expect(new Rules("call.autoAnswer=on").answers(TARGET)).toBe(-1);
    expect(new Rules("call.autoAnswer=on").answers(TARGET, ...AUTO.more)).toBe(-1);
    const off = new Rules(`call.password=${PASSWORD}`, "call.answerOnRequest=off");
    expect([{}, AUTO, INSISTING].map((ask) => off.judge(TARGET, ask))).toEqual([0, 0, 403]);
    const open = new Rules(`call.password=${PASSWORD}`, "call.autoAnswer=on", "call.allow=any");
    expect([{}, AUTO, INSISTING].map((ask) => open.judge(STRANGER, ask))).toEqual([0, 0, 0]);
    expect(open.callers.isOpenToAll()).toBe(true);
    for (const rules of [new Rules("call.allow=any"), new Rules("call.autoAnswer=on")])
      expect(rules.callers.isOpenToAll()).toBe(false);
  });

  it("of who is known is refused when it insists on what it is not to have, and only then", () => {
    const off = new Rules("call.answerOnRequest=off");
    expect([{}, AUTO, INSISTING].map((ask) => off.judge(TARGET, { ...ask, isPhone: true }))).toEqual([0, 0, 403]);
    const on = new Rules();
    expect([{}, AUTO, INSISTING].map((ask) => on.judge(TARGET, { ...ask, isPhone: true }))).toEqual([0, 0, 0]);
  });
});

describe("an answer without a hand", () => {
  it.each([
    [["Answer-Mode: Auto"], 0],
    [["Answer-Mode: AUTO ;x=y"], 0],
    [["Answer-Mode: auto\t;require"], 0],
    [["Answer-Mode: Auto", "Call-Info: <sip:x>;answer-after=9"], 0],
    [["Answer-Mode: Manual", "Call-Info: <sip:x>;answer-after=9"], 9],
    [["Answer-Mode: Automatic"], -1],
    [["Answer-Mode: Aut"], -1],
    [["Answer-Mode: Aut0"], -1],
    [["Answer-Mode: xAuto"], -1],
    [["Answer-Mode: "], -1],
    [["Answer-Mode: Manual;x=auto"], -1],
    [["Call-Info: <sip:x>;answer-after=0"], 0],
    [["Call-Info: <sip:x>;ANSWER-AFTER=60"], 60],
    [["Call-Info: <sip:x>;answer-after=61"], -1],
    [["Call-Info: <sip:x>;answer-after="], -1],
    [["Call-Info: <sip:x>;answer-after=/"], -1],
    [["Call-Info: <sip:x>;answer-after=:"], -1],
    [["Call-Info: <sip:x>;answer-after=-1"], -1],
    [["Call-Info: <sip:x>;answer-after=9;y=5"], 9],
    [["Call-Info: <sip:x>;answer-after=09"], 9],
    [["Call-Info: <sip:x>;answer-after=9 ;y=5"], 9],
    [["Call-Info: <sip:x>;answer-after=9, <sip:z>"], 9],
    [["Call-Info: <sip:x>", "X: answer-after=5"], -1],
    [["Alert-Info: <sip:x>", "X:alert-autoanswer"], -1],
    [["Call-Info: <sip:x>;answer-afte"], -1],
    [["Call-Info: <sip:x>;answer_after=1"], -1],
    [["Call-Info: <sip:x>;aanswer-after=7"], 7],
    [["Call-Info: <sip:x>", "Call-Info: <sip:y>;answer-after=4"], 4],
    [["Call-Info: <sip:x>;answer-after=99", "Call-Info: <sip:y>;answer-after=4"], 4],
    [["Call-Info: <sip:x>;answer-after=3", "Alert-Info: <sip:y>;answer-after=4"], 3],
    [["Alert-Info: <sip:y>;answer-after=4"], 4],
    [["Alert-Info: <http://x>;info=alert-autoanswer"], 0],
    [["Alert-Info: <http://x>;info=Alert-AutoAnswer;delay=0"], 0],
    [["Alert-Info: <http://x>;info=alert-auto"], -1],
    [["Alert-Info: <http://x>;info=alert-autoanswer", "Alert-Info: <sip:y>;answer-after=4"], 0],
    [["Subject: answer-after=0"], -1],
    [[], -1],
  ])("is what %j asks for: after %d s, by who is known and where that is on", (more, expected) => {
    const known = new Rules("call.knownByAddress=on");
    expect(known.answers(TARGET, ...more)).toBe(expected);
    expect(known.callers.answerAfterS(null)).toBe(-1);
    expect(known.answers(SERVER, ...more)).toBe(more.join().includes("require") ? -403 : -1);
    expect(new Rules("call.knownByAddress=on", "call.answerOnRequest=off").answers(TARGET, ...more)).toBe(
      more.join().includes("require") ? -403 : -1,
    );
    const always = new Rules("call.knownByAddress=on", "call.autoAnswer=on");
    expect(always.answers(TARGET, ...more)).toBe(0);
    expect(always.callers.answerAfterS(null)).toBe(0);
    // The right to ring, which anyone may have, is no right to be heard.
    expect(new Rules("call.allow=any").answers(STRANGER, ...more)).toBe(more.join().includes("require") ? -403 : -1);
    expect(new Rules("call.allow=any", "call.autoAnswer=on").answers(STRANGER, ...more)).toBe(0);
  });

  it("is asked for by no other request than a call, and insisted on by require with Auto alone", () => {
    const rules = new Rules("call.knownByAddress=on");
    rules.judge(TARGET, { ...WATCH, more: [...WATCH.more, ...AUTO.more] });
    expect(rules.callers.answerAfterS(rules.message)).toBe(-1);
    for (const [mode, status] of [
      ["Auto;require", 403],
      ["auto ; Require", 403],
      ["Manual;require", 0],
      ["Auto;requir", 0],
      ["Automatic;require", 0],
    ] as const)
      expect(new Rules().judge(TARGET, { more: ["Answer-Mode: " + mode] }), mode).toBe(status);
  });
});

describe("orders, texts, watchers and transfers", () => {
  const TEXT = { method: "MESSAGE", body: "hello" };

  it("are heard from who is known, where they are on; a text from whoever may ring", () => {
    for (const [setting, known, other] of [
      ["door.message=off", 403, 403],
      ["door.message=code", 0, 403],
      ["door.message=on", 0, 403],
    ] as const) {
      const rules = new Rules(setting);
      for (const door of [DOOR_IDLE, DOOR_BUSY, DOOR_JOINABLE]) {
        expect(rules.judge(TARGET, { ...ORDER, door, isPhone: true })).toBe(known);
        expect(rules.judge(TARGET, { ...ORDER, door })).toBe(other);
        expect(rules.judge(TARGET, { ...TEXT, door })).toBe(0);
        expect(rules.judge(TARGET, { ...WATCH, door })).toBe(403);
        expect(rules.judge(TARGET, { ...WATCH, door, isPhone: true })).toBe(0);
      }
      const asked = new Rules(setting, `call.password=${PASSWORD}`);
      expect(asked.judge(TARGET, ORDER)).toBe(setting === "door.message=off" ? 403 : 401);
      expect(asked.judge(TARGET, WATCH)).toBe(401);
    }
  });

  it("in a call are heard from who was known when it began, or proves it now", () => {
    const rules = new Rules("door.message=code");
    const { callers } = rules;
    const inCall = (ask: Ask, isKnown: boolean): number =>
      callers.judgeInCall(rules.read(ask), rules.from(STRANGER), isKnown);
    expect([inCall(ORDER, true), inCall(ORDER, false), inCall(TEXT, false)]).toEqual([0, 403, 0]);
    const refer = { method: "REFER", more: ["Refer-To: <sip:x@10.0.0.9>"] };
    const refers = (isKnown: boolean): number => callers.judgeRefer(rules.read(refer), rules.from(STRANGER), isKnown);
    expect([refers(true), refers(false)]).toEqual([0, 403]);
    const asked = new Rules("door.message=code", `call.password=${PASSWORD}`);
    expect(asked.callers.judgeInCall(asked.read(ORDER), asked.from(STRANGER), false)).toBe(401);
    expect(asked.callers.judgeRefer(asked.read(refer), asked.from(STRANGER), false)).toBe(401);
    const field = authorization(asked.challenge(STRANGER), {
      method: "REFER",
      uri: URI,
      user: "x",
      password: PASSWORD,
    });
    const proof = asked.read({ ...refer, more: [...refer.more, "Authorization: " + field] });
    expect(asked.callers.judgeRefer(proof, asked.from(STRANGER), false)).toBe(0);
  });
});
