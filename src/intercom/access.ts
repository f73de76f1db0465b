/**
 * Door codes: the digits of a call are collected until they are a code, and the code says which relay opens. Wrong ones
 * are counted, for the call and for the lock of each code. One entry is one guess, however it ends: by #, by a pause,
 * by as many digits as the longest code has, or broken off by * or the call's end. No event tells a digit of a code.
 * Not here: how long codes are locked (codelock.ts), and what a relay does (doorway.ts).
 */
import type { Store } from "../../hal/device.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { RELAY_CODES, RELAYS_MOST } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Call } from "../ua/call.js";
import { CodeLock } from "./codelock.js";
import type { DoorEvents } from "./events.js";
import { CODE_WRONG, CODES_LOCKED } from "./log.js";
import { DIGIT_WAYS } from "./words.js";

/** A code is given up when no digit follows for so long. */
const CODE_PAUSE_MS = 5000;
/** So many wrong codes end a call. */
const CODE_TRIES = 3;
/** When a phone sends one press in two ways, both come within so long. */
const SAME_PRESS_MS = 500;
const LONGEST_CODE = 8;
const CODE_UNSET = "digits open nothing, no door code is set: set relay1.code DIGITS, then save";
const NOT_KEPT = "the store failed: wrong door codes count until the next restart only";
const STAR = 0x2a;
const HASH = 0x23;
const ZERO = 0x30;
/** Stands for an entry that is no code, whatever follows. */
const NO_CODE = -1;

export interface AccessUser {
  /** A right code was given. @param call the call in which it was given, null when it came by MESSAGE */
  onCode(relay: number, call: Call | null): void;
  /** A code was wrong, or codes are locked. @param isLast so many were wrong that the call is to end */
  onWrongCode(call: Call | null, isLast: boolean): void;
}

export interface AccessParts {
  settings: Settings;
  timers: Timers;
  events: DoorEvents;
  /** Keeps wrong guesses over a restart; null: they are forgotten then. */
  store: Store | null;
}

export class Access implements TimerUser {
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly user: AccessUser;
  private readonly lock: CodeLock;
  private readonly timer: number;
  /** Each code as a number with a 1 before its digits. Its relay and its number at the lock have the same index. */
  private codes: number[] = [];
  private relays: number[] = [];
  private secrets: number[] = [];
  private shortest = 0;
  private longest = 0;
  /** The digits so far, in the same form; below 0 when one of them is not 0 to 9. */
  private entered = 1;
  private count = 0;
  private call: Call | null = null;
  private wrong = 0;
  /**
   * The lowest DIGIT_* heard in this call. One press may be sent in more ways than one, and a lower number is more
   * reliable.
   */
  private way = 0;
  private wasKept = true;
  private lastCode = 0;
  private lastMs = 0;

  constructor(parts: AccessParts, user: AccessUser) {
    const { settings, timers, events, store } = parts;
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.user = user;
    this.lock = new CodeLock(store, timers);
    this.timer = timers.make(this, 0);
  }

  /** Takes the codes of the settings. The same digits for two relays are one secret, since a guess tries both. */
  configure(): void {
    this.codes = [];
    this.relays = [];
    this.secrets = [];
    this.shortest = LONGEST_CODE;
    this.longest = 0;
    const digits: string[] = [];
    for (let relay = 1; relay <= RELAYS_MOST; relay++) {
      const codes = this.settings.get(RELAY_CODES[relay - 1]).split(",");
      for (let i = 0; i < codes.length; i++) {
        if (codes[i] === "") continue;
        if (digits.indexOf(codes[i]) < 0) digits.push(codes[i]);
        this.codes.push(numberOf(codes[i]));
        this.relays.push(relay);
        this.secrets.push(digits.indexOf(codes[i]));
        this.shortest = Math.min(this.shortest, codes[i].length);
        this.longest = Math.max(this.longest, codes[i].length);
      }
    }
    this.lock.watch(digits);
    this.forgetDigits();
  }

