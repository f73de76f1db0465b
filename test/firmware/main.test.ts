/**
 * Tests the firmware itself, src/main.ts on hal/moddable/machine.ts, on a virtual board with the reference's pins,
 * calling a phone.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import type { SimEvent } from "../../host-sim/world/events.js";
import { Faults } from "../../host-sim/world/faults.js";
import { ipv4 } from "../../src/core/address.js";
import main from "../../src/main.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { Settings } from "../../src/settings/settings.js";
import { MDNS_BYTES, MDNS_GROUP, MDNS_PORT } from "../../src/wire/mdns.js";
import { read } from "../links/mdnsmessage.js";
import { board, newBoard, Serial } from "./virtual.js";

vi.mock("embedded:io/digital", async () => ({ default: (await import("./virtual.js")).Digital }));
vi.mock("embedded:io/serial", async () => ({ default: (await import("./virtual.js")).Serial }));
vi.mock("embedded:io/smbus", async () => ({ default: (await import("./virtual.js")).SMBus }));
vi.mock("embedded:io/socket/listener", async () => ({ default: (await import("./virtual.js")).Listener }));
vi.mock("embedded:io/socket/tcp", async () => ({ default: (await import("./virtual.js")).TCP }));
vi.mock("embedded:network/interface/wifi", async () => ({ default: (await import("./virtual.js")).WiFi }));
vi.mock("embedded:storage/key-value", async () => ({ default: (await import("./virtual.js")).KeyValue }));
// Node has another module of that name, which the simulator uses.
vi.mock("net", async (original) => ({ ...(await original<object>()), default: { get: () => ["192.0.2.53"] } }));
vi.mock("time", async () => ({ default: (await import("./virtual.js")).Time }));
vi.mock("timer", async () => ({ default: (await import("./virtual.js")).Timer }));
vi.mock("../../hal/native/datagram.js", async () => ({ openUdp: (await import("./virtual.js")).openUdp }));
vi.mock("../../hal/native/i2s.js", async () => ({ openI2S: (await import("./virtual.js")).openI2S }));
vi.mock("../../hal/boards/board.js", async () => await import("../../hal/boards/m5atom_echo_s3r/board.js"));

// What modules make at their start lies in a board's flash, and XS writes nothing there, not even no element.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of ["fill", "copyWithin", "set", "sort", "reverse"]) {
  const write = typedArray[name];
  typedArray[name] = function (this: Uint8Array, ...args: unknown[]) {
    if (this.length === 0) throw new TypeError("read-only buffer");
    return write.apply(this, args);
  };
}

// Pins of the reference board.
const BUTTON = 41;
const RELAY = 5;
const LED = 6;
const AMPLIFIER = 18;

const PHONE = "192.0.2.2";
const SETTINGS = ["set call.target sip:phone@" + PHONE, "set relay1.code 1234", "save"];

/** A phone that answers, and its events. */
async function phone(): Promise<{ party: Party; events: string[] }> {
  const events: string[] = [];
  const house: House = {
    clock: board.clock,
    network: board.network,
    faults: new Faults(new SeededRandom(4), 0),
    wiretap: new Wiretap(board.clock),
    tell: (event: SimEvent) => events.push(event.event + " " + event.value),
  };
  const settings = new Settings();
  for (const [key, value] of [
    ["sip.user", "phone"],
    ["net.address", PHONE],
    ["call.allow", "any"],
    ["call.autoAnswer", "on"],
  ])
    expect(settings.set(key, value)).toBe("");
  const party = new Party(house, {
    name: "phone",
    settings,
    random: new SeededRandom(5),
    microphone: {
      read: (into, start, count) => {
        into.fill(5000, start, start + count);
        return count;
      },
    },
    speaker: { write: () => {} },
    codec: null,
    store: new MemoryStore(),
  });
  await party.station.start();
  return { party, events };
}

/** Stores the settings of a machine that was told its network before. */
function keepNetwork(ssid: string, password: string, more: string): void {
  const store = {
    read: (key: string) => board.stored.get(key) ?? null,
    write: (key: string, value: string) => void board.stored.set(key, value),
  };
  new KeptText(store, "settings").write("set wifi.ssid " + ssid + "\nset wifi.password " + password + "\n" + more);
}

