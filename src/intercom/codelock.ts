/**
 * Guards door codes against guessing. Each code has a count of its own, which only that code clears: five wrong entries
 * in a row lock it for 300 s, then for twice as long each time, up to an hour. Besides, a code is guessed at most
 * `GUESSES_AT_ONCE` times in a row and then once in 24 minutes, whatever was right in between: 115 times in any 24
 * hours. It counts over calls, callers, ways and restarts, and needs no time of day.
 *
 * People's codes are many, and every wrong entry is a guess at each of them. So they share one count, but for the few
 * who gave their own code since: those have counts of their own, as if all had. When there are too many of them, the
 * one who came first is back under the common count, which is never lower.
 *
 * After a restart it is not known how long the power was off. That time counts for nothing: a lock goes on with what
 * was left of it when it was last kept, at most STEP_S before. A lock that has run out is kept as run out.
 *
 * Flash is written at each guess, also in a call, since a lock that a power cut lifts is none: at most 115 times in 24
 * hours. While guesses are forgotten it is written once in STEP_S, but in a call that waits for its end, because
 * erasing flash stops the sound; until then a power cut makes a lock longer, never shorter.
 * Not here: what a code opens, what counts as one entry, and when a call ends for wrong ones (access.ts).
 */
import type { Store } from "../../hal/device.js";
import { utf8 } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { crc32, Record } from "../settings/record.js";

/** So many wrong entries in a row lock a code. */
const TRIES = 5;
const FIRST_LOCK_S = 300;
const LONGEST_LOCK_S = 3600;
/** From this lock on each is as long as the one before. */
const LOCKS_MOST = 5;
/** Once in so long, s, guesses are forgotten and the rest of a lock is kept. */
const STEP_S = 240;
/** One guess is forgotten after so many steps: 60 in 24 hours. */
const STEPS_A_GUESS = 6;
/**
 * So many guesses may follow one another. With those that are forgotten meanwhile, 115 are possible in any 24 hours.
 */
const GUESSES_AT_ONCE = 55;
const STORE_KEY = "lock";
const FORM = "2";
/** Mark in the record: an entry is under way. */
const PENDING = "?";
/** The tag of the count of unknown cards. */
const CARDS_TAG = "cards";
/** The tag of the count that people share, and what begins that of one person's own. */
const PEOPLE_TAG = "people";
const PERSON_TAG = "p-";
/** So many people have counts of their own. */
const OWN_MOST = 8;
/** Digits of the tags in the record. */
const TAG_BASE = 36;

/** The counts of one code. */
class Tally {
  /** The tag that stands for the code in the record. */
  readonly tag: string;
  /** Wrong entries in a row since the last right one or the last lock. */
  wrong = 0;
  /** How often it was locked since the last right entry. */
  locks = 0;
  /** Guesses that are not forgotten yet, in steps. */
  steps = 0;
  /** The end of the lock, on the core's clock, ms; a time that has passed means that there is no lock. */
  untilMs = 0;

  constructor(tag: string) {
    this.tag = tag;
  }
}

/** Says when flash may be written without disturbing sound. */
export interface CodeLockUser {
  isInCall?(): boolean;
}

export const CODE_LOCK_TIMERS = 1;

export class CodeLock implements TimerUser {
  private readonly record: Record | null;
  private readonly timers: Timers;
  private readonly timer: number;
  private readonly user: CodeLockUser;
  /** What was forgotten in a call is kept after it. */
  private isKeepDue = false;
  private tallies: Tally[] = [];
  /** The number of the count that people share, -1 while there are none; those of single people follow it. */
  private people = -1;
  /** When guesses are forgotten next, ms; Infinity while there are none. */
  private stepAtMs = Infinity;
  private isRead = false;
  /** Whether the store took the counts when they were kept last. */
  isKept = true;
  /** Whether an entry is under way that was compared with codes already. */
  private isPending = false;

