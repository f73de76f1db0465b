/**
 * The console: a line in, lines out, for a person and for programs (`--json` behind any command). Errors say what was
 * wrong and what is allowed. While it is locked by its password it answers `login` and `version` alone.
 * Not here: octets, echo and editing (terminal.ts), the list of commands (commands.ts), what they do with settings
 * (settingscommands.ts) and with the door (doorcommands.ts), how an answer is printed (reply.ts).
 */

import type { Store, Wifi } from "../../hal/device.js";
import { ipv4Text } from "../core/address.js";
import { printable } from "../core/printable.js";
import type { Door } from "../intercom/door.js";
import { NO_FIELDS } from "../intercom/events.js";
import { type Log, PASSWORD_WRONG } from "../intercom/log.js";
import { base64 } from "../intercom/trace.js";
import { numberOf } from "../people/person.js";
import { Authorities } from "../settings/authorities.js";
import { SavedSettings } from "../settings/savedsettings.js";
import { SCHEMA } from "../settings/schema.js";
import { readAssignment, type Settings } from "../settings/settings.js";
import { NO_TLS } from "../ua/useragent.js";
import { AuthorityCommands, isPasted } from "./authoritycommands.js";
import { COMMANDS, findCommand } from "./commands.js";
import { CommandWords } from "./commandwords.js";
import {
  answerCall,
  askBindings,
  closeDoor,
  hangUp,
  holdCall,
  openDoor,
  pressButton,
  register,
  sendDigits,
  startCall,
  tellAlarm,
  transferCall,
  unregister,
} from "./doorcommands.js";
import { help } from "./help.js";
import { LOGIN_DONE, LOGIN_EARLY, PasswordLock, Seat } from "./passwordlock.js";
import { PeopleCommands } from "./peoplecommands.js";
import { ERROR_ARGUMENT, ERROR_COMMAND, ERROR_LOCKED, ERROR_STATE, ERROR_STORE, Reply } from "./reply.js";
import { reportPhones, reportPools, reportStats, reportStatus } from "./report.js";
import { SettingsCommands, type SettingsOptions } from "./settingscommands.js";
import { NO_TIME, readSince } from "./timewords.js";

export const VERSION = "0.1.0";

const JSON_FLAG = "--json";
const WORD_SET = "set";
const PASSWORD_KEY = "console.password";
const LOCKED = "the console is locked: login PASSWORD first";
/** A line of base64, as `base64 -d` and mail have it. */
const BASE64_WIDE = 76;

/**
 * Reads the settings that were kept before there is a door, since some of them decide how large the pools are.
 * @returns "" or what of them cannot be used
 */
export function loadSettings(store: Store, settings: Settings): string {
  return new SavedSettings(store).read(settings);
}

interface SelfTest {
  /** @returns "", or the reason why it cannot be done now */
  start(): string;
}

export interface ConsoleOptions extends SettingsOptions {
  /** Starts the machine again; null where it cannot. */
  reboot: (() => void) | null;
  wifi?: Wifi | null;
  /** Where the authorities are kept that are pasted; without it, where the settings are. */
  authorityStore?: Store;
  /** Begins a test of loudspeaker and microphone. */
  selfTest?: SelfTest;
  /** Adds lines to `status`: those of the links to the house's systems. */
  links?: { report(into: Reply): void } | null;
}

export class Console {
  private readonly door: Door;
  private readonly reboot: (() => void) | null;
  private readonly log: Log;
  private readonly guard: PasswordLock;
  private readonly wifi: Wifi | null;
  private readonly selfTest: SelfTest | null;
  private readonly links: ConsoleOptions["links"];
  private readonly authorityStore: Store;
  private readonly settings: SettingsCommands;
  private readonly people: PeopleCommands;
  /** The place of lines for which no place is named: the serial line of a board. */
  private readonly seat = new Seat();

  constructor(door: Door, options: ConsoleOptions) {
    const { store, reboot, log } = options;
    this.door = door;
    this.wifi = options.wifi ?? null;
    this.selfTest = options.selfTest ?? null;
    this.links = options.links;
    this.reboot = reboot;
    this.authorityStore = options.authorityStore ?? store;
    this.log = log;
    this.guard = new PasswordLock(store, door.timers);
    this.settings = new SettingsCommands(door, this.guard, options);
    this.people = new PeopleCommands(door, log);
  }

