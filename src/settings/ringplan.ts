/**
 * A ring plan as a person writes it: targets that ring together have commas between them, groups that ring one after another `>`,
 * and a group may end with its time: `200,201 20s > sip:guard@192.0.2.7 15s`.
 * Not here: which plan a button has (buttons.ts), and the ringing itself (ring.ts).
 */
import { printable } from "../core/printable.js";
import { readTarget } from "../ua/target.js";

export const PLAN_TARGETS_MOST = 8;
/** A target: all phones that are registered with the door (houseserver.ts). */
export const HOUSE_GROUP = "group:house";
/** What all groups without a time of their own share, at least GROUP_LEAST_S each. */
const PLAN_S = 30;
const GROUP_LEAST_S = 10;
/** What a group's time may be. */
export const GROUP_TIME_LEAST_S = 5;
export const GROUP_TIME_MOST_S = 600;

export interface Plan {
  /** As they were written, in order. */
  targets: string[];
  /** The group of each target, from 0. */
  groups: number[];
  /** How long each group rings, in ms. */
  timesMs: number[];
  /** Whether it is called past the proxy, straight to the address in it. */
  direct: boolean[];
  /** "", or one line that says what is wrong; then the rest counts for nothing. */
  error: string;
}

/** Whether a number or a name needs a domain is left to who calls it. */
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
      const problem = name === HOUSE_GROUP ? "" : readTarget(name, "domain").error;
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

/** One target that rings for that time. */
export function planOf(target: string, timeMs: number, isDirect = false): Plan {
  return { targets: [target], groups: [0], timesMs: [timeMs], direct: [isDirect], error: "" };
}

/** @returns of `20s`, -1 when it is no time */
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
