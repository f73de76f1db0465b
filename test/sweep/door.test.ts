/**
 * Runs the sweep at a door, with the limits of each kind of board: calls that come, calls that go, and requests outside
 * of calls.
 */
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";
import { Agent, header, headers, Peer, sdpOf, World } from "../ua/harness.js";
import { FIELDS, isPassedOver, type Pad, sweep } from "./sweep.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const CONTACT = `Contact: <sip:bob@${PHONE}>`;
const TYPE = "Content-Type: application/sdp";
/** Timers B and H, and a moment for the calls themselves. */
const END_MS = 64 * 500 + 64 * 500 + 500;
const RING_MS = 10_000;
/** Another call is played after this many more octets; that nothing is held is checked each time. */
const CALL_EVERY = 32;

function last(messages: readonly string[], is: (message: string) => boolean): string | undefined {
  return messages.filter(is).at(-1);
}

class Stage {
  readonly world = new World();
  readonly door: Agent;
  readonly peer: Peer;
  private calls = 0;
  private sent = 0;
  private at = -1;
  private pad: Pad = (message) => message;
  private octets = 0;

  constructor(limits: Limits) {
    this.door = new Agent(this.world, DOOR, { ringTimeMs: RING_MS, domain: PHONE, password: "p" }, limits);
    this.peer = new Peer(this.world, PHONE);
    this.door.receive = (datagram) => {
      this.door.timers.nowMs = this.world.nowMs;
      const { bytes } = datagram;
      const length = Math.min(bytes.length, limits.messageBytes);
      if (datagram.toPort === 5060)
        this.door.ua.layer.receiveDatagram(datagram.fromIp, datagram.fromPort, bytes, 0, length, bytes.length > length);
    };
  }

  /** Plays the script, with the message number `at` longer. @returns what the door told, in short */
  play(script: (s: Stage) => void, at: number, pad: Pad, octets: number): string {
    this.at = at;
    this.pad = pad;
    this.octets = octets;
    this.sent = 0;
    this.calls += 1;
    this.peer.inbox.length = 0;
    this.peer.onMessage = () => {};
    this.world.log.length = 0;
    script(this);
    // A peer that was not heard, or not understood, leaves a call behind that a person ends.
    const call = this.door.ua.activeCall();
    if (call !== null) {
      this.door.timers.nowMs = this.world.nowMs;
      this.door.ua.hangUp(call);
      this.world.run(3);
      this.at = -1;
      this.answer("BYE", "200 OK");
    }
    return this.peer.inbox.map((message) => message.slice(0, message.indexOf(" ", 8))).join(" ");
  }

  /** The number of messages that the script sent. */
  get count(): number {
    return this.sent;
  }

  /** Checks that everything is over in its time. */
  settle(what: string): void {
    this.world.run(END_MS);
    const { ua, timers } = this.door;
    const left = [ua.layer.servers.used(), ua.layer.clients.used(), ua.activeCall() === null ? 0 : 1];
    if (left.some((n) => n > 0)) expect.fail(`${what}: ${left} are held`);
    if (timers.next() !== Infinity) expect.fail(`${what}: a timer runs`);
  }

  put(message: string): void {
    const text = this.sent++ === this.at ? this.pad(message, this.octets) : message;
    if (text !== null) this.world.send(this.peer.ip, 5060, this.door.ip, 5060, octets(text));
    this.world.run(3);
  }

