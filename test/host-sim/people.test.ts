/**
 * Tests people by the host tool: CSV files with every kind of mistake, imports that are all or nothing, two tools at
 * once, and the content of the written files.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "csv-stringify/sync";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTcp, SERIAL } from "../../host-sim/config/link.js";
import { exportLog, exportPeople, importPeople, listPeople, peopleOf } from "../../host-sim/config/people.js";
import { Session } from "../../host-sim/config/session.js";
import { openTcpSerial, type SerialPort } from "../../host-sim/io/serial.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { Seat } from "../../src/console/passwordlock.js";
import { ipv4 } from "../../src/core/address.js";
import { NAME_MOST, NOTE_MOST } from "../../src/people/person.js";
import { House } from "../intercom/house.js";
import { World } from "../ua/harness.js";

const BAUD = SERIAL.baudRate;
/** With start and stop bit. */
const BITS_A_BYTE = 10;
/** A common USB adapter keeps what comes for so long before it tells it. */
const ADAPTER_MS = 16;

let folder: string;
let house: House;
let serial: SerialPort & { readonly port: number };
let sessions: Session[];
const output = { out: "", err: "" };
const told = {
  out: (text: string) => {
    output.out += text;
  },
  err: (text: string) => {
    output.err += text;
  },
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "portero-people-"));
  house = new House(new World());
  const line = new Console(house.door, {
    store: new MemoryStore(),
    restart: () => {},
    reboot: null,
    log: house.log,
  });
  sessions = [];
  output.out = output.err = "";
  serial = await openTcpSerial({
    address: ipv4("127.0.0.1"),
    port: 0,
    greeting: "Portero\n",
    user: {
      line: (input) => line.line(input),
      complete: () => [],
      seat: () => {
        const seat = new Seat();
        return { line: (input: string) => line.line(input, seat), complete: () => [] };
      },
    },
  });
});

afterEach(async () => {
  for (const session of sessions) await session.close();
  serial.close();
  rmSync(folder, { recursive: true, force: true });
});

async function tool(): Promise<Session> {
  const session = new Session(await openTcp("127.0.0.1", serial.port));
  sessions.push(session);
  await session.start("");
  return session;
}

const codesPath = () => join(folder, "codes.csv");

