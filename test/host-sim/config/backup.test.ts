/**
 * Tests that a backup brings a door back: for all keys, in the format that the schema describes, with secrets sealed or
 * left out.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatFile, isProblems, openSecrets, parseFile, readFile } from "../../../host-sim/config/file.js";
import { seal } from "../../../host-sim/config/seal.js";
import { Session } from "../../../host-sim/config/session.js";
import { runVerb, type VerbOptions } from "../../../host-sim/config/verbs.js";
import { MemoryStore } from "../../../host-sim/io/store.js";
import { Console } from "../../../src/console/console.js";
import { Seat } from "../../../src/console/passwordlock.js";
import { Terminal } from "../../../src/console/terminal.js";
import { isSecret, SCHEMA, TYPE_DIGITS } from "../../../src/settings/schema.js";
import { Settings } from "../../../src/settings/settings.js";
import { House } from "../../intercom/house.js";
import { part, runs } from "../../runs.js";
import { World } from "../../ua/harness.js";
import { allSettings } from "./values.js";

const SCHEMA_PATH = "docs/door.schema.json";
const PASSPHRASE = "a passphrase";
/** The lowest cost, because its strength is not tested here. */
const CHEAP = 2 ** 14;
const validate = new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(SCHEMA_PATH, "utf8")));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portero-backup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A door with TLS and with a console, to which any number of lines can be connected. */
class Board {
  readonly house = new House(new World());
  readonly store = new MemoryStore();
  readonly console = new Console(this.house.door, {
    store: this.store,
    restart: () => {},
    reboot: null,
    log: this.house.log,
  });

  constructor() {
    Object.defineProperty(this.house.door.ua.layer.transport, "hasTls", { value: true });
  }

  /** @returns the output, or the error */
  async run(
    command: string,
    path: string,
    password: string,
    more: Partial<VerbOptions> = {},
  ): Promise<{ out: string; err: string }> {
    const seat = new Seat();
    const link: Duplex = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        terminal.receive(bytes, 0, bytes.length);
        done();
      },
    });
    const terminal: Terminal = new Terminal(
      { line: (input) => this.console.line(input, seat), complete: () => [] },
      (text) => void link.push(text),
    );
    const session = new Session(link);
    const said = { out: "", err: "" };
    const output = {
      out: (text: string) => {
        said.out += text;
      },
      err: (text: string) => {
        said.err += text;
      },
      interrupted: new Promise<void>(() => {}),
    };
    const file = command === "apply" ? readFile(path) : undefined;
    if (file !== undefined && isProblems(file)) throw new Error(file.join("\n"));
    const sealed = file?.sealed && more.passphrase ? openSecrets(path, file.sealed, more.passphrase) : [];
    const changes = [...(file?.changes ?? []), ...sealed];
    try {
      await runVerb(session, command, [path], { changes, password, output, ...{ ...more, file } });
    } finally {
      await session.close();
    }
    return said;
  }

  values(secret: boolean): string[] {
    return SCHEMA.filter((one) => isSecret(one) === secret).map(({ key }) => `${key}=${this.house.settings.text(key)}`);
  }
}

function expectValid(content: string): void {
  validate(JSON.parse(content));
  expect(validate.errors).toBeNull();
}

