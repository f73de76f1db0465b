/**
 * Checks that the settings fit together: each may be right by itself, and all of them together something that cannot be
 * sent or reached. It runs before settings are taken over. Not here: what one setting may be (check.ts).
 */

import { PORT_MOST } from "../core/address.js";
import { DIALOG_BYTES, TRANSACTION_BYTES } from "../core/limits.js";
import { printable, SHOWN_MOST } from "../core/printable.js";
import { Dialog } from "../dialog/dialog.js";
import { Account, type AccountSettings } from "../ua/account.js";
import { OVER_UDP, readAccount, readTarget } from "../ua/target.js";
import { readDomain } from "../ua/uritext.js";
import { TARGET_BYTES } from "../wire/referto.js";
import { checkNetwork } from "./network.js";
import { HOUSE_GROUP, readPlan } from "./ringplan.js";
import { checkSchedules } from "./schedules.js";
import { PLANS } from "./schema.js";
import type { Settings } from "./settings.js";
import { agentSettings } from "./useragent.js";

const ANY_IP = 0xffffffff;
const USUAL_PORT = 5060;
/**
 * Octets of a REGISTER besides the texts that are counted below: fixed fields, our Via and tag, the Contact's address,
 * credentials with a nonce of 64.
 */
const REGISTER_BYTES = 730;

/** @returns "" or one line: what does not fit together, and what would */
export function checkTogether(settings: Settings): string {
  const ofNetwork = checkNetwork(settings);
  if (ofNetwork !== "") return ofNetwork;
  const ofSchedules = checkSchedules(settings);
  if (ofSchedules !== "") return ofSchedules;
  const ofAccount = checkAccount(settings);
  return ofAccount !== "" ? ofAccount : checkTargets(settings);
}

/** A REGISTER has to fit into a board's transaction buffer, and a call to the longest target into its dialog buffer. */
function checkAccount(settings: Settings): string {
  const all = agentSettings(settings);
  if (!fits(all))
    return "sip.user, sip.name, sip.domain and sip.proxy are too long together: one of them has to be shorter";
  const { second } = all;
  if (second === undefined) return "";
  if (!fits(second))
    return "account2.user, account2.name, account2.domain and account2.proxy are too long together: one of them has to be shorter";
  // Both would bind one Contact to one address, so the end of the one is the end of the other.
  return second.user === all.user && hostAndPort(second.domain) === hostAndPort(all.domain)
    ? "account2.user: '" +
        printable(second.user, SHOWN_MOST) +
        "' at that server is the first account: set another user"
    : "";
}

/** @returns a domain for comparison: in small letters, without the usual port */
function hostAndPort(domain: string): string {
  const { host, port } = readDomain(domain);
  return host.toLowerCase() + ":" + (port > 0 ? port : USUAL_PORT);
}

function fits(settings: AccountSettings): boolean {
  const account = new Account(settings);
  account.configure(settings, ANY_IP, PORT_MOST);
  const { from, to, registrar, proxyRoute, user } = account;
  let routeBytes = proxyRoute.length;
  // Any of several proxies may be in its place; "<" and ">" stand around it.
  for (let i = 0; i < account.hops.length && routeBytes > 0; i++)
    routeBytes = Math.max(routeBytes, account.hops[i].length + 2);
  const size = REGISTER_BYTES + from.length + to.length + 2 * registrar.length + routeBytes + 2 * user.length;
  // By a proxy no phone is reached straight.
  const targetBytes = TARGET_BYTES + (routeBytes > 0 ? 0 : OVER_UDP.length);
  const toBytes = Math.max(to.length, targetBytes + 2);
  return size <= TRANSACTION_BYTES && Dialog.fits(DIALOG_BYTES, from.length, toBytes, routeBytes, targetBytes);
}

/** A name or a number alone is called at the domain of its account, which makes an address of it. */
function checkTargets(settings: Settings): string {
  const problem = checkTarget(settings, "call.target", settings.get("call.target"));
  if (problem !== "") return problem;
  for (let i = 0; i < PLANS.length; i++) {
    const plan = settings.get(PLANS[i]);
    if (plan === "") continue;
    const { targets } = readPlan(plan);
    for (let j = 0; j < targets.length; j++) {
      const problem = targets[j] === HOUSE_GROUP ? "" : checkTarget(settings, PLANS[i], targets[j]);
      if (problem !== "") return problem;
    }
  }
  return checkTarget(settings, "call.fallback", settings.get("call.fallback"));
}

function checkTarget(settings: Settings, key: string, written: string): string {
  if (written === "") return "";
  const { target, account } = readAccount(written);
  const second = settings.get("account2.domain");
  if (account === 2 && second === "")
    return key + ": '" + printable(written, SHOWN_MOST) + "' needs account2.domain to be set";
  const isSecond = second !== "" && (account === 0 ? settings.get("call.account") === "2" : account === 2);
  const domain = isSecond ? second : settings.get("sip.domain");
  // Without a domain the settings may be kept before it is set, and the call says what it needs.
  const problem = domain === "" ? "" : readTarget(target, domain).error;
  return problem === "" ? "" : key + ": with " + (isSecond ? "account2.domain " : "sip.domain ") + problem;
}
