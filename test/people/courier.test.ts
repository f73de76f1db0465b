/**
 * Tests one unbroken run, by console and keypad only: a door as it comes from the factory, its first people, a courier
 * who comes once, a power cut, a guesser and the lock that stops him, and what the log says of all that in the end.
 */
import { expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import type { SimEvent } from "../../host-sim/world/events.js";
import { Faults } from "../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { loadSettings } from "../../src/console/console.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Settings } from "../../src/settings/settings.js";
import { SeededRandom } from "../random.js";

class KeptStore extends MemoryStore {
  readonly kept = new Map<string, string>();
  override write(key: string, value: string): void {
    this.kept.set(key, value);
    super.write(key, value);
  }
}

const clock = new VirtualClock();
clock.epochAtStartS = Date.parse("2026-11-30T12:00:00Z") / 1000;
const store = new KeptStore();
const told: string[] = [];
const house: House = {
  clock,
  network: new VirtualNetwork(clock, new SeededRandom(1)),
  faults: new Faults(new SeededRandom(2), 0),
  wiretap: new Wiretap(clock),
  tell: (event: SimEvent) => void told.push(JSON.stringify(event)),
};
let door: Party;
let lives = 0;

/** Brings the power back: nothing of the life before is closed or written. */
async function powerOn(): Promise<void> {
  lives += 1;
  const settings = new Settings();
  // The address is another one, since nothing closed the sockets of the life before.
  expect(settings.set("net.address", `192.0.2.${lives}`)).toBe("");
  expect(loadSettings(store, settings)).toBe("");
  door = new Party(house, {
    name: "door",
    settings,
    random: new SeededRandom(100 + lives),
    microphone: { read: () => 0 },
    speaker: { write: () => {} },
    codec: null,
    store,
    // The log is long enough for all of the day.
    limits: { ...DOOR_LIMITS, logEntries: 100, logBytes: 20_000 },
  });
  await door.station.start();
}

async function wait(ms: number): Promise<void> {
  await clock.runUntil(clock.now() + ms);
}

/** @returns the state of relay 1 when all keys were pressed; its pulse is over then */
async function keys(names: string): Promise<boolean> {
  for (const name of names) {
    door.reader.key(name);
    await wait(150);
  }
  const isOpen = door.relays[0].value === 1;
  await wait(4000);
  return isOpen;
}

function say(line: string): string {
  const answer = door.line(line);
  expect(answer, line).not.toContain("error");
  return answer;
}

function newCode(line: string): string {
  return /code (\d{6}), shown this once/.exec(say(line))?.[1] ?? "";
}

it("from the factory to a courier whose second try is refused", async () => {
  await powerOn();
  expect(say("people")).toBe("0 of 50 people\n");
  expect(await keys("258036")).toBe(false);
  await wait(5000);

  const anna = newCode("people add Anna Meier --code new");
  const courier = newCode("people add courier --code new --until +24h --uses 1");
  const cleaner = newCode("people add cleaner --code new --when mon-sun 00:00-00:01 --note comes by night");
  say("people add Ben --card 188:24910 --relay 1,2");
  expect(new Set([anna, courier, cleaner, ""]).size).toBe(4);
  expect(door.line("people add anna meier --code new")).toBe("error: 'anna meier' is there already\n");
  expect(door.line(`people add Carl --code ${anna}`)).toBe("error: that code is taken: choose another one\n");

  // A wrong digit is taken back, and the code comes without #: its last digit opens.
  expect(await keys(`11**${anna}`)).toBe(true);
  // The courier comes, and the power is cut while the door is open.
  for (const name of courier) {
    door.reader.key(name);
    await wait(150);
  }
  expect(door.relays[0].value).toBe(1);
  await wait(70_000);
  await powerOn();
  expect(say("people show courier")).toContain("state used up");
  expect(await keys(courier)).toBe(false);
  expect(await keys(anna)).toBe(true);
  expect(await keys(cleaner)).toBe(false);
  door.reader.card(188 * 65536 + 24910);
  expect([door.relays[0].value, door.relays[1].value]).toEqual([1, 1]);
  await wait(4000);

  // A guesser makes five entries; then even the right code does not open, not after a power cut either.
  for (const guess of ["000000", "000001", "000002", "00000#", "000004"]) expect(await keys(guess)).toBe(false);
  expect(await keys(anna)).toBe(false);
  // After a minute it is in flash.
  await wait(61_000);
  await powerOn();
  expect(await keys(anna)).toBe(false);
  // The card goes on, and so does the console.
  door.reader.card(188 * 65536 + 24910);
  expect(door.relays[0].value).toBe(1);
  await wait(301_000);
  expect(await keys(anna)).toBe(true);
  // The right code frees its owner from what others guess.
  for (const guess of ["000003", "000004", "000005", "000006"]) expect(await keys(guess)).toBe(false);
  expect(await keys(anna)).toBe(true);
  expect(await keys("000007")).toBe(false);
  expect(await keys(anna)).toBe(true);
  expect(await keys(cleaner)).toBe(false);

  await wait(70_000);
  await powerOn();
  const log = door.line("log");
  for (const line of [
    "people added: courier",
    "open relay 1: code, Anna Meier",
    "open relay 1: code, courier",
    "error access refused: courier, used up, by keypad",
    "error access refused: cleaner, outside the hours, by keypad",
    "open relay 2: card, Ben",
    "error wrong door code, by keypad",
    "error door codes are locked",
  ])
    expect(log).toContain(line);
  // Each opening is an entry of its own.
  expect(log.split("open relay 1: code, Anna Meier")).toHaveLength(1 + 5);

  // The codes are only in the answers that made them.
  const everything = [
    ...store.kept.values(),
    ...told,
    log,
    say("people"),
    say("get"),
    say("status"),
    say("people show anna meier"),
  ];
  for (const code of [anna, courier, cleaner]) for (const text of everything) expect(text).not.toContain(code);
}, 30_000);
