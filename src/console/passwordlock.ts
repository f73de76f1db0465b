/**
 * The password of the console: at which places it was given, and how long a wrong one delays the next try. Each place
 * at which lines are typed (the serial line, a TCP connection) is logged in by itself; wrong passwords count over all
 * of them and over a restart, at most 115 in any 24 hours. Not here: what the locked console still answers
 * (console.ts).
 */
import type { Store } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import { Record } from "../settings/record.js";
import { Changes } from "../settings/settings.js";

/** After a wrong password the next try counts only after so long; the time doubles with each further wrong one. */
const WAIT_S = 1;
const WAIT_MOST_S = 300;
const DOUBLED_MOST = 9;
/** One wrong password is forgotten after so long: 60 in 24 hours. */
const FADE_MS = 1_440_000;
/** So many wrong passwords may follow one another; after that as many as are forgotten. */
const WRONG_AT_ONCE = 55;
const STORE_KEY = "guard";

// Results of a password.
export const LOGIN_DONE = 0;
export const LOGIN_WRONG = 1;
/** The password was not compared, because the delay after a wrong one is not over. */
export const LOGIN_EARLY = 2;

/** A place at which lines are typed. */
export class Seat {
  /** The password that was given at this place; "": none was. It stops counting when another password is set. */
  given = "";
  /** A certificate that is pasted at this place, see authoritycommands.ts; "" for none. */
  paste = "";
  /** When the last line came, ms. */
  lastMs = 0;
  /** Changes that were set at this place and are not saved. They are lost at logout or when the connection ends. */
  readonly changes = new Changes();
}

export class PasswordLock {
  private readonly record: Record;
  private readonly timers: Timers;
  /** Wrong passwords in a row. */
  private wrong = 0;
  /** Wrong passwords that are not forgotten yet, and the time from which the next one is counted down. */
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
    // It is not known how long the power was off, so the delay begins anew.
    if (this.wrong > 0) this.wait();
  }

  /**
   * Returns whether the place is locked.
   * @param password the one that is set; "": none, so it is never locked @param idleS a login without a line for so
   * long is over; 0: never
   */
  isLocked(seat: Seat, password: string, idleS: number): boolean {
    if (password === "") return false;
    const isIdle = idleS > 0 && this.timers.nowMs - seat.lastMs >= idleS * 1000;
    if (isIdle || seat.given !== password) this.close(seat);
    return seat.given === "";
  }

  /** Logs a place in at which the password was just set. */
  admit(seat: Seat, password: string): void {
    seat.given = password;
    seat.lastMs = this.timers.nowMs;
  }

  close(seat: Seat): void {
    seat.given = "";
    seat.changes.clear();
  }

  /** Tries a password. @returns LOGIN_*; LOGIN_EARLY does not tell whether the password is the right one */
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

  /** @returns seconds until a password is compared again, 0: now */
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
      // A store that fails shortens no delay while the power is on.
    }
  }
}

function countOf(word: string): number {
  const count = Math.floor(Number(word));
  return count > 0 ? Math.min(count, WRONG_AT_ONCE) : 0;
}
