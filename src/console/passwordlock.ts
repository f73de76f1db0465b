/**
 * The password of the console: who has given it, and how long a wrong one makes the next wait. Each place at which lines are typed (the
 * serial line, a TCP connection) is logged in by itself; wrong passwords count over all of them and over a restart, at most 115 in any
 * 24 hours. Not here: what the locked console still answers (console.ts).
 */
import type { Store } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import { Record } from "../settings/record.js";
import { Changes } from "../settings/settings.js";

/** After a wrong password the next try counts only so much later, and twice that after each that follows. */
const WAIT_S = 1;
const WAIT_MOST_S = 300;
const DOUBLED_MOST = 9;
/** One wrong password is forgotten in so long: 60 in 24 hours. */
const FADE_MS = 1_440_000;
/** Wrong passwords in one go; from then on as many as fade. */
const WRONG_AT_ONCE = 55;
const STORE_KEY = "guard";

// What a password brought.
export const LOGIN_DONE = 0;
export const LOGIN_WRONG = 1;
/** It was not looked at: a wrong one before makes it wait. */
export const LOGIN_EARLY = 2;

/** A place at which lines are typed. */
export class Seat {
  /** The password that was given here; "" while none was. Once another is set it counts no more. */
  given = "";
  /** When a line came last. */
  lastMs = 0;
  /** What was set here and is not saved: it goes with the login, or with the connection. */
  readonly changes = new Changes();
}

export class PasswordLock {
  private readonly record: Record;
  private readonly timers: Timers;
  /** Wrong ones in a row. */
  private wrong = 0;
  /** Wrong ones that have not faded yet, and since when the next one fades. */
  private recent = 0;
  private fadeFromMs = 0;
  private untilMs = 0;

  constructor(store: Store, timers: Timers) {
    this.record = new Record(store, STORE_KEY);
    this.timers = timers;
    const kept = this.record.read();
    if (kept === null) return;
    const words = kept.split(" ");
    this.fadeFromMs = timers.nowMs;
    this.wrong = countOf(words[0]);
    this.recent = countOf(words[1]);
    // How long the power was off is not known: the wait begins anew.
    if (this.wrong > 0) this.wait();
  }

  /** @param password the one that is set; empty: none, never locked @param idleS a login without a line for so long is over, 0: never */
  isLocked(seat: Seat, password: string, idleS: number): boolean {
    if (password === "") return false;
    const isIdle = idleS > 0 && this.timers.nowMs - seat.lastMs >= idleS * 1000;
    if (isIdle || seat.given !== password) this.close(seat);
    return seat.given === "";
  }

  /** Whoever sets a password is in. */
  admit(seat: Seat, password: string): void {
    seat.given = password;
    seat.lastMs = this.timers.nowMs;
  }

  close(seat: Seat): void {
    seat.given = "";
    seat.changes.clear();
  }

  /** @returns LOGIN_*; while it is early nobody learns whether the password is the right one */
  open(seat: Seat, password: string, given: string): number {
    if (password === "") return LOGIN_DONE;
    if (this.waitS() > 0) return LOGIN_EARLY;
    if (given !== password) {
      if (this.recent === 0) this.fadeFromMs = this.timers.nowMs;
      this.wrong = Math.min(WRONG_AT_ONCE, this.wrong + 1);
      this.recent += 1;
      this.wait();
      this.keep();
      return LOGIN_WRONG;
    }
    this.admit(seat, password);
    if (this.wrong > 0) {
      this.wrong = 0;
      this.keep();
    }
    return LOGIN_DONE;
  }

  /** @returns seconds until a password is looked at, 0: now */
  waitS(): number {
    const { nowMs } = this.timers;
    while (this.recent > 0 && nowMs - this.fadeFromMs >= FADE_MS) {
      this.fadeFromMs += FADE_MS;
      this.recent -= 1;
    }
    const fadeMs = this.recent < WRONG_AT_ONCE ? 0 : this.fadeFromMs + FADE_MS - nowMs;
    return Math.ceil(Math.max(0, this.untilMs - nowMs, fadeMs) / 1000);
  }

  private wait(): void {
    const waitS = Math.min(WAIT_MOST_S, WAIT_S * 2 ** Math.min(DOUBLED_MOST, this.wrong - 1));
    this.untilMs = this.timers.nowMs + waitS * 1000;
  }

  private keep(): void {
    try {
      this.record.write(this.wrong + " " + this.recent, true);
    } catch {
      // A store that fails takes nothing from the wait while the power is on.
    }
  }
}

function countOf(word: string): number {
  const count = Math.floor(Number(word));
  return count > 0 ? Math.min(count, WRONG_AT_ONCE) : 0;
}