/** The network in force, and whether its password is kept. */
function network(): string {
  const kept = [...board.stored.values()].join("\n");
  board.printed = "";
  board.type("get wifi.ssid\n");
  return (
    (/^wifi.ssid (.*)$/m.exec(board.printed)?.[1] ?? "") +
    (kept.includes("set wifi.password secret") ? " by its password" : "")
  );
}

/** Starts with the network's name in the store, and the settings typed. */
async function begin(more = ""): Promise<void> {
  keepNetwork("house", "secret", more);
  board.start(main);
  await board.run(2000, main);
  for (const line of SETTINGS) board.type(line + "\n");
}

async function press(): Promise<void> {
  board.press(BUTTON, true);
  await board.run(100, main);
  board.press(BUTTON, false);
}

const lines = () => board.printed.split("\n");
/** @returns ms of light and darkness in turn, for the last changes of the LED */
function rhythm(): string {
  const past = (board.pins.get(LED) ?? []).map((one) => one.split(" ").map(Number));
  const changes = past.filter(([, value], i) => i === 0 || value !== past[i - 1][1]).slice(-3);
  return changes[0][1] === 1
    ? changes[1][0] - changes[0][0] + " on " + (changes[2][0] - changes[1][0]) + " off"
    : changes[2][0] - changes[1][0] + " on " + (changes[1][0] - changes[0][0]) + " off";
}
/** A frame of Improv Wi-Fi Serial. */
function improvFrame(type: number, data: string): string {
  const frame = "IMPROV\x01" + String.fromCharCode(type, data.length) + data;
  let sum = 0;
  for (let i = 0; i < frame.length; i++) sum += frame.charCodeAt(i);
  return frame + String.fromCharCode(sum & 0xff);
}
function improvWifi(ssid: string, password: string): string {
  const data = String.fromCharCode(ssid.length) + ssid + String.fromCharCode(password.length) + password;
  return improvFrame(3, "\x01" + String.fromCharCode(data.length) + data);
}
const NO_NETWORK = "100 on 900 off";
const READY = "50 on 2950 off";
const LACK = "900 on 100 off";

beforeEach(() => newBoard());

describe("The firmware", () => {
  it("joins, calls by its button, is heard both ways, opens by a code and ends", async () => {
    const other = await phone();
    await begin();
    await press();
    await board.run(2000, main);
    expect(other.events).toContain("call confirmed");
    expect(board.heard).toBeGreaterThan(4000);
    expect(board.level(AMPLIFIER)).toBe(1);
    other.party.station.line("dtmf 1234");
    await board.run(3000, main);
    expect(board.level(RELAY)).toBe(1);
    await board.run(10_000, main);
    expect(board.level(RELAY)).toBe(0);
    board.type("hangup\n");
    await board.run(1000, main);
    expect(other.events.slice(-1)[0]).toMatch(/^(call|led|audio) /);
    expect(other.events).toContain("call ended");
    expect(board.restarts).toEqual([]);
  });

  it("tells nothing on a locked line, from the first moment on, and all of it in the log after login", async () => {
    const other = await phone();
    board.chip.isThere = false;
    await begin("set console.password sesame\nset relay1.code 1234\nset call.target sip:phone@" + PHONE + "\n");
    await press();
    await board.run(2000, main);
    other.party.station.line("dtmf 1234");
    await board.run(3000, main);
    expect(board.level(RELAY)).toBe(1);
    board.type(improvFrame(3, "\x04\x00") + improvFrame(3, "\x02\x00"));
    await board.run(3000, main);
    const shown = board.printed.replaceAll("error: the console is locked: login PASSWORD first\n", "");
    expect(shown.replace(/\nIMPROV[\s\S]*?(?=\n|$)/g, "").trim()).toBe("console locked");
    expect(shown).not.toMatch(/sip:|house|dtmf|192\.0\.2/);
    board.printed = "";
    board.type("login sesame\nlog\n");
    expect(board.printed).toMatch(/ok\n/);
    expect(board.printed).toContain("open relay 1: code");
    expect(board.printed).toContain("error no answer from the ES8311");
    board.type("hangup\n");
    await board.run(1000, main);
    expect(lines().filter((line) => line.startsWith("call ended"))).toHaveLength(1);
  });

  it("holds the relay off from the first moment, before anything else can fail", () => {
    board.chip.isThere = false;
    board.start(main);
    expect(board.pins.get(RELAY)?.[0]).toBe("0 0");
    expect(board.pins.get(RELAY)?.every((one) => one.endsWith(" 0"))).toBe(true);
  });

  it("keeps the time of day by a server it is told", async () => {
    const server = await board.network.host(ipv4("192.0.2.123")).udp({
      address: ipv4("192.0.2.123"),
      port: 123,
      onReadable: () => {
        const packet = new Uint8Array(48);
        server.read(packet);
        packet.copyWithin(24, 40, 48);
        packet.set([0x24, 2]);
        packet.fill(0, 44);
        new DataView(packet.buffer).setUint32(40, 1795420800 + 2208988800);
        server.write(packet, 0, 48, server.address, server.remotePort);
      },
      onError: () => {},
    });
    await begin("set time.server 192.0.2.123\n");
    expect(board.timeSetS).toBe(1795420800);
  });
});

