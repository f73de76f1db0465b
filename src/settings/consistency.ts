/**
 * Checks that the settings fit together: each may be right by itself, and all of them together something that cannot be
 * sent or reached. It runs before settings are taken over. Not here: what one setting may be (check.ts).
 */

import { PORT_MOST } from "../core/address.js";
import { DIALOG_BYTES, TRANSACTION_BYTES } from "../core/limits.js";
import { Dialog } from "../dialog/dialog.js";
import { Account } from "../ua/account.js";
import { readTarget } from "../ua/target.js";
import { TARGET_BYTES } from "../wire/referto.js";
import { checkNetwork } from "./network.js";
import { HOUSE_GROUP, readPlan } from "./ringplan.js";
import { checkSchedules } from "./schedules.js";
import { PLANS } from "./schema.js";
import type { Settings } from "./settings.js";
import { agentSettings } from "./useragent.js";

const ANY_IP = 0xffffffff;
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
  const account = new Account(agentSettings(settings));
  account.configure(account.settings, ANY_IP, PORT_MOST);
  const { from, to, registrar, proxyRoute, user } = account;
  let routeBytes = proxyRoute.length;
  // Any of several proxies may be in its place; "<" and ">" stand around it.
  for (let i = 0; i < account.hops.length && routeBytes > 0; i++)
    routeBytes = Math.max(routeBytes, account.hops[i].length + 2);
  const size = REGISTER_BYTES + from.length + to.length + 2 * registrar.length + routeBytes + 2 * user.length;
  const toBytes = Math.max(to.length, TARGET_BYTES + 2);
  const hasRoom = Dialog.fits(DIALOG_BYTES, from.length, toBytes, routeBytes, TARGET_BYTES);
  if (size <= TRANSACTION_BYTES && hasRoom) return "";
  return "sip.user, sip.name, sip.domain and sip.proxy are too long together: one of them has to be shorter";
}

/** A name or a number alone is called at sip.domain, which makes an address of it. */
function checkTargets(settings: Settings): string {
  const domain = settings.get("sip.domain");
  if (domain === "") return "";
  const wrong = checkTarget("call.target", settings.get("call.target"), domain);
  if (wrong !== "") return wrong;
  for (let i = 0; i < PLANS.length; i++) {
    const plan = settings.get(PLANS[i]);
    if (plan === "") continue;
    const { targets } = readPlan(plan);
    for (let j = 0; j < targets.length; j++) {
      const problem = targets[j] === HOUSE_GROUP ? "" : checkTarget(PLANS[i], targets[j], domain);
      if (problem !== "") return problem;
    }
  }
  return checkTarget("call.fallback", settings.get("call.fallback"), domain);
}

function checkTarget(key: string, target: string, domain: string): string {
  const problem = target === "" ? "" : readTarget(target, domain).error;
  return problem === "" ? "" : key + ": with sip.domain " + problem;
}
