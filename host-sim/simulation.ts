/**
 * One run of the simulator: the house, the panel beside it, the consoles, and the person or the script that presses the
 * button. `start` makes all that the options ask for, `run` lasts until the script, the person or a signal ends it.
 * Not here: the options (world/options.ts), the house (house.ts), the steps of a script (world/script.ts).
 */
import type { TerminalUser } from "../src/console/terminal.js";
import { ipv4 } from "../src/core/address.js";
import { NO_FIELDS } from "../src/intercom/events.js";
import type { Change } from "./config/file.js";
import { type HousePlan, Misfit, SimHouse } from "./house.js";
import { Interruption } from "./interruption.js";
import { loadWav, NO_SPEAKER, SamplesInput, WavSpeaker } from "./io/audio.js";
import type { DoorListener } from "./io/doorlistener.js";
import { keylogOf } from "./io/keylog.js";
import { openStreamSerial, openTcpSerial, type SerialPort } from "./io/serial.js";
import { FileStore, MemoryStore } from "./io/store.js";
import { Certificates } from "./io/tlslistener.js";
import { Keyboard } from "./keyboard.js";
import { Output } from "./output.js";
import type { Mode } from "./panel/protocol.js";
import { seatOf } from "./panel/seat.js";
import { PanelServer } from "./panel/server.js";
import { type HouseBase, PanelWorld } from "./panel/world.js";
import { EXIT_FAILED, EXIT_USAGE, Refusal } from "./refusal.js";
import { holdFile } from "./server/folder-lock.js";
import type { SimBoard } from "./world/boards.js";
import { consoleLine, type SimEvent } from "./world/events.js";
import type { SimOptions } from "./world/options.js";
import { Pcap } from "./world/pcap.js";
import { runScript, type ScriptResult, STEP_PHONE, type Stage } from "./world/script.js";

/** Without a person or a script at the phone it rings for so long and then answers. */
const PHONE_RINGS_MS = 2000;

/** A signal came before the script's end. */
const UNFINISHED: ScriptResult = { ok: false, line: "interrupted: the script was not finished", quit: false };
const NO_PHONE = "there is no built-in phone";

export interface SimulationParts {
  options: SimOptions;
  board: SimBoard;
  /** The settings that were given, by a file and by the command line. */
  ofFile: Change[];
  ofLine: Change[];
}

export class Simulation {
  private readonly options: SimOptions;
  private readonly isScripted: boolean;
  /** A person sits at the terminal. */
  private readonly isInteractive: boolean;
  /** Built-in phones. */
  private readonly phones: number;
  private readonly output: Output;
  private readonly speaker: WavSpeaker | null;
  /** The house of the panel, which may make another one; or the only house, without a panel. */
  private readonly world: PanelWorld | null;
  private readonly plain: SimHouse | null;
  private readonly panel: PanelServer | null;
  private readonly pcap: Pcap | null;
  private readonly interruption: Interruption;
  private readonly serials: SerialPort[] = [];
  /** Events before the script begins, for its first `expect`. */
  private readonly early: SimEvent[] = [];

