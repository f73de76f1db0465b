/** Tests that a setting, however it is given, is kept as one line, and reads back the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isProblems, parseFile } from "../../host-sim/config/file.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { Terminal } from "../../src/console/terminal.js";
import { octets, text } from "../../src/core/bytes.js";
import { SavedSettings } from "../../src/settings/savedsettings.js";
import { SCHEMA } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { House } from "../intercom/house.js";
import { runs } from "../runs.js";
import { anyText } from "../texts.js";
import { World } from "../ua/harness.js";

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));
/** C0, DEL and C1, separators of lines, marks of direction, halves of pairs, an escape sequence. */
const STEERING = [
  ...range(0, 0x1f),
  ...range(0x7f, 0x9f),
  "\u061c",
  "\u200e",
  "\u200f",
  ...range(0x2028, 0x202e),
  ...range(0x2066, 0x2069),
  "\ud800",
  "\udfff",
  "\x1b[2J",
  "\r\n",
];
/** A value of each allowed type. */
const GOOD = [
  "200,201 20s > sip:guard@192.0.2.7 15s",
  "CET-1CEST,M3.5.0,M10.5.0/3",
  "sip:a@192.0.2.7;transport=tcp",
  "07:00-22:00",
  "4711,258013",
  "example.org:5070",
  "PCMA,PCMU",
  "=x",
  "# none",
  "set sip.name x",
  "a --json",
  "T\u00fcr \ud83d\ude00",
  "kitchen",
  "on",
  "5",
];
const value = fc.oneof(
  fc.constantFrom(...GOOD),
  fc
    .tuple(
      fc.constantFrom(...GOOD, ""),
      fc.constantFrom(...STEERING),
      fc.nat(),
      fc.constantFrom("", "open", "200", ">9"),
    )
    .map(([good, bad, at, more]) => {
      const cut = at % (good.length + 1);
      return good.slice(0, cut) + bad + more + good.slice(cut);
    }),
  anyText(40),
);
const key = fc.constantFrom(...SCHEMA.map((setting) => setting.key));

/** The ways for a setting to come in. Each changes `settings`, or does not. */
const WAYS: [string, (settings: Settings, key: string, value: string) => void][] = [
  ["set", (settings, name, given) => void settings.set(name, given)],
  ["--set", (settings, name, given) => void settings.assign(`${name}=${given}`)],
  ["--config", (settings, name, given) => void settings.apply(`set ${name} ${given}`)],
  ["--config with an equals sign", (settings, name, given) => void settings.apply(`${name} = ${given}`)],
  ["the kept record", (settings, name, given) => void settings.restore(`set ${name} ${given}`)],
  [
    "config apply",
    (settings, name, given) => {
      const changes = parseFile("x", JSON.stringify({ [name]: given }));
      // The setting goes in as the tool sends it.
      if (!isProblems(changes)) for (const one of changes.changes) expect(settings.set(one.key, one.value)).toBe("");
    },
  ],
];

function expectWhole(settings: Settings): void {
  const lines = settings.saveAll().split("\n");
  expect(lines).toHaveLength(SCHEMA.length + 1);
  // A store and a line consist of octets.
  const kept = text(octets(settings.saveAll()));
  const [again, restored] = [new Settings(), new Settings()];
  expect(again.apply(kept)).toBe("");
  expect(restored.restore(kept)).toEqual([]);
  for (const one of SCHEMA) {
    const is = settings.text(one.key);
    expect([again.text(one.key), restored.text(one.key)]).toEqual([is, is]);
    // Half of a pair would have become another character among the octets.
    expect(STEERING.filter((bad) => bad.length === 1 && !/[\ud800-\udfff]/.test(bad) && is.includes(bad))).toEqual([]);
  }
  const changed = new Settings();
  expect(changed.apply(settings.save())).toBe("");
  expect(changed.saveAll()).toBe(settings.saveAll());
}

describe("a setting", () => {
  it.each(WAYS)("that comes by %s is one line that reads back the same", (_, give) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 6 }), (given) => {
        const settings = new Settings();
        for (const [name, one] of given) give(settings, name, one);
        expectWhole(settings);
      }),
      { seed: 10, numRuns: runs(300) },
    );
  });

  it.each(SCHEMA.map((setting) => setting.key))("%s takes nothing that steers, in no place of any value", (name) => {
    const settings = new Settings();
    const before = settings.text(name);
    for (const bad of STEERING) {
      for (const good of GOOD.slice(0, 6)) {
        for (const at of [1, Math.floor(good.length / 2), good.length - 1]) {
          const given = good.slice(0, at) + bad + good.slice(at);
          if (given.trim() !== given || at < 1) continue;
          if (settings.set(name, given) === "" || settings.text(name) !== before) expect(given).toBe("refused");
        }
      }
    }
  });

  it("that is typed on the line, by whatever octets, is kept as one line and staged as it is shown", () => {
    fc.assert(
      fc.property(key, value, fc.boolean(), (name, given, isPerson) => {
        const house = new House(new World());
        const store = new MemoryStore();
        const line = new Console(house.door, { store, restart: () => {}, reboot: null, log: house.log });
        const terminal = new Terminal(line, () => {});
        const type = (typed: string) => {
          const bytes = Buffer.from(typed);
          terminal.receive(bytes, 0, bytes.length);
        };
        const end = isPerson ? "\r" : "\n";
        type(`${end}set ${name} ${given}${end}\x03`);
        type(`save${end}`);
        expectWhole(house.settings);
        const read = new Settings();
        expect(new SavedSettings(store).read(read)).toBe("");
        expect(read.saveAll()).toBe(house.settings.saveAll());
      }),
      { seed: 11, numRuns: runs(300) },
    );
  });

  it("is refused with the reason when it has a line end in it", () => {
    for (const name of ["button1.day", "time.zone", "sip.name", "console.password"]) {
      const problem = new Settings().set(name, "200,\nopen");
      expect(problem).toMatch(/is not allowed: no control characters/);
      expect(problem).not.toMatch(/\n/);
    }
  });
});
