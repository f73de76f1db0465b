/**
 * The host tool: reads and changes the settings of a door over its console, and lets a person use that. `--help` shows
 * its usage. Changes are checked here by the schema before anything is sent, and read back from the door after they
 * were saved. Not here: what each verb does (verbs.ts), how changes are read (assignments.ts, file.ts).
 */
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { findSetting } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { joinValues, optionProblem } from "../io/arguments.js";
import { askHidden } from "../io/ask.js";
import { watchParent } from "../parent.js";
import { safe } from "../world/events.js";
import { readAssignments, readSetFile } from "./assignments.js";
import { type Change, checkTarget, isProblems, nameOf, openSecrets, readFile, type SettingsFile } from "./file.js";
import { openSerial, openTcp } from "./link.js";
import { isSince, optionsProblem, readPeople } from "./people.js";
import { DISCARD, Session } from "./session.js";
import { type Output, runVerb, type VerbOptions } from "./verbs.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Ctrl-] leaves the console, as in other programs of that kind. */
const LEAVE = 0x1d;
/** Time to send the last line. */
const GOODBYE_MS = 500;

const USAGE = `Usage: npm run config -- --port PATH | --tcp HOST:PORT  COMMAND

  get [KEY]            settings as they are in force
  set KEY=VALUE ...    changes settings, all of them or none; set KEY VALUE
                       changes one; set KEY asks for a password or a code
  apply FILE           takes a file of settings over, all of it or nothing:
                       JSON, or lines of 'set KEY VALUE'
  backup FILE          writes such a file, without passwords and codes
  trace [FILE]         the SIP messages of the last call as a ladder, or as a
                       pcap file for Wireshark
  log [FILE]           what happened, as CSV
  people list          who has a code or card of their own
  people add NAME      adds one; --code new prints the code, once
  people change NAME   --code ask asks for one; see docs/people.md
  people remove NAME
  people import FILE   all people of a CSV file, or nobody; codes that it does
                       not have are made, and written to FILE.codes.csv
  people export FILE   such a file, without codes
  console              the door's console; Ctrl-] leaves it
  monitor              prints events until Ctrl-C

  --port PATH          a serial port, as /dev/ttyUSB0 or COM3 (115200 baud)
  --tcp HOST:PORT      the simulator's --console-port
  --password-stdin     the console's password comes on standard input
  --set-file KEY=FILE  set: the value is the line in that file; may be repeated
  --with-secrets       backup: with passwords and codes, sealed by a passphrase
                       (the door gives them only behind --password-stdin)
  --without-secrets    apply: leaves those of the file out
  --since TIME         log: 2026-12-24, or 24h for the last day
  --code new|ask  --card NUMBER  --relay 1,2  --when HOURS  --from TIME
  --until TIME  --uses N  --note TEXT  --sip USER@HOST  --off  --on
                       people add, people change
  --help               this text

FILE may be -: standard input, or standard output. What is asked for is not
shown while it is typed. Without a terminal it is read from standard input, a
line each: the console's password, the passphrase, values in their order.
`;

const OPTIONS = {
  port: { type: "string", default: "" },
  tcp: { type: "string", default: "" },
  "password-stdin": { type: "boolean", default: false },
  "set-file": { type: "string", multiple: true, default: [] as string[] },
  "with-secrets": { type: "boolean", default: false },
  "without-secrets": { type: "boolean", default: false },
  since: { type: "string" },
  code: { type: "string" },
  card: { type: "string" },
  relay: { type: "string" },
  when: { type: "string" },
  from: { type: "string" },
  until: { type: "string" },
  uses: { type: "string" },
  note: { type: "string" },
  sip: { type: "string" },
  off: { type: "boolean" },
  on: { type: "boolean" },
  help: { type: "boolean", short: "h", default: false },
} as const;

class UsageError extends Error {}

