/**
 * Tests the bodies of requests: a 415 lists the types that the method may carry, a 488 warns which part of the
 * description is not supported (RFC 3261 §20.43).
 */
import { describe, expect, it } from "vitest";
import { Agent, header, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

class Stage {
  readonly world = new World();
  readonly door = new Agent(this.world, DOOR);
  readonly peer = new Peer(this.world, PHONE);
  private cseq = 0;
  private tag = "";

  constructor() {
    this.door.autoAnswer = true;
  }

  ask(method: string, more: string[], body: string): string {
    this.cseq += method === "ACK" ? 0 : 1;
    this.peer.inbox.length = 0;
    this.peer.send(
      DOOR,
      [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${method}${this.cseq}`,
        "Max-Forwards: 70",
        `From: <sip:bob@${PHONE}>;tag=b`,
        `To: <sip:door@${DOOR}>${this.tag}`,
        "Call-ID: bodies",
        `CSeq: ${this.cseq} ${method}`,
        `Contact: <sip:bob@${PHONE}>`,
        ...more,
      ],
      body,
    );
    this.world.run(10);
    return this.peer.inbox.filter((message) => !message.startsWith("SIP/2.0 1")).at(-1) ?? "";
  }

  /** From here on requests are in a call. */
  calls(): this {
    const answer = this.ask("INVITE", ["Content-Type: application/sdp"], sdpOf(PHONE));
    this.tag = `;tag=${/;tag=(.*)/.exec(header(answer, "To"))?.[1]}`;
    this.ask("ACK", [], "");
    return this;
  }
}

const SDP = "application/sdp";
const DIGITS = "application/dtmf-relay, application/dtmf, audio/telephone-event";

describe("415", () => {
  it.each([
    ["INVITE", false, SDP],
    ["MESSAGE", false, "text/plain"],
    ["SUBSCRIBE", false, ""],
    ["INVITE", true, SDP],
    ["UPDATE", true, SDP],
    ["INFO", true, DIGITS],
    ["MESSAGE", true, "text/plain"],
  ])("to %s (in a call: %s) lists what it may carry", (method, isInCall, accept) => {
    for (const more of [
      ["Content-Type: application/tea"],
      [`Content-Type: ${accept === "" ? SDP : accept.split(",")[0]}`, "Content-Encoding: gzip"],
    ]) {
      const s = new Stage();
      if (isInCall) s.calls();
      const answer = s.ask(method, ["Event: dialog", ...more], "Signal=5");
      expect(answer.slice(0, 11)).toBe("SIP/2.0 415");
      expect([header(answer, "Accept"), header(answer, "Accept-Encoding")]).toEqual([accept, "identity"]);
      expect(s.door.last()).toBe(isInCall ? "call confirmed" : "");
    }
  });
});

describe("488", () => {
  const sdp = (media: string, address = `IN IP4 ${PHONE}`) =>
    `v=0\r\no=- 1 1 IN IP4 ${PHONE}\r\ns=-\r\nc=${address}\r\nt=0 0\r\n${media}\r\n`;
  const MEDIA: [what: string, description: string, code: number][] = [
    ["no codec of ours", sdp("m=audio 4000 RTP/AVP 18"), 305],
    ["video alone", sdp("m=video 4000 RTP/AVP 96"), 304],
    ["no medium", sdp("a=x"), 304],
    ["audio that is encrypted", sdp("m=audio 4000 RTP/SAVP 0"), 302],
    ["audio of another protocol, and video", sdp("m=video 4000 RTP/AVP 96\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0"), 302],
    ["an IPv6 address", sdp("m=audio 4000 RTP/AVP 0", "IN IP6 2001:db8::1"), 300],
    ["a host name", sdp("m=audio 4000 RTP/AVP 0", "IN IP4 phone.example.org"), 301],
    ["another network", sdp("m=audio 4000 RTP/AVP 0", "ATM NSAP 47"), 301],
    ["a group", sdp("m=audio 4000 RTP/AVP 0", "IN IP4 233.1.2.3/64"), 330],
    [
      "one without a codec, one at a host name",
      sdp("m=audio 4000 RTP/AVP 18\r\nm=audio 4002 RTP/AVP 0", "IN IP4 x.y"),
      301,
    ],
  ];

  it.each(MEDIA)("to %s warns of what is not to be had, in an INVITE and in a call", (_what, description, code) => {
    for (const isInCall of [false, true]) {
      const s = new Stage();
      if (isInCall) s.calls();
      const answer = s.ask("INVITE", ["Content-Type: application/sdp"], description);
      expect(answer.slice(0, 11)).toBe("SIP/2.0 488");
      expect(header(answer, "Warning")).toMatch(new RegExp(`^${code} portero "[A-Z][a-z ]*"$`));
      expect(s.door.last()).toBe(isInCall ? "call confirmed" : "");
    }
  });
});
