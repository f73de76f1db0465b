/**
 * Scripts of `--do`: steps separated by ';', read into a list, then carried out one after another on any clock.
 *
 *     press [MS]   press2 [MS] … press4 [MS]   release   exit [MS]   door open|shut
 *     wait S   expect [WHO:]EVENT[=VALUE] [S]   console LINE   phone LINE   dtmf DIGITS   tones DIGITS
 *     key KEYS   card NUMBER   tamper open|shut   fault NAME VALUE   quit
 *
 * A ';' that belongs to a line is written '\;'. Not here: what a step does to the door, which is the stage's.
 */
import type { Clock, InputName } from "../../hal/device.js";
import { eventProblem } from "./eventnames.js";
import { type SimEvent, safe } from "./events.js";
import { faultProblem } from "./faults.js";

export const STEP_PRESS = 1;
export const STEP_RELEASE = 2;
export const STEP_WAIT = 3;
export const STEP_EXPECT = 4;
export const STEP_CONSOLE = 5;
export const STEP_DTMF = 6;
export const STEP_FAULT = 7;
export const STEP_QUIT = 8;
export const STEP_DOOR = 9;
export const STEP_TONES = 10;
export const STEP_PHONE = 11;
export const STEP_KEY = 12;
export const STEP_CARD = 13;
export const STEP_TAMPER = 14;

/** A short push. */
const PRESS_MS = 100;
const KEY_MS = 150;
const EXPECT_MS = 10000;
const DAY_S = 86400;
const SHOWN = 120;
const PARTY = /^(door|phone[234]?)$/;
/** Events that are kept for a later `expect`, each party's. */
const KEPT_EVENTS = 10000;

export interface Step {
  /** STEP_* */
  kind: number;
  /** The step as it was written, for messages. */
  text: string;
  /** Time to press, to wait, or to wait at most. */
  ms: number;
  who: string;
  /** The event, the name of the fault, or the button. */
  name: string;
  /** The event's value, null for any; the fault's value; the line; the digits. */
  value: string | null;
}

/** The surroundings of a script. Errors are one line, "" for none. */
export interface Stage {
  clock: Clock;
  /** Pushes a button for that time. */
  press(ms: number, name: InputName): void;
  /** Releases button 1 before its time. */
  release(): void;
  /** Opens or shuts the door itself. */
  door(isOpen: boolean): void;
  /** Opens or shuts the housing of the door station. */
  tamper(isOpen: boolean): void;
  console(line: string): string;
  /** A line on the phone's console. */
  phone(line: string): string;
  dtmf(digits: string): string;
  tones(digits: string): string;
  /** A key of the keypad at the door. */
  key(name: string): void;
  card(number: number): void;
  fault(name: string, value: string): string;
  /** Asks to be told every event from now on. */
  onEvent(listener: (event: SimEvent) => void): void;
}

export interface ScriptResult {
  ok: boolean;
  /** The problem; "" if ok. */
  line: string;
  /** The script ended with `quit`, so the program is to end too. */
  quit: boolean;
}

/** @returns the steps, or one line about the step that cannot be read and how it is written */
export function parseScript(script: string): Step[] | string {
  const steps: Step[] = [];
  for (const part of script.split(/(?<!\\);/)) {
    const text = part.replace(/\\;/g, ";").trim();
    if (text === "") continue;
    const step: Step = { kind: 0, text, ms: 0, who: "door", name: "", value: null };
    const word = text.split(/\s/, 1)[0];
    const error = parseStep(step, word, text.slice(word.length).trim());
    if (error !== "") return 'step "' + shown(text) + '": ' + error;
    steps.push(step);
  }
  return steps.length > 0 ? steps : "no step in the script";
}

