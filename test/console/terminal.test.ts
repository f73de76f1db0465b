import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LINE_BYTES, Terminal } from "../../src/console/terminal.js";
import { octets } from "../../src/core/bytes.js";
import { runs } from "../runs.js";

const WORDS = ["get", "help", "hangup", "hold"];

/** A terminal at a console that answers each line with itself; `screen` has all the output. */
class Desk {
  readonly lines: string[] = [];
  screen = "";
  readonly terminal = new Terminal(
    {
      line: (input) => {
        this.lines.push(input);
        return input === "" ? "" : "<" + input + ">\n";
      },
      complete: (input) => WORDS.filter((word) => word.startsWith(input)),
    },
    (text) => {
      this.screen += text;
    },
  );

  type(text: string): this {
    const bytes = octets(text);
    this.terminal.receive(bytes, 0, bytes.length);
    return this;
  }

  /** @returns the last row of the screen as a terminal would show it, without the cursor */
  row(): string {
    const last = this.screen.split("\r\n").slice(-1)[0].split("\x1b[K").slice(-1)[0];
    return last.endsWith("D") && last.includes("\x1b[") ? last.slice(0, last.lastIndexOf("\x1b[")) : last;
  }
}

const LEFT = "\x1b[D";
const RIGHT = "\x1b[C";
const UP = "\x1b[A";
const DOWN = "\x1b[B";

describe("a program on the line", () => {
  it("gets its answers and nothing else", () => {
    const desk = new Desk().type("status\nget\n");
    expect(desk.lines).toEqual(["status", "get"]);
    expect(desk.screen).toBe("<status>\n<get>\n");
  });

  it("may end its lines by CR LF", () => {
    expect(new Desk().type("a\r\nb\r\n").screen).toBe("<a>\n<b>\n");
  });

  it("has a line dropped that is too long, and told so; the next is whole", () => {
    const desk = new Desk().type("x".repeat(LINE_BYTES + 1) + "\n" + "y".repeat(LINE_BYTES) + "\n");
    expect(desk.lines).toEqual(["y".repeat(LINE_BYTES)]);
    expect(desk.screen).toMatch(/^error: the line is too long: at most 768 octets; nothing was done\n/);
  });

  it("has a line dropped that noise has been in", () => {
    const desk = new Desk().type("op\u0000en\nstatus\n");
    expect(desk.lines).toEqual(["status"]);
    const noise = new Uint8Array([0x6f, 0xff, 0xfe, 0x0a]);
    desk.terminal.receive(noise, 0, noise.length);
    expect(desk.lines).toEqual(["status"]);
    expect(desk.screen).toContain("error: the line has control characters or is no UTF-8; nothing was done");
  });
});

