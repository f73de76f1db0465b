/** Tests what a syslog server gets from a door by UDP and by TCP, and what its silence costs. */
import { describe, expect, it } from "vitest";
import type { UdpSocket } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { DEBUG, severityOf, UNTOLD } from "../../src/links/severity.js";
import { HOUSE, Home, Listener } from "./home.js";

/** RFC 5424 §6, as far as the door uses it. */
const LINE =
  /^<(\d{1,3})>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) 10\.0\.0\.1 portero - (\w+) \[meta sequenceId="(\d+)"\] (.*)$/u;

async function listen(home: Home): Promise<string[]> {
  const lines: string[] = [];
  const into = new Uint8Array(4096);
  const socket: UdpSocket = await home.house.udp({
    address: ipv4(HOUSE),
    port: 514,
    onReadable: () => {
      for (let length = socket.read(into); length > 0; length = socket.read(into))
        lines.push(Buffer.from(into.subarray(0, length)).toString("utf8"));
    },
    onError: () => {},
  });
  return lines;
}

/** @returns the messages of a stream with octet counts, RFC 6587 §3.4.1 */
function unframed(stream: string): string[] {
  let rest = Buffer.from(stream);
  const out: string[] = [];
  while (rest.length > 0) {
    const blank = rest.indexOf(" ");
    const size = Number(rest.subarray(0, blank).toString());
    out.push(rest.subarray(blank + 1, blank + 1 + size).toString("utf8"));
    rest = rest.subarray(blank + 1 + size);
  }
  return out;
}

describe("syslog by UDP", () => {
  it("tells each event as one line of RFC 5424, with its severity, its time and a number of its own", async () => {
    const home = new Home([`syslog.server=${HOUSE}`]);
    const lines = await listen(home);
    await home.start();
    home.door.line("open");
    home.door.line("press");
    await home.run(5000);
    home.door.line("hangup");
    await home.run(1000);
    const read = lines.map((line) => LINE.exec(line));
    expect(read.every((one) => one !== null)).toBe(true);
    expect(read.map((one) => Number(one?.[4]))).toEqual(read.map((_, index) => index + 1));
    const told = read.map((one) => `${one?.[1]} ${one?.[5].split(" ").slice(0, 2).join(" ")}`);
    // Local0 is 16 * 8 = 128; a relay is a notice (5), a call information (6).
    expect(told).toContain("133 relay on");
    expect(told).toContain("133 button pressed");
    expect(told).toContain("134 call confirmed");
    expect(told).toContain("134 call ended");
    expect(read[0]?.[2]).toBe("2026-01-01T00:00:00Z");
    // Of an event's own kind the message id says which.
    expect(read.every((one) => one?.[5].startsWith(one[3]))).toBe(true);
  });

  it("tells only what is as urgent as syslog.level", async () => {
    const home = new Home([`syslog.server=${HOUSE}`, "syslog.level=notice"]);
    const lines = await listen(home);
    await home.start();
    home.door.line("open");
    home.door.line("press");
    await home.run(5000);
    expect(lines.some((line) => line.includes("relay on"))).toBe(true);
    expect(lines.some((line) => line.includes(" call "))).toBe(false);
  });

  it("never tells digits, which may be door codes", () => {
    expect(severityOf("dtmf", "5")).toBe(UNTOLD);
    expect(severityOf("audio", "good")).toBe(DEBUG);
  });

  it("says the time as unknown while it is", async () => {
    const home = new Home([`syslog.server=${HOUSE}`]);
    home.clock.epochAtStartS = 0;
    const lines = await listen(home);
    await home.start();
    home.clock.epochS = () => 0;
    home.door.line("open");
    await home.run(500);
    expect(LINE.exec(lines[lines.length - 1])?.[2]).toBe("-");
  });

  it("keeps an event one line, whatever is in it, and marks what is not ASCII", async () => {
    const home = new Home([`syslog.server=${HOUSE}`]);
    const lines = await listen(home);
    await home.start();
    await home.run(100);
    const before = lines.length;
    const nasty = 'a\r\n<0>1 - - - "\u0000\u202e \u00e4\u{1f600}';
    home.tell("phone", "registered", { name: nasty });
    home.tell("phone", "registered", { name: "\u{1f600}".repeat(2000) });
    home.tell("phone", "registered", { name: "x".repeat(5000) });
    await home.run(500);
    const came = lines.slice(before);
    expect(came).toHaveLength(3);
    for (const line of came) {
      expect(line).toMatch(LINE);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there.
      expect(line).not.toMatch(/[\u0000-\u001f\u007f\u202e]/);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(1024);
      expect(line).not.toContain("\ufffd");
    }
    // RFC 5424 §6.4: a byte order mark stands in front of UTF-8.
    expect(came[0]).toContain('"] \ufeffphone registered');
    expect(came[2]).toContain('"] phone registered');
  });

  it("keeps lines until the server's name is found, and looks it up again after a failure", async () => {
    const home = new Home(["syslog.server=logs.house"]);
    const lines = await listen(home);
    await home.start();
    await home.run(3000);
    expect(lines).toEqual([]);
    expect(home.links()).toEqual(["lost syslog"]);
    home.air.name("logs.house", ipv4(HOUSE));
    await home.run(10_000);
    expect(lines.some((line) => line.includes("config ready"))).toBe(true);
    expect(home.links()).toEqual(["lost syslog", "back syslog"]);
  });
});

