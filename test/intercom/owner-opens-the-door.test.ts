/**
 * Tests that the other end of a call, in either direction, opens the door: by digits in three ways, by MESSAGE, by the
 * button inside.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { SIGNAL_OPENED, SIGNAL_WRONG_CODE } from "../../src/intercom/events.js";
import { Agent, header, Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const PHONE = "10.0.0.2";
const STRANGER = "10.0.0.66";
const INBAND = 3;

let world: World;
let phone: Agent;

beforeEach(() => {
  world = new World();
  phone = new Agent(world, PHONE);
  phone.autoAnswer = true;
});

function house(...settings: string[]): House {
  return new House(world, `call.target=sip:bob@${PHONE}`, "call.knownByAddress=on", "door.message=code", ...settings);
}

function talk(h: House): void {
  h.press();
  world.run(500);
  expect(h.told("call").at(-1)).toBe("confirmed");
}

function dial(digits: string): void {
  for (const digit of digits) {
    phone.timers.nowMs = world.nowMs;
    const call = phone.ua.activeCall();
    if (call === null) return;
    expect(call.media.sendDigit(digit.charCodeAt(0))).toBe(true);
    world.run(400);
  }
}

let sent = 0;
function message(peer: Peer, body: string, type = "text/plain"): void {
  sent += 1;
  peer.send(
    DOOR,
    [
      `MESSAGE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${peer.address};branch=z9hG4bKmsg${sent}`,
      `From: <sip:bob@${peer.address}>;tag=m${sent}`,
      `To: <sip:door@${DOOR}>`,
      `Call-ID: m${sent}@${peer.address}`,
      "CSeq: 1 MESSAGE",
      `Content-Type: ${type}`,
    ],
    body,
  );
  world.run(20);
}

/** @returns the times when relay 1 was on, in ms */
function pulses(moves: readonly string[]): number[] {
  const found: number[] = [];
  for (let i = 1; i < moves.length; i++) {
    if (moves[i - 1].endsWith("on") && moves[i].endsWith("off"))
      found.push(Number.parseInt(moves[i], 10) - Number.parseInt(moves[i - 1], 10));
  }
  return found;
}

