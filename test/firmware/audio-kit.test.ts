/**
 * The firmware on the pins of the audio kit: its LED is lit by a low pin, and its microphone is at one of two pairs of
 * inputs.
 */
import { beforeEach, expect, it, vi } from "vitest";
import { BOARD_WIRING } from "../../host-sim/io/chips/codec.js";
import { VirtualEs8388 } from "../../host-sim/io/chips/es8388.js";
import main from "../../src/main.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { board, newBoard } from "./virtual.js";

vi.mock("embedded:io/digital", async () => ({ default: (await import("./virtual.js")).Digital }));
vi.mock("embedded:io/serial", async () => ({ default: (await import("./virtual.js")).Serial }));
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
vi.mock("../../hal/boards/board.js", async () => await import("../../hal/boards/esp32_audio_kit/board.js"));

const BUTTON = 36;
const LED = 22;
const AMPLIFIER = 21;

/** Starts with a microphone at one pair of inputs, joined to its network, with no phone at the address it calls. */
async function begin(microphone: number, more = ""): Promise<void> {
  board.chip = new VirtualEs8388(BOARD_WIRING, () => board.clock.now(), microphone);
  const store = {
    read: (key: string) => board.stored.get(key) ?? null,
    write: (key: string, value: string) => void board.stored.set(key, value),
  };
  const text = "set wifi.ssid house\nset wifi.password secret\nset call.target sip:phone@192.0.2.2\n" + more;
  new KeptText(store, "settings").write(text);
  board.start(main);
  await board.run(3000, main);
}

/** Calls; after half a minute without an answer a tone tells the failure, and the microphone runs as long. */
async function call(): Promise<void> {
  board.recorded = 0;
  board.press(BUTTON, true);
  await board.run(100, main);
  board.press(BUTTON, false);
  await board.run(40_000, main);
}

beforeEach(() => newBoard());

it("The LED is dark while its pin is high, and the setting can turn that", async () => {
  await begin(1);
  // Ready: a flash of 50 ms every 3 s.
  await board.run(1500, main);
  expect(board.level(LED)).toBe(1);
  board.type("set led.active high\nsave\n");
  expect(board.level(LED)).toBe(0);
  expect(board.level(AMPLIFIER)).toBe(1);
  board.type("set amplifier.active low\nsave\n");
  expect(board.level(AMPLIFIER)).toBe(0);
});

it.each([
  [1, "", true],
  [2, "", false],
  [2, "set audio.input line2\n", true],
  [1, "set audio.input line2\n", false],
])("A microphone at inputs %i with '%s' is heard: %s", async (microphone, more, isHeard) => {
  await begin(microphone, more);
  await call();
  expect(board.recorded > 0).toBe(isHeard);
  // The setting reaches the chip while it runs.
  board.type("set audio.input " + (microphone === 1 ? "line1" : "line2") + "\nsave\n");
  await call();
  expect(board.recorded).toBeGreaterThan(0);
});
