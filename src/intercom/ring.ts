/**
 * Rings a plan: the targets of a group are called together, as many at once as there are calls; when no target of a
 * group is left the next group follows. The first to answer has the call, and the others are told so. When nothing at
 * all comes back from a plan's targets, the fallback rings in their place.
 * Not here: what a plan looks like (ringplan.ts), when ringing begins, and what a person is told of it (door.ts).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import { CAUSE_LOCAL, CAUSE_NETWORK, CAUSE_TIMEOUT, CAUSE_UNKNOWN_NAME } from "../dialog/cause.js";
import { SESSION_CALLING } from "../dialog/sessionstate.js";
import { type Plan, planOf } from "../settings/ringplan.js";
import { CALL_CALLING, CALL_CONFIRMED, CALL_ENDED, CALL_HELD, type Call } from "../ua/call.js";
import type { UserAgent } from "../ua/useragent.js";

// RING_*: what a change of a call means.
/** The call does not belong to the ring. */
export const RING_NOTHING = 0;
/** The change concerns that call alone: others ring or follow. */
export const RING_BRANCH = 1;
/** The change concerns the visitor's call as a whole. */
export const RING_WHOLE = 2;

const TIMER_NEXT = 0;
const TIMER_FALLBACK = 1;
export const RING_TIMERS = 2;

export const FALLBACK_TIME_MS = 30_000;
// Waits while there is no room; together as long as a transaction may take to end.
const RETRY_MS = 100;
const RETRIES = 320;

export interface RingUser {
  /** All targets were tried, and none of the last ones could be called at all. @param error one line why */
  onRingEnded(error: string): void;
  /**
   * The ring was given up while no target rang: between two of them, or while it waited for room.
   * @param wasTold a call was told before
   */
  onRingStopped(wasTold: boolean): void;
}

export class Ring implements TimerUser {
  /** Returns whether a target rings or will ring, and none has answered yet. */
  isOn = false;
  /** Whether there is more than one target to call. */
  isPlural = false;
  private readonly ua: UserAgent;
  private readonly timers: Timers;
  private readonly user: RingUser;
  private readonly branches: (Call | null)[] = [];
  private readonly nextTimer: number;
  private readonly fallbackTimer: number;
  private plan: Plan | null = null;
  private fallback = "";
  /** The call that was answered, until it ends. */
  private winner: Call | null = null;
  /** Index of the target that is called next. */
  private next = 0;
  /** The furthest CALL_* that was told for the visitor's call as a whole. */
  private shown = 0;
  /** Whether a call is being made, so that the next state that comes is its first. */
  private isMaking = false;
  /** Whether a target, or the server before it, has answered anything. */
  private isReached = false;
  private isStopping = false;
  /** Whether room is expected: the first calls are being made, or others were given up just now. */
  private mayWait = false;
  private retries = 0;
  /** When calls were last given up, ms. */
  private givenUpMs = -Infinity;
  /** Whether the targets are given up to make room for the fallback. */
  private isYielding = false;
  /** Whether somebody whom the ring did not call has taken the visitor's call. */
  private isTaken = false;

  constructor(ua: UserAgent, timers: Timers, user: RingUser) {
    this.ua = ua;
    this.timers = timers;
    this.user = user;
    for (let i = 0; i < ua.calls.length; i++) this.branches.push(null);
    this.nextTimer = timers.make(this, TIMER_NEXT);
    this.fallbackTimer = timers.make(this, TIMER_FALLBACK);
  }

