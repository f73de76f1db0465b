/**
 * Every setting there is, once: its key, what it may be, what it is when nobody set it, and a line of help. The checks, the
 * console's help and the table of the documents are made from this.
 */
import { ipv4, ipv4Text, isHostAddress, maskBits } from "../core/address.js";
import { utf8, utf8Length } from "../core/bytes.js";
import { hasSteering } from "../core/printable.js";
import { TONE_REGIONS } from "../media/tone.js";
import { USER_MOST_BYTES } from "../ua/account.js";
import { isNumberPattern, readTarget } from "../ua/target.js";
import { escapeUser, type HostText, placeOf, readDomain, readProxy } from "../ua/uritext.js";
import { REALM_MAX_BYTES, USERNAME_MAX_BYTES } from "../wire/auth.js";
import { isSchedule, isZone } from "./daytime.js";
import { GROUP_TIME_LEAST_S, GROUP_TIME_MOST_S, PLAN_TARGETS_MOST, readPlan } from "./ringplan.js";

/** Relays that a door may have. */
export const RELAYS_MOST = 2;

// Types of setting.
export const TYPE_TEXT = 0;
/** A text that is never shown. */
export const TYPE_SECRET = 1;
/** A whole number from `min` to `max`. */
export const TYPE_NUMBER = 2;
/** A number with decimals from `min` to `max`. */
export const TYPE_DECIMAL = 3;
/** One of `choices`. */
export const TYPE_CHOICE = 4;
/** `on` or `off`. */
export const TYPE_SWITCH = 5;
/** An IPv4 address. */
export const TYPE_ADDRESS = 6;
/** Several of `choices`, the preferred one first, with commas between. */
export const TYPE_LIST = 7;
/** Nothing, or codes of `min` to `max` digits, with commas between; never shown. */
export const TYPE_DIGITS = 8;

/** Nothing, or a host or address. */
export const TYPE_HOST = 9;
/** Nothing, or whom to call. */
export const TYPE_TARGET = 10;
/** Nothing, or a ring plan (ringplan.ts). */
export const TYPE_PLAN = 11;
/** A time zone (daytime.ts). */
export const TYPE_ZONE = 12;
/** Nothing, or a schedule of the week (daytime.ts). */
export const TYPE_HOURS = 13;
/** Nothing, or a user name that stands in an address as it is. */
export const TYPE_NAME = 14;

/** Nothing, or an IPv4 address that one device can have. */
export const TYPE_DEVICE_ADDRESS = 15;
/** Nothing, or the mask of an IPv4 network. */
export const TYPE_MASK = 16;
/** The user part of our own address: a text that is not too long as a URI writes it. */
export const TYPE_USER = 17;
/** Nothing, or the domain of our own address: a host or address, with a port if need be. */
export const TYPE_DOMAIN = 18;
/** Nothing, or a proxy: a host or address, with a port and the transport if need be. */
export const TYPE_PROXY = 19;
/** A text of at most `max` octets. */
export const TYPE_OCTETS = 20;
/** A text of at most `max` octets as it stands between quotes on the wire. */
export const TYPE_QUOTED = 21;
/** Nothing, or targets and numbers with an `x` for any digit, with commas between. */
export const TYPE_TARGETS = 22;

export interface Setting {
  key: string;
  type: number;
  /** As a person would write it. */
  initial: string;
  min: number;
  max: number;
  choices: readonly string[];
  unit: string;
  help: string;
}

const NO_CHOICES: readonly string[] = [];
const TEXT_MOST = 128;
/** In the place of `sip.domain`, which may not be set yet. */
const ANY_DOMAIN = "domain";
const PLAN_MOST = 400;
/** Entries of `call.referTo`. */
const TARGETS_MOST = 16;
/** Codes of one relay. */
const CODES_MOST = 8;

function entry(key: string, type: number, initial: string, help: string, min = 0, max = 0, unit = ""): Setting {
  return { key, type, initial, min, max, choices: NO_CHOICES, unit, help };
}

function choice(key: string, type: number, initial: string, choices: readonly string[], help: string): Setting {
  return { key, type, initial, min: 0, max: 0, choices, unit: "", help };
}

