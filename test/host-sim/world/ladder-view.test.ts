import { describe, expect, it } from "vitest";
import { Ladder } from "../../../host-sim/world/ladder.js";
import { folded, LadderView } from "../../../host-sim/world/ladder-view.js";
import { octets } from "../../../src/core/bytes.js";
import { carried } from "./carried.js";

/** A ladder of numbered messages, and the screen on which a person looks back in it. */
class Desk {
  readonly ladder = new Ladder(() => {}, 60);
  columns = 60;
  rows = 10;
  written = "";
  readonly view = new LadderView(this.ladder, {
    write: (text) => {
      this.written += text;
    },
    size: () => [this.columns, this.rows],
  });

  constructor(messages: number) {
    this.ladder.name("192.0.2.1", 5060, "door");
    this.ladder.name("192.0.2.2", 5060, "phone");
    for (let i = 1; i <= messages; i++) this.come(i);
  }

  come(number: number): void {
    const bytes = octets(
      `MESSAGE sip:m${number} SIP/2.0\r\nCSeq: ${number} MESSAGE\r\nX-Long: ${"x".repeat(100)}\r\nX-Evil: \x1b[2J\r\n\r\nbody ${number}\r\n`,
    );
    this.ladder.message(carried(number, "192.0.2.1:5060", "192.0.2.2:5060", bytes));
    this.view.draw();
  }

  keys(...names: string[]): string[] {
    for (const name of names) this.view.key(name);
    return this.shown();
  }

  /** @returns the rows of the screen as they were drawn last */
  shown(): string[] {
    const last = this.written.slice(this.written.lastIndexOf("\x1b[H") + 3);
    return last.split("\r\n").map((row) => row.replaceAll("\x1b[K", "").replaceAll("\x1b[J", ""));
  }
}

/** @returns the numbers of the messages in the list, and the chosen one */
function listed(rows: string[]): [number[], number] {
  const found = rows.filter((row) => row.includes("MESSAGE sip:m"));
  const number = (row: string) => Number(/sip:m(\d+)/.exec(row)?.[1]);
  return [found.map(number), number(found.find((row) => row.startsWith(">")) ?? "")];
}

describe("looking back in the ladder", () => {
  it("begins at the newest message, on a screen of its own, with the names above", () => {
    const desk = new Desk(30);
    desk.view.open();
    expect(desk.written.startsWith("\x1b[?1049h")).toBe(true);
    expect(desk.shown()[0]).toMatch(/^ {9}door +phone$/);
    expect(listed(desk.shown())).toEqual([[23, 24, 25, 26, 27, 28, 29, 30], 30]);
    expect(desk.shown()).toHaveLength(10);
    expect(desk.shown()[9]).toContain("30 of 30");
    desk.view.key("q");
    expect(desk.view.isOpen).toBe(false);
    expect(desk.written.endsWith("\x1b[?1049l")).toBe(true);
  });

  it("scrolls by lines and pages, to the first and the last", () => {
    const desk = new Desk(30);
    desk.view.open();
    expect(listed(desk.keys("up", "up"))[1]).toBe(28);
    expect(listed(desk.keys("pageup"))).toEqual([[20, 21, 22, 23, 24, 25, 26, 27], 20]);
    expect(listed(desk.keys("home"))).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], 1]);
    expect(listed(desk.keys("up"))[1]).toBe(1);
    expect(listed(desk.keys("pagedown"))[1]).toBe(9);
    expect(listed(desk.keys("end", "down"))).toEqual([[23, 24, 25, 26, 27, 28, 29, 30], 30]);
  });

  it("opens a message whole, and goes back to the list where it was", () => {
    const desk = new Desk(30);
    desk.view.open();
    const rows = desk.keys("up", "return");
    expect(rows[0]).toBe(`0.029 s, door -> phone, UDP, ${desk.ladder.rungs[28].bytes.length} octets`.slice(0, 60));
    expect(rows).toContain("CSeq: 29 MESSAGE");
    expect(rows.join("")).toContain("X-Long: " + "x".repeat(100));
    expect(rows).toContain("X-Evil: \\x1b[2J");
    expect(rows).toContain("body 29");
    expect(desk.keys("right")).toContain("CSeq: 30 MESSAGE");
    expect(desk.keys("left", "left")).toContain("CSeq: 28 MESSAGE");
    expect(listed(desk.keys("q"))[1]).toBe(28);
    expect(desk.view.isOpen).toBe(true);
  });

  it("stays where it is while messages come, and at the newest follows them", () => {
    const desk = new Desk(30);
    desk.view.open();
    desk.come(31);
    expect(listed(desk.shown())[1]).toBe(31);
    desk.keys("up", "up", "up");
    desk.come(32);
    expect(listed(desk.shown())[1]).toBe(28);
    for (let i = 33; i < 2100; i++) desk.come(i);
    expect(listed(desk.shown())[1]).toBe(desk.ladder.rungs.length === 2000 ? 100 : Number.NaN);
  });

  it("fits the screen whatever its size, with no message or with many", () => {
    for (const [columns, rows] of [
      [20, 3],
      [40, 5],
      [200, 50],
    ]) {
      for (const count of [0, 1, 60]) {
        const desk = new Desk(count);
        [desk.columns, desk.rows] = [columns, rows];
        desk.ladder.resize(columns);
        desk.view.open();
        for (const key of ["up", "pagedown", "return", "down", "pageup", "q", "home", "return", "end"]) {
          desk.keys(key);
          expect(desk.shown().length).toBeLessThanOrEqual(rows);
        }
      }
    }
  });
});

describe("lines for a narrow screen", () => {
  it("are broken between words, below the column where their text begins", () => {
    expect(folded("set KEY VALUE         change a setting; it holds after save\nok\n", 48)).toBe(
      "set KEY VALUE         change a setting; it holds\n                      after save\nok\n",
    );
    expect(folded("error: this is too long", 12)).toBe("error: this\n  is too\n  long");
    expect(folded("x".repeat(25), 10)).toBe("xxxxxxxxxx\n  xxxxxxxx\n  xxxxxxx");
    expect(folded("short\n", 80)).toBe("short\n");
  });
});