describe("syslog by TCP", () => {
  const SETTINGS = [`syslog.server=${HOUSE}:6514`, "syslog.transport=tcp"];

  it("tells the same lines with octet counts, over one connection", async () => {
    const home = new Home(SETTINGS);
    const listener = await Listener.open(home, 6514);
    await home.start();
    home.door.line("open");
    home.tell("phone", "registered", { name: "\u00e4\u00f6" });
    await home.run(5000);
    expect(listener.connections).toHaveLength(1);
    const lines = unframed(listener.connections[0].text);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(LINE);
    expect(lines.some((line) => line.includes("relay on"))).toBe(true);
  });

  it("costs a call nothing while nobody answers: it drops the oldest of the least urgent, says so once, and tells on when it is back", async () => {
    const home = new Home(SETTINGS);
    // What is sent to it is lost on the way, so that not even a refusal comes back.
    expect(home.air.fault("partition", HOUSE)).toBe("");
    await home.start();
    home.door.line("press");
    await home.run(15_000);
    for (let i = 0; i < 100; i++) {
      home.tell("phone", "registered", { name: "lamp" + i });
      await home.run(300);
    }
    expect(home.door.isInCall()).toBe(true);
    expect(home.links()).toEqual(["lost syslog", "full syslog"]);
    expect(home.late()).toBe(0);
    home.door.line("hangup");
    const listener = await Listener.open(home, 6514);
    home.air.fault("clear", "all");
    await home.run(320_000);
    const back = home.links();
    expect(back).toHaveLength(3);
    expect(back[2]).toMatch(/^back syslog \d+$/);
    const lines = unframed(listener.connections[0].text);
    // What is urgent is there, and of the others the youngest, without a gap; what is missing is what was dropped.
    expect(lines.filter((line) => line.includes("button pressed"))).toHaveLength(1);
    const numbers = lines.filter((line) => line.includes("lamp")).map((line) => Number(LINE.exec(line)?.[4]));
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0] + index));
    expect(numbers[0]).toBeGreaterThan(50);
    expect(Number(back[2].split(" ")[2])).toBeLessThanOrEqual(numbers[0] - 1);
    expect(lines[lines.length - 1]).toContain("link back name=syslog");
  });

  it("connects anew when the connection ends", async () => {
    const home = new Home(SETTINGS);
    const listener = await Listener.open(home, 6514);
    await home.start();
    await home.run(1000);
    listener.connections[0].connection.drop();
    await home.run(100);
    home.door.line("open");
    await home.run(5000);
    expect(listener.connections).toHaveLength(2);
    expect(unframed(listener.connections[1].text).some((line) => line.includes("relay on"))).toBe(true);
    expect(home.links()).toEqual(["lost syslog", "back syslog"]);
  });
});

describe("a door without links", () => {
  it("makes none of their objects", async () => {
    const home = await new Home([]).start();
    expect(home.door.links).toBe(null);
  });
});
