/**
 * Runs the host tool at a line with half-typed input, at one that is unplugged, and at a door that restarts in between:
 * the door carries out the tool's commands and nothing else, and has all of the new settings or none.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../host-sim/config/session.js";
import { type Output, runVerb } from "../../host-sim/config/verbs.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { COMMANDS } from "../../src/console/commands.js";
import { Console } from "../../src/console/console.js";
import { Improv } from "../../src/console/improv.js";
import { Terminal } from "../../src/console/terminal.js";
import { House } from "../intercom/house.js";
import { World } from "../ua/harness.js";

const PASSWORD = "sesame";
/** One of this many of the 7,000 cases is run, unless SWEEP=whole is in the environment. */
const ONE_IN = 8;
const isWhole = process.env.SWEEP === "whole";
let turn = 0;
const IDENTITY = { firmware: "Portero", version: "0", hardware: "x", name: "x" };

/** A board at the end of a serial line. */
class Board {
  readonly store = new MemoryStore();
  house = new House(new World());
  /** Lines that were carried out. */
  readonly heard: string[] = [];
  reboots = 0;
  /** Called with the number of each line before it is carried out. */
  onLine: (count: number) => void = () => {};
  /** The unread rest of an answer is lost. */
  isDeaf = false;
  private improv = this.start();
  private link: Duplex | null = null;

  constructor(...settings: string[]) {
    this.house.set(...settings);
  }

  private start(): Improv {
    const { house } = this;
    const line = new Console(house.door, {
      store: this.store,
      restart: () => {},
      reboot: () => {
        this.reboots += 1;
      },
      log: house.log,
    });
    line.load();
    const terminal = new Terminal(
      {
        line: (input) => {
          if (input.trim() !== "") {
            this.heard.push(input);
            this.onLine(this.heard.length);
          }
          return this.isDeaf ? "" : line.line(input);
        },
        complete: (input) => line.complete(input),
        isLocked: () => line.isLocked(),
      },
      (text) => void this.link?.push(text),
    );
    return new Improv(
      {
        onConsole: (bytes, start, end) => terminal.receive(bytes, start, end),
        onFrame: (bytes, start, end) => void this.link?.push(Buffer.from(bytes.slice(start, end))),
        onWifi: () => false,
        onScan: () => false,
      },
      IDENTITY,
    );
  }

  type(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.improv.receive(bytes, 0, bytes.length, this.house.timers.nowMs);
  }

