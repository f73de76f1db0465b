/**
 * Tests the whole house over UDP and TCP: no message from the server to a phone has an answer to a challenge, and no
 * request of the door has one that was not asked for.
 */
import { afterEach, describe, expect, it } from "vitest";
import { HouseServer } from "../../host-sim/house-server.js";
import { SamplesInput } from "../../host-sim/io/audio.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { Faults } from "../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import { Settings } from "../../src/settings/settings.js";

const SERVER_IP = "10.0.0.10";
const PHONES = ["10.0.0.2", "10.0.0.3"];
const FIELD = /^(Proxy-)?Authorization:/gim;

interface Sent {
  from: string;
  to: string;
  text: string;
}

/** Keeps every SIP message on the wire. */
class Tap extends Wiretap {
  readonly all: Sent[] = [];

  override seen(seen: Parameters<Wiretap["seen"]>[0]): void {
    const { from, to, isSip, bytes, start, end } = seen;
    const dotted = (ip: number) => [24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join(".");
    if (isSip)
      this.all.push({ from: dotted(from), to: dotted(to), text: Buffer.from(bytes.slice(start, end)).toString() });
    super.seen(seen);
  }
}

let closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing) close();
  closing = [];
});

async function house(transport: string) {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const tap = new Tap(clock);
  const events: string[] = [];
  const all: House = {
    clock,
    network: new VirtualNetwork(clock, random.fork()),
    faults: new Faults(random.fork(), 0),
    wiretap: tap,
    tell: (event) => events.push(`${event.who} ${event.event}=${event.value}`),
  };
  const server = new HouseServer(all, random.fork(), {
    ip: ipv4(SERVER_IP),
    port: 5060,
    domain: "house.example",
    isRedirect: false,
    users: [
      ["door", "of the door"],
      ["kitchen", "of the kitchen"],
      ["attic", "of the attic"],
    ],
  });
  await server.start();
  const party = async (name: string, ip: string, ...more: string[]): Promise<Party> => {
    const settings = new Settings();
    for (const one of [
      `sip.user=${name}`,
      `sip.password=of the ${name}`,
      "sip.domain=house.example",
      `sip.proxy=${SERVER_IP}`,
      `sip.transport=${transport}`,
      "sip.expires=60",
      `net.address=${ip}`,
      ...more,
    ])
      expect(settings.assign(one)).toBe("");
    const made = new Party(all, {
      name,
      settings,
      random: random.fork(),
      microphone: new SamplesInput(),
      speaker: { write: () => {} },
      codec: null,
      store: new MemoryStore(),
    });
    await made.station.start();
    closing.push(() => made.station.close());
    return made;
  };
  closing.push(() => server.close());
  const answers = ["sip.trust=server", "call.autoAnswer=on"];
  const [kitchen, attic] = [await party("kitchen", PHONES[0], ...answers), await party("attic", PHONES[1], ...answers)];
  const door = await party(
    "door",
    "10.0.0.1",
    ...answers,
    "button1.day=kitchen,attic",
    "door.message=code",
    "relay1.code=2580",
  );
  const run = (ms: number) => clock.runUntil(clock.now() + ms);
  await run(3000);
  return { door, kitchen, attic, run, tap, told: (line: string) => events.filter((one) => one === line).length };
}

/**
 * @returns the methods for which a message has answers to challenges; the first line's method stands for the digest's,
 * which cannot be read
 */
function carries(message: Sent): string[] {
  return [...message.text.matchAll(FIELD)].map((found) => `${message.text.split(" ")[0]} ${found[0]}`);
}

describe.each(["udp", "tcp"])("in a house that speaks %s", (transport) => {
  it("no phone is ever sent an answer to a challenge, and the registrar's goes with REGISTER alone", async () => {
    const { door, kitchen, run, tap, told } = await house(transport);
    expect(told("door register=registered")).toBeGreaterThan(0);
    // Calls over refreshes and new nonces, hold and resume, digits, given up, refused, and from a phone.
    for (let round = 0; round < 3; round++) {
      door.station.line("press");
      await run(2000);
      expect(told("door call=confirmed")).toBeGreaterThan(round);
      door.station.line("hold");
      await run(1000);
      door.station.line("resume");
      door.station.line("dtmf 1");
      await run(1000);
      door.station.line("hangup");
      await run(1000);
      door.station.line("press");
      door.station.line("hangup");
      await run(70_000);
    }
    kitchen.station.line("call door");
    await run(2000);
    expect(told("kitchen call=confirmed")).toBeGreaterThan(3);
    door.station.line("hangup");
    // Long enough for a nonce to be too old.
    await run(4_000_000);
    door.station.line("press");
    await run(3000);
    door.station.line("hangup");
    await run(40_000);

    const toPhones = tap.all.filter(({ from, to }) => from === SERVER_IP && to !== SERVER_IP);
    expect(toPhones.filter(({ text }) => text.startsWith("INVITE")).length).toBeGreaterThan(6);
    expect(toPhones.flatMap(carries)).toEqual([]);
    const straight = tap.all.filter(({ from, to }) => from !== SERVER_IP && to !== SERVER_IP);
    expect(straight.flatMap(carries)).toEqual([]);

    const fromDoor = tap.all.filter(({ from, text }) => from === "10.0.0.1" && !text.startsWith("SIP/2.0"));
    const kinds = new Set(fromDoor.flatMap(carries));
    expect(kinds).toContain("REGISTER Authorization:");
    expect(kinds).toContain("INVITE Proxy-Authorization:");
    expect([...kinds].filter((kind) => kind.endsWith(" Authorization:"))).toEqual(["REGISTER Authorization:"]);
    expect(new Set(fromDoor.map(({ text }) => text.split(" ")[0]))).toContain("BYE");
  });
});
