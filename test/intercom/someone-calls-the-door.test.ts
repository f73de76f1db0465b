/** Tests calls that come: who may call, who is answered without a hand, and how long a call may be. */
import { beforeEach, describe, expect, it } from "vitest";
import { SIGNAL_ANSWERED, SIGNAL_ENDING } from "../../src/intercom/events.js";
import { part } from "../runs.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const KNOWN = "10.0.0.3";
const STRANGER = "10.0.0.66";

let world: World;

beforeEach(() => {
  world = new World();
});

function house(...settings: string[]): House {
  return new House(world, `call.target=sip:bob@${KNOWN}`, ...settings);
}

/** An INVITE of `from`, with more header lines. @returns the peer */
function invite(from: string, more: string[] = []): Peer {
  const peer = new Peer(world, from);
  peer.send(
    DOOR,
    [
      `INVITE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${from};branch=z9hG4bKi`,
      `From: <sip:bob@${from}>;tag=i`,
      `To: <sip:door@${DOOR}>`,
      `Call-ID: i@${from}`,
      "CSeq: 1 INVITE",
      `Contact: <sip:bob@${from}>`,
      "Content-Type: application/sdp",
      ...more,
    ],
    sdpOf(from),
  );
  world.run(50);
  return peer;
}

const statuses = (peer: Peer): string[] => peer.inbox.filter((m) => m.startsWith("SIP")).map((m) => m.slice(8, 11));

describe("someone calls the door", () => {
  it.each([
    [[`button1.day=sip:a@10.0.0.7 > sip:b@${KNOWN}`], "180"],
    [[`button3.night=${KNOWN}`], "180"],
    [[`call.fallback=sip:c@${KNOWN}`], "180"],
    [["button1.day=sip:a@10.0.0.7"], "403"],
  ] as const)("who stands in a plan may: %j gives %s", (settings, status) => {
    new House(world, ...settings);
    expect(statuses(invite(KNOWN)).at(-1)).toBe(status);
  });

  it("anyone else gets 403 and nothing rings", () => {
    const h = house();
    expect(statuses(invite(STRANGER))).toEqual(["403"]);
    expect(h.told("call")).toEqual([]);
    expect(h.told("led")).toEqual(["ready"]);
  });

  it.each([
    ["busy", "486"],
    ["away", "480"],
  ])("who does not want to be disturbed is %s: known callers get %s, strangers still 403", (how, status) => {
    const h = house(`call.doNotDisturb=${how}`);
    expect(statuses(invite(KNOWN))).toEqual([status]);
    expect(statuses(invite(STRANGER))).toEqual(["403"]);
    expect(h.told("call")).toEqual([]);
  });
});

