/**
 * The simulator's program: a house with a door and, unless it is to be alone, an indoor phone and a SIP server; a ladder of their
 * messages; and a person or a script that presses the button. `--help` says how it is called.
 */
import { styleText } from "node:util";
import { ipv4 } from "../src/core/address.js";
import type { RandomSource } from "../src/core/random.js";
import { loadSettings } from "../src/intercom/console.js";
import { sizeProblem } from "../src/intercom/kept.js";
import { Settings } from "../src/intercom/settings.js";
import { checkTogether } from "../src/intercom/together.js";
import { escapeUser } from "../src/ua/uritext.js";
import { readSetFile } from "./config/assignments.js";
import { type Change, isProblems, nameOf, openSecrets, readFile, type SettingsFile } from "./config/file.js";
import { HouseServer } from "./house-server.js";
import { askHidden } from "./io/ask.js";
import { loadWav, NO_SPEAKER, SamplesInput, WavSpeaker } from "./io/audio.js";
import { BOARD_WIRING, type VirtualCodec } from "./io/chips/codec.js";
import { VirtualEs8311 } from "./io/chips/es8311.js";
import { VirtualEs8388 } from "./io/chips/es8388.js";
import { Keypad } from "./io/keypad.js";
import { SecureRandom, SeededRandom } from "./io/random.js";
import { openStreamSerial, openTcpSerial, type SerialPort } from "./io/serial.js";
import { FileStore, MemoryStore } from "./io/store.js";
import { Keyboard } from "./keyboard.js";
import { watchParent } from "./parent.js";
import { Party } from "./party.js";
import { holdFile } from "./server/folder-lock.js";
import { type House, ownAddress, Wiretap } from "./wiring.js";
import { boardOf, limitsOf, type SimBoard } from "./world/boards.js";
import { RealClock, VirtualClock } from "./world/clock.js";
import { consoleLine, eventJson, eventLine, type SimEvent } from "./world/events.js";
import { Faults } from "./world/faults.js";
import { Ladder } from "./world/ladder.js";
import { VirtualNetwork } from "./world/network.js";
import { parseOptions, type SimOptions, USAGE } from "./world/options.js";
import { Pcap } from "./world/pcap.js";
import { runScript, type ScriptResult, type Stage } from "./world/script.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** The phone's ports lie this far behind the door's. */
const PHONE_SIP_STEP = 2;
const PHONE_RTP_STEP = 100;
/** The server's port, and the domain of its users. */
const SERVER_SIP_STEP = 4;
const DOMAIN = "house";
/** So long the parties may take to register before the script begins. */
const REGISTER_MS = 5000;
/** Without a hand at it the phone rings so long and then answers. */
const PHONE_RINGS_MS = 2000;
const PHONE_TONE_HZ = 440;
/** What a BYE may take when the program ends. */
const GOODBYE_MS = 300;

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

/** What the command line gives: the file, then --set, then --set-file; the later one wins. */
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

/** Two doors would write over what the other one keeps. @returns what lets the file go */
function holdStore(path: string): () => void {
  try {
    return holdFile(path);
  } catch (error) {
    // Where no lock can be written nothing can be kept either: that is said when it is tried.
    if ((error as NodeJS.ErrnoException).code !== undefined) return () => {};
    throw new Refusal((error as Error).message, EXIT_FAILED);
  }
}

function setAll(settings: Settings, changes: readonly Change[]): void {
  for (const { key, value } of changes) settings.set(key, value);
}

/** Whether the house has a server of its own: not when the settings name another, or want none. */
function hasServer(settings: Settings): boolean {
  const domain = settings.get("sip.domain");
  // The house's own may have been saved with the rest.
  const isOwn = domain === DOMAIN || domain === serverAddress(settings);
  return settings.isOn("sip.register") && (isOwn || (domain === "" && settings.get("sip.proxy") === ""));
}

function serverAddress(settings: Settings): string {
  return settings.get("net.address") + ":" + (settings.number("sip.port") + SERVER_SIP_STEP);
}

function isRedirecting(settings: Settings): boolean {
  return settings.get("server.mode") === "redirect";
}

/** The domain of the house's users: a server that redirects is no proxy by which calls could go, so its domain is where it is. */
function domainOf(settings: Settings): string {
  return isRedirecting(settings) ? serverAddress(settings) : DOMAIN;
}

