/**
 * The simulator's program: a house with a door and, unless it is to be alone, an indoor phone and a SIP server; a
 * ladder of their messages; and a person or a script that presses the button. `--help` shows its usage.
 */
import { styleText } from "node:util";
import type { TerminalUser } from "../src/console/terminal.js";
import { ipv4 } from "../src/core/address.js";
import { Settings } from "../src/settings/settings.js";
import { readSetFile } from "./config/assignments.js";
import { type Change, isProblems, nameOf, openSecrets, readFile, type SettingsFile } from "./config/file.js";
import { type HousePlan, Misfit, SimHouse } from "./house.js";
import { askHidden } from "./io/ask.js";
import { loadWav, NO_SPEAKER, SamplesInput, WavSpeaker } from "./io/audio.js";
import { openStreamSerial, openTcpSerial, type SerialPort } from "./io/serial.js";
import { FileStore, MemoryStore } from "./io/store.js";
import { Keyboard } from "./keyboard.js";
import { sentenceOf } from "./panel/explain.js";
import type { Mode } from "./panel/protocol.js";
import { seatOf } from "./panel/seat.js";
import { PanelServer } from "./panel/server.js";
import { type HouseBase, PanelWorld } from "./panel/world.js";
import { watchParent } from "./parent.js";
import { holdFile } from "./server/folder-lock.js";
import { boardOf } from "./world/boards.js";
import { consoleLine, eventJson, eventLine, type SimEvent } from "./world/events.js";
import { Ladder } from "./world/ladder.js";
import { parseOptions, type SimOptions, USAGE } from "./world/options.js";
import { Pcap } from "./world/pcap.js";
import { runScript, type ScriptResult, STEP_PHONE, type Stage } from "./world/script.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Without a person or a script at the phone it rings for so long and then answers. */
const PHONE_RINGS_MS = 2000;

/** A signal came before the script's end. */
const UNFINISHED: ScriptResult = { ok: false, line: "interrupted: the script was not finished", quit: false };

/** Ends the program with one line for a person. */
class Refusal extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** Collects the settings of the command line: the file, then --set, then --set-file; the later one wins. */
async function givenSettings(options: SimOptions): Promise<{ ofFile: Change[]; ofLine: Change[] }> {
  const ofFile = options.config === "" ? [] : await fileSettings(options);
  const settings = new Settings();
  const ofLine: Change[] = [];
  for (const { key, value } of options.set) {
    const problem = settings.set(key, value);
    if (problem !== "") throw new Refusal("--set " + problem, EXIT_USAGE);
    ofLine.push({ key, value });
  }
  const laid = await readSetFile(options.setFile ?? [], (key) => askHidden(key + ": "), ofLine);
  if (typeof laid === "string") throw new Refusal(laid, EXIT_USAGE);
  return { ofFile, ofLine: laid };
}

async function fileSettings(options: SimOptions): Promise<Change[]> {
  const { config } = options;
  let file: SettingsFile | string[];
  try {
    file = readFile(config);
  } catch (error) {
    throw new Refusal("--config: " + (error as Error).message, EXIT_FAILED);
  }
  if (isProblems(file)) throw new Refusal(file.join("\n"), EXIT_USAGE);
  if (file.sealed === null) return file.changes;
  if (options.passphraseStdin !== true && process.stdin.isTTY !== true) {
    process.stderr.write(nameOf(config) + ": its sealed secrets are left out: --passphrase-stdin opens them\n");
    return file.changes;
  }
  const passphrase = await askHidden("Passphrase of " + nameOf(config) + ": ");
  return [...file.changes, ...openSecrets(nameOf(config), file.sealed, passphrase)];
}

/**
 * Takes the lock of the store, because two doors would overwrite each other's settings. @returns a function that
 * releases it
 */
function holdStore(path: string): () => void {
  try {
    return holdFile(path);
  } catch (error) {
    // If no lock can be written, nothing can be stored either; that is told when it is tried.
    if ((error as NodeJS.ErrnoException).code !== undefined) return () => {};
    throw new Refusal((error as Error).message, EXIT_FAILED);
  }
}

/** @throws Refusal */
function houseOf(plan: HousePlan): SimHouse {
  try {
    return new SimHouse(plan);
  } catch (error) {
    throw error instanceof Misfit ? new Refusal(error.message, EXIT_USAGE) : error;
  }
}

/** @throws Refusal */
async function startWorld(world: PanelWorld, pcap: Pcap | null, isOver: () => boolean): Promise<void> {
  try {
    await world.start(pcap, isOver);
  } catch (error) {
    throw error instanceof Misfit ? new Refusal(error.message, EXIT_USAGE) : error;
  }
}

