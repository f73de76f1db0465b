/**
 * The firmware with a keypad of rows and columns at a board's pins: which pins are driven and when, which key a
 * connection of two pins is, and that a person's code opens. Not here: bounces and several keys
 * (test/hal/matrixkeypad.test.ts).
 */
import { beforeEach, expect, it, vi } from "vitest";
import main from "../../src/main.js";
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
vi.mock("../../hal/boards/board.js", async () => {
  const { BOARD } = await import("../../hal/boards/m5atom_echo_s3r/board.js");
  return { BOARD: { ...BOARD, reader: null, keypad: { rows: [31, 32, 33, 34], columns: [35, 36, 37] } } };
});

const RELAY = 5;
const ROWS = [31, 32, 33, 34];
const COLUMNS = [35, 36, 37];
const KEYS = "123456789*0#";

/** Holds a key of the keypad for a while, and lets it go. */
async function press(key: string, ms = 100): Promise<void> {
  const at = KEYS.indexOf(key);
  board.keys = [[ROWS[Math.floor(at / 3)], COLUMNS[at % 3]]];
  await board.run(ms, main);
  board.keys = [];
  await board.run(100, main);
}

beforeEach(async () => {
  newBoard();
  board.start(main);
  await board.run(500, main);
});

it("opens by a person's code, and by no other", async () => {
  board.type("people add Anna --code 258036\npeople add Ben --code 174906\n");
  for (const code of ["258037", "258036"]) {
    expect(board.level(RELAY), code).toBe(0);
    for (const key of code) await press(key);
  }
  expect(board.level(RELAY)).toBe(1);
  expect(board.printed).toContain("Anna");
  await board.run(10_000, main);
  expect(board.level(RELAY)).toBe(0);
  // With the other code each key was used.
  for (const key of "174906") await press(key);
  expect(board.level(RELAY)).toBe(1);
});

it("drives its rows low at rest, one alone while a key is down, never high, and no column", async () => {
  const atRest = ROWS.map((pin) => board.pins.get(pin)?.length);
  await board.run(5000, main);
  expect(ROWS.map((pin) => board.level(pin))).toEqual([0, 0, 0, 0]);
  expect(ROWS.map((pin) => board.pins.get(pin)?.length)).toEqual(atRest);
  const seen = new Set<string>();
  board.onPin = () => void seen.add(ROWS.map((pin) => (board.level(pin) < 0 ? "-" : board.level(pin))).join(""));
  await press("5");
  for (const alone of ["0---", "-0--", "--0-", "---0"]) expect(seen).toContain(alone);
  // Two keys in a column connect two rows: a high one would drive against a low one.
  expect([...seen].join("")).not.toContain("1");
  expect(ROWS.map((pin) => board.level(pin))).toEqual([0, 0, 0, 0]);
  for (const pin of COLUMNS) expect(board.pins.has(pin)).toBe(false);
});

it("tells a key that stays down, and goes on with the others after a restart", async () => {
  board.type("people add Anna --code 258036\n");
  await press("9", 31_000);
  expect(board.printed).toContain("key 9 of the keypad stays down");
  board.crash(new Error("x"));
  board.start(main);
  await board.run(7000, main);
  for (const key of "258036") await press(key);
  expect(board.level(RELAY)).toBe(1);
});
