/**
 * A house in the small world of test/ua/harness.ts whose calls go over from phone to phone: a door, two phones of its
 * plan, and a third.
 */
import { expect } from "vitest";
import { header, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";
import { Phone } from "./phone.js";

export const FIRST = "10.0.0.2";
export const SECOND = "10.0.0.3";
export const THIRD = "10.0.0.4";
export const PLAN = `button1.day=sip:one@${FIRST} > sip:two@${SECOND}`;

/** A house with a door, two phones of its plan, and one that is not in the plan. */
export class Home {
  readonly world = new World();
  readonly door: House;
  readonly first = new Phone(this.world, FIRST);
  readonly second = new Phone(this.world, SECOND);
  readonly third = new Phone(this.world, THIRD);
  private cseq = 0;

  constructor(...settings: string[]) {
    this.first.says = ["180 Ringing", "200 OK"];
    for (const phone of [this.first, this.second, this.third]) {
      const usual = phone.onMessage;
      phone.onMessage = (m) => (m.startsWith("NOTIFY") ? phone.respond(DOOR, m, "200 OK", "") : usual(m));
    }
    this.door = new House(this.world, PLAN, ...settings);
  }

  /** Presses the button, and lets the first phone have the call. */
  talking(): this {
    this.door.press();
    this.world.run(500);
    expect(this.door.told("call")).toEqual(["calling", "ringing", "confirmed"]);
    this.world.run(9_500);
    return this;
  }

  /** Sends a request of that phone in the call that the door made to it. @returns the status */
  ask(phone: Phone, method: string, more: string[] = [], body = ""): number {
    const invite =
      phone
        .got("INVITE")
        .filter((m) => !header(m, "To").includes(";tag="))
        .at(-1) ?? "";
    this.cseq += 1;
    phone.send(
      DOOR,
      [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${phone.address};branch=z9hG4bKg${this.cseq}`,
        `From: ${header(invite, "To")};tag=t${phone.address}`,
        `To: ${header(invite, "From")}`,
        `Call-ID: ${header(invite, "Call-ID")}`,
        `CSeq: ${this.cseq} ${method}`,
        `Contact: <sip:x@${phone.address}>`,
        ...more,
      ],
      body,
    );
    this.world.run(50);
    const got = phone.inbox.filter((m) => m.startsWith("SIP/2.0") && header(m, "CSeq") === `${this.cseq} ${method}`);
    return Number(got[0]?.slice(8, 11) ?? 0);
  }

  refer(target: string): number {
    return this.ask(this.first, "REFER", [`Refer-To: ${target}`]);
  }

  /**
   * Asks as a phone for the place of the call that the door has with the first one, or with another.
   * @returns its status
   */
  pick(phone: Phone, more: string[] = [], of: Phone = this.first, acknowledges = true): number {
    const invite = of.got("INVITE").at(-1) ?? "";
    const tag = header(invite, "From").split("tag=")[1];
    const replaces = `Replaces: ${header(invite, "Call-ID")};to-tag=${tag};from-tag=t${of.address}`;
    return this.call(phone, [replaces, ...more], acknowledges);
  }

  /** Calls the door from a phone. @returns the status */
  call(phone: Phone, more: string[] = [], acknowledges = true): number {
    const callId = `pick-${phone.address}-${this.cseq++}`;
    const lines = (method: string, to: string, branch: string) => [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${phone.address};branch=z9hG4bK${branch}`,
      `From: <sip:three@${phone.address}>;tag=p`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:three@${phone.address}>`,
    ];
    const asks = [...lines("INVITE", `<sip:door@${DOOR}>`, callId), "Content-Type: application/sdp", ...more];
    phone.send(DOOR, asks, sdpOf(phone.address, 24_000));
    this.world.run(20);
    const got = phone.inbox.filter((m) => header(m, "Call-ID") === callId).at(-1) ?? "";
    const status = Number(got.slice(8, 11));
    if (status === 200 && acknowledges) phone.send(DOOR, lines("ACK", header(got, "To"), `${callId}ack`));
    this.world.run(100);
    return status;
  }

  get calls(): string[] {
    return this.door.log
      .text("call")
      .trim()
      .split("\n")
      .map((line) => line.replace(/^.*? call /, "").replace(/; sound.*/, ""));
  }
}
