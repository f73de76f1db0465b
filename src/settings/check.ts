/**
 * What a setting may be: the check of a value, and the words that say what is allowed and what is wrong. Not here:
 * which settings there are (schema.ts).
 */
import { ipv4, ipv4Text, isGroup, isHostAddress, maskBits, PORT_MOST } from "../core/address.js";
import { utf8, utf8Length } from "../core/bytes.js";
import { hasSteering } from "../core/printable.js";
import { USER_MOST_BYTES } from "../ua/account.js";
import { isNumberPattern, readAccount, readTarget } from "../ua/target.js";
import {
  escapeUser,
  type HostText,
  PROXIES_MOST,
  placeOf,
  proxiesProblem,
  readDomain,
  readProxies,
} from "../ua/uritext.js";
import { isSchedule, isZone, minuteOfDay } from "./daytime.js";
import { GROUP_TIME_LEAST_S, GROUP_TIME_MOST_S, PLAN_TARGETS_MOST, readPlan } from "./ringplan.js";
import {
  PIN_DIGITS,
  PINS_MOST,
  type Setting,
  TYPE_ADDRESS,
  TYPE_CHOICE,
  TYPE_DECIMAL,
  TYPE_DEVICE_ADDRESS,
  TYPE_DIGITS,
  TYPE_DOMAIN,
  TYPE_GROUP,
  TYPE_HOST,
  TYPE_HOURS,
  TYPE_LABEL,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_NAME,
  TYPE_NUMBER,
  TYPE_OCTETS,
  TYPE_PIN,
  TYPE_PLAN,
  TYPE_PROXY,
  TYPE_QUOTED,
  TYPE_SWITCH,
  TYPE_TARGET,
  TYPE_TARGETS,
  TYPE_TEXT,
  TYPE_TIME,
  TYPE_TOPIC,
  TYPE_URL,
  TYPE_USER,
  TYPE_ZONE,
} from "./schema.js";
import { readUrl } from "./url.js";

/** Stands for `sip.domain` while a target is checked, since that may not be set yet. */
const ANY_DOMAIN = "domain";
/** Most entries of `call.referTo`. */
const TARGETS_MOST = 16;
/** Most codes of one relay. */
const CODES_MOST = 8;

/** Says in words what a setting may be. */
export function allowed(setting: Setting): string {
  const unit = setting.unit === "" ? "" : " " + setting.unit;
  switch (setting.type) {
    case TYPE_NUMBER:
      return (
        (setting.leastBeside0 === undefined ? "" : "0, or ") +
        (setting.step === 2 ? "an even number" : "a whole number") +
        " from " +
        (setting.leastBeside0 ?? setting.min) +
        " to " +
        setting.max +
        unit
      );
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
      return (
        "empty, or a host name or an IPv4 address, with :PORT and ;transport=tcp or tls if need be; up to " +
        PROXIES_MOST +
        " of them with commas between"
      );
    case TYPE_TARGET:
      return (
        "empty, or a SIP URI, an address or a number, by UDP, TCP or TLS (sips:); of at most " +
        setting.max +
        " characters"
      );
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
      return "empty, or spans HH:MM-HH:MM, behind days if need be, with commas between: mon-fri 07:00-12:00 13:00-22:00, sat 09:00-13:00; dates in place of days, closed in place of spans: 2026-12-24..2026-12-26 closed; or @NAME for the schedule of that name";
    case TYPE_LABEL:
      return "empty, or 1 to " + setting.max + " letters, digits and - between them, without .local";
    case TYPE_GROUP:
      return "empty, or a multicast address with a port, as in 239.255.0.1:5004; not 224.0.0.x";
    case TYPE_TOPIC:
      return "1 to " + setting.max + " letters, digits, - and _, with / between parts";
    case TYPE_URL:
      return (
        "empty, or at most " +
        setting.max +
        " characters as in " +
        setting.choices[0] +
        "://192.168.1.10:8123/path" +
        "; " +
        setting.choices.join(" or ")
      );
    case TYPE_TIME:
      return "off, or a time of the day as in 03:30";
    case TYPE_PIN:
      return (
        "empty, or a SHA-256 as " +
        PIN_DIGITS +
        " hexadecimal digits, up to " +
        PINS_MOST +
        " of them with commas between"
      );
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
      return (
        (setting.min > 0 ? "empty, or a text of " + setting.min + " to " : "a text of at most ") +
        setting.max +
        " characters without control characters"
      );
  }
}

