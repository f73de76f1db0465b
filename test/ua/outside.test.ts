/** Tests a door behind a router that translates addresses: which address it tells to whom, and who makes it believe. */
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { isBindingRequest, STUN_ANSWER_BYTES, writeBindingAnswer } from "../../src/wire/stun.js";
import { Agent, bodyOf, type Datagram, header, headers, type Inhabitant, Peer, sdpOf } from "./harness.js";
import { PUBLIC, RoutedWorld } from "./router.js";

const DOOR = "192.168.1.20";
const SERVER = "198.51.100.5";
const STUN = "198.51.100.7";
const KITCHEN = "192.168.1.30";

/** A server outside: it answers where the request came from, and says so in the Via. RFC 3581 */
class Registrar implements Inhabitant {
  readonly ip: number;
  readonly requests: string[] = [];
  readonly keepAlives: number[] = [];
  /** What the Via says in place of what was seen; "": nothing. */
  says: string | null = null;
  private bindings: string[] = [];
  /** Where the last request came from. */
  from = { ip: 0, port: 0 };

  private readonly world: RoutedWorld;

  constructor(world: RoutedWorld, address: string) {
    this.world = world;
    this.ip = ipv4(address);
    world.add(this);
  }

  next(): number {
    return Infinity;
  }

  poll(): void {}

  receive({ fromIp, fromPort, toPort, bytes }: Datagram): void {
    if (toPort !== 5060) return;
    const message = text(bytes);
    if (message.trim() === "") {
      this.keepAlives.push(this.world.nowMs);
      return;
    }
    this.requests.push(message);
    if (message.startsWith("SIP/2.0") || message.startsWith("ACK")) return;
    this.from = { ip: fromIp, port: fromPort };
    const more: string[] = [];
    if (message.startsWith("REGISTER")) {
      for (const contact of headers(message, "Contact")) {
        const uri = /<([^>]*)>/.exec(contact)?.[1] ?? "";
        this.bindings = this.bindings.filter((one) => one !== uri);
        if (!contact.endsWith("expires=0")) this.bindings.push(uri);
      }
      more.push(...this.bindings.map((uri) => `Contact: <${uri}>;expires=600`));
    }
    const isInvite = message.startsWith("INVITE");
    if (isInvite) more.push(`Contact: <sip:200@${SERVER}>`, "Content-Type: application/sdp");
    this.answer(message, "200 OK", more, isInvite ? sdpOf(SERVER) : "");
  }

  get bound(): string[] {
    return this.bindings;
  }

  last(method: string): string {
    return this.requests.filter((one) => one.startsWith(method)).at(-1) ?? "";
  }

  count(method: string): number {
    return this.requests.filter((one) => one.startsWith(method)).length;
  }

  /** Sends to the door as its last request came. */
  send(lines: string[], body = ""): void {
    const message = [...lines, `Content-Length: ${octets(body).length}`, "", body].join("\r\n");
    this.world.send(this.ip, 5060, this.from.ip, this.from.port, octets(message));
  }

  private answer(request: string, status: string, more: string[], body: string): void {
    const seen = this.says ?? `;received=${ipv4Text(this.from.ip)};rport=${this.from.port}`;
    const lines = [`SIP/2.0 ${status}`, `Via: ${header(request, "Via").replace(";rport", "")}${seen}`];
    for (const name of ["From", "To", "Call-ID", "CSeq"])
      lines.push(`${name}: ${header(request, name)}${name === "To" ? ";tag=r" : ""}`);
    this.send([...lines, ...more], body);
  }
}

/** A STUN server; `instead` answers otherwise. */
class StunServer implements Inhabitant {
  readonly ip: number;
  /** The ports of the door that asked, as the server sees them. */
  readonly asked: number[] = [];
  instead: ((request: Uint8Array, answer: Uint8Array) => Uint8Array | null) | null = null;
  private readonly world: RoutedWorld;

  constructor(world: RoutedWorld, address: string) {
    this.world = world;
    this.ip = ipv4(address);
    world.add(this);
  }

  next(): number {
    return Infinity;
  }

  poll(): void {}

