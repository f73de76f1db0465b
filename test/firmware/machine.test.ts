/** Tests the device code that needs no SDK: Wi-Fi, LED, serial lines and TCP, each on virtual hardware. */
import { describe, expect, it } from "vitest";
import type { FixedAddress } from "../../hal/device.js";
import { Join, type Radio } from "../../hal/moddable/join.js";
import { Light } from "../../hal/moddable/light.js";
import { BACKLOG_BYTES, Printer } from "../../hal/moddable/printer.js";
import { type Stream, type StreamOptions, Streams, type StreamUser } from "../../hal/moddable/streams.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { ipv4 } from "../../src/core/address.js";

class VirtualRadio implements Radio {
  connection = 200;
  address: string | undefined;
  tries: number[] = [];
  options: object = {};
  breaks = false;
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  configured: unknown[] = [];

  configure(options: { static: unknown }): void {
    if (this.breaks) throw new Error("set IP failed");
    this.configured.push(options.static);
  }

  connect(options: object): void {
    if (this.breaks) throw new Error("connect failed");
    this.tries.push(this.clock.now());
    this.options = options;
    this.connection = 300;
  }

  disconnect(): void {
    this.connection = 200;
  }
}

function joining(password = "secret", fixed: FixedAddress | null = null) {
  const clock = new VirtualClock();
  const radio = new VirtualRadio(clock);
  const told: string[] = [];
  const join = new Join({
    radio,
    clock,
    isWired: false,
    network: { ssid: "house", password, fixed },
    onUp: (address) => told.push("up " + address),
    onDown: (reason) => told.push(reason),
  });
  return { clock, radio, told, join };
}

describe("Wi-Fi", () => {
  it("is up when there is an address, not before", () => {
    const { join, radio, told } = joining();
    join.start();
    radio.connection = 400;
    join.changed();
    expect(told).toEqual([]);
    radio.connection = 500;
    radio.address = "192.0.2.7";
    join.changed();
    join.changed();
    expect(told).toEqual(["up 192.0.2.7"]);
    expect(radio.options).toEqual({ SSID: "house", password: "secret" });
  });

  it("is asked for without a password when the network is open", () => {
    const { join, radio } = joining("");
    join.start();
    expect(radio.options).toEqual({ SSID: "house" });
  });

  it("that is absent is tried again, each time after twice the wait, up to a minute", async () => {
    const { join, radio, clock, told } = joining();
    join.start();
    await clock.runUntil(clock.now() + 600_000);
    const gaps = radio.tries.slice(1).map((at, i) => at - radio.tries[i]);
    expect(gaps.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((s) => 20_000 + 1000 * s));
    expect(told[0]).toBe("Wi-Fi house: the network does not answer");
  });

  it("that refuses a wrong password says so at once and joins when it is mended", async () => {
    const { join, radio, clock, told } = joining();
    join.start();
    radio.connection = 200;
    join.changed();
    expect(told).toEqual(["Wi-Fi house: not admitted: is the network in reach and the password right?"]);
    await clock.runUntil(clock.now() + 1000);
    expect(radio.tries).toEqual([0, 1000]);
    radio.connection = 500;
    radio.address = "192.0.2.7";
    join.changed();
    expect(told[1]).toBe("up 192.0.2.7");
  });

  it("without an address is told apart from one that does not answer", async () => {
    const { join, radio, clock, told } = joining();
    join.start();
    radio.connection = 400;
    join.changed();
    await clock.runUntil(clock.now() + 20_000);
    expect(told).toEqual(["Wi-Fi house: the network gives no address"]);
  });

  it("that goes away is joined again, the first time after a second", async () => {
    const { join, radio, clock, told } = joining();
    join.start();
    radio.connection = 500;
    radio.address = "192.0.2.7";
    join.changed();
    await clock.runUntil(clock.now() + 100_000);
    radio.connection = 200;
    radio.address = undefined;
    join.changed();
    expect(told[1]).toBe("Wi-Fi house: the network is gone");
    await clock.runUntil(clock.now() + 1000);
    expect(radio.tries).toEqual([0, 101_000]);
  });

  it("that gives another address without going away is told so", async () => {
    const { join, radio, clock, told } = joining();
    join.start();
    radio.connection = 500;
    radio.address = "192.0.2.7";
    join.changed();
    await clock.runUntil(clock.now() + 100_000);
    radio.address = "192.0.2.8";
    await clock.runUntil(clock.now() + 10_000);
    expect(told).toEqual(["up 192.0.2.7", "up 192.0.2.8"]);
    expect(radio.tries).toEqual([0]);
  });

  it("is told a fixed address before each try, and DHCP again for another network", async () => {
    const fixed = { address: "192.0.2.20", mask: "255.255.255.0", gateway: "192.0.2.254" };
    const { join, radio, clock } = joining("secret", fixed);
    join.start();
    await clock.runUntil(clock.now() + 30_000);
    expect(radio.tries.length).toBe(2);
    expect(radio.configured).toEqual([fixed, fixed]);
    join.change({ ssid: "cafe", password: "", fixed: null });
    await clock.runUntil(clock.now() + 30_000);
    expect(radio.configured).toEqual([fixed, fixed, false]);
    const other = joining();
    other.join.start();
    expect(other.radio.configured).toEqual([]);
  });

  it("whose fixed address the radio does not take is tried again, and says so", async () => {
    const { join, radio, clock, told } = joining("", { address: "192.0.2.20", mask: "255.255.255.0", gateway: "" });
    radio.breaks = true;
    join.start();
    expect(told).toEqual(["Wi-Fi house: the address of wifi.ip cannot be set"]);
    radio.breaks = false;
    await clock.runUntil(clock.now() + 1000);
    expect(radio.tries).toEqual([1000]);
  });

  it("survives a radio that throws", async () => {
    const { join, radio, clock, told } = joining();
    radio.breaks = true;
    join.start();
    expect(told).toEqual(["Wi-Fi house: the radio does not start"]);
    radio.breaks = false;
    await clock.runUntil(clock.now() + 1000);
    expect(radio.tries).toEqual([1000]);
  });
});

