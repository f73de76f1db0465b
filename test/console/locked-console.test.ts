/**
 * A console with a password: what it tells before a login, when a login ends, and how it slows down guesses of the
 * password.
 */
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { openTcpSerial } from "../../host-sim/io/serial.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { COMMANDS } from "../../src/console/commands.js";
import { Console } from "../../src/console/console.js";
import { Seat } from "../../src/console/passwordlock.js";
import { Terminal, type TerminalUser } from "../../src/console/terminal.js";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Record } from "../../src/settings/record.js";
import { House } from "../intercom/house.js";
import { World } from "../ua/harness.js";

const PASSWORD = "open sesame";
const UP = "\x1b[A";
const DAY_MS = 86_400_000;

/** A door with a console password, and terminals at its console. */
class Desk {
  readonly house = new House(new World(), `console.password=${PASSWORD}`);
  readonly store: MemoryStore;
  console: Console;

  constructor(store = new MemoryStore()) {
    this.store = store;
    this.console = this.start();
  }

  start(): Console {
    const { house } = this;
    return new Console(house.door, { store: this.store, restart: () => {}, reboot: () => {}, log: house.log });
  }

  /** A power cut: the clock begins anew. */
  restart(): void {
    this.house.timers.nowMs = 0;
    this.console = this.start();
  }

  wait(ms: number): void {
    this.house.timers.nowMs += ms;
  }

  line(input: string): string {
    return this.console.line(input);
  }

  user(seat?: Seat): TerminalUser {
    return {
      line: (input) => this.console.line(input, seat),
      complete: (input) => this.console.complete(input, seat),
      isLocked: () => this.console.isLocked(seat),
    };
  }

  terminal(seat?: Seat): Screen {
    return new Screen(this.user(seat));
  }
}

class Screen {
  text = "";
  readonly terminal: Terminal;

  constructor(user: TerminalUser) {
    this.terminal = new Terminal(user, (text) => {
      this.text += text;
    });
  }

  /** @returns the output since then */
  type(input: string): string {
    this.text = "";
    const bytes = octets(input);
    this.terminal.receive(bytes, 0, bytes.length);
    return this.text;
  }

  /** @returns the output since then */
  tell(line: string): string {
    this.text = "";
    this.terminal.print(line);
    return this.text;
  }
}

describe("a locked console", () => {
  it.each(["\n", "\r"])("tells of no event but that it is locked, once (line end %j)", (end) => {
    const desk = new Desk();
    const screen = desk.terminal();
    screen.type(end);
    expect(screen.tell("dtmf 2 duration=100\n")).toContain("console locked");
    for (const event of ["dtmf 5", "relay on relay=1", "call ringing peer=sip:a@b", "text hello"])
      expect(screen.tell(event + "\n")).toBe("");
    screen.type(`login ${PASSWORD}${end}`);
    expect(screen.tell("led ready\n")).toContain("led ready");
    screen.type("logout" + end);
    expect(screen.tell("dtmf 8\n")).toMatch(/console locked/);
    expect(screen.tell("dtmf 0\n")).toBe("");
  });

  it("answers every command alike, for people and for programs, and completes only what it hears", () => {
    const desk = new Desk();
    const heard = ["login", "version"];
    for (const { name } of COMMANDS) {
      if (heard.includes(name)) continue;
      expect(desk.line(name)).toBe("error: the console is locked: login PASSWORD first\n");
      expect(JSON.parse(desk.line(`${name} x --json`)), name).toMatchObject({ ok: false, code: "locked" });
    }
    expect(desk.line("no-such-thing")).toBe(desk.line("get"));
    expect(desk.console.complete("")).toEqual(["login", "version"]);
    expect(desk.console.complete("lo")).toEqual(["login"]);
    expect(desk.console.complete("get sip")).toEqual([]);
    expect(desk.terminal().type("\rget sip.\t\t")).not.toContain("sip.user");
  });

  it("remembers no line: a password that was typed without login does not come back", () => {
    const desk = new Desk();
    const screen = desk.terminal();
    screen.type(`\r${PASSWORD}\r`);
    expect(screen.type(UP + UP)).not.toContain("sesame");
    screen.type(`login ${PASSWORD}\r`);
    expect(screen.type(UP + UP + "\x10")).not.toContain("sesame");
  });

  it("forgets the lines before it was locked, and the one that is half typed", () => {
    const desk = new Desk();
    const screen = desk.terminal();
    screen.type(`\rlogin ${PASSWORD}\rcall sip:neighbour@192.0.2.7\rlogout\r`);
    expect(screen.type(UP + UP + UP)).not.toContain("neighbour");
    screen.type(`\x03login ${PASSWORD}\r`);
    screen.type("call sip:other@192.0.2.8");
    desk.wait(601_000);
    expect(screen.type("\x0c")).not.toContain("other");
    expect(screen.type("\r")).not.toContain("locked: login");
    screen.type(`login ${PASSWORD}\r`);
    expect(screen.type(UP + UP)).not.toContain("other");
  });

  it("does not carry out what was half typed before the login ran out", () => {
    const desk = new Desk();
    const screen = desk.terminal();
    screen.type(`login ${PASSWORD}\nopen`);
    desk.wait(601_000);
    screen.type("\n");
    screen.type(`login ${PASSWORD}\n`);
    expect(desk.house.told("relay")).toEqual([]);
  });
});