/** The kind of house that the options ask for. */
function modeOf(options: SimOptions, given: readonly Change[]): Mode {
  const last = (key: string): string => given.filter((change) => change.key === key).at(-1)?.value ?? "";
  const server = last("sip.register") === "off" ? "none" : last("server.mode") === "redirect" ? "redirect" : "proxy";
  const phones = options.alone ? 0 : options.phones;
  return { server, phones, isVirtual: options.virtualTime, room: options.room ?? "none" };
}

/** The console of the present door, which changes when the panel makes another house. */
function doorUser(home: () => SimHouse): TerminalUser & { seat(): TerminalUser } {
  return {
    line: (input) => home().door.line(input),
    complete: (input) => home().door.complete(input),
    isLocked: () => home().door.isLocked(),
    seat: () => seatOf(() => home().door),
  };
}

/** @returns the problem that a line of the console tells, as text or as JSON; "" for none */
function problemIn(output: string): string {
  if (output.startsWith("error: ")) return output.slice(7).trimEnd();
  return output.startsWith('{"ok":false') ? String(JSON.parse(output).error) : "";
}

/** The reader of the output may go away. Later output is lost then, and the house goes on. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr, process.stdin]) stream.on("error", () => {});
}

/** The first signal ends the program in an orderly way; a second one ends it at once. */
class Interruption {
  isThere = false;
  readonly came: Promise<void>;

  constructor() {
    this.came = new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
        process.once(signal, () => {
          this.isThere = true;
          resolve();
        });
      // A person who started the program with npm and ended npm has ended the program too.
      watchParent(() => {
        this.isThere = true;
        resolve();
      });
    });
  }
}

