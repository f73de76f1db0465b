/**
 * Tests the names of the local network: what is announced and answered, who keeps a name, what is looked up. RFC 6762
 */
import { describe, expect, it } from "vitest";
import type { Device, UdpSocket } from "../../hal/device.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { isLocalName, LocalNames } from "../../src/links/localnames.js";
import type { LocalService } from "../../src/links/responder.js";
import { isName, MDNS_BYTES, MDNS_GROUP, MDNS_PORT, MdnsWalk, nameOctets } from "../../src/wire/mdns.js";
import { Home } from "./home.js";
import { type Message, message, read } from "./mdnsmessage.js";

const GROUP = ipv4Text(MDNS_GROUP);
const SIP: LocalService = { type: "_sip._udp", port: 5060, text: "" };
const API: LocalService = { type: "_portero._tcp", port: 8180, text: "" };
const ALL_OF = 255;

interface Heard extends Message {
  from: string;
  port: number;
  to: string;
  atMs: number;
}

class Link {
  readonly clock = new VirtualClock();
  readonly air = new VirtualNetwork(this.clock, new SeededRandom(1));
  /** What the listener heard by the group, and what was sent to it alone. */
  readonly heard: Heard[] = [];
  readonly told: string[] = [];
  private member!: UdpSocket;
  private single!: UdpSocket;
  private seed = 10;

  /** @param address of a listener that sends what the tests let it send */
  async listen(address = "10.0.0.9", port = MDNS_PORT): Promise<this> {
    const host = this.air.host(ipv4(address));
    const take = (socket: () => UdpSocket, to: string) => () => {
      const into = new Uint8Array(MDNS_BYTES);
      for (let size = socket().read(into); size > 0; size = socket().read(into)) {
        const from = ipv4Text(socket().address);
        if (from === address) continue;
        this.heard.push({
          ...read(into.subarray(0, size)),
          from,
          port: socket().remotePort,
          to,
          atMs: this.clock.now(),
        });
      }
    };
    const options = { address: ipv4(address), onError: () => {} };
    const onMember = take(() => this.member, GROUP);
    const onSingle = take(() => this.single, address);
    this.member = await host.udp({ ...options, port: MDNS_PORT, group: MDNS_GROUP, onReadable: onMember });
    this.single = await host.udp({ ...options, port, onReadable: onSingle });
    return this;
  }

  names(address: string, udp?: Device["udp"]): LocalNames {
    const host = this.air.host(ipv4(address));
    return new LocalNames({
      device: {
        udp: udp ?? ((options) => host.udp(options)),
        clock: this.clock,
        random: new SeededRandom(this.seed++),
        resolver: host.resolver,
      },
      ip: ipv4(address),
      onName: (name) => void this.told.push(`${address} is ${name}`),
      onTrouble: (line) => void this.told.push(line),
    });
  }

  async door(address: string, name = "door", services = [SIP]): Promise<LocalNames> {
    const names = this.names(address);
    await names.announce(name, services);
    return names;
  }

  /** Sends from the listener, by its own port, to the group. */
  send(what: Partial<Message>): void {
    const bytes = message(what);
    this.single.write(bytes, 0, bytes.length, MDNS_GROUP, MDNS_PORT);
  }

  raw(bytes: Uint8Array): void {
    this.single.write(bytes, 0, bytes.length, MDNS_GROUP, MDNS_PORT);
  }

  /** @returns what is heard in that time */
  async run(ms: number): Promise<Heard[]> {
    const before = this.heard.length;
    await this.clock.runUntil(this.clock.now() + ms);
    return this.heard.slice(before);
  }

  /** @returns the place that was found, or the line that says why there is none */
  async find(names: LocalNames, name: string, port = -1, ms = 5000): Promise<string> {
    const sought = this.seek(names, name, port);
    await this.run(ms);
    return sought.found;
  }

  seek(names: LocalNames, name: string, port = -1): { found: string } {
    const sought = { found: "no answer" };
    names.resolve(name, port, "udp", (error, address, at, others = [], ttlS = -1) => {
      const places = [{ address, port: at }, ...others].map((one) => `${ipv4Text(one.address)}:${one.port}`);
      sought.found = error !== "" ? error : `${places.join(" ")} for ${ttlS} s`;
    });
    return sought;
  }
}

