/** A user agent whose server is reached by TLS: which keys it tells to whom, and how it stays within reach. */
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { ENCRYPTION_OFFER, ENCRYPTION_REQUIRE } from "../../src/dialog/negotiation.js";
import { NO_TLS, type UserAgentSettings } from "../../src/ua/useragent.js";
import { TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../../src/wire/names.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "192.168.1.10";
const SERVER = "192.168.1.20";
const ELSEWHERE = "192.168.1.30";
const THIRD = "192.168.1.40";
const KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A".repeat(40);

/** An agent with TLS, which keeps what it sends by it. */
class TlsAgent extends Agent {
  readonly written: string[] = [];
  readonly secured: string[] = [];

  override sendStream(connection = -1, _ip = 0, _port = 0, bytes = new Uint8Array(0), start = 0, end = 0): number {
    this.written.push(text(bytes, start, end));
    return connection;
  }

  // The method makes it a network with TLS.
  secureStream(ip: number, port: number, name: Uint8Array, size: number, opens: boolean): number {
    const key = text(name, 0, size) + " " + ipv4Text(ip) + ":" + port;
    if (opens) this.secured.push(key);
    const at = this.secured.lastIndexOf(key);
    return at < 0 || this.closed.has(at) ? -1 : at;
  }

  readonly closed = new Set<number>();

  /** The connection that was opened last is closed by its other side. */
  hangUpLast(): void {
    this.closed.add(this.secured.length - 1);
    this.ua.layer.streamClosed(this.secured.length - 1);
  }

  /** The server says something over the connection that was opened last. */
  hear(message: string): void {
    const bytes = octets(message);
    this.ua.layer.receiveStream(this.secured.length - 1, bytes, 0, bytes.length);
  }

  /** @returns the message that was sent last by TLS */
  get sent(): string {
    return this.written.at(-1) ?? "";
  }

  answer(status: string, more: string[] = [], body = ""): void {
    const request = this.sent;
    const lines = ["SIP/2.0 " + status, ...headers(request, "Via").map((via) => "Via: " + via)];
    lines.push("From: " + header(request, "From"), "To: " + header(request, "To") + ";tag=server");
    lines.push("Call-ID: " + header(request, "Call-ID"), "CSeq: " + header(request, "CSeq"), ...more);
    this.hear([...lines, "Content-Length: " + octets(body).length, "", body].join("\r\n"));
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

function agent(settings: Partial<UserAgentSettings> = {}): TlsAgent {
  const all = { transport: TRANSPORT_TLS, encryption: ENCRYPTION_OFFER, ...settings };
  const made = new TlsAgent(world, DOOR, { ...all, register: false });
  made.names.set("house.test", SERVER);
  made.answersNames = true;
  if (all.register === true) made.configure({ register: true });
  return made;
}

describe("a call by TLS", () => {
  it("tells the keys of its sound, though nobody said that they may be told in clear", () => {
    const door = agent({ encryption: ENCRYPTION_REQUIRE });
    door.call("sip:bob@" + SERVER);
    world.run(10);
    expect(door.secured).toEqual([" " + SERVER + ":5061"]);
    expect(header(door.sent, "Via")).toContain("SIP/2.0/TLS " + DOOR + ":5061");
    expect(header(door.sent, "Contact")).toBe("<sip:door@" + DOOR + ":5061;transport=tls>");
    expect(bodyOf(door.sent)).toContain("RTP/SAVP");
    expect(bodyOf(door.sent)).toContain("a=crypto:1 ");
  });

  it("for sips: is one with sips: in its Contact, and goes by TLS whatever the settings say", () => {
    const door = agent({ transport: TRANSPORT_UDP });
    door.call("sips:bob@house.test");
    world.run(10);
    expect(door.secured).toEqual(["house.test " + SERVER + ":5060"]);
    expect(door.sent).toMatch(/^INVITE sips:bob@house\.test SIP/);
    expect(header(door.sent, "Contact")).toBe("<sips:door@" + DOOR + ":5061;transport=tls>");
    expect(header(door.sent, "To")).toBe("<sips:bob@house.test>");
  });

  it("that is sent elsewhere by UDP goes there without keys, or not at all where they are required", () => {
    for (const encryption of [ENCRYPTION_OFFER, ENCRYPTION_REQUIRE]) {
      world = new World();
      const peer = new Peer(world, ELSEWHERE);
      const door = agent({ encryption });
      door.call("sip:bob@" + SERVER);
      world.run(10);
      expect(door.sent).toContain("a=crypto");
      door.answer("302 Elsewhere", ["Contact: <sip:bob@" + ELSEWHERE + ";transport=udp>"]);
      world.run(10);
      expect(peer.got("INVITE").length).toBe(encryption === ENCRYPTION_OFFER ? 1 : 0);
      for (const message of peer.inbox) expect(message).not.toContain("crypto");
    }
  });

  it("is sent on to sips: by TLS, with sips: in its Contact", () => {
    const door = agent({ transport: TRANSPORT_UDP });
    const peer = new Peer(world, ELSEWHERE);
    door.call("sip:bob@" + ELSEWHERE);
    world.run(10);
    peer.respond(DOOR, peer.got("INVITE")[0], "302 Elsewhere", "b", ["Contact: <sips:bob@" + SERVER + ":5071>"]);
    world.run(10);
    expect(door.secured).toEqual([" " + SERVER + ":5071"]);
    expect(door.sent).toMatch(/^INVITE sips:bob@192\.168\.1\.20:5071 SIP/);
    expect(header(door.sent, "Contact")).toBe("<sips:door@" + DOOR + ":5061;transport=tls>");
  });

  it("to sips: is sent on to sips: alone: a sip: Contact is passed over, however much the server likes it", () => {
    const peer = new Peer(world, ELSEWHERE);
    const door = agent();
    door.call("sips:bob@" + SERVER);
    world.run(10);
    const sip = "Contact: <sip:bob@" + ELSEWHERE + ">;q=1, <SIP:bob@" + ELSEWHERE + ";transport=tls>;q=0.9";
    door.answer("302 Elsewhere", [sip + ", <sips:carol@" + SERVER + ">;q=0.1"]);
    world.run(10);
    expect(door.sent).toMatch(/^INVITE sips:carol@/);
    door.answer("302 Elsewhere", [sip]);
    world.run(10);
    expect(door.last()).toContain("call ended");
    expect([peer.inbox, door.secured]).toEqual([[], [" " + SERVER + ":5061"]]);
  });

  it("to sips: is not made by a proxy that is reached by UDP, and one line says what to set", () => {
    const peer = new Peer(world, SERVER);
    const door = agent({ transport: TRANSPORT_UDP, proxy: SERVER });
    expect(door.ua.call("sips:bob@" + ELSEWHERE)).toBeNull();
    expect(door.ua.error).toBe(
      "sips: goes by TLS at each step, but the proxy is not reached by it: set sip.transport tls",
    );
    door.call("sip:bob@" + ELSEWHERE);
    world.run(10);
    peer.respond(DOOR, peer.got("INVITE")[0], "302 Elsewhere", "b", ["Contact: <sips:bob@" + ELSEWHERE + ">"]);
    world.run(10);
    expect([peer.got("INVITE").length, door.secured, door.written]).toEqual([1, [], []]);
  });

  it("whose other side moves to UDP is not offered its keys anew", () => {
    const peer = new Peer(world, ELSEWHERE);
    const door = agent();
    const call = door.call("sip:bob@" + SERVER);
    world.run(10);
    const sealed = sdpOf(ELSEWHERE, 20000, "0 101", [KEY]);
    door.answer(
      "200 OK",
      ["Contact: <sip:bob@" + ELSEWHERE + ";transport=udp>", "Content-Type: application/sdp"],
      sealed,
    );
    world.run(10);
    expect(call.media.suite()).toBe(1);
    call.session.reoffer();
    world.run(1000);
    expect(peer.got("INVITE")).toEqual([]);
    for (const message of peer.inbox) expect(message).not.toContain("crypto");
  });

  it("is moved to sips: by its phone: by TLS, and not to sip:", () => {
    const door = agent({ refers: true });
    Object.assign(door, { mayRefer: () => 0 });
    door.call("sip:bob@" + SERVER);
    world.run(10);
    const body = sdpOf(SERVER, 20000, "0 101", [KEY]).replace("RTP/AVP", "RTP/SAVP");
    door.answer("200 OK", ["Contact: <sip:bob@" + SERVER + ";transport=tls>", "Content-Type: application/sdp"], body);
    world.run(10);
    const invite = door.written.find((m) => m.startsWith("INVITE")) ?? "";
    const lines = ["REFER sip:door@" + DOOR + ":5061;transport=tls SIP/2.0", "Max-Forwards: 70", "CSeq: 1 REFER"];
    lines.push("Via: SIP/2.0/TLS " + SERVER + ":5061;branch=z9hG4bKrefer", "Call-ID: " + header(invite, "Call-ID"));
    lines.push("From: " + header(invite, "To") + ";tag=server", "To: " + header(invite, "From"));
    lines.push("Refer-To: <sips:carol@" + ELSEWHERE + ">", "Contact: <sip:bob@" + SERVER + ";transport=tls>");
    door.hear([...lines, "Content-Length: 0", "", ""].join("\r\n"));
    world.run(10);
    expect(door.secured.at(-1)).toBe(" " + ELSEWHERE + ":5061");
    const moved = door.written.filter((m) => m.startsWith("INVITE sips:carol@" + ELSEWHERE + " SIP/2.0"));
    expect(moved.length).toBe(1);
    expect(header(moved[0], "Contact")).toBe("<sips:door@" + DOOR + ":5061;transport=tls>");
  });

  it("cannot be made on a device without TLS, which says so", () => {
    const door = new Agent(world, DOOR, { transport: TRANSPORT_TLS });
    expect(door.troubles).toEqual(["sip.transport is tls: " + NO_TLS]);
    for (const target of ["bob@" + SERVER, "sips:bob@" + SERVER]) {
      expect(door.ua.call(target)).toBeNull();
      expect(door.ua.error).toBe(NO_TLS);
    }
    expect(door.ua.dialogs.used()).toBe(0);
  });
});

describe("a call that comes by TLS", () => {
  const invite = (uri: string, contact: string, via: string, more: string[]): string => {
    const body = sdpOf(SERVER, 20000, "0 101", more).replace("RTP/AVP", "RTP/SAVP");
    return [
      "INVITE " + uri + " SIP/2.0",
      "Via: SIP/2.0/" + via + " " + SERVER + ":5061;branch=z9hG4bKin",
      "Max-Forwards: 70",
      "From: <sip:bob@house.test>;tag=bob",
      "To: <" + uri + ">",
      "Call-ID: in",
      "CSeq: 1 INVITE",
      "Contact: <" + contact + ">",
      "Content-Type: application/sdp",
      "Content-Length: " + octets(body).length,
      "",
      body,
    ].join("\r\n");
  };

  /** An agent with a connection to its server. */
  function connected(transport = TRANSPORT_TLS): TlsAgent {
    const door = agent({ transport });
    door.autoAnswer = true;
    door.call("sip:bob@" + SERVER + ";transport=tls");
    world.run(10);
    door.answer("486 Busy Here");
    world.run(10);
    door.written.length = 0;
    return door;
  }

  it("has its keys taken, and is answered by TLS", () => {
    const door = connected();
    door.hear(invite("sip:door@" + DOOR, "sip:bob@" + SERVER + ";transport=tls", "TLS", [KEY]));
    world.run(10);
    expect(door.sent).toMatch(/^SIP\/2\.0 200/);
    expect(door.sent).toContain("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:");
    expect(header(door.sent, "Contact")).toContain(";transport=tls>");
  });

  it("from a phone that names no transport gets BYE by TLS, whatever the account's transport", () => {
    for (const transport of [TRANSPORT_TLS, TRANSPORT_TCP, TRANSPORT_UDP]) {
      world = new World();
      const door = connected(transport);
      const inClear = new Peer(world, SERVER);
      door.hear(invite("sip:door@" + DOOR, "sip:bob@" + SERVER + ":5061", "TLS", [KEY]));
      world.run(10);
      const ack = ["ACK sip:door@" + DOOR + " SIP/2.0", "Via: SIP/2.0/TLS " + SERVER + ":5061;branch=z9hG4bKack"];
      for (const name of ["From", "To", "Call-ID"]) ack.push(name + ": " + header(door.sent, name));
      door.hear([...ack, "CSeq: 1 ACK", "Max-Forwards: 70", "Content-Length: 0", "", ""].join("\r\n"));
      world.run(10);
      door.ua.hangUp(door.ua.activeCall()!);
      world.run(10);
      expect(door.sent).toMatch(/^BYE sip:bob@/);
      expect(inClear.inbox).toEqual([]);
    }
  });

  it("for sips: is taken, with sips: in the Contact of its answer; by UDP it gets 416", () => {
    const door = connected();
    const uri = "sips:door@" + DOOR;
    door.hear(invite(uri, "sips:bob@" + SERVER, "TLS", [KEY]));
    world.run(10);
    expect(header(door.sent, "Contact")).toBe("<sips:door@" + DOOR + ":5061;transport=tls>");
    const bytes = octets(
      invite(uri, "sips:bob@" + SERVER, "UDP", [KEY]).replace("5061;branch=z9hG4bKin", "5060;branch=z9hG4bKudp"),
    );
    const peer = new Peer(world, SERVER);
    world.send(ipv4(SERVER), 5060, ipv4(DOOR), 5060, bytes);
    world.run(10);
    expect(peer.inbox.map((m) => m.split("\r\n")[0])).toEqual(["SIP/2.0 416 Unsupported URI Scheme"]);
  });
});

describe("a phone with UDP, which names no transport", () => {
  const CONTACT = "Contact: <sip:bob@" + ELSEWHERE + ">";
  let phone: Peer;
  let door: TlsAgent;

  /** A door whose account goes by that transport, and which has sent nothing by it. */
  function beside(transport: number): void {
    world = new World();
    phone = new Peer(world, ELSEWHERE);
    door = agent({ transport });
    door.autoAnswer = true;
  }

  /** The phone calls the door. */
  function ring(): void {
    const body = sdpOf(ELSEWHERE);
    const lines = ["INVITE sip:door@" + DOOR + " SIP/2.0", "Max-Forwards: 70", "CSeq: 1 INVITE", "Call-ID: in"];
    lines.push("Via: SIP/2.0/UDP " + ELSEWHERE + ";branch=z9hG4bKin", "From: <sip:bob@" + ELSEWHERE + ">;tag=bob");
    lines.push("To: <sip:door@" + DOOR + ">", CONTACT, "Content-Type: application/sdp");
    phone.send(DOOR, lines, body);
    world.run(10);
    const ok = phone.got("SIP/2.0 200")[0];
    const ack = ["ACK sip:door@" + DOOR + " SIP/2.0", "Max-Forwards: 70", "CSeq: 1 ACK", "Call-ID: in"];
    ack.push("Via: SIP/2.0/UDP " + ELSEWHERE + ";branch=z9hG4bKack", "From: " + header(ok, "From"));
    phone.send(DOOR, [...ack, "To: " + header(ok, "To")]);
    world.run(10);
  }

  it("gets ACK and BYE by UDP when it was called by UDP, whatever the account's transport", () => {
    for (const transport of [TRANSPORT_TLS, TRANSPORT_TCP]) {
      beside(transport);
      const call = door.call("sip:bob@" + ELSEWHERE + ";transport=udp");
      world.run(10);
      const more = [CONTACT, "Content-Type: application/sdp"];
      phone.respond(DOOR, phone.got("INVITE")[0], "200 OK", "bob", more, sdpOf(ELSEWHERE));
      world.run(10);
      expect(phone.got("ACK sip:bob@" + ELSEWHERE + " SIP/2.0").length).toBe(1);
      // The repetition of a 2xx is acknowledged the same way.
      phone.respond(DOOR, phone.got("INVITE")[0], "200 OK", "bob", more, sdpOf(ELSEWHERE));
      world.run(10);
      expect(phone.got("ACK sip:bob@" + ELSEWHERE + " SIP/2.0").length).toBe(2);
      door.ua.hangUp(call);
      world.run(10);
      expect(phone.got("BYE sip:bob@" + ELSEWHERE + " SIP/2.0").length).toBe(1);
      expect(door.written).toEqual([]);
      expect(door.secured).toEqual([]);
    }
  });

  it("gets BYE by UDP when it called, and is redirected by UDP", () => {
    for (const transport of [TRANSPORT_TLS, TRANSPORT_TCP]) {
      beside(transport);
      ring();
      door.ua.hangUp(door.ua.activeCall()!);
      world.run(10);
      expect(phone.got("BYE sip:bob@" + ELSEWHERE + " SIP/2.0").length).toBe(1);
      const third = new Peer(world, THIRD);
      door.call("sip:bob@" + ELSEWHERE + ";transport=udp");
      world.run(10);
      phone.respond(DOOR, phone.got("INVITE")[0], "302 Elsewhere", "bob", ["Contact: <sip:carol@" + THIRD + ">"]);
      world.run(10);
      expect(third.got("INVITE sip:carol@" + THIRD + " SIP/2.0").length).toBe(1);
      expect(door.written).toEqual([]);
      expect(door.secured).toEqual([]);
    }
  });

  it("whose answer is too long to be kept gets ACK and BYE by UDP too", () => {
    beside(TRANSPORT_TLS);
    door.call("sip:bob@" + ELSEWHERE + ";transport=udp");
    world.run(10);
    const long = "Contact: <sip:" + "b".repeat(700) + "@" + ELSEWHERE + ">";
    phone.respond(
      DOOR,
      phone.got("INVITE")[0],
      "200 OK",
      "bob",
      [long, "Content-Type: application/sdp"],
      sdpOf(ELSEWHERE),
    );
    world.run(10);
    expect(phone.got("ACK sip:bbb").length).toBe(1);
    expect(phone.got("BYE sip:bbb").length).toBe(1);
    expect(door.secured).toEqual([]);
  });
});

describe("a server with TLS that names no transport", () => {
  it("gets ACK and BYE by TLS, as the INVITE went, whatever the account's transport", () => {
    for (const transport of [TRANSPORT_TLS, TRANSPORT_TCP, TRANSPORT_UDP]) {
      world = new World();
      const door = agent({ transport });
      const call = door.call("sip:bob@" + SERVER + ";transport=tls");
      world.run(10);
      door.answer("200 OK", ["Contact: <sip:bob@" + SERVER + ":5061>", "Content-Type: application/sdp"], sdpOf(SERVER));
      world.run(10);
      expect(door.sent).toMatch(/^ACK /);
      door.ua.hangUp(call);
      world.run(10);
      expect(door.sent).toMatch(/^BYE /);
    }
  });

  it("gets BYE by TLS when its answer is too long to be kept", () => {
    const door = agent({ transport: TRANSPORT_UDP });
    door.call("sip:bob@" + SERVER + ";transport=tls");
    world.run(10);
    const long = "Contact: <sip:" + "b".repeat(700) + "@" + SERVER + ":5061>";
    door.answer("200 OK", [long, "Content-Type: application/sdp"], sdpOf(SERVER));
    world.run(10);
    expect(door.sent).toMatch(/^BYE sip:bbb/);
  });
});

describe("a registration by TLS", () => {
  it("is made anew when its connection is gone, within ten seconds, and over another one", () => {
    const door = agent({ domain: "house.test", register: true });
    world.run(10);
    expect(door.sent).toMatch(/^REGISTER sip:house\.test/);
    expect(header(door.sent, "Contact")).toContain(";transport=tls>");
    door.answer("200 OK", ["Contact: " + header(door.sent, "Contact") + ";expires=600"]);
    world.run(1000);
    expect(door.diary.at(-1)).toBe("register registered 200");
    const count = door.written.length;
    door.hangUpLast();
    world.run(1900);
    expect(door.written.length).toBe(count);
    world.run(8200);
    expect(door.secured.length).toBe(2);
    expect(door.sent).toMatch(/^REGISTER/);
  });

  it("does not end for the end of another connection", () => {
    const door = agent({ domain: "house.test", register: true });
    world.run(10);
    door.answer("200 OK", ["Contact: " + header(door.sent, "Contact") + ";expires=600"]);
    door.call("sips:bob@" + ELSEWHERE);
    world.run(10);
    const count = door.written.length;
    door.hangUpLast();
    world.run(20_000);
    expect(door.written.slice(count).filter((m) => m.startsWith("REGISTER"))).toEqual([]);
  });
});