it("What the log has is kept when the console starts the board again", async () => {
  await begin();
  board.type("open\n");
  expect(() => board.type("reboot\n")).toThrow("restart");
  board.crash(new Error("restart"));
  board.start(main);
  await board.run(3000, main);
  board.printed = "";
  board.type("log\n");
  expect(board.printed).toMatch(/ start\n(.*\n)*.* open relay 1: console\n(.*\n)*.* start\n/);
});

it("A name of the local network is announced, and taken back when the console starts the board again", async () => {
  const ttls: number[] = [];
  const listener = await board.network.host(ipv4("192.0.2.77")).udp({
    address: ipv4("192.0.2.77"),
    port: MDNS_PORT,
    group: MDNS_GROUP,
    onReadable: () => {
      const into = new Uint8Array(MDNS_BYTES);
      const size = listener.read(into);
      const address = read(into.subarray(0, size)).answers.find(({ type }) => type === "A");
      if (address !== undefined) ttls.push(address.ttlS);
    },
    onError: () => {},
  });
  await begin("set net.name door\n");
  await board.run(6000, main);
  expect(board.printed).toContain("config name address=door.local");
  expect(ttls).toEqual([120, 120]);
  expect(() => board.type("reboot\n")).toThrow("restart");
  board.crash(new Error("restart"));
  await board.run(10, main);
  expect(ttls[2]).toBe(0);
});