  /** Reads the settings that were kept. @returns "" or what of them cannot be used */
  load(): string {
    return this.settings.load(this.seat);
  }

  /**
   * Takes settings over and keeps them at once, past what was set and not saved: what a browser handed over.
   * @returns "" or why they cannot be kept; then none is
   */
  keep(keys: readonly string[], values: readonly string[]): string {
    return this.settings.keep(keys, values, this.seat);
  }

  /** Answers a program that has a right of its own to ask, in JSON. */
  report(what: "status" | "log" | "people"): string {
    const reply = new Reply();
    if (what === "status") this.tellStatus(reply);
    else if (what === "log") this.tellLog(reply, "", "");
    else this.people.run(reply, "", this.seat);
    return reply.toJson();
  }

  /** Carries out one line. @param seat where it was typed @returns what to print, lines ended by \n; "" for nothing */
  line(input: string, seat: Seat = this.seat): string {
    let line = input.trim();
    const isJson = line === JSON_FLAG || line.slice(-JSON_FLAG.length - 1) === " " + JSON_FLAG;
    if (isJson) line = line.slice(0, -JSON_FLAG.length).trim();
    if (isPasted(line, seat)) return this.paste(line, seat, isJson);
    if (line === "") return isJson ? new Reply().fail(ERROR_COMMAND, "no command: help lists them").toJson() : "";
    const space = line.indexOf(" ");
    const word = (space < 0 ? line : line.slice(0, space)).toLowerCase();
    const rest = space < 0 ? "" : line.slice(space + 1).trim();
    let reply: Reply;
    if (isAssignment(word, rest)) {
      const { key, value } = readAssignment(line);
      reply = this.run(WORD_SET, key + " " + value, seat, isJson);
    } else reply = this.run(word, rest, seat, isJson);
    return isJson ? reply.toJson() : reply.toText();
  }

  /** Takes a line of a certificate, which is no command. */
  private paste(line: string, seat: Seat, isJson: boolean): string {
    const reply = new Reply();
    const problem = this.isLocked(seat) ? LOCKED : this.door.ua.layer.transport.hasTls ? "" : NO_TLS;
    seat.lastMs = this.door.timers.nowMs;
    if (problem !== "") {
      seat.paste = "";
      reply.fail(problem === LOCKED ? ERROR_LOCKED : ERROR_STATE, problem);
    } else if (new AuthorityCommands(this.authorityStore).paste(reply, line, seat) === null) return "";
    return isJson ? reply.toJson() : reply.toText();
  }

  /**
   * Returns the words that the last word of `input` may become: commands, then keys; while it is locked, the commands
   * that it answers.
   */
  complete(input: string, seat: Seat = this.seat): readonly string[] {
    const start = input.trimStart();
    const space = start.indexOf(" ");
    const found: string[] = [];
    const word = start.slice(start.lastIndexOf(" ") + 1).toLowerCase();
    const isLocked = this.isLocked(seat);
    if (space < 0) {
      for (let i = 0; i < COMMANDS.length; i++) {
        const { name } = COMMANDS[i];
        if (begins(name, word) && (!isLocked || isHeardLocked(name))) found.push(name);
      }
      return found;
    }
    const command = start.slice(0, space).toLowerCase();
    const takesKey = command === "get" || command === "set" || command === "unset" || command === "help";
    if (!takesKey || start.indexOf(" ", space + 1) >= 0 || isLocked) return found;
    for (let i = 0; i < SCHEMA.length; i++) if (begins(SCHEMA[i].key, word)) found.push(SCHEMA[i].key);
    return found;
  }

  /** Whether the console has a password that was not given at that place, or not within the idle time. */
  isLocked(seat: Seat = this.seat): boolean {
    const { settings } = this.door;
    return this.guard.isLocked(seat, settings.get(PASSWORD_KEY), settings.get("console.idle"));
  }

