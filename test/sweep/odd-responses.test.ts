/**
 * Makes every header field of a response odd in many ways, for each role that sends requests: the request has its
 * answer, whatever else is wrong with it, and nothing odd is sent on. RFC 3261 §17.1.3, §16.7
 */
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { isLeftOut } from "../runs.js";
import { BOB, brief, ProxyHouse } from "../server/proxied.js";
import { fields, responseTo, type Sent } from "../transaction/harness.js";
import { Agent, header, headers, Peer, sdpOf, World } from "../ua/harness.js";
import { oddly, wrongIn } from "./odd.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
/** Every field below the topmost Via, by which a response is matched, and the optional fields. */
const FIELDS = [
  "From",
  "To",
  "Call-ID",
  "CSeq",
  "Max-Forwards",
  "Contact",
  "Record-Route",
  "Content-Type",
  "Content-Length",
  "Require",
  "Supported",
  "Allow",
  "Session-Expires",
  "Min-SE",
  "RSeq",
  "Expires",
  "Date",
  "Server",
  "Warning",
  "Reason",
  "Subject",
  "WWW-Authenticate",
  "Retry-After",
  "X-Odd",
];
/** Parameters that another element puts behind ours in the topmost Via. */
const VIA_ENDS = [
  ";received=",
  ";received=x y",
  ";rport=",
  ";rport=99999",
  ";;",
  ";branch=z9hG4bKother",
  ';x="',
  ";\x07",
];

/** A door and a peer that answers with what it is told. */
class Stage {
  readonly world = new World();
  readonly door: Agent;
  readonly peer: Peer;
  readonly left: string[] = [];

  constructor(settings: object = {}) {
    this.door = new Agent(this.world, DOOR, { ringTimeMs: 20_000, ...settings });
    this.peer = new Peer(this.world, PHONE);
    const send = this.door.sendDatagram.bind(this.door);
    this.door.sendDatagram = (ip, port, bytes, start, end) => {
      this.left.push(new TextDecoder("latin1").decode(bytes.slice(start, end)));
      return send(ip, port, bytes, start, end);
    };
  }

  call(): void {
    this.door.timers.nowMs = this.world.nowMs;
    this.door.ua.call(`sip:bob@${PHONE}`);
    this.world.run(5);
  }

  put(message: string): void {
    this.world.send(this.peer.ip, 5060, this.door.ip, 5060, octets(message));
    this.world.run(5);
  }

  /** @returns how often the door has sent that method */
  sent(method: string): number {
    return this.peer.got(method).length;
  }

  /** Checks that nothing odd has left. */
  check(what: string): void {
    for (const message of this.left) {
      const wrong = wrongIn(message);
      if (wrong !== "") expect.fail(`${what}: ${wrong} in\n${message}`);
    }
  }
}

