/**
 * The serial console: a line in, lines out. For a person at a terminal and for scripts; errors say what was wrong and what is
 * allowed. Settings are staged by `set` and taken over by `save`.
 */

import type { Store } from "../../hal/device.js";
import { printable } from "../core/printable.js";
import { CALL_CONFIRMED, CALL_HELD } from "../ua/call.js";
import { REGISTRATION_DONE, REGISTRATION_FAILED, REGISTRATION_TRYING } from "../ua/registration.js";
import type { Door } from "./door.js";
import { Record } from "./record.js";
import { allowed, findSetting, SCHEMA } from "./schema.js";
import { Settings } from "./settings.js";

export const VERSION = "0.1.0";

const STORE_KEY = "settings";

const HELP = [
  "help [KEY]          this list, or what a setting may be",
  "get [KEY]           a setting, or all of them",
  "set KEY VALUE       stage a setting",
  "diff                what is staged and not saved",
  "save                take staged settings over and keep them",
  "revert              forget what is staged",
  "status              registration, call, relay",
  "register            register now",
  "unregister          take the registration back",
  "bindings            ask the server where this user is registered",
  "call [TARGET]       call a SIP URI, an address or a number; without one, call.target",
  "answer              take the call that rings",
  "hangup              end the call, or refuse it",
  "hold, resume        hold the other side, and take it back",
  "dtmf DIGITS         send digits in the call",
  "press [BUTTON]      press a button, 1 to 4",
  "open [RELAY]        release the door",
  "close [RELAY]       end the release",
  "version             what this is",
];

export class Console {
  private readonly door: Door;
  private readonly record: Record;
  private readonly restart: () => void;
  private staged: Settings;

  /** @param restart called after `save`, to begin anew with the new settings */
  constructor(door: Door, store: Store, restart: () => void) {
    this.door = door;
    this.record = new Record(store, STORE_KEY);
    this.restart = restart;
    this.staged = copyOf(door.settings);
  }

  /** Reads the settings that were kept. @returns "" or why they cannot be read; then all are as they were */
  load(): string {
    const kept = this.record.read();
    const error = kept === null ? "" : this.door.settings.apply(kept);
    this.staged = copyOf(this.door.settings);
    return error;
  }

  /** Carries out one line. @returns what to print, lines ended by \n; "" for nothing */
  line(input: string): string {
    const trimmed = input.trim();
    if (trimmed === "") return "";
    const space = trimmed.indexOf(" ");
    const word = (space < 0 ? trimmed : trimmed.slice(0, space)).toLowerCase();
    const rest = space < 0 ? "" : trimmed.slice(space + 1).trim();
    return this.run(word, rest);
  }

  private run(word: string, rest: string): string {
    const ua = this.door.ua;
    const call = ua.activeCall();
    switch (word) {
      case "help":
        return rest === "" ? HELP.join("\n") + "\n" : helpFor(rest);
      case "get":
        return this.get(rest);
      case "set": {
        const space = rest.indexOf(" ");
        const key = space < 0 ? rest : rest.slice(0, space);
        if (key === "") return error("set what? set KEY VALUE");
        return result(this.staged.set(key, space < 0 ? "" : rest.slice(space + 1).trim()));
      }
      case "diff":
        return this.diff();
      case "save":
        return result(this.save());
      case "revert":
        this.staged = copyOf(this.door.settings);
        return "ok\n";
      case "status":
        return this.status();
      case "register":
        if (this.door.settings.get("sip.domain") === "")
          return error("sip.domain is not set: there is no server to register at");
        ua.registration.start();
        return "ok\n";
      case "unregister":
        ua.registration.stop();
        return "ok\n";
      case "bindings":
        return ua.registration.query() ? "ok\n" : error("not now: there is no server, or a request is under way");
      case "call":
        if (call !== null) return error("there is a call: hangup first");
        return result(this.door.call(rest !== "" ? rest : this.door.settings.get("call.target")));
      case "answer":
        if (call === null || call.session.isCaller || call.answeredMs >= 0) return error("no call rings here");
        ua.answer(call);
        return "ok\n";
      case "hangup":
        if (call === null) return error("there is no call");
        this.door.hangUp("");
        return "ok\n";
      case "hold":
      case "resume":
        if (call === null || (call.state !== CALL_CONFIRMED && call.state !== CALL_HELD))
          return error("there is no call to " + word);
        ua.hold(call, word === "hold");
        return "ok\n";
      case "dtmf":
        if (call === null || !call.hasSound) return error("there is no call to send digits in");
        return result(this.dtmf(rest));
      case "press":
        if (!isNumber(rest, 4)) return error("press [BUTTON]: 1 to 4");
        this.door.press(rest === "" ? 1 : Number(rest));
        return "ok\n";
      case "open":
      case "close":
        if (!isNumber(rest, 2)) return error(word + " [RELAY]: 1 or 2");
        if (word === "open") return result(this.door.open("console", rest === "" ? 1 : Number(rest)));
        this.door.close(rest === "" ? 1 : Number(rest));
        return "ok\n";
      case "version":
        return "Portero " + VERSION + "\n";
      default:
        return error("'" + printable(word) + "' is no command: help lists them");
    }
  }

