/** Tests a door that keeps the flow of its registration (RFC 5626): keep-alives, dead flows, the waits after them. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { TRANSPORT_TCP } from "../../src/wire/names.js";
import { isBindingRequest, STUN_ANSWER_BYTES, writeBindingAnswer } from "../../src/wire/stun.js";
import { Agent, type Datagram, header, headers, type Inhabitant, World } from "./harness.js";
import { RoutedWorld } from "./router.js";

const DOOR = "192.168.1.20";
const SERVER = "198.51.100.5";
const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"';

/** What the server does. */
class Ways {
  grants = true;
  pongs = true;
  isSilent = false;
  status = "200 OK";
  fields: string[] = [];
}

function answerTo(request: string, ways: Ways): string {
  const lines = ["SIP/2.0 " + ways.status, ...headers(request, "Via").map((via) => "Via: " + via)];
  lines.push("From: " + header(request, "From"), "To: " + header(request, "To") + ";tag=server");
  lines.push("Call-ID: " + header(request, "Call-ID"), "CSeq: " + header(request, "CSeq"));
  if (ways.status === "200 OK") {
    lines.push(...headers(request, "Contact").map((contact) => "Contact: " + contact));
    if (ways.grants) lines.push("Require: outbound");
  }
  return [...lines, ...ways.fields, "Content-Length: 0", "", ""].join("\r\n");
}

/** A door whose server is reached by TCP. */
class StreamAgent extends Agent {
  readonly ways = new Ways();
  readonly pings: number[] = [];
  readonly sent: { atMs: number; message: string }[] = [];
  readonly open = new Set<number>();
  private readonly own: World;
  private count = 0;
  private steps: (() => void)[] = [];

  constructor(world: World) {
    super(world, DOOR, {});
    this.own = world;
  }

  hardwareAddress(): string {
    return "AA:BB:CC:DD:EE:FF";
  }

  override sendStream(given = -1, _ip = 0, _port = 0, bytes = new Uint8Array(0), start = 0, end = 0): number {
    if (given >= 0 && !this.open.has(given)) return -1;
    const connection = given >= 0 ? given : ++this.count;
    this.open.add(connection);
    const message = text(bytes, start, end);
    const { ways } = this;
    if (message === "\r\n\r\n") {
      this.pings.push(this.own.nowMs);
      if (ways.pongs) this.hear(connection, "\r\n");
    } else {
      this.sent.push({ atMs: this.own.nowMs, message });
      if (message.startsWith("REGISTER") && !ways.isSilent) this.hear(connection, answerTo(message, ways));
    }
    return connection;
  }

  override closeStream(connection = -1): void {
    this.open.delete(connection);
  }

  hangUp(): void {
    for (const connection of this.open) this.steps.push(() => this.ua.layer.streamClosed(connection));
    this.open.clear();
  }

  private hear(connection: number, message: string): void {
    this.steps.push(() => this.ua.layer.receiveStream(connection, octets(message), 0, message.length));
  }

  override next(): number {
    return this.steps.length > 0 ? this.own.nowMs : super.next();
  }

  override poll(nowMs: number): void {
    super.poll(nowMs);
    for (const step of this.steps.splice(0)) step();
  }

  get registers(): { atMs: number; message: string }[] {
    return this.sent.filter(({ message }) => message.startsWith("REGISTER"));
  }
}

const ACCOUNT: Partial<UserAgentSettings> = { domain: SERVER, register: true, expiresS: 86_400, outbound: true };

function byTcp(settings: Partial<UserAgentSettings> = {}, prepare: (ways: Ways) => void = () => {}) {
  const world = new World();
  const door = new StreamAgent(world);
  prepare(door.ways);
  door.configure({ ...ACCOUNT, transport: TRANSPORT_TCP, ...settings });
  world.run(1000);
  return { world, door, ways: door.ways };
}

const gaps = (times: readonly number[]): number[] => times.slice(1).map((ms, i) => ms - times[i]);
const within = (values: readonly number[], least: number, most: number): boolean =>
  values.length > 0 && values.every((value) => value >= least && value <= most);

