/**
 * The times of a call: when one that rings here is answered automatically, when its talk time ends, with a warning
 * before, and when it ends because the door was opened in it. Not here: ring time (the user agent), and a call without
 * sound (its media).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import type { Settings } from "../settings/settings.js";

const TIMER_ANSWER = 0;
const TIMER_TALK = 1;
const TIMER_LEAVE = 2;
export const TALK_TIMERS = 3;

/** The warning comes so long before the end of the talk time. */
const WARNING_MS = 10_000;
/** The call lasts so long after the door was opened in it. */
const LEAVE_MS = 2000;

export interface TalkTimeUser {
  /** The time to answer has come. */
  onAnswerTime(): void;
  /** The talk time is over in 10 s. */
  onTalkEnding(): void;
  /** The call is to end. @param reason for the log */
  onTalkOver(reason: string): void;
}

export class TalkTime implements TimerUser {
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly user: TalkTimeUser;
  private readonly answerTimer: number;
  private readonly talkTimer: number;
  private readonly leaveTimer: number;
  private isWarned = false;

  constructor(settings: Settings, timers: Timers, user: TalkTimeUser) {
    this.settings = settings;
    this.timers = timers;
    this.user = user;
    this.answerTimer = timers.make(this, TIMER_ANSWER);
    this.talkTimer = timers.make(this, TIMER_TALK);
    this.leaveTimer = timers.make(this, TIMER_LEAVE);
  }

  answerIn(seconds: number): void {
    this.timers.start(this.answerTimer, seconds * 1000);
  }

  /** The call was answered. */
  startTalk(): void {
    this.timers.stop(this.answerTimer);
    const talkMs = this.settings.get("call.talkTime") * 1000;
    this.isWarned = talkMs <= WARNING_MS;
    if (talkMs > 0) this.timers.start(this.talkTimer, this.isWarned ? talkMs : talkMs - WARNING_MS);
  }

  /** The door was opened in the call. */
  leave(): void {
    if (this.settings.get("call.hangUpOnOpen")) this.timers.start(this.leaveTimer, LEAVE_MS);
  }

  /** The call is over. */
  stop(): void {
    this.timers.stop(this.answerTimer);
    this.timers.stop(this.talkTimer);
    this.timers.stop(this.leaveTimer);
  }

  onTimer(kind: number): void {
    if (kind === TIMER_ANSWER) this.user.onAnswerTime();
    else if (kind === TIMER_LEAVE) this.user.onTalkOver("the door was opened");
    else if (this.isWarned) this.user.onTalkOver("the talk time is over");
    else {
      this.isWarned = true;
      this.timers.start(this.talkTimer, WARNING_MS);
      this.user.onTalkEnding();
    }
  }
}
