/** Runs the sweep at the server roles: registrar, proxy, proxy without state and redirect server, by UDP and TCP. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Redirect } from "../../src/server/redirect.js";
import { DOMAIN, users } from "../server/house.js";
import { ALICE, ask, BOB, ProxyHouse, withoutState } from "../server/proxied.js";
import { fields, type Sent } from "../transaction/harness.js";
import { FIELDS, isPassedOver, type Pad, sweep } from "./sweep.js";

/** Timers B and H. */
const END_MS = 64 * 500 + 64 * 500 + 100;
/** Timer C and the time of its CANCEL, for a phone that rings and was not understood when it said more. */
const RINGING_MS = 181_000 + 32_000;
const CALL_EVERY = 32;
const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
const TYPE = "Content-Type: application/sdp\r\n";
const CONNECTION = 7;

class Stage {
  readonly h: ProxyHouse;
  private sent = 0;
  private at = -1;
  private pad: Pad = (message) => message;
  private octets = 0;
  private calls = 0;
  private said: string[] = [];
  private readonly isTcp: boolean;

  constructor(role: string, isTcp: boolean) {
    this.isTcp = isTcp;
    this.h = new ProxyHouse({ isClosed: true });
    if (role === "stateless") withoutState(this.h);
    if (role === "redirect")
      this.h.server.next = new Redirect(this.h.layer, this.h.memory, users(), { domains: [DOMAIN], jobs: 4 });
    this.h.bind("bob", "<sip:bob@10.0.0.3:5060>");
    this.h.pass(100);
  }

  play(script: (s: Stage) => void, at: number, pad: Pad, octets: number): string {
    this.at = at;
    this.pad = pad;
    this.octets = octets;
    this.sent = 0;
    this.calls += 1;
    this.said = [];
    script(this);
    return this.said.join(" ");
  }

  get count(): number {
    return this.sent;
  }

  settle(what: string): void {
    const { layer, proxy } = this.h;
    const held = (): number[] => [layer.servers.used(), layer.clients.used(), proxy.contexts.usedBuffers()];
    this.h.pass(END_MS);
    if (held().some((n) => n > 0)) this.h.pass(RINGING_MS);
    if (held().some((n) => n > 0)) expect.fail(`${what}: ${held()} are held`);
    // The registration is for an hour.
    if (this.h.bound("bob@example.org").length === 0) this.h.bind("bob", "<sip:bob@10.0.0.3:5060>");
    this.h.pass(100);
    this.h.network.take();
  }

  put(message: string, from: string): Sent[] {
    const text = this.sent++ === this.at ? this.pad(message, this.octets) : message;
    if (text === null) return [];
    let out: Sent[];
    if (this.isTcp && from === ALICE) {
      const bytes = octets(text.replaceAll("SIP/2.0/UDP 10.0.0.2", "SIP/2.0/TCP 10.0.0.2"));
      const { layer, network } = this.h;
      network.take();
      if (layer.transport.stream(CONNECTION) === null) layer.streamOpened(CONNECTION, ipv4("10.0.0.2"), 5060);
      layer.receiveStream(CONNECTION, bytes, 0, bytes.length);
      out = network.take();
      if (network.closed.length > 0) network.closed.length = 0;
    } else out = this.h.receive(text, from);
    this.h.pass(3);
    out = out.concat(this.h.network.take());
    for (const { line } of out) this.said.push(line.split(" ")[line.startsWith("SIP") ? 1 : 0]);
    return out;
  }

  /** Sends a request of alice's phone, with credentials if it is asked for them. @returns what left for it */
  asks(
    method: string,
    cseq: number,
    extra = "",
    body = "",
    to = "<sip:bob@example.org>",
    uri = "sip:bob@example.org",
    branch = method,
  ): Sent[] {
    const parts = {
      method,
      uri,
      to,
      from: "<sip:alice@example.org>;tag=a",
      via: `Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK${branch}${this.calls}-${cseq}\r\n`,
      callId: `call${this.calls}`,
      cseq,
      extra: `Contact: <sip:alice@10.0.0.2>\r\n${extra}${body === "" ? "" : TYPE}`,
      body,
    };
    const out = this.put(ask(parts), ALICE);
    const challenge = out.find(({ line }) => line.startsWith("SIP/2.0 407") || line.startsWith("SIP/2.0 401"));
    if (challenge === undefined) return out;
    const credentials = this.h.answerTo(challenge.text, "alice", "secretA", uri, method);
    return this.put(
      ask({ ...parts, via: parts.via.replace("bK", "bKc"), cseq: cseq + 1, extra: parts.extra + credentials }),
      ALICE,
    );
  }