function parseStep(step: Step, word: string, rest: string): string {
  const words = rest === "" ? [] : rest.split(/\s+/);
  switch (word) {
    case "press":
    case "press2":
    case "press3":
    case "press4":
    case "exit":
      step.kind = STEP_PRESS;
      step.name = word === "exit" ? word : word === "press" ? "button1" : "button" + word.slice(5);
      step.ms = words.length === 0 ? PRESS_MS : number(words[0], 3600000);
      return words.length > 1 || step.ms < 0 ? word + " [MS], at most an hour" : "";
    case "door":
    case "tamper":
      step.kind = word === "door" ? STEP_DOOR : STEP_TAMPER;
      step.value = rest;
      return rest === "open" || rest === "shut" ? "" : word + " open, or " + word + " shut";
    case "release":
      step.kind = STEP_RELEASE;
      return words.length > 0 ? "release takes nothing" : "";
    case "wait":
      step.kind = STEP_WAIT;
      step.ms = words.length === 1 ? number(words[0], 366 * DAY_S) * 1000 : -1;
      return step.ms < 0 ? "wait SECONDS, at most a year" : "";
    case "expect":
      return parseExpect(step, words);
    case "console":
      step.kind = STEP_CONSOLE;
      step.value = rest;
      return rest === "" ? "console LINE" : "";
    case "phone":
      step.kind = STEP_PHONE;
      step.value = rest;
      return rest === "" ? "phone LINE" : "";
    case "dtmf":
      step.kind = STEP_DTMF;
      step.value = rest.toUpperCase();
      return /^[0-9*#A-D]+$/.test(step.value) ? "" : "dtmf DIGITS, of 0 to 9, *, #, A to D";
    case "key":
      step.kind = STEP_KEY;
      step.value = rest;
      return /^[0-9*#]+$/.test(rest) ? "" : "key KEYS, of 0 to 9, * and #";
    case "card":
      step.kind = STEP_CARD;
      step.value = rest;
      return /^\d{1,11}$/.test(rest) && Number(rest) < 2 ** 35 ? "" : "card NUMBER, of at most 35 bits";
    case "tones":
      step.kind = STEP_TONES;
      step.value = rest.toUpperCase();
      return /^[0-9*#A-D]+$/.test(step.value) ? "" : "tones DIGITS, of 0 to 9, *, #, A to D";
    case "fault":
      step.kind = STEP_FAULT;
      step.name = words[0] ?? "";
      step.value = words[1] ?? "";
      return words.length === 2 ? faultProblem(step.name, step.value) : "fault NAME VALUE";
    case "quit":
      step.kind = STEP_QUIT;
      return words.length > 0 ? "quit takes nothing" : "";
    default:
      return "steps are press, press2 to press4, release, exit, door, tamper, wait, expect, console, phone, dtmf, tones, key, card, fault and quit";
  }
}

function parseExpect(step: Step, words: string[]): string {
  const how = "expect [WHO:]EVENT[=VALUE] [SECONDS]";
  step.kind = STEP_EXPECT;
  step.ms = words.length === 2 ? number(words[1], 366 * DAY_S) * 1000 : EXPECT_MS;
  if (words.length < 1 || words.length > 2 || step.ms < 0) return how;
  const parts = /^(?:([a-z][\w-]*):)?([a-z][\w-]*)(?:=(.+))?$/i.exec(words[0]);
  if (parts === null) return how;
  step.who = parts[1] ?? "door";
  step.name = parts[2];
  step.value = parts[3] ?? null;
  if (!PARTY.test(step.who)) return "events are told by door, phone, and phone2 to phone4";
  return eventProblem(step.name, step.value);
}

/** @returns a step for a message; of a long one the beginning */
function shown(text: string): string {
  return safe(text.length > SHOWN ? text.slice(0, SHOWN) + "..." : text);
}

/** @returns a decimal from 0 to `max`, or -1 */
function number(text: string, max: number): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : -1;
  return value <= max ? value : -1;
}

/**
 * Carries the steps out. `expect` takes the first fitting event of that party after the one that the last `expect`
 * took, even if it happened before the step, so no event between two steps is missed.
 * @returns when the steps are done or one failed; the events go on being listened to
 */
export async function runScript(steps: readonly Step[], stage: Stage): Promise<ScriptResult> {
  const seen = new SeenEvents(stage);
  for (const step of steps) {
    let error = "";
    if (step.kind === STEP_PRESS) stage.press(step.ms, step.name as InputName);
    else if (step.kind === STEP_DOOR) stage.door(step.value === "open");
    else if (step.kind === STEP_TAMPER) stage.tamper(step.value === "open");
    else if (step.kind === STEP_RELEASE) stage.release();
    else if (step.kind === STEP_CONSOLE) error = stage.console(step.value ?? "");
    else if (step.kind === STEP_PHONE) error = stage.phone(step.value ?? "");
    else if (step.kind === STEP_DTMF) error = stage.dtmf(step.value ?? "");
    else if (step.kind === STEP_TONES) error = stage.tones(step.value ?? "");
    else if (step.kind === STEP_KEY) await pressKeys(step.value ?? "", stage, seen);
    else if (step.kind === STEP_CARD) stage.card(Number(step.value));
    else if (step.kind === STEP_FAULT) error = stage.fault(step.name, step.value ?? "");
    else if (step.kind === STEP_WAIT) await seen.wait(step.ms);
    else if (step.kind === STEP_EXPECT) error = await seen.expect(step);
    else if (step.kind === STEP_QUIT) return { ok: true, line: "", quit: true };
    if (error !== "") return { ok: false, line: 'step "' + shown(step.text) + '": ' + error, quit: false };
  }
  return { ok: true, line: "", quit: false };
}

/** As fast as a hand. */
async function pressKeys(keys: string, stage: Stage, seen: SeenEvents): Promise<void> {
  for (const key of keys) {
    stage.key(key);
    await seen.wait(KEY_MS);
  }
}

class SeenEvents {
  private readonly stage: Stage;
  private readonly parties = new Map<string, SimEvent[]>();
  private readonly last = new Map<string, SimEvent>();
  /** The step that waits, and what to call when its event comes. */
  private step: Step | null = null;
  private found: () => void = () => {};

  constructor(stage: Stage) {
    this.stage = stage;
    stage.onEvent((event) => this.add(event));
  }

  wait(ms: number): Promise<void> {
    const clock = this.stage.clock;
    return new Promise((resolve) => clock.createTimer(resolve).at(clock.now() + ms));
  }

  /** @returns "" if it came in time, otherwise the events that came instead */
  expect(step: Step): Promise<string> {
    if (this.take(step)) return Promise.resolve("");
    const clock = this.stage.clock;
    return new Promise((resolve) => {
      const timer = clock.createTimer(() => {
        this.step = null;
        const last = this.last.get(step.who + ":" + step.name);
        const instead = last === undefined ? "" : "; the last one was " + safe(last.event + "=" + last.value);
        resolve("not within " + step.ms / 1000 + " s" + instead);
      });
      timer.at(clock.now() + step.ms);
      this.step = step;
      this.found = () => {
        timer.stop();
        resolve("");
      };
    });
  }

  private add(event: SimEvent): void {
    let events = this.parties.get(event.who);
    if (events === undefined) {
      events = [];
      this.parties.set(event.who, events);
    }
    if (events.length === KEPT_EVENTS) events.shift();
    events.push(event);
    this.last.set(event.who + ":" + event.event, event);
    if (this.step === null || !this.take(this.step)) return;
    this.step = null;
    this.found();
  }

  /** Takes the first event that fits, and all before it. */
  private take(step: Step): boolean {
    const events = this.parties.get(step.who) ?? [];
    const at = events.findIndex(
      (event) => event.event === step.name && (step.value === null || event.value === step.value),
    );
    if (at < 0) return false;
    events.splice(0, at + 1);
    return true;
  }
}