/** @returns the records as "name TYPE data", with the time */
function texts(heard: Heard | undefined, section: "answers" | "authority" | "additional" = "answers"): string[] {
  return (heard?.[section] ?? []).map((one) => `${one.name} ${one.type} ${one.data}`);
}

describe("a name that is set", () => {
  it("is asked for three times, then announced twice with the services that are there", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1", "Door", [SIP, API]);
    const heard = await link.run(5000);
    expect(heard.map(({ isResponse }) => isResponse)).toEqual([false, false, false, true, true]);
    expect(heard[0].questions.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "door.local ANY",
      "door._sip._udp.local ANY",
      "door._portero._tcp.local ANY",
    ]);
    expect(texts(heard[0], "authority")).toContain("door.local A 10.0.0.1");
    expect(heard[1].atMs - heard[0].atMs).toBe(250);
    expect(heard[4].atMs - heard[3].atMs).toBe(1000);
    const announced = texts(heard[3]);
    expect(announced).toEqual(texts(heard[4]));
    expect(announced).toContain("door.local A 10.0.0.1");
    expect(announced).toContain("_services._dns-sd._udp.local PTR _sip._udp.local");
    expect(announced).toContain("_sip._udp.local PTR door._sip._udp.local");
    expect(announced).toContain("door._sip._udp.local SRV 0 0 5060 door.local");
    expect(announced).toContain("door._sip._udp.local TXT 00");
    expect(announced).toContain("door._portero._tcp.local SRV 0 0 8180 door.local");
    // Others may have the same services, and nobody else has these names. RFC 6762 §10.2
    for (const { type, isUnique } of heard[3].answers) expect(isUnique).toBe(type !== "PTR");
    expect(heard[3].answers.find(({ type }) => type === "A")?.ttlS).toBe(120);
    expect(heard[3].answers.find(({ type }) => type === "PTR")?.ttlS).toBe(4500);
    expect(link.told).toEqual(["10.0.0.1 is door"]);
  });

  it("fits into one frame with the longest name and two services", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1", "d".repeat(40), [SIP, API]);
    const announced = (await link.run(5000)).filter(({ isResponse }) => isResponse);
    expect(announced[0].answers).toHaveLength(12);
  });

  it("is taken back when the door ends", async () => {
    const link = await new Link().listen();
    const door = await link.door("10.0.0.1");
    await link.run(5000);
    door.close();
    const heard = await link.run(100);
    expect(heard).toHaveLength(1);
    expect(heard[0].answers.map(({ ttlS }) => ttlS)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });
});

describe("names that collide", () => {
  it.each([0, 7, 100, 600, 1500, 5000])("settle when the second door starts %i ms later", async (laterMs) => {
    const link = new Link();
    await link.door("10.0.0.1");
    await link.run(laterMs);
    await link.door("10.0.0.2");
    await link.run(20_000);
    expect(link.told.map((line) => line.slice(-8)).sort()).toEqual([" is door", "s door-2"]);
    const asker = link.names("10.0.0.8");
    const [one, two] = [await link.find(asker, "door.local"), await link.find(asker, "door-2.local")];
    expect([one, two].map((place) => place.split(":")[0]).sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  it("settle for eight doors that get power at once", async () => {
    const link = new Link();
    for (let i = 1; i <= 8; i++) await link.door(`10.0.0.${i}`);
    await link.run(120_000);
    const last = new Map(link.told.map((line) => line.split(" is ") as [string, string]));
    expect([...last.values()].sort()).toEqual(["door", ...[2, 3, 4, 5, 6, 7, 8].map((i) => `door-${i}`)]);
  });

  it("are kept when the other device only probes, and defended at once", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    await link.run(5000);
    const authority = [{ name: "door.local", type: "A", data: "10.0.0.9", ttlS: 120, isUnique: false }];
    link.send({ questions: [{ name: "door.local", type: "ANY", isUnique: false }], authority });
    const heard = await link.run(50);
    expect(texts(heard[0])).toContain("door.local A 10.0.0.1");
    await link.run(10_000);
    expect(link.told).toEqual(["10.0.0.1 is door"]);
  });

  it("do not let one device take all of them: it waits, and one line says so", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    let probes = 0;
    for (let i = 0; i < 600; i++)
      for (const heard of await link.run(50)) {
        if (heard.isResponse) continue;
        probes += 1;
        const { name } = heard.questions[0];
        link.send({ isResponse: true, answers: [{ name, type: "A", data: "10.0.0.9", ttlS: 120, isUnique: true }] });
      }
    expect(link.told).toEqual(["net.name: other devices object to door.local and to each number behind it"]);
    // 15 within the first seconds, then one in 5 s.
    expect(probes).toBeLessThan(30);
  });

  it("are told at each change of the name only, however often another device objects", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    for (let i = 0; i < 40; i++) {
      await link.run(8000);
      const answers = [{ name: "door.local", type: "A", data: "10.0.0.9", ttlS: 120, isUnique: true }];
      link.send({ isResponse: true, answers });
    }
    await link.run(8000);
    expect(link.told[0]).toBe("10.0.0.1 is door");
    expect(link.told.filter((line) => line.includes("object")).length).toBeLessThanOrEqual(1);
    expect(link.told.length).toBeLessThanOrEqual(2);
    expect(await link.find(link.names("10.0.0.8"), "door.local")).toMatch(/^10\.0\.0\.1:/);
  });

  it("are no matter of two doors on one machine but for their ports", async () => {
    const link = new Link();
    await link.door("10.0.0.1", "door", [SIP]);
    await link.run(5000);
    await link.door("10.0.0.1", "door", [{ ...SIP, port: 5070 }]);
    await link.run(9000);
    expect(link.told).toEqual(["10.0.0.1 is door", "10.0.0.1 is door-2"]);
  });
});

