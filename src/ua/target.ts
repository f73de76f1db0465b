/**
 * What a person calls, as a SIP URI: a URI as it is, an address, a name, or a telephone number at the configured domain.
 * For settings and keystrokes, so it works on strings.
 */

import { printable } from "../core/printable.js";

/** `error` says in one line what was wrong, and is empty when `uri` can be called. */
export interface Target {
  uri: string;
  error: string;
}

/**
 * @param value `sip:bob@example.org`, `tel:+4930123`, `192.0.2.7:5062`, `bob@example.org`, `door.example.org`, `**610`, `bob`
 * @param domain of the account, "" when there is none
 */
export function readTarget(value: string, domain: string): Target {
  const given = value.trim();
  if (given === "") return refused("nothing to call: give a SIP URI, an address or a number");
  for (let i = 0; i < given.length; i++) {
    const code = given.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f || code === 0x3c || code === 0x3e || code === 0x22) {
      if (!isNumber(given))
        return refused(
          "'" + printable(given) + "' has a space, quote or bracket in it: give a SIP URI, an address or a number",
        );
      break;
    }
  }
  const colon = given.indexOf(":");
  const scheme = colon > 0 ? given.slice(0, colon).toLowerCase() : "";
  if (scheme === "sip") {
    return given.length > 4
      ? { uri: "sip:" + given.slice(4), error: "" }
      : refused("'sip:' names nobody: give sip:user@host or sip:host");
  }
  if (scheme === "sips") return refused("'" + given + "' asks for TLS, which is not supported: use sip:");
  if (scheme === "tel") {
    const parameters = given.indexOf(";");
    return readNumber(parameters < 0 ? given.slice(4) : given.slice(4, parameters), domain);
  }
  if (isNumber(given)) return readNumber(given, domain);
  if (given.indexOf("@") >= 0 || given.indexOf(".") >= 0 || given.charAt(0) === "[")
    return { uri: "sip:" + given, error: "" };
  if (colon >= 0) return refused("'" + given + "' is no scheme that can be called: use sip: or tel:");
  if (domain === "") return refused("'" + given + "' needs sip.domain to be set, or give sip:" + given + "@HOST");
  return { uri: "sip:" + given + "@" + domain, error: "" };
}

function refused(error: string): Target {
  return { uri: "", error };
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
    else if (" -().".indexOf(c) < 0)
      return refused("'" + printable(value) + "' is no telephone number: digits, + in front, * and #");
  }
  if (number === "" || number === "+") return refused("'" + printable(value) + "' has no digits to call");
  if (domain === "")
    return refused("the number " + number + " needs sip.domain to be set, or give sip:" + number + "@HOST");
  return { uri: "sip:" + number + "@" + domain + ";user=phone", error: "" };
}
