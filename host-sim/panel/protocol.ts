/**
 * The messages between the page and the simulator over the one WebSocket: types for both, and the reader of a page's
 * messages, which takes nothing on trust. Sound goes as binary frames: one octet that names the party, then 16-bit
 * samples of 8 kHz. Not here: sockets (server.ts).
 */
import type { RoomName } from "../world/acoustics/scene.js";

/** Parties whose sound the page can have, in the order of their octets. */
export const SOUND_SIDES = ["door", "phone", "phone2", "phone3", "phone4"] as const;
export type SoundSide = (typeof SOUND_SIDES)[number];

/** @returns the octet of that party's sound, 0 if it has none */
export function octetOf(who: Laptop): number {
  return who === "nobody" ? 0 : 1 + SOUND_SIDES.indexOf(who);
}

export interface PartyState {
  name: string;
  /** The address, for example `sip:door@127.0.0.1:5060`. */
  address: string;
  /** One of registered, registering, failed, unregistered; "" until it has told anything. */
  register: string;
  /** The same of the second account; "" if there is none. */
  register2: string;
  /** One of calling, ringing, early, confirmed, held, ended; "" when there was no call. */
  call: string;
  /** The direction of the call: in or out. */
  direction: string;
  peer: string;
  reason: string;
  /** What others on the network cannot find out of the call: "private" (signalling and sound), "sound", or "". */
  privacy: string;
  /** The time when the call was confirmed, ms; -1 while it is not. */
  sinceMs: number;
}

export interface RelayState {
  isOn: boolean;
  /** The time when the relay goes off by itself, ms; -1: it does not. */
  untilMs: number;
}

export interface HouseState {
  board: string;
  buttons: string[];
  hasExit: boolean;
  hasSensor: boolean;
  /** There are a keypad and a reader of cards beside the door. */
  hasReader: boolean;
  relays: RelayState[];
  isOpen: boolean;
  /** The relay's code is set; without it digits do nothing. */
  hasCode: boolean;
  /** The state of the light, a name of LED_NAMES; `isLit` says whether it shines at this moment. */
  led: string;
  isLit: boolean;
  parties: PartyState[];
  /** The server's address, "" when the house has none. */
  serverAt: string;
  /** The user as whom a phone of one's own registers at the server; null without one. */
  softphone: SoftphoneState | null;
  isServerUp: boolean;
  mode: Mode;
  /** The value of --seed; -1: none. */
  seed: number;
  faults: Record<string, string>;
  time: TimeState;
  /** The page whose computer is the microphone and loudspeaker there; 0: none. */
  talkers: Record<SoundSide, number>;
  voices: { door: boolean; phone: boolean };
  /** The steps so far, as the command that repeats them. */
  command: string;
  /** Steps are missing in it: there were too many, or a password was among them. */
  isCommandCut: boolean;
}

export interface SoftphoneState {
  user: string;
  password: string;
  /** The phones that are registered so: their addresses, and their names in the ladder. */
  phones: readonly { at: string; name: string }[];
  /** The door's first button rings it. */
  isRung: boolean;
}

/** The kind of house, for which it is made anew. */
export interface Mode {
  server: "proxy" | "redirect" | "none";
  phones: number;
  isVirtual: boolean;
  /** The place where the door hangs. */
  room: Room;
}

/** The value of --room. */
export const ROOMS = ["none", "lobby", "street", "niche"] as const satisfies readonly RoomName[];
export type Room = (typeof ROOMS)[number];

export interface TimeState {
  isVirtual: boolean;
  isPaused: boolean;
  /** The speed as a multiple of the machine's time. */
  speed: number;
}

/** The party whose microphone and loudspeaker the computer's are. */
export type Laptop = "nobody" | SoundSide;

export interface Way {
  packets: number;
  lost: number;
  jitterMs: number;
  /** The dBFS of the loudest recent packet, -99 for silence. */
  level: number;
}

