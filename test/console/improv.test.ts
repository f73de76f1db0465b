/**
 * Wi-Fi that a browser hands over on the console's line. The frames are written by the table of Improv's document, not
 * by the code under test.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { IMPROV_JOINED, IMPROV_READY, Improv, type ImprovUser } from "../../src/console/improv.js";
import { octets, text } from "../../src/core/bytes.js";

const NAME = [...octets("IMPROV")];

function frameOf(type: number, data: number[]): number[] {
  const frame = [...NAME, 1, type, data.length, ...data];
  return [...frame, frame.reduce((sum, octet) => sum + octet, 0) & 0xff];
}

const command = (id: number, data: number[] = []): number[] => frameOf(3, [id, data.length, ...data]);
const string = (value: string): number[] => [octets(value).length, ...octets(value)];
const wifi = (ssid: string, password: string): number[] => command(1, [...string(ssid), ...string(password)]);
const result = (id: number, ...strings: string[]): number[] => {
  const data = strings.flatMap(string);
  return frameOf(4, [id, data.length, ...data]);
};
const state = (value: number): number[] => frameOf(1, [value]);
const error = (value: number): number[] => frameOf(2, [value]);

const READY = state(2);
const JOINING = state(3);
const JOINED = state(4);

class Line implements ImprovUser {
  typed: number[] = [];
  frames: number[][] = [];
  wifi: string[] = [];
  canJoin = true;
  networks: [string, number, boolean][] | null = null;
  nowMs = 0;
  readonly improv = new Improv(this, { firmware: "Portero", version: "1.2.3", hardware: "ESP32", name: "door" });

  onConsole(bytes: Uint8Array, start: number, end: number): void {
    this.typed.push(...bytes.subarray(start, end));
  }
  onFrame(bytes: Uint8Array, start: number, end: number): void {
    const sent = [...bytes.subarray(start, end)];
    // The frame stands on a line of its own.
    expect([sent[0], sent.at(-1)]).toEqual([10, 10]);
    this.frames.push(sent.slice(1, -1));
  }
  onWifi(ssid: string, password: string): boolean {
    this.wifi.push(ssid + "/" + password);
    return this.canJoin;
  }
  onScan(): boolean {
    if (this.networks === null) return false;
    for (const network of this.networks) this.improv.network(...network);
    this.improv.scanned();
    return true;
  }

  get console(): string {
    return text(Uint8Array.from(this.typed));
  }

  /** @returns the frames of the answer */
  send(octetsToSend: number[]): number[][] {
    this.frames = [];
    this.improv.receive(Uint8Array.from(octetsToSend), 0, octetsToSend.length, this.nowMs);
    return this.frames;
  }
}

let line: Line;
beforeEach(() => {
  line = new Line();
});

describe("a browser hands the Wi-Fi over", () => {
  it("is told that it is joined, and where the device is", () => {
    expect(line.send(wifi("Haus am See", "päßwort"))).toEqual([JOINING]);
    expect(line.wifi).toEqual(["Haus am See/päßwort"]);
    line.improv.joined("sip:door@192.168.1.7");
    expect(line.frames).toEqual([JOINING, JOINED, result(1, "sip:door@192.168.1.7")]);
    expect(line.improv.state).toBe(IMPROV_JOINED);
  });

  it("is told that it could not be joined, and may try again", () => {
    line.send(wifi("net", "wrong"));
    line.improv.failed();
    expect(line.frames).toEqual([JOINING, error(3), READY]);
    expect(line.send(wifi("net", ""))).toEqual([error(0), JOINING]);
    expect(line.wifi).toEqual(["net/wrong", "net/"]);
  });

  it("is told when it cannot be kept", () => {
    line.canJoin = false;
    expect(line.send(wifi("net", "secret"))).toEqual([JOINING, error(0xff), READY]);
  });

  it.each([
    ["no name", wifi("", "secret")],
    ["a name of 33 octets", wifi("n".repeat(33), "secret")],
    ["a password of 65 octets", wifi("net", "p".repeat(65))],
    ["a name with a line end in it", wifi("net\nset sip.password x", "secret")],
    ["no password's length", command(1, string("net"))],
    ["a length that points behind the end", command(1, [9, 0x6e])],
    ["a password that ends before the data", command(1, [...string("net"), 1, 0x61, 0x62])],
    ["no data", command(1)],
    ["a command whose length is not that of its data", frameOf(3, [1, 9, 1])],
    ["an empty command", frameOf(3, [])],
    ["a wrong checksum", [...wifi("net", "secret").slice(0, -1), 0]],
  ])("%s changes nothing and is an error", (_, sent) => {
    expect(line.send(sent)).toEqual([error(1)]);
    expect(line.wifi).toEqual([]);
    expect(line.improv.state).toBe(IMPROV_READY);
  });
});