  receive({ fromIp, fromPort, toPort, bytes }: Datagram): void {
    if (toPort !== 3478 || !isBindingRequest(bytes, 0, bytes.length)) return;
    this.asked.push(fromPort);
    const answer = new Uint8Array(STUN_ANSWER_BYTES);
    writeBindingAnswer(answer, bytes, 0, fromIp, fromPort);
    const sent = this.instead === null ? answer : this.instead(bytes, answer);
    if (sent !== null) this.world.send(this.ip, toPort, fromIp, fromPort, sent);
  }
}

function house(settings: Partial<UserAgentSettings> = {}) {
  const world = new RoutedWorld();
  const registrar = new Registrar(world, SERVER);
  const stun = new StunServer(world, STUN);
  const kitchen = new Peer(world, KITCHEN);
  const door = new Agent(world, DOOR, {});
  const account = { domain: SERVER, register: true, learnsAddress: true, expiresS: 600 };
  door.configure({ ...account, ...settings });
  world.run(1000);
  return { world, registrar, stun, kitchen, door };
}

function contactOf(message: string): string {
  return /<sip:(?:[^@>]*@)?([^>]*)>/.exec(header(message, "Contact"))?.[1] ?? "";
}

function soundOf(message: string): string {
  const body = bodyOf(message);
  return `${/c=IN IP4 (\S+)/.exec(body)?.[1]}:${/m=audio (\d+)/.exec(body)?.[1]}`;
}

