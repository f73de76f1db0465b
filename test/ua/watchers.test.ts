/**
 * Tests the dialog event package (RFC 4235, RFC 6665): a phone's lamp that shows what the door does, in virtual time.
 */
import { describe, expect, it } from "vitest";
import { Agent, bodyOf, header, Peer, World } from "./harness.js";

const DOOR = "10.0.0.1";
const LAMP = "10.0.0.2";
const PHONE = "10.0.0.3";

/** A door, a phone to talk to, and a lamp that answers each NOTIFY with 200 unless it is told otherwise. */
class Hall {
  readonly world = new World();
  readonly door: Agent;
  readonly phone = new Agent(this.world, PHONE);
  readonly lamp = new Peer(this.world, LAMP);
  readonly notifies: string[] = [];
  /** The answer to a NOTIFY; "" to be silent. */
  answer = "200 OK";
  private serial = 0;

  constructor(settings: ConstructorParameters<typeof Agent>[2] = {}) {
    this.door = new Agent(this.world, DOOR, settings);
    this.lamp.onMessage = (message) => {
      if (!message.startsWith("NOTIFY")) return;
      this.notifies.push(message);
      const isAsked = this.answer.startsWith("407") && !message.includes("Proxy-Authorization: ");
      if (isAsked) this.lamp.respond(DOOR, message, this.answer, "", [CHALLENGE]);
      else if (this.answer !== "")
        this.lamp.respond(DOOR, message, this.answer.startsWith("407") ? "200 OK" : this.answer, "");
    };
  }