describe("a file of people", () => {
  it("may have a byte order mark, quotes, blanks, and columns in any order", () => {
    const text = '\ufeffNote,name,CARD\r\n"third floor, left", Anna ,"1,2"\r\n\r\n,Ben Zwei,\r\n';
    expect(peopleOf(text, "x").map(({ row }) => [row.name, row.note, row.card])).toEqual([
      ["Anna", "third floor, left", "1,2"],
      ["Ben Zwei", "", ""],
    ]);
  });

  it.each([
    ["nothing", "", "x: the first line names the columns"],
    ["no people", "name\n", "x: has no people"],
    ["no names", "code\n1234\n", "x: the first line names the columns"],
    ["a column that is none", "name,password\nA,b\n", "'password' is none"],
    ["a column twice", "name,name\nA,b\n", "each once"],
    ["a quote without an end", 'name\n"A\n', "Quote"],
    ["a line with too many fields", "name\nA,B\n", "Invalid Record Length"],
    ["the same name twice", "name\nAnna\nANNA\n", "x: line 3: name anna is in line 2 too"],
    ["the same card twice", "name,card\nA,0012\nB,12\n", "x: line 3: card 12 is in line 2 too"],
    ["the same code twice", "name,code\nA,123456\nB,123456\n", "x: line 3: that code is in line 2 too"],
    ["hours that are none", "name,when\nA,sometimes\n", "x: line 2: when: spans"],
    ["a name of everybody", "name\neverybody\n", "x: line 2: everybody has"],
    ["a use that is none", "name,uses\nA,0\n", "x: line 2: uses"],
    ["a wrong switch", "name,enabled\nA,yes\n", "x: line 2: enabled: on or off"],
    ["a code with letters", "name,code\nA,12x4\n", "x: line 2: code: 4 to 8 digits"],
    ["a line in a name", 'name\n"A\nB"\n', "a name has"],
  ])("with %s is refused by its line, and a code is not told", (_, text, problem) => {
    expect(() => peopleOf(text, "x")).toThrow(problem);
    try {
      peopleOf(text, "x");
    } catch (error) {
      expect((error as Error).message).not.toMatch(/123456|12x4/);
    }
  });

  it("tells ten mistakes and how many more there are, of ten thousand lines too", () => {
    const text = "name,uses\n" + Array.from({ length: 10_000 }, (_, i) => `p${i},-1\n`).join("");
    expect(() => peopleOf(text, "x")).toThrow("and 9990 more; nothing was done");
    expect(() => peopleOf(text + "more,1\n", "x")).toThrow("has more than 10000 people");
  });

  it("has the same people after a spreadsheet wrote it, whatever their names, notes and codes are", () => {
    const word = fc
      .string({ minLength: 1, maxLength: 30, unit: fc.constantFrom(...",;=+'# Añ李0-") })
      .map((text) => `p${text.trim()}`);
    const code = fc.integer({ min: 0, max: 9_999_999 }).map((n) => `${n}`.padStart(7, "0"));
    const row = fc.record({ name: word, code, note: word, enabled: fc.constantFrom("on", "off", "") });
    fc.assert(
      fc.property(
        fc.uniqueArray(row, { minLength: 1, maxLength: 8, selector: ({ name }) => name.toLowerCase() }),
        fc.boolean(),
        (rows, bom) => {
          fc.pre(new Set(rows.map((one) => one.code)).size === rows.length);
          const text = stringify(rows, { header: true, bom, record_delimiter: bom ? "\r\n" : "\n" });
          expect(peopleOf(text, "x").map((entry) => entry.row)).toEqual(rows);
        },
      ),
      { numRuns: 200, seed: 22 },
    );
  });

  it("of anything at all is people or one error of lines", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 80, unit: fc.constantFrom(..."name,code\"\n\r;=+@'\u20260123 \u0000") }),
        (text) => {
          try {
            expect(peopleOf("name,code\n" + text, "x").length).toBeGreaterThan(0);
          } catch (error) {
            expect((error as Error).message).toMatch(/^x: /);
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe("an import", () => {
  it("brings everybody, and writes the codes that were made to a file for its owner alone", async () => {
    const session = await tool();
    const text =
      'name,code,card,when,uses,note\nAnna,,188:24910,mon-fri 08:00-18:00,,"a, b"\nBen,258036,,,3,\nCard only,none,7,,,\n';
    await importPeople(session, peopleOf(text, "x"), codesPath(), told);
    expect(output.out).toBe(`3 added; new codes are in ${codesPath()}\n`);
    const [head, anna, end] = readFileSync(codesPath(), "utf8").split("\n");
    expect([head, anna, end]).toEqual(["name,code", expect.stringMatching(/^Anna,\d{6}$/), ""]);
    if (process.platform !== "win32") expect(statSync(codesPath()).mode & 0o777).toBe(0o600);
    const { people } = house.door;
    expect(people.at(people.ofCode("258036"))?.uses).toBe(3);
    expect(people.at(people.ofCode(anna.split(",")[1]))?.name).toBe("Anna");
    await listPeople(session, told);
    expect(output.out).toContain(
      "Anna: may open, 1 codes, card 12345678"
        .replace("12345678", String(188 * 65536 + 24910))
        .replace("may open", "the time of day is not known"),
    );
  });

  it("of 500 is taken, in less than 60 s of a serial line, and one more is refused before it begins", async () => {
    const link = await openTcp("127.0.0.1", serial.port);
    const session = new Session(link);
    sessions.push(session);
    await session.start("");
    let [sent, questions] = [0, 0];
    const write = link.write.bind(link);
    link.write = ((text: string) => {
      sent += Buffer.byteLength(text);
      questions += 1;
      return write(text);
    }) as typeof link.write;
    let came = 0;
    link.on("data", (bytes: Buffer) => {
      came += bytes.length;
    });
    const rows = Array.from({ length: 500 }, (_, i) => {
      const name = `person ${i}`.padEnd(NAME_MOST, "x");
      const note = "n".repeat(NOTE_MOST);
      return `${name},${100_000 + i},${34_359_000_000 + i},"mon-fri 08:00-18:00, sat 09:00-12:00",2027-01-01 18:00,99,${note}\n`;
    }).join("");
    const entries = peopleOf("name,code,card,when,until,uses,note\n" + rows, "x");
    await importPeople(session, entries, codesPath(), told);
    expect(house.door.people.count).toBe(500);
    // Nothing is sent while an answer is awaited, so both ways add up, and a lag of the adapter comes with each.
    expect(questions).toBe(502);
    const lineS = (sent + came) / (BAUD / BITS_A_BYTE);
    expect(Math.round(lineS)).toBe(17);
    expect(lineS + (questions * 2 * ADAPTER_MS) / 1000).toBeLessThan(60);
    await expect(importPeople(session, peopleOf("name\nx\n", "x"), codesPath(), told)).rejects.toThrow(
      "500 of 500 people are kept: there is no room for 1 more",
    );
  });

  it("that the door refuses leaves nobody, and says at which line", async () => {
    const session = await tool();
    await session.tell("people add Ben --code 111111");
    const entries = peopleOf("name,code\nAnna,222222\nben,333333\n", "x");
    await expect(importPeople(session, entries, codesPath(), told)).rejects.toThrow(
      "line 3: 'ben' is there already; nobody was added",
    );
    expect(house.door.people.count).toBe(1);
    expect(house.door.people.ofCode("222222")).toBe(-1);
  });

  it("is not disturbed by a second tool, which is told to wait; when the first is gone it may", async () => {
    const [one, other] = [await tool(), await tool()];
    await one.tell("people begin 2 2");
    await one.tell("people add Anna --code 222222");
    for (const command of [
      "people begin 1",
      "people add Ben --code new",
      "people remove Anna",
      "people clear yes",
      "people commit",
    ])
      await expect(other.tell(command)).rejects.toThrow("people are being imported at another place");
    expect((await other.tell("people show Anna")).state).toBe("being imported");
    house.timers.nowMs += 61_000;
    await importPeople(other, peopleOf("name,code\nBen,333333\n", "x"), codesPath(), told);
    expect(house.door.people.count).toBe(1);
    await expect(one.tell("people commit")).rejects.toThrow("no import is under way here");
    expect(house.door.people.ofCode("222222")).toBe(-1);
  });
});

describe("an export", () => {
  it("has all people and no code, and can be imported elsewhere", async () => {
    const session = await tool();
    await session.tell(
      "people add Anna --code 258036 --card 12 --relay 1,2 --when mon-fri 08:00-18:00, sat 09:00-12:00",
    );
    await session.tell('people add "=cmd" --code 258037 --until 2027-01-01 --uses 2 --off --note "a b" --sip a@b');
    await exportPeople(session, join(folder, "all.csv"), told);
    const text = readFileSync(join(folder, "all.csv"), "utf8");
    expect(text).not.toMatch(/25803/);
    // A spreadsheet takes none of it for a formula.
    expect(text).toContain("'=cmd,");
    await session.tell("people clear yes");
    await importPeople(session, peopleOf(text, "x"), codesPath(), told);
    const { people } = house.door;
    const anna = people.at(people.find("anna"));
    expect([anna?.cards, anna?.relays, anna?.when, anna?.codes]).toEqual([
      ["12"],
      3,
      "mon-fri 08:00-18:00, sat 09:00-12:00",
      [],
    ]);
    expect(people.at(people.find("'=cmd"))).toMatchObject({ uses: 2, isEnabled: false, note: "a b", sip: "a@b" });
  });

  it("of the log has time, event and text", async () => {
    const session = await tool();
    await session.tell("people add Anna --code 258036");
    await exportLog(session, "-", "", told);
    expect(output.out).toMatch(/^time,what,text\n/);
    expect(output.out).toContain(",people,added: Anna\n");
    expect(output.out).not.toContain("258036");
  });

  it("of a long log reads all of its pages", async () => {
    const session = await tool();
    house.epochAtStartS = Date.parse("2026-12-01T10:00:00Z") / 1000;
    for (let i = 0; i < 90; i++) await session.tell("open");
    house.log.flush();
    for (const since of ["1d", ""]) {
      output.out = "";
      await exportLog(session, "-", since, told);
      expect(output.out.split(",open,relay 1: console")).toHaveLength(91);
    }
    expect(String((await session.tell("log --since 1d")).text)).toMatch(/\nand more: log --since 1d --after \d+\n$/);
  });
});
