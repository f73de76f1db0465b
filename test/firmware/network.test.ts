/** The board's look-up of names and its time of day, against servers on a virtual network. */
import { describe, expect, it } from "vitest";
import type { Service, UdpSocket } from "../../hal/device.js";
import { BoardResolver } from "../../hal/moddable/resolver.js";
import { TimeOfDay } from "../../hal/moddable/timeofday.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4, ipv4Text, type Place } from "../../src/core/address.js";
import { answerTo, askedFor, type Row } from "../wire/dns-answer.js";

const DOOR = ipv4("192.0.2.1");
const SERVER = ipv4("192.0.2.53");
const OTHER = ipv4("192.0.2.54");

class World {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock, new SeededRandom(1));
  readonly door = this.network.host(DOOR);
  readonly asked: string[] = [];
  servers = [SERVER];

  /** Starts a server of `port` on `address`; the result of `answer` is sent back to the client. */
  async serve(address: number, port: number, answer: (question: Uint8Array, socket: UdpSocket) => Uint8Array | null) {
    const into = new Uint8Array(600);
    const socket: UdpSocket = await this.network.host(address).udp({
      address,
      port,
      onReadable: () => {
        for (let n = socket.read(into); n > 0; n = socket.read(into)) {
          const [back, to] = [socket.address, socket.remotePort];
          const out = answer(into.slice(0, n), socket);
          if (out !== null) socket.write(out, 0, out.length, back, to);
        }
      },
      onError: () => {},
    });
  }

  /** A name server that knows `rows`; SRV answers bring no addresses with them. */
  names(address: number, rows: Row[], code = 0) {
    return this.serve(address, 53, (question) => {
      const { name, type } = askedFor(question);
      this.asked.push(ipv4Text(address) + " " + type + " " + name);
      const kindOf = (row: Row) => (row.srv !== undefined ? 33 : row.naptr !== undefined ? 35 : 1);
      const found = rows.filter((row) => row.name === name && kindOf(row) === type);
      return answerTo(question, found, [], found.length > 0 ? 0 : code);
    });
  }

  resolver = new BoardResolver({
    clock: this.clock,
    random: new SeededRandom(2),
    udp: (options) => this.door.udp(options),
    servers: () => this.servers,
  });

  async resolve(name: string, port = -1, service: Service = "udp"): Promise<string> {
    let out = "nothing";
    this.resolver.resolve(name, port, service, (error, address, found) => {
      out = error !== "" ? error : ipv4Text(address) + ":" + found;
    });
    expect(out).toBe("nothing");
    await this.clock.runUntil(this.clock.now() + 60_000);
    return out;
  }
}

