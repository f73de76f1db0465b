/**
 * The entities that Home Assistant shows for a door, and the message that announces them all (device discovery). The
 * message is written in pieces, one for each entity. The announcement of an entity that this door does not have, or no
 * longer has, holds its platform alone, which removes it from Home Assistant. Not here: the states (mqtt.ts).
 */

import { DAY_PLANS, HOLD_PLANS, NIGHT_PLANS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Writer } from "../wire/writer.js";
import { writeText } from "./json.js";
import type { LinkParts } from "./parts.js";

export interface Entity {
  /** The name in the entity's topics, and the end of its id. */
  key: string;
  platform: string;
  name: string;
  /** The key of the topic that carries the entity's state; "" if it has no state. */
  state: string;
  /** The entity takes commands, at `PREFIX/KEY/set`. */
  isCommand: boolean;
  /** The rest of its description, as JSON that follows other members. */
  more: string;
}

const CONFIG = ',"ent_cat":"config"';
const DIAGNOSTIC = ',"ent_cat":"diagnostic"';

function entity(key: string, platform: string, name: string, more: string): Entity {
  return { key, platform, name, state: key, isCommand: false, more };
}

function ordered(key: string, platform: string, name: string, more: string): Entity {
  return { key, platform, name, state: key, isCommand: true, more };
}

function button(key: string, name: string, more: string): Entity {
  return { key, platform: "button", name, state: "", isCommand: true, more };
}

function doorbell(number: number): Entity {
  const more = ',"dev_cla":"doorbell","event_types":["ring","hold"]';
  return entity("doorbell" + number, "event", "Doorbell " + number, more);
}

/** The state of the lock alone, for a door that takes no order to open from a broker. */
function bolt(number: number): Entity {
  const more = ',"dev_cla":"lock","pl_on":"UNLOCKED","pl_off":"LOCKED"';
  return { ...entity("bolt" + number, "binary_sensor", "Lock " + number, more), state: "relay" + number };
}

export const OPENED = "opened";
/** The events of `access`, by the values that the door's own events have. */
export const ACCESS_EVENTS: readonly string[] = [
  OPENED,
  "wrong door code",
  "access refused",
  "unknown card",
  "door codes are locked",
];

export const ENTITIES: readonly Entity[] = [
  doorbell(1),
  doorbell(2),
  doorbell(3),
  doorbell(4),
  entity("access", "event", "Access", ',"event_types":["' + ACCESS_EVENTS.join('","') + '"]'),
  ordered("relay1", "lock", "Lock 1", ',"pl_open":"OPEN"'),
  ordered("relay2", "lock", "Lock 2", ',"pl_open":"OPEN"'),
  bolt(1),
  bolt(2),
  entity("door", "binary_sensor", "Door", ',"dev_cla":"door"'),
  entity("forced", "binary_sensor", "Forced open", ',"dev_cla":"safety"'),
  entity("leftopen", "binary_sensor", "Left open", ',"dev_cla":"problem"'),
  entity("tamper", "binary_sensor", "Housing", ',"dev_cla":"tamper"'),
  entity("alarm", "binary_sensor", "Alarm", ',"dev_cla":"problem"'),
  entity("incall", "binary_sensor", "In a call", ',"ic":"mdi:phone-in-talk"'),
  entity("registered", "binary_sensor", "Registered", ',"dev_cla":"connectivity"' + DIAGNOSTIC),
  entity("registered2", "binary_sensor", "Second account registered", ',"dev_cla":"connectivity"' + DIAGNOSTIC),
  entity("caller", "sensor", "Other side", ',"ic":"mdi:account-voice"'),
  entity("call", "sensor", "Call", ',"ic":"mdi:phone"'),
  entity("sound", "sensor", "Sound", ',"ic":"mdi:waveform"' + DIAGNOSTIC),
  entity(
    "signal",
    "sensor",
    "Wi-Fi",
    ',"dev_cla":"signal_strength","unit_of_meas":"dBm","stat_cla":"measurement"' + DIAGNOSTIC,
  ),
  entity("uptime", "sensor", "Uptime", ',"dev_cla":"duration","unit_of_meas":"s"' + DIAGNOSTIC),
  entity(
    "memory",
    "sensor",
    "Free memory",
    ',"dev_cla":"data_size","unit_of_meas":"B","stat_cla":"measurement"' + DIAGNOSTIC,
  ),
  entity("error", "sensor", "Last error", ',"ic":"mdi:alert-circle"' + DIAGNOSTIC),
  ordered("dnd", "switch", "Do not disturb", ',"ic":"mdi:bell-off"' + CONFIG),
  ordered("volume", "number", "Volume", ',"min":-60,"max":12,"unit_of_meas":"dB"' + CONFIG),
  ordered("gain", "number", "Microphone", ',"min":0,"max":30,"unit_of_meas":"dB"' + CONFIG),
  button("call1", "Call plan 1", ',"ic":"mdi:phone-outgoing"'),
  button("call2", "Call plan 2", ',"ic":"mdi:phone-outgoing"'),
  button("call3", "Call plan 3", ',"ic":"mdi:phone-outgoing"'),
  button("call4", "Call plan 4", ',"ic":"mdi:phone-outgoing"'),
  button("hangup", "Hang up", ',"ic":"mdi:phone-hangup"'),
  button("restart", "Restart", ',"dev_cla":"restart"' + CONFIG),
  entity("update", "update", "Firmware", ',"dev_cla":"firmware"' + DIAGNOSTIC),
];