  /** A call begins or is over: the digits so far are forgotten, unless they were a guess already. */
  reset(): void {
    this.abandon();
    this.call = null;
    this.wrong = 0;
    this.way = 0;
  }

  /** Takes a digit of a call. @param code ASCII @param way DIGIT_* */
  digit(call: Call, code: number, way: number): void {
    if (this.longest === 0) {
      // This is told once in a call, so that it is known why the door stays shut.
      if (call !== this.call) this.events.event("error", CODE_UNSET, []);
      this.call = call;
      return;
    }
    if (call !== this.call) {
      this.abandon();
      this.call = call;
      this.way = 0;
    }
    if (this.isSecondHearing(code, way)) return;
    if (code === STAR) this.abandon();
    else if (code === HASH) this.tryEntered();
    else {
      this.entered = withDigit(this.entered, code);
      this.count += 1;
      this.timers.start(this.timer, CODE_PAUSE_MS);
      // Digits that may become a longer code wait for the pause or for #. A code that is locked counts as wrong digits.
      const isWhole = this.find(this.entered, 0) >= 0 && !this.isBeginning(this.entered);
      if (isWhole || this.count >= this.longest) this.tryEntered();
      else if (this.count >= this.shortest) this.lock.expect();
    }
  }

  /** Takes a whole code, from a MESSAGE. @param relay the relay that it has to open */
  text(relay: number, code: string): void {
    this.abandon();
    this.call = null;
    this.attempt(numberOf(code), relay, "message");
  }

  onTimer(): void {
    this.tryEntered();
  }

  private tryEntered(): void {
    const { entered, count } = this;
    this.forgetDigits();
    if (count > 0) this.attempt(entered, 0, DIGIT_WAYS[this.way]);
  }

  /**
   * Forgets the digits so far. Every digit from the shortest code's length on was compared with the codes, and the one
   * who entered them saw that nothing opened: so they count as a guess, whatever came then.
   */
  private abandon(): void {
    const { count } = this;
    this.forgetDigits();
    if (count >= this.shortest) this.countWrong(0, DIGIT_WAYS[this.way]);
  }

  /**
   * Compares an entry with the codes.
   * @param relay the code has to be for that relay, 0: for any @param by the way in which it came
   */
  private attempt(code: number, relay: number, by: string): void {
    const found = this.find(code, relay);
    if (found >= 0) {
      this.wrong = 0;
      this.lock.onRight(this.secrets[found]);
      this.user.onCode(this.relays[found], this.call);
      return;
    }
    this.countWrong(relay, by);
    this.user.onWrongCode(this.call, this.wrong >= CODE_TRIES);
  }

  /** Counts a wrong entry as one guess at each code that it was compared with. */
  private countWrong(relay: number, by: string): void {
    const guessed: number[] = [];
    let isHidden = false;
    for (let i = 0; i < this.codes.length; i++) {
      if (relay !== 0 && this.relays[i] !== relay) continue;
      const secret = this.secrets[i];
      if (guessed.indexOf(secret) >= 0) continue;
      if (this.lock.remainingMs(secret) > 0) isHidden = true;
      else guessed.push(secret);
    }
    if (guessed.length > 0 || !isHidden) {
      for (let i = 0; i < guessed.length; i++) {
        this.lock.onWrong(guessed[i]);
        if (this.lock.remainingMs(guessed[i]) > 0) isHidden = true;
      }
      // The guess is kept before it shows that it was wrong: a power cut in between saves nobody a guess.
      if (guessed.length > 0) this.lock.keep();
      this.tellStore();
      this.wrong += 1;
      // The digits themselves are not told, since a wrong code is often the right one with a slip.
      this.events.event("error", CODE_WRONG, ["tries", this.wrong, "by", by]);
    }
    // A right code is refused as well while it is locked, or a guesser could go on and see which one opens.
    if (isHidden) this.tellLock();
  }