describe("Without its network", () => {
  it("of a name that is not told, it says so and flashes, and takes the name by its console", async () => {
    board.start(main);
    await board.run(5000, main);
    expect(board.printed).toMatch(/^error no network: set wifi.ssid NAME/m);
    expect(rhythm()).toBe(NO_NETWORK);
    board.type("press\nset wifi.ssid house\nset wifi.password secret\nsave\n");
    expect(board.printed).toContain("error: no network yet: set wifi.ssid NAME");
    expect(board.printed).toContain("ok, from the next start on: wifi.ssid, wifi.password");
    expect(() => board.type("reboot\n")).toThrow("restart");
    board.crash(new Error("restart"));
    board.start(main);
    await board.run(10_000, main);
    expect(board.printed).toContain("config ready address=sip:door@192.0.2.1:5060");
    expect(rhythm()).toBe(READY);
  });

  it("takes it from a browser, between the lines of the console: joins at once and tells its address", async () => {
    board.start(main);
    await board.run(2000, main);
    board.printed = "";
    board.type("get wifi.s" + improvWifi("house", "secret") + "\n");
    await board.run(5000, main);
    expect(board.printed).toContain(improvFrame(1, "\x03"));
    expect(board.printed).toContain(improvFrame(1, "\x04"));
    expect(board.printed).toContain(improvFrame(4, "\x01\x13\x12sip:door@192.0.2.1"));
    expect(board.printed).toContain("config ready address=sip:door@192.0.2.1:5060");
    board.type("sid\n");
    expect(board.printed).toMatch(/^wifi.ssid house$/m);
    expect(network()).toBe("house by its password");
    expect(board.restarts).toEqual([]);
  });

  it("tells on the console how it stands, and which networks there are, and a browser too", async () => {
    board.start(main);
    await board.run(2000, main);
    board.printed = "";
    board.type("wifi\n");
    expect(board.printed).toContain("ssid none: set wifi.ssid NAME");
    board.type("wifi scan\n");
    await board.run(3000, main);
    expect(lines()).toContain("wifi found ssid=house signal=-50 channel=6 secured=yes");
    expect(lines()).toContain("wifi found ssid=cafe signal=-80 channel=1 secured=no");
    expect(lines()).toContain("wifi scanned");
    board.printed = "";
    board.type(improvFrame(3, "\x04\x00"));
    await board.run(3000, main);
    expect(board.printed).toContain(improvFrame(4, "\x04\x0e\x05house\x03-50\x03YES"));
    expect(board.printed).toContain(improvFrame(4, "\x04\x00"));
    board.type(improvWifi("house", "secret"));
    await board.run(5000, main);
    board.printed = "";
    board.type("wifi --json\n");
    expect(board.printed).toBe(
      '{"ok":true,"ssid":"house","state":"joined","address":"192.0.2.1","signal":"-50 dBm","channel":6}\n',
    );
    board.type("wifi scan\nwifi scan\n");
    expect(board.printed).toContain("error: the radio is busy: try again in a few seconds");
  });

  it("takes another try after a wrong password, of which nothing is kept", async () => {
    board.start(main);
    await board.run(2000, main);
    board.type(improvWifi("house", "wrong") + "\n");
    await board.run(3000, main);
    expect(board.printed).toContain(improvFrame(2, "\x03"));
    expect(network()).toBe("");
    board.type(improvWifi("house", "secret") + "\n");
    await board.run(8000, main);
    expect(board.printed).toContain(improvFrame(1, "\x04"));
    expect(network()).toBe("house by its password");
  });

  it.each([
    ["absent", { isThere: false }, /not admitted: is the network in reach and the password right/],
    ["of another password", { password: "other" }, /not admitted/],
    ["without an address", { hasAddresses: false }, /the network gives no address/],
  ])("%s, it says why, flashes, and is there when the cause is gone", async (_what, wrong, reason) => {
    Object.assign(board.accessPoint, wrong);
    await begin();
    await board.run(60_000, main);
    expect(lines().filter((line) => line.startsWith("error Wi-Fi house")).length).toBeGreaterThan(1);
    expect(board.printed).toMatch(reason);
    expect(board.printed).not.toContain("config ready");
    expect(rhythm()).toBe(NO_NETWORK);
    Object.assign(board.accessPoint, { isThere: true, password: "secret", hasAddresses: true });
    await board.run(90_000, main);
    expect(board.printed).toContain("config ready");
    expect(rhythm()).toBe(READY);
    expect([board.level(RELAY), board.restarts]).toEqual([0, []]);
  });

  it("gone in the middle of a call, it says so, and is back with the same address", async () => {
    const other = await phone();
    await begin();
    await press();
    await board.run(2000, main);
    expect(other.events).toContain("call confirmed");
    board.accessPoint.isThere = false;
    board.radio?.become(200, undefined);
    await board.run(5000, main);
    expect(board.printed).toContain("error Wi-Fi house: the network is gone");
    board.accessPoint.isThere = true;
    await board.run(70_000, main);
    expect([board.restarts, board.level(RELAY)]).toEqual([[], 0]);
    expect(board.radio?.connection).toBe(500);
  });

  it("and back with another address, it starts anew, since its sockets know the old one", async () => {
    await phone();
    await begin();
    await board.run(1000, main);
    board.radio?.become(200, undefined);
    expect(() => board.radio?.become(500, "192.0.2.7")).toThrow("another address");
    board.crash(new Error("another address"));
    board.start(main);
    await board.run(5000, main);
    expect(lines().filter((line) => line.startsWith("config ready")).length).toBe(2);
    expect(board.level(RELAY)).toBe(0);
  });
});

