/**
 * Records the actions of a person on the page as the steps of a script: with the seed they repeat the session. Not
 * here: what a step does (world/script.ts).
 */
import type { Change } from "../config/file.js";
import { lineOf, type Mode, type Order } from "./protocol.js";

/** The number of steps that are kept; nobody types a longer command again. */
const STEPS_MAX = 200;
/** A shorter pause is not recorded as a step. */
const PAUSE_MS = 50;

export class Recording {
  /** Steps were left out, so the command does not repeat the whole session any more. */
  isCut = false;
  private readonly steps: string[] = [];
  private lastMs = 0;
  private pressedMs = -1;

  clear(nowMs: number): void {
    this.steps.length = 0;
    this.lastMs = nowMs;
    this.pressedMs = -1;
    this.isCut = false;
  }

  /** Records an order that was carried out. */
  add(order: Order, nowMs: number): void {
    if (order.do === "press" && order.button !== "exit") {
      this.pressedMs = nowMs;
      this.wait(nowMs);
      return;
    }
    if (order.do === "release" && this.pressedMs >= 0) {
      const word = order.button === "button1" ? "press" : "press" + order.button.slice(-1);
      this.push(word + " " + Math.max(90, Math.round(nowMs - this.pressedMs)), nowMs);
      this.pressedMs = -1;
      return;
    }
    const step = stepOf(order);
    if (step === "") return;
    this.wait(nowMs);
    this.push(step, nowMs);
  }

  /**
   * @param set what file and command line set @param board "" without --board
   * @returns the command, as it is typed; how the house was made stands in it
   */
  command(seed: number, mode: Mode, nowMs: number, set: readonly Change[], board = ""): string {
    const options = ["--headless"];
    if (mode.isVirtual) options.push("--virtual-time");
    if (seed >= 0) options.push("--seed " + seed);
    if (mode.server === "none") options.push("--set sip.register=off");
    if (mode.server === "redirect") options.push("--set server.mode=redirect");
    if (mode.room !== "none") options.push("--room " + mode.room);
    if (mode.phones === 0) options.push("--alone");
    if (mode.phones > 1) options.push("--phones " + mode.phones);
    if (board !== "") options.push("--board " + board);
    for (const { key, value } of set) {
      if (key.endsWith("password")) this.isCut = true;
      else options.push("--set " + quoted(key + "=" + value));
    }
    const steps = [...this.steps];
    const pauseMs = nowMs - this.lastMs;
    if (pauseMs > PAUSE_MS) steps.push("wait " + (pauseMs / 1000).toFixed(1));
    const script = steps.concat("quit").join("; ");
    return "npm run sim -- " + options.join(" ") + " --do " + quoted(script, true);
  }

  private wait(nowMs: number): void {
    const pauseMs = nowMs - this.lastMs;
    if (pauseMs > PAUSE_MS) this.push("wait " + (pauseMs / 1000).toFixed(1), nowMs);
  }

  private push(step: string, nowMs: number): void {
    this.lastMs = nowMs;
    if (this.steps.length === STEPS_MAX) {
      this.isCut = true;
      return;
    }
    this.steps.push(step);
  }
}

/** @returns the text as a shell takes it for one word */
function quoted(text: string, always = false): string {
  return always || /[^\w@%+=:,./-]/.test(text) ? '"' + text.replace(/(["\\$`])/g, "\\$1") + '"' : text;
}

/** @returns the step that does the same in a script, "" when there is none */
function stepOf(order: Order): string {
  switch (order.do) {
    case "press":
      return "exit";
    case "door":
      return order.open ? "door open" : "door shut";
    case "key":
      return "key " + order.key;
    case "card":
      return "card " + order.number;
    case "fault":
      return "fault " + order.name + " " + order.value;
    case "line":
      return "console " + order.line.replace(/;/g, "\\;");
    case "phone":
      if (order.verb === "dtmf" || order.verb === "tones") return order.verb + " " + order.value;
      return "phone " + lineOf(order.verb, order.value).replace(/;/g, "\\;");
    default:
      return "";
  }
}