describe("an answer", () => {
  async function settled(port?: number): Promise<Link> {
    const link = await new Link().listen("10.0.0.9", port);
    await link.door("10.0.0.1");
    await link.run(60_000);
    return link;
  }
  const ask = (name: string, type: string, isUnique = false) => ({ questions: [{ name, type, isUnique }] });

  it("names the address at once, and what the door does not have", async () => {
    const link = await settled();
    link.send(ask("DOOR.local", "A"));
    const [heard] = await link.run(5);
    expect(heard.to).toBe(GROUP);
    expect(texts(heard)).toEqual(["door.local A 10.0.0.1"]);
    await link.run(2000);
    link.send(ask("door.local", "AAAA"));
    expect(texts((await link.run(5))[0])).toEqual(["door.local NSEC door.local 000140"]);
    link.send(ask("other.local", "A"));
    link.send(ask("door", "A"));
    link.send(ask("xdoor.local", "A"));
    expect(await link.run(2000)).toEqual([]);
  });

  it("to a question for services comes after a random time, with all that is needed to call", async () => {
    const link = await settled();
    const sentMs = link.clock.now();
    link.send(ask("_sip._udp.local", "PTR"));
    const [heard] = await link.run(500);
    expect(texts(heard)).toEqual(["_sip._udp.local PTR door._sip._udp.local"]);
    expect(texts(heard, "additional")).toEqual([
      "door.local A 10.0.0.1",
      "door.local NSEC door.local 000140",
      "door._sip._udp.local TXT 00",
      "door._sip._udp.local SRV 0 0 5060 door.local",
    ]);
    expect(heard.atMs - sentMs).toBeGreaterThanOrEqual(20);
    expect(heard.atMs - sentMs).toBeLessThanOrEqual(125);
  });

  it("is left out if the asker knows it for half of its time, also by a second message", async () => {
    const link = await settled();
    const known = (ttlS: number) => ({
      answers: [{ name: "_sip._udp.local", type: "PTR", data: "door._sip._udp.local", ttlS, isUnique: false }],
    });
    link.send({ ...ask("_sip._udp.local", "PTR"), ...known(2250) });
    expect(await link.run(2000)).toEqual([]);
    link.send({ ...ask("_sip._udp.local", "PTR"), ...known(2249) });
    expect(await link.run(2000)).toHaveLength(1);
    link.send({ ...ask("_sip._udp.local", "PTR"), isTruncated: true });
    await link.run(100);
    link.send(known(4500));
    expect(await link.run(2000)).toEqual([]);
    link.send({ ...ask("_sip._udp.local", "PTR"), isTruncated: true });
    expect(await link.run(350)).toEqual([]);
    expect(await link.run(200)).toHaveLength(1);
  });

  it("goes to all once a second, however often it is asked for", async () => {
    const link = await settled();
    for (let i = 0; i < 500; i++) {
      link.send(ask("door.local", "A"));
      await link.run(10);
    }
    // 5 s, and what waits at the end.
    const count = link.heard.filter(({ isResponse, atMs }) => isResponse && atMs > 60_000).length;
    expect(count).toBeGreaterThanOrEqual(5);
    expect(count).toBeLessThanOrEqual(6);
  });

  it("goes to the asker alone if it wants that and all others know it", async () => {
    const link = await settled();
    link.send(ask("door.local", "A", true));
    expect((await link.run(5))[0].to).toBe(GROUP);
    await link.run(5000);
    link.send(ask("door.local", "A", true));
    const [heard] = await link.run(5);
    expect([heard.to, heard.port, ...texts(heard)]).toEqual(["10.0.0.9", MDNS_PORT, "door.local A 10.0.0.1"]);
  });

  it("to a program that knows no multicast DNS repeats its question, and is short-lived", async () => {
    const link = await settled(40000);
    link.send({ id: 4711, ...ask("door.local", "A") });
    const [heard] = await link.run(5);
    expect(heard.to).toBe("10.0.0.9");
    expect(heard.id).toBe(4711);
    expect(heard.questions).toEqual([{ name: "door.local", type: "A", isUnique: false }]);
    expect(heard.answers).toEqual([{ name: "door.local", type: "A", data: "10.0.0.1", ttlS: 10, isUnique: false }]);
  });

  it("goes to single devices ten times a second at most", async () => {
    const link = await settled(40000);
    for (let i = 0; i < 300; i++) {
      link.send(ask("door.local", "A"));
      await link.run(10);
    }
    expect(link.heard.filter(({ to }) => to === "10.0.0.9")).toHaveLength(30);
  });

  it("does not go to a sender that is not of this network", async () => {
    const link = await settled();
    const answered: string[] = [];
    for (const address of ["10.0.0.7", "198.51.100.7", "127.0.0.1", "0.0.0.0", "239.1.1.1"]) {
      const host = link.air.host(ipv4(address));
      const onReadable = () => void answered.push(address);
      const socket = await host.udp({ address: ipv4(address), port: 40001, onReadable, onError: () => {} });
      const bytes = message({ ...ask("door.local", "A") });
      socket.write(bytes, 0, bytes.length, MDNS_GROUP, MDNS_PORT);
    }
    await link.run(1000);
    expect(answered).toEqual(["10.0.0.7"]);
  });

  it("comes again when another device takes the door's record back", async () => {
    const link = await settled();
    link.send({
      isResponse: true,
      answers: [{ name: "door.local", type: "A", data: "10.0.0.1", ttlS: 0, isUnique: true }],
    });
    expect(texts((await link.run(100))[0])).toEqual(["door.local A 10.0.0.1"]);
    expect(link.told).toEqual(["10.0.0.1 is door"]);
  });
});