describe("an indoor phone asks the door to answer by itself", () => {
  it.each([
    ["Call-Info: <sip:10.0.0.3>;answer-after=0"],
    ["Call-Info: <http://x/photo.jpg>;purpose=icon, <sip:x>;Answer-After=0"],
    ["Alert-Info: <http://www.notused.com>;info=alert-autoanswer;delay=0"],
    ["Alert-Info: <http://x>;answer-after=0"],
    ["Answer-Mode: Auto"],
    ["Answer-Mode: auto;require"],
  ])("by %s: it is answered at once, with a beep", (line) => {
    const h = house("call.knownByAddress=on");
    expect(statuses(invite(KNOWN, [line])).at(-1)).toBe("200");
    expect(h.signals).toEqual([SIGNAL_ANSWERED]);
  });

  it.each([
    ["Answer-Mode: Manual"],
    ["Answer-Mode: Automatic"],
    ["Call-Info: <sip:10.0.0.3>;answer-after=x"],
    ["Subject: answer-after=0"],
  ])("%s asks for nothing of the kind", (line) => {
    const h = house("call.knownByAddress=on");
    expect(statuses(invite(KNOWN, [line])).at(-1)).toBe("180");
    expect(h.signals).toEqual([]);
  });

  it("after some seconds, as it asks", () => {
    const h = house("call.knownByAddress=on");
    const peer = invite(KNOWN, ["Call-Info: <sip:x>;answer-after=3"]);
    world.run(2900);
    expect(statuses(peer).at(-1)).toBe("180");
    world.run(200);
    expect(statuses(peer)).toContain("200");
    expect(h.signals).toEqual([SIGNAL_ANSWERED]);
  });

  it("and who answers by the button before that is not cut off when the seconds are over", () => {
    const h = house("call.knownByAddress=on");
    const peer = invite(KNOWN, ["Call-Info: <sip:x>;answer-after=3"]);
    h.press();
    world.run(50);
    expect(statuses(peer)).toContain("200");
    world.run(20_000);
    expect(h.signals).toEqual([]);
    expect(h.told("call")).not.toContain("ended");
  });

  it("not for a stranger, even where strangers may ring, and not when it is switched off", () => {
    house("call.allow=any");
    expect(statuses(invite(STRANGER, ["Answer-Mode: Auto"])).at(-1)).toBe("180");
    world = new World();
    house("call.answerOnRequest=off", "call.knownByAddress=on");
    expect(statuses(invite(KNOWN, ["Answer-Mode: Auto"])).at(-1)).toBe("180");
  });

  it("is refused, and nothing rings, when it insists on that and is not to have it", () => {
    const h = house("call.allow=any");
    expect(statuses(invite(STRANGER, ["Answer-Mode: Auto;require"]))).toEqual(["403"]);
    expect(h.told("call")).toEqual([]);
  });

  it("nobody who may only ring: a target's address alone is no identity", () => {
    house();
    expect(statuses(invite(KNOWN, ["Answer-Mode: Auto"])).at(-1)).toBe("180");
    world = new World();
    house("call.autoAnswer=on");
    expect(statuses(invite(KNOWN)).at(-1)).toBe("180");
  });

  it("call.autoAnswer answers everybody where everybody may ring, and that is told at the start", () => {
    const h = house("call.allow=any", "call.autoAnswer=on");
    expect(h.tellings("config", "keys")).toEqual(["open microphone call.autoAnswer,call.allow"]);
    h.set("rtp.timeout=30");
    expect(h.told("config")).toHaveLength(1);
    expect(statuses(invite(STRANGER)).at(-1)).toBe("200");
    expect(h.signals).toEqual([SIGNAL_ANSWERED]);
    world = new World();
    expect(house("call.autoAnswer=on").told("config")).toEqual([]);
    expect(house("call.allow=any").told("config")).toEqual([]);
  });
});

describe("the server says who calls", () => {
  const SERVER = "10.0.0.10";
  it.each([
    ["<sip:alice@example.org>", "200"],
    ["<sip:alice@EXAMPLE.org.>", "200"],
    ['"Alice, of the house" <sips:%61lice@example.org:5061;x=y>', "200"],
    [`<sip:alice@${SERVER}>`, "200"],
    ["<tel:+49301234>, <sip:alice@example.org>", "200"],
    ["<sip:alice@sub.example.org>", "180"],
    ["<sip:alice@10.0.0.11>", "180"],
    ["<sip:example.org>", "180"],
    ["<sip:alice@example.org>, <sip:bob@example.org>", "180"],
    ["<sip:alice@example.org", "180"],
    ["alice", "180"],
  ])("as %s: %s", (asserted, status) => {
    house("sip.domain=example.org", `sip.proxy=${SERVER}`, "sip.register=off", "sip.trust=server");
    const lines = ["Answer-Mode: Auto", `P-Asserted-Identity: ${asserted}`];
    expect(statuses(invite(SERVER, lines)).at(-1)).toBe(status);
  });
});

