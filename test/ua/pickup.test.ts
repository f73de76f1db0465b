/**
 * Tests a phone that takes the place of another in a call of the door: INVITE with Replaces (RFC 3891), on a board with
 * one line.
 */
import { describe, expect, it } from "vitest";
import type { Call } from "../../src/ua/call.js";
import { Agent, header, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const FIRST = "10.0.0.2";
const SECOND = "10.0.0.3";
const TYPE = "Content-Type: application/sdp";
const CHANGES = "refused calling ringing done failed waiting lost left picking picked-up".split(" ");

class Picked extends Agent {
  mayRefer = (): number => 0;
  onTransfer = (change: number, _call: Call, _other: Call | null, _cause: number, status: number): void => {
    this.diary.push(`transfer ${CHANGES[change]}${status >= 300 ? ` ${status}` : ""}`);
  };
}

/** The first phone is called by the door, or calls it; the second one picks up. */
class Hall {
  readonly world = new World();
  readonly door = new Picked(this.world, DOOR, { refers: true });
  readonly first = new Peer(this.world, FIRST);
  readonly second = new Peer(this.world, SECOND);
  invite = "";
  private tag = "";
  private pickTag = "";

  constructor() {
    this.first.onMessage = (m) => {
      if (m.startsWith("NOTIFY") || m.startsWith("BYE")) this.first.respond(DOOR, m, "200 OK", "");
      if (m.startsWith("CANCEL")) {
        this.first.respond(DOOR, m, "200 OK", "");
        this.first.respond(DOOR, this.invite, "487 Request Terminated", "a");
      }
    };
    this.second.onMessage = (m) => {
      if (m.startsWith("BYE")) this.second.respond(DOOR, m, "200 OK", "");
    };
  }

  /** Lets the door call, and the first phone answer with that status. */
  called(status: string): this {
    this.door.call(`sip:one@${FIRST}`);
    this.world.run(20);
    [this.invite] = this.first.got("INVITE");
    this.say(status);
    this.tag = header(this.invite, "From").split("tag=")[1];
    return this;
  }

  say(status: string): void {
    const body = status.startsWith("2") ? sdpOf(FIRST) : "";
    const more = [`Contact: <sip:one@${FIRST}>`, ...(body === "" ? [] : [TYPE])];
    this.first.respond(DOOR, this.invite, status, "a", more, body);
    this.world.run(100);
  }

  /** Returns the Replaces field that names the call, as seen from the door. */
  replaces(more = ""): string {
    return `Replaces: ${header(this.invite, "Call-ID")};to-tag=${this.tag};from-tag=a${more}`;
  }

  pick(fields: string[], method = "INVITE", body = sdpOf(SECOND, 22_000)): string {
    this.second.send(
      DOOR,
      [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${SECOND};branch=z9hG4bKpick${method}${this.second.inbox.length}`,
        `From: <sip:two@${SECOND}>;tag=b`,
        `To: <sip:door@${DOOR}>`,
        `Call-ID: pick${this.second.inbox.length}`,
        `CSeq: 1 ${method}`,
        `Contact: <sip:two@${SECOND}>`,
        ...(body === "" ? [] : [TYPE]),
        ...fields,
      ],
      body,
    );
    this.world.run(20);
    const got = this.second.got("SIP/2.0 ").at(-1) ?? "";
    this.pickTag = header(got, "To").split("tag=")[1] ?? "";
    return got;
  }

  /** Lets the second phone acknowledge, or hang up. */
  follow(method: "ACK" | "BYE", got: string): void {
    this.second.send(DOOR, [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${SECOND};branch=z9hG4bKthen${method}`,
      `From: <sip:two@${SECOND}>;tag=b`,
      `To: <sip:door@${DOOR}>;tag=${this.pickTag}`,
      `Call-ID: ${header(got, "Call-ID")}`,
      `CSeq: ${method === "ACK" ? 1 : 2} ${method}`,
    ]);
    this.world.run(50);
  }

  heard(): { first: number; second: number } {
    this.first.packets.length = this.second.packets.length = 0;
    this.world.run(200);
    return { first: this.first.packets.length, second: this.second.packets.length };
  }

  expectNothingLeft(): void {
    this.world.run(100_000);
    const { ua } = this.door;
    expect(ua.layer.clients.used() + ua.layer.servers.used()).toBe(0);
    expect(ua.transfer.isOn || ua.transfer.isPicking || ua.transfer.referral.isActive).toBe(false);
    expect(ua.calls.some((call) => ua.isActive(call))).toBe(false);
  }
}

describe("a call that another phone picks up", () => {
  it("goes over to it once it has acknowledged; the first phone gets BYE", () => {
    const hall = new Hall().called("200 OK");
    const got = hall.pick([hall.replaces(), "Require: replaces"]);
    expect(got).toContain("SIP/2.0 200 ");
    expect(hall.heard()).toMatchObject({ second: 0 });
    expect(hall.first.got("BYE")).toHaveLength(0);
    hall.follow("ACK", got);
    expect(hall.first.got("BYE")).toHaveLength(1);
    expect(hall.heard()).toMatchObject({ first: 0 });
    expect(hall.heard().second).toBeGreaterThan(5);
    expect(hall.door.diary.slice(-3)).toEqual(["transfer picking", "transfer picked-up", "transfer left"]);
    hall.follow("BYE", got);
    expect(hall.door.last()).toBe("call ended cause remote");
    hall.expectNothingLeft();
  });

  it("rings no longer where it rang", () => {
    const hall = new Hall().called("180 Ringing");
    const got = hall.pick([hall.replaces(";early-only")]);
    expect(got).toContain("SIP/2.0 200 ");
    hall.follow("ACK", got);
    expect(hall.first.got("CANCEL")).toHaveLength(1);
    expect(header(hall.first.got("CANCEL")[0], "Reason")).toContain("cause=200");
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.follow("BYE", got);
    hall.expectNothingLeft();
  });

  it("stays with the first phone when the second never acknowledges", () => {
    const hall = new Hall().called("200 OK");
    expect(hall.pick([hall.replaces()])).toContain("SIP/2.0 200 ");
    hall.world.run(40_000);
    expect(hall.door.diary.at(-1)).toBe("transfer failed");
    expect(hall.heard().first).toBeGreaterThan(5);
    expect(hall.first.got("BYE")).toHaveLength(0);
    // The next request may take it over.
    const got = hall.pick([hall.replaces()]);
    hall.follow("ACK", got);
    expect(hall.heard().second).toBeGreaterThan(5);
  });

  it("is answered at both in the same moment: the one that picks up has it", () => {
    const hall = new Hall().called("180 Ringing");
    const got = hall.pick([hall.replaces()]);
    hall.say("200 OK");
    hall.follow("ACK", got);
    expect(hall.first.got("BYE")).toHaveLength(1);
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.follow("BYE", got);
    hall.expectNothingLeft();
  });

  it.each([
    ["the phone that moves it", false],
    ["the phone it is moved to", true],
  ])("while it is being moved needs no target any more: in the place of %s", (_whose, isTarget) => {
    const hall = new Hall().called("200 OK");
    const third = new Peer(hall.world, "10.0.0.4");
    hall.first.send(DOOR, [
      `REFER sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${FIRST};branch=z9hG4bKr`,
      `From: ${header(hall.invite, "To")};tag=a`,
      `To: ${header(hall.invite, "From")}`,
      `Call-ID: ${header(hall.invite, "Call-ID")}`,
      "CSeq: 1 REFER",
      `Contact: <sip:one@${FIRST}>`,
      "Refer-To: <sip:three@10.0.0.4>",
    ]);
    hall.world.run(20);
    const [invite] = third.got("INVITE");
    third.onMessage = (m) => {
      if (!m.startsWith("CANCEL")) return;
      third.respond(DOOR, m, "200 OK", "");
      third.respond(DOOR, invite, "487 Request Terminated", "c");
    };
    third.respond(DOOR, invite, "180 Ringing", "c", ["Contact: <sip:three@10.0.0.4>"]);
    hall.world.run(20);
    const tag = header(invite, "From").split("tag=")[1];
    const ofTarget = `Replaces: ${header(invite, "Call-ID")};to-tag=${tag};from-tag=c`;
    const got = hall.pick([isTarget ? ofTarget : hall.replaces()]);
    expect(got).toContain("SIP/2.0 200 ");
    expect(third.got("CANCEL")).toHaveLength(1);
    expect(hall.heard().first).toBeGreaterThan(5);
    hall.follow("ACK", got);
    expect(hall.first.got("BYE")).toHaveLength(1);
    expect(header(hall.first.got("NOTIFY").at(-1) ?? "", "Subscription-State")).toContain("terminated");
    expect(hall.heard()).toMatchObject({ first: 0 });
    expect(hall.heard().second).toBeGreaterThan(5);
    hall.follow("BYE", got);
    expect(hall.door.last()).toBe("call ended cause remote");
    hall.expectNothingLeft();
  });
});

describe("a Replaces that is refused", () => {
  const cases: [string, (hall: Hall) => string[], number][] = [
    ["that names no call", () => ["Replaces: nothing;to-tag=x;from-tag=y"], 481],
    ["with the tags the wrong way round", (hall) => [swapped(hall.replaces())], 481],
    ["with a tag of another case", (hall) => [hall.replaces().replace("from-tag=a", "from-tag=A")], 481],
    ["that wants a call nobody answered", (hall) => [hall.replaces(";early-only")], 486],
    ["twice", (hall) => [hall.replaces(), hall.replaces()], 400],
    ["of two calls", (hall) => [`${hall.replaces()}, x;to-tag=y;from-tag=z`], 400],
    ["without tags", () => ["Replaces: nothing"], 400],
    ["with one tag twice", (hall) => [`${hall.replaces()};to-tag=x`], 400],
  ];
  it.each(cases)("%s", (_what, fields, status) => {
    const hall = new Hall().called("200 OK");
    expect(hall.pick(fields(hall))).toContain(`SIP/2.0 ${status} `);
    expect(hall.heard().first).toBeGreaterThan(5);
    expect(hall.first.got("BYE")).toHaveLength(0);
  });

  it("for a call that is over: 603, and for one that rings here: 481", () => {
    const hall = new Hall().called("200 OK");
    const field = hall.replaces();
    hall.door.timers.nowMs = hall.world.nowMs;
    hall.door.ua.hangUp(hall.door.ua.calls[0]);
    hall.world.run(20);
    expect(hall.pick([field])).toContain("SIP/2.0 603 ");
    const other = new Hall();
    const got = other.pick([], "INVITE");
    const tag = header(got, "To").split("tag=")[1];
    const theirs = `Replaces: ${header(got, "Call-ID")};to-tag=${tag};from-tag=b`;
    expect(other.pick([theirs])).toContain("SIP/2.0 481 ");
  });

  it("without a codec in common, or in another request than INVITE", () => {
    const hall = new Hall().called("200 OK");
    expect(hall.pick([hall.replaces()], "INVITE", sdpOf(SECOND, 22_000, "18"))).toContain("SIP/2.0 488 ");
    expect(hall.pick([hall.replaces()], "MESSAGE", "")).toContain("SIP/2.0 400 ");
    expect(hall.pick([hall.replaces()], "OPTIONS", "")).toContain("SIP/2.0 400 ");
    expect(hall.heard().first).toBeGreaterThan(5);
  });

  it("by who may not", () => {
    const hall = new Hall().called("200 OK");
    hall.door.refuse = 403;
    expect(hall.pick([hall.replaces()])).toContain("SIP/2.0 403 ");
    expect(hall.heard().first).toBeGreaterThan(5);
  });
});

function swapped(field: string): string {
  const [, to, from] = /to-tag=([^;]+);from-tag=([^;]+)/.exec(field) ?? [];
  return field.replace(/to-tag=.*/, `to-tag=${from};from-tag=${to}`);
}