  /** @param store keeps the counts over a restart; null: they are lost at a restart */
  constructor(store: Store | null, timers: Timers, user: CodeLockUser = {}) {
    this.user = user;
    this.record = store === null ? null : new Record(store, STORE_KEY);
    this.timers = timers;
    this.timer = timers.make(this, 0);
  }

  /**
   * Takes the codes, each once. The counts of codes that were there before stay. The index of a code here is its
   * number.
   * @param hasPeople whether people have codes or cards too
   */
  watch(codes: readonly string[], hasPeople = false): void {
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
    this.people = hasPeople ? codes.length + 1 : -1;
    if (hasPeople) this.watchPeople(before);
    if (this.isPending && isFirst) this.onCut();
    this.plan();
  }

  private watchPeople(before: readonly Tally[]): void {
    this.tallies.push(new Tally(CARDS_TAG), new Tally(PEOPLE_TAG));
    for (let i = 0; i < before.length; i++) {
      if (before[i].tag === CARDS_TAG) this.tallies[this.cards] = before[i];
      else if (before[i].tag === PEOPLE_TAG) this.tallies[this.people] = before[i];
      else if (before[i].tag.slice(0, PERSON_TAG.length) === PERSON_TAG && before[i].steps > 0)
        this.tallies.push(before[i]);
    }
  }

  /** How many counts there are: an entry that was compared with all codes is a guess at each. */
  get count(): number {
    return this.tallies.length;
  }

  /** The number of the count of cards, -1 while there are no people. */
  get cards(): number {
    return this.people < 0 ? -1 : this.people - 1;
  }

  /** The number of the first count of people's codes; `count` when there is none. */
  get firstOfPeople(): number {
    return this.people < 0 ? this.tallies.length : this.people;
  }

  /** @param place of the person @returns the number of the count that holds for that person's codes */
  numberOf(place: number): number {
    const tag = PERSON_TAG + place.toString(TAG_BASE);
    for (let i = this.people + 1; i < this.tallies.length; i++) if (this.tallies[i].tag === tag) return i;
    return this.people;
  }

  /** A person gave the right code: as `onRight`, for that person alone. */
  onRightOf(place: number): void {
    let number = this.numberOf(place);
    const common = this.tallies[this.people];
    if (number === this.people && (common.wrong > 0 || common.locks > 0)) {
      const own = new Tally(PERSON_TAG + place.toString(TAG_BASE));
      own.steps = common.steps;
      own.wrong = common.wrong;
      own.locks = common.locks;
      if (this.tallies.length - this.people > OWN_MOST) this.tallies.splice(this.people + 1, 1);
      number = this.tallies.push(own) - 1;
    }
    this.onRight(number);
  }

  /** A right code was refused for another reason: it is no guess, and clears no count. */
  onRefused(): void {
    if (!this.isPending) return;
    this.isPending = false;
    this.keep();
  }

  /**
   * An entry goes on after it was compared with codes. It is kept as a wrong one in case the power is cut before its
   * end.
   */
  expect(): void {
    if (this.isPending) return;
    this.isPending = true;
    this.keep();
  }

  /** @param code its number @returns ms until its lock ends, 0 when it is not locked */
  remainingMs(code: number): number {
    const { nowMs } = this.timers;
    const tally = this.tallies[code];
    const lockMs = Math.max(0, tally.untilMs - nowMs);
    const excess = tally.steps - (GUESSES_AT_ONCE - 1) * STEPS_A_GUESS;
    if (excess <= 0) return lockMs;
    return Math.max(lockMs, this.stepAtMs - nowMs + (excess - 1) * STEP_S * 1000);
  }

  /** Counts an entry that was compared with that code and was wrong. `keep` has to follow. */
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

  /** The code was given: wrong entries and locks before are forgotten, but the number of guesses is not. */
  onRight(code: number): void {
    const tally = this.tallies[code];
    if (tally.wrong === 0 && tally.locks === 0 && !this.isPending) return;
    this.isPending = false;
    tally.wrong = 0;
    tally.locks = 0;
    tally.untilMs = 0;
    this.keep();
  }

