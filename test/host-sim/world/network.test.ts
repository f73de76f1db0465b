import { describe, expect, it } from "vitest";
import type { TcpConnection, TcpStack, UdpSocket } from "../../../hal/device.js";
import { SeededRandom } from "../../../host-sim/io/random.js";
import { VirtualClock } from "../../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../../host-sim/world/network.js";
import { ipv4, ipv4Text } from "../../../src/core/address.js";
import { octets, text } from "../../../src/core/bytes.js";

const DOOR = ipv4("192.0.2.1");
const PHONE = ipv4("192.0.2.2");

class World {
  readonly clock = new VirtualClock();
  readonly network: VirtualNetwork;
  /** The messages that arrived: "ms who text". */
  readonly log: string[] = [];

  constructor(seed = 1) {
    this.network = new VirtualNetwork(this.clock, new SeededRandom(seed));
  }

  async udp(host: number, port: number): Promise<UdpSocket> {
    const into = new Uint8Array(2000);
    const socket: UdpSocket = await this.network.host(host).udp({
      address: 0,
      port,
      setting: "sip.port",
      onReadable: () => {
        for (let n = socket.read(into); n > 0; n = socket.read(into)) {
          this.log.push([this.clock.now(), socket.remotePort, text(into, 0, n)].join(" "));
        }
      },
      onError: () => {},
    });
    return socket;
  }

  tcp(host: number, port: number, name: string): Promise<TcpStack> {
    const note = (what: string) => this.log.push([this.clock.now(), name, what].join(" "));
    return this.network.host(host).tcp({
      address: 0,
      port,
      onOpen: (connection, incoming) => {
        note(incoming ? "accepted" : "opened");
        if (incoming) this.accepted.push(connection);
      },
      onData: (_connection, bytes, start, end) => note(text(bytes, start, end)),
      onClose: () => note("closed"),
      onError: () => {},
    });
  }

  readonly accepted: TcpConnection[] = [];
}

function send(socket: UdpSocket, what: string, port = 5060): boolean {
  const bytes = octets(what);
  const sent = socket.write(bytes, 0, bytes.length, PHONE, port);
  bytes.fill(0);
  return sent;
}

function write(connection: TcpConnection, what: string): boolean {
  const bytes = octets(what);
  return connection.write(bytes, 0, bytes.length);
}

/** @returns the messages that arrive of 1,000 datagrams, sent one every 20 ms */
async function thousand(seed: number, ...faults: [string, string][]): Promise<World> {
  const world = new World(seed);
  const door = await world.udp(DOOR, 5060);
  await world.udp(PHONE, 5060);
  for (const [name, value] of faults) expect(world.network.fault(name, value)).toBe("");
  for (let i = 0; i < 1000; i++) world.clock.createTimer(() => send(door, "n" + i)).at(i * 20);
  await world.clock.runUntil(30000);
  return world;
}