  private run(word: string, rest: string, seat: Seat, isJson: boolean): Reply {
    const reply = new Reply();
    if (word === "login") return this.login(reply, rest, seat);
    const isLocked = this.isLocked(seat);
    seat.lastMs = this.door.timers.nowMs;
    if (isLocked && !isHeardLocked(word)) return reply.fail(ERROR_LOCKED, LOCKED);
    const { door, settings } = this;
    switch (word) {
      case "help":
        return help(reply, rest);
      case "get":
        return settings.get(reply, rest);
      case "set":
        return settings.set(reply, rest, seat);
      case "unset":
        return settings.unset(reply, rest, seat);
      case "diff":
        return settings.diff(reply, seat);
      case "save":
        return settings.save(reply, rest, seat);
      case "revert":
        return settings.revert(reply, seat);
      case "secrets":
        return settings.tellSecrets(reply, isJson);
      case "factory-reset":
        return this.factoryReset(reply, rest, seat);
      case "status":
        return this.tellStatus(reply);
      case "stats":
        return reportStats(reply, door);
      case "limits":
      case "pools":
        return reportPools(reply, door);
      case "phones":
        return reportPhones(reply, door);
      case "people":
        return this.people.run(reply, rest, seat);
      case "ca":
        return door.ua.layer.transport.hasTls
          ? new AuthorityCommands(this.authorityStore).run(reply, rest.toLowerCase())
          : reply.fail(ERROR_STATE, NO_TLS);
      case "calls":
        return this.tellLog(reply, "call", rest);
      case "log":
        return this.tellLog(reply, "", rest);
      case "trace":
        return this.trace(reply, rest, isJson);
      case "wifi":
        return this.askWifi(reply, rest);
      case "register":
        return register(reply, door);
      case "unregister":
        return unregister(reply, door);
      case "bindings":
        return askBindings(reply, door);
      case "call":
        return startCall(reply, door, rest);
      case "answer":
        return answerCall(reply, door);
      case "hangup":
        return hangUp(reply, door);
      case "hold":
        return holdCall(reply, door, true);
      case "resume":
        return holdCall(reply, door, false);
      case "transfer":
        return transferCall(reply, door, rest);
      case "dtmf":
        return sendDigits(reply, door, rest);
      case "press":
        return pressButton(reply, door, rest);
      case "open":
        return openDoor(reply, door, rest);
      case "close":
        return closeDoor(reply, door, rest);
      case "alarm":
        return tellAlarm(reply, door, rest.toLowerCase());
      case "logout":
        this.guard.close(seat);
        this.people.leave(seat);
        return reply;
      case "reboot":
        return this.startAgain(reply);
      case "selftest":
        return this.testSound(reply);
      case "version":
        return reply.put("version", VERSION).say("Portero " + VERSION + "\n");
      default:
        return reply.fail(ERROR_COMMAND, "'" + printable(word, 60) + "' is no command: help lists them");
    }
  }

  private tellStatus(reply: Reply): Reply {
    reportStatus(reply, this.door);
    this.links?.report(reply);
    return reply;
  }

  private factoryReset(reply: Reply, rest: string, seat: Seat): Reply {
    const { transport } = this.door.ua.layer;
    const problem = rest === "yes" && transport.hasTls ? new Authorities(this.authorityStore).clear() : "";
    return problem === "" ? this.settings.factoryReset(reply, rest, seat) : reply.fail(ERROR_STORE, problem);
  }

  private startAgain(reply: Reply): Reply {
    if (this.reboot === null)
      return reply.fail(ERROR_STATE, "this program cannot start itself again: end it, and start it anew");
    this.log.flush();
    this.reboot();
    return reply;
  }

  /** The result is told as an event, because the tones take longer than an answer may. */
  private testSound(reply: Reply): Reply {
    const problem = this.selfTest === null ? "this machine has no loudspeaker" : this.selfTest.start();
    return problem === "" ? reply : reply.fail(ERROR_STATE, problem);
  }

  private login(reply: Reply, given: string, seat: Seat): Reply {
    const result = this.guard.open(seat, this.door.settings.get(PASSWORD_KEY), given);
    if (result === LOGIN_DONE) return reply;
    const waitS = this.guard.waitS();
    if (result !== LOGIN_EARLY) this.log.event("error", PASSWORD_WRONG, { seconds: waitS });
    return result === LOGIN_EARLY
      ? reply.fail(ERROR_LOCKED, "too early: the next try counts in " + waitS + " s")
      : reply.fail(ERROR_LOCKED, "wrong password: the next try counts in " + waitS + " s");
  }

