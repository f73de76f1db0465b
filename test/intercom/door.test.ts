import { beforeEach, describe, expect, it } from "vitest";
import { Settings } from "../../src/settings/settings.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const PHONE = "10.0.0.2";

let world: World;
let phone: Agent;

beforeEach(() => {
  world = new World();
  phone = new Agent(world, PHONE);
});

function house(...settings: string[]): House {
  return new House(world, `call.target=sip:bob@${PHONE}`, ...settings);
}

/** Sends digits from the phone by RTP, with a pause between them. */
function dial(digits: string): void {
  for (const digit of digits) {
    phone.timers.nowMs = world.nowMs;
    const call = phone.ua.activeCall();
    if (call === null) return;
    expect(call.media.sendDigit(digit.charCodeAt(0))).toBe(true);
    world.run(400);
  }
}

/** Lets the door call and the phone answer, or the other way round. */
function talk(h: House, byDoor = true): void {
  phone.timers.nowMs = h.timers.nowMs = world.nowMs;
  phone.autoAnswer = byDoor;
  if (byDoor) h.press();
  else phone.call(`sip:door@${DOOR}`);
  world.run(100);
  if (!byDoor) h.press();
  world.run(500);
  expect(h.told("call").at(-1)).toBe("confirmed");
}

describe("the button", () => {
  it("calls, and when pressed in the call hangs up", () => {
    const h = house();
    talk(h);
    h.press();
    world.run(100);
    expect(h.told("call")).toEqual(["calling", "ringing", "confirmed", "ended"]);
    expect(h.events.at(-2)?.extra).toMatchObject({ reason: "hung up here", direction: "out" });
    expect(phone.last()).toBe("call ended cause remote");
  });

  it("cancels when pressed while it rings", () => {
    const h = house();
    h.press();
    world.run(100);
    h.press();
    world.run(100);
    expect(h.told("call")).toEqual(["calling", "ringing", "ended"]);
    expect(phone.last()).toBe("call ended cause cancelled status 487");
  });

  it("answers a call that comes", () => {
    const h = house();
    phone.call(`sip:door@${DOOR}`);
    world.run(100);
    expect(h.told("call")).toEqual(["ringing"]);
    h.press();
    world.run(100);
    expect(h.told("call")).toEqual(["ringing", "confirmed"]);
  });

  it("calls again after each end, as often as it is pressed", () => {
    const h = house();
    for (let i = 0; i < 30; i++) {
      h.press();
      world.run(200);
      expect(h.told("call").at(-1)).toBe("ringing");
      h.press();
      world.run(200);
      expect(h.told("call").at(-1)).toBe("ended");
    }
    expect(h.told("error")).toEqual([]);
    world.run(100_000);
    expect(h.door.ua.layer.clients.used() + h.door.ua.dialogs.used()).toBeLessThanOrEqual(4);
  });

  it("without a target says which setting is missing, and calls nobody", () => {
    const h = new House(world);
    h.press();
    expect(h.told("error")).toEqual(["call.target is not set: set call.target sip:user@host"]);
    expect(world.log).toEqual([]);
  });

  it("with a number and no server says so", () => {
    const h = new House(world, "call.target=112");
    h.press();
    expect(h.told("error")[0]).toContain("needs sip.domain to be set");
  });

  it("shows by its light what goes on", () => {
    const h = house("relay1.code=1234");
    talk(h);
    dial("1234");
    world.run(4000);
    h.press();
    world.run(100);
    expect(h.told("led")).toEqual(["ready", "ringing", "in-call", "open", "in-call", "ready"]);
  });
});