describe("a browser asks", () => {
  it("for the state, and once it is joined also where the device is", () => {
    expect(line.send(command(2))).toEqual([READY]);
    line.improv.joined("sip:door@10.0.0.9");
    expect(line.send(command(2))).toEqual([JOINED, result(2, "sip:door@10.0.0.9")]);
    line.improv.failed();
    expect(line.send(command(2))).toEqual([READY]);
  });

  it("what the device is", () => {
    expect(line.send(command(3))).toEqual([result(3, "Portero", "1.2.3", "ESP32", "door")]);
  });

  it("which networks there are: one result for each, and an empty one", () => {
    line.networks = [
      ["net", -61, true],
      ["free", -80, false],
    ];
    expect(line.send(command(4))).toEqual([result(4, "net", "-61", "YES"), result(4, "free", "-80", "NO"), result(4)]);
  });

  it("which networks there are of a radio that cannot look: the empty result alone", () => {
    expect(line.send(command(4))).toEqual([result(4)]);
  });

  it("what is not known, and gets an error that the next good command takes back", () => {
    expect(line.send(command(99))).toEqual([error(2)]);
    expect(line.send(command(2))).toEqual([error(0), READY]);
  });

  it("and a network that comes and goes by itself puts no frame on the line", () => {
    line.improv.joined("sip:door@10.0.0.9");
    line.improv.failed();
    expect(line.frames).toEqual([]);
  });
});

describe("the console on the same line", () => {
  it("gets all that is no frame, and nothing of a frame or the line end behind it", () => {
    line.send([...octets("sta"), ...command(2), 10, ...octets("tus\r\n")]);
    expect(line.console).toBe("status\r\n");
    expect(line.frames).toEqual([READY]);
  });

  it.each(["I", "IMPROV", "IIMPROVE", "IMPROV\x02", "IMIMPROV?"])("gets what only begins like a frame: %j", (typed) => {
    line.send([...octets(typed + "\n")]);
    expect(line.console).toBe(typed + "\n");
  });

  it("gets the line back a second after a frame broke off", () => {
    line.send(wifi("net", "secret").slice(0, 15));
    line.nowMs = 1001;
    line.send([...octets("status\n")]);
    expect(line.console).toBe("status\n");
    expect(line.wifi).toEqual([]);
  });

  it("frames of a device, as an echo brings them, are passed over", () => {
    expect(line.send([...JOINED, ...result(3, "x")])).toEqual([]);
    expect(line.console).toBe("");
  });

  it("gets the same however text and frames are mixed and cut, and each frame is answered once", () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom("I", "M", "IMPROV", "IMPR", "x", "\n", "é"), maxLength: 8 }),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(6), { maxLength: 40 }), (pieces, cuts) => {
        const mixed = new Line();
        // A line end behind a frame belongs to the frame.
        const all = pieces.flatMap((one) => (one === null ? [...command(2), 10] : [...octets(one)]));
        for (let at = 0, i = 0; at < all.length; i++) {
          const size = (cuts[i % Math.max(1, cuts.length)] ?? 0) + 1;
          mixed.improv.receive(Uint8Array.from(all.slice(at, at + size)), 0, Math.min(size, all.length - at), 0);
          at += size;
        }
        mixed.nowMs = 1001;
        mixed.improv.receive(new Uint8Array(0), 0, 0, 1001);
        expect(mixed.typed).toEqual(pieces.flatMap((one) => (one === null ? [] : [...octets(one)])));
        expect(mixed.frames).toEqual(pieces.filter((one) => one === null).map(() => READY));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("random octets never hand a Wi-Fi over", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const noisy = new Line();
        noisy.send([...NAME, 1, 3, ...noise]);
        expect(noisy.wifi).toEqual([]);
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});