const ON_OFF = ["on", "off"];
const RELAY_MODES = ["pulse", "held"];
const LEVELS = ["board", "high", "low"];
const RELAY_LEVELS = ["board", "high", "low", "unknown"];
const LOCKS = ["fail-secure", "fail-safe"];
const PRESSES = ["call", "cancel", "hangup", "answer"];

export const SCHEMA: readonly Setting[] = [
  entry("sip.user", TYPE_USER, "door", "user part of the door's SIP address", 0, TEXT_MOST),
  entry(
    "sip.authUser",
    TYPE_QUOTED,
    "",
    "user name for the password, when it is another than sip.user",
    0,
    USERNAME_MAX_BYTES,
  ),
  entry("sip.password", TYPE_SECRET, "", "password at the SIP server", 0, TEXT_MOST),
  entry(
    "sip.realm",
    TYPE_QUOTED,
    "",
    "the one realm the password is for; empty: whatever the server names",
    0,
    REALM_MAX_BYTES,
  ),
  entry("sip.name", TYPE_TEXT, "", "name shown to who is called", 0, 64),
  entry("sip.domain", TYPE_DOMAIN, "", "domain or address of the SIP server; empty: no server", 0, TEXT_MOST),
  entry("sip.proxy", TYPE_PROXY, "", "outbound proxy; empty: none", 0, TEXT_MOST),
  choice("sip.register", TYPE_SWITCH, "on", ON_OFF, "register at sip.domain"),
  entry("sip.expires", TYPE_NUMBER, "600", "how long a registration is to last", 10, 86400, "s"),
  choice(
    "sip.probe",
    TYPE_CHOICE,
    "auto",
    ["auto", "off", "10", "30", "60", "120", "300"],
    "seconds between questions to the server whether it still has the door; auto: 30 at a private address, else off",
  ),
  entry("sip.port", TYPE_NUMBER, "5060", "local SIP port, UDP and TCP", 1, 65535),
  choice(
    "sip.trust",
    TYPE_CHOICE,
    "off",
    ["off", "server"],
    "server: its P-Asserted-Identity says who calls; for a server that admits no strangers, or asserts truly",
  ),
  choice("sip.transport", TYPE_CHOICE, "udp", ["udp", "tcp"], "transport for addresses that name none"),
  entry("sip.sessionExpires", TYPE_NUMBER, "1800", "session interval to ask for, 0: none", 0, 86400, "s"),
  entry("sip.minSE", TYPE_NUMBER, "90", "shortest session interval taken; no shorter one is asked for", 90, 86400, "s"),
  entry("wifi.ssid", TYPE_OCTETS, "", "name of the Wi-Fi network; of a board", 0, 32),
  entry("wifi.password", TYPE_SECRET, "", "its password; empty: an open network", 0, 63),
  choice(
    "wifi.powerSave",
    TYPE_SWITCH,
    "off",
    ON_OFF,
    "the radio sleeps between beacons: for a battery; sound comes late then",
  ),
  entry("wifi.ip", TYPE_DEVICE_ADDRESS, "", "fixed address of a board, wired ones too; empty: by DHCP"),
  entry("wifi.mask", TYPE_MASK, "", "mask of the network, with wifi.ip"),
  entry("wifi.gateway", TYPE_DEVICE_ADDRESS, "", "the way out of the network, with wifi.ip; empty: none"),
  entry("wifi.dns", TYPE_DEVICE_ADDRESS, "", "name server; empty: by DHCP, with wifi.ip none"),
  entry("time.server", TYPE_HOST, "", "server for the time of day; empty: the board's, none: nobody is asked", 0, 100),
  entry("net.address", TYPE_ADDRESS, "127.0.0.1", "own address to bind"),
  entry("rtp.port", TYPE_NUMBER, "16384", "first local RTP port, an even one", 1024, 65520),
  entry("rtp.timeout", TYPE_NUMBER, "30", "hang up when nothing comes for so long, 0: never", 0, 3600, "s"),
  choice(
    "rtp.source",
    TYPE_CHOICE,
    "auto",
    ["auto", "strict"],
    "whose sound is heard: another address too while the agreed one is silent, or never",
  ),
  entry(
    "call.target",
    TYPE_TARGET,
    "",
    "what a button without a plan calls: a SIP URI, an address or a number",
    0,
    TEXT_MOST,
  ),
  entry(
    "call.fallback",
    TYPE_TARGET,
    "",
    "what is called when the targets' server does not answer; a direct address",
    0,
    TEXT_MOST,
  ),
  entry("button1.day", TYPE_PLAN, "", "what button 1 calls", 0, PLAN_MOST),
  entry("button1.night", TYPE_PLAN, "", "what button 1 calls outside of time.day; empty: as by day", 0, PLAN_MOST),
  entry("button1.hold", TYPE_PLAN, "", "what button 1 calls when it is held for 2 s; empty: as a press", 0, PLAN_MOST),
  entry("button2.day", TYPE_PLAN, "", "what button 2 calls", 0, PLAN_MOST),
  entry("button2.night", TYPE_PLAN, "", "what button 2 calls outside of time.day; empty: as by day", 0, PLAN_MOST),
  entry("button2.hold", TYPE_PLAN, "", "what button 2 calls when it is held for 2 s; empty: as a press", 0, PLAN_MOST),
  entry("button3.day", TYPE_PLAN, "", "what button 3 calls", 0, PLAN_MOST),
  entry("button3.night", TYPE_PLAN, "", "what button 3 calls outside of time.day; empty: as by day", 0, PLAN_MOST),
  entry("button3.hold", TYPE_PLAN, "", "what button 3 calls when it is held for 2 s; empty: as a press", 0, PLAN_MOST),
  entry("button4.day", TYPE_PLAN, "", "what button 4 calls", 0, PLAN_MOST),
  entry("button4.night", TYPE_PLAN, "", "what button 4 calls outside of time.day; empty: as by day", 0, PLAN_MOST),
  entry("button4.hold", TYPE_PLAN, "", "what button 4 calls when it is held for 2 s; empty: as a press", 0, PLAN_MOST),
  choice("button.press", TYPE_LIST, "call,cancel,hangup,answer", PRESSES, "what a press may do"),
  entry("call.ringTime", TYPE_NUMBER, "60", "give up when nobody answers for so long, 0: after an hour", 0, 600, "s"),
  choice(
    "call.autoAnswer",
    TYPE_SWITCH,
    "off",
    ON_OFF,
    "answer known callers at once; with call.allow any everybody: an open microphone",
  ),
  choice(
    "call.allow",
    TYPE_CHOICE,
    "known",
    ["known", "any"],
    "who may ring: the server, the targets' addresses and known callers, or anybody",
  ),
  entry(
    "call.password",
    TYPE_SECRET,
    "",
    "who gives it (digest, any user name) is a known caller; empty: nobody by a password",
    0,
    64,
  ),
  choice(
    "call.knownByAddress",
    TYPE_SWITCH,
    "off",
    ON_OFF,
    "who calls straight from a target's address is known; over UDP an address can be forged",
  ),
  choice(
    "call.answerOnRequest",
    TYPE_SWITCH,
    "on",
    ON_OFF,
    "answer at once when a known caller asks for it (Answer-Mode, answer-after)",
  ),
  choice(
    "call.earlyAnswer",
    TYPE_SWITCH,
    "off",
    ON_OFF,
    "the 180 to a call that comes holds the answer to its offer, reliably where the caller can (100rel)",
  ),
  choice(
    "call.doNotDisturb",
    TYPE_CHOICE,
    "off",
    ["off", "busy", "away"],
    "refuse calls that come, with 486 (busy) or 480 (away)",
  ),
  choice("call.join", TYPE_SWITCH, "off", ON_OFF, "a known caller who calls while the door talks joins that call"),
  choice(
    "call.refer",
    TYPE_CHOICE,
    "targets",
    ["off", "targets", "any"],
    "where the phone in the call may move it (REFER): nowhere, to whom the settings name, or to whatever it names",
  ),
  entry(
    "call.referTo",
    TYPE_TARGETS,
    "",
    "whom calls may be moved to beside those that the door calls; an x is any digit: 2xx",
    0,
    TEXT_MOST,
  ),
  entry(
    "call.talkTime",
    TYPE_NUMBER,
    "0",
    "end a call after so long, with a warning 10 s before, 0: never",
    0,
    36000,
    "s",
  ),
  choice("call.hangUpOnOpen", TYPE_SWITCH, "off", ON_OFF, "end the call 2 s after the door was opened in it"),
  choice("audio.codecs", TYPE_LIST, "PCMU,PCMA", ["PCMU", "PCMA"], "codecs, the preferred one first"),
  entry("audio.volume", TYPE_NUMBER, "0", "loudness of the speaker, as far as the codec goes", -60, 12, "dB"),
  entry("audio.gain", TYPE_NUMBER, "30", "gain of the microphone, as far as the codec goes", 0, 30, "dB"),
  choice(
    "audio.input",
    TYPE_CHOICE,
    "line1",
    ["line1", "line2"],
    "pair of inputs the microphone is at, of a codec with two (ES8388)",
  ),
  choice(
    "amplifier.active",
    TYPE_CHOICE,
    "board",
    LEVELS,
    "level that switches the amplifier on; board: as the board's description says",
  ),
  choice(
    "led.active",
    TYPE_CHOICE,
    "board",
    LEVELS,
    "level that lights the LED; board: as the board's description says",
  ),
  choice(
    "dtmf.inband",
    TYPE_CHOICE,
    "auto",
    ["auto", "on", "off"],
    "hear digits as tones in the sound: where the other side has no telephone-events, always, never",
  ),
  choice("call.showDigits", TYPE_SWITCH, "off", ON_OFF, "events show which digits were heard, door codes too"),
  choice("tone.region", TYPE_CHOICE, "europe", TONE_REGIONS, "whose ringing, busy and error tones the visitor hears"),
  entry("tone.volume", TYPE_NUMBER, "25", "how loud tones are, of full scale, 0: none", 0, 100, "%"),
  entry("relay1.code", TYPE_DIGITS, "", "door codes that switch relay 1 on; empty: no code does", 4, 8),
  choice(
    "relay1.mode",
    TYPE_CHOICE,
    "pulse",
    RELAY_MODES,
    "relay 1 is on for its pulse, or until the same code, the exit button or close comes",
  ),
  entry("relay1.pulse", TYPE_DECIMAL, "3", "how long relay 1 is on", 0.5, 60, "s"),
  choice(
    "relay1.active",
    TYPE_CHOICE,
    "board",
    RELAY_LEVELS,
    "level that gives relay 1 current; board: as the board's description says; unknown: its pin is driven only while it is on",
  ),
  choice(
    "relay1.lock",
    TYPE_CHOICE,
    "fail-secure",
    LOCKS,
    "the lock at relay 1 opens by current (fail-secure), or holds the door shut by it (fail-safe)",
  ),
  entry("relay2.code", TYPE_DIGITS, "", "door codes that switch relay 2 on; empty: no code does", 4, 8),
  choice(
    "relay2.mode",
    TYPE_CHOICE,
    "pulse",
    RELAY_MODES,
    "relay 2 is on for its pulse, or until the same code, the exit button or close comes",
  ),
  entry("relay2.pulse", TYPE_DECIMAL, "3", "how long relay 2 is on", 0.5, 60, "s"),
  choice(
    "relay2.active",
    TYPE_CHOICE,
    "board",
    RELAY_LEVELS,
    "level that gives relay 2 current; board: as the board's description says; unknown: its pin is driven only while it is on",
  ),
  choice(
    "relay2.lock",
    TYPE_CHOICE,
    "fail-secure",
    LOCKS,
    "the lock at relay 2 opens by current (fail-secure), or holds the door shut by it (fail-safe)",
  ),
  entry("door.exit", TYPE_NUMBER, "1", "relay that the button inside switches on, 0: none", 0, 2),
  choice(
    "door.message",
    TYPE_CHOICE,
    "off",
    ["off", "code", "on"],
    "a known caller's MESSAGE `open` opens: never, with a code, without one",
  ),
  choice(
    "door.sensor",
    TYPE_CHOICE,
    "off",
    ["off", "closed", "open"],
    "what the door's contact is while the door is shut",
  ),
  entry("door.leftOpen", TYPE_NUMBER, "60", "alarm when the door stays open for so long, 0: never", 0, 3600, "s"),
  choice("server.enabled", TYPE_SWITCH, "off", ON_OFF, "the door is the SIP server of up to 8 phones"),
  choice(
    "server.mode",
    TYPE_CHOICE,
    "proxy",
    ["proxy", "redirect"],
    "calls between phones pass the server, or it tells each phone where the other is (302)",
  ),
  entry("server.domain", TYPE_HOST, "", "domain of the phones; empty: the door's address", 0, 100),
  ...phones(),
  entry("console.password", TYPE_SECRET, "", "password of the console; empty: none", 0, 64),
  entry("console.idle", TYPE_NUMBER, "600", "a login without a line for so long is over, 0: never", 0, 86400, "s"),
  entry("time.zone", TYPE_ZONE, "UTC0", "time zone of the door", 0, 64),
  entry("time.day", TYPE_HOURS, "", "when it is day for the buttons' plans; empty: always", 0, 200),
];

