/**
 * Tests who may do what at the door: every request, in every way to arrive, under every setting that decides, against
 * rules written down here once more. A thinned part of them by default; SWEEP=whole runs all.
 */
import { describe, expect, it } from "vitest";
import { GUESS_EVERY_MS, GUESSES_BURST } from "../../src/core/guesses.js";
import { authorization } from "../ua/digest.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const SERVER = "10.0.0.10";
const TARGET = "10.0.0.3";
const STRANGER = "10.0.0.66";
const PASSWORD = "let me in";

/** The settings that decide, each with all it may be. */
const SETTINGS = {
  "sip.trust": ["off", "server"],
  "call.password": ["", PASSWORD],
  "call.knownByAddress": ["off", "on"],
  "call.allow": ["known", "any"],
  "call.autoAnswer": ["off", "on"],
  "call.answerOnRequest": ["on", "off"],
  "door.message": ["off", "code", "on"],
  "call.join": ["off", "on"],
  "call.doNotDisturb": ["off", "busy"],
} as const;
type Chosen = Record<keyof typeof SETTINGS, string>;

interface Way {
  from: string;
  /** The port from which it is sent. */
  port?: number;
  /** The value of P-Asserted-Identity. */
  asserted?: string[];
}
const WAYS: Record<string, Way> = {
  "the server": { from: SERVER },
  "the server, for its user": { from: SERVER, asserted: [`<sip:alice@${SERVER}>`] },
  "the server, for its user with a number": { from: SERVER, asserted: [`<sip:alice@${SERVER}.>, <tel:+49301234>`] },
  "the server, for a number": { from: SERVER, asserted: ["<tel:+49301234>"] },
  "the server, for somebody elsewhere": { from: SERVER, asserted: ["<sip:alice@example.net>"] },
  "the server, for nobody": { from: SERVER, asserted: [`<sip:${SERVER}>`] },
  "the server, for two": { from: SERVER, asserted: [`<sip:alice@${SERVER}>`, `<sip:bob@${SERVER}>`] },
  "another program beside the server": { from: SERVER, port: 5070, asserted: [`<sip:alice@${SERVER}>`] },
  "a target's address": { from: TARGET },
  "a target's address, in another's name": { from: TARGET, asserted: [`<sip:alice@${SERVER}>`] },
  "a stranger": { from: STRANGER },
  "a stranger, in another's name": { from: STRANGER, asserted: [`<sip:alice@${SERVER}>`] },
};

interface Ask {
  method: string;
  more?: string[];
  body?: string;
}
const ASKS: Record<string, Ask> = {
  call: { method: "INVITE" },
  "call that asks to be answered": { method: "INVITE", more: ["Call-Info: <sip:x>;answer-after=0"] },
  "call that insists on it": { method: "INVITE", more: ["Answer-Mode: Auto;require"] },
  order: { method: "MESSAGE", body: "open 2580" },
  "order without a code": { method: "MESSAGE", body: "open" },
  "order to close": { method: "MESSAGE", body: "close" },
  text: { method: "MESSAGE", body: "hello" },
  watch: { method: "SUBSCRIBE", more: ["Event: dialog", "Expires: 60"] },
};

const CREDENTIALS = ["none", "right", "wrong"] as const;
type Given = (typeof CREDENTIALS)[number];

/** A phone that asks, answers a challenge and goes on as a phone does. */
class Caller extends Peer {
  private count = 0;
  port = 5060;

  override onMessage = (m: string): void => {
    const cseq = header(m, "CSeq");
    if (m.startsWith("BYE") || m.startsWith("NOTIFY")) this.respond(DOOR, m, "200 OK", "t");
    else if (m.startsWith("SIP/2.0") && cseq.endsWith("INVITE") && Number(m.slice(8, 11)) >= 200) {
      const isTaken = m.startsWith("SIP/2.0 2");
      const branch = isTaken ? `z9hG4bKack${this.count++}` : (/branch=([^;\s]+)/.exec(header(m, "Via"))?.[1] ?? "");
      this.send(DOOR, [
        `ACK sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=${branch}`,
        ...["From", "To", "Call-ID"].map((name) => `${name}: ${header(m, name)}`),
        `CSeq: ${Number.parseInt(cseq, 10)} ACK`,
      ]);
    }
  };

