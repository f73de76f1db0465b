/**
 * Gives bad input to the simulator and the host tool: empty, endless, binary, cut off, over a closed pipe, to a full
 * disk, twice at once. Each prints one line, ends with 1 or 2, and leaves existing files as they were. The server's
 * tools: server/tools.test.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openTcpSerial, type SerialPort } from "../../host-sim/io/serial.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { Seat } from "../../src/console/passwordlock.js";
import { ipv4 } from "../../src/core/address.js";
import { House } from "../intercom/house.js";
import { freePorts } from "../ports.js";
import { type Ended, programIn, runHere } from "../programs.js";
import { World } from "../ua/harness.js";

const NOBODY = 65534;
const HOME = process.cwd();
const isRoot = process.getuid?.() === 0;
const BINARY = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 73 + 7) & 0xff));
const HALF = Buffer.from('{"version": 1, "sip.port": 50');
const STORE = JSON.stringify({ "settings.a": "portero 2 1 0 1\n" });

let programs = "";
let sim = "";
let config = "";
let folder = "";

beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "portero-programs-"));
  chmodSync(programs, 0o755);
  [sim, config] = [programIn("portero-sim", programs), programIn("portero-config", programs)];
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portero-bad-"));
  chmodSync(folder, 0o755);
  process.chdir(folder);
  for (const [name, content] of Object.entries({ empty: "", binary: BINARY, half: HALF, store: STORE.slice(0, 20) }))
    writeFileSync(join(folder, name), content);
});
afterEach(() => {
  process.chdir(HOME);
  rmSync(folder, { recursive: true, force: true });
});

interface How {
  input?: string | Buffer;
  /** The output is not read. */
  isUnread?: boolean;
  /** Runs as a user who may write nowhere. */
  isNobody?: boolean;
  /** No file may become longer than 512 octets, as on a disk that has room for so many. */
  isFull?: boolean;
}

interface Run {
  child: ChildProcess;
  /** The output so far. */
  result: Ended;
  ended: Promise<Ended>;
}

function start(args: readonly string[], how: How = {}): Run {
  const ids = how.isNobody === true ? { uid: NOBODY, gid: NOBODY } : {};
  const [command, ...words] = how.isFull === true ? ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh"] : [];
  const program = [...words, ...(command === undefined ? [] : [process.execPath]), ...args];
  const child = spawn(command ?? process.execPath, program, { cwd: folder, timeout: 30_000, ...ids });
  const result: Ended = { code: -1, out: "", err: "" };
  child.stdin?.on("error", () => {});
  child.stdin?.end(how.input ?? "");
  if (how.isUnread === true) child.stdout?.destroy();
  child.stdout?.on("data", (bytes) => {
    result.out += bytes;
  });
  child.stderr?.on("data", (bytes) => {
    result.err += bytes;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) => resolve({ ...result, code: code ?? -1 })),
  );
  return { child, result, ended };
}

/** @returns the content of all files in the folder */
function contents(): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

function expectRefused({ code, out, err }: Ended, said: RegExp): void {
  expect([out, err]).toEqual(["", expect.stringMatching(/^[^\n]{1,400}\n$/)]);
  expect(err).toMatch(said);
  expect(err).not.toMatch(/\n +at |node:internal/);
  expect([1, 2]).toContain(code);
}

