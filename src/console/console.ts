/**
 * The console's commands: a line in, lines out, for a person and for programs (`--json` behind any command). Errors say what was
 * wrong and what is allowed. Settings are changed by `set` and taken over by `save`: until then a change is known at the seat alone where it
 * was typed, so that two who work at once do not save each other's halves.
 * Not here: octets, echo and editing (terminal.ts), the list of commands (commands.ts), how an answer is printed (reply.ts).
 */

import type { Store, Wifi } from "../../hal/device.js";
import { ipv4Text } from "../core/address.js";
import { printable } from "../core/printable.js";
import type { Door } from "../intercom/door.js";
import { type Log, PASSWORD_WRONG, SECRETS_READ } from "../intercom/log.js";
import { base64 } from "../intercom/trace.js";
import { allowed } from "../settings/check.js";
import { checkTogether } from "../settings/consistency.js";
import { SavedSettings } from "../settings/savedsettings.js";
import { findSetting, isSecret, needsRestart, SCHEMA } from "../settings/schema.js";
import { readAssignment, Settings } from "../settings/settings.js";
import { copyWiring } from "../settings/wiring.js";
import { CALL_CONFIRMED, CALL_HELD } from "../ua/call.js";
import { COMMANDS, findCommand, usage } from "./commands.js";
import { LOGIN_DONE, LOGIN_EARLY, PasswordLock, Seat } from "./passwordlock.js";
import {
  ERROR_ARGUMENT,
  ERROR_COMMAND,
  ERROR_KEY,
  ERROR_LOCKED,
  ERROR_STATE,
  ERROR_STORE,
  ERROR_VALUE,
  Reply,
} from "./reply.js";
import { reportPhones, reportPools, reportStats, reportStatus } from "./report.js";

export const VERSION = "0.1.0";

const JSON_FLAG = "--json";
const WORD_SET = "set";
const PASSWORD_KEY = "console.password";
const USAGE_WIDTH = 22;
/** One less than a terminal's usual 80: some break the line behind the last column. */
const HELP_WIDTH = 79;
const INDENT = "  ";
/** A line of base64, as `base64 -d` and mail have it. */
const BASE64_WIDE = 76;

/** The settings that were kept, before there is a door: some of them say how much of everything is made. @returns "" or what of them cannot be used */
export function loadSettings(store: Store, settings: Settings): string {
  return new SavedSettings(store).read(settings);
}

export class Console {
  private readonly door: Door;
  private readonly kept: SavedSettings;
  private readonly restart: () => void;
  private readonly reboot: (() => void) | null;
  private readonly log: Log;
  private readonly guard: PasswordLock;
  private readonly wifi: Wifi | null;
  /** Where lines are typed unless another place is named: the serial line of a board. */
  private readonly seat = new Seat();

  /** @param restart called after `save`, to begin anew with the new settings @param reboot starts the machine again; null where it cannot */
  constructor(
    door: Door,
    store: Store,
    restart: () => void,
    reboot: (() => void) | null,
    log: Log,
    wifi: Wifi | null = null,
  ) {
    this.door = door;
    this.wifi = wifi;
    this.kept = new SavedSettings(store);
    this.restart = restart;
    this.reboot = reboot;
    this.log = log;
    this.guard = new PasswordLock(store, door.timers);
  }

  /** Reads the settings that were kept. @returns "" or what of them cannot be used */
  load(): string {
    this.seat.changes.clear();
    const problem = this.kept.read(this.door.settings);
    if (problem !== "") return problem;
    try {
      this.kept.moveUp(this.door.settings);
    } catch {
      // The next save does it.
    }
    return "";
  }

