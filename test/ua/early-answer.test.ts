/**
 * Tests the answer in the 180 to a call that comes (`call.earlyAnswer`), and that the door is not heard before it
 * answers, whatever was agreed.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { Agent, bodyOf, header, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

let world: World;
let peer: Peer;
let door: Agent;

beforeEach(() => {
  world = new World();
  peer = new Peer(world, PHONE);
});

function makeDoor(earlyAnswer: boolean): void {
  door = new Agent(world, DOOR, { earlyAnswer });
}

function ask(method: string, cseq: number, more: string[] = [], body = ""): void {
  const ringing = peer.got("SIP/2.0 180")[0];
  const tag = ringing === undefined ? "" : `;tag=${/;tag=(.*)/.exec(header(ringing, "To"))?.[1]}`;
  peer.send(
    DOOR,
    [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${method}${cseq}`,
      "Max-Forwards: 70",
      `From: <sip:bob@${PHONE}>;tag=b`,
      `To: <sip:door@${DOOR}>${tag}`,
      "Call-ID: early",
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:bob@${PHONE}>`,
      ...more,
      ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    ],
    body,
  );
  world.run(10);
}

function prack(cseq: number, body = ""): void {
  ask("PRACK", cseq, [`RAck: ${header(peer.got("SIP/2.0 180").at(-1) ?? "", "RSeq")} 1 INVITE`], body);
}

function answers(): string {
  door.timers.nowMs = world.nowMs;
  door.ua.answer(door.ua.activeCall()!);
  world.run(10);
  return peer.got("SIP/2.0 200").filter((message) => header(message, "CSeq") === "1 INVITE")[0] ?? "";
}

/** Counts the packets of sound since the last time. */
function heard(ms = 200): number {
  const before = peer.packets.length;
  world.run(ms);
  return peer.packets.length - before;
}

describe("nobody hears the door before it answers", () => {
  it.each([false, true])("though offer and answer agree by PRACK or UPDATE (early answer: %s)", (isEarly) => {
    makeDoor(isEarly);
    ask("INVITE", 1, ["Require: 100rel"]);
    expect(bodyOf(peer.got("SIP/2.0 180")[0])).toContain("m=audio");
    prack(2, sdpOf(PHONE));
    expect(heard()).toBe(0);
    ask("UPDATE", 3, [], sdpOf(PHONE, 20002));
    expect(header(peer.got("SIP/2.0 200").at(-1)!, "CSeq")).toBe("3 UPDATE");
    expect(heard()).toBe(0);
    const ok = answers();
    expect(bodyOf(ok)).toBe("");
    ask("ACK", 1);
    expect(heard()).toBeGreaterThan(5);
    expect(peer.packets.every(({ port }) => port === 20002)).toBe(true);
    expect(door.last()).toBe("call confirmed");
  });

  it("nor one who gives up, or whom it refuses", () => {
    makeDoor(true);
    ask("INVITE", 1, ["Supported: 100rel"], sdpOf(PHONE));
    prack(2);
    expect(heard()).toBe(0);
    ask("BYE", 3);
    expect(heard()).toBe(0);
    expect(door.last()).toMatch(/^call ended/);
  });
});

describe("with early answers", () => {
  it("the 180 has the answer, reliably where the caller can, and then the 200 has none", () => {
    makeDoor(true);
    ask("INVITE", 1, ["Supported: timer, 100rel"], sdpOf(PHONE, 20000, "8 101"));
    const [ringing] = peer.got("SIP/2.0 180");
    expect(header(ringing, "Require")).toBe("100rel");
    expect(bodyOf(ringing)).toMatch(/m=audio \d+ RTP\/AVP 8 101/);
    prack(2);
    expect(header(peer.got("SIP/2.0 200")[0], "CSeq")).toBe("2 PRACK");
    expect(bodyOf(answers())).toBe("");
    ask("ACK", 1);
    expect(heard()).toBeGreaterThan(5);
    expect(door.last()).toBe("call confirmed");
  });

  it("to a caller who cannot, it has the same answer in both", () => {
    makeDoor(true);
    ask("INVITE", 1, [], sdpOf(PHONE));
    const [ringing] = peer.got("SIP/2.0 180");
    expect(header(ringing, "Require")).toBe("");
    expect(bodyOf(ringing)).toContain("m=audio");
    expect(heard()).toBe(0);
    expect(bodyOf(answers())).toBe(bodyOf(ringing));
    ask("ACK", 1);
    expect(heard()).toBeGreaterThan(5);
  });

  it("to an INVITE without an offer there is none; a caller who insists gets our offer, as ever", () => {
    makeDoor(true);
    ask("INVITE", 1, ["Supported: 100rel"]);
    const [ringing] = peer.got("SIP/2.0 180");
    expect([header(ringing, "Require"), bodyOf(ringing)]).toEqual(["", ""]);
    expect(bodyOf(answers())).toContain("m=audio");
    ask("ACK", 1, [], sdpOf(PHONE));
    expect(heard()).toBeGreaterThan(5);
  });

  it("an offer in the PRACK is answered in its 200, or refused", () => {
    makeDoor(true);
    ask("INVITE", 1, ["Supported: 100rel"], sdpOf(PHONE));
    prack(2, sdpOf(PHONE, 20004, "8 101"));
    const ok = peer.got("SIP/2.0 200")[0];
    expect([header(ok, "CSeq"), /RTP\/AVP (.*)/.exec(bodyOf(ok))?.[1]]).toEqual(["2 PRACK", "8 101"]);
    answers();
    ask("ACK", 1);
    expect(heard()).toBeGreaterThan(5);
    expect(peer.packets.every(({ port }) => port === 20004)).toBe(true);
  });

  it("an answer waits for the PRACK; without one the call ends", () => {
    makeDoor(true);
    door.autoAnswer = true;
    ask("INVITE", 1, ["Supported: 100rel"], sdpOf(PHONE));
    expect(peer.got("SIP/2.0 200")).toEqual([]);
    prack(2);
    expect(
      peer
        .got("SIP/2.0 200")
        .map((message) => header(message, "CSeq"))
        .sort(),
    ).toEqual(["1 INVITE", "2 PRACK"]);
  });
});

describe("without", () => {
  it("the 180 has no answer, and nobody is asked for a PRACK", () => {
    makeDoor(false);
    ask("INVITE", 1, ["Supported: 100rel"], sdpOf(PHONE));
    const [ringing] = peer.got("SIP/2.0 180");
    expect([header(ringing, "Require"), bodyOf(ringing)]).toEqual(["", ""]);
  });
});