describe("the simulator", { timeout: 60_000 }, () => {
  const QUIET = ["--headless", "--alone", "--virtual-time"];
  const QUIT = ["--do", "quit"];
  const quiet = (args: readonly string[], input?: string | Buffer) =>
    runHere("portero-sim", [...QUIET, ...args], input);

  it.each<[string, string[], RegExp, string?]>([
    ["an empty file of settings", ["--config", "empty", ...QUIT], /^empty: is empty$/m],
    ["a binary one", ["--config", "binary", ...QUIT], /^binary: is no text/],
    ["half of one", ["--config", "half", ...QUIT], /^half: is no JSON/],
    ["one without end", ["--config", "/dev/zero", ...QUIT], /is larger than/],
    ["one on a closed pipe", ["--config", "-", ...QUIT], /^standard input: is empty/],
    ["an empty secret", ["--set-file", "sip.password=empty", ...QUIT], /^empty: is empty: the value of sip.password/],
    ["a binary secret", ["--set-file", "sip.password=binary", ...QUIT], /^binary: is no text/],
    ["a secret without end", ["--set-file", "sip.password=/dev/zero", ...QUIT], /is larger than/],
    ["a secret on a closed pipe", ["--set-file", "sip.password=-", ...QUIT], /^standard input: is empty/],
    ["a long line for a secret", ["--set-file", "sip.password=-", ...QUIT], /longer than 4096/, "x".repeat(9999)],
    ["an empty store", ["--store", "empty", ...QUIT], /^empty is not a file of saved settings/],
    ["a binary store", ["--store", "binary", ...QUIT], /^binary is not a file/],
    ["half of a store", ["--store", "store", ...QUIT], /^store is not a file/],
    ["a store without end", ["--store", "/dev/zero", ...QUIT], /is larger than/],
    ["a store in no folder", ["--store", "none/new", ...QUIT], /^cannot write none\/new: no such file or directory/],
    ["a store in a file", ["--store", "empty/new", ...QUIT], /^cannot write empty\/new: what it is to lie in/],
    ["an empty sound", ["--mic", "empty", ...QUIT], /^empty is not a WAV file/],
    ["a binary sound", ["--mic", "binary", ...QUIT], /^binary is not a WAV file/],
    ["a full disk for sound", ["--speaker", "/dev/full", ...QUIT], /the disk is full/],
    ["a full disk for packets", ["--pcap", "/dev/full", ...QUIT], /the disk is full/],
    ["no step", ["--do", ""], /no step/],
    ["a step without end", ["--do", "x".repeat(100_000)], /^--do: step "x+\.\.\."/],
    ["half of a step", ["--do", "press; expect call="], /^--do: step "expect call="/],
    ["a long option", ["--seed", "9".repeat(100_000)], /^--seed "9+\.\.\."/],
  ])("says in one line what is wrong with %s", async (_, args, said, input) => {
    const before = contents();
    expectRefused(await quiet(args, input), said);
    expect(contents()).toEqual(before);
  });

  it.runIf(isRoot)("says that it may write nowhere, and fails the step that wanted to", async () => {
    const how = { isNobody: true };
    for (const option of ["--speaker", "--pcap"])
      expectRefused(
        await start([sim, ...QUIET, option, "new", ...QUIT], how).ended,
        /^cannot write new: not permitted/,
      );
    const script = ["--do", "console set sip.name x; console save; quit"];
    const { code, err } = await start([sim, ...QUIET, "--store", "new", ...script], how).ended;
    expect([code, err]).toEqual([1, 'step "console save": not saved: cannot write new: not permitted\n']);
  });

  it("keeps its store as it was when the disk has room for a part of a change", async () => {
    const script = (...steps: string[]) => ["--store", "kept", "--do", [...steps, "quit"].join("; ")];
    expect((await quiet(script("console set sip.name Türe", "console save"))).code).toBe(0);
    const before = contents();
    expect(before.kept.length).toBeLessThan(512);
    const long = ["schedule1.hours", "schedule2.hours", "call.quiet"].map(
      (key) => `console set ${key} mon-fri 07:00-12:00 13:00-18:00, sat 09:00-13:00, 2026-12-24..2026-12-26 closed`,
    );
    const { code, err } = await start([sim, ...QUIET, ...script(...long, "console save")], { isFull: true }).ended;
    const why = "the file may not become longer (ulimit -f)";
    expect([code, err]).toEqual([1, `step "console save": not saved: cannot write kept: ${why}\n`]);
    expect(Object.keys(contents())).toEqual(Object.keys(before));
    expect((await quiet(script("console get sip.name"))).out).toContain("sip.name Türe");
  });

  it("holds its store alone, and leaves it to the next one", async () => {
    const port = freePorts(30);
    const ports = ["--set", `sip.port=${port}`, "--set", `rtp.port=${port + 10}`];
    const args = [sim, "--headless", "--alone", ...ports, "--store", "kept"];
    const first = start([...args, "--do", "console set sip.name one; console save; wait 100"]);
    await vi.waitFor(() => expect(contents().kept).toContain("one"), 20_000);
    const before = contents();
    expectRefused(await quiet(["--store", "kept", ...QUIT]), /^process \d+ uses kept: end it/);
    expect(contents()).toEqual(before);
    first.child.kill("SIGTERM");
    await first.ended;
    const script = ["--do", "console get sip.name; quit"];
    expect((await quiet(["--store", "kept", ...script])).out).toContain("sip.name one");
    expect(Object.keys(contents())).not.toContain("kept.lock");
  });

  it("takes binary lines on its console for what they are, and goes on", async () => {
    const port = freePorts(30);
    const ports = ["--set", `sip.port=${port}`, "--set", `rtp.port=${port + 10}`];
    const script = start([sim, "--headless", "--alone", ...ports], {
      input: Buffer.concat([BINARY, Buffer.from(`\n${"x".repeat(100_000)}\nversion\nset sip.na`)]),
    });
    await vi.waitFor(() => expect(script.result.out).toContain("sip.na: no such key"), 20_000);
    script.child.kill("SIGTERM");
    const { code, out } = await script.ended;
    expect(out).toContain("error: the line has control characters or is no UTF-8; nothing was done");
    expect(out).toContain("error: the line is too long");
    expect(out).toContain("Portero 0.1.0");
    expect(out).toContain("error: sip.na: no such key");
    expect(code).toBe(0);
  });
});