  /** @throws Refusal */
  constructor({ options, board, ofFile, ofLine }: SimulationParts) {
    this.options = options;
    this.isScripted = options.script.length > 0;
    this.isInteractive =
      process.stdin.isTTY === true && process.stdout.isTTY === true && !this.isScripted && !options.headless;
    this.phones = options.alone ? 0 : options.phones;
    this.output = new Output(options, this.isInteractive);
    this.speaker = options.speaker !== "" ? new WavSpeaker(options.speaker) : null;
    // The lock is released however the program ends.
    if (options.store !== "") process.once("exit", holdStore(options.store));
    const listener = listenerOf(options);
    this.interruption = new Interruption(listener === undefined ? null : () => this.reload(listener));
    const base: HouseBase = {
      board,
      listener,
      ofFile,
      ofLine,
      seed: options.seed,
      store: options.store !== "" ? new FileStore(options.store) : new MemoryStore(),
      isKept: options.store !== "",
      microphone: options.mic !== "" ? new SamplesInput(loadWav(options.mic)) : new SamplesInput(),
      speaker: this.speaker ?? NO_SPEAKER,
      ladder: this.output.ladder,
      keylog: options.keylog === "" ? undefined : keylogOf(options.keylog),
    };
    const { tell } = this.output;
    // A script is for programs, so there is a panel beside it only if its port is named.
    const hasPanel = !options.headless && (!this.isScripted || options.port >= 0);
    const mode = modeOf(options, [...ofFile, ...ofLine]);
    this.world = hasPanel ? new PanelWorld(base, mode, options.mic !== "", tell) : null;
    const plan = { ...base, phones: this.phones, room: options.room, isVirtual: options.virtualTime, tell };
    this.plain = hasPanel ? null : houseOf(plan);
    this.panel = this.world === null ? null : new PanelServer(this.world);
    // The pcap begins with the first message.
    this.pcap = options.pcap !== "" ? new Pcap(options.pcap, options.virtualTime ? 0 : Date.now()) : null;
  }

  /** @throws Refusal */
  async start(): Promise<void> {
    const { listeners } = this.output;
    const onEarly = (event: SimEvent): void => void this.early.push(event);
    listeners.push(onEarly);
    const isOver = (): boolean => this.interruption.isThere;
    if (this.plain !== null) {
      this.plain.world.wiretap.pcap = this.pcap;
      await this.plain.start(isOver);
    } else await startWorld(this.world as PanelWorld, this.pcap, isOver);
    if (this.panel !== null) {
      const said = await this.panel.start(this.options.port).catch((error: Error) => error.message);
      (this.isInteractive ? process.stdout : process.stderr).write(said + "\n");
    }
    listeners.splice(listeners.indexOf(onEarly), 1);
    this.answerByItself();
    if (this.options.consolePort >= 0) await this.openConsole(this.options.consolePort);
  }

  /** @returns the program's exit code @throws Refusal */
  async run(): Promise<number> {
    const result = this.isScripted ? await this.runSteps() : await this.runByHand();
    await this.stop();
    return result.ok ? 0 : EXIT_FAILED;
  }

  /** Reads the certificates again; the connections go on. */
  private reload({ certificates }: DoorListener): void {
    const { door } = this.home();
    try {
      certificates.reload();
      door.event("config", "certificates", { means: "read again" });
    } catch (error) {
      door.event("error", (error as Error).message + ": the earlier certificates stay", NO_FIELDS);
    }
  }

  /** The present house. */
  private home(): SimHouse {
    return this.plain ?? (this.world as PanelWorld).house;
  }

  private async stop(): Promise<void> {
    this.panel?.close();
    await (this.world ?? this.home()).stop();
    for (const serial of this.serials) serial.close();
    this.speaker?.close();
    this.pcap?.close();
  }

  /** Lets the phone answer where nobody else does. A script that works the phone answers calls itself. */
  private answerByItself(): void {
    const { plain, options } = this;
    const hasHand = options.script.some(({ kind }) => kind === STEP_PHONE);
    if (plain === null || this.phones === 0 || this.isInteractive || hasHand) return;
    const { clock } = plain;
    this.output.listeners.push((event) => {
      if (event.who !== "phone" || event.event !== "call" || event.value !== "ringing" || event.direction !== "in")
        return;
      clock.createTimer(() => plain.phones[0].party.line("answer")).at(clock.now() + PHONE_RINGS_MS);
    });
  }

  private async openConsole(port: number): Promise<void> {
    const user = this.doorUser();
    const serial = await openTcpSerial({ address: ipv4("127.0.0.1"), port, greeting: "Portero\r\n", user });
    this.serials.push(serial);
    // As on a board, events stand between the answers.
    this.output.listeners.push((event) => {
      if (event.who === "door") serial.print(consoleLine(event));
    });
    process.stderr.write("console on 127.0.0.1:" + serial.port + "\n");
  }