describe("a look-up", () => {
  it("knows which names are local", () => {
    for (const name of ["door.local", "Door.LOCAL", "door.local.", "a.b.local"]) expect(isLocalName(name)).toBe(true);
    for (const name of ["local", ".local", "door.locals", "door.local.example", "10.0.0.1", ""])
      expect(isLocalName(name)).toBe(false);
  });

  it("finds a door, by its port if one is given, and asks the network once", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    await link.run(5000);
    const asker = link.names("10.0.0.2");
    expect(await link.find(asker, "door.local", -1, 100)).toBe("10.0.0.1:5060 for 120 s");
    expect(await link.find(asker, "DOOR.local.", 5070, 30_000)).toBe("10.0.0.1:5070 for 120 s");
    const questions = link.heard.filter(({ isResponse, from }) => !isResponse && from === "10.0.0.2");
    expect(questions).toHaveLength(1);
    expect(questions[0].questions[0].isUnique).toBe(false);
    // After its time it is asked for again.
    await link.run(100_000);
    expect(await link.find(asker, "door.local", -1, 100)).toBe("10.0.0.1:5060 for 120 s");
    expect(link.heard.filter(({ isResponse, from }) => !isResponse && from === "10.0.0.2")).toHaveLength(2);
  });

  it("asks twice, then the name server, and says what nobody knows", async () => {
    const link = await new Link().listen();
    link.air.name("pbx.local", ipv4("10.0.0.7"), 5080);
    const asker = link.names("10.0.0.2");
    expect(await link.find(asker, "pbx.local")).toBe("10.0.0.7:5080 for -1 s");
    expect(await link.find(asker, "nobody.local")).toBe("no device of this network answers to nobody.local");
    expect(link.heard.map(({ questions }) => questions[0].name)).toEqual([
      "pbx.local",
      "pbx.local",
      "nobody.local",
      "nobody.local",
    ]);
  });

  it("takes another address that the device announces, and forgets one that left", async () => {
    const link = await new Link().listen();
    const asker = link.names("10.0.0.2");
    const tell = (data: string, ttlS = 120, isUnique = true) =>
      link.send({ isResponse: true, answers: [{ name: "phone.local", type: "A", data, ttlS, isUnique }] });
    const sought = link.seek(asker, "phone.local");
    await link.run(100);
    tell("10.0.0.5");
    await link.run(10);
    expect(sought.found).toBe("10.0.0.5:5060 for 120 s");
    tell("10.0.0.6");
    await link.run(10);
    expect(await link.find(asker, "phone.local", -1, 10)).toBe("10.0.0.6:5060 for 120 s");
    tell("10.0.0.6", 0);
    await link.run(1500);
    expect(await link.find(asker, "phone.local")).toBe("no device of this network answers to phone.local");
  });

  it("does not believe addresses that no device here has, other ports, other names, nor questions", async () => {
    const link = await new Link().listen();
    const asker = link.names("10.0.0.2");
    const answer = (data: string, name = "phone.local") => ({
      isResponse: true,
      answers: [{ name, type: "A", data, ttlS: 120, isUnique: true }],
    });
    const sought = link.seek(asker, "phone.local");
    await link.run(100);
    for (const data of ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"]) link.send(answer(data));
    link.send(answer("10.0.0.66", "phone.local.example"));
    link.send(answer("10.0.0.66", "fone.local"));
    link.send({ ...answer("10.0.0.66"), isResponse: false });
    const stranger = await link.air.host(ipv4("10.0.0.66")).udp({
      address: ipv4("10.0.0.66"),
      port: 5454,
      onReadable: () => {},
      onError: () => {},
    });
    const bytes = message(answer("10.0.0.66"));
    stranger.write(bytes, 0, bytes.length, MDNS_GROUP, MDNS_PORT);
    // To the door alone, as from another network.
    stranger.write(bytes, 0, bytes.length, ipv4("10.0.0.2"), MDNS_PORT);
    await link.run(5000);
    expect(sought.found).toBe("no device of this network answers to phone.local");
  });

  it("goes to the name server if the group cannot be joined, which one line says once", async () => {
    const link = new Link();
    link.air.name("pbx.local", ipv4("10.0.0.7"), 5080);
    const names = link.names("10.0.0.2", () => Promise.reject(new Error("no multicast here")));
    await names.announce("door", [SIP]);
    expect(await link.find(names, "pbx.local")).toBe("10.0.0.7:5080 for -1 s");
    expect(link.told).toEqual(["names of the local network (mDNS): no multicast here"]);
    names.close();
  });

  it("keeps four of 60 addresses, which are more than it reads", async () => {
    const link = await new Link().listen();
    const asker = link.names("10.0.0.2");
    const sought = link.seek(asker, "many.local");
    await link.run(100);
    const answers = Array.from({ length: 60 }, (_, i) => ({
      name: "many.local",
      type: "A",
      data: `10.0.1.${i}`,
      ttlS: 120,
      isUnique: true,
    }));
    link.send({ isResponse: true, answers });
    await link.run(10);
    expect(sought.found).toBe("10.0.1.0:5060 10.0.1.1:5060 10.0.1.2:5060 10.0.1.3:5060 for 120 s");
  });

  it("has room for eight names at a time; others are asked for at the name server", async () => {
    const link = await new Link().listen();
    const asker = link.names("10.0.0.2");
    const found: string[] = [];
    for (let i = 0; i < 30; i++) asker.resolve(`n${i}.local`, -1, "udp", (error) => void found.push(error));
    for (let i = 0; i < 30; i++) asker.resolve("n0.local", -1, "udp", (error) => void found.push(error));
    await link.run(10_000);
    expect(found).toHaveLength(60);
    expect(new Set(link.heard.map(({ questions }) => questions[0].name)).size).toBe(8);
  });
});