  /** Carries out one line. @param seat where it was typed @returns what to print, lines ended by \n; "" for nothing */
  line(input: string, seat: Seat = this.seat): string {
    let line = input.trim();
    const isJson = line === JSON_FLAG || line.slice(-JSON_FLAG.length - 1) === " " + JSON_FLAG;
    if (isJson) line = line.slice(0, -JSON_FLAG.length).trim();
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

  /** What the last word of `input` may go on to: commands, then keys; while it is locked the commands that are heard. */
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

  /** It has a password, and nobody has given it there, or not for long enough. */
  isLocked(seat: Seat = this.seat): boolean {
    const { settings } = this.door;
    return this.guard.isLocked(seat, settings.get(PASSWORD_KEY), settings.get("console.idle"));
  }

  private run(word: string, rest: string, seat: Seat, isJson: boolean): Reply {
    const reply = new Reply();
    if (word === "login") return this.login(reply, rest, seat);
    const isLocked = this.isLocked(seat);
    seat.lastMs = this.door.timers.nowMs;
    if (isLocked && !isHeardLocked(word))
      return reply.fail(ERROR_LOCKED, "the console is locked: login PASSWORD first");
    const ua = this.door.ua;
    const call = ua.activeCall();
    switch (word) {
      case "help":
        return help(reply, rest);
      case "get":
        return this.get(reply, rest);
      case "set": {
        const { key, value } = readAssignment(rest === "" ? "" : WORD_SET + " " + rest);
        return this.change(reply, key, value, seat);
      }
      case "unset": {
        const setting = findSetting(rest);
        return this.change(reply, rest, setting === null ? "" : setting.initial, seat);
      }
      case "diff":
        return this.diff(reply, seat);
      case "save":
        if (rest !== "" && rest !== "replace" && !isCount(rest))
          return reply.fail(ERROR_ARGUMENT, "save, or save replace, or save COUNT of what was set");
        // A program learns so that the door was started anew meanwhile, and forgot what was set.
        if (isCount(rest) && Number(rest) !== seat.changes.count)
          return reply.fail(
            ERROR_STATE,
            "not saved: " + rest + " changes were expected here, " + seat.changes.count + " found",
          );
        return this.save(reply, this.changed(seat), seat, rest === "replace");
      case "revert":
        seat.changes.clear();
        return reply;
      case "secrets":
        return this.tellSecrets(reply, isJson);
      case "factory-reset":
        if (rest !== "yes") return reply.fail(ERROR_ARGUMENT, "all settings would be lost: factory-reset yes does it");
        return this.save(reply, this.initial(), seat, true);
      case "status":
        return reportStatus(reply, this.door);
      case "stats":
        return reportStats(reply, this.door);
      case "limits":
      case "pools":
        return reportPools(reply, this.door);
      case "calls":
        return this.tellLog(reply, "call");
      case "log":
        return this.tellLog(reply, "");
      case "trace":
        return this.trace(reply, rest, isJson);
      case "wifi":
        return this.askWifi(reply, rest);
      case "phones":
        return this.door.houseServer === null
          ? reply.fail(ERROR_STATE, "the door is no server: set server.enabled on, save, and start again")
          : reportPhones(reply, this.door.houseServer);
      case "register":
        if (this.door.settings.get("sip.domain") === "")
          return reply.fail(ERROR_STATE, "sip.domain is not set: there is no server to register at");
        ua.registration.start();
        return reply;
      case "unregister":
        ua.registration.stop();
        return reply;
      case "bindings":
        return ua.registration.query()
          ? reply
          : reply.fail(ERROR_STATE, "not now: there is no server, or a request is under way");
      case "call":
        if (call !== null || this.door.isRinging) return reply.fail(ERROR_STATE, "there is a call: hangup first");
        return or(reply, ERROR_VALUE, this.door.call(rest !== "" ? rest : this.door.settings.get("call.target")));
      case "answer":
        if (call === null || call.session.isCaller || call.answeredMs >= 0)
          return reply.fail(ERROR_STATE, "no call rings here");
        ua.answer(call);
        return reply;
      case "hangup":
        if (call === null && !this.door.isRinging) return reply.fail(ERROR_STATE, "there is no call");
        this.door.hangUp("");
        return reply;
      case "hold":
      case "resume":
        if (call === null || (call.state !== CALL_CONFIRMED && call.state !== CALL_HELD))
          return reply.fail(ERROR_STATE, "there is no call to " + word);
        return or(reply, ERROR_STATE, ua.hold(call, word === "hold"));
      case "transfer":
        return rest === ""
          ? reply.fail(ERROR_ARGUMENT, "transfer TARGET: a SIP URI, an address or a number")
          : or(reply, ERROR_STATE, this.door.move(rest));
      case "dtmf":
        return this.dtmf(reply, rest);
      case "press":
        if (!isNumber(rest, 4)) return reply.fail(ERROR_ARGUMENT, "press [BUTTON]: 1 to 4");
        this.door.press(rest === "" ? 1 : Number(rest));
        return reply;
      case "open":
        if (!isNumber(rest, 2)) return reply.fail(ERROR_ARGUMENT, "open [RELAY]: 1 or 2");
        return or(reply, ERROR_STATE, this.door.open("console", rest === "" ? 1 : Number(rest)));
      case "close":
        if (!isNumber(rest, 2)) return reply.fail(ERROR_ARGUMENT, "close [RELAY]: 1 or 2");
        this.door.close(rest === "" ? 1 : Number(rest));
        return reply;
      case "logout":
        this.guard.close(seat);
        return reply;
      case "reboot":
        if (this.reboot === null)
          return reply.fail(ERROR_STATE, "this program cannot start itself again: end it, and start it anew");
        this.log.flush();
        this.reboot();
        return reply;
      case "version":
        return reply.put("version", VERSION).say("Portero " + VERSION + "\n");
      default:
        return reply.fail(ERROR_COMMAND, "'" + printable(word, 60) + "' is no command: help lists them");
    }
  }

  private login(reply: Reply, given: string, seat: Seat): Reply {
    const result = this.guard.open(seat, this.door.settings.get(PASSWORD_KEY), given);
    if (result === LOGIN_DONE) return reply;
    const waitS = this.guard.waitS();
    if (result !== LOGIN_EARLY) this.log.event("error", PASSWORD_WRONG, ["seconds", waitS]);
    return result === LOGIN_EARLY
      ? reply.fail(ERROR_LOCKED, "too early: the next try counts in " + waitS + " s")
      : reply.fail(ERROR_LOCKED, "wrong password: the next try counts in " + waitS + " s");
  }

  /** Networks that are found are told as events: looking for them takes longer than an answer may. */
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
        this.log.event("wifi", "found", [
          "ssid",
          printable(ssid),
          "signal",
          rssiDbm,
          "channel",
          channel,
          "secured",
          isSecured ? "yes" : "no",
        ]),
      () => this.log.event("wifi", "scanned", []),
    );
    return isLooking ? reply : reply.fail(ERROR_STATE, "the radio is busy: try again in a few seconds");
  }

  /** Takes settings over and keeps them at once, past what was set and not saved: what a browser handed over. @returns "" or why it cannot be kept; then nothing is */
  keep(keys: readonly string[], values: readonly string[]): string {
    const wanted = copyOf(this.door.settings);
    for (let i = 0; i < keys.length; i++) {
      const problem = wanted.set(keys[i], values[i]);
      if (problem !== "") return problem;
    }
    try {
      this.kept.write(wanted);
    } catch (thrown) {
      return thrown instanceof Error ? printable(thrown.message) : "the store failed";
    }
    for (let i = 0; i < keys.length; i++) {
      this.door.settings.set(keys[i], values[i]);
      // What was set on the line before is older.
      this.seat.changes.forget(keys[i]);
    }
    return "";
  }

  /** As at first, but for how the relays and the light are connected: a door is not to open by its reset. */
  private initial(): Settings {
    const fresh = new Settings();
    copyWiring(this.door.settings, fresh);
    return fresh;
  }

  /** The settings in force with what was set there. */
  private changed(seat: Seat): Settings {
    const copy = copyOf(this.door.settings);
    seat.changes.layOver(copy);
    return copy;
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

  private tellLog(reply: Reply, name: string): Reply {
    const lines = this.log.text(name);
    return reply.tell(lines === "" ? "nothing yet\n" : lines);
  }

  private get(reply: Reply, key: string): Reply {
    const settings = this.door.settings;
    if (key !== "") {
      const setting = findSetting(key);
      return setting === null
        ? reply.fail(ERROR_KEY, settings.set(key, ""))
        : reply.put(setting.key, settings.show(setting));
    }
    for (let i = 0; i < SCHEMA.length; i++) reply.put(SCHEMA[i].key, settings.show(SCHEMA[i]));
    return reply;
  }

  private change(reply: Reply, key: string, value: string, seat: Seat): Reply {
    if (key === "") return reply.fail(ERROR_ARGUMENT, "which setting? set KEY VALUE, unset KEY");
    const problem = seat.changes.set(key, value);
    if (problem === "") return reply;
    const setting = findSetting(key);
    if (setting === null) return reply.fail(ERROR_KEY, problem);
    // A wrong code is often the right one with a slip.
    const said = isSecret(setting) ? key + ": what was given is not allowed: " + allowed(setting) : problem;
    return reply.fail(ERROR_VALUE, said);
  }

  private diff(reply: Reply, seat: Seat): Reply {
    const inForce = this.door.settings;
    const changed = this.changed(seat);
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      const key = SCHEMA[i].key;
      if (changed.text(key) === inForce.text(key)) continue;
      reply.put(key, changed.show(SCHEMA[i]));
      out += key + " " + inForce.show(SCHEMA[i]) + " -> " + changed.show(SCHEMA[i]) + "\n";
    }
    return reply.say(out === "" ? "nothing is waiting for save\n" : out);
  }

  /**
   * The secrets that are set, for a program that seals them: only where a password was given for the console, and never on a screen.
   * That they were read stands in the log.
   */
  private tellSecrets(reply: Reply, isJson: boolean): Reply {
    const { settings } = this.door;
    if (settings.get(PASSWORD_KEY) === "")
      return reply.fail(ERROR_STATE, "secrets are given behind a password only: set console.password TEXT, save");
    if (!isJson) return reply.fail(ERROR_ARGUMENT, "not on a screen: npm run config -- backup FILE --with-secrets");
    for (let i = 0; i < SCHEMA.length; i++) {
      const value = settings.text(SCHEMA[i].key);
      if (isSecret(SCHEMA[i]) && value !== "") reply.put(SCHEMA[i].key, value);
    }
    this.log.event("config", SECRETS_READ, []);
    return reply;
  }

  /** What cannot be kept is not taken over either. @param replaces also what a newer firmware kept */
  private save(reply: Reply, wanted: Settings, seat: Seat, replaces: boolean): Reply {
    const misfit = checkTogether(wanted);
    if (misfit !== "") return reply.fail(ERROR_VALUE, "not saved: " + misfit);
    try {
      this.kept.write(wanted, replaces);
    } catch (thrown) {
      const reason = thrown instanceof Error ? printable(thrown.message) : "the store failed";
      return reply.fail(ERROR_STORE, "not saved: " + reason);
    }
    let later = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      const key = SCHEMA[i].key;
      if (needsRestart(SCHEMA[i]) && wanted.text(key) !== this.door.settings.text(key))
        later += (later === "" ? "" : ", ") + key;
    }
    this.door.settings.take(wanted);
    this.guard.admit(seat, this.door.settings.get(PASSWORD_KEY));
    seat.changes.clear();
    this.restart();
    return later === "" ? reply : reply.put("restart", later).say("ok, from the next start on: " + later + "\n");
  }

  private dtmf(reply: Reply, digits: string): Reply {
    const call = this.door.ua.activeCall();
    if (call === null || !call.hasSound) return reply.fail(ERROR_STATE, "there is no call to send digits in");
    if (digits === "") return reply.fail(ERROR_ARGUMENT, "dtmf what? dtmf DIGITS (0-9 * # A-D)");
    for (let i = 0; i < digits.length; i++) {
      if ("0123456789*#ABCDabcd".indexOf(digits.charAt(i)) < 0)
        return reply.fail(ERROR_ARGUMENT, "'" + printable(digits) + "' holds what is no digit: 0-9 * # A-D");
    }
    for (let i = 0; i < digits.length; i++) {
      if (!call.media.sendDigit(digits.toUpperCase().charCodeAt(i)))
        return reply.fail(ERROR_STATE, "only " + i + " digits were taken: wait until they are sent");
    }
    return reply;
  }
}

