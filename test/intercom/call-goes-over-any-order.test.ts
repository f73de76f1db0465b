/**
 * Tests phones that move a visitor about in any order: REFER, answers to its NOTIFYs, the target's responses, BYE, a
 * phone that picks up, the button, with and without packets lost. At any time one phone at most is heard; at the end
 * nobody is left ringing or talking, and nothing is used up. SWEEP=whole tries many more.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { DOOR_LIMITS, HOUSE_LIMITS } from "../../src/driver/limits.js";
import { part } from "../runs.js";
import { Home, SECOND, THIRD } from "./home.js";
import { DOOR, House } from "./house.js";

const WORDS = ["180 Ringing", "183 Session Progress", "200 OK", "486 Busy Here", "603 Decline", "302 Moved"];
const ANSWERS = ["200 OK", "481 Gone", "407 Who", "503 No", ""];
const WHATS = [
  "refer",
  "refer nobody",
  "refer attended",
  "refer door",
  "bye first",
  "bye second",
  "say",
  "pick talking",
  "pick ringing",
  "pick without ACK",
  "hold",
  "unsubscribe",
  "press",
  "console",
] as const;

/** These happen most often. */
const OFTEN = ["refer", "refer", "refer", "say", "say", "say", "say", "bye first"] as const;

const happenings = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 0, 1, 20, 400, 1100, 5000, 33_000),
    what: fc.constantFrom(...WHATS, ...OFTEN),
    word: fc.constantFrom(...WORDS, "200 OK", "200 OK"),
    answer: fc.constantFrom(...ANSWERS),
  }),
  { minLength: 2, maxLength: 14 },
);

const SETTINGS = [`call.fallback=sip:three@${THIRD}`, "call.knownByAddress=on", "call.ringTime=20", "rtp.timeout=0"];

afterEach(() => {
  House.limits = HOUSE_LIMITS;
});

function act(home: Home, what: (typeof WHATS)[number], word: string): void {
  const { first, second, third } = home;
  const hasFirst = first.talking.size > 0;
  const attended = `<sip:two@${SECOND}?Replaces=c%3Bto-tag%3Dx%3Bfrom-tag%3Dy>`;
  switch (what) {
    case "refer":
      if (hasFirst) home.refer(`<sip:two@${SECOND}>`);
      return;
    case "refer nobody":
      if (hasFirst) home.refer("<sip:nobody@10.0.0.99>");
      return;
    case "refer attended":
      if (hasFirst) home.refer(attended);
      return;
    case "refer door":
      if (hasFirst) home.refer(`<sip:door@${DOOR}>`);
      return;
    case "bye first":
      if (hasFirst && home.ask(first, "BYE") === 200) first.talking.clear();
      return;
    case "bye second":
      if (second.talking.size > 0 && home.ask(second, "BYE") === 200) second.talking.clear();
      return;
    case "say":
      // If the door gave up an INVITE before it heard any response, nothing can end the ringing.
      if (second.isRinging() && (second.isKnownToRing() || home.door.door.ua.transfer.isOn)) second.say(word);
      return;
    case "pick talking":
      home.pick(third);
      return;
    case "pick ringing":
      if (second.isRinging()) home.pick(third, [], second);
      return;
    case "pick without ACK":
      home.pick(third, [], first, false);
      return;
    case "hold":
      if (hasFirst) home.ask(first, "UPDATE");
      return;
    case "unsubscribe":
      home.ask(first, "SUBSCRIBE", ["Event: refer", "Expires: 0"]);
      return;
    case "press":
      home.door.press();
      return;
    case "console":
      home.door.timers.nowMs = home.world.nowMs;
      home.door.door.move(`sip:two@${SECOND}`);
  }
}

describe.each([
  ["a machine with room", HOUSE_LIMITS],
  ["a board", DOOR_LIMITS],
])("calls that go over, on %s", (_name, limits) => {
  it("leave one phone with the visitor at most, and nothing behind", () => {
    const seen = { done: 0, failed: 0, "picked-up": 0, waiting: 0 };
    fc.assert(
      fc.property(happenings, fc.boolean(), fc.boolean(), (steps, losesSome, isRinging) => {
        House.limits = limits;
        const home = new Home(...SETTINGS);
        const { world, door, first, second, third } = home;
        const { ua } = door.door;
        if (isRinging) first.says = ["180 Ringing"];
        second.says = [];
        let notified = "200 OK";
        const usual = first.onMessage;
        first.onMessage = (m) => {
          if (!m.startsWith("NOTIFY")) usual(m);
          else if (notified !== "") first.respond(DOOR, m, notified, "");
        };
        let count = 0;
        door.press();
        world.run(100);
        if (losesSome) world.lose = () => ++count % 9 === 0;
        for (const { afterMs, what, word, answer } of steps) {
          world.run(afterMs);
          notified = answer;
          act(home, what, word);
          // One phone is heard, and no phone that the call left is taken for the visitor's.
          expect(ua.calls.filter((call) => call.hasSound).length).toBeLessThanOrEqual(1);
          expect(ua.activeCall()?.isMoved ?? false).toBe(false);
          const staying = ua.calls.filter((call) => ua.isActive(call) && !call.isMoved && call.answeredMs >= 0);
          expect(staying.length).toBeLessThanOrEqual(1);
        }
        world.run(1500);
        for (const name of Object.keys(seen) as (keyof typeof seen)[])
          if (door.told("transfer").includes(name)) seen[name] += 1;
        world.lose = () => false;
        notified = "200 OK";
        // All calls that are left are hung up.
        door.timers.nowMs = world.nowMs;
        door.door.hangUp("");
        world.run(140_000);
        expect(ua.activeCall()).toBe(null);
        expect(ua.calls.filter((call) => ua.isActive(call))).toEqual([]);
        expect(ua.layer.clients.used()).toBe(0);
        expect(ua.layer.servers.used()).toBe(0);
        expect(ua.transfer.referral.isActive || ua.transfer.isOn || ua.transfer.isPicking).toBe(false);
        expect(door.told("led").at(-1)).toBe("ready");
        const calls = door.told("call");
        expect(calls.at(-1)).toBe("ended");
        expect(calls.filter((value) => value === "calling").length).toBeLessThanOrEqual(
          calls.filter((value) => value === "ended").length,
        );
        for (const phone of [first, second, third])
          if (!losesSome) expect([phone.isKnownToRing(), phone.talking.size]).toEqual([false, 0]);
        // The places that were kept for late answers serve the next calls.
        for (let i = 0; i < limits.calls; i++) {
          door.press();
          world.run(100);
          expect(door.told("call").at(-1)).not.toBe("ended");
          door.timers.nowMs = world.nowMs;
          door.door.hangUp("");
          world.run(70_000);
        }
      }),
      { seed: 9, numRuns: process.env.SWEEP === "whole" ? 5000 : part(50, 100) },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(3);
  });
});
