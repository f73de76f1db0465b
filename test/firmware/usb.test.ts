/**
 * The console by the chip's own USB socket: the firmware on the virtual board, with a computer that fetches what is
 * sent, or none.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { POLL_MS, UsbPort } from "../../hal/moddable/usb/port.js";
import main from "../../src/main.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { board, newBoard } from "./virtual.js";
import { computer, newComputer } from "./virtual-usb.js";

vi.mock("embedded:io/digital", async () => ({ default: (await import("./virtual.js")).Digital }));
vi.mock("embedded:io/smbus", async () => ({ default: (await import("./virtual.js")).SMBus }));
vi.mock("embedded:io/socket/listener", async () => ({ default: (await import("./virtual.js")).Listener }));
vi.mock("embedded:io/socket/tcp", async () => ({ default: (await import("./virtual.js")).TCP }));
vi.mock("embedded:network/interface/wifi", async () => ({ default: (await import("./virtual.js")).WiFi }));
vi.mock("embedded:storage/key-value", async () => ({ default: (await import("./virtual.js")).KeyValue }));
vi.mock("net", async (original) => ({ ...(await original<object>()), default: { get: () => ["192.0.2.53"] } }));
vi.mock("time", async () => ({ default: (await import("./virtual.js")).Time }));
vi.mock("timer", async () => ({ default: (await import("./virtual.js")).Timer }));
vi.mock("../../hal/native/datagram.js", async () => ({ openUdp: (await import("./virtual.js")).openUdp }));
vi.mock("../../hal/native/i2s.js", async () => ({ openI2S: (await import("./virtual.js")).openI2S }));
vi.mock("embedded:io/serial", async () => ({ default: (await import("./virtual-usb.js")).UsbSerial }));
vi.mock("../../hal/boards/board.js", async () => await import("../../hal/boards/m5atom_echo_s3r/board.js"));

async function begin(...lines: string[]): Promise<void> {
  const store = {
    read: (key: string) => board.stored.get(key) ?? null,
    write: (key: string, value: string) => void board.stored.set(key, value),
  };
  if (lines.length > 0) new KeptText(store, "settings").write(lines.map((line) => "set " + line + "\n").join(""));
  board.start(main);
  await board.run(3000, main);
  computer.heard = "";
}

const NETWORK = ["wifi.ssid house", "wifi.password secret", "time.server none"];

beforeEach(() => {
  newBoard();
  newComputer();
});

describe("The console by USB", () => {
  it("answers, and long answers come whole", async () => {
    await begin(...NETWORK);
    computer.send("version\nget\n");
    await board.run(5000, main);
    expect(computer.heard).toMatch(/^Portero [\d.]+\nsip.user door\n/);
    expect(computer.heard).toMatch(/schedule4.hours \n$/);
    expect(computer.heard.length).toBeGreaterThan(1300);
  });

  it("keeps 200 lines that are pasted at once, saves among them", async () => {
    await begin(...NETWORK);
    for (let i = 1; i <= 200; i++) computer.send(`set sip.name line ${i}\n` + (i % 20 === 0 ? "save\n" : ""));
    computer.send("get sip.name\n");
    // There is room for sound and calls in between.
    await board.run(POLL_MS, main);
    expect(computer.unsent).toBeGreaterThan(1000);
    await board.run(10_000, main);
    expect(computer.heard).toBe("ok\n".repeat(210) + "sip.name line 200\n");
  });

  it("takes a Wi-Fi from a browser", async () => {
    await begin();
    const data = "\x05house\x06secret";
    const frame =
      "IMPROV\x01\x03" + String.fromCharCode(data.length + 2) + "\x01" + String.fromCharCode(data.length) + data;
    const sum = [...frame].reduce((total, one) => total + one.charCodeAt(0), 0);
    computer.send(frame + String.fromCharCode(sum & 255));
    await board.run(5000, main);
    expect(computer.heard).toContain("IMPROV\x01\x01\x01\x04");
    expect(computer.heard).toContain("sip:door@192.0.2.1");
  });

  it("holds nothing up when no program listens, and speaks in whole lines to one that comes later", async () => {
    computer.isListening = false;
    await begin(...NETWORK);
    for (let i = 0; i < 300; i++) {
      board.radio?.become(200, undefined);
      await board.run(3000, main);
    }
    expect(computer.heard).toBe("");
    computer.isListening = true;
    await board.run(100, main);
    computer.heard = "";
    computer.send("version\n");
    await board.run(1000, main);
    expect(computer.heard).toMatch(/^Portero [\d.]+\n$/);
    expect(board.restarts).toEqual([]);
  });

  it("tells what was left of a line apart from what comes", async () => {
    await begin(...NETWORK);
    computer.isListening = false;
    computer.send("help\n");
    await board.run(5000, main);
    computer.isListening = true;
    computer.send("version\n");
    await board.run(1000, main);
    expect(computer.heard).toMatch(/\nPortero [\d.]+\n$/);
  });

  it("has the last words of a restart sent before it", async () => {
    await begin(...NETWORK);
    board.crash(new Error("a reason of more than one packet, which is sixty-three octets in length"));
    expect(computer.heard).toMatch(/error unhandled exception: a reason of more than one packet, [^\n]*length\n/);
  });
});

describe("The port", () => {
  it("gives back what is asked for beyond what came as nothing, and loses what is written beyond its room", () => {
    const lone = new UsbPort(computer, {});
    computer.isListening = false;
    lone.poll();
    expect(lone.read()).toBeUndefined();
    for (let i = 0; i < 500; i++) lone.write(65);
    computer.isListening = true;
    for (let i = 0; i < 5; i++) lone.poll();
    expect(computer.heard).toBe("A".repeat(126));
  });
});
