/**
 * Guards door codes against guessing: after a few wrong ones in a row no code is heard for a while, each time for longer. It
 * counts over calls, callers and kinds of DTMF, and over a restart. Not here: what a code opens, and when a call ends for wrong ones.
 */
import type { Store } from "../../hal/device.js";
import { Record } from "./record.js";

/** Wrong codes in a row that lock. */
const TRIES = 5;
const FIRST_LOCK_S = 300;
const LONGEST_LOCK_S = 3600;
const STORE_KEY = "lock";

export class CodeLock {
  private readonly record: Record | null;
  /** Wrong codes since the last right one or the last lock. */
  private wrong = 0;
  /** How often it was locked since the last right code. */
  private locks = 0;
  private untilMs = 0;

  /** @param store keeps the count over a restart, null: nothing does @param nowMs a lock that was on begins anew, for the time it was off is not known */
  constructor(store: Store | null, nowMs: number) {
    this.record = store === null ? null : new Record(store, STORE_KEY);
    const kept = this.record === null ? null : this.record.read();
    const words = kept === null ? [] : kept.split(" ");
    if (words.length !== 3) return;
    this.wrong = Number(words[0]);
    this.locks = Number(words[1]);
    if (words[2] === "locked") this.untilMs = nowMs + this.lockS() * 1000;
  }

  /** @returns ms until codes are heard again, 0 when they are heard */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.untilMs - nowMs);
  }

  /** A wrong code. @returns for how many seconds codes are locked now, 0: not yet */
  onWrong(nowMs: number): number {
    this.wrong += 1;
    if (this.wrong < TRIES) {
      this.keep(false);
      return 0;
    }
    this.wrong = 0;
    this.locks += 1;
    this.untilMs = nowMs + this.lockS() * 1000;
    this.keep(true);
    return this.lockS();
  }

  /** The right code: all is forgotten. */
  onRight(): void {
    if (this.wrong === 0 && this.locks === 0) return;
    this.wrong = 0;
    this.locks = 0;
    this.untilMs = 0;
    this.keep(false);
  }

  private lockS(): number {
    return Math.min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** Math.min(10, this.locks - 1));
  }

  private keep(isLocked: boolean): void {
    if (this.record === null) return;
    try {
      this.record.write(this.wrong + " " + this.locks + " " + (isLocked ? "locked" : "open"));
    } catch {
      // A store that fails takes nothing from the lock while the power is on.
    }
  }
}