/** A name and a password for each phone of the house. */
function phones(): Setting[] {
  const out: Setting[] = [];
  for (let i = 1; i <= 8; i++) {
    out.push(entry("phone" + i + ".name", TYPE_NAME, "", "user name of phone " + i + " at the door's server", 0, 32));
    out.push(entry("phone" + i + ".password", TYPE_SECRET, "", "its password", 0, 64));
  }
  return out;
}

/** Whether it holds from the next start on only: sockets are opened and pools made once. */
export function needsRestart(setting: Setting): boolean {
  return (
    setting.key === "net.address" ||
    setting.key === "sip.port" ||
    setting.key === "rtp.port" ||
    setting.key === "server.enabled" ||
    setting.key === "server.mode" ||
    setting.key === "time.server" ||
    setting.key.slice(0, 5) === "wifi."
  );
}

/** Whether it is never shown. */
export function isSecret(setting: Setting): boolean {
  return setting.type === TYPE_SECRET || setting.type === TYPE_DIGITS;
}

/** @returns the setting of that key, or null */
export function findSetting(key: string): Setting | null {
  const at = settingIndex(key);
  return at < 0 ? null : SCHEMA[at];
}

/** Settings are asked for in every event: looking through all of them would be a tenth of what a call costs. */
const INDEXES = new Map<string, number>();
for (let i = 0; i < SCHEMA.length; i++) INDEXES.set(SCHEMA[i].key, i);

