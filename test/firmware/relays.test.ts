/**
 * The relay's pin from reset on, for each way a relay and its lock can be connected: an electrical model of module and
 * lock watches the pin of the virtual board. Whatever happens, the pin is driven to the level that opens only while the
 * door is released.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
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
// The reference board with a button inside, and a second relay.
vi.mock("../../hal/boards/board.js", async () => {
  const { BOARD } = await import("../../hal/boards/m5atom_echo_s3r/board.js");
  return { BOARD: { ...BOARD, exit: 38, relays: [5, 39] } };
});

// Pins of the reference board.
const RELAY = 5;
const EXIT = 38;
const RELAY_2 = 39;
const LED = 6;

const ACTIVE = ["high", "low"] as const;
const LOCK = ["fail-secure", "fail-safe"] as const;
const MODE = ["pulse", "held"] as const;
type Wired = { active: (typeof ACTIVE)[number]; lock: (typeof LOCK)[number] };
const WAYS: Wired[] = ACTIVE.flatMap((active) => LOCK.map((lock) => ({ active, lock })));

/** @returns the level of the pin that opens the door, by the wiring */
function opening({ active, lock }: Wired): number {
  const isOn = lock === "fail-secure";
  return isOn === (active === "high") ? 1 : 0;
}

const store = {
  read: (key: string) => board.stored.get(key) ?? null,
  write: (key: string, value: string) => void board.stored.set(key, value),
};

function keep(key: string, ...lines: string[]): void {
  const record = new KeptText(store, key);
  record.read();
  record.write(lines.map((line) => "set " + line + "\n").join(""));
}

/** Presses the button inside. */
async function exit(): Promise<void> {
  board.press(EXIT, true);
  await board.run(100, main);
  board.press(EXIT, false);
  await board.run(100, main);
}

function tearAll(): void {
  for (const [key, text] of board.stored) board.stored.set(key, text.slice(1));
}

function loseStorage(): void {
  board.storeProblem = "no partition";
}

/** Stores settings of a newer firmware. */
function keepNewer(): void {
  keep("settings", "relay1.active tristate", "sip.user x");
  keep("wiring", "relay1.active tristate");
}

/** Makes settings as a person saves them, so that the firmware keeps all that it keeps. */
async function setUp({ active, lock }: Wired, mode: string): Promise<void> {
  board.start(main);
  await board.run(100, main);
  for (const line of [`relay1.active ${active}`, `relay1.lock ${lock}`, `relay1.mode ${mode}`, "relay1.pulse 2"])
    board.type("set " + line + "\n");
  board.type("set wifi.ssid house\nset wifi.password secret\nsave\n");
  reset();
}

/** A power cut: no pin is driven, and nothing is told before. */
function reset(): void {
  for (const pin of board.pins.keys()) board.setPin(pin, -1);
  board.lives++;
}

/**
 * Watches from here on. @returns the times at which the pin was driven to the opening level while the door was locked
 */
function watch(wired: () => Wired): { isReleased: boolean; wrong: string[] } {
  const seen = { isReleased: false, wrong: [] as string[] };
  board.onPin = (pin, level) => {
    if (pin === RELAY && level === opening(wired()) && !seen.isReleased)
      seen.wrong.push(board.clock.now() + " ms: " + level);
  };
  return seen;
}

beforeEach(() => newBoard());