  /** A lock has run out, or guesses are to be forgotten. */
  onTimer(): void {
    const { nowMs } = this.timers;
    while (this.stepAtMs <= nowMs) {
      this.stepAtMs += STEP_S * 1000;
      if (!this.fade()) this.stepAtMs = Infinity;
    }
    // Writing flash stops the sound, and a power cut before it is kept only makes a lock longer.
    this.isKeepDue = this.user.isInCall?.() === true;
    if (this.isKeepDue) this.plan();
    else this.keep();
  }

  /** A call is over: keeps what was put off. */
  onCallEnded(): void {
    if (this.isKeepDue) this.keep();
  }

  /** Keeps the counts, and sets the timer for when they change by themselves. */
  keep(): void {
    this.isKeepDue = false;
    this.plan();
    if (this.record === null) return;
    const { nowMs } = this.timers;
    let out = FORM;
    for (let i = 0; i < this.tallies.length; i++) {
      const { tag, wrong, locks, steps, untilMs } = this.tallies[i];
      // A code without guesses has no other counts either.
      if (steps === 0) continue;
      const leftS = Math.ceil(Math.max(0, untilMs - nowMs) / 1000);
      out += " " + tag + ":" + wrong + ":" + locks + ":" + steps + ":" + leftS;
    }
    if (this.isPending) out += " " + PENDING;
    try {
      // This replaces also what a newer firmware kept, because guesses must count.
      this.record.write(out, true);
      this.isKept = true;
    } catch {
      // A store that fails shortens no lock while the power is on.
      this.isKept = false;
    }
  }

  /** Forgets guesses; a code without guesses left is as new. @returns whether there are guesses left */
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

  /** The power was cut during an entry: it counts as a guess at all codes that were not locked. */
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

  /** @returns the counts that were kept; the older form had one count, which then holds for all codes */
  private read(codes: readonly string[]): Tally[] {
    const found: Tally[] = [];
    const kept = this.record === null ? null : this.record.read();
    if (kept === null) return found;
    const words = kept.split(" ");
    if (words[0] === FORM) {
      for (let i = 1; i < words.length; i++) {
        const counts = words[i].split(":");
        if (counts[0] === PENDING) this.isPending = true;
        else found.push(this.tallyOf(counts));
      }
    } else if (words.length === 3) {
      const leftS = words[2] === "locked" ? lockS(countOf(words[1], LOCKS_MOST)) : 0;
      const steps = (countOf(words[0], TRIES) + TRIES * countOf(words[1], TRIES)) * STEPS_A_GUESS;
      for (let i = 0; i < codes.length; i++)
        found.push(this.tallyOf([tagOf(codes[i]), words[0], words[1], "" + steps, "" + leftS]));
    }
    if (found.length > 0) this.stepAtMs = this.timers.nowMs + STEP_S * 1000;
    return found;
  }

  /** @param counts the tag of a code and its counts, as they stand in the record */
  private tallyOf(counts: readonly string[]): Tally {
    const [tag, wrong, locks, steps, leftS] = counts;
    const tally = new Tally(tag);
    tally.steps = countOf(steps, (GUESSES_AT_ONCE + 1) * STEPS_A_GUESS);
    if (tally.steps === 0) return tally;
    tally.wrong = countOf(wrong, TRIES);
    tally.locks = countOf(locks, LOCKS_MOST);
    tally.untilMs = this.timers.nowMs + countOf(leftS, LONGEST_LOCK_S) * 1000;
    return tally;
  }
}

/** @returns how many seconds the lock of that number lasts */
function lockS(locks: number): number {
  return Math.min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** Math.max(0, locks - 1));
}

function countOf(word: string, most: number): number {
  const count = Number(word);
  return count > 0 ? Math.min(Math.floor(count), most) : 0;
}

/** Writes a number in five characters at most, since the record of sixteen codes has to fit into flash. */
function tagOf(code: string): string {
  return (crc32(utf8(code)) >>> 8).toString(TAG_BASE);
}