describe("virtual UDP", () => {
  it("carries datagrams in order, after the delay, from the sender's port", async () => {
    const world = new World();
    const door = await world.udp(DOOR, 5070);
    await world.udp(PHONE, 5060);
    expect(world.network.fault("delay", "30ms")).toBe("");
    send(door, "one");
    send(door, "two");
    send(door, "nobody", 9);
    await world.clock.runUntil(100);
    expect(world.log).toEqual(["30 5070 one", "30 5070 two"]);
  });

  it("has each port once a host, and says so as a real one does", async () => {
    const world = new World();
    const first = await world.udp(DOOR, 5060);
    await world.udp(PHONE, 5060);
    await expect(world.udp(DOOR, 5060)).rejects.toThrow(
      new Error("port 5060 (udp) on 192.0.2.1 is in use: set another sip.port"),
    );
    first.close();
    await world.udp(DOOR, 5060);
    const free = [await world.udp(DOOR, 0), await world.udp(DOOR, 0)];
    expect(free[0].port).not.toBe(free[1].port);
    expect(send(first, "x")).toBe(false);
  });

  it("loses, doubles and delays by chance as told", async () => {
    const lossy = (await thousand(1, ["loss", "10%"])).log.length;
    expect(lossy).toBeGreaterThan(860);
    expect(lossy).toBeLessThan(940);
    const doubled = (await thousand(1, ["duplicate", "10"])).log.length;
    expect(doubled).toBeGreaterThan(1060);
    expect(doubled).toBeLessThan(1140);
    const times = (await thousand(1, ["jitter", "15"])).log.map((line) => Number(line.split(" ")[0]) % 20);
    expect(Math.min(...times)).toBeLessThan(2);
    expect(Math.max(...times)).toBeGreaterThan(14);
    expect(Math.max(...times)).toBeLessThanOrEqual(16);
  });

  it("reorders: all arrives, but not in its order", async () => {
    const numbers = (await thousand(1, ["reorder", "5"])).log.map((line) => Number(line.split(" n")[1]));
    expect(numbers.length).toBe(1000);
    const sorted = [...numbers].sort((a, b) => a - b);
    expect(numbers).not.toEqual(sorted);
    expect(sorted).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("corrupts one bit of a copy", async () => {
    const world = await thousand(1, ["corrupt", "100"]);
    expect(world.log.length).toBe(1000);
    const intact = world.log.filter((line, i) => line.endsWith(" n" + i));
    expect(intact).toEqual([]);
  });

  it("does the same again for the same seed", async () => {
    const faults: [string, string][] = [
      ["loss", "5"],
      ["jitter", "30"],
      ["corrupt", "5"],
      ["duplicate", "5"],
    ];
    const first = (await thousand(7, ...faults)).log;
    expect((await thousand(7, ...faults)).log).toEqual(first);
    expect((await thousand(8, ...faults)).log).not.toEqual(first);
  });

  it("can be parted, as a whole or one host, and joined again", async () => {
    const world = new World();
    const door = await world.udp(DOOR, 5060);
    await world.udp(PHONE, 5060);
    for (const [fault, value] of [
      ["partition", "on"],
      ["partition", "off"],
      ["partition", "192.0.2.2"],
      ["clear", "all"],
    ]) {
      expect(world.network.fault(fault, value)).toBe("");
      send(door, fault + value);
      await world.clock.runUntil(world.clock.now() + 10);
    }
    expect(world.log.map((line) => line.split(" ")[2])).toEqual(["partitionoff", "clearall"]);
  });

  it.each([
    ["loss", "101", 'fault loss "101": must be a percentage from 0 to 100'],
    ["loss", "-1", 'fault loss "-1": must be a percentage from 0 to 100'],
    ["delay", "5s", 'fault delay "5s": must be a time from 0 to 60000 ms'],
    ["partition", "yes", 'fault partition "yes": must be on, off or the address of a host'],
    ["tcp", "slow", 'fault tcp "slow": must be open, refuse, drop, reset'],
    ["clear", "loss", 'fault clear "loss": must be all'],
    [
      "fire",
      "1",
      "there is no fault fire: loss, duplicate, reorder, corrupt, delay, jitter, bandwidth, partition, tcp, server, clear",
    ],
  ])("says what a fault may be: %s %s", (name, value, line) => {
    expect(new World().network.fault(name, value)).toBe(line);
  });
});

describe("virtual TCP", () => {
  async function pair(): Promise<{ world: World; door: TcpStack; phone: TcpStack }> {
    const world = new World();
    world.network.fault("delay", "10");
    return { world, door: await world.tcp(DOOR, 5060, "door"), phone: await world.tcp(PHONE, 5060, "phone") };
  }

  it("carries both ways what is written, from before it is open", async () => {
    const { world, door } = await pair();
    const connection = door.connect(PHONE, 5060)!;
    write(connection, "INVITE");
    expect(door.findTo(PHONE, 5060)).toBe(connection);
    await world.clock.runUntil(35);
    write(world.accepted[0], "180");
    write(world.accepted[0], "200");
    await world.clock.runUntil(100);
    expect(world.log).toEqual(["10 phone accepted", "20 door opened", "30 phone INVITE", "45 door 180", "45 door 200"]);
  });

  it("says what is queued before it closes, and tells the other side only", async () => {
    const { world, door } = await pair();
    const connection = door.connect(PHONE, 5060)!;
    write(connection, "BYE");
    connection.close();
    expect(write(connection, "x")).toBe(false);
    await world.clock.runUntil(100);
    expect(world.log).toEqual(["10 phone accepted", "30 phone BYE", "30 phone closed"]);
    expect(door.find(connection.id)).toBe(null);
  });

  it("keeps order and octets under loss and jitter", async () => {
    const { world, door } = await pair();
    for (const name of ["loss", "jitter", "corrupt", "duplicate", "reorder"]) world.network.fault(name, "30");
    const connection = door.connect(PHONE, 5060)!;
    for (let i = 0; i < 200; i++) world.clock.after(i * 10, () => write(connection, "n" + i));
    await world.clock.runUntil(120000);
    expect(world.log.filter((line) => line.includes(" phone n")).map((line) => line.split(" ")[2])).toEqual(
      Array.from({ length: 200 }, (_, i) => "n" + i),
    );
  });

  it("is closed when nobody listens, or nobody can be reached", async () => {
    const { world, door } = await pair();
    door.connect(PHONE, 9);
    await world.clock.runUntil(100);
    expect(world.log).toEqual(["20 door closed"]);
    world.network.fault("partition", "on");
    door.connect(PHONE, 5060);
    await world.clock.runUntil(60000);
    expect(world.log.length).toBe(2);
    expect(door.findTo(PHONE, 5060)).toBe(null);
  });

  it("outlives a short partition and not a long one", async () => {
    const { world, door } = await pair();
    const connection = door.connect(PHONE, 5060)!;
    await world.clock.runUntil(100);
    world.network.fault("partition", "on");
    write(connection, "late");
    await world.clock.runUntil(20000);
    world.network.fault("partition", "off");
    await world.clock.runUntil(30000);
    expect(world.log.at(-1)).toMatch(/ phone late$/);
    world.network.fault("partition", "on");
    write(connection, "never");
    await world.clock.runUntil(200000);
    expect(world.log.slice(-2).map((line) => line.split(" ").slice(1).join(" "))).toEqual([
      "door closed",
      "phone closed",
    ]);
  });

  it.each([
    ["open", ["10 phone accepted", "20 door opened", "30 phone INVITE"]],
    ["refuse", ["20 door closed"]],
    ["drop", []],
    ["reset", ["10 phone accepted", "20 door opened", "30 door closed", "30 phone closed"]],
  ])("%s, when that is what becomes of connections", async (fault, log) => {
    const { world, door } = await pair();
    expect(world.network.fault("tcp", fault)).toBe("");
    write(door.connect(PHONE, 5060)!, "INVITE");
    await world.clock.runUntil(10_000);
    expect(world.log).toEqual(log);
    world.network.fault("clear", "all");
    write(door.connect(PHONE, 5060)!, "BYE");
    await world.clock.runUntil(11_100);
    expect(world.log.some((line) => line.endsWith(" phone BYE"))).toBe(true);
  });

  it("says whether a connection is open, and says nothing any more when it is dropped", async () => {
    const { world, door } = await pair();
    const first = door.connect(PHONE, 5060)!;
    write(first, "INVITE");
    expect(first.isOpen).toBe(false);
    first.drop();
    await world.clock.runUntil(100);
    expect(world.log).toEqual([]);
    const second = door.connect(PHONE, 5060)!;
    await world.clock.runUntil(120);
    expect(second.isOpen).toBe(true);
    write(second, "BYE");
    second.drop();
    expect(second.isOpen).toBe(false);
    await world.clock.runUntil(200);
    expect(world.log).toEqual(["110 phone accepted", "120 door opened", "130 phone closed"]);
  });

  it("has a bounded number of connections and a bounded queue", async () => {
    const { world, door } = await pair();
    const connection = door.connect(PHONE, 5060)!;
    expect(connection.write(new Uint8Array(65536), 0, 65536)).toBe(true);
    expect(connection.write(new Uint8Array(1), 0, 1)).toBe(false);
    for (let i = 1; i < 16; i++) expect(door.connect(PHONE, 5060)).not.toBe(null);
    expect(door.connect(PHONE, 5060)).toBe(null);
    door.close();
    await world.clock.runUntil(100);
    expect(world.log.filter((line) => line.endsWith("door closed"))).toEqual([]);
  });
});

it("virtual names are found by all hosts, and an unknown one is told as such", async () => {
  const world = new World();
  world.network.name("PBX.example", PHONE, 5080);
  const found: string[] = [];
  const { resolver } = world.network.host(DOOR);
  for (const [name, port] of [
    ["pbx.example", -1],
    ["pbx.example", 5066],
    ["192.0.2.9", -1],
    ["none.example", -1],
  ] as const) {
    resolver.resolve(name, port, "udp", (error, ip, to) => found.push(error || ipv4Text(ip) + ":" + to));
  }
  expect(found).toEqual([]);
  await world.clock.runUntil(10);
  expect(found).toEqual(["192.0.2.2:5080", "192.0.2.2:5066", "192.0.2.9:5060", "no such host: none.example"]);
});
