/**
 * What a person calls, as a SIP URI: a URI, an address, a name, or a telephone number at the configured domain. What is
 * read without a mistake can be called: the settings' check and the call itself read it here. For settings and
 * keystrokes, so it works on strings.
 */

import { NONE, text, utf8 } from "../core/bytes.js";
import { printable, SHOWN_MOST } from "../core/printable.js";
import { TARGET_BYTES } from "../wire/referto.js";
import { SCHEME_SIP, SCHEME_SIPS, Uri } from "../wire/uri.js";
import { escapeUserinfo, placeOf, readHost } from "./uritext.js";

/** `error` says in one line what was wrong, and is empty when `uri` can be called. */
export interface Target {
  uri: string;
  error: string;
}

const uri = new Uri();

/** It is added to the URI of a phone that named no transport, and meant UDP. */
export const OVER_UDP = ";transport=udp";

/** A target as a person writes it, and the number of the account that it names; 0: it names none. */
export interface NamedTarget {
  target: string;
  account: number;
}

/**
 * Reads the account that a target names at its end: `200@2` is the number 200 at the second account.
 * A URI with a scheme is an address already, and names an account only behind its host: `sip:200@192.0.2.7@2`.
 */
export function readAccount(value: string): NamedTarget {
  const given = value.trim();
  const at = given.length - 2;
  const account = given.slice(at);
  const isNamed = at > 0 && (account === "@1" || account === "@2");
  if (!isNamed || (hasScheme(given) && given.indexOf("@") === at)) return { target: given, account: 0 };
  return { target: given.slice(0, at), account: account === "@1" ? 1 : 2 };
}

function hasScheme(value: string): boolean {
  const scheme = value.slice(0, 5).toLowerCase();
  return scheme === "sips:" || scheme.slice(0, 4) === "sip:" || scheme.slice(0, 4) === "tel:";
}

/**
 * @param value `sip:bob@example.org`, `tel:+4930123`, `192.0.2.7:5062`, `bob@example.org`, `door.example.org`, `**610`,
 * `bob`
 * @param domain of the account, "" when there is none
 */
export function readTarget(value: string, domain: string): Target {
  const given = value.trim();
  if (given === "") return refused("nothing to call: give a SIP URI, an address or a number");
  // Octets are read, since a board walks the string for each of its characters.
  const bytes = utf8(given);
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes[i];
    if (code <= 0x20 || code === 0x7f || code === 0x3c || code === 0x3e || code === 0x22) {
      if (!isNumber(given))
        return refused(shown(given) + " has a space, quote or bracket in it: give a SIP URI, an address or a number");
      break;
    }
  }
  const colon = given.indexOf(":");
  const scheme = colon > 0 ? given.slice(0, colon).toLowerCase() : "";
  if (scheme === "sip" || scheme === "sips") {
    const prefix = scheme + ":";
    const rest = given.slice(prefix.length);
    return rest !== ""
      ? readUri(rest, prefix)
      : refused("'" + prefix + "' names nobody: give sip:user@host or sip:host");
  }
  if (scheme === "tel") {
    const parameters = given.indexOf(";");
    return readNumber(parameters < 0 ? given.slice(4) : given.slice(4, parameters), domain);
  }
  if (isNumber(given)) return readNumber(given, domain);
  if (given.indexOf("@") >= 0 || given.indexOf(".") >= 0 || given.charAt(0) === "[") return readUri(given);
  if (colon >= 0) return refused(shown(given) + " is no scheme that can be called: use sip:, sips: or tel:");
  if (domain === "")
    return refused(shown(given) + " needs sip.domain to be set, or give sip:" + printable(given, SHOWN_MOST) + "@HOST");
  const semicolon = indexOfFirst(given, ";?");
  return readUri(given.slice(0, semicolon) + "@" + domain + given.slice(semicolon));
}

/** @returns where the first of those characters stands, the length when none does */
function indexOfFirst(value: string, characters: string): number {
  let i = 0;
  while (i < value.length && characters.indexOf(value.charAt(i)) < 0) i += 1;
  return i;
}