describe("the host tool", { timeout: 60_000 }, () => {
  let house: House;
  let serial: SerialPort & { readonly port: number };

  beforeEach(async () => {
    house = new House(new World());
    const line = new Console(house.door, { store: new MemoryStore(), restart: () => {}, reboot: null, log: house.log });
    const at = (seat: Seat) => ({ line: (input: string) => line.line(input, seat), complete: () => [] });
    serial = await openTcpSerial({
      address: ipv4("127.0.0.1"),
      port: 0,
      user: { ...at(new Seat()), seat: () => at(new Seat()) },
    });
  });
  afterEach(() => serial.close());

  const atDoor = (args: readonly string[]) => ["--tcp", `127.0.0.1:${serial.port}`, ...args];
  const tool = (args: readonly string[], input?: string | Buffer) => runHere("portero-config", atDoor(args), input);
  const toolAlone = (args: readonly string[], how: How) => start([config, ...atDoor(args)], how).ended;

  it.each<[string, string[], RegExp, (string | Buffer)?]>([
    ["an empty file", ["apply", "empty"], /^empty: is empty$/m],
    ["a binary file", ["apply", "binary"], /^binary: is no text/],
    ["half of a file", ["apply", "half"], /^half: is no JSON/],
    ["a file without end", ["apply", "/dev/zero"], /is larger than/],
    ["a file on a closed pipe", ["apply", "-"], /^standard input: is empty/],
    ["a file on a pipe that never ends", ["apply", "-"], /^standard input is larger than/, " ".repeat(2_000_000)],
    ["a folder", ["apply", "."], /it is a directory/],
    ["no file", ["apply", "none"], /^cannot read none: no such file/],
    ["a full disk", ["backup", "/dev/full"], /^cannot write \/dev\/full: the disk is full/],
    ["a place that is none", ["backup", "empty/x"], /^cannot write empty\/x: what it is to lie in is no directory/],
    ["an empty secret", ["set", "--set-file", "sip.password=empty"], /^empty: is empty: the value of/],
    ["a binary secret", ["set", "sip.password"], /^standard input: is no text/, BINARY],
    ["a long line for a secret", ["set", "sip.password"], /longer than 4096/, "x".repeat(9999)],
    [
      "a secret over the limit",
      ["set", "sip.password"],
      /^sip.password: what was given is not allowed/,
      "x".repeat(999),
    ],
    [
      "a wrong code, which it does not show",
      ["set", "relay1.code"],
      /^relay1.code: what was given is not allowed: empty, or 4/,
      "25800000000\n",
    ],
    [
      "a wrong code out of a file",
      ["set", "--set-file", "relay1.code=-"],
      /^standard input: relay1.code: what was given is not/,
      "12x4\n",
    ],
    ["no password on a closed pipe", ["--password-stdin", "get"], /^--password-stdin: there is no password/],
    [
      "no passphrase on a closed pipe",
      ["backup", "--with-secrets", "new"],
      /^the passphrase is empty: nothing was written/,
    ],
    ["a value over the limit", ["set", `sip.name=${"x".repeat(50_000)}`], /^sip.name: 'x+…' is not allowed/],
    ["half of an assignment", ["set", "sip.name"], /has no value/],
    ["nothing to set", ["set"], /^'set': must be set KEY=VALUE \.\.\., set KEY VALUE/],
    ["a file without a name", ["backup", ""], /^backup '': must be the name of a file, or -/],
    ["a file of people without a name", ["people", "export", ""], /^people export '': must be the name of a file/],
    ["a time that is none", ["log", "--since", "x"], /^--since 'x': must be 2026-12-24/],
    ["an empty time", ["log", "--since", ""], /^--since '': must be 2026-12-24/],
    ["people without a verb", ["people"], /^'people': must be people list, add NAME/],
    ["people of another verb", ["people", "greet"], /^'people greet': must be people list, add NAME/],
    ["nobody to add", ["people", "add"], /^'people add': must be people add NAME; a name of several/],
    ["a name without quotes", ["people", "add", "a", "b"], /^'people add a b': must be people add NAME/],
    ["a name of two lines", ["people", "remove", "a\nset sip.name b"], /^a name has 1 to 32 characters/],
    ["an empty name", ["people", "add", ""], /^a name has 1 to 32 characters/],
    ["an empty note", ["people", "change", "a", "--note", ""], /^--note '': is empty; --note none takes away/],
    ["a person on and off", ["people", "add", "a", "--on", "--off"], /^--on and --off: one of them/],
    ["a relay that is none", ["people", "add", "a", "--relay", "none"], /^--relay: 1, 2 or 1,2/],
    ["hours that are none", ["people", "add", "a", "--when", "x"], /^--when: spans HH:MM-HH:MM/],
    ["a day that is none", ["people", "add", "a", "--until", "24h"], /^--until: 2026-12-24, /],
    ["uses below one", ["people", "add", "a", "--uses", "0"], /^--uses: a number from 1 to 9999 or none/],
    ["a card that is none", ["people", "add", "a", "--card", "x"], /^--card: a number of at most 35 bits/],
    ["an address that is none", ["people", "add", "a", "--sip", "x"], /^--sip: USER@HOST/],
    ["another command", ["frob"], /^'frob' is no command: get, set, apply/],
    ...["get", "apply", "backup", "trace", "log", "console", "monitor"].map((name): [string, string[], RegExp] => [
      `too much for ${name}`,
      [name, "a", "b"],
      new RegExp(`^'${name} a b': must be ${name}`),
    ]),
    ["another option", ["get", "--frob"], /^there is no option --frob; --help lists/],
    ["two doors", ["get", "--port", "/dev/ttyUSB0"], /^which door\?/],
  ])("says in one line what is wrong with %s", async (_, args, said, input) => {
    const before = contents();
    const settings = house.settings.saveAll();
    expectRefused(await tool(args, input), said);
    expect(contents()).toEqual(before);
    expect(house.settings.saveAll()).toBe(settings);
  });

  it.runIf(isRoot)("says that it may not write there, and leaves the backup of before", async () => {
    writeFileSync(join(folder, "door.json"), "before");
    const before = contents();
    for (const file of ["door.json", "new"])
      expectRefused(await toolAlone(["backup", file], { isNobody: true }), /^cannot write .*: not permitted/);
    expect(contents()).toEqual(before);
  });

  it.each([
    ["get", "a", "b"],
    ["people", "change", "a", "--when", "x"],
    ["log", "--since", "x"],
    ["log", "none/x"],
    ["backup", "none/x"],
    ["trace", "."],
    ["people", "export", "none/x"],
  ])("finds what is wrong with %s %s %s before it looks for the door", async (...args) => {
    const port = freePorts();
    const { err } = await runHere("portero-config", ["--tcp", `127.0.0.1:${port}`, ...args]);
    expect(err).not.toMatch(/nobody listens/);
    expect(err).toMatch(/^[^\n]+\n$/);
  });

  it("ends without a word when nobody reads what it prints, and has done what it was asked", async () => {
    expect(await toolAlone(["get"], { isUnread: true })).toMatchObject({ code: 0, err: "" });
    expect(await toolAlone(["set", "sip.name=x"], { isUnread: true })).toMatchObject({ code: 0, err: "" });
    expect(house.settings.text("sip.name")).toBe("x");
  });

  it("loses nothing when two work at once", async () => {
    const [one, two] = [
      toolAlone(["set", "sip.name=one", "call.ringTime=20"], {}),
      toolAlone(["set", "tone.volume=5", "sip.user=gate"], {}),
    ];
    expect(await Promise.all([one, two])).toEqual([
      { code: 0, out: "2 saved\n", err: "" },
      { code: 0, out: "2 saved\n", err: "" },
    ]);
    const keys = ["sip.name", "call.ringTime", "tone.volume", "sip.user"];
    expect(keys.map((key) => house.settings.text(key))).toEqual(["one", "20", "5", "gate"]);
    const both = await Promise.all([toolAlone(["backup", "door.json"], {}), toolAlone(["backup", "door.json"], {})]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(JSON.parse(contents()["door.json"])["sip.name"]).toBe("one");
    expect(Object.keys(contents()).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});