/** @returns the index in SCHEMA, or -1 */
export function settingIndex(key: string): number {
  return INDEXES.get(key) ?? -1;
}

/** What a setting may be, in words. */
export function allowed(setting: Setting): string {
  const unit = setting.unit === "" ? "" : " " + setting.unit;
  switch (setting.type) {
    case TYPE_NUMBER:
      return "a whole number from " + setting.min + " to " + setting.max + unit;
    case TYPE_DECIMAL:
      return "a number from " + setting.min + " to " + setting.max + unit;
    case TYPE_CHOICE:
    case TYPE_SWITCH:
      return setting.choices.join(" or ");
    case TYPE_LIST:
      return "one or more of " + setting.choices.join(", ");
    case TYPE_ADDRESS:
      return "an IPv4 address";
    case TYPE_DEVICE_ADDRESS:
      return "empty, or the IPv4 address of a device, as in 192.168.1.20";
    case TYPE_MASK:
      return "empty, or a network mask from 255.0.0.0 to 255.255.255.252, as in 255.255.255.0";
    case TYPE_HOST:
      return "empty, or a host name or an IPv4 address";
    case TYPE_DOMAIN:
      return "empty, or a host name or an IPv4 address, with :PORT if need be";
    case TYPE_PROXY:
      return "empty, or a host name or an IPv4 address, with :PORT and ;transport=tcp if need be";
    case TYPE_TARGET:
      return "empty, or a SIP URI, an address or a number, by UDP or TCP; of at most " + setting.max + " characters";
    case TYPE_TARGETS:
      return (
        "empty, or at most " +
        setting.max +
        " characters with up to " +
        TARGETS_MOST +
        " SIP URIs, addresses and numbers, an x in a number for any digit, with commas between"
      );
    case TYPE_DIGITS:
      return "empty, or " + setting.min + " to " + setting.max + " digits; several codes with commas between";
    case TYPE_PLAN:
      return (
        "empty, or at most " +
        setting.max +
        " characters with up to " +
        PLAN_TARGETS_MOST +
        " targets, group:house for all phones of the door's server: a comma between those that ring together, > before those that ring after them, a group's time behind it (" +
        GROUP_TIME_LEAST_S +
        "s to " +
        GROUP_TIME_MOST_S +
        "s)"
      );
    case TYPE_ZONE:
      return "a time zone by name (Europe/Berlin), or as POSIX writes it (CET-1CEST,M3.5.0,M10.5.0/3); UTC0 for none";
    case TYPE_HOURS:
      return "empty, or spans HH:MM-HH:MM, behind days if need be, with commas between: mon-fri 07:00-12:00 13:00-22:00, sat 09:00-13:00";
    case TYPE_USER:
      return (
        "a text of at most " +
        setting.max +
        " characters without control characters, and of " +
        USER_MOST_BYTES +
        " octets as a URI writes it: those beyond ASCII take six or nine"
      );
    case TYPE_OCTETS:
    case TYPE_QUOTED:
      return (
        "a text of at most " +
        setting.max +
        " octets without control characters: those beyond ASCII take two to four" +
        (setting.type === TYPE_QUOTED ? ', " and \\ two' : "")
      );
    case TYPE_NAME:
      return "empty, or a name of at most " + setting.max + " letters, digits, and - _ . +";
    default:
      return "a text of at most " + setting.max + " characters without control characters";
  }
}

