/**
 * Plays messages of Asterisk, pjsua, Linphone and Kamailio to a door (recorded/*.txt) again, with the limits of the
 * reference board and of a plain one: at each step the door does what the recorded one did, or what is right if that
 * was wrong, and keeps nothing at the end.
 */
import { describe, expect, it } from "vitest";
import { boardOf, limitsOf } from "../../host-sim/world/boards.js";
import { bodyOf, header } from "../ua/harness.js";
import { Conversation, type Plan } from "./conversation.js";

interface Case {
  plan?: Plan;
  check?(played: Conversation): void;
}

/** An address that has not answered yet gets one packet for one: the 200 comes without a 180 before it. */
const at = (ringingMs: number) => ({ [ringingMs]: [] });

function opened({ house }: Conversation): void {
  expect(house.told("dtmf").join("")).toBe("2580");
  expect(house.moves.some((move) => move.endsWith(" on"))).toBe(true);
}

const CASES: Record<string, Case> = {
  "asterisk-100rel": {},
  "asterisk-avpf": {
    // It was refused: an offer of RTP/AVPF is answered in kind.
    plan: { right: { 110: [180, 200], 5006: [486], 10006: [486] } },
    check: (played) => expect(bodyOf(played.response("INVITE", 200))).toMatch(/^m=audio \d+ RTP\/AVPF 0 101\r$/m),
  },
  "asterisk-direct-media-hold": {
    check: ({ world }) => expect(world.soundTo).toEqual(["41220", "40000", "41220"].map((port) => `10.0.0.3:${port}`)),
  },
  "asterisk-direct-media-two-calls": {
    // BYE got 503, and so did all that came later.
    plan: {
      right: {
        12017: [200],
        ...Object.fromEntries([15007, 20006, 25006, 30006, 35007, 40006, 45007, 50006, 55006].map((ms) => [ms, [200]])),
      },
      untilMs: 55_006,
    },
    check(played) {
      expect(played.house.told("call").at(-1)).toBe("ended");
      // The call ends before a packet comes to the first address again.
      expect(played.world.soundTo).toEqual(["10.0.0.3:41026", "10.0.0.3:40000"]);
    },
  },
  "asterisk-g722-only": {
    check: (played) => expect(header(played.response("INVITE", 488), "Warning")).toMatch(/^305 /),
  },
  "asterisk-ice": {},
  "asterisk-inband": {},
  "asterisk-info": {},
  "asterisk-rtcp-mux": {},
  "asterisk-sdes": {},
  "asterisk-session-timers": {},
  "asterisk-webrtc-offer": {},
  "kamailio-dispatcher": { check: (played) => expect(played.world.soundTo).toEqual(["10.0.0.4:41526"]) },
  "kamailio-topoh": {},
  "kamailio-topos": {},
  "linphone-avpf-then-avp": {},
  "linphone-call": { plan: { right: at(4) } },
  "linphone-hold": { plan: { right: at(4) }, check: opened },
  "pjsua-hold-board-limits": {
    // UPDATE, BYE and the next call got 503.
    plan: { right: { ...at(4), 4302: [200], 5800: [200], 9248: [180, 200] }, untilMs: 9248 },
    check(played) {
      expect(bodyOf(played.response("UPDATE", 200))).toMatch(/^a=recvonly\r$/m);
      expect(played.house.told("call").slice(-3)).toEqual(["ended", "ringing", "confirmed"]);
    },
  },
  // The REFER, which got 405, names a target that the door does not call.
  "pjsua-many": { plan: { right: { ...at(4), 25229: [403] } }, check: opened },
};

describe.each([
  ["the reference board", ""],
  ["a plain board", "generic_esp32"],
])("%s", (_words, name) => {
  const limits = limitsOf(boardOf(name)!);
  const each = Object.entries(CASES).flatMap(([recording, one]) => [
    [recording, recording, one, false] as const,
    [`${recording}, each message twice`, recording, one, true] as const,
  ]);
  it.each(each)("%s", (_name, recording, { plan, check }, isDoubled) => {
    const played = new Conversation(recording, limits, { ...plan, isDoubled });
    expect(played.faults).toEqual([]);
    expect(played.compared).toBeGreaterThan(0);
    check?.(played);
    expect(played.end()).toEqual([]);
  });
});
