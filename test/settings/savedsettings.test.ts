/**
 * Tests settings over a restart and over a change of firmware: too long, of an older form, of a newer one. The wiring
 * is in test/firmware/relays.test.ts.
 */
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console, loadSettings } from "../../src/console/console.js";
import { octets } from "../../src/core/bytes.js";
import { crc32, TEXT_MOST } from "../../src/settings/record.js";
import { Settings } from "../../src/settings/settings.js";
import { House } from "../intercom/house.js";
import { World } from "../ua/harness.js";

/** Starts a console on the kept settings. @returns a function that asks it, and what could not be used */
function start(store: MemoryStore) {
  const house = new House(new World());
  const console = new Console(house.door, { store, restart: () => {}, reboot: () => {}, log: house.log });
  const problem = console.load();
  return { line: (input: string) => console.line(input), problem, settings: house.settings };
}

function old(counter: number, text: string): string {
  return "portero 1 " + counter + " " + crc32(octets(counter + "\n" + text)) + "\n" + text;
}

/** Sets every ring plan to its longest: together more than can be kept. */
function fill(line: (input: string) => string): void {
  const plan = Array.from({ length: 8 }, (_, i) => "sip:somebody-with-a-name" + i + "@phones.example.org").join(",");
  expect(plan.length).toBeLessThan(400);
  for (let button = 1; button <= 4; button++)
    for (const when of ["day", "night", "hold"])
      expect(line(`set button${button}.${when} ${plan}`)).not.toContain("error");
}

describe("Settings longer than what a board can keep", () => {
  it("are refused by save with their size and what fits; what was kept and what is staged stay", () => {
    const store = new MemoryStore();
    const { line } = start(store);
    line("set sip.user front");
    expect(line("save")).toBe("ok\n");
    const before = JSON.stringify(["settings.a", "settings.b"].map((key) => store.read(key)));
    fill(line);
    const staged = line("diff");
    const said = line("save");
    expect(said).toMatch(/^error: not saved: \d+ octets are more than the 3900 that can be kept\n$/);
    expect(Number(said.match(/\d+/)![0])).toBeGreaterThan(TEXT_MOST);
    expect(line("diff")).toBe(staged);
    expect(JSON.stringify(["settings.a", "settings.b"].map((key) => store.read(key)))).toBe(before);
    const after = start(store);
    expect([after.problem, after.line("get sip.user")]).toEqual(["", "sip.user front\n"]);
  });

  it("that would change the wiring too leave that as it was", () => {
    const store = new MemoryStore();
    const { line } = start(store);
    fill(line);
    line("set relay1.active low");
    expect(line("save")).toMatch(/^error: not saved: /);
    const settings = new Settings();
    expect(loadSettings(store, settings)).toBe("");
    expect(settings.text("relay1.active")).not.toBe("low");
  });
});

describe("Settings that an older firmware kept", () => {
  it("are read, and are of this form after the start; the older firmware finds its own still", () => {
    const store = new MemoryStore();
    store.write("settings.b", old(4, "set sip.user front\n"));
    expect(start(store).line("get sip.user")).toBe("sip.user front\n");
    expect(store.read("settings.a")).toMatch(/^portero 2 5 \d+ 1\nset sip.user front\n/);
    expect(store.read("settings.b")).toBe(old(4, "set sip.user front\n"));
    expect(start(store).line("get sip.user")).toBe("sip.user front\n");
  });

  it("stay in their form while a part of them cannot be used: nothing is lost", () => {
    const store = new MemoryStore();
    store.write("settings.b", old(4, "set sip.user front\nset sip.colour red\n"));
    expect(start(store).problem).toContain("left out");
    expect([store.read("settings.a"), store.read("settings.b")]).toEqual([
      null,
      old(4, "set sip.user front\nset sip.colour red\n"),
    ]);
  });
});

describe("Settings that a newer firmware kept", () => {
  const NEWER = "portero 3 9 whatever that means\n\x01\x02";

  it.each([
    ["alone", null, "all are as at first", "sip.user door\n"],
    ["beside older ones", old(8, "set sip.user front\n"), "older ones are in force", "sip.user front\n"],
  ])("are told and left alone until a person replaces them: %s", (_, older, told, user) => {
    const store = new MemoryStore();
    if (older !== null) store.write("settings.a", older);
    store.write("settings.b", NEWER);
    const { line, problem } = start(store);
    expect(problem).toContain("a newer firmware kept settings (form 3) that this one cannot read and leaves alone");
    expect(problem).toContain(told);
    expect(problem).not.toContain("\n");
    expect(line("get sip.user")).toBe(user);
    line("set sip.domain example.org");
    expect(line("save")).toMatch(/^error: not saved: a newer firmware kept settings .*: save replace replaces them\n$/);
    expect([store.read("settings.a"), store.read("settings.b"), store.read("wiring.a")]).toEqual([older, NEWER, null]);
    expect(line("save please")).toMatch(/^error: save, or save replace/);
    expect(line("save replace")).toMatch(/^ok/);
    const after = start(store);
    expect([after.problem, after.line("get sip.user"), after.line("get sip.domain")]).toEqual([
      "",
      user,
      "sip.domain example.org\n",
    ]);
    expect(after.line("save")).toBe("ok\n");
  });

  it("are gone after a factory reset", () => {
    const store = new MemoryStore();
    store.write("settings.a", NEWER);
    const { line } = start(store);
    expect(line("factory-reset yes")).toMatch(/^ok/);
    expect(start(store).problem).toBe("");
  });

  it("leave a relay undriven whose wiring is in them", () => {
    const store = new MemoryStore();
    store.write("wiring.a", "portero 3 2 x\n");
    store.write("settings.a", "portero 3 2 x\n");
    expect(start(store).problem).toContain("how the relays are connected is not known");
  });
});