  ask(method: string, cseq: number, more: string[] = [], body = "", isFirst = false, branch = method): void {
    const invite = last(this.peer.inbox, (m) => m.startsWith("SIP/2.0") && header(m, "CSeq").endsWith(" INVITE"));
    const tag = isFirst || invite === undefined ? "" : (/;tag=([^;]*)/.exec(header(invite, "To"))?.[1] ?? "");
    this.put(
      [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${branch}-${this.calls}-${cseq}`,
        "Max-Forwards: 70",
        `From: <sip:bob@there>;tag=t${this.calls}`,
        `To: <sip:door@${DOOR}>${tag === "" ? "" : `;tag=${tag}`}`,
        `Call-ID: call-${this.calls}`,
        `CSeq: ${cseq} ${method}`,
        CONTACT,
        ...more,
        ...(body === "" ? [] : [TYPE]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  }

  /** Answers the last request of that method, if the door has sent one since. */
  answer(method: string, status: string, more: string[] = [], body = ""): void {
    const request = last(this.peer.inbox, (message) => message.startsWith(method));
    if (request === undefined) return;
    const to = header(request, "To");
    this.put(
      [
        `SIP/2.0 ${status}`,
        ...headers(request, "Via").map((via) => `Via: ${via}`),
        `From: ${header(request, "From")}`,
        `To: ${to}${to.includes(";tag=") ? "" : ";tag=b"}`,
        `Call-ID: ${header(request, "Call-ID")}`,
        `CSeq: ${header(request, "CSeq")}`,
        ...more,
        ...(body === "" ? [] : [TYPE]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  }
}

const SDP = sdpOf(PHONE);
const HELD = sdpOf(PHONE, 20000, "0 101", ["a=sendonly"]);

const SCRIPTS: Record<string, (s: Stage) => void> = {
  "a call that comes": (s) => {
    s.ask("INVITE", 1, [], SDP, true);
    const { ua } = s.door;
    const call = ua.activeCall();
    if (call !== null) ua.answer(call);
    s.world.run(3);
    s.ask("ACK", 1, [], "", false, "ACK");
    s.ask("INVITE", 2, ["Session-Expires: 1800"], HELD);
    s.ask("ACK", 2, [], "", false, "ACK");
    s.ask("UPDATE", 3, [], SDP);
    s.ask("INFO", 4);
    s.ask("BYE", 5);
  },
  "a call that comes without an offer": (s) => {
    s.ask("INVITE", 1, ["Require: 100rel"], "", true);
    const ringing = s.peer.inbox.find((message) => message.startsWith("SIP/2.0 180"));
    s.ask("PRACK", 2, [`RAck: ${ringing === undefined ? 1 : header(ringing, "RSeq")} 1 INVITE`], SDP);
    const call = s.door.ua.activeCall();
    if (call !== null) s.door.ua.answer(call);
    s.world.run(3);
    s.ask("ACK", 1, [], "", false, "ACK");
    s.ask("BYE", 3);
  },
  "a call that is given up": (s) => {
    s.ask("INVITE", 1, [], SDP, true, "INVITE");
    s.ask("CANCEL", 1, [], "", true, "INVITE");
    s.ask("ACK", 1, [], "", false, "INVITE");
  },
  "a call that goes": (s) => {
    s.door.timers.nowMs = s.world.nowMs;
    const call = s.door.ua.call(`sip:bob@${PHONE}`);
    s.world.run(3);
    s.answer("INVITE", "407 Who", ['Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"']);
    s.answer("INVITE", "180 Ringing", [CONTACT, "Require: 100rel", "RSeq: 1"]);
    s.answer("PRACK", "200 OK");
    s.answer("INVITE", "200 OK", [CONTACT], SDP);
    if (call !== null) s.door.ua.hold(call, true);
    s.world.run(3);
    s.answer("INVITE", "200 OK", [CONTACT], SDP);
    if (call !== null) s.door.ua.hangUp(call);
    s.world.run(3);
    s.answer("BYE", "200 OK");
  },
  "a call that is refused": (s) => {
    s.door.timers.nowMs = s.world.nowMs;
    s.door.ua.call(`sip:bob@${PHONE}`);
    s.world.run(3);
    s.answer("INVITE", "302 There", [`Contact: <sip:bob2@${PHONE}>`]);
    s.answer("INVITE", "486 Busy");
  },
  "a call that is taken back": (s) => {
    s.door.timers.nowMs = s.world.nowMs;
    const call = s.door.ua.call(`sip:bob@${PHONE}`);
    s.world.run(3);
    s.answer("INVITE", "180 Ringing", [CONTACT]);
    if (call !== null) s.door.ua.hangUp(call);
    s.world.run(3);
    s.answer("CANCEL", "200 OK");
    s.answer("INVITE", "487 Given up");
  },
  "what is asked outside of calls": (s) => {
    s.ask("OPTIONS", 1, [], "", true);
    s.ask("MESSAGE", 2, ["Content-Type: text/plain"], "", true);
    s.ask("SUBSCRIBE", 3, ["Event: dialog", "Expires: 60"], "", true);
    s.answer("NOTIFY", "200 OK");
    s.world.run(61_000);
    s.answer("NOTIFY", "200 OK");
    s.ask("WHAT", 4, [], "", true);
  },
};

describe.each([
  ["a plain board", DOOR_LIMITS],
  ["a board with PSRAM", ROOMY_LIMITS],
] as const)("%s", (who, limits) => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`comes to an end whatever is longer in ${name}, and takes the next call`, { timeout: 100_000_000 }, () => {
      let stage = new Stage(limits);
      const plain = (message: string): string => message;
      const usual = SCRIPTS["a call that comes"];
      const whole = stage.play(usual, -1, plain, 0);
      stage.settle("a usual call");
      expect(whole).toContain("SIP/2.0 200");
      stage.play(script, -1, plain, 0);
      const count = stage.count;
      stage.settle(name);
      const began = Date.now();
      let cases = 0;
      for (let at = 0; at < count; at++) {
        for (const [i, [field, pad]] of Object.entries(FIELDS).entries()) {
          if (isPassedOver(at, i, name + who)) continue;
          cases += sweep((octets) => {
            const what = `${name}, message ${at}, ${field}, ${octets} octets`;
            const how = stage.play(script, at, pad, octets);
            stage.settle(what);
            if (octets % CALL_EVERY !== 0) return how;
            if (stage.play(usual, -1, plain, 0) !== whole) expect.fail(`${what}: the next call does not go through`);
            stage.settle(`after ${what}`);
            // Another test covers a dialog that lasts longer than a call would, in one world without end.
            if (stage.world.nowMs > 1e9) stage = new Stage(limits);
            return how;
          });
        }
      }
      if (process.env.SWEEP)
        process.stdout.write(`${name}: ${cases} cases in ${Math.round((Date.now() - began) / 1000)} s\n`);
      expect(cases).toBeGreaterThan(10);
    });
  }
});