describe("an order in a call", () => {
  /** Answers a call that came by hand; then its other side writes. @returns the status */
  function order(h: House, more: string[] = []): string {
    const peer = invite(KNOWN, more);
    if (statuses(peer).at(-1) === "180") h.press();
    world.run(50);
    const answer = peer.got("SIP/2.0 200")[0];
    const ask = (method: string, cseq: number, lines: string[], body: string) =>
      peer.send(
        DOOR,
        [
          `${method} sip:door@${DOOR} SIP/2.0`,
          `Via: SIP/2.0/UDP ${KNOWN};branch=z9hG4bK${method}`,
          `From: ${header(answer, "From")}`,
          `To: ${header(answer, "To")}`,
          `Call-ID: ${header(answer, "Call-ID")}`,
          `CSeq: ${cseq} ${method}`,
          ...lines,
        ],
        body,
      );
    ask("ACK", 1, [], "");
    world.run(20);
    peer.inbox.length = 0;
    ask("MESSAGE", 2, ["Content-Type: text/plain"], "open");
    world.run(20);
    return statuses(peer).at(-1) ?? "";
  }

  it("is obeyed when its sender was known when it called", () => {
    const h = house("call.knownByAddress=on", "door.message=on");
    expect(order(h)).toBe("200");
    expect(h.isReleased()).toBe(true);
  });

  it("is refused when a hand let a caller in that nobody knows, or is asked for the password", () => {
    const h = house("door.message=on");
    expect(order(h)).toBe("403");
    expect(h.isReleased()).toBe(false);
    world = new World();
    const asking = house("door.message=on", "call.password=secret");
    expect(order(asking)).toBe("401");
    expect(asking.isReleased()).toBe(false);
  });

  it("is not obeyed from a stranger whom an open microphone answered", () => {
    const h = house("call.allow=any", "call.autoAnswer=on", "door.message=on");
    expect(order(h)).toBe("403");
    expect(h.isReleased()).toBe(false);
  });
});

describe("a call has its limits", () => {
  function talk(...settings: string[]): { h: House; phone: Agent } {
    const phone = new Agent(world, KNOWN);
    phone.autoAnswer = true;
    const h = house(...settings);
    h.press();
    world.run(100);
    expect(h.told("call").at(-1)).toBe("confirmed");
    return { h, phone };
  }

  it("the talk time: a warning 10 s before, then it is hung up", () => {
    const { h, phone } = talk("call.talkTime=60");
    world.run(49_800);
    expect(h.signals).not.toContain(SIGNAL_ENDING);
    world.run(300);
    expect(h.signals.filter((kind) => kind === SIGNAL_ENDING)).toHaveLength(1);
    world.run(9700);
    expect(h.told("call").at(-1)).toBe("confirmed");
    world.run(300);
    expect(h.tellings("call", "reason", "duration").at(-1)).toBe("ended the talk time is over 60");
    expect(phone.last()).toBe("call ended cause remote");
  });

  it("begins anew with each call, and hold does not begin it anew", () => {
    const { h, phone } = talk("call.talkTime=60");
    world.run(30_000);
    phone.timers.nowMs = world.nowMs;
    phone.ua.hold(phone.ua.activeCall()!, true);
    world.run(5000);
    expect(h.told("call").at(-1)).toBe("held");
    phone.timers.nowMs = world.nowMs;
    phone.ua.hold(phone.ua.activeCall()!, false);
    world.run(24_000);
    expect(h.told("call").at(-1)).toBe("confirmed");
    world.run(2000);
    expect(h.told("call").at(-1)).toBe("ended");
    h.press();
    world.run(55_000);
    expect(h.told("call").at(-1)).toBe("confirmed");
  });

  it("there is none as long as nobody set one", () => {
    const { h } = talk();
    world.run(part(900_000, 3_600_000));
    expect(h.told("call").at(-1)).toBe("confirmed");
  });

  it("no sound for the time that is set ends it", () => {
    const { h } = talk("rtp.timeout=20");
    world.lose = () => false;
    // The phone falls off the network.
    const phone = world as unknown as { inhabitants: { ip: number }[] };
    phone.inhabitants = phone.inhabitants.filter((one) => one === (h as unknown));
    world.run(25_000);
    expect(h.tellings("call", "reason").at(-1)).toBe("ended no sound came");
  });

  it("a call that rings here and nobody answers is refused after the ring time", () => {
    const h = house("call.ringTime=15");
    const peer = invite(KNOWN);
    world.run(15_100);
    expect(statuses(peer).at(-1)).toBe("480");
    expect(h.tellings("call", "reason").at(-1)).toBe("ended no answer");
  });
});