/** Makes the peer's answer to the request, with every field that an answer may have. */
function answerTo(request: string, status: string, more: string[] = [], body = ""): string {
  return [
    `SIP/2.0 ${status}`,
    ...headers(request, "Via").map((via) => `Via: ${via}`),
    `From: ${header(request, "From")}`,
    `To: ${header(request, "To")}${header(request, "To").includes(";tag=") ? "" : ";tag=b"}`,
    `Call-ID: ${header(request, "Call-ID")}`,
    `CSeq: ${header(request, "CSeq")}`,
    ...more,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** `npm test` runs a sixth of the ways, others for each field and status. */
const isPassedOver = (way: number, name: string, status: number | string): boolean =>
  isLeftOut(way, name.length + Number.parseInt(`${status}`, 10), 6);

const CONTACT = `Contact: <sip:bob@${PHONE}>`;
const SDP = sdpOf(PHONE);

describe("a response to a call of the door, of which a field is odd,", () => {
  it.each(FIELDS)("%s: rings, is answered and acknowledged, or refused", (name) => {
    const begun = new Stage();
    begun.call();
    const [invite] = begun.peer.got("INVITE");
    const count = oddly(answerTo(invite, "200 OK", [CONTACT], SDP), name).length;
    for (let i = 0; i < count; i++) {
      if (isPassedOver(i, name, 0)) continue;
      const ringing = new Stage();
      ringing.call();
      // An address of other digits is a host name, which does not resolve here.
      if (name === "Contact" && oddly("\r\n\r\n", name)[i][0] === "as a number too large") continue;
      const [how, odd] = oddly(answerTo(ringing.peer.got("INVITE")[0], "180 Ringing", [CONTACT]), name)[i];
      ringing.put(odd);
      const what = `${name} ${how}`;
      ringing.world.run(2000);
      expect([what, ringing.sent("INVITE")]).toEqual([what, 1]);

      const answered = new Stage();
      answered.call();
      answered.put(oddly(answerTo(answered.peer.got("INVITE")[0], "200 OK", [CONTACT], SDP), name)[i][1]);
      answered.world.run(2000);
      expect([what, answered.sent("INVITE"), answered.sent("ACK")]).toEqual([what, 1, 1]);
      const state = answered.door.last();
      if (!/^call (confirmed|ended)/.test(state)) expect.fail(`${what}: ${state}`);
      // A call that ended at the door is ended at the other side, too.
      if (state.startsWith("call ended")) expect([what, answered.sent("BYE") > 0]).toEqual([what, true]);
      const { ua } = answered.door;
      const call = ua.activeCall();
      answered.door.timers.nowMs = answered.world.nowMs;
      if (call !== null) ua.hangUp(call);
      answered.world.run(5);
      const [bye] = answered.peer.got("BYE");
      answered.put(oddly(answerTo(bye, "200 OK"), name)[i][1]);
      const byes = answered.sent("BYE");
      answered.world.run(5000);
      expect([what, answered.sent("BYE")]).toEqual([what, byes]);
      answered.check(what);

      const refused = new Stage();
      refused.call();
      refused.put(oddly(answerTo(refused.peer.got("INVITE")[0], "486 Busy Here"), name)[i][1]);
      refused.world.run(2000);
      expect([what, refused.sent("INVITE"), refused.sent("ACK")]).toEqual([what, 1, 1]);
      expect([what, refused.door.last()]).toEqual([what, "call ended cause refused status 486"]);
      refused.check(what);
    }
  });

  it("our Via with what others put into it, another one below it, or a field too much", () => {
    for (const end of VIA_ENDS) {
      const s = new Stage();
      s.call();
      s.put(answerTo(s.peer.got("INVITE")[0], "200 OK", [CONTACT], SDP).replace(/^(Via: .*)$/m, `$1${end}`));
      s.world.run(2000);
      expect([end, s.sent("INVITE"), s.sent("ACK"), s.door.last()]).toEqual([end, 1, 1, "call confirmed"]);
      s.check(end);
    }
    for (const more of ["Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx", "Via: %", ...Array(80).fill("X-More: 1")].map(
      (line, i, all) => (i < 2 ? line : all.slice(2).join("\r\n")),
    )) {
      const s = new Stage();
      s.call();
      const [first, ...rest] = answerTo(s.peer.got("INVITE")[0], "486 Busy Here").split(/(?=From: )/);
      s.put(first + more + "\r\n" + rest.join(""));
      s.world.run(2000);
      expect([more.slice(0, 9), s.sent("ACK"), s.door.last()]).toEqual([
        more.slice(0, 9),
        1,
        "call ended cause refused status 486",
      ]);
      s.check(more);
    }
  });
});

describe("a response to a REGISTER of the door, of which a field is odd,", () => {
  it.each([...FIELDS, "Proxy-Authenticate"])("%s: ends that REGISTER", (name) => {
    for (const status of ["200 OK", "401 Who", "423 Short", "503 Later"]) {
      const more = status.startsWith("401")
        ? ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']
        : status.startsWith("423")
          ? ["Min-Expires: 1200"]
          : [CONTACT + ";expires=600"];
      const count = oddly("SIP/2.0 200 OK\r\n\r\n", name).length;
      for (let i = 0; i < count; i++) {
        if (isPassedOver(i, name, status)) continue;
        const s = new Stage({ domain: PHONE, password: "p", register: true });
        s.world.run(5);
        const [register] = s.peer.got("REGISTER");
        const [how, odd] = oddly(answerTo(register, status, more), name)[i];
        s.put(odd);
        s.world.run(2000);
        const what = `${status}, ${name} ${how}`;
        const again = s.peer.got("REGISTER").filter((one) => header(one, "Via") === header(register, "Via"));
        expect([what, again.length]).toEqual([what, 1]);
        // These answers may make the door send another REGISTER at once.
        const isFinal = !status.startsWith("401") && !status.startsWith("423") && name !== "Retry-After";
        if (isFinal) expect([what, s.door.diary.at(-1)]).not.toEqual([what, "register registering"]);
        s.check(what);
      }
    }
  });
});

describe("a response that passes the proxy, of which a field is odd,", () => {
  function ringing(): { h: ProxyHouse; invite: Sent } {
    const h = new ProxyHouse();
    h.bind("bob", "<sip:bob@10.0.0.3:5060>");
    const [invite] = h.sends({});
    return { h, invite };
  }

  /** The messages in which a field is odd: the phone's own, or the first Via below ours. */
  function made(invite: Sent, status: number, name: string): [string, string][] {
    const extra =
      fields(invite.text, "Record-Route")
        .map((route) => `Record-Route: ${route}\r\n`)
        .join("") + "Contact: <sip:bob@10.0.0.3:5060>\r\n";
    return oddly(responseTo(invite.text, status, "bb", extra), name);
  }

  it.each(FIELDS)("%s: goes on without what is odd, and no request is repeated", (name) => {
    const count = oddly("SIP/2.0 200 OK\r\n\r\n", name).length;
    for (const status of [180, 200, 486]) {
      for (let i = 0; i < count; i++) {
        if (isPassedOver(i, name, status)) continue;
        const { h, invite } = ringing();
        const [how, odd] = made(invite, status, name)[i];
        const what = `${status}, ${name} ${how}`;
        const out = h.receive(odd, BOB);
        h.pass(2000);
        const later = h.network.take();
        expect([what, [...out, ...later].filter(({ line }) => line.startsWith("INVITE"))]).toEqual([what, []]);
        const back = out.filter(({ line }) => line.startsWith("SIP/2.0"));
        expect([what, brief(back)]).toEqual([what, [`${status} 10.9.9.9:5060`]]);
        for (const { text } of out) {
          const wrong = wrongIn(text);
          if (wrong !== "") expect.fail(`${what}: ${wrong} in\n${text}`);
        }
        expect([what, fields(back[0].text, "From")[0]]).toEqual([what, "<sip:zoe@elsewhere.net>;tag=zz"]);
        expect([what, fields(back[0].text, "CSeq")[0]]).toEqual([what, "1 INVITE"]);
        expect(fields(back[0].text, "Via").length).toBe(1);
      }
    }
  });

  it("without a Via below ours it goes nowhere, but ends the branch: the caller hears its status, of a 2xx that it was lost", () => {
    for (const [status, heard] of [
      [180, []],
      [486, ["486 10.9.9.9:5060"]],
      [603, ["603 10.9.9.9:5060"]],
      [200, ["500 10.9.9.9:5060"]],
    ] as const) {
      const { h, invite } = ringing();
      const text = responseTo(invite.text, status, "bb");
      const [, below] = fields(text, "Via");
      const out = h.receive(text.replace(`Via: ${below}\r\n`, ""), BOB).filter(({ line }) => line.startsWith("SIP"));
      expect([status, brief(out)]).toEqual([status, heard]);
      h.pass(2000);
      expect(h.network.take().filter(({ line }) => line.startsWith("INVITE"))).toEqual([]);
      if (status !== 180) expect(h.isIdle()).toBe(true);
    }
  });

  it("whose lower Vias were changed goes where the request came from, with the Vias of that", () => {
    for (const via of ["SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKx", "%", 'SIP/2.0/UDP x;branch="', ""]) {
      const { h, invite } = ringing();
      const text = responseTo(invite.text, 180, "bb");
      const [, below] = fields(text, "Via");
      const out = h.receive(text.replace(`Via: ${below}`, `Via: ${via}`), BOB);
      expect([via, brief(out)]).toEqual([via, ["180 10.9.9.9:5060"]]);
      expect([via, fields(out[0].text, "Via")]).toEqual([via, [below]]);
    }
  });

  it("is known by our branch, whatever somebody put into our Via", () => {
    for (const end of VIA_ENDS) {
      const { h, invite } = ringing();
      const text = responseTo(invite.text, 486, "bb").replace(/^(Via: .*)$/m, `$1${end}`);
      expect([end, brief(h.receive(text, BOB).filter(({ line }) => line.startsWith("SIP")))]).toEqual([
        end,
        ["486 10.9.9.9:5060"],
      ]);
    }
  });
});