/** @returns the index in ENTITIES, or -1 */
export function entityOf(key: string): number {
  for (let i = 0; i < ENTITIES.length; i++) if (ENTITIES[i].key === key) return i;
  return -1;
}

/** @returns whether this door has that entity now */
export function isThere({ key }: Entity, { settings, device }: LinkParts): boolean {
  const number = Number(key.slice(-1));
  switch (key.slice(0, 4)) {
    case "door":
      return key === "door" ? hasSensor(settings) : hasPlan(settings, number);
    case "forc":
    case "left":
      return hasSensor(settings);
    case "tamp":
      return settings.get("door.tamper") !== "off";
    case "rela":
      return number <= device.relays.length && settings.get("mqtt.open");
    case "bolt":
      return number <= device.relays.length && !settings.get("mqtt.open");
    case "call":
      return key === "call" || key === "caller" || hasPlan(settings, number);
    case "regi":
      return key === "registered" || settings.get("account2.domain") !== "";
    case "sign":
      return device.wifi !== null;
    case "memo":
      return device.freeBytes !== undefined;
    case "rest":
      return device.restart !== null;
    default:
      return true;
  }
}

function hasSensor(settings: Settings): boolean {
  return settings.get("door.sensor") !== "off";
}

/** The first button is always there, since it calls `call.target`. */
function hasPlan(settings: Settings, button: number): boolean {
  const i = button - 1;
  return (
    i === 0 ||
    settings.get(DAY_PLANS[i]) !== "" ||
    settings.get(NIGHT_PLANS[i]) !== "" ||
    settings.get(HOLD_PLANS[i]) !== ""
  );
}

/** Pieces of the announcement: its head, and one for each entity. */
export const PIECES = 1 + ENTITIES.length;

/**
 * Writes one piece of the announcement. Pieces count from 0, and the last one ends the message. @param prefix the
 * beginning of all topics @param id the door's, with only letters, digits, - and _
 */
export function writePiece(w: Writer, piece: number, parts: LinkParts, prefix: string, id: string): void {
  const { settings, version } = parts;
  if (piece === 0) {
    const name = settings.get("sip.name");
    w.text('{"dev":{"ids":["' + id + '"],"name":');
    writeText(w, name === "" ? "Portero " + settings.get("sip.user") : name);
    w.text(',"mf":"Portero","mdl":"SIP door intercom","sw":"' + version + '"},"o":{"name":"Portero","sw":"' + version);
    w.text('"},"avty_t":"' + prefix + '/availability","cmps":{');
    return;
  }
  const one = ENTITIES[piece - 1];
  w.text((piece > 1 ? ',"' : '"') + one.key + '":{"p":"' + one.platform + '"');
  if (isThere(one, parts)) {
    w.text(',"name":"' + one.name + '","uniq_id":"' + id + "_" + one.key + '"');
    if (one.state !== "") w.text(',"stat_t":"' + prefix + "/" + one.state + '"');
    if (one.isCommand) w.text(',"cmd_t":"' + prefix + "/" + one.key + '/set"');
    w.text(one.more);
  }
  w.text(piece === PIECES - 1 ? "}}}" : "}");
}