describe("A name", () => {
  it("with SRV records leads to the port and the host that they name", async () => {
    const world = new World();
    await world.names(SERVER, [
      { name: "_sip._udp.house.example", srv: [1, 1, 5070, "sip.house.example"] },
      { name: "sip.house.example", a: "192.0.2.9" },
    ]);
    expect(await world.resolve("house.example")).toBe("192.0.2.9:5070");
    expect(world.asked).toEqual([
      "192.0.2.53 35 house.example",
      "192.0.2.53 33 _sip._udp.house.example",
      "192.0.2.53 1 sip.house.example",
    ]);
    expect(await world.resolve("house.example", -1, "tcp")).toMatch(/^no such host/);
  });

  it("with several records leads to all addresses in order, and NAPTR to those of another name", async () => {
    const world = new World();
    await world.names(SERVER, [
      { name: "house.example", naptr: [1, 1, "s", "SIP+D2U", "", "_sip._udp.cluster.example"], ttlS: 900 },
      { name: "_sip._udp.cluster.example", srv: [20, 0, 5080, "spare.example"], ttlS: 700 },
      { name: "_sip._udp.cluster.example", srv: [10, 0, 5070, "main.example"], ttlS: 600 },
      { name: "_sip._udp.cluster.example", srv: [15, 0, 5070, "gone.example"], ttlS: 600 },
      { name: "main.example", a: "192.0.2.9", ttlS: 500 },
      { name: "main.example", a: "192.0.2.10", ttlS: 500 },
      { name: "spare.example", a: "192.0.2.11", ttlS: 400 },
    ]);
    let found: unknown[] = [];
    world.resolver.resolve("house.example", -1, "udp", (...all) => {
      found = all;
    });
    await world.clock.runUntil(world.clock.now() + 60_000);
    const [error, address, port, others, ttlS] = found as [string, number, number, Place[], number];
    expect([error, ipv4Text(address), port, ttlS]).toEqual(["", "192.0.2.9", 5070, 400]);
    expect(others.map((place) => [ipv4Text(place.address), place.port, place.rank])).toEqual([
      ["192.0.2.10", 5070, 0],
      ["192.0.2.11", 5080, 2],
    ]);
  });

  it("whose name server lets each question wait is found or given up within 30 s", async () => {
    const world = new World();
    const row: Row = { name: "_sip._udp.house.example", srv: [1, 1, 5070, "a.example"] };
    await world.serve(SERVER, 53, (question) => (askedFor(question).type === 33 ? answerTo(question, [row]) : null));
    let atMs = 0;
    world.resolver.resolve("house.example", -1, "udp", () => {
      atMs = world.clock.now();
    });
    await world.clock.runUntil(60_000);
    expect(atMs).toBeGreaterThan(0);
    expect(atMs).toBeLessThan(30_000);
  });

  it("without them has the address of its own, at 5060; with a port, nothing else is asked for", async () => {
    const world = new World();
    await world.names(SERVER, [{ name: "pbx.example", a: "192.0.2.9" }], 3);
    expect(await world.resolve("pbx.example")).toBe("192.0.2.9:5060");
    expect(await world.resolve("pbx.example", 5080)).toBe("192.0.2.9:5080");
    expect(world.asked.filter((line) => line.includes("_sip")).length).toBe(1);
    expect(await world.resolve("192.0.2.77", 5080)).toBe("192.0.2.77:5080");
  });

  it("that says it has no such service is not called", async () => {
    const world = new World();
    await world.names(SERVER, [{ name: "_sip._udp.house.example", srv: [0, 0, 0, ""] }]);
    expect(await world.resolve("house.example")).toBe("house.example says that it has no SIP service over UDP");
  });

  it("is asked of the next server when one is silent or refuses", async () => {
    const world = new World();
    world.servers = [SERVER, OTHER];
    await world.names(OTHER, [{ name: "pbx", a: "192.0.2.9" }]);
    expect(await world.resolve("pbx")).toBe("192.0.2.9:5060");
    await world.names(SERVER, [], 5);
    expect(await world.resolve("pbx")).toBe("192.0.2.9:5060");
  });

  it("nobody answers about, or that does not exist, or cannot, is told in one line", async () => {
    const world = new World();
    expect(await world.resolve("pbx.example")).toBe("no answer from the name service about pbx.example");
    await world.names(SERVER, [], 3);
    expect(await world.resolve("pbx.example")).toBe("no such host: pbx.example");
    expect(await world.resolve("p b x")).toBe("p b x is no name of a host");
    world.servers = [];
    expect(await world.resolve("pbx", 5060)).toBe("the network names no name server: pbx cannot be looked up");
  });

  it("is not taken from whoever answers with another id or from elsewhere", async () => {
    const world = new World();
    await world.serve(SERVER, 53, (question, socket) => {
      const forged = answerTo(question, [{ name: "pbx", a: "192.0.2.66" }]);
      forged[1] ^= 1;
      socket.write(forged, 0, forged.length, socket.address, socket.remotePort);
      return answerTo(question, [{ name: "pbx", a: "192.0.2.9" }]);
    });
    expect(await world.resolve("pbx")).toBe("192.0.2.9:5060");
  });

  it("waits for the one before it", async () => {
    const world = new World();
    await world.names(SERVER, [
      { name: "one", a: "192.0.2.11" },
      { name: "two", a: "192.0.2.12" },
    ]);
    const told: string[] = [];
    for (const name of ["one", "two", "192.0.2.13"])
      world.resolver.resolve(name, 5060, "udp", (_error, address) => told.push(ipv4Text(address)));
    await world.clock.runUntil(60_000);
    expect(told).toEqual(["192.0.2.11", "192.0.2.12", "192.0.2.13"]);
  });
});