describe("a login", () => {
  it("ends after console.idle without a line, and not before", () => {
    const desk = new Desk();
    desk.line(`login ${PASSWORD}`);
    for (let i = 0; i < 5; i++) {
      desk.wait(599_000);
      expect(desk.line("get call.ringTime")).toBe("call.ringTime 60\n");
    }
    desk.wait(600_000);
    expect(desk.line("get call.ringTime")).toContain("locked");
    desk.house.set("console.idle=0");
    desk.line(`login ${PASSWORD}`);
    desk.wait(DAY_MS);
    expect(desk.line("get call.ringTime")).toBe("call.ringTime 60\n");
  });

  it("holds at the place where it was given alone", () => {
    const desk = new Desk();
    const seats = [new Seat(), new Seat()];
    desk.console.line(`login ${PASSWORD}`, seats[0]);
    expect(desk.console.line("get call.ringTime", seats[0])).toBe("call.ringTime 60\n");
    expect(desk.console.line("get call.ringTime", seats[1])).toContain("locked");
    expect(desk.line("get call.ringTime")).toContain("locked");
    // A logout at another seat does not end it either.
    desk.console.line("logout", seats[1]);
    expect(desk.console.isLocked(seats[0])).toBe(false);
    expect(desk.terminal(seats[1]).tell("dtmf 2\n")).toBe("console locked\n");
    expect(desk.terminal(seats[0]).tell("dtmf 2\n")).toBe("dtmf 2\n");
  });

  it("ends everywhere else when the password is changed, and holds for whoever changed it", () => {
    const desk = new Desk();
    const other = new Seat();
    desk.console.line(`login ${PASSWORD}`, other);
    desk.line(`login ${PASSWORD}`);
    desk.line("set console.password another");
    expect(desk.line("save")).toBe("ok\n");
    expect(desk.console.isLocked()).toBe(false);
    expect(desk.console.isLocked(other)).toBe(true);
    desk.line("unset console.password");
    desk.line("save");
    expect(desk.console.isLocked(other)).toBe(false);
    desk.line("set console.password third");
    desk.line("save");
    expect(desk.console.isLocked(other)).toBe(true);
  });

  it("ends with the TCP connection it was given on", async () => {
    const desk = new Desk();
    const user = { ...desk.user(), seat: () => desk.user(new Seat()) };
    const serial = await openTcpSerial({ address: ipv4("127.0.0.1"), port: 0, user });
    const ask = async (socket: Socket, line: string): Promise<string> => {
      const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString())));
      socket.write(line + "\n");
      return answer;
    };
    const open = () => connect({ host: "127.0.0.1", port: serial.port });
    try {
      const [first, second] = [open(), open()];
      expect(await ask(first, `login ${PASSWORD}`)).toBe("ok\r\n");
      expect(await ask(first, "get call.ringTime")).toBe("call.ringTime 60\r\n");
      expect(await ask(second, "get call.ringTime")).toContain("locked");
      first.destroy();
      const third = open();
      expect(await ask(third, "get call.ringTime")).toContain("locked");
      second.destroy();
      third.destroy();
    } finally {
      serial.close();
    }
  });
});