interface ItemOf {
  /** Counts up from 1. */
  id: number;
  t: number;
}
export interface MessageItem extends ItemOf {
  kind: "message";
  from: string;
  to: string;
  isTcp: boolean;
  isTls: boolean;
  isAgain: boolean;
  /** The timer that sent the message again: its letter, "2xx" for that of a 2xx, "" for none. */
  timer: string;
  text: string;
  /** The status code, 0 for a request. */
  status: number;
  method: string;
  call: string;
  /** The CSeq, for example `1 INVITE`: with the Call-ID it names the transaction at every hop. */
  cseq: string;
}
export interface StateItem extends ItemOf {
  kind: "state";
  who: string;
  event: string;
  value: string;
  note: string;
}
/** Sound between two parties until the next message: it grows while it is the last item. */
export interface BandItem extends ItemOf {
  kind: "band";
  until: number;
  from: string;
  to: string;
  /** The way from → to, and the way back. */
  there: Way;
  back: Way;
}
export type Item = MessageItem | StateItem | BandItem;

/**
 * A piece of a message, and its kind: method, uri, version, status, reason, name, value, branch, tag, call-id, number,
 * body.
 */
export type Part = [kind: string, text: string];
export interface RawLine {
  /** The header's usual name; "start" for the first line, "body" for those of the body. */
  header: string;
  parts: Part[];
}

export interface PoolState {
  name: string;
  used: number;
  size: number;
  most: number;
}
export interface Stats {
  t: number;
  pools: PoolState[];
  heapKb: number;
  sent: number;
  received: number;
  retransmitted: number;
  malformed: number;
  /** The figures of the door's call begin here; -1 without one. */
  jitterMs: number;
  bufferMs: number;
  tripMs: number;
  rtpSent: number;
  rtpReceived: number;
  rtpLost: number;
  rtpLate: number;
  verdict: string;
  /** The counts of the panel itself. */
  pages: number;
  refused: number;
}

export type ToPage =
  | { type: "hello"; version: number; page: number; items: Item[]; house: HouseState; now: number }
  | { type: "house"; house: HouseState; now: number }
  | { type: "items"; items: Item[]; now: number }
  | { type: "meters"; door: Meter; phone: Meter }
  | { type: "stats"; stats: Stats }
  | { type: "console"; text: string }
  | { type: "answer"; id: number; ok: boolean; text: string; raw?: RawLine[] }
  | { type: "problem"; text: string };
/** The levels of a party's microphone and loudspeaker, dBFS, -99 for silence. */
export interface Meter {
  microphone: number;
  speaker: number;
}

export const BUTTONS = ["button1", "button2", "button3", "button4", "exit"] as const;
export type ButtonName = (typeof BUTTONS)[number];
export const PHONE_VERBS = ["answer", "hangup", "call", "dtmf", "info", "tones", "transfer", "hold", "resume"] as const;
export type PhoneVerb = (typeof PHONE_VERBS)[number];

/** @returns the line that a person would type at the phone's console */
export function lineOf(verb: PhoneVerb, value: string): string {
  return verb === "info" ? "dtmf " + value + " info" : (verb + " " + value).trim();
}

/** An order of a page. Each has an id, under which the answer comes. */
export type Order =
  | { do: "press"; button: ButtonName }
  | { do: "release"; button: ButtonName }
  | { do: "door"; open: boolean }
  | { do: "key"; key: string }
  | { do: "card"; number: number }
  | { do: "phone"; who: string; verb: PhoneVerb; value: string }
  | { do: "fault"; name: string; value: string }
  | { do: "mode"; mode: Mode }
  | { do: "pause"; on: boolean }
  | { do: "speed"; value: number }
  | { do: "step" }
  | { do: "laptop"; who: Laptop }
  | { do: "voice"; who: "door" | "phone"; on: boolean }
  | { do: "line"; line: string }
  | { do: "keys"; text: string; columns: number }
  | { do: "raw"; item: number };

const LINE_MAX = 768;
const KEYS_MAX = 4096;
/** Cards have 24, 32 or 35 bits. */
export const CARD_MOST = 2 ** 35 - 1;
export const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10];

