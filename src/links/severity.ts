/**
 * Decides which events leave the door, and how urgent each is, by the severities of syslog (RFC 5424 §6.2.1). Digits
 * never leave the door, since they may be codes. Not here: the form of an event (syslog.ts, json.ts).
 */
import type { EventName } from "../intercom/events.js";
import { ACCESS_REFUSED, CARD_UNKNOWN, CODE_WRONG, CODES_LOCKED, PASSWORD_WRONG } from "../intercom/log.js";

/** The door was forced, its housing opened, or the alarm is on: a person has to look at once. */
export const ALERT = 1;
export const ERROR = 3;
export const WARNING = 4;
export const NOTICE = 5;
export const INFO = 6;
export const DEBUG = 7;
/** The event does not leave the door. */
export const UNTOLD = 8;

/** The names of severities that `syslog.level` may be. */
const LEVELS: readonly string[] = ["", "alert", "", "error", "warning", "notice", "info", "debug"];

/** @returns the severity of that name */
export function levelOf(name: string): number {
  return LEVELS.indexOf(name);
}

/** Errors that a person at the door or at the console made, not the machine. */
const ATTEMPTS: readonly string[] = [CODE_WRONG, ACCESS_REFUSED, CARD_UNKNOWN, CODES_LOCKED, PASSWORD_WRONG];

/** @returns ALERT to DEBUG, or UNTOLD */
export function severityOf(name: EventName, value: string): number {
  switch (name) {
    case "dtmf":
      return UNTOLD;
    case "led":
    case "audio":
    case "wifi":
    case "branch":
      return DEBUG;
    case "register":
    case "register2":
      if (value === "registering" || value === "binding") return DEBUG;
      return value === "failed" ? WARNING : INFO;
    case "call":
      return value === "refused" ? NOTICE : INFO;
    case "door":
      return value === "forced" ? ALERT : value === "left-open" ? WARNING : INFO;
    case "tamper":
      return value === "opened" ? ALERT : INFO;
    case "alarm":
      return value === "on" ? ALERT : NOTICE;
    case "relay":
      return value === "on" ? NOTICE : INFO;
    case "config":
    case "people":
    case "button":
      return NOTICE;
    case "link":
      return value === "back" ? NOTICE : WARNING;
    case "error":
      return ATTEMPTS.indexOf(value) >= 0 ? WARNING : ERROR;
    default:
      return INFO;
  }
}