/** What a locked console answers besides `login`. */
function isHeardLocked(command: string): boolean {
  return command === "login" || command === "version";
}

function copyOf(settings: Settings): Settings {
  const copy = new Settings();
  copy.take(settings);
  return copy;
}

/** A line of `KEY=VALUE` or `KEY = VALUE` is a `set`. */
function isAssignment(word: string, rest: string): boolean {
  const equals = word.indexOf("=");
  return equals > 0 || (equals < 0 && rest.charAt(0) === "=" && findCommand(word) === null);
}

function isCount(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charAt(i) < "0" || value.charAt(i) > "9") return false;
  return value !== "" && value.length <= 3;
}

/** Nothing, or one digit from 1 to `most`. */
function isNumber(value: string, most: number): boolean {
  return value === "" || (value.length === 1 && value >= "1" && value <= "" + most);
}

function begins(word: string, start: string): boolean {
  return word.slice(0, start.length).toLowerCase() === start;
}

function help(reply: Reply, what: string): Reply {
  if (what === "") {
    let out = "";
    for (let i = 0; i < COMMANDS.length; i++) out += helpLine(usage(COMMANDS[i]), COMMANDS[i].help);
    return reply.tell(out + helpLine("--json", "behind any of them: the answer as one line of JSON"));
  }
  const command = findCommand(what.toLowerCase());
  if (command !== null) return reply.tell(wrapped(usage(command) + ": ", command.help, INDENT));
  const setting = findSetting(what);
  if (setting === null) return reply.fail(ERROR_KEY, new Settings().set(what, ""));
  const start = needsRestart(setting) ? "; holds from the next start on" : "";
  const first = setting.initial === "" ? "empty" : "'" + setting.initial + "'";
  return reply.tell(
    wrapped(setting.key + ": ", setting.help + start, INDENT) +
      wrapped(INDENT, allowed(setting) + ", at first " + first, INDENT),
  );
}

/** One entry of the list: what is to be typed in a column of its own. */
function helpLine(left: string, text: string): string {
  const isWide = left.length > USAGE_WIDTH - 2;
  const column = " ".repeat(USAGE_WIDTH);
  return isWide ? left + "\n" + wrapped(column, text, column) : wrapped(left.padEnd(USAGE_WIDTH), text, column);
}

/** Lines of whole words, as wide as the terminals that people have. @param first begins the first line @param more begins the others */
function wrapped(first: string, text: string, more: string): string {
  const words = text.split(" ");
  let out = "";
  let line = first;
  let isFresh = true;
  for (let i = 0; i < words.length; i++) {
    if (!isFresh && line.length + 1 + words[i].length > HELP_WIDTH) {
      out += line + "\n";
      line = more;
      isFresh = true;
    }
    line += (isFresh ? "" : " ") + words[i];
    isFresh = false;
  }
  return out + line + "\n";
}

function or(reply: Reply, code: string, problem: string): Reply {
  return problem === "" ? reply : reply.fail(code, problem);
}