  /**
   * Begins to ring. @param plan kept until the ringing ends @param fallback whom to call when no target is reached, ""
   * nobody
   * @param silenceMs how long to wait for any response of a target before the fallback rings
   * @returns "" or why nobody can be called
   */
  startRinging(plan: Plan, fallback: string, silenceMs: number): string {
    this.plan = plan;
    this.fallback = fallback;
    this.winner = null;
    this.next = 0;
    this.shown = 0;
    this.isOn = true;
    this.isPlural = plan.targets.length > 1 || fallback !== "";
    this.isReached = false;
    this.isStopping = this.isTaken = false;
    this.timers.stop(this.nextTimer);
    this.timers.stop(this.fallbackTimer);
    if (fallback !== "") this.timers.start(this.fallbackTimer, silenceMs);
    this.mayWait = this.timers.nowMs - this.givenUpMs < RETRIES * RETRY_MS;
    this.retries = RETRIES;
    const error = this.advance();
    this.mayWait = true;
    return this.isOn ? "" : error;
  }

  /** Gives up all calls that ring, and those that would follow. */
  stop(): void {
    if (!this.isOn) return;
    this.giveUp();
    if (!this.isOn || this.first() !== null) return;
    // No call ends by this, so no call's end tells it.
    const wasTold = this.shown > 0;
    this.finish();
    this.user.onRingStopped(wasTold);
  }

  private giveUp(): void {
    this.isStopping = true;
    this.timers.stop(this.nextTimer);
    this.timers.stop(this.fallbackTimer);
    this.endBranches(false);
  }

  /** Ends the other calls because somebody answered. Call it after the answer was told. */
  dismiss(): void {
    if (this.winner !== null) this.endBranches(true);
  }

  /** Ends the ring because somebody whom it does not call has taken the visitor's call. */
  pickUp(): void {
    if (!this.isOn) return;
    this.isTaken = true;
    this.finish();
    this.endBranches(true);
  }

  /** Ends one call to make room for a phone that takes its place; the others ring on. */
  drop(call: Call): void {
    this.isYielding = this.isTaken = true;
    this.ua.cancelFor(call);
    this.isYielding = this.isTaken = false;
  }

  /** @returns whether somebody answered and still talks */
  isAnswered(): boolean {
    return this.winner !== null || this.isTaken;
  }

  /** Takes each change of a call. @param cause CAUSE_* when it ended @returns RING_* */
  note(call: Call, cause: number): number {
    const at = this.placeOf(call);
    if (at < 0) return RING_NOTHING;
    switch (call.state) {
      case CALL_ENDED:
        this.branches[at] = null;
        return this.noteEnd(call, cause);
      case CALL_CONFIRMED:
        if (this.winner === null) {
          this.winner = call;
          this.finish();
        }
        return RING_WHOLE;
      case CALL_HELD:
        return RING_WHOLE;
      default:
        if (call.state > CALL_CALLING) this.isReached = true;
        if (call.state <= this.shown) return RING_BRANCH;
        this.shown = call.state;
        return RING_WHOLE;
    }
  }

  onTimer(kind: number): void {
    if (!this.isOn || this.isStopping) return;
    if (kind === TIMER_NEXT) {
      const error = this.advance();
      if (!this.isOn) this.user.onRingEnded(error);
    } else if (!this.isHeard()) {
      // The server does not answer, and the visitor should not wait for the end of the transactions.
      this.takeFallback();
      this.isYielding = true;
      this.endBranches(false);
      this.isYielding = false;
    }
  }

  private noteEnd(call: Call, cause: number): number {
    if (call === this.winner) {
      this.winner = null;
      return RING_WHOLE;
    }
    if (!this.isOn) return RING_BRANCH;
    if (cause === CAUSE_LOCAL && !this.isYielding && !this.isStopping) {
      this.giveUp();
      // The last of the other calls has told it already.
      if (!this.isOn) return RING_BRANCH;
    } else if (
      cause !== CAUSE_LOCAL &&
      cause !== CAUSE_TIMEOUT &&
      cause !== CAUSE_NETWORK &&
      cause !== CAUSE_UNKNOWN_NAME
    )
      this.isReached = true;
    const isLast = this.first() === null;
    if (isLast && (this.isStopping || !this.hasMore())) {
      this.finish();
      return RING_WHOLE;
    }
    // The next call starts by a timer, because the call that ends is still in use by its caller.
    if (!this.isStopping) this.timers.start(this.nextTimer, 0);
    return RING_BRANCH;
  }