/** The house's server as the door has it in its settings. */
interface Home {
  domain: string;
  proxy: string;
  password: string;
}

/** The door registers with the house's server, by its name and a password if it has none. */
function joinServer(settings: Settings, { domain, proxy, password }: Home): void {
  if (settings.get("sip.password") === "") settings.set("sip.password", password);
  settings.set("sip.proxy", proxy);
  settings.set("sip.domain", domain);
}

function passwordBy(random: RandomSource): string {
  return random.uint32().toString(36) + random.uint32().toString(36);
}

/** The indoor phone is another station on the same core, at the next port. */
function phoneSettings(door: Settings, password: string): Settings {
  const settings = new Settings();
  const port = door.number("sip.port") + PHONE_SIP_STEP;
  const problems = [
    settings.set("sip.user", "phone"),
    settings.set("sip.name", "Indoor phone"),
    settings.set("sip.port", String(port)),
    settings.set("net.address", door.get("net.address")),
    settings.set("rtp.port", String(door.number("rtp.port") + PHONE_RTP_STEP)),
    settings.set("call.allow", "any"),
    settings.set("call.showDigits", "on"),
  ];
  if (password !== "")
    problems.push(
      settings.set("sip.domain", domainOf(door)),
      settings.set("sip.proxy", door.get("sip.proxy")),
      settings.set("sip.password", password),
      settings.set("call.target", "sip:" + escapeUser(door.get("sip.user")) + "@" + domainOf(door)),
    );
  else
    problems.push(
      settings.set("sip.register", "off"),
      settings.set(
        "call.target",
        "sip:" + escapeUser(door.get("sip.user")) + "@" + door.get("net.address") + ":" + door.get("sip.port"),
      ),
    );
  for (const problem of problems) if (problem !== "") throw new Refusal("the phone's " + problem, EXIT_USAGE);
  return settings;
}

function codecOf(board: SimBoard, nowMs: () => number): VirtualCodec | null {
  if (board.codec === "") return null;
  return board.codec === "ES8388" ? new VirtualEs8388(BOARD_WIRING, nowMs) : new VirtualEs8311(BOARD_WIRING, nowMs);
}

function tone(hz: number): Int16Array {
  const samples = new Int16Array(8000);
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / 8000));
  return samples;
}

/** @returns what a line of the console says went wrong, "" for nothing; as text or as JSON */
function problemIn(output: string): string {
  if (output.startsWith("error: ")) return output.slice(7).trimEnd();
  return output.startsWith('{"ok":false') ? String(JSON.parse(output).error) : "";
}

