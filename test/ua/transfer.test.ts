/**
 * Tests a call that is moved to another phone by REFER (RFC 3515, 3891, 3892, 4488), as the three of them see it, on a
 * board with one line.
 */
import { describe, expect, it } from "vitest";
import { text } from "../../src/core/bytes.js";
import type { Call } from "../../src/ua/call.js";
import type { Destination } from "../../src/ua/incall.js";
import { part } from "../runs.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const FIRST = "10.0.0.2";
const SECOND = "10.0.0.3";
const TYPE = "Content-Type: application/sdp";
const CHANGES = "refused calling ringing done failed waiting lost left picking picked-up".split(" ");

/** A user agent that lets calls be moved. */
class Mover extends Agent {
  /** The result of `mayRefer`. */
  verdict = 0;
  readonly asked: string[] = [];
  mayRefer = (_m: unknown, _source: unknown, _call: Call, out: Destination): number => {
    this.asked.push(out.target);
    return this.verdict;
  };
  /** Lists the messages that were sent by TCP. */
  readonly streams: string[] = [];
  override sendStream = (_id = 0, _ip = 0, _port = 0, bytes = new Uint8Array(0), start = 0, end = 0): number => {
    this.streams.push(text(bytes, start, end));
    return 1;
  };
  onTransfer = (change: number, _call: Call, other: Call | null, _cause: number, status: number): void => {
    const alone = other === null && change < 7 && change > 0 ? " alone" : "";
    this.diary.push(`transfer ${CHANGES[change]}${alone}${status >= 300 ? ` ${status}` : ""}`);
  };
}

/** The door has called the first phone, which has answered; the second one is silent until a test lets it answer. */
class Hall {
  readonly world = new World();
  readonly door: Mover;
  readonly first = new Peer(this.world, FIRST);
  readonly second = new Peer(this.world, SECOND);
  readonly invite: string;
  /** The first phone answers each NOTIFY with this status. */
  notified = "200 OK";
  private cseq = 0;

  constructor(settings: ConstructorParameters<typeof Agent>[2] = {}, isAnswered = true) {
    this.door = new Mover(this.world, DOOR, { refers: true, ...settings });
    this.first.onMessage = (m) => {
      if (m.startsWith("NOTIFY") && this.notified !== "") this.first.respond(DOOR, m, this.notified, "");
      if (m.startsWith("BYE")) this.first.respond(DOOR, m, "200 OK", "");
    };
    this.second.onMessage = (m) => {
      if (m.startsWith("BYE")) this.second.respond(DOOR, m, "200 OK", "");
      if (m.startsWith("CANCEL")) {
        this.second.respond(DOOR, m, "200 OK", "");
        this.second.respond(DOOR, this.second.got("INVITE")[0], "487 Request Terminated", "b");
      }
    };
    this.door.call(`sip:one@${FIRST}`);
    this.world.run(20);
    [this.invite] = this.first.got("INVITE");
    if (!isAnswered) return;
    this.first.respond(DOOR, this.invite, "200 OK", "a", [`Contact: <sip:one@${FIRST}>`, TYPE], sdpOf(FIRST));
    this.world.run(200);
    expect(this.door.last()).toBe("call confirmed");
    this.first.inbox.length = 0;
    this.door.diary.length = 0;
  }