/** @returns the value as it is kept (case and white space mended), or null when it is not allowed */
export function check(setting: Setting, value: string): string | null {
  const given = value.trim();
  // Each is kept as one line, and shown on terminals.
  if (hasSteering(given)) return null;
  switch (setting.type) {
    case TYPE_NUMBER: {
      const isNegative = setting.min < 0 && given.charAt(0) === "-";
      const size = wholeNumber(isNegative ? given.slice(1) : given);
      const number = isNegative ? -size : size;
      return size >= 0 && number >= setting.min && number <= setting.max ? "" + number : null;
    }
    case TYPE_DECIMAL: {
      const number = given === "" || !isDecimal(given) ? Number.NaN : Number(given);
      return number >= setting.min && number <= setting.max ? "" + number : null;
    }
    case TYPE_CHOICE:
    case TYPE_SWITCH:
      return pick(setting.choices, given);
    case TYPE_LIST: {
      const parts = given.split(",");
      let out = "";
      for (let i = 0; i < parts.length; i++) {
        const one = pick(setting.choices, parts[i].trim());
        if (one === null || ("," + out + ",").indexOf("," + one + ",") >= 0) return null;
        out += (i > 0 ? "," : "") + one;
      }
      return out;
    }
    case TYPE_ADDRESS:
      return ipv4(given) >= 0 ? given : null;
    case TYPE_DEVICE_ADDRESS:
      return given === "" ? given : isHostAddress(ipv4(given)) ? ipv4Text(ipv4(given)) : null;
    case TYPE_MASK:
      return given === "" ? given : ipv4(given) >= 0 && maskBits(ipv4(given)) > 0 ? ipv4Text(ipv4(given)) : null;
    case TYPE_DIGITS:
      return given === "" ? given : codes(setting, given);
    case TYPE_HOST:
      return given === "" ? given : kept(setting, readName(given));
    case TYPE_DOMAIN:
      return given === "" ? given : kept(setting, readDomain(given));
    case TYPE_PROXY:
      return given === "" || (given.length <= setting.max && readProxy(given).error === "") ? given : null;
    case TYPE_TARGET:
      return given === "" || (given.length <= setting.max && readTarget(given, ANY_DOMAIN).error === "") ? given : null;
    case TYPE_TARGETS:
      return given === "" || (given.length <= setting.max && targetsProblem(given) === "") ? given : null;
    case TYPE_PLAN:
      return given === "" || (given.length <= setting.max && readPlan(given).error === "") ? given : null;
    case TYPE_ZONE:
      return given.length <= setting.max && isZone(given) ? given : null;
    case TYPE_HOURS:
      return given === "" || (given.length <= setting.max && isSchedule(given)) ? given : null;
    case TYPE_USER:
      if (utf8(escapeUser(given)).length > USER_MOST_BYTES) return null;
      return given.length <= setting.max ? given : null;
    case TYPE_OCTETS:
    case TYPE_QUOTED:
      return octetsOf(setting, given) <= setting.max ? given : null;
    case TYPE_NAME:
      return given.length <= setting.max && isName(given) ? given : null;
    default:
      return given.length <= setting.max ? given : null;
  }
}