/** Whoever reads what is printed may go away: what is printed then is lost, and the house goes on. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr, process.stdin]) stream.on("error", () => {});
}

/** The first signal ends what goes on in an orderly way; a second one ends the program as ever. */
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
      // Who started it with npm and ended that has ended it.
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
  // The options were read already.
  if (board === null) throw new Refusal("--board", EXIT_USAGE);
  const { ofFile, ofLine } = await givenSettings(options);
  const settings = new Settings();
  setAll(settings, [...ofFile, ...ofLine]);
  const virtual = options.virtualTime ? new VirtualClock() : null;
  const clock = virtual ?? new RealClock();
  const seeded = options.seed >= 0 ? new SeededRandom(options.seed) : null;
  const random = () => seeded?.fork() ?? new SecureRandom();
  const network = virtual !== null ? new VirtualNetwork(virtual, random()) : null;
  const isScripted = options.script.length > 0;
  const isInteractive =
    process.stdin.isTTY === true && process.stdout.isTTY === true && !isScripted && !options.headless;

  const listeners: ((event: SimEvent) => void)[] = [];
  let show = (text: string): void => void process.stdout.write(text);
  const house: House = {
    clock,
    network,
    faults: new Faults(random(), 0),
    wiretap: new Wiretap(clock),
    tell: (event) => {
      show((options.json ? eventJson(event) : eventLine(event)) + "\n");
      for (const listener of listeners) listener(event);
    },
  };
  const ladderTo = isInteractive ? process.stdout : process.stderr;
  // As Node sees it: a terminal, and no NO_COLOR in the environment.
  const hasColours = ladderTo.isTTY === true && styleText("cyan", "x", { stream: ladderTo }) !== "x";
  const ladder = new Ladder(
    (line) => (isInteractive ? show(line + "\n") : void ladderTo.write(line + "\n")),
    ladderTo.columns ?? 100,
    hasColours,
  );
  house.wiretap.ladder = ladder;
  if (!isInteractive) ladderTo.on("resize", () => ladder.resize(ladderTo.columns));
  const epochMs = virtual !== null ? 0 : Date.now();
  if (options.pcap !== "") house.wiretap.pcap = new Pcap(options.pcap, epochMs);

  const microphone = options.mic !== "" ? new SamplesInput(loadWav(options.mic)) : new SamplesInput();
  const speaker = options.speaker !== "" ? new WavSpeaker(options.speaker) : null;
  const hasPhone = !options.alone;
  // However the program ends.
  if (options.store !== "") process.once("exit", holdStore(options.store));
  const store = options.store !== "" ? new FileStore(options.store) : new MemoryStore();
  const problem = loadSettings(store, settings);
  setAll(settings, ofLine);
  const misfit = checkTogether(settings) || sizeProblem(settings);
  if (misfit !== "") throw new Refusal(misfit, EXIT_USAGE);
  const isServed = hasPhone && hasServer(settings);
  const phoneAt = "sip:phone@" + settings.get("net.address") + ":" + (settings.number("sip.port") + PHONE_SIP_STEP);
  const serverPort = settings.number("sip.port") + SERVER_SIP_STEP;
  const passwords = isServed ? random() : null;
  const home: Home = {
    domain: domainOf(settings),
    proxy: isRedirecting(settings) ? "" : serverAddress(settings),
    password: passwords !== null && settings.get("sip.password") === "" ? passwordBy(passwords) : "",
  };
  const phonePassword = passwords !== null ? passwordBy(passwords) : "";
  /** What the settings leave open is so that the door belongs to this house. */
  const settle = (): void => {
    if (hasPhone && settings.get("call.target") === "") settings.set("call.target", isServed ? "phone" : phoneAt);
    // The server stays where it is, whatever port the door has after its next start.
    const isAtHome = settings.get("sip.domain") === home.domain || hasServer(settings);
    if (isServed && isAtHome) joinServer(settings, home);
    ladder.name(settings.get("net.address"), settings.number("sip.port"), "door");
  };
  settle();
  const door = new Party(house, {
    name: "door",
    settings,
    random: random(),
    microphone,
    speaker: speaker ?? NO_SPEAKER,
    codec: codecOf(board, () => clock.now()),
    store,
    limits: limitsOf(board),
    inputs: board.inputs,
    relays: board.relays,
    reread: () => {
      const fresh = new Settings();
      setAll(fresh, ofFile);
      loadSettings(store, fresh);
      setAll(fresh, ofLine);
      settings.take(fresh);
      settle();
    },
  });
  const keypad = new Keypad(new SamplesInput(tone(PHONE_TONE_HZ)));
  const phone = hasPhone
    ? new Party(house, {
        name: "phone",
        settings: phoneSettings(settings, phonePassword),
        random: random(),
        microphone: keypad,
        speaker: NO_SPEAKER,
        codec: null,
        store: new MemoryStore(),
      })
    : null;
  if (phone !== null) ladder.name(phone.settings.get("net.address"), phone.settings.number("sip.port"), "phone");
  if (isServed) ladder.name(settings.get("net.address"), serverPort, "server");
  if (options.store !== "") {
    door.station.console.load();
    setAll(settings, ofLine);
  }
  const server = isServed
    ? new HouseServer(house, random(), {
        ip: ownAddress(settings.get("net.address")),
        port: serverPort,
        domain: isRedirecting(settings) ? settings.get("net.address") : DOMAIN,
        isRedirect: isRedirecting(settings),
        users: [
          [settings.get("sip.user"), settings.get("sip.password")],
          ["phone", phonePassword],
        ],
      })
    : null;
  // What happens before the script begins is there for its first `expect`.
  const early: SimEvent[] = [];
  let unregistered = server === null ? 0 : 2;
  const onEarly = (event: SimEvent): void => {
    early.push(event);
    if (event.event === "register" && event.value === "registered") unregistered -= 1;
  };
  listeners.push(onEarly);
  if (problem !== "") door.event("error", "settings: " + problem, []);
  const interruption = new Interruption();
  await server?.start();
  await door.station.start();
  await phone?.station.start();
  const isWaiting = (): boolean => unregistered > 0 && clock.now() < REGISTER_MS && !interruption.isThere;
  if (virtual !== null) await virtual.runWhile(isWaiting);
  else while (isWaiting()) await new Promise<void>((resolve) => setTimeout(resolve, 10));
  listeners.splice(listeners.indexOf(onEarly), 1);

  if (phone !== null && !isInteractive) {
    listeners.push((event) => {
      if (event.who !== "phone" || event.event !== "call" || event.value !== "ringing" || event.direction !== "in")
        return;
      clock.createTimer(() => phone.station.line("answer")).at(clock.now() + PHONE_RINGS_MS);
    });
  }

  const serials: SerialPort[] = [];
  if (options.consolePort >= 0) {
    const serial = await openTcpSerial({
      address: ipv4("127.0.0.1"),
      port: options.consolePort,
      greeting: "Portero\r\n",
      user: door,
    });
    serials.push(serial);
    // As on a board: what happens stands between the answers.
    listeners.push((event) => {
      if (event.who === "door") serial.print(consoleLine(event));
    });
    process.stderr.write("console on 127.0.0.1:" + serial.port + "\n");
  }

  const stop = async (): Promise<void> => {
    const parties = phone === null ? [door] : [door, phone];
    const isCalling = (party: Party): boolean => party.station.door.ua.activeCall() !== null;
    // Whoever hangs up first, the other hears of it by BYE and is given the time for that.
    for (const party of parties) {
      if (!parties.some(isCalling)) break;
      if (isCalling(party)) party.station.hangUp();
      if (virtual !== null) await virtual.runUntil(virtual.now() + GOODBYE_MS);
      else await new Promise<void>((resolve) => clock.createTimer(resolve).at(clock.now() + GOODBYE_MS));
    }
    for (const serial of serials) serial.close();
    door.station.close();
    phone?.station.close();
    server?.close();
    speaker?.close();
    house.wiretap.pcap?.close();
  };

  const said = (output: string): void => {
    if (output === "") return;
    if (options.json) house.tell({ t: clock.now(), who: "door", event: "console", value: output.trimEnd() });
    else show(output);
  };

  if (isScripted) {
    const stage: Stage = {
      clock,
      press: (ms, name) => door.contacts[name].press(ms),
      release: () => door.contacts.button1.release(),
      door: (isOpen) => door.moveDoor(isOpen),
      console: (line) => {
        const output = door.line(line);
        said(output);
        return problemIn(output);
      },
      dtmf: (digits) => {
        if (phone === null) return "there is no built-in phone: it is the one that sends digits";
        return problemIn(phone.station.line("dtmf " + digits));
      },
      tones: (digits) => {
        if (phone === null) return "there is no built-in phone: it is the one that plays digits";
        keypad.press(digits);
        return "";
      },
      fault: (name, value) => {
        if (network !== null) return network.fault(name, value);
        return name === "tcp" ? "fault tcp: needs --virtual-time" : house.faults.set(name, value);
      },
      onEvent: (listener) => {
        for (const event of early) listener(event);
        listeners.push(listener);
      },
    };
    let isDone = false;
    const running = runScript(options.script, stage).finally(() => {
      isDone = true;
    });
    if (virtual !== null) await virtual.runWhile(() => !isDone && !interruption.isThere);
    const result = await Promise.race([running, interruption.came.then(() => UNFINISHED)]);
    if (!result.ok) process.stderr.write(result.line + "\n");
    if (result.ok && !result.quit) {
      if (virtual === null) await interruption.came;
    }
    await stop();
    return result.ok ? 0 : EXIT_FAILED;
  }

  if (virtual !== null) throw new Refusal("--virtual-time needs a script: add --do", EXIT_USAGE);
  if (isInteractive) {
    const keyboard = new Keyboard(door, phone?.station ?? null, ladder, (text) => process.stdout.write(text));
    show = (text) => keyboard.print(text);
    await Promise.race([keyboard.done, interruption.came]);
    show = (text) => void process.stdout.write(text);
    keyboard.close();
  } else {
    const user = {
      line: (input: string) => {
        said(door.line(input));
        return "";
      },
      complete: (input: string) => door.complete(input),
      isLocked: () => door.isLocked(),
    };
    serials.push(openStreamSerial(process.stdin, process.stdout, user));
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