describe("messages that are broken", () => {
  it("change nothing, whatever their octets are", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    const asker = link.names("10.0.0.2");
    await link.find(asker, "door.local");
    const random = new SeededRandom(7);
    const answers = [
      { name: "door.local", type: "A", data: "10.0.0.1", ttlS: 120, isUnique: true },
      { name: "door._sip._udp.local", type: "SRV", data: "0 0 5060 door.local", ttlS: 120, isUnique: true },
      { name: "_sip._udp.local", type: "PTR", data: "door._sip._udp.local", ttlS: 4500, isUnique: false },
    ];
    const good = [
      message({ isResponse: true, answers }),
      message({ questions: [{ name: "door.local", type: "ANY", isUnique: false }], authority: answers }),
    ];
    for (let i = 0; i < 1500; i++) {
      const bytes = good[i % 2].slice(0, i % 3 === 0 ? random.uint32() % good[i % 2].length : undefined);
      for (let k = random.uint32() % 4; k > 0; k--) bytes[random.uint32() % bytes.length] = random.uint32() & ALL_OF;
      link.raw(bytes);
      if (i % 50 === 0) await link.run(20);
    }
    await link.run(60_000);
    // Some of these octets say that another device has the name, so it may have changed; it is told and looked up.
    const name = link.told[link.told.length - 1].split(" is ")[1];
    expect(await link.find(asker, `${name}.local`)).toMatch(/^10\.0\.0\.1:5060/);
  });

  it("end, though their pointers lead in circles", async () => {
    const link = await new Link().listen();
    await link.door("10.0.0.1");
    await link.run(5000);
    const head = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for (const name of [[0xc0, 12], [0xc0, 14, 0xc0, 12], [1, 0x61, 0xc0, 12], [0xff, 0xff], [63], [0xc0]])
      link.raw(Uint8Array.from([...head, ...name, 0, 255, 0, 1]));
    expect(await link.run(2000)).toEqual([]);
  });
});