describe.each(WAYS)("A relay that is on while its pin is $active, of a $lock lock", (wired) => {
  const [open, locked] = [opening(wired), 1 - opening(wired)];

  it("locks from the first level its pin has after reset, opens for its pulse, and locks before a restart", async () => {
    await setUp(wired, "pulse");
    const seen = watch(() => wired);
    board.start(main);
    expect(board.level(RELAY)).toBe(locked);
    await board.run(2000, main);
    seen.isReleased = true;
    board.type("open\n");
    expect(board.level(RELAY)).toBe(open);
    await board.run(1900, main);
    expect(board.level(RELAY)).toBe(open);
    await board.run(200, main);
    seen.isReleased = false;
    expect(board.level(RELAY)).toBe(locked);
    seen.isReleased = true;
    board.type("open\n");
    seen.isReleased = false;
    board.crash(new Error("out of memory"));
    expect(board.pinsAtRestart).toContainEqual([RELAY, locked]);
    expect(seen.wrong).toEqual([]);
  });

  it("is driven to nothing but locked by a settings record that is torn, with the wiring kept beside it", async () => {
    await setUp(wired, "pulse");
    for (const [key, text] of board.stored) if (key.startsWith("settings")) board.stored.set(key, text.slice(0, -2));
    const seen = watch(() => wired);
    board.printed = "";
    board.start(main);
    expect(board.level(RELAY)).toBe(locked);
    await board.run(10, main);
    expect(board.printed).toContain(
      "error settings: what was kept cannot be read: all but the wiring are as at first\n",
    );
    board.type("set sip.user x\nsave\nfactory-reset yes\n");
    reset();
    board.start(main);
    await board.run(3000, main);
    expect(board.level(RELAY)).toBe(locked);
    expect(seen.wrong).toEqual([]);
  });

  it.each([
    ["everything kept is torn", tearAll],
    ["the storage cannot be used", loseStorage],
    ["a newer firmware kept another word for it", keepNewer],
  ])("is left undriven when %s, opens all the same, and stays so over saves until it is told", async (_what, spoil) => {
    await setUp(wired, "pulse");
    spoil();
    const seen = watch(() => wired);
    board.start(main);
    await board.run(3000, main);
    expect(board.level(RELAY)).not.toBe(1 - locked);
    expect(board.printed).toContain("error relay1.active is not known");
    expect(board.printed).toContain("error relay2.active is not known");
    // The pin is driven for the pulse, then not at all.
    seen.isReleased = true;
    await exit();
    expect(board.level(RELAY)).toBe(1);
    await board.run(3500, main);
    seen.isReleased = false;
    expect(board.level(RELAY)).toBe(-1);
    board.crash(new Error("x"));
    expect(board.pinsAtRestart).toContainEqual([RELAY, -1]);
    if (board.storeProblem !== "") return;
    board.start(main);
    board.type("set sip.user y\nsave\n");
    reset();
    board.start(main);
    await board.run(100, main);
    expect(board.level(RELAY)).toBe(-1);
    board.type(`set relay1.active ${wired.active}\nset relay1.lock ${wired.lock}\nsave\n`);
    expect(board.level(RELAY)).toBe(locked);
    // The wiring of one relay tells nothing about the other.
    expect(board.level(RELAY_2)).toBe(-1);
    expect(seen.wrong).toEqual([]);
  });

  it("is at no time driven open but to open, whatever happens in whichever order", async () => {
    const step = fc.constantFrom("open", "close", "wait", "other", "rewire", "crash", "reset", "tear", "factory");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...MODE), fc.array(step, { maxLength: 12 }), async (mode, steps) => {
        newBoard();
        await setUp(wired, mode);
        let now = wired;
        const seen = watch(() => now);
        board.start(main);
        await board.run(1000, main);
        let isHeld = mode === "held";
        for (const one of steps) {
          if (one === "open") {
            // The button inside needs no network; a press of it ends a held opening.
            if (!isHeld || !seen.isReleased) {
              seen.isReleased = true;
              await exit();
            }
            expect(board.level(RELAY)).toBe(opening(now));
          } else if (one === "close") {
            if (isHeld && seen.isReleased) {
              seen.isReleased = false;
              await exit();
            }
          } else if (one === "wait") {
            // A pulse ends; at the latest then the door is locked.
            await board.run(10_000, main);
            if (!isHeld) seen.isReleased = false;
          } else if (one === "other") {
            board.type("set sip.name x\nsave\n");
          } else if (one === "rewire") {
            // The owner changes the relay module and the setting at the same moment.
            now = WAYS[(WAYS.indexOf(now) + 1) % WAYS.length];
            board.type(`set relay1.active ${now.active}\nset relay1.lock ${now.lock}\nsave\n`);
          } else if (one === "factory") {
            // A held relay has a pulse from now on.
            board.type("factory-reset yes\n");
            if (seen.isReleased) await exit();
            isHeld = false;
            await board.run(10_000, main);
            seen.isReleased = false;
          } else {
            seen.isReleased = false;
            if (one === "crash") board.crash(new Error("x"));
            else reset();
            if (one === "tear") {
              const newest = [...board.stored.keys()].filter((key) => key.startsWith("settings"))[0];
              board.stored.set(newest, (board.stored.get(newest) ?? "").slice(0, -1));
            }
            board.start(main);
            // After a torn save the one before counts, or the wiring alone: in pulses.
            await board.run(1000, main);
            // After a torn save the one before counts, or the wiring alone: then the relay has its pulse.
            board.type("get relay1.mode\n");
            isHeld = board.printed.endsWith("relay1.mode held\n");
          }
          if (!seen.isReleased) expect(board.level(RELAY)).toBe(1 - opening(now));
        }
        expect(seen.wrong).toEqual([]);
      }),
      { seed: 20261129, numRuns: Number(process.env.RELAY_RUNS ?? 12) },
    );
  }, 600_000);
});

describe("The light", () => {
  it("that is lit by a low pin is dark while the pin is high, and turns at once when that is set", async () => {
    board.start(main);
    await board.run(100, main);
    const before = board.level(LED);
    board.type("set led.active low\nsave\n");
    expect(board.level(LED)).toBe(1 - before);
    reset();
    board.start(main);
    // A short flash each second: no network.
    await board.run(50, main);
    expect(board.level(LED)).toBe(0);
    await board.run(500, main);
    expect(board.level(LED)).toBe(1);
  });
});

describe("Settings that do not fit this firmware", () => {
  it("are left out and named, never with what they hold; all others hold", async () => {
    keep(
      "settings",
      "sip.user front",
      "sip.colour red",
      "relay1.code 12secret",
      "relay1.pulse 99",
      "call.target sip:a@192.0.2.2",
    );
    board.start(main);
    await board.run(10, main);
    expect(board.printed).toContain(
      "error settings: left out, since this firmware does not know or allow it: sip.colour, relay1.code, relay1.pulse\n",
    );
    expect(board.printed).not.toContain("secret");
    board.type("get sip.user\nget call.target\nget relay1.pulse\n");
    expect(board.printed).toContain("sip.user front\ncall.target sip:a@192.0.2.2\nrelay1.pulse 3\n");
    expect(board.level(RELAY)).toBe(0);
  });

  it("are counted when there are many, and name nothing that steers a terminal", async () => {
    keep("settings", ...Array.from({ length: 40 }, (_, i) => "x\x1b[2J" + i + " 1"));
    board.start(main);
    await board.run(10, main);
    expect(board.printed).toContain("x?[2J0, x?[2J1, x?[2J2, x?[2J3, x?[2J4, x?[2J5 and 34 more\n");
  });
});
