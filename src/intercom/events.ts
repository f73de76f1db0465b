/**
 * The outputs of a door: events for a person or a program, relays, light, and audible signals. It is the one
 * place that says which events there are, with their values and fields; the compiler holds all who tell or read one to
 * it.
 */

// LED_*: patterns of the light.
export const LED_OFF = 0;
/** Registered, or no server to register with. */
export const LED_READY = 1;
export const LED_UNREGISTERED = 2;
export const LED_RINGING = 3;
export const LED_IN_CALL = 4;
export const LED_OPEN = 5;
/** The door was forced or left open, or the housing is; on a board also: there is no network. */
export const LED_FAULT = 6;
export const LED_NAMES: readonly string[] = ["off", "ready", "unregistered", "ringing", "in-call", "open", "fault"];

// SIGNAL_*: what the visitor is to hear.
/** A call that came was answered automatically. */
export const SIGNAL_ANSWERED = 1;
/** The talk time ends soon. */
export const SIGNAL_ENDING = 2;
export const SIGNAL_OPENED = 3;
export const SIGNAL_WRONG_CODE = 4;
/** The call of the button rings at the other end. */
export const SIGNAL_RINGING = 5;
/** The call of the button was refused, or failed. */
export const SIGNAL_BUSY = 6;
export const SIGNAL_FAILED = 7;
/** No tone any more: the call ended in another way, or its sound begins. */
export const SIGNAL_QUIET = 8;
/** A key of the keypad was pressed. */
export const SIGNAL_KEY = 9;
/** A card was right, and its code has to follow. */
export const SIGNAL_CODE_WANTED = 10;

type End = "ended";
type Ringing = "calling" | "ringing" | "early";

/** The value of each event; other texts are for people, in words. */
export interface EventValues {
  /** Somebody pressed a button that calls. */
  button: "pressed" | "held";
  register: "registering" | "registered" | "unregistered" | "failed" | "binding";
  /** The registration of the second account. */
  register2: "registering" | "registered" | "unregistered" | "failed";
  /** The visitor's call as a whole; a refused one never was a call. */
  call: Ringing | "confirmed" | "held" | End | "refused";
  /** The call to one of several targets that ring together. */
  branch: Ringing | "confirmed" | "held" | End;
  /** The call of a second phone that joins the visitor's. */
  join: Ringing | "confirmed" | "held" | End;
  /** The call goes over to another phone. */
  transfer: "calling" | "ringing" | "picking-up" | "picked-up" | "waiting" | "done" | "refused" | "failed";
  /** The digit; "digit" for one that must not be shown. */
  dtmf: string;
  text: string;
  relay: "on" | "off";
  door: "opened" | "closed" | "forced" | "left-open";
  /** The housing of the door station. */
  tamper: "opened" | "closed";
  /** The alarm output. */
  alarm: "on" | "off";
  led: string;
  /** How the sound goes, in words; "ready" on a board whose sound is there again. */
  audio: string;
  /** An announcement to all stations of the house. */
  page: "started" | "ended";
  /** Where the sound of a call comes from. */
  sound: "moved" | "quiet" | "back";
  phone: "registered" | "gone";
  /** What was done with the list of people, in words. */
  people: string;
  wifi: "found" | "scanned";
  /** A server that the door tells its events: it does not answer, messages to it are dropped, it refuses them. */
  link: "lost" | "full" | "refused" | "back";
  config: string;
  error: string;
}

/** The fields of each event, in the order in which they are told. Those that do not apply are left out. */
export interface EventFields {
  button: { button: number };
  register: {
    server?: string;
    expires?: number;
    at?: string;
    reason?: string;
    code?: number;
    retry?: number;
    contact?: string;
  };
  register2: EventFields["register"];
  call: {
    direction: "in" | "out";
    peer?: string;
    address?: string;
    codec?: string;
    encryption?: string;
    signalling?: string;
    reason?: string;
    code?: number;
    duration?: number;
    /** How many more were refused without being told. */
    untold?: number;
  };
  branch: { peer: string; reason?: string; code?: number };
  join: { peer?: string; reason?: string };
  transfer: {
    direction?: "in" | "out";
    peer?: string;
    by?: string;
    codec?: string;
    reason?: string;
    code?: number;
    duration?: number;
  };
  dtmf: { duration: number; by: string };
  text: { peer: string; untold?: number };
  relay: { relay: number; reason?: string };
  door: { seconds?: number };
  tamper: Record<never, never>;
  alarm: { reason?: string };
  led: Record<never, never>;
  audio: {
    sent?: number;
    packets?: number;
    lost?: number;
    late?: number;
    jitter?: number;
    /** What is wrong with the sound at the door, with what to do. */
    problem?: string;
    level?: number;
    delay?: number;
    lowest?: number;
    highest?: number;
    distortion?: number;
  };
  page: { address: string; reason?: string; duration?: number; packets?: number; lost?: number };
  sound: { address?: string };
  phone: { name: string };
  people: { name?: string; count?: number };
  wifi: { ssid?: string; signal?: number; channel?: number; secured?: "yes" | "no" };
  link: { name: string; at: string; reason?: string; code?: number; dropped?: number };
  config: { address?: string; secure?: string; keys?: string; means?: string };
  error: {
    address?: string;
    peer?: string;
    name?: string;
    tries?: number;
    by?: string;
    person?: string;
    why?: string;
    bits?: number;
    count?: number;
    seconds?: number;
    key?: string;
    allowed?: string;
    /** s until the next try. */
    wait?: number;
  };
}

export type EventName = keyof EventFields;
type FieldName = { [N in EventName]: keyof EventFields[N] }[EventName];
/** The fields of any event, for those who look at all of them. */
export type AnyFields = { readonly [K in FieldName]?: string | number };

export const NO_FIELDS: Record<never, never> = {};

/** Takes events for a person or a program. Text in values and fields has no control characters. */
export interface DoorEvents {
  event<N extends EventName>(name: N, value: EventValues[N], fields: EventFields[N]): void;
}

/** The devices of the door, and the time of day that it asks for. */
export interface DoorOutputs {
  /** How many relays there are. */
  readonly relays: number;
  /** Switches a relay. @param relay from 1 @param on true opens the door */
  relay(relay: number, on: boolean): void;
  /** The alarm output; undefined where there is none. */
  readonly alarm?: { write(value: number): void };
  /** @param pattern LED_* */
  led(pattern: number): void;
  /** @param kind SIGNAL_* */
  signal(kind: number): void;
  /** @returns what is wrong with the sound at the door in this call, in words, "" for nothing */
  soundProblem(): string;
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
}