async function main(): Promise<number> {
  outliveReaders();
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") throw new Refusal(options, EXIT_USAGE);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const board = boardOf(options.board ?? "");
  // The options were checked already.
  if (board === null) throw new Refusal("--board", EXIT_USAGE);
  const { ofFile, ofLine } = await givenSettings(options);
  const isScripted = options.script.length > 0;
  const isInteractive =
    process.stdin.isTTY === true && process.stdout.isTTY === true && !isScripted && !options.headless;

  const listeners: ((event: SimEvent) => void)[] = [];
  let show = (text: string): void => void process.stdout.write(text);
  const tell = (event: SimEvent): void => {
    show((options.json ? eventJson(event) : eventLine(event)) + "\n");
    for (const listener of listeners) listener(event);
  };
  const ladderTo = isInteractive ? process.stdout : process.stderr;
  // Colours are used as Node decides: on a terminal, and without NO_COLOR in the environment.
  const hasColours = ladderTo.isTTY === true && styleText("cyan", "x", { stream: ladderTo }) !== "x";
  const ladder = new Ladder(
    (line) => (isInteractive ? show(line + "\n") : void ladderTo.write(line + "\n")),
    ladderTo.columns ?? 100,
    hasColours,
  );
  if (options.explain) ladder.explain = sentenceOf;
  if (!isInteractive) ladderTo.on("resize", () => ladder.resize(ladderTo.columns));

  const microphone = options.mic !== "" ? new SamplesInput(loadWav(options.mic)) : new SamplesInput();
  const speaker = options.speaker !== "" ? new WavSpeaker(options.speaker) : null;
  // The lock is released however the program ends.
  if (options.store !== "") process.once("exit", holdStore(options.store));
  const base: HouseBase = {
    board,
    ofFile,
    ofLine,
    seed: options.seed,
    store: options.store !== "" ? new FileStore(options.store) : new MemoryStore(),
    isKept: options.store !== "",
    microphone,
    speaker: speaker ?? NO_SPEAKER,
    ladder,
  };
  const phones = options.alone ? 0 : options.phones;
  // A script is for programs, so there is a panel beside it only if its port is named.
  const hasPanel = !options.headless && (!isScripted || options.port >= 0);
  const world = hasPanel
    ? new PanelWorld(base, modeOf(options, [...ofFile, ...ofLine]), options.mic !== "", tell)
    : null;
  const plain =
    world === null ? houseOf({ ...base, phones, room: options.room, isVirtual: options.virtualTime, tell }) : null;
  /** The present house: the panel may make another one. */
  const home = (): SimHouse => plain ?? (world as PanelWorld).house;
  // Events before the script begins are kept for its first `expect`.
  const early: SimEvent[] = [];
  const onEarly = (event: SimEvent): void => void early.push(event);
  listeners.push(onEarly);
  const interruption = new Interruption();
  const isOver = (): boolean => interruption.isThere;
  // The pcap begins with the first message.
  const pcap = options.pcap !== "" ? new Pcap(options.pcap, options.virtualTime ? 0 : Date.now()) : null;
  if (plain !== null) {
    plain.world.wiretap.pcap = pcap;
    await plain.start(isOver);
  } else await startWorld(world as PanelWorld, pcap, isOver);
  const { clock, virtual } = home();
  const panel = world === null ? null : new PanelServer(world);
  if (panel !== null) {
    const said = await panel.start(options.port).catch((error: Error) => error.message);
    (isInteractive ? process.stdout : process.stderr).write(said + "\n");
  }
  listeners.splice(listeners.indexOf(onEarly), 1);

  // A script that works the phone answers calls itself.
  const hasHand = options.script.some(({ kind }) => kind === STEP_PHONE);
  if (plain !== null && phones > 0 && !isInteractive && !hasHand) {
    listeners.push((event) => {
      if (event.who !== "phone" || event.event !== "call" || event.value !== "ringing" || event.direction !== "in")
        return;
      clock.createTimer(() => plain.phones[0].party.line("answer")).at(clock.now() + PHONE_RINGS_MS);
    });
  }

  const serials: SerialPort[] = [];
  if (options.consolePort >= 0) {
    const serial = await openTcpSerial({
      address: ipv4("127.0.0.1"),
      port: options.consolePort,
      greeting: "Portero\r\n",
      user: doorUser(home),
    });
    serials.push(serial);
    // As on a board, events stand between the answers.
    listeners.push((event) => {
      if (event.who === "door") serial.print(consoleLine(event));
    });
    process.stderr.write("console on 127.0.0.1:" + serial.port + "\n");
  }

  const stop = async (): Promise<void> => {
    panel?.close();
    await (world ?? home()).stop();
    for (const serial of serials) serial.close();
    speaker?.close();
    pcap?.close();
  };

  const said = (output: string): void => {
    if (output === "") return;
    if (options.json) tell({ t: clock.now(), who: "door", event: "console", value: output.trimEnd() });
    else show(output);
  };

  if (isScripted) {
    const stage: Stage = {
      clock,
      press: (ms, name) => home().door.contacts[name].press(ms),
      release: () => home().door.contacts.button1.release(),
      door: (isOpen) => home().door.moveDoor(isOpen),
      console: (line) => {
        const output = home().door.line(line);
        said(output);
        return problemIn(output);
      },
      phone: (line) => (phones === 0 ? "there is no built-in phone" : problemIn(home().phones[0].party.line(line))),
      dtmf: (digits) => {
        if (phones === 0) return "there is no built-in phone: it is the one that sends digits";
        return problemIn(home().phones[0].party.line("dtmf " + digits));
      },
      tones: (digits) => {
        if (phones === 0) return "there is no built-in phone: it is the one that plays digits";
        home().phones[0].keypad.press(digits);
        return "";
      },
      key: (name) => void home().door.reader.key(name),
      card: (number) => home().door.reader.card(number),
      fault: (name, value) => home().fault(name, value),
      onEvent: (listener) => {
        for (const event of early) listener(event);
        listeners.push(listener);
      },
    };
    let isDone = false;
    const running = runScript(options.script, stage).finally(() => {
      isDone = true;
    });
    // With a panel, time passes at the pace of real time.
    if (virtual !== null && plain !== null) await virtual.runWhile(() => !isDone && !interruption.isThere);
    const result = await Promise.race([running, interruption.came.then(() => UNFINISHED)]);
    if (!result.ok) process.stderr.write(result.line + "\n");
    if (result.ok && !result.quit) {
      if (virtual === null || plain === null) await interruption.came;
    }
    await stop();
    return result.ok ? 0 : EXIT_FAILED;
  }

  if (virtual !== null && plain !== null)
    throw new Refusal("--virtual-time needs a script or a panel: add --do, or leave --headless out", EXIT_USAGE);
  if (isInteractive) {
    const keyboard = new Keyboard(home, ladder, (text) => process.stdout.write(text));
    show = (text) => keyboard.print(text);
    await Promise.race([keyboard.done, interruption.came]);
    show = (text) => void process.stdout.write(text);
    keyboard.close();
  } else {
    const user = doorUser(home);
    const line = (input: string): string => {
      said(user.line(input));
      return "";
    };
    serials.push(openStreamSerial(process.stdin, process.stdout, { ...user, line }));
    await interruption.came;
  }
  await stop();
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write((error instanceof Error ? error.message : String(error)) + "\n");
    process.exit(error instanceof Refusal ? error.code : EXIT_FAILED);
  },
);
