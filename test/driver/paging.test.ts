/** Tests announcements by multicast: what is played, how loud, how it ends, and who goes before it. */
import { describe, expect, it } from "vitest";
import type { AudioOutput, Codec, UdpSocket } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { encode } from "../../src/media/g711.js";
import { writeRtpHeader } from "../../src/media/rtp.js";
import { HOUSE, Home } from "../links/home.js";

const GROUP = "239.255.0.1";
const PORT = 5004;
const FRAME = 160;
const PAGED = [`page.address=${GROUP}:${PORT}`, "page.volume=6", "audio.volume=-10"];

/** Keeps the loudest sample of each frame. */
class Loudness implements AudioOutput {
  readonly peaks: number[] = [];

  write(from: Int16Array, start: number, count: number): void {
    let peak = 0;
    for (let i = start; i < start + count; i++) peak = Math.max(peak, Math.abs(from[i]));
    this.peaks.push(peak);
  }
}

/** A sender of 1,000 Hz to the group. */
class Sender {
  sequence = 100;
  timestamp = 5000;
  private readonly home: Home;
  private readonly ssrc: number;
  private readonly payloadType: number;
  private socket!: UdpSocket;
  private readonly samples = Int16Array.from({ length: FRAME }, (_, i) => 8000 * Math.sin((2 * Math.PI * i) / 8));

  constructor(home: Home, ssrc: number, payloadType = 0) {
    this.home = home;
    this.ssrc = ssrc;
    this.payloadType = payloadType;
  }

  async open(port: number): Promise<this> {
    this.socket = await this.home.house.udp({ address: ipv4(HOUSE), port, onReadable: () => {}, onError: () => {} });
    return this;
  }

  packet(): Uint8Array {
    const bytes = new Uint8Array(12 + FRAME);
    const at = writeRtpHeader(bytes, 0, false, this.payloadType, this.sequence++, this.timestamp, this.ssrc);
    this.timestamp += FRAME;
    encode(this.payloadType, this.samples, 0, FRAME, bytes, at);
    return bytes;
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes, 0, bytes.length, ipv4(GROUP), PORT);
  }

  /** Sends for so long. */
  async send(ms: number, ...beside: Sender[]): Promise<void> {
    for (let sent = 0; sent < ms; sent += 20) {
      for (const one of [this, ...beside]) one.raw(one.packet());
      await this.home.run(20);
    }
  }
}

async function paged(settings: readonly string[] = PAGED) {
  const speaker = new Loudness();
  const volumes: number[] = [];
  const quiet = () => "";
  const codec: Codec = {
    start: quiet,
    stop: quiet,
    gain: quiet,
    mute: quiet,
    input: quiet,
    volume: (db) => {
      volumes.push(db);
      return "";
    },
  };
  const home = await new Home(settings, { speaker, codec }).start();
  volumes.length = 0;
  const told = () =>
    home.events
      .filter(({ name }) => name === "page" || name === "error")
      .map(({ name, value, fields }) => [name, value, fields.reason ?? ""].join(" ").trim());
  return { home, speaker, volumes, told, sender: await new Sender(home, 1).open(4000) };
}

