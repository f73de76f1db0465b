/**
 * How many timers the door makes, with all that it has only if it is set up.
 */
import type { Limits } from "../core/limits.js";
import { proxyTimers } from "../server/proxy.js";
import { userAgentTimers } from "../ua/counts.js";
import { ACCESS_TIMERS } from "./access.js";
import { ALARM_TIMERS } from "./alarm.js";
import { SOUND_REPORT_TIMERS } from "./door.js";
import { DOORWAY_TIMERS } from "./doorway.js";
import { HOURS_TIMERS } from "./openhours.js";
import { RING_TIMERS } from "./ring.js";
import { TALK_TIMERS } from "./talktime.js";

/** @param isServer whether the house's server runs @returns the number of timers of the door and of all below it */
export function doorTimers(limits: Limits, isServer: boolean): number {
  return (
    userAgentTimers(limits) +
    (isServer ? proxyTimers(limits) : 0) +
    ACCESS_TIMERS +
    ALARM_TIMERS +
    DOORWAY_TIMERS +
    HOURS_TIMERS +
    RING_TIMERS +
    SOUND_REPORT_TIMERS +
    TALK_TIMERS
  );
}
