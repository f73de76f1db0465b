import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { COMMANDS } from "../../src/console/commands.js";
import { Console } from "../../src/console/console.js";
import { Seat } from "../../src/console/passwordlock.js";
import { Terminal } from "../../src/console/terminal.js";
import { octets } from "../../src/core/bytes.js";
import { SCHEMA } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { House } from "../intercom/house.js";
import { part } from "../runs.js";
import { World } from "../ua/harness.js";

/** A console at a door; `restarts` counts the door's restarts. */
class Desk {
  readonly house = new House(new World());
  readonly store = new MemoryStore();
  restarts = 0;
  reboots = 0;
  readonly console = new Console(this.house.door, {
    store: this.store,
    restart: () => {
      this.restarts += 1;
    },
    reboot: () => {
      this.reboots += 1;
    },
    log: this.house.log,
  });

  line(input: string): string {
    return this.console.line(input);
  }

  json(input: string): Record<string, unknown> {
    const output = this.line(input + " --json");
    expect(output).toMatch(/^[^\n]*\n$/);
    return JSON.parse(output);
  }

  /** @returns the settings that the console would read after a power cut */
  kept(): Settings {
    const settings = new Settings();
    const door = new House(new World());
    const console = new Console(door.door, { store: this.store, restart: () => {}, reboot: () => {}, log: door.log });
    expect(console.load()).toBe("");
    expect(settings.apply(door.settings.saveAll())).toBe("");
    return settings;
  }
}

describe("settings at the console", () => {
  it("wait after set, are seen by diff, in force and kept by save", () => {
    const desk = new Desk();
    expect(desk.line("set call.ringTime 20")).toBe("ok\n");
    expect(desk.line("get call.ringTime")).toBe("call.ringTime 60\n");
    expect(desk.line("diff")).toBe("call.ringTime 60 -> 20\n");
    expect(desk.json("diff")).toEqual({ ok: true, "call.ringTime": "20" });
    expect(desk.line("save")).toBe("ok\n");
    expect(desk.json("diff")).toEqual({ ok: true });
    expect(desk.line("get call.ringTime")).toBe("call.ringTime 20\n");
    expect(desk.line("diff")).toBe("nothing is waiting for save\n");
    expect(desk.restarts).toBe(1);
    expect(desk.kept().text("call.ringTime")).toBe("20");
  });

  it("go back to what is in force by revert, to their first value by unset, all of them by factory-reset", () => {
    const desk = new Desk();
    desk.line("set call.ringTime 20");
    desk.line("revert");
    expect(desk.line("diff")).toBe("nothing is waiting for save\n");
    desk.line("set call.ringTime 20");
    desk.line("save");
    expect(desk.line("unset call.ringTime")).toBe("ok\n");
    expect(desk.line("diff")).toBe("call.ringTime 20 -> 60\n");
    desk.line("revert");
    expect(desk.line("factory-reset")).toBe("error: all settings would be lost: factory-reset yes does it\n");
    expect(desk.house.settings.text("call.ringTime")).toBe("20");
    expect(desk.line("factory-reset yes")).toBe("ok\n");
    expect(desk.kept().save()).toBe("");
  });

  it("that sockets need are said to hold from the next start on", () => {
    const desk = new Desk();
    desk.line("set sip.port 5070");
    desk.line("set call.ringTime 20");
    expect(desk.line("save")).toBe("ok, from the next start on: sip.port\n");
    expect(desk.line("help sip.port")).toContain("holds from the next start on");
  });

  it("are not in force when they could not be kept", () => {
    const desk = new Desk();
    desk.store.write = () => {
      throw new Error("flash is full");
    };
    desk.line("set call.ringTime 20");
    expect(desk.json("save")).toEqual({ ok: false, code: "not-kept", error: "not saved: flash is full" });
    expect(desk.house.settings.text("call.ringTime")).toBe("60");
    expect(desk.restarts).toBe(0);
    expect(desk.line("diff")).toBe("call.ringTime 60 -> 20\n");
  });

  it.each([
    "set sip.name Front = 1",
    "set sip.name=Front = 1",
    "sip.name=Front = 1",
    "sip.name = Front = 1",
    "SET sip.name =Front = 1",
  ])("may be written as %j", (input) => {
    const desk = new Desk();
    expect(desk.line(input)).toBe("ok\n");
    expect(desk.json("diff")["sip.name"]).toBe(input.startsWith("SET") ? "=Front = 1" : "Front = 1");
    expect(desk.line(input.replace("sip.name", "sip.nam"))).toMatch(/^error: sip.nam: no such key/);
  });

  it("that are secret are shown by nothing", () => {
    const desk = new Desk();
    desk.line("set sip.password tops3cret");
    desk.line("set relay1.code 4711");
    let seen = desk.line("diff") + desk.line("diff --json");
    desk.line("save");
    seen += desk.line("get") + desk.line("get --json") + desk.line("get sip.password") + desk.line("get relay1.code");
    expect(seen).toContain("********");
    expect(seen).not.toMatch(/tops3cret|4711/);
  });
});