  /** @returns the highest status that answered it within a moment */
  ask(
    way: Way,
    { method, more = [], body = method === "INVITE" ? sdpOf(this.address) : "" }: Ask,
    given: Given,
  ): number {
    const uri = `sip:door@${DOOR}`;
    const call = `who${this.count++}`;
    this.port = way.port ?? 5060;
    let status = 0;
    let credentials: string[] = [];
    for (let cseq = 1; cseq <= 2; cseq++) {
      this.inbox.length = 0;
      this.send(
        DOOR,
        [
          `${method} ${uri} SIP/2.0`,
          `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=z9hG4bK${call}x${cseq}`,
          `From: <sip:alice@${SERVER}>;tag=${call}`,
          `To: <${uri}>`,
          `Call-ID: ${call}@${this.address}`,
          `CSeq: ${cseq} ${method}`,
          `Contact: <sip:alice@${this.address}:${this.port}>`,
          ...(body === "" ? [] : [`Content-Type: ${method === "INVITE" ? "application/sdp" : "text/plain"}`]),
          ...(way.asserted ?? []).map((value) => `P-Asserted-Identity: ${value}`),
          ...more,
          ...credentials,
        ],
        body,
      );
      this.world.run(30);
      const answers = this.inbox.filter((m) => m.startsWith("SIP/2.0") && header(m, "CSeq") === `${cseq} ${method}`);
      status = Math.max(0, ...answers.map((m) => Number(m.slice(8, 11))));
      const challenge = answers.map((m) => header(m, "WWW-Authenticate")).find((value) => value !== "") ?? "";
      expect(challenge !== "").toBe(status === 401);
      if (status !== 401 || given === "none") return status;
      const password = given === "right" ? PASSWORD : "let me out";
      credentials = [`Authorization: ${authorization(challenge, { method, uri, user: "anybody", password })}`];
    }
    return status;
  }

  override receive(datagram: Parameters<Peer["receive"]>[0]): void {
    super.receive(datagram.toPort === this.port ? { ...datagram, toPort: 5060 } : datagram);
  }

