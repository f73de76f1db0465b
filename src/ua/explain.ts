/**
 * Says why a challenge was not answered, in words for a person: what the server offers that is not known here, or what
 * of the settings is not what it wants. Allocates: only for a request that has failed. Not here: answering
 * (credentials.ts, wire/digest.ts).
 */
import { equal, utf8 } from "../core/bytes.js";
import { printable, SHOWN_MOST } from "../core/printable.js";
import { AUTH_DIGEST, AUTH_END, AUTH_LONG, AUTH_OTHER, AuthValue, REALM_MAX_BYTES, unquote } from "../wire/auth.js";
import { ALGORITHM_OTHER, hasKnownQop, quotedName, strengthOf } from "../wire/digest.js";
import type { Message } from "../wire/message.js";
import { HEADER_PROXY_AUTHENTICATE, HEADER_WWW_AUTHENTICATE } from "../wire/names.js";
import { type AccountSettings, keyOf } from "./account.js";

/** @param m a 401 or 407 of the server that ended a request */
export function explainChallenge(m: Message, settings: AccountSettings): string {
  const name = settings.authUser !== "" ? settings.authUser : settings.user;
  if (settings.password === "") return keyOf(settings, "password") + " is not set";
  if (name === "" || quotedName(utf8(name)) === null) return keyOf(settings, "user") + " is empty or too long";
  const view = new AuthValue();
  const header = m.status === 407 ? HEADER_PROXY_AUTHENTICATE : HEADER_WWW_AUTHENTICATE;
  let offered = "";
  let realms = "";
  for (let row = m.first(header); row >= 0; row = m.next(row)) {
    view.beginValues(m.bytes, m.valueStart(row), m.valueEnd(row));
    for (let found = view.next(); found !== AUTH_END; found = view.next()) {
      if (found === AUTH_DIGEST && strengthOf(view) !== ALGORITHM_OTHER) {
        if (isRealm(view, settings.realm)) return "user name or password is wrong";
        realms = joined(realms, "'" + view.realm.toString() + "'");
      } else offered = joined(offered, offerOf(found, view));
    }
  }
  if (realms !== "")
    return "its realm is " + shown(realms) + ", " + keyOf(settings, "realm") + " is '" + settings.realm + "'";
  return offered === "" ? "the server does not say how" : "the server offers only " + shown(offered);
}

function isRealm(view: AuthValue, wanted: string): boolean {
  if (wanted === "") return true;
  const theirs = new Uint8Array(REALM_MAX_BYTES);
  const ours = utf8(wanted);
  return equal(theirs, 0, unquote(view.realm, theirs), ours, 0, ours.length);
}

/** @returns what a value of a challenge offers that cannot be answered @param found what AuthValue said of it */
function offerOf(found: number, view: AuthValue): string {
  if (found === AUTH_OTHER) return view.scheme.toString();
  if (found === AUTH_LONG) return "a challenge with a " + view.tooLong();
  if (found !== AUTH_DIGEST) return "a challenge that cannot be read";
  if (!hasKnownQop(view)) return "qop " + view.qop.toString();
  return view.algorithm.size() > 0 ? view.algorithm.toString() : "a challenge without realm or nonce";
}

function joined(list: string, next: string): string {
  return list === "" ? next : list + ", " + next;
}

function shown(value: string): string {
  return printable(value, SHOWN_MOST);
}