  /** The console of the present door, which changes when the panel makes another house. */
  private doorUser(): TerminalUser & { seat(): TerminalUser } {
    return {
      line: (input) => this.home().door.line(input),
      complete: (input) => this.home().door.complete(input),
      isLocked: () => this.home().door.isLocked(),
      seat: () => seatOf(() => this.home().door),
    };
  }

  private async runSteps(): Promise<ScriptResult> {
    const { plain, interruption } = this;
    const { virtual } = this.home();
    let isDone = false;
    const running = runScript(this.options.script, this.stage()).finally(() => {
      isDone = true;
    });
    // With a panel, time passes at the pace of real time.
    const isJumping = virtual !== null && plain !== null;
    if (isJumping) await virtual.runWhile(() => !isDone && !interruption.isThere);
    const result = await Promise.race([running, interruption.came.then(() => UNFINISHED)]);
    if (!result.ok) process.stderr.write(result.line + "\n");
    if (result.ok && !result.quit && !isJumping) await interruption.came;
    return result;
  }

  /** What the steps of a script do. */
  private stage(): Stage {
    const { clock } = this.home();
    const door = () => this.home().door;
    const phone = (line: string) => problemIn(this.home().phones[0].party.line(line));
    return {
      clock,
      press: (ms, name) => door().contacts[name].press(ms),
      release: () => door().contacts.button1.release(),
      door: (isOpen) => door().moveDoor(isOpen),
      tamper: (isOpen) => door().moveHousing(isOpen),
      console: (line) => {
        const output = door().line(line);
        this.output.tellAnswer(output, clock.now());
        return problemIn(output);
      },
      phone: (line) => (this.phones === 0 ? NO_PHONE : phone(line)),
      dtmf: (digits) => (this.phones === 0 ? NO_PHONE + ": it is the one that sends digits" : phone("dtmf " + digits)),
      tones: (digits) => {
        if (this.phones === 0) return NO_PHONE + ": it is the one that plays digits";
        this.home().phones[0].keypad.press(digits);
        return "";
      },
      key: (name) => void door().reader.key(name),
      card: (number) => door().reader.card(number),
      fault: (name, value) => this.home().fault(name, value),
      onEvent: (listener) => {
        for (const event of this.early) listener(event);
        this.output.listeners.push(listener);
      },
    };
  }

  /** Lasts until the person at the terminal, the end of the standard input, or a signal ends it. */
  private async runByHand(): Promise<ScriptResult> {
    const { output, interruption } = this;
    const { clock } = this.home();
    if (this.isInteractive) {
      const keyboard = new Keyboard(
        () => this.home(),
        output.ladder,
        (text) => process.stdout.write(text),
      );
      output.redirect((text) => keyboard.print(text));
      await Promise.race([keyboard.done, interruption.came]);
      output.redirect();
      keyboard.close();
    } else {
      const user = this.doorUser();
      const line = (input: string): string => {
        output.tellAnswer(user.line(input), clock.now());
        return "";
      };
      this.serials.push(openStreamSerial(process.stdin, process.stdout, { ...user, line }));
      await interruption.came;
    }
    return { ok: true, line: "", quit: true };
  }
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

/** @returns the door's port for TLS @throws Refusal if its files are of no use */
function listenerOf({ listen }: SimOptions): DoorListener | undefined {
  if (listen === undefined) return undefined;
  try {
    return { ip: listen.ip, port: listen.port, certificates: new Certificates(listen.files) };
  } catch (error) {
    throw new Refusal((error as Error).message, EXIT_USAGE);
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

/** @returns the problem that a line of the console tells, as text or as JSON; "" for none */
function problemIn(output: string): string {
  if (output.startsWith("error: ")) return output.slice(7).trimEnd();
  return output.startsWith('{"ok":false') ? String(JSON.parse(output).error) : "";
}
