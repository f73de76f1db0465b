/**
 * Guards door codes against guessing. Each code has a count of its own, which only that code clears: five wrong entries in a row
 * lock it for 300 s, then for twice as long each time, up to an hour. Besides, a code is guessed at most `GUESSES_AT_ONCE` times
 * in one go and then once in 24 minutes, whatever was right in between: 115 times in any 24 hours. It counts over calls, callers,
 * ways and restarts, and needs no time of day.
 *
 * After a restart nobody knows how long the power was off. That time counts for nothing: a lock goes on with what was left of it
 * when it was last kept, at most STEP_S before. What has run out is kept as run out.
 * Not here: what a code opens, what counts as one entry, and when a call ends for wrong ones (access.ts).
 */
import type { Store } from "../../hal/device.js";
import { octets } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { crc32, Record } from "../settings/record.js";

/** Wrong entries in a row that lock. */
const TRIES = 5;
const FIRST_LOCK_S = 300;
const LONGEST_LOCK_S = 3600;
/** From here on each lock is as long as the one before. */
const LOCKS_MOST = 5;
/** Guesses fade, and what is left of a lock is kept, once in so long. */
const STEP_S = 240;
/** One guess is forgotten in so many steps: 60 in 24 hours. */
const STEPS_A_GUESS = 6;
/** Guesses in one go. With those that fade meanwhile, 115 in any 24 hours. */
const GUESSES_AT_ONCE = 55;
const STORE_KEY = "lock";
const FORM = "2";
/** In the record: an entry is under way. */
const PENDING = "?";
/** Digits of the tags in the record. */
const TAG_BASE = 36;

/** What is known of one code. */
class Tally {
  /** Stands for the code in the record. */
  readonly tag: string;
  /** Wrong entries in a row since the last right one or the last lock. */
  wrong = 0;
  /** How often it was locked since the last right one. */
  locks = 0;
  /** Guesses that have not faded yet, in steps. */
  steps = 0;
  /** The lock's end, on the core's clock; a time that has passed: there is none. */
  untilMs = 0;

  constructor(tag: string) {
    this.tag = tag;
  }
}

export class CodeLock implements TimerUser {
  private readonly record: Record | null;
  private readonly timers: Timers;
  private readonly timer: number;
  private tallies: Tally[] = [];
  /** When guesses fade next; Infinity while there is none. */
  private stepAtMs = Infinity;
  private isRead = false;
  /** The store took the counts when they were kept last. */
  isKept = true;
  /** An entry is under way that was compared with codes already. */
  private isPending = false;

  /** @param store keeps the counts over a restart, null: nothing does */
  constructor(store: Store | null, timers: Timers) {
    this.record = store === null ? null : new Record(store, STORE_KEY);
    this.timers = timers;
    this.timer = timers.make(this, 0);
  }

  /** Takes the codes there are, each once: what is known of those that were there before stays. Their place here is their number. */
  watch(codes: readonly string[]): void {
    const isFirst = !this.isRead;
    const before = isFirst ? this.read(codes) : this.tallies;
    this.isRead = true;
    this.tallies = [];
    for (let i = 0; i < codes.length; i++) {
      const tag = tagOf(codes[i]);
      let tally = new Tally(tag);
      for (let j = 0; j < before.length; j++) if (before[j].tag === tag) tally = before[j];
      this.tallies.push(tally);
    }
    if (this.isPending && isFirst) this.onCut();
    this.plan();
  }

  /** An entry goes on after it was compared with codes. It is kept as a wrong one, in case the power is cut before its end. */
  expect(): void {
    if (this.isPending) return;
    this.isPending = true;
    this.keep();
  }

  /** @param code its number @returns ms until it is heard again, 0 when it is heard */
  remainingMs(code: number): number {
    const { nowMs } = this.timers;
    const tally = this.tallies[code];
    const lockMs = Math.max(0, tally.untilMs - nowMs);
    const excess = tally.steps - (GUESSES_AT_ONCE - 1) * STEPS_A_GUESS;
    if (excess <= 0) return lockMs;
    return Math.max(lockMs, this.stepAtMs - nowMs + (excess - 1) * STEP_S * 1000);
  }

  /** An entry that was compared with that code was another. To be kept by `keep`. */
  onWrong(code: number): void {
    this.isPending = false;
    const tally = this.tallies[code];
    const { nowMs } = this.timers;
    tally.steps += STEPS_A_GUESS;
    tally.wrong += 1;
    if (this.stepAtMs === Infinity) this.stepAtMs = nowMs + STEP_S * 1000;
    if (tally.wrong < TRIES) return;
    tally.wrong = 0;
    tally.locks = Math.min(LOCKS_MOST, tally.locks + 1);
    tally.untilMs = nowMs + lockS(tally.locks) * 1000;
  }