/** @returns what is wrong with a value that `check` does not allow, "" where `allowed` says all there is to say. Not for secrets */
export function problemOf(setting: Setting, value: string): string {
  const given = value.trim();
  if (hasSteering(given)) return "no control characters, nor marks that turn the direction of writing";
  switch (setting.type) {
    case TYPE_HOST:
      return readName(given).error || tooLong(setting, given);
    case TYPE_DOMAIN:
      return readDomain(given).error || tooLong(setting, given);
    case TYPE_PROXY:
      return readProxy(given).error || tooLong(setting, given);
    case TYPE_TARGET:
      return tooLong(setting, given) || readTarget(given, ANY_DOMAIN).error;
    case TYPE_TARGETS:
      return tooLong(setting, given) || targetsProblem(given);
    case TYPE_PLAN:
      return tooLong(setting, given) || readPlan(given).error;
    case TYPE_USER: {
      const size = utf8(escapeUser(given)).length;
      return size > USER_MOST_BYTES ? "it has " + size + " octets as a URI writes it" : tooLong(setting, given);
    }
    case TYPE_OCTETS:
    case TYPE_QUOTED: {
      const size = octetsOf(setting, given);
      return size > setting.max ? "it has " + size + " octets" : "";
    }
    case TYPE_TEXT:
      return tooLong(setting, given);
    default:
      return "";
  }
}