describe("a program at the console", () => {
  it("gets one line of JSON for any command, well or not", () => {
    const desk = new Desk();
    for (const { name } of COMMANDS) {
      const answer = desk.json(name);
      expect(typeof answer.ok, name).toBe("boolean");
      if (answer.ok === false) expect([typeof answer.code, typeof answer.error]).toEqual(["string", "string"]);
    }
    expect(desk.json("")).toMatchObject({ ok: false, code: "no-such-command" });
  });

  it("gets values by name", () => {
    const desk = new Desk();
    expect(desk.json("get call.ringTime")).toEqual({ ok: true, "call.ringTime": "60" });
    expect(Object.keys(desk.json("get"))).toEqual(["ok", ...SCHEMA.map(({ key }) => key)]);
    expect(desk.json("status")).toEqual({
      ok: true,
      registration: "unregistered",
      call: "none",
      relay1: "off",
      relay2: "off",
    });
    expect(desk.json("stats")).toMatchObject({ ok: true, received: 0, malformed: 0 });
    expect(desk.json("limits")).toMatchObject({ ok: true, clients: `0 of ${House.limits.clients}, most 0` });
  });

  it("may call limits by the name it had", () => {
    const desk = new Desk();
    expect(desk.line("pools")).toBe(desk.line("limits"));
    expect(desk.line("help pools")).toBe(desk.line("help limits"));
  });

  it("gets back what was given as JSON has it", () => {
    const desk = new Desk();
    desk.line('set sip.name "T\u00fcr" \\ 2');
    desk.line("save");
    expect(desk.json("get sip.name")).toEqual({ ok: true, "sip.name": '"T\u00fcr" \\ 2' });
    expect(desk.json("help").text).toContain("\nset KEY VALUE");
  });

  it.each([
    ["fly", "no-such-command"],
    ["set sip.prot 1", "no-such-key"],
    ["set sip.port 99999", "bad-value"],
    ["unset sip.prot", "no-such-key"],
    ["set", "bad-argument"],
    ["press 9", "bad-argument"],
    ["open 7", "bad-argument"],
    ["hangup", "not-now"],
    ["answer", "not-now"],
    ["dtmf 1", "not-now"],
    ["register", "not-now"],
  ])("is told the mistake in %j by the code %j", (input, code) => {
    const desk = new Desk();
    expect(desk.json(input)).toMatchObject({ ok: false, code });
    expect(desk.line(input)).toMatch(/^error: [^\n]+\n$/);
  });
});