describe("the owner opens by a code", () => {
  it("each relay has its own codes, several of them and of different lengths", () => {
    const h = house("relay1.code=2580,13579", "relay2.code=4711", "relay2.pulse=0.5");
    talk(h);
    dial("4711");
    world.run(1000);
    dial("13579");
    world.run(4000);
    dial("2580");
    world.run(4000);
    expect(h.tellings("relay", "relay", "reason").filter((line) => line.startsWith("on"))).toEqual([
      "on 2 code",
      "on 1 code",
      "on 1 code",
    ]);
    expect(pulses(h.moves)).toEqual([3000, 3000]);
    expect(pulses(h.moves2)).toEqual([500]);
    expect(h.told("error")).toEqual([]);
    expect(h.signals.filter((kind) => kind === SIGNAL_OPENED)).toHaveLength(3);
  });

  it("a code that is the beginning of another one opens after the pause, or at once with #", () => {
    const h = house("relay1.code=2580", "relay2.code=258013");
    talk(h);
    dial("2580");
    expect(h.told("relay")).toEqual([]);
    world.run(5000);
    expect(h.tellings("relay", "relay")[0]).toBe("on 1");
    dial("258013");
    expect(h.tellings("relay", "relay").at(-1)).toBe("on 2");
    world.run(5000);
    dial("2580#");
    expect(h.tellings("relay", "relay").at(-1)).toBe("on 1");
    expect(h.told("error")).toEqual([]);
  });

  it("and where no code is set, digits say how to set one, once in each call", () => {
    const h = house();
    for (let call = 1; call <= 2; call++) {
      talk(h);
      dial("2580#");
      const told = h.told("error");
      expect(told).toHaveLength(call);
      expect(told.at(-1)).toBe("digits open nothing, no door code is set: set relay1.code DIGITS, then save");
      h.press();
      world.run(500);
    }
    expect(h.moves.filter((move) => move.endsWith("on"))).toEqual([]);
    h.set("relay1.code=2580");
    talk(h);
    dial("2580");
    expect(h.told("error")).toHaveLength(2);
    expect(h.told("relay")).toContain("on");
  });

  it("each try that was wrong says in which way it came", () => {
    const h = house("relay1.code=2580", "call.fallback=sip:10.0.0.3");
    const peer = new Peer(world, "10.0.0.3");
    message(peer, "open 9999");
    talk(h);
    dial("1111");
    h.door.onDigit(h.door.ua.activeCall()!, 0x35, 100, 2);
    expect(h.tellings("error", "by", "tries")).toEqual(["wrong door code message 1", "wrong door code rtp 1"]);
  });

  it("a relay that is held stays released until the code comes again, over the end of the call too", () => {
    const h = house("relay1.code=2580", "relay1.mode=held");
    talk(h);
    dial("2580");
    h.press();
    world.run(100_000);
    expect(h.isReleased()).toBe(true);
    expect(h.told("led").at(-1)).toBe("open");
    talk(h);
    dial("2580");
    expect(h.isReleased()).toBe(false);
    expect(h.tellings("relay", "relay")).toEqual(["on 1", "off 1"]);
  });

  it("before the call is answered: in the sound that comes while it rings", () => {
    const h = house("relay1.code=2580", "call.target=sip:10.0.0.3");
    const peer = new Peer(world, "10.0.0.3");
    h.press();
    world.run(20);
    const invite = peer.got("INVITE")[0];
    peer.respond(
      DOOR,
      invite,
      "183 Session Progress",
      "e",
      ["Contact: <sip:10.0.0.3>", "Content-Type: application/sdp"],
      sdpOf("10.0.0.3"),
    );
    world.run(20);
    expect(h.told("call").at(-1)).toBe("early");
    const tag = header(invite, "From").split("tag=")[1];
    [..."2580"].forEach((digit, i) => {
      peer.send(
        DOOR,
        [
          `INFO sip:door@${DOOR} SIP/2.0`,
          `Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKi${i}`,
          "From: <sip:10.0.0.3>;tag=e",
          `To: <sip:door@${DOOR}>;tag=${tag}`,
          `Call-ID: ${header(invite, "Call-ID")}`,
          `CSeq: ${i + 1} INFO`,
          "Content-Type: application/dtmf-relay",
        ],
        `Signal=${digit}\r\nDuration=160\r\n`,
      );
      world.run(200);
    });
    expect(h.isReleased()).toBe(true);
  });

  it("each digit counts once, though the phone sends it in the sound and as an event as well", () => {
    const h = house("relay1.code=2255");
    talk(h);
    const call = h.door.ua.activeCall()!;
    for (const digit of "2255") {
      h.timers.nowMs = world.nowMs;
      // The tone is heard a little before the event, and once more when the event cuts it.
      h.door.onDigit(call, digit.charCodeAt(0), 40, INBAND);
      dial(digit);
    }
    expect(h.isReleased()).toBe(true);
    expect(h.told("error")).toEqual([]);
  });

  it("by tones in the sound alone, where the phone sends nothing else", () => {
    const h = house("relay1.code=2255");
    talk(h);
    const call = h.door.ua.activeCall()!;
    for (const digit of "2255") h.door.onDigit(call, digit.charCodeAt(0), 100, INBAND);
    expect(h.isReleased()).toBe(true);
    expect(h.tellings("dtmf", "by")).toContain("digit inband");
  });

  it("and the call ends by itself after it, when that is wanted", () => {
    const h = house("relay1.code=2580", "call.hangUpOnOpen=on");
    talk(h);
    dial("2580");
    expect(h.told("call").at(-1)).toBe("confirmed");
    world.run(2100);
    expect(h.tellings("call", "reason").at(-1)).toBe("ended the door was opened");
    expect(h.isReleased()).toBe(true);
  });

  it("not while codes are locked: it is told which settings are not heard and for how long", () => {
    const h = house("relay1.code=2580", "relay2.code=4711");
    for (let i = 0; i < 2; i++) {
      talk(h);
      for (let j = 0; j < 3; j++) dial("9999");
      world.run(1000);
      if (h.told("call").at(-1) !== "ended") h.press();
      world.run(1000);
    }
    talk(h);
    dial("2580");
    expect(h.isReleased()).toBe(false);
    const { value, extra } = h.events.filter(({ name }) => name === "error").at(-1)!;
    expect(value).toBe("door codes are locked");
    expect(extra.key).toBe("relay1.code,relay2.code");
    expect(extra.seconds).toBeGreaterThan(280);
    expect(h.signals).toContain(SIGNAL_WRONG_CODE);
    // The button inside is not a code.
    h.door.exit();
    expect(h.isReleased()).toBe(true);
  });

  it("whoever knows the code of one relay does not free that of the other by it", () => {
    const h = house("relay1.code=2580", "relay2.code=4711");
    for (let i = 0; i < 5; i++) {
      talk(h);
      dial("9999");
      dial("4711");
      h.press();
      world.run(33_000);
    }
    talk(h);
    dial("2580");
    expect(h.isReleased()).toBe(false);
    expect(h.events.filter(({ name }) => name === "error").at(-1)?.extra.key).toBe("relay1.code");
    dial("4711");
    expect(h.tellings("relay", "relay").filter((line) => line.startsWith("on"))).toEqual(Array(6).fill("on 2"));
  });

  it.each(["*", "the end of the call"])("digits that were compared count as a try, though %s breaks them off", (by) => {
    const h = house("relay1.code=2580", "relay2.code=471147");
    for (let i = 0; i < 5; i++) {
      if (h.door.ua.activeCall() === null) talk(h);
      dial(by === "*" ? "9999*" : "9999");
      if (by !== "*") h.press();
      world.run(33_000);
    }
    if (h.door.ua.activeCall() === null) talk(h);
    dial("2580#");
    expect(h.isReleased()).toBe(false);
    expect(h.told("error").at(-1)).toBe("door codes are locked");
  });

  it("wrong ones count in memory when the store fails, and that is told once", () => {
    const h = house("relay1.code=2580");
    h.store.write = () => {
      throw new Error("flash is full");
    };
    talk(h);
    for (let i = 0; i < 2; i++) dial("9999");
    const told = h.told("error").filter((value) => value.includes("until the next restart only"));
    expect(told).toHaveLength(1);
    expect(h.told("error").filter((value) => value === "wrong door code")).toHaveLength(2);
  });

  it("a code is nowhere in what is told, right or wrong", () => {
    const h = house("relay1.code=86420975");
    const peer = new Peer(world, PHONE.replace(".2", ".7"));
    h.set(`call.fallback=sip:${peer.address}`);
    message(peer, "open 86420975");
    message(peer, "OPEN 1 86420974");
    message(peer, "open sesame 86420975");
    message(peer, "it is 86420975, or 13579.");
    expect(h.isReleased()).toBe(true);
    expect(JSON.stringify(h.events)).not.toMatch(/8642097|13579/);
    expect(h.told("text").at(-1)).toBe("it is ****, or ****.");
    talk(h);
    dial("86420975");
    expect(h.tellings("dtmf")).toEqual(Array(8).fill("digit"));
    h.set("call.showDigits=on");
    dial("5");
    expect(h.tellings("dtmf").at(-1)).toBe("5");
    message(peer, "it is 86420975");
    expect(h.told("text").at(-1)).toBe("it is 86420975");
    expect(h.settings.saveAll()).toContain("86420975");
  });
});