describe("a backup", () => {
  it("brings every setting back, those too that were at their first value, and leaves secrets as they are", async () => {
    await fc.assert(
      fc.asyncProperty(allSettings, allSettings, async (first, second) => {
        const path = join(folder, "door.json");
        const board = new Board();
        board.house.settings.take(first);
        await board.run("backup", path, first.get("console.password"));
        expectValid(readFileSync(path, "utf8"));
        const before = board.values(false);
        board.house.settings.take(second);
        const secrets = board.values(true);
        await board.run("apply", path, second.get("console.password"));
        expect(board.values(false)).toEqual(before);
        expect(board.values(true)).toEqual(secrets);
        const kept = new Board();
        const other = new Console(kept.house.door, {
          store: board.store,
          restart: () => {},
          reboot: null,
          log: kept.house.log,
        });
        expect(other.load()).toBe("");
        expect(kept.values(false)).toEqual(before);
      }),
      { seed: 15, numRuns: part(3, 8) },
    );
  });

  it("with secrets brings those back too, and no others, on a door that has never seen them", async () => {
    await fc.assert(
      fc.asyncProperty(allSettings, allSettings, async (first, second) => {
        const path = join(folder, "door.json");
        const board = new Board();
        board.house.settings.take(first);
        board.house.settings.set("console.password", "sesame");
        await board.run("backup", path, "sesame", { passphrase: PASSPHRASE });
        const content = readFileSync(path, "utf8");
        expectValid(content);
        for (const one of SCHEMA.filter(isSecret)) expect(JSON.parse(content)).not.toHaveProperty([one.key]);
        const other = new Board();
        other.house.settings.take(second);
        other.house.settings.set("console.password", "");
        await other.run("apply", path, "", { passphrase: PASSPHRASE });
        expect([...other.values(false), ...other.values(true)]).toEqual([
          ...board.values(false),
          ...board.values(true),
        ]);
      }),
      { seed: 16, numRuns: part(1, 2) },
    );
  });

  it("says which secrets it left out, and applied which are as they were and which are missing", async () => {
    const path = join(folder, "door.json");
    const board = new Board();
    board.house.set("sip.password=tops3cret", "relay1.code=4711");
    const { out, err } = await board.run("backup", path, "");
    expect([out, err]).toEqual([
      "",
      "left out: sip.password, relay1.code (--with-secrets seals them by a passphrase)\n",
    ]);
    expect(readFileSync(path, "utf8")).not.toMatch(/tops3cret|4711/);
    board.house.set("call.ringTime=25");
    expect((await board.run("apply", path, "")).err).toBe("left as they are on the door: sip.password, relay1.code\n");
    expect(board.house.settings.text("call.ringTime")).toBe("60");
    const fresh = new Board();
    expect((await fresh.run("apply", path, "")).err).toBe(
      "not in the file, and not set on this door (set KEY asks for one): sip.password, relay1.code\n",
    );
  });

  it("is its owner's alone, and one that cannot be written whole leaves the one before", async () => {
    const path = join(folder, "door.json");
    const board = new Board();
    await board.run("backup", path, "");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { out } = await board.run("backup", "-", "");
    expect(out).toBe(readFileSync(path, "utf8"));
    await expect(board.run("backup", "/dev/full", "")).rejects.toThrow("cannot write /dev/full: the disk is full");
    await expect(board.run("backup", join(path, "x"), "")).rejects.toThrow(/no directory$/);
    expect(readFileSync(path, "utf8")).toBe(out);
  });

  it("with secrets needs a door that somebody logged in to", async () => {
    const board = new Board();
    board.house.set("sip.password=tops3cret");
    const path = join(folder, "door.json");
    await expect(board.run("backup", path, "", { passphrase: PASSPHRASE })).rejects.toThrow(
      "secrets are given behind a password only: set console.password TEXT, save",
    );
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("what is sealed", () => {
  const sealed = seal('{"sip.password":"tops3cret"}', PASSPHRASE, CHEAP);

  it("opens by its passphrase, however the keyboard writes its accents, and by no other", () => {
    expect(openSecrets("x", sealed, PASSPHRASE)).toEqual([{ key: "sip.password", value: "tops3cret" }]);
    const accented = seal("{}", "T\u00fcr", CHEAP);
    expect(openSecrets("x", accented, "Tu\u0308r")).toEqual([]);
    for (const wrong of ["", "A passphrase", PASSPHRASE + " "])
      expect(() => openSecrets("x.json", sealed, wrong)).toThrow(
        /^x\.json: wrong passphrase, or what is sealed was changed$/,
      );
  });

  it("opens no more once an octet of it was changed", () => {
    for (const name of ["salt", "nonce", "tag", "data"] as const) {
      const bytes = Buffer.from(sealed[name], "base64");
      bytes[bytes.length >> 1] ^= 1;
      const changed = { ...sealed, [name]: bytes.toString("base64") };
      expect(() => openSecrets("x", changed, PASSPHRASE), name).toThrow("wrong passphrase");
    }
    expect(() => openSecrets("x", { ...sealed, cost: CHEAP * 2 }, PASSPHRASE)).toThrow("wrong passphrase");
  });

  it.each([
    ["no cost", { cost: undefined }],
    ["a cost that would take all memory", { cost: 2 ** 30 }],
    ["a cost that is no power of two", { cost: 30_000 }],
    ["another cipher", { cipher: "rot13" }],
    ["a short tag, which could be guessed", { tag: Buffer.alloc(4).toString("base64") }],
    ["what is no base64", { data: "\u0000" }],
  ])("is refused with %s", (_, change) => {
    const problems = parseFile("x", JSON.stringify({ secrets: { ...sealed, ...change } }));
    expect(problems).toEqual(["x: secrets: is not what 'backup --with-secrets' writes"]);
  });
});

describe("a file of settings", () => {
  function read(content: unknown): Record<string, string> | string[] {
    const result = parseFile("x", typeof content === "string" ? content : JSON.stringify(content));
    return isProblems(result) ? result : Object.fromEntries(result.changes.map(({ key, value }) => [key, value]));
  }

  it("may have values as JSON or as the console writes them, a schema's name and a byte order mark", () => {
    const values = {
      "sip.port": 5070,
      "relay1.pulse": 2.5,
      "sip.register": false,
      "dtmf.inband": true,
      "sip.probe": 30,
    };
    const wanted = {
      "sip.port": "5070",
      "relay1.pulse": "2.5",
      "sip.register": "off",
      "dtmf.inband": "on",
      "sip.probe": "30",
    };
    for (const head of [{}, { version: 1 }, { $schema: "door.schema.json", version: 1 }])
      for (const body of [values, wanted]) {
        expectValid(JSON.stringify({ ...head, ...body }));
        expect(read("\ufeff" + JSON.stringify({ ...head, ...body }))).toEqual(wanted);
      }
    const lines = "# a door\r\nset sip.port 5070\r\nrelay1.pulse=2.5\r\nsip.register = off\n\nset sip.port 5071";
    expect(read("\ufeff" + lines)).toEqual({ "sip.port": "5071", "relay1.pulse": "2.5", "sip.register": "off" });
  });

  it("that the schema takes is taken, whatever types its values have", () => {
    const one = fc.oneof(
      fc.boolean(),
      fc.integer({ min: -100, max: 70_000 }),
      fc.constantFrom(
        "on",
        "off",
        "auto",
        "5070",
        "",
        "-1",
        "4711",
        "2.5",
        "PCMU,PCMA",
        "192.0.2.7",
        null,
        [],
        "1.2.3",
      ),
    );
    const kinds = SCHEMA.filter((s) => s.choices.length > 0 || s.type === TYPE_DIGITS || (s.min !== 0 && s.max !== 0));
    fc.assert(
      fc.property(fc.constantFrom(...kinds), one, (setting, value) => {
        const isValid = validate({ [setting.key]: value });
        // Only the tool checks the limits of a number given as a text, and doubles in a list.
        if (isValid && typeof value !== "string") expect(Array.isArray(read({ [setting.key]: value }))).toBe(false);
        if (!isValid && typeof value !== "string") expect(Array.isArray(read({ [setting.key]: value }))).toBe(true);
      }),
      { seed: 17, numRuns: runs(3000) },
    );
  });

  it.each([
    ["", "x: is empty"],
    [" \r\n\t", "x: is empty"],
    ["{", "x: is no JSON"],
    ['{"sip.port": 5070', "x: is no JSON"],
    ['{"sip.port"', "x: is no JSON"],
    ['{"call.target": 12345678901234567890}', "x: call.target: must be in quotes"],
    ['{"sip.name": "Tü', "x: is no JSON"],
    ['{\n "sip.port": 1,\n}', "x: is no JSON (line 3, column 1)"],
    ["[1]", "x: is not an object of values by key"],
    ['{"version": 2}', "x: version: 2 is of a newer Portero: this one reads 1"],
    ['{"version": "1"}', "x: version: must be 1"],
    ['{"sip.port": 1, "sip.port": 2}', "x: sip.port: is there twice"],
    ['{"sip.port": null}', "x: sip.port: null is neither a text nor a number"],
    ['{"sip.password": {"a": "tops3cret"}}', "x: sip.password: what was given is neither"],
    ['{"sip.port": true}', "x: sip.port: true is neither"],
    ['{"sip.prt": 1}', "x: sip.prt: no such key; did you mean sip.port?"],
    ['{"leftOut": ["sip.name"]}', "x: leftOut: must be a list of secrets"],
    ["set sip.port 5070\nset sip.po", "x, line 2: sip.po: no such key; did you mean sip.port?"],
    ["set sip.port 5070\nset sip.port 0", "x, line 2: sip.port: '0' is not allowed"],
  ])("%j is refused in one line", (content, problem) => {
    const result = read(content);
    expect(Array.isArray(result)).toBe(true);
    const problems = result as unknown as string[];
    expect(problems).toHaveLength(1);
    expect(problems[0].startsWith(problem), problems[0]).toBe(true);
    expect(problems[0]).not.toMatch(/\n|tops3cret/);
  });

  it("is read to its end only if it can be one, and must be text", () => {
    const path = join(folder, "x");
    expect(() => readFile("/dev/zero")).toThrow(/^\/dev\/zero: is larger than 1000000 octets/);
    expect(() => readFile(folder)).toThrow(/it is a directory$/);
    for (const bytes of [Buffer.from([0x7b, 0xff, 0xfe]), Buffer.from("set sip.name \0x"), Buffer.from([0, 1, 2])]) {
      writeFileSync(path, bytes);
      expect(readFile(path)).toEqual([expect.stringMatching(/: is no text( in UTF-8)?$/)]);
    }
    writeFileSync(path, Buffer.from("\ufeffset sip.port 5070", "utf16le"));
    expect(readFile(path)).toMatchObject({ changes: [{ key: "sip.port", value: "5070" }] });
  });

  it("of all first values is what the schema's own first values are", () => {
    const values = Object.fromEntries(SCHEMA.map(({ key, initial }) => [key, initial]));
    const { properties } = JSON.parse(readFileSync(SCHEMA_PATH, "utf8"));
    const file = JSON.parse(formatFile(values, [], null));
    for (const one of SCHEMA) if (!isSecret(one)) expect(file[one.key], one.key).toEqual(properties[one.key].default);
    expect(new Settings().save()).toBe("");
  });
});