describe("a name that is a chain of pointers", () => {
  /** @returns a response whose last record has the name of the first one, over so many pointers */
  const chained = (pointers: number): Uint8Array => {
    const first = { name: "door.local", type: "A", isUnique: true, ttlS: 120, data: "10.0.0.66" };
    const bytes = [...message({ isResponse: true, answers: [first] })];
    // The chain lies in a record that means nothing.
    bytes.push(0, 0, 99, 0, 1, 0, 0, 0, 0, (2 * pointers) >> 8, (2 * pointers) & 255);
    let at = 12;
    for (let i = 0; i < pointers; i++) {
      bytes.push(0xc0 | (at >> 8), at & 255);
      at = bytes.length - 2;
    }
    bytes.push(...bytes.slice(at, at + 2), 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 66);
    bytes[7] += 2;
    return Uint8Array.from(bytes);
  };

  it.each([
    [1, true],
    [8, true],
    [9, false],
    [300, false],
  ])("of %i is read: %s", (pointers, isRead) => {
    const walk = new MdnsWalk();
    const bytes = chained(pointers);
    expect(walk.begin(bytes, bytes.length)).toBe(true);
    let last = -1;
    while (walk.next()) last = walk.nameAt;
    expect([walk.kind, walk.dataSize]).toEqual([1, 4]);
    expect(isName(bytes, last, bytes.length, nameOctets("door.local"))).toBe(isRead);
  });
});

describe("a door", () => {
  it("says under which name it is found, and is called by it", async () => {
    const home = new Home(["net.name=front", "call.allow=any"]);
    await home.start();
    await home.run(3000);
    const told = home.events.find(({ name, value }) => name === "config" && value === "name");
    expect(told?.fields).toEqual({ address: "front.local", means: "the door's name in its network" });
    expect(home.door.line("status")).toContain("front.local");
    home.phone.line("call sip:front.local");
    await home.run(3000);
    const ringing = home.events.filter(({ name, fields }) => name === "call" && fields.direction === "in");
    expect(ringing.map(({ value }) => value)).toContain("ringing");
    expect(home.phone.names?.constructor.name).toBe("LocalNames");
  });

  it("makes nothing of this while no name is set and none is looked up", async () => {
    const home = new Home([]);
    await home.start();
    home.door.line("press");
    await home.run(3000);
    expect(home.door.names).toBeUndefined();
    expect(Object.keys(home.door)).not.toContain("names");
  });
});
