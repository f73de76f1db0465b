/**
 * Runs the simulator and the host tool at a terminal, as a person does; `script` of Debian's bsdutils makes the
 * terminal. Without it these tests are skipped.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openTcpSerial } from "../../host-sim/io/serial.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { ipv4 } from "../../src/core/address.js";
import { House } from "../intercom/house.js";
import { freePorts } from "../ports.js";
import { program } from "../programs.js";
import { World } from "../ua/harness.js";

const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true;
const WITHIN = { timeout: 30_000, interval: 50 };
const PROMPT = "portero> ";
const CTRL_C = "\x03";

let child: ChildProcess | null = null;
afterEach(() => {
  child?.kill("SIGKILL");
});

/** The simulator on ports of its own. */
function simulator(): string {
  const port = freePorts(20);
  return `${program("portero-sim")} --set sip.port=${port} --set rtp.port=${port + 10}`;
}

/** A person at a terminal of that width, before that program. */
class Person {
  screen = "";
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(columns: number, line = simulator(), environment: Record<string, string> = {}) {
    const command = `stty cols ${columns} rows 24; exec ${process.execPath} ${line}`;
    // npm does not start it here: `script` stands between, and could not be watched as npm is. CI is removed from the
    // environment, because with it Node takes a terminal for one without colours.
    const { CI: _ci, FORCE_COLOR: _, NO_COLOR: __, npm_lifecycle_event: ___, ...rest } = process.env;
    this.child = spawn("script", ["-qfec", command, "/dev/null"], {
      env: { ...rest, TERM: "xterm-256color", ...environment },
    });
    child = this.child;
    this.child.stdout?.on("data", (bytes) => {
      this.screen += bytes;
    });
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
  }

  async sees(what: string | RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.screen).toMatch(what), WITHIN);
  }

  /** Types, and forgets the earlier output of the screen. */
  type(keys: string): void {
    this.screen = "";
    this.child.stdin?.write(keys);
  }

  async begins(): Promise<void> {
    await this.sees("this help");
    await this.sees("phone  register registered");
  }
}

describe.runIf(hasScript)("a person at the terminal", { timeout: 90_000 }, () => {
  it("has the console itself behind ':', which events do not tear and Ctrl-C leaves first", async () => {
    const person = new Person(80);
    await person.begins();
    person.type(":statu\t");
    await person.sees(/status $/);
    person.type("\x15set relay1.code 4711");
    await person.sees(/set relay1\.code \*{4}$/);
    expect(person.screen).not.toContain("4711");
    person.type("\r");
    await person.sees(/\bok\r/);
    person.type(":half typ");
    await person.sees(/half typ$/);
    // A call comes meanwhile: the typed line stays below its events.
    person.type(`${CTRL_C}b:half typ`);
    await person.sees("phone  call ringing");
    await vi.waitFor(() => expect(person.screen.endsWith(`${PROMPT}half typ`)).toBe(true), WITHIN);
    for (const line of person.screen.split("\n").slice(1, -1)) expect(line).not.toMatch(/half typ.*(door|phone|\|)/);
    person.type(CTRL_C);
    person.type(":\x1b[A");
    await person.sees(new RegExp(`${PROMPT}$`));
    person.type(`${CTRL_C}${CTRL_C}`);
    expect(await person.ended).toBe(0);
  });

  it("looks back in the ladder, opens a message, and misses nothing that happened meanwhile", async () => {
    const person = new Person(100);
    await person.begins();
    person.type("l");
    await person.sees(/\d+ of \d+; arrows/);
    person.type("\r");
    await person.sees("CSeq: ");
    person.type("q");
    await person.sees(/\d+ of \d+; arrows/);
    person.type("\x1b[H\r");
    await person.sees("Via: SIP/2.0/UDP");
    person.type("q");
    await person.sees(/1 of \d+; arrows/);
    person.type("q");
    await person.sees("\x1b[?1049l");
    person.type("b");
    await person.sees("door   call ringing");
    person.type("l");
    await person.sees("INVITE");
    await new Promise((resolve) => setTimeout(resolve, 300));
    person.type("qa");
    await person.sees("door   call confirmed");
    person.type("q");
    expect(await person.ended).toBe(0);
  });

  it("has colours, and none by NO_COLOR", async () => {
    const coloured = new Person(80);
    await coloured.begins();
    expect(coloured.screen).toContain("\x1b[36m");
    coloured.type("q");
    await coloured.ended;
    const plain = new Person(80, simulator(), { NO_COLOR: "1" });
    await plain.begins();
    expect(plain.screen).not.toContain("\x1b[3");
    plain.type("q");
    await plain.ended;
  });

  it("reads no help with broken words, on a narrow screen either", async () => {
    const person = new Person(44);
    await person.begins();
    person.type(":help\r");
    await person.sees("as one line of");
    for (const line of person.screen.split("\n")) {
      const shown = line.split("\x1b[K").at(-1)?.replaceAll("\r", "") ?? "";
      expect(shown.length, shown).toBeLessThanOrEqual(44);
    }
    for (const word of ["passwords", "newer", "registered"]) expect(person.screen).toContain(word);
    person.type("q");
    expect(await person.ended).toBe(0);
  });

  it("is asked for a password and a code by the host tool, which shows neither and goes on at the end of the line", async () => {
    const house = new House(new World(), "console.password=sesame");
    const line = new Console(house.door, { store: new MemoryStore(), restart: () => {}, reboot: null, log: house.log });
    const user = { line: (input: string) => line.line(input), complete: () => [] };
    const serial = await openTcpSerial({ address: ipv4("127.0.0.1"), port: 0, user });
    try {
      const tool = `${program("portero-config")} --tcp 127.0.0.1:${serial.port} --password-stdin set relay1.code`;
      const person = new Person(80, tool);
      await person.sees("Password of the console: ");
      person.type("sesamX\x7fe\r");
      await person.sees("relay1.code: ");
      expect(person.screen).not.toMatch(/ses/);
      person.type("4711\r");
      await person.sees("1 saved");
      expect(person.screen).not.toContain("4711");
      expect(await person.ended).toBe(0);
      expect(house.settings.text("relay1.code")).toBe("4711");
      const other = new Person(80, tool);
      await other.sees("Password of the console: ");
      other.type(CTRL_C);
      await other.sees("broken off: nothing was done");
      expect(await other.ended).toBe(1);
    } finally {
      serial.close();
    }
  });
});