describe("a console with a password", () => {
  function locked(): Desk {
    const desk = new Desk();
    desk.house.set("console.password=open sesame");
    return desk;
  }

  it("does nothing before login, and shows nothing", () => {
    const desk = locked();
    for (const { name } of COMMANDS) {
      if (name === "login" || name === "version") continue;
      expect(desk.json(name), name).toMatchObject({ ok: false, code: "locked" });
    }
    expect(desk.console.complete("get sip")).toEqual([]);
    expect(desk.house.moves.filter((move) => move.startsWith("1"))).toEqual([]);
  });

  it("is opened by its password and locked by logout", () => {
    const desk = locked();
    expect(desk.line("login open sesame")).toBe("ok\n");
    expect(desk.line("get call.ringTime")).toBe("call.ringTime 60\n");
    expect(desk.line("logout")).toBe("ok\n");
    expect(desk.json("get")).toMatchObject({ code: "locked" });
  });

  it("stays open for who sets the password", () => {
    const desk = new Desk();
    desk.line("set console.password sesame");
    expect(desk.line("save")).toBe("ok\n");
    expect(desk.line("get call.ringTime")).toBe("call.ringTime 60\n");
    desk.line("logout");
    expect(desk.json("get")).toMatchObject({ code: "locked" });
  });

  it("makes who guesses wait longer each time, for the right one too", () => {
    const desk = locked();
    const wait = () => Number(/counts in (\d+) s/.exec(desk.line("login guess"))?.[1]);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      waits.push(wait());
      desk.house.timers.nowMs += waits[i] * 1000;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    wait();
    expect(desk.json("login open sesame")).toMatchObject({ ok: false, code: "locked" });
    desk.house.timers.nowMs += 300_000;
    expect(desk.json("login open sesame")).toEqual({ ok: true });
  });
});

it("reboot starts the machine again, where it can", () => {
  const desk = new Desk();
  expect(desk.line("reboot")).toBe("ok\n");
  expect(desk.reboots).toBe(1);
  const fixed = new Console(desk.house.door, {
    store: desk.store,
    restart: () => {},
    reboot: null,
    log: desk.house.log,
  });
  expect(fixed.line("reboot")).toBe("error: this program cannot start itself again: end it, and start it anew\n");
});

describe("two who work at once", () => {
  it("save what each of them set, and nothing of the other's", () => {
    const desk = new Desk();
    const [one, two] = [new Seat(), new Seat()];
    const at = (seat: Seat, input: string) => desk.console.line(input, seat);
    at(one, "set call.ringTime 20");
    at(two, "set sip.name half");
    at(two, "set tone.volume 10");
    expect(at(one, "diff")).toBe("call.ringTime 60 -> 20\n");
    expect(at(one, "save")).toBe("ok\n");
    expect(desk.kept().text("sip.name")).toBe("");
    expect(at(two, "diff")).toBe("sip.name  -> half\ntone.volume 25 -> 10\n");
    expect(at(two, "save")).toBe("ok\n");
    expect(["call.ringTime", "sip.name", "tone.volume"].map((key) => desk.kept().text(key))).toEqual([
      "20",
      "half",
      "10",
    ]);
  });

  it("learn by a count that what they set was forgotten, before anything is saved", () => {
    const desk = new Desk();
    desk.line("set call.ringTime 20");
    expect(desk.json("save 2")).toEqual({
      ok: false,
      code: "not-now",
      error: "not saved: 2 changes were expected here, 1 found",
    });
    expect(desk.kept().save()).toBe("");
    expect(desk.json("save 1")).toEqual({ ok: true });
    expect(desk.line("save 0")).toBe("ok\n");
    for (const wrong of ["save x", "save -1", "save 1 2"])
      expect(desk.line(wrong)).toBe("error: save, or save replace, or save COUNT of what was set\n");
  });

  it("leave nothing behind at the end of their login", () => {
    const desk = new Desk();
    desk.house.set("console.password=sesame");
    const seat = new Seat();
    const at = (input: string) => desk.console.line(input, seat);
    at("login sesame");
    at("set sip.name half");
    at("logout");
    at("login sesame");
    expect(at("diff")).toBe("nothing is waiting for save\n");
    at("set sip.name half");
    desk.house.timers.nowMs += 600_000;
    expect(desk.console.isLocked(seat)).toBe(true);
    at("login sesame");
    expect(at("diff")).toBe("nothing is waiting for save\n");
  });
});