  /** Connects the line. */
  plug(): Duplex {
    this.link = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        this.type(bytes.toString("latin1"));
        done();
      },
    });
    return this.link;
  }

  /** Restarts: staged settings are gone, and so are octets that come meanwhile. */
  reset(): void {
    this.house = new House(new World());
    this.improv = this.start();
    this.link?.push('ets Jul 29 2019 12:21:46\r\nrst:0x1 (POWERON_RESET)\r\n{"ok":tru\xff\n');
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portero-half-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** Lets the time pass for which the tool waits. */
async function settled<T>(promise: Promise<T>): Promise<T | Error> {
  let result: { value: T | Error } | null = null;
  promise.then(
    (value) => {
      result = { value };
    },
    (error: Error) => {
      result = { value: error };
    },
  );
  for (let i = 0; i < 400 && result === null; i++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (result === null && i > 20) await vi.advanceTimersByTimeAsync(500);
  }
  if (result === null) throw new Error("the tool did not end");
  return (result as { value: T | Error }).value;
}

interface Verb {
  command: string;
  args: string[];
  changes: { key: string; value: string }[];
}

const CHANGES = [
  { key: "call.ringTime", value: "25" },
  { key: "sip.name", value: "T\u00fcr" },
  { key: "sip.password", value: "geheim" },
];

function verbs(): Verb[] {
  return [
    { command: "get", args: [], changes: [] },
    { command: "get", args: ["call.ringTime"], changes: [] },
    { command: "set", args: ["x"], changes: CHANGES },
    { command: "apply", args: ["x"], changes: CHANGES },
    { command: "backup", args: [join(folder, "copy.json")], changes: [] },
    { command: "trace", args: [], changes: [] },
    { command: "monitor", args: [], changes: [] },
  ];
}

async function run(board: Board, { command, args, changes }: Verb, password = ""): Promise<string | Error> {
  const session = new Session(board.plug());
  let printed = "";
  const output: Output = {
    out: (text) => {
      printed += text;
    },
    err: () => {},
    interrupted: command === "monitor" ? new Promise((resolve) => setImmediate(resolve)) : new Promise(() => {}),
  };
  const result = await settled(runVerb(session, command, args, { changes, password, output }));
  await settled(session.close());
  return result instanceof Error ? result : printed;
}

/** The begins of commands that may stand on the line, typed by a person or a program. */
const BEGUN = COMMANDS.flatMap(({ name }) => {
  const more: Record<string, string[]> = {
    "factory-reset": [" yes"],
    set: [" sip.name evil", " console.password x", " relay1.code 1234"],
    unset: [" sip.password"],
    call: [" sip:evil@192.0.2.66"],
    open: [" 2"],
    press: [" 1"],
    login: [" sesame", " guess"],
  };
  return [name, ...(more[name] ?? []).map((rest) => name + rest)];
});

/** The ways in which the line was left. */
const LEFT: [string, (line: string) => string][] = [
  ["as it is, of a program", (line) => line],
  ["as it is, of a person", (line) => "\r" + line],
  ["with the cursor at its begin", (line) => "\r" + line + "\x01"],
  ["with the cursor in the middle", (line) => "\r" + line + "\x1b[D\x1b[D"],
  ["in an escape", (line) => "\r" + line + "\x1b"],
  ["in a sequence", (line) => "\r" + line + "\x1b[1;"],
  ["in an escape, of a program", (line) => line + "\x1b"],
  ["with the begin of a frame behind it", (line) => line + "IMPROV"],
  ["in a frame", (line) => line + "IMPROV\x01\x03\xff\x01\xfd"],
  ["near a frame's end", (line) => line + "IMPROV\x01\x03\x05\x01\x03abc"],
  ["too long", (line) => line + " ".repeat(800)],
  ["with noise in it", (line) => line + "\x00\xff\xfe"],
];

describe.each([
  ["open", ""],
  ["locked", PASSWORD],
])("on an %s console", (_, password) => {
  it.each(LEFT)("what is half typed is not carried out by any verb: left %s", async (_name, leave) => {
    for (const [i, verb] of verbs().entries()) {
      if (!isWhole && (i + turn) % 3 !== 0) continue;
      const settings = password === "" ? [] : [`console.password=${password}`];
      const clean = new Board(...settings);
      const wanted = await run(clean, verb, password);
      if (verb.command !== "trace") expect(wanted).not.toBeInstanceOf(Error);
      for (const line of BEGUN) {
        if (!isWhole && turn++ % ONE_IN !== 0) continue;
        const board = new Board(...settings);
        board.type(leave(line));
        const result = await run(board, verb, password);
        expect(result).toEqual(wanted);
        expect(board.heard, `${verb.command} behind ${JSON.stringify(leave(line))}`).toEqual(clean.heard);
        expect(board.reboots).toBe(0);
      }
    }
  });
});

describe("a line that is unplugged, or a door that starts anew", () => {
  const verb = { command: "set", args: ["x"], changes: CHANGES };

  /** @returns for each new value whether it is in force */
  function taken(board: Board): boolean[] {
    return CHANGES.map(({ key, value }) => board.house.settings.text(key) === value);
  }

  it.each(["before", "after"])("%s any of the tool's lines leaves all of the settings or none", async (when) => {
    const clean = new Board();
    await run(clean, verb);
    for (let at = 1; at <= clean.heard.length; at++) {
      const board = new Board();
      board.onLine = (count) => {
        if (count !== at) return;
        if (when === "before") {
          board.isDeaf = true;
          setImmediate(() => {
            board.isDeaf = false;
          });
          board.reset();
        } else setImmediate(() => board.reset());
      };
      const result = await run(board, verb);
      const all = taken(board);
      expect(new Set(all).size, `line ${at}: ${clean.heard[at - 1]}`).toBe(1);
      // The tool does not report success if the door was not changed.
      if (!(result instanceof Error)) expect(all[0]).toBe(true);
      // The command can be repeated.
      board.onLine = () => {};
      expect(await run(board, verb)).toBe("3 saved\n");
      expect(taken(board)).toEqual([true, true, true]);
    }
  });

  it("unplugged at any octet, it says so, leaves all or none, and can be done again", async () => {
    const clean = new Board();
    const link = clean.plug();
    let octets = 0;
    const write = link.write.bind(link);
    link.write = ((text: string) => {
      octets += text.length;
      return write(text);
    }) as typeof link.write;
    const session = new Session(link);
    const output: Output = { out: () => {}, err: () => {}, interrupted: new Promise(() => {}) };
    await settled(runVerb(session, "set", ["x"], { changes: CHANGES, password: "", output }));
    await settled(session.close());
    for (let cut = 0; cut < octets; cut += cut < 290 ? 97 : 3) {
      const board = new Board();
      const plugged = board.plug();
      let left = cut;
      plugged._write = (bytes: Buffer, _encoding, done) => {
        board.type(bytes.subarray(0, left).toString("latin1"));
        left -= bytes.length;
        if (left < 0) plugged.destroy(new Error("unplugged"));
        done();
      };
      const other = new Session(plugged);
      const result = await settled(runVerb(other, "set", ["x"], { changes: CHANGES, password: "", output }));
      await settled(other.close());
      expect(result).toBeInstanceOf(Error);
      expect((result as unknown as Error).message).toMatch(/unplugged|the line was closed/);
      expect(new Set(taken(board)).size).toBe(1);
      expect(await run(board, verb)).toBe("3 saved\n");
      expect(taken(board)).toEqual([true, true, true]);
    }
  });

  it("monitor says that the line was closed, and logs in again at a door that started anew", async () => {
    const board = new Board(`console.password=${PASSWORD}`);
    const link = board.plug();
    const session = new Session(link);
    let printed = "";
    const output: Output = {
      out: (text) => {
        printed += text;
      },
      err: () => {},
      interrupted: new Promise(() => {}),
    };
    const running = runVerb(session, "monitor", [], { changes: [], password: PASSWORD, output });
    running.catch(() => {});
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(ms);
      for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    };
    await pass(1);
    link.push("relay on relay=1\n");
    await pass(1);
    expect(printed).toBe("relay on relay=1\n");
    const settings = board.house.settings.saveAll();
    board.reset();
    board.house.settings.apply(settings);
    await pass(31_000);
    expect(board.heard.filter((line) => line.startsWith("login"))).toHaveLength(2);
    link.destroy();
    expect(await settled(running)).toEqual(new Error("the line was closed"));
  });
});