  /** @returns the answer to a SUBSCRIBE, or to another request of the lamp */
  subscribe(more: string[] = [], toTag = "", callId = "lamp-1", method = "SUBSCRIBE", cseq = 0): string {
    this.serial += 1;
    this.lamp.inbox.length = 0;
    this.lamp.send(DOOR, [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${LAMP};branch=z9hG4bKlamp${this.serial}`,
      "Max-Forwards: 70",
      `From: <sip:lamp@${LAMP}>;tag=lamp`,
      `To: <sip:door@${DOOR}>${toTag === "" ? "" : ";tag=" + toTag}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq > 0 ? cseq : this.serial} ${method}`,
      ...(more.some((line) => line.startsWith("Contact:")) ? [] : [`Contact: <sip:lamp@${LAMP}>`]),
      ...more,
    ]);
    this.world.run(20);
    return this.lamp.inbox.find((message) => message.startsWith("SIP/2.0")) ?? "";
  }

  /** Lists each NOTIFY since the last time: "version state direction subscription". */
  told(): string[] {
    return this.notifies.splice(0).map((message) => {
      const body = bodyOf(message);
      const state = /direction="(\w+)"><state>(\w+)</.exec(body);
      const version = /version="(\d+)" state="full"/.exec(body)?.[1];
      const shown = state === null ? "idle" : state[2] + " " + state[1];
      return `${version} ${shown} ${header(message, "Subscription-State").split(";")[0]}`;
    });
  }
}

const CHALLENGE = 'Proxy-Authenticate: Digest realm="house", nonce="n1", algorithm=MD5, qop="auth"';
const tagOf = (answer: string): string => /;tag=(\S+)/.exec(header(answer, "To"))?.[1] ?? "";
const EVENT = "Event: dialog";

describe("a phone that watches the door", () => {
  it("behind the door's server gets a NOTIFY with credentials when that asks for them; a stranger does not", () => {
    const hall = new Hall({ password: "secret", domain: LAMP });
    hall.answer = "407 Proxy Authentication Required";
    hall.subscribe([EVENT]);
    hall.world.run(100);
    expect(hall.notifies).toHaveLength(2);
    expect(header(hall.notifies[1], "Proxy-Authorization")).toContain('realm="house"');
    expect(Number.parseInt(header(hall.notifies[1], "CSeq"), 10)).toBe(
      Number.parseInt(header(hall.notifies[0], "CSeq"), 10) + 1,
    );
    hall.notifies.length = 0;
    hall.door.call("sip:" + PHONE);
    hall.world.run(100);
    // Credentials that are known to be asked for go with the next one at once.
    expect(hall.notifies.length).toBeGreaterThan(0);
    for (const notify of hall.notifies) expect(header(notify, "Proxy-Authorization")).not.toBe("");
    const strange = new Hall({ password: "secret", domain: "10.0.0.77" });
    strange.answer = "407 Proxy Authentication Required";
    strange.subscribe([EVENT]);
    strange.world.run(100);
    expect(strange.notifies).toHaveLength(1);
    expect(strange.notifies[0]).not.toContain("Proxy-Authorization");
  });

  it("gets 200 with the time, then the state at once (RFC 6665 §4.2.1.2)", () => {
    const hall = new Hall();
    const answer = hall.subscribe([EVENT, "Expires: 600"]);
    expect(answer.split("\r\n")[0]).toBe("SIP/2.0 200 OK");
    expect(header(answer, "Expires")).toBe("600");
    expect(header(answer, "Contact")).toBe(`<sip:door@${DOOR}:5060>`);
    expect(hall.notifies).toHaveLength(1);
    const [notify] = hall.notifies;
    expect(notify.split("\r\n")[0]).toBe(`NOTIFY sip:lamp@${LAMP} SIP/2.0`);
    expect(header(notify, "Event")).toBe("dialog");
    expect(header(notify, "Subscription-State")).toBe("active;expires=600");
    expect(header(notify, "Content-Type")).toBe("application/dialog-info+xml");
    expect(header(notify, "Call-ID")).toBe("lamp-1");
    expect(bodyOf(notify)).toBe(
      '<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" ' +
        `entity="sip:door@${DOOR}">\r\n</dialog-info>\r\n`,
    );
  });

  it("is told of a call of the door, from the press to the end, with growing versions (RFC 4235 §4.1)", () => {
    const hall = new Hall();
    hall.subscribe([EVENT]);
    const call = hall.door.call(`sip:${PHONE}`);
    hall.world.run(100);
    hall.phone.ua.answer(hall.phone.ua.activeCall()!);
    hall.world.run(100);
    hall.door.ua.hangUp(call);
    hall.world.run(100);
    expect(hall.told()).toEqual([
      "0 idle active",
      "1 trying initiator active",
      "2 early initiator active",
      "3 confirmed initiator active",
      "4 idle active",
    ]);
  });

  it("is told of a call that comes", () => {
    const hall = new Hall();
    hall.subscribe([EVENT]);
    hall.told();
    hall.phone.call(`sip:${DOOR}`);
    hall.world.run(100);
    expect(hall.told()).toEqual(["1 early recipient active"]);
  });

  it("gets one NOTIFY at a time: what changes meanwhile is in the next", () => {
    const hall = new Hall();
    hall.subscribe([EVENT]);
    hall.told();
    hall.answer = "";
    const call = hall.door.call(`sip:${PHONE}`);
    hall.world.run(60);
    hall.door.ua.hangUp(call);
    hall.world.run(60);
    expect(hall.told()).toEqual(["1 trying initiator active"]);
    hall.answer = "200 OK";
    hall.world.run(1000);
    expect(hall.told().map((line) => line.slice(0, 6))).toEqual(["1 tryi", "2 idle"]);
  });

  it("refreshes in its dialog, and ends by Expires 0", () => {
    const hall = new Hall();
    const tag = tagOf(hall.subscribe([EVENT, "Expires: 60"]));
    hall.world.run(50_000);
    const refreshed = hall.subscribe([EVENT, "Expires: 120"], tag);
    expect(header(refreshed, "Expires")).toBe("120");
    hall.world.run(100_000);
    expect(hall.told()).toEqual(["0 idle active", "1 idle active"]);
    expect(hall.subscribe([EVENT, "Expires: 0"], tag)).toContain("200 OK");
    expect(hall.told()).toEqual(["2 idle terminated"]);
    expect(hall.subscribe([EVENT, "Expires: 60"], tag)).toContain("481 ");
  });

  it("is told when its time is over, and then nothing more", () => {
    const hall = new Hall();
    hall.subscribe([EVENT, "Expires: 60"]);
    hall.world.run(61_000);
    expect(hall.told()).toEqual(["0 idle active", "1 idle terminated"]);
    hall.door.call(`sip:${PHONE}`);
    hall.world.run(100);
    expect(hall.told()).toEqual([]);
  });

  it("can ask for the state once, by Expires 0", () => {
    const hall = new Hall();
    expect(hall.subscribe([EVENT, "Expires: 0"])).toContain("200 OK");
    expect(hall.told()).toEqual(["0 idle terminated"]);
  });

  it("that answers 481, or nothing, is told nothing more (RFC 6665 §4.2.2)", () => {
    for (const answer of ["481 Subscription does not exist", ""]) {
      const hall = new Hall();
      hall.answer = answer;
      hall.subscribe([EVENT]);
      hall.world.run(60_000);
      hall.told();
      hall.answer = "200 OK";
      hall.door.call(`sip:${PHONE}`);
      hall.world.run(100);
      expect(hall.told()).toEqual([]);
      // Its place is free again.
      expect(hall.subscribe([EVENT], "", "lamp-2")).toContain("200 OK");
    }
  });

  it.each([
    ["no event", [], 489, "Allow-Events", "dialog"],
    ["another event", ["Event: presence"], 489, "Allow-Events", "dialog"],
    ["too short a time", [EVENT, "Expires: 59"], 423, "Min-Expires", "60"],
    ["a time that is none", [EVENT, "Expires: soon"], 400, "", ""],
  ])("is refused with %s", (_what, more, status, name, value) => {
    const hall = new Hall();
    const answer = hall.subscribe(more as string[]);
    expect(Number(answer.slice(8, 11))).toBe(status);
    if (name !== "") expect(header(answer, name as string)).toBe(value);
    expect(hall.told()).toEqual([]);
    if (status === 400) expect(answer).toContain("400 Bad Expires Header Field\r\n");
  });

  it.each([
    ["cannot be called", "mailto:lamp@example.org", "400 Bad Contact Header Field"],
    ["is too long to be kept", "sip:" + "c".repeat(450) + "@10.0.0.9", "513 Message Too Large"],
  ])("is refused when its Contact %s, and takes no place", (_what, uri, line) => {
    const hall = new Hall();
    for (let i = 0; i < 20; i++) {
      const answer = hall.subscribe([EVENT, "Contact: <" + uri + ">"], "", "bad-" + i);
      expect(answer.split("\r\n")[0]).toBe("SIP/2.0 " + line);
      hall.world.run(64_000);
    }
    expect(hall.told()).toEqual([]);
    expect(hall.subscribe([EVENT])).toContain("200 OK");
  });

  it("is refused when it may not call, and gets no NOTIFY", () => {
    const hall = new Hall();
    hall.door.refuse = 403;
    expect(hall.subscribe([EVENT])).toContain("403 ");
    expect(hall.told()).toEqual([]);
  });

  it("is refused with 503 when there is no place left, until one is free", () => {
    const hall = new Hall();
    let taken = 0;
    while (taken < 20 && hall.subscribe([EVENT, "Expires: 60"], "", "call-" + taken).includes("200 OK")) taken += 1;
    expect(taken).toBeGreaterThan(0);
    expect(hall.subscribe([EVENT], "", "late")).toContain("503 ");
    hall.world.run(61_000);
    expect(hall.subscribe([EVENT], "", "late")).toContain("200 OK");
  });

  it("asks for less than is usual, or more than is given, and the event has parameters", () => {
    const hall = new Hall();
    expect(header(hall.subscribe([EVENT, "Expires: 4294967295"]), "Expires")).toBe("3600");
    const other = new Hall();
    expect(header(other.subscribe(["Event: dialog;sla"]), "Expires")).toBe("3600");
  });

  it("is answered 405 to other requests in its dialog, and 500 to old ones", () => {
    const hall = new Hall();
    const tag = tagOf(hall.subscribe([EVENT]));
    expect(hall.subscribe([], tag, "lamp-1", "INFO")).toContain("405 ");
    expect(hall.subscribe([EVENT], tag, "lamp-1", "SUBSCRIBE", 1)).toContain("500 ");
  });
});