  override send(to: string, lines: string[], body = ""): void {
    const bytes = Buffer.from([...lines, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n"));
    const ip = to.split(".").reduce((all, one) => all * 256 + Number(one), 0);
    this.world.send(this.ip, this.port, ip, 5060, bytes);
  }
}

/** Applies the rules. @returns the status that answers the last of the requests */
function ruled(s: Chosen, way: Way, ask: Ask, given: Given, isTalking: boolean): number {
  const isServer = way.from === SERVER;
  const hasWord = ["<sip:alice@10.0.0.10>", "<sip:alice@10.0.0.10.>, <tel:+49301234>"].includes(
    (way.asserted ?? []).join("; "),
  );
  const isKnown =
    (isServer && way.port === undefined && hasWord && s["sip.trust"] === "server") ||
    (way.from === TARGET && s["call.knownByAddress"] === "on");
  const isAny = s["call.allow"] === "any";
  const hasPassword = s["call.password"] !== "";
  /** The answers for a known and for an unknown sender; 401 stands for "an identity is needed". */
  const judge = (known: boolean): number => {
    const needs = hasPassword ? 401 : 403;
    if (!known && !isAny && way.from === STRANGER) return needs;
    if (ask.method === "SUBSCRIBE") return known ? 200 : needs;
    if (ask.method === "MESSAGE") {
      if (ask.body === "hello") return 200;
      if (s["door.message"] === "off") return 403;
      return known ? 200 : needs;
    }
    if (s["call.doNotDisturb"] === "busy") return 486;
    if (isTalking) {
      if (s["call.join"] === "off") return 486;
      return known ? 200 : hasPassword ? 401 : 486;
    }
    const asks = ask.more !== undefined && s["call.answerOnRequest"] === "on";
    const insists = ask.more?.[0].includes("require") === true;
    const isAuto = s["call.autoAnswer"] === "on";
    if (isAuto && (known || isAny)) return 200;
    if (known) return asks ? 200 : insists ? 403 : 180;
    if ((asks || isAuto) && hasPassword) return 401;
    return insists ? 403 : 180;
  };
  const first = judge(isKnown);
  return first === 401 && given === "right" ? judge(true) : first;
}

/** Lists every combination of the settings. */
function everything(): Chosen[] {
  let all: Partial<Chosen>[] = [{}];
  for (const [key, values] of Object.entries(SETTINGS))
    all = all.flatMap((one) => values.map((value) => ({ ...one, [key]: value })));
  return all as Chosen[];
}

const WHOLE = process.env.SWEEP === "whole";
const chosen = everything().filter((_, i) => WHOLE || i % 41 === 5);

describe("who may what at the door", () => {
  it.each([false, true])(
    "is what the rules say, in all settings or the part of them that is tried; the door talks: %s",
    (isTalking) => {
      const counted = new Map<string, number>();
      for (const settings of chosen.filter((_, i) => WHOLE || (isTalking ? i % 5 === 1 : i % 3 === 2))) {
        const world = new World();
        const phone = new Agent(world, "10.0.0.2");
        phone.autoAnswer = true;
        const peers = new Map([SERVER, TARGET, STRANGER].map((ip) => [ip, new Caller(world, ip)]));
        const h = new House(
          world,
          `sip.domain=${SERVER}`,
          "sip.register=off",
          `button1.day=sip:a@10.0.0.2`,
          `call.target=sip:b@${TARGET}`,
          "relay1.code=2580",
          "rtp.timeout=0",
          ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
        );
        const tries = new Map<string, number>();
        if (isTalking) {
          h.press();
          world.run(50);
        }
        for (const [name, way] of Object.entries(WAYS))
          for (const [what, ask] of Object.entries(ASKS))
            for (const given of CREDENTIALS) {
              // While the door talks time is dear: there no wrong try is given back, so there are only so many.
              if (isTalking && given === "wrong" && (tries.get(way.from) ?? 0) >= GUESSES_BURST - 1) continue;
              if (given === "wrong") tries.set(way.from, (tries.get(way.from) ?? 0) + 1);
              const moves = h.moves.length;
              const status = peers.get(way.from)!.ask(way, ask, given);
              const wanted = ruled(settings, way, ask, given, isTalking);
              const words = `${what} from ${name}, credentials ${given}, talking ${isTalking}: ${JSON.stringify(settings)}`;
              expect(status, words).toBe(wanted);
              const isOpened = ask.body === "open 2580" || (ask.body === "open" && settings["door.message"] === "on");
              expect(h.moves.length > moves && h.isReleased(), words).toBe(status === 200 && isOpened);
              counted.set(`${status}`, (counted.get(`${status}`) ?? 0) + 1);
              // Calls end, relays fall, subscriptions end, and a wrong try is given back.
              if (!isTalking) h.door.hangUp("");
              else for (const call of h.door.ua.calls) if (!call.session.isCaller) h.door.ua.hangUp(call);
              if (ask.method === "SUBSCRIBE" && status === 200) world.run(61_000);
              if (ask.method === "INVITE" && status === 200) world.run(33_000);
              const isTry = !isTalking && given === "wrong" && settings["call.password"] !== "";
              world.run(isTry ? GUESS_EVERY_MS : isOpened ? 4000 : 100);
              h.timers.nowMs = world.nowMs;
            }
      }
      for (const status of isTalking ? ["200", "401", "403", "486"] : ["180", "200", "401", "403", "486"])
        expect(counted.get(status)).toBeGreaterThan(20);
    },
    60_000,
  );
});