/** A contact as it came with a registration: what is behind a `?` is left out, all else stays. */
export function readContact(value: string): Target {
  const bytes = utf8(value);
  if (!uri.parse(bytes, 0, bytes.length) || uri.scheme !== SCHEME_SIP)
    return refused(shown(value) + " is no SIP address");
  return { uri: text(bytes, 0, uri.paramsEnd), error: "" };
}

/** @param value without its scheme */
function readUri(value: string, scheme = "sip:"): Target {
  const at = value.indexOf("@");
  if (at === 0) return refused(shown(value) + " names nobody before the @");
  const host = readHost(value.slice(at + 1));
  if (host.error !== "") return refused(host.error);
  return built((at > 0 ? escapeUserinfo(value.slice(0, at)) + "@" : "") + placeOf(host) + host.params, scheme);
}

/** The last look at what was put together: it is read as those who get it will. */
function built(value: string, scheme = "sip:"): Target {
  const bytes = utf8(scheme + value);
  const most = value.slice(-OVER_UDP.length) === OVER_UDP ? TARGET_BYTES + OVER_UDP.length : TARGET_BYTES;
  if (bytes.length > most)
    return refused(
      "'" + scheme + printable(value, SHOWN_MOST) + "' is too long: " + TARGET_BYTES + " octets as a URI at most",
    );
  const isRead = uri.parse(bytes, 0, bytes.length) && uri.hostEnd > uri.hostStart;
  const isSip = isRead && (uri.scheme === SCHEME_SIP || uri.scheme === SCHEME_SIPS);
  // The octets are not held any longer.
  uri.parse(NONE, 0, 0);
  return isSip
    ? { uri: scheme + value, error: "" }
    : refused("'" + scheme + printable(value, SHOWN_MOST) + "' is no SIP URI");
}

/** Whether it is a number in which `x` stands for any digit: `2xx`. */
export function isNumberPattern(value: string): boolean {
  let isAny = false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (c === "x" || c === "X") isAny = true;
    else if (!(c >= "0" && c <= "9") && c !== "*" && c !== "+") return false;
  }
  return isAny;
}

/** @param pattern as `isNumberPattern` has it @returns whether `number` is one of those it stands for */
export function fitsPattern(pattern: string, number: string): boolean {
  if (pattern.length !== number.length) return false;
  for (let i = 0; i < pattern.length; i++) {
    const wanted = pattern.charAt(i);
    const c = number.charAt(i);
    if (wanted === "x" || wanted === "X" ? !(c >= "0" && c <= "9") : wanted !== c) return false;
  }
  return true;
}

function refused(error: string): Target {
  return { uri: "", error };
}

function shown(value: string): string {
  return "'" + printable(value, SHOWN_MOST) + "'";
}

/** Digits with what people write between them; at least one digit, `*` or `#`, and no dotted quad. */
function isNumber(value: string): boolean {
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if ((c >= "0" && c <= "9") || c === "*" || c === "#") digits += 1;
    else if (c === ".") dots += 1;
    else if (c === "+" ? i > 0 : " -()/".indexOf(c) < 0) return false;
  }
  return digits > 0 && dots !== 3;
}

/** RFC 3261 §19.1.6: a number becomes the user of a SIP URI at our domain. */
function readNumber(value: string, domain: string): Target {
  let number = "";
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if ((c >= "0" && c <= "9") || c === "*" || (c === "+" && number === "")) number += c;
    // A bare # may not stand in the user part. RFC 3261 §25.1
    else if (c === "#") number += "%23";
    else if (" -()./".indexOf(c) < 0)
      return refused(shown(value) + " is no telephone number: digits, + in front, * and #");
  }
  if (number === "" || number === "+") return refused(shown(value) + " has no digits to call");
  if (domain === "")
    return refused("the number " + number + " needs sip.domain to be set, or give sip:" + number + "@HOST");
  return built(number + "@" + domain + ";user=phone");
}
