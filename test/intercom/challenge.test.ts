/**
 * Tests the door's own challenge: which answer to it is right, what counts as a try, and how many tries an address has.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { GUESS_EVERY_MS, GUESSES_BURST } from "../../src/core/guesses.js";
import { Timers } from "../../src/core/timers.js";
import {
  Challenge,
  PROOF_LAST,
  PROOF_LOCKED,
  PROOF_NONE,
  PROOF_RIGHT,
  PROOF_STALE,
  PROOF_WRONG,
} from "../../src/intercom/challenge.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { Writer } from "../../src/wire/writer.js";
import { SeededRandom } from "../random.js";
import { authorization } from "../ua/digest.js";
import { header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const URI = `sip:door@${DOOR}`;
const PHONE = ipv4("10.0.0.3");
const PASSWORD = "let me in";
const GOOD = { method: "INVITE", uri: URI, user: "anybody", password: PASSWORD };

let timers: Timers;
let challenge: Challenge;

beforeEach(() => {
  timers = new Timers(4);
  challenge = new Challenge(timers, new SeededRandom(3));
  challenge.configure(PASSWORD);
});

/** @returns the value of a new WWW-Authenticate */
function ask(ip = PHONE, proof = PROOF_NONE): string {
  const w = new Writer();
  const bytes = new Uint8Array(512);
  w.begin(bytes, 0, bytes.length);
  challenge.write(w, ip, proof);
  expect(w.ok).toBe(true);
  return text(bytes, 0, w.at).replace("WWW-Authenticate: ", "").trim();
}

