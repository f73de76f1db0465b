/**
 * A ring plan as a person writes it: targets that ring together have commas between them, groups that ring one after
 * another `>`, and a group may end with its time: `200,201 20s > sip:guard@192.0.2.7 15s`. A target may name the
 * account that it is called by: `200@2`.
 * Not here: which plan a button has (buttons.ts), and the ringing itself (ring.ts).
 */
import { printable } from "../core/printable.js";
import { readAccount, readTarget } from "../ua/target.js";

export const PLAN_TARGETS_MOST = 8;
/** The target that stands for all phones that are registered with the door (houseserver.ts). */
export const HOUSE_GROUP = "group:house";
/** Groups without a time of their own share so many seconds; each has at least GROUP_LEAST_S. */
const PLAN_S = 30;
const GROUP_LEAST_S = 10;
// A group's time may be from the least to the most.
export const GROUP_TIME_LEAST_S = 5;
export const GROUP_TIME_MOST_S = 600;

export interface Plan {
  /** The targets as they were written, in order. */
  targets: string[];
  /** The group of each target, from 0. */
  groups: number[];
  /** How long each group rings, in ms. */
  timesMs: number[];
  /** Whether a target is called past the proxy, straight at the address in it. */
  direct: boolean[];
  /** "", or one line that says what is wrong; then nothing else in here counts. */
  error: string;
}

/**
 * Reads a plan. It does not check whether a number or a name has a domain to be called at: the one who calls it does.
 */
export function readPlan(value: string): Plan {
  const plan: Plan = { targets: [], groups: [], timesMs: [], direct: [], error: "" };
  const groups = value.split(">");
  let givenS = 0;
  let open = 0;
  for (let i = 0; i < groups.length; i++) {
    let list = groups[i].trim();
    const space = list.lastIndexOf(" ");
    const timeS = secondsOf(list.slice(space + 1));
    if (timeS >= 0) {
      if (timeS < GROUP_TIME_LEAST_S || timeS > GROUP_TIME_MOST_S)
        return refused(
          plan,
          "'" + list.slice(space + 1) + "' is no time: " + GROUP_TIME_LEAST_S + "s to " + GROUP_TIME_MOST_S + "s",
        );
      list = list.slice(0, space < 0 ? 0 : space);
      givenS += timeS;
    } else open += 1;
    plan.timesMs.push(timeS * 1000);
    const names = list.split(",");
    for (let j = 0; j < names.length; j++) {
      const name = names[j].trim();
      if (name === "") return refused(plan, "a target is missing at a comma or >");
      const problem = name === HOUSE_GROUP ? "" : readTarget(readAccount(name).target, "domain").error;
      if (problem !== "") return refused(plan, problem);
      plan.targets.push(name);
      plan.direct.push(false);
      plan.groups.push(i);
    }
  }
  if (plan.targets.length > PLAN_TARGETS_MOST)
    return refused(plan, "it has " + plan.targets.length + " targets, more than " + PLAN_TARGETS_MOST);
  const shareMs = open === 0 ? 0 : Math.max(GROUP_LEAST_S, Math.floor((PLAN_S - givenS) / open)) * 1000;
  for (let i = 0; i < plan.timesMs.length; i++) if (plan.timesMs[i] < 0) plan.timesMs[i] = shareMs;
  return plan;
}

/** Makes a plan of one target that rings for that time. */
export function planOf(target: string, timeMs: number, isDirect = false): Plan {
  return { targets: [target], groups: [0], timesMs: [timeMs], direct: [isDirect], error: "" };
}

/** @returns 20 for `20s`, -1 when the word is no time */
function secondsOf(word: string): number {
  const end = word.length - 1;
  if (end < 1 || end > 4 || word.charAt(end) !== "s") return -1;
  for (let i = 0; i < end; i++) if (word.charAt(i) < "0" || word.charAt(i) > "9") return -1;
  return Number(word.slice(0, end));
}

function refused(plan: Plan, why: string): Plan {
  plan.error = printable(why);
  return plan;
}