  /** Sends a request of the first phone in its call. @returns the final response */
  ask(method: string, more: string[] = [], body = ""): string {
    this.cseq += 1;
    const lines = [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${FIRST};branch=z9hG4bKh${method}${this.cseq}`,
      `From: ${header(this.invite, "To")};tag=a`,
      `To: ${header(this.invite, "From")}`,
      `Call-ID: ${header(this.invite, "Call-ID")}`,
      `CSeq: ${this.cseq} ${method}`,
      ...(more.some((line) => line.startsWith("Contact:")) ? [] : [`Contact: <sip:one@${FIRST}>`]),
      ...more,
    ];
    this.first.send(DOOR, lines, body);
    this.world.run(20);
    return this.first.got("SIP/2.0 ").filter((m) => header(m, "CSeq") === `${this.cseq} ${method}`)[0] ?? "";
  }

  refer(target = `<sip:two@${SECOND}>`, more: string[] = []): string {
    return this.ask("REFER", [`Refer-To: ${target}`, ...more]);
  }

  /** Returns the INVITE that reached the second phone. */
  get moved(): string {
    return this.second.got("INVITE")[0] ?? "";
  }

  /** Lets the second phone answer it. */
  say(status: string): void {
    const isAnswer = status.startsWith("2") || status.startsWith("183");
    const more = isAnswer ? [`Contact: <sip:two@${SECOND}>`, TYPE] : [`Contact: <sip:two@${SECOND}>`];
    this.second.respond(DOOR, this.moved, status, "b", more, isAnswer ? sdpOf(SECOND, 22_000) : "");
    this.world.run(20);
  }

  /** @returns the NOTIFYs that the first phone got: "100 active", "200 terminated", … */
  get told(): string[] {
    const seen = new Set<string>();
    const out: string[] = [];
    for (const m of this.first.got("NOTIFY")) {
      if (seen.has(header(m, "CSeq"))) continue;
      seen.add(header(m, "CSeq"));
      out.push(`${bodyOf(m).split(" ")[1]} ${header(m, "Subscription-State").split(";")[0]}`);
    }
    return out;
  }

  /** Counts the sound that went to the second phone, and to the first, since the last question. */
  heard(): { first: number; second: number } {
    this.first.packets.length = this.second.packets.length = 0;
    this.world.run(200);
    return { first: this.first.packets.length, second: this.second.packets.length };
  }

  hangUp(): void {
    this.door.timers.nowMs = this.world.nowMs;
    for (const call of this.door.ua.calls) this.door.ua.hangUp(call);
    this.world.run(20);
  }

  /** Checks that all is over and no pool is in use. */
  expectNothingLeft(): void {
    this.world.run(100_000);
    const { ua } = this.door;
    expect(ua.layer.clients.used()).toBe(0);
    expect(ua.layer.servers.used()).toBe(0);
    expect(ua.transfer.referral.isActive).toBe(false);
    expect(ua.transfer.isOn || ua.transfer.isPicking).toBe(false);
    expect(ua.activeCall()).toBe(null);
    expect(ua.calls.some((call) => ua.isActive(call))).toBe(false);
  }
}

describe("a call that its phone moves on", () => {
  it("goes over to the target, and the phone is told how it went", () => {
    const hall = new Hall();
    const accepted = hall.refer();
    expect(accepted).toContain("SIP/2.0 202 ");
    expect(header(accepted, "Contact")).toContain(DOOR);
    expect(hall.told).toEqual(["100 active"]);
    const [notify] = hall.first.got("NOTIFY");
    expect(header(notify, "Event")).toBe("refer");
    expect(header(notify, "Content-Type")).toBe("message/sipfrag;version=2.0");
    expect(Number(header(notify, "Subscription-State").split("expires=")[1])).toBeGreaterThan(60);
    expect(bodyOf(notify)).toBe("SIP/2.0 100 Trying\r\n");
    hall.say("180 Ringing");
    expect(hall.heard().second).toBe(0);
    hall.say("200 OK");
    expect(hall.second.got("ACK")).toHaveLength(1);
    expect(hall.told).toEqual(["100 active", "180 active", "200 terminated"]);
    expect(header(hall.first.got("NOTIFY").at(-1) ?? "", "Subscription-State")).toBe("terminated;reason=noresource");
    hall.world.run(100);
    expect(hall.heard()).toMatchObject({ first: 0 });
    expect(hall.heard().second).toBeGreaterThan(5);
    expect(hall.ask("BYE")).toContain("SIP/2.0 200 ");
    expect(hall.door.diary).toEqual(["transfer calling", "transfer ringing", "transfer done", "transfer left"]);
    hall.world.run(5000);
    expect(hall.first.got("BYE")).toHaveLength(0);
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.hangUp();
    expect(hall.second.got("BYE")).toHaveLength(1);
    hall.expectNothingLeft();
  });

  it.each([
    ["the same machine as the target's", 0],
    ["the same machine, while the target is silent", 5000],
  ])("does not hear the first phone any more, which sends on from %s", (_where, silentMs) => {
    const hall = new Hall();
    const { world, door } = hall;
    let sequence = 0;
    const send = (fromPort: number, ssrc: number) => {
      sequence += 1;
      const packet = new Uint8Array(172);
      packet.set([0x80, 0, sequence >> 8, sequence & 255, 0, 0, (sequence * 160) >> 8, (sequence * 160) & 255]);
      packet[11] = ssrc;
      world.send(hall.first.ip, fromPort, door.ip, 16384, packet);
      world.run(20);
    };
    for (let i = 0; i < 20; i++) send(20_000, 1);
    hall.refer();
    // Its sound is sent from the address of the first one's: both are behind one PBX.
    const more = [`Contact: <sip:two@${SECOND}>`, TYPE];
    hall.second.respond(DOOR, hall.moved, "200 OK", "b", more, sdpOf(FIRST, 22_000));
    world.run(20);
    hall.first.packets.length = 0;
    for (let ms = 0; ms < Math.max(900, silentMs); ms += 20) send(20_000, 1);
    expect(door.diary.filter((line) => line.startsWith("sound moved"))).toEqual([]);
    for (let i = 0; i < 20; i++) send(22_000, 2);
    expect(new Set(hall.first.packets.filter(({ port }) => port % 2 === 0).map(({ port }) => port))).toEqual(
      new Set([22_000]),
    );
    expect(door.ua.activeCall()?.media.receivedPackets()).toBe(20);
  });

  it("hears the first phone until the target answers", () => {
    const hall = new Hall();
    hall.refer();
    hall.say("183 Session Progress");
    expect(hall.heard()).toMatchObject({ second: 0 });
    expect(hall.heard().first).toBeGreaterThan(5);
  });

  it.each([true, false])(
    "goes over while its phone holds it, as phones do before they move a call; answered: %s",
    (isTaken) => {
      const hall = new Hall();
      const hold = (direction: string) =>
        hall.ask("UPDATE", [TYPE], sdpOf(FIRST, 20_000, "0 101", [`a=${direction}`])).slice(8, 11);
      expect(hold("sendonly")).toBe("200");
      expect(hall.door.last()).toBe("call held");
      expect(hall.refer()).toContain("SIP/2.0 202 ");
      if (isTaken) {
        hall.say("200 OK");
        expect(hall.heard().second).toBeGreaterThan(5);
        // The visitor is with the second phone, however the first describes its own sound.
        expect(hold("sendrecv")).toBe("200");
        expect(hall.heard()).toMatchObject({ first: 0 });
        expect(hall.heard().second).toBeGreaterThan(5);
      } else {
        hall.say("486 Busy Here");
        expect(hall.heard()).toMatchObject({ first: 0, second: 0 });
        expect(hold("sendrecv")).toBe("200");
        expect(hall.heard().first).toBeGreaterThan(5);
      }
      hall.hangUp();
      hall.expectNothingLeft();
    },
  );

  it("is ended by the door when its phone does not hang up", () => {
    const hall = new Hall();
    hall.refer();
    hall.say("200 OK");
    hall.world.run(1500);
    expect(hall.first.got("BYE")).toHaveLength(1);
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it.each([
    ["486 Busy Here", 486],
    ["603 Decline", 603],
    ["404 Not Found", 404],
    ["488 Not Acceptable Here", 488],
  ])("stays where it is when the target says %s", (status, code) => {
    const hall = new Hall();
    hall.refer();
    hall.say(status);
    expect(hall.told).toEqual(["100 active", `${code} terminated`]);
    expect(hall.door.diary).toEqual(["transfer calling", `transfer failed ${code}`]);
    expect(hall.heard().first).toBeGreaterThan(5);
    // A second try is told with an id: it is not the first REFER of the dialog any more. RFC 3515 §2.4.6
    hall.second.inbox.length = 0;
    expect(hall.refer()).toContain("SIP/2.0 202 ");
    expect(header(hall.first.got("NOTIFY").at(-1) ?? "", "Event")).toBe("refer;id=2");
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it("stays where it is when the target is not there, or nobody answers", () => {
    const dead = new Hall();
    dead.refer("<sip:nobody@10.0.0.99>");
    dead.world.run(33_000);
    expect(dead.told).toEqual(["100 active", "408 terminated"]);
    expect(dead.heard().first).toBeGreaterThan(5);
    const silent = new Hall({ ringTimeMs: 20_000 });
    silent.refer();
    silent.say("180 Ringing");
    silent.world.run(21_000);
    expect(silent.second.got("CANCEL")).toHaveLength(1);
    expect(silent.told).toEqual(["100 active", "180 active", "480 terminated"]);
    expect(silent.heard().first).toBeGreaterThan(5);
    silent.hangUp();
    silent.expectNothingLeft();
  });

  it("goes on when its phone hangs up while the target rings, and early sound is heard then", () => {
    const hall = new Hall();
    hall.refer();
    hall.say("183 Session Progress");
    expect(hall.ask("BYE")).toContain("SIP/2.0 200 ");
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.say("200 OK");
    expect(hall.told).toEqual(["100 active", "183 active", "200 terminated"]);
    expect(hall.door.diary).toEqual([
      "transfer calling",
      "transfer ringing",
      "transfer waiting",
      "transfer done alone",
    ]);
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it("is over when its phone has hung up and the target is busy", () => {
    const hall = new Hall();
    hall.refer();
    hall.ask("BYE");
    hall.say("486 Busy Here");
    expect(hall.door.diary.slice(-2)).toEqual(["transfer waiting", "transfer lost alone 486"]);
    expect(hall.told).toEqual(["100 active", "486 terminated"]);
    hall.expectNothingLeft();
  });

  it("takes the place of a call that the target has, as Refer-To says, and says who asked", () => {
    const hall = new Hall();
    const value = "c%40x%3Bto-tag%3Dtt%3Bfrom-tag%3Dff";
    hall.refer(`<sip:two@${SECOND};method=INVITE?Replaces=${value}&Require=replaces&From=sip:evil@x>`, [
      `b: "One" <sip:one@${FIRST}>;cid="x@y"`,
    ]);
    expect(header(hall.moved, "Replaces")).toBe("c@x;to-tag=tt;from-tag=ff");
    expect(headers(hall.moved, "Require")).toEqual(["replaces"]);
    expect(header(hall.moved, "Referred-By")).toBe(`<sip:one@${FIRST}>`);
    expect(hall.moved.split(" ")[1]).toBe(`sip:two@${SECOND}`);
    expect(headers(hall.moved, "From")).toEqual([expect.stringContaining("door")]);
    hall.say("200 OK");
    // The call does not repeat the facts on which it was founded.
    const call = hall.door.ua.activeCall();
    hall.door.timers.nowMs = hall.world.nowMs;
    expect(hall.door.ua.hold(call!, true)).toBe("");
    hall.world.run(20);
    expect(header(hall.second.got("INVITE")[1], "Replaces")).toBe("");
  });

  it("is told of by nobody where no subscription is wanted (RFC 4488)", () => {
    const hall = new Hall();
    const accepted = hall.refer(undefined, ["Refer-Sub: false", "Require: norefersub"]);
    expect(accepted).toContain("SIP/2.0 202 ");
    expect(header(accepted, "Refer-Sub")).toBe("false");
    hall.say("200 OK");
    expect(hall.told).toEqual([]);
    expect(hall.door.diary).toContain("transfer done");
  });

  it("says in OPTIONS, in its INVITE and in its answers that it can be moved, and replaced", () => {
    const hall = new Hall();
    const options = hall.ask("OPTIONS");
    for (const m of [hall.invite, options]) {
      expect(header(m, "Allow")).toContain("REFER");
      expect(header(m, "Supported")).toContain("replaces");
    }
    expect(header(options, "Supported")).toContain("norefersub");
    const off = new Hall({ refers: false });
    expect(header(off.ask("OPTIONS"), "Allow")).not.toContain("REFER");
    const refused = off.refer();
    expect(refused).toContain("SIP/2.0 405 ");
    expect(header(refused, "Allow")).not.toContain("REFER");
    expect(off.moved).toBe("");
  });

  it("is given up with everything when the door hangs up", () => {
    const hall = new Hall();
    hall.refer();
    hall.say("180 Ringing");
    hall.hangUp();
    expect(hall.second.got("CANCEL")).toHaveLength(1);
    expect(hall.first.got("BYE")).toHaveLength(1);
    expect(hall.told.at(-1)).toBe("487 terminated");
    hall.expectNothingLeft();
  });

  it("ends in one piece when the target hangs up before the first phone does", () => {
    const hall = new Hall();
    hall.refer();
    hall.say("200 OK");
    hall.second.send(DOOR, [
      `BYE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${SECOND};branch=z9hG4bKbyeb`,
      `From: ${header(hall.moved, "To")};tag=b`,
      `To: ${header(hall.moved, "From")}`,
      `Call-ID: ${header(hall.moved, "Call-ID")}`,
      "CSeq: 1 BYE",
    ]);
    hall.world.run(20);
    expect(hall.door.last()).toBe("call ended cause remote");
    expect(hall.first.got("BYE")).toHaveLength(1);
    hall.expectNothingLeft();
  });
});

describe("the subscription to a transfer", () => {
  it("is ended by its subscriber, and the transfer goes on", () => {
    const hall = new Hall();
    hall.refer();
    expect(hall.ask("SUBSCRIBE", ["Event: refer", "Expires: 0"])).toContain("SIP/2.0 200 ");
    expect(hall.told).toEqual(["100 active", "100 terminated"]);
    hall.say("200 OK");
    expect(hall.told).toHaveLength(2);
    expect(hall.door.diary).toContain("transfer done");
  });

  it("says by TCP that we are reached by TCP, whatever the door speaks at first", () => {
    const hall = new Hall();
    const contact = `Contact: <sip:one@${FIRST};transport=tcp>`;
    expect(hall.ask("UPDATE", [contact])).toContain("SIP/2.0 200 ");
    hall.refer();
    const [notify] = hall.door.streams;
    expect(notify).toMatch(/^NOTIFY /);
    expect(header(notify, "Contact")).toContain(";transport=tcp");
  });

  it("is refreshed for as long as the transfer may take, and in the dialog of a call that is over", () => {
    const hall = new Hall();
    hall.refer();
    hall.ask("BYE");
    const got = hall.ask("SUBSCRIBE", ["Event: refer", "Expires: 3600"]);
    expect(got).toContain("SIP/2.0 200 ");
    expect(Number(header(got, "Expires"))).toBeGreaterThan(60);
    expect(Number(header(got, "Expires"))).toBeLessThan(200);
    expect(hall.told).toEqual(["100 active", "100 active"]);
  });

  it.each(["481 Call/Transaction Does Not Exist", "500 Server Internal Error"])(
    "is over when a NOTIFY gets %s, and the transfer goes on",
    (status) => {
      const hall = new Hall();
      hall.notified = status;
      hall.refer();
      expect(hall.door.ua.transfer.referral.isActive).toBe(false);
      hall.say("200 OK");
      expect(hall.told).toEqual(["100 active"]);
      expect(hall.door.diary).toContain("transfer done");
    },
  );

  it("to which nobody answers ends by itself, and so does the transfer", () => {
    const hall = new Hall();
    hall.notified = "";
    hall.refer();
    hall.say("486 Busy Here");
    expect(hall.told).toEqual(["100 active"]);
    hall.world.run(33_000);
    expect(hall.door.ua.transfer.referral.isActive).toBe(false);
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it("tells the end when a transaction is free again, and gives up after as long as one would take", () => {
    for (const waitMs of [5000, 60_000]) {
      const hall = new Hall();
      hall.refer();
      hall.world.run(100);
      const { layer } = hall.door.ua;
      const nobody = { onResponse() {}, onFailure() {}, onTerminated() {} };
      const taken: NonNullable<ReturnType<typeof layer.client>>[] = [];
      const takeAll = () => {
        for (let t = layer.client(nobody); t !== null; t = layer.client(nobody)) taken.push(t);
      };
      takeAll();
      hall.say("486 Busy Here");
      expect(hall.told).toEqual(["100 active"]);
      for (let ms = 0; ms < waitMs; ms += 100) {
        takeAll();
        hall.world.run(100);
      }
      for (const t of taken) t.discard();
      // The phone that asked waits for it: it is tried twice a second.
      hall.world.run(600);
      expect(hall.told).toEqual(waitMs === 5000 ? ["100 active", "486 terminated"] : ["100 active"]);
      expect(hall.door.ua.transfer.referral.isActive).toBe(false);
    }
  });
});

describe("a REFER that is refused", () => {
  it.each([
    ["without Refer-To", [], 400],
    ["with two of them", ["Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"], 400],
    ["with two values", ["Refer-To: <sip:a@b>, <sip:c@d>"], 400],
    ["to no address", ["Refer-To: <>"], 400],
    ["to a web page", ["Refer-To: <http://x.example/>"], 416],
    ["to sips:", ["Refer-To: <sips:two@b>"], 416],
    ["by another method", ["Refer-To: <sip:two@b;method=BYE>"], 501],
    ["with a Replaces of one tag", ["Refer-To: <sip:two@b?Replaces=c%3Bto-tag%3Dx>"], 400],
    [
      "with a Replaces that ends its line",
      ["Refer-To: <sip:two@b?Replaces=c%3Bto-tag%3Dx%3Bfrom-tag%3Dy%0D%0AEvil%3A1>"],
      400,
    ],
    ["with a Replaces of two calls", ["Refer-To: <sip:two@b?Replaces=c%2Cd%3Bto-tag%3Dx%3Bfrom-tag%3Dy>"], 400],
    [
      "with a Replaces without end",
      [`Refer-To: <sip:two@b?Replaces=${"c".repeat(600)}%3Bto-tag%3Dx%3Bfrom-tag%3Dy>`],
      513,
    ],
    ["to an address without end", [`Refer-To: <sip:${"t".repeat(300)}@b>`], 513],
    ["that requires what nobody knows", [`Refer-To: <sip:two@${SECOND}>`, "Require: multiple-refer"], 420],
  ] as const)("%s", (_what, more, status) => {
    const hall = new Hall();
    expect(hall.ask("REFER", [...more])).toContain(`SIP/2.0 ${status} `);
    expect(hall.told).toEqual([]);
    expect(hall.door.ua.transfer.isOn).toBe(false);
    if (status !== 420) expect(hall.door.diary).toEqual([`transfer refused ${status}`]);
    expect(hall.heard().first).toBeGreaterThan(5);
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it("by the user, with the status it says", () => {
    const hall = new Hall();
    hall.door.verdict = 403;
    expect(hall.refer("<sip:0900@premium.example>")).toContain("SIP/2.0 403 ");
    expect(hall.door.asked).toEqual(["sip:0900@premium.example"]);
    expect(hall.told).toEqual([]);
  });

  it("when no transaction is free for the target: 503, and the call stays", () => {
    const hall = new Hall();
    const { layer } = hall.door.ua;
    const nobody = { onResponse() {}, onFailure() {}, onTerminated() {} };
    const taken: NonNullable<ReturnType<typeof layer.client>>[] = [];
    for (let t = layer.client(nobody); t !== null; t = layer.client(nobody)) taken.push(t);
    const refused = hall.refer();
    expect(refused).toContain("SIP/2.0 503 ");
    expect(Number(header(refused, "Retry-After"))).toBeGreaterThan(0);
    for (const t of taken) t.discard();
    expect(hall.heard().first).toBeGreaterThan(5);
    expect(hall.refer()).toContain("SIP/2.0 202 ");
    hall.hangUp();
    hall.expectNothingLeft();
  });

  it("or followed, of whatever length: nothing is left, and the call stays", () => {
    const step = process.env.SWEEP === "whole" ? 1 : part(47, 23);
    for (let length = 1; length < 700; length += step) {
      const long = "x".repeat(length);
      const wishes = [
        [`Refer-To: <sip:${long}@${SECOND}>`],
        [`Refer-To: <sip:two@${SECOND}?Replaces=${long}%3Bto-tag%3Dx%3Bfrom-tag%3Dy>`],
        [`Refer-To: <sip:two@${SECOND}>`, `Referred-By: <sip:${long}@h>`],
        [`Refer-To: <sip:two@${SECOND}?Replaces=${"r".repeat(280)}%3Bto-tag%3Dx%3Bfrom-tag%3Dy>`, `X: ${long}`],
      ];
      // The name is as long as a name may be, so that the INVITE is near its limit.
      const hall = new Hall({ user: "u".repeat(60), displayName: "n".repeat(200) });
      for (const wish of wishes) {
        hall.second.inbox.length = 0;
        const status = Number(hall.ask("REFER", wish).slice(8, 11));
        expect([202, 400, 503, 513]).toContain(status);
        expect(hall.moved !== "").toBe(status === 202);
        if (status === 202) hall.say("486 Busy Here");
        hall.world.run(40_000);
        expect(hall.door.ua.transfer.isOn).toBe(false);
        expect(hall.heard().first).toBeGreaterThan(5);
      }
      hall.hangUp();
      hall.expectNothingLeft();
    }
  });

  it("before the call is answered", () => {
    const hall = new Hall({}, false);
    hall.first.respond(DOOR, hall.invite, "180 Ringing", "a", [`Contact: <sip:one@${FIRST}>`]);
    hall.world.run(20);
    expect(hall.refer()).toContain("SIP/2.0 491 ");
  });

  it("while another one runs, and the first is not touched", () => {
    const hall = new Hall();
    const value = "c%3Bto-tag%3Dtt%3Bfrom-tag%3Dff";
    hall.refer(`<sip:two@${SECOND}?Replaces=${value}>`);
    expect(hall.refer("<sip:three@10.0.0.4?Replaces=d%3Bto-tag%3Dx%3Bfrom-tag%3Dy>")).toContain("SIP/2.0 491 ");
    hall.second.respond(DOOR, hall.moved, "302 Moved", "b", [`Contact: <sip:other@${SECOND}>`]);
    hall.world.run(20);
    expect(header(hall.second.got("INVITE")[1], "Replaces")).toBe("c;to-tag=tt;from-tag=ff");
  });

  it("outside of any call", () => {
    const hall = new Hall();
    hall.second.send(DOOR, [
      `REFER sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${SECOND};branch=z9hG4bKout`,
      `From: <sip:two@${SECOND}>;tag=x`,
      `To: <sip:door@${DOOR}>`,
      "Call-ID: out",
      "CSeq: 1 REFER",
      `Contact: <sip:two@${SECOND}>`,
      `Refer-To: <sip:two@${SECOND}>`,
    ]);
    hall.world.run(20);
    expect(hall.second.got("SIP/2.0 403")).toHaveLength(1);
    expect(hall.door.diary).toEqual([]);
  });

  it("after the visitor was moved eight times: two phones do not send him to each other for ever", () => {
    const hall = new Hall();
    const statuses: string[] = [];
    for (let i = 0; i < 9; i++) {
      hall.second.inbox.length = 0;
      statuses.push(hall.refer().split(" ")[1]);
      if (hall.moved !== "") hall.say("486 Busy Here");
      hall.world.run(40_000);
    }
    expect(statuses).toEqual([...Array(8).fill("202"), "403"]);
    hall.hangUp();
    hall.expectNothingLeft();
    hall.door.call(`sip:one@${FIRST}`);
    expect(hall.door.ua.transfer.mayMove).toBe(true);
  });
});