function check(fields: string[], ip = PHONE, method = "INVITE"): number {
  const m = new Message(32);
  const lines = [
    `${method} ${URI} SIP/2.0`,
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
    "From: <sip:a@h>;tag=1",
    `To: <${URI}>`,
    "Call-ID: c",
    `CSeq: 1 ${method}`,
    ...fields.map((value) => `Authorization: ${value}`),
    "Content-Length: 0",
    "",
    "",
  ];
  const bytes = octets(lines.join("\r\n"));
  expect(m.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
  return challenge.check(m, ip);
}

describe("an answer to the door's challenge", () => {
  it("is right with the password, under any user name, with qop and without", () => {
    expect(ask()).toMatch(/^Digest realm="portero", nonce="[0-9a-f]{48}", algorithm=MD5, qop="auth"$/);
    for (const user of ["door", "anybody", "a b;c", "über"])
      expect(check([authorization(ask(), { ...GOOD, user })])).toBe(PROOF_RIGHT);
    expect(check([authorization(ask().replace(', qop="auth"', ""), GOOD)])).toBe(PROOF_RIGHT);
  });

  it("counts wherever it stands among credentials of other schemes and realms", () => {
    const right = () => authorization(ask(), GOOD);
    const other = authorization('Digest realm="example.org", nonce="x"', GOOD);
    expect(check(["Basic YTpi", right()])).toBe(PROOF_RIGHT);
    expect(check([`Basic YTpi, ${right()}`])).toBe(PROOF_RIGHT);
    expect(check([other, right()])).toBe(PROOF_RIGHT);
    expect(check(["Digest", right()])).toBe(PROOF_RIGHT);
    expect(check([other, "Basic YTpi"])).toBe(PROOF_NONE);
    expect(check([])).toBe(PROOF_NONE);
  });

  it("is wrong with another password, method or uri, and with an algorithm that was not asked for", () => {
    expect(check([authorization(ask(), { ...GOOD, password: "" })])).toBe(PROOF_WRONG);
    expect(check([authorization(ask(), { ...GOOD, password: "let me out" })])).toBe(PROOF_WRONG);
    expect(check([authorization(ask(), GOOD)], PHONE, "MESSAGE")).toBe(PROOF_WRONG);
    expect(check([authorization(ask(), GOOD).replace(`uri="${URI}"`, 'uri="sip:x"')])).toBe(PROOF_WRONG);
    expect(check([`${authorization(ask(), GOOD)}, algorithm=SHA-256`])).toBe(PROOF_WRONG);
    expect(check([authorization(ask(), GOOD).replace("qop=auth", "qop=auth-int")])).toBe(PROOF_WRONG);
  });

  it("is good once, for the address that was asked and for five minutes; what is stale is no try and is not told to be right", () => {
    const asked = ask();
    expect(check([authorization(asked, GOOD)])).toBe(PROOF_RIGHT);
    expect(check([authorization(asked, GOOD)])).toBe(PROOF_STALE);
    expect(check([authorization(asked, { ...GOOD, count: 2 })])).toBe(PROOF_RIGHT);
    for (let i = 0; i < 30; i++) {
      const password = i % 2 === 0 ? PASSWORD : "let me out";
      expect(check([authorization(ask(PHONE + 1), { ...GOOD, password })])).toBe(PROOF_STALE);
      expect(check([authorization('Digest realm="portero", nonce="made up"', { ...GOOD, password })])).toBe(
        PROOF_STALE,
      );
    }
    const old = ask();
    timers.nowMs += 300_000;
    expect(check([authorization(old, GOOD)])).toBe(PROOF_STALE);
    expect(ask(PHONE, PROOF_STALE)).toMatch(/, stale=true$/);
    expect(check([authorization(ask(), GOOD)])).toBe(PROOF_RIGHT);
  });

  it("is never right where no password is set, not even with the empty one", () => {
    const asked = ask();
    challenge.configure("");
    expect(challenge.isSet).toBe(false);
    expect(check([authorization(asked, { ...GOOD, password: "" })])).toBe(PROOF_NONE);
    expect(check([authorization(asked, GOOD)])).toBe(PROOF_NONE);
    const fresh = new Challenge(timers, new SeededRandom(4));
    fresh.configure("");
    expect(fresh.isSet).toBe(false);
  });

  it("of one request is one try, however many stand in it", () => {
    const wrong = () => authorization(ask(), { ...GOOD, password: "x" });
    for (let i = 1; i < GUESSES_BURST; i++)
      expect(check([wrong(), wrong(), authorization(ask(), GOOD)])).toBe(PROOF_WRONG);
    expect(check([`${wrong()}, ${wrong()}`])).toBe(PROOF_LAST);
    expect(check([authorization(ask(), GOOD)])).toBe(PROOF_LOCKED);
    expect(check([authorization(ask(PHONE + 1), GOOD)], PHONE + 1)).toBe(PROOF_RIGHT);
    timers.nowMs += GUESS_EVERY_MS;
    expect(check([authorization(ask(), GOOD)])).toBe(PROOF_RIGHT);
  });
});

describe("somebody guesses the door's password", () => {
  it("at most 120 times on each of three days, whatever way he takes, and each is told with his address", () => {
    const world = new World();
    const h = new House(world, `call.password=${PASSWORD}`, "door.message=code", "call.allow=any");
    const peer = new Peer(world, "10.0.0.66");
    const asks: [string, string[], string][] = [
      ["INVITE", ["Answer-Mode: Auto", "Content-Type: application/sdp"], sdpOf("10.0.0.66")],
      ["MESSAGE", ["Content-Type: text/plain"], "open 2580"],
      ["SUBSCRIBE", ["Event: dialog"], ""],
    ];
    let sent = 0;
    const send = (which: number, password: string): string => {
      const [method, more, body] = asks[which % asks.length];
      const go = (cseq: number, credentials: string[]) => {
        peer.inbox.length = 0;
        peer.send(
          DOOR,
          [
            `${method} ${URI} SIP/2.0`,
            `Via: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bKg${sent++}`,
            `From: <sip:a@h>;tag=${sent}`,
            `To: <${URI}>`,
            `Call-ID: ${sent}`,
            `CSeq: ${cseq} ${method}`,
            "Contact: <sip:a@10.0.0.66>",
            ...more,
            ...credentials,
          ],
          body,
        );
        world.run(5);
        return peer.inbox[0];
      };
      const asked = header(go(1, []), "WWW-Authenticate");
      return go(2, [`Authorization: ${authorization(asked, { ...GOOD, method, password })}`]).slice(8, 11);
    };
    const days: number[] = [];
    for (let day = 0; day < 3; day++) {
      const before = h.tellings("error").length;
      for (let hour = 0; hour < 24; hour++) {
        for (let i = 0; i < 14; i++) {
          const status = send(day + hour + i, `guess ${hour} ${i}`);
          expect(["401", "403"]).toContain(status);
        }
        world.run(3_600_000 - (world.nowMs % 3_600_000));
      }
      days.push(h.tellings("error").length - before);
    }
    for (const tries of days) expect(tries).toBeLessThanOrEqual(120);
    expect(days[1]).toBeGreaterThan(80);
    expect(h.tellings("error", "address")[0]).toBe("wrong call.password 10.0.0.66");
    expect(h.tellings("error", "wait").at(-1)).toBe("wrong call.password: no more tries for now 800");
    // Meanwhile even the right password is not accepted from that address, but it is from another one.
    for (let i = 0; i < GUESSES_BURST && send(1, "no") === "401"; i++);
    expect(send(1, PASSWORD)).toBe("403");
    expect(JSON.stringify(h.events)).not.toContain(PASSWORD);
  });
});