describe("a password after a wrong one", () => {
  it("is not called wrong while it is too early for any, right or not", () => {
    const desk = new Desk();
    desk.line("login guess");
    const right = desk.line(`login ${PASSWORD}`);
    expect(right).toBe("error: too early: the next try counts in 1 s\n");
    expect(desk.line("login other")).toBe(right);
    expect(desk.console.isLocked()).toBe(true);
    desk.wait(1000);
    expect(desk.line(`login ${PASSWORD}`)).toBe("ok\n");
  });

  it("waits after a restart too, and from whichever place it comes", () => {
    const desk = new Desk();
    for (let i = 0; i < 6; i++) {
      desk.line("login guess");
      desk.wait(32_000);
    }
    desk.restart();
    expect(desk.line(`login ${PASSWORD}`)).toContain("counts in 32 s");
    expect(desk.console.line(`login ${PASSWORD}`, new Seat())).toContain("counts in 32 s");
    desk.wait(32_000);
    expect(desk.line(`login ${PASSWORD}`)).toBe("ok\n");
    desk.restart();
    expect(desk.line("login guess")).toContain("counts in 1 s");
  });

  it("is looked at 55 times in one go, and then once in 24 minutes, logins in between or not", () => {
    const desk = new Desk();
    const wait = () => Number(/counts in (\d+) s/.exec(desk.line(`login ${PASSWORD}`))?.[1] ?? 0);
    for (let i = 0; i < 54; i++) {
      expect(desk.line("login guess")).toContain("wrong password");
      desk.wait(1000);
      expect(wait()).toBe(0);
    }
    expect(desk.line("login guess")).toContain("wrong password: the next try counts in 1386 s");
    desk.wait(1_385_999);
    expect(wait()).toBe(1);
    desk.wait(1);
    expect(wait()).toBe(0);
    expect(desk.line("login guess")).toContain("counts in 1440 s");
    // Much later all of them are forgotten.
    desk.wait(2 * DAY_MS);
    expect(wait()).toBe(0);
    for (let i = 0; i < 5; i++) {
      expect(desk.line("login guess")).toContain("counts in 1 s");
      desk.wait(1000);
      expect(wait()).toBe(0);
    }
  });

  it("is written to the store when it was wrong, and once when it was right again", () => {
    const desk = new Desk();
    let writes = 0;
    const write = desk.store.write.bind(desk.store);
    desk.store.write = (key, text) => {
      writes += 1;
      write(key, text);
    };
    for (const [line, count] of [
      [`login ${PASSWORD}`, 0],
      ["login guess", 1],
      [`login ${PASSWORD}`, 2],
      [`login ${PASSWORD}`, 2],
    ] as const) {
      desk.line(line);
      desk.wait(1000);
      expect(writes).toBe(count);
    }
    desk.house.settings.set("console.password", "");
    expect(desk.line("login guess")).toBe("ok\n");
    expect(writes).toBe(2);
  });

  it("is counted over the owner's logins and restarts in between as well", () => {
    const desk = new Desk();
    let tries = 0;
    for (let at = 0; at < DAY_MS; at += 600_000) {
      for (let i = 0; i < 3; i++) {
        if (desk.line("login guess").includes("wrong password")) tries += 1;
        desk.wait(10_000);
      }
      desk.wait(300_000);
      desk.line(`login ${PASSWORD}`);
      desk.line("logout");
      desk.restart();
      desk.wait(270_000);
    }
    expect(tries).toBeLessThanOrEqual(120);
    expect(tries).toBeGreaterThan(50);
  });

  it.each(["", "x", "1", "-1 -1", "NaN 5", "1e9 1e9", "2 zz", "0 -3"])(
    "has the right one in after a while, whatever the store had (%j)",
    (kept) => {
      const store = new MemoryStore();
      new Record(store, "guard").write(kept);
      const desk = new Desk(store);
      desk.wait(1_440_000);
      expect(desk.line(`login ${PASSWORD}`)).toBe("ok\n");
    },
  );

  it("keeps nobody waiting at a restart once the right one was given", () => {
    const desk = new Desk();
    desk.line("login guess");
    desk.wait(1000);
    desk.line(`login ${PASSWORD}`);
    desk.restart();
    expect(desk.line(`login ${PASSWORD}`)).toBe("ok\n");
  });

  it("counts over a restart, though the store was written by a newer firmware", () => {
    const store = new MemoryStore();
    store.write("guard.a", "portero 3 8 x\n");
    store.write("guard.b", "portero 3 9 x\n");
    const desk = new Desk(store);
    for (let i = 0; i < 5; i++) {
      desk.line("login guess");
      desk.wait(16_000);
    }
    desk.restart();
    expect(desk.line(`login ${PASSWORD}`)).toContain("counts in 16 s");
  });

  it.each([
    ["0 55", "counts in 1440 s"],
    ["5 5", "counts in 16 s"],
    ["1e9 -1e9", "counts in 300 s"],
    ["-1 -100", "ok"],
    ["0 -100", "ok"],
    ["-100 0", "ok"],
    ["x", "ok"],
  ])("has no more than 55 tries in one go, whatever the store had (%j)", (kept, first) => {
    const store = new MemoryStore();
    new Record(store, "guard").write(kept);
    const desk = new Desk(store);
    expect(desk.line(`login ${PASSWORD}`)).toContain(first);
    let tries = 0;
    for (let i = 0; i < 1000; i++) {
      if (desk.line("login guess").includes("wrong password")) tries += 1;
      desk.wait(1000);
      desk.line(`login ${PASSWORD}`);
    }
    expect(tries).toBeLessThanOrEqual(55);
  });

  it.each([
    [0, 0],
    [3_600_000, 0],
    [0, 2 * DAY_MS],
  ])("is tried at most 120 times in any 24 hours (restart each %d ms, after %d ms of quiet)", (cutMs, quietMs) => {
    const desk = new Desk();
    // A single try long ago: the time since then gives no further tries.
    if (quietMs > 0) desk.line("login guess");
    desk.wait(quietMs);
    const times: number[] = [];
    let cutAt = cutMs;
    for (let at = 0; at < 3 * DAY_MS; at += 20_000) {
      if (cutMs > 0 && at >= cutAt) {
        cutAt += cutMs;
        desk.restart();
      }
      if (desk.line("login guess").includes("wrong password")) times.push(at);
      desk.wait(20_000);
    }
    let most = 0;
    for (let i = 0, from = 0; i < times.length; i++) {
      while (times[i] - times[from] >= DAY_MS) from += 1;
      most = Math.max(most, i - from + 1);
    }
    expect(most).toBeLessThanOrEqual(120);
    expect(most).toBeGreaterThan(50);
  });
});