describe("a REGISTER, RFC 5626 §4.2.1", () => {
  it("offers outbound, with an instance that comes from the hardware address", () => {
    const { door } = byTcp();
    const [{ message }] = door.registers;
    expect(header(message, "Supported")).toBe("path, outbound");
    expect(header(message, "Contact")).toBe(`<sip:door@${DOOR}:5060;transport=tcp>;expires=86400;reg-id=1;${INSTANCE}`);
  });

  it("says nothing of it when sip.outbound is off, or goes off", () => {
    const { world, door } = byTcp({ outbound: false });
    expect(door.registers[0].message).not.toMatch(/outbound|reg-id|instance/);
    door.configure({ outbound: true });
    world.run(1000);
    expect(door.registers.at(-1)?.message).toMatch(/reg-id=1/);
    door.configure({ outbound: false });
    world.run(600_000);
    expect(door.registers.at(-1)?.message).not.toMatch(/outbound|reg-id|instance/);
    expect([door.pings, door.ua.layer.flows]).toEqual([[], null]);
  });

  it("takes the binding back by the same reg-id, and changes it by one Contact", () => {
    const { world, door } = byTcp();
    door.moveTo("192.168.1.21");
    world.run(1000);
    expect(headers(door.registers.at(-1)?.message ?? "", "Contact")).toHaveLength(1);
    door.configure({ register: false });
    world.run(1000);
    expect(header(door.registers.at(-1)?.message ?? "", "Contact")).toMatch(/;expires=0;reg-id=1;/);
  });

  it("goes without it after 439, until the settings change", () => {
    const { world, door, ways } = byTcp({}, (w) => {
      w.status = "439 No";
    });
    expect(door.registers.slice(0, 2).map(({ message }) => header(message, "Supported"))).toEqual([
      "path, outbound",
      "path",
    ]);
    expect(door.troubles[0]).toBe(
      "sip.outbound: the first server keeps no flows (439), so the door registers without it",
    );
    ways.status = "200 OK";
    world.run(60_000);
    expect(door.diary.at(-1)).toBe("register registered 200");
    expect(door.ua.layer.flows?.isGranted).toBe(false);
    door.configure({ expiresS: 3600 });
    world.run(1000);
    expect(header(door.registers.at(-1)?.message ?? "", "Supported")).toBe("path, outbound");
  });
});

describe("a flow by TCP, RFC 5626 §4.4.1", () => {
  it("gets CRLF CRLF every 96 to 120 s", () => {
    const { world, door } = byTcp();
    world.run(3_600_000);
    expect(within(gaps(door.pings), 95_000, 120_000)).toBe(true);
    expect([door.registers.length, door.troubles, door.ua.registration.keepsFlow]).toEqual([1, [], true]);
  });

  it.each([
    ["30", 24_000, 30_000],
    ["600", 480_000, 600_000],
    ["0", 4000, 5000],
    ["99999999999", 95_000, 120_000],
    ["soon", 95_000, 120_000],
  ])("follows Flow-Timer: %s", (value, least, most) => {
    const { world, door } = byTcp({}, (w) => {
      w.fields = ["Flow-Timer: " + value];
    });
    world.run(3_600_000);
    expect(within(gaps(door.pings), least, most)).toBe(true);
  });

  it("gets none where the registrar does not take part", () => {
    const { world, door } = byTcp({}, (w) => {
      w.grants = false;
    });
    world.run(3_600_000);
    expect(door.ua.registration.keepsFlow).toBe(false);
    expect(door.pings).toEqual([]);
  });

  it("is dead 10 s after a keep-alive without an answer, and registered anew at once", () => {
    const { world, door, ways } = byTcp();
    world.run(300_000);
    ways.pongs = false;
    world.runUntil(() => door.registers.length === 2, 200_000);
    expect(door.registers[1].atMs - (door.pings.at(-1) ?? 0)).toBe(10_000);
    ways.pongs = true;
    world.run(1000);
    expect([...door.open]).toEqual([2]);
    expect(door.troubles).toEqual(["sip.outbound: the server did not answer a keep-alive, so the door registers anew"]);
    expect(door.diary.slice(-3)).toEqual(["register failed", "register registering", "register registered 200"]);
  });

  it("counts anything that comes as an answer", () => {
    const { world, door, ways } = byTcp();
    ways.pongs = false;
    world.runUntil(() => door.pings.length === 1, 200_000);
    world.run(5000);
    const odd = octets("OPTIONS sip:door");
    door.ua.layer.receiveStream(1, odd, 0, odd.length);
    world.run(60_000);
    expect(door.registers).toHaveLength(1);
  });

  it("that never worked makes longer and longer waits, RFC 5626 §4.5", () => {
    const { world, door } = byTcp({}, (w) => {
      w.pongs = false;
    });
    world.run(24 * 3_600_000);
    const waits = door.registers.slice(1).map(({ atMs }, i) => atMs - door.pings[i] - 10_000);
    for (const [i, wait] of waits.entries()) {
      const most = Math.min(1800, 30 * 2 ** Math.min(i + 1, 6)) * 1000;
      expect(within([wait], most / 2 - 1, most + 1)).toBe(true);
    }
    expect(waits.length).toBeLessThan(80);
  });

  it("that the server closes is replaced within 10 s, and not at once", () => {
    const { world, door } = byTcp();
    door.hangUp();
    const closedMs = world.nowMs;
    world.run(20_000);
    expect(within([door.registers[1].atMs - closedMs], 2000, 10_000)).toBe(true);
    expect(door.ua.layer.flows?.isGranted).toBe(true);
  });

  it("is asked for in the Contact of a call, while it is there", () => {
    const { world, door, ways } = byTcp();
    const contact = (): string => {
      const call = door.call("200");
      world.run(10);
      const invite = door.sent.at(-1)?.message ?? "";
      door.ua.hangUp(call);
      world.run(40_000);
      return header(invite, "Contact");
    };
    expect(contact()).toBe(`<sip:door@${DOOR}:5060;transport=tcp;ob>`);
    ways.grants = false;
    door.configure({ expiresS: 3600 });
    world.run(1000);
    expect(contact()).toBe(`<sip:door@${DOOR}:5060;transport=tcp>`);
  });
});