describe("The LED", () => {
  it("tells trouble by a short flash each second, and a call by steady light", async () => {
    const clock = new VirtualClock();
    const seen: [number, number][] = [];
    const light = new Light({ write: (value) => seen.push([clock.now(), value]) }, clock);
    light.trouble(true);
    light.write(4);
    await clock.runUntil(clock.now() + 1050);
    expect(seen).toEqual([
      [0, 1],
      [0, 1],
      [100, 0],
      [1000, 1],
    ]);
    light.trouble(false);
    await clock.runUntil(clock.now() + 5000);
    expect(seen.slice(-1)).toEqual([[1050, 1]]);
  });

  it("is dark for a pattern that is not known", () => {
    const seen: number[] = [];
    new Light({ write: (value) => seen.push(value) }, new VirtualClock()).write(99);
    expect(seen).toEqual([0]);
  });
});

describe("Serial output", () => {
  it("waits for the port, a long answer as a whole, keeps its order, and counts what is lost behind it", () => {
    let sent = "";
    const printer = new Printer((octet) => {
      sent += String.fromCharCode(octet);
    });
    printer.print(Buffer.from("abc"));
    expect(sent).toBe("");
    printer.writable(2);
    expect(sent).toBe("ab");
    printer.print(new Uint8Array(5 * BACKLOG_BYTES).fill(120));
    printer.print(Buffer.from("lost"));
    expect(printer.lost).toBe(4);
    printer.writable(4 * BACKLOG_BYTES + 1);
    printer.print(Buffer.from("z"));
    for (let i = 0; i < 16; i++) printer.writable(BACKLOG_BYTES / 16);
    printer.writable(1);
    expect([sent.length, sent.slice(0, 4), sent.slice(-1), printer.lost]).toEqual([
      5 * BACKLOG_BYTES + 4,
      "abcx",
      "z",
      4,
    ]);
    printer.print(Buffer.from("on"));
    printer.writable(2);
    expect(sent.slice(-2)).toBe("on");
  });
});

