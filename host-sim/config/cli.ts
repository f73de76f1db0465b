/**
 * The host tool: reads and changes the settings of a door over its console, and lets a person use that. `--help` says how it is called.
 * What is to be changed is checked here by the schema before anything is sent, and read back from the door after it was saved.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { findSetting, SCHEMA } from "../../src/intercom/schema.js";
import { Settings } from "../../src/intercom/settings.js";
import { watchParent } from "../parent.js";
import { type Change, isProblems, readFile } from "./file.js";
import { openSerial, openTcp } from "./link.js";
import { DISCARD, Session } from "./session.js";
import { type Output, runVerb } from "./verbs.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Ctrl-] leaves the console, as in other programs of that kind. */
const LEAVE = 0x1d;
/** For the last line to go out. */
const GOODBYE_MS = 500;

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
  const interrupted = interruption();
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
  if (command === "console") return talk(link, interrupted);
  const session = new Session(link);
  const output: Output = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interrupted,
  };
  try {
    const isDone = runVerb(session, command, args, changes, password, output).then(() => true);
    // What was begun is ended first: a signal in the middle of it must not leave half of it.
    if (!(await Promise.race([isDone, interrupted.then(() => false)]))) await isDone;
    return 0;
  } finally {
    await session.close();
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

/** A person at a terminal gets the door's own editing; what is piped in goes line by line. Whoever logged in here is logged out at the end. */
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
        // A line that takes nothing any more holds nobody.
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
    // Enter would carry out what somebody left half typed.
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

/** Resolves at Ctrl-C, or when nobody reads what is printed any more. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    watchParent(resolve);
    process.stdout.on("error", () => resolve());
    process.stderr.on("error", () => {});
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write((error instanceof Error ? error.message : String(error)) + "\n");
    process.exit(error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
  },
);