describe("a person at a terminal", () => {
  it("gets a prompt and an echo from the first Enter on", () => {
    const desk = new Desk().type("\rstatus\r");
    expect(desk.screen).toBe("\r\nportero> status\r\n<status>\r\nportero> ");
    expect(desk.lines).toEqual(["", "status"]);
  });

  it("takes back characters, of one octet or of several", () => {
    expect(new Desk().type("\rstatuX\x7fs\r").lines[1]).toBe("status");
    expect(new Desk().type("\rT\u00fc\x08\u00fcr\r").lines[1]).toBe("T\u00fcr");
    expect(new Desk().type("\r\x7f\x7fok\r").lines[1]).toBe("ok");
  });

  it("moves in the line by arrows, Home and End, and edits there", () => {
    expect(new Desk().type("\rsttus" + LEFT.repeat(3) + "a\r").lines[1]).toBe("status");
    expect(new Desk().type("\rtatus\x1b[Hs\x1b[F!\r").lines[1]).toBe("status!");
    expect(new Desk().type("\rtatus\x01s\x05!\r").lines[1]).toBe("status!");
    expect(new Desk().type("\r\u00fcb\x1b[1~" + RIGHT + "-\r").lines[1]).toBe("\u00fc-b");
    expect(new Desk().type("\rxstatus\x01\x1b[3~\r").lines[1]).toBe("status");
  });

  it("deletes a word, the line to its begin or its end, or all of it", () => {
    expect(new Desk().type("\rset sip.user x\x17y\r").lines[1]).toBe("set sip.user y");
    expect(new Desk().type("\rwrong\x15right\r").lines[1]).toBe("right");
    expect(new Desk().type("\rright wrong\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x0b\r").lines[1]).toBe("right");
    expect(new Desk().type("\rwrong\x03right\r").lines[1]).toBe("right");
  });

  it("sees the line as it is after each edit", () => {
    const desk = new Desk().type("\rsttus" + LEFT.repeat(3) + "a");
    expect(desk.row()).toBe("portero> status");
    expect(desk.screen.endsWith("\x1b[3D")).toBe(true);
  });

  it("finds the lines before by arrow up, once each, and an empty one below them", () => {
    const desk = new Desk().type("\rone\rtwo\rtwo\r");
    expect(desk.type(UP).row()).toBe("portero> two");
    expect(desk.type(UP).row()).toBe("portero> one");
    expect(desk.type(UP).row()).toBe("portero> one");
    expect(desk.type(DOWN).row()).toBe("portero> two");
    expect(desk.type(DOWN).row()).toBe("portero> ");
    expect(desk.type(UP + UP + "!\r").lines.slice(-1)).toEqual(["one!"]);
  });

  it("forgets the oldest lines when there is no room, never half of one", () => {
    const desk = new Desk().type("\r");
    for (let i = 100; i < 200; i++) desk.type("line " + i + " ".repeat(20) + "\r");
    const seen: string[] = [];
    for (let i = 0; i < 60; i++) seen.push(desk.type(UP).row().slice(9).trim());
    expect(seen[0]).toBe("line 199");
    for (let i = 1; i < seen.length; i++)
      expect([seen[i - 1], "line " + (Number(seen[i - 1].slice(5)) - 1)]).toContain(seen[i]);
    expect(seen.slice(-2)[0]).toBe(seen.slice(-1)[0]);
  });

  it("does not find passwords and codes among the lines before", () => {
    const desk = new Desk().type("\rstatus\rset sip.password geheim\rlogin geheim\rset relay1.code 4711\r" + UP);
    expect(desk.row()).toBe("portero> status");
  });

  it("has words completed by Tab as far as they are clear, then sees what there is", () => {
    expect(new Desk().type("\rge\t\r").lines[1]).toBe("get ");
    const desk = new Desk().type("\rh\t");
    expect(desk.screen).toContain("help  hangup  hold\r\n");
    expect(desk.row()).toBe("portero> h");
    expect(new Desk().type("\rxyz\t\r").lines[1]).toBe("xyz");
  });

  it("keeps the line that is being typed below what happens meanwhile", () => {
    const desk = new Desk().type("\rstat");
    desk.terminal.print("call ringing\n");
    expect(desk.screen.endsWith("\r\x1b[Kcall ringing\r\n\r\x1b[Kportero> stat")).toBe(true);
    expect(desk.type("us\r").lines[1]).toBe("status");
  });
});

describe("whatever comes", () => {
  it("a key to edit with among a program's lines spoils that line only", () => {
    expect(new Desk().type("ge\tt\nget\n").lines).toEqual(["get"]);
  });

  it("does not break the line: what is typed next is carried out", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const desk = new Desk();
        desk.terminal.receive(noise, 0, noise.length);
        desk.type("\n\nstatus\n");
        expect(desk.lines.slice(-1)).toEqual(["status"]);
      }),
      { seed: 20261123, numRuns: runs(10_000) },
    );
  });
});

const ESC = "\x1b";
const PARTS = new RegExp(`${ESC}\\[\\d*[A-Z]|[\\s\\S]`, "gu");