/** @returns the value as it is kept (case and white space mended), or null when it is not allowed */
export function check(setting: Setting, value: string): string | null {
  const given = value.trim();
  // A value is kept as one line and shown on terminals, so it may have no control characters.
  if (hasSteering(given)) return null;
  switch (setting.type) {
    case TYPE_NUMBER: {
      const isNegative = setting.min < 0 && given.charAt(0) === "-";
      const size = wholeNumber(isNegative ? given.slice(1) : given);
      const number = isNegative ? -size : size;
      if (size < 0 || number < setting.min || number > setting.max || number % (setting.step ?? 1) !== 0) return null;
      return number === 0 || number >= (setting.leastBeside0 ?? setting.min) ? "" + number : null;
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
      return given.length <= setting.max && proxiesProblem(readProxies(given)) === "" ? given : null;
    case TYPE_TARGET:
      return given === "" ||
        (given.length <= setting.max && readTarget(readAccount(given).target, ANY_DOMAIN).error === "")
        ? given
        : null;
    case TYPE_TARGETS:
      return given === "" || (given.length <= setting.max && targetsProblem(given) === "") ? given : null;
    case TYPE_PLAN:
      return given === "" || (given.length <= setting.max && readPlan(given).error === "") ? given : null;
    case TYPE_ZONE:
      return given.length <= setting.max && isZone(given) ? given : null;
    case TYPE_HOURS:
      return given === "" || (given.length <= setting.max && isSchedule(given)) ? given : null;
    case TYPE_TOPIC:
      return given.length <= setting.max && isTopic(given) ? given : null;
    case TYPE_URL:
      return given === "" || (given.length <= setting.max && readUrl(given, setting.choices).error === "")
        ? given
        : null;
    case TYPE_LABEL:
      return given === "" || (given.length <= setting.max && isLabel(given)) ? given : null;
    case TYPE_GROUP:
      return given === "" ? given : group(given);
    case TYPE_TIME:
      return given === "off" || minuteOfDay(given) >= 0 ? given : null;
    case TYPE_PIN:
      return given === "" ? given : pins(given);
    case TYPE_USER:
      if (utf8(escapeUser(given)).length > USER_MOST_BYTES) return null;
      return given.length <= setting.max ? given : null;
    case TYPE_OCTETS:
    case TYPE_QUOTED:
      return octetsOf(setting, given) <= setting.max ? given : null;
    case TYPE_NAME:
      return given.length <= setting.max && isName(given) ? given : null;
    default:
      return given === "" || (given.length >= setting.min && given.length <= setting.max) ? given : null;
  }
}

/**
 * Not for secrets: it quotes the value.
 * @returns what is wrong with a value that `check` does not allow, "" where `allowed` says all there is to say
 */
export function problemOf(setting: Setting, value: string): string {
  const given = value.trim();
  if (hasSteering(given)) return "no control characters, nor marks that turn the direction of writing";
  switch (setting.type) {
    case TYPE_HOST:
      return readName(given).error || tooLong(setting, given);
    case TYPE_DOMAIN:
      return readDomain(given).error || tooLong(setting, given);
    case TYPE_PROXY:
      return proxiesProblem(readProxies(given)) || tooLong(setting, given);
    case TYPE_TARGET:
      return tooLong(setting, given) || readTarget(readAccount(given).target, ANY_DOMAIN).error;
    case TYPE_TARGETS:
      return tooLong(setting, given) || targetsProblem(given);
    case TYPE_URL:
      return tooLong(setting, given) || readUrl(given, setting.choices).error;
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

/** Letters, digits and hyphens, with no hyphen at either end. RFC 1123 §2.1 */
function isLabel(given: string): boolean {
  const last = given.length - 1;
  if (given.charAt(0) === "-" || given.charAt(last) === "-") return false;
  for (let i = 0; i <= last; i++) {
    const code = given.charCodeAt(i);
    const small = code | 0x20;
    const isPlain = (small >= 0x61 && small <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d;
    if (!isPlain) return false;
  }
  return true;
}

/** @returns the group as it is kept, null for anything else */
function group(given: string): string | null {
  const { host, port, error } = readDomain(given);
  const ip = ipv4(host);
  return error === "" && isGroup(ip) && port > 0 && port < PORT_MOST ? ipv4Text(ip) + ":" + port : null;
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

/** Reads a host that has no port: it is a name only. */
function readName(value: string): HostText {
  const read = readDomain(value);
  if (read.error === "" && read.port > 0)
    read.error = "'" + read.host + ":" + read.port + "' has a port: give the host";
  return read;
}

/** @returns the host as it is kept, null when it is not allowed */
function kept(setting: Setting, read: HostText): string | null {
  const place = placeOf(read);
  return read.error === "" && place.length <= setting.max ? place : null;
}

/** @returns the codes without the spaces between them, null when one is not allowed */
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

/** @returns the pins in lower case, without the colons that some programs write; null when one is none */
function pins(given: string): string | null {
  const parts = given.toLowerCase().split(",");
  if (parts.length > PINS_MOST) return null;
  let out = "";
  for (let i = 0; i < parts.length; i++) {
    const pin = parts[i].trim().split(":").join("");
    if (pin.length !== PIN_DIGITS) return null;
    for (let j = 0; j < pin.length; j++) if ("0123456789abcdef".indexOf(pin.charAt(j)) < 0) return null;
    out += (i > 0 ? "," : "") + pin;
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

/** Returns whether it is names with "/" between, none of them empty. */
function isTopic(value: string): boolean {
  const parts = value.split("/");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === "" || part.indexOf(".") >= 0 || part.indexOf("+") >= 0 || !isName(part)) return false;
  }
  return true;
}

function targetsProblem(value: string): string {
  const entries = value.split(",");
  if (entries.length > TARGETS_MOST) return "it has " + entries.length + " entries, more than " + TARGETS_MOST;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i].trim();
    const problem = isNumberPattern(entry) ? "" : readTarget(readAccount(entry).target, ANY_DOMAIN).error;
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