async function main(): Promise<number> {
  const isUnread = unread();
  const { values, positionals } = read(process.argv.slice(2));
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [command = "", ...args] = positionals;
  checkArguments(command, args, values);
  const way = wayOf(values.port, values.tcp);
  const password = values["password-stdin"] ? (await askHidden("Password of the console: ")).trim() : "";
  if (values["password-stdin"] && password === "")
    throw new UsageError("--password-stdin: there is no password on standard input");
  // This comes before anything is opened, so that a mistake costs nothing.
  const { changes, more } = await prepare(command, args, values);
  // Signals are caught from here on, because a program that waits for a line of standard input hears none.
  const interrupted = Promise.race([isUnread, interruption()]);
  const link = await way();
  if (command === "console") return talk(link, interrupted);
  const session = new Session(link);
  const output: Output = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interrupted,
  };
  try {
    const isDone = runVerb(session, command, args, { changes, password, output, ...more }).then(() => true);
    // A change that was begun is finished first: a signal must not leave half of it.
    if (!(await Promise.race([isDone, interrupted.then(() => false)]))) await isDone;
    return 0;
  } finally {
    await session.close();
  }
}

function read(args: string[]) {
  try {
    return parseArgs({ args: joinNumbers(joinValues(args, OPTIONS)), allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(optionProblem(error as NodeJS.ErrnoException));
  }
}

/** `set audio.volume -10`: a number below 0 is no option. */
function joinNumbers(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const arg of args) {
    const key = out.at(-1) ?? "";
    if (/^-[\d.]+$/.test(arg) && findSetting(key) !== null) out[out.length - 1] = `${key}=${arg}`;
    else out.push(arg);
  }
  return out;
}

type Values = ReturnType<typeof read>["values"];

function checkArguments(command: string, args: readonly string[], values: Values): void {
  const known = ARGUMENTS[command];
  if (known === undefined) {
    const commands = Object.keys(ARGUMENTS).join(", ");
    throw new UsageError(`${command === "" ? "which command?" : `'${safe(command)}' is no command:`} ${commands}`);
  }
  const { least, most, allowed } = known;
  const isOnlyFiles = command === "set" && args.length === 0 && values["set-file"].length > 0;
  if ((args.length < least && !isOnlyFiles) || args.length > most)
    throw new UsageError(`${written([command, ...args])}: must be ${allowed}`);
  const isWrong = (option: keyof Values, of: string): boolean => values[option] === true && command !== of;
  checkPeople(command, args, values);
  if (values.since !== undefined && command !== "log") throw new UsageError("--since belongs to log");
  if (values.since !== undefined && !isSince(values.since))
    throw new UsageError(`--since ${written([values.since])}: must be 2026-12-24, 2026-12-24 18:00, 24h, 30m or 7d`);
  if (values["set-file"].includes("")) throw new UsageError("--set-file '': must be KEY=FILE, or a file of settings");
  const file = fileOf(command, args);
  if (file === "") throw new UsageError(`${[command, ...args].join(" ").trim()} '': must be the name of a file, or -`);
  if (isWrong("with-secrets", "backup")) throw new UsageError("--with-secrets belongs to backup");
  if (isWrong("without-secrets", "apply")) throw new UsageError("--without-secrets belongs to apply");
  if (values["set-file"].length > 0 && command !== "set") throw new UsageError("--set-file belongs to set");
  if (command === "console" && values["password-stdin"])
    throw new UsageError("console takes its lines from stdin: enter login PASSWORD there");
  if (command === "get" && args.length === 1 && findSetting(args[0]) === null)
    throw new UsageError(new Settings().set(args[0], ""));
}

const PERSON_OPTIONS = ["code", "card", "relay", "when", "from", "until", "uses", "note", "sip", "off", "on"] as const;
/** What stands behind `people`, and its argument, if it takes one. */
const PEOPLE_VERBS: Readonly<Record<string, string>> = {
  list: "",
  add: "NAME",
  change: "NAME",
  remove: "NAME",
  import: "FILE",
  export: "FILE",
};
/** Characters of wrong arguments that are shown. */
const SHOWN = 120;

/** @returns words as they were written, within quotes */
function written(words: readonly string[]): string {
  const all = words.join(" ").trimEnd();
  return `'${safe(all.length > SHOWN ? all.slice(0, SHOWN) + "..." : all)}'`;
}

/** @returns the file that a command reads or writes, null for none */
function fileOf(command: string, args: readonly string[]): string | null {
  if (command === "people") return PEOPLE_VERBS[args[0]] === "FILE" ? args[1] : null;
  return ["apply", "backup", "trace", "log"].includes(command) ? (args[0] ?? null) : null;
}

function checkPeople(command: string, [verb = "", ...rest]: readonly string[], values: Values): void {
  const isPerson = command === "people" && (verb === "add" || verb === "change");
  const given = PERSON_OPTIONS.find((option) => values[option] !== undefined);
  if (given !== undefined && !isPerson) throw new UsageError(`--${given} belongs to people add and people change`);
  if (command !== "people") return;
  const argument = PEOPLE_VERBS[verb];
  if (argument === undefined) throw new UsageError(`${written([command, verb])}: must be ${ARGUMENTS.people.allowed}`);
  if (rest.length !== (argument === "" ? 0 : 1)) {
    const hint = argument === "NAME" ? "; a name of several words stands in quotes" : "";
    throw new UsageError(`${written([command, verb, ...rest])}: must be people ${`${verb} ${argument}`.trim()}${hint}`);
  }
  if (/["\\]/.test(rest.join("") + PERSON_OPTIONS.map((option) => values[option] ?? "").join("")))
    throw new UsageError('no " and no \\ in a name or an option');
  if (values.code !== undefined && !["new", "ask", "none"].includes(values.code))
    throw new UsageError("--code new, ask or none: everybody on this computer can see what stands on a command line");
  if (values.on === true && values.off === true) throw new UsageError("--on and --off: one of them");
  if (argument !== "NAME") return;
  // An empty word would be lost on the way to the door.
  const empty = PERSON_OPTIONS.find((option) => values[option] === "");
  if (empty !== undefined) throw new UsageError(`--${empty} '': is empty; --${empty} none takes away what there is`);
  const problem = optionsProblem(rest[0], verb === "add" || verb === "change" ? values : {});
  if (problem !== "") throw new UsageError(problem);
}

/** The words of the console for `people add` and `people change`. @param code digits, or new or none */
function personOptions(values: Values, code: string): string {
  let out = "";
  for (const option of PERSON_OPTIONS) {
    const value = option === "code" ? code : values[option];
    if (value === undefined || value === "" || value === false) continue;
    out += value === true ? ` --${option}` : ` --${option} ${option === "note" ? `"${value}"` : value}`;
  }
  return out;
}

/** The number of arguments of each command, and how it is written. */
const ARGUMENTS: Readonly<Record<string, { least: number; most: number; allowed: string }>> = {
  get: { least: 0, most: 1, allowed: "get or get KEY" },
  set: {
    least: 1,
    most: Infinity,
    allowed: "set KEY=VALUE ..., set KEY VALUE, set KEY for a password or a code, or set --set-file KEY=FILE",
  },
  apply: { least: 1, most: 1, allowed: "apply FILE" },
  backup: { least: 1, most: 1, allowed: "backup FILE" },
  trace: { least: 0, most: 1, allowed: "trace or trace FILE" },
  log: { least: 0, most: 1, allowed: "log or log FILE" },
  people: {
    least: 1,
    most: Infinity,
    allowed: "people list, add NAME, change NAME, remove NAME, import FILE or export FILE",
  },
  console: { least: 0, most: 0, allowed: "console alone" },
  monitor: { least: 0, most: 0, allowed: "monitor alone" },
};

/** Checks the changes of `set` and `apply`. @returns them, and the passphrase of a file */
async function prepare(
  command: string,
  args: readonly string[],
  values: Values,
): Promise<{ changes: readonly Change[]; more: Partial<VerbOptions> }> {
  const target = command === "apply" || args[0] === "import" ? null : fileOf(command, args);
  if (target !== null) checkTarget(target);
  if (command === "set") {
    const ask = (key: string): Promise<string> => askHidden(`${key}: `);
    const named = await readAssignments(args, ask);
    const changes = isText(named) ? named : await readSetFile(values["set-file"], ask, named);
    if (isText(changes)) throw new UsageError(changes);
    return { changes, more: {} };
  }
  if (command === "people") return { changes: [], more: await preparePeople(args, values) };
  if (command === "log") return { changes: [], more: { since: values.since ?? "" } };
  if (command === "backup" && values["with-secrets"])
    return { changes: [], more: { passphrase: await newPassphrase() } };
  if (command !== "apply") return { changes: [], more: {} };
  const file = readFile(args[0]);
  if (isProblems(file)) throw new UsageError(file.join("\n"));
  const changes = [...file.changes, ...(values["without-secrets"] ? [] : await secretsOf(args[0], file))];
  if (changes.length === 0) throw new UsageError(`${nameOf(args[0])}: has no setting`);
  return { changes, more: { file } };
}

async function preparePeople([verb, name]: readonly string[], values: Values): Promise<Partial<VerbOptions>> {
  if (verb === "import") return { people: readPeople(name) };
  if (verb !== "add" && verb !== "change") return {};
  const code = values.code === "ask" ? (await askHidden("Code: ")).trim() : (values.code ?? "");
  if (values.code === "ask" && !/^\d{4,8}$/.test(code)) throw new UsageError("a code has 4 to 8 digits");
  return { personOptions: personOptions(values, code) };
}

async function secretsOf(path: string, { sealed }: SettingsFile): Promise<Change[]> {
  if (sealed === null) return [];
  const passphrase = await askHidden(`Passphrase of ${path}: `);
  if (passphrase === "")
    throw new UsageError(`${path}: its secrets need the passphrase on standard input, or --without-secrets`);
  return openSecrets(path, sealed, passphrase);
}

async function newPassphrase(): Promise<string> {
  const passphrase = await askHidden("Passphrase for the secrets: ");
  if (passphrase === "") throw new UsageError("the passphrase is empty: nothing was written");
  if (process.stdin.isTTY && passphrase !== (await askHidden("Again: ")))
    throw new UsageError("the two are not the same: nothing was written");
  return passphrase;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** @returns a function that opens the line */
function wayOf(port: string, tcp: string): () => Promise<Duplex> {
  if ((port === "") === (tcp === "")) throw new UsageError("which door? one of --port PATH and --tcp HOST:PORT");
  if (port !== "") return () => openSerial(port);
  const colon = tcp.lastIndexOf(":");
  const number = Number(tcp.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(number) || number < 1 || number > 65535)
    throw new UsageError(`--tcp: '${tcp}' is not HOST:PORT`);
  return () => openTcp(tcp.slice(0, colon), number);
}

/** A person at a terminal gets the door's own editing; piped input goes line by line. A login is ended at the end. */
function talk(link: Duplex, interrupted: Promise<void>): Promise<number> {
  return new Promise((resolve, reject) => {
    const { stdin, stdout } = process;
    const isTerminal = stdin.isTTY === true;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      if (isTerminal) stdin.setRawMode(false);
      stdin.pause();
      link.off("data", show);
      const leave = (): void => {
        link.destroy();
        resolve(0);
      };
      if (!link.writable) leave();
      else {
        link.write(`\x15\x03logout${isTerminal ? "\r" : "\n"}`, leave);
        // A line that takes nothing any more must not keep the program waiting.
        setTimeout(leave, GOODBYE_MS);
      }
    };
    const fail = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      if (isTerminal) stdin.setRawMode(false);
      stdin.pause();
      reject(new Error(reason));
    };
    const show = (bytes: Buffer): boolean => stdout.write(bytes);
    link.on("data", show);
    link.once("error", (error) => fail(error.message));
    link.once("close", () => fail("the line was closed"));
    void interrupted.then(end);
    // The line is cleared, because Enter would carry out a line that somebody left half typed.
    link.write(DISCARD);
    if (!isTerminal) {
      const lines = createInterface({ input: stdin });
      lines.on("line", (line) => link.write(line + "\n"));
      // The last answer is still on its way.
      lines.once("close", () => setTimeout(end, 500));
      return;
    }
    stdin.setRawMode(true);
    stdin.on("data", (bytes: Buffer) => {
      if (bytes.includes(LEAVE)) end();
      else link.write(bytes);
    });
    link.write("\r");
  });
}

/** Resolves at Ctrl-C. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    watchParent(resolve);
  });
}

/** Resolves when nobody reads the output any more. */
function unread(): Promise<void> {
  process.stderr.on("error", () => {});
  return new Promise((resolve) => void process.stdout.on("error", () => resolve()));
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write((error instanceof Error ? error.message : String(error)) + "\n");
    process.exit(error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
  },
);