  /**
   * Calls all targets that can be called now, and goes to the next group when none of this one rings.
   * @returns the last error; nothing rings any more when `isOn` is false
   */
  private advance(): string {
    let error = "";
    for (;;) {
      const plan = this.plan;
      if (plan === null) return error;
      const first = this.first();
      if (first === null && !this.hasMore()) {
        this.finish();
        return error;
      }
      if (this.next === plan.targets.length) {
        if (first !== null) return error;
        this.takeFallback();
        continue;
      }
      const group = plan.groups[this.next];
      const isSameGroup = first === null || (this.next > 0 && plan.groups[this.next - 1] === group);
      if (!isSameGroup || !this.hasRoom()) return error;
      const timeMs = this.branchTimeMs(plan, group);
      const target = plan.targets[this.next++];
      this.isMaking = true;
      const call = this.ua.call(target, first, plan.direct[this.next - 1]);
      this.isMaking = false;
      if (call !== null) call.limit(timeMs);
      else {
        error = this.ua.error;
        if (!this.ua.isFull || !this.mayWait || this.retries === 0) continue;
        // The transactions of calls that were given up just now are not over yet, so this waits for room.
        this.next -= 1;
        this.retries -= 1;
        this.timers.start(this.nextTimer, RETRY_MS);
        return error;
      }
    }
  }

  /**
   * Returns how long a call rings: a group that is larger than what can ring at once rings in parts, each for its part
   * of the time.
   */
  private branchTimeMs(plan: Plan, group: number): number {
    let size = 0;
    for (let i = 0; i < plan.groups.length; i++) if (plan.groups[i] === group) size += 1;
    return Math.floor(plan.timesMs[group] / Math.ceil(size / this.branches.length));
  }

  private hasMore(): boolean {
    return (this.plan !== null && this.next < this.plan.targets.length) || (this.fallback !== "" && !this.isReached);
  }

  private takeFallback(): void {
    // The fallback goes past the proxy, since that may be what does not answer.
    this.plan = planOf(this.fallback, FALLBACK_TIME_MS, true);
    this.fallback = "";
    this.next = 0;
  }

  private isHeard(): boolean {
    let heard = this.isReached;
    for (let i = 0; i < this.branches.length; i++) {
      const branch = this.branches[i];
      if (branch !== null && branch.session.state !== SESSION_CALLING) heard = true;
    }
    return heard;
  }

  private endBranches(isAnswered: boolean): void {
    this.givenUpMs = this.timers.nowMs;
    for (let i = 0; i < this.branches.length; i++) {
      const branch = this.branches[i];
      if (branch === null || branch === this.winner) continue;
      if (isAnswered) this.ua.cancelFor(branch);
      else this.ua.hangUp(branch);
    }
  }

  private finish(): void {
    this.isOn = false;
    this.plan = null;
    this.timers.stop(this.nextTimer);
    this.timers.stop(this.fallbackTimer);
  }

  private hasRoom(): boolean {
    for (let i = 0; i < this.branches.length; i++) if (!this.ua.isActive(this.ua.calls[i])) return true;
    return false;
  }

  /** @returns a call that rings, null when none does */
  private first(): Call | null {
    for (let i = 0; i < this.branches.length; i++) if (this.branches[i] !== null) return this.branches[i];
    return null;
  }

  /** @returns -1 for a call that is not the ring's */
  private placeOf(call: Call): number {
    for (let i = 0; i < this.branches.length; i++) if (this.branches[i] === call) return i;
    for (let i = 0; this.isMaking && i < this.branches.length; i++) {
      if (this.branches[i] !== null) continue;
      this.branches[i] = call;
      return i;
    }
    return -1;
  }
}
