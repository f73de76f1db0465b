/**
 * The console by a UART: the firmware on the virtual board, and a computer that pastes more than the door takes at
 * once.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SERIAL } from "../../host-sim/config/link.js";
import { Station } from "../../src/driver/station.js";
import main from "../../src/main.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { board, newBoard } from "./virtual.js";
import { FifoSerial, line, newLine, UartSerial } from "./virtual-uart.js";

let serial: unknown = UartSerial;

vi.mock("embedded:io/digital", async () => ({ default: (await import("./virtual.js")).Digital }));
vi.mock("embedded:io/smbus", async () => ({ default: (await import("./virtual.js")).SMBus }));
vi.mock("embedded:io/socket/listener", async () => ({ default: (await import("./virtual.js")).Listener }));
vi.mock("embedded:io/socket/tcp", async () => ({ default: (await import("./virtual.js")).TCP }));
vi.mock("embedded:network/interface/wifi", async () => ({ default: (await import("./virtual.js")).WiFi }));
vi.mock("embedded:storage/key-value", async () => ({ default: { open: () => flash } }));
vi.mock("net", async (original) => ({ ...(await original<object>()), default: { get: () => ["192.0.2.53"] } }));
vi.mock("time", async () => ({ default: (await import("./virtual.js")).Time }));
vi.mock("timer", async () => ({ default: (await import("./virtual.js")).Timer }));
vi.mock("../../hal/native/datagram.js", async () => ({ openUdp: (await import("./virtual.js")).openUdp }));
vi.mock("../../hal/native/i2s.js", async () => ({ openI2S: (await import("./virtual.js")).openI2S }));
vi.mock("embedded:io/serial", () => ({
  default: class {
    constructor(options: object) {
      // biome-ignore lint/correctness/noConstructorReturn: which one a test says.
      return new (serial as new (options: object) => object)(options);
    }
  },
}));
vi.mock("../../hal/boards/board.js", async () => await import("../../hal/boards/esp32_audio_kit/board.js"));

/** Each write erases a page. During that nothing else runs, and no interrupt handler that lies in flash. */
const ERASE_MS = 60;
const flash = {
  read: (key: string) => board.stored.get(key),
  write: (key: string, value: string) => {
    board.stored.set(key, value);
    line.pass(ERASE_MS);
  },
};

let taken: string[] = [];

beforeEach(() => {
  newBoard();
  newLine();
  serial = UartSerial;
  taken = [];
  vi.restoreAllMocks();
  const { line: real } = Station.prototype;
  vi.spyOn(Station.prototype, "line").mockImplementation(function (this: Station, input, ...rest) {
    if (input !== "") taken.push(input);
    return real.call(this, input, ...rest);
  });
});

async function begin(): Promise<void> {
  const store = { read: (key: string) => board.stored.get(key) ?? null, write: flash.write };
  const record = new KeptText(store, "settings");
  record.read();
  record.write("set wifi.ssid house\nset wifi.password secret\nset time.server none\n");
  board.start(main);
  await board.run(3000, main);
  line.heard = "";
}

/** Lines of a settings file, a save after each twentieth. */
function lines(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    i % 20 === 19 ? "save" : `set sip.name The door of house number ${i + 1}`,
  );
}

async function paste(all: string[]): Promise<void> {
  line.paste(all.join("\n") + "\n");
  while (!line.isSent) await board.run(100, main);
  await board.run(3000, main);
}

describe("200 lines that are pasted, saves among them", () => {
  it("are lost in part by the chip's FIFO alone", async () => {
    serial = FifoSerial;
    line.capacity = 128;
    await begin();
    await paste(lines(200));
    expect(line.lost).toBeGreaterThan(100);
    expect(taken).not.toEqual(lines(200));
  });

  it.each([true, false])(
    "are all kept, in their order; the computer pauses when it is asked to: %s",
    async (isObedient) => {
      line.isObedient = isObedient;
      await begin();
      await paste(lines(200));
      expect(line.lost).toBe(0);
      expect(taken).toEqual(lines(200));
      expect(line.heard).toBe("ok\n".repeat(200));
      expect(line.pauses).toBeGreaterThan(0);
    },
  );
});

describe("More than the ring holds", () => {
  it("is all kept when the computer pauses", async () => {
    await begin();
    await paste(lines(2000));
    expect([line.lost, taken.length]).toEqual([0, 2000]);
    expect(taken).toEqual(lines(2000));
  });

  it("is told when it does not: what was carried out is a beginning of it, and no part of a line", async () => {
    line.isObedient = false;
    await begin();
    const all = lines(2000);
    await paste(all);
    expect(line.lost).toBeGreaterThan(0);
    expect(taken.length).toBeGreaterThan(100);
    expect(taken).toEqual(all.slice(0, taken.length));
    expect(line.heard).toMatch(/error input was lost, and what came up to now thrown away: [^\n]*\n$/);
    line.heard = "";
    await paste(["set sip.name after", "save", "get sip.name"]);
    expect(line.heard).toBe("ok\nok\nsip.name after\n");
  });
});

describe("npm run config on a serial port", () => {
  it("pauses when the door asks for it", () => {
    expect(SERIAL).toEqual({ baudRate: 115200, xon: true });
  });
});