  /** Lets bob's phone answer the request that was forwarded to it. */
  answers(request: Sent | undefined, status: number, extra = "", body = ""): Sent[] {
    if (request === undefined) return [];
    const lines = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"].flatMap((name) =>
      fields(request.text, name).map(
        (value) => `${name}: ${value}${name === "To" && !value.includes(";tag=") ? ";tag=b" : ""}\r\n`,
      ),
    );
    const type = body === "" ? "" : TYPE;
    return this.put(
      `SIP/2.0 ${status} Reason\r\n${lines.join("")}${extra}${type}Content-Length: ${body.length}\r\n\r\n${body}`,
      BOB,
    );
  }
}

const forwarded = (sent: Sent[], method: string): Sent | undefined => sent.find(({ line }) => line.startsWith(method));
const routeOf = (request: Sent | undefined): string =>
  request === undefined
    ? ""
    : fields(request.text, "Record-Route")
        .map((route) => `Route: ${route}\r\n`)
        .join("");
const CONTACT = "Contact: <sip:bob@10.0.0.3:5060>\r\n";
const TO = "<sip:bob@example.org>;tag=b";

const CALLS: Record<string, (s: Stage) => void> = {
  "a call": (s) => {
    const invite = forwarded(s.asks("INVITE", 1, "Timestamp: 1\r\n", SDP), "INVITE");
    s.answers(invite, 180, CONTACT);
    s.answers(invite, 200, CONTACT, SDP);
    s.asks("ACK", 2, routeOf(invite), "", TO, "sip:bob@10.0.0.3:5060");
    const bye = forwarded(s.asks("BYE", 3, routeOf(invite), "", TO, "sip:bob@10.0.0.3:5060"), "BYE");
    s.answers(bye, 200);
  },
  "a call that is refused": (s) => {
    const invite = forwarded(s.asks("INVITE", 1, "", SDP), "INVITE");
    s.answers(invite, 486);
  },
  "a call that is given up": (s) => {
    const invite = forwarded(s.asks("INVITE", 1, "", SDP), "INVITE");
    s.answers(invite, 180, CONTACT);
    const cancel = forwarded(s.asks("CANCEL", 2, "", "", undefined, undefined, "cINVITE"), "CANCEL");
    s.answers(cancel, 200);
    s.answers(invite, 487);
  },
  "a message": (s) => s.answers(forwarded(s.asks("MESSAGE", 1), "MESSAGE"), 200),
};

const REGISTERS: Record<string, (s: Stage) => void> = {
  "a registration": (s) => {
    s.asks("REGISTER", 1, "Expires: 60\r\n", "", "<sip:alice@example.org>", "sip:example.org");
  },
};

const ROLES: [string, Record<string, (s: Stage) => void>][] = [
  ["proxy", CALLS],
  ["stateless", CALLS],
  ["redirect", CALLS],
  ["registrar", REGISTERS],
];

describe.each(ROLES)("the %s", (role, scripts) => {
  for (const isTcp of [false, true])
    for (const [name, script] of Object.entries(scripts))
      it(`comes to an end whatever is longer in ${name} by ${isTcp ? "TCP" : "UDP"}`, { timeout: 100_000_000 }, () => {
        const stage = new Stage(role, isTcp);
        const plain = (message: string): string => message;
        const whole = stage.play(script, -1, plain, 0);
        const { count } = stage;
        stage.settle(name);
        const began = Date.now();
        let cases = 0;
        for (let at = 0; at < count; at++)
          for (const [i, [key, pad]] of Object.entries(FIELDS).entries()) {
            if (isPassedOver(at, i, name + role)) continue;
            cases += sweep((octets) => {
              const what = `${name}, message ${at}, ${key}, ${octets} octets`;
              const how = stage.play(script, at, pad, octets);
              stage.settle(what);
              if (octets % CALL_EVERY !== 0) return how;
              const next = stage.play(script, -1, plain, 0);
              if (next !== whole) expect.fail(`${what}: the next is "${next}", not "${whole}"`);
              stage.settle(`after ${what}`);
              return how;
            });
          }
        if (process.env.SWEEP)
          process.stdout.write(`${role}, ${name}: ${cases} cases in ${Math.round((Date.now() - began) / 1000)} s\n`);
        expect(cases).toBeGreaterThan(5);
      });
});