describe("the owner opens by MESSAGE", () => {
  let peer: Peer;
  beforeEach(() => {
    peer = new Peer(world, "10.0.0.3");
  });

  it.each([
    ["open 2580", "on 1 message"],
    ["OPEN 1 2580\r\n", "on 1 message"],
    ["open 2 4711", "on 2 message"],
  ])("%j with the code of that relay opens it", (body, relay) => {
    const h = house("call.fallback=sip:10.0.0.3", "relay1.code=2580", "relay2.code=4711");
    message(peer, body);
    expect(h.tellings("relay", "relay", "reason")).toEqual([relay]);
    expect(peer.got("SIP/2.0 200").length).toBe(1);
  });

  it.each(["open", "open 2", "open 4711", "open 2 2580", "please open", "open 3 2580", "opened 2580", "close 2580"])(
    "%j opens nothing",
    (body) => {
      const h = house("call.fallback=sip:10.0.0.3", "relay1.code=2580", "relay2.code=4711");
      message(peer, body);
      expect(h.told("relay")).toEqual([]);
    },
  );

  it("among a flood of texts, of which ten are told at once and then one in 2 s with the number of the others", () => {
    const h = house("call.fallback=sip:10.0.0.3", "relay1.code=2580");
    for (let i = 0; i < 25; i++) message(peer, "spam");
    message(peer, "open 2580");
    expect(h.tellings("relay", "relay", "reason")).toEqual(["on 1 message"]);
    expect(h.tellings("text", "untold")).toEqual(Array(10).fill("spam -"));
    world.run(2000);
    message(peer, "spam");
    message(peer, "spam");
    expect(h.tellings("text", "untold").slice(10)).toEqual(["spam 16"]);
    world.run(60_000);
    for (let i = 0; i < 25; i++) message(peer, "spam");
    expect(h.tellings("text", "untold").slice(11)).toEqual(["spam 1", ...Array(9).fill("spam -")]);
  });

  it("as a part of a body of several, after a part of another type", () => {
    const h = house("call.fallback=sip:10.0.0.3", "relay1.code=2580");
    const parts = ["text/html", "<p>open 2580</p>", "text/plain;charset=utf-8", "open 2580"];
    const body = ["--b", `Content-Type: ${parts[0]}`, "", parts[1], "--b", `Content-Type: ${parts[2]}`, "", parts[3]];
    message(peer, [...body, "--b--", ""].join("\r\n"), "multipart/alternative;boundary=b");
    expect(peer.got("SIP/2.0 200").length).toBe(1);
    expect(h.tellings("relay", "relay", "reason")).toEqual(["on 1 message"]);
    expect(h.tellings("text")).toEqual(["open"]);
  });

  it("without a code only where the owner allows it, and a relay that is held closes so too", () => {
    const h = house("call.fallback=sip:10.0.0.3", "door.message=on", "relay1.mode=held");
    message(peer, "open");
    expect(h.isReleased()).toBe(true);
    message(peer, "close");
    expect(h.isReleased()).toBe(false);
    message(peer, "open 2");
    expect(h.tellings("relay", "relay").at(-1)).toBe("on 2");
  });

  it("not at all when it is off, nor from a stranger, whatever may ring", () => {
    const stranger = new Peer(world, STRANGER);
    const h = house("call.fallback=sip:10.0.0.3", "relay1.code=2580", "door.message=off");
    message(peer, "open 2580");
    expect(h.told("error").at(-1)).toContain("door.message is off");
    expect(peer.got("SIP/2.0 403").length).toBe(1);
    h.set("door.message=on");
    message(stranger, "open 2580");
    expect(stranger.got("SIP/2.0 403").length).toBe(1);
    h.set("call.allow=any");
    message(stranger, "open 2580");
    message(stranger, "open");
    expect(h.told("relay")).toEqual([]);
  });

  it("wrong codes count for the same lock as those of calls", () => {
    const h = house("call.target=sip:10.0.0.3", "relay1.code=2580");
    for (let i = 0; i < 5; i++) message(peer, `open 999${i}`);
    message(peer, "open 2580");
    expect(h.told("relay")).toEqual([]);
    expect(h.told("error").at(-1)).toBe("door codes are locked");
    world.run(301_000);
    message(peer, "open 2580");
    expect(h.told("relay")).toEqual(["on"]);
  });

  it("is refused with the reason when the board has no such relay", () => {
    const h = house("call.fallback=sip:10.0.0.3", "door.message=on");
    Object.assign(h, { relays: 1 });
    message(peer, "open 2");
    expect(h.told("error").at(-1)).toBe("relay 2: there is none: 1 only");
  });
});

describe("someone inside presses the exit button", () => {
  it("the door opens without any code, and by the relay that is set", () => {
    const h = house("relay1.code=2580");
    h.door.exit();
    expect(h.tellings("relay", "relay", "reason")).toEqual(["on 1 exit button"]);
    h.set("door.exit=2");
    h.door.exit();
    expect(h.tellings("relay", "relay", "reason").at(-1)).toBe("on 2 exit button");
    h.set("door.exit=0");
    const before = h.events.length;
    h.door.exit();
    expect(h.events.length).toBe(before);
  });
});