describe("A fixed address", () => {
  const FIXED = ["wifi.ip 192.0.2.20", "wifi.mask 255.255.255.0", "wifi.gateway 192.0.2.254", "wifi.dns 192.0.2.54"];
  const lines = (values: string[]) => values.map((value) => "set " + value + "\n").join("");

  it("holds from the next start on, where there is no DHCP, and names are asked of its server", async () => {
    board.accessPoint.hasAddresses = false;
    await begin("set time.server none\n");
    board.printed = "";
    board.type(lines(FIXED) + "save\n");
    expect(board.printed).toBe(
      "ok\nok\nok\nok\nok, from the next start on: wifi.ip, wifi.mask, wifi.gateway, wifi.dns\n",
    );
    let asked = 0;
    const server = await board.network.host(ipv4("192.0.2.54")).udp({
      address: ipv4("192.0.2.54"),
      port: 53,
      onReadable: () => {
        asked += server.read(new Uint8Array(600)) > 0 ? 1 : 0;
      },
      onError: () => {},
    });
    board.crash(new Error("restart"));
    board.start(main);
    await board.run(3000, main);
    expect(board.configured).toEqual([{ address: "192.0.2.20", mask: "255.255.255.0", gateway: "192.0.2.254" }]);
    expect(board.printed).toContain("config ready address=sip:door@192.0.2.20:5060");
    board.type("call sip:bob@pbx.example\n");
    await board.run(1000, main);
    expect(asked).toBeGreaterThan(0);
  });

  it("that does not fit together is not saved, and stays staged to be mended", async () => {
    await begin();
    board.printed = "";
    board.type("set wifi.ip 192.0.2.255\nsave\nset wifi.mask 255.255.255.0\nsave\n");
    expect(board.printed).toBe(
      "ok\nerror: not saved: wifi.ip: it needs wifi.mask, as in set wifi.mask 255.255.255.0\n" +
        "ok\nerror: not saved: wifi.ip: '192.0.2.255' is the broadcast address: 192.0.2.1 to 192.0.2.254 (/24)\n",
    );
    expect([...board.stored.values()].join()).not.toContain("wifi.ip");
    board.type("set wifi.ip 192.0.2.20\nsave --json\n");
    expect(board.printed).toMatch(/\{"ok":true,"restart":"wifi.ip, wifi.mask"\}\n$/);
  });

  it("that was kept and does not fit together is not used: the board is reached by DHCP, and says so", async () => {
    await begin(lines(["wifi.ip 192.0.2.20", "wifi.gateway 10.0.0.1"]));
    expect(board.printed).toContain("error settings: wifi.ip: it needs wifi.mask");
    expect(board.printed).toContain("; the address is by DHCP\n");
    expect([board.configured, board.radio?.address]).toEqual([[], "192.0.2.1"]);
  });

  it("is of one network: another one that a browser hands over is joined by DHCP, and the address is kept no more", async () => {
    await begin(lines(FIXED));
    expect(board.radio?.address).toBe("192.0.2.20");
    // Another password of the same network changes nothing.
    board.type(improvWifi("house", "secret") + "\n");
    await board.run(5000, main);
    expect(board.configured.slice(-1)[0]).not.toBe(false);
    await board.run(5000, main);
    board.type(improvWifi("cafe", "secret") + "\n");
    await board.run(20_000, main);
    expect(board.configured).toContain(false);
    expect(board.radio?.address).toBe("192.0.2.1");
    const kept = [...board.stored.values()].filter((text) => text.includes("wifi.ssid cafe"));
    expect(kept.length).toBe(1);
    expect(kept[0]).not.toContain("wifi.ip");
  });
});

describe("A codec that does not answer", () => {
  it("is told of, the light says so, the door signals all the same, and sound is there when it answers", async () => {
    board.chip.isThere = false;
    const other = await phone();
    await begin();
    await board.run(10_000, main);
    expect(board.printed).toContain("error no answer from the ES8311 at 0x18");
    expect(rhythm()).toBe(LACK);
    expect(board.level(AMPLIFIER)).toBe(0);
    await press();
    await board.run(2000, main);
    expect(other.events).toContain("call confirmed");
    board.type("hangup\n");
    board.chip.isThere = true;
    await board.run(20_000, main);
    expect(lines().filter((line) => line.startsWith("audio ready")).length).toBe(1);
    expect(lines().filter((line) => line.includes("no answer from the ES8311")).length).toBe(1);
    expect([rhythm(), board.level(AMPLIFIER)]).toEqual([READY, 1]);
  });
});