  /** Says once that the store failed, so that a power cut would lift the lock. */
  private tellStore(): void {
    if (!this.lock.isKept && this.wasKept) this.events.event("error", NOT_KEPT, []);
    this.wasKept = this.lock.isKept;
  }

  /** Says which settings have a locked code, and when no code is locked any more. */
  private tellLock(): void {
    let mostMs = 0;
    let keys = "";
    for (let relay = 1; relay <= RELAYS_MOST; relay++) {
      let relayMs = 0;
      for (let i = 0; i < this.codes.length; i++)
        if (this.relays[i] === relay) relayMs = Math.max(relayMs, this.lock.remainingMs(this.secrets[i]));
      if (relayMs > 0) keys += (keys === "" ? "" : ",") + "relay" + relay + ".code";
      mostMs = Math.max(mostMs, relayMs);
    }
    const seconds = Math.ceil(mostMs / 1000);
    const extra = ["seconds", seconds, "key", keys, "allowed", "after that, or without a code"];
    this.events.event("error", CODES_LOCKED, extra);
  }

  /**
   * @param relay the code has to be for that relay, 0: for any
   * @returns the index of a code that is not locked, -1 for none
   */
  private find(code: number, relay: number): number {
    for (let i = 0; i < this.codes.length; i++) {
      const isMeant = this.codes[i] === code && (relay === 0 || this.relays[i] === relay);
      if (isMeant && this.lock.remainingMs(this.secrets[i]) === 0) return i;
    }
    return -1;
  }

  /** Returns whether a longer code begins with these digits. */
  private isBeginning(entered: number): boolean {
    for (let i = 0; i < this.codes.length; i++) {
      let code = this.codes[i];
      if (code === entered) continue;
      while (code > entered) code = Math.floor(code / 10);
      if (code === entered) return true;
    }
    return false;
  }

  /**
   * Returns whether a digit is the same press once more: some phones send a digit in several ways, and only the most
   * reliable one heard in a call counts.
   */
  private isSecondHearing(code: number, way: number): boolean {
    const { nowMs } = this.timers;
    if (this.way !== 0 && way > this.way) return true;
    const isSame = way < this.way && code === this.lastCode && nowMs - this.lastMs <= SAME_PRESS_MS;
    this.way = way;
    this.lastCode = code;
    this.lastMs = nowMs;
    return isSame;
  }

  private forgetDigits(): void {
    this.timers.stop(this.timer);
    this.entered = 1;
    this.count = 0;
  }
}

/** @returns the number of the digits so far with one more; below 0 when it is no digit, and then for all that follow */
function withDigit(entered: number, octet: number): number {
  const digit = octet - ZERO;
  return digit < 0 || digit > 9 ? NO_CODE : entered * 10 + digit;
}

/** @returns the digits as a number with a 1 before them; below 0 when one is none */
function numberOf(digits: string): number {
  let number = 1;
  for (let i = 0; i < digits.length; i++) number = withDigit(number, digits.charCodeAt(i));
  return number;
}

/** An order by MESSAGE: what to do, for which relay, with which code ("" without one). */
export interface Order {
  word: string;
  relay: number;
  code: string;
}

/** @returns what `open [RELAY] [CODE]` or `close [RELAY]` says; null for any other text */
export function readOrder(said: string): Order | null {
  const words = said.trim().toLowerCase().split(" ");
  const order: Order = { word: words[0], relay: 1, code: "" };
  if (order.word !== "open" && order.word !== "close") return null;
  for (let i = 1; i < words.length; i++) {
    const word = words[i];
    for (let j = 0; j < word.length; j++) if (word.charAt(j) < "0" || word.charAt(j) > "9") return null;
    if (word.length === 1 && i === 1) order.relay = Number(word);
    else if (word.length > 1 && i === words.length - 1 && order.word === "open") order.code = word;
    else return null;
  }
  return order;
}