describe("The time of day", () => {
  /** 23 November 2026, 8:00 and half a second. */
  const NOW_MS = Date.UTC(2026, 10, 23, 8, 0, 0, 500);

  function answer(question: Uint8Array, ms: number): Uint8Array {
    const out = new Uint8Array(48);
    out[0] = 0x24;
    out[1] = 2;
    out.set(question.subarray(40, 48), 24);
    const view = new DataView(out.buffer);
    view.setUint32(40, (Math.floor(ms / 1000) + 2208988800) % 4294967296);
    view.setUint32(44, ((ms % 1000) / 1000) * 4294967296);
    return out;
  }

  function keeper(world: World) {
    const told: [number, number][] = [];
    const problems: string[] = [];
    const keeper = new TimeOfDay({
      clock: world.clock,
      random: new SeededRandom(3),
      udp: (options) => world.door.udp(options),
      resolver: world.resolver,
      server: "192.0.2.123",
      onTime: (ms) => told.push([world.clock.now(), ms]),
      onProblem: (reason) => problems.push(reason),
    });
    return { keeper, told, problems };
  }

  const TIME = ipv4("192.0.2.123");

  it("is the server's, and half of the way there and back; it is asked for again after six hours", async () => {
    const world = new World();
    await world.serve(TIME, 123, (question) => answer(question, NOW_MS));
    const { keeper: it, told, problems } = keeper(world);
    it.start();
    await world.clock.runUntil(6 * 3_600_000 + 10);
    expect(told.map(([at, ms]) => [at, Math.round(ms)])).toEqual([
      [2, NOW_MS + 1],
      [6 * 3_600_000 + 4, NOW_MS + 1],
    ]);
    expect(problems).toEqual([]);
  });

  it("goes on after the first of the protocol's eras, in 2036", async () => {
    const world = new World();
    const later = Date.UTC(2040, 0, 1);
    await world.serve(TIME, 123, (question) => answer(question, later));
    const { keeper: it, told } = keeper(world);
    it.start();
    await world.clock.runUntil(100);
    expect(told.map(([, ms]) => Math.round(ms))).toEqual([later + 1]);
  });

  it("is not taken from an answer to another question, nor from a server that does not know it", async () => {
    const world = new World();
    const spoils: ((out: Uint8Array) => void)[] = [
      (out) => {
        out[24] ^= 1;
      },
      (out) => {
        out[1] = 0;
      },
      (out) => {
        out[0] = 0xe4;
      },
      (out) => {
        out[0] = 0x23;
      },
      (out) => out.fill(0, 40, 44),
    ];
    await world.serve(TIME, 123, (question, socket) => {
      for (const spoil of spoils) {
        const out = answer(question, NOW_MS);
        spoil(out);
        socket.write(out, 0, out.length, socket.address, socket.remotePort);
      }
      return null;
    });
    const { keeper: it, told, problems } = keeper(world);
    it.start();
    await world.clock.runUntil(200_000);
    expect(told).toEqual([]);
    expect(problems).toEqual(["no answer about the time of day from 192.0.2.123"]);
  });

  it("is asked for after longer and longer waits while nobody answers, told once, and then is there", async () => {
    const world = new World();
    const { keeper: it, told, problems } = keeper(world);
    it.start();
    // 4 s for each answer; waits of 15, 30, 60 s.
    await world.clock.runUntil(100_000);
    expect(problems.length).toBe(1);
    await world.serve(TIME, 123, (question) => answer(question, NOW_MS));
    await world.clock.runUntil(122_000);
    expect(told.map(([at]) => at)).toEqual([117_002]);
  });
});