  private get(key: string): string {
    const settings = this.door.settings;
    if (key !== "") {
      const setting = findSetting(key);
      return setting === null ? error(settings.set(key, "")) : setting.key + " " + settings.show(setting) + "\n";
    }
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) out += SCHEMA[i].key + " " + settings.show(SCHEMA[i]) + "\n";
    return out;
  }

  private diff(): string {
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      const key = SCHEMA[i].key;
      if (this.staged.get(key) === this.door.settings.get(key)) continue;
      out += key + " " + this.door.settings.show(SCHEMA[i]) + " -> " + this.staged.show(SCHEMA[i]) + "\n";
    }
    return out === "" ? "nothing is staged\n" : out;
  }

  /** What cannot be kept is not taken over either. */
  private save(): string {
    try {
      this.record.write(this.staged.save());
    } catch (thrown) {
      return "not saved: " + (thrown instanceof Error ? printable(thrown.message) : "the store failed");
    }
    this.door.settings.apply(this.staged.saveAll());
    this.restart();
    return "";
  }

  private status(): string {
    const registration = this.door.ua.registration;
    let out = "registration ";
    if (registration.state === REGISTRATION_DONE) out += "registered, granted " + registration.grantedS + " s";
    else if (registration.state === REGISTRATION_TRYING) out += "registering";
    else if (registration.state === REGISTRATION_FAILED)
      out += "failed, next try in " + Math.round(registration.nextMs() / 1000) + " s";
    else out += "unregistered";
    const call = this.door.ua.activeCall();
    out +=
      "\ncall " +
      (call === null
        ? "none"
        : (call.session.isCaller ? "out" : "in") + (call.answeredMs >= 0 ? ", confirmed" : ", ringing"));
    const doorway = this.door.doorway;
    return out + "\nrelay1 " + (doorway.isOn(1) ? "on" : "off") + "\nrelay2 " + (doorway.isOn(2) ? "on" : "off") + "\n";
  }

  private dtmf(digits: string): string {
    const call = this.door.ua.activeCall();
    if (call === null) return "there is no call";
    if (digits === "") return "dtmf what? dtmf DIGITS (0-9 * # A-D)";
    for (let i = 0; i < digits.length; i++) {
      if ("0123456789*#ABCDabcd".indexOf(digits.charAt(i)) < 0)
        return "'" + printable(digits) + "' holds what is no digit: 0-9 * # A-D";
    }
    for (let i = 0; i < digits.length; i++) {
      if (!call.media.sendDigit(digits.toUpperCase().charCodeAt(i)))
        return "only " + i + " digits were taken: wait until they are sent";
    }
    return "";
  }
}

function copyOf(settings: Settings): Settings {
  const copy = new Settings();
  copy.apply(settings.saveAll());
  return copy;
}

/** Nothing, or one digit from 1 to `most`. */
function isNumber(value: string, most: number): boolean {
  return value === "" || (value.length === 1 && value >= "1" && value <= "" + most);
}

function helpFor(key: string): string {
  const setting = findSetting(key);
  if (setting === null) return error(new Settings().set(key, ""));
  return setting.key + ": " + setting.help + "\n  " + allowed(setting) + ", at first '" + setting.initial + "'\n";
}

function result(problem: string): string {
  return problem === "" ? "ok\n" : error(problem);
}

function error(problem: string): string {
  return "error: " + problem + "\n";
}