describe("What the server saw", () => {
  it("is registered in place of our own address at once, and the own one is taken back", () => {
    const { registrar, door } = house();
    const seen = `${PUBLIC}:${registrar.from.port}`;
    expect(registrar.bound).toEqual([`sip:door@${seen}`]);
    expect(registrar.count("REGISTER")).toBe(2);
    expect(door.outside).toEqual([seen]);
    expect(door.ua.registration.state).toBe(2);
  });

  it("stands in Contact and description of a call by the server; a phone in the house gets our own address", () => {
    const { world, registrar, kitchen, door } = house();
    const call = door.call("200");
    world.run(500);
    const invite = registrar.last("INVITE");
    expect(contactOf(invite)).toBe(`${PUBLIC}:${registrar.from.port}`);
    expect(soundOf(invite)).toBe(`${PUBLIC}:16384`);
    door.ua.hangUp(call);
    world.run(500);
    door.call(`sip:${KITCHEN}`);
    world.run(500);
    const direct = kitchen.got("INVITE")[0];
    expect(contactOf(direct)).toBe(`${DOOR}:5060`);
    expect(soundOf(direct)).toBe(`${DOOR}:16384`);
  });

  it("stands in the answer to a call that comes from there, and not in that to one from the house", () => {
    const { world, registrar, kitchen, door } = house();
    door.autoAnswer = true;
    const invite = (from: string) => [
      "INVITE sip:door@192.168.1.20 SIP/2.0",
      `Via: SIP/2.0/UDP ${from};branch=z9hG4bK${from}`,
      `From: <sip:x@${from}>;tag=1`,
      "To: <sip:door@house>",
      `Call-ID: ${from}`,
      "CSeq: 1 INVITE",
      `Contact: <sip:x@${from}>`,
      "Content-Type: application/sdp",
    ];
    registrar.send(invite(SERVER), sdpOf(SERVER));
    world.run(500);
    const answer = registrar.requests.filter((one) => one.startsWith("SIP/2.0 200")).at(-1) ?? "";
    expect(contactOf(answer)).toBe(`${PUBLIC}:${registrar.from.port}`);
    expect(soundOf(answer)).toBe(`${PUBLIC}:16384`);
    door.ua.hangUp(door.ua.calls.find((call) => call.isActive())!);
    world.run(500);
    kitchen.send(DOOR, invite(KITCHEN), sdpOf(KITCHEN));
    world.run(500);
    const direct = kitchen.got("SIP/2.0 200").at(-1) ?? "";
    expect(contactOf(direct)).toBe(`${DOOR}:5060`);
    expect(soundOf(direct)).toBe(`${DOOR}:16384`);
  });

  it("is kept up by CRLF before the router forgets the port, so that calls come in all the time", () => {
    const { world, registrar, door } = house();
    const { port } = registrar.from;
    world.run(280_000);
    expect(registrar.from.port).toBe(port);
    expect(registrar.keepAlives.length).toBeGreaterThanOrEqual(11);
    expect(registrar.keepAlives.length).toBeLessThanOrEqual(15);
    registrar.send([
      `OPTIONS sip:door@${PUBLIC} SIP/2.0`,
      `Via: SIP/2.0/UDP ${SERVER};branch=z9hG4bKp`,
      "From: <sip:s@s>;tag=1",
      "To: <sip:door@house>",
      "Call-ID: p",
      "CSeq: 1 OPTIONS",
    ]);
    world.run(100);
    expect(registrar.last("SIP/2.0 200")).not.toBe("");
    expect(door.ua.registration.state).toBe(2);
  });

  it("is followed by the registration and the call when the router starts again with another address", () => {
    const { world, registrar, door } = house();
    door.call("200");
    world.run(500);
    const before = registrar.bound[0];
    world.restart("203.0.113.77");
    world.run(320_000);
    const seen = `203.0.113.77:${registrar.from.port}`;
    expect(registrar.bound).toEqual([`sip:door@${seen}`]);
    expect(registrar.bound[0]).not.toBe(before);
    expect(registrar.count("INVITE")).toBe(2);
    expect(contactOf(registrar.last("INVITE"))).toBe(seen);
    expect(soundOf(registrar.last("INVITE"))).toBe("203.0.113.77:16384");
    expect(door.last()).toBe("call confirmed");
  });

  it("ends with a server that sees us where we are, and with net.nat off", () => {
    const { world, registrar, door } = house();
    world.restart(PUBLIC);
    registrar.says = `;received=${DOOR};rport=5060`;
    world.run(320_000);
    expect(registrar.bound).toEqual([`sip:door@${DOOR}:5060`]);
    expect(door.outside.at(-1)).toBe("own");
    registrar.says = null;
    world.run(320_000);
    expect(registrar.bound[0]).toContain(PUBLIC);
    door.configure({ learnsAddress: false });
    world.run(1000);
    expect(registrar.bound).toEqual([`sip:door@${DOOR}:5060`]);
  });

  it("ends with our own address: another network has another router", () => {
    const { world, registrar, door } = house();
    registrar.says = "";
    door.moveTo("192.168.1.99");
    world.run(1000);
    expect(registrar.bound).toEqual(["sip:door@192.168.1.99:5060"]);
    expect(door.outside.at(-1)).toBe("own");
  });

  it("that changes with each request makes no storm", () => {
    const { world, registrar, door } = house();
    let port = 50_000;
    Object.defineProperty(registrar, "says", { get: () => `;received=${PUBLIC};rport=${port++}` });
    const before = registrar.count("REGISTER");
    world.run(600_000);
    expect(registrar.count("REGISTER") - before).toBeLessThanOrEqual(6);
    expect(door.ua.registration.state).toBe(2);
  });

  it.each([
    ";received=999.1.1.1;rport=70000",
    ";received=evil.example;rport=1",
    ";received=0.0.0.0;rport=5",
    ";received=127.0.0.1;rport=5060",
    ";received=239.1.1.1;rport=5060",
    ";received=255.255.255.255;rport=5060",
    ";received=;rport=",
    ';received="1.2.3";rport=x',
    ";received=1.2.3.4.5",
  ])("of no sense is not believed: %s", (says) => {
    const { world, registrar, door } = house({ register: false });
    registrar.says = says;
    door.configure({ register: true });
    world.run(1000);
    expect(registrar.count("REGISTER")).toBeGreaterThan(0);
    for (const request of registrar.requests)
      if (request.startsWith("REG")) expect(contactOf(request)).toBe(`${DOOR}:5060`);
    expect(door.outside).toEqual([]);
  });

  it("counts only from where the request went", () => {
    const { world, registrar, door } = house({ register: false });
    const stranger = new Peer(world, "192.168.1.66");
    registrar.receive = (datagram) => {
      const request = text(datagram.bytes);
      if (!request.startsWith("REGISTER")) return;
      const lines = [
        "SIP/2.0 200 OK",
        `Via: ${header(request, "Via").replace(";rport", "")};received=6.6.6.6;rport=666`,
      ];
      for (const name of ["From", "To", "Call-ID", "CSeq"]) lines.push(`${name}: ${header(request, name)}`);
      stranger.send(DOOR, [...lines, `Contact: ${header(request, "Contact")}`]);
    };
    door.configure({ register: true });
    world.run(1000);
    expect(door.ua.registration.state).toBe(2);
    expect(door.outside).toEqual([]);
  });
});