/** A server by UDP behind the router, which may answer STUN at its SIP port. */
class DatagramServer implements Inhabitant {
  readonly ip = ipv4(SERVER);
  readonly ways = new Ways();
  readonly registers: number[] = [];
  readonly keepAlives: number[] = [];
  readonly asked: number[] = [];
  from = { ip: 0, port: 0 };
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    world.add(this);
  }

  next(): number {
    return Infinity;
  }

  poll(): void {}

  receive({ fromIp, fromPort, bytes }: Datagram): void {
    const send = (answer: Uint8Array): void => this.world.send(this.ip, 5060, fromIp, fromPort, answer);
    const message = text(bytes);
    if (isBindingRequest(bytes, 0, bytes.length)) {
      this.asked.push(this.world.nowMs);
      const answer = new Uint8Array(STUN_ANSWER_BYTES);
      writeBindingAnswer(answer, bytes, 0, fromIp, fromPort);
      if (this.ways.pongs) send(answer);
    } else if (message.trim() === "") this.keepAlives.push(this.world.nowMs);
    else if (message.startsWith("REGISTER")) {
      this.registers.push(this.world.nowMs);
      this.from = { ip: fromIp, port: fromPort };
      send(octets(answerTo(message, this.ways)));
    }
  }
}

function byUdp(prepare: (ways: Ways) => void = () => {}) {
  const world = new RoutedWorld();
  const server = new DatagramServer(world);
  prepare(server.ways);
  const door = new Agent(world, DOOR, {});
  door.configure(ACCOUNT);
  world.run(1000);
  return { world, server, door };
}

describe("a flow by UDP, RFC 5626 §4.4.2", () => {
  it("gets a Binding request every 23 to 29 s, whatever Flow-Timer says, so that the router keeps its port", () => {
    const { world, server, door } = byUdp((w) => {
      w.fields = ["Flow-Timer: 600"];
    });
    world.run(600_000);
    expect(within(gaps(server.asked), 23_000, 29_100)).toBe(true);
    expect([server.registers.length, server.keepAlives, door.troubles]).toEqual([1, [], []]);
  });

  it("is dead when the router has forgotten the port, and registered anew within 30 s", () => {
    const { world, server, door } = byUdp();
    world.run(100_000);
    world.restart("203.0.113.77");
    const restartedMs = world.nowMs;
    world.runUntil(() => server.registers.length === 2, 60_000);
    expect(within([server.registers[1] - restartedMs], 0, 30_000)).toBe(true);
    expect(server.from.ip).toBe(ipv4("203.0.113.77"));
    expect(door.troubles).toEqual([
      "sip.outbound: the server sees the door at another address than before, so the door registers anew",
    ]);
  });

  it("is dead when the server answered before and is silent now", () => {
    const { world, server, door } = byUdp();
    world.run(100_000);
    server.ways.pongs = false;
    world.run(60_000);
    expect(server.registers).toHaveLength(2);
    expect(door.troubles).toHaveLength(1);
    // From then on there is no STUN, and the flow is kept by CRLF.
    world.run(600_000);
    expect(server.registers).toHaveLength(2);
    expect(server.keepAlives.length).toBeGreaterThan(15);
  });

  it("is kept by CRLF where the server knows no STUN", () => {
    const { world, server, door } = byUdp((w) => {
      w.pongs = false;
    });
    world.run(600_000);
    expect(within(gaps(server.keepAlives), 23_000, 29_100)).toBe(true);
    expect([server.registers.length, door.troubles]).toEqual([1, []]);
  });

  it("is not ended by an answer that nobody asked for", () => {
    const { world, server, door } = byUdp();
    world.run(100_000);
    const request = new Uint8Array(20);
    request.set([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    const forged = new Uint8Array(STUN_ANSWER_BYTES);
    writeBindingAnswer(forged, request, 0, ipv4("6.6.6.6"), 666);
    for (let i = 0; i < 100; i++) {
      world.send(server.ip, 5060, server.from.ip, server.from.port, forged);
      world.run(997);
    }
    expect([server.registers.length, door.troubles]).toEqual([1, []]);
  });
});
