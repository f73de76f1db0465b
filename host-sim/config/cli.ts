/**
 * The host tool: reads and changes the settings of a door over its console, and lets a person use that. `--help` says how it is called.
 * What is to be changed is checked here by the schema before anything is sent, and read back from the door after it was saved.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { findSetting, isSecret, SCHEMA } from "../../src/intercom/schema.js";
import { Settings } from "../../src/intercom/settings.js";
import { type Change, isProblems, readFile, writeFile } from "./file.js";
import { openSerial, openTcp } from "./link.js";
import { Session } from "./session.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Ctrl-] leaves the console, as in other programs of that kind. */
const LEAVE = 0x1d;

const USAGE = `Usage: npm run config -- --port PATH | --tcp HOST:PORT  COMMAND

  get [KEY]            settings as they are in force
  set KEY=VALUE …      changes settings: all of them or none
  apply FILE           takes a JSON file of settings over: all of it or nothing
  backup FILE          writes such a file; secrets are left out
  trace [FILE]         the SIP messages of the last call as a ladder, or as a pcap file for Wireshark
  console              the door's console; Ctrl-] leaves it
  monitor              prints events until Ctrl-C

  --port PATH          a serial port, as /dev/ttyUSB0 or COM3 (115200 baud)
  --tcp HOST:PORT      the simulator's --console-port
  --password-stdin     the console's password is the first line of stdin
  --help               this text
`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = read(process.argv.slice(2));
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [command = "", ...args] = positionals;
  if (command === "console" && values["password-stdin"])
    throw new UsageError("console takes its lines from stdin: enter login PASSWORD there");
  // Before anything is opened: a mistake costs nothing.
  const changes = changesOf(command, args);
  const password = values["password-stdin"] ? readFileSync(0, "utf8").split("\n")[0].trim() : "";
  const link = await open(values.port, values.tcp);
  if (command === "console") return talk(link);
  const session = new Session(link);
  try {
    if (password !== "") await session.tell(`login ${password}`);
    return await run(session, command, args, changes);
  } finally {
    session.close();
  }
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        port: { type: "string", default: "" },
        tcp: { type: "string", default: "" },
        "password-stdin": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}

/** What `set` and `apply` are to change, checked; nothing for the others. */
function changesOf(command: string, args: string[]): Change[] {
  const count = (least: number, most: number): void => {
    if (args.length < least || args.length > most) throw new UsageError(`${command}: see --help for its arguments`);
  };
  switch (command) {
    case "get":
      count(0, 1);
      if (args.length === 1 && findSetting(args[0]) === null) throw new UsageError(new Settings().set(args[0], ""));
      return [];
    case "set": {
      count(1, SCHEMA.length);
      const settings = new Settings();
      for (const assignment of args) {
        const problem = settings.assign(assignment);
        if (problem !== "") throw new UsageError(problem);
      }
      const keys = args.map((assignment) => assignment.slice(0, assignment.indexOf("=")).trim());
      return keys.map((key) => ({ key, value: settings.get(key) }));
    }
    case "apply": {
      count(1, 1);
      const result = readFile(args[0]);
      if (isProblems(result)) throw new UsageError(result.join("\n"));
      return result;
    }
    case "backup":
      count(1, 1);
      return [];
    case "trace":
      count(0, 1);
      return [];
    case "console":
    case "monitor":
      count(0, 0);
      return [];
    default:
      throw new UsageError(
        command === "" ? "which command? --help lists them" : `'${command}' is no command: --help lists them`,
      );
  }
}

function open(port: string, tcp: string): Promise<Duplex> {
  if ((port === "") === (tcp === "")) throw new UsageError("which door? one of --port PATH and --tcp HOST:PORT");
  if (port !== "") return openSerial(port);
  const colon = tcp.lastIndexOf(":");
  const number = Number(tcp.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(number) || number < 1 || number > 65535)
    throw new UsageError(`--tcp: '${tcp}' is not HOST:PORT`);
  return openTcp(tcp.slice(0, colon), number);
}

async function run(session: Session, command: string, args: string[], changes: Change[]): Promise<number> {
  switch (command) {
    case "get": {
      const { ok: _, ...values } = await session.tell(["get", ...args].join(" "));
      for (const [key, value] of Object.entries(values)) process.stdout.write(`${key} ${value}\n`);
      return 0;
    }
    case "backup": {
      const values = await session.tell("get");
      const kept = SCHEMA.filter((s) => !isSecret(s) && String(values[s.key]) !== s.initial);
      const secrets = SCHEMA.filter((s) => isSecret(s) && values[s.key] !== "");
      writeFile(
        args[0],
        kept.map(({ key }) => ({ key, value: String(values[key]) })),
      );
      if (secrets.length > 0)
        process.stderr.write(`left out, for nobody shows them: ${secrets.map((s) => s.key).join(", ")}\n`);
      return 0;
    }
    case "trace": {
      const answer = await session.tell(args.length === 0 ? "trace" : "trace pcap");
      if (args.length === 0) process.stdout.write(String(answer.text));
      else writeFileSync(args[0], Buffer.from(String(answer.pcap), "base64"));
      return 0;
    }
    case "monitor":
      session.onEvent = (line) => process.stdout.write(line + "\n");
      await new Promise<void>((resolve) => process.once("SIGINT", () => resolve()));
      return 0;
    default:
      return change(session, changes);
  }
}

/** Stages, saves, and reads back; what cannot be done whole is not done. */
async function change(session: Session, changes: Change[]): Promise<number> {
  const { ok: _, ...staged } = await session.tell("diff");
  if (Object.keys(staged).length > 0)
    throw new Error(`somebody has staged ${Object.keys(staged).join(", ")}: save or revert that on the console first`);
  try {
    for (const { key, value } of changes) await session.tell(`set ${key} ${value}`);
    const { restart } = await session.tell("save");
    const values = await session.tell("get");
    const wrong = changes.filter(({ key, value }) => values[key] !== (isHidden(key, value) ? "********" : value));
    if (wrong.length > 0)
      throw new Error(`saved, but the door has other values of ${wrong.map((c) => c.key).join(", ")}`);
    process.stdout.write(
      `${changes.length} saved${restart === undefined ? "" : `; from the next start on: ${restart}`}\n`,
    );
    return 0;
  } catch (error) {
    await session.ask("revert").catch(() => {});
    throw error;
  }
}

function isHidden(key: string, value: string): boolean {
  const setting = findSetting(key);
  return setting !== null && isSecret(setting) && value !== "";
}

/** A person at a terminal gets the door's own editing; what is piped in goes line by line. */
function talk(link: Duplex): Promise<number> {
  return new Promise((resolve) => {
    const { stdin, stdout } = process;
    const end = (): void => {
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      link.destroy();
      resolve(0);
    };
    link.on("data", (bytes: Buffer) => stdout.write(bytes));
    link.once("close", end);
    if (!stdin.isTTY) {
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

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write((error instanceof Error ? error.message : String(error)) + "\n");
    process.exit(error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
  },
);