describe("the code", () => {
  for (const byDoor of [true, false]) {
    const way = byDoor ? "a call of the button" : "a call that came";
    it(`by RTP digits in ${way} releases the door for relay1.pulse`, () => {
      const h = house("relay1.code=2580", "relay1.pulse=1.5", "call.showDigits=on");
      talk(h, byDoor);
      dial("2580");
      expect(h.isReleased()).toBe(true);
      expect(h.told("dtmf").join("")).toBe("2580");
      world.run(3000);
      const [on, off] = h.moves.slice(-2).map((line) => Number.parseInt(line, 10));
      expect(off - on).toBe(1500);
      expect(h.told("relay")).toEqual(["on", "off"]);
      expect(h.told("call").at(-1)).toBe("confirmed");
    });

    it(`by INFO in ${way} releases the door`, () => {
      const h = house("relay1.code=2580");
      const peer = new Peer(world, "10.0.0.3");
      h.set("call.target=sip:10.0.0.3");
      let tag = "";
      peer.onMessage = (m) => {
        if (!m.startsWith("INVITE")) return;
        tag = header(m, "From").split("tag=")[1];
        peer.respond(
          DOOR,
          m,
          "200 OK",
          "hand",
          ["Contact: <sip:10.0.0.3>", "Content-Type: application/sdp"],
          sdpOf("10.0.0.3"),
        );
      };
      if (byDoor) h.press();
      else peer.send(DOOR, lines("INVITE", 1, "x@hand", "", ["Content-Type: application/sdp"]), sdpOf("10.0.0.3"));
      world.run(50);
      const callId = byDoor ? header(peer.got("INVITE")[0], "Call-ID") : "x@hand";
      if (!byDoor) {
        h.press();
        world.run(50);
        tag = header(peer.got("SIP/2.0 200")[0], "To").split("tag=")[1];
        peer.send(DOOR, lines("ACK", 1, callId, tag));
      }
      world.run(50);
      expect(h.told("call").at(-1)).toBe("confirmed");
      [..."2580"].forEach((digit, i) => {
        const type = i % 2 === 0 ? "application/dtmf-relay" : "application/dtmf";
        const body = i % 2 === 0 ? `Signal=${digit}\r\nDuration=120\r\n` : digit;
        peer.send(DOOR, lines("INFO", 10 + i, callId, tag, [`Content-Type: ${type}`]), body);
        world.run(300);
      });
      expect(h.isReleased()).toBe(true);
      expect(h.events.filter(({ name }) => name === "dtmf").map(({ extra }) => extra.by)).toEqual(
        Array(4).fill("info"),
      );
    });
  }

  /** Makes a request of a peer by hand, called "hand" by its tag. */
  function lines(method: string, cseq: number, callId: string, toTag: string, more: string[] = []): string[] {
    return [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bK${method}${cseq}`,
      "From: <sip:10.0.0.3>;tag=hand",
      `To: <sip:door@${DOOR}>${toTag === "" ? "" : `;tag=${toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      "Contact: <sip:10.0.0.3>",
      ...more,
    ];
  }

  it("may be entered after a slip: * begins anew, a pause does too", () => {
    const h = house("relay1.code=2580");
    talk(h);
    dial("99*2580");
    expect(h.isReleased()).toBe(true);
    expect(h.told("error")).toEqual([]);
  });

  it("that is wrong three times ends the call, and tells no digit of it", () => {
    const h = house("relay1.code=2580");
    talk(h);
    dial("1111");
    dial("25#");
    expect(h.told("call").at(-1)).toBe("confirmed");
    dial("9999");
    world.run(100);
    expect(h.told("call").at(-1)).toBe("ended");
    expect(h.events.filter(({ name }) => name === "error").map(({ value, extra }) => [value, extra.tries])).toEqual([
      ["wrong door code", 1],
      ["wrong door code", 2],
      ["wrong door code", 3],
    ]);
    expect(h.isReleased()).toBe(false);
  });

  it("is heard by nobody after five wrong ones, over calls, until the lock ends", () => {
    const h = house("relay1.code=2580");
    talk(h);
    for (const wrong of ["1111", "2222", "3333"]) dial(wrong);
    world.run(1000);
    talk(h);
    for (const wrong of ["4444", "5555"]) dial(wrong);
    dial("2580");
    expect(h.isReleased()).toBe(false);
    expect(h.told("error").at(-1)).toBe("door codes are locked");
    world.run(300_000);
    dial("2580");
    expect(h.isReleased()).toBe(true);
  });

  it("begun in one call is not finished in the next", () => {
    const h = house("relay1.code=2580");
    talk(h);
    dial("258");
    h.press();
    world.run(100);
    talk(h);
    dial("0");
    world.run(6000);
    expect(h.isReleased()).toBe(false);
  });

  it("that is not configured opens nothing", () => {
    const h = house();
    talk(h);
    dial("0000##1234");
    expect(h.isReleased()).toBe(false);
    expect(h.told("call").at(-1)).toBe("confirmed");
  });

  it("counts for nothing in a call that rings here and that nobody answered", () => {
    const h = house("relay1.code=2580", "call.target=sip:10.0.0.3");
    const peer = new Peer(world, "10.0.0.3");
    peer.send(DOOR, lines("INVITE", 1, "y@hand", "", ["Content-Type: application/sdp"]), sdpOf("10.0.0.3"));
    world.run(50);
    const tag = header(peer.got("SIP/2.0 180")[0], "To").split("tag=")[1];
    [..."2580"].forEach((digit, i) => {
      peer.send(DOOR, lines("INFO", 10 + i, "y@hand", tag, ["Content-Type: application/dtmf"]), digit);
      world.run(50);
    });
    expect(h.isReleased()).toBe(false);
  });
});

describe("the relay", () => {
  it("is off at the start", () => {
    const h = house("relay1.code=2580");
    expect(h.moves).toEqual(["0 off"]);
    expect(h.door.isOpen).toBe(false);
    expect(h.told("relay")).toEqual([]);
  });

  it("ends its time though the call ends before, and a second code begins it anew", () => {
    const h = house("relay1.code=2580", "relay1.pulse=5");
    talk(h);
    dial("2580");
    const onMs = Number.parseInt(h.moves.at(-1)!, 10);
    dial("2580");
    const againMs = Number.parseInt(h.moves.at(-1)!, 10);
    expect(againMs).toBeGreaterThan(onMs);
    h.press();
    world.run(1000);
    expect(h.told("call").at(-1)).toBe("ended");
    expect(h.isReleased()).toBe(true);
    world.run(10_000);
    expect(h.moves.at(-1)).toBe(`${againMs + 5000} off`);
  });

  it("stays released when settings are taken in the meantime", () => {
    const h = house("relay1.pulse=5");
    h.door.open("console");
    h.door.start(h.ip);
    expect(h.isReleased()).toBe(true);
    world.run(6000);
    expect(h.isReleased()).toBe(false);
  });

  for (const end of ["relay1.mode=pulse", "a factory reset"])
    it(`that is held on goes off after its pulse when ${end} is taken`, () => {
      const h = house("relay1.mode=held", "relay1.pulse=5");
      h.door.open("console");
      world.run(60_000);
      if (end === "a factory reset") h.settings.take(new Settings());
      h.set(...(end.includes("=") ? [end] : []));
      // What is saved after that does not begin its time anew.
      world.run(2900);
      h.set();
      expect(h.isReleased()).toBe(true);
      world.run(2200);
      expect(h.isReleased()).toBe(false);
    });

  it("that is on for its pulse is not held when relay1.mode held is taken, and its time does not begin anew", () => {
    const h = house("relay1.pulse=5");
    h.door.open("console");
    world.run(3000);
    h.set("relay1.mode=held");
    world.run(1900);
    expect(h.isReleased()).toBe(true);
    world.run(200);
    expect(h.isReleased()).toBe(false);
  });
});

describe("who may call", () => {
  function statusOf(from: string, uri: string, ...settings: string[]): string {
    house("call.target=sip:bob@10.0.0.3", ...settings);
    const peer = new Peer(world, from);
    const invite = [
      `INVITE ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${from};branch=z9hG4bKw`,
      `From: "\\\x1b[2Jevil" <sip:x@${from}>;tag=x`,
      `To: <${uri}>`,
      "Call-ID: who",
      "CSeq: 1 INVITE",
      `Contact: <sip:x@${from}>`,
      "Content-Type: application/sdp",
    ];
    peer.send(DOOR, invite, sdpOf(from));
    world.run(50);
    return peer.inbox.at(-1)?.split(" ")[1] ?? "";
  }

  it.each([
    ["10.0.0.3", `sip:door@${DOOR}`, [], "180"],
    ["10.0.0.3", `sip:${DOOR}`, [], "180"],
    ["10.0.0.3", `sip:100@${DOOR}`, [], "404"],
    ["10.0.0.9", `sip:door@${DOOR}`, [], "403"],
    ["10.0.0.9", `sip:100@${DOOR}`, [], "403"],
    ["10.0.0.9", `sip:door@${DOOR}`, ["sip.domain=10.0.0.9", "sip.register=off"], "180"],
    ["10.0.0.9", `sip:door@${DOOR}`, ["call.allow=any"], "180"],
    ["10.0.0.9", `sip:100@${DOOR}`, ["call.allow=any"], "180"],
  ] as const)("%s to %s with %j gets %s", (from, uri, settings, status) => {
    expect(statusOf(from, uri, ...settings)).toBe(status);
  });

  it("is shown without control characters", () => {
    const h = house("call.allow=any");
    const peer = new Peer(world, "10.0.0.9");
    peer.send(
      DOOR,
      [
        `INVITE sip:door@${DOOR} SIP/2.0`,
        "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKc",
        'From: "\\\x1b[2J\u009b1m" <sip:x@10.0.0.9>;tag=x',
        `To: <sip:door@${DOOR}>`,
        "Call-ID: c",
        "CSeq: 1 INVITE",
        "Contact: <sip:x@10.0.0.9>",
        "Content-Type: application/sdp",
      ],
      sdpOf("10.0.0.9"),
    );
    world.run(50);
    const told = JSON.stringify(h.events);
    expect(told).toContain("[2J");
    expect(told).not.toMatch(/\\u001b|\u009b/);
  });
});
