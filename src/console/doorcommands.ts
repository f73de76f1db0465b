/**
 * The console's commands about the door: calls, registration, buttons, relays. Not here: settings
 * (settingscommands.ts), reports of its state (report.ts).
 */
import { printable } from "../core/printable.js";
import type { Door } from "../intercom/door.js";
import { CALL_CONFIRMED, CALL_HELD } from "../ua/call.js";
import { ERROR_ARGUMENT, ERROR_STATE, ERROR_VALUE, type Reply } from "./reply.js";

/** Digits go in INFO requests. */
const INFO = " info";

export function register(reply: Reply, door: Door): Reply {
  const { registration, second } = door.ua;
  if (door.settings.get("sip.domain") === "" && !second?.isOn)
    return reply.fail(ERROR_STATE, "sip.domain is not set: there is no server to register at");
  registration.start();
  second?.registration.start();
  return reply;
}

export function unregister(reply: Reply, door: Door): Reply {
  door.ua.registration.stop();
  door.ua.second?.registration.stop();
  return reply;
}

export function askBindings(reply: Reply, door: Door): Reply {
  return door.ua.registration.query()
    ? reply
    : reply.fail(ERROR_STATE, "not now: there is no server, or a request is under way");
}

/** @param target whom to call; "": `call.target` */
export function startCall(reply: Reply, door: Door, target: string): Reply {
  if (door.ua.activeCall() !== null || door.isRinging) return reply.fail(ERROR_STATE, "there is a call: hangup first");
  return failed(reply, ERROR_VALUE, door.call(target !== "" ? target : door.settings.get("call.target")));
}

export function answerCall(reply: Reply, door: Door): Reply {
  const call = door.ua.activeCall();
  if (call === null || call.session.isCaller || call.answeredMs >= 0)
    return reply.fail(ERROR_STATE, "no call rings here");
  door.ua.answer(call);
  return reply;
}

export function hangUp(reply: Reply, door: Door): Reply {
  if (door.ua.activeCall() === null && !door.isRinging) return reply.fail(ERROR_STATE, "there is no call");
  door.hangUp("");
  return reply;
}

export function holdCall(reply: Reply, door: Door, isHold: boolean): Reply {
  const call = door.ua.activeCall();
  if (call === null || (call.state !== CALL_CONFIRMED && call.state !== CALL_HELD))
    return reply.fail(ERROR_STATE, "there is no call to " + (isHold ? "hold" : "resume"));
  return failed(reply, ERROR_STATE, door.ua.hold(call, isHold));
}

export function transferCall(reply: Reply, door: Door, target: string): Reply {
  return target === ""
    ? reply.fail(ERROR_ARGUMENT, "transfer TARGET: a SIP URI, an address or a number")
    : failed(reply, ERROR_STATE, door.move(target));
}

/**
 * @param rest digits, which go as telephone-events or tones; or digits and the word `info`: they go in INFO requests
 */
export function sendDigits(reply: Reply, door: Door, rest: string): Reply {
  const isInfo = rest.slice(-INFO.length) === INFO;
  const digits = isInfo ? rest.slice(0, -INFO.length).trim() : rest;
  const call = door.ua.activeCall();
  if (call === null || !call.hasSound) return reply.fail(ERROR_STATE, "there is no call to send digits in");
  if (digits === "") return reply.fail(ERROR_ARGUMENT, "dtmf what? dtmf DIGITS [info] (0-9 * # A-D)");
  for (let i = 0; i < digits.length; i++) {
    if ("0123456789*#ABCDabcd".indexOf(digits.charAt(i)) < 0)
      return reply.fail(ERROR_ARGUMENT, "'" + printable(digits) + "' holds what is no digit: 0-9 * # A-D");
  }
  if (isInfo) return failed(reply, ERROR_STATE, door.ua.sendInfoDigits(call, digits.toUpperCase()));
  for (let i = 0; i < digits.length; i++) {
    if (!call.media.sendDigit(digits.toUpperCase().charCodeAt(i)))
      return reply.fail(ERROR_STATE, "only " + i + " digits were taken: wait until they are sent");
  }
  return reply;
}

export function pressButton(reply: Reply, door: Door, button: string): Reply {
  if (!isNumber(button, 4)) return reply.fail(ERROR_ARGUMENT, "press [BUTTON]: 1 to 4");
  door.press(button === "" ? 1 : Number(button));
  return reply;
}

export function openDoor(reply: Reply, door: Door, relay: string): Reply {
  if (!isNumber(relay, 2)) return reply.fail(ERROR_ARGUMENT, "open [RELAY]: 1 or 2");
  return failed(reply, ERROR_STATE, door.open("console", relay === "" ? 1 : Number(relay)));
}

export function closeDoor(reply: Reply, door: Door, relay: string): Reply {
  if (!isNumber(relay, 2)) return reply.fail(ERROR_ARGUMENT, "close [RELAY]: 1 or 2");
  door.close(relay === "" ? 1 : Number(relay));
  return reply;
}

/** Tells the alarm output and the housing, or ends the alarm. */
export function tellAlarm(reply: Reply, door: Door, rest: string): Reply {
  const { alarm } = door;
  if (rest !== "" && rest !== "off") return reply.fail(ERROR_ARGUMENT, "alarm, or alarm off");
  if (alarm === null)
    return reply.fail(ERROR_STATE, "there is no alarm output, and the housing is not watched (door.tamper)");
  if (rest === "off") {
    alarm.end();
    return reply;
  }
  const { cause, leftS, isTampered } = alarm;
  reply.put("alarm", cause === "" ? "off" : cause).put("seconds", leftS);
  return reply
    .put("housing", isTampered ? "open" : "shut")
    .say(
      "alarm " +
        (cause === "" ? "off" : "on, " + leftS + " s left: " + cause) +
        (isTampered ? "; the housing is open\n" : "\n"),
    );
}

/** Returns whether the value is empty or one digit from 1 to `most`. */
function isNumber(value: string, most: number): boolean {
  return value === "" || (value.length === 1 && value >= "1" && value <= "" + most);
}

/** @param problem "" when the command was done */
function failed(reply: Reply, code: string, problem: string): Reply {
  return problem === "" ? reply : reply.fail(code, problem);
}