function octetsOf(setting: Setting, given: string): number {
  let size = utf8Length(given);
  for (let i = 0; setting.type === TYPE_QUOTED && i < given.length; i++)
    if (given.charAt(i) === '"' || given.charAt(i) === "\\") size += 1;
  return size;
}

function tooLong(setting: Setting, given: string): string {
  return given.length > setting.max ? "it has " + given.length + " characters" : "";
}

/** A host of ours that stands without a port: it is only a name. */
function readName(value: string): HostText {
  const read = readDomain(value);
  if (read.error === "" && read.port > 0)
    read.error = "'" + read.host + ":" + read.port + "' has a port: give the host";
  return read;
}

/** @returns the host as it is kept */
function kept(setting: Setting, read: HostText): string | null {
  const place = placeOf(read);
  return read.error === "" && place.length <= setting.max ? place : null;
}

/** Codes, without the spaces between them. */
function codes(setting: Setting, given: string): string | null {
  const parts = given.split(",");
  if (parts.length > CODES_MOST) return null;
  let out = "";
  for (let i = 0; i < parts.length; i++) {
    const code = parts[i].trim();
    if (code.length < setting.min || code.length > setting.max || wholeNumber(code) < 0) return null;
    out += (i > 0 ? "," : "") + code;
  }
  return out;
}

function isName(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    const isPlain = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || (c >= "0" && c <= "9");
    if (!isPlain && c !== "-" && c !== "_" && c !== "." && c !== "+") return false;
  }
  return true;
}

function targetsProblem(value: string): string {
  const entries = value.split(",");
  if (entries.length > TARGETS_MOST) return "it has " + entries.length + " entries, more than " + TARGETS_MOST;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i].trim();
    const problem = isNumberPattern(entry) ? "" : readTarget(entry, ANY_DOMAIN).error;
    if (problem !== "") return problem;
  }
  return "";
}

function pick(choices: readonly string[], value: string): string | null {
  for (let i = 0; i < choices.length; i++) if (choices[i].toLowerCase() === value.toLowerCase()) return choices[i];
  return null;
}

function wholeNumber(value: string): number {
  if (value === "" || value.length > 9) return -1;
  for (let i = 0; i < value.length; i++) if (value.charAt(i) < "0" || value.charAt(i) > "9") return -1;
  return Number(value);
}

function isDecimal(value: string): boolean {
  let dots = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (c === ".") dots += 1;
    else if (c < "0" || c > "9") return false;
  }
  return dots <= 1;
}