  /** It was given: what was wrong before is forgotten, but for how many guesses it was. */
  onRight(code: number): void {
    const tally = this.tallies[code];
    if (tally.wrong === 0 && tally.locks === 0 && !this.isPending) return;
    this.isPending = false;
    tally.wrong = 0;
    tally.locks = 0;
    tally.untilMs = 0;
    this.keep();
  }

  /** A lock has run out, or guesses fade. */
  onTimer(): void {
    const { nowMs } = this.timers;
    while (this.stepAtMs <= nowMs) {
      this.stepAtMs += STEP_S * 1000;
      if (!this.fade()) this.stepAtMs = Infinity;
    }
    this.keep();
  }

  /** Keeps the counts, and plans for when they change by themselves. */
  keep(): void {
    this.plan();
    if (this.record === null) return;
    const { nowMs } = this.timers;
    let out = FORM;
    for (let i = 0; i < this.tallies.length; i++) {
      const { tag, wrong, locks, steps, untilMs } = this.tallies[i];
      // Whoever has none has nothing else.
      if (steps === 0) continue;
      const leftS = Math.ceil(Math.max(0, untilMs - nowMs) / 1000);
      out += " " + tag + ":" + wrong + ":" + locks + ":" + steps + ":" + leftS;
    }
    if (this.isPending) out += " " + PENDING;
    try {
      // Also in the place of a newer firmware's: guesses must count.
      this.record.write(out, true);
      this.isKept = true;
    } catch {
      // A store that fails takes nothing from the lock while the power is on.
      this.isKept = false;
    }
  }

  /** A code that nobody guessed at for long enough is as new. @returns whether there are guesses left */
  private fade(): boolean {
    let isAny = false;
    for (let i = 0; i < this.tallies.length; i++) {
      const tally = this.tallies[i];
      if (tally.steps === 0) continue;
      tally.steps -= 1;
      if (tally.steps > 0) isAny = true;
      else tally.wrong = tally.locks = 0;
    }
    return isAny;
  }

  /** The power was cut in an entry: it counts at all codes that were heard. */
  private onCut(): void {
    for (let i = 0; i < this.tallies.length; i++) if (this.remainingMs(i) === 0) this.onWrong(i);
    this.isPending = false;
    this.keep();
  }

  private plan(): void {
    const { nowMs } = this.timers;
    let nextMs = this.stepAtMs;
    for (let i = 0; i < this.tallies.length; i++) {
      const { untilMs } = this.tallies[i];
      if (untilMs > nowMs && untilMs < nextMs) nextMs = untilMs;
    }
    if (nextMs === Infinity) this.timers.stop(this.timer);
    else this.timers.startAt(this.timer, nextMs);
  }

  /** @returns what was kept; of the form before, one count for all codes there are */
  private read(codes: readonly string[]): Tally[] {
    const found: Tally[] = [];
    const kept = this.record === null ? null : this.record.read();
    if (kept === null) return found;
    const words = kept.split(" ");
    if (words[0] === FORM) {
      for (let i = 1; i < words.length; i++) {
        const [tag, wrong, locks, steps, leftS] = words[i].split(":");
        if (tag === PENDING) this.isPending = true;
        else found.push(this.tallyOf(tag, wrong, locks, steps, leftS));
      }
    } else if (words.length === 3) {
      const leftS = words[2] === "locked" ? lockS(countOf(words[1], LOCKS_MOST)) : 0;
      const steps = (countOf(words[0], TRIES) + TRIES * countOf(words[1], TRIES)) * STEPS_A_GUESS;
      for (let i = 0; i < codes.length; i++)
        found.push(this.tallyOf(tagOf(codes[i]), words[0], words[1], "" + steps, "" + leftS));
    }
    if (found.length > 0) this.stepAtMs = this.timers.nowMs + STEP_S * 1000;
    return found;
  }

  private tallyOf(tag: string, wrong: string, locks: string, steps: string, leftS: string): Tally {
    const tally = new Tally(tag);
    tally.steps = countOf(steps, (GUESSES_AT_ONCE + 1) * STEPS_A_GUESS);
    if (tally.steps === 0) return tally;
    tally.wrong = countOf(wrong, TRIES);
    tally.locks = countOf(locks, LOCKS_MOST);
    tally.untilMs = this.timers.nowMs + countOf(leftS, LONGEST_LOCK_S) * 1000;
    return tally;
  }
}

/** @returns for how many seconds the lock of that number holds */
function lockS(locks: number): number {
  return Math.min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** Math.max(0, locks - 1));
}

function countOf(word: string, most: number): number {
  const count = Number(word);
  return count > 0 ? Math.min(Math.floor(count), most) : 0;
}

/** Five characters at most: the record of sixteen codes has to fit into flash. */
function tagOf(code: string): string {
  return (crc32(octets(code)) >>> 8).toString(TAG_BASE);
}