describe("Storage", () => {
  it("that is empty gives the initial settings", async () => {
    await begin();
    board.type("get sip.port\n");
    expect(board.printed).toContain("sip.port 5060");
    expect(board.printed).not.toContain("error");
  });

  it("that is torn is read up to the last whole record", async () => {
    await begin();
    board.type("set sip.user first\nsave\n");
    board.type("set sip.user second\nsave\n");
    const newest = [...board.stored.keys()].filter((key) => board.stored.get(key)?.includes("second"))[0];
    board.stored.set(newest, board.stored.get(newest)?.slice(0, -3) ?? "");
    board.crash(new Error("power"));
    board.start(main);
    await board.run(2000, main);
    board.type("get sip.user\n");
    expect(board.printed).toMatch(/sip.user first\n$/);
  });

  it("that cannot be used is told of; the door works with its initial settings", async () => {
    board.storeProblem = "no partition";
    board.start(main);
    await board.run(100, main);
    expect(board.printed).toContain("error the storage cannot be used: settings are lost at a restart: no partition");
    board.type("set wifi.ssid house\nsave\n");
    expect(board.printed).toContain("error: not saved: the storage cannot be used");
    expect([board.level(RELAY), board.restarts]).toEqual([0, []]);
  });
});

describe("A console with a password", () => {
  const SAID_LOCKED = "error: the console is locked: login PASSWORD first\n";

  it("takes neither Wi-Fi nor a restart before login, and the door works", async () => {
    const other = await phone();
    await begin();
    for (const line of ["set console.password sesame", "save", "logout"]) board.type(line + "\n");
    for (const line of ["set wifi.ssid other", "set time.server other", "save", "reboot", "open"]) {
      const before = board.printed.length;
      board.type(line + "\n");
      expect(board.printed.slice(before), line).toBe(SAID_LOCKED);
    }
    expect([...board.stored.values()].join()).not.toContain("other");
    expect([board.restarts, board.level(RELAY)]).toEqual([[], 0]);
    await press();
    await board.run(2000, main);
    expect(other.events).toContain("call confirmed");
    board.type("login sesame\nset wifi.ssid other\nsave\n");
    expect([...board.stored.values()].join()).toContain("set wifi.ssid other");
  });

  it("can be opened where there is no network, after a restart", async () => {
    await begin();
    for (const line of ["set console.password sesame", "save"]) board.type(line + "\n");
    board.accessPoint.isThere = false;
    board.crash(new Error("test"));
    board.start(main);
    await board.run(2000, main);
    board.type("set wifi.ssid other\n");
    expect(board.printed.endsWith(SAID_LOCKED)).toBe(true);
    board.type("login sesame\nset wifi.ssid other\nsave\n");
    expect([...board.stored.values()].join()).toContain("set wifi.ssid other");
  });
});

describe("Noise", () => {
  it("on the serial line does nothing, and is told", async () => {
    await begin();
    const before = board.printed;
    const random = new SeededRandom(9);
    let noise = "";
    for (let i = 0; i < 20_000; i++) noise += String.fromCharCode(random.uint32() & 255);
    board.type(noise.replaceAll(/[\r\n]/g, "\0") + "open\n");
    await board.run(1000, main);
    expect([board.level(RELAY), board.restarts]).toEqual([0, []]);
    expect(board.printed.slice(before.length)).toMatch(/^error: the line [^\n]*; nothing was done\n$/);
    board.type("version\n");
    expect(board.printed).toMatch(/Portero [\d.]+\n$/);
  });

  it("on the SIP port, and datagrams longer than any message, do nothing", async () => {
    const other = await phone();
    await begin();
    const from = await board.network
      .host(ipv4("192.0.2.66"))
      .udp({ address: ipv4("192.0.2.66"), port: 5060, onReadable: () => {}, onError: () => {} });
    const random = new SeededRandom(10);
    for (let i = 0; i < 200; i++) {
      const bytes = Uint8Array.from({ length: 1 + (random.uint32() % 8000) }, () => random.uint32() & 255);
      if (i % 2 === 0)
        bytes.set(Buffer.from("INVITE sip:door@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP ").subarray(0, bytes.length));
      from.write(bytes, 0, bytes.length, ipv4("192.0.2.1"), 5060);
    }
    await board.run(5000, main);
    expect([board.level(RELAY), board.restarts]).toEqual([0, []]);
    await press();
    await board.run(2000, main);
    expect(other.events).toContain("call confirmed");
  });
});

