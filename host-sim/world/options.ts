/**
 * The options of the simulator's command line, read into a plain object or one line that tells the mistake. Not here:
 * whether a setting exists and which values it takes (src/settings/schema.ts).
 */
import { parseArgs } from "node:util";
import { readAssignment } from "../../src/settings/settings.js";
import { joinValues, optionProblem } from "../io/arguments.js";
import { type Listen, readListen, readTls } from "../io/listen.js";
import type { TlsFiles } from "../io/tlslistener.js";
import { ROOM_NAMES, type RoomName } from "./acoustics/scene.js";
import { BOARD_NAMES, BOARDS, boardOf } from "./boards.js";
import { safe } from "./events.js";
import { parseScript, STEP_DOOR, STEP_EXPECT, STEP_PRESS, STEP_TAMPER, type Step } from "./script.js";

export interface SimOptions {
  /** No web panel. */
  headless: boolean;
  /** The web panel's port; -1 if none was asked for. */
  port: number;
  /** Indoor phones. */
  phones: number;
  /** The ladder explains its arrows. */
  explain: boolean;
  /** In the order given. */
  set: { key: string; value: string }[];
  /** KEY=FILE, in the order given; undefined if no value comes from a file. */
  setFile?: string[];
  /** A file of settings, "" for none. The other files are given the same way. */
  config: string;
  /** Whether the passphrase of its secrets comes on standard input. */
  passphraseStdin?: boolean;
  /** Only the door. */
  alone: boolean;
  mic: string;
  speaker: string;
  /** The place of the door; undefined for none. */
  room?: RoomName;
  /** The steps of the script; empty if a person drives. */
  script: Step[];
  json: boolean;
  pcap: string;
  keylog: string;
  /** The door's port for TLS, with its certificates; undefined for none. */
  listen?: Listen & { files: TlsFiles };
  /** -1 for the operating system's randomness. */
  seed: number;
  virtualTime: boolean;
  /** TCP port of the serial console, -1 for none. */
  consolePort: number;
  store: string;
  /** A name of hal/boards; undefined for the reference board, with every button, contact and relay there can be. */
  board?: string;
  help: boolean;
}

export const USAGE = `Usage: npm start, or npm run sim -- [options]

  --headless           no panel, and no keys at the terminal: the phone answers
                       by itself, and the ladder goes to stderr
  --port N             the panel's port on 127.0.0.1 (at first 8080; when it is
                       in use, the next free one); with a script there is a
                       panel only when this asks for it
  --phones N           indoor phones, 1 to 4; several ring together
  --explain            a sentence below each arrow of the ladder
  --set KEY=VALUE      a configuration key, as on the serial console; may be
                       repeated
  --set-file KEY=FILE  the value is the line in that file, - is standard input:
                       for passwords and codes; may be repeated
  --config FILE        a file of settings: JSON as 'npm run config -- backup'
                       writes it, or lines of 'set KEY VALUE'
  --passphrase-stdin   the passphrase of its sealed secrets is a line of
                       standard input
  --alone              only the door: no built-in phone, no built-in server
  --mic FILE.wav       what the microphone hears, again and again
  --speaker FILE.wav   where the speaker's sound is written
  --room NAME          none, lobby, street or niche: what comes back from the
                       loudspeaker there, with the noise of the place
  --do "STEP; STEP"    press [MS], press2 to press4, release, exit [MS],
                       door open|shut, wait S, expect [WHO:]EVENT[=VALUE] [S],
                       console LINE, phone LINE, dtmf DIGITS, tones DIGITS,
                       key KEYS, card NUMBER, tamper open|shut,
                       fault NAME VALUE, quit; a step that fails ends with
                       exit code 1
  --json               one JSON object a line on stdout for each event
  --pcap FILE          the packets, for Wireshark; TLS is left off
  --keylog FILE        the secrets of TLS, for Wireshark (SSLKEYLOGFILE)
  --seed N             the same random numbers each time
  --virtual-time       time jumps from event to event
  --board NAME         the limits and devices of that board:
${wrapped(BOARD_NAMES.split(", "))}
                       (at first the limits of ${BOARDS[0].name},
                       with every button, contact and relay there can be)
  --listen tls:IP:PORT the door takes calls by TLS there too (IP: net.address;
                       the usual port is 5061), with
  --tls-cert FILE      its certificate (PEM, those between it and its authority
                       behind it), and
  --tls-key FILE       its key; HUP reads both again; more pairs are for other
                       names of the door
  --tls-ca FILE        only callers with a certificate of these authorities
  --console-port N     the serial console on a TCP port of 127.0.0.1, too
  --store FILE         where saved settings are kept
  --help               this text
`;