  /**
   * Shows the network, or looks for networks. Those are told as events, because the search takes longer than an answer
   * may.
   */
  private askWifi(reply: Reply, rest: string): Reply {
    const { wifi } = this;
    if (rest !== "" && rest !== "scan") return reply.fail(ERROR_ARGUMENT, "wifi, or wifi scan");
    if (wifi === null) return reply.fail(ERROR_STATE, "this machine has no Wi-Fi");
    if (rest === "")
      return reply
        .put(
          "ssid",
          wifi.ssid === "" ? "none: set wifi.ssid NAME, wifi.password TEXT, save, reboot" : printable(wifi.ssid),
        )
        .put("state", wifi.isJoined ? "joined" : wifi.ssid === "" ? "off" : "joining")
        .put("address", wifi.isJoined ? ipv4Text(this.door.ua.layer.localIp) : "")
        .put("signal", wifi.isJoined && wifi.rssiDbm !== 0 ? wifi.rssiDbm + " dBm" : "")
        .put("channel", wifi.isJoined ? wifi.channel : 0);
    const isLooking = wifi.scan(
      (ssid, rssiDbm, channel, isSecured) =>
        this.log.event("wifi", "found", {
          ssid: printable(ssid),
          signal: rssiDbm,
          channel,
          secured: isSecured ? "yes" : "no",
        }),
      () => this.log.event("wifi", "scanned", NO_FIELDS),
    );
    return isLooking ? reply : reply.fail(ERROR_STATE, "the radio is busy: try again in a few seconds");
  }

  private trace(reply: Reply, rest: string, isJson: boolean): Reply {
    const { trace, ua } = this.door;
    if (rest !== "" && rest !== "pcap") return reply.fail(ERROR_ARGUMENT, "trace, or trace pcap");
    if (trace.isEmpty) return reply.fail(ERROR_STATE, "there was no call since the start");
    if (rest === "") return reply.tell(trace.ladder());
    const { localIp, udpPort, tcpPort } = ua.layer;
    const file = trace.pcap(localIp, udpPort, tcpPort, 0);
    return isJson ? reply.put("pcap", base64(file, 0)) : reply.say(base64(file, BASE64_WIDE));
  }

  /** @param options "" or `--since TIME`, the time as people have it or as `24h` */
  private tellLog(reply: Reply, name: string, options: string): Reply {
    if (options === "") return reply.tell(this.log.text(name) || NOTHING_YET);
    let sinceS = NO_TIME;
    let after = -1;
    const words = new CommandWords(options);
    for (let i = 0; i < words.names.length; i++) {
      if (words.names[i] === "since")
        sinceS = readSince(words.values[i], this.door.epochS(), this.door.settings.get("time.zone"));
      else if (words.names[i] === "after") after = numberOf(words.values[i]);
      else sinceS = NO_TIME;
    }
    if (sinceS <= 0 || words.first !== "" || Number.isNaN(after))
      return reply.fail(ERROR_ARGUMENT, "--since 2026-12-24, 2026-12-24 18:00, or 24h while the time of day is known");
    const page = this.log.page(name, sinceS, after);
    if (page === null) return reply.tell(this.log.text(name, sinceS) || NOTHING_YET);
    const command = name === "" ? "log" : "calls";
    const more =
      page.after < 0 ? "" : "and more: " + command + " " + withoutAfter(options) + " --after " + page.after + "\n";
    if (page.after >= 0) reply.put("after", page.after);
    return reply.tell((page.text || NOTHING_YET) + more);
  }
}

/** @returns the options of `log` up to `--after` */
function withoutAfter(options: string): string {
  const at = options.indexOf("--after");
  return (at < 0 ? options : options.slice(0, at)).trim();
}

const NOTHING_YET = "nothing yet\n";

/** Returns whether a locked console answers that command. */
function isHeardLocked(command: string): boolean {
  return command === "login" || command === "version";
}

/** Returns whether a line is `KEY=VALUE` or `KEY = VALUE`, which does what `set` does. */
function isAssignment(word: string, rest: string): boolean {
  const equals = word.indexOf("=");
  return equals > 0 || (equals < 0 && rest.charAt(0) === "=" && findCommand(word) === null);
}

function begins(word: string, start: string): boolean {
  return word.slice(0, start.length).toLowerCase() === start;
}