describe("passwords and codes", () => {
  const SECRETS = ["sip.password=tops3cret", "relay1.code=4711,258013"];

  it("are given to a program that logged in, which stands in the log, and never on a screen", () => {
    const desk = new Desk();
    desk.house.set(...SECRETS, "console.password=sesame");
    expect(desk.json("secrets")).toMatchObject({ ok: false, code: "locked" });
    desk.line("login sesame");
    expect(desk.line("secrets")).toBe("error: not on a screen: npm run config -- backup FILE --with-secrets\n");
    expect(desk.json("secrets")).toEqual({
      ok: true,
      "sip.password": "tops3cret",
      "relay1.code": "4711,258013",
      "console.password": "sesame",
    });
    expect(desk.line("log")).toContain("config secrets read");
  });

  it("are not shown by their refusal either", () => {
    const desk = new Desk();
    for (const input of [
      "set relay1.code 25801x",
      "relay2.code=123456789",
      "set sip.password a\u202eb",
      "phone1.password=a\u0007b",
    ])
      expect(desk.line(input)).toMatch(/^error: [a-z0-9.]+: what was given is not allowed: (empty, or 4|a text of)/);
    expect(desk.json("set relay1.code 25801x").error).not.toContain("25801");
  });

  it("are given to nobody where the console has no password", () => {
    const desk = new Desk();
    desk.house.set(...SECRETS);
    for (const input of ["secrets", "secrets --json"]) expect(desk.line(input)).not.toMatch(/tops3cret|4711/);
    expect(desk.json("secrets")).toMatchObject({ ok: false, code: "not-now" });
  });
});

it("help breaks no word and fits a terminal of 80 columns", () => {
  const desk = new Desk();
  const texts = [desk.line("help"), ...SCHEMA.map(({ key }) => desk.line("help " + key))];
  for (const { name } of COMMANDS) texts.push(desk.line("help " + name));
  for (const line of texts.join("").split("\n")) expect(line.length, line).toBeLessThanOrEqual(79);
});

it("help names every command, and each of them and each setting by name", () => {
  const desk = new Desk();
  const all = "\n" + desk.line("help");
  for (const { name } of COMMANDS) {
    expect(all).toContain("\n" + name);
    expect(desk.line("help " + name)).toMatch(new RegExp("^" + name));
  }
  for (const { key } of SCHEMA) expect(desk.line("help " + key)).toMatch(new RegExp("^" + key + ": "));
});

describe("whatever is typed", () => {
  const word = fc.constantFrom(
    ...COMMANDS.map(({ name }) => name),
    ...SCHEMA.map(({ key }) => key),
    "--json",
    "yes",
    "1",
  );
  const line = fc.array(fc.oneof(word, fc.string({ maxLength: 20 })), { maxLength: 5 }).map((words) => words.join(" "));
  const noise = fc.uint8Array({ maxLength: 60 });

  it("is answered or ignored, and changes no setting that was not saved", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(line.map(octets), noise), { maxLength: 30 }), (pieces) => {
        const desk = new Desk();
        const answers: string[] = [];
        let saved = 0;
        const terminal = new Terminal(
          {
            line: (input) => {
              // A call would ring a target; here it would only cost time.
              if (/^\s*(call|press)\b/i.test(input)) return "";
              const before = desk.house.settings.saveAll();
              const output = desk.line(input);
              expect(output === "" || output.endsWith("\n")).toBe(true);
              // Only these two change the stored settings.
              if (/^\s*(save|factory-reset)\b/i.test(input)) saved += 1;
              else expect(desk.house.settings.saveAll()).toBe(before);
              return output;
            },
            complete: (input) => desk.console.complete(input),
          },
          (text) => answers.push(text),
        );
        for (const piece of pieces) {
          terminal.receive(piece, 0, piece.length);
          terminal.receive(octets("\n"), 0, 1);
        }
        if (saved === 0) expect(desk.kept().save()).toBe("");
      }),
      { seed: 20261124, numRuns: part(60, 2000) },
    );
  });
});