describe("TCP streams", () => {
  class Socket implements Stream {
    remoteAddress = "192.0.2.9";
    remotePort = 40000;
    sent = "";
    isClosed = false;
    data = new ArrayBuffer(0);
    breaks = false;
    readonly target?: StreamUser;
    private readonly options: StreamOptions;

    constructor(options: StreamOptions) {
      this.options = options;
      this.target = options.target;
    }

    makeRoom(bytes: number): void {
      this.options.onWritable.call(this, bytes);
    }

    bring(): void {
      this.options.onReadable.call(this);
    }

    fail(): void {
      this.options.onError.call(this);
    }

    read(): ArrayBuffer {
      return this.data;
    }

    write(value: number | ArrayBuffer): void {
      if (this.breaks) throw new Error("broken");
      this.sent += Buffer.from(value as ArrayBuffer).toString();
    }

    close(): void {
      this.isClosed = true;
    }
  }

  function stack() {
    const sockets: Socket[] = [];
    const told: string[] = [];
    let accept = (_requests: number) => {};
    const streams = new Streams(
      {
        connect: (options) => {
          sockets.push(new Socket(options));
          return sockets[sockets.length - 1];
        },
        listen: (options) => {
          accept = options.onReadable;
          return { read: () => new Socket({} as StreamOptions) };
        },
      },
      {
        address: 0,
        port: 5060,
        onOpen: (c, incoming) => told.push("open " + c.id + " " + incoming),
        onData: (c, bytes, start, end) => told.push("data " + c.id + " " + Buffer.from(bytes.slice(start, end))),
        onClose: (c) => told.push("close " + c.id),
        onError: () => {},
      },
    );
    return { streams, sockets, told, accept: (requests: number) => accept(requests) };
  }

  const bytes = Buffer.from("hello world");

  it("queue what is written before they open, and send what fits", () => {
    const { streams, sockets, told } = stack();
    const connection = streams.connect(ipv4("192.0.2.1"), 5060)!;
    expect(connection.write(bytes, 0, 11)).toBe(true);
    expect(sockets[0].sent).toBe("");
    sockets[0].makeRoom(5);
    expect(sockets[0].sent).toBe("hello");
    sockets[0].makeRoom(100);
    expect(sockets[0].sent).toBe("hello world");
    expect(told).toEqual(["open 1 false"]);
  });

  it("say whether they are open, and send nothing any more when they are dropped", () => {
    const { streams, sockets, told } = stack();
    const connection = streams.connect(ipv4("192.0.2.1"), 5060)!;
    connection.write(bytes, 0, 11);
    expect(connection.isOpen).toBe(false);
    connection.drop();
    expect([sockets[0].sent, sockets[0].isClosed, streams.find(connection.id)]).toEqual(["", true, null]);
    const other = streams.connect(ipv4("192.0.2.1"), 5060)!;
    sockets[1].makeRoom(5);
    expect(other.isOpen).toBe(true);
    other.write(bytes, 0, 11);
    other.drop();
    expect([other.isOpen, sockets[1].sent, sockets[1].isClosed]).toEqual([false, "hello", true]);
    expect(told).toEqual(["open 2 false"]);
  });

  it("send every octet once and in its order, however much the network takes", () => {
    for (const rooms of [[3, 1, 0, 7, 100, 2, 40], [100], [0, 0, 11, 22, 1, 1, 1, 60], [12, 30, 12, 1, 60]]) {
      const { streams, sockets } = stack();
      const connection = streams.connect(ipv4("192.0.2.1"), 5060)!;
      let written = "";
      for (const [i, room] of rooms.entries()) {
        if (i !== 1) sockets[0].makeRoom(room);
        const text = "hello world " + i;
        expect(connection.write(new Uint8Array(Buffer.from(text)), 0, text.length)).toBe(true);
        written += text;
      }
      expect(written.startsWith(sockets[0].sent)).toBe(true);
      sockets[0].makeRoom(1000);
      expect(sockets[0].sent).toBe(written);
    }
  });

  it("refuse more than the queue holds", () => {
    const { streams } = stack();
    const connection = streams.connect(ipv4("192.0.2.1"), 5060)!;
    expect(connection.write(new Uint8Array(4096), 0, 4096)).toBe(true);
    expect(connection.write(bytes, 0, 1)).toBe(false);
  });

  it("that others open are told with what they bring, and their end", () => {
    const { accept, sockets, told, streams } = stack();
    accept(1);
    sockets[0].data = new Uint8Array(Buffer.from("INVITE")).buffer;
    sockets[0].bring();
    sockets[0].fail();
    expect(told).toEqual(["open 1 true", "data 1 INVITE", "close 1"]);
    expect(streams.find(1)).toBe(null);
  });

  it("send the rest before they close, and a break is told once", () => {
    const { streams, sockets, told } = stack();
    const first = streams.connect(ipv4("192.0.2.1"), 5060)!;
    sockets[0].makeRoom(0);
    first.write(bytes, 0, 11);
    first.close();
    expect(sockets[0].isClosed).toBe(false);
    sockets[0].makeRoom(11);
    expect([sockets[0].sent, sockets[0].isClosed]).toEqual(["hello world", true]);
    const second = streams.connect(ipv4("192.0.2.1"), 5060)!;
    sockets[1].breaks = true;
    second.write(bytes, 0, 11);
    sockets[1].makeRoom(11);
    sockets[1].fail();
    expect(told.filter((line) => line.startsWith("close"))).toEqual(["close 2"]);
  });

  it("are four at most", () => {
    const { streams } = stack();
    for (let i = 0; i < 4; i++) expect(streams.connect(ipv4("192.0.2.1"), 5060 + i)).not.toBe(null);
    expect(streams.connect(ipv4("192.0.2.1"), 6000)).toBe(null);
    expect(streams.findTo(ipv4("192.0.2.1"), 5062)?.id).toBe(3);
    streams.close();
    expect(streams.find(3)).toBe(null);
  });
});