describe("an announcement", () => {
  it.each([0, 8])("with payload type %i is played, with its own volume, until it is silent", async (type) => {
    const { home, speaker, volumes, told } = await paged();
    const sender = await new Sender(home, 1, type).open(4002);
    await sender.send(1000);
    expect(told()).toEqual(["page started"]);
    expect(volumes).toEqual([6]);
    expect(Math.max(...speaker.peaks)).toBeGreaterThan(7000);
    const heard = speaker.peaks.filter((peak) => peak > 7000).length;
    expect(heard).toBeGreaterThan(40);
    await home.run(3000);
    expect(told()).toEqual(["page started", "page ended silence"]);
    expect(volumes).toEqual([6, -10]);
    const { fields } = home.events[home.events.length - 1];
    expect([fields.address, fields.packets, fields.lost, fields.duration]).toEqual([`${HOUSE}:4002`, 50, 0, 2]);
    const { length } = speaker.peaks;
    await home.run(3000);
    expect(speaker.peaks).toHaveLength(length);
  });

  it("is not heard by a door without page.address, which makes nothing for it", async () => {
    const { home, speaker, sender } = await paged([]);
    await sender.send(500);
    expect(speaker.peaks).toEqual([]);
    expect(Object.keys(home.door)).not.toContain("paging");
  });

  it("is of one source, whoever talks beside it", async () => {
    const { home, told, sender } = await paged();
    const other = await new Sender(home, 2).open(4002);
    await sender.send(200);
    await sender.send(1000, other);
    await home.run(3000);
    expect(told()).toEqual(["page started", "page ended silence"]);
    expect(home.events[home.events.length - 1].fields.packets).toBe(60);
    await other.send(500);
    expect(home.events[home.events.length - 1].fields.address).toBe(`${HOUSE}:4002`);
  });

  it("is not kept away for long by a source that sends one packet again and again", async () => {
    const { home, told, sender } = await paged();
    const other = await new Sender(home, 2).open(4002);
    const same = other.packet();
    for (let i = 0; i < 100; i++) {
      other.raw(same);
      await home.run(20);
    }
    expect(told()).toEqual([]);
    for (let i = 0; i < 100; i++) {
      sender.raw(sender.packet());
      other.raw(same);
      await home.run(20);
    }
    expect(told()).toEqual(["page started"]);
    expect(home.events.find(({ name }) => name === "page")?.fields.address).toBe(`${HOUSE}:4000`);
  });

  it("goes on over a gap of the network, and with a source that starts anew", async () => {
    const { home, told, sender } = await paged();
    await sender.send(300);
    await home.run(800);
    sender.sequence = 40_000;
    sender.timestamp = 99;
    await sender.send(300);
    await home.run(3000);
    expect(told()).toEqual(["page started", "page ended silence"]);
  });

  it("ends when somebody presses the button, and waits for the call's end", async () => {
    const { home, told, volumes, sender } = await paged();
    await sender.send(500);
    home.door.line("press");
    await sender.send(3000);
    expect(told()).toEqual(["page started", "page ended a call or a test goes before"]);
    expect(volumes).toEqual([6, -10]);
    home.door.line("hangup");
    await sender.send(500);
    expect(told()).toEqual(["page started", "page ended a call or a test goes before", "page started"]);
  });

  it("leaves the sound of a call as it is", async () => {
    const { home, told, speaker, sender } = await paged();
    home.door.line("press");
    await home.run(3000);
    speaker.peaks.length = 0;
    await sender.send(2000);
    expect(told()).toEqual([]);
    expect(speaker.peaks).toHaveLength(100);
    expect(Math.max(...speaker.peaks)).toBeLessThan(7000);
  });

  it("is ended by a test of the sound", async () => {
    const { home, told, sender } = await paged();
    await sender.send(500);
    home.door.line("selftest");
    await sender.send(200);
    expect(told()).toEqual(["page started", "page ended a call or a test goes before"]);
  });

  it("is not begun by a few packets", async () => {
    const { home, told, speaker, sender } = await paged();
    for (let i = 0; i < 20; i++) {
      await sender.send(40);
      await home.run(2000);
    }
    expect(told()).toEqual([]);
    expect(speaker.peaks).toEqual([]);
  });

  it("that is no RTP, or of another codec, is named in one line", async () => {
    const { home, told, speaker, sender } = await paged();
    const g722 = await new Sender(home, 3, 9).open(4004);
    await g722.send(2000);
    expect(told()).toEqual([
      `error page.address: what ${HOUSE} sends is not played: payload type 9 is not PCMU (0) or PCMA (8)`,
    ]);
    for (let size = 1; size < 1600; size += 7) sender.raw(new Uint8Array(size).fill(size));
    await home.run(100);
    expect(told()).toHaveLength(1);
    expect(speaker.peaks).toEqual([]);
    // After all that a right one is heard. The line is told again after ten minutes, since the log keeps it.
    await sender.send(500);
    expect(told()[1]).toBe("page started");
    await home.run(3000);
    for (let i = 0; i < 13; i++) {
      await g722.send(20);
      await home.run(60_000);
    }
    expect(told().slice(2)).toEqual(["page ended silence", told()[0]]);
  });

  it("takes packets of any content without a fault", async () => {
    const { home, sender } = await paged();
    let state = 1;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 8;
    };
    for (let i = 0; i < 3000; i++) {
      const bytes = sender.packet();
      for (let k = next() % 3; k > 0; k--) bytes[next() % 14] = next() & 255;
      sender.raw(next() % 10 === 0 ? bytes.subarray(0, 1 + (next() % 20)) : bytes);
      if (i % 10 === 0) await home.run(next() % 40);
    }
    await home.run(5000);
    const last = home.events[home.events.length - 1];
    expect(`${last.name} ${last.value}`).toBe("page ended");
  });
});

describe("page.address", () => {
  it.each([
    "224.0.0.251:5353",
    "10.0.0.1:5004",
    "239.1.1.1",
    "239.1.1.1:0",
    "239.1.1.1:70000",
    "group:5004",
    "240.0.0.1:5",
  ])("may not be %s", (value) => {
    const home = new Home([]);
    expect(home.settings.assign(`page.address=${value}`)).toBe(
      `page.address: '${value}' is not allowed: empty, or a multicast address with a port, as in 239.255.0.1:5004; not 224.0.0.x`,
    );
  });

  it.each(["239.255.0.1:5004", "224.0.1.75:5001", ""])("may be %s", (value) => {
    expect(new Home([]).settings.assign(`page.address=${value}`)).toBe("");
  });
});