describe("A forwarded port", () => {
  it("is told to those outside under the address of the settings, and nothing is learnt beside", () => {
    const { world, registrar, kitchen, door } = house({ publicIp: ipv4("203.0.113.50") });
    expect(registrar.bound).toEqual(["sip:door@203.0.113.50:5060"]);
    door.call("200");
    world.run(500);
    expect(soundOf(registrar.last("INVITE"))).toBe("203.0.113.50:16384");
    door.ua.hangUp(door.ua.calls[0]);
    world.run(500);
    door.call(`sip:${KITCHEN}`);
    world.run(500);
    expect(contactOf(kitchen.got("INVITE")[0])).toBe(`${DOOR}:5060`);
    door.configure({ publicIp: -1 });
    world.run(1000);
    expect(registrar.bound).toEqual([`sip:door@${PUBLIC}:${registrar.from.port}`]);
  });
});

describe("STUN", () => {
  it.each([
    [{ learnsAddress: false, publicIp: -1 }, "net.stun is not asked, since net.nat is off"],
    [{ publicIp: ipv4("203.0.113.50") }, "net.stun is not asked, since net.publicAddress is set"],
  ])("is not asked with %o, and one line says so at each change", (given, line) => {
    const { world, stun, door } = house({ stun: STUN, ...given });
    world.run(60_000);
    expect(stun.asked).toEqual([]);
    expect(door.troubles).toEqual([line]);
    door.configure({ ...given, displayName: "Door" });
    expect(door.troubles).toEqual([line]);
    door.configure({ learnsAddress: true, publicIp: -1 });
    world.run(1000);
    expect(stun.asked.length).toBeGreaterThan(0);
    expect(door.troubles).toEqual([line]);
  });

  it("tells the ports for sound too, which are kept up", () => {
    const { world, registrar, stun, door } = house({ stun: STUN });
    world.run(100_000);
    door.call("200");
    world.run(500);
    const sound = stun.asked.at(-1);
    expect(new Set(stun.asked).size).toBe(2);
    expect(stun.asked.length).toBeGreaterThan(6);
    expect(soundOf(registrar.last("INVITE"))).toBe(`${PUBLIC}:${sound}`);
    expect(contactOf(registrar.last("INVITE"))).toBe(`${PUBLIC}:${registrar.from.port}`);
    expect(door.troubles).toEqual([]);
  });

  it("alone is enough for a door without a server", () => {
    const { world, stun, door } = house({ stun: `${STUN}:3478`, domain: "", register: false });
    const far = new Peer(world, "198.51.100.99");
    world.run(1000);
    door.call("sip:198.51.100.99");
    world.run(500);
    expect(contactOf(far.got("INVITE")[0])).toBe(`${PUBLIC}:${stun.asked[0]}`);
    expect(soundOf(far.got("INVITE")[0])).toBe(`${PUBLIC}:${stun.asked[1]}`);
  });

  it("finds out in half a minute that the router has another address, and the registration follows", () => {
    const { world, registrar } = house({ stun: STUN });
    world.restart("203.0.113.77");
    world.run(30_000);
    expect(registrar.bound).toEqual([`sip:door@203.0.113.77:${registrar.from.port}`]);
  });

  it("and a router that gives each destination another port: Contact is as the server sees it, and a line says so", () => {
    const world = new RoutedWorld();
    world.isSymmetric = true;
    const registrar = new Registrar(world, SERVER);
    const stun = new StunServer(world, STUN);
    const door = new Agent(world, DOOR, {});
    door.configure({ domain: SERVER, register: true, learnsAddress: true, stun: STUN });
    world.run(30_000);
    expect(stun.asked).not.toContain(registrar.from.port);
    expect(registrar.bound).toEqual([`sip:door@${PUBLIC}:${registrar.from.port}`]);
    expect(door.troubles.filter((line) => line.startsWith("the router gives each"))).toHaveLength(1);
    door.call("200");
    world.run(500);
    expect(soundOf(registrar.last("INVITE"))).toBe(`${PUBLIC}:16384`);
  });

  const bad: [string, (request: Uint8Array, answer: Uint8Array) => Uint8Array | null, string][] = [
    ["is silent", () => null, "does not answer"],
    ["says SIP", () => octets("SIP/2.0 400 Bad\r\n\r\n"), "is no STUN server: what it says is something else"],
    ["says noise", () => new Uint8Array(40).fill(1), "is no STUN server: what it says is something else"],
    ["has another transaction ID", (_, a) => changed(a, 19, a[19] ^ 1), "does not answer"],
    ["has another cookie", (_, a) => changed(a, 4, 0x20), "is no STUN server: what it says is something else"],
    ["has a wrong length", (_, a) => changed(a, 3, 16), "is no STUN server: what it says is something else"],
    ["has no XOR-MAPPED-ADDRESS", (_, a) => changed(a, 21, 0x01), "answers without an address"],
    ["says IPv6", (_, a) => changed(a, 25, 2), "answers without an address"],
    ["says port 0", (_, a) => changed(changed(a, 26, 0x21), 27, 0x12), "answers without an address"],
    ["says 224.0.0.1", (r, a) => mapped(r, a, "224.0.0.1"), "answers without an address"],
    ["says 127.0.0.1", (r, a) => mapped(r, a, "127.0.0.1"), "answers without an address"],
    ["says 0.0.0.0", (r, a) => mapped(r, a, "0.0.0.0"), "answers without an address"],
    ["refuses", (_, a) => refusal(a), "refuses (420)"],
    ["echoes the request", (r) => r, "does not answer"],
  ];

  it.each(bad)("that %s is told in one line, and the last good address holds", (_what, instead, why) => {
    const { world, registrar, stun, door } = house({ stun: STUN });
    const good = registrar.bound;
    stun.instead = instead;
    world.run(100_000);
    expect(door.troubles).toEqual([`net.stun: ${STUN}:3478 ${why}; ${PUBLIC} is announced on`]);
    expect(registrar.bound).toEqual(good);
    stun.instead = null;
    world.run(60_000);
    stun.instead = instead;
    world.run(60_000);
    expect(door.troubles).toEqual([door.troubles[0], door.troubles[0]]);
  });

  it.each(bad)("that %s from the beginning changes nothing", (_what, instead, why) => {
    const { world, registrar, stun, door } = house({ register: false });
    stun.instead = instead;
    registrar.says = "";
    door.configure({ register: true, stun: STUN });
    world.run(60_000);
    expect(registrar.bound).toEqual([`sip:door@${DOOR}:5060`]);
    expect(door.troubles).toEqual([`net.stun: ${STUN}:3478 ${why}`]);
  });

  it("is believed from nobody else, whoever knows the transaction ID", () => {
    const { world, registrar, stun, door } = house({ register: false });
    registrar.says = "";
    stun.instead = (request) => {
      const answer = new Uint8Array(STUN_ANSWER_BYTES);
      writeBindingAnswer(answer, request, 0, ipv4("6.6.6.6"), 666);
      world.send(ipv4("192.168.1.66"), 3478, ipv4(DOOR), 5060, answer);
      world.send(ipv4("192.168.1.66"), 3478, ipv4(DOOR), 16384, answer);
      return null;
    };
    door.configure({ register: true, stun: STUN });
    world.run(60_000);
    expect(door.outside).toEqual([]);
    expect(registrar.bound).toEqual([`sip:door@${DOOR}:5060`]);
  });

  it("is asked by a name, which may be unknown for a while", () => {
    const { world, registrar, stun, door } = house({ stun: "stun.example" });
    world.run(60_000);
    door.answersNames = true;
    expect(door.troubles).toEqual([]);
    door.names.set("stun.example", STUN);
    world.run(120_000);
    door.call("200");
    world.run(500);
    expect(new Set(stun.asked).size).toBe(2);
    expect(door.troubles).toEqual([]);
    expect(soundOf(registrar.last("INVITE"))).toBe(`${PUBLIC}:${stun.asked.at(-1)}`);
  });
});

function changed(answer: Uint8Array, at: number, value: number): Uint8Array {
  answer[at] = value;
  return answer;
}

function mapped(request: Uint8Array, answer: Uint8Array, address: string): Uint8Array {
  writeBindingAnswer(answer, request, 0, ipv4(address), 5060);
  return answer;
}

/** An error response with ERROR-CODE 420. */
function refusal(answer: Uint8Array): Uint8Array {
  answer.set([0x01, 0x11], 0);
  answer.set([0x00, 0x09, 0x00, 0x08, 0, 0, 4, 20, 0x55, 0x6e, 0x6b, 0x6e], 20);
  return answer;
}