describe("The radio", () => {
  it.each([
    ["", false],
    ["set wifi.powerSave on\nsave\nreboot\n", true],
  ])("sleeps between beacons only when it is to: %j", async (typed, sleeps) => {
    await begin();
    expect(board.savesPower).toBe(false);
    if (typed === "") return;
    expect(() => board.type(typed)).toThrow("restart");
    board.crash(new Error("restart"));
    board.savesPower = !sleeps;
    board.start(main);
    await board.run(3000, main);
    expect(board.savesPower).toBe(sleeps);
  });
});

describe("Flash, whose erasing stops the sound", () => {
  it("keeps the log after a call, not in it", async () => {
    const other = await phone();
    await begin();
    await board.run(120_000, main);
    await press();
    await board.run(2000, main);
    const log = () => ["log.a", "log.b"].map((key) => board.stored.get(key)).join("");
    const before = log();
    other.party.station.line("dtmf 1234");
    await board.run(200_000, main);
    expect(board.printed).toContain("relay on");
    expect(log()).toBe(before);
    other.party.station.line("hangup");
    await board.run(3000, main);
    expect(log()).not.toBe(before);
    expect(log()).toContain("open relay 1");
  });
});

describe("An exception in the middle of a call, as of a heap that is full", () => {
  it("switches the relay off, is told, ends the call, and the door is there again", async () => {
    const other = await phone();
    await begin();
    await press();
    await board.run(2000, main);
    other.party.station.line("dtmf 1234");
    await board.run(2500, main);
    expect(board.level(RELAY)).toBe(1);
    board.soundFails = new RangeError("out of memory");
    await board.run(40, main);
    board.soundFails = null;
    expect(board.restarts).toEqual(["out of memory"]);
    expect(board.pinsAtRestart).toContainEqual([RELAY, 0]);
    expect(board.level(RELAY)).toBe(0);
    expect(board.printed).toContain("error unhandled exception: out of memory");
    await board.run(5000, main);
    expect(other.events).toContain("call ended");
    expect(lines().filter((line) => line.startsWith("config ready")).length).toBe(2);
    await press();
    await board.run(2000, main);
    expect(other.events.filter((event) => event === "call confirmed").length).toBe(2);
  });

  it.each([
    ["reboot", () => undefined],
    ["a broken console", () => vi.spyOn(Serial.prototype, "write").mockImplementation(() => fail("broken"))],
    [
      "a farewell that runs out of memory again",
      () => vi.spyOn(Serial.prototype, "write").mockImplementation(abortAgain),
    ],
  ])("restarts at once, the doors shut first: %s", async (_, spoil) => {
    const other = await phone();
    await begin();
    await press();
    await board.run(2000, main);
    other.party.station.line("dtmf 1234");
    await board.run(2500, main);
    const spy = spoil();
    expect(board.level(RELAY)).toBe(1);
    board.crash(new Error("restart"));
    spy?.mockRestore();
    expect(board.pinsAtRestart).toContainEqual([RELAY, 0]);
    expect(board.restartMs.length).toBe(1);
    expect(board.restartMs[0]).toBeLessThanOrEqual(100);
  });
});

function fail(text: string): never {
  throw new Error(text);
}

/** As XS does when memory runs out in the hook itself. */
function abortAgain(): void {
  (globalThis as unknown as { abort: (message: string, error: unknown) => void }).abort("memory full", undefined);
}