/** Wraps names into the column that describes the options. */
function wrapped(names: readonly string[]): string {
  const column = " ".repeat(23);
  const lines = [column];
  for (const [i, name] of names.entries()) {
    const word = name + (i < names.length - 1 ? ", " : "");
    if (lines[lines.length - 1].length + word.trimEnd().length > 79) lines.push(column);
    lines[lines.length - 1] += word;
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** There are ports for so many (house.ts). */
export const PHONES_MAX = 4;
/** Characters of a wrong value that are shown. */
const SHOWN = 120;
const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  headless: flag,
  port: text,
  phones: text,
  explain: flag,
  set: { type: "string", multiple: true },
  "set-file": { type: "string", multiple: true },
  config: text,
  "passphrase-stdin": flag,
  alone: flag,
  mic: text,
  speaker: text,
  room: text,
  do: text,
  json: flag,
  pcap: text,
  keylog: text,
  listen: text,
  "tls-cert": { type: "string", multiple: true },
  "tls-key": { type: "string", multiple: true },
  "tls-ca": text,
  seed: text,
  "virtual-time": flag,
  "console-port": text,
  store: text,
  board: text,
  help: { type: "boolean", short: "h" },
} as const;

/** @param args without the program's name @returns the options, or one line for people */
export function parseOptions(args: readonly string[]): SimOptions | string {
  let given: ReturnType<typeof read>;
  try {
    given = read(args);
  } catch (error) {
    return optionProblem(error as NodeJS.ErrnoException);
  }
  const options: SimOptions = {
    headless: given.headless === true,
    port: numberOf(given.port, -1, 65535),
    phones: numberOf(given.phones, 1, PHONES_MAX),
    explain: given.explain === true,
    set: [],
    config: given.config ?? "",
    alone: given.alone === true,
    mic: given.mic ?? "",
    speaker: given.speaker ?? "",
    script: [],
    json: given.json === true,
    pcap: given.pcap ?? "",
    keylog: given.keylog ?? "",
    seed: numberOf(given.seed, -1, 4294967295),
    virtualTime: given["virtual-time"] === true,
    consolePort: numberOf(given["console-port"], -1, 65535),
    store: given.store ?? "",
    help: given.help === true,
  };
  if (given["set-file"] !== undefined) options.setFile = given["set-file"];
  if (given["passphrase-stdin"] === true) options.passphraseStdin = true;
  if (Number.isNaN(options.port)) return bad("port", given.port, "0 to 65535");
  if (Number.isNaN(options.phones) || options.phones < 1) return bad("phones", given.phones, "1 to " + PHONES_MAX);
  if (Number.isNaN(options.consolePort)) return bad("console-port", given["console-port"], "0 to 65535");
  if (Number.isNaN(options.seed)) return bad("seed", given.seed, "0 to 4294967295");
  for (const name of ["config", "mic", "speaker", "pcap", "keylog", "store", "tls-ca"] as const)
    if (given[name] === "") return bad(name, "", "the name of a file");
  for (const name of ["tls-cert", "tls-key"] as const)
    if (given[name]?.includes("")) return bad(name, "", "the name of a file");
  if (given["set-file"]?.includes("")) return bad("set-file", "", "KEY=FILE, or a file of settings");
  if (options.alone && options.phones > 0 && given.phones !== undefined) return "--phones: with --alone there are none";
  if (options.passphraseStdin && options.config === "") return "--passphrase-stdin needs --config FILE";
  const listen = listenOf(given);
  if (typeof listen === "string") return listen;
  if (listen !== null) options.listen = listen;
  if (given.room !== undefined) {
    const room = ROOM_NAMES.find((name) => name === given.room);
    if (room === undefined) return bad("room", given.room, "one of " + ROOM_NAMES.join(", "));
    options.room = room;
  }
  if (given.board !== undefined) {
    const board = given.board === "" ? null : boardOf(given.board);
    if (board === null) return bad("board", given.board, "one of " + BOARD_NAMES);
    options.board = given.board;
  }
  for (const pair of given.set ?? []) {
    const { key, value, hasValue } = readAssignment(pair);
    if (!hasValue) return bad("set", pair, "KEY=VALUE");
    options.set.push({ key, value });
  }
  if (given.do !== undefined) {
    const steps = parseScript(given.do);
    if (typeof steps === "string") return "--do: " + steps;
    const missing = steps.find((step) => !hasInput(step, options.board ?? ""));
    if (missing !== undefined)
      return (
        "--do: " + safe(missing.text) + ": " + options.board + " has no such input; it has " + inputsOf(options.board)
      );
    const stranger = steps.find((step) => step.kind === STEP_EXPECT && !isParty(step.who, options));
    if (stranger !== undefined)
      return (
        "--do: " +
        safe(stranger.text) +
        ": there is no " +
        stranger.who +
        (options.alone ? " with --alone" : "; --phones N makes N of them")
      );
    options.script = steps;
  }
  if (options.virtualTime && options.headless && options.script.length === 0 && !options.help)
    return "--virtual-time needs a script or a panel: add --do, or leave --headless out";
  return options;
}

/** @returns the port for TLS, null for none, or one line for people */
function listenOf(given: ReturnType<typeof read>): SimOptions["listen"] | null | string {
  const { listen: value } = given;
  const files = readTls(given["tls-cert"] ?? [], given["tls-key"] ?? [], given["tls-ca"] ?? "", value !== undefined);
  if (value === undefined) return typeof files === "string" ? files : null;
  const place = readListen(value);
  if (place === null || place.transport !== "tls")
    return bad("listen", value, "tls:IP:PORT; sip.port is the port for UDP and TCP");
  if (given["virtual-time"] === true) return "--listen: the virtual network has no TLS: leave --virtual-time out";
  return typeof files === "string" ? files : { ...place, files };
}

/** @returns whether there is the party that a step waits for */
function isParty(who: string, { alone, phones }: SimOptions): boolean {
  return who === "door" || (!alone && Number(who.slice("phone".length) || 1) <= phones);
}

/** @returns whether the board has the input that a step uses */
function hasInput(step: Step, name: string): boolean {
  const inputs = boardOf(name)?.inputs ?? [];
  if (step.kind === STEP_DOOR) return inputs.includes("sensor");
  if (step.kind === STEP_TAMPER) return inputs.includes("tamper");
  return step.kind !== STEP_PRESS || inputs.some((input) => input === step.name);
}

function inputsOf(name: string | undefined): string {
  return (boardOf(name ?? "")?.inputs ?? []).join(", ");
}

function read(args: readonly string[]) {
  return parseArgs({ args: joinValues(args, OPTIONS), options: OPTIONS, strict: true, allowPositionals: false }).values;
}

/** @returns NaN if it is no number from 0 to `max` */
function numberOf(value: string | undefined, otherwise: number, max: number): number {
  if (value === undefined) return otherwise;
  return /^\d{1,10}$/.test(value) && Number(value) <= max ? Number(value) : Number.NaN;
}

function bad(name: string, given: string | undefined, allowed: string): string {
  const shown = (given ?? "").length > SHOWN ? (given ?? "").slice(0, SHOWN) + "..." : (given ?? "");
  return "--" + name + ' "' + safe(shown) + '": must be ' + allowed;
}