/** @returns the last row of a terminal with so many columns, for the few sequences that are used */
function rowOf(screen: string, columns: number): { text: string; cursor: number } {
  let cells: string[] = [];
  let at = 0;
  for (const [part] of screen.matchAll(PARTS)) {
    if (part === "\r") at = 0;
    else if (part === "\n") {
      cells = [];
      at = 0;
    } else if (part === "\x1b[K") cells.length = Math.min(cells.length, at);
    else if (part.endsWith("D") && part.length > 2) at -= Number(part.slice(2, -1));
    else {
      expect(at, `${JSON.stringify(screen.slice(-200))} runs over the edge`).toBeLessThan(columns - 1);
      cells[at++] = part;
    }
  }
  return { text: cells.join(""), cursor: at };
}

describe("a line that is longer than the screen", () => {
  it("moves sideways under the cursor and never runs over the edge, whatever is typed", () => {
    const key = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(..."abc xyz") },
      { weight: 4, arbitrary: fc.constantFrom(LEFT, RIGHT, "\x01", "\x05", "\x7f", UP, DOWN, "\x17") },
      { weight: 1, arbitrary: fc.constant("wide enough for two rows of the screen ") },
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 80 }), fc.integer({ min: 16, max: 60 }), (keys, columns) => {
        const desk = new Desk();
        desk.terminal.columns = columns;
        desk.terminal.open();
        for (const one of keys) desk.type(one);
        const { text, cursor } = rowOf(desk.screen, columns);
        expect(text.startsWith("portero> ")).toBe(true);
        expect(cursor).toBeGreaterThanOrEqual("portero> ".length);
        const before = desk.lines.length;
        desk.type("\r");
        const line = desk.lines[before];
        const shown = text.slice("portero> ".length).replace(/^<|>$/g, "");
        expect(line.includes(shown.trimEnd()) || line === shown).toBe(true);
        if (line.length <= columns - 10) expect(shown).toBe(line);
      }),
      { seed: 20261129, numRuns: runs(400) },
    );
  });

  it("counts two columns for what is that wide", () => {
    const desk = new Desk();
    desk.terminal.columns = 20;
    desk.terminal.open();
    desk.type("門門門" + LEFT + LEFT);
    expect(desk.screen.endsWith("portero> 門門門\x1b[4D")).toBe(true);
  });
});

describe("a password or a code", () => {
  it.each([
    ["set sip.password geheim", "set sip.password ******"],
    ["sip.password=geheim", "sip.password=******"],
    ["set relay1.code 4711", "set relay1.code ****"],
    ["relay2.code = 4711", "relay2.code ******"],
    ["login sesame", "login ******"],
    ["get sip.password", "get sip.password"],
    ["set sip.name password", "set sip.name password"],
  ])("%j shows as %j, as it is typed, edited and redrawn", (typed, shown) => {
    const desk = new Desk().type("\r" + typed);
    expect(rowOf(desk.screen, 80).text).toBe("portero> " + shown);
    if (shown.includes("*")) expect(desk.screen).not.toMatch(/geheim|4711|sesame/);
    expect(desk.type(LEFT + RIGHT).row()).toBe("portero> " + shown);
    desk.terminal.print("call ringing\n");
    expect(desk.row()).toBe("portero> " + shown);
    expect(desk.type("\r").lines.at(-1)).toBe(typed);
  });
});

describe("a person who comes and goes", () => {
  it("finds the prompt without Enter, and leaves nothing on the screen", () => {
    const desk = new Desk();
    desk.terminal.open();
    expect(desk.type("half").row()).toBe("portero> half");
    desk.terminal.leave();
    expect(rowOf(desk.screen, 80).text).toBe("");
    expect(desk.terminal.isEmpty).toBe(true);
    desk.terminal.open();
    expect(desk.type("one\r").lines).toEqual(["one"]);
    desk.terminal.leave();
    desk.terminal.open();
    expect(desk.type(UP).row()).toBe("portero> one");
  });
});