/** @returns the order and its id, or one line that says why it is not an order */
export function readOrder(text: string): { id: number; order: Order } | string {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return "no object";
  const field = given as Record<string, unknown>;
  const { id } = field;
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0) return "no id";
  const order = orderOf(field);
  return typeof order === "string" ? order : { id, order };
}

function orderOf(field: Record<string, unknown>): Order | string {
  switch (field.do) {
    case "press":
    case "release": {
      const button = BUTTONS.find((one) => one === field.button);
      return button === undefined ? "button: one of " + BUTTONS.join(", ") : { do: field.do, button };
    }
    case "door":
      return isFlag(field.open) ? { do: "door", open: field.open } : "open: true or false";
    case "key":
      return typeof field.key === "string" && /^[0-9*#]$/.test(field.key)
        ? { do: "key", key: field.key }
        : "key: one of 0 to 9, * and #";
    case "card":
      return isWhole(field.number, 0, CARD_MOST) ? { do: "card", number: field.number } : "number: at most 35 bits";
    case "phone": {
      const verb = PHONE_VERBS.find((one) => one === field.verb);
      if (verb === undefined) return "verb: one of " + PHONE_VERBS.join(", ");
      if (!isText(field.who, 16) || !isText(field.value, 256)) return "who, value: a text without line ends";
      if ((verb === "dtmf" || verb === "info" || verb === "tones") && !/^[0-9*#A-D]{1,32}$/.test(field.value))
        return "value: digits of 0 to 9, *, #, A to D";
      return { do: "phone", who: field.who, verb, value: field.value };
    }
    case "fault":
      if (!isText(field.name, 16) || !isText(field.value, 32)) return "name, value: a text without line ends";
      return { do: "fault", name: field.name, value: field.value };
    case "mode":
      return modeOf(field.mode);
    case "pause":
      return isFlag(field.on) ? { do: "pause", on: field.on } : "on: true or false";
    case "speed": {
      const value = SPEEDS.find((one) => one === field.value);
      return value === undefined ? "value: one of " + SPEEDS.join(", ") : { do: "speed", value };
    }
    case "step":
      return { do: "step" };
    case "laptop": {
      const who = (["nobody", ...SOUND_SIDES] as const).find((one) => one === field.who);
      return who === undefined ? "who: one of nobody, " + SOUND_SIDES.join(", ") : { do: "laptop", who };
    }
    case "voice":
      return (field.who === "door" || field.who === "phone") && isFlag(field.on)
        ? { do: "voice", who: field.who, on: field.on }
        : "who: door or phone; on: true or false";
    case "line":
      return isText(field.line, LINE_MAX) ? { do: "line", line: field.line } : "line: a text without line ends";
    case "keys":
      if (typeof field.text !== "string" || field.text.length > KEYS_MAX) return "text: at most 4096 characters";
      if (!isWhole(field.columns, 20, 500)) return "columns: 20 to 500";
      return { do: "keys", text: field.text, columns: field.columns };
    case "raw":
      return isWhole(field.item, 1, Number.MAX_SAFE_INTEGER) ? { do: "raw", item: field.item } : "item: a number";
    default:
      return "no such order";
  }
}

function modeOf(given: unknown): Order | string {
  const mode = given as Record<string, unknown> | null;
  if (typeof mode !== "object" || mode === null) return "mode: an object";
  const { server, phones, isVirtual } = mode;
  const room = ROOMS.find((one) => one === mode.room);
  if (server !== "proxy" && server !== "redirect" && server !== "none") return "server: proxy, redirect or none";
  if (!isWhole(phones, 0, 4)) return "phones: 0 to 4";
  if (!isFlag(isVirtual)) return "isVirtual: true or false";
  if (room === undefined) return "room: one of " + ROOMS.join(", ");
  return { do: "mode", mode: { server, phones, isVirtual, room } };
}

function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** One line: nothing in it ends a line or steers a terminal. */
function isText(value: unknown, most: number): value is string {
  if (typeof value !== "string" || value.length > most) return false;
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) < 0x20 || value.charCodeAt(i) === 0x7f) return false;
  return true;
}
